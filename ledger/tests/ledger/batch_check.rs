//! The batch check: every way to be refused, and what it computes once.

use bytes::Bytes;
use quorate_crypto::{SigningKey, merkle};
use quorate_ledger::{
    Batch, BatchBytes, BatchError, BatchV1, CheckedBatch, DecodeError, Digest, Epoch, FormError, FormedBatch,
    Intent, Parameters, SignedBatch, Transaction, ValidatorIndex, count_transactions, encode,
};

use crate::world::{NETWORK, World, key, transfer};

fn transactions(world: &World, count: u8) -> Vec<Transaction> {
    (0..count)
        .map(|salt| world.signed(salt % 7, salt, vec![transfer(1, 1)]))
        .collect()
}

fn check(world: &World, signed: &SignedBatch) -> Result<CheckedBatch, BatchError> {
    CheckedBatch::check(Bytes::from(encode(signed)), &world.rules())
}

/// Signs a batch after `change`.
fn changed(world: &World, change: impl FnOnce(&mut BatchV1)) -> SignedBatch {
    let mut batch = BatchV1 {
        network: NETWORK,
        epoch: Epoch(0),
        author: ValidatorIndex(0),
        number: 1,
        transactions: transactions(world, 3),
    };
    change(&mut batch);
    Batch::V1(batch).sign(&world.author)
}

#[test]
fn the_same_transactions_packed_again_are_another_batch() {
    let world = World::new();
    let first = changed(&world, |_| {});
    let again = changed(&world, |batch| batch.number = 2);
    assert_ne!(first.digest(), again.digest());
    check(&world, &again).unwrap();
}

#[test]
fn a_checked_batch_knows_ids_leaves_and_bytes() {
    let world = World::new();
    // With more than 127 transactions their count takes two bytes.
    for count in [1, 127, 128, 200] {
        let mut transactions = transactions(&world, count);
        let intent = Intent::V1(world.intent(0, 255, vec![transfer(1, 1)]));
        transactions.push(intent.sign([&key(0), &key(1), &key(2)]));
        let signed = world.signed_batch(transactions.clone());
        let checked = check(&world, &signed).unwrap();
        assert_eq!(checked.digest(), signed.digest());
        assert_eq!(checked.signed(), &signed);
        assert_eq!(checked.bytes()[..], encode(&signed));
        assert_eq!(checked.len(), transactions.len());
        for (item, transaction) in checked.transactions().zip(&transactions) {
            assert_eq!(item.transaction, transaction);
            assert_eq!(item.id, transaction.id());
            assert_eq!(item.bytes, encode(transaction));
            assert_eq!(item.leaf, merkle::leaf_hash(item.bytes));
        }
        assert_eq!(
            count_transactions(checked.bytes()),
            u32::try_from(checked.len()).ok()
        );
        let bytes = BatchBytes::new(checked.bytes().clone()).unwrap();
        assert_eq!(bytes.digest(), checked.digest());
        let batch = Batch::V1(signed.batch().clone());
        let own = FormedBatch::sign(batch, &world.author, &world.rules()).unwrap();
        assert_eq!(own.with_signatures_checked().bytes(), checked.bytes());
        let formed = FormedBatch::from_signed(signed, &world.rules()).unwrap();
        assert_eq!(formed.digest(), checked.digest());
        let groups = formed.signature_groups(2);
        assert!(groups.iter().all(|group| !group.is_empty()));
        let signatures: usize = groups.iter().map(|group| group.len()).sum();
        assert_eq!(signatures, usize::from(count) + 3);
    }
}

#[test]
fn it_is_for_this_network_epoch_and_committee() {
    let world = World::new();
    let other = changed(&world, |batch| batch.network = Digest([1; 32]));
    assert!(matches!(
        check(&world, &other),
        Err(BatchError::WrongNetwork { .. })
    ));
    let later = changed(&world, |batch| batch.epoch = Epoch(1));
    let (got, expected) = (Epoch(1), Epoch(0));
    assert_eq!(
        check(&world, &later).unwrap_err(),
        BatchError::WrongEpoch { got, expected }
    );
    let author = ValidatorIndex(1);
    let stranger = changed(&world, |batch| batch.author = author);
    assert_eq!(
        check(&world, &stranger).unwrap_err(),
        BatchError::UnknownAuthor { author }
    );
}

#[test]
fn its_author_signed_it() {
    let mut world = World::new();
    let author = ValidatorIndex(0);
    let SignedBatch::V1(mut signed) = changed(&world, |_| {});
    signed.signature.0[0] ^= 1;
    let error = BatchError::BadAuthorSignature { author };
    assert_eq!(check(&world, &SignedBatch::V1(signed)).unwrap_err(), error);
    world.author = SigningKey::from_seed(&[201; 32]);
    assert_eq!(check(&world, &changed(&world, |_| {})).unwrap_err(), error);
}

#[test]
fn it_has_at_least_one_transaction_and_not_too_many() {
    let mut world = World::new();
    let limit = 4_096;
    let empty = changed(&world, |batch| batch.transactions.clear());
    let count = 0;
    assert_eq!(
        check(&world, &empty).unwrap_err(),
        BatchError::TransactionCount { count, limit }
    );
    let Parameters::V1(parameters) = &mut world.parameters;
    parameters.max_batch_transactions = 2;
    let (count, limit) = (3, 2);
    let full = changed(&world, |_| {});
    assert_eq!(
        check(&world, &full).unwrap_err(),
        BatchError::TransactionCount { count, limit }
    );
}

#[test]
fn its_bytes_are_bounded_and_canonical() {
    let mut world = World::new();
    let signed = changed(&world, |_| {});
    let bytes = encode(&signed);
    let length = bytes.len();
    let Parameters::V1(parameters) = &mut world.parameters;
    parameters.max_batch_bytes = u32::try_from(length).unwrap();
    assert!(check(&world, &signed).is_ok());
    let Parameters::V1(parameters) = &mut world.parameters;
    parameters.max_batch_bytes -= 1;
    let limit = length - 1;
    let too_long = BatchError::Decode(DecodeError::TooLong { length, limit });
    assert_eq!(check(&world, &signed).unwrap_err(), too_long);
    assert_eq!(
        FormedBatch::from_signed(signed, &world.rules()).unwrap_err(),
        too_long
    );

    let world = World::new();
    let mut trailing = bytes.clone();
    trailing.push(0);
    for malformed in [&trailing[..], &bytes[..length - 1], &[]] {
        let error = CheckedBatch::check(Bytes::copy_from_slice(malformed), &world.rules()).unwrap_err();
        assert!(matches!(error, BatchError::Decode(DecodeError::Malformed { .. })));
    }
}

#[test]
fn every_transaction_in_it_is_well_formed() {
    let world = World::new();
    let signed = changed(&world, |batch| batch.transactions[2] = world.signed(0, 0, vec![]));
    let error = BatchError::Form {
        transaction: 2,
        error: FormError::OperationCount { count: 0 },
    };
    assert_eq!(check(&world, &signed).unwrap_err(), error);
}

#[test]
fn every_client_signature_in_it_is_good() {
    let world = World::new();
    for place in [0, 130, 199] {
        let signed = changed(&world, |batch| {
            batch.transactions = transactions(&world, 200);
            let Transaction::V1(transaction) = &mut batch.transactions[place];
            transaction.signatures[0].signature.0[3] ^= 1;
        });
        let transaction = place;
        assert_eq!(
            check(&world, &signed).unwrap_err(),
            BatchError::BadSignature { transaction }
        );
    }
}

#[test]
fn pitfall_33_authority_expiry_and_balance_are_no_part_of_it() {
    let world = World::new();
    let signed = changed(&world, |batch| {
        let mut intent = world.intent(5, 0, vec![transfer(1, u128::MAX)]);
        intent.expires_at.0 = 1;
        batch.transactions = vec![Intent::V1(intent).sign([&key(9)])];
    });
    assert!(check(&world, &signed).is_ok());
}
