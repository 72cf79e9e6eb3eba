//! What the pool remembers of transactions that went without being executed, so that whoever asks is told.
//!
//! Bounds: [`MAX_ENDED`] of them, [`MAX_ENDED_BYTES`] in all.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use quorate_api::Skip;
use quorate_crypto::Digest;
use quorate_ledger::Submission;

use super::Pending;

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
    by_id: BTreeMap<Digest, (Arc<Submission>, Ended)>,
    /// In the order in which they went, with their lengths.
    order: VecDeque<(Digest, usize)>,
    bytes: usize,
}

impl Memory {
    /// Remembers this one, and forgets the oldest ones beyond the bounds.
    pub(super) fn remember(&mut self, pending: Pending, ended: Ended) {
        let Pending {
            id,
            submission,
            length,
            is_erased,
            ..
        } = pending;
        let submission = if is_erased {
            without_texts(&submission)
        } else {
            submission
        };
        if self.by_id.insert(id, (submission, ended)).is_none() {
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

    /// One that went a while ago, and how; without any texts once one was erased.
    pub(super) fn find(&self, id: &Digest) -> Option<(Arc<Submission>, Ended)> {
        let (submission, ended) = self.by_id.get(id)?;
        Some((Arc::clone(submission), *ended))
    }

    /// The texts of this one are not remembered any more.
    pub(super) fn forget_texts(&mut self, id: &Digest) {
        if let Some((submission, _)) = self.by_id.get_mut(id) {
            *submission = without_texts(submission);
        }
    }
}

/// A transaction of which the texts are forgotten.
fn without_texts(submission: &Submission) -> Arc<Submission> {
    Arc::new(Submission::new(submission.transaction().clone(), Vec::new()))
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
        for number in 0..20_000_u32 {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&number.to_le_bytes());
            let pending = Pending {
                id: Digest(id),
                submission: Arc::clone(&long.submission),
                length: long.length,
                load: Load::of(&long.submission),
                packed: false,
                is_erased: false,
            };
            memory.remember(pending, Ended::Expired);
        }
        assert_eq!((memory.by_id.len(), memory.order.len()), (MAX_ENDED, MAX_ENDED));
    }
}
