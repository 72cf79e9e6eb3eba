//! A validator whose disk goes back to a former state.

use quorate_crypto::ValidatorIndex;
use quorate_simulator::{Command, Loss, Lost, Scenario};

use crate::run;

/// Its disk goes back to the backup, and nobody knows.
const RESTORED: Command = Command::Lose(3, Loss::unnoticed(Lost::SinceBackup));

/// Backed up at one time and restored later, while batches are ordered.
fn restored() -> Scenario {
    let mut scenario = Scenario::calm(4, 0)
        .at(500, Command::BackUp(3))
        .at(1_500, RESTORED)
        .at(1_600, Command::Start(3));
    scenario.batches = 200;
    scenario.faults_end_ms = 3_000;
    scenario.members_wait = true;
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
        .at(2_600, RESTORED)
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

/// Its backup is of when it observed; the rejoin that it waited for then has been executed since.
fn restored_to_a_quarantine(restored_at: u64) -> Scenario {
    let mut scenario = Scenario::calm(4, 0)
        .at(300, Command::Lose(3, Loss::noticed(Lost::Journal)))
        .at(350, Command::Start(3))
        .at(400, Command::BackUp(3))
        .at(450, Command::Rejoin(3, 1))
        .at(restored_at, RESTORED)
        .at(restored_at + 100, Command::Start(3));
    scenario.batches = 200;
    scenario.faults_end_ms = 3_000;
    scenario.members_wait = true;
    scenario
}

#[test]
fn pitfall_27_a_rejoin_counts_once_though_the_quarantine_comes_back_from_a_backup() {
    // It has voted in the epoch that the rejoin began, and the rejoin would let it vote there.
    for report in run(&restored_to_a_quarantine(1_800)) {
        assert_eq!(report.epoch, 1);
        assert_eq!(report.quarantined, [ValidatorIndex(3)].into());
    }
}

#[test]
fn pitfall_27_a_quarantine_from_a_backup_ends_where_nothing_was_signed_since() {
    // It comes back to the same quarantine before the rejoin has begun an epoch.
    for report in run(&restored_to_a_quarantine(460)) {
        assert_eq!((report.epoch, report.quarantined), (1, [].into()));
    }
}

#[test]
fn pitfall_28_one_that_lost_its_chain_and_knows_nothing_finds_out_and_rejoins() {
    for of in [Lost::Everything, Lost::SinceBackup] {
        let mut scenario = Scenario::calm(4, 0)
            .at(200, Command::BackUp(3))
            .at(700, Command::Lose(3, Loss::unnoticed(of)))
            .at(750, Command::Start(3));
        scenario.batches = 100;
        scenario.faults_end_ms = 2_000;
        for report in run(&scenario) {
            assert_eq!(report.epoch, 1, "its member has let it rejoin");
        }
    }
}
