//! The check of a chain, block by block: every condition of `docs/formats.md`, section 8, by executing again what each
//! block ordered. It stands after the last block that was good, whatever came of the next.

use std::sync::Arc;

use quorate_crypto::{Committee, KnownKeys};
use quorate_ledger::{
    BatchTexts, BlockError, BlockInput, BlockRules, CertifiedBlock, CheckedBatch, Execution, Height,
    ParametersV1, Parent, StateError, check_header, execute,
};

use crate::look::{Depth, Looked, Rules, Seen, look, look_at};
use crate::part::{Boundary, Counts, Part};
use crate::{CertifiedState, Finding};

/// Clients' keys that are remembered as points: as many as a node remembers.
const KNOWN_KEYS: usize = 65_536;

/// What looks at blocks, on whatever core.
#[derive(Clone, Debug)]
pub(crate) struct Looker {
    pub(crate) rules: Arc<Rules>,
    keys: Arc<KnownKeys>,
    depth: Depth,
}

impl Looker {
    pub(crate) fn look(&self, bytes: &[u8]) -> Looked {
        look(bytes, &self.rules, &self.keys, self.depth)
    }

    pub(crate) fn look_at(&self, block: CertifiedBlock) -> Seen {
        look_at(block, &self.rules, &self.keys, self.depth)
    }
}

/// A block that is good, and what it did.
#[derive(Clone, Copy, Debug)]
pub struct Good<'a> {
    /// The block.
    pub block: &'a CertifiedBlock,
    /// Its batches, checked, in its order.
    pub batches: &'a [Arc<CheckedBatch>],
    /// What executing it changed.
    pub execution: &'a Execution,
    /// The parameters of its epoch.
    pub parameters: &'a ParametersV1,
}

impl Good<'_> {
    /// Its batches, each with what is at hand of its texts and fits it.
    pub fn copies(&self) -> Vec<(Arc<CheckedBatch>, Option<BatchTexts>)> {
        let texts = self.block.fitting_texts(self.parameters);
        let batches = self.batches.iter().map(Arc::clone);
        batches.zip(texts.into_iter().map(Option::<&_>::cloned)).collect()
    }
}

/// A check under way.
#[derive(Debug)]
pub struct Auditor {
    state: CertifiedState,
    looker: Looker,
    /// What held where it began.
    before: Boundary,
    counts: Counts,
}

impl Auditor {
    /// A check that begins with this state.
    pub fn new(state: CertifiedState, depth: Depth) -> Self {
        let rules = Arc::new(state.rules());
        Self {
            before: state.boundary(),
            counts: Counts::default(),
            looker: Looker {
                rules,
                keys: Arc::new(KnownKeys::new(KNOWN_KEYS)),
                depth,
            },
            state,
        }
    }

    /// A check that goes on where another ended with this part and this state; none if they are not of the same block.
    pub fn resume(part: &Part, state: CertifiedState, depth: Depth) -> Option<Self> {
        let mut auditor = Self::new(state, depth);
        if auditor.before != part.after {
            return None;
        }
        (auditor.before, auditor.counts) = (part.before, part.counts);
        Some(auditor)
    }

    /// The same check, which keeps nothing of the log that the next blocks' checks do not need: its state cannot be
    /// written.
    #[must_use]
    pub fn without_log(mut self) -> Self {
        self.state.forget_log();
        self
    }

    /// The last block that was good; 0 before the first.
    pub fn height(&self) -> Height {
        self.state.height()
    }

    /// The state after it.
    pub fn state(&self) -> &CertifiedState {
        &self.state
    }

    /// The state after it, and no check any more.
    pub fn into_state(self) -> CertifiedState {
        self.state
    }

    /// The committee that seals the next block.
    pub fn committee(&self) -> &Committee {
        &self.looker.rules.committee
    }

    /// How much was checked.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// What was found so far.
    pub fn part(&self) -> Part {
        let network = self.looker.rules.network;
        Part::new(network, self.before, self.state.boundary(), self.counts)
    }

    /// Checks the next block, on this thread and the cores of its pool.
    ///
    /// # Errors
    /// The first condition that does not hold; the check then stands where it stood.
    pub fn check(&mut self, bytes: &[u8]) -> Result<(), Finding> {
        self.take(self.looker.look(bytes), Looker::look_at, |_| ())
    }

    /// Checks a block as the next one, and hands it with what it did to `see` if it is good.
    ///
    /// # Errors
    /// As for [`Self::check`].
    pub fn check_seeing<T>(
        &mut self,
        block: CertifiedBlock,
        see: impl FnOnce(&Good<'_>) -> T,
    ) -> Result<T, Finding> {
        let seen = Looked::Seen(Box::new(self.looker.look_at(block)));
        self.take(seen, Looker::look_at, see)
    }

    /// Says whether these are the bytes of a good next block, and stays where it is.
    ///
    /// # Errors
    /// As for [`Self::check`].
    pub fn judge(&mut self, bytes: &[u8]) -> Result<(), Finding> {
        let seen = self.seen(self.looker.look(bytes), Looker::look_at)?;
        self.execute(&seen)?;
        self.state.tree.rollback_to(self.state.height());
        Ok(())
    }

    /// What looks at the next block, as far as its epoch is the one under way.
    pub(crate) fn looker(&self) -> &Looker {
        &self.looker
    }

    /// Takes the next block as it was looked at; where that was by the rules of another epoch, `look_again` does it
    /// by those of this one. If it is good, `see` is shown what it did.
    pub(crate) fn take<T>(
        &mut self,
        looked: Looked,
        look_again: impl FnOnce(&Looker, CertifiedBlock) -> Seen,
        see: impl FnOnce(&Good<'_>) -> T,
    ) -> Result<T, Finding> {
        let seen = self.seen(looked, look_again)?;
        let execution = self.execute(&seen)?;
        let mut counts = seen.counts;
        counts.executed = execution.transactions.len() as u64;
        self.counts.add(&counts);
        let shown = see(&Good {
            block: &seen.block,
            batches: seen.batches.as_deref().unwrap_or_default(),
            execution: &execution,
            parameters: self.looker.rules.parameters.v1(),
        });
        self.state.advance(execution, &seen.block.v1().certificate);
        if self.state.tip.epoch != self.looker.rules.committee.epoch() {
            self.looker.rules = Arc::new(self.state.rules());
        }
        Ok(shown)
    }

    /// A block that was looked at by the rules of the epoch under way.
    fn seen(
        &self,
        looked: Looked,
        look_again: impl FnOnce(&Looker, CertifiedBlock) -> Seen,
    ) -> Result<Seen, Finding> {
        let unreadable = |error| Finding {
            height: self.state.height().next(),
            place: "the block".to_owned(),
            code: "encoding",
            reason: None,
            words: format!("its bytes are not a block: {error}"),
            sealed: None,
        };
        match looked {
            Looked::Unreadable(error) => Err(unreadable(error)),
            Looked::Seen(seen) if seen.epoch == self.looker.rules.committee.epoch() => Ok(*seen),
            Looked::Seen(seen) => Ok(look_again(&self.looker, seen.block)),
            Looked::OfAnotherEpoch { block, length } => {
                let rules = &self.looker.rules;
                rules.check_length(&block, length).map_err(unreadable)?;
                Ok(look_again(&self.looker, *block))
            }
        }
    }

    /// Executes a block that holds all that can be seen before. The tree is then at its height if it is good, and where
    /// it was if not.
    fn execute(&mut self, seen: &Seen) -> Result<Execution, Finding> {
        let (height, certified) = (self.state.height(), seen.certificate.is_ok());
        let next = height.next();
        let refuse = |error: &BlockError| Err(Finding::of_block(next, &seen.block, error, certified));
        if seen.block.v1().block.v1().recovery.is_some() {
            return Err(Finding {
                height: next,
                place: "the recovery".to_owned(),
                code: "recovery",
                reason: None,
                words: "a block of protocol 1 begins with no recovery".to_owned(),
                // No hash covers that it has one.
                sealed: Some(false),
            });
        }
        if let Err(error) = self.check_header(&seen.block) {
            return refuse(&error);
        }
        let batches = match &seen.batches {
            Ok(batches) => batches,
            Err(error) => return refuse(error),
        };
        let CertifiedState {
            tip, values, tree, ..
        } = &mut self.state;
        let input = BlockInput {
            tip: &*tip,
            proposal: &seen.block.v1().block.v1().proposal,
            batches,
            parameters: self.looker.rules.parameters.v1(),
        };
        let execution = match execute(&input, &*values, tree) {
            Ok(execution) => execution,
            Err(StateError::Read(never)) => match never {},
            Err(StateError::Damaged { key }) => {
                return Err(Finding {
                    height: next,
                    place: format!("the state before it, key {key}"),
                    code: "state",
                    reason: None,
                    words: "what a quorum certified under this key is no value that may be there".to_owned(),
                    sealed: Some(certified),
                });
            }
        };
        let verdict = seen.block.v1().block.check_execution(&execution.block);
        match verdict.and_then(|()| seen.certificate.clone()) {
            Ok(()) => Ok(execution),
            Err(error) => {
                self.state.tree.rollback_to(height);
                match error {
                    BlockError::Executed => Err(Finding::of_outcomes(
                        next,
                        &seen.block,
                        &execution.block,
                        certified,
                    )),
                    error => refuse(&error),
                }
            }
        }
    }

    /// Checks conditions 1 to 5.
    fn check_header(&self, block: &CertifiedBlock) -> Result<(), BlockError> {
        let tip = &self.state.tip;
        let Rules {
            network,
            committee,
            parameters,
        } = &*self.looker.rules;
        let rules = BlockRules {
            network,
            parent: Parent {
                height: tip.height,
                hash: tip.block_hash,
                timestamp: tip.timestamp,
                // It is the one that the header before names: that was checked when that block was executed, or with
                // the state that the check began with.
                next_committee: committee.digest(),
                chain: &tip.chain,
                log: &tip.log,
            },
            committee,
            parameters: parameters.v1(),
            planned: None,
            next_committee: None,
        };
        check_header(block, &rules)
    }
}
