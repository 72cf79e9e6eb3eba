//! Execution: what a decided proposal makes of the state (`docs/formats.md`, section 10).
//!
//! For every transaction of every batch, in order: skip it if its id was executed before, if it is
//! expired or expires too late, or if its signatures are not exactly those of its parties that reach every
//! threshold. Else execute its operations, all or none. What is skipped leaves nothing behind, so nobody
//! can spend another's id by cutting or adding signatures. What is executed leaves a leaf in the
//! transaction log and a step in the history of each party and, if it succeeded, of every other account
//! that it changed or that a new hold is for, and of the assets whose supply it changed.
//!
//! Nothing here reads a clock, a text, or depends on an order that is not fixed: the same state and
//! proposal give the same block everywhere.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use quorate_crypto::merkle::Frontier;
use quorate_crypto::{Address, Committee, CommitteeV1, Digest, Epoch, Height, SeatNumber};
use serde::{Deserialize, Serialize};

use crate::limits::MAX_INLINE_BALANCES;
use crate::{
    Agreement, AssetCode, BatchTransaction, Block, BlockV1, CheckedBatch, Executed, Header, HeaderV1,
    HistoryOwner, IntentV1, Keep, LogEntry, LogEntryV1, LoggedTransaction, Operation, Outcome, ParametersV1,
    Place, Proposal, StateError, StateKey, StateReader, StateTree, Step, Timestamp, encode, read_value,
    value_hash,
};

mod ahead;
mod authority;
mod changes;
mod dormancy;
mod epochs;
mod erasing;
mod funds;
mod governed;
mod guarding;
mod histories;
mod operations;
mod proposals;
mod quotas;
mod rejoining;
mod rights;
mod seats;
mod settlement;
mod slots;
mod trial;
mod working_state;

use ahead::Ahead;
use histories::Source;
use quotas::Charge;
pub use trial::{Refusal, TrialRules, would_execute};
use working_state::{Finished, Moment, WorkingState};

/// The version of the rules that a network begins with.
pub const PROTOCOL: u32 = 1;

/// The versions of the rules that this program executes. Operations of a later one than the epoch's fail with `not_yet`.
pub const PROTOCOLS: std::ops::RangeInclusive<u32> = 1..=2;

/// Assets with a number below this have their balances in accounts' own leaves (section 12).
pub(crate) const INLINE_ASSETS: u32 = MAX_INLINE_BALANCES as u32;

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
    /// The list of the hashes of all headers so far.
    pub chain: Frontier,
    /// The transaction log so far.
    pub log: Frontier,
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
    /// The executed transactions in order.
    pub transactions: Vec<ExecutedTransaction>,
    /// New leaves of the transaction log, in order: one for each executed transaction.
    pub log: Vec<LoggedEntry>,
    /// New steps of histories, in the order in which they came about.
    pub histories: Vec<HistoryEntry>,
    /// Those of the new steps that are waypoints, in the same order.
    pub waypoints: Vec<Waypoint>,
    /// Records put, those too that are in the log and the index alone.
    pub records: Vec<RecordEntry>,
    /// Assets created, with their numbers, in the order of these.
    pub assets: Vec<(u32, AssetCode)>,
    /// Whether an account now holds some of an asset, free or held, where that changed; ascending.
    pub holders: Vec<(AssetCode, Address, bool)>,
    /// Texts erased: the transaction's id and the place, in the order in which they were erased.
    pub erased: Vec<(Digest, Place)>,
    /// The epoch under way after the block, where the block changed that: its end was fixed, or the next
    /// one begins.
    pub agreement: Option<Agreement>,
    /// The tip after the block.
    pub tip: Tip,
    spent: HashMap<Digest, Timestamp>,
}

/// An executed transaction of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutedTransaction {
    /// Its id.
    pub id: Digest,
    /// The place of its leaf in the transaction log, from 0 since genesis.
    pub ordinal: u64,
    /// Its place among all transactions of the proposal's batches, from 0.
    pub position: u32,
    /// What became of it.
    pub outcome: Outcome,
    /// The accounts that it acts for, its sender first.
    pub parties: Vec<Address>,
    /// When it would have expired; until then its id is spent.
    pub expires_at: Timestamp,
    /// The hash of the signed transaction (section 3).
    pub signed: Digest,
}

/// A new leaf of the transaction log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEntry {
    /// What it says.
    pub entry: LogEntry,
    /// Its RFC 6962 leaf hash.
    pub leaf: Digest,
}

/// A new step of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Whose history.
    pub owner: HistoryOwner,
    /// The step.
    pub step: Step,
    /// The history's hash with it, `h_n` of section 13.
    pub hash: Digest,
}

/// A step whose hash the owner's leaf commits to for good: every 32nd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waypoint {
    /// Whose history.
    pub owner: HistoryOwner,
    /// The step's number, a multiple of 32.
    pub number: u64,
    /// The history's hash with it.
    pub hash: Digest,
}

/// A record that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordEntry {
    /// The document's hash.
    pub sha256: Digest,
    /// Who put it.
    pub address: Address,
    /// What keeps it.
    pub keep: Keep,
    /// The place of its transaction's leaf in the log.
    pub ordinal: u64,
    /// The operation's place in the transaction, from 0.
    pub operation: u8,
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
            log: Frontier::new(),
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
        self.spent.contains_key(id)
    }

    /// Until when this block keeps an id from being executed again, if it executed it: it counts as
    /// executed before at times below this one alone (section 9).
    pub fn spent_until(&self, id: &Digest) -> Option<Timestamp> {
        self.spent.get(id).copied()
    }
}

/// Executes a decided proposal on top of a tip. `reader` and `tree` must be at the tip's height; the
/// tree is then at the new block's, and goes back by [`StateTree::rollback_to`].
///
/// # Errors
/// If the state cannot be read or is damaged; the tree is then unchanged.
///
/// # Panics
/// As [`execute_unrooted`] does, or if the tree is not at the tip.
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
/// If the batches are not the proposal's, or not of the tip's network and epoch, or if the epoch's
/// protocol is not of [`PROTOCOLS`]: executing it by other rules would make another block.
pub fn execute_unrooted<'a, R: StateReader>(
    input: &BlockInput<'a>,
    reader: &R,
) -> Result<Unrooted<'a>, StateError<R::Error>> {
    check_input(input);
    let agreement = read_agreement(reader)?;
    let Committee::V1(committee) = &agreement.v1().committee;
    assert_eq!(
        committee.epoch, input.tip.epoch,
        "the tip and the state are of one epoch"
    );
    assert!(
        PROTOCOLS.contains(&committee.protocol),
        "the epoch's protocol is one that this program executes"
    );
    let mut run = Run::new(input, reader, &agreement);
    let transactions = input.batches.iter().flat_map(|batch| batch.transactions());
    let ids: Vec<Digest> = transactions.map(|transaction| transaction.id).collect();
    let spent_before = reader
        .spent_at(&ids, run.moment.timestamp)
        .map_err(StateError::Read)?;
    run.outputs.reserve(ids.len());
    let mut places = (0_u32..).zip(spent_before);
    for batch in input.batches {
        run.state.read_ahead(Ahead::of(batch))?;
        for (transaction, (position, spent_before)) in batch.transactions().zip(&mut places) {
            if !spent_before {
                run.transaction(position, &transaction, author_of(batch, committee))?;
            }
        }
        if let Some(seat) = author_of(batch, committee) {
            run.state.note_author(seat)?;
        }
    }
    let Run {
        state,
        moment,
        log,
        outputs,
        ..
    } = run;
    let (changed, finished) = finish(state, &agreement, input.parameters.window)?;
    Ok(Unrooted {
        tip: input.tip,
        proposal: input.proposal,
        agreement,
        changed,
        finished,
        timestamp: moment.timestamp,
        log,
        outputs,
    })
}

/// What a block changed in all, and the agreement after it where that is another.
fn finish<R: StateReader>(
    mut state: WorkingState<'_, R>,
    before: &Agreement,
    window: u32,
) -> Result<(Option<Agreement>, Finished), StateError<R::Error>> {
    let height = state.moment.height;
    let mut after = state.agreement.clone();
    if state.ends_epoch {
        after.fix_end(height, window);
    }
    if after.ends_at(height) {
        let next = state.end_epoch()?;
        after.begin_next(height, next);
    }
    let mut finished = state.finish();
    let changed = (after != *before).then_some(after);
    if let Some(changed) = &changed {
        let value = Some(encode(changed));
        finished.changes.insert(StateKey::agreement(), value);
    }
    Ok((changed, finished))
}

/// The seat whose batch it is, in the committee of the batch's epoch.
fn author_of(batch: &CheckedBatch, committee: &CommitteeV1) -> Option<SeatNumber> {
    let author = batch.signed().batch().author;
    let seat = committee.seats.get(usize::from(author.0))?;
    Some(seat.seat)
}

/// A block that was executed, without the root of the state after it.
pub struct Unrooted<'a> {
    tip: &'a Tip,
    proposal: &'a Proposal,
    agreement: Agreement,
    changed: Option<Agreement>,
    finished: Finished,
    timestamp: Timestamp,
    log: Frontier,
    outputs: Outputs,
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
        let hashes = self.finished.changes.iter();
        let state_root = tree.update(
            height,
            hashes.map(|(key, value)| (*key, value.as_deref().map(value_hash))),
        );
        let Agreement::V1(before) = &self.agreement;
        let Agreement::V1(after) = self.changed.as_ref().unwrap_or(&self.agreement);
        let Committee::V1(CommitteeV1 { epoch, protocol, .. }) = &before.committee;
        let Committee::V1(next) = &after.committee;
        let header = Header::V1(HeaderV1 {
            network: tip.network,
            protocol: *protocol,
            epoch: *epoch,
            height,
            previous: tip.block_hash,
            chain_root: tip.chain.root(),
            proposal: proposal.digest(),
            timestamp: self.timestamp,
            log_size: self.log.length(),
            log_root: self.log.root(),
            state_root,
            next_committee: after.committee.digest(),
        });
        let next_epoch = next.epoch;
        let block_hash = header.hash();
        let mut chain = tip.chain.clone();
        chain.push(&block_hash.0);
        let outputs = self.outputs;
        let executed = outputs.transactions.iter().map(|transaction| Executed {
            position: transaction.position,
            outcome: transaction.outcome.clone(),
        });
        Execution {
            block: Block::V1(BlockV1 {
                header,
                recovery: None,
                proposal: proposal.clone(),
                executed: executed.collect(),
            }),
            block_hash,
            tip: Tip {
                network: tip.network,
                epoch: next_epoch,
                height,
                block_hash,
                timestamp: self.timestamp,
                state_root,
                chain,
                log: self.log,
            },
            changes: self.finished.changes,
            transactions: outputs.transactions,
            log: outputs.log,
            histories: outputs.histories,
            waypoints: outputs.waypoints,
            records: outputs.records,
            assets: self.finished.created,
            holders: self.finished.holders,
            erased: self.finished.erased,
            agreement: self.changed,
            spent: outputs.spent,
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

/// What a block's transactions leave behind beside the state, in the order of execution.
#[derive(Default)]
struct Outputs {
    transactions: Vec<ExecutedTransaction>,
    log: Vec<LoggedEntry>,
    histories: Vec<HistoryEntry>,
    waypoints: Vec<Waypoint>,
    records: Vec<RecordEntry>,
    /// Until when ids that the block executed are spent.
    spent: HashMap<Digest, Timestamp>,
}

/// The execution of one block, under way.
struct Run<'a, R> {
    state: WorkingState<'a, R>,
    moment: Moment,
    /// The latest expiry that a transaction of this block may have.
    latest_expiry: Timestamp,
    log: Frontier,
    outputs: Outputs,
}

impl<'a, R: StateReader> Run<'a, R> {
    fn new(input: &BlockInput<'_>, reader: &'a R, agreement: &Agreement) -> Self {
        let tip = input.tip;
        let timestamp = tip.next_timestamp(input.proposal);
        let moment = Moment {
            network: tip.network,
            epoch: tip.epoch,
            protocol: agreement.v1().committee.protocol_version(),
            height: tip.height.next(),
            timestamp,
            max_hold_ms: input.parameters.max_hold_ms,
        };
        let lead = input.parameters.max_expiry_lead_ms;
        Self {
            state: WorkingState::new(reader, moment, agreement.clone()),
            moment,
            latest_expiry: Timestamp(timestamp.0.saturating_add(lead)),
            log: tip.log.clone(),
            outputs: Outputs::default(),
        }
    }

    /// Executes one transaction that no block before has executed, or skips it; `packer` is the seat whose batch it is in.
    fn transaction(
        &mut self,
        position: u32,
        item: &BatchTransaction<'_>,
        packer: Option<SeatNumber>,
    ) -> Result<(), StateError<R::Error>> {
        let intent = item.transaction.intent();
        let timely = self.moment.timestamp < intent.expires_at && intent.expires_at <= self.latest_expiry;
        if !timely || self.outputs.spent.contains_key(&item.id) {
            return Ok(());
        }
        self.state.begin(&intent.parties)?;
        if self.state.authorise(item.transaction.signatures()).is_err() {
            return Ok(());
        }
        let payer = match self.moment.protocol {
            ..2 => None,
            2.. => Some(self.state.payer()?),
        };
        let outcome = self.state.transaction(intent, &item.id, self.log.length())?;
        if let Some(payer) = payer {
            let charge = Charge::of(intent, item.bytes.len(), item.transaction.signature_cost());
            if !self.state.charge(&payer, charge, self.state.new_leaves())? {
                self.state.take_back();
                if let Some(packer) = packer {
                    self.state.charge_packer(packer, charge)?;
                }
                return Ok(());
            }
        }
        self.record(position, item, outcome)
    }

    /// Writes down what became of an executed transaction.
    fn record(
        &mut self,
        position: u32,
        item: &BatchTransaction<'_>,
        outcome: Outcome,
    ) -> Result<(), StateError<R::Error>> {
        let intent = item.transaction.intent();
        let Moment {
            height, timestamp, ..
        } = self.moment;
        let entry = LogEntry::V1(LogEntryV1::Transaction(LoggedTransaction {
            height,
            timestamp,
            position,
            id: item.id,
            expires_at: intent.expires_at,
            signed: item.signed,
            outcome: outcome.clone(),
        }));
        let leaf = entry.leaf_hash();
        let ordinal = self.log.length();
        self.log.push_hash(leaf);
        let succeeded = matches!(outcome, Outcome::Success { .. });
        let source = Source {
            ordinal,
            leaf,
            timestamp,
        };
        self.state.grow_histories(succeeded, &source, &mut self.outputs)?;
        self.state.note_parties()?;
        if succeeded {
            self.outputs.note_records(intent, ordinal);
        }
        self.outputs.spent.insert(item.id, intent.expires_at);
        self.outputs.log.push(LoggedEntry { entry, leaf });
        self.outputs.transactions.push(ExecutedTransaction {
            id: item.id,
            ordinal,
            position,
            outcome,
            parties: intent.parties.clone(),
            expires_at: intent.expires_at,
            signed: item.signed,
        });
        Ok(())
    }
}

impl Outputs {
    /// Makes room for what so many payments leave behind, so that nothing is moved while it grows.
    fn reserve(&mut self, payments: usize) {
        self.transactions.reserve(payments);
        self.log.reserve(payments);
        // A step of who pays and one of who is paid.
        self.histories.reserve(payments.saturating_mul(2));
        self.spent.reserve(payments);
    }

    /// Appends the records that a successful transaction put.
    fn note_records(&mut self, intent: &IntentV1, ordinal: u64) {
        for (operation, act) in (0_u8..=u8::MAX).zip(&intent.operations) {
            if let Operation::PutRecord { sha256, keep } = &act.operation
                && let Some(address) = intent.parties.get(usize::from(act.party))
            {
                self.records.push(RecordEntry {
                    sha256: *sha256,
                    address: *address,
                    keep: *keep,
                    ordinal,
                    operation,
                });
            }
        }
    }
}
