//! Time cannot be held back: what is too old when it comes gets no vote (`docs/formats.md`, section 6).

use quorate_consensus::contract::{Input, Step, Timer};
use quorate_consensus::pbft::{Body as Pbft, Replica};
use quorate_consensus::{Body, Verified};
use quorate_crypto::Height;
use quorate_ledger::{Parameters, ParametersV1, Proposal, Timestamp};

use crate::lab::*;
use crate::shared;

/// How far a fresh proposal may lie behind, as the parameters are at first, in milliseconds.
const LAG_MS: u64 = 30_000;

fn after(ms: u64) -> Timestamp {
    Timestamp(NOW.0 + ms)
}

/// One batch, at a time that lies so far behind.
fn behind(ms: u64) -> Proposal {
    Proposal::new(Timestamp(NOW.0 - ms), vec![batch(1)])
}

/// The primary proposes this for height 1; all its batches are here.
fn propose(backup: &mut Replica, proposal: &Proposal) -> Step {
    drive_as(backup, 1, from(0, pre_prepare(0, 1, proposal)))
}

#[test]
fn a_fresh_proposal_that_is_too_old_gets_no_prepare() {
    let mut backup = replica(4, 1);
    let step = propose(&mut backup, &behind(LAG_MS));
    assert!(says(&step, &prepare(0, 1, &behind(LAG_MS))), "it is just in time");
    let mut backup = replica(4, 1);
    let old = behind(LAG_MS + 1);
    let step = propose(&mut backup, &old);
    assert_eq!(step.rejection, None, "it is kept, as others may order it");
    assert!(!says(&step, &prepare(0, 1, &old)) && step.records.is_empty());
    // Nor later, though its clock may have gone back.
    for now in [NOW, Timestamp(NOW.0 - 60_000)] {
        let step = drive_at(&mut backup, 1, now, Input::Timeout(Timer::Resend));
        assert!(!says(&step, &prepare(0, 1, &old)));
    }
}

#[test]
fn the_parameters_say_what_is_too_old() {
    let mut config = config(4, 1);
    config.parameters = Parameters::V1(ParametersV1 {
        max_clock_lag_ms: 1_000,
        ..config.parameters.v1().clone()
    });
    for (ms, votes) in [(1_000, true), (1_001, false)] {
        let mut backup: Replica = shared::recovered_with(config.clone(), 1, Vec::new());
        let step = propose(&mut backup, &behind(ms));
        assert_eq!(says(&step, &prepare(0, 1, &behind(ms))), votes, "{ms} ms behind");
    }
}

#[test]
fn what_came_in_time_is_not_too_old_when_its_batches_are_here() {
    let mut backup = replica(4, 1);
    let proposal = behind(LAG_MS);
    backup.step(NOW, from(0, pre_prepare(0, 1, &proposal)));
    let step = backup.step(after(60_000), available(1, &proposal));
    assert_eq!(asked(&step), vec![&prepare(0, 1, &proposal)]);
}

/// It is seen when it comes, not when its view begins here.
#[test]
fn what_comes_before_its_view_begins_is_judged_as_it_comes() {
    let view_1 = || {
        let mut primary = replica(4, 1);
        let change = view_change_of(&mut replica(4, 2), 2);
        drive_as(&mut primary, 1, Input::Message(Verified::trusted(change)));
        let step = drive_as(&mut primary, 1, from(3, empty_change(1)));
        let new_view = broadcast(&step)
            .into_iter()
            .find(|body| matches!(body, Body::Pbft(Pbft::NewView(_))))
            .expect("a quorum of view-changes is in")
            .clone();
        from(1, new_view)
    };
    for (ms, votes) in [(LAG_MS, true), (LAG_MS + 1, false)] {
        let (mut backup, proposal) = (replica(4, 3), behind(ms));
        drive_as(&mut backup, 3, from(1, pre_prepare(1, 1, &proposal)));
        let step = drive_at(&mut backup, 3, after(60_000), view_1());
        assert_eq!(says(&step, &prepare(1, 1, &proposal)), votes, "{ms} ms behind");
    }
}

/// It has no time. An empty proposal that names one is another.
#[test]
fn the_null_proposal_is_not_judged() {
    let mut backup = replica(4, 1);
    drive_as(&mut backup, 1, Input::EpochEnds(Height(WINDOW)));
    let null = Proposal::null();
    assert!(says(&propose(&mut backup, &null), &prepare(0, 1, &null)));
    let named = Proposal::new(Timestamp(1), Vec::new());
    let step = drive_as(&mut backup, 1, from(0, pre_prepare(0, 2, &named)));
    assert!(!says(&step, &prepare(0, 2, &named)));
}

/// Others, by whose clocks it is not too old, may well be right.
#[test]
fn what_others_have_prepared_is_committed_all_the_same() {
    let mut backup = replica(4, 1);
    let old = behind(LAG_MS + 1);
    propose(&mut backup, &old);
    drive_as(&mut backup, 1, from(2, prepare(0, 1, &old)));
    let step = drive_as(&mut backup, 1, from(3, prepare(0, 1, &old)));
    assert!(says(&step, &commit(0, 1, &old)), "a quorum has accepted it");
}

#[test]
fn a_primary_that_proposes_what_is_too_old_is_complained_about() {
    let mut backup = replica(4, 1);
    drive_as(&mut backup, 1, Input::BatchesAvailable(vec![batch(1)]));
    propose(&mut backup, &behind(LAG_MS + 1));
    let step = drive_at(
        &mut backup,
        1,
        after(1_000),
        Input::Timeout(Timer::Progress { reign: 0 }),
    );
    assert!(says(&step, &complaint(0)), "the batch still waits");
}
