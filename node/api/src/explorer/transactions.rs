//! A page for each transaction.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::schema::{OperationView, SignatureView, Transaction, TransactionStatus};
use quorate_ledger::visible;

use super::layout::{self, Page, Section};
use super::parts;
use super::words::{self, Decimals};
use crate::app::{App, At};
use crate::input::{Name, digest};
use crate::problem::Failure;

pub(super) async fn page(State(app): State<App>, Name(name): Name) -> Response {
    layout::answer(&app, read(&app, &name).await)
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
        let title = format!("Transaction {}", parts::shorten(&id.to_string()));
        Ok(Page {
            title,
            section: Section::None,
            body: body(&transaction, &decimals),
        })
    })
    .await
}

fn body(transaction: &Transaction, decimals: &Decimals) -> Markup {
    let status = match transaction.status {
        TransactionStatus::Pending => "pending",
        TransactionStatus::Committed => "committed",
        TransactionStatus::Failed => "failed",
        TransactionStatus::Expired => "expired",
    };
    html! {
        div .title { h1 { "Transaction" } }
        div .outcome .(status) #outcome data-status=(status) data-code=[transaction.code.as_deref()] {
            (parts::status(transaction.status)) p { (words::outcome(transaction)) }
        }
        (facts(transaction))
        section aria-labelledby="operations-title" {
            h2 #operations-title { "Operations " span .count { (transaction.operations.len()) } }
            ol .operations #operations {
                @for (index, operation) in (0_u16..).zip(&transaction.operations) {
                    li .failing[transaction.failed_operation == Some(index)] {
                        span .kind { (words::kind(operation)) }
                        div { (words::sentence(operation, decimals)) (details(operation)) }
                    }
                }
            }
        }
        (signatures(&transaction.signatures))
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
        facts.push(("Block", html! { (parts::block(height)) ", index " (index) }));
    }
    if let Some(timestamp) = transaction.timestamp {
        facts.push(("Time", parts::time_in_full(timestamp)));
    }
    if !transaction.memo.is_empty() {
        facts.push(("Memo", html! { q #memo { (visible(&transaction.memo)) } }));
    }
    facts.push((
        "Valid until",
        html! { (parts::time(transaction.expires_at)) " UTC" },
    ));
    facts.push(("Salt", parts::short(&hex::encode(transaction.salt), "salt")));
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
                    li { (parts::short(&signer.key.to_string(), "public key")) " weight " (signer.weight) }
                }
            }
        },
        _ => html! {},
    }
}

fn signatures(signatures: &[SignatureView]) -> Markup {
    let row = |signature: &SignatureView| {
        vec![
            parts::short(&signature.key.to_string(), "public key"),
            parts::account(&signature.key.address()),
            parts::short(&signature.signature.to_string(), "signature"),
        ]
    };
    let rows = signatures.iter().map(row).collect();
    html! {
        section aria-labelledby="signatures-title" {
            h2 #signatures-title { "Signatures " span .count { (signatures.len()) } }
            (parts::table("signatures", &["Key", "The key’s own account", "Signature"], rows, "None."))
        }
    }
}
