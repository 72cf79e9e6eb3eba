//! Sections 5.3 and 5.4.2: what followers append, and what leaders commit.

use std::collections::VecDeque;

use quorate_consensus::contract::{Action, Input, Rejection, Step, Timer};
use quorate_consensus::raft::{AppendEntries, Body as Raft, MAX_LOG, Replica, Term};
use quorate_consensus::{Body, Message};
use quorate_crypto::{Height, ValidatorIndex};
use quorate_ledger::{Proposal, Timestamp};

use crate::lab::*;

#[test]
fn section_5_3_a_quorum_commits_and_followers_hear_of_it() {
    let mut leader = replica(3, 0);
    elect(&mut leader, 3, 0);
    let step = drive(&mut leader, 0, Input::BatchesAvailable(vec![batch(1, 1)]));
    assert_eq!(said(&step), [&append(1, (0, 0), &[1], 0)]);
    assert!(decided(&step).is_empty());
    let step = drive(&mut leader, 0, from(2, appended(1, 0, true, 1)));
    assert_eq!(decided(&step), [1]);
    assert_eq!(
        said(&step),
        [&append(1, (1, 1), &[], 1)],
        "at once, as they execute it too"
    );

    let mut follower = replica(3, 1);
    drive(&mut follower, 1, from(0, append(1, (0, 0), &[1], 0)));
    let step = drive(&mut follower, 1, from(0, append(1, (1, 1), &[], 1)));
    assert_eq!(decided(&step), [1]);
}

#[test]
fn section_5_3_an_entry_is_acknowledged_with_its_batches_here_and_durable() {
    let mut follower = replica(3, 1);
    let step = follower.step(NOW, from(0, append(1, (0, 0), &[1, 1], 0)));
    assert!(asked(&step).is_empty(), "nothing is appended yet");
    let available = |index| Input::ProposalAvailable {
        height: Height(index),
        proposal: entry(1, index).proposal.digest(),
    };
    let step = follower.step(NOW, available(2));
    assert!(asked(&step).is_empty(), "entries are appended in order");
    let step = follower.step(NOW, available(1));
    let reply = appended(1, 0, true, 2);
    assert_eq!(asked(&step), [&reply]);
    assert_eq!(
        step.records.len(),
        2,
        "both entries are recorded before that leaves"
    );
    assert_eq!(
        follower.vouched(&reply.clone().into()),
        [batch(1, 1), batch(1, 2)]
    );
}

#[test]
fn an_append_is_answered_once_and_news_of_a_commit_never() {
    let mut follower = replica(3, 1);
    let step = drive(&mut follower, 1, from(0, append(1, (0, 0), &[1], 0)));
    assert_eq!(said(&step), [&appended(1, 0, true, 1)]);
    let step = drive(&mut follower, 1, from(0, append(1, (1, 1), &[], 1)));
    assert_eq!(decided(&step), [1]);
    assert!(said(&step).is_empty());
    // The same again is a heartbeat, or shows that an answer was lost.
    for again in [append(1, (1, 1), &[], 1), append(1, (0, 0), &[1], 1)] {
        let step = drive(&mut follower, 1, from(0, again));
        assert_eq!(said(&step), [&appended(1, 0, true, 1)]);
    }
    // A refusal is said at once, whatever the news.
    let step = drive(&mut follower, 1, from(0, append(1, (3, 1), &[], 2)));
    assert_eq!(said(&step), [&appended(1, 0, false, 1)]);
}

#[test]
fn a_heartbeat_is_answered_while_batches_are_missing() {
    let mut follower = replica(3, 1);
    follower.step(NOW, from(0, append(1, (0, 0), &[1], 0)));
    let step = follower.step(NOW, from(0, append(1, (1, 1), &[], 0)));
    assert_eq!(asked(&step), [&appended(1, 0, true, 0)]);
    let step = follower.step(NOW, from(0, append(1, (0, 0), &[1], 0)));
    assert!(asked(&step).is_empty(), "what is asked again still waits");
}

/// Found by review: each answer waited for the batches that were being written, so a disk slower than an election
/// timeout unseated the leader.
#[test]
fn a_heartbeat_is_answered_at_once_while_an_entry_is_on_its_way_to_the_disk() {
    let mut follower = replica(3, 1);
    follower.step(NOW, from(0, append(1, (0, 0), &[1], 0)));
    let (height, proposal) = (Height(1), entry(1, 1).proposal.digest());
    follower.step(NOW, Input::ProposalAvailable { height, proposal });
    let heartbeat = || from(0, append(1, (1, 1), &[], 0));
    let step = follower.step(NOW, heartbeat());
    let heard = appended(1, 0, true, 0);
    assert_eq!(asked(&step), [&heard]);
    assert!(follower.vouched(&heard.clone().into()).is_empty() && !heard.follows_records());
    let acknowledged = appended(1, 0, true, 1);
    follower.step(NOW, Input::Own(signed(1, Body::Raft(acknowledged.clone()))));
    let step = follower.step(NOW, heartbeat());
    assert_eq!(asked(&step), [&acknowledged], "what was lost is said again");
    assert!(follower.vouched(&acknowledged.clone().into()).is_empty());
}

/// The answer that was on its way is not sent any more, nor is what it vouched for known to be durable.
#[test]
fn what_was_on_its_way_to_the_disk_for_a_former_leader_is_told_to_the_next() {
    let mut follower = replica(3, 1);
    let (height, proposal) = (Height(1), entry(1, 1).proposal.digest());
    follower.step(NOW, from(0, append(1, (0, 0), &[1], 0)));
    follower.step(NOW, Input::ProposalAvailable { height, proposal });
    let step = follower.step(NOW, from(2, append(2, (0, 0), &[1], 0)));
    let acknowledged = appended(2, 2, true, 1);
    assert_eq!(asked(&step), [&acknowledged]);
    assert_eq!(follower.vouched(&acknowledged.clone().into()), [batch(1, 1)]);
}

#[test]
fn section_5_3_entries_are_on_their_way_before_the_first_is_acknowledged() {
    let mut leader = replica(3, 0);
    elect(&mut leader, 3, 0);
    let mut said_after = Vec::new();
    for number in 1..=3 {
        let step = leader.step(NOW, Input::BatchesAvailable(vec![batch(1, number)]));
        said_after.extend(asked(&step).into_iter().cloned());
    }
    let expected = [(0, 0), (1, 1), (2, 1)].map(|previous| append(1, previous, &[1], 0));
    assert_eq!(said_after, expected);
    for body in &said_after {
        let step = leader.step(NOW, Input::Own(signed(0, Body::Raft(body.clone()))));
        assert_eq!(said(&step), [body]);
    }
    drive(&mut leader, 0, from(2, appended(1, 0, true, 3)));
    let step = drive(&mut leader, 0, from(1, appended(1, 0, true, 3)));
    assert_eq!(decided(&step), [1, 2, 3]);
}

/// Found by review: what was committed counted as told once it was signed with the next entry, and that waited for
/// the leader's disk.
#[test]
fn followers_hear_of_a_commit_without_waiting_for_a_disk() {
    let mut leader = replica(3, 0);
    elect(&mut leader, 3, 0);
    let batches = (1..=4).map(|number| batch(1, number)).collect();
    let own = |body: &Raft| Input::Own(signed(0, Body::Raft(body.clone())));
    let step = leader.step(NOW, Input::BatchesAvailable(batches));
    for body in asked(&step).into_iter().take(2) {
        leader.step(NOW, own(body));
    }
    // The third is on its way to the signer; it was asked for before anything was committed.
    let waits = asked(&step)[2].clone();
    leader.step(NOW, from(1, appended(1, 0, true, 1)));
    let step = leader.step(NOW, from(2, appended(1, 0, true, 1)));
    assert_eq!(decided(&step), [1]);
    let next = append(1, (3, 1), &[1], 1);
    assert_eq!(asked(&step), [&next], "the next entry tells of it");
    assert!(!next.follows_records() && step.records.is_empty());
    leader.step(NOW, own(&waits));
    // The last entry is under way: there is none to tell of the next commit.
    leader.step(NOW, from(1, appended(1, 0, true, 2)));
    let step = leader.step(NOW, from(2, appended(1, 0, true, 2)));
    let notice = append(1, (3, 1), &[], 2);
    assert_eq!(asked(&step), [&notice]);
    let step = leader.step(NOW, from(2, appended(1, 0, true, 2)));
    assert!(asked(&step).is_empty(), "once is enough");
    leader.step(NOW, own(&next));
    let step = leader.step(NOW, own(&notice));
    assert_eq!(said(&step), [&notice]);
    assert!(asked(&step).is_empty());
}

#[test]
fn section_5_3_a_follower_that_lacks_entries_is_sent_them() {
    let mut leader = recovered(3, 0, journal(1, &[1, 1, 1]));
    elect(&mut leader, 3, 0);
    let step = drive(&mut leader, 0, from(2, appended(2, 0, false, 1)));
    let [Raft::AppendEntries(append)] = said(&step)[..] else {
        panic!("an append was expected");
    };
    assert_eq!(append.previous, position(1, 1));
    let sent: Vec<u64> = append.entries.iter().map(|entry| entry.term.0).collect();
    assert_eq!(sent, [1, 1, 2]);
    let step = drive(&mut leader, 0, from(2, appended(2, 0, false, 1)));
    assert!(said(&step).is_empty(), "once, until the next heartbeat");
}

/// The logs of figure 7: whatever a leader finds, in the end it is its own.
#[test]
fn figure_7_logs_become_the_leaders() {
    let followers: [&[u64]; 6] = [
        &[1, 1, 1, 4, 4, 5, 5, 6, 6],
        &[1, 1, 1, 4],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
        &[1, 1, 1, 4, 4, 4, 4],
        &[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    ];
    let mut leader = recovered(7, 0, journal(7, &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6]));
    let step = elect(&mut leader, 7, 0);
    let Some(Raft::AppendEntries(first)) = said(&step).last().copied() else {
        panic!("an append was expected");
    };
    for (log, index) in followers.into_iter().zip(1..) {
        let mut follower = recovered(7, index, journal(7, log));
        let step = drive(&mut follower, index, from(0, Raft::AppendEntries(first.clone())));
        assert_eq!(terms(&follower), [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 8]);
        let last = *said(&step).last().unwrap();
        assert_eq!(last, &appended(8, 0, true, 11));
        // And so it is after a restart.
        let mut records = journal(7, log);
        records.extend(step.records);
        let follower = recovered(7, index, records);
        assert_eq!(terms(&follower), [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 8]);
    }
}

#[test]
fn section_5_3_what_does_not_follow_is_refused_and_told_from_where_to_go_on() {
    let mut follower = recovered(3, 1, journal(2, &[1, 2]));
    let step = drive(&mut follower, 1, from(0, append(3, (4, 3), &[3], 0)));
    assert_eq!(said(&step), [&appended(3, 0, false, 0)], "a gap");
    let step = drive(&mut follower, 1, from(0, append(3, (2, 1), &[3], 0)));
    assert_eq!(said(&step), [&appended(3, 0, false, 0)], "another entry there");
    let step = drive(&mut follower, 1, from(0, append(3, (0, 0), &[1, 2, 3], 0)));
    let last = *said(&step).last().unwrap();
    assert_eq!(last, &appended(3, 0, true, 3));
    assert_eq!(terms(&follower), [1, 2, 3]);
}

/// Found by review: an entry of a former term may lie on another one here, where blocks were fetched under
/// it by one of the two.
#[test]
fn an_entry_of_a_former_term_does_not_show_that_logs_match() {
    let mut follower = recovered(5, 1, journal(1, &[1; 64]));
    let step = drive(&mut follower, 1, from(0, append(4, (64, 1), &[3, 4], 0)));
    assert_eq!(said(&step), [&appended(4, 0, false, 0)]);
    assert_eq!(terms(&follower), [1; 64]);
}

/// Whoever took an entry from the term's leader had all that is below it.
#[test]
fn an_entry_of_the_term_shows_that_logs_match_after_a_restart() {
    let mut follower = recovered(5, 1, journal(4, &[1, 4]));
    let step = drive(&mut follower, 1, from(0, append(4, (2, 4), &[4], 0)));
    assert_eq!(said(&step).last().unwrap(), &&appended(4, 0, true, 3));
}

/// Lets a leader and a follower talk until neither has anything to say.
fn talk(leader: (&mut Replica, u16), follower: (&mut Replica, u16), first: &Step) -> Vec<u64> {
    let mut to_follower: VecDeque<Raft> = said(first).into_iter().cloned().collect();
    let mut heights = Vec::new();
    while let Some(body) = to_follower.pop_front() {
        let answers = drive(follower.0, follower.1, from(leader.1, body));
        for answer in said(&answers) {
            let step = drive(leader.0, leader.1, from(follower.1, answer.clone()));
            heights.extend(decided(&step));
            to_follower.extend(said(&step).into_iter().cloned());
        }
    }
    heights
}

#[test]
fn a_log_that_takes_several_messages_is_matched_from_the_first_on() {
    let log = [1; 150];
    let mut leader = recovered(3, 0, journal(1, &log));
    let mut follower = recovered(3, 1, journal(1, &log));
    let first = elect(&mut leader, 3, 0);
    let heights = talk((&mut leader, 0), (&mut follower, 1), &first);
    assert_eq!(heights.len() as u64, WINDOW);
    // One of which the first message is lost catches up by heartbeats.
    let mut other = recovered(3, 2, journal(1, &log));
    for _ in 0..3 {
        let heartbeat = Input::Timeout(Timer::Heartbeat { reign: 2 });
        let step = drive(&mut leader, 0, heartbeat);
        talk((&mut leader, 0), (&mut other, 2), &step);
    }
    assert_eq!(terms(&other).len(), 151);
}

/// Found by review: with a log as long as may be, nothing of the own term could be added, and so nothing be
/// committed, for ever.
#[test]
fn a_log_that_is_full_is_committed_by_one_entry_more() {
    let log = [1; MAX_LOG];
    let mut leader = recovered(3, 0, journal(1, &log));
    let mut follower = recovered(3, 1, journal(1, &log));
    let first = elect(&mut leader, 3, 0);
    assert_eq!(terms(&leader).len(), MAX_LOG, "not before a quorum has all that");
    let mut heights = talk((&mut leader, 0), (&mut follower, 1), &first);
    heights.extend(talk((&mut leader, 0), (&mut follower, 1), &Step::default()));
    assert_eq!(terms(&leader).len(), MAX_LOG + 1);
    assert_eq!(terms(&follower), terms(&leader));
    assert_eq!(heights.len() as u64, WINDOW);
}

/// Figure 8, (c): an entry of term 2 is on a majority, and is not committed by that.
#[test]
fn figure_8_entries_of_former_terms_are_committed_by_one_of_the_current_term() {
    let mut leader = recovered(5, 0, journal(3, &[1, 2]));
    let step = elect(&mut leader, 5, 0);
    assert_eq!(terms(&leader), [1, 2, 4], "an empty entry of its own term");
    assert!(decided(&step).is_empty());
    for follower in [1, 2, 3] {
        let step = drive(&mut leader, 0, from(follower, appended(4, 0, true, 2)));
        assert!(decided(&step).is_empty());
    }
    drive(&mut leader, 0, from(1, appended(4, 0, true, 3)));
    let step = drive(&mut leader, 0, from(2, appended(4, 0, true, 3)));
    assert_eq!(decided(&step), [1, 2, 3]);
}

#[test]
fn section_5_4_2_a_leader_with_nothing_left_to_commit_proposes_nothing() {
    let mut leader = replica(3, 0);
    elect(&mut leader, 3, 0);
    assert!(terms(&leader).is_empty(), "no block is empty while idle");
}

#[test]
fn section_5_3_two_leaders_of_a_term_are_not_followed() {
    let mut follower = replica(3, 1);
    drive(&mut follower, 1, from(0, append(1, (0, 0), &[1], 0)));
    let step = drive(&mut follower, 1, from(2, append(1, (0, 0), &[], 0)));
    assert!(matches!(step.rejection, Some(Rejection::NotLeader { .. })));
}

#[test]
fn what_is_committed_is_never_replaced() {
    let mut follower = replica(3, 1);
    drive(&mut follower, 1, from(0, append(1, (0, 0), &[1, 1], 2)));
    let step = drive(&mut follower, 1, from(2, append(2, (0, 0), &[2], 0)));
    assert_eq!(said(&step), [&appended(2, 2, true, 0)], "nor acknowledged");
    let step = drive(&mut follower, 1, from(2, append(2, (0, 0), &[2], 1)));
    assert!(matches!(step.rejection, Some(Rejection::BadProposal { .. })));
    assert_eq!(terms(&follower), [1, 1]);
}

/// Found by the simulator: a leader whose term was over had fetched a block in the place of an entry of its
/// own, and told those who still followed it that the entry was committed.
#[test]
fn a_leader_that_fetches_what_it_did_not_commit_leads_no_more() {
    let mut leader = replica(5, 0);
    elect(&mut leader, 5, 0);
    drive(&mut leader, 0, Input::BatchesAvailable(vec![batch(1, 1)]));
    drive(&mut leader, 0, from(1, appended(1, 0, true, 1)));
    let step = drive(&mut leader, 0, Input::Synced(certificate(1)));
    assert!(!leader.is_leading());
    assert!(said(&step).is_empty());
}

/// A follower has fetched a block that a later leader committed, and does not know of that term. It must not
/// acknowledge what its own leader has there.
#[test]
fn a_block_is_not_taken_for_the_entry_of_a_leader_that_may_not_have_it() {
    let mut follower = replica(5, 1);
    drive(&mut follower, 1, from(0, append(1, (0, 0), &[], 0)));
    drive(&mut follower, 1, Input::Synced(certificate(1)));
    let step = drive(&mut follower, 1, from(0, append(1, (0, 0), &[1, 1], 0)));
    assert_eq!(said(&step), [&appended(1, 0, true, 0)]);
    // Once the leader has committed it, it is the same.
    let step = drive(&mut follower, 1, from(0, append(1, (0, 0), &[1, 1], 1)));
    assert_eq!(said(&step).last().unwrap(), &&appended(1, 0, true, 2));
}

#[test]
fn pitfall_24_a_leader_too_far_ahead_of_time_is_not_heard() {
    let mut follower = replica(3, 1);
    let early = Proposal::new(Timestamp(NOW.0 + 60_000), vec![batch(1, 1)]);
    let Raft::AppendEntries(mut ahead) = append(1, (0, 0), &[1], 0) else {
        unreachable!("it is one");
    };
    ahead.entries[0].proposal = early;
    let step = drive(&mut follower, 1, from(0, Raft::AppendEntries(ahead)));
    assert!(matches!(step.rejection, Some(Rejection::BadProposal { .. })));
    drive(&mut follower, 1, from(0, append(1, (0, 0), &[], 0)));
    let step = drive(&mut follower, 1, from(2, asks(2, true, 0, (0, 0))));
    assert_eq!(said(&step).last().unwrap(), &&vote(2, 2, true, true));
}

/// An entry may have waited out a partition.
#[test]
fn what_lies_far_behind_is_acknowledged() {
    let mut follower = replica(3, 1);
    let Raft::AppendEntries(mut behind) = append(1, (0, 0), &[1], 0) else {
        unreachable!("it is one");
    };
    behind.entries[0].proposal = Proposal::new(Timestamp(1), vec![batch(1, 1)]);
    let step = drive(&mut follower, 1, from(0, Raft::AppendEntries(behind)));
    assert_eq!(step.rejection, None);
    assert_eq!(said(&step).last().unwrap(), &&appended(1, 0, true, 1));
}

/// Found by review: one proposal that came too early, and the leader counted as silent for the rest of its
/// term, though clocks were right again.
#[test]
fn pitfall_24_a_leader_is_heard_again_once_clocks_agree() {
    let ahead = || {
        let mut follower = replica(3, 1);
        let Raft::AppendEntries(mut ahead) = append(1, (0, 0), &[1], 0) else {
            unreachable!("it is one");
        };
        ahead.entries[0].proposal = Proposal::new(Timestamp(NOW.0 + 60_000), vec![batch(1, 1)]);
        follower.step(NOW, from(0, Raft::AppendEntries(ahead)));
        follower.step(NOW, from(0, append(1, (0, 0), &[], 0)));
        assert!(!follower.has_begun());
        follower
    };
    let mut follower = ahead();
    follower.step(Timestamp(NOW.0 + 60_000), from(0, append(1, (0, 0), &[], 0)));
    assert!(follower.has_begun(), "its clock has come up to that proposal");
    let mut follower = ahead();
    follower.step(NOW, from(0, append(1, (1, 1), &[1], 0)));
    assert!(!follower.has_begun(), "what follows the early one shows nothing");
    drive(&mut follower, 1, Input::Synced(certificate(1)));
    drive(&mut follower, 1, from(0, append(1, (1, 1), &[1], 1)));
    assert!(follower.has_begun(), "the next proposal is in time");
}

/// Found by review: each heartbeat of such a leader ended the attempt to replace it. Where heartbeats come more often
/// than answers, it led on.
#[test]
fn pitfall_24_a_leader_too_far_ahead_of_time_does_not_end_the_attempt_to_replace_it() {
    let asking = || {
        let mut follower = replica(3, 1);
        let Raft::AppendEntries(mut ahead) = append(1, (0, 0), &[1], 0) else {
            unreachable!("it is one");
        };
        ahead.entries[0].proposal = Proposal::new(Timestamp(NOW.0 + 60_000), vec![batch(1, 1)]);
        drive(&mut follower, 1, from(0, Raft::AppendEntries(ahead)));
        let step = drive(&mut follower, 1, timeout(1));
        assert_eq!(said(&step), [&asks(2, true, 0, (0, 0))]);
        follower
    };
    let mut follower = asking();
    drive(&mut follower, 1, from(0, append(1, (0, 0), &[], 0)));
    drive(&mut follower, 1, from(2, vote(2, 1, true, true)));
    assert_eq!(follower.term().0, 2, "it stands");
    let mut follower = asking();
    follower.step(Timestamp(NOW.0 + 60_000), from(0, append(1, (0, 0), &[], 0)));
    assert!(follower.has_begun(), "its clock has come up to that proposal");
    drive(&mut follower, 1, from(2, vote(2, 1, true, true)));
    assert_eq!(follower.term().0, 1, "it follows again");
}

/// A leader that has certified `certified` heights, and one entry of term 2 above them.
fn far_ahead(certified: u64) -> Raft {
    Raft::AppendEntries(AppendEntries {
        term: Term(2),
        previous: position(certified, 0),
        entries: vec![entry(2, certified + 1)],
        commit: Height(certified),
        certified: Height(certified),
    })
}

#[test]
fn a_follower_far_behind_fetches_blocks_and_goes_on_from_there() {
    let mut follower = replica(3, 1);
    let step = drive(&mut follower, 1, from(0, far_ahead(40)));
    let fetch = Action::FetchBlocks {
        to: Height(40),
        holders: vec![ValidatorIndex(0)],
    };
    assert!(step.actions.contains(&fetch));
    assert!(said(&step).contains(&&appended(2, 0, false, 0)));
    let step = drive(&mut follower, 1, Input::Synced(certificate(40)));
    assert_eq!(said(&step), [&appended(2, 0, false, 0)], "the leader may go on");
    let step = drive(&mut follower, 1, from(0, far_ahead(40)));
    assert_eq!(said(&step).last().unwrap(), &&appended(2, 0, true, 41));
}

#[test]
fn what_is_below_a_block_of_the_leaders_is_not_matched_by_terms() {
    // The follower's entry 2 is of term 1, and so is the leader's; but the leader has fetched block 1, and
    // the follower's entry 1 may be another.
    let mut follower = recovered(3, 1, journal(1, &[1, 1]));
    let heartbeat = Raft::AppendEntries(AppendEntries {
        term: Term(2),
        previous: position(2, 1),
        entries: Vec::new(),
        commit: Height(2),
        certified: Height(1),
    });
    let step = drive(&mut follower, 1, from(0, heartbeat.clone()));
    assert!(decided(&step).is_empty());
    assert!(said(&step).contains(&&appended(2, 0, false, 0)));
    // With that block it is the same from there on.
    drive(&mut follower, 1, Input::Synced(certificate(1)));
    let step = drive(&mut follower, 1, from(0, heartbeat));
    assert!(said(&step).contains(&&appended(2, 0, false, 1)));
    let Raft::AppendEntries(mut rest) = append(2, (1, 0), &[1], 2) else {
        unreachable!("it is one");
    };
    rest.certified = Height(1);
    let step = drive(&mut follower, 1, from(0, Raft::AppendEntries(rest)));
    assert_eq!(decided(&step), [2]);
}

#[test]
fn a_leader_has_no_entries_below_what_it_has_certified() {
    let mut leader = replica(3, 0);
    drive(&mut leader, 0, Input::Synced(certificate(7)));
    elect(&mut leader, 3, 0);
    drive(&mut leader, 0, Input::BatchesAvailable(vec![batch(1, 8)]));
    let step = drive(&mut leader, 0, from(1, appended(1, 0, false, 3)));
    let [Raft::AppendEntries(append)] = said(&step)[..] else {
        panic!("an append was expected");
    };
    assert_eq!((append.previous.index, append.certified), (Height(7), Height(7)));
}

#[test]
fn pitfall_18_what_was_signed_for_a_term_that_was_left_is_not_sent() {
    let mut follower = replica(3, 1);
    let step = follower.step(NOW, from(0, append(1, (0, 0), &[], 0)));
    let reply: Message = signed(1, Body::Raft(asked(&step)[0].clone()));
    follower.step(NOW, from(2, asks(2, false, 0, (0, 0))));
    let step = follower.step(NOW, Input::Own(reply));
    assert!(said(&step).is_empty());
}

#[test]
fn the_window_bounds_what_is_proposed() {
    let mut leader = replica(3, 0);
    elect(&mut leader, 3, 0);
    let batches = (1..=2 * WINDOW).map(|number| batch(1, number)).collect();
    drive(&mut leader, 0, Input::BatchesAvailable(batches));
    assert_eq!(terms(&leader).len() as u64, WINDOW);
}
