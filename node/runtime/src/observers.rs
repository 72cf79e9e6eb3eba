//! Who follows the chain without voting, as each says of itself, and what that leaves of the quorum.
//!
//! Where too few are left to vote, nothing is committed, and nobody's messages tell why: the silent are linked
//! and answer. So each validator tells those that it has a link to whether it votes. Nothing is decided by it:
//! a liar that says so of itself is shown as what it says, no more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use quorate_crypto::{Epoch, ValidatorIndex};
use quorate_network::PeerKey;

use crate::node::RunningNode;

/// How often it is looked whether something has changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After this it is said again, as a full queue may have swallowed it.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// What the validators say of themselves: whether they vote.
#[derive(Debug, Default)]
pub(crate) struct Observers {
    told: Mutex<BTreeMap<PeerKey, bool>>,
}

impl Observers {
    /// A node says whether it votes.
    pub(crate) fn note(&self, node: PeerKey, votes: bool) {
        self.told().insert(node, votes);
    }

    /// What this one said last; none if it has not told.
    pub(crate) fn said(&self, node: &PeerKey) -> Option<bool> {
        self.told().get(node).copied()
    }

    /// Those that said last that they do not.
    pub(crate) fn all(&self) -> BTreeSet<PeerKey> {
        let told = self.told();
        let observing = told.iter().filter(|(_, votes)| !**votes);
        observing.map(|(node, _)| *node).collect()
    }

    fn told(&self) -> MutexGuard<'_, BTreeMap<PeerKey, bool>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was said to whom.
#[derive(Debug, Default)]
struct Said {
    votes: bool,
    at: Option<Instant>,
    to: BTreeSet<PeerKey>,
}

impl Said {
    /// Whom to tell now: those that came since, and now and then, or if it has changed, all.
    fn next(&mut self, votes: bool, linked: BTreeSet<PeerKey>, now: Instant) -> Vec<PeerKey> {
        let is_old = self.at.is_none_or(|at| now.duration_since(at) >= SAY_EVERY);
        let all = is_old || self.votes != votes;
        let to = linked.iter().copied();
        let to = to.filter(|peer| all || !self.to.contains(peer)).collect();
        if all {
            self.at = Some(now);
        }
        self.votes = votes;
        self.to = linked;
        to
    }
}

/// What a line of the log was about last.
#[derive(Debug, Default)]
struct Shown {
    epoch: Option<Epoch>,
    observing: BTreeSet<ValidatorIndex>,
    no_quorum_left: bool,
    /// Whether a quorum could be reached.
    reached: bool,
}

/// Tells the others whether this validator votes, and the log what changes about the quorum, until the node
/// ends.
pub(crate) async fn watch(node: Arc<RunningNode>) {
    let (mut said, mut shown) = (Said::default(), Shown::default());
    loop {
        let linked = node.linked();
        let votes = node.votes();
        for peer in said.next(votes, linked, Instant::now()) {
            node.links.say_votes(peer, votes);
        }
        node.log_quorum(&mut shown);
        if let Err(error) = node.keeper.show() {
            tracing::warn!(%error, "the file that shows why this validator does not vote cannot be written");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl RunningNode {
    /// Nodes that there is a link to.
    fn linked(&self) -> BTreeSet<PeerKey> {
        let peers = self.links.handle().peers().into_iter();
        peers
            .filter(|peer| peer.connected())
            .map(|peer| peer.key)
            .collect()
    }

    /// One line for each change.
    fn log_quorum(&self, shown: &mut Shown) {
        let (info, own) = (self.epoch.get(), self.own());
        if shown
            .epoch
            .replace(info.epoch())
            .is_some_and(|epoch| epoch != info.epoch())
        {
            // Places in the committee mean others now.
            shown.observing = BTreeSet::new();
        }
        let up = self.connected().into_iter().filter(|(_, peer)| peer.connected());
        let linked: BTreeSet<ValidatorIndex> = up.map(|(index, _)| index).collect();
        let observing = self.observing();
        for index in observing
            .difference(&shown.observing)
            .filter(|index| Some(**index) != own)
        {
            tracing::warn!(
                validator = self.name(*index),
                "a validator follows the chain and does not vote"
            );
        }
        for index in shown
            .observing
            .difference(&observing)
            .filter(|index| Some(**index) != own)
        {
            tracing::info!(validator = self.name(*index), "a validator votes again");
        }
        shown.observing = observing;
        let end = self.no_quorum_left();
        if end.is_some() != shown.no_quorum_left {
            match &end {
                Some(what) => {
                    tracing::error!(
                        observing = info.now.names.of_all(shown.observing.iter().copied()),
                        "{what}"
                    );
                }
                None => tracing::info!("enough validators vote again"),
            }
            shown.no_quorum_left = end.is_some();
        }
        let committee = self.committee();
        let needed = committee.quorum();
        let reached = linked.len() + usize::from(own.is_some()) >= needed;
        if reached != shown.reached {
            let away = committee.indices();
            let away = away.filter(|index| Some(*index) != own && !linked.contains(index));
            let (linked, away) = (
                info.now.names.of_all(linked.iter().copied()),
                info.now.names.of_all(away),
            );
            if reached {
                tracing::info!(needed, linked, away, "enough validators are linked for a quorum");
            } else {
                tracing::warn!(
                    needed,
                    linked,
                    away,
                    "too few validators can be reached for a quorum"
                );
            }
            shown.reached = reached;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_is_told_and_everybody_of_a_change_and_again_after_a_while() {
        let linked = |peers: &[u8]| peers.iter().map(|peer| PeerKey([*peer; 32])).collect();
        let (mut said, begun) = (Said::default(), Instant::now());
        let at = |seconds| begun + Duration::from_secs(seconds);
        let told = |peers: Vec<PeerKey>| peers.into_iter().map(|peer| peer.0[0]).collect::<Vec<_>>();
        assert_eq!(told(said.next(true, linked(&[1]), at(0))), [1]);
        assert!(said.next(true, linked(&[1]), at(1)).is_empty());
        assert_eq!(told(said.next(true, linked(&[1, 2]), at(2))), [2]);
        assert_eq!(told(said.next(false, linked(&[1, 2]), at(3))), [1, 2]);
        assert!(said.next(false, linked(&[2]), at(4)).is_empty());
        assert_eq!(told(said.next(false, linked(&[1, 2]), at(5))), [1]);
        assert_eq!(told(said.next(false, linked(&[1, 2]), at(13))), [1, 2]);
    }

    #[test]
    fn the_last_word_of_a_validator_counts() {
        let observers = Observers::default();
        observers.note(PeerKey([2; 32]), false);
        observers.note(PeerKey([1; 32]), true);
        assert_eq!(observers.all(), [PeerKey([2; 32])].into());
        observers.note(PeerKey([2; 32]), true);
        assert_eq!(observers.all(), [].into());
        let said = [1, 2, 3].map(|index| observers.said(&PeerKey([index; 32])));
        assert_eq!(said, [Some(true), Some(true), None]);
    }
}
