//! Posting an event: one attempt, and what became of it.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quorate_client::{Authorities, innermost, plain_http, secured_http};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};

use crate::config::HookConfig;
use crate::message::Message;
use crate::secret::Secrets;

/// Bytes of an answer that are read, so that the connection can be used again. Nobody looks at them.
const MAX_ANSWER: usize = 16 << 10;

/// Bytes of a file of certificates.
const MAX_CERTIFICATES: u64 = 1 << 20;

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The receiver has it.
    Taken,
    /// It wants no more (410).
    Gone,
    /// It did not take it.
    Refused {
        reason: String,
        /// What it asked for.
        retry_after: Option<Duration>,
    },
    /// There was no answer.
    Silent { reason: String },
}

/// Where a hook posts, and how.
#[derive(Debug)]
pub(crate) struct Receiver {
    client: Client,
    url: Url,
    secrets: Secrets,
    timeout: Duration,
}

impl Receiver {
    /// Makes a client; an error says why it cannot be made.
    pub(crate) fn new(config: &HookConfig, home: &Path, secrets: Secrets) -> Result<Self, String> {
        let authorities = match &config.ca_file {
            Some(path) => Some(authorities_of(&home.join(path))?),
            None => None,
        };
        let begun = match config.url.scheme() {
            "https" => secured_http(authorities.as_ref()),
            _ => plain_http(),
        };
        let client = begun
            .timeout(config.timeout())
            .pool_max_idle_per_host(1)
            // What is signed for one address is for no other.
            .redirect(Policy::none())
            .user_agent(concat!("quorate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| format!("no client can be made: {}", innermost(&error)))?;
        Ok(Self {
            client,
            url: config.url.clone(),
            secrets,
            timeout: config.timeout(),
        })
    }

    /// Tries once.
    pub(crate) async fn post(&self, message: Message<'_>) -> Answer {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (seconds, body) = (since.as_secs(), message.event.data.as_bytes());
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", message.id)
            .header("webhook-timestamp", seconds)
            .header(
                "webhook-signature",
                self.secrets.signatures(message.id, seconds, body),
            )
            .header("quorate-event", message.kind())
            .body(body.to_vec());
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                return Answer::Silent {
                    reason: self.why_silent(&error),
                };
            }
        };
        let (status, retry_after) = (response.status(), retry_after(response.headers()));
        let mut read = 0;
        while let Ok(Some(chunk)) = response.chunk().await {
            read += chunk.len();
            if read > MAX_ANSWER {
                break;
            }
        }
        match status {
            status if status.is_success() => Answer::Taken,
            StatusCode::GONE => Answer::Gone,
            status if status.is_redirection() => Answer::Refused {
                reason: format!("the receiver answered {status}, and redirects are not followed"),
                retry_after,
            },
            status => Answer::Refused {
                reason: format!("the receiver answered {status}"),
                retry_after,
            },
        }
    }

    fn why_silent(&self, error: &reqwest::Error) -> String {
        if error.is_timeout() {
            format!("no answer within {} ms", self.timeout.as_millis())
        } else if error.is_connect() {
            format!("no connection: {}", innermost(error))
        } else {
            format!("the connection broke off: {}", innermost(error))
        }
    }
}

/// Seconds that a receiver asks for; a date is passed over.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

fn authorities_of(path: &Path) -> Result<Authorities, String> {
    use std::io::Read as _;
    let read = || {
        let mut pem = Vec::new();
        std::fs::File::open(path)?
            .take(MAX_CERTIFICATES)
            .read_to_end(&mut pem)?;
        Ok::<_, std::io::Error>(pem)
    };
    let pem = read().map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    Authorities::from_pem(&pem).map_err(|error| format!("{}: {error}", path.display()))
}
