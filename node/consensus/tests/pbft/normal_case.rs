//! Section 4.2.

use quorate_consensus::contract::{Action, Input, Record, Rejection, Step, Timer};
use quorate_consensus::pbft::{EAGER_PROPOSALS, GATHERED_BATCHES};
use quorate_consensus::{Body, Verified};
use quorate_crypto::{Height, ValidatorIndex};
use quorate_ledger::{Proposal, Timestamp};

use crate::lab::*;

#[test]
fn pitfall_11_votes_are_durable_before_sent() {
    let mut backup = replica(4, 1);
    let proposal = proposal(1);
    backup.step(NOW, from(0, pre_prepare(0, 1, &proposal)));
    let step = backup.step(NOW, available(1, &proposal));
    let accepted = signed(0, Body::Pbft(pre_prepare(0, 1, &proposal)));
    assert_eq!(step.records, vec![Record::Accepted(accepted)]);
    assert_eq!(asked(&step), vec![&prepare(0, 1, &proposal)]);
    assert!(
        broadcast(&step).is_empty(),
        "nothing leaves before it comes back signed and durable"
    );
    let own = signed(1, Body::Pbft(prepare(0, 1, &proposal)));
    let step = backup.step(NOW, Input::Own(own.clone()));
    assert_eq!(step.actions, vec![Action::Broadcast(own)]);
}

#[test]
fn a_backup_prepares_only_with_the_batches_here() {
    let mut backup = replica(4, 1);
    let step = backup.step(NOW, from(0, pre_prepare(0, 1, &proposal(1))));
    assert!(asked(&step).is_empty());
    let required = Action::RequireBatches {
        height: Height(1),
        proposal: proposal(1).digest(),
        batches: vec![batch(1)],
    };
    assert!(step.actions.contains(&required));
}

#[test]
fn pitfall_31_batches_that_a_proposal_names_are_always_required() {
    let mut backup = replica(4, 1);
    for height in 1..=WINDOW {
        let proposal = proposal(u8::try_from(height).unwrap());
        let step = backup.step(NOW, from(0, pre_prepare(0, height, &proposal)));
        assert!(
            step.actions
                .iter()
                .any(|action| matches!(action, Action::RequireBatches { .. }))
        );
    }
}

#[test]
fn a_quorum_prepares_and_a_quorum_commits() {
    let mut backup = replica(4, 1);
    let proposal = proposal(1);
    let step = drive_as(&mut backup, 1, from(0, pre_prepare(0, 1, &proposal)));
    assert!(says(&step, &prepare(0, 1, &proposal)));
    assert!(
        !says(&step, &commit(0, 1, &proposal)),
        "two of four are no quorum"
    );
    let step = drive_as(&mut backup, 1, from(2, prepare(0, 1, &proposal)));
    assert!(says(&step, &commit(0, 1, &proposal)));
    assert!(
        step.records
            .iter()
            .any(|record| matches!(record, Record::Prepared(_)))
    );
    let step = drive_as(&mut backup, 1, from(2, commit(0, 1, &proposal)));
    assert!(step.actions.is_empty());
    let step = drive_as(&mut backup, 1, from(3, commit(0, 1, &proposal)));
    let height = Height(1);
    assert!(step.actions.contains(&Action::Decide { height, proposal }));
}

#[test]
fn votes_that_come_before_their_pre_prepare_count() {
    let mut backup = replica(4, 1);
    let proposal = proposal(1);
    for sender in [2, 3] {
        drive_as(&mut backup, 1, from(sender, prepare(0, 1, &proposal)));
        drive_as(&mut backup, 1, from(sender, commit(0, 1, &proposal)));
    }
    let step = drive_as(&mut backup, 1, from(0, pre_prepare(0, 1, &proposal)));
    assert!(says(&step, &commit(0, 1, &proposal)));
    assert!(
        step.actions
            .iter()
            .any(|action| matches!(action, Action::Decide { .. }))
    );
}

#[test]
fn a_quorum_of_commits_decides_what_is_not_prepared_here() {
    let mut backup = replica(4, 1);
    let proposal = proposal(1);
    for sender in [0, 2, 3] {
        let step = drive_as(&mut backup, 1, from(sender, commit(0, 1, &proposal)));
        assert!(
            step.actions
                .iter()
                .all(|action| !matches!(action, Action::Decide { .. }))
        );
    }
    // The proposal is missing: a status says so.
    let step = drive_as(&mut backup, 1, Input::Timeout(Timer::Resend));
    let Some(Body::Status(status)) = broadcast(&step).first().copied() else {
        panic!("a status was expected");
    };
    assert!(!status.holds[0].proposal);
    let step = backup.step(NOW, from(0, pre_prepare(0, 1, &proposal)));
    assert!(
        step.actions
            .iter()
            .any(|action| matches!(action, Action::Decide { .. }))
    );
}

/// Its disk keeps batches slowly: the others certify the height before its prepare may leave. One to which a liar says
/// nothing wants it all the same.
#[test]
fn an_own_vote_is_sent_though_its_height_was_certified_meanwhile() {
    let mut backup = replica(4, 1);
    let proposal = proposal(1);
    backup.step(NOW, from(0, pre_prepare(0, 1, &proposal)));
    let voted = backup.step(NOW, available(1, &proposal));
    assert_eq!(asked(&voted), [&prepare(0, 1, &proposal)]);
    backup.step(NOW, Input::Synced(certificate_without(1, 1)));
    let step = backup.step(NOW, Input::Own(signed(1, prepare(0, 1, &proposal))));
    assert!(says(&step, &prepare(0, 1, &proposal)), "{step:?}");
    assert_eq!(step.rejection, None);
    // One of a view that was left is not said, certified or not.
    let step = backup.step(NOW, Input::Own(signed(1, prepare(7, 1, &proposal))));
    assert!(broadcast(&step).is_empty());
}

#[test]
fn an_equivocating_primary_is_accused_and_gets_one_prepare() {
    let mut backup = replica(4, 1);
    drive_as(&mut backup, 1, from(0, pre_prepare(0, 1, &proposal(1))));
    let step = drive_as(&mut backup, 1, from(0, pre_prepare(0, 1, &proposal(2))));
    let Some(Action::Accuse(evidence)) = step.actions.first() else {
        panic!("evidence was expected");
    };
    assert_eq!(evidence.validator, ValidatorIndex(0));
    assert!(broadcast(&step).is_empty());
    assert!(matches!(step.rejection, Some(Rejection::Contradiction { .. })));
}

/// The primary tells each of two backups another proposal. Each has half of the proof.
#[test]
fn two_backups_that_were_told_different_things_put_the_proof_together() {
    let told = [proposal(1), proposal(2)];
    let mut backups = [replica(4, 1), replica(4, 2)];
    for (place, backup) in backups.iter_mut().enumerate() {
        drive_as(backup, 1 + place as u16, from(0, pre_prepare(0, 1, &told[place])));
    }
    let [first, second] = &mut backups;
    let vote = prepare(0, 1, &told[1]);
    let step = drive_as(first, 1, from(2, vote.clone()));
    let [Action::Send { to, message }] = &step.actions[..] else {
        panic!("the voter is asked for what it voted on: {:?}", step.actions);
    };
    assert_eq!(*to, ValidatorIndex(2));
    // It is asked once, whatever else comes.
    assert!(drive_as(first, 1, from(3, vote)).actions.is_empty());
    let question = Input::Message(Verified::trusted(message.clone()));
    let answer = drive_as(second, 2, question);
    let shown = answer.actions.iter().filter_map(|action| match action {
        Action::Send { to, message } if *to == ValidatorIndex(1) => Some(message.clone()),
        _ => None,
    });
    let accused: Vec<_> = shown
        .flat_map(|message| drive_as(first, 1, Input::Message(Verified::trusted(message))).actions)
        .filter_map(|action| match action {
            Action::Accuse(evidence) => Some(evidence.validator),
            _ => None,
        })
        .collect();
    assert_eq!(accused, [ValidatorIndex(0)]);
}

#[test]
fn two_votes_of_one_kind_are_evidence_and_the_first_stands() {
    let mut backup = replica(4, 1);
    for contradiction in [prepare(0, 1, &proposal(1)), commit(0, 1, &proposal(1))] {
        drive_as(&mut backup, 1, from(2, contradiction));
    }
    for contradiction in [prepare(0, 1, &proposal(2)), commit(0, 1, &proposal(2))] {
        let step = drive_as(&mut backup, 1, from(2, contradiction));
        assert!(matches!(step.actions.first(), Some(Action::Accuse(_))));
    }
}

#[test]
fn proposals_that_break_a_rule_are_refused() {
    let mut backup = replica(4, 1);
    let twice = Proposal::new(NOW, vec![batch(1), batch(1)]);
    let many = Proposal::new(NOW, (0..5).map(batch).collect());
    for bad in [twice, many] {
        let step = backup.step(NOW, from(0, pre_prepare(0, 1, &bad)));
        assert_eq!(step.rejection, Some(Rejection::BadProposal { height: Height(1) }));
        assert!(step.actions.is_empty());
    }
}

#[test]
fn only_the_primary_proposes() {
    let mut backup = replica(4, 1);
    let step = backup.step(NOW, from(2, pre_prepare(0, 1, &proposal(1))));
    let sender = ValidatorIndex(2);
    assert_eq!(step.rejection, Some(Rejection::NotLeader { sender, reign: 0 }));
}

#[test]
fn pitfall_24_a_proposal_too_far_ahead_is_held_and_looked_at_again() {
    let mut backup = replica(4, 1);
    let early = Proposal::new(Timestamp(NOW.0 + 6_000), vec![batch(1)]);
    backup.step(NOW, from(0, pre_prepare(0, 1, &early)));
    let step = backup.step(NOW, available(1, &early));
    assert!(asked(&step).is_empty());
    let later = Timestamp(NOW.0 + 2_000);
    let step = backup.step(later, Input::Timeout(Timer::Resend));
    assert_eq!(asked(&step), vec![&prepare(0, 1, &early)]);
}

#[test]
fn a_primary_proposes_at_once_then_gathers() {
    let mut primary = replica(4, 0);
    let mut proposed = Vec::new();
    for number in 0..16 {
        let step = drive(&mut primary, Input::BatchesAvailable(vec![batch(number)]));
        proposed.extend(broadcast(&step).into_iter().cloned());
    }
    let sizes: Vec<usize> = proposed
        .iter()
        .map(|body| match body {
            Body::Pbft(quorate_consensus::pbft::Body::PrePrepare { proposal, .. }) => {
                proposal.batches().len()
            }
            _ => 0,
        })
        .collect();
    // Three at once, then those that gathered, as many as a proposal may have, to the window's end.
    assert_eq!(EAGER_PROPOSALS, 3);
    assert_eq!(GATHERED_BATCHES, 8);
    assert_eq!(sizes, vec![1, 1, 1, 4]);
}

#[test]
fn an_idle_primary_proposes_nothing() {
    let mut primary = replica(4, 0);
    let step = drive(&mut primary, Input::Timeout(Timer::Heartbeat { reign: 0 }));
    assert!(
        broadcast(&step)
            .iter()
            .all(|body| matches!(body, Body::Status(_)))
    );
}

#[test]
fn pitfall_14_a_batch_with_nothing_left_to_execute_starts_no_timer() {
    let mut backup = replica(4, 1);
    backup.step(NOW, Input::BatchesAvailable(vec![batch(1)]));
    let step = backup.step(NOW, Input::BatchesObsolete(vec![batch(1)]));
    assert!(step.actions.contains(&Action::CancelTimer(Timer::Resend)));
    assert_eq!(backup.unordered_batches(), 0);
}

#[test]
fn a_block_is_certified_by_a_quorum_of_seals_on_what_was_executed() {
    let mut backup = replica(4, 1);
    let proposal = proposal(1);
    drive_as(&mut backup, 1, from(0, pre_prepare(0, 1, &proposal)));
    for sender in [0, 2, 3] {
        drive_as(&mut backup, 1, from(sender, commit(0, 1, &proposal)));
    }
    let (height, block) = (Height(1), batch(9));
    let seal = |sender| Input::Message(Verified::trusted(signed(sender, Body::Seal { height, block })));
    drive_as(&mut backup, 1, seal(0));
    drive_as(&mut backup, 1, seal(2));
    let step = drive_as(&mut backup, 1, Input::Executed { height, block });
    let Some(Action::Certify(certificate)) = step
        .actions
        .iter()
        .find(|action| matches!(action, Action::Certify(_)))
    else {
        panic!("a certificate was expected");
    };
    assert_eq!((certificate.height(), certificate.seals().len()), (height, 3));
    assert_eq!(backup.certified(), height);
}

#[test]
fn a_replica_that_diverged_votes_no_more() {
    let mut backup = replica(4, 1);
    let proposal = proposal(1);
    drive_as(&mut backup, 1, from(0, pre_prepare(0, 1, &proposal)));
    for sender in [0, 2, 3] {
        drive_as(&mut backup, 1, from(sender, commit(0, 1, &proposal)));
    }
    let (height, block) = (Height(1), batch(9));
    drive_as(
        &mut backup,
        1,
        Input::Executed {
            height,
            block: batch(8),
        },
    );
    let mut last = None;
    for sender in [0, 2, 3] {
        let seal = signed(sender, Body::Seal { height, block });
        last = Some(drive_as(&mut backup, 1, Input::Message(Verified::trusted(seal))));
    }
    let diverged = Action::Diverged {
        height,
        ours: batch(8),
        certified: block,
    };
    assert!(last.is_some_and(|step| step.actions.contains(&diverged)));
    let step = drive_as(&mut backup, 1, from(0, pre_prepare(0, 2, &proposal)));
    assert!(broadcast(&step).is_empty());
}

#[test]
fn pitfall_09_what_comes_twice_or_out_of_order_changes_nothing() {
    let mut backup = replica(4, 1);
    for height in 1..=3 {
        let proposal = proposal(u8::try_from(height).unwrap());
        drive_as(&mut backup, 1, from(0, pre_prepare(0, height, &proposal)));
        for sender in [0, 2, 3] {
            drive_as(&mut backup, 1, from(sender, commit(0, height, &proposal)));
        }
    }
    let block = batch(9);
    let executed = |height| Input::Executed {
        height: Height(height),
        block,
    };
    for height in 1..=3 {
        drive_as(&mut backup, 1, executed(height));
        let step = backup.step(NOW, executed(height));
        assert_eq!(step.rejection, Some(Rejection::Duplicate));
    }
    // The highest is sealed first; certificates come in order all the same, each once.
    let mut certified = Vec::new();
    for height in [3, 2, 1, 1] {
        for sender in [0, 2] {
            let height = Height(height);
            let seal = signed(sender, Body::Seal { height, block });
            let step = drive_as(&mut backup, 1, Input::Message(Verified::trusted(seal)));
            for action in step.actions {
                if let Action::Certify(certificate) = action {
                    certified.push(certificate.height().0);
                }
            }
        }
    }
    assert_eq!(certified, vec![1, 2, 3]);
    for height in [1, 3] {
        let step = backup.step(NOW, Input::Synced(certificate_without(1, height)));
        assert_eq!(step.rejection, Some(Rejection::Duplicate));
    }
    assert_eq!(backup.certified(), Height(3));
}

#[test]
fn pitfall_12_blocks_that_do_not_come_are_asked_for_again() {
    let mut backup = replica(4, 1);
    let (height, block) = (Height(WINDOW), batch(9));
    let fetches = |step: &quorate_consensus::Step| {
        let fetch = |action: &&Action| matches!(action, Action::FetchBlocks { to, .. } if *to == height);
        step.actions.iter().filter(fetch).count()
    };
    let mut asked = 0;
    for sender in [0, 2, 3] {
        let seal = signed(sender, Body::Seal { height, block });
        let step = drive_as(&mut backup, 1, Input::Message(Verified::trusted(seal)));
        asked += fetches(&step);
    }
    assert_eq!(asked, 1, "a quorum has sealed what is not even proposed here");
    for _ in 0..3 {
        let step = drive_as(&mut backup, 1, Input::Timeout(Timer::Resend));
        assert_eq!(fetches(&step), 1, "again, as long as nothing moves");
    }
}

/// Whether a step says that its replica accepts the empty proposal at this height.
fn prepares_nothing_at(step: &Step, height: u64) -> bool {
    says(step, &prepare(0, height, &Proposal::null()))
}

#[test]
fn an_empty_proposal_that_nothing_needs_is_not_prepared() {
    let mut backup = replica(4, 1);
    for height in 1..=2 {
        let step = drive_as(&mut backup, 1, from(0, pre_prepare(0, height, &Proposal::null())));
        let needless = Rejection::Needless {
            height: Height(height),
        };
        assert_eq!(step.rejection, Some(needless));
        assert!(!prepares_nothing_at(&step, height));
    }
}

#[test]
fn an_empty_proposal_is_prepared_below_another_whichever_comes_first() {
    let mut backup = replica(4, 1);
    let gap = || from(0, pre_prepare(0, 1, &Proposal::null()));
    drive_as(&mut backup, 1, gap());
    let step = drive_as(&mut backup, 1, from(0, pre_prepare(0, 2, &proposal(2))));
    assert!(prepares_nothing_at(&step, 1), "the gap comes first");

    let mut backup = replica(4, 1);
    drive_as(&mut backup, 1, from(0, pre_prepare(0, 2, &proposal(2))));
    assert!(prepares_nothing_at(&drive_as(&mut backup, 1, gap()), 1));
}

#[test]
fn an_empty_proposal_is_prepared_once_the_epoch_is_known_to_end() {
    let mut backup = replica(4, 1);
    drive_as(&mut backup, 1, from(0, pre_prepare(0, 1, &Proposal::null())));
    let step = drive_as(&mut backup, 1, Input::EpochEnds(Height(4)));
    assert!(prepares_nothing_at(&step, 1));
    let step = drive_as(&mut backup, 1, from(0, pre_prepare(0, 2, &Proposal::null())));
    assert!(prepares_nothing_at(&step, 2));
}
