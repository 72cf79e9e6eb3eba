//! `quorate query`: what nodes say about the network, its blocks and accounts. With the genesis document it is what they
//! prove, or nothing.

mod accounts;
mod chain;
mod incoming;
mod network;
pub(crate) mod proven;
mod records;

pub(crate) use self::chain::with_next;

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Subcommand};
use quorate_client::schema::OperationKind;
use quorate_client::{Client, Page, TransactionFilter, When};
use quorate_ledger::{Address, AssetCode, Digest, Height};
use quorate_tools::authority::AuthorityArgs;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::Output;
use quorate_tools::wallet::{Ledger, NodeArgs};

use super::gov::list_first;

/// Which nodes to ask, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct AskArgs {
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
    /// The genesis document: show what is proven by it, or fail with exit code 7
    #[arg(long, value_name = "FILE", env = "QUORATE_GENESIS", help_heading = "Network")]
    genesis: Option<PathBuf>,
}

/// Which part of a list to show.
#[derive(Args, Clone, Debug)]
pub(crate) struct PageArgs {
    /// Show at most N results (1 to 200)
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// `next` of the answer before
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

#[derive(Subcommand, Debug)]
#[command(after_help = "Example:
  quorate query status --node http://127.0.0.1:8100")]
pub(crate) enum QueryCommand {
    /// Where a node and its network are
    Status(StatusArgs),
    /// One block
    Block(BlockArgs),
    /// Blocks, newest first
    Blocks(BlocksArgs),
    /// One transaction and what became of it
    Transaction(TransactionArgs),
    /// Transactions and what became of them, newest first
    Transactions(TransactionsArgs),
    /// One account: balances, signers, history
    Account(AccountArgs),
    /// The open holds that an account owns, or that others made for it
    Holds(HoldsArgs),
    /// One asset
    Asset(AssetArgs),
    /// All assets
    Assets(AssetsArgs),
    /// Who recorded a document, and when
    Record(RecordArgs),
    /// The committee, and when each member last sealed
    Validators(ValidatorsArgs),
    /// A node's connections
    Peers(PeersArgs),
    /// Misbehaviour that a node has seen
    Evidence(EvidenceArgs),
    /// The consortium's members
    Members(MembersArgs),
    /// The newest proposals of governance; `quorate gov list` shows more
    Proposals(ProposalsArgs),
}

/// Arguments of queries that need nothing but a node.
macro_rules! asking {
    ($($name:ident $example:literal),* $(,)?) => {$(
        #[derive(Args, Debug)]
        #[command(after_help = concat!("Example:\n  quorate query ", $example, " --node http://127.0.0.1:8100"))]
        pub(crate) struct $name {
            #[command(flatten)]
            ask: AskArgs,
        }
    )*};
}

asking! {
    StatusArgs "status",
    ValidatorsArgs "validators",
    PeersArgs "peers",
    EvidenceArgs "evidence",
    MembersArgs "members",
    ProposalsArgs "proposals",
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate query block latest
  quorate query block 17 --transactions")]
pub(crate) struct BlockArgs {
    /// A height, a block's hash, or `latest`
    #[arg(value_name = "BLOCK", default_value = "latest")]
    block: String,
    /// Show its transactions, in their order
    #[arg(long)]
    transactions: bool,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    ask: AskArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate query blocks --limit 5")]
pub(crate) struct BlocksArgs {
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    ask: AskArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate query transaction 3f5a… --genesis genesis.toml")]
pub(crate) struct TransactionArgs {
    /// The transaction's id
    #[arg(value_name = "ID", value_parser = super::digest)]
    id: Digest,
    #[command(flatten)]
    ask: AskArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate query transactions --account qr1… --from 2026-03-01T00:00:00Z
  quorate query transactions --asset QRT --kind mint")]
pub(crate) struct TransactionsArgs {
    /// Those that this account sent, or received something by
    #[arg(long, value_name = "ADDRESS")]
    account: Option<Address>,
    /// Those that this account sent; with --account, to that one
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<Address>,
    /// Those with an operation about this asset
    #[arg(long, value_name = "CODE")]
    asset: Option<AssetCode>,
    /// Those with an operation of this kind; with --asset, one operation has to be both
    #[arg(long, value_name = "KIND", value_parser = kinds())]
    kind: Option<OperationKind>,
    /// From this block on: its height, or a time such as 2026-03-01T09:00:00Z
    #[arg(long, value_name = "HEIGHT|TIME")]
    from: Option<When>,
    /// Up to this block: its height, or a time
    #[arg(long, value_name = "HEIGHT|TIME")]
    to: Option<When>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    ask: AskArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate query account qr1…
  quorate query account qr1… --genesis genesis.toml    # proven")]
pub(crate) struct AccountArgs {
    /// The account's address
    #[arg(value_name = "ADDRESS")]
    address: Address,
    #[command(flatten)]
    ask: AskArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate query holds qr1…
  quorate query holds qr1… --beneficiary

Listed are holds that the account owns, or with --beneficiary what others hold for it. Those are
looked for in the account's history, newest first; with --genesis each that is shown is proven,
and so is how many there are.")]
pub(crate) struct HoldsArgs {
    /// The address of the account whose amounts are held
    #[arg(value_name = "ADDRESS")]
    address: Address,
    /// List what others hold for the account
    #[arg(long, conflicts_with_all = ["limit", "cursor"])]
    beneficiary: bool,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    ask: AskArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate query asset QRT --holders")]
pub(crate) struct AssetArgs {
    /// The asset's code
    #[arg(value_name = "CODE")]
    code: AssetCode,
    /// Show who holds it
    #[arg(long)]
    holders: bool,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    ask: AskArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate query assets")]
pub(crate) struct AssetsArgs {
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    ask: AskArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate query record 9f86d0…
  quorate query record --file contract.pdf
  quorate query record --file contract.pdf --genesis genesis.toml    # proven

Proven are records that an account keeps as its own, and the one that claims the document. Those
that are kept in the log alone are proven by their transactions: quorate audit transaction.")]
pub(crate) struct RecordArgs {
    /// The document's SHA-256
    #[arg(value_name = "SHA256", value_parser = super::digest, required_unless_present = "file")]
    sha256: Option<Digest>,
    /// The document itself
    #[arg(long, value_name = "FILE", conflicts_with = "sha256")]
    file: Option<PathBuf>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    ask: AskArgs,
}

impl AskArgs {
    /// A client for what no node proves: without the genesis document alone.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        if self.genesis.is_some() {
            return Err(Failure::new(
                Exit::CheckFailed,
                "no node proves this: it would be a node's word, and with --genesis none is taken",
            )
            .hint(
                "proven are transaction, account, holds, asset and record; leave --genesis out for the node's word",
            ));
        }
        let client = self.authority.client(&self.nodes)?;
        Ok(match self.min_height {
            Some(height) => client.at_least(Height(height)),
            None => client,
        })
    }

    /// The network as whoever has the genesis document sees it; none without that.
    async fn proving(&self) -> Result<Option<Ledger>, Failure> {
        let Some(genesis) = &self.genesis else {
            return Ok(None);
        };
        let nodes = NodeArgs::proving(self.nodes.clone(), self.authority.clone(), genesis.clone());
        let ledger = nodes.connect().await?;
        Ok(Some(match self.min_height {
            Some(height) => ledger.at_least(Height(height)),
            None => ledger,
        }))
    }
}

/// Reads a kind of operation by its name.
fn kinds() -> impl clap::builder::TypedValueParser<Value = OperationKind> {
    let names = OperationKind::ALL.map(OperationKind::name);
    PossibleValuesParser::new(names).try_map(|name| name.parse::<OperationKind>())
}

impl TransactionsArgs {
    fn filter(&self) -> TransactionFilter {
        TransactionFilter {
            account: self.account,
            sender: self.sender,
            asset: self.asset,
            kind: self.kind,
            from: self.from,
            to: self.to,
        }
    }
}

impl PageArgs {
    pub(crate) fn page(&self) -> Page {
        Page {
            limit: Some(self.limit),
            cursor: self.cursor.clone(),
        }
    }
}

/// Carries out a command of this group.
pub(crate) async fn run(command: QueryCommand, output: &Output) -> Result<(), Failure> {
    match command {
        QueryCommand::Status(args) => network::status(&args.ask.client()?, output).await,
        QueryCommand::Block(args) => chain::block(&args, output).await,
        QueryCommand::Blocks(args) => chain::blocks(&args, output).await,
        QueryCommand::Transaction(args) => chain::transaction(&args, output).await,
        QueryCommand::Transactions(args) => chain::transactions(&args, output).await,
        QueryCommand::Account(args) => accounts::account(&args, output).await,
        QueryCommand::Holds(args) if args.beneficiary => incoming::holds(&args, output).await,
        QueryCommand::Holds(args) => accounts::holds(&args, output).await,
        QueryCommand::Asset(args) => accounts::asset(&args, output).await,
        QueryCommand::Assets(args) => accounts::assets(&args, output).await,
        QueryCommand::Record(args) => chain::record(&args, output).await,
        QueryCommand::Validators(args) => network::validators(&args.ask.client()?, output).await,
        QueryCommand::Peers(args) => network::peers(&args.ask.client()?, output).await,
        QueryCommand::Evidence(args) => network::evidence(&args.ask.client()?, output).await,
        QueryCommand::Members(args) => network::members(&args.ask.client()?, output).await,
        QueryCommand::Proposals(args) => list_first(&args.ask.client()?, output).await,
    }
}
