//! Asking a node for a proof.

use clap::Args;
use quorate_client::{Client, ProofOf};
use quorate_ledger::Height;
use quorate_tools::authority::AuthorityArgs;
use quorate_tools::failure::Failure;
use quorate_verifier::Anchor;

use super::pinned;

/// Which nodes to ask, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct NodesArgs {
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

impl NodesArgs {
    /// A client of the nodes.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let client = self.authority.client(&self.nodes)?;
        Ok(match self.min_height {
            Some(height) => client.at_least(Height(height)),
            None => client,
        })
    }
}

/// The file with which a node answers. Nothing in it is checked, but where a block is pinned, it starts from that.
pub(crate) async fn ask(client: &Client, question: &ProofOf, anchor: &Anchor) -> Result<String, Failure> {
    let text = client.proof(*question).await?;
    match anchor.pin {
        Some(pin) => pinned::start_from(client, pin, anchor.genesis.as_ref(), &text).await,
        None => Ok(text),
    }
}
