//! Replicas driven by hand, with signatures that nobody checks.

use std::collections::VecDeque;

use quorate_consensus::contract::{Action, Config, Input, Record, Step, TimerRange, Timing};
use quorate_consensus::pbft::{Body as Pbft, Claims, Replica, View, ViewChange};
use quorate_consensus::{Body, Message, Verified};
use quorate_crypto::{
    Certificate, CertificateV1, Committee, Digest, Epoch, Height, Protocol, PublicKey, Seal, Signature,
    ValidatorIndex, sha256,
};
use quorate_ledger::{Parameters, ParametersV1, Proposal, Timestamp};

/// The time of every step that does not say otherwise.
pub(crate) const NOW: Timestamp = Timestamp(1_000_000);

/// The window of the replicas here.
pub(crate) const WINDOW: u64 = 4;

pub(crate) fn committee(size: u8) -> Committee {
    let keys = (1..=size).map(|number| PublicKey([number; 32])).collect();
    Committee::new(Epoch(0), Protocol::Pbft, 1, keys)
}

pub(crate) fn config(size: u8, index: u16) -> Config {
    let range = |from_ms| TimerRange {
        from_ms,
        to_ms: from_ms * 2,
    };
    Config {
        network: sha256(b"laboratory"),
        committee: committee(size),
        index: Some(ValidatorIndex(index)),
        parameters: Parameters::V1(ParametersV1 {
            window: u32::try_from(WINDOW).unwrap(),
            max_proposal_batches: 4,
            ..ParametersV1::default()
        }),
        epoch_start: Height::GENESIS,
        epoch_end: None,
        certified: Height::GENESIS,
        certificate: None,
        inquiry: None,
        timing: Timing {
            resend: range(100),
            progress: range(500),
            progress_cap_ms: 4_000,
            heartbeat: range(100),
            election: range(500),
        },
    }
}

pub(crate) fn replica(size: u8, index: u16) -> Replica {
    let (mut replica, step) = Replica::start(config(size, index));
    for action in step.actions {
        if let Action::Sign(body) = action {
            replica.step(NOW, Input::Own(signed(index, body)));
        }
    }
    replica
}

pub(crate) fn signed(sender: u16, body: Body) -> Message {
    Message::new(Epoch(0), ValidatorIndex(sender), body, Signature([7; 64]))
}

pub(crate) fn from(sender: u16, body: Pbft) -> Input {
    Input::Message(Verified::trusted(signed(sender, Body::Pbft(body))))
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

pub(crate) fn certificate(height: u64) -> Certificate {
    let seals = (0..3).map(|validator| Seal {
        validator: ValidatorIndex(validator),
        signature: Signature([7; 64]),
    });
    Certificate::V1(CertificateV1 {
        epoch: Epoch(0),
        height: Height(height),
        block: sha256(&height.to_le_bytes()),
        seals: seals.collect(),
    })
}

/// A certificate of this height by all four but one.
pub(crate) fn certificate_without(validator: u16, height: u64) -> Certificate {
    let Certificate::V1(mut certificate) = certificate(height);
    let signature = certificate.seals[0].signature;
    certificate.seals = (0..4)
        .filter(|sealer| *sealer != validator)
        .map(|sealer| Seal {
            validator: ValidatorIndex(sealer),
            signature,
        })
        .collect();
    Certificate::V1(certificate)
}

/// What a step asks to be signed.
pub(crate) fn asked(step: &Step) -> Vec<&Pbft> {
    let mut asked = Vec::new();
    for action in &step.actions {
        if let Action::Sign(Body::Pbft(body)) = action {
            asked.push(body);
        }
    }
    asked
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

/// As [`drive_as`], at this time.
pub(crate) fn drive_at(replica: &mut Replica, own: u16, now: Timestamp, input: Input) -> Step {
    let mut inputs = VecDeque::from([input]);
    let mut all = Step::default();
    while let Some(input) = inputs.pop_front() {
        let step = replica.step(now, input);
        replica.check_invariants();
        all.records.extend(step.records);
        all.rejection = all.rejection.or(step.rejection);
        for action in step.actions {
            match action {
                Action::Sign(body) => {
                    let durable = body.must_be_durable();
                    let message = signed(own, body);
                    if durable {
                        all.records.push(Record::Own(message.clone()));
                    }
                    inputs.push_back(Input::Own(message));
                }
                Action::RequireBatches { height, proposal, .. } => {
                    inputs.push_back(Input::ProposalAvailable { height, proposal });
                }
                action => all.actions.push(action),
            }
        }
    }
    all
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
