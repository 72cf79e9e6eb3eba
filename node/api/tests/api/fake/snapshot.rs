//! The fake node's chain as the API reads it.

use std::sync::Arc;

use quorate_api::{
    AccountFacts, AssetFacts, BlockFacts, BlockRef, Fault, HistoryFacts, RecordFacts, RecordPlace, Snapshot,
    TipFacts, TransactionFacts,
};
use quorate_ledger::{Address, Amount, AssetCode, Digest, Height};

use super::chain::Chain;

pub(super) struct FakeSnapshot(pub(super) Arc<Chain>);

impl FakeSnapshot {
    fn at(&self, height: Height) -> Option<&(BlockFacts, Vec<TransactionFacts>, Vec<u8>)> {
        self.0.blocks.get(usize::try_from(height.0.checked_sub(1)?).ok()?)
    }
}

impl Snapshot for FakeSnapshot {
    fn tip(&self) -> TipFacts {
        self.0.tip()
    }

    fn block(&self, block: BlockRef) -> Result<Option<BlockFacts>, Fault> {
        Ok(match block {
            BlockRef::Height(height) => self.at(height).map(|(facts, _, _)| facts.clone()),
            BlockRef::Hash(hash) => self
                .0
                .blocks
                .iter()
                .map(|(facts, _, _)| facts)
                .find(|facts| facts.hash == hash)
                .cloned(),
        })
    }

    fn certified_block(&self, height: Height) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.at(height).map(|(_, _, bytes)| bytes.clone()))
    }

    fn transaction(&self, id: &Digest) -> Result<Option<TransactionFacts>, Fault> {
        Ok(self.0.executed(id).cloned())
    }

    fn transactions_at(
        &self,
        height: Height,
        from: u32,
        limit: usize,
    ) -> Result<Vec<TransactionFacts>, Fault> {
        let transactions = self
            .at(height)
            .map(|(_, transactions, _)| transactions.as_slice())
            .unwrap_or_default();
        Ok(transactions
            .iter()
            .filter(|facts| facts.index >= from)
            .take(limit)
            .cloned()
            .collect())
    }

    fn account(&self, address: &Address) -> Result<AccountFacts, Fault> {
        Ok(self.0.accounts.get(address).cloned().unwrap_or_default())
    }

    fn history(
        &self,
        address: &Address,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<HistoryFacts>, Fault> {
        let entries = self
            .0
            .histories
            .get(address)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let wanted = entries
            .iter()
            .rev()
            .filter(|entry| before.is_none_or(|before| entry.number < before));
        Ok(wanted.take(limit).copied().collect())
    }

    fn asset(&self, code: &AssetCode) -> Result<Option<AssetFacts>, Fault> {
        Ok(self.0.assets.get(code).cloned())
    }

    fn assets(&self, after: Option<AssetCode>, limit: usize) -> Result<Vec<AssetFacts>, Fault> {
        let assets = self
            .0
            .assets
            .values()
            .filter(|asset| after.is_none_or(|after| asset.code > after));
        Ok(assets.take(limit).cloned().collect())
    }

    fn holders(
        &self,
        code: &AssetCode,
        after: Option<Address>,
        limit: usize,
    ) -> Result<Vec<(Address, Amount)>, Fault> {
        let accounts = self
            .0
            .accounts
            .iter()
            .filter(|(address, _)| after.is_none_or(|after| **address > after));
        let holders = accounts.filter_map(|(address, account)| {
            let balance = account.balances.iter().find(|(held, _)| held == code)?;
            Some((*address, balance.1))
        });
        Ok(holders.take(limit).collect())
    }

    fn records(
        &self,
        sha256: &Digest,
        after: Option<RecordPlace>,
        limit: usize,
    ) -> Result<Vec<RecordFacts>, Fault> {
        let records = self.0.records.get(sha256).map(Vec::as_slice).unwrap_or_default();
        let wanted = records
            .iter()
            .filter(|record| after.is_none_or(|after| record.place > after));
        Ok(wanted.take(limit).cloned().collect())
    }
}
