//! What can be seen of a replica from outside: for status, debugging and the simulator.

use quorate_crypto::{Digest, Height, ValidatorIndex};

use super::base::{Awaited, Base, Halted, Waiting};
use super::finality::Finality;
use super::orderer::Orderer;
use super::reign::Reign;
use super::replica::Replica;
use crate::contract::{Input, MAX_WINDOW, Now, Step};
use crate::message::Body;

/// What is asked about a replica, whichever protocol it has.
pub(crate) trait Shown {
    fn base(&self) -> &Base;
    fn reign(&self) -> Reign;
    fn unanswered(&self) -> Vec<ValidatorIndex>;
    fn window_occupancy(&self) -> (usize, usize);
    fn vouched(&self, body: &Body) -> Vec<Digest>;
    fn waiting(&self) -> Vec<Waiting>;
    fn is_handing_over(&self) -> bool;
    fn check_invariants(&self);
}

/// What is done with it.
pub(crate) trait Stepped {
    fn step(&mut self, now: Now, input: Input) -> Step;
    /// Makes again what its encoding leaves out.
    fn complete(&mut self);
}

impl<E: Orderer> Shown for Replica<E> {
    fn base(&self) -> &Base {
        &self.base
    }

    fn reign(&self) -> Reign {
        self.orderer.reign(&self.base)
    }

    fn unanswered(&self) -> Vec<ValidatorIndex> {
        self.unanswered()
    }

    fn window_occupancy(&self) -> (usize, usize) {
        self.window_occupancy()
    }

    fn vouched(&self, body: &Body) -> Vec<Digest> {
        self.vouched(body)
    }

    fn waiting(&self) -> Vec<Waiting> {
        self.waiting()
    }

    fn is_handing_over(&self) -> bool {
        self.orderer.is_handing_over()
    }

    fn check_invariants(&self) {
        self.check_invariants();
    }
}

impl<E: Orderer> Stepped for Replica<E> {
    fn step(&mut self, now: Now, input: Input) -> Step {
        self.step(now, input)
    }

    fn complete(&mut self) {
        self.base.backlog.complete();
    }
}

impl<E: Orderer> Replica<E> {
    /// Whether the reign has begun here: its leader is known, and may be followed.
    pub fn has_begun(&self) -> bool {
        self.orderer.reign(&self.base).begun
    }

    /// The last height certified here.
    pub fn certified(&self) -> Height {
        self.base.certified
    }

    /// Whose answers are still to come before this replica votes; empty once it does.
    pub fn unanswered(&self) -> Vec<ValidatorIndex> {
        self.asked_and_silent()
    }

    /// Why this replica votes no more, if so.
    pub fn halted(&self) -> Option<Halted> {
        self.base.halted
    }

    /// How many heights of the window are in use, and how many it has.
    pub fn window_occupancy(&self) -> (usize, usize) {
        let used = self.base.finalities.range(..=self.base.high_watermark()).count();
        (used, usize::try_from(self.base.window).unwrap_or(MAX_WINDOW))
    }

    /// How many batches wait to be ordered.
    pub fn unordered_batches(&self) -> usize {
        self.base.backlog.len()
    }

    /// The batches that saying this vouches for: the driver gives it back when they are durable.
    pub fn vouched(&self, body: &Body) -> Vec<Digest> {
        self.orderer.vouched(&self.base, body)
    }

    /// For each height in flight, what it is waiting for and from whom.
    pub fn waiting(&self) -> Vec<Waiting> {
        let open = self.base.finalities.range(..=self.base.high_watermark());
        open.map(|(height, finality)| {
            let (awaited, missing) = self.waits_at(*height, finality);
            Waiting {
                height: *height,
                awaited,
                missing,
            }
        })
        .collect()
    }

    fn waits_at(&self, height: Height, finality: &Finality) -> (Awaited, Vec<ValidatorIndex>) {
        if finality.executed.is_some() {
            let all = self.base.config.committee.indices();
            let missing = all.filter(|validator| !finality.seals.contains_key(validator));
            (Awaited::Seals, missing.collect())
        } else if finality.decided.is_some() {
            (Awaited::Execution, self.base.config.index.into_iter().collect())
        } else {
            self.orderer.waits_for(&self.base, height, finality)
        }
    }

    /// Asserts what must hold between any two steps.
    ///
    /// # Panics
    /// If it does not.
    pub fn check_invariants(&self) {
        self.base.check_invariants();
        self.orderer.check_invariants(&self.base);
    }
}
