//! Waypoints and their frontier over several hundred steps, against RFC 6962's definitions taken literally
//! and a replay of the changes.

use std::collections::BTreeMap;

use quorate_crypto::{Digest, sha256};
use quorate_ledger::{HistoryEntry, HoldRef, Operation};

use crate::world::{ASSETS, MILLION, World, address, burn, create, hold, mint, refund, success, transfer};

/// The tree hash over leaf hashes (RFC 6962, section 2.1).
fn tree_hash(hashes: &[Digest]) -> Digest {
    match hashes {
        [] => sha256(b""),
        [one] => *one,
        _ => {
            let mut middle = 1;
            while middle * 2 < hashes.len() {
                middle *= 2;
            }
            let (left, right) = hashes.split_at(middle);
            sha256(&[&[1_u8][..], &tree_hash(left).0[..], &tree_hash(right).0[..]].concat())
        }
    }
}

/// The complete subtrees that a list falls into, largest first.
fn subtrees(mut hashes: &[Digest]) -> Vec<Digest> {
    let mut found = Vec::new();
    for place in (0..usize::BITS).rev() {
        let size = 1_usize << place;
        if hashes.len() >= size {
            let (first, rest) = hashes.split_at(size);
            found.push(tree_hash(first));
            hashes = rest;
        }
    }
    found
}

fn leaf(data: &[u8]) -> Digest {
    sha256(&[&[0_u8][..], data].concat())
}

/// Free and held by asset.
type Balances = BTreeMap<String, (u128, u128)>;

/// The root over all that is not nothing.
fn root_of(balances: &Balances) -> Digest {
    let some = balances.iter().filter(|(_, amounts)| **amounts != (0, 0));
    let items = some.map(|(asset, (free, held))| bcs::to_bytes(&(asset, free, held)).unwrap());
    let hashes: Vec<Digest> = items.map(|item| leaf(&item)).collect();
    tree_hash(&hashes)
}

/// Replays steps from what was there at first; gives what is there at last, and the frontier.
fn replay(mut balances: Balances, steps: &[HistoryEntry]) -> (Balances, Vec<Digest>) {
    let mut waypoints = Vec::new();
    let mut ordinal = None;
    for (place, entry) in steps.iter().enumerate() {
        let step = &entry.step;
        assert_eq!(step.number, u64::try_from(place).unwrap() + 1);
        assert!(ordinal < Some(step.ordinal), "ordinals ascend");
        ordinal = Some(step.ordinal);
        assert!(step.changes.is_sorted_by(|a, b| a.asset < b.asset));
        for change in &step.changes {
            let before = (change.free_before.0, change.held_before.0);
            let after = (change.free_after.0, change.held_after.0);
            assert_ne!(before, after);
            let replaced = balances.insert(change.asset.to_string(), after);
            assert_eq!(replaced.unwrap_or_default(), before, "step {}", step.number);
        }
        let expected = step.number.is_multiple_of(32).then(|| root_of(&balances));
        assert_eq!(step.balances, expected, "step {}", step.number);
        if expected.is_some() {
            waypoints.push(leaf(&entry.hash.0));
        }
    }
    (balances, subtrees(&waypoints))
}

fn held_by(world: &World, number: u8) -> Balances {
    let assets = ASSETS.iter().copied().chain(["TIN"]);
    let of = |asset: &str| {
        let (free, held, _) = world.funds(number, asset);
        (asset.to_owned(), (free, held))
    };
    assets.map(of).filter(|(_, amounts)| *amounts != (0, 0)).collect()
}

fn without_nothing(balances: Balances) -> Balances {
    balances
        .into_iter()
        .filter(|(_, amounts)| *amounts != (0, 0))
        .collect()
}

/// Numbers that look drawn, the same at every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn drawn(draw: &mut Draw, world: &World) -> (u8, Operation) {
    let who = u8::try_from(draw.below(2)).unwrap();
    let asset = ASSETS[usize::try_from(draw.below(6)).unwrap()];
    let amount = u128::from(draw.below(40)) + 1;
    match draw.below(8) {
        0 | 1 => (0, mint(who, asset, amount)),
        2 => (who, burn(asset, amount)),
        3 => (who, hold(1 - who, asset, amount, world.after(4_000))),
        // All at once, so that records of balances go and come.
        4 => (who, transfer(1 - who, asset, world.free(who, asset).max(1))),
        _ => (who, transfer(1 - who, asset, amount)),
    }
}

#[test]
fn waypoints_over_hundreds_of_steps() {
    let mut world = World::new();
    let mut draw = Draw(7);
    let held = [0, 1].map(|number| held_by(&world, number));
    let mut open = Vec::new();
    while world.steps(0).len() < 900 {
        let mut transactions = Vec::new();
        for _ in 0..9 {
            let (who, operation) = drawn(&mut draw, &world);
            let is_hold = matches!(operation, Operation::Hold { .. });
            let transaction = world.signed(who, vec![operation]);
            if is_hold {
                open.push(HoldRef {
                    owner: address(who),
                    transaction: transaction.id(),
                    operation: 0,
                });
            }
            transactions.push(transaction);
        }
        if open.len() > 12 {
            let reference = open.remove(0);
            transactions.push(world.signed(0, vec![refund(&reference)]));
        }
        world.commit(transactions);
    }
    for (number, start) in [0, 1].into_iter().zip(held) {
        let steps = world.steps(number).to_vec();
        assert!(steps.len() >= 400, "account {number} has {} steps", steps.len());
        let (balances, waypoints) = replay(start, &steps);
        assert_eq!(without_nothing(balances), held_by(&world, number));
        let account = world.account(number).unwrap();
        assert_eq!(account.waypoints, waypoints);
        assert_eq!(account.entries, u64::try_from(steps.len()).unwrap());
        assert_eq!(account.last, steps.last().unwrap().hash);
    }
    for text in ASSETS {
        let steps = world.asset_steps(text).to_vec();
        let mut start = Balances::new();
        if ["EUR", "GOLD", "BOND"].contains(&text) {
            start.insert(text.to_owned(), (MILLION, 0));
        }
        let (balances, waypoints) = replay(start, &steps);
        let asset = world.asset(text).unwrap();
        let supply = balances.get(text).copied().unwrap_or_default();
        assert_eq!(supply, (asset.supply.0, 0));
        assert_eq!(asset.waypoints, waypoints);
    }
    assert!(ASSETS.iter().any(|text| world.asset_steps(text).len() >= 32));
}

/// A waypoint in the block that first touches balances under keys of their own, of which some are stored,
/// some new, some gone, and some looked at by nobody.
#[test]
fn a_waypoint_has_all_balances_stored_or_not() {
    let mut world = World::new();
    let operations = vec![
        create("TIN"),
        mint(0, "TIN", 5),
        mint(0, "ALU", 6),
        transfer(1, "EUR", 9),
    ];
    assert_eq!(world.run(0, operations), success());
    while world.steps(0).len() < 29 {
        assert_eq!(world.run(0, vec![transfer(1, "EUR", 1)]), success());
    }
    // Step 30 ends a record, 31 begins one, 32 is the waypoint, and step 33 is of the same block.
    let transactions = vec![
        world.signed(0, vec![transfer(1, "ALU", 6)]),
        world.signed(0, vec![create("TIN2"), mint(0, "TIN2", 8)]),
        world.signed(0, vec![transfer(1, "EUR", 1)]),
        world.signed(0, vec![transfer(2, "TIN", 5)]),
    ];
    let execution = world.commit(transactions);
    assert_eq!(execution.waypoints.len(), 1);
    let entry = &world.steps(0)[31];
    let expected: Balances = [
        ("BOND", MILLION),
        ("EUR", world.free(0, "EUR")),
        ("GOLD", MILLION),
        ("TIN", 5),
        ("TIN2", 8),
    ]
    .into_iter()
    .map(|(asset, free)| (asset.to_owned(), (free, 0)))
    .collect();
    assert_eq!(entry.step.balances, Some(root_of(&expected)));
}
