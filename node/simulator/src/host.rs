//! One validator's machine: the driver of its engine, after the contract's three rules, and a model
//! of its disk, of which a crash leaves only what was flushed.

mod batches;
mod chain;
mod driver;
mod links;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use quorate_consensus::pbft::Replica;
use quorate_consensus::{Action, Config, Input, Message, Record, Timer, TimerRange};
use quorate_crypto::{Digest, Height, ValidatorIndex, sha256};
use quorate_ledger::{Parameters, ParametersV1, Proposal};

use crate::ledger::{KeptBlock, Ledger};
use crate::liar::Liar;
use crate::scenario::{Broken, Lie};
use crate::world::{Event, Wire, World};

/// What a crash leaves.
#[derive(Clone, Debug, Default)]
struct Disk {
    records: Vec<Record>,
    blocks: Vec<KeptBlock>,
    batches: BTreeSet<Digest>,
}

/// What waits for a flush: records, and what may be done once they are durable.
#[derive(Clone, Debug, Default)]
struct Group {
    records: Vec<Record>,
    then: Vec<Then>,
}

#[derive(Clone, Debug)]
enum Then {
    Act(Box<Action>),
    Own(Box<Message>),
}

/// What a process holds in memory.
#[derive(Debug)]
struct Process {
    engine: Replica,
    open: Group,
    flushing: Option<Group>,
    ready: VecDeque<Then>,
    releasing: bool,
    timers: BTreeMap<Timer, (u64, TimerRange)>,
    batches: BTreeMap<Digest, u64>,
    required: BTreeMap<(Height, Digest), Vec<Digest>>,
    answered: BTreeSet<(Height, Digest)>,
    /// Own votes whose batches are not durable yet.
    held: Vec<Message>,
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
    backlog: Vec<Event>,
    settings: Settings,
    disk: Disk,
    backup: Option<Disk>,
    /// Its disk is a copy of a former one.
    restored: bool,
    /// It has found that it forgot what it signed, and remembers that.
    quarantined: bool,
    process: Option<Process>,
    liar: Liar,
}

/// What is the same throughout a host's lives.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) parameters: ParametersV1,
    pub(crate) timing: quorate_consensus::Timing,
    pub(crate) broken: Option<Broken>,
    pub(crate) flush_us: u64,
    pub(crate) chain_lag_us: u64,
    pub(crate) clock_skew_ms: i64,
}

impl Settings {
    fn breaks(&self, rule: Broken) -> bool {
        self.broken == Some(rule)
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
            backlog: Vec::new(),
            settings,
            disk: Disk::default(),
            backup: None,
            restored: false,
            quarantined: false,
            process: None,
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

    /// Batches that survive whatever happens.
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

    pub(crate) fn engine(&self) -> Option<&Replica> {
        self.process.as_ref().map(|process| &process.engine)
    }

    pub(crate) fn start(&mut self, world: &mut World) {
        if self.process.is_some() {
            return;
        }
        self.life += 1;
        self.paused = false;
        let records = match self.settings.broken {
            Some(Broken::JournalLost) => Vec::new(),
            Some(Broken::UnsentKept) => self.disk.records.clone(),
            _ => Record::without_unsent(self.disk.records.clone(), |batch| {
                self.disk.batches.contains(batch)
            }),
        };
        let config = Config {
            network: world.network,
            committee: world.committee.clone(),
            index: Some(self.validator).filter(|_| !self.is_censor() && !self.quarantined),
            parameters: Parameters::V1(self.settings.parameters.clone()),
            epoch_start: Height::GENESIS,
            epoch_end: None,
            certified: Height(self.disk.blocks.len() as u64),
            certificate: self
                .disk
                .blocks
                .last()
                .and_then(|block| block.certificate.clone()),
            // A liar would keep the answers to itself.
            inquiry: self.is_honest().then(|| self.nonce(world)),
            timing: self.settings.timing,
        };
        world.note(|| format!("{}: starts, certified {}", self.validator, config.certified));
        self.settings.break_rule();
        let (engine, step) = Replica::recover(config, records);
        self.process = Some(Process {
            engine,
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
            ledger: self.replayed(world),
            executed: BTreeMap::new(),
            chain: self.disk.blocks.clone(),
            block_written_at: 0,
            fetch: None,
        });
        self.take(world, step);
        let ordered = self.ordered();
        let waiting: Vec<Digest> = self.disk.batches.difference(&ordered).copied().collect();
        if !waiting.is_empty() {
            self.step(world, Input::BatchesAvailable(waiting));
        }
        world.schedule_at(self.place, self.life, 50_000, Event::Housekeeping);
    }

    /// Another at each start.
    fn nonce(&self, world: &World) -> Digest {
        let of_this_life = format!("{} {} {}", self.place, self.life, world.now);
        sha256(of_this_life.as_bytes())
    }

    /// The process dies. What was being flushed is on disk up to some record.
    pub(crate) fn crash(&mut self, world: &mut World) {
        let Some(process) = self.process.take() else {
            return;
        };
        world.note(|| format!("{}: crashes", self.validator));
        if let Some(group) = process.flushing {
            let kept = world.random.between(0, group.records.len() as u64);
            let kept = usize::try_from(kept).unwrap_or(0);
            self.disk.records.extend(group.records.into_iter().take(kept));
        }
        self.life += 1;
        self.paused = false;
        self.backlog.clear();
    }

    /// Copies the disk.
    pub(crate) fn back_up(&mut self) {
        self.backup = Some(self.disk.clone());
    }

    /// Dies and goes back to the copy of its disk.
    pub(crate) fn restore(&mut self, world: &mut World) {
        self.crash(world);
        if let Some(backup) = self.backup.clone() {
            world.note(|| format!("{}: its disk is that of a backup", self.validator));
            self.disk = backup;
            self.restored = true;
        }
    }

    /// Whether it has found that it forgot what it signed.
    pub(crate) fn is_quarantined(&self) -> bool {
        self.quarantined
    }

    /// From now on its clock is wrong by this.
    pub(crate) fn set_clock(&mut self, skew_ms: i64) {
        self.settings.clock_skew_ms = skew_ms;
    }

    pub(crate) fn pause(&mut self, world: &mut World) {
        if self.process.is_some() && !self.paused {
            world.note(|| format!("{}: stands still", self.validator));
            self.paused = true;
        }
    }

    /// Goes on: what was received is stepped first, and timers are restarted, not fired.
    pub(crate) fn resume(&mut self, world: &mut World) {
        if !std::mem::take(&mut self.paused) {
            return;
        }
        world.note(|| format!("{}: goes on", self.validator));
        let backlog = std::mem::take(&mut self.backlog);
        let (timers, others): (Vec<_>, Vec<_>) = backlog
            .into_iter()
            .partition(|event| matches!(event, Event::Timer { .. }));
        for event in others {
            self.on_event(world, event);
        }
        for event in timers {
            if let Event::Timer { timer, generation } = event
                && let Some((running, range)) =
                    self.process.as_ref().and_then(|p| p.timers.get(&timer).copied())
                && running == generation
            {
                self.set_timer(world, timer, range);
            }
        }
    }

    pub(crate) fn submit(&mut self, world: &mut World, batch: Digest) {
        if self.process.is_some() && !self.paused {
            self.keep_batch(world, batch);
            self.tell_all(world, &Wire::Batch(batch));
        }
    }

    /// Something happens; `life` tells what a former life began.
    pub(crate) fn on_event_of(&mut self, world: &mut World, life: u64, event: Event) {
        if self.process.is_none() || (life != self.life && life != u64::MAX) {
            return;
        }
        if self.paused {
            self.backlog.push(event);
            return;
        }
        self.on_event(world, event);
    }

    fn on_event(&mut self, world: &mut World, event: Event) {
        let Some(process) = &mut self.process else { return };
        match event {
            Event::Deliver { from, wire } => self.on_wire(world, from, wire),
            Event::Connected { peer } => self.step(world, Input::Connected(peer)),
            Event::Flushed => {
                if let Some(group) = process.flushing.take() {
                    self.disk.records.extend(group.records);
                    self.release(world, group.then);
                }
                self.flush(world);
            }
            Event::BatchDurable { batch } => {
                self.disk.batches.insert(batch);
                let held = std::mem::take(&mut process.held);
                for message in held {
                    self.own(world, message);
                }
            }
            Event::BlockDurable { height } => self.on_block_durable(height),
            Event::Execute { height } => self.on_execute(world, height),
            Event::Timer { timer, generation } => {
                if process
                    .timers
                    .get(&timer)
                    .is_some_and(|(running, _)| *running == generation)
                {
                    process.timers.remove(&timer);
                    world.note(|| format!("{}: timer {timer:?}", self.validator));
                    self.step(world, Input::Timeout(timer));
                }
            }
            Event::Housekeeping => self.on_housekeeping(world),
        }
    }
}
