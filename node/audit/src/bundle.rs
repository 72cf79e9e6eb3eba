//! Bundles: one file with all that is needed to check a chain, or a range of it, by execution (`docs/formats.md`,
//! section 30). They are written and read frame by frame, so a bundle may be longer than memory.

mod error;
mod reader;
mod writer;

use std::fmt;

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::merkle::Frontier;
use quorate_ledger::limits::{
    MAX_ATTESTED_BELOW, MAX_GENESIS_BYTES, MAX_LOG_ENTRY_BYTES, MAX_PROPOSED_BYTES, MAX_RECOVERY_BYTES,
    MAX_VALUE_BYTES,
};
use quorate_ledger::{CertifiedHeader, Digest, Height, Leaf, LogEntry};
use quorate_verifier::{CommitteeStep, MAX_STEPS};
use serde::{Deserialize, Serialize};

pub use error::BundleError;
pub use reader::BundleReader;
pub use writer::{BundleWriter, Written};

/// How a bundle begins.
pub const MAGIC: [u8; 16] = *b"quorate/bundle/2";

/// The most bytes of a certified block, whatever the parameters say.
pub const MAX_CERTIFIED_BLOCK_BYTES: usize = 3 * MAX_PROPOSED_BYTES as usize + 65_536 + MAX_RECOVERY_BYTES;

/// Items of each frame of a list but the last.
const ITEMS: usize = 1_024;

/// How many headers' hashes a state has beside its head's, at most: fewer only if there are not so many.
pub(crate) const MAX_HEADERS: usize = MAX_ATTESTED_BELOW as usize - 1;

/// Bytes of a frame's payload around what it holds, at most.
const AROUND: usize = 16;

/// Bytes of a frame's check.
const CHECK: usize = 8;

/// One frame. The order of the variants is frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Frame {
    V1(FrameV1),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum FrameV1 {
    Opening(Opening),
    State(Box<StateOpening>),
    Entries(#[serde(deserialize_with = "bounded_vec::<_, _, ITEMS>")] Vec<LogEntry>),
    Leaves(#[serde(deserialize_with = "bounded_vec::<_, _, ITEMS>")] Vec<Leaf>),
    Block(#[serde(with = "serde_bytes")] Vec<u8>),
    End(End),
}

/// What a bundle is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The network's id.
    pub network: Digest,
    /// The genesis document's canonical bytes, of which the id is the hash.
    #[serde(with = "serde_bytes")]
    pub genesis: Vec<u8>,
    /// The height of the first block.
    pub from: Height,
    /// The height of the last one; in a state file, the one before the first.
    pub to: Height,
}

/// A state's frame, before its lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateOpening {
    /// The header of the block after which the state is, with a quorum's seals.
    pub head: CertifiedHeader,
    /// How the committees follow from genesis to the one that sealed it.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_STEPS>")]
    pub committees: Vec<CommitteeStep>,
    /// The hashes of all headers before those that follow.
    pub chain: Frontier,
    /// The hashes of the newest headers before `head`, ascending by height: those that an attestation may name.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_HEADERS>")]
    pub headers: Vec<Digest>,
    /// The transaction log before the entries that the bundle has.
    pub log: Frontier,
    /// How many entries of the log follow: those that a joiner needs to know which ids are spent.
    pub entries: u64,
    /// How many leaves of the state follow: all.
    pub leaves: u64,
}

/// A state with its lists, as a bundle has it. Nothing of it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateParts {
    /// What stands before the lists.
    pub opening: StateOpening,
    /// The newest entries of the log.
    pub entries: Vec<LogEntry>,
    /// The leaves of the state.
    pub leaves: Vec<Leaf>,
}

/// How a bundle ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    blocks: u64,
    sha256: Digest,
}

/// The last thing that was whole, for whoever looks for what is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The file's first bytes.
    Magic,
    /// The opening.
    Opening,
    /// A part of the state, or all of it.
    State,
    /// The block at this height.
    Block(Height),
    /// The end record.
    End,
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("after its first bytes"),
            Self::Opening => f.write_str("after its opening"),
            Self::State => f.write_str("after its state, or in it"),
            Self::Block(height) => write!(f, "after block {height}"),
            Self::End => f.write_str("after its end record"),
        }
    }
}

impl Opening {
    /// How many blocks there are to be; none if the heights are none of a bundle. Whether it may have no block at all
    /// depends on whether it has a state.
    fn count(&self) -> Option<u64> {
        let before = self.from.0.checked_sub(1)?;
        self.to.0.checked_sub(before)
    }
}

/// The most bytes of the payload of a frame whose variant is this; none if there is no such variant.
fn limit_of(variant: u8) -> Option<usize> {
    Some(match variant {
        0 => MAX_GENESIS_BYTES + 1_024,
        1 => 64 << 20,
        2 => ITEMS * MAX_LOG_ENTRY_BYTES + AROUND,
        // A key, a length of three bytes, and the value.
        3 => ITEMS * (32 + 3 + MAX_VALUE_BYTES) + AROUND,
        4 => MAX_CERTIFIED_BLOCK_BYTES + AROUND,
        5 => 64,
        _ => return None,
    })
}

/// How many frames a list of so many items takes.
fn frames_of(items: u64) -> u64 {
    items.div_ceil(ITEMS as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_the_page() {
        let limits: Vec<_> = (0..7).map(limit_of).collect();
        let page = [4_195_328, 67_108_864, 4_325_392, 33_590_288, 234_946_576, 64];
        assert_eq!(limits[..6], page.map(Some));
        assert_eq!(limits[6], None);
    }

    #[test]
    fn a_bundle_has_a_block_for_each_height() {
        let opening = |from, to| Opening {
            network: Digest::ZERO,
            genesis: Vec::new(),
            from: Height(from),
            to: Height(to),
        };
        assert_eq!(opening(1, 1).count(), Some(1));
        assert_eq!(opening(7, 9).count(), Some(3));
        assert_eq!(opening(7, 6).count(), Some(0));
        assert_eq!(opening(7, 5).count(), None);
        assert_eq!(opening(0, 5).count(), None);
        assert_eq!(opening(1, u64::MAX).count(), Some(u64::MAX));
    }
}
