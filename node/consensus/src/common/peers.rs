//! What a replica knows of its peers: where each says that it is, what it was answered, and who wants to hear
//! where this replica is.

use std::collections::{BTreeMap, BTreeSet};

use quorate_crypto::{Height, ValidatorIndex};
use quorate_ledger::Timestamp;
use serde::{Deserialize, Serialize};

use super::reign::Reign;

/// What each peer said last about where it is. One entry a validator.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Peers {
    known: BTreeMap<ValidatorIndex, Peer>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Peer {
    /// The highest height it has claimed certified.
    certified: Height,
    /// When its status was last answered.
    answered: Option<Timestamp>,
    /// The highest height that one which was answered had certified.
    answered_at: Height,
    /// The highest height whose proposal was here when one was answered.
    answered_up_to: Height,
    /// When its inquiry was last answered.
    testified: Option<Timestamp>,
}

impl Peers {
    /// A link came up: its next status and its next inquiry are answered at once.
    pub(crate) fn on_connected(&mut self, peer: ValidatorIndex) {
        let known = self.known.entry(peer).or_default();
        (known.answered, known.testified) = (None, None);
    }

    pub(crate) fn claims_certified(&mut self, peer: ValidatorIndex, height: Height) {
        let known = self.known.entry(peer).or_default();
        known.certified = known.certified.max(height);
    }

    /// The highest height that this peer has claimed certified.
    pub(crate) fn certified(&self, peer: ValidatorIndex) -> Height {
        self.known
            .get(&peer)
            .map_or(Height::GENESIS, |peer| peer.certified)
    }

    /// Whether a status of this peer may be answered now; if so, it is taken as answered. One that is a height
    /// further than the last is answered at once, and so is one when there are proposals here for heights above those
    /// at the last: a peer that is shown no proposals asks at every height, several of which are under way. Heights
    /// that are certified and proposed here rise only so fast.
    pub(crate) fn may_answer(
        &mut self,
        (peer, certified): (ValidatorIndex, Height),
        (certified_here, proposed_here): (Height, Height),
        now: Timestamp,
        at_most_every_ms: u64,
    ) -> bool {
        let known = self.known.entry(peer).or_default();
        let further = certified > known.answered_at && certified <= certified_here;
        let more = proposed_here > known.answered_up_to;
        let due = is_due(&mut known.answered, now, at_most_every_ms);
        if further {
            known.answered_at = certified;
        }
        known.answered_up_to = known.answered_up_to.max(proposed_here);
        due || further || more
    }

    /// The same of an inquiry.
    pub(crate) fn may_testify(
        &mut self,
        peer: ValidatorIndex,
        now: Timestamp,
        at_most_every_ms: u64,
    ) -> bool {
        is_due(
            &mut self.known.entry(peer).or_default().testified,
            now,
            at_most_every_ms,
        )
    }

    /// The highest height that at least `count` peers claim certified, and those above `than`.
    pub(crate) fn certified_by(&self, count: usize, than: Height) -> (Height, Vec<ValidatorIndex>) {
        let mut heights: Vec<Height> = self.known.values().map(|peer| peer.certified).collect();
        heights.sort_unstable_by(|a, b| b.cmp(a));
        let height = heights.get(count.saturating_sub(1)).copied().unwrap_or_default();
        let holders = self
            .known
            .iter()
            .filter(|(_, peer)| peer.certified > than)
            .map(|(peer, _)| *peer)
            .collect();
        (height, holders)
    }

    /// Who claims at least `height` certified.
    pub(crate) fn holders(&self, height: Height) -> impl Iterator<Item = ValidatorIndex> {
        let holders = self
            .known
            .iter()
            .filter(move |(_, peer)| peer.certified >= height);
        holders.map(|(peer, _)| *peer)
    }

    /// Whether anybody claims more than `height` certified.
    pub(crate) fn any_above(&self, height: Height) -> bool {
        self.known.values().any(|peer| peer.certified > height)
    }
}

/// Where a replica is: the same a while later means that nothing has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) reign: Reign,
    pub(crate) certified: Height,
}

/// To whom a status is due: one is signed at a time, for all who want it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct StatusDue {
    pub(crate) all: bool,
    pub(crate) peers: BTreeSet<ValidatorIndex>,
    /// Whether one is being signed.
    pub(crate) asked: bool,
}

impl StatusDue {
    pub(crate) fn ask_all(&mut self) {
        self.all = true;
    }

    /// Whether anybody wants one that is not being signed yet.
    pub(crate) fn is_due(&self) -> bool {
        (self.all || !self.peers.is_empty()) && !self.asked
    }

    pub(crate) fn ask_for(&mut self, peer: ValidatorIndex) {
        self.peers.insert(peer);
    }
}

/// Whether something that was done `at` may be done again; if so, it is done `now`.
fn is_due(at: &mut Option<Timestamp>, now: Timestamp, at_most_every_ms: u64) -> bool {
    // A clock that went backwards is no reason to be silent.
    let recently = at.is_some_and(|at| now >= at && now.0 - at.0 < at_most_every_ms);
    if !recently {
        *at = Some(now);
    }
    !recently
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_answered_at_once_when_there_is_more_to_tell() {
        let mut peers = Peers::default();
        let peer = ValidatorIndex(1);
        let mut asks = |certified, proposed_here| {
            let here = (Height(5), Height(proposed_here));
            peers.may_answer((peer, Height(certified)), here, Timestamp(1_000), 200)
        };
        assert!(asks(4, 6));
        assert!(!asks(4, 6), "nothing has moved");
        assert!(asks(4, 7), "another height is proposed");
        assert!(asks(5, 7), "it has come further");
        assert!(!asks(5, 7) && !asks(9, 7), "it says more than there is");
    }
}
