//! Reading a table strictly: what could mean something else is an error, with the line an editor shows.
//!
//! The form is that of RFC 4180, but that no cell may go over several lines: a quote that somebody forgot to
//! close would else take the rows below it into one cell, and they would be missing without a word. The `csv`
//! crate reads such files, and ones whose rows have other numbers of cells, without a complaint, and counts
//! lines by its own buffer; so what moves money is read here.

use quorate_tools::failure::Failure;

/// What may stand between cells.
const DELIMITERS: [char; 3] = [',', ';', '\t'];

/// How many lines at the top are searched for the header, to say where it is.
const SEARCHED_LINES: usize = 50;

/// A table whose header has certain columns.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    /// The names of the columns, trimmed.
    pub(crate) header: Vec<String>,
    /// Everything below the header.
    lines: Vec<(u64, &'a str)>,
    delimiter: char,
}

/// A row, or why it is none.
pub(crate) struct Row {
    /// The line, from 1.
    pub(crate) line: u64,
    /// As many cells as the header has, trimmed.
    pub(crate) cells: Result<Vec<String>, String>,
}

impl<'a> Table<'a> {
    /// Finds the header, which has all the columns `needed`, and which of the usual characters stands between
    /// its cells.
    pub(crate) fn read(text: &'a str, needed: &[&str]) -> Result<Self, Failure> {
        let mut lines = numbered_lines(text);
        lines.retain(|(_, line)| !line.trim().is_empty());
        let declared = lines.first().and_then(|(_, line)| separator_line(line));
        if let Some(declared) = declared {
            if !DELIMITERS.contains(&declared) {
                return Err(Failure::usage(format!(
                    "line 1 says that `{declared}` stands between cells: a comma, a semicolon or a tab may"
                )));
            }
            lines.remove(0);
        }
        let Some(&(number, line)) = lines.first() else {
            return Err(Failure::usage("the file is empty").hint(EXAMPLE));
        };
        let delimiters = declared.map_or(DELIMITERS.to_vec(), |declared| vec![declared]);
        let found = delimiters
            .iter()
            .find_map(|&delimiter| Some((delimiter, header_of(line, delimiter, needed)?)));
        let Some((delimiter, header)) = found else {
            return Err(no_header(&lines, &delimiters, needed).while_doing(format!("line {number}")));
        };
        for (place, name) in header.iter().enumerate() {
            let same = |other: &String| other.eq_ignore_ascii_case(name);
            if needed.iter().any(|needed| needed.eq_ignore_ascii_case(name))
                && header.iter().skip(place + 1).any(same)
            {
                return Err(Failure::usage(format!(
                    "the column `{name}` stands in the header twice"
                )));
            }
        }
        lines.remove(0);
        Ok(Self {
            header,
            lines,
            delimiter,
        })
    }

    /// The rows in their order. Rows of empty cells are left out where nothing but such rows follows:
    /// spreadsheets write them.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        let read = |line: &str| cells(line, self.delimiter);
        let is_empty = |line: &str| read(line).is_ok_and(|cells| cells.iter().all(|cell| cell.is_empty()));
        let trailing = self
            .lines
            .iter()
            .rev()
            .take_while(|(_, line)| is_empty(line))
            .count();
        let used = self.lines.len() - trailing;
        self.lines.iter().take(used).map(move |&(number, line)| Row {
            line: number,
            cells: read(line).and_then(|cells| self.checked(cells)),
        })
    }

    fn checked(&self, cells: Vec<String>) -> Result<Vec<String>, String> {
        let (got, wanted) = (cells.len(), self.header.len());
        if got == wanted {
            return Ok(cells);
        }
        let count = |count: usize| format!("{count} {}", if count == 1 { "cell" } else { "cells" });
        let why = if got > wanted && self.delimiter == ',' {
            ": an amount with a comma in it, or a memo with one, has to stand in quotes"
        } else {
            ""
        };
        Err(format!("it has {}, and the header has {wanted}{why}", count(got)))
    }
}

const EXAMPLE: &str = "a payment file begins with a line such as to,amount,asset,memo";

/// The lines with their numbers from 1, whichever of LF, CRLF and CR ends them.
fn numbered_lines(text: &str) -> Vec<(u64, &str)> {
    let mut lines = Vec::new();
    let mut rest = text;
    for number in 1.. {
        let Some(end) = rest.find(['\n', '\r']) else {
            lines.push((number, rest));
            break;
        };
        let (line, tail) = rest.split_at(end);
        lines.push((number, line));
        rest = tail
            .strip_prefix("\r\n")
            .unwrap_or_else(|| tail.get(1..).unwrap_or_default());
    }
    lines
}

/// What a line such as `sep=;`, which spreadsheets write and read, says.
fn separator_line(line: &str) -> Option<char> {
    let line = line.trim_end_matches([' ', '"']).trim_start_matches('"');
    let (name, value) = line.split_at_checked(4)?;
    let mut characters = value.chars();
    let separator = characters.next()?;
    (name.eq_ignore_ascii_case("sep=") && characters.next().is_none()).then_some(separator)
}

fn header_of(line: &str, delimiter: char, needed: &[&str]) -> Option<Vec<String>> {
    let header = cells(line, delimiter).ok()?;
    let has = |name: &&str| header.iter().any(|column| column.eq_ignore_ascii_case(name));
    needed.iter().all(has).then_some(header)
}

/// Why the first line is no header, as helpfully as that can be said.
fn no_header(lines: &[(u64, &str)], delimiters: &[char], needed: &[&str]) -> Failure {
    let is_header = |line: &str| delimiters.iter().any(|&d| header_of(line, d, needed).is_some());
    let below = lines
        .iter()
        .take(SEARCHED_LINES)
        .find(|(_, line)| is_header(line));
    if let Some((number, _)) = below {
        return Failure::usage(format!(
            "this is not the line of column names; line {number} looks like it"
        ))
        .hint("delete what stands above the column names");
    }
    let line = lines.first().map_or("", |(_, line)| line);
    if let Some(other) = ['|', ':']
        .into_iter()
        .find(|&d| header_of(line, d, needed).is_some())
    {
        return Failure::usage(format!(
            "`{other}` stands between the cells: a comma, a semicolon or a tab may"
        ));
    }
    // Of the ways to read it, the one in which the fewest columns are missing.
    let missing = |delimiter: char| -> Vec<&str> {
        let header = cells(line, delimiter).unwrap_or_default();
        let lacks = |name: &&&str| !header.iter().any(|column| column.eq_ignore_ascii_case(name));
        needed.iter().filter(lacks).copied().collect()
    };
    let fewest = delimiters.iter().copied().map(missing).min_by_key(Vec::len);
    let name = fewest.as_ref().and_then(|names| names.first()).copied();
    Failure::usage(format!("the header has no column `{}`", name.unwrap_or_default())).hint(EXAMPLE)
}

/// The cells of a line, trimmed.
fn cells(line: &str, delimiter: char) -> Result<Vec<String>, String> {
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        let (cell, tail) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_cell(quoted, delimiter)?,
            None => plain_cell(rest, delimiter)?,
        };
        cells.push(cell.trim().to_owned());
        match tail {
            Some(tail) => rest = tail,
            None => return Ok(cells),
        }
    }
}

/// A cell without quotes, and what follows the delimiter behind it, if there is one.
fn plain_cell(rest: &str, delimiter: char) -> Result<(String, Option<&str>), String> {
    let (cell, tail) = match rest.split_once(delimiter) {
        Some((cell, tail)) => (cell, Some(tail)),
        None => (rest, None),
    };
    if cell.contains('"') {
        return Err(
            "a quote stands inside a cell: such a cell begins and ends with a quote, and those inside are \
             doubled"
                .to_owned(),
        );
    }
    Ok((cell.to_owned(), tail))
}

/// The same of a cell whose opening quote was taken.
fn quoted_cell(rest: &str, delimiter: char) -> Result<(String, Option<&str>), String> {
    let mut cell = String::new();
    let mut rest = rest;
    loop {
        let Some((inside, tail)) = rest.split_once('"') else {
            return Err(
                "a quote is opened and not closed in this line; no cell may go over several lines".to_owned(),
            );
        };
        cell.push_str(inside);
        if let Some(tail) = tail.strip_prefix('"') {
            cell.push('"');
            rest = tail;
        } else if tail.is_empty() {
            return Ok((cell, None));
        } else if let Some(tail) = tail.strip_prefix(delimiter) {
            return Ok((cell, Some(tail)));
        } else {
            return Err(
                "something stands behind a closing quote; quotes inside a cell are doubled".to_owned(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: [&str; 2] = ["to", "amount"];

    fn rows(text: &str) -> Vec<(u64, Result<Vec<String>, String>)> {
        let table = Table::read(text, &NEEDED).unwrap();
        table.rows().map(|row| (row.line, row.cells)).collect()
    }

    fn good(text: &str) -> Vec<(u64, Vec<String>)> {
        rows(text)
            .into_iter()
            .map(|(line, cells)| (line, cells.unwrap()))
            .collect()
    }

    fn refusal(text: &str) -> String {
        Table::read(text, &NEEDED).unwrap_err().to_string()
    }

    #[test]
    fn lines_are_counted_as_an_editor_does_whatever_ends_them() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["to,amount", "", "a,1", "b", "c,2", ""].join(end);
            let found = rows(&text);
            let lines: Vec<u64> = found.iter().map(|(line, _)| *line).collect();
            assert_eq!(lines, [3, 4, 5], "{end:?}");
            assert!(found[1].1.is_err());
        }
    }

    #[test]
    fn a_quote_that_is_not_closed_spoils_its_own_row_alone() {
        let found = rows("to,amount,memo\na,1,\"rent\nb,2,\nc,3,\"x\"\n");
        assert_eq!(found.len(), 3);
        assert!(found[0].1.as_ref().unwrap_err().contains("not closed"));
        assert_eq!(found[1].1.as_deref().unwrap(), ["b", "2", ""]);
        assert_eq!(found[2].1.as_deref().unwrap(), ["c", "3", "x"]);
    }

    #[test]
    fn quotes_are_those_of_rfc_4180() {
        assert_eq!(
            good("to,amount\n\"a \"\"b\"\", c\",\" 1 \"\n"),
            [(2, vec!["a \"b\", c".to_owned(), "1".to_owned()])]
        );
        for bad in ["a\"b,1", "\"a\"b,1", "a, \"1\""] {
            assert!(rows(&format!("to,amount\n{bad}\n"))[0].1.is_err(), "{bad}");
        }
    }

    #[test]
    fn a_row_has_exactly_the_headers_cells() {
        for bad in ["a", "a,1,", "a,1,250.00"] {
            assert!(rows(&format!("to,amount\n{bad}\n"))[0].1.is_err(), "{bad}");
        }
    }

    #[test]
    fn semicolons_and_tabs_are_known_from_the_header() {
        for delimiter in [";", "\t"] {
            let text = format!("to{delimiter}amount\na, b{delimiter}1\n");
            assert_eq!(good(&text), [(2, vec!["a, b".to_owned(), "1".to_owned()])]);
        }
        assert_eq!(
            good("sep=;\r\nto;amount\r\na;1\r\n"),
            [(3, vec!["a".to_owned(), "1".to_owned()])]
        );
        assert!(refusal("sep=,\nto;amount\n").contains("`to`"));
        assert!(refusal("sep=|\nto|amount\n").contains('|'));
        assert!(refusal("to|amount\n").contains('|'));
    }

    #[test]
    fn a_title_above_the_header_is_named() {
        let why = refusal("Payments of May\n\nto,amount\na,1\n");
        assert!(why.contains("line 1") && why.contains("line 3"), "{why}");
    }

    #[test]
    fn rows_of_empty_cells_count_unless_they_are_the_last() {
        assert_eq!(good("to,amount\na,1\n,\n,\n\n").len(), 1);
        assert_eq!(good("to,amount\na,1\n,\nb,2\n").len(), 3);
    }

    #[test]
    fn a_needed_column_stands_there_once() {
        assert!(refusal("address,amount\n").contains("`to`"));
        assert!(refusal("to,sum\n").contains("`amount`"));
        assert!(refusal("to,amount,TO\n").contains("twice"));
        assert!(refusal("\n \n").contains("empty"));
    }
}
