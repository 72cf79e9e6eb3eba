//! Sections 12's rule and proof, written down once more as naively as they stand there, and a small state.

use std::collections::BTreeMap;
use std::convert::Infallible;

use quorate_crypto::{Address, Digest, Height, MemberNumber, sha256};
use quorate_ledger::{
    Account, AccountV1, Amount, Asset, AssetCode, AssetV1, Balance, BalanceV1, Condition, ConditionLeaf,
    Counters, CountersV1, Found, Hold, HoldV1, Inline, Member, MemberStatus, MemberV1, Parameters, Prefix,
    PrefixPath, Record, RecordV1, Rules, StateKey, StateProof, StateProofV1, StateTree, StateValue,
    Timestamp, value_hash,
};

/// A state: values by key.
pub(crate) type Model = BTreeMap<StateKey, Vec<u8>>;

/// What a block changes: keys with a new value, or none.
pub(crate) type Changes = BTreeMap<StateKey, Option<Vec<u8>>>;

/// A leaf of it.
pub(crate) type Pair<'a> = (&'a StateKey, &'a Vec<u8>);

/// Bit 0 is the most significant of the first byte.
pub(crate) fn bit(key: &[u8; 32], depth: usize) -> bool {
    key[depth / 8] >> (7 - depth % 8) & 1 == 1
}

/// `join(d, l, r)` of the page.
fn join(depth: usize, left: Digest, right: Digest) -> Digest {
    if left == Digest::ZERO {
        right
    } else if right == Digest::ZERO {
        left
    } else {
        sha256(&[&[3, u8::try_from(depth).unwrap()][..], &left.0, &right.0].concat())
    }
}

/// A leaf's hash, from that of its value.
fn leaf_hash(key: &StateKey, value: &Digest) -> Digest {
    sha256(&[&[2][..], &key.0, &value.0].concat())
}

/// `root(S, d)` of the page, word for word.
pub(crate) fn root(leaves: &[Pair<'_>], depth: usize) -> Digest {
    match leaves {
        [] => Digest::ZERO,
        [(key, value)] => leaf_hash(key, &sha256(&[&[4][..], value.as_slice()].concat())),
        _ => {
            let (ones, zeros): (Vec<_>, Vec<_>) = leaves.iter().partition(|(key, _)| bit(&key.0, depth));
            join(depth, root(&zeros, depth + 1), root(&ones, depth + 1))
        }
    }
}

/// The state root.
pub(crate) fn root_of(model: &Model) -> Digest {
    root(&model.iter().collect::<Vec<_>>(), 0)
}

/// The leaves under a prefix.
pub(crate) fn under(model: &Model, prefix: &Prefix) -> Vec<(StateKey, Vec<u8>)> {
    let pairs = model.iter().filter(|(key, _)| begins_with(key, prefix));
    pairs.map(|(key, value)| (*key, value.clone())).collect()
}

fn begins_with(key: &StateKey, prefix: &Prefix) -> bool {
    (0..usize::from(prefix.bits)).all(|depth| bit(&key.0, depth) == bit(&prefix.key, depth))
}

/// The first `bits` bits of a key.
pub(crate) fn prefix_of(key: &StateKey, bits: u16) -> Prefix {
    let mut key = key.0;
    for depth in usize::from(bits)..256 {
        key[depth / 8] &= !(0x80_u8 >> (depth % 8));
    }
    Prefix::new(bits, key).unwrap()
}

/// What a proof shows under a root, by the page's conditions one after the other and whatever its values mean;
/// none if it shows nothing.
pub(crate) fn shown(proof: &StateProof, state_root: &Digest) -> Option<Vec<(StateKey, Vec<u8>)>> {
    let StateProof::V1(StateProofV1 { prefix, path, found }) = proof;
    let bits = usize::from(prefix.bits);
    if bits > 256 || (bits..256).any(|depth| bit(&prefix.key, depth)) {
        return None;
    }
    let descends = path.windows(2).all(|pair| pair[0].depth < pair[1].depth);
    if !descends || path.iter().any(|step| step.sibling == Digest::ZERO) {
        return None;
    }
    let (mut hash, leaves) = match found {
        Found::Empty => (path.is_empty().then_some(Digest::ZERO)?, Vec::new()),
        Found::Other { key, value } => {
            let agrees = |depth: usize| bit(&key.0, depth) == bit(&prefix.key, depth);
            if begins_with(key, prefix) || !path.iter().all(|step| agrees(step.depth.into())) {
                return None;
            }
            (leaf_hash(key, value), Vec::new())
        }
        Found::Leaves(leaves) => {
            let ascends = leaves.windows(2).all(|pair| pair[0].key < pair[1].key);
            let fits = leaves.iter().all(|leaf| begins_with(&leaf.key, prefix));
            let above = path.iter().all(|step| usize::from(step.depth) < bits);
            if leaves.is_empty() || !ascends || !fits || !above {
                return None;
            }
            let pairs: Vec<Pair<'_>> = leaves.iter().map(|leaf| (&leaf.key, &leaf.value)).collect();
            let owned = leaves.iter().map(|leaf| (leaf.key, leaf.value.clone()));
            (root(&pairs, bits), owned.collect())
        }
    };
    for step in path.iter().rev() {
        let depth = usize::from(step.depth);
        hash = if bit(&prefix.key, depth) {
            join(depth, step.sibling, hash)
        } else {
            join(depth, hash, step.sibling)
        };
    }
    (hash == *state_root).then_some(leaves)
}

/// The tree of a state.
pub(crate) fn load(height: u64, model: &Model) -> StateTree {
    StateTree::load(
        Height(height),
        model.iter().map(|(key, value)| (*key, value_hash(value))),
    )
}

/// A block's changes, as the tree takes them.
pub(crate) fn hashes(changes: &Changes) -> impl Iterator<Item = (StateKey, Option<Digest>)> {
    changes
        .iter()
        .map(|(key, value)| (*key, value.as_deref().map(value_hash)))
}

/// Applies a block's changes.
pub(crate) fn apply(model: &mut Model, changes: &Changes) {
    for (key, value) in changes {
        match value {
            Some(value) => model.insert(*key, value.clone()),
            None => model.remove(key),
        };
    }
}

/// The proof that a path becomes with a state's values.
pub(crate) fn proof_of(path: PrefixPath, model: &Model) -> StateProof {
    let value = |key: &StateKey| Ok::<_, Infallible>(model[key].clone());
    path.with_values(value).unwrap()
}

/// Some address.
pub(crate) fn address(number: u8) -> Address {
    Address(sha256(&[number]).0[..20].try_into().unwrap())
}

pub(crate) fn code(text: &str) -> AssetCode {
    text.parse().unwrap()
}

/// An account with something in its leaf and these balances outside it.
pub(crate) fn account(number: u8, others: &[&str]) -> Vec<StateValue> {
    let mut account = AccountV1::new(address(number), Digest([number; 32]));
    account.others = u16::try_from(others.len()).unwrap();
    account.balances = vec![Inline {
        asset: code("EUR"),
        free: Amount(u128::from(number) + 1),
        held: Amount(0),
        incoming: 0,
    }];
    let balances = others.iter().map(|asset| {
        StateValue::Balance(Balance::V1(BalanceV1 {
            address: address(number),
            asset: code(asset),
            free: Amount(7),
            held: Amount(0),
            incoming: u32::from(number),
        }))
    });
    let own = StateValue::Account(Account::V1(account));
    std::iter::once(own).chain(balances).collect()
}

/// A hold.
pub(crate) fn hold(owner: u8, operation: u8) -> Hold {
    Hold::V1(HoldV1 {
        owner: address(owner),
        transaction: Digest([owner; 32]),
        operation,
        beneficiary: address(owner + 1),
        asset: code("EUR"),
        amount: Amount(3),
        until: Timestamp(1_000),
        condition: Condition {
            need: 1,
            leaves: vec![ConditionLeaf::From(Timestamp(900))],
        },
    })
}

/// An asset.
pub(crate) fn asset(text: &str, number: u32) -> AssetV1 {
    AssetV1 {
        code: code(text),
        number,
        issuer: address(0),
        decimals: 2,
        flags: 0,
        supply: Amount(1_000_000),
        entries: 0,
        last: Digest([9; 32]),
        waypoints: Vec::new(),
    }
}

/// A member.
pub(crate) fn member(number: u32, name: &str) -> MemberV1 {
    MemberV1 {
        number: MemberNumber(number),
        name: name.to_owned(),
        account: address(0),
        status: MemberStatus::Active,
        seats: 1,
        since: Timestamp(1),
        signed: Timestamp(1),
        reported: None,
        open: Vec::new(),
    }
}

/// A state of twenty accounts and something of most kinds.
pub(crate) fn small_state() -> Model {
    let mut values = Vec::new();
    for number in 0..20 {
        let others: &[&str] = match number % 4 {
            0 => &["BOND", "OIL", "Z"],
            1 => &["BOND"],
            _ => &[],
        };
        values.extend(account(number, others));
        let holds = (0..number % 3).map(|operation| StateValue::Hold(hold(number, operation)));
        values.extend(holds);
        let record = Record::V1(RecordV1 {
            address: address(number),
            sha256: Digest([number; 32]),
            id: Digest([1; 32]),
            ordinal: 4,
            timestamp: Timestamp(5),
        });
        values.push(StateValue::OwnRecord(record));
        values.push(StateValue::UniqueRecord(record));
    }
    for (number, text) in (0..).zip(["EUR", "GOLD", "USD", "SILVER", "BOND", "OIL", "Z"]) {
        values.push(StateValue::Asset(Asset::V1(asset(text, number))));
    }
    for (number, name) in (0..).zip(["alpha", "beta", "gamma"]) {
        values.push(StateValue::Member(Member::V1(member(number, name))));
    }
    values.push(StateValue::Parameters(Parameters::default()));
    values.push(StateValue::Rules(Rules::default()));
    values.push(StateValue::Counters(Counters::V1(CountersV1::default())));
    values.iter().map(|value| (value.key(), value.encode())).collect()
}
