//! Who a node is: the genesis document and the keys of its home, read and checked before anything runs.

use std::path::Path;
use std::sync::Arc;

use quorate_crypto::keyfile::{self, Access, KeyFileError};
use quorate_crypto::{Digest, Engine, PublicKey, SigningKey};
use quorate_genesis::Genesis;
use quorate_ledger::GenesisState;
use quorate_network::{Config as NetworkConfig, Limits, PeerConfig};

use crate::config::{Home, NodeConfig};
use crate::epoch::EpochInfo;
use crate::error::NodeError;
use crate::keyring::Keyring;
use crate::roster::{Roster, RosterSource, peer_key};

/// Votes of a peer that are taken in a second whatever the others send: those of sixty blocks or so. As many as four
/// seconds allow may come at once, which is more than a whole window's, said again.
const LEAST_VOTES: u32 = 250;

/// Whose a home is.
pub(crate) struct Identity {
    pub(crate) genesis: Genesis,
    pub(crate) genesis_text: String,
    pub(crate) keys: Arc<Keyring>,
    /// The node's key, and the one that it has from a coming epoch on, if that is there already.
    node_keys: (SigningKey, Option<SigningKey>),
}

impl Identity {
    pub(crate) fn read(home: &Home, access: Access<'_>) -> Result<Self, NodeError> {
        let (genesis, genesis_text) = read_genesis(home)?;
        let keys = Arc::new(Keyring::read(home, access)?);
        let node_key = read_key(&home.node_key(), access)?;
        let next = unless_missing(read_key(&home.next_node_key(), access))?;
        Ok(Self {
            genesis,
            genesis_text,
            keys,
            node_keys: (node_key, next),
        })
    }

    pub(crate) fn network(&self) -> Digest {
        self.genesis.id()
    }

    pub(crate) fn genesis_state(&self) -> GenesisState {
        self.genesis.state()
    }

    /// What says who takes part after a block.
    pub(crate) fn rosters(&self) -> RosterSource {
        let nodes = self.genesis.validators().map(|validator| validator.node_key);
        RosterSource::new(nodes.collect(), Arc::clone(&self.keys))
    }

    /// The node key: of the two of the home the one that this validator's seat has now, or one that stands for the seat
    /// besides. A node that has no seat may have any.
    pub(crate) fn node_key(&self, roster: &Roster) -> Result<&SigningKey, NodeError> {
        let (own, next) = &self.node_keys;
        let (Some(index), Some(seat)) = (roster.own, roster.own_seat()) else {
            return Ok(own);
        };
        let both = || [Some(own), next.as_ref()].into_iter().flatten();
        let stands = |key: &&SigningKey| roster.index_of(&peer_key(key.public())) == Some(index);
        let found = both().find(|key| key.public() == seat.node);
        found
            .or_else(|| both().find(stands))
            .ok_or_else(|| NodeError::WrongNodeKey {
                name: roster.names.of(index),
                got: own.public(),
                expected: seat.node,
            })
    }

    /// The witness key, which a node agrees without: it is there, may be used, and is the one that this validator's seat
    /// has. The one in `HOME/next` counts if the seat has that.
    pub(crate) fn witness_key(
        &self,
        home: &Home,
        access: Access<'_>,
        roster: &Roster,
    ) -> Result<SigningKey, NodeError> {
        let path = home.witness_key();
        let Some(key) = unless_missing(read_key(&path, access))? else {
            return Err(NodeError::NoWitnessKey {
                path,
                name: roster.own_name(),
            });
        };
        let Some(seat) = roster.own_seat() else {
            return Ok(key);
        };
        if seat.witness == key.public() {
            return Ok(key);
        }
        let next = unless_missing(read_key(&home.next_witness_key(), access))?;
        let next = next.filter(|next| next.public() == seat.witness);
        next.ok_or_else(|| NodeError::WrongWitnessKey {
            name: roster.own_name(),
            got: key.public(),
            expected: seat.witness,
        })
    }
}

/// A key that need not be there.
fn unless_missing(read: Result<SigningKey, NodeError>) -> Result<Option<SigningKey>, NodeError> {
    match read {
        Err(NodeError::Key {
            source: KeyFileError::NotFound { .. },
            ..
        }) => Ok(None),
        read => read.map(Some),
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

/// What is wrong with a validator's witness key, as far as its file tells whoever has no passphrase; none if nothing
/// shows. A file that may not be read is for `node check` to judge, which knows who may.
pub(crate) fn witness_problem(path: &Path, name: &str, expected: PublicKey) -> Option<String> {
    if let Err(KeyFileError::NotFound { .. }) = keyfile::look(path, &[]) {
        return Some(format!("the witness key {} is missing", path.display()));
    }
    let got = public_key_at(path, &[]).filter(|got| *got != expected)?;
    Some(format!(
        "the witness key {} is {got}, and validator {name} joined with {expected}",
        path.display()
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

pub(crate) fn read_key(path: &Path, access: Access<'_>) -> Result<SigningKey, NodeError> {
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

/// What of its votes is taken of each validator in a second at least, by the engine of an epoch.
pub(crate) fn least_votes(engine: Engine) -> Option<u32> {
    // Under Raft and Paxos a leader rightly says more than all others, and who follows hears hardly anybody else: no
    // rate holds there for a flood and not for a leader. Peers are taken in turn, and that is all.
    (engine == Engine::Pbft).then_some(LEAST_VOTES)
}

pub(crate) fn network_config(
    identity: &Identity,
    config: &NodeConfig,
    info: &EpochInfo,
    peers: Vec<PeerConfig>,
) -> Result<NetworkConfig, NodeError> {
    Ok(NetworkConfig {
        identity: identity.node_key(&info.now)?.seed(),
        listen: config.network.listen.clone(),
        external: config.network.external.clone(),
        peers,
        network: identity.network().0,
        protocols: quorate_ledger::PROTOCOLS.collect(),
        software: format!("quorate/{}", env!("CARGO_PKG_VERSION")),
        mdns: config.network.mdns,
        kademlia: config.network.kademlia,
        limits: Limits {
            least_votes: least_votes(info.committee().engine()),
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
    use quorate_ledger::{Parameters, Rules, Timestamp};
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
        identity
            .witness_key(home, access, &roster_of(&identity))
            .map(drop)
    }

    /// The network's first epoch.
    fn roster_of(identity: &Identity) -> Roster {
        let committee = identity.genesis.committee();
        let own = identity.keys.place_in(&committee);
        Roster::of(committee, own, Parameters::default())
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

    #[test]
    fn the_node_key_in_next_is_taken_once_the_seat_has_it_and_before_that_the_old_one() {
        let (_folder, home) = home();
        fs::create_dir(home.path().join("next")).unwrap();
        keyfile::create(&home.next_node_key(), &key(13), None).unwrap();
        let identity = Identity::read(&home, Access::default()).unwrap();
        let roster = roster_of(&identity);
        assert_eq!(identity.node_key(&roster).unwrap().public(), key(3).public());

        let with_node = |node: u8| {
            let quorate_crypto::Committee::V1(mut committee) = roster.committee.clone();
            committee.seats[0].node = key(node).public();
            let committee = quorate_crypto::Committee::V1(committee);
            Roster::of(committee, roster.own, Parameters::default())
        };
        assert_eq!(
            identity.node_key(&with_node(13)).unwrap().public(),
            key(13).public()
        );
        let error = identity.node_key(&with_node(23)).unwrap_err();
        assert!(matches!(error, NodeError::WrongNodeKey { .. }), "{error}");
    }

    #[test]
    fn a_home_whose_key_sits_nowhere_is_an_observers() {
        let (_folder, home) = home();
        fs::remove_file(home.validator_key()).unwrap();
        keyfile::create(&home.validator_key(), &key(42), None).unwrap();
        let identity = Identity::read(&home, Access::default()).unwrap();
        let roster = roster_of(&identity);
        assert_eq!(roster.own, None);
        assert_eq!(identity.node_key(&roster).unwrap().public(), key(3).public());
    }
}
