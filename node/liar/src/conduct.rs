//! The conduct of a validator that lies: what passes through, what is kept back, what is said in its place.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use quorate_consensus::pbft::{Body as Pbft, EAGER_PROPOSALS, View, primary_of};
use quorate_consensus::{Action, Body, Engine, Message, Record, Step};
use quorate_crypto::{Certificate, Epoch, ValidatorIndex};
use quorate_driver::Event;
use quorate_ledger::{SignedBatch, Submission, decode, encode};
use quorate_lies::{
    Equivocator, Forger, Hoarder, Mutant, Pesterer, Replayer, SealHoarder, Stage as _, TwoViews, backdated,
    complaint, early_view_change, empty_handed, garbled, pestering_interval_us, proposes, usurp, vote_twice,
};
use quorate_runtime::{Conduct, Means, Parcel};

use crate::clock::{self, TICK};
use crate::flood::flood;
use crate::lie::Lie;
use crate::stage::ProcessStage;
use crate::stock::{self, Stock};

/// The most frames kept back; what comes then is lost.
const MAX_KEPT_BACK: usize = 16_384;
/// The most bytes of a batch.
const MAX_BATCH_BYTES: usize = 4 << 20;
/// Batches of its own that a trickle has in stock.
const STOCK: usize = 64;
/// How often batches are packed that few or none are shown.
const PACK_EVERY: Duration = Duration::from_millis(200);
/// How often it does what is done now and then: as often as the simulator's housekeeping.
const HOUSEKEEPING: Duration = Duration::from_millis(50);
/// The chance in a thousand that a withholder keeps back a message.
const WITHHELD: u64 = 400;
/// That it gives anything else.
const GIVEN: u64 = 200;
/// That a usurper begins a view at a housekeeping.
const USURPED: u64 = 150;

/// What a liar is told at its start.
pub(crate) struct Setting {
    /// How it lies.
    pub(crate) lie: Lie,
    /// How long it keeps the rules first; none: until SIGUSR1.
    pub(crate) after: Option<Duration>,
    /// What its random choices follow from.
    pub(crate) seed: u64,
    /// The progress timer of its network.
    pub(crate) patience: Duration,
    /// The part of a processor up to which it floods.
    pub(crate) processor: f64,
}

/// The conduct.
pub(crate) struct Lying {
    shared: Arc<Shared>,
}

/// What all threads see.
pub(crate) struct Shared {
    setting: Setting,
    state: Mutex<Option<State>>,
}

/// What it keeps in mind.
struct State {
    stage: ProcessStage,
    own: ValidatorIndex,
    /// Whether it lies by now.
    lies: bool,
    engine: EngineFacts,
    certificate: Option<Certificate>,
    equivocator: Equivocator,
    forger: Forger,
    hoarder: Hoarder,
    mutant: Mutant,
    pesterer: Pesterer,
    replayer: Replayer,
    seal_hoarder: SealHoarder,
    two_views: TwoViews,
    stock: Stock,
    kept_back: BTreeMap<(Instant, u64), (ValidatorIndex, Bytes)>,
    kept: u64,
    /// The last proposal that was kept back, and when it leaves.
    proposal: Option<(Body, Instant)>,
    housekeeping_at: Instant,
    usurp_at: Instant,
    act_at: Instant,
    pestered_at: Instant,
}

/// Where the engine of the last step is.
#[derive(Clone, Copy, Default)]
struct EngineFacts {
    epoch: Epoch,
    view: View,
    begun: bool,
}

impl Lying {
    pub(crate) fn new(setting: Setting) -> Self {
        let state = Mutex::new(None);
        Self {
            shared: Arc::new(Shared { setting, state }),
        }
    }
}

impl Conduct for Lying {
    fn begins(&self, means: Means) {
        let shared = &self.shared;
        *shared.lock() = Some(State::new(means, shared.setting.seed));
        clock::start(Arc::clone(shared), shared.setting.after);
    }

    fn hears(&self, from: ValidatorIndex, message: &Message) -> bool {
        self.shared.with(true, |lie, state| {
            // What it says to one it would learn from another, and remember that it never said it.
            if state.lies && message.v1().sender == state.own {
                return false;
            }
            match lie {
                Lie::Forger => state.forger.hear(message),
                Lie::Replayer => state.replayer.hear(message),
                Lie::SealHoarder { .. } => state.seal_hoarder.hear(message),
                Lie::Pesterer if message.may_come_from(from) => state.pesterer.hear(message),
                Lie::TwoViews => state.two_views.hear(message),
                _ => {}
            }
            true
        })
    }

    fn learns(&self, event: &Event) -> bool {
        let lie = &self.shared.setting.lie;
        let (Lie::Trickle { .. } | Lie::Crowder { .. }, Event::BatchStored { digest, .. }) = (lie, event)
        else {
            return true;
        };
        self.shared.with(true, |lie, state| {
            if !state.lies || state.stock.released.remove(digest) {
                return true;
            }
            let author = state.stage.means.author_of(digest);
            let is_own = author == Some(state.own);
            match lie {
                Lie::Crowder { leaves_out: None } => is_own,
                Lie::Crowder { leaves_out } => author != *leaves_out,
                _ => {
                    if is_own {
                        state.stock.waiting.push_back(*digest);
                    }
                    false
                }
            }
        })
    }

    fn stepped(&self, engine: &Engine, step: &Step) {
        self.shared
            .with((), |lie, state| state.stepped(lie, engine, step));
    }

    fn says(&self, to: ValidatorIndex, message: &Message) -> bool {
        let setting = &self.shared.setting;
        self.shared
            .with(true, |_, state| !state.lies || state.says(setting, to, message))
    }

    fn gives(&self, to: ValidatorIndex, parcel: Parcel<'_>) -> bool {
        self.shared
            .with(true, |lie, state| !state.lies || state.gives(lie, to, parcel))
    }

    fn serves(&self, to: ValidatorIndex) -> Option<Duration> {
        let honest = Some(Duration::ZERO);
        self.shared.with(honest, |lie, state| match lie {
            _ if !state.lies => honest,
            Lie::Silent | Lie::Withholder => None,
            Lie::Half => state.is_of_half(to).then_some(Duration::ZERO),
            Lie::SealHoarder { serves } => (*serves == Some(to)).then_some(Duration::ZERO),
            Lie::SlowSync { pace } => Some(*pace),
            _ => honest,
        })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before it has begun, nothing is said or heard.
    fn with<T>(&self, before: T, act: impl FnOnce(&Lie, &mut State) -> T) -> T {
        match self.lock().as_mut() {
            Some(state) => act(&self.setting.lie, state),
            None => before,
        }
    }

    /// The lie begins, unless it has.
    pub(crate) fn lie(shared: &Arc<Self>) {
        let means = shared.with(None, |_, state| {
            let begins = !std::mem::replace(&mut state.lies, true);
            begins.then(|| state.stage.means.clone())
        });
        let Some(means) = means else { return };
        tracing::warn!(lie = ?shared.setting.lie, "the lie begins");
        if shared.setting.lie == Lie::Flooder {
            let (processor, seed) = (shared.setting.processor, shared.setting.seed);
            let never = Arc::new(AtomicBool::new(false));
            std::thread::Builder::new()
                .name("flood".to_owned())
                .spawn(move || flood(&means, processor, seed, &never))
                .expect("a thread can be started");
        }
    }

    /// What it does by itself.
    pub(crate) fn tick(&self, now: Instant) {
        let patience = self.setting.patience;
        let packs = self.with(Vec::new(), |lie, state| match state.lies {
            true => state.tick(lie, patience, now),
            false => Vec::new(),
        });
        let means = self.with(None, |_, state| Some(state.stage.means.clone()));
        // Not under the lock, as the driver hears of what is packed.
        if let Some(means) = means {
            for (submission, to) in packs {
                stock::pack(&means, submission, &to);
            }
        }
    }

    /// Sends what has been kept back for long enough; gives when the next is due.
    pub(crate) fn send_due(&self, now: Instant) -> Option<Instant> {
        self.with(None, |_, state| {
            while let Some(entry) = state.kept_back.first_entry() {
                if entry.key().0 > now {
                    return Some(entry.key().0);
                }
                let (to, frame) = entry.remove();
                state.stage.means.send(to, frame);
            }
            None
        })
    }
}

/// What is submitted with its batch's number, and who is shown the batch.
type Packed = ((u64, Submission), Vec<ValidatorIndex>);

impl State {
    fn new(means: Means, seed: u64) -> Self {
        let now = Instant::now();
        Self {
            own: means.own(),
            stage: ProcessStage::new(means, seed),
            lies: false,
            engine: EngineFacts::default(),
            certificate: None,
            equivocator: Equivocator::default(),
            forger: Forger::default(),
            hoarder: Hoarder::default(),
            mutant: Mutant::default(),
            pesterer: Pesterer::default(),
            replayer: Replayer::default(),
            seal_hoarder: SealHoarder::default(),
            two_views: TwoViews::default(),
            stock: Stock::new(),
            kept_back: BTreeMap::new(),
            kept: 0,
            proposal: None,
            housekeeping_at: now,
            usurp_at: now,
            act_at: now,
            pestered_at: now,
        }
    }

    fn stepped(&mut self, lie: &Lie, engine: &Engine, step: &Step) {
        let epoch = engine.committee().epoch();
        if epoch < self.engine.epoch {
            return;
        }
        if epoch > self.engine.epoch {
            self.stage.follow();
        }
        let facts = EngineFacts {
            epoch,
            view: View(engine.reign()),
            begun: engine.has_begun(),
        };
        let is_new = (facts.view, facts.begun) != (self.engine.view, self.engine.begun);
        self.engine = facts;
        for record in &step.records {
            if let Record::Prepared(certificate) = record {
                self.hoarder.keep(certificate);
            }
        }
        for action in &step.actions {
            if let Action::Certify(certificate) = action {
                self.certificate = Some(certificate.clone());
            }
        }
        if !self.lies {
            return;
        }
        if *lie == Lie::Complainer && is_new && facts.begun {
            self.say_to_all(complaint(facts.view));
        }
        let now = Instant::now();
        if *lie == Lie::Usurper && now >= self.usurp_at {
            self.usurp_at = now + HOUSEKEEPING;
            if self.stage.random().chance(USURPED)
                && let Engine::Pbft(replica) = engine
            {
                for message in usurp(&mut self.stage, epoch, self.own, replica) {
                    self.send_to_all(&message);
                }
            }
        }
    }

    /// What it says by itself; gives what is to be packed.
    fn tick(&mut self, lie: &Lie, patience: Duration, now: Instant) -> Vec<Packed> {
        let EngineFacts { epoch, view, begun } = self.engine;
        let is_due = now >= self.housekeeping_at;
        if is_due {
            self.housekeeping_at = now + HOUSEKEEPING;
        }
        match lie {
            Lie::Complainer if is_due => self.say_to_all(complaint(view)),
            Lie::Repeater if is_due && begun => {
                for _ in 0..4 {
                    self.say_to_all(early_view_change(view));
                }
            }
            Lie::SealHoarder { .. } if is_due && begun => {
                let certificate = self.certificate.clone();
                let of_now = certificate.filter(|certificate| certificate.epoch() == epoch);
                let body = of_now
                    .and_then(|certificate| self.seal_hoarder.next_view_change(epoch, view, &certificate));
                if let Some(body) = body {
                    self.say_to_all(body);
                }
            }
            Lie::Pesterer => self.pester(now),
            Lie::Trickle { every } if now >= self.act_at => {
                self.act_at = now + every.unwrap_or(patience * 9 / 10);
                if let Some(next) = self.stock.waiting.pop_front() {
                    self.stock.released.insert(next);
                    self.stage.means.tell(Event::BatchStored { epoch, digest: next });
                }
                let peers = self.stage.means.peers();
                let missing = STOCK.saturating_sub(self.stock.waiting.len());
                return (0..missing)
                    .map(|_| (self.next_submission(), peers.clone()))
                    .collect();
            }
            // Its engine proposes each at once, as long as it does not gather; then it gathers these.
            Lie::Crowder { .. } if self.leads() => {
                let peers = self.stage.means.peers();
                return (0..EAGER_PROPOSALS)
                    .map(|_| (self.next_submission(), peers.clone()))
                    .collect();
            }
            Lie::ShownToOne | Lie::Withheld if now >= self.act_at => {
                self.act_at = now + PACK_EVERY;
                let shown = match lie {
                    Lie::ShownToOne => self.stage.means.peers().into_iter().take(1).collect(),
                    _ => Vec::new(),
                };
                return vec![(self.next_submission(), shown)];
            }
            _ => {}
        }
        Vec::new()
    }

    fn leads(&self) -> bool {
        self.engine.begun && primary_of(self.stage.committee(), self.engine.view) == self.own
    }

    fn next_submission(&mut self) -> (u64, Submission) {
        self.stock.next(self.stage.means.network())
    }

    fn pester(&mut self, now: Instant) {
        let validators = self.stage.committee().size();
        let interval = Duration::from_micros(pestering_interval_us(validators));
        let since = now.duration_since(self.pestered_at).min(5 * TICK);
        let times = since.as_nanos() / interval.as_nanos().max(1);
        if times == 0 {
            return;
        }
        self.pestered_at = now;
        for peer in self.stage.means.peers() {
            for message in self.pesterer.pesters_with(peer) {
                let frame = Bytes::from(encode(message));
                for _ in 0..times {
                    self.stage.means.send(peer, frame.clone());
                }
            }
        }
    }

    fn say_to_all(&self, body: Body) {
        let message = self.stage.sign(self.engine.epoch, self.own, body);
        self.send_to_all(&message);
    }

    fn send_to_all(&self, message: &Message) {
        let frame = Bytes::from(encode(message));
        for peer in self.stage.means.peers() {
            self.stage.means.send(peer, frame.clone());
        }
    }

    /// Whether the message goes to the peer as it is. What is said in its place is sent from here.
    fn says(&mut self, setting: &Setting, to: ValidatorIndex, message: &Message) -> bool {
        let own = self.own;
        let said = match &setting.lie {
            Lie::Silent => return false,
            Lie::Fades => return !is_vote(&message.v1().body),
            Lie::Half => return self.is_of_half(to),
            Lie::Choosy(choosy) => return choosy.says(to, message),
            Lie::Late { percent } => {
                self.say_late(setting.patience * *percent / 100, to, message);
                return false;
            }
            Lie::Withholder => return !self.stage.random().chance(WITHHELD),
            Lie::Backdater { by_ms } => backdated(&self.stage, own, *by_ms, message).into_iter().collect(),
            Lie::Empty => empty_handed(&self.stage, own, message).into_iter().collect(),
            Lie::Equivocator => vec![self.equivocator.say(&mut self.stage, own, to, message)],
            Lie::DoubleVoter(doubled) => vec![vote_twice(&self.stage, *doubled, own, to, message)],
            Lie::Forger => self.forger.say(&mut self.stage, own, message),
            Lie::TwoViews => vec![self.two_views.say(&self.stage, own, to, message)],
            Lie::SealHoarder { .. } => self.seal_hoarder.say(own, to, message),
            Lie::Hoarder => self.hoarder.say(&self.stage, own, message),
            Lie::Pesterer => self.pesterer.say(message),
            Lie::Replayer => self.replayer.say(&mut self.stage, own, message),
            Lie::Mutant => self.mutant.say(&mut self.stage, own, message),
            Lie::Garbler => {
                let bytes = garbled(&mut self.stage, message);
                self.stage.means.send(to, Bytes::from(bytes));
                return false;
            }
            Lie::Trickle { .. }
            | Lie::Crowder { .. }
            | Lie::Repeater
            | Lie::Complainer
            | Lie::ShownToOne
            | Lie::Withheld
            | Lie::Usurper
            | Lie::Flooder
            | Lie::SlowSync { .. } => return true,
        };
        if said.as_slice() == std::slice::from_ref(message) {
            return true;
        }
        for message in said {
            self.stage.means.send(to, Bytes::from(encode(&message)));
        }
        false
    }

    /// Keeps a message back for so long; a proposal until so long after the one before, so that only one is on its
    /// way at a time.
    fn say_late(&mut self, delay: Duration, to: ValidatorIndex, message: &Message) {
        let now = Instant::now();
        let body = &message.v1().body;
        let at = if message.v1().sender != self.own || !proposes(body) {
            now + delay
        } else if let Some((_, at)) = self.proposal.as_ref().filter(|(last, _)| last == body) {
            // The same, to another peer.
            *at
        } else {
            let last = self.proposal.as_ref().map_or(now, |(_, at)| *at);
            let at = last.max(now) + delay;
            self.proposal = Some((body.clone(), at));
            at
        };
        if self.kept_back.len() < MAX_KEPT_BACK {
            self.kept += 1;
            let frame = Bytes::from(encode(message));
            self.kept_back.insert((at, self.kept), (to, frame));
        }
    }

    fn gives(&mut self, lie: &Lie, to: ValidatorIndex, parcel: Parcel<'_>) -> bool {
        match lie {
            Lie::Silent => false,
            Lie::Half => self.is_of_half(to),
            Lie::Withholder => self.stage.random().chance(GIVEN),
            Lie::ShownToOne | Lie::Withheld => {
                let is_shown = *lie == Lie::ShownToOne && self.stage.means.peers().first() == Some(&to);
                let is_own = match parcel {
                    Parcel::Batch(bytes) => decode::<SignedBatch>(bytes, MAX_BATCH_BYTES)
                        .is_ok_and(|batch| batch.batch().author == self.own),
                    Parcel::Announcement(_) => true,
                    _ => false,
                };
                is_shown || !is_own
            }
            _ => true,
        }
    }

    /// Every other of its peers.
    fn is_of_half(&self, peer: ValidatorIndex) -> bool {
        let peers = self.stage.means.peers();
        let place = peers.iter().position(|other| *other == peer);
        place.is_some_and(|place| place.is_multiple_of(2))
    }
}

/// Whether this votes for a proposal or a block.
fn is_vote(body: &Body) -> bool {
    matches!(
        body,
        Body::Seal { .. } | Body::Pbft(Pbft::Prepare { .. } | Pbft::Commit { .. })
    )
}
