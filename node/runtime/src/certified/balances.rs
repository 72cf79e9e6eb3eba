//! What an account had after an entry of its history: what it had at the waypoint before, and what the steps from there
//! on left.

use std::collections::BTreeMap;

use quorate_api::Fault;
use quorate_client::schema;
use quorate_ledger::{Address, Amount, AssetCode, HistoryOwner, WAYPOINT_INTERVAL};
use quorate_prover::Source as _;

use super::{Certified, Funds, fault};

impl Certified<'_> {
    /// The balances after the entry with this number, which the account has; those of genesis with 0.
    pub(super) fn balances_at(&self, address: &Address, number: u64) -> Result<Vec<schema::Balance>, Fault> {
        let damage = || Fault(format!("the history of {address} lacks entries up to {number}"));
        let (owner, source) = (HistoryOwner::Account(*address), self.source());
        let steps = usize::try_from(number % WAYPOINT_INTERVAL).map_err(fault)?;
        let begun = match number - number % WAYPOINT_INTERVAL {
            0 => source.genesis_balances(&owner).map_err(fault)?,
            waypoint => {
                let found = source.waypoint_balances(&owner, waypoint).map_err(fault)?;
                found.ok_or_else(damage)?
            }
        };
        let begun = begun.iter().map(|item| (item.asset, (item.free, item.held)));
        let mut balances: BTreeMap<AssetCode, Funds> = begun.collect();
        if steps > 0 {
            let first = number - number % WAYPOINT_INTERVAL + 1;
            let items = self.snapshot.history_from(address, first, steps).map_err(fault)?;
            if items.len() != steps {
                return Err(damage());
            }
            for change in items.iter().flat_map(|item| &item.changes) {
                balances.insert(change.asset, (change.free_after, change.held_after));
            }
        }
        balances.retain(|_, (free, held)| *free > Amount(0) || *held > Amount(0));
        let balances = balances.into_iter();
        Ok(balances
            .map(|(asset, (amount, held))| schema::Balance { asset, amount, held })
            .collect())
    }
}
