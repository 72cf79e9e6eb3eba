//! A piece of the state: the leaves under a prefix, and the way from there to the root.

use std::collections::BTreeMap;

use quorate_ledger::{Prefix, PrefixPath, StateKey, StateReader as _};

use super::{Flaw, LOOKUP_BYTES, STEP_BYTES, Step};
use crate::Snapshot;
use crate::proofs::StatePaths;

/// The most leaves of a piece.
const PIECE: usize = 1_024;

/// Bits of a key.
const KEY_BITS: u16 = 256;

/// Rows of the state.
struct Rows {
    found: Vec<(StateKey, Vec<u8>)>,
    /// The first key that is not among them.
    beyond: Option<StateKey>,
}

/// Looks at the leaves from a key on, as many as a piece has. Gives what it found, and the key to go on from; none at
/// the end, and the same key if the tree is not where the chain is.
pub(super) fn look_at_piece(
    snapshot: &Snapshot,
    tree: &impl StatePaths,
    from: StateKey,
    step: &mut Step,
) -> (Result<(), Flaw>, Option<StateKey>) {
    let rows = match read(snapshot, from, step) {
        Ok(rows) => rows,
        // How many there are is not known: the rest is left to the next pass.
        Err(flaw) => return (Err(flaw), None),
    };
    let prefix = piece_of(from, rows.beyond);
    match tree.path_at(snapshot.height(), &prefix) {
        Some(path) => (compare(snapshot, path, &prefix, rows), behind(&prefix)),
        None => (Ok(()), Some(from)),
    }
}

/// Checks that the rows under a prefix, all of them, lead to the root.
fn compare(snapshot: &Snapshot, path: PrefixPath, prefix: &Prefix, rows: Rows) -> Result<(), Flaw> {
    let rows = rows.found.into_iter();
    let under: BTreeMap<StateKey, Vec<u8>> = rows.filter(|(key, _)| prefix.covers(key)).collect();
    let keys = path.keys().filter(|key| prefix.covers(key)).count();
    if under.len() != keys {
        return Err(Flaw::Other(format!(
            "{} leaves under {prefix}, there should be {keys}",
            under.len()
        )));
    }
    let proof = path.with_values(|key| match under.get(key) {
        Some(value) => Ok(value.clone()),
        // Beside the prefix: it shows that nothing is under it.
        None => snapshot
            .value(key)?
            .ok_or_else(|| Flaw::Other(format!("the leaf under {key} is missing"))),
    })?;
    match proof.verify(&snapshot.state_root()) {
        Ok(_) => Ok(()),
        Err(error) => Err(Flaw::Other(format!("the leaves under {prefix}: {error}"))),
    }
}

/// The rows from a key on, as many as a piece may have.
fn read(snapshot: &Snapshot, from: StateKey, step: &mut Step) -> Result<Rows, Flaw> {
    let mut found = Vec::new();
    let mut bytes = 0_usize;
    let mut beyond = None;
    for row in snapshot.state_range(from.as_bytes().to_vec(), None) {
        let (key, value) = row?;
        if found.len() >= PIECE || bytes >= STEP_BYTES {
            beyond = Some(key);
            break;
        }
        bytes = bytes.saturating_add(key.as_bytes().len() + value.len());
        found.push((key, value));
    }
    step.bytes = bytes as u64;
    step.cost = step.bytes.saturating_add(LOOKUP_BYTES);
    Ok(Rows { found, beyond })
}

/// The widest prefix that begins at a key and does not reach another one.
fn piece_of(from: StateKey, beyond: Option<StateKey>) -> Prefix {
    let bits_of_key = (0..KEY_BITS).rev().find(|bit| is_set(&from, *bit));
    let least = bits_of_key.map_or(0, |bit| bit + 1);
    let parting =
        beyond.and_then(|beyond| (0..KEY_BITS).find(|bit| is_set(&from, *bit) != is_set(&beyond, *bit)));
    Prefix {
        bits: parting.map_or(least, |bit| least.max(bit + 1)),
        key: from.0,
    }
}

/// The first key behind all that a prefix covers; none at the end.
fn behind(prefix: &Prefix) -> Option<StateKey> {
    let mut key = prefix.key;
    // Counting up in the prefix's last bit.
    for bit in (0..prefix.bits).rev() {
        let (byte, mask) = (usize::from(bit / 8), 0x80_u8 >> (bit % 8));
        if key[byte] & mask == 0 {
            key[byte] |= mask;
            return Some(StateKey(key));
        }
        key[byte] &= !mask;
    }
    None
}

fn is_set(key: &StateKey, bit: u16) -> bool {
    key.0[usize::from(bit / 8)] & (0x80 >> (bit % 8)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(front: &[u8]) -> StateKey {
        let mut key = [0; 32];
        key[..front.len()].copy_from_slice(front);
        StateKey(key)
    }

    /// The pieces into which keys are cut, each of at most `most` of them.
    fn pieces(keys: &[StateKey], most: usize) -> Vec<usize> {
        let (mut from, mut sizes) = (StateKey([0; 32]), Vec::new());
        loop {
            let rest: Vec<StateKey> = keys.iter().copied().filter(|key| *key >= from).collect();
            let prefix = piece_of(from, rest.get(most).copied());
            let under = rest.iter().take_while(|key| prefix.covers(key)).count();
            assert!(under <= most && prefix.is_well_formed(), "{prefix}");
            let none_skipped = rest.iter().skip(under).all(|key| !prefix.covers(key));
            assert!(none_skipped, "{prefix}");
            sizes.push(under);
            match behind(&prefix) {
                Some(next) => {
                    assert!(next > from);
                    from = next;
                }
                None => return sizes,
            }
        }
    }

    #[test]
    fn pieces_cover_every_key_once_and_none_is_too_large() {
        let dense: Vec<StateKey> = (0..200_u8).map(|byte| key(&[1, byte])).collect();
        let ends = [key(&[0]), StateKey([0xff; 32])];
        let deep: Vec<StateKey> = (0..9_u8)
            .map(|byte| key(&[&[7; 30][..], &[byte]].concat()))
            .collect();
        for keys in [&[][..], &dense, &ends, &deep] {
            for most in [1, 3, 64, 1_000] {
                assert_eq!(pieces(keys, most).iter().sum::<usize>(), keys.len());
            }
        }
        assert_eq!(pieces(&dense, 1_000), [200], "all in one piece");
    }

    #[test]
    fn the_last_prefix_has_nothing_behind_it() {
        assert_eq!(
            behind(&Prefix {
                bits: 0,
                key: [0; 32]
            }),
            None
        );
        assert_eq!(behind(&Prefix::of_key(&StateKey([0xff; 32]))), None);
        assert_eq!(behind(&Prefix::kind(1)), Some(key(&[2])));
        assert_eq!(behind(&Prefix::of_key(&key(&[1]))).map(|key| key.0[31]), Some(1));
    }
}
