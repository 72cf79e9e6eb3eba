//! What an owner had at a waypoint, which no row says.
//!
//! Steps have balances before and after. So what an owner had of an asset is what the last step up to the waypoint
//! left of it, or what the first one behind it began from. Of an asset that no step around there has changed it is
//! what the owner has now, or had in genesis; that is guessed, and the waypoint's hash, which covers the root over all
//! balances, says whether it is so. If not, more steps are looked at, twice as many each time, on both sides of the
//! waypoint. Whose assets all move now and then is answered by some dozen steps, however long the history; at worst
//! it is read to its nearer end.

use std::collections::BTreeMap;

use quorate_ledger::{
    Amount, AssetCode, BalanceItem, Digest, HistoryOwner, HistoryStart, Prefix, StateReader, StateValue,
    Step, WAYPOINT_INTERVAL, balances_root, history_hash,
};
use quorate_prover::Source;

use super::{ProofSource, StatePaths, genesis_balances};
use crate::StorageError;
use crate::families::leaf_key;
use crate::snapshot::{Codes, NumberedStep};

/// Free and held.
type Funds = (Amount, Amount);

/// Steps that are in memory at once, at most.
const MAX_CHUNK: u64 = 4_096;

/// The balances behind the waypoint with this number, ascending by code, none empty; none if there is no such
/// waypoint.
pub(super) fn at_waypoint<T: StatePaths>(
    source: &ProofSource<'_, T>,
    owner: &HistoryOwner,
    number: u64,
) -> Result<Option<Vec<BalanceItem>>, StorageError> {
    let snapshot = source.snapshot;
    let is_waypoint = number > 0 && number.is_multiple_of(WAYPOINT_INTERVAL);
    let leaf = snapshot.own_leaf(owner)?;
    let Some(leaf) = leaf.filter(|leaf| is_waypoint && number <= leaf.entries) else {
        return Ok(None);
    };
    let mut search = Search {
        source,
        owner: *owner,
        number,
        known: BTreeMap::new(),
        elsewhere: present(source, owner)?,
        codes: Codes::new(),
    };
    let check = search.waypoint()?;
    let (mut lower, mut upper) = (number - WAYPOINT_INTERVAL + 1, number);
    let mut chunk = WAYPOINT_INTERVAL;
    loop {
        if lower == 1 {
            // What no step up to the waypoint has changed is as it was in genesis.
            search.elsewhere = funds_of(genesis_balances(source.genesis, owner));
        }
        if let Some(items) = search.fitting(&check) {
            return Ok(Some(items));
        }
        if lower == 1 || upper == leaf.entries {
            // At an end of the history nothing was guessed.
            let reason = format!("the history of {owner} does not lead to waypoint {number}");
            return Err(snapshot.damage(&reason));
        }
        let last = upper.saturating_add(chunk).min(leaf.entries);
        search.look_behind(upper + 1, last)?;
        upper = last;
        if upper < leaf.entries {
            let first = lower.saturating_sub(chunk).max(1);
            search.look_before(first, lower - 1)?;
            lower = first;
        }
        chunk = chunk.saturating_mul(2).min(MAX_CHUNK);
    }
}

/// What has been found so far of the balances behind a waypoint.
struct Search<'a, 's, T> {
    source: &'a ProofSource<'s, T>,
    owner: HistoryOwner,
    /// The waypoint's.
    number: u64,
    /// Of assets that steps around it have changed, what there was behind it.
    known: BTreeMap<AssetCode, Funds>,
    /// What there is of the others at another time.
    elsewhere: BTreeMap<AssetCode, Funds>,
    codes: Codes,
}

/// What a waypoint's hash is made of, but for the root over the balances.
struct Check {
    before: Digest,
    step: Step,
    hash: Digest,
}

impl<T: StatePaths> Search<'_, '_, T> {
    /// Looks at the steps from the waypoint before up to this one, and makes of them what its hash is checked by.
    fn waypoint(&mut self) -> Result<Check, StorageError> {
        let snapshot = self.source.snapshot;
        let start = self.number - WAYPOINT_INTERVAL;
        let steps = snapshot.steps(&self.owner, start + 1..self.number + 1, &mut self.codes)?;
        self.note_last(&steps);
        let mut before = if start == 0 {
            let genesis = genesis_balances(self.source.genesis, &self.owner);
            HistoryStart::new(self.source.network(), self.owner, &genesis).hash()
        } else {
            snapshot.known_waypoint(&self.owner, start)?.hash
        };
        let lacks = || snapshot.damage(&format!("waypoint {} has no steps", self.number));
        let (last, others) = steps.split_last().ok_or_else(lacks)?;
        for numbered in others {
            before = history_hash(&before, &self.step(numbered)?.inner());
        }
        Ok(Check {
            before,
            step: self.step(last)?,
            hash: snapshot.known_waypoint(&self.owner, self.number)?.hash,
        })
    }

    /// The step without a root over balances.
    fn step(&self, numbered: &NumberedStep) -> Result<Step, StorageError> {
        let snapshot = self.source.snapshot;
        let header = snapshot.header(numbered.height)?;
        let leaf = self.source.log_node(0, numbered.ordinal)?;
        let (Some(header), Some(leaf)) = (header, leaf) else {
            return Err(snapshot.damage(&format!(
                "block {} or leaf {} of the log, of step {}, is missing",
                numbered.height, numbered.ordinal, numbered.number
            )));
        };
        Ok(Step {
            number: numbered.number,
            ordinal: numbered.ordinal,
            timestamp: header.v1().timestamp,
            leaf,
            changes: numbered.changes.clone(),
            balances: None,
        })
    }

    /// Looks at steps behind the waypoint, which follow those that were looked at.
    fn look_behind(&mut self, first: u64, last: u64) -> Result<(), StorageError> {
        let snapshot = self.source.snapshot;
        for step in snapshot.steps(&self.owner, first..last + 1, &mut self.codes)? {
            for change in step.changes {
                let before = (change.free_before, change.held_before);
                self.known.entry(change.asset).or_insert(before);
            }
        }
        Ok(())
    }

    /// Looks at steps before those that were looked at.
    fn look_before(&mut self, first: u64, last: u64) -> Result<(), StorageError> {
        let snapshot = self.source.snapshot;
        let steps = snapshot.steps(&self.owner, first..last + 1, &mut self.codes)?;
        self.note_last(&steps);
        Ok(())
    }

    /// Notes what steps up to the waypoint left of assets that are not known yet.
    fn note_last(&mut self, steps: &[NumberedStep]) {
        for change in steps.iter().rev().flat_map(|step| &step.changes) {
            let after = (change.free_after, change.held_after);
            self.known.entry(change.asset).or_insert(after);
        }
    }

    /// The balances, if what is known and what is guessed is right.
    fn fitting(&self, check: &Check) -> Option<Vec<BalanceItem>> {
        let mut all = self.elsewhere.clone();
        all.extend(self.known.iter().map(|(asset, funds)| (*asset, *funds)));
        let items: Vec<BalanceItem> = all
            .into_iter()
            .filter(|(_, funds)| *funds != (Amount(0), Amount(0)))
            .map(|(asset, (free, held))| BalanceItem { asset, free, held })
            .collect();
        let mut step = check.step.clone();
        step.balances = Some(balances_root(&items));
        (history_hash(&check.before, &step.inner()) == check.hash).then_some(items)
    }
}

fn funds_of(items: Vec<BalanceItem>) -> BTreeMap<AssetCode, Funds> {
    let funds = items.into_iter().map(|item| (item.asset, (item.free, item.held)));
    funds.collect()
}

/// What the owner has now, of an asset its supply as free.
fn present<T: StatePaths>(
    source: &ProofSource<'_, T>,
    owner: &HistoryOwner,
) -> Result<BTreeMap<AssetCode, Funds>, StorageError> {
    let prefix = match owner {
        HistoryOwner::Account(address) => Prefix::account(address),
        HistoryOwner::Asset(_) => Prefix::of_key(&leaf_key(owner)),
    };
    let mut funds = BTreeMap::new();
    for (key, value) in source.snapshot.values_under(&prefix)? {
        let value = StateValue::decode(&key, &value);
        match value.map_err(|error| source.snapshot.damage(&error.to_string()))? {
            StateValue::Account(account) => {
                let inline = account.v1().balances.iter();
                funds.extend(inline.map(|balance| (balance.asset, (balance.free, balance.held))));
            }
            StateValue::Balance(balance) => {
                let balance = balance.v1();
                funds.insert(balance.asset, (balance.free, balance.held));
            }
            StateValue::Asset(asset) => {
                funds.insert(asset.v1().code, (asset.v1().supply, Amount(0)));
            }
            _ => {}
        }
    }
    Ok(funds)
}
