//! Bundles: what is written is read again, by one form alone; what is torn or altered is found.

use std::io::{self, Read};
use std::ops::ControlFlow;

use quorate_audit::{
    Auditor, BundleBlocks, BundleError, BundleReader, BundleWriter, CertifiedState, Depth, Ended, MAGIC,
    NotACertifiedState, StateParts, check_chain,
};
use quorate_ledger::Height;

use crate::network::{EPOCH_ENDS_AT, LAST, PLAYED, checked};

/// The check after the block at a height.
pub(crate) fn auditor_at(height: u64) -> Auditor {
    let mut auditor = PLAYED.auditor();
    assert_eq!(checked(&mut auditor, PLAYED.bytes(), height), None);
    auditor
}

/// The state file after the block at a height.
pub(crate) fn state_file(height: u64) -> Vec<u8> {
    let written = auditor_at(height)
        .state()
        .write(Vec::new(), &PLAYED.genesis)
        .unwrap();
    written.unwrap().0
}

/// The bundle of these blocks, with a state unless they begin with block 1.
pub(crate) fn bundle(from: u64, to: u64) -> Vec<u8> {
    let mut writer = BundleWriter::begin(Vec::new(), &PLAYED.genesis, Height(from), Height(to)).unwrap();
    if from > 1 {
        auditor_at(from - 1).state().write_into(&mut writer).unwrap();
    }
    for height in from..=to {
        let place = usize::try_from(height - 1).unwrap();
        writer.block(PLAYED.bytes()[place].clone()).unwrap();
    }
    writer.finish().unwrap().0
}

/// All that a bundle has.
fn read(bytes: &[u8]) -> Result<(Option<StateParts>, Vec<Vec<u8>>), BundleError> {
    let mut reader = BundleReader::open(bytes)?;
    let state = reader.state()?;
    let mut blocks = Vec::new();
    while let Some(block) = reader.block()? {
        blocks.push(block);
    }
    Ok((state, blocks))
}

/// The code with which a bundle is not read.
#[track_caller]
fn refused(bytes: &[u8]) -> &'static str {
    read(bytes).unwrap_err().code().unwrap()
}

/// Where the frames begin, the first after the first bytes.
fn frames(bundle: &[u8]) -> Vec<usize> {
    let mut places = Vec::new();
    let mut at = MAGIC.len();
    while at < bundle.len() {
        places.push(at);
        let length = u32::from_le_bytes(*bundle[at..].first_chunk().unwrap());
        at += 4 + usize::try_from(length).unwrap() + 8;
    }
    assert_eq!(at, bundle.len());
    places
}

/// A frame with a check that fits.
fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
    let check = quorate_crypto::sha256(payload);
    [&length, payload, &check.0[..8]].concat()
}

#[test]
fn what_is_written_is_read_again_and_has_one_form() {
    for (from, to) in [(1, LAST), (1, 1), (8, 20), (EPOCH_ENDS_AT + 2, LAST)] {
        let bytes = bundle(from, to);
        let (state, blocks) = read(&bytes).unwrap();
        assert_eq!(state.is_some(), from > 1);
        let places = usize::try_from(from - 1).unwrap()..usize::try_from(to).unwrap();
        assert_eq!(blocks, PLAYED.bytes()[places]);
        let mut again = BundleWriter::begin(Vec::new(), &PLAYED.genesis, Height(from), Height(to)).unwrap();
        if let Some(parts) = state {
            let StateParts {
                opening,
                entries,
                leaves,
            } = parts;
            again
                .state(opening, entries.into_iter(), leaves.into_iter())
                .unwrap();
        }
        for block in blocks {
            again.block(block).unwrap();
        }
        let (again, written) = again.finish().unwrap();
        assert!(again == bytes);
        assert_eq!(
            (written.blocks, written.bytes),
            (to - from + 1, bytes.len() as u64)
        );
    }
}

#[test]
fn a_chain_is_checked_from_a_bundle_alone() {
    let whole = auditor_at(LAST).part();
    let bytes = bundle(1, LAST);
    let mut reader = BundleReader::open(bytes.as_slice()).unwrap();
    assert_eq!(reader.genesis(), &PLAYED.genesis);
    assert!(reader.state().unwrap().is_none());
    let mut auditor = PLAYED.auditor();
    let go_on = &mut |_: &Auditor| ControlFlow::Continue(());
    check_chain(
        &mut auditor,
        &mut BundleBlocks::new(reader),
        Height(LAST),
        2,
        go_on,
    )
    .unwrap();
    assert_eq!(auditor.part(), whole);

    // From within, with a state that it does not have.
    let reader = BundleReader::open(bytes.as_slice()).unwrap();
    let mut auditor = auditor_at(9);
    check_chain(&mut auditor, &mut BundleBlocks::new(reader), Height(20), 2, go_on).unwrap();
    assert_eq!(auditor.height(), Height(20));
}

#[test]
fn a_bundle_with_a_state_is_a_part_of_its_own() {
    let bytes = bundle(8, 20);
    let mut reader = BundleReader::open(bytes.as_slice()).unwrap();
    let state = CertifiedState::read(&mut reader, &PLAYED.genesis)
        .unwrap()
        .unwrap();
    let mut auditor = Auditor::new(state, Depth::Whole);
    let go_on = &mut |_: &Auditor| ControlFlow::Continue(());
    check_chain(&mut auditor, &mut BundleBlocks::new(reader), Height(20), 2, go_on).unwrap();
    let part = auditor.part();
    assert_eq!((part.from, part.to), (Height(8), Height(20)));
    assert_eq!(part.before, auditor_at(7).part().after);
    assert_eq!(part.after, auditor_at(20).part().after);
}

#[test]
fn a_torn_bundle_is_named_wherever_it_ends() {
    for bytes in [bundle(1, 3), bundle(8, 9), state_file(8)] {
        for end in (0..bytes.len()).rev().step_by(31) {
            let expected = if end < MAGIC.len() { "not_a_bundle" } else { "torn" };
            assert_eq!(refused(&bytes[..end]), expected, "{end} of {} bytes", bytes.len());
        }
        for end in frames(&bytes) {
            assert_eq!(refused(&bytes[..end]), "torn");
        }
    }
    // It says after which block.
    let bytes = bundle(1, 3);
    let end = *frames(&bytes).last().unwrap();
    let words = read(&bytes[..end]).unwrap_err().to_string();
    assert!(words.contains("after block 3"), "{words}");
    // As a source it gives what is whole, and then the reason.
    let reader = BundleReader::open(&bytes[..end]).unwrap();
    let mut auditor = PLAYED.auditor();
    let go_on = &mut |_: &Auditor| ControlFlow::Continue(());
    let ended = check_chain(&mut auditor, &mut BundleBlocks::new(reader), Height(3), 2, go_on).unwrap_err();
    assert!(
        matches!(ended, Ended::Source(BundleError::Torn { .. })),
        "{ended:?}"
    );
    assert_eq!(auditor.height(), Height(3));
}

#[test]
fn an_altered_byte_is_found_wherever_it_is() {
    for bytes in [bundle(1, 2), state_file(3)] {
        for place in (0..bytes.len()).step_by(17) {
            let mut altered = bytes.clone();
            altered[place] ^= 0x10;
            assert!(read(&altered).is_err(), "byte {place} of {}", bytes.len());
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(refused(&longer), "malformed");
    }
    let mut altered = bundle(1, 2);
    let second_block = frames(&altered)[2];
    altered[second_block + 100] ^= 1;
    let error = read(&altered).unwrap_err();
    assert_eq!(error.code(), Some("damaged"));
    assert!(error.to_string().contains("after block 1"), "{error}");
    let finding = error.finding(Height(2)).unwrap();
    assert_eq!(
        (finding.height, finding.place.as_str()),
        (Height(2), "the bundle")
    );
}

#[test]
fn frames_are_as_the_page_says_and_no_others() {
    let bytes = bundle(8, 9);
    let places = frames(&bytes);
    // Opening, state, a frame of entries and one of leaves, two blocks, the end.
    assert_eq!(places.len(), 7);
    let part = |place: usize| {
        let end = places.get(place + 1).copied().unwrap_or(bytes.len());
        bytes[places[place]..end].to_vec()
    };
    let put_together = |parts: &[usize]| {
        let parts: Vec<Vec<u8>> = parts.iter().map(|place| part(*place)).collect();
        [MAGIC.to_vec(), parts.concat()].concat()
    };
    assert!(put_together(&[0, 1, 2, 3, 4, 5, 6]) == bytes);
    for parts in [
        &[1, 2, 3, 4, 5, 6][..],
        &[0, 0, 1, 2, 3, 4, 5, 6],
        &[0, 2, 3, 4, 5, 6],
        &[0, 1, 3, 4, 5, 6],
        &[0, 1, 2, 4, 5, 6],
        &[0, 1, 2, 2, 3, 4, 5, 6],
        &[0, 1, 2, 3, 3, 4, 5, 6],
        &[0, 1, 2, 3, 4, 1, 5, 6],
        &[0, 1, 2, 3, 4, 5, 5, 6],
        &[0, 1, 2, 3, 4, 5, 6, 6],
        &[0, 6],
    ] {
        assert_eq!(refused(&put_together(parts)), "malformed", "{parts:?}");
    }
    // A block fewer is counted; without the state the hash is another.
    assert_eq!(refused(&put_together(&[0, 1, 2, 3, 4, 6])), "count");
    assert_eq!(refused(&put_together(&[0, 4, 5, 6])), "hash");
    // Kinds and versions that there are not, and lengths that none has.
    let behind = |frame: &[u8]| [put_together(&[0]), frame.to_vec()].concat();
    assert_eq!(refused(&behind(&frame(&[0, 6]))), "malformed");
    assert_eq!(refused(&behind(&frame(&[1, 4]))), "malformed");
    assert_eq!(refused(&behind(&frame(&[0]))), "malformed");
    assert_eq!(refused(&behind(&frame(&[0, 4, 0x80, 0]))), "malformed");
    // What is announced is not waited for, nor is memory taken for it.
    for (length, kind) in [(u32::MAX, 4_u8), (65, 5), (235_000_000, 4), (67_108_865, 1)] {
        let head = [&length.to_le_bytes()[..], &[0, kind]].concat();
        assert_eq!(refused(&behind(&head)), "malformed", "{length}");
    }
    let head = [&200_000_000_u32.to_le_bytes()[..], &[0, 4]].concat();
    assert_eq!(refused(&behind(&head)), "torn");
}

#[test]
fn heights_and_documents_that_do_not_fit_are_refused() {
    for (from, to) in [(0, 3), (5, 3), (1, 0)] {
        let writer = BundleWriter::begin(Vec::new(), &PLAYED.genesis, Height(from), Height(to)).unwrap();
        assert_eq!(
            refused(&writer.finish().unwrap().0),
            "malformed",
            "{from} to {to}"
        );
    }
    // Without a state there must be blocks.
    let writer = BundleWriter::begin(Vec::new(), &PLAYED.genesis, Height(5), Height(4)).unwrap();
    assert_eq!(refused(&writer.finish().unwrap().0), "malformed");
    // Another network's document under this network's id.
    let bytes = bundle(1, 1);
    let mut altered = bytes[..frames(&bytes)[1]].to_vec();
    let payload = altered[MAGIC.len() + 4..altered.len() - 8].to_vec();
    let mut other = payload.clone();
    other[5] ^= 1;
    altered.truncate(MAGIC.len());
    altered.extend(frame(&other));
    assert_eq!(refused(&altered), "malformed");
}

#[test]
fn a_state_of_another_network_is_not_taken() {
    let bytes = state_file(8);
    let mut reader = BundleReader::open(bytes.as_slice()).unwrap();
    let page = crate::page::genesis();
    match CertifiedState::read(&mut reader, &page).unwrap_err() {
        NotACertifiedState::State(finding) => assert_eq!(finding.code, "other_network"),
        other => panic!("{other}"),
    }
}

#[test]
fn an_input_that_fails_is_no_finding() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("no such luck"))
        }
    }
    let error = BundleReader::open(Failing).err().unwrap();
    assert!(matches!(error, BundleError::Read(_)));
    assert!(error.finding(Height(1)).is_none());
}
