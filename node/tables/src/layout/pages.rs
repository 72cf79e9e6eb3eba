//! The pages of a column in a row group: they follow each other without a gap, and their headers say what is in them.

use std::ops::Range;

use parquet::file::reader::ChunkReader;

use super::LayoutError;
use super::compact::{Compact, Fields, I32, Odd, STRUCT};
use super::footer::Chunk;
use crate::schema::AMOUNT_BYTES;
use crate::table::{Column, Kind};

/// Numbers of encodings.
pub(super) const PLAIN: u64 = 0;
pub(super) const RLE: u64 = 3;
pub(super) const RLE_DICTIONARY: u64 = 8;

/// Numbers of kinds of pages.
const DATA: u64 = 0;
const DICTIONARY: u64 = 2;

/// Bytes of a page at most, uncompressed. They end at 1 MiB, but for the values that were written with the last one.
const MAX_PAGE_BYTES: u64 = 8 << 20;

/// Bytes that are read of a page: its header, and the length with which what is compressed begins.
const HEADER_BYTES: u64 = 64;

/// How many pages of a kind and an encoding follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) kind: u64,
    pub(super) encoding: u64,
    pub(super) count: u64,
}

/// A page's header.
struct Page {
    kind: u64,
    encoding: u64,
    values: u64,
    uncompressed: u64,
    compressed: u64,
    /// Bytes of the header itself.
    header: u64,
}

/// Checks that the pages in this range are a column's of so many rows, and those of which the footer speaks.
pub(super) fn check<R: ChunkReader>(
    file: &R,
    column: &Column,
    chunk: &Chunk,
    rows: u64,
    range: Range<u64>,
) -> Result<(), LayoutError> {
    let other = LayoutError::Pages(column.name);
    let mut counted: Vec<Counted> = Vec::new();
    let (mut at, mut values, mut uncompressed) = (range.start, 0_u64, 0_u64);
    let mut first_data = None;
    while at < range.end {
        let seen = (range.end - at).min(HEADER_BYTES);
        let bytes = file.get_bytes(at, usize::try_from(seen).map_err(|_| other.clone())?)?;
        let page = Page::read(&bytes, column).map_err(|Odd| other.clone())?;
        if page.uncompressed > MAX_PAGE_BYTES {
            return Err(LayoutError::LargePage(column.name));
        }
        if page.kind == DATA {
            first_data = first_data.or(Some(at));
            values = values.saturating_add(page.values);
        } else if at != range.start {
            return Err(other);
        }
        // Once a page was written without the dictionary, all were.
        let is_late = counted
            .last()
            .is_some_and(|last| (last.kind, last.encoding) == (DATA, PLAIN));
        if is_late && page.encoding != PLAIN {
            return Err(other);
        }
        match counted.last_mut() {
            Some(last) if (last.kind, last.encoding) == (page.kind, page.encoding) => last.count += 1,
            _ => counted.push(Counted {
                kind: page.kind,
                encoding: page.encoding,
                count: 1,
            }),
        }
        uncompressed = uncompressed
            .saturating_add(page.header)
            .saturating_add(page.uncompressed);
        at = at.saturating_add(page.header).saturating_add(page.compressed);
    }
    let has_dictionary = counted.first().is_some_and(|first| first.kind == DICTIONARY);
    let is_told = at == range.end
        && values == rows
        && uncompressed == chunk.uncompressed
        && first_data == Some(chunk.data_page)
        && chunk.dictionary_page == has_dictionary.then_some(range.start)
        && counted == chunk.pages;
    if is_told { Ok(()) } else { Err(other) }
}

impl Page {
    fn read(bytes: &[u8], column: &Column) -> Result<Self, Odd> {
        let mut input = Compact::new(bytes);
        let mut fields = Fields::default();
        let kind = input.number_of(&mut fields, 1, I32)?;
        let uncompressed = input.number_of(&mut fields, 2, I32)?;
        let compressed = input.number_of(&mut fields, 3, I32)?;
        let mut own = Fields::default();
        input.field(&mut fields, if kind == DATA { 5 } else { 7 }, STRUCT)?;
        let values = input.number_of(&mut own, 1, I32)?;
        let encoding = input.number_of(&mut own, 2, I32)?;
        let is_own = match kind {
            DATA => {
                let levels = [3, 4].map(|level| input.number_of(&mut own, level, I32));
                let is_known = encoding == PLAIN || (encoding == RLE_DICTIONARY && column.repeats);
                levels == [Ok(RLE), Ok(RLE)] && is_known
            }
            // A reader might look for a value in a dictionary by halves that is said to be in order.
            DICTIONARY => !input.flag(&mut own, 3)? && encoding == PLAIN && column.repeats,
            _ => false,
        };
        input.stop()?;
        input.stop()?;
        let header = bytes.len().saturating_sub(input.left());
        // What is compressed begins with the length that it has uncompressed.
        let is_told = input.varint()? == uncompressed;
        let is_filled = encoding != PLAIN || uncompressed >= least_bytes(column, kind, values);
        let is_countable = i32::try_from(values).is_ok();
        if is_own && is_told && is_filled && is_countable {
            Ok(Self {
                kind,
                encoding,
                values,
                uncompressed,
                compressed,
                header: u64::try_from(header).map_err(|_| Odd)?,
            })
        } else {
            Err(Odd)
        }
    }
}

/// Bytes that so many values have at least. In each table the first column has neither a dictionary nor NULL, so that no
/// file says that it has more rows than its bytes are worth.
fn least_bytes(column: &Column, kind: u64, values: u64) -> u64 {
    if column.nullable && kind == DATA {
        return 0;
    }
    match column.kind {
        Kind::Number | Kind::Time => values.saturating_mul(8),
        Kind::Amount => values.saturating_mul(u64::try_from(AMOUNT_BYTES).unwrap_or(u64::MAX)),
        // Their lengths.
        Kind::Text | Kind::Bytes => values.saturating_mul(4),
        Kind::Flag => values.div_ceil(8),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::table::Table;

    /// Bytes of a page whose bytes are not there: the length that it is to have.
    const COMPRESSED: u64 = 5;

    /// A page of data whose bytes are not there.
    fn page(values: u64, uncompressed: u64) -> Bytes {
        let mut bytes = Vec::new();
        let number = |bytes: &mut Vec<u8>, header: u8, number: u64| {
            bytes.push(header);
            push_varint(bytes, number << 1);
        };
        number(&mut bytes, 0x15, DATA);
        number(&mut bytes, 0x15, uncompressed);
        number(&mut bytes, 0x15, COMPRESSED);
        bytes.push(0x2c);
        number(&mut bytes, 0x15, values);
        number(&mut bytes, 0x15, PLAIN);
        number(&mut bytes, 0x15, RLE);
        number(&mut bytes, 0x15, RLE);
        bytes.extend_from_slice(&[0, 0]);
        let header = bytes.len();
        push_varint(&mut bytes, uncompressed);
        bytes.resize(header + COMPRESSED as usize, 0);
        bytes.into()
    }

    fn push_varint(bytes: &mut Vec<u8>, mut number: u64) {
        while number >= 0x80 {
            bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
            number >>= 7;
        }
        bytes.push(u8::try_from(number).unwrap());
    }

    fn found(column: &Column, values: u64, uncompressed: u64) -> Result<(), LayoutError> {
        let bytes = page(values, uncompressed);
        let length = u64::try_from(bytes.len()).unwrap();
        let chunk = Chunk {
            uncompressed: length - COMPRESSED + uncompressed,
            compressed: length,
            data_page: 0,
            dictionary_page: None,
            pages: vec![Counted {
                kind: DATA,
                encoding: PLAIN,
                count: 1,
            }],
        };
        check(&bytes, column, &chunk, values, 0..length)
    }

    #[test]
    fn no_page_says_that_it_has_more_rows_than_bytes_for_them() {
        let number = &Table::Blocks.columns()[0];
        let other = Err(LayoutError::Pages("height"));
        assert_eq!(found(number, 2, 16), Ok(()));
        assert_eq!(found(number, 3, 16), other);
        assert_eq!(found(number, u64::from(u32::MAX), 16), other);
        for table in Table::ALL {
            let first = &table.columns()[0];
            assert!(least_bytes(first, DATA, 1) == 8 && !first.repeats, "{table}");
        }
    }

    #[test]
    fn no_page_grows_beyond_its_bound() {
        let number = &Table::Blocks.columns()[0];
        assert_eq!(found(number, 2, MAX_PAGE_BYTES), Ok(()));
        let large = found(number, 2, MAX_PAGE_BYTES + 1);
        assert_eq!(large, Err(LayoutError::LargePage("height")));
    }
}
