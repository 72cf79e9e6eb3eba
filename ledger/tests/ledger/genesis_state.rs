//! The state before height 1.

use quorate_ledger::{
    Account, Amount, GenesisAsset, GenesisBalance, GenesisStateError, Parameters, StateKey, decode,
    genesis_state,
};

use crate::world::{address, code, genesis, seats};

fn asset(text: &str, supply: u128) -> GenesisAsset {
    GenesisAsset {
        code: code(text),
        decimals: 2,
        description: String::new(),
        issuer: address(0),
        supply: Amount(supply),
    }
}

fn balance(number: u8, text: &str, amount: u128) -> GenesisBalance {
    GenesisBalance {
        address: address(number),
        asset: code(text),
        amount: Amount(amount),
    }
}

fn error(assets: &[GenesisAsset], balances: &[GenesisBalance]) -> GenesisStateError {
    genesis_state(assets, balances, &Parameters::default(), &seats()).unwrap_err()
}

#[test]
fn the_root_of_a_known_genesis_is_known() {
    let genesis = genesis();
    // The asset, its holder, the parameters, the agreement and a seat.
    assert_eq!(genesis.changes.len(), 5);
    assert_eq!(genesis.tree().root(), genesis.root);
    assert_eq!(
        genesis.root.to_string(),
        "96ee7f209663c4cb4f481600b88048f25afb4471e6bcba585464598af5d23a6d"
    );
}

#[test]
fn the_order_of_the_lists_does_not_matter() {
    let names = ["F", "B", "D", "A", "C", "E"];
    let assets: Vec<_> = names.map(|name| asset(name, 10)).to_vec();
    let balances: Vec<_> = names.map(|name| balance(1, name, 10)).to_vec();
    let state = genesis_state(&assets, &balances, &Parameters::default(), &seats()).unwrap();
    let reversed = |list: &[GenesisBalance]| list.iter().rev().copied().collect::<Vec<_>>();
    let assets: Vec<_> = assets.into_iter().rev().collect();
    let other = genesis_state(&assets, &reversed(&balances), &Parameters::default(), &seats()).unwrap();
    assert_eq!(state, other);
    let bytes = state.changes[&StateKey::account(&address(1))].as_deref().unwrap();
    let account: Account = decode(bytes, 4_096).unwrap();
    let inline: Vec<_> = account
        .v1()
        .balances
        .iter()
        .map(|balance| balance.asset)
        .collect();
    assert_eq!(inline, ["A", "B", "C", "D"].map(code));
    assert_eq!(account.v1().other_balances, 2);
}

#[test]
fn lists_that_make_no_sense_are_refused() {
    use GenesisStateError as Error;
    let supply = Amount(10);
    let (a, b) = (code("A"), code("B"));
    let who = address(1);
    let duplicate = error(&[asset("A", 0), asset("A", 0)], &[]);
    assert_eq!(duplicate, Error::DuplicateAsset { code: a });
    let missing = error(&[asset("A", 10)], &[balance(1, "A", 9)]);
    assert_eq!(missing, Error::SupplyMismatch { code: a, supply });
    let surplus = error(&[asset("A", 10)], &[balance(1, "A", 9), balance(2, "A", 2)]);
    assert_eq!(surplus, Error::SupplyMismatch { code: a, supply });
    let overflow = error(
        &[asset("A", u128::MAX)],
        &[balance(1, "A", u128::MAX), balance(2, "A", 1)],
    );
    assert!(matches!(overflow, Error::SupplyMismatch { .. }));
    let unknown = error(&[asset("A", 0)], &[balance(1, "B", 9)]);
    assert_eq!(
        unknown,
        Error::UnknownAsset {
            address: who,
            asset: b
        }
    );
    let zero = error(&[asset("A", 0)], &[balance(1, "A", 0)]);
    assert_eq!(
        zero,
        Error::ZeroBalance {
            address: who,
            asset: a
        }
    );
    let twice = error(&[asset("A", 10)], &[balance(1, "A", 5), balance(1, "A", 5)]);
    assert_eq!(
        twice,
        Error::DuplicateBalance {
            address: who,
            asset: a
        }
    );
    let decimals = 19;
    let fine = GenesisAsset {
        decimals,
        ..asset("A", 0)
    };
    assert_eq!(error(&[fine], &[]), Error::TooManyDecimals { code: a, decimals });
    let wordy = GenesisAsset {
        description: "x".repeat(129),
        ..asset("A", 0)
    };
    assert_eq!(
        error(&[wordy], &[]),
        Error::DescriptionTooLong { code: a, length: 129 }
    );
    let names: Vec<String> = (0..1_025).map(|number| format!("N{number}")).collect();
    let assets: Vec<_> = names.iter().map(|name| asset(name, 1)).collect();
    let balances: Vec<_> = names.iter().map(|name| balance(1, name, 1)).collect();
    assert_eq!(error(&assets, &balances), Error::TooManyBalances { address: who });
}
