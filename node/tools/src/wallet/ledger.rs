//! The network as the wallet sees it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures::StreamExt as _;
use quorate_client::schema::{
    Asset, ParametersView, Status, Submitted, SubmittedStatus, Transaction as TransactionView,
    TransactionStatus, Validator, VotingView,
};
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::{
    AmountError, Execution, TrustError, TrustedGenesis, VerifiedBlock, format_amount, parse_amount,
};
use quorate_client::{Bytes, Client, ClientError, Wait};
use quorate_genesis::Genesis;
use quorate_ledger::limits::MAX_DECIMALS;
use quorate_ledger::{Address, Amount, AssetCode, Digest, Epoch, Height, Timestamp, Transaction, encode};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Fate;
use super::meaning::{MeaningArgs, differing, members_of};
use crate::authority::AuthorityArgs;
use crate::clock::now;
use crate::failure::{Exit, Failure};
use crate::genesis::read_genesis;
use crate::output::{printable, say};

/// How far certified time may be ahead of this machine's clock.
const MAX_CLOCK_LEAD: Duration = Duration::from_secs(300);

/// How many checked blocks are kept: payments sent together come to lie in few blocks.
const KEPT_BLOCKS: usize = 16;

/// How many blocks are fetched at a time where many are looked through: as many as a node reads for one client.
const FETCHED_AT_ONCE: usize = 4;

/// How long a transaction may take before a node is asked what is in its way.
const ASK_WHY_AFTER: Duration = Duration::from_secs(3);

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
    /// Decimals that the user has given.
    decimals: BTreeMap<AssetCode, u8>,
}

struct Trusted {
    /// The members' names, by their accounts.
    members: BTreeMap<Address, String>,
    /// The decimals of the assets that the genesis document makes; an asset never changes them.
    decimals: BTreeMap<AssetCode, u8>,
    /// The bounds that all validators share.
    parameters: ParametersView,
    /// The time that stands before height 1, which no certificate shows.
    begins: Timestamp,
    /// Taken after `blocks`.
    genesis: Mutex<TrustedGenesis>,
    blocks: Mutex<BTreeMap<Height, Arc<VerifiedBlock>>>,
}

/// Why nothing is committed.
enum Obstacle {
    /// It may end by itself, or by what others do.
    Passing(String),
    /// Nothing on this chain ends it.
    Lasting(String),
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
        let genesis = read_genesis(path)?;
        let assets = genesis.initial_state().assets;
        Ok(Some(Trusted {
            members: members_of(&genesis),
            decimals: assets.iter().map(|asset| (asset.code, asset.decimals)).collect(),
            parameters: ParametersView::from(genesis.parameters().v1()),
            begins: genesis.time(),
            genesis: Mutex::new(TrustedGenesis::of(&genesis)),
            blocks: Mutex::default(),
        }))
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
            decimals: self.meaning.decimals.iter().copied().collect(),
        })
    }
}

impl Ledger {
    /// The nodes.
    pub fn client(&self) -> &Client {
        &self.client
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

    /// How many decimals an asset has: what an amount means before it is signed. With the genesis document
    /// at hand a node is not asked, as it could move the point. None if there is no such asset.
    pub async fn decimals(&self, code: &AssetCode) -> Result<Option<u8>, Failure> {
        let given = self.decimals.get(code).copied();
        if let Some(trusted) = &self.trusted {
            let known = trusted.decimals.get(code).copied();
            if let (Some(known), Some(given)) = (known, given)
                && known != given
            {
                return Err(differing(code, given, "the genesis document", known));
            }
            return known.or(given).map(Some).ok_or_else(|| {
                Failure::new(
                    Exit::CheckFailed,
                    format!(
                        "the genesis document has no asset {code}, and a node's word on its decimals proves \
                         nothing: nothing was signed"
                    ),
                )
                .hint(format!(
                    "ask whoever issues {code} how many decimals it has, and say so with --asset-decimals {code}=N"
                ))
            });
        }
        match self.client.asset(code).await {
            Ok(Asset { decimals, .. }) => match given {
                Some(given) if given != decimals => Err(differing(code, given, "the node", decimals)),
                _ => Ok(Some(decimals)),
            },
            Err(ClientError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// How many decimals an asset has, for showing alone: by the genesis document's or the user's word if they have
    /// one, else by the node's. None if there is no such asset.
    pub async fn decimals_shown(&self, code: &AssetCode) -> Result<Option<u8>, Failure> {
        let document = self
            .trusted
            .as_ref()
            .and_then(|trusted| trusted.decimals.get(code));
        if let Some(known) = document.or_else(|| self.decimals.get(code)) {
            return Ok(Some(*known));
        }
        match self.client.asset(code).await {
            Ok(asset) => Ok(Some(asset.decimals)),
            Err(ClientError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads an amount by the decimals of its asset. That there is no such asset is what the ledger itself
    /// would say.
    pub async fn amount(&self, text: &str, code: &AssetCode) -> Result<Amount, Failure> {
        let decimals = self.decimals(code).await?.ok_or_else(|| {
            Failure::new(
                Exit::Refused,
                format!("refused by the ledger (unknown_asset): there is no asset {code}"),
            )
        })?;
        let amount = parse_amount(text, decimals).map_err(Failure::usage)?;
        say(format!(
            "{} {code} is {} in smallest units",
            format_amount(amount, decimals),
            amount.0
        ));
        Ok(amount)
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
            _ => self
                .verified(status.height)
                .await?
                .map(|block| block.header().timestamp),
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

    /// The time of a block: the certified one, or by the node's word without the genesis document.
    pub async fn time_of(&self, height: Height) -> Result<Timestamp, Failure> {
        match self.verified(height).await? {
            Some(block) => Ok(block.header().timestamp),
            None => Ok(self.client.block(&height.to_string()).await?.timestamp),
        }
    }

    /// Fails if no validator could commit anything, whatever one waits for: so the nodes say.
    pub async fn check_quorum(&self) -> Result<(), Failure> {
        match self.client.status().await?.no_quorum_left {
            None => Ok(()),
            Some(what) => Err(Failure::failed(format!("nothing was sent: {what}"))),
        }
    }

    /// Why what was sent is not committed, as far as a node sees that; none if it sees nothing in the way.
    async fn obstacle(&self) -> Option<Obstacle> {
        let status = self.client.status().await.ok()?;
        if let Some(what) = status.no_quorum_left {
            return Some(Obstacle::Lasting(what));
        }
        let list = self.client.validators().await.ok()?;
        let is_there = |validator: &Validator| {
            let votes = matches!(validator.voting, VotingView::Yes | VotingView::Unknown);
            votes && validator.connected != Some(false)
        };
        let (there, away): (Vec<_>, Vec<_>) = list.validators.iter().partition(|one| is_there(one));
        let away: Vec<&str> = away.iter().map(|validator| validator.name.as_str()).collect();
        let present = u64::try_from(there.len()).unwrap_or(u64::MAX);
        (present < list.quorum).then(|| {
            Obstacle::Passing(printable(&format!(
                "{} reaches {present} of {} validators that vote, itself included, and a quorum needs {}; missing: {}",
                status.validator,
                list.validators.len(),
                list.quorum,
                away.join(", ")
            )))
        })
    }

    /// Follows a transaction, and says after a while what is in its way. Gives up before the time where nothing
    /// can be committed any more.
    async fn settle(&self, bytes: Bytes, wait: Duration) -> Result<Submitted, ClientError> {
        let settled = self.client.settle(bytes, Instant::now() + wait);
        tokio::pin!(settled);
        let mut seen = None;
        loop {
            tokio::select! {
                ended = &mut settled => {
                    return match (ended, seen) {
                        (Err(ClientError::Unknown { reason }), Some(why)) => {
                            Err(ClientError::Unknown { reason: format!("{reason}: {why}") })
                        }
                        (ended, _) => ended,
                    };
                }
                () = tokio::time::sleep(ASK_WHY_AFTER) => {}
            }
            // Looking takes its time where a node hangs; what is followed goes on meanwhile.
            let found = tokio::select! {
                ended = &mut settled => return ended,
                found = self.obstacle() => found,
            };
            let why = match found {
                Some(Obstacle::Lasting(reason)) => return Err(ClientError::Unknown { reason }),
                Some(Obstacle::Passing(why)) => Some(why),
                None => None,
            };
            if let Some(why) = &why
                && seen.as_ref() != Some(why)
            {
                say(format!("not committed yet: {why}"));
            }
            seen = why;
        }
    }

    /// Submits a transaction and follows it as long as `wait` says.
    pub async fn send(&self, transaction: &Transaction, wait: Option<Duration>) -> Result<Fate, Failure> {
        self.check_quorum().await?;
        let id = transaction.id();
        let bytes = Bytes::from(encode(transaction));
        let submitted = match wait {
            Some(wait) => self.settle(bytes, wait).await,
            None => self.client.submit(bytes, Wait::Admitted).await,
        };
        let outcome = match submitted {
            Ok(submitted) => Fate::of_submitted(id, &submitted),
            Err(ClientError::Refused { code, detail, .. }) if self.is_trustless() => {
                return Err(self
                    .claimed(transaction, &format!("refuses it ({code}): {detail}"))
                    .await?);
            }
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
        if self.is_trustless() && matches!(outcome.status.as_str(), "refused" | "expired") {
            return Err(self
                .claimed(transaction, &format!("says that it is {}", outcome.status))
                .await?);
        }
        Ok(outcome)
    }

    /// What a node's word that a transaction will not be executed is worth to whoever believes no node:
    /// nothing, until a certified block is past its expiry. Whoever has its bytes may submit them until then.
    async fn claimed(&self, transaction: &Transaction, claim: &str) -> Result<Failure, Failure> {
        let (id, expires_at) = (transaction.id(), transaction.intent().expires_at);
        if self.tip().await?.timestamp >= expires_at {
            return Ok(Failure::new(
                Exit::Refused,
                format!("{id} was not executed and has expired, by certified time; the node {claim}"),
            ));
        }
        Ok(Failure::new(
            Exit::Unknown,
            format!(
                "the node {claim}. That is its word alone: until {} the transaction may still be executed",
                rfc3339_of(expires_at)
            ),
        )
        .hint(format!(
            "quorate wallet wait {id}, and pay nobody again before that time"
        )))
    }

    /// Waits for a transaction that was submitted before.
    pub async fn wait(&self, id: &Digest, patience: Duration) -> Result<Fate, Failure> {
        let deadline = Instant::now() + patience;
        loop {
            let found = self.client.transaction(id).await;
            let missing = matches!(found, Err(ClientError::NotFound { .. }));
            match found {
                Ok(view) if view.status != TransactionStatus::Pending => {
                    let outcome = Fate::of_view(&view);
                    self.confirm(&outcome).await?;
                    if self.is_trustless() && view.status == TransactionStatus::Expired {
                        // Without its bytes nobody knows until when it may be executed.
                        return Err(Failure::new(
                            Exit::Unknown,
                            format!("the node says that {id} has expired without being executed. That is its word alone"),
                        )
                        .hint("ask another node, and pay nobody again before its expiry is past"));
                    }
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
    pub async fn confirm(&self, outcome: &Fate) -> Result<(), Failure> {
        let (Some(height), Some(index)) = (outcome.height, outcome.index) else {
            if self.is_trustless() && matches!(outcome.status.as_str(), "committed" | "failed") {
                return Err(Failure::new(
                    Exit::CheckFailed,
                    format!(
                        "the node says that {} is {} and not in which block, so that nothing shows it",
                        outcome.id, outcome.status
                    ),
                ));
            }
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
    async fn verified(&self, height: Height) -> Result<Option<Arc<VerifiedBlock>>, Failure> {
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

    /// How a block executed a transaction, looked for in all blocks from `tip` down to this time. None
    /// without the genesis document, and if none did.
    pub async fn find_executed(
        &self,
        id: &Digest,
        earliest: Timestamp,
        tip: Height,
    ) -> Result<Option<(Height, Execution)>, Failure> {
        let mut height = tip;
        while height > Height::GENESIS {
            let Some(block) = self.verified(height).await? else {
                return Ok(None);
            };
            if let Some(execution) = block.execution(id) {
                return Ok(Some((height, execution.clone())));
            }
            // The times of blocks only rise.
            if block.header().timestamp < earliest {
                return Ok(None);
            }
            height = Height(height.0.saturating_sub(1));
        }
        Ok(None)
    }

    /// Shows `visit` each block above `down_to` up to `tip`, newest first and checked, until one is older than
    /// `since`. No node can leave anything out of them.
    ///
    /// # Errors
    /// Without the genesis document, by which alone blocks are checked; if one cannot be had or is not good.
    pub async fn look_through(
        &self,
        (tip, down_to): (Height, Height),
        since: Timestamp,
        mut visit: impl FnMut(Height, &VerifiedBlock),
    ) -> Result<(), Failure> {
        let trusted = self
            .trusted
            .as_ref()
            .ok_or_else(|| Failure::failed("blocks are checked by the genesis document alone"))?;
        let client = self.client.at_least(tip);
        let heights = (down_to.0.saturating_add(1)..=tip.0).rev().map(Height);
        let fetched = futures::stream::iter(heights).map(|height| {
            let client = client.clone();
            async move { (height, client.certified_block(height).await) }
        });
        let mut fetched = fetched.buffered(FETCHED_AT_ONCE);
        while let Some((height, block)) = fetched.next().await {
            let block = block?;
            let verified = {
                let mut genesis = trusted.genesis.lock().await;
                let epoch = block.v1().block.header().epoch;
                if epoch > genesis.last_epoch() {
                    self.follow_to(epoch, &mut genesis).await?;
                }
                genesis.verify_block(height, &block).map_err(unverified)?
            };
            if verified.header().timestamp < since {
                break;
            }
            visit(height, &verified);
        }
        Ok(())
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
pub fn check_amount_form(text: &str) -> Result<(), String> {
    match parse_amount(text, MAX_DECIMALS) {
        Ok(amount) if amount.0 == 0 => Err("the amount is zero".to_owned()),
        // With fewer decimals it may fit.
        Ok(_) | Err(AmountError::TooLarge { .. }) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// `from` plus `lead`.
fn expiry_after(from: Timestamp, lead: Duration) -> Result<Timestamp, Failure> {
    u64::try_from(lead.as_millis())
        .ok()
        .and_then(|lead| from.0.checked_add(lead))
        .map(Timestamp)
        .ok_or_else(|| Failure::usage("the expiry is too far away"))
}

impl Fate {
    /// What an answer to a submission says.
    pub fn of_submitted(id: Digest, submitted: &Submitted) -> Self {
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
    pub fn of_view(view: &TransactionView) -> Self {
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
