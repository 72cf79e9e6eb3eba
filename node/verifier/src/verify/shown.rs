//! What is shown of a transaction, beside its entry in the log: its intent, its signatures, its texts.

use quorate_crypto::merkle::path_root;
use quorate_crypto::{Digest, Key};
use quorate_ledger::{IntentV1, LoggedTransaction, Text, TextItem, Texts, Transaction};

use crate::at::At;
use crate::facts::{ShownFacts, TextFacts};
use crate::proof::{Shown, ShownTexts};
use crate::verdict::{Code, Refusal, refuse};

/// Refuses what is shown unless it is the entry's.
pub(super) fn check(entry: &LoggedTransaction, shown: &Shown, at: At<'_>) -> Result<ShownFacts, Refusal> {
    let (id, intent, texts, transaction) = match shown {
        Shown::Nothing => return Ok(ShownFacts::default()),
        Shown::Intent { intent, texts } => (intent.id(), intent.v1(), texts, None),
        Shown::Transaction { transaction, texts } => {
            (transaction.id(), transaction.intent(), texts, Some(transaction))
        }
    };
    if id != entry.id {
        return refuse(Code::OtherLeaf, at, "it is another transaction");
    }
    let signed_by = transaction.map(|transaction| check_signatures(entry, transaction, at));
    Ok(ShownFacts {
        signed_by: signed_by.transpose()?,
        texts: check_texts(intent, texts, at.field("texts"))?,
        intent: Some(intent.clone()),
    })
}

fn check_signatures(
    entry: &LoggedTransaction,
    transaction: &Transaction,
    at: At<'_>,
) -> Result<Vec<Key>, Refusal> {
    if transaction.signed_hash() != entry.signed {
        return refuse(Code::OtherLeaf, at, "these are not the signatures in the log");
    }
    let keys: Vec<Key> = transaction
        .signatures()
        .iter()
        .map(|signature| signature.key())
        .collect();
    // Without the form, ZIP-215 would take keys of small order, for which anybody can sign.
    if !keys.iter().all(|key| key.is_of_good_form()) || !transaction.verify_signatures() {
        return refuse(Code::BadSignature, at, "a signature that is shown is not good");
    }
    Ok(keys)
}

fn check_texts(intent: &IntentV1, shown: &ShownTexts, at: At<'_>) -> Result<TextFacts, Refusal> {
    if *shown == ShownTexts::Nothing {
        return Ok(TextFacts::Nothing);
    }
    let Some(texts) = &intent.texts else {
        return refuse(Code::NotCanonical, at, "the intent has no texts");
    };
    match shown {
        ShownTexts::Nothing => Ok(TextFacts::Nothing),
        ShownTexts::All(items) => {
            check_all(intent, texts, items).or_else(|reason| refuse(Code::BadText, at, reason))?;
            Ok(TextFacts::All(items.clone()))
        }
        ShownTexts::Alone { index, text, path } => {
            if texts.places.len() < 2 {
                let reason = "a single text is all of them, and not shown alone";
                return refuse(Code::NotCanonical, at, reason);
            }
            check_alone(intent, texts, *index, text, path)
                .or_else(|reason| refuse(Code::BadText, at, reason))?;
            Ok(TextFacts::Alone {
                index: *index,
                text: text.clone(),
            })
        }
    }
}

/// Why items, one for each place, do not belong to the intent.
fn check_all(intent: &IntentV1, texts: &Texts, items: &[TextItem]) -> Result<(), String> {
    // The entry's intent need not be well-formed: that is for those to see who ordered it.
    let mut shown = texts.places.iter().zip(items);
    if shown.any(|(place, item)| matches!(item, TextItem::Shown(_)) && !place.legal_for(intent)) {
        return Err("no text belongs to this place".to_owned());
    }
    texts.fit(intent, items).map_err(|error| error.to_string())
}

/// Why one text shown alone does not belong to the intent.
fn check_alone(
    intent: &IntentV1,
    texts: &Texts,
    index: u16,
    text: &Text,
    path: &[Digest],
) -> Result<(), String> {
    let places = texts.places.len();
    let Some(place) = texts.places.get(usize::from(index)) else {
        return Err(format!("there are {places} places, none is number {index}"));
    };
    let leaf = text.leaf();
    // A text is legal at its place exactly if it would fit as the only one.
    let alone = Texts {
        places: vec![place.to_owned()],
        root: leaf,
    };
    let item = TextItem::Shown(text.clone());
    check_all(intent, &alone, &[item])?;
    let size = u64::try_from(places).map_err(|error| error.to_string())?;
    if path_root(leaf, u64::from(index), size, path) == Some(texts.root) {
        Ok(())
    } else {
        Err("the text's path does not lead to the texts' root".to_owned())
    }
}
