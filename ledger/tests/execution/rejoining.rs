//! Rejoins: whose, when, and that each further one within a day waits twice as long.

use quorate_crypto::{Digest, Epoch, PublicKey, SigningKey};
use quorate_ledger::{Operation, Outcome, Rejoin, Timestamp};

use crate::world::{DAY, World, failed, success, transfer, validator};

/// The wait after the first rejoin.
const TEN_MINUTES: u64 = 600_000;

pub(crate) fn rejoin(number: u8, token: u8) -> Operation {
    rejoin_key(validator(number).public(), token)
}

fn rejoin_key(validator: PublicKey, token: u8) -> Operation {
    Operation::Rejoin {
        validator,
        token: Digest([token; 32]),
    }
}

fn last_rejoin(world: &World, number: u32) -> Option<Rejoin> {
    world.seat(number).rejoin
}

/// Executes a member's rejoin in a block at this time.
fn rejoin_at(world: &mut World, time: Timestamp, token: u8) -> Outcome {
    world.wait_until(Timestamp(time.0 - 1));
    let transaction = world.signed(102, vec![rejoin(2, token)]);
    let batch = world.batch(vec![transaction]);
    let execution = world.commit_at(time, &[batch]);
    execution.transactions[0].outcome.clone()
}

#[test]
fn a_member_lets_its_validator_rejoin() {
    let mut world = World::new();
    assert_eq!(world.run(102, vec![rejoin(2, 7)]), success());
    let expected = Rejoin {
        token: Digest([7; 32]),
        epoch: Epoch(0),
        timestamp: world.now(),
        recent: 1,
    };
    assert_eq!(last_rejoin(&world, 2), Some(expected));
    for other in [0, 1, 3] {
        assert_eq!(last_rejoin(&world, other), None);
    }
}

#[test]
fn code_11_no_such_validator() {
    let mut world = World::new();
    let stranger = SigningKey::from_seed(&[1; 32]).public();
    assert_eq!(world.run(102, vec![rejoin_key(stranger, 7)]), failed(11, 0));
    // A seat's node and witness keys are in use as well, and are no validator's.
    for seed in [212, 222] {
        let key = SigningKey::from_seed(&[seed; 32]).public();
        assert_eq!(world.run(102, vec![rejoin_key(key, 7)]), failed(11, 0));
    }
    assert_eq!(world.agreement_v1().last, None);
}

#[test]
fn code_12_not_its_member() {
    let mut world = World::new();
    assert_eq!(world.run(1, vec![rejoin(2, 7)]), failed(12, 0));
    assert_eq!(world.run(101, vec![rejoin(2, 7)]), failed(12, 0));
    // An account that the member was given besides its own is not the member's account.
    assert_eq!(world.run(50, vec![rejoin(1, 7)]), failed(12, 0));
    // As for other operations, the acting party counts.
    assert_eq!(
        world.run_jointly(&[1, 102], vec![(1, rejoin(2, 7))]),
        failed(12, 0)
    );
    assert_eq!(world.run_jointly(&[1, 102], vec![(102, rejoin(2, 7))]), success());
}

#[test]
fn a_rejoin_that_is_taken_back_ends_nothing() {
    let mut world = World::new();
    let outcome = world.run(102, vec![rejoin(2, 7), transfer(1, "EUR", 5)]);
    assert_eq!(outcome, failed(3, 1));
    assert_eq!(last_rejoin(&world, 2), None);
    assert_eq!(world.agreement_v1().last, None);
}

#[test]
fn code_13_each_further_rejoin_within_a_day_waits_twice_as_long() {
    let mut world = World::new();
    let mut token = 0;
    let mut time = world.after(5_000);
    assert_eq!(rejoin_at(&mut world, time, token), success());
    // Ten minutes, twenty, forty, and so on.
    for recent in 1..=6_u8 {
        let wait = TEN_MINUTES << (recent - 1);
        assert!(wait < DAY);
        token += 1;
        let soon = Timestamp(time.0 + wait - 1);
        assert_eq!(
            rejoin_at(&mut world, soon, token),
            failed(13, 0),
            "after {recent}"
        );
        let last = last_rejoin(&world, 2).unwrap();
        assert_eq!((last.recent, last.timestamp), (recent, time));
        // A millisecond later it is time.
        time = Timestamp(time.0 + wait);
        let transaction = world.signed(102, vec![rejoin(2, token)]);
        let batch = world.batch(vec![transaction]);
        let execution = world.commit_at(time, &[batch]);
        assert_eq!(execution.transactions[0].outcome, success());
        let last = last_rejoin(&world, 2).unwrap();
        assert_eq!((last.recent, last.token), (recent + 1, Digest([token; 32])));
    }
    // Then 640 minutes and 1,280, still less than a day; no wait is longer.
    let last = last_rejoin(&world, 2).unwrap();
    assert_eq!(last.recent, 7);
    time = Timestamp(last.timestamp.0 + (TEN_MINUTES << 6));
    assert_eq!(rejoin_at(&mut world, Timestamp(time.0 - 2), 20), failed(13, 0));
    assert_eq!(rejoin_at(&mut world, time, 21), success());
    assert_eq!(last_rejoin(&world, 2).unwrap().recent, 8);
    let next = Timestamp(time.0 + (TEN_MINUTES << 7));
    assert_eq!(rejoin_at(&mut world, Timestamp(next.0 - 2), 22), failed(13, 0));
    assert_eq!(rejoin_at(&mut world, next, 23), success());
    assert_eq!(last_rejoin(&world, 2).unwrap().recent, 8, "at most 8");
    // A day later it begins at 1 again.
    let day_later = Timestamp(next.0 + DAY);
    assert_eq!(rejoin_at(&mut world, day_later, 24), success());
    assert_eq!(last_rejoin(&world, 2).unwrap().recent, 1);
}

#[test]
fn just_less_than_a_day_counts_and_a_day_does_not() {
    for (gap, recent) in [(DAY - 1, 2), (DAY, 1)] {
        let mut world = World::new();
        let time = world.after(5_000);
        assert_eq!(rejoin_at(&mut world, time, 1), success());
        assert_eq!(rejoin_at(&mut world, Timestamp(time.0 + gap), 2), success());
        assert_eq!(last_rejoin(&world, 2).unwrap().recent, recent);
    }
}

#[test]
fn seats_wait_each_for_itself() {
    let mut world = World::new();
    assert_eq!(world.run(102, vec![rejoin(2, 1)]), success());
    assert_eq!(world.run(101, vec![rejoin(1, 1)]), success());
    assert_eq!(world.run(102, vec![rejoin(2, 2)]), failed(13, 0));
    // Twice in a transaction is too soon as well, and then none of it counts.
    assert_eq!(world.run(103, vec![rejoin(3, 1), rejoin(3, 2)]), failed(13, 1));
    assert_eq!(last_rejoin(&world, 3), None);
}
