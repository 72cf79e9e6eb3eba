//! Words that somebody chose, in files that spreadsheets open. A spreadsheet takes a cell that begins like a formula
//! for one, whatever stands in quotes around it, and a formula can send away what stands beside it. Every such file of
//! this project goes by this one rule. What is ours in it needs none: numbers, an amount with its minus among them,
//! hashes, addresses, times and names that are fixed.

use quorate_ledger::is_unseen;

/// The words as a cell. What nobody sees is written as `\u{202e}` and the like, line ends and tabs too; and so is what
/// a spreadsheet would take for the beginning of a formula. As what looks like this already has its backslash written
/// so, what was chosen can be read from it.
pub fn cell(words: &str) -> String {
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
            assert_eq!(cell(words), shown);
            assert_eq!(read_back(shown), words);
        }
    }
}
