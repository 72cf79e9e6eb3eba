//! Writing a table's file: row groups of rows in memory, while the file's hash and its rows' digests are made.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use quorate_crypto::Digest;
use sha2::{Digest as _, Sha256};

use crate::digests::{Digests, TableDigests};
use crate::error::FolderError;
use crate::folder::{create_partial, partial};
use crate::rows::{Rows, Stored, Values};
use crate::schema::{AMOUNT_BYTES, properties, schema};
use crate::table::Table;

/// Rows after which a row group ends, at the end of a block.
pub(crate) const GROUP_ROWS: usize = 65_536;

/// A file that is being written.
pub(crate) struct TableWriter {
    /// The file as it is being written.
    path: PathBuf,
    writer: SerializedFileWriter<Hashing>,
    digests: Digests,
}

/// A file that was written.
pub(crate) struct Written {
    pub(crate) bytes: u64,
    pub(crate) sha256: Digest,
    pub(crate) digests: TableDigests,
}

/// A file, and the hash of what was written into it.
struct Hashing {
    file: File,
    hasher: Sha256,
    length: u64,
}

impl TableWriter {
    /// Begins a file that is put in place later.
    pub(crate) fn create(path: &Path, table: Table) -> Result<Self, FolderError> {
        Self::with(path, table, properties(table))
    }

    /// With other settings than those of the tables.
    pub(crate) fn with(
        path: &Path,
        table: Table,
        properties: WriterPropertiesPtr,
    ) -> Result<Self, FolderError> {
        let file = create_partial(path)?;
        let path = partial(path);
        let hashing = Hashing {
            file,
            hasher: Sha256::new(),
            length: 0,
        };
        let writer = SerializedFileWriter::new(hashing, schema(table), properties);
        Ok(Self {
            writer: writer.map_err(|error| FolderError::parquet(&path, &error))?,
            path,
            digests: Digests::new(table),
        })
    }

    /// Writes a row group.
    pub(crate) fn write(&mut self, rows: &Rows) -> Result<(), FolderError> {
        self.digests.add(rows);
        let written = write_group(&mut self.writer, rows);
        written.map_err(|error| FolderError::parquet(&self.path, &error))
    }

    /// Ends the file, which is then on disk.
    pub(crate) fn finish(self) -> Result<Written, FolderError> {
        let path = self.path;
        let inner = self.writer.into_inner();
        let Hashing { file, hasher, length } = inner.map_err(|error| FolderError::parquet(&path, &error))?;
        file.sync_all().map_err(|error| FolderError::io(&path, error))?;
        Ok(Written {
            bytes: length,
            sha256: Digest(hasher.finalize().into()),
            digests: self.digests.finish(),
        })
    }
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.length += u64::try_from(written).unwrap_or(u64::MAX);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn write_group(writer: &mut SerializedFileWriter<Hashing>, rows: &Rows) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    for column in rows.columns() {
        let Some(mut writer) = group.next_column()? else {
            return Err(ParquetError::General("the schema has fewer columns".to_owned()));
        };
        write_column(column, &mut writer)?;
        writer.close()?;
    }
    group.close()?;
    Ok(())
}

fn write_column(column: &Stored, writer: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
    let levels = column.levels();
    let levels = levels.as_deref();
    match &column.values {
        Values::Numbers(numbers) => {
            let kept: Vec<i64> = column.kept(numbers.iter().copied());
            writer
                .typed::<Int64Type>()
                .write_batch(kept.as_slice(), levels, None)?;
        }
        Values::Flags(flags) => {
            let kept: Vec<bool> = column.kept(flags.iter().copied());
            writer
                .typed::<BoolType>()
                .write_batch(kept.as_slice(), levels, None)?;
        }
        Values::Amounts(amounts) => {
            // Big-endian, as Parquet's decimals are.
            let bytes: Vec<u8> = amounts.iter().flat_map(|amount| amount.to_be_bytes()).collect();
            let bytes = Bytes::from(bytes);
            let pieces = (0..amounts.len()).map(|row| {
                let start = row * AMOUNT_BYTES;
                FixedLenByteArray::from(ByteArray::from(bytes.slice(start..start + AMOUNT_BYTES)))
            });
            let kept: Vec<FixedLenByteArray> = column.kept(pieces);
            writer
                .typed::<FixedLenByteArrayType>()
                .write_batch(kept.as_slice(), levels, None)?;
        }
        Values::Texts(texts, ends) => write_pieces(column, texts.as_bytes(), ends, levels, writer)?,
        Values::Bytes(bytes, ends) => write_pieces(column, bytes, ends, levels, writer)?,
    }
    Ok(())
}

fn write_pieces(
    column: &Stored,
    bytes: &[u8],
    ends: &[usize],
    levels: Option<&[i16]>,
    writer: &mut SerializedColumnWriter<'_>,
) -> Result<(), ParquetError> {
    let bytes = Bytes::copy_from_slice(bytes);
    let mut start = 0;
    let pieces = ends.iter().map(|end| {
        let piece = ByteArray::from(bytes.slice(start..*end));
        start = *end;
        piece
    });
    let kept: Vec<ByteArray> = column.kept(pieces);
    writer
        .typed::<ByteArrayType>()
        .write_batch(kept.as_slice(), levels, None)?;
    Ok(())
}
