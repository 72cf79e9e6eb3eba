//! Texts that anybody may write and others read: memos, labels, descriptions, names. Some characters nobody sees:
//! they move a terminal's cursor, turn the order of letters around, or have no width, so that a text looks other
//! than it is. Where such a text is shown they are shown as escapes, everywhere by this one rule.

use std::borrow::Cow;

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
}
