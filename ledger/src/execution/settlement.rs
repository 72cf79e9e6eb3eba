//! Holds: units put aside until a condition is met or a time has come (`docs/formats.md`, section 11).
//!
//! A release pays the beneficiary while `t < until`, a refund gives back from `until` on. The one exception
//! is a beneficiary that gives its claim up, so release and refund never contend but by its own will.
//! Whether it may receive was judged when the hold was made, and `incoming` keeps its place: so a release
//! cannot fail on its side.

use quorate_crypto::Digest;

use super::funds::AssetPlace;
use super::operations::{Failure, Turn};
use super::working_state::{AccountIndex, Undo, WorkingState};
use crate::limits::MAX_OPEN_HOLDS;
use crate::{
    Amount, Condition, ConditionLeaf, ErrorCode, Hold, HoldRef, HoldV1, Record, StateError, StateKey,
    StateReader,
};

/// An open hold, where it lies, and whom and what it concerns.
struct OpenHold {
    key: StateKey,
    hold: HoldV1,
    owner: AccountIndex,
    beneficiary: AccountIndex,
    asset: AssetPlace,
}

impl<R: StateReader> WorkingState<'_, R> {
    /// Makes a hold, whose owner is the acting party.
    pub(super) fn hold(&mut self, turn: &Turn<'_>, hold: HoldV1) -> Result<(), Failure<R::Error>> {
        let owner = turn.acting;
        let asset = self.known_asset(&hold.asset)?;
        let now = self.moment.timestamp;
        let latest = now.0.saturating_add(self.moment.max_hold_ms);
        if hold.until <= now || hold.until.0 > latest {
            return Err(ErrorCode::BAD_UNTIL.into());
        }
        self.require_free(owner, asset, hold.amount)?;
        let open = self.open_holds(owner);
        if usize::from(open) >= MAX_OPEN_HOLDS {
            return Err(ErrorCode::TOO_MANY_HOLDS.into());
        }
        let beneficiary = self.account(&hold.beneficiary)?;
        self.check_may_receive(beneficiary, asset)?;
        self.require_place(beneficiary, asset)?;
        if self.funds(beneficiary, asset)?.expecting().is_none() {
            return Err(ErrorCode::TOO_MANY_BALANCES.into());
        }
        let key = StateKey::hold(&hold.owner, &hold.transaction, hold.operation);
        if self.holds.get(self.reader, &key)?.is_some() {
            return Err(ErrorCode::KEY_TAKEN.into());
        }
        let amount = hold.amount;
        self.put_hold(key, Some(hold));
        self.set_open_holds(owner, open.saturating_add(1));
        self.change_funds(owner, asset, |funds| funds.put_aside(amount))?;
        self.change_funds(beneficiary, asset, |funds| funds.expecting())?;
        self.beneficiaries.push(beneficiary);
        Ok(())
    }

    /// Pays all of a hold or a part of it to its beneficiary; `given` are the hashes of the preimages. Gives
    /// what was paid.
    pub(super) fn release(
        &mut self,
        turn: &Turn<'_>,
        reference: &HoldRef,
        amount: Option<Amount>,
        given: &[Digest],
    ) -> Result<Amount, Failure<R::Error>> {
        let open = self.open_hold(reference)?;
        let hold = &open.hold;
        if self.moment.timestamp >= hold.until {
            return Err(ErrorCode::HOLD_ENDED.into());
        }
        let asked = |hash: &Digest| {
            let leaf = ConditionLeaf::Preimage(*hash);
            hold.condition.leaves.contains(&leaf)
        };
        if !given.iter().all(asked) {
            return Err(ErrorCode::NEEDLESS_PREIMAGE.into());
        }
        if !self.is_met(turn, &hold.condition, given)? {
            return Err(ErrorCode::CONDITION_UNMET.into());
        }
        let paid = amount.unwrap_or(hold.amount);
        if paid > hold.amount {
            return Err(ErrorCode::EXCEEDS_HOLD.into());
        }
        if amount.is_some() && !turn.parties.contains(&hold.beneficiary) {
            return Err(ErrorCode::BENEFICIARY_NOT_PARTY.into());
        }
        let (owner, beneficiary, asset) = (open.owner, open.beneficiary, open.asset);
        self.change_funds(owner, asset, |funds| funds.paid_out(paid))?;
        self.change_funds(beneficiary, asset, |funds| funds.credited(paid))?;
        self.take_from_hold(open, paid)?;
        Ok(paid)
    }

    /// Gives what is left of a hold back to its owner. Gives how much that is.
    pub(super) fn refund(
        &mut self,
        turn: &Turn<'_>,
        reference: &HoldRef,
    ) -> Result<Amount, Failure<R::Error>> {
        let open = self.open_hold(reference)?;
        let ended = self.moment.timestamp >= open.hold.until;
        if !ended && !turn.parties.contains(&open.hold.beneficiary) {
            return Err(ErrorCode::HOLD_NOT_ENDED.into());
        }
        let rest = open.hold.amount;
        self.change_funds(open.owner, open.asset, |funds| funds.given_back(rest))?;
        self.take_from_hold(open, rest)?;
        Ok(rest)
    }

    /// Finds the hold that is referred to, if it is open.
    fn open_hold(&mut self, reference: &HoldRef) -> Result<OpenHold, Failure<R::Error>> {
        let key = StateKey::hold(&reference.owner, &reference.transaction, reference.operation);
        let found = self.holds.get(self.reader, &key)?;
        let is_meant = |hold: &&HoldV1| {
            hold.owner == reference.owner
                && hold.transaction == reference.transaction
                && hold.operation == reference.operation
        };
        let hold = found.map(|Hold::V1(hold)| hold).filter(is_meant).cloned();
        let hold = hold.ok_or(ErrorCode::UNKNOWN_HOLD)?;
        Ok(OpenHold {
            key,
            owner: self.account(&hold.owner)?,
            beneficiary: self.account(&hold.beneficiary)?,
            asset: self.known_asset(&hold.asset)?,
            hold,
        })
    }

    /// Whether as many leaves of a condition as it needs are met by a release.
    fn is_met(
        &mut self,
        turn: &Turn<'_>,
        condition: &Condition,
        given: &[Digest],
    ) -> Result<bool, StateError<R::Error>> {
        let mut met = 0_usize;
        for leaf in &condition.leaves {
            let is_met = match leaf {
                ConditionLeaf::Signs(account) => turn.parties.contains(account),
                ConditionLeaf::From(time) => self.moment.timestamp >= *time,
                ConditionLeaf::Preimage(hash) => given.contains(hash),
                ConditionLeaf::Record { sha256, by } => {
                    let key = StateKey::own_record(by, sha256);
                    let found = self.records.get(self.reader, &key)?;
                    found.is_some_and(|Record::V1(record)| record.address == *by && record.sha256 == *sha256)
                }
            };
            met += usize::from(is_met);
        }
        Ok(met >= usize::from(condition.need))
    }

    /// Takes units, which were paid, out of a hold, and closes it with the last of them.
    fn take_from_hold(&mut self, open: OpenHold, paid: Amount) -> Result<(), StateError<R::Error>> {
        let OpenHold {
            key,
            mut hold,
            owner,
            beneficiary,
            asset,
        } = open;
        let damaged = || StateError::<R::Error>::Damaged { key };
        let rest = hold.amount.0.checked_sub(paid.0).ok_or_else(damaged)?;
        if rest > 0 {
            hold.amount = Amount(rest);
            self.put_hold(key, Some(hold));
            return Ok(());
        }
        let others = self.open_holds(owner).checked_sub(1).ok_or_else(damaged)?;
        self.set_open_holds(owner, others);
        self.change_funds(beneficiary, asset, |funds| funds.not_expecting())?;
        self.put_hold(key, None);
        Ok(())
    }

    /// Writes or removes a hold whose key was looked up before.
    fn put_hold(&mut self, key: StateKey, hold: Option<HoldV1>) {
        let before = self.holds.put(&key, hold.map(Hold::V1));
        self.undo.push(Undo::Hold(key, before.map(Box::new)));
    }
}
