//! A chain that is executed again, block by block, on a state in memory: each block must be the next one, have a good
//! certificate, and come out as it was certified.
//!
//! Clients' signatures are not checked: a quorum that sealed the block has, and an audit of the whole chain does.

use std::sync::Arc;

use quorate_crypto::Committee;
use quorate_genesis::Genesis;
use quorate_ledger::{
    Agreement, BatchError, BatchRules, Block, BlockError, BlockInput, CertifiedBlock, CertifiedHeader,
    CheckedBatch, Execution, FormedBatch, Height, LogEntryV1, MemoryState, PROTOCOL, StateError, StateTree,
    Tip, execute, read_agreement,
};

use crate::source::{ExecutedBlock, ExecutedIntent, Source, Start};

/// After how many blocks ids that have expired are looked for, to be forgotten.
const FORGET_EVERY: u64 = 1_024;

/// A chain that is executed again. `blocks` gives certified blocks by height, from 1 on.
pub struct Reexecution<'a, B> {
    genesis: &'a Genesis,
    blocks: B,
    tip: Tip,
    state: MemoryState,
    tree: StateTree,
    /// The committee of the next block.
    committee: Committee,
}

/// Why a chain cannot be executed again.
#[derive(Debug, thiserror::Error)]
pub enum ReexecutionError<E> {
    /// A block could not be had.
    #[error("{0}")]
    Blocks(E),
    /// A block is not the next one, or not sealed by a quorum, or something else than what was certified comes out.
    #[error("block {height}: {error}")]
    Block {
        /// The height at which a block was expected.
        height: Height,
        /// What is wrong.
        error: Box<BlockError>,
    },
    /// A block of rules that this release does not execute.
    #[error(
        "block {height} is of protocol {protocol}, or begins with a recovery; this release executes protocol {PROTOCOL}"
    )]
    Protocol {
        /// The block.
        height: Height,
        /// Its protocol.
        protocol: u32,
    },
    /// The state in memory is damaged: a bug.
    #[error("block {height}: the state in memory is damaged: {reason}")]
    State {
        /// The block.
        height: Height,
        /// What was found.
        reason: String,
    },
}

impl<'a, B, E> Reexecution<'a, B>
where
    B: Iterator<Item = Result<CertifiedBlock, E>>,
{
    /// From the first block on.
    pub fn new(genesis: &'a Genesis, blocks: B) -> Self {
        let begun = genesis.state();
        Self {
            genesis,
            blocks,
            tip: Tip::genesis(genesis.id(), genesis.time(), begun.root),
            state: MemoryState::genesis(&begun),
            tree: begun.tree(),
            committee: genesis.committee(),
        }
    }

    /// Executes a block and compares it with what was certified.
    fn execute(&mut self, certified: &CertifiedBlock) -> Result<Execution, ReexecutionError<E>> {
        let height = self.tip.height.next();
        let block = &certified.v1().block;
        let bad = |error: BlockError| ReexecutionError::Block {
            height,
            error: Box::new(error),
        };
        let header = block.header();
        if block.v1().recovery.is_some() || header.protocol != PROTOCOL {
            let protocol = header.protocol;
            return Err(ReexecutionError::Protocol { height, protocol });
        }
        let network = self.genesis.id();
        certified
            .verify_certificate(network, &self.committee)
            .map_err(bad)?;
        let batches = self.batches(certified).map_err(bad)?;
        let input = BlockInput {
            tip: &self.tip,
            proposal: &block.v1().proposal,
            batches: &batches,
            parameters: self.genesis.parameters().v1(),
        };
        let executed = execute(&input, &self.state, &mut self.tree);
        let executed = executed.map_err(|error: StateError<_>| ReexecutionError::State {
            height,
            reason: error.to_string(),
        })?;
        block.check_execution(&executed.block).map_err(bad)?;
        // What is left of the header: that it belongs here.
        if executed.block_hash != block.hash() {
            return Err(bad(BlockError::OtherCertificate));
        }
        Ok(executed)
    }

    /// The batches, which must be the proposal's, and of this epoch.
    fn batches(&self, certified: &CertifiedBlock) -> Result<Vec<Arc<CheckedBatch>>, BlockError> {
        let network = self.genesis.id();
        let rules = BatchRules {
            network: &network,
            committee: &self.committee,
            parameters: self.genesis.parameters().v1(),
        };
        let fields = certified.v1();
        let proposal = &fields.block.v1().proposal;
        proposal.check_form(rules.parameters)?;
        let digests = fields.batches.iter().map(|batch| batch.digest());
        if !digests.eq(proposal.batches().iter().copied()) {
            return Err(BlockError::OtherBatches);
        }
        let formed = fields.batches.iter().enumerate().map(|(batch, signed)| {
            let formed = FormedBatch::from_signed(signed.clone(), &rules);
            let checked = formed.map(FormedBatch::with_signatures_checked);
            checked
                .map(Arc::new)
                .map_err(|error: BatchError| BlockError::Batch {
                    batch,
                    error: Box::new(error),
                })
        });
        formed.collect()
    }
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
        let execution = self.execute(&certified)?;
        let fields = certified.v1();
        let Block::V1(block) = &fields.block;
        let head = CertifiedHeader::new(block.header.clone(), &fields.certificate, &self.committee);
        self.state.apply(&execution);
        // Nothing is taken back.
        self.tree.forget_before(execution.tip.height);
        if execution.tip.height.0.is_multiple_of(FORGET_EVERY) {
            self.state.forget_spent(execution.tip.timestamp);
        }
        let next = self.follow(&execution)?;
        let transactions = intents(&certified, &execution);
        self.tip = execution.tip;
        Ok(Some(ExecutedBlock {
            certified: head,
            transactions,
            next,
        }))
    }
}

impl<B, E> Reexecution<'_, B>
where
    B: Iterator<Item = Result<CertifiedBlock, E>>,
{
    /// The next block's committee, where it is another epoch's.
    fn follow(&mut self, execution: &Execution) -> Result<Option<Committee>, ReexecutionError<E>> {
        if execution.agreement.is_none() {
            return Ok(None);
        }
        let agreement = read_agreement(&self.state);
        let Agreement::V1(agreement) = agreement.map_err(|error| ReexecutionError::State {
            height: execution.tip.height,
            reason: error.to_string(),
        })?;
        if agreement.committee.epoch() == self.committee.epoch() {
            return Ok(None);
        }
        self.committee = agreement.committee.clone();
        Ok(Some(agreement.committee))
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
