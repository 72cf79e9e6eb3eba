//! A file against its manifest: its bytes, its schema, what it says of itself, and its rows. The manifest is not believed;
//! but it says where to look, and a file that is not its own is found before anything is made of it.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use quorate_ledger::Digest;
use sha2::{Digest as _, Sha256};

use crate::bounds::Bounds;
use crate::day::Day;
use crate::difference::{Difference, differences};
use crate::digests::{Digests, MARK_BYTES, Mark, TableDigests};
use crate::finding::{Finding, Findings, Spot, What};
use crate::folder::{Folder, open};
use crate::manifest::FileLine;
use crate::reading::{ReadError, TableReader};
use crate::table::Table;

/// Bytes that are hashed at once.
const BUFFER: usize = 1 << 20;

/// Rows that a file may have beside those of its manifest, if it is to be told which. What the manifest's are is known by
/// the marks that lie there, so that nobody has marks made of rows without end.
const MORE_MARKS: usize = 65_536;

/// Which file has which hash, as the manifests say.
pub(super) type Known = BTreeMap<Digest, (Table, Day)>;

/// What is found of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct FileVerdict {
    /// Number of rows and the root over them; none if they could not be read.
    pub(super) rows: Option<(u64, Digest)>,
    pub(super) findings: Findings,
}

/// Checks a file. `marks` is where those of its rows as they were exported begin in the day's marks, if these are at hand.
pub(super) fn check(
    folder: &Folder,
    spot: Spot,
    line: &FileLine,
    marks: Option<u64>,
    known: &Known,
) -> FileVerdict {
    let path = folder.table(spot.table, spot.day);
    let mut verdict = FileVerdict::default();
    let (sha256, bytes) = match hash(&path) {
        Ok(hashed) => hashed,
        Err(error) => {
            verdict
                .findings
                .push(spot.file(format!("it cannot be read: {error}")));
            return verdict;
        }
    };
    if sha256 != line.sha256 {
        if let Some((table, day)) = known.get(&sha256) {
            let reason = format!("it is the file of {table}, {day}");
            verdict.findings.push(spot.file(reason));
            return verdict;
        }
        let reason = "its bytes are not those of which the manifest has the SHA-256";
        verdict.findings.push(spot.file(reason));
    } else if bytes != line.bytes {
        let reason = format!("it says {} bytes, the file has {bytes}", line.bytes);
        verdict.findings.push(about_manifest(spot, reason));
    }
    let marks = marks.and_then(|place| read_marks(folder, spot, place, line.rows));
    let kept = marks
        .as_ref()
        .map_or(0, |marks| marks.len().saturating_add(MORE_MARKS));
    match digests(&path, spot, kept, &mut verdict.findings) {
        Ok(found) => {
            compare(&found, spot, line, marks.as_deref(), &mut verdict.findings);
            verdict.rows = Some((found.rows, found.root));
        }
        Err(error) => verdict.findings.push(spot.file(error.to_string())),
    }
    verdict
}

fn about_manifest(spot: Spot, reason: impl Into<String>) -> Finding {
    Finding::manifest(Some(spot.day), Some(spot.table), reason)
}

/// The marks of so many rows, or as many as there are.
fn read_marks(folder: &Folder, spot: Spot, place: u64, rows: u64) -> Option<Vec<Mark>> {
    let mut file = open(&folder.marks(spot.day)).ok()?;
    file.seek(SeekFrom::Start(place)).ok()?;
    let mut bytes = Vec::new();
    let mut own = file.take(rows.saturating_mul(MARK_BYTES));
    own.read_to_end(&mut bytes).ok()?;
    let (marks, _) = bytes.as_chunks();
    Some(marks.to_vec())
}

/// A file's SHA-256 and length.
pub(super) fn hash(path: &Path) -> io::Result<(Digest, u64)> {
    let mut file = open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    let mut length = 0_u64;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((Digest(hasher.finalize().into()), length));
        }
        hasher.update(&buffer[..read]);
        length = length.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
}

/// Reads all rows, and compares what row groups say of themselves.
fn digests(
    path: &Path,
    spot: Spot,
    marks: usize,
    findings: &mut Findings,
) -> Result<TableDigests, ReadError> {
    let mut reader = TableReader::open(path, spot.table)?;
    let mut digests = Digests::with_marks(spot.table, marks);
    let mut bounds = Bounds::new(spot.table);
    while let Some((rows, ends)) = reader.next()? {
        digests.add(&rows);
        bounds.add(&rows);
        if !ends {
            continue;
        }
        let lie = reader.group().and_then(|group| bounds.contradicted_by(group));
        if let Some(column) = lie {
            let reason = "a row group says of this column what its rows do not";
            findings.push(spot.finding(What::File, None, Some(column), reason));
        }
        bounds = Bounds::new(spot.table);
    }
    Ok(digests.finish())
}

/// Compares the rows that were found with those of the manifest.
fn compare(
    found: &TableDigests,
    spot: Spot,
    line: &FileLine,
    marks: Option<&[Mark]>,
    findings: &mut Findings,
) {
    let said = line.columns.iter().zip(&found.columns).zip(spot.table.columns());
    let differ = said.filter(|((said, found), _)| said.sha256 != **found);
    let columns: Vec<&'static str> = differ.map(|(_, column)| column.name).collect();
    if found.root == line.root {
        // The rows are those that were exported; whatever differs is the manifest's.
        if found.rows != line.rows {
            let reason = format!("it says {} rows, there are {}", line.rows, found.rows);
            findings.push(about_manifest(spot, reason));
        }
        for column in columns {
            let reason = format!("its hash of the column {column} is not that of the column");
            findings.push(about_manifest(spot, reason));
        }
        if marks.is_some_and(|marks| marks != found.marks) {
            findings.push(about_manifest(spot, "its marks are not those of the rows"));
        }
        return;
    }
    let is_marked = u64::try_from(found.marks.len()) == Ok(found.rows);
    match marks {
        Some(marks) if marks == found.marks && found.rows == line.rows && columns.is_empty() => {
            let reason = "its root is not that of the rows";
            findings.push(about_manifest(spot, reason));
        }
        Some(marks) if marks != found.marks && is_marked => {
            let told = differences(&found.marks, marks);
            tell(spot, &told, &columns, findings);
        }
        _ => {
            let reason = match columns.as_slice() {
                [] => "its rows are not those of the manifest".to_owned(),
                columns => format!(
                    "its rows are not those of the manifest; altered are the columns {}",
                    columns.join(", ")
                ),
            };
            findings.push(spot.finding(What::Rows, None, None, reason));
        }
    }
}

/// In words. Where one row alone is altered, each altered column is one of its cells.
fn tell(spot: Spot, told: &[Difference], columns: &[&'static str], findings: &mut Findings) {
    if let [only @ Difference::Altered { .. }] = told
        && !columns.is_empty()
    {
        for column in columns {
            findings.extend(only.findings(spot, std::slice::from_ref(column)));
        }
        return;
    }
    for difference in told {
        findings.extend(difference.findings(spot, columns));
    }
}
