//! Rows in memory, column by column, and a row's encoding (`docs/tables.md`, section 4).

use crate::table::{Column, Kind, Table};

/// A cell of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    Null,
    /// A number, or a time in milliseconds.
    Number(i64),
    Amount(i128),
    Text(&'a str),
    Bytes(&'a [u8]),
    Flag(bool),
}

/// Rows of one table.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    table: Table,
    columns: Vec<Stored>,
    length: usize,
}

/// The cells of one column.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// Which cells are there; empty where all must be.
    pub(crate) present: Vec<bool>,
    pub(crate) values: Values,
    nullable: bool,
}

/// One value for each row; of a cell that is NULL, any.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    Numbers(Vec<i64>),
    Amounts(Vec<i128>),
    /// All texts, one after the other, and where each ends.
    Texts(String, Vec<usize>),
    Bytes(Vec<u8>, Vec<usize>),
    Flags(Vec<bool>),
}

/// The cells of a column, encoded one after the other, and where each ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Rows {
    pub(crate) fn new(table: Table) -> Self {
        let columns = table.columns().iter().map(Stored::new);
        Self {
            table,
            columns: columns.collect(),
            length: 0,
        }
    }

    /// Rows of columns that were read, each with as many cells.
    pub(crate) fn of_columns(table: Table, columns: Vec<Stored>, length: usize) -> Self {
        Self {
            table,
            columns,
            length,
        }
    }

    pub(crate) fn table(&self) -> Table {
        self.table
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// About how many bytes its cells have.
    pub(crate) fn bytes(&self) -> usize {
        self.columns.iter().map(Stored::bytes).sum()
    }

    pub(crate) fn columns(&self) -> &[Stored] {
        &self.columns
    }

    pub(crate) fn clear(&mut self) {
        for column in &mut self.columns {
            column.clear();
        }
        self.length = 0;
    }

    /// Appends a row.
    ///
    /// # Panics
    /// If it is not one of this table: rows are made by this package alone.
    pub(crate) fn push(&mut self, cells: &[Cell<'_>]) {
        assert_eq!(
            cells.len(),
            self.columns.len(),
            "a row has a cell for each column"
        );
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.push(*cell);
        }
        self.length += 1;
    }

    /// Appends all rows of others of this table.
    pub(crate) fn extend(&mut self, others: &Self) {
        for row in 0..others.len() {
            let cells: Vec<Cell<'_>> = (0..others.columns.len())
                .map(|column| others.cell(row, column))
                .collect();
            self.push(&cells);
        }
    }

    /// A cell that is there.
    pub(crate) fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        self.columns[column].cell(row)
    }

    /// The cells of each column, encoded.
    pub(crate) fn encode(&self) -> Vec<Encoded> {
        let encode = |column: &Stored| {
            let mut encoded = Encoded::default();
            encoded.ends.reserve(self.length);
            for row in 0..self.length {
                encode_cell(column.cell(row), column.nullable, &mut encoded.bytes);
                encoded.ends.push(encoded.bytes.len());
            }
            encoded
        };
        self.columns.iter().map(encode).collect()
    }
}

impl Encoded {
    /// One cell.
    pub(crate) fn cell(&self, row: usize) -> &[u8] {
        &self.bytes[start_of(&self.ends, row)..self.ends[row]]
    }
}

impl Stored {
    fn new(column: &Column) -> Self {
        Self::of(column, Values::none(column.kind), Vec::new())
    }

    /// Cells that were read: a value for each row.
    pub(crate) fn of(column: &Column, values: Values, present: Vec<bool>) -> Self {
        Self {
            present,
            values,
            nullable: column.nullable,
        }
    }

    fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::Numbers(numbers) => size_of_val(numbers.as_slice()),
            Values::Amounts(amounts) => size_of_val(amounts.as_slice()),
            Values::Texts(texts, ends) => texts.len() + size_of_val(ends.as_slice()),
            Values::Bytes(bytes, ends) => bytes.len() + size_of_val(ends.as_slice()),
            Values::Flags(flags) => flags.len(),
        };
        self.present.len() + values
    }

    pub(crate) fn is_present(&self, row: usize) -> bool {
        !self.nullable || self.present[row]
    }

    /// Of one value for each row, those of cells that are there.
    pub(crate) fn kept<T>(&self, values: impl Iterator<Item = T>) -> Vec<T> {
        let numbered = values.enumerate();
        numbered
            .filter(|(row, _)| self.is_present(*row))
            .map(|(_, value)| value)
            .collect()
    }

    /// Parquet's definition levels: 1 where a cell is there. None where all must be.
    pub(crate) fn levels(&self) -> Option<Vec<i16>> {
        self.nullable
            .then(|| self.present.iter().map(|present| i16::from(*present)).collect())
    }

    pub(crate) fn cell(&self, row: usize) -> Cell<'_> {
        if !self.is_present(row) {
            return Cell::Null;
        }
        match &self.values {
            Values::Numbers(numbers) => Cell::Number(numbers[row]),
            Values::Amounts(amounts) => Cell::Amount(amounts[row]),
            Values::Texts(texts, ends) => Cell::Text(&texts[start_of(ends, row)..ends[row]]),
            Values::Bytes(bytes, ends) => Cell::Bytes(&bytes[start_of(ends, row)..ends[row]]),
            Values::Flags(flags) => Cell::Flag(flags[row]),
        }
    }

    fn push(&mut self, cell: Cell<'_>) {
        let is_null = cell == Cell::Null;
        assert!(self.nullable || !is_null, "the column has a value in each row");
        if self.nullable {
            self.present.push(!is_null);
        }
        match (&mut self.values, cell) {
            (Values::Numbers(numbers), Cell::Number(number)) => numbers.push(number),
            (Values::Numbers(numbers), Cell::Null) => numbers.push(0),
            (Values::Amounts(amounts), Cell::Amount(amount)) => amounts.push(amount),
            (Values::Amounts(amounts), Cell::Null) => amounts.push(0),
            (Values::Flags(flags), Cell::Flag(flag)) => flags.push(flag),
            (Values::Flags(flags), Cell::Null) => flags.push(false),
            (Values::Texts(texts, ends), Cell::Text(text)) => {
                texts.push_str(text);
                ends.push(texts.len());
            }
            (Values::Texts(texts, ends), Cell::Null) => ends.push(texts.len()),
            (Values::Bytes(all, ends), Cell::Bytes(bytes)) => {
                all.extend_from_slice(bytes);
                ends.push(all.len());
            }
            (Values::Bytes(all, ends), Cell::Null) => ends.push(all.len()),
            (_, cell) => panic!("a cell is of its column's kind, not {cell:?}"),
        }
    }

    fn clear(&mut self) {
        self.present.clear();
        match &mut self.values {
            Values::Numbers(numbers) => numbers.clear(),
            Values::Amounts(amounts) => amounts.clear(),
            Values::Texts(texts, ends) => {
                texts.clear();
                ends.clear();
            }
            Values::Bytes(bytes, ends) => {
                bytes.clear();
                ends.clear();
            }
            Values::Flags(flags) => flags.clear(),
        }
    }
}

impl Values {
    fn none(kind: Kind) -> Self {
        match kind {
            Kind::Number | Kind::Time => Self::Numbers(Vec::new()),
            Kind::Amount => Self::Amounts(Vec::new()),
            Kind::Text => Self::Texts(String::new(), Vec::new()),
            Kind::Bytes => Self::Bytes(Vec::new(), Vec::new()),
            Kind::Flag => Self::Flags(Vec::new()),
        }
    }
}

/// Where the piece of a row begins, given where each ends.
fn start_of(ends: &[usize], row: usize) -> usize {
    row.checked_sub(1).map_or(0, |before| ends[before])
}

/// As BCS encodes it.
fn encode_cell(cell: Cell<'_>, nullable: bool, out: &mut Vec<u8>) {
    if nullable {
        out.push(u8::from(cell != Cell::Null));
    }
    match cell {
        Cell::Null => {}
        Cell::Number(number) => out.extend_from_slice(&number.to_le_bytes()),
        Cell::Amount(amount) => out.extend_from_slice(&amount.to_le_bytes()),
        Cell::Text(text) => encode_bytes(text.as_bytes(), out),
        Cell::Bytes(bytes) => encode_bytes(bytes, out),
        Cell::Flag(flag) => out.push(u8::from(flag)),
    }
}

/// A length in ULEB128, and the bytes.
fn encode_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes.len();
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_encoded_as_the_page_says() {
        let mut rows = Rows::new(Table::Transfers);
        let cells = [
            Cell::Number(1),
            Cell::Number(-2),
            Cell::Number(0),
            Cell::Text("mint"),
            Cell::Null,
            Cell::Text("qr1"),
            Cell::Text("EUR"),
            Cell::Amount(10),
            Cell::Number(2),
        ];
        rows.push(&cells);
        let encoded: Vec<u8> = rows
            .encode()
            .iter()
            .flat_map(|column| column.cell(0).to_vec())
            .collect();
        let by_hand = "0100000000000000feffffffffffffff0000000000000000046d696e7400010371723103455552\
                       0a0000000000000000000000000000000200000000000000";
        assert_eq!(hex::encode(encoded), by_hand);
        for (column, cell) in cells.iter().enumerate() {
            assert_eq!(rows.cell(0, column), *cell);
        }
    }

    #[test]
    fn long_bytes_have_a_long_length() {
        let mut out = Vec::new();
        encode_bytes(&[7; 300], &mut out);
        assert_eq!(out[..3], [0xac, 0x02, 7]);
        assert_eq!(out.len(), 302);
    }
}
