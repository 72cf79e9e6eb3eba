//! The executor on a real chain database, of a network of one validator: what comes from consensus and from
//! block sync in any order.

use std::sync::mpsc::sync_channel;

use quorate_crypto::{CertificateV1, Epoch, Protocol, Seal, SealContent, SigningKey, ValidatorIndex};
use quorate_ledger::{GenesisCommittee, GenesisValidator, Timestamp, genesis_state, value_hash};
use quorate_storage::StorageOptions;
use tempfile::TempDir;

use super::*;
use crate::batches::Rules;
use crate::config::NodeConfig;
use crate::disks::agreement_of;
use crate::inbox::{Outlet, inbox};

const NETWORK: Digest = Digest([7; 32]);

struct World {
    _folder: TempDir,
    executor: Executor,
    outlet: Outlet,
    key: SigningKey,
}

impl World {
    fn new() -> Self {
        let key = SigningKey::from_seed(&[1; 32]);
        let parameters = Parameters::default();
        let seats = GenesisCommittee {
            engine: Protocol::Pbft,
            protocol_version: 1,
            validators: vec![GenesisValidator {
                key: key.public(),
                member: key.public().address(),
            }],
        };
        let genesis = genesis_state(&[], &[], &parameters, &seats).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let tip = Tip::genesis(NETWORK, Timestamp(1_000), genesis.root);
        let options = StorageOptions::default();
        let chain = Chain::create(folder.path().join("chain"), &genesis, &tip, &options).unwrap();
        let chain = Arc::new(chain);
        let (agreement, _) = agreement_of(&chain, &key.public()).unwrap();
        let rules = Rules {
            network: NETWORK,
            committee: agreement.committee(),
            first: agreement.v1().first,
            parameters: parameters.clone(),
        };
        let values = genesis.changes.iter();
        let values = values.map(|(key, value)| (*key, value_hash(value.as_deref().unwrap())));
        let (inbox, outlet) = inbox();
        let parts = ExecutorSetup {
            batches: Arc::new(BatchStore::new(Arc::clone(&chain), rules, inbox.clone())),
            chain,
            state: Arc::default(),
            tree: StateTree::load(Height::GENESIS, values),
            tip,
            epoch: SharedEpoch::new(&agreement),
            parameters,
            inbox,
            validator: key.public(),
            pool: Arc::new(Pool::new(&NodeConfig::default().api)),
            own: Arc::default(),
            committed: Arc::new(Committed::new(Height::GENESIS, 0)),
        };
        Self {
            _folder: folder,
            executor: Executor::new(parts),
            outlet,
            key,
        }
    }

    /// Decides an empty block.
    fn decide(&mut self, height: u64) {
        let proposal = Proposal::new(Timestamp(1_000 + height), Vec::new());
        let height = Height(height);
        self.executor.on_command(Command::Execute { height, proposal });
    }

    /// The certificate of a block executed here.
    fn certificate(&self, height: u64) -> Certificate {
        let pending = self.executor.pending.iter();
        let mut tips = pending.map(|execution| &execution.tip);
        let tip = tips.find(|tip| tip.height == Height(height)).unwrap();
        let content = SealContent::new(NETWORK, Epoch(0), tip.height, tip.block_hash);
        Certificate::V1(CertificateV1 {
            epoch: Epoch(0),
            height: tip.height,
            block: tip.block_hash,
            seals: vec![Seal {
                validator: ValidatorIndex(0),
                signature: content.sign(&self.key),
            }],
        })
    }

    /// Certifies a block executed here.
    fn certify(&mut self, height: u64) {
        let certificate = self.certificate(height);
        self.executor.on_command(Command::Certify(certificate));
    }

    /// A certified block, as a peer sends it.
    fn block(&self, height: u64) -> VerifiedBlock {
        let snapshot = self.executor.parts.chain.snapshot().unwrap();
        VerifiedBlock {
            block: snapshot.certified_block(Height(height)).unwrap().unwrap(),
            batches: Vec::new(),
        }
    }

    fn apply(&mut self, block: VerifiedBlock) -> Result<(), ApplyError> {
        let (reply, answer) = sync_channel(1);
        self.executor.on_command(Command::Apply(Box::new(block), reply));
        answer.recv().unwrap()
    }

    /// What the core has heard since it was last asked, in a few words.
    fn heard(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.outlet.try_next())
            .map(|received| match received.notice {
                Notice::Event(Event::Executed { height, .. }) => format!("executed {height}"),
                Notice::Event(Event::Written { height, .. }) => format!("written {height}"),
                Notice::Event(Event::Synced { certificate, .. }) => {
                    format!("synced {}", certificate.height())
                }
                other => panic!("{other:?}"),
            })
            .collect()
    }
}

/// Another validator's executor, which has certified so many blocks.
fn ahead(blocks: u64) -> World {
    let mut world = World::new();
    for height in 1..=blocks {
        world.decide(height);
        world.certify(height);
    }
    world
}

#[test]
fn a_height_that_was_decided_above_a_gap_is_executed_once_block_sync_has_filled_it() {
    // A validator that was away decides with the others at once, and fetches what it missed. If its seal is
    // needed, nothing else happens until it has executed.
    let peer = ahead(2);
    let mut world = World::new();
    world.decide(2);
    assert_eq!(world.heard(), [""; 0]);
    world.apply(peer.block(1)).unwrap();
    assert_eq!(world.heard(), ["written 1", "synced 1", "executed 2"]);
    world.certify(2);
    assert_eq!(world.heard(), ["written 2"]);
    assert_eq!(world.executor.parts.chain.tip(), peer.executor.parts.chain.tip());
}

#[test]
fn a_certificate_that_came_before_its_block_is_used_once_block_sync_has_filled_the_gap() {
    let peer = ahead(3);
    let mut world = World::new();
    let second = peer.block(2).block.v1().certificate.clone();
    world.executor.on_command(Command::Certify(second));
    world.decide(2);
    world.decide(3);
    world.apply(peer.block(1)).unwrap();
    assert_eq!(
        world.heard(),
        ["written 1", "synced 1", "executed 2", "written 2", "executed 3"]
    );
}

#[test]
fn blocks_executed_here_and_certified_elsewhere_are_written_in_order() {
    let peer = ahead(2);
    let mut world = World::new();
    world.decide(2);
    world.decide(1);
    assert_eq!(world.heard(), ["executed 1", "executed 2"]);
    world.certify(2);
    assert_eq!(world.heard(), [""; 0]);
    world.apply(peer.block(1)).unwrap();
    assert_eq!(world.heard(), ["written 1", "synced 1", "written 2"]);
    let gap = world.apply(ahead(4).block(4));
    let (got, tip) = (Height(4), Height(2));
    assert_eq!(gap, Err(ApplyError::Gap { got, tip }));
}
