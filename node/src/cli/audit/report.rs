//! What a verdict establishes, for people.

mod executed;
mod state;

use std::collections::BTreeMap;

use quorate_statement::{Names, Statement, table};
use quorate_tools::output::{Output, Tone, printable};
use quorate_verifier::{Facts, Finding, HeadFacts, ProvenDecimals, Verdict};

use crate::cli::wallet::account::Decimals;

/// A verdict in words, the answer first. A statement's facts are a table of its entries, and an account's balances and
/// holds stand in tables, with decimals as far as they are known. `proof` is the text of the file that the verdict is on.
pub(crate) fn shown(verdict: &Verdict, proof: &str, decimals: &ProvenDecimals, output: &Output) -> String {
    let answer = match (&verdict.facts, verdict.words.first()) {
        (Facts::State(facts), _) => format!("proven: {}", state::title(facts)),
        (_, Some(answer)) => answer.clone(),
        (_, None) => return String::new(),
    };
    let tone = match verdict.finding {
        Finding::Proven => Tone::Good,
        Finding::CompleteUpTo(_) => Tone::Warning,
    };
    let mut text = format!("{}\n", output.paint(tone, &printable(&answer)));
    text.push_str(&lines_of(verdict.head.as_ref().map(as_of)));
    let names = Names::new();
    let decimals = Decimals::known(decimals.clone(), BTreeMap::new());
    match &verdict.facts {
        Facts::Transaction(facts) => text.push_str(&lines_of(executed::transaction(facts, &decimals))),
        Facts::Block(facts) => text.push_str(&lines_of(executed::block(facts, &decimals))),
        Facts::State(facts) => {
            let plain = lines_of_prefixes(verdict);
            text.push_str(&state::shown(facts, &plain, &decimals, output));
        }
        Facts::Statement(_) => match Statement::new(verdict, proof, &names) {
            Ok(statement) => {
                // All that the other lines say is in the table.
                text.push('\n');
                text.push_str(&table(&statement));
            }
            Err(_) => text.push_str(&lines_of(behind_head(verdict).to_vec())),
        },
        _ => text.push_str(&lines_of(behind_head(verdict).to_vec())),
    }
    text
}

/// The block as of which something is proven.
fn as_of(head: &HeadFacts) -> String {
    let (height, time, epoch, hash) = (head.height, head.timestamp, head.epoch, head.hash);
    format!("as of block {height} of {time}, epoch {epoch}, {hash}")
}

/// Lines that others wrote parts of.
fn lines_of(lines: impl IntoIterator<Item = String>) -> String {
    let lines = lines.into_iter();
    lines.map(|line| format!("{}\n", printable(&line))).collect()
}

/// A verdict's own lines behind the answer and its block.
fn behind_head(verdict: &Verdict) -> &[String] {
    let first = 1 + usize::from(verdict.head.is_some());
    verdict.words.get(first..).unwrap_or_default()
}

/// The same of a proof of the state, for each prefix: one line for it, and one for each of its leaves.
fn lines_of_prefixes(verdict: &Verdict) -> Vec<&[String]> {
    let Facts::State(facts) = &verdict.facts else {
        return Vec::new();
    };
    let mut rest = behind_head(verdict);
    let of_each = facts.iter().map(|prefix| {
        let (lines, behind) = rest.split_at(rest.len().min(1 + prefix.leaves.len()));
        rest = behind;
        lines
    });
    of_each.collect()
}

#[cfg(test)]
mod tests;
