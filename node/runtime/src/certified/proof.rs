//! Proofs for whoever asks (`docs/formats.md`, section 17): files that the genesis document is enough to check.
//!
//! Everything is read from the snapshot, but for the ways to leaves of the state: these come from the executor's tree in
//! memory (`tree.rs`), as of the snapshot's height. Nothing is read from disk or encoded while its lock is held.

use quorate_api::{Fault, NoProof, ProofRequest};
use quorate_crypto::{Epoch, Height};
use quorate_ledger::{Address, Digest, Prefix, StateKey};
use quorate_prover::{
    ProveError, Show, ShowTexts, Source, StatementRequest, TrustedStart, prove_block, prove_committees,
    prove_state, prove_statement, prove_whole_transaction,
};
use quorate_verifier::{Proof, ProofFile};

use super::measured::{MAX_BYTES, Measured, ReadError};
use super::{Certified, fault};

type Proven = Result<Proof, ProveError<ReadError>>;

impl Certified<'_> {
    /// Proves something, and the committees that its verifier does not know from the genesis document.
    pub(super) fn prove(&self, request: &ProofRequest) -> Result<Result<String, NoProof>, Fault> {
        self.prove_within(request, MAX_BYTES)
    }

    /// The same of what has at most so many bytes.
    pub(super) fn prove_within(
        &self,
        request: &ProofRequest,
        bytes: usize,
    ) -> Result<Result<String, NoProof>, Fault> {
        let source = self.source();
        let source = Measured::new(&source, bytes);
        let head = source.height();
        let proven = match request {
            ProofRequest::Committees { to } => {
                let epoch = match self.epoch_at(*to)? {
                    Ok(epoch) => epoch,
                    Err(no_proof) => return Ok(Err(no_proof)),
                };
                committees(&source, epoch)
            }
            _ if head == Height::GENESIS => {
                let why = "no block is certified yet, and a proof stands under one".to_owned();
                return Ok(Err(NoProof::NotSo(why)));
            }
            ProofRequest::Transaction { id } => prove_whole_transaction(&source, head, id),
            ProofRequest::Erasure { id } => {
                let key = StateKey::erasure(id);
                prove_state(&source, head, &[Prefix::of_key(&key)])
            }
            ProofRequest::Account { address } => {
                let prefixes = [Prefix::account(address), Prefix::holds(address)];
                prove_state(&source, head, &prefixes)
            }
            ProofRequest::Statement { address, from, to } => {
                prove_statement(&source, head, &StatementRequest::readable(*address, *from, *to))
            }
            ProofRequest::Asset { code } => {
                let key = StateKey::asset(code);
                prove_state(&source, head, &[Prefix::of_key(&key)])
            }
            ProofRequest::Record { sha256, by } => record(&source, head, sha256, by.as_ref()),
            // Who signed, and texts, are each transaction's own: a full block of them would be too long.
            ProofRequest::Block { height } => prove_block(&source, *height, Show::Intent(ShowTexts::Nothing)),
        };
        let file = match request {
            ProofRequest::Committees { .. } => proven.map(|proof| ProofFile {
                proof,
                committees: None,
            }),
            // It stands under itself.
            ProofRequest::Block { height } => {
                proven.and_then(|proof| with_committees(&source, *height, proof))
            }
            _ => proven.and_then(|proof| with_committees(&source, head, proof)),
        };
        match file {
            Ok(file) => Ok(Ok(file.write())),
            Err(error) => no_proof(error).map(Err),
        }
    }

    /// The epoch of a height, or the last that has begun.
    fn epoch_at(&self, height: Option<Height>) -> Result<Result<Epoch, NoProof>, Fault> {
        Ok(match height {
            None => Ok(self.snapshot.tip().epoch),
            Some(height) if height == Height::GENESIS => Ok(Epoch(0)),
            Some(height) if height > self.snapshot.height() => {
                let certified = self.snapshot.height();
                Err(NoProof::NotSo(format!(
                    "block {height} is not certified here, the last is {certified}"
                )))
            }
            Some(height) => Ok(self.header(height)?.v1().epoch),
        })
    }
}

/// The file with a proof as of a head, and behind it the committees up to the head's epoch, unless that is the first.
fn with_committees<S: Source<Error = ReadError>>(
    source: &S,
    head: Height,
    proof: Proof,
) -> Result<ProofFile, ProveError<ReadError>> {
    let header = source.header(head).map_err(ProveError::Source)?;
    let epoch = header.map_or(Epoch(0), |header| header.v1().epoch);
    let committees = (epoch > Epoch(0))
        .then(|| committees(source, epoch))
        .transpose()?;
    Ok(ProofFile { proof, committees })
}

fn committees<S: Source<Error = ReadError>>(source: &S, epoch: Epoch) -> Proven {
    prove_committees(source, TrustedStart::Genesis, epoch)
}

/// Who claims a document, and an account's own record of it.
fn record<S: Source<Error = ReadError>>(
    source: &S,
    head: Height,
    sha256: &Digest,
    by: Option<&Address>,
) -> Proven {
    let mut keys = vec![StateKey::unique_record(sha256)];
    keys.extend(by.map(|address| StateKey::own_record(address, sha256)));
    let prefixes: Vec<Prefix> = keys.iter().map(Prefix::of_key).collect();
    prove_state(source, head, &prefixes)
}

/// Why there is no proof, or that the node failed to make one.
fn no_proof(error: ProveError<ReadError>) -> Result<NoProof, Fault> {
    let words = error.to_string();
    Ok(match error {
        ProveError::Source(ReadError::TooMuch) => NoProof::TooLong(ReadError::TooMuch.to_string()),
        ProveError::Source(ReadError::Storage(error)) => return Err(fault(error)),
        ProveError::Damaged { .. } => return Err(Fault(words)),
        ProveError::TooMany { .. } => NoProof::TooLong(words),
        ProveError::NoState { .. } | ProveError::NoTexts { .. } => NoProof::NotAtHand(words),
        ProveError::EmptyRange { .. }
        | ProveError::NoPrefix
        | ProveError::NoQuestion { .. }
        | ProveError::CoversOwner { .. }
        | ProveError::NotWellFormed { .. } => NoProof::Malformed(words),
        ProveError::NoBlock { .. }
        | ProveError::UnknownTransaction { .. }
        | ProveError::NoLeaf { .. }
        | ProveError::RangeAfterHead { .. }
        | ProveError::NoEpoch { .. }
        | ProveError::WasExecuted { .. }
        | ProveError::NotExpired { .. } => NoProof::NotSo(words),
    })
}
