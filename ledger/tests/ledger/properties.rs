//! What holds of the ledger whatever is executed.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use quorate_ledger::{
    Account, Amount, Asset, AssetCode, Balance, Digest, Height, Intent, MemoryState, Operation, Outcome,
    Signer, StateKey, StateTree, Transaction, decode, value_hash, would_execute,
};

use crate::world::{World, address, burn, code, create, key, mint, transfer_of};

/// Accounts that act.
const ACCOUNTS: u8 = 4;

/// Assets that operations name: more than fit into an account's leaf.
const ASSETS: [&str; 7] = ["QRT", "A", "B", "C", "D", "E", "NEVERMADE"];

fn operation() -> impl Strategy<Value = Operation> {
    let asset = || prop::sample::select(&ASSETS[..]);
    let account = || 0..ACCOUNTS;
    let amount = || prop_oneof![8 => 1..20_u128, 1 => Just(u128::MAX), 1 => Just(1_000_000)];
    prop_oneof![
        2 => prop::sample::select(&ASSETS[..6]).prop_map(create),
        3 => (asset(), account(), amount()).prop_map(|(asset, to, amount)| mint(asset, to, amount)),
        2 => (asset(), amount()).prop_map(|(asset, amount)| burn(asset, amount)),
        8 => (asset(), account(), amount()).prop_map(|(asset, to, amount)| transfer_of(code(asset), to, amount)),
        1 => (0..ACCOUNTS, 0..3_u32).prop_map(|(signer, threshold)| Operation::SetSigners {
            signers: vec![Signer { key: key(signer).public(), weight: 1 }],
            threshold,
        }),
        1 => any::<u8>().prop_map(|byte| Operation::PutRecord {
            sha256: Digest([byte; 32]),
            label: String::new(),
            metadata: Vec::new(),
        }),
    ]
}

/// Sender, signer, salt and operations of a transaction.
fn request() -> impl Strategy<Value = (u8, u8, u8, Vec<Operation>)> {
    let signer = prop_oneof![5 => Just(None), 1 => (0..ACCOUNTS).prop_map(Some)];
    (0..ACCOUNTS, signer, any::<u8>(), vec(operation(), 1..6))
        .prop_map(|(sender, signer, salt, operations)| (sender, signer.unwrap_or(sender), salt, operations))
}

/// Every value of the state by what it is, checked for what must hold of each.
#[derive(Debug, Default, PartialEq, Eq)]
struct Books {
    supplies: BTreeMap<AssetCode, u128>,
    held: BTreeMap<AssetCode, u128>,
}

fn books(state: &MemoryState) -> Books {
    let mut books = Books::default();
    let mut others = BTreeMap::new();
    let mut counted = BTreeMap::new();
    for (key, value) in state.values() {
        match &key.0[20..] {
            // Parameters, the epoch under way, seats.
            [0xFC..=0xFE, ..] => {}
            [0xFF, ..] => {
                let Asset::V1(asset) = decode(value, 4_096).unwrap();
                assert_eq!(*key, StateKey::asset(&asset.code));
                books.supplies.insert(asset.code, asset.supply.0);
            }
            [0, ..] => {
                let Account::V1(account) = decode(value, 4_096).unwrap();
                assert!(account.balances.len() <= 4);
                assert!(account.balances.is_sorted_by(|a, b| a.asset < b.asset));
                assert!(account.transactions > 0 || *key == StateKey::account(&address(0)));
                for balance in &account.balances {
                    assert_ne!(balance.amount, Amount(0));
                    *books.held.entry(balance.asset).or_default() += balance.amount.0;
                }
                others.insert(key.0[..20].to_vec(), account.other_balances);
            }
            suffix => {
                let balance: Balance = decode(value, 64).unwrap();
                assert_ne!(balance.amount(), Amount(0));
                let text = std::str::from_utf8(suffix).unwrap().trim_end_matches('\0');
                *books.held.entry(code(text)).or_default() += balance.amount().0;
                *counted.entry(key.0[..20].to_vec()).or_insert(0_u16) += 1;
            }
        }
    }
    others.retain(|_, count| *count > 0);
    assert_eq!(
        others, counted,
        "other_balances counts the balances under keys of their own"
    );
    books
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn supplies_are_conserved_and_the_tree_is_that_of_the_values(
        blocks in vec(vec(request(), 1..12), 1..5),
    ) {
        let mut world = World::new();
        let mut holders: BTreeMap<(AssetCode, _), bool> = BTreeMap::new();
        for requests in blocks {
            let transactions: Vec<Transaction> = requests
                .into_iter()
                .map(|(sender, signer, salt, operations)| {
                    Intent::V1(world.intent(sender, salt, operations)).sign([&key(signer)])
                })
                .collect();
            let execution = world.commit(transactions);
            for (asset, holder, holds) in &execution.holders {
                holders.insert((*asset, *holder), *holds);
            }
            let books = books(&world.state);
            for (code, supply) in &books.supplies {
                prop_assert_eq!(books.held.get(code).copied().unwrap_or(0), *supply);
            }
            prop_assert!(books.held.keys().all(|code| books.supplies.contains_key(code)));
            let rebuilt = StateTree::load(
                Height(0),
                world.state.values().map(|(key, value)| (*key, value_hash(value))),
            );
            prop_assert_eq!(rebuilt.root(), world.tip.state_root);
            for ((asset, holder), holds) in &holders {
                let number = (0..ACCOUNTS).find(|number| address(*number) == *holder).unwrap();
                prop_assert_eq!(world.balance_of(*asset, number) > 0, *holds);
            }
        }
    }

    #[test]
    fn a_transaction_takes_effect_wholly_or_not_at_all(
        history in vec(request(), 0..10),
        last in request(),
    ) {
        let mut world = World::new();
        let sign = |world: &World, (sender, signer, salt, operations): (u8, u8, u8, Vec<Operation>)| {
            Intent::V1(world.intent(sender, salt, operations)).sign([&key(signer)])
        };
        if !history.is_empty() {
            let transactions = history.into_iter().map(|request| sign(&world, request)).collect();
            world.commit(transactions);
        }
        let transaction = sign(&world, last);
        let sender = transaction.intent().sender;
        let before = world.state.clone();
        let tried = would_execute(&transaction, &transaction.id(), &world.trial_rules(), &world.state).unwrap();
        let execution = world.commit(vec![transaction]);
        match execution.transactions.first().map(|item| item.outcome) {
            None => prop_assert!(execution.changes.is_empty()),
            Some(Outcome::Success) => prop_assert_eq!(tried, Ok(())),
            Some(Outcome::Failed { code, operation }) => {
                prop_assert_eq!(tried, Err(quorate_ledger::Refusal::Failed { code, operation }));
                // Only the sender's count and running hash moved.
                let own = StateKey::account(&sender);
                prop_assert_eq!(execution.changes.keys().collect::<Vec<_>>(), [&own]);
                let account = |state: &MemoryState| {
                    use quorate_ledger::StateReader;
                    let bytes = state.value(&own).unwrap();
                    bytes.map(|bytes| {
                        let Account::V1(account) = decode(&bytes, 4_096).unwrap();
                        (account.signers, account.balances, account.other_balances)
                    })
                };
                let after = account(&world.state);
                let default = Some((None, Vec::new(), 0));
                prop_assert_eq!(after, account(&before).or(default));
                prop_assert!(execution.holders.is_empty() && execution.records.is_empty());
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_or_are_what_they_encode(bytes in vec(any::<u8>(), 0..300)) {
        let parameters = quorate_ledger::ParametersV1::default();
        if let Ok(transaction) = Transaction::decode(&bytes, &parameters) {
            prop_assert_eq!(quorate_ledger::encode(&transaction), bytes.clone());
        }
        if let Ok(batch) = quorate_ledger::SignedBatch::decode(&bytes, &parameters) {
            prop_assert_eq!(quorate_ledger::encode(&batch), bytes);
        }
    }

    #[test]
    fn mutated_transactions_are_refused_or_canonical(
        operations in vec(operation(), 1..6),
        at in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let world = World::new();
        let mut bytes = quorate_ledger::encode(&world.signed(0, 0, operations));
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(transaction) = Transaction::decode(&bytes, world.parameters.v1()) {
            prop_assert_eq!(quorate_ledger::encode(&transaction), bytes);
            let accepted = transaction.check_form(&crate::world::NETWORK, world.parameters.v1()).is_ok()
                && transaction.verify_signatures().is_ok();
            prop_assert!(!accepted, "a changed byte cannot pass for signed");
        }
    }
}
