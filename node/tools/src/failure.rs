//! How a command fails: an exit code that scripts rely on, a message, and what to do about it.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use quorate_client::ClientError;
use quorate_crypto::keyfile::KeyFileError;

/// The exit codes of every command. The numbers are a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Port in use, home locked, disk unwritable, wrong genesis, anything else.
    Failed = 1,
    /// Wrong usage: a malformed address, amount, file or genesis included.
    Usage = 2,
    /// What was asked for is not there.
    NotFound = 3,
    /// Refused by the ledger, expired included; of a bulk payment, any row.
    Refused = 4,
    /// The outcome was unknown at the deadline.
    Unknown = 5,
    /// No node was reached, and nothing was sent.
    Unreachable = 6,
    /// A check failed: a proof, a signature, a comparison, of what a database holds.
    CheckFailed = 7,
    /// A loose key file, a wrong passphrase.
    NotPermitted = 8,
    /// Interrupted by Ctrl-C.
    Interrupted = 130,
}

/// A failed command.
#[derive(Clone, Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// A failure with this exit code and message.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
            hint: None,
        }
    }

    /// Exit code 1.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// Exit code 2.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Exit code 3.
    pub fn not_found(message: impl fmt::Display) -> Self {
        Self::new(Exit::NotFound, message)
    }

    /// Exit code 8.
    pub fn not_permitted(message: impl fmt::Display) -> Self {
        Self::new(Exit::NotPermitted, message)
    }

    /// Says what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Names what was being done, before the message.
    pub fn while_doing(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// A file or folder that could not be read or written.
    pub fn io(path: &Path, error: &io::Error) -> Self {
        let exit = match error.kind() {
            io::ErrorKind::NotFound => Exit::NotFound,
            io::ErrorKind::PermissionDenied => Exit::NotPermitted,
            _ => Exit::Failed,
        };
        Self::new(exit, format!("{}: {error}", path.display()))
    }

    /// A file or folder that could not be written: whatever the reason, the command failed.
    pub fn unwritable(path: &Path, error: &io::Error) -> Self {
        let homeless = Self::without_folder(path).filter(|_| error.kind() == io::ErrorKind::NotFound);
        homeless.unwrap_or_else(|| Self::failed(format!("{}: {error}", path.display())))
    }

    /// That a file or folder cannot be made because the folder around it is not there, if so.
    pub fn without_folder(path: &Path) -> Option<Self> {
        let folder = path.parent()?;
        // One that may not be looked into may be there.
        let is_missing = folder.try_exists().is_ok_and(|exists| !exists);
        if folder.as_os_str().is_empty() || !is_missing {
            return None;
        }
        let failure = Self::failed(format!(
            "{} cannot be written: the folder {} is not there",
            path.display(),
            folder.display()
        ));
        Some(failure.hint(format!("make it first: mkdir -p {}", folder.display())))
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<KeyFileError> for Failure {
    fn from(error: KeyFileError) -> Self {
        let exit = match &error {
            _ if error.is_permission() => Exit::NotPermitted,
            KeyFileError::NotFound { .. } => Exit::NotFound,
            KeyFileError::Content { .. } | KeyFileError::NotAFile { .. } | KeyFileError::TooLarge { .. } => {
                Exit::Usage
            }
            _ => Exit::Failed,
        };
        Self::new(exit, error)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match error.exit_code() {
            2 => Exit::Usage,
            3 => Exit::NotFound,
            4 => Exit::Refused,
            5 => Exit::Unknown,
            6 => Exit::Unreachable,
            7 => Exit::CheckFailed,
            _ => Exit::Failed,
        };
        let failure = Self::new(exit, &error);
        match &error {
            ClientError::Unreachable { .. } => {
                failure.hint("name a node that runs with --node URL or QUORATE_NODE")
            }
            ClientError::Refused { code, .. } if code == "wrong_network" => {
                failure.hint("the transaction was signed for another network: build and sign it for this one")
            }
            _ => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_for_want_of_its_folder_says_so() {
        let there = tempfile::tempdir().unwrap();
        let not_found = io::Error::from(io::ErrorKind::NotFound);
        let missing = there.path().join("none");
        let said = Failure::unwritable(&missing.join("alice.key"), &not_found).to_string();
        let folder = missing.display();
        assert!(
            said.contains(&format!("the folder {folder} is not there")),
            "{said}"
        );
        assert!(said.contains(&format!("mkdir -p {folder}")), "{said}");
        // Where the folder is there, or none is named, the system's word stands.
        for path in [there.path().join("alice.key"), "alice.key".into()] {
            let said = Failure::unwritable(&path, &not_found).to_string();
            assert!(!said.contains("mkdir"), "{said}");
        }
    }
}
