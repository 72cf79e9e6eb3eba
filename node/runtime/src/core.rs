//! The core: the thread that hosts the driver. It reads the clocks, gives the driver what comes into the
//! inbox, and carries out what the driver asks for.
//!
//! What may leave when is the driver's to say ([`quorate_driver`]); nothing here decides it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use quorate_consensus::{Engine, Evidence, Input, LearnedFrom, Step};
use quorate_crypto::{Digest, Epoch, Height, Tag, sign_strict};
use quorate_driver::{
    Driver, Effect, EntryNumber, Event, Halt, Left, SignNumber, Start, Surroundings, Time, Transition,
    WriteNumber,
};
use quorate_ledger::{Timestamp, encode};
use quorate_storage::Journal;

use crate::batches::BatchStore;
use crate::clock;
use crate::error::NodeError;
use crate::evidence::{EvidenceStore, kind, view};
use crate::executor::{Command, ExecutorHandle};
use crate::flush::{ChainFlusher, JournalWriter};
use crate::inbox::{EpochEnded, Notice, Outlet, Received};
use crate::keyring::Keyring;
use crate::links::Links;
use crate::names::Names;
use crate::recorder::Recorder;
use crate::roster::Roster;
use crate::standing::{SharedStanding, Standing};
use crate::sync::SyncHandle;
use crate::voting::Voting;
use crate::{fatal, fatal_at_database};

/// How long after something happened the API and the metrics may see what was before.
const SHOW_DELAY: Duration = Duration::from_millis(50);
/// How long the core sleeps when nothing is due.
const FAR: Duration = Duration::from_secs(3_600);

/// All the core works with.
pub(crate) struct CoreSetup {
    pub(crate) keys: Arc<Keyring>,
    /// Who takes part in the epoch that the first engine serves.
    pub(crate) roster: Arc<Roster>,
    /// Whether this validator votes, and what the next epoch's engine is told.
    pub(crate) voting: Voting,
    pub(crate) journal: JournalWriter,
    /// The same journal, to prune it.
    pub(crate) entries: Arc<Journal>,
    pub(crate) evidence: EvidenceStore,
    pub(crate) chain_flusher: ChainFlusher,
    pub(crate) batches: Arc<BatchStore>,
    pub(crate) executor: ExecutorHandle,
    pub(crate) links: Links,
    pub(crate) sync: SyncHandle,
    pub(crate) standing: Arc<SharedStanding>,
}

/// What the driver may ask without waiting.
struct Around {
    batches: Arc<BatchStore>,
    standing: Arc<SharedStanding>,
    links: Links,
    /// The epoch of the engine that serves.
    epoch: Cell<Epoch>,
    recorder: RefCell<Recorder>,
}

impl Surroundings for Around {
    fn want(&self, batches: &[Digest]) {
        self.batches.want(batches);
    }

    fn want_no_more(&self, batches: &[Digest]) {
        self.batches.want_no_more(batches);
    }

    fn holds(&self, batch: &Digest) -> bool {
        self.batches.contains(batch)
    }

    fn waits_for_check(&self, batch: &Digest) -> bool {
        self.batches.is_unchecked(batch)
    }

    fn writes_begun(&self) -> WriteNumber {
        self.batches.writes_begun()
    }

    fn before_step(&self, engines: [Option<&Engine>; 2], epoch: Epoch, now: Timestamp, input: &Input) {
        let mut recorder = self.recorder.borrow_mut();
        if let Some(serving) = engines[0].map(|engine| engine.committee().epoch())
            && self.epoch.replace(serving) != serving
        {
            recorder.begin_epoch();
        }
        recorder.input(engines, epoch, now, input);
    }

    fn after_step(&self, _: Epoch, engine: &Engine, step: &Step) {
        self.links.conduct().stepped(engine, step);
        self.recorder.borrow_mut().outcome(step);
        if let Some(rejection) = &step.rejection {
            self.standing.count_rejection(rejection);
            tracing::debug!(%rejection, "input rejected");
        }
    }
}

/// The host of the node's driver.
pub(crate) struct Core {
    setup: CoreSetup,
    around: Around,
    driver: Driver,
    /// Since when the driver counts time.
    began: Instant,
    /// Epochs that have ended in the database; the driver has not asked for what follows them yet.
    ended: BTreeMap<Height, EpochEnded>,
    /// The epochs of the driver's engines. The chain may be in a later one.
    served: BTreeMap<Epoch, Arc<Roster>>,
    show_at: Option<Instant>,
}

/// Starts the thread. It ends with [`Notice::Stop`].
pub(crate) fn start(core: Core, outlet: Outlet) -> Result<JoinHandle<()>, NodeError> {
    let thread = std::thread::Builder::new().name("core".to_owned());
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime of timers alone can be made");
        runtime.block_on(core.run(outlet));
    };
    thread.spawn(run).map_err(|source| NodeError::System {
        what: "cannot start threads",
        source,
    })
}

impl Core {
    /// A core whose driver starts so.
    pub(crate) fn new(setup: CoreSetup, recorder: Recorder, start: Start) -> Self {
        let began = Instant::now();
        let roster = Arc::clone(&setup.roster);
        let around = Around {
            batches: Arc::clone(&setup.batches),
            standing: Arc::clone(&setup.standing),
            links: setup.links.clone(),
            epoch: Cell::new(start.config.committee.epoch()),
            recorder: RefCell::new(recorder),
        };
        let (driver, first) = Driver::start(start, time_since(began), &around);
        let mut core = Self {
            setup,
            around,
            driver,
            began,
            ended: BTreeMap::new(),
            served: BTreeMap::from([(roster.epoch(), roster)]),
            show_at: None,
        };
        core.carry_out(first);
        // Whoever looks before the first event sees that it asks what it signed, and no made-up standing.
        core.show();
        core
    }

    /// Runs until [`Notice::Stop`].
    async fn run(mut self, mut outlet: Outlet) {
        let most = self.driver.limits().events_a_round;
        loop {
            self.close_round();
            let mut next = outlet.next_until(self.wake_at()).await;
            let mut taken = 0;
            while let Some(received) = next {
                if self.is_due(received.at) {
                    self.tick();
                }
                if self.take(received) {
                    return self.close_round();
                }
                taken += 1;
                if taken == most {
                    break;
                }
                next = outlet.try_next();
            }
            // A round that is full leaves events that may have come before the timer was due.
            let now = Instant::now();
            if taken < most && self.is_due(now) {
                self.tick();
            }
            if self.show_at.is_some_and(|at| at <= now) {
                self.show();
            }
        }
    }

    fn wake_at(&self) -> Instant {
        let due = self.driver.deadline().map(|deadline| self.began + deadline);
        let next = [due, self.show_at].into_iter().flatten().min();
        next.unwrap_or_else(|| Instant::now() + FAR)
    }

    fn is_due(&self, at: Instant) -> bool {
        let deadline = self.driver.deadline();
        deadline.is_some_and(|deadline| self.began + deadline < at)
    }

    /// Takes what came; true means stop.
    fn take(&mut self, received: Received) -> bool {
        match received.notice {
            Notice::Event(event) if !self.setup.links.conduct().learns(&event) => {}
            Notice::Event(event) => {
                let effects = self.driver.on(time_since(self.began), event, &self.around);
                self.carry_out(effects);
            }
            Notice::EpochEnded(ended) => {
                self.ended.insert(ended.last, *ended);
            }
            Notice::Stop => return true,
        }
        false
    }

    fn tick(&mut self) {
        let effects = self.driver.tick(time_since(self.began), &self.around);
        self.carry_out(effects);
    }

    fn close_round(&mut self) {
        let effects = self.driver.close_round();
        self.carry_out(effects);
        if self.show_at.is_none() {
            self.show_at = Some(Instant::now() + SHOW_DELAY);
        }
    }

    /// Does effects in order, then answers those that are answered at once, and does what follows.
    fn carry_out(&mut self, effects: Vec<Effect>) {
        let mut effects = VecDeque::from(effects);
        let mut answers = VecDeque::new();
        loop {
            if let Some(effect) = effects.pop_front() {
                answers.extend(self.perform(effect));
            } else if let Some(answer) = answers.pop_front() {
                effects.extend(self.driver.on(time_since(self.began), answer, &self.around));
            } else {
                return;
            }
        }
    }

    /// Does one thing; gives its answer if that is at hand.
    fn perform(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Append(entries) => self.setup.journal.append(entries),
            Effect::PruneBefore(first) => self.prune(first),
            Effect::FlushChain { writes } => self.setup.chain_flusher.request(writes),
            Effect::Broadcast(message) => self.setup.links.broadcast(&message),
            Effect::Send { to, message } => self.setup.links.send(to, &message),
            Effect::Execute { height, proposal } => {
                self.setup.executor.send(Command::Execute { height, proposal });
            }
            Effect::Certify(certificate) => self.setup.executor.send(Command::Certify(certificate)),
            Effect::FetchBatches { epoch, to, digests } => {
                for peer in self.setup.links.nodes_of(epoch, &[to]) {
                    self.setup.links.request_batches(peer, digests.clone());
                }
            }
            Effect::HandOver { epoch, to, batches } => {
                let nodes = self.setup.links.nodes_of(epoch, &[to]);
                self.setup.links.announce_batches(&nodes, batches);
            }
            Effect::FetchBlocks { epoch, to, holders } => {
                let nodes = self.setup.links.nodes_of(epoch, &holders);
                self.setup.sync.fetch(to, nodes);
            }
            Effect::PrepareEpoch { last } => return Some(self.prepare_epoch(last)),
            Effect::KeepEvidence(evidence) => self.keep(*evidence),
            Effect::Sign {
                number,
                epoch,
                domain,
                content,
            } => return Some(self.sign(number, epoch, domain, &content)),
            Effect::Quarantine(halt) => self.quarantine(&halt),
            Effect::Tell(transition) => {
                let standing = &self.setup.standing;
                match transition {
                    Transition::ReignLeft { .. } => standing.count_reign_left(),
                    Transition::Stalled { stalled, .. } => {
                        let since = clock::now().0.saturating_sub(millis(stalled));
                        standing.set_stalled_since(Some(Timestamp(since)));
                    }
                    Transition::MovingAgain { .. } | Transition::EpochBegun { .. } => {
                        standing.set_stalled_since(None);
                    }
                    Transition::Late { .. } | Transition::ReignBegun { .. } => {}
                }
                tell(&transition, &self.names());
            }
        }
        None
    }

    /// Answers from what the executor handed over with the epoch's last block, and never from the chain's tip,
    /// which may be in a later epoch by now.
    fn prepare_epoch(&mut self, last: Height) -> Event {
        let ended = self.ended.remove(&last);
        let ended = ended.expect("the executor tells of an epoch's end before the block that ends it");
        self.ended = self.ended.split_off(&last);
        let roster = Arc::clone(&ended.roster);
        self.around
            .recorder
            .get_mut()
            .set_origin(roster.names.all().to_vec(), roster.own);
        self.served.insert(roster.epoch(), roster);
        while self.served.len() > 2 {
            self.served.pop_first();
        }
        Event::EpochReady(Box::new(self.setup.voting.next_epoch(&ended)))
    }

    /// Signs with the key that this validator has in an epoch: it may be another one in the next.
    fn sign(&self, number: SignNumber, epoch: Epoch, domain: Tag, content: &[u8]) -> Event {
        let roster = self.served.get(&epoch);
        let seat = roster.and_then(|roster| roster.own_seat());
        match seat.and_then(|seat| self.setup.keys.signing(&seat.validator)) {
            Some(key) => {
                let signature = sign_strict(&key, domain, content);
                Event::Signed { number, signature }
            }
            // Its engine has a place there, so the key was here when the epoch began.
            None => fatal(&format!("the validator key of epoch {epoch} is gone")),
        }
    }

    /// What the validators are called that the serving engine knows by their places.
    fn names(&self) -> Names {
        self.names_in(self.driver.epoch())
    }

    fn names_in(&self, epoch: Epoch) -> Names {
        let roster = self
            .served
            .get(&epoch)
            .or_else(|| Some(self.served.last_key_value()?.1));
        roster.map(|roster| roster.names.clone()).unwrap_or_default()
    }

    fn prune(&self, first: EntryNumber) {
        if let Err(error) = self.setup.entries.prune_before(first.0) {
            fatal_at_database("the journal cannot be pruned", &error);
        }
    }

    fn show(&mut self) {
        self.show_at = None;
        let evidence = self.setup.evidence.all();
        let standing = Standing::new(self.driver.standing(), evidence);
        self.setup.standing.set(standing);
        self.around.recorder.get_mut().hand_over();
    }

    fn quarantine(&self, halt: &Halt) {
        let why = words_of(halt, &self.names());
        self.setup.voting.quarantine(&why, details_of(halt));
        tracing::error!("{why}; it votes no more and only observes");
    }

    fn keep(&mut self, evidence: Evidence) {
        let evidence = Arc::new(evidence);
        match self.setup.evidence.add(&evidence) {
            Ok(true) => tracing::error!(
                validator = self.names_in(evidence.first.v1().epoch).of(evidence.validator),
                kind = kind(&evidence),
                epoch = evidence.first.v1().epoch.0,
                height = evidence.first.v1().body.height().map(|height| height.0),
                reign = view(&evidence),
                "a validator has signed two messages that contradict each other: it lies, has lost its journal, its \
                 key is used twice, or its machine is broken"
            ),
            Ok(false) => {}
            Err(error) => fatal(&format!("evidence cannot be written: {error}")),
        }
    }
}

fn time_since(began: Instant) -> Time {
    Time {
        wall: clock::now(),
        since_start: began.elapsed(),
    }
}

/// Why a validator votes no more, for people.
fn words_of(halt: &Halt, names: &Names) -> String {
    match halt {
        Halt::Diverged {
            height,
            ours,
            certified,
        } => format!(
            "this node has diverged and keeps its data for inspection: block {height} executed here gives {}, a \
             quorum sealed {}",
            ours.short(),
            certified.short()
        ),
        Halt::Forgotten {
            statement,
            learned_from,
        } => {
            let told = match learned_from {
                LearnedFrom::Message => "a peer has sent back".to_owned(),
                LearnedFrom::Testimony(peer) => format!("{} holds", names.of(*peer)),
                LearnedFrom::Certificate => "a certificate has".to_owned(),
            };
            format!(
                "{told} its {}, which it signed and does not remember, so its journal was lost or is of a \
                 backup, or another node uses its key",
                statement.statement
            )
        }
        Halt::Lost { height } => format!(
            "the journal has an entry at height {height} that follows what neither it nor the chain has, so one of \
             them has lost something or is of a backup"
        ),
        Halt::Refused(why) => format!("its signer refuses to sign: {why}"),
    }
}

/// What an expert may want besides: whole hashes, and the statement with its signature.
fn details_of(halt: &Halt) -> Option<String> {
    match halt {
        Halt::Diverged {
            height,
            ours,
            certified,
        } => Some(format!("block {height}: here {ours}, certified {certified}")),
        Halt::Forgotten { statement, .. } => Some(format!(
            "the signed statement: {}",
            hex::encode(encode(statement))
        )),
        Halt::Lost { .. } | Halt::Refused(_) => None,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// One line of the log for each change that an operator would ask about.
fn tell(transition: &Transition, names: &Names) {
    match transition {
        Transition::Late { by } => tracing::warn!(
            late_ms = millis(*by),
            "this node was stopped or starved; its timers start again"
        ),
        Transition::ReignLeft { reign, leader, why } => {
            let why = match why {
                Left::Timeout => "timeout",
                Left::Complaints => "complaints",
                Left::HigherReign => "higher reign",
                Left::Stopping => "stopping",
            };
            tracing::info!(reign, leader = names.of(*leader), why, "reign left");
        }
        Transition::ReignBegun { reign, leader, after } => {
            tracing::info!(
                reign,
                leader = names.of(*leader),
                after_ms = millis(*after),
                "reign begun"
            );
        }
        Transition::Stalled { height, waiting, .. } => {
            let (awaited, missing) = match waiting {
                Some(waiting) => {
                    let missing: Vec<String> = waiting.missing.iter().map(|peer| names.of(*peer)).collect();
                    (waiting.awaited.name(), missing.join(", "))
                }
                None => ("a proposal", String::new()),
            };
            tracing::warn!(height = height.0, awaited, missing, "stalled");
        }
        Transition::MovingAgain { height, stalled } => {
            tracing::info!(height = height.0, stalled_ms = millis(*stalled), "moving again");
        }
        Transition::EpochBegun {
            epoch,
            first,
            validators,
            votes,
        } => tracing::info!(epoch = epoch.0, first = first.0, validators, votes, "epoch begun"),
    }
}
