//! Admission: what a client's transaction must pass to get into the pool. Size, form, signatures (in
//! groups), a trial on the certified state, quotas. It promises nothing.
//!
//! The trial is quick and reads what the executor has in memory, some of which may be newer than the rest.
//! Nobody is refused for that: a refusal is looked at again on one snapshot.

use bytes::Bytes;
use quorate_api::{Admission, OutcomeAt, Refusal};
use quorate_crypto::{ClientSignature, Digest, Domain, KnownKeys, sha256, signature_group};
use quorate_ledger::{
    Account, DecodeError, FormError, Parameters, Refusal as TrialRefusal, StateError, StateKey, StateReader,
    Transaction, TrialRules, decode, would_execute,
};
use quorate_storage::{Chain, Snapshot, StorageError};
use rayon::prelude::*;

use crate::clock;
use crate::pool::{Admissible, Full, Pool};
use crate::senders::Senders;
use crate::state_cache::{StateCache, Trying};

/// Transactions below which it takes longer to wake another thread than to go on alone.
const WORTH_A_THREAD: usize = 128;
/// When a client should come back to a full pool, in milliseconds.
const RETRY_AFTER_MS: u64 = 1_000;

/// What admission works with.
#[derive(Clone, Copy)]
pub(crate) struct Admitter<'a> {
    pub(crate) network: &'a Digest,
    pub(crate) parameters: &'a Parameters,
    pub(crate) chain: &'a Chain,
    pub(crate) state: &'a StateCache,
    pub(crate) keys: &'a KnownKeys,
    pub(crate) pool: &'a Pool,
    pub(crate) senders: &'a Senders,
}

/// A transaction on its way into the pool, or what became of it.
enum Stage {
    /// With the bytes that are signed.
    Checking(Box<Admissible>, Bytes),
    Done(Admission),
}

impl Stage {
    /// The id of one that is still in question.
    fn checking(&self) -> Option<Digest> {
        match self {
            Self::Checking(admissible, _) => Some(admissible.id),
            Self::Done(_) => None,
        }
    }
}

impl Admitter<'_> {
    /// Admits transactions, given as their canonical bytes; the answers are in the same order.
    pub(crate) fn admit(&self, transactions: &[Bytes]) -> Vec<Admission> {
        let snapshot = match self.chain.snapshot() {
            Ok(snapshot) => snapshot,
            Err(error) => return transactions.iter().map(|_| unavailable(&error)).collect(),
        };
        let mut stages: Vec<_> = transactions
            .par_iter()
            .with_min_len(WORTH_A_THREAD)
            .map(|bytes| self.read(bytes))
            .collect();
        self.find_executed(&mut stages, &snapshot);
        check_signatures(&mut stages, self.keys);
        stages
            .par_iter_mut()
            .with_min_len(WORTH_A_THREAD)
            .for_each(|stage| self.try_out(stage, &snapshot));
        self.put(stages)
    }

    fn read(&self, bytes: &Bytes) -> Stage {
        let transaction = match Transaction::decode(bytes, self.parameters.v1()) {
            Ok(transaction) => transaction,
            Err(DecodeError::TooLong { length, limit }) => {
                return refuse(None, Refusal::TooLarge { length, limit });
            }
            Err(error) => {
                return refuse(
                    None,
                    Refusal::Malformed {
                        reason: error.to_string(),
                    },
                );
            }
        };
        let signed = bytes.slice(transaction.signed_range(bytes.len()));
        let id = Domain::TRANSACTION.hash(&signed);
        match transaction.check_form_of_length(bytes.len(), self.network, self.parameters.v1()) {
            Ok(()) => {}
            Err(FormError::WrongNetwork { got, expected }) => {
                return refuse(Some(id), Refusal::WrongNetwork { got, expected });
            }
            Err(error) => {
                return refuse(
                    Some(id),
                    Refusal::Malformed {
                        reason: error.to_string(),
                    },
                );
            }
        }
        let fingerprint = sha256(bytes);
        if self.pool.contains(&fingerprint) {
            return Stage::Done(Admission::Pending { id });
        }
        // Looked at again when it is put in; here it spares a full pool the signature checks.
        if let Err(reason) = self.pool.room_for(&transaction.intent().sender, bytes.len()) {
            return Stage::Done(full(id, reason));
        }
        let length = bytes.len();
        Stage::Checking(
            Box::new(Admissible {
                id,
                fingerprint,
                transaction,
                length,
            }),
            signed,
        )
    }

    /// Answers those that were executed before.
    fn find_executed(&self, stages: &mut [Stage], snapshot: &Snapshot) {
        let ids: Vec<Digest> = stages.iter().filter_map(Stage::checking).collect();
        let spent = match snapshot.are_spent(&ids) {
            Ok(spent) => spent,
            Err(error) => {
                let checking = stages.iter_mut().filter(|stage| stage.checking().is_some());
                return checking.for_each(|stage| *stage = Stage::Done(unavailable(&error)));
            }
        };
        let checking = stages
            .iter_mut()
            .filter_map(|stage| stage.checking().map(|id| (stage, id)));
        for ((stage, id), _) in checking.zip(spent).filter(|(_, spent)| *spent) {
            match executed(snapshot, &id) {
                Ok(Some(at)) => *stage = Stage::Done(Admission::Executed(at)),
                Ok(None) => {}
                Err(error) => *stage = Stage::Done(unavailable(&error)),
            }
        }
    }

    fn try_out(&self, stage: &mut Stage, snapshot: &Snapshot) {
        let Stage::Checking(admissible, _) = stage else {
            return;
        };
        let state = Trying {
            cache: self.state,
            snapshot,
        };
        match self.try_on(admissible, snapshot, &state) {
            Ok(Ok(())) => {}
            Ok(Err(_)) => {
                if let Some(answer) = self.try_again(admissible) {
                    *stage = Stage::Done(answer);
                    return;
                }
            }
            Err(error) => {
                *stage = Stage::Done(unavailable(&error));
                return;
            }
        }
        let (id, sender) = (admissible.id, admissible.transaction.intent().sender);
        match self.senders.may_write(&sender, snapshot) {
            Ok(true) => {}
            Ok(false) => *stage = refuse(Some(id), Refusal::UnknownSender { sender }),
            Err(error) => *stage = Stage::Done(unavailable(&error)),
        }
    }

    /// The trial on the newest snapshot; none if it goes well there.
    fn try_again(&self, admissible: &Admissible) -> Option<Admission> {
        let verdict = self.chain.snapshot().and_then(|snapshot| {
            let executed = executed(&snapshot, &admissible.id)?;
            Ok((snapshot, executed))
        });
        match verdict {
            Err(error) => Some(unavailable(&error)),
            Ok((_, Some(at))) => Some(Admission::Executed(at)),
            Ok((snapshot, None)) => match self.try_on(admissible, &snapshot, &snapshot) {
                Ok(Ok(())) => None,
                Ok(Err(refusal)) => Some(Admission::Refused {
                    id: Some(admissible.id),
                    refusal: self.explain(refusal, admissible, &snapshot),
                }),
                Err(error) => Some(unavailable(&error)),
            },
        }
    }

    fn try_on<R: StateReader>(
        &self,
        admissible: &Admissible,
        snapshot: &Snapshot,
        state: &R,
    ) -> Result<Result<(), TrialRefusal>, StateError<R::Error>> {
        let rules = TrialRules {
            parameters: self.parameters.v1(),
            certified: snapshot.tip().timestamp,
            clock: clock::now(),
        };
        would_execute(&admissible.transaction, &admissible.id, &rules, state)
    }

    fn explain(&self, refusal: TrialRefusal, admissible: &Admissible, snapshot: &Snapshot) -> Refusal {
        match refusal {
            TrialRefusal::Expired => Refusal::Expired,
            TrialRefusal::ExpiresTooLate { .. } => Refusal::ExpiryTooFar {
                limit_ms: self.parameters.v1().max_expiry_lead_ms,
            },
            TrialRefusal::Failed { code, operation } => Refusal::WouldFail { code, operation },
            TrialRefusal::NeedlessSignature { key } => Refusal::NeedlessSignature { key },
            TrialRefusal::AlreadyExecuted => Refusal::Unavailable {
                reason: "the transaction was executed a moment ago; ask for it".to_owned(),
            },
            TrialRefusal::Unauthorised => {
                let (weight, threshold) = weight(&admissible.transaction, snapshot);
                Refusal::Unauthorised { weight, threshold }
            }
        }
    }

    fn put(&self, stages: Vec<Stage>) -> Vec<Admission> {
        let mut answers: Vec<Option<Admission>> = Vec::with_capacity(stages.len());
        let mut checked = Vec::new();
        let mut places = Vec::new();
        for stage in stages {
            match stage {
                Stage::Done(admission) => answers.push(Some(admission)),
                Stage::Checking(admissible, _) => {
                    places.push((answers.len(), admissible.id));
                    answers.push(None);
                    checked.push(*admissible);
                }
            }
        }
        for ((place, id), taken) in places.into_iter().zip(self.pool.insert(checked)) {
            answers[place] = Some(match taken {
                Ok(()) => Admission::Pending { id },
                Err(reason) => full(id, reason),
            });
        }
        answers
            .into_iter()
            .map(|answer| answer.expect("every place is answered above"))
            .collect()
    }
}

/// Where a transaction was executed, if it was.
pub(crate) fn executed(snapshot: &Snapshot, id: &Digest) -> Result<Option<OutcomeAt>, StorageError> {
    let Some(location) = snapshot.transaction(id)? else {
        return Ok(None);
    };
    let outcome = snapshot.block(location.height)?.and_then(|block| {
        block
            .v1()
            .executed
            .get(location.index as usize)
            .map(|executed| executed.outcome)
    });
    Ok(outcome.map(|outcome| OutcomeAt {
        id: *id,
        height: location.height,
        index: location.index,
        outcome,
    }))
}

/// The weight of a transaction's signatures for its sender, and the weight needed.
fn weight(transaction: &Transaction, snapshot: &Snapshot) -> (u64, u32) {
    let sender = transaction.intent().sender;
    let keys = || transaction.signatures().iter().map(|signature| signature.key);
    let account = snapshot.value(&StateKey::account(&sender)).ok().flatten();
    let signers = account
        .and_then(|bytes| decode::<Account>(&bytes, bytes.len()).ok())
        .and_then(|Account::V1(account)| account.signers);
    match signers {
        Some(signers) => {
            let counts = |key| signers.signers.iter().find(|signer| signer.key == key);
            let weight = keys()
                .filter_map(counts)
                .map(|signer| u64::from(signer.weight))
                .sum();
            (weight, signers.threshold)
        }
        None => (u64::from(keys().any(|key| key.address() == sender)), 1),
    }
}

/// Checks the signatures of all that are still in question, in groups, on all cores.
fn check_signatures(stages: &mut [Stage], keys: &KnownKeys) {
    let size = signature_group(stages.len(), rayon::current_num_threads());
    stages.par_chunks_mut(size).for_each(|group| {
        let mut items: Vec<ClientSignature<'_>> = Vec::with_capacity(group.len());
        let mut owners = Vec::with_capacity(group.len());
        for (place, stage) in group.iter().enumerate() {
            if let Stage::Checking(admissible, signed) = stage {
                let before = items.len();
                items.extend(admissible.transaction.signature_items(signed));
                owners.extend((before..items.len()).map(|_| place));
            }
        }
        let verdicts = keys.verify_client_batch(Domain::TRANSACTION, &items);
        let bad: Vec<_> = owners
            .iter()
            .zip(&items)
            .zip(verdicts)
            .filter(|(_, verdict)| verdict.is_err())
            .map(|((place, item), _)| (*place, item.key))
            .collect();
        for (place, key) in bad {
            if let Stage::Checking(admissible, _) = &group[place] {
                group[place] = refuse(Some(admissible.id), Refusal::BadSignature { key });
            }
        }
    });
}

fn refuse(id: Option<Digest>, refusal: Refusal) -> Stage {
    Stage::Done(Admission::Refused { id, refusal })
}

fn full(id: Digest, reason: Full) -> Admission {
    let retry_after_ms = RETRY_AFTER_MS;
    let refusal = match reason {
        Full::Pool => Refusal::PoolFull { retry_after_ms },
        Full::Account => Refusal::QuotaFull { retry_after_ms },
    };
    Admission::Refused {
        id: Some(id),
        refusal,
    }
}

fn unavailable(error: &impl std::fmt::Display) -> Admission {
    tracing::error!(%error, "the chain database cannot be read");
    let reason = "its database cannot be read".to_owned();
    Admission::Refused {
        id: None,
        refusal: Refusal::Unavailable { reason },
    }
}
