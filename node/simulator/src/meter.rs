//! What a run says, flushes and waits for: counted beside it, without any effect on it.

use std::collections::{BTreeMap, BTreeSet};

use quorate_consensus::{Body, paxos, pbft, raft};
use quorate_crypto::{Committee, Digest, Height, ValidatorIndex};
use quorate_ledger::{CertifiedHeader, CheckedBatch, Proposal, encode};

use crate::ledger::KeptBlock;
use crate::world::Wire;

/// Messages and their encoded bytes; one to n - 1 validators counts n - 1 times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Messages.
    pub messages: u64,
    /// Bytes, without what a transport adds.
    pub bytes: u64,
}

/// A certified block, as the node of a validator that has it shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// When the validator had it, in microseconds of virtual time.
    pub at_us: u64,
    /// Its header with a quorum of seals.
    pub head: CertifiedHeader,
}

/// What each validator that was honest to the end has certified, in the order of heights.
pub type Chains = BTreeMap<ValidatorIndex, Vec<Certified>>;

/// What was counted from the first submission on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measurement {
    /// Votes and whatever else engines say, by kind.
    pub consensus: BTreeMap<&'static str, Count>,
    /// Batches on their way to whoever has not got them.
    pub batches: Count,
    /// Questions for batches and blocks, and blocks in answer.
    pub catching_up: Count,
    /// Groups of records that journals made durable, all validators together.
    pub flushes: u64,
    /// Heights that somebody honest decided.
    pub heights: u64,
    /// Heights that honest validators decided differently.
    pub split_decisions: u64,
    /// Heights for which honest validators certified different blocks.
    pub split_blocks: u64,
    /// What became of each batch, in the order of submission.
    pub batches_waited: Vec<BatchTimes>,
    /// The chains, if these were to be kept.
    pub chains: Chains,
}

/// When a batch got where, in microseconds of virtual time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchTimes {
    /// Transactions in it.
    pub transactions: u64,
    /// When it was packed.
    pub submitted_us: u64,
    /// When the first honest validator decided a height that has it.
    pub decided_us: Option<u64>,
    /// When the first honest validator had the block certified.
    pub certified_us: Option<u64>,
    /// When the validator that packed it did.
    pub certified_at_author_us: Option<u64>,
    /// When the last of those that did by now did.
    pub certified_last_us: Option<u64>,
    author: ValidatorIndex,
}

/// Counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    /// Messages and flushes count for so long after the first submission.
    window_us: Option<u64>,
    begun: Option<u64>,
    counted: Measurement,
    places: BTreeMap<Digest, usize>,
    decided: BTreeMap<Height, Option<Digest>>,
    certified: BTreeMap<Height, Option<Digest>>,
    /// Whose seals the kept chains have. `None`: none are kept.
    sealed_by: Option<Committee>,
}

impl Measurement {
    /// All that engines said.
    pub fn votes(&self) -> Count {
        self.consensus.values().copied().sum()
    }
}

impl BatchTimes {
    /// How long it took to be certified by the first honest validator, in microseconds.
    pub fn wait_us(&self) -> Option<u64> {
        Some(self.certified_us? - self.submitted_us)
    }
}

impl std::iter::Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, count| Self {
            messages: sum.messages + count.messages,
            bytes: sum.bytes + count.bytes,
        })
    }
}

impl Count {
    fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
    }
}

impl Meter {
    pub(crate) fn new(window_us: Option<u64>) -> Self {
        Self {
            window_us,
            ..Self::default()
        }
    }

    /// Keeps chains too, of an epoch with this committee.
    pub(crate) fn with_chains(self, committee: Committee) -> Self {
        Self {
            sealed_by: Some(committee),
            ..self
        }
    }

    /// What was counted. Of whoever lies by now no chain is kept.
    pub(crate) fn finish(mut self, liars: &BTreeSet<ValidatorIndex>) -> Measurement {
        self.counted
            .chains
            .retain(|validator, _| !liars.contains(validator));
        let split = |heights: &BTreeMap<Height, Option<Digest>>| {
            heights.values().filter(|value| value.is_none()).count() as u64
        };
        Measurement {
            heights: self.decided.len() as u64,
            split_decisions: split(&self.decided),
            split_blocks: split(&self.certified),
            ..self.counted
        }
    }

    /// Whether what happens now is counted.
    fn counts(&self, now: u64) -> bool {
        let window = self.window_us.unwrap_or(u64::MAX);
        self.begun.is_some_and(|begun| now - begun <= window)
    }

    pub(crate) fn on_submitted(&mut self, batch: &CheckedBatch, now: u64) {
        self.begun.get_or_insert(now);
        let contents = batch.signed().batch();
        let place = self.counted.batches_waited.len();
        self.places.entry(batch.digest()).or_insert(place);
        self.counted.batches_waited.push(BatchTimes {
            transactions: contents.transactions.len() as u64,
            submitted_us: now,
            author: contents.author,
            ..BatchTimes::default()
        });
    }

    pub(crate) fn on_sent(&mut self, now: u64, wire: &Wire, batches: &crate::world::Batches) {
        if !self.counts(now) {
            return;
        }
        match wire {
            Wire::Consensus(message) => {
                let kind = kind(&message.v1().body);
                let count = self.counted.consensus.entry(kind).or_default();
                count.add(encode(message).len());
            }
            // A client's, which is none of the validators' traffic.
            Wire::Submit(_) => {}
            Wire::Bytes(bytes) => {
                let count = self.counted.consensus.entry("nothing known").or_default();
                count.add(bytes.len());
            }
            Wire::Batch(copy) => {
                let signed = batches.get(&copy.digest);
                let signed = signed.map_or(0, |packed| packed.batch.bytes().len());
                self.counted.batches.add(signed + encode(&*copy.texts).len());
            }
            Wire::WantBatches(wanted) | Wire::WantTexts(wanted) => {
                self.counted.catching_up.add(encode(wanted).len());
            }
            Wire::Texts(copy) => self.counted.catching_up.add(encode(&*copy.texts).len()),
            Wire::WantBlocks(after) => self.counted.catching_up.add(encode(after).len()),
            Wire::Blocks(blocks) => {
                let bytes = blocks.iter().map(|served| {
                    let certificate = served.kept.certificate.as_ref();
                    let certificate = certificate.map_or(0, |one| encode(one).len());
                    let texts = served.texts.iter().flatten();
                    let texts: usize = texts.map(|texts| encode(&**texts).len()).sum();
                    encode(&served.kept.block).len() + certificate + texts
                });
                self.counted.catching_up.add(bytes.sum());
            }
        }
    }

    pub(crate) fn on_flushed(&mut self, now: u64) {
        if self.counts(now) {
            self.counted.flushes += 1;
        }
    }

    /// Somebody honest decides.
    pub(crate) fn on_decided(&mut self, height: Height, proposal: &Proposal, now: u64) {
        agree(&mut self.decided, height, proposal.digest());
        for times in self.of(proposal) {
            times.decided_us.get_or_insert(now);
        }
    }

    /// Somebody honest has a block certified.
    pub(crate) fn on_certified(&mut self, by: ValidatorIndex, block: &KeptBlock, now: u64) {
        agree(&mut self.certified, block.height(), block.hash);
        if let (Some(committee), Some(certificate)) = (&self.sealed_by, &block.certificate) {
            let header = block.block.v1().header.clone();
            let head = CertifiedHeader::new(header, certificate, committee);
            let chain = self.counted.chains.entry(by).or_default();
            chain.push(Certified { at_us: now, head });
        }
        for times in self.of(block.proposal()) {
            times.certified_us.get_or_insert(now);
            times.certified_last_us = Some(now);
            if times.author == by {
                times.certified_at_author_us.get_or_insert(now);
            }
        }
    }

    fn of(&mut self, proposal: &Proposal) -> impl Iterator<Item = &mut BatchTimes> {
        let Self { places, counted, .. } = self;
        let places: Vec<usize> = proposal
            .batches()
            .iter()
            .filter_map(|batch| places.get(batch).copied())
            .collect();
        let all = counted.batches_waited.iter_mut().enumerate();
        all.filter(move |(place, _)| places.contains(place))
            .map(|(_, times)| times)
    }
}

/// Notes what a height is for somebody: nothing in the place of a digest if it is not the same for all.
fn agree(heights: &mut BTreeMap<Height, Option<Digest>>, height: Height, digest: Digest) {
    let known = heights.entry(height).or_insert(Some(digest));
    if *known != Some(digest) {
        *known = None;
    }
}

/// What the papers call it.
fn kind(body: &Body) -> &'static str {
    match body {
        Body::Seal { .. } => "seal",
        Body::Status(_) => "status",
        Body::Inquiry(_) => "inquiry",
        Body::Testimony(_) => "testimony",
        Body::Pbft(body) => match body {
            pbft::Body::PrePrepare { .. } => "pre-prepare",
            pbft::Body::Prepare { .. } => "prepare",
            pbft::Body::Commit { .. } => "commit",
            pbft::Body::Complaint { .. } => "complaint",
            pbft::Body::ViewChange(_) => "view-change",
            pbft::Body::NewView(_) => "new-view",
        },
        Body::Raft(body) => match body {
            raft::Body::RequestVote(request) if request.pre_vote => "pre-vote request",
            raft::Body::RequestVote(_) => "vote request",
            raft::Body::VoteReply(_) => "vote reply",
            raft::Body::AppendEntries(append) if append.entries.is_empty() => "append without entries",
            raft::Body::AppendEntries(_) => "append",
            raft::Body::AppendReply(_) => "append reply",
            raft::Body::TimeoutNow { .. } => "timeout-now",
        },
        Body::Paxos(body) => match body {
            paxos::Body::Prepare(_) => "prepare",
            paxos::Body::Promise(_) => "promise",
            paxos::Body::Accept(accept) if accept.values.is_empty() => "accept without values",
            paxos::Body::Accept(_) => "accept",
            paxos::Body::Accepted(accepted) if accepted.values.is_empty() => "accepted without values",
            paxos::Body::Accepted(_) => "accepted",
            paxos::Body::Nack(_) => "nack",
            paxos::Body::Chosen(_) => "chosen",
            paxos::Body::Yield(_) => "yield",
        },
    }
}
