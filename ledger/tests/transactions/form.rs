//! The form of transactions: every way to be malformed, by the least that is wrong, beside the nearest that is good.

use quorate_crypto::{Key, KeySignature};
use quorate_ledger::{
    Digest, FormError, Intent, ParametersV1, Place, PlacesError, Submission, SubmissionError, Transaction,
    decode, encode,
};

use crate::world::{
    address, bytes, ed, form_of, intent, intent_of_length, intent_with, k1, network, operation_reason, p,
    p256, reason_of, transaction, transaction_with, transfer,
};

#[test]
fn a_transaction_is_for_one_network() {
    assert_eq!(form_of(&transaction(intent(vec![transfer()]))), Ok(()));
    let mut other = intent(vec![transfer()]);
    other.network.0[31] ^= 1;
    let got = other.network;
    let error = form_of(&transaction(other.clone())).unwrap_err();
    let expected = network();
    assert_eq!(error, FormError::WrongNetwork { got, expected });
    assert_eq!((error.code(), error.reason()), ("wrong_network", "wrong_network"));
    assert_eq!(other.check_form(&got), Ok(()));
}

#[test]
fn its_size_is_bounded_before_it_is_read_and_after() {
    let transaction = transaction(intent(vec![transfer()]));
    let encoded = encode(&transaction);
    let length = encoded.len();
    let parameters = |limit: usize| ParametersV1 {
        max_transaction_bytes: u32::try_from(limit).unwrap(),
        ..ParametersV1::default()
    };
    let (fits, short) = (parameters(length), parameters(length - 1));
    assert_eq!(Transaction::decode(&encoded, &fits).unwrap(), transaction);
    assert_eq!(transaction.check_form(&network(), &fits), Ok(()));
    assert_eq!(
        Transaction::decode(&encoded, &short).unwrap_err().reason(),
        "too_long"
    );
    let error = transaction.check_form(&network(), &short).unwrap_err();
    let limit = length - 1;
    assert_eq!(error, FormError::TooLong { length, limit });
    assert_eq!(
        (error.code(), error.reason()),
        ("malformed_transaction", "too_long")
    );
}

#[test]
fn its_bytes_are_canonical() {
    let encoded = encode(&transaction(intent(vec![transfer()])));
    let parameters = ParametersV1::default();
    assert!(Transaction::decode(&encoded, &parameters).is_ok());
    let refused = |changed: &[u8]| {
        Transaction::decode(changed, &parameters).is_err_and(|error| error.reason() == "encoding")
    };
    assert!(refused(&[encoded.as_slice(), &[0]].concat()), "a trailing byte");
    assert!(refused(&encoded[..encoded.len() - 1]), "a byte too few");
    assert!(refused(&[&[1], &encoded[1..]].concat()), "an unknown version");
    assert!(
        refused(&[&[0x80, 0], &encoded[1..]].concat()),
        "a version in two bytes"
    );
    assert!(refused(&[]), "nothing");
}

#[test]
fn it_has_1_to_16_parties_the_others_ascending() {
    let with = |parties: &[u8]| {
        let mut intent = intent(vec![transfer()]);
        intent.parties = parties.iter().map(|byte| address(*byte)).collect();
        reason_of(intent)
    };
    let many: Vec<u8> = (1..=17).collect();
    assert_eq!(with(&[]), Err("parties"), "nobody");
    assert_eq!(with(&[0]), Ok(()), "every address is one");
    assert_eq!(with(&many[..16]), Ok(()));
    assert_eq!(with(&many), Err("parties"), "17");
    assert_eq!(with(&[9, 1, 2]), Ok(()), "the sender may be the highest");
    assert_eq!(with(&[9, 2, 1]), Err("parties"), "descending");
    assert_eq!(with(&[9, 1, 1]), Err("parties"), "one twice");
    assert_eq!(with(&[2, 1, 2]), Err("parties"), "the sender again");
    assert_eq!(with(&[1, 1]), Err("parties"), "the sender alone again");
}

#[test]
fn operations_are_by_its_parties() {
    let with = |party: u8, parties: u8| {
        let mut intent = intent(vec![transfer(), transfer()]);
        intent.parties = (1..=parties).map(address).collect();
        intent.operations[1].party = party;
        form_of(&transaction(intent))
    };
    assert_eq!(with(0, 1), Ok(()));
    assert_eq!(with(15, 16), Ok(()));
    let error = with(1, 1).unwrap_err();
    let (operation, party, count) = (1, 1, 1);
    assert_eq!(
        error,
        FormError::PartyIndex {
            operation,
            party,
            count
        }
    );
    assert_eq!(error.reason(), "party_index");
    assert_eq!(with(16, 16).unwrap_err().reason(), "party_index");
    assert_eq!(with(255, 16).unwrap_err().reason(), "party_index");
}

#[test]
fn an_intent_without_parties_has_no_one_to_act() {
    let mut nobody = intent(vec![transfer()]);
    nobody.parties = Vec::new();
    assert_eq!(nobody.sender(), address(0));
    assert_eq!(nobody.acting(&nobody.operations[0]), None);
    // What nobody signed for is read, looked at and refused without a panic.
    let bytes = encode(&transaction(nobody));
    let read = Transaction::decode(&bytes, &ParametersV1::default()).unwrap();
    assert_eq!(form_of(&read).unwrap_err().reason(), "parties");
}

/// The reason for which signatures are malformed.
fn signatures(signatures: Vec<KeySignature>) -> Result<(), &'static str> {
    form_of(&transaction_with(intent(vec![transfer()]), signatures)).map_err(|error| error.reason())
}

#[test]
fn it_has_1_to_64_signatures_in_order_and_no_key_twice() {
    let many: Vec<KeySignature> = (1..=65).map(ed).collect();
    assert_eq!(signatures(vec![]), Err("signatures"));
    assert_eq!(signatures(many[..1].to_vec()), Ok(()));
    assert_eq!(signatures(many[..64].to_vec()), Ok(()));
    assert_eq!(signatures(many.clone()), Err("signatures"));
    assert_eq!(signatures(vec![ed(2), ed(1)]), Err("signatures"));
    assert_eq!(signatures(vec![ed(2), ed(2)]), Err("signatures"));
    // By encoded key: all of Ed25519 come before those of P-256.
    assert_eq!(signatures(vec![ed(9), p256(1)]), Ok(()));
    assert_eq!(signatures(vec![p256(1), ed(9)]), Err("signatures"));
    assert_eq!(signatures(vec![p256(1), p256(1)]), Err("signatures"));
    let encoded = encode(&transaction_with(intent(vec![transfer()]), many));
    assert!(
        decode::<Transaction>(&encoded, 65_536).is_err(),
        "the decoder stops at 64"
    );
}

#[test]
fn its_signatures_cost_at_most_512() {
    let of_p256 = |count: u8| (1..=count).map(p256).collect::<Vec<_>>();
    assert_eq!(signatures(of_p256(25)), Ok(()), "500");
    let with_ed25519 = |count: u8| [(1..=count).map(ed).collect(), of_p256(25)].concat();
    assert_eq!(signatures(with_ed25519(12)), Ok(()), "37 signatures of 512");
    let dearer = with_ed25519(13);
    let transaction = transaction_with(intent(vec![transfer()]), dearer);
    assert_eq!(transaction.signature_cost(), 513);
    let error = form_of(&transaction).unwrap_err();
    assert_eq!(error, FormError::SignatureCost { cost: 513 });
    assert_eq!(error.reason(), "signature_cost");
    assert_eq!(signatures(of_p256(26)), Err("signature_cost"));
}

#[test]
fn its_keys_are_of_good_form() {
    let under = |text: &str| {
        let key: Vec<u8> = bytes(text);
        let signature = [0; 64];
        signatures(vec![match key.len() {
            32 => KeySignature::Ed25519 {
                key: key.try_into().unwrap(),
                signature,
            },
            _ => KeySignature::P256 {
                key: key.try_into().unwrap(),
                signature,
            },
        }])
    };
    // Section 2's encodings of small order, with either sign.
    for (rest, last) in [
        ("00*31", 0x00),
        ("01 00*30", 0x00),
        (
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc",
            0x05,
        ),
        (
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03",
            0x7A,
        ),
        ("ec ff*30", 0x7F),
    ] {
        for sign in [0, 0x80] {
            assert_eq!(
                under(&format!("{rest} {:02x}", last | sign)),
                Err("key"),
                "{rest}"
            );
        }
    }
    assert_eq!(under("02 00*31"), Ok(()), "whether it is a point shows later");
    // p - 2, and from p on.
    assert_eq!(under("eb ff*30 7f"), Ok(()));
    assert_eq!(under("eb ff*30 ff"), Ok(()));
    for too_high in ["ed ff*30 7f", "ee ff*30 ff", "ff*32", "ff*31 7f"] {
        assert_eq!(under(too_high), Err("key"), "{too_high}");
    }
    // P-256: the first byte, and x below its p.
    assert_eq!(under("02 ffffffff00000001 00*12 ff*11 fe"), Ok(()));
    assert_eq!(under("03 00*32"), Ok(()));
    for bad in [
        "02 ffffffff00000001 00*12 ff*12",
        "03 ff*32",
        "00 01*32",
        "01 01*32",
        "04 01*32",
        "06 01*32",
    ] {
        assert_eq!(under(bad), Err("key"), "{bad}");
    }
}

#[test]
fn a_key_for_which_anybody_can_sign_signs_for_nobody() {
    // Under a key of small order ZIP-215 takes s = 0 and R = the neutral point for whatever is signed.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut signature = [0; 64];
    signature[0] = 1;
    let forged = KeySignature::Ed25519 {
        key: neutral,
        signature,
    };
    let transaction = transaction_with(intent(vec![transfer()]), vec![forged]);
    assert!(!transaction.verify_signatures());
    let key = Key::Ed25519(neutral);
    assert_eq!(form_of(&transaction), Err(FormError::Key { key }));
}

#[test]
fn every_attached_signature_must_be_good() {
    let good = Intent::V1(intent(vec![transfer()])).sign([&p(), &k1()]);
    assert_eq!(good.signatures().len(), 2);
    assert!(good.verify_signatures());
    for at in 0..2 {
        let Transaction::V1(mut parts) = good.clone();
        match &mut parts.signatures[at] {
            KeySignature::Ed25519 { signature, .. } | KeySignature::P256 { signature, .. } => {
                signature[5] ^= 1
            }
        }
        assert!(!Transaction::V1(parts).verify_signatures());
    }
    let Transaction::V1(mut parts) = good;
    let Intent::V1(intent) = &mut parts.intent;
    intent.expires_at.0 += 1;
    assert!(!Transaction::V1(parts).verify_signatures());
}

#[test]
fn it_has_1_to_256_operations() {
    assert_eq!(reason_of(intent(vec![])), Err("operations"));
    assert_eq!(reason_of(intent(vec![transfer()])), Ok(()));
    assert_eq!(reason_of(intent(vec![transfer(); 256])), Ok(()));
    let many = transaction(intent(vec![transfer(); 257]));
    assert_eq!(form_of(&many), Err(FormError::OperationCount { count: 257 }));
    assert!(
        decode::<Transaction>(&encode(&many), 65_536).is_err(),
        "the decoder stops at 256"
    );
}

#[test]
fn an_operations_error_names_the_operation() {
    let mut bad = intent(vec![transfer(), transfer()]);
    bad.operations[1].operation = crate::operation_form::transfer_of(0);
    let error = form_of(&transaction(bad)).unwrap_err();
    assert!(matches!(error, FormError::Operation { operation: 1, .. }));
    assert_eq!(
        error.to_string(),
        "operation 1: the amount is 0, in smallest units above 0 and below 10^38 are allowed"
    );
}

#[test]
fn places_are_1_to_513_in_order_and_legal() {
    let at = |index, field| Place::Operation { index, field };
    let with = |places: Vec<Place>| reason_of(intent_with(vec![transfer(), transfer()], places));
    assert_eq!(with(vec![Place::Memo]), Ok(()));
    assert_eq!(with(vec![Place::Memo, at(0, 0), at(1, 0)]), Ok(()));
    assert_eq!(with(vec![]), Err("places"), "no text is no `texts`");
    assert_eq!(with(vec![at(0, 0), Place::Memo]), Err("places"), "descending");
    assert_eq!(with(vec![at(1, 0), at(0, 0)]), Err("places"), "descending");
    assert_eq!(with(vec![Place::Memo, Place::Memo]), Err("places"), "one twice");
    assert_eq!(with(vec![at(0, 1)]), Err("places"), "a transfer has one text");
    assert_eq!(with(vec![at(2, 0)]), Err("places"), "there is no third operation");
    let error = form_of(&transaction(intent_with(vec![transfer()], vec![at(1, 0)]))).unwrap_err();
    let place = at(1, 0);
    let illegal = PlacesError::Illegal { place };
    assert_eq!(error, FormError::Places { error: illegal });
}

#[test]
fn there_can_be_513_places() {
    let record = quorate_ledger::Operation::PutRecord {
        sha256: Digest([1; 32]),
        keep: quorate_ledger::Keep::Log,
    };
    let of_operation = |index| [0, 1].map(|field| Place::Operation { index, field });
    let mut places = vec![Place::Memo];
    places.extend((0..=255).flat_map(of_operation));
    assert_eq!(places.len(), 513);
    let full = intent_with(vec![record; 256], places.clone());
    assert_eq!(reason_of(full.clone()), Ok(()));
    let mut over = full;
    places.push(Place::Operation { index: 255, field: 2 });
    over.texts.as_mut().unwrap().places = places;
    assert_eq!(reason_of(over), Err("places"));
}

#[test]
fn an_intent_with_texts_has_at_most_16384_bytes() {
    let longest = intent_of_length(16_384);
    assert_eq!(reason_of(longest), Ok(()));
    let mut longer = intent_of_length(16_385);
    let error = form_of(&transaction(longer.clone())).unwrap_err();
    assert_eq!(error, FormError::IntentTooLong { length: 16_385 });
    assert_eq!(error.reason(), "intent_too_long");
    // Without texts nobody needs to carry it.
    longer.texts = None;
    assert_eq!(reason_of(longer.clone()), Ok(()));
    longer.operations.extend_from_within(..);
    assert_eq!(reason_of(longer), Ok(()));
}

#[test]
fn reasons_are_those_of_section_23() {
    // Each of them, of which the other tests show the least that causes it.
    let reasons = [
        "encoding",
        "too_long",
        "parties",
        "party_index",
        "signatures",
        "signature_cost",
        "key",
        "operations",
        "amount",
        "signers",
        "condition",
        "preimages",
        "places",
        "intent_too_long",
        "change",
        "scope",
    ];
    let caused = crate::operation_form::malformed()
        .into_iter()
        .map(|operation| operation_reason(operation).unwrap_err());
    for reason in caused {
        assert!(reasons.contains(&reason), "{reason}");
    }
}

#[test]
fn a_submission_has_form_and_texts() {
    let network = network();
    let parameters = ParametersV1::default();
    let plain = Intent::V1(intent(vec![transfer()])).sign([&k1()]);
    let submission = Submission::new(plain, vec![]);
    assert_eq!(submission.check_form(&network, &parameters), Ok(()));
    let short = ParametersV1 {
        max_transaction_bytes: u32::try_from(encode(&submission).len() - 1).unwrap(),
        ..ParametersV1::default()
    };
    let error = submission.check_form(&network, &short).unwrap_err();
    assert!(matches!(error, SubmissionError::Decode(_)));
    assert_eq!(
        (error.code(), error.reason()),
        ("malformed_transaction", Some("too_long"))
    );
    let bad = Submission::new(transaction(intent(vec![])), vec![]);
    let error = bad.check_form(&network, &parameters).unwrap_err();
    assert_eq!(
        (error.code(), error.reason()),
        ("malformed_transaction", Some("operations"))
    );
    let elsewhere = submission.check_form(&Digest([1; 32]), &parameters).unwrap_err();
    assert_eq!((elsewhere.code(), elsewhere.reason()), ("wrong_network", None));
}
