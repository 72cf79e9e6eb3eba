//! What lies under a key, by its kind (`docs/formats.md`, section 12).
//!
//! Whoever has a value from elsewhere reads it with [`StateValue::decode`], which derives the key from the
//! value again: two materials can have one key where a hash in it is cut, and a tree shows only that *some*
//! value lies there.

use quorate_crypto::Committee;
use serde::de::DeserializeOwned;

use super::key::{kind, quota, single};
use crate::limits::{
    ASSET_FLAGS_LIMIT, MAX_ADDRESS_BYTES, MAX_BALANCES, MAX_CHANGE_BYTES, MAX_DECIMALS, MAX_NAME_BYTES,
    MAX_OPEN_HOLDS, MAX_VALUE_BYTES,
};
use crate::{
    Agreement, Change, Condition, DecodeError, Parameters, Rules, Seat, Signers, StateKey, WAYPOINT_INTERVAL,
    decode, encode, is_name,
};

mod accounts;
mod governance;

pub use accounts::{
    Account, AccountV1, Asset, AssetV1, Balance, BalanceV1, Counters, CountersV1, Erased, Erasure, ErasureV1,
    Hold, HoldV1, Inline, Record, RecordV1,
};
pub use governance::{
    Attested, Attesting, Cast, Freeze, FreezeV1, GovernanceProposal, GovernanceProposalV1, Grant, GrantV1,
    Guardians, GuardiansV1, InUse, InUseV1, Member, MemberStatus, MemberV1, Owner, ProposalState, Quota,
    QuotaShare, QuotaShareV1, QuotaV1, RecoveryMark, RecoveryMarkV1, Report, Request, Taken,
};

/// A value of the state, of whatever kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateValue {
    /// An account's leaf.
    Account(Account),
    /// A balance outside its account's leaf.
    Balance(Balance),
    /// An open hold.
    Hold(Hold),
    /// An asset.
    Asset(Asset),
    /// An account's own record of a document.
    OwnRecord(Record),
    /// The record that claims a document.
    UniqueRecord(Record),
    /// A member.
    Member(Member),
    /// A seat.
    Seat(Seat),
    /// Whose a name or a key is or was.
    InUse(InUse),
    /// A right that an account has.
    Grant(Grant),
    /// An account that is frozen, for an asset or for all.
    Freeze(Freeze),
    /// A proposal of governance.
    GovernanceProposal(GovernanceProposal),
    /// An account's guardians.
    Guardians(Guardians),
    /// A member's quota, or that of all accounts without a member.
    Quota(Quota),
    /// An account's share of a quota.
    QuotaShare(QuotaShare),
    /// Which texts of a transaction were erased.
    Erasure(Erasure),
    /// A recovery.
    RecoveryMark(RecoveryMark),
    /// The parameters.
    Parameters(Parameters),
    /// The rules of governance.
    Rules(Rules),
    /// The epoch under way.
    Agreement(Agreement),
    /// What was made so far.
    Counters(Counters),
}

/// Why bytes are no value of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Nothing ever lies under such a key.
    #[error("there is no kind of value under state key {key}")]
    NoKind {
        /// The key.
        key: StateKey,
    },
    /// Not the encoding of a value of that kind.
    #[error("the value under state key {key} is {error}")]
    Encoding {
        /// The key.
        key: StateKey,
        /// What is wrong.
        error: DecodeError,
    },
    /// A count, range or order that values of that kind keep.
    #[error("the value under state key {key} has {fault}")]
    Fault {
        /// The key.
        key: StateKey,
        /// What it has.
        fault: &'static str,
    },
    /// The value of another key.
    #[error("the value under state key {key} belongs to {of}")]
    OtherKey {
        /// Where it was.
        key: StateKey,
        /// The key that follows from it.
        of: StateKey,
    },
}

impl ValueError {
    /// The stable code of section 23.
    pub const fn code(&self) -> &'static str {
        "other_leaf"
    }
}

impl StateValue {
    /// The value that was found under `key`: canonical, of at most 32,768 bytes, within the ranges of its type,
    /// and the key's own.
    ///
    /// Amounts are not compared with the supply, nor anything with what execution could have produced: a
    /// quorum has certified the value.
    ///
    /// # Errors
    /// If it is not so.
    pub fn decode(key: &StateKey, bytes: &[u8]) -> Result<Self, ValueError> {
        let key = *key;
        let value = Self::of_kind(&key, bytes)?;
        if let Some(fault) = value.fault() {
            return Err(ValueError::Fault { key, fault });
        }
        let of = value.key();
        if of != key {
            return Err(ValueError::OtherKey { key, of });
        }
        Ok(value)
    }

    /// The value of the type that the key asks for.
    fn of_kind(key: &StateKey, bytes: &[u8]) -> Result<Self, ValueError> {
        let second = key.0[1];
        Ok(match key.kind() {
            kind::ACCOUNT if key.0[21..] == [0; 11] => Self::Account(read(key, bytes)?),
            kind::ACCOUNT => Self::Balance(read(key, bytes)?),
            kind::HOLD => Self::Hold(read(key, bytes)?),
            kind::ASSET => Self::Asset(read(key, bytes)?),
            kind::OWN_RECORD => Self::OwnRecord(read(key, bytes)?),
            kind::UNIQUE_RECORD => Self::UniqueRecord(read(key, bytes)?),
            kind::MEMBER => Self::Member(read(key, bytes)?),
            kind::SEAT => Self::Seat(read(key, bytes)?),
            kind::IN_USE => Self::InUse(read(key, bytes)?),
            kind::GRANT => Self::Grant(read(key, bytes)?),
            kind::FREEZE => Self::Freeze(read(key, bytes)?),
            kind::PROPOSAL => Self::GovernanceProposal(read(key, bytes)?),
            kind::GUARDIANS => Self::Guardians(read(key, bytes)?),
            kind::QUOTA if second == quota::WHOLE => Self::Quota(read(key, bytes)?),
            kind::QUOTA if second == quota::SHARE => Self::QuotaShare(read(key, bytes)?),
            kind::ERASURE => Self::Erasure(read(key, bytes)?),
            kind::RECOVERY => Self::RecoveryMark(read(key, bytes)?),
            kind::SINGLE if second == single::PARAMETERS => Self::Parameters(read(key, bytes)?),
            kind::SINGLE if second == single::RULES => Self::Rules(read(key, bytes)?),
            kind::SINGLE if second == single::AGREEMENT => Self::Agreement(read(key, bytes)?),
            kind::SINGLE if second == single::COUNTERS => Self::Counters(read(key, bytes)?),
            _ => return Err(ValueError::NoKind { key: *key }),
        })
    }

    /// The key that the value lies under.
    pub fn key(&self) -> StateKey {
        match self {
            Self::Account(value) => StateKey::account(&value.v1().address),
            Self::Balance(value) => StateKey::balance(&value.v1().address, &value.v1().asset),
            Self::Hold(value) => value.key(),
            Self::Asset(value) => StateKey::asset(&value.v1().code),
            Self::OwnRecord(value) => StateKey::own_record(&value.v1().address, &value.v1().sha256),
            Self::UniqueRecord(value) => StateKey::unique_record(&value.v1().sha256),
            Self::Member(value) => StateKey::member(value.v1().number),
            Self::Seat(value) => StateKey::seat(value.v1().number),
            Self::InUse(value) => StateKey::in_use(&value.v1().taken),
            Self::Grant(value) => value.key(),
            Self::Freeze(value) => StateKey::freeze(&value.v1().account, value.v1().asset.as_ref()),
            Self::GovernanceProposal(value) => StateKey::proposal(value.v1().number),
            Self::Guardians(value) => StateKey::guardians(&value.v1().account),
            Self::Quota(value) => StateKey::quota(value.v1().member),
            Self::QuotaShare(value) => StateKey::quota_share(&value.v1().account),
            Self::Erasure(value) => StateKey::erasure(&value.v1().id),
            Self::RecoveryMark(value) => StateKey::recovery(value.v1().number),
            Self::Parameters(_) => StateKey::parameters(),
            Self::Rules(_) => StateKey::rules(),
            Self::Agreement(_) => StateKey::agreement(),
            Self::Counters(_) => StateKey::counters(),
        }
    }

    /// Its canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Account(value) => encode(value),
            Self::Balance(value) => encode(value),
            Self::Hold(value) => encode(value),
            Self::Asset(value) => encode(value),
            Self::OwnRecord(value) | Self::UniqueRecord(value) => encode(value),
            Self::Member(value) => encode(value),
            Self::Seat(value) => encode(value),
            Self::InUse(value) => encode(value),
            Self::Grant(value) => encode(value),
            Self::Freeze(value) => encode(value),
            Self::GovernanceProposal(value) => encode(value),
            Self::Guardians(value) => encode(value),
            Self::Quota(value) => encode(value),
            Self::QuotaShare(value) => encode(value),
            Self::Erasure(value) => encode(value),
            Self::RecoveryMark(value) => encode(value),
            Self::Parameters(value) => encode(value),
            Self::Rules(value) => encode(value),
            Self::Agreement(value) => encode(value),
            Self::Counters(value) => encode(value),
        }
    }

    /// What it has that its type does not allow, beyond what decoding refuses.
    fn fault(&self) -> Option<&'static str> {
        match self {
            Self::Account(value) => account_fault(value.v1()),
            Self::Balance(value) => value.v1().is_empty().then_some("nothing in its balance"),
            Self::Hold(value) => condition_fault(&value.v1().condition),
            Self::Asset(value) => asset_fault(value.v1()),
            Self::Member(value) => name_fault(&value.v1().name),
            Self::Seat(value) => addresses_fault(&value.v1().addresses),
            Self::InUse(value) => match &value.v1().taken {
                Taken::Name(name) => name_fault(name),
                Taken::Key(_) => None,
            },
            Self::GovernanceProposal(value) => proposal_fault(value.v1()),
            Self::Guardians(value) => {
                let request = value.v1().request.as_ref();
                request.and_then(|request| signers_fault(&request.signers))
            }
            Self::Erasure(value) => {
                let places = value.v1().erased.iter().map(|erased| encode(&erased.place));
                let legal = !value.v1().erased.is_empty() && places.is_sorted_by(|a, b| a < b);
                (!legal).then_some("no places, or places that do not ascend")
            }
            Self::Agreement(value) => committee_fault(&value.v1().committee),
            Self::Parameters(value) => parameters_fault(value),
            Self::Rules(value) => rules_fault(value),
            Self::OwnRecord(_)
            | Self::UniqueRecord(_)
            | Self::Grant(_)
            | Self::Freeze(_)
            | Self::Quota(_)
            | Self::QuotaShare(_)
            | Self::RecoveryMark(_)
            | Self::Counters(_) => None,
        }
    }
}

/// Decodes a value of any type.
fn read<T: DeserializeOwned>(key: &StateKey, bytes: &[u8]) -> Result<T, ValueError> {
    decode(bytes, MAX_VALUE_BYTES).map_err(|error| ValueError::Encoding { key: *key, error })
}

fn account_fault(account: &AccountV1) -> Option<&'static str> {
    let balances = &account.balances;
    if usize::from(account.holds) > MAX_OPEN_HOLDS || usize::from(account.others) > MAX_BALANCES {
        return Some("more holds or balances than an account can have");
    }
    if balances.iter().any(Inline::is_empty) {
        return Some("a balance with nothing in it");
    }
    if !balances.is_sorted_by(|a, b| a.asset < b.asset) {
        return Some("balances that do not ascend by code");
    }
    let signers = account.signers.as_ref().and_then(signers_fault);
    signers.or_else(|| history_fault(account.entries, account.waypoints.len()))
}

fn asset_fault(asset: &AssetV1) -> Option<&'static str> {
    if asset.decimals > MAX_DECIMALS || asset.flags >= ASSET_FLAGS_LIMIT {
        return Some("decimals or flags that no asset has");
    }
    history_fault(asset.entries, asset.waypoints.len())
}

/// A list has as many complete subtrees as bits are set in its length.
fn history_fault(entries: u64, subtrees: usize) -> Option<&'static str> {
    let waypoints = entries / WAYPOINT_INTERVAL;
    let fits = u32::try_from(subtrees) == Ok(waypoints.count_ones());
    (!fits).then_some("another number of waypoints than its history")
}

fn signers_fault(signers: &Signers) -> Option<&'static str> {
    let is_good = signers.check_form().is_ok();
    (!is_good).then_some("no signers, too many, one without weight, or some that do not ascend by key")
}

fn condition_fault(condition: &Condition) -> Option<&'static str> {
    let is_good = condition.check_form().is_ok();
    (!is_good).then_some("a condition without leaves, with some out of order, or that cannot be met")
}

fn name_fault(name: &str) -> Option<&'static str> {
    (!is_name(name, MAX_NAME_BYTES)).then_some("a name that is none")
}

fn committee_fault(committee: &Committee) -> Option<&'static str> {
    let is_good = committee.check().is_ok();
    (!is_good).then_some("a committee without seats, with too many, or with a key twice")
}

fn addresses_fault(addresses: &[String]) -> Option<&'static str> {
    let mut addresses = addresses.iter();
    let any_long = addresses.any(|address| address.len() > MAX_ADDRESS_BYTES);
    any_long.then_some("an address that is too long")
}

fn parameters_fault(parameters: &Parameters) -> Option<&'static str> {
    let is_within = parameters.check().is_ok();
    (!is_within).then_some("a parameter outside its range")
}

fn rules_fault(rules: &Rules) -> Option<&'static str> {
    let is_within = rules.check().is_ok();
    (!is_within).then_some("a rule outside its range")
}

/// What types in a change do not allow. What else its proposal had to be, execution has looked at.
fn change_fault(change: &Change) -> Option<&'static str> {
    match change {
        _ if encode(change).len() > MAX_CHANGE_BYTES => Some("a change that is too long"),
        Change::AdmitMember { name, .. } => name_fault(name),
        Change::AddSeat { addresses, .. } => addresses_fault(addresses),
        Change::Parameters(parameters) => parameters_fault(parameters),
        Change::Rules(rules) => rules_fault(rules),
        _ => None,
    }
}

fn proposal_fault(proposal: &GovernanceProposalV1) -> Option<&'static str> {
    let of_change = change_fault(&proposal.change);
    if of_change.is_some() {
        return of_change;
    }
    if !proposal.ballots.is_sorted_by(|a, b| a.member < b.member) {
        return Some("ballots that do not ascend by member");
    }
    let seats = proposal.attested.iter().map(|attested| encode(&attested.seat));
    let ascends = seats.is_sorted_by(|a, b| a < b);
    (!ascends).then_some("attestations that do not ascend by seat")
}
