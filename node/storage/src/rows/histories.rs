//! Rows of the family `histories`: what a block added to the histories of accounts and assets.
//!
//! Strictly ascending by owner: `00 ‖ address` or `01 ‖ b37(code)`, the number of its first step in the block, the
//! height of its step before (0: none), the number of steps. For each step: its ordinal less the block's first, the
//! number of changes, and for each: the asset's number, flags (1: free changed, 2: held not 0 before or after), free
//! before, free after if flag 1, held before and held after if flag 2.
//!
//! The rest of a [`Step`] stands elsewhere: its time in the header, its leaf's hash in `tiles`, and the root over all
//! balances of every 32nd step follows from the steps before it.

use quorate_crypto::{Digest, Height};
use quorate_ledger::limits::MAX_STEP_CHANGES;
use quorate_ledger::{Amount, AssetCode, BalanceChange, HistoryEntry, HistoryOwner, Step, Timestamp};

use super::varint::{Reader, put_count, put_number};
use super::{RowError, put_owner, read_owner};

/// The free balance after is another than before, and stands there.
const FREE_CHANGED: u8 = 1;

/// Holds had or have something: both amounts stand there.
const HELD: u8 = 2;

/// Bytes of an owner with a plain payment's step and some more, so that a row is not moved while it grows.
const USUAL_OWNER_BYTES: usize = 48;

/// Bytes of a step, at least: its ordinal and the number of its changes.
const MIN_STEP_BYTES: usize = 2;

/// The `accounts` of a block's new steps, which are in the order in which they came about. `first_ordinal` is that of
/// the block's first leaf, `number_of` gives an asset's number.
///
/// `previous` gives the height of an owner's step before the block's first; it is asked once for each owner that has
/// one, in their order.
///
/// # Panics
/// If they are not what executing a block gives: a step's leaf is one of the block's. Or if `previous` gives height 0:
/// it is asked for owners alone that have a step before. A row that nobody can read must not be written.
pub fn encode_histories(
    entries: &[HistoryEntry],
    first_ordinal: u64,
    previous: impl Fn(&HistoryOwner) -> Height,
    number_of: impl Fn(&AssetCode) -> u32,
) -> Vec<u8> {
    let sorted = by_owner(entries);
    let mut bytes = Vec::with_capacity(entries.len().saturating_mul(USUAL_OWNER_BYTES));
    for steps in sorted.chunk_by(|entry, next| entry.owner == next.owner) {
        let Some(first) = steps.first() else {
            continue;
        };
        put_owner(&mut bytes, &first.owner);
        put_number(&mut bytes, first.step.number);
        put_number(&mut bytes, height_before(first, &previous).0);
        put_count(&mut bytes, steps.len());
        for entry in steps {
            put_step(&mut bytes, &entry.step, first_ordinal, &number_of);
        }
    }
    bytes
}

/// The entries ascending by owner, those of one in their order.
fn by_owner(entries: &[HistoryEntry]) -> Vec<&HistoryEntry> {
    // What nearly always tells owners apart lies side by side, so that few entries are looked at while sorting.
    let mut fronts: Vec<(u64, usize)> = entries
        .iter()
        .enumerate()
        .map(|(place, entry)| (front_of(&entry.owner), place))
        .collect();
    fronts.sort_unstable_by(|(front, place), (other_front, other_place)| {
        let owners = || entries[*place].owner.cmp(&entries[*other_place].owner);
        front
            .cmp(other_front)
            .then_with(owners)
            .then(place.cmp(other_place))
    });
    fronts.into_iter().map(|(_, place)| &entries[place]).collect()
}

/// A number by which owners order as they do, but for those with the same one.
fn front_of(owner: &HistoryOwner) -> u64 {
    match owner {
        HistoryOwner::Account(address) => {
            let mut front = [0; 8];
            front[1..].copy_from_slice(&address.0[..7]);
            u64::from_be_bytes(front)
        }
        HistoryOwner::Asset(_) => u64::MAX,
    }
}

/// The height of an owner's step before its first one in the block, 0 if there is none.
fn height_before(first: &HistoryEntry, previous: impl Fn(&HistoryOwner) -> Height) -> Height {
    if first.step.number <= 1 {
        return Height::GENESIS;
    }
    let before = previous(&first.owner);
    assert!(before > Height::GENESIS, "the steps of a history are of blocks");
    before
}

fn put_step(bytes: &mut Vec<u8>, step: &Step, first_ordinal: u64, number_of: impl Fn(&AssetCode) -> u32) {
    let place = step.ordinal.checked_sub(first_ordinal);
    put_number(bytes, place.expect("a block's steps are of its own leaves"));
    put_count(bytes, step.changes.len());
    for change in &step.changes {
        let change = StoredChange::new(change, number_of(&change.asset));
        let flags = change.flags();
        put_number(bytes, change.asset);
        bytes.push(flags);
        put_number(bytes, change.free_before.0);
        if flags & FREE_CHANGED != 0 {
            put_number(bytes, change.free_after.0);
        }
        if flags & HELD != 0 {
            put_number(bytes, change.held_before.0);
            put_number(bytes, change.held_after.0);
        }
    }
}

/// What one block added to one history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerRows {
    /// The number of the first of its steps, from 1; the others follow it without a gap.
    pub first: u64,
    /// The height of the block with the step before the first; 0 if there is none.
    pub before: Height,
    /// The steps, at least one, in order.
    pub steps: Vec<StoredStep>,
}

/// What a row says of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredStep {
    /// The place of its transaction's leaf in the log.
    pub ordinal: u64,
    /// What changed, in the order of assets' codes.
    pub changes: Vec<StoredChange>,
}

/// What a row says of a balance that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredChange {
    /// The asset's number.
    pub asset: u32,
    /// What the owner could spend before.
    pub free_before: Amount,
    /// What it can spend after.
    pub free_after: Amount,
    /// What its open holds had before.
    pub held_before: Amount,
    /// What they have after.
    pub held_after: Amount,
}

/// What a row does not say of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepRest {
    /// Its number, by its place in its [`OwnerRows`].
    pub number: u64,
    /// The time of its block, from the header.
    pub timestamp: Timestamp,
    /// The hash of its leaf in the log, from `tiles`.
    pub leaf: Digest,
    /// In every 32nd step the root over all that the owner has after it, from the replay of its balances.
    pub balances: Option<Digest>,
}

impl StoredStep {
    /// The changes with assets' codes, which `code_of` gives by number.
    ///
    /// # Errors
    /// The first that `code_of` gives (such as [`RowError::UnknownAsset`]), or [`RowError::ChangesOrder`] if the codes
    /// do not strictly ascend: then these are not the numbers that the row was written with.
    pub fn balance_changes<E: From<RowError>>(
        &self,
        mut code_of: impl FnMut(u32) -> Result<AssetCode, E>,
    ) -> Result<Vec<BalanceChange>, E> {
        let mut changes: Vec<BalanceChange> = Vec::with_capacity(self.changes.len());
        for change in &self.changes {
            let asset = code_of(change.asset)?;
            if changes.last().is_some_and(|before| before.asset >= asset) {
                return Err(E::from(RowError::ChangesOrder {
                    ordinal: self.ordinal,
                }));
            }
            changes.push(BalanceChange {
                asset,
                free_before: change.free_before,
                free_after: change.free_after,
                held_before: change.held_before,
                held_after: change.held_after,
            });
        }
        Ok(changes)
    }

    /// The whole step, as its hash covers it.
    ///
    /// # Errors
    /// As [`balance_changes`](Self::balance_changes), or [`RowError::BalancesRoot`] if there is a root over all
    /// balances where there should be none, or the other way round.
    pub fn step<E: From<RowError>>(
        &self,
        rest: &StepRest,
        code_of: impl FnMut(u32) -> Result<AssetCode, E>,
    ) -> Result<Step, E> {
        let step = Step {
            number: rest.number,
            ordinal: self.ordinal,
            timestamp: rest.timestamp,
            leaf: rest.leaf,
            changes: self.balance_changes(code_of)?,
            balances: rest.balances,
        };
        if step.is_waypoint() == step.balances.is_some() {
            Ok(step)
        } else {
            let number = step.number;
            Err(E::from(RowError::BalancesRoot { number }))
        }
    }
}

impl StoredChange {
    fn new(change: &BalanceChange, asset: u32) -> Self {
        Self {
            asset,
            free_before: change.free_before,
            free_after: change.free_after,
            held_before: change.held_before,
            held_after: change.held_after,
        }
    }

    fn flags(&self) -> u8 {
        let mut flags = 0;
        if self.free_before != self.free_after {
            flags |= FREE_CHANGED;
        }
        if self.held_before != Amount(0) || self.held_after != Amount(0) {
            flags |= HELD;
        }
        flags
    }

    fn changes_nothing(&self) -> bool {
        (self.free_before, self.held_before) == (self.free_after, self.held_after)
    }
}

/// A row's owners and their steps.
#[derive(Clone, Copy, Debug)]
pub struct HistoryRows<'a> {
    bytes: &'a [u8],
    first_ordinal: u64,
}

impl<'a> HistoryRows<'a> {
    /// What these `accounts` of a block's row have; `first_ordinal` is that of the block's first leaf. Nothing is
    /// looked at yet.
    pub fn new(bytes: &'a [u8], first_ordinal: u64) -> Self {
        Self { bytes, first_ordinal }
    }

    /// What the block added to this owner's history; none if that is nothing.
    ///
    /// # Errors
    /// If the row is damaged up to there. What stands behind is not looked at.
    pub fn of(&self, owner: &HistoryOwner) -> Result<Option<OwnerRows>, RowError> {
        let mut rows = self.iter();
        while !rows.reader.is_at_end() {
            let found = rows.owner()?;
            if found > *owner {
                break;
            }
            if found == *owner {
                return rows.owner_rows().map(Some);
            }
            rows.steps(None)?;
        }
        Ok(None)
    }

    /// All owners, in their order, with what the block added. After an error there is nothing more.
    pub fn iter(&self) -> HistoryIter<'a> {
        HistoryIter {
            reader: Reader::new(self.bytes),
            first_ordinal: self.first_ordinal,
            last: None,
        }
    }
}

impl<'a> IntoIterator for &HistoryRows<'a> {
    type Item = Result<(HistoryOwner, OwnerRows), RowError>;
    type IntoIter = HistoryIter<'a>;

    fn into_iter(self) -> HistoryIter<'a> {
        self.iter()
    }
}

/// The owners of a row, one after the other.
#[derive(Clone, Debug)]
pub struct HistoryIter<'a> {
    reader: Reader<'a>,
    first_ordinal: u64,
    /// The owner that was read last.
    last: Option<HistoryOwner>,
}

impl Iterator for HistoryIter<'_> {
    type Item = Result<(HistoryOwner, OwnerRows), RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_at_end() {
            return None;
        }
        let owner = self.owner();
        let found = owner.and_then(|owner| Ok((owner, self.owner_rows()?)));
        if found.is_err() {
            self.reader.finish();
        }
        Some(found)
    }
}

impl HistoryIter<'_> {
    fn owner(&mut self) -> Result<HistoryOwner, RowError> {
        let at = self.reader.at();
        let owner = read_owner(&mut self.reader)?;
        if self.last.is_some_and(|last| last >= owner) {
            return Err(RowError::NotAscending { what: "owners", at });
        }
        self.last = Some(owner);
        Ok(owner)
    }

    fn owner_rows(&mut self) -> Result<OwnerRows, RowError> {
        let mut steps = Vec::new();
        let (first, before) = self.steps(Some(&mut steps))?;
        Ok(OwnerRows { first, before, steps })
    }

    /// Reads an owner's steps and appends them to `kept`, if there is one. Gives the first one's number and the height
    /// of the step before it.
    fn steps(&mut self, mut kept: Option<&mut Vec<StoredStep>>) -> Result<(u64, Height), RowError> {
        let (first, before, count) = self.numbers()?;
        let mut last = None;
        for _ in 0..count {
            let at = self.reader.at();
            let place: u64 = self.reader.number()?;
            if last.is_some_and(|last| last >= place) {
                return Err(RowError::NotAscending {
                    what: "ordinals of an owner's steps",
                    at,
                });
            }
            last = Some(place);
            let ordinal = self.first_ordinal.checked_add(place);
            let ordinal = ordinal.ok_or(RowError::TooLarge { at })?;
            let changes = self.changes(kept.is_some())?;
            if let Some(kept) = kept.as_deref_mut() {
                kept.push(StoredStep { ordinal, changes });
            }
        }
        Ok((first, before))
    }

    /// The number of an owner's first step, the height of the step before it, and how many there are.
    fn numbers(&mut self) -> Result<(u64, Height, usize), RowError> {
        let at = self.reader.at();
        let first: u64 = self.reader.number()?;
        let at_before = self.reader.at();
        let before: u64 = self.reader.number()?;
        let at_count = self.reader.at();
        let count: usize = self.reader.number()?;
        if first == 0 || count == 0 {
            return Err(RowError::NoSteps { at });
        }
        if (first == 1) != (before == 0) {
            return Err(RowError::StepBefore { at: at_before });
        }
        let end = u64::try_from(count)
            .ok()
            .and_then(|count| first.checked_add(count));
        if end.is_none() || count > self.reader.left() / MIN_STEP_BYTES {
            return Err(RowError::TooLarge { at: at_count });
        }
        Ok((first, Height(before), count))
    }

    /// Reads a step's changes; gives none if they are not wanted.
    fn changes(&mut self, wanted: bool) -> Result<Vec<StoredChange>, RowError> {
        let at = self.reader.at();
        let count: usize = self.reader.number()?;
        if count > MAX_STEP_CHANGES {
            return Err(RowError::TooLarge { at });
        }
        let mut changes = Vec::with_capacity(if wanted { count } else { 0 });
        for _ in 0..count {
            let change = self.change()?;
            if wanted {
                changes.push(change);
            }
        }
        Ok(changes)
    }

    fn change(&mut self) -> Result<StoredChange, RowError> {
        let asset = self.reader.number()?;
        let at = self.reader.at();
        let flags = self.reader.byte()?;
        if flags & !(FREE_CHANGED | HELD) != 0 {
            return Err(RowError::Unknown {
                what: "set of flags",
                found: flags,
                at,
            });
        }
        let free_before = self.amount()?;
        let free_after = if flags & FREE_CHANGED == 0 {
            free_before
        } else {
            self.amount()?
        };
        let (held_before, held_after) = if flags & HELD == 0 {
            (Amount(0), Amount(0))
        } else {
            (self.amount()?, self.amount()?)
        };
        let change = StoredChange {
            asset,
            free_before,
            free_after,
            held_before,
            held_after,
        };
        // Else the same change would have two forms, or the row one too many.
        if change.flags() != flags || change.changes_nothing() {
            return Err(RowError::Flags { at });
        }
        Ok(change)
    }

    fn amount(&mut self) -> Result<Amount, RowError> {
        self.reader.number().map(Amount)
    }
}
