//! A wallet's secret in a file, from which the salts of its texts come (`docs/formats.md`, section 4): 32 random bytes
//! beside its keys. A wallet whose key is Ed25519 needs no such file, as its secret can follow from the key's seed.
//!
//! The page leaves the form to the wallet. Here it is PKCS#8 as for keys, with the algorithm HMAC with SHA-256 (RFC 8018,
//! `id-hmacWithSHA256`) and the 32 bytes as they are: so it is encrypted as keys are, and no reader of keys takes it for
//! one.

use std::path::Path;

use pkcs8::der::Decode as _;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier, PrivateKeyInfoRef, SecretDocument};
use zeroize::Zeroizing;

use super::generic::{FileSecret, algorithm_name};
use super::{Access, KeyFileError, PemError, generic};

/// What these files hold, in errors.
const WANTED: &str = "a wallet's secret (32 bytes for HMAC with SHA-256, PKCS#8 in PEM)";

const HMAC_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");

/// The 32 bytes.
struct Secret(Zeroizing<[u8; 32]>);

impl FileSecret for Secret {
    /// Nothing is told of a secret.
    type Public = String;

    const WANTED: Option<&'static str> = Some(WANTED);

    fn to_pkcs8(&self) -> SecretDocument {
        let algorithm = AlgorithmIdentifierRef {
            oid: HMAC_SHA256,
            parameters: None,
        };
        let private = OctetStringRef::new(self.0.as_slice()).expect("32 bytes fit into an octet string");
        let info = PrivateKeyInfoRef::new(algorithm, private);
        SecretDocument::try_from(&info).expect("32 bytes fit into PKCS#8")
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, PemError> {
        let not_a_key = |reason: &str| PemError::NotAKey {
            reason: reason.to_owned(),
        };
        let info = PrivateKeyInfoRef::from_der(der)
            .map_err(|_| not_a_key("what is in it is no PKCS#8, it is damaged or cut off"))?;
        if info.algorithm.oid != HMAC_SHA256 {
            let algorithm = algorithm_name(&info.algorithm.oid.to_string());
            return Err(not_wanted(format!("it is a key of algorithm {algorithm}")));
        }
        let secret = <&[u8; 32]>::try_from(info.private_key.as_bytes());
        if info.algorithm.parameters.is_some() || info.public_key.is_some() {
            return Err(not_a_key("a secret has neither parameters nor a public part"));
        }
        let secret = secret.map_err(|_| not_a_key("not 32 bytes of secret"))?;
        Ok(Self(Zeroizing::new(*secret)))
    }

    fn public(&self) -> Option<String> {
        None
    }

    fn parse_public(_text: &str) -> Option<String> {
        None
    }

    fn foreign(_text: &str, _label: &str) -> Option<PemError> {
        Some(not_wanted("it has a block of another kind".to_owned()))
    }
}

/// Writes `secret` into a new file, encrypted if there is a passphrase.
pub fn create(path: &Path, secret: &[u8; 32], passphrase: Option<&str>) -> Result<(), KeyFileError> {
    generic::create(path, &Secret::of(secret), passphrase)
}

/// Replaces the file at `path` by one with another passphrase, or none; the old one must open.
pub fn change_passphrase(path: &Path, old: Option<&str>, new: Option<&str>) -> Result<(), KeyFileError> {
    generic::change_passphrase::<Secret>(path, old, new)
}

/// Reads the secret in the file at `path`, which its owner alone may use. A passphrase given for a plain file is not
/// used.
pub fn read(path: &Path, passphrase: Option<&str>) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    let access = Access {
        passphrase,
        ..Access::default()
    };
    read_with(path, access)
}

/// Does the same for a file that some groups may read too.
pub fn read_with(path: &Path, access: Access<'_>) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    generic::read(path, access).map(|Secret(secret)| secret)
}

/// Whether the file at `path`, which its owner and `groups` alone may use, needs a passphrase.
pub fn is_encrypted_with(path: &Path, groups: &[u32]) -> Result<bool, KeyFileError> {
    generic::is_encrypted::<Secret>(path, groups)
}

/// The secret as PEM text, encrypted if there is a passphrase.
pub fn to_pem(secret: &[u8; 32], passphrase: Option<&str>) -> Result<Zeroizing<String>, PemError> {
    generic::to_pem(&Secret::of(secret), passphrase)
}

/// The secret in a PEM text. A passphrase given for a plain one is not used.
pub fn from_pem(text: &str, passphrase: Option<&str>) -> Result<Zeroizing<[u8; 32]>, PemError> {
    generic::from_pem(text, passphrase).map(|Secret(secret)| secret)
}

impl Secret {
    fn of(secret: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*secret))
    }
}

fn not_wanted(reason: String) -> PemError {
    PemError::NotWanted {
        wanted: WANTED,
        reason,
    }
}
