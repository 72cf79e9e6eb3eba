//! Members, what they vote on, and what accounts may do.

use std::fmt;
use std::str::FromStr;

use quorate_crypto::PublicKey;
use quorate_ledger::{
    Address, AssetCode, Digest, Freeze, Grant, Height, Limit, MemberStatus, ProposalState, RulesV1, Scope,
    Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::text;

/// An organisation of the consortium.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// Its number, which no other member ever has.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// The account that speaks for it; who signs for that account administers the member.
    #[schema(value_type = String)]
    pub account: Address,
    /// Names of the validators it runs in the committee in force.
    pub validators: Vec<String>,
    /// Whether it takes part.
    #[serde(default)]
    pub status: MemberStatusView,
    /// How many seats it runs.
    #[serde(default)]
    pub seats: u16,
    /// Its seats in the committee in force, in the committee's order.
    #[serde(default)]
    pub sitting: Vec<SittingSeat>,
    /// When it became a member.
    #[serde(default, with = "text::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// When it last signed something on chain, to the day.
    #[serde(default, with = "text::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub signed: Timestamp,
    /// Who reported that it is dormant, and when; null if nobody did, or if it answered.
    #[serde(default)]
    pub reported: Option<ReportView>,
    /// The numbers of its open proposals, at most 8.
    #[serde(default)]
    pub open_proposals: Vec<u64>,
    /// What its account was granted; at most 64 are listed.
    #[serde(default)]
    pub roles: Vec<GrantView>,
}

/// Whether a member takes part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberStatusView {
    /// It does.
    #[default]
    Active,
    /// It has signed nothing for long: it keeps what it has, and does not vote.
    Dormant,
    /// The others have expelled it.
    Expelled,
    /// It has left.
    Left,
}

/// A seat in the committee in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SittingSeat {
    /// Its number.
    pub seat: u32,
    /// The key it votes and seals with.
    #[schema(value_type = String)]
    pub validator: PublicKey,
    /// The key that proves its libp2p identity.
    #[schema(value_type = String)]
    pub node: PublicKey,
    /// The key it signs published checkpoints with.
    #[schema(value_type = String)]
    pub witness: PublicKey,
    /// Where it says that its node is found.
    pub addresses: Vec<String>,
    /// A height at which a batch of it was named, raised by steps of 64 blocks.
    #[schema(value_type = u64)]
    pub active: Height,
    /// Whether that is less than 1,000 blocks ago: then it counts as live without an attestation.
    pub live: bool,
    /// Its keys from the next epoch on, if they are others.
    pub next: Option<NextKeysView>,
}

/// A seat's keys from the next epoch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NextKeysView {
    /// The key it votes and seals with.
    #[schema(value_type = String)]
    pub validator: PublicKey,
    /// The key that proves its libp2p identity.
    #[schema(value_type = String)]
    pub node: PublicKey,
    /// The key it signs published checkpoints with.
    #[schema(value_type = String)]
    pub witness: PublicKey,
}

/// A report that a member is dormant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportView {
    /// The number of the member that reported.
    pub by: u32,
    /// The time of its block. The member is taken for dormant 14 days later, unless it answers.
    #[serde(with = "text::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
}

/// A page of members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberList {
    /// Ascending by number; also those that have left.
    pub members: Vec<Member>,
    /// The cursor of the next page; null at the end.
    #[serde(default)]
    pub next: Option<String>,
}

/// A right that an account was granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantView {
    /// `administrator`, `operator`, `auditor`, `participant` and `issuer` are roles; the others are `mint`, `freeze`,
    /// `put-record`, `hold-asset` and `erase`.
    pub right: String,
    /// Where it holds: `network`, `member` or `asset`.
    pub scope: String,
    /// With the scope `member`: the member's number.
    pub member: Option<u32>,
    /// With the scope `asset`: the asset's code.
    #[schema(value_type = Option<String>)]
    pub asset: Option<AssetCode>,
    /// The account that granted it, or whose member proposed it; null if genesis did.
    #[schema(value_type = Option<String>)]
    pub by: Option<Address>,
}

/// That an account is frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FreezeView {
    /// For which asset; null: for all.
    #[schema(value_type = Option<String>)]
    pub asset: Option<AssetCode>,
    /// The account that froze it, or whose member proposed it.
    #[schema(value_type = String)]
    pub by: Address,
    /// The time of the block.
    #[serde(with = "text::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
}

/// A member by its number and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberName {
    /// Its number.
    pub number: u32,
    /// Its name; empty where it is not known.
    pub name: String,
}

/// A change that members vote on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Proposal {
    /// Its number.
    pub number: u64,
    /// Where it is on its way. One that is open in the state when its time is over is told as `expired`.
    pub state: ProposalStateView,
    /// The block that executed the change, if it was executed.
    #[schema(value_type = Option<u64>)]
    pub executed: Option<Height>,
    /// The member that made it.
    pub member: MemberName,
    /// The block that made it.
    #[schema(value_type = u64)]
    pub height: Height,
    /// When it ends without a decision.
    #[serde(with = "text::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// What would change.
    pub change: ChangeView,
    /// The change's hash, by which members name it to each other.
    #[schema(value_type = String)]
    pub hash: Digest,
    /// The change's canonical bytes, in hex: the hash is theirs.
    pub bytes: String,
    /// Who was active when it was made, and so can vote.
    pub electorate: Vec<MemberName>,
    /// Votes, ascending by member.
    pub ballots: Vec<BallotView>,
    /// Seats that attested that they are live.
    pub attested: Vec<AttestedView>,
    /// The rule that decides it, and how far the count is.
    pub count: CountView,
    /// What becomes of the committee, if it is concerned and the proposal is open or waits.
    pub impact: Option<ImpactView>,
}

/// Where a proposal is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProposalStateView {
    /// It is voted on.
    Open,
    /// It was decided, and waits for the epoch's end.
    Passed,
    /// The change took effect.
    Executed,
    /// So many are against it that it cannot pass.
    Rejected,
    /// Its time ran out.
    Expired,
    /// It passed, and no longer fitted when it was to take effect.
    Lapsed,
    /// Its member took it back.
    Withdrawn,
}

/// No state of proposals has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no state of proposals has this name")]
pub struct NotAState;

/// A page of proposals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProposalList {
    /// Newest first.
    pub proposals: Vec<Proposal>,
    /// The cursor of the next page; null at the end, and only there: with a filter a page may be shorter than was
    /// asked for, and even empty, and not be the last.
    #[serde(default)]
    pub next: Option<String>,
}

/// What a proposal changes, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeView {
    /// `admit`, `expel`, `reinstate`, `leave`, `add-seat`, `remove-seat`, `parameters`, `rules`, `engine`, `protocol`,
    /// `grant`, `revoke`, `quota`, `freeze` or `unfreeze`.
    pub kind: String,
    /// In one sentence.
    pub words: String,
    /// What it is about, one by one; of parameters and rules those that differ from the ones in force.
    pub items: Vec<ChangeItem>,
    /// Whether it takes effect at the epoch's end, not with the deciding ballot.
    pub waits: bool,
}

/// One thing that a change is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeItem {
    /// Its name.
    pub name: String,
    /// What it is now; null if that is not known, or if there is nothing before.
    pub before: Option<String>,
    /// What it would be.
    pub after: String,
    /// The least that it may be, if it has a range.
    pub lowest: Option<u64>,
    /// The most that it may be.
    pub highest: Option<u64>,
    /// What depends on it.
    pub affects: Option<String>,
}

/// A member's vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BallotView {
    /// Whose.
    pub member: MemberName,
    /// For the change, or against it.
    pub yes: bool,
    /// Whether it counts: that of a member that is not active does not.
    pub counts: bool,
}

/// A seat that said that it is live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttestedView {
    /// The seat, if it sits; null for the one that would join.
    pub seat: Option<u32>,
    /// The validator key of the one that would join.
    #[schema(value_type = Option<String>)]
    pub validator: Option<PublicKey>,
    /// The lowest version of the protocol that its program knows.
    pub lowest: u32,
    /// The highest one.
    pub highest: u32,
}

/// The rule that decides a proposal, and the count so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CountView {
    /// Which rule: `seats`, `engine`, `protocol`, `parameters`, `grants`, `quotas` or `strict`.
    pub rule: String,
    /// What that rule says: `half`, `two thirds` or `all`.
    pub majority: String,
    /// How many can vote now: active members of the electorate.
    pub voters: u32,
    /// How many must be for it; never fewer than a third of all members that have not left.
    pub needed: u32,
    /// How many are.
    pub yes: u32,
    /// How many are against it.
    pub no: u32,
}

/// What becomes of the committee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImpactView {
    /// As all that was decided so far makes it.
    pub before: CommitteeFigures,
    /// With the change, too.
    pub after: CommitteeFigures,
    /// Why the ledger would refuse the change now; empty if it would not.
    pub obstacles: Vec<String>,
}

/// How much a committee bears.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommitteeFigures {
    /// `pbft`, `raft` or `paxos`.
    pub engine: String,
    /// The version of messages and rules.
    pub protocol: u32,
    /// Validators.
    pub n: u32,
    /// How many of them may be faulty.
    pub f: u32,
    /// How many a certificate needs.
    pub quorum: u32,
    /// How many are live: by a batch of the last 1,000 blocks, or attested.
    pub live: u32,
    /// How many must be live for the change.
    pub live_needed: u32,
    /// How many live ones may fail before nothing is certified any more; negative: so many are missing.
    pub margin: i32,
    /// What members trust.
    pub promise: String,
}

/// Who decides what, and within which time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RulesView {
    /// What accounts without a member may do, added up: 1 hold, 2 send, 4 create.
    pub strangers: u8,
    /// What a proposal about seats needs: `half` (more than that), `two thirds` or `all`.
    pub seats: String,
    /// What a proposal of another engine needs; leaving PBFT needs `strict`.
    pub engine: String,
    /// What a proposal of another protocol needs.
    pub protocol: String,
    /// What a proposal of parameters needs.
    pub parameters: String,
    /// What a proposal about grants and freezes needs.
    pub grants: String,
    /// What a proposal about quotas needs.
    pub quotas: String,
    /// What all else needs: as in force, the strictest of all.
    pub strict: String,
    /// Without a signature for this long a member can be reported as dormant, in milliseconds.
    pub dormant_after_ms: u64,
    /// Least delay of a guardians' request, in milliseconds.
    pub guardian_delay_ms: u64,
    /// Bytes a day of a member that has no quota of its own.
    pub day_bytes: u64,
    /// New leaves a day of such a member.
    pub day_leaves: u32,
    /// Bytes a day of all accounts without a member together.
    pub strangers_bytes: u64,
    /// New leaves a day of all accounts without a member together.
    pub strangers_leaves: u32,
    /// Bytes a day that governance, rejoin and recovery can use beyond quotas.
    pub reserve_bytes: u64,
}

impl From<MemberStatus> for MemberStatusView {
    fn from(status: MemberStatus) -> Self {
        match status {
            MemberStatus::Active => Self::Active,
            MemberStatus::Dormant => Self::Dormant,
            MemberStatus::Expelled => Self::Expelled,
            MemberStatus::Left => Self::Left,
        }
    }
}

impl MemberStatusView {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Dormant => "dormant",
            Self::Expelled => "expelled",
            Self::Left => "left",
        }
    }

    /// Whether the member has left, or was made to.
    pub fn has_left(self) -> bool {
        matches!(self, Self::Expelled | Self::Left)
    }
}

impl ProposalStateView {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Open,
        Self::Passed,
        Self::Executed,
        Self::Rejected,
        Self::Expired,
        Self::Lapsed,
        Self::Withdrawn,
    ];

    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Passed => "passed",
            Self::Executed => "executed",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Lapsed => "lapsed",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// A proposal's state at a time, and the block that executed it. Expiry is written down only when something comes
    /// to it; for readers the time is over when it is over.
    pub fn at(state: ProposalState, expires_at: Timestamp, now: Timestamp) -> (Self, Option<Height>) {
        match state {
            ProposalState::Open if now >= expires_at => (Self::Expired, None),
            ProposalState::Open => (Self::Open, None),
            ProposalState::Passed => (Self::Passed, None),
            ProposalState::Executed { height } => (Self::Executed, Some(height)),
            ProposalState::Rejected => (Self::Rejected, None),
            ProposalState::Expired => (Self::Expired, None),
            ProposalState::Lapsed => (Self::Lapsed, None),
            ProposalState::Withdrawn => (Self::Withdrawn, None),
        }
    }
}

impl fmt::Display for ProposalStateView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ProposalStateView {
    type Err = NotAState;

    fn from_str(text: &str) -> Result<Self, NotAState> {
        let known = Self::ALL.into_iter().find(|state| state.name() == text);
        known.ok_or(NotAState)
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => write!(f, "member {}", self.number),
            name => f.write_str(name),
        }
    }
}

impl From<&Grant> for GrantView {
    fn from(grant: &Grant) -> Self {
        let grant = grant.v1();
        let (scope, member, asset) = match grant.scope {
            Scope::Network => ("network", None, None),
            Scope::Member(number) => ("member", Some(number.0), None),
            Scope::Asset(code) => ("asset", None, Some(code)),
        };
        Self {
            right: grant.right.name().to_owned(),
            scope: scope.to_owned(),
            member,
            asset,
            by: (grant.by != Address([0; 20])).then_some(grant.by),
        }
    }
}

impl From<&Freeze> for FreezeView {
    fn from(freeze: &Freeze) -> Self {
        let freeze = freeze.v1();
        Self {
            asset: freeze.asset,
            by: freeze.by,
            timestamp: freeze.timestamp,
        }
    }
}

impl From<&RulesV1> for RulesView {
    fn from(rules: &RulesV1) -> Self {
        let said = |majority: quorate_ledger::Majority| majority.name().to_owned();
        Self {
            strangers: rules.strangers,
            seats: said(rules.seats),
            engine: said(rules.engine),
            protocol: said(rules.protocol),
            parameters: said(rules.parameters),
            grants: said(rules.grants),
            quotas: said(rules.quotas),
            strict: said(rules.strict_in_force()),
            dormant_after_ms: rules.dormant_after_ms,
            guardian_delay_ms: rules.guardian_delay_ms,
            day_bytes: rules.day_bytes,
            day_leaves: rules.day_leaves,
            strangers_bytes: rules.strangers_bytes,
            strangers_leaves: rules.strangers_leaves,
            reserve_bytes: rules.reserve_bytes,
        }
    }
}

/// A quota in words.
pub(crate) fn limit_in_words(limit: &Limit) -> String {
    format!("{} bytes and {} new leaves a day", limit.bytes, limit.leaves)
}
