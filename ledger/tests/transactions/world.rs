//! What many tests need: bytes written by hand, and a transaction to start from.

use std::fmt::Debug;

use quorate_crypto::{ClientSigningKey, KeySignature, SigningKey};
use quorate_ledger::{
    Act, Address, Amount, AssetCode, Condition, ConditionLeaf, Digest, FormError, Intent, IntentV1,
    Operation, ParametersV1, Place, Texts, Timestamp, Transaction, TransactionV1, decode, encode,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The id of the network of section 24.
pub(crate) const NETWORK: &str = "f8d1588bd40a83c041dde44e06ee34f0baa3a1982b8a627d1d96e25abc108618";

/// Bytes written as hex, spaces ignored, `xx*n` meaning n times that byte.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        match word.split_once('*') {
            Some((byte, count)) => {
                let byte = u8::from_str_radix(byte, 16).unwrap();
                bytes.extend(vec![byte; count.parse().unwrap()]);
            }
            None => bytes.extend(hex::decode(word).unwrap()),
        }
    }
    bytes
}

/// Holds a value to its bytes, in both directions; bytes cut off or added are refused.
#[track_caller]
pub(crate) fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, expected: &str) {
    let expected = bytes(expected);
    assert_eq!(hex::encode(encode(value)), hex::encode(&expected));
    assert_eq!(&decode::<T>(&expected, expected.len()).unwrap(), value);
    let mut trailing = expected.clone();
    trailing.push(0);
    assert!(
        decode::<T>(&trailing, trailing.len()).is_err(),
        "a trailing byte is refused"
    );
    for cut in 0..expected.len() {
        assert!(
            decode::<T>(&expected[..cut], cut).is_err(),
            "cut after {cut} bytes"
        );
    }
}

pub(crate) fn network() -> Digest {
    NETWORK.parse().unwrap()
}

pub(crate) fn digest(byte: u8) -> Digest {
    Digest([byte; 32])
}

pub(crate) fn address(byte: u8) -> Address {
    Address([byte; 20])
}

pub(crate) fn code(text: &str) -> AssetCode {
    text.parse().unwrap()
}

fn ed25519(seed: &str) -> ClientSigningKey {
    ClientSigningKey::from_ed25519(SigningKey::from_seed(&bytes(seed).try_into().unwrap()))
}

/// RFC 8032's test 1.
pub(crate) fn k1() -> ClientSigningKey {
    ed25519("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
}

/// RFC 8032's test 2.
pub(crate) fn k2() -> ClientSigningKey {
    ed25519("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
}

/// RFC 6979, A.2.5.
pub(crate) fn p() -> ClientSigningKey {
    let scalar = bytes("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    ClientSigningKey::p256_from_scalar(&scalar.try_into().unwrap()).unwrap()
}

/// A signature that is not good, under a key of good form.
pub(crate) fn ed(byte: u8) -> KeySignature {
    KeySignature::Ed25519 {
        key: [byte; 32],
        signature: [0; 64],
    }
}

/// The same of P-256.
pub(crate) fn p256(byte: u8) -> KeySignature {
    let mut key = [byte; 33];
    key[0] = 2;
    KeySignature::P256 {
        key,
        signature: [0; 64],
    }
}

/// A transfer of one unit.
pub(crate) fn transfer() -> Operation {
    Operation::Transfer {
        to: address(0xB0),
        asset: code("EUR"),
        amount: Amount(1),
    }
}

/// An intent of the party `a0…`, which does all this.
pub(crate) fn intent(operations: Vec<Operation>) -> IntentV1 {
    let act = |operation| Act { party: 0, operation };
    IntentV1 {
        network: network(),
        parties: vec![address(0xA0)],
        expires_at: Timestamp(60_000),
        salt: [7; 16],
        operations: operations.into_iter().map(act).collect(),
        texts: None,
    }
}

/// The same, with texts at these places.
pub(crate) fn intent_with(operations: Vec<Operation>, places: Vec<Place>) -> IntentV1 {
    let root = Digest([9; 32]);
    IntentV1 {
        texts: Some(Texts { places, root }),
        ..intent(operations)
    }
}

/// An intent with a memo whose encoding has so many bytes.
pub(crate) fn intent_of_length(length: usize) -> IntentV1 {
    let mut intent = intent_with(Vec::new(), vec![Place::Memo]);
    let mut missing = length - encode(&Intent::V1(intent.clone())).len();
    let mut push = |operation| {
        let act = Act { party: 0, operation };
        let length = encode(&act).len();
        intent.operations.push(act);
        length
    };
    let hold = long_hold();
    let longest = encode(&Act {
        party: 0,
        operation: hold.clone(),
    })
    .len();
    while missing >= longest + 6 {
        missing -= push(hold.clone());
    }
    while missing > 0 {
        // One with a code of n characters has 5 + n bytes.
        let letters = if missing <= 17 {
            missing - 5
        } else {
            (missing - 6).min(17) - 5
        };
        missing -= push(Operation::CreateAsset {
            code: code(&"A".repeat(letters)),
            decimals: 0,
            flags: 0,
        });
    }
    assert_eq!(encode(&Intent::V1(intent.clone())).len(), length);
    intent
}

/// A hold with as long a condition as there can be.
pub(crate) fn long_hold() -> Operation {
    let record = |byte| ConditionLeaf::Record {
        sha256: digest(byte),
        by: address(byte),
    };
    Operation::Hold {
        beneficiary: address(0xB0),
        asset: code("EUR"),
        amount: Amount(1),
        until: Timestamp(90_000),
        condition: Condition {
            need: 8,
            leaves: (1..=8).map(record).collect(),
        },
    }
}

/// A transaction of this intent, with one signature that is not good.
pub(crate) fn transaction(intent: IntentV1) -> Transaction {
    transaction_with(intent, vec![ed(1)])
}

/// A transaction of this intent, with these signatures as they are.
pub(crate) fn transaction_with(intent: IntentV1, signatures: Vec<KeySignature>) -> Transaction {
    let intent = Intent::V1(intent);
    Transaction::V1(TransactionV1 { intent, signatures })
}

/// Checks a transaction's form under the first parameters.
pub(crate) fn form_of(transaction: &Transaction) -> Result<(), FormError> {
    transaction.check_form(&network(), &ParametersV1::default())
}

/// The stable reason for which an intent is malformed.
pub(crate) fn reason_of(intent: IntentV1) -> Result<(), &'static str> {
    form_of(&transaction(intent)).map_err(|error| error.reason())
}

/// The stable reason for which an operation is malformed.
pub(crate) fn operation_reason(operation: Operation) -> Result<(), &'static str> {
    reason_of(intent(vec![operation]))
}
