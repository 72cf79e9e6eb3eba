//! What an acceptor remembers (Lamport 2001, section 2.2).

use std::collections::BTreeMap;
use std::hash::Hash;

use quorate_crypto::{Digest, Height};
use quorate_ledger::Proposal;
use serde::{Deserialize, Serialize};

use super::message::{AcceptedValue, Ballot, Value, ValueDigest};

/// What an acceptor remembers: one promise for all heights, and for each the last value that it accepted.
#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
pub(super) struct Acceptor {
    /// The highest ballot that it has promised, or accepted anything in. Only grows.
    pub(super) promised: Ballot,
    /// What its journal says of that, once the records asked for are durable.
    pub(super) persisted: Ballot,
    /// By height, all above the certified one: at most a window of them, and after a restart what the
    /// journal holds.
    pub(super) accepted: BTreeMap<Height, Vote>,
    /// Values of the promised ballot that it has been asked to accept and cannot yet: their batches are not
    /// here, or their height is not in the window. At most two windows of them.
    pub(super) asked: BTreeMap<Height, Asked>,
}

/// The value that an acceptor has accepted for a height, in its highest ballot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Vote {
    pub(super) ballot: Ballot,
    pub(super) proposal: Proposal,
    pub(super) digest: Digest,
    /// Whether record and batches are known to be durable.
    pub(super) durable: bool,
}

/// A value that it has been asked to accept.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) ballot: Ballot,
    pub(super) proposal: Proposal,
    pub(super) digest: Digest,
    /// Whether its batches are here.
    pub(super) available: bool,
}

impl Acceptor {
    /// Promises a ballot; what was asked for in lower ones is accepted no more.
    pub(super) fn promise(&mut self, ballot: Ballot) {
        self.promised = self.promised.max(ballot);
        self.asked.clear();
    }

    /// All that was accepted above a height.
    pub(super) fn accepted_above(&self, certified: Height) -> impl Iterator<Item = AcceptedValue> {
        let above = self.accepted.range(certified.next()..);
        above.map(|(height, vote)| AcceptedValue {
            height: *height,
            ballot: vote.ballot,
            proposal: vote.proposal.clone(),
        })
    }

    /// Keeps an accepted value, unless one of a higher ballot is kept.
    pub(super) fn keep(&mut self, value: AcceptedValue, durable: bool) {
        let AcceptedValue {
            height,
            ballot,
            proposal,
        } = value;
        if self
            .accepted
            .get(&height)
            .is_some_and(|vote| vote.ballot > ballot)
        {
            return;
        }
        let digest = proposal.digest();
        let vote = Vote {
            ballot,
            proposal,
            digest,
            durable,
        };
        self.accepted.insert(height, vote);
    }

    /// Which of these it has accepted in this ballot and knows to be durable, and whether there are others that
    /// it has accepted.
    pub(super) fn accepted_of(&self, ballot: Ballot, values: &[Value]) -> (Vec<ValueDigest>, bool) {
        let votes = values.iter().filter_map(|value| {
            let vote = self.accepted.get(&value.height)?;
            (vote.ballot == ballot).then_some((value, vote.durable))
        });
        let (durable, pending): (Vec<_>, Vec<_>) = votes.partition(|(_, durable)| *durable);
        let durable = durable.into_iter().map(|(value, _)| value.digest());
        (durable.collect(), !pending.is_empty())
    }

    /// What is up to here are blocks now.
    pub(super) fn forget_up_to(&mut self, certified: Height) {
        self.accepted = self.accepted.split_off(&certified.next());
        self.asked = self.asked.split_off(&certified.next());
    }
}
