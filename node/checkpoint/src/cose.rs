//! Receipts in COSE (RFC 9942, with RFC 9162's trees; `docs/checkpoints.md`, section 7): that an entry is in a log whose
//! root a validator signed, for tools that read COSE.
//!
//! Only the few forms of CBOR (RFC 8949) that a receipt has are written, and nothing of it is read but by comparing: there
//! is one encoding of what a known key signs.

use quorate_crypto::merkle::InclusionProof;
use quorate_crypto::{Digest, PublicKey, Signature, SigningKey, sign_untagged, verify_untagged};

use crate::network::origin;

/// Bytes of a signed root at most.
pub const MAX_SIGNED_ROOT_BYTES: usize = 512;

/// Bytes of a signature.
const SIGNATURE_BYTES: usize = 64;

/// CBOR's major types.
const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

/// CBOR's null: what is signed is not in the receipt.
const NULL: u8 = 0xf6;

/// The tag of `COSE_Sign1`.
const SIGN1: u64 = 18;

/// EdDSA, which is number -8.
const EDDSA: u64 = 8;

/// RFC 9162 with SHA-256 among structures that receipts are of.
const RFC9162_SHA256: u64 = 1;

/// Labels of headers: the algorithm, the key's id, claims (of which 1 is the issuer), the structure, and proofs of it
/// (of which -1 is inclusion).
const ALGORITHM: u64 = 1;
const KEY_ID: u64 = 4;
const CLAIMS: u64 = 15;
const ISSUER: u64 = 1;
const STRUCTURE: u64 = 395;
const PROOFS: u64 = 396;
const INCLUSION: u64 = 1;

/// A root of a network's log, as a validator's witness key signs it for COSE. Of what size it is, the proofs beside it
/// say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRoot {
    protected: Vec<u8>,
    signature: Signature,
}

/// That bytes are no signature of this root by one of these keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not this root in COSE, signed by one of the committee's witness keys")]
pub struct NotSignedRoot;

impl SignedRoot {
    /// Signs a root.
    pub fn sign(network: &Digest, key: &SigningKey, root: &Digest) -> Self {
        let protected = protected(network, &key.public());
        let signature = sign_untagged(key, &signed(&protected, root));
        Self { protected, signature }
    }

    /// What one of these keys signed, if it is this root of the network's log.
    ///
    /// # Errors
    /// If it is anything else.
    pub fn read(
        network: &Digest,
        keys: &[PublicKey],
        root: &Digest,
        bytes: &[u8],
    ) -> Result<Self, NotSignedRoot> {
        let signature = bytes.last_chunk::<SIGNATURE_BYTES>().ok_or(NotSignedRoot)?;
        let by = |key: &PublicKey| {
            let read = Self {
                protected: protected(network, key),
                signature: Signature(*signature),
            };
            let message = signed(&read.protected, root);
            let is_its = read.encode() == bytes && verify_untagged(key, &message, &read.signature);
            is_its.then_some(read)
        };
        keys.iter().find_map(by).ok_or(NotSignedRoot)
    }

    /// The bytes, without any proof.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.begun();
        head(MAP, 0, &mut bytes);
        self.end(bytes)
    }

    /// The receipt for an entry; none where its path has no hashes, which receipts must have. The path must lead to the
    /// root that was signed.
    pub fn receipt(&self, proof: &InclusionProof) -> Option<Vec<u8>> {
        if proof.path.is_empty() {
            return None;
        }
        let mut inclusion = Vec::new();
        head(ARRAY, 3, &mut inclusion);
        head(UNSIGNED, proof.length, &mut inclusion);
        head(UNSIGNED, proof.index, &mut inclusion);
        head(ARRAY, length(&proof.path), &mut inclusion);
        for hash in &proof.path {
            string(BYTES, hash.as_bytes(), &mut inclusion);
        }
        let mut bytes = self.begun();
        head(MAP, 1, &mut bytes);
        head(UNSIGNED, PROOFS, &mut bytes);
        head(MAP, 1, &mut bytes);
        negative(INCLUSION, &mut bytes);
        head(ARRAY, 1, &mut bytes);
        string(BYTES, &inclusion, &mut bytes);
        Some(self.end(bytes))
    }

    fn begun(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        head(TAG, SIGN1, &mut bytes);
        head(ARRAY, 4, &mut bytes);
        string(BYTES, &self.protected, &mut bytes);
        bytes
    }

    fn end(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.push(NULL);
        string(BYTES, &self.signature.0, &mut bytes);
        bytes
    }
}

/// The protected header, whose labels ascend.
fn protected(network: &Digest, key: &PublicKey) -> Vec<u8> {
    let mut bytes = Vec::new();
    head(MAP, 4, &mut bytes);
    head(UNSIGNED, ALGORITHM, &mut bytes);
    negative(EDDSA, &mut bytes);
    head(UNSIGNED, KEY_ID, &mut bytes);
    string(BYTES, &key.0, &mut bytes);
    head(UNSIGNED, CLAIMS, &mut bytes);
    head(MAP, 1, &mut bytes);
    head(UNSIGNED, ISSUER, &mut bytes);
    string(TEXT, origin(network).as_bytes(), &mut bytes);
    head(UNSIGNED, STRUCTURE, &mut bytes);
    head(UNSIGNED, RFC9162_SHA256, &mut bytes);
    bytes
}

/// What the signature is over: `Sig_structure` with the root in the payload's place.
fn signed(protected: &[u8], root: &Digest) -> Vec<u8> {
    let mut bytes = Vec::new();
    head(ARRAY, 4, &mut bytes);
    string(TEXT, b"Signature1", &mut bytes);
    string(BYTES, protected, &mut bytes);
    string(BYTES, &[], &mut bytes);
    string(BYTES, root.as_bytes(), &mut bytes);
    bytes
}

/// A string with its length.
fn string(major: u8, content: &[u8], bytes: &mut Vec<u8>) {
    head(major, length(content), bytes);
    bytes.extend_from_slice(content);
}

/// The number -`value`.
fn negative(value: u64, bytes: &mut Vec<u8>) {
    head(NEGATIVE, value - 1, bytes);
}

/// A type and its number, in the shortest form.
fn head(major: u8, number: u64, bytes: &mut Vec<u8>) {
    let wide = number.to_be_bytes();
    let (letter, width) = match number {
        0..24 => (wide[7], 0),
        24..=0xff => (24, 1),
        0x100..=0xffff => (25, 2),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 8),
    };
    bytes.push((major << 5) | letter);
    bytes.extend_from_slice(&wide[wide.len() - width..]);
}

fn length<T>(items: &[T]) -> u64 {
    items.len() as u64
}

#[cfg(test)]
mod tests {
    use quorate_crypto::sha256;

    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    fn signed_root() -> SignedRoot {
        SignedRoot::sign(&sha256(b"genesis"), &key(3), &sha256(b"root"))
    }

    #[test]
    fn signed_roots_and_receipts_are_golden() {
        // From Python, by an encoder of its own and `cryptography`.
        let bare = signed_root().encode();
        assert!(hex::encode(&bare).starts_with("d2845877a40127045820ed4928c628d1c2c6"));
        assert_eq!(bare.len(), 191);
        assert_eq!(
            sha256(&bare).to_string(),
            "57ae2497a60d7bef85116d789aa561c1f4b9e889a1ccae7922fda010d5176100"
        );
        let proof = InclusionProof {
            index: 257,
            length: 300,
            path: vec![sha256(b"a"), sha256(b"b")],
        };
        let receipt = signed_root().receipt(&proof).unwrap();
        assert_eq!(receipt.len(), 275);
        assert_eq!(
            sha256(&receipt).to_string(),
            "87cd2afe8983dae92fdcb40de6bafff979b2a79607a55535ad70b6140a58f4c9"
        );
    }

    #[test]
    fn a_signed_root_is_read_by_whoever_knows_the_key_and_the_root() {
        let (network, root) = (sha256(b"genesis"), sha256(b"root"));
        let bytes = signed_root().encode();
        let keys = [key(4).public(), key(3).public()];
        assert_eq!(
            SignedRoot::read(&network, &keys, &root, &bytes),
            Ok(signed_root())
        );
        assert!(bytes.len() <= MAX_SIGNED_ROOT_BYTES);
        let other = sha256(b"another");
        let read = |network, keys: &[PublicKey], root, bytes: &[u8]| {
            SignedRoot::read(network, keys, root, bytes).is_ok()
        };
        assert!(!read(&other, &keys, &root, &bytes));
        assert!(!read(&network, &keys[..1], &root, &bytes));
        assert!(!read(&network, &keys, &other, &bytes));
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert!(!read(&network, &keys, &root, &changed), "byte {place}");
        }
        for length in 0..bytes.len() {
            assert!(!read(&network, &keys, &root, &bytes[..length]));
        }
    }

    #[test]
    fn numbers_have_their_shortest_form() {
        for (number, expected) in [
            (0, "00"),
            (23, "17"),
            (24, "1818"),
            (255, "18ff"),
            (256, "190100"),
            (65_535, "19ffff"),
            (65_536, "1a00010000"),
            (u64::from(u32::MAX), "1affffffff"),
            (1 << 32, "1b0000000100000000"),
            (u64::MAX, "1bffffffffffffffff"),
        ] {
            let mut bytes = Vec::new();
            head(UNSIGNED, number, &mut bytes);
            assert_eq!(hex::encode(bytes), expected);
        }
        let alone = InclusionProof {
            index: 0,
            length: 1,
            path: Vec::new(),
        };
        assert_eq!(signed_root().receipt(&alone), None);
    }
}
