//! How a table's files are made: the schema in Parquet's terms, and the writer's settings, of which none depends on the
//! machine or the moment (`docs/tables.md`, sections 2 and 4).

use std::sync::Arc;

use parquet::basic::Compression;
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterPropertiesPtr, WriterVersion,
};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, TypePtr};

use crate::table::{Kind, Table};

/// What every file says of its maker. It names no release, as the same rows should give the same bytes.
pub(crate) const CREATED_BY: &str = "quorate version 1.0.0 (build tables)";

/// Bytes of an amount.
pub(crate) const AMOUNT_BYTES: usize = 16;

/// The schema of a table.
pub(crate) fn schema(table: Table) -> TypePtr {
    let mut text = format!("message {} {{\n", table.name());
    for column in table.columns() {
        let repetition = if column.nullable { "OPTIONAL" } else { "REQUIRED" };
        let (physical, logical) = match column.kind {
            Kind::Number => ("INT64", ""),
            Kind::Time => ("INT64", " (TIMESTAMP(MILLIS,true))"),
            Kind::Amount => ("FIXED_LEN_BYTE_ARRAY (16)", " (DECIMAL(38,0))"),
            Kind::Text => ("BYTE_ARRAY", " (STRING)"),
            Kind::Bytes => ("BYTE_ARRAY", ""),
            Kind::Flag => ("BOOLEAN", ""),
        };
        text.push_str(&format!("  {repetition} {physical} {}{logical};\n", column.name));
    }
    text.push('}');
    Arc::new(parse_message_type(&text).expect("the tables' schemas are well-formed"))
}

/// The writer's settings.
pub(crate) fn properties(table: Table) -> WriterPropertiesPtr {
    Arc::new(settings(table).build())
}

/// The same, of which something may be set otherwise.
pub(crate) fn settings(table: Table) -> WriterPropertiesBuilder {
    let mut builder = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::SNAPPY)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        // What is cut is no bound that a reader can rely on, nor one that can be checked.
        .set_statistics_truncate_length(None)
        // Readers that go by it would read other pages than those that go from one page to the next.
        .set_offset_index_disabled(true);
    for column in table.columns() {
        let path = ColumnPath::from(column.name);
        if column.repeats {
            builder = builder.set_column_dictionary_enabled(path.clone(), true);
        }
        if column.kind == Kind::Bytes {
            builder = builder.set_column_statistics_enabled(path, EnabledStatistics::None);
        }
    }
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_has_a_schema() {
        for table in Table::ALL {
            let schema = schema(table);
            assert_eq!(schema.name(), table.name());
            let fields = schema.get_fields().iter().map(|field| field.name().to_owned());
            let names = table.columns().iter().map(|column| column.name.to_owned());
            assert!(fields.eq(names), "{table}");
        }
    }
}
