//! Bounds of the API. Each has a name here and nowhere a second meaning.

use std::time::Duration;

/// The client API and the explorer.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Calls that may be under way at once, waiting ones included.
    pub max_calls: usize,
    /// Event streams that may be open at once.
    pub max_streams: usize,
    /// Reads of the chain that may run at once; further ones queue.
    pub max_reads: usize,
    /// Bytes of one request's body.
    pub max_body_bytes: usize,
    /// Bytes of all bodies that are being received or held at once.
    pub max_body_bytes_total: usize,
    /// Transactions in one submission.
    pub max_transactions_per_call: usize,
    /// How long a client may take to send its body.
    pub body_timeout: Duration,
    /// How long `wait=committed` waits unless told otherwise.
    pub default_wait: Duration,
    /// The longest that `wait=committed` waits.
    pub max_wait: Duration,
    /// The longest that `min_height` waits.
    pub max_height_wait: Duration,
    /// How often an idle event stream shows that it is alive.
    pub keep_alive: Duration,
    /// Origins of other web pages that may read the API; `*` allows all. None unless configured.
    pub cors_origins: Vec<String>,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            max_calls: 8_192,
            max_streams: 256,
            max_reads: 32,
            max_body_bytes: 8 << 20,
            max_body_bytes_total: 64 << 20,
            max_transactions_per_call: 8_192,
            body_timeout: Duration::from_secs(20),
            default_wait: Duration::from_secs(10),
            max_wait: Duration::from_secs(60),
            max_height_wait: Duration::from_secs(10),
            keep_alive: Duration::from_secs(15),
            cors_origins: Vec::new(),
        }
    }
}

/// The operations listener.
#[derive(Clone, Copy, Debug, Default)]
pub struct OperationsConfig {
    /// Whether peers can be denied, as only a local network for trying things allows.
    pub localnet_controls: bool,
}

/// Items of a page unless the call says otherwise.
pub(crate) const DEFAULT_PAGE: usize = 25;

/// The most items of a page.
pub(crate) const MAX_PAGE: usize = 200;

/// The most transaction ids that a page of blocks carries; it ends early instead.
pub(crate) const MAX_IDS_PER_PAGE: usize = 20_000;

/// Transactions of a block that an event stream holds at a time.
pub(crate) const CHUNK: usize = 256;

/// Transactions of a block that are read at a time where only their ids are kept.
pub(crate) const ID_CHUNK: usize = 1_024;
