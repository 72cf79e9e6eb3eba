//! What holds of the state whatever is executed: supplies are conserved, counters count, keys and values
//! agree, and a transaction takes effect wholly or not at all.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use quorate_crypto::Address;
use quorate_ledger::{
    Account, AccountV1, Asset, AssetCode, Balance, ConditionLeaf, Counters, Hold, HoldRef, HoldV1, Keep,
    Operation, Outcome, Refusal, StateKey, Transaction, decode, would_execute,
};

use crate::world::{
    ASSETS, World, address, any_of, burn, code, create, hold, hold_if, mint, put_record, refund, release,
    set_signers, sign, transfer,
};

/// Accounts that act.
const ACCOUNTS: u8 = 4;

/// Assets that operations name: some in accounts' leaves, some not, some made on the way or never.
const NAMES: [&str; 9] = [
    "EUR",
    "OIL",
    "GOLD",
    "USD",
    "BOND",
    "ALU",
    "NEW",
    "NEWER",
    "NEVERMADE",
];

/// An operation, as it can be drawn before there is any hold to refer to.
#[derive(Clone, Debug)]
enum Drawn {
    Plain(Operation),
    Hold {
        to: u8,
        asset: &'static str,
        amount: u128,
        lasts: u64,
        open: bool,
    },
    Release(prop::sample::Index, Option<u128>),
    Refund(prop::sample::Index),
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let asset = || prop::sample::select(&NAMES[..]);
    let account = || 0..ACCOUNTS;
    let amount = || prop_oneof![8 => 1..20_u128, 1 => Just(10_u128.pow(38) - 1), 1 => Just(1_000_000)];
    let index = any::<prop::sample::Index>;
    let keep = prop::sample::select(vec![Keep::Log, Keep::Own, Keep::Unique]);
    let plain = prop_oneof![
        1 => prop::sample::select(&NAMES[4..8]).prop_map(create),
        3 => (asset(), account(), amount()).prop_map(|(asset, to, amount)| mint(to, asset, amount)),
        2 => (asset(), amount()).prop_map(|(asset, amount)| burn(asset, amount)),
        6 => (asset(), account(), amount()).prop_map(|(asset, to, amount)| transfer(to, asset, amount)),
        1 => (0..4_u8, keep).prop_map(|(byte, keep)| put_record(byte, keep)),
        1 => (account(), 0..3_u32)
            .prop_map(|(who, threshold)| set_signers(&[(who, 1), (who + 40, 1)], threshold)),
    ];
    prop_oneof![
        8 => plain.prop_map(Drawn::Plain),
        4 => (account(), asset(), amount(), 1_500..6_000_u64, any::<bool>())
            .prop_map(|(to, asset, amount, lasts, open)| Drawn::Hold { to, asset, amount, lasts, open }),
        3 => (index(), prop::option::of(1..20_u128)).prop_map(|(which, part)| Drawn::Release(which, part)),
        2 => index().prop_map(Drawn::Refund),
    ]
}

/// Parties, signers and operations, each with the party that acts.
type Request = (Vec<u8>, Vec<u8>, Vec<(prop::sample::Index, Drawn)>);

fn request() -> impl Strategy<Value = Request> {
    let all: Vec<u8> = (0..ACCOUNTS).collect();
    let parties = prop::sample::subsequence(all, 1..=3);
    let extra = vec(prop_oneof![0..ACCOUNTS, 40..40 + ACCOUNTS], 0..2);
    let operations = vec((any::<prop::sample::Index>(), drawn()), 1..6);
    (parties, extra, operations).prop_map(|(parties, extra, operations)| {
        // Mostly those that are needed.
        let mut signers = parties.clone();
        if extra.len() == 1 {
            signers.extend(extra);
        }
        signers.sort_unstable();
        signers.dedup();
        (parties, signers, operations)
    })
}

/// The transaction that a request means, with the holds made so far.
fn transaction_of(world: &mut World, holds: &[HoldRef], request: Request) -> Transaction {
    let (parties, signers, operations) = request;
    let mut acts = Vec::new();
    for (who, drawn) in operations {
        let acting = *who.get(&parties);
        let reference = |which: prop::sample::Index| holds.get(which.index(holds.len().max(1))).copied();
        let operation = match drawn {
            Drawn::Plain(operation) => operation,
            Drawn::Hold {
                to,
                asset,
                amount,
                lasts,
                open,
            } => {
                let to = if to == acting { ACCOUNTS } else { to };
                let until = world.after(lasts);
                if open {
                    let condition = any_of(vec![ConditionLeaf::From(world.now())]);
                    hold_if(to, asset, amount, until, condition)
                } else {
                    hold(to, asset, amount, until)
                }
            }
            Drawn::Release(which, part) => match reference(which) {
                Some(reference) => release(&reference, part, &[]),
                None => continue,
            },
            Drawn::Refund(which) => match reference(which) {
                Some(reference) => refund(&reference),
                None => continue,
            },
        };
        acts.push((acting, operation));
    }
    if acts.is_empty() {
        acts.push((parties[0], put_record(9, Keep::Log)));
    }
    let intent = world.intent(&parties, acts);
    sign(intent, &signers)
}

/// The holds that an executed transaction made.
fn holds_of(transaction: &Transaction) -> Vec<HoldRef> {
    let intent = transaction.intent();
    let mut holds = Vec::new();
    for (operation, act) in (0_u8..).zip(&intent.operations) {
        if matches!(act.operation, Operation::Hold { .. }) {
            holds.push(HoldRef {
                owner: intent.parties[usize::from(act.party)],
                transaction: transaction.id(),
                operation,
            });
        }
    }
    holds
}

/// Every value of the state by what it is, checked for what must hold of each.
#[derive(Default)]
struct Books {
    supplies: BTreeMap<AssetCode, u128>,
    /// Free, held and incoming, by asset and account.
    funds: BTreeMap<(AssetCode, Address), (u128, u128, u32)>,
    accounts: BTreeMap<Address, AccountV1>,
    holds: Vec<HoldV1>,
    others: BTreeMap<Address, u16>,
    assets: u32,
}

impl Books {
    fn of(values: &BTreeMap<StateKey, Vec<u8>>) -> Self {
        let mut books = Self::default();
        for (key, value) in values {
            match key.0[0] {
                1 if key.0[21..].iter().all(|byte| *byte == 0) => {
                    let Account::V1(account) = decode(value, 32_768).unwrap();
                    assert_eq!(*key, StateKey::account(&account.address));
                    assert!(account.balances.is_sorted_by(|a, b| a.asset < b.asset));
                    for balance in &account.balances {
                        let funds = (balance.free.0, balance.held.0, balance.incoming);
                        books.note(balance.asset, account.address, funds);
                    }
                    books.accounts.insert(account.address, account);
                }
                1 => {
                    let Balance::V1(balance) = decode(value, 32_768).unwrap();
                    assert_eq!(*key, StateKey::balance(&balance.address, &balance.asset));
                    let funds = (balance.free.0, balance.held.0, balance.incoming);
                    books.note(balance.asset, balance.address, funds);
                    *books.others.entry(balance.address).or_default() += 1;
                }
                2 => {
                    let Hold::V1(hold) = decode(value, 32_768).unwrap();
                    assert_eq!(
                        *key,
                        StateKey::hold(&hold.owner, &hold.transaction, hold.operation)
                    );
                    assert_ne!(hold.amount.0, 0);
                    books.holds.push(hold);
                }
                3 => {
                    let Asset::V1(asset) = decode(value, 32_768).unwrap();
                    assert_eq!(*key, StateKey::asset(&asset.code));
                    books.supplies.insert(asset.code, asset.supply.0);
                }
                0x10 if *key == StateKey::counters() => {
                    let Counters::V1(counters) = decode(value, 32_768).unwrap();
                    books.assets = counters.assets;
                }
                _ => {}
            }
        }
        books
    }

    fn note(&mut self, asset: AssetCode, address: Address, funds: (u128, u128, u32)) {
        assert_ne!(funds, (0, 0, 0), "a record of nothing");
        let before = self.funds.insert((asset, address), funds);
        assert_eq!(before, None, "a balance lies in one place");
    }

    fn check(&self) {
        for (code, supply) in &self.supplies {
            let own = self.funds.iter().filter(|((asset, _), _)| asset == code);
            let sum: u128 = own.map(|(_, (free, held, _))| free + held).sum();
            assert_eq!(sum, *supply, "the supply of {code}");
        }
        assert!(
            self.funds
                .keys()
                .all(|(asset, _)| self.supplies.contains_key(asset))
        );
        assert_eq!(usize::try_from(self.assets).unwrap(), self.supplies.len());
        for (address, account) in &self.accounts {
            let own = self.holds.iter().filter(|hold| hold.owner == *address);
            assert_eq!(usize::from(account.holds), own.count());
            assert_eq!(account.others, self.others.get(address).copied().unwrap_or(0));
            let waypoints = (account.entries / 32).count_ones();
            assert_eq!(account.waypoints.len(), usize::try_from(waypoints).unwrap());
        }
        for ((asset, address), (_, held, incoming)) in &self.funds {
            let of_asset = || self.holds.iter().filter(|hold| hold.asset == *asset);
            let own = of_asset().filter(|hold| hold.owner == *address);
            assert_eq!(own.map(|hold| hold.amount.0).sum::<u128>(), *held);
            let claims = of_asset().filter(|hold| hold.beneficiary == *address);
            assert_eq!(claims.count(), usize::try_from(*incoming).unwrap());
        }
        for hold in &self.holds {
            assert!(self.funds.contains_key(&(hold.asset, hold.owner)));
            assert!(self.funds.contains_key(&(hold.asset, hold.beneficiary)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn supplies_are_conserved_and_counters_count(blocks in vec(vec(request(), 1..10), 1..6)) {
        let mut world = World::new();
        let mut holds: Vec<HoldRef> = Vec::new();
        let mut holders: BTreeMap<(AssetCode, Address), bool> = BTreeMap::new();
        for asset in ["EUR", "GOLD", "BOND"] {
            holders.insert((code(asset), address(0)), true);
        }
        for requests in blocks {
            let transactions: Vec<Transaction> = requests
                .into_iter()
                .map(|request| transaction_of(&mut world, &holds, request))
                .collect();
            for transaction in &transactions {
                holds.extend(holds_of(transaction));
            }
            let execution = world.commit(transactions);
            for (asset, holder, has) in &execution.holders {
                let before = holders.insert((*asset, *holder), *has);
                prop_assert_eq!(before.unwrap_or(false), !has, "only what changed is told");
            }
            let books = Books::of(&world.values());
            books.check();
            let mut expected: Vec<_> = holders.iter().filter(|(_, has)| **has).map(|(key, _)| *key).collect();
            let mut found: Vec<_> = books
                .funds
                .iter()
                .filter(|(_, (free, held, _))| *free > 0 || *held > 0)
                .map(|(key, _)| *key)
                .collect();
            expected.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_transaction_takes_effect_wholly_or_not_at_all(
        history in vec(request(), 0..10),
        last in request(),
    ) {
        let mut world = World::new();
        let mut holds: Vec<HoldRef> = Vec::new();
        for request in history {
            let transaction = transaction_of(&mut world, &holds, request);
            holds.extend(holds_of(&transaction));
            world.commit(vec![transaction]);
        }
        let parties = last.0.clone();
        let transaction = transaction_of(&mut world, &holds, last);
        let before = world.values();
        // Tried at the time of the block that will come.
        let mut rules = world.trial_rules();
        rules.clock = world.after(1_000);
        let id = transaction.id();
        let tried = would_execute(&transaction, &id, &rules, &world.state).unwrap();
        let execution = world.commit(vec![transaction]);
        match execution.transactions.first().map(|item| item.outcome.clone()) {
            None => {
                prop_assert!(execution.changes.is_empty());
                let refused = matches!(
                    tried,
                    Err(Refusal::Unauthorised { .. } | Refusal::NeedlessSignature { .. })
                );
                prop_assert!(refused, "{:?}", tried);
            }
            Some(Outcome::Success { .. }) => prop_assert_eq!(tried, Ok(())),
            Some(Outcome::Failed { code, operation }) => {
                prop_assert_eq!(tried, Err(Refusal::Failed { code, operation }));
                world.only_histories_grew(&before, &parties);
                prop_assert!(execution.holders.is_empty() && execution.records.is_empty());
                prop_assert!(execution.assets.is_empty() && execution.erased.is_empty());
            }
        }
    }
}

#[test]
fn names_that_are_drawn_are_those_of_genesis_and_others() {
    assert_eq!(NAMES[..6], ASSETS);
}
