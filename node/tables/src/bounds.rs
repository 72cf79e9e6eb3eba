//! What a row group says of its columns: the least and the greatest value, and how many are NULL. A query engine leaves
//! out whole row groups by them, so a lie there hides rows as well as a deleted row does.

use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};

use crate::rows::{Cell, Rows};
use crate::table::{Kind, Table};

/// The bounds of a row group's columns, as its rows give them.
pub(crate) struct Bounds {
    table: Table,
    rows: i64,
    columns: Vec<Bound>,
}

#[derive(Clone, Debug, Default)]
struct Bound {
    least: Option<Value>,
    greatest: Option<Value>,
    nulls: u64,
}

/// A value that orders as Parquet's logical type does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Number(i64),
    Amount(i128),
    Text(String),
    Flag(bool),
}

impl Bounds {
    pub(crate) fn new(table: Table) -> Self {
        Self {
            table,
            rows: 0,
            columns: vec![Bound::default(); table.columns().len()],
        }
    }

    pub(crate) fn add(&mut self, rows: &Rows) {
        self.rows = self
            .rows
            .saturating_add(i64::try_from(rows.len()).unwrap_or(i64::MAX));
        for (column, bound) in self.columns.iter_mut().enumerate() {
            for row in 0..rows.len() {
                bound.add(rows.cell(row, column));
            }
        }
    }

    /// The name of the first column of which the row group says something else; `None`: it says the truth.
    pub(crate) fn contradicted_by(&self, group: &RowGroupMetaData) -> Option<&'static str> {
        let columns = self.table.columns();
        if self.rows != group.num_rows() || group.columns().len() != columns.len() {
            return columns.first().map(|column| column.name);
        }
        let mut all = columns.iter().zip(&self.columns).zip(group.columns());
        let lies = all.find(|((column, bound), chunk)| !bound.agrees(column.kind, chunk));
        lies.map(|((column, _), _)| column.name)
    }
}

impl Bound {
    fn add(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Null => self.nulls += 1,
            // They have no statistics.
            Cell::Bytes(_) => {}
            Cell::Text(text) => self.add_text(text),
            Cell::Number(number) => self.add_value(Value::Number(number)),
            Cell::Amount(amount) => self.add_value(Value::Amount(amount)),
            Cell::Flag(flag) => self.add_value(Value::Flag(flag)),
        }
    }

    /// As [`Self::add_value`], without a copy of each text.
    fn add_text(&mut self, text: &str) {
        let is_less =
            |value: &Option<Value>| matches!(value, Some(Value::Text(other)) if other.as_str() <= text);
        let is_greater =
            |value: &Option<Value>| matches!(value, Some(Value::Text(other)) if other.as_str() >= text);
        if !is_less(&self.least) {
            self.least = Some(Value::Text(text.to_owned()));
        }
        if !is_greater(&self.greatest) {
            self.greatest = Some(Value::Text(text.to_owned()));
        }
    }

    fn add_value(&mut self, value: Value) {
        if self.least.as_ref().is_none_or(|least| value < *least) {
            self.least = Some(value.clone());
        }
        if self.greatest.as_ref().is_none_or(|greatest| value > *greatest) {
            self.greatest = Some(value);
        }
    }

    fn agrees(&self, kind: Kind, chunk: &ColumnChunkMetaData) -> bool {
        let Some(said) = chunk.statistics() else {
            return true;
        };
        if kind == Kind::Bytes {
            return false;
        }
        let is = |said: Option<&[u8]>, found: Option<&Value>| match (said, found) {
            (None, _) => true,
            (Some(said), Some(found)) => said == found.bytes().as_slice(),
            (Some(_), None) => false,
        };
        said.null_count_opt().is_none_or(|nulls| nulls == self.nulls)
            && is(said.min_bytes_opt(), self.least.as_ref())
            && is(said.max_bytes_opt(), self.greatest.as_ref())
    }
}

impl Value {
    /// As statistics have it.
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Number(number) => number.to_le_bytes().to_vec(),
            Self::Amount(amount) => amount.to_be_bytes().to_vec(),
            Self::Text(text) => text.as_bytes().to_vec(),
            Self::Flag(flag) => vec![u8::from(*flag)],
        }
    }
}
