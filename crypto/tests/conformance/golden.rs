//! The page's vectors (`docs/formats.md`, sections 2 and 24), copied from there.

use quorate_crypto::{
    Certificate, CertificateError, CertificateV1, Committee, CommitteeSeat, Digest, Engine, Epoch, Height,
    Key, KeySignature, MemberNumber, PublicKey, Seal, SealContent, SeatNumber, Signature, SigningKey, Tag,
    ValidatorIndex, merkle, sha256,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{K1, P, all_bytes, bytes, k1, p};

/// The network's id.
const NETWORK: &str = "f8d1588bd40a83c041dde44e06ee34f0baa3a1982b8a627d1d96e25abc108618";

/// The id of transaction 1.
const ID_1: &str = "4e1a6d7026445cd638bf2e70f92c96399ffed50752de9d05dfa32d5235bcbc57";

/// The hash of block 1.
const BLOCK_1: &str = "68327b0c4cca7bc1ed729f79a4e565cd9c62e4e1b7093f652e35186c2c4e6abf";

/// The address of K1.
const K1_ADDRESS: &str = "6667b111cc79f20ce34185c687163f463bea690d";

/// The intent of transaction 1.
const INTENT_1: &str = "00f8d1588bd40a83c041dde44e06ee34f0baa3a1982b8a627d1d96e25abc1086\
    18016667b111cc79f20ce34185c687163f463bea690d6092db769b0100000001\
    02030405060708090a0b0c0d0e0f0100032d8feb05653f0aa04f75fcd0972b25\
    7746e6d5f503455552e2040000000000000000000000000000010101000011aa\
    6c432332c33c956c115cefa5661ee66508421f1289fc03de110909e639ef";

/// K1's signature of it.
const SIGNATURE_1: &str = "c86cd1fa123ce0b5828aa503abb98429ac68b51cf7dd65ec3435a38b3427f5d5\
    ea0f2141670829dfb31d0b3bef6616266d0951b57a9c8de430845f4f8b3cee04";

/// The intent of transaction 2.
pub(crate) const INTENT_2: &str = "00f8d1588bd40a83c041dde44e06ee34f0baa3a1982b8a627d1d96e25abc1086\
    18026667b111cc79f20ce34185c687163f463bea690dd168d8f62fad12304336\
    6cb91ee873c821c767b76092db769b0100000707070707070707070707070707\
    0707020003d168d8f62fad123043366cb91ee873c821c767b70345555250c300\
    0000000000000000000000000001036667b111cc79f20ce34185c687163f463b\
    ea690d04474f4c440200000000000000000000000000000000";

/// K1's signature of it.
const SIGNATURE_2_OF_K1: &str = "2a763bf9a610cc60d58a1b949c76818eff2db71638a8406a4d4a0fed1a7694e7\
    ec744ffab638e37a534dc8e589d962bde7b594f524c1f5bfd56e9e2988ec6e0a";

/// P's signature of it.
pub(crate) const SIGNATURE_2_OF_P: &str = "d7e16f3a1398a6132f5525e80783f9905e7ddcb6ae052100db63dae3873e7b61\
    6b63d7f7c557532945a2c553a930394948fb1faac6321e1f83a88b1453f3cda2";

/// The header of block 1.
const HEADER_1: &str = "00f8d1588bd40a83c041dde44e06ee34f0baa3a1982b8a627d1d96e25abc1086\
    180100000000000000000000000100000000000000f8d1588bd40a83c041dde4\
    4e06ee34f0baa3a1982b8a627d1d96e25abc108618e3b0c44298fc1c149afbf4\
    c8996fb92427ae41e4649b934ca495991b7852b8558842aafb512f14e30ad617\
    9fe597d2357cdd1a4b116e889d13450e9b7d061cbee8abda769b010000020000\
    000000000045a4c9d05c97507aece243922409091ef434d3364af5d9e1b7adfd\
    b828bf956d49db4125013f9ab7767642c41e12939c33eaa5cae73a6c609d4c9f\
    d2cfc0ba0e22c2d5c64a5f7d39c51a8195d2f3efb5560c2875ed5ef13d480ac2\
    db815d2762";

/// Its certificate.
const CERTIFICATE_1: &str = "000000000000000000010000000000000068327b0c4cca7bc1ed729f79a4e565\
    cd9c62e4e1b7093f652e35186c2c4e6abf0100008863662c178daab0b7f2b8cb\
    3bdf1ab689f96a308961b57143a1fa256cf0b272bc1ef043a47606ad2ad99748\
    81381ba6547d5b79df34f21b0c480c6f0ddd4d00";

/// The validator's, the node's and the witness's key.
const SEAT_KEYS: &str = "d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737\
    a09aa5f47a6759802ff955f8dc2d2a14a5c99d23be97f864127ff9383455a4f0\
    17cb79fb2b4120f2b1ec65e4198d6e08b28e813feb01e4a400839b85e18080ce";

#[track_caller]
fn digest(text: &str) -> Digest {
    Digest(bytes(text))
}

#[track_caller]
fn assert_golden<T>(value: &T, expected: &str)
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let encoding = bcs::to_bytes(value).unwrap();
    assert_eq!(encoding, all_bytes(expected));
    assert_eq!(&bcs::from_bytes::<T>(&encoding).unwrap(), value);
    assert!(bcs::from_bytes::<T>(&encoding[..encoding.len() - 1]).is_err());
    let longer = [encoding.as_slice(), &[0]].concat();
    assert!(
        bcs::from_bytes::<T>(&longer).is_err(),
        "trailing bytes are refused"
    );
}

fn committee() -> Committee {
    let key = |seed: u8| SigningKey::from_seed(&[seed; 32]).public();
    let seat = CommitteeSeat {
        member: MemberNumber(0),
        seat: SeatNumber(0),
        validator: key(0x11),
        node: key(0x22),
        witness: key(0x33),
    };
    Committee::new(Epoch(0), Engine::Pbft, 1, vec![seat])
}

#[test]
fn addresses_are_of_the_first_key() {
    for (key, address, text) in [
        (
            Key::Ed25519(bytes(K1)),
            K1_ADDRESS,
            "qr1venmzywv08eqec6pshrgw93lgca756gd7s4hr6",
        ),
        (
            Key::Ed25519(bytes(
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            )),
            "2d8feb05653f0aa04f75fcd0972b257746e6d5f5",
            "qr19k87kpt98u92qnm4lngfw2e9warwd4045g30zv",
        ),
        (
            Key::P256(bytes(P)),
            "d168d8f62fad123043366cb91ee873c821c767b7",
            "qr1695d3a3045frqsekdju3a6rneqsuweahj22uwd",
        ),
    ] {
        assert_eq!(key.address().as_bytes(), &bytes::<20>(address));
        assert_eq!(key.address().to_string(), text);
        assert_eq!(text.parse(), Ok(key.address()));
    }
    assert_eq!(
        (k1().key(), p().key()),
        (Key::Ed25519(bytes(K1)), Key::P256(bytes(P)))
    );
}

#[test]
fn ids_and_signatures_of_the_transactions_come_out() {
    let (first, second) = (all_bytes(INTENT_1), all_bytes(INTENT_2));
    assert_eq!(Tag::TRANSACTION.hash(&first), digest(ID_1));
    assert_eq!(
        Tag::TRANSACTION.hash(&second),
        digest("9ba85ba1becbb18452726ec2fd6e1562f437e58ce5905db97e086ed95651bef5")
    );
    let by_k1 = |signature| KeySignature::Ed25519 {
        key: bytes(K1),
        signature: bytes(signature),
    };
    assert_eq!(k1().sign(Tag::TRANSACTION, &first), by_k1(SIGNATURE_1));
    assert_eq!(k1().sign(Tag::TRANSACTION, &second), by_k1(SIGNATURE_2_OF_K1));
    assert!(by_k1(SIGNATURE_1).verify(&Tag::TRANSACTION.preimage(&first)));
    assert_eq!(by_k1(SIGNATURE_1).cost(), 1);

    // The transaction is its version, the intent, and the signatures.
    let signed = all_bytes(&format!("00 {INTENT_1} 01 00 {K1} {SIGNATURE_1}"));
    assert_eq!(
        Tag::SIGNED.hash(&signed),
        digest("233a9760671e3cdae787aea45321b351a72818229da224046b13e2c64a29f49b")
    );
    let signatures = vec![by_k1(SIGNATURE_2_OF_K1), p().sign(Tag::TRANSACTION, &second)];
    let expected = format!("02 00 {K1} {SIGNATURE_2_OF_K1} 01 {P} {SIGNATURE_2_OF_P}");
    assert_golden(&signatures, &expected);
}

#[test]
fn the_texts_leaf_comes_out() {
    let content = [
        all_bytes("101112131415161718191a1b1c1d1e1f 0a00").as_slice(),
        b"invoice 17",
    ]
    .concat();
    assert_eq!(
        merkle::leaf_hash(&Tag::TEXT.preimage(&content)),
        digest("11aa6c432332c33c956c115cefa5661ee66508421f1289fc03de110909e639ef")
    );
}

#[test]
fn state_keys_come_out() {
    let (id, address, nothing) = (digest(ID_1), bytes::<20>(K1_ADDRESS), sha256(b""));
    let hold = Tag::HOLD.hash_parts(&[id.as_ref(), &[0]]);
    assert_eq!(hold.0[..11], bytes::<11>("9d35d76cbd9b316dccdd46"));
    let own = Tag::OWN_RECORD.hash_parts(&[address.as_slice(), nothing.as_ref()]);
    assert_eq!(
        own.0[..31],
        bytes::<31>("66420fb19f64bb7c529a6e79a9e6c1a36611852ec8cbc283d236a47ea34678")
    );
    assert_eq!(
        Tag::UNIQUE_RECORD.hash(&nothing.0).0[..31],
        bytes::<31>("5a83ee3f65e9571a71f962b1634cff64c53d32385cafa49565ac3810a9d7c1")
    );
    assert_eq!(
        Tag::ERASURE.hash(&id.0).0[..31],
        bytes::<31>("6835fe2a5d26434e1a8eb2fb79f1e37bd798715977190e3877916d83556f75")
    );
}

#[test]
fn the_logs_root_comes_out() {
    let leaf = digest("f2f61f44c13aafd8ed232435984828cb6c80ca0ef68ef4a5048414170f6a706b");
    // The path in the proof of transaction 1.
    let path = [digest(
        "bfe2037e7512f303c264b84da2ee14d56a143ab4732ec07af40c65b720a86fa0",
    )];
    let root = digest("45a4c9d05c97507aece243922409091ef434d3364af5d9e1b7adfdb828bf956d");
    assert_eq!(merkle::path_root(leaf, 0, 2, &path), Some(root));
    let frontier = merkle::Frontier::from_parts(2, vec![root]).unwrap();
    assert_eq!(frontier.root(), root);
}

#[test]
fn the_committee_and_its_digest_come_out() {
    let committee = committee();
    let expected = format!("00 0000000000000000 00 01000000 01 00000000 00000000 {SEAT_KEYS}");
    assert_golden(&committee, &expected);
    assert_eq!(
        committee.digest(),
        digest("22c2d5c64a5f7d39c51a8195d2f3efb5560c2875ed5ef13d480ac2db815d2762")
    );
}

#[test]
fn the_engines_numbers_are_frozen() {
    for (engine, number) in [(Engine::Pbft, "00"), (Engine::Raft, "01"), (Engine::Paxos, "02")] {
        assert_golden(&engine, number);
    }
}

#[test]
fn the_blocks_hash_and_certificate_come_out() {
    let header = all_bytes(HEADER_1);
    assert_eq!(header.len(), 261);
    assert_eq!(Tag::BLOCK.hash(&header), digest(BLOCK_1));

    let network = digest(NETWORK);
    let content = SealContent::new(network, Epoch(0), Height(1), digest(BLOCK_1));
    assert_golden(
        &content,
        &format!("00 {NETWORK} 0000000000000000 0100000000000000 {BLOCK_1}"),
    );
    let seal = Seal {
        validator: ValidatorIndex(0),
        signature: content.sign(&SigningKey::from_seed(&[0x11; 32])),
    };
    let certificate = Certificate::V1(CertificateV1 {
        epoch: Epoch(0),
        height: Height(1),
        block: digest(BLOCK_1),
        seals: vec![seal],
    });
    assert_golden(&certificate, CERTIFICATE_1);
    assert_eq!(certificate.verify(network, &committee()), Ok(()));
    let other = Digest([0; 32]);
    let validator = ValidatorIndex(0);
    assert_eq!(
        certificate.verify(other, &committee()),
        Err(CertificateError::BadSeal { validator })
    );
}

/// Seats and seals stand one after the other, in the order of their indices.
#[test]
fn committees_and_certificates_of_several_are_their_items() {
    let seat = |number: u8| CommitteeSeat {
        member: MemberNumber(u32::from(number) + 1),
        seat: SeatNumber(u32::from(number) + 2),
        validator: PublicKey([number; 32]),
        node: PublicKey([number + 0x10; 32]),
        witness: PublicKey([number + 0x20; 32]),
    };
    let committee = Committee::new(Epoch(7), Engine::Raft, 3, vec![seat(0), seat(1)]);
    let [first, second] = [["00", "10", "20"], ["01", "11", "21"]].map(|keys| keys.map(|key| key.repeat(32)));
    let expected = format!(
        "00 0700000000000000 01 03000000 02 01000000 02000000 {} 02000000 03000000 {}",
        first.concat(),
        second.concat()
    );
    assert_golden(&committee, &expected);

    let seal = |index: u16, byte: u8| Seal {
        validator: ValidatorIndex(index),
        signature: Signature([byte; 64]),
    };
    let certificate = Certificate::V1(CertificateV1 {
        epoch: Epoch(7),
        height: Height(9),
        block: Digest([0x22; 32]),
        seals: vec![seal(0, 0xaa), seal(1, 0xbb), seal(0x103, 0xcc)],
    });
    let [a, b, c] = ["aa", "bb", "cc"].map(|byte| byte.repeat(64));
    let block = "22".repeat(32);
    let expected = format!("00 0700000000000000 0900000000000000 {block} 03 0000 {a} 0100 {b} 0301 {c}");
    assert_golden(&certificate, &expected);
}

#[test]
fn a_frontier_is_its_length_and_its_subtrees() {
    let (pair, third) = (Digest([0xaa; 32]), Digest([0xbb; 32]));
    let frontier = merkle::Frontier::from_parts(3, vec![pair, third]).unwrap();
    let expected = format!("0300000000000000 02 {} {}", "aa".repeat(32), "bb".repeat(32));
    assert_golden(&frontier, &expected);

    // Three leaves of one byte each.
    let mut frontier = merkle::Frontier::new();
    for leaf in 0..3_u8 {
        frontier.push(&[leaf]);
    }
    let pair = "a20bf9a7cc2dc8a08f5f415a71b19f6ac427bab54d24eec868b5d3103449953a";
    let third = "fcf0a6c700dd13e274b6fba8deea8dd9b26e4eedde3495717cac8408c9c5177f";
    assert_golden(&frontier, &format!("0300000000000000 02 {pair} {third}"));
}

#[test]
fn an_inclusion_proof_is_its_place_and_its_path() {
    let proof = merkle::InclusionProof {
        index: 1,
        length: 2,
        path: vec![Digest([5; 32])],
    };
    let expected = format!("0100000000000000 0200000000000000 01 {}", "05".repeat(32));
    assert_golden(&proof, &expected);
}

/// Lists from outside are refused by their announced length, before they are allocated.
#[test]
fn lists_beyond_their_bound_are_refused() {
    let seat = committee().seats()[0];
    let of = |count| Committee::new(Epoch(0), Engine::Pbft, 1, vec![seat; count]);
    assert_eq!(bcs::from_bytes(&bcs::to_bytes(&of(128)).unwrap()), Ok(of(128)));
    assert!(bcs::from_bytes::<Committee>(&bcs::to_bytes(&of(129)).unwrap()).is_err());
    // 2^31 - 1 announced, none there.
    let announced = all_bytes("00 0000000000000000 00 01000000 ffffffff07");
    let error = bcs::from_bytes::<Committee>(&announced).unwrap_err().to_string();
    assert!(error.contains("2147483647"), "{error}");

    let seal = Seal {
        validator: ValidatorIndex(0),
        signature: Signature([0; 64]),
    };
    let certificate = Certificate::V1(CertificateV1 {
        epoch: Epoch(0),
        height: Height(1),
        block: Digest([0; 32]),
        seals: vec![seal; 129],
    });
    assert!(bcs::from_bytes::<Certificate>(&bcs::to_bytes(&certificate).unwrap()).is_err());
    let json = serde_json::to_string(&certificate).unwrap();
    assert!(serde_json::from_str::<Certificate>(&json).is_err());
    let proof = merkle::InclusionProof {
        index: 0,
        length: 1,
        path: vec![Digest::ZERO; 65],
    };
    assert!(bcs::from_bytes::<merkle::InclusionProof>(&bcs::to_bytes(&proof).unwrap()).is_err());
}
