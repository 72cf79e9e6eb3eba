//! What section 24 prints: addresses, base 37, both transactions, ids, the hash of the signed transaction, the text.

use quorate_crypto::Tag;
use quorate_ledger::{
    Act, Amount, Intent, IntentV1, Operation, ParametersV1, Place, Submission, Text, TextItem, Texts,
    Timestamp, Transaction, decode, encode,
};

use crate::world::{bytes, check, code, k1, k2, network, p};

/// 2026-01-01T00:01:00Z.
const EXPIRY: Timestamp = Timestamp(1_767_225_660_000);

const TRANSACTION_1: &str = "
    00 00
    f8d1588bd40a83c041dde44e06ee34f0baa3a1982b8a627d1d96e25abc108618
    01 6667b111cc79f20ce34185c687163f463bea690d
    6092db769b010000
    000102030405060708090a0b0c0d0e0f
    01
    00 03
    2d8feb05653f0aa04f75fcd0972b257746e6d5f5
    03455552
    e2040000000000000000000000000000
    01 01 010000
    11aa6c432332c33c956c115cefa5661ee66508421f1289fc03de110909e639ef
    01 00
    d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a
    c86cd1fa123ce0b5828aa503abb98429ac68b51cf7dd65ec3435a38b3427f5d5
    ea0f2141670829dfb31d0b3bef6616266d0951b57a9c8de430845f4f8b3cee04";

const TRANSACTION_2: &str = "
    0000f8d1588bd40a83c041dde44e06ee34f0baa3a1982b8a627d1d96e25abc108618026667b111cc79f20ce34185c687163f
    463bea690dd168d8f62fad123043366cb91ee873c821c767b76092db769b0100000707070707070707070707070707070702
    0003d168d8f62fad123043366cb91ee873c821c767b70345555250c3000000000000000000000000000001036667b111cc79
    f20ce34185c687163f463bea690d04474f4c4402000000000000000000000000000000000200d75a980182b10ab7d54bfed3
    c964073a0ee172f3daa62325af021a68f707511a2a763bf9a610cc60d58a1b949c76818eff2db71638a8406a4d4a0fed1a76
    94e7ec744ffab638e37a534dc8e589d962bde7b594f524c1f5bfd56e9e2988ec6e0a010360fed4ba255a9d31c961eb74c635
    6d68c049b8923b61fa6ce669622e60f29fb6d7e16f3a1398a6132f5525e80783f9905e7ddcb6ae052100db63dae3873e7b61
    6b63d7f7c557532945a2c553a930394948fb1faac6321e1f83a88b1453f3cda2";

const TEXT_LEAF: &str = "11aa6c432332c33c956c115cefa5661ee66508421f1289fc03de110909e639ef";

fn invoice() -> Text {
    Text {
        salt: std::array::from_fn(|place| 0x10 + place as u8),
        text: b"invoice 17".to_vec(),
    }
}

fn pay(party: u8, to: &quorate_crypto::ClientSigningKey, asset: &str, amount: u128) -> Act {
    let operation = Operation::Transfer {
        to: to.key().address(),
        asset: code(asset),
        amount: Amount(amount),
    };
    Act { party, operation }
}

fn intent_1() -> Intent {
    Intent::V1(IntentV1 {
        network: network(),
        parties: vec![k1().key().address()],
        expires_at: EXPIRY,
        salt: std::array::from_fn(|place| place as u8),
        operations: vec![pay(0, &k2(), "EUR", 1_250)],
        texts: Some(Texts {
            places: vec![Place::Operation { index: 0, field: 0 }],
            root: Texts::root_of(&[TextItem::Shown(invoice())]),
        }),
    })
}

fn intent_2() -> Intent {
    Intent::V1(IntentV1 {
        network: network(),
        parties: vec![k1().key().address(), p().key().address()],
        expires_at: EXPIRY,
        salt: [7; 16],
        operations: vec![pay(0, &p(), "EUR", 50_000), pay(1, &k1(), "GOLD", 2)],
        texts: None,
    })
}

#[test]
fn addresses_follow_from_keys() {
    let expected = [
        (
            k1(),
            "6667b111cc79f20ce34185c687163f463bea690d",
            "qr1venmzywv08eqec6pshrgw93lgca756gd7s4hr6",
        ),
        (
            k2(),
            "2d8feb05653f0aa04f75fcd0972b257746e6d5f5",
            "qr19k87kpt98u92qnm4lngfw2e9warwd4045g30zv",
        ),
        (
            p(),
            "d168d8f62fad123043366cb91ee873c821c767b7",
            "qr1695d3a3045frqsekdju3a6rneqsuweahj22uwd",
        ),
    ];
    for (key, raw, text) in expected {
        let address = key.key().address();
        assert_eq!(hex::encode(address.0), raw);
        assert_eq!(address.to_string(), text);
    }
    assert_eq!(
        p().key().to_string(),
        "p256:0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    );
}

#[test]
fn codes_have_numbers() {
    for (text, number) in [
        ("EUR", "2727df71b02fbb06"),
        ("Z", "58e340d64417ec94"),
        ("ZZZZZZZZZZZZ", "5b5b57f8a98a5dd0"),
    ] {
        assert_eq!(hex::encode(code(text).b37()), number, "{text}");
    }
}

#[test]
fn transaction_1_is_that_of_the_page() {
    let transaction = intent_1().sign([&k1()]);
    check(&transaction, TRANSACTION_1);
    assert_eq!(
        transaction.id().to_string(),
        "4e1a6d7026445cd638bf2e70f92c96399ffed50752de9d05dfa32d5235bcbc57"
    );
    assert_eq!(
        transaction.signed_hash().to_string(),
        "233a9760671e3cdae787aea45321b351a72818229da224046b13e2c64a29f49b"
    );
    assert_eq!(transaction.signature_cost(), 1);
    assert_eq!(
        transaction.check_form(&network(), &ParametersV1::default()),
        Ok(())
    );
    assert!(transaction.verify_signatures());
}

#[test]
fn transaction_2_is_that_of_the_page() {
    // In whatever order they sign, and however often.
    let transaction = intent_2().sign([&p(), &k1(), &p()]);
    check(&transaction, TRANSACTION_2);
    assert_eq!(
        transaction.id().to_string(),
        "9ba85ba1becbb18452726ec2fd6e1562f437e58ce5905db97e086ed95651bef5"
    );
    assert_eq!(transaction.signature_cost(), 21);
    assert_eq!(
        transaction.check_form(&network(), &ParametersV1::default()),
        Ok(())
    );
    assert!(transaction.verify_signatures());
}

#[test]
fn what_is_signed_lies_where_its_range_says() {
    for text in [TRANSACTION_1, TRANSACTION_2] {
        let encoded = bytes(text);
        let transaction = Transaction::decode(&encoded, &ParametersV1::default()).unwrap();
        let signed = &encoded[transaction.signed_range(encoded.len())];
        assert_eq!(signed, transaction.signed_bytes());
        assert_eq!(Tag::TRANSACTION.hash(signed), transaction.id());
        assert_eq!(Tag::TRANSACTION.preimage(signed), transaction.preimage());
    }
}

#[test]
fn the_texts_leaf_is_that_of_the_page() {
    let text = invoice();
    assert_eq!(text.leaf().to_string(), TEXT_LEAF);
    let by_hand = bytes("0f 71756f726174652f746578742f7632 101112131415161718191a1b1c1d1e1f 0a00");
    assert_eq!(text.leaf_data(), [by_hand.as_slice(), b"invoice 17"].concat());
    // The root over one text is its leaf.
    assert_eq!(Texts::root_of(&[TextItem::Shown(text)]).to_string(), TEXT_LEAF);
}

#[test]
fn the_submission_is_that_of_the_page() {
    let submission = Submission::new(intent_1().sign([&k1()]), vec![invoice()]);
    let expected = format!("00 {TRANSACTION_1} 01 101112131415161718191a1b1c1d1e1f 0a 696e766f696365203137");
    check(&submission, &expected);
    assert_eq!(
        submission.check_form(&network(), &ParametersV1::default()),
        Ok(())
    );
}

#[test]
fn every_bit_of_a_transaction_is_signed_or_a_signature() {
    let good = bytes(TRANSACTION_2);
    for place in 0..good.len() {
        let mut changed = good.clone();
        changed[place] ^= 1;
        let accepted = decode::<Transaction>(&changed, changed.len())
            .is_ok_and(|transaction| transaction.verify_signatures());
        assert!(!accepted, "byte {place}");
    }
    assert_eq!(encode(&decode::<Transaction>(&good, good.len()).unwrap()), good);
}

#[test]
fn a_signature_for_another_intent_is_not_good() {
    let first = intent_1().sign([&k1()]);
    let moved = Transaction::new(intent_2(), first.signatures().to_vec());
    assert!(!moved.verify_signatures());
}
