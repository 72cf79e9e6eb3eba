//! The chain at one certified height, in the documents of the API's schema.

use quorate_api::{BlockRef, Fault, RecordPlace, Snapshot};
use quorate_client::schema;
use quorate_crypto::Height;
use quorate_ledger::{
    Account, Address, Amount, Asset, AssetCode, Balance, Digest, Operation, StateKey, StateReader, decode,
    encode,
};
use quorate_storage::ExecutedAt;

use crate::names::Names;

/// A storage snapshot in the API's terms.
pub(crate) struct Certified<'a> {
    pub(crate) snapshot: quorate_storage::Snapshot,
    pub(crate) names: &'a Names,
}

/// A failure of storage, as the API reports it.
pub(crate) fn fault(error: impl std::fmt::Display) -> Fault {
    Fault(error.to_string())
}

fn document(executed: &ExecutedAt) -> schema::Transaction {
    let location = executed.location;
    let transaction = &executed.transaction;
    schema::Transaction::pending(transaction.id(), transaction).executed(
        location.height,
        executed.timestamp,
        location.index,
        executed.outcome,
    )
}

impl Certified<'_> {
    fn value<T: serde::de::DeserializeOwned>(&self, key: &StateKey) -> Result<Option<T>, Fault> {
        let Some(bytes) = StateReader::value(&self.snapshot, key).map_err(fault)? else {
            return Ok(None);
        };
        decode(&bytes, bytes.len()).map(Some).map_err(fault)
    }

    fn balance(&self, address: &Address, code: &AssetCode) -> Result<Amount, Fault> {
        let Some(Account::V1(account)) = self.value(&StateKey::account(address))? else {
            return Ok(Amount(0));
        };
        if let Some(balance) = account.balances.iter().find(|balance| balance.asset == *code) {
            return Ok(balance.amount);
        }
        let balance = self.value(&StateKey::balance(address, code))?;
        Ok(balance.map_or(Amount(0), |Balance::V1(balance)| balance.amount))
    }

    /// Balances that have leaves of their own.
    fn other_balances(&self, address: &Address) -> Result<Vec<schema::Balance>, Fault> {
        let mut balances = Vec::new();
        // The account's own leaf is the first.
        for entry in self.snapshot.state_of(address).skip(1) {
            let (key, value) = entry.map_err(fault)?;
            let padded = &key.0[20..];
            let length = padded.iter().position(|byte| *byte == 0).unwrap_or(padded.len());
            let code = std::str::from_utf8(&padded[..length])
                .ok()
                .and_then(|text| text.parse().ok());
            let asset = code.ok_or_else(|| Fault(format!("state key {key} names no asset")))?;
            let Balance::V1(balance) = decode(&value, value.len()).map_err(fault)?;
            let amount = balance.amount;
            balances.push(schema::Balance { asset, amount });
        }
        Ok(balances)
    }

    fn executed(&self, id: &Digest) -> Result<Option<ExecutedAt>, Fault> {
        let Some(location) = self.snapshot.transaction(id).map_err(fault)? else {
            return Ok(None);
        };
        self.snapshot.transaction_at(location).map_err(fault)
    }

    fn metadata(&self, place: quorate_storage::RecordPlace) -> Result<Vec<u8>, Fault> {
        let location = quorate_storage::Location {
            height: place.height,
            index: place.index,
        };
        let executed = self.snapshot.transaction_at(location).map_err(fault)?;
        let operation = executed.as_ref().and_then(|executed| {
            executed
                .transaction
                .intent()
                .operations
                .get(usize::from(place.operation))
        });
        match operation {
            Some(Operation::PutRecord { metadata, .. }) => Ok(metadata.clone()),
            _ => Err(Fault(format!(
                "the index of records names an operation at {} that is none",
                place.height
            ))),
        }
    }
}

impl Snapshot for Certified<'_> {
    fn height(&self) -> Height {
        self.snapshot.tip().height
    }

    fn block(&self, block: BlockRef) -> Result<Option<schema::Block>, Fault> {
        let height = match block {
            BlockRef::Height(height) => Some(height),
            BlockRef::Hash(hash) => self.snapshot.height_of(&hash).map_err(fault)?,
        };
        let Some(height) = height else { return Ok(None) };
        let block = self.snapshot.block(height).map_err(fault)?;
        let certificate = self.snapshot.certificate(height).map_err(fault)?;
        let name = |index| self.names.of(index);
        Ok(block
            .zip(certificate)
            .map(|(block, certificate)| schema::Block::of(&block.v1().header, &certificate, name)))
    }

    fn certified_block(&self, height: Height) -> Result<Option<Vec<u8>>, Fault> {
        self.snapshot.certified_block_bytes(height).map_err(fault)
    }

    fn transaction(&self, id: &Digest) -> Result<Option<schema::Transaction>, Fault> {
        Ok(self.executed(id)?.as_ref().map(document))
    }

    fn transaction_bytes(&self, id: &Digest) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.executed(id)?.map(|executed| encode(&executed.transaction)))
    }

    fn transactions_at(
        &self,
        height: Height,
        from: u32,
        limit: usize,
    ) -> Result<Vec<schema::Transaction>, Fault> {
        let executed = self
            .snapshot
            .transactions_at(height, from, limit)
            .map_err(fault)?;
        Ok(executed.iter().map(document).collect())
    }

    fn ids_at(&self, height: Height, from: u32, limit: usize) -> Result<Vec<Digest>, Fault> {
        let executed = self
            .snapshot
            .transactions_at(height, from, limit)
            .map_err(fault)?;
        Ok(executed
            .iter()
            .map(|executed| executed.transaction.id())
            .collect())
    }

    fn account(&self, address: &Address) -> Result<schema::Account, Fault> {
        let unused = schema::Account::unused(*address);
        let Some(Account::V1(account)) = self.value(&StateKey::account(address))? else {
            return Ok(unused);
        };
        let own = account.balances.iter().map(|balance| schema::Balance {
            asset: balance.asset,
            amount: balance.amount,
        });
        let mut balances: Vec<_> = own.collect();
        if account.other_balances > 0 {
            balances.extend(self.other_balances(address)?);
            balances.sort_unstable_by_key(|balance| balance.asset);
        }
        let used = schema::Account {
            balances,
            transactions: account.transactions,
            history: account.history,
            ..unused
        };
        Ok(match account.signers {
            None => used,
            Some(signers) => schema::Account {
                threshold: signers.threshold,
                signers: signers.signers.iter().map(Into::into).collect(),
                ..used
            },
        })
    }

    fn history(
        &self,
        address: &Address,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<schema::Transaction>, Fault> {
        let items = self.snapshot.history(address, before, limit).map_err(fault)?;
        let numbered = |item: quorate_storage::HistoryItem| {
            let executed = self.snapshot.transaction_at(item.location).map_err(fault)?;
            let executed = executed.ok_or_else(|| {
                Fault(format!(
                    "transaction {} is in the history of {address} and not on the chain",
                    item.id
                ))
            })?;
            Ok(schema::Transaction {
                number: Some(item.number),
                ..document(&executed)
            })
        };
        items.into_iter().map(numbered).collect()
    }

    fn asset(&self, code: &AssetCode) -> Result<Option<schema::Asset>, Fault> {
        let asset = self.value(&StateKey::asset(code))?;
        Ok(asset.map(|Asset::V1(asset)| schema::Asset {
            code: asset.code,
            decimals: asset.decimals,
            issuer: asset.issuer,
            supply: asset.supply,
            description: asset.description,
        }))
    }

    fn assets(&self, after: Option<AssetCode>, limit: usize) -> Result<Vec<schema::Asset>, Fault> {
        let codes = self.snapshot.assets(after.as_ref(), limit).map_err(fault)?;
        codes
            .iter()
            .filter_map(|code| self.asset(code).transpose())
            .collect()
    }

    fn holders(
        &self,
        code: &AssetCode,
        after: Option<Address>,
        limit: usize,
    ) -> Result<Vec<schema::Holder>, Fault> {
        let holders = self
            .snapshot
            .holders(code, after.as_ref(), limit)
            .map_err(fault)?;
        let holder = |address| {
            let amount = self.balance(&address, code)?;
            Ok(schema::Holder { address, amount })
        };
        holders.into_iter().map(holder).collect()
    }

    fn records(
        &self,
        sha256: &Digest,
        after: Option<RecordPlace>,
        limit: usize,
    ) -> Result<Vec<schema::DocumentRecord>, Fault> {
        let after = after.map(|place| quorate_storage::RecordPlace {
            height: place.height,
            index: place.index,
            operation: place.operation,
        });
        let items = self.snapshot.records(sha256, after, limit).map_err(fault)?;
        let record = |item: quorate_storage::RecordItem| {
            Ok(schema::DocumentRecord {
                sha256: *sha256,
                sender: item.sender,
                height: item.place.height,
                index: item.place.index,
                operation: item.place.operation,
                transaction: item.transaction,
                timestamp: item.timestamp,
                metadata: self.metadata(item.place)?,
                label: item.label,
            })
        };
        items.into_iter().map(record).collect()
    }
}
