//! A statement in words: a row for each entry, and what each asset came to.

use quorate_client::schema::{HoldName, WithheldText};
use quorate_client::text::rfc3339_of;
use quorate_ledger::{Address, Amount, AssetCode, visible};
use quorate_tools::output::{Output, Tone};

use super::entries::{Direction, Entry};
use super::{Statement, Total};
use crate::cli::wallet::account::Decimals;

impl Entry {
    /// What happened, in words.
    pub(super) fn what(&self, decimals: &Decimals) -> String {
        let with = |word: &str, other: Option<Address>| match other {
            Some(other) => format!("{word} {other}"),
            None => String::new(),
        };
        let hold = |name: &HoldName| format!("hold {}:{}", name.transaction, name.operation);
        let mut what = match (self.direction, self.kind) {
            (Direction::In | Direction::Out, "release") => {
                let side = if self.direction == Direction::In {
                    "of"
                } else {
                    "to"
                };
                let hold = self.hold.as_ref().map(hold).unwrap_or_default();
                format!("paid from {hold} {}", with(side, self.counterparty))
            }
            // Without an asset it is not known what came back, and the operation stands there in words.
            (Direction::None, "refund") if self.asset.is_some() => {
                let hold = self.hold.as_ref().map(hold).unwrap_or_default();
                format!("came back from {hold} {}", with("for", self.counterparty))
            }
            (Direction::In, "mint") => format!("minted {}", with("by", self.counterparty)),
            (Direction::In, _) => with("from", self.counterparty),
            (Direction::Out, "burn") => "burned".to_owned(),
            (Direction::Out, _) => with("to", self.counterparty),
            (Direction::Itself, _) => "to itself".to_owned(),
            (Direction::None, _) => self
                .view
                .as_ref()
                .map_or_else(String::new, |view| decimals.describe(view)),
        };
        what.truncate(what.trim_end().len());
        if self.more > 0 {
            what.push_str(&format!(" and {} more", self.more));
        }
        // An operation in words has its own note among them.
        let own = self.view.is_none().then_some(&self.memo);
        for memo in own.into_iter().chain([&self.transaction_memo]) {
            if !memo.is_empty() {
                what.push_str(&format!(" ({})", visible(memo)));
            }
        }
        for text in &self.withheld {
            what.push_str(&format!(" ({})", withheld(text)));
        }
        what
    }

    fn row(&self, decimals: &Decimals, output: &Output) -> Vec<String> {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let status = match &self.code {
            Some(code) => output.paint(Tone::Bad, code),
            None => output.paint(Tone::Good, "committed"),
        };
        let (amount, balance) = match self.asset {
            Some(code) => (
                format!("{}{}", self.sign(), decimals.show(self.units, &code)),
                or_dash(self.held.map(|held| decimals.show(held, &code))),
            ),
            None => Default::default(),
        };
        vec![
            or_dash(self.height.map(|height| height.to_string())),
            or_dash(self.time.clone()),
            status,
            amount,
            balance,
            self.transaction.to_string(),
            self.what(decimals),
        ]
    }
}

/// What stands in the place of a text that is not shown.
pub(super) fn withheld(text: &WithheldText) -> String {
    let field = match text.operation {
        None => "transaction's memo".to_owned(),
        Some(_) => visible(&text.field).into_owned(),
    };
    match (text.erased, text.by, text.at) {
        (true, Some(by), Some(at)) => format!("{field} erased by {by} on {}", rfc3339_of(at)),
        (true, ..) => format!("{field} erased"),
        (false, ..) => format!("{field} not at hand"),
    }
}

pub(super) fn text(
    address: &Address,
    statement: &Statement,
    totals: &[Total],
    decimals: &Decimals,
    output: &Output,
) -> String {
    if statement.entries.is_empty() {
        return format!("{address} has no transactions to show.");
    }
    let rows = statement.entries.iter().map(|entry| entry.row(decimals, output));
    let headings = [">HEIGHT", "TIME", "STATUS", ">AMOUNT", ">BALANCE", "ID", "WHAT"];
    let mut text = output.table(&headings, rows.collect());
    if statement.more {
        text.push_str("There are older ones: --limit, --since\n");
    }
    let shown = |code: &AssetCode, units: Option<&str>| {
        let units = units.and_then(|units| units.parse().ok());
        units.map_or_else(|| "-".to_owned(), |units| decimals.show(Amount(units), code))
    };
    let rows = totals.iter().map(|total| {
        let (received, sent) = (Some(total.received.as_str()), Some(total.sent.as_str()));
        let held = [total.opening.as_deref(), received, sent, total.closing.as_deref()];
        let shown = held.map(|units| shown(&total.asset, units));
        std::iter::once(total.asset.to_string()).chain(shown).collect()
    });
    let headings = ["ASSET", ">BEFORE", ">RECEIVED", ">SENT", ">AFTER"];
    text.push('\n');
    text.push_str(&output.table(&headings, rows.collect()));
    if statement.closing.is_none() || statement.opening.is_none() {
        text.push_str(
            "What was held is not known: the node's history has a gap. Ask again, or another node.\n",
        );
    }
    text
}
