//! Account addresses: 20 bytes, written in bech32m (BIP 350) as `qr1…`.

use std::fmt;
use std::str::FromStr;

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32m, Hrp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::words;

/// The human-readable prefix of every address.
const PREFIX: &str = "qr";

/// An account's address: the beginning of a hash of its first key ([`Key::address`](crate::Key::address)).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub [u8; 20]);

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not bech32m, or the checksum does not fit: most likely a typing mistake.
    #[error("`{text}` is not an address: {reason} (is it mistyped?)")]
    Malformed {
        /// The text as given.
        text: String,
        /// What bech32m found wrong.
        reason: String,
    },
    /// A bech32m text of something else.
    #[error("`{text}` is not an address of this ledger: addresses begin with qr1")]
    WrongPrefix {
        /// The text as given.
        text: String,
    },
    /// The payload is not 20 bytes.
    #[error("`{text}` is not an address: it carries {length} bytes instead of 20")]
    WrongLength {
        /// The text as given.
        text: String,
        /// Bytes found.
        length: usize,
    },
}

impl Address {
    /// The address's bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = Hrp::parse(PREFIX).expect("the prefix is valid bech32");
        let text = bech32::encode::<Bech32m>(prefix, &self.0).expect("20 bytes fit into bech32m");
        f.write_str(&text)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        // No text longer than an address is looked at, or echoed.
        if text.len() > 100 {
            return Err(AddressError::WrongLength {
                text: format!("{}…", text.chars().take(20).collect::<String>()),
                length: text.len(),
            });
        }
        let checked = CheckedHrpstring::new::<Bech32m>(text).map_err(|error| AddressError::Malformed {
            text: text.to_owned(),
            reason: error.to_string(),
        })?;
        if checked.hrp().to_lowercase() != PREFIX {
            return Err(AddressError::WrongPrefix {
                text: text.to_owned(),
            });
        }
        let bytes: Vec<u8> = checked.byte_iter().collect();
        let length = bytes.len();
        let bytes = bytes.try_into().map_err(|_| AddressError::WrongLength {
            text: text.to_owned(),
            length,
        })?;
        Ok(Self(bytes))
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            let (low, high) = self.0.split_at(16);
            let high: [u8; 4] = high.try_into().expect("20 bytes less 16 are 4");
            (words::of_bytes::<1>(low), u32::from_le_bytes(high)).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?
                .parse()
                .map_err(serde::de::Error::custom)
        } else {
            let (low, high) = <([u128; 1], u32)>::deserialize(deserializer)?;
            let mut bytes = [0; 20];
            bytes[..16].copy_from_slice(&words::to_bytes::<16>(&low));
            bytes[16..].copy_from_slice(&high.to_le_bytes());
            Ok(Self(bytes))
        }
    }
}
