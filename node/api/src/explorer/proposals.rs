//! What the members vote on: all proposals, and a page for each with its ballots and what it does to the committee.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::schema::{
    AttestedView, BallotView, ChangeItem, CommitteeFigures, ImpactView, MemberName, Proposal,
    ProposalStateView,
};
use quorate_client::text::rfc3339_of;

use super::here::Here;
use super::layout::{self, Page, Section};
use super::parts::{self, Row};
use super::{csv, raw, selection, words};
use crate::app::{App, At};
use crate::config::{DEFAULT_PAGE, MAX_PAGE};
use crate::cursor::ListTag;
use crate::governance::{FoundProposals, Governance, ProposalFilter};
use crate::input::{Name, Params, whole_number};
use crate::node::{Node, Snapshot};
use crate::problem::Failure;
use crate::routes::governance::{
    check_member, proposal_number, proposal_state, read_proposal, unknown_member,
};

/// Which proposals are asked for, as the address says.
#[derive(Clone, Default)]
struct Choice {
    state: Option<ProposalStateView>,
    member: Option<String>,
    cursor: Option<String>,
}

/// A page of them.
struct Found {
    found: FoundProposals,
    tag: ListTag,
}

impl Choice {
    fn read(params: &Params) -> Result<Self, Failure> {
        params.only(&["state", "member", "cursor"])?;
        params.text("member").map(check_member).transpose()?;
        let owned = |text: &str| text.to_owned();
        Ok(Self {
            state: params.text("state").map(proposal_state).transpose()?,
            member: params.text("member").map(owned),
            cursor: params.text("cursor").map(owned),
        })
    }

    fn find(&self, snapshot: &dyn Snapshot, node: &dyn Node, limit: usize) -> Result<Found, Failure> {
        let governance = Governance::read(snapshot, node)?;
        let member = match &self.member {
            Some(name) => Some(governance.number_of(name)?.ok_or_else(unknown_member)?),
            None => None,
        };
        let filter = ProposalFilter {
            state: self.state,
            member,
        };
        let tag = ListTag::proposals(&filter);
        let before = self.cursor.as_deref();
        let before = before.map(|text| tag.place(text, whole_number)).transpose()?;
        let found = governance.proposals(&filter, before, limit)?;
        Ok(Found { found, tag })
    }

    /// The address of a list with the same filters, which goes on at a cursor. A member's name needs no escape, and
    /// what is none has led to no list.
    fn address(&self, path: &str, cursor: Option<&str>) -> String {
        let said = [
            ("state", self.state.map(ProposalStateView::name)),
            ("member", self.member.as_deref()),
            ("cursor", cursor),
        ];
        let said = said.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let said: Vec<String> = said.map(|(name, value)| format!("{name}={value}")).collect();
        match said.is_empty() {
            true => path.to_owned(),
            false => format!("{path}?{}", said.join("&")),
        }
    }
}

impl Found {
    fn next(&self) -> Option<String> {
        self.found.next.map(|next| self.tag.cursor(next))
    }
}

pub(super) async fn list(State(app): State<App>, here: Here, params: Params) -> Response {
    layout::answer(&app, &here, read_list(&app, &params).await)
}

async fn read_list(app: &App, params: &Params) -> Result<At<Page>, Failure> {
    let choice = Choice::read(params)?;
    app.read(None, move |snapshot, node| {
        let found = choice.find(snapshot, node, DEFAULT_PAGE)?;
        let next = found.next().map(|next| choice.address("proposals", Some(&next)));
        let nothing = match next.is_some() {
            true => "None among the proposals looked at so far. The others are on the next page.",
            false => "There is no such proposal.",
        };
        let row = |proposal: &Proposal| {
            vec![
                html! { a .number href={ "proposals/" (proposal.number) } { (parts::number(proposal.number)) } },
                parts::free(&words::capital(&proposal.change.words)),
                member(&proposal.member),
                html! { (state(proposal.state)) },
                votes(proposal),
                parts::moment(proposal.expires_at),
            ]
        };
        let rows = found.found.proposals.iter().map(row).collect();
        let columns = ["Number", "Change", "Made by", "State", "For and against", "Ends (UTC)"];
        let first = choice.address("proposals", None);
        let body = html! {
            h1 { "Proposals" }
            p .lead {
                "What the " a href="members" { "members" }
                " vote on: who joins and who leaves, validators, parameters and rules, rights of the whole network."
            }
            (form(&choice))
            (parts::table::<Row>("proposals", &columns, counting(&found, rows), nothing))
            (parts::pager(
                choice.cursor.as_ref().map(|_| first.as_str()),
                next.as_deref().map(|href| (href, "Older proposals")),
            ))
            (raw::list(
                Some(&choice.address("proposals.csv", choice.cursor.as_deref())),
                Some(&choice.address("v1/proposals", choice.cursor.as_deref())),
                None,
            ))
        };
        Ok(Page {
            title: "Proposals".to_owned(),
            section: Section::Members,
            body,
        })
    })
    .await
}

/// Proposals that came to nothing look like it.
fn counting(found: &Found, rows: Vec<Vec<Markup>>) -> Vec<Row> {
    let states = found.found.proposals.iter().map(|proposal| proposal.state);
    let counts = |state| {
        matches!(
            state,
            ProposalStateView::Open | ProposalStateView::Passed | ProposalStateView::Executed
        )
    };
    states
        .zip(rows)
        .map(|(state, cells)| Row::counting(counts(state), cells))
        .collect()
}

fn form(choice: &Choice) -> Markup {
    html! {
        form .filters #filters action="proposals" method="get" aria-label="Filters" {
            (selection::field("state", "State", "such as open", choice.state.map(ProposalStateView::name)))
            (selection::field("member", "Made by member", "name or number", choice.member.as_deref()))
            div .act {
                button type="submit" { "Show" }
                @if choice.state.is_some() || choice.member.is_some() { " " a href="proposals" { "Clear" } }
            }
        }
    }
}

fn member(member: &MemberName) -> Markup {
    html! {
        @if member.name.is_empty() {
            "Member " (parts::number(member.number))
        } @else {
            a href={ "members/" (member.name) } { (member.name) }
        }
    }
}

/// Where a proposal is on its way.
fn state(state: ProposalStateView) -> &'static str {
    match state {
        ProposalStateView::Open => "Open",
        ProposalStateView::Passed => "Passed: waits for the epoch’s end",
        ProposalStateView::Executed => "Executed",
        ProposalStateView::Rejected => "Rejected",
        ProposalStateView::Expired => "Expired",
        ProposalStateView::Lapsed => "Lapsed: no longer fitted",
        ProposalStateView::Withdrawn => "Withdrawn",
    }
}

fn votes(proposal: &Proposal) -> Markup {
    let count = &proposal.count;
    html! {
        (parts::number(count.yes)) " of " (parts::number(count.needed)) " needed, "
        (parts::number(count.no)) " against"
    }
}

pub(super) async fn page(State(app): State<App>, here: Here, Name(name): Name) -> Response {
    layout::answer(&app, &here, read(&app, &name).await)
}

async fn read(app: &App, name: &str) -> Result<At<Page>, Failure> {
    let number = proposal_number(name)?;
    app.read(None, move |snapshot, node| {
        let proposal = read_proposal(snapshot, node, number)?;
        Ok(Page {
            title: format!("Proposal {number}"),
            section: Section::Members,
            body: html! {
                div .title { h1 { "Proposal " span #number { (parts::number(number)) } } }
                p .lead #words { (parts::free(&words::capital(&proposal.change.words))) "." }
                (facts(&proposal))
                (items(&proposal.change.items))
                @if let Some(impact) = &proposal.impact { (figures(impact)) }
                (ballots(&proposal))
                (attested(&proposal.attested))
            },
        })
    })
    .await
}

fn facts(proposal: &Proposal) -> Markup {
    let count = &proposal.count;
    parts::facts([
        (
            "State",
            html! { span #state data-state=(proposal.state) { (state(proposal.state)) } },
        ),
        ("Made by", member(&proposal.member)),
        ("In block", parts::block(proposal.height)),
        (
            "Executed in block",
            match proposal.executed {
                Some(height) => parts::block(height),
                None => html! { "None" },
            },
        ),
        ("Ends", parts::time_in_full(proposal.expires_at)),
        (
            "Takes effect",
            html! {
                @if proposal.change.waits { "At the epoch’s end, after the deciding vote" }
                @else { "With the deciding vote" }
            },
        ),
        (
            "Rule",
            html! {
                (words::capital(&count.rule)) ": " (count.majority) ", that is "
                (parts::number(count.needed)) " of " (parts::number(count.voters)) " who can vote now"
            },
        ),
        ("Votes", html! { span #votes { (votes(proposal)) } }),
        (
            "Hash of the change",
            html! { span #hash { (parts::full(&proposal.hash.to_string(), "hash of the change")) } },
        ),
        (
            "As data",
            raw::links(&format!("v1/proposals/{}", proposal.number), None, None),
        ),
    ])
}

fn items(items: &[ChangeItem]) -> Markup {
    let row = |item: &ChangeItem| {
        vec![
            html! { (words::capital(&item.name.replace('_', " "))) },
            html! {
                @match &item.before {
                    Some(before) => (parts::free(before)),
                    None => span .aside { "–" },
                }
            },
            parts::free(&item.after),
            html! {
                @match (item.lowest, item.highest) {
                    (Some(lowest), Some(highest)) => { (parts::number(lowest)) " to " (parts::number(highest)) },
                    _ => span .aside { "–" },
                }
            },
            html! { @if let Some(affects) = &item.affects { (words::capital(affects)) } },
        ]
    };
    let rows = items.iter().map(row).collect();
    let columns = ["What", "Now", "Then", "Allowed", "What depends on it"];
    html! {
        section aria-labelledby="change-title" {
            h2 #change-title { "The change" }
            (parts::table("change", &columns, rows, "Nothing that is not so already."))
        }
    }
}

fn figures(impact: &ImpactView) -> Markup {
    let ImpactView { before, after, .. } = impact;
    let row = |name: &str, of: fn(&CommitteeFigures) -> String| {
        vec![html! { (name) }, html! { (of(before)) }, html! { (of(after)) }]
    };
    let rows = vec![
        row("Engine", |figures| figures.engine.clone()),
        row("Protocol", |figures| figures.protocol.to_string()),
        row("Validators", |figures| parts::number(figures.n)),
        row("May be faulty", |figures| parts::number(figures.f)),
        row("Needed for a block", |figures| parts::number(figures.quorum)),
        row("Live", |figures| parts::number(figures.live)),
        row("Must be live for a change", |figures| {
            parts::number(figures.live_needed)
        }),
        row("May fail before it stops", |figures| figures.margin.to_string()),
        row("What members trust", |figures| figures.promise.clone()),
    ];
    html! {
        section aria-labelledby="impact-title" {
            h2 #impact-title { "What becomes of the committee" }
            (parts::table("impact", &["What", "As decided so far", "With the change"], rows, ""))
            @if !impact.obstacles.is_empty() {
                p #obstacles {
                    "Now the ledger would not carry it out: "
                    @for (place, obstacle) in impact.obstacles.iter().enumerate() {
                        @if place > 0 { "; " }
                        (obstacle)
                    }
                    "."
                }
            }
        }
    }
}

fn ballots(proposal: &Proposal) -> Markup {
    let row = |ballot: &BallotView| {
        Row::counting(
            ballot.counts,
            vec![
                member(&ballot.member),
                html! { @if ballot.yes { "For it" } @else { "Against it" } },
                html! { @if ballot.counts { "Yes" } @else { "No: the member is not active" } },
            ],
        )
    };
    let rows = proposal.ballots.iter().map(row).collect();
    let others = proposal.electorate.iter().filter(|voter| {
        let mut cast = proposal.ballots.iter();
        !cast.any(|ballot| ballot.member.number == voter.number)
    });
    let others: Vec<&MemberName> = others.collect();
    html! {
        section aria-labelledby="ballots-title" {
            h2 #ballots-title { "Votes" }
            (parts::table::<Row>("ballots", &["Member", "Vote", "Counts"], rows, "Nobody has voted."))
            @if !others.is_empty() {
                p #without {
                    "Without a vote: "
                    @for (place, voter) in others.iter().enumerate() {
                        @if place > 0 { ", " }
                        (member(voter))
                    }
                }
            }
        }
    }
}

fn attested(attested: &[AttestedView]) -> Markup {
    let row = |one: &AttestedView| {
        vec![
            html! {
                @match (&one.seat, &one.validator) {
                    (Some(seat), _) => { "Seat " (parts::number(seat)) },
                    (None, Some(key)) => { "The one that would join, " (parts::short(&key.to_string(), "validator key")) },
                    (None, None) => { "–" },
                }
            },
            html! { (one.lowest) " to " (one.highest) },
        ]
    };
    html! {
        @if !attested.is_empty() {
            section aria-labelledby="attested-title" {
                h2 #attested-title { "Who said to be live" }
                (parts::table("attested", &["Seat", "Protocols it knows"], attested.iter().map(row).collect(), ""))
            }
        }
    }
}

/// The list as a file.
pub(super) async fn file(State(app): State<App>, here: Here, params: Params) -> Response {
    csv::answer(&app, &here, "proposals.csv", read_file(&app, &params).await)
}

async fn read_file(app: &App, params: &Params) -> Result<At<csv::File>, Failure> {
    let choice = Choice::read(params)?;
    app.read(None, move |snapshot, node| {
        let found = choice.find(snapshot, node, MAX_PAGE)?;
        let mut table = csv::Table::new([
            "number",
            "kind",
            "change",
            "hash",
            "member",
            "state",
            "yes",
            "no",
            "needed",
            "height",
            "executed",
            "expires_at",
        ]);
        for proposal in &found.found.proposals {
            table.row([
                proposal.number.to_string(),
                proposal.change.kind.clone(),
                quorate_client::spreadsheet::cell(&proposal.change.words),
                proposal.hash.to_string(),
                proposal.member.to_string(),
                proposal.state.to_string(),
                proposal.count.yes.to_string(),
                proposal.count.no.to_string(),
                proposal.count.needed.to_string(),
                proposal.height.to_string(),
                csv::or_empty(proposal.executed),
                rfc3339_of(proposal.expires_at),
            ]);
        }
        let next = found
            .next()
            .map(|next| choice.address("proposals.csv", Some(&next)));
        Ok(table.end(next))
    })
    .await
}
