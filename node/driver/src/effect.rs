//! What a driver hears, and what it asks for.

use std::fmt;
use std::time::Duration;

use quorate_consensus::{
    Config, Engine, Evidence, Input, LearnedFrom, Message, SignedStatement, Step, Verified, Waiting,
};
use quorate_crypto::{Certificate, Digest, Epoch, Height, Tag, ValidatorIndex};
use quorate_ledger::{Proposal, Timestamp};

/// A journal entry's number, from 1; 0 is before all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryNumber(pub u64);

/// A batch write's number since the start, from 1; 0 is before all of them. It cannot be passed where an
/// entry's number is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteNumber(pub u64);

/// The number of a request for a signature, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignNumber(pub u64);

/// The time, as the host read it. The wall clock is for engines and may jump; timers go by the other, which
/// does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// What engines are told.
    pub wall: Timestamp,
    /// Since the host's start.
    pub since_start: Duration,
}

/// What a driver hears. Whatever belongs to an epoch names it.
#[derive(Clone, Debug)]
pub enum Event {
    /// A peer's message, its signatures checked.
    Message(Verified<Message>),
    /// A link to this validator came up.
    Connected {
        /// The epoch that gives the index its meaning.
        epoch: Epoch,
        /// Who.
        validator: ValidatorIndex,
    },
    /// What this validator sends breaks the rules, so next to nothing of it is taken for a while.
    HeldBack {
        /// The epoch that gives the index its meaning.
        epoch: Epoch,
        /// Who.
        validator: ValidatorIndex,
    },
    /// A checked batch was written and is kept here.
    BatchStored {
        /// The batch's epoch.
        epoch: Epoch,
        /// The batch.
        digest: Digest,
    },
    /// The journal is on disk up to this entry.
    JournalFlushed(EntryNumber),
    /// A flush of the chain ended.
    ChainFlushed {
        /// The batch writes done before it began.
        writes: WriteNumber,
        /// The certified height written before it began.
        height: Height,
    },
    /// The answer to [`Effect::Execute`].
    Executed {
        /// The block's epoch.
        epoch: Epoch,
        /// Its height.
        height: Height,
        /// Its hash.
        block: Digest,
        /// The epoch's last height, if this block fixed it.
        ends: Option<Height>,
    },
    /// A certified block is in the database, perhaps not yet on disk.
    Written {
        /// The block's epoch.
        epoch: Epoch,
        /// Its height.
        height: Height,
    },
    /// Block sync applied a certified block.
    Synced {
        /// What proves it.
        certificate: Certificate,
        /// The batches that it names.
        batches: Vec<Digest>,
        /// The epoch's last height, if this block fixed it.
        ends: Option<Height>,
    },
    /// The answer to [`Effect::PrepareEpoch`]: what the next engine is told.
    EpochReady(Box<Config>),
    /// A synced block, executed here, has another hash than the certified one.
    Diverged {
        /// The block's height.
        height: Height,
        /// Its hash here.
        ours: Digest,
        /// What a quorum sealed.
        certified: Digest,
    },
    /// The answer to [`Effect::Sign`]; answers come in order.
    Signed {
        /// Which request is answered.
        number: SignNumber,
        /// The signature.
        signature: quorate_crypto::Signature,
    },
    /// The signer refuses: it remembers something that this would contradict. The driver halts, as it does
    /// when its engine has forgotten what it signed.
    SignRefused {
        /// Which request is answered.
        number: SignNumber,
        /// Why.
        why: Refusal,
    },
    /// The process is about to stop: a leader hands over.
    Stopping,
}

/// Why a signer refuses, in its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

/// What a driver asks for. The host does effects in order, before its next event. Whatever names a validator by its
/// index names the epoch with it: committees differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Append these entries to the journal and flush it; answered by [`Event::JournalFlushed`].
    Append(Vec<(EntryNumber, Vec<u8>)>),
    /// No entry before this one is needed.
    PruneBefore(EntryNumber),
    /// Wait until so many batch writes are done, then flush the chain; answered by [`Event::ChainFlushed`].
    FlushChain {
        /// The last batch write that must be covered; all of them have begun.
        writes: WriteNumber,
    },
    /// Send to all other validators.
    Broadcast(Message),
    /// Send to one.
    Send {
        /// The recipient.
        to: ValidatorIndex,
        /// The message.
        message: Message,
    },
    /// All batches are here: execute, in order of heights. Answered by [`Event::Executed`].
    Execute {
        /// The height.
        height: Height,
        /// What was decided.
        proposal: Proposal,
    },
    /// Write the executed block with this certificate. Answered by [`Event::Written`].
    Certify(Certificate),
    /// Ask one validator for batches.
    FetchBatches {
        /// The epoch that gives the index its meaning.
        epoch: Epoch,
        /// Whom.
        to: ValidatorIndex,
        /// The batches: no more than [`MAX_REQUESTED_BATCHES`](crate::MAX_REQUESTED_BATCHES).
        digests: Vec<Digest>,
    },
    /// Say to whoever leads that these batches are here.
    HandOver {
        /// The epoch that gives the index its meaning.
        epoch: Epoch,
        /// Who leads.
        to: ValidatorIndex,
        /// The batches.
        batches: Vec<Digest>,
    },
    /// Fetch certified blocks.
    FetchBlocks {
        /// The epoch that gives the indices their meaning.
        epoch: Epoch,
        /// The highest height known to be certified.
        to: Height,
        /// Who said so.
        holders: Vec<ValidatorIndex>,
    },
    /// The chain is on disk up to the epoch's last block: say who agrees next, and whether this validator
    /// may vote, as of that block. Answered by [`Event::EpochReady`].
    PrepareEpoch {
        /// The last block's height.
        last: Height,
    },
    /// Keep this, and show it.
    KeepEvidence(Box<Evidence>),
    /// Ask for a signature; answered in order by [`Event::Signed`] or [`Event::SignRefused`].
    Sign {
        /// The request's number.
        number: SignNumber,
        /// The epoch that is signed in: a validator's key may be another in the next.
        epoch: Epoch,
        /// The tag that it is signed under.
        domain: Tag,
        /// What is signed.
        content: Vec<u8>,
    },
    /// This validator votes no more until its member lets it rejoin: remember that durably, before the next
    /// event.
    Quarantine(Box<Halt>),
    /// Something that an operator should read: one line of the log each.
    Tell(Transition),
}

/// Why a driver signs nothing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// A quorum sealed another block than the one executed here.
    Diverged {
        /// The block's height.
        height: Height,
        /// The hash executed here.
        ours: Digest,
        /// The hash that a quorum sealed.
        certified: Digest,
    },
    /// This validator signed something that it does not remember.
    Forgotten {
        /// What it signed.
        statement: SignedStatement,
        /// How that came up.
        learned_from: LearnedFrom,
    },
    /// Its journal has an entry that follows what neither it nor the chain has: one of them has lost something
    /// that was counted on, or is of a backup.
    Lost {
        /// The entry's height.
        height: Height,
    },
    /// Its signer refused.
    Refused(Refusal),
}

/// Why a reign is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// A timer of this validator's ran out.
    Timeout,
    /// Enough validators have complained about its leader.
    Complaints,
    /// Others are in a higher reign.
    HigherReign,
    /// This node stops.
    Stopping,
}

/// A change of state that an operator would ask about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transition {
    /// The loop stood still, and timers were restarted.
    Late {
        /// For how long after the next timer was due.
        by: Duration,
    },
    /// The engine left a reign, or cannot follow its leader any more.
    ReignLeft {
        /// View, term or ballot round.
        reign: u64,
        /// Who led it.
        leader: ValidatorIndex,
        /// Why.
        why: Left,
    },
    /// A reign has begun here.
    ReignBegun {
        /// View, term or ballot round.
        reign: u64,
        /// Who leads it.
        leader: ValidatorIndex,
        /// How long none had begun.
        after: Duration,
    },
    /// Work waits, and nothing was certified for 10 s and more.
    Stalled {
        /// The lowest height that is not certified.
        height: Height,
        /// What the lowest height in flight waits for; none if nothing is proposed.
        waiting: Option<Waiting>,
        /// How long the work has stood still.
        stalled: Duration,
    },
    /// Something is certified again.
    MovingAgain {
        /// Which height.
        height: Height,
        /// How long the work had stood still.
        stalled: Duration,
    },
    /// An engine began to serve an epoch.
    EpochBegun {
        /// The epoch.
        epoch: Epoch,
        /// Its first height.
        first: Height,
        /// How many validators agree in it.
        validators: usize,
        /// Whether this validator votes in it.
        votes: bool,
    },
}

/// What can be answered at once, without waiting.
pub trait Surroundings {
    /// From now on these batches are taken whatever quotas say, besides those before. Called before
    /// [`Surroundings::holds`], so that a batch that arrives in between is seen either way. When an epoch ends all are
    /// let go.
    fn want(&self, batches: &[Digest]);
    /// These are not taken whatever quotas say any more.
    fn want_no_more(&self, batches: &[Digest]);
    /// Whether the batch is here, checked.
    fn holds(&self, batch: &Digest) -> bool;
    /// Whether what may be this batch was received and waits for its check.
    fn waits_for_check(&self, batch: &Digest) -> bool;
    /// How many batch writes have begun: any batch that can be seen here is among them.
    fn writes_begun(&self) -> WriteNumber;
    /// Before an engine is given an input: the engines, the one of the epoch under way first; whose input it
    /// is; the time.
    fn before_step(&self, engines: [Option<&Engine>; 2], epoch: Epoch, now: Timestamp, input: &Input);
    /// What came of it.
    fn after_step(&self, epoch: Epoch, engine: &Engine, step: &Step);
}

/// Where the engine is, for API, metrics and the doctor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The epoch under way.
    pub epoch: Epoch,
    /// The view, term or ballot round.
    pub reign: u64,
    /// Who leads it.
    pub leader: ValidatorIndex,
    /// Whether the reign has begun here.
    pub begun: bool,
    /// Whether this validator votes in the epoch; else it may be in a reign that is long over.
    pub votes: bool,
    /// The engine's certified height.
    pub certified: Height,
    /// A quorum sealed another block than this node executed.
    pub diverged: bool,
    /// Whether this validator leads, stops, and waits for a successor.
    pub handing_over: bool,
    /// What each height in flight waits for.
    pub waiting: Vec<Waiting>,
    /// Who has not told yet what this validator signed before its start; it votes once enough have.
    pub unanswered: Vec<ValidatorIndex>,
}

impl EntryNumber {
    /// The number after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl SignNumber {
    /// The number after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for EntryNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
