//! One history: its waypoints, and its steps, which rows have from the newest downwards.

use quorate_crypto::merkle::{leaf_hash, make_path};
use quorate_crypto::{Digest, Height};
use quorate_ledger::{
    BalanceItem, HistoryOwner, HistoryStart, Prefix, StateKey, StateValue, Step, Timestamp,
    WAYPOINT_INTERVAL, balances_root, history_hash,
};

use crate::balances::Balances;
use crate::error::Failure;
use crate::state::StateUnder;
use crate::{HistoryRow, HistoryStep, Part, ProveError, Source, WaypointRow, log};

/// A step with the block that it is of.
pub(super) struct Placed {
    pub(super) number: u64,
    pub(super) height: Height,
    pub(super) time: Timestamp,
    pub(super) row: HistoryStep,
}

/// An owner's history, up to a head.
pub(super) struct History<'a, S> {
    source: &'a S,
    head: Height,
    owner: HistoryOwner,
    count: u64,
    /// The hash of the last step, as the owner's leaf has it; of an owner that is not there, of its beginning.
    last: Digest,
}

impl<'a, S: Source> History<'a, S> {
    /// The history that the owner has in the state after the block at `head`.
    pub(super) fn open(
        source: &'a S,
        head: Height,
        state: StateUnder,
        owner: HistoryOwner,
    ) -> Result<Self, Failure<S>> {
        let key = match &owner {
            HistoryOwner::Account(address) => StateKey::account(address),
            HistoryOwner::Asset(code) => StateKey::asset(code),
        };
        let mut history = Self {
            source,
            head,
            owner,
            count: 0,
            last: Digest::ZERO,
        };
        (history.count, history.last) = match state.value(source, &key)? {
            Some(StateValue::Account(account)) => (account.v1().entries, account.v1().last),
            Some(StateValue::Asset(asset)) => (asset.v1().entries, asset.v1().last),
            Some(_) => return Err(ProveError::damaged(Part::State, head.0)),
            None => (0, history.beginning(&[])),
        };
        Ok(history)
    }

    pub(super) fn source(&self) -> &'a S {
        self.source
    }

    /// How many steps it has.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The hash with which it begins, given what genesis gives the owner.
    pub(super) fn beginning(&self, balances: &[BalanceItem]) -> Digest {
        let start = HistoryStart {
            network: self.source.network(),
            owner: self.owner,
            balances: balances_root(balances),
        };
        start.hash()
    }

    pub(super) fn genesis_balances(&self) -> Result<Vec<BalanceItem>, Failure<S>> {
        let found = self.source.genesis_balances(&self.owner);
        found.map_err(ProveError::Source)
    }

    /// What the owner has as of the head.
    pub(super) fn present(&self, state: StateUnder) -> Result<Balances, Failure<S>> {
        let prefix = match &self.owner {
            HistoryOwner::Account(address) => Prefix::account(address),
            HistoryOwner::Asset(code) => Prefix::of_key(&StateKey::asset(code)),
        };
        let mut balances = Balances::default();
        for value in state.values(self.source, &prefix)? {
            match value {
                StateValue::Account(account) => {
                    for inline in &account.v1().balances {
                        balances.set(inline.asset, (inline.free, inline.held));
                    }
                }
                StateValue::Balance(balance) => {
                    balances.set(balance.v1().asset, (balance.v1().free, balance.v1().held));
                }
                StateValue::Asset(asset) => {
                    balances.set_supply(asset.v1().code, asset.v1().supply);
                }
                _ => {}
            }
        }
        Ok(balances)
    }

    /// The number of the last waypoint whose time is before `time`; `low`, which is 0 or such a waypoint's, if there is
    /// none behind it.
    pub(super) fn last_waypoint_before(&self, time: Timestamp, low: u64) -> Result<u64, Failure<S>> {
        // All up to the lower one are before that time, none above the higher one is.
        let (mut lower, mut higher) = (low / WAYPOINT_INTERVAL, self.count / WAYPOINT_INTERVAL);
        while lower < higher {
            let middle = lower + (higher - lower).div_ceil(2);
            let waypoint = self.waypoint(middle * WAYPOINT_INTERVAL)?;
            if self.time(waypoint.height)? < time {
                lower = middle;
            } else {
                higher = middle - 1;
            }
        }
        Ok(lower * WAYPOINT_INTERVAL)
    }

    fn time(&self, height: Height) -> Result<Timestamp, Failure<S>> {
        let time = self.source.time(height).map_err(ProveError::Source)?;
        time.ok_or(Failure::<S>::damaged(Part::Header, height.0))
    }

    fn waypoint(&self, number: u64) -> Result<WaypointRow, Failure<S>> {
        let found = self.source.waypoint(&self.owner, number);
        let found = found.map_err(ProveError::Source)?;
        found.ok_or(Failure::<S>::damaged(Part::Waypoint, number))
    }

    pub(super) fn waypoint_balances(&self, number: u64) -> Result<Vec<BalanceItem>, Failure<S>> {
        let found = self.source.waypoint_balances(&self.owner, number);
        let found = found.map_err(ProveError::Source)?;
        found.ok_or(Failure::<S>::damaged(Part::Waypoint, number))
    }

    /// The inclusion path of a waypoint's hash in the list that the owner's leaf has the frontier of.
    pub(super) fn waypoint_path(&self, number: u64) -> Result<Vec<Digest>, Failure<S>> {
        let size = self.count / WAYPOINT_INTERVAL;
        let index = (number / WAYPOINT_INTERVAL).saturating_sub(1);
        let mut node = |level: u8, index: u64| -> Result<Digest, Failure<S>> {
            if level == 0 {
                let waypoint = self.waypoint((index + 1) * WAYPOINT_INTERVAL)?;
                return Ok(leaf_hash(&waypoint.hash.0));
            }
            let found = self.source.waypoint_node(&self.owner, level, index);
            let found = found.map_err(ProveError::Source)?;
            found.ok_or(Failure::<S>::damaged(Part::WaypointNode, index))
        };
        make_path(size, index, &mut node)
    }

    /// The steps with numbers from `first`, which is at least 1, to `last`, which is at most the history's last.
    pub(super) fn steps(&self, first: u64, last: u64) -> Result<Vec<Placed>, Failure<S>> {
        let (anchor, mut height) = self.anchor(last)?;
        let mut found = Vec::new();
        // The number of the step behind the next row's last one, once that is known.
        let mut behind: Option<u64> = None;
        loop {
            let damaged = Failure::<S>::damaged(Part::HistoryRow, height.0);
            let row = self.source.history_row(&self.owner, height);
            let Some(row) = row.map_err(ProveError::Source)? else {
                return Err(damaged);
            };
            let (start, before) = (row.first, row.before);
            let Some(end) = end_of(&row).filter(|end| match behind {
                None => (start..*end).contains(&anchor),
                Some(behind) => start < *end && *end == behind,
            }) else {
                return Err(damaged);
            };
            let time = self.time(height)?;
            let numbered = (start..end).zip(row.steps);
            let wanted = numbered.filter(|(number, _)| (first..=last).contains(number));
            let mut placed: Vec<Placed> = wanted
                .map(|(number, row)| Placed {
                    number,
                    height,
                    time,
                    row,
                })
                .collect();
            placed.reverse();
            found.append(&mut placed);
            if start <= first {
                break;
            }
            if before >= height || before == Height::GENESIS {
                return Err(damaged);
            }
            (behind, height) = (Some(start), before);
        }
        found.reverse();
        Ok(found)
    }

    /// A step that is not below the one with this number, and its height, from where rows lead to that: the next
    /// waypoint, or else the history's last step.
    fn anchor(&self, number: u64) -> Result<(u64, Height), Failure<S>> {
        let next = number
            .div_ceil(WAYPOINT_INTERVAL)
            .saturating_mul(WAYPOINT_INTERVAL);
        if next <= self.count {
            return Ok((next, self.waypoint(next)?.height));
        }
        let newest = self.source.newest_step(self.head, &self.owner);
        let newest = newest.map_err(ProveError::Source)?;
        let newest = newest.ok_or(Failure::<S>::damaged(Part::Step, self.count))?;
        Ok((self.count, newest))
    }

    /// A step as its hash covers it. `leaf` is the hash of its leaf in the log.
    pub(super) fn step(placed: &Placed, leaf: Digest, balances: Option<Digest>) -> Step {
        Step {
            number: placed.number,
            ordinal: placed.row.ordinal,
            timestamp: placed.time,
            leaf,
            changes: placed.row.changes.clone(),
            balances,
        }
    }

    /// The history's hash after the last of these steps, which are those between two waypoints from the first one on.
    pub(super) fn hash_after(&self, steps: &[Placed]) -> Result<Digest, Failure<S>> {
        let before = steps.first().map_or(0, |placed| placed.number.saturating_sub(1));
        let mut hash = if before == 0 {
            self.beginning(&self.genesis_balances()?)
        } else {
            self.waypoint(before)?.hash
        };
        for placed in steps {
            let leaf = log::node(self.source, 0, placed.row.ordinal)?;
            hash = history_hash(&hash, &Self::step(placed, leaf, None).inner());
        }
        Ok(hash)
    }

    /// The step at a waypoint, behind which the owner has these balances, and the history's hash with it.
    pub(super) fn waypoint_step(
        &self,
        placed: &Placed,
        before: &Digest,
        balances: &[BalanceItem],
    ) -> Result<(Step, Digest), Failure<S>> {
        let leaf = log::node(self.source, 0, placed.row.ordinal)?;
        let step = Self::step(placed, leaf, Some(balances_root(balances)));
        let hash = history_hash(before, &step.inner());
        self.check(placed.number, &hash)?;
        Ok((step, hash))
    }

    /// Refuses a hash that is not the one that is known of a waypoint, or of the history's last step.
    pub(super) fn check(&self, number: u64, hash: &Digest) -> Result<(), Failure<S>> {
        let known = if number < self.count {
            self.waypoint(number)?.hash
        } else {
            self.last
        };
        if *hash == known {
            Ok(())
        } else {
            Err(ProveError::damaged(Part::Step, number))
        }
    }
}

/// The number behind that of a row's last step.
fn end_of(row: &HistoryRow) -> Option<u64> {
    let steps = u64::try_from(row.steps.len()).ok()?;
    row.first.checked_add(steps)
}
