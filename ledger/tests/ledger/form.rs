//! The form of transactions: every way to be malformed.

use quorate_crypto::{KeyError, PublicKey, Signature};
use quorate_ledger::{
    Amount, Digest, FormError, Intent, IntentV1, KeySignature, Operation, OperationFormError, Signer,
    Transaction, TransactionV1, decode, encode,
};

use crate::world::{NETWORK, World, address, burn, key, mint, qrt, transfer};

fn check(transaction: &Transaction) -> Result<(), FormError> {
    transaction.check_form(&NETWORK, World::new().parameters.v1())
}

/// Signs an intent after `change`.
fn changed(change: impl FnOnce(&mut IntentV1)) -> Transaction {
    let mut intent = World::new().intent(0, 0, vec![transfer(1, 1)]);
    change(&mut intent);
    Intent::V1(intent).sign([&key(0)])
}

fn operation(operation: Operation) -> Result<(), OperationFormError> {
    match check(&changed(|intent| intent.operations.push(operation))) {
        Ok(()) => Ok(()),
        Err(FormError::Operation { operation: 1, error }) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_transaction_is_for_one_network() {
    let got = Digest([1; 32]);
    let transaction = changed(|intent| intent.network = got);
    let expected = NETWORK;
    assert_eq!(
        check(&transaction),
        Err(FormError::WrongNetwork { got, expected })
    );
}

#[test]
fn its_size_is_bounded_before_it_is_read_and_after() {
    let mut world = World::new();
    let transaction = world.signed(0, 0, vec![transfer(1, 1)]);
    let bytes = encode(&transaction);
    let quorate_ledger::Parameters::V1(parameters) = &mut world.parameters;
    parameters.max_transaction_bytes = u32::try_from(bytes.len()).unwrap();
    assert_eq!(Transaction::decode(&bytes, parameters).unwrap(), transaction);
    assert_eq!(transaction.check_form(&NETWORK, parameters), Ok(()));
    parameters.max_transaction_bytes -= 1;
    assert!(Transaction::decode(&bytes, parameters).is_err());
    let (length, limit) = (bytes.len(), bytes.len() - 1);
    assert_eq!(
        transaction.check_form(&NETWORK, parameters),
        Err(FormError::TooLong { length, limit })
    );
}

#[test]
fn it_has_1_to_16_signatures_in_order_and_no_key_twice() {
    let signature = |byte| KeySignature {
        key: PublicKey([byte; 32]),
        signature: Signature([0; 64]),
    };
    let with = |signatures: Vec<KeySignature>| {
        let intent = Intent::V1(World::new().intent(0, 0, vec![transfer(1, 1)]));
        Transaction::V1(TransactionV1 { intent, signatures })
    };
    assert_eq!(check(&with(vec![])), Err(FormError::SignatureCount { count: 0 }));
    let many = with((1..=17).map(signature).collect());
    assert_eq!(check(&many), Err(FormError::SignatureCount { count: 17 }));
    assert!(
        decode::<Transaction>(&encode(&many), 65_536).is_err(),
        "the decoder stops at 16"
    );
    assert_eq!(check(&with((1..=16).map(signature).collect())), Ok(()));
    let unordered = Err(FormError::SignaturesUnordered);
    assert_eq!(check(&with(vec![signature(2), signature(1)])), unordered);
    assert_eq!(check(&with(vec![signature(2), signature(2)])), unordered);
}

#[test]
fn no_signature_is_under_a_key_of_small_order() {
    let mut weak = [0; 32];
    weak[0] = 1;
    let weak = PublicKey(weak);
    assert_eq!(weak.check_registrable(), Err(KeyError::SmallOrder));
    let intent = Intent::V1(World::new().intent(0, 0, vec![transfer(1, 1)]));
    // Under such a key ZIP-215 accepts a signature of zeros for anything.
    let mut bytes = [0; 64];
    bytes[0] = 1;
    let signature = Signature(bytes);
    let transaction = Transaction::new(intent, vec![KeySignature { key: weak, signature }]);
    assert_eq!(transaction.verify_signatures(), Ok(()));
    assert_eq!(check(&transaction), Err(FormError::SmallOrderKey { key: weak }));
}

#[test]
fn it_has_1_to_256_operations() {
    let with = |count: usize| changed(|intent| intent.operations = vec![transfer(1, 1); count]);
    assert_eq!(check(&with(0)), Err(FormError::OperationCount { count: 0 }));
    assert_eq!(check(&with(256)), Ok(()));
    assert_eq!(check(&with(257)), Err(FormError::OperationCount { count: 257 }));
    assert!(
        decode::<Transaction>(&encode(&with(257)), 65_536).is_err(),
        "the decoder stops at 256"
    );
}

#[test]
fn its_memo_has_at_most_256_bytes() {
    let with = |length: usize| changed(|intent| intent.memo = "é".repeat(length / 2));
    assert_eq!(check(&with(256)), Ok(()));
    assert_eq!(check(&with(258)), Err(FormError::MemoTooLong { length: 258 }));
}

#[test]
fn amounts_are_above_zero() {
    let zero = Err(OperationFormError::ZeroAmount);
    assert_eq!(operation(mint("QRT", 1, 0)), zero);
    assert_eq!(operation(burn("QRT", 0)), zero);
    assert_eq!(operation(transfer(1, 0)), zero);
    assert_eq!(operation(transfer(1, u128::MAX)), Ok(()));
}

#[test]
fn texts_of_operations_are_bounded() {
    let create = |length: usize| Operation::CreateAsset {
        code: qrt(),
        decimals: 200,
        description: "x".repeat(length),
    };
    let memo = |length: usize| Operation::Transfer {
        to: address(1),
        asset: qrt(),
        amount: Amount(1),
        memo: "x".repeat(length),
    };
    let record = |label: usize, metadata: usize| Operation::PutRecord {
        sha256: Digest([0; 32]),
        label: "x".repeat(label),
        metadata: vec![0; metadata],
    };
    use OperationFormError as Error;
    assert_eq!(operation(create(128)), Ok(()));
    assert_eq!(
        operation(create(129)),
        Err(Error::DescriptionTooLong { length: 129 })
    );
    assert_eq!(operation(memo(128)), Ok(()));
    assert_eq!(operation(memo(129)), Err(Error::MemoTooLong { length: 129 }));
    assert_eq!(operation(record(128, 1_024)), Ok(()));
    assert_eq!(
        operation(record(129, 0)),
        Err(Error::LabelTooLong { length: 129 })
    );
    assert_eq!(
        operation(record(0, 1_025)),
        Err(Error::MetadataTooLong { length: 1_025 })
    );
}

#[test]
fn signers_are_1_to_16_in_order_with_weights() {
    let set = |signers: &[(u8, u32)]| {
        let signers = signers.iter().map(|(byte, weight)| Signer {
            key: PublicKey([*byte; 32]),
            weight: *weight,
        });
        operation(Operation::SetSigners {
            signers: signers.collect(),
            threshold: 0,
        })
    };
    use OperationFormError as Error;
    let many: Vec<(u8, u32)> = (1..=17).map(|byte| (byte, 1)).collect();
    assert_eq!(set(&[]), Err(Error::SignerCount { count: 0 }));
    assert_eq!(set(&many), Err(Error::SignerCount { count: 17 }));
    assert_eq!(set(&many[..16]), Ok(()));
    assert_eq!(set(&[(2, 1), (1, 1)]), Err(Error::SignersUnordered));
    assert_eq!(set(&[(2, 1), (2, 1)]), Err(Error::SignersUnordered));
    assert_eq!(set(&[(1, 0)]), Err(Error::Weight { weight: 0 }));
    assert_eq!(set(&[(1, 65_535)]), Ok(()));
    assert_eq!(set(&[(1, 65_536)]), Err(Error::Weight { weight: 65_536 }));
}

#[test]
fn every_attached_signature_must_be_good() {
    let world = World::new();
    let good = Intent::V1(world.intent(0, 0, vec![transfer(1, 1)])).sign([&key(0), &key(1), &key(0)]);
    assert_eq!(good.signatures().len(), 2);
    assert_eq!(good.verify_signatures(), Ok(()));
    for at in 0..2 {
        let Transaction::V1(mut parts) = good.clone();
        parts.signatures[at].signature.0[5] ^= 1;
        let bad = Transaction::V1(parts);
        let error = bad.verify_signatures().unwrap_err();
        assert_eq!(error.key, good.signatures()[at].key);
    }
    let Transaction::V1(mut parts) = good;
    let Intent::V1(intent) = &mut parts.intent;
    intent.expires_at.0 += 1;
    assert!(Transaction::V1(parts).verify_signatures().is_err());
}

#[test]
fn parameters_have_ranges() {
    use quorate_ledger::ParametersV1;
    assert_eq!(ParametersV1::default().check(), Ok(()));
    type Change = fn(&mut ParametersV1);
    let bad: [(&str, Change); 16] = [
        ("max_transaction_bytes", |p| p.max_transaction_bytes = 1_023),
        ("max_transaction_bytes", |p| p.max_transaction_bytes = 65_537),
        ("max_batch_bytes", |p| p.max_batch_bytes = p.max_transaction_bytes),
        ("max_batch_bytes", |p| p.max_batch_bytes = (4 << 20) + 1),
        ("max_batch_transactions", |p| p.max_batch_transactions = 0),
        ("max_batch_transactions", |p| p.max_batch_transactions = 32_769),
        ("max_proposal_batches", |p| p.max_proposal_batches = 0),
        ("max_proposal_batches", |p| p.max_proposal_batches = 257),
        ("max_expiry_lead_ms", |p| p.max_expiry_lead_ms = 999),
        ("max_expiry_lead_ms", |p| p.max_expiry_lead_ms = u64::MAX),
        ("max_clock_lead_ms", |p| p.max_clock_lead_ms = 0),
        ("max_clock_lead_ms", |p| p.max_clock_lead_ms = u64::MAX),
        ("window", |p| p.window = 0),
        ("window", |p| p.window = 65),
        ("author_quota", |p| p.author_quota = 0),
        ("author_quota", |p| p.author_quota = 4_097),
    ];
    for (name, change) in bad {
        let mut parameters = ParametersV1::default();
        change(&mut parameters);
        assert_eq!(parameters.check().unwrap_err().parameter, name);
    }
}

#[test]
fn a_proposal_names_no_batch_twice_and_not_too_many() {
    use quorate_ledger::{Proposal, ProposalError, Timestamp};
    let world = World::new();
    let parameters = world.parameters.v1();
    let of = |batches: Vec<u8>| {
        let batches = batches.into_iter().map(|byte| Digest([byte; 32])).collect();
        Proposal::new(Timestamp(1), batches).check_form(parameters)
    };
    assert_eq!(of(vec![]), Ok(()));
    assert_eq!(of((0..32).collect()), Ok(()));
    let (count, limit) = (33, 32);
    assert_eq!(
        of((0..33).collect()),
        Err(ProposalError::TooManyBatches { count, limit })
    );
    let batch = Digest([4; 32]);
    assert_eq!(of(vec![4, 5, 4]), Err(ProposalError::RepeatedBatch { batch }));
}
