//! The network as the wallet sees it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use quorate_client::schema::{
    Asset, Status, Submitted, SubmittedStatus, Transaction as TransactionView, TransactionStatus,
};
use quorate_client::wallet::{AmountError, TrustError, TrustedGenesis, VerifiedBlock, parse_amount};
use quorate_client::{Bytes, Client, ClientError, Wait};
use quorate_ledger::limits::MAX_DECIMALS;
use quorate_ledger::{AssetCode, Digest, Epoch, Height, Timestamp, Transaction, encode};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Fate;
use crate::cli::genesis::read_genesis;
use crate::failure::{Exit, Failure};
use crate::localnet::make::now;

/// How many checked blocks are kept: payments sent together come to lie in few blocks.
const KEPT_BLOCKS: usize = 16;

/// The pause between two looks at a transaction that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Which network to use, and how far to believe it.
#[derive(Args, Clone, Debug)]
pub(crate) struct NodeArgs {
    /// A node's URL; give several and the next is tried when one fails
    #[arg(
        long = "node",
        value_name = "URL",
        env = "QUORATE_NODE",
        value_delimiter = ','
    )]
    #[arg(default_value = "http://127.0.0.1:8100", help_heading = "Network")]
    nodes: Vec<String>,
    /// The genesis document: with it no node is believed, certificates are checked instead
    #[arg(long, value_name = "FILE", env = "QUORATE_GENESIS", help_heading = "Network")]
    genesis: Option<PathBuf>,
}

/// A network, asked through its nodes.
#[derive(Clone)]
pub(crate) struct Ledger {
    client: Client,
    trusted: Option<Arc<Trusted>>,
    network: Digest,
}

struct Trusted {
    /// Taken after `blocks`.
    genesis: Mutex<TrustedGenesis>,
    blocks: Mutex<BTreeMap<Height, Arc<VerifiedBlock>>>,
}

/// The last certified block, checked if the genesis document is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tip {
    /// Its height; 0 before the first block.
    pub(crate) height: Height,
    /// Its time.
    pub(crate) timestamp: Timestamp,
}

impl NodeArgs {
    /// These nodes, which are believed.
    pub(crate) fn of(nodes: Vec<String>) -> Self {
        Self { nodes, genesis: None }
    }

    /// The same word of the genesis document, but other nodes.
    pub(crate) fn at(&self, nodes: Vec<String>) -> Self {
        Self {
            nodes,
            genesis: self.genesis.clone(),
        }
    }

    /// A client of the nodes.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        Ok(Client::new(&self.nodes)?)
    }

    /// A client of each node alone, for whoever must know which of them answered.
    pub(crate) fn clients(&self) -> Result<Vec<Client>, Failure> {
        self.nodes
            .iter()
            .map(|url| Client::new([url]).map_err(Failure::from))
            .collect()
    }

    /// The genesis document's word, if it is given.
    fn trusted(&self) -> Result<Option<TrustedGenesis>, Failure> {
        match &self.genesis {
            Some(path) => Ok(Some(TrustedGenesis::of(&read_genesis(path)?))),
            None => Ok(None),
        }
    }

    /// Finds out which network the nodes serve, and that it is the one of the genesis document.
    pub(crate) async fn connect(&self) -> Result<Ledger, Failure> {
        let client = self.client()?;
        let trusted = self.trusted()?;
        let network = client.status().await?.network;
        if let Some(trusted) = &trusted
            && trusted.network() != network
        {
            return Err(Failure::new(
                Exit::CheckFailed,
                format!(
                    "the node serves network {network}, the genesis document is of {}",
                    trusted.network()
                ),
            ));
        }
        let trusted = trusted.map(|genesis| {
            Arc::new(Trusted {
                genesis: Mutex::new(genesis),
                blocks: Mutex::default(),
            })
        });
        Ok(Ledger {
            client,
            trusted,
            network,
        })
    }
}

impl Ledger {
    /// The nodes.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The network id.
    pub(crate) fn network(&self) -> Digest {
        self.network
    }

    /// Whether answers are checked.
    pub(crate) fn is_trustless(&self) -> bool {
        self.trusted.is_some()
    }

    /// An asset. That there is none is what the ledger itself would say.
    pub(crate) async fn asset(&self, code: &AssetCode) -> Result<Asset, Failure> {
        self.client.asset(code).await.map_err(|error| match error {
            ClientError::NotFound { .. } => Failure::new(
                Exit::Refused,
                format!("refused by the ledger (unknown_asset): there is no asset {code}"),
            ),
            other => other.into(),
        })
    }

    /// The last certified block.
    pub(crate) async fn tip(&self) -> Result<Tip, Failure> {
        let status = self.client.status().await?;
        self.check_tip(&status).await
    }

    async fn check_tip(&self, status: &Status) -> Result<Tip, Failure> {
        let tip = Tip {
            height: status.height,
            timestamp: status.timestamp,
        };
        if status.height > Height::GENESIS
            && let Some(block) = self.verified(status.height).await?
            && block.header().timestamp != status.timestamp
        {
            return Err(ClientError::Unverified {
                reason: format!(
                    "the time of block {} is not the one that the node tells",
                    status.height
                ),
            }
            .into());
        }
        Ok(tip)
    }

    /// When a transaction built now is to expire: by the later of certified time and this machine's
    /// clock, as the chain's time stands still while it is idle.
    pub(crate) async fn expiry(&self, lead: Duration) -> Result<Timestamp, Failure> {
        let certified = self.client.status().await?.timestamp;
        expiry_after(certified.max(now()?), lead)
    }

    /// Submits a transaction and follows it as long as `wait` says.
    pub(crate) async fn send(
        &self,
        transaction: &Transaction,
        wait: Option<Duration>,
    ) -> Result<Fate, Failure> {
        let id = transaction.id();
        let bytes = Bytes::from(encode(transaction));
        let submitted = match wait {
            Some(wait) => self.client.settle(bytes, Instant::now() + wait).await,
            None => self.client.submit(bytes, Wait::Admitted).await,
        };
        let outcome = match submitted {
            Ok(submitted) => Fate::of_submitted(id, &submitted),
            // Its id is what the user needs to find out later.
            Err(ClientError::Unknown { reason }) => {
                return Err(
                    Failure::new(Exit::Unknown, format!("the outcome of {id} is unknown: {reason}"))
                        .hint(format!("quorate wallet wait {id}")),
                );
            }
            Err(error) => return Err(error.into()),
        };
        self.confirm(&outcome).await?;
        Ok(outcome)
    }

    /// Waits for a transaction that was submitted before.
    pub(crate) async fn wait(&self, id: &Digest, patience: Duration) -> Result<Fate, Failure> {
        let deadline = Instant::now() + patience;
        loop {
            let found = self.client.transaction(id).await;
            let missing = matches!(found, Err(ClientError::NotFound { .. }));
            match found {
                Ok(view) if view.status != TransactionStatus::Pending => {
                    let outcome = Fate::of_view(&view);
                    self.confirm(&outcome).await?;
                    return Ok(outcome);
                }
                Err(error @ ClientError::NotFound { .. }) if Instant::now() >= deadline => {
                    return Err(error.into());
                }
                Ok(_) | Err(ClientError::NotFound { .. } | ClientError::Unreachable { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            if Instant::now() >= deadline {
                let what = if missing { "not known" } else { "pending" };
                return Err(Failure::new(
                    Exit::Unknown,
                    format!("{id} is still {what} after {} s", patience.as_secs()),
                ));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// With the genesis document at hand, checks that a certified block executed the transaction as the
    /// node says.
    pub(crate) async fn confirm(&self, outcome: &Fate) -> Result<(), Failure> {
        let (Some(height), Some(index)) = (outcome.height, outcome.index) else {
            return Ok(());
        };
        if let Some(block) = self.verified(height).await? {
            block
                .confirm(&outcome.id, index, outcome.code.as_deref())
                .map_err(|error| Failure::from(ClientError::from(error)))?;
        }
        Ok(())
    }

    /// A block whose certificate and contents were checked; none without the genesis document.
    pub(crate) async fn verified(&self, height: Height) -> Result<Option<Arc<VerifiedBlock>>, Failure> {
        let Some(trusted) = &self.trusted else {
            return Ok(None);
        };
        // Held while fetching: whoever else wants the same block gets it from here.
        let mut blocks = trusted.blocks.lock().await;
        if let Some(block) = blocks.get(&height) {
            return Ok(Some(Arc::clone(block)));
        }
        let fetched = self.client.certified_block(height).await?;
        let mut genesis = trusted.genesis.lock().await;
        let epoch = fetched.v1().block.header().epoch;
        if epoch > genesis.last_epoch() {
            self.follow_to(epoch, &mut genesis).await?;
        }
        let block = genesis.verify_block(height, &fetched).map_err(unverified)?;
        let block = Arc::new(block);
        blocks.insert(height, Arc::clone(&block));
        while blocks.len() > KEPT_BLOCKS {
            blocks.pop_first();
        }
        Ok(Some(block))
    }

    /// Follows the committees up to this epoch, each by the block that names it.
    async fn follow_to(&self, epoch: Epoch, genesis: &mut TrustedGenesis) -> Result<(), Failure> {
        for next in self.client.network().await?.epochs {
            if next.epoch > genesis.last_epoch() && next.epoch <= epoch {
                let last = Height(next.first_height.0.saturating_sub(1));
                let block = self.client.certified_block(last).await?;
                genesis.follow(&block, next.described()).map_err(unverified)?;
            }
        }
        Ok(())
    }
}

fn unverified(error: TrustError) -> Failure {
    ClientError::from(error).into()
}

/// Checks what can be known about an amount without knowing its asset: it has the form of one, no asset's
/// decimals are exceeded, and it is not zero.
pub(crate) fn check_amount_form(text: &str) -> Result<(), String> {
    match parse_amount(text, MAX_DECIMALS) {
        Ok(amount) if amount.0 == 0 => Err("the amount is zero".to_owned()),
        // With fewer decimals it may fit.
        Ok(_) | Err(AmountError::TooLarge { .. }) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// `from` plus `lead`.
pub(crate) fn expiry_after(from: Timestamp, lead: Duration) -> Result<Timestamp, Failure> {
    u64::try_from(lead.as_millis())
        .ok()
        .and_then(|lead| from.0.checked_add(lead))
        .map(Timestamp)
        .ok_or_else(|| Failure::usage("the expiry is too far away"))
}

impl Fate {
    /// What an answer to a submission says.
    pub(crate) fn of_submitted(id: Digest, submitted: &Submitted) -> Self {
        let status = match submitted.status {
            SubmittedStatus::Pending => "pending",
            SubmittedStatus::Committed => "committed",
            SubmittedStatus::Failed => "failed",
            SubmittedStatus::Expired => "expired",
            SubmittedStatus::Refused => "refused",
        };
        Self {
            id,
            status: status.to_owned(),
            height: submitted.height,
            index: submitted.index,
            code: submitted.code.clone(),
            error: submitted.error.clone(),
            operation: submitted.failed_operation,
        }
    }

    /// What a look at a transaction says.
    pub(crate) fn of_view(view: &TransactionView) -> Self {
        let status = match view.status {
            TransactionStatus::Pending => "pending",
            TransactionStatus::Committed => "committed",
            TransactionStatus::Failed => "failed",
            TransactionStatus::Expired => "expired",
        };
        Self {
            id: view.id,
            status: status.to_owned(),
            height: view.height,
            index: view.index,
            code: view.code.clone(),
            error: view.error.clone(),
            operation: view.failed_operation,
        }
    }
}
