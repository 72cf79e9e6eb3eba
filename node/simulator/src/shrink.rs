//! Makes a failing scenario smaller while it still fails, where that is cheap: fewer faults, fewer liars,
//! less work, less time. Its seed stays; what follows from it changes, so a smaller scenario may fail
//! otherwise, and is worth as much.

use crate::report::Report;
use crate::scenario::Scenario;
use crate::simulation::Simulation;

/// The most runs that are spent on it.
const ATTEMPTS: usize = 60;

type Change = fn(&mut Scenario);

/// Each leaves out something, or halves it.
const CHANGES: [Change; 19] = [
    |scenario| scenario.links.partitions = 0,
    |scenario| scenario.machines.crashes = 0,
    |scenario| scenario.machines.pauses = 0,
    |scenario| scenario.machines.losses = 0,
    |scenario| scenario.rejoins /= 2,
    |scenario| scenario.links.loss = 0,
    |scenario| scenario.links.duplication = 0,
    |scenario| scenario.machines.clock_skew_ms = 0,
    |scenario| scenario.machines.chain_lag_us = 0,
    |scenario| scenario.machines.chain_flush_us = 0,
    |scenario| scenario.links.one_way = false,
    |scenario| scenario.real_signatures = false,
    |scenario| scenario.liars.truncate(scenario.liars.len().saturating_sub(1)),
    |scenario| scenario.script.truncate(scenario.script.len().saturating_sub(1)),
    |scenario| scenario.batches /= 2,
    |scenario| scenario.faults_end_ms = (scenario.faults_end_ms / 2).max(100),
    |scenario| scenario.machines.crashes /= 2,
    |scenario| scenario.links.partitions /= 2,
    |scenario| scenario.links.delay_us = (scenario.links.delay_us / 2).max(50),
];

/// The smallest scenario found that fails, and its report. `report` is of a run that failed.
pub(crate) fn shrink(report: Report) -> Report {
    let mut smallest = report;
    let mut attempts = 0;
    loop {
        let before = attempts;
        let mut smaller = false;
        for change in CHANGES {
            let mut scenario = smallest.scenario.clone();
            change(&mut scenario);
            if scenario == smallest.scenario || attempts == ATTEMPTS {
                continue;
            }
            attempts += 1;
            let report = Simulation::new(scenario).run();
            if report.failure.is_some() {
                smallest = report;
                smaller = true;
            }
        }
        if !smaller || attempts == before {
            return smallest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Broken, Command};

    #[test]
    fn what_has_nothing_to_do_with_a_failure_is_left_out() {
        let mut scenario = Scenario::stormy(4, 7).breaking(Broken::JournalLost);
        scenario.machines.crashes = 8;
        scenario.script.push((9, Command::Heal));
        let mut report = Simulation::new(scenario.clone()).run();
        while report.failure.is_none() {
            scenario.seed += 1;
            report = Simulation::new(scenario.clone()).run();
        }
        let smallest = shrink(report);
        assert!(smallest.failure.is_some());
        assert!(smallest.scenario.script.is_empty());
        assert!(
            smallest.scenario.machines.crashes > 0,
            "no journal is lost without"
        );
        assert_eq!(smallest.scenario.links.loss, 0);
    }
}
