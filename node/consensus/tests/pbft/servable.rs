//! What one validator alone can show holds nobody up: view-changes that claim certified heights, and
//! proposals of views that were left.

use quorate_consensus::contract::{Action, Input, Record, Rejection};
use quorate_consensus::message::Status;
use quorate_consensus::pbft::{
    Body as Pbft, Claims, NewView, PreparedCertificate, Replica, SignedClaims, View, ViewChange,
};
use quorate_consensus::{Body, Message, Step, Verified};
use quorate_crypto::{Height, Signature, ValidatorIndex};
use quorate_ledger::Proposal;

use crate::lab::*;

/// A view-change that claims a certified height and nothing prepared.
fn claiming(view: u64, certified: u64) -> Pbft {
    Pbft::ViewChange(ViewChange {
        claims: claims(view, certified, &[]),
        certified: Some(certificate_without(1, certified)),
        prepared: Vec::new(),
    })
}

fn claims(view: u64, certified: u64, prepared: &[PreparedCertificate]) -> Claims {
    Claims {
        view: View(view),
        certified: Height(certified),
        prepared: prepared.iter().map(PreparedCertificate::claim).collect(),
    }
}

/// The new-view of a primary, of view-changes that all claim the same.
fn new_view(view: u64, certified: u64, prepared: &[PreparedCertificate]) -> Input {
    let signed = (0..3).map(|sender| SignedClaims {
        sender: ValidatorIndex(sender),
        claims: claims(view, certified, prepared),
        signature: Signature([7; 64]),
    });
    let new_view = NewView {
        view: View(view),
        view_changes: signed.collect(),
        certified: Some(certificate_without(2, certified)).filter(|_| certified > 0),
        prepared: prepared.to_vec(),
    };
    from(u16::try_from(view % 4).unwrap(), Pbft::NewView(new_view))
}

fn new_view_in(step: &Step) -> Option<&NewView> {
    broadcast(step).into_iter().find_map(|body| match body {
        Body::Pbft(Pbft::NewView(new_view)) => Some(new_view),
        _ => None,
    })
}

/// What validator 3 is sent when it says that it is in a view and holds nothing.
fn answer(replica: &mut Replica, view: u64) -> Vec<Message> {
    let status = Status {
        reign: view,
        begun: true,
        certified: Height(0),
        holds: Vec::new(),
    };
    let step = replica.step(
        NOW,
        Input::Message(Verified::trusted(signed(3, Body::Status(status)))),
    );
    let sent = step.actions.into_iter().filter_map(|action| match action {
        Action::Send {
            to: ValidatorIndex(3),
            message,
        } => Some(message),
        _ => None,
    });
    sent.collect()
}

/// A backup that prepared and committed height 1 in view 0, with its journal.
fn prepared(index: u16) -> (Replica, Vec<Record>) {
    let mut backup = replica(4, index);
    let proposal = proposal(1);
    let mut records = drive_as(&mut backup, index, from(0, pre_prepare(0, 1, &proposal))).records;
    records.extend(drive_as(&mut backup, index, from(3, prepare(0, 1, &proposal))).records);
    (backup, records)
}

#[test]
fn a_primary_counts_a_view_change_once_it_has_the_blocks() {
    let mut primary = replica(4, 1);
    drive_as(&mut primary, 1, from(2, empty_change(1)));
    let step = drive_as(&mut primary, 1, from(3, claiming(1, 2)));
    assert_eq!((primary.view(), primary.has_begun()), (View(1), false));
    assert_eq!(new_view_in(&step), None, "nobody could be shown height 1");
    let fetch = Action::FetchBlocks {
        to: Height(2),
        holders: vec![ValidatorIndex(3)],
    };
    assert!(step.actions.contains(&fetch), "{:?}", step.actions);
    let step = drive_as(&mut primary, 1, Input::Synced(certificate_without(1, 2)));
    let new_view = new_view_in(&step).expect("the blocks are here");
    assert_eq!(new_view.plan().certified, Height(2));
}

#[test]
fn a_view_begins_without_one_whose_blocks_nobody_gives() {
    let mut primary = replica(4, 1);
    drive_as(&mut primary, 1, from(3, claiming(1, 2)));
    drive_as(&mut primary, 1, from(2, empty_change(1)));
    let step = drive_as(&mut primary, 1, from(0, empty_change(1)));
    let new_view = new_view_in(&step).expect("three others do without it");
    assert_eq!(new_view.plan().certified, Height(0));
    let senders: Vec<u16> = new_view
        .view_changes
        .iter()
        .map(|change| change.sender.0)
        .collect();
    assert_eq!(senders, [0, 1, 2]);
}

#[test]
fn blocks_that_are_claimed_are_asked_for_again_until_the_view_begins() {
    let mut primary = replica(4, 1);
    drive_as(&mut primary, 1, from(2, empty_change(1)));
    drive_as(&mut primary, 1, from(3, claiming(1, 2)));
    let resend = quorate_consensus::contract::Timer::Resend;
    let step = drive_as(&mut primary, 1, Input::Timeout(resend));
    let asks = |action: &Action| matches!(action, Action::FetchBlocks { to, .. } if *to == Height(2));
    assert!(step.actions.iter().any(asks), "{:?}", step.actions);
    drive_as(&mut primary, 1, from(0, empty_change(1)));
    let step = drive_as(&mut primary, 1, Input::Timeout(resend));
    assert!(!step.actions.iter().any(asks), "{:?}", step.actions);
}

#[test]
fn what_was_prepared_is_shown_in_a_view_that_begins_above_it() {
    let (mut backup, _) = prepared(2);
    drive_as(&mut backup, 2, new_view(1, 2, &[]));
    assert!(backup.has_begun());
    let sent = answer(&mut backup, 1);
    for said in [
        signed(0, Body::Pbft(pre_prepare(0, 1, &proposal(1)))),
        signed(2, Body::Pbft(commit(0, 1, &proposal(1)))),
    ] {
        assert!(sent.contains(&said), "{sent:?}");
    }
}

#[test]
fn what_was_prepared_is_shown_after_a_restart_too() {
    let (mut backup, mut records) = prepared(2);
    records.extend(drive_as(&mut backup, 2, new_view(1, 2, &[])).records);
    let (mut restarted, _) = Replica::recover(config(4, 2), records);
    assert_eq!((restarted.view(), restarted.has_begun()), (View(1), true));
    let sent = answer(&mut restarted, 1);
    let shown = signed(0, Body::Pbft(pre_prepare(0, 1, &proposal(1))));
    assert!(sent.contains(&shown), "{sent:?}");
}

#[test]
fn what_was_carried_over_is_shown_by_the_view_change_that_claimed_it() {
    let (mut backup, mut records) = prepared(2);
    let Some(Record::Prepared(proof)) = records
        .iter()
        .find(|record| matches!(record, Record::Prepared(_)))
        .cloned()
    else {
        panic!("it was prepared");
    };
    let mut drive = |input| {
        let step = drive_as(&mut backup, 2, input);
        records.extend(step.records.clone());
        step
    };
    drive(new_view(1, 0, &[proof]));
    for sender in [0, 3] {
        drive(from(sender, prepare(1, 1, &proposal(1))));
    }
    for sender in [0, 3] {
        drive(from(sender, empty_change(2)));
    }
    drive(new_view(3, 2, &[]));
    let claims_it = |message: &Message| match &message.v1().body {
        Body::Pbft(Pbft::ViewChange(change)) => change
            .prepared
            .iter()
            .any(|proof| (proof.view, proof.height, &proof.proposal) == (View(1), Height(1), &proposal(1))),
        _ => false,
    };
    assert!(answer(&mut backup, 3).iter().any(claims_it));
    // A driver may drop the view-change from its journal once a record of a higher view is on disk.
    let (mut restarted, _) = Replica::recover(config(4, 2), records);
    assert!(answer(&mut restarted, 3).iter().any(claims_it));
}

#[test]
fn a_proposal_that_a_quorum_committed_is_learned_from_any_view() {
    let proof = PreparedCertificate {
        view: View(0),
        height: Height(1),
        proposal: proposal(1),
        pre_prepare: None,
        prepares: Vec::new(),
    };
    let late = Pbft::ViewChange(ViewChange {
        claims: claims(1, 0, std::slice::from_ref(&proof)),
        certified: None,
        prepared: vec![proof],
    });
    for shown in [from(0, pre_prepare(0, 1, &proposal(1))), from(2, late)] {
        let mut backup = replica(4, 3);
        drive_as(&mut backup, 3, new_view(1, 2, &[]));
        for sender in [0, 1, 2] {
            drive_as(&mut backup, 3, from(sender, commit(0, 1, &proposal(1))));
        }
        let step = drive_as(&mut backup, 3, shown);
        let decided = Action::Decide {
            height: Height(1),
            proposal: proposal(1),
        };
        assert!(step.actions.contains(&decided), "{step:?}");
    }
}

#[test]
fn where_it_has_decided_a_replica_prepares_nothing_else() {
    let (mut backup, _) = prepared(2);
    for sender in [0, 3] {
        drive_as(&mut backup, 2, from(sender, commit(0, 1, &proposal(1))));
    }
    let other = |proposal: Proposal| PreparedCertificate {
        view: View(1),
        height: Height(1),
        proposal,
        pre_prepare: None,
        prepares: Vec::new(),
    };
    let step = drive_as(&mut backup, 2, new_view(3, 0, &[other(proposal(2))]));
    assert_eq!(
        step.rejection,
        Some(Rejection::AgainstDecided { height: Height(1) })
    );
    assert!(!says(&step, &prepare(3, 1, &proposal(2))));
    let step = drive_as(&mut backup, 2, new_view(5, 0, &[other(proposal(1))]));
    assert_eq!(step.rejection, None);
    assert!(says(&step, &prepare(5, 1, &proposal(1))));
}
