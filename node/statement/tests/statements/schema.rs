//! Documents against the rules of camt.053's schema, which a program in Python has (`camt053.py`).

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use quorate_statement::camt053;
use quorate_verifier::StatementFacts;

use crate::golden::{CREATED, asset, page_xml};
use crate::made::{Made, assets, balance, empty, month, names};

/// The interpreter; the program needs no packages.
fn interpreter() -> PathBuf {
    let named = std::env::var_os("QUORATE_PYTHON");
    named.map_or_else(|| PathBuf::from("/usr/bin/python3"), PathBuf::from)
}

/// What the program says is wrong with a document.
fn wrong(document: &str) -> Option<String> {
    let program = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/statements/camt053.py"
    ));
    let mut running = Command::new(interpreter())
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("there is a Python 3 in /usr/bin, or QUORATE_PYTHON names one");
    running
        .stdin
        .take()
        .unwrap()
        .write_all(document.as_bytes())
        .unwrap();
    let output = running.wait_with_output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    match output.status.code() {
        Some(0) => None,
        Some(1) if !words.is_empty() => Some(words),
        other => panic!("the program ended with {other:?}: {words}"),
    }
}

#[test]
fn documents_keep_the_rules() {
    assert_eq!(wrong(&page_xml()), None);
    let names = names();
    let busy = Made::of(month());
    let several = Made::of(StatementFacts {
        opening: vec![balance("CHF", 5, 7), balance("EUR", 100, 250)],
        closing: vec![balance("CHF", 5, 7), balance("EUR", 100, 250)],
        beside: assets(&[("CHF", 0), ("EUR", 2)]),
        ..empty()
    });
    for (made, codes) in [(&busy, &["EUR"][..]), (&several, &["CHF", "EUR"][..])] {
        let codes: Vec<_> = codes.iter().map(|code| asset(code)).collect();
        let document = camt053(&made.statement(&names), CREATED, &codes).unwrap();
        assert_eq!(wrong(&document), None);
        assert_eq!(document.matches("<Stmt>").count(), codes.len());
    }
}

/// A program that finds nothing wrong checks nothing.
#[test]
fn what_breaks_a_rule_is_found() {
    let long = |letters: usize| "x".repeat(letters);
    for (old, new) in [
        ("<Cd>OPBD</Cd>", "<Cd>OPBDX</Cd>".to_owned()),
        ("<Cd>OPBD</Cd>", "<Cd>CLBD</Cd>".to_owned()),
        ("\"EUR\">12.50", "\"eur\">12.50".to_owned()),
        ("\"EUR\">12.50", "\"USD\">12.50".to_owned()),
        ("<Amt Ccy=\"EUR\">12.50", "<Amt>12.50".to_owned()),
        (">12.50</Amt>", ">12.500001</Amt>".to_owned()),
        (">12.50</Amt>", ">1234567890123456789</Amt>".to_owned()),
        (">12.50</Amt>", ">-12.50</Amt>".to_owned()),
        (">12.50</Amt>", ">12,50</Amt>".to_owned()),
        (">12.50</Amt>", ">12.51</Amt>".to_owned()),
        ("<AddtlInf>Written", format!("<AddtlInf>{}", long(400))),
        ("<Nm>Alice</Nm>", format!("<Nm>{}</Nm>", long(71))),
        ("<Nm>Bob &amp; Söhne</Nm>", format!("<Nm>{}</Nm>", long(141))),
        ("Bob &amp; Söhne", "Bob & Söhne".to_owned()),
        (
            "<Id>venmzywv08eqec6pshrgw93lgca756gd</Id>",
            format!("<Id>{}</Id>", long(35)),
        ),
        (
            "<Ustrd>invoice 17</Ustrd>",
            format!("<Ustrd>{}</Ustrd>", long(141)),
        ),
        ("<Ustrd>invoice 17</Ustrd>", "<Ustrd></Ustrd>".to_owned()),
        ("<NtryRef>1.0</NtryRef>", "<NtryRef>2</NtryRef>".to_owned()),
        ("<MsgId>e3ec189fc5d2df2179632996cb41014c</MsgId>", String::new()),
        (
            "<ToDtTm>2026-01-01T00:00:01Z",
            "<ToDtTm>2026-01-01 00:00:01".to_owned(),
        ),
        (
            "<ToDtTm>2026-01-01T00:00:01Z",
            "<ToDtTm>2026-13-01T00:00:01Z".to_owned(),
        ),
        (
            "<Ccy>EUR</Ccy>\n        <Nm>Alice</Nm>",
            "<Nm>Alice</Nm>\n        <Ccy>EUR</Ccy>".to_owned(),
        ),
        ("<Nm>Alice</Nm>", "<Nm>Alice</Nm><Nm>Alice</Nm>".to_owned()),
        ("<GrpHdr>", "<GrpHdr>x".to_owned()),
        ("tech:xsd:camt.053.001.08", "tech:xsd:camt.053.001.02".to_owned()),
        ("</BkToCstmrStmt>", "<Stmt/></BkToCstmrStmt>".to_owned()),
    ] {
        let document = page_xml();
        assert_eq!(document.matches(old).count(), 1, "{old}");
        let words = wrong(&document.replace(old, &new));
        assert!(words.is_some(), "{old} to {new} breaks a rule");
    }
}
