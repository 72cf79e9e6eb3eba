//! Each story shows what it is named for, with each engine.

use quorate_crypto::{Engine, ValidatorIndex};
use quorate_simulator::chart::{Happening, Note, NoteKind, Phase, Transfer};
use quorate_simulator::{Story, StoryRun};

const ENGINES: [Engine; 3] = [Engine::Pbft, Engine::Raft, Engine::Paxos];

fn tell(story: Story, engine: Engine) -> StoryRun {
    story.tell(engine, Story::fewest(engine), Story::SEED)
}

/// A story in which nothing goes wrong.
fn tell_well(story: Story, engine: Engine) -> StoryRun {
    let told = tell(story, engine);
    assert_eq!(told.report.failure, None, "{engine}");
    told
}

fn notes(told: &StoryRun, event: NoteKind) -> Vec<&Note> {
    told.chart.notes().filter(|note| note.event == event).collect()
}

/// The first note of this kind; that there is one is a part of what a story shows.
fn note(told: &StoryRun, event: NoteKind) -> &Note {
    notes(told, event).into_iter().next().expect("there is one")
}

fn said<'a>(told: &'a StoryRun, start: &str) -> Vec<&'a Transfer> {
    told.chart
        .messages()
        .filter(|transfer| transfer.label.starts_with(start))
        .collect()
}

/// Who sent such messages.
fn speakers(told: &StoryRun, start: &str) -> Vec<usize> {
    let mut speakers: Vec<usize> = said(told, start).iter().map(|transfer| transfer.from).collect();
    speakers.sort_unstable();
    speakers.dedup();
    speakers
}

/// What was decided at height 1, at each lane that decided it.
fn decided(told: &StoryRun) -> Vec<(usize, u64, String)> {
    let digest = |note: &&Note| note.text.strip_prefix("decides h1 ").map(str::to_owned);
    notes(told, NoteKind::Decides)
        .iter()
        .filter_map(|note| Some((note.lane?, note.at_us, digest(note)?)))
        .collect()
}

#[test]
fn the_normal_case_goes_through_the_phases_in_their_order() {
    for (engine, phases) in [
        (
            Engine::Pbft,
            [
                Phase::Request,
                Phase::PrePrepare,
                Phase::Prepare,
                Phase::Commit,
                Phase::Seal,
            ]
            .as_slice(),
        ),
        (
            Engine::Raft,
            &[
                Phase::LeaderElection,
                Phase::Request,
                Phase::LogReplication,
                Phase::Commitment,
                Phase::Seal,
            ],
        ),
        (
            Engine::Paxos,
            &[
                Phase::Phase1a,
                Phase::Phase1b,
                Phase::Request,
                Phase::Phase2a,
                Phase::Phase2b,
                Phase::Learn,
                Phase::Seal,
            ],
        ),
    ] {
        let told = tell_well(Story::NormalCase, engine);
        let mut seen = Vec::new();
        for transfer in told.chart.messages() {
            if !transfer.phase.is_routine() && !seen.contains(&transfer.phase) {
                seen.push(transfer.phase);
            }
            assert!(transfer.arrives_us.is_some(), "nothing is lost");
        }
        assert_eq!(seen, phases);
        assert_eq!(notes(&told, NoteKind::Certifies).len(), Story::fewest(engine));
    }
}

#[test]
fn what_a_leader_had_proposed_when_it_crashed_is_carried_over_by_the_next() {
    for (engine, proposes) in [
        (Engine::Pbft, "pre-prepare v0 h1 "),
        (Engine::Raft, "append t1 h1 "),
        (Engine::Paxos, "accept b1.0 h1 "),
    ] {
        let told = tell_well(Story::LeaderCrash, engine);
        let crash = note(&told, NoteKind::Crash);
        assert_eq!(crash.lane, Some(0));
        let proposed = said(&told, proposes)[0].label.strip_prefix(proposes);
        let proposed: String = proposed.unwrap().chars().take(8).collect();
        let next = notes(&told, NoteKind::Leads)
            .into_iter()
            .find(|note| note.at_us > crash.at_us);
        assert_ne!(next.expect("another leads").lane, Some(0));
        let decided = decided(&told);
        assert_eq!(decided.len(), Story::fewest(engine) - 1, "all but the dead one");
        assert!(told.height >= 1);
        for (_, at, digest) in decided {
            assert!(at > crash.at_us, "{engine} decides it after the crash");
            assert_eq!(digest, proposed, "{engine} decides what the dead leader proposed");
        }
    }
}

#[test]
fn a_split_vote_of_raft_elects_nobody_and_the_next_term_somebody() {
    let told = tell_well(Story::SplitVote, Engine::Raft);
    assert_eq!(speakers(&told, "vote? t2"), [1, 2], "two candidates in one term");
    assert!(
        said(&told, "vote t2")
            .iter()
            .all(|reply| reply.label.ends_with(": no"))
    );
    let led: Vec<&str> = notes(&told, NoteKind::Leads)
        .iter()
        .map(|note| note.text.as_str())
        .collect();
    assert_eq!(led, ["leader of term 1", "leader of term 3"]);
}

#[test]
fn in_pbft_one_complaint_moves_nobody_and_two_of_four_move_all() {
    let told = tell_well(Story::SplitVote, Engine::Pbft);
    let enter = note(&told, NoteKind::Reign).at_us;
    let complaints = said(&told, "complaint v0");
    let first = complaints[0];
    let second = complaints.iter().find(|other| other.from != first.from).unwrap();
    assert!(first.arrives_us.unwrap() < enter, "the first has been heard");
    assert!(enter <= second.sent_us);
    assert_eq!(speakers(&told, "view-change v1"), [0, 1, 2, 3]);
    assert_eq!(decided(&told).len(), 4);
}

#[test]
fn in_paxos_two_ballots_of_one_round_end_each_other_and_the_next_wins() {
    let told = tell_well(Story::SplitVote, Engine::Paxos);
    assert_eq!(speakers(&told, "prepare b2."), [1, 2]);
    assert!(said(&told, "accept b2.").is_empty(), "neither goes on");
    let led = notes(&told, NoteKind::Leads);
    assert!(led.last().unwrap().text.contains("proposer of b3."));
    assert_eq!(decided(&told).len(), 2);
}

#[test]
fn an_equivocating_primary_of_pbft_is_accused_and_agreement_is_kept() {
    let told = tell_well(Story::EquivocatingPrimary, Engine::Pbft);
    let mut proposals: Vec<&str> = said(&told, "pre-prepare v0 h1")
        .iter()
        .filter(|transfer| transfer.from == 0)
        .map(|transfer| transfer.label.as_str())
        .collect();
    proposals.sort_unstable();
    proposals.dedup();
    assert_eq!(proposals.len(), 2, "{proposals:?}");
    assert_eq!(note(&told, NoteKind::Accuses).text, "accuses validator-0");
    assert!(told.report.accused.contains(&ValidatorIndex(0)));
    let mut digests: Vec<String> = decided(&told).into_iter().map(|(_, _, digest)| digest).collect();
    digests.dedup();
    assert_eq!(digests.len(), 1);
    assert!(notes(&told, NoteKind::Violation).is_empty());
}

#[test]
fn an_equivocating_leader_of_raft_or_paxos_breaks_agreement_and_the_chart_says_so() {
    for engine in [Engine::Raft, Engine::Paxos] {
        let told = tell(Story::EquivocatingPrimary, engine);
        let decided = decided(&told);
        let at = |lane| decided.iter().find(|(decides, _, _)| *decides == lane).unwrap();
        assert_ne!(at(1).2, at(2).2, "{engine}: two that do not lie");
        let violation = note(&told, NoteKind::Violation);
        assert!(violation.text.starts_with("agreement: "), "{}", violation.text);
        assert_eq!(told.report.failure.as_deref(), Some(violation.text.as_str()));
    }
}

#[test]
fn whoever_was_cut_off_has_decided_nothing_and_gets_what_the_others_decided() {
    for engine in ENGINES {
        let told = tell_well(Story::PartitionAndHealing, engine);
        let (cut, heal) = (
            note(&told, NoteKind::Cut).at_us,
            note(&told, NoteKind::Heal).at_us,
        );
        let apart = |at: u64| (cut..heal).contains(&at);
        for transfer in told.chart.messages().filter(|transfer| apart(transfer.sent_us)) {
            let across = transfer.from == 0 || transfer.to == 0;
            assert_eq!(transfer.arrives_us.is_none(), across, "{transfer:?}");
        }
        assert!(
            decided(&told)
                .iter()
                .all(|(lane, at, _)| *lane != 0 && apart(*at))
        );
        let certified: Vec<&Note> = notes(&told, NoteKind::Certifies)
            .into_iter()
            .filter(|note| note.lane == Some(0))
            .collect();
        assert!(certified.iter().all(|note| note.at_us > heal));
        assert_eq!(certified.len(), 2, "the others' batch, and its own after that");
        assert_eq!(told.height, 2);
    }
}

#[test]
fn duelling_proposers_of_paxos_outbid_each_other_until_one_wins_with_the_first_value() {
    let told = tell_well(Story::DuellingProposers, Engine::Paxos);
    assert!(speakers(&told, "prepare").len() >= 2);
    let nack = told
        .chart
        .messages()
        .find(|transfer| transfer.phase == Phase::Refusal);
    assert_eq!(nack.unwrap().label, "nack b1.0, promised b2.1");
    let first = said(&told, "accept b1.0 h1 ")[0].label.rsplit(' ').next();
    let carried = said(&told, "promise b3.0 above h0: h1@b1.0 ")[0]
        .label
        .rsplit(' ')
        .next();
    assert_eq!(first, carried);
    let chosen = said(&told, "chosen h1 ")[0].label.as_str();
    assert_eq!(chosen, format!("chosen h1 {} in b3.0", first.unwrap()));
}

#[test]
fn in_pbft_views_that_follow_too_fast_carry_over_what_was_prepared() {
    let told = tell_well(Story::DuellingProposers, Engine::Pbft);
    let led: Vec<&str> = notes(&told, NoteKind::Leads)
        .iter()
        .map(|note| note.text.as_str())
        .collect();
    assert_eq!(
        led,
        ["primary of view 0", "primary of view 1", "primary of view 2"]
    );
    let last = notes(&told, NoteKind::Leads)[2].at_us;
    assert!(decided(&told).iter().all(|(_, at, _)| *at > last));
    assert_eq!(decided(&told).len(), 4);
}

#[test]
fn in_raft_one_of_two_candidates_leads_and_a_third_is_refused_before_it_stands() {
    let told = tell_well(Story::DuellingProposers, Engine::Raft);
    assert_eq!(speakers(&told, "vote? t1"), [0, 1]);
    assert_eq!(notes(&told, NoteKind::Leads).len(), 1);
    assert_eq!(speakers(&told, "pre-vote? t2"), [2]);
    assert_eq!(said(&told, "pre-vote t1 for 2: no").len(), 2);
    assert!(said(&told, "vote? t2").is_empty());
}

#[test]
fn stories_end_well_with_other_seeds_and_more_validators() {
    for engine in ENGINES {
        for story in Story::ALL {
            let promised = story != Story::EquivocatingPrimary || engine == Engine::Pbft;
            for validators in Story::fewest(engine)..=Story::MOST {
                for seed in 0..3 {
                    let told = story.tell(engine, validators, seed);
                    assert!(!told.chart.happenings.is_empty(), "{:?}", told.report.failure);
                    if promised {
                        let failure = told.report.failure;
                        assert_eq!(failure, None, "{story:?} {engine} {validators} {seed}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_same_story_is_the_same_chart() {
    for engine in ENGINES {
        for story in Story::ALL {
            let [one, other] = [tell(story, engine).chart, tell(story, engine).chart];
            assert_eq!(one, other);
            assert!(
                one.happenings.is_sorted_by_key(Happening::at_us),
                "in the order of time"
            );
        }
    }
}
