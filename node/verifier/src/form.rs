//! What a proof has in one form only, and decoding alone does not see: order, ranges, and limits on bytes of parts
//! (`docs/formats.md`, sections 1, 7, 12, 15, 17, 22). Whatever is accepted has passed both.

use quorate_crypto::{Committee, Height, KeySignature};
use quorate_ledger::limits::{
    MAX_LOSSES, MAX_OPEN_HEIGHTS, MAX_RECOVERY_BYTES, MAX_RECOVERY_MEMBERS, MAX_SEALS, MAX_SEATS,
    MAX_SIGNATURES, MAX_STAND_DOWN_BYTES, MAX_STAND_DOWNS,
};
use quorate_ledger::{CertifiedHeader, Header, Open, SignedRecovery, StandDown, StateProof, encode};

use crate::at::At;
use crate::proof::{
    CommitteeStep, Item, MAX_ENTRIES, MAX_ITEMS, MAX_PATH, MAX_RECOVERY_LEAVES, MAX_STATE_PROOFS, MAX_STEPS,
    ProofBody, ProofV1, RecoveryStep, Shown, Statement, Trust,
};
use crate::verdict::{Code, Refusal, refuse};

mod shown;

type Checked = Result<(), Refusal>;

/// Refuses a proof of `length` bytes that is not in the one form. Limits on the bytes of a recovery and a stand-down are
/// looked at where the whole is longer; so with 0, of a proof that was never bytes, they are not.
pub(crate) fn check(proof: &ProofV1, length: usize) -> Checked {
    Form { length }.proof(proof)
}

/// The form of parts of a proof of so many bytes.
struct Form {
    length: usize,
}

impl Form {
    fn proof(&self, proof: &ProofV1) -> Checked {
        let at = At::Whole("proof");
        match &proof.body {
            ProofBody::Transaction {
                head, path, shown, ..
            } => {
                certified(head, at.field("head"))?;
                count(path, MAX_PATH, at.field("path"))?;
                shown::check(shown, at.field("shown"))
            }
            ProofBody::State { head, leaves } => {
                certified(head, at.field("head"))?;
                if leaves.is_empty() {
                    return not_canonical(at.field("leaves"), "there is none");
                }
                count(leaves, MAX_STATE_PROOFS, at.field("leaves"))?;
                state_proofs(leaves, at.field("leaves"))
            }
            ProofBody::Statement(statement) => self.statement(statement, at),
            ProofBody::Committees { trust, steps } => {
                if let Trust::Pinned {
                    header: pinned,
                    committee: named,
                } = trust
                {
                    header(pinned, at.field("trust"))?;
                    committee(named, at.field("trust"))?;
                }
                let at = at.field("steps");
                count(steps, MAX_STEPS, at)?;
                let mut steps = steps.iter().enumerate();
                steps.try_for_each(|(place, step)| self.committee_step(step, at.item(place)))
            }
            ProofBody::Block {
                head,
                before,
                entries,
                shown,
                ..
            } => {
                certified(head, at.field("head"))?;
                if let Some(before) = before {
                    header(before, at.field("before"))?;
                }
                count(entries, MAX_ENTRIES, at.field("entries"))?;
                all_shown(shown, at.field("shown"))
            }
            ProofBody::NotExecuted {
                agreement, statement, ..
            } => {
                state_proof(agreement, at.field("agreement"))?;
                self.statement(statement, at.field("statement"))
            }
            ProofBody::TwoHistories { first, second, there } => {
                certified(first, at.field("first"))?;
                certified(second, at.field("second"))?;
                let path = there.as_ref().map_or(&[][..], |there| there.path.as_slice());
                count(path, MAX_PATH, at.field("there"))
            }
            ProofBody::TwoRecoveries { first, second } => {
                self.recovery_step(first, at.field("first"))?;
                self.recovery_step(second, at.field("second"))
            }
        }
    }

    fn statement(&self, statement: &Statement, at: At<'_>) -> Checked {
        certified(&statement.head, at.field("head"))?;
        state_proof(&statement.leaf, at.field("leaf"))?;
        let items = at.field("items");
        count(&statement.items, MAX_ITEMS, items)?;
        for (place, item) in statement.items.iter().enumerate() {
            if let Item::Entry { shown, .. } = item {
                shown::check(shown, items.item(place))?;
            }
        }
        count(&statement.beside, MAX_STATE_PROOFS, at.field("beside"))?;
        state_proofs(&statement.beside, at.field("beside"))
    }

    fn committee_step(&self, step: &CommitteeStep, at: At<'_>) -> Checked {
        match step {
            CommitteeStep::Certificate { head, next } => {
                certified(head, at.field("head"))?;
                committee(next, at.field("next"))
            }
            CommitteeStep::Recovery(step) => self.recovery_step(step, at),
        }
    }

    fn recovery_step(&self, step: &RecoveryStep, at: At<'_>) -> Checked {
        if let Some(base) = &step.base {
            certified(base, at.field("base"))?;
        }
        self.recovery(&step.document, at.field("document"))?;
        count(&step.leaves, MAX_RECOVERY_LEAVES, at.field("leaves"))?;
        state_proofs(&step.leaves, at.field("leaves"))
    }

    fn recovery(&self, document: &SignedRecovery, at: At<'_>) -> Checked {
        let signed = document.v1();
        if self.length > MAX_RECOVERY_BYTES && encode(document).len() > MAX_RECOVERY_BYTES {
            return not_canonical(at, "it has more than 128 MiB");
        }
        committee(&signed.recovery.v1().committee, at.field("committee"))?;
        for (name, count, most) in [
            ("stand_downs", signed.stand_downs.len(), MAX_STAND_DOWNS),
            ("losses", signed.losses.len(), MAX_LOSSES),
            ("members", signed.members.len(), MAX_RECOVERY_MEMBERS),
            ("validators", signed.validators.len(), MAX_SEATS),
        ] {
            if count > most {
                return not_canonical(
                    at.field(name),
                    format!("{count} items, at most {most} are allowed"),
                );
            }
        }
        let (stand_downs, losses, members) =
            (at.field("stand_downs"), at.field("losses"), at.field("members"));
        for (place, item) in signed.stand_downs.iter().enumerate() {
            self.stand_down(&item.stand_down, stand_downs.item(place))?;
        }
        for (place, item) in signed.losses.iter().enumerate() {
            signatures(&item.signatures, losses.item(place))?;
        }
        for (place, item) in signed.members.iter().enumerate() {
            signatures(&item.signatures, members.item(place))?;
        }
        Ok(())
    }

    fn stand_down(&self, stand_down: &StandDown, at: At<'_>) -> Checked {
        if self.length > MAX_STAND_DOWN_BYTES && encode(stand_down).len() > MAX_STAND_DOWN_BYTES {
            return not_canonical(at, "it has more than 4 MiB");
        }
        let fields = stand_down.v1();
        if let Some(head) = &fields.certified {
            certified(head, at.field("certified"))?;
        }
        if let Open::Pbft(certificates) = &fields.open {
            for (place, certificate) in certificates.iter().enumerate() {
                let prepares = &certificate.prepares;
                if prepares.len() > MAX_SEATS || !prepares.is_sorted_by(|a, b| a.validator < b.validator) {
                    let reason = format!("the prepares of its open height {place} do not ascend strictly");
                    return not_canonical(at.field("open"), reason);
                }
            }
        }
        let heights = fields.open.heights();
        if heights.len() > MAX_OPEN_HEIGHTS || !heights.is_sorted_by(|a, b| a < b) {
            return not_canonical(
                at.field("open"),
                "more than 128 heights, or they do not ascend strictly",
            );
        }
        Ok(())
    }
}

fn not_canonical<T>(at: At<'_>, reason: impl Into<String>) -> Result<T, Refusal> {
    refuse(Code::NotCanonical, at, reason)
}

/// A list that was decoded has no more items; one of a proof that was made in memory may.
fn count<T>(items: &[T], most: usize, at: At<'_>) -> Checked {
    if items.len() > most {
        return not_canonical(at, format!("{} items, at most {most} are allowed", items.len()));
    }
    Ok(())
}

fn all_shown(items: &[Shown], at: At<'_>) -> Checked {
    count(items, MAX_ENTRIES, at)?;
    let mut items = items.iter().enumerate();
    items.try_for_each(|(place, shown)| shown::check(shown, at.item(place)))
}

/// Refuses a header with seals that is not in the one form.
pub(crate) fn certified(head: &CertifiedHeader, at: At<'_>) -> Checked {
    header(&head.header, at.field("header"))?;
    let seals = &head.seals;
    if seals.len() > MAX_SEALS || !seals.is_sorted_by(|a, b| a.validator < b.validator) {
        return not_canonical(
            at.field("seals"),
            "more than 128, or they do not ascend strictly by validator",
        );
    }
    Ok(())
}

fn header(header: &Header, at: At<'_>) -> Checked {
    if header.v1().height == Height::GENESIS {
        return not_canonical(at, "heights begin with 1");
    }
    Ok(())
}

fn committee(committee: &Committee, at: At<'_>) -> Checked {
    committee
        .check()
        .map_err(|error| Refusal::new(Code::NotCanonical, at, error.to_string()))
}

fn signatures(signatures: &[KeySignature], at: At<'_>) -> Checked {
    if signatures.is_empty() || signatures.len() > MAX_SIGNATURES {
        return not_canonical(
            at,
            format!(
                "{} signatures, 1 to {MAX_SIGNATURES} are allowed",
                signatures.len()
            ),
        );
    }
    Ok(())
}

fn state_proofs(proofs: &[StateProof], at: At<'_>) -> Checked {
    let mut proofs = proofs.iter().enumerate();
    proofs.try_for_each(|(place, proof)| state_proof(proof, at.item(place)))
}

fn state_proof(proof: &StateProof, at: At<'_>) -> Checked {
    proof
        .check_form()
        .map_err(|error| Refusal::new(Code::NotCanonical, at, error.to_string()))
}
