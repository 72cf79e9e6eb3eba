//! Operations of protocol 2 are well-formed, and fail with code 14 in protocol 1. They are written down
//! here as the page encodes them.

use quorate_crypto::SigningKey;
use quorate_ledger::{ErrorCode, Operation, Refusal, decode};

use crate::second::tried;
use crate::world::{World, address, burn, create, failed, key, transfer};

/// Bytes put together from parts.
fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// Each operation from 11 on, encoded.
fn operations_of_protocol_2() -> Vec<(&'static str, Vec<u8>)> {
    let account = address(1).0;
    let key_bytes = SigningKey::from_seed(&[4; 32]).public().0;
    let signer = quorate_ledger::encode(&key(2).key());
    let (one, two) = (1_u64.to_le_bytes(), 2_u32.to_le_bytes());
    let (digest, signature) = ([9; 32], [0; 64]);
    let attestation = joined(&[&[0], &digest, &one, &key_bytes, &one, &digest, &two, &two]);
    vec![
        // The right to put records, in the network.
        ("grant", joined(&[&[11], &account, &[7], &[0]])),
        ("revoke", joined(&[&[12], &account, &[7], &[0]])),
        ("freeze", joined(&[&[13], &account, &[0]])),
        ("unfreeze", joined(&[&[14], &account, &[1], &[3], b"EUR"])),
        ("assign", joined(&[&[15], &account, &[1], &two])),
        // To expel a member.
        ("propose", joined(&[&[16], &[1], &two, &one])),
        ("vote", joined(&[&[17], &one, &[0]])),
        ("withdraw", joined(&[&[18], &one])),
        ("attest", joined(&[&[19], &attestation, &signature])),
        // No new keys, and a list of no addresses.
        (
            "set seat",
            joined(&[&[20], &two, &[0], &[0], &[0], &[1, 0], &[0]]),
        ),
        ("set guardians", joined(&[&[21], &[0], &[0], &one])),
        (
            "request signers",
            joined(&[&[22], &account, &two, &[1], &signer, &[1, 0]]),
        ),
        ("decide request", joined(&[&[23], &account, &[1]])),
        ("report dormant", joined(&[&[24], &two])),
        ("answer", joined(&[&[25], &two])),
        ("divide quota", joined(&[&[26], &account, &one, &two])),
    ]
}

#[test]
fn code_14_every_operation_of_protocol_2() {
    let mut world = World::new();
    let operations = operations_of_protocol_2();
    assert_eq!(operations.len(), 16);
    for (name, bytes) in operations {
        let operation: Operation = decode(&bytes, bytes.len()).expect(name);
        let before = world.values();
        let transaction = world.signed(0, vec![operation]);
        let refused = Refusal::Failed {
            code: ErrorCode::NOT_YET,
            operation: 0,
        };
        assert_eq!(tried(&world, &transaction), Err(refused), "{name}");
        assert_eq!(world.run_transaction(transaction), failed(14, 0), "{name}");
        world.only_histories_grew(&before, &[0]);
    }
}

#[test]
fn code_14_assets_with_flags() {
    let mut world = World::new();
    for flags in 1..4 {
        // Before everything else that is wrong with it.
        let bytes = joined(&[&[0], &[3], b"EUR", &[19, flags]]);
        let operation: Operation = decode(&bytes, bytes.len()).unwrap();
        assert_eq!(world.run(0, vec![operation]), failed(14, 0));
    }
}

#[test]
fn code_14_is_looked_at_when_its_operation_comes() {
    let mut world = World::new();
    let bytes = joined(&[&[18], &1_u64.to_le_bytes()]);
    let withdraw: Operation = decode(&bytes, bytes.len()).unwrap();
    let operations = vec![create("NEW"), withdraw.clone(), burn("NONE", 1)];
    assert_eq!(world.run(0, operations), failed(14, 1));
    assert_eq!(world.asset("NEW"), None);
    let operations = vec![transfer(1, "NONE", 1), withdraw];
    assert_eq!(world.run(0, operations), failed(1, 0));
}
