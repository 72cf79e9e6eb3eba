//! What must hold whatever happens, checked as it happens. Liars are not held to it.

use std::collections::{BTreeMap, BTreeSet};

use quorate_consensus::pbft::{Body as Pbft, Claims, PreparedClaim, View};
use quorate_consensus::{Body, Message};
use quorate_crypto::{Digest, Height, ValidatorIndex};
use quorate_ledger::Proposal;

use crate::ledger::KeptBlock;

/// The kinds of vote that bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    PrePrepare,
    Prepare,
    Commit,
}

/// The outside observer who sees everything.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    /// When each batch was submitted.
    submitted: BTreeMap<Digest, u64>,
    /// Transactions of blocks that somebody honest has certified.
    executed: BTreeSet<Digest>,
    /// Batches of such blocks.
    ordered: BTreeSet<Digest>,
    /// The longest that one took to be certified by somebody honest, in microseconds.
    longest_wait_us: u64,
    decided: BTreeMap<Height, Proposal>,
    blocks: BTreeMap<Height, Digest>,
    said: BTreeMap<(ValidatorIndex, Kind, View, Height), Digest>,
    seals: BTreeMap<(ValidatorIndex, Height), Digest>,
    /// What each validator has claimed in its view-changes.
    claimed: BTreeMap<ValidatorIndex, Vec<Claims>>,
    /// Whom honest validators have accused.
    accused: BTreeSet<ValidatorIndex>,
    /// The first rule that was broken.
    violation: Option<String>,
}

impl Checker {
    pub(crate) fn violation(&self) -> Option<&str> {
        self.violation.as_deref()
    }

    pub(crate) fn accused(&self) -> &BTreeSet<ValidatorIndex> {
        &self.accused
    }

    pub(crate) fn report(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    pub(crate) fn on_submitted(&mut self, batch: Digest, now: u64) {
        self.submitted.insert(batch, now);
    }

    pub(crate) fn longest_wait_us(&self) -> u64 {
        self.longest_wait_us
    }

    /// Agreement and validity.
    pub(crate) fn on_decided(&mut self, by: ValidatorIndex, height: Height, proposal: &Proposal) {
        let first = self.decided.entry(height).or_insert_with(|| proposal.clone());
        if first != proposal {
            self.report(format!(
                "agreement: validator {by} decided otherwise at height {height}"
            ));
        }
        if let Some(batch) = proposal
            .batches()
            .iter()
            .find(|batch| !self.submitted.contains_key(*batch))
        {
            let batch = batch.short();
            self.report(format!(
                "validity: height {height} has batch {batch}, which nobody submitted"
            ));
        }
    }

    /// One history.
    pub(crate) fn on_certified(&mut self, by: ValidatorIndex, block: &KeptBlock, now: u64) {
        let height = block.height();
        if !self.blocks.contains_key(&height) {
            self.on_first_certified(block, now);
        }
        let first = *self.blocks.entry(height).or_insert(block.hash);
        if first != block.hash {
            self.report(format!(
                "one history: validator {by} certified another block at height {height}"
            ));
        }
        self.on_decided(by, height, block.proposal());
    }

    /// Integrity: a block follows the one before it, and no transaction is executed twice.
    fn on_first_certified(&mut self, block: &KeptBlock, now: u64) {
        let height = block.height();
        let before = height.0.checked_sub(1).map(Height);
        let before = before.and_then(|before| self.blocks.get(&before).copied());
        let previous = block.block.header().previous;
        if before.is_some_and(|before| before != previous) {
            self.report(format!(
                "integrity: block {height} does not follow the one before it"
            ));
        }
        for id in &block.transactions {
            if !self.executed.insert(*id) {
                let id = id.short();
                self.report(format!(
                    "integrity: block {height} executes transaction {id} again"
                ));
            }
        }
        let fresh = block
            .proposal()
            .batches()
            .iter()
            .filter(|batch| self.ordered.insert(**batch));
        let first = fresh.filter_map(|batch| self.submitted.get(batch)).min();
        self.longest_wait_us = self.longest_wait_us.max(now - first.unwrap_or(&now));
    }

    /// Nobody honest is accused.
    pub(crate) fn on_accused(&mut self, by: ValidatorIndex, accused: ValidatorIndex, honest: bool) {
        self.accused.insert(accused);
        if honest {
            self.report(format!(
                "validator {by} accuses validator {accused}, which is honest"
            ));
        }
    }

    /// Nobody votes against its own past, whatever was lost in between.
    pub(crate) fn on_sent(&mut self, message: &Message) {
        let message = message.v1();
        let by = message.sender;
        match &message.body {
            Body::Status(_) | Body::Inquiry(_) | Body::Testimony(_) => {}
            Body::Seal { height, block } => {
                if *self.seals.entry((by, *height)).or_insert(*block) != *block {
                    self.report(format!("validator {by} sealed two blocks at height {height}"));
                }
            }
            Body::Pbft(body) => match body {
                Pbft::PrePrepare {
                    view,
                    height,
                    proposal,
                } => {
                    self.on_vote(by, Kind::PrePrepare, *view, *height, proposal.digest());
                }
                Pbft::Prepare {
                    view,
                    height,
                    proposal,
                } => {
                    self.on_vote(by, Kind::Prepare, *view, *height, *proposal);
                }
                Pbft::Commit {
                    view,
                    height,
                    proposal,
                } => {
                    self.on_vote(by, Kind::Commit, *view, *height, *proposal);
                }
                Pbft::Complaint { .. } | Pbft::NewView(_) => {}
                Pbft::ViewChange(change) => {
                    let claims = &change.claims;
                    let hidden = self.said.keys().find(|(who, kind, view, height)| {
                        *who == by && *kind == Kind::Commit && hides(claims, *view, *height)
                    });
                    if let Some((_, _, view, height)) = hidden {
                        let (view, height) = (*view, *height);
                        self.report(format!(
                            "validator {by} hides its commit of view {view}, height {height} in a view-change"
                        ));
                    }
                    let all = self.claimed.entry(by).or_default();
                    if !all.contains(claims) {
                        all.push(claims.clone());
                    }
                }
            },
        }
    }

    fn on_vote(&mut self, by: ValidatorIndex, kind: Kind, view: View, height: Height, digest: Digest) {
        let key = (by, kind, view, height);
        let known = self.said.contains_key(&key);
        if *self.said.entry(key).or_insert(digest) != digest {
            self.report(format!(
                "validator {by} contradicts its {kind:?} of view {view}, height {height}"
            ));
        }
        // A commit that was claimed and not sent may follow: nobody can have taken it for undone.
        let forbids = |claims: &Claims| match kind {
            Kind::Commit => hides(claims, view, height),
            Kind::PrePrepare | Kind::Prepare => claims.view > view,
        };
        if !known && self.claimed.get(&by).is_some_and(|all| all.iter().any(forbids)) {
            self.report(format!(
                "validator {by} says {kind:?} in view {view} at height {height}, after its view-change"
            ));
        }
    }
}

/// Whether these claims leave out what their sender committed in a view below theirs.
fn hides(claims: &Claims, view: View, height: Height) -> bool {
    let claimed = |claim: &PreparedClaim| claim.height == height && claim.view >= view;
    view < claims.view && height > claims.certified && !claims.prepared.iter().any(claimed)
}
