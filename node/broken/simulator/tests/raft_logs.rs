//! Broken rules of Raft which take a long history to do harm: each shows in the step that it is about. With
//! `--nocapture` each test prints its line of the table.

use quorate_consensus::broken::{self, Rule};
use quorate_consensus::raft::{self, AppendEntries, Entry, Position, Replica, RequestVote, Term};
use quorate_consensus::{Action, Body, Config, Input, Message, Record, TimerRange, Timing, Verified};
use quorate_crypto::{
    Certificate, CertificateV1, Committee, CommitteeSeat, Digest, Engine, Epoch, Height, MemberNumber,
    PublicKey, Seal, SeatNumber, Signature, ValidatorIndex, sha256,
};
use quorate_ledger::{Parameters, ParametersV1, Proposal, Timestamp};

const NOW: Timestamp = Timestamp(1_000_000);

fn config(certified: u64) -> Config {
    let seats = (1..=5).map(|number| CommitteeSeat {
        member: MemberNumber(number.into()),
        seat: SeatNumber(number.into()),
        validator: PublicKey([number; 32]),
        node: PublicKey([100 + number; 32]),
        witness: PublicKey([200 + number; 32]),
    });
    let range = TimerRange {
        from_ms: 100,
        to_ms: 200,
    };
    Config {
        network: sha256(b"broken"),
        committee: Committee::new(Epoch(0), Engine::Raft, 1, seats.collect()),
        index: Some(ValidatorIndex(1)),
        parameters: Parameters::V1(ParametersV1::default()),
        epoch_start: Height::GENESIS,
        epoch_end: None,
        certified: Height(certified),
        certificate: Some(certificate(certified)).filter(|_| certified > 0),
        inquiry: None,
        timing: Timing {
            resend: range,
            progress: range,
            progress_cap_ms: 1_000,
            heartbeat: range,
            election: range,
        },
    }
}

fn certificate(height: u64) -> Certificate {
    let seals = (2..5).map(|validator| Seal {
        validator: ValidatorIndex(validator),
        signature: Signature([7; 64]),
    });
    Certificate::V1(CertificateV1 {
        epoch: Epoch(0),
        height: Height(height),
        block: sha256(&height.to_le_bytes()),
        seals: seals.collect(),
    })
}

fn batch(term: u64, index: u64) -> Digest {
    sha256(format!("{term} {index}").as_bytes())
}

fn entry(term: u64, index: u64) -> Entry {
    Entry {
        term: Term(term),
        proposal: Proposal::new(NOW, vec![batch(term, index)]),
    }
}

/// A journal of one that was in term 5 and appended these entries: index, term of the one before, term.
fn journal(entries: &[(u64, u64, u64)]) -> Vec<Record> {
    let term = raft::Record::Term {
        term: Term(5),
        voted_for: None,
    };
    let entries = entries.iter().map(|(index, previous, term)| raft::Record::Entry {
        index: Height(*index),
        previous: Term(*previous),
        entry: entry(*term, *index),
    });
    let records = std::iter::once(term).chain(entries);
    records.map(|record| Record::Raft(Epoch(0), record)).collect()
}

/// What is asked to be signed when a validator says this to it.
fn answers(replica: &mut Replica, sender: u16, body: raft::Body) -> Vec<raft::Body> {
    let message = Message::new(
        Epoch(0),
        ValidatorIndex(sender),
        Body::Raft(body),
        Signature([7; 64]),
    );
    let step = replica.step(NOW, Input::Message(Verified::trusted(message)));
    let signed = step.actions.into_iter().filter_map(|action| match action {
        Action::Sign(Body::Raft(body)) => Some(body),
        _ => None,
    });
    signed.collect()
}

/// What comes of a step with a rule broken, and with none.
fn compare<T>(rule: Rule, step: impl Fn() -> T) -> (T, T) {
    broken::set(Some(rule));
    let broken = step();
    broken::set(None);
    (broken, step())
}

/// The paper's figure 2 with its consistency check alone: the entry before was made on another here.
#[test]
fn raft_entries_of_former_terms_that_match() {
    let (broken, sound) = compare(Rule::FormerTermsMatched, || {
        let (mut follower, _) = Replica::recover(config(0), journal(&[(1, 0, 2), (2, 2, 3)]));
        let append = raft::Body::AppendEntries(AppendEntries {
            term: Term(6),
            previous: Position {
                index: Height(2),
                term: Term(3),
            },
            entries: Vec::new(),
            commit: Height(1),
            certified: Height(1),
        });
        answers(&mut follower, 0, append)
            .iter()
            .any(|body| matches!(body, raft::Body::AppendReply(reply) if reply.success && reply.index == Height(2)))
    });
    println!(
        "| Protocol(FormerTermsMatched) | script | an acknowledgement of what the leader does not have |"
    );
    assert_eq!((broken, sound), (true, false));
}

/// A committed block that the candidate lacks is not in the voter's log any more.
#[test]
fn raft_a_vote_for_who_lacks_blocks() {
    let (broken, sound) = compare(Rule::LowCertifiedElected, || {
        let (mut voter, _) = Replica::recover(config(7), journal(&[]));
        let request = raft::Body::RequestVote(RequestVote {
            term: Term(6),
            pre_vote: false,
            certified: Height(3),
            last: Position {
                index: Height(5),
                term: Term(4),
            },
        });
        answers(&mut voter, 0, request)
            .iter()
            .any(|body| matches!(body, raft::Body::VoteReply(reply) if reply.granted))
    });
    println!(
        "| Protocol(LowCertifiedElected) | script | a vote for a candidate that lacks what is committed |"
    );
    assert_eq!((broken, sound), (true, false));
}

/// What followed the lost entry is taken for what follows another of its predecessor's term.
#[test]
fn raft_what_followed_a_lost_entry_and_comes_back() {
    let records = journal(&[(1, 0, 1), (2, 1, 1), (1, 0, 2), (2, 2, 1), (3, 1, 3), (4, 3, 4)]);
    let (broken, sound) = compare(Rule::FollowersOfLostKept, || {
        let kept = Record::without_unsent(records.clone(), |kept| *kept != batch(2, 1));
        let (replica, _) = Replica::recover(config(0), kept);
        let terms: Vec<u64> = replica.entries().map(|(_, entry)| entry.term.0).collect();
        terms
    });
    println!("| Protocol(FollowersOfLostKept) | script | a log of entries that never followed each other |");
    assert_eq!((broken, sound), (vec![1, 1, 3, 4], vec![1, 1]));
}
