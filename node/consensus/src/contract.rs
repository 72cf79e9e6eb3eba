//! The engine contract: what goes in, what comes out, and who may do what when.
//!
//! An engine is a state machine. One [`Input`] with the driver's time gives a [`Step`]: records to
//! make durable, then actions. The driver obeys five rules, and nobody else can call an engine:
//!
//! 1. **Durable before sent.** No action of a step leaves before the step's records are on disk.
//! 2. **The driver signs.** An engine holds no key. [`Action::Sign`] asks for a message of its own;
//!    the driver signs it, makes it durable (where [`crate::Body::must_be_durable`]) in the same
//!    flush as the step's records, or waits for these (where [`crate::Body::follows_records`]), and gives
//!    it back as [`Input::Own`]. Only then does the engine
//!    count it and send it. What vouches for batches ([`crate::Engine::vouched`]: pre-prepares and
//!    prepares, answers to appends, what is said to be accepted) is given back only when they
//!    are durable too.
//! 3. **Inputs before timeouts.** What was received before a timer was due is stepped before it. After a
//!    gap in its own loop (a stopped or starved process) the driver restarts timers instead of firing
//!    them. Timers are set at once, and do not wait for the disk.
//! 4. **Fetched before told.** For an engine of Raft, a fetched block is on disk before [`Input::Synced`]
//!    tells of it: entries above it count without what led to it.
//! 5. **Never below what was told.** The chain is on disk up to [`Config::certified`] at the start, and up to what
//!    [`Input::OnDisk`] tells since: after a crash it is not below.
//!
//! Actions are done in the order in which they were asked for, within a step and from step to step, but
//! for timers, batches that are handed over and halts, which wait for nothing, and own messages that wait for
//! their batches. At a restart the driver hands over the
//! journal in its order, after [`Record::without_unsent`]. The driver itself is `quorate-driver`.
//!
//! Everything decided is a block, so sequence, index and slot are one number, the [`Height`]. One
//! engine instance serves one epoch with one committee.

use std::collections::{BTreeMap, BTreeSet};

use quorate_crypto::{Certificate, Committee, Digest, Epoch, Height, ValidatorIndex};
use quorate_ledger::{Parameters, Proposal, SignedStandDown, Timestamp};
use serde::{Deserialize, Serialize};

use crate::message::{Body, Message, Verified};
use crate::paxos;
use crate::pbft::{self, PreparedCertificate};
use crate::raft;
use crate::testimony::SignedStatement;

/// The most heights a window may have.
pub const MAX_WINDOW: usize = 64;

/// What an engine is told once, at its start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The network's id.
    pub network: Digest,
    /// The committee of the epoch.
    pub committee: Committee,
    /// Which of its members this replica is; none observes only.
    pub index: Option<ValidatorIndex>,
    /// The parameters in force in the epoch.
    pub parameters: Parameters,
    /// The last height of the epoch before, 0 in the first: what it needs no certificate for.
    pub epoch_start: Height,
    /// The last height of the epoch, if a change has fixed it in a block up to `certified`.
    pub epoch_end: Option<Height>,
    /// The last height certified and applied here at the start.
    pub certified: Height,
    /// The certificate of that height, unless it is the epoch's start.
    pub certificate: Option<Certificate>,
    /// Drawn anew at each start and in each epoch: under it a replica asks the others what it signed, and
    /// says nothing new until enough have answered. None for one that cannot have signed anything.
    pub inquiry: Option<Digest>,
    /// Local durations.
    pub timing: Timing,
}

/// Local durations in milliseconds; validators need not agree on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// While work is open and nothing moves, a replica says again where it is, this often.
    pub resend: TimerRange,
    /// How long open work may stand still before a replica complains about the primary.
    pub progress: TimerRange,
    /// The longest that the progress timer may grow to.
    pub progress_cap_ms: u32,
    /// How often an idle primary shows that it is alive.
    pub heartbeat: TimerRange,
    /// How long a replica of Raft or Paxos waits for a leader to be heard. Spread wide, or votes split; a
    /// leader shows itself four times within the shortest.
    pub election: TimerRange,
}

impl Timing {
    /// The durations of a node whose configuration says nothing.
    pub const SHIPPED: Self = Self::around(500, 1_000, 250);

    /// Durations around those that people give: each may be a fifth shorter or longer, so that validators do not act
    /// all at once. An election's is at least what is given, and at most twice that.
    #[must_use]
    pub const fn around(resend_ms: u32, progress_ms: u32, election_ms: u32) -> Self {
        const fn spread(ms: u32) -> TimerRange {
            TimerRange {
                from_ms: ms - ms / 5,
                to_ms: ms + ms / 5,
            }
        }
        Self {
            resend: spread(resend_ms),
            progress: spread(progress_ms),
            progress_cap_ms: 60_000,
            heartbeat: spread(progress_ms / 2),
            election: TimerRange {
                from_ms: election_ms,
                to_ms: election_ms * 2,
            },
        }
    }
}

/// A duration to be drawn by the driver between two bounds, in milliseconds, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerRange {
    /// The shortest.
    pub from_ms: u32,
    /// The longest.
    pub to_ms: u32,
}

/// A timer, as a value: one that fires late differs from the one that is running, by its reign.
/// Setting a timer that is running restarts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Timer {
    /// Work is open: say where we are, ask for what is missing.
    Resend,
    /// Work is open and the primary of this reign should have moved it.
    Progress {
        /// View, term or round.
        reign: u64,
    },
    /// A quorum wants this reign and its leader has not begun it.
    NewReign {
        /// View, term or round.
        reign: u64,
    },
    /// The leader of this reign has nothing to say and says so.
    Heartbeat {
        /// View, term or round.
        reign: u64,
    },
    /// The leader of this reign owes something, or soon will: look how long it takes.
    Judgement {
        /// View, term or round.
        reign: u64,
    },
}

/// What happens to a replica. The order of the variants is frozen, as recordings hold inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// A message of another validator (or an own one that came back), its signatures checked.
    Message(#[serde(deserialize_with = "Verified::taken_from")] Verified<Message>),
    /// The answer to [`Action::Sign`]: signed, and durable where it must be.
    Own(Message),
    /// Batches that passed the check and are kept here, to be proposed.
    BatchesAvailable(Vec<Digest>),
    /// Batches that need no ordering any more: blocks that were fetched have them, or nothing is
    /// left in them to execute.
    BatchesObsolete(Vec<Digest>),
    /// The answer to [`Action::RequireBatches`]: all of this proposal's batches are here and good.
    ProposalAvailable {
        /// The height asked about.
        height: Height,
        /// The proposal's digest.
        proposal: Digest,
    },
    /// A block that was executed, or fetched, has fixed the epoch's last height, at least a window above
    /// its own; told before its `Executed` or `Synced`. Nothing is ordered past it, and the leader fills
    /// what is left up to it with empty proposals. Once it is certified the engine has done its work, but
    /// goes on answering; another engine serves the next epoch.
    EpochEnds(Height),
    /// The decided block at this height was executed, and this is its hash.
    Executed {
        /// The block's height; heights come in order.
        height: Height,
        /// The block's hash.
        block: Digest,
    },
    /// Block sync has applied certified blocks up to this one. Moves the height, never the reign.
    Synced(Certificate),
    /// A link to this validator has come up.
    Connected(ValidatorIndex),
    /// This node is about to stop: whoever can hands over what others would have to wait for.
    Stopping,
    /// A timer has fired.
    Timeout(Timer),
    /// The chain is on disk up to this height. What binds a replica far above that it says only once it is told: its
    /// journal may bring it all back after a crash, and a message that claims it holds so many heights.
    OnDisk(Height),
    /// What this validator sends breaks the rules, so next to nothing of it is taken for a while.
    HeldBack(ValidatorIndex),
}

/// What a step asks for. Order matters within a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "evidence is rare, and actions are few and moved once"
)]
pub enum Action {
    /// Sign this with the validator's key, make it durable, give it back as [`Input::Own`].
    Sign(Body),
    /// Send to every other validator.
    Broadcast(Message),
    /// Send to one.
    Send {
        /// The recipient.
        to: ValidatorIndex,
        /// The message.
        message: Message,
    },
    /// Start or restart a timer.
    SetTimer {
        /// Which.
        timer: Timer,
        /// How long, to be drawn from.
        after: TimerRange,
    },
    /// Stop a timer, if it runs.
    CancelTimer(Timer),
    /// Get these batches, from whoever has them, whatever quotas say; then
    /// [`Input::ProposalAvailable`]. Asked again, it is answered again: between two views with one
    /// proposal for a height there may have been another.
    RequireBatches {
        /// The proposal's height.
        height: Height,
        /// Its digest.
        proposal: Digest,
        /// The batches it names.
        batches: Vec<Digest>,
    },
    /// Say to this validator, which leads, that these batches are here: it asks for those that it lacks. At once,
    /// as this binds nobody and time is counted from then on.
    HandOver {
        /// Who leads.
        to: ValidatorIndex,
        /// The batches.
        batches: Vec<Digest>,
    },
    /// This is what the height is, for ever. Heights are decided in any order, each once (again
    /// after a restart); the driver executes them in order and answers [`Input::Executed`].
    Decide {
        /// The height.
        height: Height,
        /// What was decided.
        proposal: Proposal,
    },
    /// A quorum has sealed this block, which was executed here with the same hash: write it.
    Certify(Certificate),
    /// Others have certified blocks up to this height that this replica lacks: fetch them, check
    /// and apply them, then [`Input::Synced`]. Asked again, the target may only grow.
    FetchBlocks {
        /// The highest height known to be certified.
        to: Height,
        /// Who said so.
        holders: Vec<ValidatorIndex>,
    },
    /// A validator has contradicted itself; these two messages of its prove it.
    Accuse(Evidence),
    /// This validator signed something that it does not remember: its journal was lost or is of a
    /// backup, or another node uses its key. The engine votes no more in this epoch; the driver says
    /// so loudly and remembers it across restarts.
    Forgotten {
        /// What it signed.
        said: SignedStatement,
        /// How that came up.
        told: LearnedFrom,
    },
    /// A quorum sealed another block than the one executed here: this node has diverged. It must
    /// stop voting, say so, and keep its data.
    Diverged {
        /// The height.
        height: Height,
        /// The hash executed here.
        ours: Digest,
        /// The hash a quorum sealed.
        certified: Digest,
    },
    /// At its start, the journal tells of something at this height that follows what neither journal nor chain has:
    /// one of them has lost what this validator told others that it has, or is of a backup. As with
    /// [`Action::Forgotten`], the engine votes no more in this epoch, and the driver remembers it.
    Lost {
        /// The height.
        height: Height,
    },
}

/// How something came up that this validator signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum LearnedFrom {
    /// The message came back.
    Message,
    /// A peer that was asked answered with it.
    Testimony(ValidatorIndex),
    /// It is a seal in a certificate.
    Certificate,
}

/// Two signed messages of one validator that no honest one would both sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Who.
    pub validator: ValidatorIndex,
    /// What it signed first, as far as this replica knows.
    pub first: Message,
    /// What it signed as well.
    pub second: Message,
}

/// What a replica must remember across a crash. Own signed messages are stored by the driver as
/// [`Record::Own`]; the others come from the engine. The order of the variants is frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// A message this replica signed.
    Own(Message),
    /// A proposal of the primary that this replica votes on.
    Accepted(Message),
    /// Proof that a height was prepared here.
    Prepared(PreparedCertificate),
    /// The message by which this replica entered a reign (PBFT's new-view).
    Entered(Message),
    /// Of a replica of Raft, in this epoch.
    Raft(Epoch, raft::Record),
    /// Of a replica of Paxos, in this epoch.
    Paxos(Epoch, paxos::Record),
    /// This validator's word that it ended its part in an epoch, as a recovery needs it. Nothing here says it yet;
    /// it is kept until its epoch ends.
    StoodDown(Box<SignedStandDown>),
}

/// The outcome of one input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Step {
    /// To be durable before any action leaves.
    pub records: Vec<Record>,
    /// To be done then.
    pub actions: Vec<Action>,
    /// Why the input was not taken as it was meant, for logs and metrics. There may be records and
    /// actions all the same: evidence, for one.
    pub rejection: Option<Rejection>,
}

/// Why an input changed nothing: what a peer did wrong, or what came too late or too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub enum Rejection {
    /// Of another reign.
    #[error("of reign {got}, the current one is {current}")]
    WrongReign {
        /// The message's.
        got: u64,
        /// The replica's.
        current: u64,
    },
    /// Not the leader's to say.
    #[error("validator {sender} does not lead reign {reign}")]
    NotLeader {
        /// Who said it.
        sender: ValidatorIndex,
        /// In which reign.
        reign: u64,
    },
    /// Below or above the window.
    #[error("height {height} is outside the window that begins after {certified}")]
    OutsideWindow {
        /// The message's height.
        height: Height,
        /// The certified height.
        certified: Height,
    },
    /// Contradicts what the same validator said before.
    #[error("validator {sender} contradicts itself at height {height}")]
    Contradiction {
        /// Who.
        sender: ValidatorIndex,
        /// Where.
        height: Height,
    },
    /// A new-view that proves that more validators lie than the protocol bears: it proposes something else where
    /// this replica has decided. Nothing is prepared there.
    #[error("the new-view proposes something else at height {height}, which was decided here")]
    AgainstDecided {
        /// Where.
        height: Height,
    },
    /// The proposal breaks a rule.
    #[error("the proposal at height {height} breaks a rule of the parameters")]
    BadProposal {
        /// Where.
        height: Height,
    },
    /// An empty proposal that nothing needs, as far as is known here. It is kept.
    #[error("nothing needs the empty proposal at height {height}")]
    Needless {
        /// Where.
        height: Height,
    },
    /// Known already.
    #[error("known already")]
    Duplicate,
    /// A message of another engine.
    #[error("a message of another engine")]
    WrongEngine,
    /// Signed by this validator, and unknown to it.
    #[error("signed with this validator's key, but not by this replica")]
    Forgotten,
    /// An own message that the engine did not ask for, or asks for no more.
    #[error("an own message that nothing waits for")]
    Unasked,
    /// A timer that has been overtaken.
    #[error("a timer that has been overtaken")]
    StaleTimer,
    /// More than is kept.
    #[error("no room for more than {limit}")]
    Full {
        /// The bound.
        limit: usize,
    },
}

impl Record {
    /// The epoch that the record is of, if it says so; a prepared certificate is of its height's.
    pub fn epoch(&self) -> Option<Epoch> {
        match self {
            Self::Own(message) | Self::Accepted(message) | Self::Entered(message) => Some(message.v1().epoch),
            Self::Raft(epoch, _) | Self::Paxos(epoch, _) => Some(*epoch),
            Self::StoodDown(signed) => Some(signed.v1().epoch),
            Self::Prepared(_) => None,
        }
    }

    /// The height after whose certification the record can be forgotten; none is kept for the epoch.
    pub fn height(&self) -> Option<Height> {
        match self {
            Self::Own(message) | Self::Accepted(message) => message.v1().body.height(),
            Self::Prepared(certificate) => Some(certificate.height),
            Self::Raft(_, raft::Record::Entry { index, .. }) => Some(*index),
            Self::Paxos(_, paxos::Record::Accepted(value)) => Some(value.height),
            Self::Entered(_)
            | Self::Raft(_, raft::Record::Term { .. })
            | Self::Paxos(_, paxos::Record::Promised(_))
            | Self::StoodDown(_) => None,
        }
    }

    /// The reign that a record without a height is about: it may go once one about a higher reign of its epoch
    /// is on disk. `None`: keep it until the epoch ends.
    pub fn reign(&self) -> Option<u64> {
        match self {
            Self::Own(message) | Self::Accepted(message) | Self::Entered(message) => {
                match &message.v1().body {
                    Body::Pbft(pbft::Body::ViewChange(change)) => Some(change.claims.view.0),
                    Body::Pbft(pbft::Body::NewView(new_view)) => Some(new_view.view.0),
                    Body::Pbft(pbft::Body::Complaint { view }) => Some(view.0),
                    _ => None,
                }
            }
            Self::Prepared(certificate) => Some(certificate.view.0),
            Self::Raft(_, raft::Record::Term { term, .. }) => Some(term.0),
            Self::Paxos(_, paxos::Record::Promised(ballot)) => Some(ballot.round),
            // An entry and an accepted value have a height.
            Self::Raft(_, raft::Record::Entry { .. }) | Self::Paxos(_, paxos::Record::Accepted(_)) => None,
            // Whatever reign the epoch is in.
            Self::StoodDown(_) => None,
        }
    }

    /// The highest height of which this record may be all that shows what was prepared there: an own view-change
    /// claims it. It is to be kept until that height's block is on disk, or a later own view-change is.
    pub fn shows_up_to(&self) -> Option<Height> {
        let Self::Own(message) = self else {
            return None;
        };
        let Body::Pbft(pbft::Body::ViewChange(change)) = &message.v1().body else {
            return None;
        };
        let heights = change.claims.prepared.iter().map(|claim| claim.height);
        heights.max()
    }

    /// Those of a journal's records that an engine may be recovered from. A pre-prepare or prepare is
    /// journaled beside its batches, not after them, and leaves when both are durable; so one whose
    /// batches a crash has lost never left, and must not bind. Nor must an accepted value of Paxos, which was
    /// not told then, or an entry of Raft with all that followed it in its log, none of which was acknowledged.
    /// For the driver to apply before [`crate::Engine::recover`]; `is_durable` says whether a batch survived.
    pub fn without_unsent(records: Vec<Self>, is_durable: impl Fn(&Digest) -> bool) -> Vec<Self> {
        let unsent: BTreeSet<usize> = Self::unsent(&records, is_durable).into_iter().collect();
        let kept = records
            .into_iter()
            .enumerate()
            .filter(|(place, _)| !unsent.contains(place));
        kept.map(|(_, record)| record).collect()
    }

    /// The places of those that [`Record::without_unsent`] leaves out. A driver removes them from its
    /// journal before it votes again: should their batches turn up later, another vote in their place may
    /// have left, and the next restart must not take both for said.
    ///
    /// An entry of Raft counts for what is below it in its log. Where one is lost, so is what was appended above
    /// it, up to the next that was appended in its place or below. Records up to the certified height are to be
    /// left out before: what lies above a block does not need the entry that was there.
    pub fn unsent(records: &[Self], is_durable: impl Fn(&Digest) -> bool) -> Vec<usize> {
        let mut proposals: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
        for record in records {
            record.for_each_proposal(|proposal| {
                proposals.insert(proposal.digest(), proposal.batches().to_vec());
            });
        }
        let are_durable = |proposal: &Digest| {
            let batches = proposals.get(proposal).map_or(&[][..], Vec::as_slice);
            batches.iter().all(&is_durable)
        };
        // The epoch and the index of an entry that is lost and that no later one has replaced.
        let mut lost: Option<(Epoch, Height)> = None;
        let mut is_unsent = |record: &Self| match record {
            Self::Own(message) => match &message.v1().body {
                Body::Pbft(pbft::Body::PrePrepare { proposal, .. }) => !are_durable(&proposal.digest()),
                Body::Pbft(pbft::Body::Prepare { proposal, .. }) => !are_durable(proposal),
                _ => false,
            },
            Self::Raft(epoch, raft::Record::Entry { index, entry, .. }) => {
                let follows = lost.is_some_and(|(of, from)| of == *epoch && *index > from);
                if follows && !breaks!(FollowersOfLostKept) {
                    return true;
                }
                let is_lost = !entry.proposal.batches().iter().all(&is_durable);
                lost = is_lost.then_some((*epoch, *index));
                is_lost
            }
            Self::Paxos(_, paxos::Record::Accepted(value)) => {
                !value.proposal.batches().iter().all(&is_durable)
            }
            _ => false,
        };
        let places = records.iter().enumerate().filter(|(_, record)| is_unsent(record));
        places.map(|(place, _)| place).collect()
    }

    /// Shows every proposal that the record holds.
    fn for_each_proposal(&self, mut show: impl FnMut(&Proposal)) {
        match self {
            Self::Prepared(certificate) => show(&certificate.proposal),
            // An entry or an accepted value holds its own, and what a stand-down shows, other records hold as well.
            Self::Raft(..) | Self::Paxos(..) | Self::StoodDown(_) => {}
            Self::Own(message) | Self::Accepted(message) | Self::Entered(message) => {
                match &message.v1().body {
                    Body::Pbft(pbft::Body::PrePrepare { proposal, .. }) => show(proposal),
                    Body::Pbft(pbft::Body::NewView(new_view)) => {
                        new_view
                            .prepared
                            .iter()
                            .for_each(|certificate| show(&certificate.proposal));
                    }
                    _ => {}
                }
            }
        }
    }
}

impl Step {
    /// Appends what another part of the same step asks for.
    pub fn merge(&mut self, other: Self) {
        self.records.extend(other.records);
        self.actions.extend(other.actions);
        self.rejection = self.rejection.or(other.rejection);
    }
}

/// The time that comes with every input: the driver's clock.
pub type Now = Timestamp;
