//! `quorate gov propose`: a change is put to the vote, once its proposer has seen what it means.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use quorate_client::Page;
use quorate_client::governance::{ChangedValue, changed_parameters, changed_rules};
use quorate_client::schema::ProposalStateView;
use quorate_crypto::{MemberNumber, SeatNumber};
use quorate_ledger::limits::{MAX_EXPLANATION_BYTES, MAX_NAME_BYTES, MAX_PROPOSAL_LEAD_MS};
use quorate_ledger::{Address, AssetCode, Change, Height, Limit, Operation, Right, is_name};
use quorate_tools::failure::Failure;
use quorate_tools::output::{Format, Output, say};
use quorate_tools::protocol::ProtocolArg;
use quorate_tools::wallet::Fate;
use serde::Serialize;

use super::outlook::{Meaning, Outlook};
use super::seat_file::SeatFile;
use crate::cli::wallet::acting::{ActArgs, Acting, member_text};
use crate::cli::wallet::rights::{ScopeArgs, check_legal};
use crate::cli::wallet::send::check_text;

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// How a proposal is made, whatever it changes.
#[derive(Args, Clone, Debug)]
pub(crate) struct ProposeArgs {
    /// Days after which it ends without a decision, 1 to 90
    #[arg(long, value_name = "DAYS", default_value_t = 14)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=90))]
    days: u64,
    /// Why, which everybody can read until it is erased, at most 1,024 bytes
    #[arg(long, value_name = "TEXT", default_value = "")]
    explanation: String,
    #[command(flatten)]
    act: ActArgs,
}

/// What can be put to the vote. The names are those of `gov list`.
#[derive(Subcommand, Debug)]
#[command(after_help = "Examples:
  quorate gov propose admit cumulus-trust qr1… --key member.key
  quorate gov propose parameters window=64 max_batch_bytes=1048576 --key member.key
  quorate gov propose add-seat seat.toml --key member.key

What changes, who decides it and what becomes of the committee is shown first, and at a
terminal it is asked whether to sign.")]
pub(crate) enum ProposeCommand {
    /// A new member
    #[command(after_help = "Example:\n  quorate gov propose admit cumulus-trust qr1… --key member.key")]
    Admit {
        /// Its name, 1 to 32 of A–Z a–z 0–9 . - _
        #[arg(value_name = "NAME")]
        name: String,
        /// The account that is to speak for it
        #[arg(value_name = "ADDRESS")]
        address: Address,
        #[command(flatten)]
        propose: ProposeArgs,
    },
    /// A member is made to leave, with its seats at the epoch's end
    #[command(after_help = "Example:\n  quorate gov propose expel cumulus-trust --key member.key")]
    Expel {
        /// Which member, by its number or name
        #[arg(value_name = "MEMBER", value_parser = member_text)]
        member: String,
        #[command(flatten)]
        propose: ProposeArgs,
    },
    /// A dormant member is active again
    #[command(after_help = "Example:\n  quorate gov propose reinstate cumulus-trust --key member.key")]
    Reinstate {
        /// Which member, by its number or name
        #[arg(value_name = "MEMBER", value_parser = member_text)]
        member: String,
        #[command(flatten)]
        propose: ProposeArgs,
    },
    /// One's own member leaves, with its seats at the epoch's end
    #[command(after_help = "Example:\n  quorate gov propose leave --key member.key")]
    Leave {
        #[command(flatten)]
        propose: ProposeArgs,
    },
    /// A new seat in the committee
    #[command(after_help = "Example:
  quorate gov propose add-seat seat.toml --key member.key

The file is made by the operator of the node that joins: quorate gov seat. Before the deciding
vote that node attests, so that the committee counts on nobody who is not there: quorate gov
attest.")]
    AddSeat {
        /// What `quorate gov seat` wrote
        #[arg(value_name = "SEATFILE")]
        file: PathBuf,
        #[command(flatten)]
        propose: ProposeArgs,
    },
    /// A seat leaves the committee
    #[command(after_help = "Example:\n  quorate gov propose remove-seat 4 --key member.key")]
    RemoveSeat {
        /// The seat's number
        #[arg(value_name = "SEAT")]
        seat: u32,
        #[command(flatten)]
        propose: ProposeArgs,
    },
    /// Other parameters, as a difference against those in force
    #[command(after_help = "Example:\n  quorate gov propose parameters window=64 --key member.key")]
    Parameters {
        /// A parameter and its value; once for each that changes
        #[arg(value_name = "KEY=VALUE", required = true)]
        values: Vec<ChangedValue>,
        #[command(flatten)]
        propose: ProposeArgs,
    },
    /// Other rules, as a difference against those in force
    #[command(after_help = "Example:\n  quorate gov propose rules grants=two-thirds --key member.key")]
    Rules {
        /// A rule and its value, a majority being half, two-thirds or all; once for each that changes
        #[arg(value_name = "KEY=VALUE", required = true)]
        values: Vec<ChangedValue>,
        #[command(flatten)]
        propose: ProposeArgs,
    },
    /// Another engine
    #[command(after_help = "Example:\n  quorate gov propose engine raft --key member.key")]
    Engine {
        /// Which one
        #[arg(value_name = "ENGINE", value_enum)]
        engine: ProtocolArg,
        #[command(flatten)]
        propose: ProposeArgs,
    },
    /// Another version of the protocol
    #[command(after_help = "Example:\n  quorate gov propose protocol 3 --key member.key")]
    Protocol {
        /// Which one
        #[arg(value_name = "VERSION")]
        version: u32,
        #[command(flatten)]
        propose: ProposeArgs,
    },
    /// A right is granted, for the network where neither a member nor an asset is named
    #[command(after_help = "Example:\n  quorate gov propose grant qr1… issuer --key member.key")]
    Grant {
        /// Who gets it
        #[arg(value_name = "ADDRESS")]
        to: Address,
        /// Which right
        #[arg(value_name = "RIGHT")]
        right: Right,
        #[command(flatten)]
        scope: ScopeArgs,
        #[command(flatten)]
        propose: ProposeArgs,
    },
    /// A right is taken back
    #[command(after_help = "Example:\n  quorate gov propose revoke qr1… issuer --key member.key")]
    Revoke {
        /// Who has it
        #[arg(value_name = "ADDRESS")]
        of: Address,
        /// Which right
        #[arg(value_name = "RIGHT")]
        right: Right,
        #[command(flatten)]
        scope: ScopeArgs,
        #[command(flatten)]
        propose: ProposeArgs,
    },
    /// A quota of a member's own, or of all accounts without a member
    #[command(after_help = "Examples:
  quorate gov propose quota --of cumulus-trust --bytes 1000000 --leaves 5000 --key member.key
  quorate gov propose quota --of-strangers --by-rules --key member.key")]
    Quota {
        /// Of this member, by its number or name
        #[arg(long, value_name = "MEMBER", value_parser = member_text, required_unless_present = "of_strangers")]
        of: Option<String>,
        /// Of all accounts without a member together
        #[arg(long, conflicts_with = "of")]
        of_strangers: bool,
        /// Bytes a day
        #[arg(
            long,
            value_name = "N",
            requires = "leaves",
            required_unless_present = "by_rules"
        )]
        bytes: Option<u64>,
        /// New leaves of the state a day
        #[arg(long, value_name = "N", requires = "bytes")]
        leaves: Option<u32>,
        /// Again what the rules say
        #[arg(long, conflicts_with_all = ["bytes", "leaves"])]
        by_rules: bool,
        #[command(flatten)]
        propose: ProposeArgs,
    },
    /// An account is frozen
    #[command(after_help = "Example:\n  quorate gov propose freeze qr1… --asset GOLD --key member.key")]
    Freeze {
        /// Which account
        #[arg(value_name = "ADDRESS")]
        whom: Address,
        /// For this asset alone [default: for all assets]
        #[arg(long, value_name = "CODE")]
        asset: Option<AssetCode>,
        #[command(flatten)]
        propose: ProposeArgs,
    },
    /// A freeze ends
    #[command(after_help = "Example:\n  quorate gov propose unfreeze qr1… --asset GOLD --key member.key")]
    Unfreeze {
        /// Which account
        #[arg(value_name = "ADDRESS")]
        whom: Address,
        /// For this asset alone [default: for all assets]
        #[arg(long, value_name = "CODE")]
        asset: Option<AssetCode>,
        #[command(flatten)]
        propose: ProposeArgs,
    },
}

/// What became of it, with what it means.
#[derive(Serialize)]
struct Proposed<'a> {
    #[serde(flatten)]
    fate: &'a Fate,
    /// The proposal's number, if it was made and found.
    proposal: Option<u64>,
    #[serde(flatten)]
    meaning: &'a Meaning,
}

impl ProposeCommand {
    fn args(&self) -> &ProposeArgs {
        match self {
            Self::Admit { propose, .. }
            | Self::Expel { propose, .. }
            | Self::Reinstate { propose, .. }
            | Self::Leave { propose }
            | Self::AddSeat { propose, .. }
            | Self::RemoveSeat { propose, .. }
            | Self::Parameters { propose, .. }
            | Self::Rules { propose, .. }
            | Self::Engine { propose, .. }
            | Self::Protocol { propose, .. }
            | Self::Grant { propose, .. }
            | Self::Revoke { propose, .. }
            | Self::Quota { propose, .. }
            | Self::Freeze { propose, .. }
            | Self::Unfreeze { propose, .. } => propose,
        }
    }

    /// What is refused before anybody is asked.
    fn check(&self) -> Result<Option<SeatFile>, Failure> {
        check_text("explanation", &self.args().explanation, MAX_EXPLANATION_BYTES)?;
        match self {
            Self::Admit { name, .. } if !is_name(name, MAX_NAME_BYTES) => Err(Failure::usage(
                "a member's name is 1 to 32 of A–Z a–z 0–9 . - _, beginning with neither . nor -",
            )),
            Self::AddSeat { file, .. } => SeatFile::read(file).map(Some),
            _ => Ok(None),
        }
    }

    /// The change that is meant.
    async fn change(
        &self,
        acting: &Acting<'_>,
        outlook: &Outlook,
        seat: Option<SeatFile>,
    ) -> Result<Change, Failure> {
        Ok(match self {
            Self::Admit { name, address, .. } => Change::AdmitMember {
                name: name.clone(),
                account: *address,
            },
            Self::Expel { member, .. } => Change::ExpelMember(acting.member_number(member).await?),
            Self::Reinstate { member, .. } => Change::ReinstateMember(acting.member_number(member).await?),
            Self::Leave { .. } => Change::MemberLeaves(MemberNumber(acting.member().await?)),
            Self::AddSeat { file, .. } => {
                let seat = seat.ok_or_else(|| Failure::usage("the file of the seat is missing"))?;
                let change = seat.change(&acting.ledger.network());
                change.map_err(|failure| failure.while_doing(file.display()))?
            }
            Self::RemoveSeat { seat, .. } => Change::RemoveSeat(SeatNumber(*seat)),
            Self::Parameters { values, .. } => {
                acting.needs_a_nodes_word("which parameters are in force")?;
                let parameters = changed_parameters(&outlook.parameters, values).map_err(Failure::usage)?;
                Change::Parameters(parameters)
            }
            Self::Rules { values, .. } => {
                acting.needs_a_nodes_word("which rules are in force")?;
                Change::Rules(changed_rules(&outlook.rules, values).map_err(Failure::usage)?)
            }
            Self::Engine { engine, .. } => Change::Engine((*engine).into()),
            Self::Protocol { version, .. } => Change::Protocol(*version),
            Self::Grant { to, right, scope, .. } => {
                let scope = scope.scope(acting).await?;
                check_legal(*right, &scope)?;
                Change::Grant {
                    account: *to,
                    right: *right,
                    scope,
                }
            }
            Self::Revoke { of, right, scope, .. } => {
                let scope = scope.scope(acting).await?;
                check_legal(*right, &scope)?;
                Change::Revoke {
                    account: *of,
                    right: *right,
                    scope,
                }
            }
            Self::Quota {
                of, bytes, leaves, ..
            } => {
                let member = match of {
                    Some(member) => Some(acting.member_number(member).await?),
                    None => None,
                };
                let limit = bytes.zip(*leaves).map(|(bytes, leaves)| Limit { bytes, leaves });
                Change::Quota { member, limit }
            }
            Self::Freeze { whom, asset, .. } => Change::Freeze {
                account: *whom,
                asset: *asset,
            },
            Self::Unfreeze { whom, asset, .. } => Change::Unfreeze {
                account: *whom,
                asset: *asset,
            },
        })
    }
}

/// Puts a change to the vote.
pub(super) async fn propose(command: ProposeCommand, output: &Output) -> Result<(), Failure> {
    let seat = command.check()?;
    let args = command.args();
    let acting = args.act.begin().await?;
    let client = acting.ledger.client();
    let outlook = Outlook::read(client).await?;
    let change = command.change(&acting, &outlook, seat).await?;
    change.check_form().map_err(Failure::usage)?;
    let meaning = outlook.of(client, &change).await?;
    for line in meaning.text(&Output::new(Format::Text)).lines() {
        say(line);
    }
    let expires_at = acting.ledger.expiry(lasting(args.days)).await?;
    acting.agree()?;
    let operation = Operation::Propose { change, expires_at };
    let Some(fate) = acting.perform(operation, &args.explanation, output).await? else {
        return Ok(());
    };
    let proposal = match fate.height {
        Some(height) if fate.status == "committed" => number_of(&acting, &meaning, height).await,
        _ => None,
    };
    let view = Proposed {
        fate: &fate,
        proposal,
        meaning: &meaning,
    };
    output.print(&view, |output| {
        let mut fields = fate.fields(output);
        fields.extend(proposal.map(|number| ("proposal", number.to_string())));
        output.fields(&fields)
    })?;
    fate.verdict(acting.waits())
}

/// How long a proposal lasts.
fn lasting(days: u64) -> Duration {
    // A block's time may be behind this machine's clock, so the longest is some minutes shorter than is taken.
    let longest = MAX_PROPOSAL_LEAD_MS.saturating_sub(600_000);
    Duration::from_millis(days.saturating_mul(DAY_MS).min(longest))
}

/// The number of the proposal that a block made of a change; none if the node does not say.
async fn number_of(acting: &Acting<'_>, meaning: &Meaning, height: Height) -> Option<u64> {
    let client = acting.ledger.client().at_least(height);
    let page = Page {
        limit: Some(50),
        cursor: None,
    };
    let list = client
        .proposals(Some(ProposalStateView::Open), None, &page)
        .await
        .ok()?;
    let own = list
        .proposals
        .iter()
        .find(|proposal| proposal.height == height && proposal.hash == meaning.hash)?;
    Some(own.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposal_ends_after_so_many_days_and_never_too_late() {
        assert_eq!(lasting(14), Duration::from_secs(14 * 86_400));
        // 90 days are the most that the ledger takes.
        assert_eq!(lasting(90), Duration::from_secs(90 * 86_400 - 600));
    }
}
