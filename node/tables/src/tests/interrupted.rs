//! An export that ends in the middle, and the next one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::forging::contents;
use super::world::CHAIN;
use crate::table::Table;
use crate::{Manifest, export};

/// The order in which an export puts files in place: day by day, the tables in their order, marks, the day's manifest; then
/// the head's proof and the manifest.
fn in_order(files: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<PathBuf> {
    let manifest = Manifest::read(&files[Path::new("manifest.json")]).unwrap();
    let mut order = Vec::new();
    for line in &manifest.days {
        let day = line.day;
        let tables = Table::ALL
            .iter()
            .map(|table| PathBuf::from(format!("{table}/day={day}/part-0.parquet")));
        order.extend(tables.filter(|path| files.contains_key(path)));
        order.extend(["rows", "json"].map(|kind| PathBuf::from(format!("days/{day}.{kind}"))));
    }
    order.extend(["head.proof", "manifest.json"].map(PathBuf::from));
    order
}

fn exported(path: &Path, blocks: usize) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut source = CHAIN.source(blocks);
    export(path, &CHAIN.genesis, &mut source, false, &mut |_| ()).unwrap();
    contents(path).into_iter().collect()
}

fn put(folder: &Path, name: &Path, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// The second export from block 9 on, in the second day, ends after so many files, and while the next one is being written.
#[test]
fn the_next_export_mends_what_one_left_that_was_interrupted_anywhere() {
    let [before, after] = [9, usize::MAX].map(|blocks| {
        let dir = tempfile::tempdir().unwrap();
        exported(dir.path(), blocks)
    });
    // Of the day that is closed, nothing is written again.
    let is_new = |path: &PathBuf| before.get(path) != after.get(path);
    let order: Vec<PathBuf> = in_order(&after).into_iter().filter(is_new).collect();
    assert!(order.len() > 12, "{order:?}");
    assert!(
        !order
            .iter()
            .any(|path| path.to_string_lossy().contains("2026-01-01"))
    );
    for done in 0..order.len() {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in &before {
            put(dir.path(), name, bytes);
        }
        for name in &order[..done] {
            put(dir.path(), name, &after[name]);
        }
        let torn = &order[done];
        let name = format!(".{}.partial", torn.file_name().unwrap().display());
        put(
            dir.path(),
            &torn.with_file_name(name),
            &after[torn][..after[torn].len() / 2],
        );
        let closed = dir.path().join("days/2026-01-01.json");
        let written = fs::metadata(&closed).unwrap().modified().unwrap();
        assert_eq!(exported(dir.path(), usize::MAX), after, "after {done} files");
        assert_eq!(fs::metadata(&closed).unwrap().modified().unwrap(), written);
    }
}
