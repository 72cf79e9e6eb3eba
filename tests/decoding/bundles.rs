//! Bundles and parts of an audit, through the whole check of what is in them.

use quorate_audit::{Auditor, BundleReader, BundleWriter, CertifiedState, Depth, MAGIC, Part, StateParts};
use quorate_crypto::sha256;

use crate::printed::CHAINS;

/// Bytes of the payload of an end record, and where its hash begins.
const END: (usize, usize) = (42, 10);

/// A bundle, as it is and with frames' checks and the end's hash that fit: no mutation would ever get these right.
pub(crate) fn bundle(bytes: &[u8]) {
    file(bytes);
    if let Some(mended) = mended(bytes) {
        file(&mended);
    }
}

fn mended(bytes: &[u8]) -> Option<Vec<u8>> {
    let (magic, mut rest) = bytes.split_at_checked(MAGIC.len())?;
    let mut mended = magic.to_vec();
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let count = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (payload, behind) = behind.split_at_checked(count)?;
        let mut payload = payload.to_vec();
        if payload.len() == END.0 && payload.starts_with(&[0, 5]) {
            payload[END.1..].copy_from_slice(&sha256(&mended).0);
        }
        mended.extend_from_slice(length);
        mended.extend_from_slice(&payload);
        mended.extend_from_slice(&sha256(&payload).0[..8]);
        rest = behind.get(8..).unwrap_or_default();
    }
    Some(mended)
}

/// A bundle that can be read to its end has one form, and what is in it is checked by each network's genesis document.
fn file(bytes: &[u8]) {
    let Ok(mut reader) = BundleReader::open(bytes) else {
        return;
    };
    let opening = reader.opening().clone();
    let genesis = reader.genesis().clone();
    let Ok(state) = reader.state() else {
        return;
    };
    let mut blocks = Vec::new();
    let is_whole = loop {
        match reader.block() {
            Ok(Some(block)) => blocks.push(block),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    for chain in CHAINS.iter() {
        let begun = match state.clone() {
            Some(parts) => CertifiedState::check(&chain.genesis, opening.from, parts),
            None => CertifiedState::genesis(&chain.genesis),
        };
        let Ok(begun) = begun else {
            continue;
        };
        let mut auditor = Auditor::new(begun, Depth::Whole);
        for block in &blocks {
            let before = auditor.height();
            if auditor.check(block).is_err() {
                assert_eq!(auditor.height(), before);
                break;
            }
        }
    }
    if !is_whole {
        return;
    }
    let mut again = BundleWriter::begin(Vec::new(), &genesis, opening.from, opening.to).unwrap();
    if let Some(StateParts {
        opening,
        entries,
        leaves,
    }) = state
    {
        again
            .state(opening, entries.into_iter(), leaves.into_iter())
            .unwrap();
    }
    for block in blocks {
        again.block(block).unwrap();
    }
    let (again, _) = again.finish().unwrap();
    assert_eq!(again, bytes, "a second form of one bundle");
}

/// A part that can be read says the same when it is written and read again.
pub(crate) fn part(bytes: &[u8]) {
    let Ok(part) = Part::read(bytes) else {
        return;
    };
    assert_eq!(Part::read(part.write().as_bytes()).as_ref(), Ok(&part));
    for chain in CHAINS.iter() {
        let _ = quorate_audit::merge(&chain.genesis, &[part.clone(), part.clone()]);
    }
}
