//! States that a check begins with: what is written is what was certified, wherever it is cut; and what is altered in it
//! is refused, by the condition that does not hold.

use quorate_audit::{Auditor, BundleReader, CertifiedState, Depth, StateParts};
use quorate_ledger::{Height, LogEntry, Outcome};
use quorate_verifier::CommitteeStep;

use crate::bundles::{auditor_at, state_file};
use crate::network::{EPOCH_ENDS_AT, LAST, Network, PLAYED, checked};

/// The parts of the state after the block at a height.
fn parts(height: u64) -> StateParts {
    let bytes = state_file(height);
    let mut reader = BundleReader::open(bytes.as_slice()).unwrap();
    let parts = reader.state().unwrap().unwrap();
    assert_eq!(reader.block().unwrap(), None);
    parts
}

/// The code with which a state after the block at a height is refused once it was changed.
#[track_caller]
fn refused(height: u64, change: impl FnOnce(&mut StateParts)) -> &'static str {
    let mut parts = parts(height);
    change(&mut parts);
    let finding = CertifiedState::check(&PLAYED.genesis, Height(height + 1), parts).unwrap_err();
    assert_eq!(finding.height, Height(height), "{finding}");
    finding.code
}

#[test]
fn a_check_goes_on_from_any_certified_state_as_if_it_had_begun_with_genesis() {
    let whole = auditor_at(LAST).part();
    for height in [
        1,
        2,
        5,
        11,
        EPOCH_ENDS_AT - 1,
        EPOCH_ENDS_AT,
        EPOCH_ENDS_AT + 1,
        LAST - 1,
    ] {
        let before = auditor_at(height);
        let parts = parts(height);
        // Before the new epoch has a block, nothing led to who sealed the state.
        let steps = usize::from(height > EPOCH_ENDS_AT);
        assert_eq!(parts.opening.committees.len(), steps, "at {height}");
        let state = CertifiedState::check(&PLAYED.genesis, Height(height + 1), parts).unwrap();
        assert_eq!(state.boundary(), before.part().after);
        assert!(state.leaves().eq(before.state().leaves()));
        let mut auditor = Auditor::new(state, Depth::Whole);
        assert_eq!(checked(&mut auditor, PLAYED.bytes(), LAST), None, "from {height}");
        let part = auditor.part();
        assert_eq!((part.from, part.after), (Height(height + 1), whole.after));
        // And what it writes later is what the other writes.
        let written = auditor
            .state()
            .write(Vec::new(), &PLAYED.genesis)
            .unwrap()
            .unwrap()
            .0;
        assert!(written == state_file(LAST), "from {height}");
    }
}

/// As for recent ids: an attestation names a block that may be a thousand below it.
#[test]
fn blocks_that_attestations_may_name_are_part_of_a_state() {
    let network = Network::attested();
    let executed = &network.blocks[8].v1().block.v1().executed;
    assert!(
        matches!(executed[0].outcome, Outcome::Success { .. }),
        "{executed:?}"
    );
    let mut whole = network.auditor();
    assert_eq!(checked(&mut whole, network.bytes(), 10), None);
    for height in 2..9 {
        let mut before = network.auditor();
        assert_eq!(checked(&mut before, network.bytes(), height), None);
        let written = before.state().write(Vec::new(), &network.genesis).unwrap();
        let (bytes, _) = written.unwrap();
        let mut reader = BundleReader::open(bytes.as_slice()).unwrap();
        let state = CertifiedState::read(&mut reader, &network.genesis)
            .unwrap()
            .unwrap();
        let mut auditor = Auditor::new(state, Depth::Whole);
        assert_eq!(checked(&mut auditor, network.bytes(), 10), None, "from {height}");
        assert_eq!(auditor.part().after, whole.part().after);
    }
}

#[test]
fn of_a_longer_chain_a_state_has_the_headers_that_can_still_be_named() {
    let network = Network::of_empty_blocks(1_003);
    let mut auditor = network.auditor();
    let state_at = |auditor: &Auditor| {
        let (bytes, _) = auditor
            .state()
            .write(Vec::new(), &network.genesis)
            .unwrap()
            .unwrap();
        bytes
    };
    for (height, one_by_one) in [(1, 0), (2, 1), (1_000, 999), (1_001, 999), (1_003, 999)] {
        assert_eq!(checked(&mut auditor, network.bytes(), height), None);
        let bytes = state_at(&auditor);
        let mut reader = BundleReader::open(bytes.as_slice()).unwrap();
        let parts = reader.state().unwrap().unwrap();
        let (chain, headers) = (&parts.opening.chain, &parts.opening.headers);
        assert_eq!(headers.len() as u64, one_by_one, "at {height}");
        assert_eq!(chain.length(), height - 1 - one_by_one, "at {height}");
        let newest = headers.last().copied().filter(|_| height > 1);
        let before = usize::try_from(height).unwrap().checked_sub(2);
        assert_eq!(
            newest,
            before.map(|place| network.blocks[place].v1().block.hash())
        );
        // A check that goes on from it writes the same.
        let state = CertifiedState::check(&network.genesis, Height(height + 1), parts).unwrap();
        let mut later = Auditor::new(state, Depth::Whole);
        assert!(state_at(&later) == bytes, "at {height}");
        if height == 1_001 {
            assert_eq!(checked(&mut later, network.bytes(), 1_003), None);
            let mut whole = network.auditor();
            assert_eq!(checked(&mut whole, network.bytes(), 1_003), None);
            assert!(state_at(&later) == state_at(&whole));
        }
    }
}

#[test]
fn a_block_that_only_the_epoch_before_would_not_allow_is_good() {
    let network = Network::widened();
    let last = network.blocks.len() as u64;
    let mut auditor = network.auditor();
    assert_eq!(checked(&mut auditor, network.bytes(), last), None);
    assert_eq!(auditor.height(), Height(last));
}

/// Pitfall 36: a joiner from a snapshot that lacked recent ids executed a duplicate.
#[test]
fn pitfall_36_recent_ids_are_part_of_a_state() {
    // The block after each of these has a copy of a transaction of the block before.
    for height in [9, 10] {
        let parts = parts(height);
        let ids = parts.entries.iter().filter_map(LogEntry::transaction).count();
        assert!(ids > 10, "{ids}");
        let code = refused(height, |parts| {
            // The log is whole, but its end is not shown.
            let mut log = parts.opening.log.clone();
            for entry in parts.entries.drain(..) {
                log.push_hash(entry.leaf_hash());
            }
            (parts.opening.log, parts.opening.entries) = (log, 0);
        });
        assert_eq!(code, "log");
    }
}

#[test]
fn what_is_altered_in_a_state_is_refused() {
    let at = EPOCH_ENDS_AT + 3;
    let value = |parts: &mut StateParts| parts.leaves[3].value.push(0);
    assert_eq!(refused(at, value), "state");
    let left_out = |parts: &mut StateParts| drop(parts.leaves.remove(5));
    assert_eq!(refused(at, left_out), "state");
    assert_eq!(refused(at, |parts| parts.leaves.swap(2, 3)), "state");
    let twice = |parts: &mut StateParts| {
        let again = parts.leaves[4].clone();
        parts.leaves.insert(4, again);
    };
    assert_eq!(refused(at, twice), "state");
    let seal = |parts: &mut StateParts| parts.opening.head.seals[0].signature.0[5] ^= 1;
    assert_eq!(refused(at, seal), "certificate");
    assert_eq!(
        refused(at, |parts| {
            parts.opening.head.seals.pop();
        }),
        "certificate"
    );
    let chain = |parts: &mut StateParts| parts.opening.chain.push(&[0; 32]);
    assert_eq!(refused(at, chain), "chain_root");
    assert_eq!(
        refused(at, |parts| parts.opening.headers[2].0[0] ^= 1),
        "chain_root"
    );
    // The same hashes in another form.
    let older = |parts: &mut StateParts| {
        let first = parts.opening.headers.remove(0);
        parts.opening.chain.push(&first.0);
    };
    assert_eq!(refused(at, older), "chain_root");
    assert_eq!(
        refused(at, |parts| parts.opening.committees.clear()),
        "committees"
    );
    let step = |parts: &mut StateParts| {
        let CommitteeStep::Certificate { head, .. } = &mut parts.opening.committees[0] else {
            panic!("no recovery is there");
        };
        head.seals[1].signature.0[5] ^= 1;
    };
    assert_eq!(refused(at, step), "committees");
    // One that leads further than to who sealed the state.
    let steps = parts(at).opening.committees;
    assert_eq!(
        refused(EPOCH_ENDS_AT, |parts| parts.opening.committees = steps),
        "committees"
    );
    let entry = |parts: &mut StateParts| {
        let LogEntry::V1(quorate_ledger::LogEntryV1::Transaction(logged)) = &mut parts.entries[2] else {
            panic!("no recovery is there");
        };
        logged.expires_at.0 += 1;
    };
    assert_eq!(refused(at, entry), "log");
    assert_eq!(refused(at, |parts| drop(parts.entries.pop())), "log");
    // The first is there only to show that it is too old; one more would be another form of the same.
    let first = |parts: &mut StateParts| {
        let first = parts.entries.remove(0);
        parts.opening.log.push_hash(first.leaf_hash());
    };
    assert_eq!(refused(at, first), "log");
}

#[test]
fn a_state_is_of_the_block_before_and_of_this_network() {
    let parts = parts(7);
    let finding = CertifiedState::check(&PLAYED.genesis, Height(9), parts.clone()).unwrap_err();
    assert_eq!(finding.code, "certificate");
    let finding = CertifiedState::check(&crate::page::genesis(), Height(8), parts).unwrap_err();
    assert_eq!(finding.code, "other_network");
}

#[test]
fn what_keeps_no_log_checks_the_same_and_is_not_written() {
    let mut auditor = PLAYED.auditor().without_log();
    assert_eq!(checked(&mut auditor, PLAYED.bytes(), LAST), None);
    assert_eq!(auditor.part(), auditor_at(LAST).part());
    assert!(!auditor.state().can_be_written());
    assert!(
        auditor
            .state()
            .write(Vec::new(), &PLAYED.genesis)
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_check_that_goes_on_later_says_what_one_says_that_did_not_stop() {
    let first = auditor_at(13);
    let part = first.part();
    let state = CertifiedState::check(&PLAYED.genesis, Height(14), parts(13)).unwrap();
    let mut later = Auditor::resume(&part, state.clone(), Depth::Whole).unwrap();
    assert_eq!(checked(&mut later, PLAYED.bytes(), LAST), None);
    assert_eq!(later.part(), auditor_at(LAST).part());
    // A state of another block does not go with it.
    assert!(Auditor::resume(&auditor_at(12).part(), state, Depth::Whole).is_none());
}
