//! Catch-up: a validator with an empty chain joins a network that has many blocks, and fetches, checks
//! and executes all of them.
//!
//! A local network of the benchmark's own runs without its last validator while it is offered payments as
//! fast as it takes them. Then the load ends, the last validator starts, and what counts is the time until
//! its height is the others'.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use quorate_tools::failure::Failure;
use quorate_tools::output::Output;
use serde::Serialize;

use super::chart::Panel;
use super::load::{Load, Rate};
use super::machine::folder_bytes;
use super::network::Network;
use super::payers::Payers;
use super::report::{self, bytes, ratio, shown};
use super::usage::{Probe, Usage};

/// Accounts that pay each other.
const ACCOUNTS: usize = 10_000;

/// Transactions in a call.
const BUNDLE: u64 = 100;

/// Calls in flight.
const IN_FLIGHT: usize = 32;

/// How often the joiner is asked where it is.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long the joiner may stay at one height.
const PATIENCE: Duration = Duration::from_secs(120);

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    validators: usize,
    /// Blocks fetched.
    blocks: u64,
    /// Transactions in them.
    transactions: u64,
    /// From the start of the joiner's process until its height was the others'.
    seconds: f64,
    /// Of these, until it had its first block.
    first_block_seconds: f64,
    blocks_per_second: f64,
    transactions_per_second: f64,
    /// What the joiner's chain takes of the disk.
    chain_bytes: u64,
    /// Bytes of blocks and batches that the servers sent, all together.
    sent_bytes: f64,
    megabytes_per_second: f64,
    /// Processor seconds of the validator that joined.
    joiner_cpu_seconds: f64,
    joiner_cpu_us_per_transaction: Option<f64>,
    /// Processor seconds of those that served it, all together.
    server_cpu_seconds: f64,
    server_cpu_us_per_transaction: Option<f64>,
    /// Seconds since the start and the joiner's height.
    heights: Vec<(f64, u64)>,
}

/// Offers payments for so long to a network whose last validator is away, starts that, and waits for it.
pub(crate) async fn measure(
    network: &mut Network,
    load: Duration,
    progress: &ProgressBar,
) -> Result<Report, Failure> {
    let joiner = network.size() - 1;
    progress.set_message("making blocks");
    make_blocks(network, joiner, load, progress).await?;
    let tip = network.standing_still(0).await?;
    progress.set_length(tip.height.0);
    progress.set_position(0);
    progress.set_message("catching up");

    let servers = Probe::new(network.validators()[..joiner].to_vec())?;
    let before = servers.sample().await;
    let start = Instant::now();
    network.start(&[joiner])?;
    let heights = follow(network, joiner, tip.height.0, start, progress).await?;
    let seconds = start.elapsed().as_secs_f64();
    let joiner_cpu_seconds = network.cpu_seconds(joiner).unwrap_or(0.0);
    let usage = Usage::between(&before, &servers.sample().await);
    let (server_cpu_seconds, sent_bytes) = usage
        .validators
        .map_or((0.0, 0.0), |servers| (servers.cpu_seconds, servers.wire_bytes));

    let (blocks, transactions) = (tip.height.0, tip.transactions);
    let first = heights.iter().find(|(_, height)| *height > 0);
    Ok(Report {
        validators: network.size(),
        blocks,
        transactions,
        seconds,
        first_block_seconds: first.map_or(seconds, |(at, _)| *at),
        blocks_per_second: blocks as f64 / seconds,
        transactions_per_second: transactions as f64 / seconds,
        chain_bytes: folder_bytes(&network.validators()[joiner].home().chain()),
        sent_bytes,
        megabytes_per_second: sent_bytes / 1e6 / seconds,
        joiner_cpu_seconds,
        joiner_cpu_us_per_transaction: ratio(joiner_cpu_seconds * 1e6, transactions as f64),
        server_cpu_seconds,
        server_cpu_us_per_transaction: ratio(server_cpu_seconds * 1e6, transactions as f64),
        heights,
    })
}

async fn make_blocks(
    network: &Network,
    joiner: usize,
    duration: Duration,
    progress: &ProgressBar,
) -> Result<(), Failure> {
    let payers = Payers::without(&[joiner], network, ACCOUNTS, progress).await?;
    let load = Load {
        rate: Rate::Max,
        duration,
        warmup: Duration::ZERO,
        in_flight: IN_FLIGHT,
        keep_answers: false,
    };
    let ahead = payers.most_within(duration);
    let signed = payers.sign(ahead, BUNDLE, duration, progress).await?;
    let (tally, _) = payers.offer(&load, signed, &[]).await?;
    if tally.committed == 0 {
        return Err(Failure::failed("no payment was committed"));
    }
    Ok(())
}

/// The joiner's height over time, until it is `tip`.
async fn follow(
    network: &Network,
    joiner: usize,
    tip: u64,
    start: Instant,
    progress: &ProgressBar,
) -> Result<Vec<(f64, u64)>, Failure> {
    let mut heights: Vec<(f64, u64)> = vec![(0.0, 0)];
    let mut moved = Instant::now();
    loop {
        // It does not answer before it has started.
        if let Some(status) = network.status(joiner).await {
            let height = status.height.0;
            progress.set_position(height.min(tip));
            if heights.last().is_none_or(|(_, last)| *last < height) {
                moved = Instant::now();
                heights.push((start.elapsed().as_secs_f64(), height));
            }
            if height >= tip {
                return Ok(heights);
            }
        }
        if moved.elapsed() > PATIENCE {
            let last = heights.last().map_or(0, |(_, height)| *height);
            return Err(Failure::failed(format!(
                "the validator that joined stays at block {last} of {tip}"
            )));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl report::Report for Report {
    fn text(&self, output: &Output) -> String {
        let cpu =
            |seconds: f64, each: Option<f64>| format!("{seconds:.2} s, {} us/transaction", shown(each, 1));
        output.fields(&[
            (
                "caught up",
                format!(
                    "{} blocks, {} transactions in {:.2} s",
                    self.blocks, self.transactions, self.seconds
                ),
            ),
            (
                "of these",
                format!("{:.2} s until the first block", self.first_block_seconds),
            ),
            ("blocks/s", format!("{:.1}", self.blocks_per_second)),
            ("transactions/s", format!("{:.0}", self.transactions_per_second)),
            (
                "received",
                format!(
                    "{}, {:.1} MB/s",
                    bytes(self.sent_bytes.max(0.0) as u64),
                    self.megabytes_per_second
                ),
            ),
            (
                "joiner's processor",
                cpu(self.joiner_cpu_seconds, self.joiner_cpu_us_per_transaction),
            ),
            (
                "servers' processor",
                cpu(self.server_cpu_seconds, self.server_cpu_us_per_transaction),
            ),
            ("joiner's chain", bytes(self.chain_bytes)),
        ])
    }

    fn panels(&self) -> Vec<Panel> {
        let points = self
            .heights
            .iter()
            .map(|(at, height)| (*at, *height as f64))
            .collect();
        vec![
            Panel::new("Catching up", "seconds since the start of the process", "height")
                .series("the validator that joined", points),
        ]
    }
}
