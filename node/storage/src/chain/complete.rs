//! Up to where no text is missing (`docs/formats.md`, section 20): who starts looks for missing ones above it alone.
//!
//! The entry `texts` of `meta` says it. It moves with a block's own write, if the block came with all of its texts and
//! is the next one, or once whoever looks for what is missing has found nothing below. A text that is here goes only by
//! its erasure, and then it is not missing: so the entry stays true.

use quorate_ledger::{Height, Tip, encode};
use rocksdb::WriteBatch;

use super::{Chain, decode_stored, hold};
use crate::StorageError;
use crate::database::{Database, DatabaseSnapshot};
use crate::families::{HeightRecord, TEXTS_KEY};
use crate::meta::META;

/// Which blocks have all of their texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Complete {
    /// Those up to there, as the database says.
    pub(super) up_to: Height,
    /// Those above this one, which are the last ones, came with all of them.
    may_lack: Height,
}

impl Complete {
    /// As of a start: of blocks above the entry nothing is known. A database of an earlier release has none.
    pub(super) fn load(view: &DatabaseSnapshot, tip: &Tip) -> Result<Self, StorageError> {
        let up_to = match view.get(META, TEXTS_KEY)? {
            Some(stored) => {
                let HeightRecord::V1(height) = decode_stored(view.database().path(), "meta", &stored)?;
                height.min(tip.height)
            }
            None => Height::GENESIS,
        };
        Ok(Self {
            up_to,
            may_lack: tip.height,
        })
    }

    /// Before height 1.
    pub(super) fn genesis() -> Self {
        Self {
            up_to: Height::GENESIS,
            may_lack: Height::GENESIS,
        }
    }

    /// After the next block, which came with all of its texts or not.
    pub(super) fn after_block(self, height: Height, has_all: bool) -> Self {
        let Self { up_to, may_lack } = self;
        Self {
            up_to: if has_all && up_to.next() == height {
                height
            } else {
                up_to
            },
            may_lack: if has_all { may_lack } else { height },
        }
    }

    /// After a look at all blocks up to a height that may have lacked some; none does any more.
    pub(super) fn after_look(self, height: Height, tip: Height) -> Self {
        let up_to = if height >= self.may_lack { tip } else { height };
        Self {
            up_to: self.up_to.max(up_to.min(tip)),
            ..self
        }
    }

    /// Whether texts of the block at this height may be missing.
    pub(super) fn may_lack(&self, height: Height) -> bool {
        self.up_to < height && height <= self.may_lack
    }

    /// Adds the entry to a write.
    pub(super) fn put(&self, database: &Database, write: &mut WriteBatch) {
        let record = encode(&HeightRecord::V1(self.up_to));
        write.put_cf(database.family(META), TEXTS_KEY, record);
    }
}

impl Chain {
    /// The height up to which no text of what blocks executed is missing here, as far as is known.
    pub fn complete_texts(&self) -> Height {
        hold(&self.complete).up_to
    }

    /// Whether texts of what the block at this height executed may be missing here: it came without some and nobody
    /// has noted since that they are here, or nothing is known of it since the start.
    pub fn may_lack_texts(&self, height: Height) -> bool {
        hold(&self.complete).may_lack(height)
    }

    /// Notes that no text is missing of the blocks up to this height. The caller has looked into all of them that may
    /// lack any ([`Chain::may_lack_texts`], [`Snapshot::missing_texts`](crate::Snapshot::missing_texts)). Durable only
    /// after the next [`Chain::sync`]: what a crash forgets is found out again.
    pub fn note_complete_texts(&self, height: Height) -> Result<(), StorageError> {
        let _no_block = hold(&self.block_writer);
        let before = *hold(&self.complete);
        let complete = before.after_look(height, self.stored().tip.height);
        if complete == before {
            return Ok(());
        }
        let mut batch = WriteBatch::default();
        complete.put(&self.database, &mut batch);
        self.database.write(batch)?;
        *hold(&self.complete) = complete;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heights(complete: Complete, tip: u64) -> (u64, Vec<u64>) {
        let lacking = (1..=tip).filter(|height| complete.may_lack(Height(*height)));
        (complete.up_to.0, lacking.collect())
    }

    #[test]
    fn it_moves_with_blocks_until_one_lacks_texts_and_then_with_what_is_found() {
        let mut complete = Complete::genesis();
        for (height, has_all) in [(1, true), (2, true), (3, false), (4, true), (5, false), (6, true)] {
            complete = complete.after_block(Height(height), has_all);
        }
        assert_eq!(heights(complete, 6), (2, vec![3, 4, 5]));
        // Block 3 has got what it lacked; 5 has not.
        let tip = Height(6);
        assert_eq!(heights(complete.after_look(Height(4), tip), 6), (4, vec![5]));
        // What came after 5 came with all.
        let complete = complete.after_look(Height(5), tip);
        assert_eq!(heights(complete, 6), (6, vec![]));
        let complete = complete.after_block(Height(7), true);
        assert_eq!(heights(complete, 7), (7, vec![]));
        assert_eq!(complete.after_look(Height(3), Height(7)), complete, "never down");
    }

    #[test]
    fn it_is_never_above_the_tip() {
        let complete = Complete::genesis().after_look(Height(9), Height(4));
        assert_eq!(complete.up_to, Height(4));
    }
}
