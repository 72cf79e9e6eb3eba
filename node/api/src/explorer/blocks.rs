//! Blocks: the list, and a page for each.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use quorate_client::schema::{Block, BlockList, Network, Transaction};
use quorate_client::text::rfc3339_of;
use quorate_ledger::Height;

use super::here::Here;
use super::known::Known;
use super::layout::{self, Page, Section};
use super::parts::{self, Row};
use super::{checks, csv, raw, selection, words};
use crate::app::{App, At};
use crate::config::{DEFAULT_PAGE, MAX_FILE_ROWS};
use crate::cursor::ListTag;
use crate::input::{Name, Params, block_ref, whole_number};
use crate::node::Snapshot;
use crate::problem::Failure;
use crate::{routes, scan};

const NO_BLOCKS: &str = "No block is certified yet.";

/// Transactions on one page of a block.
const TRANSACTIONS: usize = 50;

pub(super) async fn list(State(app): State<App>, here: Here, params: Params) -> Response {
    layout::answer(&app, &here, read_list(&app, &params).await)
}

async fn read_list(app: &App, params: &Params) -> Result<At<Page>, Failure> {
    params.only(&["to", "cursor"])?;
    let cursor = params.cursor(&ListTag::blocks(), whole_number)?.map(Height);
    let to = params.spelt(selection::spelt).when("to")?;
    app.read(None, move |snapshot, _| {
        let top = match cursor {
            Some(cursor) => cursor,
            None => scan::last_height(snapshot, to)?,
        };
        let BlockList { blocks, next } =
            routes::blocks::list(snapshot, Some(top), DEFAULT_PAGE, |_, block| Ok(block))?;
        let older = next.map(|next| format!("blocks?cursor={next}"));
        let nothing = match to {
            Some(_) => "No block is that old.",
            None => NO_BLOCKS,
        };
        let body = html! {
            h1 { "Blocks" }
            (selection::up_to("blocks", to))
            (table(&blocks, nothing))
            (parts::pager(
                (top < snapshot.height()).then_some("blocks"),
                older.as_deref().map(|older| (older, "Older blocks")),
            ))
            (raw::list(Some(&format!("blocks.csv?cursor={}", ListTag::blocks().cursor(top))), Some("v1/blocks"), None))
        };
        Ok(Page {
            title: "Blocks".to_owned(),
            section: Section::Blocks,
            body,
        })
    })
    .await
}

/// The list as a file.
pub(super) async fn file(State(app): State<App>, here: Here, params: Params) -> Response {
    csv::answer(&app, &here, "blocks.csv", read_file(&app, &params).await)
}

async fn read_file(app: &App, params: &Params) -> Result<At<csv::File>, Failure> {
    params.only(&["cursor"])?;
    let top = params.cursor(&ListTag::blocks(), whole_number)?.map(Height);
    app.read(None, move |snapshot, _| {
        let BlockList { blocks, next } =
            routes::blocks::list(snapshot, top, MAX_FILE_ROWS, |_, block| Ok(block))?;
        let mut table = csv::Table::new([
            "height",
            "hash",
            "time",
            "epoch",
            "protocol",
            "transactions",
            "log_size",
            "log_root",
            "state_root",
            "sealed_by",
        ]);
        for block in blocks {
            let sealers: Vec<&str> = block.seals.iter().map(|seal| seal.validator.as_str()).collect();
            table.row([
                block.height.to_string(),
                block.hash.to_string(),
                rfc3339_of(block.timestamp),
                block.epoch.to_string(),
                block.protocol.to_string(),
                block.transaction_count.to_string(),
                block.log_size.to_string(),
                block.log_root.to_string(),
                block.state_root.to_string(),
                sealers.join(" "),
            ]);
        }
        Ok(table.end(next.map(|next| format!("blocks.csv?cursor={next}"))))
    })
    .await
}

/// A list of blocks.
fn table(blocks: &[Block], nothing: &'static str) -> Markup {
    let row = |block: &Block| {
        let who = block.seals.iter().map(|seal| seal.validator.as_str());
        let who: Vec<&str> = who.collect();
        let seals = html! { span title=(who.join(", ")) { (parts::number(who.len())) } };
        let [height, count, hash, time] = cells(block);
        vec![height, count, hash, seals, time]
    };
    let rows = blocks.iter().map(row).collect();
    parts::table(
        "blocks",
        &["Height", "Transactions", "Hash", "Seals", "Time (UTC)"],
        rows,
        nothing,
    )
}

/// The latest blocks, for the overview: half a window wide, which has no room for hashes.
pub(super) fn short_table<'a>(blocks: impl Iterator<Item = &'a Block>) -> Markup {
    let row = |block: &Block| {
        let [height, count, _, time] = cells(block);
        vec![height, count, time]
    };
    let rows = blocks.map(row).collect();
    parts::table(
        "latest-blocks",
        &["Height", "Transactions", "Time (UTC)"],
        rows,
        NO_BLOCKS,
    )
}

/// Height, number of transactions, hash and time.
fn cells(block: &Block) -> [Markup; 4] {
    [
        parts::block(block.height),
        html! { span .number { (parts::number(block.transaction_count)) } },
        parts::link(
            &format!("blocks/{}", block.hash),
            &block.hash.to_string(),
            "block hash",
        ),
        parts::moment(block.timestamp),
    ]
}

pub(super) async fn page(State(app): State<App>, here: Here, Name(name): Name, params: Params) -> Response {
    layout::answer(&app, &here, read_page(&app, &name, &params).await)
}

async fn read_page(app: &App, name: &str, params: &Params) -> Result<At<Page>, Failure> {
    let reference = block_ref(name)?;
    let from = params.number("from", "malformed_cursor")?.unwrap_or(0);
    let from = u32::try_from(from).unwrap_or(u32::MAX);
    let network = app.network()?;
    app.read(None, move |snapshot, _| {
        let block = routes::blocks::find(snapshot, reference)?;
        let height = block.height;
        let transactions = snapshot.transactions_at(height, from, TRANSACTIONS)?;
        let body = html! {
            (title(height, snapshot.height()))
            (header(&block))
            (seals(&block, &network))
            section aria-labelledby="transactions-title" {
                h2 #transactions-title {
                    "Transactions " span .count { (parts::number(block.transaction_count)) }
                }
                (transactions_table(snapshot, &transactions)?)
                (more(height, from, block.transaction_count))
                (raw::list(
                    Some(&format!("transactions.csv?from={height}&to={height}")),
                    Some(&format!("v1/blocks/{height}/transactions")),
                    None,
                ))
            }
            (checks::section("block", &height.to_string(), &format!("blocks/{height}/proof")))
        };
        Ok(Page {
            title: format!("Block {}", parts::number(height)),
            section: Section::Blocks,
            body,
        })
    })
    .await
}

fn title(height: Height, tip: Height) -> Markup {
    html! {
        div .title {
            h1 { "Block " span #height data-height=(height) { (parts::number(height)) } }
            nav .neighbours aria-label="Neighbouring blocks" {
                @if height.0 > 1 {
                    a #previous rel="prev" href={ "blocks/" (height.0 - 1) } { "Previous" }
                }
                @if height < tip {
                    a #next rel="next" href={ "blocks/" (height.next()) } { "Next" }
                }
            }
        }
    }
}

fn header(block: &Block) -> Markup {
    let previous = block.previous.to_string();
    let address = format!("blocks/{}", block.height);
    parts::facts([
        (
            "Hash",
            html! { span #hash { (parts::full(&block.hash.to_string(), "block hash")) } },
        ),
        ("Time", parts::time_in_full(block.timestamp)),
        ("Epoch", html! { (parts::number(block.epoch)) }),
        ("Protocol version", html! { (parts::number(block.protocol)) }),
        (
            "Previous block",
            if block.height.0 > 1 {
                parts::link(&format!("blocks/{previous}"), &previous, "previous block's hash")
            } else {
                html! { (parts::short(&previous, "network id")) " (the genesis document)" }
            },
        ),
        (
            "Proposal",
            parts::short(&block.proposal.to_string(), "proposal digest"),
        ),
        (
            "Log size",
            html! { span .number #log-size { (parts::number(block.log_size)) } " transactions executed so far" },
        ),
        (
            "Log root",
            html! { span #log-root { (parts::short(&block.log_root.to_string(), "log root")) } },
        ),
        (
            "State root",
            parts::short(&block.state_root.to_string(), "state root"),
        ),
        (
            "Chain root",
            parts::short(&block.chain_root.to_string(), "chain root"),
        ),
        (
            "Next committee",
            parts::short(&block.next_committee.to_string(), "next committee's hash"),
        ),
        (
            "As data",
            html! {
                (raw::links(&format!("v1/{address}"), Some(&format!("{address}/bytes")), Some(&format!("{address}/proof"))))
                // Who knows the committee checks the header by its seals.
                ", " a href={ "v1/" (address) "/header" } { "header with its seals" }
                ", " a href={ "v1/proofs/committees?to=" (block.height) } { "proof of its committee" }
            },
        ),
    ])
}

/// Each validator of the epoch, and whether its seal is in the certificate.
fn seals(block: &Block, network: &Network) -> Markup {
    let epoch = network.epochs.iter().find(|known| known.epoch == block.epoch);
    let seals = &block.seals;
    // An epoch lists keys alone; a key has one name in all of them.
    let named = &network.committee.validators;
    let keys = epoch.into_iter().flat_map(|known| &known.validators);
    let absent = keys.filter_map(|key| named.iter().find(|member| member.key == *key));
    let absent = absent.filter(|member| seals.iter().all(|seal| seal.validator != member.name));
    html! {
        section aria-labelledby="seals-title" {
            h2 #seals-title {
                "Seals " span .count { (parts::number(seals.len())) }
                @if let Some(known) = epoch { span .aside { "a quorum is " (parts::number(known.described().quorum())) } }
            }
            ul .seals #seals {
                @for seal in seals {
                    li .sealed data-validator=(seal.validator) {
                        strong { (parts::validator(&seal.validator)) }
                        (parts::short(&seal.signature.to_string(), "signature"))
                    }
                }
                @for member in absent {
                    li .unsealed {
                        strong { (member.name) }
                        span .aside { "No seal in this certificate" }
                    }
                }
            }
        }
    }
}

fn transactions_table(snapshot: &dyn Snapshot, transactions: &[Transaction]) -> Result<Markup, Failure> {
    let known = Known::of(snapshot, words::in_short(transactions))?;
    let row = |transaction: &Transaction| {
        let cells = vec![
            html! { span .number { @if let Some(index) = transaction.index { (parts::number(index)) } } },
            parts::transaction(&transaction.id),
            parts::parties(&transaction.parties),
            words::told(transaction.status, &words::summary(transaction, &known)),
            parts::status(transaction.status),
        ];
        Row::of(transaction.status, cells)
    };
    let rows = transactions.iter().map(row).collect();
    let columns = ["Index", "Transaction", "Parties", "What", "Status"];
    Ok(parts::table(
        "transactions",
        &columns,
        rows,
        "No transactions in this block.",
    ))
}

fn more(height: Height, from: u32, count: u32) -> Markup {
    let page = u32::try_from(TRANSACTIONS).unwrap_or(u32::MAX);
    let first = format!("blocks/{height}");
    let next = from.saturating_add(page);
    let href = format!("blocks/{height}?from={next}");
    parts::pager(
        (from > 0).then_some(first.as_str()),
        (next < count).then_some((&href, "More transactions")),
    )
}
