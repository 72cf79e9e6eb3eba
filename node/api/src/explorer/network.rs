//! What the members agreed on: the genesis document, the parameters in force, and who has agreed since when.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::schema::{CommitteeView, EpochView, Network, ParametersView, SlownessView};

use super::here::Here;
use super::layout::{self, Page, Section};
use super::{csv, parts, raw};
use crate::app::{App, At};
use crate::input::Params;
use crate::problem::Failure;

pub(super) async fn page(State(app): State<App>, here: Here) -> Response {
    layout::answer(&app, &here, read(&app).await)
}

async fn read(app: &App) -> Result<At<Page>, Failure> {
    let network = app.network()?;
    app.read(None, move |_, _| {
        let body = html! {
            div .title { h1 { "Network" } }
            (identity(&network))
            (members(&network.committee))
            (epochs(&network.epochs))
            (parameters(&network.parameters, network.slowness.as_ref()))
            (document(&network))
        };
        Ok(Page {
            title: "Network".to_owned(),
            section: Section::Network,
            body,
        })
    })
    .await
}

fn identity(network: &Network) -> Markup {
    parts::facts([
        ("Name", html! { (network.name) }),
        (
            "Network id",
            parts::full(&network.network.to_string(), "network id"),
        ),
        (
            "Protocol",
            html! { (network.committee.engine.to_string().to_uppercase()) },
        ),
        (
            "Epoch",
            html! { span .number { (parts::number(network.committee.epoch)) } },
        ),
        (
            "As data",
            raw::links("v1/network", None, Some("v1/proofs/committees")),
        ),
    ])
}

fn members(committee: &CommitteeView) -> Markup {
    let rows = committee.validators.iter().map(|member| {
        vec![
            html! { a href={ "members/" (member.name) } { (member.name) } },
            parts::short(&member.key.to_string(), "public key"),
        ]
    });
    html! {
        section aria-labelledby="members-title" {
            h2 #members-title { "Members with a validator" }
            (parts::table("members", &["Member", "Key of its validator"], rows.collect(), "None."))
            p .note { "What genesis says of each member is on the page " a href="members" { "Members" } ". How far each validator has come is on the page " a href="validators" { "Validators" } "." }
        }
    }
}

fn epochs(epochs: &[EpochView]) -> Markup {
    let rows = epochs.iter().rev().map(|epoch| {
        vec![
            html! { span .number { (parts::number(epoch.epoch)) } },
            // Its first block may not be made yet.
            html! { span .number { (parts::number(epoch.first_height)) } },
            html! { (epoch.engine.to_string().to_uppercase()) },
            html! { span .number { (parts::number(epoch.validators.len())) } },
            parts::short(&epoch.committee.to_string(), "hash of the committee"),
        ]
    });
    let columns = ["Epoch", "First block", "Protocol", "Validators", "Committee"];
    html! {
        section aria-labelledby="epochs-title" {
            h2 #epochs-title { "Epochs" }
            p { "An epoch is a time in which committee and protocol stay as they are. The last is under way." }
            (parts::table("epochs", &columns, rows.collect(), "None."))
            (raw::list(Some("epochs.csv"), Some("v1/network"), Some("v1/proofs/committees")))
        }
    }
}

/// The epochs as a file, the first one first.
pub(super) async fn epochs_file(State(app): State<App>, here: Here, params: Params) -> Response {
    let read = params.only(&[]).and_then(|()| Ok(app.network()?)).map(|network| {
        let mut table = csv::Table::new([
            "epoch",
            "first_height",
            "engine",
            "protocol",
            "committee",
            "validators",
        ]);
        for epoch in &network.epochs {
            let keys: Vec<String> = epoch.validators.iter().map(ToString::to_string).collect();
            table.row([
                epoch.epoch.to_string(),
                epoch.first_height.to_string(),
                epoch.engine.to_string(),
                epoch.protocol_version.to_string(),
                epoch.committee.to_string(),
                keys.join(" "),
            ]);
        }
        app.now(table.end(None))
    });
    csv::answer(&app, &here, "epochs.csv", read)
}

fn parameters(parameters: &ParametersView, slowness: Option<&SlownessView>) -> Markup {
    let mut rows = vec![
        (
            "max_transaction_bytes",
            "bytes",
            "largest transaction",
            parameters.max_transaction_bytes.into(),
        ),
        (
            "max_batch_bytes",
            "bytes",
            "largest batch of transactions",
            parameters.max_batch_bytes.into(),
        ),
        (
            "max_batch_transactions",
            "",
            "transactions in a batch",
            parameters.max_batch_transactions.into(),
        ),
        (
            "max_batch_signature_cost",
            "",
            "what the signatures in a batch cost together; one of Ed25519 costs 1, one of P-256 20",
            parameters.max_batch_signature_cost.into(),
        ),
        (
            "max_proposal_batches",
            "",
            "batches in a block",
            parameters.max_proposal_batches.into(),
        ),
        (
            "max_expiry_lead_ms",
            "ms",
            "how far after a block's time a transaction in it may expire",
            parameters.max_expiry_lead_ms,
        ),
        (
            "max_hold_ms",
            "ms",
            "how far after a block's time a hold made in it may end",
            parameters.max_hold_ms,
        ),
        (
            "max_clock_lead_ms",
            "ms",
            "how far a new block's time may be ahead of a validator's clock",
            parameters.max_clock_lead_ms,
        ),
        (
            "max_clock_lag_ms",
            "ms",
            "how far a new block's time may be behind a validator's clock, where PBFT orders",
            parameters.max_clock_lag_ms,
        ),
        (
            "window",
            "",
            "blocks that may be under way at once",
            parameters.window.into(),
        ),
        (
            "author_quota",
            "",
            "unordered batches of one validator that others keep",
            parameters.author_quota.into(),
        ),
    ];
    if let Some(slowness) = slowness {
        rows.extend([
            (
                "slowness factor",
                "",
                "how many times as long as an exchange of votes a primary may take",
                slowness.factor,
            ),
            ("slowness floor", "ms", "and so long besides", slowness.floor_ms),
            (
                "slowness share",
                "",
                "the part of the shortest wait that its slowness may add up to: a half at 2, a third at 3",
                slowness.share,
            ),
        ]);
    }
    let rows = rows
        .into_iter()
        .map(|(name, unit, meaning, value): (_, _, _, u64)| {
            vec![
                html! { code { (name) } },
                html! { span .number { (parts::number(value)) } @if !unit.is_empty() { " " (unit) } },
                html! { (meaning) },
            ]
        });
    html! {
        section aria-labelledby="parameters-title" {
            h2 #parameters-title { "Parameters in force" }
            (parts::table("parameters", &["Parameter", "Value", "What it bounds"], rows.collect(), "None."))
        }
    }
}

fn document(network: &Network) -> Markup {
    html! {
        section aria-labelledby="genesis-title" {
            h2 #genesis-title { "Genesis document" }
            p {
                "What the members signed at the beginning, word for word. Its hash is the network id; "
                code { "quorate genesis verify" } " checks a copy of it."
            }
            details {
                summary { "Show the document" }
                pre .document #genesis tabindex="0" { code { (network.genesis) } }
            }
        }
    }
}
