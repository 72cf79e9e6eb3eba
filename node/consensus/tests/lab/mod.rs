//! Replicas of any protocol driven by hand, with signatures that nobody checks. What a protocol says, and in which
//! words its tests are written, is in its own laboratory.

use std::collections::VecDeque;
use std::fmt;

use quorate_consensus::contract::{Action, Config, Input, Now, Record, Step, TimerRange, Timing};
use quorate_consensus::{Body, Message, Verified};
use quorate_crypto::{
    Certificate, CertificateV1, Committee, CommitteeSeat, Engine, Epoch, Height, MemberNumber, PublicKey,
    Seal, SeatNumber, Signature, ValidatorIndex, sha256,
};
use quorate_ledger::{Parameters, ParametersV1, Timestamp};

/// The time of every step that does not say otherwise.
pub(crate) const NOW: Timestamp = Timestamp(1_000_000);

/// A replica that can be driven.
pub(crate) trait Driven: Clone + fmt::Debug {
    type Body: Clone + Into<Body>;

    const ENGINE: Engine;
    const WINDOW: u64;
    const MAX_PROPOSAL_BATCHES: u32;

    fn recover(config: Config, records: Vec<Record>) -> (Self, Step);
    fn step(&mut self, now: Now, input: Input) -> Step;
    fn check_invariants(&self);
    /// The body, if it is of this protocol.
    fn said(body: &Body) -> Option<&Self::Body>;
}

/// Says how a protocol's replica is driven. The trait that its own methods go by is the crate's alone.
macro_rules! driven {
    ($replica:ty, $protocol:ident, $body:ty, window: $window:expr, batches: $batches:expr) => {
        impl crate::shared::Driven for $replica {
            type Body = $body;

            const ENGINE: quorate_crypto::Engine = quorate_crypto::Engine::$protocol;
            const WINDOW: u64 = $window;
            const MAX_PROPOSAL_BATCHES: u32 = $batches;

            fn recover(
                config: quorate_consensus::contract::Config,
                records: Vec<quorate_consensus::contract::Record>,
            ) -> (Self, quorate_consensus::contract::Step) {
                <$replica>::recover(config, records)
            }

            fn step(
                &mut self,
                now: quorate_consensus::contract::Now,
                input: quorate_consensus::contract::Input,
            ) -> quorate_consensus::contract::Step {
                self.step(now, input)
            }

            fn check_invariants(&self) {
                self.check_invariants();
            }

            fn said(body: &quorate_consensus::Body) -> Option<&$body> {
                match body {
                    quorate_consensus::Body::$protocol(body) => Some(body),
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use driven;

pub(crate) fn committee<R: Driven>(size: u8) -> Committee {
    let seats = seats((1..=size).map(|number| PublicKey([number; 32])));
    Committee::new(Epoch(0), R::ENGINE, 1, seats)
}

/// Seats of validators with these keys. Their other two keys nobody uses.
pub(crate) fn seats(validators: impl IntoIterator<Item = PublicKey>) -> Vec<CommitteeSeat> {
    let seat = |(number, validator): (u8, PublicKey)| {
        let other = |last| {
            let mut bytes = [number; 32];
            bytes[31] = last;
            PublicKey(bytes)
        };
        CommitteeSeat {
            member: MemberNumber(number.into()),
            seat: SeatNumber(number.into()),
            validator,
            node: other(254),
            witness: other(255),
        }
    };
    (1..).zip(validators).map(seat).collect()
}

pub(crate) fn config<R: Driven>(size: u8, index: u16) -> Config {
    let range = |from_ms| TimerRange {
        from_ms,
        to_ms: from_ms * 2,
    };
    Config {
        network: sha256(b"laboratory"),
        committee: committee::<R>(size),
        index: Some(ValidatorIndex(index)),
        parameters: Parameters::V1(ParametersV1 {
            window: u32::try_from(R::WINDOW).unwrap(),
            max_proposal_batches: R::MAX_PROPOSAL_BATCHES,
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

/// One that comes back with this journal, and has had what it asks for first.
pub(crate) fn recovered<R: Driven>(size: u8, index: u16, records: Vec<Record>) -> R {
    recovered_with(config::<R>(size, index), index, records)
}

/// The same of one that is told this.
pub(crate) fn recovered_with<R: Driven>(config: Config, index: u16, records: Vec<Record>) -> R {
    let (mut replica, step) = R::recover(config, records);
    for action in step.actions {
        if let Action::Sign(body) = action {
            drive_at(&mut replica, index, NOW, Input::Own(signed(index, body)));
        }
    }
    replica
}

pub(crate) fn signed(sender: u16, body: impl Into<Body>) -> Message {
    Message::new(Epoch(0), ValidatorIndex(sender), body.into(), Signature([7; 64]))
}

pub(crate) fn from(sender: u16, body: impl Into<Body>) -> Input {
    Input::Message(Verified::trusted(signed(sender, body)))
}

/// A certificate of this height by these.
pub(crate) fn certificate_by(sealers: impl IntoIterator<Item = u16>, height: u64) -> Certificate {
    let seals = sealers.into_iter().map(|validator| Seal {
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

/// What a step asks to be signed.
pub(crate) fn asked<R: Driven>(step: &Step) -> Vec<&R::Body> {
    let bodies = step.actions.iter().filter_map(|action| match action {
        Action::Sign(body) => R::said(body),
        _ => None,
    });
    bodies.collect()
}

/// What a step sends, to whom it may be.
#[allow(dead_code, reason = "tests of PBFT ask for what is sent to all")]
pub(crate) fn said<R: Driven>(step: &Step) -> Vec<&R::Body> {
    let bodies = step.actions.iter().filter_map(|action| match action {
        Action::Broadcast(message) | Action::Send { message, .. } => R::said(&message.v1().body),
        _ => None,
    });
    bodies.collect()
}

/// Steps at this time, and does at once whatever is asked: signs, keeps, has every batch. Gives all records and all
/// other actions.
pub(crate) fn drive_at<R: Driven>(replica: &mut R, own: u16, now: Timestamp, input: Input) -> Step {
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

/// What a driver keeps of a journal in the long run while nothing is certified: of what is about a reign alone, that
/// about the highest.
pub(crate) fn pruned(records: Vec<Record>) -> Vec<Record> {
    let about_reign = |record: &Record| record.reign().filter(|_| record.height().is_none());
    let highest = records.iter().filter_map(about_reign).max();
    let records = records.into_iter();
    let kept = records.filter(|record| about_reign(record).is_none_or(|reign| Some(reign) == highest));
    kept.collect()
}
