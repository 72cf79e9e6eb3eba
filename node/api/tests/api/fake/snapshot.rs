//! The fake node's chain as the API reads it.

use std::sync::Arc;

use quorate_api::{BlockRef, Fault, RecordPlace, Snapshot};
use quorate_client::schema::{Account, Asset, Block, DocumentRecord, Holder, Transaction};
use quorate_ledger::{Address, AssetCode, Digest, Height, encode};

use super::chain::{Chain, Kept, KeptBlock};

pub(super) struct FakeSnapshot(pub(super) Arc<Chain>);

impl FakeSnapshot {
    fn at(&self, height: Height) -> Option<&KeptBlock> {
        self.0.blocks.get(usize::try_from(height.0.checked_sub(1)?).ok()?)
    }

    fn executed_at(&self, height: Height, from: u32, limit: usize) -> impl Iterator<Item = &Kept> {
        let block = self.at(height);
        let executed = block.into_iter().flat_map(|block| &block.executed);
        executed.skip(from as usize).take(limit)
    }
}

impl Snapshot for FakeSnapshot {
    fn height(&self) -> Height {
        self.0.height()
    }

    fn block(&self, block: BlockRef) -> Result<Option<Block>, Fault> {
        let found = match block {
            BlockRef::Height(height) => self.at(height),
            BlockRef::Hash(hash) => self.0.blocks.iter().find(|kept| kept.block.hash == hash),
        };
        Ok(found.map(|kept| kept.block.clone()))
    }

    fn certified_block(&self, height: Height) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.at(height).map(|kept| kept.bytes.clone()))
    }

    fn transaction(&self, id: &Digest) -> Result<Option<Transaction>, Fault> {
        Ok(self.0.executed(id).map(Kept::document))
    }

    fn transaction_bytes(&self, id: &Digest) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.0.executed(id).map(|kept| encode(&kept.transaction)))
    }

    fn transactions_at(&self, height: Height, from: u32, limit: usize) -> Result<Vec<Transaction>, Fault> {
        Ok(self
            .executed_at(height, from, limit)
            .map(Kept::document)
            .collect())
    }

    fn ids_at(&self, height: Height, from: u32, limit: usize) -> Result<Vec<Digest>, Fault> {
        let executed = self.executed_at(height, from, limit);
        Ok(executed.map(|kept| kept.at.id).collect())
    }

    fn account(&self, address: &Address) -> Result<Account, Fault> {
        let known = self.0.accounts.get(address).cloned();
        Ok(known.unwrap_or_else(|| Account::unused(*address)))
    }

    fn history(
        &self,
        address: &Address,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Transaction>, Fault> {
        let ids = self.0.histories.get(address).into_iter().flatten();
        let mut numbered: Vec<_> = (1..).zip(ids).collect();
        numbered.retain(|(number, _)| before.is_none_or(|before| *number < before));
        let documents = numbered.into_iter().rev().take(limit).map(|(number, id)| {
            let kept = self.0.executed(id).expect("a history names what was executed");
            Transaction {
                number: Some(number),
                ..kept.document()
            }
        });
        Ok(documents.collect())
    }

    fn asset(&self, code: &AssetCode) -> Result<Option<Asset>, Fault> {
        Ok(self.0.assets.get(code).cloned())
    }

    fn assets(&self, after: Option<AssetCode>, limit: usize) -> Result<Vec<Asset>, Fault> {
        let assets = self.0.assets.values();
        let wanted = assets.filter(|asset| after.is_none_or(|after| asset.code > after));
        Ok(wanted.take(limit).cloned().collect())
    }

    fn holders(&self, code: &AssetCode, after: Option<Address>, limit: usize) -> Result<Vec<Holder>, Fault> {
        let accounts = self.0.accounts.values();
        let wanted = accounts.filter(|account| after.is_none_or(|after| account.address > after));
        let holders = wanted.filter_map(|account| {
            let balance = account.balances.iter().find(|held| held.asset == *code)?;
            Some(Holder {
                address: account.address,
                amount: balance.amount,
            })
        });
        Ok(holders.take(limit).collect())
    }

    fn records(
        &self,
        sha256: &Digest,
        after: Option<RecordPlace>,
        limit: usize,
    ) -> Result<Vec<DocumentRecord>, Fault> {
        let records = self.0.records.get(sha256).into_iter().flatten();
        let place = |record: &DocumentRecord| RecordPlace {
            height: record.height,
            index: record.index,
            operation: record.operation,
        };
        let wanted = records.filter(|record| after.is_none_or(|after| place(record) > after));
        Ok(wanted.take(limit).cloned().collect())
    }
}
