//! The proofs of the page's worked example (section 24), to the byte: of the block that its bytes give when they are
//! executed.

use std::collections::BTreeMap;
use std::sync::Arc;

use quorate_crypto::{Address, ClientSigningKey, Digest, Height, SigningKey};
use quorate_genesis::Genesis;
use quorate_ledger::{
    BatchRules, BlockInput, CertifiedBlock, FormedBatch, HistoryOwner, MemoryState, Prefix, Timestamp, Tip,
    decode, execute,
};
use quorate_prover::{
    Addition, Beside, MemoryChain, Show, ShowTexts, StatementRequest, prove_block, prove_state,
    prove_statement, prove_transaction,
};

const GENESIS: &str = include_str!("golden/genesis.hex");
const BLOCK: &str = include_str!("golden/block.hex");

/// The id of transaction 1.
const ID_1: &str = "4e1a6d7026445cd638bf2e70f92c96399ffed50752de9d05dfa32d5235bcbc57";

/// The seed of K1: RFC 8032, test 1.
const K1: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    let pairs = digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]);
    pairs.map(|byte| u8::try_from(byte).unwrap()).collect()
}

/// The example's chain of one block.
fn chain() -> MemoryChain {
    let genesis = Genesis::decode(&bytes(GENESIS)).unwrap();
    let bytes = bytes(BLOCK);
    let certified: CertifiedBlock = decode(&bytes, bytes.len()).unwrap();
    let certified = certified.v1();
    let (network, committee) = (genesis.id(), genesis.committee());
    let parameters = genesis.parameters().v1();
    let rules = BatchRules {
        network: &network,
        committee: &committee,
        parameters,
    };
    let batches = certified.batches.iter().map(|batch| {
        let formed = FormedBatch::from_signed(batch.clone(), &rules).unwrap();
        Arc::new(formed.check_signatures().unwrap())
    });
    let batches: Vec<_> = batches.collect();
    let begun = genesis.state();
    let tip = Tip::genesis(network, genesis.time(), begun.root);
    let input = BlockInput {
        tip: &tip,
        proposal: &certified.block.v1().proposal,
        batches: &batches,
        parameters,
    };
    let execution = execute(&input, &MemoryState::genesis(&begun), &mut begun.tree()).unwrap();
    assert_eq!(execution.block, certified.block);
    let mut chain = MemoryChain::of_genesis(&genesis);
    let certificate = certified.certificate.clone();
    chain.append(Addition::of(&execution, certificate, &batches, &certified.texts));
    chain
}

fn k1() -> Address {
    let seed: [u8; 32] = bytes(K1).try_into().unwrap();
    ClientSigningKey::from_ed25519(SigningKey::from_seed(&seed))
        .key()
        .address()
}

fn id_1() -> Digest {
    ID_1.parse().unwrap()
}

#[test]
fn of_a_transaction() {
    let proof = prove_transaction(&chain(), Height(1), &id_1(), Show::Intent(ShowTexts::All)).unwrap();
    assert_eq!(proof.to_file(), include_str!("golden/transaction.proof"));
}

#[test]
fn of_the_state() {
    let prefixes = [Prefix::account(&k1()), Prefix::account(&Address([0; 20]))];
    let proof = prove_state(&chain(), Height(1), &prefixes).unwrap();
    assert_eq!(proof.to_file(), include_str!("golden/state.proof"));
}

#[test]
fn of_a_statement() {
    let genesis = 1_767_225_600_000;
    let owner = HistoryOwner::Account(k1());
    let request = StatementRequest {
        exceptions: BTreeMap::from([(id_1(), Show::Intent(ShowTexts::All))]),
        beside: Beside {
            assets: true,
            ..Beside::default()
        },
        ..StatementRequest::new(owner, Timestamp(genesis), Timestamp(genesis + 1_001))
    };
    let proof = prove_statement(&chain(), Height(1), &request).unwrap();
    assert_eq!(proof.to_file(), include_str!("golden/statement.proof"));
}

#[test]
fn of_a_block() {
    let proof = prove_block(&chain(), Height(1), Show::Nothing).unwrap();
    assert_eq!(proof.to_file(), include_str!("golden/block.proof"));
}
