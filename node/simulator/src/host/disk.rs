//! The disk: a journal, and the chain's database, in which batches and blocks lie in the order in which they
//! were written. Writes take time, flushes take time, and a flush covers what was written before it began. A
//! crash leaves what was flushed, and now and then some of what was written after that, but never a later
//! write without an earlier one of the same log.

use std::collections::{BTreeSet, VecDeque};

use quorate_consensus::Record;
use quorate_crypto::{Digest, Epoch, Height, ValidatorIndex};
use quorate_driver::{EntryNumber, Event, JournalMark, Quarantine, Remembered, WriteNumber};
use quorate_ledger::decode;

use super::{Host, Memory};
use crate::ledger::KeptBlock;
use crate::world::{Scheduled, World};

/// The most bytes of a record that is read back.
const MAX_RECORD_BYTES: usize = 4 << 20;

/// What a crash leaves.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    /// The journal.
    pub(super) records: Vec<(EntryNumber, Record)>,
    /// The last entry that was ever appended to it.
    last_entry: EntryNumber,
    /// What the journal was marked with when it was made.
    pub(super) journal_mark: Option<Digest>,
    /// What it remembers of a quarantine.
    pub(super) journal_remembers: Option<Remembered>,
    pub(super) blocks: Vec<KeptBlock>,
    /// Batches with all their texts. Of a block's batches none is missing but for the texts.
    pub(super) batches: BTreeSet<Digest>,
    /// The journal that goes with the chain.
    pub(super) chain_mark: Option<JournalMark>,
    /// What the chain remembers of a quarantine.
    pub(super) chain_remembers: Option<Remembered>,
    /// What shows the quarantine to people.
    pub(super) file: Option<Quarantine>,
}

/// One write to the chain's database.
#[derive(Clone, Debug)]
enum Logged {
    Batch(Digest),
    Block(Box<KeptBlock>),
    /// An epoch begins: batches of former ones that no block has are deleted.
    Epoch(BTreeSet<Digest>),
}

/// A flush of the chain that is under way.
#[derive(Clone, Copy, Debug)]
struct ChainFlush {
    covers: usize,
    writes: WriteNumber,
    height: Height,
}

/// What is on its way to the disk.
#[derive(Debug, Default)]
pub(super) struct Writes {
    /// Entries that are being flushed.
    flushing: Option<Vec<(EntryNumber, Record)>>,
    /// Entries that wait for the flush under way.
    queued: Vec<(EntryNumber, Record)>,
    /// Batches to be written, one at a time; the first is being written.
    batches: VecDeque<Digest>,
    done: u64,
    /// Written to the chain's database since its last flush.
    log: Vec<Logged>,
    flush: Option<ChainFlush>,
    wanted: Option<WriteNumber>,
}

impl Disk {
    /// The number that the next entry gets.
    pub(super) fn next_entry(&self) -> EntryNumber {
        self.last_entry.next()
    }

    /// These entries are on disk; `honest` is who keeps them, unless a liar does.
    fn keep(
        &mut self,
        world: &mut World,
        honest: Option<ValidatorIndex>,
        entries: Vec<(EntryNumber, Record)>,
    ) {
        for (number, record) in &entries {
            self.last_entry = *number;
            if let (Record::Prepared(certificate), Some(validator)) = (record, honest) {
                world.checker.on_kept(validator, certificate.height);
            }
        }
        self.records.extend(entries);
    }

    fn apply(&mut self, world: &mut World, honest: Option<ValidatorIndex>, logged: Logged) {
        match logged {
            Logged::Batch(batch) => {
                self.batches.insert(batch);
            }
            Logged::Block(block) => {
                if let Some(validator) = honest {
                    world.checker.on_kept(validator, block.height());
                }
                self.blocks.push(*block);
            }
            Logged::Epoch(gone) => self.batches.retain(|batch| !gone.contains(batch)),
        }
    }

    /// The process has died while this was on its way.
    pub(super) fn crash(&mut self, world: &mut World, honest: Option<ValidatorIndex>, writes: Writes) {
        if let Some(mut entries) = writes.flushing {
            let kept = world.random.between(0, entries.len() as u64);
            entries.truncate(usize::try_from(kept).unwrap_or(0));
            self.keep(world, honest, entries);
        }
        // Nothing but what was flushed, or a part of what the system had been given besides.
        let most = match world.random.chance(500) {
            true => writes.log.len() as u64,
            false => 0,
        };
        let kept = usize::try_from(world.random.between(0, most)).unwrap_or(0);
        for logged in writes.log.into_iter().take(kept) {
            self.apply(world, honest, logged);
        }
    }

    /// The journal is gone.
    pub(super) fn lose_journal(&mut self) {
        self.records.clear();
        self.last_entry = EntryNumber::default();
        (self.journal_mark, self.journal_remembers) = (None, None);
    }

    /// The chain's database is gone, with the batches that were in it.
    pub(super) fn lose_chain(&mut self) {
        self.blocks.clear();
        self.batches.clear();
        (self.chain_mark, self.chain_remembers) = (None, None);
    }

    /// Batches of another epoch than this, which the chain is in, that no block has are of no use.
    pub(super) fn forget_foreign(&mut self, world: &World, epoch: Epoch, ordered: &BTreeSet<Digest>) {
        let useful = |batch: &Digest| ordered.contains(batch) || world.epoch_of(batch) == Some(epoch);
        self.batches.retain(useful);
    }
}

impl Writes {
    /// How many batch writes have begun.
    pub(super) fn begun(&self) -> WriteNumber {
        WriteNumber(self.done + u64::from(!self.batches.is_empty()))
    }

    /// Whether the batch waits to be written.
    pub(super) fn holds(&self, batch: &Digest) -> bool {
        self.batches.contains(batch)
    }

    /// An epoch begins: unordered batches of the former one are of no use any more.
    pub(super) fn begin_epoch(&mut self, gone: BTreeSet<Digest>) {
        self.log.push(Logged::Epoch(gone));
    }

    /// A block is written.
    pub(super) fn block(&mut self, block: KeptBlock) {
        self.log.push(Logged::Block(Box::new(block)));
    }

    /// Batches of a certified block are written with their texts, at once.
    pub(super) fn of_block(&mut self, batches: &[Digest]) {
        self.done += 1;
        self.log.extend(batches.iter().copied().map(Logged::Batch));
    }

    /// Texts of an ordered batch are written, with which it is a whole copy. No vote waits for that.
    pub(super) fn texts_of(&mut self, batch: Digest) {
        self.log.push(Logged::Batch(batch));
    }
}

impl Host {
    /// Appends entries to the journal; a flush takes all that wait for it.
    pub(super) fn append_entries(&mut self, world: &mut World, entries: Vec<(EntryNumber, Vec<u8>)>) {
        let Some(memory) = self.memory_mut() else { return };
        let records = entries.into_iter().map(|(number, bytes)| {
            let record = decode(&bytes, MAX_RECORD_BYTES).expect("records are encoded as they are decoded");
            (number, record)
        });
        memory.writes.queued.extend(records);
        self.flush_journal(world);
    }

    fn flush_journal(&mut self, world: &mut World) {
        let delay = self.flush_delay(world, 0);
        let (place, life) = (self.place, self.life);
        let Some(memory) = self.memory_mut() else { return };
        if memory.writes.flushing.is_some() || memory.writes.queued.is_empty() {
            return;
        }
        memory.writes.flushing = Some(std::mem::take(&mut memory.writes.queued));
        world.schedule_at(place, life, delay, Scheduled::JournalFlushed);
    }

    pub(super) fn on_journal_flushed(&mut self, world: &mut World) {
        let honest = self.honest();
        let Some(memory) = self.memory_mut() else { return };
        if let Some(entries) = memory.writes.flushing.take() {
            self.disk.keep(world, honest, entries);
            if let Some(meter) = &mut world.meter {
                meter.on_flushed(world.now);
            }
            let last = self.disk.last_entry;
            self.hear(world, Event::JournalFlushed(last));
        }
        self.flush_journal(world);
    }

    /// Each flush takes so long from now on.
    pub(crate) fn slow_disk(&mut self, flush_us: u64) {
        (self.settings.least_flush_us, self.settings.flush_us) = (flush_us, flush_us);
    }

    fn flush_delay(&self, world: &mut World, longest: u64) -> u64 {
        let least = self.settings.least_flush_us.max(20);
        let longest = longest.max(self.settings.flush_us).max(least);
        world.random.between(least, longest)
    }

    /// Writes a batch, after those that wait to be written.
    pub(super) fn write_batch(&mut self, world: &mut World, batch: Digest) {
        let Some(memory) = self.memory_mut() else { return };
        memory.writes.batches.push_back(batch);
        if memory.writes.batches.len() == 1 {
            self.begin_write(world);
        }
    }

    fn begin_write(&self, world: &mut World) {
        let delay = world.random.between(10, 100);
        world.schedule_at(self.place, self.life, delay, Scheduled::BatchWritten);
    }

    pub(super) fn on_batch_written(&mut self, world: &mut World) {
        let Some(memory) = self.memory_mut() else { return };
        let Some(batch) = memory.writes.batches.pop_front() else {
            return;
        };
        memory.writes.done += 1;
        // Where its epoch has ended meanwhile, it goes with the others that no block has.
        if world.epoch_of(&batch) == Some(memory.epoch) {
            memory.writes.log.push(Logged::Batch(batch));
            memory.missing_texts.remove(&batch);
        }
        let others = !memory.writes.batches.is_empty();
        self.on_batch_kept(world, batch);
        if others {
            self.begin_write(world);
        }
        self.flush_chain(world);
    }

    /// Everything written is to be on disk, and so many batch writes, of which the last may be under way.
    pub(super) fn want_flush(&mut self, world: &mut World, writes: WriteNumber) {
        let Some(memory) = self.memory_mut() else { return };
        memory.writes.wanted = memory.writes.wanted.max(Some(writes));
        self.flush_chain(world);
    }

    fn flush_chain(&mut self, world: &mut World) {
        let delay = self.flush_delay(world, self.settings.chain_flush_us);
        let (place, life) = (self.place, self.life);
        let Some(Memory { writes, chain, .. }) = self.memory_mut() else {
            return;
        };
        if writes.flush.is_some() || writes.wanted.is_none_or(|wanted| wanted.0 > writes.done) {
            return;
        }
        writes.wanted = None;
        writes.flush = Some(ChainFlush {
            covers: writes.log.len(),
            writes: WriteNumber(writes.done),
            height: Height(chain.len() as u64),
        });
        world.schedule_at(place, life, delay, Scheduled::ChainFlushed);
    }

    pub(super) fn on_chain_flushed(&mut self, world: &mut World) {
        let honest = self.honest();
        let Some(process) = &mut self.process else { return };
        let writes = &mut process.memory.writes;
        if let Some(flush) = writes.flush.take() {
            for logged in writes.log.drain(..flush.covers) {
                self.disk.apply(world, honest, logged);
            }
            let (writes, height) = (flush.writes, flush.height);
            self.hear(world, Event::ChainFlushed { writes, height });
        }
        self.flush_chain(world);
    }
}
