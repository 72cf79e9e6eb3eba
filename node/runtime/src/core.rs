//! The driver: the one owner of the engine. It steps inputs, makes records durable, and only then
//! lets out what the engine asked for.
//!
//! Invariant: no action of a step leaves before the step's records are on disk, and no own vote is
//! counted or sent before it is (`docs` of [`quorate_consensus::contract`]). The [`gate`] is the only
//! way out.

mod entries;
mod gate;
mod required;
mod timers;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quorate_consensus::{
    Action, Body, Engine, Evidence, Input, LearnedFrom, Message, Record, SignedStatement, Step,
};
use quorate_crypto::{Certificate, Digest, Epoch, Height, SigningKey, ValidatorIndex};
use quorate_ledger::encode;

use self::entries::Entries;
pub(crate) use self::entries::Entry;
use self::gate::{Durable, Gate, Released};
use self::required::{Complete, Required};
use self::timers::Timers;
use crate::batches::BatchStore;
use crate::clock;
use crate::evidence::EvidenceStore;
use crate::executor::{Command, ExecutorHandle};
use crate::fatal;
use crate::flush::{ChainFlusher, JournalWriter};
use crate::inbox::{Event, Outlet};
use crate::links::Links;
use crate::recorder::Recorder;
use crate::standing::{SharedStanding, Standing};
use crate::sync::SyncHandle;

/// Inputs stepped before records are handed to the journal, so that a flood cannot hold back votes.
const STEPS_PER_FLUSH: usize = 512;
/// How often the core looks for batches it still misses.
const FETCH_INTERVAL: Duration = Duration::from_millis(50);
/// One in so many times it asks for those too that it has received and not checked yet.
const FETCH_ALL_EVERY: usize = 8;
/// How long blocks may lie written but not flushed while nothing else asks for a flush.
const BLOCK_FLUSH_INTERVAL: Duration = Duration::from_millis(200);
/// How long after something happened the API and the metrics may see what was before.
const SHOW_DELAY: Duration = Duration::from_millis(50);
/// Heights after which the journal is pruned.
const PRUNE_EVERY: u64 = 16;
/// Events of the next epoch that are kept until it begins here, batches apart.
const MAX_EARLY: usize = 4_096;
/// Blocks written and not flushed that are worth a flush of their own: a crash makes a node execute them
/// again, and its window of votes must reach them.
const UNFLUSHED_BLOCKS: u64 = 8;

/// What the core is made of.
pub(crate) struct CoreSetup {
    pub(crate) network: Digest,
    pub(crate) index: Option<ValidatorIndex>,
    pub(crate) key: SigningKey,
    pub(crate) serving: Serving,
    /// Makes the engine of the epoch that the chain is in now.
    pub(crate) next_epoch: Box<dyn Fn() -> NextEpoch + Send>,
    pub(crate) next_entry: u64,
    pub(crate) replayed: Vec<Entry>,
    pub(crate) journal: JournalWriter,
    pub(crate) prune: Box<dyn Fn(u64) + Send>,
    /// What people call a validator of the committee.
    pub(crate) name_of: Box<dyn Fn(ValidatorIndex) -> String + Send>,
    /// Remembers across restarts that this validator must not vote.
    pub(crate) quarantine: Box<dyn Fn(&str) + Send>,
    pub(crate) evidence: EvidenceStore,
    pub(crate) recorder: Recorder,
    pub(crate) chain_flusher: ChainFlusher,
    pub(crate) batches: Arc<BatchStore>,
    pub(crate) executor: ExecutorHandle,
    pub(crate) links: Links,
    pub(crate) sync: SyncHandle,
    pub(crate) standing: Arc<SharedStanding>,
}

/// An engine with the epoch that it serves.
pub(crate) struct Serving {
    pub(crate) epoch: Epoch,
    pub(crate) engine: Engine,
}

/// What an epoch begins with.
pub(crate) struct NextEpoch {
    pub(crate) serving: Serving,
    /// What its engine asks for first.
    pub(crate) first: Step,
    /// This validator's place, if it may vote.
    pub(crate) index: Option<ValidatorIndex>,
}

/// The driver.
pub(crate) struct Core {
    parts: CoreSetup,
    /// The engine of the epoch before, which goes on answering until this epoch has a block.
    former: Option<Serving>,
    /// The last height of the epoch, once it is known.
    epoch_end: Option<Height>,
    /// What belongs to the next epoch, and came before this one's last block was told of.
    early: Vec<Event>,
    timers: Timers,
    gate: Gate,
    inputs: VecDeque<(Epoch, Input)>,
    /// Encoded records not yet handed to the journal.
    unwritten: Vec<Vec<u8>>,
    entries: Entries,
    /// Proposals that wait for batches.
    required: Required,
    /// Of fetched blocks that are not on disk yet, while an engine of Raft serves.
    synced: Vec<Certificate>,
    fetch_at: Option<Instant>,
    fetch_turn: usize,
    written: Height,
    flushed: Height,
    pruned: Height,
    flush_at: Option<Instant>,
    /// Batch writes that a flush was asked for.
    flush_requested: u64,
    show_at: Option<Instant>,
    diverged: bool,
    /// Signs nothing more.
    halted: bool,
}

impl Core {
    /// A driver for `parts.engine`; `first` is what its start or recovery asked for.
    pub(crate) fn new(
        mut parts: CoreSetup,
        first: Step,
        certified: Height,
        epoch_end: Option<Height>,
    ) -> Self {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).expect("the operating system's random source works");
        let found = std::mem::take(&mut parts.replayed);
        let entries = Entries::new(found, parts.next_entry, parts.serving.epoch);
        let mut core = Self {
            parts,
            former: None,
            epoch_end,
            early: Vec::new(),
            timers: Timers::new(u64::from_le_bytes(seed)),
            gate: Gate::default(),
            inputs: VecDeque::new(),
            unwritten: Vec::new(),
            entries,
            required: Required::default(),
            synced: Vec::new(),
            fetch_at: None,
            fetch_turn: 0,
            written: certified,
            flushed: certified,
            pruned: certified,
            flush_at: None,
            flush_requested: 0,
            show_at: None,
            diverged: false,
            halted: false,
        };
        // What the journal held is on disk.
        core.gate.journal_flushed(core.entries.last());
        let epoch = core.parts.serving.epoch;
        core.take_step(epoch, first);
        core
    }

    /// Runs until [`Event::Stop`].
    pub(crate) async fn run(mut self, mut outlet: Outlet) {
        self.work();
        loop {
            let deadline = self.next_deadline();
            let event = tokio::select! {
                biased;
                event = outlet.inside.recv() => event,
                event = outlet.outside.recv() => event,
                () = tokio::time::sleep_until(deadline.into()) => None,
            };
            let woken = Instant::now();
            if self.timers.restart_after_gap(deadline, woken) {
                tracing::warn!(
                    late_ms = u64::try_from((woken - deadline).as_millis()).unwrap_or(u64::MAX),
                    "this node was stopped or starved; its timers start anew"
                );
            }
            let happened = event.is_some();
            let mut stop = event.is_some_and(|event| self.on_event(event));
            let mut taken = 0;
            while !stop && taken < STEPS_PER_FLUSH {
                let Some(event) = outlet.try_next() else {
                    break;
                };
                stop = self.on_event(event);
                taken += 1;
            }
            if taken > 0 || happened {
                self.work();
            }
            if stop {
                return;
            }
            if taken < STEPS_PER_FLUSH {
                self.fire_timers();
            }
        }
    }

    fn next_deadline(&self) -> Instant {
        let far = Instant::now() + Duration::from_secs(3_600);
        let others = [self.timers.next(), self.fetch_at, self.flush_at, self.show_at];
        others.into_iter().flatten().min().unwrap_or(far)
    }

    /// Takes one event; true means stop.
    fn on_event(&mut self, event: Event) -> bool {
        match event {
            Event::Message(message) => {
                let epoch = message.get().v1().epoch;
                if epoch > self.epoch() {
                    self.keep_for_later(Event::Message(message));
                } else {
                    self.put_for(epoch, Input::Message(message));
                }
            }
            Event::Connected(validator) => self.put(Input::Connected(validator)),
            Event::BatchStored(epoch, _) if epoch > self.epoch() => self.keep_for_later(event),
            Event::BatchStored(epoch, digest) => {
                self.on_arrived(&[digest]);
                self.put_for(epoch, Input::BatchesAvailable(vec![digest]));
            }
            Event::JournalFlushed(entry) => {
                self.gate.journal_flushed(entry);
                self.release();
            }
            Event::ChainFlushed { batches, height } => self.on_chain_flushed(batches, height),
            Event::Executed { height, block, ends } => {
                self.on_epoch_end_fixed(ends);
                self.put(Input::Executed { height, block });
            }
            Event::Written(height) => self.on_written(height),
            Event::Synced {
                certificate,
                batches,
                ends,
            } => {
                self.on_arrived(&batches);
                self.on_epoch_end_fixed(ends);
                let epoch = certificate.epoch();
                self.put_for(epoch, Input::BatchesObsolete(batches));
                if matches!(self.parts.serving.engine, Engine::Raft(_)) {
                    // LearnedFrom of when it is on disk.
                    self.synced.push(certificate);
                    self.parts.chain_flusher.request(0);
                } else {
                    self.put_for(epoch, Input::Synced(certificate));
                }
            }
            Event::Diverged(error) => self.diverge(&error.to_string()),
            Event::Stopping => self.put(Input::Stopping),
            Event::Stop => return true,
        }
        self.drain_inputs();
        false
    }

    fn epoch(&self) -> Epoch {
        self.parts.serving.epoch
    }

    /// An input for the engine of the epoch under way.
    fn put(&mut self, input: Input) {
        self.put_for(self.epoch(), input);
    }

    /// An input for the engine of this epoch; dropped if there is none any more.
    fn put_for(&mut self, epoch: Epoch, input: Input) {
        self.inputs.push_back((epoch, input));
    }

    /// Keeps what the next epoch's engine is to hear. Messages that find no room are sent again; batches are
    /// told of once, and quotas bound them.
    fn keep_for_later(&mut self, event: Event) {
        if self.early.len() < MAX_EARLY || matches!(event, Event::BatchStored(..)) {
            self.early.push(event);
        }
    }

    fn on_epoch_end_fixed(&mut self, ends: Option<Height>) {
        if let Some(last) = ends
            && self.epoch_end.is_none()
        {
            self.epoch_end = Some(last);
            self.put(Input::EpochEnds(last));
        }
    }

    /// The epoch's last block is written: another engine serves from here on.
    fn begin_epoch(&mut self, last: Height) {
        self.drain_inputs();
        let next = (self.parts.next_epoch)();
        tracing::info!(epoch = %next.serving.epoch, votes = next.index.is_some(), "serving a new epoch");
        let former = std::mem::replace(&mut self.parts.serving, next.serving);
        self.timers.cancel_before(former.epoch);
        self.former = Some(former);
        self.parts.recorder.begin_epoch();
        self.epoch_end = None;
        self.halted &= next.index.is_none();
        self.parts.index = next.index;
        self.entries.begin_epoch(self.parts.serving.epoch, last);
        self.required.forget_up_to(last);
        self.take_step(self.epoch(), next.first);
        for event in std::mem::take(&mut self.early) {
            // Only [`Event::Stop`] ends the core, and it is never kept.
            self.on_event(event);
        }
    }

    /// These batches are here now.
    fn on_arrived(&mut self, batches: &[Digest]) {
        let complete = self.required.arrived(batches);
        self.on_complete(complete);
    }

    /// All batches of these proposals are here.
    fn on_complete(&mut self, complete: Vec<Complete>) {
        if complete.is_empty() {
            return;
        }
        self.parts.batches.want(self.required.missing());
        for Complete {
            height,
            proposal,
            asked,
            decided,
        } in complete
        {
            if asked {
                self.put(Input::ProposalAvailable { height, proposal });
            }
            if let Some(proposal) = decided {
                self.parts.executor.send(Command::Execute { height, proposal });
            }
        }
    }

    fn on_chain_flushed(&mut self, batches: u64, height: Height) {
        self.gate.batches_flushed(batches);
        self.release();
        let on_disk = self
            .synced
            .extract_if(.., |certificate| certificate.height() <= height);
        for certificate in on_disk.collect::<Vec<_>>() {
            self.put_for(certificate.epoch(), Input::Synced(certificate));
        }
        if height <= self.flushed {
            return;
        }
        self.flushed = height;
        if height.0 < self.pruned.0 + PRUNE_EVERY {
            return;
        }
        self.pruned = height;
        let (renewed, first) = self.entries.prune(height, self.gate.journal());
        self.unwritten.extend(renewed);
        if let Some(first) = first {
            (self.parts.prune)(first);
        }
    }

    fn on_written(&mut self, height: Height) {
        self.written = self.written.max(height);
        if self.epoch_end == Some(height) {
            self.begin_epoch(height);
        } else if self.former.take().is_some() {
            // The epoch has a block of its own: whoever lags behind it is helped by block sync.
            self.timers.cancel_before(self.epoch());
        }
        self.required.forget_up_to(height);
        if height.0 >= self.flushed.0 + UNFLUSHED_BLOCKS && height.0.is_multiple_of(UNFLUSHED_BLOCKS) {
            self.parts.chain_flusher.request(0);
        }
        if self.flush_at.is_none() {
            self.flush_at = Some(Instant::now() + BLOCK_FLUSH_INTERVAL);
        }
    }

    fn fire_timers(&mut self) {
        let now = Instant::now();
        if self.flush_at.is_some_and(|at| at <= now) {
            self.flush_at = None;
            if self.written > self.flushed {
                self.parts.chain_flusher.request(0);
            }
        }
        if self.fetch_at.is_some_and(|at| at <= now) {
            self.fetch_missing(now);
        }
        if self.show_at.is_some_and(|at| at <= now) {
            self.show();
            self.show_at = None;
            self.parts.recorder.hand_over();
        }
        let mut fired = false;
        while let Some((epoch, timer)) = self.timers.take_due(now) {
            self.put_for(epoch, Input::Timeout(timer));
            fired = true;
        }
        if fired {
            self.work();
        }
    }

    /// Asks one peer after the other for what is missing, the leader first.
    fn fetch_missing(&mut self, now: Instant) {
        // Block sync may have brought what was asked for.
        let store = &self.parts.batches;
        let here: Vec<Digest> = self
            .required
            .missing()
            .into_iter()
            .filter(|digest| store.contains(digest))
            .collect();
        self.on_arrived(&here);
        let mut missing: Vec<Digest> = self.required.missing().into_iter().collect();
        if missing.is_empty() {
            self.fetch_at = None;
            return;
        }
        self.fetch_at = Some(now + FETCH_INTERVAL);
        if !(self.fetch_turn + 1).is_multiple_of(FETCH_ALL_EVERY) {
            missing.retain(|digest| !self.parts.batches.is_unchecked(digest));
        }
        let leader = self.parts.serving.engine.leader();
        if !missing.is_empty() {
            self.parts.links.fetch_batches(leader, self.fetch_turn, &missing);
        }
        self.fetch_turn += 1;
    }

    /// Steps what there is, hands records to the journal, shows where the engine is.
    fn work(&mut self) {
        self.drain_inputs();
        if !self.unwritten.is_empty() {
            self.parts.journal.append(std::mem::take(&mut self.unwritten));
        }
        if self.gate.batches_needed() > self.flush_requested {
            // The flush waits for the last of these writes, so one request is enough.
            self.flush_requested = self.gate.batches_needed();
            self.parts.chain_flusher.request(self.flush_requested);
        }
        if self.show_at.is_none() {
            self.show_at = Some(Instant::now() + SHOW_DELAY);
        }
    }

    fn show(&self) {
        let engine = &self.parts.serving.engine;
        self.parts.standing.set(Standing {
            reign: engine.reign(),
            leader: engine.leader(),
            begun: engine.has_begun(),
            certified: engine.certified(),
            diverged: self.diverged,
            handing_over: engine.is_handing_over(),
            evidence: self.parts.evidence.all(),
            waiting: engine.waiting(),
            unanswered: engine.unanswered(),
        });
    }

    fn drain_inputs(&mut self) {
        while let Some((epoch, input)) = self.inputs.pop_front() {
            let is_former = self.former.as_ref().is_some_and(|former| former.epoch == epoch);
            if !is_former && self.epoch() != epoch {
                continue;
            }
            let former = self.former.as_ref().map(|former| &former.engine);
            let engines = [Some(&self.parts.serving.engine), former];
            let now = clock::now();
            self.parts.recorder.input(engines, epoch, now, &input);
            let serving = match &mut self.former {
                Some(former) if is_former => former,
                _ => &mut self.parts.serving,
            };
            let step = serving.engine.step(now, input);
            self.parts.recorder.outcome(&step);
            if let Some(rejection) = &step.rejection {
                self.parts.standing.count_rejection(rejection);
                tracing::debug!(%rejection, "input rejected");
            }
            self.take_step(epoch, step);
        }
    }

    fn take_step(&mut self, epoch: Epoch, step: Step) {
        let mut held = Vec::new();
        let mut entry = 0;
        for record in &step.records {
            entry = self.record(epoch, record);
        }
        for action in step.actions {
            match action {
                Action::Sign(body) => self.sign(epoch, body),
                Action::SetTimer { timer, after } => self.timers.set(epoch, timer, after, Instant::now()),
                Action::CancelTimer(timer) => self.timers.cancel(epoch, timer),
                other => held.push(other),
            }
        }
        if held.is_empty() {
            return;
        }
        if let Some(actions) = self.gate.pass(entry, held) {
            self.perform(actions);
        }
    }

    /// Appends a record of this epoch's engine to what the journal gets next; returns its entry number.
    fn record(&mut self, epoch: Epoch, record: &Record) -> u64 {
        let bytes = encode(record);
        let entry = self.entries.append(epoch, record, &bytes);
        self.unwritten.push(bytes);
        entry
    }

    fn sign(&mut self, epoch: Epoch, body: Body) {
        let Some(index) = self.parts.index.filter(|_| !self.halted) else {
            return;
        };
        let content = body.signed_bytes(self.parts.network, epoch);
        let signature = self.parts.key.sign(body.domain(), &content);
        let (durable, follows) = (body.must_be_durable(), body.follows_records());
        let vouches = body.vouches_for_batches();
        let message = Message::new(epoch, index, body, signature);
        if !durable && !follows {
            self.put_for(epoch, Input::Own(message));
            return;
        }
        let journal = match durable {
            true => self.record(epoch, &Record::Own(message.clone())),
            false => self.entries.last(),
        };
        let batches = if vouches {
            self.parts.batches.writes_begun()
        } else {
            0
        };
        if let Some(message) = self.gate.pass_own(Durable { journal, batches }, message) {
            self.put_for(epoch, Input::Own(message));
        }
    }

    fn release(&mut self) {
        for released in self.gate.release() {
            match released {
                Released::Actions(actions) => self.perform(actions),
                // What a halted replica has not said yet it never says.
                Released::Own(_) if self.halted => {}
                Released::Own(message) => self.put_for(message.v1().epoch, Input::Own(message)),
            }
        }
    }

    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Broadcast(message) => self.parts.links.broadcast(&message),
                Action::Send { to, message } => self.parts.links.send(to, &message),
                Action::RequireBatches {
                    height,
                    proposal,
                    batches,
                } => {
                    let missing = self.missing_of(&batches);
                    self.required.ask(height, proposal, missing);
                    self.fetch();
                }
                Action::Decide { height, proposal } => {
                    let missing = self.missing_of(proposal.batches());
                    self.required.decide(height, proposal, missing);
                    self.fetch();
                }
                Action::Certify(certificate) => self.parts.executor.send(Command::Certify(certificate)),
                Action::FetchBlocks { to, holders } => self.parts.sync.fetch(to, holders),
                Action::Accuse(evidence) => self.accuse(evidence),
                Action::Diverged {
                    height,
                    ours,
                    certified,
                } => self.diverge(&format!(
                    "block {height} executed here gives {ours}, a quorum sealed {certified}"
                )),
                Action::Forgotten { said, told } => self.forgotten(&said, told),
                Action::Lost { height } => self.halt(&format!(
                    "the journal has an entry at height {height} that follows what neither it nor the chain has, so \
                     one of them has lost something or is of a backup"
                )),
                Action::Sign(_) | Action::SetTimer { .. } | Action::CancelTimer(_) => {
                    unreachable!("taken out of the step before it was held")
                }
            }
        }
    }

    /// Which of these batches are not here; they are taken from now on whatever quotas say.
    fn missing_of(&self, batches: &[Digest]) -> BTreeSet<Digest> {
        let store = &self.parts.batches;
        // Wanted first, looked for then: a batch that arrives in between is seen either way.
        let mut wanted = self.required.missing();
        wanted.extend(batches);
        store.want(wanted);
        let missing = batches.iter().filter(|digest| !store.contains(digest));
        missing.copied().collect()
    }

    /// Goes on with what is complete, and fetches the rest soon.
    fn fetch(&mut self) {
        let complete = self.required.take_complete();
        self.on_complete(complete);
        if self.fetch_at.is_none() && !self.required.missing().is_empty() {
            self.fetch_turn = 0;
            self.fetch_at = Some(Instant::now() + FETCH_INTERVAL);
        }
    }

    fn diverge(&mut self, why: &str) {
        self.diverged = true;
        self.halt(&format!(
            "this node has diverged and keeps its data for inspection: {why}"
        ));
    }

    fn forgotten(&mut self, said: &SignedStatement, told: LearnedFrom) {
        let told = match told {
            LearnedFrom::Message => "a peer has sent back".to_owned(),
            LearnedFrom::Testimony(peer) => format!("{} holds", (self.parts.name_of)(peer)),
            LearnedFrom::Certificate => "a certificate has".to_owned(),
        };
        self.halt(&format!(
            "{told} its {}, which it signed and does not remember, so its journal was lost or is of a \
             backup, or another node uses its key: {}",
            said.statement,
            hex::encode(encode(said))
        ));
    }

    /// Nothing is signed from now on, after a restart neither, and nothing that waits to be said is said.
    fn halt(&mut self, why: &str) {
        if self.halted {
            return;
        }
        self.halted = true;
        // Not in a later epoch either, in which it may vote again.
        self.gate.drop_own();
        self.inputs.retain(|(_, input)| !matches!(input, Input::Own(_)));
        (self.parts.quarantine)(why);
        tracing::error!("{why}; it votes no more and only observes");
    }

    fn accuse(&mut self, evidence: Evidence) {
        let validator = evidence.validator;
        match self.parts.evidence.add(evidence) {
            Ok(true) => tracing::error!(%validator, "a validator has contradicted itself"),
            Ok(false) => {}
            Err(error) => fatal(&format!("evidence cannot be written: {error}")),
        }
    }
}
