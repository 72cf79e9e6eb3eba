//! Where passphrases come from: a file, `QUORATE_PASSPHRASE`, or the terminal; never an argument, which
//! every user of the machine could read.

use std::fs::File;
use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;
use quorate_crypto::SigningKey;
use quorate_crypto::keyfile;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::interrupt::with_prompt;

/// A passphrase, zeroed when dropped.
pub type Passphrase = Zeroizing<String>;

/// The environment variable of the passphrase.
const VARIABLE: &str = "QUORATE_PASSPHRASE";

/// The most bytes of a passphrase file that are read.
const MAX_FILE_BYTES: u64 = 4096;

/// How to open a key.
#[derive(Args, Clone, Debug, Default)]
pub struct PassphraseArgs {
    /// File whose first line is the passphrase of the key (else QUORATE_PASSPHRASE, else the terminal)
    #[arg(long, value_name = "FILE", env = "QUORATE_PASSPHRASE_FILE")]
    passphrase_file: Option<PathBuf>,
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

impl PassphraseArgs {
    /// The passphrase that was given without asking anybody.
    pub fn given(&self) -> Result<Option<Passphrase>, Failure> {
        match &self.passphrase_file {
            Some(path) => first_line(path).map(Some),
            None => from_environment(VARIABLE),
        }
    }

    /// The passphrase that opens the key file at `path`: none if it has none.
    pub fn for_key(&self, path: &Path) -> Result<Option<Passphrase>, Failure> {
        if !keyfile::is_encrypted(path)? {
            return Ok(None);
        }
        if let Some(passphrase) = self.given()? {
            return Ok(Some(passphrase));
        }
        ask(&format!("Passphrase of {}: ", path.display())).map(Some)
    }

    /// Reads the key at `path`.
    pub fn open(&self, path: &Path) -> Result<SigningKey, Failure> {
        let passphrase = self.for_key(path)?;
        Ok(keyfile::read(
            path,
            passphrase.as_ref().map(|text| text.as_str()),
        )?)
    }
}

impl NewPassphraseArgs {
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

/// A new passphrase from `file`, from `variable`, or typed twice.
pub fn choose_new(file: Option<&Path>, variable: &str, key: &Path) -> Result<Passphrase, Failure> {
    let given = match file {
        Some(path) => Some(first_line(path)?),
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

fn first_line(path: &Path) -> Result<Passphrase, Failure> {
    let file = File::open(path).map_err(|error| Failure::io(path, &error))?;
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
    use super::*;

    fn read(contents: &[u8]) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pass.txt");
        std::fs::write(&path, contents).unwrap();
        let line = first_line(&path).map_err(|failure| failure.to_string())?;
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
}
