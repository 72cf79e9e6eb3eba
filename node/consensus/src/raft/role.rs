//! What a replica of Raft is in its term (section 5.1), and what it knows as that.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;

use quorate_crypto::{Digest, Height, ValidatorIndex};
use serde::{Deserialize, Serialize};

use super::message::Entry;

/// What it is in its term (section 5.1).
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
pub(super) enum Role {
    Follower,
    /// It asks who would vote for it in the next term.
    PreCandidate {
        votes: BTreeSet<ValidatorIndex>,
    },
    Candidate {
        votes: BTreeSet<ValidatorIndex>,
    },
    Leader(Leadership),
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
