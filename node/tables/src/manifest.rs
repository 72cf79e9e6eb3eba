//! Manifests: what a folder has, and the hashes and roots of it (`docs/tables.md`, section 4). There is one text for a
//! manifest, so that each byte of it says something.

use std::collections::BTreeSet;

use quorate_ledger::{Digest, Epoch, Height};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::day::Day;
use crate::digests::TableDigests;
use crate::table::Table;

/// The version of manifests, and of the tables.
const VERSION: u32 = 1;

/// Bytes of `manifest.json` at most: that of 200 years has less.
pub(crate) const MAX_MANIFEST_BYTES: u64 = 64 << 20;

/// Bytes of a day's manifest at most.
pub(crate) const MAX_DAY_BYTES: u64 = 1 << 20;

/// `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    version: u32,
    pub(crate) network: Digest,
    pub(crate) head: Head,
    /// Ascending. All but the last are closed.
    pub(crate) days: Vec<DayLine>,
}

/// The block that a folder goes up to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Its epoch.
    pub epoch: Epoch,
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub hash: Digest,
    /// Its time, in RFC 3339.
    pub time: String,
    /// Leaves of the transaction log after it.
    pub log_size: u64,
}

/// What `manifest.json` says of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DayLine {
    pub(crate) day: Day,
    pub(crate) first_height: Height,
    pub(crate) blocks: u64,
    pub(crate) first_ordinal: u64,
    pub(crate) transactions: u64,
    /// The hash of the last block up to the day's end.
    pub(crate) last: Digest,
    /// Of the day's manifest.
    pub(crate) sha256: Digest,
}

/// `days/DAY.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayManifest {
    version: u32,
    pub(crate) network: Digest,
    pub(crate) day: Day,
    pub(crate) first_height: Height,
    pub(crate) blocks: u64,
    pub(crate) first_ordinal: u64,
    pub(crate) transactions: u64,
    pub(crate) last: Digest,
    /// Of `days/DAY.rows`.
    pub(crate) marks: Digest,
    pub(crate) tables: Vec<FileLine>,
}

/// What a day's manifest says of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileLine {
    table: String,
    pub(crate) file: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: Digest,
    pub(crate) rows: u64,
    pub(crate) root: Digest,
    pub(crate) columns: Vec<ColumnLine>,
}

/// What it says of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ColumnLine {
    pub(crate) name: String,
    pub(crate) sha256: Digest,
}

/// Which blocks and transactions a day has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first_height: Height,
    pub(crate) blocks: u64,
    pub(crate) first_ordinal: u64,
    pub(crate) transactions: u64,
    pub(crate) last: Digest,
}

impl Manifest {
    pub(crate) fn new(network: Digest, head: Head, days: Vec<DayLine>) -> Self {
        Self {
            version: VERSION,
            network,
            head,
            days,
        }
    }

    /// The manifest of this text.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let manifest: Self = read(text)?;
        check_version(manifest.version)?;
        if !manifest.days.is_sorted_by(|a, b| a.day < b.day) {
            return Err("its days do not ascend".to_owned());
        }
        // The first one may have nothing but what genesis gives.
        if manifest.days.iter().skip(1).any(|line| line.blocks == 0) {
            return Err("it names a day on which there is no block".to_owned());
        }
        Ok(manifest)
    }

    /// Its only text.
    pub fn write(&self) -> String {
        write(self)
    }
}

impl DayLine {
    pub(crate) fn new(day: Day, span: &Span, sha256: Digest) -> Self {
        let Span {
            first_height,
            blocks,
            first_ordinal,
            transactions,
            last,
        } = *span;
        Self {
            day,
            first_height,
            blocks,
            first_ordinal,
            transactions,
            last,
            sha256,
        }
    }

    pub(crate) fn span(&self) -> Span {
        Span {
            first_height: self.first_height,
            blocks: self.blocks,
            first_ordinal: self.first_ordinal,
            transactions: self.transactions,
            last: self.last,
        }
    }

    /// The height of the last block up to the day's end.
    pub(crate) fn last_height(&self) -> Height {
        let end = self.first_height.0.saturating_add(self.blocks);
        Height(end.saturating_sub(1))
    }
}

impl DayManifest {
    pub(crate) fn new(network: Digest, day: Day, span: &Span, marks: Digest, tables: Vec<FileLine>) -> Self {
        let Span {
            first_height,
            blocks,
            first_ordinal,
            transactions,
            last,
        } = *span;
        Self {
            version: VERSION,
            network,
            day,
            first_height,
            blocks,
            first_ordinal,
            transactions,
            last,
            marks,
            tables,
        }
    }

    /// The manifest of this text.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let manifest: Self = read(text)?;
        check_version(manifest.version)?;
        if manifest.tables.is_empty() {
            return Err("it names no file".to_owned());
        }
        let mut seen = BTreeSet::new();
        for line in &manifest.tables {
            let Some(table) = Table::named(&line.table) else {
                return Err("it names a table that there is none of".to_owned());
            };
            if seen.last().is_some_and(|last| *last >= table) {
                return Err("its tables are not in order".to_owned());
            }
            seen.insert(table);
            if line.file != file_name(table, manifest.day) {
                return Err(format!("the file of {table} has another name"));
            }
            if line.rows == 0 {
                return Err(format!("the file of {table} has no rows"));
            }
            let columns = line.columns.iter().map(|column| column.name.as_str());
            if !columns.eq(table.columns().iter().map(|column| column.name)) {
                return Err(format!("the columns of {table} are others"));
            }
        }
        Ok(manifest)
    }

    /// Its only text.
    pub fn write(&self) -> String {
        write(self)
    }

    pub(crate) fn span(&self) -> Span {
        Span {
            first_height: self.first_height,
            blocks: self.blocks,
            first_ordinal: self.first_ordinal,
            transactions: self.transactions,
            last: self.last,
        }
    }

    /// Its files, by their tables.
    pub(crate) fn files(&self) -> impl Iterator<Item = (Table, &FileLine)> {
        let lines = self.tables.iter();
        lines.filter_map(|line| Some((Table::named(&line.table)?, line)))
    }
}

impl FileLine {
    pub(crate) fn new(table: Table, day: Day, bytes: u64, sha256: Digest, digests: &TableDigests) -> Self {
        let names = table.columns().iter().map(|column| column.name.to_owned());
        let columns = names.zip(&digests.columns).map(|(name, sha256)| ColumnLine {
            name,
            sha256: *sha256,
        });
        Self {
            table: table.name().to_owned(),
            file: file_name(table, day),
            bytes,
            sha256,
            rows: digests.rows,
            root: digests.root,
            columns: columns.collect(),
        }
    }
}

/// The path of a table's file of a day, in the folder.
pub(crate) fn file_name(table: Table, day: Day) -> String {
    format!("{table}/day={day}/part-0.parquet")
}

fn check_version(version: u32) -> Result<(), String> {
    if version == VERSION {
        Ok(())
    } else {
        Err(format!(
            "it is of version {version}, this release reads {VERSION} alone"
        ))
    }
}

fn read<T: Serialize + DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    let value: T = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if write(&value).as_bytes() == text {
        Ok(value)
    } else {
        Err("it is not in the one form that a manifest has".to_owned())
    }
}

fn write<T: Serialize>(value: &T) -> String {
    let mut text =
        serde_json::to_string_pretty(value).expect("a manifest has texts, numbers and lists alone");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let head = Head {
            epoch: Epoch(0),
            height: Height(3),
            hash: Digest([1; 32]),
            time: "2026-01-01T00:00:00Z".to_owned(),
            log_size: 2,
        };
        let span = Span {
            first_height: Height(1),
            blocks: 3,
            first_ordinal: 0,
            transactions: 2,
            last: Digest([1; 32]),
        };
        let day: Day = "2026-01-01".parse().unwrap();
        let line = DayLine::new(day, &span, Digest([2; 32]));
        Manifest::new(Digest([3; 32]), head, vec![line])
    }

    #[test]
    fn a_manifest_has_one_text() {
        let manifest = manifest();
        let text = manifest.write();
        assert_eq!(Manifest::read(text.as_bytes()), Ok(manifest));
        for altered in [
            text.replace("\"blocks\": 3", "\"blocks\":  3"),
            text.replace("\"version\": 1", "\"version\": 2"),
            text.replace("\"log_size\"", "\"size\""),
            text.replace("0101", "0x01"),
            text.trim_end().to_owned(),
            format!("{text}\n"),
            String::new(),
        ] {
            assert!(Manifest::read(altered.as_bytes()).is_err(), "{altered}");
        }
    }

    #[test]
    fn days_ascend() {
        let mut manifest = manifest();
        let line = manifest.days[0].clone();
        manifest.days.push(line);
        assert!(Manifest::read(manifest.write().as_bytes()).is_err());
    }

    #[test]
    fn a_day_without_a_block_is_none() {
        let mut manifest = manifest();
        let mut line = manifest.days[0].clone();
        line.day = "2026-01-02".parse().unwrap();
        manifest.days.push(line);
        assert!(Manifest::read(manifest.write().as_bytes()).is_ok());
        manifest.days[1].blocks = 0;
        assert!(Manifest::read(manifest.write().as_bytes()).is_err());
    }

    #[test]
    fn a_file_without_rows_is_none() {
        let manifest = manifest();
        let (day, span) = (manifest.days[0].day, manifest.days[0].span());
        let read = |files: Vec<FileLine>| {
            let day = DayManifest::new(Digest([3; 32]), day, &span, Digest([4; 32]), files);
            DayManifest::read(day.write().as_bytes())
        };
        let file = |rows: u64| {
            let columns = vec![Digest([5; 32]); Table::Blocks.columns().len()];
            let digests = TableDigests {
                rows,
                root: Digest([6; 32]),
                columns,
                marks: Vec::new(),
            };
            FileLine::new(Table::Blocks, day, 7, Digest([8; 32]), &digests)
        };
        assert!(read(vec![file(1)]).is_ok());
        assert!(read(vec![file(0)]).is_err());
        assert!(read(Vec::new()).is_err());
    }
}
