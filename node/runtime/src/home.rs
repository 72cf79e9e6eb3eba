//! Who a node is: the genesis document and the keys of its home, read and checked before anything runs.

use std::collections::BTreeMap;
use std::path::Path;

use quorate_crypto::keyfile::{self, Access, KeyFileError};
use quorate_crypto::{Committee, Digest, Engine, PublicKey, SigningKey, ValidatorIndex};
use quorate_genesis::{Genesis, ValidatorInfo};
use quorate_ledger::{GenesisState, Parameters};
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
        let own = own_of(&genesis, index);
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
        self.genesis.id()
    }

    pub(crate) fn genesis_state(&self) -> GenesisState {
        self.genesis.state()
    }

    /// The witness key, which a node agrees without: it is there, may be used, and is the one that this validator joined
    /// with.
    pub(crate) fn witness_key(&self, home: &Home, access: Access<'_>) -> Result<SigningKey, NodeError> {
        let (own, path) = (self.own(), home.witness_key());
        let key = match read_key(&path, access) {
            Err(NodeError::Key {
                source: KeyFileError::NotFound { .. },
                ..
            }) => {
                let name = own.name.to_owned();
                return Err(NodeError::NoWitnessKey { path, name });
            }
            read => read?,
        };
        if own.witness_key == key.public() {
            return Ok(key);
        }
        Err(NodeError::WrongWitnessKey {
            name: own.name.to_owned(),
            got: key.public(),
            expected: own.witness_key,
        })
    }

    /// What the genesis document says of this validator.
    pub(crate) fn own(&self) -> ValidatorInfo<'_> {
        own_of(&self.genesis, self.index)
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

fn own_of(genesis: &Genesis, index: ValidatorIndex) -> ValidatorInfo<'_> {
    let mut validators = genesis.validators();
    let own = validators.nth(usize::from(index.0));
    own.expect("the index is one of the committee's")
}

/// What is wrong with a validator's witness key, as far as its file tells whoever has no passphrase; none if nothing
/// shows. A file that may not be read is for `node check` to judge, which knows who may.
pub(crate) fn witness_problem(path: &Path, own: &ValidatorInfo<'_>) -> Option<String> {
    if let Err(KeyFileError::NotFound { .. }) = keyfile::look(path, &[]) {
        return Some(format!("the witness key {} is missing", path.display()));
    }
    let got = public_key_at(path, &[]).filter(|got| *got != own.witness_key)?;
    Some(format!(
        "the witness key {} is {got}, and validator {} joined with {}",
        path.display(),
        own.name,
        own.witness_key
    ))
}

/// The public key of a key file, if the file tells it to whoever has no passphrase.
pub(crate) fn public_key_at(path: &Path, groups: &[u32]) -> Option<PublicKey> {
    match keyfile::look(path, groups).ok()? {
        (true, told) => told,
        (false, _) => {
            let access = Access {
                passphrase: None,
                groups,
            };
            Some(keyfile::read_with(path, access).ok()?.public())
        }
    }
}

fn read_key(path: &Path, access: Access<'_>) -> Result<SigningKey, NodeError> {
    // A key without a passphrase is read as such, whatever passphrase the other keys have.
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
        protocols: quorate_ledger::PROTOCOLS.collect(),
        software: format!("quorate/{}", env!("CARGO_PKG_VERSION")),
        mdns: config.network.mdns,
        kademlia: config.network.kademlia,
        limits: Limits {
            // Under Raft and Paxos a leader rightly says more than all others, and who follows hears hardly anybody
            // else: no rate holds there for a flood and not for a leader. Peers are taken in turn, and that is all.
            least_votes: (identity.committee.engine() == Engine::Pbft).then_some(LEAST_VOTES),
            ..Limits::default()
        },
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use quorate_crypto::ClientSigningKey;
    use quorate_genesis::{Draft, DraftV1, Join, JoinKeys};
    use quorate_ledger::{Rules, Timestamp};
    use tempfile::TempDir;

    use super::*;
    use crate::diagnosis::probe_witness;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    /// A home of the only validator of a network, whose keys have the seeds 2, 3 and 4, without its witness key.
    fn home() -> (TempDir, Home) {
        let draft = Draft::V1(DraftV1 {
            network: "home".to_owned(),
            engine: Engine::Pbft,
            time: Timestamp(1_700_000_000_000),
            members: vec!["alpha".to_owned()],
            parameters: Parameters::default(),
            rules: Rules::default(),
            assets: Vec::new(),
            accounts: Vec::new(),
            grants: Vec::new(),
        });
        let keys = JoinKeys {
            validator: &key(2),
            node: &key(3),
            witness: &key(4),
            account: &ClientSigningKey::from_ed25519(key(5)),
            signers: None,
            administrators: &[],
        };
        let join = Join::sign(&draft, "alpha", keys, Vec::new()).unwrap();
        let (text, _) = Genesis::assemble(&draft.to_toml(), &[&join.to_toml()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        fs::write(home.genesis(), text).unwrap();
        keyfile::create(&home.validator_key(), &key(2), None).unwrap();
        keyfile::create(&home.node_key(), &key(3), None).unwrap();
        (folder, home)
    }

    fn check(home: &Home) -> Result<(), NodeError> {
        let access = Access::default();
        let identity = Identity::read(home, access).unwrap();
        identity.witness_key(home, access).map(drop)
    }

    fn told(home: &Home) -> Option<String> {
        probe_witness(home).map(|finding| finding.what)
    }

    #[test]
    fn a_witness_key_that_is_missing_or_anothers_is_told_and_keeps_no_node_from_starting() {
        let (_folder, home) = home();
        let missing = check(&home).unwrap_err();
        assert!(
            missing.to_string().contains("witness.key is not there"),
            "{missing}"
        );
        assert_eq!(missing.exit_code(), 7);
        assert!(told(&home).unwrap().ends_with("is missing"));

        keyfile::create(&home.witness_key(), &key(6), None).unwrap();
        let other = check(&home).unwrap_err();
        assert!(matches!(other, NodeError::WrongWitnessKey { .. }), "{other}");
        let what = told(&home).unwrap();
        assert!(what.contains(&key(6).public().to_string()), "{what}");
        assert!(
            what.ends_with(&format!("joined with {}", key(4).public())),
            "{what}"
        );

        fs::remove_file(home.witness_key()).unwrap();
        keyfile::create(&home.witness_key(), &key(4), None).unwrap();
        check(&home).unwrap();
        assert_eq!(told(&home), None);
    }

    #[test]
    fn an_encrypted_witness_key_is_known_without_its_passphrase() {
        let (_folder, home) = home();
        keyfile::create(&home.witness_key(), &key(6), Some("secret")).unwrap();
        assert!(told(&home).is_some());
        fs::remove_file(home.witness_key()).unwrap();
        keyfile::create(&home.witness_key(), &key(4), Some("secret")).unwrap();
        assert_eq!(told(&home), None);
        assert_eq!(check(&home).unwrap_err().exit_code(), 8);
    }

    #[test]
    fn a_witness_key_that_others_may_use_is_refused_by_the_check() {
        let (_folder, home) = home();
        keyfile::create(&home.witness_key(), &key(4), None).unwrap();
        fs::set_permissions(home.witness_key(), Permissions::from_mode(0o644)).unwrap();
        assert_eq!(check(&home).unwrap_err().exit_code(), 8);
    }
}
