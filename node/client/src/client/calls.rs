//! One call: to the node that answered last, then to the others in turn, and what its answer is.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt as _;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::{Bytes, Client, LONGEST_WAIT, Page, RETRY_PAUSE, Wait};
use crate::ClientError;
use crate::schema::Problem;
use crate::tls::innermost;

/// How long a node may take to answer a call that waits for nothing.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// The code of a refusal that is final even if another copy was sent before: no block executes either.
pub(super) const EXPIRED: &str = "expired";

/// The most bytes of an answer: a block's batches are bounded well below this.
pub(super) const MAX_ANSWER: usize = 256 << 20;

/// What most answers are.
pub(super) const JSON: &str = "application/json";

/// The most bytes of another type of answer that are repeated.
const LONGEST_TYPE: usize = 80;

/// What a node answered.
pub(super) struct Reply {
    pub(super) node: Url,
    status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Reply {
    /// Whether a proxy answers for a node that it did not reach, or did not hear in time: a node that fails says so in a
    /// problem document.
    fn is_a_proxys(&self) -> bool {
        self.status.is_server_error() && serde_json::from_slice::<Problem>(&self.body).is_err()
    }

    /// That in words.
    fn of_proxy(&self) -> String {
        format!("{}: a proxy before it answers {}", self.node, self.status)
    }

    /// What it says to be, if that is not JSON.
    fn other_type(&self) -> Option<&str> {
        let told = self.headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let kind = told.split(';').next().unwrap_or_default().trim();
        (kind != JSON).then(|| kind.get(..LONGEST_TYPE).unwrap_or(kind))
    }
}

/// A call, before a node is chosen for it.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) accept: &'static str,
    pub(super) body: Option<(&'static str, Bytes)>,
    pub(super) timeout: Duration,
    /// The most bytes of its answer.
    pub(super) longest: usize,
}

impl Call {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            query: Vec::new(),
            accept: JSON,
            body: None,
            timeout: ANSWER_TIMEOUT,
            longest: MAX_ANSWER,
        }
    }

    pub(super) fn page(mut self, page: &Page) -> Self {
        self.query
            .extend(page.limit.map(|limit| ("limit", limit.to_string())));
        self.query
            .extend(page.cursor.clone().map(|cursor| ("cursor", cursor)));
        self
    }
}

impl Client {
    /// Asks for JSON and reads it.
    pub(super) async fn read<T: DeserializeOwned>(&self, call: Call) -> Result<T, ClientError> {
        let reply = self.send(call).await?;
        serde_json::from_slice(&reply.body).map_err(|error| ClientError::Protocol {
            node: reply.node.to_string(),
            reason: match reply.other_type() {
                Some(other) => format!(
                    "{other} came where JSON was asked for, as from another program at that address, or a proxy"
                ),
                None => error.to_string(),
            },
        })
    }

    /// Sends a call to the node that answered last, then to the others in turn.
    pub(super) async fn send(&self, mut call: Call) -> Result<Reply, ClientError> {
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
                Ok(reply) if reply.is_a_proxys() => {
                    // It may have passed on what was sent, and heard no answer.
                    maybe_sent = true;
                    failures.push(reply.of_proxy());
                }
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
                Ok(response) => {
                    let status = response.status();
                    let body = response.bytes().await.unwrap_or_default();
                    let reply = Reply {
                        node: node.clone(),
                        status,
                        headers: HeaderMap::new(),
                        body,
                    };
                    if reply.is_a_proxys() {
                        failures.push(reply.of_proxy());
                    } else if status == StatusCode::SERVICE_UNAVAILABLE {
                        failures.push(format!("{node}: it takes no more streams"));
                    } else {
                        return Err(ClientError::from_problem(problem_of(&reply)));
                    }
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
}

pub(super) fn submission(content_type: &'static str, body: Bytes, wait: Wait) -> Call {
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
