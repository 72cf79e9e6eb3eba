//! Proofs through the whole verifier, as bytes and as files, and transactions that travel.

use quorate_ledger::decode;
use quorate_verifier::{MAX_TRAVELLING_BYTES, Proof, ProofFile, ProvenDecimals, Travelling, Verdict};

use crate::printed::{CHAINS, Chain, SEALED, VERIFIERS};

pub(crate) fn proof(bytes: &[u8]) {
    let Ok(proof) = Proof::decode(bytes) else {
        return;
    };
    assert_eq!(proof.encode(), bytes, "a second encoding of one proof");
    let file = ProofFile::read(proof.to_file().as_bytes()).unwrap();
    assert_eq!((&file.proof, &file.committees), (&proof, &None));
    judge(&proof);
}

pub(crate) fn proof_file(bytes: &[u8]) {
    let Ok(file) = ProofFile::read(bytes) else {
        return;
    };
    assert_eq!(file.write().as_bytes(), bytes, "a second file of one proof");
    judge(&file.proof);
    file.committees.iter().for_each(judge);
    for verifier in VERIFIERS.iter() {
        let mut verifier = verifier.clone();
        if let Ok(verdicts) = verifier.check_file(bytes) {
            verdicts.iter().for_each(check);
        }
    }
}

/// Gives a proof to each verifier.
fn judge(proof: &Proof) {
    for verifier in VERIFIERS.iter() {
        let found = verifier.verify(proof);
        let mut learner = verifier.clone();
        assert_eq!(learner.learn(proof), found);
        if let Ok(verdict) = &found {
            check(verdict);
            assert!(
                learner.verify(proof).is_ok(),
                "what was learnt from a proof contradicts it"
            );
        }
    }
}

/// A verdict is about a block that was sealed, and can be told.
fn check(verdict: &Verdict) {
    serde_json::to_string(verdict).unwrap();
    assert!(!verdict.words.is_empty());
    assert!(!verdict.words.iter().any(|line| line.contains('\n')));
    if let Some(head) = &verdict.head {
        assert!(SEALED.contains(&head.hash), "nobody sealed {}", head.hash);
    }
}

/// A file, or the bytes in one: what is between lines of base64 no mutation would ever get right.
pub(crate) fn travelling(bytes: &[u8]) {
    let written = decode::<Travelling>(bytes, MAX_TRAVELLING_BYTES).map(|travelling| travelling.write());
    for chain in CHAINS.iter() {
        travelling_file(bytes, chain);
        if let Ok(file) = &written {
            travelling_file(file.as_bytes(), chain);
        }
    }
}

fn travelling_file(file: &[u8], chain: &Chain) {
    let network = chain.genesis.id();
    let assets = chain.genesis.draft().v1().assets.iter();
    let proven: ProvenDecimals = assets.map(|asset| (asset.code, asset.decimals)).collect();
    let Ok(read) = Travelling::read(file, &network, &proven) else {
        return;
    };
    assert_eq!(read.write().as_bytes(), file, "a second file of one transaction");
    // Whoever has nothing proven takes it too, and is told.
    let nothing = ProvenDecimals::new();
    assert_eq!(Travelling::read(file, &network, &nothing).as_ref(), Ok(&read));
    assert!(read.unproven(&proven).len() <= read.unproven(&nothing).len());
    assert_eq!(read.proven_lines(&nothing).len(), read.lines().len());
    let both = Travelling::combine(&[read.clone(), read.clone()]);
    assert_eq!(both.as_ref(), Ok(&read));
}
