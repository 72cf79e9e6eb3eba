//! What governance looks at and changes (`docs/formats.md`, section 15), as the block under way sees it: names and keys
//! in use, grants, freezes, proposals, guardians, quotas, rules and parameters. Few transactions of a block touch any of
//! it, so one map holds values of all kinds.

use std::collections::HashMap;

use quorate_crypto::{Address, MemberNumber, SeatNumber};

use super::working_state::{Undo, WorkingState};
use crate::{
    AssetCode, Freeze, FreezeV1, GovernanceProposal, GovernanceProposalV1, Grant, GrantV1, Guardians,
    GuardiansV1, InUse, InUseV1, Member, MemberV1, Owner, Parameters, Quota, QuotaShare, QuotaShareV1,
    QuotaV1, Right, Rules, RulesV1, Scope, Seat, SeatV1, StateError, StateKey, StateReader, StateValue,
    Taken,
};

/// Values of governance by key, as the block finds and leaves them. The map is only looked up in; what leaves it is
/// sorted.
#[derive(Default)]
pub(super) struct Governed {
    values: HashMap<StateKey, Slot>,
}

struct Slot {
    /// The value's bytes before the block, if there was one.
    stored: Option<Vec<u8>>,
    now: Option<StateValue>,
}

impl Governed {
    /// The value under a key.
    fn get<R: StateReader>(
        &mut self,
        reader: &R,
        key: &StateKey,
    ) -> Result<Option<&StateValue>, StateError<R::Error>> {
        if !self.values.contains_key(key) {
            let stored = reader.value(key).map_err(StateError::Read)?;
            let now = match &stored {
                Some(bytes) => {
                    let value = StateValue::decode(key, bytes);
                    Some(value.map_err(|_| StateError::Damaged { key: *key })?)
                }
                None => None,
            };
            self.values.insert(*key, Slot { stored, now });
        }
        Ok(self.values.get(key).and_then(|slot| slot.now.as_ref()))
    }

    /// Replaces, makes or removes the value under a key that was looked up before, and gives what was there.
    pub(super) fn put(&mut self, key: &StateKey, now: Option<StateValue>) -> Option<StateValue> {
        let slot = self.values.get_mut(key).expect("the value was looked up before");
        std::mem::replace(&mut slot.now, now)
    }

    /// Whether there is a value under a key that was looked up before.
    pub(super) fn is_there(&self, key: &StateKey) -> bool {
        self.values.get(key).is_some_and(|slot| slot.now.is_some())
    }

    /// Adds what is another than before the block to its changes.
    pub(super) fn finish(self, changes: &mut Vec<(StateKey, Option<Vec<u8>>)>) {
        for (key, slot) in self.values {
            let value = slot.now.as_ref().map(StateValue::encode);
            if value != slot.stored {
                changes.push((key, value));
            }
        }
    }
}

/// What a value of the state under such a key must be.
macro_rules! value_of {
    ($found:expr, $kind:ident, $key:expr) => {
        match $found {
            Some(StateValue::$kind($kind::V1(value))) => Ok(Some(value.clone())),
            None => Ok(None),
            Some(_) => Err(StateError::Damaged { key: $key }),
        }
    };
}

impl<R: StateReader> WorkingState<'_, R> {
    /// Whose a name or a key is or was.
    pub(super) fn in_use(&mut self, taken: &Taken) -> Result<Option<InUseV1>, StateError<R::Error>> {
        let key = StateKey::in_use(taken);
        value_of!(self.governed.get(self.reader, &key)?, InUse, key)
    }

    /// Notes whose a name or a key is from now on, for good. It must not be in use.
    pub(super) fn take(&mut self, taken: Taken, by: Owner) -> Result<(), StateError<R::Error>> {
        let key = StateKey::in_use(&taken);
        self.put_governed(key, Some(StateValue::InUse(InUse::V1(InUseV1 { taken, by }))))
    }

    /// A right that an account itself was granted.
    pub(super) fn grant_of(
        &mut self,
        account: &Address,
        right: Right,
        scope: &Scope,
    ) -> Result<Option<GrantV1>, StateError<R::Error>> {
        let key = StateKey::grant(account, right, scope);
        value_of!(self.governed.get(self.reader, &key)?, Grant, key)
    }

    pub(super) fn put_grant(&mut self, grant: GrantV1) -> Result<(), StateError<R::Error>> {
        let grant = Grant::V1(grant);
        self.put_governed(grant.key(), Some(StateValue::Grant(grant)))
    }

    pub(super) fn remove_grant(
        &mut self,
        account: &Address,
        right: Right,
        scope: &Scope,
    ) -> Result<(), StateError<R::Error>> {
        self.put_governed(StateKey::grant(account, right, scope), None)
    }

    /// What froze an account for an asset, or wholly.
    pub(super) fn freeze_of(
        &mut self,
        account: &Address,
        asset: Option<&AssetCode>,
    ) -> Result<Option<FreezeV1>, StateError<R::Error>> {
        let key = StateKey::freeze(account, asset);
        value_of!(self.governed.get(self.reader, &key)?, Freeze, key)
    }

    pub(super) fn put_freeze(&mut self, freeze: FreezeV1) -> Result<(), StateError<R::Error>> {
        let key = StateKey::freeze(&freeze.account, freeze.asset.as_ref());
        self.put_governed(key, Some(StateValue::Freeze(Freeze::V1(freeze))))
    }

    pub(super) fn remove_freeze(
        &mut self,
        account: &Address,
        asset: Option<&AssetCode>,
    ) -> Result<(), StateError<R::Error>> {
        self.put_governed(StateKey::freeze(account, asset), None)
    }

    pub(super) fn proposal(
        &mut self,
        number: u64,
    ) -> Result<Option<GovernanceProposalV1>, StateError<R::Error>> {
        let key = StateKey::proposal(number);
        value_of!(self.governed.get(self.reader, &key)?, GovernanceProposal, key)
    }

    pub(super) fn put_proposal(
        &mut self,
        proposal: GovernanceProposalV1,
    ) -> Result<(), StateError<R::Error>> {
        let key = StateKey::proposal(proposal.number);
        let value = StateValue::GovernanceProposal(GovernanceProposal::V1(proposal));
        self.put_governed(key, Some(value))
    }

    pub(super) fn guardians_of(
        &mut self,
        account: &Address,
    ) -> Result<Option<GuardiansV1>, StateError<R::Error>> {
        let key = StateKey::guardians(account);
        value_of!(self.governed.get(self.reader, &key)?, Guardians, key)
    }

    pub(super) fn put_guardians(
        &mut self,
        account: &Address,
        guardians: Option<GuardiansV1>,
    ) -> Result<(), StateError<R::Error>> {
        let value = guardians.map(|guardians| StateValue::Guardians(Guardians::V1(guardians)));
        self.put_governed(StateKey::guardians(account), value)
    }

    pub(super) fn quota_of(
        &mut self,
        member: Option<MemberNumber>,
    ) -> Result<Option<QuotaV1>, StateError<R::Error>> {
        let key = StateKey::quota(member);
        value_of!(self.governed.get(self.reader, &key)?, Quota, key)
    }

    pub(super) fn put_quota(&mut self, quota: QuotaV1) -> Result<(), StateError<R::Error>> {
        let key = StateKey::quota(quota.member);
        self.put_governed(key, Some(StateValue::Quota(Quota::V1(quota))))
    }

    pub(super) fn share_of(
        &mut self,
        account: &Address,
    ) -> Result<Option<QuotaShareV1>, StateError<R::Error>> {
        let key = StateKey::quota_share(account);
        value_of!(self.governed.get(self.reader, &key)?, QuotaShare, key)
    }

    pub(super) fn put_share(&mut self, share: QuotaShareV1) -> Result<(), StateError<R::Error>> {
        let key = StateKey::quota_share(&share.account);
        self.put_governed(key, Some(StateValue::QuotaShare(QuotaShare::V1(share))))
    }

    pub(super) fn remove_share(&mut self, account: &Address) -> Result<(), StateError<R::Error>> {
        self.put_governed(StateKey::quota_share(account), None)
    }

    /// The rules in force.
    pub(super) fn rules(&mut self) -> Result<RulesV1, StateError<R::Error>> {
        let key = StateKey::rules();
        let found: Result<Option<RulesV1>, _> = value_of!(self.governed.get(self.reader, &key)?, Rules, key);
        found?.ok_or(StateError::Damaged { key })
    }

    pub(super) fn put_rules(&mut self, rules: Rules) -> Result<(), StateError<R::Error>> {
        self.put_governed(StateKey::rules(), Some(StateValue::Rules(rules)))
    }

    /// The parameters in force.
    pub(super) fn parameters(&mut self) -> Result<Parameters, StateError<R::Error>> {
        let key = StateKey::parameters();
        match self.governed.get(self.reader, &key)? {
            Some(StateValue::Parameters(parameters)) => Ok(parameters.clone()),
            _ => Err(StateError::Damaged { key }),
        }
    }

    pub(super) fn put_parameters(&mut self, parameters: Parameters) -> Result<(), StateError<R::Error>> {
        self.put_governed(StateKey::parameters(), Some(StateValue::Parameters(parameters)))
    }

    /// Writes or removes a value, such that it can be taken back.
    fn put_governed(&mut self, key: StateKey, now: Option<StateValue>) -> Result<(), StateError<R::Error>> {
        self.governed.get(self.reader, &key)?;
        let before = self.governed.put(&key, now);
        self.undo.push(Undo::Governed(key, before.map(Box::new)));
        Ok(())
    }

    /// The member with this number.
    pub(super) fn member(&mut self, number: MemberNumber) -> Result<Option<MemberV1>, StateError<R::Error>> {
        let found = self.members.get(self.reader, &StateKey::member(number))?;
        Ok(found.map(|Member::V1(member)| member.clone()))
    }

    /// The member with this number, if it has not left.
    pub(super) fn present_member(
        &mut self,
        number: MemberNumber,
    ) -> Result<Option<MemberV1>, StateError<R::Error>> {
        let found = self.members.get(self.reader, &StateKey::member(number))?;
        let present = found.filter(|Member::V1(member)| !member.status.has_left());
        Ok(present.map(|Member::V1(member)| member.clone()))
    }

    pub(super) fn put_member(&mut self, member: MemberV1) -> Result<(), StateError<R::Error>> {
        let key = StateKey::member(member.number);
        self.members.get(self.reader, &key)?;
        let before = self.members.put(&key, Some(Member::V1(member)));
        self.undo.push(Undo::Member(key, before.map(Box::new)));
        Ok(())
    }

    /// The seat with this number.
    pub(super) fn seat(&mut self, number: SeatNumber) -> Result<Option<SeatV1>, StateError<R::Error>> {
        let found = self.seats.get(self.reader, &StateKey::seat(number))?;
        Ok(found.map(|Seat::V1(seat)| seat.clone()))
    }

    pub(super) fn put_seat(&mut self, seat: SeatV1) -> Result<(), StateError<R::Error>> {
        let key = StateKey::seat(seat.number);
        self.seats.get(self.reader, &key)?;
        let before = self.seats.put(&key, Some(Seat::V1(seat)));
        self.undo.push(Undo::Seat(key, before.map(Box::new)));
        Ok(())
    }
}
