//! A local network in a folder of its own, ended with the test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::quorate;
use crate::ports::Ports;
use crate::wait::until;

/// How long validators may take to come to the same tip.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running network.
pub(crate) struct Cluster {
    folder: TempDir,
    /// Its ports.
    pub(crate) ports: Ports,
    /// What its nodes load before the C library.
    preload: Option<PathBuf>,
    validators: u16,
}

/// Where a validator's chain is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tip {
    /// The certified height.
    pub(crate) height: u64,
    /// The hash of the block there.
    pub(crate) block: String,
    /// The state's root after it.
    pub(crate) state: String,
}

/// What a command came to.
pub(crate) struct Ran {
    /// The exit code; none if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Ran {
    /// A command's output, which is text.
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// The binary, without variables from outside.
pub(crate) fn command() -> Command {
    let mut command = Command::new(quorate());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("QUORATE_") {
            command.env_remove(name);
        }
    }
    command
}

impl Cluster {
    /// Starts four validators. `CLUSTERS_CONSENSUS` says by which protocol they order: PBFT unless told.
    #[track_caller]
    pub(crate) fn up() -> Self {
        let consensus = std::env::var("CLUSTERS_CONSENSUS").unwrap_or_else(|_| "pbft".to_owned());
        Self::made(4, &consensus, None, 1)
    }

    /// Starts four validators that order by this protocol, and load a library before the C library.
    #[track_caller]
    pub(crate) fn up_with(consensus: &str, preload: Option<PathBuf>) -> Self {
        Self::made(4, consensus, preload, 1)
    }

    /// Starts so many.
    #[track_caller]
    pub(crate) fn up_of(validators: u16) -> Self {
        let consensus = std::env::var("CLUSTERS_CONSENSUS").unwrap_or_else(|_| "pbft".to_owned());
        Self::made(validators, &consensus, None, 1)
    }

    /// Starts four validators whose members decide together, by PBFT until they change it.
    #[track_caller]
    pub(crate) fn up_governed() -> Self {
        Self::made(4, "pbft", None, 2)
    }

    #[track_caller]
    fn made(validators: u16, consensus: &str, preload: Option<PathBuf>, protocol: u32) -> Self {
        let cluster = Self {
            folder: tempfile::tempdir().unwrap(),
            ports: Ports::take(),
            preload,
            validators,
        };
        let (size, protocol) = (validators.to_string(), protocol.to_string());
        let (api, p2p) = (cluster.ports.api.to_string(), cluster.ports.p2p.to_string());
        cluster.expect(
            0,
            &[
                "localnet",
                "up",
                "--detach",
                "--validators",
                &size,
                "--consensus",
                consensus,
                "--protocol",
                &protocol,
                "--api-port",
                &api,
                "--p2p-port",
                &p2p,
            ],
        );
        cluster
    }

    /// Starts four validators on homes that were changed after they were made.
    #[track_caller]
    pub(crate) fn up_after(change: impl FnOnce(&Self)) -> Self {
        let cluster = Self::up();
        cluster.expect(0, &["localnet", "down"]);
        change(&cluster);
        cluster.expect(0, &["localnet", "up", "--detach"]);
        cluster
    }

    /// Replaces texts of a validator's configuration, each of which must be there.
    #[track_caller]
    pub(crate) fn configure(&self, number: u16, replacements: &[(String, String)]) {
        let path = self.dir().join(format!("validator-{number}/config.toml"));
        let mut text = std::fs::read_to_string(&path).unwrap();
        for (old, new) in replacements {
            assert!(text.contains(old), "{} has no {old}", path.display());
            text = text.replace(old, new);
        }
        std::fs::write(&path, text).unwrap();
    }

    /// How many validators there are.
    pub(crate) fn size(&self) -> u16 {
        self.validators
    }

    /// A folder for the test's own files, beside the network's.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The network's folder.
    pub(crate) fn dir(&self) -> PathBuf {
        self.folder().join("net")
    }

    /// A command of this network: its folder, its first node and the treasury's key are the defaults.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command();
        command
            .current_dir(self.folder())
            .env("QUORATE_DIR", self.dir())
            .env("QUORATE_NODE", self.api(1))
            .env("QUORATE_OUTPUT", "json")
            .args(arguments);
        if let Some(library) = &self.preload {
            command.env("LD_PRELOAD", library);
        }
        if matches!(arguments.first(), Some(&"wallet" | &"bench" | &"gov")) && !arguments.contains(&"--key") {
            command.env("QUORATE_KEY", self.dir().join("treasury.key"));
        }
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// Runs a command and expects this exit code.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(
            ran.code,
            Some(code),
            "{arguments:?}\n{}\n{}",
            ran.stdout,
            ran.stderr
        );
        ran
    }

    /// Where the validators' APIs listen.
    pub(crate) fn nodes(&self) -> Vec<SocketAddr> {
        let ports = self.ports.api..self.ports.api + 4;
        ports
            .map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
            .collect()
    }

    /// The URL of a validator's API; numbers as in their names.
    pub(crate) fn api(&self, number: u16) -> String {
        format!("http://127.0.0.1:{}", self.ports.api + number - 1)
    }

    /// Makes a key and gives its address.
    #[track_caller]
    pub(crate) fn key(&self, file: &str) -> String {
        let key = self.expect(0, &["keys", "new", file, "--no-passphrase"]).json();
        key["address"].as_str().unwrap().to_owned()
    }

    /// Pays from the treasury and waits until it is committed.
    #[track_caller]
    pub(crate) fn pay(&self, to: &str, amount: &str) -> Value {
        let paid = self.transfer(to, amount, &[]);
        assert_eq!(paid.code, Some(0), "{}", paid.stderr);
        paid.json()
    }

    /// A transfer from the treasury, with more arguments.
    pub(crate) fn transfer(&self, to: &str, amount: &str, more: &[&str]) -> Ran {
        let transfer = ["wallet", "transfer", "--to", to, "--amount", amount];
        let asset: &[&str] = if more.contains(&"--asset") {
            &[]
        } else {
            &["--asset", "QRT"]
        };
        self.run(&[transfer.as_slice(), asset, more].concat())
    }

    /// What an account holds of QRT in smallest units, as one validator says.
    #[track_caller]
    pub(crate) fn balance(&self, number: u16, address: &str) -> u128 {
        self.balance_in("QRT", number, address)
    }

    /// The same in another asset.
    #[track_caller]
    pub(crate) fn balance_in(&self, asset: &str, number: u16, address: &str) -> u128 {
        let account = self
            .expect(0, &["query", "account", address, "--node", &self.api(number)])
            .json();
        let balances = account["balances"].as_array().unwrap();
        let held = balances.iter().find(|balance| balance["asset"] == asset);
        held.map_or(0, |balance| balance["amount"].as_str().unwrap().parse().unwrap())
    }

    /// A validator's tip; none while it does not answer.
    pub(crate) fn tip(&self, number: u16) -> Option<Tip> {
        let ran = self.run(&["query", "status", "--node", &self.api(number)]);
        (ran.code == Some(0)).then(|| {
            let status = ran.json();
            Tip {
                height: status["height"].as_u64().unwrap(),
                block: status["block_hash"].as_str().unwrap().to_owned(),
                state: status["state_root"].as_str().unwrap().to_owned(),
            }
        })
    }

    /// Kills a validator, takes its journal away and starts it again; gives its home.
    #[track_caller]
    pub(crate) fn lose_journal(&self, name: &str) -> PathBuf {
        self.expect(0, &["localnet", "kill", name]);
        let home = self.dir().join(name);
        std::fs::remove_dir_all(home.join("journal")).unwrap();
        self.expect(0, &["localnet", "restart", name]);
        home
    }

    /// The epoch that a validator is in; none while it does not answer.
    pub(crate) fn epoch(&self, number: u16) -> Option<u64> {
        let ran = self.run(&["query", "status", "--node", &self.api(number)]);
        (ran.code == Some(0)).then(|| ran.json()["epoch"].as_u64().unwrap())
    }

    /// The tip that all four have, once they have the same.
    #[track_caller]
    pub(crate) fn common_tip(&self) -> Tip {
        until("all four have the same tip", PATIENCE, || {
            let first = self.tip(1)?;
            (2..=4)
                .all(|number| self.tip(number).as_ref() == Some(&first))
                .then_some(first)
        })
    }

    /// The processes of the network's own document, by name.
    #[track_caller]
    pub(crate) fn states(&self) -> Vec<String> {
        let status = self.expect(0, &["localnet", "status"]).json();
        let validators = status["validators"].as_array().unwrap();
        validators
            .iter()
            .map(|validator| validator["state"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for number in 1..=self.validators {
                let home = self.dir().join(format!("validator-{number}"));
                let doctor = self.run(&["node", "doctor", "--home", &home.display().to_string()]);
                eprintln!("--- the doctor on validator-{number}\n{}", doctor.stdout);
                let log = home.join("node.log");
                let text = std::fs::read_to_string(&log).unwrap_or_default();
                let lines: Vec<&str> = text.lines().collect();
                eprintln!("--- {}", log.display());
                eprintln!("{}", lines[lines.len().saturating_sub(30)..].join("\n"));
            }
        }
        if !self.dir().join("localnet.json").exists() {
            return;
        }
        let down = self.run(&["localnet", "down"]);
        if down.code != Some(0) {
            for number in 1..=self.validators {
                self.run(&["localnet", "kill", &format!("validator-{number}")]);
            }
            assert!(
                std::thread::panicking(),
                "the network did not end when asked to: {}",
                down.stderr
            );
        }
    }
}
