//! A trial: what would become of a transaction if it were executed next, for whoever admits
//! transactions. It promises nothing, since others may be executed before.

use quorate_crypto::{Address, Digest, Height, Key};

use super::authority::Unauthorised;
use super::quotas::Charge;
use super::read_agreement;
use super::working_state::{Moment, WorkingState};
use crate::{ErrorCode, Outcome, ParametersV1, StateError, StateReader, Timestamp, Transaction};

/// What a transaction is tried against, besides the state.
#[derive(Clone, Copy, Debug)]
pub struct TrialRules<'a> {
    /// The parameters in force.
    pub parameters: &'a ParametersV1,
    /// The time of the last certified block. Expiry is judged by it alone.
    pub certified: Timestamp,
    /// The last certified block's height.
    pub height: Height,
    /// The node's clock. Only the bound on how late a transaction may expire follows it, and the times of
    /// holds and rejoins, where it is ahead of the certified time: a chain that idled longer than that bound
    /// would else refuse every fresh transaction.
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
    /// Its signatures do not reach the threshold of one of its parties.
    #[error("the signatures do not reach the threshold of {party}")]
    Unauthorised {
        /// The first such party.
        party: Address,
    },
    /// A signature signs for none of its parties. Whoever passes a transaction on could attach such ones,
    /// so a copy with one is never executed.
    #[error("the signature of key {key} signs for none of the parties")]
    NeedlessSignature {
        /// The key.
        key: Key,
    },
    /// It would take more than its sender's quota of today has left.
    #[error("the quota of the sender's member for today is used up")]
    OverQuota,
    /// An operation would fail.
    #[error("operation {operation} would fail: {}", .code.name().unwrap_or("a code of a later version"))]
    Failed {
        /// Why.
        code: ErrorCode,
        /// The failing operation's index, from 0.
        operation: u8,
    },
}

impl Refusal {
    /// Its stable code (section 23).
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::ExpiresTooLate { .. } => "expiry_too_far",
            Self::AlreadyExecuted => "already_executed",
            Self::Unauthorised { .. } => "unauthorised",
            Self::NeedlessSignature { .. } => "needless_signature",
            Self::OverQuota => "over_quota",
            Self::Failed { code, .. } => code.name().unwrap_or("unknown_code"),
        }
    }
}

impl From<Unauthorised> for Refusal {
    fn from(unauthorised: Unauthorised) -> Self {
        match unauthorised {
            Unauthorised::Party(party) => Self::Unauthorised { party },
            Unauthorised::Needless(key) => Self::NeedlessSignature { key },
        }
    }
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
    // An id was executed with one expiry only, so what is not expired is spent wherever it was executed.
    let spent = reader
        .spent_at(&[*id], rules.certified)
        .map_err(StateError::Read)?;
    if spent.contains(&true) {
        return Ok(Err(Refusal::AlreadyExecuted));
    }
    let agreement = read_agreement(reader)?;
    // Of the epoch and the place in the log nothing decides; they stand in what is given up.
    let moment = Moment {
        network: intent.network,
        epoch: agreement.epoch(),
        protocol: agreement.v1().committee.protocol_version(),
        height: rules.height.next(),
        timestamp: now,
        max_hold_ms: rules.parameters.max_hold_ms,
    };
    let mut state = WorkingState::new(reader, moment, agreement);
    state.begin(&intent.parties)?;
    if let Err(unauthorised) = state.authorise(transaction.signatures()) {
        return Ok(Err(unauthorised.into()));
    }
    let payer = match moment.protocol {
        ..2 => None,
        2.. => Some(state.payer()?),
    };
    if let Outcome::Failed { code, operation } = state.transaction(intent, id, 0)? {
        return Ok(Err(Refusal::Failed { code, operation }));
    }
    if let Some(payer) = payer {
        let charge = Charge::of(intent, transaction.encoded_length(), transaction.signature_cost());
        if !state.charge(&payer, charge, state.new_leaves())? {
            return Ok(Err(Refusal::OverQuota));
        }
    }
    Ok(Ok(()))
}
