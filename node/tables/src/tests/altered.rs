//! Whatever is altered is found, and named as exactly as the page says.

use std::fs;

use super::forging::{Exported, altered};
use super::world::CHAIN;
use crate::table::Table;
use crate::{Finding, Report, What, verify};

/// Columns of blocks and transactions that another cell says too: they are named though all manifests were made anew.
const SAID_TWICE: [(Table, &[&str]); 2] = [
    (
        Table::Blocks,
        &[
            "first_ordinal",
            "transactions",
            "hash",
            "previous",
            "chain_root",
            "log_size",
            "log_root",
        ],
    ),
    (
        Table::Transactions,
        &[
            "ordinal",
            "time",
            "height",
            "id",
            "sender",
            "parties",
            "operations",
            "expires_at",
            "error",
            "texts",
        ],
    ),
];

pub(super) fn names(report: &Report, is: impl Fn(&Finding) -> bool) -> bool {
    report.findings.iter().any(is)
}

#[test]
fn every_cell_that_is_altered_is_named() {
    let exported = Exported::new();
    for table in Table::ALL {
        let day = exported.day_with(table);
        let rows = exported.rows(table, day);
        let row = rows.len() / 2;
        for (column, definition) in table.columns().iter().enumerate() {
            let mut other = rows.clone();
            other[row][column] = altered(&rows[row][column], table, column);
            exported.write(table, day, &other);
            let report = exported.verify().unwrap();
            let place = Some(u64::try_from(row).unwrap());
            let is_it = |finding: &Finding| {
                (finding.table, finding.day) == (Some(table), Some(day))
                    && finding.row == place
                    && finding.column == Some(definition.name)
            };
            assert!(
                names(&report, is_it),
                "{table}.{}: {:#?}",
                definition.name,
                report.findings
            );
        }
        exported.write(table, day, &rows);
    }
    assert!(exported.verify().unwrap().is_good(), "all is as it was");
}

#[test]
fn a_cell_is_found_though_all_manifests_were_made_anew() {
    let exported = Exported::new();
    for table in Table::ALL {
        let day = exported.day_with(table);
        let rows = exported.rows(table, day);
        let row = rows.len() / 2;
        for (column, definition) in table.columns().iter().enumerate() {
            let mut other = rows.clone();
            other[row][column] = altered(&rows[row][column], table, column);
            exported.write(table, day, &other);
            exported.forge_manifests();
            let report = exported.verify().unwrap();
            let said_twice = SAID_TWICE
                .iter()
                .any(|(of, columns)| *of == table && columns.contains(&definition.name));
            let place = Some(u64::try_from(row).unwrap());
            let is_it = |finding: &Finding| {
                let is_there = (finding.table, finding.day) == (Some(table), Some(day));
                let is_row = finding.row == place;
                let is_column = finding.column == Some(definition.name);
                match table {
                    _ if table.is_derived() || said_twice => is_there && is_row && is_column,
                    Table::Blocks => is_there && is_row,
                    // The block whose transactions are not those of the log.
                    _ => is_there && finding.row.is_some_and(|found| Some(found) <= place),
                }
            };
            assert!(
                names(&report, is_it),
                "{table}.{}: {:#?}",
                definition.name,
                report.findings
            );
        }
        exported.write(table, day, &rows);
        exported.forge_manifests();
    }
    assert!(exported.verify().unwrap().is_good(), "all is as it was");
}

#[test]
fn rows_that_are_left_out_added_or_moved_are_found() {
    let exported = Exported::new();
    for table in Table::ALL {
        let day = exported.day_with(table);
        let rows = exported.rows(table, day);
        let middle = rows.len() / 2;
        let mut without = rows.clone();
        without.remove(middle);
        let mut shorter = rows.clone();
        shorter.pop();
        let mut longer = rows.clone();
        longer.insert(middle, rows[0].clone());
        let mut moved = rows.clone();
        moved.swap(middle - 1, middle);
        let row_of = |row: usize| Some(u64::try_from(row).unwrap());
        for (other, what, row) in [
            (without, What::RowMissing, row_of(middle)),
            (shorter, What::RowMissing, row_of(rows.len() - 1)),
            (longer, What::RowAdded, row_of(middle)),
            (moved, What::RowOrder, row_of(middle - 1)),
        ] {
            exported.write(table, day, &other);
            let report = exported.verify().unwrap();
            let is_it = |finding: &Finding| {
                (finding.what, finding.row) == (what, row)
                    && (finding.table, finding.day) == (Some(table), Some(day))
            };
            assert!(names(&report, is_it), "{table}, {what:?}: {:#?}", report.findings);
            exported.forge_manifests();
            let report = exported.verify().unwrap();
            // Of blocks, the next day's first row can be the one that does not fit.
            let is_it = |finding: &Finding| {
                let is_there = (finding.table, finding.day) == (Some(table), Some(day));
                !table.is_derived() || (is_there && (finding.what, finding.row) == (what, row))
            };
            assert!(
                names(&report, is_it),
                "{table}, {what:?}, made to fit: {:#?}",
                report.findings
            );
            exported.write(table, day, &rows);
            exported.forge_manifests();
        }
    }
    assert!(exported.verify().unwrap().is_good(), "all is as it was");
}

#[test]
fn swapped_files_are_named() {
    let exported = Exported::new();
    let days: Vec<_> = exported
        .manifest()
        .days
        .into_iter()
        .map(|line| line.day)
        .collect();
    let one = exported.folder().table(Table::Transfers, days[0]);
    let other = exported.folder().table(Table::Transfers, days[1]);
    let bytes = [&one, &other].map(|path| fs::read(path).unwrap());
    fs::write(&one, &bytes[1]).unwrap();
    fs::write(&other, &bytes[0]).unwrap();
    let report = exported.verify().unwrap();
    for (day, of) in [(days[0], days[1]), (days[1], days[0])] {
        let said = format!("it is the file of transfers, {of}");
        let is_it = |finding: &Finding| finding.day == Some(day) && finding.reason == said;
        assert!(names(&report, is_it), "{:#?}", report.findings);
    }
    exported.forge_manifests();
    assert!(!exported.verify().unwrap().is_good(), "made to fit");
}

#[test]
fn files_that_are_missing_or_too_many_are_found() {
    let exported = Exported::new();
    let day = exported.day_with(Table::Records);
    let path = exported.folder().table(Table::Records, day);
    let second = path.with_file_name("part-1.parquet");
    fs::copy(&path, &second).unwrap();
    let report = exported.verify().unwrap();
    let is_it = |finding: &Finding| finding.reason.contains("part-1.parquet");
    assert!(names(&report, is_it), "{:#?}", report.findings);
    fs::remove_file(&second).unwrap();
    fs::remove_file(&path).unwrap();
    let report = exported.verify().unwrap();
    let is_it = |finding: &Finding| (finding.what, finding.table) == (What::File, Some(Table::Records));
    assert!(names(&report, is_it), "{:#?}", report.findings);
}

/// Each byte of the manifests says something, so that none can be another.
#[test]
fn whatever_is_altered_in_a_manifest_is_found() {
    let exported = Exported::new();
    let folder = exported.folder();
    let day = exported.day_with(Table::Transfers);
    for path in [
        folder.manifest(),
        folder.day(day),
        folder.marks(day),
        folder.head_proof(),
    ] {
        let bytes = fs::read(&path).unwrap();
        let step = (bytes.len() / 60).max(1);
        for place in (0..bytes.len()).step_by(step) {
            let mut other = bytes.clone();
            other[place] ^= 1;
            fs::write(&path, &other).unwrap();
            let is_good = exported.verify().is_ok_and(|report| report.is_good());
            assert!(!is_good, "{}, byte {place}", path.display());
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert!(exported.verify().unwrap().is_good(), "all is as it was");
}

#[test]
fn a_folder_that_was_cut_off_does_not_have_its_head() {
    let exported = Exported::new();
    let mut manifest = exported.manifest();
    manifest.days.pop();
    fs::write(exported.folder().manifest(), manifest.write()).unwrap();
    let report = exported.verify().unwrap();
    let is_it = |finding: &Finding| finding.what == What::Head;
    assert!(names(&report, is_it), "{:#?}", report.findings);
}

#[test]
fn a_trusted_block_must_be_in_the_tables() {
    use quorate_ledger::{Digest, Height};
    use quorate_verifier::Pin;

    let exported = Exported::new();
    let height = Height(5);
    let hash = CHAIN.blocks[4].v1().block.hash();
    let check = |height: Height, hash: Digest| {
        let pin = Some(Pin { height, hash });
        verify(exported.path(), &CHAIN.genesis, pin).unwrap().is_good()
    };
    assert!(check(height, hash));
    assert!(!check(height, Digest([1; 32])));
    assert!(!check(Height(10_000), hash), "the tables end before it");
    assert!(check(Height::GENESIS, CHAIN.genesis.id()));
    assert!(!check(Height::GENESIS, hash), "another genesis");
}
