//! Committees of epochs: each is named by its predecessor's last block, or by a recovery (rule 27).

use quorate_crypto::{Committee, Digest, Epoch, Height};
use quorate_ledger::{CertifiedHeader, Header};

use super::{height_after, recovery};
use crate::at::At;
use crate::facts::EpochFacts;
use crate::knowledge::{Anchor, EndedBy, Epochs, Ground, KnownEpoch};
use crate::proof::{CommitteeStep, ProofBody, ProofV1, RecoveryStep, Trust};
use crate::verdict::{Code, Refusal, refuse};

/// The network of a proof that starts with the pinned block; none if it is about another one, or about none.
pub(crate) fn pinned_network(proof: &ProofV1, anchor: &Anchor) -> Option<Digest> {
    let ProofBody::Committees {
        trust: Trust::Pinned { header, .. },
        ..
    } = &proof.body
    else {
        return None;
    };
    is_pin(header, anchor).then_some(header.v1().network)
}

fn is_pin(header: &Header, anchor: &Anchor) -> bool {
    let pin = anchor.pin.filter(|pin| pin.height == header.v1().height);
    pin.is_some_and(|pin| pin.hash == header.hash())
}

/// The epochs that the proof leads through. They contradict nothing that is known.
pub(super) fn check(
    ground: Ground<'_>,
    trust: &Trust,
    steps: &[CommitteeStep],
    at: At<'_>,
) -> Result<(Epochs, Vec<EpochFacts>), Refusal> {
    let mut epochs = Epochs::new();
    let mut present = begin(ground, trust, at.field("trust"))?;
    let list = at.field("steps");
    for (place, step) in steps.iter().enumerate() {
        let next = follow(ground, &mut present, step, list.item(place))?;
        epochs.insert(present.committee.epoch().0, std::mem::replace(&mut present, next));
    }
    epochs.insert(present.committee.epoch().0, present);
    for (number, epoch) in &epochs {
        if ground
            .epochs
            .get(number)
            .is_some_and(|known| !known.agrees(epoch))
        {
            let reason = format!("another committee, first or last height of epoch {number} is known");
            return refuse(Code::BadCommittee, at, reason);
        }
    }
    let facts = epochs.values().map(facts_of).collect();
    Ok((epochs, facts))
}

/// The epoch that the proof starts with.
fn begin(ground: Ground<'_>, trust: &Trust, at: At<'_>) -> Result<KnownEpoch, Refusal> {
    let anchor = ground.anchor;
    match trust {
        Trust::Genesis => match (&anchor.genesis, &anchor.pin) {
            (Some(genesis), None) => Ok(KnownEpoch::new(genesis.committee(), Some(Height(1)), None)),
            // Keys of past epochs that were stolen could lead past a pin.
            _ => refuse(
                Code::UnknownCommittee,
                at,
                "with a pinned block it starts from that alone",
            ),
        },
        Trust::Pinned { header, committee } => begin_at_pin(ground, header, committee, at),
    }
}

fn begin_at_pin(
    ground: Ground<'_>,
    header: &Header,
    committee: &Committee,
    at: At<'_>,
) -> Result<KnownEpoch, Refusal> {
    let fields = header.v1();
    if fields.network != *ground.network {
        return refuse(Code::OtherNetwork, at, "the block is of another network");
    }
    if !is_pin(header, ground.anchor) {
        let reason = "it rests on a block that the verifier was not given";
        return refuse(Code::UnknownCommittee, at, reason);
    }
    if committee.digest() != fields.next_committee {
        return refuse(
            Code::BadCommittee,
            at,
            "it is not the committee that the block names",
        );
    }
    if committee.epoch() == fields.epoch {
        return Ok(KnownEpoch::new(committee.clone(), None, None));
    }
    if Some(committee.epoch()) != epoch_after(fields.epoch) {
        return refuse(
            Code::BadCommittee,
            at,
            "its epoch is neither the block's nor the next",
        );
    }
    let Some(first) = height_after(fields.height) else {
        return refuse(Code::BadCommittee, at, "no height follows the block's");
    };
    Ok(KnownEpoch::new(
        committee.clone(),
        Some(first),
        Some(header.hash()),
    ))
}

/// The epoch that a step leads to. It also ends the present one.
fn follow(
    ground: Ground<'_>,
    present: &mut KnownEpoch,
    step: &CommitteeStep,
    at: At<'_>,
) -> Result<KnownEpoch, Refusal> {
    let (committee, last, led_by) = match step {
        CommitteeStep::Certificate { head, next } => {
            accept(ground, present, head, at.field("head"))?;
            if next.digest() != head.header.v1().next_committee {
                let reason = "it is not the committee that the head names";
                return refuse(Code::BadCommittee, at.field("next"), reason);
            }
            (next, head.header.v1().height, Some(head.header.hash()))
        }
        CommitteeStep::Recovery(step) => {
            let ended = check_recovery(ground, present, step, at)?;
            present.ended_by = Some(ended);
            let document = step.document.v1().recovery.v1();
            (&document.committee, document.base, None)
        }
    };
    let next = epoch_after(present.committee.epoch());
    let (Some(_), Some(first)) = (next.filter(|next| committee.epoch() == *next), height_after(last)) else {
        let reason = "its epoch is not the one after the present one, or no height follows";
        return refuse(Code::BadCommittee, at.field("next"), reason);
    };
    present.last = Some(last);
    Ok(KnownEpoch::new(committee.clone(), Some(first), led_by))
}

fn epoch_after(epoch: Epoch) -> Option<Epoch> {
    epoch.0.checked_add(1).map(Epoch)
}

/// Accepts a head of an epoch, where that epoch is all that is known.
fn accept(ground: Ground<'_>, epoch: &KnownEpoch, head: &CertifiedHeader, at: At<'_>) -> Result<(), Refusal> {
    let is_of_it = head.header.v1().epoch == epoch.committee.epoch();
    ground.accept_under(head, is_of_it.then_some(epoch), at)
}

/// Refuses a step that is no valid recovery of the epoch.
pub(super) fn check_recovery(
    ground: Ground<'_>,
    epoch: &KnownEpoch,
    step: &RecoveryStep,
    at: At<'_>,
) -> Result<EndedBy, Refusal> {
    let old = &epoch.committee;
    let base = at.field("base");
    let on = match &step.base {
        // Whoever has a pin knows of a block: then nothing goes on from genesis, or the pinned block would be given up.
        None => match (&ground.anchor.genesis, &ground.anchor.pin) {
            (Some(genesis), None) if old.epoch() == Epoch(0) => {
                let begun = (Height::GENESIS, *ground.network);
                recovery::Base::new(begun, Some(begun), genesis.state().root)
            }
            _ => return refuse(Code::BadRecovery, base, "it is missing"),
        },
        Some(head) => {
            let fields = head.header.v1();
            if fields.network != *ground.network {
                let reason = format!("it is of the network {}", fields.network);
                return refuse(Code::OtherNetwork, base, reason);
            }
            let block = (fields.height, head.header.hash());
            if fields.epoch == old.epoch() {
                accept(ground, epoch, head, base)?;
                recovery::Base::new(block, None, fields.state_root)
            } else if head.seals.is_empty() && epoch.led_by == Some(block.1) {
                recovery::Base::new(block, Some(block), fields.state_root)
            } else {
                let reason = "neither a block of the epoch nor, without seals, the one that led to it";
                return refuse(Code::BadRecovery, base, reason);
            }
        }
    };
    recovery::check(ground.network, old, &on, step, at)
}

fn facts_of(epoch: &KnownEpoch) -> EpochFacts {
    let committee = &epoch.committee;
    let keys = committee
        .indices()
        .filter_map(|index| committee.key(index).copied());
    EpochFacts {
        epoch: committee.epoch(),
        first: epoch.first,
        last: epoch.last,
        committee: committee.digest(),
        validators: keys.collect(),
        ended_by: epoch.ended_by.as_ref().map(|ended| ended.recovery),
    }
}
