//! What manifests say of a table's rows: their number, the root over them, a hash of each column, and eight bytes of
//! each row's hash, which say where to look (`docs/tables.md`, section 4).

use quorate_crypto::Digest;
use quorate_crypto::merkle::{Frontier, leaf_hash};
use sha2::{Digest as _, Sha256};

use crate::rows::Rows;
use crate::table::Table;

/// The first bytes of the hash of a row's leaf.
pub(crate) type Mark = [u8; 8];

/// Bytes of a mark.
pub(crate) const MARK_BYTES: u64 = 8;

/// Digests of rows that come one after the other.
pub(crate) struct Digests {
    list: Frontier,
    /// Empty where nobody asks for columns.
    columns: Vec<Sha256>,
    marks: Vec<Mark>,
    /// How many marks are kept.
    most: usize,
    row: Vec<u8>,
}

/// The digests of all rows of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableDigests {
    pub(crate) rows: u64,
    pub(crate) root: Digest,
    pub(crate) columns: Vec<Digest>,
    /// As many as were asked for.
    pub(crate) marks: Vec<Mark>,
}

impl Digests {
    pub(crate) fn new(table: Table) -> Self {
        Self::with_marks(table, usize::MAX)
    }

    /// With so many marks at most.
    pub(crate) fn with_marks(table: Table, most: usize) -> Self {
        Self {
            list: Frontier::new(),
            columns: table.columns().iter().map(|_| Sha256::new()).collect(),
            marks: Vec::new(),
            most,
            row: Vec::new(),
        }
    }

    /// Number and root alone.
    pub(crate) fn of_root() -> Self {
        Self {
            list: Frontier::new(),
            columns: Vec::new(),
            marks: Vec::new(),
            most: 0,
            row: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, rows: &Rows) {
        let encoded = rows.encode();
        for (hasher, column) in self.columns.iter_mut().zip(&encoded) {
            hasher.update(&column.bytes);
        }
        for row in 0..rows.len() {
            self.row.clear();
            for column in &encoded {
                self.row.extend_from_slice(column.cell(row));
            }
            let leaf = leaf_hash(&self.row);
            self.list.push_hash(leaf);
            if self.marks.len() < self.most {
                self.marks.push(mark_of(&leaf));
            }
        }
    }

    pub(crate) fn finish(self) -> TableDigests {
        let columns = self.columns.into_iter();
        TableDigests {
            rows: self.list.length(),
            root: self.list.root(),
            columns: columns.map(|hasher| Digest(hasher.finalize().into())).collect(),
            marks: self.marks,
        }
    }
}

fn mark_of(leaf: &Digest) -> Mark {
    let [a, b, c, d, e, f, g, h, ..] = leaf.0;
    [a, b, c, d, e, f, g, h]
}

/// The marks of rows.
pub(crate) fn marks_of(rows: &Rows) -> Vec<Mark> {
    let mut digests = Digests::new(rows.table());
    digests.add(rows);
    digests.marks
}
