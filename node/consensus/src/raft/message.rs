//! What replicas of Raft say to each other, and what they keep.

use std::fmt;

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Digest, Epoch, Height, Tag, ValidatorIndex};
use quorate_ledger::encode;
pub use quorate_ledger::{Entry, Term};
use serde::{Deserialize, Serialize};

use crate::contract::MAX_WINDOW;

/// The most entries in one message.
pub const MAX_ENTRIES: usize = MAX_WINDOW;

/// A place in a log. Indexes are heights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The index.
    pub index: Height,
    /// A term, 0 where it is not known: blocks do not tell theirs.
    pub term: Term,
}

/// A message of Raft. The order of the variants is frozen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Body {
    /// A candidate asks for votes (section 5.2), or whether it would get them (thesis, 9.6).
    RequestVote(RequestVote),
    /// The answer to that.
    VoteReply(VoteReply),
    /// The leader replicates entries, or shows that it is alive (section 5.3).
    AppendEntries(AppendEntries),
    /// The answer to that.
    AppendReply(AppendReply),
    /// The leader hands over: the recipient is to stand for election at once (thesis, 3.10).
    TimeoutNow {
        /// The leader's term.
        term: Term,
        /// Who is to.
        successor: ValidatorIndex,
    },
}

/// A candidate asks for votes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestVote {
    /// The term that it stands for: its own, or, before that, the one after.
    pub term: Term,
    /// Whether it only asks whether it would be elected.
    pub pre_vote: bool,
    /// The last height that it has certified.
    pub certified: Height,
    /// The index of its log's last entry, and the highest term in its log above the certified height.
    pub last: Position,
}

/// Whether a candidate has somebody's vote.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VoteReply {
    /// The voter's term; that of the question in a pre-vote that is granted.
    pub term: Term,
    /// Who asked.
    pub candidate: ValidatorIndex,
    /// Whether it was a pre-vote.
    pub pre_vote: bool,
    /// Whether it is granted.
    pub granted: bool,
}

/// What a leader's log holds after a place.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AppendEntries {
    /// The leader's term.
    pub term: Term,
    /// The place of the entry before.
    pub previous: Position,
    /// The entries that follow; none in a heartbeat.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_ENTRIES>")]
    pub entries: Vec<Entry>,
    /// The leader's commit index.
    pub commit: Height,
    /// The last height that the leader has certified: it has no entries up to there.
    pub certified: Height,
}

/// How far a follower's log agrees with the leader's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AppendReply {
    /// The follower's term.
    pub term: Term,
    /// Whom this answers.
    pub leader: ValidatorIndex,
    /// Whether the entry before was there.
    pub success: bool,
    /// Up to here the follower's log is the leader's. If this is a success, entries and batches up to here
    /// are durable; one up to 0 says only that the leader is heard.
    pub index: Height,
}

/// What a replica of Raft must remember across a crash: the paper's persistent state (figure 2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Record {
    /// The current term, and whom it voted for in it. The highest term counts, and in it a vote.
    Term {
        /// The term.
        term: Term,
        /// Its vote.
        voted_for: Option<ValidatorIndex>,
    },
    /// An entry was appended at this index; what was there and above it is gone.
    Entry {
        /// The index.
        index: Height,
        /// The term of the entry before, 0 if it was a block that was fetched.
        previous: Term,
        /// The entry.
        entry: Entry,
    },
}

impl Body {
    /// The tag under which this is signed.
    pub fn domain(&self) -> Tag {
        match self {
            Self::RequestVote(_) => Tag::RAFT_REQUEST_VOTE,
            Self::VoteReply(_) => Tag::RAFT_VOTE_REPLY,
            Self::AppendEntries(_) => Tag::RAFT_APPEND_ENTRIES,
            Self::AppendReply(_) => Tag::RAFT_APPEND_REPLY,
            Self::TimeoutNow { .. } => Tag::RAFT_TIMEOUT_NOW,
        }
    }

    /// Whether it says what the sender's records have to bear out: a vote, or a log that counts. What binds nobody
    /// does not wait for a disk: a slow one would keep a leader from showing itself, and its followers from
    /// answering. Nor do a leader's entries: it counts itself by an answer to itself, and never resumes its term.
    pub fn follows_records(&self) -> bool {
        match self {
            Self::RequestVote(request) => !request.pre_vote,
            Self::VoteReply(reply) => reply.granted && !reply.pre_vote,
            Self::AppendReply(reply) => reply.acknowledges(),
            Self::AppendEntries(_) | Self::TimeoutNow { .. } => false,
        }
    }

    /// The content that is signed: names the network and the epoch.
    pub fn signed_bytes(&self, network: Digest, epoch: Epoch) -> Vec<u8> {
        match self {
            Self::RequestVote(request) => encode(&(network, epoch, request)),
            Self::VoteReply(reply) => encode(&(network, epoch, reply)),
            Self::AppendEntries(append) => encode(&(network, epoch, append)),
            Self::AppendReply(reply) => encode(&(network, epoch, reply)),
            Self::TimeoutNow { term, successor } => encode(&(network, epoch, term, successor)),
        }
    }

    /// The sender's term, or the one that it asks about.
    pub fn term(&self) -> Term {
        match self {
            Self::RequestVote(request) => request.term,
            Self::VoteReply(reply) => reply.term,
            Self::AppendEntries(append) => append.term,
            Self::AppendReply(reply) => reply.term,
            Self::TimeoutNow { term, .. } => *term,
        }
    }
}

impl AppendReply {
    /// Whether it says that anything is durable.
    pub fn acknowledges(&self) -> bool {
        self.success && self.index > Height::GENESIS
    }
}

impl AppendEntries {
    /// The index of the last entry in it, or of the one before.
    pub fn last_index(&self) -> Height {
        Height(self.previous.index.0.saturating_add(self.entries.len() as u64))
    }
}

/// The term after this one.
pub(super) fn term_after(term: Term) -> Term {
    Term(term.0.saturating_add(1))
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.index, self.term)
    }
}
