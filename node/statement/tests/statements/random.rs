//! Whatever somebody writes in a text or a name comes back from each form as it was, and changes nothing else.

use proptest::prelude::*;
use quorate_ledger::is_refused;
use quorate_statement::{
    Names, Words, camt053, csv, figures_of_camt053, figures_of_csv, figures_of_html, html, table,
};
use quorate_verifier::TextFacts;

use crate::golden::{CREATED, assert_same, asset};
use crate::made::{A, B, Made, balance, month, shown};

/// Letters that mean something somewhere, among others.
fn words() -> impl Strategy<Value = String> {
    let special = "[<>&\"'=+@;,\\\\u{}\u{200b}\u{fffe}\u{ffff} -]{0,40}";
    prop_oneof![any::<String>(), special, "\\PC{1,300}"]
}

/// Lines of the plain text: one with whose it is, ten with what it is about, two with balances, two with the entry, four
/// that belong to it, three notes, and three empty ones.
const TABLE_LINES: usize = 25;

proptest! {
    #[test]
    fn words_come_back(memo in words(), text in words(), owner in words(), other in words()) {
        let legal = |words: &str| words.chars().filter(|letter| !is_refused(*letter)).collect::<String>();
        let (memo, text) = (legal(&memo), legal(&text));
        let mut facts = month();
        facts.entries.truncate(1);
        facts.entries[0].shown.texts = TextFacts::All(vec![shown(&memo), shown(&text)]);
        facts.closing = vec![balance("EUR", 15_000, 0)];
        let made = Made::of(facts);
        // Longer names are not read.
        let short = |name: String| name.chars().take(128).collect::<String>();
        let names: Names = [(A, short(owner)), (B, short(other))].into_iter().collect();
        let statement = made.statement(&names);
        let line = &statement.figures().lines[0];
        prop_assert_eq!(&line.memo, &Words::Shown(memo));
        prop_assert_eq!(&line.text, &Words::Shown(text));
        let document = camt053(&statement, CREATED, &[asset("EUR")]).unwrap();
        for found in [
            figures_of_csv(&csv(&statement)),
            figures_of_html(&html(&statement)),
            figures_of_camt053(&document),
        ] {
            let found = found.unwrap();
            prop_assert_eq!(&found.stray, &None);
            assert_same(&found, &statement);
        }
        // A text does not begin a line of its own.
        prop_assert_eq!(table(&statement).lines().count(), TABLE_LINES);
    }
}
