//! Proofs with one part altered: each is refused, with the code that section 23 of the page has for it.

use quorate_crypto::{Digest, Height};
use quorate_ledger::{LogEntry, LogEntryV1, LoggedTransaction, StateProof, StateProofV1};
use quorate_prover::{Show, prove_block};
use quorate_verifier::{CertifiedHeader, Proof, ProofBody, ProofV1, Verifier};

use crate::scenario::SHORT;

mod blocks;
mod committees;
mod not_executed;
mod statements;
mod states;
mod transactions;

/// A good proof, of which lies are made.
struct Good {
    proof: Proof,
    verifier: Verifier,
}

impl Good {
    /// One that the verifier takes.
    fn new(proof: Proof, verifier: Verifier) -> Self {
        if let Err(refusal) = verifier.verify(&proof) {
            panic!("{refusal}");
        }
        Self { proof, verifier }
    }

    /// Alters the body, and compares the code of the refusal.
    #[track_caller]
    fn lie(&self, code: &str, name: &str, alter: impl FnOnce(&mut ProofBody)) {
        let Proof::V1(mut altered) = self.proof.clone();
        alter(&mut altered.body);
        self.refuse(code, name, altered);
    }

    #[track_caller]
    fn refuse(&self, code: &str, name: &str, altered: ProofV1) {
        let altered = Proof::V1(altered);
        assert_ne!(altered, self.proof, "{name}: nothing is altered");
        match self.verifier.verify(&altered) {
            Ok(verdict) => panic!("{name}: taken, as {}", verdict.about),
            Err(refusal) => assert!(
                code.split('|').any(|code| code == refusal.code()),
                "{name}: {refusal}"
            ),
        }
    }

    /// What every kind of proof is refused for.
    fn lies_about_the_head(&self, head: fn(&mut ProofBody) -> &mut CertifiedHeader) {
        let Proof::V1(mut foreign) = self.proof.clone();
        foreign.network = Digest([1; 32]);
        self.refuse("other_network", "another network", foreign);
        self.lie("not_minimal", "a seal less", |body| {
            head(body).seals.pop();
        });
        self.lie("not_canonical", "seals in another order", |body| {
            head(body).seals.swap(0, 1)
        });
        self.lie("not_canonical", "a seal twice", |body| {
            let seals = &mut head(body).seals;
            seals[1] = seals[0];
        });
        self.lie("bad_certificate", "a seal with a bit changed", |body| {
            head(body).seals[1].signature.0[3] ^= 1;
        });
        self.lie("bad_certificate", "another's seal", |body| {
            let seals = &mut head(body).seals;
            seals[1].signature = seals[2].signature;
        });
    }
}

fn flip(digest: &mut Digest) {
    digest.0[7] ^= 0x10;
}

fn logged(entry: &mut LogEntry) -> &mut LoggedTransaction {
    match entry {
        LogEntry::V1(LogEntryV1::Transaction(logged)) => logged,
        LogEntry::V1(LogEntryV1::Recovery(_)) => panic!("a recovery"),
    }
}

fn fields(proof: &mut StateProof) -> &mut StateProofV1 {
    let StateProof::V1(fields) = proof;
    fields
}

/// The header of a block of the short scenario, with its seals.
fn head_of(height: Height) -> CertifiedHeader {
    let proof = prove_block(&SHORT.world.chain, height, Show::Nothing).unwrap();
    match &proof.v1().body {
        ProofBody::Block { head, .. } => head.clone(),
        other => panic!("{other:?}"),
    }
}
