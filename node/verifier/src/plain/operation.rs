//! Intents, their operations and texts, and what governance's operations carry.

use quorate_crypto::Engine;
use quorate_ledger::{
    Act, Attestation, AttestationV1, Change, Condition, ConditionLeaf, HoldRef, Intent, IntentV1, Keep,
    Limit, Majority, Operation, Parameters, ParametersV1, Place, Right, Rules, RulesV1, Scope, Signer,
    Signers, Text, TextItem, Texts,
};

use super::{Plain, ToPlain, plain_struct, plain_v1};

plain_v1!(Attestation, Intent, Parameters, Rules);

plain_struct!(IntentV1 { network, parties, expires_at, salt as hex, operations, texts });
plain_struct!(Texts { places, root });
plain_struct!(Text { salt as hex, text as hex });
plain_struct!(HoldRef {
    owner,
    transaction,
    operation
});
plain_struct!(Condition { need, leaves });
plain_struct!(Signer { key, weight });
plain_struct!(Signers { threshold, signers });
plain_struct!(Limit { bytes, leaves });
plain_struct!(AttestationV1 {
    network,
    proposal,
    validator,
    height,
    block,
    lowest,
    highest
});
plain_struct!(ParametersV1 {
    max_transaction_bytes,
    max_batch_bytes,
    max_batch_transactions,
    max_batch_signature_cost,
    max_proposal_batches,
    max_expiry_lead_ms,
    max_hold_ms,
    max_clock_lead_ms,
    max_clock_lag_ms,
    window,
    author_quota,
    slowness_factor,
    slowness_floor_ms,
    slowness_share,
});
plain_struct!(RulesV1 {
    strangers,
    seats,
    engine,
    protocol,
    parameters,
    grants,
    quotas,
    strict,
    dormant_after_ms,
    guardian_delay_ms,
    day_bytes,
    day_leaves,
    strangers_bytes,
    strangers_leaves,
    reserve_bytes,
});

/// Fields in the page's order, under the page's names.
pub(crate) type Fields = Vec<(&'static str, Plain)>;

/// A variant with fields.
macro_rules! fields {
    ($name:literal, $($field:ident $(as $how:ident)?),+ $(,)?) => {
        Plain::Fields {
            name: $name,
            fields: vec![$((stringify!($field), super::plain_field!($field $(, $how)?))),+],
        }
    };
}

impl ToPlain for Act {
    fn plain(&self) -> Plain {
        let (name, fields) = operation(&self.operation);
        let operation = Plain::Fields { name, fields };
        Plain::Struct(vec![("party", self.party.plain()), ("operation", operation)])
    }
}

impl ToPlain for Place {
    fn plain(&self) -> Plain {
        match self {
            Self::Memo => Plain::name("Memo"),
            Self::Operation { index, field } => fields!("Operation", index, field),
        }
    }
}

impl ToPlain for TextItem {
    fn plain(&self) -> Plain {
        match self {
            Self::Shown(text) => Plain::variant("Shown", text.plain()),
            Self::Withheld { leaf } => fields!("Withheld", leaf),
        }
    }
}

impl ToPlain for ConditionLeaf {
    fn plain(&self) -> Plain {
        match self {
            Self::Signs(address) => Plain::variant("Signs", address.plain()),
            Self::From(time) => Plain::variant("From", time.plain()),
            Self::Preimage(digest) => Plain::variant("Preimage", digest.plain()),
            Self::Record { sha256, by } => fields!("Record", sha256, by),
        }
    }
}

impl ToPlain for Keep {
    fn plain(&self) -> Plain {
        Plain::name(match self {
            Self::Log => "Log",
            Self::Own => "Own",
            Self::Unique => "Unique",
        })
    }
}

impl ToPlain for Engine {
    fn plain(&self) -> Plain {
        Plain::name(match self {
            Self::Pbft => "Pbft",
            Self::Raft => "Raft",
            Self::Paxos => "Paxos",
        })
    }
}

impl ToPlain for Majority {
    fn plain(&self) -> Plain {
        Plain::name(match self {
            Self::MoreThanHalf => "MoreThanHalf",
            Self::TwoThirds => "TwoThirds",
            Self::All => "All",
        })
    }
}

impl ToPlain for Right {
    fn plain(&self) -> Plain {
        // For people a right has the name of section 15.
        Plain::Name {
            name: format!("{self:?}"),
            word: self.name().to_owned(),
        }
    }
}

impl ToPlain for Scope {
    fn plain(&self) -> Plain {
        match self {
            Self::Network => Plain::name("Network"),
            Self::Member(member) => Plain::variant("Member", member.plain()),
            Self::Asset(asset) => Plain::variant("Asset", asset.plain()),
        }
    }
}

impl ToPlain for Change {
    fn plain(&self) -> Plain {
        match self {
            Self::AdmitMember { name, account } => fields!("AdmitMember", name as text, account),
            Self::ExpelMember(member) => Plain::variant("ExpelMember", member.plain()),
            Self::ReinstateMember(member) => Plain::variant("ReinstateMember", member.plain()),
            Self::MemberLeaves(member) => Plain::variant("MemberLeaves", member.plain()),
            Self::AddSeat {
                member,
                validator,
                node,
                witness,
                addresses,
                proofs,
            } => fields!(
                "AddSeat",
                member,
                validator,
                node,
                witness,
                addresses as texts,
                proofs,
            ),
            Self::RemoveSeat(seat) => Plain::variant("RemoveSeat", seat.plain()),
            Self::Parameters(parameters) => Plain::variant("Parameters", parameters.plain()),
            Self::Rules(rules) => Plain::variant("Rules", rules.plain()),
            Self::Engine(engine) => Plain::variant("Engine", engine.plain()),
            Self::Protocol(protocol) => Plain::variant("Protocol", protocol.plain()),
            Self::Grant {
                account,
                right,
                scope,
            } => fields!("Grant", account, right, scope),
            Self::Revoke {
                account,
                right,
                scope,
            } => fields!("Revoke", account, right, scope),
            Self::Quota { member, limit } => fields!("Quota", member, limit),
            Self::Freeze { account, asset } => fields!("Freeze", account, asset),
            Self::Unfreeze { account, asset } => fields!("Unfreeze", account, asset),
        }
    }
}

/// Matches a value with a table of all variants: each one's name, and its fields in the page's order.
macro_rules! by_table {
    ($value:expr, $type:ident: $($variant:ident { $($field:ident $(as $how:ident)?),+ })+) => {
        match $value {
            $($type::$variant { $($field),+ } => (
                stringify!($variant),
                vec![$((stringify!($field), super::plain_field!($field $(, $how)?))),+],
            ),)+
        }
    };
}

/// An operation's name on the page and its fields.
pub(crate) fn operation(operation: &Operation) -> (&'static str, Fields) {
    by_table! { operation, Operation:
        CreateAsset { code, decimals, flags }
        Mint { to, asset, amount }
        Burn { asset, amount }
        Transfer { to, asset, amount }
        PutRecord { sha256, keep }
        SetSigners { signers }
        Rejoin { validator, token }
        Hold { beneficiary, asset, amount, until, condition }
        Release { hold, amount, preimages as hexes }
        Refund { hold }
        Erase { intent as hex, places }
        Grant { account, right, scope }
        Revoke { account, right, scope }
        Freeze { account, asset }
        Unfreeze { account, asset }
        Assign { account, member }
        Propose { change, expires_at }
        Vote { proposal, ballot as variant_name }
        Withdraw { proposal }
        Attest { attestation, signature }
        SetSeat { seat, validator, node, witness, addresses as texts_if_any, proofs }
        SetGuardians { guardians, threshold, delay_ms }
        RequestSigners { account, signers }
        DecideRequest { account, accept }
        ReportDormant { member }
        Answer { member }
        DivideQuota { account, bytes, leaves }
    }
}
