//! Virtual time, the queue of what will happen, and the links.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quorate_consensus::{Body, Message};
use quorate_crypto::{Certificate, Committee, Digest, Epoch, Height, Signature, Tag, ValidatorIndex, sha256};
use quorate_ledger::{BatchTexts, Parameters};

use crate::chart::{self, Chart, Happening, Note, Phase, Transfer};
use crate::checker::Checker;
use crate::governance::Shift;
use crate::ledger::KeptBlock;
use crate::meter::Meter;
use crate::recording::Recorders;
use crate::scenario::{Command, Links};
use crate::scheme::{Scheme, committee_of, machine_of};
use crate::words::describe;
use crate::workload::{self, Packed, Work, network};
use quorate_lies::{Random, Stage};

/// So many epochs ahead is none that any simulation reaches.
const FAR_EPOCHS: u64 = 1_000;

/// Batches by digest.
pub(crate) type Batches = BTreeMap<Digest, Packed>;

/// A batch on its way, or its texts alone. What is under the digest is the same in all copies; texts are what the sender
/// takes for the batch's.
#[derive(Clone, Debug)]
pub(crate) struct BatchCopy {
    pub(crate) digest: Digest,
    pub(crate) texts: Arc<BatchTexts>,
}

/// A certified block on its way.
#[derive(Clone, Debug)]
pub(crate) struct ServedBlock {
    pub(crate) kept: KeptBlock,
    /// The texts of each of its batches, as far as they are at hand.
    pub(crate) texts: Vec<Option<Arc<BatchTexts>>>,
}

/// What travels on a link.
#[derive(Clone, Debug)]
pub(crate) enum Wire {
    Consensus(Message),
    /// What a liar takes for a message, encoded.
    Bytes(Vec<u8>),
    Batch(BatchCopy),
    WantBatches(Vec<Digest>),
    WantBlocks(Height),
    Blocks(Vec<ServedBlock>),
    /// A client at one machine submits this at another.
    Submit(Work),
    /// Asks for the texts of ordered batches.
    WantTexts(Vec<Digest>),
    /// What is left of those of one.
    Texts(BatchCopy),
}

impl Wire {
    fn in_words(&self) -> (Phase, String) {
        match self {
            Self::Consensus(message) => (Phase::of(message), describe(message)),
            Self::Submit(_) => (Phase::Request, "a submission".to_owned()),
            Self::Bytes(bytes) => (Phase::Status, format!("{} bytes", bytes.len())),
            Self::Batch(copy) => (Phase::Request, format!("batch {}", copy.digest.short())),
            Self::WantBatches(batches) => (Phase::CatchUp, format!("wants batches {}", short(batches))),
            Self::WantTexts(batches) => (Phase::CatchUp, format!("wants texts of {}", short(batches))),
            Self::Texts(copy) => (Phase::CatchUp, format!("texts of {}", copy.digest.short())),
            Self::WantBlocks(after) => (Phase::CatchUp, format!("wants blocks after h{after}")),
            Self::Blocks(blocks) => {
                let heights = blocks.iter().map(|block| format!("h{}", block.kept.height()));
                let heights: Vec<String> = heights.collect();
                (Phase::CatchUp, format!("blocks {}", heights.join(" ")))
            }
        }
    }
}

/// Digests in a few words.
fn short(digests: &[Digest]) -> String {
    let digests: Vec<String> = digests.iter().map(Digest::short).collect();
    digests.join(" ")
}

/// Something that will happen at a host, in the life in which it was begun.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "most are deliveries, and each is boxed once"
)]
pub(crate) enum Scheduled {
    Deliver {
        from: ValidatorIndex,
        wire: Wire,
    },
    Connected {
        peer: ValidatorIndex,
    },
    /// The driver hears of something that happened in its own process.
    Told(Box<quorate_driver::Event>),
    /// A timer may be due.
    Tick,
    /// What was gathered goes to the disk.
    RoundEnds,
    JournalFlushed,
    BatchWritten,
    ChainFlushed,
    Execute {
        height: Height,
    },
    /// A certified block is written, once it is executed.
    Write(Box<Certificate>),
    Housekeeping,
}

/// Something that will happen.
#[derive(Clone, Debug)]
pub(crate) enum Due {
    At {
        host: usize,
        life: u64,
        event: Box<Scheduled>,
    },
    Command(Command),
    /// Faults are over.
    Calm,
}

/// Everything that hosts share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) network: Digest,
    /// The members, as the committee of the first epoch.
    pub(crate) committee: Committee,
    /// The committee of each epoch that can come up, or has, where members change it.
    committees: BTreeMap<Epoch, Committee>,
    /// What the state begins with.
    pub(crate) parameters: Parameters,
    /// What members change.
    pub(crate) changes: Vec<Shift>,
    pub(crate) random: Random,
    /// Microseconds.
    pub(crate) now: u64,
    pub(crate) checker: Checker,
    pub(crate) links: Links,
    /// Whose messages take no longer than they must.
    pub(crate) fast: BTreeSet<ValidatorIndex>,
    /// Links that take longer, in microseconds.
    pub(crate) slow_links: BTreeMap<(ValidatorIndex, ValidatorIndex), u64>,
    /// When each epoch's reigns began first for somebody honest, in microseconds.
    pub(crate) reigns: BTreeMap<(Epoch, u64), u64>,
    pub(crate) events: u64,
    pub(crate) messages: u64,
    /// The chart, if one is drawn.
    pub(crate) chart: Option<Chart>,
    /// What the hosts' engines are given, if that is recorded.
    pub(crate) recorders: Option<Recorders>,
    /// Which validator each host is: one may have more than one.
    pub(crate) hosts: Vec<ValidatorIndex>,
    pub(crate) liars: BTreeSet<ValidatorIndex>,
    /// How validators sign.
    pub(crate) scheme: Scheme,
    /// All batches that were submitted; who has which is known to the hosts.
    pub(crate) batches: Batches,
    /// Counts, if somebody wants to know.
    pub(crate) meter: Option<Meter>,
    cuts: BTreeSet<(ValidatorIndex, ValidatorIndex)>,
    queue: BTreeMap<(u64, u64), Due>,
    next: u64,
}

impl World {
    pub(crate) fn new(committee: Committee, scheme: Scheme, seed: u64, links: Links) -> Self {
        // A validator rejoins at most once within the time of a simulation.
        let epochs = (0..=committee.size() as u64 + 1).map(Epoch);
        let in_epoch = |epoch| (epoch, committee_of(epoch, committee.size(), committee.engine()));
        Self {
            network: network(),
            committees: epochs.map(in_epoch).collect(),
            parameters: Parameters::default(),
            changes: Vec::new(),
            committee,
            random: Random::new(seed),
            now: 0,
            checker: Checker::default(),
            links,
            fast: BTreeSet::new(),
            slow_links: BTreeMap::new(),
            reigns: BTreeMap::new(),
            events: 0,
            messages: 0,
            chart: None,
            recorders: None,
            hosts: Vec::new(),
            liars: BTreeSet::new(),
            scheme,
            batches: BTreeMap::new(),
            meter: None,
            cuts: BTreeSet::new(),
            queue: BTreeMap::new(),
            next: 0,
        }
    }

    /// The committee of an epoch.
    pub(crate) fn committee_in(&self, epoch: Epoch) -> Option<&Committee> {
        self.committees.get(&epoch)
    }

    /// Members change the network in this way, whose state begins with these parameters.
    pub(crate) fn govern(&mut self, changes: Vec<Shift>, parameters: Parameters) {
        self.committees = BTreeMap::from([(self.committee.epoch(), self.committee.clone())]);
        (self.changes, self.parameters) = (changes, parameters);
    }

    /// Whether members change it, so that a validator's place is another in each epoch.
    pub(crate) fn is_governed(&self) -> bool {
        !self.changes.is_empty()
    }

    /// An epoch begins with this committee, as a certified state says.
    pub(crate) fn learn(&mut self, committee: Committee) {
        let known = self
            .committees
            .entry(committee.epoch())
            .or_insert_with(|| committee.clone());
        assert_eq!(*known, committee, "all states name one committee");
    }

    /// A machine's place in the committee of an epoch, if it has one.
    pub(crate) fn place_in(&self, epoch: Epoch, machine: ValidatorIndex) -> Option<ValidatorIndex> {
        if !self.is_governed() {
            return Some(machine);
        }
        let seats = self.committee_in(epoch)?.seats().iter();
        let mut places = (0..).map(ValidatorIndex).zip(seats);
        let own = places.find(|(_, seat)| machine_of(&seat.validator) == Some(machine));
        own.map(|(place, _)| place)
    }

    /// The machine of the validator at a place in the committee of an epoch.
    pub(crate) fn machine_in(&self, epoch: Epoch, place: ValidatorIndex) -> Option<ValidatorIndex> {
        if !self.is_governed() {
            return Some(place);
        }
        machine_of(self.committee_in(epoch)?.key(place)?)
    }

    /// All machines, each once.
    pub(crate) fn machines(&self) -> Vec<ValidatorIndex> {
        match self.is_governed() {
            true => self.hosts.clone(),
            false => self.committee.indices().collect(),
        }
    }

    /// A message of a validator in an epoch, signed with its key.
    pub(crate) fn sign(&self, epoch: Epoch, sender: ValidatorIndex, body: Body) -> Message {
        let committee = self.committee_in(epoch).expect("there are as many epochs");
        self.scheme.sign_message(self.network, committee, sender, body)
    }

    /// A machine's signature, with the key that it has in an epoch.
    pub(crate) fn sign_content(
        &self,
        epoch: Epoch,
        signer: ValidatorIndex,
        tag: Tag,
        content: &[u8],
    ) -> Signature {
        let committee = self.committee_in(epoch).unwrap_or(&self.committee);
        match self.place_in(epoch, signer) {
            Some(place) => self.scheme.sign(committee, place, tag, content),
            // Only one that takes another's place for its own asks for that.
            None => self.scheme.sign(&self.committee, signer, tag, content),
        }
    }

    /// The same as another network, or an epoch far away, would have it: with the sender's key too.
    pub(crate) fn sign_elsewhere(&mut self, epoch: Epoch, sender: ValidatorIndex, body: Body) -> Message {
        let far = self.random.between(0, 1) == 1;
        let [other_network, other_epoch] = self.elsewhere(match far {
            true => Epoch(epoch.0 + FAR_EPOCHS),
            false => epoch,
        });
        let (network, committee) = if far { other_epoch } else { other_network };
        self.scheme.sign_message(network, &committee, sender, body)
    }

    /// Another network and this one, with the same validators' committee of an epoch.
    pub(crate) fn elsewhere(&self, epoch: Epoch) -> [(Digest, Committee); 2] {
        let committee = committee_of(epoch, self.committee.size(), self.committee.engine());
        [
            (sha256(b"another network"), committee.clone()),
            (self.network, committee),
        ]
    }

    /// Packs what was submitted into a batch of a validator's.
    pub(crate) fn pack(&mut self, author: ValidatorIndex, epoch: Epoch, what: Work) -> Digest {
        let governed = self.committee_in(epoch).filter(|_| self.is_governed());
        let packed = match governed {
            Some(committee) => {
                let place = self.place_in(epoch, author).expect("who packs has a place");
                workload::batch_in(committee, place, what)
            }
            None => workload::batch(author, epoch, what),
        };
        let batch = packed.batch.digest();
        if let Some(meter) = &mut self.meter {
            meter.on_submitted(&packed.batch, self.now);
        }
        self.batches.insert(batch, packed);
        self.checker.on_submitted(batch, self.now);
        batch
    }

    /// The epoch that a batch is of.
    pub(crate) fn epoch_of(&self, batch: &Digest) -> Option<Epoch> {
        self.batches
            .get(batch)
            .map(|packed| packed.batch.signed().batch().epoch)
    }

    /// Who packed a batch.
    pub(crate) fn author(&self, batch: &Digest) -> Option<ValidatorIndex> {
        self.batches
            .get(batch)
            .map(|packed| packed.batch.signed().batch().author)
    }

    /// A whole copy of a batch.
    pub(crate) fn copy_of(&self, batch: &Digest) -> Option<BatchCopy> {
        let packed = self.batches.get(batch)?;
        Some(BatchCopy {
            digest: *batch,
            texts: Arc::clone(&packed.texts),
        })
    }

    /// Whether a batch has any texts.
    pub(crate) fn has_texts(&self, batch: &Digest) -> bool {
        let packed = self.batches.get(batch);
        packed.is_some_and(|packed| !packed.texts.items().is_empty())
    }

    /// Whether these are all texts of a batch.
    pub(crate) fn are_texts_of(&self, batch: &Digest, texts: &BatchTexts) -> bool {
        let packed = self.batches.get(batch);
        let fit = packed.is_some_and(|packed| texts.fit(packed.batch.signed().batch()).is_ok());
        fit && texts.items().iter().all(|item| item.shown().is_some())
    }

    pub(crate) fn schedule(&mut self, delay_us: u64, due: Due) {
        self.queue.insert((self.now + delay_us, self.next), due);
        self.next += 1;
    }

    pub(crate) fn schedule_at(&mut self, host: usize, life: u64, delay_us: u64, event: Scheduled) {
        let event = Box::new(event);
        self.schedule(delay_us, Due::At { host, life, event });
    }

    /// The next thing to happen, not later than `until`; time moves to it.
    pub(crate) fn next(&mut self, until: u64) -> Option<Due> {
        let entry = self.queue.first_entry()?;
        if entry.key().0 > until {
            return None;
        }
        let ((at, _), due) = entry.remove_entry();
        self.now = at;
        self.events += 1;
        Some(due)
    }

    /// Sends over the link from one host to another, as its faults have it. A message finds the process
    /// that runs when it arrives.
    pub(crate) fn send(&mut self, from_host: usize, to_host: usize, wire: &Wire) {
        self.send_after(0, from_host, to_host, wire);
    }

    /// The same, after so many microseconds.
    pub(crate) fn send_after(&mut self, after_us: u64, from_host: usize, to_host: usize, wire: &Wire) {
        let (from, to) = (self.hosts[from_host], self.hosts[to_host]);
        self.messages += 1;
        if let Some(meter) = &mut self.meter {
            meter.on_sent(self.now, wire, &self.batches);
        }
        if self.cuts.contains(&(from, to)) || self.random.chance(self.links.loss) {
            self.draw_message(from_host, to_host, None, wire);
            return;
        }
        let copies = if self.random.chance(self.links.duplication) {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let least = self.links.least_delay_us.max(50);
            let drawn = self.random.between(least, self.links.delay_us.max(least));
            let drawn = if self.fast.contains(&from) { least } else { drawn };
            let slow = self.slow_links.get(&(from, to)).copied().unwrap_or(0);
            let delay = after_us + drawn + slow;
            self.draw_message(from_host, to_host, Some(delay), wire);
            let event = Scheduled::Deliver {
                from,
                wire: wire.clone(),
            };
            self.schedule_at(to_host, u64::MAX, delay, event);
        }
    }

    pub(crate) fn is_cut(&self, from: ValidatorIndex, to: ValidatorIndex) -> bool {
        self.cuts.contains(&(from, to))
    }

    pub(crate) fn cut(&mut self, from: ValidatorIndex, to: ValidatorIndex) {
        self.cuts.insert((from, to));
    }

    /// Ends all cuts; gives the links that come up again.
    pub(crate) fn heal(&mut self) -> BTreeSet<(ValidatorIndex, ValidatorIndex)> {
        std::mem::take(&mut self.cuts)
    }

    /// Draws into the chart what happens at a host, or to all.
    pub(crate) fn note(
        &mut self,
        host: Option<usize>,
        event: chart::NoteKind,
        text: impl FnOnce() -> String,
    ) {
        if let Some(chart) = &mut self.chart {
            chart.happenings.push(Happening::Note(Note {
                at_us: self.now,
                lane: host,
                event,
                text: text(),
            }));
        }
    }

    /// Draws a message into the chart, lost if it takes no time.
    fn draw_message(&mut self, from: usize, to: usize, delay_us: Option<u64>, wire: &Wire) {
        let Some(chart) = &mut self.chart else { return };
        let (phase, mut label) = wire.in_words();
        if let Wire::Consensus(message) = wire
            && message.v1().sender != self.hosts[from]
        {
            label.push_str(&format!(" (of validator-{})", message.v1().sender));
        }
        chart.happenings.push(Happening::Message(Transfer {
            from,
            to,
            sent_us: self.now,
            arrives_us: delay_us.map(|delay| self.now + delay),
            phase,
            label,
        }));
    }
}

impl Stage for World {
    fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    fn committee(&self) -> &Committee {
        &self.committee
    }

    fn sign(&self, epoch: Epoch, sender: ValidatorIndex, body: Body) -> Message {
        World::sign(self, epoch, sender, body)
    }

    fn sign_elsewhere(&mut self, epoch: Epoch, sender: ValidatorIndex, body: Body) -> Message {
        World::sign_elsewhere(self, epoch, sender, body)
    }
}
