//! What a check of a range of blocks found, as a document, and how ranges are put together (`docs/formats.md`,
//! section 30).

use quorate_genesis::Genesis;
use quorate_ledger::{Digest, Epoch, Height, Timestamp, Tip};
use serde::{Deserialize, Serialize};

/// The most bytes of a part's document.
pub const MAX_PART_BYTES: usize = 64 << 10;

/// The version of the document.
const FORMAT: u32 = 1;

/// What was found of a range: all of it is good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The version of the document: 1.
    pub format: u32,
    /// The network's id.
    pub network: Digest,
    /// The height of the first block that was checked.
    pub from: Height,
    /// The height of the last one; the one before `from` if there was none to check.
    pub to: Height,
    /// What holds before the first block.
    pub before: Boundary,
    /// What holds after the last one.
    pub after: Boundary,
    /// How much was checked.
    pub counts: Counts,
}

/// What holds after a block. The block's hash fixes all else, and all that came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boundary {
    /// The block's height, 0 at genesis.
    pub height: Height,
    /// Its hash; at genesis the network's id.
    pub block: Digest,
    /// Its time, in milliseconds since 1970; at genesis the document's.
    pub timestamp: Timestamp,
    /// The root of the state after it.
    pub state_root: Digest,
    /// Entries of the transaction log after it.
    pub log_size: u64,
    /// The log's root.
    pub log_root: Digest,
    /// The epoch of the next block.
    pub epoch: Epoch,
    /// The digest of the committee that seals the next block.
    pub committee: Digest,
}

/// How much was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Blocks.
    pub blocks: u64,
    /// Their batches.
    pub batches: u64,
    /// The transactions of these.
    pub transactions: u64,
    /// Those of them that were executed; the others were skipped.
    pub executed: u64,
    /// Clients' signatures; none where these were not checked.
    pub signatures: u64,
    /// Seals.
    pub seals: u64,
    /// Batches whose texts did not fit them and were dropped; no hash covers texts.
    pub unfit_texts: u64,
}

/// Why a document is no part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// Too long.
    #[error("it has {length} bytes, a part has at most {}", MAX_PART_BYTES)]
    TooLong {
        /// Its bytes.
        length: usize,
    },
    /// Not the JSON of a part.
    #[error("it is no part of an audit: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
    /// Another version.
    #[error("it has format {format}, this program reads format {}", FORMAT)]
    Format {
        /// Its version.
        format: u32,
    },
    /// Heights that do not belong together.
    #[error("it says that it is of blocks {from} to {to}, and is bounded by blocks {before} and {after}")]
    Heights {
        /// Its first block.
        from: Height,
        /// Its last one.
        to: Height,
        /// The block before, by its boundary.
        before: Height,
        /// The last block, by its boundary.
        after: Height,
    },
}

/// Why parts are not a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// None was given.
    #[error("there is no part")]
    Nothing,
    /// A part of another network than the genesis document's.
    #[error("the part from block {from} on is of the network {network}")]
    OtherNetwork {
        /// Its first block.
        from: Height,
        /// Its network.
        network: Digest,
    },
    /// The first part does not begin with block 1.
    #[error("nothing has checked blocks 1 to {}: the first part begins with block {from}", .from.0.saturating_sub(1))]
    NotFromGenesis {
        /// Its first block.
        from: Height,
    },
    /// The first part begins with another genesis.
    #[error("the part from block 1 on began with another {field} than the genesis document gives")]
    OtherStart {
        /// What is another.
        field: &'static str,
    },
    /// Blocks that are in no part.
    #[error("nothing has checked the blocks between {to} and {from}")]
    Gap {
        /// The last block before them.
        to: Height,
        /// The first block after them.
        from: Height,
    },
    /// Blocks that are in two parts.
    #[error("block {from} is in two parts: one ends with block {to}, the next begins with {from}")]
    Overlap {
        /// The last block of the one.
        to: Height,
        /// The first block of the other.
        from: Height,
    },
    /// A part that goes on from something else.
    #[error("the part from block {from} on began with another {field} than the part before it ended with")]
    DoesNotFollow {
        /// Its first block.
        from: Height,
        /// What is another.
        field: &'static str,
    },
}

impl Part {
    /// What was found between two boundaries.
    pub fn new(network: Digest, before: Boundary, after: Boundary, counts: Counts) -> Self {
        Self {
            format: FORMAT,
            network,
            from: Height(before.height.0.saturating_add(1)),
            to: after.height,
            before,
            after,
            counts,
        }
    }

    /// The part in a document.
    ///
    /// # Errors
    /// If there is none.
    pub fn read(document: &[u8]) -> Result<Self, PartError> {
        let length = document.len();
        if length > MAX_PART_BYTES {
            return Err(PartError::TooLong { length });
        }
        let part: Self = serde_json::from_slice(document).map_err(|error| PartError::Malformed {
            reason: error.to_string(),
        })?;
        let Self { format, from, to, .. } = part;
        if format != FORMAT {
            return Err(PartError::Format { format });
        }
        let (before, after) = (part.before.height, part.after.height);
        if before.0.checked_add(1) != Some(from.0) || after != to || to < before {
            return Err(PartError::Heights {
                from,
                to,
                before,
                after,
            });
        }
        Ok(part)
    }

    /// The document.
    pub fn write(&self) -> String {
        let mut document = serde_json::to_string_pretty(self).expect("a part is plain data");
        document.push('\n');
        document
    }
}

impl Boundary {
    /// What holds after a tip, where the committee with this digest seals the next block.
    pub(crate) fn of(tip: &Tip, committee: Digest) -> Self {
        Self {
            height: tip.height,
            block: tip.block_hash,
            timestamp: tip.timestamp,
            state_root: tip.state_root,
            log_size: tip.log.length(),
            log_root: tip.log.root(),
            epoch: tip.epoch,
            committee,
        }
    }

    /// What holds before block 1.
    pub fn genesis(genesis: &Genesis) -> Self {
        let tip = Tip::genesis(genesis.id(), genesis.time(), genesis.state().root);
        Self::of(&tip, genesis.committee().digest())
    }

    /// The first thing that is another in the other, by the name that it has in a document.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        let pairs = [
            ("height", self.height == other.height),
            ("block", self.block == other.block),
            ("timestamp", self.timestamp == other.timestamp),
            ("state_root", self.state_root == other.state_root),
            ("log_size", self.log_size == other.log_size),
            ("log_root", self.log_root == other.log_root),
            ("epoch", self.epoch == other.epoch),
            ("committee", self.committee == other.committee),
        ];
        pairs.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
    }
}

impl Counts {
    /// Adds what else was checked.
    pub fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.blocks, other.blocks),
            (&mut self.batches, other.batches),
            (&mut self.transactions, other.transactions),
            (&mut self.executed, other.executed),
            (&mut self.signatures, other.signatures),
            (&mut self.seals, other.seals),
            (&mut self.unfit_texts, other.unfit_texts),
        ];
        for (own, more) in pairs {
            *own = own.saturating_add(more);
        }
    }
}

impl MergeError {
    /// The stable code (section 30); none if nothing was given.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::OtherNetwork { .. } => Some("other_network"),
            Self::NotFromGenesis { .. } | Self::OtherStart { .. } => Some("other_start"),
            Self::Gap { .. } => Some("gap"),
            Self::Overlap { .. } => Some("overlap"),
            Self::DoesNotFollow { .. } => Some("does_not_follow"),
        }
    }

    /// The first height of which nothing is known.
    pub fn height(&self) -> Height {
        match self {
            Self::Nothing | Self::NotFromGenesis { .. } | Self::OtherStart { .. } => Height(1),
            Self::OtherNetwork { from, .. }
            | Self::Overlap { from, .. }
            | Self::DoesNotFollow { from, .. } => *from,
            Self::Gap { to, .. } => Height(to.0.saturating_add(1)),
        }
    }
}

/// What the parts say together, in whatever order they are given: that all blocks from genesis to the end of the last
/// were checked.
///
/// # Errors
/// If they are not of the genesis document's network, or do not fit together from block 1 on without a gap.
pub fn merge(genesis: &Genesis, parts: &[Part]) -> Result<Part, MergeError> {
    let mut ordered: Vec<&Part> = parts.iter().collect();
    ordered.sort_by_key(|part| (part.from, part.to));
    let (first, later) = ordered.split_first().ok_or(MergeError::Nothing)?;
    let network = genesis.id();
    if let Some(other) = ordered.iter().find(|part| part.network != network) {
        return Err(MergeError::OtherNetwork {
            from: other.from,
            network: other.network,
        });
    }
    if first.from != Height(1) {
        return Err(MergeError::NotFromGenesis { from: first.from });
    }
    if let Some(field) = first.before.difference(&Boundary::genesis(genesis)) {
        return Err(MergeError::OtherStart { field });
    }
    let mut whole = (*first).clone();
    for part in later {
        let (to, from) = (whole.to, part.from);
        if from.0 > to.0.saturating_add(1) {
            return Err(MergeError::Gap { to, from });
        }
        if from <= to {
            return Err(MergeError::Overlap { to, from });
        }
        if let Some(field) = part.before.difference(&whole.after) {
            return Err(MergeError::DoesNotFollow { from, field });
        }
        (whole.to, whole.after) = (part.to, part.after);
        whole.counts.add(&part.counts);
    }
    Ok(whole)
}
