//! What a replica of Raft is in its term (section 5.1), and what it knows as that.

use std::collections::{BTreeMap, BTreeSet};

use quorate_crypto::{Digest, Height, ValidatorIndex};
use quorate_ledger::Timestamp;
use serde::{Deserialize, Serialize};

use super::message::Entry;

/// What it is in its term (section 5.1).
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
pub(super) enum Role {
    Follower(Following),
    /// It asks who would vote for it in the next term. Its own term goes on, and it goes on following in it.
    PreCandidate {
        following: Following,
        votes: BTreeSet<ValidatorIndex>,
    },
    Candidate {
        votes: BTreeSet<ValidatorIndex>,
    },
    Leader(Leadership),
}

/// What a follower knows. All of it is about one term and its leader.
#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
pub(super) struct Following {
    /// The term's leader, once it is known. One that gave way in its own term still is it.
    pub(super) leader: Option<ValidatorIndex>,
    /// Whether the leader was heard since the election timer was set anew.
    pub(super) leader_heard: bool,
    /// The time of a proposal of the leader's that was too far ahead of this clock: until this has come so far,
    /// the leader counts as not heard.
    pub(super) early: Option<Timestamp>,
    /// What must be certified here before it stands for election, as the leader has asked it to.
    pub(super) called: Option<Height>,
    /// Up to here the log is known to be the leader's.
    pub(super) matched: Height,
    /// Up to where the last answer says so that waits for the disk, 0 if none does.
    pub(super) answering: Height,
    /// Entries of the leader above `matched` which are not in the log yet, as their batches are not here.
    pub(super) staged: BTreeMap<Height, Staged>,
}

/// What a leader knows.
#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
pub(super) struct Leadership {
    /// Up to here own entries have left.
    pub(super) left: Height,
    /// Up to here they are durable here with their batches: it counts itself.
    pub(super) counted: Height,
    /// Own entries that are not recorded yet, and whether their batches have been looked for since they left. They
    /// are recorded in order, in steps that send nothing, so that no append waits for the own disk.
    pub(super) unrecorded: BTreeMap<Height, bool>,
    pub(super) followers: BTreeMap<ValidatorIndex, Progress>,
    /// Who was heard since the election timer was set.
    pub(super) heard: BTreeSet<ValidatorIndex>,
    /// The commit index that followers were told last.
    pub(super) told: Height,
    /// Whether it hands over, and proposes nothing more.
    pub(super) hands_over: bool,
    pub(super) successor: Option<ValidatorIndex>,
}

/// What a leader knows of a follower.
#[derive(Clone, Copy, Debug, Default, Hash, Serialize, Deserialize)]
pub(super) struct Progress {
    /// `matchIndex`: up to here its log is the leader's, durably.
    pub(super) matched: Height,
    /// What it was sent by itself since the last heartbeat: the first and the last index.
    pub(super) sent: Option<(Height, Height)>,
}

impl Role {
    /// What it knows as a follower, if it follows.
    pub(super) fn following(&self) -> Option<&Following> {
        match self {
            Self::Follower(following) | Self::PreCandidate { following, .. } => Some(following),
            Self::Candidate { .. } | Self::Leader(_) => None,
        }
    }

    pub(super) fn following_mut(&mut self) -> Option<&mut Following> {
        match self {
            Self::Follower(following) | Self::PreCandidate { following, .. } => Some(following),
            Self::Candidate { .. } | Self::Leader(_) => None,
        }
    }

    /// Takes out what it knows as a follower; nothing if it does not follow.
    pub(super) fn take_following(&mut self) -> Following {
        self.following_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Whether the term has a leader that is heard, or that this is.
    pub(super) fn hears_leader(&self) -> bool {
        match self {
            Self::Leader(_) => true,
            Self::Candidate { .. } => false,
            Self::Follower(following) | Self::PreCandidate { following, .. } => following.leader_heard,
        }
    }

    /// Whether an entry for this height waits for its batches.
    pub(super) fn has_staged(&self, height: Height) -> bool {
        self.following()
            .is_some_and(|following| following.staged.contains_key(&height))
    }

    pub(super) fn has_any_staged(&self) -> bool {
        self.following()
            .is_some_and(|following| !following.staged.is_empty())
    }
}

impl Following {
    /// This is the term's leader. What this log has in common with its log has yet to be found out.
    pub(super) fn of(leader: ValidatorIndex) -> Self {
        Self {
            leader: Some(leader),
            ..Self::default()
        }
    }

    /// The next entry, if its batches are here.
    pub(super) fn take_ready(&mut self) -> Option<(Height, Entry)> {
        let next = self.staged.first_entry().filter(|next| next.get().available)?;
        let (index, staged) = next.remove_entry();
        Some((index, staged.entry))
    }
}

impl Leadership {
    /// Asserts what must hold between any two steps, above this certified height in a log that ends here.
    pub(super) fn check_invariants(&self, certified: Height, last: Height) {
        let mut expected = last;
        for index in self.unrecorded.keys().rev() {
            assert_eq!(*index, expected, "what is not recorded is the end of the log");
            assert!(*index > certified, "what is certified is recorded, or a block");
            expected = Height(index.0.saturating_sub(1));
        }
        assert!(
            self.left <= last && self.counted <= last,
            "what has left is in the log"
        );
    }
}

/// An entry of the leader that is not in the log yet.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
pub(super) struct Staged {
    pub(super) entry: Entry,
    pub(super) digest: Digest,
    /// Whether its batches are here.
    pub(super) available: bool,
}
