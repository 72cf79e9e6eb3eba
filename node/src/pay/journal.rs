//! The journal beside a payment file: what was signed, on disk before it is sent.
//!
//! One JSON document a line, only ever appended to. A line that was not finished was never acted on, so a
//! torn tail is cut off. A section begins with what is paid where and by whom; the same journal may have
//! sections of several networks or labels, and only the matching one counts.

mod known;
mod lines;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use quorate_ledger::{Digest, Height, Timestamp};
use quorate_tools::failure::Failure;
use rustix::fs::{FlockOperation, flock};

pub(crate) use self::known::{How, Known, Paid, Signed};
pub(crate) use self::lines::Names;
use self::lines::{Line, whole_lines};
use super::plan::{Batch, Unit};

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

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use quorate_client::Bytes;
    use quorate_crypto::sha256;
    use quorate_ledger::Address;

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

    /// Where the transaction of this number was executed.
    fn place_of(number: u8) -> Paid {
        Paid {
            id: signed(number).id,
            height: Height(7),
            index: 3,
        }
    }

    const FIRST: Unit = Unit { first: 0, count: 100 };
    const SECOND: Unit = Unit { first: 100, count: 1 };

    /// The journal of a payment of 101 rows, opened, and its section begun and complete.
    fn begun(file: &Path) -> Journal {
        let mut journal = Journal::open(file, &names(batch(b"a"))).unwrap().journal;
        journal.begin(&batch(b"a"), 101).unwrap();
        journal.ready().unwrap();
        journal
    }

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
            let place = place_of(2);
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
            let mut journal = begun(&file);
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
            let place = place_of(1);
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
            let mut journal = begun(&file);
            journal.signed(FIRST, &signed(5)).unwrap();
            let place = place_of(3);
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
            let mut journal = begun(&file);
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
        let place = place_of(9);
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
