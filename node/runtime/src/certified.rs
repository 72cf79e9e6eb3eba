//! The chain at one certified height, in the documents of the API's schema.

mod assets;
mod balances;
mod measured;
mod proof;
#[cfg(test)]
mod tests;
mod texts;
mod tree;

use std::sync::Arc;

use quorate_api::{
    Beginnings, BlockRef, EntryChanges, Fault, HexDigits, NoProof, ProofRequest, RecordPlace, Snapshot,
};
use quorate_checkpoint::{TileOf, TilePath};
use quorate_client::schema::{self, KeepView};
use quorate_crypto::Height;
use quorate_genesis::Genesis;
use quorate_ledger::limits::MAX_INLINE_BALANCES;
use quorate_ledger::{
    Account, Address, Amount, Asset, AssetCode, Balance, CertifiedHeader, Digest, Epoch, Header, HoldRef,
    LogEntry, Place, Prefix, StateKey, StateReader, StateValue, TextItem, Transaction, decode, encode,
};
use quorate_prover::Source as _;
use quorate_storage::{ExecutedAt, HistoryItem, MAX_PAGE, ProofSource, RecordItem};
use serde::Serialize;

pub(crate) use self::assets::AssetMakers;
pub(crate) use self::texts::submitted_texts;
pub(crate) use self::tree::ProofTree;
use crate::roster::Roster;

/// A storage snapshot in the API's terms.
pub(crate) struct Certified<'a> {
    pub(crate) snapshot: quorate_storage::Snapshot,
    /// Of the epoch under way.
    pub(crate) roster: Arc<Roster>,
    pub(crate) genesis: &'a Genesis,
    /// It has the state at the snapshot's height, unless that is long past.
    pub(crate) tree: &'a ProofTree,
    pub(crate) makers: &'a AssetMakers,
}

/// A failure of storage, as the API reports it.
pub(crate) fn fault(error: impl std::fmt::Display) -> Fault {
    Fault(error.to_string())
}

/// An executed transaction as bytes (`docs/formats.md`, section 18).
#[derive(Serialize)]
struct ExecutedBytes<'a> {
    entry: LogEntry,
    transaction: &'a Transaction,
    texts: Vec<TextItem>,
}

/// What an account has of an asset: free and held.
type Funds = (Amount, Amount);

impl Certified<'_> {
    fn value<T: serde::de::DeserializeOwned>(&self, key: &StateKey) -> Result<Option<T>, Fault> {
        let Some(bytes) = StateReader::value(&self.snapshot, key).map_err(fault)? else {
            return Ok(None);
        };
        decode(&bytes, bytes.len()).map(Some).map_err(fault)
    }

    /// Everything under a prefix of the state, ascending by key.
    fn values_under(&self, prefix: &Prefix) -> Result<Vec<StateValue>, Fault> {
        let found = self.snapshot.values_under(prefix).map_err(fault)?;
        let values = found.iter().map(|(key, value)| StateValue::decode(key, value));
        values.collect::<Result<_, _>>().map_err(fault)
    }

    /// A snapshot for a prover, or for whoever wants a block's leaves of the log at once.
    fn source(&self) -> ProofSource<'_, ProofTree> {
        ProofSource::new(&self.snapshot, self.tree, self.genesis)
    }

    fn header(&self, height: Height) -> Result<Header, Fault> {
        let header = self.snapshot.header(height).map_err(fault)?;
        header.ok_or_else(|| Fault(format!("block {height} is missing")))
    }

    /// Leaves of the log before the block at a height, and the epoch of the block before it.
    fn before(&self, height: Height) -> Result<(u64, Epoch), Fault> {
        match height.0.saturating_sub(1) {
            0 => Ok((0, Epoch(0))),
            before => {
                let header = self.header(Height(before))?;
                Ok((header.v1().log_size, header.v1().epoch))
            }
        }
    }

    /// How many transactions a block executed. The log's sizes say it: to read all that a block executed in order to
    /// count it would make a list of blocks as slow as their transactions are many.
    fn executed_in(&self, header: &Header) -> Result<u32, Fault> {
        let header = header.v1();
        let (size, epoch) = self.before(header.height)?;
        let mut leaves = header.log_size.saturating_sub(size);
        // Only an epoch's first block can begin with a recovery, whose leaf is no transaction's.
        if header.epoch != epoch {
            let block = self.snapshot.block(header.height).map_err(fault)?;
            let recovers = block.is_some_and(|block| block.v1().recovery.is_some());
            leaves = leaves.saturating_sub(u64::from(recovers));
        }
        u32::try_from(leaves).map_err(fault)
    }

    fn executed(&self, id: &Digest) -> Result<Option<ExecutedAt>, Fault> {
        let Some(location) = self.snapshot.transaction(id).map_err(fault)? else {
            return Ok(None);
        };
        self.snapshot.transaction_at(location).map_err(fault)
    }

    fn document(&self, executed: &ExecutedAt) -> Result<schema::Transaction, Fault> {
        let (transaction, location) = (&executed.transaction, executed.location);
        let id = transaction.id();
        let texts = self.text_states(&id, transaction.intent())?;
        let pending = schema::Transaction::pending(id, transaction, &texts);
        Ok(pending.executed(
            location.height,
            executed.timestamp,
            location.index,
            executed.ordinal,
            &executed.outcome,
        ))
    }

    /// What an account has of an asset; `is_inline` says where balances of that asset lie (section 12).
    fn funds(&self, address: &Address, code: &AssetCode, is_inline: bool) -> Result<Funds, Fault> {
        let found = if is_inline {
            let account: Option<Account> = self.value(&StateKey::account(address))?;
            account.and_then(|account| {
                let own = account.v1().balances.iter().find(|own| own.asset == *code)?;
                Some((own.free, own.held))
            })
        } else {
            let balance: Option<Balance> = self.value(&StateKey::balance(address, code))?;
            balance.map(|balance| (balance.v1().free, balance.v1().held))
        };
        Ok(found.unwrap_or((Amount(0), Amount(0))))
    }

    fn record(&self, sha256: &Digest, item: &RecordItem) -> Result<schema::DocumentRecord, Fault> {
        let (first, _) = self.before(item.height)?;
        let index = item.place.ordinal.checked_sub(first);
        let index = index.and_then(|index| u32::try_from(index).ok());
        let operation = item.place.operation;
        let field = |field| Place::Operation {
            index: operation,
            field,
        };
        let label = self.shown_text(&item.transaction, &field(0))?;
        Ok(schema::DocumentRecord {
            sha256: *sha256,
            sender: item.address,
            keep: KeepView::from(item.keep),
            height: item.height,
            index: index.ok_or_else(|| Fault(format!("a record is not of block {}", item.height)))?,
            operation: u16::from(operation),
            transaction: item.transaction,
            timestamp: item.timestamp,
            label: String::from_utf8_lossy(&label).into_owned(),
            metadata: self.shown_text(&item.transaction, &field(1))?,
        })
    }

    fn asset_document(&self, asset: &Asset) -> Result<schema::Asset, Fault> {
        let asset = asset.v1();
        Ok(schema::Asset {
            code: asset.code,
            decimals: asset.decimals,
            issuer: asset.issuer,
            supply: asset.supply,
            admission: asset.flags & 1 != 0,
            freezable: asset.flags & 2 != 0,
            description: self.description(&asset.code)?,
        })
    }
}

impl Snapshot for Certified<'_> {
    fn height(&self) -> Height {
        self.snapshot.height()
    }

    fn block(&self, block: BlockRef) -> Result<Option<schema::Block>, Fault> {
        let height = match block {
            BlockRef::Height(height) => Some(height),
            BlockRef::Hash(hash) => self.snapshot.height_of(&hash).map_err(fault)?,
        };
        let Some(height) = height else { return Ok(None) };
        let header = self.snapshot.header(height).map_err(fault)?;
        let certificate = self.snapshot.certificate(height).map_err(fault)?;
        let Some((header, certificate)) = header.zip(certificate) else {
            return Ok(None);
        };
        let count = self.executed_in(&header)?;
        let epoch = self.snapshot.epoch(header.v1().epoch).map_err(fault)?;
        let names = epoch
            .map(|(_, committee)| self.roster.names_in(&committee))
            .unwrap_or_default();
        let name = |index| names.of(index);
        Ok(Some(schema::Block::of(&header, &certificate, count, name)))
    }

    fn certified_block(&self, height: Height) -> Result<Option<Vec<u8>>, Fault> {
        self.snapshot.certified_block_bytes(height).map_err(fault)
    }

    fn certified_header(&self, height: Height) -> Result<Option<Vec<u8>>, Fault> {
        let header = self.snapshot.header(height).map_err(fault)?;
        let certificate = self.snapshot.certificate(height).map_err(fault)?;
        let Some((header, certificate)) = header.zip(certificate) else {
            return Ok(None);
        };
        let epoch = self.snapshot.epoch(header.v1().epoch).map_err(fault)?;
        let (_, committee) = epoch.ok_or_else(|| Fault(format!("the epoch of block {height} is missing")))?;
        let mut seals = certificate.seals().to_vec();
        seals.truncate(committee.quorum());
        Ok(Some(encode(&CertifiedHeader { header, seals })))
    }

    fn log_file(&self, path: &TilePath) -> Result<Option<Vec<u8>>, Fault> {
        let file = match path.of {
            TileOf::Hashes(level) => self.snapshot.log_tile(level, path.index, path.width),
            TileOf::Entries => self.snapshot.log_bundle(path.index, path.width),
        };
        file.map_err(fault)
    }

    fn transaction(&self, id: &Digest) -> Result<Option<schema::Transaction>, Fault> {
        let executed = self.executed(id)?;
        executed.map(|executed| self.document(&executed)).transpose()
    }

    fn transaction_bytes(&self, id: &Digest) -> Result<Option<Vec<u8>>, Fault> {
        let Some(executed) = self.executed(id)? else {
            return Ok(None);
        };
        let entry = self.snapshot.entry(executed.ordinal).map_err(fault)?;
        let entry = entry.ok_or_else(|| Fault(format!("leaf {} of the log is missing", executed.ordinal)))?;
        let transaction = &executed.transaction;
        Ok(Some(encode(&ExecutedBytes {
            entry,
            transaction,
            texts: self.text_items(id, transaction.intent())?,
        })))
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
        executed.iter().map(|executed| self.document(executed)).collect()
    }

    fn ids_at(&self, height: Height, from: u32, limit: usize) -> Result<Vec<Digest>, Fault> {
        let Some(header) = self.snapshot.header(height).map_err(fault)? else {
            return Ok(Vec::new());
        };
        let (first, _) = self.before(height)?;
        let from = first.saturating_add(u64::from(from));
        let ordinals: Vec<u64> = (from..header.v1().log_size).take(limit.min(MAX_PAGE)).collect();
        if ordinals.is_empty() {
            return Ok(Vec::new());
        }
        let entries = self.source().entries(height, &ordinals).map_err(fault)?;
        let logged = entries.iter().filter_map(LogEntry::transaction);
        Ok(logged.map(|logged| logged.id).collect())
    }

    fn account(&self, address: &Address) -> Result<schema::Account, Fault> {
        let unused = schema::Account::unused(*address);
        let (mut found, mut balances) = (None, Vec::new());
        for value in self.values_under(&Prefix::account(address))? {
            match value {
                StateValue::Account(Account::V1(account)) => {
                    let inline = account.balances.iter();
                    balances.extend(inline.map(|own| (own.asset, own.free, own.held)));
                    found = Some(account);
                }
                StateValue::Balance(Balance::V1(own)) => balances.push((own.asset, own.free, own.held)),
                _ => {}
            }
        }
        let Some(account) = found else {
            return Ok(unused);
        };
        // One with nothing in it is there while a hold is for the account.
        balances.retain(|(_, free, held)| *free > Amount(0) || *held > Amount(0));
        balances.sort_unstable_by_key(|(asset, ..)| *asset);
        let balances =
            balances
                .into_iter()
                .map(|(asset, amount, held)| schema::Balance { asset, amount, held });
        let used = schema::Account {
            balances: balances.collect(),
            frozen: account.frozen,
            member: account.member.map(|member| member.0),
            holds: account.holds,
            transactions: account.entries,
            history: account.last,
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
        let numbered = |item: HistoryItem| {
            let executed = self.snapshot.transaction_at(item.location).map_err(fault)?;
            let executed = executed.ok_or_else(|| {
                Fault(format!(
                    "transaction {} is in the history of {address} and not on the chain",
                    item.id
                ))
            })?;
            Ok(schema::Transaction {
                number: Some(item.number),
                ..self.document(&executed)?
            })
        };
        items.into_iter().map(numbered).collect()
    }

    fn changes(
        &self,
        address: &Address,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<EntryChanges>, Fault> {
        let items = self.snapshot.history(address, before, limit).map_err(fault)?;
        let entries = items.into_iter().map(|item| EntryChanges {
            number: item.number,
            changes: item.changes,
        });
        Ok(entries.collect())
    }

    fn balances_after(&self, address: &Address, number: u64) -> Result<Vec<schema::Balance>, Fault> {
        self.balances_at(address, number)
    }

    fn beginning_with(&self, digits: &HexDigits, limit: usize) -> Result<Beginnings, Fault> {
        let (lowest, highest) = digits.bounds();
        let snapshot = &self.snapshot;
        Ok(Beginnings {
            blocks: snapshot.blocks_between(&lowest, &highest, limit).map_err(fault)?,
            transactions: snapshot
                .transactions_between(&lowest, &highest, limit)
                .map_err(fault)?,
            records: snapshot
                .documents_between(&lowest, &highest, limit)
                .map_err(fault)?,
        })
    }

    fn holds(
        &self,
        address: &Address,
        after: Option<HoldRef>,
        limit: usize,
    ) -> Result<Vec<schema::Hold>, Fault> {
        let after = after.map(|after| StateKey::hold(&after.owner, &after.transaction, after.operation));
        let mut holds = Vec::new();
        // An account has at most 256.
        for value in self.values_under(&Prefix::holds(address))? {
            let StateValue::Hold(hold) = value else { continue };
            if after.is_some_and(|after| hold.key() <= after) {
                continue;
            }
            if holds.len() >= limit {
                break;
            }
            holds.push(schema::Hold::from(hold.v1()));
        }
        Ok(holds)
    }

    fn state_value(&self, key: &StateKey) -> Result<Option<Vec<u8>>, Fault> {
        StateReader::value(&self.snapshot, key).map_err(fault)
    }

    fn state_under(&self, prefix: &Prefix, limit: usize) -> Result<Vec<StateValue>, Fault> {
        let found = self.snapshot.state_under(prefix).take(limit);
        let values = found.map(|entry| {
            let (key, value) = entry.map_err(fault)?;
            StateValue::decode(&key, &value).map_err(fault)
        });
        values.collect()
    }

    fn proof(&self, request: &ProofRequest) -> Result<Result<String, NoProof>, Fault> {
        self.prove(request)
    }

    fn asset(&self, code: &AssetCode) -> Result<Option<schema::Asset>, Fault> {
        let asset: Option<Asset> = self.value(&StateKey::asset(code))?;
        asset.map(|asset| self.asset_document(&asset)).transpose()
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
        let Some(Asset::V1(asset)) = self.value(&StateKey::asset(code))? else {
            return Ok(Vec::new());
        };
        let is_inline = usize::try_from(asset.number).is_ok_and(|number| number < MAX_INLINE_BALANCES);
        let holders = self
            .snapshot
            .holders(code, after.as_ref(), limit)
            .map_err(fault)?;
        let holder = |address| {
            let (amount, held) = self.funds(&address, code, is_inline)?;
            Ok(schema::Holder {
                address,
                amount,
                held,
            })
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
            ordinal: place.ordinal,
            operation: place.operation,
        });
        let items = self.snapshot.records(sha256, after, limit).map_err(fault)?;
        items.iter().map(|item| self.record(sha256, item)).collect()
    }
}
