//! The epoch under way, as every thread sees it.
//!
//! The executor moves it on, in the moment in which the last block of an epoch is written; the core then
//! starts an engine for the next one. The former committee is kept until the new epoch has a block, as its
//! engine goes on answering for so long.

use std::sync::{Arc, PoisonError, RwLock};

use quorate_crypto::{Committee, Epoch};
use quorate_ledger::Agreement;

/// The epoch under way.
#[derive(Clone, Debug)]
pub(crate) struct EpochInfo {
    /// Who agrees in it.
    pub(crate) committee: Committee,
    /// Who agreed in the epoch before, while that is of use.
    pub(crate) former: Option<Committee>,
}

impl EpochInfo {
    /// Which.
    pub(crate) fn epoch(&self) -> Epoch {
        self.committee.epoch()
    }

    /// The committee of a message of `epoch`, if it is one whose messages matter.
    pub(crate) fn committee_of(&self, epoch: Epoch) -> Option<&Committee> {
        [Some(&self.committee), self.former.as_ref()]
            .into_iter()
            .flatten()
            .find(|committee| committee.epoch() == epoch)
    }
}

impl From<&Agreement> for EpochInfo {
    fn from(agreement: &Agreement) -> Self {
        Self {
            committee: agreement.committee(),
            former: None,
        }
    }
}

/// The epoch under way, shared.
#[derive(Clone, Debug)]
pub(crate) struct SharedEpoch {
    current: Arc<RwLock<Arc<EpochInfo>>>,
}

impl SharedEpoch {
    /// The epoch that the stored chain is in.
    pub(crate) fn new(agreement: &Agreement) -> Self {
        Self {
            current: Arc::new(RwLock::new(Arc::new(agreement.into()))),
        }
    }

    /// The epoch under way.
    pub(crate) fn get(&self) -> Arc<EpochInfo> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A block was written after which this holds; true if a new epoch begins with it.
    pub(crate) fn follow(&self, agreement: &Agreement) -> bool {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = EpochInfo::from(agreement);
        let begins = next.epoch() != current.epoch();
        next.former = if begins {
            Some(current.committee.clone())
        } else {
            current.former.clone()
        };
        *current = Arc::new(next);
        begins
    }

    /// The epoch under way has a certified block: the former one is over.
    pub(crate) fn forget_former(&self) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.former.is_some() {
            let mut next = (**current).clone();
            next.former = None;
            *current = Arc::new(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use quorate_crypto::Height;
    use quorate_ledger::{NextEpoch, ParametersV1};

    use super::*;
    use crate::testing;

    #[test]
    fn the_former_committee_is_known_until_the_new_epoch_has_a_block() {
        let lead = ParametersV1::default().max_expiry_lead_ms;
        let first = Agreement::genesis(testing::committee(Epoch(0), 1), lead);
        let shared = SharedEpoch::new(&first);
        let mut ending = first.clone();
        ending.fix_end(Height(3), 2);
        assert!(!shared.follow(&ending));
        let mut next = ending;
        let seats = first.committee();
        next.begin_next(
            Height(5),
            NextEpoch {
                engine: seats.engine(),
                protocol: seats.protocol_version(),
                seats: seats.seats().to_vec(),
                max_expiry_lead_ms: lead,
            },
        );
        assert!(shared.follow(&next));
        let info = shared.get();
        assert_eq!(info.epoch(), Epoch(1));
        assert_eq!(info.committee_of(Epoch(0)), Some(&first.committee()));
        assert_eq!(info.committee_of(Epoch(2)), None);
        shared.forget_former();
        assert_eq!(shared.get().committee_of(Epoch(0)), None);
        assert_eq!(shared.get().committee_of(Epoch(1)), Some(&next.committee()));
    }
}
