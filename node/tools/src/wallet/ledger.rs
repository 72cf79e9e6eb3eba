//! The network as the wallet sees it.

mod blocks;
mod decimals;
mod history;
mod outcome;
mod sending;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use quorate_client::schema::{Asset, ParametersView, Status, Transaction as TransactionView};
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::{
    Proven, ProvenAccount, ProvenRecords, ProvenTransaction, TrustError, TrustedGenesis, VerifiedBlock,
};
use quorate_client::{Client, ClientError};
use quorate_genesis::Genesis;
use quorate_ledger::{Address, AssetCode, Digest, Header, Height, Timestamp};
use tokio::sync::{Mutex, OnceCell};

pub use self::decimals::check_amount_form;
pub use self::outcome::Expiring;
use super::meaning::{MeaningArgs, decimals_of_document, members_of};
use crate::authority::AuthorityArgs;
use crate::clock::now;
use crate::failure::{Exit, Failure};
use crate::genesis::read_genesis;

/// How far certified time may be ahead of this machine's clock.
const MAX_CLOCK_LEAD: Duration = Duration::from_secs(300);

/// The pause between two looks at a transaction that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Which network to use, and how far to believe it.
#[derive(Args, Clone, Debug)]
pub struct NodeArgs {
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
    #[command(flatten)]
    meaning: MeaningArgs,
}

/// A network, asked through its nodes.
#[derive(Clone)]
pub struct Ledger {
    client: Client,
    trusted: Option<Arc<Trusted>>,
    network: Digest,
    /// Of the node's own genesis document, where none is at hand and it is needed.
    own: Arc<OnceCell<Trusted>>,
    /// Decimals that the user has given.
    decimals: BTreeMap<AssetCode, u8>,
    /// Decimals by which amounts were read and that are a node's word alone.
    told: Arc<Mutex<BTreeMap<AssetCode, u8>>>,
}

/// What a genesis document says, and what was found out by it.
struct Trusted {
    /// The members' names, by their accounts.
    members: BTreeMap<Address, String>,
    /// The decimals of the assets that the genesis document makes; an asset never changes them.
    decimals: BTreeMap<AssetCode, u8>,
    /// The bounds that all validators share.
    parameters: ParametersView,
    /// The time that stands before height 1, which no certificate shows.
    begins: Timestamp,
    /// Taken after each of the others.
    genesis: Mutex<TrustedGenesis>,
    blocks: Mutex<BTreeMap<Height, Arc<VerifiedBlock>>>,
    /// Taken after `blocks`.
    headers: Mutex<BTreeMap<Height, Header>>,
    /// The decimals of assets that were proven.
    proven: Mutex<BTreeMap<AssetCode, u8>>,
}

/// The last certified block, checked if the genesis document is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Its height; 0 before the first block.
    pub height: Height,
    /// Its time.
    pub timestamp: Timestamp,
}

impl NodeArgs {
    /// These nodes, which are believed.
    pub fn of(nodes: Vec<String>) -> Self {
        Self {
            nodes,
            authority: AuthorityArgs::default(),
            meaning: MeaningArgs::default(),
        }
    }

    /// These nodes, of which nothing is believed but what they prove by the genesis document in a file.
    pub fn proving(nodes: Vec<String>, authority: AuthorityArgs, genesis: PathBuf) -> Self {
        Self {
            nodes,
            authority,
            meaning: MeaningArgs {
                genesis: Some(genesis),
                decimals: Vec::new(),
            },
        }
    }

    /// These nodes, of which nothing is believed but what they prove by the genesis document, if one is named.
    pub fn knowing(nodes: Vec<String>, authority: AuthorityArgs, meaning: MeaningArgs) -> Self {
        Self {
            nodes,
            authority,
            meaning,
        }
    }

    /// The same word of the genesis document, but other nodes.
    pub fn at(&self, nodes: Vec<String>) -> Self {
        Self {
            nodes,
            authority: self.authority.clone(),
            meaning: self.meaning.clone(),
        }
    }

    /// A client of the nodes.
    pub fn client(&self) -> Result<Client, Failure> {
        self.authority.client(&self.nodes)
    }

    /// A client of each node alone, for whoever must know which of them answered.
    pub fn clients(&self) -> Result<Vec<Client>, Failure> {
        self.nodes
            .iter()
            .map(|url| self.authority.client([url]))
            .collect()
    }

    /// The genesis document's word, if it is given.
    fn trusted(&self) -> Result<Option<Trusted>, Failure> {
        let Some(path) = &self.meaning.genesis else {
            return Ok(None);
        };
        let trusted = Trusted::of(&read_genesis(path)?);
        self.meaning.check_decimals(&trusted.decimals)?;
        Ok(Some(trusted))
    }

    /// Finds out which network the nodes serve, and that it is the one of the genesis document.
    pub async fn connect(&self) -> Result<Ledger, Failure> {
        let client = self.client()?;
        let trusted = self.trusted()?;
        let network = client.status().await?.network;
        if let Some(trusted) = &trusted {
            let expected = trusted.genesis.lock().await.network();
            if expected != network {
                return Err(Failure::new(
                    Exit::CheckFailed,
                    format!("the node serves network {network}, the genesis document is of {expected}"),
                ));
            }
        }
        Ok(Ledger {
            client,
            trusted: trusted.map(Arc::new),
            network,
            own: Arc::default(),
            decimals: self.meaning.decimals.iter().copied().collect(),
            told: Arc::default(),
        })
    }
}

impl Trusted {
    fn of(genesis: &Genesis) -> Self {
        Self {
            members: members_of(genesis),
            decimals: decimals_of_document(genesis),
            parameters: ParametersView::from(genesis.parameters().v1()),
            begins: genesis.time(),
            genesis: Mutex::new(TrustedGenesis::of(genesis)),
            blocks: Mutex::default(),
            headers: Mutex::default(),
            proven: Mutex::default(),
        }
    }
}

impl Ledger {
    /// The nodes.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The same network, whose answers are to be of this height or later.
    #[must_use]
    pub fn at_least(&self, height: Height) -> Self {
        Self {
            client: self.client.at_least(height),
            ..self.clone()
        }
    }

    /// The network id.
    pub fn network(&self) -> Digest {
        self.network
    }

    /// Whether answers are checked.
    pub fn is_trustless(&self) -> bool {
        self.trusted.is_some()
    }

    /// The bounds that all validators share. With the genesis document at hand they are the document's: what is
    /// signed follows from them, and nothing on the ledger changes them.
    pub async fn parameters(&self) -> Result<ParametersView, Failure> {
        match &self.trusted {
            Some(trusted) => Ok(trusted.parameters.clone()),
            None => Ok(self.client.network().await?.parameters),
        }
    }

    /// The member whose account this is, if it is one's. Without the genesis document at hand it is the node's word
    /// which members there are.
    pub async fn member_of(&self, account: &Address) -> Result<Option<String>, Failure> {
        if let Some(trusted) = &self.trusted {
            return Ok(trusted.members.get(account).cloned());
        }
        let genesis = Genesis::parse(&self.client.genesis().await?)
            .map_err(|error| Failure::failed(format!("the node's genesis document: {error}")))?;
        Ok(members_of(&genesis).remove(account))
    }

    /// What an account is, has and holds, proven; none without the genesis document.
    pub async fn proven_account(&self, address: &Address) -> Result<Option<Proven<ProvenAccount>>, Failure> {
        let Some(trusted) = &self.trusted else {
            return Ok(None);
        };
        let mut genesis = trusted.genesis.lock().await;
        Ok(Some(genesis.account(&self.client, address).await?))
    }

    /// An asset, proven, none if there is none; none at all without the genesis document.
    pub async fn proven_asset(&self, code: &AssetCode) -> Result<Option<Proven<Option<Asset>>>, Failure> {
        let Some(trusted) = &self.trusted else {
            return Ok(None);
        };
        let mut genesis = trusted.genesis.lock().await;
        Ok(Some(genesis.asset(&self.client, code).await?))
    }

    /// Who claims a document, and whether `by` has an own record of it, proven; none without the genesis document.
    pub async fn proven_records(
        &self,
        sha256: &Digest,
        by: Option<&Address>,
    ) -> Result<Option<Proven<ProvenRecords>>, Failure> {
        let Some(trusted) = &self.trusted else {
            return Ok(None);
        };
        let mut genesis = trusted.genesis.lock().await;
        Ok(Some(genesis.records(&self.client, sha256, by).await?))
    }

    /// An executed transaction as JSON has it, proven, with the place in its block; none without the genesis document.
    /// Of texts that the node does not show it is proven whether they were erased.
    pub async fn proven_transaction(&self, id: &Digest) -> Result<Option<Proven<TransactionView>>, Failure> {
        let Some(trusted) = &self.trusted else {
            return Ok(None);
        };
        let mut proven = trusted.genesis.lock().await.transaction(&self.client, id).await?;
        if proven.value.withholds() {
            let mut genesis = trusted.genesis.lock().await;
            let erasure = genesis.erasure(&self.client, id).await?;
            proven.value.mark_erased(&erasure.value);
            // What was executed or erased as of a block is so as of every later one.
            if erasure.head.height > proven.head.height {
                proven.head = erasure.head;
            }
        }
        let index = self.index_of(trusted, &proven.value).await?;
        let view = proven.value.view(index).ok_or_else(|| {
            Failure::new(
                Exit::CheckFailed,
                format!("the node proves that {id} was executed, and does not show what it is"),
            )
        })?;
        let head = proven.head;
        Ok(Some(Proven { head, value: view }))
    }

    /// The place in its block of a transaction that is proven.
    async fn index_of(&self, trusted: &Trusted, transaction: &ProvenTransaction) -> Result<u32, Failure> {
        let height = transaction.entry.height;
        let header = self.header(trusted, height).await?;
        let before = self.header_before(trusted, height).await?;
        let genesis = trusted.genesis.lock().await;
        genesis
            .index_in(&header, before.as_ref(), transaction.ordinal)
            .map_err(unverified)
    }

    /// The last certified block.
    pub async fn tip(&self) -> Result<Tip, Failure> {
        let status = self.client.status().await?;
        self.check_tip(&status).await
    }

    async fn check_tip(&self, status: &Status) -> Result<Tip, Failure> {
        let tip = Tip {
            height: status.height,
            timestamp: status.timestamp,
        };
        let certified = match &self.trusted {
            Some(trusted) if status.height == Height::GENESIS => Some(trusted.begins),
            Some(trusted) => Some(self.header(trusted, status.height).await?.v1().timestamp),
            None => None,
        };
        if certified.is_some_and(|time| time != status.timestamp) {
            return Err(ClientError::Unverified {
                reason: format!(
                    "the time at height {} is not the one that the node tells",
                    status.height
                ),
            }
            .into());
        }
        Ok(tip)
    }

    /// When a transaction built now is to expire: by the later of certified time and this machine's
    /// clock, as the chain's time stands still while it is idle. A time that is far ahead of this clock is
    /// refused: what is signed with it could be executed for as long.
    pub async fn expiry(&self, lead: Duration) -> Result<Timestamp, Failure> {
        let certified = self.tip().await?.timestamp;
        let now = now()?;
        let ahead = Duration::from_millis(certified.0.saturating_sub(now.0));
        if ahead > MAX_CLOCK_LEAD {
            return Err(Failure::new(
                Exit::CheckFailed,
                format!(
                    "the network's time is {} ({} s ahead of this machine's clock): nothing was signed",
                    rfc3339_of(certified),
                    ahead.as_secs()
                ),
            )
            .hint("set this machine's clock, or ask another node"));
        }
        expiry_after(certified.max(now), lead)
    }
}

fn unverified(error: TrustError) -> Failure {
    ClientError::from(error).into()
}

/// `from` plus `lead`.
fn expiry_after(from: Timestamp, lead: Duration) -> Result<Timestamp, Failure> {
    u64::try_from(lead.as_millis())
        .ok()
        .and_then(|lead| from.0.checked_add(lead))
        .map(Timestamp)
        .ok_or_else(|| Failure::usage("the expiry is too far away"))
}
