//! Genesis documents as commands are given them.

use std::path::Path;

use quorate_genesis::{Genesis, GenesisError, Problem};

use crate::failure::{Exit, Failure};
use crate::file::read_text;

/// Reads and checks a genesis document.
pub fn read_genesis(path: &Path) -> Result<Genesis, Failure> {
    Genesis::parse(&read_document(path)?).map_err(|error| refused(path, error))
}

/// The text of a document, which must not be longer than any may be.
pub fn read_document(path: &Path) -> Result<String, Failure> {
    read_text(path, quorate_genesis::MAX_BYTES as u64)
}

/// A document that is refused is wrong usage, except that a signature that does not fit is a failed check.
pub fn refused(path: &Path, error: GenesisError) -> Failure {
    fn is_check(error: &GenesisError) -> bool {
        match error {
            GenesisError::Invalid { problem, .. } => {
                matches!(problem, Problem::BadSignature { .. } | Problem::OtherDraft { .. })
            }
            GenesisError::JoinFile { error, .. } => is_check(error),
            _ => false,
        }
    }
    let exit = if is_check(&error) {
        Exit::CheckFailed
    } else {
        Exit::Usage
    };
    Failure::new(exit, error).while_doing(path.display())
}
