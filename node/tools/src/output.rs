//! What commands print: text for people or one JSON document, on standard output; messages go to
//! standard error. Colour and progress bars appear on a terminal only, and colour not if `NO_COLOR` is set.

use std::io::{self, IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use quorate_ledger::{is_unseen, visible};
use serde::Serialize;

use crate::failure::{Exit, Failure};

/// Columns where there is no terminal to ask.
const COLUMNS: usize = 120;

/// The form of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned text for people.
    Text,
    /// One JSON document.
    Json,
}

/// How sure or how well something is, as a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As hoped for.
    Good,
    /// Worth a look.
    Warning,
    /// Not as hoped for.
    Bad,
    /// Less important.
    Dim,
}

/// Where a command prints to.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    format: Format,
    coloured: bool,
    progress: bool,
}

impl Output {
    /// Output of this format to the process's streams.
    pub fn new(format: Format) -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            format,
            coloured: format == Format::Text && !no_colour && !dumb && io::stdout().is_terminal(),
            progress: io::stderr().is_terminal() && !dumb,
        }
    }

    /// Whether text for people is wanted.
    pub fn is_text(&self) -> bool {
        self.format == Format::Text
    }

    /// Prints `document` as JSON, or what `text` writes.
    pub fn print(
        &self,
        document: &impl Serialize,
        text: impl FnOnce(&Self) -> String,
    ) -> Result<(), Failure> {
        let mut printed = match self.format {
            Format::Json => serde_json::to_string_pretty(document)
                .map(printable_json)
                .map_err(|error| Failure::failed(format!("the answer cannot be written as JSON: {error}")))?,
            Format::Text => text(self),
        };
        if !printed.is_empty() && !printed.ends_with('\n') {
            printed.push('\n');
        }
        write_out(&printed)
    }

    /// `text` in the colour of `tone`, on a terminal.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        self.paint_in(
            match tone {
                Tone::Good => Style::new().fg_color(Some(AnsiColor::Green.into())),
                Tone::Warning => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
                Tone::Bad => Style::new().fg_color(Some(AnsiColor::Red.into())).bold(),
                Tone::Dim => Style::new().dimmed(),
            },
            text,
        )
    }

    /// `text` in a style, on a terminal.
    pub fn paint_in(&self, style: Style, text: &str) -> String {
        match self.coloured {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }

    /// How many columns there are: the terminal's, or as many as are easily read.
    pub fn width(&self) -> usize {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
        let columns = size.map(|size| usize::from(size.ws_col));
        columns.filter(|columns| *columns > 0).unwrap_or(COLUMNS)
    }

    /// Lines of `label  value`, the values aligned.
    pub fn fields(&self, fields: &[(&str, String)]) -> String {
        let width = fields
            .iter()
            .map(|(label, _)| label.chars().count())
            .max()
            .unwrap_or(0);
        let mut text = String::new();
        for (label, value) in fields {
            let label = format!("{label:width$}");
            let value = self.shown(value, printable_lines);
            let mut lines = value.lines();
            text.push_str(&self.paint(Tone::Dim, &label));
            text.push_str("  ");
            text.push_str(lines.next().unwrap_or("-"));
            text.push('\n');
            for line in lines {
                text.push_str(&" ".repeat(width + 2));
                text.push_str(line);
                text.push('\n');
            }
        }
        text
    }

    /// A table without rules. Columns whose heading begins with `>` are aligned to the right.
    pub fn table(&self, headings: &[&str], rows: Vec<Vec<String>>) -> String {
        let first = headings
            .iter()
            .map(|heading| self.paint(Tone::Dim, heading.trim_start_matches('>')));
        let shown = |row: &Vec<String>| -> Vec<String> {
            row.iter().map(|cell| self.shown(cell, printable)).collect()
        };
        let rows: Vec<Vec<String>> = std::iter::once(first.collect())
            .chain(rows.iter().map(shown))
            .collect();
        let width_of = |column: usize| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| width(cell))
                .max()
        };
        let widths: Vec<usize> = (0..headings.len())
            .map(|column| width_of(column).unwrap_or(0))
            .collect();
        let mut text = String::new();
        for row in &rows {
            let mut line = String::new();
            for ((cell, heading), column_width) in row.iter().zip(headings).zip(&widths) {
                let padding = " ".repeat(column_width - width(cell));
                if !line.is_empty() {
                    line.push_str("  ");
                }
                if heading.starts_with('>') {
                    line.push_str(&padding);
                    line.push_str(cell);
                } else {
                    line.push_str(cell);
                    line.push_str(&padding);
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// What a field or a cell shows of `text`: the colours that it is painted in, and all else as `escape` has it.
    fn shown(&self, text: &str, escape: fn(&str) -> String) -> String {
        let mut pieces = text.split('\u{1b}');
        let mut shown = escape(pieces.next().unwrap_or_default());
        for piece in pieces {
            match colour(piece) {
                Some(colour) if self.coloured => {
                    shown.push('\u{1b}');
                    shown.push_str(colour);
                    shown.push_str(&escape(&piece[colour.len()..]));
                }
                _ => {
                    shown.push_str(&escape("\u{1b}"));
                    shown.push_str(&escape(piece));
                }
            }
        }
        shown
    }

    /// A progress bar on standard error, invisible unless that is a terminal.
    pub fn progress(&self, length: u64, unit: &str) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(Some(length), self.target());
        let template = format!("{{msg}} [{{bar:30}}] {{human_pos}}/{{human_len}} {unit} {{eta}}");
        bar.set_style(
            ProgressStyle::with_template(&template)
                .expect("the template is valid")
                .progress_chars("=> "),
        );
        bar
    }

    /// A spinner on standard error, invisible unless that is a terminal.
    pub fn spinner(&self, message: &str) -> ProgressBar {
        let spinner = ProgressBar::with_draw_target(None, self.target());
        spinner.set_message(message.to_owned());
        spinner.enable_steady_tick(std::time::Duration::from_millis(100));
        spinner
    }

    fn target(&self) -> ProgressDrawTarget {
        if self.progress {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        }
    }
}

/// The rest of an escape sequence that sets a colour, at the beginning of `text`.
fn colour(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix('[')?;
    let rest = parameters.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ';');
    let after = rest.strip_prefix('m')?;
    text.get(..text.len() - after.len())
}

/// How many characters a terminal shows of `text`: colours take no room.
fn width(text: &str) -> usize {
    let mut shown = 0;
    let mut in_colour = false;
    for character in text.chars() {
        match character {
            '\u{1b}' => in_colour = true,
            'm' if in_colour => in_colour = false,
            _ if !in_colour => shown += 1,
            _ => {}
        }
    }
    shown
}

/// `text` with what nobody sees in it as escapes: what others wrote must not move the cursor, nor look other than it
/// is.
pub fn printable(text: &str) -> String {
    visible(text).into_owned()
}

/// The same for a message of several lines, which may have tabs.
fn printable_lines(text: &str) -> String {
    let pieces = text.split_inclusive(['\n', '\t']);
    let shown = pieces.map(|piece| match piece.strip_suffix(['\n', '\t']) {
        Some(words) => visible(words).into_owned() + &piece[words.len()..],
        None => printable(piece),
    });
    shown.collect()
}

/// Does the same for a JSON document, in JSON's own escapes: what it says does not change.
pub fn printable_json(json: String) -> String {
    let raw = |letter: char| is_unseen(letter) && letter != '\n';
    if !json.contains(raw) {
        return json;
    }
    let mut shown = String::with_capacity(json.len() + 16);
    for letter in json.chars() {
        if raw(letter) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Writes to standard output. A reader that went away (`quorate … | head`) is no failure.
pub fn write_out(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::failed(format!(
            "standard output cannot be written: {error}"
        ))),
        _ => Ok(()),
    }
}

/// Says something on standard error, where texts of others may be part of it.
pub fn say(message: impl std::fmt::Display) {
    let message = printable_lines(&message.to_string());
    let _ = writeln!(io::stderr().lock(), "{message}");
}

/// Prints a failure on standard error.
pub fn complain(failure: &Failure) {
    let word = if failure.exit() == Exit::Interrupted {
        ""
    } else {
        "error: "
    };
    say(format!("{word}{failure}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Output = Output {
        format: Format::Text,
        coloured: false,
        progress: false,
    };
    const COLOURED: Output = Output {
        format: Format::Text,
        coloured: true,
        progress: false,
    };

    #[test]
    fn numbers_are_aligned_to_the_right_and_names_to_the_left() {
        let rows = vec![
            vec!["a".to_owned(), "1".to_owned()],
            vec!["long".to_owned(), "1000".to_owned()],
        ];
        assert_eq!(
            PLAIN.table(&["NAME", ">N"], rows),
            "NAME     N\na        1\nlong  1000\n"
        );
    }

    #[test]
    fn colours_take_no_room_in_a_table() {
        let good = COLOURED.paint(Tone::Good, "ok");
        assert!(good.len() > 2);
        assert_eq!(width(&good), 2);
    }

    #[test]
    fn fields_and_tables_show_colours_and_nothing_else_that_nobody_sees() {
        let name = "bank\u{202e}\u{1b}[2J";
        let shown = "bank\\u{202e}\\u{1b}[2J";
        for output in [PLAIN, COLOURED] {
            assert!(output.fields(&[("name", name.to_owned())]).contains(shown));
            assert!(
                output
                    .table(&["NAME"], vec![vec![name.to_owned()]])
                    .contains(shown)
            );
        }
        let good = COLOURED.paint(Tone::Good, "ok");
        assert!(COLOURED.fields(&[("is", good.clone())]).contains(&good));
        assert!(PLAIN.fields(&[("is", good)]).contains("\\u{1b}[32mok"));
    }

    #[test]
    fn escape_sequences_of_others_are_not_passed_on() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\u{a}");
        assert_eq!(printable_lines("a\u{202e}\n  hint: b"), "a\\u{202e}\n  hint: b");
    }

    #[test]
    fn json_says_the_same_with_what_nobody_sees_as_escapes() {
        let memo = "a\u{202e}b\u{e0041}\u{9b}\n\u{1b}";
        let json = serde_json::to_string_pretty(&serde_json::json!({ "memo": memo })).unwrap();
        let shown = printable_json(json);
        assert!(shown.contains("a\\u202eb\\udb40\\udc41\\u009b"), "{shown}");
        assert!(!shown.contains(|letter| is_unseen(letter) && letter != '\n'));
        let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(read["memo"], memo);
    }
}
