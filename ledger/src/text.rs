//! Texts that anybody may write and others read: memos, labels, descriptions, names.
//!
//! Some characters nobody sees: they move a terminal's cursor, turn the order of letters around, or have no width, so
//! that a text looks other than it is. The worst of them no text of the ledger may have ([`is_refused`], a fixed list
//! of `docs/formats.md`, section 4). Where a text is shown, the rest of them are shown as escapes, everywhere by one
//! rule ([`visible`]), and by another one in all files that spreadsheets open ([`spreadsheet_cell`]).

use std::borrow::Cow;

/// Whether a text of the ledger must not have `letter` (section 4, rule 5): a control character, one that turns the
/// direction of text, a separator of lines, a byte order mark, an annotation or a tag.
///
/// The list is fixed and knows no version of Unicode, as all verifiers must agree on it.
pub fn is_refused(letter: char) -> bool {
    matches!(letter,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Why bytes are not legal as a text of the ledger, whatever their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IllegalText {
    /// Not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// A refused code point.
    #[error("the text has U+{:04X}, which no text may have", u32::from(*letter))]
    Refused {
        /// The first one.
        letter: char,
    },
}

/// The text that `bytes` are, if a text of the ledger may be that: UTF-8 without refused code points.
pub fn legal_text(bytes: &[u8]) -> Result<&str, IllegalText> {
    let text = std::str::from_utf8(bytes).map_err(|_| IllegalText::NotUtf8)?;
    match text.chars().find(|letter| is_refused(*letter)) {
        Some(letter) => Err(IllegalText::Refused { letter }),
        None => Ok(text),
    }
}

/// Whether `text` can name a member or, with another `limit`, a network (section 1): 1 to `limit` of A–Z a–z 0–9
/// `.` `-` `_`, beginning with neither `.` nor `-`.
pub fn is_name(text: &str, limit: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    // A name becomes part of file names, where a leading dot or dash means something.
    (1..=limit).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with(['.', '-'])
}

/// Whether `letter` is nothing that a reader could see: a control character, one that turns the direction of text,
/// a separator of lines, or one that is drawn as nothing (Unicode's `Default_Ignorable_Code_Point`).
pub fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// `text` as it may be shown: what nobody sees is written as `\u{202e}` and the like. What is shown already stays as
/// it is.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unseen) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if is_unseen(letter) {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

/// `words` as a cell of a table for spreadsheets. What nobody sees is written as `\u{202e}` and the like, line ends and
/// tabs too; and so is what a spreadsheet would take for the beginning of a formula. As what looks like this already
/// has its backslash written so, what was chosen can be read from it.
pub fn spreadsheet_cell(words: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_shown_as_an_escape() {
        for (text, shown) in [
            ("rent, March", "rent, March"),
            ("Miete März 房租 🏠", "Miete März 房租 🏠"),
            ("a\u{1b}[2Jb\n", "a\\u{1b}[2Jb\\u{a}"),
            ("pay \u{202e}001\u{202c} now", "pay \\u{202e}001\\u{202c} now"),
            ("ban\u{200b}k", "ban\\u{200b}k"),
            (
                "\u{feff}x\u{2066}\u{ad}\u{e0041}\u{9b}",
                "\\u{feff}x\\u{2066}\\u{ad}\\u{e0041}\\u{9b}",
            ),
        ] {
            assert_eq!(visible(text), shown);
            assert_eq!(visible(shown), shown);
        }
    }

    #[test]
    fn no_cell_begins_a_formula() {
        for (words, shown) in [
            ("rent, \"March\"", "rent, \"March\""),
            ("1 - 1 = 0", "1 - 1 = 0"),
            ("a@b.example", "a@b.example"),
            ("=1+1", "\\u{3d}1+1"),
            ("+1", "\\u{2b}1"),
            ("-1", "\\u{2d}1"),
            ("@SUM(A1)", "\\u{40}SUM(A1)"),
            ("\u{ff1d}1", "\\u{ff1d}1"),
            (" \u{a0}=1", " \u{a0}\\u{3d}1"),
            ("\t1", "\\u{9}1"),
            ("\t=1", "\\u{9}\\u{3d}1"),
            ("\r1", "\\u{d}1"),
            ("\r\n=1", "\\u{d}\\u{a}\\u{3d}1"),
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
            assert_eq!(spreadsheet_cell(words), shown);
        }
    }
}
