//! The store of batches on a real chain database, in a network of two validators.

use crate::inbox::Notice;
use quorate_crypto::{Certificate, CertificateV1, Epoch, Height, Protocol, Seal, SealContent, SigningKey};
use quorate_ledger::{
    Amount, Batch, BatchV1, BlockInput, GenesisAsset, GenesisBalance, GenesisCommittee, GenesisState,
    GenesisValidator, Intent, IntentV1, Operation, Proposal, StateTree, Timestamp, Tip, execute,
    genesis_state, value_hash,
};
use quorate_storage::StorageOptions;
use tempfile::TempDir;

use super::*;
use crate::inbox::{Outlet, inbox};

const NETWORK: Digest = Digest([7; 32]);
const AUTHOR: ValidatorIndex = ValidatorIndex(0);
const PEER: ValidatorIndex = ValidatorIndex(1);
const QUOTA: usize = 3;

struct World {
    _folder: TempDir,
    chain: Arc<Chain>,
    store: BatchStore,
    outlet: Outlet,
    keys: [SigningKey; 2],
    genesis: GenesisState,
}

impl World {
    fn new() -> Self {
        let keys = [1, 2].map(|seed| SigningKey::from_seed(&[seed; 32]));
        let validators = keys.iter().map(SigningKey::public).collect();
        let mut parameters = Parameters::default();
        let Parameters::V1(fields) = &mut parameters;
        fields.author_quota = u32::try_from(QUOTA).unwrap();
        let address = keys[0].public().address();
        let asset = GenesisAsset {
            code: "QRT".parse().unwrap(),
            decimals: 2,
            description: String::new(),
            issuer: address,
            supply: Amount(100),
        };
        let balance = GenesisBalance {
            address,
            asset: asset.code,
            amount: asset.supply,
        };
        let seats = GenesisCommittee {
            engine: Protocol::Pbft,
            protocol_version: 1,
            validators: keys
                .iter()
                .map(|key| GenesisValidator {
                    key: key.public(),
                    member: address,
                })
                .collect(),
        };
        let genesis = genesis_state(&[asset], &[balance], &parameters, &seats).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let tip = Tip::genesis(NETWORK, Timestamp(1_000), genesis.root);
        let options = StorageOptions::default();
        let chain = Chain::create(folder.path().join("chain"), &genesis, &tip, &options).unwrap();
        let chain = Arc::new(chain);
        let rules = Rules {
            network: NETWORK,
            committee: Committee::new(Epoch(0), Protocol::Pbft, 1, validators),
            first: Height(1),
            parameters,
        };
        let (inbox, outlet) = inbox();
        Self {
            _folder: folder,
            store: BatchStore::new(Arc::clone(&chain), rules, inbox),
            chain,
            outlet,
            keys,
            genesis,
        }
    }

    /// All keys, in an epoch.
    fn committee(&self, epoch: Epoch) -> Committee {
        let validators = self.keys.iter().map(SigningKey::public).collect();
        Committee::new(epoch, Protocol::Pbft, 1, validators)
    }

    fn batch(&self, number: u64) -> CheckedBatch {
        let sender = &self.keys[0];
        let intent = Intent::V1(IntentV1 {
            network: NETWORK,
            sender: sender.public().address(),
            expires_at: Timestamp(60_000),
            salt: [1; 16],
            operations: vec![Operation::Transfer {
                to: self.keys[1].public().address(),
                asset: "QRT".parse().unwrap(),
                amount: Amount(1),
                memo: String::new(),
            }],
            memo: String::new(),
        });
        let batch = Batch::V1(BatchV1 {
            network: NETWORK,
            epoch: Epoch(0),
            author: AUTHOR,
            number,
            transactions: vec![intent.sign([sender])],
        });
        let committee = self.committee(Epoch(0));
        self.store.trust(batch.sign(sender), &committee).unwrap()
    }

    /// Puts a batch that `sender` sent in, if there is room.
    fn take(&self, batch: &CheckedBatch, sender: ValidatorIndex) -> Option<Charge> {
        let charge = self.store.charge_for(&batch.digest(), AUTHOR, sender)?;
        self.store.insert(batch, charge).unwrap();
        Some(charge)
    }

    /// Writes block 1, which has this batch.
    fn write_block(&self, batch: &CheckedBatch) {
        let values = self.genesis.changes.iter();
        let values = values.map(|(key, value)| (*key, value_hash(value.as_deref().unwrap())));
        let mut tree = StateTree::load(Height::GENESIS, values);
        let tip = self.chain.tip();
        let rules = self.store.rules();
        let input = BlockInput {
            tip: &tip,
            proposal: &Proposal::new(Timestamp(2_000), vec![batch.digest()]),
            batches: &[Arc::new(batch.clone())],
            parameters: rules.parameters.v1(),
        };
        let execution = execute(&input, &self.chain.reader(), &mut tree).unwrap();
        let (height, block) = (execution.tip.height, execution.tip.block_hash);
        let content = SealContent::new(NETWORK, Epoch(0), height, block);
        let seals = (0..).zip(&self.keys).map(|(index, key)| Seal {
            validator: ValidatorIndex(index),
            signature: content.sign(key),
        });
        let certificate = Certificate::V1(CertificateV1 {
            epoch: Epoch(0),
            height,
            block,
            seals: seals.collect(),
        });
        self.chain.write_block(&execution, &certificate).unwrap();
    }

    fn heard(&mut self) -> Vec<Digest> {
        std::iter::from_fn(|| self.outlet.try_next())
            .map(|received| match received.notice {
                Notice::Event(Event::BatchStored { digest, .. }) => digest,
                other => panic!("{other:?}"),
            })
            .collect()
    }
}

#[test]
fn a_batch_that_a_block_got_first_is_not_held() {
    let mut world = World::new();
    let batch = world.batch(1);
    // Block sync writes the batch and its block while the checker is at the same batch.
    world.store.write_all(std::slice::from_ref(&batch)).unwrap();
    world.write_block(&batch);
    world.store.ordered(&[batch.digest()]);
    world.store.insert(&batch, Charge::Author(AUTHOR)).unwrap();
    assert_eq!(world.store.len(), 0);
    assert_eq!(world.heard(), []);
    assert_eq!(world.take(&world.batch(2), AUTHOR), Some(Charge::Author(AUTHOR)));
}

#[test]
fn pitfall_31_a_batch_passed_on_or_named_finds_room_when_its_author_has_none() {
    let mut world = World::new();
    let batches: Vec<_> = (0..8).map(|number| world.batch(number)).collect();
    for batch in &batches[..QUOTA] {
        assert_eq!(world.take(batch, AUTHOR), Some(Charge::Author(AUTHOR)));
    }
    assert_eq!(world.take(&batches[3], AUTHOR), None);
    for batch in &batches[3..3 + QUOTA] {
        assert_eq!(world.take(batch, PEER), Some(Charge::Forwarder(PEER)));
    }
    assert_eq!(world.take(&batches[6], PEER), None);
    let named = [batches[6].digest()];
    world.store.want(&named);
    world.store.want_no_more(&named);
    assert_eq!(world.take(&batches[6], PEER), None);
    world.store.want(&named);
    world.store.want(&[batches[7].digest()]);
    world.store.want_no_more(&[batches[7].digest()]);
    assert_eq!(world.take(&batches[6], PEER), Some(Charge::Nobody));
    assert_eq!(world.heard().len(), 7);
    // What is ordered makes room where it took it up.
    world.store.ordered(&[batches[0].digest(), batches[6].digest()]);
    assert_eq!(world.take(&batches[7], PEER), Some(Charge::Author(AUTHOR)));
}

#[test]
fn what_a_lying_primary_names_is_taken_and_takes_up_only_so_much_memory() {
    let mut world = World::new();
    let batches: Vec<_> = (0..4).map(|number| world.batch(number)).collect();
    let length = batches[0].bytes().len();
    world.store.named_limit = 2 * length;
    let named: Vec<_> = batches.iter().map(CheckedBatch::digest).collect();
    world.store.want(&named);
    for batch in &batches {
        assert_eq!(world.take(batch, PEER), Some(Charge::Nobody));
    }
    assert_eq!(world.heard().len(), 4, "the core hears of each");
    assert_eq!(world.store.held().named_bytes, 2 * length);
    for batch in &batches {
        let digest = batch.digest();
        assert!(world.store.contains(&digest));
        assert_eq!(world.store.load(&digest).unwrap().unwrap().bytes(), batch.bytes());
        assert_eq!(world.store.bytes(&digest).unwrap().unwrap(), batch.bytes());
    }
    // Memory is given back where it was taken up.
    world.store.ordered(&[batches[0].digest(), batches[3].digest()]);
    assert_eq!(world.store.held().named_bytes, length);
}

#[test]
fn what_stays_unordered_is_told_of_the_longest_waiting_first_and_not_at_once_again() {
    let world = World::new();
    let batches: Vec<_> = (0..3).map(|number| world.batch(number)).collect();
    for batch in &batches {
        world.take(batch, AUTHOR);
        std::thread::sleep(Duration::from_millis(2));
    }
    let leader = ValidatorIndex(3);
    let tell = |patience, most| world.store.tell_of_unordered(Led::By(leader), patience, most);
    let digest = |place: usize| batches[place].digest();
    assert_eq!(
        tell(Duration::ZERO, 2),
        [(Some(leader), vec![digest(0), digest(1)])]
    );
    assert_eq!(tell(Duration::ZERO, 1), [(Some(leader), vec![digest(2)])]);
    assert!(tell(Duration::from_secs(60), 9).is_empty());
    // Whoever leads has had its chance.
    assert_eq!(tell(Duration::ZERO, 1), [(None, vec![digest(0)])]);
}

#[test]
fn a_new_epoch_begins_without_the_batches_of_the_former_one() {
    let mut world = World::new();
    let (ordered, open) = (world.batch(1), world.batch(2));
    world.take(&open, AUTHOR);
    world.store.write_all(std::slice::from_ref(&ordered)).unwrap();
    world.write_block(&ordered);
    assert!(world.store.contains(&ordered.digest()));
    world
        .store
        .begin_epoch(world.committee(Epoch(1)), Height(2))
        .unwrap();
    assert_eq!(world.store.len(), 0);
    assert!(world.chain.unordered_batches().unwrap().is_empty());
    // A proposal of the new epoch that names either has no batch, though one of them is on disk.
    assert!(!world.store.contains(&ordered.digest()));
    assert!(!world.store.contains(&open.digest()));
    world.heard();
    // One that was packed, or checked, while the epoch ended.
    assert!(!world.store.insert(&open, Charge::Author(AUTHOR)).unwrap());
    assert_eq!(world.heard(), []);
}

/// Two threads check fetched blocks and end epochs: the one may be ahead of the other by a moment.
#[test]
fn a_fetched_block_is_judged_by_the_committee_of_its_own_epoch() {
    let world = World::new();
    let batch = world.batch(1);
    world
        .store
        .begin_epoch(world.committee(Epoch(1)), Height(2))
        .unwrap();
    assert_eq!(world.batch(1).digest(), batch.digest());
}

#[test]
fn a_restart_holds_again_what_was_not_ordered() {
    let mut world = World::new();
    let (ordered, open) = (world.batch(1), world.batch(2));
    world.store.write_all(&[ordered.clone(), open.clone()]).unwrap();
    world.write_block(&ordered);
    world.store.restore().unwrap();
    assert_eq!(world.heard(), [open.digest()]);
}

#[test]
fn a_flush_covers_a_write_that_was_under_way_when_it_was_asked_for() {
    // A vote waits for all writes begun, and asks once: a flush that began before the last of them had
    // ended would leave it waiting until somebody else happened to ask.
    let World {
        chain,
        store,
        mut outlet,
        ..
    } = World::new();
    let writes = store.write_count();
    let (flusher, thread) = crate::flush::start_chain(chain, Arc::clone(&writes), store.inbox.clone());
    let slow = std::thread::spawn(move || {
        writes.during(|| {
            std::thread::sleep(Duration::from_millis(200));
            Ok::<(), StorageError>(())
        })
    });
    while store.writes_begun().0 == 0 {
        std::thread::yield_now();
    }
    flusher.request(store.writes_begun());
    slow.join().unwrap().unwrap();
    drop(flusher);
    thread.join().unwrap();
    let told = outlet.try_next().map(|received| received.notice);
    let Some(Notice::Event(Event::ChainFlushed { writes, .. })) = told else {
        panic!("the flush is told of");
    };
    assert_eq!(writes, WriteNumber(1), "the vote that asked may leave");
}

#[test]
fn what_was_received_is_not_asked_for_until_it_is_checked() {
    let world = World::new();
    let store = &world.store;
    let (one, other) = (world.batch(1).digest(), world.batch(2).digest());
    store.received(one);
    store.received(one);
    assert!(store.is_unchecked(&one) && !store.is_unchecked(&other));
    store.checked(&one);
    assert!(store.is_unchecked(&one), "another peer's copy waits");
    store.checked(&one);
    assert!(!store.is_unchecked(&one));
    store.checked(&one);
    assert!(!store.is_unchecked(&one));
}
