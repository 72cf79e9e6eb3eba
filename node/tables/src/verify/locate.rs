//! Naming rows and cells of files that differ from what follows from the chain: the rows are made again, and compared.

use std::collections::{BTreeMap, BTreeSet};

use super::chain::{Ground, other_cell, walk};
use crate::day::Day;
use crate::difference::{Difference, differences};
use crate::digests::marks_of;
use crate::finding::{Finding, Spot, What};
use crate::reading::{ReadError, TableReader};
use crate::rows::Rows;
use crate::table::Table;

/// Rows of a file that are looked for one by one, at most: they are in memory, twice.
const MAX_ROWS: usize = 4_194_304;

/// The findings on these files, each with row and column as far as they can be told.
pub(super) fn locate(ground: &Ground<'_>, wanted: &BTreeSet<(Day, Table)>) -> Vec<Finding> {
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
            let is_too_long = kept
                .as_ref()
                .is_some_and(|kept| kept.len() + new.len() > MAX_ROWS);
            if is_too_long {
                *kept = None;
            }
            if let Some(kept) = kept {
                kept.extend(new);
            }
        }
    });
    let told = expected.into_iter().flat_map(|((day, table), expected)| {
        let spot = Spot { table, day };
        let found = read(ground, spot);
        match (found, expected) {
            (Ok(Some(found)), Some(expected)) => compare(spot, &found, &expected),
            (Err(error), _) => vec![spot.file(error.to_string())],
            _ => {
                let reason = "its rows do not follow from the chain; there are too many to say which";
                vec![spot.finding(What::Rows, None, None, reason)]
            }
        }
    });
    told.collect()
}

/// All rows of a file; none if there are too many.
fn read(ground: &Ground<'_>, spot: Spot) -> Result<Option<Rows>, ReadError> {
    let path = ground.folder.table(spot.table, spot.day);
    let mut reader = TableReader::open(&path, spot.table)?;
    let mut all = Rows::new(spot.table);
    while let Some((rows, _)) = reader.next()? {
        if all.len() + rows.len() > MAX_ROWS {
            return Ok(None);
        }
        all.extend(&rows);
    }
    Ok(Some(all))
}

fn compare(spot: Spot, found: &Rows, expected: &Rows) -> Vec<Finding> {
    let told = differences(&marks_of(found), &marks_of(expected));
    let mut findings = Vec::new();
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
    findings
}
