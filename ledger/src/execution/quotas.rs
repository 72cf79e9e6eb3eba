//! Quotas (`docs/formats.md`, section 15): bytes and new leaves of the state for each certified day, by member (its
//! accounts together) and for all accounts without a member together; an account can have a share of its member's.
//!
//! What is over one is skipped like what has no authority, and its bytes count against the member whose validator packed
//! it. Operations of governance and rejoins have a reserve beyond.

use quorate_crypto::{Address, MemberNumber, SeatNumber};
use smallvec::SmallVec;

use super::operations::{Failure, Turn};
use super::working_state::{AccountIndex, Undo, WorkingState};
use crate::parameters::DAY_MS;
use crate::{
    Act, ErrorCode, IntentV1, Limit, Operation, QuotaShareV1, QuotaV1, StateError, StateKey, StateReader,
    Timestamp,
};

/// What each text costs besides the most bytes that its place can have: execution sees no text.
const BYTES_AROUND_A_TEXT: u64 = 20;

/// Bytes that a unit of signature cost counts for.
const BYTES_OF_SIGNATURE_COST: u64 = 64;

/// Of a payment, so that it takes no memory of its own.
const USUAL: usize = 4;

/// What a transaction takes of a quota, but for new leaves, which show when it was executed.
#[derive(Clone, Copy)]
pub(super) struct Charge {
    bytes: u64,
    /// Whether it may use the reserve: every operation is one of governance, or a rejoin.
    reserved: bool,
}

impl Charge {
    /// The charge of a transaction of so many encoded bytes and such a signature cost.
    pub(super) fn of(intent: &IntentV1, encoded: usize, signature_cost: u32) -> Self {
        let places = intent.texts.iter().flat_map(|texts| &texts.places);
        let texts = places.map(|place| {
            let most = place.max_bytes(intent).unwrap_or(0);
            (most as u64).saturating_add(BYTES_AROUND_A_TEXT)
        });
        let bytes = (encoded as u64)
            .saturating_add(texts.fold(0, u64::saturating_add))
            .saturating_add(u64::from(signature_cost).saturating_mul(BYTES_OF_SIGNATURE_COST));
        let reserved = intent.operations.iter().all(|Act { operation, .. }| {
            operation.is_of_governance() || matches!(operation, Operation::Rejoin { .. })
        });
        Self { bytes, reserved }
    }
}

/// Who pays for a transaction.
pub(super) struct Payer {
    sender: AccountIndex,
    /// Whose quota it is; none: that of all accounts without a member.
    member: Option<MemberNumber>,
    /// The sender's share, with what was used of it today, if it has one.
    share: Option<QuotaShareV1>,
}

/// The day of a block time.
fn day(at: Timestamp) -> u64 {
    at.0 / DAY_MS
}

impl<R: StateReader> WorkingState<'_, R> {
    /// Who pays for the transaction that was begun, asked before its first operation: one that makes its sender another
    /// member's, or nobody's, or gives it another share is not paid for by whom it chooses so.
    pub(super) fn payer(&mut self) -> Result<Payer, StateError<R::Error>> {
        let sender = self.parties.first().copied();
        let sender = sender.expect("a checked transaction has a sender");
        let member = self.member_of(sender)?;
        let share = match member {
            Some(_) => self.share_today(sender)?,
            None => None,
        };
        Ok(Payer {
            sender,
            member,
            share,
        })
    }

    /// Whether the transaction under way, of which so many leaves are new, is within the quota and share of who pays; if
    /// so, counts it.
    pub(super) fn charge(
        &mut self,
        payer: &Payer,
        charge: Charge,
        leaves: u32,
    ) -> Result<bool, StateError<R::Error>> {
        let mut quota = self.quota_today(payer.member)?;
        let limit = match quota.limit {
            Some(limit) => limit,
            None => self.usual_limit(payer.member)?,
        };
        let bytes = quota
            .bytes
            .checked_add(charge.bytes)
            .filter(|bytes| *bytes <= limit.bytes);
        let made = quota
            .leaves
            .checked_add(leaves)
            .filter(|made| *made <= limit.leaves);
        let share = payer.share.map(|share| share.with(charge.bytes, leaves));
        let within_share = share.is_none_or(|with| with.is_some());
        if let (Some(bytes), Some(made), true) = (bytes, made, within_share) {
            (quota.bytes, quota.leaves) = (bytes, made);
            if let Some(used) = share.flatten() {
                self.use_share(payer.sender, &used)?;
            }
            self.put_quota(quota)?;
            return Ok(true);
        }
        let reserve = quota.reserve.checked_add(charge.bytes);
        let most = self.rules()?.reserve_bytes;
        match reserve.filter(|reserve| charge.reserved && *reserve <= most) {
            Some(reserve) => {
                quota.reserve = reserve;
                self.put_quota(quota)?;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Counts the bytes of a transaction that was over its quota against the member whose seat packed it.
    pub(super) fn charge_packer(
        &mut self,
        seat: SeatNumber,
        charge: Charge,
    ) -> Result<(), StateError<R::Error>> {
        let Some(seat) = self.seat(seat)? else {
            return Ok(());
        };
        let mut quota = self.quota_today(Some(seat.member))?;
        quota.bytes = quota.bytes.saturating_add(charge.bytes);
        self.put_quota(quota)
    }

    /// What was used of a quota today.
    fn quota_today(&mut self, member: Option<MemberNumber>) -> Result<QuotaV1, StateError<R::Error>> {
        let today = day(self.moment.timestamp);
        let found = self.quota_of(member)?;
        Ok(match found {
            Some(quota) if quota.day == today => quota,
            other => QuotaV1 {
                member,
                limit: other.and_then(|quota| quota.limit),
                day: today,
                bytes: 0,
                leaves: 0,
                reserve: 0,
            },
        })
    }

    /// What was used today of an account's share, if it has one.
    fn share_today(&mut self, place: AccountIndex) -> Result<Option<QuotaShareV1>, StateError<R::Error>> {
        let address = self.address(place);
        let today = day(self.moment.timestamp);
        let share = self.share_of(&address)?;
        Ok(share.map(|share| match share.day {
            day if day == today => share,
            _ => QuotaShareV1 {
                day: today,
                used_bytes: 0,
                used_leaves: 0,
                ..share
            },
        }))
    }

    /// Writes down what is used of an account's share now, unless the transaction has ended it.
    fn use_share(&mut self, place: AccountIndex, used: &QuotaShareV1) -> Result<(), StateError<R::Error>> {
        let address = self.address(place);
        let Some(share) = self.share_of(&address)? else {
            return Ok(());
        };
        self.put_share(QuotaShareV1 {
            bytes: share.bytes,
            leaves: share.leaves,
            ..*used
        })
    }

    /// The limit of who has none of its own.
    fn usual_limit(&mut self, member: Option<MemberNumber>) -> Result<Limit, StateError<R::Error>> {
        let rules = self.rules()?;
        Ok(match member {
            Some(_) => Limit {
                bytes: rules.day_bytes,
                leaves: rules.day_leaves,
            },
            None => Limit {
                bytes: rules.strangers_bytes,
                leaves: rules.strangers_leaves,
            },
        })
    }

    /// How many leaves the transaction under way has made: there after it, and not before.
    pub(super) fn new_leaves(&self) -> u32 {
        let mut made: SmallVec<[StateKey; USUAL]> = SmallVec::new();
        for undo in &self.undo {
            match undo {
                Undo::Created(code) => made.push(StateKey::asset(code)),
                Undo::Record(key) | Undo::Erasure(key, None) | Undo::Member(key, None) => made.push(*key),
                Undo::Hold(key, None) if self.holds.known(key).is_some() => made.push(*key),
                _ => {}
            }
        }
        made.extend(self.new_governed());
        let changed = self.changed_funds();
        for change in &changed {
            if !change.asset.inline && change.before.is_empty() && !change.after.is_empty() {
                made.push(StateKey::balance(&self.address(change.place), &change.asset.code));
            }
        }
        // Accounts appear by their history's first step.
        let others = self.other_accounts(&changed);
        for place in self.parties.iter().chain(&others) {
            let cell = &self.accounts[place.0];
            if !cell.stored && cell.account.entries == 0 {
                made.push(StateKey::account(&cell.address));
            }
        }
        made.sort_unstable();
        made.dedup();
        u32::try_from(made.len()).unwrap_or(u32::MAX)
    }

    /// Values of governance that are there, and were not before the transaction under way: of one key the first entry
    /// says what was there before.
    fn new_governed(&self) -> SmallVec<[StateKey; USUAL]> {
        let mut touched: SmallVec<[(StateKey, bool); USUAL]> = SmallVec::new();
        for undo in &self.undo {
            if let Undo::Governed(key, before) = undo {
                touched.push((*key, before.is_some()));
            }
        }
        // Stable: of one key the first stays first.
        touched.sort_by_key(|(key, _)| *key);
        touched.dedup_by_key(|(key, _)| *key);
        let made = touched
            .into_iter()
            .filter(|(key, was_there)| !was_there && self.governed.is_there(key));
        made.map(|(key, _)| key).collect()
    }

    /// Gives an account a part of its member's quota, as who speaks for the member wants.
    pub(super) fn divide_quota(
        &mut self,
        turn: &Turn<'_>,
        account: &Address,
        bytes: u64,
        leaves: u32,
    ) -> Result<(), Failure<R::Error>> {
        let place = self.account(account)?;
        let number = self.member_of(place)?.ok_or(ErrorCode::UNKNOWN_MEMBER)?;
        if !self.speaks_for(turn.acting, number)? {
            return Err(ErrorCode::NOT_PERMITTED.into());
        }
        let limit = match self.quota_of(Some(number))?.and_then(|quota| quota.limit) {
            Some(limit) => limit,
            None => self.usual_limit(Some(number))?,
        };
        if bytes > limit.bytes || leaves > limit.leaves {
            return Err(ErrorCode::OVER_SHARE.into());
        }
        let share = self.share_of(account)?;
        if share.is_some_and(|share| share.bytes == bytes && share.leaves == leaves) {
            return Err(ErrorCode::ALREADY_SO.into());
        }
        let used = share.unwrap_or(QuotaShareV1 {
            account: *account,
            bytes,
            leaves,
            day: day(self.moment.timestamp),
            used_bytes: 0,
            used_leaves: 0,
        });
        Ok(self.put_share(QuotaShareV1 {
            bytes,
            leaves,
            ..used
        })?)
    }
}

impl QuotaShareV1 {
    /// The share with so much more used, if that is within it.
    fn with(self, bytes: u64, leaves: u32) -> Option<Self> {
        let used_bytes = self.used_bytes.checked_add(bytes)?;
        let used_leaves = self.used_leaves.checked_add(leaves)?;
        (used_bytes <= self.bytes && used_leaves <= self.leaves).then_some(Self {
            used_bytes,
            used_leaves,
            ..self
        })
    }
}
