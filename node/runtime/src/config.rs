//! A node's configuration: what is in `HOME/config.toml`. Precedence above the file (flags, then
//! environment) is the command line's business.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use quorate_crypto::PublicKey;
use quorate_webhooks::HookConfig;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// The file that a home begins with: every key with its default, and above it what it is for.
const TEMPLATE: &str = include_str!("config/template.toml");

/// The whole file. Unknown keys are errors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "sections of keys")]
pub struct NodeConfig {
    /// The client API and the explorer.
    pub api: ApiConfig,
    /// Metrics, health, log level, debugging.
    pub operations: OperationsConfig,
    /// libp2p.
    pub network: NetworkConfig,
    /// RocksDB.
    pub storage: StorageConfig,
    /// Admission and ordering, local settings only.
    pub consensus: ConsensusConfig,
    /// Logs.
    pub log: LogConfig,
    /// Where to post what is certified.
    #[serde(
        deserialize_with = "quorate_webhooks::read_hooks",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub webhooks: Vec<HookConfig>,
}

/// The webhooks as a file has them.
#[derive(Serialize)]
struct Webhooks<'a> {
    webhooks: &'a [HookConfig],
}

/// The client API's listener and limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a section of keys")]
pub struct ApiConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Admitted transactions that may wait here for their outcome.
    pub max_pending: usize,
    /// How many MiB these may take together.
    pub max_pending_mib: usize,
    /// Of these, how many one account may have.
    pub max_pending_per_account: usize,
    /// Whose transactions to take.
    pub senders: SendersConfig,
    /// Origins of web pages elsewhere that may read the API in a browser; `*` is all of them.
    #[serde(deserialize_with = "origins")]
    pub cors_origins: Vec<String>,
    /// Names that the node may be called by besides IP addresses and localhost, as proxies pass them on.
    #[serde(deserialize_with = "hosts")]
    pub hosts: Vec<String>,
}

impl ApiConfig {
    /// The names that callers have to keep to, besides IP addresses and localhost: on loopback, where a web page of
    /// another origin could else read the node through a browser, and wherever names are configured. None: callers
    /// may use any name.
    pub(crate) fn known_hosts(&self) -> Option<Vec<String>> {
        (self.listen.ip().is_loopback() || !self.hosts.is_empty()).then(|| self.hosts.clone())
    }
}

/// Whose transactions a node takes from its clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SendersConfig {
    /// Anybody's.
    #[default]
    Anyone,
    /// Those of accounts that hold something, or that the genesis document names.
    Known,
}

/// The most origins: each call is compared with them.
const MAX_ORIGINS: usize = 64;

/// Reads origins as browsers write them: one that is written otherwise would never fit, without a word.
fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let origins = Vec::<String>::deserialize(deserializer)?;
    if origins.len() > MAX_ORIGINS {
        return Err(D::Error::custom(format!(
            "{} origins, at most {MAX_ORIGINS} are taken",
            origins.len()
        )));
    }
    match origins.iter().find(|origin| *origin != "*" && !is_origin(origin)) {
        Some(wrong) => Err(D::Error::custom(format!(
            "`{wrong}` is not an origin as browsers write it: scheme, host in small letters, and the port unless it \
             is the scheme's own, such as https://desk.example; or \"*\" for all"
        ))),
        None => Ok(origins),
    }
}

/// Whether a text is `SCHEME://HOST[:PORT]` (RFC 6454, section 6.2).
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else {
        return false;
    };
    let own_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:[]".contains(&byte);
    !host.is_empty() && !host.ends_with(own_port) && host.bytes().all(is_plain)
}

/// The most names: each call is compared with them.
const MAX_HOSTS: usize = 64;

/// Reads names of hosts; one that is written as an address would never fit, without a word.
fn hosts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let hosts = Vec::<String>::deserialize(deserializer)?;
    if hosts.len() > MAX_HOSTS {
        return Err(D::Error::custom(format!(
            "{} names, at most {MAX_HOSTS} are taken",
            hosts.len()
        )));
    }
    match hosts.iter().find(|host| !is_host_name(host)) {
        Some(wrong) => Err(D::Error::custom(format!(
            "`{wrong}` is not the name of a host: write it in small letters, without scheme and port, such as \
             ledger.bank-a.example"
        ))),
        None => Ok(hosts),
    }
}

/// Whether a text can be the name of a host (RFC 1123, section 2.1), or one with underscores, as in containers.
fn is_host_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(is_plain);
    text.len() <= 253 && text.split('.').all(is_label)
}

/// The operations listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a section of keys")]
pub struct OperationsConfig {
    /// Where to listen; keep it on loopback.
    pub listen: SocketAddr,
    /// Whether peers can be denied through it, as `localnet partition` does.
    pub localnet_controls: bool,
}

/// How peers find each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a section of keys")]
pub struct NetworkConfig {
    /// Multiaddresses to listen on.
    pub listen: Vec<String>,
    /// Multiaddresses that others reach this node at, where they differ.
    pub external: Vec<String>,
    /// Addresses of validators, beyond those in the state.
    pub peers: Vec<PeerAddress>,
    /// Node keys of members' nodes that are no validators and follow the chain.
    pub observers: Vec<PublicKey>,
    /// Whether to look for peers on the local network. Not unless told: strangers' nodes would hear of this one.
    pub mdns: bool,
    /// Whether to ask known peers for others.
    pub kademlia: bool,
}

/// Where a validator listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with name and address")]
pub struct PeerAddress {
    /// The validator's name in the genesis document.
    pub name: String,
    /// A multiaddress.
    pub address: String,
}

/// RocksDB's memory, and the look at what is on its disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a section of keys")]
pub struct StorageConfig {
    /// The block cache, in MiB.
    pub cache_mib: usize,
    /// Bytes of the chain that are looked at in a second, to find damage: 65,536 to 1,073,741,824. 0 looks at nothing.
    pub self_check_rate: u64,
}

/// Local settings of admission and ordering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a section of keys")]
pub struct ConsensusConfig {
    /// Milliseconds of standstill before a replica says again where it is.
    pub resend_ms: u32,
    /// Milliseconds of standstill before it complains about the primary.
    pub progress_ms: u32,
    /// With Raft and Paxos: the shortest time in milliseconds without a leader before it stands for election; the
    /// longest is twice that.
    pub election_ms: u32,
    /// MiB that may be taken by the recording of what the engines were given last, in the home's folder
    /// `flight`: 4 to 1,024. 0 records nothing.
    pub flight_recorder_mib: u32,
}

/// Logs go to standard error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a section of keys")]
pub struct LogConfig {
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,quorate_network=debug`.
    pub level: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON document a line.
    Json,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8100)),
            max_pending: 100_000,
            max_pending_mib: 256,
            max_pending_per_account: 20_000,
            senders: SendersConfig::Anyone,
            cors_origins: Vec::new(),
            hosts: Vec::new(),
        }
    }
}

impl Default for OperationsConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8200)),
            localnet_controls: false,
        }
    }
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            listen: vec!["/ip4/0.0.0.0/tcp/9100".to_owned()],
            external: Vec::new(),
            peers: Vec::new(),
            observers: Vec::new(),
            mdns: false,
            kademlia: true,
        }
    }
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            cache_mib: 64,
            self_check_rate: 1 << 20,
        }
    }
}

impl Default for ConsensusConfig {
    fn default() -> Self {
        Self {
            resend_ms: 500,
            progress_ms: 1_000,
            election_ms: 250,
            flight_recorder_mib: 32,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: LogFormat::Text,
        }
    }
}

/// A node's home folder: where each file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home(PathBuf);

impl Home {
    /// The home at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// The genesis document.
    pub fn genesis(&self) -> PathBuf {
        self.0.join("genesis.toml")
    }

    /// The key that votes.
    pub fn validator_key(&self) -> PathBuf {
        self.0.join("validator.key")
    }

    /// The key that votes from the epoch on in which it sits, if that is another.
    pub fn next_validator_key(&self) -> PathBuf {
        self.0.join("next").join("validator.key")
    }

    /// The node key that goes with it.
    pub fn next_node_key(&self) -> PathBuf {
        self.0.join("next").join("node.key")
    }

    /// The witness key that goes with it.
    pub fn next_witness_key(&self) -> PathBuf {
        self.0.join("next").join("witness.key")
    }

    /// The key that links are made with.
    pub fn node_key(&self) -> PathBuf {
        self.0.join("node.key")
    }

    /// The key that signs checkpoints.
    pub fn witness_key(&self) -> PathBuf {
        self.0.join("witness.key")
    }

    /// Here while this validator must not vote.
    pub fn quarantine(&self) -> PathBuf {
        self.0.join("quarantined")
    }

    /// Proof of others' misbehaviour.
    pub fn evidence(&self) -> PathBuf {
        self.0.join("evidence")
    }

    /// How far the webhooks have come.
    pub fn webhooks(&self) -> PathBuf {
        self.0.join("webhooks")
    }

    /// What the engines were given last.
    pub fn flight(&self) -> PathBuf {
        self.0.join("flight")
    }

    /// The chain database.
    pub fn chain(&self) -> PathBuf {
        self.0.join("chain")
    }

    /// The journal.
    pub fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not a configuration.
    #[error("{path} is not a valid configuration: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
}

impl NodeConfig {
    /// Reads a configuration file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
            path: path.to_owned(),
            error,
        })?;
        toml::from_str(&text).map_err(|error| ConfigError::Malformed {
            path: path.to_owned(),
            reason: error.to_string(),
        })
    }

    /// The text of a file that says this, with a comment above each key. An error only for a number that TOML has
    /// no room for.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        let values = toml::Table::try_from(self)?;
        let mut text = String::with_capacity(2 * TEMPLATE.len());
        let mut section = "";
        for line in TEMPLATE.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name;
            }
            let key = line.split_once(" = ").map(|(key, _)| key);
            match key.and_then(|key| Some((key, values.get(section)?.get(key)?))) {
                Some((key, value)) => text.push_str(&format!("{key} = {value}")),
                None => text.push_str(line),
            }
            text.push('\n');
        }
        if !self.webhooks.is_empty() {
            let webhooks = Webhooks {
                webhooks: &self.webhooks,
            };
            text.push_str(&format!("\n{}", toml::to_string(&webhooks)?));
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests;
