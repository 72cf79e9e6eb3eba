//! That a transaction was not executed, and has expired (`docs/formats.md`, section 17, NotExecuted; rule 15).

use quorate_crypto::Height;
use quorate_ledger::{HistoryOwner, Intent, LogEntry, Prefix, StateKey, StateValue, Timestamp};
use quorate_verifier::{Item, Proof, ProofBody, Statement};

use crate::state::StateUnder;
use crate::statement::{StatementRequest, statement};
use crate::{Part, ProveError, Source, finish, head, log};

/// Proves as of the block at `head` that the transaction with this intent was not executed: its first party's statement
/// over all the time in which it could have been has not got it. A recovery that comes later can give the head up.
///
/// # Errors
/// If it was executed, may still be as of that block, or never could have been on this network.
pub fn prove_not_executed<S: Source>(
    source: &S,
    head: Height,
    intent: &Intent,
) -> Result<Proof, ProveError<S::Error>> {
    let network = source.network();
    let fields = intent.v1();
    if let Err(error) = fields.check_form(&network) {
        return Err(ProveError::NotWellFormed {
            reason: error.reason(),
            words: error.to_string(),
        });
    }
    let id = intent.id();
    if let Some(ordinal) = source.ordinal_of(&id).map_err(ProveError::Source)? {
        return Err(ProveError::WasExecuted { ordinal });
    }
    let header = head::header(source, head)?;
    let time = header.v1().timestamp;
    let state = StateUnder::of(source, &header)?;
    let key = StateKey::agreement();
    let Some(StateValue::Agreement(agreement)) = state.value(source, &key)? else {
        return Err(ProveError::damaged(Part::State, head.0));
    };
    let expires_at = fields.expires_at;
    let from = Timestamp(expires_at.0.saturating_sub(agreement.v1().longest_lead_ms));
    let to = expires_at.max(Timestamp(from.0.saturating_add(1)));
    if time < to {
        return Err(ProveError::NotExpired {
            head,
            time,
            expires_at,
        });
    }
    let request = StatementRequest::new(HistoryOwner::Account(intent.sender()), from, to);
    let statement = statement(source, head, &request)?;
    if let Some(ordinal) = ordinal_in(&statement, |entry| {
        log::transaction_of(entry).is_some_and(|logged| logged.id == id)
    }) {
        return Err(ProveError::WasExecuted { ordinal });
    }
    let body = ProofBody::NotExecuted {
        intent: intent.clone(),
        agreement: state.prove(source, &Prefix::of_key(&key))?,
        statement,
    };
    finish(source, body)
}

/// The ordinal of the first entry in a statement that is looked for.
fn ordinal_in(statement: &Statement, is_it: impl Fn(&LogEntry) -> bool) -> Option<u64> {
    statement.items.iter().find_map(|item| match item {
        Item::Entry { step, entry, .. } if is_it(entry) => Some(step.ordinal),
        _ => None,
    })
}
