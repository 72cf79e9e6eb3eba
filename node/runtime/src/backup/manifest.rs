//! What a backup says of itself: where it comes from, and each file's size, mode and hash.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use quorate_crypto::{Digest, Height, PublicKey, sha256};
use quorate_ledger::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::BackupError;
use super::contents::{self, CHAIN_HEAD};

/// The format that this release writes, and the only one that it reads.
const FORMAT: u32 = 1;
/// The manifest's file.
const NAME: &str = "manifest.json";
/// The file with the manifest's hash.
const SUM_NAME: &str = "manifest.sha256";
/// The most bytes of a manifest: some 300,000 files of a chain, and so more than 15 TB.
const MAX_BYTES: u64 = 64 << 20;

/// What is in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the format.
    pub format: u32,
    /// The version of the program that made the backup.
    pub software: String,
    /// When it was made, by that machine's clock.
    #[serde(with = "quorate_client::text::rfc3339")]
    pub made: Timestamp,
    /// The network; none for a home without a genesis document.
    pub network: Option<Digest>,
    /// The validator's name in the genesis document; none if that is not known.
    pub validator: Option<String>,
    /// The validator's public key; none if its file does not tell.
    pub validator_key: Option<PublicKey>,
    /// The last block of the chain; none for a backup without a chain.
    pub chain: Option<ChainTip>,
    /// Whether keys are in the backup.
    pub keys: KeyState,
    /// The files, in the order of their paths.
    pub files: Vec<FileEntry>,
}

/// The last certified block of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainTip {
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub block_hash: Digest,
    /// The root of the state after it.
    pub state_root: Digest,
}

/// Whether keys are in a backup, and what protects them there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// There are keys, and each needs a passphrase.
    Encrypted,
    /// There are keys, and whoever reads the backup has one.
    Plain,
    /// There are none.
    Absent,
}

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Where it is in the home, with `/` between folder and file.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its permission bits.
    pub mode: Mode,
    /// Its SHA-256.
    pub sha256: Digest,
}

/// A file's permission bits; in JSON as `chmod` takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(u32);

impl Mode {
    /// The bits that count of a file's mode.
    pub(super) fn of(mode: u32) -> Self {
        Self(mode & 0o777)
    }

    /// The same without what anybody but the owner may do, and without execution.
    pub(super) fn of_secret(self) -> Self {
        Self(self.0 & 0o600)
    }

    /// The bits.
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match u32::from_str_radix(&text, 8) {
            Ok(bits) if bits <= 0o777 => Ok(Self(bits)),
            _ => Err(serde::de::Error::custom("expected permission bits such as 0600")),
        }
    }
}

impl Manifest {
    /// One in the format of this release.
    pub(super) fn new(made: Timestamp) -> Self {
        Self {
            format: FORMAT,
            software: env!("CARGO_PKG_VERSION").to_owned(),
            made,
            network: None,
            validator: None,
            validator_key: None,
            chain: None,
            keys: KeyState::Absent,
            files: Vec::new(),
        }
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files
            .iter()
            .fold(0, |sum, file| sum.saturating_add(file.bytes))
    }

    /// Writes it into a backup, flushed, and gives the digest by which the backup is known from now on.
    pub(super) fn write(&self, backup: &Path) -> Result<Digest, BackupError> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a manifest is JSON");
        bytes.push(b'\n');
        let digest = sha256(&bytes);
        let sum = sum_of(&digest);
        for (name, content) in [(NAME, bytes.as_slice()), (SUM_NAME, sum.as_bytes())] {
            let path = backup.join(name);
            let written = File::create_new(&path).and_then(|mut file| {
                file.write_all(content)?;
                file.sync_all()
            });
            written.map_err(|source| BackupError::Unwritable { path, source })?;
        }
        Ok(digest)
    }

    /// Reads a backup's manifest, which must be whole and say what a manifest can say; and the digest of it, which
    /// must be `expected` if that is given.
    pub(super) fn read(backup: &Path, expected: Option<Digest>) -> Result<(Self, Digest), BackupError> {
        if !backup.is_dir() {
            return Err(BackupError::NotFound {
                path: backup.to_owned(),
            });
        }
        let damaged = |what: String| BackupError::Damaged {
            backup: backup.to_owned(),
            what,
        };
        let bytes = read(backup, NAME)?;
        let digest = sha256(&bytes);
        if let Some(expected) = expected.filter(|expected| *expected != digest) {
            return Err(BackupError::OtherDigest {
                backup: backup.to_owned(),
                found: digest,
                expected,
            });
        }
        if read(backup, SUM_NAME)? != sum_of(&digest).as_bytes() {
            return Err(damaged(format!("{NAME} is not the one that {SUM_NAME} tells of")));
        }
        let malformed = |error: serde_json::Error| damaged(format!("{NAME} cannot be read: {error}"));
        // Fields of another format may be unknown here.
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let Version { format } = serde_json::from_slice(&bytes).map_err(malformed)?;
        if format != FORMAT {
            return Err(BackupError::OtherFormat {
                backup: backup.to_owned(),
                found: format,
                supported: FORMAT,
            });
        }
        let manifest: Self = serde_json::from_slice(&bytes).map_err(malformed)?;
        manifest.check().map_err(damaged)?;
        Ok((manifest, digest))
    }

    /// Refuses what no backup has. Where files are restored to follows from their paths, so these are among the few
    /// that a backup can have: a journal in particular is not.
    fn check(&self) -> Result<(), String> {
        let mut before = "";
        for FileEntry { path, .. } in &self.files {
            if !contents::belongs(path) {
                return Err(format!("{NAME} lists {path:?}, which no backup has"));
            }
            if path.as_str() <= before {
                return Err(format!("{NAME} lists {path:?} out of order"));
            }
            before = path;
        }
        let has_keys = self.files.iter().any(|file| contents::is_key(&file.path));
        if has_keys != (self.keys != KeyState::Absent) {
            return Err(format!("{NAME} contradicts itself about keys"));
        }
        let has_head = self.files.iter().any(|file| file.path == CHAIN_HEAD);
        let has_more = self.files.iter().any(|file| contents::is_of_chain(&file.path));
        if has_head != self.chain.is_some() || has_more != has_head {
            return Err(format!("{NAME} contradicts itself about the chain"));
        }
        Ok(())
    }
}

/// The line of `sha256sum` about the manifest.
fn sum_of(digest: &Digest) -> String {
    format!("{digest}  {NAME}\n")
}

/// Reads one of the two files.
fn read(backup: &Path, name: &str) -> Result<Vec<u8>, BackupError> {
    let damaged = |what: String| BackupError::Damaged {
        backup: backup.to_owned(),
        what,
    };
    let path = backup.join(name);
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() as u64 > MAX_BYTES => Err(damaged(format!("{name} is longer than any"))),
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(damaged(format!(
            "it has no {name}, so it is not a backup, or not a whole one"
        ))),
        Err(source) => Err(BackupError::Unreadable { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str) -> FileEntry {
        FileEntry {
            path: path.to_owned(),
            bytes: 1,
            mode: Mode::of(0o600),
            sha256: Digest([1; 32]),
        }
    }

    fn listing(paths: &[&str]) -> Manifest {
        Manifest {
            files: paths.iter().map(|path| entry(path)).collect(),
            ..Manifest::new(Timestamp(1))
        }
    }

    const TIP: ChainTip = ChainTip {
        height: Height(7),
        block_hash: Digest([2; 32]),
        state_root: Digest([3; 32]),
    };

    #[test]
    fn a_manifest_is_read_back_and_known_by_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = Manifest {
            keys: KeyState::Encrypted,
            chain: Some(TIP),
            ..listing(&[
                "chain/CURRENT",
                "config.toml",
                "evidence/0-1-double_seal-0.evidence",
                "validator.key",
                "witness.key",
            ])
        };
        let digest = manifest.write(folder.path()).unwrap();
        let read = Manifest::read(folder.path(), Some(digest)).unwrap();
        assert_eq!(read, (manifest.clone(), digest));
        let other = Manifest::read(folder.path(), Some(Digest([9; 32])));
        assert!(matches!(other, Err(BackupError::OtherDigest { .. })));
        // A second one would be another backup's.
        assert!(matches!(
            manifest.write(folder.path()),
            Err(BackupError::Unwritable { .. })
        ));
    }

    #[test]
    fn paths_that_no_backup_has_are_refused() {
        for path in [
            "",
            ".",
            "..",
            "/etc/passwd",
            "../config.toml",
            "chain",
            "chain/",
            "chain/../config.toml",
            "chain/a/b",
            "chain/.hidden",
            "chain/a\u{0}b",
            "config.toml/",
            "journal/CURRENT",
            "quarantined",
            "lock",
            "Config.toml",
        ] {
            let error = listing(&[path]).check().unwrap_err();
            assert!(error.contains("which no backup has"), "{path:?}: {error}");
        }
        assert_eq!(listing(&["config.toml", "genesis.toml"]).check(), Ok(()));
    }

    #[test]
    fn a_manifest_that_contradicts_itself_is_refused() {
        for twice in [["config.toml", "config.toml"], ["genesis.toml", "config.toml"]] {
            assert!(listing(&twice).check().unwrap_err().contains("out of order"));
        }
        assert!(listing(&["node.key"]).check().unwrap_err().contains("keys"));
        assert!(
            listing(&["chain/000001.sst"])
                .check()
                .unwrap_err()
                .contains("chain")
        );
        assert!(listing(&["chain/CURRENT"]).check().unwrap_err().contains("chain"));
        let without_files = Manifest {
            chain: Some(TIP),
            ..listing(&["config.toml"])
        };
        assert!(without_files.check().unwrap_err().contains("chain"));
    }

    #[test]
    fn a_manifest_of_another_format_is_named_and_not_called_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = br#"{"format": 2, "something": "new"}"#;
        std::fs::write(folder.path().join(NAME), bytes).unwrap();
        std::fs::write(folder.path().join(SUM_NAME), sum_of(&sha256(bytes))).unwrap();
        let error = Manifest::read(folder.path(), None).unwrap_err();
        assert!(
            matches!(error, BackupError::OtherFormat { found: 2, .. }),
            "{error}"
        );
    }

    #[test]
    fn permission_bits_are_written_as_chmod_takes_them() {
        let mode = Mode::of(0o100_640);
        assert_eq!(serde_json::to_string(&mode).unwrap(), "\"0640\"");
        assert_eq!(serde_json::from_str::<Mode>("\"0640\"").unwrap(), mode);
        assert_eq!(mode.of_secret().bits(), 0o600);
        for wrong in ["\"1000\"", "\"4755\"", "\"rw\"", "\"\"", "\"-1\"", "384"] {
            assert!(serde_json::from_str::<Mode>(wrong).is_err(), "{wrong}");
        }
    }
}
