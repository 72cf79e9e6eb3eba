//! Operations: what a transaction's parties ask of the ledger (`docs/formats.md`, section 3).

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Address, Digest, MemberNumber, PublicKey, SeatNumber, Signature};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Condition, Place, Signers, TextRule};
use crate::governance::{Attestation, Ballot, Change, Right, Scope};
use crate::limits::{
    MAX_ADDRESSES, MAX_DESCRIPTION_BYTES, MAX_EXPLANATION_BYTES, MAX_GUARDIANS, MAX_HOLD_MEMO_BYTES,
    MAX_KEY_PROOFS, MAX_LABEL_BYTES, MAX_METADATA_BYTES, MAX_PLACES, MAX_PREIMAGES, MAX_REASON_BYTES,
    MAX_TRANSFER_MEMO_BYTES,
};
use crate::primitives::{Amount, AssetCode, Timestamp};

/// One change of the ledger by the acting party. The order of the variants is frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Makes a new asset with the acting party as its issuer and no supply.
    CreateAsset {
        /// The asset's unique code.
        code: AssetCode,
        /// Digits after the decimal point, at most 18 (judged in execution).
        decimals: u8,
        /// 1: holders need admission; 2: it can be frozen. Below 4; above 0 from the second protocol on.
        flags: u8,
    },
    /// Makes new units; the acting party must be the issuer.
    Mint {
        /// Who receives them.
        to: Address,
        /// The asset.
        asset: AssetCode,
        /// How many.
        amount: Amount,
    },
    /// Destroys units of the acting party's own.
    Burn {
        /// The asset.
        asset: AssetCode,
        /// How many.
        amount: Amount,
    },
    /// Moves units from the acting party to another account.
    Transfer {
        /// Who receives them.
        to: Address,
        /// The asset.
        asset: AssetCode,
        /// How many.
        amount: Amount,
    },
    /// Records that the acting party knew a document, by its SHA-256.
    PutRecord {
        /// The document's hash.
        sha256: Digest,
        /// Where the record is kept.
        keep: Keep,
    },
    /// Replaces the acting party's signers and threshold.
    SetSigners {
        /// The new ones.
        signers: Signers,
    },
    /// Lets a validator that forgot what it signed vote again from the next epoch on, and ends the epoch
    /// under way; the acting party must be the account of the member that runs it.
    Rejoin {
        /// The validator's key.
        validator: PublicKey,
        /// What the validator drew when it stopped voting.
        token: Digest,
    },
    /// Sets units aside for a beneficiary until a condition is met or a time has come.
    Hold {
        /// Who receives them when it is released; not the acting party.
        beneficiary: Address,
        /// The asset.
        asset: AssetCode,
        /// How many.
        amount: Amount,
        /// From this time on it can only be refunded.
        until: Timestamp,
        /// What a release needs.
        condition: Condition,
    },
    /// Pays a hold, or a part of it, to its beneficiary.
    Release {
        /// The hold.
        hold: HoldRef,
        /// How many; none: all that is left.
        amount: Option<Amount>,
        /// 0 to 8, strictly ascending.
        #[serde(deserialize_with = "bounded_vec::<_, _, MAX_PREIMAGES>")]
        preimages: Vec<[u8; 32]>,
    },
    /// Gives what is left of a hold back to its owner.
    Refund {
        /// The hold.
        hold: HoldRef,
    },
    /// Erases texts of a transaction.
    Erase {
        /// The canonical encoding of the transaction's intent, at most 16,384 bytes.
        #[serde(with = "serde_bytes")]
        intent: Vec<u8>,
        /// 1 to 513 of the intent's places, strictly ascending.
        #[serde(deserialize_with = "bounded_vec::<_, _, MAX_PLACES>")]
        places: Vec<Place>,
    },
    /// Gives an account a right.
    Grant {
        /// To whom.
        account: Address,
        /// What.
        right: Right,
        /// Where.
        scope: Scope,
    },
    /// Takes a right back.
    Revoke {
        /// From whom.
        account: Address,
        /// What.
        right: Right,
        /// Where.
        scope: Scope,
    },
    /// Freezes an account.
    Freeze {
        /// The account.
        account: Address,
        /// For this asset; none: wholly.
        asset: Option<AssetCode>,
    },
    /// Ends that.
    Unfreeze {
        /// The account.
        account: Address,
        /// For this asset; none: wholly.
        asset: Option<AssetCode>,
    },
    /// Makes an account a member's, or nobody's.
    Assign {
        /// The account.
        account: Address,
        /// Whose it is from now on; none: nobody's.
        member: Option<MemberNumber>,
    },
    /// Puts a change to the vote.
    Propose {
        /// What would change.
        change: Change,
        /// Until when it can be decided.
        expires_at: Timestamp,
    },
    /// Votes on a proposal.
    Vote {
        /// The proposal's number.
        proposal: u64,
        /// The vote.
        ballot: Ballot,
    },
    /// Takes a proposal back.
    Withdraw {
        /// The proposal's number.
        proposal: u64,
    },
    /// Brings a validator's attestation to the ledger.
    Attest {
        /// What the validator says.
        attestation: Attestation,
        /// Its signature.
        signature: Signature,
    },
    /// Gives a seat new keys or addresses.
    SetSeat {
        /// The seat.
        seat: SeatNumber,
        /// Its new validator key.
        validator: Option<PublicKey>,
        /// Its new node key.
        node: Option<PublicKey>,
        /// Its new witness key.
        witness: Option<PublicKey>,
        /// Its new addresses.
        #[serde(deserialize_with = "optional_addresses")]
        addresses: Option<Vec<String>>,
        /// One by each new key, in this order, over the seat's keys.
        #[serde(deserialize_with = "bounded_vec::<_, _, MAX_KEY_PROOFS>")]
        proofs: Vec<Signature>,
    },
    /// Names the accounts that can give the acting party new signers, or none.
    SetGuardians {
        /// 0 to 16, strictly ascending.
        #[serde(deserialize_with = "bounded_vec::<_, _, MAX_GUARDIANS>")]
        guardians: Vec<Address>,
        /// How many of them must agree: 1 to their number, 0 without guardians.
        threshold: u8,
        /// How long the account can refuse, in milliseconds.
        delay_ms: u64,
    },
    /// Asks an account's guardians for new signers.
    RequestSigners {
        /// The account.
        account: Address,
        /// The signers asked for.
        signers: Signers,
    },
    /// Accepts or refuses what was asked for.
    DecideRequest {
        /// The account.
        account: Address,
        /// Whether the acting party accepts.
        accept: bool,
    },
    /// Says that a member signed nothing for long.
    ReportDormant {
        /// The member.
        member: MemberNumber,
    },
    /// Answers such a report.
    Answer {
        /// The member.
        member: MemberNumber,
    },
    /// Gives an account a part of its member's quota.
    DivideQuota {
        /// The account.
        account: Address,
        /// Bytes a day.
        bytes: u64,
        /// New leaves of the state a day.
        leaves: u32,
    },
}

/// Where a record is kept. The order of the variants is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Keep {
    /// In the log and the index alone: provable as executed at a time.
    Log,
    /// In a leaf of the account and the hash: provable as put by the account, or not.
    Own,
    /// In a leaf of the hash: nobody else can put it.
    Unique,
}

/// A hold, named by the operation that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HoldRef {
    /// Whose units are held.
    pub owner: Address,
    /// The id of the transaction.
    pub transaction: Digest,
    /// The index of the operation.
    pub operation: u8,
}

/// Reads a seat's addresses with their bound.
fn optional_addresses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    struct Addresses(#[serde(deserialize_with = "bounded_vec::<_, _, MAX_ADDRESSES>")] Vec<String>);

    let addresses = Option::<Addresses>::deserialize(deserializer)?;
    Ok(addresses.map(|Addresses(addresses)| addresses))
}

impl Operation {
    /// Its name in section 3, as people read it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CreateAsset { .. } => "create asset",
            Self::Mint { .. } => "mint",
            Self::Burn { .. } => "burn",
            Self::Transfer { .. } => "transfer",
            Self::PutRecord { .. } => "put record",
            Self::SetSigners { .. } => "set signers",
            Self::Rejoin { .. } => "rejoin",
            Self::Hold { .. } => "hold",
            Self::Release { .. } => "release",
            Self::Refund { .. } => "refund",
            Self::Erase { .. } => "erase",
            Self::Grant { .. } => "grant",
            Self::Revoke { .. } => "revoke",
            Self::Freeze { .. } => "freeze",
            Self::Unfreeze { .. } => "unfreeze",
            Self::Assign { .. } => "assign",
            Self::Propose { .. } => "propose",
            Self::Vote { .. } => "vote",
            Self::Withdraw { .. } => "withdraw",
            Self::Attest { .. } => "attest",
            Self::SetSeat { .. } => "set seat",
            Self::SetGuardians { .. } => "set guardians",
            Self::RequestSigners { .. } => "request signers",
            Self::DecideRequest { .. } => "decide request",
            Self::ReportDormant { .. } => "report dormant",
            Self::Answer { .. } => "answer",
            Self::DivideQuota { .. } => "divide quota",
        }
    }

    /// The version of the protocol from which execution performs it; before, it fails with `not_yet`.
    pub fn protocol(&self) -> u32 {
        match self {
            Self::CreateAsset { flags, .. } => {
                if *flags == 0 {
                    1
                } else {
                    2
                }
            }
            Self::Mint { .. }
            | Self::Burn { .. }
            | Self::Transfer { .. }
            | Self::PutRecord { .. }
            | Self::SetSigners { .. }
            | Self::Rejoin { .. }
            | Self::Hold { .. }
            | Self::Release { .. }
            | Self::Refund { .. }
            | Self::Erase { .. } => 1,
            Self::Grant { .. }
            | Self::Revoke { .. }
            | Self::Freeze { .. }
            | Self::Unfreeze { .. }
            | Self::Assign { .. }
            | Self::Propose { .. }
            | Self::Vote { .. }
            | Self::Withdraw { .. }
            | Self::Attest { .. }
            | Self::SetSeat { .. }
            | Self::SetGuardians { .. }
            | Self::RequestSigners { .. }
            | Self::DecideRequest { .. }
            | Self::ReportDormant { .. }
            | Self::Answer { .. }
            | Self::DivideQuota { .. } => 2,
        }
    }

    /// Whether it is one of governance: it may use the reserve beyond quotas.
    pub fn is_of_governance(&self) -> bool {
        self.protocol() == 2 && !matches!(self, Self::CreateAsset { .. })
    }

    /// The account that it gives something to, or a claim: its `to` or `beneficiary`. Whom a release or a refund pays
    /// stands in the hold, not here.
    pub fn receiver(&self) -> Option<Address> {
        match self {
            Self::Mint { to, .. } | Self::Transfer { to, .. } => Some(*to),
            Self::Hold { beneficiary, .. } => Some(*beneficiary),
            _ => None,
        }
    }

    /// The account that it names besides the acting party, and not only deeper in it: its `to`, `beneficiary` or
    /// `account`, or the `owner` of its hold. That account may erase the transaction's texts (section 4).
    pub fn named(&self) -> Option<Address> {
        match self {
            Self::Mint { to, .. } | Self::Transfer { to, .. } => Some(*to),
            Self::Hold { beneficiary, .. } => Some(*beneficiary),
            Self::Release { hold, .. } | Self::Refund { hold } => Some(hold.owner),
            Self::Grant { account, .. }
            | Self::Revoke { account, .. }
            | Self::Freeze { account, .. }
            | Self::Unfreeze { account, .. }
            | Self::Assign { account, .. }
            | Self::RequestSigners { account, .. }
            | Self::DecideRequest { account, .. }
            | Self::DivideQuota { account, .. } => Some(*account),
            Self::CreateAsset { .. }
            | Self::Burn { .. }
            | Self::PutRecord { .. }
            | Self::SetSigners { .. }
            | Self::Rejoin { .. }
            | Self::Erase { .. }
            | Self::Propose { .. }
            | Self::Vote { .. }
            | Self::Withdraw { .. }
            | Self::Attest { .. }
            | Self::SetSeat { .. }
            | Self::SetGuardians { .. }
            | Self::ReportDormant { .. }
            | Self::Answer { .. } => None,
        }
    }

    /// What a text at this field of it must be; none if no text is legal there (section 4).
    pub fn text_rule(&self, field: u8) -> Option<TextRule> {
        match (self, field) {
            (Self::CreateAsset { .. }, 0) => Some(TextRule::text(MAX_DESCRIPTION_BYTES)),
            (Self::Transfer { .. }, 0) => Some(TextRule::text(MAX_TRANSFER_MEMO_BYTES)),
            (Self::Hold { .. }, 0) => Some(TextRule::text(MAX_HOLD_MEMO_BYTES)),
            (Self::PutRecord { .. }, 0) => Some(TextRule::text(MAX_LABEL_BYTES)),
            (Self::PutRecord { .. }, 1) => Some(TextRule::any_bytes(MAX_METADATA_BYTES)),
            (Self::Freeze { .. } | Self::Unfreeze { .. }, 0) => Some(TextRule::text(MAX_REASON_BYTES)),
            (Self::Propose { .. }, 0) => Some(TextRule::text(MAX_EXPLANATION_BYTES)),
            _ => None,
        }
    }
}
