//! An asynchronous client that knows several nodes and goes on with the next when one is out of reach.
//!
//! Reads go to any node. Submissions too: a transaction's id executes at most once, so the same bytes
//! may be sent to one node after the other. A submission that may have arrived somewhere and was not
//! answered ends as [`ClientError::Unknown`], one that surely did not as [`ClientError::Unreachable`], and one that a
//! node has seen and says not to take as [`ClientError::Busy`]. What a proxy answers for a node that it does not hear is
//! no answer: the next node is asked, and a submission may have arrived.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub use bytes::Bytes;
use quorate_ledger::{Address, AssetCode, CertifiedBlock, Digest, Height};
use reqwest::Url;
use tokio::time::Instant;

use self::calls::{Call, EXPIRED, MAX_ANSWER, submission};

use crate::schema::{
    Account, Asset, AssetList, Block, BlockList, EvidenceList, HEIGHT_HEADER, HolderList, MANY_TRANSACTIONS,
    Member, MemberList, Network, OCTET_STREAM, PeerList, Proposal, ProposalList, ProposalStateView,
    RecordList, Status, Submitted, SubmittedList, SubmittedStatus, Transaction, TransactionList,
    ValidatorList,
};
use crate::tls::{plain_http, secured_http};
use crate::wallet::TrustError;
use crate::{Authorities, ClientError, TransactionFilter};

mod calls;
mod log;
mod proofs;
#[cfg(test)]
mod tests;

pub use proofs::ProofOf;

/// Members that are asked for in one call.
const MEMBERS_AT_ONCE: u32 = 200;

/// The most members that are read: a node that goes on telling others is not believed to have them.
const MOST_MEMBERS: usize = 100_000;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest wait that a node is asked for in one call.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The pause before nodes that could not be reached, or are busy, are tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// How long an unused connection is kept, less than nodes keep it.
const IDLE: Duration = Duration::from_secs(30);

/// The most bytes of a certified block, as encoded.
const MAX_CERTIFIED_BLOCK: usize = MAX_ANSWER;

/// A client of one network's nodes. Clones share what they know about which node answers.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    nodes: Arc<[Url]>,
    current: Arc<AtomicUsize>,
    min_height: Option<Height>,
}

/// Which part of a list to answer with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The most items that the page has; `None`: the node's default.
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// How long a submission is to be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until it is admitted.
    Admitted,
    /// Until its outcome is certified, or this long.
    Committed(Duration),
}

impl Client {
    /// A client of the nodes at these URLs, such as `http://127.0.0.1:8100`; the first is tried first.
    /// Where a URL is https, certificates are believed that the system believes.
    pub fn new<I>(urls: I) -> Result<Self, ClientError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Self::made(urls, None)
    }

    /// The same, but of certificates only those of these authorities are believed.
    pub fn believing<I>(urls: I, authorities: &Authorities) -> Result<Self, ClientError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Self::made(urls, Some(authorities))
    }

    fn made<I>(urls: I, authorities: Option<&Authorities>) -> Result<Self, ClientError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let nodes = urls
            .into_iter()
            .map(|url| node_url(url.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        if nodes.is_empty() {
            return Err(ClientError::Malformed {
                reason: "no node is given".to_owned(),
            });
        }
        let is_secured = nodes.iter().any(|node| node.scheme() == "https");
        let http = if is_secured {
            secured_http(authorities)
        } else {
            plain_http()
        };
        let http = http
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("quorate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ClientError::Malformed {
                reason: error.to_string(),
            })?;
        Ok(Self {
            http,
            nodes: nodes.into(),
            current: Arc::default(),
            min_height: None,
        })
    }

    /// The same client, whose reads wait until the answering node has certified `height`.
    #[must_use]
    pub fn at_least(&self, height: Height) -> Self {
        Self {
            min_height: Some(height),
            ..self.clone()
        }
    }

    /// The height that reads wait for, if they wait for one.
    pub fn min_height(&self) -> Option<Height> {
        self.min_height
    }

    /// The URL of the node that answered last, or is asked first.
    pub fn answering(&self) -> &str {
        let place = self.current.load(Ordering::Relaxed) % self.nodes.len();
        self.nodes.get(place).map_or("", Url::as_str)
    }

    /// Refuses what is proven as of an older height than the one that reads wait for: a node need not have waited.
    ///
    /// # Errors
    /// [`ClientError::Unverified`].
    pub fn check_height(&self, got: Height) -> Result<(), ClientError> {
        match self.min_height {
            Some(expected) if got < expected => Err(TrustError::TooOld { got, expected }.into()),
            _ => Ok(()),
        }
    }

    /// Where the node and its network are.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.read(Call::get("v1/status")).await
    }

    /// Genesis, parameters, committee.
    pub async fn network(&self) -> Result<Network, ClientError> {
        self.read(Call::get("v1/network")).await
    }

    /// The genesis document, word for word. Worth only as much as the node is trusted.
    pub async fn genesis(&self) -> Result<String, ClientError> {
        Ok(self.network().await?.genesis)
    }

    /// A transaction.
    pub async fn transaction(&self, id: &Digest) -> Result<Transaction, ClientError> {
        self.read(Call::get(format!("v1/transactions/{id}"))).await
    }

    /// Executed transactions, newest first. A node looks at so much of the chain in a call: a page may be empty, and
    /// yet have a cursor to go on from.
    pub async fn transactions(
        &self,
        filter: &TransactionFilter,
        page: &Page,
    ) -> Result<TransactionList, ClientError> {
        let mut call = Call::get("v1/transactions").page(page);
        call.query.extend(filter.query());
        self.read(call).await
    }

    /// The transactions of a block, by height, hash, or `latest`, in their order.
    pub async fn block_transactions(
        &self,
        reference: &str,
        page: &Page,
    ) -> Result<TransactionList, ClientError> {
        let path = format!("v1/blocks/{}/transactions", segment(reference)?);
        self.read(Call::get(path).page(page)).await
    }

    /// Blocks, newest first.
    pub async fn blocks(&self, page: &Page) -> Result<BlockList, ClientError> {
        self.read(Call::get("v1/blocks").page(page)).await
    }

    /// A block by height, hash, or `latest`.
    pub async fn block(&self, reference: &str) -> Result<Block, ClientError> {
        self.read(Call::get(format!("v1/blocks/{}", segment(reference)?)))
            .await
    }

    /// A block with its certificate and batches, to be checked with [`crate::wallet::TrustedGenesis`].
    pub async fn certified_block(&self, height: Height) -> Result<CertifiedBlock, ClientError> {
        let mut call = Call::get(format!("v1/blocks/{height}"));
        call.accept = OCTET_STREAM;
        let reply = self.send(call).await?;
        quorate_ledger::decode(&reply.body, MAX_CERTIFIED_BLOCK).map_err(|error| ClientError::Protocol {
            node: reply.node.to_string(),
            reason: format!("its block {height} cannot be decoded: {error}"),
        })
    }

    /// An account.
    pub async fn account(&self, address: &Address) -> Result<Account, ClientError> {
        self.read(Call::get(format!("v1/accounts/{address}"))).await
    }

    /// An account's transactions, newest first.
    pub async fn account_transactions(
        &self,
        address: &Address,
        page: &Page,
    ) -> Result<TransactionList, ClientError> {
        self.read(Call::get(format!("v1/accounts/{address}/transactions")).page(page))
            .await
    }

    /// Assets, by code.
    pub async fn assets(&self, page: &Page) -> Result<AssetList, ClientError> {
        self.read(Call::get("v1/assets").page(page)).await
    }

    /// An asset.
    pub async fn asset(&self, code: &AssetCode) -> Result<Asset, ClientError> {
        self.read(Call::get(format!("v1/assets/{code}"))).await
    }

    /// Who holds an asset.
    pub async fn holders(&self, code: &AssetCode, page: &Page) -> Result<HolderList, ClientError> {
        self.read(Call::get(format!("v1/assets/{code}/holders")).page(page))
            .await
    }

    /// Who recorded a document, earliest first.
    pub async fn record(&self, sha256: &Digest, page: &Page) -> Result<RecordList, ClientError> {
        self.read(Call::get(format!("v1/records/{sha256}")).page(page))
            .await
    }

    /// The committee in force.
    pub async fn validators(&self) -> Result<ValidatorList, ClientError> {
        self.read(Call::get("v1/validators")).await
    }

    /// The answering node's connections.
    pub async fn peers(&self) -> Result<PeerList, ClientError> {
        self.read(Call::get("v1/peers")).await
    }

    /// Misbehaviour that the answering node has seen.
    pub async fn evidence(&self) -> Result<EvidenceList, ClientError> {
        self.read(Call::get("v1/evidence")).await
    }

    /// The consortium's members, ascending by number, also those that have left.
    pub async fn members(&self, page: &Page) -> Result<MemberList, ClientError> {
        self.read(Call::get("v1/members").page(page)).await
    }

    /// All of them.
    pub async fn all_members(&self) -> Result<Vec<Member>, ClientError> {
        let mut members = Vec::new();
        let mut page = Page {
            limit: Some(MEMBERS_AT_ONCE),
            cursor: None,
        };
        loop {
            let list = self.members(&page).await?;
            members.extend(list.members);
            page.cursor = list.next;
            if page.cursor.is_none() || members.len() > MOST_MEMBERS {
                return Ok(members);
            }
        }
    }

    /// A member, by its number or its name.
    pub async fn member(&self, member: &str) -> Result<Member, ClientError> {
        self.read(Call::get(format!("v1/members/{member}"))).await
    }

    /// Proposals of governance, newest first: those in a state, or made by a member, if that is asked for.
    pub async fn proposals(
        &self,
        state: Option<ProposalStateView>,
        member: Option<&str>,
        page: &Page,
    ) -> Result<ProposalList, ClientError> {
        let mut call = Call::get("v1/proposals").page(page);
        call.query
            .extend(state.map(|state| ("state", state.name().to_owned())));
        call.query
            .extend(member.map(|member| ("member", member.to_owned())));
        self.read(call).await
    }

    /// A proposal of governance.
    pub async fn proposal(&self, number: u64) -> Result<Proposal, ClientError> {
        self.read(Call::get(format!("v1/proposals/{number}"))).await
    }

    /// Submits one signed transaction with its texts, given as the canonical bytes of the submission. A refusal is an
    /// error; a wait that ran out is an answer with [`SubmittedStatus::Pending`].
    pub async fn submit(&self, transaction: Bytes, wait: Wait) -> Result<Submitted, ClientError> {
        self.read(submission(OCTET_STREAM, transaction, wait)).await
    }

    /// Submits many; the answers are in the same order, and refusals are among them.
    pub async fn submit_many(
        &self,
        transactions: &[Bytes],
        wait: Wait,
    ) -> Result<Vec<Submitted>, ClientError> {
        let list: Vec<&[u8]> = transactions.iter().map(AsRef::as_ref).collect();
        let body = Bytes::from(quorate_ledger::encode(&list));
        let answer: SubmittedList = self.read(submission(MANY_TRANSACTIONS, body, wait)).await?;
        if answer.results.len() != transactions.len() {
            return Err(ClientError::Unknown {
                reason: format!(
                    "the node answered {} results for {} transactions",
                    answer.results.len(),
                    transactions.len()
                ),
            });
        }
        Ok(answer.results)
    }

    /// Submits one signed transaction and follows it until it is settled: committed, failed or expired.
    /// Nodes that are busy or out of reach are asked again until `deadline`. Once a copy may have
    /// arrived somewhere, no later answer but an outcome or expiry is taken for the last word: that copy may
    /// still be executed.
    pub async fn settle(&self, transaction: Bytes, deadline: Instant) -> Result<Submitted, ClientError> {
        let mut maybe_sent = false;
        let mut last = "the deadline has passed".to_owned();
        let mut busy = None;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(match busy {
                    _ if maybe_sent => ClientError::Unknown { reason: last },
                    Some(busy) => busy,
                    None => ClientError::Unreachable { reason: last },
                });
            }
            let mut pause = RETRY_PAUSE;
            busy = None;
            match self
                .submit(transaction.clone(), Wait::Committed(left.min(LONGEST_WAIT)))
                .await
            {
                Ok(answer) if answer.status == SubmittedStatus::Pending => {
                    maybe_sent = true;
                    "it was admitted, but not committed before the deadline".clone_into(&mut last);
                }
                Err(ClientError::Unreachable { reason }) => last = reason,
                Err(ClientError::Unknown { reason }) => {
                    maybe_sent = true;
                    last = reason;
                }
                Err(ClientError::Busy {
                    detail,
                    retry_after_ms,
                }) => {
                    pause = Duration::from_millis(retry_after_ms);
                    last.clone_from(&detail);
                    busy = Some(ClientError::Busy {
                        detail,
                        retry_after_ms,
                    });
                }
                Err(ClientError::Refused { code, detail, .. }) if maybe_sent && code != EXPIRED => {
                    last = detail
                }
                Err(error) if maybe_sent && !matches!(error, ClientError::Refused { .. }) => {
                    last = error.to_string();
                }
                settled => return settled,
            }
            tokio::time::sleep_until(deadline.min(Instant::now() + pause)).await;
        }
    }

    /// The certified height of the node that answers.
    pub async fn height(&self) -> Result<Height, ClientError> {
        let reply = self.send(Call::get("v1/status")).await?;
        let header = reply
            .headers
            .get(HEIGHT_HEADER)
            .and_then(|value| value.to_str().ok());
        let height = header.and_then(|text| text.parse().ok());
        height.map(Height).ok_or_else(|| ClientError::Protocol {
            node: reply.node.to_string(),
            reason: format!("no {HEIGHT_HEADER} header"),
        })
    }
}

/// A node's base URL, ending in a slash.
fn node_url(text: &str) -> Result<Url, ClientError> {
    let malformed = |reason: &str| ClientError::Malformed {
        reason: format!(
            "`{text}` is not a node's URL: {reason} (expected one such as http://127.0.0.1:8100)"
        ),
    };
    let mut url = Url::parse(text).map_err(|error| malformed(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(malformed("its scheme is neither http nor https"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(malformed("it has a query or a fragment"));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// A reference that is safe as one segment of a path.
fn segment(text: &str) -> Result<&str, ClientError> {
    if !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(text)
    } else {
        let reason = format!("`{text}` is not a height, a block hash or `latest`");
        Err(ClientError::Malformed { reason })
    }
}
