//! Writing a block of single payments on a million accounts: state values, indexes, block and certificate.
//! Each payment is a transaction of its own, from one of 10,000 senders to any account, and puts three keys: two
//! accounts' leaves and its place in the log. Every 32nd step of an account puts a waypoint too. What else it leaves
//! is in the block's rows. Divan counts keys.
//!
//! Executing the block is not counted, storing its batches neither.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use quorate_crypto::{Certificate, sha256};
use quorate_ledger::{
    Account, AccountV1, Address, Amount, BalanceItem, Digest, Execution, GenesisState, HistoryOwner,
    HistoryStart, Inline, StateKey, Tip, encode,
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
        let id = network.id();
        // A genesis document has no room for so many.
        let more = recipients
            .iter()
            .map(|address| (StateKey::account(address), account(id, *address)));
        let leaves = network.genesis.leaves();
        let genesis = GenesisState::new(
            leaves
                .map(|(key, value)| (*key, value.to_vec()))
                .chain(more)
                .collect(),
        );
        network.tree = genesis.tree();
        network.tip = Tip::genesis(id, network.tip.timestamp, genesis.root);
        let folder = tempfile::tempdir().expect("a folder can be made");
        let options = StorageOptions::default();
        let chain = Chain::create(folder.path(), &genesis, &network.tip, &options).expect("it is empty");
        Self {
            network,
            chain,
            recipients,
            turn: 0,
            _folder: folder,
        }
    }

    fn block(&mut self, payments: usize) -> (Execution, Certificate) {
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
    let digest = sha256(&number.to_le_bytes());
    Address(digest.0[..20].try_into().expect("a digest is longer"))
}

/// The leaf of an account to which genesis gives five units.
fn account(network: Digest, address: Address) -> Vec<u8> {
    let (asset, free, held) = (code("QRT"), Amount(5), Amount(0));
    let owner = HistoryOwner::Account(address);
    let start = HistoryStart::new(network, owner, &[BalanceItem { asset, free, held }]);
    encode(&Account::V1(AccountV1 {
        address,
        signers: None,
        member: None,
        frozen: false,
        holds: 0,
        others: 0,
        balances: vec![Inline {
            asset,
            free,
            held,
            incoming: 0,
        }],
        entries: 0,
        last: start.hash(),
        waypoints: Vec::new(),
    }))
}

#[divan::bench(args = [1_000, 10_000], sample_count = 30, sample_size = 1)]
fn write_block(bencher: Bencher<'_, '_>, payments: usize) {
    run(bencher, payments, |chain, execution, certificate| {
        chain
            .write_block(execution, certificate)
            .expect("it follows the tip");
    });
}

#[divan::bench(args = [1_000, 10_000], sample_count = 30, sample_size = 1)]
fn write_block_and_sync(bencher: Bencher<'_, '_>, payments: usize) {
    run(bencher, payments, |chain, execution, certificate| {
        chain
            .write_block(execution, certificate)
            .expect("it follows the tip");
        chain.sync().expect("the disk works");
    });
}

fn run(bencher: Bencher<'_, '_>, payments: usize, write: impl Fn(&Chain, &Execution, &Certificate)) {
    let bench = std::cell::RefCell::new(Bench::new());
    bencher
        .with_inputs(|| bench.borrow_mut().block(payments))
        .input_counter(|(execution, _)| {
            let keys = execution.changes.len() + execution.transactions.len() + execution.waypoints.len();
            ItemsCount::new(keys)
        })
        .bench_local_values(|(execution, certificate)| {
            write(&bench.borrow().chain, black_box(&execution), &certificate);
            execution
        });
}
