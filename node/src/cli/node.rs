//! `quorate node`: a validator's home and the process that runs on it.

pub(super) mod backup;
pub(crate) mod doctor;
pub(super) mod rejoin;
pub(super) mod restore;
pub(super) mod webhooks;

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use quorate_crypto::SigningKey;
use quorate_crypto::keyfile::{self, Access};
use quorate_genesis::Genesis;
use quorate_runtime::config::{Home, LogFormat, NodeConfig};
use quorate_runtime::{CheckReport, NodeError};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::file::read_bytes;
use quorate_tools::genesis::read_genesis;
use quorate_tools::localnet::make::write_config;
use quorate_tools::output::{Output, Tone};
use quorate_tools::passphrase::{NewPassphraseArgs, Passphrase, PassphraseArgs};
use serde::Serialize;

use super::keys;

#[derive(Subcommand, Debug)]
#[command(after_help = "Example:
  quorate node init --home ./home --genesis genesis.toml && quorate node run --home ./home")]
pub(crate) enum NodeCommand {
    /// Lay out a home: configuration, keys, and the genesis document once there is one
    Init(InitArgs),
    /// Run a node until Ctrl-C or SIGTERM
    Run(RunArgs),
    /// Check a home: configuration, genesis, keys, and that the stored state fits the stored chain
    Check(CheckArgs),
    /// Let a validator vote again that may have forgotten what it signed
    Rejoin(rejoin::RejoinArgs),
    /// Say what keeps a node or its network from committing, and what would unblock it
    Doctor(doctor::DoctorArgs),
    /// Copy a home, with the hash of each file, so that it can be restored
    Backup(backup::BackupArgs),
    /// Make a home of a backup; its validator does not vote until it rejoins
    Restore(restore::RestoreArgs),
    /// Show a node's webhooks and what they have given up, and have them try again
    #[command(subcommand)]
    Webhooks(webhooks::WebhooksCommand),
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate node init --home ./home      # before genesis: makes keys to join with
  quorate node init --home ./home --genesis genesis.toml    # after genesis: ready to run

What is there already is kept, never overwritten.")]
pub(crate) struct InitArgs {
    /// The home; it is made if it is not there
    #[arg(long, value_name = "HOME", env = "QUORATE_HOME")]
    home: PathBuf,
    /// The genesis document to copy into it
    #[arg(long, value_name = "FILE", env = "QUORATE_GENESIS")]
    genesis: Option<PathBuf>,
    /// A validator key to move into it, instead of making one
    #[arg(long, value_name = "FILE")]
    validator_key: Option<PathBuf>,
    /// A node key to move into it, instead of making one
    #[arg(long, value_name = "FILE")]
    node_key: Option<PathBuf>,
    /// A witness key to move into it, instead of making one
    #[arg(long, value_name = "FILE")]
    witness_key: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    passphrase: NewPassphraseArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate node run --home ./home --log-level info,quorate_network=debug")]
pub(crate) struct RunArgs {
    /// The home
    #[arg(long, value_name = "HOME", env = "QUORATE_HOME")]
    home: PathBuf,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate node check --home ./home")]
pub(crate) struct CheckArgs {
    /// The home; no node may run on it
    #[arg(long, value_name = "HOME", env = "QUORATE_HOME")]
    home: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Settings that stand above those of the configuration file.
#[derive(Args, Debug, Default)]
struct Settings {
    /// Where the client API and the explorer listen
    #[arg(long, value_name = "IP:PORT", env = "QUORATE_API_LISTEN")]
    api_listen: Option<SocketAddr>,
    /// Where metrics, health and debugging listen; keep it on loopback
    #[arg(long, value_name = "IP:PORT", env = "QUORATE_OPS_LISTEN")]
    ops_listen: Option<SocketAddr>,
    /// A multiaddress to listen on for peers
    #[arg(
        long,
        value_name = "MULTIADDRESS",
        env = "QUORATE_P2P_LISTEN",
        value_delimiter = ','
    )]
    p2p_listen: Vec<String>,
    /// A multiaddress that peers reach this node at, where it differs
    #[arg(
        long,
        value_name = "MULTIADDRESS",
        env = "QUORATE_P2P_EXTERNAL",
        value_delimiter = ','
    )]
    p2p_external: Vec<String>,
    /// What is logged: a level, or directives such as info,quorate_network=debug
    #[arg(long, value_name = "LEVEL", env = "QUORATE_LOG_LEVEL")]
    log_level: Option<String>,
    /// How it is logged
    #[arg(long, value_enum, env = "QUORATE_LOG_FORMAT")]
    log_format: Option<LogFormatName>,
}

/// The forms of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormatName {
    /// For people
    Text,
    /// One JSON document a line
    Json,
}

impl Settings {
    fn apply(&self, config: &mut NodeConfig) {
        if let Some(listen) = self.api_listen {
            config.api.listen = listen;
        }
        if let Some(listen) = self.ops_listen {
            config.operations.listen = listen;
        }
        if !self.p2p_listen.is_empty() {
            config.network.listen.clone_from(&self.p2p_listen);
        }
        if !self.p2p_external.is_empty() {
            config.network.external.clone_from(&self.p2p_external);
        }
        if let Some(level) = &self.log_level {
            config.log.level.clone_from(level);
        }
        match self.log_format {
            Some(LogFormatName::Text) => config.log.format = LogFormat::Text,
            Some(LogFormatName::Json) => config.log.format = LogFormat::Json,
            None => {}
        }
    }
}

/// Carries out a command of this group, `run` excepted.
pub(crate) fn init(args: &InitArgs, output: &Output) -> Result<(), Failure> {
    let genesis = match &args.genesis {
        Some(path) => Some((path, read_genesis(path)?)),
        None => None,
    };
    let home = Home::new(&args.home);
    make_home(&home)?;
    if let Some((path, _)) = &genesis {
        install_genesis(path, &home)?;
    }
    let validator = install_key(
        &home.validator_key(),
        args.validator_key.as_deref(),
        &args.passphrase,
    )?;
    let node = install_key(&home.node_key(), args.node_key.as_deref(), &args.passphrase)?;
    let witness = install_key(&home.witness_key(), args.witness_key.as_deref(), &args.passphrase)?;
    if !home.config().exists() {
        let mut config = NodeConfig::default();
        args.settings.apply(&mut config);
        write_config(&home, &config)?;
    }
    let member = match &genesis {
        Some((_, genesis)) => membership(genesis, validator.as_ref(), node.as_ref(), witness.as_ref())?,
        None => None,
    };
    #[derive(Serialize)]
    struct View {
        home: PathBuf,
        network: Option<quorate_crypto::Digest>,
        validator: Option<String>,
        validator_key: Option<quorate_crypto::PublicKey>,
        node_key: Option<quorate_crypto::PublicKey>,
        witness_key: Option<quorate_crypto::PublicKey>,
    }
    let view = View {
        home: args.home.clone(),
        network: genesis.as_ref().map(|(_, genesis)| genesis.network_id()),
        validator: member,
        validator_key: validator.as_ref().map(SigningKey::public),
        node_key: node.as_ref().map(SigningKey::public),
        witness_key: witness.as_ref().map(SigningKey::public),
    };
    output.print(&view, |output| {
        let shown = |key: Option<quorate_crypto::PublicKey>| {
            key.map_or_else(|| "kept as it was (locked)".to_owned(), |key| key.to_string())
        };
        let network = view
            .network
            .map_or_else(|| "none yet".to_owned(), |network| network.to_string());
        let fields = output.fields(&[
            ("home", view.home.display().to_string()),
            ("network", network),
            (
                "validator",
                view.validator.clone().unwrap_or_else(|| "-".to_owned()),
            ),
            ("validator key", shown(view.validator_key)),
            ("node key", shown(view.node_key)),
            ("witness key", shown(view.witness_key)),
        ]);
        let home = view.home.display();
        let next = if genesis.is_some() {
            format!("Next: quorate node run --home {home}")
        } else {
            format!(
                "Next: quorate genesis join --draft draft.toml --member NAME --home {home} --member-key FILE"
            )
        };
        format!("{fields}{next}")
    })
}

fn make_home(home: &Home) -> Result<(), Failure> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(home.path())
        .map_err(|error| Failure::unwritable(home.path(), &error))
}

/// Copies the genesis document into the home, word for word. One that is there must say the same.
fn install_genesis(path: &Path, home: &Home) -> Result<(), Failure> {
    let text = read_bytes(path, quorate_genesis::MAX_BYTES as u64)?;
    let target = home.genesis();
    if target.exists() {
        let (given, there) = (read_genesis(path)?, read_genesis(&target)?);
        if given.network_id() != there.network_id() {
            return Err(Failure::failed(format!(
                "{} is of network {}, and {} of network {}: nothing was changed",
                target.display(),
                there.network_id(),
                path.display(),
                given.network_id()
            )));
        }
        return Ok(());
    }
    let write = || -> std::io::Result<()> {
        use std::io::Write as _;
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&target)?;
        file.write_all(&text)?;
        file.sync_all()
    };
    write().map_err(|error| Failure::unwritable(&target, &error))
}

/// Moves a key into the home, or makes one; a key that is there is kept, and read if it is not locked.
fn install_key(
    target: &Path,
    given: Option<&Path>,
    passphrase: &NewPassphraseArgs,
) -> Result<Option<SigningKey>, Failure> {
    let groups = passphrase.groups()?;
    let unlocked = |path: &Path| -> Result<Option<SigningKey>, Failure> {
        if keyfile::is_encrypted_with(path, &groups)? {
            return Ok(None);
        }
        let access = Access {
            passphrase: None,
            groups: &groups,
        };
        Ok(Some(keyfile::read_with(path, access)?))
    };
    match given {
        Some(given) if target.exists() => Err(Failure::failed(format!(
            "{} exists, and keys are never overwritten: {} was not moved",
            target.display(),
            given.display()
        ))),
        Some(given) => {
            // Looked at first: a loose or unreadable file is no key of a home.
            let key = unlocked(given)?;
            fs::rename(given, target).map_err(|error| Failure::unwritable(target, &error))?;
            Ok(key)
        }
        None if target.exists() => unlocked(target),
        None => keys::make(target, passphrase).map(Some),
    }
}

/// Which validator of the genesis document the keys belong to. Locked keys cannot be compared.
fn membership(
    genesis: &Genesis,
    validator: Option<&SigningKey>,
    node: Option<&SigningKey>,
    witness: Option<&SigningKey>,
) -> Result<Option<String>, Failure> {
    let Some(validator) = validator else {
        return Ok(None);
    };
    let found = genesis
        .validators()
        .find(|info| info.validator_key == validator.public());
    let Some(found) = found else {
        return Err(Failure::failed(format!(
            "the genesis document names no validator with key {}",
            validator.public()
        ))
        .hint("move the keys that joined into the home with --validator-key, --node-key and --witness-key"));
    };
    for (what, got, expected) in [
        ("node", node, found.node_key),
        ("witness", witness, found.witness_key),
    ] {
        if let Some(got) = got.map(SigningKey::public)
            && got != expected
        {
            return Err(Failure::failed(format!(
                "the genesis document gives {} the {what} key {expected}, the home has {got}",
                found.name
            )));
        }
    }
    Ok(Some(found.name.to_owned()))
}

fn read_config(home: &Home) -> Result<NodeConfig, Failure> {
    let path = home.config();
    if !home.path().is_dir() {
        return Err(
            Failure::not_found(format!("{} is not a directory", home.path().display()))
                .hint(format!("quorate node init --home {}", home.path().display())),
        );
    }
    if !path.exists() {
        return Err(Failure::not_found(format!("{} is not there", path.display()))
            .hint(format!("quorate node init --home {}", home.path().display())));
    }
    NodeConfig::read(&path).map_err(Failure::usage)
}

/// The passphrase of the home's keys: one for all that the node needs, asked for once.
fn home_passphrase(home: &Home, args: &PassphraseArgs) -> Result<Option<Passphrase>, Failure> {
    for path in [home.validator_key(), home.node_key()] {
        if let Some(passphrase) = args.for_key(&path)? {
            return Ok(Some(passphrase));
        }
    }
    Ok(None)
}

/// Runs a node. It brings threads and signal handling of its own.
pub(crate) fn run(args: &RunArgs) -> Result<(), Failure> {
    let home = Home::new(&args.home);
    let mut config = read_config(&home)?;
    args.settings.apply(&mut config);
    let passphrase = home_passphrase(&home, &args.passphrase)?;
    let access = Access {
        passphrase: passphrase.as_ref().map(|text| text.as_str()),
        groups: &args.passphrase.groups()?,
    };
    let ended = quorate_runtime::run(&home, &config, access);
    quorate_runtime::logging::finish();
    ended.map_err(failed)
}

/// Checks a home.
pub(crate) fn check(args: &CheckArgs, output: &Output) -> Result<(), Failure> {
    let home = Home::new(&args.home);
    let config = read_config(&home)?;
    let passphrase = home_passphrase(&home, &args.passphrase)?;
    let access = Access {
        passphrase: passphrase.as_ref().map(|text| text.as_str()),
        groups: &args.passphrase.groups()?,
    };
    let CheckReport {
        network,
        validator,
        height,
        block_hash,
        state_root,
        state_values,
        ..
    } = quorate_runtime::check(&home, &config, access).map_err(failed)?;
    let view = serde_json::json!({
        "network": network,
        "validator": validator,
        "height": height,
        "block_hash": block_hash,
        "state_root": state_root,
        "state_values": state_values,
    });
    output.print(&view, |output| {
        let fields = output.fields(&[
            ("network", network.to_string()),
            ("validator", validator.clone()),
            ("height", height.to_string()),
            ("block hash", block_hash.to_string()),
            ("state root", state_root.to_string()),
            ("state values", state_values.to_string()),
        ]);
        let good = output.paint(
            Tone::Good,
            "Configuration, genesis, keys and database fit together.",
        );
        format!("{fields}{good}")
    })
}

fn failed(error: NodeError) -> Failure {
    Failure::new(exit_of(error.exit_code()), error)
}

/// The exit code of this number.
fn exit_of(code: u8) -> Exit {
    match code {
        2 => Exit::Usage,
        3 => Exit::NotFound,
        7 => Exit::CheckFailed,
        8 => Exit::NotPermitted,
        _ => Exit::Failed,
    }
}
