//! Reading a payment file: columns `to`, `amount`, `asset`, `memo`, in any order; others are ignored.
//! Every bad row is named with its line, and nothing is sent if there is one.

use std::collections::BTreeMap;
use std::path::Path;

use quorate_client::wallet::parse_amount;
use quorate_ledger::limits::MAX_TRANSFER_MEMO_BYTES;
use quorate_ledger::{Address, Amount, AssetCode, Digest, Operation, encode, legal_text};
use quorate_tools::failure::Failure;
use quorate_tools::file::read_bytes;
use quorate_tools::wallet::check_amount_form;
use sha2::{Digest as _, Sha256};

use super::table::Table;

/// The most bytes of a payment file.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// Sets the hash of payments and their payer apart from all others.
const IDENTITY: &[u8] = b"quorate payment rows 2\n";

/// What some programs put before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How many bytes are looked at to tell UTF-16.
const SAMPLE: usize = 1_024;

/// Bad rows that are named one by one.
const SHOWN_PROBLEMS: usize = 50;

/// A payment as the file has it, before the asset's decimals are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payment {
    /// The line of the file, from 1.
    line: u64,
    to: Address,
    asset: AssetCode,
    amount: String,
    memo: String,
}

/// A payment file, read but not yet fit for sending.
#[derive(Debug)]
pub(crate) struct PaymentFile {
    payments: Vec<Payment>,
    /// Rows that are none.
    problems: Problems,
}

/// A payment ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The line of the file, from 1.
    pub(crate) line: u64,
    /// Who is paid.
    pub(crate) to: Address,
    /// In which asset.
    pub(crate) asset: AssetCode,
    /// How many smallest units.
    pub(crate) amount: Amount,
    /// A note.
    pub(crate) memo: String,
}

/// What makes a file the same one: its payer and its rows in their order, not how they were written, so that a copy
/// with other line ends, or with `5` in the place of `5.00`, pays nothing again.
pub(crate) fn identity(payer: &Address, rows: &[Row]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(IDENTITY);
    hasher.update(payer.0);
    for row in rows {
        for part in [encode(&row.operation()).as_slice(), row.memo.as_bytes()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    Digest(hasher.finalize().into())
}

impl Row {
    /// The operation that pays it; the memo is a text beside it.
    pub(crate) fn operation(&self) -> Operation {
        Operation::Transfer {
            to: self.to,
            asset: self.asset,
            amount: self.amount,
        }
    }
}

/// Where the columns are.
struct Columns {
    to: usize,
    amount: usize,
    asset: Option<usize>,
    memo: Option<usize>,
}

impl Columns {
    fn of(header: &[String]) -> Result<Self, Failure> {
        let place = |name: &str| -> Result<Option<usize>, Failure> {
            let is_it = |column: &String| column.eq_ignore_ascii_case(name);
            if header.iter().filter(|column| is_it(column)).count() > 1 {
                return Err(Failure::usage(format!(
                    "the column `{name}` stands in the header twice"
                )));
            }
            Ok(header.iter().position(is_it))
        };
        let needed = |name: &str| {
            place(name)?.ok_or_else(|| Failure::usage(format!("the header has no column `{name}`")))
        };
        Ok(Self {
            to: needed("to")?,
            amount: needed("amount")?,
            asset: place("asset")?,
            memo: place("memo")?,
        })
    }
}

/// What is wrong with which line.
#[derive(Clone, Debug, Default)]
struct Problems {
    shown: BTreeMap<u64, String>,
    count: usize,
}

impl Problems {
    fn add(&mut self, line: u64, problem: impl std::fmt::Display) {
        self.count += 1;
        self.shown.insert(line, format!("  line {line}: {problem}"));
        if self.shown.len() > SHOWN_PROBLEMS {
            self.shown.pop_last();
        }
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn verdict(self, path: &Path) -> Result<(), Failure> {
        if self.count == 0 {
            return Ok(());
        }
        let rows = if self.count == 1 {
            "row is bad"
        } else {
            "rows are bad"
        };
        let shown = self.shown.len();
        let mut message = format!(
            "{}: {} {rows}, nothing was sent:\n{}",
            path.display(),
            self.count,
            self.shown.into_values().collect::<Vec<_>>().join("\n")
        );
        if self.count > shown {
            message.push_str(&format!("\n  and {} more", self.count - shown));
        }
        Err(Failure::usage(message))
    }
}

impl PaymentFile {
    /// Reads the file. Rows without an asset are paid in `default_asset`. That it is a table is checked here,
    /// the rows are not: [`check`](Self::check) and [`rows`](Self::rows) name the bad ones.
    pub(crate) fn read(path: &Path, default_asset: Option<AssetCode>) -> Result<Self, Failure> {
        let bytes = read_bytes(path, MAX_FILE_BYTES)?;
        Self::parse(path, &bytes, default_asset)
    }

    fn parse(path: &Path, bytes: &[u8], default_asset: Option<AssetCode>) -> Result<Self, Failure> {
        let in_file = |failure: Failure| failure.while_doing(path.display());
        let text = text_of(bytes).map_err(in_file)?;
        let table = Table::read(text, &["to", "amount"]).map_err(in_file)?;
        let columns = Columns::of(&table.header).map_err(in_file)?;
        let mut problems = Problems::default();
        let mut payments = Vec::new();
        for row in table.rows() {
            let payment = row
                .cells
                .and_then(|cells| payment(&cells, row.line, &columns, default_asset));
            match payment {
                Ok(payment) => payments.push(payment),
                Err(problem) => problems.add(row.line, problem),
            }
        }
        if payments.is_empty() && problems.is_empty() {
            return Err(Failure::usage(format!("{}: no payments", path.display())));
        }
        Ok(Self { payments, problems })
    }

    /// The assets that are paid in.
    pub(crate) fn assets(&self) -> Vec<AssetCode> {
        let mut assets: Vec<AssetCode> = self.payments.iter().map(|payment| payment.asset).collect();
        assets.sort();
        assets.dedup();
        assets
    }

    /// Names the bad rows that can be known without a network.
    pub(crate) fn check(&self, path: &Path) -> Result<(), Failure> {
        self.problems.clone().verdict(path)
    }

    /// The rows, by the decimals of each asset; assets that are missing there do not exist. All bad rows are
    /// named at once.
    pub(crate) fn rows(&self, path: &Path, decimals: &BTreeMap<AssetCode, u8>) -> Result<Vec<Row>, Failure> {
        let mut problems = self.problems.clone();
        let mut rows = Vec::with_capacity(self.payments.len());
        for payment in &self.payments {
            let Some(decimals) = decimals.get(&payment.asset) else {
                problems.add(payment.line, format!("there is no asset {}", payment.asset));
                continue;
            };
            match parse_amount(&payment.amount, *decimals) {
                Ok(amount) => rows.push(Row {
                    line: payment.line,
                    to: payment.to,
                    asset: payment.asset,
                    amount,
                    memo: payment.memo.clone(),
                }),
                Err(error) => problems.add(payment.line, error),
            }
        }
        problems.verdict(path)?;
        Ok(rows)
    }
}

/// The file as text, without its byte order mark.
fn text_of(bytes: &[u8]) -> Result<&str, Failure> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let error = match std::str::from_utf8(bytes) {
        // A text has none, and in UTF-16 every other byte of one in English is.
        Ok(text) if !text.contains('\0') => return Ok(text),
        Ok(_) => None,
        Err(error) => Some(error),
    };
    let zeros = bytes.iter().take(SAMPLE).filter(|byte| **byte == 0).count();
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || zeros > 0 {
        let looks = if zeros * 4 < bytes.len().min(SAMPLE) && !bytes.starts_with(b"\xff\xfe") {
            "it has bytes that are zero"
        } else {
            "it looks like UTF-16"
        };
        return Err(Failure::usage(format!("not text in UTF-8 ({looks})")).hint("save it as CSV in UTF-8"));
    }
    let end = error.map_or(bytes.len(), |error| error.valid_up_to());
    let before = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default());
    let line = before.replace("\r\n", "\n").matches(['\n', '\r']).count() + 1;
    Err(Failure::usage(format!(
        "line {line}: not text in UTF-8 (it may be Windows-1252 or Latin-1)"
    ))
    .hint("save it as CSV in UTF-8"))
}

fn payment(
    cells: &[String],
    line: u64,
    columns: &Columns,
    default_asset: Option<AssetCode>,
) -> Result<Payment, String> {
    let cell = |place: usize| cells.get(place).map_or("", String::as_str);
    let to = cell(columns.to)
        .parse::<Address>()
        .map_err(|error| error.to_string())?;
    let asset = match columns.asset.map_or("", cell) {
        "" => default_asset.ok_or("no asset (name one in the row, or one for all with --asset)")?,
        code => code.parse().map_err(|error| format!("`{code}`: {error}"))?,
    };
    let amount = cell(columns.amount).to_owned();
    check_amount_form(&amount).map_err(|problem| {
        if amount.contains(',') {
            format!("{problem} (a point stands before the decimals, and nothing between thousands)")
        } else {
            problem
        }
    })?;
    let memo = columns.memo.map_or("", cell).to_owned();
    if memo.len() > MAX_TRANSFER_MEMO_BYTES {
        return Err(format!(
            "the memo has {} bytes, at most {MAX_TRANSFER_MEMO_BYTES} are allowed",
            memo.len()
        ));
    }
    if let Err(error) = legal_text(memo.as_bytes()) {
        return Err(format!("the memo cannot stand on the ledger: {error}"));
    }
    Ok(Payment {
        line,
        to,
        asset,
        amount,
        memo,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PaymentFile, Failure> {
        PaymentFile::parse(Path::new("payments.csv"), text.as_bytes(), None)
    }

    fn rows(text: &str) -> Result<Vec<Row>, Failure> {
        let decimals = BTreeMap::from([("QRT".parse().unwrap(), 2)]);
        read(text)?.rows(Path::new("payments.csv"), &decimals)
    }

    fn address() -> Address {
        Address([7; 20])
    }

    #[test]
    fn columns_stand_in_any_order_and_others_are_ignored() {
        let text = format!("bank,Memo,amount,to,asset\nYZ,rent,12.50,{},QRT\n", address());
        let row = Row {
            line: 2,
            to: address(),
            asset: "QRT".parse().unwrap(),
            amount: Amount(1250),
            memo: "rent".to_owned(),
        };
        assert_eq!(rows(&text).unwrap(), [row]);
    }

    #[test]
    fn every_bad_row_is_named_with_its_line() {
        let good = address();
        let text = format!(
            "to,amount,asset\nqr1nonsense,1,QRT\n{good},1,QRT\n{good},0,QRT\n{good},x,QRT\n{good},1,qrt\n"
        );
        let message = rows(&text).unwrap_err().to_string();
        for line in ["4 rows are bad", "line 2:", "line 4:", "line 5:", "line 6:"] {
            assert!(message.contains(line), "{message}");
        }
        assert!(!message.contains("line 3:"), "{message}");
    }

    #[test]
    fn too_many_decimals_and_unknown_assets_are_found_before_anything_is_sent() {
        let text = format!("to,amount,asset\n{0},1.005,QRT\n{0},1,NONE\n", address());
        let message = rows(&text).unwrap_err().to_string();
        assert!(
            message.contains("line 2:") && message.contains("line 3:"),
            "{message}"
        );
    }

    #[test]
    fn a_file_without_a_needed_column_or_without_rows_is_refused() {
        assert!(read("address,amount\n").unwrap_err().to_string().contains("`to`"));
        assert!(
            read("to,amount,asset\n")
                .unwrap_err()
                .to_string()
                .contains("no payments")
        );
        assert!(read("to,to,amount\n").unwrap_err().to_string().contains("twice"));
    }

    #[test]
    fn rows_without_an_asset_take_the_default() {
        let text = format!("to,amount\n{},3\n", address());
        assert!(rows(&text).is_err());
        let file = PaymentFile::parse(Path::new("p"), text.as_bytes(), Some("QRT".parse().unwrap())).unwrap();
        assert_eq!(file.assets(), ["QRT".parse().unwrap()]);
    }

    #[test]
    fn what_is_no_text_in_utf_8_is_refused_with_what_it_looks_like() {
        let refused = |bytes: &[u8]| {
            let read = PaymentFile::parse(Path::new("p"), bytes, None);
            read.unwrap_err().to_string()
        };
        let text = format!("to,amount,asset\n{},1,QRT\n", address());
        let wide =
            |to_bytes: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(to_bytes).collect() };
        let marked = [b"\xff\xfe".to_vec(), wide(u16::to_le_bytes)].concat();
        for bytes in [marked, wide(u16::to_le_bytes), wide(u16::to_be_bytes)] {
            assert!(refused(&bytes).contains("UTF-16"), "{}", refused(&bytes));
        }
        let latin = [text.as_bytes(), b"x,1,Z\xfcrich\r\n"].concat();
        assert!(
            refused(&latin).contains("line 3: not text in UTF-8"),
            "{}",
            refused(&latin)
        );
        let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
        assert!(PaymentFile::parse(Path::new("p"), &marked, None).is_ok());
    }

    #[test]
    fn the_same_rows_are_the_same_file_whatever_its_bytes() {
        let one = format!("to,amount,asset,memo\n{0},5,QRT,rent\n{0},1.50,QRT,\n", address());
        let two = format!(
            "\u{feff}asset;memo;to;amount\r\nQRT;\"rent\";{0};5.00\r\n\r\nQRT;;{0};1.5\r\n",
            address()
        );
        let other = one.replace("rent", "Rent");
        let swapped = format!("to,amount,asset,memo\n{0},1.50,QRT,\n{0},5,QRT,rent\n", address());
        let identity_of = |payer: u8, text: &str| identity(&Address([payer; 20]), &rows(text).unwrap());
        let name = identity_of(1, &one);
        assert_eq!(name, identity_of(1, &two));
        assert_ne!(name, identity_of(1, &other));
        assert_ne!(name, identity_of(1, &swapped), "rows are paid in their order");
        assert_ne!(
            name,
            identity_of(2, &one),
            "another payer's rows are another file"
        );
    }

    /// Where one cell ends and the next begins is part of the name: no two files share it.
    #[test]
    fn the_name_of_a_file_tells_a_memo_from_what_stands_beside_it() {
        let row = |memo: &str| Row {
            line: 1,
            to: address(),
            asset: "QRT".parse().unwrap(),
            amount: Amount(1),
            memo: memo.to_owned(),
        };
        let payer = address();
        let names = [
            identity(&payer, &[row("ab"), row("")]),
            identity(&payer, &[row("a"), row("b")]),
            identity(&payer, &[row(""), row("ab")]),
        ];
        assert!(names[0] != names[1] && names[1] != names[2] && names[0] != names[2]);
    }

    /// Section 4, rule 5: such a text is refused by every node, so its row is named before anything is sent.
    #[test]
    fn a_memo_that_no_text_may_be_is_a_bad_row() {
        let text = format!(
            "to,amount,asset,memo\n{0},1,QRT,rent\u{202e}\n{0},1,QRT,rent\n",
            address()
        );
        let message = rows(&text).unwrap_err().to_string();
        assert!(
            message.contains("line 2:") && message.contains("U+202E"),
            "{message}"
        );
        assert!(!message.contains("line 3:"), "{message}");
    }

    #[test]
    fn a_row_that_could_mean_something_else_is_refused_and_the_others_are_read() {
        let good = address();
        let text =
            format!("to,amount,memo,asset\n{good},1,250.00,x,QRT\n{good},1,\"rent,QRT\n{good},2,,QRT\n");
        let message = rows(&text).unwrap_err().to_string();
        for said in [
            "2 rows are bad",
            "line 2: it has 5 cells",
            "line 3: a quote is opened",
        ] {
            assert!(message.contains(said), "{message}");
        }
    }

    proptest::proptest! {
        /// Whatever is in a file, it is read or refused, and what is read is one payment for each line at most.
        #[test]
        fn any_bytes_are_read_or_refused(
            pieces in proptest::collection::vec(piece(), 0..40),
            header in proptest::bool::weighted(0.8),
        ) {
            let mut bytes = if header { b"to,amount,asset,memo\n".to_vec() } else { Vec::new() };
            pieces.into_iter().for_each(|piece| bytes.extend(piece));
            let file = PaymentFile::parse(Path::new("payments.csv"), &bytes, None);
            if let Ok(file) = file && file.problems.is_empty() {
                let lines = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
                proptest::prop_assert!(file.payments.len() <= lines + 1);
            }
        }
    }

    /// What payment files are made of, and what breaks them.
    fn piece() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
        use proptest::prelude::*;
        const KNOWN: &[&str] = &[
            "1", "12.50", "QRT", "\"", ",", "\n", "\r\n", "\0", ";", "-", "\u{feff}", "a \"b\"",
        ];
        prop_oneof![
            4 => prop::sample::select(KNOWN).prop_map(|text| text.as_bytes().to_vec()),
            3 => Just(format!("{},1,QRT,\n", address()).into_bytes()),
            1 => Just(address().to_string().into_bytes()),
            1 => prop::collection::vec(any::<u8>(), 0..8),
        ]
    }
}
