//! Proofs of what the state has under prefixes (`docs/formats.md`, section 12).

use quorate_crypto::{Digest, Height};
use quorate_ledger::{Header, Prefix, StateKey, StateProof, StateValue, encode};
use quorate_verifier::{MAX_STATE_PROOFS, Proof, ProofBody};

use crate::error::{Failure, check_count};
use crate::{Part, ProveError, Source, finish, head};

/// Leaves that a proof of one prefix shows at most (section 22).
const MAX_LEAVES: usize = 65_536;

/// Bytes of it at most.
const MAX_BYTES: usize = 16 << 20;

/// Bits of a prefix that is a kind: the only one under which there can be any number of leaves.
const KIND_BITS: u16 = 8;

/// Proves what the state after the block at `head` has under these prefixes, all of it, or that it has nothing there.
/// They may be given in any order; one given twice is shown once.
///
/// # Errors
/// If the state is not at hand, there are no prefixes or more than 1,024, nobody asks for one of them, or there is more
/// under one than a proof shows.
pub fn prove_state<S: Source>(
    source: &S,
    head: Height,
    prefixes: &[Prefix],
) -> Result<Proof, ProveError<S::Error>> {
    let mut prefixes = prefixes.to_vec();
    prefixes.sort_unstable();
    prefixes.dedup();
    if prefixes.is_empty() {
        return Err(ProveError::NoPrefix);
    }
    check_count::<S>("prefixes", prefixes.len(), MAX_STATE_PROOFS)?;
    let head = head::certified(source, head)?;
    let state = StateUnder::of(source, &head.header)?;
    let leaves = state.prove_all(source, &prefixes)?;
    finish(source, ProofBody::State { head, leaves })
}

/// A state that things are proven of.
#[derive(Clone, Copy)]
pub(crate) struct StateUnder {
    head: Height,
    root: Digest,
}

impl StateUnder {
    /// The state after the block with this header.
    pub(crate) fn of<S: Source>(source: &S, header: &Header) -> Result<Self, Failure<S>> {
        let (head, root) = (header.v1().height, header.v1().state_root);
        if source.has_state(head) {
            Ok(Self { head, root })
        } else {
            Err(ProveError::NoState { head })
        }
    }

    /// One proof for each prefix, in their order.
    pub(crate) fn prove_all<S: Source>(
        self,
        source: &S,
        prefixes: &[Prefix],
    ) -> Result<Vec<StateProof>, Failure<S>> {
        let proofs = prefixes.iter().map(|prefix| {
            if prefix.check_question() {
                self.prove(source, prefix)
            } else {
                Err(ProveError::NoQuestion { prefix: *prefix })
            }
        });
        proofs.collect()
    }

    /// The proof of what lies under a prefix.
    pub(crate) fn prove<S: Source>(self, source: &S, prefix: &Prefix) -> Result<StateProof, Failure<S>> {
        let head = self.head;
        if prefix.bits <= KIND_BITS {
            let count = source.leaves_of_kind(prefix.key[0]).map_err(ProveError::Source)?;
            check_count::<S>("leaves under one prefix", count, MAX_LEAVES)?;
        }
        let path = source.state_path(head, prefix).map_err(ProveError::Source)?;
        let path = path.ok_or(Failure::<S>::NoState { head })?;
        let (mut count, mut bytes) = (0_usize, 0_usize);
        let proof = path.with_values(|key| -> Result<Vec<u8>, Failure<S>> {
            let value = bytes_of(source, head, key)?.ok_or(Failure::<S>::damaged(Part::State, head.0))?;
            count = count.saturating_add(1);
            bytes = bytes.saturating_add(value.len());
            check_count::<S>("leaves under one prefix", count, MAX_LEAVES)?;
            check_count::<S>("bytes under one prefix", bytes, MAX_BYTES)?;
            Ok(value)
        })?;
        check_count::<S>("bytes under one prefix", encode(&proof).len(), MAX_BYTES)?;
        match proof.verify(&self.root) {
            Ok(_) => Ok(proof),
            Err(_) => Err(ProveError::damaged(Part::State, head.0)),
        }
    }

    /// All that lies under a prefix, ascending by key.
    pub(crate) fn values<S: Source>(
        self,
        source: &S,
        prefix: &Prefix,
    ) -> Result<Vec<StateValue>, Failure<S>> {
        let proof = self.prove(source, prefix)?;
        let values = proof.verify(&self.root);
        values.map_err(|_| Failure::<S>::damaged(Part::State, self.head.0))
    }

    /// What lies under a key, if anything does.
    pub(crate) fn value<S: Source>(
        self,
        source: &S,
        key: &StateKey,
    ) -> Result<Option<StateValue>, Failure<S>> {
        let Some(bytes) = bytes_of(source, self.head, key)? else {
            return Ok(None);
        };
        match StateValue::decode(key, &bytes) {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(ProveError::damaged(Part::State, self.head.0)),
        }
    }
}

fn bytes_of<S: Source>(source: &S, head: Height, key: &StateKey) -> Result<Option<Vec<u8>>, Failure<S>> {
    source.state_value(head, key).map_err(ProveError::Source)
}
