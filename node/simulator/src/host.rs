//! One validator's machine: the host of its driver, with a model of its disk, of which a crash leaves what was
//! flushed and perhaps some of what was on its way.
//!
//! The driver is the node's own (`quorate_driver`). What is here stands for what the node has around it: the
//! disk (`disk`), execution and block sync (`chain`, `epochs`), batches, links, and what liars do with them.

mod around;
mod batches;
mod chain;
mod disk;
mod effects;
mod epochs;
mod links;
mod loss;
mod notes;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use quorate_consensus::{Config, Engine, Record, Step, paxos, pbft, raft};
use quorate_crypto::{Certificate, Digest, Epoch, Height, ValidatorIndex};
use quorate_driver::{
    At, Driver, Effect, Event, Limits, MakeEngine, Start, Surroundings, Time, Unordered, recovered,
};
use quorate_ledger::{ParametersV1, Proposal};

use self::around::Around;
use self::disk::{Disk, Writes};
use self::loss::Kept;
use self::notes::NotedReign;
use crate::chart::NoteKind;
use crate::ledger::{KeptBlock, Ledger};
use crate::liar::Liar;
use crate::scenario::{Broken, Lie};
use crate::workload::Work;
use crate::world::{Scheduled, World};

/// A process: its driver, and what it holds in memory besides.
#[derive(Debug)]
struct Process {
    driver: Driver,
    memory: Memory,
}

/// What a process holds in memory beside its driver.
#[derive(Debug)]
struct Memory {
    started_us: u64,
    /// When the driver is woken next.
    tick_at: Option<u64>,
    /// When it hears the last event that is on its way to it.
    told_at: u64,
    /// Whether the round is to be closed later.
    round_is_open: bool,
    writes: Writes,
    /// The epoch that the chain is in: the driver's, or one that it will hear of.
    epoch: Epoch,
    /// The epoch before, until this one has a block.
    former: Option<Epoch>,
    /// The ledgers after blocks that ended an epoch, until the driver has asked for what follows them.
    ended: BTreeMap<Height, Ledger>,
    /// Own batches that no certified block has yet, of this life.
    own: BTreeMap<Digest, Work>,
    /// When each peer's word for a later epoch was last looked into.
    looked_ahead: BTreeMap<ValidatorIndex, u64>,
    /// Batches of the epoch under way that are here as whole copies, with the time since when. Nobody erases a text
    /// here, so all whole copies of a batch are alike.
    batches: BTreeMap<Digest, Unordered>,
    /// Batches of blocks from others whose texts did not come with them.
    missing_texts: BTreeSet<Digest>,
    decided: BTreeMap<Height, Proposal>,
    executing: bool,
    ledger: Ledger,
    /// Executed and not certified.
    executed: BTreeMap<Height, KeptBlock>,
    /// Certificates of blocks that are not in the chain yet.
    certificates: BTreeMap<Height, Certificate>,
    /// Certified, on disk or not.
    chain: Vec<KeptBlock>,
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
    /// What keeps it from voting, as its process knows.
    kept: Kept,
    /// How often it was told not to vote, or found out that it must not.
    quarantines: u64,
    /// Whether it has lost what it signed and nobody has noticed: it may find out.
    unaware: bool,
    process: Option<Process>,
    /// What the chart knows of its reign.
    noted: NotedReign,
    liar: Liar,
}

/// What a host is told at its start; its disk may become slower.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) engine: quorate_crypto::Engine,
    pub(crate) parameters: ParametersV1,
    pub(crate) timing: quorate_consensus::Timing,
    pub(crate) members_wait: bool,
    /// Whether the scenario's engine is made whatever the committee says, with its quorums.
    pub(crate) engine_is_fixed: bool,
    pub(crate) broken: Option<Broken>,
    pub(crate) least_flush_us: u64,
    pub(crate) flush_us: u64,
    pub(crate) chain_flush_us: u64,
    pub(crate) chain_lag_us: u64,
    pub(crate) clock_skew_ms: i64,
    pub(crate) limits: Limits,
}

impl Settings {
    fn breaks(&self, rule: Broken) -> bool {
        self.broken == Some(rule)
    }

    /// Makes the committee's engine, or the scenario's, whatever quorums its committee has.
    fn make(&self) -> MakeEngine {
        if !self.engine_is_fixed {
            return Engine::recover;
        }
        match self.engine {
            quorate_crypto::Engine::Pbft => |config: Config, records: Vec<Record>| -> (Engine, Step) {
                let (replica, step) = pbft::Replica::recover(config, records);
                (Engine::Pbft(Box::new(replica)), step)
            },
            quorate_crypto::Engine::Raft => |config, records| {
                let (replica, step) = raft::Replica::recover(config, records);
                (Engine::Raft(Box::new(replica)), step)
            },
            quorate_crypto::Engine::Paxos => |config, records| {
                let (replica, step) = paxos::Replica::recover(config, records);
                (Engine::Paxos(Box::new(replica)), step)
            },
        }
    }

    /// What runs on this thread is this host's from now on, with its broken rule.
    #[cfg(broken_rules)]
    fn break_rule(&self) {
        quorate_consensus::broken::set(match self.broken {
            Some(Broken::Engine(rule)) => Some(rule),
            _ => None,
        });
        quorate_driver::broken::set(match self.broken {
            Some(Broken::Driver(rule)) => Some(rule),
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
            kept: Kept::default(),
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

    /// Which validator this is, unless it lies.
    fn honest(&self) -> Option<ValidatorIndex> {
        Some(self.validator).filter(|_| self.is_honest())
    }

    fn is_censor(&self) -> bool {
        matches!(
            self.lie,
            Some(Lie::Censor(_) | Lie::Trickle { .. } | Lie::Crowder { .. })
        )
    }

    fn memory(&self) -> Option<&Memory> {
        self.process.as_ref().map(|process| &process.memory)
    }

    fn memory_mut(&mut self) -> Option<&mut Memory> {
        self.process.as_mut().map(|process| &mut process.memory)
    }

    /// The certified chain, as the process knows it.
    pub(crate) fn chain(&self) -> &[KeptBlock] {
        self.memory().map_or(&self.disk.blocks, |memory| &memory.chain)
    }

    /// How many batches of its own no block has yet, of those that were submitted in this life.
    pub(crate) fn under_way(&self) -> usize {
        self.memory().map_or(0, |memory| memory.own.len())
    }

    /// How many batches of its blocks are here without their texts.
    pub(crate) fn missing_texts(&self) -> usize {
        self.memory().map_or(0, |memory| memory.missing_texts.len())
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
        self.process
            .as_ref()
            .and_then(|process| process.driver.engines()[0])
    }

    /// The engine of an epoch, if one is there.
    fn engine_of(&self, epoch: Epoch) -> Option<&Engine> {
        self.process.as_ref()?.driver.engine_of(epoch)
    }

    pub(crate) fn start(&mut self, world: &mut World) {
        if self.process.is_some() {
            return;
        }
        self.life += 1;
        self.paused = false;
        let ledger = self.replayed(world);
        let agreement = ledger.agreement();
        let epoch = agreement.epoch();
        self.disk.forget_foreign(world, epoch, &ledger.ordered);
        let recovered = self.recover(world, epoch);
        self.open_quarantine(world, epoch, recovered.is_ahead);
        let votes = self.may_vote(world, epoch, &ledger);
        let certified = Height(self.disk.blocks.len() as u64);
        let config = self.config(world, &ledger, certified, votes);
        if self.life > 1 {
            world.note(Some(self.place), NoteKind::Start, || {
                let says = if votes { "" } else { ", observes" };
                format!("starts in epoch {epoch}, certified h{certified}{says}")
            });
        }
        self.settings.break_rule();
        self.noted = NotedReign::default();
        let unordered = Unordered::since(Duration::from_micros(world.now));
        let memory = Memory {
            started_us: world.now,
            tick_at: None,
            told_at: world.now,
            round_is_open: false,
            writes: Writes::default(),
            epoch,
            former: None,
            ended: BTreeMap::new(),
            own: BTreeMap::new(),
            looked_ahead: BTreeMap::new(),
            batches: self
                .disk
                .batches
                .iter()
                .map(|batch| (*batch, unordered))
                .collect(),
            missing_texts: self.ordered().difference(&self.disk.batches).copied().collect(),
            decided: BTreeMap::new(),
            executing: false,
            ledger,
            executed: BTreeMap::new(),
            certificates: BTreeMap::new(),
            chain: self.disk.blocks.clone(),
            fetch: None,
        };
        let start = Start {
            config,
            recovered,
            make: self.settings.make(),
            limits: self.settings.limits,
            seed: world.random.number(),
        };
        let time = Time {
            wall: self.clock(world),
            since_start: Duration::ZERO,
        };
        let around = Around {
            place: self.place,
            validator: self.validator,
            life: self.life,
            settings: &self.settings,
            memory: &memory,
            world: (&mut *world).into(),
            noted: (&mut self.noted).into(),
            liar: (&mut self.liar).into(),
        };
        let (driver, effects) = Driver::start(start, time, &around);
        self.process = Some(Process { driver, memory });
        self.carry_out(world, effects);
        self.close_round(world);
        let ordered = self.ordered();
        let waiting: Vec<Digest> = self.disk.batches.difference(&ordered).copied().collect();
        for digest in waiting {
            self.tell_driver(world, Event::BatchStored { epoch, digest });
        }
        self.ask_to_rejoin(world);
        world.schedule_at(self.place, self.life, 50_000, Scheduled::Housekeeping);
    }

    /// What the journal gives the engine of this epoch, which the chain is in. Votes that never left are removed
    /// for good.
    fn recover(&mut self, world: &mut World, epoch: Epoch) -> quorate_driver::Recovered {
        let at = At {
            epoch,
            certified: Height(self.disk.blocks.len() as u64),
        };
        self.settings.break_rule();
        let journal = match self.settings.breaks(Broken::JournalLost) {
            true => Vec::new(),
            false => self.disk.records.clone(),
        };
        let is_durable = |batch: &Digest| self.disk.batches.contains(batch);
        let found = recovered(journal, self.disk.next_entry(), at, is_durable);
        if found.is_ahead && self.is_honest() && !self.unaware && !self.is_quarantined() {
            world.checker.report(format!(
                "validator {} has a journal of a later epoch than its chain, which is in epoch {epoch}",
                self.validator
            ));
        }
        self.disk
            .records
            .retain(|(number, _)| !found.remove.contains(number));
        found
    }

    /// The process dies. Some of what was on its way to the disk is there, in the order in which it was written.
    pub(crate) fn crash(&mut self, world: &mut World) {
        let Some(process) = self.process.take() else {
            return;
        };
        world.note(Some(self.place), NoteKind::Crash, || "crashes".to_owned());
        world.checker.on_crashed(self.validator);
        let honest = self.honest();
        self.disk.crash(world, honest, process.memory.writes);
        self.life += 1;
        self.paused = false;
        self.unheard.clear();
    }

    /// Its engine hears that the process will end.
    pub(crate) fn stop(&mut self, world: &mut World) {
        world.note(Some(self.place), NoteKind::Pause, || "is told to stop".to_owned());
        if !self.paused {
            self.hear(world, Event::Stopping);
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

    /// Goes on. The driver sees by itself that it is late.
    pub(crate) fn resume(&mut self, world: &mut World) {
        if !std::mem::take(&mut self.paused) {
            return;
        }
        world.note(Some(self.place), NoteKind::Resume, || "goes on".to_owned());
        self.tick(world);
        for scheduled in std::mem::take(&mut self.unheard) {
            self.on_scheduled(world, scheduled);
        }
    }

    /// Packs what is submitted here, unless it stands still.
    pub(crate) fn submit(&mut self, world: &mut World, what: Work) {
        let paused = self.paused;
        let Some(memory) = self.memory_mut().filter(|_| !paused) else {
            return;
        };
        if memory.own.values().any(|under_way| *under_way == what) {
            return;
        }
        let epoch = memory.epoch;
        // Its client goes elsewhere.
        if world.place_in(epoch, self.validator).is_none() {
            return;
        }
        let batch = world.pack(self.validator, epoch, what);
        let Some(memory) = self.memory_mut() else { return };
        if memory.ledger.ordered.contains(&batch) {
            return;
        }
        memory.own.insert(batch, what);
        self.keep_batch(world, batch);
        self.give(world, None, &batch);
    }

    /// Something happens; `life` tells what a former life began.
    pub(crate) fn on_event_of(&mut self, world: &mut World, life: u64, scheduled: Scheduled) {
        if self.process.is_none() || (life != self.life && life != u64::MAX) {
            return;
        }
        if self.paused {
            self.unheard.push(scheduled);
            return;
        }
        self.on_scheduled(world, scheduled);
    }

    fn on_scheduled(&mut self, world: &mut World, scheduled: Scheduled) {
        if self.process.is_none() {
            return;
        }
        match scheduled {
            Scheduled::Deliver { from, wire } => self.on_wire(world, from, wire),
            Scheduled::Connected { peer } => self.on_connected(world, peer),
            Scheduled::Told(event) => self.hear(world, *event),
            Scheduled::Tick => self.on_tick(world),
            Scheduled::RoundEnds => self.close_round(world),
            Scheduled::JournalFlushed => self.on_journal_flushed(world),
            Scheduled::BatchWritten => self.on_batch_written(world),
            Scheduled::ChainFlushed => self.on_chain_flushed(world),
            Scheduled::Execute { height } => self.on_execute(world, height),
            Scheduled::Write(certificate) => self.on_write(world, *certificate),
            Scheduled::Housekeeping => self.on_housekeeping(world),
        }
        self.crowd(world);
    }

    /// A link is up: the engines of both epochs hear of it, by the peer's place in each.
    fn on_connected(&mut self, world: &mut World, peer: ValidatorIndex) {
        let Some(memory) = self.memory() else { return };
        for epoch in [Some(memory.epoch), memory.former].into_iter().flatten() {
            if let Some(validator) = world.place_in(epoch, peer) {
                self.hear(world, Event::Connected { epoch, validator });
            }
        }
    }

    pub(super) fn clock(&self, world: &World) -> quorate_ledger::Timestamp {
        let genesis = crate::workload::GENESIS_TIME.0;
        let skewed = (genesis + world.now / 1_000).saturating_add_signed(self.settings.clock_skew_ms);
        quorate_ledger::Timestamp(skewed)
    }

    /// Has the driver do something, and does what it asks for.
    fn drive(
        &mut self,
        world: &mut World,
        act: impl FnOnce(&mut Driver, Time, &dyn Surroundings) -> Vec<Effect>,
    ) {
        let wall = self.clock(world);
        let Some(process) = &mut self.process else { return };
        let since_start = Duration::from_micros(world.now - process.memory.started_us);
        self.settings.break_rule();
        let around = Around {
            place: self.place,
            validator: self.validator,
            life: self.life,
            settings: &self.settings,
            memory: &process.memory,
            world: (&mut *world).into(),
            noted: (&mut self.noted).into(),
            liar: (&mut self.liar).into(),
        };
        let effects = act(&mut process.driver, Time { wall, since_start }, &around);
        self.carry_out(world, effects);
    }

    /// The driver hears something now.
    pub(crate) fn hear(&mut self, world: &mut World, event: Event) {
        self.drive(world, |driver, time, around| driver.on(time, event, around));
        self.end_round(world);
    }

    /// The driver hears of it a moment later, after what it was told before.
    fn tell_driver(&mut self, world: &mut World, event: Event) {
        let delay = world.random.between(1, 50);
        let (place, life) = (self.place, self.life);
        let Some(memory) = self.memory_mut() else { return };
        memory.told_at = (memory.told_at + 1).max(world.now + delay);
        let after = memory.told_at - world.now;
        world.schedule_at(place, life, after, Scheduled::Told(Box::new(event)));
    }

    fn on_tick(&mut self, world: &mut World) {
        let Some(memory) = self.memory_mut() else { return };
        memory.tick_at = None;
        self.tick(world);
    }

    /// Fires what is due.
    fn tick(&mut self, world: &mut World) {
        let Some(process) = &self.process else { return };
        let now = Duration::from_micros(world.now - process.memory.started_us);
        if process.driver.deadline().is_some_and(|deadline| deadline <= now) {
            self.drive(world, |driver, time, around| driver.tick(time, around));
        }
        self.end_round(world);
    }

    /// The timer by which its engine gives up on whoever leads runs out.
    pub(crate) fn time_out(&mut self, world: &mut World) {
        if self.paused {
            return;
        }
        self.drive(world, |driver, time, around| driver.time_out(time, around));
        self.end_round(world);
    }

    /// Closes the round, or lets what comes next share it.
    fn end_round(&mut self, world: &mut World) {
        let (place, life) = (self.place, self.life);
        let Some(memory) = self.memory_mut() else { return };
        if memory.round_is_open {
            return;
        }
        if world.random.chance(100) {
            memory.round_is_open = true;
            let after = world.random.between(1, 100);
            world.schedule_at(place, life, after, Scheduled::RoundEnds);
        } else {
            self.close_round(world);
        }
    }

    fn close_round(&mut self, world: &mut World) {
        let Some(process) = &mut self.process else { return };
        process.memory.round_is_open = false;
        let effects = process.driver.close_round();
        self.carry_out(world, effects);
        self.schedule_tick(world);
    }

    fn schedule_tick(&mut self, world: &mut World) {
        let (place, life) = (self.place, self.life);
        let Some(process) = &mut self.process else { return };
        let Some(deadline) = process.driver.deadline() else {
            return;
        };
        let due = process.memory.started_us + deadline.as_micros() as u64;
        let due = due.max(world.now);
        if process.memory.tick_at.is_none_or(|at| due < at) {
            process.memory.tick_at = Some(due);
            world.schedule_at(place, life, due - world.now, Scheduled::Tick);
        }
    }
}
