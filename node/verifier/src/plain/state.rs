//! Values of the state.

use quorate_crypto::{Committee, CommitteeSeat, CommitteeV1};
use quorate_ledger::{
    Account, AccountV1, Agreement, AgreementV1, Asset, AssetV1, Attested, Attesting, Balance, BalanceV1,
    Cast, Counters, CountersV1, Erased, Erasure, ErasureV1, Freeze, FreezeV1, GovernanceProposal,
    GovernanceProposalV1, Grant, GrantV1, Guardians, GuardiansV1, Hold, HoldV1, InUse, InUseV1, Inline,
    Member, MemberStatus, MemberV1, NextKeys, Owner, ProposalState, Quota, QuotaShare, QuotaShareV1, QuotaV1,
    Record, RecordV1, RecoveryMark, RecoveryMarkV1, Rejoin, Report, Request, Seat, SeatV1, StateValue, Taken,
};

use super::{Plain, ToPlain, plain_struct, plain_v1};

plain_v1!(
    Account,
    Agreement,
    Asset,
    Balance,
    Counters,
    Erasure,
    Freeze,
    GovernanceProposal,
    Grant,
    Guardians,
    Hold,
    InUse,
    Member,
    Quota,
    QuotaShare,
    Record,
    RecoveryMark,
    Seat,
);

plain_struct!(AccountV1 {
    address,
    signers,
    member,
    frozen,
    holds,
    others,
    balances,
    entries,
    last,
    waypoints,
});
plain_struct!(Inline {
    asset,
    free,
    held,
    incoming
});
plain_struct!(BalanceV1 {
    address,
    asset,
    free,
    held,
    incoming
});
plain_struct!(HoldV1 {
    owner,
    transaction,
    operation,
    beneficiary,
    asset,
    amount,
    until,
    condition,
});
plain_struct!(AssetV1 {
    code,
    number,
    issuer,
    decimals,
    flags,
    supply,
    entries,
    last,
    waypoints,
});
plain_struct!(RecordV1 {
    address,
    sha256,
    id,
    ordinal,
    timestamp
});
plain_struct!(ErasureV1 { id, erased });
plain_struct!(Erased {
    place,
    by,
    ordinal,
    timestamp
});
plain_struct!(CountersV1 {
    assets,
    members,
    seats,
    proposals,
    recoveries
});
plain_struct!(CommitteeV1 {
    epoch,
    engine,
    protocol,
    seats
});
plain_struct!(CommitteeSeat {
    member,
    seat,
    validator,
    node,
    witness
});
plain_struct!(AgreementV1 {
    committee,
    first,
    last,
    longest_lead_ms,
    pending
});
plain_struct!(SeatV1 {
    number,
    member,
    validator,
    node,
    witness,
    addresses as texts,
    sits,
    rejoin,
    active,
    next,
});
plain_struct!(Rejoin {
    token,
    epoch,
    timestamp,
    recent
});
plain_struct!(NextKeys {
    validator,
    node,
    witness
});
plain_struct!(InUseV1 { taken, by });
plain_struct!(MemberV1 {
    number,
    name as text,
    account,
    status,
    seats,
    since,
    signed,
    reported,
    open,
});
plain_struct!(Report { by, timestamp });
plain_struct!(GrantV1 {
    account,
    right,
    scope,
    by,
    ordinal
});
plain_struct!(FreezeV1 {
    account,
    asset,
    by,
    ordinal,
    timestamp
});
plain_struct!(GuardiansV1 {
    account,
    guardians,
    threshold,
    delay_ms,
    request
});
plain_struct!(Request {
    signers,
    accepted,
    since
});
plain_struct!(QuotaV1 {
    member,
    limit,
    day,
    bytes,
    leaves,
    reserve
});
plain_struct!(QuotaShareV1 {
    account,
    bytes,
    leaves,
    day,
    used_bytes,
    used_leaves
});
plain_struct!(GovernanceProposalV1 {
    number,
    member,
    height,
    expires_at,
    electorate,
    change,
    ballots,
    attested,
    state,
});
plain_struct!(Cast { member, yes });
plain_struct!(Attested {
    seat,
    lowest,
    highest
});
plain_struct!(RecoveryMarkV1 {
    number,
    document,
    base,
    block,
    old_epoch,
    new_epoch
});

impl ToPlain for Committee {
    fn plain(&self) -> Plain {
        let Self::V1(committee) = self;
        committee.plain()
    }
}

impl ToPlain for Taken {
    fn plain(&self) -> Plain {
        match self {
            Self::Name(name) => Plain::variant("Name", Plain::text(name)),
            Self::Key(key) => Plain::variant("Key", Plain::hex(key)),
        }
    }
}

impl ToPlain for Owner {
    fn plain(&self) -> Plain {
        match self {
            Self::Member(member) => Plain::variant("Member", member.plain()),
            Self::Seat(seat) => Plain::variant("Seat", seat.plain()),
        }
    }
}

impl ToPlain for MemberStatus {
    fn plain(&self) -> Plain {
        Plain::name(match self {
            Self::Active => "Active",
            Self::Dormant => "Dormant",
            Self::Expelled => "Expelled",
            Self::Left => "Left",
        })
    }
}

impl ToPlain for Attesting {
    fn plain(&self) -> Plain {
        match self {
            Self::Sitting(seat) => Plain::variant("Sitting", seat.plain()),
            Self::Joining(key) => Plain::variant("Joining", key.plain()),
        }
    }
}

impl ToPlain for ProposalState {
    fn plain(&self) -> Plain {
        Plain::name(match self {
            Self::Open => "Open",
            Self::Passed => "Passed",
            Self::Executed { height } => {
                return Plain::Fields {
                    name: "Executed",
                    fields: vec![("height", height.plain())],
                };
            }
            Self::Rejected => "Rejected",
            Self::Expired => "Expired",
            Self::Lapsed => "Lapsed",
            Self::Withdrawn => "Withdrawn",
        })
    }
}

/// A value with the name of what lies there.
pub(crate) fn named(value: &StateValue) -> (&'static str, Plain) {
    match value {
        StateValue::Account(value) => ("account", value.plain()),
        StateValue::Balance(value) => ("balance", value.plain()),
        StateValue::Hold(value) => ("hold", value.plain()),
        StateValue::Asset(value) => ("asset", value.plain()),
        StateValue::OwnRecord(value) => ("own record", value.plain()),
        StateValue::UniqueRecord(value) => ("unique record", value.plain()),
        StateValue::Member(value) => ("member", value.plain()),
        StateValue::Seat(value) => ("seat", value.plain()),
        StateValue::InUse(value) => ("in use", value.plain()),
        StateValue::Grant(value) => ("grant", value.plain()),
        StateValue::Freeze(value) => ("freeze", value.plain()),
        StateValue::GovernanceProposal(value) => ("proposal", value.plain()),
        StateValue::Guardians(value) => ("guardians", value.plain()),
        StateValue::Quota(value) => ("quota", value.plain()),
        StateValue::QuotaShare(value) => ("share", value.plain()),
        StateValue::Erasure(value) => ("erasure", value.plain()),
        StateValue::RecoveryMark(value) => ("recovery", value.plain()),
        StateValue::Parameters(value) => ("parameters", value.plain()),
        StateValue::Rules(value) => ("rules", value.plain()),
        StateValue::Agreement(value) => ("agreement", value.plain()),
        StateValue::Counters(value) => ("counters", value.plain()),
    }
}
