//! Proposers of Paxos that prepare at the same time and outbid each other.

use quorate_consensus::TimerRange;
use quorate_crypto::Engine;
use quorate_simulator::{Command, Scenario};

use crate::run;

/// All election timers fire at once, while messages take long and the distinguished proposer has just died.
#[test]
fn duels_end_though_all_begin_at_once() {
    for validators in [3, 5, 7] {
        for dies in 0..3 {
            let mut scenario = Scenario::calm(validators, 0)
                .ordered_by(Engine::Paxos)
                .at(2_000, Command::Crash(dies));
            scenario.timing.election = TimerRange {
                from_ms: 300,
                to_ms: 300,
            };
            scenario.links.least_delay_us = 20_000;
            scenario.links.delay_us = 60_000;
            scenario.calm_delay_us = 60_000;
            scenario.faults_end_ms = 4_000;
            for report in run(&scenario) {
                let (rounds, settled) = (report.view, report.settled_ms);
                assert!(rounds < 12, "{rounds} rounds");
                // Of 900 runs three took longer than 700 ms: 1.5, 1.6 and 2.4 s.
                assert!(settled < 3_000, "settled after {settled} ms");
            }
        }
    }
}
