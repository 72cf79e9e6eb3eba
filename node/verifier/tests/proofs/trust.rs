//! What a verifier begins with, and what it learns.

use quorate_crypto_second::{Epoch, Height};
use quorate_verifier::{Anchor, Pin, Proof, ProofBody, ProofFile, Trust, Verifier};

use crate::page;

fn block_file() -> &'static str {
    page::file("quorate proof 2 block\n")
}

fn block() -> Proof {
    ProofFile::read(block_file().as_bytes()).unwrap().proof
}

fn pin() -> Pin {
    Pin {
        height: Height(1),
        hash: page::table("block hash").parse().unwrap(),
    }
}

/// Committees that start with the page's block.
fn committees() -> Proof {
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

fn verifier(has_genesis: bool, pin: Option<Pin>) -> Verifier {
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
