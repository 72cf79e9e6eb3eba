//! One validator's machine: the driver of its engine, after the contract's three rules, and a model
//! of its disk, of which a crash leaves only what was flushed.

mod batches;
mod chain;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use quorate_consensus::pbft::{Body as Pbft, Replica};
use quorate_consensus::{
    Action, Body, Config, Input, Message, Record, SignatureScheme, Step, Timer, TimerRange, Verified,
};
use quorate_crypto::{Digest, Domain, Height, PublicKey, Signature, ValidatorIndex};
use quorate_ledger::{Parameters, ParametersV1, Proposal, Timestamp};

use crate::censor::Censor;
use crate::ledger::{KeptBlock, Ledger};
use crate::liar::Mutant;
use crate::scenario::{Broken, Lie};
use crate::workload::GENESIS_TIME;
use crate::world::{Event, Wire, World, describe};

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
    process: Option<Process>,
    mutant: Mutant,
    censor: Censor,
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

/// The most blocks in one answer of block sync.
const BLOCKS_AN_ANSWER: usize = 16;

/// Takes every signature for good.
struct Gullible;

impl SignatureScheme for Gullible {
    fn verify(&self, _: &PublicKey, _: Domain, _: &[u8], _: &Signature) -> bool {
        true
    }
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
            process: None,
            mutant: Mutant::default(),
            censor: Censor::default(),
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
            index: Some(self.validator).filter(|_| !self.is_censor()),
            parameters: Parameters::V1(self.settings.parameters.clone()),
            epoch_start: Height::GENESIS,
            epoch_end: None,
            certified: Height(self.disk.blocks.len() as u64),
            certificate: self
                .disk
                .blocks
                .last()
                .and_then(|block| block.certificate.clone()),
            timing: self.settings.timing,
        };
        world.note(|| format!("{}: starts, certified {}", self.validator, config.certified));
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

    fn on_wire(&mut self, world: &mut World, from: ValidatorIndex, wire: Wire) {
        match wire {
            Wire::Consensus(message) => {
                if !self.is_honest() && message.v1().sender == self.validator {
                    return; // A twin's messages would tell it of the other.
                }
                let is_new_view = matches!(message.v1().body, Body::Pbft(Pbft::NewView(_)));
                let verified = match self.settings.broken {
                    Some(Broken::NewViewUnchecked) if is_new_view => Ok(Verified::trusted(message)),
                    Some(Broken::Unverified) => message.verify(world.network, &world.committee, &Gullible),
                    _ => message.verify(world.network, &world.committee, &world.scheme),
                };
                if let Ok(verified) = verified {
                    self.step(world, Input::Message(verified));
                }
            }
            Wire::Batch(batch) => self.keep_batch(world, batch),
            Wire::WantBatches(batches) => {
                let known: Vec<Digest> = match &self.process {
                    Some(process) => batches
                        .into_iter()
                        .filter(|b| process.batches.contains_key(b))
                        .collect(),
                    None => return,
                };
                for batch in known {
                    self.tell(world, from, &Wire::Batch(batch));
                }
            }
            Wire::WantBlocks(after) => {
                let after = usize::try_from(after.0).unwrap_or(usize::MAX);
                let blocks: Vec<KeptBlock> = match self.disk.blocks.get(after..) {
                    Some(blocks) => blocks.iter().take(BLOCKS_AN_ANSWER).cloned().collect(),
                    None => return,
                };
                if !blocks.is_empty() {
                    self.tell(world, from, &Wire::Blocks(blocks));
                }
            }
            Wire::Blocks(blocks) => self.on_blocks(world, blocks),
        }
    }

    /// Gives the engine an input and takes what it asks for.
    fn step(&mut self, world: &mut World, input: Input) {
        let now = self.clock(world);
        let Some(process) = &mut self.process else { return };
        let step = process.engine.step(now, input);
        process.engine.check_invariants();
        self.take(world, step);
    }

    fn clock(&self, world: &World) -> Timestamp {
        let skewed = (GENESIS_TIME.0 + world.now / 1_000).saturating_add_signed(self.settings.clock_skew_ms);
        Timestamp(skewed)
    }

    /// Signs what is to be signed and puts all else behind the next flush (rules 1 and 2).
    fn take(&mut self, world: &mut World, step: Step) {
        let Some(process) = &mut self.process else { return };
        process.open.records.extend(step.records);
        for action in step.actions {
            let Action::Sign(body) = action else {
                process.open.then.push(Then::Act(Box::new(action)));
                continue;
            };
            let message = world.sign(self.validator, body);
            if message.v1().body.must_be_durable() {
                process.open.records.push(Record::Own(message.clone()));
            }
            process.open.then.push(Then::Own(Box::new(message)));
        }
        self.flush(world);
    }

    fn flush(&mut self, world: &mut World) {
        loop {
            let Some(process) = &mut self.process else { return };
            let broken = self.settings.broken == Some(Broken::SentBeforeDurable);
            if (process.flushing.is_some() && !broken)
                || (process.open.then.is_empty() && process.open.records.is_empty())
            {
                return;
            }
            let group = std::mem::take(&mut process.open);
            if group.records.is_empty() {
                self.release(world, group.then);
                continue;
            }
            if broken {
                match &mut process.flushing {
                    Some(flushing) => flushing.records.extend(group.records),
                    None => {
                        let then = Vec::new();
                        process.flushing = Some(Group {
                            records: group.records,
                            then,
                        });
                        self.schedule_flush(world);
                    }
                }
                self.release(world, group.then);
                continue;
            }
            process.flushing = Some(group);
            self.schedule_flush(world);
            return;
        }
    }

    fn schedule_flush(&self, world: &mut World) {
        let delay = world.random.between(20, self.settings.flush_us.max(20));
        world.schedule_at(self.place, self.life, delay, Event::Flushed);
    }

    /// Does what waited for a flush, in order: what follows from it comes after it.
    fn release(&mut self, world: &mut World, then: Vec<Then>) {
        let Some(process) = &mut self.process else { return };
        process.ready.extend(then);
        if std::mem::replace(&mut process.releasing, true) {
            return;
        }
        while let Some(item) = self
            .process
            .as_mut()
            .and_then(|process| process.ready.pop_front())
        {
            match item {
                Then::Own(message) => self.own(world, *message),
                Then::Act(action) => self.act(world, *action),
            }
        }
        if let Some(process) = &mut self.process {
            process.releasing = false;
        }
    }

    /// Gives an own message back to the engine, a vote only when its batches are durable.
    fn own(&mut self, world: &mut World, message: Message) {
        let Some(process) = &mut self.process else { return };
        let batches: &[Digest] = match &message.v1().body {
            Body::Pbft(Pbft::PrePrepare { proposal, .. }) => proposal.batches(),
            Body::Pbft(Pbft::Prepare { height, proposal, .. }) => process
                .required
                .get(&(*height, *proposal))
                .map_or(&[], Vec::as_slice),
            _ => &[],
        };
        let durable = batches.iter().all(|batch| self.disk.batches.contains(batch));
        if durable || self.settings.broken == Some(Broken::BatchesNotDurable) {
            self.step(world, Input::Own(message));
        } else {
            process.held.push(message);
        }
    }

    fn act(&mut self, world: &mut World, action: Action) {
        let honest = self.is_honest();
        let Some(process) = &mut self.process else { return };
        match action {
            Action::Sign(_) => {}
            Action::Broadcast(message) => {
                world.note(|| format!("{} → all: {}", self.validator, describe(&message)));
                self.speak(world, None, message);
            }
            Action::Send { to, message } => {
                let author = message.v1().sender;
                world.note(|| format!("{} → {to}: {} (of {author})", self.validator, describe(&message)));
                self.speak(world, Some(to), message);
            }
            Action::SetTimer { timer, after } => self.set_timer(world, timer, after),
            Action::CancelTimer(timer) => {
                process.timers.remove(&timer);
            }
            Action::RequireBatches {
                height,
                proposal,
                batches,
            } => {
                process.required.insert((height, proposal), batches);
                self.answer_required(world);
                self.ask_for_batches(world);
            }
            Action::Decide { height, proposal } => {
                world.note(|| {
                    format!(
                        "{}: decides h{height} {}",
                        self.validator,
                        proposal.digest().short()
                    )
                });
                if honest {
                    world.checker.on_decided(self.validator, height, &proposal);
                }
                process.decided.insert(height, proposal);
                self.execute_next(world);
            }
            Action::Certify(certificate) => self.on_certify(world, certificate),
            Action::FetchBlocks { to, holders } => {
                world.note(|| format!("{}: fetches blocks up to {to}", self.validator));
                process.fetch = Some((to, holders));
                self.ask_for_blocks(world);
            }
            Action::Accuse(evidence) => {
                let accused = evidence.validator;
                world.note(|| format!("{}: accuses {accused}", self.validator));
                if self.is_honest() {
                    let honest = !world.liars.contains(&accused);
                    world.checker.on_accused(self.validator, accused, honest);
                }
            }
            Action::Forgotten(message) => {
                if self.is_honest() {
                    let what = describe(&message);
                    world.checker.report(format!(
                        "validator {} does not remember its {what}",
                        self.validator
                    ));
                }
            }
            Action::Diverged { height, .. } => {
                if self.is_honest() {
                    world.checker.report(format!(
                        "validator {} diverged at height {height}",
                        self.validator
                    ));
                }
            }
        }
    }

    /// Sends an engine's message to one validator or to all.
    fn speak(&mut self, world: &mut World, to: Option<ValidatorIndex>, message: Message) {
        if self.is_honest() && message.v1().sender == self.validator {
            world.checker.on_sent(&message);
        }
        for host in 0..world.hosts.len() {
            let peer = world.hosts[host];
            if peer == self.validator || to.is_some_and(|to| to != peer) {
                continue;
            }
            match self.lie {
                Some(Lie::Silent | Lie::Censor(_)) => {}
                Some(Lie::Mutant) => {
                    for said in self.mutant.say(world, self.validator, peer, &message) {
                        world.send(self.validator, host, &Wire::Consensus(said));
                    }
                }
                Some(Lie::Twins) if !hears(world, self.place, self.validator, peer) => {}
                Some(Lie::Twins) | None => {
                    world.send(self.validator, host, &Wire::Consensus(message.clone()));
                }
            }
        }
    }

    fn tell_all(&self, world: &mut World, wire: &Wire) {
        for host in 0..world.hosts.len() {
            if world.hosts[host] != self.validator && self.lie != Some(Lie::Silent) {
                world.send(self.validator, host, wire);
            }
        }
    }

    fn tell(&self, world: &mut World, to: ValidatorIndex, wire: &Wire) {
        for host in 0..world.hosts.len() {
            if world.hosts[host] == to && self.lie != Some(Lie::Silent) {
                world.send(self.validator, host, wire);
            }
        }
    }

    fn set_timer(&mut self, world: &mut World, timer: Timer, range: TimerRange) {
        let Some(process) = &mut self.process else { return };
        let generation = world.random.number();
        process.timers.insert(timer, (generation, range));
        let after = world
            .random
            .between(u64::from(range.from_ms) * 1_000, u64::from(range.to_ms) * 1_000);
        world.schedule_at(self.place, self.life, after, Event::Timer { timer, generation });
    }
}

/// Which validators hear which twin: it changes every half second, and now and then both are heard.
fn hears(world: &World, place: usize, twin: ValidatorIndex, peer: ValidatorIndex) -> bool {
    let slot = world.now / 500_000;
    let draw = quorate_crypto::sha256(&[twin.0 as u8, peer.0 as u8, slot as u8, (slot >> 8) as u8]).0[0];
    let first = world.hosts.iter().position(|validator| *validator == twin) == Some(place);
    match draw {
        0..32 => true,
        32..144 => first,
        _ => !first,
    }
}
