//! The codes of assets, balances and signers, each with the smallest case, and that a failure leaves
//! nothing behind. Codes 11 to 13 are in `rejoining`, 14 in `not_yet`, 15 and 16 in `records`, 18 and 22 to
//! 31 in `holds`, 28 and 29 in `erasing`, 17 in each of the last three.

use quorate_crypto::{Digest, Key};
use quorate_ledger::{Keep, Operation, Signer, Signers, StateKey};

use crate::erasing::{erase, with_memo};
use crate::rejoining::rejoin;
use crate::world::{
    ASSETS, MILLION, World, address, burn, code, create, failed, hold, key, mint, put_record, refund,
    release, set_signers, success, transfer,
};

const BOUND: u128 = 10_u128.pow(38);

#[test]
fn code_1_no_such_asset() {
    let mut world = World::new();
    let operations = [
        mint(1, "NONE", 1),
        burn("NONE", 1),
        transfer(1, "NONE", 1),
        hold(1, "NONE", 1, world.after(60_000)),
    ];
    for operation in operations {
        assert_eq!(world.run(0, vec![operation]), failed(1, 0));
    }
}

#[test]
fn code_2_the_asset_exists() {
    let mut world = World::new();
    assert_eq!(world.run(1, vec![create("EUR")]), failed(2, 0));
    assert_eq!(world.run(1, vec![create("NEW"), create("NEW")]), failed(2, 1));
    assert_eq!(world.run(1, vec![create("NEW")]), success());
    assert_eq!(world.run(0, vec![create("NEW")]), failed(2, 0));
}

#[test]
fn code_3_too_little_is_free() {
    let mut world = World::new();
    let operations = [
        transfer(1, "EUR", MILLION + 1),
        transfer(0, "EUR", MILLION + 1),
        burn("EUR", MILLION + 1),
        hold(1, "EUR", MILLION + 1, world.after(60_000)),
    ];
    for operation in operations {
        assert_eq!(world.run(0, vec![operation]), failed(3, 0));
    }
    // What is held is not free.
    let until = world.after(60_000);
    let operations = vec![hold(1, "EUR", 600_000, until), transfer(1, "EUR", 400_001)];
    assert_eq!(world.run(0, operations), failed(3, 1));
    let operations = vec![hold(1, "EUR", 600_000, until), transfer(1, "EUR", 400_000)];
    assert_eq!(world.run(0, operations), success());
    assert_eq!(world.funds(0, "EUR"), (0, 600_000, 0));
    // Who has nothing has too little, whether it has an account or not.
    assert_eq!(world.run(9, vec![transfer(0, "EUR", 1)]), failed(3, 0));
    assert_eq!(world.run(9, vec![transfer(9, "BOND", 1)]), failed(3, 0));
}

#[test]
fn code_4_not_the_issuer() {
    let mut world = World::new();
    assert_eq!(world.run(1, vec![mint(1, "EUR", 1)]), failed(4, 0));
    assert_eq!(world.run(1, vec![create("NEW"), mint(0, "NEW", 7)]), success());
    let asset = world.asset("NEW").unwrap();
    assert_eq!((asset.supply.0, asset.number, asset.flags), (7, 6, 0));
    assert_eq!(world.run(0, vec![mint(1, "NEW", 1)]), failed(4, 0));
}

#[test]
fn code_5_a_supply_stays_below_ten_to_the_38th() {
    let mut world = World::new();
    assert_eq!(world.run(0, vec![mint(1, "EUR", BOUND - MILLION)]), failed(5, 0));
    assert_eq!(world.run(0, vec![mint(1, "EUR", BOUND - 1)]), failed(5, 0));
    assert_eq!(world.run(0, vec![mint(1, "EUR", BOUND - MILLION - 1)]), success());
    assert_eq!(world.run(0, vec![mint(1, "EUR", 1)]), failed(5, 0));
    assert_eq!(world.run(0, vec![burn("EUR", 1), mint(2, "EUR", 1)]), success());
    // All of it fits into one balance.
    assert_eq!(world.run(0, vec![transfer(1, "EUR", MILLION - 1)]), success());
    assert_eq!(world.run(2, vec![transfer(1, "EUR", 1)]), success());
    assert_eq!(world.free(1, "EUR"), BOUND - 1);
}

#[test]
fn code_7_at_most_18_decimals() {
    let mut world = World::new();
    let with = |decimals: u8| Operation::CreateAsset {
        code: code(&format!("D{decimals}")),
        decimals,
        flags: 0,
    };
    assert_eq!(world.run(0, vec![with(18)]), success());
    assert_eq!(world.run(0, vec![with(19)]), failed(7, 0));
}

#[test]
fn code_8_a_threshold_that_nobody_reaches() {
    let mut world = World::new();
    assert_eq!(world.run(0, vec![set_signers(&[(1, 5)], 0)]), failed(8, 0));
    assert_eq!(world.run(0, vec![set_signers(&[(1, 5)], 6)]), failed(8, 0));
    assert_eq!(
        world.run(0, vec![set_signers(&[(1, 5), (2, 1)], 7)]),
        failed(8, 0)
    );
    assert_eq!(world.run(0, vec![set_signers(&[(1, 5), (2, 1)], 6)]), success());
}

#[test]
fn code_9_a_key_that_is_no_point() {
    let mut world = World::new();
    let with = |keys: Vec<Key>| Operation::SetSigners {
        signers: Signers {
            threshold: 1,
            signers: keys.into_iter().map(|key| Signer { key, weight: 1 }).collect(),
        },
    };
    // Both of good form; no point has such a coordinate.
    let ed25519 = Key::Ed25519([2; 32]);
    let mut x = [0; 33];
    (x[0], x[32]) = (2, 1);
    let p256 = Key::P256(x);
    assert_eq!(world.run(0, vec![with(vec![ed25519])]), failed(9, 0));
    assert_eq!(world.run(0, vec![with(vec![p256])]), failed(9, 0));
    let good = key(1).key();
    assert_eq!(world.run(0, vec![with(vec![ed25519, good])]), failed(9, 0));
    assert_eq!(world.run(0, vec![with(vec![good])]), success());
}

#[test]
fn code_10_at_most_256_assets() {
    let mut world = World::new();
    let names: Vec<String> = (0..251).map(|number| format!("A{number}")).collect();
    let creations = names.iter().map(|name| create(name)).collect();
    assert_eq!(world.run(0, creations), success());
    let genesis = ASSETS.map(str::to_owned);
    let all: Vec<String> = genesis.into_iter().chain(names).collect();
    assert_eq!(all.len(), 257);
    let minted = all[..256].iter().map(|name| mint(7, name, 1)).collect();
    assert_eq!(world.run(0, minted), success());
    let account = world.account(7).unwrap();
    assert_eq!((account.balances.len(), account.others), (4, 252));

    let last = all[256].as_str();
    assert_eq!(world.run(0, vec![mint(0, last, 10)]), success());
    assert_eq!(world.run(0, vec![mint(7, last, 1)]), failed(10, 0));
    assert_eq!(world.run(0, vec![transfer(7, last, 1)]), failed(10, 0));
    let until = world.after(60_000);
    assert_eq!(world.run(0, vec![hold(7, last, 1, until)]), failed(10, 0));
    // One that it has already fits in; and so does the last in the place of another.
    assert_eq!(world.run(0, vec![mint(7, "A9", 1)]), success());
    assert_eq!(world.run(7, vec![burn("A7", 1)]), success());
    assert_eq!(world.run(0, vec![hold(7, last, 1, until)]), success());
    assert_eq!(world.funds(7, last), (0, 0, 1));
    // The hold keeps the place.
    assert_eq!(world.run(0, vec![mint(7, "A7", 1)]), failed(10, 0));
    assert_eq!(world.account(7).unwrap().others, 252);
}

#[test]
fn conditions_are_looked_at_in_the_pages_order() {
    let mut world = World::new();
    // Not the issuer, before too much; no such asset, before either.
    assert_eq!(world.run(1, vec![mint(1, "EUR", BOUND - 1)]), failed(4, 0));
    assert_eq!(world.run(1, vec![mint(1, "NONE", BOUND - 1)]), failed(1, 0));
    // Too many decimals, before an asset that exists.
    let taken = Operation::CreateAsset {
        code: code("EUR"),
        decimals: 19,
        flags: 0,
    };
    assert_eq!(world.run(1, vec![taken]), failed(7, 0));
    // A threshold out of reach, before a key that is none.
    let bad = Operation::SetSigners {
        signers: Signers {
            threshold: 2,
            signers: vec![Signer {
                key: Key::Ed25519([2; 32]),
                weight: 1,
            }],
        },
    };
    assert_eq!(world.run(1, vec![bad]), failed(8, 0));
}

#[test]
fn later_operations_see_earlier_ones() {
    let mut world = World::new();
    let operations = vec![create("NEW"), mint(0, "NEW", 10), transfer(1, "NEW", 10)];
    assert_eq!(world.run(0, operations), success());
    assert_eq!((world.free(0, "NEW"), world.free(1, "NEW")), (0, 10));
    // A record that became empty is gone.
    let number = world.account(0).unwrap().others;
    assert_eq!(number, 1, "of the bond alone");
}

/// Whatever an operation can change, changed and taken back.
#[test]
fn a_failing_operation_undoes_all_before_it() {
    let mut world = World::new();
    let until = world.after(600_000);
    let open = world.make_hold(0, hold(1, "GOLD", 50, until));
    let memo = with_memo(&mut world, 0);
    let before = world.values();
    let operations = vec![
        (0, create("NEW")),
        (0, mint(1, "NEW", 10)),
        (0, mint(1, "EUR", 10)),
        (0, mint(1, "BOND", 10)),
        (0, burn("EUR", 1)),
        (0, transfer(2, "EUR", MILLION - 1)),
        (0, transfer(2, "BOND", MILLION)),
        (0, put_record(1, Keep::Log)),
        (0, put_record(1, Keep::Own)),
        (0, put_record(1, Keep::Unique)),
        (0, set_signers(&[(5, 1)], 1)),
        (0, hold(3, "GOLD", 5, until)),
        (1, release(&open, Some(20), &[])),
        (1, refund(&open)),
        (0, erase(&memo)),
        (100, rejoin(0, 7)),
        (0, transfer(3, "EUR", 1)),
    ];
    let outcome = world.run_jointly(&[0, 1, 100], operations);
    assert_eq!(outcome, failed(3, 16));
    world.only_histories_grew(&before, &[0, 1, 100]);

    // A later transaction, of the same block even, finds nothing of it.
    let until = world.after(600_000);
    let failing = world.signed(0, vec![create("NEW"), hold(1, "EUR", 5, until), burn("NONE", 1)]);
    let again = world.signed(1, vec![create("NEW"), mint(1, "NEW", 1)]);
    let execution = world.commit(vec![failing, again]);
    assert_eq!(execution.assets, [(6, code("NEW"))]);
    assert_eq!(execution.erased, []);
    assert_eq!(execution.records, []);
    let asset = world.asset("NEW").unwrap();
    assert_eq!((asset.issuer, asset.entries), (address(1), 1));
    assert_eq!(world.account(0).unwrap().holds, 1);
}

#[test]
fn balances_lie_where_the_assets_number_says_and_never_move() {
    let mut world = World::new();
    for (number, name) in ASSETS.iter().enumerate() {
        assert_eq!(world.run(0, vec![mint(1, name, 10)]), success());
        let account = world.account(1).unwrap();
        let own = world.has(&StateKey::balance(&address(1), &code(name)));
        assert_eq!(own, number >= 4, "{name}");
        assert_eq!(account.balances.len(), (number + 1).min(4));
        assert_eq!(usize::from(account.others), (number + 1).saturating_sub(4));
    }
    let account = world.account(1).unwrap();
    let inline: Vec<_> = account.balances.iter().map(|balance| balance.asset).collect();
    assert_eq!(
        inline,
        ["EUR", "GOLD", "OIL", "USD"].map(code),
        "ascending by code"
    );
    // Room in the leaf draws nothing into it.
    assert_eq!(world.run(1, vec![burn("GOLD", 10), burn("OIL", 10)]), success());
    let account = world.account(1).unwrap();
    assert_eq!((account.balances.len(), account.others), (2, 2));
    assert_eq!(world.run(1, vec![transfer(1, "BOND", 10)]), success());
    assert_eq!(world.account(1).unwrap().others, 2);
    // The last unit takes the record along.
    assert_eq!(world.run(1, vec![transfer(2, "BOND", 10)]), success());
    assert_eq!(world.account(1).unwrap().others, 1);
    assert_eq!(world.funds(1, "BOND"), (0, 0, 0));
}

#[test]
fn digests_of_nothing_are_not_special() {
    let mut world = World::new();
    let record = Operation::PutRecord {
        sha256: Digest::ZERO,
        keep: Keep::Unique,
    };
    assert_eq!(world.run(0, vec![record]), success());
}
