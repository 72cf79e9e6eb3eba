//! Naming rows and cells of files that differ from what follows from the chain: the rows are made again, and compared.

use std::collections::{BTreeMap, BTreeSet};

use super::chain::{Ground, other_cell, walk};
use crate::day::Day;
use crate::difference::{Difference, differences};
use crate::digests::marks_of;
use crate::finding::{Findings, Spot, What};
use crate::reading::{ReadError, TableReader};
use crate::rows::Rows;
use crate::table::Table;

/// Rows that are looked for one by one, at most, in all files together: they are in memory.
const MAX_ROWS: usize = 4_194_304;

/// Bytes of these rows, at most.
const MAX_BYTES: usize = 1 << 30;

/// Looks where these files differ from what follows from the chain, and says of each row and column as far as they can be
/// told; of each file at least that it differs.
pub(super) fn locate(ground: &Ground<'_>, wanted: &BTreeSet<(Day, Table)>, findings: &mut Findings) {
    let (mut rows_left, mut bytes_left) = (MAX_ROWS, MAX_BYTES);
    let mut expected: BTreeMap<(Day, Table), Option<Rows>> = BTreeMap::new();
    for (day, table) in wanted {
        expected.insert((*day, *table), Some(Rows::new(*table)));
    }
    walk(ground, &mut |day, rows| {
        for table in Table::ALL {
            let Some(kept) = expected.get_mut(&(day, table)) else {
                continue;
            };
            let new = rows.of(table);
            let Some(all) = kept else {
                continue;
            };
            let left = (
                rows_left.checked_sub(new.len()),
                bytes_left.checked_sub(new.bytes()),
            );
            if let (Some(rows_then), Some(bytes_then)) = left {
                (rows_left, bytes_left) = (rows_then, bytes_then);
                all.extend(new);
            } else {
                rows_left += all.len();
                bytes_left += all.bytes();
                *kept = None;
            }
        }
    });
    for ((day, table), expected) in expected {
        let spot = Spot { table, day };
        match (read(ground, spot), expected) {
            (Ok(Some(found)), Some(expected)) => compare(spot, &found, &expected, findings),
            (Err(error), _) => findings.push(spot.file(error.to_string())),
            _ => {
                let reason = "its rows do not follow from the chain; there are too many to say which";
                findings.push(spot.finding(What::Rows, None, None, reason));
            }
        }
    }
}

/// All rows of a file; none if there are too many.
fn read(ground: &Ground<'_>, spot: Spot) -> Result<Option<Rows>, ReadError> {
    let path = ground.folder.table(spot.table, spot.day);
    let mut reader = TableReader::open(&path, spot.table)?;
    let mut all = Rows::new(spot.table);
    while let Some((rows, _)) = reader.next()? {
        if all.len() + rows.len() > MAX_ROWS || all.bytes() + rows.bytes() > MAX_BYTES {
            return Ok(None);
        }
        all.extend(&rows);
    }
    Ok(Some(all))
}

fn compare(spot: Spot, found: &Rows, expected: &Rows, findings: &mut Findings) {
    let told = differences(&marks_of(found), &marks_of(expected));
    if told.is_empty() {
        // Marks are short: rows can be made that have the same ones. And a file may have no row where there is none.
        let reason = "its rows do not follow from the chain, though their marks are the same";
        findings.push(spot.finding(What::Rows, None, None, reason));
    }
    for difference in told {
        let Difference::Altered { row } = difference else {
            findings.extend(difference.findings(spot, &[]));
            continue;
        };
        // Altered rows are at the same place in both.
        for (column, definition) in spot.table.columns().iter().enumerate() {
            let (cell, should) = (found.cell(row, column), expected.cell(row, column));
            if cell != should {
                let row = u64::try_from(row).unwrap_or(u64::MAX);
                findings.push(other_cell(spot, row, definition.name, cell, should));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Cell;

    /// Eight bytes of a hash can be had twice by whoever looks long enough: that the roots differ is known already.
    #[test]
    fn rows_with_the_same_marks_are_told_nevertheless() {
        let spot = Spot {
            table: Table::Records,
            day: "2026-01-01".parse().unwrap(),
        };
        let mut rows = Rows::new(Table::Records);
        let number = Cell::Number(1);
        let text = Cell::Text("a");
        rows.push(&[number, number, number, text, text, text]);
        let mut findings = Findings::default();
        compare(spot, &rows, &rows.clone(), &mut findings);
        assert_eq!(findings.listed.len(), 1);
    }
}
