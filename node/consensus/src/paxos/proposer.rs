//! What a proposer knows, in phase 1 and, as the distinguished proposer, in phase 2.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;

use quorate_crypto::{Height, ValidatorIndex};
use quorate_ledger::Proposal;
use serde::{Deserialize, Serialize};

use super::message::{AcceptedValue, Ballot, Value};

/// What a proposer does.
#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
pub(super) enum Proposer {
    /// Nothing: another proposes, or nobody.
    #[default]
    Idle,
    /// Phase 1, for all heights above the certified one.
    Preparing(Preparation),
    /// Phase 2, height by height: it is the distinguished proposer.
    Leading(Leadership),
}

/// Phase 1 of a ballot.
#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
pub(super) struct Preparation {
    pub(super) ballot: Ballot,
    pub(super) promised_by: BTreeSet<ValidatorIndex>,
    /// For each height, what was accepted in the highest ballot, by whoever has promised.
    pub(super) highest: BTreeMap<Height, AcceptedValue>,
    /// Whether the own acceptor was asked for its promise.
    pub(super) asked_own: bool,
}

/// Phase 2 of a ballot.
#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
pub(super) struct Leadership {
    pub(super) ballot: Ballot,
    /// What phase 1 brought up and is not proposed yet.
    pub(super) carried: BTreeMap<Height, Proposal>,
    /// The highest height that phase 1 brought anything up for.
    pub(super) carried_to: Height,
    /// The lowest height that nothing is proposed for.
    pub(super) next: Height,
    /// What is proposed and not chosen yet, as far as is known here. At most a window.
    pub(super) open: BTreeMap<Height, Proposed>,
    /// Who answered since the election timer was set.
    pub(super) heard: BTreeSet<ValidatorIndex>,
    /// Whether a majority has answered it in phase 2.
    pub(super) established: bool,
    /// The lowest open height when the election timer was set.
    pub(super) stuck_at: Option<Height>,
    /// Whether it hands over, and proposes nothing more.
    pub(super) hands_over: bool,
}

/// A value that was proposed.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
pub(super) struct Proposed {
    pub(super) value: Value,
    /// Whether it was said before the last heartbeat: then the next one says it again.
    pub(super) overdue: bool,
}

impl Proposer {
    /// The ballot under way.
    pub(super) fn ballot(&self) -> Option<Ballot> {
        match self {
            Self::Idle => None,
            Self::Preparing(preparation) => Some(preparation.ballot),
            Self::Leading(leadership) => Some(leadership.ballot),
        }
    }

    pub(super) fn is_leading(&self) -> bool {
        matches!(self, Self::Leading(_))
    }

    pub(super) fn give_up(&mut self) {
        *self = Self::Idle;
    }

    pub(super) fn forget_up_to(&mut self, certified: Height) {
        match self {
            Self::Idle => {}
            Self::Preparing(preparation) => {
                preparation.highest = preparation.highest.split_off(&certified.next());
            }
            Self::Leading(leadership) => {
                leadership.carried = leadership.carried.split_off(&certified.next());
                leadership.open = leadership.open.split_off(&certified.next());
                leadership.next = leadership.next.max(certified.next());
            }
        }
    }

    /// A value is known to be chosen for this height.
    pub(super) fn close(&mut self, height: Height) {
        if let Self::Leading(leadership) = self {
            leadership.open.remove(&height);
        }
    }

    /// What it has proposed for a height that is not known to be chosen.
    pub(super) fn proposed(&self, height: Height) -> Option<&Proposal> {
        match self {
            Self::Leading(leadership) => leadership.open.get(&height).map(|open| &open.value.proposal),
            _ => None,
        }
    }

    pub(super) fn open_heights(&self) -> usize {
        match self {
            Self::Leading(leadership) => leadership.open.len(),
            _ => 0,
        }
    }

    /// Whether it is the distinguished proposer, and waits for a successor to take over.
    pub(super) fn hands_over(&self) -> bool {
        matches!(self, Self::Leading(leadership) if leadership.hands_over)
    }

    /// How many values phase 1 has brought up.
    pub(super) fn carried(&self) -> usize {
        match self {
            Self::Idle => 0,
            Self::Preparing(preparation) => preparation.highest.len(),
            Self::Leading(leadership) => leadership.carried.len(),
        }
    }
}

impl Preparation {
    /// P2c: of what was accepted for a height, the value of the highest ballot.
    pub(super) fn take(&mut self, accepted: AcceptedValue) {
        let kept = self.highest.get(&accepted.height);
        let replaces = |kept: &AcceptedValue| match breaks!(LowestBallotTaken) {
            true => accepted.ballot < kept.ballot,
            false => accepted.ballot > kept.ballot,
        };
        if kept.is_none_or(replaces) {
            self.highest.insert(accepted.height, accepted);
        }
    }
}
