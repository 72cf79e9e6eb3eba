//! Rows of `histories`.

use std::collections::BTreeMap;

use proptest::prelude::*;
use quorate_crypto::{Address, Digest, Height};
use quorate_ledger::{
    Amount, BalanceChange, BalanceItem, HistoryEntry, HistoryOwner, HistoryStart, Step, Timestamp, encode,
    history_hash,
};
use quorate_storage::rows::{
    HistoryRows, OwnerRows, RowError, StepRest, StoredChange, StoredStep, encode_histories,
};

use crate::page;
use crate::page::{account, unhex};
use crate::random::{HistoryBlock, any_history_block, code_of, digest, number_of};

/// The first ordinal of the block that rows here are of.
const FIRST: u64 = 1_000;

fn owner(byte: u8) -> HistoryOwner {
    HistoryOwner::Account(Address([byte; 20]))
}

/// `00 ‖ address`, in hex.
fn key(byte: u8) -> String {
    format!("00 {} ", hex::encode([byte; 20]))
}

fn change(number: u32, [free_before, free_after, held_before, held_after]: [u128; 4]) -> BalanceChange {
    BalanceChange {
        asset: code_of(number).unwrap(),
        free_before: Amount(free_before),
        free_after: Amount(free_after),
        held_before: Amount(held_before),
        held_after: Amount(held_after),
    }
}

fn entry(owner: HistoryOwner, number: u64, ordinal: u64, changes: &[BalanceChange]) -> HistoryEntry {
    HistoryEntry {
        owner,
        step: Step {
            number,
            ordinal,
            timestamp: Timestamp(7),
            leaf: digest(ordinal),
            changes: changes.to_vec(),
            balances: None,
        },
        hash: Digest::ZERO,
    }
}

fn all(bytes: &[u8]) -> Result<Vec<(HistoryOwner, OwnerRows)>, RowError> {
    HistoryRows::new(bytes, FIRST).iter().collect()
}

/// The page's step, made of its row and of what stands elsewhere.
fn page_step(step: &StoredStep, number: u64, leaf: Digest) -> Step {
    let rest = StepRest {
        number,
        timestamp: page::TIME,
        leaf,
        balances: None,
    };
    let made = step.step(&rest, |number| match number {
        0 => Ok(page::code("EUR")),
        1 => Ok(page::code("GOLD")),
        number => Err(RowError::UnknownAsset { number }),
    });
    made.unwrap()
}

#[test]
fn the_pages_block_has_these_bytes() {
    let none_before = |owner: &HistoryOwner| -> Height { panic!("{owner:?} has no step before") };
    let row = encode_histories(&page::history_entries(), 0, none_before, page::number_of);
    assert_eq!(hex::encode(row), hex::encode(page::history_row()));
}

#[test]
fn the_pages_hashes_follow_from_its_rows() {
    let row = page::history_row();
    let rows = HistoryRows::new(&row, 0);
    let of_k1 = rows.of(&account(page::K1)).unwrap().unwrap();
    assert_eq!((of_k1.first, of_k1.before), (1, Height::GENESIS));
    let leaves: Vec<Digest> = page::log_entries()
        .iter()
        .map(|entry| entry.leaf_hash())
        .collect();
    let step_1 = page_step(&of_k1.steps[0], 1, leaves[0]);
    // Section 24, step 1 of K1's account.
    let bytes =
        "01000000000000000000000000000000e8abda769b010000f2f61f44c13aafd8ed232435984828cb6c80ca0ef68ef4a50484
        14170f6a706b0103455552a0860100000000000000000000000000be81010000000000000000000000000000000000000000
        0000000000000000000000000000000000000000000000000000";
    assert_eq!(encode(&step_1), unhex(bytes));
    let start = [BalanceItem {
        asset: page::code("EUR"),
        free: Amount(100_000),
        held: Amount(0),
    }];
    let mut hash = HistoryStart::new(page::NETWORK.parse().unwrap(), account(page::K1), &start).hash();
    let hashes = [
        "f5df20c8d5f879cb8b7ff3ff5ff3b5c3ff79ec1e4e105a50fa7e498b61525bc3",
        "67ccef3277ce8430e040386f2a836ce63dbb9c825a8c741c964fc290375ae442",
    ];
    let steps = (1..).zip(&of_k1.steps).zip(leaves);
    for (((number, step), leaf), expected) in steps.zip(hashes) {
        hash = history_hash(&hash, &page_step(step, number, leaf).inner());
        assert_eq!(hash.to_string(), expected);
    }
    assert_eq!(rows.of(&account(page::K2)).unwrap().unwrap().steps.len(), 1);
    assert_eq!(rows.of(&account(page::P)).unwrap().unwrap().steps[0].ordinal, 1);
    assert_eq!(rows.of(&HistoryOwner::Asset(page::code("EUR"))), Ok(None));
}

#[test]
fn every_kind_of_change_is_golden() {
    let changes = [
        change(0, [100, 40, 0, 60]),
        change(1, [40, 40, 60, 0]),
        change(2, [40, 50, 60, 60]),
        change(300, [0, u128::MAX, 0, 0]),
    ];
    let code = code_of(77).unwrap();
    let entries = [
        entry(owner(9), 2_000, FIRST + 300, &[]),
        entry(
            HistoryOwner::Asset(code),
            1,
            FIRST + 300,
            &[change(77, [0, 128, 0, 0])],
        ),
        entry(owner(4), 33, FIRST, &changes),
        entry(owner(9), 2_001, FIRST + 301, &[change(5, [1, 0, 0, 0])]),
    ];
    let row = [
        // Owner; number of the first step, height before, steps; ordinal, changes.
        format!("{} 21 ac02 01 00 04", key(4)),
        // Asset, flags, free before, after, held before, after.
        "00 03 64 28 00 3c".to_owned(),
        "01 02 28 3c 00".to_owned(),
        "02 03 28 32 3c 3c".to_owned(),
        format!("ac02 01 00 {}03", "ff".repeat(18)),
        format!("{} d00f ffff7f 02 ac02 00 ad02 01 05 01 01 00", key(9)),
        format!("01 {} 01 00 01 ac02 01 4d 01 00 8001", hex::encode(code.b37())),
    ];
    let row = unhex(&row.concat());
    let before = |before: &HistoryOwner| {
        if *before == owner(4) {
            Height(300)
        } else {
            assert_eq!(*before, owner(9), "asked of those alone that have a step before");
            Height((1 << 21) - 1)
        }
    };
    let written = encode_histories(&entries, FIRST, before, number_of);
    assert_eq!(hex::encode(written), hex::encode(&row));
    let read = all(&row).unwrap();
    let owners: Vec<HistoryOwner> = read.iter().map(|(owner, _)| *owner).collect();
    assert_eq!(owners, [owner(4), owner(9), HistoryOwner::Asset(code)]);
    assert_eq!(read[0].1.steps[0].balance_changes(code_of).unwrap(), changes);
    let nine = OwnerRows {
        first: 2_000,
        before: Height((1 << 21) - 1),
        steps: vec![
            StoredStep {
                ordinal: FIRST + 300,
                changes: Vec::new(),
            },
            StoredStep {
                ordinal: FIRST + 301,
                changes: vec![StoredChange {
                    asset: 5,
                    free_before: Amount(1),
                    free_after: Amount(0),
                    held_before: Amount(0),
                    held_after: Amount(0),
                }],
            },
        ],
    };
    assert_eq!(HistoryRows::new(&row, FIRST).of(&owner(9)), Ok(Some(nine)));
}

/// What reading such bytes ends with.
fn refused(bytes: &str) -> RowError {
    let bytes = unhex(bytes);
    let mut owners = HistoryRows::new(&bytes, FIRST).iter();
    let error = owners.by_ref().find_map(Result::err).expect("the row is refused");
    assert_eq!(owners.next(), None, "after an error there is nothing more");
    error
}

#[test]
fn what_no_block_has_is_refused() {
    // An owner with one step without changes has 26 bytes.
    let of = |byte, numbers: &str| format!("{} {numbers} ", key(byte));
    let good = of(4, "01 00 01 00 00");
    assert_eq!(unhex(&good).len(), 26);
    let unknown = |what, found, at| RowError::Unknown { what, found, at };
    assert_eq!(refused("02"), unknown("owner", 2, 0));
    assert_eq!(refused("01 0000000000000000"), RowError::NotACode { at: 1 });
    let owners = |at| RowError::NotAscending { what: "owners", at };
    assert_eq!(refused(&format!("{good}{good}")), owners(26));
    assert_eq!(refused(&format!("{good}{}", of(3, "01 00 01 00 00"))), owners(26));
    // Number of the first step, height before, number of steps.
    assert_eq!(refused(&of(4, "00 00 01 00 00")), RowError::NoSteps { at: 21 });
    assert_eq!(refused(&of(4, "01 00 00")), RowError::NoSteps { at: 21 });
    assert_eq!(refused(&of(4, "01 05 01 00 00")), RowError::StepBefore { at: 22 });
    assert_eq!(refused(&of(4, "02 00 01 00 00")), RowError::StepBefore { at: 22 });
    assert_eq!(
        refused(&of(4, "01 00 02 00 00 00")),
        RowError::TooLarge { at: 23 }
    );
    assert_eq!(
        refused(&of(4, "ffffffffffffffffff01 01 01 00 00")),
        RowError::TooLarge { at: 32 }
    );
    // Ordinals.
    let ordinals = RowError::NotAscending {
        what: "ordinals of an owner's steps",
        at: 26,
    };
    assert_eq!(refused(&of(4, "01 00 02 01 00 01 00")), ordinals);
    assert_eq!(refused(&of(4, "01 00 02 01 00 00 00")), ordinals);
    // 2^64 - 1,000 behind 1,000.
    assert_eq!(
        refused(&of(4, "01 00 01 98f8ffffffffffffff01 00")),
        RowError::TooLarge { at: 24 }
    );
    // 257 changes.
    assert_eq!(refused(&of(4, "01 00 01 00 8102")), RowError::TooLarge { at: 25 });
    assert_eq!(
        refused(&of(4, "01 00 01 00 01")),
        RowError::Truncated { length: 26 }
    );
}

#[test]
fn a_change_has_no_other_form() {
    // Asset, flags, amounts: from byte 26 on.
    let of = |change: &str| format!("{} 01 00 01 00 01 {change}", key(4));
    let flags = RowError::Flags { at: 27 };
    for change in [
        "00 01 05 05",
        "00 02 05 00 00",
        "00 02 05 06 06",
        "00 03 05 05 06 07",
        "00 03 05 06 00 00",
        "00 00 05",
    ] {
        assert_eq!(refused(&of(change)), flags, "{change}");
    }
    let unknown = RowError::Unknown {
        what: "set of flags",
        found: 4,
        at: 27,
    };
    assert_eq!(refused(&of("00 04 05 06")), unknown);
    // Asset 2^32.
    assert_eq!(refused(&of("8080808010 01 05 06")), RowError::TooLarge { at: 26 });
    assert_eq!(refused(&of("00 01 05 8500")), RowError::NotShortest { at: 29 });
    let above = format!("00 01 05 {}04", "ff".repeat(18));
    assert_eq!(refused(&of(&above)), RowError::TooLarge { at: 29 });
    assert!(all(&unhex(&of("00 01 05 06"))).is_ok());
}

#[test]
fn an_owner_is_not_looked_for_behind_its_place() {
    let row = unhex(&format!("{} 01 00 01 00 00 {} ff", key(4), key(6)));
    let rows = HistoryRows::new(&row, FIRST);
    assert!(rows.of(&owner(4)).unwrap().is_some());
    assert_eq!(rows.of(&owner(5)), Ok(None));
    let truncated = RowError::Truncated { length: row.len() };
    assert_eq!(rows.of(&owner(6)), Err(truncated));
    assert_eq!(rows.of(&owner(7)), Err(truncated));
}

#[test]
fn a_row_that_is_cut_off_inside_an_owner_is_refused() {
    let entries = [
        entry(owner(1), 1, FIRST, &[change(3, [300, 5, 0, 1])]),
        entry(owner(2), 1, FIRST, &[change(3, [300, 5, 0, 1])]),
    ];
    let row = encode_histories(&entries, FIRST, |_| Height(1), number_of);
    for length in 1..row.len() {
        let read = all(&row[..length]);
        if length == row.len() / 2 {
            assert_eq!(read.unwrap().len(), 1);
        } else {
            assert!(read.is_err(), "{length}");
        }
    }
}

#[test]
fn steps_with_other_numbers_of_assets_are_not_made() {
    let step = StoredStep {
        ordinal: 3,
        changes: [2, 1]
            .map(|asset| StoredChange {
                asset,
                free_before: Amount(0),
                free_after: Amount(1),
                held_before: Amount(0),
                held_after: Amount(0),
            })
            .to_vec(),
    };
    assert_eq!(
        step.balance_changes(code_of),
        Err(RowError::ChangesOrder { ordinal: 3 })
    );
    let same = |_| Ok::<_, RowError>(page::code("EUR"));
    assert_eq!(
        step.balance_changes(same),
        Err(RowError::ChangesOrder { ordinal: 3 })
    );
    let unknown = RowError::UnknownAsset { number: 2 };
    assert_eq!(step.balance_changes(|_| Err(unknown)), Err(unknown));
}

#[test]
fn every_32nd_step_has_a_root_and_no_other() {
    let step = StoredStep {
        ordinal: 3,
        changes: Vec::new(),
    };
    for number in [1_u64, 31, 32, 33, 64] {
        for balances in [None, Some(digest(1))] {
            let rest = StepRest {
                number,
                timestamp: Timestamp(7),
                leaf: digest(2),
                balances,
            };
            let made = step.step(&rest, code_of);
            if number.is_multiple_of(32) == balances.is_some() {
                assert_eq!(made.unwrap().balances, balances);
            } else {
                assert_eq!(made, Err(RowError::BalancesRoot { number }));
            }
        }
    }
}

#[test]
#[should_panic(expected = "of its own leaves")]
fn steps_of_other_blocks_are_not_written() {
    encode_histories(
        &[entry(owner(1), 1, FIRST - 1, &[])],
        FIRST,
        |_| Height(1),
        number_of,
    );
}

#[test]
#[should_panic(expected = "are of blocks")]
fn a_later_step_without_one_before_is_not_written() {
    encode_histories(
        &[entry(owner(1), 2, FIRST, &[])],
        FIRST,
        |_| Height::GENESIS,
        number_of,
    );
}

/// The steps by owner, in the order of these.
fn by_owner(block: &HistoryBlock) -> BTreeMap<HistoryOwner, Vec<Step>> {
    let mut steps: BTreeMap<HistoryOwner, Vec<Step>> = BTreeMap::new();
    for entry in &block.entries {
        steps.entry(entry.owner).or_default().push(entry.step.clone());
    }
    steps
}

/// The steps that a row's owner makes, given what does not stand in it.
fn made(rows: &OwnerRows, steps: &[Step]) -> Vec<Step> {
    let pairs = (rows.first..).zip(&rows.steps).zip(steps);
    let made = pairs.map(|((number, stored), step)| {
        let rest = StepRest {
            number,
            timestamp: step.timestamp,
            leaf: step.leaf,
            balances: step.balances,
        };
        stored.step(&rest, code_of)
    });
    made.collect::<Result<_, RowError>>().unwrap()
}

fn check(block: &HistoryBlock) {
    let row = block.row();
    let rows = HistoryRows::new(&row, block.first_ordinal);
    let read: Vec<(HistoryOwner, OwnerRows)> = rows.iter().collect::<Result<_, _>>().unwrap();
    let expected = by_owner(block);
    assert!(read.iter().map(|(owner, _)| owner).eq(expected.keys()));
    for (owner, found) in &read {
        let steps = &expected[owner];
        assert_eq!(found.before, block.before[owner]);
        assert_eq!(found.steps.len(), steps.len());
        assert_eq!(made(found, steps), *steps);
        assert_eq!(rows.of(owner).unwrap().as_ref(), Some(found));
    }
    for byte in 0..=50 {
        if !expected.contains_key(&owner(byte)) {
            assert_eq!(rows.of(&owner(byte)), Ok(None));
        }
    }
}

proptest! {
    #[test]
    fn blocks_are_read_back(block in any_history_block()) {
        check(&block);
    }
}
