//! Blocks: the list, and a page for each.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_ledger::Height;

use super::layout::{self, Page, Section};
use super::parts;
use super::words::{self, Decimals};
use crate::app::{App, At};
use crate::config::DEFAULT_PAGE;
use crate::facts::{BlockFacts, TransactionFacts};
use crate::input::{Name, Params, block_ref, whole_number};
use crate::node::{BlockRef, Snapshot};
use crate::problem::Failure;
use crate::routes;
use crate::shape::{self, Names};

const NO_BLOCKS: &str = "No block is certified yet.";

/// Transactions on one page of a block.
const TRANSACTIONS: usize = 100;

pub(super) async fn list(State(app): State<App>, params: Params) -> Response {
    layout::answer(&app, read_list(&app, &params).await)
}

async fn read_list(app: &App, params: &Params) -> Result<At<Page>, Failure> {
    let first = params.cursor(whole_number)?;
    let names = app.names();
    app.read(None, move |snapshot, _| {
        let tip = snapshot.tip().height.0;
        let top = first.unwrap_or(tip).min(tip);
        let bottom = top.saturating_sub(DEFAULT_PAGE as u64);
        let mut blocks = Vec::new();
        for height in (bottom + 1..=top).rev() {
            blocks.extend(snapshot.block(BlockRef::Height(Height(height)))?);
        }
        let older = format!("/blocks?cursor={bottom}");
        let body = html! {
            h1 { "Blocks" }
            (table(&blocks, &names))
            (parts::pager((top < tip).then_some("/blocks"), (bottom > 0).then_some((&older, "Older blocks"))))
        };
        Ok(Page {
            title: "Blocks".to_owned(),
            section: Section::Blocks,
            body,
        })
    })
    .await
}

/// A list of blocks.
fn table(blocks: &[BlockFacts], names: &Names) -> Markup {
    let row = |facts: &BlockFacts| {
        let header = facts.header.v1();
        let seals = facts.certificate.seals();
        let who: Vec<String> = seals
            .iter()
            .map(|seal| names.validator(header.epoch, seal.validator))
            .collect();
        let seals = html! { span title=(who.join(", ")) { (seals.len()) } };
        let [height, count, hash, time] = cells(facts);
        vec![height, count, hash, seals, time]
    };
    let rows = blocks.iter().map(row).collect();
    parts::table(
        "blocks",
        &["Height", "Transactions", "Hash", "Seals", "Time"],
        rows,
        NO_BLOCKS,
    )
}

/// The latest blocks, for the overview.
pub(super) fn short_table<'a>(blocks: impl Iterator<Item = &'a BlockFacts>) -> Markup {
    let rows = blocks.map(|facts| cells(facts).to_vec()).collect();
    parts::table(
        "latest-blocks",
        &["Height", "Transactions", "Hash", "Time"],
        rows,
        NO_BLOCKS,
    )
}

/// Height, number of transactions, hash and time.
fn cells(facts: &BlockFacts) -> [Markup; 4] {
    let header = facts.header.v1();
    [
        parts::block(header.height),
        html! { span .number { (parts::grouped(&header.transaction_count.to_string())) } },
        parts::link(
            &format!("/blocks/{}", facts.hash),
            &facts.hash.to_string(),
            "block hash",
        ),
        parts::time(header.timestamp),
    ]
}

pub(super) async fn page(State(app): State<App>, Name(name): Name, params: Params) -> Response {
    layout::answer(&app, read_page(&app, &name, &params).await)
}

async fn read_page(app: &App, name: &str, params: &Params) -> Result<At<Page>, Failure> {
    let reference = block_ref(name)?;
    let from = params.number("from", "malformed_cursor")?.unwrap_or(0);
    let from = u32::try_from(from).unwrap_or(u32::MAX);
    let names = app.names();
    app.read(None, move |snapshot, _| {
        let facts = routes::blocks::find(snapshot, reference)?;
        let height = facts.header.v1().height;
        let transactions = snapshot.transactions_at(height, from, TRANSACTIONS)?;
        let body = html! {
            (title(height, snapshot.tip().height))
            (header(&facts))
            (seals(&facts, &names))
            section aria-labelledby="transactions-title" {
                h2 #transactions-title {
                    "Transactions " span .count { (parts::grouped(&facts.header.v1().transaction_count.to_string())) }
                }
                (transactions_table(snapshot, &transactions)?)
                (more(height, from, facts.header.v1().transaction_count))
            }
        };
        Ok(Page { title: format!("Block {height}"), section: Section::Blocks, body })
    })
    .await
}

fn title(height: Height, tip: Height) -> Markup {
    html! {
        div .title {
            h1 { "Block " span #height data-height=(height) { (parts::grouped(&height.to_string())) } }
            nav .neighbours aria-label="Neighbouring blocks" {
                @if height.0 > 1 {
                    a #previous rel="prev" href={ "/blocks/" (height.0 - 1) } { "Previous" }
                }
                @if height < tip {
                    a #next rel="next" href={ "/blocks/" (height.next()) } { "Next" }
                }
            }
        }
    }
}

fn header(facts: &BlockFacts) -> Markup {
    let header = facts.header.v1();
    let previous = header.previous.to_string();
    parts::facts([
        (
            "Hash",
            html! { span #hash { (parts::full(&facts.hash.to_string(), "block hash")) } },
        ),
        ("Time", parts::time_in_full(header.timestamp)),
        ("Epoch", html! { (header.epoch) }),
        (
            "Previous block",
            if header.height.0 > 1 {
                parts::link(&format!("/blocks/{previous}"), &previous, "previous block's hash")
            } else {
                html! { (parts::short(&previous, "network id")) " (the genesis document)" }
            },
        ),
        (
            "Proposal",
            parts::short(&header.proposal.to_string(), "proposal digest"),
        ),
        (
            "Transactions root",
            parts::short(&header.transactions_root.to_string(), "transactions root"),
        ),
        (
            "Receipts root",
            parts::short(&header.receipts_root.to_string(), "receipts root"),
        ),
        (
            "State root",
            parts::short(&header.state_root.to_string(), "state root"),
        ),
        (
            "Chain root",
            parts::short(&header.chain_root.to_string(), "chain root"),
        ),
        (
            "Next committee",
            parts::short(&header.next_committee.to_string(), "next committee's hash"),
        ),
    ])
}

/// Each validator of the epoch, and whether its seal is in the certificate.
fn seals(facts: &BlockFacts, names: &Names) -> Markup {
    let epoch = facts.header.v1().epoch;
    let committee = names.epochs.iter().find(|known| known.committee.epoch() == epoch);
    let seals = facts.certificate.seals();
    let absent = committee.into_iter().flat_map(|known| known.committee.indices());
    let absent = absent.filter(|index| seals.iter().all(|seal| seal.validator != *index));
    html! {
        section aria-labelledby="seals-title" {
            h2 #seals-title {
                "Seals " span .count { (seals.len()) }
                @if let Some(known) = committee { span .aside { "a quorum is " (known.committee.quorum()) } }
            }
            ul .seals #seals {
                @for seal in seals {
                    @let signature = seal.signature.to_string();
                    li .sealed data-validator=(names.validator(epoch, seal.validator)) {
                        strong { (names.validator(epoch, seal.validator)) }
                        (parts::short(&signature, "signature"))
                    }
                }
                @for index in absent {
                    li { strong { (names.validator(epoch, index)) } span .aside { "not in this certificate" } }
                }
            }
        }
    }
}

fn transactions_table(snapshot: &dyn Snapshot, transactions: &[TransactionFacts]) -> Result<Markup, Failure> {
    let codes = transactions
        .iter()
        .flat_map(|facts| words::codes(&facts.transaction.intent().operations));
    let decimals = Decimals::of(snapshot, codes)?;
    let row = |facts: &TransactionFacts| {
        let intent = facts.transaction.intent();
        vec![
            html! { span .number { (facts.index) } },
            parts::transaction(&facts.id),
            parts::account(&intent.sender),
            words::summary(&intent.operations, &decimals),
            parts::status(shape::transaction(facts).status),
        ]
    };
    let rows = transactions.iter().map(row).collect();
    let columns = ["Index", "Transaction", "Sender", "What", "Status"];
    Ok(parts::table(
        "transactions",
        &columns,
        rows,
        "No transactions in this block.",
    ))
}

fn more(height: Height, from: u32, count: u32) -> Markup {
    let page = u32::try_from(TRANSACTIONS).unwrap_or(u32::MAX);
    let first = format!("/blocks/{height}");
    let next = from.saturating_add(page);
    let href = format!("/blocks/{height}?from={next}");
    parts::pager(
        (from > 0).then_some(first.as_str()),
        (next < count).then_some((&href, "More transactions")),
    )
}
