//! The executor on a real chain database, of a network of one validator: what comes from consensus and from
//! block sync in any order.

use std::sync::mpsc::sync_channel;

use quorate_api::Admission;
use quorate_crypto::{CertificateV1, Epoch, KnownKeys, Seal, SealContent, SigningKey, ValidatorIndex};
use quorate_ledger::{
    Batch, BatchTexts, BatchV1, CertifiedBlock, FormedBatch, Operation, Parameters, Place, StateReader,
    Submission, TextItem, Timestamp, encode, value_hash,
};
use quorate_storage::MissingText;
use tempfile::TempDir;

use super::*;
use crate::admission::Admitter;
use crate::batches::{Charge, Rules, Whole};
use crate::config::NodeConfig;
use crate::inbox::{Outlet, inbox};
use crate::keyring::Keyring;
use crate::senders::Senders;
use crate::testing::{self, NETWORK};

struct World {
    _folder: TempDir,
    executor: Executor,
    outlet: Outlet,
    key: SigningKey,
}

impl World {
    fn new() -> Self {
        let key = testing::validator(1);
        let parameters = Parameters::default();
        let genesis = testing::genesis(1, &parameters);
        let (folder, chain) = testing::chain(&genesis);
        let tip = chain.tip();
        let committee = testing::committee(Epoch(0), 1);
        let nodes = committee.seats().iter().map(|seat| seat.node);
        let rosters = RosterSource::new(nodes.collect(), Arc::new(Keyring::of(key.clone())));
        let roster = rosters.read(&chain.reader()).unwrap();
        let rules = Rules::of(NETWORK, &roster);
        let values = genesis.changes.iter();
        let values = values.map(|(key, value)| (*key, value_hash(value.as_deref().unwrap())));
        let (inbox, outlet) = inbox();
        let parts = ExecutorSetup {
            batches: Arc::new(BatchStore::new(Arc::clone(&chain), rules, inbox.clone())),
            chain,
            state: Arc::default(),
            tree: Arc::new(RwLock::new(StateTree::load(Height::GENESIS, values))),
            tip,
            epoch: SharedEpoch::new(roster),
            rosters,
            admit: Box::new(|| {}),
            inbox,
            pool: Arc::new(Pool::new(&NodeConfig::default().api)),
            own: Arc::default(),
            committed: Arc::new(Committed::new(Height::GENESIS, 0)),
            purger: Purger::of_nobody(),
            texts: Texts::of_nobody(),
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
        self.decide_batches(height, Vec::new());
    }

    /// Decides a block of these batches, which are held here.
    fn decide_batches(&mut self, height: u64, batches: Vec<Digest>) {
        let proposal = Proposal::new(Timestamp(1_000 + height), batches);
        let height = Height(height);
        self.executor.on_command(Command::Execute { height, proposal });
    }

    /// Holds a whole copy of a batch of this.
    fn hold(&self, submission: &Submission) -> Digest {
        let (transaction, texts) = submission.clone().into_parts();
        let batch = Batch::V1(BatchV1 {
            network: NETWORK,
            epoch: Epoch(0),
            author: ValidatorIndex(0),
            number: 1,
            transactions: vec![transaction],
        });
        let batches = &self.executor.parts.batches;
        let formed = FormedBatch::sign(batch, &self.key, &batches.rules().view()).unwrap();
        let whole = Whole {
            batch: formed.with_signatures_checked(),
            texts: BatchTexts::new(texts),
        };
        let digest = whole.batch.digest();
        assert!(
            batches
                .insert_whole(whole, Charge::Author(ValidatorIndex(0)))
                .unwrap()
        );
        digest
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
        let CertifiedBlock::V1(certified) = snapshot.certified_block(Height(height)).unwrap().unwrap();
        let batches = &self.executor.parts.batches;
        let trust = |batch| {
            let rules = batches.rules();
            let trusted = batches.trust(batch, &rules.committee, rules.parameters.v1());
            Arc::new(trusted.unwrap())
        };
        VerifiedBlock {
            block: certified.block,
            certificate: certified.certificate,
            batches: certified.batches.into_iter().map(trust).collect(),
            texts: certified.texts,
        }
    }

    /// Takes a submission into the pool.
    fn admit(&self, submission: &Submission) {
        let parts = &self.executor.parts;
        let admitter = Admitter {
            network: &NETWORK,
            parameters: &parts.epoch.get().now.parameters,
            chain: &parts.chain,
            state: &parts.state,
            keys: &KnownKeys::new(16),
            pool: &parts.pool,
            senders: &Senders::Anyone,
        };
        let admission = admitter.admit(&[encode(submission).into()]).pop();
        assert!(
            matches!(admission, Some(Admission::Pending { .. })),
            "{admission:?}"
        );
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
                Notice::Event(Event::BatchStored { .. }) => "stored".to_owned(),
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
    let second = peer.block(2).certificate;
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

/// The memo of a submission that has one text.
fn memo(submission: &Submission) -> TextItem {
    TextItem::Shown(submission.texts()[0].clone())
}

#[test]
fn a_synced_block_brings_its_texts_and_is_taken_without_them() {
    let submission = testing::submission(1, vec![testing::payment(2, 1)], 1, &[(Place::Memo, "rent")]);
    let id = submission.transaction().id();
    let mut peer = World::new();
    let batch = peer.hold(&submission);
    peer.decide_batches(1, vec![batch]);
    peer.certify(1);
    let block = peer.block(1);

    let mut world = World::new();
    world.apply(block.clone()).unwrap();
    let snapshot = world.executor.parts.chain.snapshot().unwrap();
    assert_eq!(snapshot.text(&id, &Place::Memo).unwrap(), Some(memo(&submission)));
    assert_eq!(snapshot.missing_texts(Height(1)).unwrap(), []);
    for chain in [&peer.executor.parts.chain, &world.executor.parts.chain] {
        assert_eq!(chain.complete_texts(), Height(1));
    }

    // No hash covers that a peer has none. What comes later makes up for it.
    let (mut world, texts) = (World::new(), block.texts.clone());
    let without = VerifiedBlock {
        texts: vec![None],
        ..block
    };
    world.apply(without).unwrap();
    assert_eq!(world.heard(), ["written 1", "synced 1"]);
    let chain = &world.executor.parts.chain;
    let place = Place::Memo;
    let missing = chain.snapshot().unwrap().missing_texts(Height(1)).unwrap();
    assert_eq!(missing, [MissingText { batch, id, place }]);
    assert!(chain.may_lack_texts(Height(1)));
    assert!(chain.write_texts(&batch, texts[0].as_ref().unwrap()).unwrap());
    assert_eq!(
        chain.snapshot().unwrap().text(&id, &Place::Memo).unwrap(),
        Some(memo(&submission))
    );
}

#[test]
fn an_erased_text_is_not_in_the_pool_whether_it_came_before_its_erasure_or_after() {
    let expires_at = Timestamp(clock::now().0 + 60_000);
    let [early, late] = [1, 2].map(|salt| {
        let (parties, payment) = (vec![testing::address(1)], vec![testing::payment(2, 1)]);
        let memo = [(Place::Memo, "rent")];
        let (intent, texts) = testing::intent(parties, payment, salt, expires_at, &memo);
        Submission::new(intent.sign([&testing::client(1)]), texts)
    });
    let erase = |submission: &Submission| Operation::Erase {
        intent: submission.transaction().signed_bytes(),
        places: vec![Place::Memo],
    };
    let mut world = World::new();
    world.admit(&early);
    let erasing = testing::submission(1, vec![erase(&early), erase(&late)], 9, &[]);
    let batch = world.hold(&erasing);
    world.decide_batches(1, vec![batch]);
    world.certify(1);
    world.admit(&late);
    for submission in [early, late] {
        let found = world.executor.parts.pool.find(&submission.transaction().id());
        let (found, ended) = found.unwrap();
        let leaf = memo(&submission).leaf();
        assert_eq!(found.texts, [TextItem::Withheld { leaf }]);
        assert_eq!(ended, None, "it can still be executed");
    }
}

#[test]
fn an_id_that_was_executed_is_known_to_be_spent_until_it_expires() {
    let submission = testing::submission(1, vec![testing::payment(2, 1)], 1, &[]);
    let id = submission.transaction().id();
    let mut world = World::new();
    let batch = world.hold(&submission);
    world.decide_batches(1, vec![batch]);
    world.certify(1);
    let reader = Remembering {
        cache: &world.executor.parts.state,
        base: &world.executor.parts.chain.reader(),
    };
    let spent = |at| reader.spent_at(&[id], Timestamp(at)).unwrap();
    assert_eq!(spent(60_999), [true]);
    assert_eq!(spent(61_000), [false]);
}
