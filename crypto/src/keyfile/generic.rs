//! Files of any secret that PKCS#8 can hold, whatever its algorithm. The module above does the same for Ed25519 keys
//! alone, and its text says what a file is like.

use std::fmt::Display;
use std::path::Path;

use pkcs8::der::pem::PemLabel as _;
use pkcs8::der::{Decode as _, SecretDocument};
use pkcs8::{EncryptedPrivateKeyInfoRef, LineEnding, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::{
    Access, Draft, KeyFileError, PUBLIC_LABEL, PemError, check_cost, content, encryption, foreign, forms,
    read_text,
};

/// What to do with a key of another kind: there is no way from it to one of ours.
pub const MAKE: &str = foreign::MAKE;

/// A secret that stands in a file.
pub trait FileSecret: Sized {
    /// What is told of it above an encrypted file.
    type Public: Display + PartialEq;

    /// What it is called in [`PemError::NotWanted`], where something else was found. None: an Ed25519 key, of which
    /// [`PemError::NotAKey`] and [`PemError::OtherAlgorithm`] speak.
    const WANTED: Option<&'static str>;

    /// The secret in PKCS#8.
    fn to_pkcs8(&self) -> SecretDocument;

    /// The secret that this PKCS#8 holds.
    ///
    /// # Errors
    /// [`PemError::NotAKey`] for what is damaged, as a wrong passphrase leaves it too, and
    /// [`PemError::OtherAlgorithm`], both put in this secret's own words later; others as they are.
    fn from_pkcs8(der: &[u8]) -> Result<Self, PemError>;

    /// What is told of it above an encrypted file; none if nothing is.
    fn public(&self) -> Option<Self::Public>;

    /// What this text above an encrypted file tells; none if it is something else.
    fn parse_public(text: &str) -> Option<Self::Public>;

    /// What is to be said of a text whose first PEM block has this label, which is none of a private key in PKCS#8; the
    /// text has no other block of such a key. None: what is said of every such label.
    fn foreign(_text: &str, _label: &str) -> Option<PemError> {
        None
    }
}

/// Writes `secret` into a new file, encrypted if there is a passphrase.
pub fn create<S: FileSecret>(path: &Path, secret: &S, passphrase: Option<&str>) -> Result<(), KeyFileError> {
    let text = to_pem(secret, passphrase).map_err(content(path))?;
    let draft = Draft::write(path, text.as_bytes())?;
    draft.publish_new(path)
}

/// Replaces the file at `path` by one with another passphrase, or none; the old one must open.
pub fn change_passphrase<S: FileSecret>(
    path: &Path,
    old: Option<&str>,
    new: Option<&str>,
) -> Result<(), KeyFileError> {
    let access = Access {
        passphrase: old,
        ..Access::default()
    };
    replace(path, &read::<S>(path, access)?, new)
}

/// Replaces the file at `path` by one of `secret`, encrypted if there is a passphrase.
pub fn replace<S: FileSecret>(path: &Path, secret: &S, passphrase: Option<&str>) -> Result<(), KeyFileError> {
    let text = to_pem(secret, passphrase).map_err(content(path))?;
    let draft = Draft::write(path, text.as_bytes())?;
    draft.publish_over(path)
}

/// Reads the secret in the file at `path`, which its owner and the groups of `access` alone may use. A passphrase given
/// for a plain file is not used.
pub fn read<S: FileSecret>(path: &Path, access: Access<'_>) -> Result<S, KeyFileError> {
    let text = read_text(path, access.groups)?;
    from_pem(&text, access.passphrase).map_err(content(path))
}

/// Whether the file at `path`, which its owner and `groups` alone may use, needs a passphrase.
pub fn is_encrypted<S: FileSecret>(path: &Path, groups: &[u32]) -> Result<bool, KeyFileError> {
    let text = read_text(path, groups)?;
    is_encrypted_pem::<S>(&text).map_err(content(path))
}

/// Whether the file at `path` needs a passphrase, and what it tells of its secret if it does.
pub fn look<S: FileSecret>(path: &Path, groups: &[u32]) -> Result<(bool, Option<S::Public>), KeyFileError> {
    let text = read_text(path, groups)?;
    let encrypted = is_encrypted_pem::<S>(&text).map_err(content(path))?;
    Ok((encrypted, told_public_key::<S>(&text).filter(|_| encrypted)))
}

/// The secret as PEM text, encrypted if there is a passphrase.
pub fn to_pem<S: FileSecret>(secret: &S, passphrase: Option<&str>) -> Result<Zeroizing<String>, PemError> {
    let document = secret.to_pkcs8();
    let Some(passphrase) = passphrase else {
        return Ok(text_of(&document, PrivateKeyInfoRef::PEM_LABEL));
    };
    if passphrase.is_empty() {
        return Err(PemError::EmptyPassphrase);
    }
    let encrypted = PrivateKeyInfoRef::from_der(document.as_bytes())
        .expect("a secret is written as PKCS#8")
        .encrypt_with_params(encryption(), forms::composed(passphrase).as_bytes())
        .expect("the parameters are valid");
    let text = text_of(&encrypted, EncryptedPrivateKeyInfoRef::PEM_LABEL);
    Ok(match secret.public() {
        Some(public) => Zeroizing::new(format!("{PUBLIC_LABEL}{public}\n{}", text.as_str())),
        None => text,
    })
}

fn text_of(document: &SecretDocument, label: &'static str) -> Zeroizing<String> {
    document
        .to_pem(label, LineEnding::LF)
        .expect("a document can be written as PEM")
}

/// What is told above an encrypted secret. Whoever can write the file can write something else: it is checked when the
/// secret is opened, and not before.
pub fn told_public_key<S: FileSecret>(text: &str) -> Option<S::Public> {
    let (above, _) = text.split_once("-----BEGIN")?;
    let told = above.lines().find_map(|line| line.strip_prefix(PUBLIC_LABEL))?;
    S::parse_public(told.trim_end())
}

/// The secret in a PEM text. A passphrase given for a plain one is not used.
pub fn from_pem<S: FileSecret>(text: &str, passphrase: Option<&str>) -> Result<S, PemError> {
    opened_or_plain(text, passphrase).map_err(in_its_words::<S>)
}

/// Whether a PEM text needs a passphrase.
pub fn is_encrypted_pem<S: FileSecret>(text: &str) -> Result<bool, PemError> {
    let (label, _) = document::<S>(text).map_err(in_its_words::<S>)?;
    Ok(label == EncryptedPrivateKeyInfoRef::PEM_LABEL)
}

/// The algorithm with this object identifier, by name where it has a common one.
pub fn algorithm_name(oid: &str) -> String {
    foreign::algorithm(oid)
}

fn opened_or_plain<S: FileSecret>(text: &str, passphrase: Option<&str>) -> Result<S, PemError> {
    let (label, document) = document::<S>(text)?;
    if label != EncryptedPrivateKeyInfoRef::PEM_LABEL {
        return S::from_pkcs8(document.as_bytes());
    }
    let encrypted =
        EncryptedPrivateKeyInfoRef::from_der(document.as_bytes()).map_err(foreign::broken_encryption)?;
    check_cost(&encrypted.encryption_algorithm)?;
    let passphrase = passphrase.ok_or(PemError::PassphraseNeeded)?;
    let mut opened = open::<S>(&encrypted, passphrase);
    // What another program encrypted, or an earlier version, may be by any form.
    for form in forms::others(passphrase) {
        if !matches!(opened, Err(PemError::WrongPassphrase)) {
            break;
        }
        opened = open(&encrypted, &form);
    }
    let secret = opened?;
    match told_public_key::<S>(text) {
        Some(told) if secret.public().as_ref() != Some(&told) => Err(PemError::NotAKey {
            reason: "the public key above it belongs to another key".to_owned(),
        }),
        _ => Ok(secret),
    }
}

/// The secret, opened by exactly these characters.
fn open<S: FileSecret>(encrypted: &EncryptedPrivateKeyInfoRef<'_>, passphrase: &str) -> Result<S, PemError> {
    let plain = encrypted
        .decrypt(passphrase.as_bytes())
        .map_err(|error| match error {
            pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::DecryptFailed) | pkcs8::Error::Asn1(_) => {
                PemError::WrongPassphrase
            }
            other => foreign::not_opened(&other),
        })?;
    // A wrong passphrase passes the padding's check once in a while and leaves noise.
    S::from_pkcs8(plain.as_bytes()).map_err(|error| match error {
        PemError::NotAKey { .. } => PemError::WrongPassphrase,
        other => other,
    })
}

fn document<S: FileSecret>(text: &str) -> Result<(&str, SecretDocument), PemError> {
    let ours = [
        PrivateKeyInfoRef::PEM_LABEL,
        EncryptedPrivateKeyInfoRef::PEM_LABEL,
    ];
    // The label first: of other kinds of key the content may be of another form too.
    let label = foreign::label(text).ok_or_else(|| foreign::no_block(text))?;
    if !ours.contains(&label) {
        let has_ours = foreign::labels(text).any(|label| ours.contains(&label));
        let own = if has_ours { None } else { S::foreign(text, label) };
        return Err(own.unwrap_or_else(|| foreign::other_kind(text, label, &ours)));
    }
    SecretDocument::from_pem(text).map_err(|_| foreign::broken_block(text, label))
}

/// What Ed25519 keys' errors say, said of this secret.
fn in_its_words<S: FileSecret>(error: PemError) -> PemError {
    match (S::WANTED, error) {
        (Some(wanted), PemError::NotAKey { reason }) => PemError::NotWanted { wanted, reason },
        (Some(wanted), PemError::OtherAlgorithm { algorithm }) => PemError::NotWanted {
            wanted,
            reason: format!("it is a key of algorithm {}: {MAKE}", algorithm_name(&algorithm)),
        },
        (_, error) => error,
    }
}
