//! The node's disk: two RocksDB instances in its home, and the lock on the home.
//!
//! - **[`Chain`]** (`HOME/chain`): certified blocks with all that they left behind, and batches. A block,
//!   its certificate, its state and its indexes are one atomic write, made once the certificate is known.
//! - **[`Journal`]** (`HOME/journal`): what the replica must remember before it speaks. It is small and
//!   flushed on its own, so that votes never queue behind batches.
//!
//! # What a start does with the two
//!
//! Let `c` be the chain's tip, the last certified height that survived.
//!
//! 1. The chain is opened and checked: network, format, the tip's block and certificate, the root of the
//!    stored state ([`Chain::open`], [`Chain::load_state_tree`]). What fails stops the node and is left as it
//!    is.
//! 2. Every record of the journal is replayed into the engine, in order. Records about heights at or below `c`
//!    have done their work: they are ignored, and pruned.
//! 3. Records about heights above `c` give the replica back what it promised; heights that they decide are
//!    executed again, as execution before the certificate happens in memory only.
//!
//! So the journal must keep the records of a height until the height's block is durable: until
//! [`Chain::sync`] has returned that height or a higher one. A chain that is behind its journal is thus normal
//! after a crash; a journal that is new beside a chain that is not ([`Journal::is_new`]) has lost promises, and
//! its validator may only observe. So the chain keeps which journal goes with it ([`Memo::Journal`]), and both
//! keep whether the validator may vote ([`Memo::Quarantine`]).
//!
//! **Failures.** An error from any write or flush is final: the caller stops the node. What was written before
//! is whole, and what failed leaves at most a torn tail in the log, which the next start drops.
//!
//! ```
//! use quorate_ledger::Digest;
//! use quorate_storage::{Journal, StorageOptions};
//!
//! let home = tempfile::tempdir()?;
//! let network = Digest([7; 32]);
//! let journal = Journal::open(home.path().join("journal"), network, &StorageOptions::journal())?;
//! journal.append(&["prepare 1", "commit 1"])?;
//! journal.sync()?; // only now may the votes leave
//! let records: Result<Vec<_>, _> = journal.replay().collect();
//! assert_eq!(records?, [(1, b"prepare 1".to_vec()), (2, b"commit 1".to_vec())]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chain;
mod database;
mod durations;
mod error;
mod families;
mod histories;
mod home;
mod journal;
mod meta;
mod snapshot;
mod statistics;
mod tail;

pub use chain::{Chain, Reader, UnorderedBatch};
pub use database::StorageOptions;
pub use durations::{BOUNDS_US, Durations, DurationsReading};
pub use error::StorageError;
pub use families::RecordPlace;
pub use home::{HomeError, HomeLock};
pub use journal::{Journal, Replay};
pub use meta::{FORMAT_VERSION, Memo};
pub use snapshot::{ExecutedAt, HistoryItem, Location, MAX_PAGE, RecordItem, Snapshot};
pub use statistics::Statistics;
