//! The two files beside a payment file.
//!
//! `FILE.journal` has what was signed, on disk before it is sent (`docs/formats.md`, section 18): all that must not be
//! lost while it is under way. `FILE.outcomes` has what became of it: one JSON document a line. A section of it begins
//! with what is paid where and by whom; the same file may have sections of several networks or labels, and only the
//! matching one counts. Whatever it says can be found on the ledger again, so without it no row is paid twice either.
//!
//! Both are only ever appended to. What was not finished was never acted on, so a torn tail is cut off.

mod frames;
mod known;
mod lines;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use quorate_ledger::{Digest, Height, Timestamp};
use quorate_tools::failure::Failure;
use rustix::fs::{FlockOperation, flock};

use self::frames::{Frame, HEADER, frame_of};
pub(crate) use self::known::{How, Known, Paid, Signed};
use self::lines::{Line, Section, VERSION, other_contents, whole_lines};
use super::file::Row;
use super::plan::{Batch, Names, Unit};

/// Both files, open for appending and locked.
pub(crate) struct Journal {
    signed: Appended,
    outcomes: Appended,
}

/// A file that is appended to.
struct Appended {
    path: PathBuf,
    file: File,
}

/// A payment whose files are looked at.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// The payment file.
    pub(crate) file: &'a Path,
    /// What its transactions share.
    pub(crate) names: &'a Names,
    /// Its rows.
    pub(crate) rows: &'a [Row],
}

/// A journal that was opened.
pub(crate) struct Opened {
    /// It.
    pub(crate) journal: Journal,
    /// What it says about the payment; nothing if it says nothing.
    pub(crate) known: Known,
}

/// The journal's path: the file's, with another ending.
pub(crate) fn path_of(file: &Path) -> PathBuf {
    with_suffix(file, ".journal")
}

fn outcomes_of(file: &Path) -> PathBuf {
    with_suffix(file, ".outcomes")
}

/// A path with something appended to its last part.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn damaged(path: &Path, place: String, reason: &str) -> Failure {
    Failure::failed(format!("{}: damaged {place}: {reason}", path.display()))
        .hint("without it, `wallet pay` with the same key finds in the sender's history what was executed")
}

impl Subject<'_> {
    /// What both files say about the payment.
    fn known(&self, frames: &[Frame], lines: &[u8]) -> Result<Known, Failure> {
        let path = outcomes_of(self.file);
        let mut signed = BTreeMap::new();
        for frame in frames {
            let transaction = frame.submission.transaction();
            let id = transaction.id();
            // Shortly before midnight what is built for others has the id of what is sent.
            if !transaction.signatures().is_empty() || !signed.contains_key(&id) {
                signed.insert(id, frame.bytes.clone());
            }
        }
        let Section { known, named } = lines::read(&path, lines, self.names, &signed)?;
        let is_known = known.is_some();
        let mut known = known.unwrap_or_default();
        for frame in frames {
            let transaction = frame.submission.transaction();
            let id = transaction.id();
            let intent = transaction.intent();
            let own = &self.names.own;
            let is_other = (intent.network, intent.sender()) != (own.network, own.sender);
            if is_other || named.contains(&id) {
                continue;
            }
            // Its line is missing: it was not finished, or the outcomes are lost. Rows and secret tell whether it is ours.
            if self.is_own(frame) {
                let written = Signed {
                    id,
                    expires_at: intent.expires_at,
                    bytes: frame.bytes.clone(),
                    in_doubt: true,
                };
                let is_built = transaction.signatures().is_empty();
                let of = if is_built {
                    &mut known.built
                } else {
                    &mut known.live
                };
                of.insert(frame.unit, written);
            } else if !is_known && own.label.is_empty() {
                return Err(other_contents(&path_of(self.file)));
            }
        }
        Ok(known)
    }

    /// Whether a transaction is what the rows give, so that nobody else's stands for them.
    fn is_own(&self, frame: &Frame) -> bool {
        let transaction = frame.submission.transaction();
        let rows = self.rows.get(frame.unit.range());
        rows.filter(|rows| !rows.is_empty()).is_some_and(|rows| {
            let (id, expires_at) = (transaction.id(), transaction.intent().expires_at);
            let mut names = self.names.all();
            names.any(|batch| batch.payment(frame.unit.first, rows, expires_at).id() == id)
        })
    }
}

impl Journal {
    /// What the files beside `subject.file` say, if there are any; nothing is written.
    pub(crate) fn look(subject: Subject<'_>) -> Result<Known, Failure> {
        let read = |path: &Path| match std::fs::read(path) {
            Ok(bytes) => Ok(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(Failure::failed(format!("{}: {error}", path.display()))),
        };
        let path = path_of(subject.file);
        let (frames, _) = frames::read(&path, &read(&path)?)?;
        let lines = read(&outcomes_of(subject.file))?;
        subject.known(&frames, whole_lines(&lines))
    }

    /// Opens the files of a payment, making them if they are not there, and reads what they say about it.
    pub(crate) fn open(subject: Subject<'_>) -> Result<Opened, Failure> {
        let (mut signed, bytes) = Appended::open(&path_of(subject.file))?;
        let (frames, whole) = frames::read(&signed.path, &bytes)?;
        signed.cut(whole)?;
        if whole == 0 {
            signed.append(HEADER)?;
            signed.flush()?;
        }
        let (mut outcomes, text) = Appended::open(&outcomes_of(subject.file))?;
        let lines = whole_lines(&text);
        outcomes.cut(lines.len())?;
        signed.flush_name()?;
        let known = subject.known(&frames, lines)?;
        Ok(Opened {
            journal: Self { signed, outcomes },
            known,
        })
    }

    /// The journal's path.
    pub(crate) fn path(&self) -> &Path {
        &self.signed.path
    }

    /// Begins a section or goes on with it. A new one counts only after [`ready`](Self::ready).
    pub(crate) fn begin(&mut self, batch: &Batch, rows: usize) -> Result<(), Failure> {
        self.note(&Line::Payment {
            version: VERSION,
            file: batch.file,
            network: batch.network,
            sender: batch.sender,
            label: batch.label.clone(),
            rows,
        })
    }

    /// Notes that everything executed before is in the section. Nothing was sent in its name yet.
    pub(crate) fn ready(&mut self) -> Result<(), Failure> {
        self.note(&Line::Ready)?;
        self.flush()
    }

    /// Writes a signed transaction down. It may be sent once this has returned.
    pub(crate) fn signed(&mut self, unit: Unit, signed: &Signed) -> Result<(), Failure> {
        self.signed.append(&frame_of(unit, &signed.bytes))?;
        self.note(&Line::Signed {
            first: unit.first,
            count: unit.count,
            id: signed.id,
            expires_at: signed.expires_at.0,
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
        self.note(&Line::Found {
            first: unit.first,
            count: unit.count,
            id,
            expires_at: expires_at.0,
            how,
            height,
            index,
        })
    }

    /// Notes what became of a transaction that was signed here.
    pub(crate) fn settled(&mut self, id: Digest, how: How, place: Option<Paid>) -> Result<(), Failure> {
        let (height, index) = place.map_or((None, None), |place| (Some(place.height), Some(place.index)));
        self.note(&Line::Settled {
            id,
            how,
            height,
            index,
        })
    }

    /// Notes that the rows of a chunk are paid one by one.
    pub(crate) fn row_by_row(&mut self, first: usize) -> Result<(), Failure> {
        self.note(&Line::RowByRow { first })?;
        self.flush()
    }

    /// Notes what a node says that is not believed: once what was signed has expired, the chunk's rows are
    /// paid one by one.
    pub(crate) fn claimed(&mut self, first: usize) -> Result<(), Failure> {
        self.note(&Line::Claimed { first })?;
        self.flush()
    }

    /// Notes up to which certified block all were looked through for what was paid with these [salts](Names::salts).
    /// What was found is noted before.
    pub(crate) fn searched(&mut self, height: Height, salts: Digest) -> Result<(), Failure> {
        self.note(&Line::Searched { height, salts })
    }

    /// Writes down what was built for others to sign. It may leave once it was [flushed](Self::flush).
    pub(crate) fn built(&mut self, unit: Unit, built: &Signed) -> Result<(), Failure> {
        self.signed.append(&frame_of(unit, &built.bytes))?;
        self.note(&Line::Built {
            first: unit.first,
            count: unit.count,
            id: built.id,
            expires_at: built.expires_at.0,
        })
    }

    /// Brings everything that was noted to the disk.
    pub(crate) fn flush(&self) -> Result<(), Failure> {
        self.signed.flush()?;
        self.outcomes.flush()
    }

    fn note(&mut self, line: &Line) -> Result<(), Failure> {
        let path = self.outcomes.path.display();
        let mut text =
            serde_json::to_vec(line).map_err(|error| Failure::failed(format!("{path}: {error}")))?;
        text.push(b'\n');
        self.outcomes.append(&text)
    }
}

impl Appended {
    /// Opens and locks a file, making it if it is not there, and reads it.
    fn open(path: &Path) -> Result<(Self, Vec<u8>), Failure> {
        let unwritable = |error: std::io::Error| Failure::unwritable(path, &error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(unwritable)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(Failure::failed(format!(
                    "{} is in use: another `wallet pay` is at this file",
                    path.display()
                )));
            }
            Err(error) => return Err(unwritable(error.into())),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(unwritable)?;
        let path = path.to_owned();
        Ok((Self { path, file }, bytes))
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        Failure::unwritable(&self.path, error)
    }

    /// Leaves so many bytes of it.
    fn cut(&mut self, length: usize) -> Result<(), Failure> {
        self.file
            .set_len(length as u64)
            .and_then(|()| self.file.seek(SeekFrom::End(0)))
            .map(drop)
            .map_err(|error| self.failed(&error))
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| self.failed(&error))
    }

    fn flush(&self) -> Result<(), Failure> {
        self.file.sync_data().map_err(|error| self.failed(&error))
    }

    /// The names of files must survive a crash as their contents do.
    fn flush_name(&self) -> Result<(), Failure> {
        let Some(parent) = self.path.parent() else {
            return Ok(());
        };
        let parent = if parent.as_os_str().is_empty() {
            Path::new(".")
        } else {
            parent
        };
        File::open(parent)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| self.failed(&error))
    }
}

#[cfg(test)]
mod tests;
