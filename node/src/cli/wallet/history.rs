//! `quorate wallet history`: what happened to one account, as a statement. Each operation that touches the account is
//! an entry: what came or went, from or to whom, with which note, and what the account held afterwards.
//!
//! What was held is reckoned backwards from what the account holds now, entry by entry. That is possible as long as
//! the numbers of the history follow each other without a gap, and says no more than the node that told both.

mod entries;
mod held;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use quorate_client::Page;
use quorate_client::schema::{OperationView, Transaction};
use quorate_client::spreadsheet::cell;
use quorate_client::text::parse_rfc3339_bound;
use quorate_ledger::{Address, AssetCode, Timestamp};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::{Output, write_out};
use quorate_tools::wallet::{Ledger, NodeArgs};
use serde::Serialize;

use self::entries::{Direction, Entry, entries_of};
use self::held::{Held, Holdings};
use self::words::text;
use super::account::{Decimals, WhoseArgs, warn_unproven};

/// How many transactions are asked for at a time.
const PAGE: u32 = 200;

/// How many are shown unless it is said how many, or of which days.
const SHOWN: usize = 25;

/// The most that one statement has: they are held in memory.
const MOST: usize = 100_000;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate wallet history --key alice.key --limit 50
  quorate wallet history qr1… --since 2026-01-01 --until 2026-01-31 --csv > january.csv

Newest first. A day is one of UTC; instead, a time can be given in RFC 3339. In CSV,
what nobody sees in a note, and a character with which a spreadsheet would begin a formula,
is written as \\u{3d}, with its number in hexadecimal.")]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    whose: WhoseArgs,
    /// Show at most N transactions [default: 25, or all with --since, --until or --csv]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Leave out what was before this day
    #[arg(long, alias = "from", value_name = "DAY", value_parser = beginning)]
    since: Option<Timestamp>,
    /// Leave out what was after this day
    #[arg(long, alias = "to", value_name = "DAY", value_parser = end)]
    until: Option<Timestamp>,
    /// Write a table for spreadsheets, with a header, whatever --output says
    #[arg(long)]
    csv: bool,
    #[command(flatten)]
    node: NodeArgs,
}

/// What one asset came to, in smallest units.
#[derive(Debug, Serialize)]
struct Total {
    asset: AssetCode,
    decimals: Option<u8>,
    /// Before the oldest entry.
    opening: Option<String>,
    received: String,
    sent: String,
    /// After the newest one.
    closing: Option<String>,
}

/// What is shown.
struct Statement {
    transactions: Vec<Transaction>,
    /// Newest first.
    entries: Vec<Entry>,
    /// The node's cursor after the oldest transaction.
    next: Option<String>,
    /// Whether there are older ones that `limit` leaves out.
    more: bool,
    opening: Option<Holdings>,
    closing: Option<Holdings>,
}

/// Shows an account's history.
pub(crate) async fn history(args: &HistoryArgs, output: &Output) -> Result<(), Failure> {
    let address = args.whose.address()?;
    let ledger = args.node.connect().await?;
    if ledger.is_trustless() {
        ledger.tip().await?;
    }
    let mut statement = Statement::read(args, &address, &ledger).await?;
    warn_unproven(&ledger, "the history, with its amounts and balances,");
    let decimals = statement.decimals(&ledger).await?;
    for entry in &mut statement.entries {
        entry.write_out(&decimals);
    }
    if args.csv {
        return write_out(&as_csv(&statement.entries)?);
    }
    let totals = statement.totals(&decimals);
    let view = serde_json::json!({
        "address": address,
        "transactions": statement.transactions,
        "next": statement.next,
        "more": statement.more,
        "entries": statement.entries,
        "totals": totals,
    });
    output.print(&view, |output| {
        text(&address, &statement, &totals, &decimals, output)
    })
}

impl Statement {
    async fn read(args: &HistoryArgs, address: &Address, ledger: &Ledger) -> Result<Self, Failure> {
        let client = ledger.client();
        let account = client.account(address).await?;
        let mut held = Held::of(&account);
        let bounded = args.since.is_none() && args.until.is_none() && !args.csv;
        let limit = args.limit.unwrap_or(if bounded { SHOWN } else { usize::MAX });
        let mut statement = Self {
            transactions: Vec::new(),
            entries: Vec::new(),
            next: None,
            more: false,
            opening: None,
            closing: None,
        };
        let mut below = u64::MAX;
        let mut shows = args.until.is_none();
        let mut cursor = None;
        'pages: while statement.transactions.len() < limit {
            let missing = u32::try_from(limit - statement.transactions.len()).unwrap_or(PAGE);
            let page = Page {
                limit: Some(if shows { missing.min(PAGE) } else { PAGE }),
                cursor,
            };
            let list = client.account_transactions(address, &page).await?;
            let mut left = list.transactions.into_iter();
            for transaction in left.by_ref() {
                // The numbers fall, so a list has an end whatever the node says.
                let number = transaction.number.filter(|number| (1..below).contains(number));
                let number = number.ok_or_else(|| disagreeing("the numbers of the history do not fall"))?;
                below = number;
                // It came after the account was looked at.
                if number > account.transactions {
                    continue;
                }
                let at = transaction.timestamp.unwrap_or_default();
                if args.since.is_some_and(|since| at < since) {
                    break 'pages;
                }
                shows = args.until.is_none_or(|until| at < until);
                if shows && statement.closing.is_none() {
                    statement.closing = held.before(number);
                }
                let mut entries = entries_of(&transaction, number, address);
                held.go_back(number, &mut entries)?;
                if shows {
                    statement.entries.extend(entries.into_iter().rev());
                    statement.transactions.push(transaction);
                }
                if statement.transactions.len() == limit {
                    break;
                }
                if statement.transactions.len() > MOST {
                    return Err(
                        Failure::failed(format!("there are more than {MOST} transactions"))
                            .hint("ask for fewer days with --since and --until"),
                    );
                }
            }
            let cut = left.next().is_some();
            cursor = list.next;
            statement.more = cut || cursor.is_some();
            statement.next = cursor.clone().filter(|_| !cut);
            if cursor.is_none() {
                break;
            }
        }
        if statement.transactions.len() < limit {
            (statement.more, statement.next) = (false, None);
        }
        statement.opening = held.holdings;
        if statement.closing.is_none() {
            statement.closing.clone_from(&statement.opening);
        }
        Ok(statement)
    }

    /// The decimals of all assets that it names, as far as they are known.
    async fn decimals(&self, ledger: &Ledger) -> Result<Decimals, Failure> {
        let mut decimals = Decimals::new();
        let views = self.entries.iter().filter_map(|entry| entry.view.as_ref());
        let named = views.filter_map(|view| match view {
            OperationView::Mint { asset, .. }
            | OperationView::Burn { asset, .. }
            | OperationView::Transfer { asset, .. } => Some(*asset),
            _ => None,
        });
        let moved = self.entries.iter().filter_map(|entry| entry.asset);
        let held = [&self.opening, &self.closing]
            .into_iter()
            .flatten()
            .flat_map(BTreeMap::keys);
        let codes: BTreeSet<AssetCode> = named.chain(moved).chain(held.copied()).collect();
        for code in codes {
            decimals.learn_shown(ledger, &code).await?;
        }
        Ok(decimals)
    }

    /// What each asset came to that was held or moved.
    fn totals(&self, decimals: &Decimals) -> Vec<Total> {
        let mut moved: BTreeMap<AssetCode, (u128, u128)> = BTreeMap::new();
        for holdings in [&self.opening, &self.closing].into_iter().flatten() {
            let held = holdings.iter().filter(|(_, amount)| **amount > 0);
            moved.extend(held.map(|(code, _)| (*code, (0, 0))));
        }
        for entry in &self.entries {
            let Some(code) = entry.asset else {
                continue;
            };
            let (received, sent) = moved.entry(code).or_default();
            match entry.direction {
                Direction::In => *received = received.saturating_add(entry.units.0),
                Direction::Out => *sent = sent.saturating_add(entry.units.0),
                Direction::Itself | Direction::None => {}
            }
        }
        let of = |holdings: &Option<Holdings>, code: &AssetCode| {
            let holdings = holdings.as_ref()?;
            Some(holdings.get(code).copied().unwrap_or(0).to_string())
        };
        moved
            .into_iter()
            .map(|(asset, (received, sent))| Total {
                asset,
                decimals: decimals.of(&asset),
                opening: of(&self.opening, &asset),
                received: received.to_string(),
                sent: sent.to_string(),
                closing: of(&self.closing, &asset),
            })
            .collect()
    }
}

fn disagreeing(what: &str) -> Failure {
    Failure::new(Exit::CheckFailed, format!("the node contradicts itself: {what}"))
        .hint("ask another node with --node")
}

fn as_csv(entries: &[Entry]) -> Result<String, Failure> {
    let failed = |error: String| Failure::failed(format!("the table cannot be written: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = [
        "time",
        "height",
        "number",
        "transaction",
        "operation",
        "status",
        "code",
        "kind",
        "direction",
        "amount",
        "asset",
        "balance",
        "counterparty",
        "memo",
        "transaction_memo",
    ];
    writer
        .write_record(header)
        .map_err(|error| failed(error.to_string()))?;
    for entry in entries {
        let or_empty = |text: Option<String>| text.unwrap_or_default();
        let name = |value: serde_json::Result<serde_json::Value>| {
            value
                .ok()
                .and_then(|value| value.as_str().map(str::to_owned))
                .unwrap_or_default()
        };
        let amount = entry.decimal.as_ref().or(entry.amount.as_ref());
        let balance = entry.balance_decimal.as_ref().or(entry.balance.as_ref());
        let record = [
            or_empty(entry.time.clone()),
            or_empty(entry.height.map(|height| height.to_string())),
            entry.number.to_string(),
            entry.transaction.to_string(),
            or_empty(entry.operation.map(|operation| operation.to_string())),
            name(serde_json::to_value(entry.status)),
            or_empty(entry.code.as_deref().map(cell)),
            entry.kind.to_owned(),
            name(serde_json::to_value(entry.direction)),
            or_empty(amount.map(|amount| format!("{}{amount}", entry.sign().trim_start_matches('+')))),
            or_empty(entry.asset.map(|asset| asset.to_string())),
            or_empty(balance.cloned()),
            or_empty(entry.counterparty.map(|other| other.to_string())),
            cell(&entry.memo),
            cell(&entry.transaction_memo),
        ];
        writer
            .write_record(record)
            .map_err(|error| failed(error.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

/// The beginning of a day, or a time.
fn beginning(text: &str) -> Result<Timestamp, String> {
    moment(text).map(|(from, _)| from)
}

/// When a day is over, or a time past.
fn end(text: &str) -> Result<Timestamp, String> {
    moment(text).map(|(_, to)| to)
}

/// A day or a millisecond: its beginning, and that of the next. One before 1970 is before every block.
fn moment(text: &str) -> Result<(Timestamp, Timestamp), String> {
    let of_day = |edge: &str| parse_rfc3339_bound(&format!("{text}{edge}"));
    let bounds = match parse_rfc3339_bound(text) {
        Some(time) => Some((time, time)),
        None => of_day("T00:00:00.000Z").zip(of_day("T23:59:59.999Z")),
    };
    let (first, last) = bounds.ok_or("write a day as 2026-01-31, or a time as 2026-01-31T12:00:00Z")?;
    Ok((first, Timestamp(last.0.saturating_add(1))))
}

#[cfg(test)]
mod tests {
    use quorate_client::schema::{Account, Balance};
    use quorate_client::wallet::TransactionBuilder;
    use quorate_crypto::SigningKey;
    use quorate_ledger::{Amount, Digest, ErrorCode, Height, Operation, Outcome};

    use super::*;

    fn address(seed: u8) -> Address {
        SigningKey::from_seed(&[seed; 32]).public().address()
    }

    fn qrt() -> AssetCode {
        "QRT".parse().unwrap()
    }

    fn pay(to: u8, units: u128, memo: &str) -> Operation {
        Operation::Transfer {
            to: address(to),
            asset: qrt(),
            amount: Amount(units),
            memo: memo.to_owned(),
        }
    }

    fn executed(sender: u8, operations: Vec<Operation>, memo: &str, outcome: Outcome) -> Transaction {
        let signed = TransactionBuilder::new(Digest::default(), address(sender), Timestamp(9), [0; 16])
            .operations(operations)
            .memo(memo)
            .build()
            .sign([&SigningKey::from_seed(&[sender; 32])]);
        Transaction::pending(signed.id(), &signed).executed(Height(3), Timestamp(1_000), 0, outcome)
    }

    fn holding(units: u128, transactions: u64) -> Held {
        let balance = Balance {
            asset: qrt(),
            amount: Amount(units),
        };
        Held::of(&Account {
            balances: vec![balance],
            transactions,
            ..Account::unused(address(2))
        })
    }

    fn decimals() -> Decimals {
        Decimals::known([(qrt(), 2)].into(), BTreeMap::new())
    }

    #[test]
    fn a_receiver_sees_its_own_part_of_a_bulk_payment_with_both_notes() {
        let payroll = vec![pay(3, 100, "theirs"), pay(2, 1_250, "mine"), pay(2, 5, "rest")];
        let transaction = executed(1, payroll, "March", Outcome::Success);
        let entries = entries_of(&transaction, 1, &address(2));
        let seen: Vec<_> = entries
            .iter()
            .map(|entry| {
                (
                    entry.direction,
                    entry.units.0,
                    entry.counterparty,
                    entry.what(&decimals()),
                )
            })
            .collect();
        let from = Some(address(1));
        let words = |memo: &str| format!("from {} ({memo}) (March)", address(1));
        assert_eq!(
            seen,
            [
                (Direction::In, 1_250, from, words("mine")),
                (Direction::In, 5, from, words("rest"))
            ]
        );
        let sent = entries_of(&transaction, 1, &address(1));
        assert_eq!(sent.len(), 3);
        assert!(sent.iter().all(|entry| entry.direction == Direction::Out));
    }

    #[test]
    fn a_recorded_document_is_an_entry_with_its_label_once() {
        let record = Operation::PutRecord {
            sha256: Digest([7; 32]),
            label: "contract 17".to_owned(),
            metadata: Vec::new(),
        };
        let entries = entries_of(
            &executed(2, vec![record], "filed", Outcome::Success),
            1,
            &address(2),
        );
        assert_eq!(entries[0].memo, "contract 17");
        let what = format!("record {} (contract 17) (filed)", Digest([7; 32]));
        assert_eq!(entries[0].what(&decimals()), what);
    }

    #[test]
    fn what_was_held_is_reckoned_backwards_from_what_is_held_now() {
        let account = address(2);
        let newest_first = [
            executed(
                2,
                vec![pay(3, 40, ""), pay(2, 7, ""), pay(3, 10, "")],
                "",
                Outcome::Success,
            ),
            executed(
                2,
                vec![pay(3, 999, "")],
                "",
                Outcome::Failed {
                    code: ErrorCode::InsufficientBalance,
                    operation: 0,
                },
            ),
            executed(1, vec![pay(2, 60, "")], "", Outcome::Success),
        ];
        let mut held = holding(10, 3);
        let mut seen = Vec::new();
        for (number, transaction) in (1..=3).rev().zip(&newest_first) {
            let mut entries = entries_of(transaction, number, &account);
            held.go_back(number, &mut entries).unwrap();
            seen.extend(entries.iter().rev().map(|entry| entry.held.map(|held| held.0)));
        }
        assert_eq!(seen, [Some(10), Some(20), Some(20), None, Some(60)]);
        assert_eq!(held.holdings, Some([(qrt(), 0)].into()));
    }

    #[test]
    fn a_gap_ends_the_reckoning_and_a_contradiction_is_told() {
        let received = executed(1, vec![pay(2, 60, "")], "", Outcome::Success);
        let mut entries = entries_of(&received, 2, &address(2));
        let mut held = holding(100, 3);
        held.go_back(2, &mut entries).unwrap();
        assert_eq!((entries[0].held, held.holdings), (None, None));
        let failure = holding(59, 2).go_back(2, &mut entries).unwrap_err();
        assert_eq!(failure.exit(), Exit::CheckFailed);
    }

    #[test]
    fn a_table_for_spreadsheets_has_signs_quotes_and_no_formulas() {
        let formula = "=HYPERLINK(\"http://evil\",\"\u{202e}\")";
        let received = executed(1, vec![pay(2, 1_250, formula)], "a, b", Outcome::Success);
        let sent = executed(2, vec![pay(1, 5, "")], "", Outcome::Success);
        let mut entries = entries_of(&received, 1, &address(2));
        entries.extend(entries_of(&sent, 2, &address(2)));
        let mut held = holding(1_245, 2);
        held.go_back(2, &mut entries[1..]).unwrap();
        held.go_back(1, &mut entries[..1]).unwrap();
        for entry in &mut entries {
            entry.write_out(&decimals());
        }
        let text = as_csv(&entries).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let columns = reader.headers().unwrap().clone();
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let cell = |row: usize, name: &str| {
            let place = columns.iter().position(|column| column == name).unwrap();
            rows[row][place].to_owned()
        };
        assert_eq!(
            (cell(0, "amount"), cell(0, "balance")),
            ("12.50".to_owned(), "12.50".to_owned())
        );
        assert_eq!(
            (cell(1, "amount"), cell(1, "balance")),
            ("-0.05".to_owned(), "12.45".to_owned())
        );
        assert_eq!(cell(0, "memo"), "\\u{3d}HYPERLINK(\"http://evil\",\"\\u{202e}\")");
        assert_eq!(cell(0, "transaction_memo"), "a, b");
        assert_eq!(
            (cell(0, "direction"), cell(1, "direction")),
            ("in".to_owned(), "out".to_owned())
        );
        assert_eq!(cell(0, "time"), "1970-01-01T00:00:01.000Z");
    }

    #[test]
    fn days_are_whole_and_times_are_to_the_millisecond() {
        const DAY_MS: u64 = 86_400_000;
        assert_eq!(beginning("1970-01-02"), Ok(Timestamp(DAY_MS)));
        assert_eq!(end("1970-01-02"), Ok(Timestamp(2 * DAY_MS)));
        assert_eq!(end("1970-01-01T00:00:01Z"), Ok(Timestamp(1_001)));
        for old in ["1969-07-20", "1969-07-20T20:17:40Z"] {
            assert_eq!((beginning(old), end(old)), (Ok(Timestamp(0)), Ok(Timestamp(1))));
        }
        for text in ["", "1970-02-30", "yesterday", "1970-01-02T"] {
            assert!(beginning(text).is_err(), "{text}");
        }
    }
}
