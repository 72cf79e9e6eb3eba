//! Every decoder of bytes from outside, fed with golden encodings that were cut, changed and put together
//! anew. `tests/fuzz` does the same without end and with an eye on the code's branches.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod limits;

use proptest::prelude::*;
use proptest::sample::Index;
use quorate_tests::{DECODERS, Decoder};

/// Mutated encodings for each decoder.
const CASES: u32 = 512;

/// One change of some bytes.
#[derive(Clone, Debug)]
enum Mutation {
    Set(Index, u8),
    Flip(Index, u8),
    Cut(Index),
    Remove(Index, u8),
    Insert(Index, Vec<u8>),
    Repeat(Index, u8),
    Splice(Index, Index, Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    // Numbers where lengths and variants break.
    let byte = || {
        prop_oneof![
            any::<u8>(),
            prop::sample::select(&[0_u8, 1, 0x7f, 0x80, 0xff][..])
        ]
    };
    let index = any::<Index>;
    prop_oneof![
        3 => (index(), byte()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        2 => (index(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        1 => index().prop_map(Mutation::Cut),
        1 => (index(), 1..9_u8).prop_map(|(at, length)| Mutation::Remove(at, length)),
        1 => (index(), prop::collection::vec(byte(), 1..9)).prop_map(|(at, some)| Mutation::Insert(at, some)),
        1 => (index(), 1..65_u8).prop_map(|(at, length)| Mutation::Repeat(at, length)),
        1 => (index(), index(), index()).prop_map(|(seed, at, from)| Mutation::Splice(seed, at, from)),
    ]
}

fn apply(mutation: Mutation, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    if bytes.is_empty() {
        bytes.push(0);
    }
    let length = bytes.len();
    let end = |at: usize, count: u8| length.min(at + usize::from(count));
    match mutation {
        Mutation::Set(at, byte) => bytes[at.index(length)] = byte,
        Mutation::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
        Mutation::Cut(at) => bytes.truncate(at.index(length)),
        Mutation::Remove(at, count) => {
            let at = at.index(length);
            bytes.drain(at..end(at, count));
        }
        Mutation::Insert(at, some) => {
            let at = at.index(length);
            bytes.splice(at..at, some);
        }
        Mutation::Repeat(at, count) => {
            let at = at.index(length);
            let again = bytes[at..end(at, count)].to_vec();
            bytes.splice(at..at, again);
        }
        Mutation::Splice(seed, at, from) => {
            let other = seed.get(seeds);
            bytes.truncate(at.index(length));
            bytes.extend_from_slice(&other[from.index(other.len())..]);
        }
    }
}

fn feed(decoder: &Decoder) {
    let seeds = (decoder.seeds)();
    assert!(!seeds.is_empty(), "{} has no seeds", decoder.name);
    seeds.iter().for_each(|seed| (decoder.run)(seed));
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(CASES)
    };
    proptest!(config, |(seed in any::<Index>(), mutations in prop::collection::vec(mutation(), 1..6))| {
        let mut bytes = seed.get(&seeds).clone();
        for mutation in mutations {
            apply(mutation, &mut bytes, &seeds);
        }
        (decoder.run)(&bytes);
    });
}

#[test]
fn no_decoder_panics_or_takes_a_second_encoding_of_anything() {
    DECODERS.iter().for_each(feed);
}

/// Each has a fuzz target, and each target a decoder.
#[test]
fn every_decoder_is_fuzzed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/targets");
    let mut targets: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    targets.sort();
    let mut decoders: Vec<&str> = DECODERS.iter().map(|decoder| decoder.name).collect();
    decoders.sort_unstable();
    assert_eq!(targets, decoders);
}
