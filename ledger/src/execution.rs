//! Execution: what a decided proposal makes of the state (`docs/formats.md`, section 7).
//!
//! For every transaction of every batch, in order: skip it if its id was executed before, if it is
//! expired or expires too late, or if its signatures do not reach its sender's threshold. Else execute
//! its operations, all or none. What is skipped leaves nothing behind, so nobody can spend another's id
//! by cutting its signatures. What is executed leaves a leaf, a receipt, and an entry in the history of
//! its sender and, if it succeeded, of every other account it touched.
//!
//! Nothing here reads a clock or depends on an order that is not fixed: the same state and proposal
//! give the same block everywhere.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use quorate_crypto::merkle::Frontier;
use quorate_crypto::{Address, Digest, Epoch, Height};
use serde::{Deserialize, Serialize};

use crate::{
    Agreement, AssetCode, BatchTransaction, Block, BlockV1, CheckedBatch, Executed, Header, HeaderV1,
    IntentV1, Operation, Outcome, ParametersV1, Proposal, StateError, StateKey, StateReader, StateTree,
    Timestamp, encode, read_value, value_hash,
};

mod operations;
mod trial;
mod working_state;

pub use trial::{Refusal, TrialRules, would_execute};
pub use working_state::HistoryStep;
use working_state::{Finished, WorkingState};

/// The newest block, and what is needed to put another on top of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tip {
    /// The network's id.
    pub network: Digest,
    /// The epoch of the next block.
    pub epoch: Epoch,
    /// The newest block's height, 0 before the first.
    pub height: Height,
    /// The newest block's hash, the network's id before the first.
    pub block_hash: Digest,
    /// The newest block's time, the genesis document's before the first.
    pub timestamp: Timestamp,
    /// The state root after the newest block.
    pub state_root: Digest,
    /// The tree over the hashes of all headers so far.
    pub chain: Frontier,
}

/// What is executed on top of a tip.
#[derive(Clone, Copy, Debug)]
pub struct BlockInput<'a> {
    /// The block before.
    pub tip: &'a Tip,
    /// What was decided.
    pub proposal: &'a Proposal,
    /// The proposal's batches, in its order.
    pub batches: &'a [Arc<CheckedBatch>],
    /// The parameters in force.
    pub parameters: &'a ParametersV1,
}

/// A block and all that executing it changed.
#[derive(Clone, Debug)]
pub struct Execution {
    /// The block.
    pub block: Block,
    /// Its hash.
    pub block_hash: Digest,
    /// Values written, and keys removed, in the state.
    pub changes: BTreeMap<StateKey, Option<Vec<u8>>>,
    /// The executed transactions in order: the index of one is its place here.
    pub transactions: Vec<ExecutedTransaction>,
    /// New entries in accounts' histories, in the order in which they came about.
    pub histories: Vec<HistoryEntry>,
    /// Records put.
    pub records: Vec<RecordEntry>,
    /// Assets created.
    pub assets: Vec<AssetCode>,
    /// Whether an account now holds an asset, where that changed; ascending.
    pub holders: Vec<(AssetCode, Address, bool)>,
    /// The epoch under way after the block, where the block changed that: its end was fixed, or the next
    /// one begins.
    pub agreement: Option<Agreement>,
    /// The tip after the block.
    pub tip: Tip,
    spent: HashSet<Digest>,
}

/// An executed transaction of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecutedTransaction {
    /// Its id.
    pub id: Digest,
    /// Its place among all transactions of the proposal's batches, from 0.
    pub position: u32,
    /// What became of it.
    pub outcome: Outcome,
    /// The account that acted.
    pub sender: Address,
    /// When it would have expired.
    pub expires_at: Timestamp,
}

/// A new entry in an account's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The account.
    pub address: Address,
    /// The entry's number in that account's history, from 1.
    pub number: u64,
    /// The transaction's id.
    pub id: Digest,
    /// The transaction's place among the block's executed ones, from 0.
    pub index: u32,
    /// The block of the account's entry before, 0 before the first.
    pub before: Height,
}

/// A record that was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordEntry {
    /// The document's hash.
    pub sha256: Digest,
    /// Who put it.
    pub sender: Address,
    /// The transaction's place among the block's executed ones, from 0.
    pub index: u32,
    /// The operation's place in the transaction, from 0.
    pub operation: u16,
    /// For people.
    pub label: String,
}

impl Tip {
    /// The tip before height 1.
    pub fn genesis(network: Digest, time: Timestamp, state_root: Digest) -> Self {
        Self {
            network,
            epoch: Epoch(0),
            height: Height::GENESIS,
            block_hash: network,
            timestamp: time,
            state_root,
            chain: Frontier::new(),
        }
    }

    /// The time of a block on top of this one with such a proposal: the proposal's, but at least a
    /// millisecond after this one's, until time itself runs out.
    pub fn next_timestamp(&self, proposal: &Proposal) -> Timestamp {
        proposal
            .timestamp()
            .max(Timestamp(self.timestamp.0.saturating_add(1)))
    }
}

impl Execution {
    /// Whether this block executed the transaction with this id.
    pub fn spends(&self, id: &Digest) -> bool {
        self.spent.contains(id)
    }
}

/// Executes a decided proposal on top of a tip. `reader` and `tree` must be at the tip's height; the
/// tree is then at the new block's, and goes back by [`StateTree::rollback_to`].
///
/// # Errors
/// If the state cannot be read or is damaged; the tree is then unchanged.
///
/// # Panics
/// If the batches are not the proposal's or not of the tip's network, or the tree is not at the tip.
pub fn execute<R: StateReader>(
    input: &BlockInput<'_>,
    reader: &R,
    tree: &mut StateTree,
) -> Result<Execution, StateError<R::Error>> {
    Ok(execute_unrooted(input, reader)?.root(tree))
}

/// Executes as [`execute`] does, but for the state tree: that takes a good part of the time and can wait.
///
/// # Errors
/// If the state cannot be read or is damaged.
///
/// # Panics
/// If the batches are not the proposal's or not of the tip's network.
pub fn execute_unrooted<'a, R: StateReader>(
    input: &BlockInput<'a>,
    reader: &R,
) -> Result<Unrooted<'a>, StateError<R::Error>> {
    let tip = input.tip;
    check_input(input);
    let agreement = read_agreement(reader)?;
    assert_eq!(
        agreement.v1().epoch,
        tip.epoch,
        "the tip and the state are of one epoch"
    );
    let transactions = || input.batches.iter().flat_map(|batch| batch.transactions());
    let ids: Vec<Digest> = transactions().map(|transaction| transaction.id).collect();
    let spent_before = reader.are_spent(&ids).map_err(StateError::Read)?;
    let mut run = Run::new(input, reader);
    let mut places = (0_u32..).zip(spent_before);
    for batch in input.batches {
        run.state.read_ahead(accounts_of(batch))?;
        for (transaction, (position, spent_before)) in batch.transactions().zip(&mut places) {
            if !spent_before {
                run.transaction(position, &transaction)?;
            }
        }
    }
    let height = tip.height.next();
    let mut finished = run.state.finish();
    let changed = agreement.after(height, finished.ends_epoch, input.parameters.window);
    if let Some(changed) = &changed {
        let value = Some(encode(changed));
        finished.changes.insert(StateKey::agreement(), value);
    }
    Ok(Unrooted {
        tip,
        proposal: input.proposal,
        agreement,
        changed,
        finished,
        timestamp: run.timestamp,
        leaves: run.leaves,
        receipts: run.receipts,
        transactions: run.transactions,
        histories: run.histories,
        records: run.records,
        spent: run.spent,
    })
}

/// A block that was executed, without the root of the state after it.
pub struct Unrooted<'a> {
    tip: &'a Tip,
    proposal: &'a Proposal,
    agreement: Agreement,
    changed: Option<Agreement>,
    finished: Finished,
    timestamp: Timestamp,
    leaves: Frontier,
    receipts: Frontier,
    transactions: Vec<ExecutedTransaction>,
    histories: Vec<HistoryEntry>,
    records: Vec<RecordEntry>,
    spent: HashSet<Digest>,
}

impl Unrooted<'_> {
    /// The block with its root. `tree` must be at the tip that the block was executed on; it is then at the
    /// block's height.
    ///
    /// # Panics
    /// If it is elsewhere.
    pub fn root(self, tree: &mut StateTree) -> Execution {
        let Self { tip, proposal, .. } = self;
        assert!(
            tree.height() == tip.height && tree.root() == tip.state_root,
            "the state tree is at the tip"
        );
        let height = tip.height.next();
        let next = self.changed.as_ref().unwrap_or(&self.agreement);
        let hashes = self.finished.changes.iter();
        let state_root = tree.update(
            height,
            hashes.map(|(key, value)| (*key, value.as_deref().map(value_hash))),
        );
        let index = u32::try_from(self.transactions.len()).expect("a proposal's batches are bounded");
        let header = Header::V1(HeaderV1 {
            network: tip.network,
            epoch: tip.epoch,
            height,
            previous: tip.block_hash,
            chain_root: tip.chain.root(),
            proposal: proposal.digest(),
            timestamp: self.timestamp,
            transaction_count: index,
            transactions_root: self.leaves.root(),
            receipts_root: self.receipts.root(),
            state_root,
            next_committee: next.committee().digest(),
        });
        let block_hash = header.hash();
        let mut chain = tip.chain.clone();
        chain.push(&block_hash.0);
        let executed = self.transactions.iter().map(|transaction| Executed {
            position: transaction.position,
            outcome: transaction.outcome,
        });
        Execution {
            block: Block::V1(BlockV1 {
                header,
                proposal: proposal.clone(),
                executed: executed.collect(),
            }),
            block_hash,
            tip: Tip {
                network: tip.network,
                epoch: next.v1().epoch,
                height,
                block_hash,
                timestamp: self.timestamp,
                state_root,
                chain,
            },
            changes: self.finished.changes,
            transactions: self.transactions,
            histories: self.histories,
            records: self.records,
            assets: self.finished.created,
            holders: self.finished.holders,
            agreement: self.changed,
            spent: self.spent,
        }
    }
}

/// The epoch under way.
///
/// # Errors
/// If the state cannot be read, or is damaged: every state has it.
pub fn read_agreement<R: StateReader>(reader: &R) -> Result<Agreement, StateError<R::Error>> {
    let key = StateKey::agreement();
    read_value(reader, &key)?.ok_or(StateError::Damaged { key })
}

/// The accounts that a batch's transactions act for and give to.
fn accounts_of(batch: &CheckedBatch) -> Vec<Address> {
    let mut accounts = Vec::new();
    for item in batch.transactions() {
        let intent = item.transaction.intent();
        accounts.push(intent.sender);
        accounts.extend(intent.operations.iter().filter_map(Operation::receiver));
    }
    accounts
}

fn check_input(input: &BlockInput<'_>) {
    let tip = input.tip;
    let given = input.batches.iter().map(|batch| batch.digest());
    assert!(
        given.eq(input.proposal.batches().iter().copied()),
        "the batches are the proposal's, in its order"
    );
    let fits = |batch: &Arc<CheckedBatch>| {
        let batch = batch.signed().batch();
        batch.network == tip.network && batch.epoch == tip.epoch
    };
    assert!(
        input.batches.iter().all(fits),
        "the batches are of this network and epoch"
    );
}

/// The execution of one block, under way.
struct Run<'a, R> {
    state: WorkingState<'a, R>,
    height: Height,
    timestamp: Timestamp,
    /// The latest expiry that a transaction of this block may have.
    latest_expiry: Timestamp,
    leaves: Frontier,
    receipts: Frontier,
    transactions: Vec<ExecutedTransaction>,
    histories: Vec<HistoryEntry>,
    records: Vec<RecordEntry>,
    spent: HashSet<Digest>,
}

impl<'a, R: StateReader> Run<'a, R> {
    fn new(input: &BlockInput<'_>, reader: &'a R) -> Self {
        let timestamp = input.tip.next_timestamp(input.proposal);
        let lead = input.parameters.max_expiry_lead_ms;
        Self {
            state: WorkingState::new(reader, input.tip.epoch, timestamp),
            height: input.tip.height.next(),
            timestamp,
            latest_expiry: Timestamp(timestamp.0.saturating_add(lead)),
            leaves: Frontier::new(),
            receipts: Frontier::new(),
            transactions: Vec::new(),
            histories: Vec::new(),
            records: Vec::new(),
            spent: HashSet::new(),
        }
    }

    fn index(&self) -> u32 {
        u32::try_from(self.transactions.len()).expect("a proposal's batches are bounded")
    }

    /// Executes one transaction that no block before has executed, or skips it.
    fn transaction(
        &mut self,
        position: u32,
        item: &BatchTransaction<'_>,
    ) -> Result<(), StateError<R::Error>> {
        let intent = item.transaction.intent();
        let timely = self.timestamp < intent.expires_at && intent.expires_at <= self.latest_expiry;
        if !timely || self.spent.contains(&item.id) {
            return Ok(());
        }
        let sender = self.state.account(&intent.sender)?;
        if !self.state.is_authorised(sender, item.transaction.signatures()) {
            return Ok(());
        }
        let outcome = self.state.transaction(sender, intent)?;
        self.record(position, item, intent, outcome);
        Ok(())
    }

    /// Writes down what became of an executed transaction.
    fn record(&mut self, position: u32, item: &BatchTransaction<'_>, intent: &IntentV1, outcome: Outcome) {
        let index = self.index();
        let step = HistoryStep::new(item.id, self.height, index, outcome);
        self.leaves.push_hash(item.leaf);
        self.receipts.push_hash(step.receipt);
        self.state.grow_histories(&step, &mut self.histories);
        if outcome == Outcome::Success {
            operations::records_of(intent, index, &mut self.records);
        }
        self.spent.insert(item.id);
        self.transactions.push(ExecutedTransaction {
            id: item.id,
            position,
            outcome,
            sender: intent.sender,
            expires_at: intent.expires_at,
        });
    }
}
