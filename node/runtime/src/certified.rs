//! The chain at one certified height, as the API sees it.

use quorate_api::{
    AccountFacts, AssetFacts, BlockFacts, BlockRef, Fault, HistoryFacts, RecordFacts, RecordPlace,
    SignersFacts, Snapshot, TipFacts, TransactionFacts,
};
use quorate_crypto::Height;
use quorate_ledger::{
    Account, Address, Amount, Asset, AssetCode, Balance, Digest, Operation, StateKey, StateReader, decode,
};

/// A storage snapshot in the API's terms.
pub(crate) struct Certified(pub(crate) quorate_storage::Snapshot);

/// A failure of storage, as the API reports it.
pub(crate) fn fault(error: impl std::fmt::Display) -> Fault {
    Fault(error.to_string())
}

impl Certified {
    fn value<T: serde::de::DeserializeOwned>(&self, key: &StateKey) -> Result<Option<T>, Fault> {
        let Some(bytes) = StateReader::value(&self.0, key).map_err(fault)? else {
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
    fn other_balances(&self, address: &Address) -> Result<Vec<(AssetCode, Amount)>, Fault> {
        let mut balances = Vec::new();
        // The account's own leaf is the first.
        for entry in self.0.state_of(address).skip(1) {
            let (key, value) = entry.map_err(fault)?;
            let padded = &key.0[20..];
            let length = padded.iter().position(|byte| *byte == 0).unwrap_or(padded.len());
            let code = std::str::from_utf8(&padded[..length])
                .ok()
                .and_then(|text| text.parse().ok());
            let code = code.ok_or_else(|| Fault(format!("state key {key} names no asset")))?;
            let Balance::V1(balance) = decode(&value, value.len()).map_err(fault)?;
            balances.push((code, balance.amount));
        }
        Ok(balances)
    }

    fn transaction_facts(executed: quorate_storage::ExecutedAt) -> TransactionFacts {
        TransactionFacts {
            id: executed.transaction.id(),
            transaction: executed.transaction,
            height: executed.location.height,
            index: executed.location.index,
            timestamp: executed.timestamp,
            outcome: executed.outcome,
        }
    }

    fn metadata(&self, place: RecordPlace) -> Result<Vec<u8>, Fault> {
        let location = quorate_storage::Location {
            height: place.height,
            index: place.index,
        };
        let executed = self.0.transaction_at(location).map_err(fault)?;
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

impl Snapshot for Certified {
    fn tip(&self) -> TipFacts {
        let tip = self.0.tip();
        TipFacts {
            height: tip.height,
            hash: tip.block_hash,
            state_root: tip.state_root,
            timestamp: tip.timestamp,
        }
    }

    fn block(&self, block: BlockRef) -> Result<Option<BlockFacts>, Fault> {
        let height = match block {
            BlockRef::Height(height) => Some(height),
            BlockRef::Hash(hash) => self.0.height_of(&hash).map_err(fault)?,
        };
        let Some(height) = height else { return Ok(None) };
        let block = self.0.block(height).map_err(fault)?;
        let certificate = self.0.certificate(height).map_err(fault)?;
        Ok(block.zip(certificate).map(|(block, certificate)| BlockFacts {
            hash: block.hash(),
            header: block.v1().header.clone(),
            certificate,
        }))
    }

    fn certified_block(&self, height: Height) -> Result<Option<Vec<u8>>, Fault> {
        self.0.certified_block_bytes(height).map_err(fault)
    }

    fn transaction(&self, id: &Digest) -> Result<Option<TransactionFacts>, Fault> {
        let Some(location) = self.0.transaction(id).map_err(fault)? else {
            return Ok(None);
        };
        let executed = self.0.transaction_at(location).map_err(fault)?;
        Ok(executed.map(Self::transaction_facts))
    }

    fn transactions_at(
        &self,
        height: Height,
        from: u32,
        limit: usize,
    ) -> Result<Vec<TransactionFacts>, Fault> {
        let executed = self.0.transactions_at(height, from, limit).map_err(fault)?;
        Ok(executed.into_iter().map(Self::transaction_facts).collect())
    }

    fn account(&self, address: &Address) -> Result<AccountFacts, Fault> {
        let Some(Account::V1(account)) = self.value(&StateKey::account(address))? else {
            return Ok(AccountFacts::default());
        };
        let mut balances: Vec<_> = account
            .balances
            .iter()
            .map(|balance| (balance.asset, balance.amount))
            .collect();
        if account.other_balances > 0 {
            balances.extend(self.other_balances(address)?);
            balances.sort_unstable();
        }
        Ok(AccountFacts {
            transactions: account.transactions,
            history: account.history,
            signers: account.signers.map(|signers| SignersFacts {
                threshold: signers.threshold,
                signers: signers.signers,
            }),
            balances,
        })
    }

    fn history(
        &self,
        address: &Address,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<HistoryFacts>, Fault> {
        let items = self.0.history(address, before, limit).map_err(fault)?;
        let facts = |item: quorate_storage::HistoryItem| HistoryFacts {
            number: item.number,
            id: item.id,
            height: item.location.height,
            index: item.location.index,
        };
        Ok(items.into_iter().map(facts).collect())
    }

    fn asset(&self, code: &AssetCode) -> Result<Option<AssetFacts>, Fault> {
        let asset = self.value(&StateKey::asset(code))?;
        Ok(asset.map(|Asset::V1(asset)| AssetFacts {
            code: asset.code,
            decimals: asset.decimals,
            issuer: asset.issuer,
            supply: asset.supply,
            description: asset.description,
        }))
    }

    fn assets(&self, after: Option<AssetCode>, limit: usize) -> Result<Vec<AssetFacts>, Fault> {
        let codes = self.0.assets(after.as_ref(), limit).map_err(fault)?;
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
    ) -> Result<Vec<(Address, Amount)>, Fault> {
        let holders = self.0.holders(code, after.as_ref(), limit).map_err(fault)?;
        holders
            .into_iter()
            .map(|address| Ok((address, self.balance(&address, code)?)))
            .collect()
    }

    fn records(
        &self,
        sha256: &Digest,
        after: Option<RecordPlace>,
        limit: usize,
    ) -> Result<Vec<RecordFacts>, Fault> {
        let stored = |place: RecordPlace| quorate_storage::RecordPlace {
            height: place.height,
            index: place.index,
            operation: place.operation,
        };
        let items = self.0.records(sha256, after.map(stored), limit).map_err(fault)?;
        let facts = |item: quorate_storage::RecordItem| {
            let place = RecordPlace {
                height: item.place.height,
                index: item.place.index,
                operation: item.place.operation,
            };
            Ok(RecordFacts {
                place,
                sender: item.sender,
                transaction: item.transaction,
                timestamp: item.timestamp,
                label: item.label,
                metadata: self.metadata(place)?,
            })
        };
        items.into_iter().map(facts).collect()
    }
}
