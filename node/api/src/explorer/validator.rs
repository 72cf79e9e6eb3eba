//! A page for each validator, and the lists of validators, connections and evidence as files.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::schema::{CommitteeMember, Evidence, Member, Validator, VotingView};
use quorate_crypto::Engine;
use quorate_ledger::Height;

use super::charts::{Bar, Chart};
use super::here::Here;
use super::layout::{self, Page, Section};
use super::seals::{Seals, Share, WHY};
use super::{csv, parts, raw, validators, words};
use crate::app::{App, At};
use crate::governance::Governance;
use crate::input::{Name, Params};
use crate::problem::Failure;
use crate::routes::network::by_name;

/// Blocks that the chart has of those that are looked at.
const CHARTED: usize = 100;

/// Heights that a page lists.
const LISTED: usize = 50;

/// A validator of the epoch in force.
struct Known {
    validator: Validator,
    seat: Option<CommitteeMember>,
    member: Option<Member>,
    share: Share,
    evidence: Vec<Evidence>,
    engine: Engine,
    tip: Height,
}

pub(super) async fn page(State(app): State<App>, here: Here, Name(name): Name) -> Response {
    layout::answer(&app, &here, read(&app, name).await)
}

async fn read(app: &App, name: String) -> Result<At<Page>, Failure> {
    let network = app.network()?;
    app.read(None, move |snapshot, node| {
        let mut validators = node.validators().validators.into_iter();
        let validator = validators
            .find(|validator| validator.name == name)
            .ok_or(Failure::NoSuchCall)?;
        let seats = &network.committee.validators;
        let mut evidence = node.evidence();
        evidence.retain(|proof| proof.validator == name);
        let known = Known {
            member: match seats.iter().find(|seat| seat.name == name) {
                Some(seat) => Governance::read(snapshot, node)?.member(seat.seat.member)?,
                None => None,
            },
            seat: seats.iter().find(|seat| seat.name == name).cloned(),
            share: Seals::read(snapshot, node)?.of(&network, &name, &validator.key),
            evidence,
            engine: network.committee.engine,
            tip: snapshot.height(),
            validator,
        };
        Ok(Page {
            title: format!("Validator {name}"),
            section: Section::Validators,
            body: html! {
                div .title { h1 { "Validator " span #name { (name) } } }
                (facts(&known))
                (seals(&known.share))
                (validators::evidence(&known.evidence, known.engine))
            },
        })
    })
    .await
}

fn facts(known: &Known) -> Markup {
    let validator = &known.validator;
    let (_, state) = validators::state(validator, known.tip);
    let mut facts = vec![
        (
            "State",
            html! {
                (words::capital(state))
                @if validator.primary { " " span .badge.primary { (words::capital(known.engine.leader())) } }
            },
        ),
        (
            "Uptime",
            html! {
                span #uptime { (known.share.told()) } ": known to have sealed "
                (parts::number(known.share.sealed())) " of the last " (parts::number(known.share.blocks.len())) " blocks"
            },
        ),
        (
            "Last seal",
            html! {
                @match validator.last_seal {
                    Some(height) => (parts::block(height)),
                    None => { span .aside { "none" } },
                }
            },
        ),
        (
            "Place in the committee",
            html! { (parts::number(validator.index)) },
        ),
    ];
    if let Some(member) = &known.member {
        let name = &member.name;
        facts.push(("Member", html! { a href={ "members/" (name) } { (name) } }));
    }
    facts.push((
        "Validator key",
        html! { span #key { (parts::full(&validator.key.to_string(), "validator key")) } },
    ));
    if let Some(seat) = &known.seat {
        facts.extend([
            ("Node key", parts::full(&seat.seat.node.to_string(), "node key")),
            (
                "Witness key",
                parts::full(&seat.seat.witness.to_string(), "witness key"),
            ),
        ]);
    }
    facts.push((
        "As data",
        raw::links("v1/validators", None, Some("v1/proofs/committees")),
    ));
    parts::facts(facts)
}

fn seals(share: &Share) -> Markup {
    let missed = share.blocks.iter().filter(|(_, sealed)| !sealed);
    let missed: Vec<Height> = missed.map(|(height, _)| *height).collect();
    html! {
        section aria-labelledby="seals-title" {
            h2 #seals-title { "Seals" }
            p .note { (WHY) }
            @if !share.blocks.is_empty() {
                div .charts { (chart(share)) }
                @if missed.is_empty() {
                    p #missed { "It is known to have sealed each of them." }
                } @else {
                    p #missed {
                        "Of the last " (parts::number(share.blocks.len())) " blocks no seal of it is known of "
                        (parts::number(missed.len())) ": "
                        @for (place, height) in missed.iter().take(LISTED).enumerate() {
                            @if place > 0 { ", " }
                            (parts::block(*height))
                        }
                        @if missed.len() > LISTED { " and older ones" }
                        "."
                    }
                }
            }
        }
    }
}

/// A bar for each block that is sealed.
fn chart(share: &Share) -> Markup {
    let blocks = &share.blocks[..share.blocks.len().min(CHARTED)];
    let (Some((newest, _)), Some((oldest, _))) = (blocks.first(), blocks.last()) else {
        return html! {};
    };
    let bar = |(height, sealed): &(Height, bool)| Bar {
        figure: Some((*sealed).into()),
        told: format!(
            "Block {}: {}",
            parts::number(height),
            if *sealed { "sealed" } else { "no seal is known" }
        ),
    };
    let sealed = blocks.iter().filter(|(_, sealed)| *sealed).count();
    let range = format!("{} to {}", parts::number(oldest), parts::number(newest));
    Chart {
        id: "sealed",
        caption: "Sealed blocks",
        bars: blocks.iter().rev().map(bar).collect(),
        most: "sealed".to_owned(),
        least: "not",
        summary: format!(
            "{} of {} blocks sealed, from {range}",
            parts::number(sealed),
            parts::number(blocks.len())
        ),
        range: format!("Blocks {range}"),
    }
    .draw()
}

/// The validators as a file.
pub(super) async fn file(State(app): State<App>, here: Here, params: Params) -> Response {
    csv::answer(&app, &here, "validators.csv", read_file(&app, &params).await)
}

async fn read_file(app: &App, params: &Params) -> Result<At<csv::File>, Failure> {
    params.only(&[])?;
    let network = app.network()?;
    app.read(None, move |snapshot, node| {
        let seals = Seals::read(snapshot, node)?;
        let mut table = csv::Table::new([
            "index",
            "validator",
            "key",
            "leads",
            "voting",
            "connected",
            "last_seal",
            "blocks_sealed",
            "blocks",
        ]);
        for validator in node.validators().validators {
            let share = seals.of(&network, &validator.name, &validator.key);
            let voting = match validator.voting {
                VotingView::Yes => "yes",
                VotingView::No => "no",
                VotingView::Asking => "asking",
                VotingView::Unknown => "unknown",
            };
            table.row([
                validator.index.to_string(),
                validator.name,
                validator.key.to_string(),
                validator.primary.to_string(),
                voting.to_owned(),
                csv::or_empty(validator.connected),
                csv::or_empty(validator.last_seal),
                share.sealed().to_string(),
                share.blocks.len().to_string(),
            ]);
        }
        Ok(table.end(None))
    })
    .await
}

/// This node's connections as a file.
pub(super) async fn peers_file(State(app): State<App>, here: Here, params: Params) -> Response {
    let read = params.only(&[]).map(|()| {
        let mut table = csv::Table::new(["peer", "id", "address", "connected", "height", "round_trip_us"]);
        for peer in by_name(app.node.peers()) {
            table.row([
                peer.name,
                peer.peer,
                csv::or_empty(peer.address),
                peer.connected.to_string(),
                csv::or_empty(peer.height),
                csv::or_empty(peer.round_trip_us),
            ]);
        }
        app.now(table.end(None))
    });
    csv::answer(&app, &here, "peers.csv", read)
}

/// The evidence as a file, with both messages of each.
pub(super) async fn evidence_file(State(app): State<App>, here: Here, params: Params) -> Response {
    let read = params.only(&[]).map(|()| {
        let mut table = csv::Table::new(["validator", "epoch", "kind", "height", "reign", "first", "second"]);
        for proof in app.node.evidence() {
            let mut messages = proof.messages.into_iter();
            table.row([
                proof.validator,
                proof.epoch.to_string(),
                proof.kind,
                csv::or_empty(proof.height),
                csv::or_empty(proof.view),
                messages.next().unwrap_or_default(),
                messages.next().unwrap_or_default(),
            ]);
        }
        app.now(table.end(None))
    });
    csv::answer(&app, &here, "evidence.csv", read)
}
