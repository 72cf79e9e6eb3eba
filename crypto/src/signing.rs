//! Signatures (`docs/formats.md`, section 2): clients' with their keys, of both kinds, and those that are checked
//! strictly.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::key::{from_lower_hex, is_edwards_of_good_form, join};
use crate::{Key, P256SigningKey, PublicKey, Signature, SigningKey, Tag, ecdsa};
// Byte arrays have the encodings of these two, which write them as a few large integers: several times faster than
// byte by byte.
use crate::{PublicKey as Bytes32, Signature as Bytes64};

/// The most bytes of a tag, and so the highest byte that a preimage begins with.
const LONGEST_TAG: u8 = 40;

/// A client's signature with the key that made it: the kind is named once, so the two cannot be of different kinds.
///
/// Ordered by key as keys are, then by signature.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeySignature {
    /// Ed25519, judged by ZIP-215.
    Ed25519 {
        /// The key.
        key: [u8; 32],
        /// R and s.
        signature: [u8; 64],
    },
    /// P-256, ECDSA over SHA-256 with a low s.
    P256 {
        /// The key, compressed.
        key: [u8; 33],
        /// r and s, big-endian.
        signature: [u8; 64],
    },
}

/// How a signature is encoded: its variant and its bytes.
#[derive(Serialize, Deserialize)]
#[serde(rename = "KeySignature")]
enum Encoded {
    Ed25519(Bytes32, Bytes64),
    P256(Bytes32, u8, Bytes64),
}

/// How a signature is written in JSON and TOML.
#[derive(Serialize, Deserialize)]
#[serde(rename = "KeySignature", deny_unknown_fields)]
struct Written {
    key: Key,
    signature: String,
}

/// A client's signing key, of either kind. Each is zeroed when the last clone of it is dropped, and never printed.
#[derive(Clone, Debug)]
pub enum ClientSigningKey {
    /// Ed25519.
    Ed25519(SigningKey),
    /// P-256.
    P256(P256SigningKey),
}

impl KeySignature {
    /// What a check of an Ed25519 signature costs (section 2, "Cost").
    pub const ED25519_COST: u32 = 1;

    /// What a check of a P-256 signature costs.
    pub const P256_COST: u32 = 20;

    /// The signature of this key.
    fn of(key: Key, signature: [u8; 64]) -> Self {
        match key {
            Key::Ed25519(key) => Self::Ed25519 { key, signature },
            Key::P256(key) => Self::P256 { key, signature },
        }
    }

    /// The key that is said to have signed.
    pub fn key(&self) -> Key {
        match *self {
            Self::Ed25519 { key, .. } => Key::Ed25519(key),
            Self::P256 { key, .. } => Key::P256(key),
        }
    }

    /// The signature's bytes, without its key.
    pub fn signature(&self) -> &[u8; 64] {
        match self {
            Self::Ed25519 { signature, .. } | Self::P256 { signature, .. } => signature,
        }
    }

    /// What checking it costs. The numbers are part of the format and depend on no machine.
    pub const fn cost(&self) -> u32 {
        match self {
            Self::Ed25519 { .. } => Self::ED25519_COST,
            Self::P256 { .. } => Self::P256_COST,
        }
    }

    /// Whether it is good over these bytes, a tag's [preimage](Tag::preimage): the key is of good form and a point,
    /// and the signature is its.
    ///
    /// Where there are many, [`verify_clients`](crate::verify_clients) is several times cheaper for Ed25519.
    pub fn verify(&self, preimage: &[u8]) -> bool {
        match self {
            Self::Ed25519 { key, signature } => verify_ed25519(key, signature, preimage),
            Self::P256 { key, signature } => ecdsa::verify(key, signature, preimage),
        }
    }
}

/// Whether a client's Ed25519 signature is good under ZIP-215, its key's form included: without that, anybody could
/// sign for keys of small order.
pub(crate) fn verify_ed25519(key: &[u8; 32], signature: &[u8; 64], preimage: &[u8]) -> bool {
    is_edwards_of_good_form(key)
        && ed25519_zebra::VerificationKey::try_from(*key)
            .and_then(|key| key.verify(&ed25519_zebra::Signature::from(*signature), preimage))
            .is_ok()
}

/// Signs `content` under `tag` with a validator's, node's or witness's key.
pub fn sign_strict(key: &SigningKey, tag: Tag, content: &[u8]) -> Signature {
    key.sign(&tag.preimage(content))
}

/// Whether a validator's, node's or witness's signature over `content` under `tag` is good: key and R canonical and
/// not of small order, s below the group's order, and RFC 8032's equation without cofactor.
pub fn verify_strict(key: &PublicKey, tag: Tag, content: &[u8], signature: &Signature) -> bool {
    verify_bytes(key, &tag.preimage(content), signature)
}

/// Signs bytes that have no tag in them, since the formats of other logs fix them, with a witness key: a checkpoint's
/// text, a cosignature's message, what a COSE signature is over (`docs/checkpoints.md`, section 1).
///
/// # Panics
/// If the message begins as what is signed under a tag does: the same key signs that, too.
pub fn sign_untagged(key: &SigningKey, message: &[u8]) -> Signature {
    assert!(
        is_untagged(message),
        "what begins with the length of a tag is signed under a tag alone"
    );
    key.sign(message)
}

/// Whether a signature over bytes that have no tag is good, by the same rule as [`verify_strict`]; never for what begins
/// with the length of a tag.
pub fn verify_untagged(key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
    is_untagged(message) && verify_bytes(key, message, signature)
}

/// Whether this cannot be the preimage of a tag, which begins with the tag's length.
fn is_untagged(message: &[u8]) -> bool {
    message.first().is_some_and(|first| *first > LONGEST_TAG)
}

fn verify_bytes(key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
    let Some(first) = signature.0.first_chunk::<32>() else {
        return false;
    };
    // The library takes keys that are not canonical.
    if !is_edwards_of_good_form(&key.0) || !is_edwards_of_good_form(first) {
        return false;
    }
    let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
    ed25519_dalek::VerifyingKey::from_bytes(&key.0)
        .and_then(|key| key.verify_strict(message, &signature))
        .is_ok()
}

impl ClientSigningKey {
    /// A new Ed25519 key from the operating system's random source.
    pub fn generate_ed25519() -> Self {
        Self::Ed25519(SigningKey::generate())
    }

    /// A new P-256 key from the operating system's random source.
    pub fn generate_p256() -> Self {
        Self::P256(P256SigningKey::generate())
    }

    /// An Ed25519 key that is at hand.
    pub fn from_ed25519(key: SigningKey) -> Self {
        Self::Ed25519(key)
    }

    /// The P-256 key that is this number, big-endian; none if it is 0 or not below the group's order.
    pub fn p256_from_scalar(scalar: &[u8; 32]) -> Option<Self> {
        P256SigningKey::from_scalar(scalar).map(Self::P256)
    }

    /// The public key.
    pub fn key(&self) -> Key {
        match self {
            Self::Ed25519(key) => Key::Ed25519(key.public().0),
            Self::P256(key) => Key::P256(key.public()),
        }
    }

    /// Signs `content` under `tag`. The same content gives the same signature, of either kind: Ed25519 is
    /// deterministic, and nonces of P-256 are those of RFC 6979, its s made low.
    pub fn sign(&self, tag: Tag, content: &[u8]) -> KeySignature {
        let preimage = tag.preimage(content);
        let signature = match self {
            Self::Ed25519(key) => key.sign(&preimage).0,
            Self::P256(key) => key.sign(&preimage),
        };
        KeySignature::of(self.key(), signature)
    }
}

impl From<SigningKey> for ClientSigningKey {
    fn from(key: SigningKey) -> Self {
        Self::Ed25519(key)
    }
}

impl From<P256SigningKey> for ClientSigningKey {
    fn from(key: P256SigningKey) -> Self {
        Self::P256(key)
    }
}

impl fmt::Debug for KeySignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {:?}", hex::encode(&self.signature()[..4]), self.key())
    }
}

impl Serialize for KeySignature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            let written = Written {
                key: self.key(),
                signature: hex::encode(self.signature()),
            };
            return written.serialize(serializer);
        }
        let encoded = match *self {
            Self::Ed25519 { key, signature } => Encoded::Ed25519(Bytes32(key), Bytes64(signature)),
            Self::P256 {
                key: [head @ .., last],
                signature,
            } => Encoded::P256(Bytes32(head), last, Bytes64(signature)),
        };
        encoded.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for KeySignature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let Written { key, signature } = Written::deserialize(deserializer)?;
            let signature = from_lower_hex(&signature).ok_or_else(|| {
                <D::Error as serde::de::Error>::custom(
                    "a signature has 128 hexadecimal digits, in lower case",
                )
            })?;
            return Ok(Self::of(key, signature));
        }
        Ok(match Encoded::deserialize(deserializer)? {
            Encoded::Ed25519(key, signature) => Self::Ed25519 {
                key: key.0,
                signature: signature.0,
            },
            Encoded::P256(head, last, signature) => Self::P256 {
                key: join(head.0, last),
                signature: signature.0,
            },
        })
    }
}
