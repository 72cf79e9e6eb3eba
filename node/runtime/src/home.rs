//! What a home holds: genesis, keys and databases, read and checked before anything runs.

use std::collections::BTreeMap;
use std::path::Path;

use quorate_consensus::contract::{Config as EngineConfig, Timing};
use quorate_consensus::{Record, TimerRange};
use quorate_crypto::keyfile;
use quorate_crypto::{
    Certificate, Committee, Digest, Height, Protocol, PublicKey, SigningKey, ValidatorIndex,
};
use quorate_driver::{At, EntryNumber, Recovered, recovered};
use quorate_genesis::Genesis;
use quorate_ledger::{
    Agreement, GenesisState, Parameters, Rejoin, Seat, StateError, StateKey, StateTree, Tip, decode,
    genesis_state, read_agreement, read_value,
};
use quorate_network::{Config as NetworkConfig, Limits, PeerConfig, PeerKey};
use quorate_storage::{Chain, HomeLock, Journal, StorageError, StorageOptions};

use crate::config::{Home, NodeConfig};
use crate::error::NodeError;

/// Votes of a peer that are taken in a second whatever the others send: a few heights' in flight, said again.
const LEAST_VOTES: u32 = 1_000;
/// Bytes of one journal record: a vote that carries certificates is the largest.
const MAX_RECORD_BYTES: usize = 8 << 20;

/// What a home holds, read and checked.
pub(crate) struct Identity {
    pub(crate) genesis: Genesis,
    pub(crate) genesis_text: String,
    pub(crate) committee: Committee,
    pub(crate) parameters: Parameters,
    pub(crate) names: Vec<String>,
    pub(crate) index: ValidatorIndex,
    pub(crate) validator_key: SigningKey,
    pub(crate) node_key: SigningKey,
}

impl Identity {
    pub(crate) fn read(home: &Home, passphrase: Option<&str>) -> Result<Self, NodeError> {
        let path = home.genesis();
        let genesis_text = std::fs::read_to_string(&path).map_err(|source| NodeError::GenesisUnreadable {
            path: path.clone(),
            source,
        })?;
        let genesis = Genesis::parse(&genesis_text).map_err(|source| NodeError::Genesis {
            path,
            source: Box::new(source),
        })?;
        let validator_key = read_key(&home.validator_key(), passphrase)?;
        let node_key = read_key(&home.node_key(), passphrase)?;
        let committee = genesis.committee();
        let key = validator_key.public();
        let index = committee.index_of(&key).ok_or(NodeError::NotAValidator { key })?;
        let own = genesis
            .validators()
            .nth(usize::from(index.0))
            .expect("the index is one of the committee's");
        if own.node_key != node_key.public() {
            return Err(NodeError::WrongNodeKey {
                name: own.name.to_owned(),
                got: node_key.public(),
                expected: own.node_key,
            });
        }
        let names = genesis
            .validators()
            .map(|validator| validator.name.to_owned())
            .collect();
        let parameters = genesis.parameters().clone();
        Ok(Self {
            genesis,
            genesis_text,
            committee,
            parameters,
            names,
            index,
            validator_key,
            node_key,
        })
    }

    pub(crate) fn network(&self) -> Digest {
        self.genesis.network_id()
    }

    fn genesis_state(&self) -> Result<GenesisState, NodeError> {
        let initial = self.genesis.initial_state();
        genesis_state(
            &initial.assets,
            &initial.balances,
            &self.parameters,
            &initial.committee,
        )
        .map_err(|error| NodeError::GenesisState {
            reason: error.to_string(),
        })
    }

    pub(crate) fn peer_key(key: PublicKey) -> PeerKey {
        PeerKey(*key.as_bytes())
    }
}

fn read_key(path: &Path, passphrase: Option<&str>) -> Result<SigningKey, NodeError> {
    // A key without a passphrase is read as such, whatever passphrase the other key has.
    let failed = |source| NodeError::Key {
        path: path.to_owned(),
        source,
    };
    let encrypted = keyfile::is_encrypted(path).map_err(failed)?;
    keyfile::read(path, passphrase.filter(|_| encrypted)).map_err(failed)
}

pub(crate) fn open_chain(
    home: &Home,
    identity: &Identity,
    config: &NodeConfig,
) -> Result<(Chain, StateTree), NodeError> {
    let options = StorageOptions {
        cache_bytes: config.storage.cache_mib << 20,
        ..StorageOptions::default()
    };
    let genesis = identity.genesis_state()?;
    let network = identity.network();
    let chain = if home.chain().join("CURRENT").exists() {
        Chain::open(home.chain(), network, &options)?
    } else {
        let tip = Tip::genesis(network, identity.genesis.time(), genesis.root);
        Chain::create(home.chain(), &genesis, &tip, &options)?
    };
    let tree = chain.load_state_tree()?;
    if chain.tip().height == Height::GENESIS && chain.state_root() != genesis.root {
        return Err(NodeError::WrongGenesisState {
            stored: chain.state_root(),
            expected: genesis.root,
        });
    }
    Ok((chain, tree))
}

/// What a check of a home found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// The network's id.
    pub network: Digest,
    /// The validator's name.
    pub validator: String,
    /// The certified height on disk.
    pub height: Height,
    /// The hash of the block there.
    pub block_hash: Digest,
    /// The state root, which the stored values give again.
    pub state_root: Digest,
    /// Values in the state.
    pub state_values: usize,
}

/// Checks a home without starting a node: configuration, genesis, keys, and that the stored state has
/// the root in the stored tip.
pub fn check(home: &Home, config: &NodeConfig, passphrase: Option<&str>) -> Result<CheckReport, NodeError> {
    let _lock = HomeLock::acquire(home.path())?;
    let identity = Identity::read(home, passphrase)?;
    let (chain, tree) = open_chain(home, &identity, config)?;
    let tip = chain.tip();
    Ok(CheckReport {
        network: identity.network(),
        validator: identity.names[usize::from(identity.index.0)].clone(),
        height: tip.height,
        block_hash: tip.block_hash,
        state_root: tip.state_root,
        state_values: tree.len(),
    })
}

/// Reads the journal and sorts it out for the driver. Votes that never left, because their batches were not on
/// disk, are removed from it for good before anything else is said in their place.
pub(crate) fn read_journal(
    journal: &Journal,
    chain: At,
    is_durable: impl Fn(&Digest) -> bool,
) -> Result<Recovered, NodeError> {
    let mut found = Vec::new();
    for entry in journal.replay() {
        let (number, bytes) = entry?;
        let record: Record = decode(&bytes, MAX_RECORD_BYTES).map_err(|error| NodeError::Journal {
            reason: format!("entry {number}: {error}"),
        })?;
        found.push((EntryNumber(number), record));
    }
    let next = EntryNumber(journal.next_sequence());
    let recovered = recovered(found, next, chain, is_durable);
    if !recovered.remove.is_empty() {
        tracing::warn!(
            votes = recovered.remove.len(),
            "votes whose batches a crash has lost never left; they are removed"
        );
        let gone: Vec<u64> = recovered.remove.iter().map(|number| number.0).collect();
        journal.remove(&gone)?;
        journal.sync()?;
    }
    Ok(recovered)
}

pub(crate) fn network_config(identity: &Identity, config: &NodeConfig) -> Result<NetworkConfig, NodeError> {
    let mut addresses: BTreeMap<&str, Vec<String>> = identity
        .genesis
        .validators()
        .map(|validator| (validator.name, Vec::new()))
        .collect();
    for peer in &config.network.peers {
        let known = addresses
            .get_mut(peer.name.as_str())
            .ok_or_else(|| NodeError::UnknownPeer {
                name: peer.name.clone(),
            })?;
        known.push(peer.address.clone());
    }
    let peers = identity.genesis.validators().map(|validator| {
        let mut found = addresses.remove(validator.name).unwrap_or_default();
        found.extend(validator.addresses.iter().cloned());
        PeerConfig {
            key: Identity::peer_key(validator.node_key),
            name: validator.name.to_owned(),
            addresses: found,
        }
    });
    let peers = peers.collect();
    Ok(NetworkConfig {
        identity: identity.node_key.seed(),
        listen: config.network.listen.clone(),
        external: config.network.external.clone(),
        peers,
        network: identity.network().0,
        protocol_version: identity.committee.protocol_version(),
        software: format!("quorate/{}", env!("CARGO_PKG_VERSION")),
        mdns: config.network.mdns,
        kademlia: config.network.kademlia,
        limits: Limits {
            // Who trusts the others' machines not to lie has a leader that says more than anybody else.
            least_votes: (identity.committee.engine() == Protocol::Pbft).then_some(LEAST_VOTES),
            ..Limits::default()
        },
    })
}

/// The epoch that the chain is in, and this validator's seat.
pub(crate) fn agreement_of(
    chain: &Chain,
    validator: &PublicKey,
) -> Result<(Agreement, Option<Rejoin>), NodeError> {
    let reader = chain.reader();
    let damaged = |error: StateError<StorageError>| match error {
        StateError::Read(error) => NodeError::from(error),
        damaged @ StateError::Damaged { .. } => NodeError::GenesisState {
            reason: damaged.to_string(),
        },
    };
    let agreement = read_agreement(&reader).map_err(damaged)?;
    let seat: Option<Seat> = read_value(&reader, &StateKey::seat(validator)).map_err(damaged)?;
    Ok((agreement, seat.and_then(|seat| seat.v1().rejoin)))
}

/// The certificate of the chain's tip, which an engine starts with, unless the tip is of the epoch before.
pub(crate) fn tip_certificate(
    chain: &Chain,
    agreement: &Agreement,
) -> Result<(Height, Option<Certificate>), NodeError> {
    let snapshot = chain.snapshot()?;
    let certified = snapshot.height();
    let certificate = match certified >= agreement.v1().first {
        true => snapshot.certificate(certified)?,
        false => None,
    };
    Ok((certified, certificate))
}

/// What an engine of an epoch is told that begins at this certified height.
pub(crate) fn engine_config(
    network: Digest,
    parameters: &Parameters,
    config: &NodeConfig,
    agreement: &Agreement,
    (certified, certificate): (Height, Option<Certificate>),
    index: Option<ValidatorIndex>,
) -> EngineConfig {
    let epoch_start = Height(agreement.v1().first.0.saturating_sub(1));
    let mut nonce = [0; 32];
    getrandom::fill(&mut nonce).expect("the operating system's random source works");
    let around = |ms: u32| TimerRange {
        from_ms: ms - ms / 5,
        to_ms: ms + ms / 5,
    };
    EngineConfig {
        network,
        committee: agreement.committee(),
        index,
        parameters: parameters.clone(),
        epoch_start,
        epoch_end: agreement.v1().last,
        certified,
        certificate,
        inquiry: Some(Digest(nonce)),
        timing: Timing {
            resend: around(config.consensus.resend_ms.max(10)),
            progress: around(config.consensus.progress_ms.max(100)),
            progress_cap_ms: 60_000,
            heartbeat: around((config.consensus.progress_ms / 2).max(50)),
            election: TimerRange {
                from_ms: config.consensus.election_ms.max(50),
                to_ms: config.consensus.election_ms.max(50).saturating_mul(2),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use quorate_consensus::{Body, Message, pbft};
    use quorate_crypto::{Epoch, Signature};
    use quorate_ledger::{GenesisCommittee, GenesisValidator, Proposal, Timestamp, encode};

    use super::*;

    fn at(certified: u64, epoch: u64) -> At {
        At {
            epoch: Epoch(epoch),
            certified: Height(certified),
        }
    }

    fn message(sender: u16, body: pbft::Body) -> Message {
        Message::new(
            Epoch(0),
            ValidatorIndex(sender),
            Body::Pbft(body),
            Signature([0; 64]),
        )
    }

    #[test]
    fn pitfall_27_each_epochs_engine_asks_what_it_signed_under_a_nonce_of_its_own() {
        // The epoch in which a quarantine ends included: its file may be of a backup.
        let (network, key) = (Digest([1; 32]), SigningKey::from_seed(&[1; 32]).public());
        let parameters = Parameters::default();
        let seats = GenesisCommittee {
            engine: quorate_crypto::Protocol::Pbft,
            protocol_version: 1,
            validators: vec![GenesisValidator {
                key,
                member: key.address(),
            }],
        };
        let genesis = genesis_state(&[], &[], &parameters, &seats).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let tip = Tip::genesis(network, Timestamp(1), genesis.root);
        let options = StorageOptions::default();
        let chain = Chain::create(folder.path().join("chain"), &genesis, &tip, &options).unwrap();
        let (agreement, _) = agreement_of(&chain, &key).unwrap();
        let (config, index) = (NodeConfig::default(), Some(ValidatorIndex(0)));
        let nonce = || {
            let config = engine_config(
                network,
                &parameters,
                &config,
                &agreement,
                (Height(0), None),
                index,
            );
            config.inquiry.unwrap()
        };
        assert_ne!(nonce(), nonce());
    }

    #[test]
    fn votes_whose_batches_were_lost_are_removed_for_good() {
        let folder = tempfile::tempdir().unwrap();
        let options = StorageOptions::journal();
        let journal = Journal::open(folder.path().join("journal"), Digest([1; 32]), &options).unwrap();
        let (view, height) = (pbft::View(0), Height(1));
        let proposal = Proposal::new(Timestamp(5), vec![Digest([7; 32])]);
        let digest = proposal.digest();
        let accepted = Record::Accepted(message(
            0,
            pbft::Body::PrePrepare {
                view,
                height,
                proposal,
            },
        ));
        let prepare = Record::Own(message(
            1,
            pbft::Body::Prepare {
                view,
                height,
                proposal: digest,
            },
        ));
        journal.append(&[encode(&accepted), encode(&prepare)]).unwrap();
        journal.sync().unwrap();

        let lost = read_journal(&journal, at(0, 0), |_| false).unwrap();
        assert_eq!(lost.records, std::slice::from_ref(&accepted));
        // The batch turns up after all: the vote that never left must not come back.
        let found = read_journal(&journal, at(0, 0), |_| true).unwrap();
        assert_eq!(found.records, [accepted]);
        assert_eq!(found.entries.len(), 1);
    }

    #[test]
    fn a_journal_of_a_later_epoch_than_its_chain_binds_a_validator_to_silence() {
        let folder = tempfile::tempdir().unwrap();
        let options = StorageOptions::journal();
        let journal = Journal::open(folder.path().join("journal"), Digest([1; 32]), &options).unwrap();
        let complaint = || message(1, pbft::Body::Complaint { view: pbft::View(0) });
        journal.append(&[encode(&Record::Own(complaint()))]).unwrap();
        journal.sync().unwrap();
        let behind = read_journal(&journal, at(0, 0), |_| true).unwrap();
        assert!(!behind.is_ahead);
        // The same record is one of a former epoch once the chain has moved on.
        let moved_on = read_journal(&journal, at(9, 1), |_| true).unwrap();
        assert_eq!((moved_on.is_ahead, moved_on.records.len()), (false, 0));

        let Message::V1(mut later) = complaint();
        later.epoch = Epoch(1);
        journal
            .append(&[encode(&Record::Own(Message::V1(later)))])
            .unwrap();
        journal.sync().unwrap();
        let ahead = read_journal(&journal, at(0, 0), |_| true).unwrap();
        assert_eq!((ahead.is_ahead, ahead.records.len()), (true, 0));
    }
}
