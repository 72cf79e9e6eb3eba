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
use quorate_client::schema::{HoldName, OperationView, Transaction};
use quorate_client::spreadsheet::cell;
use quorate_client::text::parse_rfc3339_bound;
use quorate_client::{ClientError, Page};
use quorate_ledger::{Address, AssetCode, Timestamp};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::{Output, write_out};
use quorate_tools::wallet::{Ledger, NodeArgs};
use serde::Serialize;

use self::entries::{Direction, Entry, Holds, KnownHold, entries_of, holds_of};
use self::held::{Held, Holdings};
use self::words::{text, withheld};
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

Newest first. Amounts that are held for others count as the account's own until they are
released, so what comes back by a refund changes no balance. A note that was erased is shown
as erased. A day is one of UTC; instead, a time can be given in RFC 3339. In CSV, what nobody
sees in a note, and a character with which a spreadsheet would begin a formula, is written as
\\u{3d}, with its number in hexadecimal.")]
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
        let mut holds = Holds::new();
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
            // Such a list would have no end.
            if list.transactions.is_empty() && list.next.is_some() {
                return Err(disagreeing(
                    "there is more of the history, and nothing of it is shown",
                ));
            }
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
                for hold in holds_of(&transaction) {
                    learn_hold(&mut holds, hold, ledger).await?;
                }
                let (mut entries, is_whole) = entries_of(&transaction, number, address, &holds);
                if !is_whole {
                    held.lose();
                }
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
        let named = views.filter_map(OperationView::asset);
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

/// Finds out of which asset a hold is, and for whom, by what the node shows of the transaction that made it.
async fn learn_hold(holds: &mut Holds, name: HoldName, ledger: &Ledger) -> Result<(), Failure> {
    let key = (name.transaction, name.operation);
    if holds.contains_key(&key) {
        return Ok(());
    }
    let maker = match ledger.client().transaction(&name.transaction).await {
        Ok(maker) => maker,
        Err(ClientError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let made = maker.operations.get(usize::from(name.operation));
    if let Some(OperationView::Hold {
        beneficiary, asset, ..
    }) = made.map(|act| &act.operation)
    {
        let known = KnownHold {
            asset: *asset,
            beneficiary: *beneficiary,
        };
        holds.insert(key, known);
    }
    Ok(())
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
        "withheld",
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
            cell(&entry.withheld.iter().map(withheld).collect::<Vec<_>>().join("; ")),
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
mod tests;
