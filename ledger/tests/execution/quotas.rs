//! Quotas, to the byte. A transaction of one party and one operation has, by the page's types,
//!
//! - an intent of 79 bytes (1 for its version, 32 network, 1 + 20 parties, 8 expiry, 16 salt, 1 for no texts) and its
//!   acts: a byte for how many, one for the party, and the operation;
//! - 1 byte for its version, 1 for how many signatures, and 97 for one by Ed25519, 98 for one by P-256.
//!
//! Beside it count 64 for an Ed25519 signature, and 64 × 20 for one by P-256.

use std::collections::BTreeMap;

use quorate_crypto::MemberNumber;
use quorate_ledger::{
    Digest, Keep, Operation, Place, Quota, QuotaShare, QuotaShareV1, QuotaV1, Refusal, Right, Rules, RulesV1,
    Scope, StateKey, Texts, Timestamp, Transaction, read_value,
};

use crate::erasing::{erase, with_memo};
use crate::guarding::set_guardians;
use crate::rejoining::rejoin;
use crate::second::{
    assign, check_rows, create_with, divide, freeze, grant, of_asset, revoke, row, second, second_of, tried,
    unfreeze,
};
use crate::world::{
    DAY, World, address, burn, create, failed, hold, lists, mint, put_record, sign, success, transfer,
};

/// An intent without its acts, with the transaction's frame around it.
const FRAME: u64 = 1 + (1 + 32 + 21 + 8 + 16 + 1) + 1;
/// A count of operations, and the party that acts in the only one.
const ACT: u64 = 1 + 1;
const ED25519: u64 = 97 + 64;
const P256: u64 = 98 + 64 * 20;

/// A transfer of an asset with three letters.
const TRANSFER: u64 = FRAME + ACT + (1 + 20 + 4 + 16) + ED25519;
const RECORD: u64 = FRAME + ACT + (1 + 32 + 1);
/// One guardian named.
const GUARDIANS: u64 = FRAME + ACT + (1 + 1 + 20 + 1 + 8) + ED25519;

/// What was used of a member's quota, or of that of accounts without one.
fn quota(world: &World, member: Option<u32>) -> Option<QuotaV1> {
    let key = StateKey::quota(member.map(MemberNumber));
    let found: Option<Quota> = read_value(&world.state, &key).unwrap();
    found.map(|Quota::V1(quota)| quota)
}

fn used(world: &World, member: Option<u32>) -> (u64, u32, u64) {
    quota(world, member).map_or((0, 0, 0), |quota| (quota.bytes, quota.leaves, quota.reserve))
}

fn share(world: &World, account: u8) -> QuotaShareV1 {
    let found: Option<QuotaShare> =
        read_value(&world.state, &StateKey::quota_share(&address(account))).unwrap();
    let QuotaShare::V1(share) = found.unwrap();
    share
}

/// Checks that a transaction is over a quota: the trial says so, and a block skips it, which leaves nothing but bytes that
/// count against member 1, whose validator packed it.
fn is_skipped(world: &mut World, transaction: Transaction, bytes: u64) {
    assert_eq!(tried(world, &transaction), Err(Refusal::OverQuota));
    assert_eq!(Refusal::OverQuota.reason(), "over_quota");
    let (before, packers) = (world.values(), used(world, Some(1)));
    let batch = world.batch_by(1, vec![transaction]);
    let execution = world.commit_batches(&[batch]);
    assert!(execution.transactions.is_empty() && execution.log.is_empty());
    assert!(execution.histories.is_empty() && execution.records.is_empty());
    assert!(execution.holders.is_empty() && execution.erased.is_empty());
    let (now_used, leaves, reserve) = used(world, Some(1));
    assert_eq!(
        (now_used, leaves, reserve),
        (packers.0 + bytes, packers.1, packers.2)
    );
    let key = StateKey::quota(Some(MemberNumber(1)));
    let without = |mut values: BTreeMap<_, _>| {
        values.remove(&key);
        values
    };
    assert_eq!(without(world.values()), without(before));
}

#[test]
fn bytes_are_those_of_the_page() {
    assert_eq!((TRANSFER, RECORD, GUARDIANS), (285, 117, 275));
    let mut world = second();
    assert_eq!(quota(&world, None), None);
    assert_eq!(world.run(2, vec![transfer(0, "SEA", 1)]), success());
    let expected = QuotaV1 {
        member: None,
        limit: None,
        // Genesis is 1,000,000 seconds after 1970.
        day: 11,
        bytes: 285,
        // The other account's balance.
        leaves: 1,
        reserve: 0,
    };
    assert_eq!(quota(&world, None), Some(expected));
    assert_eq!(world.run(2, vec![transfer(0, "SEA", 1)]), success());
    assert_eq!(used(&world, None), (2 * 285, 1, 0));
    // Accounts of a member count together; account 101 signs by P-256.
    assert_eq!(quota(&world, Some(1)), None);
    assert_eq!(world.run(101, vec![put_record(1, Keep::Own)]), success());
    assert_eq!(used(&world, Some(1)), (117 + 98 + 1_280, 1, 0));
    assert_eq!(world.run(50, vec![put_record(1, Keep::Log)]), success());
    assert_eq!(used(&world, Some(1)), (1_495 + 117 + 97 + 64, 1, 0));
    // A failure counts, too, with the account that appears.
    assert_eq!(world.run(4, vec![burn("NO", 1)]), failed(1, 0));
    let burnt = FRAME + ACT + (1 + 3 + 16) + ED25519;
    assert_eq!(used(&world, None), (2 * 285 + burnt, 2, 0));
    // The sender counts, whoever acts.
    let before = used(&world, Some(2));
    let acts = vec![(102, put_record(2, Keep::Own))];
    assert_eq!(world.run_jointly(&[4, 102], acts), success());
    // One more party and one more signature, both of Ed25519.
    let joint = RECORD + 20 + 2 * ED25519;
    assert_eq!(used(&world, None), (2 * 285 + burnt + joint, 3, 0));
    assert_eq!(used(&world, Some(2)), before);
}

#[test]
fn texts_count_by_the_limits_of_their_places() {
    let mut world = second();
    let mut intent = world.intent(&[2], vec![(2, transfer(0, "SEA", 1))]);
    intent.texts = Some(Texts {
        places: vec![Place::Memo, Place::Operation { index: 0, field: 0 }],
        root: Digest([3; 32]),
    });
    assert_eq!(world.run_transaction(sign(intent, &[2])), success());
    // Two places, of one byte and three, their count and the root; and their limits, each with 20.
    let texts = 1 + 1 + 3 + 32 + (256 + 20) + (128 + 20);
    assert_eq!(used(&world, None), (285 + texts, 1, 0));
}

#[test]
fn new_leaves_are_there_after_it_and_were_not_before() {
    let mut world = second_of(|_| {}, &[(0, Right::Freeze, Scope::Network)]);
    let until = world.after(600_000);
    let intent = with_memo(&mut world, 0);
    let admit = || grant(7, Right::HoldAsset, of_asset("ADM"));
    let dismiss = || revoke(7, Right::HoldAsset, of_asset("ADM"));
    let cases: Vec<(&str, u32, Vec<Operation>)> = vec![
        (
            "an account with its balance in its leaf",
            1,
            vec![transfer(20, "EUR", 1)],
        ),
        ("nothing new", 0, vec![transfer(20, "EUR", 1)]),
        ("a balance", 1, vec![transfer(20, "BOND", 1)]),
        ("an account and a balance", 2, vec![transfer(22, "ICE", 1)]),
        (
            "twice the same ones",
            2,
            vec![transfer(24, "ICE", 1), transfer(24, "ICE", 1)],
        ),
        (
            "a hold, an account and what it expects",
            3,
            vec![hold(26, "BOND", 1, until)],
        ),
        (
            "an asset and a balance",
            2,
            vec![create("NEW"), mint(0, "NEW", 1)],
        ),
        (
            "a balance that goes again",
            1,
            vec![create("OLD"), mint(0, "OLD", 1), burn("OLD", 1)],
        ),
        (
            "records",
            2,
            vec![put_record(1, Keep::Own), put_record(1, Keep::Unique)],
        ),
        ("no leaf", 0, vec![put_record(2, Keep::Log)]),
        ("an erasure", 1, vec![erase(&intent)]),
        ("a grant", 1, vec![admit()]),
        ("away and there again", 0, vec![dismiss(), admit()]),
        ("away", 0, vec![dismiss()]),
        ("there and away again", 0, vec![admit(), dismiss()]),
        ("a freeze", 1, vec![freeze(30, "ICE")]),
        ("a freeze that ends", 0, vec![freeze(32, ""), unfreeze(32, "")]),
        ("a freeze with the account's mark", 2, vec![freeze(32, "")]),
        ("guardians", 1, vec![set_guardians(&[4], 1, 7 * DAY)]),
        ("others", 0, vec![set_guardians(&[6], 1, 7 * DAY)]),
        ("a failure", 0, vec![transfer(34, "ICE", 1), burn("NO", 1)]),
    ];
    for (what, leaves, operations) in cases {
        let (before, count) = (used(&world, Some(0)), world.values().len());
        world.run(0, operations);
        let made = used(&world, Some(0)).1 - before.1;
        assert_eq!(made, leaves, "{what}");
        // No leaf of these went, but for the one revoked.
        if what != "away" {
            let grown = world.values().len() - count;
            assert_eq!(u32::try_from(grown).unwrap(), leaves, "{what}");
        }
    }
    // What goes back and forth makes an account appear, as a party, and no balance.
    let before = used(&world, Some(0)).1;
    let acts = vec![(0, transfer(36, "ICE", 1)), (36, transfer(0, "ICE", 1))];
    assert_eq!(world.run_jointly(&[0, 36], acts), success());
    assert_eq!(used(&world, Some(0)).1 - before, 1);
}

#[test]
fn what_is_over_the_quota_is_skipped_until_another_day() {
    let mut world = second_of(|rules| rules.strangers_bytes = 2 * 285, &[]);
    // Signed for tomorrow, too.
    let mut intent = world.intent(&[2], vec![(2, transfer(0, "SEA", 1))]);
    intent.expires_at = Timestamp(12 * DAY + 60_000);
    let third = sign(intent, &[2]);
    for _ in 0..2 {
        assert_eq!(tried(&world, &third), Ok(()));
        assert_eq!(world.run(2, vec![transfer(0, "SEA", 1)]), success());
    }
    assert_eq!(used(&world, None), (570, 1, 0));
    is_skipped(&mut world, third.clone(), 285);
    // As often as it is packed.
    is_skipped(&mut world, third.clone(), 285);
    // Others are one with it; members are not.
    let of_4 = world.signed(4, vec![put_record(1, Keep::Log)]);
    is_skipped(&mut world, of_4, RECORD + ED25519);
    assert_eq!(world.run(0, vec![transfer(2, "SEA", 1)]), success());
    world.wait_until(Timestamp(12 * DAY - 1_001));
    is_skipped(&mut world, third.clone(), 285);
    assert_eq!(world.now(), Timestamp(12 * DAY - 1));
    assert_eq!(world.run_transaction(third), success());
    let today = quota(&world, None).unwrap();
    assert_eq!((today.day, today.bytes, today.leaves), (12, 285, 0));
    // What the packer used stands under its day, and counts from 0 again.
    assert_eq!(quota(&world, Some(1)).unwrap().day, 11);
    assert_eq!(world.run(50, vec![put_record(1, Keep::Log)]), success());
    let packer = quota(&world, Some(1)).unwrap();
    assert_eq!((packer.day, packer.bytes), (12, RECORD + ED25519));
}

#[test]
fn a_members_accounts_share_its_quota() {
    let mut world = second_of(|rules| rules.day_bytes = 10_000, &[]);
    for _ in 0..6 {
        assert_eq!(world.run(101, vec![put_record(1, Keep::Log)]), success());
    }
    for _ in 0..3 {
        assert_eq!(world.run(50, vec![put_record(1, Keep::Log)]), success());
    }
    let so_far = 6 * (RECORD + P256) + 3 * (RECORD + ED25519);
    assert_eq!((so_far, used(&world, Some(1))), (9_804, (9_804, 0, 0)));
    let more = world.signed(50, vec![put_record(1, Keep::Log)]);
    // The packer is the same member: its own count goes beyond the limit.
    is_skipped(&mut world, more, RECORD + ED25519);
    let more = world.signed(101, vec![put_record(1, Keep::Log)]);
    is_skipped(&mut world, more, RECORD + P256);
    assert_eq!(world.run(102, vec![put_record(1, Keep::Log)]), success());
}

#[test]
fn leaves_have_a_limit_of_their_own() {
    let mut world = second_of(|rules| rules.strangers_leaves = 1, &[]);
    let two = world.signed(2, vec![transfer(4, "SEA", 1)]);
    is_skipped(&mut world, two, 285);
    assert_eq!(world.account(4), None);
    assert_eq!(world.run(2, vec![transfer(0, "SEA", 1)]), success());
    let another = world.signed(2, vec![transfer(50, "SEA", 1)]);
    is_skipped(&mut world, another, 285);
    assert_eq!(world.run(2, vec![transfer(0, "SEA", 1)]), success());
    assert_eq!(used(&world, None), (570, 1, 0));
}

#[test]
fn governance_and_rejoins_have_a_reserve() {
    let limits = |rules: &mut RulesV1| {
        (rules.strangers, rules.strangers_bytes, rules.reserve_bytes) = (7, 0, 2 * 275);
    };
    let mut world = second_of(limits, &[]);
    let named = |guardian| set_guardians(&[guardian], 1, 7 * DAY);
    let mixed = world.signed(2, vec![named(4), transfer(0, "SEA", 1)]);
    is_skipped(&mut world, mixed, GUARDIANS + 1 + 41);
    let flagged = world.signed(2, vec![create_with("NEW", 3)]);
    is_skipped(&mut world, flagged, FRAME + ACT + (1 + 4 + 1 + 1) + ED25519);
    assert_eq!(world.run(2, vec![named(4)]), success());
    assert_eq!(world.run(2, vec![named(6)]), success());
    // Neither bytes nor leaves of the quota itself.
    assert_eq!(used(&world, None), (0, 0, 550));
    let third = world.signed(2, vec![named(8)]);
    is_skipped(&mut world, third, 275);

    let mut world = second_of(|rules| rules.strangers_bytes = 0, &[]);
    assert_eq!(world.run(2, vec![rejoin(0, 7), named(4)]), failed(12, 0));
    let both = GUARDIANS + 1 + (1 + 32 + 32);
    assert_eq!(used(&world, None), (0, 0, both));
}

#[test]
fn an_account_has_a_share_of_its_members_quota() {
    let mut world = second();
    let log = || vec![put_record(1, Keep::Log)];
    let one = RECORD + ED25519;
    assert_eq!(one, 278);
    assert_eq!(world.run(101, vec![divide(50, 600, 1)]), success());
    let expected = QuotaShareV1 {
        account: address(50),
        bytes: 600,
        leaves: 1,
        day: 11,
        used_bytes: 0,
        used_leaves: 0,
    };
    assert_eq!(share(&world, 50), expected);
    let before = used(&world, Some(1)).0;
    assert_eq!(world.run(50, log()), success());
    assert_eq!(world.run(50, vec![put_record(1, Keep::Own)]), success());
    assert_eq!(
        (share(&world, 50).used_bytes, share(&world, 50).used_leaves),
        (556, 1)
    );
    assert_eq!(used(&world, Some(1)).0, before + 556);
    let third = world.signed(50, log());
    is_skipped(&mut world, third, 278);
    // Governance is never shut out.
    assert_eq!(world.run(50, vec![set_guardians(&[4], 1, 7 * DAY)]), success());
    assert_eq!(used(&world, Some(1)).2, 275);
    assert_eq!(share(&world, 50).used_bytes, 556);
    // A larger share keeps what was used of it.
    assert_eq!(world.run(101, vec![divide(50, 834, 1)]), success());
    let leaf = world.signed(50, vec![put_record(2, Keep::Own)]);
    is_skipped(&mut world, leaf, 278);
    assert_eq!(world.run(50, log()), success());
    assert_eq!(
        (share(&world, 50).bytes, share(&world, 50).used_bytes),
        (834, 834)
    );
    world.wait_until(Timestamp(12 * DAY - 1_000));
    assert_eq!(world.run(50, log()), success());
    let today = share(&world, 50);
    assert_eq!((today.day, today.used_bytes, today.used_leaves), (12, 278, 0));
}

#[test]
fn shares_condition_by_condition() {
    let mut world = second();
    let (bytes, leaves) = (1 << 40, 1 << 30);
    check_rows(
        &mut world,
        [
            row("of no member", 64, 101, divide(7, 1, 1)),
            row("of no member, its own", 64, 7, divide(7, 1, 1)),
            row("another member's", 21, 102, divide(50, 1, 1)),
            row("its own", 21, 50, divide(50, 1, 1)),
            row("too much, by another member", 21, 102, divide(50, bytes + 1, 1)),
            row("too many bytes", 77, 101, divide(50, bytes + 1, 1)),
            row("too many leaves", 77, 101, divide(50, 1, leaves + 1)),
            row("all there is", 0, 101, divide(50, bytes, leaves)),
            row("it is so", 68, 101, divide(50, bytes, leaves)),
            row("other bytes", 0, 101, divide(50, bytes - 1, leaves)),
            row("other leaves", 0, 101, divide(50, bytes - 1, 0)),
            row("for itself", 0, 101, divide(101, 1 << 20, 9)),
        ],
    );
}

#[test]
fn nobody_chooses_in_a_transaction_who_pays_for_it() {
    let mut world = second();
    let record = || put_record(1, Keep::Log);
    let (assigned, divided) = (1 + (1 + 20 + 1), 1 + (1 + 20 + 8 + 4));
    let both = FRAME + ACT + 34 + ED25519;
    assert_eq!(world.run(101, vec![divide(50, 0, 0)]), success());
    let leaving = world.signed(50, vec![assign(50, None), record()]);
    is_skipped(&mut world, leaving, both + assigned);
    // Its member raises the share first.
    let acts = vec![(101, divide(50, 1 << 30, 9)), (50, record())];
    let raising = world.joint(&[50, 101], acts);
    is_skipped(&mut world, raising, both + divided + 20 + P256);
    assert_eq!(world.run(101, vec![divide(50, 1 << 30, 9)]), success());
    let before = used(&world, Some(1));
    assert_eq!(world.run(50, vec![record(), assign(50, None)]), success());
    assert_eq!(
        used(&world, Some(1)),
        (before.0 + both + assigned, before.1, before.2)
    );
    assert_eq!(used(&world, None), (0, 0, 0));
}

#[test]
fn protocol_1_has_no_quotas() {
    let mut lists = lists();
    let rules = RulesV1 {
        strangers_bytes: 0,
        day_bytes: 0,
        strangers: 0,
        ..Default::default()
    };
    lists.rules = Rules::V1(rules);
    let mut world = World::of(&lists);
    assert_eq!(world.run(0, vec![transfer(1, "EUR", 1)]), success());
    assert_eq!(world.run(101, vec![put_record(1, Keep::Own)]), success());
    assert_eq!((quota(&world, None), quota(&world, Some(1))), (None, None));
}
