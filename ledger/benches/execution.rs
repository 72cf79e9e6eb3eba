//! Blocks of single payments: what executing them costs, with the state in memory and signatures
//! already checked; and batches of them: encoding, decoding, the batch check.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up shall panic")]

use std::sync::Arc;

use quorate_crypto::{Committee, Protocol, SigningKey};
use quorate_ledger::{
    Address, Amount, Batch, BatchRules, BatchV1, BlockInput, CheckedBatch, Digest, Epoch, FormedBatch,
    GenesisAsset, GenesisBalance, GenesisCommittee, GenesisValidator, Intent, IntentV1, MemoryState,
    Operation, Parameters, Proposal, SignedBatch, StateTree, Timestamp, Tip, ValidatorIndex, encode, execute,
    execute_unrooted, genesis_state,
};

fn main() {
    divan::main();
}

/// Payments between distinct accounts in one block of four batches.
const PAYMENTS: u64 = 4_000;

/// Accounts in the state.
const ACCOUNTS: u64 = 100_000;

const NETWORK: Digest = Digest([9; 32]);

struct World {
    parameters: Parameters,
    committee: Committee,
    state: MemoryState,
    tree: StateTree,
    tip: Tip,
    proposal: Proposal,
    batches: Vec<Arc<CheckedBatch>>,
}

fn seed(number: u64) -> [u8; 32] {
    quorate_crypto::sha256(&number.to_le_bytes()).0
}

fn address(number: u64) -> Address {
    SigningKey::from_seed(&seed(number)).public().address()
}

fn payment(number: u64) -> quorate_ledger::Transaction {
    let key = SigningKey::from_seed(&seed(number));
    let intent = Intent::V1(IntentV1 {
        network: NETWORK,
        sender: key.public().address(),
        expires_at: Timestamp(10_000),
        salt: [0; 16],
        operations: vec![Operation::Transfer {
            to: address(ACCOUNTS - 1 - number),
            asset: "QRT".parse().unwrap(),
            amount: Amount(5),
            memo: String::new(),
        }],
        memo: String::new(),
    });
    intent.sign([&key])
}

impl World {
    fn new() -> Self {
        let author = SigningKey::from_seed(&[1; 32]);
        let committee = Committee::new(Epoch(0), Protocol::Pbft, 1, vec![author.public()]);
        let parameters = Parameters::default();
        let asset = "QRT".parse().unwrap();
        let assets = [GenesisAsset {
            code: asset,
            decimals: 2,
            description: String::new(),
            issuer: address(0),
            supply: Amount(u128::from(ACCOUNTS) * 1_000),
        }];
        let balances: Vec<GenesisBalance> = (0..ACCOUNTS)
            .map(|number| GenesisBalance {
                address: address(number),
                asset,
                amount: Amount(1_000),
            })
            .collect();
        let seats = GenesisCommittee {
            engine: Protocol::Pbft,
            protocol_version: 1,
            validators: vec![GenesisValidator {
                key: author.public(),
                member: address(0),
            }],
        };
        let genesis = genesis_state(&assets, &balances, &parameters, &seats).unwrap();
        let rules = BatchRules {
            network: &NETWORK,
            committee: &committee,
            parameters: parameters.v1(),
        };
        let batches: Vec<Arc<CheckedBatch>> = (0..4)
            .map(|part| {
                let signed = Batch::V1(BatchV1 {
                    network: NETWORK,
                    epoch: Epoch(0),
                    author: ValidatorIndex(0),
                    number: 1,
                    transactions: (0..PAYMENTS / 4)
                        .map(|number| payment(part * 1_000 + number))
                        .collect(),
                })
                .sign(&author);
                let formed = FormedBatch::from_signed(signed, &rules).unwrap();
                Arc::new(formed.with_signatures_checked())
            })
            .collect();
        let digests = batches.iter().map(|batch| batch.digest()).collect();
        Self {
            state: MemoryState::genesis(&genesis),
            tree: genesis.tree(),
            tip: Tip::genesis(NETWORK, Timestamp(1_000), genesis.root),
            proposal: Proposal::new(Timestamp(2_000), digests),
            batches,
            committee,
            parameters,
        }
    }

    fn rules(&self) -> BatchRules<'_> {
        BatchRules {
            network: &NETWORK,
            committee: &self.committee,
            parameters: self.parameters.v1(),
        }
    }
}

#[divan::bench(sample_count = 50)]
fn block_of_4_000_payments(bencher: divan::Bencher<'_, '_>) {
    let world = World::new();
    bencher
        .with_inputs(|| world.tree.clone())
        .bench_local_refs(|tree| {
            let input = BlockInput {
                tip: &world.tip,
                proposal: &world.proposal,
                batches: &world.batches,
                parameters: world.parameters.v1(),
            };
            let execution = execute(&input, &world.state, tree).unwrap();
            assert_eq!(execution.transactions.len() as u64, PAYMENTS);
            execution
        });
}

/// The same without the state tree.
#[divan::bench(sample_count = 50)]
fn block_of_4_000_payments_unrooted(bencher: divan::Bencher<'_, '_>) {
    let world = World::new();
    let input = BlockInput {
        tip: &world.tip,
        proposal: &world.proposal,
        batches: &world.batches,
        parameters: world.parameters.v1(),
    };
    bencher.bench_local(|| execute_unrooted(&input, &world.state).unwrap());
}

#[divan::bench(sample_count = 50)]
fn encode_a_batch_of_1_000_payments(bencher: divan::Bencher<'_, '_>) {
    let world = World::new();
    bencher.bench_local(|| encode(world.batches[0].signed()));
}

#[divan::bench(sample_count = 50)]
fn decode_a_batch_of_1_000_payments(bencher: divan::Bencher<'_, '_>) {
    let world = World::new();
    bencher.bench_local(|| SignedBatch::decode(world.batches[0].bytes(), world.parameters.v1()).unwrap());
}

/// The whole check of one batch on one core, distinct keys: decoding, form, ids, signatures.
#[divan::bench(sample_count = 20)]
fn check_a_batch_of_1_000_payments(bencher: divan::Bencher<'_, '_>) {
    let world = World::new();
    let rules = world.rules();
    bencher.bench_local(|| CheckedBatch::check(world.batches[0].bytes().clone(), &rules).unwrap());
}

/// The check of one batch but for its clients' signatures.
#[divan::bench(sample_count = 50)]
fn form_of_a_batch_of_1_000_payments(bencher: divan::Bencher<'_, '_>) {
    let world = World::new();
    let rules = world.rules();
    bencher.bench_local(|| FormedBatch::new(world.batches[0].bytes().clone(), &rules).unwrap());
}
