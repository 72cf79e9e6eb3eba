//! Outcomes and entries of the log to the byte, and the table of codes (sections 8 to 10).

use quorate_crypto::{Digest, Height};
use quorate_ledger::{
    Amount, ErrorCode, Executed, LogEntry, LogEntryV1, LoggedRecovery, LoggedTransaction, Outcome, Timestamp,
    decode, encode,
};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;

use crate::world::bytes;

#[track_caller]
fn check<T>(value: &T, expected: &str)
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let expected = bytes(expected);
    assert_eq!(hex::encode(encode(value)), hex::encode(&expected));
    assert_eq!(&decode::<T>(&expected, expected.len()).unwrap(), value);
    for cut in 0..expected.len() {
        assert!(
            decode::<T>(&expected[..cut], cut).is_err(),
            "cut after {cut} bytes"
        );
    }
}

fn paid() -> Outcome {
    Outcome::Success {
        results: vec![Amount(0x0102), Amount(u128::MAX)],
    }
}

fn failed(code: ErrorCode, operation: u8) -> Outcome {
    Outcome::Failed { code, operation }
}

#[test]
fn outcomes_have_the_bytes_of_the_page() {
    check(&paid(), "00 02 0201 00*14 ff*16");
    check(&failed(ErrorCode::NOT_YET, 255), "01 0e00 ff");
    // A code of a later page is a failure like all others.
    check(&failed(ErrorCode(0xabcd), 0), "01 cdab 00");
    let executed = Executed {
        position: 0x0102_0304,
        outcome: failed(ErrorCode::TOO_MANY_MEMBERS, 1),
    };
    check(&executed, "04030201 01 4e00 01");
}

#[test]
fn an_outcome_has_at_most_256_results() {
    let of = |count: usize| Outcome::Success {
        results: vec![Amount(0); count],
    };
    let most = encode(&of(256));
    assert_eq!(decode::<Outcome>(&most, most.len()).unwrap(), of(256));
    let more = encode(&of(257));
    assert!(decode::<Outcome>(&more, more.len()).is_err());
}

#[test]
fn entries_of_the_log_have_the_bytes_of_the_page() {
    let transaction = LogEntry::V1(LogEntryV1::Transaction(LoggedTransaction {
        height: Height(7),
        timestamp: Timestamp(0x0102_0304),
        position: 5,
        id: Digest([0xd1; 32]),
        expires_at: Timestamp(9),
        signed: Digest([0xd2; 32]),
        outcome: paid(),
    }));
    check(
        &transaction,
        "00 00 0700000000000000 0403020100000000 05000000 d1*32 0900000000000000 d2*32
        00 02 0201 00*14 ff*16",
    );
    let recovery = LogEntry::V1(LogEntryV1::Recovery(LoggedRecovery {
        height: Height(8),
        timestamp: Timestamp(10),
        document: Digest([0xd3; 32]),
    }));
    check(&recovery, "00 01 0800000000000000 0a00000000000000 d3*32");
    assert_eq!(
        (recovery.height(), recovery.timestamp()),
        (Height(8), Timestamp(10))
    );
    assert_eq!(recovery.transaction(), None);
    assert_eq!(LogEntry::decode(&encode(&recovery)).unwrap(), recovery);
}

#[test]
fn codes_are_those_of_the_page() {
    let expected = [
        (1, "unknown_asset"),
        (2, "asset_exists"),
        (3, "insufficient_balance"),
        (4, "not_issuer"),
        (5, "supply_overflow"),
        (7, "too_many_decimals"),
        (8, "threshold_unreachable"),
        (9, "invalid_key"),
        (10, "too_many_balances"),
        (11, "unknown_validator"),
        (12, "not_its_member"),
        (13, "rejoin_too_soon"),
        (14, "not_yet"),
        (15, "record_exists"),
        (16, "record_taken"),
        (17, "key_taken"),
        (18, "bad_until"),
        (19, "frozen"),
        (20, "not_admitted"),
        (21, "not_permitted"),
        (22, "unknown_hold"),
        (23, "hold_ended"),
        (24, "hold_not_ended"),
        (25, "condition_unmet"),
        (26, "needless_preimage"),
        (27, "exceeds_hold"),
        (28, "not_named"),
        (29, "already_erased"),
        (30, "beneficiary_not_party"),
        (31, "too_many_holds"),
        (64, "unknown_member"),
        (65, "unknown_proposal"),
        (66, "proposal_closed"),
        (67, "not_in_electorate"),
        (68, "already_so"),
        (69, "would_strand"),
        (70, "unattested"),
        (71, "too_many_proposals"),
        (72, "name_taken"),
        (73, "bad_attestation"),
        (74, "too_weak"),
        (75, "unknown_seat"),
        (76, "too_soon"),
        (77, "over_share"),
        (78, "too_many_members"),
    ];
    let found: Vec<(u16, &str)> = ErrorCode::ALL
        .iter()
        .map(|code| (code.number(), code.name().unwrap()))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(ErrorCode(6).name(), None);
    assert!(ErrorCode(6).to_string().contains("code 6"));
    assert_eq!(ErrorCode::FROZEN, ErrorCode(19));
}

#[test]
fn a_code_is_read_from_its_one_text_form() {
    type Found = Result<ErrorCode, ValueError>;
    let name: Found = ErrorCode::deserialize("frozen".into_deserializer());
    assert_eq!(name, Ok(ErrorCode::FROZEN));
    let number: Found = ErrorCode::deserialize(6_u64.into_deserializer());
    assert_eq!(number, Ok(ErrorCode(6)));
    let named_by_number: Found = ErrorCode::deserialize(19_u64.into_deserializer());
    assert!(named_by_number.is_err());
    let unknown: Found = ErrorCode::deserialize("thawed".into_deserializer());
    assert!(unknown.is_err());
}
