//! Where the engine is, as the API and the metrics see it: written by the core, read by anyone.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use quorate_consensus::{Evidence, Rejection, Waiting};
use quorate_crypto::{Height, ValidatorIndex};
use quorate_ledger::Timestamp;

/// What the core shows of the engine.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// The view, term or ballot round.
    pub(crate) reign: u64,
    /// Who leads it.
    pub(crate) leader: ValidatorIndex,
    /// Whether the reign has begun here.
    pub(crate) begun: bool,
    /// Whether this validator votes in the epoch; else it may be in a reign that is long over.
    pub(crate) votes: bool,
    /// The engine's certified height.
    pub(crate) certified: Height,
    /// A quorum sealed another block than this node executed.
    pub(crate) diverged: bool,
    /// Whether this validator leads, stops, and waits for a successor.
    pub(crate) handing_over: bool,
    /// Proof of misbehaviour, a few pairs for each validator, kind and epoch.
    pub(crate) evidence: Vec<Arc<Evidence>>,
    /// What each height in flight waits for.
    pub(crate) waiting: Vec<Waiting>,
    /// Who has not told yet what this validator signed before its start; it votes once enough have.
    pub(crate) unanswered: Vec<ValidatorIndex>,
}

impl Standing {
    /// What the driver shows, and the evidence that is kept.
    pub(crate) fn new(of: quorate_driver::Standing, evidence: Vec<Arc<Evidence>>) -> Self {
        Self {
            reign: of.reign,
            leader: of.leader,
            begun: of.begun,
            votes: of.votes,
            certified: of.certified,
            diverged: of.diverged,
            handing_over: of.handing_over,
            evidence,
            waiting: of.waiting,
            unanswered: of.unanswered,
        }
    }
}

/// A [`Standing`] shared between threads.
#[derive(Debug)]
pub(crate) struct SharedStanding {
    current: Mutex<Arc<Standing>>,
    /// The engine has started: what is shown is its own.
    told: AtomicBool,
    rejections: AtomicU64,
    reigns_left: AtomicU64,
    stalled_since: Mutex<Option<Timestamp>>,
}

impl SharedStanding {
    /// Before the engine has started.
    pub(crate) fn new(certified: Height) -> Self {
        let current = Standing {
            reign: 0,
            leader: ValidatorIndex(0),
            begun: true,
            votes: true,
            certified,
            diverged: false,
            handing_over: false,
            evidence: Vec::new(),
            waiting: Vec::new(),
            unanswered: Vec::new(),
        };
        Self {
            current: Mutex::new(Arc::new(current)),
            told: AtomicBool::new(false),
            rejections: AtomicU64::new(0),
            reigns_left: AtomicU64::new(0),
            stalled_since: Mutex::default(),
        }
    }

    /// Who leads, if the reign has begun here.
    pub(crate) fn begun_leader(&self) -> Option<ValidatorIndex> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.begun.then_some(current.leader)
    }

    /// Replaces what is shown.
    pub(crate) fn set(&self, standing: Standing) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(standing);
        self.told.store(true, Ordering::Release);
    }

    /// What the engine has told; none before it has, as what is shown then is a guess.
    pub(crate) fn told(&self) -> Option<Arc<Standing>> {
        // In this order: what is got first may be the guess still.
        self.told.load(Ordering::Acquire).then(|| self.get())
    }

    /// What is shown.
    pub(crate) fn get(&self) -> Arc<Standing> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts an input that the engine rejected.
    pub(crate) fn count_rejection(&self, rejection: &Rejection) {
        if *rejection != Rejection::Duplicate {
            self.rejections.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn count_reign_left(&self) {
        self.reigns_left.fetch_add(1, Ordering::Relaxed);
    }

    /// Work waits, and nothing has been certified since then; `None`: it moves.
    pub(crate) fn set_stalled_since(&self, since: Option<Timestamp>) {
        *self.stalled_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Since when work has waited while nothing was certified, if an operator was told of it.
    pub(crate) fn stalled_since(&self) -> Option<Timestamp> {
        *self.stalled_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reigns left since the start.
    pub(crate) fn reigns_left(&self) -> u64 {
        self.reigns_left.load(Ordering::Relaxed)
    }

    /// Inputs rejected since the start, copies left out.
    pub(crate) fn rejections(&self) -> u64 {
        self.rejections.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_before_the_engine_has_started_is_not_told() {
        let shared = SharedStanding::new(Height(3));
        assert!(shared.told().is_none() && shared.get().votes);
        let mut standing = Standing::clone(&shared.get());
        standing.votes = false;
        shared.set(standing);
        assert!(shared.told().is_some_and(|told| !told.votes));
    }
}
