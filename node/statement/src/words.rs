//! Words that somebody chose, as forms of a statement have them. What nobody sees in them is written out, so that no
//! two texts look alike, and what was chosen can be read from each form.

use quorate_crypto::Address;
use quorate_ledger::is_unseen;
pub(crate) use quorate_ledger::spreadsheet_cell as cell;

/// The most letters of a name that is read.
const MAX_NAME: usize = 128;

/// What stands in the place of a text that is not there.
pub(crate) mod instead {
    pub(crate) const WITHHELD: &str = "withheld";
    pub(crate) const ERASED: &str = "erased";
    pub(crate) const ERASED_UNSEEN: &str = "erased before it was executed";
    pub(crate) const NOT_SHOWN: &str = "not shown";
}

/// The words with what nobody sees written as `\u{202e}` and the like. As what looks like this already has its backslash
/// written so, what was chosen can be read from it.
pub(crate) fn written_out(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    let mut rest = words.chars();
    while let Some(letter) = rest.next() {
        let is_escape = letter == '\\' && rest.as_str().starts_with("u{");
        // XML has neither of the last two.
        if is_escape || is_unseen(letter) || matches!(letter, '\u{fffe}' | '\u{ffff}') {
            text.extend(letter.escape_unicode());
        } else {
            text.push(letter);
        }
    }
    text
}

/// What was chosen, read from what [`written_out`] or [`cell`] gave.
pub(crate) fn read_back(text: &str) -> Result<String, String> {
    let mut words = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\u{") {
        let letter = after.split_once('}').and_then(|(number, after)| {
            let number = u32::from_str_radix(number, 16).ok()?;
            Some((char::from_u32(number)?, after))
        });
        let Some((letter, after)) = letter else {
            return Err("a backslash with `u{` is the number of no letter".to_owned());
        };
        words.push_str(before);
        words.push(letter);
        rest = after;
    }
    words.push_str(rest);
    Ok(words)
}

/// A name, read from what [`written_out`] or [`cell`] gave. It names no address: that would be taken for the one that
/// is paid.
pub(crate) fn read_name(text: &str) -> Result<String, String> {
    let name = read_back(text)?;
    if name.chars().nth(MAX_NAME).is_some() {
        return Err(format!("a name of more than {MAX_NAME} letters"));
    }
    let mut words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
    if words.any(|word| word.parse::<Address>().is_ok()) {
        return Err("a name that has an address in it".to_owned());
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
            assert_eq!(read_back(shown).as_deref(), Ok(words));
        }
    }

    #[test]
    fn what_nobody_sees_is_written_out() {
        for (words, shown) in [
            ("=1", "=1"),
            ("Miete März 🏠", "Miete März 🏠"),
            ("ban\u{200b}k", "ban\\u{200b}k"),
            ("\u{fffe}\u{ffff}", "\\u{fffe}\\u{ffff}"),
            ("\\u{3d}", "\\u{5c}u{3d}"),
        ] {
            assert_eq!(written_out(words), shown);
            assert_eq!(read_back(shown).as_deref(), Ok(words));
        }
        for text in ["\\u{", "\\u{3d", "\\u{}", "\\u{d800}", "\\u{x}"] {
            assert!(read_back(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_words_are_read_back(words in ".*") {
            let chosen = Ok(words.clone());
            prop_assert_eq!(read_back(&written_out(&words)), chosen.clone());
            prop_assert_eq!(read_back(&cell(&words)), chosen);
        }
    }
}
