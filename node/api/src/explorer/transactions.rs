//! A page for each transaction.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::schema;
use quorate_ledger::{Operation, Transaction};

use super::layout::{self, Page, Section};
use super::parts;
use super::words::{self, Decimals};
use crate::app::{App, At};
use crate::input::{Name, digest};
use crate::problem::Failure;
use crate::shape;

pub(super) async fn page(State(app): State<App>, Name(name): Name) -> Response {
    layout::answer(&app, read(&app, &name).await)
}

async fn read(app: &App, name: &str) -> Result<At<Page>, Failure> {
    let id = digest(name, "a transaction id")?;
    // The pool first: what leaves it in between is in every later snapshot.
    let pending = app.node.pending(&id);
    app.read(None, move |snapshot, _| {
        let (view, transaction) = match (snapshot.transaction(&id)?, pending) {
            (Some(facts), _) => (shape::transaction(&facts), facts.transaction),
            (None, Some(facts)) => (shape::pending(&facts), facts.transaction),
            (None, None) => {
                let detail =
                    "No transaction with this id was executed, and none is pending on this validator.";
                return Err(Failure::not_found("unknown_transaction", detail));
            }
        };
        let operations = &transaction.intent().operations;
        let decimals = Decimals::of(snapshot, words::codes(operations))?;
        let title = format!("Transaction {}", parts::shorten(&id.to_string()));
        Ok(Page {
            title,
            section: Section::None,
            body: body(&view, &transaction, &decimals),
        })
    })
    .await
}

fn body(view: &schema::Transaction, transaction: &Transaction, decimals: &Decimals) -> Markup {
    let intent = transaction.intent();
    let status = match view.status {
        schema::TransactionStatus::Pending => "pending",
        schema::TransactionStatus::Committed => "committed",
        schema::TransactionStatus::Failed => "failed",
        schema::TransactionStatus::Expired => "expired",
    };
    html! {
        div .title { h1 { "Transaction" } }
        div .outcome .(status) #outcome data-status=(status) data-code=[view.code.as_deref()] {
            (parts::status(view.status)) p { (words::outcome(view)) }
        }
        (facts(view, transaction))
        section aria-labelledby="operations-title" {
            h2 #operations-title { "Operations " span .count { (intent.operations.len()) } }
            ol .operations #operations {
                @for (index, operation) in (0_u16..).zip(&intent.operations) {
                    li .failing[view.failed_operation == Some(index)] {
                        span .kind { (words::kind(operation)) }
                        div { (words::sentence(operation, decimals)) (details(operation)) }
                    }
                }
            }
        }
        (signatures(transaction))
    }
}

fn facts(view: &schema::Transaction, transaction: &Transaction) -> Markup {
    let intent = transaction.intent();
    let mut facts = vec![
        (
            "Id",
            html! { span #id { (parts::full(&view.id.to_string(), "transaction id")) } },
        ),
        (
            "Sender",
            html! { span #sender { (parts::account(&intent.sender)) } },
        ),
    ];
    if let (Some(height), Some(index)) = (view.height, view.index) {
        facts.push(("Block", html! { (parts::block(height)) ", index " (index) }));
    }
    if let Some(timestamp) = view.timestamp {
        facts.push(("Time", parts::time_in_full(timestamp)));
    }
    if !intent.memo.is_empty() {
        facts.push(("Memo", html! { q #memo { (intent.memo) } }));
    }
    facts.push(("Valid until", html! { (parts::time(intent.expires_at)) " UTC" }));
    facts.push(("Salt", parts::short(&hex::encode(intent.salt), "salt")));
    parts::facts(facts)
}

/// What a sentence has no room for.
fn details(operation: &Operation) -> Markup {
    match operation {
        Operation::PutRecord { metadata, .. } if !metadata.is_empty() => super::records::metadata(metadata),
        Operation::SetSigners { signers, .. } => html! {
            ul .plain {
                @for signer in signers {
                    li { (parts::short(&signer.key.to_string(), "public key")) " weight " (signer.weight) }
                }
            }
        },
        _ => html! {},
    }
}

fn signatures(transaction: &Transaction) -> Markup {
    let signatures = transaction.signatures();
    let row = |signature: &quorate_ledger::KeySignature| {
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
