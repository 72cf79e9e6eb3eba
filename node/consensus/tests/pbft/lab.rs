//! What tests of PBFT are written in.

use quorate_consensus::contract::{Action, Config, Input, Step};
use quorate_consensus::pbft::{Body as Pbft, Claims, Replica, View, ViewChange};
use quorate_consensus::{Body, Message};
use quorate_crypto::{Certificate, Committee, Digest, Height, sha256};
use quorate_ledger::{Proposal, Timestamp};

use crate::shared;
pub(crate) use crate::shared::{NOW, from, pruned, signed};

/// The window of the replicas here.
pub(crate) const WINDOW: u64 = 4;

shared::driven!(Replica, Pbft, Pbft, window: WINDOW, batches: 4);

pub(crate) fn committee(size: u8) -> Committee {
    shared::committee::<Replica>(size)
}

pub(crate) fn config(size: u8, index: u16) -> Config {
    shared::config::<Replica>(size, index)
}

/// One that has said nothing yet.
pub(crate) fn replica(size: u8, index: u16) -> Replica {
    shared::recovered(size, index, Vec::new())
}

pub(crate) fn certificate(height: u64) -> Certificate {
    shared::certificate_by(0..3, height)
}

/// What a step asks to be signed.
pub(crate) fn asked(step: &Step) -> Vec<&Pbft> {
    shared::asked::<Replica>(step)
}

/// A certificate of this height by all four but one.
pub(crate) fn certificate_without(validator: u16, height: u64) -> Certificate {
    shared::certificate_by((0..4).filter(|sealer| *sealer != validator), height)
}

/// As [`drive_as`], at this time.
pub(crate) fn drive_at(replica: &mut Replica, own: u16, now: Timestamp, input: Input) -> Step {
    shared::drive_at(replica, own, now, input)
}

pub(crate) fn proposal(number: u8) -> Proposal {
    Proposal::new(NOW, vec![batch(number)])
}

pub(crate) fn batch(number: u8) -> Digest {
    sha256(&[number])
}

pub(crate) fn pre_prepare(view: u64, height: u64, proposal: &Proposal) -> Pbft {
    Pbft::PrePrepare {
        view: View(view),
        height: Height(height),
        proposal: proposal.clone(),
    }
}

pub(crate) fn prepare(view: u64, height: u64, proposal: &Proposal) -> Pbft {
    Pbft::Prepare {
        view: View(view),
        height: Height(height),
        proposal: proposal.digest(),
    }
}

pub(crate) fn commit(view: u64, height: u64, proposal: &Proposal) -> Pbft {
    Pbft::Commit {
        view: View(view),
        height: Height(height),
        proposal: proposal.digest(),
    }
}

pub(crate) fn available(height: u64, proposal: &Proposal) -> Input {
    Input::ProposalAvailable {
        height: Height(height),
        proposal: proposal.digest(),
    }
}

/// Steps, and does at once whatever is asked: signs, keeps, has every batch. Gives all records and all
/// other actions.
pub(crate) fn drive(replica: &mut Replica, input: Input) -> Step {
    drive_as(replica, 0, input)
}

/// As [`drive`], with the replica's own index.
pub(crate) fn drive_as(replica: &mut Replica, own: u16, input: Input) -> Step {
    drive_at(replica, own, NOW, input)
}

/// What a step broadcasts.
pub(crate) fn broadcast(step: &Step) -> Vec<&Body> {
    let mut said = Vec::new();
    for action in &step.actions {
        if let Action::Broadcast(message) = action {
            said.push(&message.v1().body);
        }
    }
    said
}

/// Whether a step broadcasts this.
pub(crate) fn says(step: &Step, body: &Pbft) -> bool {
    broadcast(step).contains(&&Body::Pbft(body.clone()))
}

pub(crate) fn complaint(view: u64) -> Pbft {
    Pbft::Complaint { view: View(view) }
}

/// A view-change that claims nothing.
pub(crate) fn empty_change(view: u64) -> Pbft {
    Pbft::ViewChange(ViewChange {
        claims: Claims {
            view: View(view),
            certified: Height(0),
            prepared: Vec::new(),
        },
        certified: None,
        prepared: Vec::new(),
    })
}

/// The view-change that a replica broadcasts on a second complaint.
pub(crate) fn view_change_of(replica: &mut Replica, own: u16) -> Message {
    let mut last = None;
    for sender in (0..4).filter(|sender| *sender != own).take(2) {
        last = Some(drive_as(replica, own, from(sender, complaint(0))));
    }
    let said = last.unwrap();
    let body = broadcast(&said)
        .into_iter()
        .find(|body| matches!(body, Body::Pbft(Pbft::ViewChange(_))))
        .expect("two complaints of four move a replica");
    signed(own, body.clone())
}
