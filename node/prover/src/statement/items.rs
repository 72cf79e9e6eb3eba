//! The items of a statement, one block after the other: opened before the range, entries in it, one opened behind it,
//! and then passed over (`docs/formats.md`, section 17, Statement, numbers 3 to 6).

use std::collections::BTreeSet;

use quorate_crypto::Digest;
use quorate_ledger::{
    HistoryOwner, LoggedTransaction, Step, WAYPOINT_INTERVAL, balances_root, encode, history_hash,
};
use quorate_verifier::{Item, MAX_PROOF_BYTES};

use super::history::{History, Placed};
use super::{Found, StatementRequest};
use crate::balances::Balances;
use crate::error::{Failure, check_count};
use crate::shown::exhibits;
use crate::{Part, ProveError, Source, log};

/// Items so far, and where they lead.
pub(super) struct Items<'a, 'h, S> {
    history: &'a History<'h, S>,
    request: &'a StatementRequest,
    /// The history's hash with the last item.
    hash: Digest,
    balances: Balances,
    /// Whether the step that shows that the range has ended is opened.
    has_ended: bool,
    /// Bytes of what is shown.
    shown_bytes: usize,
    found: Found,
}

impl<'a, 'h, S: Source> Items<'a, 'h, S> {
    /// No items yet, from where the history has this hash and the owner these balances.
    pub(super) fn new(
        history: &'a History<'h, S>,
        request: &'a StatementRequest,
        hash: Digest,
        balances: Balances,
    ) -> Self {
        let mut assets: BTreeSet<_> = balances.items().iter().map(|item| item.asset).collect();
        if let HistoryOwner::Asset(code) = &request.owner {
            assets.insert(*code);
        }
        Self {
            history,
            request,
            hash,
            balances,
            has_ended: false,
            shown_bytes: 0,
            found: Found {
                items: Vec::new(),
                passes: false,
                assets,
                ids: Vec::new(),
            },
        }
    }

    /// Makes items of all these steps.
    pub(super) fn follow(&mut self, steps: &[Placed]) -> Result<(), Failure<S>> {
        let (from, to) = (self.request.from, self.request.to);
        // All steps of a block have its time.
        for block in steps.chunk_by(|one, other| one.height == other.height) {
            let time = block.first().map(|placed| placed.time);
            if time.is_some_and(|time| from <= time && time < to) {
                self.entries(block)?;
            } else {
                for placed in block {
                    self.bare(placed)?;
                }
            }
        }
        Ok(())
    }

    /// What was found, if it leads to step `last`: a waypoint, or the history's last one.
    pub(super) fn finish(self, last: u64) -> Result<Found, Failure<S>> {
        self.history.check(last, &self.hash)?;
        Ok(self.found)
    }

    /// A step outside the range: opened, or passed over.
    fn bare(&mut self, placed: &Placed) -> Result<(), Failure<S>> {
        let leaf = log::node(self.history.source(), 0, placed.row.ordinal)?;
        let (step, inner) = self.advance(placed, leaf)?;
        let item = if self.has_ended {
            self.found.passes = true;
            Item::Passed(inner)
        } else {
            self.has_ended = placed.time >= self.request.to;
            self.note(&step);
            Item::Opened(step)
        };
        self.found.items.push(item);
        Ok(())
    }

    /// The steps of a block in the range, with their transactions.
    fn entries(&mut self, block: &[Placed]) -> Result<(), Failure<S>> {
        let Some(first) = block.first() else {
            return Ok(());
        };
        let (height, source) = (first.height, self.history.source());
        let ordinals: Vec<u64> = block.iter().map(|placed| placed.row.ordinal).collect();
        let entries = log::entries(source, height, &ordinals)?;
        let logged: Vec<(u64, &LoggedTransaction)> = ordinals
            .iter()
            .zip(&entries)
            .filter_map(|(ordinal, entry)| log::transaction_of(entry).map(|logged| (*ordinal, logged)))
            .collect();
        if logged.len() != block.len() {
            // Histories grow by transactions alone.
            return Err(ProveError::damaged(Part::Entry, first.row.ordinal));
        }
        let exhibits = exhibits(source, height, &logged, |id| self.request.show_of(id))?;
        self.found.ids.extend(logged.iter().map(|(_, logged)| logged.id));
        for exhibit in &exhibits {
            self.shown_bytes = self.shown_bytes.saturating_add(encode(&exhibit.shown).len());
        }
        check_count::<S>("bytes", self.shown_bytes, MAX_PROOF_BYTES)?;
        let shown = exhibits.into_iter().map(|exhibit| exhibit.shown);
        for (placed, (entry, shown)) in block.iter().zip(entries.into_iter().zip(shown)) {
            let (step, _) = self.advance(placed, entry.leaf_hash())?;
            self.note(&step);
            self.found.items.push(Item::Entry { step, entry, shown });
        }
        Ok(())
    }

    /// The next step, with its inner hash.
    fn advance(&mut self, placed: &Placed, leaf: Digest) -> Result<(Step, Digest), Failure<S>> {
        if !self.balances.apply(&placed.row.changes) {
            return Err(ProveError::damaged(Part::Step, placed.number));
        }
        let is_waypoint = placed.number.is_multiple_of(WAYPOINT_INTERVAL);
        let root = is_waypoint.then(|| balances_root(&self.balances.items()));
        let step = History::<S>::step(placed, leaf, root);
        let inner = step.inner();
        self.hash = history_hash(&self.hash, &inner);
        Ok((step, inner))
    }

    fn note(&mut self, step: &Step) {
        let assets = step.changes.iter().map(|change| change.asset);
        self.found.assets.extend(assets);
    }
}
