//! Decoders of canonical bytes.

use quorate_consensus::recording::{Frame, FrameV1, Frames};
use quorate_consensus::{Ed25519, Engine, Message, Record};
use quorate_crypto::{Certificate, Committee, Digest, Epoch, SigningKey};
use quorate_ledger::{
    Account, Agreement, Asset, Balance, BatchRules, CertifiedBlock, FormedBatch, Header, Parameters,
    ParametersV1, Proposal, Receipt, Seat, SignedBatch, StateKey, StateProof, Transaction,
    count_transactions, decode, encode,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The network of all seeds.
pub(crate) const NETWORK: Digest = Digest([7; 32]);

/// More than any seed has.
const LIMIT: usize = 1 << 20;

pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32])
}

pub(crate) fn committee() -> Committee {
    committee_of(quorate_crypto::Protocol::Pbft)
}

pub(crate) fn committee_of(engine: quorate_crypto::Protocol) -> Committee {
    let validators = (1..=4).map(|number| key(number).public()).collect();
    Committee::new(Epoch(0), engine, 1, validators)
}

/// What is decoded has one encoding, the one it was decoded from.
fn canonical<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let value: T = decode(bytes, LIMIT).ok()?;
    assert_eq!(encode(&value), bytes, "a second encoding of one value");
    Some(value)
}

pub(crate) fn transaction(bytes: &[u8]) {
    let parameters = ParametersV1::default();
    if let Some(transaction) = canonical::<Transaction>(bytes) {
        assert_eq!(
            Transaction::decode(bytes, &parameters).is_ok(),
            bytes.len() <= parameters.max_transaction_bytes as usize
        );
        let _ = transaction.id();
        if transaction.check_form(&NETWORK, &parameters).is_ok() {
            let _ = transaction.verify_signatures();
        }
    }
}

pub(crate) fn batch(bytes: &[u8]) {
    let parameters = ParametersV1::default();
    let committee = committee();
    let rules = BatchRules {
        network: &NETWORK,
        committee: &committee,
        parameters: &parameters,
    };
    let counted = count_transactions(bytes);
    if let Some(signed) = canonical::<SignedBatch>(bytes) {
        let transactions = signed.batch().transactions.len();
        assert_eq!(counted, u32::try_from(transactions).ok());
    }
    if let Ok(formed) = FormedBatch::new(bytes.to_vec().into(), &rules) {
        let _ = formed.check_signatures();
    }
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

pub(crate) fn certified_block(bytes: &[u8]) {
    if let Some(block) = canonical::<CertifiedBlock>(bytes) {
        let _ = block.verify_contents();
    }
}

pub(crate) fn certificate(bytes: &[u8]) {
    if let Some(certificate) = canonical::<Certificate>(bytes) {
        let _ = certificate.verify(NETWORK, &committee());
    }
}

pub(crate) fn receipt(bytes: &[u8]) {
    canonical::<Receipt>(bytes);
}

pub(crate) fn state_value(bytes: &[u8]) {
    canonical::<Account>(bytes);
    canonical::<Asset>(bytes);
    canonical::<Balance>(bytes);
    canonical::<Parameters>(bytes);
    canonical::<Agreement>(bytes);
    canonical::<Seat>(bytes);
}

pub(crate) fn state_proof(bytes: &[u8]) {
    if let Some(proof) = canonical::<StateProof>(bytes) {
        let _ = proof.verify(&Digest::ZERO, &StateKey([0x5a; 32]));
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
            let _ = Engine::restore(&recorded.image);
        }
    }
}

pub(crate) fn frames(bytes: &[u8]) {
    quorate_network::fuzzing::frames(bytes);
}

pub(crate) fn handshake(bytes: &[u8]) {
    quorate_network::fuzzing::handshake(bytes);
}
