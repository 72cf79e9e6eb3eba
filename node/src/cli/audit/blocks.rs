//! Where an audit reads blocks: a node, a home or a bundle.

mod home;
mod node;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::Args;
use quorate_audit::{
    BlockSource, BundleBlocks, BundleError, BundleReader, CertifiedState, Finding, MAX_CERTIFIED_BLOCK_BYTES,
    NotACertifiedState,
};
use quorate_client::Client;
use quorate_genesis::Genesis;
use quorate_ledger::{CertifiedBlock, Digest, Height, decode};
use quorate_tools::failure::{Exit, Failure};

use self::home::HomeBlocks;
use self::node::NodeBlocks;
pub(super) use self::node::Reading;
use super::ask::NodesArgs;

/// Which chain to read.
#[derive(Args, Clone, Debug)]
pub(super) struct BlocksArgs {
    /// Read the blocks in this bundle, without any node
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Read the chain in this home, on which no node may run, instead of asking one
    #[arg(long, value_name = "HOME", conflicts_with = "bundle")]
    home: Option<PathBuf>,
    #[command(flatten)]
    nodes: NodesArgs,
}

/// Which of its blocks.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct RangeArgs {
    /// The first block [default: the first that there is]
    #[arg(long, value_name = "HEIGHT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) from: Option<u64>,
    /// The last block [default: the last that there is]
    #[arg(long, value_name = "HEIGHT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) to: Option<u64>,
}

/// A chain that can be read.
pub(super) struct Opened {
    pub(super) blocks: Blocks,
    /// The first height that there is.
    pub(super) from: Height,
    /// The last height that there is, by the chain's own word.
    pub(super) to: Height,
    /// Its own genesis document, where that is at hand.
    pub(super) genesis: Option<Genesis>,
    /// The state before the first height, where it is there: in a bundle that does not begin with block 1.
    pub(super) state: Option<CertifiedState>,
}

/// Blocks of one of the three.
#[allow(
    clippy::large_enum_variant,
    reason = "there are one or two of them in a process"
)]
pub(super) enum Blocks {
    Node(NodeBlocks),
    Home(HomeBlocks),
    Bundle(BundleBlocks<BufReader<File>>),
}

/// Why a block could not be had.
#[derive(Debug)]
pub(super) enum Unavailable {
    /// The bundle is no good one.
    Bundle(BundleError),
    /// Anything else.
    Failed(Failure),
}

impl BlocksArgs {
    /// Opens the chain. `genesis` is the document that it has to be of, where one was given.
    pub(super) async fn open(&self, genesis: Option<&Genesis>) -> Result<Opened, Failure> {
        match (&self.bundle, &self.home) {
            (Some(bundle), _) => {
                self.nodes.refuse_beside("--bundle")?;
                open_bundle(bundle, genesis)
            }
            (None, Some(home)) => {
                self.nodes.refuse_beside("--home")?;
                open_home(home, genesis)
            }
            (None, None) => open_node(&self.client()?, Reading::InOrder).await,
        }
    }

    /// A client of the nodes.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        self.nodes.client()
    }
}

impl Opened {
    /// The block that is asked for as the last one, or the last that there is.
    pub(super) fn up_to(&self, asked: Option<u64>) -> Result<Height, Failure> {
        let (to, last) = (asked.map_or(self.to, Height), self.to);
        if to > last {
            let words = format!("there is no block {to}: the last one is {last}");
            return Err(Failure::not_found(words));
        }
        Ok(to)
    }
}

/// Asks a node, which is the genesis document's or shows itself by its blocks.
pub(super) async fn open_node(client: &Client, reading: Reading) -> Result<Opened, Failure> {
    let to = client.height().await?;
    // Of several nodes one that is behind is passed over, and says nothing of a block that it lacks.
    Ok(Opened {
        blocks: Blocks::Node(NodeBlocks::new(client.at_least(to), to, reading)),
        from: Height(1),
        to,
        genesis: None,
        state: None,
    })
}

pub(super) fn open_home(path: &Path, genesis: Option<&Genesis>) -> Result<Opened, Failure> {
    let home = HomeBlocks::open(path)?;
    check_network(path, &home.genesis().id(), genesis)?;
    Ok(Opened {
        from: Height(1),
        to: home.height(),
        genesis: Some(home.genesis().clone()),
        blocks: Blocks::Home(home),
        state: None,
    })
}

pub(super) fn open_bundle(path: &Path, genesis: Option<&Genesis>) -> Result<Opened, Failure> {
    let mut bundle = read_bundle(path)?;
    let (from, to) = (bundle.opening().from, bundle.opening().to);
    check_network(path, &bundle.opening().network, genesis)?;
    let own = bundle.genesis().clone();
    let state = CertifiedState::read(&mut bundle, genesis.unwrap_or(&own));
    let state = state.map_err(|error| not_a_state(path, error))?;
    Ok(Opened {
        from,
        to,
        genesis: Some(own),
        blocks: Blocks::Bundle(BundleBlocks::new(bundle)),
        state,
    })
}

/// The state in a state file, or in any bundle that begins with one.
pub(super) fn read_state(path: &Path, genesis: &Genesis) -> Result<CertifiedState, Failure> {
    let mut bundle = read_bundle(path)?;
    check_network(path, &bundle.opening().network, Some(genesis))?;
    let state = CertifiedState::read(&mut bundle, genesis).map_err(|error| not_a_state(path, error))?;
    state.ok_or_else(|| {
        Failure::usage(format!("{} has no state to begin with", path.display()))
            .hint("quorate audit export --state HEIGHT makes a file that has one")
    })
}

fn read_bundle(path: &Path) -> Result<BundleReader<BufReader<File>>, Failure> {
    let file = File::open(path).map_err(|error| Failure::io(path, &error))?;
    BundleReader::open(BufReader::with_capacity(1 << 20, file)).map_err(|error| bad_bundle(path, &error))
}

/// That a bundle is no good one: a failed check, unless the system could not read it.
pub(super) fn bad_bundle(path: &Path, error: &BundleError) -> Failure {
    let failure = match error {
        BundleError::Read(error) => return Failure::io(path, error),
        BundleError::NotABundle => Failure::usage(error),
        _ => Failure::new(Exit::CheckFailed, error),
    };
    failure.while_doing(path.display())
}

fn not_a_state(path: &Path, error: NotACertifiedState) -> Failure {
    match error {
        NotACertifiedState::Bundle(error) => bad_bundle(path, &error),
        NotACertifiedState::State(finding) => {
            Failure::new(Exit::CheckFailed, finding).while_doing(path.display())
        }
    }
}

/// Refuses a chain of another network than the genesis document's.
fn check_network(path: &Path, found: &Digest, genesis: Option<&Genesis>) -> Result<(), Failure> {
    match genesis {
        Some(genesis) if genesis.id() != *found => {
            let (path, expected) = (path.display(), genesis.id());
            let words = format!(
                "{path} is of the network {found}, the genesis document is of {expected} (other_network)"
            );
            Err(Failure::new(Exit::CheckFailed, words))
        }
        _ => Ok(()),
    }
}

impl Blocks {
    /// Whether blocks can be asked for in any order.
    pub(super) fn in_any_order(&self) -> bool {
        !matches!(self, Self::Bundle(_))
    }

    /// The block at a height, which has to be there, and its bytes.
    pub(super) fn certified(&mut self, height: Height) -> Result<(Vec<u8>, CertifiedBlock), Failure> {
        let bytes = self.block(height).map_err(|error| error.failure(height))?;
        let bytes = bytes.ok_or_else(|| Failure::not_found(format!("block {height} is not there")))?;
        match decode(&bytes, MAX_CERTIFIED_BLOCK_BYTES) {
            Ok(block) => Ok((bytes, block)),
            Err(error) => {
                let words = format!("block {height}: its bytes are not a block: {error} (encoding)");
                Err(Failure::new(Exit::CheckFailed, words))
            }
        }
    }

    /// From now on blocks are asked for one after the other.
    pub(super) fn read_in_order(&mut self) {
        if let Self::Node(node) = self {
            node.read_in_order();
        }
    }
}

impl BlockSource for Blocks {
    type Error = Unavailable;

    fn block(&mut self, height: Height) -> Result<Option<Vec<u8>>, Unavailable> {
        match self {
            Self::Node(node) => node.block(height).map_err(Unavailable::Failed),
            Self::Home(home) => home.block(height).map_err(Unavailable::Failed),
            Self::Bundle(bundle) => bundle.block(height).map_err(Unavailable::Bundle),
        }
    }

    fn end(&mut self) -> Result<(), Unavailable> {
        match self {
            Self::Node(_) | Self::Home(_) => Ok(()),
            Self::Bundle(bundle) => bundle.end().map_err(Unavailable::Bundle),
        }
    }
}

impl Unavailable {
    /// What it is to whoever was about to look at the block at a height: something that is wrong, or a failure.
    pub(super) fn judged(self, height: Height) -> Result<Finding, Failure> {
        match self {
            Self::Failed(failure) => Err(failure),
            Self::Bundle(error) => error.finding(height).ok_or_else(|| Failure::failed(error)),
        }
    }

    /// The same as a failure.
    pub(super) fn failure(self, height: Height) -> Failure {
        match self.judged(height) {
            Ok(finding) => Failure::new(Exit::CheckFailed, finding),
            Err(failure) => failure,
        }
    }
}
