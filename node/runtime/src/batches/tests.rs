//! The store of batches on a real chain database, in a network of two validators.

use quorate_crypto::{
    Certificate, CertificateV1, Epoch, KeySignature, KnownKeys, Seal, SealContent, Signature, SigningKey,
    Tag, sign_strict,
};
use quorate_ledger::{
    Batch, BatchBytes, BatchV1, BlockInput, GenesisState, NotWhole, Operation, Place, Proposal, StateTree,
    Submission, TextItem, Timestamp, Transaction, encode, execute, value_hash,
};
use tempfile::TempDir;

use super::*;
use crate::epoch::SharedEpoch;
use crate::inbox::{Notice, Outlet, inbox};
use crate::testing::{self, NETWORK};
use crate::wire::CopyBytes;

const AUTHOR: ValidatorIndex = ValidatorIndex(0);
const PEER: ValidatorIndex = ValidatorIndex(1);
const QUOTA: usize = 3;

/// The key of a validator's node.
fn node(index: ValidatorIndex) -> PeerKey {
    let committee = testing::committee(Epoch(0), 2);
    crate::roster::peer_key(committee.seat(index).unwrap().node)
}

/// The network's first epoch, or another one with the same committee.
fn roster(epoch: u64, parameters: Parameters) -> Roster {
    Roster::of(testing::committee(Epoch(epoch), 2), Some(AUTHOR), parameters)
}

fn shared_epoch() -> SharedEpoch {
    SharedEpoch::new(roster(0, Parameters::default()))
}

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
        let keys = [1, 2].map(testing::validator);
        let mut parameters = Parameters::default();
        let Parameters::V1(fields) = &mut parameters;
        fields.author_quota = u32::try_from(QUOTA).unwrap();
        let genesis = testing::genesis(2, &parameters);
        let (folder, chain) = testing::chain(&genesis);
        let rules = Rules::of(NETWORK, &roster(0, parameters));
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

    /// A batch of these, with their texts.
    fn copy_of(&self, number: u64, submissions: &[Submission]) -> Whole {
        let (mut transactions, mut texts) = (Vec::new(), Vec::new());
        for submission in submissions {
            let (transaction, items) = submission.clone().into_parts();
            transactions.push(transaction);
            texts.extend(items);
        }
        let batch = Batch::V1(BatchV1 {
            network: NETWORK,
            epoch: Epoch(0),
            author: AUTHOR,
            number,
            transactions,
        });
        let committee = testing::committee(Epoch(0), 2);
        let batch = self
            .store
            .trust(batch.sign(&self.keys[0]), &committee, Parameters::default().v1());
        Whole {
            batch: batch.unwrap(),
            texts: BatchTexts::new(texts),
        }
    }

    fn batch(&self, number: u64) -> CheckedBatch {
        let payment = testing::submission(1, vec![testing::payment(2, 1)], 1, &[]);
        self.copy_of(number, &[payment]).batch
    }

    /// Puts a batch that `sender` sent in, if there is room.
    fn take(&self, batch: &CheckedBatch, sender: ValidatorIndex) -> Option<Charge> {
        let charge = self.store.charge_for(&batch.digest(), AUTHOR, node(sender))?;
        self.store.insert(batch, charge).unwrap();
        Some(charge)
    }

    /// Writes a batch as block sync does, without any texts.
    fn write_alone(&self, batch: &CheckedBatch) {
        self.store.write_all(vec![(batch, None)]).unwrap();
    }

    /// Looks at a copy that a peer sent, as the checker does.
    fn judged(&self, copy: &CopyBytes) -> Result<(), NotWhole> {
        let batch = BatchBytes::new(copy.signed.clone()).unwrap();
        let formed = FormedBatch::of_bytes(batch, &self.store.rules().view()).unwrap();
        let judged = self.store.judge(formed, &copy.texts).unwrap();
        judged.map(|_| ())
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
    world.write_alone(&batch);
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
        assert_eq!(world.take(batch, PEER), Some(Charge::Forwarder(node(PEER))));
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
        assert_eq!(world.store.copy(&digest).unwrap().unwrap().signed, batch.bytes());
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
    world.write_alone(&ordered);
    world.write_block(&ordered);
    assert!(world.store.contains(&ordered.digest()));
    world
        .store
        .begin_epoch(&roster(1, Parameters::default()))
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
        .begin_epoch(&roster(1, Parameters::default()))
        .unwrap();
    assert_eq!(world.batch(1).digest(), batch.digest());
}

#[test]
fn a_restart_holds_again_what_was_not_ordered() {
    let mut world = World::new();
    let (ordered, open) = (world.batch(1), world.batch(2));
    // Batch 3 is one that block sync wrote before a crash: nobody may vote on it, as its texts are not here.
    let memo = [(Place::Memo, "rent")];
    let lacking = testing::submission(1, vec![testing::payment(2, 1)], 2, &memo);
    let lacking = world.copy_of(3, &[lacking]);
    world.write_alone(&ordered);
    world.write_alone(&lacking.batch);
    let none = BatchTexts::new(Vec::new());
    world.store.write_all(vec![(&open, Some(none))]).unwrap();
    world.write_block(&ordered);
    world.store.restore().unwrap();
    assert_eq!(world.heard(), [open.digest()]);
    assert!(!world.store.contains(&lacking.batch.digest()));
    // Once it comes whole, it is held like any other.
    let (digest, texts) = (lacking.batch.digest(), lacking.texts.clone());
    assert!(world.store.insert_whole(lacking, Charge::Author(AUTHOR)).unwrap());
    assert_eq!(world.heard(), [digest]);
    let copy = world.store.copy(&digest).unwrap().unwrap();
    assert_eq!(copy.texts, encode(&texts));
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

/// A payment of account 1 with a memo, and its batch.
fn with_memo(world: &World, number: u64) -> Whole {
    let memo = [(Place::Memo, "rent")];
    let salt = u8::try_from(number).unwrap();
    let submission = testing::submission(1, vec![testing::payment(2, 1)], salt, &memo);
    world.copy_of(number, &[submission])
}

fn bytes_of(whole: &Whole) -> CopyBytes {
    CopyBytes::new(&whole.batch, &whole.texts)
}

#[test]
fn only_a_copy_with_all_its_texts_is_whole_and_a_withheld_one_is_nobodys_fault() {
    let world = World::new();
    let whole = with_memo(&world, 1);
    assert_eq!(world.judged(&bytes_of(&whole)), Ok(()));
    let with = |items: Vec<TextItem>| {
        let texts = BatchTexts::new(items);
        world.judged(&CopyBytes::new(&whole.batch, &texts)).unwrap_err()
    };
    let shown = whole.texts.items()[0].clone();
    let leaf = shown.leaf();
    assert!(with(Vec::new()).blames_sender());
    assert!(with(vec![shown.clone(), shown]).blames_sender());
    let other = with_memo(&world, 2).texts.items()[0].clone();
    assert!(with(vec![other]).blames_sender());
    assert!(!with(vec![TextItem::Withheld { leaf }]).blames_sender());
    let junk = CopyBytes {
        texts: vec![9].into(),
        ..bytes_of(&whole)
    };
    assert!(world.judged(&junk).unwrap_err().blames_sender());
    assert!(!world.store.contains(&whole.batch.digest()));
}

#[test]
fn a_bad_copy_says_nothing_about_the_batch() {
    let mut world = World::new();
    let whole = with_memo(&world, 1);
    let good = bytes_of(&whole);
    let mut signed = good.signed.to_vec();
    let signature = signed.len() - 64;
    let wrong: Signature = sign_strict(&world.keys[1], Tag::BATCH_AUTHOR, &whole.batch.digest().0);
    signed[signature..].copy_from_slice(&wrong.0);
    let forged = CopyBytes {
        signed: signed.into(),
        ..good.clone()
    };
    let textless = CopyBytes {
        texts: encode(&BatchTexts::new(Vec::new())).into(),
        ..good.clone()
    };
    let store = Arc::new(std::mem::replace(&mut world.store, World::new().store));
    let (checker, thread) = start_checker(Arc::clone(&store), Arc::new(KnownKeys::new(8)), shared_epoch());
    for copy in [forged, textless, good] {
        checker.check(node(PEER), copy.signed, copy.texts);
    }
    let digest = whole.batch.digest();
    while store.is_unchecked(&digest) {
        std::thread::yield_now();
    }
    checker.stop();
    thread.join().unwrap();
    assert!(store.contains(&digest));
    assert_eq!(world.heard(), [digest]);
    assert_eq!(store.copy(&digest).unwrap(), Some(bytes_of(&whole)));
}

#[test]
fn a_batch_with_a_bad_client_signature_is_not_held() {
    let mut world = World::new();
    let payment = testing::submission(1, vec![testing::payment(2, 1)], 1, &[]);
    let whole = world.copy_of(1, &[payment]);
    let SignedBatch::V1(mut signed) = whole.batch.signed().clone();
    let Batch::V1(content) = &mut signed.batch;
    let Transaction::V1(transaction) = &mut content.transactions[0];
    let KeySignature::Ed25519 { signature, .. } = &mut transaction.signatures[0] else {
        panic!("accounts of tests have Ed25519 keys");
    };
    signature[0] ^= 1;
    let bad = signed.batch.clone().sign(&world.keys[0]);
    let digest = bad.digest();
    let store = Arc::new(std::mem::replace(&mut world.store, World::new().store));
    let (checker, thread) = start_checker(Arc::clone(&store), Arc::new(KnownKeys::new(8)), shared_epoch());
    checker.check(node(PEER), encode(&bad).into(), encode(&whole.texts).into());
    while store.is_unchecked(&digest) {
        std::thread::yield_now();
    }
    checker.stop();
    thread.join().unwrap();
    assert!(!store.contains(&digest));
    assert_eq!(world.heard(), []);
}

#[test]
fn texts_are_withheld_once_erased_and_the_copy_is_served_as_whole_still() {
    let mut world = World::new();
    let paid = with_memo(&world, 1);
    let place = Place::Memo;
    let intent = paid
        .batch
        .transactions()
        .next()
        .unwrap()
        .transaction
        .v1()
        .intent
        .clone();
    let erase = Operation::Erase {
        intent: encode(&intent),
        places: vec![place],
    };
    let erasing = world.copy_of(2, &[testing::submission(1, vec![erase], 9, &[])]);
    let (digest, leaf) = (paid.batch.digest(), paid.texts.items()[0].leaf());
    let withheld = CopyBytes::new(&paid.batch, &BatchTexts::new(vec![TextItem::Withheld { leaf }]));
    // Before that is certified here, a copy without the text is not whole.
    assert!(world.judged(&withheld).is_err());
    for whole in [&paid, &erasing] {
        let inserted = world.store.insert_whole(whole.clone(), Charge::Author(AUTHOR));
        assert!(inserted.unwrap());
    }
    world.write_block(&erasing.batch);
    assert_eq!(world.judged(&withheld), Ok(()));
    assert_eq!(world.judged(&bytes_of(&paid)), Ok(()));
    assert_eq!(world.store.copy(&digest).unwrap(), Some(withheld));
    assert_eq!(world.heard().len(), 2);
}

#[test]
fn what_is_left_of_an_ordered_batchs_texts_is_given_and_a_copy_that_lacks_some_is_not() {
    let world = World::new();
    let whole = with_memo(&world, 1);
    let digest = whole.batch.digest();
    world.write_alone(&whole.batch);
    assert_eq!(world.store.copy(&digest).unwrap(), None);
    assert_eq!(world.store.texts_left(&digest).unwrap(), None);
    world.write_block(&whole.batch);
    // Its text is missing, and only its hash is known.
    assert_eq!(world.store.copy(&digest).unwrap(), None);
    assert_eq!(world.store.texts_left(&digest).unwrap(), None);
    assert!(world.chain.write_texts(&digest, &whole.texts).unwrap());
    let left = world.store.texts_left(&digest).unwrap();
    assert_eq!(left, Some(encode(&whole.texts).into()));
    assert_eq!(world.store.copy(&digest).unwrap(), Some(bytes_of(&whole)));
}

#[test]
fn what_one_does_not_hold_is_asked_of_another_if_it_is_needed_and_not_at_once_again() {
    let world = World::new();
    let digests: Vec<_> = (1..=4).map(|number| world.batch(number).digest()).collect();
    let (held, now) = (world.batch(2), Instant::now());
    world.store.want(&digests[1..]);
    assert!(world.take(&held, AUTHOR).is_some());
    world.store.received(digests[2]);
    let asked = |at| world.store.wanted_elsewhere(&digests, at);
    assert_eq!(asked(now), digests[3..]);
    assert_eq!(asked(now + ELSEWHERE_EVERY / 2), []);
    assert_eq!(asked(now + ELSEWHERE_EVERY), digests[3..]);
}
