//! Numbers of rows: ULEB128, each in one form.

use proptest::prelude::*;
use quorate_storage::rows::{MAX_NUMBER_BYTES, RowError, decode_number, encode_number};

use crate::random::any_number;

fn read(bytes: &str) -> Result<u128, RowError> {
    decode_number(&hex::decode(bytes).unwrap())
}

#[test]
fn numbers_are_golden() {
    let longest = format!("{}03", "ff".repeat(18));
    let golden = [
        (0, "00"),
        (1, "01"),
        (127, "7f"),
        (128, "8001"),
        (300, "ac02"),
        (16_383, "ff7f"),
        (16_384, "808001"),
        (u128::from(u64::MAX), "ffffffffffffffffff01"),
        (1 << 64, "80808080808080808002"),
        (u128::MAX, longest.as_str()),
    ];
    for (number, bytes) in golden {
        assert_eq!(hex::encode(encode_number(number)), bytes);
        assert_eq!(read(bytes), Ok(number));
    }
    assert_eq!(longest.len(), 2 * MAX_NUMBER_BYTES);
}

#[test]
fn a_number_has_no_other_form() {
    assert_eq!(read(""), Err(RowError::Truncated { length: 0 }));
    assert_eq!(read("80"), Err(RowError::Truncated { length: 1 }));
    assert_eq!(read("8000"), Err(RowError::NotShortest { at: 0 }));
    assert_eq!(read("ff8000"), Err(RowError::NotShortest { at: 0 }));
    assert_eq!(read("0000"), Err(RowError::Trailing { at: 1 }));
    assert_eq!(read("800100"), Err(RowError::Trailing { at: 2 }));
    let long = |last: &str| read(&format!("{}{last}", "80".repeat(18)));
    assert_eq!(long("01"), Ok(1 << 126));
    assert_eq!(long("00"), Err(RowError::NotShortest { at: 0 }));
    assert_eq!(long("04"), Err(RowError::TooLarge { at: 0 }));
    assert_eq!(long("8000"), Err(RowError::TooLarge { at: 0 }));
    assert_eq!(read(&"ff".repeat(30)), Err(RowError::TooLarge { at: 0 }));
}

#[test]
fn a_number_above_what_can_stand_there_is_refused() {
    let above = encode_number(1_u128 << 64);
    assert_eq!(decode_number::<u64>(&above), Err(RowError::TooLarge { at: 0 }));
    assert_eq!(decode_number::<u128>(&above), Ok(1 << 64));
    assert_eq!(
        decode_number::<u8>(&encode_number(256_u64)),
        Err(RowError::TooLarge { at: 0 })
    );
    assert_eq!(decode_number::<u8>(&encode_number(255_u64)), Ok(255));
}

proptest! {
    #[test]
    fn numbers_are_read_back(number in any_number()) {
        let bytes = encode_number(number);
        prop_assert!(bytes.len() <= MAX_NUMBER_BYTES);
        prop_assert_eq!(decode_number(&bytes), Ok(number));
    }

    #[test]
    fn what_is_read_is_written_back_as_the_same_bytes(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
        if let Ok(number) = decode_number::<u128>(&bytes) {
            prop_assert_eq!(encode_number(number), bytes);
        }
    }
}
