//! The journal beside a payment file: what was signed, on disk before it is sent.
//!
//! One JSON document a line, only ever appended to. A line that was not finished was never acted on, so a
//! torn tail is cut off. A section begins with what is paid where and by whom; the same journal may have
//! sections of several networks or labels, and only the matching one counts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use quorate_client::Bytes;
use quorate_ledger::{Address, Digest, Height, Timestamp};
use quorate_tools::failure::Failure;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::plan::{Batch, Unit};

/// A line of the journal.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// A section begins, or is gone on with.
    Payment {
        version: u32,
        file: Digest,
        network: Digest,
        sender: Address,
        label: String,
        rows: usize,
    },
    /// What was found on the ledger is noted; from here on the section is complete.
    Ready,
    /// A transaction was signed, and may be sent from now on.
    Signed {
        first: usize,
        count: usize,
        id: Digest,
        expires_at: u64,
        transaction: String,
    },
    /// What became of one.
    Settled {
        id: Digest,
        how: How,
        height: Option<Height>,
        index: Option<u32>,
    },
    /// The rows of a chunk are paid one by one.
    RowByRow { first: usize },
    /// A node that is not believed says that it refuses a chunk for one of its rows.
    Claimed { first: usize },
    /// All certified blocks up to this one were looked through for what others paid of the file.
    Searched { height: Height },
    /// A transaction was built for others to sign, who may submit it until it expires.
    Built {
        first: usize,
        count: usize,
        id: Digest,
        expires_at: u64,
        transaction: String,
    },
}

/// What became of a signed transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    /// Its rows are paid.
    Committed,
    /// It was executed, failed, and can never be executed again.
    Failed,
    /// A certified block is past its expiry and it was not executed.
    Expired,
    /// Every node that saw it refused it.
    Refused,
}

/// A signed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    /// Its id.
    pub(crate) id: Digest,
    /// When it expires.
    pub(crate) expires_at: Timestamp,
    /// Its canonical bytes.
    pub(crate) bytes: Bytes,
    /// Whether it may be on its way: it was perhaps sent, and nobody has said what became of it.
    pub(crate) in_doubt: bool,
}

/// That rows are paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paid {
    /// By which transaction.
    pub(crate) id: Digest,
    /// In which block.
    pub(crate) height: Height,
    /// At which place of it.
    pub(crate) index: u32,
}

/// What is known about the payment of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// Paid rows.
    pub(crate) paid: BTreeMap<usize, Paid>,
    /// The one transaction for a unit that can still be executed.
    pub(crate) live: BTreeMap<Unit, Signed>,
    /// Expiries at which a unit's transaction was executed and failed.
    pub(crate) failed: BTreeMap<Unit, BTreeSet<Timestamp>>,
    /// Chunks, by first row, whose rows are paid one by one.
    pub(crate) row_by_row: BTreeSet<usize>,
    /// Chunks, by first row, that a node which is not believed says it refuses for one of their rows.
    pub(crate) claimed: BTreeSet<usize>,
    /// What was built last of each unit for others to sign.
    pub(crate) built: BTreeMap<Unit, Signed>,
    /// Up to which certified block all were looked through for what others paid.
    pub(crate) searched: Height,
}

/// The journal, open for appending and locked.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
}

/// A journal that was opened.
pub(crate) struct Opened {
    /// It.
    pub(crate) journal: Journal,
    /// By which of the names its section goes on, or is to begin.
    pub(crate) batch: Batch,
    /// What its matching section says; none if there is no such section.
    pub(crate) known: Option<Known>,
}

/// The journal's path: the file's, with another ending.
pub(crate) fn path_of(file: &Path) -> PathBuf {
    with_suffix(file, ".journal")
}

/// A path with something appended to its last part.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

impl Journal {
    /// What the journal of `file` says, if there is one and it has a section of the payment; nothing is
    /// written.
    pub(crate) fn look(file: &Path, names: &Names) -> Result<Option<Known>, Failure> {
        let path = path_of(file);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::failed(format!("{}: {error}", path.display()))),
        };
        Ok(names.section(&path, whole_lines(&text))?.1)
    }

    /// Opens the journal of `file`, making it if it is not there, and reads the section of the payment.
    pub(crate) fn open(file: &Path, names: &Names) -> Result<Opened, Failure> {
        let path = path_of(file);
        let unwritable = |error: std::io::Error| Failure::unwritable(&path, &error);
        let mut handle = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(unwritable)?;
        match flock(&handle, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(Failure::failed(format!(
                    "{} is in use: another `wallet pay` is at this file",
                    path.display()
                )));
            }
            Err(error) => return Err(unwritable(error.into())),
        }
        let mut text = Vec::new();
        handle.read_to_end(&mut text).map_err(unwritable)?;
        let whole = whole_lines(&text);
        handle.set_len(whole.len() as u64).map_err(unwritable)?;
        handle.seek(SeekFrom::End(0)).map_err(unwritable)?;
        // The file's name must survive a crash as its lines do.
        if let Some(parent) = path.parent() {
            let parent = if parent.as_os_str().is_empty() {
                Path::new(".")
            } else {
                parent
            };
            File::open(parent)
                .and_then(|folder| folder.sync_all())
                .map_err(unwritable)?;
        }
        let (batch, known) = names.section(&path, whole)?;
        Ok(Opened {
            batch: batch.clone(),
            journal: Self { path, file: handle },
            known,
        })
    }

    /// The journal's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Begins a section or goes on with it. A new one counts only after [`ready`](Self::ready).
    pub(crate) fn begin(&mut self, batch: &Batch, rows: usize) -> Result<(), Failure> {
        self.append(&Line::Payment {
            version: 1,
            file: batch.file,
            network: batch.network,
            sender: batch.sender,
            label: batch.label.clone(),
            rows,
        })
    }

    /// Notes that everything executed before is in the section. Nothing was sent in its name yet.
    pub(crate) fn ready(&mut self) -> Result<(), Failure> {
        self.append(&Line::Ready)?;
        self.flush()
    }

    /// Notes a signed transaction. It may be sent once this has returned.
    pub(crate) fn signed(&mut self, unit: Unit, signed: &Signed) -> Result<(), Failure> {
        self.append(&Line::Signed {
            first: unit.first,
            count: unit.count,
            id: signed.id,
            expires_at: signed.expires_at.0,
            transaction: hex::encode(&signed.bytes),
        })?;
        self.flush()
    }

    /// Notes a transaction that was found executed on the ledger, with what became of it.
    pub(crate) fn found(
        &mut self,
        unit: Unit,
        expires_at: Timestamp,
        how: How,
        place: Paid,
    ) -> Result<(), Failure> {
        let Paid { id, height, index } = place;
        self.append(&Line::Signed {
            first: unit.first,
            count: unit.count,
            id,
            expires_at: expires_at.0,
            transaction: String::new(),
        })?;
        self.append(&Line::Settled {
            id,
            how,
            height: Some(height),
            index: Some(index),
        })
    }

    /// Notes what became of a transaction.
    pub(crate) fn settled(&mut self, id: Digest, how: How, place: Option<Paid>) -> Result<(), Failure> {
        let (height, index) = place.map_or((None, None), |place| (Some(place.height), Some(place.index)));
        self.append(&Line::Settled {
            id,
            how,
            height,
            index,
        })
    }

    /// Notes that the rows of a chunk are paid one by one.
    pub(crate) fn row_by_row(&mut self, first: usize) -> Result<(), Failure> {
        self.append(&Line::RowByRow { first })?;
        self.flush()
    }

    /// Notes what a node says that is not believed: once what was signed has expired, the chunk's rows are
    /// paid one by one.
    pub(crate) fn claimed(&mut self, first: usize) -> Result<(), Failure> {
        self.append(&Line::Claimed { first })?;
        self.flush()
    }

    /// Notes up to which certified block all were looked through for what others paid. What was found is noted
    /// before.
    pub(crate) fn searched(&mut self, height: Height) -> Result<(), Failure> {
        self.append(&Line::Searched { height })
    }

    /// Notes what was built for others to sign. It may leave once it was [flushed](Self::flush).
    pub(crate) fn built(&mut self, unit: Unit, built: &Signed) -> Result<(), Failure> {
        self.append(&Line::Built {
            first: unit.first,
            count: unit.count,
            id: built.id,
            expires_at: built.expires_at.0,
            transaction: hex::encode(&built.bytes),
        })
    }

    /// Brings everything that was noted to the disk.
    pub(crate) fn flush(&self) -> Result<(), Failure> {
        self.file
            .sync_data()
            .map_err(|error| Failure::unwritable(&self.path, &error))
    }

    fn append(&mut self, line: &Line) -> Result<(), Failure> {
        let mut text = serde_json::to_vec(line)
            .map_err(|error| Failure::failed(format!("{}: {error}", self.path.display())))?;
        text.push(b'\n');
        self.file
            .write_all(&text)
            .map_err(|error| Failure::unwritable(&self.path, &error))
    }
}

/// The lines that were finished.
fn whole_lines(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte == b'\n');
    end.map_or(&[], |end| text.get(..=end).unwrap_or_default())
}

/// The names of one payment: by its rows, and by the bytes of its file, as journals and salts had it before.
/// An older journal goes on under its own name, and a history is searched for both.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// By its rows.
    pub(crate) rows: Batch,
    /// By the bytes that its file may have had.
    pub(crate) older: Vec<Batch>,
}

impl Names {
    /// The names of a payment that is otherwise described by `batch`.
    pub(crate) fn new(batch: Batch, older: impl IntoIterator<Item = Digest>) -> Self {
        let by_bytes = |file| Batch {
            file,
            ..batch.clone()
        };
        Self {
            older: older.into_iter().map(by_bytes).collect(),
            rows: batch,
        }
    }

    /// Under which name a journal goes on, and what it says.
    fn section(&self, path: &Path, text: &[u8]) -> Result<(&Batch, Option<Known>), Failure> {
        for older in &self.older {
            if let Ok(Some(known)) = read(path, text, older) {
                return Ok((older, Some(known)));
            }
        }
        Ok((&self.rows, read(path, text, &self.rows)?))
    }
}

/// Reads the section of `batch`. A section of the same payment by the same sender, but of a file with other
/// contents, means that the file was changed: its rows may have been paid as part of the old one.
fn read(path: &Path, text: &[u8], batch: &Batch) -> Result<Option<Known>, Failure> {
    let mut known = Known::default();
    let mut ready = false;
    let mut changed = false;
    let mut ours = false;
    let mut units: BTreeMap<Digest, (Unit, Timestamp)> = BTreeMap::new();
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let damaged = |reason: String| {
            Failure::failed(format!(
                "{}: line {} is damaged: {reason}",
                path.display(),
                number + 1
            ))
            .hint("without the journal, `wallet pay` finds in the sender's history what was executed")
        };
        let line: Line = serde_json::from_slice(line).map_err(|error| damaged(error.to_string()))?;
        match line {
            Line::Payment {
                version,
                file,
                network,
                sender,
                label,
                rows: _,
            } => {
                if version != 1 {
                    return Err(damaged(format!("version {version}, this program reads 1")));
                }
                let same = network == batch.network && sender == batch.sender && label == batch.label;
                ours = same && file == batch.file;
                changed |= same && file != batch.file;
                if ours && !ready {
                    known = Known::default();
                }
            }
            _ if !ours => {}
            Line::Ready => ready = true,
            line => known.take(line, &mut units).map_err(damaged)?,
        }
    }
    if !ready && changed {
        return Err(Failure::usage(format!(
            "{} is of a file with other contents: rows that it had then may be paid already",
            path.display()
        ))
        .hint(
            "put new payments into a file of another name; to pay all rows of this one, give --again LABEL",
        ));
    }
    Ok(ready.then_some(known))
}

impl Known {
    /// Whether all rows of a unit are paid.
    pub(crate) fn is_paid(&self, unit: Unit) -> bool {
        unit.range().all(|row| self.paid.contains_key(&row))
    }

    /// Whether a chunk's rows are paid one by one: so it was decided, or some of them are paid already.
    pub(crate) fn is_row_by_row(&self, unit: Unit) -> bool {
        let partly = || unit.range().any(|row| self.paid.contains_key(&row));
        unit.count > 1 && (self.row_by_row.contains(&unit.first) || partly())
    }

    /// What was built for others to sign, can still be executed at this certified time, and pays rows that
    /// are not paid.
    pub(crate) fn open_built(&self, at: Timestamp) -> impl Iterator<Item = (Unit, &Signed)> {
        self.built
            .iter()
            .map(|(unit, built)| (*unit, built))
            .filter(move |(unit, built)| {
                let failed = self.failed.get(unit);
                let is_spent = failed.is_some_and(|failed| failed.contains(&built.expires_at));
                built.expires_at > at && !is_spent && !self.is_paid(*unit)
            })
    }

    /// Until when something that was sent, or may have been, can still pay rows that are not paid.
    pub(crate) fn sent_until(&self, at: Timestamp) -> Option<Timestamp> {
        let open = self
            .live
            .iter()
            .filter(|(unit, live)| live.in_doubt && live.expires_at > at && !self.is_paid(**unit));
        open.map(|(_, live)| live.expires_at).max()
    }

    fn take(&mut self, line: Line, units: &mut BTreeMap<Digest, (Unit, Timestamp)>) -> Result<(), String> {
        match line {
            Line::Payment { .. } | Line::Ready => {}
            Line::RowByRow { first } => {
                self.row_by_row.insert(first);
            }
            Line::Claimed { first } => {
                self.claimed.insert(first);
            }
            Line::Searched { height } => self.searched = self.searched.max(height),
            Line::Built {
                first,
                count,
                id,
                expires_at,
                transaction,
            } => {
                let bytes = hex::decode(transaction).map_err(|error| error.to_string())?;
                let built = Signed {
                    id,
                    expires_at: Timestamp(expires_at),
                    bytes: Bytes::from(bytes),
                    in_doubt: true,
                };
                self.built.insert(Unit { first, count }, built);
            }
            Line::Signed {
                first,
                count,
                id,
                expires_at,
                transaction,
            } => {
                let unit = Unit { first, count };
                let bytes = hex::decode(transaction).map_err(|error| error.to_string())?;
                let expires_at = Timestamp(expires_at);
                units.insert(id, (unit, expires_at));
                // Without bytes it was found on the ledger, and says nothing about what was signed here. The
                // newest of those is the one that may live: an older one was given up before it.
                if !bytes.is_empty() {
                    self.live.insert(
                        unit,
                        Signed {
                            id,
                            expires_at,
                            bytes: Bytes::from(bytes),
                            in_doubt: true,
                        },
                    );
                }
            }
            Line::Settled {
                id,
                how,
                height,
                index,
            } => {
                let known = units.get(&id).copied();
                let (unit, expires_at) = known.ok_or_else(|| format!("{id} was never signed"))?;
                let place = height
                    .zip(index)
                    .map(|(height, index)| Paid { id, height, index });
                self.settle(unit, id, how, place)?;
                if how == How::Failed {
                    self.failed.entry(unit).or_default().insert(expires_at);
                }
            }
        }
        Ok(())
    }

    /// Draws the conclusions from what became of a unit's transaction.
    pub(crate) fn settle(
        &mut self,
        unit: Unit,
        id: Digest,
        how: How,
        place: Option<Paid>,
    ) -> Result<(), String> {
        if how == How::Refused {
            if let Some(live) = self.live.get_mut(&unit).filter(|live| live.id == id) {
                live.in_doubt = false;
            }
            return Ok(());
        }
        let removed = match self.live.get(&unit) {
            Some(live) if live.id == id => self.live.remove(&unit),
            _ => None,
        };
        match how {
            How::Committed => {
                let place = place.ok_or_else(|| format!("{id} is committed nowhere"))?;
                self.paid.extend(unit.range().map(|row| (row, place)));
            }
            How::Failed => {
                let failed = self.failed.entry(unit).or_default();
                failed.extend(removed.map(|signed| signed.expires_at));
                if unit.count > 1 {
                    self.row_by_row.insert(unit.first);
                }
            }
            How::Expired | How::Refused => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use quorate_crypto::sha256;

    use super::*;

    fn batch(file: &[u8]) -> Batch {
        Batch {
            network: sha256(b"network"),
            sender: Address([1; 20]),
            file: sha256(file),
            label: String::new(),
            max_expiry_lead_ms: 86_400_000,
        }
    }

    /// Named by its rows alone: no file has these bytes.
    fn names(batch: Batch) -> Names {
        Names::new(batch, [sha256(b"bytes")])
    }

    fn signed(number: u8) -> Signed {
        Signed {
            id: sha256(&[number]),
            expires_at: Timestamp(u64::from(number)),
            bytes: Bytes::from(vec![number; 10]),
            in_doubt: true,
        }
    }

    const FIRST: Unit = Unit { first: 0, count: 100 };
    const SECOND: Unit = Unit { first: 100, count: 1 };

    fn known(file: &Path) -> Known {
        Journal::open(file, &names(batch(b"a"))).unwrap().known.unwrap()
    }

    #[test]
    fn what_was_signed_and_settled_is_known_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p.csv");
        {
            let Opened {
                mut journal, known, ..
            } = Journal::open(&file, &names(batch(b"a"))).unwrap();
            assert_eq!(known, None);
            journal.begin(&batch(b"a"), 101).unwrap();
            journal.ready().unwrap();
            journal.signed(FIRST, &signed(1)).unwrap();
            journal.signed(SECOND, &signed(2)).unwrap();
            let place = Paid {
                id: signed(2).id,
                height: Height(7),
                index: 3,
            };
            journal
                .settled(signed(2).id, How::Committed, Some(place))
                .unwrap();
        }
        let known = known(&file);
        assert_eq!(known.live, BTreeMap::from([(FIRST, signed(1))]));
        assert_eq!(known.paid.keys().copied().collect::<Vec<_>>(), [100]);
    }

    #[test]
    fn a_torn_tail_is_cut_off_and_the_journal_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p.csv");
        {
            let mut journal = Journal::open(&file, &names(batch(b"a"))).unwrap().journal;
            journal.begin(&batch(b"a"), 101).unwrap();
            journal.ready().unwrap();
            journal.signed(FIRST, &signed(1)).unwrap();
        }
        let path = path_of(&file);
        let text = std::fs::read(&path).unwrap();
        std::fs::write(&path, [text.as_slice(), b"{\"signed\":{\"fir"].concat()).unwrap();
        let mut journal = Journal::open(&file, &names(batch(b"a"))).unwrap().journal;
        journal.signed(SECOND, &signed(2)).unwrap();
        drop(journal);
        assert_eq!(known(&file).live.len(), 2);
    }

    #[test]
    fn a_section_that_was_not_ready_counts_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p.csv");
        {
            let mut journal = Journal::open(&file, &names(batch(b"a"))).unwrap().journal;
            let place = Paid {
                id: signed(1).id,
                height: Height(7),
                index: 3,
            };
            journal.begin(&batch(b"a"), 101).unwrap();
            journal.found(FIRST, Timestamp(1), How::Committed, place).unwrap();
        }
        assert_eq!(Journal::open(&file, &names(batch(b"a"))).unwrap().known, None);
    }

    #[test]
    fn sections_of_two_labels_do_not_mix() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p.csv");
        let again = Batch {
            label: "again".to_owned(),
            ..batch(b"a")
        };
        for (batch, number) in [(batch(b"a"), 1), (again.clone(), 2), (batch(b"a"), 3)] {
            let mut journal = Journal::open(&file, &names(batch.clone())).unwrap().journal;
            journal.begin(&batch, 101).unwrap();
            journal.ready().unwrap();
            journal
                .signed(
                    Unit {
                        first: usize::from(number),
                        count: 1,
                    },
                    &signed(number),
                )
                .unwrap();
        }
        assert_eq!(
            known(&file)
                .live
                .values()
                .map(|signed| signed.id)
                .collect::<Vec<_>>(),
            [signed(1).id, signed(3).id]
        );
        assert_eq!(
            Journal::open(&file, &names(again.clone()))
                .unwrap()
                .known
                .unwrap()
                .live
                .len(),
            1
        );
    }

    #[test]
    fn damage_in_the_middle_is_not_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p.csv");
        std::fs::write(path_of(&file), "nonsense\n{}\n").unwrap();
        let error = Journal::open(&file, &names(batch(b"a"))).err().unwrap();
        assert!(error.to_string().contains("line 1"), "{error}");
    }

    #[test]
    fn a_file_that_was_changed_since_is_refused_and_another_network_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p.csv");
        let mut journal = Journal::open(&file, &names(batch(b"a"))).unwrap().journal;
        journal.begin(&batch(b"a"), 1).unwrap();
        journal.ready().unwrap();
        drop(journal);
        assert!(Journal::open(&file, &names(batch(b"b"))).is_err());
        let elsewhere = Batch {
            network: sha256(b"another network"),
            ..batch(b"b")
        };
        assert_eq!(
            Journal::open(&file, &names(elsewhere.clone())).unwrap().known,
            None
        );
    }

    #[test]
    fn a_second_run_at_the_same_time_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p.csv");
        let held = Journal::open(&file, &names(batch(b"a"))).unwrap();
        assert!(Journal::open(&file, &names(batch(b"a"))).is_err());
        drop(held);
        Journal::open(&file, &names(batch(b"a"))).unwrap();
    }

    #[test]
    fn a_failed_chunk_is_paid_row_by_row_and_its_expiry_is_remembered() {
        let mut known = Known::default();
        known.live.insert(FIRST, signed(1));
        known.settle(FIRST, signed(1).id, How::Failed, None).unwrap();
        assert!(known.live.is_empty());
        assert_eq!(known.row_by_row, BTreeSet::from([0]));
        assert_eq!(known.failed[&FIRST], BTreeSet::from([Timestamp(1)]));
    }

    #[test]
    fn what_others_signed_does_not_take_the_place_of_what_was_signed_here() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p.csv");
        {
            let mut journal = Journal::open(&file, &names(batch(b"a"))).unwrap().journal;
            journal.begin(&batch(b"a"), 101).unwrap();
            journal.ready().unwrap();
            journal.signed(FIRST, &signed(5)).unwrap();
            let place = Paid {
                id: signed(3).id,
                height: Height(7),
                index: 3,
            };
            journal.found(FIRST, Timestamp(3), How::Failed, place).unwrap();
        }
        let known = known(&file);
        assert_eq!(known.live, BTreeMap::from([(FIRST, signed(5))]));
        assert_eq!(known.failed[&FIRST], BTreeSet::from([Timestamp(3)]));
    }

    #[test]
    fn how_far_it_was_looked_is_known_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p.csv");
        {
            let mut journal = Journal::open(&file, &names(batch(b"a"))).unwrap().journal;
            journal.begin(&batch(b"a"), 101).unwrap();
            for height in [3, 9, 5] {
                journal.searched(Height(height)).unwrap();
            }
            journal.ready().unwrap();
        }
        assert_eq!(known(&file).searched, Height(9));
    }

    #[test]
    fn what_was_built_is_open_until_it_expires_or_its_rows_are_paid() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p.csv");
        {
            let mut journal = Journal::open(&file, &names(batch(b"a"))).unwrap().journal;
            journal.begin(&batch(b"a"), 101).unwrap();
            journal.ready().unwrap();
            journal.built(FIRST, &signed(8)).unwrap();
            journal.built(SECOND, &signed(9)).unwrap();
        }
        let mut known = known(&file);
        let open = |known: &Known, at| -> Vec<Unit> {
            let open = known.open_built(Timestamp(at));
            open.map(|(unit, _)| unit).collect()
        };
        assert_eq!(open(&known, 7), [FIRST, SECOND]);
        assert_eq!(open(&known, 8), [SECOND]);
        assert_eq!(known.sent_until(Timestamp(7)), None, "built is not sent");
        known.failed.entry(FIRST).or_default().insert(Timestamp(8));
        assert_eq!(open(&known, 7), [SECOND], "what failed cannot be executed again");
        let place = Paid {
            id: signed(9).id,
            height: Height(7),
            index: 3,
        };
        known.paid.insert(100, place);
        assert!(open(&known, 7).is_empty());
    }

    #[test]
    fn a_journal_from_before_rows_named_the_file_goes_on_under_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p.csv");
        let old = Names::new(batch(b"bytes"), []);
        let mut journal = Journal::open(&file, &old).unwrap().journal;
        journal.begin(&old.rows, 101).unwrap();
        journal.ready().unwrap();
        journal.signed(FIRST, &signed(1)).unwrap();
        drop(journal);
        let names = Names::new(batch(b"rows"), [sha256(b"others"), sha256(b"bytes")]);
        let seen = Journal::look(&file, &names).unwrap().unwrap();
        let opened = Journal::open(&file, &names).unwrap();
        assert_eq!(opened.batch.file, sha256(b"bytes"));
        assert_eq!(opened.known.unwrap().live.len(), 1);
        assert_eq!(seen.live.len(), 1);
        let other = Names::new(batch(b"rows"), [sha256(b"other bytes")]);
        drop(opened.journal);
        assert!(
            Journal::open(&file, &other).is_err(),
            "rows may be paid under the old name"
        );
    }
}
