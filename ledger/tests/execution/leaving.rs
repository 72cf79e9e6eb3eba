//! Who leaves takes its seats along: what the next committee is then, and when nobody may leave.

use quorate_crypto::{MemberNumber, SigningKey};
use quorate_ledger::{
    Attestation, AttestationV1, Ballot, Change, GovernanceProposal, Limit, MemberStatus, Operation,
    Parameters, ParametersV1, ProposalState, SeatKeys, StateKey, read_value,
};

use crate::second::{check_row, row, second_of};
use crate::world::{DAY, World, address, success};

/// The shortest time that rules allow.
const MONTH: u64 = 30 * DAY;

/// The member that is admitted, and the account that is its own.
const EPSILON: u32 = 4;
const ITS_ACCOUNT: u8 = 20;

fn seat_key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[60 + number; 32])
}

fn state_of(world: &World, proposal: u64) -> ProposalState {
    let found: Option<GovernanceProposal> = read_value(&world.state, &StateKey::proposal(proposal)).unwrap();
    let GovernanceProposal::V1(proposal) = found.unwrap();
    proposal.state
}

fn propose(world: &World, change: &Change) -> Operation {
    Operation::Propose {
        change: change.clone(),
        expires_at: world.after(30 * DAY),
    }
}

fn yes(proposal: u64) -> Operation {
    Operation::Vote {
        proposal,
        ballot: Ballot::Yes,
    }
}

/// Proposes a change as the account of a member, and has all that can vote be for it until it is decided; gives the
/// proposal's number.
fn decide(world: &mut World, change: &Change, by: u8) -> u64 {
    let number = begin(world, change, by);
    vote(world, number);
    number
}

fn vote(world: &mut World, number: u64) {
    for (member, account) in (0..).zip([100, 101, 102, 103, ITS_ACCOUNT]) {
        let votes = world.has(&StateKey::member(MemberNumber(member)))
            && world.member(member).status == MemberStatus::Active;
        if votes && state_of(world, number) == ProposalState::Open {
            assert_eq!(world.run(account, vec![yes(number)]), success(), "{number}");
        }
    }
    assert_ne!(state_of(world, number), ProposalState::Open, "{number}");
}

fn begin(world: &mut World, change: &Change, by: u8) -> u64 {
    let mut number = 0;
    while world.has(&StateKey::proposal(number)) {
        number += 1;
    }
    let operation = propose(world, change);
    assert_eq!(world.run(by, vec![operation]), success(), "{change:?}");
    number
}

fn add_seat() -> Change {
    let keys = [0, 1, 2].map(seat_key);
    let [validator, node, witness] = [&keys[0], &keys[1], &keys[2]].map(SigningKey::public);
    let member = MemberNumber(EPSILON);
    let seat = SeatKeys {
        network: crate::world::lists().network,
        member,
        validator,
        node,
        witness,
    };
    Change::AddSeat {
        member,
        validator,
        node,
        witness,
        addresses: vec!["/ip4/10.0.0.9/tcp/9100".to_owned()],
        proofs: keys.iter().map(|key| seat.prove(key)).collect(),
    }
}

fn attest(world: &World, proposal: u64) -> Operation {
    let key = seat_key(0);
    let attestation = Attestation::V1(AttestationV1 {
        network: world.tip.network,
        proposal,
        validator: key.public(),
        height: world.tip.height,
        block: world.tip.block_hash,
        lowest: 1,
        highest: 2,
    });
    let signature = attestation.sign(&key);
    Operation::Attest {
        attestation,
        signature,
    }
}

/// A network in which the first member has the only seat, and two others have none: epsilon and the second.
fn of_one_seat() -> World {
    let mut world = second_of(|rules| rules.dormant_after_ms = MONTH, &[]);
    let admit = Change::AdmitMember {
        name: "epsilon".to_owned(),
        account: address(ITS_ACCOUNT),
    };
    decide(&mut world, &admit, 100);
    // The other three seats go.
    for seat in [1, 2, 3] {
        let removed = Change::RemoveSeat(quorate_crypto::SeatNumber(seat));
        decide(&mut world, &removed, 100);
    }
    end_epoch(&mut world);
    // Those that have no seat leave, but for one.
    for (member, account) in [(3, 103), (2, 102)] {
        let leaves = Change::MemberLeaves(MemberNumber(member));
        decide(&mut world, &leaves, account);
    }
    let committee = world.agreement().committee();
    assert_eq!(committee.seats().len(), 1);
    world
}

fn end_epoch(world: &mut World) {
    let epoch = world.tip.epoch;
    for _ in 0..200 {
        if world.tip.epoch != epoch {
            return;
        }
        world.commit_batches(&[]);
    }
    panic!("the epoch does not end");
}

fn seats_of(world: &World) -> Vec<(u32, u32)> {
    let committee = world.agreement().committee();
    let seats = committee.seats().iter();
    seats.map(|seat| (seat.member.0, seat.seat.0)).collect()
}

const LEAVES: Change = Change::MemberLeaves(MemberNumber(0));

#[test]
fn whose_seats_are_all_that_sit_does_not_leave() {
    let mut world = of_one_seat();
    let leave = propose(&world, &LEAVES);
    check_row(&mut world, row("the only seat", 69, 100, leave));
    assert_eq!(world.member(0).status, MemberStatus::Active);
}

/// Epsilon's seat is decided on, and then that the first member leaves; gives the number of the seat's proposal.
fn leave_for_a_seat_that_comes(world: &mut World) -> u64 {
    let Parameters::V1(parameters) = world.parameters.clone();
    let parameters = Parameters::V1(ParametersV1 {
        author_quota: parameters.author_quota - 1,
        ..parameters
    });
    let before = decide(world, &Change::Parameters(parameters), 101);
    assert_eq!(state_of(world, before), ProposalState::Passed);
    let added = begin(world, &add_seat(), 101);
    let live = attest(world, added);
    assert_eq!(world.run(101, vec![live]), success());
    vote(world, added);
    assert_eq!(state_of(world, added), ProposalState::Passed);
    decide(world, &LEAVES, 100);
    assert_eq!(world.member(0).status, MemberStatus::Left);
    added
}

#[test]
fn who_leaves_for_a_seat_that_comes_has_none_in_the_next_epoch() {
    let mut world = of_one_seat();
    let added = leave_for_a_seat_that_comes(&mut world);
    end_epoch(&mut world);
    assert_eq!(seats_of(&world), [(EPSILON, 4)]);
    // Between the two nobody would have sat, which says nothing of parameters.
    assert!(matches!(
        state_of(&world, added - 1),
        ProposalState::Executed { .. }
    ));
    assert!(!world.seat(0).sits);
    assert_eq!((world.member(0).seats, world.member(EPSILON).seats), (0, 1));
}

#[test]
fn where_the_seat_that_was_to_come_does_not_those_that_sit_go_on() {
    let mut world = of_one_seat();
    let report = |member| Operation::ReportDormant {
        member: MemberNumber(member),
    };
    let added = leave_for_a_seat_that_comes(&mut world);
    // Epsilon sleeps, is reported, and is found to be dormant only after its seat was decided on.
    world.wait_until(world.after(MONTH));
    assert_eq!(world.run(101, vec![report(EPSILON)]), success());
    world.wait_until(world.after(14 * DAY));
    // Anything that fits has the members be counted.
    let limit = Some(Limit {
        bytes: 1 << 30,
        leaves: 9,
    });
    begin(&mut world, &Change::Quota { member: None, limit }, 101);
    assert_eq!(world.member(EPSILON).status, MemberStatus::Dormant);
    end_epoch(&mut world);
    assert_eq!(state_of(&world, added), ProposalState::Lapsed);
    assert_eq!(seats_of(&world), [(0, 0)]);
    assert!(world.seat(0).sits);
}
