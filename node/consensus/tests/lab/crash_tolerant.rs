//! What tests of Paxos and of Raft ask alike: what encodings hold, and what a replica asks before it votes again.

use quorate_consensus::contract::{Action, Input, Record};
use quorate_consensus::message::MAX_MESSAGE_BYTES;
use quorate_consensus::{Body, Ed25519, Message, SignedStatement, Statement, Testimony, Verified};
use quorate_crypto::{Epoch, Height, Signature, ValidatorIndex, sha256};
use quorate_ledger::{decode, encode};

use crate::shared::{Driven, NOW, committee, config, drive_at, from, recovered, signed};

/// A message to encode.
pub(crate) fn message(body: impl Into<Body>) -> Message {
    Message::new(Epoch(1), ValidatorIndex(2), body.into(), Signature([9; 64]))
}

/// Lines of what is frozen: each body as a message, with what is signed of it; records; and the statements among the
/// messages.
pub(crate) fn encodings(
    bodies: Vec<impl Into<Body>>,
    records: impl IntoIterator<Item = Record>,
) -> Vec<String> {
    let mut lines = Vec::new();
    let messages: Vec<Message> = bodies.into_iter().map(message).collect();
    for message in &messages {
        let body = &message.v1().body;
        let signed = hex::encode(body.signed_bytes(sha256(b"network"), Epoch(1)));
        lines.push(body.domain().as_str().to_owned());
        lines.push(format!("  message {}", hex::encode(encode(message))));
        lines.push(format!("  signed {signed}"));
    }
    for record in records {
        lines.push(format!("  record {}", hex::encode(encode(&record))));
    }
    for said in messages.iter().filter_map(SignedStatement::of) {
        lines.push(format!("  said {}", hex::encode(encode(&said))));
    }
    lines
}

/// Asserts that each statement is signed as the message that said it; returns how many of these say one.
#[track_caller]
pub(crate) fn check_statements(bodies: Vec<impl Into<Body>>) -> usize {
    let (network, epoch) = (sha256(b"network"), Epoch(1));
    let mut statements = 0;
    for body in bodies {
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
    statements
}

/// Asserts that each is decoded to what was encoded.
#[track_caller]
pub(crate) fn check_decoded(bodies: Vec<impl Into<Body>>) {
    for body in bodies {
        let message = message(body);
        let bytes = encode(&message);
        assert_eq!(decode::<Message>(&bytes, MAX_MESSAGE_BYTES).unwrap(), message);
    }
}

/// Gives a replica a message of which one byte was changed, if it still is a message.
pub(crate) fn take_damaged<R: Driven>(body: R::Body, at: usize, byte: u8) {
    let mut bytes = encode(&message(body));
    let at = at % bytes.len();
    bytes[at] = byte;
    if let Ok(message) = decode::<Message>(&bytes, MAX_MESSAGE_BYTES) {
        let _ = message
            .clone()
            .verify(sha256(b"network"), &committee::<R>(4), &Ed25519);
        // Whatever a peer says, a replica takes or refuses it.
        let mut replica: R = recovered(3, 1, Vec::new());
        drive_at(&mut replica, 1, NOW, Input::Message(Verified::trusted(message)));
    }
}

/// One that comes back with this journal, and has asked what it signed.
pub(crate) fn asking_after<R: Driven>(records: Vec<Record>) -> R {
    let mut config = config::<R>(3, 0);
    config.inquiry = Some(sha256(b"nonce"));
    let (mut replica, step) = R::recover(config, records);
    for action in step.actions {
        if let Action::Sign(body) = action {
            replica.step(NOW, Input::Own(signed(0, body)));
        }
    }
    replica
}

/// The answer of another, which holds these statements.
pub(crate) fn testimony(statements: Vec<Statement>) -> Input {
    let said = statements.into_iter().map(|statement| SignedStatement {
        statement,
        signature: Signature([7; 64]),
    });
    let body = Body::Testimony(Testimony {
        about: ValidatorIndex(0),
        nonce: sha256(b"nonce"),
        certified: Height(0),
        said: said.collect(),
    });
    from(1, body)
}
