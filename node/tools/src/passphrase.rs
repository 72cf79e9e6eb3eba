//! Where passphrases come from: a file, `QUORATE_PASSPHRASE`, or the terminal; never an argument, which
//! every user of the machine could read. A passphrase file is as secret as the key, and held to the same rule.

use std::fs::File;
use std::io::{IsTerminal as _, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::BoolishValueParser;
use quorate_crypto::keyfile::{self, Access, KeyFileError};
use quorate_crypto::{ClientSigningKey, SigningKey};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::interrupt::with_prompt;

/// A passphrase, zeroed when dropped.
pub type Passphrase = Zeroizing<String>;

/// The environment variable of the passphrase.
const VARIABLE: &str = "QUORATE_PASSPHRASE";

/// Where systemd puts a unit's credentials, for its user alone.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The most bytes of a passphrase file that are read.
const MAX_FILE_BYTES: u64 = 4096;

/// Who besides their owner may read files of secrets.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct ReadersArgs {
    /// Take key and passphrase files that a group of this process may read, as containers have them
    #[arg(long, env = "QUORATE_ALLOW_GROUP_READ", value_parser = BoolishValueParser::new())]
    allow_group_read: bool,
}

/// How to open a key.
#[derive(Args, Clone, Debug, Default)]
pub struct PassphraseArgs {
    /// File whose first line is the passphrase of the key (else QUORATE_PASSPHRASE, else the terminal)
    #[arg(long, value_name = "FILE", env = "QUORATE_PASSPHRASE_FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    readers: ReadersArgs,
}

/// How to protect a new key.
#[derive(Args, Clone, Debug, Default)]
pub struct NewPassphraseArgs {
    #[command(flatten)]
    source: PassphraseArgs,
    /// Write the key without a passphrase
    #[arg(long, conflicts_with = "passphrase_file")]
    no_passphrase: bool,
}

impl ReadersArgs {
    /// The groups that may read files of secrets: those of this process, if that was allowed.
    pub fn groups(self) -> Result<Vec<u32>, Failure> {
        if !self.allow_group_read {
            return Ok(Vec::new());
        }
        let others = rustix::process::getgroups()
            .map_err(|error| Failure::failed(format!("the groups of this process are not known: {error}")))?;
        let effective = rustix::process::getegid();
        Ok(std::iter::once(effective)
            .chain(others)
            .map(|group| group.as_raw())
            .collect())
    }
}

impl PassphraseArgs {
    /// A passphrase in this file, or as if no option was given.
    pub fn in_file(passphrase_file: Option<PathBuf>) -> Self {
        Self {
            passphrase_file,
            ..Self::default()
        }
    }

    /// The groups that may read key and passphrase files besides their owners.
    pub fn groups(&self) -> Result<Vec<u32>, Failure> {
        self.readers.groups()
    }

    /// The passphrase that was given without asking anybody.
    pub fn given(&self) -> Result<Option<Passphrase>, Failure> {
        match &self.passphrase_file {
            Some(path) => first_line(path, &self.groups()?).map(Some),
            None => from_environment(VARIABLE),
        }
    }

    /// The passphrase that opens the key file at `path`: none if it has none.
    pub fn for_key(&self, path: &Path) -> Result<Option<Passphrase>, Failure> {
        let encrypted = keyfile::client::is_encrypted_with(path, &self.groups()?)?;
        self.passphrase_if(encrypted, path)
    }

    /// Reads the client's key at `path`: of an account, Ed25519 or P-256.
    pub fn open(&self, path: &Path) -> Result<ClientSigningKey, Failure> {
        self.open_by(
            path,
            keyfile::client::is_encrypted_with,
            keyfile::client::read_with,
        )
    }

    /// Reads the key at `path` of a validator, a node or a witness, which are Ed25519 alone.
    pub fn open_validator(&self, path: &Path) -> Result<SigningKey, Failure> {
        self.open_by(path, keyfile::is_encrypted_with, keyfile::read_with)
    }

    /// Reads the wallet's secret at `path`.
    pub fn open_secret(&self, path: &Path) -> Result<Zeroizing<[u8; 32]>, Failure> {
        self.open_by(
            path,
            keyfile::secret::is_encrypted_with,
            keyfile::secret::read_with,
        )
    }

    fn open_by<T>(
        &self,
        path: &Path,
        is_encrypted: impl FnOnce(&Path, &[u32]) -> Result<bool, KeyFileError>,
        read: impl FnOnce(&Path, Access<'_>) -> Result<T, KeyFileError>,
    ) -> Result<T, Failure> {
        let groups = self.groups()?;
        let passphrase = self.passphrase_if(is_encrypted(path, &groups)?, path)?;
        let access = Access {
            passphrase: passphrase.as_ref().map(|text| text.as_str()),
            groups: &groups,
        };
        Ok(read(path, access)?)
    }

    /// The passphrase of the file at `path`, which is asked for where it was not given; none if it needs none.
    pub fn passphrase_if(&self, encrypted: bool, path: &Path) -> Result<Option<Passphrase>, Failure> {
        if !encrypted {
            return Ok(None);
        }
        if let Some(passphrase) = self.given()? {
            return Ok(Some(passphrase));
        }
        ask(&format!("Passphrase of {}: ", path.display())).map(Some)
    }
}

impl NewPassphraseArgs {
    /// The groups that may read key and passphrase files besides their owners.
    pub fn groups(&self) -> Result<Vec<u32>, Failure> {
        self.source.groups()
    }

    /// Whether the key is to be written without a passphrase.
    pub fn is_none(&self) -> bool {
        self.no_passphrase
    }

    /// The passphrase for a new key; none only if that was asked for.
    pub fn choose(&self, path: &Path) -> Result<Option<Passphrase>, Failure> {
        if self.no_passphrase {
            return Ok(None);
        }
        if let Some(passphrase) = self.source.given()? {
            return not_empty(passphrase).map(Some);
        }
        ask_twice(path).map(Some)
    }
}

/// A new passphrase from `file`, which one of `groups` may read besides its owner, from `variable`, or typed twice.
pub fn choose_new(
    file: Option<&Path>,
    groups: &[u32],
    variable: &str,
    key: &Path,
) -> Result<Passphrase, Failure> {
    let given = match file {
        Some(path) => Some(first_line(path, groups)?),
        None => from_environment(variable)?,
    };
    match given {
        Some(passphrase) => not_empty(passphrase),
        None => ask_twice(key),
    }
}

fn from_environment(variable: &str) -> Result<Option<Passphrase>, Failure> {
    match std::env::var(variable) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::usage(format!("{variable} is not UTF-8"))),
    }
}

fn first_line(path: &Path, groups: &[u32]) -> Result<Passphrase, Failure> {
    let file = File::open(path).map_err(|error| Failure::io(path, &error))?;
    check_mode(&file, path, groups)?;
    // One byte more than is taken tells a longer file from one that just fits.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES as usize + 1));
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::io(path, &error).while_doing("the passphrase file"))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Failure::usage(format!(
            "the passphrase file {} is longer than {MAX_FILE_BYTES} bytes",
            path.display()
        )));
    }
    let text = str::from_utf8(&bytes).map_err(|_| {
        Failure::usage(format!(
            "the passphrase file {} is not text in UTF-8",
            path.display()
        ))
        .hint("save it as UTF-8")
    })?;
    // Editors of some systems put this mark before what they save as UTF-8; nobody can see it, and nobody types it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

/// Refuses a file that others may read.
fn check_mode(file: &File, path: &Path, groups: &[u32]) -> Result<(), Failure> {
    let metadata = file.metadata().map_err(|error| Failure::io(path, &error))?;
    // A terminal keeps nothing.
    if metadata.file_type().is_char_device() {
        return Ok(());
    }
    let own = [metadata.gid()];
    // systemd lets a unit's user read its credentials by an access list, which shows as a right of root's group.
    let groups = if is_credential(path) {
        own.as_slice()
    } else {
        groups
    };
    keyfile::check_mode(&metadata, groups)
        .map_err(|loose| Failure::not_permitted(format!("the passphrase file {}: {loose}", path.display())))
}

fn is_credential(path: &Path) -> bool {
    let folder = std::env::var_os(CREDENTIALS).filter(|folder| !folder.is_empty());
    let (Some(folder), Ok(path)) = (folder, path.canonicalize()) else {
        return false;
    };
    Path::new(&folder)
        .canonicalize()
        .is_ok_and(|folder| path.starts_with(folder))
}

fn not_empty(passphrase: Passphrase) -> Result<Passphrase, Failure> {
    if passphrase.is_empty() {
        Err(Failure::usage("an empty passphrase protects nothing")
            .hint("--no-passphrase writes the key without one"))
    } else {
        Ok(passphrase)
    }
}

fn ask_twice(path: &Path) -> Result<Passphrase, Failure> {
    let first = ask(&format!("New passphrase for {}: ", path.display()))?;
    let first = not_empty(first)?;
    if *ask("The same again: ")? != *first {
        return Err(Failure::usage("the two passphrases differ: nothing was written"));
    }
    Ok(first)
}

fn ask(prompt: &str) -> Result<Passphrase, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(
            Failure::not_permitted("a passphrase is needed and there is no terminal to ask for it").hint(
                format!("give --passphrase-file FILE or set {VARIABLE}; a new key may have --no-passphrase"),
            ),
        );
    }
    with_prompt(|| rpassword::prompt_password(prompt))
        .map(Zeroizing::new)
        .map_err(|error| {
            Failure::failed(format!(
                "the passphrase cannot be read from the terminal: {error}"
            ))
        })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::failure::Exit;

    fn set_mode(path: &Path, mode: u32) {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, permissions).unwrap();
    }

    fn read(contents: &[u8]) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pass.txt");
        std::fs::write(&path, contents).unwrap();
        set_mode(&path, 0o600);
        let line = first_line(&path, &[]).map_err(|failure| failure.to_string())?;
        Ok(line.as_str().to_owned())
    }

    #[test]
    fn case_12_line_ends_and_the_mark_of_an_editor_are_no_part_of_a_passphrase() {
        for contents in [
            "correct horse",
            "correct horse\n",
            "\u{feff}correct horse\r\n",
            "correct horse\nmore",
        ] {
            assert_eq!(read(contents.as_bytes()).unwrap(), "correct horse");
        }
    }

    #[test]
    fn case_13_a_passphrase_that_is_too_long_is_refused_and_not_cut() {
        let most = vec![b'a'; MAX_FILE_BYTES as usize];
        assert_eq!(read(&most).unwrap().len(), most.len());
        let longer = [most, vec![b'a']].concat();
        assert!(read(&longer).unwrap_err().contains("longer than 4096 bytes"));
        assert!(
            read(&[0xff, 0xfe, b'a', 0])
                .unwrap_err()
                .contains("not text in UTF-8")
        );
    }

    #[test]
    fn a_passphrase_file_is_held_to_the_rule_for_key_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pass.txt");
        std::fs::write(&path, "correct horse").unwrap();
        let group = std::fs::metadata(&path).unwrap().gid();
        let read = |mode, groups: &[u32]| {
            set_mode(&path, mode);
            first_line(&path, groups).map(|line| line.as_str().to_owned())
        };
        for mode in [0o666, 0o644, 0o604, 0o660] {
            let failure = read(mode, &[group]).unwrap_err();
            assert_eq!(failure.exit(), Exit::NotPermitted);
            assert!(failure.to_string().contains("chmod 600"), "{failure}");
        }
        let failure = read(0o440, &[]).unwrap_err();
        assert!(failure.to_string().contains("--allow-group-read"), "{failure}");
        for (mode, groups) in [(0o440, [group].as_slice()), (0o600, &[]), (0o400, &[])] {
            assert_eq!(read(mode, groups).unwrap(), "correct horse");
        }
        assert_eq!(first_line(Path::new("/dev/null"), &[]).unwrap().as_str(), "");
    }
}
