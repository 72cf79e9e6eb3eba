//! Asking a node for a proof.

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use quorate_client::{Client, ProofOf};
use quorate_ledger::Height;
use quorate_tools::authority::AuthorityArgs;
use quorate_tools::failure::Failure;
use quorate_verifier::{Anchor, ProofFile};

use super::anchor::refused;
use super::pinned;

/// Which nodes to ask, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct NodesArgs {
    // Read before the nodes, which are taken out of what was parsed.
    #[command(flatten)]
    is_named: IsNamed,
    /// A node's URL; give several and the next is tried when one fails
    #[arg(
        long = "node",
        value_name = "URL",
        env = "QUORATE_NODE",
        value_delimiter = ','
    )]
    #[arg(default_value = "http://127.0.0.1:8100", help_heading = "Network")]
    nodes: Vec<String>,
    #[command(flatten)]
    authority: AuthorityArgs,
    /// Wait until the node has certified this height
    #[arg(long, value_name = "HEIGHT", help_heading = "Network")]
    min_height: Option<u64>,
}

/// Whether a node is named in the command line itself: the environment may name one for all commands.
#[derive(Clone, Copy, Debug)]
struct IsNamed(bool);

impl FromArgMatches for IsNamed {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let source = matches.value_source("nodes");
        Ok(Self(source == Some(ValueSource::CommandLine)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for IsNamed {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}

impl NodesArgs {
    /// Refuses a node beside another source: one of the two would be passed over without a word.
    pub(crate) fn refuse_beside(&self, other: &str) -> Result<(), Failure> {
        if self.is_named.0 {
            return Err(Failure::usage(format!(
                "--node and {other} are two sources, and only one is read: give one of them"
            )));
        }
        Ok(())
    }

    /// A client of the nodes.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let client = self.authority.client(&self.nodes)?;
        Ok(match self.min_height {
            Some(height) => client.at_least(Height(height)),
            None => client,
        })
    }
}

/// The file with which a node answers. Nothing in it is checked but that it names no older block than was asked for, and
/// where a block is pinned, it starts from that.
pub(crate) async fn ask(client: &Client, question: &ProofOf, anchor: &Anchor) -> Result<String, Failure> {
    let text = client.proof(*question).await?;
    refuse_older(client, question, &text)?;
    match anchor.pin {
        Some(pin) => pinned::start_from(client, pin, anchor.genesis.as_ref(), &text).await,
        None => Ok(text),
    }
}

/// Refuses a proof as of an older block than was asked for: a node need not have waited. Committees are proven as of the
/// block that named the last one, however long ago that was.
fn refuse_older(client: &Client, question: &ProofOf, text: &str) -> Result<(), Failure> {
    if client.min_height().is_none() || matches!(question, ProofOf::Committees { .. }) {
        return Ok(());
    }
    let file = ProofFile::read(text.as_bytes()).map_err(|refusal| refused(&refusal))?;
    let height = file.proof.head().map_or(Height::GENESIS, |head| head.v1().height);
    client.check_height(height)?;
    Ok(())
}
