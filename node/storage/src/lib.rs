//! The node's disk (`docs/formats.md`, section 20): two RocksDB instances in its home, and the lock on the
//! home.
//!
//! - **[`Chain`]** (`HOME/chain`): certified blocks with all that they left behind, and batches. A block,
//!   its certificate, its state, its texts and its indexes are one atomic write, made once the certificate is known.
//! - **[`Journal`]** (`HOME/journal`): what the replica must remember before it speaks. It is small and
//!   flushed on its own, so that votes never queue behind batches. What its records mean, consensus knows.
//!
//! # What a start does with the two
//!
//! Let `c` be the chain's tip, the last certified height that survived.
//!
//! 1. The chain is opened and checked: network, format, the tip's block and certificate, the hashes of the log and
//!    of headers, the root of the stored state ([`Chain::open`], [`Chain::load_state_tree`]). What fails stops the
//!    node and is left as it is.
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
//! # Texts
//!
//! Texts come with batches ([`Chain::write_copies`]) or later ([`Chain::write_texts`]), and are kept of executed
//! transactions alone. One that is not there is missing ([`Snapshot::missing_texts`]), unless the state says that
//! it is erased. A block that erases one replaces it by its leaf's hash in its own write, and
//! [`Chain::purge_erased`] gets its bytes out of files and logs. Of what a block skips, hashes are kept, so that its
//! batches' texts can be served on ([`Snapshot::batch_texts`]).
//!
//! # Proofs
//!
//! [`ProofSource`] is a [`Snapshot`] for `quorate-prover`.
//!
//! # Damage
//!
//! [`SelfCheck`] looks again at all that is on disk, a step at a time, while blocks are written.
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
mod check;
mod database;
mod durations;
mod error;
mod families;
mod home;
mod journal;
mod log;
mod meta;
mod proofs;
pub mod rows;
mod snapshot;
mod statistics;
mod tail;
pub mod tiles;
pub mod waypoint_nodes;

pub use chain::{Chain, Reader, UnorderedBatch};
pub use check::{Damage, Position, SelfCheck, Step};
pub use database::StorageOptions;
pub use durations::{BOUNDS_US, Durations, DurationsReading};
pub use error::StorageError;
pub use families::RecordPlace;
pub use home::{HomeError, HomeLock};
pub use journal::{Journal, Replay};
pub use meta::{FORMAT_VERSION, Memo};
pub use proofs::{ProofSource, StatePaths};
pub use snapshot::{ExecutedAt, HistoryItem, Location, MAX_PAGE, MissingText, RecordItem, Snapshot};
pub use statistics::Statistics;
