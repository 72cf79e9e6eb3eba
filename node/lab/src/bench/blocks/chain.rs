//! A chain that is made for measuring, by validators whose keys are at hand.
//!
//! Unless a chain is founded on a genesis document, accounts' public keys are digests and their signatures noise: nothing here
//! checks a signature, and making ten million real keys takes minutes. Sizes and whatever is hashed, stored and
//! compressed are as with real ones.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quorate_crypto::{
    Certificate, CertificateV1, Committee, Engine, Key, KeySignature, Seal, SealContent, SigningKey, sha256,
};
use quorate_ledger::{
    Act, Address, Agreement, Amount, AssetCode, Batch, BatchRules, BatchV1, BlockInput, CheckedBatch, Digest,
    Epoch, FormedBatch, GenesisAsset, GenesisLists, GenesisMember, GenesisState, Intent, IntentV1, Operation,
    Parameters, Proposal, Rules, StateError, StateTree, Timestamp, Tip, Transaction, ValidatorIndex, encode,
    execute_unrooted, genesis_state,
};
use quorate_runtime::state_cache::{Remembering, StateCache};
use quorate_storage::{Chain, StorageError, StorageOptions};
use rayon::prelude::*;

use crate::bench::machine::{Span, Stopwatch};

/// Smallest units that each account begins with.
pub(super) const FUNDING: u128 = 1_000_000;

/// Who holds everything in the beginning: no account has this number. Those below it are the members' own.
const TREASURY: u64 = u64::MAX;

/// The time of genesis. It does not matter, but must not be before that of real chains: it is stored.
const BEGINNING: Timestamp = Timestamp(1_700_000_000_000);

/// Validators of the chain's committee.
const VALIDATORS: u8 = 4;

/// Blocks are so many milliseconds apart.
const BLOCK_INTERVAL: u64 = 10;

/// Transactions stay valid for so many milliseconds: longer than any run, by its blocks' times.
const LEAD: u64 = 43_200_000;

/// Bytes of a batch that its frame may take.
const BATCH_FRAME: usize = 512;

/// What a chain begins with, and who seals its blocks.
pub(crate) struct Founding {
    pub(crate) network: Digest,
    pub(crate) time: Timestamp,
    pub(crate) state: GenesisState,
    pub(crate) parameters: Parameters,
    /// In the order of the state's committee.
    pub(crate) validators: Vec<SigningKey>,
}

/// The chain and its state tree.
pub(crate) struct BenchChain {
    network: Digest,
    folder: PathBuf,
    chain: Chain,
    state: StateCache,
    tree: StateTree,
    validators: Vec<SigningKey>,
    committee: Committee,
    parameters: Parameters,
    batch_number: u64,
}

/// How long a start took.
pub(super) struct StartTimes {
    pub(super) open: Duration,
    pub(super) tree: Duration,
}

/// How long each step of a block took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    /// Storing its batches.
    pub(super) batches: Span,
    /// Executing it, but for the state tree.
    pub(super) execute: Span,
    /// Updating the state tree.
    pub(super) tree: Span,
    /// Writing block, state and indexes.
    pub(super) write: Span,
    /// Flushing all of it to the disk.
    pub(super) flush: Span,
}

fn network() -> Digest {
    sha256(b"quorate bench blocks")
}

fn asset() -> AssetCode {
    "QRT".parse().expect("it is a code")
}

fn key(account: u64) -> [u8; 32] {
    sha256(&[b"account".as_slice(), &account.to_le_bytes()].concat()).0
}

/// The address of an account.
pub(super) fn address(account: u64) -> Address {
    Key::Ed25519(key(account)).address()
}

/// A transaction of the treasury that gives accounts what they begin with; each pays others.
pub(super) fn funding(accounts: &[u64], expires_at: Timestamp) -> Transaction {
    let salt = accounts[0];
    let operations = accounts
        .iter()
        .map(|account| transfer(*account, Amount(FUNDING)))
        .collect();
    transaction(TREASURY, operations, salt, expires_at)
}

fn transfer(to: u64, amount: Amount) -> Act {
    Act {
        party: 0,
        operation: Operation::Transfer {
            to: address(to),
            asset: asset(),
            amount,
        },
    }
}

fn transaction(sender: u64, operations: Vec<Act>, salt: u64, expires_at: Timestamp) -> Transaction {
    let key = key(sender);
    let noise = [&key[..], &salt.to_le_bytes()].concat();
    let (low, high) = (sha256(&noise), sha256(&[&noise[..], &[1]].concat()));
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&low.0);
    signature[32..].copy_from_slice(&high.0);
    let intent = Intent::V1(IntentV1 {
        network: network(),
        parties: vec![address(sender)],
        expires_at,
        salt: salt_bytes(&low),
        operations,
        texts: None,
    });
    let signature = KeySignature::Ed25519 { key, signature };
    Transaction::new(intent, vec![signature])
}

/// Salts are random in real life.
fn salt_bytes(noise: &Digest) -> [u8; 16] {
    let mut salt = [0; 16];
    for (byte, noise) in salt.iter_mut().zip(noise.0) {
        *byte = noise ^ 0xA5;
    }
    salt
}

impl BenchChain {
    /// Begins a chain on which the treasury holds enough for so many accounts.
    pub(super) fn create(folder: &Path, accounts: u64) -> Result<Self, StorageError> {
        let (state, validators) = genesis(accounts);
        let founding = Founding {
            network: network(),
            time: BEGINNING,
            state,
            parameters: Parameters::default(),
            validators,
        };
        Self::found(folder, founding)
    }

    /// Begins a chain with this.
    pub(crate) fn found(folder: &Path, founding: Founding) -> Result<Self, StorageError> {
        let Founding {
            network,
            time,
            state: genesis,
            parameters,
            validators,
        } = founding;
        let tip = Tip::genesis(network, time, genesis.root);
        let chain = Chain::create(folder, &genesis, &tip, &StorageOptions::default())?;
        Ok(Self {
            network,
            folder: folder.to_owned(),
            tree: genesis.tree(),
            chain,
            state: StateCache::default(),
            validators,
            committee: committee_of(&genesis),
            parameters,
            batch_number: 0,
        })
    }

    /// Opens a chain as a node's start does.
    pub(super) fn open(folder: &Path) -> Result<(Self, StartTimes), StorageError> {
        let start = Instant::now();
        let chain = Chain::open(folder, network(), &StorageOptions::default())?;
        let open = start.elapsed();
        let start = Instant::now();
        let tree = chain.load_state_tree()?;
        let tree_time = start.elapsed();
        let (genesis, validators) = genesis(1);
        let committee = committee_of(&genesis);
        // No batch of an earlier run has the same number.
        let batch_number = chain.tip().height.0 << 32;
        let opened = Self {
            network: network(),
            folder: folder.to_owned(),
            chain,
            state: StateCache::default(),
            tree,
            validators,
            committee,
            parameters: Parameters::default(),
            batch_number,
        };
        let times = StartTimes {
            open,
            tree: tree_time,
        };
        Ok((opened, times))
    }

    /// When a transaction made now is to expire.
    pub(crate) fn expiry(&self) -> Timestamp {
        Timestamp(self.chain.tip().timestamp.0 + LEAD)
    }

    /// The height of the last block.
    pub(crate) fn height(&self) -> u64 {
        self.chain.tip().height.0
    }

    /// Packs transactions into as few batches as the network's parameters allow, in their order.
    pub(crate) fn batches(&mut self, transactions: Vec<Transaction>) -> Vec<Arc<CheckedBatch>> {
        let limits = self.parameters.v1();
        let (most, most_bytes) = (
            limits.max_batch_transactions as usize,
            limits.max_batch_bytes as usize - BATCH_FRAME,
        );
        let mut packs: Vec<(u64, Vec<Transaction>)> = Vec::new();
        let mut bytes = 0;
        for transaction in transactions {
            let length = encode(&transaction).len();
            match packs.last_mut() {
                Some((_, pack)) if pack.len() < most && bytes + length <= most_bytes => {
                    pack.push(transaction);
                    bytes += length;
                }
                _ => {
                    self.batch_number += 1;
                    packs.push((self.batch_number, vec![transaction]));
                    bytes = length;
                }
            }
        }
        let (author, rules) = (&self.validators[0], self.rules());
        packs
            .into_par_iter()
            .map(|(number, transactions)| {
                let batch = Batch::V1(BatchV1 {
                    network: *rules.network,
                    epoch: Epoch(0),
                    author: ValidatorIndex(0),
                    number,
                    transactions,
                });
                let formed = FormedBatch::sign(batch, author, &rules);
                Arc::new(formed.expect("it is made by the rules").with_signatures_checked())
            })
            .collect()
    }

    fn rules(&self) -> BatchRules<'_> {
        BatchRules {
            network: &self.network,
            committee: &self.committee,
            parameters: self.parameters.v1(),
        }
    }

    /// Makes the next block of these batches.
    pub(crate) fn execute(&mut self, batches: &[Arc<CheckedBatch>]) -> Result<Times, StorageError> {
        let tip = self.chain.tip();
        let digests = batches.iter().map(|batch| batch.digest()).collect();
        let proposal = Proposal::new(Timestamp(tip.timestamp.0 + BLOCK_INTERVAL), digests);
        let input = BlockInput {
            tip: &tip,
            proposal: &proposal,
            batches,
            parameters: self.parameters.v1(),
        };
        let mut times = Times::default();
        let mut watch = Stopwatch::start();

        self.chain.write_batches(batches)?;
        times.batches = watch.lap();
        let state = Remembering {
            cache: &self.state,
            base: &self.chain.reader(),
        };
        let unrooted = execute_unrooted(&input, &state).map_err(|error| match error {
            StateError::Read(error) => error,
            StateError::Damaged { key } => StorageError::Corrupted {
                path: self.folder.clone(),
                reason: format!("the value under {key} is damaged"),
            },
        })?;
        times.execute = watch.lap();
        let mut execution = unrooted.root(&mut self.tree);
        times.tree = watch.lap();
        let certificate = self.certify(&execution.tip);
        watch.lap();
        self.chain.write_block(&execution, &certificate)?;
        self.state.written(std::mem::take(&mut execution.changes));
        times.write = watch.lap();
        self.chain.sync()?;
        times.flush = watch.lap();
        self.tree.forget_before(execution.tip.height);
        times.tree = times.tree + watch.lap();

        let wanted: usize = batches.iter().map(|batch| batch.len()).sum();
        assert_eq!(
            execution.transactions.len(),
            wanted,
            "every transaction of a benchmark is executed"
        );
        Ok(times)
    }

    fn certify(&self, tip: &Tip) -> Certificate {
        let content = SealContent::new(self.network, Epoch(0), tip.height, tip.block_hash);
        let seals = self.committee.indices().zip(&self.validators);
        Certificate::V1(CertificateV1 {
            epoch: Epoch(0),
            height: tip.height,
            block: tip.block_hash,
            seals: seals
                .take(self.committee.quorum())
                .map(|(validator, key)| Seal {
                    validator,
                    signature: content.sign(key),
                })
                .collect(),
        })
    }

    /// Waits until the database has no more to tidy up.
    pub(crate) fn settle(&self) -> Result<(), StorageError> {
        self.chain.settle()
    }

    /// What tables and batches take of the disk.
    pub(super) fn disk_bytes(&self) -> Result<u64, StorageError> {
        let statistics = self.chain.statistics()?;
        Ok(statistics.table_bytes + statistics.blob_bytes + statistics.write_buffer_bytes)
    }

    /// Copies a chain that nobody has open into a folder that must not exist.
    pub(super) fn copy(original: &Path, folder: &Path) -> Result<(), StorageError> {
        Chain::open(original, network(), &StorageOptions::default())?.copy_to(folder)
    }
}

/// The state in which the treasury holds enough for so many accounts, and the keys of its validators. The committee
/// does not depend on the accounts.
fn genesis(accounts: u64) -> (GenesisState, Vec<SigningKey>) {
    let key = |kind: u8, number: u8| SigningKey::from_seed(&[kind * 16 + number; 32]);
    let holder = address(TREASURY);
    let members = (1..=VALIDATORS).map(|number| GenesisMember {
        name: format!("member-{number}"),
        account: address(TREASURY - u64::from(number)),
        signers: None,
        validator: key(0, number).public(),
        node: key(1, number).public(),
        witness: key(2, number).public(),
        addresses: Vec::new(),
    });
    let lists = GenesisLists {
        network: network(),
        time: BEGINNING,
        engine: Engine::Pbft,
        protocol: quorate_ledger::PROTOCOL,
        parameters: Parameters::default(),
        rules: Rules::default(),
        members: members.collect(),
        assets: vec![GenesisAsset {
            code: asset(),
            decimals: 2,
            flags: 0,
            issuer: holder,
            balances: vec![(holder, Amount(FUNDING * u128::from(accounts)))],
        }],
        accounts: Vec::new(),
        grants: Vec::new(),
    };
    let state = genesis_state(&lists).expect("the lists are written for each other");
    (state, (1..=VALIDATORS).map(|number| key(0, number)).collect())
}

fn committee_of(genesis: &GenesisState) -> Committee {
    let Agreement::V1(agreement) = &genesis.agreement;
    agreement.committee.clone()
}

/// Payments between accounts that are drawn anew for each, by a fixed rule.
pub(super) struct Payments {
    accounts: u64,
    expires_at: Timestamp,
    number: u64,
}

impl Payments {
    /// Payments on top of what the chain has.
    pub(super) fn new(accounts: u64, chain: &BenchChain) -> Self {
        Self {
            accounts,
            expires_at: chain.expiry(),
            number: chain.height() << 32,
        }
    }

    /// The next ones.
    pub(super) fn next(&mut self, count: usize) -> Vec<Transaction> {
        let first = self.number;
        self.number += count as u64;
        (first..self.number)
            .into_par_iter()
            .map(|number| {
                let from = scatter(number) % self.accounts;
                let to = scatter(!number) % self.accounts;
                transaction(from, vec![transfer(to, Amount(1))], number, self.expires_at)
            })
            .collect()
    }
}

/// Spreads numbers evenly (the finalizer of SplitMix64).
fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
