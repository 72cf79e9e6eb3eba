//! Writing a block of single payments on a million accounts: state values, indexes, block and certificate.
//! Each payment is a transaction of its own, from one of 10,000 senders to any account, and puts five keys:
//! two state values, its place, two entries of histories. Divan counts keys.
//!
//! Executing the block is not counted, storing its batches neither.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use quorate_ledger::{
    Account, AccountV1, Address, Amount, AssetBalance, StateKey, StateTree, Tip, encode, value_hash,
};
use quorate_storage::{Chain, StorageOptions};

#[path = "../tests/storage/network.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "it is the tests', which use all of it"
)]
mod network;

use network::{Network, code};

const SENDERS: u32 = 10_000;
const ACCOUNTS: u32 = 1_000_000;
const BATCH: usize = 1_000;

fn main() {
    divan::main();
}

struct Bench {
    network: Network,
    chain: Chain,
    recipients: Vec<Address>,
    turn: usize,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let mut network = Network::new(SENDERS);
        let recipients: Vec<Address> = (SENDERS..ACCOUNTS).map(recipient).collect();
        let account = Account::V1(AccountV1 {
            balances: vec![AssetBalance {
                asset: code("QRT"),
                amount: Amount(5),
            }],
            ..AccountV1::default()
        });
        let value = encode(&account);
        for address in &recipients {
            network
                .genesis
                .changes
                .insert(StateKey::account(address), Some(value.clone()));
        }
        let values = network.genesis.changes.iter();
        network.tree = StateTree::load(
            network.tip.height,
            values.map(|(key, value)| (*key, value_hash(value.as_deref().expect("a genesis adds")))),
        );
        network.genesis.root = network.tree.root();
        network.tip = Tip::genesis(network.tip.network, network.tip.timestamp, network.genesis.root);
        let folder = tempfile::tempdir().expect("a folder can be made");
        let options = StorageOptions::default();
        let chain =
            Chain::create(folder.path(), &network.genesis, &network.tip, &options).expect("it is empty");
        network.genesis.changes.clear();
        Self {
            network,
            chain,
            recipients,
            turn: 0,
            _folder: folder,
        }
    }

    fn block(&mut self, payments: usize) -> (quorate_ledger::Execution, quorate_crypto::Certificate) {
        let mut batches = Vec::new();
        for _ in 0..payments.div_ceil(BATCH) {
            let transactions = (0..BATCH.min(payments))
                .map(|_| {
                    self.turn += 1;
                    let to = self.recipients[self.turn * 611_953 % self.recipients.len()];
                    self.network.payment_to(self.turn % SENDERS as usize, to)
                })
                .collect();
            batches.push(self.network.batch(transactions));
        }
        self.chain.write_batches(&batches).expect("the disk has room");
        let before = self.network.tip.height;
        let made = self.network.execute(&self.chain.reader(), &batches);
        self.network.tree.forget_before(before);
        made
    }
}

fn recipient(number: u32) -> Address {
    let digest = quorate_crypto::sha256(&number.to_le_bytes());
    Address(digest.0[..20].try_into().expect("a digest is longer"))
}

#[divan::bench(args = [1_000, 10_000], sample_count = 30, sample_size = 1)]
fn write_block(bencher: Bencher, payments: usize) {
    run(bencher, payments, |chain, execution, certificate| {
        chain
            .write_block(execution, certificate)
            .expect("it follows the tip");
    });
}

#[divan::bench(args = [1_000, 10_000], sample_count = 30, sample_size = 1)]
fn write_block_and_sync(bencher: Bencher, payments: usize) {
    run(bencher, payments, |chain, execution, certificate| {
        chain
            .write_block(execution, certificate)
            .expect("it follows the tip");
        chain.sync().expect("the disk works");
    });
}

fn run(
    bencher: Bencher,
    payments: usize,
    write: impl Fn(&Chain, &quorate_ledger::Execution, &quorate_crypto::Certificate),
) {
    let bench = std::cell::RefCell::new(Bench::new());
    bencher
        .with_inputs(|| bench.borrow_mut().block(payments))
        .input_counter(|(execution, _)| {
            let keys = execution.changes.len() + execution.transactions.len() + execution.histories.len();
            ItemsCount::new(keys)
        })
        .bench_local_values(|(execution, certificate)| {
            write(&bench.borrow().chain, black_box(&execution), &certificate);
            execution
        });
}
