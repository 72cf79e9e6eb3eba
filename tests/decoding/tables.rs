//! Folders of tables: their manifests, and their Parquet files, with the table before each as one byte.

use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use quorate_tables::{DayManifest, Manifest, Reexecution, Table, export, root_of};

use crate::printed::{self, CHAINS};

/// Rows for each byte of a file, at most: a row's first number has eight bytes, and three bytes stand for 64 at most.
const ROWS_FOR_EACH_BYTE: usize = 3;

/// What an export of the page's block wrote, by kind.
struct Written {
    manifests: Vec<Vec<u8>>,
    days: Vec<Vec<u8>>,
    files: Vec<Vec<u8>>,
}

static WRITTEN: LazyLock<Written> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let blocks = std::iter::once(Ok::<_, Infallible>(printed::blocks()[0].clone()));
    let mut source = Reexecution::new(&CHAINS[0].genesis, blocks).unwrap();
    export(folder.path(), &CHAINS[0].genesis, &mut source, false, &mut |_| ()).unwrap();
    let read = |path: &Path| fs::read(path).unwrap();
    let manifest = read(&folder.path().join("manifest.json"));
    let in_folder = |name: &str| {
        let entries = fs::read_dir(folder.path().join(name)).into_iter().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let days = in_folder("days").into_iter();
    let days = days.filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    let files = (0_u8..).zip(Table::ALL).flat_map(|(number, table)| {
        let days = in_folder(table.name()).into_iter();
        days.map(move |day| [&[number][..], &read(&day.join("part-0.parquet"))].concat())
    });
    Written {
        manifests: vec![manifest],
        days: days.map(|path| read(&path)).collect(),
        files: files.collect(),
    }
});

pub(crate) fn manifest(bytes: &[u8]) {
    if let Ok(manifest) = Manifest::read(bytes) {
        assert_eq!(
            manifest.write().as_bytes(),
            bytes,
            "a second text of one manifest"
        );
    }
}

pub(crate) fn day(bytes: &[u8]) {
    if let Ok(day) = DayManifest::read(bytes) {
        assert_eq!(day.write().as_bytes(), bytes, "a second text of one manifest");
    }
}

/// A file that is taken says the same each time, and has no more rows than its bytes are worth. That a decoder of
/// Parquet panics is no finding: the file is refused.
pub(crate) fn file(bytes: &[u8]) {
    let Some((number, file)) = bytes.split_first() else {
        return;
    };
    let Some(table) = Table::ALL.get(usize::from(*number)) else {
        return;
    };
    if let Ok((rows, root)) = root_of(file, *table) {
        assert!(rows <= u64::try_from(file.len() * ROWS_FOR_EACH_BYTE).unwrap());
        assert_eq!(root_of(file, *table), Ok((rows, root)));
    }
}

pub(crate) fn manifests() -> Vec<Vec<u8>> {
    WRITTEN.manifests.clone()
}

pub(crate) fn days() -> Vec<Vec<u8>> {
    WRITTEN.days.clone()
}

pub(crate) fn files() -> Vec<Vec<u8>> {
    WRITTEN.files.clone()
}
