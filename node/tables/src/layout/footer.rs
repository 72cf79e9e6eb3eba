//! The footer: the schema, and what is said of each row group and of each column in it.

use bytes::Bytes;

use super::compact::{BINARY, Compact, Fields, I16, I32, I64, LIST, Odd, STRUCT};
use super::pages::{Counted, PLAIN, RLE, RLE_DICTIONARY};
use super::{Group, LayoutError, Statistics, Summary};
use crate::schema::{AMOUNT_BYTES, CREATED_BY};
use crate::table::{Column, Kind, Table};

/// The number of snappy among the ways to compress.
const SNAPPY: u64 = 1;

/// That a column's values are ordered as its type says: field 1 of a structure, and in it nothing.
const TYPE_ORDER: [u8; 3] = [0x1c, 0, 0];

/// Row groups that are numbered, at most: beyond that, none is.
const MAX_NUMBERED: usize = 32_767;

/// A file's footer.
pub(super) struct Footer {
    pub(super) groups: Vec<Group>,
    /// Where each group is.
    pub(super) places: Vec<Place>,
}

/// Where a row group is.
pub(super) struct Place {
    pub(super) begins: u64,
    pub(super) chunks: Vec<Chunk>,
}

/// What is said of a column's pages in a row group.
pub(super) struct Chunk {
    /// Bytes of all pages with their headers, had nothing been compressed.
    pub(super) uncompressed: u64,
    /// Bytes of all pages with their headers.
    pub(super) compressed: u64,
    /// Where the first page of data is.
    pub(super) data_page: u64,
    /// Where the dictionary is; none of a column that has none.
    pub(super) dictionary_page: Option<u64>,
    pub(super) pages: Vec<Counted>,
}

impl Footer {
    pub(super) fn read(bytes: &Bytes, table: Table) -> Result<Self, LayoutError> {
        let mut input = Compact::new(bytes);
        let mut fields = Fields::default();
        if input.number_of(&mut fields, 1, I32)? != 1 {
            return Err(LayoutError::Footer);
        }
        input.field(&mut fields, 2, LIST)?;
        input.expect(&schema(table)).map_err(|Odd| LayoutError::Schema)?;
        let rows = input.number_of(&mut fields, 3, I64)?;
        input.field(&mut fields, 4, LIST)?;
        let count = input.list(STRUCT)?;
        let (mut groups, mut places) = (Vec::new(), Vec::new());
        let mut sum = 0_u64;
        for number in 0..count {
            let number = (count <= MAX_NUMBERED).then_some(number);
            let (group, place) = read_group(&mut input, bytes, table, number)?;
            sum = sum.saturating_add(group.rows);
            groups.push(group);
            places.push(place);
        }
        input.field(&mut fields, 6, BINARY)?;
        let maker = input.binary()?;
        input.field(&mut fields, 7, LIST)?;
        let orders = input.list(STRUCT)?;
        for _ in table.columns() {
            input.expect(&TYPE_ORDER)?;
        }
        input.stop()?;
        if maker != CREATED_BY.as_bytes() || orders != table.columns().len() || input.left() > 0 {
            return Err(LayoutError::Footer);
        }
        if sum == rows {
            Ok(Self { groups, places })
        } else {
            Err(LayoutError::Group)
        }
    }
}

/// The schema as it stands in the footer: a list of the table and its columns.
fn schema(table: Table) -> Vec<u8> {
    let columns = table.columns();
    let count = u8::try_from(columns.len()).expect("a table has a few columns");
    // The table itself is one of them.
    let mut out = match count + 1 {
        few @ ..15 => vec![(few << 4) | STRUCT],
        many => vec![0xf0 | STRUCT, many],
    };
    // 4: name, 5: number of columns, and the end.
    push_name(0x48, table.name(), &mut out);
    out.extend_from_slice(&[0x15, count << 1, 0]);
    for column in columns {
        // 1: type, and 2: bytes of each value.
        out.extend_from_slice(&[0x15, physical(column.kind) << 1]);
        if column.kind == Kind::Amount {
            let length = u8::try_from(AMOUNT_BYTES).expect("an amount has 16 bytes");
            out.extend_from_slice(&[0x15, length << 1]);
        }
        // 3: whether it may be NULL, 4: name.
        let repetition = if column.kind == Kind::Amount { 0x15 } else { 0x25 };
        out.extend_from_slice(&[repetition, u8::from(column.nullable) << 1]);
        push_name(0x18, column.name, &mut out);
        out.extend_from_slice(logical(column.kind));
        out.push(0);
    }
    out
}

fn push_name(header: u8, name: &str, out: &mut Vec<u8>) {
    let length = u8::try_from(name.len()).expect("names are short");
    out.extend_from_slice(&[header, length]);
    out.extend_from_slice(name.as_bytes());
}

/// The number of the type that values are stored by.
const fn physical(kind: Kind) -> u8 {
    match kind {
        Kind::Flag => 0,
        Kind::Number | Kind::Time => 2,
        Kind::Text | Kind::Bytes => 6,
        Kind::Amount => 7,
    }
}

/// What values mean, in both ways in which that is said.
const fn logical(kind: Kind) -> &'static [u8] {
    match kind {
        Kind::Number | Kind::Bytes | Kind::Flag => &[],
        // 6: milliseconds; 10: a timestamp (8) of UTC (1) in milliseconds (2: 1).
        Kind::Time => &[0x25, 18, 0x4c, 0x8c, 0x11, 0x1c, 0x1c, 0, 0, 0, 0],
        // 6: UTF-8; 10: a string (1).
        Kind::Text => &[0x25, 0, 0x4c, 0x1c, 0, 0],
        // 6: decimal, 7: scale, 8: precision; 10: a decimal (5) of that scale (1) and precision (2).
        Kind::Amount => &[0x25, 10, 0x15, 0, 0x15, 76, 0x2c, 0x5c, 0x15, 0, 0x15, 76, 0, 0],
    }
}

fn read_group(
    input: &mut Compact<'_>,
    bytes: &Bytes,
    table: Table,
    number: Option<usize>,
) -> Result<(Group, Place), LayoutError> {
    let mut fields = Fields::default();
    input.field(&mut fields, 1, LIST)?;
    if input.list(STRUCT)? != table.columns().len() {
        return Err(LayoutError::Footer);
    }
    let (mut columns, mut chunks, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for column in table.columns() {
        let read = read_chunk(input, bytes, column);
        let (summary, chunk, values) = read.map_err(|Odd| LayoutError::Column(column.name))?;
        columns.push(summary);
        chunks.push(chunk);
        counts.push((column.name, values));
    }
    let uncompressed = input.number_of(&mut fields, 2, I64)?;
    let rows = input.number_of(&mut fields, 3, I64)?;
    let begins = input.number_of(&mut fields, 5, I64)?;
    let compressed = input.number_of(&mut fields, 6, I64)?;
    if let Some(number) = number
        && u64::try_from(number) != Ok(input.number_of(&mut fields, 7, I16)?)
    {
        return Err(LayoutError::Group);
    }
    input.stop()?;
    if let Some((name, _)) = counts.iter().find(|(_, values)| *values != rows) {
        return Err(LayoutError::Column(name));
    }
    let sum = |of: fn(&Chunk) -> u64| chunks.iter().map(of).fold(0_u64, u64::saturating_add);
    let is_told =
        uncompressed == sum(|chunk| chunk.uncompressed) && compressed == sum(|chunk| chunk.compressed);
    if rows == 0 || !is_told {
        return Err(LayoutError::Group);
    }
    Ok((Group { rows, columns }, Place { begins, chunks }))
}

/// A column of a row group: what is said of its values, of its pages, and how many values it has.
fn read_chunk(input: &mut Compact<'_>, bytes: &Bytes, column: &Column) -> Result<(Summary, Chunk, u64), Odd> {
    let mut outer = Fields::default();
    // No path of another file (1), and an offset (2) that readers no longer go by.
    if input.number_of(&mut outer, 2, I64)? != 0 {
        return Err(Odd);
    }
    input.field(&mut outer, 3, STRUCT)?;
    let mut fields = Fields::default();
    let kind = input.number_of(&mut fields, 1, I32)?;
    input.field(&mut fields, 2, LIST)?;
    let encodings = input.numbers(I32)?;
    input.field(&mut fields, 3, LIST)?;
    let path = (input.list(BINARY)?, input.binary()?);
    let codec = input.number_of(&mut fields, 4, I32)?;
    let values = input.number_of(&mut fields, 5, I64)?;
    let uncompressed = input.number_of(&mut fields, 6, I64)?;
    let compressed = input.number_of(&mut fields, 7, I64)?;
    let data_page = input.number_of(&mut fields, 9, I64)?;
    let has_dictionary = input.has(&mut fields, 11, I64);
    let dictionary_page = has_dictionary.then(|| input.number()).transpose()?;
    let expected: &[u64] = if column.repeats {
        &[PLAIN, RLE, RLE_DICTIONARY]
    } else {
        &[PLAIN, RLE]
    };
    let is_own = kind == u64::from(physical(column.kind))
        && encodings == expected
        && path == (1, column.name.as_bytes())
        && codec == SNAPPY
        && has_dictionary == column.repeats;
    if !is_own {
        return Err(Odd);
    }
    let mut summary = Summary::default();
    if column.kind != Kind::Bytes {
        input.field(&mut fields, 12, STRUCT)?;
        summary.statistics = Some(read_statistics(input, bytes)?);
    }
    input.field(&mut fields, 13, LIST)?;
    let count = input.list(STRUCT)?;
    let pages = (0..count).map(|_| read_counted(input));
    let pages = pages.collect::<Result<Vec<Counted>, Odd>>()?;
    let has_texts = column.kind == Kind::Text;
    if has_texts || column.nullable {
        input.field(&mut fields, 16, STRUCT)?;
        let mut sizes = Fields::default();
        if has_texts {
            summary.text_bytes = Some(input.number_of(&mut sizes, 1, I64)?);
        }
        if column.nullable {
            input.field(&mut sizes, 3, LIST)?;
            summary.levels = Some(input.numbers(I64)?.try_into().map_err(|_| Odd)?);
        }
        input.stop()?;
    }
    input.stop()?;
    // No index of pages (4 to 7), and nothing that is encrypted (8, 9).
    input.stop()?;
    let chunk = Chunk {
        uncompressed,
        compressed,
        data_page,
        dictionary_page,
        pages,
    };
    Ok((summary, chunk, values))
}

/// Bounds, which older readers look for in other fields (1, 2) than newer ones (5, 6): all are the same, or not there.
fn read_statistics(input: &mut Compact<'_>, bytes: &Bytes) -> Result<Statistics, Odd> {
    let mut fields = Fields::default();
    let greatest_before = read_bound(input, &mut fields, 1, bytes)?;
    let least_before = read_bound(input, &mut fields, 2, bytes)?;
    let nulls = input.number_of(&mut fields, 3, I64)?;
    let greatest = read_bound(input, &mut fields, 5, bytes)?;
    let least = read_bound(input, &mut fields, 6, bytes)?;
    let are_exact = (input.flag(&mut fields, 7)?, input.flag(&mut fields, 8)?);
    input.stop()?;
    let is_same = |before: Option<Bytes>, now: &Option<Bytes>| before.is_none() || before == *now;
    let is_told = is_same(greatest_before, &greatest)
        && is_same(least_before, &least)
        && are_exact == (greatest.is_some(), least.is_some());
    is_told
        .then_some(Statistics {
            least,
            greatest,
            nulls,
        })
        .ok_or(Odd)
}

fn read_bound(
    input: &mut Compact<'_>,
    fields: &mut Fields,
    number: u8,
    bytes: &Bytes,
) -> Result<Option<Bytes>, Odd> {
    if !input.has(fields, number, BINARY) {
        return Ok(None);
    }
    Ok(Some(bytes.slice_ref(input.binary()?)))
}

fn read_counted(input: &mut Compact<'_>) -> Result<Counted, Odd> {
    let mut fields = Fields::default();
    let counted = Counted {
        kind: input.number_of(&mut fields, 1, I32)?,
        encoding: input.number_of(&mut fields, 2, I32)?,
        count: input.number_of(&mut fields, 3, I32)?,
    };
    input.stop()?;
    Ok(counted)
}
