//! The form of a recording: what an engine was given, in order, from some moment of its life on.
//!
//! A recording is a row of segments. Each begins with the engines as they were, and has then every input with the
//! driver's time, and with a fingerprint of the step that it led to; so a replay shows by itself whether it is
//! exact. Where the recorder had to leave something out, another segment begins. All of it is bytes in, bytes out:
//! the node's recorder writes them ([`Encoder`]), and what is written is read by [`Frames`].
//!
//! A process may die while it writes: what ends in the middle of a frame ends with the frame before.

mod encoder;
mod frames;
#[cfg(all(test, not(broken_rules)))]
mod tests;

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Committee, Digest, Epoch, ValidatorIndex, sha256};
use quorate_ledger::{Timestamp, encode};
use serde::{Deserialize, Serialize};

use crate::contract::{Input, Step};
use crate::engine::Engine;

pub use encoder::Encoder;
pub use frames::{Ending, Frames, NotARecording};

/// How a recording begins.
pub const MAGIC: [u8; 16] = *b"quorate/flight/2";

/// The names of the files in which a node keeps its recording, the older one first.
pub const FILES: [&str; 2] = ["previous.rec", "current.rec"];

/// The most bytes of the frame of one input: the largest is a new-view.
pub const MAX_ENTRY_BYTES: usize = 4 << 20;

/// The most bytes of the frame that begins a segment: two engines.
pub const MAX_SEGMENT_BYTES: usize = (2 * crate::image::MAX_IMAGE_BYTES) + (1 << 20);

/// The engines that a driver has at once: that of the epoch, and the one of the epoch before.
pub const MAX_ENGINES: usize = 2;

/// One piece of a recording. The order of the variants is frozen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Frame {
    /// Version 1.
    V1(FrameV1),
}

/// Version 1 of [`Frame`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum FrameV1 {
    /// The engines as they are now; what follows was given to them.
    Segment(Box<Segment>),
    /// One input.
    Entry(Box<Entry>),
}

/// What a segment begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The version of the software that recorded: only the same can restore the engines for certain.
    pub software: String,
    /// Why it begins.
    pub beginning: Beginning,
    /// The network's id.
    pub network: Digest,
    /// The driver's time when it began.
    pub began: Timestamp,
    /// What people call the validators, by index.
    #[serde(deserialize_with = "bounded_vec::<_, _, { Committee::MAX_VALIDATORS }>")]
    pub names: Vec<String>,
    /// Which of them this node is, whether it votes or not.
    pub own: ValidatorIndex,
    /// The engines, the one of the current epoch first.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_ENGINES>")]
    pub engines: Vec<Recorded>,
}

/// Why a segment begins. The order of the variants is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Beginning {
    /// The node has started.
    Start,
    /// An epoch has begun: there is another engine.
    Epoch,
    /// It only goes on, in another file: what came before leads to just this state.
    Continued,
    /// Something is missing before it.
    Gap,
}

/// An engine in a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The committee of its epoch, and its protocol.
    pub committee: Committee,
    /// Its [image](crate::image).
    #[serde(with = "serde_bytes")]
    pub image: Vec<u8>,
}

/// What an engine was given once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The epoch of the engine that was given it.
    pub epoch: Epoch,
    /// The driver's time, which the engine was told.
    pub now: Timestamp,
    /// Microseconds since the segment began, by a clock that never goes back.
    pub offset_us: u64,
    /// What it was given.
    pub input: Input,
    /// The fingerprint of the step; none if the engine never came back from it.
    pub outcome: Option<Fingerprint>,
}

/// Tells one [`Step`] from another: the first eight bytes of the SHA-256 of its encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 8]);

impl Fingerprint {
    /// That of a step: its records, its actions and why the input was rejected.
    pub fn of(step: &Step) -> Self {
        Self(check_of(&encode(step)))
    }
}

impl Recorded {
    /// An engine as it is now.
    pub fn of(engine: &Engine) -> Self {
        Self {
            committee: engine.committee().clone(),
            image: engine.image(),
        }
    }
}

/// The first eight bytes of the SHA-256.
fn check_of(bytes: &[u8]) -> [u8; 8] {
    let digest = sha256(bytes);
    *digest.0.first_chunk().expect("a digest has 32 bytes")
}
