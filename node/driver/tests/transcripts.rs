//! What a driver asks for, event by event, as text. The committee has one validator, whose own votes are
//! quorums, or four, of which this is one that follows.

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
    Driver, Effect, EntryNumber, Event, Halt, Limits, Recovered, Refusal, Start, Surroundings, Time,
    Transition, WriteNumber,
};
use quorate_ledger::{Parameters, Proposal, Timestamp, decode};

const NETWORK: Digest = Digest([7; 32]);
const PBFT: quorate_crypto::Engine = quorate_crypto::Engine::Pbft;
const MS: Duration = Duration::from_millis(1);

#[derive(Default)]
struct Around {
    held: RefCell<BTreeSet<Digest>>,
    wanted: RefCell<BTreeSet<Digest>>,
    /// How often it was told to want a batch, and how often one was looked for.
    told: Cell<usize>,
    looks: Cell<usize>,
    writes: Cell<u64>,
    steps: RefCell<Vec<(Epoch, Input)>>,
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
struct Lab {
    driver: Driver,
    around: Around,
    now: Duration,
    signs: bool,
    /// Signatures that were asked for and not given.
    unsigned: VecDeque<Effect>,
    /// What was asked for since it was last shown.
    log: String,
}

fn key(place: u8) -> SigningKey {
    SigningKey::from_seed(&[place + 1; 32])
}

fn committee(epoch: u64, size: u8, protocol: quorate_crypto::Engine) -> Committee {
    let seat = |place: u8| CommitteeSeat {
        member: MemberNumber(place.into()),
        seat: SeatNumber(place.into()),
        validator: key(place).public(),
        node: key(100 + place).public(),
        witness: key(200 + place).public(),
    };
    Committee::new(Epoch(epoch), protocol, 1, (0..size).map(seat).collect())
}

fn config(committee: Committee, index: u16, certified: u64) -> Config {
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

fn batch(number: u8) -> Digest {
    sha256(&[number])
}

impl Lab {
    fn new(size: u8, index: u16, protocol: quorate_crypto::Engine) -> Self {
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
    fn on(&mut self, said: &str, event: Event) {
        writeln!(self.log, "{said}").expect("a text takes a line");
        let effects = self.driver.on(self.time(), event, &self.around);
        self.carry_out(effects);
        self.close();
    }

    fn tick(&mut self, after: Duration) {
        self.now += after;
        writeln!(self.log, "{} ms pass", after.as_millis()).expect("a text takes a line");
        let effects = self.driver.tick(self.time(), &self.around);
        self.carry_out(effects);
        self.close();
    }

    /// A batch is written, and not flushed.
    fn store(&mut self, digest: Digest) {
        self.around.held.borrow_mut().insert(digest);
        self.around.writes.set(self.around.writes.get() + 1);
        let epoch = self.driver.epoch();
        self.on("a batch is written", Event::BatchStored { epoch, digest });
    }

    fn journal(&mut self, number: u64) {
        let event = Event::JournalFlushed(EntryNumber(number));
        self.on(&format!("the journal is on disk up to {number}"), event);
    }

    fn chain(&mut self, writes: u64, height: u64) {
        let event = Event::ChainFlushed {
            writes: WriteNumber(writes),
            height: Height(height),
        };
        self.on(
            &format!("{writes} batch writes and blocks up to {height} are on disk"),
            event,
        );
    }

    fn written(&mut self, epoch: u64, height: u64) {
        let event = Event::Written {
            epoch: Epoch(epoch),
            height: Height(height),
        };
        self.on(&format!("block {height} is written"), event);
    }

    fn executed(&mut self, epoch: u64, height: u64, ends: Option<u64>) {
        let event = Event::Executed {
            epoch: Epoch(epoch),
            height: Height(height),
            block: sha256(&[100 + height as u8]),
            ends: ends.map(Height),
        };
        self.on(&format!("block {height} is executed"), event);
    }

    fn synced(&mut self, epoch: u64, height: u64, ends: Option<u64>) {
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

    fn message(&mut self, said: &str, epoch: u64, sender: u16, body: Body) {
        let message = Message::new(Epoch(epoch), ValidatorIndex(sender), body, Signature([0; 64]));
        self.on(said, Event::Message(Verified::trusted(message)));
    }

    fn shown(&mut self) -> String {
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
        Effect::FetchBatches { to, digests } => format!("fetch {} batches from {to}", digests.len()),
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

fn pre_prepare(height: u64, batches: &[Digest]) -> Body {
    Body::Pbft(pbft::Body::PrePrepare {
        view: pbft::View(0),
        height: Height(height),
        proposal: Proposal::new(Timestamp(1_000), batches.to_vec()),
    })
}

/// One validator alone takes a batch through a whole block.
#[test]
fn nothing_leaves_before_what_it_follows_from_is_on_disk() {
    let mut lab = Lab::new(1, 0, PBFT);
    lab.store(batch(1));
    lab.journal(1);
    lab.chain(1, 0);
    lab.journal(2);
    lab.journal(3);
    lab.journal(4);
    lab.executed(0, 1, None);
    lab.written(0, 1);
    lab.chain(1, 1);
    insta::assert_snapshot!(lab.shown());
}

/// A backup of four: the vote waits for the journal and for the batch, which come in any order.
#[test]
fn a_prepare_waits_for_its_record_and_for_its_batches() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.store(batch(1));
    lab.message("the primary proposes", 0, 0, pre_prepare(1, &[batch(1)]));
    lab.chain(0, 0);
    lab.journal(9);
    assert!(!lab.log.contains("broadcast prepare"), "{}", lab.log);
    lab.chain(1, 0);
    insta::assert_snapshot!(lab.shown());
}

#[test]
fn what_is_missing_is_fetched_from_one_peer_after_the_other() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.message(
        "the primary proposes",
        0,
        0,
        pre_prepare(1, &[batch(1), batch(2)]),
    );
    assert_eq!(*lab.around.wanted.borrow(), BTreeSet::from([batch(1), batch(2)]));
    lab.tick(50 * MS);
    lab.store(batch(1));
    lab.tick(50 * MS);
    lab.store(batch(2));
    lab.tick(50 * MS);
    assert_eq!(*lab.around.wanted.borrow(), BTreeSet::new());
    insta::assert_snapshot!(lab.shown());
}

/// A primary names batches that nobody has, height by height: none of that makes a later event look through them all.
#[test]
fn what_an_event_costs_goes_by_the_batches_that_it_is_about() {
    let mut lab = Lab::new(4, 1, PBFT);
    let named = |height: u8| -> Vec<Digest> { (0..20).map(|place| sha256(&[height, place])).collect() };
    for height in 1..=10 {
        lab.message(
            "the primary proposes",
            0,
            0,
            pre_prepare(height.into(), &named(height)),
        );
        lab.tick(MS);
    }
    assert_eq!(lab.around.wanted.borrow().len(), 200);
    assert_eq!((lab.around.told.get(), lab.around.looks.get()), (200, 200));
    // Those of the first height are due 50 ms after it came, those of the next a millisecond later.
    lab.tick(40 * MS);
    assert_eq!(lab.around.looks.get(), 220);
    assert_eq!(lab.log.matches("fetch 20 batches").count(), 1, "{}", lab.log);
    lab.tick(MS);
    assert_eq!(lab.around.looks.get(), 240);
    // What comes costs no look at the rest, and what a proposal that is complete had named is let go.
    for batch in named(1) {
        lab.store(batch);
    }
    assert_eq!((lab.around.told.get(), lab.around.looks.get()), (200, 240));
    assert_eq!(lab.around.wanted.borrow().len(), 180);
    let steps = lab.around.steps.borrow();
    let available = steps
        .iter()
        .filter(|(_, input)| matches!(input, Input::ProposalAvailable { .. }));
    assert_eq!(available.count(), 1);
}

#[test]
fn what_is_missing_is_fetched_from_who_voted_for_it_too() {
    let mut lab = Lab::new(4, 1, PBFT);
    let pre_prepare = pre_prepare(1, &[batch(1)]);
    let Body::Pbft(pbft::Body::PrePrepare { proposal, .. }) = &pre_prepare else {
        panic!("it proposes");
    };
    let proposal = proposal.digest();
    lab.message("the primary proposes", 0, 0, pre_prepare);
    let prepare = pbft::Body::Prepare {
        view: pbft::View(0),
        height: Height(1),
        proposal,
    };
    lab.message("a backup votes for it", 0, 3, Body::Pbft(prepare));
    lab.tick(50 * MS);
    let fetched = |from: &str| lab.log.contains(&format!("fetch 1 batches from {from}"));
    assert!(fetched("3") && fetched("0") && !fetched("2"), "{}", lab.log);
}

#[test]
fn a_signer_that_takes_its_time_holds_back_what_comes_after_it() {
    let mut lab = Lab::new(1, 0, PBFT);
    lab.signs = false;
    lab.store(batch(1));
    lab.chain(1, 0);
    assert!(!lab.log.contains("append"), "{}", lab.log);
    let Some(Effect::Sign { number, .. }) = lab.unsigned.pop_front() else {
        panic!("a signature is asked for");
    };
    let signature = Signature([0; 64]);
    lab.on("it signs", Event::Signed { number, signature });
    lab.journal(1);
    insta::assert_snapshot!(lab.shown());
}

#[test]
fn a_signer_that_refuses_halts_the_driver() {
    let mut lab = Lab::new(1, 0, PBFT);
    lab.signs = false;
    lab.store(batch(1));
    let Some(Effect::Sign { number, .. }) = lab.unsigned.pop_front() else {
        panic!("a signature is asked for");
    };
    let why = Refusal("it has signed something else".to_owned());
    lab.on("it refuses", Event::SignRefused { number, why });
    let signature = Signature([0; 64]);
    lab.on("it signs all the same", Event::Signed { number, signature });
    lab.chain(1, 0);
    lab.journal(9);
    lab.store(batch(2));
    insta::assert_snapshot!(lab.shown());
}

#[test]
fn a_halted_driver_says_nothing_that_waited() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.store(batch(1));
    lab.message("the primary proposes", 0, 0, pre_prepare(1, &[batch(1)]));
    let forgotten = Body::Pbft(pbft::Body::Commit {
        view: pbft::View(0),
        height: Height(5),
        proposal: Digest([9; 32]),
    });
    lab.message("its own vote comes back", 0, 1, forgotten);
    lab.journal(9);
    lab.chain(1, 0);
    assert!(!lab.log.contains("broadcast prepare"), "{}", lab.log);
    insta::assert_snapshot!(lab.shown());
}

/// A validator that was away over two epochs' ends hears of the second while it has not begun the first.
#[test]
fn two_ends_in_a_row_begin_two_epochs_one_after_the_other() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.synced(0, 1, Some(3));
    lab.synced(0, 2, None);
    lab.written(0, 3);
    lab.synced(0, 3, None);
    // The executor is in epoch 1, and soon past it.
    lab.written(1, 4);
    lab.synced(1, 4, Some(5));
    lab.written(1, 5);
    lab.synced(1, 5, None);
    assert_eq!(lab.driver.epoch(), Epoch(0));
    lab.chain(0, 5);
    let ready = |epoch, last| Event::EpochReady(Box::new(config(committee(epoch, 4, PBFT), 1, last)));
    lab.on("epoch 1 is prepared", ready(1, 3));
    assert_eq!(
        (lab.driver.epoch(), lab.driver.epoch_end()),
        (Epoch(1), Some(Height(5)))
    );
    lab.on("epoch 2 is prepared", ready(2, 5));
    assert_eq!((lab.driver.epoch(), lab.driver.epoch_end()), (Epoch(2), None));
    let ends = lab.around.steps.borrow();
    let ends: Vec<_> = ends
        .iter()
        .filter_map(|(epoch, input)| match input {
            Input::EpochEnds(last) => Some((epoch.0, last.0)),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [(0, 3), (1, 5)], "each engine hears of its own epoch's end");
    insta::assert_snapshot!(lab.log);
}

/// It finds out that it has forgotten something after it has asked who agrees next, and the answer does not know.
#[test]
fn pitfall_28_a_halt_outlives_an_answer_that_is_older_than_it() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.synced(0, 1, Some(2));
    lab.written(0, 2);
    lab.chain(0, 2);
    assert!(lab.log.contains("prepare the epoch after 2"), "{}", lab.log);
    let forgotten = Body::Pbft(pbft::Body::Commit {
        view: pbft::View(0),
        height: Height(2),
        proposal: Digest([9; 32]),
    });
    lab.message("its own vote comes back", 0, 1, forgotten);
    assert!(!lab.driver.standing().votes, "{}", lab.log);
    let next = config(committee(1, 4, PBFT), 1, 2);
    lab.on("epoch 1 is prepared", Event::EpochReady(Box::new(next)));
    assert_eq!(lab.driver.epoch(), Epoch(1));
    assert!(!lab.driver.standing().votes, "{}", lab.log);
}

/// It was quarantined for something else before, and the answer lets it vote after its rejoin.
#[test]
fn who_has_diverged_does_not_vote_in_the_next_epoch() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.synced(0, 1, Some(2));
    let forgotten = Body::Pbft(pbft::Body::Commit {
        view: pbft::View(0),
        height: Height(2),
        proposal: Digest([9; 32]),
    });
    lab.message("its own vote comes back", 0, 1, forgotten);
    lab.written(0, 2);
    lab.on(
        "a block differs",
        Event::Diverged {
            height: Height(2),
            ours: Digest([1; 32]),
            certified: Digest([2; 32]),
        },
    );
    lab.chain(0, 2);
    let next = config(committee(1, 4, PBFT), 1, 2);
    lab.on("epoch 1 is prepared", Event::EpochReady(Box::new(next)));
    assert_eq!(lab.driver.epoch(), Epoch(1));
    assert!(!lab.driver.standing().votes, "{}", lab.log);
}

#[test]
fn an_epoch_is_prepared_when_its_last_block_is_on_disk() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.synced(0, 1, Some(2));
    lab.chain(0, 1);
    lab.written(0, 2);
    assert!(!lab.log.contains("prepare the epoch"), "{}", lab.log);
    lab.chain(0, 2);
    assert!(lab.log.contains("prepare the epoch after 2"), "{}", lab.log);
}

#[test]
fn an_engine_of_raft_hears_of_a_fetched_block_when_it_is_on_disk() {
    for (protocol, at_once) in [(PBFT, true), (quorate_crypto::Engine::Raft, false)] {
        let mut lab = Lab::new(3, 1, protocol);
        let heard = |lab: &Lab| {
            let steps = lab.around.steps.borrow();
            steps.iter().any(|(_, input)| matches!(input, Input::Synced(_)))
        };
        lab.synced(0, 1, None);
        assert_eq!(heard(&lab), at_once, "{protocol:?}");
        lab.chain(0, 1);
        assert!(heard(&lab));
    }
}

#[test]
fn an_engine_hears_how_far_its_chain_is_on_disk() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.synced(0, 1, None);
    lab.written(0, 1);
    let heard = |lab: &Lab| {
        let steps = lab.around.steps.borrow();
        steps.iter().any(|(_, input)| *input == Input::OnDisk(Height(1)))
    };
    assert!(!heard(&lab), "a block that is written may be lost");
    lab.chain(0, 1);
    assert!(heard(&lab));
}

/// One flush covered an epoch's last block and blocks of the next, and no other comes for them: were its engine not
/// told, it would commit nothing more than a window above the epoch's beginning.
#[test]
fn the_engine_of_a_new_epoch_hears_of_a_flush_that_covered_its_blocks_too() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.synced(0, 1, Some(2));
    lab.written(0, 2);
    lab.synced(0, 2, None);
    lab.written(1, 3);
    lab.synced(1, 3, None);
    lab.chain(0, 3);
    let committee = committee(1, 4, PBFT);
    lab.on(
        "epoch 1 is prepared",
        Event::EpochReady(Box::new(config(committee, 1, 2))),
    );
    let steps = lab.around.steps.borrow();
    assert!(
        steps.contains(&(Epoch(1), Input::OnDisk(Height(3)))),
        "{}",
        lab.log
    );
}

/// The epoch ends while a vote waits for its batch: the flush that covers the last block began before the batch was
/// written. As long as the next epoch has no block, others may need that vote; then they fetch blocks.
#[test]
fn a_vote_of_the_epoch_before_leaves_when_it_is_on_disk_unless_the_next_has_a_block() {
    for has_block in [false, true] {
        let mut lab = Lab::new(4, 1, PBFT);
        lab.synced(0, 1, Some(3));
        lab.store(batch(1));
        lab.message("the primary proposes", 0, 0, pre_prepare(2, &[batch(1)]));
        lab.journal(99);
        assert!(lab.log.contains("own prepare of 2"), "{}", lab.log);
        lab.synced(0, 2, None);
        lab.synced(0, 3, None);
        lab.written(0, 3);
        lab.chain(0, 3);
        let next = config(committee(1, 4, PBFT), 1, 3);
        lab.on("epoch 1 is prepared", Event::EpochReady(Box::new(next)));
        assert_eq!(lab.driver.epoch(), Epoch(1));
        if has_block {
            lab.written(1, 4);
        }
        assert!(!lab.log.contains("broadcast prepare"), "{}", lab.log);
        lab.chain(1, 3);
        let is_sent = lab.log.contains("broadcast prepare of 2");
        assert_eq!(is_sent, !has_block, "{}", lab.log);
    }
}

/// What it finds out does not wait for the disk behind the vote that it is to stop.
#[test]
fn pitfall_28_a_halt_does_not_wait_behind_a_vote() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.store(batch(1));
    lab.message("the primary proposes", 0, 0, pre_prepare(1, &[batch(1)]));
    lab.chain(1, 0);
    lab.journal(2);
    assert!(lab.log.contains("broadcast prepare"), "{}", lab.log);
    let (view, proposal) = (
        pbft::View(0),
        Proposal::new(Timestamp(1_000), vec![batch(1)]).digest(),
    );
    for who in [2, 3] {
        let height = Height(1);
        let prepare = pbft::Body::Prepare {
            view,
            height,
            proposal,
        };
        lab.message("somebody prepares", 0, who, Body::Pbft(prepare));
    }
    assert!(lab.log.contains("own commit of 1"), "{}", lab.log);
    let forgotten = Body::Pbft(pbft::Body::Commit {
        view,
        height: Height(5),
        proposal: Digest([9; 32]),
    });
    lab.message("its own vote comes back", 0, 1, forgotten);
    assert!(!lab.driver.standing().votes, "{}", lab.log);
    lab.journal(99);
    assert!(!lab.log.contains("broadcast commit"), "{}", lab.log);
}

#[test]
fn pitfall_35_after_a_gap_timers_start_again_and_do_not_fire() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.message("the primary proposes", 0, 0, pre_prepare(1, &[batch(1)]));
    let fired = |lab: &Lab| {
        let steps = lab.around.steps.borrow();
        steps.iter().any(|(_, input)| matches!(input, Input::Timeout(_)))
    };
    lab.tick(10_000 * MS);
    assert!(!fired(&lab) && lab.log.contains("tell: late by"), "{}", lab.log);
    lab.tick(499 * MS);
    lab.tick(2 * MS);
    assert!(fired(&lab));
}

/// Four validators of which only this one speaks: a batch waits for 20 s, then blocks come by a peer.
#[test]
fn an_operator_is_told_of_reigns_and_of_work_that_stands_still() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.store(batch(1));
    for _ in 0..100 {
        lab.tick(250 * MS);
    }
    lab.synced(0, 1, None);
    let told: Vec<&str> = lab.log.lines().filter(|line| line.contains("tell:")).collect();
    assert_eq!(
        told,
        [
            "  tell: reign 0 of 0 begun",
            "  tell: 1 stalls for 10000 ms, waiting for None",
            "  tell: 1 moves again after 15000 ms",
        ]
    );
}

#[test]
fn an_operator_is_told_why_a_reign_is_left() {
    let mut lab = Lab::new(4, 1, PBFT);
    lab.store(batch(1));
    for who in [2, 3] {
        let complaint = pbft::Body::Complaint { view: pbft::View(0) };
        lab.message("somebody complains", 0, who, Body::Pbft(complaint));
    }
    let told: Vec<&str> = lab.log.lines().filter(|line| line.contains("tell:")).collect();
    assert_eq!(
        told,
        ["  tell: reign 0 of 0 begun", "  tell: reign 0 left, Complaints"]
    );
}

#[test]
fn messages_of_a_later_epoch_are_kept_up_to_a_bound() {
    let mut lab = Lab::new(4, 1, PBFT);
    for _ in 0..5_000 {
        lab.message(
            "early",
            1,
            0,
            Body::Pbft(pbft::Body::Complaint { view: pbft::View(0) }),
        );
    }
    lab.synced(0, 1, Some(2));
    lab.written(0, 2);
    lab.synced(0, 2, None);
    lab.chain(0, 2);
    let committee = committee(1, 4, PBFT);
    lab.on(
        "epoch 1 is prepared",
        Event::EpochReady(Box::new(config(committee, 1, 2))),
    );
    let steps = lab.around.steps.borrow();
    let heard = steps
        .iter()
        .filter(|(epoch, input)| *epoch == Epoch(1) && matches!(input, Input::Message(_)));
    assert_eq!(heard.count(), 4_096);
}
