//! Texts: with their batches, of what was executed, missing, and added later.

use quorate_ledger_second::{
    BatchTexts, Digest, Height, Operation, Place, TextItem, Transaction, decode, encode,
};
use quorate_storage_second::MissingText;

use crate::chain::Fixture;
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
    let (mine, items) = network.transaction_with(0, vec![transfer(to, "QRT", 1)], texts);
    let (others, _) = network.transaction_with(1, vec![transfer(to, "QRT", 1)], &[]);
    let signed = Transaction::new(mine.v1().intent.clone(), others.signatures().to_vec());
    (signed, items)
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
fn texts_of_what_was_skipped_go_with_their_batch() {
    let mut fixture = Fixture::new(3);
    let good = paid(&mut fixture.network, "memo", "note");
    let one = unauthorised(&mut fixture.network, &[(Place::Memo, "never executed")]);
    let two = unauthorised(&mut fixture.network, &[(Place::Memo, "neither"), (FIELD, "this")]);
    for (skipped, is_served) in [(one, true), (two, false)] {
        let good = if is_served {
            good.clone()
        } else {
            noted(&mut fixture.network, "another")
        };
        let copy = fixture.network.copy(&[skipped.clone(), good.clone()]);
        let (digest, texts) = (copy.0.digest(), copy.1.clone().unwrap());
        let execution = fixture.order(&[copy]);
        assert_eq!(execution.transactions.len(), 1);
        assert_eq!(stored(&fixture, &skipped, &[Place::Memo, FIELD]), [None, None]);
        assert_eq!(stored(&fixture, &good, &[Place::Memo])[0], all(&good)[0]);
        // A text that is its transaction's only one has the root as its leaf's hash; of two no hash is known.
        let mut items = texts.items().to_vec();
        items[0] = withheld(&items[0]);
        let expected = is_served.then(|| BatchTexts::new(items));
        assert_eq!(fixture.chain.batch_texts(&digest).unwrap(), expected);
        let height = execution.tip.height;
        assert_eq!(fixture.snapshot().missing_texts(height).unwrap(), []);
    }
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
        keep: quorate_ledger_second::Keep::Log,
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
