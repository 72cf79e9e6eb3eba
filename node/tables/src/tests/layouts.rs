//! Files that have the very rows, and would lead another reader than ours to others. All manifests say their hashes.

use std::fs;

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterPropertiesBuilder, WriterVersion};
use parquet::schema::types::ColumnPath;

use super::altered::names;
use super::forging::{Exported, Owned};
use crate::bounds::Bounds;
use crate::day::Day;
use crate::digests::{Digests, TableDigests};
use crate::folder::put_in_place;
use crate::reading::TableReader;
use crate::rows::{Cell, Rows};
use crate::schema::settings;
use crate::table::{Kind, Table};
use crate::writing::TableWriter;
use crate::{Finding, What, root_of};

/// Sets a writer as those of tables are not.
type Setting = fn(WriterPropertiesBuilder) -> WriterPropertiesBuilder;

/// A day's balances as they were exported.
struct Balances {
    exported: Exported,
    day: Day,
    bytes: Vec<u8>,
}

impl Balances {
    fn new() -> Self {
        let exported = Exported::new();
        let day = exported.day_with(Table::Balances);
        let bytes = fs::read(exported.folder().table(Table::Balances, day)).unwrap();
        Self { exported, day, bytes }
    }

    /// Where the footer begins.
    fn footer(&self) -> usize {
        let (before, length) = self.bytes[..self.bytes.len() - 4].split_last_chunk().unwrap();
        before.len() - usize::try_from(u32::from_le_bytes(*length)).unwrap()
    }

    /// Places in the footer where these bytes are.
    fn places(&self, bytes: &[u8]) -> Vec<usize> {
        let all = self.footer()..self.bytes.len() - bytes.len();
        all.filter(|place| self.bytes[*place..].starts_with(bytes))
            .collect()
    }

    /// That these bytes in the place of the file's are found.
    fn is_found(&self, what: &str, bytes: &[u8]) {
        fs::write(self.exported.folder().table(Table::Balances, self.day), bytes).unwrap();
        self.exported.forge_hashes();
        let report = self.exported.verify().unwrap();
        let is_it = |finding: &Finding| {
            (finding.what, finding.table, finding.day) == (What::File, Some(Table::Balances), Some(self.day))
        };
        assert!(names(&report, is_it), "{what}: {:#?}", report.findings);
    }
}

/// Rows, and that row groups say of them what is so; none where a file is not taken.
fn taken(bytes: &[u8], table: Table) -> Option<TableDigests> {
    let mut reader = TableReader::of(Bytes::copy_from_slice(bytes), table).ok()?;
    let (mut digests, mut bounds) = (Digests::new(table), Bounds::new(table));
    while let Some((rows, ends)) = reader.next().ok()? {
        digests.add(&rows);
        bounds.add(&rows);
        if ends {
            if bounds.contradicted_by(reader.group()?).is_some() {
                return None;
            }
            bounds = Bounds::new(table);
        }
    }
    Some(digests.finish())
}

/// Several row groups, pages that are full, a dictionary that is given up, cells of 60 KiB, and none that is there.
#[test]
fn a_file_of_many_rows_is_laid_out_as_all_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("part-0.parquet");
    let is_taken = |table: Table, groups: &[Rows]| {
        let mut writer = TableWriter::create(&path, table).unwrap();
        let mut expected = Digests::new(table);
        for rows in groups {
            writer.write(rows).unwrap();
            expected.add(rows);
        }
        writer.finish().unwrap();
        put_in_place(&path).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(taken(&bytes, table), Some(expected.finish()), "{table}");
    };
    let number = |row: i64| Cell::Number(row);
    let records = [0..70_000_i64, 70_000..70_001].map(|places| {
        let mut rows = Rows::new(Table::Records);
        for row in places {
            let (account, document) = (format!("{row:042}"), format!("{row:064x}"));
            let (account, document) = (Cell::Text(&account), Cell::Text(&document));
            let keep = Cell::Text("log");
            rows.push(&[number(row), number(row / 9), number(0), account, document, keep]);
        }
        rows
    });
    is_taken(Table::Records, &records);
    let intent: Vec<u8> = (0..60_000_u32).map(|place| place.to_le_bytes()[0] ^ 7).collect();
    let mut rows = Rows::new(Table::Transactions);
    for row in 0..100 {
        let cells = Table::Transactions
            .columns()
            .iter()
            .map(|column| match column.kind {
                _ if column.nullable => Cell::Null,
                Kind::Number | Kind::Time => number(row),
                Kind::Amount => Cell::Amount(1),
                Kind::Text => Cell::Text("a"),
                Kind::Bytes => Cell::Bytes(&intent),
                Kind::Flag => Cell::Flag(row % 2 == 0),
            });
        rows.push(&cells.collect::<Vec<_>>());
    }
    is_taken(Table::Transactions, &[rows]);
}

#[test]
fn a_file_that_was_written_otherwise_is_found() {
    let exported = Exported::new();
    let (table, day) = (Table::Balances, exported.day_with(Table::Balances));
    let rows = exported.rows(table, day);
    let pair = KeyValue::new("ARROW:schema".to_owned(), "other".to_owned());
    let sorted = SortingColumn {
        column_idx: 0,
        descending: true,
        nulls_first: false,
    };
    let all: [(&str, Setting); 10] = [
        ("an index of pages", |settings| {
            settings.set_offset_index_disabled(false)
        }),
        ("another maker", |settings| {
            settings.set_created_by("other".to_owned())
        }),
        ("pages of version 2", |settings| {
            settings.set_writer_version(WriterVersion::PARQUET_2_0)
        }),
        ("nothing compressed", |settings| {
            settings.set_compression(Compression::UNCOMPRESSED)
        }),
        ("no statistics", |settings| {
            settings.set_statistics_enabled(EnabledStatistics::None)
        }),
        ("statistics of pages", |settings| {
            settings.set_statistics_enabled(EnabledStatistics::Page)
        }),
        ("statistics in pages", |settings| {
            settings
                .set_statistics_enabled(EnabledStatistics::Page)
                .set_write_page_header_statistics(true)
        }),
        ("statistics cut off", |settings| {
            settings.set_statistics_truncate_length(Some(2))
        }),
        ("a dictionary of amounts", |settings| {
            settings.set_column_dictionary_enabled(ColumnPath::from("free"), true)
        }),
        ("no names at columns", |settings| {
            settings.set_write_path_in_schema(false)
        }),
    ];
    let mut written: Vec<(&str, WriterPropertiesBuilder)> = all
        .iter()
        .map(|(what, set)| (*what, set(settings(table))))
        .collect();
    written.push((
        "metadata",
        settings(table).set_key_value_metadata(Some(vec![pair])),
    ));
    written.push((
        "an order",
        settings(table).set_sorting_columns(Some(vec![sorted])),
    ));
    for (what, settings) in written {
        exported.write_with(table, day, &rows, settings);
        exported.forge_hashes();
        let report = exported.verify().unwrap();
        let is_it = |finding: &Finding| {
            (finding.what, finding.table, finding.day) == (What::File, Some(table), Some(day))
        };
        assert!(names(&report, is_it), "{what}: {:#?}", report.findings);
    }
    exported.write(table, day, &rows);
    exported.forge_hashes();
    assert!(exported.verify().unwrap().is_good(), "all is as it was");
}

/// Spark and Iceberg go by the name that stands at a column's pages, others by its place.
#[test]
fn columns_whose_names_are_swapped_are_found() {
    let balances = Balances::new();
    let mut bytes = balances.bytes.clone();
    let name_of = |name: &[u8; 4]| {
        // A list of one text of four bytes.
        let places = balances.places(&[&[0x18, 4][..], name.as_slice()].concat());
        *places.last().unwrap() + 2
    };
    let (free, held) = (name_of(b"free"), name_of(b"held"));
    bytes[free..free + 4].copy_from_slice(b"held");
    bytes[held..held + 4].copy_from_slice(b"free");
    balances.is_found("names", &bytes);
}

/// The greatest ordinal and the least stand there twice, for old readers and for new ones.
#[test]
fn bounds_that_are_not_true_are_found() {
    let balances = Balances::new();
    let rows = balances.exported.rows(Table::Balances, balances.day);
    let (Some([Owned::Number(least), ..]), Some([Owned::Number(greatest), ..])) =
        (rows.first().map(Vec::as_slice), rows.last().map(Vec::as_slice))
    else {
        panic!("the first column is a number");
    };
    for bound in [least, greatest] {
        let places = balances.places(&[&[0x18, 8][..], &bound.to_le_bytes()].concat());
        assert!(!places.is_empty());
        for place in places {
            let mut bytes = balances.bytes.clone();
            bytes[place + 2] ^= 1;
            balances.is_found("a bound", &bytes);
        }
    }
}

#[test]
fn bytes_that_belong_to_nothing_are_found() {
    let balances = Balances::new();
    let footer = balances.footer();
    for place in [4, footer, balances.bytes.len() - 8, balances.bytes.len()] {
        let mut bytes = balances.bytes.clone();
        bytes.insert(place, 0);
        balances.is_found("a byte more", &bytes);
    }
    // A whole file before the file, to which nothing points.
    let bytes = [&balances.bytes[..footer], &balances.bytes[4..]].concat();
    balances.is_found("columns twice", &bytes);
}

/// What readers go by stands in the footer, so that no bit of it can be another.
#[test]
fn no_bit_of_a_footer_can_be_another() {
    let exported = Exported::new();
    for table in Table::ALL {
        let day = exported.day_with(table);
        let bytes = fs::read(exported.folder().table(table, day)).unwrap();
        assert!(taken(&bytes, table).is_some(), "{table} is taken as it is");
        let (before, length) = bytes[..bytes.len() - 4].split_last_chunk().unwrap();
        let footer = before.len() - usize::try_from(u32::from_le_bytes(*length)).unwrap();
        for place in footer..bytes.len() {
            let bit = place % 8;
            let mut other = bytes.clone();
            other[place] ^= 1 << bit;
            assert!(taken(&other, table).is_none(), "{table}, byte {place}, bit {bit}");
        }
    }
}

/// Whatever is altered in the pages, the file is refused or has other rows, or the same: no decoder ends the check.
#[test]
fn damage_in_pages_ends_no_check() {
    let exported = Exported::new();
    for table in Table::ALL {
        let day = exported.day_with(table);
        let bytes = fs::read(exported.folder().table(table, day)).unwrap();
        for place in (0..bytes.len()).step_by(13) {
            let mut other = bytes.clone();
            other[place] ^= 1 << (place % 8);
            if let Ok((rows, _)) = root_of(&other, table) {
                assert!(rows < 3 * u64::try_from(bytes.len()).unwrap());
            }
        }
    }
}

#[test]
fn a_file_that_was_cut_off_or_is_none_is_found() {
    let balances = Balances::new();
    for length in [
        0,
        3,
        4,
        7,
        8,
        11,
        12,
        balances.bytes.len() / 2,
        balances.bytes.len() - 1,
    ] {
        balances.is_found("cut off", &balances.bytes[..length]);
    }
    // A footer that begins before the file does.
    let mut bytes = balances.bytes.clone();
    let length = bytes.len() - 8;
    bytes[length..length + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    balances.is_found("a long footer", &bytes);
}
