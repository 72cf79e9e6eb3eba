//! The epoch under way, as every thread sees it.
//!
//! The executor moves it on, in the moment in which the last block of an epoch is written; the core then
//! starts an engine for the next one. The former epoch is kept until the new one has a block, as its
//! engine goes on answering for so long, and whoever has left keeps its links for so long.

use std::sync::{Arc, PoisonError, RwLock};

use quorate_crypto::{Committee, Epoch, ValidatorIndex};
use quorate_network::{PeerConfig, PeerKey};

use crate::names::Names;
use crate::roster::Roster;

/// The epoch under way.
#[derive(Clone, Debug)]
pub(crate) struct EpochInfo {
    /// Who takes part in it.
    pub(crate) now: Arc<Roster>,
    /// Who took part in the epoch before, while that is of use.
    pub(crate) former: Option<Arc<Roster>>,
}

impl EpochInfo {
    /// Which.
    pub(crate) fn epoch(&self) -> Epoch {
        self.now.epoch()
    }

    /// Who agrees in it.
    pub(crate) fn committee(&self) -> &Committee {
        &self.now.committee
    }

    /// The epoch of a message, if it is one whose messages matter.
    pub(crate) fn roster_of(&self, epoch: Epoch) -> Option<&Roster> {
        self.rosters().find(|roster| roster.epoch() == epoch)
    }

    /// Both epochs, the one under way first.
    pub(crate) fn rosters(&self) -> impl Iterator<Item = &Roster> {
        [Some(&*self.now), self.former.as_deref()].into_iter().flatten()
    }

    /// What the validators of an epoch are called; those of the one under way, if the epoch is long over.
    pub(crate) fn names_of(&self, epoch: Epoch) -> &Names {
        &self.roster_of(epoch).unwrap_or(&self.now).names
    }

    /// What people call the node with this key.
    pub(crate) fn name_of(&self, node: &PeerKey) -> String {
        let validator = self
            .rosters()
            .find_map(|roster| Some(roster.names.of(roster.index_of(node)?)));
        let admitted = || {
            let all = self.rosters().flat_map(Roster::admitted);
            let mut of = all.filter(|peer| peer.key == *node);
            of.next().map(|peer| peer.name.clone())
        };
        validator
            .or_else(admitted)
            .unwrap_or_else(|| format!("observer {}", &hex::encode(node.0)[..8]))
    }

    /// This node's place in the committee under way; none if it only observes.
    pub(crate) fn own(&self) -> Option<ValidatorIndex> {
        self.now.own
    }

    /// Who may have a link as a validator of the former committee, of this one or the next.
    pub(crate) fn admitted(&self) -> Vec<PeerConfig> {
        let mut admitted: Vec<PeerConfig> = Vec::new();
        for peer in self.rosters().flat_map(Roster::admitted) {
            if admitted.iter().all(|known| known.key != peer.key) {
                admitted.push(peer.clone());
            }
        }
        admitted
    }
}

/// The epoch under way, shared.
#[derive(Clone, Debug)]
pub(crate) struct SharedEpoch {
    current: Arc<RwLock<Arc<EpochInfo>>>,
}

impl SharedEpoch {
    /// The epoch that the stored chain is in.
    pub(crate) fn new(roster: Roster) -> Self {
        let info = EpochInfo {
            now: Arc::new(roster),
            former: None,
        };
        Self {
            current: Arc::new(RwLock::new(Arc::new(info))),
        }
    }

    /// The epoch under way.
    pub(crate) fn get(&self) -> Arc<EpochInfo> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A block was written after which this holds; true if a new epoch begins with it.
    pub(crate) fn follow(&self, roster: Roster) -> bool {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let begins = roster.epoch() != current.epoch();
        let former = match begins {
            true => Some(Arc::clone(&current.now)),
            false => current.former.clone(),
        };
        let now = Arc::new(roster);
        *current = Arc::new(EpochInfo { now, former });
        begins
    }

    /// The epoch under way has a certified block: the former one is over. True if it was not before.
    pub(crate) fn forget_former(&self) -> bool {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let is_over = current.former.is_some();
        if is_over {
            let now = Arc::clone(&current.now);
            *current = Arc::new(EpochInfo { now, former: None });
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use quorate_ledger::Parameters;

    use super::*;
    use crate::testing;

    fn roster(epoch: u64, validators: u8, own: Option<u16>) -> Roster {
        let committee = testing::committee(Epoch(epoch), validators);
        Roster::of(committee, own.map(ValidatorIndex), Parameters::default())
    }

    #[test]
    fn the_former_committee_is_known_until_the_new_epoch_has_a_block() {
        let (first, next) = (roster(0, 4, Some(3)), roster(1, 3, None));
        let shared = SharedEpoch::new(first.clone());
        // A seat has changed within the epoch.
        assert!(!shared.follow(first.clone()));
        assert!(shared.follow(next.clone()));
        let committee_of = |epoch| Some(shared.get().roster_of(epoch)?.committee.clone());
        let info = shared.get();
        assert_eq!((info.epoch(), info.own()), (Epoch(1), None));
        assert_eq!(committee_of(Epoch(0)), Some(first.committee.clone()));
        assert_eq!(info.roster_of(Epoch(0)).unwrap().own, Some(ValidatorIndex(3)));
        assert_eq!(committee_of(Epoch(2)), None);
        assert!(shared.forget_former());
        assert!(!shared.forget_former());
        assert_eq!(committee_of(Epoch(0)), None);
        assert_eq!(committee_of(Epoch(1)), Some(next.committee));
    }

    #[test]
    fn a_node_is_called_by_the_committee_that_it_is_in() {
        let shared = SharedEpoch::new(roster(0, 4, None));
        let gone = crate::roster::peer_key(shared.get().committee().seats()[3].node);
        assert_eq!(shared.get().name_of(&gone), "member-3");
        assert!(shared.follow(roster(1, 3, None)));
        assert_eq!(shared.get().name_of(&gone), "member-3");
        shared.forget_former();
        assert!(shared.get().name_of(&gone).starts_with("observer "));
    }

    #[test]
    fn pitfall_22_who_leaves_keeps_its_links_until_the_new_epoch_has_a_block() {
        let shared = SharedEpoch::new(roster(0, 4, None));
        let gone = crate::roster::peer_key(shared.get().committee().seats()[3].node);
        let is_admitted = || shared.get().admitted().iter().any(|peer| peer.key == gone);
        assert!(shared.follow(roster(1, 3, None)));
        assert!(is_admitted());
        assert_eq!(shared.get().admitted().len(), 4);
        shared.forget_former();
        assert!(!is_admitted());
        assert_eq!(shared.get().admitted().len(), 3);
    }
}
