//! Lists as files in CSV (RFC 4180): a header, then a line for each row, in UTF-8 with a byte order mark, by which
//! spreadsheets know it. Words that somebody chose are [`quorate_client::spreadsheet`]'s.
//!
//! The last column, `next`, is empty but in a last row that has nothing else: there it is the address of the file that
//! goes on. A file without such a row ends the list.

use axum::http::HeaderValue;
use axum::http::header::LINK;
use axum::response::Response;
use quorate_client::schema::WithheldText;

use super::files;
use super::here::Here;
use super::layout;
use crate::app::{App, At};
use crate::config::MAX_PAGE_BYTES;
use crate::problem::Failure;

const BYTE_ORDER_MARK: &str = "\u{feff}";
const NEXT: &str = "next";

/// A file in the making.
pub(super) struct Table<const COLUMNS: usize> {
    text: String,
}

/// A whole file.
pub(super) struct File {
    text: String,
    next: Option<String>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(super) fn new(columns: [&str; COLUMNS]) -> Self {
        let mut table = Self {
            text: BYTE_ORDER_MARK.to_owned(),
        };
        table.line(columns, NEXT);
        table
    }

    /// Whether it is as long as one answer should be.
    pub(super) fn is_full(&self) -> bool {
        self.text.len() >= MAX_PAGE_BYTES
    }

    pub(super) fn row(&mut self, cells: [String; COLUMNS]) {
        self.line(cells, "");
    }

    /// Ends the file; `next` is the address of the one that goes on.
    pub(super) fn end(mut self, next: Option<String>) -> File {
        if let Some(next) = &next {
            self.line([""; COLUMNS], next);
        }
        File {
            text: self.text,
            next,
        }
    }

    fn line(&mut self, cells: [impl AsRef<str>; COLUMNS], next: &str) {
        for cell in &cells {
            self.cell(cell.as_ref());
            self.text.push(',');
        }
        self.cell(next);
        self.text.push_str("\r\n");
    }

    fn cell(&mut self, cell: &str) {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        if cell.bytes().all(plain) {
            self.text.push_str(cell);
        } else {
            self.text.push('"');
            self.text.push_str(&cell.replace('"', "\"\""));
            self.text.push('"');
        }
    }
}

/// What may be absent, as a cell.
pub(super) fn or_empty(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Which texts are not shown, by the columns that they would stand in, and whether each is erased or not at hand:
/// `label erased; metadata missing`.
pub(super) fn withheld<'a>(texts: impl IntoIterator<Item = (&'a str, &'a WithheldText)>) -> String {
    let each = texts.into_iter().map(|(column, text)| {
        let why = if text.erased { "erased" } else { "missing" };
        format!("{column} {why}")
    });
    each.collect::<Vec<_>>().join("; ")
}

/// The file, or the page that says why there is none.
pub(super) fn answer(app: &App, here: &Here, name: &str, read: Result<At<File>, Failure>) -> Response {
    match read {
        Ok(read) => read.respond(|file| {
            // The row's address is as seen from the root, the header's from here.
            let root = here.root().trim_start_matches("./");
            let link = file.next.map(|next| format!("<{root}{next}>; rel=\"next\""));
            let mut response = files::download("text/csv; charset=utf-8", name, file.text);
            if let Some(link) = link.and_then(|link| HeaderValue::try_from(link).ok()) {
                response.headers_mut().insert(LINK, link);
            }
            response
        }),
        Err(failure) => layout::answer(app, here, Err(failure)),
    }
}

#[cfg(test)]
mod tests {
    use quorate_client::spreadsheet::cell;

    use super::*;

    #[test]
    fn every_row_is_one_line_with_a_cell_for_each_column() {
        let mut table = Table::new(["time", "note"]);
        table.row(["2026-03-01T09:00:00.000Z".to_owned(), cell("a \"b\", c")]);
        table.row([String::new(), cell("two\r\nlines")]);
        let whole = "\u{feff}time,note,next\r\n2026-03-01T09:00:00.000Z,\"a \"\"b\"\", c\",\r\n,\"two\\u{d}\\u{a}lines\",\r\n";
        let file = table.end(Some("list.csv?cursor=7.1".to_owned()));
        assert_eq!(file.text, format!("{whole},,\"list.csv?cursor=7.1\"\r\n"));
    }
}
