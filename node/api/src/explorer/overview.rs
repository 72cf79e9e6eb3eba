//! The overview: where the chain is, who keeps it, and what came last. Its live part is a fragment that
//! the script fetches again when a block was certified, and every ten seconds.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use maud::{Markup, html};
use quorate_client::schema::{Block, Diagnosis, Severity, Status, Transaction, Validator};
use quorate_ledger::{Height, Timestamp};
use tokio_stream::wrappers::WatchStream;

use super::charts::{Activity, BARS};
use super::here::Here;
use super::known::Known;
use super::layout::{self, Page, Section};
use super::parts::{self, Row};
use super::validators;
use super::words;
use crate::app::{App, At};
use crate::events::passed_on_at_once;
use crate::node::{BlockRef, Node, Snapshot};
use crate::problem::Failure;
use crate::shares::ClientAddress;
use crate::sizes::Sizes;

/// Blocks and transactions in the lists.
const LATEST: usize = 10;

/// Work waits, and nothing is committed.
struct Stall {
    since: Timestamp,
    awaited: Vec<String>,
}

struct Overview {
    status: Status,
    stall: Option<Stall>,
    validators: Vec<Validator>,
    /// Those in the charts, newest first; the latest transactions are looked for in them.
    blocks: Vec<Block>,
    sizes: BTreeMap<Height, u64>,
    certified_after: BTreeMap<Height, Duration>,
    transactions: Vec<Transaction>,
    known: Known,
}

impl Overview {
    fn activity(&self) -> Activity<'_> {
        Activity {
            blocks: &self.blocks,
            sizes: &self.sizes,
            certified_after: &self.certified_after,
        }
    }
}

pub(super) async fn page(State(app): State<App>, here: Here) -> Response {
    layout::answer(&app, &here, read(&app).await)
}

/// The live part alone.
pub(super) async fn live(State(app): State<App>) -> Response {
    match overview(&app).await {
        Ok(read) => read.respond(|overview| live_part(&overview)),
        Err(failure) => failure.into_response(),
    }
}

/// The certified height as it grows: what the script needs to know that there is something new. Heights
/// that came while the browser was busy are left out.
pub(super) async fn heights(State(app): State<App>, client: ClientAddress) -> Result<Response, Failure> {
    let share = app.streams.take(client, 1).ok_or(Failure::Overloaded {
        what: "event streams",
    })?;
    let keep_alive = KeepAlive::new().interval(app.config.keep_alive);
    let events = WatchStream::new(app.node.heights()).map(move |height| {
        let _held = &share;
        Ok::<_, Infallible>(Event::default().event("height").data(height.to_string()))
    });
    Ok(passed_on_at_once(
        Sse::new(events).keep_alive(keep_alive).into_response(),
    ))
}

async fn overview(app: &App) -> Result<At<Overview>, Failure> {
    let sizes = Arc::clone(&app.sizes);
    app.read(None, move |snapshot, node| gather(snapshot, node, &sizes))
        .await
}

fn gather(snapshot: &dyn Snapshot, node: &dyn Node, sizes: &Sizes) -> Result<Overview, Failure> {
    let tip = snapshot.height().0;
    let mut blocks = Vec::new();
    for height in (tip.saturating_sub(BARS) + 1..=tip).rev() {
        blocks.extend(snapshot.block(BlockRef::Height(Height(height)))?);
    }
    let mut transactions: Vec<Transaction> = Vec::new();
    for block in &blocks {
        let wanted = LATEST - transactions.len();
        if wanted == 0 {
            break;
        }
        let from = block
            .transaction_count
            .saturating_sub(u32::try_from(wanted).unwrap_or(u32::MAX));
        if block.transaction_count > 0 {
            let last = snapshot.transactions_at(block.height, from, wanted)?;
            transactions.extend(last.into_iter().rev());
        }
    }
    let known = Known::of(snapshot, words::in_short(&transactions))?;
    Ok(Overview {
        status: node.status(),
        stall: stall(node),
        validators: node.validators().validators,
        sizes: sizes.of(snapshot, blocks.iter().map(|block| block.height))?,
        certified_after: node.certified_after().into_iter().collect(),
        blocks,
        transactions,
        known,
    })
}

/// Whether the node stands still, since when, and what it lacks as far as it knows.
fn stall(node: &dyn Node) -> Option<Stall> {
    let Diagnosis { facts, findings } = node.debug_consensus();
    // What waited may have expired since.
    let since = facts
        .stalled_since_ms
        .filter(|_| facts.has_work())
        .map(Timestamp)?;
    // A warning alone stops nothing.
    let reasons = findings
        .into_iter()
        .filter(|finding| finding.severity != Severity::Warning);
    Some(Stall {
        since,
        awaited: reasons.map(|finding| finding.what).collect(),
    })
}

async fn read(app: &App) -> Result<At<Page>, Failure> {
    let read = overview(app).await?;
    Ok(read.map(|overview| Page {
        title: "Overview".to_owned(),
        section: Section::Overview,
        body: html! {
            div .title {
                h1 { (app.network_name) }
                button .toggle #live-toggle type="button" aria-pressed="true" hidden { "Live" }
            }
            div #live data-live="live" { (live_part(&overview)) }
        },
    }))
}

fn live_part(overview: &Overview) -> Markup {
    html! {
        @if let Some(stall) = &overview.stall { (stalled(stall, overview.status.pending_transactions)) }
        (tiles(overview))
        div .columns {
            section aria-labelledby="blocks-title" {
                div .heading { h2 #blocks-title { "Latest blocks" } a href="blocks" { "All blocks" } }
                (super::blocks::short_table(overview.blocks.iter().take(LATEST)))
            }
            section aria-labelledby="transactions-title" {
                div .heading { h2 #transactions-title { "Latest transactions" } a href="transactions" { "All transactions" } }
                (latest_transactions(overview))
            }
        }
        section aria-labelledby="validators-title" {
            div .heading { h2 #validators-title { "Validators" } a href="validators" { "Details" } }
            (validators::cards(&overview.validators, overview.status.height, overview.status.consensus))
        }
        (overview.activity().section())
    }
}

fn stalled(stall: &Stall, pending: u64) -> Markup {
    html! {
        section .stall #stall aria-labelledby="stall-title" {
            h2 #stall-title { "Nothing is being committed" }
            p {
                "Work has waited since " (parts::time_in_full(stall.since)) ", and no block was certified since. "
                @match pending {
                    0 => {},
                    1 => { "One transaction is pending here. " },
                    many => { (parts::number(many)) " transactions are pending here. " },
                }
                "Nothing that was committed is lost."
            }
            @if stall.awaited.is_empty() {
                p { "This validator does not know what the network waits for." }
            } @else {
                p { "As far as this validator knows:" }
                ul { @for what in &stall.awaited { li { (what) } } }
            }
        }
    }
}

fn tiles(overview: &Overview) -> Markup {
    let status = &overview.status;
    let quorum = overview.blocks.first().map_or(0, |block| block.seals.len());
    html! {
        div .tiles {
            div .tile.wide {
                h2 { "Height" }
                p .figure #height data-height=(status.height) { (parts::number(status.height)) }
                p .note {
                    @if let Some(reason) = &status.does_not_vote {
                        span .badge.failed { "This validator does not vote" } " " (reason) " "
                    }
                    @else if !status.asking.is_empty() {
                        span .badge.pending { "Not voting yet" } " it has just started, and asks the others what it signed before "
                    }
                    @else if let Some(what) = &status.no_quorum_left {
                        span .badge.failed { "Too few validators vote" } " " (what) " "
                    }
                    @if status.syncing { span .badge.pending { "Fetching blocks" } " " }
                    @if overview.blocks.is_empty() { "Genesis " } @else { "Last block " }
                    (parts::time_in_full(status.timestamp))
                }
                (overview.activity().transactions())
            }
            div .tile {
                h2 { "Transactions" }
                p .figure #transaction-count { (parts::number(status.transactions)) }
                p .note { span #pending-count { (parts::number(status.pending_transactions)) } " pending here" }
            }
            div .tile {
                h2 { "Consensus" }
                p .figure #consensus title=(status.consensus.promise()) { (engine(status)) }
                p .note {
                    "Epoch " span #epoch { (parts::number(status.epoch)) } ", " (status.consensus.reign()) " " span #view { (parts::number(status.view)) }
                    @if status.does_not_vote.is_some() { ", the last heard of" }
                }
            }
            div .tile {
                h2 { (words::capital(status.consensus.leader())) }
                p .figure.name #primary { (status.primary.as_deref().unwrap_or("none just now")) }
                p .note { "Sealed by " (parts::number(quorum)) " of " (parts::number(overview.validators.len())) " at the tip" }
            }
        }
    }
}

fn engine(status: &Status) -> &'static str {
    match status.consensus {
        quorate_crypto::Engine::Pbft => "PBFT",
        quorate_crypto::Engine::Raft => "Raft",
        quorate_crypto::Engine::Paxos => "Paxos",
    }
}

fn latest_transactions(overview: &Overview) -> Markup {
    let row = |transaction: &Transaction| {
        let summary = words::summary(transaction, &overview.known);
        let cells = vec![
            parts::transaction(&transaction.id),
            words::told(transaction.status, &summary),
            parts::status(transaction.status),
        ];
        Row::of(transaction.status, cells)
    };
    let rows = overview.transactions.iter().map(row).collect();
    parts::table(
        "latest-transactions",
        &["Transaction", "What", "Status"],
        rows,
        "No transactions lately.",
    )
}
