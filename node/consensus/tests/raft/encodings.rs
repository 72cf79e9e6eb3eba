//! Encodings: frozen, and total.

use proptest::prelude::*;
use quorate_consensus::contract::Record;
use quorate_consensus::message::MAX_MESSAGE_BYTES;
use quorate_consensus::raft::{self, Body as Raft, MAX_ENTRIES, Replica, Term};
use quorate_consensus::{Message, SignedStatement};
use quorate_crypto::{Epoch, Height, ValidatorIndex, sha256};
use quorate_ledger::{Proposal, Timestamp, decode, encode};

use crate::crash_tolerant::*;
use crate::lab::*;

fn every_body() -> Vec<Raft> {
    vec![
        asks(3, false, 4, (6, 2)),
        vote(3, 1, false, true),
        append(3, (4, 2), &[2, 3], 4),
        appended(3, 1, true, 6),
        Raft::TimeoutNow {
            term: Term(3),
            successor: ValidatorIndex(2),
        },
    ]
}

#[test]
fn golden_encodings() {
    let term = raft::Record::Term {
        term: Term(3),
        voted_for: Some(ValidatorIndex(1)),
    };
    let entry = raft::Record::Entry {
        index: Height(4),
        previous: Term(2),
        entry: entry(3, 4),
    };
    let records = [term, entry].map(|record| Record::Raft(Epoch(1), record));
    let lines = encodings(every_body(), records);
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_statement_is_signed_as_the_message_that_said_it() {
    check_statements(every_body());
}

/// Whatever else is said binds nobody, and waits for no disk.
#[test]
fn what_must_not_be_forgotten_follows_records() {
    let mut bodies = every_body();
    bodies.extend([
        asks(3, true, 4, (6, 2)),
        vote(3, 1, true, true),
        vote(3, 1, false, false),
        append(3, (4, 2), &[], 4),
        appended(3, 1, false, 6),
        appended(3, 1, true, 0),
    ]);
    for body in bodies {
        let message = message(body.clone());
        let binds = SignedStatement::of(&message).is_some();
        assert_eq!(message.v1().body.follows_records(), binds, "{body:?}");
    }
}

#[test]
fn what_is_encoded_is_decoded_again() {
    check_decoded(every_body());
}

#[test]
fn an_append_with_too_many_entries_is_no_message_and_the_largest_fits() {
    let largest = Proposal::new(Timestamp(1), vec![sha256(b"batch"); 256]);
    let with = |count: usize| {
        let Raft::AppendEntries(mut append) = append(3, (4, 2), &[], 4) else {
            unreachable!("it is one");
        };
        let entry = raft::Entry {
            term: Term(3),
            proposal: largest.clone(),
        };
        append.entries = vec![entry; count];
        encode(&message(Raft::AppendEntries(append)))
    };
    assert!(decode::<Message>(&with(MAX_ENTRIES), MAX_MESSAGE_BYTES).is_ok());
    assert!(decode::<Message>(&with(MAX_ENTRIES + 1), MAX_MESSAGE_BYTES).is_err());
}

proptest! {
    #[test]
    fn pitfall_25_damaged_messages_panic_nothing(place in 0..5usize, at in any::<usize>(), byte in any::<u8>()) {
        take_damaged::<Replica>(every_body().swap_remove(place), at, byte);
    }
}
