//! Members, rights, ballots, guardians, quotas, recoveries (`docs/formats.md`, section 15). From protocol
//! 2 on execution makes and changes them; genesis makes members, names and keys in use, and grants.

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Address, Digest, Epoch, Height, MemberNumber, PublicKey, SeatNumber};
use serde::{Deserialize, Serialize};

use crate::limits::{MAX_GUARDIANS, MAX_OPEN_PROPOSALS};
use crate::{AssetCode, Change, Limit, Right, Scope, Signers, StateKey, Timestamp};

/// A member of the consortium.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Member {
    /// Version 1.
    V1(MemberV1),
}

/// Version 1 of [`Member`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberV1 {
    /// Its number, which no other member ever has.
    pub number: MemberNumber,
    /// Its name: 1 to 32 of A–Z a–z 0–9 `.` `-` `_`, not beginning with `.` or `-`.
    pub name: String,
    /// The account that speaks for it.
    pub account: Address,
    /// Whether it takes part.
    pub status: MemberStatus,
    /// Seats that it runs.
    pub seats: u16,
    /// The block time at which it became a member.
    pub since: Timestamp,
    /// The block time of something that it signed on chain; raised by steps of a day.
    pub signed: Timestamp,
    /// Who reported it as dormant, if anybody.
    pub reported: Option<Report>,
    /// The numbers of its open proposals, at most 8.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_OPEN_PROPOSALS>")]
    pub open: Vec<u64>,
}

/// Whether a member takes part. The last two have left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemberStatus {
    /// It does.
    Active,
    /// It has signed nothing for long.
    Dormant,
    /// The others have expelled it.
    Expelled,
    /// It has left.
    Left,
}

/// A report that a member is dormant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The member that reported.
    pub by: MemberNumber,
    /// Its block's time.
    pub timestamp: Timestamp,
}

/// Whose a name or a key is or was. It is never removed: none comes back as another's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InUse {
    /// Version 1.
    V1(InUseV1),
}

/// Version 1 of [`InUse`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InUseV1 {
    /// The name or key.
    pub taken: Taken,
    /// Whose.
    pub by: Owner,
}

/// A name or key that nobody else can have any more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Taken {
    /// A member's name, in lower case.
    Name(String),
    /// Any key of a seat.
    Key([u8; 32]),
}

/// Who has a name or key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Owner {
    /// A member, its name.
    Member(MemberNumber),
    /// A seat, one of its keys.
    Seat(SeatNumber),
}

/// A right that an account has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grant {
    /// Version 1.
    V1(GrantV1),
}

/// Version 1 of [`Grant`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantV1 {
    /// Who has it.
    pub account: Address,
    /// To do what.
    pub right: Right,
    /// Within what.
    pub scope: Scope,
    /// Who granted it; 20 zero bytes at genesis.
    pub by: Address,
    /// The place in the log of the transaction that did.
    pub ordinal: u64,
}

/// A frozen account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Freeze {
    /// Version 1.
    V1(FreezeV1),
}

/// Version 1 of [`Freeze`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreezeV1 {
    /// Which account.
    pub account: Address,
    /// For which asset; none means all.
    pub asset: Option<AssetCode>,
    /// Who froze it.
    pub by: Address,
    /// The place in the log of the transaction that did.
    pub ordinal: u64,
    /// Its block's time.
    pub timestamp: Timestamp,
}

/// Who can give an account other signers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Guardians {
    /// Version 1.
    V1(GuardiansV1),
}

/// Version 1 of [`Guardians`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardiansV1 {
    /// Whose guardians they are.
    pub account: Address,
    /// At most 16 accounts.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_GUARDIANS>")]
    pub guardians: Vec<Address>,
    /// How many of them must accept a request.
    pub threshold: u8,
    /// How long a request waits at least, in milliseconds.
    pub delay_ms: u64,
    /// The request under way.
    pub request: Option<Request>,
}

/// A request of an account's guardians.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The signers that the account shall have.
    pub signers: Signers,
    /// The guardians that accepted.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_GUARDIANS>")]
    pub accepted: Vec<Address>,
    /// The block time at which it was made.
    pub since: Timestamp,
}

/// What a member, or all accounts without one, can use in a day, and has used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quota {
    /// Version 1.
    V1(QuotaV1),
}

/// Version 1 of [`Quota`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaV1 {
    /// Whose; none means all accounts without a member together.
    pub member: Option<MemberNumber>,
    /// Its own limit; none means that of the rules.
    pub limit: Option<Limit>,
    /// The day that the rest is about: its block times ÷ 86,400,000.
    pub day: u64,
    /// Bytes used in it.
    pub bytes: u64,
    /// New leaves in it.
    pub leaves: u32,
    /// Bytes of the reserve used in it.
    pub reserve: u64,
}

/// An account's share of its member's quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum QuotaShare {
    /// Version 1.
    V1(QuotaShareV1),
}

/// Version 1 of [`QuotaShare`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaShareV1 {
    /// Whose.
    pub account: Address,
    /// Bytes that it can use in a day.
    pub bytes: u64,
    /// New leaves that it can make in a day.
    pub leaves: u32,
    /// The day that the rest is about.
    pub day: u64,
    /// Bytes used in it.
    pub used_bytes: u64,
    /// New leaves in it.
    pub used_leaves: u32,
}

/// A change that members vote on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GovernanceProposal {
    /// Version 1.
    V1(GovernanceProposalV1),
}

/// Version 1 of [`GovernanceProposal`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GovernanceProposalV1 {
    /// Its number.
    pub number: u64,
    /// The member that made it.
    pub member: MemberNumber,
    /// The block that made it.
    pub height: Height,
    /// When it ends without a decision.
    pub expires_at: Timestamp,
    /// The members that can vote: those that were active when it was made.
    pub electorate: Vec<MemberNumber>,
    /// What is to be changed, at most 4,096 bytes.
    pub change: Change,
    /// Votes, strictly ascending by member.
    pub ballots: Vec<Cast>,
    /// Attestations, strictly ascending by encoded seat.
    pub attested: Vec<Attested>,
    /// What became of it.
    pub state: ProposalState,
}

/// A vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cast {
    /// Whose.
    pub member: MemberNumber,
    /// For the change, or against it.
    pub yes: bool,
}

/// A seat that said which protocols its node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attested {
    /// Which seat.
    pub seat: Attesting,
    /// The lowest protocol.
    pub lowest: u32,
    /// The highest.
    pub highest: u32,
}

/// A seat that attests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attesting {
    /// One that is there.
    Sitting(SeatNumber),
    /// One that the proposal would add, by its validator key.
    Joining(PublicKey),
}

/// What became of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProposalState {
    /// It is voted on.
    Open,
    /// It waits for the epoch's end.
    Passed,
    /// The change took effect.
    Executed {
        /// In this block.
        height: Height,
    },
    /// Voted down.
    Rejected,
    /// Its time ran out.
    Expired,
    /// It passed, and no longer fitted when it was to take effect.
    Lapsed,
    /// Its member withdrew it.
    Withdrawn,
}

/// A recovery that began an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecoveryMark {
    /// Version 1.
    V1(RecoveryMarkV1),
}

/// Version 1 of [`RecoveryMark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryMarkV1 {
    /// Its number, from 1.
    pub number: u32,
    /// The document's hash.
    pub document: Digest,
    /// The height on which it builds.
    pub base: Height,
    /// The hash of the block there.
    pub block: Digest,
    /// The epoch that it ended.
    pub old_epoch: Epoch,
    /// The epoch that it began.
    pub new_epoch: Epoch,
}

impl Member {
    /// Version 1's fields.
    pub fn v1(&self) -> &MemberV1 {
        let Self::V1(member) = self;
        member
    }
}

impl MemberStatus {
    /// Whether the member has left, or was made to.
    pub fn has_left(self) -> bool {
        matches!(self, Self::Expelled | Self::Left)
    }
}

impl InUse {
    /// Version 1's fields.
    pub fn v1(&self) -> &InUseV1 {
        let Self::V1(in_use) = self;
        in_use
    }
}

impl Grant {
    /// Version 1's fields.
    pub fn v1(&self) -> &GrantV1 {
        let Self::V1(grant) = self;
        grant
    }

    /// Where it lies.
    pub fn key(&self) -> StateKey {
        let grant = self.v1();
        StateKey::grant(&grant.account, grant.right, &grant.scope)
    }
}

impl Freeze {
    /// Version 1's fields.
    pub fn v1(&self) -> &FreezeV1 {
        let Self::V1(freeze) = self;
        freeze
    }
}

impl Guardians {
    /// Version 1's fields.
    pub fn v1(&self) -> &GuardiansV1 {
        let Self::V1(guardians) = self;
        guardians
    }
}

impl Quota {
    /// Version 1's fields.
    pub fn v1(&self) -> &QuotaV1 {
        let Self::V1(quota) = self;
        quota
    }
}

impl QuotaShare {
    /// Version 1's fields.
    pub fn v1(&self) -> &QuotaShareV1 {
        let Self::V1(share) = self;
        share
    }
}

impl GovernanceProposal {
    /// Version 1's fields.
    pub fn v1(&self) -> &GovernanceProposalV1 {
        let Self::V1(proposal) = self;
        proposal
    }
}

impl RecoveryMark {
    /// Version 1's fields.
    pub fn v1(&self) -> &RecoveryMarkV1 {
        let Self::V1(mark) = self;
        mark
    }
}
