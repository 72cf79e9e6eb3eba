//! Addresses: BIP 350's vectors through the library in use, and addresses of our own.

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Bech32m, Hrp};
use proptest::prelude::*;
use quorate_crypto::{Address, AddressError, Key};

#[test]
fn bip_350_valid_strings_are_read() {
    for text in [
        "A1LQFN3A",
        "a1lqfn3a",
        "an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6",
        "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx",
        "11llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllludsr8",
        "split1checkupstagehandshakeupstreamerranterredcaperredlc445v",
        "?1v759aa",
    ] {
        assert!(CheckedHrpstring::new::<Bech32m>(text).is_ok(), "{text}");
    }
}

#[test]
fn bip_350_invalid_strings_are_refused() {
    for text in [
        "\u{20}1xj0phk",
        "\u{7f}1g6xzxy",
        "\u{80}1vctc34",
        "an84characterslonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11d6pts4",
        "qyrz8wqd2c9m",
        "1qyrz8wqd2c9m",
        "y1b0jsk6g",
        "lt1igcx5c0",
        "in1muywd",
        "mm1crxm3i",
        "au1s5cgom",
        "M1VUXWEZ",
        "16plkw9",
        "1p2gdwpf",
    ] {
        assert!(CheckedHrpstring::new::<Bech32m>(text).is_err(), "{text:?}");
        assert!(text.parse::<Address>().is_err(), "{text:?}");
    }
}

#[test]
fn the_address_of_a_known_key_is_known() {
    // K1 of `docs/formats.md`, section 24.
    let key: Key = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        .parse()
        .unwrap();
    let address = key.address();
    assert_eq!(
        hex::encode(address.as_bytes()),
        "6667b111cc79f20ce34185c687163f463bea690d"
    );
    assert_eq!(address.to_string(), "qr1venmzywv08eqec6pshrgw93lgca756gd7s4hr6");
    assert_eq!(address.to_string().parse(), Ok(address));
    assert_eq!(address.to_string().to_uppercase().parse(), Ok(address));
}

#[test]
fn what_is_not_an_address_is_told_apart() {
    let encode =
        |prefix: &str, bytes: &[u8]| bech32::encode::<Bech32m>(Hrp::parse(prefix).unwrap(), bytes).unwrap();
    assert!(matches!(
        encode("bc", &[1; 20]).parse::<Address>(),
        Err(AddressError::WrongPrefix { .. })
    ));
    assert!(matches!(
        encode("qr", &[1; 19]).parse::<Address>(),
        Err(AddressError::WrongLength { length: 19, .. })
    ));
    assert!(matches!(
        "x".repeat(1_000_000).parse::<Address>(),
        Err(AddressError::WrongLength { .. })
    ));
    let bech32 = bech32::encode::<Bech32>(Hrp::parse("qr").unwrap(), &[1; 20]).unwrap();
    assert!(matches!(
        bech32.parse::<Address>(),
        Err(AddressError::Malformed { .. })
    ));
    let good = encode("qr", &[1; 20]);
    let mixed = format!("{}{}", &good[..10], good[10..].to_uppercase());
    assert!(matches!(
        mixed.parse::<Address>(),
        Err(AddressError::Malformed { .. })
    ));
    assert!("".parse::<Address>().is_err());
}

proptest! {
    #[test]
    fn any_mistyped_character_is_noticed(bytes: [u8; 20], place in 0usize..41, letter in "[a-z0-9]") {
        let text = Address(bytes).to_string();
        prop_assert_eq!(text.len(), 41);
        prop_assert_eq!(text.parse(), Ok(Address(bytes)));
        let mut typed = text.clone();
        typed.replace_range(place..=place, &letter);
        prop_assert_eq!(typed.parse::<Address>().is_ok(), typed == text);
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = text.parse::<Address>();
    }
}
