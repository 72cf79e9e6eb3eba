//! The page's statement in each form, to the byte.

use quorate_ledger::{AssetCode, Timestamp};
use quorate_statement::{
    Camt053Error, Form, Found, Statement, StatementError, camt053, camt053_assets, compare, csv,
    figures_of_camt053, figures_of_csv, figures_of_html, html, proof_of_camt053, proof_of_html, table,
};

use crate::page::{NAMES, proof, statement, verdict};

/// 2026-02-01T08:00:00Z.
pub(crate) const CREATED: Timestamp = Timestamp(1_769_932_800_000);

/// The page's statement as CSV.
pub(crate) const CSV: &str = include_str!("golden/k1.csv");

/// The page's statement as HTML.
pub(crate) fn page_html() -> String {
    let text = include_str!("golden/k1.html").replace("STYLE", include_str!("../../src/page/style.css"));
    text.replace("PROOF", proof())
}

/// The page's statement as camt.053.
pub(crate) fn page_xml() -> String {
    include_str!("golden/k1.xml").replace("PROOF", proof())
}

pub(crate) fn asset(code: &str) -> AssetCode {
    code.parse().unwrap()
}

/// Checks that nothing is found other than the proof has it.
pub(crate) fn assert_same(found: &Found, statement: &Statement<'_>) {
    let differences = compare(found, statement);
    assert!(differences.is_empty(), "{differences:#?}");
}

#[test]
fn plain_text_is_written_to_the_byte() {
    assert_eq!(table(&statement()), include_str!("golden/k1.txt"));
}

#[test]
fn csv_is_written_to_the_byte_and_read_back() {
    let statement = statement();
    assert_eq!(csv(&statement), CSV);
    let found = figures_of_csv(CSV).unwrap();
    assert_eq!((found.form, &found.figures), (Form::Csv, statement.figures()));
    assert_same(&found, &statement);
}

#[test]
fn html_is_written_to_the_byte_and_read_back() {
    let (statement, page) = (statement(), page_html());
    assert_eq!(html(&statement), page);
    let found = figures_of_html(&page).unwrap();
    assert_eq!((found.form, &found.figures), (Form::Html, statement.figures()));
    assert_eq!(found.stray, None);
    assert_same(&found, &statement);
}

#[test]
fn camt053_is_written_to_the_byte_and_read_back() {
    let (statement, document) = (statement(), page_xml());
    assert_eq!(camt053(&statement, CREATED, &[asset("EUR")]).unwrap(), document);
    let found = figures_of_camt053(&document).unwrap();
    assert_eq!((found.form, &found.stray), (Form::Camt053, &None));
    assert_same(&found, &statement);
    let amounts = found
        .figures
        .lines
        .iter()
        .map(|line| line.movement.unwrap().free.amount.0);
    assert_eq!(amounts.collect::<Vec<_>>(), [1_250, 50_000]);
}

#[test]
fn the_proof_in_a_statement_is_verified_again() {
    let original = verdict(proof());
    for text in [proof_of_html(&page_html()), proof_of_camt053(&page_xml())] {
        let text = text.unwrap();
        assert_eq!(text, proof());
        assert_eq!(verdict(&text), original);
    }
}

#[test]
fn gold_is_no_currency_of_camt053() {
    let gold = Camt053Error::NotACurrency { asset: asset("GOLD") };
    assert_eq!(
        camt053_assets(&statement()),
        [(asset("EUR"), Ok(())), (asset("GOLD"), Err(gold.clone()))]
    );
    let both = [asset("EUR"), asset("GOLD")];
    assert_eq!(camt053(&statement(), CREATED, &both), Err(gold));
}

#[test]
fn a_verdict_goes_with_its_own_proof_alone() {
    let mut other = verdict(proof());
    other.about.push('0');
    let error = Statement::new(&other, proof(), &NAMES).unwrap_err();
    assert_eq!(error, StatementError::OtherProof);
    let mut other = verdict(proof());
    other.head.as_mut().unwrap().hash.0[0] ^= 1;
    let error = Statement::new(&other, proof(), &NAMES).unwrap_err();
    assert_eq!(error, StatementError::OtherProof);
    let error = Statement::new(&verdict(proof()), "no proof", &NAMES).unwrap_err();
    assert!(matches!(error, StatementError::BadProof(_)));
}
