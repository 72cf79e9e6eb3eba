//! Facts in the ledger's types, shaped into the JSON documents of the schema.

use quorate_client::schema as json;
use quorate_ledger::{Digest, Epoch};

use crate::facts::{
    EpochFacts, EvidenceFacts, MemberFacts, NetworkFacts, PeerFacts, StatusFacts, ValidatorFacts,
};

/// What names the network and its validators: little, and kept while the epoch lasts.
pub(crate) struct Names {
    pub(crate) network: Digest,
    pub(crate) name: String,
    pub(crate) epochs: Vec<EpochFacts>,
}

impl Names {
    pub(crate) fn of(facts: NetworkFacts) -> Self {
        Self {
            network: facts.network,
            name: facts.name,
            epochs: facts.epochs,
        }
    }

    /// The epoch in force.
    pub(crate) fn epoch(&self) -> Option<Epoch> {
        self.epochs.last().map(|facts| facts.committee.epoch())
    }
}

pub(crate) fn status(facts: StatusFacts, names: &Names) -> json::Status {
    json::Status {
        network: names.network,
        network_name: names.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        validator: facts.validator,
        consensus: facts.consensus,
        epoch: facts.epoch,
        view: facts.view,
        primary: facts.primary,
        height: facts.tip.height,
        block_hash: facts.tip.hash,
        state_root: facts.tip.state_root,
        timestamp: facts.tip.timestamp,
        syncing: facts.syncing,
        does_not_vote: facts.does_not_vote,
        asking: facts.asking,
        observing: facts.observing,
        no_quorum_left: facts.no_quorum_left,
        peers: count(facts.peers),
        pending_transactions: count(facts.pending_transactions),
        transactions: facts.transactions,
    }
}

pub(crate) fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}

/// The network; none if the node names no epoch.
pub(crate) fn network(facts: NetworkFacts) -> Option<json::Network> {
    let epoch_view = |epoch: &EpochFacts| json::EpochView {
        epoch: epoch.committee.epoch(),
        first_height: epoch.first,
        committee: epoch.committee.digest(),
        engine: epoch.committee.engine(),
        protocol_version: epoch.committee.protocol_version(),
        validators: epoch
            .committee
            .indices()
            .filter_map(|index| epoch.committee.key(index).copied())
            .collect(),
    };
    let committee = facts.epochs.last().map(committee)?;
    Some(json::Network {
        network: facts.network,
        name: facts.name,
        genesis: facts.genesis,
        parameters: facts.parameters.v1().into(),
        slowness: facts.slowness,
        committee,
        epochs: facts.epochs.iter().map(epoch_view).collect(),
    })
}

fn committee(facts: &EpochFacts) -> json::CommitteeView {
    let committee = &facts.committee;
    let keys = committee.indices().filter_map(|index| committee.key(index));
    json::CommitteeView {
        hash: committee.digest(),
        epoch: committee.epoch(),
        engine: committee.engine(),
        protocol_version: committee.protocol_version(),
        quorum: count(committee.quorum()),
        faults: count(committee.faults()),
        validators: keys
            .zip(&facts.names)
            .map(|(key, name)| json::CommitteeMember {
                name: name.clone(),
                key: *key,
            })
            .collect(),
    }
}

pub(crate) fn validator(facts: ValidatorFacts) -> json::Validator {
    json::Validator {
        index: facts.index,
        name: facts.name,
        key: facts.key,
        primary: facts.primary,
        last_seal: facts.last_seal,
        votes: facts.voting != json::VotingView::No,
        voting: facts.voting,
        connected: facts.connected,
    }
}

pub(crate) fn peer(facts: PeerFacts) -> json::Peer {
    json::Peer {
        name: facts.name,
        peer: facts.peer,
        address: facts.address,
        connected: facts.connected,
        height: facts.height,
        round_trip_us: facts.round_trip_us,
    }
}

pub(crate) fn evidence(facts: &EvidenceFacts) -> json::Evidence {
    json::Evidence {
        validator: facts.validator.clone(),
        epoch: facts.epoch,
        kind: facts.kind.clone(),
        height: facts.height,
        view: facts.view,
        messages: facts.messages.iter().map(hex::encode).collect(),
    }
}

pub(crate) fn member(facts: MemberFacts) -> json::Member {
    json::Member {
        name: facts.name,
        key: facts.key,
        validators: facts.validators,
    }
}
