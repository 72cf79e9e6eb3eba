//! What is written: all of it, the same each time, and closed days once.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use super::forging::{Exported, Owned, contents};
use super::world::CHAIN;
use crate::table::Table;
use crate::{ExportError, WriteError, export, verify};

#[test]
fn a_chain_is_written_and_checked() {
    let exported = Exported::new();
    let report = exported.verify().unwrap();
    assert!(report.is_good(), "{:#?}", report.findings);
    assert_eq!(report.days, 3);
    assert_eq!(report.head.epoch.0, 1, "the head is of a later epoch");
    for table in Table::ALL {
        let count = report.rows[table.name()];
        assert!(count > 4, "{table} has {count} rows");
    }
    let blocks = u64::try_from(CHAIN.blocks.len()).unwrap();
    assert_eq!(report.rows["blocks"], blocks);
    assert_eq!(report.rows["transactions"], report.head.log_size);
}

/// Balances, movements and holds say the same, each for itself.
#[test]
fn tables_add_up_to_the_last_unit() {
    let exported = Exported::new();
    let place = |table: Table, name: &str| {
        let mut columns = table.columns().iter();
        columns.position(|column| column.name == name).unwrap()
    };
    let text = |cell: &Owned| match cell {
        Owned::Text(text) => text.clone(),
        other => panic!("a text is there, not {other:?}"),
    };
    let amount = |cell: &Owned| match cell {
        Owned::Amount(amount) => *amount,
        other => panic!("an amount is there, not {other:?}"),
    };
    let mut latest: BTreeMap<(String, String), i128> = BTreeMap::new();
    let mut moved = latest.clone();
    for line in exported.manifest().days {
        for row in exported.rows(Table::Balances, line.day) {
            let of = |name: &str| &row[place(Table::Balances, name)];
            let key = (text(of("account")), text(of("asset")));
            if *of("ordinal") == Owned::Number(-1) {
                *moved.entry(key.clone()).or_default() += amount(of("free"));
            }
            latest.insert(key, amount(of("free")) + amount(of("held")));
        }
        for row in exported.rows(Table::Transfers, line.day) {
            let of = |name: &str| &row[place(Table::Transfers, name)];
            for (column, sign) in [("sender", -1), ("receiver", 1)] {
                if *of(column) != Owned::Null {
                    let key = (text(of(column)), text(of("asset")));
                    *moved.entry(key).or_default() += sign * amount(of("amount"));
                }
            }
        }
    }
    // What only passed through an account has left no balance there.
    latest.retain(|_, units| *units != 0);
    moved.retain(|_, units| *units != 0);
    assert_eq!(latest, moved);
    assert!(latest.len() > 20);
}

#[test]
fn the_same_chain_gives_the_same_files() {
    let (one, other) = (Exported::new(), Exported::new());
    assert_eq!(contents(one.path()), contents(other.path()));
}

#[test]
fn an_export_goes_on_where_the_folder_ends_and_leaves_closed_days_alone() {
    let whole = Exported::new();
    let dir = tempfile::tempdir().unwrap();
    let mut touched = BTreeMap::new();
    for blocks in [1, 3, 4, 9, 20, CHAIN.blocks.len(), CHAIN.blocks.len()] {
        let mut source = CHAIN.source(blocks);
        export(dir.path(), &CHAIN.genesis, &mut source, false, &mut |_| ()).unwrap();
        let report = verify(dir.path(), &CHAIN.genesis, None).unwrap();
        assert!(report.is_good(), "{blocks} blocks: {:#?}", report.findings);
        let mut days: Vec<_> = fs::read_dir(dir.path().join("days"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        days.sort();
        for path in &days[..days.len() - 2] {
            let inode = fs::metadata(path).unwrap().ino();
            let former = touched.entry(path.clone()).or_insert(inode);
            assert_eq!(*former, inode, "{}", path.display());
        }
    }
    assert!(!touched.is_empty());
    assert_eq!(contents(dir.path()), contents(whole.path()));
}

#[test]
fn a_folder_is_gone_on_with_by_its_own_chain_alone() {
    let dir = tempfile::tempdir().unwrap();
    let write = |blocks: usize| {
        let mut source = CHAIN.source(blocks);
        export(dir.path(), &CHAIN.genesis, &mut source, false, &mut |_| ())
    };
    assert!(matches!(write(0), Err(ExportError::Write(WriteError::NoBlock))));
    write(20).unwrap();
    let before = contents(dir.path());
    for fewer in [0, 2, 10] {
        let refused = write(fewer);
        assert!(
            matches!(refused, Err(ExportError::Write(WriteError::EndsEarly { .. }))),
            "{fewer}: {refused:?}"
        );
    }
    assert_eq!(contents(dir.path()), before);
}

#[test]
fn csv_has_what_a_spreadsheet_can_use() {
    let dir = tempfile::tempdir().unwrap();
    let mut source = CHAIN.source(usize::MAX);
    export(dir.path(), &CHAIN.genesis, &mut source, true, &mut |_| ()).unwrap();
    let path = dir.path().join("csv/transfers/day=2026-01-02/part-0.csv");
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("ordinal,time,operation,kind,sender,receiver,asset,amount,decimals")
    );
    let first = lines.next().unwrap();
    assert!(first.contains(",2026-01-02T"), "{first}");
    let path = dir.path().join("csv/transactions/day=2026-01-02/part-0.csv");
    let names = fs::read_to_string(path).unwrap();
    assert!(!names.lines().next().unwrap().contains("intent"));
    assert!(
        verify(dir.path(), &CHAIN.genesis, None).unwrap().is_good(),
        "CSV is beside the tables"
    );
}

/// A day as CSV would otherwise stay as it was when the day was not over.
#[test]
fn csv_is_made_again_of_days_that_were_written_again() {
    let (dir, whole) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |path: &std::path::Path, blocks: usize, csv: bool| {
        let mut source = CHAIN.source(blocks);
        export(path, &CHAIN.genesis, &mut source, csv, &mut |_| ()).unwrap();
    };
    write(dir.path(), 20, true);
    // The second day grows and ends without anybody who asks for CSV.
    write(dir.path(), usize::MAX, false);
    write(dir.path(), usize::MAX, true);
    write(whole.path(), usize::MAX, true);
    assert_eq!(contents(dir.path()), contents(whole.path()));
}

/// A spreadsheet takes a cell that begins so for a formula. No text of the tables is anybody's own words.
#[test]
fn no_text_of_the_tables_begins_a_formula() {
    let exported = Exported::new();
    for line in exported.manifest().days {
        for table in Table::ALL {
            for cell in exported.rows(table, line.day).iter().flatten() {
                if let Owned::Text(text) = cell {
                    assert!(
                        !text.starts_with(['=', '+', '-', '@', '\t', '\r']),
                        "{table}: {text}"
                    );
                    assert!(!text.contains(['\n', '\r']), "{table}: {text}");
                }
            }
        }
    }
}
