//! The chain that is checked: a local network's genesis document, homes and keys, and blocks of payments in the home of
//! its first validator, sealed with the keys of all. No node runs.

use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use quorate_crypto::{Engine, SigningKey, keyfile};
use quorate_genesis::Genesis;
use quorate_ledger::limits::MAX_OPERATIONS;
use quorate_ledger::{Amount, Timestamp, Transaction};
use quorate_tools::failure::Failure;
use quorate_tools::genesis::read_genesis;
use quorate_tools::localnet::{Localnet, make};
use rayon::prelude::*;

use super::Plan;
use crate::bench::accounts::Accounts;
use crate::bench::blocks::chain::{BenchChain, Founding};
use crate::bench::blocks::{Stop, unusable};
use crate::bench::network::{plan as network_plan, refuse_existing};
use crate::bench::workload::Workload;

/// Validators of the network.
const VALIDATORS: u16 = 4;

/// Transactions of the treasury in a block, at most: as many as `bench blocks` has.
const GIFTS: usize = 100;

/// Ports that the document names. Nothing listens.
const API_PORT: u16 = 18_100;
const P2P_PORT: u16 = 19_100;

/// Smallest units that an account begins with, at most.
const FUNDING: u128 = 1_000_000;

/// Smallest units that the treasury gives away: half of what it has.
const GIVEN: u128 = 50_000_000_000;

/// The chain and its folder, which goes with this.
pub(super) struct Made {
    folder: Folder,
    pub(super) genesis: Genesis,
    /// The file of the genesis document.
    pub(super) genesis_file: PathBuf,
    /// The home that has the chain.
    pub(super) home: PathBuf,
    pub(super) blocks: u64,
    /// All of the chain, those that fund accounts too.
    pub(super) transactions: u64,
}

impl Made {
    /// Makes the chain in a folder of its own among the temporary files.
    pub(super) fn new(plan: &Plan, progress: &ProgressBar, stop: &Stop) -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("quorate-audit-{}", std::process::id()));
        refuse_existing(&folder)?;
        let folder = Folder(folder);
        let network = network_plan(VALIDATORS, Engine::Pbft, API_PORT, P2P_PORT)?;
        let localnet = make::make(&folder.0.join("network"), &network)?;
        let document = &localnet.document;
        let genesis = read_genesis(&document.genesis)?;
        let home = document.validators[0].home();
        let mut chain = BenchChain::found(&home.chain(), founding(&genesis, &localnet)?).map_err(unusable)?;

        progress.set_message("making accounts");
        let accounts = Accounts::new(genesis.id(), plan.accounts)?;
        let treasury = keyfile::client::read(&document.treasury.key, None)?;
        let amount = Amount(FUNDING.min(GIVEN / plan.accounts as u128));
        let gifts = accounts.gifts(&treasury, document.asset, amount, chain.expiry())?;
        let mut transactions = gifts.len() as u64;
        let gifts: Vec<Transaction> = gifts.into_iter().map(|gift| gift.into_parts().0).collect();
        // As many operations to a block as blocks of payments have.
        for block in gifts.chunks(plan.per_block.div_ceil(MAX_OPERATIONS).min(GIFTS)) {
            stop.check()?;
            add(&mut chain, block.to_vec())?;
        }

        progress.set_message("making payments");
        progress.set_length(plan.transactions as u64);
        let workload = Workload::Payments {
            asset: document.asset,
            per_transaction: 1,
        };
        let mut left = plan.transactions;
        while left > 0 {
            stop.check()?;
            let (count, expires_at) = (plan.per_block.min(left), chain.expiry());
            let payments = payments(&accounts, workload, transactions, count, expires_at);
            add(&mut chain, payments)?;
            (left, transactions) = (left - count, transactions + count as u64);
            progress.inc(count as u64);
        }
        chain.settle().map_err(unusable)?;
        Ok(Self {
            blocks: chain.height(),
            genesis_file: document.genesis.clone(),
            home: home.path().to_owned(),
            folder,
            genesis,
            transactions,
        })
    }

    /// Where all of it is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// A place in the folder.
    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.folder.0.join(name)
    }
}

/// What the genesis document begins with, and the keys of its validators.
fn founding(genesis: &Genesis, localnet: &Localnet) -> Result<Founding, Failure> {
    let homes = localnet.document.validators.iter().map(|entry| entry.home());
    let keys = homes.map(|home| keyfile::read(&home.validator_key(), None));
    let keys = keys.collect::<Result<Vec<SigningKey>, _>>()?;
    let committee = genesis.committee();
    let seats = committee.seats().iter();
    let validators = seats.map(|seat| {
        let own = keys.iter().find(|key| key.public() == seat.validator);
        own.cloned().expect("the network was made with these keys")
    });
    Ok(Founding {
        network: genesis.id(),
        time: genesis.time(),
        state: genesis.state(),
        parameters: genesis.parameters().clone(),
        validators: validators.collect(),
    })
}

/// Payments with numbers from this one on, signed on all cores.
fn payments(
    accounts: &Accounts,
    workload: Workload,
    first: u64,
    count: usize,
    expires_at: Timestamp,
) -> Vec<Transaction> {
    let numbers = (0..count).into_par_iter().map(|place| first + place as u64);
    let signed = numbers.map(|number| workload.transaction(accounts, number, expires_at).into_parts().0);
    signed.collect()
}

/// Adds a block of these.
fn add(chain: &mut BenchChain, transactions: Vec<Transaction>) -> Result<(), Failure> {
    let batches = chain.batches(transactions);
    chain.execute(&batches).map(drop).map_err(unusable)
}

/// A folder that goes with this.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0)
            && self.0.exists()
        {
            quorate_tools::output::say(format!("{} is left: {error}", self.0.display()));
        }
    }
}
