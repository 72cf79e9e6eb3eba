//! Admission: what a client's submission must pass to get into the pool. Size, form and texts, the authority of its
//! keys, signatures (in groups), a trial on the certified state, quotas. It promises nothing.
//!
//! The trial is quick and reads what the executor has in memory, some of which may be newer than the rest.
//! Nobody is refused for that: a refusal is looked at again on one snapshot.

mod authority;

use std::sync::Arc;

use bytes::Bytes;
use quorate_api::{Admission, OutcomeAt, Refusal};
use quorate_crypto::{Digest, KeySignature, KnownKeys, Tag, sha256, signature_group};
use quorate_ledger::{
    DecodeError, FormError, LogEntry, Parameters, Refusal as TrialRefusal, StateError, StateReader,
    Submission, SubmissionError, Timestamp, TrialRules, would_execute,
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
    /// With what its signatures are over.
    Checking(Box<Admissible>, Vec<u8>),
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
    /// Admits submissions, given as their canonical bytes; the answers are in the same order.
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
        stages
            .par_iter_mut()
            .with_min_len(WORTH_A_THREAD)
            .for_each(|stage| self.look_for_authority(stage, &snapshot));
        check_signatures(&mut stages, self.keys);
        stages
            .par_iter_mut()
            .with_min_len(WORTH_A_THREAD)
            .for_each(|stage| self.try_out(stage, &snapshot));
        self.put(stages)
    }

    fn read(&self, bytes: &Bytes) -> Stage {
        let limits = self.parameters.v1();
        let submission = match Submission::decode(bytes, limits) {
            Ok(submission) => submission,
            Err(error) => return refuse(None, malformed(error.into())),
        };
        let transaction = submission.transaction();
        // The transaction's encoding follows the submission's variant, and is followed by the texts.
        let length = transaction.encoded_length();
        let signed = transaction.signed_range(length);
        let preimage = Tag::TRANSACTION.preimage(&bytes[1 + signed.start..1 + signed.end]);
        // As `Tag::hash` has it.
        let id = sha256(&preimage);
        if let Err(error) = submission.check_form(self.network, limits) {
            return refuse(Some(id), malformed(error));
        }
        let fingerprint = sha256(bytes);
        if self.pool.contains(&fingerprint) {
            return Stage::Done(Admission::Pending { id });
        }
        // Looked at again when it is put in; here it spares a full pool the signature checks.
        if let Err(reason) = self.pool.room_for(&transaction.intent().sender(), bytes.len()) {
            return Stage::Done(full(id, reason));
        }
        let admissible = Admissible {
            id,
            fingerprint,
            length: bytes.len(),
            submission: Arc::new(submission),
        };
        Stage::Checking(Box::new(admissible), preimage)
    }

    /// Answers those that were executed before.
    fn find_executed(&self, stages: &mut [Stage], snapshot: &Snapshot) {
        let ids: Vec<Digest> = stages.iter().filter_map(Stage::checking).collect();
        // At no time: whoever asks again for what has expired since is told how it ended, too.
        let spent = match snapshot.spent_at(&ids, Timestamp(0)) {
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

    /// Whether the keys of one that is still in question are those that its parties need.
    fn look_for_authority(&self, stage: &mut Stage, snapshot: &Snapshot) {
        let Stage::Checking(admissible, _) = stage else {
            return;
        };
        let transaction = admissible.submission.transaction();
        let answer = match authority::judge(transaction, &self.trying(snapshot)) {
            Ok(Ok(())) => None,
            Ok(Err(_)) => self.look_again(admissible.id, |newest| {
                Ok(authority::judge(transaction, newest)?.map_err(Refusal::from))
            }),
            Err(error) => Some(unavailable(&error)),
        };
        if let Some(answer) = answer {
            *stage = Stage::Done(answer);
        }
    }

    fn try_out(&self, stage: &mut Stage, snapshot: &Snapshot) {
        let Stage::Checking(admissible, _) = stage else {
            return;
        };
        let tried = self.try_on(admissible, snapshot, &self.trying(snapshot));
        let refused = match tried {
            Ok(Ok(())) => None,
            Ok(Err(_)) => self.look_again(admissible.id, |newest| {
                let tried = self.try_on(admissible, newest, newest)?;
                Ok(tried.map_err(|refusal| self.explain(refusal, admissible, newest)))
            }),
            Err(error) => Some(unavailable(&error)),
        };
        if let Some(refused) = refused {
            *stage = Stage::Done(refused);
            return;
        }
        let sender = admissible.submission.transaction().intent().sender();
        let id = admissible.id;
        match self.senders.may_write(&sender, &self.trying(snapshot)) {
            Ok(true) => {}
            Ok(false) => *stage = refuse(Some(id), Refusal::UnknownSender { sender }),
            Err(error) => *stage = Stage::Done(unavailable(&error)),
        }
    }

    fn trying<'s>(&'s self, snapshot: &'s Snapshot) -> Trying<'s, Snapshot> {
        Trying {
            cache: self.state,
            snapshot,
        }
    }

    /// What was refused is looked at on the newest snapshot; none if it is not refused there.
    fn look_again(
        &self,
        id: Digest,
        look: impl FnOnce(&Snapshot) -> Result<Result<(), Refusal>, StateError<StorageError>>,
    ) -> Option<Admission> {
        let newest = self.chain.snapshot().and_then(|snapshot| {
            let executed = executed(&snapshot, &id)?;
            Ok((snapshot, executed))
        });
        match newest {
            Err(error) => Some(unavailable(&error)),
            Ok((_, Some(at))) => Some(Admission::Executed(at)),
            Ok((snapshot, None)) => match look(&snapshot) {
                Ok(Ok(())) => None,
                Ok(Err(refusal)) => Some(Admission::Refused {
                    id: Some(id),
                    refusal,
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
            height: snapshot.tip().height,
            clock: clock::now(),
        };
        would_execute(admissible.submission.transaction(), &admissible.id, &rules, state)
    }

    fn explain(&self, refusal: TrialRefusal, admissible: &Admissible, snapshot: &Snapshot) -> Refusal {
        match refusal {
            TrialRefusal::Expired => Refusal::Expired,
            TrialRefusal::ExpiresTooLate { .. } => Refusal::ExpiryTooFar {
                limit_ms: self.parameters.v1().max_expiry_lead_ms,
            },
            TrialRefusal::Failed { code, operation } => Refusal::WouldFail { code, operation },
            TrialRefusal::NeedlessSignature { key } => Refusal::NeedlessSignature { key },
            TrialRefusal::OverQuota => Refusal::OverQuota,
            TrialRefusal::AlreadyExecuted => Refusal::Unavailable {
                reason: "the transaction was executed a moment ago; ask for it".to_owned(),
            },
            // That its keys have authority was found a moment ago, so its signers have changed since.
            TrialRefusal::Unauthorised { party } => {
                match authority::judge(admissible.submission.transaction(), snapshot) {
                    Ok(Err(no_authority)) => no_authority.into(),
                    _ => Refusal::Unauthorised {
                        party,
                        weight: 0,
                        threshold: 1,
                    },
                }
            }
        }
    }

    fn put(&self, stages: Vec<Stage>) -> Vec<Admission> {
        let mut answers: Vec<Option<Admission>> = Vec::with_capacity(stages.len());
        let mut checked = Vec::new();
        let mut places = Vec::new();
        let mut with_texts = Vec::new();
        for stage in stages {
            match stage {
                Stage::Done(admission) => answers.push(Some(admission)),
                Stage::Checking(admissible, _) => {
                    if !admissible.submission.texts().is_empty() {
                        with_texts.push(admissible.id);
                    }
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
        if !with_texts.is_empty()
            && let Err(error) = self.forget_erased(&with_texts)
        {
            tracing::error!(%error, "the chain database cannot be read");
        }
        answers
            .into_iter()
            .map(|answer| answer.expect("every place is answered above"))
            .collect()
    }

    /// Takes texts out of the pool that were erased before they came. They are looked for once their transactions are
    /// there, so that an erasure that is written meanwhile is seen either way.
    fn forget_erased(&self, ids: &[Digest]) -> Result<(), StorageError> {
        let snapshot = self.chain.snapshot()?;
        for id in ids {
            if let Some(erasure) = snapshot.erasure(id)? {
                let places = erasure.erased.into_iter().map(|erased| erased.place);
                self.pool.on_erased(places.map(|place| (*id, place)));
            }
        }
        Ok(())
    }
}

/// Where a transaction was executed, if it was.
pub(crate) fn executed(snapshot: &Snapshot, id: &Digest) -> Result<Option<OutcomeAt>, StorageError> {
    let (Some(ordinal), Some(location)) = (snapshot.ordinal_of(id)?, snapshot.transaction(id)?) else {
        return Ok(None);
    };
    let entry = snapshot.entry(ordinal)?;
    let logged = entry.as_ref().and_then(LogEntry::transaction);
    Ok(logged.map(|logged| OutcomeAt {
        id: *id,
        height: location.height,
        index: location.index,
        outcome: logged.outcome.clone(),
    }))
}

/// Checks the signatures of all that are still in question, in groups, on all cores.
fn check_signatures(stages: &mut [Stage], keys: &KnownKeys) {
    let size = signature_group(stages.len(), rayon::current_num_threads());
    stages.par_chunks_mut(size).for_each(|group| {
        let mut items: Vec<(&KeySignature, &[u8])> = Vec::with_capacity(group.len());
        let mut owners = Vec::with_capacity(group.len());
        for (place, stage) in group.iter().enumerate() {
            if let Stage::Checking(admissible, preimage) = stage {
                let before = items.len();
                let transaction = admissible.submission.transaction();
                items.extend(transaction.signature_items(preimage));
                owners.extend((before..items.len()).map(|_| place));
            }
        }
        let verdicts = keys.verify_clients(&items);
        let bad: Vec<_> = owners
            .iter()
            .zip(&items)
            .zip(verdicts)
            .filter(|(_, good)| !good)
            .map(|((place, (signature, _)), _)| (*place, signature.key()))
            .collect();
        for (place, key) in bad {
            if let Stage::Checking(admissible, _) = &group[place] {
                group[place] = refuse(Some(admissible.id), Refusal::BadSignature { key });
            }
        }
    });
}

/// Why a submission is not read, in the API's terms.
fn malformed(error: SubmissionError) -> Refusal {
    match error {
        SubmissionError::Decode(DecodeError::TooLong { length, limit }) => {
            Refusal::TooLarge { length, limit }
        }
        SubmissionError::Form(FormError::WrongNetwork { got, expected }) => {
            Refusal::WrongNetwork { got, expected }
        }
        SubmissionError::Texts(error) => Refusal::Texts {
            code: error.code(),
            reason: error.to_string(),
        },
        error => Refusal::Malformed {
            reason: error.to_string(),
        },
    }
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

#[cfg(test)]
mod tests {
    use quorate_crypto::ClientSigningKey;
    use quorate_ledger::{Place, Text, Transaction, encode};

    use super::*;
    use crate::config::NodeConfig;
    use crate::pool::Submitted;
    use crate::testing::{self, NETWORK, address, client};

    /// A signed payment of account 1 with a memo.
    fn submission(signers: &[ClientSigningKey]) -> Submission {
        let payment = vec![testing::payment(2, 1)];
        let expires_at = Timestamp(clock::now().0 + 60_000);
        let texts = [(Place::Memo, "rent")];
        let (intent, texts) = testing::intent(vec![address(1)], payment, 1, expires_at, &texts);
        Submission::new(intent.sign(signers), texts)
    }

    /// What becomes of it in a network of one validator, and whether it is in the pool.
    fn admitted(submission: &Submission) -> (Admission, bool) {
        let parameters = Parameters::default();
        let (_folder, chain) = testing::chain(&testing::genesis(1, &parameters));
        let pool = Pool::new(&NodeConfig::default().api);
        let admitter = Admitter {
            network: &NETWORK,
            parameters: &parameters,
            chain: &chain,
            state: &StateCache::default(),
            keys: &KnownKeys::new(16),
            pool: &pool,
            senders: &Senders::Anyone,
        };
        let admission = admitter.admit(&[encode(submission).into()]).pop().unwrap();
        let found = pool.find(&submission.transaction().id());
        let (transaction, texts) = submission.clone().into_parts();
        let submitted = Submitted { transaction, texts };
        let is_pending = found.is_some_and(|(found, ended)| *found == submitted && ended.is_none());
        (admission, is_pending)
    }

    fn refusal(submission: &Submission) -> Refusal {
        match admitted(submission) {
            (Admission::Refused { id, refusal }, false) => {
                assert_eq!(id, Some(submission.transaction().id()));
                refusal
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_transaction_is_pending_with_its_texts() {
        let (admission, is_pending) = admitted(&submission(&[client(1)]));
        assert!(matches!(admission, Admission::Pending { .. }), "{admission:?}");
        assert!(is_pending);
    }

    #[test]
    fn other_texts_than_those_that_were_signed_are_refused() {
        let (transaction, texts) = {
            let signed = submission(&[client(1)]);
            (signed.transaction().clone(), signed.texts().to_vec())
        };
        let text = |text: &str| Text {
            text: text.as_bytes().to_vec(),
            ..texts[0].clone()
        };
        for (texts, expected) in [
            (vec![], "texts_missing"),
            (vec![text("rest")], "texts_unfit"),
            ([texts.clone(), texts.clone()].concat(), "texts_unfit"),
            (vec![text("rent\u{202e}")], "text_refused"),
            (vec![text("")], "text_refused"),
        ] {
            let refused = refusal(&Submission::new(transaction.clone(), texts));
            let Refusal::Texts { code, .. } = refused else {
                panic!("{expected}: {refused:?}");
            };
            assert_eq!(code, expected);
        }
    }

    #[test]
    fn whoever_signs_for_nobody_is_refused_before_a_signature_is_checked() {
        // None of these signatures is good: they are of another transaction.
        let signed = submission(&[client(1)]);
        let of_another = |signers: &[ClientSigningKey]| {
            let intent = signed.transaction().v1().intent.clone();
            let payment = vec![testing::payment(2, 2)];
            let (other, _) = testing::intent(vec![address(1)], payment, 9, Timestamp(1), &[]);
            let signatures = other.sign(signers).signatures().to_vec();
            Submission::new(Transaction::new(intent, signatures), signed.texts().to_vec())
        };
        assert_eq!(
            refusal(&of_another(&[client(3)])),
            Refusal::Unauthorised {
                party: address(1),
                weight: 0,
                threshold: 1
            }
        );
        let needless = client(3).key();
        assert_eq!(
            refusal(&of_another(&[client(1), client(3)])),
            Refusal::NeedlessSignature { key: needless }
        );
        let bad = client(1).key();
        assert_eq!(
            refusal(&of_another(&[client(1)])),
            Refusal::BadSignature { key: bad }
        );
    }
}
