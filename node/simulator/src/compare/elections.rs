//! Elections after a leader's crash, as Ongaro and Ousterhout measured them (2014, section 9.3, figure 16):
//! five servers, a broadcast and its answers take about 15 ms, and timeouts are drawn from a range.
//!
//! What is different here: a candidate asks first whether it would be elected, which takes another such
//! round; a leader shows itself four times within the shortest timeout, where theirs did twice; all logs are
//! alike, where theirs differed, so that some could not be elected.

use quorate_consensus::TimerRange;
use quorate_crypto::Engine;

use super::Network;
use crate::scenario::{Links, Machines, Scenario};
use crate::simulation::Simulation;

/// Servers in the paper's cluster.
pub const VALIDATORS: usize = 5;

/// The ranges of the paper's upper panel, in milliseconds: from the same timeout for all to a wide spread.
pub const SPREADS: [(u32, u32); 6] = [
    (150, 150),
    (150, 151),
    (150, 155),
    (150, 175),
    (150, 200),
    (150, 300),
];

/// The ranges of the lower one: from short to long.
pub const LENGTHS: [(u32, u32); 5] = [(12, 24), (25, 50), (50, 100), (100, 200), (150, 300)];

/// What a round of a message to all and their answers spends its 15 ms on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Links: 6 to 8.5 ms a message; flushes take next to nothing.
    Links,
    /// Disks: a vote is flushed in 13 to 14 ms; messages take 0.1 to 0.5 ms.
    Disks,
}

/// Elections are watched for so long, in milliseconds.
pub const LIMIT_MS: u64 = 10_000;

/// How long nobody led after a leader's crash, in microseconds; none if that was longer than the limit. The
/// seed decides all that is random.
pub fn leaderless_us(engine: Engine, place: Place, (from_ms, to_ms): (u32, u32), seed: u64) -> Option<u64> {
    let network = Network {
        engine,
        validators: VALIDATORS,
    };
    let ((least_delay_us, delay_us), (least_flush_us, flush_us)) = match place {
        Place::Links => ((6_000, 8_500), (0, 0)),
        Place::Disks => ((100, 500), (13_000, 14_000)),
    };
    let mut scenario = Scenario {
        links: Links {
            least_delay_us,
            delay_us,
            ..Links::default()
        },
        machines: Machines {
            least_flush_us,
            flush_us,
            ..Machines::default()
        },
        ..network.calm(seed)
    };
    scenario.timing.election = TimerRange { from_ms, to_ms };
    Simulation::new(scenario).leaderless_us(LIMIT_MS * 1_000)
}
