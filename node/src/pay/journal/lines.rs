//! The lines of what became of a payment: what each says, and which are of one payment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use quorate_client::Bytes;
use quorate_ledger::{Address, Digest, Height, Timestamp};
use quorate_tools::failure::Failure;
use serde::{Deserialize, Serialize};

use super::damaged;
use super::known::{How, Known};
use crate::pay::plan::{Names, Unit};

/// A line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
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
    /// A transaction was signed; its bytes are in the journal, and may be sent from now on.
    Signed {
        first: usize,
        count: usize,
        id: Digest,
        expires_at: u64,
    },
    /// A transaction was found executed on the ledger.
    Found {
        first: usize,
        count: usize,
        id: Digest,
        expires_at: u64,
        how: How,
        height: Height,
        index: u32,
    },
    /// What became of one that was signed.
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
    /// All certified blocks up to this one were looked through for what was paid of the file with these salts.
    Searched { height: Height, salts: Digest },
    /// A transaction was built for others to sign, who may submit it until it expires; its bytes are in the journal.
    Built {
        first: usize,
        count: usize,
        id: Digest,
        expires_at: u64,
    },
}

/// The version of the lines.
pub(super) const VERSION: u32 = 2;

/// What the lines say of one payment.
pub(super) struct Section {
    /// None if the payment has no section that is complete.
    pub(super) known: Option<Known>,
    /// All transactions that any section has: what else is in the journal is nobody's.
    pub(super) named: BTreeSet<Digest>,
}

/// The lines that were finished.
pub(super) fn whole_lines(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte == b'\n');
    end.map_or(&[], |end| text.get(..=end).unwrap_or_default())
}

/// Reads the section of `names`, whose signed bytes are in `signed`. A section of the same payment by the same sender,
/// but of a file with other contents, means that the file was changed: its rows may have been paid as part of the old
/// one.
pub(super) fn read(
    path: &Path,
    text: &[u8],
    names: &Names,
    signed: &BTreeMap<Digest, Bytes>,
) -> Result<Section, Failure> {
    let (batch, salts) = (&names.own, names.salts());
    let mut known = Known::default();
    let (mut ready, mut changed, mut ours) = (false, false, false);
    let mut named = BTreeSet::new();
    let mut units: BTreeMap<Digest, (Unit, Timestamp)> = BTreeMap::new();
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let wrong = |reason: String| damaged(path, format!("in line {}", number + 1), &reason);
        let line: Line = serde_json::from_slice(line).map_err(|error| wrong(error.to_string()))?;
        if let Line::Signed { id, .. } | Line::Built { id, .. } = &line {
            named.insert(*id);
        }
        match line {
            Line::Payment {
                version,
                file,
                network,
                sender,
                label,
                rows: _,
            } => {
                if version != VERSION {
                    return Err(wrong(format!("version {version}, this program reads {VERSION}")));
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
            // With another key something else was looked for.
            Line::Searched { salts: others, .. } if others != salts => {}
            line => known.take(line, &mut units, signed).map_err(wrong)?,
        }
    }
    if !ready && changed {
        return Err(other_contents(path));
    }
    Ok(Section {
        known: ready.then_some(known),
        named,
    })
}

/// That what is beside a file is of other rows than it has now.
pub(super) fn other_contents(path: &Path) -> Failure {
    Failure::usage(format!(
        "{} is of a file with other contents, or was signed for with another key: rows may be paid already",
        path.display()
    ))
    .hint(
        "the result beside the file says which rows are paid: put only the others, mended, into a file of another \
         name. To pay all rows of this one, give --again LABEL",
    )
}
