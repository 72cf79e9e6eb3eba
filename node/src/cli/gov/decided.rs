//! `quorate gov list`, `show`, `vote` and `withdraw`: proposals that there are.

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, ValueEnum};
use quorate_client::Client;
use quorate_client::governance::operation_in_words;
use quorate_client::schema::{Proposal, ProposalList, ProposalStateView};
use quorate_client::text::rfc3339_of;
use quorate_ledger::{Ballot, Operation};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::{Output, Tone, printable, say};

use super::outlook::{change_of, change_text, count_text, impact_text};
use crate::cli::query::{AskArgs, PageArgs, with_next};
use crate::cli::wallet::acting::{ActArgs, Acting, member_text};

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate gov list
  quorate gov list --state open --member aurora-bank")]
pub(crate) struct ListArgs {
    /// Those in this state
    #[arg(long, value_name = "STATE", value_parser = states())]
    state: Option<ProposalStateView>,
    /// Those that this member made, by its number or name
    #[arg(long, value_name = "MEMBER", value_parser = member_text)]
    member: Option<String>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    ask: AskArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate gov show 3")]
pub(crate) struct ShowArgs {
    /// The proposal's number
    #[arg(value_name = "NUMBER")]
    number: u64,
    #[command(flatten)]
    ask: AskArgs,
}

/// A vote in a command.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum BallotArg {
    /// For it
    Yes,
    /// Against it
    No,
    /// No vote any more
    Withdraw,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate gov vote 3 yes --key member.key
  quorate gov vote 3 withdraw --key member.key
  quorate gov vote 3 yes --account qr1member… --out vote.qtx    # to be signed elsewhere

The proposal is shown first, and at a terminal it is asked whether to sign. A vote can be
changed until the proposal is decided. The deciding vote carries the change out.")]
pub(crate) struct VoteArgs {
    /// The proposal's number
    #[arg(value_name = "NUMBER")]
    number: u64,
    /// The vote
    #[arg(value_name = "VOTE", value_enum)]
    ballot: BallotArg,
    #[command(flatten)]
    act: ActArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate gov withdraw 3 --key member.key")]
pub(crate) struct WithdrawArgs {
    /// The proposal's number
    #[arg(value_name = "NUMBER")]
    number: u64,
    #[command(flatten)]
    act: ActArgs,
}

/// Reads a state by its name.
fn states() -> impl clap::builder::TypedValueParser<Value = ProposalStateView> {
    let names = ProposalStateView::ALL.map(ProposalStateView::name);
    PossibleValuesParser::new(names).try_map(|name| name.parse::<ProposalStateView>())
}

/// Lists proposals.
pub(super) async fn list(args: &ListArgs, output: &Output) -> Result<(), Failure> {
    let client = args.ask.client()?;
    let page = args.page.page();
    let list = client
        .proposals(args.state, args.member.as_deref(), &page)
        .await?;
    output.print(&list, |output| list_text(&list, output))
}

/// The newest proposals, for `quorate query proposals`.
pub(crate) async fn list_first(client: &Client, output: &Output) -> Result<(), Failure> {
    let list = client
        .proposals(None, None, &quorate_client::Page::default())
        .await?;
    output.print(&list, |output| list_text(&list, output))
}

fn list_text(list: &ProposalList, output: &Output) -> String {
    if list.proposals.is_empty() && list.next.is_none() {
        return "There are no such proposals.".to_owned();
    }
    let row = |proposal: &Proposal| {
        let count = &proposal.count;
        vec![
            proposal.number.to_string(),
            painted(proposal.state, output),
            printable(&proposal.member.to_string()),
            format!("{}/{}", count.yes, count.needed),
            count.no.to_string(),
            rfc3339_of(proposal.expires_at),
            printable(&proposal.change.words),
        ]
    };
    let rows = list.proposals.iter().map(row).collect();
    let headings = [
        ">NUMBER", "STATE", "MADE BY", ">FOR", ">AGAINST", "ENDS", "CHANGE",
    ];
    with_next(output.table(&headings, rows), list.next.as_deref())
}

fn painted(state: ProposalStateView, output: &Output) -> String {
    let tone = match state {
        ProposalStateView::Open | ProposalStateView::Passed => Tone::Warning,
        ProposalStateView::Executed => Tone::Good,
        ProposalStateView::Rejected
        | ProposalStateView::Expired
        | ProposalStateView::Lapsed
        | ProposalStateView::Withdrawn => Tone::Dim,
    };
    output.paint(tone, state.name())
}

/// Shows a proposal.
pub(super) async fn show(args: &ShowArgs, output: &Output) -> Result<(), Failure> {
    let proposal = args.ask.client()?.proposal(args.number).await?;
    change_of(&proposal.bytes, &proposal.hash)?;
    output.print(&proposal, |output| proposal_text(&proposal, output))
}

fn proposal_text(proposal: &Proposal, output: &Output) -> String {
    let mut fields = vec![
        ("proposal", proposal.number.to_string()),
        ("state", painted(proposal.state, output)),
        ("made by", printable(&proposal.member.to_string())),
        ("in block", proposal.height.to_string()),
        ("ends", rfc3339_of(proposal.expires_at)),
    ];
    fields.extend(
        proposal
            .executed
            .map(|height| ("executed in block", height.to_string())),
    );
    let mut text = output.fields(&fields);
    text.push_str(&change_text(&proposal.change, &proposal.hash, output));
    text.push_str(&count_text(&proposal.count, &proposal.electorate, output));
    let count = &proposal.count;
    text.push_str(&output.fields(&[
        ("for it", count.yes.to_string()),
        ("against it", count.no.to_string()),
    ]));
    if !proposal.ballots.is_empty() {
        let rows = proposal.ballots.iter().map(|ballot| {
            vec![
                printable(&ballot.member.to_string()),
                if ballot.yes { "yes" } else { "no" }.to_owned(),
                if ballot.counts {
                    "counts"
                } else {
                    "does not count: the member is not active"
                }
                .to_owned(),
            ]
        });
        text.push_str(&output.table(&["MEMBER", "VOTE", ""], rows.collect()));
    }
    if !proposal.attested.is_empty() {
        let rows = proposal.attested.iter().map(|attested| {
            let seat = match (attested.seat, attested.validator) {
                (Some(seat), _) => format!("seat {seat}"),
                (None, Some(key)) => format!("the one that would join, {key}"),
                (None, None) => "-".to_owned(),
            };
            vec![seat, format!("{} to {}", attested.lowest, attested.highest)]
        });
        text.push_str(&output.table(&["ATTESTED", "PROTOCOLS"], rows.collect()));
    }
    if let Some(impact) = &proposal.impact {
        text.push_str(&impact_text(impact, output));
    }
    text
}

/// Shows the proposal that is about to be voted on, and the operation that does it.
async fn shown(acting: &Acting<'_>, number: u64, operation: &Operation) -> Result<Proposal, Failure> {
    acting.needs_a_nodes_word("what a proposal is")?;
    let proposal = acting.ledger.client().proposal(number).await?;
    change_of(&proposal.bytes, &proposal.hash)?;
    let text = proposal_text(&proposal, &Output::new(quorate_tools::output::Format::Text));
    for line in text.lines() {
        say(line);
    }
    if let Some(words) = operation_in_words(operation, &[]) {
        say(format!("to be signed: {words}"));
    }
    Ok(proposal)
}

/// Votes on a proposal.
pub(super) async fn vote(args: &VoteArgs, output: &Output) -> Result<(), Failure> {
    let acting = args.act.begin().await?;
    let operation = Operation::Vote {
        proposal: args.number,
        ballot: match args.ballot {
            BallotArg::Yes => Ballot::Yes,
            BallotArg::No => Ballot::No,
            BallotArg::Withdraw => Ballot::Withdrawn,
        },
    };
    let proposal = shown(&acting, args.number, &operation).await?;
    check_open(&proposal)?;
    let member = acting.member().await?;
    if proposal.electorate.iter().all(|voter| voter.number != member) {
        return Err(Failure::new(
            Exit::Refused,
            format!(
                "member {member} has no vote on proposal {}: it was not active when that was made. Nothing was sent",
                args.number
            ),
        ));
    }
    acting.agree()?;
    acting.act(operation, "", output).await
}

fn check_open(proposal: &Proposal) -> Result<(), Failure> {
    if proposal.state == ProposalStateView::Open {
        return Ok(());
    }
    let (number, state) = (proposal.number, proposal.state);
    Err(Failure::new(
        Exit::Refused,
        format!("proposal {number} is {state}, and takes no votes any more: nothing was sent"),
    ))
}

/// Takes a proposal back.
pub(super) async fn withdraw(args: &WithdrawArgs, output: &Output) -> Result<(), Failure> {
    let acting = args.act.begin().await?;
    let operation = Operation::Withdraw {
        proposal: args.number,
    };
    acting.act(operation, "", output).await
}

#[cfg(test)]
mod tests {
    use quorate_client::schema::{BallotView, ChangeView, CountView, MemberName};
    use quorate_ledger::{Change, Height, Timestamp, encode};
    use quorate_tools::output::Format;

    use super::*;

    fn proposal(state: ProposalStateView) -> Proposal {
        let member = |number: u32, name: &str| MemberName {
            number,
            name: name.to_owned(),
        };
        let change = Change::ExpelMember(quorate_crypto::MemberNumber(2));
        Proposal {
            number: 3,
            state,
            executed: None,
            member: member(0, "aurora"),
            height: Height(7),
            expires_at: Timestamp(0),
            change: ChangeView {
                kind: "expel".to_owned(),
                words: "expel cumulus".to_owned(),
                items: Vec::new(),
                waits: false,
            },
            hash: change.digest(),
            bytes: hex::encode(encode(&change)),
            electorate: vec![member(0, "aurora"), member(1, "borealis")],
            ballots: vec![BallotView {
                member: member(1, "borealis"),
                yes: false,
                counts: false,
            }],
            attested: Vec::new(),
            count: CountView {
                rule: "strict".to_owned(),
                majority: "two thirds".to_owned(),
                voters: 2,
                needed: 2,
                yes: 1,
                no: 0,
            },
            impact: None,
        }
    }

    #[test]
    fn a_proposal_is_shown_with_its_ballots_by_name() {
        let text = proposal_text(&proposal(ProposalStateView::Open), &Output::new(Format::Text));
        for expected in [
            "expel cumulus",
            "aurora, borealis",
            "2 of 2 who can vote now",
            "does not count: the member is not active",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }

    #[test]
    fn a_proposal_that_is_not_open_takes_no_votes() {
        assert!(check_open(&proposal(ProposalStateView::Open)).is_ok());
        let expired = check_open(&proposal(ProposalStateView::Expired)).unwrap_err();
        assert_eq!(expired.exit(), Exit::Refused);
        assert!(expired.to_string().contains("proposal 3 is expired"), "{expired}");
    }

    #[test]
    fn a_list_says_how_many_are_for_it_of_how_many_needed() {
        let list = |proposals| ProposalList {
            proposals,
            next: None,
        };
        let output = Output::new(Format::Text);
        let text = list_text(&list(vec![proposal(ProposalStateView::Open)]), &output);
        assert!(text.contains("1/2") && text.contains("expel cumulus"), "{text}");
        assert_eq!(
            list_text(&list(Vec::new()), &output),
            "There are no such proposals."
        );
    }
}
