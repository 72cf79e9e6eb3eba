//! Operations of governance as people write them in TOML: one table for each kind. Members are named by their numbers,
//! which no node has to be asked for.

use quorate_client::text::parse_rfc3339;
use quorate_crypto::MemberNumber;
use quorate_ledger::limits::{MAX_CHANGE_BYTES, MAX_EXPLANATION_BYTES, MAX_REASON_BYTES};
use quorate_ledger::{AssetCode, Ballot, Change, Operation, Right, Scope, Signers, decode};
use quorate_tools::failure::Failure;
use serde::Deserialize;

use super::Deal;
use crate::cli::wallet::account::sorted_signers;
use crate::cli::wallet::rights::check_legal;
use crate::cli::wallet::send::check_text;

#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table with account, right, and member or asset"
)]
pub(super) struct RightText {
    account: String,
    right: Right,
    member: Option<u32>,
    asset: Option<AssetCode>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with account")]
pub(super) struct FreezeText {
    account: String,
    asset: Option<AssetCode>,
    #[serde(default)]
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table with account and, to a member, member"
)]
pub(super) struct AssignText {
    account: String,
    member: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with change and until")]
pub(super) struct ProposeText {
    /// The change's canonical bytes, in hex.
    change: String,
    until: String,
    #[serde(default)]
    explanation: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with proposal and ballot")]
pub(super) struct VoteText {
    proposal: u64,
    ballot: BallotText,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BallotText {
    Yes,
    No,
    Withdrawn,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with proposal")]
pub(super) struct WithdrawText {
    proposal: u64,
}

#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table with guardians, threshold and delay_ms"
)]
pub(super) struct GuardiansText {
    guardians: Vec<String>,
    threshold: u8,
    delay_ms: u64,
}

#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table with account, threshold and signers"
)]
pub(super) struct RequestText {
    account: String,
    threshold: u32,
    signers: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with account and accept")]
pub(super) struct DecideText {
    account: String,
    accept: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with member")]
pub(super) struct MemberText {
    member: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with account, bytes and leaves")]
pub(super) struct DivideText {
    account: String,
    bytes: u64,
    leaves: u32,
}

/// What is done in one operation of governance.
#[derive(Debug)]
pub(super) enum Governing {
    Grant(RightText),
    Revoke(RightText),
    Freeze(FreezeText),
    Unfreeze(FreezeText),
    Assign(AssignText),
    Propose(ProposeText),
    Vote(VoteText),
    Withdraw(WithdrawText),
    SetGuardians(GuardiansText),
    RequestSigners(RequestText),
    DecideRequest(DecideText),
    ReportDormant(MemberText),
    Answer(MemberText),
    DivideQuota(DivideText),
}

impl RightText {
    fn scope(&self) -> Result<Scope, Failure> {
        let scope = match (self.member, self.asset) {
            (Some(member), None) => Scope::Member(MemberNumber(member)),
            (None, Some(asset)) => Scope::Asset(asset),
            (None, None) => return Err(Failure::usage("say for what: a member, or an asset")),
            (Some(_), Some(_)) => return Err(Failure::usage("a right is for a member or for an asset")),
        };
        check_legal(self.right, &scope)?;
        Ok(scope)
    }
}

impl ProposeText {
    fn operation(&self) -> Result<Operation, Failure> {
        check_text("explanation", &self.explanation, MAX_EXPLANATION_BYTES)?;
        let bytes = hex::decode(&self.change)
            .map_err(|error| Failure::usage(format!("change is its bytes in hex: {error}")))?;
        let change: Change = decode(&bytes, MAX_CHANGE_BYTES)
            .map_err(|error| Failure::usage(format!("change is not the bytes of one: {error}")))?;
        change.check_form().map_err(Failure::usage)?;
        let expires_at = parse_rfc3339(&self.until);
        Ok(Operation::Propose {
            change,
            expires_at: expires_at.ok_or_else(|| Failure::usage("until is a time in RFC 3339"))?,
        })
    }
}

impl Governing {
    /// The operation, and its text, which may be empty.
    pub(super) fn operation(&self, deal: &Deal) -> Result<(Operation, &str), Failure> {
        let bare = |operation| Ok((operation, ""));
        match self {
            Self::Grant(text) => bare(Operation::Grant {
                account: deal.account(&text.account)?,
                right: text.right,
                scope: text.scope()?,
            }),
            Self::Revoke(text) => bare(Operation::Revoke {
                account: deal.account(&text.account)?,
                right: text.right,
                scope: text.scope()?,
            }),
            Self::Freeze(text) => {
                check_text("reason", &text.reason, MAX_REASON_BYTES)?;
                let operation = Operation::Freeze {
                    account: deal.account(&text.account)?,
                    asset: text.asset,
                };
                Ok((operation, &text.reason))
            }
            Self::Unfreeze(text) => {
                check_text("reason", &text.reason, MAX_REASON_BYTES)?;
                let operation = Operation::Unfreeze {
                    account: deal.account(&text.account)?,
                    asset: text.asset,
                };
                Ok((operation, &text.reason))
            }
            Self::Assign(text) => bare(Operation::Assign {
                account: deal.account(&text.account)?,
                member: text.member.map(MemberNumber),
            }),
            Self::Propose(text) => Ok((text.operation()?, &text.explanation)),
            Self::Vote(text) => bare(Operation::Vote {
                proposal: text.proposal,
                ballot: match text.ballot {
                    BallotText::Yes => Ballot::Yes,
                    BallotText::No => Ballot::No,
                    BallotText::Withdrawn => Ballot::Withdrawn,
                },
            }),
            Self::Withdraw(text) => bare(Operation::Withdraw {
                proposal: text.proposal,
            }),
            Self::SetGuardians(text) => {
                let guardians = text.guardians.iter().map(|guardian| deal.account(guardian));
                let mut guardians = guardians.collect::<Result<Vec<_>, _>>()?;
                guardians.sort_unstable();
                bare(Operation::SetGuardians {
                    guardians,
                    threshold: text.threshold,
                    delay_ms: text.delay_ms,
                })
            }
            Self::RequestSigners(text) => {
                let signers = Signers {
                    threshold: text.threshold,
                    signers: sorted_signers(&text.signers, text.threshold)?,
                };
                bare(Operation::RequestSigners {
                    account: deal.account(&text.account)?,
                    signers,
                })
            }
            Self::DecideRequest(text) => bare(Operation::DecideRequest {
                account: deal.account(&text.account)?,
                accept: text.accept,
            }),
            Self::ReportDormant(text) => bare(Operation::ReportDormant {
                member: MemberNumber(text.member),
            }),
            Self::Answer(text) => bare(Operation::Answer {
                member: MemberNumber(text.member),
            }),
            Self::DivideQuota(text) => bare(Operation::DivideQuota {
                account: deal.account(&text.account)?,
                bytes: text.bytes,
                leaves: text.leaves,
            }),
        }
    }
}
