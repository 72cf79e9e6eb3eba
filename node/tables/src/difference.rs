//! Where two lists of rows differ, by the marks of their rows: told as somebody would who had looked.

use std::collections::BTreeMap;

use crate::digests::Mark;
use crate::finding::{Finding, Spot, What};

/// How rows differ from those that should be there. Rows are counted from 0 in the list that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// The row is another.
    Altered { row: usize },
    /// So many rows are left out before this one.
    Missing { row: usize, count: usize },
    /// So many rows are there from this one on that should not be.
    Added { row: usize, count: usize },
    /// So many rows from this one on are those that should be there, in another order.
    Moved { row: usize, count: usize },
    /// Something of all that: so many rows from this one on stand in the place of others.
    Replaced { row: usize, count: usize, others: usize },
}

/// Where `found` differs from `expected`.
pub(crate) fn differences(found: &[Mark], expected: &[Mark]) -> Vec<Difference> {
    let pairs = found.iter().zip(expected);
    let same = pairs.take_while(|(found, expected)| found == expected).count();
    let (found, expected) = (&found[same..], &expected[same..]);
    let ends = found.iter().rev().zip(expected.iter().rev());
    let ending = ends.take_while(|(found, expected)| found == expected).count();
    let found = &found[..found.len() - ending];
    let expected = &expected[..expected.len() - ending];
    let (count, others) = (found.len(), expected.len());
    match (count, others) {
        (0, 0) => Vec::new(),
        (0, _) => vec![Difference::Missing {
            row: same,
            count: others,
        }],
        (_, 0) => vec![Difference::Added { row: same, count }],
        _ if count != others => vec![Difference::Replaced {
            row: same,
            count,
            others,
        }],
        _ if counted(found) == counted(expected) => vec![Difference::Moved { row: same, count }],
        _ => {
            let pairs = found.iter().zip(expected).enumerate();
            let altered = pairs.filter(|(_, (found, expected))| found != expected);
            altered
                .map(|(place, _)| Difference::Altered { row: same + place })
                .collect()
        }
    }
}

/// How often each row is there.
fn counted(marks: &[Mark]) -> BTreeMap<Mark, usize> {
    let mut counts = BTreeMap::new();
    for mark in marks {
        *counts.entry(*mark).or_insert(0) += 1;
    }
    counts
}

impl Difference {
    /// What to say of it where no cells are at hand; of an altered row `columns` are those that may be altered.
    pub(crate) fn findings(self, spot: Spot, columns: &[&'static str]) -> Vec<Finding> {
        let row_of = |row: usize| u64::try_from(row).ok();
        let rows = |count: usize| {
            if count == 1 {
                "1 row".to_owned()
            } else {
                format!("{count} rows")
            }
        };
        let (what, row, reason) = match self {
            Self::Altered { row } => {
                let one = |column: Option<&'static str>, reason: String| {
                    spot.finding(What::Cell, row_of(row), column, reason)
                };
                return match columns {
                    [] => vec![one(None, "the row is another".to_owned())],
                    [column] => vec![one(Some(*column), "the cell is another".to_owned())],
                    several => vec![one(
                        None,
                        format!(
                            "the row is another; altered are the columns {}",
                            several.join(", ")
                        ),
                    )],
                };
            }
            Self::Missing { row, count } => (
                What::RowMissing,
                row,
                format!("{} left out before this row", rows(count)),
            ),
            Self::Added { row, count } => {
                (What::RowAdded, row, format!("{} added from here on", rows(count)))
            }
            Self::Moved { row, count } => (
                What::RowOrder,
                row,
                format!("the {} from here on stand in another order", rows(count)),
            ),
            Self::Replaced { row, count, others } => (
                What::Rows,
                row,
                format!("{} from here on stand in the place of {others}", rows(count)),
            ),
        };
        vec![spot.finding(what, row_of(row), None, reason)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(text: &str) -> Vec<Mark> {
        text.bytes().map(|byte| [byte; 8]).collect()
    }

    #[test]
    fn differences_are_told_as_what_was_done() {
        for (found, expected, told) in [
            ("abcd", "abcd", vec![]),
            ("abXd", "abcd", vec![Difference::Altered { row: 2 }]),
            ("Xbcd", "abcd", vec![Difference::Altered { row: 0 }]),
            (
                "aXcY",
                "abcd",
                vec![Difference::Altered { row: 1 }, Difference::Altered { row: 3 }],
            ),
            ("acd", "abcd", vec![Difference::Missing { row: 1, count: 1 }]),
            ("ab", "abcd", vec![Difference::Missing { row: 2, count: 2 }]),
            ("abXcd", "abcd", vec![Difference::Added { row: 2, count: 1 }]),
            ("acbd", "abcd", vec![Difference::Moved { row: 1, count: 2 }]),
            (
                "aXd",
                "abcd",
                vec![Difference::Replaced {
                    row: 1,
                    count: 1,
                    others: 2,
                }],
            ),
        ] {
            assert_eq!(
                differences(&marks(found), &marks(expected)),
                told,
                "{found} for {expected}"
            );
        }
    }
}
