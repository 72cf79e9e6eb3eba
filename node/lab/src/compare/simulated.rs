//! What is found in virtual time.

use std::collections::BTreeMap;

use indicatif::ProgressBar;
use quorate_crypto::Engine;
use quorate_simulator::Count;
use quorate_simulator::compare::costs::{self, Alone, Distance, Steady, TRANSACTIONS};
use quorate_simulator::compare::stories::Story;
use quorate_simulator::compare::{Network, stories};
use rayon::prelude::*;
use serde::Serialize;

use super::Sizes;
use super::elections::{self, Elections};
use super::faults::Fault;
use super::witnessed::Witnessed;

/// Batches of a steady load.
const BATCHES: u64 = 200;

/// Seeds of a steady load, at most: each is two hundred batches.
const STEADY_SEEDS: u64 = 5;

/// What to simulate.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// Networks, one table each.
    pub(crate) sizes: Vec<Sizes>,
    /// Runs of each fault.
    pub(crate) seeds: u64,
    /// Elections of each range of timeouts.
    pub(crate) trials: u64,
}

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Simulated {
    /// Runs of each fault.
    pub(crate) seeds: u64,
    /// Transactions in each batch.
    transactions_per_batch: u64,
    /// Networks that belong together.
    pub(crate) groups: Vec<Group>,
    /// Elections after a leader's crash.
    pub(crate) elections: Elections,
}

/// Networks that are compared with each other.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Group {
    /// What they have in common.
    pub(crate) what: String,
    /// One of each protocol.
    pub(crate) networks: Vec<Found>,
}

/// What was found of one network.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Found {
    /// Its protocol.
    pub(crate) consensus: Engine,
    /// How many validators it has.
    pub(crate) validators: usize,
    /// How many faulty ones it bears.
    pub(crate) tolerates: usize,
    /// One batch on an idle network.
    pub(crate) one_batch: OneBatch,
    /// Two hundred batches a second, with validators in one place.
    pub(crate) near: Load,
    /// The same with validators far from each other.
    pub(crate) far: Load,
    /// What came of each fault.
    pub(crate) faults: Vec<Fault>,
}

/// What one batch takes until everybody has it certified.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OneBatch {
    /// Engines' messages.
    pub(crate) messages: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    kinds: BTreeMap<&'static str, Kind>,
    /// Messages with the batch itself.
    pub(crate) batch_messages: u64,
    /// Their bytes.
    pub(crate) batch_bytes: u64,
    /// Flushes of journals, all validators together.
    pub(crate) flushes: u64,
    /// Message delays from its packing by a follower until the first validator decides.
    pub(crate) delays_to_decided: f64,
    /// Until the first validator has it certified.
    pub(crate) delays_to_certified: f64,
    /// Until everybody has.
    pub(crate) delays_to_certified_everywhere: f64,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Kind {
    messages: u64,
    bytes: u64,
}

/// What a steady load takes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Load {
    transactions: u64,
    /// Transactions in a block.
    pub(crate) transactions_per_block: f64,
    /// Engines' messages.
    pub(crate) messages_per_transaction: f64,
    /// Their bytes.
    pub(crate) bytes_per_transaction: f64,
    /// Bytes of batches, and of what was asked for again.
    pub(crate) batch_bytes_per_transaction: f64,
    /// Flushes of journals, all validators together.
    pub(crate) flushes_per_transaction: f64,
    /// From a batch's packing to the first certified block with it.
    pub(crate) median_ms: f64,
    /// The 99th percentile.
    pub(crate) p99_ms: f64,
}

impl OneBatch {
    fn of(alone: Alone) -> Self {
        let kind = |(kind, count): (&'static str, Count)| {
            let Count { messages, bytes } = count;
            (kind, Kind { messages, bytes })
        };
        let delays = |tenths: u64| tenths as f64 / 10.0;
        Self {
            messages: alone.consensus.messages,
            bytes: alone.consensus.bytes,
            kinds: alone.kinds.into_iter().map(kind).collect(),
            batch_messages: alone.batches.messages,
            batch_bytes: alone.batches.bytes,
            flushes: alone.flushes,
            delays_to_decided: delays(alone.decided_tenths),
            delays_to_certified: delays(alone.certified_tenths),
            delays_to_certified_everywhere: delays(alone.certified_everywhere_tenths),
        }
    }
}

impl Load {
    fn of(steady: &Steady) -> Self {
        let transactions = (steady.transactions as f64).max(1.0);
        let each = |count: u64| count as f64 / transactions;
        Self {
            transactions: steady.transactions,
            transactions_per_block: transactions / (steady.heights as f64).max(1.0),
            messages_per_transaction: each(steady.consensus.messages),
            bytes_per_transaction: each(steady.consensus.bytes),
            batch_bytes_per_transaction: each(steady.batches.bytes + steady.catching_up.bytes),
            flushes_per_transaction: each(steady.flushes),
            median_ms: steady.median_us as f64 / 1_000.0,
            p99_ms: steady.p99_us as f64 / 1_000.0,
        }
    }
}

impl Work {
    /// How many steps the progress is counted in.
    pub(crate) fn steps(&self) -> u64 {
        let networks = self.sizes.len() as u64 * super::ENGINES.len() as u64;
        networks * (3 + Story::ALL.len() as u64 * self.seeds) + elections::steps(self.trials)
    }
}

/// Simulates all of it, on all cores.
pub(crate) fn simulate(work: &Work, progress: &ProgressBar) -> Simulated {
    progress.set_message("costs and faults");
    let found = |network: Network| Found::of(network, work.seeds, progress);
    let groups = work.sizes.iter().map(|sizes| Group {
        what: sizes.words(),
        networks: sizes.networks().into_iter().map(found).collect(),
    });
    let groups = groups.collect();
    progress.set_message("elections");
    Simulated {
        seeds: work.seeds,
        transactions_per_batch: TRANSACTIONS,
        groups,
        elections: Elections::hold(work.trials, progress),
    }
}

impl Found {
    fn of(network: Network, seeds: u64, progress: &ProgressBar) -> Self {
        let one_batch = OneBatch::of(costs::alone(network, seeds));
        progress.inc(1);
        let distances = [Distance::Near, Distance::Far];
        let steady = distances.into_par_iter().map(|distance| {
            let steady = costs::steady(network, distance, BATCHES, seeds.min(STEADY_SEEDS));
            progress.inc(1);
            Load::of(&steady)
        });
        let mut steady: Vec<Load> = steady.collect();
        let (far, near) = (steady.pop(), steady.pop());
        let faults = Story::ALL.map(|story| {
            let runs = (0..seeds).into_par_iter().map(|seed| {
                let run = story.run(network, seed);
                let has_two = run.has_two_histories();
                let witnessed = has_two.then(|| Witnessed::of(story, network, seed));
                progress.inc(1);
                (run, witnessed)
            });
            let (runs, witnessed): (Vec<stories::Run>, Vec<_>) = runs.unzip();
            let witnessed = witnessed.into_iter().flatten().collect();
            Fault::of(network, story, Story::sum_up(&runs), witnessed)
        });
        Self {
            consensus: network.engine,
            validators: network.validators,
            tolerates: network.bears(),
            one_batch,
            near: near.expect("two distances were simulated"),
            far: far.expect("two distances were simulated"),
            faults: faults.into(),
        }
    }

    /// For tables and charts.
    pub(crate) fn name(&self) -> String {
        super::name(self.consensus, self.validators)
    }
}
