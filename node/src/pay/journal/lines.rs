//! The lines of a journal: what each says, and which are of one payment.

use std::collections::BTreeMap;
use std::path::Path;

use quorate_ledger::{Address, Digest, Height, Timestamp};
use quorate_tools::failure::Failure;
use serde::{Deserialize, Serialize};

use super::known::{How, Known};
use crate::pay::plan::{Batch, Unit};

/// A line of the journal.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
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
    pub(super) fn section(&self, path: &Path, text: &[u8]) -> Result<(&Batch, Option<Known>), Failure> {
        for older in &self.older {
            if let Ok(Some(known)) = read(path, text, older) {
                return Ok((older, Some(known)));
            }
        }
        Ok((&self.rows, read(path, text, &self.rows)?))
    }
}

/// The lines that were finished.
pub(super) fn whole_lines(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte == b'\n');
    end.map_or(&[], |end| text.get(..=end).unwrap_or_default())
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
