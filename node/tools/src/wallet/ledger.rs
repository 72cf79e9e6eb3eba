//! The network as the wallet sees it.

mod history;
mod outcome;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures::StreamExt as _;
use quorate_client::schema::{
    Asset, ParametersView, Status, Submitted, Transaction as TransactionView, Validator, VotingView,
};
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::{
    AmountError, Proven, ProvenAccount, ProvenRecords, ProvenTransaction, TrustError, TrustedGenesis,
    VerifiedBlock, format_amount, parse_amount,
};
use quorate_client::{Bytes, Client, ClientError, Wait};
use quorate_genesis::Genesis;
use quorate_ledger::limits::MAX_DECIMALS;
use quorate_ledger::{Address, Amount, AssetCode, Digest, Header, Height, Submission, Timestamp, encode};
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;

pub use self::outcome::Expiring;
use self::outcome::{after_sending, is_no_word_of_it, leaving, says_what_became_of_it, unknown};
use super::Fate;
use super::meaning::{MeaningArgs, decimals_of_document, differing, members_of};
use crate::authority::AuthorityArgs;
use crate::clock::now;
use crate::failure::{Exit, Failure};
use crate::genesis::read_genesis;
use crate::output::{printable, say};

/// How far certified time may be ahead of this machine's clock.
const MAX_CLOCK_LEAD: Duration = Duration::from_secs(300);

/// How many checked blocks are kept: payments sent together come to lie in few blocks.
const KEPT_BLOCKS: usize = 16;

/// How many checked headers are kept: those of what was paid together lie side by side.
const KEPT_HEADERS: usize = 256;

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
    /// Of the node's own genesis document, where none is at hand and it is needed.
    own: Arc<OnceCell<Mutex<TrustedGenesis>>>,
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
    /// Taken after each of the others.
    genesis: Mutex<TrustedGenesis>,
    blocks: Mutex<BTreeMap<Height, Arc<VerifiedBlock>>>,
    /// Taken after `blocks`.
    headers: Mutex<BTreeMap<Height, Header>>,
    /// The decimals of assets that were proven.
    proven: Mutex<BTreeMap<AssetCode, u8>>,
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
        let genesis = read_genesis(path)?;
        let decimals = decimals_of_document(&genesis);
        self.meaning.check_decimals(&decimals)?;
        Ok(Some(Trusted {
            members: members_of(&genesis),
            decimals,
            parameters: ParametersView::from(genesis.parameters().v1()),
            begins: genesis.time(),
            genesis: Mutex::new(TrustedGenesis::of(&genesis)),
            blocks: Mutex::default(),
            headers: Mutex::default(),
            proven: Mutex::default(),
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
            own: Arc::default(),
            decimals: self.meaning.decimals.iter().copied().collect(),
        })
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

    /// How many decimals an asset has: what an amount means before it is signed, and where it is shown. With the
    /// genesis document at hand no node is believed, as it could move the point: an asset that the document does not
    /// make is proven. None if there is no such asset.
    pub async fn decimals(&self, code: &AssetCode) -> Result<Option<u8>, Failure> {
        let given = self.decimals.get(code).copied();
        let (known, who) = match &self.trusted {
            Some(trusted) => match trusted.decimals.get(code) {
                Some(known) => (Some(*known), "the genesis document"),
                None => match self.proven_decimals(trusted, code).await {
                    Ok(known) => (known, "the ledger"),
                    // Whoever signs may know what no node at hand proves.
                    Err(failure) if given.is_some() => {
                        say(format!(
                            "note: the decimals of {code} are those given, not proven: {failure}"
                        ));
                        (given, "--asset-decimals")
                    }
                    Err(failure) => {
                        let hint = format!(
                            "ask whoever issues {code} how many decimals it has, and say so with --asset-decimals \
                             {code}=N"
                        );
                        return Err(failure.while_doing(format!("the decimals of {code}")).hint(hint));
                    }
                },
            },
            None => match self.client.asset(code).await {
                Ok(Asset { decimals, .. }) => (Some(decimals), "the node"),
                Err(ClientError::NotFound { .. }) => (None, "the node"),
                Err(error) => return Err(error.into()),
            },
        };
        match (known, given) {
            (Some(known), Some(given)) if known != given => Err(differing(code, given, who, known)),
            _ => Ok(known),
        }
    }

    /// How many decimals an asset has, proven by its leaf in the state: an asset never changes them.
    async fn proven_decimals(&self, trusted: &Trusted, code: &AssetCode) -> Result<Option<u8>, Failure> {
        let mut proven = trusted.proven.lock().await;
        if let Some(decimals) = proven.get(code) {
            return Ok(Some(*decimals));
        }
        let asset = trusted.genesis.lock().await.asset(&self.client, code).await?;
        let decimals = asset.value.map(|asset| asset.decimals);
        if let Some(decimals) = decimals {
            proven.insert(*code, decimals);
        }
        Ok(decimals)
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

    /// The time of a block: the certified one, or by the node's word without the genesis document.
    pub async fn time_of(&self, height: Height) -> Result<Timestamp, Failure> {
        match &self.trusted {
            Some(trusted) => Ok(self.header(trusted, height).await?.v1().timestamp),
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

    /// Submits a transaction with its texts and follows it as long as `wait` says. Its id is said before anything leaves:
    /// by that its end is found, should this process not see it.
    pub async fn send(&self, submission: &Submission, wait: Option<Duration>) -> Result<Fate, Failure> {
        self.check_quorum().await?;
        say(leaving(submission.transaction()));
        self.send_kept(submission, wait).await
    }

    /// The same of one in a file that the user keeps, and of which was said what is sent of it.
    pub async fn send_kept(&self, submission: &Submission, wait: Option<Duration>) -> Result<Fate, Failure> {
        let transaction = submission.transaction();
        let id = transaction.id();
        let bytes = Bytes::from(encode(submission));
        let submitted = match wait {
            Some(wait) => self.settle(bytes, wait).await,
            None => self.client.submit(bytes, Wait::Admitted).await,
        };
        let outcome = match submitted {
            Ok(submitted) => Fate::of_submitted(id, &submitted),
            Err(error) if self.is_trustless() && says_what_became_of_it(&error) => {
                return Err(self.claimed(transaction, &format!("answers: {error}")).await);
            }
            Err(ClientError::Unknown { reason }) => return Err(unknown(&id, reason)),
            Err(error) if is_no_word_of_it(&error) => return Err(unknown(&id, error)),
            Err(error) => return Err(error.into()),
        };
        let confirmed = self.confirm(&outcome).await;
        confirmed.map_err(|failure| after_sending(&id, failure))?;
        if self.is_trustless() && matches!(outcome.status.as_str(), "refused" | "expired") {
            let claim = format!("says that it is {}", outcome.status);
            return Err(self.claimed(transaction, &claim).await);
        }
        Ok(outcome)
    }

    /// A header that a quorum sealed.
    async fn header(&self, trusted: &Trusted, height: Height) -> Result<Header, Failure> {
        // Held while fetching: whoever else wants the same header gets it from here.
        let mut headers = trusted.headers.lock().await;
        if let Some(header) = headers.get(&height) {
            return Ok(header.clone());
        }
        let header = trusted.genesis.lock().await.header(&self.client, height).await?;
        headers.insert(height, header.clone());
        while headers.len() > KEPT_HEADERS {
            headers.pop_first();
        }
        Ok(header)
    }

    /// The header before a height; none before the first.
    async fn header_before(&self, trusted: &Trusted, height: Height) -> Result<Option<Header>, Failure> {
        match height.0.checked_sub(1) {
            None | Some(0) => Ok(None),
            Some(before) => self.header(trusted, Height(before)).await.map(Some),
        }
    }

    /// A block whose certificate and contents were checked.
    async fn verified(&self, trusted: &Trusted, height: Height) -> Result<Arc<VerifiedBlock>, Failure> {
        // Held while fetching: whoever else wants the same block gets it from here.
        let mut blocks = trusted.blocks.lock().await;
        if let Some(block) = blocks.get(&height) {
            return Ok(Arc::clone(block));
        }
        let fetched = self.client.certified_block(height).await?;
        let before = self.header_before(trusted, height).await?;
        let mut genesis = trusted.genesis.lock().await;
        let block = genesis.block(&self.client, height, &fetched, before).await?;
        let block = Arc::new(block);
        blocks.insert(height, Arc::clone(&block));
        while blocks.len() > KEPT_BLOCKS {
            blocks.pop_first();
        }
        Ok(block)
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
            let before = self.header_before(trusted, height).await?;
            let verified = {
                let mut genesis = trusted.genesis.lock().await;
                genesis.block(&client, height, &block, before).await?
            };
            if verified.header().timestamp < since {
                break;
            }
            visit(height, &verified);
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
