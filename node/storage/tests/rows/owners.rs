//! Owners in rows and keys, and asset codes as numbers.

use proptest::prelude::*;
use quorate_crypto::Address;
use quorate_ledger::{AssetCode, HistoryOwner};
use quorate_storage::rows::{code_of_b37, owner_key};

use crate::random::any_owner;

fn code(text: &str) -> AssetCode {
    text.parse().unwrap()
}

#[test]
fn keys_of_owners_are_golden() {
    let account = HistoryOwner::Account(Address([0xaa; 20]));
    assert_eq!(hex::encode(owner_key(&account)), format!("00{}", "aa".repeat(20)));
    let asset = HistoryOwner::Asset(code("EUR"));
    assert_eq!(hex::encode(owner_key(&asset)), "012727df71b02fbb06");
}

#[test]
fn codes_are_read_from_the_pages_numbers() {
    let page = [
        ("EUR", "2727df71b02fbb06"),
        ("Z", "58e340d64417ec94"),
        ("ZZZZZZZZZZZZ", "5b5b57f8a98a5dd0"),
    ];
    for (text, number) in page {
        let number: [u8; 8] = hex::decode(number).unwrap().try_into().unwrap();
        assert_eq!(code_of_b37(&number), Some(code(text)));
    }
}

#[test]
fn numbers_of_no_code_are_none() {
    let highest = 37_u64.pow(11);
    let refused = [
        0,                                           // no character
        1,                                           // the twelfth alone
        11 * highest + 11 * highest / 37_u64.pow(2), // the second is missing
        37 * highest,                                // a thirteenth
        u64::MAX,
    ];
    for number in refused {
        assert_eq!(code_of_b37(&number.to_be_bytes()), None, "{number}");
    }
    assert_eq!(code_of_b37(&highest.to_be_bytes()), Some(code("0")));
}

proptest! {
    #[test]
    fn every_code_is_read_back(text in "[A-Z0-9]{1,12}") {
        let code = code(&text);
        prop_assert_eq!(code_of_b37(&code.b37()), Some(code));
    }

    #[test]
    fn no_number_has_two_codes(number in any::<[u8; 8]>()) {
        if let Some(code) = code_of_b37(&number) {
            prop_assert_eq!(code.b37(), number);
        }
    }

    #[test]
    fn keys_order_as_owners_do(one in any_owner(), other in any_owner()) {
        prop_assert_eq!(owner_key(&one).cmp(&owner_key(&other)), one.cmp(&other));
    }
}
