//! The driver itself: events in, steps, what they ask for out, halts.

mod batches;
mod chain;

use std::collections::{BTreeSet, VecDeque};
use std::mem;
use std::time::Duration;

use quorate_consensus::{Action, Body, Config, Engine, Input, Message, Record, Step};
use quorate_crypto::{Certificate, Digest, Epoch, Height, Signature, ValidatorIndex};
use quorate_ledger::encode;

use crate::early::Early;
use crate::effect::{
    Effect, EntryNumber, Event, Halt, SignNumber, Standing, Surroundings, Time, Transition, WriteNumber,
};
use crate::entries::Entries;
use crate::fetching::Fetching;
use crate::gate::{Gate, Needs, Pass, Released, Unsigned};
use crate::recovered::Recovered;
use crate::required::Required;
use crate::timers::Timers;
use crate::watch::{Watch, why_left};

/// Makes an engine from what it is told and the records that it left: [`Engine::recover`], but where a test
/// breaks what surrounds a driver.
pub type MakeEngine = fn(Config, Vec<Record>) -> (Engine, Step);

/// Bounds that the shipped node has as they are here, and that simulations draw smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries behind one about a reign before that is written again.
    pub renew_after: usize,
    /// Heights after which the journal is pruned.
    pub prune_every: u64,
    /// Events that a host gives before it closes the round, so that a flood cannot hold back votes.
    pub events_a_round: usize,
}

/// What a driver starts with.
#[derive(Debug)]
pub struct Start {
    /// What the engine of the epoch that the chain is in is told. The chain is on disk up to its certified
    /// height.
    pub config: Config,
    /// What its journal holds; what was to be removed from it is gone, durably.
    pub recovered: Recovered,
    /// How engines are made.
    pub make: MakeEngine,
    /// Bounds.
    pub limits: Limits,
    /// What timers' durations are drawn from; it should differ between validators.
    pub seed: u64,
}

/// An engine with the epoch that it serves and its place in it.
#[derive(Debug)]
struct Serving {
    epoch: Epoch,
    index: Option<ValidatorIndex>,
    engine: Engine,
}

/// How far the change to the next epoch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// The last block is written, and not on disk.
    Unflushed(Height),
    /// The host was asked who agrees next.
    Asked(Height),
}

/// One validator's driver.
#[derive(Debug)]
pub struct Driver {
    network: Digest,
    make: MakeEngine,
    limits: Limits,
    serving: Serving,
    /// The engine of the epoch before, which goes on answering until this epoch has a block.
    former: Option<Serving>,
    /// The last height of the epoch, once it is known.
    epoch_end: Option<Height>,
    change: Option<Change>,
    early: Early,
    timers: Timers,
    gate: Gate,
    inputs: VecDeque<(Epoch, Input)>,
    /// Entries that the journal has not been given.
    unwritten: Vec<(EntryNumber, Vec<u8>)>,
    entries: Entries,
    /// Proposals that wait for batches.
    required: Required,
    /// Of fetched blocks that are not on disk yet, while an engine serves that hears only of such.
    synced: Vec<Certificate>,
    fetching: Fetching,
    written: Height,
    flushed: Height,
    pruned: Height,
    flush_at: Option<Duration>,
    /// Whether blocks are to be flushed when the round is closed.
    flush_blocks: bool,
    /// The batch writes that a flush was asked for.
    flush_requested: WriteNumber,
    /// The last signature that was asked for.
    signing: SignNumber,
    watch: Watch,
    diverged: bool,
    /// Signs nothing more.
    halted: bool,
    /// Whether it has halted since it asked who agrees next: the answer may not know of that.
    halted_since_asked: bool,
    effects: Vec<Effect>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            renew_after: 1_024,
            prune_every: 16,
            events_a_round: 512,
        }
    }
}

impl Driver {
    /// A driver, and what its engine's start or recovery asks for.
    pub fn start(start: Start, time: Time, around: &dyn Surroundings) -> (Self, Vec<Effect>) {
        let Start {
            config,
            recovered,
            make,
            limits,
            seed,
        } = start;
        let (epoch, certified) = (config.committee.epoch(), config.certified);
        let entries = Entries::new(recovered.entries, recovered.next, epoch, limits.renew_after);
        let mut gate = Gate::default();
        // What the journal held is on disk.
        gate.journal_flushed(entries.last());
        let network = config.network;
        let epoch_end = config.epoch_end;
        let index = config.index;
        let (engine, first) = make(config, recovered.records);
        let watch = Watch::new(&engine, time.since_start);
        let mut driver = Self {
            network,
            make,
            limits,
            serving: Serving { epoch, index, engine },
            former: None,
            epoch_end,
            change: None,
            early: Early::default(),
            timers: Timers::new(seed),
            gate,
            inputs: VecDeque::new(),
            unwritten: Vec::new(),
            entries,
            required: Required::default(),
            synced: Vec::new(),
            fetching: Fetching::default(),
            written: certified,
            flushed: certified,
            pruned: certified,
            flush_at: None,
            flush_blocks: false,
            flush_requested: WriteNumber::default(),
            signing: SignNumber::default(),
            watch,
            diverged: false,
            halted: false,
            halted_since_asked: false,
            effects: Vec::new(),
        };
        driver.take_step(epoch, first, time, around);
        let effects = driver.finish(time, around);
        (driver, effects)
    }

    /// Takes one event. Records gather until the round is closed.
    pub fn on(&mut self, time: Time, event: Event, around: &dyn Surroundings) -> Vec<Effect> {
        self.take(time, event, around);
        self.finish(time, around)
    }

    /// Fires what is due; after a gap in the host's loop restarts all timers instead (pitfall 35).
    pub fn tick(&mut self, time: Time, around: &dyn Surroundings) -> Vec<Effect> {
        let now = time.since_start;
        if let Some(deadline) = self.deadline()
            && self.timers.restart_after_gap(deadline, now)
        {
            let by = now.saturating_sub(deadline);
            self.effects.push(Effect::Tell(Transition::Late { by }));
        }
        if self.flush_at.is_some_and(|at| at <= now) {
            self.flush_at = None;
            self.flush_blocks |= self.written > self.flushed;
        }
        if self.fetching.next_at().is_some_and(|at| at <= now) {
            self.fetch_missing(now, around);
        }
        let (effects, engine) = (&mut self.effects, &self.serving.engine);
        let mut tell = |transition| effects.push(Effect::Tell(transition));
        self.watch.look(engine, now, &mut tell);
        while let Some((epoch, timer)) = self.timers.take_due(now) {
            self.put_for(epoch, Input::Timeout(timer));
            self.drain(time, around);
        }
        self.finish(time, around)
    }

    /// Group commit: the round's records as one [`Effect::Append`], and at most one flush of the chain.
    pub fn close_round(&mut self) -> Vec<Effect> {
        let mut effects = mem::take(&mut self.effects);
        if !self.unwritten.is_empty() {
            effects.push(Effect::Append(mem::take(&mut self.unwritten)));
        }
        let needed = self.gate.writes_needed();
        let needed = needed.filter(|needed| *needed > self.flush_requested);
        if needed.is_some() || mem::take(&mut self.flush_blocks) {
            // The flush waits for the last of these writes, so one request is enough.
            self.flush_requested = needed.unwrap_or(self.flush_requested);
            self.flush_blocks = false;
            let writes = self.flush_requested;
            effects.push(Effect::FlushChain { writes });
        }
        effects
    }

    /// When something is due next, since the host's start.
    pub fn deadline(&self) -> Option<Duration> {
        let fetch_at = self.fetching.next_at();
        let look_at = Some(self.watch.deadline());
        let all = [self.timers.next(), fetch_at, self.flush_at, look_at];
        all.into_iter().flatten().min()
    }

    /// The bounds that it was started with.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Where its engine is.
    pub fn standing(&self) -> Standing {
        let engine = &self.serving.engine;
        Standing {
            epoch: self.serving.epoch,
            reign: engine.reign(),
            leader: engine.leader(),
            begun: engine.has_begun(),
            votes: self.serving.index.is_some() && !self.halted,
            certified: engine.certified(),
            diverged: self.diverged,
            handing_over: engine.is_handing_over(),
            waiting: engine.waiting(),
            unanswered: engine.unanswered(),
        }
    }

    /// The epoch under way.
    pub fn epoch(&self) -> Epoch {
        self.serving.epoch
    }

    /// The last height of the epoch under way, once it is known.
    pub fn epoch_end(&self) -> Option<Height> {
        self.epoch_end
    }

    /// Its engines, the one of the epoch under way first.
    pub fn engines(&self) -> [Option<&Engine>; 2] {
        let former = self.former.as_ref();
        [Some(&self.serving.engine), former.map(|former| &former.engine)]
    }

    /// The engine of an epoch, if there is one.
    pub fn engine_of(&self, epoch: Epoch) -> Option<&Engine> {
        self.serving_of(epoch).map(|serving| &serving.engine)
    }

    /// Lets the timer run out at once by which its engine gives up on whoever leads, if it runs: for
    /// simulations.
    pub fn time_out(&mut self, time: Time, around: &dyn Surroundings) -> Vec<Effect> {
        if let Some((epoch, timer)) = self.timers.take_giving_up() {
            self.put_for(epoch, Input::Timeout(timer));
        }
        self.finish(time, around)
    }

    fn take(&mut self, time: Time, event: Event, around: &dyn Surroundings) {
        if event.epoch().is_some_and(|epoch| epoch > self.epoch()) {
            self.early.keep(event);
            return;
        }
        match event {
            Event::Message(message) => {
                self.note_voucher(message.get(), time);
                let of = message.get().v1().epoch;
                let taken_for_now = of < self.epoch() && breaks!(FormerEpochCounted);
                let epoch = if taken_for_now { self.epoch() } else { of };
                self.put_for(epoch, Input::Message(message));
            }
            Event::Connected { epoch, validator } => self.put_for(epoch, Input::Connected(validator)),
            Event::HeldBack { epoch, validator } => self.put_for(epoch, Input::HeldBack(validator)),
            Event::BatchStored { epoch, digest } => {
                self.on_arrived(&[digest], around);
                self.put_for(epoch, Input::BatchesAvailable(vec![digest]));
            }
            Event::JournalFlushed(entry) => self.gate.journal_flushed(entry),
            Event::ChainFlushed { writes, height } => self.on_chain_flushed(writes, height),
            Event::Executed {
                epoch,
                height,
                block,
                ends,
            } => {
                self.on_end_fixed(epoch, ends);
                self.put_for(epoch, Input::Executed { height, block });
            }
            Event::Written { epoch, height } => self.on_written(epoch, height, time),
            Event::Synced {
                certificate,
                batches,
                ends,
            } => self.on_synced(certificate, batches, ends, around),
            Event::EpochReady(config) => self.begin_epoch(*config, time, around),
            Event::Diverged {
                height,
                ours,
                certified,
            } => self.diverge(height, ours, certified),
            Event::Signed { number, signature } => self.on_signed(number, signature),
            Event::SignRefused { why, .. } => self.halt(Halt::Refused(why)),
            Event::Stopping => self.put(Input::Stopping),
        }
    }

    /// Steps what there is, lets out what may leave, until nothing is left to do.
    fn finish(&mut self, time: Time, around: &dyn Surroundings) -> Vec<Effect> {
        loop {
            self.drain(time, around);
            let Some((pass, released)) = self.gate.release() else {
                return mem::take(&mut self.effects);
            };
            match released {
                Released::Actions(epoch, actions) => {
                    for action in actions {
                        self.perform(&pass, epoch, action, time, around);
                    }
                }
                // What a halted replica has not said yet it never says.
                Released::Own(_) if self.halted => {}
                Released::Own(message) => self.put_for(message.v1().epoch, Input::Own(message)),
            }
        }
    }

    /// An input for the engine of the epoch under way.
    fn put(&mut self, input: Input) {
        self.put_for(self.epoch(), input);
    }

    /// An input for the engine of this epoch; dropped if there is none any more.
    fn put_for(&mut self, epoch: Epoch, input: Input) {
        self.inputs.push_back((epoch, input));
    }

    fn serving_of(&self, epoch: Epoch) -> Option<&Serving> {
        let both = [Some(&self.serving), self.former.as_ref()];
        both.into_iter().flatten().find(|serving| serving.epoch == epoch)
    }

    fn drain(&mut self, time: Time, around: &dyn Surroundings) {
        while let Some((epoch, input)) = self.inputs.pop_front() {
            if self.serving_of(epoch).is_none() {
                continue;
            }
            around.before_step(self.engines(), epoch, time.wall, &input);
            let serving = match &mut self.former {
                Some(former) if former.epoch == epoch => former,
                _ => &mut self.serving,
            };
            let left = why_left(&input);
            let step = serving.engine.step(time.wall, input);
            around.after_step(epoch, &serving.engine, &step);
            if epoch == self.serving.epoch {
                let (effects, engine) = (&mut self.effects, &self.serving.engine);
                let mut tell = |transition| effects.push(Effect::Tell(transition));
                self.watch.after_step(engine, left, time.since_start, &mut tell);
            }
            self.take_step(epoch, step, time, around);
        }
    }

    /// Notes a step's records, and puts what it asks for behind the gate, in order (D2, D3).
    fn take_step(&mut self, epoch: Epoch, step: Step, time: Time, around: &dyn Surroundings) {
        let mut last = EntryNumber::default();
        for record in &step.records {
            if matches!(record, Record::Prepared(_)) && breaks!(PreparedNotKept) {
                continue;
            }
            last = self.record(epoch, record);
        }
        let mut actions = Vec::new();
        for action in step.actions {
            match action {
                // A timer measures peers and binds nothing. Held back, it would be the old one that fires
                // after a wait for this node's own disk.
                Action::SetTimer { timer, after } => {
                    self.timers.set(epoch, timer, after, time.since_start);
                }
                Action::CancelTimer(timer) => self.timers.cancel(epoch, timer),
                Action::HandOver { to, batches } => {
                    self.effects.push(Effect::HandOver { epoch, to, batches });
                }
                // At once: what waits to be said, or is about to be signed, is what must not leave any more (D7).
                Action::Diverged {
                    height,
                    ours,
                    certified,
                } => self.diverge(height, ours, certified),
                Action::Forgotten { said, told } => self.halt(Halt::Forgotten {
                    statement: said,
                    learned_from: told,
                }),
                Action::Lost { height } => self.halt(Halt::Lost { height }),
                Action::Sign(body) => {
                    if !actions.is_empty() {
                        self.gate.hold_actions(epoch, last, mem::take(&mut actions));
                    }
                    self.sign(epoch, body, last, around);
                }
                other => actions.push(other),
            }
        }
        if !actions.is_empty() {
            self.gate.hold_actions(epoch, last, actions);
        }
    }

    /// Appends a record of this epoch's engine to what the journal gets next; returns its entry number.
    fn record(&mut self, epoch: Epoch, record: &Record) -> EntryNumber {
        let number = self.entries.append(epoch, record);
        self.unwritten.push((number, encode(record)));
        number
    }

    /// Asks for a signature, and holds the message's place behind the gate. `last` is the step's last entry.
    fn sign(&mut self, epoch: Epoch, body: Body, last: EntryNumber, around: &dyn Surroundings) {
        let Some(serving) = self.serving_of(epoch).filter(|_| !self.halted) else {
            return;
        };
        let Some(sender) = serving.index else { return };
        // Asked whether it vouches, not for which batches: one flush covers all writes that have begun, and
        // a batch can be seen before its write returns.
        let vouches = !serving.engine.vouched(&body).is_empty();
        let waits = vouches && votes_wait_for_batches();
        let needs = Needs {
            journal: if body.follows_records() {
                self.entries.last()
            } else {
                last
            },
            writes: if waits {
                around.writes_begun()
            } else {
                WriteNumber::default()
            },
        };
        let content = body.signed_bytes(self.network, epoch);
        let domain = body.domain();
        self.signing = self.signing.next();
        let number = self.signing;
        let unsigned = Unsigned {
            number,
            epoch,
            sender,
            body,
        };
        self.gate.hold_unsigned(needs, unsigned);
        self.effects.push(Effect::Sign {
            number,
            epoch,
            domain,
            content,
        });
    }

    fn on_signed(&mut self, number: SignNumber, signature: Signature) {
        let (entries, unwritten) = (&mut self.entries, &mut self.unwritten);
        // None waits for it if the driver has halted since.
        self.gate.signed(number, signature, |message| {
            let v1 = message.v1();
            v1.body.must_be_durable().then(|| {
                let record = Record::Own(message.clone());
                let entry = entries.append(v1.epoch, &record);
                unwritten.push((entry, encode(&record)));
                entry
            })
        });
    }

    /// Does one thing that a step of this epoch's engine asked for: the only way out (D1).
    fn perform(&mut self, _pass: &Pass, epoch: Epoch, action: Action, time: Time, around: &dyn Surroundings) {
        match action {
            Action::Broadcast(message) => self.effects.push(Effect::Broadcast(message)),
            Action::Send { to, message } => self.effects.push(Effect::Send { to, message }),
            Action::RequireBatches {
                height,
                proposal,
                batches,
            } => {
                let missing = match breaks!(BatchesUnchecked) {
                    true => BTreeSet::new(),
                    false => self.missing_of(&batches, around),
                };
                self.required.ask(height, proposal, missing);
                self.fetch(time, around);
            }
            Action::Decide { height, proposal } => {
                let missing = self.missing_of(proposal.batches(), around);
                self.required.decide(height, proposal, missing);
                self.fetch(time, around);
            }
            Action::Certify(certificate) => self.effects.push(Effect::Certify(certificate)),
            Action::FetchBlocks { to, holders } => {
                self.effects.push(Effect::FetchBlocks { epoch, to, holders });
            }
            Action::Accuse(evidence) => self.effects.push(Effect::KeepEvidence(Box::new(evidence))),
            Action::Sign(_)
            | Action::SetTimer { .. }
            | Action::CancelTimer(_)
            | Action::HandOver { .. }
            | Action::Diverged { .. }
            | Action::Forgotten { .. }
            | Action::Lost { .. } => unreachable!("taken out of the step before it was held"),
        }
    }

    fn diverge(&mut self, height: Height, ours: Digest, certified: Digest) {
        self.diverged = true;
        self.halt(Halt::Diverged {
            height,
            ours,
            certified,
        });
    }

    /// Nothing is signed from now on, after a restart neither, and nothing that waits to be said is said (D7).
    fn halt(&mut self, why: Halt) {
        if mem::replace(&mut self.halted, true) {
            return;
        }
        // Not in a later epoch either, in which it may vote again.
        self.halted_since_asked = matches!(self.change, Some(Change::Asked(_)));
        self.gate.drop_own();
        self.inputs.retain(|(_, input)| !matches!(input, Input::Own(_)));
        self.effects.push(Effect::Quarantine(Box::new(why)));
    }
}

impl Event {
    /// The epoch that it belongs to, if it waits for that to begin.
    fn epoch(&self) -> Option<Epoch> {
        match self {
            Self::Message(message) => Some(message_epoch(message.get())),
            Self::BatchStored { epoch, .. } | Self::Executed { epoch, .. } | Self::Written { epoch, .. } => {
                Some(*epoch)
            }
            Self::Synced { certificate, .. } => Some(certificate.epoch()),
            Self::Connected { epoch, .. } | Self::HeldBack { epoch, .. } => Some(*epoch),
            Self::JournalFlushed(_)
            | Self::ChainFlushed { .. }
            | Self::EpochReady(_)
            | Self::Diverged { .. }
            | Self::Signed { .. }
            | Self::SignRefused { .. }
            | Self::Stopping => None,
        }
    }
}

/// They do, but where a test breaks that.
fn votes_wait_for_batches() -> bool {
    match breaks!(BatchesNotDurable) {
        true => false,
        false => !breaks!(BatchesUnchecked),
    }
}

fn message_epoch(message: &Message) -> Epoch {
    message.v1().epoch
}
