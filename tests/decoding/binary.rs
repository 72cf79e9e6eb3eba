//! Decoders of canonical bytes of what is decided, certified, said and recorded, and of what a peer's bytes meet first.

use quorate_consensus::recording::{Frame, FrameV1, Frames};
use quorate_consensus::{Ed25519, Message, Record};
use quorate_crypto::{
    Certificate, Committee, CommitteeSeat, Digest, Engine, Epoch, MemberNumber, SeatNumber, SigningKey,
};
use quorate_ledger::{Header, LogEntry, Proposal, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The network of all seeds of consensus.
pub(crate) const NETWORK: Digest = Digest([7; 32]);

/// More than any seed has.
const LIMIT: usize = 1 << 20;

pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32])
}

pub(crate) fn committee() -> Committee {
    committee_of(Engine::Pbft)
}

pub(crate) fn committee_of(engine: Engine) -> Committee {
    let seat = |number: u8| CommitteeSeat {
        member: MemberNumber(u32::from(number)),
        seat: SeatNumber(u32::from(number)),
        validator: key(number).public(),
        node: key(number + 0x40).public(),
        witness: key(number + 0x80).public(),
    };
    Committee::new(Epoch(0), engine, 1, (1..=4).map(seat).collect())
}

/// What is decoded has one encoding, the one it was decoded from.
pub(crate) fn canonical<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let value: T = decode(bytes, LIMIT).ok()?;
    assert_eq!(encode(&value), bytes, "a second encoding of one value");
    Some(value)
}

pub(crate) fn proposal(bytes: &[u8]) {
    if let Some(proposal) = canonical::<Proposal>(bytes) {
        let _ = proposal.digest();
    }
}

pub(crate) fn header(bytes: &[u8]) {
    if let Some(header) = canonical::<Header>(bytes) {
        let _ = header.hash();
    }
}

pub(crate) fn certificate(bytes: &[u8]) {
    if let Some(certificate) = canonical::<Certificate>(bytes) {
        let _ = certificate.verify(NETWORK, &committee());
    }
}

pub(crate) fn log_entry(bytes: &[u8]) {
    let entry = canonical::<LogEntry>(bytes);
    if let Ok(short) = LogEntry::decode(bytes) {
        assert_eq!(entry.as_ref(), Some(&short));
        let _ = short.leaf_hash();
    }
}

pub(crate) fn message(bytes: &[u8]) {
    if let Some(message) = canonical::<Message>(bytes) {
        let _ = message.verify(NETWORK, &committee(), &Ed25519);
    }
}

pub(crate) fn record(bytes: &[u8]) {
    if let Some(record) = canonical::<Record>(bytes) {
        let _ = record.height();
        let _ = Record::unsent(&[record], |_| false);
    }
}

pub(crate) fn recording(bytes: &[u8]) {
    if let Ok(mut frames) = Frames::of(bytes) {
        while let Some(FrameV1::Segment(_) | FrameV1::Entry(_)) = frames.next() {}
        assert!(frames.at() <= bytes.len());
    }
}

pub(crate) fn recording_frame(bytes: &[u8]) {
    if let Some(Frame::V1(FrameV1::Segment(segment))) = canonical::<Frame>(bytes) {
        for recorded in &segment.engines {
            let _ = quorate_consensus::Engine::restore(&recorded.image);
        }
    }
}

pub(crate) fn frames(bytes: &[u8]) {
    quorate_network::fuzzing::frames(bytes);
}

pub(crate) fn handshake(bytes: &[u8]) {
    quorate_network::fuzzing::handshake(bytes);
}
