//! Transactions on their way from signer to signer, as files (`docs/formats.md`, section 18). A file has one, or several
//! of them one after the other, as the payments of a long list are.
//!
//! What is shown follows from the bytes that are signed, never from the file's own lines, and amounts have decimals only
//! where the genesis document, the user, or the transaction itself says how many. A file that is not word for word what
//! its bytes give is refused.

mod holds;
mod look_up;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;

use quorate_client::wallet::format_amount;
use quorate_crypto::Key;
use quorate_files::Draft;
use quorate_ledger::{
    Address, Amount, AssetCode, Digest, IntentV1, Operation, Place, Submission, Timestamp, Transaction,
    TransactionV1,
};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::file::read_bytes;
use quorate_tools::output::{printable, say};
use quorate_tools::wallet::Meaning;
use quorate_verifier::{ProvenDecimals, Travelling, TravellingV1};
use serde::Serialize;

pub(super) use self::look_up::{LookUpArgs, Signers};
use super::account::{KnownHolds, words_on_governance};
use crate::cli::audit::files;

/// The most bytes of a file, whatever is in it.
const MAX_BYTES: u64 = 64 << 20;

/// The first line of each transaction in a file.
const FIRST: &[u8] = b"quorate transaction 2\n";

/// By what the second line begins.
const NETWORK: &[u8] = b"network ";

/// Operations, and texts, that are shown before they are signed.
const SHOWN: usize = 20;

/// What is in a file, and what is known about it here.
pub(super) struct Papers {
    /// At least one, no two with one id, all for one network.
    pub(super) all: Vec<Travelling>,
    /// What the user knows without a node.
    pub(super) meaning: Meaning,
    /// What was looked up of the holds that it names.
    pub(super) holds: KnownHolds,
}

/// What is paid in one asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Sum {
    asset: AssetCode,
    rows: usize,
    /// In decimals, if they are proven.
    amount: Option<String>,
    smallest_units: String,
}

/// One payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct PaymentView {
    /// Its number among all payments of the file, from 1.
    row: usize,
    transaction: Digest,
    by: Address,
    to: Address,
    asset: AssetCode,
    /// In decimals, if they are proven.
    amount: Option<String>,
    smallest_units: String,
    memo: String,
}

/// Writes a file that must not exist.
pub(super) fn write_new(path: &Path, all: &[Travelling]) -> Result<(), Failure> {
    files::write_new(path, &text_of(all)?)
}

/// Writes a file over the one that is there, whole or not at all: it has others' signatures. Who may read it stays as it
/// was, as the salts of texts are in it.
pub(super) fn write_over(path: &Path, all: &[Travelling]) -> Result<(), Failure> {
    let text = text_of(all)?;
    let written = fs::metadata(path).and_then(|before| {
        let mut draft = Draft::begin(path)?;
        draft.set_permissions(before.permissions())?;
        draft.write_all(text.as_bytes())?;
        draft.put_in_place()
    });
    written.map_err(|error| Failure::unwritable(path, &error))
}

fn text_of(all: &[Travelling]) -> Result<String, Failure> {
    let text: String = all.iter().map(Travelling::write).collect();
    if text.len() as u64 > MAX_BYTES {
        return Err(Failure::usage(format!(
            "the file would have {} MiB, at most {} are allowed: split the payments",
            text.len() >> 20,
            MAX_BYTES >> 20
        )));
    }
    Ok(text)
}

/// The transactions of a file's text, each as if it were a file of its own; none if it does not begin as one.
fn split(mut rest: &[u8]) -> Option<Vec<&[u8]>> {
    let mut files = Vec::new();
    while !rest.is_empty() {
        let after = rest.strip_prefix(FIRST)?;
        // No other line of such a file is like the first one.
        let next = after
            .windows(FIRST.len() + 1)
            .position(|window| window.strip_prefix(b"\n") == Some(FIRST))
            .map_or(rest.len(), |place| FIRST.len() + place + 1);
        let (file, behind) = rest.split_at_checked(next)?;
        files.push(file);
        rest = behind;
    }
    (!files.is_empty()).then_some(files)
}

/// The network that a file says it is for.
fn told_network(file: &[u8]) -> Option<Digest> {
    let line = file.strip_prefix(FIRST)?.strip_prefix(NETWORK)?;
    let digits = line.split(|byte| *byte == b'\n').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

impl Papers {
    /// Reads a file. One that is not what it says, or is for another network than the genesis document's, is refused
    /// with exit code 7.
    pub(super) fn read(path: &Path, meaning: Meaning) -> Result<Self, Failure> {
        let bytes = read_bytes(path, MAX_BYTES)?;
        Self::of(&bytes, meaning).map_err(|failure| failure.while_doing(path.display()))
    }

    fn of(bytes: &[u8], meaning: Meaning) -> Result<Self, Failure> {
        let Some(files) = split(bytes) else {
            return Err(
                Failure::usage("not a transaction that travels for signatures").hint(
                    "`quorate wallet build` writes such files; their first line is `quorate transaction 2`",
                ),
            );
        };
        let refused = |why: String| Failure::new(Exit::CheckFailed, format!("refused: {why}"));
        let mut all: Vec<Travelling> = Vec::with_capacity(files.len());
        for file in files {
            let network = meaning.network.or_else(|| told_network(file));
            // Without any it is refused for its lines.
            let network = network.unwrap_or_default();
            let one = Travelling::read(file, &network, &meaning.decimals)
                .map_err(|why| refused(why.to_string()))?;
            all.push(one);
        }
        let ids: BTreeSet<Digest> = all.iter().map(|one| one.v1().intent.id()).collect();
        if ids.len() < all.len() {
            return Err(refused("a transaction is in it twice".to_owned()));
        }
        let mut networks = all.iter().map(|one| one.v1().intent.v1().network);
        let first = networks.next();
        if networks.any(|network| Some(network) != first) {
            return Err(refused("its transactions are for several networks".to_owned()));
        }
        let holds = KnownHolds::new();
        Ok(Self { all, meaning, holds })
    }

    /// The network that all of it is for.
    pub(super) fn network(&self) -> Digest {
        let first = self.intents().next();
        first.map_or(Digest::ZERO, |intent| intent.network)
    }

    /// When the first of it expires.
    pub(super) fn expires_at(&self) -> Timestamp {
        let expiries = self.intents().map(|intent| intent.expires_at);
        expiries.min().unwrap_or_default()
    }

    /// Its id, if it has one transaction alone.
    pub(super) fn only_id(&self) -> Option<Digest> {
        match self.all.as_slice() {
            [only] => Some(only.v1().intent.id()),
            _ => None,
        }
    }

    fn intents(&self) -> impl Iterator<Item = &IntentV1> {
        self.all.iter().map(|one| one.v1().intent.v1())
    }

    /// Who has signed all of it.
    pub(super) fn signers(&self) -> Vec<Key> {
        let mut each = self.all.iter().map(signers);
        let mut all = each.next().unwrap_or_default();
        for one in each {
            all.retain(|key| one.contains(key));
        }
        all
    }

    /// Says of which assets the decimals are not known here.
    pub(super) fn say_unproven(&self) {
        let unproven = self
            .all
            .iter()
            .flat_map(|one| one.unproven(&self.meaning.decimals));
        let codes: BTreeSet<AssetCode> = unproven.collect();
        // The document, where it is given, does not make the asset.
        let proof = match self.meaning.network {
            Some(_) => "--node URL",
            None => "--genesis FILE",
        };
        for code in codes {
            say(format!(
                "note: amounts of {code} are shown in smallest units, as its decimals are not proven here: \
                 {proof} or --asset-decimals {code}=N tells"
            ));
        }
    }

    /// What is paid in each asset.
    pub(super) fn sums(&self) -> Vec<Sum> {
        let mut sums: BTreeMap<AssetCode, (usize, u128, Option<u8>)> = BTreeMap::new();
        for one in &self.all {
            let decimals = self.decimals_of(one);
            for act in &one.v1().intent.v1().operations {
                if let Operation::Transfer { asset, amount, .. } = act.operation {
                    let (count, sum, known) = sums.entry(asset).or_default();
                    let here = decimals.get(&asset).copied();
                    // Where two transactions make the asset, at most one of them can be executed.
                    *known = here.filter(|_| *count == 0 || *known == here);
                    *count += 1;
                    *sum = sum.saturating_add(amount.0);
                }
            }
        }
        let shown = |(asset, (rows, sum, decimals)): (AssetCode, (usize, u128, Option<u8>))| Sum {
            asset,
            rows,
            amount: decimals.map(|decimals| format_amount(Amount(sum), decimals)),
            smallest_units: sum.to_string(),
        };
        sums.into_iter().map(shown).collect()
    }

    /// Decimals that are proven: known here, or those of an asset that the transaction itself makes.
    fn decimals_of(&self, one: &Travelling) -> ProvenDecimals {
        let mut decimals = self.meaning.decimals.clone();
        for act in &one.v1().intent.v1().operations {
            if let Operation::CreateAsset {
                code, decimals: own, ..
            } = act.operation
            {
                decimals.entry(code).or_insert(own);
            }
        }
        decimals
    }

    /// All payments, with their memos.
    pub(super) fn payments(&self) -> Vec<PaymentView> {
        let mut payments = Vec::new();
        for one in &self.all {
            let (id, decimals) = (one.v1().intent.id(), self.decimals_of(one));
            let intent = one.v1().intent.v1();
            for (index, act) in (0_u8..=u8::MAX).zip(&intent.operations) {
                let Operation::Transfer { to, asset, amount } = act.operation else {
                    continue;
                };
                let known = decimals.get(&asset);
                payments.push(PaymentView {
                    row: payments.len() + 1,
                    transaction: id,
                    by: intent.acting(act).unwrap_or_else(|| intent.sender()),
                    to,
                    asset,
                    amount: known.map(|decimals| format_amount(amount, *decimals)),
                    smallest_units: amount.to_string(),
                    memo: text_at(one, Place::Operation { index, field: 0 }),
                });
            }
        }
        payments
    }

    /// What each transaction says, a line for each thing: all of it, or as much as fits before a question. Only payments are
    /// left out then, and what they come to is said of each asset.
    pub(super) fn lines(&self, whole: bool) -> Vec<String> {
        let mut lines = vec![format!("network {}", self.network())];
        let (mut shown, mut left) = (0, 0);
        for one in &self.all {
            let operations = &one.v1().intent.v1().operations;
            let is_payment = |index: usize| {
                let act = operations.get(index);
                act.is_some_and(|act| matches!(act.operation, Operation::Transfer { .. }))
            };
            let mut hidden = BTreeSet::new();
            lines.push(format!("id {}", one.v1().intent.id()));
            let of_holds = self.words_on_holds(one);
            let of_governance = words_on_governance(&one.v1().intent);
            for line in one.proven_lines(&self.meaning.decimals) {
                let line = line.strip_prefix("# ").unwrap_or(&line);
                let mut words = line.split(' ');
                let first = words.next().unwrap_or_default();
                if let Some(said) = first.parse().ok().and_then(|index: usize| of_holds.get(&index)) {
                    lines.push(printable(said));
                    continue;
                }
                if let Some(index) = first.parse::<usize>().ok().filter(|index| is_payment(*index)) {
                    if !whole && shown == SHOWN {
                        left += 1;
                        hidden.insert(index);
                        continue;
                    }
                    shown += 1;
                }
                // The texts of rows that are not shown are not either.
                let index = words.next().and_then(|index| index.parse::<usize>().ok());
                if first == "text" && index.is_some_and(|index| hidden.contains(&index)) {
                    continue;
                }
                lines.push(printable(line));
                let said = first
                    .parse()
                    .ok()
                    .and_then(|index: usize| of_governance.get(&index));
                lines.extend(said.map(|said| format!("  that is: {}", printable(said))));
            }
        }
        if left > 0 {
            lines.push(format!("and {left} rows more, which `quorate wallet show` lists"));
        }
        for sum in self.sums().iter().filter(|sum| sum.rows > 1 || left > 0) {
            let rows = format!("{} {}", sum.rows, if sum.rows == 1 { "row" } else { "rows" });
            lines.push(match &sum.amount {
                Some(amount) => format!("pays {amount} {} in {rows}", sum.asset),
                None => format!(
                    "pays {} smallest units of {} in {rows}",
                    sum.smallest_units, sum.asset
                ),
            });
        }
        lines.extend(self.names());
        lines
    }

    /// Whose the accounts are that are named, where that is known.
    fn names(&self) -> Vec<String> {
        let named = |address: &Address| self.intents().any(|intent| intent.names(address));
        let names = self.meaning.names.iter().filter(|(address, _)| named(address));
        names
            .map(|(address, name)| format!("{address} is {}", printable(name)))
            .collect()
    }
}

/// Who has signed a transaction.
pub(super) fn signers(one: &Travelling) -> Vec<Key> {
    let signatures = one.v1().signatures.iter();
    signatures.map(|signature| signature.key()).collect()
}

/// What is sent of a transaction that has its signatures.
pub(super) fn submission_of(one: &Travelling) -> Submission {
    let TravellingV1 {
        intent,
        texts,
        signatures,
        ..
    } = one.v1().clone();
    Submission::new(Transaction::V1(TransactionV1 { intent, signatures }), texts)
}

/// The text at a place, for people; empty if there is none.
fn text_at(one: &Travelling, place: Place) -> String {
    let places = one.v1().intent.v1().places().iter();
    let mut texts = places.zip(&one.v1().texts);
    let found = texts.find(|(known, _)| **known == place);
    found.map_or_else(String::new, |(_, text)| {
        String::from_utf8_lossy(&text.text).into_owned()
    })
}

#[cfg(test)]
mod tests;
