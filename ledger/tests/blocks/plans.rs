//! What a new epoch begins with: the plan of a recovery (section 15), for the three engines.

use quorate_crypto::{Digest, Engine, Height, Tag, ValidatorIndex, sign_strict};
use quorate_ledger::{
    AcceptedValue, Entry, MAX_PLANNED_HEIGHTS, Open, PrepareSignature, PreparedCertificate, Proposal,
    RaftEntry, SignedStandDown, StandDown, StandDownV1, Term, Timestamp, View, encode, plan,
};

use crate::recoveries::{Case, old_key};

/// The height that all plans here are above.
const BASE: u64 = 9;

/// Tells proposals apart.
fn proposal(mark: u64) -> Proposal {
    Proposal::new(Timestamp(mark), vec![Digest([0xd1; 32])])
}

/// Signed stand-downs of validators 0, 1, …, with this open work.
fn stand_downs(open: Vec<Open>) -> Vec<SignedStandDown> {
    let case = Case::new(Engine::Pbft);
    let of = |(validator, open): (u16, Open)| {
        let stand_down = StandDownV1 {
            validator: ValidatorIndex(validator),
            open,
            ..case.stand_downs[0].clone()
        };
        StandDown::V1(stand_down).sign(&old_key(validator))
    };
    (0..).zip(open).map(of).collect()
}

/// The plan that these stand-downs give, with marks in the place of proposals; the null proposal has 0.
fn marks(engine: Engine, open: Vec<Open>) -> Vec<(u64, u64)> {
    let case = Case::new(engine);
    let mut shown = stand_downs(open);
    let planned = plan(&shown, Height(BASE), &case.old);
    // Their order does not matter.
    shown.reverse();
    assert_eq!(plan(&shown, Height(BASE), &case.old), planned);
    for (_, planned) in &planned {
        let mark = planned.timestamp().0;
        assert_eq!(
            *planned,
            if mark == 0 {
                Proposal::null()
            } else {
                proposal(mark)
            }
        );
    }
    let of = |(height, planned): &(Height, Proposal)| (height.0, planned.timestamp().0);
    planned.iter().map(of).collect()
}

/// A certificate of `view` with prepares of these validators; the primary's pre-prepare if it is said.
fn prepared(view: u64, height: u64, mark: u64, pre_prepare: bool, prepares: &[u16]) -> PreparedCertificate {
    let case = Case::new(Engine::Pbft);
    let proposal = proposal(mark);
    let content = encode(&(case.network, case.old.epoch(), view, height, proposal.digest()));
    let primary = u16::try_from(view % 4).unwrap();
    let prepare = |validator: &u16| PrepareSignature {
        validator: ValidatorIndex(*validator),
        signature: sign_strict(&old_key(*validator), Tag::PBFT_PREPARE, &content),
    };
    PreparedCertificate {
        view: View(view),
        height: Height(height),
        proposal,
        pre_prepare: pre_prepare.then(|| sign_strict(&old_key(primary), Tag::PBFT_PRE_PREPARE, &content)),
        prepares: prepares.iter().map(prepare).collect(),
    }
}

/// A good certificate of view 0, 4, 8, …, whose primary is validator 0.
fn good(view: u64, height: u64, mark: u64) -> PreparedCertificate {
    prepared(4 * view, height, mark, true, &[1, 2])
}

fn raft(entries: &[(u64, u64, u64)]) -> Open {
    let entry = |(index, term, mark): &(u64, u64, u64)| RaftEntry {
        index: Height(*index),
        entry: Entry {
            term: Term(*term),
            proposal: proposal(*mark),
        },
    };
    Open::Raft(entries.iter().map(entry).collect())
}

/// Values by height, round, proposer and mark.
fn paxos(values: &[(u64, u64, u16, u64)]) -> Open {
    let value = |(height, round, proposer, mark): &(u64, u64, u16, u64)| {
        let mut value = AcceptedValue {
            height: Height(*height),
            ballot: Default::default(),
            proposal: proposal(*mark),
        };
        value.ballot.round = *round;
        value.ballot.proposer = ValidatorIndex(*proposer);
        value
    };
    Open::Paxos(values.iter().map(value).collect())
}

#[test]
fn without_open_work_nothing_is_planned() {
    assert!(marks(Engine::Pbft, vec![Open::Pbft(Vec::new()); 2]).is_empty());
    assert!(marks(Engine::Raft, vec![Open::Raft(Vec::new()); 2]).is_empty());
    assert!(marks(Engine::Paxos, vec![Open::Paxos(Vec::new()); 2]).is_empty());
    assert!(marks(Engine::Pbft, Vec::new()).is_empty());
}

#[test]
fn pbft_takes_the_highest_view_and_null_where_nothing_was_prepared() {
    let open = vec![
        Open::Pbft(vec![good(0, 10, 1), good(2, 13, 2)]),
        Open::Pbft(vec![good(1, 10, 3), good(1, 11, 4), good(1, 13, 5)]),
    ];
    assert_eq!(marks(Engine::Pbft, open), [(10, 3), (11, 4), (12, 0), (13, 2)]);
}

#[test]
fn pbft_takes_only_certificates_that_verify() {
    // Too few signatures, the primary twice, validators out of order, a stranger, another's signature.
    let mut unordered = prepared(4, 10, 2, true, &[2, 1]);
    let few = prepared(4, 10, 2, true, &[1]);
    let none = prepared(4, 10, 2, false, &[1, 2]);
    let primary_twice = prepared(4, 10, 2, true, &[0, 1]);
    let repeated = prepared(4, 10, 2, true, &[1, 1]);
    let mut stranger = prepared(4, 10, 2, true, &[1, 2]);
    stranger.prepares[1].validator = ValidatorIndex(4);
    let mut others = prepared(4, 10, 2, true, &[1, 2]);
    others.prepares[1].validator = ValidatorIndex(3);
    let mut of_another_view = prepared(4, 10, 2, true, &[1, 2]);
    of_another_view.view = View(8);
    let mut of_another_height = prepared(4, 11, 2, true, &[1, 2]);
    of_another_height.height = Height(10);
    let mut of_another_proposal = prepared(4, 10, 2, true, &[1, 2]);
    of_another_proposal.proposal = proposal(3);
    let bad = [
        unordered.clone(),
        few,
        none,
        primary_twice,
        repeated,
        stranger,
        others,
        of_another_view,
        of_another_height,
        of_another_proposal,
    ];
    for bad in bad {
        let open = vec![Open::Pbft(vec![bad.clone()]), Open::Pbft(vec![good(0, 10, 1)])];
        assert_eq!(marks(Engine::Pbft, open), [(10, 1)], "{bad:?}");
        assert!(marks(Engine::Pbft, vec![Open::Pbft(vec![bad])]).is_empty());
    }
    unordered.prepares.swap(0, 1);
    let open = vec![Open::Pbft(vec![unordered]), Open::Pbft(vec![good(0, 10, 1)])];
    assert_eq!(marks(Engine::Pbft, open), [(10, 2)]);
}

#[test]
fn pbft_takes_what_a_new_view_carried_over() {
    // There is no pre-prepare; the primary of view 5, validator 1, prepares as everybody does.
    let carried = prepared(5, 10, 2, false, &[0, 1, 3]);
    let open = vec![Open::Pbft(vec![good(1, 10, 1)]), Open::Pbft(vec![carried])];
    assert_eq!(marks(Engine::Pbft, open), [(10, 2)]);
}

#[test]
fn pbft_takes_the_lowest_validators_of_two_of_one_view() {
    let open = vec![Open::Pbft(vec![good(1, 10, 1)]), Open::Pbft(vec![good(1, 10, 2)])];
    assert_eq!(marks(Engine::Pbft, open), [(10, 1)]);
}

#[test]
fn raft_takes_the_log_that_would_win_an_election() {
    // The highest term of the last entry counts more than the length.
    let open = vec![
        raft(&[(10, 3, 1), (11, 3, 2), (12, 3, 3)]),
        raft(&[(10, 3, 1), (11, 4, 4)]),
    ];
    assert_eq!(marks(Engine::Raft, open), [(10, 1), (11, 4)]);
    // With one term the longer log; nothing is taken from the other.
    let open = vec![raft(&[(10, 3, 1)]), raft(&[(10, 2, 5), (11, 3, 6)])];
    assert_eq!(marks(Engine::Raft, open), [(10, 5), (11, 6)]);
    // With one length the lowest validator's.
    let open = vec![raft(&[(10, 3, 1)]), raft(&[(10, 3, 2)])];
    assert_eq!(marks(Engine::Raft, open), [(10, 1)]);
    // One without entries has no last one.
    let open = vec![raft(&[]), raft(&[(10, 1, 2)])];
    assert_eq!(marks(Engine::Raft, open), [(10, 2)]);
}

#[test]
fn paxos_takes_the_highest_ballot_of_each_height() {
    let open = vec![
        paxos(&[(10, 2, 1, 1), (11, 1, 3, 2), (13, 1, 0, 3)]),
        paxos(&[(10, 1, 3, 4), (11, 2, 0, 5)]),
        paxos(&[(10, 2, 2, 6)]),
    ];
    // Round first, then proposer.
    assert_eq!(marks(Engine::Paxos, open), [(10, 6), (11, 5), (12, 0), (13, 3)]);
    let open = vec![paxos(&[(10, 2, 1, 1)]), paxos(&[(10, 2, 1, 2)])];
    assert_eq!(marks(Engine::Paxos, open), [(10, 1)]);
}

#[test]
fn what_is_not_above_the_base_is_certified_and_not_planned() {
    let open = vec![Open::Pbft(vec![good(9, 8, 1), good(9, 9, 2), good(0, 10, 3)])];
    assert_eq!(marks(Engine::Pbft, open), [(10, 3)]);
    let open = vec![raft(&[(8, 1, 1), (9, 1, 2), (10, 1, 3)])];
    assert_eq!(marks(Engine::Raft, open), [(10, 3)]);
    let open = vec![paxos(&[(9, 1, 0, 2), (10, 1, 0, 3)])];
    assert_eq!(marks(Engine::Paxos, open), [(10, 3)]);
}

#[test]
fn a_plan_ends_after_128_heights_whatever_is_claimed() {
    for far in [BASE + 200, 1_000_000_000_000_000_000, u64::MAX] {
        let open = vec![paxos(&[(10, 1, 0, 1), (far, 1, 0, 2)])];
        let planned = marks(Engine::Paxos, open);
        assert_eq!(planned.len() as u64, MAX_PLANNED_HEIGHTS);
        assert_eq!(planned[0], (10, 1));
        assert!(planned[1..].iter().all(|(_, mark)| *mark == 0));
        assert_eq!(planned[127].0, BASE + 128);
    }
    let case = Case::new(Engine::Paxos);
    let last = stand_downs(vec![paxos(&[(u64::MAX, 1, 0, 1)])]);
    let planned = plan(&last, Height(u64::MAX - 1), &case.old);
    assert_eq!(planned, [(Height(u64::MAX), proposal(1))]);
    assert!(plan(&last, Height(u64::MAX), &case.old).is_empty());
}

#[test]
fn another_engines_work_is_not_looked_at() {
    assert!(marks(Engine::Raft, vec![Open::Pbft(vec![good(0, 10, 1)])]).is_empty());
    assert!(marks(Engine::Pbft, vec![raft(&[(10, 1, 1)])]).is_empty());
    assert!(marks(Engine::Paxos, vec![raft(&[(10, 1, 1)])]).is_empty());
}
