//! Clients' keys in files: PKCS#8 version 1 in PEM, of Ed25519 (RFC 8410) or P-256 (RFC 5915).
//!
//! A P-256 file is as OpenSSL writes it, with the public key inside; files without it, or with a compressed one, are
//! read too. Above an encrypted key stands its public key in the text form of a [`Key`]; bare hex, which stands above
//! validators' keys, is read as Ed25519. A key that is no PKCS#8 (RFC 5915 by itself, `EC PRIVATE KEY`) or lies on another
//! curve is refused with what to do.

use std::path::Path;

use pkcs8::SecretDocument;
use zeroize::Zeroizing;

use super::generic::FileSecret;
use super::{Access, KeyFileError, PemError, ec, generic};
use crate::{ClientSigningKey, Key, PublicKey, SigningKey};

/// What these files hold, in errors.
pub(super) const WANTED: &str = "a private key of the kinds used here (Ed25519 or P-256, PKCS#8 in PEM)";

impl FileSecret for ClientSigningKey {
    type Public = Key;

    const WANTED: Option<&'static str> = Some(WANTED);

    fn to_pkcs8(&self) -> SecretDocument {
        match self {
            Self::Ed25519(key) => key.to_pkcs8(),
            Self::P256(key) => ec::to_pkcs8(key),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, PemError> {
        match SigningKey::from_pkcs8(der) {
            Err(PemError::OtherAlgorithm { algorithm }) if algorithm == ec::ALGORITHM => {
                ec::from_pkcs8(der).map(Self::P256)
            }
            other => other.map(Self::Ed25519),
        }
    }

    fn public(&self) -> Option<Key> {
        Some(self.key())
    }

    fn parse_public(text: &str) -> Option<Key> {
        let bare = || text.parse::<PublicKey>().ok().map(Key::from);
        text.parse().ok().or_else(bare)
    }

    fn foreign(text: &str, label: &str) -> Option<PemError> {
        ec::foreign(text, label)
    }
}

/// Writes `key` into a new file, encrypted if there is a passphrase.
pub fn create(path: &Path, key: &ClientSigningKey, passphrase: Option<&str>) -> Result<(), KeyFileError> {
    generic::create(path, key, passphrase)
}

/// Replaces the key file at `path` by one with another passphrase, or none; the old one must open.
pub fn change_passphrase(path: &Path, old: Option<&str>, new: Option<&str>) -> Result<(), KeyFileError> {
    generic::change_passphrase::<ClientSigningKey>(path, old, new)
}

/// Replaces the key file at `path` by one of `key`, encrypted if there is a passphrase.
pub fn replace(path: &Path, key: &ClientSigningKey, passphrase: Option<&str>) -> Result<(), KeyFileError> {
    generic::replace(path, key, passphrase)
}

/// Reads the key in the file at `path`, which its owner alone may use. A passphrase given for a plain file is not
/// used.
pub fn read(path: &Path, passphrase: Option<&str>) -> Result<ClientSigningKey, KeyFileError> {
    let access = Access {
        passphrase,
        ..Access::default()
    };
    read_with(path, access)
}

/// Does the same for a file that some groups may read too.
pub fn read_with(path: &Path, access: Access<'_>) -> Result<ClientSigningKey, KeyFileError> {
    generic::read(path, access)
}

/// Whether the file at `path`, which its owner alone may use, needs a passphrase.
pub fn is_encrypted(path: &Path) -> Result<bool, KeyFileError> {
    is_encrypted_with(path, &[])
}

/// Does the same for a file that one of `groups` may read too.
pub fn is_encrypted_with(path: &Path, groups: &[u32]) -> Result<bool, KeyFileError> {
    generic::is_encrypted::<ClientSigningKey>(path, groups)
}

/// The key as PEM text, encrypted if there is a passphrase.
pub fn to_pem(key: &ClientSigningKey, passphrase: Option<&str>) -> Result<Zeroizing<String>, PemError> {
    generic::to_pem(key, passphrase)
}

/// The public key that stands above an encrypted key. Whoever can write the file can write another: it is checked
/// when the key is opened, and not before.
pub fn told_public_key(text: &str) -> Option<Key> {
    generic::told_public_key::<ClientSigningKey>(text)
}

/// Whether the file at `path` needs a passphrase, and the public key that it tells if it does.
pub fn look(path: &Path, groups: &[u32]) -> Result<(bool, Option<Key>), KeyFileError> {
    generic::look::<ClientSigningKey>(path, groups)
}

/// The key in a PEM text. A passphrase given for a plain key is not used.
pub fn from_pem(text: &str, passphrase: Option<&str>) -> Result<ClientSigningKey, PemError> {
    generic::from_pem(text, passphrase)
}

/// Whether a PEM text needs a passphrase.
pub fn is_encrypted_pem(text: &str) -> Result<bool, PemError> {
    generic::is_encrypted_pem::<ClientSigningKey>(text)
}
