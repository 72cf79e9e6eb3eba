//! Execution, state tree and storage alone: blocks of single payments on a chain of so many accounts,
//! without a network, their signatures taken as checked.
//!
//! Each block goes through the same calls as in a node, one after the other on one thread: its batches are
//! written, it is executed, the state tree is updated, block and state are written, all of it is flushed.
//! Making transactions and batches is not counted, and done before.

pub(crate) mod chain;
mod report;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use indicatif::ProgressBar;
use quorate_storage::StorageError;
use quorate_tools::failure::{Exit, Failure};

use super::machine::Memory;
use chain::{BenchChain, Payments, StartTimes};
pub(crate) use report::Report;
use report::{Disk, StartUp};
pub(crate) use store::Store;

/// Transactions made at once: their memory is bounded, and few pauses let compaction run for nothing.
const MADE_AT_ONCE: usize = 400_000;

/// What to execute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Accounts on the chain, each of which may pay and be paid.
    pub(crate) accounts: u64,
    /// Single payments.
    pub(crate) transactions: usize,
    /// In a block.
    pub(crate) per_block: usize,
}

/// Set from outside when a run is to end before its time, between two blocks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// One that Ctrl-C sets.
    pub(crate) fn on_interrupt() -> Self {
        let stop = Self::default();
        let asked = stop.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                asked.0.store(true, Ordering::Relaxed);
            }
        });
        stop
    }

    /// Fails if the run is to end.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(Failure::new(Exit::Interrupted, "interrupted")),
            false => Ok(()),
        }
    }
}

/// Executes payments on a chain, which is changed by it.
pub(crate) fn measure(
    store: &Store,
    plan: Plan,
    progress: &ProgressBar,
    stop: &Stop,
) -> Result<Report, Failure> {
    let (mut chain, StartTimes { open, tree }) = BenchChain::open(store.folder()).map_err(unusable)?;
    let start_up = StartUp {
        height: chain.height(),
        open_seconds: open.as_secs_f64(),
        tree_seconds: tree.as_secs_f64(),
        resident_memory_bytes: Memory::now().resident,
        made_here: store.made_here(),
    };
    let disk_before = chain.disk_bytes().map_err(unusable)?;
    let mut payments = Payments::new(plan.accounts, &chain);
    let mut blocks = Vec::with_capacity(plan.transactions.div_ceil(plan.per_block));
    let mut left = plan.transactions;
    while left > 0 {
        let mut made = Vec::new();
        let mut count = 0;
        while left > 0 && count < MADE_AT_ONCE {
            stop.check()?;
            let block = plan.per_block.min(left);
            progress.set_message("making");
            made.push((block, chain.batches(payments.next(block))));
            left -= block;
            count += block;
        }
        progress.set_message("executing");
        for (count, batches) in made {
            stop.check()?;
            let times = chain.execute(&batches).map_err(unusable)?;
            blocks.push((count, times));
            progress.inc(count as u64);
        }
    }
    let memory = Memory::now();
    let settling = Instant::now();
    chain.settle().map_err(unusable)?;
    let settle_seconds = settling.elapsed().as_secs_f64();
    let disk = Disk {
        before_bytes: disk_before,
        after_bytes: chain.disk_bytes().map_err(unusable)?,
        settle_seconds,
    };
    Ok(Report::new(plan, &blocks, start_up, disk, memory))
}

/// Why the chain cannot be used.
pub(crate) fn unusable(error: StorageError) -> Failure {
    Failure::failed(error).while_doing("the benchmark's chain")
}
