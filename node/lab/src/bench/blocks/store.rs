//! Chains of so many accounts, made once and copied for each run.

use std::fs;
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use quorate_ledger::limits::MAX_OPERATIONS;
use quorate_storage::FORMAT_VERSION;
use quorate_tools::failure::Failure;
use rayon::prelude::*;

use super::chain::{BenchChain, address, funding};
use super::{Stop, unusable};

/// Accounts that one block funds.
const FUNDED_BY_A_BLOCK: usize = 100 * MAX_OPERATIONS;

/// A copy of a chain, which goes with this.
pub(crate) struct Store {
    folder: PathBuf,
    /// What is removed, copy included.
    removed: PathBuf,
    made_here: bool,
}

impl Store {
    /// A chain of so many accounts in a folder of its own among the temporary files.
    pub(crate) fn temporary(accounts: u64, progress: &ProgressBar, stop: &Stop) -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("quorate-blocks-{}", std::process::id()));
        refuse(&folder)?;
        let store = Self {
            folder: folder.join("chain"),
            removed: folder,
            made_here: true,
        };
        build(&store.folder, accounts, progress, stop)?;
        Ok(store)
    }

    /// A copy of the chain of so many accounts in `kept`, which is made if it is not there.
    pub(crate) fn copied(
        kept: &Path,
        accounts: u64,
        progress: &ProgressBar,
        stop: &Stop,
    ) -> Result<Self, Failure> {
        // One that another release made is of no use, and may belong to a benchmark of that.
        let name = format!("accounts-{accounts}.format-{FORMAT_VERSION}");
        let original = kept.join(&name);
        let copy = kept.join(format!("run-{}", std::process::id()));
        refuse(&copy)?;
        fs::create_dir_all(kept).map_err(|error| Failure::unwritable(kept, &error))?;
        let made_here = !original.exists();
        if made_here {
            // A build that is broken off is never taken for a whole one.
            let making = kept.join(format!("{name}.making-{}", std::process::id()));
            let draft = Self {
                folder: making.clone(),
                removed: making.clone(),
                made_here,
            };
            build(&draft.folder, accounts, progress, stop)?;
            fs::rename(&making, &original).map_err(|error| Failure::unwritable(&original, &error))?;
        }
        let store = Self {
            folder: copy.clone(),
            removed: copy,
            made_here,
        };
        BenchChain::copy(&original, &store.folder).map_err(unusable)?;
        Ok(store)
    }

    /// Whether this program made the chain, and did not find it.
    pub(super) fn made_here(&self) -> bool {
        self.made_here
    }

    /// The chain's folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.removed)
            && self.removed.exists()
        {
            quorate_tools::output::say(format!("{} is left: {error}", self.removed.display()));
        }
    }
}

fn refuse(folder: &Path) -> Result<(), Failure> {
    if folder.exists() {
        return Err(Failure::failed(format!("{} exists", folder.display())));
    }
    Ok(())
}

/// Makes a chain whose accounts the treasury has paid, so that all they have is what real blocks leave.
fn build(folder: &Path, accounts: u64, progress: &ProgressBar, stop: &Stop) -> Result<(), Failure> {
    progress.set_message("making accounts");
    progress.set_length(accounts);
    let mut chain = BenchChain::create(folder, accounts).map_err(unusable)?;
    for block in by_address(accounts).chunks(FUNDED_BY_A_BLOCK) {
        stop.check()?;
        let expires_at = chain.expiry();
        let transactions = block
            .par_chunks(MAX_OPERATIONS)
            .map(|group| funding(group, expires_at))
            .collect();
        let batches = chain.batches(transactions);
        chain.execute(&batches).map_err(unusable)?;
        progress.inc(block.len() as u64);
    }
    progress.set_message("settling");
    chain.settle().map_err(unusable)?;
    progress.set_position(0);
    Ok(())
}

/// The numbers of all accounts, ascending by address: written in the order of their keys, they need not be
/// rewritten again and again until they lie in it.
fn by_address(accounts: u64) -> Vec<u64> {
    let leading = |account: u64| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&address(account).as_bytes()[..8]);
        u64::from_be_bytes(bytes)
    };
    let mut order: Vec<(u64, u64)> = (0..accounts)
        .into_par_iter()
        .map(|account| (leading(account), account))
        .collect();
    order.par_sort_unstable();
    order.into_iter().map(|(_, account)| account).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_is_funded_once_in_the_order_of_addresses() {
        let order = by_address(1_000);
        assert!(order.is_sorted_by_key(|account| *address(*account).as_bytes()));
        let mut numbers = order;
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..1_000));
    }
}
