//! P-256 (`docs/formats.md`, section 2): ECDSA over SHA-256 with a low s, keys compressed as in SEC 1.

use std::fmt;
use std::sync::Arc;

use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use zeroize::{Zeroize as _, Zeroizing};

use crate::Key;

/// The field's prime p, 2^256 - 2^224 + 2^192 + 2^96 - 1, big-endian.
const FIELD: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
];

/// (n - 1) / 2, where n is the group's order, big-endian.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xde,
    0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// Whether the bytes are `02` or `03` and an x below the field's prime. They need not be of a point.
pub(crate) fn is_key_of_good_form(key: &[u8; 33]) -> bool {
    let [prefix, x @ ..] = key;
    matches!(prefix, 2 | 3) && *x < FIELD
}

/// The point of a good key.
pub(crate) fn point(key: &[u8; 33]) -> Option<VerifyingKey> {
    // The library reads other forms of points too, one of them as long.
    if is_key_of_good_form(key) {
        VerifyingKey::from_sec1_bytes(key).ok()
    } else {
        None
    }
}

/// r and s of a signature, if they are in range and s is low.
pub(crate) fn read(signature: &[u8; 64]) -> Option<Signature> {
    if signature[32..] > HALF_ORDER[..] {
        return None;
    }
    // The library refuses 0 and what is not below the group's order.
    Signature::from_slice(signature).ok()
}

/// Whether the equation holds. The library takes x of R modulo the group's order, as the page wants it, and 0 for the
/// point at infinity, which is no r.
pub(crate) fn holds(point: &VerifyingKey, signature: &Signature, preimage: &[u8]) -> bool {
    point.verify(preimage, signature).is_ok()
}

/// Whether a signature over the preimage is good, its key's form included.
pub(crate) fn verify(key: &[u8; 33], signature: &[u8; 64], preimage: &[u8]) -> bool {
    let Some(signature) = read(signature) else {
        return false;
    };
    point(key).is_some_and(|point| holds(&point, &signature, preimage))
}

/// A P-256 signing key. It stands in one place in memory, however often it is moved or cloned, which is zeroed when
/// the last of them is dropped, and it is never printed.
#[derive(Clone)]
pub struct P256SigningKey(Arc<SigningKey>);

impl P256SigningKey {
    /// A new key from the operating system's random source.
    pub fn generate() -> Self {
        let mut scalar = Zeroizing::new([0_u8; 32]);
        loop {
            getrandom::fill(scalar.as_mut_slice()).expect("the operating system's random source works");
            // One in 2^32 is not below the group's order.
            if let Some(key) = Self::from_scalar(&scalar) {
                return key;
            }
        }
    }

    /// The key that is this number, big-endian; none if it is 0 or not below the group's order.
    pub fn from_scalar(scalar: &[u8; 32]) -> Option<Self> {
        SigningKey::from_slice(scalar).ok().map(|key| Self(Arc::new(key)))
    }

    /// The number, big-endian, zeroed when dropped.
    pub fn scalar(&self) -> Zeroizing<[u8; 32]> {
        let mut scalar = Zeroizing::new([0_u8; 32]);
        let mut bytes = self.0.to_bytes();
        scalar.copy_from_slice(bytes.as_slice());
        bytes.as_mut_slice().zeroize();
        scalar
    }

    /// The public key, compressed.
    pub fn public(&self) -> [u8; 33] {
        let mut key = [0; 33];
        key.copy_from_slice(self.0.verifying_key().to_sec1_point(true).as_bytes());
        key
    }

    /// The public key, not compressed.
    pub(crate) fn point(&self) -> [u8; 65] {
        let mut point = [0; 65];
        point.copy_from_slice(self.0.verifying_key().to_sec1_point(false).as_bytes());
        point
    }

    /// Signs the preimage: with the nonce of RFC 6979, and s made low.
    pub(crate) fn sign(&self, preimage: &[u8]) -> [u8; 64] {
        let signature: Signature = self.0.sign(preimage);
        let mut bytes = [0; 64];
        bytes.copy_from_slice(signature.normalize_s().to_bytes().as_slice());
        bytes
    }
}

impl fmt::Debug for P256SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P256SigningKey of {}", Key::P256(self.public()))
    }
}
