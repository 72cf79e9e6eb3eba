//! The file that keeps a validator from voting (pitfalls 27 and 28).
//!
//! A validator that may have forgotten what it signed, or whose state is not the certified one, observes.
//! The file says why, and has a token; a rejoin that carries the token lets the validator vote again, in
//! the first epoch that begins after it: whatever it signed before was in an earlier one.
//!
//! The file itself may be of a backup, and its rejoin may have been executed since: then the validator may
//! have voted in that later epoch too, and has forgotten it. So the engine of an epoch, that of the one in
//! which the file goes included, asks others what they hold that the validator signed in it, before it signs
//! anything there; and a journal that is found missing beside an old file asks for another token.

use std::io;
use std::path::{Path, PathBuf};

use quorate_crypto::Digest;
use quorate_ledger::{Epoch, Rejoin};
use serde::{Deserialize, Serialize};

use crate::file::write_durably;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// Why the validator does not vote, for people.
    pub reason: String,
    /// What a rejoin has to carry, in hex.
    pub token: Digest,
}

/// Where the file is, or would be.
#[derive(Clone, Debug)]
pub(crate) struct QuarantineFile {
    path: PathBuf,
}

impl Quarantine {
    /// Reads the file; none if there is none.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        match std::fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text)
                .map(Some)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Why a validator does not vote, if it is kept from it: one line of the file.
    pub fn reason_at(path: &Path) -> Option<String> {
        match Self::read(path) {
            Ok(quarantine) => Some(quarantine?.reason),
            Err(error) => Some(format!("{} cannot be read: {error}", path.display())),
        }
    }

    /// Whether this rejoin was meant for this validator as it is now, and `epoch` is late enough.
    fn is_over(&self, rejoin: Option<&Rejoin>, epoch: Epoch) -> bool {
        rejoin.is_some_and(|rejoin| rejoin.token == self.token && rejoin.epoch < epoch)
    }
}

impl QuarantineFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Makes the file, unless there is one.
    pub(crate) fn put(&self, reason: &str) -> io::Result<()> {
        if self.path.exists() {
            return Ok(());
        }
        self.put_anew(reason)
    }

    /// Makes the file, in the place of an old one: something has been lost since that was made, and a rejoin
    /// that was meant for it may have been executed before the loss.
    pub(crate) fn put_anew(&self, reason: &str) -> io::Result<()> {
        let mut token = [0; 32];
        getrandom::fill(&mut token).expect("the operating system's random source works");
        let quarantine = Quarantine {
            reason: reason.to_owned(),
            token: Digest(token),
        };
        let fields = toml::to_string(&quarantine).expect("two texts are TOML");
        let text = format!(
            "# This validator observes and does not vote while this file is here. Its member lets it vote\n\
             # again with `quorate node rejoin`; see the README.\n{fields}"
        );
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        write_durably(folder, &name, text.as_bytes())
    }

    /// Whether the validator may vote in `epoch`, given its last rejoin; removes the file if that has come
    /// to its end. A file that cannot be read keeps it from voting. `make_durable` puts the chain that says
    /// so on disk, before the file goes: a crash that took back its last blocks would else find a validator
    /// in the former epoch that nothing keeps from voting there.
    pub(crate) fn allows(
        &self,
        rejoin: Option<&Rejoin>,
        epoch: Epoch,
        make_durable: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<bool> {
        let quarantine = match Quarantine::read(&self.path) {
            Ok(None) => return Ok(true),
            Ok(Some(quarantine)) => quarantine,
            Err(error) => {
                tracing::error!(path = %self.path.display(), %error, "the file cannot be read");
                return Ok(false);
            }
        };
        if !quarantine.is_over(rejoin, epoch) {
            tracing::warn!(
                path = %self.path.display(), reason = %quarantine.reason,
                "this validator only observes until its member lets it rejoin"
            );
            return Ok(false);
        }
        make_durable()?;
        std::fs::remove_file(&self.path)?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        std::fs::File::open(folder)?.sync_all()?;
        tracing::info!(%epoch, "this validator has rejoined, and votes again");
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use quorate_ledger::Timestamp;

    use super::*;

    fn rejoin(token: Digest, epoch: u64) -> Rejoin {
        Rejoin {
            token,
            epoch: Epoch(epoch),
            timestamp: Timestamp(0),
        }
    }

    fn durable() -> io::Result<()> {
        Ok(())
    }

    #[test]
    fn only_a_rejoin_with_its_own_token_ends_it_and_only_in_a_later_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quarantined");
        let file = QuarantineFile::new(path.clone());
        assert!(file.allows(None, Epoch(0), durable).unwrap());
        file.put("its journal is gone").unwrap();
        file.put("another reason").unwrap();
        let quarantine = Quarantine::read(&path).unwrap().unwrap();
        assert_eq!(quarantine.reason, "its journal is gone");
        let earlier = rejoin(Digest([9; 32]), 0);
        assert!(!file.allows(Some(&earlier), Epoch(5), durable).unwrap());
        let own = rejoin(quarantine.token, 3);
        assert!(!file.allows(Some(&own), Epoch(3), durable).unwrap());
        let failed = || Err(io::Error::other("the disk fails"));
        assert!(file.allows(Some(&own), Epoch(4), failed).is_err());
        assert!(path.exists(), "the chain is on disk before the file goes");
        assert!(file.allows(Some(&own), Epoch(4), durable).unwrap());
        assert!(!path.exists());
    }

    #[test]
    fn pitfall_28_a_rejoin_for_an_old_file_does_not_end_a_later_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quarantined");
        let file = QuarantineFile::new(path.clone());
        file.put("its journal is gone").unwrap();
        let old = Quarantine::read(&path).unwrap().unwrap();
        file.put_anew("its journal is gone again").unwrap();
        let executed = rejoin(old.token, 3);
        assert!(!file.allows(Some(&executed), Epoch(4), durable).unwrap());
        let new = Quarantine::read(&path).unwrap().unwrap();
        let own = rejoin(new.token, 4);
        assert!(file.allows(Some(&own), Epoch(5), durable).unwrap());
    }

    #[test]
    fn a_file_that_says_nothing_keeps_from_voting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quarantined");
        std::fs::write(&path, "no TOML").unwrap();
        let file = QuarantineFile::new(path);
        let any = rejoin(Digest([0; 32]), 0);
        assert!(!file.allows(Some(&any), Epoch(9), durable).unwrap());
    }
}
