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
        Self::failed(format!("{}: {error}", path.display()))
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
