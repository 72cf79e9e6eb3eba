//! A chain that is executed again, block by block, on a state in memory, as an audit of it does (`quorate-audit`): each
//! block must be the next one, have a good certificate, and come out as it was certified.
//!
//! Clients' signatures are not checked: a quorum that sealed the block has, and an audit of the whole chain does.

use quorate_audit::{Auditor, CertifiedState, Depth, Finding};
use quorate_genesis::Genesis;
use quorate_ledger::{CertifiedBlock, CertifiedHeader, Execution, LogEntryV1};

use crate::source::{ExecutedBlock, ExecutedIntent, Source, Start};

/// A chain that is executed again. `blocks` gives certified blocks by height, from 1 on.
pub struct Reexecution<'a, B> {
    genesis: &'a Genesis,
    blocks: B,
    auditor: Auditor,
}

/// Why a chain cannot be executed again.
#[derive(Debug, thiserror::Error)]
pub enum ReexecutionError<E> {
    /// A block could not be had.
    #[error("{0}")]
    Blocks(E),
    /// A block is not the next one, or not sealed by a quorum, or something else than what was certified comes out; or the
    /// network begins with rules that this release does not execute.
    #[error("{0}")]
    Bad(Box<Finding>),
}

impl<'a, B, E> Reexecution<'a, B>
where
    B: Iterator<Item = Result<CertifiedBlock, E>>,
{
    /// From the first block on.
    ///
    /// # Errors
    /// If this release does not execute the network's rules.
    pub fn new(genesis: &'a Genesis, blocks: B) -> Result<Self, ReexecutionError<E>> {
        let begun = CertifiedState::genesis(genesis).map_err(bad)?;
        Ok(Self {
            genesis,
            blocks,
            auditor: Auditor::new(begun, Depth::WithoutSignatures).without_log(),
        })
    }
}

fn bad<E>(finding: Finding) -> ReexecutionError<E> {
    ReexecutionError::Bad(Box::new(finding))
}

impl<B, E> Source for Reexecution<'_, B>
where
    B: Iterator<Item = Result<CertifiedBlock, E>>,
    E: std::error::Error + 'static,
{
    type Error = ReexecutionError<E>;

    fn start(&self) -> Start {
        Start::of_genesis(self.genesis)
    }

    fn next_block(&mut self) -> Result<Option<ExecutedBlock>, Self::Error> {
        let Some(certified) = self.blocks.next() else {
            return Ok(None);
        };
        let certified = certified.map_err(ReexecutionError::Blocks)?;
        let committee = self.auditor.committee().clone();
        let done = self.auditor.check_seeing(certified, |good| {
            let fields = good.block.v1();
            let header = fields.block.v1().header.clone();
            let certified = CertifiedHeader::new(header, &fields.certificate, &committee);
            (certified, intents(good.block, good.execution))
        });
        let (certified, transactions) = done.map_err(bad)?;
        let next = self.auditor.committee();
        Ok(Some(ExecutedBlock {
            certified,
            transactions,
            next: (next.epoch() != committee.epoch()).then(|| next.clone()),
        }))
    }
}

/// The executed transactions with their steps.
fn intents(certified: &CertifiedBlock, execution: &Execution) -> Vec<ExecutedIntent> {
    let executed = certified.executed().unwrap_or_default();
    let mut steps = execution.histories.iter().peekable();
    let numbered = execution
        .transactions
        .iter()
        .map(|transaction| transaction.ordinal);
    let logged = execution.log.iter().zip(numbered).zip(executed);
    let intents = logged.filter_map(|((logged, ordinal), (transaction, _))| {
        let LogEntryV1::Transaction(entry) = logged.entry.v1() else {
            return None;
        };
        let mut own = Vec::new();
        while let Some(step) = steps.next_if(|step| step.step.ordinal == ordinal) {
            own.push(step.clone());
        }
        Some(ExecutedIntent {
            entry: entry.clone(),
            leaf: logged.leaf,
            intent: transaction.v1().intent.clone(),
            steps: own,
        })
    });
    intents.collect()
}
