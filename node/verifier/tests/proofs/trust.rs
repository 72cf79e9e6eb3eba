//! What a verifier begins with, and what it learns.

use quorate_crypto::{Address, Digest, Epoch, Height};
use quorate_ledger::{Intent, IntentV1, Operation, Transaction, TransactionV1};
use quorate_verifier::{Anchor, CertifiedHeader, Pin, Proof, ProofBody, ProofFile, Shown, Trust, Verifier};

use crate::page;

fn block_file() -> &'static str {
    page::file("quorate proof 2 block\n")
}

pub(crate) fn block() -> Proof {
    ProofFile::read(block_file().as_bytes()).unwrap().proof
}

pub(crate) fn pin() -> Pin {
    Pin {
        height: Height(1),
        hash: page::table("block hash").parse().unwrap(),
    }
}

/// Committees that start with the page's block.
pub(crate) fn committees() -> Proof {
    let block = block();
    let ProofBody::Block { head, .. } = &block.v1().body else {
        panic!("it is a block's");
    };
    let trust = Trust::Pinned {
        header: head.header.clone(),
        committee: page::genesis().committee(),
    };
    let body = ProofBody::Committees {
        trust,
        steps: Vec::new(),
    };
    Proof::new(block.v1().network, body)
}

pub(crate) fn verifier(has_genesis: bool, pin: Option<Pin>) -> Verifier {
    Verifier::new(Anchor {
        genesis: has_genesis.then(page::genesis),
        pin,
    })
}

fn code(verifier: &mut Verifier, file: &str) -> Result<(), &'static str> {
    verifier
        .check_file(file.as_bytes())
        .map(|_| ())
        .map_err(|refusal| refusal.code())
}

#[test]
fn a_head_stands_by_its_own_seals() {
    let body = block().v1().body.clone();
    let ProofBody::Block { head, .. } = body else {
        panic!("it is a block's");
    };
    let verifier = verifier(true, None);
    let facts = verifier.check_head(&head).unwrap();
    assert_eq!((facts.height, facts.hash), (Height(1), head.hash()));
    let code = |head: &CertifiedHeader| verifier.check_head(head).map_err(|refusal| refusal.code());
    let mut bare = head.clone();
    bare.seals.clear();
    assert_eq!(code(&bare), Err("not_minimal"));
    let mut forged = head;
    forged.seals[0].signature.0[0] ^= 1;
    assert_eq!(code(&forged), Err("bad_certificate"));
}

#[test]
fn genesis_or_a_pinned_block_is_enough() {
    let both = ProofFile {
        proof: block(),
        committees: Some(committees()),
    };
    let (both, alone) = (both.write(), block_file());
    let elsewhere = Pin {
        hash: page::genesis().id(),
        ..pin()
    };
    for (has_genesis, pin, file, expected) in [
        (true, None, alone, Ok(())),
        (false, None, alone, Err("unknown_committee")),
        (false, Some(pin()), alone, Err("unknown_committee")),
        (true, Some(pin()), alone, Err("unknown_committee")),
        (false, Some(pin()), both.as_str(), Ok(())),
        (true, Some(pin()), both.as_str(), Ok(())),
        (true, Some(elsewhere), both.as_str(), Err("unknown_committee")),
        (false, Some(elsewhere), both.as_str(), Err("unknown_committee")),
        // The block is good, and its file is refused for the committees that come with it.
        (true, None, both.as_str(), Err("unknown_committee")),
    ] {
        assert_eq!(
            code(&mut verifier(has_genesis, pin), file),
            expected,
            "{has_genesis} {pin:?}"
        );
    }
}

#[test]
fn the_network_is_that_of_the_pinned_header() {
    let mut verifier = verifier(false, Some(pin()));
    assert_eq!(verifier.network(), None);
    assert!(verifier.epoch(Epoch(0)).is_none());
    verifier.learn(&committees()).unwrap();
    assert_eq!(verifier.network(), Some(page::genesis().id()));
    let known = verifier.epoch(Epoch(0)).unwrap();
    assert_eq!((known.first, known.last), (None, None));
    assert_eq!(known.committee, page::genesis().committee());
    assert!(verifier.verify(&block()).is_ok());
}

#[test]
fn judging_committees_is_not_learning_them() {
    let mut verifier = verifier(false, Some(pin()));
    verifier.verify(&committees()).unwrap();
    assert!(verifier.epoch(Epoch(0)).is_none());
    assert_eq!(verifier.verify(&block()).unwrap_err().code, "unknown_committee");
    verifier.learn(&committees()).unwrap();
    verifier.verify(&block()).unwrap();
}

#[test]
fn a_proof_made_in_memory_is_checked_as_one_that_was_read() {
    let Proof::V1(mut proof) = block();
    if let ProofBody::Block { head, .. } = &mut proof.body {
        let seal = head.seals[0].to_owned();
        head.seals.push(seal);
    }
    let proof = Proof::V1(proof);
    let refusal = page::verifier().verify(&proof).unwrap_err();
    assert_eq!(refusal.code, "not_canonical");
    assert_eq!(Proof::decode(&proof.encode()).unwrap_err(), refusal);
}

/// The code for the page's proof of a transaction, with a change of it that no bytes are made of, and with one of its
/// bytes.
fn changed(change: impl Fn(&mut Vec<Digest>, &mut TransactionV1)) -> [&'static str; 2] {
    let Proof::V1(mut proof) = ProofFile::read(page::proof_files()[0].as_bytes()).unwrap().proof;
    let ProofBody::Transaction { path, shown, .. } = &mut proof.body else {
        panic!("it is a transaction's");
    };
    let Shown::Intent { texts, .. } = shown.clone() else {
        panic!("the intent is shown");
    };
    let Transaction::V1(mut transaction) = page::transaction_1();
    change(path, &mut transaction);
    let transaction = Transaction::V1(transaction);
    *shown = Shown::Transaction { transaction, texts };
    let proof = Proof::V1(proof);
    let verifier = page::verifier();
    let of_value = verifier.verify(&proof).unwrap_err();
    let of_bytes = Proof::decode(&proof.encode()).and_then(|proof| verifier.verify(&proof));
    [of_value, of_bytes.unwrap_err()].map(|refusal| refusal.code())
}

#[test]
fn what_is_shown_has_one_form() {
    let intent = |change: fn(&mut IntentV1)| {
        changed(|_, transaction| {
            let Intent::V1(intent) = &mut transaction.intent;
            change(intent);
        })
    };
    for found in [
        changed(|path, _| path.resize(65, Digest::ZERO)),
        changed(|_, transaction| transaction.signatures.clear()),
        intent(|intent| intent.parties.clear()),
        intent(|intent| intent.operations.clear()),
        intent(|intent| intent.texts.as_mut().unwrap().places.clear()),
        intent(|intent| {
            let places = &mut intent.texts.as_mut().unwrap().places;
            places.push(places[0]);
        }),
        intent(|intent| {
            intent.operations[0].operation = Operation::SetGuardians {
                guardians: vec![Address([1; 20]); 2],
                threshold: 1,
                delay_ms: 1,
            };
        }),
    ] {
        assert_eq!(found, ["not_canonical"; 2]);
    }
    // Of the right form, and another transaction.
    let other = intent(|intent| intent.salt[0] ^= 1);
    assert_eq!(other, ["other_leaf"; 2]);
}

#[test]
fn a_changed_question_is_another_file_that_is_refused() {
    for text in page::proof_files() {
        for (line, name) in ["kind", "network", "head", "about"].iter().enumerate() {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines[line].push('0');
            let file = lines.join("\n") + "\n";
            assert_eq!(code(&mut page::verifier(), &file), Err("not_canonical"), "{name}");
        }
        let (cut, longer, twice) = (
            &text[..text.len() - 1],
            format!("{text}\n"),
            format!("{text}{text}"),
        );
        let (thrice, empty_lines) = (format!("{twice}{text}"), "\n".repeat(1_000));
        let begun = format!("quorate proof 2 block{empty_lines}");
        let files = [
            cut,
            &longer,
            &twice,
            &thrice,
            &empty_lines,
            &begun,
            "quorate proof \n",
            "",
        ];
        for file in files {
            assert_eq!(code(&mut page::verifier(), file), Err("not_canonical"));
        }
    }
}
