//! What a proposal that passed does (`docs/formats.md`, section 15): at once, where no agreement is concerned. What
//! concerns agreement waits for the epoch's end (`epochs.rs`).

use quorate_crypto::{Address, MemberNumber};

use super::operations::{Failure, Turn};
use super::working_state::WorkingState;
use crate::limits::MAX_MEMBERS;
use crate::{
    Attested, Change, ErrorCode, GovernanceProposalV1, Limit, MemberStatus, MemberV1, Owner, QuotaV1, Right,
    Rules, Scope, StateError, StateReader, Taken,
};

impl Change {
    /// Whether it takes effect at the epoch's end, as agreement is concerned.
    pub fn waits(&self) -> bool {
        matches!(
            self,
            Self::AddSeat { .. }
                | Self::RemoveSeat(_)
                | Self::Parameters(_)
                | Self::Engine(_)
                | Self::Protocol(_)
        )
    }

    /// Whether it is refused unless enough seats of the committee that it makes are live.
    pub fn needs_live_seats(&self) -> bool {
        matches!(
            self,
            Self::AddSeat { .. }
                | Self::RemoveSeat(_)
                | Self::Engine(_)
                | Self::Protocol(_)
                | Self::ExpelMember(_)
                | Self::MemberLeaves(_)
        )
    }
}

impl<R: StateReader> WorkingState<'_, R> {
    /// Carries out a change that does not wait. `attested`: who is live; none where that is not asked yet. What it has
    /// changed when it fails is for the caller to take back.
    pub(super) fn enact(
        &mut self,
        turn: &Turn<'_>,
        proposal: &GovernanceProposalV1,
        attested: Option<&[Attested]>,
    ) -> Result<(), Failure<R::Error>> {
        let by = self.account_of(proposal.member)?;
        match &proposal.change {
            Change::AdmitMember { name, account } => self.admit(turn, name, account, by),
            Change::ExpelMember(number) => self.part(*number, MemberStatus::Expelled, attested),
            Change::MemberLeaves(number) => {
                if *number != proposal.member {
                    return Err(ErrorCode::NOT_PERMITTED.into());
                }
                self.part(*number, MemberStatus::Left, attested)
            }
            Change::ReinstateMember(number) => self.reinstate(*number),
            Change::Rules(rules) => self.replace_rules(rules),
            Change::Grant {
                account,
                right,
                scope,
            } => {
                self.check_scope(scope)?;
                self.give_right(account, *right, scope, by, turn.ordinal)
            }
            Change::Revoke {
                account,
                right,
                scope,
            } => {
                self.check_scope(scope)?;
                self.take_right(account, *right, scope)
            }
            Change::Quota { member, limit } => self.set_limit(*member, *limit),
            Change::Freeze { account, asset } => self.make_frozen(account, asset.as_ref(), by, turn.ordinal),
            Change::Unfreeze { account, asset } => self.end_freeze(account, asset.as_ref()),
            Change::AddSeat { .. }
            | Change::RemoveSeat(_)
            | Change::Parameters(_)
            | Change::Engine(_)
            | Change::Protocol(_) => unreachable!("what concerns agreement waits for the epoch's end"),
        }
    }

    /// The account of a member that made a proposal.
    fn account_of(&mut self, number: MemberNumber) -> Result<Address, Failure<R::Error>> {
        let member = self.member(number)?.ok_or(ErrorCode::UNKNOWN_MEMBER)?;
        Ok(member.account)
    }

    /// All members that have not left, ascending by number.
    pub(super) fn members_present(&mut self) -> Result<Vec<MemberV1>, StateError<R::Error>> {
        let mut members = Vec::new();
        for number in 0..self.counters()?.members {
            members.extend(self.present_member(MemberNumber(number))?);
        }
        Ok(members)
    }

    fn admit(
        &mut self,
        turn: &Turn<'_>,
        name: &str,
        account: &Address,
        by: Address,
    ) -> Result<(), Failure<R::Error>> {
        let taken = Taken::Name(name.to_ascii_lowercase());
        if self.in_use(&taken)?.is_some() {
            return Err(ErrorCode::NAME_TAKEN.into());
        }
        let place = self.account(account)?;
        if self.member_of(place)?.is_some() {
            return Err(ErrorCode::ALREADY_SO.into());
        }
        if self.members_present()?.len() >= MAX_MEMBERS {
            return Err(ErrorCode::TOO_MANY_MEMBERS.into());
        }
        let number = self.count_member()?;
        let now = self.moment.timestamp;
        self.put_member(MemberV1 {
            number,
            name: name.to_owned(),
            account: *account,
            status: MemberStatus::Active,
            seats: 0,
            since: now,
            signed: now,
            reported: None,
            open: Vec::new(),
        })?;
        self.take(taken, Owner::Member(number))?;
        self.set_member(place, Some(number));
        // One that a former member gave it.
        if self.share_of(account)?.is_some() {
            self.remove_share(account)?;
        }
        let scope = Scope::Member(number);
        self.give_right(account, Right::Administrate, &scope, by, turn.ordinal)
    }

    /// Has a member leave, with its seats at the epoch's end. Another one must be left that can propose.
    fn part(
        &mut self,
        number: MemberNumber,
        status: MemberStatus,
        attested: Option<&[Attested]>,
    ) -> Result<(), Failure<R::Error>> {
        let member = self.present_member(number)?.ok_or(ErrorCode::UNKNOWN_MEMBER)?;
        let mut can_propose = false;
        for other in self.members_present()? {
            can_propose |= other.number != number
                && other.status == MemberStatus::Active
                && !self.take_for_dormant(other.number)?;
        }
        if !can_propose {
            return Err(ErrorCode::WOULD_STRAND.into());
        }
        let has_seats = member.seats > 0;
        // A seat that was to come may be the member's.
        let awaits = !self.agreement.v1().pending.is_empty();
        self.put_member(MemberV1 {
            status,
            reported: None,
            ..member
        })?;
        if has_seats || awaits {
            let outlook = self.outlook()?;
            self.check_outlook(&outlook, attested)?;
            self.end_epoch_after();
        }
        Ok(())
    }

    fn reinstate(&mut self, number: MemberNumber) -> Result<(), Failure<R::Error>> {
        let member = self.present_member(number)?.ok_or(ErrorCode::UNKNOWN_MEMBER)?;
        if member.status != MemberStatus::Dormant {
            return Err(ErrorCode::ALREADY_SO.into());
        }
        let signed = self.moment.timestamp;
        Ok(self.put_member(MemberV1 {
            status: MemberStatus::Active,
            reported: None,
            signed,
            ..member
        })?)
    }

    fn replace_rules(&mut self, rules: &Rules) -> Result<(), Failure<R::Error>> {
        if self.rules()? == *rules.v1() {
            return Err(ErrorCode::ALREADY_SO.into());
        }
        Ok(self.put_rules(rules.clone())?)
    }

    fn set_limit(
        &mut self,
        member: Option<MemberNumber>,
        limit: Option<Limit>,
    ) -> Result<(), Failure<R::Error>> {
        if let Some(number) = member
            && self.present_member(number)?.is_none()
        {
            return Err(ErrorCode::UNKNOWN_MEMBER.into());
        }
        let quota = self.quota_of(member)?.unwrap_or(QuotaV1 {
            member,
            limit: None,
            day: 0,
            bytes: 0,
            leaves: 0,
            reserve: 0,
        });
        if quota.limit == limit {
            return Err(ErrorCode::ALREADY_SO.into());
        }
        Ok(self.put_quota(QuotaV1 { limit, ..quota })?)
    }
}
