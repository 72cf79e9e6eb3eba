//! Secrets in files: PKCS#8 version 1 in PEM, which `openssl pkey` reads and writes.
//!
//! What is here are the files of validators', nodes' and witnesses' keys, which are Ed25519 alone. Clients' keys, of
//! both kinds, are in files by [`client`], and a wallet's secret by [`secret`]: their functions have the same names. All
//! three share their rules for modes, passphrases and names of files, and their errors.
//!
//! With a passphrase the file is an `ENCRYPTED PRIVATE KEY` under PBES2 (scrypt with N = 2^14, r = 8,
//! p = 5, and AES-256-CBC), else a `PRIVATE KEY`. To guess at these costs is as hard as OWASP advises
//! (Password Storage Cheat Sheet; its first choice, N = 2^17 and p = 1, needs more memory than OpenSSL
//! grants to scrypt). The passphrase counts in UTF-8 and Unicode's form NFC. Files are created whole or
//! not at all, readable by their owner alone, and never overwritten; a file that anybody else may read is
//! refused, but for groups that the caller names ([`Access`]). Above an encrypted key stands its public
//! key, as text that PEM's readers pass over (RFC 7468, section 2), so that whoever has lost track of files
//! need not open each. Version 2 files, which carry the public key too, are read as well, also as ring wrote
//! them up to its version 0.16.

pub mod client;
mod ec;
mod foreign;
mod forms;
pub mod generic;
pub mod secret;

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{Decode as _, SecretDocument};
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::{Kdf, Parameters};
use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use self::generic::FileSecret;
use crate::{PublicKey, SigningKey};

/// The most bytes of a key file; real ones have a few hundred.
pub const MAX_BYTES: u64 = 16 * 1024;

/// What stands above an encrypted key, before its public key in hex.
const PUBLIC_LABEL: &str = "Public key: ";

/// Ed25519 (RFC 8410).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// An Ed25519 private key inside PKCS#8 is an octet string of 32 bytes.
const OCTETS_32: [u8; 2] = [0x04, 0x20];

/// How ring up to version 0.16 wrote an Ed25519 key, in version 2 of PKCS#8 but for its last part: this, the seed, ...
const RING_HEAD: [u8; 16] = [
    0x30, 0x53, 0x02, 0x01, 0x01, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
/// ... this, and the public key, as an explicit `[1]` with a bit string where RFC 5958 has an implicit one.
const RING_MIDDLE: [u8; 5] = [0xa1, 0x23, 0x03, 0x21, 0x00];

/// The most memory that a key file may ask scrypt for, in bytes (128 · N · r).
const MAX_SCRYPT_MEMORY: u64 = 256 * 1024 * 1024;

/// The most scrypt lanes that a key file may ask for.
const MAX_SCRYPT_LANES: u16 = 16;

/// The most rounds that a key file may ask PBKDF2 for.
const MAX_PBKDF2_ROUNDS: u32 = 10_000_000;

/// Why a key file was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file could not be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file or its folder could not be written.
    #[error("{} cannot be written: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no such file.
    #[error("{}: there is no such file", path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// There is a file already, and keys are never overwritten.
    #[error("{}: the file exists, and keys are never overwritten", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Others than the owner may use the file.
    #[error("{}: {loose}", path.display())]
    LoosePermissions {
        /// The file.
        path: PathBuf,
        /// Who may.
        loose: Loose,
    },
    /// A folder, a pipe or a device.
    #[error("{}: not a regular file", path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// Larger than any key file.
    #[error("{}: more than {MAX_BYTES} bytes, which no key file has", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The content is not a key.
    #[error("{}: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PemError,
    },
}

/// Who may use a file of secrets besides its owner, and should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Loose {
    /// Everybody may do something with it, or its group more than read it.
    #[error("others may use this file (mode {mode:04o}): make it yours alone with chmod 600")]
    Others {
        /// The file's permission bits.
        mode: u32,
    },
    /// Its group may read it, and that was not allowed.
    #[error(
        "its group may read this file (mode {mode:04o}): make it yours alone with chmod 600 or, where a group of \
         this process has to read it, allow that with --allow-group-read (QUORATE_ALLOW_GROUP_READ=true)"
    )]
    Group {
        /// The file's permission bits.
        mode: u32,
    },
    /// Its group may read it, and the process is not in that group.
    #[error(
        "group {group} may read this file (mode {mode:04o}), and this process is not in that group: \
         --allow-group-read allows a group of this process alone"
    )]
    OtherGroup {
        /// The file's permission bits.
        mode: u32,
        /// The file's group.
        group: u32,
    },
}

impl Loose {
    /// The file's permission bits.
    pub fn mode(&self) -> u32 {
        match self {
            Self::Others { mode } | Self::Group { mode } | Self::OtherGroup { mode, .. } => *mode,
        }
    }
}

/// How a key file is opened.
#[derive(Clone, Copy, Default)]
pub struct Access<'a> {
    /// What opens an encrypted key.
    pub passphrase: Option<&'a str>,
    /// The groups that may read the file besides its owner. Empty unless the user allows it, and then those
    /// that the process is in: containers are given secrets so, as files of root that their group may read.
    pub groups: &'a [u32],
}

/// Refuses a file of secrets that others than its owner may use; one of `groups` may read it.
pub fn check_mode(metadata: &Metadata, groups: &[u32]) -> Result<(), Loose> {
    let (mode, group) = (metadata.mode() & 0o777, metadata.gid());
    if mode & 0o077 == 0 {
        Ok(())
    } else if mode & 0o037 != 0 {
        Err(Loose::Others { mode })
    } else if groups.is_empty() {
        Err(Loose::Group { mode })
    } else if groups.contains(&group) {
        Ok(())
    } else {
        Err(Loose::OtherGroup { mode, group })
    }
}

/// Why a PEM text gave no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// Not PEM, or of something else than a private key in PKCS#8.
    #[error("not a private key of the kind used here (Ed25519, PKCS#8 in PEM): {reason}")]
    NotAKey {
        /// What it looks like, and what to do.
        reason: String,
    },
    /// A private key of another algorithm.
    #[error(
        "a key of algorithm {}, not Ed25519 ({ED25519}): `quorate keys new FILE` makes one",
        foreign::algorithm(algorithm)
    )]
    OtherAlgorithm {
        /// The algorithm's object identifier.
        algorithm: String,
    },
    /// An encryption that this program does not undo.
    #[error(
        "the key is encrypted in a way that is not supported, {reason}: `openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE \
         -out NEW` writes it in one that is"
    )]
    UnsupportedEncryption {
        /// In which way.
        reason: String,
    },
    /// The key is encrypted and no passphrase was given.
    #[error("the key is encrypted: a passphrase is needed")]
    PassphraseNeeded,
    /// The passphrase does not open the key.
    #[error("the passphrase does not open the key")]
    WrongPassphrase,
    /// An empty passphrase protects nothing.
    #[error("an empty passphrase protects nothing")]
    EmptyPassphrase,
    /// Not the secret that was looked for, where that is something else than an Ed25519 key.
    #[error("not {wanted}: {reason}")]
    NotWanted {
        /// What was looked for.
        wanted: &'static str,
        /// What it looks like, and what to do.
        reason: String,
    },
}

impl KeyFileError {
    /// Whether the reason is permission: a loose file, or a missing or wrong passphrase.
    pub fn is_permission(&self) -> bool {
        match self {
            Self::LoosePermissions { .. } => true,
            Self::Content { source, .. } => {
                matches!(source, PemError::PassphraseNeeded | PemError::WrongPassphrase)
            }
            Self::Unreadable { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            Self::Unwritable { .. }
            | Self::NotFound { .. }
            | Self::Exists { .. }
            | Self::NotAFile { .. }
            | Self::TooLarge { .. } => false,
        }
    }
}

/// Writes `key` into a new file, encrypted if there is a passphrase.
pub fn create(path: &Path, key: &SigningKey, passphrase: Option<&str>) -> Result<(), KeyFileError> {
    generic::create(path, key, passphrase)
}

/// Replaces the key file at `path` by one with another passphrase, or none; the old one must open.
pub fn change_passphrase(path: &Path, old: Option<&str>, new: Option<&str>) -> Result<(), KeyFileError> {
    generic::change_passphrase::<SigningKey>(path, old, new)
}

/// Replaces the key file at `path` by one of `key`, encrypted if there is a passphrase.
pub fn replace(path: &Path, key: &SigningKey, passphrase: Option<&str>) -> Result<(), KeyFileError> {
    generic::replace(path, key, passphrase)
}

/// Reads the key in the file at `path`, which its owner alone may use. A passphrase given for a plain file is not
/// used.
pub fn read(path: &Path, passphrase: Option<&str>) -> Result<SigningKey, KeyFileError> {
    let access = Access {
        passphrase,
        ..Access::default()
    };
    read_with(path, access)
}

/// Does the same for a file that some groups may read too.
pub fn read_with(path: &Path, access: Access<'_>) -> Result<SigningKey, KeyFileError> {
    generic::read(path, access)
}

/// Whether the file at `path`, which its owner alone may use, needs a passphrase.
pub fn is_encrypted(path: &Path) -> Result<bool, KeyFileError> {
    is_encrypted_with(path, &[])
}

/// Does the same for a file that one of `groups` may read too.
pub fn is_encrypted_with(path: &Path, groups: &[u32]) -> Result<bool, KeyFileError> {
    generic::is_encrypted::<SigningKey>(path, groups)
}

/// The key as PEM text, encrypted if there is a passphrase.
pub fn to_pem(key: &SigningKey, passphrase: Option<&str>) -> Result<Zeroizing<String>, PemError> {
    generic::to_pem(key, passphrase)
}

/// The public key that stands above an encrypted key. Whoever can write the file can write another: it is checked
/// when the key is opened, and not before.
pub fn told_public_key(text: &str) -> Option<PublicKey> {
    generic::told_public_key::<SigningKey>(text)
}

/// Whether the file at `path` needs a passphrase, and the public key that it tells if it does.
pub fn look(path: &Path, groups: &[u32]) -> Result<(bool, Option<PublicKey>), KeyFileError> {
    generic::look::<SigningKey>(path, groups)
}

/// The key in a PEM text. A passphrase given for a plain key is not used.
pub fn from_pem(text: &str, passphrase: Option<&str>) -> Result<SigningKey, PemError> {
    generic::from_pem(text, passphrase)
}

/// Whether a PEM text needs a passphrase.
pub fn is_encrypted_pem(text: &str) -> Result<bool, PemError> {
    generic::is_encrypted_pem::<SigningKey>(text)
}

/// scrypt and AES-256-CBC with fresh salt and initialization vector.
fn encryption() -> Parameters {
    let mut salt = [0; 16];
    let mut initial = [0; 16];
    getrandom::fill(&mut salt).expect("the operating system's random source works");
    getrandom::fill(&mut initial).expect("the operating system's random source works");
    let cost = pkcs8::pkcs5::scrypt::Params::new(14, 8, 5).expect("the cost is within scrypt's range");
    Parameters::generate_scrypt_aes256cbc(cost, &salt, initial).expect("the parameters are valid")
}

/// The text of a key file.
pub fn text_of(bytes: &[u8]) -> Result<Zeroizing<String>, PemError> {
    let text = std::str::from_utf8(bytes).map_err(|_| foreign::no_text(bytes))?;
    // Editors of some systems put this mark before what they save as UTF-8, and nobody can see it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Ok(Zeroizing::new(text.to_owned()))
}

/// Refuses what would take too much memory or time, or what scrypt has no meaning for.
fn check_cost(scheme: &EncryptionScheme) -> Result<(), PemError> {
    let unsupported = |reason: &str| {
        Err(PemError::UnsupportedEncryption {
            reason: reason.to_owned(),
        })
    };
    let EncryptionScheme::Pbes2(parameters) = scheme else {
        return unsupported("by PBES1");
    };
    match &parameters.kdf {
        Kdf::Scrypt(scrypt) => {
            let cost = scrypt.cost_parameter;
            let memory = cost
                .checked_mul(128)
                .and_then(|bytes| bytes.checked_mul(u64::from(scrypt.block_size)));
            if !cost.is_power_of_two() || cost < 2 || scrypt.block_size == 0 || scrypt.parallelization == 0 {
                unsupported("by scrypt with invalid parameters")
            } else if memory.is_none_or(|bytes| bytes > MAX_SCRYPT_MEMORY)
                || scrypt.parallelization > MAX_SCRYPT_LANES
            {
                unsupported("by scrypt with parameters that ask for too much memory or time")
            } else {
                Ok(())
            }
        }
        Kdf::Pbkdf2(pbkdf2) if pbkdf2.iteration_count == 0 || pbkdf2.iteration_count > MAX_PBKDF2_ROUNDS => {
            unsupported("by PBKDF2 with no rounds or too many")
        }
        Kdf::Pbkdf2(_) => Ok(()),
        _ => unsupported("with an unknown derivation of the key"),
    }
}

impl FileSecret for SigningKey {
    type Public = PublicKey;

    const WANTED: Option<&'static str> = None;

    fn to_pkcs8(&self) -> SecretDocument {
        let mut octets = Zeroizing::new([0; 34]);
        octets[..2].copy_from_slice(&OCTETS_32);
        octets[2..].copy_from_slice(self.seed().as_slice());
        let algorithm = pkcs8::AlgorithmIdentifierRef {
            oid: ED25519,
            parameters: None,
        };
        let private = OctetStringRef::new(octets.as_slice()).expect("34 bytes fit into an octet string");
        let info = PrivateKeyInfoRef::new(algorithm, private);
        SecretDocument::try_from(&info).expect("an Ed25519 key fits into PKCS#8")
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, PemError> {
        let not_a_key = |reason: String| PemError::NotAKey { reason };
        if let Some((seed, public)) = as_ring_wrote_it(der) {
            return with_public(Self::from_seed(seed), Some(public));
        }
        let info = PrivateKeyInfoRef::from_der(der).map_err(|_| foreign::broken_contents())?;
        if info.algorithm.oid != ED25519 {
            return Err(PemError::OtherAlgorithm {
                algorithm: info.algorithm.oid.to_string(),
            });
        }
        if info.algorithm.parameters.is_some() {
            return Err(not_a_key("Ed25519 has no parameters".to_owned()));
        }
        let seed: Option<&[u8; 32]> = info
            .private_key
            .as_bytes()
            .strip_prefix(&OCTETS_32)
            .and_then(|seed| seed.try_into().ok());
        let key = Self::from_seed(seed.ok_or_else(|| not_a_key("not 32 bytes of key".to_owned()))?);
        match info.public_key {
            None => Ok(key),
            Some(public) => with_public(key, public.as_bytes()),
        }
    }

    fn public(&self) -> Option<PublicKey> {
        Some(Self::public(self))
    }

    fn parse_public(text: &str) -> Option<PublicKey> {
        text.parse().ok()
    }
}

/// The seed and the public key.
fn as_ring_wrote_it(der: &[u8]) -> Option<(&[u8; 32], &[u8])> {
    let (seed, rest) = der.strip_prefix(&RING_HEAD)?.split_first_chunk()?;
    let public = rest.strip_prefix(&RING_MIDDLE)?;
    (public.len() == 32).then_some((seed, public))
}

/// The key, if this is its public part.
fn with_public(key: SigningKey, public: Option<&[u8]>) -> Result<SigningKey, PemError> {
    if public == Some(key.public().as_bytes().as_slice()) {
        Ok(key)
    } else {
        Err(PemError::NotAKey {
            reason: "its public part belongs to another key".to_owned(),
        })
    }
}

fn read_text(path: &Path, groups: &[u32]) -> Result<Zeroizing<String>, KeyFileError> {
    let not_a_file = || KeyFileError::NotAFile {
        path: path.to_owned(),
    };
    // Looked at before it is opened, as opening a pipe would wait for a writer.
    if !fs::metadata(path).map_err(unreadable(path))?.is_file() {
        return Err(not_a_file());
    }
    let file = File::open(path).map_err(unreadable(path))?;
    let metadata = file.metadata().map_err(unreadable(path))?;
    if !metadata.is_file() {
        return Err(not_a_file());
    }
    check_mode(&metadata, groups).map_err(|loose| KeyFileError::LoosePermissions {
        path: path.to_owned(),
        loose,
    })?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES as usize + 1));
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable(path))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(KeyFileError::TooLarge {
            path: path.to_owned(),
        });
    }
    text_of(&bytes).map_err(content(path))
}

/// A complete key file under a passing name beside its final one; removed if it is not published.
struct Draft {
    path: PathBuf,
}

impl Draft {
    fn write(target: &Path, bytes: &[u8]) -> Result<Self, KeyFileError> {
        let mut salt = [0; 8];
        getrandom::fill(&mut salt).expect("the operating system's random source works");
        let mut name = target
            .file_name()
            .ok_or_else(|| KeyFileError::NotAFile {
                path: target.to_owned(),
            })?
            .to_owned();
        name.push(format!(".{}.new", hex::encode(salt)));
        let path = target.with_file_name(name);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(unwritable(target))?;
        let draft = Self { path };
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(unwritable(target))?;
        Ok(draft)
    }

    /// Gives the file its name, unless there is one of that name.
    fn publish_new(self, target: &Path) -> Result<(), KeyFileError> {
        fs::hard_link(&self.path, target).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => KeyFileError::Exists {
                path: target.to_owned(),
            },
            _ => unwritable(target)(error),
        })?;
        drop(self);
        sync_folder(target)
    }

    /// Gives the file its name, in place of the one that has it.
    fn publish_over(self, target: &Path) -> Result<(), KeyFileError> {
        fs::rename(&self.path, target).map_err(unwritable(target))?;
        sync_folder(target)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a rename there is nothing to remove; else the name alone is left over, which harms nobody.
        let _ = fs::remove_file(&self.path);
    }
}

fn sync_folder(target: &Path) -> Result<(), KeyFileError> {
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(unwritable(target))
}

fn unwritable(path: &Path) -> impl Fn(io::Error) -> KeyFileError {
    move |source| KeyFileError::Unwritable {
        path: path.to_owned(),
        source,
    }
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> KeyFileError {
    move |source| {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => KeyFileError::NotFound { path },
            _ => KeyFileError::Unreadable { path, source },
        }
    }
}

fn content(path: &Path) -> impl Fn(PemError) -> KeyFileError {
    move |source| KeyFileError::Content {
        path: path.to_owned(),
        source,
    }
}
