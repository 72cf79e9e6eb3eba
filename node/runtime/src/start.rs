//! Starting a node from its home, and stopping it in order.
//!
//! What start does with the two databases: the chain's tip is a certified height; its state tree is
//! rebuilt and must have the root in the tip's header. Journal records at or below that height are
//! passed over; those above are given to the engine, which decides those heights again, and the
//! executor executes them again.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use quorate_consensus::contract::{Config as EngineConfig, Timing};
use quorate_consensus::{Engine, Message, Record, TimerRange};
use quorate_crypto::keyfile;
use quorate_crypto::{Committee, Digest, Height, PublicKey, SigningKey, ValidatorIndex};
use quorate_genesis::Genesis;
use quorate_ledger::{GenesisState, Parameters, StateTree, Tip, decode, encode, genesis_state};
use quorate_network::{Config as NetworkConfig, Limits, PeerConfig, PeerKey};
use quorate_storage::{Chain, HomeLock, Journal, StorageOptions};
use tokio::net::TcpListener;

use crate::batcher::{self, OwnBatches};
use crate::batches::{self, BatchStore, Rules};
use crate::committed::Committed;
use crate::config::{Home, NodeConfig};
use crate::core::{self, Core, Event};
use crate::error::NodeError;
use crate::executor::{self, Command};
use crate::links::{self, Links, Router};
use crate::node::RunningNode;
use crate::pool::Pool;
use crate::view::SharedView;
use crate::{flush, logging, sync};

/// Bytes of one journal record: a vote that carries certificates is the largest.
const MAX_RECORD_BYTES: usize = 8 << 20;
/// How long calls under way may go on once the node is told to stop.
const GRACE: std::time::Duration = std::time::Duration::from_secs(1);
/// Workers of the asynchronous runtime: the network and the API need little.
const ASYNC_WORKERS: usize = 2;

/// What a home holds, read and checked.
struct Identity {
    genesis: Genesis,
    genesis_text: String,
    committee: Committee,
    parameters: Parameters,
    names: Vec<String>,
    index: ValidatorIndex,
    validator_key: SigningKey,
    node_key: SigningKey,
}

impl Identity {
    fn read(home: &Home, passphrase: Option<&str>) -> Result<Self, NodeError> {
        let path = home.genesis();
        let genesis_text = std::fs::read_to_string(&path).map_err(|source| NodeError::GenesisUnreadable {
            path: path.clone(),
            source,
        })?;
        let genesis = Genesis::parse(&genesis_text).map_err(|source| NodeError::Genesis {
            path,
            source: Box::new(source),
        })?;
        let validator_key = read_key(&home.validator_key(), passphrase)?;
        let node_key = read_key(&home.node_key(), passphrase)?;
        let committee = genesis.committee();
        let key = validator_key.public();
        let index = committee.index_of(&key).ok_or(NodeError::NotAValidator { key })?;
        let own = genesis
            .validators()
            .nth(usize::from(index.0))
            .expect("the index is one of the committee's");
        if own.node_key != node_key.public() {
            return Err(NodeError::WrongNodeKey {
                name: own.name.to_owned(),
                got: node_key.public(),
                expected: own.node_key,
            });
        }
        let names = genesis
            .validators()
            .map(|validator| validator.name.to_owned())
            .collect();
        let parameters = genesis.parameters().clone();
        Ok(Self {
            genesis,
            genesis_text,
            committee,
            parameters,
            names,
            index,
            validator_key,
            node_key,
        })
    }

    fn network(&self) -> Digest {
        self.genesis.network_id()
    }

    fn genesis_state(&self) -> Result<GenesisState, NodeError> {
        let initial = self.genesis.initial_state();
        genesis_state(&initial.assets, &initial.balances, &self.parameters).map_err(|error| {
            NodeError::GenesisState {
                reason: error.to_string(),
            }
        })
    }

    fn peer_key(key: PublicKey) -> PeerKey {
        PeerKey(*key.as_bytes())
    }
}

fn read_key(path: &Path, passphrase: Option<&str>) -> Result<SigningKey, NodeError> {
    // A key without a passphrase is read as such, whatever passphrase the other key has.
    let failed = |source| NodeError::Key {
        path: path.to_owned(),
        source,
    };
    let encrypted = keyfile::is_encrypted(path).map_err(failed)?;
    keyfile::read(path, passphrase.filter(|_| encrypted)).map_err(failed)
}

fn open_chain(
    home: &Home,
    identity: &Identity,
    config: &NodeConfig,
) -> Result<(Chain, StateTree), NodeError> {
    let options = StorageOptions {
        cache_bytes: config.storage.cache_mib << 20,
        ..StorageOptions::default()
    };
    let genesis = identity.genesis_state()?;
    let network = identity.network();
    let chain = if home.chain().join("CURRENT").exists() {
        Chain::open(home.chain(), network, &options)?
    } else {
        let tip = Tip::genesis(network, identity.genesis.time(), genesis.root);
        Chain::create(home.chain(), &genesis, &tip, &options)?
    };
    let tree = chain.load_state_tree()?;
    if chain.tip().height == Height::GENESIS && chain.state_root() != genesis.root {
        return Err(NodeError::WrongGenesisState {
            stored: chain.state_root(),
            expected: genesis.root,
        });
    }
    Ok((chain, tree))
}

/// What a check of a home found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// The network's id.
    pub network: Digest,
    /// The validator's name.
    pub validator: String,
    /// The certified height on disk.
    pub height: Height,
    /// The hash of the block there.
    pub block_hash: Digest,
    /// The state root, which the stored values give again.
    pub state_root: Digest,
    /// Values in the state.
    pub state_values: usize,
}

/// Checks a home without starting a node: configuration, genesis, keys, and that the stored state has
/// the root in the stored tip.
pub fn check(home: &Home, config: &NodeConfig, passphrase: Option<&str>) -> Result<CheckReport, NodeError> {
    let _lock = HomeLock::acquire(home.path())?;
    let identity = Identity::read(home, passphrase)?;
    let (chain, tree) = open_chain(home, &identity, config)?;
    let tip = chain.tip();
    Ok(CheckReport {
        network: identity.network(),
        validator: identity.names[usize::from(identity.index.0)].clone(),
        height: tip.height,
        block_hash: tip.block_hash,
        state_root: tip.state_root,
        state_values: tree.len(),
    })
}

/// Runs a node until SIGTERM or SIGINT.
pub fn run(home: &Home, config: &NodeConfig, passphrase: Option<&str>) -> Result<(), NodeError> {
    logging::start(&config.log)?;
    let lock = HomeLock::acquire(home.path())?;
    lock.check_writable()?;
    let identity = Identity::read(home, passphrase)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(ASYNC_WORKERS)
        .thread_name("async")
        .enable_all()
        .build()
        .map_err(|source| NodeError::System {
            what: "cannot start threads",
            source,
        })?;
    // Listeners first: a port in use is known before anything else is touched.
    let api = runtime.block_on(listen(config.api.listen, "client API"))?;
    let operations = runtime.block_on(listen(config.operations.listen, "operations API"))?;
    let (chain, tree) = open_chain(home, &identity, config)?;
    let chain = Arc::new(chain);
    let journal = Arc::new(Journal::open(
        home.journal(),
        identity.network(),
        &StorageOptions::journal(),
    )?);
    let (records, replayed) = read_journal(&journal, chain.tip().height)?;
    let (handle, events) = runtime.block_on(quorate_network::start(network_config(&identity, config)?))?;
    let node = Started::start(
        config,
        identity,
        chain,
        tree,
        journal,
        (records, replayed),
        handle,
        events,
        &runtime,
        home.quarantine(),
    )?;
    node.serve(config, api, operations, runtime);
    Ok(())
}

async fn listen(address: SocketAddr, purpose: &'static str) -> Result<TcpListener, NodeError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| NodeError::Listen {
            address,
            purpose,
            source,
        })
}

/// Records above the certified height, and every entry's number with the height it belongs to.
type Replayed = (Vec<Record>, Vec<(u64, Option<Height>)>);

fn read_journal(journal: &Journal, certified: Height) -> Result<Replayed, NodeError> {
    let mut records = Vec::new();
    let mut entries = Vec::new();
    for entry in journal.replay() {
        let (number, bytes) = entry?;
        let record: Record = decode(&bytes, MAX_RECORD_BYTES).map_err(|error| NodeError::Journal {
            reason: format!("entry {number}: {error}"),
        })?;
        entries.push((number, record.height()));
        if record.height().is_none_or(|height| height > certified) {
            records.push(record);
        }
    }
    Ok((records, entries))
}

fn network_config(identity: &Identity, config: &NodeConfig) -> Result<NetworkConfig, NodeError> {
    let mut addresses: BTreeMap<&str, Vec<String>> = identity
        .genesis
        .validators()
        .map(|validator| (validator.name, Vec::new()))
        .collect();
    for peer in &config.network.peers {
        let known = addresses
            .get_mut(peer.name.as_str())
            .ok_or_else(|| NodeError::UnknownPeer {
                name: peer.name.clone(),
            })?;
        known.push(peer.address.clone());
    }
    let peers = identity.genesis.validators().map(|validator| {
        let mut found = addresses.remove(validator.name).unwrap_or_default();
        found.extend(validator.addresses.iter().cloned());
        PeerConfig {
            key: Identity::peer_key(validator.node_key),
            name: validator.name.to_owned(),
            addresses: found,
        }
    });
    let peers = peers.collect();
    Ok(NetworkConfig {
        identity: identity.node_key.seed(),
        listen: config.network.listen.clone(),
        external: config.network.external.clone(),
        peers,
        network: identity.network().0,
        protocol_version: identity.committee.protocol_version(),
        software: format!("quorate/{}", env!("CARGO_PKG_VERSION")),
        mdns: config.network.mdns,
        kademlia: config.network.kademlia,
        limits: Limits::default(),
    })
}

fn engine_config(
    identity: &Identity,
    config: &NodeConfig,
    chain: &Chain,
    votes: bool,
) -> Result<EngineConfig, NodeError> {
    let snapshot = chain.snapshot()?;
    let certified = snapshot.height();
    let around = |ms: u32| TimerRange {
        from_ms: ms - ms / 5,
        to_ms: ms + ms / 5,
    };
    Ok(EngineConfig {
        network: identity.network(),
        committee: identity.committee.clone(),
        index: votes.then_some(identity.index),
        parameters: identity.parameters.clone(),
        epoch_start: Height::GENESIS,
        certified,
        certificate: snapshot.certificate(certified)?,
        timing: Timing {
            resend: around(config.consensus.resend_ms.max(10)),
            progress: around(config.consensus.progress_ms.max(100)),
            progress_cap_ms: 60_000,
            heartbeat: around((config.consensus.progress_ms / 2).max(50)),
        },
    })
}

/// A running node's threads, and what stops them.
struct Started {
    node: Arc<RunningNode>,
    inbox: core::Inbox,
    executor: executor::ExecutorHandle,
    threads: Vec<std::thread::JoinHandle<()>>,
    executor_thread: std::thread::JoinHandle<()>,
}

impl Started {
    #[expect(
        clippy::too_many_arguments,
        reason = "everything a node consists of meets here, once"
    )]
    fn start(
        config: &NodeConfig,
        identity: Identity,
        chain: Arc<Chain>,
        tree: StateTree,
        journal: Arc<Journal>,
        (records, replayed): Replayed,
        handle: quorate_network::Handle,
        events: quorate_network::Events,
        runtime: &tokio::runtime::Runtime,
        quarantine: PathBuf,
    ) -> Result<Self, NodeError> {
        let network = identity.network();
        let tip = chain.tip();
        let certified = tip.height;
        let transactions = chain.snapshot()?.transaction_count();
        let committee = identity.committee.clone();
        let parameters = identity.parameters.clone();
        let rules = Rules {
            network,
            committee: committee.clone(),
            parameters: parameters.clone(),
        };
        let (inbox, outlet) = core::inbox();
        let own = Arc::new(OwnBatches::default());
        let pool = Arc::new(Pool::new(&config.api));
        let committed = Arc::new(Committed::new(
            certified,
            transactions,
            Arc::clone(&pool),
            Arc::clone(&own),
        ));
        let batches = Arc::new(BatchStore::new(Arc::clone(&chain), rules));
        let restored = batches.restore()?;
        let peer_keys = identity
            .genesis
            .validators()
            .map(|validator| (validator.validator_key, Identity::peer_key(validator.node_key)));
        let links = Links::new(
            handle,
            links::peers_of(peer_keys, &committee, Some(identity.index)),
        );

        let next_entry = journal.next_sequence();
        let (journal_writer, journal_thread) = flush::start_journal(Arc::clone(&journal), inbox.clone());
        let (chain_flusher, flush_thread) =
            flush::start_chain(Arc::clone(&chain), batches.write_counter(), inbox.clone());
        let (checker, checker_thread) = batches::start_checker(Arc::clone(&batches), inbox.clone());
        let (executor, executor_thread) = executor::start(executor::Parts {
            chain: Arc::clone(&chain),
            batches: Arc::clone(&batches),
            tree,
            tip,
            committee: committee.clone(),
            parameters: parameters.clone(),
            inbox: inbox.clone(),
            committed: Arc::clone(&committed),
        });
        let (sync, sync_thread) = sync::start(sync::Parts {
            runtime: runtime.handle().clone(),
            network,
            committee: committee.clone(),
            chain: Arc::clone(&chain),
            executor: executor.clone(),
            links: links.clone(),
        });
        let view = Arc::new(SharedView::new(certified));
        let votes = !quarantine.exists();
        if !votes {
            tracing::warn!(marker = %quarantine.display(), "this validator only observes: it once forgot what it signed");
        }
        let engine_config = engine_config(&identity, config, &chain, votes)?;
        let (engine, first) =
            Engine::recover(engine_config, records).map_err(|error| NodeError::NoEngine {
                engine: error.engine.to_string(),
            })?;
        let core = Core::new(
            core::Parts {
                network,
                epoch: committee.epoch(),
                index: votes.then_some(identity.index),
                key: identity.validator_key.clone(),
                engine,
                next_entry,
                replayed,
                journal: journal_writer,
                prune: Box::new(move |first| {
                    if let Err(error) = journal.prune_before(first) {
                        crate::fatal(&format!("the journal cannot be pruned: {error}"));
                    }
                }),
                quarantine: Box::new(move |message| mark_quarantined(&quarantine, message)),
                chain_flusher,
                batches: Arc::clone(&batches),
                executor: executor.clone(),
                links: links.clone(),
                sync: sync.clone(),
                view: Arc::clone(&view),
            },
            first,
            certified,
        );
        for digest in restored {
            inbox.put(Event::BatchStored(digest));
        }
        let core_thread = std::thread::Builder::new()
            .name("core".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .build()
                    .expect("a runtime of timers alone can be made");
                runtime.block_on(core.run(outlet));
            })
            .map_err(|source| NodeError::System {
                what: "cannot start threads",
                source,
            })?;
        let batcher_thread = batcher::start(batcher::Parts {
            network,
            epoch: committee.epoch(),
            author: identity.index,
            key: identity.validator_key.clone(),
            parameters: parameters.clone(),
            pool: Arc::clone(&pool),
            own: Arc::clone(&own),
            batches: Arc::clone(&batches),
            links: links.clone(),
            view: Arc::clone(&view),
            inbox: inbox.clone(),
        });
        let router = Router {
            network,
            committee: committee.clone(),
            parameters: parameters.clone(),
            links: links.clone(),
            inbox: inbox.clone(),
            checker,
            batches: Arc::clone(&batches),
            sync_server: sync::Server::new(Arc::clone(&chain), runtime.handle().clone()),
        };
        let links_thread = links::start(router, events, runtime.handle().clone());
        let node = RunningNode {
            genesis: identity.genesis,
            genesis_text: identity.genesis_text,
            network,
            committee,
            names: identity.names,
            parameters,
            index: Some(identity.index),
            chain,
            pool,
            own,
            batches,
            committed,
            links,
            sync,
            view,
        };
        // The last two hold handles of others and end after these.
        let threads = vec![
            core_thread,
            batcher_thread,
            journal_thread,
            flush_thread,
            checker_thread,
            links_thread,
            sync_thread,
        ];
        Ok(Self {
            node: Arc::new(node),
            inbox,
            executor,
            threads,
            executor_thread,
        })
    }

    /// Serves until a signal comes, then stops in order: no new work, then votes, then blocks.
    fn serve(
        self,
        config: &NodeConfig,
        api: TcpListener,
        operations: TcpListener,
        runtime: tokio::runtime::Runtime,
    ) {
        let node: Arc<dyn quorate_api::Node> = self.node.clone();
        let status = quorate_api::Node::status(&*self.node);
        tracing::info!(
            validator = %status.validator,
            network = %self.node.network,
            height = %status.tip.height,
            api = %config.api.listen,
            operations = %config.operations.listen,
            "the node is up"
        );
        let client = quorate_api::client_router(Arc::clone(&node), quorate_api::ApiConfig::default());
        let operations_config = quorate_api::OperationsConfig {
            localnet_controls: config.operations.localnet_controls,
        };
        let operators = quorate_api::operations_router(node, operations_config);
        runtime.block_on(async {
            let (stopping, stopped) = tokio::sync::watch::channel(false);
            let told = |mut stopped: tokio::sync::watch::Receiver<bool>| async move {
                // Should the sender go, that too means stop.
                let _ = stopped.wait_for(|stopping| *stopping).await;
            };
            let client = quorate_api::serve(api, client, told(stopped.clone()), GRACE);
            let operators = quorate_api::serve(operations, operators, told(stopped), GRACE);
            let stop = async {
                signal().await;
                tracing::info!("stopping");
                stopping.send_replace(true);
            };
            tokio::join!(client, operators, stop);
            self.node.links.handle().shutdown().await;
        });
        self.node.pool.close();
        self.node.own.stop();
        self.inbox.put(Event::Stop);
        let mut threads = self.threads.into_iter();
        if let Some(core) = threads.next() {
            join(core);
        }
        self.executor.send(Command::Stop);
        join(self.executor_thread);
        runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        tracing::info!(height = %self.node.chain.tip().height, "stopped");
    }
}

/// Leaves a file that keeps this validator from voting, until a person has looked.
fn mark_quarantined(path: &Path, message: &Message) {
    let text = format!(
        "This validator signed a message that its journal does not know:\n{}\nIt observes and does not vote \
         while this file is here.\n",
        hex::encode(encode(message))
    );
    let written = std::fs::write(path, text).and_then(|()| std::fs::File::open(path)?.sync_all());
    if let Err(error) = written {
        crate::fatal(&format!("{} cannot be written: {error}", path.display()));
    }
}

fn join(thread: std::thread::JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread had panicked");
    }
}

async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be awaited");
    let mut interrupt = signal(SignalKind::interrupt()).expect("signals can be awaited");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
