//! Statements to read, to print and to book: each is checked against the proof that goes with it, and is not good any more
//! once one figure in it is another.

use std::ops::Range;
use std::path::Path;

use quorate_ledger::Timestamp;
use serde_json::Value;

use super::orders::text_of;
use super::{Banks, MIDDLE};

/// The forms: by what they are asked for, what they are called where they are checked, and what ends their files' names.
static FORMS: [(&str, &str, &str); 3] = [
    ("csv", "csv", "csv"),
    ("html", "html", "html"),
    ("camt", "camt053", "xml"),
];

/// A figure that somebody changes: how it is written, how it is written afterwards, and what is said of it.
struct Figure {
    from: String,
    to: String,
    said: String,
}

/// One bank's statement in all forms.
#[track_caller]
pub(super) fn assert_checked(banks: &Banks, bank: usize, range: &Range<Timestamp>) {
    for (format, form, ending) in FORMS {
        let name = &banks.orders.names[bank];
        let file = banks.path(&format!("{name}.{ending}"));
        let (out, genesis, node) = (file.to_str().unwrap(), banks.genesis(), banks.node_of(bank));
        let (from, to) = (range.start.to_string(), range.end.to_string());
        let statement = [
            "wallet",
            "statement",
            &banks.addresses[bank],
            "--from",
            &from,
            "--to",
            &to,
        ];
        let how = [
            "--format",
            format,
            "--out",
            out,
            "--node",
            &node,
            "--genesis",
            &genesis,
        ];
        banks.expect(0, &[&statement[..], &how].concat());

        let answer = banks.verify(0, &file);
        assert_eq!(answer["result"], "good", "{form}: {answer}");
        assert_eq!(answer["form"], form);
        assert!(answer["differences"].is_null(), "{form}: {answer}");
        let paid = payment(banks, bank, &answer["verdicts"][0]["facts"], form);
        for figure in [closing(banks, bank, form), paid] {
            assert_seen(banks, &file, &figure);
        }
    }
}

/// Writes the statement with another figure, and leaves its proof as it is.
#[track_caller]
fn assert_seen(banks: &Banks, file: &Path, figure: &Figure) {
    let text = std::fs::read_to_string(file).unwrap();
    let place = text.find(&figure.from);
    let place = place.unwrap_or_else(|| panic!("no {} in {}", figure.from, file.display()));
    let (before, behind) = (&text[..place], &text[place + figure.from.len()..]);
    let name = file.file_name().unwrap().to_str().unwrap();
    let changed = file.with_file_name(format!("changed-{name}"));
    std::fs::write(&changed, format!("{before}{}{behind}", figure.to)).unwrap();
    let (proof, copy) = (beside(file), beside(&changed));
    if proof.exists() {
        std::fs::copy(proof, copy).unwrap();
    }
    let answer = banks.verify(7, &changed);
    assert_eq!(answer["result"], "changed", "{answer}");
    let differences: Vec<&str> = answer["differences"]
        .as_array()
        .unwrap_or_else(|| panic!("none are named: {answer}"))
        .iter()
        .map(|difference| difference.as_str().unwrap())
        .collect();
    assert!(
        differences.iter().any(|said| said.contains(&figure.said)),
        "{}\n{differences:#?}",
        figure.said
    );
}

/// The closing balance, of which there is one smallest unit more.
fn closing(banks: &Banks, bank: usize, form: &str) -> Figure {
    let has = banks.orders.balance(bank, MIDDLE + 1);
    let (proven, other) = (text_of(has), text_of(has + 1));
    // The last entry's balance is the same, and comes before it in a table.
    let cell = |text: &str| match form {
        "csv" => format!("closing,,,,,,,,QRT,2,,{text},"),
        _ => format!(">{text}<"),
    };
    Figure {
        from: cell(&proven),
        to: cell(&other),
        said: format!("the closing balance of QRT is {other}, by the proof {proven}"),
    }
}

/// What the bank paid first, of which it was one smallest unit more.
#[track_caller]
fn payment(banks: &Banks, bank: usize, facts: &Value, form: &str) -> Figure {
    let entries = facts["entries"].as_array().unwrap();
    let owner = banks.addresses[bank].as_str();
    let is_own = |entry: &&Value| entry["shown"]["intent"]["parties"][0] == owner;
    let entry = entries
        .iter()
        .find(is_own)
        .expect("every bank pays in each third");
    let transfer = &entry["shown"]["intent"]["operations"][0]["operation"]["Transfer"];
    let units: u128 = transfer["amount"].as_str().unwrap().parse().unwrap();
    let (proven, other) = (text_of(units), text_of(units + 1));
    let (number, id) = (&entry["number"], entry["id"].as_str().unwrap());
    // It is the first amount with a sign; camt.053 has none.
    let cell = |text: &str| match form {
        "camt053" => format!("<NtryRef>{number}.0</NtryRef>\n        <Amt Ccy=\"QRT\">{text}<"),
        _ => format!("-{text}"),
    };
    Figure {
        from: cell(&proven),
        to: cell(&other),
        said: format!(
            "entry {number}, operation 0, QRT (transaction {id}): the amount is `-{other}`, by the proof `-{proven}`"
        ),
    }
}

/// The file of a proof that stands beside a table.
fn beside(file: &Path) -> std::path::PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".proof");
    name.into()
}
