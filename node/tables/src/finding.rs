//! What a check of tables finds.

use std::collections::BTreeMap;
use std::fmt;

use quorate_ledger::Digest;
use serde::Serialize;

use crate::day::Day;
use crate::manifest::Head;
use crate::table::Table;

/// Findings that are told one by one, at most. All are counted.
const MAX_FINDINGS: usize = 200;

/// The verdict on a folder of tables.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The network.
    pub network: Digest,
    /// The block that the folder goes up to, as its manifest says.
    pub head: Head,
    /// Days that the manifest names.
    pub days: usize,
    /// Rows that were read, by table.
    pub rows: BTreeMap<&'static str, u64>,
    /// What is wrong. Empty: every cell is as the certified chain has it.
    pub findings: Vec<Finding>,
    /// Findings beside these.
    pub more: u64,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is.
    pub what: What,
    /// In which table.
    pub table: Option<Table>,
    /// On which day.
    pub day: Option<Day>,
    /// Which row of the day's file, from 0.
    pub row: Option<u64>,
    /// Which column.
    pub column: Option<&'static str>,
    /// More of it, for people.
    pub reason: String,
}

/// Kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A manifest says something else than what is there.
    Manifest,
    /// The head is not the certified one.
    Head,
    /// A file that is missing, swapped, unreadable, of other bytes, or named by no manifest.
    File,
    /// An altered cell.
    Cell,
    /// Rows that are left out.
    RowMissing,
    /// Rows that were added.
    RowAdded,
    /// Rows in another order.
    RowOrder,
    /// Rows that are others, without more being known.
    Rows,
}

/// Where something is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    pub(crate) table: Table,
    pub(crate) day: Day,
}

/// Findings as they come up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    pub(crate) listed: Vec<Finding>,
    pub(crate) more: u64,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.findings.is_empty() && self.more == 0
    }
}

impl Spot {
    pub(crate) fn finding(
        self,
        what: What,
        row: Option<u64>,
        column: Option<&'static str>,
        reason: impl Into<String>,
    ) -> Finding {
        Finding {
            what,
            table: Some(self.table),
            day: Some(self.day),
            row,
            column,
            reason: reason.into(),
        }
    }

    /// About the file as a whole.
    pub(crate) fn file(self, reason: impl Into<String>) -> Finding {
        self.finding(What::File, None, None, reason)
    }
}

impl Finding {
    /// About a manifest.
    pub(crate) fn manifest(day: Option<Day>, table: Option<Table>, reason: impl Into<String>) -> Self {
        Self {
            what: What::Manifest,
            table,
            day,
            row: None,
            column: None,
            reason: reason.into(),
        }
    }

    /// About the head.
    pub(crate) fn head(reason: impl Into<String>) -> Self {
        Self {
            what: What::Head,
            table: None,
            day: None,
            row: None,
            column: None,
            reason: reason.into(),
        }
    }

    /// Whether it names rows or cells of a file.
    pub(crate) fn is_about_rows(&self) -> bool {
        !matches!(self.what, What::Manifest | What::Head | What::File)
    }
}

impl Findings {
    pub(crate) fn push(&mut self, finding: Finding) {
        if self.listed.len() < MAX_FINDINGS {
            self.listed.push(finding);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    pub(crate) fn extend(&mut self, others: impl IntoIterator<Item = Finding>) {
        for finding in others {
            self.push(finding);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }
}

/// `transfers, 2026-11-30, row 4, column amount: …`
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = "";
        let mut part = |f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>| -> fmt::Result {
            write!(f, "{before}{text}")?;
            before = ", ";
            Ok(())
        };
        if self.what == What::Manifest {
            part(f, format_args!("manifest"))?;
        }
        if let Some(table) = self.table {
            part(f, format_args!("{table}"))?;
        }
        if let Some(day) = self.day {
            part(f, format_args!("{day}"))?;
        }
        if let Some(row) = self.row {
            part(f, format_args!("row {row}"))?;
        }
        if let Some(column) = self.column {
            part(f, format_args!("column {column}"))?;
        }
        if self.what == What::Head {
            part(f, format_args!("head"))?;
        }
        write!(f, ": {}", self.reason)
    }
}
