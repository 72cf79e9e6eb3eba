//! How a table's file is laid out, to the byte: its footer and the headers of its pages, before anything in it is decoded.
//!
//! A decoder takes what it needs, and passes over the rest: one goes by a column's place, another by its name; one reads the
//! pages that follow each other, another those that an index names. So two readers can find two tables in one file. Here
//! a file has one layout, in which each byte has its meaning (`docs/tables.md`, section 4): nothing is left over, nothing
//! comes twice, and what a reader could go by is what is there. That also bounds what decoding takes.

mod compact;
mod footer;
mod pages;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::ChunkReader;

use self::compact::Odd;
use self::footer::Footer;
use crate::table::Table;

/// What a file begins and ends with.
const MAGIC: &[u8; 4] = b"PAR1";

/// Bytes of the footer's length and the magic behind it.
const TAIL_BYTES: u64 = 8;

/// Bytes of a footer at most: that of a day of 200 million rows has less.
const MAX_FOOTER_BYTES: u64 = 64 << 20;

/// What a file says of its row groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) groups: Vec<Group>,
}

/// A row group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) rows: u64,
    /// In the order of the table's.
    pub(crate) columns: Vec<Summary>,
}

/// What is said of a column of a row group. That no column has less is a part of the layout, so that none of it can be
/// left out where it would be missed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// None of bytes, which are in no order that anybody asks for.
    pub(crate) statistics: Option<Statistics>,
    /// Bytes of all texts together.
    pub(crate) text_bytes: Option<u64>,
    /// How many cells are NULL, and how many are not.
    pub(crate) levels: Option<[u64; 2]>,
}

/// The bounds of a column's cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Statistics {
    pub(crate) least: Option<Bytes>,
    pub(crate) greatest: Option<Bytes>,
    pub(crate) nulls: u64,
}

/// Why a file is not laid out as the tables' are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LayoutError {
    #[error("it cannot be read: {0}")]
    Unread(String),
    #[error("it does not begin and end as a Parquet file does")]
    NotParquet,
    #[error("its footer has {0} bytes, more than any can have")]
    LongFooter(u64),
    #[error("it has other columns than the table, or others of another type")]
    Schema,
    #[error("its footer has something beside what the tables' files have, or not all of that")]
    Footer,
    #[error("its footer says something of the column {0} that no file of the tables says")]
    Column(&'static str),
    #[error("the pages of the column {0} are not those of which the footer speaks")]
    Pages(&'static str),
    #[error("a page of the column {0} is larger than any can be")]
    LargePage(&'static str),
    #[error("its row groups say other numbers than what is in them")]
    Group,
    #[error("it has bytes that belong to no column")]
    LeftOver,
}

impl From<ParquetError> for LayoutError {
    fn from(error: ParquetError) -> Self {
        Self::Unread(error.to_string())
    }
}

impl From<Odd> for LayoutError {
    fn from(Odd: Odd) -> Self {
        Self::Footer
    }
}

impl Layout {
    /// The layout of a table's file.
    pub(crate) fn read<R: ChunkReader>(file: &R, table: Table) -> Result<Self, LayoutError> {
        let length = file.len();
        let magic = u64::try_from(MAGIC.len()).unwrap_or(u64::MAX);
        let behind = length.checked_sub(TAIL_BYTES).filter(|behind| *behind >= magic);
        let behind = behind.ok_or(LayoutError::NotParquet)?;
        let tail = file.get_bytes(behind, 8)?;
        let (footer_length, ends_with) = tail.split_first_chunk::<4>().ok_or(LayoutError::NotParquet)?;
        if ends_with != MAGIC || file.get_bytes(0, MAGIC.len())? != MAGIC.as_slice() {
            return Err(LayoutError::NotParquet);
        }
        let footer_length = u64::from(u32::from_le_bytes(*footer_length));
        if footer_length > MAX_FOOTER_BYTES {
            return Err(LayoutError::LongFooter(footer_length));
        }
        let begins = behind
            .checked_sub(footer_length)
            .filter(|begins| *begins >= magic);
        let begins = begins.ok_or(LayoutError::NotParquet)?;
        let count = usize::try_from(footer_length).map_err(|_| LayoutError::LongFooter(footer_length))?;
        let footer = Footer::read(&file.get_bytes(begins, count)?, table)?;
        let mut at = magic;
        for (group, place) in footer.groups.iter().zip(&footer.places) {
            if place.begins != at {
                return Err(LayoutError::Group);
            }
            for (chunk, column) in place.chunks.iter().zip(table.columns()) {
                let end = at.checked_add(chunk.compressed).filter(|end| *end <= begins);
                let end = end.ok_or(LayoutError::Pages(column.name))?;
                pages::check(file, column, chunk, group.rows, at..end)?;
                at = end;
            }
        }
        if at == begins {
            Ok(Self {
                groups: footer.groups,
            })
        } else {
            Err(LayoutError::LeftOver)
        }
    }
}
