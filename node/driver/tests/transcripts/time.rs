//! What comes of time that passes, and what an operator is told of it.

use quorate_consensus::{Body, Input, pbft};

use crate::lab::{Lab, MS, PBFT, batch, pre_prepare};

#[test]
fn pitfall_35_after_a_gap_timers_start_again_and_do_not_fire() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.message("the primary proposes", 0, 0, pre_prepare(1, &[batch(1)]));
    let fired = |lab: &Lab| {
        let steps = lab.around.steps.borrow();
        steps.iter().any(|(_, input)| matches!(input, Input::Timeout(_)))
    };
    lab.tick(10_000 * MS);
    assert!(!fired(&lab) && lab.log.contains("tell: late by"), "{}", lab.log);
    lab.tick(499 * MS);
    lab.tick(2 * MS);
    assert!(fired(&lab));
}

/// Four validators of which only this one speaks: a batch waits for 20 s, then blocks come by a peer.
#[test]
fn an_operator_is_told_of_reigns_and_of_work_that_stands_still() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.store(batch(1));
    for _ in 0..100 {
        lab.tick(250 * MS);
    }
    lab.synced(0, 1, None);
    let told: Vec<&str> = lab.log.lines().filter(|line| line.contains("tell:")).collect();
    assert_eq!(
        told,
        [
            "  tell: reign 0 of 0 begun",
            "  tell: 1 stalls for 10000 ms, waiting for None",
            "  tell: 1 moves again after 15000 ms",
        ]
    );
}

#[test]
fn an_operator_is_told_why_a_reign_is_left() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.store(batch(1));
    for who in [2, 3] {
        let complaint = pbft::Body::Complaint { view: pbft::View(0) };
        lab.message("somebody complains", 0, who, Body::Pbft(complaint));
    }
    let told: Vec<&str> = lab.log.lines().filter(|line| line.contains("tell:")).collect();
    assert_eq!(
        told,
        ["  tell: reign 0 of 0 begun", "  tell: reign 0 left, Complaints"]
    );
}
