//! A network of protocol 2: members 0 to 3 with the accounts 100 to 103, account 0 another one of member 0, account 50
//! another one of member 1. Account 0 may create assets, and has issued, beside the usual six, `ADM` (holders need
//! admission), `ICE` (can be frozen) and `BOTH`, and has a thousand of each. Account 2 is nobody's, and has issued `SEA`.
//!
//! What a trial says and what execution does are always compared, and what fails leaves no trace.

use std::collections::BTreeMap;

use quorate_crypto::{Committee, CommitteeV1, MemberNumber};
use quorate_ledger::{
    Agreement, AgreementV1, Amount, AssetCode, ErrorCode, GenesisAsset, GenesisGrant, Member, MemberV1,
    Operation, Outcome, Refusal, Right, Rules, RulesV1, Scope, StateKey, Timestamp, Transaction, decode,
    encode, would_execute,
};

use crate::world::{World, address, code, differ_in_histories, lists, mint, success};

/// Rights that accounts have from genesis.
pub(crate) type Granted<'a> = &'a [(u8, Right, Scope)];

/// A network of protocol 2 with the usual rules.
pub(crate) fn second() -> World {
    second_of(|_| {}, &[])
}

/// One with these rules and rights.
pub(crate) fn second_of(rules: impl FnOnce(&mut RulesV1), granted: Granted<'_>) -> World {
    let mut lists = lists();
    let mut changed = RulesV1::default();
    rules(&mut changed);
    lists.rules = Rules::V1(changed);
    lists.accounts.push((address(0), MemberNumber(0)));
    lists.assets.push(GenesisAsset {
        code: code("SEA"),
        decimals: 2,
        flags: 0,
        issuer: address(2),
        balances: vec![(address(2), Amount(1_000))],
    });
    let creates = (0, Right::CreateAsset, Scope::Network);
    let granted = granted.iter().copied().chain([creates]);
    lists.grants = granted
        .map(|(account, right, scope)| GenesisGrant {
            account: address(account),
            right,
            scope,
        })
        .collect();
    let mut world = World::of_leaves(&lists, |leaves| {
        let key = StateKey::agreement();
        let Agreement::V1(agreement) = decode(&leaves[&key], 32_768).unwrap();
        let Committee::V1(committee) = agreement.committee;
        let committee = Committee::V1(CommitteeV1 {
            protocol: 2,
            ..committee
        });
        let agreement = AgreementV1 {
            committee,
            ..agreement
        };
        leaves.insert(key, encode(&Agreement::V1(agreement)));
    });
    for (text, flags) in [("ADM", 1), ("ICE", 2), ("BOTH", 3)] {
        let operations = vec![create_with(text, flags), mint(0, text, 1_000)];
        assert_eq!(world.run(0, operations), success());
    }
    world
}

pub(crate) fn create_with(text: &str, flags: u8) -> Operation {
    Operation::CreateAsset {
        code: code(text),
        decimals: 2,
        flags,
    }
}

pub(crate) fn of_asset(text: &str) -> Scope {
    Scope::Asset(code(text))
}

pub(crate) fn of_member(number: u32) -> Scope {
    Scope::Member(MemberNumber(number))
}

pub(crate) fn grant(account: u8, right: Right, scope: Scope) -> Operation {
    Operation::Grant {
        account: address(account),
        right,
        scope,
    }
}

pub(crate) fn revoke(account: u8, right: Right, scope: Scope) -> Operation {
    Operation::Revoke {
        account: address(account),
        right,
        scope,
    }
}

fn asset_of(text: &str) -> Option<AssetCode> {
    (!text.is_empty()).then(|| code(text))
}

/// Freezes an account for an asset, without a code wholly.
pub(crate) fn freeze(account: u8, asset: &str) -> Operation {
    Operation::Freeze {
        account: address(account),
        asset: asset_of(asset),
    }
}

pub(crate) fn unfreeze(account: u8, asset: &str) -> Operation {
    Operation::Unfreeze {
        account: address(account),
        asset: asset_of(asset),
    }
}

pub(crate) fn assign(account: u8, member: Option<u32>) -> Operation {
    Operation::Assign {
        account: address(account),
        member: member.map(MemberNumber),
    }
}

pub(crate) fn divide(account: u8, bytes: u64, leaves: u32) -> Operation {
    Operation::DivideQuota {
        account: address(account),
        bytes,
        leaves,
    }
}

/// What a trial by the chain's own clock says.
pub(crate) fn tried(world: &World, transaction: &Transaction) -> Result<(), Refusal> {
    let mut rules = world.trial_rules();
    // When `World::commit` executes it.
    rules.clock = world.after(1_000);
    would_execute(transaction, &transaction.id(), &rules, &world.state).unwrap()
}

/// One row of a table of conditions: what happens before, who acts as what, and the code, 0 for success.
pub(crate) struct Row<'a> {
    pub(crate) what: &'a str,
    pub(crate) code: u16,
    pub(crate) parties: Vec<u8>,
    pub(crate) operations: Vec<(u8, Operation)>,
}

pub(crate) fn row(what: &str, code: u16, who: u8, operation: Operation) -> Row<'_> {
    Row {
        what,
        code,
        parties: vec![who],
        operations: vec![(who, operation)],
    }
}

/// Tries and executes a row's transaction, in which the last operation is the one in question.
pub(crate) fn check_row(world: &mut World, row: Row<'_>) {
    let Row {
        what,
        code,
        parties,
        operations,
    } = row;
    let last = u8::try_from(operations.len() - 1).unwrap();
    let transaction = world.joint(&parties, operations);
    let (outcome, trial) = match code {
        0 => (success(), Ok(())),
        code => {
            let (code, operation) = (ErrorCode(code), last);
            let refused = Refusal::Failed { code, operation };
            (Outcome::Failed { code, operation }, Err(refused))
        }
    };
    assert_eq!(tried(world, &transaction), trial, "trial: {what}");
    let before = world.values();
    assert_eq!(world.run_transaction(transaction), outcome, "{what}");
    if code != 0 {
        no_trace(world, &before, &parties);
    }
}

/// Each row in turn, on what the ones before it left.
pub(crate) fn check_rows(world: &mut World, rows: impl IntoIterator<Item = Row<'static>>) {
    for row in rows {
        check_row(world, row);
    }
}

/// Checks that nothing is left of a transaction that failed but steps in its parties' histories, what it used of quotas,
/// and signs of life.
pub(crate) fn no_trace(world: &World, before: &BTreeMap<StateKey, Vec<u8>>, parties: &[u8]) {
    differ_in_histories(&without_use(before.clone()), without_use(world.values()), parties);
}

/// A state without quotas, and without the times at which members last signed.
fn without_use(values: BTreeMap<StateKey, Vec<u8>>) -> BTreeMap<StateKey, Vec<u8>> {
    let kept = values.into_iter().filter(|(key, _)| key.0[0] != 0x0d);
    kept.map(|(key, value)| {
        if key.0[0] != 0x06 {
            return (key, value);
        }
        let Member::V1(member) = decode(&value, value.len()).unwrap();
        let signed = Timestamp(0);
        (key, encode(&Member::V1(MemberV1 { signed, ..member })))
    })
    .collect()
}
