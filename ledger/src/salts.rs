//! Salts that a wallet derives (`docs/formats.md`, section 4), so that a payment of a file gets the same ones again
//! and is the same transaction, whatever the wallet forgot.
//!
//! A text's salt keeps its hash from confirming guesses, after the text is erased too. So salts follow from a secret of
//! the wallet that nobody else has, and never from a text. Whoever has the secret can confirm guesses of all texts whose
//! salts follow from it: it is kept as keys are.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use quorate_crypto::{ClientSigningKey, Digest, SigningKey, Tag};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{Place, encode};

/// Bytes of a [`SaltLabel`] at most.
pub const MAX_SALT_LABEL_BYTES: usize = 255;

/// A wallet's secret, from which its salts follow. It stands in one place in memory, however often it is moved or
/// cloned, which is zeroed when the last of them is dropped, and it is never printed.
#[derive(Clone)]
pub struct WalletSecret(Arc<Zeroizing<[u8; 32]>>);

/// A payer's word that tells two runs of one file apart; mostly empty, which is its default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SaltLabel<'a>(&'a str);

/// A label of more than [`MAX_SALT_LABEL_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the label has {length} bytes, at most {MAX_SALT_LABEL_BYTES} are allowed")]
pub struct LongSaltLabel {
    /// Bytes found.
    pub length: usize,
}

impl<'a> SaltLabel<'a> {
    /// A label.
    ///
    /// # Errors
    /// If it is too long.
    pub fn new(label: &'a str) -> Result<Self, LongSaltLabel> {
        let length = label.len();
        if length > MAX_SALT_LABEL_BYTES {
            return Err(LongSaltLabel { length });
        }
        Ok(Self(label))
    }
}

impl WalletSecret {
    /// A new secret from the operating system's random source.
    pub fn generate() -> Self {
        let mut secret = Zeroizing::new([0_u8; 32]);
        getrandom::fill(secret.as_mut_slice()).expect("the operating system's random source works");
        Self::from_bytes(&secret)
    }

    /// A secret that was kept; see [`keyfile::secret`](quorate_crypto::keyfile::secret).
    pub fn from_bytes(secret: &[u8; 32]) -> Self {
        Self(Arc::new(Zeroizing::new(*secret)))
    }

    /// The secret that follows from an Ed25519 key's seed.
    pub fn from_ed25519(key: &SigningKey) -> Self {
        Self(Arc::new(authenticate(&key.seed(), Tag::WALLET_SECRET, &[])))
    }

    /// The secret that follows from a key; none of a P-256 key, beside which a secret of its own is kept.
    pub fn of_key(key: &ClientSigningKey) -> Option<Self> {
        match key {
            ClientSigningKey::Ed25519(key) => Some(Self::from_ed25519(key)),
            ClientSigningKey::P256(_) => None,
        }
    }

    /// The secret's bytes, to be kept.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The salt of the text at `place` of the transaction that pays row `row` of a file, or (no place) the
    /// transaction's own. `file` is the SHA-256 of the payments and their payer.
    ///
    /// No two texts may have one salt: whoever pays a row again with other texts gives another label.
    pub fn salt(
        &self,
        network: &Digest,
        file: &Digest,
        row: u64,
        label: SaltLabel<'_>,
        place: Option<Place>,
    ) -> [u8; 16] {
        let length = u8::try_from(label.0.len()).expect("a label has at most 255 bytes");
        let place = encode(&place);
        let content = [
            network.0.as_slice(),
            file.0.as_slice(),
            row.to_le_bytes().as_slice(),
            [length].as_slice(),
            label.0.as_bytes(),
            place.as_slice(),
        ]
        .concat();
        let code = authenticate(&self.0, Tag::WALLET_SALT, &content);
        let mut salt = [0; 16];
        salt.copy_from_slice(&code[..16]);
        salt
    }
}

/// HMAC-SHA-256 (RFC 2104) of `content` under a tag.
fn authenticate(secret: &[u8; 32], tag: Tag, content: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(&tag.preimage(content));
    let mut code = Zeroizing::new([0_u8; 32]);
    code.copy_from_slice(mac.finalize().into_bytes().as_slice());
    code
}

impl fmt::Debug for WalletSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WalletSecret")
    }
}
