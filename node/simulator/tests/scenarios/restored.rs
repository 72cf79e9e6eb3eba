//! A validator whose disk goes back to a former state.

use quorate_crypto::ValidatorIndex;
use quorate_simulator::{Command, Scenario};

use crate::run;

/// Backed up at one time and restored later, while batches are ordered.
fn restored() -> Scenario {
    let mut scenario = Scenario::calm(4, 0)
        .at(500, Command::BackUp(3))
        .at(1_500, Command::Restore(3))
        .at(1_600, Command::Start(3));
    scenario.batches = 200;
    scenario.faults_end_ms = 3_000;
    scenario
}

#[test]
fn pitfall_27_a_validator_restored_from_a_backup_finds_out_and_contradicts_nothing() {
    for report in run(&restored()) {
        assert_eq!(report.quarantined, [ValidatorIndex(3)].into());
        assert!(report.height > 30, "height {}", report.height);
    }
}

#[test]
fn pitfall_27_so_does_one_whose_peers_have_restarted_since() {
    let mut scenario = restored();
    for peer in 0..3 {
        let at = 900 + 200 * u64::from(peer);
        scenario = scenario
            .at(at, Command::Crash(peer))
            .at(at + 50, Command::Start(peer));
    }
    for report in run(&scenario) {
        assert_eq!(report.quarantined, [ValidatorIndex(3)].into());
    }
}

#[test]
fn pitfall_27_one_that_was_restored_without_a_loss_votes_on() {
    // Nothing was ordered between the backup and the end.
    let mut scenario = Scenario::calm(4, 0)
        .at(2_500, Command::BackUp(3))
        .at(2_600, Command::Restore(3))
        .at(2_700, Command::Start(3))
        .at(2_800, Command::Crash(1))
        .at(2_900, Command::Submit(0, 1));
    scenario.batches = 0;
    for at in (0..1_000).step_by(20) {
        scenario = scenario.at(at, Command::Submit(u16::try_from(at / 20 % 4).unwrap(), 1));
    }
    scenario.faults_end_ms = 3_000;
    for report in run(&scenario) {
        assert_eq!(report.quarantined, [].into());
    }
}
