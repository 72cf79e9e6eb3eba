//! An asynchronous client that knows several nodes and goes on with the next when one is out of reach.
//!
//! Reads go to any node. Submissions too: a transaction's id executes at most once, so the same bytes
//! may be sent to one node after the other. A submission that may have arrived somewhere and was not
//! answered ends as [`ClientError::Unknown`], one that surely did not as [`ClientError::Unreachable`], and one that a
//! node has seen and says not to take as [`ClientError::Busy`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub use bytes::Bytes;
use futures::StreamExt as _;
use quorate_ledger::{Address, AssetCode, CertifiedBlock, Digest, Height};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, StatusCode, Url};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::schema::{
    Account, Asset, AssetList, Block, BlockList, EvidenceList, HEIGHT_HEADER, HolderList, MANY_TRANSACTIONS,
    MemberList, Network, OCTET_STREAM, PeerList, Problem, ProposalList, RecordList, Status, Submitted,
    SubmittedList, SubmittedStatus, Transaction, TransactionList, ValidatorList,
};
use crate::tls::{innermost, plain_http, secured_http};
use crate::wallet::TrustError;
use crate::{Authorities, ClientError, TransactionFilter};

mod log;
mod proofs;

pub use proofs::ProofOf;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a node may take to answer a call that waits for nothing.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// The longest wait that a node is asked for in one call.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The pause before nodes that could not be reached, or are busy, are tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// The code of a refusal that is final even if another copy was sent before: no block executes either.
const EXPIRED: &str = "expired";

/// How long an unused connection is kept, less than nodes keep it.
const IDLE: Duration = Duration::from_secs(30);

/// The most bytes of an answer: a block's batches are bounded well below this.
const MAX_ANSWER: usize = 256 << 20;

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

/// What a node answered.
struct Reply {
    node: Url,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// A call, before a node is chosen for it.
struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    accept: &'static str,
    body: Option<(&'static str, Bytes)>,
    timeout: Duration,
    /// The most bytes of its answer.
    longest: usize,
}

impl Call {
    fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            query: Vec::new(),
            accept: "application/json",
            body: None,
            timeout: ANSWER_TIMEOUT,
            longest: MAX_ANSWER,
        }
    }

    fn page(mut self, page: &Page) -> Self {
        self.query
            .extend(page.limit.map(|limit| ("limit", limit.to_string())));
        self.query
            .extend(page.cursor.clone().map(|cursor| ("cursor", cursor)));
        self
    }
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

    /// The consortium's members.
    pub async fn members(&self) -> Result<MemberList, ClientError> {
        self.read(Call::get("v1/members")).await
    }

    /// Open proposals of governance.
    pub async fn proposals(&self) -> Result<ProposalList, ClientError> {
        self.read(Call::get("v1/proposals")).await
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

    /// Asks for JSON and reads it.
    async fn read<T: DeserializeOwned>(&self, call: Call) -> Result<T, ClientError> {
        let reply = self.send(call).await?;
        serde_json::from_slice(&reply.body).map_err(|error| ClientError::Protocol {
            node: reply.node.to_string(),
            reason: error.to_string(),
        })
    }

    /// Sends a call to the node that answered last, then to the others in turn.
    async fn send(&self, mut call: Call) -> Result<Reply, ClientError> {
        if let (Some(height), &Method::GET) = (self.min_height, &call.method) {
            call.query.push(("min_height", height.to_string()));
        }
        let first = self.current.load(Ordering::Relaxed);
        let mut failures = Vec::new();
        let (mut maybe_sent, mut was_given) = (false, false);
        for attempt in 0..self.nodes.len() {
            let place = first.wrapping_add(attempt) % self.nodes.len();
            let node = &self.nodes[place];
            match self.attempt(node, &call).await {
                Ok(reply) if reply.status == StatusCode::SERVICE_UNAVAILABLE => {
                    was_given = true;
                    failures.push(format!("{node}: {}", problem_of(&reply).detail));
                }
                Ok(reply) => {
                    self.current.store(place, Ordering::Relaxed);
                    if reply.status.is_success() {
                        return Ok(reply);
                    }
                    let problem = problem_of(&reply);
                    if maybe_sent && call.method == Method::POST && problem.code != EXPIRED {
                        failures.push(format!("{node}: {}", problem.detail));
                        break;
                    }
                    return Err(ClientError::from_problem(problem));
                }
                Err(error) => {
                    maybe_sent |= !error.is_connect() && !error.is_builder();
                    failures.push(format!("{node}: {}", innermost(&error)));
                }
            }
        }
        let reason = failures.join("; ");
        match (call.method == Method::POST, maybe_sent, was_given) {
            (true, true, _) => Err(ClientError::Unknown { reason }),
            // A node has seen what was sent, and says that it does not take it.
            (true, false, true) => Err(ClientError::Busy {
                detail: reason,
                retry_after_ms: u64::try_from(RETRY_PAUSE.as_millis()).unwrap_or(u64::MAX),
            }),
            _ => Err(ClientError::Unreachable { reason }),
        }
    }

    async fn attempt(&self, node: &Url, call: &Call) -> Result<Reply, reqwest::Error> {
        let mut url = node.clone();
        url.set_path(&format!("{}{}", node.path(), call.path));
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut request = self
            .http
            .request(call.method.clone(), url)
            .header(ACCEPT, call.accept)
            .timeout(call.timeout);
        if let Some((content_type, body)) = &call.body {
            request = request.header(CONTENT_TYPE, *content_type).body(body.clone());
        }
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            if body.len() + chunk.len() > call.longest {
                // What is left is not read; the cut answer will not decode.
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply {
            node: node.clone(),
            status,
            headers,
            body: body.into(),
        })
    }

    /// Opens an event stream at one node, from after `last_event_id`.
    pub(crate) async fn open_events(
        &self,
        query: &[(&'static str, String)],
        last_event_id: Option<&str>,
    ) -> Result<reqwest::Response, ClientError> {
        let first = self.current.load(Ordering::Relaxed);
        let mut failures = Vec::new();
        for attempt in 0..self.nodes.len() {
            let place = first.wrapping_add(attempt) % self.nodes.len();
            let node = &self.nodes[place];
            let mut url = node.clone();
            url.set_path(&format!("{}v1/events", node.path()));
            if !query.is_empty() {
                url.query_pairs_mut().extend_pairs(query);
            }
            let mut request = self.http.get(url).header(ACCEPT, "text/event-stream");
            if let Some(id) = last_event_id {
                request = request.header("last-event-id", id);
            }
            match request.send().await {
                Ok(response) if response.status().is_success() => {
                    self.current.store(place, Ordering::Relaxed);
                    return Ok(response);
                }
                Ok(response) if response.status() == StatusCode::SERVICE_UNAVAILABLE => {
                    failures.push(format!("{node}: it takes no more streams"));
                }
                Ok(response) => {
                    let status = response.status();
                    let body = response.bytes().await.unwrap_or_default();
                    let reply = Reply {
                        node: node.clone(),
                        status,
                        headers: HeaderMap::new(),
                        body,
                    };
                    return Err(ClientError::from_problem(problem_of(&reply)));
                }
                Err(error) => failures.push(format!("{node}: {}", innermost(&error))),
            }
        }
        // The next attempt begins with another node.
        self.current.store(first.wrapping_add(1), Ordering::Relaxed);
        Err(ClientError::Unreachable {
            reason: failures.join("; "),
        })
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

fn submission(content_type: &'static str, body: Bytes, wait: Wait) -> Call {
    let mut call = Call::get("v1/transactions");
    call.method = Method::POST;
    call.body = Some((content_type, body));
    if let Wait::Committed(timeout) = wait {
        let timeout = timeout.min(LONGEST_WAIT);
        call.query.push(("wait", "committed".to_owned()));
        call.query.push(("timeout_ms", timeout.as_millis().to_string()));
        call.timeout = ANSWER_TIMEOUT + timeout;
    }
    call
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

/// The problem document of an answer, or one made from its status.
fn problem_of(reply: &Reply) -> Problem {
    serde_json::from_slice(&reply.body).unwrap_or_else(|_| Problem {
        kind: "about:blank".to_owned(),
        title: reply
            .status
            .canonical_reason()
            .unwrap_or("unknown status")
            .to_owned(),
        status: reply.status.as_u16(),
        detail: format!("{} answered {} without saying why", reply.node, reply.status),
        code: "unknown".to_owned(),
        id: None,
        operation: None,
        retry_after_ms: None,
    })
}
