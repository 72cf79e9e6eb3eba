//! That a transaction was executed, or a recovery began an epoch (`docs/formats.md`, section 17, Transaction).

use quorate_crypto::merkle::path_root;
use quorate_crypto::{Digest, Height};
use quorate_ledger::LogEntry;
use quorate_verifier::{Proof, ProofBody, Shown};

use crate::error::Failure;
use crate::shown::{Exhibit, Show, ShowTexts, exhibits};
use crate::{Part, ProveError, Source, finish, head, log};

/// Proves under the block at `head` that the transaction with this id was executed, where and with what outcome.
///
/// # Errors
/// If no such transaction was executed up to that block, or texts that are to be shown are not at hand.
pub fn prove_transaction<S: Source>(
    source: &S,
    head: Height,
    id: &Digest,
    show: Show,
) -> Result<Proof, ProveError<S::Error>> {
    let ordinal = source.ordinal_of(id).map_err(ProveError::Source)?;
    let ordinal = ordinal.ok_or(Failure::<S>::UnknownTransaction { id: *id })?;
    prove_entry(source, head, ordinal, show)
}

/// Proves the same with the transaction and all its texts, or without any text where one is not at hand: of a part of
/// them there is no proof. It is what a node shows to whoever asks it.
///
/// # Errors
/// If no such transaction was executed up to that block.
pub fn prove_whole_transaction<S: Source>(
    source: &S,
    head: Height,
    id: &Digest,
) -> Result<Proof, ProveError<S::Error>> {
    let prove = |texts| prove_transaction(source, head, id, Show::Transaction(texts));
    match prove(ShowTexts::All) {
        Err(ProveError::NoTexts { .. }) => prove(ShowTexts::Nothing),
        proven => proven,
    }
}

/// Proves under the block at `head` what the log has at an ordinal: an executed transaction, or a recovery, of which
/// nothing more is shown.
///
/// # Errors
/// If the log has no such leaf as of that block, or texts that are to be shown are not at hand.
pub fn prove_entry<S: Source>(
    source: &S,
    head: Height,
    ordinal: u64,
    show: Show,
) -> Result<Proof, ProveError<S::Error>> {
    let certified = head::certified(source, head)?;
    let header = certified.header.v1();
    if ordinal >= header.log_size {
        return Err(ProveError::NoLeaf { ordinal, head });
    }
    let height = source.height_of(ordinal).map_err(ProveError::Source)?;
    let height = height.ok_or(Failure::<S>::damaged(Part::Entry, ordinal))?;
    let entry = log::entry(source, height, ordinal)?;
    let path = log::path(source, header.log_size, ordinal)?;
    if path_root(entry.leaf_hash(), ordinal, header.log_size, &path) != Some(header.log_root) {
        return Err(ProveError::damaged(Part::Entry, ordinal));
    }
    let shown = shown_alone(source, height, ordinal, &entry, show)?;
    let body = ProofBody::Transaction {
        head: certified,
        ordinal,
        entry,
        path,
        shown,
    };
    finish(source, body)
}

/// What is shown of an entry that a proof is about. Texts that it lacks are not left out in silence.
fn shown_alone<S: Source>(
    source: &S,
    height: Height,
    ordinal: u64,
    entry: &LogEntry,
    show: Show,
) -> Result<Shown, Failure<S>> {
    let Some(logged) = log::transaction_of(entry) else {
        return Ok(Shown::Nothing);
    };
    let exhibits = exhibits(source, height, &[(ordinal, logged)], |_| show)?;
    let exhibit = exhibits.into_iter().next();
    match exhibit.ok_or(Failure::<S>::damaged(Part::Transaction, ordinal))? {
        Exhibit {
            lacks_texts: true, ..
        } => Err(ProveError::NoTexts { id: logged.id }),
        Exhibit { shown, .. } => Ok(shown),
    }
}
