//! Encodings: frozen, and total.

use proptest::prelude::*;
use quorate_consensus::contract::Record;
use quorate_consensus::message::MAX_MESSAGE_BYTES;
use quorate_consensus::paxos::{self, Body as Paxos, MAX_PROMISED, MAX_VALUES};
use quorate_consensus::{Body, Ed25519, Message, SignedStatement};
use quorate_crypto::{Epoch, Signature, ValidatorIndex, sha256};
use quorate_ledger::{Proposal, Timestamp, decode, encode};

use crate::lab::*;

fn every_body() -> Vec<Paxos> {
    let low = ballot(2, 1);
    vec![
        prepare(ballot(3, 2), 4),
        promise(ballot(3, 2), 4, &[(5, low)]),
        accept_values(
            ballot(3, 2),
            vec![(5, value(low, 5), false), (6, value(low, 6), true)],
        ),
        accepted(ballot(3, 2), &[5]),
        nack(low, ballot(3, 2)),
        chosen(ballot(3, 2), 5, value(low, 5)),
        yields(ballot(3, 2), 1),
    ]
}

fn message(body: Paxos) -> Message {
    Message::new(Epoch(1), ValidatorIndex(2), Body::Paxos(body), Signature([9; 64]))
}

#[test]
fn golden_encodings() {
    let mut lines = Vec::new();
    for body in every_body() {
        let signed = hex::encode(body.signed_bytes(sha256(b"network"), Epoch(1)));
        lines.push(body.domain().tag().to_owned());
        lines.push(format!("  message {}", hex::encode(encode(&message(body)))));
        lines.push(format!("  signed {signed}"));
    }
    let promised = paxos::Record::Promised(ballot(3, 2));
    let accepted = paxos::Record::Accepted(accepted_value(5, ballot(2, 1)));
    for record in [promised, accepted] {
        let record = encode(&Record::Paxos(Epoch(1), record));
        lines.push(format!("  record {}", hex::encode(record)));
    }
    let messages = every_body().into_iter().map(message);
    for said in messages.filter_map(|message| SignedStatement::of(&message)) {
        lines.push(format!("  said {}", hex::encode(encode(&said))));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_statement_is_signed_as_the_message_that_said_it() {
    let (network, epoch) = (sha256(b"network"), Epoch(1));
    let mut statements = 0;
    for body in every_body() {
        let message = message(body);
        if let Some(said) = SignedStatement::of(&message) {
            let body = &message.v1().body;
            assert_eq!(said.statement.domain(), body.domain());
            assert_eq!(
                said.statement.signed_bytes(network, epoch),
                body.signed_bytes(network, epoch)
            );
            statements += 1;
        }
    }
    assert_eq!(statements, 3);
}

#[test]
fn what_is_encoded_is_decoded_again() {
    for body in every_body() {
        let message = message(body);
        let bytes = encode(&message);
        assert_eq!(decode::<Message>(&bytes, MAX_MESSAGE_BYTES).unwrap(), message);
    }
}

#[test]
fn a_message_with_too_many_values_is_none_and_the_largest_fits() {
    let largest = Proposal::new(Timestamp(1), vec![sha256(b"batch"); 256]);
    let is_message = |body| decode::<Message>(&encode(&message(body)), MAX_MESSAGE_BYTES).is_ok();
    let accepts = |count: usize| accept_values(ballot(1, 1), vec![(1, largest.clone(), true); count]);
    let answers = |count: usize| accepted_values(ballot(1, 1), vec![(1, largest.clone()); count]);
    let promises = |count: usize| {
        let value = paxos::AcceptedValue {
            proposal: largest.clone(),
            ..accepted_value(1, ballot(1, 1))
        };
        Paxos::Promise(paxos::Promise {
            ballot: ballot(2, 2),
            certified: quorate_crypto::Height(0),
            accepted: vec![value; count],
        })
    };
    assert!(is_message(accepts(MAX_VALUES)) && !is_message(accepts(MAX_VALUES + 1)));
    assert!(is_message(answers(MAX_VALUES)) && !is_message(answers(MAX_VALUES + 1)));
    assert!(is_message(promises(MAX_PROMISED)) && !is_message(promises(MAX_PROMISED + 1)));
}

proptest! {
    #[test]
    fn pitfall_25_damaged_messages_panic_nothing(place in 0..7usize, at in any::<usize>(), byte in any::<u8>()) {
        let mut bytes = encode(&message(every_body().swap_remove(place)));
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(message) = decode::<Message>(&bytes, MAX_MESSAGE_BYTES) {
            let _ = message.clone().verify(sha256(b"network"), &committee(4), &Ed25519);
            // Whatever a peer says, a replica takes or refuses it.
            let message = quorate_consensus::Verified::trusted(message);
            drive(&mut replica(3, 1), 1, quorate_consensus::Input::Message(message));
        }
    }
}
