//! What a statement is made of: a verdict that the verifier gave, the proof that it was given for, and names.

use std::collections::{BTreeMap, BTreeSet};

use quorate_crypto::Address;
use quorate_ledger::{AssetCode, BalanceItem, Found, HistoryOwner, Outcome, StateProof, StateValue};
use quorate_verifier::{Facts, ProofBody, ProofFile, ProvenDecimals, Refusal, StatementFacts, Verdict};

use crate::figures::{About, Balance, Balances, Figures};
use crate::lines;

/// Names that whoever asks for a statement has for addresses. Nothing proves them.
pub type Names = BTreeMap<Address, String>;

/// A proven statement, ready to be written in any form.
#[derive(Clone, Debug)]
pub struct Statement<'a> {
    figures: Figures,
    proof: &'a str,
    names: &'a Names,
}

/// Why there is no statement to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The verdict is on a proof of another kind.
    #[error("the proof is of the kind `{kind}`: a statement is written of a proof of the kind `statement`")]
    OtherKind {
        /// The kind's name in a proof file.
        kind: &'static str,
    },
    /// The verdict names no block, as those of statements do.
    #[error("the verdict does not say as of which block it holds")]
    NoHead,
    /// The proof's text is not one.
    #[error("the proof cannot be read: {0}")]
    BadProof(#[from] Refusal),
    /// The verdict is on another proof.
    #[error("the verdict is on another proof than the one given: verify that one")]
    OtherProof,
}

impl<'a> Statement<'a> {
    /// The statement of a verdict. `proof` is the text of the file that the verifier gave the verdict for, which goes
    /// with the statement; nothing here verifies it again.
    ///
    /// # Errors
    /// If the verdict is on something else than a statement, or not on this proof.
    pub fn new(verdict: &Verdict, proof: &'a str, names: &'a Names) -> Result<Self, StatementError> {
        let Facts::Statement(facts) = &verdict.facts else {
            let kind = verdict.kind.name();
            return Err(StatementError::OtherKind { kind });
        };
        let head = verdict.head.ok_or(StatementError::NoHead)?;
        let file = ProofFile::read(proof.as_bytes())?;
        let ProofBody::Statement(proven) = &file.proof.v1().body else {
            return Err(StatementError::OtherProof);
        };
        if file.proof.question() != verdict.about || proven.head.header.hash() != head.hash {
            return Err(StatementError::OtherProof);
        }
        let failed = facts.entries.iter();
        let failed = failed.filter(|entry| matches!(entry.entry.outcome, Outcome::Failed { .. }));
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let about = About {
            owner: facts.owner,
            network: file.proof.v1().network,
            from: facts.from,
            to: facts.to,
            complete_up_to: facts.complete_up_to,
            head,
            opening_is_of_genesis: facts.opening_is_of_genesis,
            transactions: count(facts.entries.len()),
            failed: count(failed.count()),
        };
        let decimals = decimals_of(facts, &proven.leaf);
        let figures = Figures {
            about,
            balances: balances_of(facts, &decimals),
            lines: lines::of(facts, &decimals),
        };
        Ok(Self {
            figures,
            proof,
            names,
        })
    }

    /// What it shows.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// The text of the proof's file.
    pub fn proof(&self) -> &'a str {
        self.proof
    }

    /// The names that it shows beside addresses.
    pub fn names(&self) -> &'a Names {
        self.names
    }
}

/// The decimals that the proof establishes: of assets whose leaves are beside the statement, and of the one that the
/// statement is about, whose own leaf is in it.
fn decimals_of(facts: &StatementFacts, leaf: &StateProof) -> ProvenDecimals {
    let mut decimals = ProvenDecimals::new();
    let mut learn = |value: &StateValue| {
        if let StateValue::Asset(asset) = value {
            decimals.insert(asset.v1().code, asset.v1().decimals);
        }
    };
    let beside = facts.beside.iter().flat_map(|proof| &proof.leaves);
    beside.for_each(|leaf| learn(&leaf.value));
    if let (HistoryOwner::Asset(_), Found::Leaves(leaves)) = (&facts.owner, &leaf.v1().found) {
        let values = leaves
            .iter()
            .filter_map(|leaf| StateValue::decode(&leaf.key, &leaf.value).ok());
        values.for_each(|value| learn(&value));
    }
    decimals
}

/// The balances of each asset that is in the opening balances, in the closing ones, or changed in between.
fn balances_of(facts: &StatementFacts, decimals: &ProvenDecimals) -> Vec<Balances> {
    let of = |items: &[BalanceItem]| -> BTreeMap<AssetCode, Balance> {
        let items = items.iter();
        items
            .map(|item| {
                (
                    item.asset,
                    Balance {
                        free: item.free,
                        held: item.held,
                    },
                )
            })
            .collect()
    };
    let (opening, closing) = (of(&facts.opening), of(&facts.closing));
    let changes = facts.entries.iter().flat_map(|entry| &entry.changes);
    let mut assets: BTreeSet<AssetCode> = changes.map(|change| change.asset).collect();
    assets.extend(opening.keys().chain(closing.keys()));
    let balances = assets.into_iter().map(|asset| Balances {
        asset,
        decimals: decimals.get(&asset).copied(),
        opening: Some(opening.get(&asset).copied().unwrap_or_default()),
        closing: Some(closing.get(&asset).copied().unwrap_or_default()),
    });
    balances.collect()
}
