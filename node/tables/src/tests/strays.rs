//! What lies in the folder beside the files that the manifests name.

use std::fs;
use std::os::unix::fs::symlink;

use super::altered::names;
use super::forging::Exported;
use super::world::CHAIN;
use crate::table::Table;
use crate::{ExportError, Finding, WriteError, export};

/// Readers would take these for a part of the tables: DuckDB those that end so, wherever a pattern finds them, Spark and
/// Trino all in a table's folder that is not hidden, others what is called metadata of a whole table.
const TAKEN: [&str; 10] = [
    "transfers/day=2026-01-02/part-1.parquet",
    "transfers/day=2026-01-02/part-0.parquet.partial",
    "transfers/day=2026-01-02/_part-1",
    "transfers/day=2026-01-02/.part-1.parquet",
    "transfers/day=2026-01-02/.part-1.PARQUET",
    "transfers/_metadata",
    "transfers/.hidden/part-0.parquet",
    "balances2/day=2026-01-02/part-0",
    "all.parquet",
    "csv/all.parquet",
];

/// Nobody takes these for one.
const PASSED_OVER: [&str; 6] = [
    "README.txt",
    ".DS_Store",
    "transfers/day=2026-01-02/.part-0.parquet.crc",
    "transfers/day=2026-01-02/.part-0.parquet.partial",
    ".git/config",
    "csv/transfers/notes.txt",
];

#[test]
fn what_readers_would_take_for_a_part_of_the_tables_is_found() {
    let exported = Exported::new();
    let day = exported.day_with(Table::Transfers);
    let part = fs::read(exported.folder().table(Table::Transfers, day)).unwrap();
    let put = |name: &str| {
        let path = exported.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &part).unwrap();
        path
    };
    for name in TAKEN {
        let path = put(name);
        let report = exported.verify().unwrap();
        let is_it = |finding: &Finding| finding.reason.contains(name);
        assert!(names(&report, is_it), "{name}: {:#?}", report.findings);
        fs::remove_file(path).unwrap();
    }
    for name in PASSED_OVER {
        put(name);
    }
    let report = exported.verify().unwrap();
    assert!(report.is_good(), "{:#?}", report.findings);
}

#[test]
fn links_are_found() {
    let exported = Exported::new();
    let day = exported.day_with(Table::Transfers);
    let file = exported.folder().table(Table::Transfers, day);
    let elsewhere = tempfile::tempdir().unwrap();
    let other = elsewhere.path().join("part-1.parquet");
    fs::copy(&file, &other).unwrap();
    for name in [
        "transfers/.day=2026-01-04",
        "transfers/day=2026-01-04",
        "csv/transfers",
        ".hidden",
    ] {
        let link = exported.path().join(name);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(elsewhere.path(), &link).unwrap();
        assert!(!exported.verify().unwrap().is_good(), "{name}");
        fs::remove_file(link).unwrap();
    }
    // With the very bytes that should be there; tomorrow it may be others.
    fs::remove_file(&file).unwrap();
    symlink(&other, &file).unwrap();
    assert!(!exported.verify().unwrap().is_good());
}

/// Whoever reads one of them never comes to its end.
#[test]
fn files_without_an_end_are_not_read() {
    let exported = Exported::new();
    let day = exported.day_with(Table::Blocks);
    let folder = exported.folder();
    for path in [
        folder.table(Table::Blocks, day),
        folder.table(Table::Records, day),
        folder.day(day),
        folder.marks(day),
        folder.head_proof(),
    ] {
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        symlink("/dev/zero", &path).unwrap();
        assert!(!exported.verify().unwrap().is_good(), "{}", path.display());
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    assert!(exported.verify().unwrap().is_good(), "all is as it was");
}

/// A link that lies where a file will be written is not written through.
#[test]
fn an_export_writes_into_its_folder_alone() {
    let dir = tempfile::tempdir().unwrap();
    let victim = dir.path().join("victim");
    fs::write(&victim, b"mine").unwrap();
    let folder = dir.path().join("tables");
    for name in [
        "blocks/day=2026-01-01/.part-0.parquet.partial",
        "days/.2026-01-01.json.partial",
        ".manifest.json.partial",
    ] {
        let link = folder.join(name);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(&victim, &link).unwrap();
    }
    let mut source = CHAIN.source(usize::MAX);
    export(&folder, &CHAIN.genesis, &mut source, false, &mut |_| ()).unwrap();
    assert_eq!(fs::read(victim).unwrap(), b"mine");
}

#[test]
fn two_exports_do_not_write_into_one_folder() {
    let exported = Exported::new();
    let write = || {
        let mut source = CHAIN.source(usize::MAX);
        export(exported.path(), &CHAIN.genesis, &mut source, false, &mut |_| ())
    };
    let lock = exported.folder().lock().unwrap();
    assert!(lock.is_some());
    assert!(matches!(write(), Err(ExportError::Write(WriteError::Busy))));
    drop(lock);
    write().unwrap();
}
