//! The batch check (section 5): every code of section 23, with the smallest batch that causes it.

use bytes::Bytes;
use quorate_crypto::{ClientSigningKey, Digest, Epoch, KeySignature, KnownKeys, Tag, ValidatorIndex};
use quorate_ledger::{
    Batch, BatchBytes, BatchError, BatchV1, CheckedBatch, FormedBatch, Intent, SignedBatch, Transaction,
    count_transactions, encode,
};

use crate::world::{World, batch, client, intent, signed, signed_batch, signing_key};

/// The code and the reason that a batch is refused with.
#[track_caller]
fn refused(world: &World, signed: &SignedBatch) -> (&'static str, Option<&'static str>) {
    let error = world.check(signed).unwrap_err();
    (error.code(), error.reason())
}

/// A batch of one transaction after `change`, signed by its author.
fn changed(change: impl FnOnce(&mut BatchV1)) -> SignedBatch {
    let mut contents = batch(vec![signed(1, 0)]);
    change(&mut contents);
    Batch::V1(contents).sign(&signing_key(0x11))
}

/// A batch of one transaction whose signatures were changed.
fn with_signatures(change: impl FnOnce(&mut Vec<KeySignature>)) -> SignedBatch {
    changed(|batch| {
        let Transaction::V1(transaction) = &mut batch.transactions[0];
        change(&mut transaction.signatures);
    })
}

fn p256() -> ClientSigningKey {
    ClientSigningKey::p256_from_scalar(&[5; 32]).unwrap()
}

/// A batch of one transaction that a P-256 key signed, and this Ed25519 key.
fn signed_by_both_kinds() -> SignedBatch {
    changed(|batch| batch.transactions = vec![Intent::V1(intent(1, 0)).sign([&p256(), &client(1)])])
}

#[test]
fn a_checked_batch_knows_ids_hashes_and_bytes() {
    let world = World::new();
    // With more than 127 transactions their count takes two bytes.
    for count in [1, 127, 128, 200] {
        let mut transactions: Vec<Transaction> = (0..count).map(|salt| signed(salt % 7 + 1, salt)).collect();
        transactions.push(Intent::V1(intent(1, 255)).sign([&client(1), &p256(), &client(3)]));
        let signed = signed_batch(transactions.clone());
        let checked = world.check(&signed).unwrap();
        assert_eq!(checked.digest(), signed.digest());
        assert_eq!(checked.signed(), &signed);
        assert_eq!(checked.bytes()[..], encode(&signed));
        assert_eq!(checked.len(), transactions.len());
        for (item, transaction) in checked.transactions().zip(&transactions) {
            assert_eq!(item.transaction, transaction);
            assert_eq!(item.id, transaction.id());
            assert_eq!(item.signed, transaction.signed_hash());
            assert_eq!(item.bytes, encode(transaction));
        }
        assert_eq!(
            count_transactions(checked.bytes()),
            u32::try_from(checked.len()).ok()
        );
        let bytes = BatchBytes::new(checked.bytes().clone()).unwrap();
        assert_eq!(bytes.digest(), checked.digest());
        assert_eq!(bytes.signature(), *signed.signature());
        let contents = Batch::V1(signed.batch().clone());
        let own = FormedBatch::sign(contents, &signing_key(0x11), &world.rules()).unwrap();
        assert_eq!(own.with_signatures_checked().bytes(), checked.bytes());
        let formed = FormedBatch::from_signed(signed, &world.rules()).unwrap();
        assert_eq!(formed.digest(), checked.formed().digest());
    }
}

#[test]
fn groups_have_every_signature_once_and_cost_about_the_same() {
    let world = World::new();
    let mut transactions: Vec<Transaction> = (0..200).map(|salt| signed(1, salt)).collect();
    for salt in 200..255 {
        transactions.push(Intent::V1(intent(1, salt)).sign([&client(1), &p256()]));
    }
    let signed = signed_batch(transactions);
    let formed = FormedBatch::from_signed(signed, &world.rules()).unwrap();
    // 255 Ed25519 signatures at 1, 55 P-256 signatures at 20.
    for (threads, expected) in [(1, 2), (2, 2), (4, 4), (100, 5)] {
        let groups = formed.signature_groups(threads);
        assert!(groups.iter().all(|group| !group.is_empty()));
        let signatures: usize = groups.iter().map(|group| group.len()).sum();
        assert_eq!(signatures, 310);
        assert_eq!(groups.len(), expected, "for {threads} threads");
        assert!(groups.iter().all(|group| group.verify().is_ok()));
    }
}

#[test]
fn code_encoding() {
    let world = World::new();
    let bytes = encode(&changed(|_| {}));
    let mut trailing = bytes.clone();
    trailing.push(0);
    let mut of_another_version = bytes.clone();
    of_another_version[0] = 1;
    for malformed in [&trailing[..], &of_another_version, &bytes[..bytes.len() - 1], &[]] {
        let error = CheckedBatch::check(Bytes::copy_from_slice(malformed), &world.rules()).unwrap_err();
        assert_eq!(error.code(), "encoding");
    }
    // What the digest does not cover cannot make bytes unreadable.
    assert!(BatchBytes::new(Bytes::from(of_another_version)).is_none());
    assert!(BatchBytes::new(Bytes::from(vec![0; 64])).is_none());
    assert!(BatchBytes::new(Bytes::from(vec![0; 65])).is_some());
}

#[test]
fn code_too_long() {
    let signed = changed(|_| {});
    let length = encode(&signed).len();
    let limited =
        |limit: usize| World::with(|parameters| parameters.max_batch_bytes = limit.try_into().unwrap());
    assert!(limited(length).check(&signed).is_ok());
    let world = limited(length - 1);
    assert_eq!(refused(&world, &signed), ("too_long", None));
    let error = FormedBatch::from_signed(signed, &world.rules()).unwrap_err();
    assert_eq!(error.code(), "too_long");
}

#[test]
fn codes_network_epoch_and_author() {
    let world = World::new();
    let other = changed(|batch| batch.network = Digest([1; 32]));
    assert_eq!(refused(&world, &other), ("network", None));
    let later = changed(|batch| batch.epoch = Epoch(1));
    assert_eq!(refused(&world, &later), ("epoch", None));
    let stranger = changed(|batch| batch.author = ValidatorIndex(1));
    assert_eq!(refused(&world, &stranger), ("author", None));
}

#[test]
fn code_author_signature() {
    let world = World::new();
    let contents = batch(vec![signed(1, 0)]);
    let forged = Batch::V1(contents.clone()).sign(&signing_key(0x12));
    assert_eq!(refused(&world, &forged), ("author_signature", None));
    // A good signature of the same bytes under another tag is none.
    let good = Batch::V1(contents).sign(&signing_key(0x11));
    let digest = good.digest();
    let SignedBatch::V1(mut signed) = good;
    signed.signature = quorate_crypto::sign_strict(&signing_key(0x11), Tag::BATCH, &digest.0);
    assert_eq!(
        refused(&world, &SignedBatch::V1(signed)),
        ("author_signature", None)
    );
}

#[test]
fn a_bad_signature_in_one_copy_says_nothing_of_another() {
    let world = World::new();
    let good = changed(|_| {});
    let SignedBatch::V1(mut signed) = good.clone();
    signed.signature.0[0] ^= 1;
    let bad = SignedBatch::V1(signed);
    // Both are the same batch.
    assert_eq!(bad.digest(), good.digest());
    let error = world.check(&bad).unwrap_err();
    assert_eq!(error.code(), "author_signature");
    assert!(error.is_of_one_copy());
    assert!(world.check(&good).is_ok());
    let author = ValidatorIndex(0);
    let rules = world.rules();
    assert!(rules.is_signed_by(author, &good.digest(), good.signature()));
    assert!(!rules.is_signed_by(author, &bad.digest(), bad.signature()));
    assert!(!rules.is_signed_by(ValidatorIndex(1), &good.digest(), good.signature()));
}

#[test]
fn code_count() {
    let world = World::with(|parameters| parameters.max_batch_transactions = 1);
    assert_eq!(
        refused(&world, &changed(|batch| batch.transactions.clear())),
        ("count", None)
    );
    assert!(world.check(&changed(|_| {})).is_ok());
    let two = changed(|batch| batch.transactions.push(signed(1, 1)));
    assert_eq!(refused(&world, &two), ("count", None));
}

#[test]
fn code_transaction_with_its_reason() {
    let world = World::new();
    let malformed = |change: fn(&mut quorate_ledger::IntentV1)| {
        let mut intent = intent(1, 0);
        change(&mut intent);
        changed(|batch| batch.transactions = vec![Intent::V1(intent).sign([&client(1)])])
    };
    let party = malformed(|intent| intent.operations[0].party = 1);
    assert_eq!(refused(&world, &party), ("transaction", Some("party_index")));
    let empty = malformed(|intent| intent.operations.clear());
    assert_eq!(refused(&world, &empty), ("transaction", Some("operations")));
    let unsigned = with_signatures(Vec::clear);
    assert_eq!(refused(&world, &unsigned), ("transaction", Some("signatures")));
    let foreign = malformed(|intent| intent.network = Digest([1; 32]));
    assert_eq!(refused(&world, &foreign).0, "transaction");

    let error = world.check(&changed(|batch| {
        batch
            .transactions
            .push(Transaction::clone(&party.batch().transactions[0]));
    }));
    assert!(matches!(
        error.unwrap_err(),
        BatchError::Form { transaction: 1, .. }
    ));
}

#[test]
fn code_cost() {
    // An Ed25519 signature costs 1, a P-256 signature 20.
    let signed = signed_by_both_kinds();
    let limited = |limit| World::with(|parameters| parameters.max_batch_signature_cost = limit);
    assert!(limited(21).check(&signed).is_ok());
    assert_eq!(refused(&limited(20), &signed), ("cost", None));
    let cost = limited(20).check(&signed).unwrap_err();
    assert_eq!(cost, BatchError::SignatureCost { cost: 21, limit: 20 });
    assert!(!cost.is_of_one_copy());
}

#[test]
fn code_client_signature() {
    let world = World::new();
    let flipped = with_signatures(|signatures| {
        let KeySignature::Ed25519 { signature, .. } = &mut signatures[0] else {
            unreachable!("client 1 has an Ed25519 key");
        };
        signature[3] ^= 1;
    });
    assert_eq!(refused(&world, &flipped), ("client_signature", None));
    for place in [0, 130, 199] {
        let signed = changed(|batch| {
            batch.transactions = (0..200).map(|salt| signed(1, salt)).collect();
            // A good signature of the same key under another transaction.
            let other = signed(1, 250);
            let Transaction::V1(transaction) = &mut batch.transactions[place];
            transaction.signatures = other.signatures().to_vec();
        });
        assert_eq!(
            world.check(&signed).unwrap_err(),
            BatchError::BadSignature { transaction: place }
        );
        // Keys that are known change no verdict.
        let formed = FormedBatch::from_signed(signed, &world.rules()).unwrap();
        let keys = KnownKeys::new(16);
        for _ in 0..2 {
            let mut verdicts = formed.signature_groups(1).into_iter();
            let bad = verdicts.find_map(|group| group.verify_knowing(&keys).err());
            assert_eq!(bad, Some(BatchError::BadSignature { transaction: place }));
        }
    }
    let mut both = signed_by_both_kinds();
    let SignedBatch::V1(signed) = &mut both;
    let Batch::V1(batch) = &mut signed.batch;
    let Transaction::V1(transaction) = &mut batch.transactions[0];
    for signature in &mut transaction.signatures {
        if let KeySignature::P256 { signature, .. } = signature {
            signature[5] ^= 1;
        }
    }
    let contents = Batch::V1(both.batch().clone());
    assert_eq!(
        refused(&world, &contents.sign(&signing_key(0x11))),
        ("client_signature", None)
    );
}

#[test]
fn pitfall_33_authority_and_expiry_are_no_part_of_it() {
    let world = World::new();
    let mut expired = intent(1, 0);
    expired.expires_at.0 = 1;
    let by_a_stranger = Intent::V1(expired).sign([&client(9)]);
    let signed = changed(|batch| batch.transactions = vec![by_a_stranger.clone(), by_a_stranger]);
    assert!(world.check(&signed).is_ok());
}

#[test]
fn the_same_transactions_packed_again_are_another_batch() {
    let world = World::new();
    let (first, again) = (changed(|_| {}), changed(|batch| batch.number = 2));
    assert_ne!(first.digest(), again.digest());
    assert!(world.check(&again).is_ok());
}
