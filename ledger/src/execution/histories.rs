//! Histories: whose grow by an executed transaction, and what a step holds (`docs/formats.md`, sections
//! 10 and 13).
//!
//! Each party's grows, in their order; if the transaction succeeded, so does that of every other account
//! with a changed leaf and of every beneficiary of a new hold, ascending by address; then those of the
//! assets whose supply it changed, and of new ones, ascending by code. What operations did in between does
//! not count: a step has balances before the transaction and after it.

use quorate_crypto::Digest;
use quorate_crypto::merkle::Frontier;
use smallvec::SmallVec;

use super::funds::{AssetPlace, Funds};
use super::working_state::{AccountIndex, Undo, WorkingState};
use super::{HistoryEntry, Outputs, Waypoint};
use crate::{
    Amount, AssetCode, BalanceChange, BalanceItem, HistoryOwner, Prefix, StateError, StateKey, StateReader,
    Step, Timestamp, WAYPOINT_INTERVAL, balances_root, history_hash,
};

/// Where an executed transaction stands in the log.
pub(super) struct Source {
    /// The place of its leaf, from 0.
    pub(super) ordinal: u64,
    /// That leaf's RFC 6962 hash.
    pub(super) leaf: Digest,
    /// Its block's time.
    pub(super) timestamp: Timestamp,
}

/// Of a payment, so that it takes no memory of its own: who pays and who is paid, and some more.
const USUAL: usize = 4;

/// A balance that a transaction changed in all.
pub(super) struct ChangedFunds {
    pub(super) place: AccountIndex,
    pub(super) asset: AssetPlace,
    pub(super) before: Funds,
    pub(super) after: Funds,
}

impl<R: StateReader> WorkingState<'_, R> {
    /// Adds the transaction under way to the histories that it makes grow.
    pub(super) fn grow_histories(
        &mut self,
        succeeded: bool,
        source: &Source,
        outputs: &mut Outputs,
    ) -> Result<(), StateError<R::Error>> {
        let changed = if succeeded {
            self.changed_funds()
        } else {
            SmallVec::new()
        };
        let mut growing: SmallVec<[AccountIndex; USUAL]> = SmallVec::from_slice(&self.parties);
        if succeeded {
            growing.extend(self.other_accounts(&changed));
        }
        for place in growing {
            let changes = balance_changes(&changed, place);
            self.grow_account(place, changes, source, outputs)?;
        }
        if succeeded {
            for (code, before) in self.changed_supplies() {
                self.grow_asset(&code, before, source, outputs)?;
            }
        }
        Ok(())
    }

    /// Balances that the transaction under way changed in all, ascending by account and code.
    pub(super) fn changed_funds(&self) -> SmallVec<[ChangedFunds; USUAL]> {
        let mut touched: SmallVec<[(AccountIndex, AssetPlace, Funds); USUAL]> = SmallVec::new();
        for undo in &self.undo {
            if let Undo::Funds(place, asset, before) = undo {
                touched.push((*place, *asset, *before));
            }
        }
        // Stable: of what was written down of one balance the first stays, as it was before the transaction.
        touched.sort_by_key(|(place, asset, _)| (*place, asset.code));
        touched.dedup_by_key(|(place, asset, _)| (*place, asset.code));
        let changed = touched.into_iter().map(|(place, asset, before)| ChangedFunds {
            place,
            asset,
            before,
            after: self.funds_at_hand(place, asset),
        });
        changed.filter(|change| change.before != change.after).collect()
    }

    /// The accounts beside the parties whose histories grow, ascending by address. Leaves of theirs change
    /// with one of their balances, or by governance: nobody else makes, uses up or gives up an account's hold
    /// without changing what it holds.
    pub(super) fn other_accounts(&self, changed: &[ChangedFunds]) -> SmallVec<[AccountIndex; USUAL]> {
        let changed = changed.iter().map(|change| change.place);
        let touched = changed
            .chain(self.beneficiaries.iter().copied())
            .chain(self.changed_marks());
        let mut others: SmallVec<[AccountIndex; USUAL]> =
            touched.filter(|place| !self.parties.contains(place)).collect();
        others.sort_unstable_by_key(|place| self.accounts[place.0].address);
        others.dedup();
        others
    }

    /// The accounts that were frozen, made a member's or given new signers, if they are now other than before the
    /// transaction. Any may come twice.
    fn changed_marks(&self) -> impl Iterator<Item = AccountIndex> + '_ {
        let is_first = |at: usize, is_same: &dyn Fn(&Undo) -> bool| !self.undo[..at].iter().any(is_same);
        self.undo
            .iter()
            .enumerate()
            .filter_map(move |(at, undo)| match undo {
                Undo::Signers(place, before) => {
                    let same = |undo: &Undo| matches!(undo, Undo::Signers(other, _) if other == place);
                    let now = &self.accounts[place.0].account.signers;
                    (is_first(at, &same) && now != before).then_some(*place)
                }
                Undo::MemberOf(place, before) => {
                    let same = |undo: &Undo| matches!(undo, Undo::MemberOf(other, _) if other == place);
                    let now = &self.accounts[place.0].account.member;
                    (is_first(at, &same) && now != before).then_some(*place)
                }
                Undo::Frozen(place, before) => {
                    let same = |undo: &Undo| matches!(undo, Undo::Frozen(other, _) if other == place);
                    let now = self.accounts[place.0].account.frozen;
                    (is_first(at, &same) && now != *before).then_some(*place)
                }
                _ => None,
            })
    }

    fn grow_account(
        &mut self,
        place: AccountIndex,
        changes: Vec<BalanceChange>,
        source: &Source,
        outputs: &mut Outputs,
    ) -> Result<(), StateError<R::Error>> {
        let number = next_number(self.accounts[place.0].account.entries);
        let balances = if is_waypoint(number) {
            Some(self.balances_root_of(place)?)
        } else {
            None
        };
        let cell = &mut self.accounts[place.0];
        cell.grown = true;
        let address = cell.address;
        let account = &mut cell.account;
        let history = History {
            owner: HistoryOwner::Account(address),
            entries: &mut account.entries,
            last: &mut account.last,
            waypoints: &mut account.waypoints,
        };
        let step = source.step(number, changes, balances);
        history.grow(step, outputs).ok_or_else(|| StateError::Damaged {
            key: StateKey::account(&address),
        })
    }

    /// The root over all that an account has of any asset.
    fn balances_root_of(&mut self, place: AccountIndex) -> Result<Digest, StateError<R::Error>> {
        self.load_all_balances(place, |reader, address| {
            reader.values_under(&Prefix::account(address))
        })?;
        let inline = self.accounts[place.0].account.balances.iter();
        let mut items: Vec<BalanceItem> = inline
            .map(|balance| BalanceItem {
                asset: balance.asset,
                free: balance.free,
                held: balance.held,
            })
            .filter(|item| item.free.0 > 0 || item.held.0 > 0)
            .collect();
        for (asset, funds) in self.own_balances(place) {
            if funds.has_units() {
                items.push(BalanceItem {
                    asset,
                    free: Amount(funds.free),
                    held: Amount(funds.held),
                });
            }
        }
        items.sort_unstable_by_key(|item| item.asset);
        Ok(balances_root(&items))
    }

    /// The assets whose supply the transaction under way changed, with what it was, and new ones, which had
    /// none; ascending by code.
    fn changed_supplies(&self) -> Vec<(AssetCode, Option<Amount>)> {
        let mut touched = Vec::new();
        for undo in &self.undo {
            match undo {
                Undo::Created(code) => touched.push((*code, None)),
                Undo::Supply(code, before) => touched.push((*code, Some(*before))),
                _ => {}
            }
        }
        // Stable, as above; an asset is created before its supply changes.
        touched.sort_by_key(|(code, _)| *code);
        touched.dedup_by_key(|(code, _)| *code);
        touched.retain(|(code, before)| *before != Some(self.supply_at_hand(code)));
        touched
    }

    /// The supply of an asset that was looked up before.
    fn supply_at_hand(&self, code: &AssetCode) -> Amount {
        let asset = self.assets.get(code).and_then(|cell| cell.now.as_ref());
        asset.map_or(Amount(0), |asset| asset.supply)
    }

    fn grow_asset(
        &mut self,
        code: &AssetCode,
        before: Option<Amount>,
        source: &Source,
        outputs: &mut Outputs,
    ) -> Result<(), StateError<R::Error>> {
        let supply = self.supply_at_hand(code);
        let free_before = before.unwrap_or(Amount(0));
        let mut changes = Vec::new();
        if free_before != supply {
            changes.push(BalanceChange {
                asset: *code,
                free_before,
                free_after: supply,
                held_before: Amount(0),
                held_after: Amount(0),
            });
        }
        let damaged = StateError::Damaged {
            key: StateKey::asset(code),
        };
        let Some(cell) = self.assets.get_mut(code) else {
            return Err(damaged);
        };
        let Some(asset) = &mut cell.now else {
            return Err(damaged);
        };
        cell.grown = true;
        let number = next_number(asset.entries);
        let balances = is_waypoint(number).then(|| supply_root(*code, supply));
        let history = History {
            owner: HistoryOwner::Asset(*code),
            entries: &mut asset.entries,
            last: &mut asset.last,
            waypoints: &mut asset.waypoints,
        };
        let step = source.step(number, changes, balances);
        history.grow(step, outputs).ok_or(damaged)
    }
}

impl Source {
    fn step(&self, number: u64, changes: Vec<BalanceChange>, balances: Option<Digest>) -> Step {
        Step {
            number,
            ordinal: self.ordinal,
            timestamp: self.timestamp,
            leaf: self.leaf,
            changes,
            balances,
        }
    }
}

/// What an owner's leaf keeps of its history.
struct History<'a> {
    owner: HistoryOwner,
    entries: &'a mut u64,
    last: &'a mut Digest,
    waypoints: &'a mut Vec<Digest>,
}

impl History<'_> {
    /// Appends the next step; none if the waypoints are not those of as many steps as there are.
    fn grow(self, step: Step, outputs: &mut Outputs) -> Option<()> {
        let hash = history_hash(self.last, &step.inner());
        if is_waypoint(step.number) {
            let before = step.number / WAYPOINT_INTERVAL - 1;
            let mut frontier = Frontier::from_parts(before, std::mem::take(self.waypoints))?;
            frontier.push(&hash.0);
            *self.waypoints = frontier.subtrees().to_vec();
            outputs.waypoints.push(Waypoint {
                owner: self.owner,
                number: step.number,
                hash,
            });
        }
        *self.entries = step.number;
        *self.last = hash;
        outputs.histories.push(HistoryEntry {
            owner: self.owner,
            step,
            hash,
        });
        Some(())
    }
}

/// The number of the step after so many.
fn next_number(entries: u64) -> u64 {
    entries.checked_add(1).expect("histories do not reach 2^64 steps")
}

/// Whether the step with this number is a waypoint.
fn is_waypoint(number: u64) -> bool {
    number.is_multiple_of(WAYPOINT_INTERVAL)
}

/// What an account's step says of the balances that a transaction changed: those in which units moved, as
/// what it is to be given is no balance.
fn balance_changes(changed: &[ChangedFunds], place: AccountIndex) -> Vec<BalanceChange> {
    let start = changed.partition_point(|change| change.place < place);
    let end = changed.partition_point(|change| change.place <= place);
    let own = &changed[start..end];
    // A step is kept until its block is written: it gets no more room than it needs.
    let mut changes = Vec::with_capacity(own.len());
    for ChangedFunds {
        asset, before, after, ..
    } in own
    {
        if (before.free, before.held) != (after.free, after.held) {
            changes.push(BalanceChange {
                asset: asset.code,
                free_before: Amount(before.free),
                free_after: Amount(after.free),
                held_before: Amount(before.held),
                held_after: Amount(after.held),
            });
        }
    }
    changes
}

/// The root over what an asset's history has as its balances: the supply, if there is any.
fn supply_root(asset: AssetCode, supply: Amount) -> Digest {
    let item = BalanceItem {
        asset,
        free: supply,
        held: Amount(0),
    };
    if supply == Amount(0) {
        balances_root(&[])
    } else {
        balances_root(&[item])
    }
}
