//! The protocols side by side: what an order costs each, which faults each outlives, how long elections take
//! (in the simulator, so that everybody finds the same), and how fast each is on this machine.

mod charts;
mod elections;
mod faults;
mod live;
mod report;
mod simulated;
mod witnessed;

pub(crate) use charts::Charts;
pub(crate) use live::{Live, LivePlan, measure_all};
pub(crate) use report::Report;
pub(crate) use simulated::{Simulated, Work, simulate};

use quorate_crypto::Engine;
use quorate_simulator::compare::Network;

/// The protocols, in the order in which they are shown.
const ENGINES: [Engine; 3] = [Engine::Pbft, Engine::Raft, Engine::Paxos];

/// What is compared with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sizes {
    /// The smallest networks that bear so many faulty validators.
    Tolerating(u16),
    /// Networks of so many validators.
    Of(u16),
}

impl Sizes {
    /// One network of each protocol.
    pub(crate) fn networks(self) -> [Network; 3] {
        ENGINES.map(|engine| match self {
            Self::Tolerating(faults) => Network::tolerating(engine, usize::from(faults)),
            Self::Of(validators) => Network {
                engine,
                validators: usize::from(validators),
            },
        })
    }

    /// What they have in common, for a heading.
    fn words(self) -> String {
        match self {
            Self::Tolerating(1) => "one fault borne (f = 1)".to_owned(),
            Self::Tolerating(faults) => format!("{faults} faults borne (f = {faults})"),
            Self::Of(validators) => format!("{validators} validators"),
        }
    }
}

/// A network's name in a table: its protocol and how many validators it has.
fn name(engine: Engine, validators: usize) -> String {
    let engine = match engine {
        Engine::Pbft => "PBFT",
        Engine::Raft => "Raft",
        Engine::Paxos => "Paxos",
    };
    format!("{engine} {validators}")
}
