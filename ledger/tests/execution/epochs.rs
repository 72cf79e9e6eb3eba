//! Epochs, and the signs of life of seats and members that are noted from protocol 1 on.

use quorate_crypto::{Committee, CommitteeV1, Epoch, Height};
use quorate_ledger::{Agreement, AgreementV1, Parameters, ParametersV1, StateKey, Timestamp, decode, encode};

use crate::rejoining::rejoin;
use crate::world::{DAY, GENESIS_TIME, World, address, failed, lists, sign, success, transfer};

/// The committee of the first epoch, as one of a later epoch.
fn committee_of(world: &World, epoch: u64) -> Committee {
    let Committee::V1(committee) = world.agreement_v1().committee;
    Committee::V1(CommitteeV1 {
        epoch: Epoch(epoch),
        ..committee
    })
}

#[test]
fn a_rejoin_ends_the_epoch_a_window_later() {
    let mut world = World::new();
    let window = u64::from(world.parameters.v1().window);
    assert_eq!(window, 32);
    assert_eq!(world.run(0, vec![transfer(1, "EUR", 5)]), success());
    let transaction = world.signed(102, vec![rejoin(2, 7)]);
    let execution = world.commit(vec![transaction]);
    let last = Height(2 + window);
    let Agreement::V1(told) = execution.agreement.unwrap();
    assert_eq!((told.first, told.last), (Height(1), Some(last)));
    assert_eq!(told, world.agreement_v1());
    let first_committee = committee_of(&world, 0);
    while world.tip.height < last {
        assert_eq!(world.tip.epoch, Epoch(0));
        let execution = world.commit_batches(&[]);
        let header = execution.block.header();
        assert_eq!((header.epoch, header.protocol), (Epoch(0), 1));
        let ends = header.height == last;
        let next = if ends {
            committee_of(&world, 1)
        } else {
            first_committee.clone()
        };
        assert_eq!(header.next_committee, next.digest());
        assert_eq!(execution.agreement.is_some(), ends);
    }
    let next = world.agreement_v1();
    let expected = AgreementV1 {
        committee: committee_of(&world, 1),
        first: last.next(),
        last: None,
        longest_lead_ms: world.parameters.v1().max_expiry_lead_ms,
        pending: Vec::new(),
    };
    assert_eq!(next, expected);
    assert_eq!(world.tip.epoch, Epoch(1));
    // The next epoch goes on like the first, and a rejoin in it names it.
    assert_eq!(world.run(0, vec![transfer(1, "EUR", 5)]), success());
    assert_eq!(world.run(101, vec![rejoin(1, 8)]), success());
    assert_eq!(world.seat(1).rejoin.unwrap().epoch, Epoch(1));
    assert_eq!(world.agreement_v1().last, Some(Height(last.0 + 2 + window)));
}

#[test]
fn a_further_change_leaves_the_end_where_it_is() {
    let mut world = World::new();
    assert_eq!(world.run(102, vec![rejoin(2, 7)]), success());
    let last = world.agreement_v1().last.unwrap();
    assert_eq!(last, Height(33));
    let transaction = world.signed(101, vec![rejoin(1, 7)]);
    let execution = world.commit(vec![transaction]);
    assert_eq!(execution.agreement, None);
    assert_eq!(world.agreement_v1().last, Some(last));
    while world.tip.height.0 < last.0 - 1 {
        world.commit_batches(&[]);
    }
    // In the epoch's last block too: the rejoin is of the old epoch, and ends nothing more.
    assert_eq!(world.run(103, vec![rejoin(3, 7)]), success());
    assert_eq!(world.tip.height, last);
    assert_eq!(world.seat(3).rejoin.unwrap().epoch, Epoch(0));
    let agreement = world.agreement_v1();
    assert_eq!((agreement.first, agreement.last), (last.next(), None));
    assert_eq!(world.tip.epoch, Epoch(1));
}

#[test]
fn a_window_of_one() {
    let mut lists = lists();
    lists.parameters = Parameters::V1(ParametersV1 {
        window: 1,
        ..ParametersV1::default()
    });
    let mut world = World::of(&lists);
    assert_eq!(world.run(102, vec![rejoin(2, 7)]), success());
    assert_eq!(world.agreement_v1().last, Some(Height(2)));
    world.commit_batches(&[]);
    assert_eq!(
        (world.tip.epoch, world.agreement_v1().first),
        (Epoch(1), Height(3))
    );
}

#[test]
fn the_longest_lead_ever_is_kept() {
    let with_lead = |longest_lead_ms: u64| {
        World::with_leaves(|leaves| {
            let key = StateKey::agreement();
            let Agreement::V1(agreement) = decode(&leaves[&key], 32_768).unwrap();
            let agreement = AgreementV1 {
                longest_lead_ms,
                ..agreement
            };
            leaves.insert(key, encode(&Agreement::V1(agreement)));
        })
    };
    // As if an earlier epoch had allowed more, or less, than the parameters in force.
    for (before, after) in [(3 * DAY, 3 * DAY), (1_000, DAY)] {
        let mut world = with_lead(before);
        assert_eq!(world.run(102, vec![rejoin(2, 7)]), success());
        assert_eq!(
            world.agreement_v1().longest_lead_ms,
            before,
            "until the epoch ends"
        );
        while world.tip.epoch == Epoch(0) {
            world.commit_batches(&[]);
        }
        assert_eq!(world.parameters.v1().max_expiry_lead_ms, DAY);
        assert_eq!(world.agreement_v1().longest_lead_ms, after);
    }
}

#[test]
fn genesis_has_the_lead_of_its_parameters() {
    assert_eq!(World::new().agreement_v1().longest_lead_ms, DAY);
}

/// Commits blocks without batches up to this height.
fn reach(world: &mut World, height: u64) {
    while world.tip.height.0 < height {
        world.commit_batches(&[]);
    }
}

#[test]
fn a_seat_is_active_by_steps_of_64_blocks() {
    let mut world = World::new();
    let batch_at = |world: &mut World, height: u64| {
        reach(world, height - 1);
        let transaction = world.signed(0, vec![transfer(1, "EUR", 1)]);
        let batch = world.batch_by(1, vec![transaction]);
        world.commit_batches(&[batch]);
    };
    let active = |world: &World| [0, 1, 2, 3].map(|seat| world.seat(seat).active.0);
    batch_at(&mut world, 63);
    assert_eq!(active(&world), [0, 0, 0, 0]);
    batch_at(&mut world, 64);
    assert_eq!(active(&world), [0, 64, 0, 0]);
    batch_at(&mut world, 127);
    assert_eq!(active(&world), [0, 64, 0, 0]);
    batch_at(&mut world, 128);
    assert_eq!(active(&world), [0, 128, 0, 0]);
    // A step missed is not made up for: it is the block's height.
    batch_at(&mut world, 250);
    assert_eq!(active(&world), [0, 250, 0, 0]);
}

#[test]
fn a_batch_counts_for_its_author_whatever_is_in_it() {
    let mut world = World::new();
    reach(&mut world, 99);
    // All of both is skipped or fails; the second repeats the first's transaction.
    let late = world.signed(9, vec![transfer(1, "EUR", 1)]);
    let first = world.batch_by(2, vec![late.clone()]);
    let second = world.batch_by(3, vec![late]);
    let execution = world.commit_batches(&[first, second]);
    assert_eq!(execution.transactions.len(), 1);
    assert_eq!(execution.transactions[0].outcome, failed(3, 0));
    assert_eq!(
        [0, 1, 2, 3].map(|seat| world.seat(seat).active.0),
        [0, 0, 100, 100]
    );
    // It ends no epoch.
    assert_eq!(execution.agreement, None);
    assert_eq!(world.agreement_v1().last, None);
}

#[test]
fn a_rejoin_and_a_sign_of_life_in_one_block_are_both_kept() {
    let mut world = World::new();
    reach(&mut world, 99);
    let transaction = world.signed(102, vec![rejoin(2, 7)]);
    let batch = world.batch_by(2, vec![transaction]);
    world.commit_batches(&[batch]);
    let seat = world.seat(2);
    assert_eq!(
        (seat.active, seat.rejoin.map(|rejoin| rejoin.recent)),
        (Height(100), Some(1))
    );
    assert_eq!(world.agreement_v1().last, Some(Height(132)));
}

#[test]
fn a_members_time_is_raised_where_it_is_more_than_a_day_old() {
    let mut world = World::new();
    let signed = |world: &World| [0, 1, 2, 3].map(|member| world.member(member).signed.0 - GENESIS_TIME.0);
    let act_at = |world: &mut World, after: u64, who: u8| {
        let time = Timestamp(GENESIS_TIME.0 + after);
        world.wait_until(Timestamp(time.0 - 1));
        let transaction = world.signed(who, vec![transfer(1, "EUR", 1)]);
        // By the first member's seat, which is looked at below.
        let batch = world.batch_by(0, vec![transaction]);
        let execution = world.commit_at(time, &[batch]);
        assert_eq!(execution.transactions.len(), 1);
    };
    // A day after genesis exactly: not more than a day.
    act_at(&mut world, DAY, 102);
    assert_eq!(signed(&world), [0, 0, 0, 0]);
    // A failed transaction with its account as a party does, and a batch of its seat.
    act_at(&mut world, DAY + 10, 102);
    assert_eq!(signed(&world), [DAY + 10, 0, DAY + 10, 0]);
    act_at(&mut world, DAY + 20, 101);
    assert_eq!(signed(&world), [DAY + 10, DAY + 20, DAY + 10, 0]);
    act_at(&mut world, 2 * DAY + 10, 102);
    assert_eq!(signed(&world), [DAY + 10, DAY + 20, DAY + 10, 0]);
    act_at(&mut world, 2 * DAY + 20, 102);
    assert_eq!(signed(&world), [2 * DAY + 20, DAY + 20, 2 * DAY + 20, 0]);
    // The second member's other account says nothing of it.
    act_at(&mut world, 5 * DAY, 50);
    assert_eq!(signed(&world), [5 * DAY, DAY + 20, 2 * DAY + 20, 0]);
    assert_eq!(
        world
            .account_at(&address(50))
            .unwrap()
            .member
            .map(|member| member.0),
        Some(1)
    );
    assert_eq!(world.member(3).since, GENESIS_TIME);
}

#[test]
fn a_party_that_does_not_act_has_signed_and_a_recipient_has_not() {
    let mut world = World::new();
    world.wait_until(world.after(3 * DAY));
    let execution = {
        let transaction = world.joint(&[0, 103], vec![(0, transfer(102, "EUR", 1))]);
        world.commit(vec![transaction])
    };
    assert_eq!(execution.transactions[0].outcome, success());
    let now = world.now();
    assert_eq!(world.member(3).signed, now);
    assert_eq!(world.member(2).signed, GENESIS_TIME);
    // What is skipped is no sign of anything.
    let execution = {
        let intent = world.intent(&[0, 102], vec![(0, transfer(1, "EUR", 1))]);
        world.commit(vec![sign(intent, &[0])])
    };
    assert_eq!(execution.transactions, []);
    assert_eq!(world.member(2).signed, GENESIS_TIME);
}
