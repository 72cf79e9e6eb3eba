//! The executor: the one owner of the height. Decided heights are executed in order on top of those
//! not yet certified; certified ones are written, each in one atomic batch. Consensus and block sync
//! both hand it work (pitfall 10).

mod purge;

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

use quorate_api::Skip;
use quorate_crypto::{Certificate, Digest, Height};
use quorate_driver::Event;
use quorate_ledger::{
    BlockInput, CheckedBatch, Execution, IntentV1, Overlay, Proposal, StateTree, Tip, execute_unrooted,
};
use quorate_storage::Chain;

use crate::batches::BatchStore;
use crate::clock;
use crate::committed::Committed;
use crate::epoch::SharedEpoch;
use crate::error::NodeError;
use crate::inbox::{EpochEnded, Inbox, Notice};
use crate::own_batches::OwnBatches;
use crate::peer_block::{ApplyError, VerifiedBlock};
use crate::pool::{Ended, Pool};
use crate::roster::RosterSource;
use crate::state_cache::{Remembering, StateCache};
use crate::sync::Texts;
use crate::{fatal, fatal_at_database};

pub(crate) use self::purge::{Purger, start as start_purger};

/// How many blocks a snapshot may be behind and still be proven.
const PROVABLE_HEIGHTS: u64 = 8;

/// What the executor is asked for.
#[derive(Debug)]
pub(crate) enum Command {
    /// This height was decided.
    Execute {
        /// The height.
        height: Height,
        /// What was decided.
        proposal: Proposal,
    },
    /// A quorum sealed the block that was executed here.
    Certify(Certificate),
    /// A certified block from a peer.
    Apply(Box<VerifiedBlock>, SyncSender<Result<(), ApplyError>>),
    /// Write what is certified and end.
    Stop,
}

/// Hands commands to the executor.
#[derive(Clone, Debug)]
pub(crate) struct ExecutorHandle {
    sender: Sender<Command>,
}

impl ExecutorHandle {
    /// Hands over a command.
    pub(crate) fn send(&self, command: Command) {
        if self.sender.send(command).is_err() {
            fatal("the executor has ended, so blocks can no longer be executed");
        }
    }

    /// Applies a certified block and waits for it to be written.
    pub(crate) fn apply(&self, block: VerifiedBlock) -> Result<(), ApplyError> {
        let (reply, answer) = std::sync::mpsc::sync_channel(1);
        let command = Command::Apply(Box::new(block), reply);
        if self.sender.send(command).is_err() {
            return Err(ApplyError::Stopping);
        }
        answer.recv().unwrap_or(Err(ApplyError::Stopping))
    }
}

/// What the executor is made of.
pub(crate) struct ExecutorSetup {
    pub(crate) chain: Arc<Chain>,
    pub(crate) batches: Arc<BatchStore>,
    pub(crate) state: Arc<StateCache>,
    /// Provers read it too.
    pub(crate) tree: Arc<RwLock<StateTree>>,
    pub(crate) tip: Tip,
    pub(crate) epoch: SharedEpoch,
    /// Who takes part after a block.
    pub(crate) rosters: RosterSource,
    /// Lets those have links who may, by the epoch as it is then.
    pub(crate) admit: Box<dyn Fn() + Send>,
    pub(crate) inbox: Inbox,
    pub(crate) pool: Arc<Pool>,
    pub(crate) own: Arc<OwnBatches>,
    pub(crate) committed: Arc<Committed>,
    /// Gets erased texts out of the database's files.
    pub(crate) purger: Purger,
    /// Asks for texts that blocks came without.
    pub(crate) texts: Texts,
}

/// Starts the executor's thread.
pub(crate) fn start(parts: ExecutorSetup) -> (ExecutorHandle, JoinHandle<()>) {
    let (sender, receiver) = channel();
    let thread = std::thread::Builder::new()
        .name("executor".to_owned())
        .spawn(move || {
            Executor::new(parts).run(&receiver);
        })
        .expect("a thread can be started");
    (ExecutorHandle { sender }, thread)
}

struct Executor {
    /// `parts.tip` is the tip after the last pending execution.
    parts: ExecutorSetup,
    /// The certified height in the database.
    written: Height,
    /// Executed and not yet certified, from `written + 1` on without a gap.
    pending: VecDeque<Execution>,
    /// Decided and not yet executed: a height before is missing, and is decided or fetched.
    decided: BTreeMap<Height, Proposal>,
    /// Certificates of heights not yet executed here, or above one that is not certified.
    certificates: BTreeMap<Height, Certificate>,
}

impl Executor {
    fn new(parts: ExecutorSetup) -> Self {
        Self {
            written: parts.tip.height,
            parts,
            pending: VecDeque::new(),
            decided: BTreeMap::new(),
            certificates: BTreeMap::new(),
        }
    }

    fn run(mut self, receiver: &Receiver<Command>) {
        while let Ok(command) = receiver.recv()
            && self.on_command(command)
        {}
        if let Err(error) = self.parts.chain.sync() {
            fatal_at_database("the chain database cannot be written", &error);
        }
    }

    /// Does what it is asked for; false if that is to end.
    fn on_command(&mut self, command: Command) -> bool {
        match command {
            Command::Execute { height, proposal } => self.on_decided(height, proposal),
            Command::Certify(certificate) => self.on_certificate(certificate),
            Command::Apply(block, reply) => {
                // The asker may have gone.
                let _ = reply.send(self.apply(*block));
            }
            Command::Stop => return false,
        }
        true
    }

    fn executed(&self) -> Height {
        self.parts.tip.height
    }

    fn on_decided(&mut self, height: Height, proposal: Proposal) {
        if height <= self.executed() {
            self.answer_again(height);
            return;
        }
        if !proposal.batches().is_empty() {
            self.parts
                .committed
                .note_decided(proposal.timestamp(), clock::now());
        }
        self.decided.insert(height, proposal);
        self.advance();
    }

    fn on_certificate(&mut self, certificate: Certificate) {
        let height = certificate.height();
        if height > self.written {
            // Seals of a later height can be complete first, or before the height is executed here.
            self.certificates.insert(height, certificate);
            self.advance();
        }
    }

    /// Goes on as far as it can: writes what is executed and certified, executes what is decided. Whatever
    /// fills a gap, a decision or a block from a peer, lets all go on that waited above it.
    fn advance(&mut self) {
        loop {
            let (front, next) = (self.written.next(), self.executed().next());
            if front < next
                && let Some(certificate) = self.certificates.remove(&front)
            {
                self.note_certified();
                self.write_front(&certificate);
            } else if let Some(proposal) = self.decided.remove(&next) {
                let batches = proposal.batches().iter();
                let batches: Vec<_> = batches.map(|digest| Arc::new(self.batch(digest))).collect();
                self.execute(&proposal, &batches);
                self.answer_again(next);
            } else {
                return;
            }
        }
    }

    /// The first of what is executed is certified. The time of an empty block is not a leader's.
    fn note_certified(&self) {
        let block = self.pending.front().map(|execution| &execution.block);
        if let Some(block) = block.filter(|block| !block.v1().executed.is_empty()) {
            let header = block.header();
            self.parts
                .committed
                .note_certified(header.height, header.timestamp, clock::now());
        }
    }

    /// Tells the core of a height that is executed and not yet written: a synced block's hash is what was
    /// certified.
    fn answer_again(&self, height: Height) {
        if let Some(execution) = self
            .pending
            .iter()
            .find(|execution| execution.tip.height == height)
        {
            self.parts.inbox.put(Event::Executed {
                epoch: execution.block.header().epoch,
                height,
                block: execution.tip.block_hash,
                ends: end_fixed_by(execution),
            });
        }
    }

    fn batch(&self, digest: &Digest) -> CheckedBatch {
        match self.parts.batches.load(digest) {
            Ok(Some(batch)) => batch,
            Ok(None) => fatal(&format!("batch {digest} was vouched for and is not here")),
            Err(error) => fatal_at_database(&format!("batch {digest} cannot be read"), &error),
        }
    }

    /// Executes the next height; `parts.tip` moves to it.
    fn execute(&mut self, proposal: &Proposal, batches: &[Arc<CheckedBatch>]) {
        let reader = self.parts.chain.reader();
        let base = Remembering {
            cache: &self.parts.state,
            base: &reader,
        };
        let overlay = Overlay::new(&self.pending, &base);
        // The next epoch's blocks are decided only once this one's last is written.
        let roster = Arc::clone(&self.parts.epoch.get().now);
        let input = BlockInput {
            tip: &self.parts.tip,
            proposal,
            batches,
            parameters: roster.parameters.v1(),
        };
        let executed = execute_unrooted(&input, &overlay);
        match executed {
            Ok(unrooted) => {
                // Whoever makes a proof waits for the root alone.
                let mut tree = self.parts.tree.write().unwrap_or_else(PoisonError::into_inner);
                let execution = unrooted.root(&mut tree);
                drop(tree);
                self.parts.tip = execution.tip.clone();
                self.pending.push_back(execution);
            }
            Err(error) => fatal_at_database("the chain database cannot be read", &error),
        }
    }

    fn write_front(&mut self, certificate: &Certificate) {
        let mut execution = self
            .pending
            .pop_front()
            .expect("written + 1 is executed, so it is pending");
        assert_eq!(
            execution.tip.block_hash,
            certificate.block(),
            "the engine certifies what was executed here"
        );
        // They are held until the block that has them is written.
        let at_hand = self
            .parts
            .batches
            .at_hand(execution.block.v1().proposal.batches());
        let written = self.parts.chain.write_block_of(&execution, certificate, &at_hand);
        if let Err(error) = written {
            let what = format!("block {} cannot be written", certificate.height());
            fatal_at_database(&what, &error);
        }
        let concerns_rosters = self.parts.epoch.get().now.is_changed_by(&execution.changes);
        self.parts.state.written(std::mem::take(&mut execution.changes));
        self.parts.state.executed(&execution.transactions);
        self.parts.purger.erased(&execution);
        self.written = certificate.height();
        if self.parts.chain.may_lack_texts(self.written) {
            self.parts.texts.look_at(self.written);
        }
        // Snapshots that are a few blocks old can still be proven.
        let kept = Height(self.written.0.saturating_sub(PROVABLE_HEIGHTS));
        let mut tree = self.parts.tree.write().unwrap_or_else(PoisonError::into_inner);
        tree.forget_before(kept);
        drop(tree);
        self.certificates = self.certificates.split_off(&self.written.next());
        self.parts
            .batches
            .ordered(execution.block.v1().proposal.batches());
        self.follow_epoch(&execution, concerns_rosters);
        self.parts.inbox.put(Event::Written {
            epoch: execution.block.header().epoch,
            height: self.written,
        });
        self.after_block(&execution, certificate);
    }

    /// Takes what a written block has ended out of the pool and the own batches, and only then tells of it:
    /// whoever found a transaction still pending after the write is told how it ended.
    fn after_block(&self, execution: &Execution, certificate: &Certificate) {
        let (pool, own) = (&self.parts.pool, &self.parts.own);
        let timestamp = execution.block.header().timestamp;
        pool.on_executed(execution.transactions.iter().map(|executed| executed.id));
        pool.on_erased(execution.erased.iter().copied());
        let expired = pool.take_expired(timestamp);
        let mut ended: Vec<_> = expired.into_iter().map(|id| (id, Ended::Expired)).collect();
        let info = self.parts.epoch.get();
        let of_block = info.roster_of(certificate.epoch()).unwrap_or(&info.now);
        let latest = timestamp
            .0
            .saturating_add(of_block.parameters.v1().max_expiry_lead_ms);
        let judge = |intent: &IntentV1| {
            if intent.expires_at.0 > latest {
                Ended::Skipped(Skip::ExpiryTooFar)
            } else {
                Ended::Skipped(Skip::Unauthorised)
            }
        };
        // What was in an own batch and is still pending after the batch was ordered was skipped.
        let ordered = own.ordered(execution.block.v1().proposal.batches());
        ended.extend(ordered.iter().filter_map(|packed| pool.skipped(packed, judge)));
        self.parts
            .committed
            .publish(execution, certificate, &of_block.committee, ended);
    }

    /// Moves the epoch on where the block that was written says so. The core hears of the block after that.
    fn follow_epoch(&self, execution: &Execution, concerns_rosters: bool) {
        let mut has_changed = false;
        if execution.block.header().epoch == self.parts.epoch.get().epoch() {
            has_changed |= self.parts.epoch.forget_former();
        }
        if concerns_rosters {
            has_changed = true;
            self.follow_roster();
        }
        if has_changed {
            (self.parts.admit)();
        }
    }

    /// Reads who takes part, while the block that has changed it is the chain's tip: the core may ask much later.
    fn follow_roster(&self) {
        let read = self.parts.rosters.read(&self.parts.chain.reader());
        let roster = read.unwrap_or_else(|error| match error {
            // Its blocks would be executed by rules that are not theirs.
            NodeError::UnknownProtocol { .. } => fatal(&error.to_string()),
            error => fatal_at_database("the chain database cannot be read", &error),
        });
        if !self.parts.epoch.follow(roster) {
            return;
        }
        let roster = Arc::clone(&self.parts.epoch.get().now);
        if let Err(error) = self.parts.batches.begin_epoch(&roster) {
            fatal_at_database("the chain database cannot be written", &error);
        }
        let last = self.written;
        let ended = EpochEnded { last, roster };
        self.parts.inbox.put(Notice::EpochEnded(Box::new(ended)));
        // What was in batches that no block has got is packed again.
        self.parts.pool.unpack(&self.parts.own.take_all());
    }

    fn apply(&mut self, verified: VerifiedBlock) -> Result<(), ApplyError> {
        let height = verified.height();
        if height <= self.written {
            return Ok(());
        }
        if height != self.written.next() {
            return Err(ApplyError::Gap {
                got: height,
                tip: self.written,
            });
        }
        let VerifiedBlock {
            block,
            certificate,
            batches,
            texts,
        } = verified;
        if self.pending.is_empty() {
            let copies = batches.iter().cloned().zip(texts).collect();
            if let Err(error) = self.parts.batches.write_all::<Arc<CheckedBatch>>(copies) {
                fatal_at_database("batches cannot be written", &error);
            }
            self.execute(&block.v1().proposal, &batches);
        }
        let ours = self.pending[0].tip.block_hash;
        let sealed = certificate.block();
        if ours != sealed {
            return Err(ApplyError::Diverged {
                height,
                ours,
                certified: sealed,
            });
        }
        // What was executed here has the sealed hash; what the peer sent beside it may be anything.
        let batches = self.pending[0].block.v1().proposal.batches().to_vec();
        let ends = end_fixed_by(&self.pending[0]);
        self.write_front(&certificate);
        self.decided = self.decided.split_off(&self.executed().next());
        self.parts.inbox.put(Event::Synced {
            certificate,
            batches,
            ends,
        });
        self.advance();
        Ok(())
    }
}

/// The epoch's last height, if this block has fixed it.
fn end_fixed_by(execution: &Execution) -> Option<Height> {
    execution.agreement.as_ref()?.v1().last
}

#[cfg(test)]
mod tests;
