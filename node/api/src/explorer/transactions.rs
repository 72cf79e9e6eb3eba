//! A page for each transaction.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::schema::{Account, OperationView, SignatureView, Transaction, TransactionStatus};
use quorate_crypto::PublicKey;
use quorate_ledger::visible;

use super::here::Here;
use super::layout::{self, Page, Section};
use super::parts::{self, Row};
use super::raw;
use super::words::{self, Decimals};
use crate::app::{App, At};
use crate::input::{Name, digest};
use crate::node::Snapshot;
use crate::problem::Failure;

/// Transactions of the sender among which a change of its signers is looked for.
const LOOKED_BACK: usize = 50;

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
            section: Section::None,
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
    let status = match transaction.status {
        TransactionStatus::Pending => "pending",
        TransactionStatus::Committed => "committed",
        TransactionStatus::Failed => "failed",
        TransactionStatus::Expired => "expired",
    };
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
                        span .kind { (words::kind(operation)) }
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
