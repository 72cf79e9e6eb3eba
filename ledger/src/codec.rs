//! Canonical bytes: BCS with a size limit (`docs/formats.md`, section 1).

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why bytes are not a canonical encoding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than this type may have.
    #[error("{length} bytes, at most {limit} are allowed")]
    TooLong {
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not the canonical encoding of a value.
    #[error("not a canonical encoding: {reason}")]
    Malformed {
        /// What was found.
        reason: String,
    },
}

impl DecodeError {
    /// The stable reason of section 23.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "too_long",
            Self::Malformed { .. } => "encoding",
        }
    }
}

/// The canonical bytes of `value`.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    // Room for an entry of the log or a step, so that the usual value is not moved while it grows.
    encode_into(Vec::with_capacity(144), value)
}

/// `bytes` with the canonical bytes of `value` behind.
pub(crate) fn encode_into<T: Serialize + ?Sized>(mut bytes: Vec<u8>, value: &T) -> Vec<u8> {
    bcs::serialize_into(&mut bytes, value).expect("ledger types are within BCS's limits");
    bytes
}

/// The value whose canonical bytes are `bytes`, which may be at most `limit` long.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, DecodeError> {
    if bytes.len() > limit {
        return Err(DecodeError::TooLong {
            length: bytes.len(),
            limit,
        });
    }
    bcs::from_bytes(bytes).map_err(|error| DecodeError::Malformed {
        reason: error.to_string(),
    })
}
