//! Who a node is: the genesis document and the keys of its home, read and checked before anything runs.

use std::collections::BTreeMap;
use std::path::Path;

use quorate_crypto::keyfile::{self, Access};
use quorate_crypto::{Committee, Digest, Protocol, PublicKey, SigningKey, ValidatorIndex};
use quorate_genesis::Genesis;
use quorate_ledger::{GenesisState, Parameters, genesis_state};
use quorate_network::{Config as NetworkConfig, Limits, PeerConfig, PeerKey};

use crate::config::{Home, NodeConfig};
use crate::error::NodeError;
use crate::names::Names;

/// Votes of a peer that are taken in a second whatever the others send: those of sixty blocks or so. As many as four
/// seconds allow may come at once, which is more than a whole window's, said again.
const LEAST_VOTES: u32 = 250;

/// Whose a home is.
pub(crate) struct Identity {
    pub(crate) genesis: Genesis,
    pub(crate) genesis_text: String,
    pub(crate) committee: Committee,
    pub(crate) parameters: Parameters,
    pub(crate) names: Names,
    pub(crate) index: ValidatorIndex,
    pub(crate) validator_key: SigningKey,
    pub(crate) node_key: SigningKey,
}

impl Identity {
    pub(crate) fn read(home: &Home, access: Access<'_>) -> Result<Self, NodeError> {
        let (genesis, genesis_text) = read_genesis(home)?;
        let validator_key = read_key(&home.validator_key(), access)?;
        let node_key = read_key(&home.node_key(), access)?;
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
        let names: Vec<String> = genesis
            .validators()
            .map(|validator| validator.name.to_owned())
            .collect();
        let parameters = genesis.parameters().clone();
        Ok(Self {
            genesis,
            genesis_text,
            committee,
            parameters,
            names: names.into(),
            index,
            validator_key,
            node_key,
        })
    }

    pub(crate) fn network(&self) -> Digest {
        self.genesis.network_id()
    }

    pub(crate) fn genesis_state(&self) -> Result<GenesisState, NodeError> {
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

/// A home's genesis document, and its text.
pub(crate) fn read_genesis(home: &Home) -> Result<(Genesis, String), NodeError> {
    let path = home.genesis();
    let text = std::fs::read_to_string(&path).map_err(|source| NodeError::GenesisUnreadable {
        path: path.clone(),
        source,
    })?;
    let genesis = Genesis::parse(&text).map_err(|source| NodeError::Genesis {
        path,
        source: Box::new(source),
    })?;
    Ok((genesis, text))
}

fn read_key(path: &Path, access: Access<'_>) -> Result<SigningKey, NodeError> {
    // A key without a passphrase is read as such, whatever passphrase the other key has.
    let failed = |source| NodeError::Key {
        path: path.to_owned(),
        source,
    };
    let encrypted = keyfile::is_encrypted_with(path, access.groups).map_err(failed)?;
    let access = Access {
        passphrase: access.passphrase.filter(|_| encrypted),
        ..access
    };
    keyfile::read_with(path, access).map_err(failed)
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
            // Under Raft and Paxos a leader rightly says more than all others, and who follows hears hardly anybody
            // else: no rate holds there for a flood and not for a leader. Peers are taken in turn, and that is all.
            least_votes: (identity.committee.engine() == Protocol::Pbft).then_some(LEAST_VOTES),
            ..Limits::default()
        },
    })
}
