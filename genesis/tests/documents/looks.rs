//! Documents that look other than they are.

use quorate_genesis::{Draft, check_looks};

use crate::network::{draft, draft_v1, ordered};

#[track_caller]
fn words(text: &str) -> String {
    let read = Draft::parse(text).unwrap();
    check_looks(text, &read).unwrap_err().to_string()
}

#[test]
fn a_document_that_is_what_it_looks_like_passes() {
    let text = draft().to_toml();
    assert_eq!(check_looks(&text, &draft()), Ok(()));
    let saved = format!("\u{feff}{}", text.replace('\n', "\r\n").replace(" = ", "\t= "));
    assert_eq!(Draft::parse(&saved), Ok(draft()));
    assert_eq!(check_looks(&saved, &draft()), Ok(()));
}

#[test]
fn characters_that_nobody_sees_are_named_with_their_line() {
    let text = draft().to_toml();
    let hidden = text.replacen("# The ledger begins here", "# The ledger \u{202e}begins here", 1);
    let line = text
        .lines()
        .position(|line| line.starts_with("# The ledger begins"))
        .unwrap()
        + 1;
    assert_eq!(
        words(&hidden),
        format!(
            "line {line}: here is the character U+202E, which nobody sees: the document would look other than it is; \
             take it out"
        )
    );
    // Written as an escape, and no character that texts are forbidden to have.
    let escaped = text.replacen("Test QRT", "Te\\u200bst QRT", 1);
    let found = words(&escaped);
    assert!(
        found.contains("assets[1].description: here is the character U+200B"),
        "{found}"
    );
}

#[test]
fn names_that_look_alike_are_named() {
    let mut content = draft_v1();
    content.members[2] = "aIpha".to_owned();
    let text = ordered(content).to_toml();
    let found = words(&text);
    assert!(
        found.ends_with("members[3]: aIpha looks like alpha: choose names that nobody takes for each other"),
        "{found}"
    );
}
