//! Reading a table's file, some rows at a time. What is read comes from anybody: of a file with another schema, or with
//! what could lead a reader elsewhere, nothing is read, and a decoder that panics over damage is a file that cannot be
//! read.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;

use crate::rows::{Rows, Stored, Values};
use crate::schema::{AMOUNT_BYTES, CREATED_BY, schema};
use crate::table::{Column, Kind, Table};

/// Rows that are read at once.
const CHUNK_ROWS: usize = 4_096;

/// A file that is being read.
pub(crate) struct TableReader {
    table: Table,
    reader: SerializedFileReader<File>,
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
    #[error("it is no Parquet file, or a damaged one: {0}")]
    Damaged(String),
    #[error("it has other columns than the table, or others of another type")]
    Schema,
    #[error("it has {0}, which no file of the tables has")]
    Foreign(&'static str),
    #[error("it says that it has {said} rows, its row groups have {groups}")]
    RowCount { said: i64, groups: i64 },
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
        let file = File::open(path).map_err(|error| ReadError::Open(error.to_string()))?;
        let reader = guarded(|| SerializedFileReader::new(file).map_err(ReadError::from))?;
        let read = Self {
            table,
            reader,
            open: None,
            next: 0,
        };
        guarded(|| read.check())?;
        Ok(read)
    }

    /// Refuses another schema, and what beside its values could lead whoever reads the file.
    fn check(&self) -> Result<(), ReadError> {
        let metadata = self.reader.metadata();
        let file = metadata.file_metadata();
        if file.schema() != schema(self.table).as_ref() {
            return Err(ReadError::Schema);
        }
        if file.created_by() != Some(CREATED_BY) {
            return Err(ReadError::Foreign("another maker"));
        }
        if file.key_value_metadata().is_some_and(|pairs| !pairs.is_empty()) {
            return Err(ReadError::Foreign("key-value metadata"));
        }
        let groups = metadata.row_groups();
        for column in groups.iter().flat_map(RowGroupMetaData::columns) {
            if column.column_index_offset().is_some() {
                return Err(ReadError::Foreign("statistics of pages"));
            }
            if column.bloom_filter_offset().is_some() {
                return Err(ReadError::Foreign("a bloom filter"));
            }
        }
        let said = file.num_rows();
        let groups = groups
            .iter()
            .fold(0_i64, |sum, group| sum.saturating_add(group.num_rows()));
        if said == groups {
            Ok(())
        } else {
            Err(ReadError::RowCount { said, groups })
        }
    }

    /// The row group that is being read, with what it says of itself.
    pub(crate) fn group(&self) -> Option<&RowGroupMetaData> {
        let place = self.next.checked_sub(1)?;
        self.reader.metadata().row_groups().get(place)
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
        let columns = columns.map(|(reader, column)| read_column(reader, column, count));
        let columns = columns.collect::<Result<Vec<Stored>, ReadError>>()?;
        group.left -= count;
        let ends = group.left == 0;
        if !ends {
            self.open = Some(group);
        }
        Ok(Some((Rows::of_columns(self.table, columns, count), ends)))
    }

    /// The next row group that has rows.
    fn open_group(&mut self) -> Result<Option<OpenGroup>, ReadError> {
        while self.next < self.reader.num_row_groups() {
            let group = self.reader.get_row_group(self.next)?;
            self.next += 1;
            let rows = group.metadata().num_rows();
            let left = usize::try_from(rows).map_err(|_| ReadError::Damaged(format!("{rows} rows")))?;
            if left == 0 {
                continue;
            }
            let columns = (0..group.num_columns()).map(|column| group.get_column_reader(column));
            let columns = columns.collect::<Result<Vec<ColumnReader>, ParquetError>>()?;
            return Ok(Some(OpenGroup { columns, left }));
        }
        Ok(None)
    }
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
fn read_column(reader: &mut ColumnReader, column: &Column, count: usize) -> Result<Stored, ReadError> {
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
            let (bytes, ends) = joined(&spread(column, read, &levels, count).ok_or(too_few)?);
            let texts = String::from_utf8(bytes).map_err(|_| ReadError::NotUtf8 { column: column.name })?;
            if ends.iter().any(|end| !texts.is_char_boundary(*end)) {
                return Err(ReadError::NotUtf8 { column: column.name });
            }
            Values::Texts(texts, ends)
        }
        (ColumnReader::ByteArrayColumnReader(reader), Kind::Bytes) => {
            let read = read(reader, count, &mut levels)?;
            let (bytes, ends) = joined(&spread(column, read, &levels, count).ok_or(too_few)?);
            Values::Bytes(bytes, ends)
        }
        _ => return Err(ReadError::Schema),
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
    let bytes = bytes.map_err(|_| ReadError::Schema)?;
    Ok(i128::from_be_bytes(bytes))
}

/// Pieces, one after the other, and where each ends. A default one, for a NULL, is empty.
fn joined(pieces: &[ByteArray]) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = Vec::new();
    let mut ends = Vec::with_capacity(pieces.len());
    for piece in pieces {
        if *piece != ByteArray::default() {
            bytes.extend_from_slice(piece.data());
        }
        ends.push(bytes.len());
    }
    (bytes, ends)
}
