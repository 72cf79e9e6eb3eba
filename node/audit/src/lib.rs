//! Checks a chain completely, by executing it again: every header, certificate, batch, signature and outcome, and the roots
//! of log, chain and state (`docs/formats.md`, sections 8 and 30). It needs no node and has no disk, network or clock of
//! its own: blocks come through [`BlockSource`], states and results as bytes.
//!
//! An [`Auditor`] begins with genesis's state or with a certified one ([`CertifiedState`]), and takes one block after the
//! other; [`check_chain`] does that on all cores. What is wrong is a [`Finding`]. What was good is a [`Part`], and parts of
//! one chain are put together by [`merge`]. A [bundle](BundleReader) has blocks, or a state, or both, in one file.
//! [`first_parting`] says where two chains part, and [`judge`] which of them is good there.
//!
//! ```
//! use quorate_audit::{Auditor, CertifiedState, Depth, Finding, Part};
//! use quorate_genesis::Genesis;
//!
//! /// What these blocks are, from the first on, to whoever has the genesis document.
//! fn audit(genesis: &Genesis, blocks: &[Vec<u8>]) -> Result<Part, Finding> {
//!     let mut auditor = Auditor::new(CertifiedState::genesis(genesis)?, Depth::Whole);
//!     for block in blocks {
//!         auditor.check(block)?;
//!     }
//!     Ok(auditor.part())
//! }
//! ```
//!
//! # What is not looked at
//!
//! - Recoveries: protocol 1 has none, and a block with one is refused.
//! - Texts: no hash covers them. Those that do not fit are counted.
//! - What stands in a node's indexes. They follow from the blocks.

mod auditor;
mod bundle;
mod compare;
mod finding;
mod judge;
mod look;
mod part;
mod pipeline;
mod recent;
mod source;
mod state;

pub use auditor::{Auditor, Good};
pub use bundle::{
    After, BundleError, BundleReader, BundleWriter, MAGIC, MAX_CERTIFIED_BLOCK_BYTES, Opening, StateOpening,
    StateParts, Written,
};
pub use compare::{
    Difference, NotCompared, Parting, Search, StateDifference, difference, first_other_value, first_parting,
};
pub use finding::Finding;
pub use judge::{NotJudged, judge};
pub use look::Depth;
pub use part::{Boundary, Counts, MAX_PART_BYTES, MergeError, Part, PartError, merge};
pub use pipeline::{Ended, check_chain};
pub use source::{BlockSource, BundleBlocks};
pub use state::{CertifiedState, NotACertifiedState};
