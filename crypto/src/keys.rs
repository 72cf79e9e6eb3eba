//! Ed25519 keys and signatures as their bytes. How they are judged, [`KeySignature`](crate::KeySignature) says for
//! clients', and [`verify_strict`](crate::verify_strict) for all others.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ed25519_dalek::Signer as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Key, small_order, words};

/// Why a key or a signature was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not 64 hex digits.
    #[error("a public key is 64 hexadecimal digits")]
    NotHex,
    /// The bytes are not the canonical encoding of a point of the curve.
    #[error("the bytes are not an Ed25519 public key")]
    NotAPoint,
    /// The key has small order: anyone could sign for it.
    #[error("the public key has small order, so anyone could sign for it")]
    SmallOrder,
}

/// An Ed25519 public key as its 32 bytes, not yet known to be a point of the curve.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

/// An Ed25519 signature, 64 bytes (RFC 8032).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature(pub [u8; 64]);

/// An Ed25519 signing key. It stands in one place in memory, however often it is moved or cloned, which is zeroed when
/// the last of them is dropped, and it is never printed.
#[derive(Clone)]
pub struct SigningKey(Arc<ed25519_dalek::SigningKey>);

impl PublicKey {
    /// The key's bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether the bytes are one of the encodings of a point of small order, a key that anyone could
    /// sign for. Compares bytes only, so it is cheap; it says nothing about bytes that are not a point.
    pub fn is_small_order(&self) -> bool {
        small_order::ENCODINGS.contains(&self.0)
    }

    /// Checks what must hold wherever a key is registered, as [`Key::is_good`] does, and says what is wrong.
    pub fn check_registrable(&self) -> Result<(), KeyError> {
        if self.is_small_order() {
            Err(KeyError::SmallOrder)
        } else if Key::from(*self).is_good() {
            Ok(())
        } else {
            Err(KeyError::NotAPoint)
        }
    }
}

impl SigningKey {
    /// A new key from the operating system's random source.
    pub fn generate() -> Self {
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).expect("the operating system's random source works");
        Self::from_seed(&seed)
    }

    /// The key made from a 32-byte seed (RFC 8032's private key).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Arc::new(ed25519_dalek::SigningKey::from_bytes(seed)))
    }

    /// The seed, zeroed when dropped.
    pub fn seed(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(self.0.to_bytes())
    }

    /// The public key.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs these bytes: a tag's [preimage](crate::Tag::preimage), or what [`sign_untagged`](crate::sign_untagged) lets
    /// through.
    pub(crate) fn sign(&self, preimage: &[u8]) -> Signature {
        Signature(self.0.sign(preimage).to_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey of {}", self.public())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..4]))
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| KeyError::NotHex)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..4]))
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            words::of_bytes::<2>(&self.0).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?
                .parse()
                .map_err(serde::de::Error::custom)
        } else {
            <[u128; 2]>::deserialize(deserializer).map(|words| Self(words::to_bytes(&words)))
        }
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            words::of_bytes::<4>(&self.0).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let mut bytes = [0; 64];
            let text = String::deserialize(deserializer)?;
            hex::decode_to_slice(&text, &mut bytes).map_err(serde::de::Error::custom)?;
            Ok(Self(bytes))
        } else {
            <[u128; 4]>::deserialize(deserializer).map(|words| Self(words::to_bytes(&words)))
        }
    }
}
