//! Reading a payment file: columns `to`, `amount`, `asset`, `memo`, in any order; others are ignored.
//! Every bad row is named with its line, and nothing is sent if there is one.

use std::collections::BTreeMap;
use std::path::Path;

use quorate_client::wallet::parse_amount;
use quorate_crypto::sha256;
use quorate_ledger::limits::MAX_TRANSFER_MEMO_BYTES;
use quorate_ledger::{Address, Amount, AssetCode, Digest, Operation};

use crate::failure::Failure;
use crate::file::read_bytes;
use crate::wallet::ledger::check_amount_form;

/// The most bytes of a payment file.
const MAX_FILE_BYTES: u64 = 256 << 20;

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
    /// SHA-256 of its bytes.
    pub(crate) hash: Digest,
    payments: Vec<Payment>,
}

/// A payment ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Who is paid.
    pub(crate) to: Address,
    /// In which asset.
    pub(crate) asset: AssetCode,
    /// How many smallest units.
    pub(crate) amount: Amount,
    /// A note.
    pub(crate) memo: String,
}

impl Row {
    /// The operation that pays it.
    pub(crate) fn operation(&self) -> Operation {
        Operation::Transfer {
            to: self.to,
            asset: self.asset,
            amount: self.amount,
            memo: self.memo.clone(),
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
    fn of(header: &csv::StringRecord) -> Result<Self, Failure> {
        let place = |name: &str| -> Result<Option<usize>, Failure> {
            let mut found = header
                .iter()
                .enumerate()
                .filter(|(_, column)| column.trim().eq_ignore_ascii_case(name))
                .map(|(place, _)| place);
            let first = found.next();
            if found.next().is_some() {
                return Err(Failure::usage(format!(
                    "the column `{name}` stands in the header twice"
                )));
            }
            Ok(first)
        };
        let needed = |name: &str| {
            place(name)?.ok_or_else(|| {
                Failure::usage(format!("the header has no column `{name}`"))
                    .hint("a payment file begins with a line such as to,amount,asset,memo")
            })
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
#[derive(Debug, Default)]
struct Problems {
    shown: Vec<String>,
    count: usize,
}

impl Problems {
    fn add(&mut self, line: u64, problem: impl std::fmt::Display) {
        self.count += 1;
        if self.shown.len() < SHOWN_PROBLEMS {
            self.shown.push(format!("  line {line}: {problem}"));
        }
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
        let mut message = format!(
            "{}: {} {rows}, nothing was sent:\n{}",
            path.display(),
            self.count,
            self.shown.join("\n")
        );
        if self.count > self.shown.len() {
            message.push_str(&format!("\n  and {} more", self.count - self.shown.len()));
        }
        Err(Failure::usage(message))
    }
}

impl PaymentFile {
    /// Reads the file and checks whatever can be checked without a network. Rows without an asset are
    /// paid in `default_asset`.
    pub(crate) fn read(path: &Path, default_asset: Option<AssetCode>) -> Result<Self, Failure> {
        let bytes = read_bytes(path, MAX_FILE_BYTES)?;
        Self::parse(path, &bytes, default_asset)
    }

    fn parse(path: &Path, bytes: &[u8], default_asset: Option<AssetCode>) -> Result<Self, Failure> {
        let hash = sha256(bytes);
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text);
        let header = reader
            .headers()
            .map_err(|error| Failure::usage(error).while_doing(path.display()))?
            .clone();
        let columns = Columns::of(&header).map_err(|failure| failure.while_doing(path.display()))?;
        let mut problems = Problems::default();
        let mut payments = Vec::new();
        for record in reader.records() {
            match record {
                Ok(record) => {
                    let line = record.position().map_or(0, csv::Position::line);
                    match payment(&record, line, &columns, default_asset) {
                        Ok(payment) => payments.push(payment),
                        Err(problem) => problems.add(line, problem),
                    }
                }
                Err(error) => {
                    let line = error.position().map_or(0, csv::Position::line);
                    problems.add(line, "not text in UTF-8");
                    if matches!(error.kind(), csv::ErrorKind::Io(_)) {
                        break;
                    }
                }
            }
        }
        problems.verdict(path)?;
        if payments.is_empty() {
            return Err(Failure::usage(format!("{}: no payments", path.display())));
        }
        Ok(Self { hash, payments })
    }

    /// The assets that are paid in.
    pub(crate) fn assets(&self) -> Vec<AssetCode> {
        let mut assets: Vec<AssetCode> = self.payments.iter().map(|payment| payment.asset).collect();
        assets.sort();
        assets.dedup();
        assets
    }

    /// The rows, by the decimals of each asset; assets that are missing there do not exist.
    pub(crate) fn rows(&self, path: &Path, decimals: &BTreeMap<AssetCode, u8>) -> Result<Vec<Row>, Failure> {
        let mut problems = Problems::default();
        let mut rows = Vec::with_capacity(self.payments.len());
        for payment in &self.payments {
            let Some(decimals) = decimals.get(&payment.asset) else {
                problems.add(payment.line, format!("there is no asset {}", payment.asset));
                continue;
            };
            match parse_amount(&payment.amount, *decimals) {
                Ok(amount) => rows.push(Row {
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

fn payment(
    record: &csv::StringRecord,
    line: u64,
    columns: &Columns,
    default_asset: Option<AssetCode>,
) -> Result<Payment, String> {
    let cell = |place: usize| record.get(place).unwrap_or_default();
    let to = cell(columns.to)
        .parse::<Address>()
        .map_err(|error| error.to_string())?;
    let asset = match columns.asset.map_or("", cell) {
        "" => default_asset.ok_or("no asset (name one in the row, or one for all with --asset)")?,
        code => code.parse().map_err(|error| format!("`{code}`: {error}"))?,
    };
    let amount = cell(columns.amount).to_owned();
    check_amount_form(&amount)?;
    let memo = columns.memo.map_or("", cell).to_owned();
    if memo.len() > MAX_TRANSFER_MEMO_BYTES {
        return Err(format!(
            "the memo has {} bytes, at most {MAX_TRANSFER_MEMO_BYTES} are allowed",
            memo.len()
        ));
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
        let message = read(&text).unwrap_err().to_string();
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
        assert!(read(&text).is_err());
        let file = PaymentFile::parse(Path::new("p"), text.as_bytes(), Some("QRT".parse().unwrap())).unwrap();
        assert_eq!(file.assets(), ["QRT".parse().unwrap()]);
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
            if let Ok(file) = PaymentFile::parse(Path::new("payments.csv"), &bytes, None) {
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
