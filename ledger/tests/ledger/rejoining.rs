//! Rejoins, and the epochs that they end.

use quorate_ledger::{
    Agreement, Digest, Epoch, ErrorCode, Height, MIN_REJOIN_INTERVAL_MS, Operation, Outcome, Rejoin, Seat,
    StateKey, Timestamp, read_agreement, read_value,
};

use crate::world::{World, committee, create, key, transfer};

const MEMBER: u8 = 100;
const VALIDATOR: u8 = 200;

fn rejoin(token: u8) -> Operation {
    Operation::Rejoin {
        validator: key(VALIDATOR).public(),
        token: Digest([token; 32]),
    }
}

fn failed(code: ErrorCode, operation: u16) -> Outcome {
    Outcome::Failed { code, operation }
}

fn seat(world: &World) -> Option<Rejoin> {
    let key = StateKey::seat(&key(VALIDATOR).public());
    let seat: Option<Seat> = read_value(&world.state, &key).unwrap();
    seat.and_then(|seat| seat.v1().rejoin)
}

fn agreement(world: &World) -> Agreement {
    read_agreement(&world.state).unwrap()
}

#[test]
fn a_rejoin_ends_the_epoch_a_window_later() {
    let mut world = World::new();
    let window = u64::from(world.parameters.v1().window);
    assert_eq!(world.run(0, vec![transfer(1, 5)]), Outcome::Success);
    assert_eq!(world.run(MEMBER, vec![rejoin(7)]), Outcome::Success);
    let last = Height(2 + window);
    assert_eq!(agreement(&world).v1().last, Some(last));
    let rejoined = seat(&world).unwrap();
    assert_eq!((rejoined.token, rejoined.epoch), (Digest([7; 32]), Epoch(0)));
    while world.tip.height < last {
        assert_eq!(world.tip.epoch, Epoch(0));
        let execution = world.commit_batches(&[]);
        let header = execution.block.header();
        assert_eq!(header.epoch, Epoch(0));
        let next = Epoch(u64::from(header.height == last));
        assert_eq!(header.next_committee, committee(next).digest());
        assert_eq!(execution.agreement.is_some(), header.height == last);
    }
    let next = agreement(&world);
    assert_eq!((next.v1().epoch, next.v1().first), (Epoch(1), last.next()));
    assert_eq!(next.v1().last, None);
    // The next epoch goes on like the first.
    assert_eq!(world.run(0, vec![transfer(1, 5)]), Outcome::Success);
    assert_eq!(world.tip.epoch, Epoch(1));
}

#[test]
fn only_a_validators_own_member_lets_it_rejoin() {
    let mut world = World::new();
    let stranger = world.run(1, vec![create("A"), rejoin(7)]);
    assert_eq!(stranger, failed(ErrorCode::NotItsMember, 1));
    let unknown = Operation::Rejoin {
        validator: key(1).public(),
        token: Digest([7; 32]),
    };
    let outcome = world.run(MEMBER, vec![unknown]);
    assert_eq!(outcome, failed(ErrorCode::UnknownValidator, 0));
    assert_eq!((seat(&world), agreement(&world).v1().last), (None, None));
}

#[test]
fn a_rejoin_that_is_taken_back_ends_nothing() {
    let mut world = World::new();
    let outcome = world.run(MEMBER, vec![rejoin(7), transfer(1, 5)]);
    assert_eq!(outcome, failed(ErrorCode::InsufficientBalance, 1));
    assert_eq!((seat(&world), agreement(&world).v1().last), (None, None));
}

#[test]
fn rejoins_of_one_validator_are_minutes_apart() {
    let mut world = World::new();
    assert_eq!(world.run(MEMBER, vec![rejoin(1)]), Outcome::Success);
    let end = agreement(&world).v1().last;
    let soon = world.run(MEMBER, vec![rejoin(2)]);
    assert_eq!(soon, failed(ErrorCode::RejoinTooSoon, 0));
    let later = Timestamp(world.tip.timestamp.0 + MIN_REJOIN_INTERVAL_MS);
    world.commit_at(later, &[]);
    assert_eq!(world.run(MEMBER, vec![rejoin(3)]), Outcome::Success);
    // It comes into force with the end that is fixed already.
    assert_eq!(agreement(&world).v1().last, end);
    assert_eq!(seat(&world).unwrap().token, Digest([3; 32]));
}
