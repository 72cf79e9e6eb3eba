//! Looking again, while the node runs, at all that the chain has on disk, so that damage is found before somebody needs
//! what is damaged.
//!
//! A *pass* begins at block 1 and ends with the state; then another one can begin.
//!
//! 1. **Blocks** up to the tip as it was when the pass began, each with all that hangs on it: the header follows from
//!    the one before, the certificate is a quorum's, the batches are those of the proposal and have their authors'
//!    signatures, what there is of texts fits the transactions, the log's root follows from the leaves, and the rows of
//!    the log, of histories and of tiles say what the block does.
//! 2. **Rows of the indexes**, family by family. RocksDB compares each block of a file with its checksum.
//! 3. **The state**, a piece at a time: its leaves and the way to the root, which the state tree in memory knows, give
//!    the root in the newest header.
//!
//! A step looks at one block, or at 256 KiB, on a snapshot of its own that is gone when it returns. So nothing old is
//! kept from being compacted or purged, blocks are written meanwhile, and what a block erases or replaces is seen
//! either before or after it. What is missing on purpose is no damage: a text that is erased has its leaf's hash, one
//! that never came has nothing, and a batch that no block names can go at any time.
//!
//! **What is not seen.** What RocksDB's cache holds is not read from the file; the system's cache may answer for the
//! disk. Neither lasts: a later pass, or a start, reads the file. Bloom filters are read only when they are asked.

use quorate_crypto::{Committee, Epoch};
use quorate_ledger::{BlockError, ContentsError, Height, Parameters, StateKey, Timestamp};
use serde::{Deserialize, Serialize};

use crate::chain::Lists;
use crate::database::{Family, Order};
use crate::families::{
    ASSETS, BATCH_TEXTS, EPOCHS, HASHES, HOLDERS, ORDERED, ORDINALS, RECORDS, TRANSACTIONS, UNORDERED,
    WAYPOINT_NODES, WAYPOINTS,
};
use crate::meta::META;
use crate::proofs::StatePaths;
use crate::{Chain, Snapshot, StorageError};

mod blocks;
mod state;

/// Bytes of rows that a step looks at, and one row more.
const STEP_BYTES: usize = 256 << 10;

/// What one look-up of a row costs the disk about, in bytes: a block of a file.
const LOOKUP_BYTES: u64 = 4 << 10;

/// The families whose rows are read one after the other; those of all others are read with their block, or with the
/// state.
const INDEXES: [Family; 13] = [
    META,
    EPOCHS,
    ASSETS,
    HASHES,
    ORDINALS,
    TRANSACTIONS,
    ORDERED,
    UNORDERED,
    BATCH_TEXTS,
    HOLDERS,
    RECORDS,
    WAYPOINTS,
    WAYPOINT_NODES,
];

/// How far a pass has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Position {
    /// At its beginning.
    #[default]
    Start,
    /// Among blocks.
    Blocks {
        /// The block to look at next.
        next: Height,
        /// The last one of this pass.
        last: Height,
    },
    /// Among the rows of an index.
    Rows {
        /// The index's number.
        index: u8,
        /// The key looked at last; empty at the index's beginning.
        after: Vec<u8>,
    },
    /// In the state.
    State {
        /// The first key to look at next.
        from: StateKey,
    },
}

/// Something that is not as it was written, or cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// What it is, such as `block 17`; the same in each pass.
    pub place: String,
    /// The block's height, if it is a block.
    pub height: Option<Height>,
    /// What is wrong with it, and the row or the file, as far as RocksDB says.
    pub reason: String,
}

/// What a step looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Bytes of rows read.
    pub bytes: u64,
    /// What reading them cost the disk about, in bytes: a row that is looked up costs a block of its file.
    pub cost: u64,
    /// What is wrong, if anything is.
    pub damage: Option<Damage>,
    /// Whether the pass has ended with it. The next step begins another one.
    pub ended: bool,
}

/// What keeps a row, or a block, from being good.
#[derive(Debug, thiserror::Error)]
enum Flaw {
    #[error("{}", reason_of(.0))]
    Read(#[from] StorageError),
    #[error("{0}")]
    Block(#[from] BlockError),
    #[error("{0}")]
    Contents(#[from] ContentsError),
    /// The lists made from what is stored do not lead to the block.
    #[error("{0}")]
    Tiles(BlockError),
    #[error("{0}")]
    Other(String),
}

/// Without what to do about it, which is said once for all.
fn reason_of(error: &StorageError) -> String {
    match error {
        StorageError::Corrupted { reason, .. } => reason.clone(),
        other => other.to_string(),
    }
}

/// Looks at a chain again and again, a step at a time.
#[derive(Debug)]
pub struct SelfCheck {
    /// The genesis document's, which the first block comes after.
    start: Timestamp,
    parameters: Parameters,
    position: Position,
    /// The lists of the log's leaves and of headers, as of the block before the next one; none where what is stored did
    /// not give them. 64 KiB each at most.
    lists: Option<Lists>,
    /// Whether to try to make these from what is stored.
    may_load: bool,
    /// The committee that sealed the last block.
    committee: Option<(Epoch, Committee)>,
}

impl SelfCheck {
    /// Goes on at a position, on a chain whose genesis has this time and these parameters.
    pub fn at(position: Position, start: Timestamp, parameters: Parameters) -> Self {
        Self {
            start,
            parameters,
            position,
            lists: None,
            may_load: true,
            committee: None,
        }
    }

    /// Where the next step begins.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// Takes a step. `tree` is the tree of the newest state; while that is further than the chain, a step can look at
    /// nothing.
    pub fn step(&mut self, chain: &Chain, tree: &impl StatePaths) -> Step {
        let snapshot = match chain.snapshot_past_cache() {
            Ok(snapshot) => snapshot,
            Err(error) => {
                self.position = Position::Start;
                return Step {
                    damage: Some(damage("the tip of the chain", None, &Flaw::Read(error))),
                    ended: true,
                    ..Step::default()
                };
            }
        };
        match self.position.clone() {
            Position::Start => {
                (self.lists, self.may_load) = (Some(Lists::default()), false);
                let last = snapshot.height();
                self.position = Position::Blocks {
                    next: Height(1),
                    last,
                };
                Step::default()
            }
            Position::Blocks { next, last } if next > last.min(snapshot.height()) => {
                self.lists = None;
                self.position = Position::Rows {
                    index: 0,
                    after: Vec::new(),
                };
                Step::default()
            }
            Position::Blocks { next, last } => {
                let mut step = Step::default();
                if let Err(flaw) = self.look_at_block(&snapshot, next, &mut step) {
                    step.damage = Some(self.of_block(next, &flaw));
                }
                self.position = Position::Blocks {
                    next: next.next(),
                    last,
                };
                step
            }
            Position::Rows { index, after } => self.look_at_rows(&snapshot, index, after),
            Position::State { from } => self.look_at_state(&snapshot, tree, from),
        }
    }

    /// What is wrong with a block, or with the tiles before it.
    fn of_block(&mut self, height: Height, flaw: &Flaw) -> Damage {
        if let Flaw::Tiles(_) = flaw {
            return damage(&format!("tiles before block {height}"), None, flaw);
        }
        // What is wrong may not concern them.
        self.may_load = true;
        damage(&format!("block {height}"), Some(height), flaw)
    }

    /// Looks at rows behind a key. After damage the rest of the index is left to the next pass: where it goes on, only
    /// the damaged file knew.
    fn look_at_rows(&mut self, snapshot: &Snapshot, index: u8, after: Vec<u8>) -> Step {
        let Some(family) = INDEXES.get(usize::from(index)) else {
            self.position = Position::State {
                from: StateKey([0; 32]),
            };
            return Step::default();
        };
        let mut lower = after;
        if !lower.is_empty() {
            lower.push(0);
        }
        let mut step = Step::default();
        let mut last = None;
        let mut read = 0_usize;
        for entry in snapshot.view().range(*family, lower, None, Order::Ascending) {
            if read >= STEP_BYTES {
                break;
            }
            match entry {
                Ok((key, value)) => {
                    read = read.saturating_add(key.len() + value.len());
                    last = Some((key.into_vec(), read >= STEP_BYTES));
                }
                Err(error) => {
                    let place = format!("the index `{}`", family.name);
                    step.damage = Some(damage(&place, None, &Flaw::Read(error)));
                    last = None;
                    break;
                }
            }
        }
        step.bytes = read as u64;
        step.cost = step.bytes.saturating_add(LOOKUP_BYTES);
        self.position = match last {
            Some((after, true)) => Position::Rows { index, after },
            _ => Position::Rows {
                index: index.saturating_add(1),
                after: Vec::new(),
            },
        };
        step
    }

    fn look_at_state(&mut self, snapshot: &Snapshot, tree: &impl StatePaths, from: StateKey) -> Step {
        let mut step = Step::default();
        let (looked, next) = state::look_at_piece(snapshot, tree, from, &mut step);
        // Not by the key: pieces are cut anew in each pass.
        step.damage = looked.err().map(|flaw| damage("the state", None, &flaw));
        step.ended = next.is_none();
        self.position = next.map_or(Position::Start, |from| Position::State { from });
        step
    }
}

fn damage(place: &str, height: Option<Height>, flaw: &Flaw) -> Damage {
    Damage {
        place: place.to_owned(),
        height,
        reason: flaw.to_string(),
    }
}
