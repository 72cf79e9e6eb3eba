//! `localnet.json`: what a local network consists of and which processes it has. Its fields are a
//! promise; scripts and tests read it.

use std::fs::File;
use std::path::{Path, PathBuf};

use quorate_crypto::{Address, Digest, Engine};
use quorate_files::write_durably;
use quorate_ledger::AssetCode;
use quorate_runtime::config::Home;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::process::{Activity, Process};
use crate::failure::Failure;
use crate::file::read_text;

/// The document's name in a network's folder.
const FILE_NAME: &str = "localnet.json";

/// The file that commands lock while they change the document.
const LOCK_NAME: &str = "localnet.lock";

/// The log of a validator, in its home.
const LOG_NAME: &str = "node.log";

/// The treasury's key, in the network's folder.
pub(super) const TREASURY_KEY: &str = "treasury.key";

/// The genesis document, in the network's folder.
pub(super) const GENESIS: &str = "genesis.toml";

/// The most bytes of the document that are read.
const MAX_BYTES: u64 = 4 << 20;

/// The whole document.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(expecting = "an object with network, genesis and validators")]
pub struct Document {
    /// The network id.
    pub network: Digest,
    /// The consensus protocol.
    pub consensus: Engine,
    /// The genesis document.
    pub genesis: PathBuf,
    /// Who holds everything in the beginning.
    pub treasury: Treasury,
    /// The asset that genesis makes.
    pub asset: AssetCode,
    /// The validators, in the committee's order.
    pub validators: Vec<ValidatorEntry>,
}

/// The account that holds the whole supply.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(expecting = "an object with address and key")]
pub struct Treasury {
    /// Its address.
    pub address: Address,
    /// Its key file, which has no passphrase.
    pub key: PathBuf,
}

/// One validator.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(expecting = "an object with name, api and home")]
pub struct ValidatorEntry {
    /// Its name, in the genesis document too.
    pub name: String,
    /// The URL of its client API and explorer.
    pub api: String,
    /// The URL of its operations listener.
    pub ops: String,
    /// The multiaddress that its peers reach it at.
    pub p2p: String,
    /// Its home.
    pub home: PathBuf,
    /// The process id, null while it is stopped.
    pub pid: Option<i32>,
    /// When that process started; a pid is believed only together with this.
    #[serde(default)]
    pub started: Option<String>,
}

/// A network's folder, with the document as it was last read or written.
pub struct Localnet {
    dir: PathBuf,
    /// What there is.
    pub document: Document,
}

/// While it lives, no other command changes the network.
pub struct Lock(#[expect(dead_code, reason = "holds the lock until it is dropped")] File);

impl ValidatorEntry {
    /// Its process, if it ever had one.
    pub fn process(&self) -> Option<Process> {
        Some(Process {
            pid: self.pid?,
            started: self.started.clone()?,
        })
    }

    /// What its process is doing.
    pub fn activity(&self) -> Activity {
        self.process()
            .map_or(Activity::Stopped, |process| process.activity())
    }

    /// Notes which process it has now.
    pub fn set_process(&mut self, process: Option<Process>) {
        (self.pid, self.started) = match process {
            Some(process) => (Some(process.pid), Some(process.started)),
            None => (None, None),
        };
    }

    /// Its log.
    pub fn log(&self) -> PathBuf {
        self.home.join(LOG_NAME)
    }

    /// Its home's layout.
    pub fn home(&self) -> Home {
        Home::new(&self.home)
    }
}

impl Localnet {
    /// Whether there is a network in `dir`.
    pub fn exists(dir: &Path) -> bool {
        dir.join(FILE_NAME).exists()
    }

    /// Reads the network in `dir`.
    pub fn open(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(FILE_NAME);
        if !path.exists() {
            return Err(
                Failure::not_found(format!("there is no local network in {}", dir.display()))
                    .hint(format!("quorate localnet up --dir {}", dir.display())),
            );
        }
        let dir = dir.canonicalize().map_err(|error| Failure::io(dir, &error))?;
        let text = read_text(&path, MAX_BYTES)?;
        let mut document: Document = serde_json::from_str(&text).map_err(|error| {
            Failure::usage(format!("{} is not a local network's: {error}", path.display()))
        })?;
        // The folder may have been moved since.
        document.place_in(&dir);
        Ok(Self { dir, document })
    }

    /// A network that was just made in `dir`, not yet written.
    pub(super) fn new(dir: PathBuf, document: Document) -> Self {
        Self { dir, document }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Keeps other commands from changing the network. Waits for one that is at it.
    pub fn lock(dir: &Path) -> Result<Lock, Failure> {
        let path = dir.join(LOCK_NAME);
        let file = File::create(&path).map_err(|error| Failure::unwritable(&path, &error))?;
        flock(&file, FlockOperation::LockExclusive)
            .map_err(|error| Failure::unwritable(&path, &error.into()))?;
        Ok(Lock(file))
    }

    /// Writes the document, whole or not at all.
    pub fn save(&self) -> Result<(), Failure> {
        let path = self.dir.join(FILE_NAME);
        let mut text = serde_json::to_string_pretty(&self.document)
            .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
        text.push('\n');
        write_durably(&path, text.as_bytes()).map_err(|error| Failure::unwritable(&path, &error))
    }

    /// The places in the list of validators with these names.
    pub fn places(&self, names: &[String]) -> Result<Vec<usize>, Failure> {
        let validators = &self.document.validators;
        let mut places = Vec::new();
        for name in names {
            let place = validators
                .iter()
                .position(|validator| validator.name == *name)
                .ok_or_else(|| {
                    let known: Vec<_> = validators
                        .iter()
                        .map(|validator| validator.name.as_str())
                        .collect();
                    Failure::not_found(format!(
                        "there is no validator {name}; there are {}",
                        known.join(", ")
                    ))
                })?;
            if !places.contains(&place) {
                places.push(place);
            }
        }
        Ok(places)
    }
}

impl Document {
    /// Makes the paths those of a network in `dir`.
    pub(super) fn place_in(&mut self, dir: &Path) {
        self.genesis = dir.join(GENESIS);
        self.treasury.key = dir.join(TREASURY_KEY);
        for validator in &mut self.validators {
            validator.home = dir.join(&validator.name);
        }
    }
}
