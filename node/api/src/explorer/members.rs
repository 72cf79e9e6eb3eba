//! The members of the consortium: what the genesis document says of each, and who signs for its account now.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::schema::{Account, Member, Network, SeatView, SignerView};

use super::here::Here;
use super::layout::{self, Page, Section};
use super::{csv, parts, raw};
use crate::app::{App, At};
use crate::input::{Name, Params};
use crate::problem::Failure;

pub(super) async fn list(State(app): State<App>, here: Here) -> Response {
    layout::answer(&app, &here, read_list(&app).await)
}

async fn read_list(app: &App) -> Result<At<Page>, Failure> {
    app.read(None, move |_, node| {
        let row = |member: &Member| {
            vec![
                html! { span .number { (parts::number(member.number)) } },
                link(&member.name),
                parts::account(&member.account),
                validators(member),
            ]
        };
        let rows = node.members().iter().map(row).collect();
        let columns = ["Number", "Member", "Account", "Validators"];
        let body = html! {
            h1 { "Members" }
            p .lead {
                "The organisations that share this ledger, as the " a href="network#genesis-title" { "genesis document" }
                " names them. A member’s account speaks for it."
            }
            (parts::table("members", &columns, rows, "None."))
            (raw::list(Some("members.csv"), Some("v1/members"), None))
        };
        Ok(Page {
            title: "Members".to_owned(),
            section: Section::Members,
            body,
        })
    })
    .await
}

/// A member, whose name needs no escape in an address.
fn link(name: &str) -> Markup {
    html! { a href={ "members/" (name) } { (name) } }
}

fn validators(member: &Member) -> Markup {
    html! {
        @for (place, name) in member.validators.iter().enumerate() {
            @if place > 0 { ", " }
            (parts::validator(name))
        }
        @if member.validators.is_empty() { span .aside { "none" } }
    }
}

pub(super) async fn page(State(app): State<App>, here: Here, Name(name): Name) -> Response {
    layout::answer(&app, &here, read(&app, name).await)
}

async fn read(app: &App, name: String) -> Result<At<Page>, Failure> {
    let network = app.network()?;
    app.read(None, move |snapshot, node| {
        let mut members = node.members().into_iter();
        let member = members
            .find(|member| member.name == name)
            .ok_or(Failure::NoSuchCall)?;
        let account = snapshot.account(&member.account)?;
        Ok(Page {
            title: format!("Member {name}"),
            section: Section::Members,
            body: html! {
                div .title { h1 { "Member " span #name { (name) } } }
                (facts(&member))
                (seats(&member, &network))
                (signers(&account))
            },
        })
    })
    .await
}

fn facts(member: &Member) -> Markup {
    let account = format!("accounts/{}", member.account);
    parts::facts([
        ("Number", html! { (parts::number(member.number)) }),
        ("Account", parts::account(&member.account)),
        ("Validators", validators(member)),
        (
            "Genesis document",
            html! { a href="network#genesis-title" { "What the members signed at the beginning" } },
        ),
        (
            "As data",
            raw::links("v1/members", None, Some(&format!("{account}/proof"))),
        ),
    ])
}

fn seats(member: &Member, network: &Network) -> Markup {
    let seats = network.committee.validators.iter();
    let own: Vec<&SeatView> = seats
        .map(|seat| &seat.seat)
        .filter(|seat| seat.member == member.number)
        .collect();
    let row = |seat: &&SeatView| {
        vec![
            html! { (parts::number(seat.seat)) },
            parts::short(&seat.validator.to_string(), "validator key"),
            parts::short(&seat.node.to_string(), "node key"),
            parts::short(&seat.witness.to_string(), "witness key"),
        ]
    };
    let rows = own.iter().map(row).collect();
    let columns = ["Seat", "Validator key", "Node key", "Witness key"];
    html! {
        section aria-labelledby="seats-title" {
            h2 #seats-title { "Seats in the committee" }
            p .note {
                "With the validator key it votes and seals, with the node key it links to the others, and with the witness key it signs checkpoints of the log."
            }
            (parts::table("seats", &columns, rows, "It has none in the epoch in force."))
        }
    }
}

fn signers(account: &Account) -> Markup {
    let row = |signer: &SignerView| {
        vec![
            parts::short(&signer.key.to_string(), "public key"),
            html! { (parts::number(signer.weight)) },
        ]
    };
    html! {
        section aria-labelledby="signers-title" {
            h2 #signers-title { "Who signs for it" }
            @if account.signers.is_empty() {
                p .empty #signers { "The member key, from which its account’s address is made, signs alone." }
            } @else {
                p { "A weight of " strong { (parts::number(account.threshold)) } " speaks for the member. These are the signers of now; genesis may have named others." }
                (parts::table("signers", &["Key", "Weight"], account.signers.iter().map(row).collect(), ""))
            }
        }
    }
}

/// The members as a file.
pub(super) async fn file(State(app): State<App>, here: Here, params: Params) -> Response {
    let read = params.only(&[]).map(|()| {
        let mut table = csv::Table::new(["number", "member", "account", "validators"]);
        for member in app.node.members() {
            table.row([
                member.number.to_string(),
                member.name,
                member.account.to_string(),
                member.validators.join(" "),
            ]);
        }
        app.now(table.end(None))
    });
    csv::answer(&app, &here, "members.csv", read)
}
