//! Writing a folder of tables, or going on with one. The chain is read in the caller's thread, rows are made and written in
//! another.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use quorate_crypto::merkle::Frontier;
use quorate_genesis::Genesis;
use quorate_ledger::{CertifiedHeader, Digest, Header, Height, HistoryOwner, LogEntry, LogEntryV1, encode};
use quorate_verifier::{CommitteeStep, Proof, ProofBody, ProofFile, Trust};
use serde::Serialize;

use self::day_files::DayFiles;
use crate::books::ChangedBalance;
use crate::csv_files;
use crate::day::Day;
use crate::error::{ExportError, FolderError, WriteError};
use crate::folder::{Folder, read_bounded, write_whole};
use crate::holds::HoldBook;
use crate::making::{MakeError, Maker, Place, block_row};
use crate::manifest::{DayLine, Head, MAX_MANIFEST_BYTES, Manifest, Span};
use crate::source::{ExecutedBlock, ExecutedIntent, Source, Start};
use crate::table::Table;

mod day_files;

/// Blocks that are read ahead of those that are written.
const AHEAD: usize = 64;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// The block that the folder goes up to.
    pub head: Head,
    /// The days that the folder has.
    pub days: usize,
    /// Days that were written now.
    pub written: usize,
    /// Rows that were written now.
    pub rows: u64,
}

/// What is read of the source.
enum Message {
    Block(Box<ExecutedBlock>),
    /// There are no more.
    End,
}

/// Writes the tables of a chain into a folder, or goes on where the folder ends; with `csv` as CSV too. `progress` hears
/// of each block that was read.
///
/// # Errors
/// If the chain cannot be read, the folder not be written, or the two do not belong together. Closed days stay as they
/// are in any case.
pub fn export<S: Source>(
    path: &Path,
    genesis: &Genesis,
    source: &mut S,
    csv: bool,
    progress: &mut dyn FnMut(Height),
) -> Result<Exported, ExportError<S::Error>> {
    let folder = Folder::new(path);
    let lock = folder.lock().map_err(|error| ExportError::Write(error.into()))?;
    let _lock = lock.ok_or(ExportError::Write(WriteError::Busy))?;
    let former = Former::read(&folder, genesis).map_err(ExportError::Write)?;
    let start = source.start();
    former.check_start(&start).map_err(ExportError::Write)?;
    let (sender, receiver) = sync_channel(AHEAD);
    let exported = std::thread::scope(|scope| -> Result<Exported, ExportError<S::Error>> {
        let writing = scope.spawn(|| Writer::new(&folder, genesis, former, start).run(receiver));
        let read = feed(source, sender, progress);
        let written = writing.join().expect("the writing thread does not panic");
        // That nothing more was read is why nothing more was written.
        read.map_err(ExportError::Source)?;
        written.map_err(ExportError::Write)
    })?;
    if csv {
        csv_files::write(&folder).map_err(|error| ExportError::Write(error.into()))?;
    }
    Ok(exported)
}

/// Reads all blocks, or as many as are taken.
fn feed<S: Source>(
    source: &mut S,
    sender: SyncSender<Message>,
    progress: &mut dyn FnMut(Height),
) -> Result<(), S::Error> {
    while let Some(block) = source.next_block()? {
        let height = block.certified.v1().height;
        if sender.send(Message::Block(Box::new(block))).is_err() {
            return Ok(());
        }
        progress(height);
    }
    // If nobody listens any more, that is said elsewhere.
    let _ = sender.send(Message::End);
    Ok(())
}

/// What a folder has already.
struct Former {
    /// The head; none of a folder that has nothing.
    head: Option<Head>,
    closed: Vec<DayLine>,
    steps: Vec<CommitteeStep>,
}

impl Former {
    fn read(folder: &Folder, genesis: &Genesis) -> Result<Self, WriteError> {
        if !folder.has_manifest() {
            return Ok(Self {
                head: None,
                closed: Vec::new(),
                steps: Vec::new(),
            });
        }
        let path = folder.manifest();
        let text = read_bounded(&path, MAX_MANIFEST_BYTES)?;
        let manifest = Manifest::read(&text).map_err(|reason| FolderError::malformed(&path, reason))?;
        if manifest.network != genesis.id() {
            return Err(WriteError::OtherNetwork {
                found: manifest.network,
                network: genesis.id(),
            });
        }
        let mut closed = manifest.days;
        closed.pop();
        Ok(Self {
            head: Some(manifest.head),
            closed,
            steps: read_steps(folder)?,
        })
    }

    /// The last block of the closed days.
    fn end(&self) -> Height {
        let last = self.closed.last();
        last.map_or(Height::GENESIS, DayLine::last_height)
    }

    fn check_start(&self, start: &Start) -> Result<(), WriteError> {
        let (after, from) = (self.end(), start.height());
        if from > after {
            return Err(WriteError::StartsLate { after, from });
        }
        Ok(())
    }
}

/// How committees followed each other, as the head's proof has it.
fn read_steps(folder: &Folder) -> Result<Vec<CommitteeStep>, FolderError> {
    let path = folder.head_proof();
    let limit = u64::try_from(quorate_verifier::MAX_FILE_BYTES).unwrap_or(u64::MAX);
    let text = read_bounded(&path, limit)?;
    let file =
        ProofFile::read(&text).map_err(|refusal| FolderError::malformed(&path, refusal.to_string()))?;
    let Some(Proof::V1(proof)) = file.committees else {
        return Ok(Vec::new());
    };
    match proof.body {
        ProofBody::Committees { steps, .. } => Ok(steps),
        _ => Ok(Vec::new()),
    }
}

/// Makes and writes rows of blocks that come in order.
struct Writer<'a> {
    folder: &'a Folder,
    genesis: &'a Genesis,
    maker: Maker,
    former: Former,
    lines: Vec<DayLine>,
    steps: Vec<CommitteeStep>,
    /// The log so far.
    log: Frontier,
    newest: Newest,
    day: Option<DayFiles<'a>>,
    written: usize,
    rows: u64,
}

/// The newest block.
enum Newest {
    /// The one before the first that was given; none at genesis.
    Before(Option<Box<Header>>),
    Given(Box<HeadBlock>),
}

/// A block with what a proof of it needs.
struct HeadBlock {
    certified: CertifiedHeader,
    before: Option<Header>,
    /// The log before it.
    log: Frontier,
    entries: Vec<LogEntry>,
}

impl Newest {
    fn header(&self) -> Option<&Header> {
        match self {
            Self::Before(header) => header.as_deref(),
            Self::Given(block) => Some(&block.certified.header),
        }
    }
}

impl<'a> Writer<'a> {
    fn new(folder: &'a Folder, genesis: &'a Genesis, mut former: Former, start: Start) -> Self {
        let from = start.height();
        // What the source gives itself is not taken twice.
        let mut steps = std::mem::take(&mut former.steps);
        steps.retain(|step| match step {
            CommitteeStep::Certificate { head, .. } => head.v1().height <= from,
            CommitteeStep::Recovery(_) => false,
        });
        Self {
            folder,
            genesis,
            maker: Maker::new(start.decimals, HoldBook::new(start.holds)),
            lines: former.closed.clone(),
            former,
            steps,
            log: start.log,
            newest: Newest::Before(start.before.map(Box::new)),
            day: None,
            written: 0,
            rows: 0,
        }
    }

    fn run(mut self, blocks: Receiver<Message>) -> Result<Exported, WriteError> {
        loop {
            match blocks.recv() {
                Ok(Message::Block(block)) => self.block(*block)?,
                Ok(Message::End) => return self.finish(),
                // The chain could not be read to its end, which is said by whoever reads it.
                Err(_) => return Err(WriteError::NoBlock),
            }
        }
    }

    fn block(&mut self, block: ExecutedBlock) -> Result<(), WriteError> {
        let ExecutedBlock {
            certified,
            transactions,
            next,
        } = block;
        let header = certified.v1();
        let height = header.height;
        let before = self.newest.header().cloned();
        let last = before
            .as_ref()
            .map_or(Height::GENESIS, |header| header.v1().height);
        if height != last.next() {
            return Err(WriteError::Gap {
                got: height,
                before: last,
            });
        }
        let hash = certified.hash();
        self.check_former(height, hash)?;
        let log = self.log.clone();
        let unfit = |error: MakeError| WriteError::Unfit {
            height,
            reason: error.to_string(),
        };
        if height <= self.former.end() {
            for executed in &transactions {
                let noted = self.maker.note(executed.intent.v1(), &executed.entry);
                noted.map_err(|error| unfit(error.into()))?;
                self.log.push_hash(executed.leaf);
            }
        } else {
            self.open_day(&certified.header)?;
            self.rows_of(&certified.header, &hash, &transactions)
                .map_err(unfit)?;
            let count = u64::try_from(transactions.len()).unwrap_or(u64::MAX);
            if let Some(day) = &mut self.day {
                day.end_block(hash, count)?;
            }
        }
        if let Some(next) = next {
            let head = certified.clone();
            self.steps.push(CommitteeStep::Certificate { head, next });
        }
        let entries = transactions.into_iter();
        let entries = entries.map(|executed| LogEntry::V1(LogEntryV1::Transaction(executed.entry)));
        self.newest = Newest::Given(Box::new(HeadBlock {
            certified,
            before,
            log,
            entries: entries.collect(),
        }));
        Ok(())
    }

    /// Compares a block with what the folder has.
    fn check_former(&self, height: Height, expected: Digest) -> Result<(), WriteError> {
        let closed = self.former.closed.iter();
        let closed = closed.map(|line| (line.last_height(), line.last));
        let head = self.former.head.iter().map(|head| (head.height, head.hash));
        for (at, found) in closed.chain(head) {
            if at == height && found != expected {
                return Err(WriteError::OtherChain {
                    height,
                    found,
                    expected,
                });
            }
        }
        Ok(())
    }

    /// Begins the day of a block, if it is another than that of the block before.
    fn open_day(&mut self, header: &Header) -> Result<(), WriteError> {
        let fields = header.v1();
        let unfit = |reason: &str| WriteError::Unfit {
            height: fields.height,
            reason: reason.to_owned(),
        };
        self.open_genesis_day(&unfit)?;
        let day = Day::of(fields.timestamp).ok_or_else(|| unfit("it is later than the year 9999"))?;
        let open = self.day.as_ref().map(DayFiles::day);
        if open == Some(day) {
            return Ok(());
        }
        let newest = open.or_else(|| self.lines.last().map(|line| line.day));
        if newest.is_some_and(|newest| newest >= day) {
            return Err(unfit("it is not of a later day than the blocks of closed days"));
        }
        self.close_day()?;
        let span = Span {
            first_height: fields.height,
            blocks: 0,
            first_ordinal: self.log.length(),
            transactions: 0,
            last: fields.previous,
        };
        self.day = Some(DayFiles::begin(self.folder, self.genesis.id(), day, span));
        Ok(())
    }

    /// Begins with what genesis gives, in the day of its time.
    fn open_genesis_day(&mut self, unfit: &dyn Fn(&str) -> WriteError) -> Result<(), WriteError> {
        if self.day.is_some() || !self.lines.is_empty() {
            return Ok(());
        }
        let day = Day::of(self.genesis.time()).ok_or_else(|| unfit("genesis is later than the year 9999"))?;
        let span = Span {
            first_height: Height::GENESIS.next(),
            blocks: 0,
            first_ordinal: 0,
            transactions: 0,
            last: self.genesis.id(),
        };
        let mut files = DayFiles::begin(self.folder, self.genesis.id(), day, span);
        let made = self.maker.genesis(files.rows(), self.genesis);
        made.map_err(|error| unfit(&error.to_string()))?;
        if !files.rows().of(Table::Balances).is_empty() {
            self.day = Some(files);
        }
        Ok(())
    }

    fn close_day(&mut self) -> Result<(), WriteError> {
        if let Some(day) = self.day.take() {
            let (line, rows) = day.finish()?;
            self.lines.push(line);
            self.written += 1;
            self.rows = self.rows.saturating_add(rows);
        }
        Ok(())
    }

    fn rows_of(
        &mut self,
        header: &Header,
        hash: &Digest,
        transactions: &[ExecutedIntent],
    ) -> Result<(), MakeError> {
        let Some(day) = &mut self.day else {
            return Ok(());
        };
        let out = day.rows();
        block_row(out.of_mut(Table::Blocks), header, hash, self.log.length())?;
        for executed in transactions {
            let ExecutedIntent {
                entry,
                leaf,
                intent,
                steps,
            } = executed;
            let place = Place {
                ordinal: self.log.length(),
                height: entry.height,
                timestamp: entry.timestamp,
            };
            let mut changed = Vec::new();
            for step in steps {
                let HistoryOwner::Account(account) = step.owner else {
                    continue;
                };
                changed.extend(step.step.changes.iter().map(|change| ChangedBalance {
                    account,
                    entry: step.step.number,
                    change: *change,
                }));
            }
            let effects = self.maker.note(intent.v1(), entry)?;
            let own = out.of_mut(Table::Transactions);
            self.maker
                .own_row(own, &place, entry, intent.v1(), &encode(intent))?;
            self.maker
                .derived_rows(out, &place, intent.v1(), &effects, &changed)?;
            self.log.push_hash(*leaf);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Exported, WriteError> {
        let chain = self
            .newest
            .header()
            .map_or(Height::GENESIS, |header| header.v1().height);
        if let Some(head) = self.former.head.as_ref().filter(|head| head.height > chain) {
            return Err(WriteError::EndsEarly {
                folder: head.height,
                chain,
            });
        }
        let Newest::Given(newest) = std::mem::replace(&mut self.newest, Newest::Before(None)) else {
            return Err(WriteError::NoBlock);
        };
        self.close_day()?;
        let header = newest.certified.v1();
        let head = Head {
            epoch: header.epoch,
            height: header.height,
            hash: newest.certified.hash(),
            time: header.timestamp.to_string(),
            log_size: header.log_size,
        };
        let proof = head_proof(self.genesis.id(), *newest, self.steps);
        // What the manifest closes is not written again: it is on disk before.
        self.folder.sync()?;
        write_whole(&self.folder.head_proof(), proof.write().as_bytes())?;
        let days = self.lines.len();
        let manifest = Manifest::new(self.genesis.id(), head.clone(), self.lines);
        write_whole(&self.folder.manifest(), manifest.write().as_bytes())?;
        Ok(Exported {
            head,
            days,
            written: self.written,
            rows: self.rows,
        })
    }
}

/// The proof of the newest block, and of the committees up to its epoch.
fn head_proof(network: Digest, block: HeadBlock, mut steps: Vec<CommitteeStep>) -> ProofFile {
    let epoch = block.certified.v1().epoch;
    // Its own last block may name a later committee already.
    steps.retain(|step| matches!(step, CommitteeStep::Certificate { next, .. } if next.epoch() <= epoch));
    let committees = (!steps.is_empty()).then(|| {
        let trust = Trust::Genesis;
        Proof::new(network, ProofBody::Committees { trust, steps })
    });
    let HeadBlock {
        certified,
        before,
        log,
        entries,
    } = block;
    let proof = Proof::new(
        network,
        ProofBody::Block {
            head: certified,
            before,
            log,
            entries,
            shown: Vec::new(),
        },
    );
    ProofFile { proof, committees }
}
