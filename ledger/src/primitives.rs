//! Amounts, asset codes and times.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount in an asset's smallest unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Amount(pub u128);

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub u64);

/// An asset's unique code: 1 to 12 of A–Z and 0–9.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetCode {
    /// The code, padded with zeros, so that codes order as their texts do.
    padded: [u8; Self::MAX_LENGTH],
}

/// A text that is not an asset code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an asset code is 1 to 12 of A–Z and 0–9")]
pub struct NotAnAssetCode;

impl AssetCode {
    /// The most characters of a code.
    pub const MAX_LENGTH: usize = 12;

    /// The code as text.
    pub fn as_str(&self) -> &str {
        let length = self
            .padded
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(Self::MAX_LENGTH);
        std::str::from_utf8(&self.padded[..length]).expect("codes are ASCII")
    }

    /// The code, padded with zeros to twelve bytes.
    pub fn padded(&self) -> &[u8; Self::MAX_LENGTH] {
        &self.padded
    }
}

impl FromStr for AssetCode {
    type Err = NotAnAssetCode;

    fn from_str(text: &str) -> Result<Self, NotAnAssetCode> {
        let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if text.is_empty() || text.len() > Self::MAX_LENGTH || !text.bytes().all(allowed) {
            return Err(NotAnAssetCode);
        }
        let mut padded = [0; Self::MAX_LENGTH];
        padded[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { padded })
    }
}

impl fmt::Display for AssetCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AssetCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for AssetCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for AssetCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = AssetCode;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an asset code: 1 to 12 of A–Z and 0–9")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<AssetCode, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
