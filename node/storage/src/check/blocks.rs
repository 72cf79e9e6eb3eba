//! One block, with all that hangs on it.

use quorate_crypto::{Committee, Epoch, Tag, verify_strict};
use quorate_ledger::{
    BlockError, BlockRules, CertifiedBlock, Height, LogEntry, Parent, SignedBatch, check_block, encode,
};

use super::{Flaw, LOOKUP_BYTES, SelfCheck, Step, reason_of};
use crate::chain::{Lists, header_leaf, read_tile};
use crate::database::Family;
use crate::families::{
    BLOCKS, CERTIFICATES, CHAIN_TILES, HISTORIES, HistoriesRecord, LOG, LogRecord, TILES, height_key,
};
use crate::log::size_at;
use crate::rows::{HistoryRows, encode_log};
use crate::tiles::{TILE_BYTES, TILE_HASHES};
use crate::{Snapshot, StorageError};

/// A tile that a block completed: its level, its index and its hashes.
type Completed = (u8, u64, [u8; TILE_BYTES]);

impl SelfCheck {
    /// Looks at the block at a height. Where the blocks before gave their lists, those that this one gives are kept,
    /// whatever is wrong with its other rows.
    pub(super) fn look_at_block(
        &mut self,
        snapshot: &Snapshot,
        height: Height,
        step: &mut Step,
    ) -> Result<(), Flaw> {
        step.cost = LOOKUP_BYTES;
        let is_known = self
            .lists
            .as_ref()
            .is_some_and(|lists| lists.chain.length() == before(height).0);
        let lists = if is_known {
            self.lists.take()
        } else {
            self.load_lists(snapshot, height)
        };
        let certified = snapshot
            .certified_block(height)
            .map_err(|error| unreadable(snapshot, height, error))?
            .ok_or_else(|| missing("the block or its certificate"))?;
        let bytes = bcs::serialized_size(&certified).unwrap_or(0) as u64;
        (step.bytes, step.cost) = (bytes, bytes.saturating_add(look_ups(&certified)));
        if certified.v1().block.header().height != height {
            let said = certified.v1().block.header().height;
            return Err(Flaw::Other(format!("it says that it is block {said}")));
        }
        let committee = self.committee_of(snapshot, certified.v1().block.header().epoch)?;
        match lists {
            Some(lists) => {
                let followed = self.look_in_chain(snapshot, &certified, &committee, lists);
                followed.map_err(|flaw| if is_known { flaw } else { of_loaded(flaw) })?;
            }
            // Its certificate covers the header, and the header the rest.
            None => certified.verify_contents()?,
        }
        certified.verify_certificate(snapshot.tip().network, &committee)?;
        for (batch, texts) in certified.v1().batches.iter().zip(&certified.v1().texts) {
            self.look_at_author(snapshot, batch)?;
            // None: of one of its transactions no text ever came.
            if let Some(texts) = texts
                && let Err(error) = texts.fit(batch.batch())
            {
                let digest = batch.digest();
                return Err(Flaw::Other(format!(
                    "the texts of batch {digest} do not fit it: {error}"
                )));
            }
        }
        look_at_histories(snapshot, &certified)
    }

    /// The lists as of the block before, made from what is stored, where the blocks before did not give them. Damage
    /// can prevent that until a tile is complete: so it is tried once, and again behind each tile of headers.
    fn load_lists(&mut self, snapshot: &Snapshot, height: Height) -> Option<Lists> {
        self.lists = None;
        let before = before(height);
        // Tiles alone may give the lists, but a block follows from the header before it, too.
        if before != Height::GENESIS && !matches!(snapshot.header(before), Ok(Some(_))) {
            return None;
        }
        let is_behind_a_tile = before.0.is_multiple_of(TILE_HASHES as u64);
        if !std::mem::replace(&mut self.may_load, false) && !is_behind_a_tile {
            return None;
        }
        Lists::at(snapshot.view(), before).ok()
    }

    fn committee_of(&mut self, snapshot: &Snapshot, epoch: Epoch) -> Result<Committee, Flaw> {
        if let Some((known, committee)) = &self.committee
            && *known == epoch
        {
            return Ok(committee.clone());
        }
        let found = snapshot.epoch(epoch)?;
        let (_, committee) = found.ok_or_else(|| missing(&format!("the committee of epoch {epoch}")))?;
        self.committee = Some((epoch, committee.clone()));
        Ok(committee)
    }

    /// Checks that the block follows from those before, and that the rows that depend on them are as they were written.
    fn look_in_chain(
        &mut self,
        snapshot: &Snapshot,
        certified: &CertifiedBlock,
        committee: &Committee,
        mut lists: Lists,
    ) -> Result<(), Flaw> {
        let header = certified.v1().block.header();
        let (log, chain) = (lists.log.frontier(), lists.chain.frontier());
        let before = before(header.height);
        let parent = if before == Height::GENESIS {
            let first = self.committee_of(snapshot, Epoch(0))?;
            Parent {
                height: before,
                hash: snapshot.tip().network,
                timestamp: self.start,
                next_committee: first.digest(),
                chain: &chain,
                log: &log,
            }
        } else {
            let former = snapshot
                .header(before)?
                .ok_or_else(|| missing("the block before"))?;
            let (hash, former) = (former.hash(), former.v1());
            Parent {
                height: former.height,
                hash,
                timestamp: former.timestamp,
                next_committee: former.next_committee,
                chain: &chain,
                log: &log,
            }
        };
        let rules = BlockRules {
            network: &snapshot.tip().network,
            parent,
            committee,
            parameters: self.parameters.v1(),
            planned: None,
            next_committee: None,
        };
        let appended = check_block(certified, &rules)?;
        let first = log.length();
        let of_log = lists.log.append(appended.entries.iter().map(LogEntry::leaf_hash));
        let of_chain = lists.chain.append([header_leaf(&certified.v1().block.hash())]);
        self.lists = Some(lists);
        look_at_log(snapshot, certified, first, &appended.entries)?;
        look_at_tiles(snapshot, TILES, of_log)?;
        look_at_tiles(snapshot, CHAIN_TILES, of_chain)
    }

    /// Checks a batch's signature, which its digest does not cover.
    fn look_at_author(&mut self, snapshot: &Snapshot, signed: &SignedBatch) -> Result<(), Flaw> {
        let (batch, digest) = (signed.batch(), signed.digest());
        let committee = self.committee_of(snapshot, batch.epoch)?;
        let is_good = committee
            .key(batch.author)
            .is_some_and(|author| verify_strict(author, Tag::BATCH_AUTHOR, &digest.0, signed.signature()));
        if is_good {
            Ok(())
        } else {
            Err(Flaw::Other(format!(
                "the signature of batch {digest} is not its author's"
            )))
        }
    }
}

/// Compares the row of the log with the leaves that follow from the block.
fn look_at_log(
    snapshot: &Snapshot,
    certified: &CertifiedBlock,
    first: u64,
    entries: &[LogEntry],
) -> Result<(), Flaw> {
    let header = certified.v1().block.header();
    let stored = of(
        "its row of `log`",
        snapshot.view().get(LOG, &height_key(header.height)),
    )?;
    let expected = (!entries.is_empty()).then(|| {
        let rows = encode_log(entries, header.timestamp);
        encode(&LogRecord::V1 { first, rows: &rows })
    });
    if stored == expected {
        Ok(())
    } else {
        Err(Flaw::Other(
            "its row of `log` does not say what it executed".to_owned(),
        ))
    }
}

fn look_at_tiles(snapshot: &Snapshot, family: Family, completed: Vec<Completed>) -> Result<(), Flaw> {
    for (level, index, expected) in completed {
        let tile = format!("tile {index} of level {level} of `{}`", family.name);
        let stored = of(&tile, read_tile(snapshot.view(), family, level, index))?;
        let stored = stored.ok_or_else(|| missing(&tile))?;
        if stored != expected {
            return Err(Flaw::Other(format!("{tile} does not have the list's hashes")));
        }
    }
    Ok(())
}

/// Reads what the block added to histories, all of it.
fn look_at_histories(snapshot: &Snapshot, certified: &CertifiedBlock) -> Result<(), Flaw> {
    let height = certified.v1().block.header().height;
    let stored = of(
        "its row of `histories`",
        snapshot.view().get(HISTORIES, &height_key(height)),
    )?;
    let Some(stored) = stored else {
        return Ok(());
    };
    let of_row = |error: String| Flaw::Other(format!("its row of `histories`: {error}"));
    let HistoriesRecord::V1 { accounts } =
        bcs::from_bytes(&stored).map_err(|error| of_row(error.to_string()))?;
    let first = size_at(snapshot.view(), before(height))?;
    for owner in &HistoryRows::new(accounts, first) {
        owner.map_err(|error| of_row(error.to_string()))?;
    }
    Ok(())
}

/// Says which of a block's rows cannot be read: of those in blob files RocksDB says neither file nor key.
fn unreadable(snapshot: &Snapshot, height: Height, error: StorageError) -> Flaw {
    let key = height_key(height);
    let rows = [("the block", BLOCKS), ("the certificate", CERTIFICATES)];
    let found = rows
        .into_iter()
        .find(|(_, family)| snapshot.view().get(*family, &key).is_err());
    let block = snapshot.block(height).ok().flatten();
    let named = block.iter().flat_map(|block| block.v1().proposal.batches());
    let batch = named.copied().find(|digest| snapshot.batch(digest).is_err());
    match (found, batch) {
        (Some((what, _)), _) => Flaw::Other(format!("{what}: {}", reason_of(&error))),
        (None, Some(digest)) => Flaw::Other(format!("batch {digest}: {}", reason_of(&error))),
        (None, None) => Flaw::Read(error),
    }
}

/// What was read, or what could not be.
fn of<T>(what: &str, read: Result<T, StorageError>) -> Result<T, Flaw> {
    read.map_err(|error| Flaw::Other(format!("{what}: {}", reason_of(&error))))
}

/// About what it costs the disk to look up a block's rows, in bytes.
fn look_ups(certified: &CertifiedBlock) -> u64 {
    let batches = &certified.v1().batches;
    let transactions = batches.iter().flat_map(|batch| &batch.batch().transactions);
    let texts: usize = transactions
        .map(|transaction| transaction.intent().places().len())
        .sum();
    // Besides: block, certificate, rows of the log and of histories.
    LOOKUP_BYTES.saturating_mul((4 + batches.len() + texts) as u64)
}

/// Where lists that were made from what is stored do not lead to a block, it is not the block that is wrong.
fn of_loaded(flaw: Flaw) -> Flaw {
    match flaw {
        Flaw::Block(error @ (BlockError::ChainRoot { .. } | BlockError::Log { .. })) => Flaw::Tiles(error),
        other => other,
    }
}

/// The height before; of the first block that of genesis.
fn before(height: Height) -> Height {
    Height(height.0.saturating_sub(1))
}

fn missing(what: &str) -> Flaw {
    Flaw::Other(format!("{what} is missing"))
}
