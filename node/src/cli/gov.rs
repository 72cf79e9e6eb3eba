//! `quorate gov`: what the members of a network decide together, and what keeps them able to.

mod attest;
mod decided;
mod members;
mod outlook;
mod propose;
mod seat;
mod seat_file;

use clap::Subcommand;
use quorate_tools::failure::Failure;
use quorate_tools::output::Output;

pub(super) use self::decided::list_first;

#[derive(Subcommand, Debug)]
#[command(after_help = "Examples:
  quorate gov propose admit cumulus-trust qr1… --key member.key
  quorate gov list --state open
  quorate gov vote 3 yes --key member.key

It needs a network of protocol 2. Each member has one vote, cast by its account or by an account
with the role administrator for it.")]
pub(crate) enum GovCommand {
    /// Put a change to the vote of the members
    #[command(subcommand)]
    Propose(propose::ProposeCommand),
    /// List proposals, newest first
    List(decided::ListArgs),
    /// Show a proposal: what changes, who voted, and what becomes of the committee
    Show(decided::ShowArgs),
    /// Vote on a proposal, or take the vote back
    Vote(decided::VoteArgs),
    /// Take back a proposal of one's own
    Withdraw(decided::WithdrawArgs),
    /// Say on the ledger that a validator is live, and which protocols it knows
    Attest(attest::AttestArgs),
    /// Write the file of a new seat, for the member that proposes it
    Seat(seat_file::SeatFileArgs),
    /// Give a seat of one's own other keys or addresses
    SetSeat(seat::SetSeatArgs),
    /// Report that a member has signed nothing for long
    ReportDormant(members::ReportArgs),
    /// Answer such a report on one's own member
    Answer(members::AnswerArgs),
    /// Give an account of one's own member a part of the member's quota
    DivideQuota(members::DivideArgs),
}

/// Carries out a command of this group.
pub(crate) async fn run(command: GovCommand, output: &Output) -> Result<(), Failure> {
    match command {
        GovCommand::Propose(command) => propose::propose(command, output).await,
        GovCommand::List(args) => decided::list(&args, output).await,
        GovCommand::Show(args) => decided::show(&args, output).await,
        GovCommand::Vote(args) => decided::vote(&args, output).await,
        GovCommand::Withdraw(args) => decided::withdraw(&args, output).await,
        GovCommand::Attest(args) => attest::attest(&args, output).await,
        GovCommand::Seat(args) => seat_file::write(&args, output),
        GovCommand::SetSeat(args) => seat::set(&args, output).await,
        GovCommand::ReportDormant(args) => members::report(&args, output).await,
        GovCommand::Answer(args) => members::answer(&args, output).await,
        GovCommand::DivideQuota(args) => members::divide(&args, output).await,
    }
}
