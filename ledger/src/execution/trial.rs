//! A trial: what would become of a transaction if it were executed next, for whoever admits
//! transactions. It promises nothing, since others may be executed before.

use quorate_crypto::{Digest, Epoch, PublicKey};

use super::working_state::WorkingState;
use crate::{ErrorCode, Outcome, ParametersV1, StateError, StateReader, Timestamp, Transaction};

/// What a transaction is tried against, besides the state.
#[derive(Clone, Copy, Debug)]
pub struct TrialRules<'a> {
    /// The parameters in force.
    pub parameters: &'a ParametersV1,
    /// The time of the last certified block. Expiry is judged by it alone.
    pub certified: Timestamp,
    /// The node's clock. Only the bound on how late a transaction may expire follows it, where it is
    /// ahead of the certified time: a chain that idled longer than that bound would else refuse every
    /// fresh transaction.
    pub clock: Timestamp,
}

/// Why a transaction would not take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It expires at or before the last certified block's time.
    #[error("the transaction has expired")]
    Expired,
    /// It expires later than the network allows.
    #[error("the transaction expires later than the network allows: at most {latest_ms} is possible now")]
    ExpiresTooLate {
        /// The latest expiry that is possible now, in milliseconds since 1970.
        latest_ms: u64,
    },
    /// Its id was executed before.
    #[error("the transaction was executed before")]
    AlreadyExecuted,
    /// Its signatures do not reach the sender's threshold.
    #[error("the signatures do not reach the sender's threshold")]
    Unauthorised,
    /// A signature counts for nothing, as its key is none of the sender's. Who passes a transaction on could
    /// add such ones and so make copies of it.
    #[error("the signature of key {key} counts for nothing: it is none of the sender's signers")]
    NeedlessSignature {
        /// The key.
        key: PublicKey,
    },
    /// An operation would fail.
    #[error("operation {operation} would fail: {code}")]
    Failed {
        /// Why.
        code: ErrorCode,
        /// The failing operation's index, from 0.
        operation: u16,
    },
}

/// Executes a transaction, whose form was checked and whose id this is, alone and without effect. The
/// answer is whether it would succeed, or why not.
///
/// # Errors
/// If the state cannot be read or is damaged.
pub fn would_execute<R: StateReader>(
    transaction: &Transaction,
    id: &Digest,
    rules: &TrialRules<'_>,
    reader: &R,
) -> Result<Result<(), Refusal>, StateError<R::Error>> {
    let intent = transaction.intent();
    if intent.expires_at <= rules.certified {
        return Ok(Err(Refusal::Expired));
    }
    let now = rules.certified.max(rules.clock);
    let latest_ms = now.0.saturating_add(rules.parameters.max_expiry_lead_ms);
    if intent.expires_at.0 > latest_ms {
        return Ok(Err(Refusal::ExpiresTooLate { latest_ms }));
    }
    if reader.is_spent(id).map_err(StateError::Read)? {
        return Ok(Err(Refusal::AlreadyExecuted));
    }
    // Only the time since a validator's last rejoin depends on the block's; the epoch decides nothing.
    let mut state = WorkingState::new(reader, Epoch(0), now);
    let sender = state.account(&intent.sender)?;
    if !state.is_authorised(sender, transaction.signatures()) {
        return Ok(Err(Refusal::Unauthorised));
    }
    if let Some(key) = state.needless_key(sender, transaction.signatures()) {
        return Ok(Err(Refusal::NeedlessSignature { key }));
    }
    Ok(match state.transaction(sender, intent)? {
        Outcome::Success => Ok(()),
        Outcome::Failed { code, operation } => Err(Refusal::Failed { code, operation }),
    })
}
