//! Intents that an `erase` carries: well-formed themselves, but for an `erase` in them, of which only lengths, counts
//! and order are looked at.

use quorate_ledger::{
    Digest, FormError, Intent, IntentV1, Operation, OperationFormError, Place, decode, encode,
};

use crate::world::{
    address, form_of, intent, intent_of_length, intent_with, network, operation_reason, reason_of,
    transaction, transfer,
};

fn at(index: u8, field: u8) -> Place {
    Place::Operation { index, field }
}

fn erase_bytes(intent: Vec<u8>, places: Vec<Place>) -> Operation {
    Operation::Erase { intent, places }
}

/// An erasure of an intent's texts at these places.
fn erase(intent: IntentV1, places: Vec<Place>) -> Operation {
    erase_bytes(encode(&Intent::V1(intent)), places)
}

/// An intent with a memo and a transfer's.
fn memos() -> IntentV1 {
    intent_with(vec![transfer()], vec![Place::Memo, at(0, 0)])
}

#[test]
fn some_or_all_texts_of_an_intent_can_be_erased() {
    for places in [vec![Place::Memo], vec![at(0, 0)], vec![Place::Memo, at(0, 0)]] {
        assert_eq!(operation_reason(erase(memos(), places)), Ok(()));
    }
}

#[test]
fn places_to_be_erased_are_the_intents_in_order() {
    let of = |places| operation_reason(erase(memos(), places));
    assert_eq!(of(vec![]), Err("places"));
    assert_eq!(of(vec![at(0, 0), Place::Memo]), Err("places"));
    assert_eq!(of(vec![Place::Memo, Place::Memo]), Err("places"));
    assert_eq!(of(vec![at(1, 0)]), Err("places"));
    assert_eq!(of(vec![Place::Memo, at(0, 0), at(0, 1)]), Err("places"));
    // Legal for the operation, but the intent has no text there.
    let without = intent_with(vec![transfer(), transfer()], vec![at(0, 0)]);
    assert_eq!(operation_reason(erase(without, vec![at(1, 0)])), Err("places"));
}

#[test]
fn what_is_carried_is_the_canonical_encoding_of_an_intent() {
    let encoded = encode(&Intent::V1(memos()));
    let of = |bytes: Vec<u8>| operation_reason(erase_bytes(bytes, vec![Place::Memo]));
    assert_eq!(of(encoded.clone()), Ok(()));
    assert_eq!(of(vec![]), Err("encoding"));
    assert_eq!(of(vec![0]), Err("encoding"));
    assert_eq!(of([encoded.as_slice(), &[0]].concat()), Err("encoding"));
    assert_eq!(of(encoded[..encoded.len() - 1].to_vec()), Err("encoding"));
    assert_eq!(
        of([&[0x80, 0], &encoded[1..]].concat()),
        Err("encoding"),
        "a version in two bytes"
    );
    // A whole transaction is no intent.
    assert_eq!(of(encode(&transaction(memos()))), Err("encoding"));
}

#[test]
fn what_is_carried_has_texts_and_is_of_this_network() {
    assert_eq!(
        operation_reason(erase(intent(vec![transfer()]), vec![Place::Memo])),
        Err("encoding")
    );
    let mut elsewhere = memos();
    elsewhere.network = Digest([1; 32]);
    let erasure = erase(elsewhere, vec![Place::Memo]);
    let error = form_of(&transaction(intent(vec![erasure]))).unwrap_err();
    let FormError::Operation {
        operation: 0,
        error: OperationFormError::CarriedForm(carried),
    } = &error
    else {
        panic!("{error}");
    };
    assert!(matches!(**carried, FormError::WrongNetwork { .. }));
    // The transaction itself is of this network.
    assert_eq!(
        (error.code(), error.reason()),
        ("malformed_transaction", "encoding")
    );
}

#[test]
fn what_is_carried_is_well_formed() {
    let of = |carried: IntentV1| operation_reason(erase(carried, vec![Place::Memo]));
    let mut twice = memos();
    twice.parties.push(twice.parties[0]);
    assert_eq!(of(twice), Err("encoding"), "parties");
    let mut nobody = memos();
    nobody.operations[0].party = 1;
    assert_eq!(of(nobody), Err("encoding"), "party index");
    let mut nothing = memos();
    nothing.operations[0].operation = crate::operation_form::transfer_of(0);
    assert_eq!(of(nothing), Err("encoding"), "amount");
    let mut idle = memos();
    idle.operations.clear();
    assert_eq!(of(idle), Err("encoding"), "operations");
    let misplaced = intent_with(vec![transfer()], vec![Place::Memo, at(0, 1)]);
    assert_eq!(of(misplaced), Err("encoding"), "places");
    // It need not have been executed, nor be of the eraser.
    let mut expired = memos();
    expired.expires_at.0 = 0;
    expired.parties = vec![address(9)];
    assert_eq!(of(expired), Ok(()));
}

#[test]
fn what_is_carried_has_at_most_16384_bytes() {
    assert_eq!(
        operation_reason(erase(intent_of_length(16_384), vec![Place::Memo])),
        Ok(())
    );
    assert_eq!(
        operation_reason(erase(intent_of_length(16_385), vec![Place::Memo])),
        Err("intent_too_long")
    );
}

#[test]
fn of_an_erase_in_what_is_carried_only_lengths_counts_and_order_are_looked_at() {
    let nested = |inner: Operation| {
        let carried = intent_with(vec![inner], vec![Place::Memo]);
        operation_reason(erase(carried, vec![Place::Memo]))
    };
    let one = vec![Place::Memo];
    // Its intent is no intent, and its places are nobody's.
    assert_eq!(nested(erase_bytes(vec![0xFF], vec![at(255, 255)])), Ok(()));
    assert_eq!(nested(erase_bytes(vec![0xFF; 16_000], one.clone())), Ok(()));
    assert_eq!(nested(erase_bytes(vec![], one.clone())), Err("encoding"));
    assert_eq!(nested(erase_bytes(vec![1], vec![])), Err("encoding"));
    assert_eq!(
        nested(erase_bytes(vec![1], vec![at(0, 0), Place::Memo])),
        Err("encoding")
    );
    assert_eq!(
        nested(erase_bytes(vec![1], vec![Place::Memo, Place::Memo])),
        Err("encoding")
    );
    // At the top the same is looked at to the end.
    assert_eq!(operation_reason(erase_bytes(vec![0xFF], one)), Err("encoding"));
}

#[test]
fn an_erasure_of_a_malformed_intent_can_still_be_carried() {
    // Nobody can get it executed; whoever carries it does not carry its inside.
    let malformed = erase_bytes(vec![0xFF], vec![Place::Memo]);
    let own = intent_with(vec![malformed], vec![Place::Memo]);
    assert_eq!(reason_of(own.clone()), Err("encoding"));
    assert_eq!(own.check_form(&network()).unwrap_err().reason(), "encoding");
    assert_eq!(operation_reason(erase(own, vec![Place::Memo])), Ok(()));
}

#[test]
fn erasures_of_erasures_go_as_deep_as_bytes_allow() {
    let mut carried = memos();
    let mut depth = 0;
    loop {
        let erasure = erase(carried.clone(), vec![Place::Memo]);
        let next = intent_with(vec![erasure], vec![Place::Memo]);
        if encode(&Intent::V1(next.clone())).len() > 16_384 {
            break;
        }
        assert_eq!(reason_of(next.clone()), Ok(()));
        carried = next;
        depth += 1;
    }
    assert!(depth > 100, "{depth}");
}

#[test]
fn what_is_carried_can_be_read_again() {
    let bytes = encode(&Intent::V1(memos()));
    assert_eq!(Intent::decode_carried(&bytes).unwrap().v1(), &memos());
    let longest = encode(&Intent::V1(intent_of_length(16_384)));
    assert!(Intent::decode_carried(&longest).is_ok());
    let longer = encode(&Intent::V1(intent_of_length(16_385)));
    assert_eq!(Intent::decode_carried(&longer).unwrap_err().reason(), "too_long");
    assert!(decode::<Intent>(&longer, 65_536).is_ok(), "but for its length");
}
