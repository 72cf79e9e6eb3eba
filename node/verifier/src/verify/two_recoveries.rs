//! Two valid recoveries of one number: evidence against those who signed both.

use quorate_crypto::Tag;
use quorate_ledger::encode;

use super::committees::check_recovery;
use crate::at::At;
use crate::facts::TwoRecoveriesFacts;
use crate::knowledge::Ground;
use crate::proof::RecoveryStep;
use crate::verdict::{Code, Refusal, refuse};

/// The facts of two recoveries, each valid under the known committee of its old epoch.
pub(super) fn check(
    ground: Ground<'_>,
    [first, second]: [&RecoveryStep; 2],
    at: At<'_>,
) -> Result<TwoRecoveriesFacts, Refusal> {
    check_one(ground, first, at.field("first"))?;
    check_one(ground, second, at.field("second"))?;
    let number = |step: &RecoveryStep| step.document.v1().recovery.v1().number;
    let document = |step: &RecoveryStep| Tag::RECOVERY.hash(&encode(&step.document.v1().recovery));
    let documents = [document(first), document(second)];
    if number(first) != number(second) || documents[0] == documents[1] {
        return refuse(Code::SameHistory, at, "not two documents of one number");
    }
    if documents[0] > documents[1] {
        return refuse(
            Code::NotCanonical,
            at,
            "the first document's hash is not the lower one",
        );
    }
    Ok(TwoRecoveriesFacts {
        number: number(first),
        documents,
    })
}

fn check_one(ground: Ground<'_>, step: &RecoveryStep, at: At<'_>) -> Result<(), Refusal> {
    let epoch = step.document.v1().recovery.v1().old_epoch;
    let Some(known) = ground.epochs.get(&epoch.0) else {
        let reason = format!("the committee of epoch {epoch} is not known");
        return refuse(Code::UnknownCommittee, at, reason);
    };
    check_recovery(ground, known, step, at).map(|_| ())
}
