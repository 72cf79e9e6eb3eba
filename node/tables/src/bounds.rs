//! What a row group says of its columns: the least and the greatest value, how many are NULL, and how long the texts are. A
//! query engine leaves out whole row groups by that, so a lie there hides rows as well as a deleted row does.

use crate::layout::{Group, Summary};
use crate::rows::{Cell, Rows};
use crate::table::Table;

/// The bounds of a row group's columns, as its rows give them.
pub(crate) struct Bounds {
    table: Table,
    rows: u64,
    columns: Vec<Bound>,
}

#[derive(Clone, Debug, Default)]
struct Bound {
    least: Option<Value>,
    greatest: Option<Value>,
    nulls: u64,
    text_bytes: u64,
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
            .saturating_add(u64::try_from(rows.len()).unwrap_or(u64::MAX));
        for (column, bound) in self.columns.iter_mut().enumerate() {
            for row in 0..rows.len() {
                bound.add(rows.cell(row, column));
            }
        }
    }

    /// The name of the first column of which the row group says something else; `None`: it says the truth.
    pub(crate) fn contradicted_by(&self, group: &Group) -> Option<&'static str> {
        let columns = self.table.columns();
        let mut all = columns.iter().zip(&self.columns).zip(&group.columns);
        let lie = all.find(|((_, bound), said)| group.rows != self.rows || !bound.agrees(self.rows, said));
        lie.map(|((column, _), _)| column.name)
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
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.text_bytes = self.text_bytes.saturating_add(length);
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

    /// Whether that is said of so many cells. That all of it is said is a part of the layout.
    fn agrees(&self, rows: u64, said: &Summary) -> bool {
        let is = |said: Option<&[u8]>, found: Option<&Value>| said == found.map(Value::bytes).as_deref();
        let is_bounded = said.statistics.as_ref().is_none_or(|statistics| {
            statistics.nulls == self.nulls
                && is(statistics.least.as_deref(), self.least.as_ref())
                && is(statistics.greatest.as_deref(), self.greatest.as_ref())
        });
        let levels = [self.nulls, rows.saturating_sub(self.nulls)];
        is_bounded
            && said.text_bytes.is_none_or(|bytes| bytes == self.text_bytes)
            && said.levels.is_none_or(|said| said == levels)
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
