//! The limits of section 22 that concern transactions, and what follows from others.

use quorate_ledger::{
    Change, Condition, Operation, Signers, Submission, Transaction, decode, encode, limits,
};
use serde::de::DeserializeOwned;

use crate::world::{NETWORK, bytes};

/// Whether this can be decoded.
fn is_read<T: DeserializeOwned>(text: &str) -> bool {
    let bytes = bytes(text);
    decode::<T>(&bytes, bytes.len()).is_ok()
}

/// Items one after the other, behind their count.
fn list(count: usize, item: &str) -> String {
    let mut length = Vec::new();
    let mut rest = count;
    while rest >= 0x80 {
        length.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    length.push(rest as u8);
    format!("{} {}", hex::encode(length), vec![item; count].join(" "))
}

/// A transaction with lists of these lengths; only the first place is legal.
fn transaction(parties: usize, operations: usize, places: usize, signatures: usize) -> String {
    let texts = match places {
        0 => "00".to_owned(),
        _ => format!("01 {} e1*32", list(places, "00")),
    };
    format!(
        "00 00 {NETWORK} {} 00*8 07*16 {} {texts} {}",
        list(parties, "a0*20"),
        list(operations, "00 18 05000000"),
        list(signatures, "00 01*32 00*64"),
    )
}

#[test]
fn a_decoder_stops_at_the_limits_of_lists() {
    let read = |parties, operations, places, signatures| {
        is_read::<Transaction>(&transaction(parties, operations, places, signatures))
    };
    assert!(read(1, 1, 1, 1));
    assert!(read(16, 256, 513, 64));
    assert!(!read(17, 1, 1, 1), "parties");
    assert!(!read(1, 257, 1, 1), "operations");
    assert!(!read(1, 1, 514, 1), "places");
    assert!(!read(1, 1, 1, 65), "signatures");
    let signers = |count| is_read::<Signers>(&format!("01000000 {}", list(count, "00 01*32 0100")));
    assert!(signers(16) && !signers(17));
    let condition = |count| is_read::<Condition>(&format!("01 {}", list(count, "00 a0*20")));
    assert!(condition(8) && !condition(9));
    let preimages = |count| is_read::<Operation>(&format!("08 a0*20 d1*32 00 00 {}", list(count, "c1*32")));
    assert!(preimages(8) && !preimages(9));
    let erased = |count| is_read::<Operation>(&format!("0a 01 00 {}", list(count, "00")));
    assert!(erased(513) && !erased(514));
    let guardians = |count| is_read::<Operation>(&format!("15 {} 01 00*8", list(count, "a0*20")));
    assert!(guardians(16) && !guardians(17));
}

#[test]
fn a_decoder_stops_at_the_limits_of_seats() {
    let set = |addresses, proofs| {
        let (addresses, proofs) = (list(addresses, "01 61"), list(proofs, "c1*64"));
        is_read::<Operation>(&format!("14 00*4 00 00 00 01 {addresses} {proofs}"))
    };
    assert!(set(8, 3));
    assert!(!set(9, 3));
    assert!(!set(8, 4));
    let add = |addresses, proofs| {
        let (addresses, proofs) = (list(addresses, "01 61"), list(proofs, "c1*64"));
        is_read::<Change>(&format!("04 00*4 b1*96 {addresses} {proofs}"))
    };
    assert!(add(8, 3));
    assert!(!add(9, 3));
    assert!(!add(8, 4));
}

#[test]
fn a_decoder_stops_at_the_limit_of_submitted_texts() {
    let of = |count| {
        let submission = format!("00 {} {}", transaction(1, 1, 0, 1), list(count, "10*16 01 61"));
        is_read::<Submission>(&submission)
    };
    assert!(of(0) && of(513) && !of(514));
}

#[test]
fn a_count_alone_costs_nothing() {
    // 2^31 - 1 items are announced, and none comes.
    for text in [
        "05 01000000 ffffffff07",
        "0a ffffffff07",
        "15 ffffffff07",
        "0a 01 00 ffffffff07",
    ] {
        assert!(!is_read::<Operation>(text), "{text}");
    }
    assert!(!is_read::<Operation>("0a ffffffff0f"), "above 2^31 - 1");
    assert!(!is_read::<Operation>("0a 8100 00 01 00"), "longer than needed");
    assert!(is_read::<Operation>("0a 01 00 01 00"));
}

#[test]
fn limits_of_types_have_room_for_what_is_in_them() {
    use limits::*;
    assert_eq!(MAX_PLACES, 1 + 2 * MAX_OPERATIONS);
    assert_eq!(MAX_PROPOSAL_BYTES, 1 + 8 + 2 + 32 * MAX_PROPOSAL_BATCHES as usize);
    assert_eq!(HEADER_BYTES, 1 + 32 + 4 + 8 + 8 + 3 * 32 + 8 + 8 + 3 * 32);
    const OUTCOME: usize = 1 + 2 + MAX_RESULTS * 16;
    const {
        assert!(MAX_COMMITTEE_BYTES >= 1 + 8 + 1 + 4 + 2 + MAX_SEATS * (4 + 4 + 3 * 32));
        assert!(MAX_CERTIFICATE_BYTES >= 1 + 8 + 8 + 32 + 2 + MAX_SEALS * (2 + 64));
        assert!(MAX_LOG_ENTRY_BYTES >= 1 + 1 + 8 + 8 + 4 + 32 + 8 + 32 + OUTCOME);
    }
    assert_eq!(AMOUNT_LIMIT.to_string(), format!("1{}", "0".repeat(38)));
    assert_eq!(
        [MAX_TRANSACTION_BYTES, MAX_BATCH_BYTES, MAX_PROPOSED_BYTES],
        [65_536, 4_194_304, 33_554_432]
    );
}

#[test]
fn an_erase_of_the_longest_intent_fits_into_the_least_transaction() {
    // 16,384 bytes and all places, beside parties and signatures of the largest number.
    const ERASE: usize = 1 + 1 + 3 + limits::MAX_INTENT_WITH_TEXTS_BYTES + 2 + 1 + 512 * 3;
    const INTENT: usize = 1 + 32 + 1 + 16 * 20 + 8 + 16 + 1 + ERASE + 1;
    const SIGNATURES: usize = 1 + 64 * (1 + 32 + 64);
    const { assert!(1 + INTENT + SIGNATURES < 32_768) }
}

#[test]
fn values_without_texts_take_one_byte_for_that() {
    let intent = crate::world::intent(vec![crate::world::transfer()]);
    assert_eq!(encode(&intent).last(), Some(&0));
}
