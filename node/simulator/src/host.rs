//! One validator's machine: the driver of its engine, after the contract's rules, and a model
//! of its disk, of which a crash leaves only what was flushed.

mod batches;
mod chain;
mod driver;
mod epochs;
mod links;
mod loss;
mod notes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use quorate_consensus::{
    Action, Config, Engine, Input, Message, Record, Step, Timer, TimerRange, paxos, pbft, raft,
};
use quorate_crypto::{Digest, Epoch, Height, ValidatorIndex};
use quorate_ledger::{ParametersV1, Proposal};

use self::notes::NotedReign;
use crate::chart::NoteKind;
use crate::ledger::{KeptBlock, Ledger};
use crate::liar::Liar;
use crate::scenario::{Broken, Lie};
use crate::workload::Submission;
use crate::world::{Scheduled, Wire, World};

/// What a crash leaves.
#[derive(Clone, Debug, Default)]
struct Disk {
    records: Vec<Record>,
    blocks: Vec<KeptBlock>,
    batches: BTreeSet<Digest>,
    /// What a rejoin has to carry, while the validator must not vote.
    quarantine: Option<Digest>,
}

/// An engine with the epoch that it serves.
#[derive(Debug)]
struct Serving {
    epoch: Epoch,
    engine: Engine,
}

/// What waits for a flush: records, and what may be done once they are durable.
#[derive(Clone, Debug, Default)]
struct Group {
    records: Vec<Record>,
    then: Vec<Then>,
}

#[derive(Clone, Debug)]
enum Then {
    Act(Epoch, Box<Action>),
    /// With the batches that it vouches for.
    Own(Box<Message>, Vec<Digest>),
}

/// What a process holds in memory.
#[derive(Debug)]
struct Process {
    serving: Serving,
    /// The engine of the epoch before, which goes on answering until this epoch has a block.
    former: Option<Serving>,
    /// The last height of the epoch, once it is known.
    epoch_end: Option<Height>,
    /// Whether the epoch's last block is certified, and being written: nothing else is done meanwhile.
    changing: bool,
    /// Own batches that no certified block has yet, of this life.
    own: BTreeMap<Digest, Submission>,
    /// When each peer's word for a later epoch was last looked into.
    looked_ahead: BTreeMap<ValidatorIndex, u64>,
    open: Group,
    flushing: Option<Group>,
    ready: VecDeque<Then>,
    releasing: bool,
    timers: BTreeMap<(Epoch, Timer), (u64, TimerRange)>,
    batches: BTreeMap<Digest, u64>,
    required: BTreeMap<(Height, Digest), Vec<Digest>>,
    answered: BTreeSet<(Height, Digest)>,
    /// Own votes whose batches are not durable yet.
    held: Vec<(Message, Vec<Digest>)>,
    decided: BTreeMap<Height, Proposal>,
    executing: bool,
    ledger: Ledger,
    /// Executed and not certified.
    executed: BTreeMap<Height, KeptBlock>,
    /// Certified, durable or not.
    chain: Vec<KeptBlock>,
    block_written_at: u64,
    fetch: Option<(Height, Vec<ValidatorIndex>)>,
}

/// One machine.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) place: usize,
    pub(crate) validator: ValidatorIndex,
    pub(crate) lie: Option<Lie>,
    pub(crate) life: u64,
    pub(crate) paused: bool,
    /// What came while it stood still.
    unheard: Vec<Scheduled>,
    settings: Settings,
    disk: Disk,
    /// A copy of the disk, to restore it from.
    backup: Disk,
    /// How often it was told not to vote, or found out that it must not.
    quarantines: u64,
    /// Whether it has lost what it signed and nobody has noticed: it may find out.
    unaware: bool,
    process: Option<Process>,
    /// What the chart knows of its reign.
    noted: NotedReign,
    liar: Liar,
}

/// What is the same throughout a host's lives.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) engine: quorate_crypto::Protocol,
    pub(crate) parameters: ParametersV1,
    pub(crate) timing: quorate_consensus::Timing,
    pub(crate) members_wait: bool,
    pub(crate) broken: Option<Broken>,
    pub(crate) least_flush_us: u64,
    pub(crate) flush_us: u64,
    pub(crate) chain_lag_us: u64,
    pub(crate) clock_skew_ms: i64,
}

impl Process {
    /// The engine of an epoch, if there is one still.
    fn engine_of(&mut self, epoch: Epoch) -> Option<&mut Engine> {
        let both = [Some(&mut self.serving), self.former.as_mut()];
        let mut engines = both.into_iter().flatten();
        let serving = engines.find(|serving| serving.epoch == epoch)?;
        Some(&mut serving.engine)
    }

    /// Its engines, the one of the epoch under way first.
    fn engines(&self) -> [Option<&Engine>; 2] {
        let former = self.former.as_ref();
        [Some(&self.serving.engine), former.map(|former| &former.engine)]
    }
}

impl Settings {
    fn breaks(&self, rule: Broken) -> bool {
        self.broken == Some(rule)
    }

    /// The scenario's engine, whatever quorums its committee has.
    fn recover(&self, config: Config, records: Vec<Record>) -> (Engine, Step) {
        match self.engine {
            quorate_crypto::Protocol::Pbft => {
                let (replica, step) = pbft::Replica::recover(config, records);
                (Engine::Pbft(Box::new(replica)), step)
            }
            quorate_crypto::Protocol::Raft => {
                let (replica, step) = raft::Replica::recover(config, records);
                (Engine::Raft(Box::new(replica)), step)
            }
            quorate_crypto::Protocol::Paxos => {
                let (replica, step) = paxos::Replica::recover(config, records);
                (Engine::Paxos(Box::new(replica)), step)
            }
        }
    }

    /// The engine on this thread is this host's from now on, with its broken rule.
    #[cfg(broken_rules)]
    fn break_rule(&self) {
        quorate_consensus::broken::set(match self.broken {
            Some(Broken::Engine(rule)) => Some(rule),
            _ => None,
        });
    }

    #[cfg(not(broken_rules))]
    #[expect(clippy::unused_self, reason = "it has a rule to break in test builds")]
    fn break_rule(&self) {}
}

impl Host {
    pub(crate) fn new(place: usize, validator: ValidatorIndex, lie: Option<Lie>, settings: Settings) -> Self {
        Self {
            place,
            validator,
            lie,
            life: 0,
            paused: false,
            unheard: Vec::new(),
            settings,
            disk: Disk::default(),
            backup: Disk::default(),
            quarantines: 0,
            unaware: false,
            process: None,
            noted: NotedReign::default(),
            liar: Liar::default(),
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.process.is_some()
    }

    pub(crate) fn is_honest(&self) -> bool {
        self.lie.is_none()
    }

    fn is_censor(&self) -> bool {
        matches!(self.lie, Some(Lie::Censor(_)))
    }

    /// The certified chain, as the process knows it.
    pub(crate) fn chain(&self) -> &[KeptBlock] {
        self.process
            .as_ref()
            .map_or(&self.disk.blocks, |process| &process.chain)
    }

    /// How many batches of its own no block has yet, of those that were submitted in this life.
    pub(crate) fn under_way(&self) -> usize {
        self.process.as_ref().map_or(0, |process| process.own.len())
    }

    /// Batches that survive whatever happens, but the end of their epoch.
    pub(crate) fn durable_batches(&self) -> &BTreeSet<Digest> {
        &self.disk.batches
    }

    /// All batches executed and certified.
    pub(crate) fn ordered(&self) -> BTreeSet<Digest> {
        self.chain()
            .iter()
            .flat_map(|block| block.proposal().batches())
            .copied()
            .collect()
    }

    pub(crate) fn engine(&self) -> Option<&Engine> {
        self.process.as_ref().map(|process| &process.serving.engine)
    }

    /// The engine of an epoch, if one is there.
    fn engine_of(&self, epoch: Epoch) -> Option<&Engine> {
        let process = self.process.as_ref()?;
        let both = [Some(&process.serving), process.former.as_ref()];
        let mut both = both.into_iter().flatten();
        both.find(|serving| serving.epoch == epoch)
            .map(|serving| &serving.engine)
    }

    pub(crate) fn start(&mut self, world: &mut World) {
        if self.process.is_some() {
            return;
        }
        self.life += 1;
        self.paused = false;
        let ledger = self.replayed(world);
        let agreement = ledger.agreement();
        let epoch = agreement.v1().epoch;
        self.forget_foreign_batches(world, epoch, &ledger);
        let records = self.records_of(world, epoch);
        let votes = self.may_vote(world, epoch, &ledger);
        let config = self.config(world, &agreement, votes);
        if self.life > 1 {
            world.note(Some(self.place), NoteKind::Start, || {
                let says = if votes { "" } else { ", observes" };
                format!("starts in epoch {epoch}, certified h{}{says}", config.certified)
            });
        }
        self.settings.break_rule();
        self.noted = NotedReign::default();
        let (engine, step) = self.settings.recover(config, records);
        self.process = Some(Process {
            serving: Serving { epoch, engine },
            former: None,
            epoch_end: agreement.v1().last,
            changing: false,
            own: BTreeMap::new(),
            looked_ahead: BTreeMap::new(),
            open: Group::default(),
            flushing: None,
            ready: VecDeque::new(),
            releasing: false,
            timers: BTreeMap::new(),
            batches: self.disk.batches.iter().map(|batch| (*batch, 0)).collect(),
            required: BTreeMap::new(),
            answered: BTreeSet::new(),
            held: Vec::new(),
            decided: BTreeMap::new(),
            executing: false,
            ledger,
            executed: BTreeMap::new(),
            chain: self.disk.blocks.clone(),
            block_written_at: 0,
            fetch: None,
        });
        self.take(world, epoch, step);
        let ordered = self.ordered();
        let waiting: Vec<Digest> = self.disk.batches.difference(&ordered).copied().collect();
        if !waiting.is_empty() {
            self.step(world, Input::BatchesAvailable(waiting));
        }
        self.ask_to_rejoin(world);
        world.schedule_at(self.place, self.life, 50_000, Scheduled::Housekeeping);
    }

    /// The process dies. What was being flushed is on disk up to some record.
    pub(crate) fn crash(&mut self, world: &mut World) {
        let Some(process) = self.process.take() else {
            return;
        };
        world.note(Some(self.place), NoteKind::Crash, || "crashes".to_owned());
        if let Some(group) = process.flushing {
            let kept = world.random.between(0, group.records.len() as u64);
            let kept = usize::try_from(kept).unwrap_or(0);
            self.keep(world, group.records.into_iter().take(kept).collect());
        }
        self.life += 1;
        self.paused = false;
        self.unheard.clear();
    }

    /// These records are on disk.
    fn keep(&mut self, world: &mut World, records: Vec<Record>) {
        for record in records.iter().filter(|_| self.lie.is_none()) {
            if let Record::Prepared(certificate) = record {
                world.checker.on_kept(self.validator, certificate.height);
            }
        }
        self.disk.records.extend(records);
    }

    /// Its engine hears that the process will end.
    pub(crate) fn stop(&mut self, world: &mut World) {
        world.note(Some(self.place), NoteKind::Pause, || "is told to stop".to_owned());
        if !self.paused {
            self.step(world, Input::Stopping);
        }
    }

    /// From now on its clock is wrong by this.
    pub(crate) fn set_clock(&mut self, skew_ms: i64) {
        self.settings.clock_skew_ms = skew_ms;
    }

    pub(crate) fn pause(&mut self, world: &mut World) {
        if self.process.is_some() && !self.paused {
            world.note(Some(self.place), NoteKind::Pause, || "stands still".to_owned());
            self.paused = true;
        }
    }

    /// Goes on: what was received is stepped first, and timers are restarted, not fired.
    pub(crate) fn resume(&mut self, world: &mut World) {
        if !std::mem::take(&mut self.paused) {
            return;
        }
        world.note(Some(self.place), NoteKind::Resume, || "goes on".to_owned());
        let unheard = std::mem::take(&mut self.unheard);
        let (timers, others): (Vec<_>, Vec<_>) = unheard
            .into_iter()
            .partition(|event| matches!(event, Scheduled::Timer { .. }));
        for event in others {
            self.on_event(world, event);
        }
        for event in timers {
            if let Scheduled::Timer {
                epoch,
                timer,
                generation,
            } = event
                && let Some((running, range)) = self
                    .process
                    .as_ref()
                    .and_then(|p| p.timers.get(&(epoch, timer)).copied())
                && running == generation
            {
                self.set_timer(world, epoch, timer, range);
            }
        }
    }

    /// Packs what is submitted here, unless it stands still.
    pub(crate) fn submit(&mut self, world: &mut World, what: Submission) {
        let Some(process) = self.process.as_mut().filter(|process| !process.changing) else {
            return;
        };
        if self.paused || process.own.values().any(|under_way| *under_way == what) {
            return;
        }
        let batch = world.pack(self.validator, process.serving.epoch, what);
        if process.ledger.ordered.contains(&batch) {
            return;
        }
        process.own.insert(batch, what);
        self.keep_batch(world, batch);
        self.tell_all(world, &Wire::Batch(batch));
    }

    /// Something happens; `life` tells what a former life began.
    pub(crate) fn on_event_of(&mut self, world: &mut World, life: u64, event: Scheduled) {
        if self.process.is_none() || (life != self.life && life != u64::MAX) {
            return;
        }
        if self.paused {
            self.unheard.push(event);
            return;
        }
        self.on_event(world, event);
    }

    fn on_event(&mut self, world: &mut World, event: Scheduled) {
        let Some(process) = &mut self.process else { return };
        if process.changing && !matches!(event, Scheduled::EpochDurable) {
            self.unheard.push(event);
            return;
        }
        match event {
            Scheduled::Deliver { from, wire } => self.on_wire(world, from, wire),
            Scheduled::Connected { peer } => self.step(world, Input::Connected(peer)),
            Scheduled::Flushed => {
                if let Some(group) = process.flushing.take() {
                    self.keep(world, group.records);
                    if let Some(meter) = &mut world.meter {
                        meter.on_flushed(world.now);
                    }
                    self.release(world, group.then);
                }
                self.flush(world);
            }
            Scheduled::BatchDurable { batch } => {
                if process.batches.contains_key(&batch) {
                    self.disk.batches.insert(batch);
                }
                let held = std::mem::take(&mut process.held);
                for (message, batches) in held {
                    self.own(world, message, batches);
                }
            }
            Scheduled::BlockDurable { height } => self.on_block_durable(world, height),
            Scheduled::Execute { height } => self.on_execute(world, height),
            Scheduled::Timer {
                epoch,
                timer,
                generation,
            } => {
                if process
                    .timers
                    .get(&(epoch, timer))
                    .is_some_and(|(running, _)| *running == generation)
                {
                    process.timers.remove(&(epoch, timer));
                    self.note_timer(world, timer);
                    self.step_in(world, epoch, Input::Timeout(timer));
                }
            }
            Scheduled::EpochDurable => self.begin_epoch(world),
            Scheduled::Synced { certificate, batches } => self.on_synced(world, certificate, batches),
            Scheduled::Housekeeping => self.on_housekeeping(world),
        }
    }
}
