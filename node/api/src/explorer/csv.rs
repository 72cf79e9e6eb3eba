//! Lists as files in CSV (RFC 4180): a header, then a line for each row, in UTF-8 with a byte order mark, by which
//! spreadsheets know it.
//!
//! The last column, `next`, is empty but in a last row that has nothing else: there it is the address of the file that
//! goes on. A file without such a row ends the list.

use axum::http::HeaderValue;
use axum::http::header::LINK;
use axum::response::Response;
use quorate_ledger::is_unseen;

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

/// Words that somebody chose, as a cell. What nobody sees is written as `\u{202e}` and the like, line ends too; and so
/// is what a spreadsheet would take for the beginning of a formula. As what looks like this already has its backslash
/// written so, what was chosen can be read from it.
pub(super) fn free(words: &str) -> String {
    let mut cell = String::with_capacity(words.len());
    let mut begins = true;
    let mut rest = words.chars();
    while let Some(letter) = rest.next() {
        // The full-width ones count in Japanese spreadsheets.
        let formula = begins
            && matches!(
                letter,
                '=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}'
            );
        let escape = letter == '\\' && rest.as_str().starts_with("u{");
        if formula || escape || is_unseen(letter) {
            cell.extend(letter.escape_unicode());
        } else {
            cell.push(letter);
        }
        // Where commas are in numbers, spreadsheets part cells by semicolons, whatever is in quotes.
        let before = letter.is_whitespace() || is_unseen(letter) || matches!(letter, '"' | '\'');
        begins = letter == ';' || begins && before;
    }
    cell
}

/// What may be absent, as a cell.
pub(super) fn or_empty(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// The file, or the page that says why there is none.
pub(super) fn answer(app: &App, here: &Here, name: &str, read: Result<At<File>, Failure>) -> Response {
    match read {
        Ok(read) => read.respond(|file| {
            let link = file.next.map(|next| format!("<{next}>; rel=\"next\""));
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
    use super::*;

    /// What was chosen, read from a cell as its rule says.
    fn read_back(cell: &str) -> String {
        let mut words = String::new();
        let mut rest = cell;
        while let Some((before, after)) = rest.split_once("\\u{") {
            let (number, after) = after.split_once('}').unwrap();
            words.push_str(before);
            words.push(char::from_u32(u32::from_str_radix(number, 16).unwrap()).unwrap());
            rest = after;
        }
        words + rest
    }

    #[test]
    fn no_words_begin_a_formula_and_all_can_be_read_back() {
        for (words, cell) in [
            ("rent, \"March\"", "rent, \"March\""),
            ("1 - 1 = 0", "1 - 1 = 0"),
            ("a@b.example", "a@b.example"),
            ("=1+1", "\\u{3d}1+1"),
            ("+1", "\\u{2b}1"),
            ("-1", "\\u{2d}1"),
            ("@SUM(A1)", "\\u{40}SUM(A1)"),
            ("\u{ff1d}1", "\\u{ff1d}1"),
            (" \u{a0}=1", " \u{a0}\\u{3d}1"),
            ("\t=1", "\\u{9}\\u{3d}1"),
            ("'=1", "'\\u{3d}1"),
            ("\"=1", "\"\\u{3d}1"),
            ("x;=1", "x;\\u{3d}1"),
            ("x; \"-1", "x; \"\\u{2d}1"),
            ("x\n=1", "x\\u{a}=1"),
            ("\u{202e}001", "\\u{202e}001"),
            ("C:\\docs\\unsigned", "C:\\docs\\unsigned"),
            ("\\u{3d}1", "\\u{5c}u{3d}1"),
            ("\\\\u{3d}", "\\\\u{5c}u{3d}"),
            ("\\\u{202e}", "\\\\u{202e}"),
            ("", ""),
        ] {
            assert_eq!(free(words), cell);
            assert_eq!(read_back(cell), words);
        }
    }

    #[test]
    fn every_row_is_one_line_with_a_cell_for_each_column() {
        let mut table = Table::new(["time", "note"]);
        table.row(["2026-03-01T09:00:00.000Z".to_owned(), free("a \"b\", c")]);
        table.row([String::new(), free("two\r\nlines")]);
        let whole = "\u{feff}time,note,next\r\n2026-03-01T09:00:00.000Z,\"a \"\"b\"\", c\",\r\n,\"two\\u{d}\\u{a}lines\",\r\n";
        let file = table.end(Some("list.csv?cursor=7.1".to_owned()));
        assert_eq!(file.text, format!("{whole},,\"list.csv?cursor=7.1\"\r\n"));
    }
}
