//! Parts of a check: they say together what one check of the whole says, and nothing if one is missing or does not fit.

use quorate_audit::{Auditor, BundleReader, CertifiedState, Depth, MergeError, Part, PartError, merge};
use quorate_ledger::{Epoch, Height, Timestamp};

use crate::bundles::{auditor_at, state_file};
use crate::network::{EPOCH_ENDS_AT, LAST, PLAYED, checked};

/// The part of these blocks, checked alone.
fn part(from: u64, to: u64) -> Part {
    let mut auditor = if from == 1 {
        PLAYED.auditor()
    } else {
        let bytes = state_file(from - 1);
        let mut reader = BundleReader::open(bytes.as_slice()).unwrap();
        let state = CertifiedState::read(&mut reader, &PLAYED.genesis)
            .unwrap()
            .unwrap();
        Auditor::new(state, Depth::Whole)
    };
    assert_eq!(checked(&mut auditor, PLAYED.bytes(), to), None);
    auditor.part()
}

fn three() -> [Part; 3] {
    [part(1, 9), part(10, EPOCH_ENDS_AT), part(EPOCH_ENDS_AT + 1, LAST)]
}

/// The code of what is wrong with three parts after a change, and the height.
#[track_caller]
fn refused(change: impl FnOnce(&mut Vec<Part>)) -> (&'static str, u64) {
    let mut parts = three().to_vec();
    change(&mut parts);
    let error = merge(&PLAYED.genesis, &parts).unwrap_err();
    (error.code().unwrap(), error.height().0)
}

#[test]
fn parts_in_any_order_say_what_one_check_says() {
    let [first, second, third] = three();
    let whole = auditor_at(LAST).part();
    for parts in [
        [&first, &second, &third],
        [&third, &first, &second],
        [&second, &third, &first],
    ] {
        let parts: Vec<Part> = parts.into_iter().cloned().collect();
        assert_eq!(merge(&PLAYED.genesis, &parts), Ok(whole.clone()));
    }
    assert_eq!(merge(&PLAYED.genesis, std::slice::from_ref(&whole)), Ok(whole));
}

#[test]
fn parts_that_do_not_fit_say_nothing() {
    assert_eq!(merge(&PLAYED.genesis, &[]), Err(MergeError::Nothing));
    assert_eq!(
        refused(|parts| {
            parts.remove(0);
        }),
        ("other_start", 1)
    );
    assert_eq!(
        refused(|parts| {
            parts.remove(1);
        }),
        ("gap", 10)
    );
    assert_eq!(refused(|parts| parts[1] = part(8, EPOCH_ENDS_AT)), ("overlap", 8));
    let twice = |parts: &mut Vec<Part>| {
        let again = parts[1].clone();
        parts.push(again);
    };
    assert_eq!(refused(twice), ("overlap", 10));
    assert_eq!(
        refused(|parts| parts[2].network.0[0] ^= 1),
        ("other_network", EPOCH_ENDS_AT + 1)
    );
    assert_eq!(
        refused(|parts| parts[0].before.state_root.0[0] ^= 1),
        ("other_start", 1)
    );
    type Change = fn(&mut Part);
    let changes: [Change; 7] = [
        |part| part.before.block.0[3] ^= 1,
        |part| part.before.timestamp = Timestamp(part.before.timestamp.0 + 1),
        |part| part.before.state_root.0[3] ^= 1,
        |part| part.before.log_size += 1,
        |part| part.before.log_root.0[3] ^= 1,
        |part| part.before.epoch = Epoch(7),
        |part| part.before.committee.0[3] ^= 1,
    ];
    for change in changes {
        assert_eq!(refused(|parts| change(&mut parts[1])), ("does_not_follow", 10));
    }
    let other = merge(&crate::page::genesis(), &three()).unwrap_err();
    assert_eq!(other.code(), Some("other_network"));
}

#[test]
fn a_document_says_what_it_was_made_of_and_nothing_else_is_read() {
    let part = part(10, EPOCH_ENDS_AT);
    let document = part.write();
    assert_eq!(Part::read(document.as_bytes()), Ok(part.clone()));
    let json: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(json["format"], 1);
    assert_eq!((&json["from"], &json["to"]), (&10.into(), &EPOCH_ENDS_AT.into()));
    assert_eq!(json["before"]["block"], part.before.block.to_string());
    assert_eq!(json["after"]["epoch"], 1);
    assert_eq!(json["counts"]["blocks"], EPOCH_ENDS_AT - 9);
    let changed = |from: &str, to: &str| {
        assert!(document.contains(from), "{from}");
        Part::read(document.replacen(from, to, 1).as_bytes()).unwrap_err()
    };
    assert_eq!(
        changed("\"format\": 1", "\"format\": 2"),
        PartError::Format { format: 2 }
    );
    assert!(matches!(
        changed("\"from\": 10", "\"from\": 11"),
        PartError::Heights { .. }
    ));
    let to = format!("\"to\": {EPOCH_ENDS_AT}");
    assert!(matches!(changed(&to, "\"to\": 3"), PartError::Heights { .. }));
    assert!(matches!(
        changed("\"counts\"", "\"count\""),
        PartError::Malformed { .. }
    ));
    assert!(matches!(
        changed("\"seals\"", "\"more\": 1, \"seals\""),
        PartError::Malformed { .. }
    ));
    assert!(matches!(Part::read(b"quorate"), Err(PartError::Malformed { .. })));
    assert!(matches!(
        Part::read(&[b' '; 65_537]),
        Err(PartError::TooLong { .. })
    ));
    // One of no blocks fits, too.
    let empty = PLAYED.auditor().part();
    assert_eq!((empty.from, empty.to), (Height(1), Height(0)));
    assert_eq!(Part::read(empty.write().as_bytes()), Ok(empty));
}
