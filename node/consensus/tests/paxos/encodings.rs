//! Encodings: frozen, and total.

use proptest::prelude::*;
use quorate_consensus::Message;
use quorate_consensus::contract::Record;
use quorate_consensus::message::MAX_MESSAGE_BYTES;
use quorate_consensus::paxos::{self, Body as Paxos, MAX_PROMISED, MAX_VALUES, Replica};
use quorate_crypto::{Epoch, sha256};
use quorate_ledger::{Proposal, Timestamp, decode, encode};

use crate::crash_tolerant::*;
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

#[test]
fn golden_encodings() {
    let promised = paxos::Record::Promised(ballot(3, 2));
    let accepted = paxos::Record::Accepted(accepted_value(5, ballot(2, 1)));
    let records = [promised, accepted].map(|record| Record::Paxos(Epoch(1), record));
    let lines = encodings(every_body(), records);
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_statement_is_signed_as_the_message_that_said_it() {
    assert_eq!(check_statements(every_body()), 3);
}

#[test]
fn what_is_encoded_is_decoded_again() {
    check_decoded(every_body());
}

#[test]
fn a_message_with_too_many_values_is_none_and_the_largest_fits() {
    let largest = Proposal::new(Timestamp(1), vec![sha256(b"batch"); 256]);
    let is_message = |body: Paxos| decode::<Message>(&encode(&message(body)), MAX_MESSAGE_BYTES).is_ok();
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
        take_damaged::<Replica>(every_body().swap_remove(place), at, byte);
    }
}
