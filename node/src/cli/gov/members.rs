//! `quorate gov report-dormant`, `answer` and `divide-quota`: what a member does without a vote.

use clap::Args;
use quorate_crypto::MemberNumber;
use quorate_ledger::{Address, Operation};
use quorate_tools::failure::Failure;
use quorate_tools::output::Output;

use crate::cli::wallet::acting::{ActArgs, member_text};

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate gov report-dormant cumulus-trust --key member.key

The member must have signed nothing for as long as the rules say (dormant_after_ms). If it does
not answer within 14 days it is dormant: it keeps what it has, and does not count in votes.")]
pub(crate) struct ReportArgs {
    /// Which member, by its number or name
    #[arg(value_name = "MEMBER", value_parser = member_text)]
    member: String,
    #[command(flatten)]
    act: ActArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate gov answer --key member.key

A proposal or a vote of the member answers a report, too.")]
pub(crate) struct AnswerArgs {
    /// Which member, by its number or name [default: the one that the account is of]
    #[arg(long, value_name = "MEMBER", value_parser = member_text)]
    member: Option<String>,
    #[command(flatten)]
    act: ActArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate gov divide-quota qr1… --bytes 1000000 --leaves 5000 --key member.key

The account can use no more than that a day; what others of the member use counts against the
member's quota as before.")]
pub(crate) struct DivideArgs {
    /// Which account of the member
    #[arg(value_name = "ADDRESS")]
    whom: Address,
    /// Bytes a day
    #[arg(long, value_name = "N")]
    bytes: u64,
    /// New leaves of the state a day
    #[arg(long, value_name = "N")]
    leaves: u32,
    #[command(flatten)]
    act: ActArgs,
}

/// Reports a member as dormant.
pub(super) async fn report(args: &ReportArgs, output: &Output) -> Result<(), Failure> {
    let acting = args.act.begin().await?;
    let member = acting.member_number(&args.member).await?;
    acting.act(Operation::ReportDormant { member }, "", output).await
}

/// Answers such a report.
pub(super) async fn answer(args: &AnswerArgs, output: &Output) -> Result<(), Failure> {
    let acting = args.act.begin().await?;
    let member = match &args.member {
        Some(member) => acting.member_number(member).await?,
        None => MemberNumber(acting.member().await?),
    };
    acting.act(Operation::Answer { member }, "", output).await
}

/// Gives an account a part of its member's quota.
pub(super) async fn divide(args: &DivideArgs, output: &Output) -> Result<(), Failure> {
    let operation = Operation::DivideQuota {
        account: args.whom,
        bytes: args.bytes,
        leaves: args.leaves,
    };
    args.act.begin().await?.act(operation, "", output).await
}
