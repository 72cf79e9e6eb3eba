//! The fake node's chain as the API reads it.

use std::collections::BTreeSet;
use std::sync::Arc;

use quorate_api::{
    Beginnings, BlockRef, EntryChanges, Fault, HexDigits, NoProof, ProofRequest, RecordPlace, Snapshot,
};
use quorate_checkpoint::{TileOf, TilePath, push_entry};
use quorate_client::schema::{
    Account, Asset, Balance, Block, DocumentRecord, Hold, Holder, OperationView, Transaction,
};
use quorate_crypto::merkle::root_of_hashes;
use quorate_ledger::{
    Address, Amount, AssetCode, BalanceChange, CertifiedBlock, CertifiedHeader, Counters, CountersV1, Digest,
    Height, HoldRef, LogEntry, Prefix, StateKey, StateValue, decode, encode,
};

use super::chain::{Chain, Kept, KeptBlock};
use super::committee;
use super::proofs::{Proofs, Work};

pub(super) struct FakeSnapshot<'a> {
    pub(super) chain: Arc<Chain>,
    pub(super) proofs: &'a Proofs,
    pub(super) blocks: &'a Work,
}

impl FakeSnapshot<'_> {
    fn at(&self, height: Height) -> Option<&KeptBlock> {
        let place = usize::try_from(height.0.checked_sub(1)?).ok()?;
        self.chain.blocks.get(place)
    }

    fn executed_at(&self, height: Height, from: u32, limit: usize) -> impl Iterator<Item = &Kept> {
        let block = self.at(height);
        let executed = block.into_iter().flat_map(|block| &block.executed);
        executed.skip(from as usize).take(limit)
    }

    /// The log, from its first entry on.
    fn entries(&self) -> Vec<&LogEntry> {
        let executed = self.chain.blocks.iter().flat_map(|block| &block.executed);
        executed.map(|kept| &kept.entry).collect()
    }

    /// The asset with what its operation says of it.
    fn described(&self, asset: &Asset) -> Asset {
        let made = self.chain.made.get(&asset.code);
        let made = made.and_then(|(id, place)| self.chain.operation(id, u16::from(*place)));
        match made {
            Some(OperationView::CreateAsset { description, .. }) => Asset {
                description,
                ..asset.clone()
            },
            _ => asset.clone(),
        }
    }
}

/// What differs of an account's balances.
fn changes_between(before: &[Balance], after: &[Balance]) -> Vec<BalanceChange> {
    let of = |balances: &[Balance], asset: AssetCode| {
        let own = balances.iter().find(|balance| balance.asset == asset);
        own.map_or((Amount(0), Amount(0)), |own| (own.amount, own.held))
    };
    let assets: BTreeSet<AssetCode> = before.iter().chain(after).map(|own| own.asset).collect();
    let changes = assets.into_iter().map(|asset| {
        let ((free_before, held_before), (free_after, held_after)) = (of(before, asset), of(after, asset));
        BalanceChange {
            asset,
            free_before,
            free_after,
            held_before,
            held_after,
        }
    });
    let differs = |change: &BalanceChange| {
        (change.free_before, change.held_before) != (change.free_after, change.held_after)
    };
    changes.filter(differs).collect()
}

impl Snapshot for FakeSnapshot<'_> {
    fn height(&self) -> Height {
        self.chain.height()
    }

    fn block(&self, block: BlockRef) -> Result<Option<Block>, Fault> {
        let found = match block {
            BlockRef::Height(height) => self.at(height),
            BlockRef::Hash(hash) => self.chain.blocks.iter().find(|kept| kept.block.hash == hash),
        };
        Ok(found.map(|kept| kept.block.clone()))
    }

    fn certified_block(&self, height: Height) -> Result<Option<Vec<u8>>, Fault> {
        self.blocks.pass();
        Ok(self.at(height).map(|kept| kept.bytes.clone()))
    }

    fn certified_header(&self, height: Height) -> Result<Option<Vec<u8>>, Fault> {
        let Some(kept) = self.at(height) else {
            return Ok(None);
        };
        let certified: CertifiedBlock = decode(&kept.bytes, kept.bytes.len()).unwrap();
        let mut seals = certified.v1().certificate.seals().to_vec();
        seals.truncate(committee().quorum());
        let header = certified.v1().block.v1().header.clone();
        Ok(Some(encode(&CertifiedHeader { header, seals })))
    }

    fn log_file(&self, path: &TilePath) -> Result<Option<Vec<u8>>, Fault> {
        let entries = self.entries();
        let there = TilePath::of_log(entries.len() as u64, path.of, path.index);
        if there.is_none_or(|there| there.width < path.width) {
            return Ok(None);
        }
        let first = usize::try_from(path.index).unwrap() * 256;
        let places = first..first + usize::from(path.width);
        let mut bytes = Vec::new();
        match path.of {
            TileOf::Entries => entries[places]
                .iter()
                .for_each(|entry| push_entry(&mut bytes, &encode(*entry))),
            TileOf::Hashes(level) => {
                let leaves: Vec<Digest> = entries.iter().map(|entry| entry.leaf_hash()).collect();
                let span = 256_usize.pow(level.into());
                for place in places {
                    let hash = root_of_hashes(&leaves[place * span..(place + 1) * span]);
                    bytes.extend_from_slice(&hash.0);
                }
            }
        }
        Ok(Some(bytes))
    }

    fn transaction(&self, id: &Digest) -> Result<Option<Transaction>, Fault> {
        let kept = self.chain.executed(id);
        Ok(kept.map(|kept| self.chain.document(kept)))
    }

    fn transaction_bytes(&self, id: &Digest) -> Result<Option<Vec<u8>>, Fault> {
        let kept = self.chain.executed(id);
        Ok(kept.map(|kept| self.chain.transaction_bytes(kept)))
    }

    fn transactions_at(&self, height: Height, from: u32, limit: usize) -> Result<Vec<Transaction>, Fault> {
        let executed = self.executed_at(height, from, limit);
        Ok(executed.map(|kept| self.chain.document(kept)).collect())
    }

    fn ids_at(&self, height: Height, from: u32, limit: usize) -> Result<Vec<Digest>, Fault> {
        let executed = self.executed_at(height, from, limit);
        Ok(executed.map(|kept| kept.at.id).collect())
    }

    fn account(&self, address: &Address) -> Result<Account, Fault> {
        let known = self.chain.accounts.get(address).cloned();
        Ok(known.unwrap_or_else(|| Account::unused(*address)))
    }

    fn history(
        &self,
        address: &Address,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Transaction>, Fault> {
        let ids = self.chain.histories.get(address).into_iter().flatten();
        let mut numbered: Vec<_> = (1..).zip(ids).collect();
        numbered.retain(|(number, _)| before.is_none_or(|before| *number < before));
        let documents = numbered.into_iter().rev().take(limit).map(|(number, id)| {
            let kept = self.chain.executed(id);
            let kept = kept.expect("a history names what was executed");
            Transaction {
                number: Some(number),
                ..self.chain.document(kept)
            }
        });
        Ok(documents.collect())
    }

    fn changes(
        &self,
        address: &Address,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<EntryChanges>, Fault> {
        let steps = self.chain.balances.get(address).map_or(&[][..], Vec::as_slice);
        let mut entries: Vec<EntryChanges> = (1..)
            .zip(steps.windows(2))
            .map(|(number, pair)| EntryChanges {
                number,
                changes: changes_between(&pair[0], &pair[1]),
            })
            .filter(|entry| before.is_none_or(|before| entry.number < before))
            .collect();
        entries.reverse();
        entries.truncate(limit);
        Ok(entries)
    }

    fn balances_after(&self, address: &Address, number: u64) -> Result<Vec<Balance>, Fault> {
        let steps = self.chain.balances.get(address);
        let Some(steps) = steps else {
            return Ok(Vec::new());
        };
        let had = steps.get(usize::try_from(number).unwrap());
        had.cloned()
            .ok_or_else(|| Fault(format!("{address} has no entry {number}")))
    }

    fn beginning_with(&self, digits: &HexDigits, limit: usize) -> Result<Beginnings, Fault> {
        let begins = |hash: &Digest| hash.to_string().starts_with(digits.as_str());
        let blocks = self.chain.blocks.iter().map(|kept| &kept.block);
        let mut found = Beginnings {
            blocks: blocks
                .map(|block| (block.hash, block.height))
                .filter(|(hash, _)| begins(hash))
                .collect(),
            transactions: self.chain.places.keys().copied().filter(begins).collect(),
            records: self.chain.records.keys().copied().filter(begins).collect(),
        };
        found.blocks.sort_unstable();
        found.blocks.truncate(limit);
        found.transactions.truncate(limit);
        found.records.truncate(limit);
        Ok(found)
    }

    fn holds(&self, address: &Address, after: Option<HoldRef>, limit: usize) -> Result<Vec<Hold>, Fault> {
        let after = after.map(|after| StateKey::hold(&after.owner, &after.transaction, after.operation));
        let holds = self
            .chain
            .holds
            .iter()
            .filter(|(key, hold)| hold.name.owner == *address && after.is_none_or(|after| **key > after));
        Ok(holds.map(|(_, hold)| hold.clone()).take(limit).collect())
    }

    fn state_value(&self, key: &StateKey) -> Result<Option<Vec<u8>>, Fault> {
        if let Some(value) = self.chain.governed.get(key) {
            return Ok(Some(value.encode()));
        }
        let proposals = self.chain.governed.keys();
        let proposals = proposals.filter(|key| key.kind() == StateKey::proposal(0).kind());
        let counters = CountersV1 {
            assets: self.chain.assets.len() as u32,
            // They are numbered from 1.
            members: 5,
            seats: 5,
            proposals: proposals.count() as u64,
            ..CountersV1::default()
        };
        Ok((*key == StateKey::counters()).then(|| encode(&Counters::V1(counters))))
    }

    fn state_under(&self, prefix: &Prefix, limit: usize) -> Result<Vec<StateValue>, Fault> {
        let found = self.chain.governed.iter().filter(|(key, _)| prefix.covers(key));
        Ok(found.map(|(_, value)| value.clone()).take(limit).collect())
    }

    fn proof(&self, request: &ProofRequest) -> Result<Result<String, NoProof>, Fault> {
        Ok(self.proofs.make(&self.chain, request))
    }

    fn asset(&self, code: &AssetCode) -> Result<Option<Asset>, Fault> {
        let asset = self.chain.assets.get(code);
        Ok(asset.map(|asset| self.described(asset)))
    }

    fn assets(&self, after: Option<AssetCode>, limit: usize) -> Result<Vec<Asset>, Fault> {
        let assets = self.chain.assets.values();
        let wanted = assets.filter(|asset| after.is_none_or(|after| asset.code > after));
        Ok(wanted.take(limit).map(|asset| self.described(asset)).collect())
    }

    fn holders(&self, code: &AssetCode, after: Option<Address>, limit: usize) -> Result<Vec<Holder>, Fault> {
        let accounts = self.chain.accounts.values();
        let wanted = accounts.filter(|account| after.is_none_or(|after| account.address > after));
        let holders = wanted.filter_map(|account| {
            let balance = account.balances.iter().find(|balance| balance.asset == *code)?;
            Some(Holder {
                address: account.address,
                amount: balance.amount,
                held: balance.held,
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
        let records = self.chain.records.get(sha256).into_iter().flatten();
        let place = |record: &DocumentRecord| RecordPlace {
            ordinal: self.chain.executed(&record.transaction).unwrap().ordinal,
            operation: u8::try_from(record.operation).unwrap(),
        };
        let wanted = records.filter(|record| after.is_none_or(|after| place(record) > after));
        let told = |record: &DocumentRecord| match self.chain.operation(&record.transaction, record.operation)
        {
            Some(OperationView::PutRecord { label, metadata, .. }) => DocumentRecord {
                label,
                metadata,
                ..record.clone()
            },
            _ => record.clone(),
        };
        Ok(wanted.take(limit).map(told).collect())
    }
}
