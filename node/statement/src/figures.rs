//! The figures of a statement: all that it shows and that its proof establishes. Every form of a statement is written
//! from these and read back to these.

use std::fmt;
use std::str::{Chars, FromStr};

use quorate_crypto::{Address, Digest, Height};
use quorate_ledger::{
    Amount, AssetCode, HistoryOwner, Timestamp, format_amount, parse_exact_amount, parse_time,
};
use quorate_verifier::HeadFacts;

use crate::statement::Names;

/// What a statement shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Whose statement it is, over which time, as of which block.
    pub about: About,
    /// The balances of each asset that occurs, ascending by code.
    pub balances: Vec<Balances>,
    /// What was booked, in the order of execution.
    pub lines: Vec<Line>,
}

/// What a whole statement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// An account, or an asset whose supply it is about.
    pub owner: HistoryOwner,
    /// The network's id.
    pub network: Digest,
    /// The range's beginning, in milliseconds since 1970.
    pub from: Timestamp,
    /// The range's end, which is not part of it.
    pub to: Timestamp,
    /// `None`: the range is complete. Else it is complete up to this time, that included, and no further.
    pub complete_up_to: Option<Timestamp>,
    /// The block as of which all this is proven.
    pub head: HeadFacts,
    /// True if no transaction of the owner is before the range: the opening balances are those of genesis.
    pub opening_is_of_genesis: bool,
    /// Transactions of the owner in the range, those that failed included.
    pub transactions: u64,
    /// How many of them failed, and so changed nothing: they have no line.
    pub failed: u64,
}

/// The balances of one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balances {
    /// The asset.
    pub asset: AssetCode,
    /// Digits after the decimal point, 0 to 18. `None`: nothing proves how many, and amounts are in smallest units.
    pub decimals: Option<u8>,
    /// Before the first line. `None`: not there; only in what was read.
    pub opening: Option<Balance>,
    /// After the last line. `None`: not there; only in what was read.
    pub closing: Option<Balance>,
}

/// What somebody has of one asset, in smallest units. Of an asset its supply stands as free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// What can be spent.
    pub free: Amount,
    /// What open holds have set apart.
    pub held: Amount,
}

/// What one operation, or one transaction of which no operations are shown, did to the owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The transaction's number in the owner's history, from 1.
    pub number: u64,
    /// Its place in the log, from 0.
    pub ordinal: u64,
    /// The time of its block.
    pub time: Timestamp,
    /// Its block's height.
    pub height: Height,
    /// Its id.
    pub id: Digest,
    /// The operation's index, from 0. `None`: the line is about the transaction as a whole.
    pub operation: Option<u8>,
    /// The operation's name, or one of [`NOT_SHOWN`], [`NOT_ITEMISED`], [`CONSENT`], [`OTHER`].
    pub kind: String,
    /// What it moved. `None`: nothing.
    pub movement: Option<Movement>,
    /// From whom or to whom, or who else acted.
    pub counterparty: Option<Address>,
    /// The transaction's memo.
    pub memo: Words,
    /// The operation's own text: a transfer's or hold's memo, a label, a description, a reason.
    pub text: Words,
    /// The metadata of a record.
    pub metadata: Words,
}

/// The kind of a line whose transaction the proof does not show.
pub const NOT_SHOWN: &str = "not shown";

/// The kind of a line with what a transaction changed beyond what its shown operations say: what releases and refunds
/// of holds moved whose asset nothing in the proof tells.
pub const NOT_ITEMISED: &str = "not itemised";

/// The kind of a line whose transaction the owner had to agree to, without acting in it.
pub const CONSENT: &str = "consent";

/// The kind of a line whose transaction touched the owner in no way that its operations tell.
pub const OTHER: &str = "other";

/// What a line moved of one asset, in smallest units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The asset.
    pub asset: AssetCode,
    /// The asset's decimals, as in [`Balances`].
    pub decimals: Option<u8>,
    /// What came to or went from the free balance.
    pub free: Signed,
    /// What came to or went from what is held. `None`: the form has no such figure.
    pub held: Option<Signed>,
    /// The balance after the line. `None`: the form has no such figure.
    pub after: Option<Balance>,
}

/// An amount that comes or goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signed {
    /// True if it goes. Nothing comes.
    pub is_minus: bool,
    /// How much, in smallest units.
    pub amount: Amount,
}

/// A text, or what there is of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Words {
    /// The transaction has no text there.
    #[default]
    None,
    /// The text.
    Shown(String),
    /// Bytes that are not legal as text, which only metadata may have, in hex.
    Hex(String),
    /// There is a text, which whoever made the proof left out.
    Withheld,
    /// There was a text, which is erased.
    Erased,
    /// The same, and it was erased before the transaction was executed: nobody need have seen it.
    ErasedUnseen,
    /// Nothing of the transaction is shown, so it may have a text or not.
    NotShown,
}

/// The forms of a statement that can be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A table for spreadsheets.
    Csv,
    /// A page to print.
    Html,
    /// ISO 20022 camt.053, for accounting programs.
    Camt053,
}

/// What was read from a statement that this package wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// From which form. In camt.053 are only the assets that were asked for, and only what changed free balances.
    pub form: Form,
    /// The figures. Nothing is known of them yet: [`compare`](crate::compare) says whether they are the proof's.
    pub figures: Figures,
    /// The names that stand beside addresses; [`compare_names`](crate::compare_names) says which are known to be others.
    pub names: Names,
    /// The first line that is not as this package writes these figures. `None`: there is none, or the form is CSV, of
    /// which every cell is a figure or a name.
    pub stray: Option<Stray>,
}

/// A place where a statement is other than this package writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// The line's number, from 1.
    pub line: u64,
    /// The line, cut if it is long.
    pub found: String,
    /// The line that belongs there, cut the same way.
    pub expected: String,
}

/// A text that is not a statement as this package writes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}; this is not a statement as Quorate writes it, or it was changed since")]
pub struct ReadError {
    /// The line's number, from 1.
    pub line: u64,
    /// What is wrong there.
    pub reason: String,
}

impl Signed {
    /// What a balance changed by.
    pub fn between(before: Amount, after: Amount) -> Self {
        Self {
            is_minus: after < before,
            amount: Amount(after.0.abs_diff(before.0)),
        }
    }

    pub(crate) fn of_change(change: i128) -> Self {
        Self {
            is_minus: change < 0,
            amount: Amount(change.unsigned_abs()),
        }
    }

    /// True if nothing comes or goes.
    pub fn is_zero(&self) -> bool {
        self.amount == Amount(0)
    }

    /// The sign and the amount; `plus` is the sign of what comes.
    pub(crate) fn text(&self, decimals: Option<u8>, plus: &str) -> String {
        let sign = if self.is_minus {
            "-"
        } else if self.is_zero() {
            ""
        } else {
            plus
        };
        format!("{sign}{}", amount_text(self.amount, decimals))
    }

    /// Reads what [`Self::text`] writes.
    pub(crate) fn read(text: &str, decimals: Option<u8>, plus: &str) -> Result<Self, String> {
        let (is_minus, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix(plus).unwrap_or(text)),
        };
        let amount = read_amount(digits, decimals)?;
        let signed = Self { is_minus, amount };
        // Nothing is minus nothing.
        if signed.text(decimals, plus) == text && !(is_minus && signed.amount.0 == 0) {
            Ok(signed)
        } else {
            Err(format!("`{text}` has a sign that does not belong there"))
        }
    }
}

/// An amount with all decimals of its asset, or in smallest units.
pub(crate) fn amount_text(amount: Amount, decimals: Option<u8>) -> String {
    match decimals {
        Some(decimals) => format_amount(amount, decimals),
        None => amount.to_string(),
    }
}

/// Reads what [`amount_text`] writes.
pub(crate) fn read_amount(text: &str, decimals: Option<u8>) -> Result<Amount, String> {
    match decimals {
        Some(decimals) => parse_exact_amount(text, decimals).map_err(|error| error.to_string()),
        None => text
            .parse::<Amount>()
            .map_err(|error| format!("`{text}`: {error}")),
    }
}

/// The words for an asset's decimals where nothing proves them.
pub(crate) const UNKNOWN: &str = "unknown";

/// An asset's decimals as text.
pub(crate) fn decimals_text(decimals: Option<u8>) -> String {
    decimals.map_or_else(|| UNKNOWN.to_owned(), |decimals| decimals.to_string())
}

/// Reads what [`decimals_text`] writes.
pub(crate) fn read_decimals(text: &str) -> Result<Option<u8>, String> {
    if text == UNKNOWN {
        return Ok(None);
    }
    let decimals = exact::<u8>(text).filter(|decimals| *decimals <= 18);
    let wrong = || format!("`{text}` is not a number of decimals, 0 to 18, or `{UNKNOWN}`");
    decimals.map(Some).ok_or_else(wrong)
}

/// The value that has exactly this text.
pub(crate) fn exact<T: FromStr + fmt::Display>(text: &str) -> Option<T> {
    let value = text.parse::<T>().ok()?;
    (value.to_string() == text).then_some(value)
}

/// As [`exact`], or words that say what was expected.
pub(crate) fn read<T: FromStr + fmt::Display>(text: &str, what: &str) -> Result<T, String> {
    exact(text).ok_or_else(|| format!("`{}` is not {what}", cut(text)))
}

/// Reads a time as [`Timestamp`] displays it: RFC 3339, above the year 9999 its milliseconds.
pub(crate) fn read_time(text: &str) -> Result<Timestamp, String> {
    let milliseconds = || exact::<u64>(text).map(Timestamp);
    let time = parse_time(text).ok().or_else(milliseconds);
    let time = time.filter(|time| time.to_string() == text);
    time.ok_or_else(|| format!("`{}` is not a time", cut(text)))
}

/// The beginning of a text, for messages.
pub(crate) fn cut(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl Stray {
    /// The first line in which two texts differ.
    pub(crate) fn between(found: &str, expected: &str) -> Option<Self> {
        let mut lines = (found.split('\n'), expected.split('\n'));
        let mut line = 1;
        loop {
            let (found, expected) = (lines.0.next(), lines.1.next());
            if found.is_none() && expected.is_none() {
                return None;
            }
            if found != expected {
                let mut pairs = letters(found).zip(letters(expected));
                let same = pairs.position(|(found, expected)| found != expected);
                let same = same.unwrap_or_else(|| letters(found).count().min(letters(expected).count()));
                return Some(Self {
                    line,
                    found: around(found, same),
                    expected: around(expected, same),
                });
            }
            line += 1;
        }
    }
}

fn letters(line: Option<&str>) -> Chars<'_> {
    line.unwrap_or_default().chars()
}

/// What a line has around a place, for messages.
fn around(line: Option<&str>, place: usize) -> String {
    const BEFORE: usize = 20;
    let Some(line) = line else {
        return "nothing".to_owned();
    };
    let skipped = place.saturating_sub(BEFORE);
    let shown: String = line.chars().skip(skipped).collect();
    let beginning = if skipped > 0 { "…" } else { "" };
    format!("{beginning}{}", cut(&shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_a_sign_and_all_decimals() {
        let signed = Signed::of_change;
        for (change, decimals, plain, marked) in [
            (1_250, Some(2), "12.50", "+12.50"),
            (-1_250, Some(2), "-12.50", "-12.50"),
            (0, Some(2), "0.00", "0.00"),
            (-7, None, "-7", "-7"),
            (7, Some(0), "7", "+7"),
        ] {
            assert_eq!(signed(change).text(decimals, ""), plain);
            assert_eq!(signed(change).text(decimals, "+"), marked);
            assert_eq!(Signed::read(plain, decimals, ""), Ok(signed(change)));
            assert_eq!(Signed::read(marked, decimals, "+"), Ok(signed(change)));
        }
        for (text, plus) in [
            ("-0.00", ""),
            ("+1.00", ""),
            ("1.00", "+"),
            ("1.0", ""),
            ("", ""),
            ("--1.00", ""),
        ] {
            assert!(Signed::read(text, Some(2), plus).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_read_in_the_one_form_that_is_written() {
        assert_eq!(
            read_time("2026-01-01T00:00:01Z"),
            Ok(Timestamp(1_767_225_601_000))
        );
        assert_eq!(read_time("253402300800000"), Ok(Timestamp(253_402_300_800_000)));
        for text in [
            "2026-01-01T00:00:01.000Z",
            "2026-01-01",
            "1767225601000",
            "+5",
            "",
        ] {
            assert!(read_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_first_line_that_differs_is_named_with_what_is_around_it() {
        assert_eq!(Stray::between("a\nb\n", "a\nb\n"), None);
        let stray = |found, expected| Stray::between(found, expected).expect("they differ");
        let first = stray("a\nb\n", "a\nc\n");
        assert_eq!(
            (first.line, first.found.as_str(), first.expected.as_str()),
            (2, "b", "c")
        );
        let longer = stray("a\nb", "a");
        assert_eq!(
            (longer.line, longer.found.as_str(), longer.expected.as_str()),
            (2, "b", "nothing")
        );
        let (found, expected) = ("x".repeat(100) + "1", "x".repeat(100) + "2");
        let far = stray(&found, &expected);
        assert_eq!(far.found, format!("…{}1", "x".repeat(20)));
        assert_eq!(far.expected, format!("…{}2", "x".repeat(20)));
    }
}
