//! What the pool remembers of transactions that went without being executed, so that whoever asks is told.
//!
//! Bounds: [`MAX_ENDED`] of them, [`MAX_ENDED_BYTES`] in all.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use quorate_api::Skip;
use quorate_crypto::Digest;
use quorate_ledger::Place;

use super::{Pending, Submitted};

/// Transactions remembered that went without being executed, so that whoever asks is told.
const MAX_ENDED: usize = 10_000;
/// Bytes of these together.
const MAX_ENDED_BYTES: usize = 16 << 20;

/// How a pending transaction went without being executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The certified time is past its expiry.
    Expired,
    /// A certified block skipped it.
    Skipped(Skip),
}

/// Transactions that went without being executed, the latest ones.
#[derive(Debug, Default)]
pub(super) struct Memory {
    by_id: BTreeMap<Digest, (Arc<Submitted>, Ended)>,
    /// In the order in which they went, with their lengths.
    order: VecDeque<(Digest, usize)>,
    bytes: usize,
}

impl Memory {
    /// Remembers this one, and forgets the oldest ones beyond the bounds.
    pub(super) fn remember(&mut self, pending: Pending, ended: Ended) {
        let Pending {
            id,
            submitted,
            length,
            ..
        } = pending;
        if self.by_id.insert(id, (submitted, ended)).is_none() {
            self.order.push_back((id, length));
            self.bytes += length;
        }
        while self.order.len() > MAX_ENDED || self.bytes > MAX_ENDED_BYTES {
            let Some((oldest, length)) = self.order.pop_front() else {
                break;
            };
            self.by_id.remove(&oldest);
            self.bytes -= length;
        }
    }

    /// One that went a while ago, and how.
    pub(super) fn find(&self, id: &Digest) -> Option<(Arc<Submitted>, Ended)> {
        let (submitted, ended) = self.by_id.get(id)?;
        Some((Arc::clone(submitted), *ended))
    }

    /// The text at this place of this one is erased.
    pub(super) fn withhold(&mut self, id: &Digest, place: &Place) {
        if let Some((submitted, _)) = self.by_id.get_mut(id) {
            Arc::make_mut(submitted).withhold(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Load;
    use crate::pool::tests::admissible;

    #[test]
    fn few_of_those_that_went_are_remembered() {
        let mut memory = Memory::default();
        let long = admissible(1, 0, 100, &[1]);
        let submitted = Arc::new(Submitted::new((*long.submission).clone()));
        for number in 0..20_000_u32 {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&number.to_le_bytes());
            let pending = Pending {
                id: Digest(id),
                submitted: Arc::clone(&submitted),
                length: long.length,
                load: Load::of(&long.submission),
                packed: false,
            };
            memory.remember(pending, Ended::Expired);
        }
        assert_eq!((memory.by_id.len(), memory.order.len()), (MAX_ENDED, MAX_ENDED));
    }
}
