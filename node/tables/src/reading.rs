//! Reading a table's file, some rows at a time. What is read comes from anybody: nothing is decoded of a file that is not
//! laid out as the tables' are, what is decoded is bounded, and a decoder that panics over damage is a file that cannot
//! be read.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use bytes::Bytes;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader};
use parquet::file::serialized_reader::SerializedFileReader;
use quorate_ledger::Digest;

use crate::digests::{Digests, TableDigests};
use crate::folder;
use crate::layout::{Group, Layout, LayoutError};
use crate::rows::{Rows, Stored, Values};
use crate::schema::AMOUNT_BYTES;
use crate::table::{Column, Kind, Table};

/// Rows that are read at once.
const CHUNK_ROWS: usize = 1_024;

/// Bytes of rows that are read at once, at most.
const MAX_CHUNK_BYTES: usize = 256 << 20;

/// Bytes of all texts and bytes of a file for each byte that it has, at most: a few bytes say again and again what stands
/// in a dictionary once. Of the longest texts that come again and again, those of a transaction's parties, it has less
/// than 100.
const MAX_TIMES: u64 = 1_000;

/// Bytes of texts that a file may have, however short it is.
const FREE_BYTES: u64 = 64 << 20;

/// A file that is being read.
pub(crate) struct TableReader<R: ChunkReader = File> {
    table: Table,
    layout: Layout,
    reader: SerializedFileReader<R>,
    /// Bytes of texts that may still come.
    budget: u64,
    /// The row group under way, if one is.
    open: Option<OpenGroup>,
    /// The row group after it.
    next: usize,
}

struct OpenGroup {
    columns: Vec<ColumnReader>,
    /// Rows that are still to be read.
    left: usize,
}

/// Why a file cannot be read as a table's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("it cannot be opened: {0}")]
    Open(String),
    #[error("{0}")]
    Layout(#[from] LayoutError),
    #[error("it is damaged: {0}")]
    Damaged(String),
    #[error("its texts are longer than those of any such file")]
    TooLong,
    #[error("the column {column} has fewer values than there are rows")]
    TooFew { column: &'static str },
    #[error("the column {column} has a text that is not UTF-8")]
    NotUtf8 { column: &'static str },
}

impl From<ParquetError> for ReadError {
    fn from(error: ParquetError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl TableReader {
    pub(crate) fn open(path: &Path, table: Table) -> Result<Self, ReadError> {
        let file = folder::open(path).map_err(|error| ReadError::Open(error.to_string()))?;
        Self::of(file, table)
    }
}

impl<R: ChunkReader + 'static> TableReader<R> {
    /// Reads a file that is at hand.
    pub(crate) fn of(file: R, table: Table) -> Result<Self, ReadError> {
        let layout = Layout::read(&file, table)?;
        let budget = file.len().saturating_mul(MAX_TIMES).saturating_add(FREE_BYTES);
        let reader = guarded(|| SerializedFileReader::new(file).map_err(ReadError::from))?;
        Ok(Self {
            table,
            layout,
            reader,
            budget,
            open: None,
            next: 0,
        })
    }

    /// The row group that is being read, with what it says of itself.
    pub(crate) fn group(&self) -> Option<&Group> {
        let place = self.next.checked_sub(1)?;
        self.layout.groups.get(place)
    }

    /// The next rows of one row group, and whether they end it; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(Rows, bool)>, ReadError> {
        guarded(|| self.read_next())
    }

    fn read_next(&mut self) -> Result<Option<(Rows, bool)>, ReadError> {
        let mut group = match self.open.take() {
            Some(group) => group,
            None => match self.open_group()? {
                Some(group) => group,
                None => return Ok(None),
            },
        };
        let count = group.left.min(CHUNK_ROWS);
        let definitions = self.table.columns();
        let columns = group.columns.iter_mut().zip(definitions);
        let allowed = usize::try_from(self.budget)
            .unwrap_or(usize::MAX)
            .min(MAX_CHUNK_BYTES);
        let mut left = allowed;
        let columns = columns.map(|(reader, column)| read_column(reader, column, count, &mut left));
        let columns = columns.collect::<Result<Vec<Stored>, ReadError>>()?;
        let read = u64::try_from(allowed - left).unwrap_or(u64::MAX);
        self.budget = self.budget.saturating_sub(read);
        group.left -= count;
        let ends = group.left == 0;
        if !ends {
            self.open = Some(group);
        }
        Ok(Some((Rows::of_columns(self.table, columns, count), ends)))
    }

    /// The next row group. None is without rows.
    fn open_group(&mut self) -> Result<Option<OpenGroup>, ReadError> {
        let Some(Group { rows, .. }) = self.layout.groups.get(self.next) else {
            return Ok(None);
        };
        let left = usize::try_from(*rows).map_err(|_| ReadError::Damaged(format!("{rows} rows")))?;
        let group = self.reader.get_row_group(self.next)?;
        self.next += 1;
        let columns = (0..group.num_columns()).map(|column| group.get_column_reader(column));
        let columns = columns.collect::<Result<Vec<ColumnReader>, ParquetError>>()?;
        Ok(Some(OpenGroup { columns, left }))
    }
}

/// How many rows a table's file has, and the RFC 6962 root over them: for whoever has its bytes alone.
///
/// # Errors
/// Why it is no such file, in words.
pub fn root_of(file: &[u8], table: Table) -> Result<(u64, Digest), String> {
    let read = || -> Result<TableDigests, ReadError> {
        let mut reader = TableReader::of(Bytes::copy_from_slice(file), table)?;
        let mut digests = Digests::of_root();
        while let Some((rows, _)) = reader.next()? {
            digests.add(&rows);
        }
        Ok(digests.finish())
    };
    let digests = read().map_err(|error| error.to_string())?;
    Ok((digests.rows, digests.root))
}

/// What `read` gives; where it panics, that the file is damaged.
fn guarded<T>(read: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
    let caught = catch_unwind(AssertUnwindSafe(read));
    caught.unwrap_or_else(|_| Err(ReadError::Damaged("its decoder gave up".to_owned())))
}

#[expect(
    clippy::needless_pass_by_ref_mut,
    reason = "it is read by the reader inside, which the lint does not see through the pair"
)]
fn read_column(
    reader: &mut ColumnReader,
    column: &Column,
    count: usize,
    left: &mut usize,
) -> Result<Stored, ReadError> {
    let mut levels = Vec::new();
    let too_few = ReadError::TooFew { column: column.name };
    // The schema was compared, so that a column is read by the type of its cells.
    let values = match (reader, column.kind) {
        (ColumnReader::Int64ColumnReader(reader), Kind::Number | Kind::Time) => {
            let read = read(reader, count, &mut levels)?;
            Values::Numbers(spread(column, read, &levels, count).ok_or(too_few)?)
        }
        (ColumnReader::BoolColumnReader(reader), Kind::Flag) => {
            let read = read(reader, count, &mut levels)?;
            Values::Flags(spread(column, read, &levels, count).ok_or(too_few)?)
        }
        (ColumnReader::FixedLenByteArrayColumnReader(reader), Kind::Amount) => {
            let read = read(reader, count, &mut levels)?;
            let amounts: Vec<i128> = read.iter().map(amount_of).collect::<Result<_, _>>()?;
            Values::Amounts(spread(column, amounts, &levels, count).ok_or(too_few)?)
        }
        (ColumnReader::ByteArrayColumnReader(reader), Kind::Text) => {
            let read = read(reader, count, &mut levels)?;
            let (bytes, ends) = joined(&spread(column, read, &levels, count).ok_or(too_few)?, left)?;
            let texts = String::from_utf8(bytes).map_err(|_| ReadError::NotUtf8 { column: column.name })?;
            if ends.iter().any(|end| !texts.is_char_boundary(*end)) {
                return Err(ReadError::NotUtf8 { column: column.name });
            }
            Values::Texts(texts, ends)
        }
        (ColumnReader::ByteArrayColumnReader(reader), Kind::Bytes) => {
            let read = read(reader, count, &mut levels)?;
            let (bytes, ends) = joined(&spread(column, read, &levels, count).ok_or(too_few)?, left)?;
            Values::Bytes(bytes, ends)
        }
        _ => return Err(LayoutError::Schema.into()),
    };
    let present = if column.nullable {
        levels.iter().map(|level| *level > 0).collect()
    } else {
        Vec::new()
    };
    Ok(Stored::of(column, values, present))
}

/// The values of so many rows that are not NULL; `levels` say which are.
fn read<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    count: usize,
    levels: &mut Vec<i16>,
) -> Result<Vec<T::T>, ParquetError> {
    let mut values = Vec::with_capacity(count);
    reader.read_records(count, Some(levels), None, &mut values)?;
    Ok(values)
}

/// One value for each row, of a NULL any; none if there are not so many.
fn spread<T: Clone + Default>(
    column: &Column,
    values: Vec<T>,
    levels: &[i16],
    count: usize,
) -> Option<Vec<T>> {
    if !column.nullable {
        return (values.len() == count).then_some(values);
    }
    if levels.len() != count {
        return None;
    }
    let mut rest = values.into_iter();
    let all = levels.iter().map(|level| {
        if *level > 0 {
            rest.next()
        } else {
            Some(T::default())
        }
    });
    all.collect()
}

fn amount_of(array: &FixedLenByteArray) -> Result<i128, ReadError> {
    let bytes: Result<[u8; AMOUNT_BYTES], _> = array.data().try_into();
    let bytes = bytes.map_err(|_| LayoutError::Schema)?;
    Ok(i128::from_be_bytes(bytes))
}

/// Pieces, one after the other, and where each ends. A default one, for a NULL, is empty. `left` is how many bytes more
/// there may be.
fn joined(pieces: &[ByteArray], left: &mut usize) -> Result<(Vec<u8>, Vec<usize>), ReadError> {
    let mut bytes = Vec::new();
    let mut ends = Vec::with_capacity(pieces.len());
    for piece in pieces {
        if *piece != ByteArray::default() {
            let data = piece.data();
            *left = left.checked_sub(data.len()).ok_or(ReadError::TooLong)?;
            bytes.extend_from_slice(data);
        }
        ends.push(bytes.len());
    }
    Ok((bytes, ends))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_put_together_up_to_their_bound_alone() {
        let pieces = ["abc", "", "de"].map(|text| ByteArray::from(text.as_bytes().to_vec()));
        let mut left = 6;
        let joined_well = (b"abcde".to_vec(), vec![3, 3, 5]);
        assert_eq!(joined(&pieces, &mut left), Ok(joined_well));
        assert_eq!(left, 1);
        assert_eq!(joined(&pieces, &mut left), Err(ReadError::TooLong));
    }
}
