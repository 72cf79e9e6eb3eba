//! Transactions: the list, and a page for each.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::schema::{
    HoldName, OperationView, Transaction, TransactionList, TransactionStatus, WithheldText,
};
use quorate_client::spreadsheet::cell;
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::format_amount;
use quorate_ledger::{Digest, visible};

use super::authority::Authority;
use super::here::Here;
use super::known::Known;
use super::layout::{self, Page, Section};
use super::parts::{self, Row};
use super::selection::{List, Selection};
use super::{checks, csv, raw, words};
use crate::app::{App, At};
use crate::config::{DEFAULT_PAGE, MAX_LOOKED_AT, MAX_PAGE};
use crate::input::{Name, Params, digest};
use crate::node::Snapshot;
use crate::problem::Failure;
use crate::scan::{self, Mark};

const LIST: List = List {
    path: "transactions",
    sender: "Sent by",
    of_transactions: true,
};

const COLUMNS: [&str; 20] = [
    "time",
    "height",
    "index",
    "transaction",
    "status",
    "code",
    "sender",
    "operation",
    "by",
    "kind",
    "asset",
    "amount",
    "units",
    "to",
    "hold",
    "until",
    "sha256",
    "note",
    "memo",
    "withheld",
];

pub(super) async fn list(State(app): State<App>, here: Here, params: Params) -> Response {
    layout::answer(&app, &here, read_list(&app, &params).await)
}

async fn read_list(app: &App, params: &Params) -> Result<At<Page>, Failure> {
    let selection = Selection::read(LIST, params, MAX_PAGE)?;
    let tag = selection.tag();
    let before = params.cursor(&tag, |text| Mark::read(&selection.filter, text))?;
    app.read(None, move |snapshot, _| {
        let limit = selection.limit.unwrap_or(DEFAULT_PAGE);
        let list = tag.page(scan::list(snapshot, &selection.filter, before, limit)?);
        let TransactionList { transactions, next } = list;
        let cursor = before.map(|mark| tag.cursor(mark));
        let (cursor, next) = (cursor.as_deref(), next.as_deref());
        let nothing = selection.nothing(next.is_some(), "No transaction has been executed yet.");
        let body = html! {
            h1 { "Transactions" }
            (selection.form())
            (table(snapshot, &transactions, nothing)?)
            (selection.pager(cursor, next, "Older transactions"))
            (selection.as_data("transactions", cursor))
        };
        Ok(Page {
            title: "Transactions".to_owned(),
            section: Section::Transactions,
            body,
        })
    })
    .await
}

fn table(
    snapshot: &dyn Snapshot,
    transactions: &[Transaction],
    nothing: &'static str,
) -> Result<Markup, Failure> {
    let known = Known::of(snapshot, words::in_short(transactions))?;
    let row = |transaction: &Transaction| {
        let summary = words::summary(transaction, &known);
        let cells = vec![
            transaction.timestamp.map(parts::moment).unwrap_or_default(),
            parts::transaction(&transaction.id),
            transaction.height.map(parts::block).unwrap_or_default(),
            parts::parties(&transaction.parties),
            words::told(transaction.status, &summary),
            parts::status(transaction.status),
        ];
        Row::of(transaction.status, cells)
    };
    let columns = ["Time (UTC)", "Transaction", "Block", "Parties", "What", "Status"];
    let rows = transactions.iter().map(row).collect();
    Ok(parts::table("transactions", &columns, rows, nothing))
}

/// The list as a file, with a row for each operation.
pub(super) async fn file(State(app): State<App>, here: Here, params: Params) -> Response {
    csv::answer(&app, &here, "transactions.csv", read_file(&app, &params).await)
}

async fn read_file(app: &App, params: &Params) -> Result<At<csv::File>, Failure> {
    let selection = Selection::read(LIST, params, MAX_LOOKED_AT)?;
    let tag = selection.tag();
    let before = params.cursor(&tag, |text| Mark::read(&selection.filter, text))?;
    app.read(None, move |snapshot, _| {
        let limit = selection.limit.unwrap_or(MAX_LOOKED_AT);
        let list = tag.page(scan::list(snapshot, &selection.filter, before, limit)?);
        let TransactionList {
            transactions,
            mut next,
        } = list;
        let mut known = Known::default();
        let mut table = csv::Table::new(COLUMNS);
        let mut rest = transactions.iter().peekable();
        while let Some(transaction) = rest.next() {
            for (place, act) in transaction.operations.iter().enumerate() {
                // Looked up as it is told: a file may end long before its list does.
                known.learn(snapshot, act)?;
                table.row(cells(transaction, place, &known));
            }
            // What its transaction says stands in each operation's row: a file is longer than the list.
            if table.is_full() && rest.peek().is_some() {
                next = Some(tag.cursor(Mark::after(&selection.filter, transaction)?));
                break;
            }
        }
        Ok(table.end(next.map(|next| selection.file(selection.limit, Some(&next)))))
    })
    .await
}

/// A row of the file: an operation, with what its transaction says of it.
fn cells(transaction: &Transaction, place: usize, known: &Known) -> [String; COLUMNS.len()] {
    let act = &transaction.operations[place];
    let operation = &act.operation;
    let (mut to, mut hold, mut until, mut sha256, mut note) = (None, None, None, None, "");
    match operation {
        OperationView::CreateAsset { description, .. } => note = description.as_str(),
        OperationView::Mint { to: payee, .. } => to = Some(*payee),
        OperationView::Transfer { to: payee, memo, .. } => (to, note) = (Some(*payee), memo.as_str()),
        OperationView::PutRecord {
            sha256: hash, label, ..
        } => (sha256, note) = (Some(hash), label.as_str()),
        OperationView::Hold {
            beneficiary,
            until: end,
            memo,
            ..
        } => {
            hold = u16::try_from(place)
                .ok()
                .map(|place| hold_cell(&transaction.id, place));
            (to, until, note) = (Some(*beneficiary), Some(*end), memo.as_str());
        }
        OperationView::Release { hold: of, .. } => {
            (to, hold) = (known.hold(of).map(|made| made.beneficiary), Some(named(of)));
        }
        OperationView::Refund { hold: of } => (to, hold) = (Some(of.owner), Some(named(of))),
        OperationView::Burn { .. }
        | OperationView::SetSigners { .. }
        | OperationView::Rejoin { .. }
        | OperationView::Erase { .. }
        | OperationView::Governance { .. } => {}
    }
    let moved = known.moved(transaction, place);
    let asset = moved.and_then(|moved| moved.asset).or(operation.asset());
    let units = moved.and_then(|moved| moved.amount);
    // A transaction that failed may name an asset that there is not.
    let decimals = asset.and_then(|asset| known.decimals(&asset));
    let amount = units
        .zip(decimals)
        .map(|(units, decimals)| format_amount(units, decimals));
    let withheld = transaction
        .withheld
        .iter()
        .filter_map(|text| match text.operation {
            None => Some(("memo", text)),
            Some(operation) if usize::from(operation) != place => None,
            Some(_) if text.field == "metadata" => Some(("metadata", text)),
            Some(_) => Some(("note", text)),
        });
    [
        csv::or_empty(transaction.timestamp.map(rfc3339_of)),
        csv::or_empty(transaction.height),
        csv::or_empty(transaction.index),
        transaction.id.to_string(),
        parts::status_name(transaction.status).to_owned(),
        csv::or_empty(transaction.code.as_ref()),
        transaction.sender.to_string(),
        place.to_string(),
        act.by.to_string(),
        operation.kind().to_string(),
        csv::or_empty(asset),
        csv::or_empty(amount),
        csv::or_empty(units),
        csv::or_empty(to),
        csv::or_empty(hold),
        csv::or_empty(until.map(rfc3339_of)),
        csv::or_empty(sha256),
        cell(note),
        cell(&transaction.memo),
        csv::withheld(withheld),
    ]
}

/// A hold's name in a cell: the transaction that made it, and the operation's place there.
fn hold_cell(transaction: &Digest, operation: u16) -> String {
    format!("{transaction}.{operation}")
}

fn named(hold: &HoldName) -> String {
    hold_cell(&hold.transaction, hold.operation)
}

pub(super) async fn page(State(app): State<App>, here: Here, Name(name): Name) -> Response {
    layout::answer(&app, &here, read(&app, &name).await)
}

async fn read(app: &App, name: &str) -> Result<At<Page>, Failure> {
    let id = digest(name, "a transaction id")?;
    // The pool first: what leaves it in between is in every later snapshot.
    let pending = app.node.pending(&id);
    app.read(None, move |snapshot, _| {
        let transaction = snapshot.transaction(&id)?.or(pending).ok_or_else(|| {
            let detail = "No transaction with this id was executed, and none is pending on this validator.";
            Failure::not_found("unknown_transaction", detail)
        })?;
        let known = Known::of_one(snapshot, &transaction)?;
        let authority = Authority::of(snapshot, &transaction)?;
        let title = format!("Transaction {}", parts::shorten(&id.to_string()));
        Ok(Page {
            title,
            section: Section::Transactions,
            body: body(&transaction, &known, &authority),
        })
    })
    .await
}

fn body(transaction: &Transaction, known: &Known, authority: &Authority) -> Markup {
    let status = parts::status_name(transaction.status);
    html! {
        div .title { h1 { "Transaction" } }
        div .outcome .(status) #outcome data-status=(status) data-code=[transaction.code.as_deref()] {
            (parts::status(transaction.status)) p { (words::outcome(transaction)) }
        }
        (facts(transaction))
        section aria-labelledby="operations-title" {
            h2 #operations-title { "Operations " span .count { (parts::number(transaction.operations.len())) } }
            ol .operations #operations {
                @for place in 0..transaction.operations.len() { (operation(transaction, place, known)) }
            }
        }
        (authority.signatures(&transaction.signatures))
        @if transaction.height.is_some() {
            (checks::section("transaction", &transaction.id.to_string(), &format!("transactions/{}/proof", transaction.id)))
        }
    }
}

/// One operation of the page: who acts, what it does, and what became of it.
fn operation(transaction: &Transaction, place: usize, known: &Known) -> Markup {
    let act = &transaction.operations[place];
    let failing = transaction.failed_operation.map(usize::from) == Some(place);
    // All or nothing: what stands beside a failing operation did not happen either.
    let undone = matches!(
        transaction.status,
        TransactionStatus::Failed | TransactionStatus::Expired
    );
    let class = match failing {
        true => Some("failing undone"),
        false => undone.then_some("undone"),
    };
    let sentence = words::sentence(transaction, place, known);
    html! {
        li class=[class] {
            span .kind { (words::kind(act.operation.kind())) }
            div {
                @if undone {
                    span .badge.failed { @if failing { "Failed" } @else { "Not done" } } " "
                    s { (sentence) }
                } @else {
                    (sentence)
                }
                @if transaction.parties.len() > 1 { span .aside.by data-by=(act.by) { " by " (parts::account(&act.by)) } }
                (details(&act.operation))
                @for text in withheld(transaction, Some(place)) {
                    p .note { (words::capital(&text.field)) " " (words::withheld(text)) }
                }
            }
        }
    }
}

/// The texts of an operation, or of the transaction itself, that are not shown.
fn withheld(transaction: &Transaction, place: Option<usize>) -> impl Iterator<Item = &WithheldText> {
    let texts = transaction.withheld.iter();
    texts.filter(move |text| text.operation.map(usize::from) == place)
}

fn facts(transaction: &Transaction) -> Markup {
    let mut facts = vec![
        (
            "Id",
            html! { span #id { (parts::full(&transaction.id.to_string(), "transaction id")) } },
        ),
        (
            "Sender",
            html! { span #sender { (parts::account(&transaction.sender)) } },
        ),
    ];
    if let [_, others @ ..] = transaction.parties.as_slice()
        && !others.is_empty()
    {
        let list = html! { ul .plain #parties { @for party in others { li { (parts::account(party)) } } } };
        facts.push(("Other parties", list));
    }
    if let (Some(height), Some(index)) = (transaction.height, transaction.index) {
        facts.push((
            "Block",
            html! { (parts::block(height)) ", index " (parts::number(index)) },
        ));
    }
    if let Some(ordinal) = transaction.ordinal {
        facts.push((
            "Place in the log",
            html! { span .number #ordinal { (parts::number(ordinal)) } },
        ));
    }
    if let Some(timestamp) = transaction.timestamp {
        facts.push(("Time", parts::time_in_full(timestamp)));
    }
    if !transaction.memo.is_empty() {
        facts.push(("Memo", html! { q #memo { (visible(&transaction.memo)) } }));
    }
    facts.extend(withheld(transaction, None).map(|text| ("Memo", words::withheld(text))));
    facts.push(("Valid until", parts::time_in_full(transaction.expires_at)));
    facts.push(("Salt", parts::short(&hex::encode(transaction.salt), "salt")));
    let address = format!("transactions/{}", transaction.id);
    let (bytes, proof) = (format!("{address}/bytes"), format!("{address}/proof"));
    // There is neither before it is executed.
    let is_executed = transaction.height.is_some();
    let links = raw::links(
        &format!("v1/{address}"),
        Some(bytes.as_str()).filter(|_| is_executed),
        Some(proof.as_str()).filter(|_| is_executed),
    );
    facts.push(("As data", links));
    parts::facts(facts)
}

/// What a sentence has no room for.
fn details(operation: &OperationView) -> Markup {
    match operation {
        OperationView::PutRecord { metadata, .. } if !metadata.is_empty() => {
            super::records::metadata(metadata)
        }
        OperationView::SetSigners { signers, .. } => html! {
            ul .plain {
                @for signer in signers {
                    li { (parts::short(&signer.key.to_string(), "public key")) " weight " (parts::number(signer.weight)) }
                }
            }
        },
        OperationView::Release { preimages, .. } if !preimages.is_empty() => html! {
            ul .plain { @for preimage in preimages { li { "Shows " (parts::short(preimage, "preimage")) } } }
        },
        _ => html! {},
    }
}
