//! `quorate wallet history`: what happened to one account, as a statement. Each operation that touches the account is
//! an entry: what came or went, from or to whom, with which note, and what the account held afterwards.
//!
//! What was held is reckoned backwards from what the account holds now, entry by entry. That is possible as long as
//! the numbers of the history follow each other without a gap, and says no more than the node that told both.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use quorate_client::Page;
use quorate_client::schema::{Account, OperationView, Transaction, TransactionStatus};
use quorate_client::spreadsheet::cell;
use quorate_client::text::{parse_rfc3339_bound, rfc3339_of};
use quorate_ledger::{Address, Amount, AssetCode, Digest, Height, Timestamp, visible};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::{Output, Tone, write_out};
use quorate_tools::wallet::{Ledger, NodeArgs};
use serde::Serialize;

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

/// Which way units went, as the account sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Direction {
    In,
    Out,
    /// From the account to itself.
    Itself,
    /// Nothing moved here.
    None,
}

/// One operation that touches the account, or a transaction that failed.
#[derive(Debug, Serialize)]
struct Entry {
    /// The transaction's number in the account's history.
    number: u64,
    transaction: Digest,
    height: Option<Height>,
    time: Option<String>,
    status: TransactionStatus,
    /// Why it failed.
    code: Option<String>,
    /// The operation's place in the transaction, from 0; none if it failed.
    operation: Option<usize>,
    kind: &'static str,
    direction: Direction,
    asset: Option<AssetCode>,
    /// In smallest units.
    amount: Option<String>,
    /// In the asset's units.
    decimal: Option<String>,
    counterparty: Option<Address>,
    memo: String,
    transaction_memo: String,
    /// What the account held of the asset afterwards, in smallest units.
    balance: Option<String>,
    balance_decimal: Option<String>,
    #[serde(skip)]
    units: Amount,
    #[serde(skip)]
    held: Option<Amount>,
    /// What is said in words where nothing moved.
    #[serde(skip)]
    view: Option<OperationView>,
    /// How many operations more a failed transaction has.
    #[serde(skip)]
    more: usize,
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

type Holdings = BTreeMap<AssetCode, u128>;

/// What the account held, going back in time.
struct Held {
    /// None once the history has a gap.
    holdings: Option<Holdings>,
    /// The number of the newest transaction that is not reckoned with yet.
    number: u64,
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

impl Held {
    fn of(account: &Account) -> Self {
        let holdings = account.balances.iter();
        Self {
            holdings: Some(
                holdings
                    .map(|balance| (balance.asset, balance.amount.0))
                    .collect(),
            ),
            number: account.transactions,
        }
    }

    /// What was held after the transaction of this number, if it is the next one.
    fn before(&self, number: u64) -> Option<Holdings> {
        self.holdings.clone().filter(|_| self.number == number)
    }

    /// Takes back what a transaction did, last things first, and notes what was held after each.
    fn go_back(&mut self, number: u64, entries: &mut [Entry]) -> Result<(), Failure> {
        if number != self.number {
            self.holdings = None;
        }
        self.number = number.saturating_sub(1);
        let Some(holdings) = &mut self.holdings else {
            return Ok(());
        };
        for entry in entries.iter_mut().rev() {
            let Some(code) = entry.asset else {
                continue;
            };
            let held = holdings.entry(code).or_default();
            entry.held = Some(Amount(*held));
            let earlier = match entry.direction {
                Direction::In => held.checked_sub(entry.units.0),
                Direction::Out => held.checked_add(entry.units.0),
                Direction::Itself | Direction::None => Some(*held),
            };
            *held = earlier.ok_or_else(|| disagreeing("the history does not lead to the balance"))?;
        }
        Ok(())
    }
}

fn disagreeing(what: &str) -> Failure {
    Failure::new(Exit::CheckFailed, format!("the node contradicts itself: {what}"))
        .hint("ask another node with --node")
}

/// The operations of a transaction that touch an account, in their order. A failed one did nothing, and is one entry.
fn entries_of(transaction: &Transaction, number: u64, account: &Address) -> Vec<Entry> {
    let base = |operation: Option<usize>, kind| Entry {
        number,
        transaction: transaction.id,
        height: transaction.height,
        time: transaction.timestamp.map(rfc3339_of),
        status: transaction.status,
        code: transaction.code.clone(),
        operation,
        kind,
        direction: Direction::None,
        asset: None,
        amount: None,
        decimal: None,
        counterparty: None,
        memo: String::new(),
        transaction_memo: transaction.memo.clone(),
        balance: None,
        balance_decimal: None,
        units: Amount(0),
        held: None,
        view: None,
        more: 0,
    };
    let operations = &transaction.operations;
    if transaction.status != TransactionStatus::Committed {
        let first = operations.first();
        return vec![Entry {
            view: first.cloned(),
            more: operations.len().saturating_sub(1),
            ..base(None, first.map_or("nothing", kind))
        }];
    }
    let sender = transaction.sender;
    let touching = operations.iter().enumerate().filter_map(|(place, operation)| {
        let moved = |direction, asset: &AssetCode, amount: &Amount| Entry {
            direction,
            asset: Some(*asset),
            units: *amount,
            ..base(Some(place), kind(operation))
        };
        match operation {
            OperationView::Transfer {
                to,
                asset,
                amount,
                memo,
            } => {
                let (direction, counterparty) = match (sender == *account, to == account) {
                    (true, true) => (Direction::Itself, None),
                    (true, false) => (Direction::Out, Some(*to)),
                    (false, true) => (Direction::In, Some(sender)),
                    (false, false) => return None,
                };
                Some(Entry {
                    counterparty,
                    memo: memo.clone(),
                    ..moved(direction, asset, amount)
                })
            }
            OperationView::Mint { asset, to, amount } if to == account => Some(Entry {
                counterparty: (sender != *account).then_some(sender),
                ..moved(Direction::In, asset, amount)
            }),
            _ if sender != *account => None,
            OperationView::Burn { asset, amount } => Some(moved(Direction::Out, asset, amount)),
            other => Some(Entry {
                memo: note_of(other),
                view: Some(other.clone()),
                ..base(Some(place), kind(other))
            }),
        }
    });
    touching.collect()
}

/// What a sender wrote beside an operation that moves nothing.
fn note_of(operation: &OperationView) -> String {
    match operation {
        OperationView::CreateAsset { description, .. } => description.clone(),
        OperationView::PutRecord { label, .. } => label.clone(),
        _ => String::new(),
    }
}

/// The kind of an operation, by its name in JSON.
fn kind(operation: &OperationView) -> &'static str {
    match operation {
        OperationView::CreateAsset { .. } => "create_asset",
        OperationView::Mint { .. } => "mint",
        OperationView::Burn { .. } => "burn",
        OperationView::Transfer { .. } => "transfer",
        OperationView::PutRecord { .. } => "put_record",
        OperationView::SetSigners { .. } => "set_signers",
        OperationView::Rejoin { .. } => "rejoin",
    }
}

impl Entry {
    /// Fills in what is written of amounts.
    fn write_out(&mut self, decimals: &Decimals) {
        let Some(code) = self.asset else {
            return;
        };
        self.amount = Some(self.units.to_string());
        self.decimal = decimals.plain(self.units, &code);
        self.balance = self.held.map(|held| held.to_string());
        self.balance_decimal = self.held.and_then(|held| decimals.plain(held, &code));
    }

    fn sign(&self) -> &'static str {
        match self.direction {
            Direction::In => "+",
            Direction::Out => "-",
            Direction::Itself | Direction::None => "",
        }
    }

    /// What happened, in words.
    fn what(&self, decimals: &Decimals) -> String {
        let with = |word: &str, other: Option<Address>| match other {
            Some(other) => format!("{word} {other}"),
            None => String::new(),
        };
        let mut what = match (self.direction, self.kind) {
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

fn text(
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
    use quorate_client::schema::Balance;
    use quorate_client::wallet::TransactionBuilder;
    use quorate_crypto::SigningKey;
    use quorate_ledger::{ErrorCode, Operation, Outcome};

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
