//! Bounds of the API. Each has a name here and nowhere a second meaning.

use std::time::Duration;

/// How much of something there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// For all clients together.
    pub all: usize,
    /// For each address.
    pub each: usize,
}

impl Bound {
    /// So much for all, and for each address.
    pub const fn of(all: usize, each: usize) -> Self {
        Self { all, each }
    }
}

/// The client API and the explorer.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Calls that may be under way at once, waiting ones included; with a large answer until it has left.
    pub max_calls: Bound,
    /// Event streams that may be open at once.
    pub max_streams: Bound,
    /// Reads of the chain that may run at once; further ones wait for their turn.
    pub max_reads: Bound,
    /// Proofs that may be made at once; further ones wait for their turn. Each has a turn at reads, too.
    pub max_proofs: Bound,
    /// Blocks that may be read as bytes at once, each up to 16 MiB; further ones wait for their turn. Each has a turn at
    /// reads, too.
    pub max_blocks: Bound,
    /// Bytes of a proof's file.
    pub max_proof_bytes: usize,
    /// Pieces of calls with transactions that are checked at once; further ones wait for their turn.
    pub max_admissions: Bound,
    /// Bytes of one request's body.
    pub max_body_bytes: usize,
    /// Bytes of bodies that are being received or held at once.
    pub max_body_bytes_total: Bound,
    /// Bytes of answers that have not left yet.
    pub max_answer_bytes_total: Bound,
    /// Transactions in one submission.
    pub max_transactions_per_call: usize,
    /// How long a client may take to send its body.
    pub body_timeout: Duration,
    /// How long it may send nothing of it.
    pub body_pause: Duration,
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
    /// Names that callers may use besides IP addresses and localhost, in small letters. None: any name.
    pub hosts: Option<Vec<String>>,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            max_calls: Bound::of(8_192, 2_048),
            max_streams: Bound::of(256, 64),
            max_reads: Bound::of(32, 4),
            max_proofs: Bound::of(4, 1),
            max_blocks: Bound::of(8, 4),
            max_proof_bytes: 32 << 20,
            max_admissions: Bound::of(8, 2),
            max_body_bytes: 8 << 20,
            max_body_bytes_total: Bound::of(64 << 20, 16 << 20),
            max_answer_bytes_total: Bound::of(128 << 20, 48 << 20),
            max_transactions_per_call: 8_192,
            body_timeout: Duration::from_secs(20),
            body_pause: Duration::from_secs(5),
            default_wait: Duration::from_secs(10),
            max_wait: Duration::from_secs(60),
            max_height_wait: Duration::from_secs(10),
            keep_alive: Duration::from_secs(15),
            cors_origins: Vec::new(),
            hosts: None,
        }
    }
}

/// The operations listener.
#[derive(Clone, Copy, Debug, Default)]
pub struct OperationsConfig {
    /// Whether peers can be denied, as only a local network for trying things allows.
    pub localnet_controls: bool,
    /// Whether it listens on loopback alone: then it has no name but localhost.
    pub loopback: bool,
}

/// Items of a page unless the call says otherwise.
pub(crate) const DEFAULT_PAGE: usize = 25;

/// The most items of a page.
pub(crate) const MAX_PAGE: usize = 200;

/// The most transaction ids that a page of blocks carries; it ends early instead.
pub(crate) const MAX_IDS_PER_PAGE: usize = 20_000;

/// Transactions of a call that are checked in one turn: as many as a group of signature checks has at most.
pub(crate) const ADMISSION_PIECE: usize = 1_024;

/// A piece in which a signature does not fit keeps its turn from its own client for so many times as long as its check
/// took: a bad signature costs the node more than its sender, as it spoils the check of those beside it.
pub(crate) const BAD_SIGNATURE_COST: u32 = 20;

/// The longest that it does, as a check may have waited for a busy machine.
pub(crate) const MAX_BAD_SIGNATURE_COST: Duration = Duration::from_secs(5);

/// Transactions of a block that an event stream reads at a time, and of which it holds the events until they have
/// left: with the longest transactions about two MiB.
pub(crate) const CHUNK: usize = 16;

/// Transactions of a block that are read at a time where only their ids are kept.
pub(crate) const ID_CHUNK: usize = 1_024;

/// Transactions of a block that are read at a time where all of what they say is looked at.
pub(crate) const LOOK_CHUNK: usize = 64;

/// Transactions that one call looks at for a list with a filter; it goes on with the next call.
pub(crate) const MAX_LOOKED_AT: usize = 4_096;

/// Entries of an account's history that one call looks at. Each may lie in a block of its own.
pub(crate) const MAX_ENTRIES_LOOKED_AT: usize = 512;

/// Blocks that one call looks into.
pub(crate) const MAX_BLOCKS_LOOKED_AT: usize = 1_024;

/// Holders of an asset that one page looks at, to count them and find the largest; there may be more.
pub(crate) const MAX_HOLDERS_LOOKED_AT: usize = 1_000;

/// Rows of a file whose list is read by its keys.
pub(crate) const MAX_FILE_ROWS: usize = 1_000;

/// A page of transactions ends once they are about so long, in bytes of JSON.
pub(crate) const MAX_PAGE_BYTES: usize = 4 << 20;
