//! Altering files as somebody would who knows how they are made.

use std::fs;
use std::path::{Path, PathBuf};

use parquet::file::properties::WriterPropertiesBuilder;
use quorate_crypto::sha256;
use tempfile::TempDir;

use super::world::CHAIN;
use crate::day::Day;
use crate::digests::Digests;
use crate::folder::{Folder, put_in_place, write_whole};
use crate::manifest::{DayLine, DayManifest, FileLine, Manifest};
use crate::reading::TableReader;
use crate::rows::{Cell, Rows};
use crate::schema::settings;
use crate::table::{Kind, Table};
use crate::writing::TableWriter;
use crate::{Report, export, verify};

/// A cell of its own.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Owned {
    Null,
    Number(i64),
    Amount(i128),
    Text(String),
    Bytes(Vec<u8>),
    Flag(bool),
}

pub(super) type OwnedRow = Vec<Owned>;

/// The whole chain as tables, in a folder of its own.
pub(super) struct Exported {
    pub(super) dir: TempDir,
}

impl Exported {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut source = CHAIN.source(usize::MAX);
        export(dir.path(), &CHAIN.genesis, &mut source, false, &mut |_| ()).unwrap();
        Self { dir }
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn folder(&self) -> Folder {
        Folder::new(self.path())
    }

    pub(super) fn manifest(&self) -> Manifest {
        Manifest::read(&fs::read(self.folder().manifest()).unwrap()).unwrap()
    }

    pub(super) fn day_manifest(&self, day: Day) -> DayManifest {
        DayManifest::read(&fs::read(self.folder().day(day)).unwrap()).unwrap()
    }

    /// A day on which a table has enough rows to play with.
    pub(super) fn day_with(&self, table: Table) -> Day {
        let days = self.manifest().days.into_iter().map(|line| line.day);
        let mut counted: Vec<(usize, Day)> = days.map(|day| (self.rows(table, day).len(), day)).collect();
        counted.sort_unstable();
        let (count, day) = counted.pop().unwrap();
        assert!(count >= 4, "{table} has {count} rows");
        day
    }

    /// The report of a check, or what stood in its way.
    pub(super) fn verify(&self) -> Result<Report, String> {
        verify(self.path(), &CHAIN.genesis, None).map_err(|error| error.to_string())
    }

    pub(super) fn rows(&self, table: Table, day: Day) -> Vec<OwnedRow> {
        let path = self.folder().table(table, day);
        if !path.is_file() {
            return Vec::new();
        }
        let mut reader = TableReader::open(&path, table).unwrap();
        let mut all = Vec::new();
        while let Some((rows, _)) = reader.next().unwrap() {
            for row in 0..rows.len() {
                let columns = 0..table.columns().len();
                all.push(columns.map(|column| owned(rows.cell(row, column))).collect());
            }
        }
        all
    }

    /// Writes a file anew with other rows.
    pub(super) fn write(&self, table: Table, day: Day, rows: &[OwnedRow]) {
        self.write_with(table, day, rows, settings(table));
    }

    /// Writes a file anew, and sets its writer as tables' files are not made.
    pub(super) fn write_with(
        &self,
        table: Table,
        day: Day,
        rows: &[OwnedRow],
        settings: WriterPropertiesBuilder,
    ) {
        let mut group = Rows::new(table);
        for row in rows {
            let cells: Vec<Cell<'_>> = row.iter().map(borrowed).collect();
            group.push(&cells);
        }
        let path = self.folder().table(table, day);
        let mut writer = TableWriter::with(&path, table, settings.build().into()).unwrap();
        writer.write(&group).unwrap();
        writer.finish().unwrap();
        put_in_place(&path).unwrap();
    }

    /// Has the manifests say the hashes of the files that are there, whatever is in these.
    pub(super) fn forge_hashes(&self) {
        let folder = self.folder();
        let mut manifest = self.manifest();
        for line in &mut manifest.days {
            let mut day = self.day_manifest(line.day);
            for file in &mut day.tables {
                let bytes = fs::read(self.path().join(&file.file)).unwrap();
                file.bytes = u64::try_from(bytes.len()).unwrap();
                file.sha256 = sha256(&bytes);
            }
            line.sha256 = write_whole(&folder.day(line.day), day.write().as_bytes()).unwrap();
        }
        write_whole(&folder.manifest(), manifest.write().as_bytes()).unwrap();
    }

    /// Makes all manifests and marks anew, so that they fit the files.
    pub(super) fn forge_manifests(&self) {
        let folder = self.folder();
        let mut manifest = self.manifest();
        let mut lines = Vec::new();
        for line in &manifest.days {
            let former = self.day_manifest(line.day);
            let (mut files, mut marks) = (Vec::new(), Vec::new());
            for (table, _) in former.files() {
                let path = folder.table(table, line.day);
                let mut digests = Digests::new(table);
                let mut reader = TableReader::open(&path, table).unwrap();
                while let Some((rows, _)) = reader.next().unwrap() {
                    digests.add(&rows);
                }
                let digests = digests.finish();
                marks.extend(digests.marks.iter().flatten().copied());
                let bytes = fs::read(&path).unwrap();
                let length = u64::try_from(bytes.len()).unwrap();
                files.push(FileLine::new(table, line.day, length, sha256(&bytes), &digests));
            }
            let marks = write_whole(&folder.marks(line.day), &marks).unwrap();
            let span = former.span();
            let day = DayManifest::new(former.network, line.day, &span, marks, files);
            let sha256 = write_whole(&folder.day(line.day), day.write().as_bytes()).unwrap();
            lines.push(DayLine::new(line.day, &span, sha256));
        }
        manifest.days = lines;
        write_whole(&folder.manifest(), manifest.write().as_bytes()).unwrap();
    }
}

/// Another value of the same kind.
pub(super) fn altered(cell: &Owned, table: Table, column: usize) -> Owned {
    match cell {
        Owned::Null => match table.columns()[column].kind {
            Kind::Number | Kind::Time => Owned::Number(1),
            Kind::Amount => Owned::Amount(1),
            Kind::Text => Owned::Text("1".to_owned()),
            Kind::Bytes => Owned::Bytes(vec![1]),
            Kind::Flag => Owned::Flag(true),
        },
        Owned::Number(number) => Owned::Number(number + 1),
        Owned::Amount(amount) => Owned::Amount(amount + 1),
        Owned::Text(text) => {
            let mut text = text.clone();
            let last = text.pop();
            text.push(if last == Some('0') { '2' } else { '0' });
            Owned::Text(text)
        }
        Owned::Bytes(bytes) => {
            let mut bytes = bytes.clone();
            let place = bytes.len() / 2;
            bytes[place] ^= 1;
            Owned::Bytes(bytes)
        }
        Owned::Flag(flag) => Owned::Flag(!flag),
    }
}

/// All files of a folder with their bytes, by their names.
pub(super) fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                found.push((name, fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn owned(cell: Cell<'_>) -> Owned {
    match cell {
        Cell::Null => Owned::Null,
        Cell::Number(number) => Owned::Number(number),
        Cell::Amount(amount) => Owned::Amount(amount),
        Cell::Text(text) => Owned::Text(text.to_owned()),
        Cell::Bytes(bytes) => Owned::Bytes(bytes.to_vec()),
        Cell::Flag(flag) => Owned::Flag(flag),
    }
}

fn borrowed(cell: &Owned) -> Cell<'_> {
    match cell {
        Owned::Null => Cell::Null,
        Owned::Number(number) => Cell::Number(*number),
        Owned::Amount(amount) => Cell::Amount(*amount),
        Owned::Text(text) => Cell::Text(text),
        Owned::Bytes(bytes) => Cell::Bytes(bytes),
        Owned::Flag(flag) => Cell::Flag(*flag),
    }
}
