//! Clients' public keys of both kinds (`docs/formats.md`, section 2).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

// Byte arrays have the encoding of this type, which writes them as a few large integers: several times faster than
// byte by byte.
use crate::PublicKey as Bytes32;
use crate::{Address, PublicKey, Tag, ecdsa};

/// A client's public key as its bytes, not yet known to be of good form or a point of its curve.
///
/// Ordered as its encodings are: Ed25519 before P-256, then by bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Ed25519: a compressed Edwards point (RFC 8032).
    Ed25519([u8; 32]),
    /// P-256: a compressed point (SEC 1), `02` or `03` and x.
    P256([u8; 33]),
}

/// Why a text is not a [`Key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyTextError {
    /// It does not begin with a kind of key and a colon.
    #[error("a key begins with its kind, ed25519: or p256:")]
    UnknownKind,
    /// What follows are not that many bytes in lower-case hex.
    #[error("the key has to have {digits} hexadecimal digits, in lower case, after its kind")]
    NotHex {
        /// The digits of a key of this kind.
        digits: usize,
    },
}

/// How a key is encoded: its variant and its bytes.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Key")]
enum Encoded {
    Ed25519(Bytes32),
    P256(Bytes32, u8),
}

impl Key {
    /// The key's bytes, without its kind.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(key) => key,
            Self::P256(key) => key,
        }
    }

    /// The kind's name in texts.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "ed25519",
            Self::P256(_) => "p256",
        }
    }

    /// Whether the bytes have the form of a key: canonical, and for Ed25519 none of the encodings of a point of small
    /// order, for which anybody could sign. Compares bytes only, so it is cheap; whether the bytes are a point
    /// [`is_good`](Self::is_good) says.
    pub fn is_of_good_form(&self) -> bool {
        match self {
            Self::Ed25519(key) => is_edwards_of_good_form(key),
            Self::P256(key) => ecdsa::is_key_of_good_form(key),
        }
    }

    /// Whether the key may be registered: of good form, and a point of its curve. Keys of mixed order may.
    pub fn is_good(&self) -> bool {
        match self {
            Self::Ed25519(key) => {
                is_edwards_of_good_form(key) && ed25519_dalek::VerifyingKey::from_bytes(key).is_ok()
            }
            Self::P256(key) => ecdsa::point(key).is_some(),
        }
    }

    /// The address of an account whose first key this is.
    pub fn address(&self) -> Address {
        let variant = match self {
            Self::Ed25519(_) => 0,
            Self::P256(_) => 1,
        };
        let digest = Tag::ADDRESS.hash_parts(&[&[variant], self.as_bytes()]);
        let mut address = [0; 20];
        address.copy_from_slice(&digest.0[..20]);
        Address(address)
    }
}

/// Whether the bytes are a canonical encoding (RFC 8032, section 5.1.3: y below 2^255 - 19) and none of a point of
/// small order, with whatever top bit. They need not be of a point.
pub(crate) fn is_edwards_of_good_form(encoding: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = encoding;
    let is_canonical = *first < 0xed || *last & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff);
    is_canonical && !PublicKey(*encoding).is_small_order()
}

/// The 33 bytes of a key of P-256, of which all but the last are apart.
pub(crate) fn join(head: [u8; 32], last: u8) -> [u8; 33] {
    let mut key = [last; 33];
    key[..32].copy_from_slice(&head);
    key
}

/// The bytes that a text in lower-case hex stands for, if it has that many.
pub(crate) fn from_lower_hex<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    if text.bytes().any(|letter| letter.is_ascii_uppercase()) {
        return None;
    }
    let mut bytes = [0; LENGTH];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

impl From<PublicKey> for Key {
    fn from(key: PublicKey) -> Self {
        Self::Ed25519(key.0)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind(), hex::encode(self.as_bytes()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind(), hex::encode(&self.as_bytes()[..4]))
    }
}

impl FromStr for Key {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        let (kind, digits) = text.split_once(':').ok_or(KeyTextError::UnknownKind)?;
        match kind {
            "ed25519" => from_lower_hex(digits)
                .map(Self::Ed25519)
                .ok_or(KeyTextError::NotHex { digits: 64 }),
            "p256" => from_lower_hex(digits)
                .map(Self::P256)
                .ok_or(KeyTextError::NotHex { digits: 66 }),
            _ => Err(KeyTextError::UnknownKind),
        }
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        let encoded = match *self {
            Self::Ed25519(key) => Encoded::Ed25519(Bytes32(key)),
            Self::P256([head @ .., last]) => Encoded::P256(Bytes32(head), last),
        };
        encoded.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return String::deserialize(deserializer)?
                .parse()
                .map_err(serde::de::Error::custom);
        }
        Ok(match Encoded::deserialize(deserializer)? {
            Encoded::Ed25519(key) => Self::Ed25519(key.0),
            Encoded::P256(head, last) => Self::P256(join(head.0, last)),
        })
    }
}
