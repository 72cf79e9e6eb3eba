//! Backups of a validator's home: a folder with copies of the home's files, and a manifest that has the hash of each.
//!
//! ```text
//! BACKUP/manifest.json      what is in the backup, and each file's size, mode and SHA-256
//! BACKUP/manifest.sha256    the SHA-256 of manifest.json, as `sha256sum -c` reads it
//! BACKUP/home/              the files: configuration, genesis document, keys, evidence, chain
//! ```
//!
//! **The journal is left out.** What a validator signs after a backup is not in the backup. If it went on from the
//! backup's journal, it could sign the contrary (pitfall 27). So a restored home has no journal: its chain shows that
//! one is gone, and a file says so too, which is there before any key is (I32). The validator observes until a
//! rejoin that was made after the restore.
//!
//! **Whole or not there.** Backup and home are made under another name beside their own, flushed, and renamed at the
//! end; nothing that exists is overwritten (`draft.rs`).

mod contents;
mod copier;
mod draft;
mod error;
mod make;
mod manifest;
mod restore;
#[cfg(test)]
mod tests;

pub use error::BackupError;
pub use make::{BackupPlan, Made, back_up};
pub use manifest::{ChainTip, FileEntry, KeyState, Manifest, Mode};
pub use restore::{RestorePlan, Restored, restore, verify};

/// The folder of a backup that holds the files.
const FILES_FOLDER: &str = "home";

/// Hears of a long copy: how many bytes are done, and of how many.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);
