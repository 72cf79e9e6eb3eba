//! The engines side by side: what an order costs each of them, which faults each outlives, and how long
//! elections take. The same workload, seeds and faults for all.

pub mod costs;
pub mod elections;
pub mod stories;

use quorate_consensus::Timing;
use quorate_crypto::Engine;

use crate::scenario::Scenario;

/// A network to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its protocol.
    pub engine: Engine,
    /// How many validators it has.
    pub validators: usize,
}

impl Network {
    /// The smallest that bears `faults` faulty validators: crashed ones, with PBFT lying ones too.
    pub fn tolerating(engine: Engine, faults: usize) -> Self {
        let validators = match engine {
            Engine::Pbft => 3 * faults + 1,
            Engine::Raft | Engine::Paxos => 2 * faults + 1,
        };
        Self { engine, validators }
    }

    /// How many faulty validators it bears.
    pub fn bears(self) -> usize {
        let share = match self.engine {
            Engine::Pbft => 3,
            Engine::Raft | Engine::Paxos => 2,
        };
        self.validators.saturating_sub(1) / share
    }

    /// Nothing happens in it yet.
    fn calm(self, seed: u64) -> Scenario {
        let calm = Scenario::calm(self.validators, seed).ordered_by(self.engine);
        Scenario {
            timing: Timing::SHIPPED,
            ..calm.without_batches()
        }
    }
}

/// The value below which this share of the values lies; none of nothing.
pub fn quantile(values: &mut [u64], share: f64) -> Option<u64> {
    values.sort_unstable();
    let last = values.len().checked_sub(1)?;
    let place = (last as f64 * share).round();
    values.get(place as usize).copied()
}
