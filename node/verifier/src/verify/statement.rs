//! All that happened to an account or an asset in a range of time (section 13; section 17, Statement, whose numbers
//! stand at the code).

use std::collections::BTreeMap;

use quorate_crypto::Digest;
use quorate_ledger::{
    AccountV1, AssetV1, BalanceItem, ErasureV1, HeaderV1, HistoryOwner, Prefix, StateKey, StateValue,
    Timestamp, WAYPOINT_INTERVAL,
};

use super::{frontier_holds, state};
use crate::at::At;
use crate::facts::{ErasedFacts, StatementFacts};
use crate::proof::{End, Item, Statement};
use crate::verdict::{Code, Refusal, refuse};

mod replay;
mod start;
mod walk;

use replay::Balances;
use walk::Walk;

/// What the owner's leaf says of its history.
struct Current {
    /// How many steps it has.
    entries: u64,
    /// The hash of the last one, or of the beginning.
    last: Digest,
    /// The subtrees of the list of waypoints.
    waypoints: Vec<Digest>,
    /// What the owner has, if the proof shows it: with an account's prefix all of it, of an asset the supply.
    present: Balances,
    /// True if the owner is not in the state.
    is_absent: bool,
}

/// The facts under an accepted head, which is the statement's.
pub(super) fn check(network: &Digest, statement: &Statement, at: At<'_>) -> Result<StatementFacts, Refusal> {
    let header = statement.head.header.v1();
    if statement.from >= statement.to {
        return refuse(Code::NotComplete, at, "the range is empty");
    }
    let current = owners_leaf(network, statement, at.field("leaf"))?;
    let begun = start::check(network, statement, &current, at.field("start"))?;
    let walk = Walk::new(statement, begun, header.log_size).follow(&statement.items, at.field("items"))?;
    if walk.opened_before() >= WAYPOINT_INTERVAL {
        let reason = "a later waypoint lies before the range";
        return refuse(Code::NotComplete, at.field("start"), reason);
    }
    check_end(statement, &current, &walk, at.field("end"))?;
    check_present(statement, &current, &walk, at.field("leaf"))?;
    let complete_up_to = check_reached(statement, header, &walk, at.field("end"))?;
    let shown = std::iter::once(&statement.leaf).chain(&statement.beside);
    state::check_apart(shown, at.field("beside"))?;
    let beside = state::check_sorted(&statement.beside, &header.state_root, at.field("beside"))?;
    let mut facts = walk.facts(beside);
    facts.complete_up_to = complete_up_to;
    add_erasures(&mut facts);
    Ok(facts)
}

/// True if the owner's leaf is to show all that it has: an account whose history is opened to its end.
fn is_whole(statement: &Statement) -> bool {
    matches!(statement.owner, HistoryOwner::Account(_)) && is_opened_to_the_end(statement)
}

fn is_opened_to_the_end(statement: &Statement) -> bool {
    let passes = |item: &Item| matches!(item, Item::Passed(_));
    statement.end == End::Last && !statement.items.iter().any(passes)
}

/// 1: the owner's leaf, or all leaves under an account.
fn owners_leaf(network: &Digest, statement: &Statement, at: At<'_>) -> Result<Current, Refusal> {
    let (wanted, bits) = match &statement.owner {
        HistoryOwner::Account(address) if is_whole(statement) => (Prefix::account(address), 168),
        HistoryOwner::Account(address) => (Prefix::of_key(&StateKey::account(address)), 256),
        HistoryOwner::Asset(code) => (Prefix::of_key(&StateKey::asset(code)), 256),
    };
    if statement.leaf.v1().prefix != wanted {
        let reason = format!("the proof is not of the owner's key with {bits} bits");
        return refuse(Code::OtherLeaf, at, reason);
    }
    let root = &statement.head.header.v1().state_root;
    let values = state::values(&statement.leaf, root, at)?;
    match values.split_first() {
        None => Ok(Current {
            entries: 0,
            last: start::beginning(network, &statement.owner, &[]),
            waypoints: Vec::new(),
            present: Balances::default(),
            is_absent: true,
        }),
        Some((StateValue::Account(account), others)) => Ok(Current::of_account(account.v1(), others)),
        Some((StateValue::Asset(asset), _)) => Ok(Current::of_asset(asset.v1())),
        // The prefix is of an account's or an asset's own key, and values repeat their keys.
        Some(_) => refuse(Code::OtherLeaf, at, "it is neither an account nor an asset"),
    }
}

impl Current {
    fn of_account(account: &AccountV1, others: &[StateValue]) -> Self {
        let mut present = Balances::default();
        for item in &account.balances {
            present.set(item.asset, item.free, item.held);
        }
        for value in others {
            if let StateValue::Balance(balance) = value {
                let balance = balance.v1();
                present.set(balance.asset, balance.free, balance.held);
            }
        }
        Self {
            entries: account.entries,
            last: account.last,
            waypoints: account.waypoints.clone(),
            present,
            is_absent: false,
        }
    }

    fn of_asset(asset: &AssetV1) -> Self {
        let mut present = Balances::default();
        present.set_supply(asset.code, asset.supply);
        Self {
            entries: asset.entries,
            last: asset.last,
            waypoints: asset.waypoints.clone(),
            present,
            is_absent: false,
        }
    }

    /// True if the path shows that the step of this number, a waypoint's, has this hash.
    fn has_waypoint(&self, number: u64, hash: &Digest, path: &[Digest]) -> bool {
        let index = (number / WAYPOINT_INTERVAL).checked_sub(1);
        let size = self.entries / WAYPOINT_INTERVAL;
        index.is_some_and(|index| frontier_holds(&self.waypoints, hash, index, size, path))
    }
}

/// 5: the items end with the history, or with the first waypoint that is not below the last opened step.
fn check_end(statement: &Statement, current: &Current, walk: &Walk<'_>, at: At<'_>) -> Result<(), Refusal> {
    let (opened, number, count) = (walk.opened_to(), walk.number(), current.entries);
    if count > 0 && opened == 0 {
        return refuse(Code::NotComplete, at, "no step of the history is opened");
    }
    let waypoint = opened
        .div_ceil(WAYPOINT_INTERVAL)
        .saturating_mul(WAYPOINT_INTERVAL);
    match &statement.end {
        End::Waypoint { path } if waypoint < count => {
            if number != waypoint {
                let reason = format!("the items end at step {number}, the next waypoint is {waypoint}");
                return refuse(Code::NotComplete, at, reason);
            }
            if !current.has_waypoint(number, walk.hash(), path) {
                return refuse(
                    Code::BadPath,
                    at,
                    format!("step {number} is not among the waypoints"),
                );
            }
        }
        End::Last if waypoint < count => {
            return refuse(
                Code::NotComplete,
                at,
                format!("the history goes on to step {count}"),
            );
        }
        End::Waypoint { .. } => return refuse(Code::NotComplete, at, "no waypoint follows"),
        End::Last => {
            if number != count {
                let reason = format!("the items end at step {number}, the history has {count}");
                return refuse(Code::NotComplete, at, reason);
            }
            if *walk.hash() != current.last {
                return refuse(Code::BadPath, at, "the last step is not the leaf's");
            }
        }
    }
    Ok(())
}

/// 6: a replay to the history's end has what the leaves show.
fn check_present(
    statement: &Statement,
    current: &Current,
    walk: &Walk<'_>,
    at: At<'_>,
) -> Result<(), Refusal> {
    if is_opened_to_the_end(statement) && *walk.balances() != current.present {
        return refuse(
            Code::BadBalances,
            at,
            "the replay ends at other balances than the owner has",
        );
    }
    Ok(())
}

/// 7: the range has ended: a step behind it shows it, or the head's time. Some: only up to that time.
fn check_reached(
    statement: &Statement,
    header: &HeaderV1,
    walk: &Walk<'_>,
    at: At<'_>,
) -> Result<Option<Timestamp>, Refusal> {
    if walk.has_opened_after() {
        return Ok(None);
    }
    if !is_opened_to_the_end(statement) {
        return refuse(Code::NotComplete, at, "no step shows that the range has ended");
    }
    if header.timestamp >= statement.to {
        return Ok(None);
    }
    if header.timestamp < statement.from {
        return refuse(Code::NotComplete, at, "the head is older than the range");
    }
    Ok(Some(header.timestamp))
}

/// Says of each entry which of its texts are erased, where a leaf beside the statement says so.
fn add_erasures(facts: &mut StatementFacts) {
    let StatementFacts { entries, beside, .. } = facts;
    let leaves = beside.iter().flat_map(|proof| &proof.leaves);
    let erasures = leaves.filter_map(|leaf| match &leaf.value {
        StateValue::Erasure(erasure) => Some((erasure.v1().id, erasure.v1())),
        _ => None,
    });
    let erasures: BTreeMap<Digest, &ErasureV1> = erasures.collect();
    for entry in entries {
        entry.erased = erasures.get(&entry.entry.id).map(|erasure| {
            let erased = erasure.erased.iter().map(|text| ErasedFacts {
                place: text.place.to_owned(),
                before_execution: text.ordinal < entry.ordinal,
            });
            erased.collect()
        });
    }
}

/// The balances of a list, for comparing.
fn balances_of(items: &[BalanceItem]) -> Balances {
    let mut balances = Balances::default();
    for item in items {
        balances.set(item.asset, item.free, item.held);
    }
    balances
}
