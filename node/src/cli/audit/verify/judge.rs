//! Verdicts on files.

mod tables;

use std::collections::BTreeMap;

use quorate_ledger::{Address, AssetCode, Digest, StateValue};
use quorate_statement::{
    Form, Found, Names, ReadError, Statement, compare, compare_names, figures_of_camt053, figures_of_csv,
    figures_of_html,
};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::{Output, printable};
use quorate_verifier::{Anchor, Facts, ProvenDecimals, Refusal, Travelling, Verdict, Verifier};
use serde::Serialize;

use super::super::anchor::{decimals_of, hint_for, names_of};
use super::super::report;
use super::paper::Paper;
use crate::cli::wallet::account::{Decimals, words_on_holds};

/// How many differences are shown to people; in JSON are all.
const SHOWN: usize = 50;

/// What was found of one file.
#[derive(Default, Serialize)]
pub(super) struct Judgement {
    /// What the file is; none if that cannot be told.
    #[serde(rename = "is")]
    paper: Option<&'static str>,
    /// In a word: good, refused, changed, unreadable, missing.
    pub(super) result: &'static str,
    /// A statement's form.
    #[serde(skip_serializing_if = "Option::is_none")]
    form: Option<&'static str>,
    /// What its proofs establish.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verdicts: Vec<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
    /// Where a statement is not what its proof establishes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differences: Vec<String>,
    /// Assets that the proof has and the statement does not, as camt.053 may.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    assets_left_out: Vec<AssetCode>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transactions: Vec<TransactionView>,
    /// What was found of a folder of tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    tables: Option<quorate_tables::Report>,
    /// Why it is not good, where nothing else says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// None if it is good.
    #[serde(skip)]
    pub(super) exit: Option<Exit>,
    /// The same for people.
    #[serde(skip)]
    pub(super) text: String,
}

/// A transaction on its way between signers.
#[derive(Serialize)]
struct TransactionView {
    id: Digest,
    network: Digest,
    parties: Vec<Address>,
    expires_at: String,
    /// Keys whose signatures are there; each is good.
    signed_by: Vec<String>,
    /// What is signed, in words.
    lines: Vec<String>,
    /// The same for people: operations on holds in words, as their conditions are no lines of theirs.
    #[serde(skip)]
    words: Vec<String>,
    /// Assets whose decimals nothing proves: their amounts are in smallest units.
    unproven_decimals: Vec<AssetCode>,
}

/// Judges files one after the other, and keeps what they teach.
pub(super) struct Judge<'a> {
    /// What is trusted.
    anchor: Anchor,
    verifier: Verifier,
    decimals: ProvenDecimals,
    output: &'a Output,
}

impl<'a> Judge<'a> {
    /// One that knows no more than what is trusted.
    pub(super) fn new(anchor: Anchor, output: &'a Output) -> Self {
        Self {
            decimals: decimals_of(&anchor),
            verifier: Verifier::new(anchor.clone()),
            anchor,
            output,
        }
    }

    /// What is found of a file.
    pub(super) fn judge(&mut self, paper: Result<Paper, Failure>) -> Judgement {
        let paper = match paper {
            Ok(paper) => paper,
            Err(failure) => return unreadable(&failure),
        };
        let name = paper.name();
        let judgement = match paper {
            Paper::Proof(bytes) => self.proof(&bytes),
            Paper::Statement { form, text, proof } => self.statement(form, &text, &proof),
            Paper::Travelling(texts) => self.travelling(&texts),
            Paper::Tables(folder) => tables::judge(&folder, &self.anchor),
        };
        Judgement {
            paper: Some(name),
            ..judgement
        }
    }

    fn proof(&mut self, file: &[u8]) -> Judgement {
        // A file that is read is text.
        let text = String::from_utf8_lossy(file);
        match self.check(file) {
            Ok(verdicts) => Judgement {
                text: self.shown(&verdicts, &text),
                result: "good",
                verdicts,
                ..Judgement::default()
            },
            Err(refusal) => refused(refusal),
        }
    }

    fn check(&mut self, file: &[u8]) -> Result<Vec<Verdict>, Refusal> {
        let verdicts = self.verifier.check_file(file)?;
        for verdict in &verdicts {
            self.learn_decimals(verdict);
        }
        Ok(verdicts)
    }

    fn learn_decimals(&mut self, verdict: &Verdict) {
        let proven = match &verdict.facts {
            Facts::State(facts) => facts.as_slice(),
            Facts::Statement(facts) => facts.beside.as_slice(),
            _ => &[],
        };
        for leaf in proven.iter().flat_map(|prefix| &prefix.leaves) {
            if let StateValue::Asset(asset) = &leaf.value {
                self.decimals.insert(asset.v1().code, asset.v1().decimals);
            }
        }
    }

    fn shown(&self, verdicts: &[Verdict], proof: &str) -> String {
        let texts = verdicts
            .iter()
            .map(|verdict| report::shown(verdict, proof, &self.decimals, self.output));
        texts.collect()
    }

    fn statement(&mut self, form: Form, text: &str, proof: &str) -> Judgement {
        let verdicts = match self.check(proof.as_bytes()) {
            Ok(verdicts) => verdicts,
            Err(refusal) => {
                return Judgement {
                    form: Some(name_of(form)),
                    ..refused(refusal)
                };
            }
        };
        let judgement = compared(form, text, proof, &verdicts, &names_of(&self.anchor));
        let shown = self.shown(&verdicts, proof);
        Judgement {
            form: Some(name_of(form)),
            text: format!("{}{shown}", judgement.text),
            verdicts,
            ..judgement
        }
    }

    fn travelling(&self, texts: &[String]) -> Judgement {
        let Some(network) = self.verifier.network() else {
            let why = "a transaction is checked against the genesis document: name it with --genesis";
            return unreadable(&Failure::usage(why));
        };
        let mut judgement = Judgement {
            result: "good",
            ..Judgement::default()
        };
        for text in texts {
            match Travelling::read(text.as_bytes(), &network, &self.decimals) {
                Ok(transaction) => {
                    let view = TransactionView::of(&transaction, &self.decimals);
                    view.write(&mut judgement.text);
                    judgement.transactions.push(view);
                }
                Err(refusal) => return refused(refusal),
            }
        }
        judgement
    }
}

impl TransactionView {
    fn of(transaction: &Travelling, decimals: &ProvenDecimals) -> Self {
        let fields = transaction.v1();
        let intent = fields.intent.v1();
        let signatures = fields.signatures.iter();
        let lines = transaction.proven_lines(decimals).into_iter();
        let lines: Vec<String> = lines
            .map(|line| line.strip_prefix("# ").unwrap_or(&line).to_owned())
            .collect();
        let known = Decimals::known(decimals.clone(), BTreeMap::new());
        let of_holds = words_on_holds(&fields.intent, &known);
        let words = lines.iter().map(|line| {
            let index = line.split(' ').next().and_then(|index| index.parse().ok());
            let said = index.and_then(|index: usize| of_holds.get(&index));
            said.unwrap_or(line).clone()
        });
        Self {
            words: words.collect(),
            id: fields.intent.id(),
            network: intent.network,
            parties: intent.parties.clone(),
            expires_at: intent.expires_at.to_string(),
            signed_by: signatures.map(|signature| signature.key().to_string()).collect(),
            lines,
            unproven_decimals: transaction.unproven(decimals),
        }
    }

    fn write(&self, text: &mut String) {
        let count = self.signed_by.len();
        let signatures = if count == 1 { "signature" } else { "signatures" };
        let mut lines = vec![
            format!(
                "transaction {}, with {count} {signatures}, each of them good",
                self.id
            ),
            "that it was executed, or has all the signatures that it needs, this does not say".to_owned(),
        ];
        lines.extend(self.unproven_decimals.iter().map(|asset| {
            format!("the decimals of {asset} are not proven: its amounts are in smallest units")
        }));
        for line in lines.iter().chain(&self.words) {
            text.push_str(&printable(line));
            text.push('\n');
        }
    }
}

/// A statement beside what its proof establishes, and its names beside those of the genesis document.
fn compared(form: Form, text: &str, proof: &str, verdicts: &[Verdict], names: &Names) -> Judgement {
    let Some(verdict) = verdicts.first() else {
        return changed("its proof establishes nothing");
    };
    let statement = match Statement::new(verdict, proof, names) {
        Ok(statement) => statement,
        Err(error) => return changed(&error.to_string()),
    };
    let found = match figures_of(form, text) {
        Ok(found) => found,
        Err(error) => return changed(&error.to_string()),
    };
    let differences: Vec<String> = compare(&found, &statement)
        .iter()
        .chain(&compare_names(&found, names))
        .map(ToString::to_string)
        .collect();
    if !differences.is_empty() {
        let mut text = String::from("its figures are not those that its proof establishes:\n");
        for difference in differences.iter().take(SHOWN) {
            text.push_str(&format!("  {}\n", printable(difference)));
        }
        if differences.len() > SHOWN {
            text.push_str(&format!("  and {} more\n", differences.len() - SHOWN));
        }
        text.push_str("what its proof establishes:\n");
        return Judgement {
            result: "changed",
            differences,
            exit: Some(Exit::CheckFailed),
            text,
            ..Judgement::default()
        };
    }
    let assets_left_out = left_out(&found, &statement);
    let mut text = String::from("its figures are those that its proof establishes\n");
    for asset in &assets_left_out {
        text.push_str(&format!(
            "its proof has {asset} too, which this statement leaves out\n"
        ));
    }
    let mut shown = found.names.iter().filter(|(_, name)| !name.is_empty());
    if shown.any(|(address, _)| !names.contains_key(address)) {
        text.push_str(
            "names beside addresses are those of whoever made the statement: not all of them are proven\n",
        );
    }
    Judgement {
        result: "good",
        assets_left_out,
        text,
        ..Judgement::default()
    }
}

fn figures_of(form: Form, text: &str) -> Result<Found, ReadError> {
    match form {
        Form::Csv => figures_of_csv(text),
        Form::Html => figures_of_html(text),
        Form::Camt053 => figures_of_camt053(text),
    }
}

/// Assets that the proof has balances of and the statement has not.
fn left_out(found: &Found, statement: &Statement<'_>) -> Vec<AssetCode> {
    let has = |asset: &AssetCode| {
        let mut balances = found.figures.balances.iter();
        balances.any(|balances| balances.asset == *asset)
    };
    let proven = statement.figures().balances.iter();
    let proven = proven.map(|balances| balances.asset);
    proven.filter(|asset| !has(asset)).collect()
}

fn name_of(form: Form) -> &'static str {
    match form {
        Form::Csv => "csv",
        Form::Html => "html",
        Form::Camt053 => "camt053",
    }
}

fn refused(refusal: Refusal) -> Judgement {
    let mut text = format!("{}\n", printable(&refusal.to_string()));
    if let Some(hint) = hint_for(refusal.code) {
        text.push_str(&format!("hint: {hint}\n"));
    }
    Judgement {
        result: "refused",
        refusal: Some(refusal),
        exit: Some(Exit::CheckFailed),
        text,
        ..Judgement::default()
    }
}

/// That a statement is not what was written once, or not what goes with its proof.
fn changed(why: &str) -> Judgement {
    Judgement {
        result: "changed",
        reason: Some(why.to_owned()),
        exit: Some(Exit::CheckFailed),
        text: format!("{}\n", printable(why)),
        ..Judgement::default()
    }
}

fn unreadable(failure: &Failure) -> Judgement {
    let exit = failure.exit();
    Judgement {
        result: match exit {
            Exit::NotFound => "missing",
            _ => "unreadable",
        },
        reason: Some(failure.to_string()),
        exit: Some(exit),
        text: failure.to_string().lines().map(line_of).collect(),
        ..Judgement::default()
    }
}

fn line_of(line: &str) -> String {
    format!("{}\n", printable(line))
}
