//! What a file is, by its beginning; a folder, by what is in it.

use std::path::{Path, PathBuf};

use quorate_ledger::visible;
use quorate_statement::{Form, proof_of_camt053, proof_of_html};
use quorate_tables::MANIFEST;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::file::{read_bytes, read_text};
use quorate_verifier::MAX_FILE_BYTES;

use super::super::files::beside;

/// The most bytes of a file: a statement has the longest proof in it, and itself.
const MAX_BYTES: u64 = 2 * MAX_FILE_BYTES as u64;

const PROOF: &[u8] = b"quorate proof ";

const COMMITTEES: &[u8] = b"quorate proof 2 committees\n";

/// The first line of each transaction in a file: there may be several, one after the other.
const TRANSACTION: &str = "quorate transaction 2\n";

const TABLE: &str = "Statement of ";

const BYTE_ORDER_MARK: char = '\u{feff}';

/// A file that can be judged.
pub(super) enum Paper {
    /// A proof.
    Proof(Vec<u8>),
    /// A statement with its proof.
    Statement {
        /// Which form it has.
        form: Form,
        /// The statement.
        text: String,
        /// The file of its proof.
        proof: String,
    },
    /// Transactions that travel, at least one.
    Travelling(Vec<String>),
    /// A folder of tables.
    Tables(PathBuf),
}

impl Paper {
    /// Reads a file, and the proof beside it if it has none in it.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        if path.is_dir() {
            return match quorate_tables::is_tables(path) {
                true => Ok(Self::Tables(path.to_owned())),
                false => Err(unknown(&format!("it is a folder without {MANIFEST}"))),
            };
        }
        let bytes = read_bytes(path, MAX_BYTES)?;
        if bytes.starts_with(PROOF) {
            return Ok(Self::Proof(bytes));
        }
        let text = String::from_utf8(bytes).map_err(|_| unknown("it is not text"))?;
        if text.starts_with(TRANSACTION) {
            return Ok(Self::Travelling(parted(&text)));
        }
        if let Some(form) = form_of(&text) {
            let proof = proof_of(form, &text, path)?;
            return Ok(Self::Statement { form, text, proof });
        }
        if text.starts_with(TABLE) {
            return Err(unknown(
                "a statement as plain text is not compared: check its proof, which stands beside it",
            ));
        }
        Err(unknown("it begins like none of them"))
    }

    /// When it is judged: what teaches committees first, and last what is read by decimals that others prove.
    pub(super) fn turn(&self) -> u8 {
        match self {
            Self::Proof(bytes) if bytes.starts_with(COMMITTEES) => 0,
            Self::Proof(_) | Self::Statement { .. } | Self::Tables(_) => 1,
            Self::Travelling(_) => 2,
        }
    }

    /// What it is, in a word.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Proof(_) => "proof",
            Self::Statement { .. } => "statement",
            Self::Travelling(_) => "transaction",
            Self::Tables(_) => "tables",
        }
    }
}

fn unknown(why: &str) -> Failure {
    Failure::usage(format!(
        "neither a proof, a statement, a transaction nor tables: {why}"
    ))
}

/// The form of a statement; none if it looks like none.
fn form_of(text: &str) -> Option<Form> {
    // Spreadsheets put cells in quotation marks, or take them away.
    let columns = |columns: &str| text.trim_start_matches(BYTE_ORDER_MARK).starts_with(columns);
    if columns("row,number,time,") || columns("\"row\",\"number\",\"time\",") {
        return Some(Form::Csv);
    }
    if text.starts_with("<!DOCTYPE html>") {
        return Some(Form::Html);
    }
    let is_xml = text.starts_with("<?xml") && text.contains("camt.053");
    is_xml.then_some(Form::Camt053)
}

/// The file of a statement's proof.
fn proof_of(form: Form, text: &str, path: &Path) -> Result<String, Failure> {
    let read = match form {
        Form::Html => proof_of_html(text),
        Form::Camt053 => proof_of_camt053(text),
        Form::Csv => {
            let proof = beside(path);
            return read_text(&proof, MAX_FILE_BYTES as u64).map_err(|failure| match failure.exit() {
                Exit::NotFound => Failure::not_found(format!(
                    "the proof of this table is not there: it belongs into {}",
                    proof.display()
                )),
                _ => failure,
            });
        }
    };
    read.map_err(|error| unknown(&format!("no proof is in it: {}", visible(&error.to_string()))))
}

/// The transactions of a file.
fn parted(text: &str) -> Vec<String> {
    let between = format!("\n{TRANSACTION}");
    let mut parts: Vec<String> = text
        .strip_prefix(TRANSACTION)
        .unwrap_or(text)
        .split(between.as_str())
        .map(|part| format!("{TRANSACTION}{part}\n"))
        .collect();
    // What ends the last one is still there.
    if let Some(last) = parts.last_mut() {
        last.pop();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_by_how_they_begin() {
        for (text, form) in [
            ("\u{feff}row,number,time,height", Some(Form::Csv)),
            ("\"row\",\"number\",\"time\",\"height\"", Some(Form::Csv)),
            ("<!DOCTYPE html><html>", Some(Form::Html)),
            (
                "<?xml version=\"1.0\"?><Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\">",
                Some(Form::Camt053),
            ),
            ("<?xml version=\"1.0\"?><svg>", None),
            ("date,amount", None),
            ("", None),
        ] {
            assert_eq!(form_of(text), form, "{text}");
        }
    }

    #[test]
    fn transactions_of_one_file_are_told_apart() {
        let one = format!("{TRANSACTION}network ab\n");
        assert_eq!(parted(&one), std::slice::from_ref(&one));
        assert_eq!(parted(&one.repeat(3)), [one.clone(), one.clone(), one]);
    }
}
