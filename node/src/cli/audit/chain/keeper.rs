//! How far a check has come, on the disk: a part, and beside it the state after it (`docs/formats.md`, section 30). Both
//! are whole or not there, and the state is there before the part names it.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use quorate_audit::{
    Auditor, Boundary, BundleReader, CertifiedState, Depth, MAX_PART_BYTES, NotACertifiedState, Part,
};
use quorate_files::{Draft, write_durably};
use quorate_genesis::Genesis;
use quorate_ledger::Height;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::file::read_bytes;

use super::super::blocks::bad_bundle;

/// The least pause between two times.
const LEAST_PAUSE: Duration = Duration::from_secs(60);

/// Of the time that a check takes, writing takes one part in this many at most.
const SHARE: u32 = 20;

/// Keeps a check.
pub(super) struct Keeper {
    file: PathBuf,
    /// The height of the state that is there.
    kept: Option<Height>,
    due: Instant,
}

impl Keeper {
    pub(super) fn new(file: PathBuf) -> Self {
        Self {
            file,
            kept: None,
            due: Instant::now() + LEAST_PAUSE,
        }
    }

    /// The check that is kept; none if none is.
    pub(super) fn load(&mut self, genesis: &Genesis) -> Result<Option<Auditor>, Failure> {
        if !self.file.exists() {
            return Ok(None);
        }
        let path = self.file.display();
        let document = read_bytes(&self.file, MAX_PART_BYTES as u64)?;
        let part = Part::read(&document).map_err(|error| Failure::usage(error).while_doing(path))?;
        let path = self.state_at(part.to);
        let file = File::open(&path).map_err(|error| Failure::io(&path, &error))?;
        let state = BundleReader::open(BufReader::new(file))
            .map_err(NotACertifiedState::from)
            .and_then(|mut bundle| CertifiedState::read(&mut bundle, genesis));
        let state = match state {
            Ok(Some(state)) => state,
            Ok(None) => return Err(self.does_not_go(&path)),
            Err(NotACertifiedState::Bundle(error)) => return Err(bad_bundle(&path, &error)),
            Err(NotACertifiedState::State(finding)) => {
                return Err(Failure::new(Exit::CheckFailed, finding).while_doing(path.display()));
            }
        };
        match Auditor::resume(&part, state, Depth::Whole) {
            Some(auditor) if part.network == genesis.id() && begins_well(&part, genesis) => {
                self.kept = Some(part.to);
                Ok(Some(auditor))
            }
            _ => Err(self.does_not_go(&path)),
        }
    }

    /// Whether it is time to keep it again.
    pub(super) fn is_due(&self) -> bool {
        Instant::now() >= self.due
    }

    /// Keeps a check in the place of what is kept. Before the first block there is nothing to keep.
    pub(super) fn keep(&mut self, auditor: &Auditor, genesis: &Genesis) -> Result<(), Failure> {
        let height = auditor.height();
        if self.kept == Some(height) || !auditor.state().can_be_written() {
            return Ok(());
        }
        let began = Instant::now();
        let state = self.state_at(height);
        let written = Draft::begin(&state).and_then(|mut draft| {
            auditor.state().write(&mut draft, genesis)?;
            // Else the old state could be gone before the new one has its name.
            draft.put_in_place()
        });
        written.map_err(|error| Failure::unwritable(&state, &error))?;
        let part = auditor.part().write();
        let written = write_durably(&self.file, part.as_bytes());
        written.map_err(|error| Failure::unwritable(&self.file, &error))?;
        if let Some(before) = self.kept.replace(height) {
            // Nothing names it any more.
            let _ = fs::remove_file(self.state_at(before));
        }
        self.due = Instant::now() + LEAST_PAUSE.max(began.elapsed() * SHARE);
        Ok(())
    }

    fn state_at(&self, height: Height) -> PathBuf {
        let mut name = self.file.as_os_str().to_owned();
        name.push(format!(".{height}"));
        PathBuf::from(name)
    }

    fn does_not_go(&self, state: &Path) -> Failure {
        let (file, state) = (self.file.display(), state.display());
        let words = format!("{file} and {state} are not of one check of this network");
        Failure::new(Exit::CheckFailed, words).hint("name another file with --resume to begin again")
    }
}

/// Whether a part that begins with block 1 begins with genesis.
fn begins_well(part: &Part, genesis: &Genesis) -> bool {
    part.from != Height(1) || part.before == Boundary::genesis(genesis)
}
