//! An account's statement: its entries between two points, with what each changed and the balances before and after.
//! The page is as this node's indexes have it; the proof that it leads to is what others can check.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::When;
use quorate_client::schema::{Balance, Transaction};
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::format_amount;
use quorate_ledger::{Address, Amount, AssetCode, BalanceChange, Height};

use super::here::Here;
use super::known::Known;
use super::layout::{self, Page, Section};
use super::parts::{self, Row};
use super::{checks, csv, raw, selection, words};
use crate::app::{App, At};
use crate::config::{DEFAULT_PAGE, MAX_ENTRIES_LOOKED_AT};
use crate::cursor::ListTag;
use crate::input::{Name, Params, address, whole_number};
use crate::node::{EntryChanges, Fault, Snapshot};
use crate::problem::Failure;
use crate::scan;

/// What a statement is of. Its end is always said: later blocks change nothing of its pages.
#[derive(Clone, Copy)]
struct Asked {
    address: Address,
    from: Option<When>,
    to: Option<When>,
}

/// One page of a statement, or one file.
struct Statement {
    asked: Asked,
    numbers: Range<u64>,
    /// Numbered from this one on.
    first: u64,
    entries: Vec<Entry>,
    opening: Vec<Balance>,
    closing: Vec<Balance>,
    known: Known,
    tip: Height,
}

struct Entry {
    transaction: Transaction,
    changes: Vec<BalanceChange>,
}

impl Asked {
    fn read(name: &str, params: &Params) -> Result<Self, Failure> {
        params.only(&["from", "to", "cursor"])?;
        let spelt = params.spelt(selection::spelt);
        Ok(Self {
            address: address(name)?,
            from: spelt.when("from")?,
            to: spelt.when("to")?,
        })
    }

    fn tag(&self) -> ListTag {
        ListTag::statement(&self.address, self.from, self.to)
    }

    /// The same with an end that is certified: the last block of now, if nothing is said or what is not there yet.
    fn ended(self, tip: Height) -> Self {
        let to = match self.to {
            Some(When::Height(height)) => When::Height(height.min(tip)),
            Some(time) => time,
            None => When::Height(tip),
        };
        Self { to: Some(to), ..self }
    }

    fn path(&self, what: &str, cursor: Option<&str>) -> String {
        let said = [
            ("from", self.from.map(|from| from.to_string())),
            ("to", self.to.map(|to| to.to_string())),
            ("cursor", cursor.map(str::to_owned)),
        ];
        let said = said.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let said: Vec<String> = said.map(|(name, value)| format!("{name}={value}")).collect();
        format!("accounts/{}/statement{what}?{}", self.address, said.join("&"))
    }
}

impl Statement {
    fn read(
        snapshot: &dyn Snapshot,
        asked: Asked,
        cursor: Option<u64>,
        limit: usize,
    ) -> Result<Self, Failure> {
        let tip = snapshot.height();
        let asked = asked.ended(tip);
        let address = asked.address;
        let numbers = scan::numbers(snapshot, &address, asked.from, asked.to)?;
        let first = cursor.unwrap_or(0).max(numbers.start).min(numbers.end);
        let wanted = first..numbers.end;
        let transactions = scan::entries(snapshot, &address, &wanted, limit)?;
        let end = first + transactions.len() as u64;
        let changes = changes(snapshot, &address, &(first..end))?;
        let opening = snapshot.balances_after(&address, numbers.start - 1)?;
        let closing = snapshot.balances_after(&address, numbers.end - 1)?;
        let mut known = Known::of(snapshot, words::in_full(&transactions))?;
        for balance in opening.iter().chain(&closing) {
            known.learn_asset(snapshot, balance.asset)?;
        }
        for change in changes.iter().flatten() {
            known.learn_asset(snapshot, change.asset)?;
        }
        let entries = transactions.into_iter().zip(changes);
        Ok(Self {
            asked,
            numbers,
            first,
            entries: entries
                .map(|(transaction, changes)| Entry { transaction, changes })
                .collect(),
            opening,
            closing,
            known,
            tip,
        })
    }

    /// The number with which the next page begins.
    fn next(&self) -> Option<u64> {
        let next = self.first + self.entries.len() as u64;
        (next < self.numbers.end).then_some(next)
    }

    fn next_cursor(&self) -> Option<String> {
        self.next().map(|next| self.asked.tag().cursor(next))
    }
}

/// What entries with these numbers changed, oldest first.
fn changes(
    snapshot: &dyn Snapshot,
    address: &Address,
    numbers: &Range<u64>,
) -> Result<Vec<Vec<BalanceChange>>, Fault> {
    let mut changes = Vec::new();
    let mut below = numbers.end;
    while below > numbers.start {
        let left = usize::try_from(below - numbers.start).unwrap_or(usize::MAX);
        let piece = snapshot.changes(address, Some(below), left)?;
        let lowest = piece.last().map(|entry| entry.number);
        let lowest = lowest.filter(|lowest| (numbers.start..below).contains(lowest));
        below =
            lowest.ok_or_else(|| Fault(format!("the history of {address} lacks entries below {below}")))?;
        changes.extend(piece.into_iter().map(|EntryChanges { changes, .. }| changes));
    }
    changes.reverse();
    Ok(changes)
}

pub(super) async fn page(State(app): State<App>, here: Here, Name(name): Name, params: Params) -> Response {
    layout::answer(&app, &here, read_page(&app, &name, &params).await)
}

async fn read_page(app: &App, name: &str, params: &Params) -> Result<At<Page>, Failure> {
    let asked = Asked::read(name, params)?;
    let cursor = params.cursor(&asked.tag(), whole_number)?;
    app.read(None, move |snapshot, _| {
        let statement = Statement::read(snapshot, asked, cursor, DEFAULT_PAGE)?;
        let title = format!("Statement of {}", parts::shorten(&asked.address.to_string()));
        Ok(Page {
            title,
            section: Section::None,
            body: body(&statement, &asked),
        })
    })
    .await
}

fn body(statement: &Statement, asked: &Asked) -> Markup {
    let Statement { asked: ended, .. } = statement;
    let count = statement.numbers.end - statement.numbers.start;
    let begins = statement.first == statement.numbers.start;
    let first = ended.path("", None);
    let next = statement.next_cursor().map(|next| ended.path("", Some(&next)));
    let cursor = (!begins).then(|| ended.tag().cursor(statement.first));
    let (file, proof) = (ended.path(".csv", cursor.as_deref()), ended.path("/proof", None));
    html! {
        div .title { h1 { "Statement" } }
        (parts::facts([
            ("Account", parts::account(&ended.address)),
            ("From", end(ended.from, statement.tip)),
            ("To", end(ended.to, statement.tip)),
            ("As of", html! { "block " (parts::block(statement.tip)) }),
        ]))
        form .filters #statement action={ "accounts/" (ended.address) "/statement" } method="get" aria-label="Statement" {
            (selection::field("from", "From (UTC)", "date or height", selection::shown(asked.from, selection::FIRST).as_deref()))
            (selection::field("to", "To (UTC)", "date or height", selection::shown(asked.to, selection::LAST).as_deref()))
            div .act { button type="submit" { "Show the statement" } }
        }
        section aria-labelledby="balances-title" {
            h2 #balances-title { "Balances" }
            (balances(statement))
        }
        section aria-labelledby="entries-title" {
            h2 #entries-title { "Entries, earliest first " span .count { (parts::number(count)) } }
            (entries(statement))
            (parts::pager((!begins).then_some(first.as_str()), next.as_deref().map(|href| (href, "Later entries"))))
            (raw::list(Some(&file), None, Some(&proof).filter(|_| statement.tip > Height::GENESIS).map(String::as_str)))
        }
        // Before the first block nothing is sealed.
        @if statement.tip > Height::GENESIS {
            (checks::section("statement-page", &ended.address.to_string(), &proof))
        }
    }
}

/// An end of the time that a statement is of; both are in it.
fn end(point: Option<When>, tip: Height) -> Markup {
    match point {
        Some(When::Height(Height::GENESIS)) | None => html! { "The beginning" },
        Some(When::Height(height)) if height > tip => html! { "Block " (parts::number(height)) },
        Some(When::Height(height)) => html! { "Block " (parts::block(height)) ", itself included" },
        Some(When::Time(time)) => parts::time_in_full(time),
    }
}

fn balances(statement: &Statement) -> Markup {
    let of = |balances: &[Balance]| -> BTreeMap<AssetCode, (Amount, Amount)> {
        let own = balances.iter();
        own.map(|own| (own.asset, (own.amount, own.held))).collect()
    };
    let (opening, closing) = (of(&statement.opening), of(&statement.closing));
    let assets: BTreeSet<&AssetCode> = opening.keys().chain(closing.keys()).collect();
    let row = |asset: &AssetCode| {
        let decimals = statement.known.decimals(asset);
        let nothing = (Amount(0), Amount(0));
        let (free_before, held_before) = opening.get(asset).copied().unwrap_or(nothing);
        let (free_after, held_after) = closing.get(asset).copied().unwrap_or(nothing);
        vec![
            parts::asset(asset),
            html! { span data-opening=(asset) { (parts::amount(free_before, decimals)) } },
            parts::amount(held_before, decimals),
            html! { span data-closing=(asset) { (parts::amount(free_after, decimals)) } },
            parts::amount(held_after, decimals),
        ]
    };
    let rows = assets.into_iter().map(row).collect();
    let columns = ["Asset", "Opening", "Held then", "Closing", "Held at the end"];
    parts::table(
        "balances",
        &columns,
        rows,
        "The account had nothing, and has nothing.",
    )
}

fn entries(statement: &Statement) -> Markup {
    let row = |entry: &Entry| {
        let transaction = &entry.transaction;
        let summary = words::summary_for(&statement.asked.address, transaction, &statement.known);
        let cells = vec![
            html! { span .number { @if let Some(number) = transaction.number { (parts::number(number)) } } },
            transaction.timestamp.map(parts::moment).unwrap_or_default(),
            parts::transaction(&transaction.id),
            words::told(transaction.status, &summary),
            changed(&entry.changes, &statement.known),
            left(&entry.changes, &statement.known),
        ];
        Row::of(transaction.status, cells)
    };
    let rows = statement.entries.iter().map(row).collect();
    let columns = [
        "Number",
        "Time (UTC)",
        "Transaction",
        "What",
        "Change",
        "Balance after",
    ];
    parts::table("entries", &columns, rows, "No entry is in this time.")
}

/// What comes or goes, with its sign.
fn signed(before: Amount, after: Amount, code: &AssetCode, known: &Known) -> Markup {
    let amount = Amount(after.0.abs_diff(before.0));
    html! { span .money { @if after < before { "−" } @else { "+" } (known.amount(amount, code)) } }
}

fn changed(changes: &[BalanceChange], known: &Known) -> Markup {
    html! {
        @if changes.is_empty() { span .aside { "none" } }
        @else {
            ul .plain {
                @for change in changes {
                    @if change.free_before != change.free_after {
                        li { (signed(change.free_before, change.free_after, &change.asset, known)) }
                    }
                    @if change.held_before != change.held_after {
                        li { "held " (signed(change.held_before, change.held_after, &change.asset, known)) }
                    }
                }
            }
        }
    }
}

fn left(changes: &[BalanceChange], known: &Known) -> Markup {
    html! {
        @if changes.is_empty() { span .aside { "as before" } }
        @else {
            ul .plain {
                @for change in changes {
                    li {
                        (known.amount(change.free_after, &change.asset))
                        @if change.held_after > Amount(0) { ", held " (known.amount(change.held_after, &change.asset)) }
                    }
                }
            }
        }
    }
}

const COLUMNS: [&str; 14] = [
    "row",
    "number",
    "time",
    "height",
    "index",
    "transaction",
    "status",
    "asset",
    "change",
    "free_before",
    "free_after",
    "held_before",
    "held_after",
    "decimals",
];

/// The statement as a file.
pub(super) async fn file(State(app): State<App>, here: Here, Name(name): Name, params: Params) -> Response {
    let file = format!("statement-{name}.csv");
    csv::answer(&app, &here, &file, read_file(&app, &name, &params).await)
}

async fn read_file(app: &App, name: &str, params: &Params) -> Result<At<csv::File>, Failure> {
    let asked = Asked::read(name, params)?;
    let cursor = params.cursor(&asked.tag(), whole_number)?;
    app.read(None, move |snapshot, _| {
        let statement = Statement::read(snapshot, asked, cursor, MAX_ENTRIES_LOOKED_AT)?;
        let mut table = csv::Table::new(COLUMNS);
        if statement.first == statement.numbers.start {
            for balance in &statement.opening {
                table.row(of_balance("opening", balance, &statement.known));
            }
        }
        for entry in &statement.entries {
            if entry.changes.is_empty() {
                table.row(of_entry(entry, None, &statement.known));
            }
            for change in &entry.changes {
                table.row(of_entry(entry, Some(change), &statement.known));
            }
        }
        let next = statement.next_cursor();
        if next.is_none() {
            for balance in &statement.closing {
                table.row(of_balance("closing", balance, &statement.known));
            }
        }
        Ok(table.end(next.map(|next| statement.asked.path(".csv", Some(&next)))))
    })
    .await
}

/// A row of an opening or closing balance.
fn of_balance(row: &str, balance: &Balance, known: &Known) -> [String; COLUMNS.len()] {
    let mut cells: [String; COLUMNS.len()] = std::array::from_fn(|_| String::new());
    row.clone_into(&mut cells[0]);
    cells[7] = balance.asset.to_string();
    cells[10] = balance.amount.to_string();
    cells[12] = balance.held.to_string();
    cells[13] = csv::or_empty(known.decimals(&balance.asset));
    cells
}

/// A row of what an entry changed of one asset, or of an entry that changed nothing.
fn of_entry(entry: &Entry, change: Option<&BalanceChange>, known: &Known) -> [String; COLUMNS.len()] {
    let transaction = &entry.transaction;
    let decimals = change.and_then(|change| known.decimals(&change.asset));
    let told = change.zip(decimals).map(|(change, decimals)| {
        let moved = Amount(change.free_after.0.abs_diff(change.free_before.0));
        let sign = if change.free_after < change.free_before {
            "-"
        } else {
            ""
        };
        format!("{sign}{}", format_amount(moved, decimals))
    });
    [
        "entry".to_owned(),
        csv::or_empty(transaction.number),
        csv::or_empty(transaction.timestamp.map(rfc3339_of)),
        csv::or_empty(transaction.height),
        csv::or_empty(transaction.index),
        transaction.id.to_string(),
        parts::status_name(transaction.status).to_owned(),
        csv::or_empty(change.map(|change| change.asset)),
        csv::or_empty(told),
        csv::or_empty(change.map(|change| change.free_before)),
        csv::or_empty(change.map(|change| change.free_after)),
        csv::or_empty(change.map(|change| change.held_before)),
        csv::or_empty(change.map(|change| change.held_after)),
        csv::or_empty(decimals),
    ]
}
