//! Limits (`docs/formats.md`, section 22): bytes are counted before they are decoded, and what a
//! list announces is looked at before anything is set aside for it.
//!
//! That the count itself is what is refused shows in the words of the refusal, as nothing follows it: a list that may be
//! so long is refused for its items, which are missing.

use quorate_crypto::Tag;
use quorate_genesis::{Genesis, GenesisError, MAX_BYTES};
use quorate_ledger::{
    BatchTexts, CertifiedBlock, DecodeError, Intent, MAX_PROOF_LEAVES, ParametersV1, SignedBatch,
    SignedRecovery, StateKey, StateProof, StateValue, Submission, Transaction, ValueError, decode, encode,
};
use quorate_tests::DECODERS;
use quorate_verifier::{
    MAX_FILE_BYTES, MAX_PROOF_BYTES, MAX_TRAVELLING_FILE_BYTES, Proof, ProofBody, ProofFile, ProvenDecimals,
    Travelling,
};
use serde::de::DeserializeOwned;

/// The most that a count can say.
const HIGHEST: usize = (1 << 31) - 1;

/// The first seed of a decoder: what the page prints.
fn printed(name: &str) -> Vec<u8> {
    let decoder = DECODERS.iter().find(|decoder| decoder.name == name).unwrap();
    (decoder.seeds)().swap_remove(0)
}

/// A count in ULEB128.
fn uleb(mut count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while count > 0x7f {
        bytes.push(u8::try_from(count & 0x7f).unwrap() | 0x80);
        count >>= 7;
    }
    bytes.push(u8::try_from(count).unwrap());
    bytes
}

/// Behind these bytes stands a list of at most `limit` items. `refused` says why bytes are.
#[track_caller]
fn check(before: &[u8], limit: usize, refused: impl Fn(&[u8]) -> String) {
    let said = |count| refused(&[before, uleb(count).as_slice()].concat());
    let of_the_count = format!("expected a list of at most {limit} items");
    let within = said(limit);
    assert!(!within.contains("a list of at most"), "{within}");
    for count in [limit + 1, HIGHEST] {
        let above = said(count);
        assert!(above.contains(&of_the_count), "{count}: {above}");
    }
}

#[track_caller]
fn check_of<T: DeserializeOwned>(before: &[u8], limit: usize) {
    check(before, limit, |bytes| {
        decode::<T>(bytes, bytes.len()).err().unwrap().to_string()
    });
}

#[test]
fn lists_of_transactions_are_counted_before_they_are_read() {
    let transaction = printed("transaction");
    // Behind network; parties, expiry and salt; operations; texts' root.
    for (length, limit) in [(34, 16), (79, 256), (123, 513), (159, 64)] {
        check_of::<Transaction>(&transaction[..length], limit);
    }
    check_of::<Submission>(&[&[0], transaction.as_slice()].concat(), 513);

    // One operation, by party 0.
    let act = [&transaction[..79], &[1, 0]].concat();
    let in_operation = |operation: &[u8], limit| {
        check_of::<Transaction>(&[act.as_slice(), operation].concat(), limit);
    };
    let address = [1_u8; 20];
    let hold = [[7_u8].as_slice(), &address, &[1, b'A'], &[0; 16], &[0; 8], &[1]].concat();
    let release = [[8_u8].as_slice(), &address, &[2; 32], &[0, 0]].concat();
    in_operation(&[5, 1, 0, 0, 0], 16);
    in_operation(&hold, 8);
    in_operation(&release, 8);
    in_operation(&[10, 0], 513);
    in_operation(&[20, 0, 0, 0, 0, 0, 0, 0, 1], 8);
    in_operation(&[20, 0, 0, 0, 0, 0, 0, 0, 0], 3);
    in_operation(&[21], 16);
}

#[test]
fn lists_of_blocks_are_counted_before_they_are_read() {
    let block = printed("certified_block");
    // Behind the proposal's time; its one batch; the first outcome's variant; what was executed, and the certificate's
    // hash; the one seal.
    for (length, limit) in [
        (273, 256),
        (306, (32 << 20) / 180),
        (312, 256),
        (368, 128),
        (435, 256),
    ] {
        check_of::<CertifiedBlock>(&block[..length], limit);
    }
    let no_batches = [&block[..435], &[0]].concat();
    check_of::<CertifiedBlock>(&no_batches, 256);
    check_of::<SignedBatch>(&block[436..436 + 52], 32_768);
    // The shortest text has a variant, a salt and a length.
    check_of::<BatchTexts>(&[0], (4 << 20) / 18);
}

#[test]
fn lists_of_recoveries_are_counted_before_they_are_read() {
    let decoder = DECODERS.iter().find(|decoder| decoder.name == "proof").unwrap();
    let proofs = (decoder.seeds)();
    let document = proofs
        .iter()
        .find_map(|bytes| match &Proof::decode(bytes).unwrap().v1().body {
            ProofBody::TwoRecoveries { first, .. } => Some(first.document.clone()),
            _ => None,
        });
    let recovery = encode(&document.unwrap().v1().recovery);
    // Stand-downs, losses, members, validators.
    for (place, limit) in [128, 128, 65_536, 128].into_iter().enumerate() {
        let before = [[0_u8].as_slice(), &recovery, &vec![0; place]].concat();
        check_of::<SignedRecovery>(&before, limit);
    }
}

#[test]
fn lists_of_the_state_are_counted_before_they_are_read() {
    let proof = [[0_u8, 168, 0].as_slice(), &[1; 32]].concat();
    check_of::<StateProof>(&proof, 256);
    check_of::<StateProof>(&[proof.as_slice(), &[0, 2]].concat(), MAX_PROOF_LEAVES);

    // An account without signers and member, not frozen, without holds and other balances; then without balances, with
    // nothing in its history.
    let account = [[0_u8].as_slice(), &[1; 20], &[0; 7]].concat();
    let history = [account.as_slice(), &[0; 1 + 8 + 32]].concat();
    let key = [[1_u8].as_slice(), &[1; 20], &[0; 11]].concat();
    let key = StateKey(key.try_into().unwrap());
    let refused = |bytes: &[u8]| StateValue::decode(&key, bytes).unwrap_err().to_string();
    check(&account, 4, refused);
    check(&history, 64, refused);
}

#[test]
fn lists_of_genesis_documents_are_counted_before_they_are_read() {
    let genesis = printed("genesis");
    let refused = |bytes: &[u8]| Genesis::decode(bytes).unwrap_err().to_string();
    // Behind version, name, engine and time; members, parameters and rules.
    check(&genesis[..19], 128, refused);
    check(&genesis[..156], 256, refused);
}

#[test]
fn lists_of_proofs_are_counted_before_they_are_read() {
    let refused = |bytes: &[u8]| Proof::decode(bytes).unwrap_err().to_string();
    let proof = Proof::decode(&printed("proof")).unwrap();
    let ProofBody::Transaction {
        head, ordinal, entry, ..
    } = &proof.v1().body
    else {
        panic!("the first seed proves a transaction");
    };
    let network = encode(&proof.v1().network);
    let of_kind = |kind: u8, parts: &[u8]| [&[0], network.as_slice(), &[kind], parts].concat();
    let (head, header) = (encode(head), encode(&head.header));

    let path = [head.as_slice(), &ordinal.to_le_bytes(), &encode(entry)].concat();
    check(&of_kind(0, &path), 64, refused);
    check(&of_kind(1, &header), 128, refused);
    check(&of_kind(1, &head), 1_024, refused);
    check(&of_kind(3, &[0]), 65_536, refused);
    // No header before, an empty log; then no entries.
    let log = [head.as_slice(), &[0], &[0; 8]].concat();
    check(&of_kind(4, &log), 64, refused);
    check(&of_kind(4, &[log.as_slice(), &[0]].concat()), 262_144, refused);
    check(&of_kind(4, &[log.as_slice(), &[0, 0]].concat()), 262_144, refused);
}

#[test]
fn lists_of_statements_are_counted_before_they_are_read() {
    let refused = |bytes: &[u8]| Proof::decode(bytes).unwrap_err().to_string();
    let decoder = DECODERS.iter().find(|decoder| decoder.name == "proof").unwrap();
    let proofs = (decoder.seeds)();
    let statement = proofs.iter().find_map(|bytes| {
        let proof = Proof::decode(bytes).unwrap();
        match &proof.v1().body {
            ProofBody::Statement(statement) => Some((encode(&proof.v1().network), statement.clone())),
            _ => None,
        }
    });
    let (network, statement) = statement.unwrap();
    let begun = [
        [0_u8].as_slice(),
        &network,
        &[2],
        &encode(&statement.head),
        &encode(&statement.owner),
        &encode(&statement.from),
        &encode(&statement.to),
        &encode(&statement.leaf),
        &[0],
    ]
    .concat();
    // The start's balances; none, and the items; none, the history's last step as the end, and what stands beside.
    for (rest, limit) in [
        ([].as_slice(), 256_usize),
        ([0_u8].as_slice(), 1_000_000),
        ([0, 0, 0].as_slice(), 1_024),
    ] {
        check(&[begun.as_slice(), rest].concat(), limit, refused);
    }
}

/// Parameters under which blocks are short.
fn parameters() -> ParametersV1 {
    ParametersV1 {
        max_batch_bytes: 73_728,
        max_proposal_batches: 1,
        ..ParametersV1::default()
    }
}

#[test]
fn what_is_too_long_is_not_decoded() {
    let parameters = parameters();
    let zeros = |length| vec![0; length];
    let long = |limit: usize| DecodeError::TooLong {
        length: limit + 1,
        limit,
    };
    let refused = Transaction::decode(&zeros(65_537), &parameters);
    assert_eq!(refused, Err(long(65_536)));
    let refused = Submission::decode(&zeros(65_537), &parameters);
    assert_eq!(refused, Err(long(65_536)));
    assert_eq!(Intent::decode_carried(&zeros(16_385)), Err(long(16_384)));
    let refused = SignedBatch::decode(&zeros(73_729), &parameters);
    assert_eq!(refused, Err(long(73_728)));
    let refused = BatchTexts::decode(&zeros(73_729), &parameters);
    assert_eq!(refused, Err(long(73_728)));

    // One byte says whether there is a recovery, and with it a block may be longer.
    let limit = 3 * 73_728 + 65_536;
    let mut block = zeros(limit + 1);
    assert_eq!(CertifiedBlock::decode(&block, &parameters), Err(long(limit)));
    block[263] = 1;
    let refused = CertifiedBlock::decode(&block, &parameters);
    assert!(matches!(refused, Err(DecodeError::Malformed { .. })));

    let refused = StateValue::decode(&StateKey::counters(), &zeros(32_769));
    assert!(matches!(refused, Err(ValueError::Encoding { error, .. }) if error == long(32_768)));
}

#[test]
fn what_is_too_long_as_a_document_a_proof_or_a_file_is_not_read() {
    let large = GenesisError::TooLarge {
        bytes: MAX_BYTES + 1,
        limit: MAX_BYTES,
    };
    assert_eq!(Genesis::decode(&vec![0; MAX_BYTES + 1]), Err(large.clone()));
    assert_eq!(Genesis::parse(&"#".repeat(MAX_BYTES + 1)), Err(large));

    let network = Tag::GENESIS.hash(b"");
    let file = vec![b'\n'; MAX_TRAVELLING_FILE_BYTES + 1];
    let refused = Travelling::read(&file, &network, &ProvenDecimals::new()).unwrap_err();
    assert!(refused.reason.contains("more than 1 MiB"), "{refused}");
    // Memory that nobody has written to costs nothing.
    let refused = Proof::decode(&vec![0; MAX_PROOF_BYTES + 1]).unwrap_err();
    assert!(
        refused.reason.contains("at most 268435456 are allowed"),
        "{refused}"
    );
    let refused = ProofFile::read(&vec![0; MAX_FILE_BYTES + 1]).unwrap_err();
    assert!(refused.reason.contains("more than 512 MiB"), "{refused}");
}
