//! What is shown of transactions: counts, ranges and orders of its types (sections 2 to 4, 11 and 15). That it was
//! executed, its entry in the log says, and so that it was well-formed; but a false quorum can have certified anything,
//! and of this there is one form too.

use quorate_ledger::limits::{
    MAX_GUARDIANS, MAX_INTENT_WITH_TEXTS_BYTES, MAX_KEY_PROOFS, MAX_OPERATIONS, MAX_PARTIES, MAX_PLACES,
    MAX_PREIMAGES,
};
use quorate_ledger::{IntentV1, Operation, Place, check_addresses};

use super::{Checked, not_canonical, signatures};
use crate::at::At;
use crate::proof::Shown;

pub(super) fn check(shown: &Shown, at: At<'_>) -> Checked {
    let intent = match shown {
        Shown::Nothing => return Ok(()),
        Shown::Intent { intent, .. } => intent.v1(),
        Shown::Transaction { transaction, .. } => {
            signatures(transaction.signatures(), at)?;
            transaction.intent()
        }
    };
    match fault(intent) {
        Some(reason) => not_canonical(at, reason),
        None => Ok(()),
    }
}

fn fault(intent: &IntentV1) -> Option<&'static str> {
    if !(1..=MAX_PARTIES).contains(&intent.parties.len()) {
        return Some("no party, or more than 16");
    }
    if !(1..=MAX_OPERATIONS).contains(&intent.operations.len()) {
        return Some("no operation, or more than 256");
    }
    if intent
        .texts
        .as_ref()
        .is_some_and(|texts| !are_places(&texts.places))
    {
        return Some("no place of a text, more than 513, or they do not ascend strictly");
    }
    let mut operations = intent.operations.iter().map(|act| &act.operation);
    let all = operations.all(is_of_its_types);
    (!all).then_some("an operation with a list or a value that its type does not allow")
}

fn are_places(places: &[Place]) -> bool {
    (1..=MAX_PLACES).contains(&places.len()) && places.is_sorted_by(|a, b| a < b)
}

fn is_of_its_types(operation: &Operation) -> bool {
    match operation {
        Operation::SetSigners { signers } | Operation::RequestSigners { signers, .. } => {
            signers.check_form().is_ok()
        }
        Operation::Hold { condition, .. } => condition.check_form().is_ok(),
        Operation::Release { preimages, .. } => {
            preimages.len() <= MAX_PREIMAGES && preimages.is_sorted_by(|a, b| a < b)
        }
        Operation::Erase { intent, places } => {
            (1..=MAX_INTENT_WITH_TEXTS_BYTES).contains(&intent.len()) && are_places(places)
        }
        Operation::Propose { change, .. } => change.check_form().is_ok(),
        Operation::SetSeat {
            addresses, proofs, ..
        } => {
            let addresses = addresses.as_deref();
            proofs.len() <= MAX_KEY_PROOFS && addresses.is_none_or(|list| check_addresses(list).is_ok())
        }
        Operation::SetGuardians { guardians, .. } => {
            guardians.len() <= MAX_GUARDIANS && guardians.is_sorted_by(|a, b| a < b)
        }
        _ => true,
    }
}
