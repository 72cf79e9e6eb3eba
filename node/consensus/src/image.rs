//! An engine between two steps, as bytes: all of its state, so that whoever restores it and gives it the same
//! inputs at the same times gets the same steps.
//!
//! For recordings, and for nothing that outlives a version: what an engine keeps may differ from one version of
//! this software to the next. A node that restarts goes by its journal.

use quorate_ledger::{DecodeError, decode, encode};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;

/// The most bytes that an image may have. A busy engine's has about one MiB.
pub const MAX_IMAGE_BYTES: usize = 64 << 20;

/// What is encoded. The order of the variants is frozen.
#[derive(Deserialize)]
enum Image {
    /// Version 1, which had another layout. None is read any more.
    V1(Unread),
    /// Version 2.
    V2(Engine),
}

/// What nothing is decoded as.
#[derive(Deserialize, Serialize)]
enum Unread {}

/// The same, borrowed.
#[derive(Serialize)]
#[expect(dead_code, reason = "version 1 is not written any more")]
enum Borrowed<'a> {
    V1(Unread),
    V2(&'a Engine),
}

/// Why bytes are not the image of an engine of this version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnImage {
    /// They are no engine's state.
    #[error("not the state of an engine of this version: {0}")]
    Malformed(#[from] DecodeError),
    /// They are, but not its one encoding.
    #[error("not the one encoding of an engine's state")]
    NotCanonical,
}

impl Engine {
    /// All of its state.
    pub fn image(&self) -> Vec<u8> {
        encode(&Borrowed::V2(self))
    }

    /// The engine of which these are the image. That its state makes sense is for
    /// [`Engine::check_invariants`] to say, which may panic on one that was made up.
    pub fn restore(bytes: &[u8]) -> Result<Self, NotAnImage> {
        let mut engine = match decode(bytes, MAX_IMAGE_BYTES)? {
            Image::V1(never) => match never {},
            Image::V2(engine) => engine,
        };
        engine.complete();
        if engine.image() == bytes {
            Ok(engine)
        } else {
            Err(NotAnImage::NotCanonical)
        }
    }
}
