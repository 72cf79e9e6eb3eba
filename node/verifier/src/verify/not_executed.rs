//! That a transaction was not executed: its first party's complete statement over the time in which it could have been
//! has not got it.

use quorate_crypto::Digest;
use quorate_ledger::{HistoryOwner, Intent, StateKey, StateProof, StateValue, Timestamp};

use super::{state, statement};
use crate::at::At;
use crate::facts::{NotExecutedFacts, StatementFacts};
use crate::proof::{Item, Shown, Statement};
use crate::verdict::{Code, Refusal, refuse};

/// The facts under an accepted head, which is the statement's.
pub(super) fn check(
    network: &Digest,
    intent: &Intent,
    agreement: &StateProof,
    statement: &Statement,
    at: At<'_>,
) -> Result<NotExecutedFacts, Refusal> {
    check_intent(network, intent, at.field("intent"))?;
    check_bare(statement, at.field("statement"))?;
    let found = statement::check(network, statement, at.field("statement"))?;
    let root = &statement.head.header.v1().state_root;
    let lead = longest_lead(agreement, root, at.field("agreement"))?;
    let expires_at = intent.v1().expires_at;
    let from = Timestamp(expires_at.0.saturating_sub(lead));
    let to = expires_at.max(Timestamp(from.0.saturating_add(1)));
    let id = intent.id();
    check_range(intent, &found, (from, to), &id, at.field("statement"))?;
    Ok(NotExecutedFacts {
        id,
        expires_at,
        from,
        to,
        entries: found.entries.len(),
        intent: intent.v1().clone(),
    })
}

fn check_intent(network: &Digest, intent: &Intent, at: At<'_>) -> Result<(), Refusal> {
    if intent.v1().network != *network {
        return refuse(Code::OtherNetwork, at, "it is for another network");
    }
    intent.v1().check_form(network).or_else(|error| {
        let reason = format!("it is not well-formed: {}: {error}", error.reason());
        refuse(Code::OtherLeaf, at, reason)
    })
}

/// Nothing but the statement itself is there: so there is one proof.
fn check_bare(statement: &Statement, at: At<'_>) -> Result<(), Refusal> {
    if !statement.beside.is_empty() {
        let reason = "nothing stands beside that nothing happened";
        return refuse(Code::NotCanonical, at.field("beside"), reason);
    }
    let shows = |item: &Item| matches!(item, Item::Entry { shown, .. } if *shown != Shown::Nothing);
    if statement.items.iter().any(shows) {
        let reason = "other transactions are not shown here";
        return refuse(Code::NotCanonical, at.field("items"), reason);
    }
    Ok(())
}

/// How long an intent could live at most, in milliseconds, by the agreement's leaf.
fn longest_lead(agreement: &StateProof, root: &Digest, at: At<'_>) -> Result<u64, Refusal> {
    match state::single(agreement, root, &StateKey::agreement(), at)? {
        Some(StateValue::Agreement(agreement)) => Ok(agreement.v1().longest_lead_ms),
        _ => refuse(Code::OtherLeaf, at, "the agreement is absent"),
    }
}

fn check_range(
    intent: &Intent,
    found: &StatementFacts,
    range: (Timestamp, Timestamp),
    id: &Digest,
    at: At<'_>,
) -> Result<(), Refusal> {
    let is_first_partys = match &found.owner {
        HistoryOwner::Account(address) => intent.v1().parties.first() == Some(address),
        HistoryOwner::Asset(_) => false,
    };
    if !is_first_partys {
        return refuse(Code::NotComplete, at, "it is not the first party's");
    }
    if (found.from, found.to) != range {
        let reason = "it is not over the time in which this could be executed";
        return refuse(Code::NotComplete, at, reason);
    }
    if found.complete_up_to.is_some() {
        return refuse(Code::NotComplete, at, "the head is older than the expiry");
    }
    if found.entries.iter().any(|item| item.entry.id == *id) {
        return refuse(Code::NotComplete, at, "the transaction is among the entries");
    }
    Ok(())
}
