//! The members of the consortium: what the ledger says of each, what its account was granted, and who signs for it now.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::schema::{Account, GrantView, Member, MemberStatusView, SignerView, SittingSeat};
use quorate_client::text::rfc3339_of;

use super::here::Here;
use super::layout::{self, Page, Section};
use super::{csv, parts, raw, words};
use crate::app::{App, At};
use crate::config::MAX_PAGE;
use crate::cursor::ListTag;
use crate::governance::Governance;
use crate::input::{Name, Params, whole_number};
use crate::problem::Failure;

pub(super) async fn list(State(app): State<App>, here: Here, params: Params) -> Response {
    layout::answer(&app, &here, read_list(&app, &params).await)
}

/// The number that a list goes on with.
fn from(params: &Params) -> Result<u32, Failure> {
    params.only(&["cursor"])?;
    let from = params.cursor(&ListTag::members(), |text| whole_number(text)?.try_into().ok())?;
    Ok(from.unwrap_or(0))
}

/// Where the list goes on behind a page of members, if it may.
fn next(path: &str, page: &[Member]) -> Option<String> {
    let last = page.last().filter(|_| page.len() >= MAX_PAGE)?;
    let cursor = ListTag::members().cursor(last.number.saturating_add(1));
    Some(format!("{path}?cursor={cursor}"))
}

async fn read_list(app: &App, params: &Params) -> Result<At<Page>, Failure> {
    let from = from(params)?;
    app.read(None, move |snapshot, node| {
        let row = |member: &Member| {
            vec![
                html! { span .number { (parts::number(member.number)) } },
                link(&member.name),
                html! { (status(member.status)) },
                parts::account(&member.account),
                validators(member),
            ]
        };
        let members = Governance::read(snapshot, node)?.members(from, MAX_PAGE)?;
        let rows = members.iter().map(row).collect();
        let columns = ["Number", "Member", "Status", "Account", "Validators"];
        let next = next("members", &members);
        let body = html! {
            h1 { "Members" }
            p .lead {
                "The organisations that share this ledger. The " a href="network#genesis-title" { "genesis document" }
                " names the first of them; the members vote on who joins and who leaves. A member’s account speaks for it."
            }
            (parts::table("members", &columns, rows, "None."))
            (parts::pager((from > 0).then_some("members"), next.as_deref().map(|href| (href, "More members"))))
            p { a href="proposals" { "What the members vote on" } }
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
    app.read(None, move |snapshot, node| {
        let governance = Governance::read(snapshot, node)?;
        let number = governance.number_of(&name)?;
        let member = number.map(|number| governance.member(number)).transpose()?;
        let member = member.flatten().ok_or(Failure::NoSuchCall)?;
        let name = &member.name;
        let account = snapshot.account(&member.account)?;
        Ok(Page {
            title: format!("Member {name}"),
            section: Section::Members,
            body: html! {
                div .title { h1 { "Member " span #name { (name) } } }
                (facts(&member))
                (seats(&member))
                (roles(&member))
                (signers(&account))
            },
        })
    })
    .await
}

fn facts(member: &Member) -> Markup {
    let account = format!("accounts/{}", member.account);
    let mut facts = vec![
        ("Number", html! { (parts::number(member.number)) }),
        ("Status", html! { span #status { (status(member.status)) } }),
        ("Member since", parts::time_in_full(member.since)),
        (
            "Last signed",
            html! { (parts::time_in_full(member.signed)) " or less than a day later" },
        ),
    ];
    if let Some(report) = &member.reported {
        facts.push((
            "Reported",
            html! { "As silent for long, " (parts::time_in_full(report.timestamp)) ", by member " (parts::number(report.by)) },
        ));
    }
    facts.extend([
        ("Account", parts::account(&member.account)),
        ("Validators", validators(member)),
        (
            "Proposals",
            html! {
                @if !member.open_proposals.is_empty() {
                    "Open: "
                    @for (place, number) in member.open_proposals.iter().enumerate() {
                        @if place > 0 { ", " }
                        a href={ "proposals/" (number) } { (parts::number(number)) }
                    }
                    " · "
                }
                a href={ "proposals?member=" (member.number) } { "All that it made" }
            },
        ),
        (
            "As data",
            raw::links(
                &format!("v1/members/{}", member.name),
                None,
                Some(&format!("{account}/proof")),
            ),
        ),
    ]);
    parts::facts(facts)
}

/// Whether a member takes part.
pub(super) fn status(status: MemberStatusView) -> &'static str {
    match status {
        MemberStatusView::Active => "Active",
        MemberStatusView::Dormant => "Dormant: does not vote",
        MemberStatusView::Expelled => "Expelled",
        MemberStatusView::Left => "Left",
    }
}

fn seats(member: &Member) -> Markup {
    let row = |seat: &SittingSeat| {
        vec![
            html! { (parts::number(seat.seat)) },
            parts::short(&seat.validator.to_string(), "validator key"),
            parts::short(&seat.node.to_string(), "node key"),
            parts::short(&seat.witness.to_string(), "witness key"),
            html! { @if seat.live { "Yes" } @else { "Not lately" } },
        ]
    };
    let rows = member.sitting.iter().map(row).collect();
    let columns = ["Seat", "Validator key", "Node key", "Witness key", "Live"];
    html! {
        section aria-labelledby="seats-title" {
            h2 #seats-title { "Seats in the committee" }
            p .note {
                "With the validator key it votes and seals, with the node key it links to the others, and with the witness key it signs checkpoints of the log. A seat is live if one of the last 1,000 blocks, or so, named a batch of it."
            }
            (parts::table("seats", &columns, rows, "It has none in the epoch in force."))
        }
    }
}

/// What a member's account was granted.
fn roles(member: &Member) -> Markup {
    html! {
        section aria-labelledby="roles-title" {
            h2 #roles-title { "Roles and rights" }
            p .note { "What the member’s own account was granted. The member’s other accounts may do the same, but not make assets or act in its name." }
            (granted("roles", &member.roles))
        }
    }
}

/// Grants of an account.
pub(super) fn granted(id: &str, grants: &[GrantView]) -> Markup {
    let row = |grant: &GrantView| {
        vec![
            html! { (words::capital(&grant.right.replace('-', " "))) },
            html! {
                @match (&grant.member, &grant.asset) {
                    (Some(member), _) => { "Member " (parts::number(member)) },
                    (None, Some(asset)) => { "Asset " (parts::asset(asset)) },
                    (None, None) => { "The network" },
                }
            },
            html! {
                @match &grant.by {
                    Some(by) => (parts::account(by)),
                    None => { "Genesis" },
                }
            },
        ]
    };
    let rows = grants.iter().map(row).collect();
    parts::table(id, &["Right", "For", "Granted by"], rows, "None.")
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
    csv::answer(&app, &here, "members.csv", read_file(&app, &params).await)
}

async fn read_file(app: &App, params: &Params) -> Result<At<csv::File>, Failure> {
    let from = from(params)?;
    app.read(None, move |snapshot, node| {
        let members = Governance::read(snapshot, node)?.members(from, MAX_PAGE)?;
        let mut table = csv::Table::new([
            "number",
            "member",
            "account",
            "validators",
            "status",
            "seats",
            "since",
            "signed",
        ]);
        for member in &members {
            table.row([
                member.number.to_string(),
                member.name.clone(),
                member.account.to_string(),
                member.validators.join(" "),
                member.status.name().to_owned(),
                member.seats.to_string(),
                rfc3339_of(member.since),
                rfc3339_of(member.signed),
            ]);
        }
        Ok(table.end(next("members.csv", &members)))
    })
    .await
}
