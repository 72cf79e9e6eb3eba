//! How many bytes blocks have with their batches. To know it a block is read as a whole, so each is read once, and a
//! call reads only so much.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use quorate_ledger::Height;

use crate::node::{Fault, Snapshot};

/// Blocks of which it is kept: the highest ones.
const KEPT: usize = 64;

/// Bytes after which a call reads no further block. What it has not read a later call does.
const READ_AT_ONCE: usize = 8 << 20;

/// Bytes of blocks by height. A certified block never changes.
#[derive(Debug, Default)]
pub(crate) struct Sizes(Mutex<BTreeMap<Height, u64>>);

impl Sizes {
    /// The bytes of these blocks, of which the newest comes first; those that are not known yet are left out.
    pub(crate) fn of(
        &self,
        snapshot: &dyn Snapshot,
        newest_first: impl Iterator<Item = Height>,
    ) -> Result<BTreeMap<Height, u64>, Fault> {
        let known = self.kept();
        let (mut sizes, mut read) = (BTreeMap::new(), 0_usize);
        for height in newest_first {
            if let Some(size) = known.get(&height) {
                sizes.insert(height, *size);
            } else if read < READ_AT_ONCE
                && let Some(bytes) = snapshot.certified_block(height)?
            {
                read = read.saturating_add(bytes.len());
                sizes.insert(height, bytes.len() as u64);
            }
        }
        self.keep(&sizes);
        Ok(sizes)
    }

    fn kept(&self) -> BTreeMap<Height, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, sizes: &BTreeMap<Height, u64>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(sizes);
        while kept.len() > KEPT {
            kept.pop_first();
        }
    }
}
