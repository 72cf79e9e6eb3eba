//! A transaction that travels for signatures, as a file (`docs/formats.md`, section 18): what people read follows from
//! the bytes that are signed, so nobody can change the one and not the other. There is one file for one value.

use std::collections::{BTreeMap, BTreeSet};

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Digest, KeySignature, Tag};
use quorate_ledger::limits::{self, MAX_DECIMALS, MAX_SIGNATURES};
use quorate_ledger::{
    Amount, AssetCode, Condition, Intent, IntentV1, Operation, Place, Text, TextItem, encode, format_amount,
};
use serde::{Deserialize, Serialize};

use crate::armour;
use crate::at::At;
use crate::plain::ToPlain;
use crate::plain::operation::operation;
use crate::proof::MAX_TEXTS;
use crate::text::quoted;
use crate::verdict::{Code, Refusal, refuse};

/// Bytes of a [`Travelling`] at most.
pub const MAX_TRAVELLING_BYTES: usize = limits::MAX_TRAVELLING_BYTES;

/// Bytes of its file at most.
pub const MAX_TRAVELLING_FILE_BYTES: usize = limits::MAX_TRAVELLING_FILE_BYTES;

const MAX_ASSETS: usize = 512;

/// The first line of a file.
const FIRST: &str = "quorate transaction 2";

/// A transaction on its way from signer to signer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Travelling {
    /// Version 1.
    V1(TravellingV1),
}

/// Version 1 of [`Travelling`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TravellingV1 {
    /// What is signed.
    pub intent: Intent,
    /// All its texts, one for each place.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_TEXTS>")]
    pub texts: Vec<Text>,
    /// Signatures so far, strictly ascending by key; at most 64.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_SIGNATURES>")]
    pub signatures: Vec<KeySignature>,
    /// The decimals with which amounts are written, strictly ascending by code: one for each code that stands in a field
    /// `asset` or `code` of an operation, not deeper.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_ASSETS>")]
    pub decimals: Vec<AssetDecimals>,
}

/// How many decimals an asset has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetDecimals {
    /// The asset's code.
    pub asset: AssetCode,
    /// Digits after the point, at most 18.
    pub decimals: u8,
}

/// Assets' decimals as somebody may rely on them: from genesis, or from leaves that are proven.
pub type ProvenDecimals = BTreeMap<AssetCode, u8>;

/// Files that cannot be put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CombineError {
    /// There is nothing to put together.
    #[error("there is no file to combine")]
    Nothing,
    /// Another transaction, or other texts.
    #[error("file {file} has another transaction, other texts or other decimals than the first")]
    Another {
        /// Its place among those given, from 0.
        file: usize,
    },
}

impl Travelling {
    /// A transaction without signatures. `decimals` is asked for each asset that it names; an asset that it creates has
    /// those that it says. None if some are not known, or are more than 18.
    pub fn new(intent: Intent, texts: Vec<Text>, decimals: &ProvenDecimals) -> Option<Self> {
        let own = own_decimals(intent.v1());
        let known = |asset: &AssetCode| {
            let known = own.get(asset).or_else(|| decimals.get(asset)).copied();
            known.filter(|decimals| *decimals <= MAX_DECIMALS)
        };
        let decimals = named_assets(intent.v1()).into_iter().map(|asset| {
            let decimals = known(&asset)?;
            Some(AssetDecimals { asset, decimals })
        });
        let decimals = decimals.collect::<Option<_>>()?;
        Some(Self::V1(TravellingV1 {
            intent,
            texts,
            signatures: Vec::new(),
            decimals,
        }))
    }

    /// Version 1's fields.
    pub fn v1(&self) -> &TravellingV1 {
        let Self::V1(travelling) = self;
        travelling
    }

    /// The transaction of a file, which is for this network, whose texts fit and whose signatures are good. Decimals that
    /// are neither proven nor the transaction's own are taken as they are: see [`Self::unproven`].
    ///
    /// # Errors
    /// `not_canonical`, `other_network`, `malformed_transaction`, `bad_text`, `bad_signature`.
    pub fn read(file: &[u8], network: &Digest, proven: &ProvenDecimals) -> Result<Self, Refusal> {
        let at = At::Whole("transaction");
        let text = file
            .strip_suffix(b"\n")
            .filter(|_| file.len() <= MAX_TRAVELLING_FILE_BYTES);
        let Some(text) = text else {
            return refuse(
                Code::NotCanonical,
                at,
                "more than 1 MiB, or the last line does not end",
            );
        };
        let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        let behind = lines.get(3..).unwrap_or_default();
        let comments = behind.iter().take_while(|line| line.starts_with(b"# ")).count();
        let (comments, base64) = behind.split_at(comments);
        let found = Self::of_text(&base64.join(&b'\n'))
            .map_err(|reason| Refusal::new(Code::NotCanonical, at, reason))?;
        found.check_content(network, &lines, at)?;
        found.check_decimals(proven, at.field("decimals"))?;
        let expected = found.lines();
        let same = expected.iter().map(String::as_bytes).eq(comments.iter().copied());
        if !same {
            let reason = "the lines are not those that belong to the bytes";
            return refuse(Code::NotCanonical, at.field("comments"), reason);
        }
        Ok(found)
    }

    /// The file's text.
    pub fn write(&self) -> String {
        let mut text = self.header().join("\n");
        for line in self.lines() {
            text.push('\n');
            text.push_str(&line);
        }
        text.push('\n');
        armour::write(&encode(self), &mut text);
        text
    }

    /// What people read in the file: lines that follow from the bytes, with the file's decimals.
    pub fn lines(&self) -> Vec<String> {
        let decimals = self.v1().decimals.iter().map(|item| (item.asset, item.decimals));
        self.lines_with(&decimals.collect())
    }

    /// What a tool shows: as [`Self::lines`], but amounts of assets whose decimals are neither proven nor the
    /// transaction's own are in smallest units.
    pub fn proven_lines(&self, proven: &ProvenDecimals) -> Vec<String> {
        let mut decimals = own_decimals(self.v1().intent.v1());
        decimals.extend(proven);
        self.lines_with(&decimals)
    }

    /// The assets whose decimals nobody has proven. A tool does not use these decimals, and says so.
    pub fn unproven(&self, proven: &ProvenDecimals) -> Vec<AssetCode> {
        let own = own_decimals(self.v1().intent.v1());
        let assets = self.v1().decimals.iter().map(|item| item.asset);
        assets
            .filter(|asset| !own.contains_key(asset) && !proven.contains_key(asset))
            .collect()
    }

    /// The same transaction with the signatures of all files, one for each key, ascending.
    ///
    /// # Errors
    /// If they are not all of one transaction with the same texts and decimals.
    pub fn combine(files: &[Self]) -> Result<Self, CombineError> {
        let first = files.first().ok_or(CombineError::Nothing)?.v1();
        let mut signatures = BTreeMap::new();
        for (place, file) in files.iter().enumerate() {
            let fields = file.v1();
            let same = (&fields.intent, &fields.texts, &fields.decimals);
            if same != (&first.intent, &first.texts, &first.decimals) {
                return Err(CombineError::Another { file: place });
            }
            for signature in &fields.signatures {
                signatures
                    .entry(signature.key())
                    .or_insert_with(|| signature.to_owned());
            }
        }
        Ok(Self::V1(TravellingV1 {
            signatures: signatures.into_values().collect(),
            ..first.clone()
        }))
    }

    fn of_text(base64: &[u8]) -> Result<Self, String> {
        let bytes = armour::read(base64, MAX_TRAVELLING_BYTES)?;
        let found: Self = bcs::from_bytes(&bytes).map_err(|error| error.to_string())?;
        let decimals = &found.v1().decimals;
        if !decimals.is_sorted_by(|a, b| a.asset < b.asset) {
            return Err("the decimals do not ascend strictly by code".to_owned());
        }
        if decimals.iter().any(|item| item.decimals > MAX_DECIMALS) {
            return Err(format!("an asset has at most {MAX_DECIMALS} decimals"));
        }
        Ok(found)
    }

    fn header(&self) -> [String; 3] {
        let intent = &self.v1().intent;
        let (network, id) = (intent.v1().network, intent.id());
        [FIRST.to_owned(), format!("network {network}"), format!("id {id}")]
    }

    /// All but decimals and comments.
    fn check_content(&self, network: &Digest, lines: &[&[u8]], at: At<'_>) -> Result<(), Refusal> {
        let fields = self.v1();
        let intent = fields.intent.v1();
        if intent.network != *network {
            return refuse(Code::OtherNetwork, at, "it is for another network");
        }
        let header = self.header();
        for ((line, expected), name) in lines.iter().zip(&header).zip(["kind", "network", "id"]) {
            if *line != expected.as_bytes() {
                let reason = "the line is not the one that belongs to the bytes";
                return refuse(Code::NotCanonical, at.field(name), reason);
            }
        }
        if let Err(error) = intent.check_form(network) {
            let reason = format!("{}: {error}", error.reason());
            return refuse(Code::MalformedTransaction, at.field("intent"), reason);
        }
        check_texts(intent, &fields.texts, at.field("texts"))?;
        check_signatures(&fields.intent, &fields.signatures, at.field("signatures"))
    }

    /// One for each asset that is named, and none that contradicts genesis, a proven leaf or the transaction itself.
    fn check_decimals(&self, proven: &ProvenDecimals, at: At<'_>) -> Result<(), Refusal> {
        let fields = self.v1();
        let intent = fields.intent.v1();
        let named = named_assets(intent);
        if !fields.decimals.iter().map(|item| &item.asset).eq(&named) {
            return refuse(
                Code::NotCanonical,
                at,
                "not one for each asset of the transaction",
            );
        }
        let created = intent.operations.iter().filter_map(|act| match &act.operation {
            Operation::CreateAsset { code, decimals, .. } => Some((code, decimals)),
            _ => None,
        });
        for (asset, decimals) in created.chain(proven) {
            let differs = |item: &AssetDecimals| item.asset == *asset && item.decimals != *decimals;
            if fields.decimals.iter().any(differs) {
                return refuse(Code::NotCanonical, at, format!("{asset} has {decimals} decimals"));
            }
        }
        Ok(())
    }

    fn lines_with(&self, decimals: &ProvenDecimals) -> Vec<String> {
        let fields = self.v1();
        let intent = fields.intent.v1();
        let parties: Vec<String> = intent.parties.iter().map(ToString::to_string).collect();
        let mut lines = vec![
            format!("# parties {}", parties.join(" ")),
            format!("# expires_at {}", intent.expires_at),
        ];
        for (place, act) in intent.operations.iter().enumerate() {
            // An intent that is well-formed has no other parties; of any other nothing here is relied on.
            let party = parties
                .get(usize::from(act.party))
                .map_or("nobody", String::as_str);
            lines.push(format!(
                "# {place} by {party} {}",
                operation_words(&act.operation, decimals)
            ));
        }
        let places = intent
            .texts
            .as_ref()
            .map_or(&[] as &[Place], |texts| texts.places.as_slice());
        let texts = places.iter().zip(&fields.texts);
        lines.extend(texts.map(|(place, text)| format!("# {place} {}", quoted(&text.text))));
        let signatures = fields.signatures.iter();
        lines.extend(signatures.map(|signature| format!("# signed {}", signature.key())));
        lines
    }
}

/// The assets in fields `asset` and `code` of operations.
fn named_assets(intent: &IntentV1) -> BTreeSet<AssetCode> {
    let assets = intent.operations.iter().filter_map(|act| match &act.operation {
        Operation::CreateAsset { code, .. } => Some(*code),
        Operation::Freeze { asset, .. } | Operation::Unfreeze { asset, .. } => *asset,
        other => amount_of(other).map(|(asset, _)| asset),
    });
    assets.collect()
}

/// The amount of an operation that says of which asset it is.
fn amount_of(operation: &Operation) -> Option<(AssetCode, Amount)> {
    match operation {
        Operation::Mint { asset, amount, .. }
        | Operation::Burn { asset, amount }
        | Operation::Transfer { asset, amount, .. }
        | Operation::Hold { asset, amount, .. } => Some((*asset, *amount)),
        _ => None,
    }
}

/// Decimals of assets that the transaction creates.
fn own_decimals(intent: &IntentV1) -> ProvenDecimals {
    let created = intent.operations.iter().filter_map(|act| match &act.operation {
        Operation::CreateAsset { code, decimals, .. } => Some((*code, *decimals)),
        _ => None,
    });
    created.collect()
}

fn check_texts(intent: &IntentV1, texts: &[Text], at: At<'_>) -> Result<(), Refusal> {
    let Some(places) = &intent.texts else {
        return match texts {
            [] => Ok(()),
            _ => refuse(Code::BadText, at, "the intent has no texts"),
        };
    };
    let items: Vec<TextItem> = texts.iter().cloned().map(TextItem::Shown).collect();
    places
        .fit(intent, &items)
        .or_else(|error| refuse(Code::BadText, at, error.to_string()))
}

fn check_signatures(intent: &Intent, signatures: &[KeySignature], at: At<'_>) -> Result<(), Refusal> {
    if !signatures.is_sorted_by(|a, b| a.key() < b.key()) {
        return refuse(Code::NotCanonical, at, "they do not ascend strictly by key");
    }
    let preimage = Tag::TRANSACTION.preimage(&encode(intent));
    // Without the form, ZIP-215 would take keys of small order, for which anybody can sign.
    let good = |signature: &KeySignature| signature.key().is_of_good_form() && signature.verify(&preimage);
    match signatures.iter().position(|signature| !good(signature)) {
        Some(place) => refuse(Code::BadSignature, at.item(place), "it is not good"),
        None => Ok(()),
    }
}

/// A hold's condition as it stands in an operation's line.
pub fn condition_words(condition: &Condition) -> String {
    condition.plain().to_string()
}

/// An operation as it stands in a travelling file's lines: its name, then each field's name and value. Amounts of assets
/// that are not in `decimals` are in smallest units.
pub fn operation_words(of: &Operation, decimals: &ProvenDecimals) -> String {
    let (_, fields) = operation(of);
    let mut words = of.name().to_owned();
    for (field, value) in fields {
        let special = match (of, field) {
            (Operation::Erase { intent, .. }, "intent") => Some(Tag::TRANSACTION.hash(intent).to_string()),
            (_, "amount") => amount_of(of).and_then(|(asset, amount)| {
                let decimals = decimals.get(&asset)?;
                Some(format_amount(amount, *decimals))
            }),
            _ => None,
        };
        let value = special.unwrap_or_else(|| value.to_string());
        words.push_str(&format!(" {field} {value}"));
    }
    words
}
