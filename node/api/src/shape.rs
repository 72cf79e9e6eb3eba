//! Facts in the ledger's types, shaped into the JSON documents of the schema.

use quorate_client::schema as json;
use quorate_client::schema::TransactionStatus;
use quorate_ledger::{Digest, Epoch, Height, Outcome, Timestamp, Transaction, ValidatorIndex};

use crate::facts::{
    AccountFacts, AssetFacts, BlockFacts, EpochFacts, EvidenceFacts, MemberFacts, NetworkFacts, PeerFacts,
    PendingFacts, RecordFacts, StatusFacts, TransactionFacts, ValidatorFacts,
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

    /// The validator's name in the epoch, or its index where the epoch is not known.
    pub(crate) fn validator(&self, epoch: Epoch, index: ValidatorIndex) -> String {
        let epoch = self.epochs.iter().find(|facts| facts.committee.epoch() == epoch);
        let name = epoch.and_then(|facts| facts.names.get(usize::from(index.0)));
        name.cloned().unwrap_or_else(|| format!("#{index}"))
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

pub(crate) fn block(facts: &BlockFacts, transactions: Vec<Digest>, names: &Names) -> json::Block {
    let header = facts.header.v1();
    let seal = |seal: &quorate_crypto::Seal| json::SealView {
        validator: names.validator(header.epoch, seal.validator),
        signature: seal.signature,
    };
    json::Block {
        network: header.network,
        height: header.height,
        hash: facts.hash,
        previous: header.previous,
        chain_root: header.chain_root,
        proposal: header.proposal,
        next_committee: header.next_committee,
        epoch: header.epoch,
        timestamp: header.timestamp,
        transactions_root: header.transactions_root,
        receipts_root: header.receipts_root,
        state_root: header.state_root,
        transaction_count: header.transaction_count,
        transactions,
        seals: facts.certificate.seals().iter().map(seal).collect(),
    }
}

pub(crate) fn transaction(facts: &TransactionFacts) -> json::Transaction {
    let place = (facts.height, facts.index, facts.timestamp);
    let (status, reason) = match facts.outcome {
        Outcome::Success => (TransactionStatus::Committed, None),
        Outcome::Failed { code, operation } => (TransactionStatus::Failed, Some((code, operation))),
    };
    json::Transaction {
        code: reason.map(|(code, _)| code.name().to_owned()),
        error: reason.map(|(code, _)| code.to_string()),
        failed_operation: reason.map(|(_, operation)| operation),
        ..unplaced(facts.id, &facts.transaction, status, Some(place))
    }
}

pub(crate) fn pending(facts: &PendingFacts) -> json::Transaction {
    let status = if facts.expired {
        TransactionStatus::Expired
    } else {
        TransactionStatus::Pending
    };
    unplaced(facts.id, &facts.transaction, status, None)
}

fn unplaced(
    id: Digest,
    transaction: &Transaction,
    status: TransactionStatus,
    place: Option<(Height, u32, Timestamp)>,
) -> json::Transaction {
    let intent = transaction.intent();
    let signatures = transaction.signatures().iter();
    json::Transaction {
        id,
        status,
        height: place.map(|(height, _, _)| height),
        index: place.map(|(_, index, _)| index),
        timestamp: place.map(|(_, _, timestamp)| timestamp),
        sender: intent.sender,
        expires_at: intent.expires_at,
        salt: intent.salt,
        operations: intent.operations.iter().map(Into::into).collect(),
        memo: intent.memo.clone(),
        signatures: signatures
            .map(|signature| json::SignatureView {
                key: signature.key,
                signature: signature.signature,
            })
            .collect(),
        code: None,
        error: None,
        failed_operation: None,
        number: None,
    }
}

pub(crate) fn account(address: quorate_ledger::Address, facts: AccountFacts) -> json::Account {
    let balance = |(asset, amount)| json::Balance { asset, amount };
    let (threshold, signers) = match facts.signers {
        Some(signers) => (
            signers.threshold,
            signers.signers.iter().map(Into::into).collect(),
        ),
        None => (1, Vec::new()),
    };
    json::Account {
        address,
        balances: facts.balances.into_iter().map(balance).collect(),
        signers,
        threshold,
        roles: Vec::new(),
        frozen: false,
        transactions: facts.transactions,
        history: facts.history,
    }
}

pub(crate) fn asset(facts: AssetFacts) -> json::Asset {
    json::Asset {
        code: facts.code,
        decimals: facts.decimals,
        issuer: facts.issuer,
        supply: facts.supply,
        description: facts.description,
    }
}

pub(crate) fn record(sha256: Digest, facts: RecordFacts) -> json::DocumentRecord {
    json::DocumentRecord {
        sha256,
        sender: facts.sender,
        height: facts.place.height,
        index: facts.place.index,
        operation: facts.place.operation,
        transaction: facts.transaction,
        timestamp: facts.timestamp,
        label: facts.label,
        metadata: facts.metadata,
    }
}
