//! Making a local network: keys, a genesis document that all of them joined, and a home for each.
//! Everything is made beside its final place and moved there as a whole, so that a network is never
//! half made.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use quorate_crypto::{ClientSigningKey, Engine, MemberNumber, SigningKey, keyfile};
use quorate_genesis::{
    Draft, DraftAccount, DraftAsset, DraftBalance, DraftGrant, DraftV1, Genesis, GenesisError, Join, JoinKeys,
};
use quorate_ledger::{AssetCode, Parameters, Right, Rules, Scope};
use quorate_runtime::config::{Home, NodeConfig};

use super::document::{Document, GENESIS, Localnet, TREASURY_KEY, Treasury, ValidatorEntry};
use crate::clock::now;
use crate::failure::Failure;

/// Operations listeners are this far above the client API's ports.
const OPERATIONS_OFFSET: u16 = 100;

/// The most validators: ports of the two listeners would otherwise meet.
const MAX_VALIDATORS: u16 = 100;

/// The key of each member's account, in the network's folder: the account administers the member.
const MEMBER_KEY_SUFFIX: &str = "member.key";

/// What the network is to be like.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many validators.
    pub validators: u16,
    /// By which protocol.
    pub engine: Engine,
    /// Which version of the ledger's rules.
    pub protocol: u32,
    /// The first validator's API port; the others follow.
    pub api_port: u16,
    /// The first validator's peer-to-peer port; the others follow.
    pub p2p_port: u16,
    /// The asset that genesis makes.
    pub asset: AssetCode,
    /// Its decimals.
    pub decimals: u8,
    /// How much of it there is, as people write it.
    pub supply: String,
}

/// Where one validator listens.
#[derive(Clone, Copy, Debug)]
struct Ports {
    api: SocketAddr,
    operations: SocketAddr,
    p2p: u16,
}

impl Plan {
    fn ports(&self, place: u16) -> Result<Ports, Failure> {
        let port = |base: u16, offset: u16| {
            base.checked_add(offset)
                .and_then(|port| port.checked_add(place))
                .ok_or_else(|| {
                    Failure::usage(format!("ports from {base} on do not suffice: 65535 is the last"))
                })
        };
        let listener = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Ok(Ports {
            api: listener(port(self.api_port, 0)?),
            operations: listener(port(self.api_port, OPERATIONS_OFFSET)?),
            p2p: port(self.p2p_port, 0)?,
        })
    }

    fn check(&self) -> Result<(), Failure> {
        if !(1..=MAX_VALIDATORS).contains(&self.validators) {
            return Err(Failure::usage(format!(
                "{} validators: a local network has 1 to {MAX_VALIDATORS}",
                self.validators
            )));
        }
        let spans = [
            (self.api_port, "API"),
            (self.api_port.saturating_add(OPERATIONS_OFFSET), "operations"),
            (self.p2p_port, "peer-to-peer"),
        ];
        for (place, (base, name)) in spans.iter().enumerate() {
            for (other, other_name) in &spans[place + 1..] {
                if base.abs_diff(*other) < self.validators {
                    return Err(Failure::usage(format!(
                        "the {name} ports meet the {other_name} ports"
                    )));
                }
            }
        }
        Ok(())
    }
}

/// Makes the network in `dir`, which must not exist or be empty.
pub fn make(dir: &Path, plan: &Plan) -> Result<Localnet, Failure> {
    plan.check()?;
    let dir = std::path::absolute(dir).map_err(|error| Failure::io(dir, &error))?;
    let name = dir
        .file_name()
        .ok_or_else(|| Failure::usage(format!("{} cannot hold a network", dir.display())))?
        .to_string_lossy()
        .into_owned();
    if dir.exists() {
        let mut entries = fs::read_dir(&dir).map_err(|error| Failure::io(&dir, &error))?;
        if entries.next().is_some() {
            return Err(Failure::failed(format!(
                "{} is not empty and is no local network: nothing was touched",
                dir.display()
            )));
        }
    }
    let parent = dir.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(|error| Failure::unwritable(parent, &error))?;
    let draft = Staging::new(parent.join(format!(".{name}.making.{}", std::process::id())))?;
    let document = fill(&draft.0, &dir, &name, plan)?;
    if dir.exists() {
        fs::remove_dir(&dir).map_err(|error| Failure::unwritable(&dir, &error))?;
    }
    Localnet::new(draft.0.clone(), document.clone()).save()?;
    fs::rename(&draft.0, &dir).map_err(|error| Failure::unwritable(&dir, &error))?;
    Ok(Localnet::new(dir, document))
}

/// A folder that is removed again unless it was moved away.
struct Staging(PathBuf);

impl Staging {
    fn new(path: PathBuf) -> Result<Self, Failure> {
        fs::create_dir(&path).map_err(|error| Failure::unwritable(&path, &error))?;
        Ok(Self(path))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // It is gone if all went well, and nothing more can be done if it cannot be removed.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn fill(draft_dir: &Path, dir: &Path, name: &str, plan: &Plan) -> Result<Document, Failure> {
    let treasury = client_key_in(&draft_dir.join(TREASURY_KEY))?;
    let address = treasury.key().address();
    let names: Vec<String> = (1..=plan.validators)
        .map(|number| format!("validator-{number}"))
        .collect();
    let amount = quorate_client::wallet::parse_amount(&plan.supply, plan.decimals)
        .map_err(|error| Failure::usage(error).while_doing("--supply"))?;
    let asset = DraftAsset {
        code: plan.asset,
        decimals: plan.decimals,
        flags: 0,
        description: "made by the genesis of a local network".to_owned(),
        issuer: address,
        balances: vec![DraftBalance { address, amount }],
    };
    // Beyond protocol 1 the treasury's right to make assets has to be granted.
    let grants = if plan.protocol > 1 {
        vec![DraftGrant {
            account: address,
            right: Right::CreateAsset,
            scope: Scope::Network,
        }]
    } else {
        Vec::new()
    };
    let fields = DraftV1 {
        network: network_name(name),
        engine: plan.engine,
        time: now()?,
        members: names.clone(),
        parameters: Parameters::default(),
        rules: Rules::default(),
        assets: vec![asset],
        // The treasury is the first member's.
        accounts: vec![DraftAccount {
            address,
            member: MemberNumber(0),
        }],
        grants,
    };
    let draft = Draft::at(plan.protocol, fields);
    draft.check().map_err(made_wrong)?;

    let mut joins = Vec::new();
    let mut validators = Vec::new();
    for (place, name) in (0..).zip(&names) {
        let ports = plan.ports(place)?;
        let home = Home::new(draft_dir.join(name));
        fs::create_dir(home.path()).map_err(|error| Failure::unwritable(home.path(), &error))?;
        let validator = key_in(&home.validator_key())?;
        let node = key_in(&home.node_key())?;
        let witness = key_in(&home.witness_key())?;
        let account = client_key_in(&draft_dir.join(format!("{name}.{MEMBER_KEY_SUFFIX}")))?;
        let p2p = format!("/ip4/127.0.0.1/tcp/{}", ports.p2p);
        let keys = JoinKeys {
            validator: &validator,
            node: &node,
            witness: &witness,
            account: &account,
            signers: None,
            administrators: &[],
        };
        let join = Join::sign(&draft, name, keys, vec![p2p.clone()]).map_err(made_wrong)?;
        joins.push(join.to_toml());
        write_config(&home, &config(&ports, &p2p))?;
        validators.push(ValidatorEntry {
            name: name.clone(),
            api: format!("http://{}", ports.api),
            ops: format!("http://{}", ports.operations),
            p2p,
            home: dir.join(name),
            pid: None,
            started: None,
        });
    }
    let joins: Vec<&str> = joins.iter().map(String::as_str).collect();
    let (text, genesis) = Genesis::assemble(&draft.to_toml(), &joins).map_err(made_wrong)?;
    write(&draft_dir.join(GENESIS), &text)?;
    for name in &names {
        write(&Home::new(draft_dir.join(name)).genesis(), &text)?;
    }
    let mut document = Document {
        network: genesis.network_id(),
        consensus: plan.engine,
        genesis: PathBuf::new(),
        treasury: Treasury {
            address,
            key: PathBuf::new(),
        },
        asset: plan.asset,
        validators,
    };
    document.place_in(dir);
    Ok(document)
}

fn config(ports: &Ports, p2p: &str) -> NodeConfig {
    let mut config = NodeConfig::default();
    config.api.listen = ports.api;
    config.operations.listen = ports.operations;
    config.operations.localnet_controls = true;
    config.network.listen = vec![p2p.to_owned()];
    // Every address is in the genesis document; other local networks are none of its business.
    config.network.mdns = false;
    config
}

/// Writes a home's configuration file.
pub fn write_config(home: &Home, config: &NodeConfig) -> Result<(), Failure> {
    let text = config
        .to_toml()
        .map_err(|error| Failure::failed(format!("{}: {error}", home.config().display())))?;
    write(&home.config(), &text)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::unwritable(path, &error))
}

fn key_in(path: &Path) -> Result<SigningKey, Failure> {
    let key = SigningKey::generate();
    keyfile::create(path, &key, None)?;
    Ok(key)
}

fn client_key_in(path: &Path) -> Result<ClientSigningKey, Failure> {
    let key = ClientSigningKey::generate_ed25519();
    keyfile::client::create(path, &key, None)?;
    Ok(key)
}

fn made_wrong(error: GenesisError) -> Failure {
    Failure::usage(error).while_doing("the genesis document")
}

/// A folder's name as a network's: what a name may not have becomes a dash.
fn network_name(folder: &str) -> String {
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    let name: String = folder
        .chars()
        .map(|character| if allowed(character) { character } else { '-' })
        .take(quorate_genesis::MAX_NETWORK_NAME)
        .collect();
    if name.is_empty() {
        "localnet".to_owned()
    } else {
        name
    }
}
