//! Lengths that are computed are those of the encodings, whatever was decoded or built.

use proptest::collection::vec;
use proptest::prelude::*;
use quorate_crypto::{Key, KeySignature, MemberNumber, PublicKey, SeatNumber, Signature};
use quorate_ledger::{
    Act, Address, Amount, AssetCode, Attestation, AttestationV1, Change, Condition, ConditionLeaf, Digest,
    HoldRef, Intent, IntentV1, Keep, Limit, Operation, Parameters, ParametersV1, Place, Right, Rules, Scope,
    Signer, Signers, Submission, Text, TextItem, Texts, Timestamp, Transaction, TransactionV1, encode,
};

use crate::governance::changes;
use crate::operations::all;

fn code() -> impl Strategy<Value = AssetCode> {
    "[A-Z0-9]{1,12}".prop_map(|code| code.parse().unwrap())
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

fn address() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(Address)
}

fn public_key() -> impl Strategy<Value = PublicKey> {
    any::<[u8; 32]>().prop_map(PublicKey)
}

fn signature() -> impl Strategy<Value = Signature> {
    any::<u8>().prop_map(|byte| Signature([byte; 64]))
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(Key::Ed25519),
        any::<u8>().prop_map(|byte| Key::P256([byte; 33])),
    ]
}

fn key_signature() -> impl Strategy<Value = KeySignature> {
    key().prop_map(|key| {
        let signature = [5; 64];
        match key {
            Key::Ed25519(key) => KeySignature::Ed25519 { key, signature },
            Key::P256(key) => KeySignature::P256 { key, signature },
        }
    })
}

fn signers() -> impl Strategy<Value = Signers> {
    let signer = (key(), any::<u16>()).prop_map(|(key, weight)| Signer { key, weight });
    (any::<u32>(), vec(signer, 0..140)).prop_map(|(threshold, signers)| Signers { threshold, signers })
}

fn condition() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![
        address().prop_map(ConditionLeaf::Signs),
        any::<u64>().prop_map(|time| ConditionLeaf::From(Timestamp(time))),
        digest().prop_map(ConditionLeaf::Preimage),
        (digest(), address()).prop_map(|(sha256, by)| ConditionLeaf::Record { sha256, by }),
    ];
    (any::<u8>(), vec(leaf, 0..140)).prop_map(|(need, leaves)| Condition { need, leaves })
}

fn places() -> impl Strategy<Value = Vec<Place>> {
    let place = prop_oneof![
        Just(Place::Memo),
        any::<(u8, u8)>().prop_map(|(index, field)| Place::Operation { index, field }),
    ];
    vec(place, 0..150)
}

fn right() -> impl Strategy<Value = Right> {
    prop::sample::select(&Right::ALL[..])
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope::Network),
        any::<u32>().prop_map(|member| Scope::Member(MemberNumber(member))),
        code().prop_map(Scope::Asset),
    ]
}

fn addresses() -> impl Strategy<Value = Vec<String>> {
    vec("[a-z/0-9]{0,300}", 0..10)
}

fn member() -> impl Strategy<Value = Option<MemberNumber>> {
    prop::option::of(any::<u32>().prop_map(MemberNumber))
}

fn change() -> impl Strategy<Value = Change> {
    let listed: Vec<Change> = changes().into_iter().map(|(change, _)| change).collect();
    let limit = prop::option::of(any::<(u64, u32)>().prop_map(|(bytes, leaves)| Limit { bytes, leaves }));
    prop_oneof![
        3 => prop::sample::select(listed),
        1 => ("\\PC{0,300}", address()).prop_map(|(name, account)| Change::AdmitMember { name, account }),
        1 => (public_key(), addresses(), vec(signature(), 0..5)).prop_map(|(key, addresses, proofs)| {
            Change::AddSeat {
                member: MemberNumber(1),
                validator: key,
                node: key,
                witness: key,
                addresses,
                proofs,
            }
        }),
        1 => (address(), right(), scope())
            .prop_map(|(account, right, scope)| Change::Grant { account, right, scope }),
        1 => (address(), right(), scope())
            .prop_map(|(account, right, scope)| Change::Revoke { account, right, scope }),
        1 => (member(), limit).prop_map(|(member, limit)| Change::Quota { member, limit }),
        1 => (address(), prop::option::of(code()))
            .prop_map(|(account, asset)| Change::Freeze { account, asset }),
        1 => (address(), prop::option::of(code()))
            .prop_map(|(account, asset)| Change::Unfreeze { account, asset }),
    ]
}

/// Of the first protocol, of any length and more than is allowed.
fn early() -> impl Strategy<Value = Operation> {
    let amount = || any::<u128>().prop_map(Amount);
    prop_oneof![
        (code(), any::<u8>(), any::<u8>()).prop_map(|(code, decimals, flags)| Operation::CreateAsset {
            code,
            decimals,
            flags
        }),
        (address(), code(), amount()).prop_map(|(to, asset, amount)| Operation::Mint { to, asset, amount }),
        (code(), amount()).prop_map(|(asset, amount)| Operation::Burn { asset, amount }),
        (address(), code(), amount()).prop_map(|(to, asset, amount)| Operation::Transfer {
            to,
            asset,
            amount
        }),
        digest().prop_map(|sha256| Operation::PutRecord {
            sha256,
            keep: Keep::Own
        }),
        signers().prop_map(|signers| Operation::SetSigners { signers }),
        (public_key(), digest()).prop_map(|(validator, token)| Operation::Rejoin { validator, token }),
    ]
}

fn settling() -> impl Strategy<Value = Operation> {
    let amount = || any::<u128>().prop_map(Amount);
    let hold = || {
        (address(), digest(), any::<u8>()).prop_map(|(owner, transaction, operation)| HoldRef {
            owner,
            transaction,
            operation,
        })
    };
    prop_oneof![
        (address(), code(), amount(), any::<u64>(), condition()).prop_map(
            |(beneficiary, asset, amount, until, condition)| Operation::Hold {
                beneficiary,
                asset,
                amount,
                until: Timestamp(until),
                condition,
            }
        ),
        (hold(), prop::option::of(amount()), vec(any::<[u8; 32]>(), 0..140)).prop_map(
            |(hold, amount, preimages)| Operation::Release {
                hold,
                amount,
                preimages
            }
        ),
        hold().prop_map(|hold| Operation::Refund { hold }),
        (vec(any::<u8>(), 0..300), places()).prop_map(|(intent, places)| Operation::Erase { intent, places }),
    ]
}

/// Of the second protocol, those with parts of any length.
fn late() -> impl Strategy<Value = Operation> {
    prop_oneof![
        (address(), right(), scope()).prop_map(|(account, right, scope)| Operation::Grant {
            account,
            right,
            scope
        }),
        (address(), right(), scope()).prop_map(|(account, right, scope)| Operation::Revoke {
            account,
            right,
            scope
        }),
        (address(), prop::option::of(code()))
            .prop_map(|(account, asset)| Operation::Freeze { account, asset }),
        (address(), prop::option::of(code()))
            .prop_map(|(account, asset)| Operation::Unfreeze { account, asset }),
        (address(), member()).prop_map(|(account, member)| Operation::Assign { account, member }),
        (change(), any::<u64>()).prop_map(|(change, time)| Operation::Propose {
            change,
            expires_at: Timestamp(time),
        }),
        (public_key(), digest(), signature()).prop_map(|(validator, block, signature)| Operation::Attest {
            attestation: Attestation::V1(AttestationV1 {
                network: block,
                proposal: 1,
                validator,
                height: quorate_crypto::Height(1),
                block,
                lowest: 1,
                highest: 2,
            }),
            signature,
        }),
        set_seat(),
        (vec(address(), 0..140), any::<u8>(), any::<u64>()).prop_map(|(guardians, threshold, delay_ms)| {
            Operation::SetGuardians {
                guardians,
                threshold,
                delay_ms,
            }
        }),
        (address(), signers()).prop_map(|(account, signers)| Operation::RequestSigners { account, signers }),
    ]
}

fn set_seat() -> impl Strategy<Value = Operation> {
    let key = || prop::option::of(public_key());
    let addresses = prop::option::of(addresses());
    (key(), key(), key(), addresses, vec(signature(), 0..5)).prop_map(
        |(validator, node, witness, addresses, proofs)| Operation::SetSeat {
            seat: SeatNumber(4),
            validator,
            node,
            witness,
            addresses,
            proofs,
        },
    )
}

fn operation() -> impl Strategy<Value = Operation> {
    let listed: Vec<Operation> = all().into_iter().map(|(operation, _)| operation).collect();
    prop_oneof![early(), settling(), late(), prop::sample::select(listed)]
}

fn intent() -> impl Strategy<Value = IntentV1> {
    let act = (any::<u8>(), operation()).prop_map(|(party, operation)| Act { party, operation });
    let texts = (places(), digest()).prop_map(|(places, root)| Texts { places, root });
    (vec(address(), 0..140), vec(act, 0..40), prop::option::of(texts)).prop_map(
        |(parties, operations, texts)| IntentV1 {
            network: Digest::ZERO,
            parties,
            expires_at: Timestamp(u64::MAX),
            salt: [4; 16],
            operations,
            texts,
        },
    )
}

fn text() -> impl Strategy<Value = Text> {
    vec(any::<u8>(), 0..300).prop_map(|text| Text { salt: [6; 16], text })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn lengths_are_those_of_the_encoding(
        intent in intent(),
        signatures in vec(key_signature(), 0..140),
        texts in vec(text(), 0..140),
    ) {
        prop_assert_eq!(intent.encoded_length(), encode(&Intent::V1(intent.clone())).len());
        let intent = Intent::V1(intent);
        let transaction = Transaction::V1(TransactionV1 { intent, signatures });
        let bytes = encode(&transaction);
        prop_assert_eq!(transaction.encoded_length(), bytes.len());
        prop_assert_eq!(&bytes[transaction.signed_range(bytes.len())], transaction.signed_bytes());
        let submission = Submission::new(transaction, texts);
        prop_assert_eq!(submission.encoded_length(), encode(&submission).len());
    }

    #[test]
    fn lengths_of_texts_are_those_of_the_encoding(text in text(), leaf in digest()) {
        prop_assert_eq!(text.encoded_length(), encode(&text).len());
        for item in [TextItem::Shown(text), TextItem::Withheld { leaf }] {
            prop_assert_eq!(item.encoded_length(), encode(&item).len());
        }
    }

    #[test]
    fn what_is_read_is_written_the_same(operation in operation()) {
        let bytes = encode(&operation);
        // Lists may be longer here than a decoder reads.
        if let Ok(read) = quorate_ledger::decode::<Operation>(&bytes, bytes.len()) {
            prop_assert_eq!(encode(&read), bytes);
            prop_assert_eq!(read, operation);
        }
    }
}

#[test]
fn every_operation_and_change_has_its_length() {
    let changes = changes().into_iter().map(|(change, _)| Operation::Propose {
        change,
        expires_at: Timestamp(0),
    });
    for operation in all().into_iter().map(|(operation, _)| operation).chain(changes) {
        let intent = crate::world::intent(vec![operation]);
        assert_eq!(intent.encoded_length(), encode(&Intent::V1(intent.clone())).len());
    }
}

#[test]
fn parameters_and_rules_have_one_length() {
    let parameters = ParametersV1 {
        max_hold_ms: u64::MAX,
        ..ParametersV1::default()
    };
    assert_eq!(encode(&Parameters::V1(parameters)).len(), 73);
    assert_eq!(encode(&Rules::default()).len(), 57);
}
