//! Who keeps the ledger: validators, connections, misbehaviour seen.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::schema::{CommitteeView, Evidence, Network, Peer, Validator, VotingView};
use quorate_crypto::Engine;
use quorate_ledger::Height;

use super::here::Here;
use super::layout::{self, Page, Section};
use super::seals::{LOOKED_AT, Seals, WHY};
use super::{parts, raw, words};
use crate::app::{App, At};
use crate::problem::Failure;
use crate::routes::network::by_name;

/// Evidence that a page shows.
const SHOWN_EVIDENCE: usize = 50;

/// A validator whose last seal is this far below the tip is shown as behind.
const BEHIND: u64 = 16;

pub(super) async fn page(State(app): State<App>, here: Here) -> Response {
    layout::answer(&app, &here, read(&app).await)
}

async fn read(app: &App) -> Result<At<Page>, Failure> {
    let network = app.network()?;
    app.read(None, move |snapshot, node| {
        let tip = snapshot.height();
        let validators = node.validators().validators;
        let seals = Seals::read(snapshot, node)?;
        let body = html! {
            div .title { h1 { "Validators" } }
            (committee(&network.committee))
            (cards(&validators, tip, network.committee.engine))
            (table(&validators, &network, &seals))
            (peers(&by_name(node.peers())))
            (evidence(&node.evidence(), network.committee.engine))
        };
        Ok(Page {
            title: "Validators".to_owned(),
            section: Section::Validators,
            body,
        })
    })
    .await
}

fn committee(committee: &CommitteeView) -> Markup {
    html! {
        p .lead {
            (parts::number(committee.validators.len())) " validators agree by " (committee.engine.to_string().to_uppercase())
            ". Each block needs the seals of " strong #quorum { (parts::number(committee.quorum)) }
            ", and the ledger holds while at most " strong { (parts::number(committee.faults)) }
            @if committee.faults == 1 { " is faulty." } @else { " are faulty." }
        }
    }
}

/// Validators with how far each one's seals have come.
pub(super) fn cards(validators: &[Validator], tip: Height, engine: Engine) -> Markup {
    html! {
        ul .validators #validators {
            @for validator in validators {
                @let (state, text) = state(validator, tip);
                li data-validator=(validator.name) data-state=(state) {
                    div {
                        span .dot .(state) aria-hidden="true" {}
                        strong { (parts::validator(&validator.name)) }
                        @if validator.primary { span .badge.primary { (words::capital(engine.leader())) } }
                    }
                    p .note {
                        @match validator.last_seal {
                            Some(height) => { "Last seal " (parts::block(height)) },
                            None => { "No seal known" },
                        }
                        ", " (text)
                    }
                }
            }
        }
    }
}

pub(super) fn state(validator: &Validator, tip: Height) -> (&'static str, &'static str) {
    let behind = tip
        .0
        .saturating_sub(validator.last_seal.map_or(0, |height| height.0));
    match validator.connected {
        _ if validator.voting == VotingView::No => ("away", "does not vote"),
        _ if validator.voting == VotingView::Asking => ("behind", "asks before it votes"),
        Some(false) => ("away", "not connected"),
        _ if behind > BEHIND => ("behind", "behind"),
        Some(true) => ("good", "connected"),
        None => ("good", "this node"),
    }
}

fn table(validators: &[Validator], network: &Network, seals: &Seals) -> Markup {
    let row = |validator: &Validator| {
        let share = seals.of(network, &validator.name, &validator.key);
        vec![
            html! { (parts::number(validator.index)) },
            parts::validator(&validator.name),
            parts::short(&validator.key.to_string(), "public key"),
            html! { span data-uptime=(validator.name) { (share.told()) } },
            html! { (parts::number(share.sealed())) " of " (parts::number(share.blocks.len())) },
            last_seal(validator),
        ]
    };
    let rows = validators.iter().map(row).collect();
    let columns = [
        "Index",
        "Validator",
        "Key",
        "Uptime",
        "Blocks sealed",
        "Last seal",
    ];
    html! {
        section aria-labelledby="seals-title" {
            h2 #seals-title { "Uptime and seals" }
            p .note { "Uptime is the share of the last " (parts::number(LOOKED_AT)) " blocks that a validator is known here to have sealed. " (WHY) }
            (parts::table("seals", &columns, rows, "None."))
            (raw::list(Some("validators.csv"), Some("v1/validators"), Some("v1/proofs/committees")))
        }
    }
}

fn last_seal(validator: &Validator) -> Markup {
    html! {
        @match validator.last_seal {
            Some(height) => (parts::block(height)),
            None => { span .aside { "none" } },
        }
    }
}

fn peers(peers: &[Peer]) -> Markup {
    let dash = || html! { span .aside { "unknown" } };
    let row = |peer: &Peer| {
        vec![
            parts::validator(&peer.name),
            html! {
                @if peer.connected { span .badge.committed { "Connected" } }
                @else { span .badge.failed { "Not connected" } }
            },
            peer.height
                .map_or_else(dash, |height| html! { span .number { (parts::number(height)) } }),
            peer.round_trip_us.map_or_else(dash, |micros| {
                html! { (parts::number(micros / 1_000)) "." (format!("{:02}", micros % 1_000 / 10)) " ms" }
            }),
            peer.address
                .as_ref()
                .map_or_else(dash, |address| html! { code .address { (address) } }),
        ]
    };
    let rows = peers.iter().map(row).collect();
    html! {
        section aria-labelledby="peers-title" {
            h2 #peers-title { "Connections of this node" }
            (parts::table("peers", &["Peer", "State", "Height", "Round trip", "Address"], rows, "None."))
            (raw::list(Some("peers.csv"), Some("v1/peers"), None))
        }
    }
}

/// Misbehaviour, of one validator or of all.
pub(super) fn evidence(evidence: &[Evidence], engine: Engine) -> Markup {
    let row = |proof: &Evidence| {
        vec![
            parts::validator(&proof.validator),
            html! { (proof.kind.replace('_', " ")) },
            html! { (parts::number(proof.epoch)) },
            html! {
                @match proof.height {
                    Some(height) => { (parts::number(height)) },
                    None => { span .aside { "none" } },
                }
            },
            html! {
                @match proof.view {
                    Some(view) => { (parts::number(view)) },
                    None => { span .aside { "none" } },
                }
            },
        ]
    };
    // The last that was seen comes first.
    let rows = evidence.iter().rev().take(SHOWN_EVIDENCE).map(row).collect();
    let reign = words::capital(engine.reign());
    html! {
        section aria-labelledby="evidence-title" {
            h2 #evidence-title { "Misbehaviour seen by this node " span .count { (parts::number(evidence.len())) } }
            @if !evidence.is_empty() {
                p { "Two signed messages that contradict each other say what was signed, not why: a lost journal, a key that is used twice or a broken machine signs the same as a liar." }
            }
            (parts::table("evidence", &["Validator", "What", "Epoch", "Height", &reign], rows, "None."))
            @if evidence.len() > SHOWN_EVIDENCE {
                p .note { "These are the last " (parts::number(SHOWN_EVIDENCE)) "; the files have all." }
            }
            (raw::list(Some("evidence.csv"), Some("v1/evidence"), None))
        }
    }
}
