//! A driver with a host that signs at once, and the words for what it asks for.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

use quorate_consensus::contract::{Config, Timing};
use quorate_consensus::{Body, Engine, Input, Message, Record, Step, TimerRange, Verified, pbft};
use quorate_crypto::{
    Certificate, CertificateV1, Committee, CommitteeSeat, Digest, Epoch, Height, MemberNumber, Seal,
    SeatNumber, Signature, SigningKey, ValidatorIndex, sha256,
};
use quorate_driver::{
    Driver, Effect, EntryNumber, Event, Halt, Limits, Recovered, Start, Surroundings, Time, Transition,
    WriteNumber,
};
use quorate_ledger::{Parameters, Proposal, Timestamp, decode};

const NETWORK: Digest = Digest([7; 32]);
pub(crate) const PBFT: quorate_crypto::Engine = quorate_crypto::Engine::Pbft;
pub(crate) const MS: Duration = Duration::from_millis(1);

#[derive(Default)]
pub(crate) struct Around {
    held: RefCell<BTreeSet<Digest>>,
    pub(crate) wanted: RefCell<BTreeSet<Digest>>,
    /// How often it was told to want a batch, and how often one was looked for.
    pub(crate) told: Cell<usize>,
    pub(crate) looks: Cell<usize>,
    writes: Cell<u64>,
    pub(crate) steps: RefCell<Vec<(Epoch, Input)>>,
}

impl Surroundings for Around {
    fn want(&self, batches: &[Digest]) {
        self.told.set(self.told.get() + batches.len());
        self.wanted.borrow_mut().extend(batches);
    }

    fn want_no_more(&self, batches: &[Digest]) {
        self.wanted.borrow_mut().retain(|batch| !batches.contains(batch));
    }

    fn holds(&self, batch: &Digest) -> bool {
        self.looks.set(self.looks.get() + 1);
        self.held.borrow().contains(batch)
    }

    fn waits_for_check(&self, _: &Digest) -> bool {
        false
    }

    fn writes_begun(&self) -> WriteNumber {
        WriteNumber(self.writes.get())
    }

    fn before_step(&self, _: [Option<&Engine>; 2], epoch: Epoch, _: Timestamp, input: &Input) {
        self.steps.borrow_mut().push((epoch, input.clone()));
    }

    fn after_step(&self, _: Epoch, engine: &Engine, _: &Step) {
        engine.check_invariants();
    }
}

/// A driver with a host that signs at once, and notes everything else.
pub(crate) struct Lab {
    pub(crate) driver: Driver,
    pub(crate) around: Around,
    now: Duration,
    pub(crate) signs: bool,
    /// Signatures that were asked for and not given.
    pub(crate) unsigned: VecDeque<Effect>,
    /// What was asked for since it was last shown.
    pub(crate) log: String,
}

fn key(place: u8) -> SigningKey {
    SigningKey::from_seed(&[place + 1; 32])
}

pub(crate) fn committee(epoch: u64, size: u8, protocol: quorate_crypto::Engine) -> Committee {
    let seat = |place: u8| CommitteeSeat {
        member: MemberNumber(place.into()),
        seat: SeatNumber(place.into()),
        validator: key(place).public(),
        node: key(100 + place).public(),
        witness: key(200 + place).public(),
    };
    Committee::new(Epoch(epoch), protocol, 1, (0..size).map(seat).collect())
}

pub(crate) fn config(committee: Committee, index: u16, certified: u64) -> Config {
    let range = TimerRange {
        from_ms: 400,
        to_ms: 500,
    };
    Config {
        network: NETWORK,
        committee,
        index: Some(ValidatorIndex(index)),
        parameters: Parameters::default(),
        epoch_start: Height(certified),
        epoch_end: None,
        certified: Height(certified),
        certificate: None,
        inquiry: None,
        timing: Timing {
            resend: range,
            progress: range,
            progress_cap_ms: 5_000,
            heartbeat: range,
            election: range,
        },
    }
}

pub(crate) fn batch(number: u8) -> Digest {
    sha256(&[number])
}

impl Lab {
    pub(crate) fn new(size: u8, index: u16, protocol: quorate_crypto::Engine) -> Self {
        let limits = Limits {
            renew_after: 2,
            prune_every: 1,
            ..Limits::default()
        };
        let start = Start {
            config: config(committee(0, size, protocol), index, 0),
            recovered: Recovered {
                next: EntryNumber(1),
                ..Recovered::default()
            },
            make: Engine::recover,
            limits,
            seed: 5,
        };
        let around = Around::default();
        let time = Time {
            wall: Timestamp(1_000),
            since_start: Duration::ZERO,
        };
        let (driver, effects) = Driver::start(start, time, &around);
        let mut lab = Self {
            driver,
            around,
            now: Duration::ZERO,
            signs: true,
            unsigned: VecDeque::new(),
            log: String::new(),
        };
        lab.carry_out(effects);
        lab.close();
        lab
    }

    fn time(&self) -> Time {
        Time {
            wall: Timestamp(1_000 + self.now.as_millis() as u64),
            since_start: self.now,
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        let mut effects = VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            if let Effect::Sign { number, .. } = effect
                && self.signs
            {
                let signature = Signature([0; 64]);
                let event = Event::Signed { number, signature };
                effects.extend(self.driver.on(self.time(), event, &self.around));
            } else {
                writeln!(self.log, "  {}", words(&effect)).expect("a text takes a line");
                if let Effect::Sign { .. } = effect {
                    self.unsigned.push_back(effect);
                }
            }
        }
    }

    fn close(&mut self) {
        let effects = self.driver.close_round();
        self.carry_out(effects);
    }

    /// One event is a round of its own.
    pub(crate) fn on(&mut self, said: &str, event: Event) {
        writeln!(self.log, "{said}").expect("a text takes a line");
        let effects = self.driver.on(self.time(), event, &self.around);
        self.carry_out(effects);
        self.close();
    }

    pub(crate) fn tick(&mut self, after: Duration) {
        self.now += after;
        writeln!(self.log, "{} ms pass", after.as_millis()).expect("a text takes a line");
        let effects = self.driver.tick(self.time(), &self.around);
        self.carry_out(effects);
        self.close();
    }

    /// A batch is written, and not flushed.
    pub(crate) fn store(&mut self, digest: Digest) {
        self.around.held.borrow_mut().insert(digest);
        self.around.writes.set(self.around.writes.get() + 1);
        let epoch = self.driver.epoch();
        self.on("a batch is written", Event::BatchStored { epoch, digest });
    }

    pub(crate) fn journal(&mut self, number: u64) {
        let event = Event::JournalFlushed(EntryNumber(number));
        self.on(&format!("the journal is on disk up to {number}"), event);
    }

    pub(crate) fn chain(&mut self, writes: u64, height: u64) {
        let event = Event::ChainFlushed {
            writes: WriteNumber(writes),
            height: Height(height),
        };
        self.on(
            &format!("{writes} batch writes and blocks up to {height} are on disk"),
            event,
        );
    }

    pub(crate) fn written(&mut self, epoch: u64, height: u64) {
        let event = Event::Written {
            epoch: Epoch(epoch),
            height: Height(height),
        };
        self.on(&format!("block {height} is written"), event);
    }

    pub(crate) fn executed(&mut self, epoch: u64, height: u64, ends: Option<u64>) {
        let event = Event::Executed {
            epoch: Epoch(epoch),
            height: Height(height),
            block: sha256(&[100 + height as u8]),
            ends: ends.map(Height),
        };
        self.on(&format!("block {height} is executed"), event);
    }

    pub(crate) fn synced(&mut self, epoch: u64, height: u64, ends: Option<u64>) {
        let seals = [0_u16].map(|place| Seal {
            validator: ValidatorIndex(place),
            signature: Signature([0; 64]),
        });
        let certificate = Certificate::V1(CertificateV1 {
            epoch: Epoch(epoch),
            height: Height(height),
            block: sha256(&[100 + height as u8]),
            seals: seals.to_vec(),
        });
        let event = Event::Synced {
            certificate,
            batches: Vec::new(),
            ends: ends.map(Height),
        };
        self.on(&format!("a peer's block {height} is applied"), event);
    }

    pub(crate) fn message(&mut self, said: &str, epoch: u64, sender: u16, body: Body) {
        let message = Message::new(Epoch(epoch), ValidatorIndex(sender), body, Signature([0; 64]));
        self.on(said, Event::Message(Verified::trusted(message)));
    }

    pub(crate) fn shown(&mut self) -> String {
        std::mem::take(&mut self.log)
    }
}

fn body_words(body: &Body) -> String {
    match body {
        Body::Seal { height, .. } => format!("seal of {height}"),
        Body::Status(_) => "status".to_owned(),
        Body::Pbft(pbft::Body::PrePrepare { height, .. }) => format!("pre-prepare of {height}"),
        Body::Pbft(pbft::Body::Prepare { height, .. }) => format!("prepare of {height}"),
        Body::Pbft(pbft::Body::Commit { height, .. }) => format!("commit of {height}"),
        Body::Pbft(pbft::Body::Complaint { view }) => format!("complaint about view {view}"),
        Body::Pbft(pbft::Body::ViewChange(change)) => format!("view-change to {}", change.claims.view),
        Body::Pbft(pbft::Body::NewView(new_view)) => format!("new-view {}", new_view.view),
        Body::Inquiry(_) | Body::Testimony(_) | Body::Raft(_) | Body::Paxos(_) => "another".to_owned(),
    }
}

fn record_words(bytes: &[u8]) -> String {
    match decode::<Record>(bytes, 1 << 20).expect("records are appended encoded") {
        Record::Own(message) => format!("own {}", body_words(&message.v1().body)),
        Record::Accepted(message) => format!("accepted {}", body_words(&message.v1().body)),
        Record::Prepared(certificate) => format!("prepared {}", certificate.height),
        Record::Entered(message) => format!("entered by {}", body_words(&message.v1().body)),
        Record::Raft(..) => "of Raft".to_owned(),
        Record::Paxos(..) => "of Paxos".to_owned(),
        Record::StoodDown(_) => "stood down".to_owned(),
    }
}

fn words(effect: &Effect) -> String {
    match effect {
        Effect::Append(entries) => {
            let entries = entries.iter();
            let words: Vec<String> = entries
                .map(|(number, bytes)| format!("{number} {}", record_words(bytes)))
                .collect();
            format!("append: {}", words.join(", "))
        }
        Effect::PruneBefore(first) => format!("prune before {first}"),
        Effect::FlushChain { writes } => format!("flush the chain, with {} batch writes", writes.0),
        Effect::Broadcast(message) => format!("broadcast {}", body_words(&message.v1().body)),
        Effect::Send { to, message } => format!("send to {to}: {}", body_words(&message.v1().body)),
        Effect::Execute { height, .. } => format!("execute {height}"),
        Effect::Certify(certificate) => format!("certify {}", certificate.height()),
        Effect::FetchBatches { to, digests, .. } => format!("fetch {} batches from {to}", digests.len()),
        Effect::HandOver { to, .. } => format!("hand over to {to}"),
        Effect::FetchBlocks { to, .. } => format!("fetch blocks up to {to}"),
        Effect::PrepareEpoch { last } => format!("prepare the epoch after {last}"),
        Effect::KeepEvidence(evidence) => format!("keep evidence against {}", evidence.validator),
        Effect::Sign { number, .. } => format!("sign, request {}", number.0),
        Effect::Quarantine(halt) => match **halt {
            Halt::Diverged { .. } => "quarantine: diverged".to_owned(),
            Halt::Forgotten { .. } => "quarantine: forgotten".to_owned(),
            Halt::Lost { .. } => "quarantine: lost".to_owned(),
            Halt::Refused(_) => "quarantine: refused".to_owned(),
        },
        Effect::Tell(Transition::Late { by }) => format!("tell: late by {} ms", by.as_millis()),
        Effect::Tell(Transition::EpochBegun { epoch, .. }) => format!("tell: epoch {epoch} begun"),
        Effect::Tell(Transition::ReignLeft { reign, why, .. }) => {
            format!("tell: reign {reign} left, {why:?}")
        }
        Effect::Tell(Transition::ReignBegun { reign, leader, .. }) => {
            format!("tell: reign {reign} of {leader} begun")
        }
        Effect::Tell(Transition::Stalled {
            height,
            waiting,
            stalled,
        }) => {
            let waiting = waiting.as_ref().map(|waiting| waiting.awaited.name());
            let after = stalled.as_millis();
            format!("tell: {height} stalls for {after} ms, waiting for {waiting:?}")
        }
        Effect::Tell(Transition::MovingAgain { height, stalled }) => {
            format!("tell: {height} moves again after {} ms", stalled.as_millis())
        }
    }
}

pub(crate) fn pre_prepare(height: u64, batches: &[Digest]) -> Body {
    Body::Pbft(pbft::Body::PrePrepare {
        view: pbft::View(0),
        height: Height(height),
        proposal: Proposal::new(Timestamp(1_000), batches.to_vec()),
    })
}
