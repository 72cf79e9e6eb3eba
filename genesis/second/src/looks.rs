//! Documents that look other than they are. Members review a document by reading it, so characters that nobody sees
//! and names that look alike are refused wherever a document is written, signed, assembled or verified. They are no
//! part of what makes a document valid: networks that began with such a document go on.

use std::collections::BTreeMap;

use quorate_ledger_second::is_unseen;

use crate::error::Place;
use crate::{Draft, GenesisError, Problem};

/// Refuses a document of this text and draft if a reader could take it for another: comments count too.
pub fn check_looks(toml: &str, draft: &Draft) -> Result<(), GenesisError> {
    let draft = draft.v1();
    // Editors of some systems put a byte order mark before what they save.
    let text = toml.strip_prefix('\u{feff}').unwrap_or(toml);
    for (line, words) in (1..).zip(text.split('\n')) {
        let words = words.strip_suffix('\r').unwrap_or(words);
        let unseen = words.chars().find(|letter| is_unseen(*letter) && *letter != '\t');
        if let Some(letter) = unseen {
            let reason = Problem::Unseen { letter }.to_string();
            return Err(GenesisError::Form { line, reason });
        }
    }
    let mut names: BTreeMap<String, &String> = BTreeMap::new();
    for (index, member) in draft.members.iter().enumerate() {
        if let Some(other) = names.insert(skeleton(member), member) {
            let problem = Problem::LooksLike {
                name: member.clone(),
                other: other.clone(),
            };
            return Err(Place::key("members").entry(index).is(problem).located_in(toml));
        }
    }
    for (index, asset) in draft.assets.iter().enumerate() {
        // TOML has escapes for what cannot be seen.
        if let Some(letter) = asset.description.chars().find(|letter| is_unseen(*letter)) {
            let place = Place::key("assets").entry(index).then("description");
            return Err(place.is(Problem::Unseen { letter }).located_in(toml));
        }
    }
    Ok(())
}

/// What is left of a name when letters that are drawn alike are one: those of ASCII that Unicode's table of
/// confusable characters has (Technical Standard 39), and the two cases of a letter.
fn skeleton(name: &str) -> String {
    let letters = name.chars().map(|letter| match letter {
        '1' | 'I' | 'l' => 'l',
        '0' | 'O' | 'o' => 'o',
        other => other.to_ascii_lowercase(),
    });
    letters.collect::<String>().replace("rn", "m").replace("vv", "w")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_drawn_alike_have_one_skeleton() {
        for (one, other) in [
            ("bank-1", "bank-l"),
            ("bank-I", "bank-1"),
            ("O0", "OO"),
            ("barn", "bam"),
            ("Bank", "bank"),
        ] {
            assert_eq!(skeleton(one), skeleton(other), "{one} {other}");
        }
        let numbered: std::collections::BTreeSet<String> = (1..=100)
            .map(|number| skeleton(&format!("validator-{number}")))
            .collect();
        assert_eq!(numbered.len(), 100);
    }
}
