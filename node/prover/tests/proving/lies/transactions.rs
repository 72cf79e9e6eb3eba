//! Of a transaction, and of what is shown of it.

use quorate_crypto::Digest;
use quorate_ledger::{Amount, Intent, LogEntry, Outcome, Place, TextItem, Transaction, TransactionV1};
use quorate_prover::{Show, ShowTexts, Source, prove_transaction};
use quorate_verifier::{ProofBody, Shown, ShownTexts};

use super::{Good, flip, logged};
use crate::plain::PlainTransaction;
use crate::scenario::SHORT;

/// The first executed transaction that is so.
fn executed(wanted: impl Fn(&PlainTransaction) -> bool) -> &'static PlainTransaction {
    let mut all = SHORT.world.plain.executed.iter();
    all.find(|executed| wanted(executed)).unwrap()
}

fn places(executed: &PlainTransaction) -> &[Place] {
    let texts = executed.transaction.intent().texts.as_ref();
    texts.map(|texts| texts.places.as_slice()).unwrap_or_default()
}

/// Whether a transaction has so many texts, none of them erased.
fn has_texts(executed: &PlainTransaction, count: usize) -> bool {
    let erased = &SHORT.world.plain.erased;
    let is_kept = |place: &Place| !erased.contains(&(executed.logged.id, *place));
    places(executed).len() == count && places(executed).iter().all(is_kept)
}

fn good_transaction(executed: &PlainTransaction, show: Show) -> Good {
    let tip = SHORT.world.chain.height();
    let proof = prove_transaction(&SHORT.world.chain, tip, &executed.logged.id, show).unwrap();
    Good::new(proof, SHORT.world.verifier())
}

fn parts(body: &mut ProofBody) -> (&mut u64, &mut LogEntry, &mut Vec<Digest>, &mut Shown) {
    match body {
        ProofBody::Transaction {
            ordinal,
            entry,
            path,
            shown,
            ..
        } => (ordinal, entry, path, shown),
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_a_transaction() {
    let good = good_transaction(executed(|executed| has_texts(executed, 0)), Show::Nothing);
    good.lies_about_the_head(|body| match body {
        ProofBody::Transaction { head, .. } => head,
        other => panic!("{other:?}"),
    });
    good.lie("bad_path", "another place", |body| *parts(body).0 += 1);
    good.lie("bad_path", "a place beyond the log", |body| {
        *parts(body).0 = u64::MAX
    });
    good.lie("bad_path", "another position", |body| {
        logged(parts(body).1).position += 1
    });
    good.lie("bad_path", "another outcome", |body| {
        logged(parts(body).1).outcome = Outcome::Success {
            results: vec![Amount(1)],
        };
    });
    good.lie("bad_path", "another time", |body| {
        logged(parts(body).1).timestamp.0 += 1
    });
    good.lie("bad_path", "a path with a bit changed", |body| {
        flip(&mut parts(body).2[2])
    });
    good.lie("bad_path", "a shorter path", |body| {
        parts(body).2.pop();
    });
    good.lie("bad_path", "a longer path", |body| {
        parts(body).2.push(Digest::ZERO)
    });
    let without = SHORT.world.ignorant_verifier();
    let refusal = without.verify(&good.proof).unwrap_err();
    assert_eq!(refusal.code(), "unknown_committee");
}

#[test]
fn of_what_is_shown() {
    let bare = executed(|executed| has_texts(executed, 0));
    let other = executed(|executed| has_texts(executed, 0) && executed.logged.id != bare.logged.id);
    let good = good_transaction(bare, Show::Transaction(ShowTexts::All));
    good.lie("other_leaf", "another intent", |body| {
        let intent = Intent::V1(other.transaction.intent().clone());
        let texts = ShownTexts::Nothing;
        *parts(body).3 = Shown::Intent { intent, texts };
    });
    good.lie("other_leaf", "another signature", |body| {
        let Shown::Transaction { transaction, .. } = parts(body).3 else {
            panic!("it is shown");
        };
        let Transaction::V1(TransactionV1 { signatures, .. }) = transaction;
        signatures[0] = other.transaction.signatures()[0];
    });
    good.lie("not_canonical", "texts of an intent without texts", |body| {
        let Shown::Transaction { texts, .. } = parts(body).3 else {
            panic!("it is shown");
        };
        *texts = ShownTexts::All(Vec::new());
    });
}

fn texts(body: &mut ProofBody) -> &mut ShownTexts {
    match parts(body).3 {
        Shown::Intent { texts, .. } | Shown::Transaction { texts, .. } => texts,
        Shown::Nothing => panic!("nothing is shown"),
    }
}

#[test]
fn of_texts() {
    let with_two = executed(|executed| has_texts(executed, 2));
    let good = good_transaction(with_two, Show::Intent(ShowTexts::All));
    let items = |body: &mut ProofBody, alter: fn(&mut Vec<TextItem>)| match texts(body) {
        ShownTexts::All(items) => alter(items),
        other => panic!("{other:?}"),
    };
    good.lie("bad_text", "a text less", |body| {
        items(body, |items| {
            items.pop();
        });
    });
    good.lie("bad_text", "texts in each other's places", |body| {
        items(body, |items| items.swap(0, 1))
    });
    good.lie("bad_text", "another text", |body| {
        items(body, |items| match &mut items[0] {
            TextItem::Shown(text) => text.text[0] ^= 1,
            TextItem::Withheld { .. } => panic!("it is shown"),
        });
    });
    good.lie("bad_text", "another hash of a text", |body| {
        items(body, |items| {
            items[1] = TextItem::Withheld {
                leaf: Digest([8; 32]),
            };
        });
    });

    let show = Show::Intent(ShowTexts::Alone(places(with_two)[1]));
    let good = good_transaction(with_two, show);
    good.lie("bad_text", "one text with another path", |body| {
        match texts(body) {
            ShownTexts::Alone { path, .. } => flip(&mut path[0]),
            other => panic!("{other:?}"),
        }
    });
    good.lie("bad_text", "one text in another place", |body| {
        match texts(body) {
            ShownTexts::Alone { index, .. } => *index = 0,
            other => panic!("{other:?}"),
        }
    });
    good.lie("bad_text", "one text in no place", |body| match texts(body) {
        ShownTexts::Alone { index, .. } => *index = 2,
        other => panic!("{other:?}"),
    });

    let with_one = executed(|executed| has_texts(executed, 1));
    let good = good_transaction(with_one, Show::Intent(ShowTexts::All));
    good.lie("not_canonical", "a single text alone", |body| {
        let found = texts(body);
        let ShownTexts::All(items) = found else {
            panic!("all of them");
        };
        let TextItem::Shown(text) = items[0].clone() else {
            panic!("it is shown");
        };
        *found = ShownTexts::Alone {
            index: 0,
            text,
            path: Vec::new(),
        };
    });
}
