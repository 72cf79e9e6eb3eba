//! Restarts.

use quorate_consensus::contract::{Action, Config, Input, LearnedFrom, Record, Rejection, Step, Timer};
use quorate_consensus::pbft::{Body as Pbft, Halted, Replica, View};
use quorate_consensus::{Body, SignedStatement, Verified};
use quorate_crypto::Height;

use crate::lab::*;

/// A backup that has prepared and committed height 1, and its journal.
fn journal() -> Vec<Record> {
    let mut backup = replica(4, 1);
    let proposal = proposal(1);
    let mut records = drive_as(&mut backup, 1, from(0, pre_prepare(0, 1, &proposal))).records;
    records.extend(drive_as(&mut backup, 1, from(2, prepare(0, 1, &proposal))).records);
    records
}

#[test]
fn a_recovered_replica_says_the_same_again_and_nothing_else() {
    let (mut backup, _) = Replica::recover(config(4, 1), journal());
    let step = drive_as(&mut backup, 1, from(0, pre_prepare(0, 1, &proposal(2))));
    assert!(matches!(step.rejection, Some(Rejection::Contradiction { .. })));
    assert!(broadcast(&step).is_empty());
    // Asked, it sends the stored bytes.
    let status = quorate_consensus::Status {
        reign: 0,
        begun: true,
        certified: quorate_crypto::Height(0),
        holds: Vec::new(),
    };
    let ask = Input::Message(Verified::trusted(signed(3, Body::Status(status))));
    let step = backup.step(NOW, ask);
    for said in [prepare(0, 1, &proposal(1)), commit(0, 1, &proposal(1))] {
        let message = signed(1, Body::Pbft(said));
        let to = quorate_crypto::ValidatorIndex(3);
        assert!(step.actions.contains(&Action::Send { to, message }));
    }
}

#[test]
fn pitfall_12_no_vote_leaks_out_of_recovery() {
    let (_, step) = Replica::recover(config(4, 1), journal());
    let silent = |action: &Action| {
        matches!(
            action,
            Action::Sign(Body::Status(_)) | Action::SetTimer { .. } | Action::RequireBatches { .. }
        )
    };
    assert!(step.actions.iter().all(silent), "{:?}", step.actions);
}

#[test]
fn pitfall_27_a_replica_that_forgot_what_it_signed_votes_no_more() {
    let mut amnesiac = replica(4, 1);
    let message = signed(1, Body::Pbft(prepare(0, 1, &proposal(1))));
    let step = amnesiac.step(NOW, Input::Message(Verified::trusted(message.clone())));
    let said = SignedStatement::of(&message).expect("a prepare binds");
    let told = LearnedFrom::Message;
    assert!(step.actions.contains(&Action::Forgotten { said, told }));
    assert_eq!(amnesiac.halted(), Some(Halted::Forgotten));
    let step = drive_as(&mut amnesiac, 1, from(0, pre_prepare(0, 1, &proposal(2))));
    assert!(broadcast(&step).is_empty());
}

#[test]
fn a_replica_remembers_what_its_journal_has() {
    let (mut backup, _) = Replica::recover(config(4, 1), journal());
    for said in [prepare(0, 1, &proposal(1)), commit(0, 1, &proposal(1))] {
        let echo = signed(1, Body::Pbft(said));
        let step: Step = backup.step(NOW, Input::Message(Verified::trusted(echo)));
        assert_eq!(step.rejection, Some(Rejection::Duplicate));
    }
    assert_eq!(backup.halted(), None);
}

#[test]
fn a_vote_whose_batches_were_lost_never_left_and_does_not_bind() {
    let kept = Record::without_unsent(journal(), |_| false);
    assert!(kept.iter().all(|record| !matches!(
        record,
        Record::Own(message) if matches!(&message.v1().body, Body::Pbft(quorate_consensus::pbft::Body::Prepare { .. }))
    )));
    let kept = Record::without_unsent(journal(), |_| true);
    assert_eq!(kept, journal());
}

#[test]
fn a_primary_fills_the_gap_that_a_crash_has_left() {
    let mut primary = replica(4, 0);
    let mut records = Vec::new();
    for number in 1..=2 {
        let step = drive(&mut primary, Input::BatchesAvailable(vec![batch(number)]));
        records.push(step.records);
    }
    let second = records.pop().unwrap();
    let (mut primary, step) = Replica::recover(config(4, 0), second);
    let filler = quorate_ledger::Proposal::null();
    let asked_at_once = asked(&step).contains(&&pre_prepare(0, 1, &filler));
    let step = primary.step(NOW, Input::BatchesAvailable(Vec::new()));
    assert!(asked_at_once || asked(&step).contains(&&pre_prepare(0, 1, &filler)));
}

#[test]
fn of_two_own_votes_in_the_journal_the_later_binds() {
    // The first was journaled, its batches were lost in a crash, and they came again later.
    let mut records = vec![
        Record::Accepted(signed(0, Body::Pbft(pre_prepare(0, 1, &proposal(2))))),
        Record::Own(signed(1, Body::Pbft(prepare(0, 1, &proposal(2))))),
    ];
    records.extend(journal());
    let (mut backup, _) = Replica::recover(config(4, 1), records);
    let said = signed(1, Body::Pbft(prepare(0, 1, &proposal(1))));
    let step = backup.step(NOW, Input::Message(Verified::trusted(said)));
    assert_eq!(step.rejection, Some(Rejection::Duplicate));
    assert_eq!(backup.halted(), None);
}

/// The journal of a backup that prepared and committed so many heights. Its chain was on disk near them, and the one
/// that it comes back with, of a copy, has none of them.
fn journal_of(heights: u64) -> Vec<Record> {
    let mut backup = replica(4, 1);
    let mut records = Vec::new();
    for height in 1..=heights {
        let proposal = proposal(u8::try_from(height).unwrap());
        records.extend(drive_as(&mut backup, 1, from(0, pre_prepare(0, height, &proposal))).records);
        records.extend(drive_as(&mut backup, 1, from(2, prepare(0, height, &proposal))).records);
        if height > WINDOW / 2 {
            let certified = height - WINDOW / 2;
            backup.step(NOW, Input::Synced(certificate(certified)));
            backup.step(NOW, Input::OnDisk(Height(certified)));
        }
    }
    records
}

#[test]
fn votes_far_above_the_chain_bind_once_the_chain_has_come_near() {
    for behind in [0, 3, 15] {
        let mut config = config(4, 1);
        config.certified = Height(behind);
        config.certificate = (behind > 0).then(|| certificate(behind));
        let (mut backup, _) = Replica::recover(config, journal_of(20));
        backup.step(NOW, Input::Synced(certificate(18)));
        for height in [19, 20] {
            let other = proposal(100);
            let step = drive_as(&mut backup, 1, from(0, pre_prepare(0, height, &other)));
            assert!(
                matches!(step.rejection, Some(Rejection::Contradiction { .. })),
                "{step:?}"
            );
            assert!(broadcast(&step).is_empty());
            let echo = signed(
                1,
                Body::Pbft(commit(0, height, &proposal(u8::try_from(height).unwrap()))),
            );
            let step = backup.step(NOW, Input::Message(Verified::trusted(echo)));
            assert_eq!(step.rejection, Some(Rejection::Duplicate));
        }
        assert_eq!(backup.halted(), None);
    }
}

#[test]
fn votes_far_above_the_chain_are_remembered_at_once() {
    let (mut backup, _) = Replica::recover(config(4, 1), journal_of(20));
    backup.check_invariants();
    for said in [prepare(0, 20, &proposal(20)), commit(0, 20, &proposal(20))] {
        let echo = Input::Message(Verified::trusted(signed(1, Body::Pbft(said))));
        assert_eq!(backup.step(NOW, echo).rejection, Some(Rejection::Duplicate));
    }
    assert_eq!(backup.halted(), None);
}

/// What the replica claims in a view-change that it is asked for now.
fn claims(backup: &mut Replica) -> Option<Vec<u64>> {
    let mut claims = None;
    for sender in [2, 3] {
        let step = drive_as(backup, 1, from(sender, empty_change(1)));
        for body in broadcast(&step) {
            if let Body::Pbft(Pbft::ViewChange(change)) = body {
                let heights = change.claims.prepared.iter().map(|claim| claim.height.0);
                claims = Some(heights.collect());
            }
        }
    }
    claims
}

#[test]
fn a_view_change_claims_what_the_journal_holds_far_above_the_chain() {
    let (mut backup, _) = Replica::recover(config(4, 1), journal_of(20));
    assert_eq!(claims(&mut backup), Some((1..=20).collect()));
}

#[test]
fn a_replica_with_more_than_a_view_change_can_claim_waits_until_it_is_nearer() {
    let (mut backup, _) = Replica::recover(config(4, 1), journal_of(80));
    assert_eq!(claims(&mut backup), None, "it would hide what it committed");
    assert_eq!(backup.view(), View(0));
    let step = drive_as(&mut backup, 1, Input::Synced(certificate(15)));
    assert!(asked(&step).is_empty());
    let step = drive_as(&mut backup, 1, Input::Synced(certificate(16)));
    assert!(broadcast(&step).iter().any(|body| {
        matches!(body, Body::Pbft(Pbft::ViewChange(change)) if change.claims.prepared.len() == 64)
    }));
}

#[test]
fn a_commit_of_a_view_that_was_left_is_said_again_after_a_restart() {
    // The height was decided in view 0; whoever knows that may have lost it as well.
    let mut backup = replica(4, 1);
    let first = proposal(1);
    let mut records = drive_as(&mut backup, 1, from(0, pre_prepare(0, 1, &first))).records;
    records.extend(drive_as(&mut backup, 1, from(2, prepare(0, 1, &first))).records);
    for sender in [2, 3] {
        records.extend(drive_as(&mut backup, 1, from(sender, empty_change(2))).records);
    }
    let (mut backup, _) = Replica::recover(config(4, 1), records);
    assert_eq!(backup.view(), View(2));
    drive_as(&mut backup, 1, from(2, commit(0, 1, &first)));
    let step = drive_as(&mut backup, 1, from(3, commit(0, 1, &first)));
    let height = Height(1);
    assert!(step.actions.contains(&Action::Decide {
        height,
        proposal: first
    }));
}

#[test]
fn a_prepare_of_a_view_that_was_left_is_not_said_after_a_restart() {
    // It was journaled, and may never have left; to say it now would be to vote below the new view.
    let mut backup = replica(4, 1);
    let records = drive_as(&mut backup, 1, from(0, pre_prepare(0, 1, &proposal(1)))).records;
    let (mut backup, _) = Replica::recover(config(4, 1), records);
    claims(&mut backup).expect("it moves to view 1");
    let status = quorate_consensus::Status {
        reign: 0,
        begun: true,
        certified: Height(0),
        holds: Vec::new(),
    };
    let ask = Input::Message(Verified::trusted(signed(3, Body::Status(status))));
    let step = backup.step(NOW, ask);
    let said = |action: &Action| matches!(action, Action::Send { message, .. } if matches!(&message.v1().body, Body::Pbft(Pbft::Prepare { .. })));
    assert!(!step.actions.iter().any(said), "{:?}", step.actions);
}

#[test]
fn an_observer_behind_an_idle_network_fetches_on_the_primarys_word() {
    let observes = Config {
        index: None,
        ..config(4, 3)
    };
    let (observer, _) = Replica::start(observes);
    fetches_on_the_primarys_word(observer);
}

#[test]
fn so_does_a_replica_that_forgot_what_it_signed_and_says_nothing_more() {
    let mut forgetful = replica(4, 3);
    let commit = commit(0, 9, &proposal(1));
    let own = signed(3, Body::Pbft(commit));
    let step = forgetful.step(NOW, Input::Message(Verified::trusted(own)));
    assert_eq!(step.rejection, Some(Rejection::Forgotten));
    assert!(asked(&step).is_empty());
    fetches_on_the_primarys_word(forgetful);
}

fn fetches_on_the_primarys_word(mut observer: Replica) {
    // Nobody but the primary speaks while nothing happens, and an observer cannot ask the others.
    let heartbeat = quorate_consensus::Status {
        reign: 0,
        begun: true,
        certified: Height(1),
        holds: Vec::new(),
    };
    let heartbeat = Input::Message(Verified::trusted(signed(0, Body::Status(heartbeat))));
    let step = observer.step(NOW, heartbeat);
    let is_fetch = |action: &Action| matches!(action, Action::FetchBlocks { to: Height(1), .. });
    assert!(!step.actions.iter().any(is_fetch), "it may be under way here too");
    let mut resent = (0..5).map(|_| observer.step(NOW, Input::Timeout(Timer::Resend)));
    assert!(resent.any(|step| step.actions.iter().any(is_fetch)));
    // A liar's word costs no more than a window.
    let far = quorate_consensus::Status {
        reign: 0,
        begun: true,
        certified: Height(u64::MAX),
        holds: Vec::new(),
    };
    observer.step(
        NOW,
        Input::Message(Verified::trusted(signed(1, Body::Status(far)))),
    );
    for _ in 0..5 {
        let step = observer.step(NOW, Input::Timeout(Timer::Resend));
        let too_far = |action: &Action| matches!(action, Action::FetchBlocks { to, .. } if to.0 > WINDOW);
        assert!(!step.actions.iter().any(too_far));
    }
}
