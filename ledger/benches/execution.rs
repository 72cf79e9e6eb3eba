//! Blocks: what executing them costs, with the state in memory and signatures already checked; and
//! batches: encoding, decoding, the batch check. Most are of single payments, as most blocks are; others
//! have what takes longest of each kind.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up shall panic")]

use std::sync::Arc;

use quorate_crypto::{
    Address, ClientSigningKey, Committee, Digest, Engine, Epoch, SigningKey, ValidatorIndex, sha256,
};
use quorate_ledger::{
    Act, Agreement, Amount, AssetCode, Batch, BatchRules, BatchV1, BlockInput, CheckedBatch, Condition,
    ConditionLeaf, FormedBatch, GenesisAsset, GenesisLists, GenesisMember, Intent, IntentV1, MemoryState,
    Operation, Parameters, Proposal, Rules, SignedBatch, StateTree, Timestamp, Tip, Transaction, encode,
    execute, execute_unrooted, genesis_state,
};

fn main() {
    divan::main();
}

/// Payments between distinct accounts in one block of four batches.
const PAYMENTS: u64 = 4_000;

/// Accounts in the state.
const ACCOUNTS: u64 = 100_000;

const NETWORK: Digest = Digest([9; 32]);

/// What lies in accounts' own leaves, as the first assets do.
const INLINE: &str = "EUR";

/// What lies under keys of its own.
const APART: &str = "BOND";

const ASSETS: [&str; 5] = [INLINE, "GOLD", "OIL", "USD", APART];

struct World {
    parameters: Parameters,
    committee: Committee,
    state: MemoryState,
    tree: StateTree,
    tip: Tip,
    proposal: Proposal,
    batches: Vec<Arc<CheckedBatch>>,
}

fn code(text: &str) -> AssetCode {
    text.parse().unwrap()
}

fn key(number: u64) -> ClientSigningKey {
    let seed = sha256(&number.to_le_bytes()).0;
    ClientSigningKey::from_ed25519(SigningKey::from_seed(&seed))
}

fn address(number: u64) -> Address {
    key(number).key().address()
}

/// The account at the other end of the state.
fn counterparty(number: u64) -> u64 {
    ACCOUNTS - 1 - number
}

fn transaction(parties: &[u64], acts: Vec<Act>) -> Transaction {
    let keys: Vec<ClientSigningKey> = parties.iter().map(|number| key(*number)).collect();
    let intent = Intent::V1(IntentV1 {
        network: NETWORK,
        parties: parties.iter().map(|number| address(*number)).collect(),
        expires_at: Timestamp(10_000),
        salt: [0; 16],
        operations: acts,
        texts: None,
    });
    intent.sign(&keys)
}

fn payment(number: u64, asset: &str) -> Transaction {
    let operation = Operation::Transfer {
        to: address(counterparty(number)),
        asset: code(asset),
        amount: Amount(5),
    };
    transaction(&[number], vec![Act { party: 0, operation }])
}

/// Delivery against payment between two parties.
fn exchange(number: u64) -> Transaction {
    let other = counterparty(number);
    let act = |party: u8, to: u64, asset: &str| Act {
        party,
        operation: Operation::Transfer {
            to: address(to),
            asset: code(asset),
            amount: Amount(5),
        },
    };
    transaction(
        &[number, other],
        vec![act(0, other, INLINE), act(1, number, APART)],
    )
}

/// A hold that its beneficiary can have released.
fn hold(number: u64) -> Transaction {
    let beneficiary = address(counterparty(number));
    let operation = Operation::Hold {
        beneficiary,
        asset: code(INLINE),
        amount: Amount(5),
        until: Timestamp(1_000_000),
        condition: Condition {
            need: 1,
            leaves: vec![ConditionLeaf::Signs(beneficiary)],
        },
    };
    transaction(&[number], vec![Act { party: 0, operation }])
}

impl World {
    fn new(of: impl Fn(u64) -> Transaction) -> Self {
        let author = SigningKey::from_seed(&[1; 32]);
        let lists = GenesisLists {
            network: NETWORK,
            time: Timestamp(1_000),
            engine: Engine::Pbft,
            protocol: quorate_ledger::PROTOCOL,
            parameters: Parameters::default(),
            rules: Rules::default(),
            members: vec![GenesisMember {
                name: "alpha".to_owned(),
                account: address(0),
                signers: None,
                validator: author.public(),
                node: SigningKey::from_seed(&[2; 32]).public(),
                witness: SigningKey::from_seed(&[3; 32]).public(),
                addresses: Vec::new(),
            }],
            assets: ASSETS.iter().map(|text| asset(text)).collect(),
            accounts: Vec::new(),
            grants: Vec::new(),
        };
        let genesis = genesis_state(&lists).unwrap();
        let Agreement::V1(agreement) = &genesis.agreement;
        let committee = agreement.committee.clone();
        let rules = BatchRules {
            network: &NETWORK,
            committee: &committee,
            parameters: lists.parameters.v1(),
        };
        let batches: Vec<Arc<CheckedBatch>> = (0..4)
            .map(|part| {
                let numbers = part * PAYMENTS / 4..(part + 1) * PAYMENTS / 4;
                let signed = Batch::V1(BatchV1 {
                    network: NETWORK,
                    epoch: Epoch(0),
                    author: ValidatorIndex(0),
                    number: part,
                    transactions: numbers.map(&of).collect(),
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
            parameters: lists.parameters,
        }
    }

    fn rules(&self) -> BatchRules<'_> {
        BatchRules {
            network: &NETWORK,
            committee: &self.committee,
            parameters: self.parameters.v1(),
        }
    }

    fn input(&self) -> BlockInput<'_> {
        BlockInput {
            tip: &self.tip,
            proposal: &self.proposal,
            batches: &self.batches,
            parameters: self.parameters.v1(),
        }
    }
}

/// An asset of which every account, or only the counterparties of payments, have some.
fn asset(text: &str) -> GenesisAsset {
    let holders = match text {
        INLINE => 0..ACCOUNTS,
        APART => 0..ACCOUNTS / 2,
        _ => 0..0,
    };
    let holders = holders.map(|number| {
        if text == APART {
            counterparty(number)
        } else {
            number
        }
    });
    GenesisAsset {
        code: code(text),
        decimals: 2,
        flags: 0,
        issuer: address(0),
        balances: holders.map(|number| (address(number), Amount(1_000))).collect(),
    }
}

fn bench_block(bencher: divan::Bencher<'_, '_>, of: impl Fn(u64) -> Transaction) {
    let world = World::new(of);
    bencher
        .with_inputs(|| world.tree.clone())
        .bench_local_refs(|tree| {
            let execution = execute(&world.input(), &world.state, tree).unwrap();
            assert_eq!(execution.transactions.len() as u64, PAYMENTS);
            execution
        });
}

#[divan::bench(sample_count = 50)]
fn block_of_4_000_payments(bencher: divan::Bencher<'_, '_>) {
    bench_block(bencher, |number| payment(number, INLINE));
}

/// The same without the state tree.
#[divan::bench(sample_count = 50)]
fn block_of_4_000_payments_unrooted(bencher: divan::Bencher<'_, '_>) {
    let world = World::new(|number| payment(number, INLINE));
    let input = world.input();
    bencher.bench_local(|| execute_unrooted(&input, &world.state).unwrap());
}

/// Of an asset whose balances lie under keys of their own.
#[divan::bench(sample_count = 50)]
fn block_of_4_000_payments_apart(bencher: divan::Bencher<'_, '_>) {
    bench_block(bencher, |number| payment(counterparty(number), APART));
}

#[divan::bench(sample_count = 50)]
fn block_of_4_000_exchanges(bencher: divan::Bencher<'_, '_>) {
    bench_block(bencher, exchange);
}

#[divan::bench(sample_count = 50)]
fn block_of_4_000_holds(bencher: divan::Bencher<'_, '_>) {
    bench_block(bencher, hold);
}

#[divan::bench(sample_count = 50)]
fn encode_a_batch_of_1_000_payments(bencher: divan::Bencher<'_, '_>) {
    let world = World::new(|number| payment(number, INLINE));
    bencher.bench_local(|| encode(world.batches[0].signed()));
}

#[divan::bench(sample_count = 50)]
fn decode_a_batch_of_1_000_payments(bencher: divan::Bencher<'_, '_>) {
    let world = World::new(|number| payment(number, INLINE));
    bencher.bench_local(|| SignedBatch::decode(world.batches[0].bytes(), world.parameters.v1()).unwrap());
}

/// The whole check of one batch on one core, distinct keys: decoding, form, ids, signatures.
#[divan::bench(sample_count = 20)]
fn check_a_batch_of_1_000_payments(bencher: divan::Bencher<'_, '_>) {
    let world = World::new(|number| payment(number, INLINE));
    let rules = world.rules();
    bencher.bench_local(|| CheckedBatch::check(world.batches[0].bytes().clone(), &rules).unwrap());
}

/// The check of one batch but for its clients' signatures.
#[divan::bench(sample_count = 50)]
fn form_of_a_batch_of_1_000_payments(bencher: divan::Bencher<'_, '_>) {
    let world = World::new(|number| payment(number, INLINE));
    let rules = world.rules();
    bencher.bench_local(|| FormedBatch::new(world.batches[0].bytes().clone(), &rules).unwrap());
}
