//! Transactions: the list, and a page for each.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::schema::{
    Account, OperationView, SignatureView, Transaction, TransactionList, TransactionStatus,
};
use quorate_client::spreadsheet::cell;
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::format_amount;
use quorate_crypto::PublicKey;
use quorate_ledger::visible;

use super::here::Here;
use super::layout::{self, Page, Section};
use super::parts::{self, Row};
use super::selection::{List, Selection};
use super::words::{self, Decimals};
use super::{csv, raw};
use crate::app::{App, At};
use crate::config::{DEFAULT_PAGE, MAX_LOOKED_AT, MAX_PAGE};
use crate::input::{Name, Params, digest};
use crate::node::Snapshot;
use crate::problem::Failure;
use crate::scan::{self, Mark};

/// Transactions of the sender among which a change of its signers is looked for.
const LOOKED_BACK: usize = 50;

const LIST: List = List {
    path: "transactions",
    sender: "Sent by",
    of_transactions: true,
};

const COLUMNS: [&str; 16] = [
    "time",
    "height",
    "index",
    "transaction",
    "status",
    "code",
    "sender",
    "operation",
    "kind",
    "asset",
    "amount",
    "units",
    "to",
    "sha256",
    "note",
    "memo",
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
    let decimals = Decimals::of(snapshot, words::codes_in_short(transactions))?;
    let row = |transaction: &Transaction| {
        let summary = words::summary(&transaction.operations, &decimals);
        let cells = vec![
            transaction.timestamp.map(parts::moment).unwrap_or_default(),
            parts::transaction(&transaction.id),
            transaction.height.map(parts::block).unwrap_or_default(),
            parts::account(&transaction.sender),
            words::told(transaction.status, &summary),
            parts::status(transaction.status),
        ];
        Row::of(transaction.status, cells)
    };
    let columns = ["Time (UTC)", "Transaction", "Block", "Sender", "What", "Status"];
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
        let codes = transactions
            .iter()
            .flat_map(|transaction| words::codes(&transaction.operations));
        let decimals = Decimals::of(snapshot, codes)?;
        let mut table = csv::Table::new(COLUMNS);
        let mut rest = transactions.iter().peekable();
        while let Some(transaction) = rest.next() {
            for (place, operation) in transaction.operations.iter().enumerate() {
                table.row(cells(transaction, place, operation, &decimals));
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
fn cells(
    transaction: &Transaction,
    place: usize,
    operation: &OperationView,
    decimals: &Decimals,
) -> [String; COLUMNS.len()] {
    let (mut units, mut to, mut sha256, mut note) = (None, None, None, "");
    match operation {
        OperationView::CreateAsset { description, .. } => note = description.as_str(),
        OperationView::Mint {
            to: payee, amount, ..
        } => (units, to) = (Some(*amount), Some(payee)),
        OperationView::Burn { amount, .. } => units = Some(*amount),
        OperationView::Transfer {
            to: payee,
            amount,
            memo,
            ..
        } => (units, to, note) = (Some(*amount), Some(payee), memo.as_str()),
        OperationView::PutRecord {
            sha256: hash, label, ..
        } => {
            (sha256, note) = (Some(hash), label.as_str());
        }
        OperationView::SetSigners { .. } | OperationView::Rejoin { .. } => {}
    }
    // A transaction that failed may name an asset that there is not.
    let known = operation.asset().and_then(|asset| decimals.get(&asset));
    let amount = units
        .zip(known)
        .map(|(units, decimals)| format_amount(units, decimals));
    [
        csv::or_empty(transaction.timestamp.map(rfc3339_of)),
        csv::or_empty(transaction.height),
        csv::or_empty(transaction.index),
        transaction.id.to_string(),
        parts::status_name(transaction.status).to_owned(),
        csv::or_empty(transaction.code.as_ref()),
        transaction.sender.to_string(),
        place.to_string(),
        operation.kind().to_string(),
        csv::or_empty(operation.asset()),
        csv::or_empty(amount),
        csv::or_empty(units),
        csv::or_empty(to),
        csv::or_empty(sha256),
        cell(note),
        cell(&transaction.memo),
    ]
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
        let decimals = Decimals::of(snapshot, words::codes(&transaction.operations))?;
        let sender = snapshot.account(&transaction.sender)?;
        let authority = Authority {
            certain: same_signers(snapshot, &transaction, &sender)?,
            sender,
        };
        let title = format!("Transaction {}", parts::shorten(&id.to_string()));
        Ok(Page {
            title,
            section: Section::Transactions,
            body: body(&transaction, &decimals, &authority),
        })
    })
    .await
}

/// Who may sign for the sender.
struct Authority {
    sender: Account,
    /// Whether that was so when the transaction was executed. The chain keeps only the signers of now.
    certain: bool,
}

/// Whether the sender has certainly had the same signers since before the transaction.
fn same_signers(
    snapshot: &dyn Snapshot,
    transaction: &Transaction,
    sender: &Account,
) -> Result<bool, Failure> {
    let Some(place) = transaction.height.zip(transaction.index) else {
        return Ok(true);
    };
    if sender.signers.is_empty() {
        return Ok(true);
    }
    let latest = snapshot.history(&sender.address, None, LOOKED_BACK)?;
    for later in &latest {
        if later.height.zip(later.index) < Some(place) {
            return Ok(true);
        }
        let sets = |operation: &OperationView| matches!(operation, OperationView::SetSigners { .. });
        let own = later.sender == sender.address && later.status == TransactionStatus::Committed;
        if own && later.operations.iter().any(sets) {
            return Ok(false);
        }
    }
    Ok(latest.len() < LOOKED_BACK)
}

fn body(transaction: &Transaction, decimals: &Decimals, authority: &Authority) -> Markup {
    let status = parts::status_name(transaction.status);
    let failing = |index: u16| transaction.failed_operation == Some(index);
    // All or nothing: what stands beside a failing operation did not happen either.
    let undone = matches!(
        transaction.status,
        TransactionStatus::Failed | TransactionStatus::Expired
    );
    let class = |index: u16| match failing(index) {
        true => Some("failing undone"),
        false => undone.then_some("undone"),
    };
    html! {
        div .title { h1 { "Transaction" } }
        div .outcome .(status) #outcome data-status=(status) data-code=[transaction.code.as_deref()] {
            (parts::status(transaction.status)) p { (words::outcome(transaction)) }
        }
        (facts(transaction))
        section aria-labelledby="operations-title" {
            h2 #operations-title { "Operations " span .count { (parts::number(transaction.operations.len())) } }
            ol .operations #operations {
                @for (index, operation) in (0_u16..).zip(&transaction.operations) {
                    li class=[class(index)] {
                        span .kind { (words::kind(operation.kind())) }
                        div {
                            @if undone {
                                span .badge.failed { @if failing(index) { "Failed" } @else { "Not done" } } " "
                                s { (words::sentence(operation, decimals)) }
                            } @else {
                                (words::sentence(operation, decimals))
                            }
                            (details(operation))
                        }
                    }
                }
            }
        }
        (signatures(&transaction.signatures, authority))
    }
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
    if let (Some(height), Some(index)) = (transaction.height, transaction.index) {
        facts.push((
            "Block",
            html! { (parts::block(height)) ", index " (parts::number(index)) },
        ));
    }
    if let Some(timestamp) = transaction.timestamp {
        facts.push(("Time", parts::time_in_full(timestamp)));
    }
    if !transaction.memo.is_empty() {
        facts.push(("Memo", html! { q #memo { (visible(&transaction.memo)) } }));
    }
    facts.push(("Valid until", parts::time_in_full(transaction.expires_at)));
    facts.push(("Salt", parts::short(&hex::encode(transaction.salt), "salt")));
    let address = format!("transactions/{}", transaction.id);
    let links = raw::links(&format!("v1/{address}"), Some(&format!("{address}/bytes")));
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
        _ => html! {},
    }
}

/// The signatures, those that count for the sender apart from those that do not.
fn signatures(signatures: &[SignatureView], authority: &Authority) -> Markup {
    let Authority { sender, certain } = authority;
    let counted = |signature: &SignatureView| weight(&signature.key, sender);
    let row = |signature: &SignatureView| {
        let weight = counted(signature);
        let cells = vec![
            parts::short(&signature.key.to_string(), "public key"),
            parts::account(&signature.key.address()),
            html! {
                @match weight {
                    Some(weight) => { span .badge.committed { "Weight " (parts::number(weight)) } },
                    None if *certain => { span .badge.failed { "Does not count" } },
                    None => { span .badge { "No signer now" } },
                }
            },
            parts::short(&signature.signature.to_string(), "signature"),
        ];
        Row::counting(weight.is_some() || !certain, cells)
    };
    let rows = signatures.iter().map(row).collect();
    let columns = ["Key", "The key’s own account", "For the sender", "Signature"];
    let total: u64 = signatures.iter().filter_map(counted).map(u64::from).sum();
    html! {
        section aria-labelledby="signatures-title" {
            h2 #signatures-title { "Signatures " span .count { (parts::number(signatures.len())) } }
            @if *certain {
                p {
                    "Those that count have weight " strong #weight { (parts::number(total)) }
                    "; the sender needs " strong { (parts::number(sender.threshold)) } "."
                }
            } @else {
                p { "The sender’s signers have changed since, or may have: the weights are those of now." }
            }
            (parts::table("signatures", &columns, rows, "None."))
        }
    }
}

/// What a key's signature weighs for an account; none if it is no signer of it.
fn weight(key: &PublicKey, account: &Account) -> Option<u32> {
    if account.signers.is_empty() {
        return (key.address() == account.address).then_some(1);
    }
    let signer = account.signers.iter().find(|signer| signer.key == *key);
    signer.map(|signer| signer.weight)
}
