//! Who may do what (`docs/formats.md`, section 15, rights), from protocol 2 on: what each operation asks of the acting
//! party before its own conditions, who may receive, and the operations that grant and take back rights, freeze
//! accounts and make them a member's.

use quorate_crypto::{Address, MemberNumber};

use super::funds::AssetPlace;
use super::operations::{Failure, Turn};
use super::working_state::{AccountIndex, WorkingState};
use crate::{
    AssetCode, ErrorCode, FreezeV1, GrantV1, Keep, Operation, Right, Scope, StateError, StateReader,
};

/// What accounts without a member may do, as bits of a rule.
mod strangers {
    pub(super) const HOLD: u8 = 1;
    pub(super) const SEND: u8 = 2;
    pub(super) const CREATE: u8 = 4;
}

/// Flags of an asset.
pub(super) mod flags {
    /// Holders need admission.
    pub(in super::super) const ADMISSION: u8 = 1;
    /// Accounts can be frozen for it.
    pub(in super::super) const FREEZABLE: u8 = 2;
}

impl<R: StateReader> WorkingState<'_, R> {
    /// Checks that the acting party may do such an operation at all, and is not frozen for it.
    pub(super) fn check_may_act(
        &mut self,
        turn: &Turn<'_>,
        operation: &Operation,
    ) -> Result<(), Failure<R::Error>> {
        let may = match operation {
            Operation::CreateAsset { .. } => self.may_create(turn.acting)?,
            Operation::PutRecord {
                keep: Keep::Own | Keep::Unique,
                ..
            } => self.may_put_records(turn.acting)?,
            Operation::Mint { .. }
            | Operation::Burn { .. }
            | Operation::Transfer { .. }
            | Operation::Hold { .. } => self.takes_part(turn.acting, strangers::SEND)?,
            // What others need stands in their own conditions.
            _ => true,
        };
        if !may {
            return Err(ErrorCode::NOT_PERMITTED.into());
        }
        let asset = match operation {
            Operation::CreateAsset { .. } => None,
            Operation::Mint { asset, .. }
            | Operation::Burn { asset, .. }
            | Operation::Transfer { asset, .. }
            | Operation::Hold { asset, .. } => Some(asset),
            _ => return Ok(()),
        };
        if self.is_frozen(turn.acting, asset)? {
            return Err(ErrorCode::FROZEN.into());
        }
        Ok(())
    }

    /// Checks that an account may receive units of an asset that exists.
    pub(super) fn check_may_receive(
        &mut self,
        to: AccountIndex,
        asset: AssetPlace,
    ) -> Result<(), Failure<R::Error>> {
        if self.moment.protocol < 2 {
            return Ok(());
        }
        let admitted = self.takes_part(to, strangers::HOLD)? && self.is_admitted(to, asset)?;
        if admitted {
            Ok(())
        } else {
            Err(ErrorCode::NOT_ADMITTED.into())
        }
    }

    /// Whether an account may hold an asset whose holders need admission, if it is one: its issuer, and who has the
    /// right.
    fn is_admitted(&mut self, to: AccountIndex, asset: AssetPlace) -> Result<bool, StateError<R::Error>> {
        let found = self.asset(&asset.code)?;
        let Some(found) = found.filter(|asset| asset.flags & flags::ADMISSION != 0) else {
            return Ok(true);
        };
        let issuer = found.issuer;
        Ok(issuer == self.address(to) || self.has(to, Right::HoldAsset, &Scope::Asset(asset.code))?)
    }

    /// Whether an account is frozen, wholly or for this asset.
    fn is_frozen(
        &mut self,
        place: AccountIndex,
        code: Option<&AssetCode>,
    ) -> Result<bool, StateError<R::Error>> {
        if self.accounts[place.0].account.frozen {
            return Ok(true);
        }
        let Some(code) = code else {
            return Ok(false);
        };
        let asset = self.asset(code)?;
        if asset.is_none_or(|asset| asset.flags & flags::FREEZABLE == 0) {
            return Ok(false);
        }
        let address = self.address(place);
        Ok(self.freeze_of(&address, Some(code))?.is_some())
    }

    /// Whether an account is a member's, or may do as accounts without a member what a bit of the rules says.
    fn takes_part(&mut self, place: AccountIndex, bit: u8) -> Result<bool, StateError<R::Error>> {
        if self.rules()?.strangers & bit != 0 || self.member_of(place)?.is_some() {
            return Ok(true);
        }
        self.has(place, Right::Participate, &Scope::Network)
    }

    fn may_create(&mut self, place: AccountIndex) -> Result<bool, StateError<R::Error>> {
        if self.rules()?.strangers & strangers::CREATE != 0 {
            return Ok(true);
        }
        let address = self.address(place);
        let right = Right::CreateAsset;
        if self.grant_of(&address, right, &Scope::Network)?.is_some() {
            return Ok(true);
        }
        // A member hands on to its accounts what it may do itself.
        let Some(member) = self.member_of(place)? else {
            return Ok(false);
        };
        let handed_on = self.grant_of(&address, right, &Scope::Member(member))?.is_some();
        let Some(member) = self.member(member)?.filter(|_| handed_on) else {
            return Ok(false);
        };
        Ok(self.grant_of(&member.account, right, &Scope::Network)?.is_some())
    }

    /// Whether an account that is not the issuer may mint an asset.
    pub(super) fn may_mint(
        &mut self,
        place: AccountIndex,
        code: &AssetCode,
    ) -> Result<bool, StateError<R::Error>> {
        if self.moment.protocol < 2 {
            return Ok(false);
        }
        self.has(place, Right::Mint, &Scope::Asset(*code))
    }

    /// Whether an account may erase texts of transactions that do not name it.
    pub(super) fn may_erase(&mut self, place: AccountIndex) -> Result<bool, StateError<R::Error>> {
        Ok(self.moment.protocol >= 2 && self.has(place, Right::Erase, &Scope::Network)?)
    }

    fn may_put_records(&mut self, place: AccountIndex) -> Result<bool, StateError<R::Error>> {
        if self.rules()?.strangers & strangers::CREATE != 0 || self.member_of(place)?.is_some() {
            return Ok(true);
        }
        self.has(place, Right::PutRecord, &Scope::Network)
    }

    /// The member that an account is of, unless that has left.
    pub(super) fn member_of(
        &mut self,
        place: AccountIndex,
    ) -> Result<Option<MemberNumber>, StateError<R::Error>> {
        let Some(number) = self.accounts[place.0].account.member else {
            return Ok(None);
        };
        let present = self.present_member(number)?;
        Ok(present.map(|member| member.number))
    }

    /// Whether an account has a right: it itself, or the account of the member that it is of. What is done in a
    /// member's name, and the making of assets, need the account's own.
    pub(super) fn has(
        &mut self,
        place: AccountIndex,
        right: Right,
        scope: &Scope,
    ) -> Result<bool, StateError<R::Error>> {
        let address = self.address(place);
        if self.grant_of(&address, right, scope)?.is_some() {
            return Ok(true);
        }
        if matches!(right, Right::Administrate | Right::Operate | Right::CreateAsset) {
            return Ok(false);
        }
        let Some(number) = self.member_of(place)? else {
            return Ok(false);
        };
        let Some(member) = self.member(number)? else {
            return Ok(false);
        };
        Ok(self.grant_of(&member.account, right, scope)?.is_some())
    }

    /// Whether an account speaks for a member that has not left: its own account, or an administrator's.
    pub(super) fn speaks_for(
        &mut self,
        place: AccountIndex,
        number: MemberNumber,
    ) -> Result<bool, StateError<R::Error>> {
        let Some(member) = self.present_member(number)? else {
            return Ok(false);
        };
        let address = self.address(place);
        if member.account == address {
            return Ok(true);
        }
        let scope = Scope::Member(number);
        Ok(self.grant_of(&address, Right::Administrate, &scope)?.is_some())
    }

    /// The member that the acting party speaks for: the one that its account is of.
    pub(super) fn speaker(&mut self, turn: &Turn<'_>) -> Result<MemberNumber, Failure<R::Error>> {
        let number = self.member_of(turn.acting)?.ok_or(ErrorCode::NOT_PERMITTED)?;
        if self.speaks_for(turn.acting, number)? {
            Ok(number)
        } else {
            Err(ErrorCode::NOT_PERMITTED.into())
        }
    }

    /// Checks that what a scope names is there.
    pub(super) fn check_scope(&mut self, scope: &Scope) -> Result<(), Failure<R::Error>> {
        match scope {
            Scope::Network => Ok(()),
            Scope::Member(number) => match self.present_member(*number)? {
                Some(_) => Ok(()),
                None => Err(ErrorCode::UNKNOWN_MEMBER.into()),
            },
            Scope::Asset(code) => self.known_asset(code).map(|_| ()),
        }
    }

    /// Checks that the acting party may grant rights of this scope, and take them back.
    fn check_grants(&mut self, turn: &Turn<'_>, scope: &Scope) -> Result<(), Failure<R::Error>> {
        self.check_scope(scope)?;
        let may = match scope {
            Scope::Network => false,
            Scope::Member(number) => self.speaks_for(turn.acting, *number)?,
            Scope::Asset(code) => {
                let acting = self.address(turn.acting);
                self.asset(code)?.is_some_and(|asset| asset.issuer == acting)
            }
        };
        if may {
            Ok(())
        } else {
            Err(ErrorCode::NOT_PERMITTED.into())
        }
    }

    pub(super) fn grant(
        &mut self,
        turn: &Turn<'_>,
        account: &Address,
        right: Right,
        scope: &Scope,
    ) -> Result<(), Failure<R::Error>> {
        self.check_grants(turn, scope)?;
        let by = self.address(turn.acting);
        self.give_right(account, right, scope, by, turn.ordinal)
    }

    /// Gives an account a right that it does not have.
    pub(super) fn give_right(
        &mut self,
        account: &Address,
        right: Right,
        scope: &Scope,
        by: Address,
        ordinal: u64,
    ) -> Result<(), Failure<R::Error>> {
        if self.grant_of(account, right, scope)?.is_some() {
            return Err(ErrorCode::ALREADY_SO.into());
        }
        let (account, scope) = (*account, *scope);
        Ok(self.put_grant(GrantV1 {
            account,
            right,
            scope,
            by,
            ordinal,
        })?)
    }

    pub(super) fn revoke(
        &mut self,
        turn: &Turn<'_>,
        account: &Address,
        right: Right,
        scope: &Scope,
    ) -> Result<(), Failure<R::Error>> {
        self.check_grants(turn, scope)?;
        self.take_right(account, right, scope)
    }

    /// Takes a right from an account that has it. The right of a member's own account to administer it stays, so that
    /// there is always one that does.
    pub(super) fn take_right(
        &mut self,
        account: &Address,
        right: Right,
        scope: &Scope,
    ) -> Result<(), Failure<R::Error>> {
        if self.grant_of(account, right, scope)?.is_none() {
            return Err(ErrorCode::ALREADY_SO.into());
        }
        if let (Right::Administrate, Scope::Member(number)) = (right, scope)
            && let Some(member) = self.present_member(*number)?
            && member.account == *account
        {
            return Err(ErrorCode::WOULD_STRAND.into());
        }
        Ok(self.remove_grant(account, right, scope)?)
    }

    pub(super) fn freeze(
        &mut self,
        turn: &Turn<'_>,
        account: &Address,
        code: Option<&AssetCode>,
    ) -> Result<(), Failure<R::Error>> {
        self.check_freezes(turn, code)?;
        let by = self.address(turn.acting);
        self.make_frozen(account, code, by, turn.ordinal)
    }

    pub(super) fn unfreeze(
        &mut self,
        turn: &Turn<'_>,
        account: &Address,
        code: Option<&AssetCode>,
    ) -> Result<(), Failure<R::Error>> {
        self.check_freezes(turn, code)?;
        self.end_freeze(account, code)
    }

    /// Checks that the acting party may freeze accounts, wholly or for an asset.
    fn check_freezes(&mut self, turn: &Turn<'_>, code: Option<&AssetCode>) -> Result<(), Failure<R::Error>> {
        let mut may = false;
        if let Some(code) = code {
            self.known_asset(code)?;
            let acting = self.address(turn.acting);
            may = self.asset(code)?.is_some_and(|asset| asset.issuer == acting)
                || self.has(turn.acting, Right::Freeze, &Scope::Asset(*code))?;
        }
        if may || self.has(turn.acting, Right::Freeze, &Scope::Network)? {
            Ok(())
        } else {
            Err(ErrorCode::NOT_PERMITTED.into())
        }
    }

    /// Freezes an account that is not frozen so, wholly or for an asset that allows it.
    pub(super) fn make_frozen(
        &mut self,
        account: &Address,
        code: Option<&AssetCode>,
        by: Address,
        ordinal: u64,
    ) -> Result<(), Failure<R::Error>> {
        if let Some(code) = code {
            let asset = self.asset(code)?.ok_or(ErrorCode::UNKNOWN_ASSET)?;
            if asset.flags & flags::FREEZABLE == 0 {
                return Err(ErrorCode::NOT_PERMITTED.into());
            }
        }
        if self.freeze_of(account, code)?.is_some() {
            return Err(ErrorCode::ALREADY_SO.into());
        }
        if code.is_none() {
            let place = self.account(account)?;
            self.set_frozen(place, true);
        }
        Ok(self.put_freeze(FreezeV1 {
            account: *account,
            asset: code.copied(),
            by,
            ordinal,
            timestamp: self.moment.timestamp,
        })?)
    }

    /// Ends a freeze.
    pub(super) fn end_freeze(
        &mut self,
        account: &Address,
        code: Option<&AssetCode>,
    ) -> Result<(), Failure<R::Error>> {
        if self.freeze_of(account, code)?.is_none() {
            return Err(ErrorCode::ALREADY_SO.into());
        }
        if code.is_none() {
            let place = self.account(account)?;
            self.set_frozen(place, false);
        }
        Ok(self.remove_freeze(account, code)?)
    }

    /// Makes an account a member's, as both want it, or nobody's, as one of them wants it.
    pub(super) fn assign(
        &mut self,
        turn: &Turn<'_>,
        account: &Address,
        member: Option<MemberNumber>,
    ) -> Result<(), Failure<R::Error>> {
        let place = self.account(account)?;
        let of = self.member_of(place)?;
        match member {
            Some(number) => {
                if self.present_member(number)?.is_none() {
                    return Err(ErrorCode::UNKNOWN_MEMBER.into());
                }
                if !self.speaks_for(turn.acting, number)? || !turn.parties.contains(account) {
                    return Err(ErrorCode::NOT_PERMITTED.into());
                }
                if of.is_some() {
                    return Err(ErrorCode::ALREADY_SO.into());
                }
            }
            None => {
                let number = of.ok_or(ErrorCode::ALREADY_SO)?;
                if turn.acting != place && !self.speaks_for(turn.acting, number)? {
                    return Err(ErrorCode::NOT_PERMITTED.into());
                }
                let own = self.member(number)?.map(|member| member.account);
                if own == Some(*account) {
                    return Err(ErrorCode::WOULD_STRAND.into());
                }
            }
        }
        self.set_member(place, member);
        // A share is of the member's quota that it was.
        if self.share_of(account)?.is_some() {
            self.remove_share(account)?;
        }
        Ok(())
    }
}
