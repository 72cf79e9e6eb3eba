//! Protocol stories in whole networks, one a file, and seeds.

mod alone;
mod away;
mod censors;
mod chain_behind_journal;
mod clocks;
mod comparison;
mod crash_tolerant;
mod cut_link;
mod duels;
mod epochs;
mod epochs_away;
mod governed;
mod halves;
mod hoarded_certificates;
mod idle;
mod liars;
mod observers;
mod overtaken;
mod primary_crashes;
mod proposal_comes_back;
mod recorded;
mod replay;
mod replayed_questions;
mod restart_of_all;
mod restored;
mod seeds;
mod slow_disks;
mod slow_primaries;
mod standstill;
mod texts;
mod tip_holder;
mod unseen_batch;
mod wide_area;

use quorate_simulator::{Report, Scenario, Simulation};

/// Runs a scenario in which nothing may go wrong, under several seeds.
fn run(scenario: &Scenario) -> Vec<Report> {
    (0..10)
        .map(|seed| {
            let scenario = Scenario {
                seed,
                ..scenario.clone()
            };
            Simulation::new(scenario).run().expect_success()
        })
        .collect()
}
