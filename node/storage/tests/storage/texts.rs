//! Texts: with their batches, of what was executed, missing, and added later.

use quorate_ledger::{BatchTexts, Digest, Height, Operation, Place, TextItem, Transaction, decode, encode};
use quorate_storage::{Chain, MissingText};

use crate::chain::{Fixture, options};
use crate::network::{Made, Network, erase, transfer};

const FIELD: Place = Place::Operation { index: 0, field: 0 };

/// A payment with a memo of its own and one of its transfer.
fn paid(network: &mut Network, memo: &str, note: &str) -> Made {
    let to = network.address(1);
    network.transaction_with(
        0,
        vec![transfer(to, "QRT", 1)],
        &[(Place::Memo, memo), (FIELD, note)],
    )
}

/// A payment with a memo alone.
fn noted(network: &mut Network, memo: &str) -> Made {
    let to = network.address(1);
    network.transaction_with(0, vec![transfer(to, "QRT", 1)], &[(Place::Memo, memo)])
}

/// What is stored of a transaction's texts at these places.
fn stored(fixture: &Fixture, made: &Made, places: &[Place]) -> Vec<Option<TextItem>> {
    let (id, snapshot) = (made.0.id(), fixture.snapshot());
    let found = places.iter().map(|place| snapshot.text(&id, place).unwrap());
    found.collect()
}

fn all(made: &Made) -> Vec<Option<TextItem>> {
    made.1.iter().cloned().map(Some).collect()
}

fn withheld(item: &TextItem) -> TextItem {
    TextItem::Withheld { leaf: item.leaf() }
}

/// One that nobody authorised: it has the signature of another's key.
fn unauthorised(network: &mut Network, texts: &[(Place, &str)]) -> Made {
    let to = network.address(1);
    let made = network.transaction_with(0, vec![transfer(to, "QRT", 1)], texts);
    strangers(network, &made)
}

/// A copy of this one, of the same id, which is skipped: it has the signature of another's key.
fn strangers(network: &mut Network, made: &Made) -> Made {
    let to = network.address(1);
    let (others, _) = network.transaction_with(1, vec![transfer(to, "QRT", 1)], &[]);
    let signed = Transaction::new(made.0.v1().intent.clone(), others.signatures().to_vec());
    (signed, made.1.clone())
}

/// What is to be had of the texts of a batch of these: texts of some, of others only their hashes.
fn partly(parts: &[(&Made, bool)]) -> BatchTexts {
    let items = parts.iter().flat_map(|(made, is_shown)| {
        let items = made.1.iter();
        items.map(move |item| if *is_shown { item.clone() } else { withheld(item) })
    });
    BatchTexts::new(items.collect())
}

fn texts_of_batch(fixture: &Fixture, digest: &Digest) -> Option<BatchTexts> {
    fixture.chain.batch_texts(digest).unwrap()
}

fn missing(fixture: &Fixture, height: u64) -> Vec<MissingText> {
    fixture.snapshot().missing_texts(Height(height)).unwrap()
}

#[test]
fn texts_are_kept_with_their_batch_until_a_block_orders_it_and_then_of_what_it_executed() {
    let mut fixture = Fixture::new(3);
    let (first, second) = (
        paid(&mut fixture.network, "memo", "note"),
        noted(&mut fixture.network, "another"),
    );
    let plain = (fixture.network.payment(2, 0), Vec::new());
    let copy = fixture.network.copy(&[first.clone(), plain, second.clone()]);
    let (batch, texts) = (copy.0.clone(), copy.1.clone().unwrap());
    fixture.chain.write_copies(std::slice::from_ref(&copy)).unwrap();
    let fixture = fixture.reopen();
    assert_eq!(
        fixture.chain.batch_texts(&batch.digest()).unwrap().as_ref(),
        Some(&texts)
    );
    let unordered = fixture.chain.unordered_batches().unwrap();
    assert_eq!(
        unordered[0].length as usize,
        batch.bytes().len() + encode(&texts).len()
    );
    assert_eq!(stored(&fixture, &first, &[Place::Memo]), [None]);

    let mut fixture = fixture;
    fixture.order(&[copy]);
    let fixture = fixture.reopen();
    assert_eq!(stored(&fixture, &first, &[Place::Memo, FIELD]), all(&first));
    assert_eq!(stored(&fixture, &second, &[Place::Memo]), all(&second));
    let snapshot = fixture.snapshot();
    let found = snapshot.texts_of(&first.0.id(), &first.0).unwrap();
    assert_eq!(found, all(&first));
    assert_eq!(
        snapshot.batch_texts(&batch.digest()).unwrap().as_ref(),
        Some(&texts)
    );
    assert_eq!(snapshot.missing_texts(Height(1)).unwrap(), []);
    let certified = snapshot.certified_block(Height(1)).unwrap().unwrap();
    assert_eq!(certified.v1().texts, [Some(texts)]);
    let bytes = snapshot.certified_block_bytes(Height(1)).unwrap().unwrap();
    assert_eq!(decode(&bytes, 1 << 20), Ok(certified));
}

#[test]
fn texts_of_what_was_skipped_go_with_their_batch_and_leave_their_hashes() {
    let mut fixture = Fixture::new(3);
    let start = fixture.network.tip.clone();
    let two = unauthorised(&mut fixture.network, &[(Place::Memo, "neither"), (FIELD, "this")]);
    let good = paid(&mut fixture.network, "memo", "note");
    let one = unauthorised(&mut fixture.network, &[(Place::Memo, "never executed")]);
    let copy = fixture.network.copy(&[two.clone(), good.clone(), one.clone()]);
    let batch = copy.0.clone();
    let execution = fixture.order(&[copy]);
    assert_eq!(execution.transactions.len(), 1);
    let fixture = fixture.reopen();
    assert_eq!(stored(&fixture, &two, &[Place::Memo, FIELD]), [None, None]);
    assert_eq!(stored(&fixture, &one, &[Place::Memo]), [None]);
    assert_eq!(stored(&fixture, &good, &[Place::Memo, FIELD]), all(&good));
    assert_eq!(missing(&fixture, 1), []);

    // So they fit the batch, and whoever joins gets those of what was executed.
    let served = partly(&[(&two, false), (&good, true), (&one, false)]);
    assert_eq!(served.fit(batch.signed().batch()), Ok(()));
    assert_eq!(texts_of_batch(&fixture, &batch.digest()).as_ref(), Some(&served));
    let certified = fixture.snapshot().certified_block(Height(1)).unwrap().unwrap();
    let given = certified.v1().texts.clone();
    assert_eq!(given, [Some(served.clone())]);

    let folder = tempfile::tempdir().unwrap();
    let joiner = Chain::create(folder.path(), &fixture.network.genesis, &start, &options()).unwrap();
    joiner.write_copies(&[(batch.clone(), given[0].clone())]).unwrap();
    let certificate = fixture.network.certify(&execution.tip);
    joiner.write_block(&execution, &certificate).unwrap();
    assert_eq!(joiner.snapshot().unwrap().missing_texts(Height(1)).unwrap(), []);
    // It serves them on.
    assert_eq!(joiner.batch_texts(&batch.digest()).unwrap(), Some(served));
}

#[test]
fn a_text_takes_the_place_of_the_hash_that_skipped_copies_left() {
    let mut fixture = Fixture::new(3);
    for case in 0..5 {
        let good = paid(&mut fixture.network, "memo", "note");
        let bad = strangers(&mut fixture.network, &good);
        assert_eq!(good.0.id(), bad.0.id());
        let network = &mut fixture.network;
        let mut of = |made: &Made| network.copy(std::slice::from_ref(made));
        let (executed, skipped) = (of(&good), [of(&bad), of(&bad), of(&good)]);
        let [first, second, third] = skipped.clone();
        // In other blocks and in the same one, before it and behind it.
        let (before, then) = match case {
            0 => (vec![], vec![vec![first, second, executed.clone(), third]]),
            1 => (vec![], vec![vec![executed.clone(), third, first, second]]),
            2 => (vec![vec![first, second]], vec![vec![executed.clone(), third]]),
            3 => (
                vec![vec![first], vec![second]],
                vec![vec![executed.clone()], vec![third]],
            ),
            _ => (vec![], vec![vec![executed.clone()], vec![first, third, second]]),
        };
        for block in &before {
            assert_eq!(fixture.order(block).transactions.len(), 0);
            let hashes = Some(partly(&[(&bad, false)]));
            for (batch, _) in block {
                assert_eq!(texts_of_batch(&fixture, &batch.digest()), hashes);
            }
        }
        let executions = then.iter().map(|block| fixture.order(block).transactions.len());
        assert_eq!(executions.sum::<usize>(), 1);
        assert_eq!(
            stored(&fixture, &good, &[Place::Memo, FIELD]),
            all(&good),
            "{case}"
        );
        for (batch, texts) in skipped.iter().chain([&executed]) {
            assert_eq!(texts_of_batch(&fixture, &batch.digest()), *texts, "{case}");
        }
    }
}

#[test]
fn a_hash_that_a_skipped_copy_left_hides_no_missing_text() {
    let mut fixture = Fixture::new(3);
    let good = paid(&mut fixture.network, "memo", "note");
    let bad = strangers(&mut fixture.network, &good);
    let skipped = fixture.network.copy(&[bad]);
    let (batch, texts) = fixture.network.copy(std::slice::from_ref(&good));
    let (id, digest) = (good.0.id(), batch.digest());
    fixture.order(std::slice::from_ref(&skipped));
    fixture.order(&[(batch, None)]);
    let both = [Place::Memo, FIELD].map(|place| MissingText {
        batch: digest,
        id,
        place,
    });
    assert_eq!(missing(&fixture, 2), both);
    assert_eq!(stored(&fixture, &good, &[Place::Memo, FIELD]), [None, None]);
    let hashes = partly(&[(&good, false)]);
    assert_eq!(texts_of_batch(&fixture, &digest).as_ref(), Some(&hashes));
    assert!(fixture.chain.write_texts(&digest, &hashes).unwrap());
    assert_eq!(missing(&fixture, 2), both, "nobody has given any");

    // One is erased, the other comes, with whichever batch it is asked for.
    let erasing = vec![erase(&good.0, &[FIELD])];
    let transaction = fixture.network.transaction(0, erasing);
    fixture.commit(vec![transaction]);
    assert_eq!(missing(&fixture, 2), both[..1]);
    let last = [None, Some(withheld(&good.1[1]))];
    assert_eq!(stored(&fixture, &good, &[Place::Memo, FIELD]), last);
    let digest_of_skipped = skipped.0.digest();
    assert!(
        fixture
            .chain
            .write_texts(&digest_of_skipped, &texts.unwrap())
            .unwrap()
    );
    let fixture = fixture.reopen();
    assert_eq!(missing(&fixture, 2), []);
    let kept = [good.1[0].clone(), withheld(&good.1[1])];
    let expected = Some(BatchTexts::new(kept.to_vec()));
    assert_eq!(stored(&fixture, &good, &[Place::Memo, FIELD]), kept.map(Some));
    for digest in [digest, digest_of_skipped] {
        assert_eq!(texts_of_batch(&fixture, &digest), expected);
    }
}

#[test]
fn a_block_without_texts_has_no_hashes_of_what_it_skipped_until_they_come() {
    let mut fixture = Fixture::new(3);
    let skipped = unauthorised(&mut fixture.network, &[(Place::Memo, "neither"), (FIELD, "this")]);
    let good = noted(&mut fixture.network, "memo");
    let (batch, texts) = fixture.network.copy(&[skipped.clone(), good.clone()]);
    let (digest, texts) = (batch.digest(), texts.unwrap());
    fixture.order(&[(batch, None)]);
    assert_eq!(texts_of_batch(&fixture, &digest), None);
    let place = Place::Memo;
    let (batch, id) = (digest, good.0.id());
    assert_eq!(missing(&fixture, 1), [MissingText { batch, id, place }]);
    for _ in 0..2 {
        assert!(fixture.chain.write_texts(&digest, &texts).unwrap());
        assert_eq!(missing(&fixture, 1), []);
        let served = partly(&[(&skipped, false), (&good, true)]);
        assert_eq!(texts_of_batch(&fixture, &digest), Some(served));
        assert_eq!(stored(&fixture, &skipped, &[Place::Memo, FIELD]), [None, None]);
    }
}

#[test]
fn a_skipped_copy_brings_a_missing_text_and_no_erased_one() {
    for is_here in [true, false] {
        let mut fixture = Fixture::new(3);
        let made = paid(&mut fixture.network, "memo", "note");
        let (batch, texts) = fixture.network.copy(std::slice::from_ref(&made));
        let digest = batch.digest();
        fixture.order(&[(batch, texts.filter(|_| is_here))]);
        let erasing = vec![erase(&made.0, &[Place::Memo])];
        let transaction = fixture.network.transaction(0, erasing);
        fixture.commit(vec![transaction]);
        assert_eq!(missing(&fixture, 1).len(), usize::from(!is_here));
        let again = fixture.network.copy(std::slice::from_ref(&made));
        let digest_of_copy = again.0.digest();
        assert_eq!(fixture.order(&[again]).transactions.len(), 0);
        assert_eq!(missing(&fixture, 1), []);
        let expected = [withheld(&made.1[0]), made.1[1].clone()];
        for digest in [digest, digest_of_copy] {
            let texts = texts_of_batch(&fixture, &digest).unwrap();
            assert_eq!(texts.items(), expected, "{is_here}");
        }
        assert_eq!(stored(&fixture, &made, &[Place::Memo, FIELD]), expected.map(Some));
    }
}

#[test]
fn of_copies_in_one_block_a_text_counts_more_than_its_hash() {
    let mut fixture = Fixture::new(3);
    for is_first in [true, false] {
        let made = paid(&mut fixture.network, "memo", "note");
        let shown = fixture.network.copy(std::slice::from_ref(&made));
        let (batch, _) = fixture.network.copy(std::slice::from_ref(&made));
        let hashed = (batch, Some(partly(&[(&made, false)])));
        let copies = if is_first {
            [shown, hashed]
        } else {
            [hashed, shown]
        };
        let execution = fixture.order(&copies);
        assert_eq!(execution.transactions.len(), 1);
        assert_eq!(stored(&fixture, &made, &[Place::Memo, FIELD]), all(&made));
        assert_eq!(missing(&fixture, execution.tip.height.0), []);
    }
    // Of what is missing, whatever else there is can be served.
    let made = paid(&mut fixture.network, "memo", "note");
    let (batch, _) = fixture.network.copy(std::slice::from_ref(&made));
    let digest = batch.digest();
    let some = BatchTexts::new(vec![made.1[0].clone(), withheld(&made.1[1])]);
    let height = fixture.order(&[(batch, Some(some.clone()))]).tip.height;
    assert_eq!(missing(&fixture, height.0).len(), 1);
    assert_eq!(texts_of_batch(&fixture, &digest), Some(some));
}

#[test]
fn texts_of_batches_that_were_never_ordered_go_with_them() {
    let mut fixture = Fixture::new(3);
    let made = paid(&mut fixture.network, "memo", "note");
    let copy = fixture.network.copy(std::slice::from_ref(&made));
    let digest = copy.0.digest();
    fixture.chain.write_copies(&[copy]).unwrap();
    fixture.chain.remove_unordered(&[digest]).unwrap();
    assert_eq!(fixture.chain.batch_texts(&digest).unwrap(), None);
    assert_eq!(stored(&fixture, &made, &[Place::Memo]), [None]);
}

#[test]
fn a_block_needs_no_texts_and_they_are_missing_until_they_come() {
    let mut fixture = Fixture::new(3);
    let (first, second) = (
        paid(&mut fixture.network, "memo", "note"),
        noted(&mut fixture.network, "another"),
    );
    let (batch, texts) = fixture.network.copy(&[first.clone(), second.clone()]);
    let texts = texts.unwrap();
    let (id, digest) = (first.0.id(), batch.digest());
    fixture.order(&[(batch, None)]);
    let missing = |id: Digest, place: Place| MissingText {
        batch: digest,
        id,
        place,
    };
    let expected = [
        missing(id, Place::Memo),
        missing(id, FIELD),
        missing(second.0.id(), Place::Memo),
    ];
    assert_eq!(fixture.snapshot().missing_texts(Height(1)).unwrap(), expected);
    assert_eq!(fixture.chain.batch_texts(&digest).unwrap(), None);

    // Others than its own are not taken, nor those of a batch that is not here.
    let other = BatchTexts::new(texts.items().iter().rev().cloned().collect());
    assert!(!fixture.chain.write_texts(&digest, &other).unwrap());
    assert!(!fixture.chain.write_texts(&Digest([9; 32]), &texts).unwrap());
    assert_eq!(fixture.snapshot().missing_texts(Height(1)).unwrap().len(), 3);

    // What somebody withholds stays missing; what was taken is not missing any more.
    let mut items = texts.items().to_vec();
    items[1] = withheld(&items[1]);
    let partly = BatchTexts::new(items);
    assert!(fixture.chain.write_texts(&digest, &partly).unwrap());
    assert_eq!(
        fixture.snapshot().missing_texts(Height(1)).unwrap(),
        [missing(id, FIELD)]
    );
    assert!(fixture.chain.write_texts(&digest, &texts).unwrap());
    assert_eq!(fixture.snapshot().missing_texts(Height(1)).unwrap(), []);
    let fixture = fixture.reopen();
    assert_eq!(fixture.chain.batch_texts(&digest).unwrap(), Some(texts));
}

#[test]
fn an_unordered_batch_gets_the_texts_that_it_lacks() {
    let mut fixture = Fixture::new(3);
    let made = paid(&mut fixture.network, "memo", "note");
    let (batch, texts) = fixture.network.copy(std::slice::from_ref(&made));
    let (digest, texts) = (batch.digest(), texts.unwrap());
    fixture.chain.write_batches(std::slice::from_ref(&batch)).unwrap();
    assert_eq!(fixture.chain.batch_texts(&digest).unwrap(), None);
    let mut items = texts.items().to_vec();
    items[0] = withheld(&items[0]);
    assert!(
        fixture
            .chain
            .write_texts(&digest, &BatchTexts::new(items))
            .unwrap()
    );
    // A text takes the place of its hash, and is not replaced by it again.
    assert!(fixture.chain.write_texts(&digest, &texts).unwrap());
    let hashes = texts.items().iter().map(withheld).collect();
    assert!(
        fixture
            .chain
            .write_texts(&digest, &BatchTexts::new(hashes))
            .unwrap()
    );
    assert_eq!(fixture.chain.batch_texts(&digest).unwrap().as_ref(), Some(&texts));
    let length = batch.bytes().len() + encode(&texts).len();
    let unordered = fixture.chain.unordered_batches().unwrap();
    assert_eq!(unordered[0].length as usize, length);
    // Nothing is forgotten where the batch comes again without them.
    fixture.order(&[(batch, None)]);
    assert_eq!(stored(&fixture, &made, &[Place::Memo, FIELD]), all(&made));
}

#[test]
fn a_copy_that_an_earlier_block_executed_brings_nothing_new() {
    let mut fixture = Fixture::new(3);
    let made = noted(&mut fixture.network, "memo");
    let copies = [
        fixture.network.copy(std::slice::from_ref(&made)),
        fixture.network.copy(std::slice::from_ref(&made)),
    ];
    for copy in &copies {
        fixture.order(std::slice::from_ref(copy));
    }
    assert_eq!(fixture.snapshot().transaction_count(), 1);
    assert_eq!(stored(&fixture, &made, &[Place::Memo]), all(&made));
    for copy in copies {
        assert_eq!(fixture.chain.batch_texts(&copy.0.digest()).unwrap(), copy.1);
    }
}

#[test]
fn an_erased_text_is_no_missing_one() {
    let mut fixture = Fixture::new(3);
    let (one, two) = (
        noted(&mut fixture.network, "memo"),
        paid(&mut fixture.network, "memo", "note"),
    );
    let (batch, texts) = fixture.network.copy(&[one.clone(), two.clone()]);
    let digest = batch.digest();
    fixture.order(&[(batch, None)]);
    let erasing = vec![erase(&one.0, &[Place::Memo]), erase(&two.0, &[FIELD])];
    let transaction = fixture.network.transaction(0, erasing);
    fixture.commit(vec![transaction]);
    let missing = fixture.snapshot().missing_texts(Height(1)).unwrap();
    let place = Place::Memo;
    let id = two.0.id();
    let batch = digest;
    assert_eq!(missing, [MissingText { batch, id, place }]);
    let snapshot = fixture.snapshot();
    assert!(snapshot.is_erased(&one.0.id(), &Place::Memo).unwrap());
    assert!(snapshot.is_erased(&two.0.id(), &FIELD).unwrap());
    assert!(!snapshot.is_erased(&two.0.id(), &Place::Memo).unwrap());
    drop(snapshot);

    // Whoever still has them brings them in vain; what is not erased is taken.
    assert!(fixture.chain.write_texts(&digest, &texts.unwrap()).unwrap());
    assert_eq!(
        stored(&fixture, &two, &[Place::Memo, FIELD]),
        [Some(two.1[0].clone()), Some(withheld(&two.1[1]))]
    );
    assert_eq!(
        stored(&fixture, &one, &[Place::Memo]),
        [Some(withheld(&one.1[0]))]
    );
    assert_eq!(fixture.snapshot().missing_texts(Height(1)).unwrap(), []);
}

#[test]
fn a_text_that_was_erased_before_its_transaction_was_executed_is_never_kept() {
    let mut fixture = Fixture::new(3);
    let made = paid(&mut fixture.network, "memo", "note");
    // In an earlier block, where its batch is here already; the other one in its own block.
    let copy = fixture.network.copy(std::slice::from_ref(&made));
    fixture.chain.write_copies(std::slice::from_ref(&copy)).unwrap();
    let before = fixture.chain.unordered_batches().unwrap()[0].length;
    let transaction = fixture
        .network
        .transaction(0, vec![erase(&made.0, &[Place::Memo])]);
    fixture.commit(vec![transaction]);
    let digest = copy.0.digest();
    let texts = fixture.chain.batch_texts(&digest).unwrap().unwrap();
    assert_eq!(texts.items(), [withheld(&made.1[0]), made.1[1].clone()]);
    let kept = encode(copy.1.as_ref().unwrap()).len();
    let unordered = fixture.chain.unordered_batches().unwrap();
    let expected = before as usize - kept + encode(&texts).len();
    assert_eq!(unordered[0].length as usize, expected);

    let transaction = fixture.network.transaction(0, vec![erase(&made.0, &[FIELD])]);
    let other = fixture.network.copy(&[(transaction, Vec::new())]);
    fixture.order(&[copy, other]);
    let expected: Vec<_> = made.1.iter().map(|item| Some(withheld(item))).collect();
    assert_eq!(stored(&fixture, &made, &[Place::Memo, FIELD]), expected);
    let snapshot = fixture.snapshot();
    let erasure = snapshot.erasure(&made.0.id()).unwrap().unwrap();
    let ordinals: Vec<u64> = erasure.erased.iter().map(|erased| erased.ordinal).collect();
    assert_eq!(ordinals, [0, 2], "before the transaction, and after it");
    assert_eq!(snapshot.ordinal_of(&made.0.id()).unwrap(), Some(1));
}

#[test]
fn records_have_texts_of_two_kinds() {
    let mut fixture = Fixture::new(2);
    let record = Operation::PutRecord {
        sha256: Digest([5; 32]),
        keep: quorate_ledger::Keep::Log,
    };
    let metadata = Place::Operation { index: 0, field: 1 };
    let made =
        fixture
            .network
            .transaction_with(0, vec![record], &[(FIELD, "deed"), (metadata, "\u{0}\u{1}")]);
    let copy = fixture.network.copy(std::slice::from_ref(&made));
    fixture.order(&[copy]);
    assert_eq!(stored(&fixture, &made, &[FIELD, metadata]), all(&made));
}
