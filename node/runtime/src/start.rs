//! Starting a node from its home, and stopping it in order.

use std::net::SocketAddr;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use quorate_consensus::Engine;
use quorate_crypto::SigningKey;
use quorate_crypto::keyfile::Access;
use quorate_driver::{Event, Limits};
use quorate_storage::HomeLock;
use quorate_webhooks::Hooks;
use tokio::net::TcpListener;

use crate::answered::Answered;
use crate::batcher::{self, Batcher};
use crate::certified::{AssetMakers, ProofTree};
use crate::checkpoints::Checkpoints;
use crate::conduct::{Conduct, Honest, Means};
use crate::config::{Home, NodeConfig};
use crate::core::{self, Core, CoreSetup};
use crate::descriptors::{Descriptors, OPERATIONS};
use crate::disks::Disks;
use crate::error::NodeError;
use crate::evidence::EvidenceStore;
use crate::executor::{self, Command, ExecutorSetup};
use crate::home::Identity;
use crate::inbox::{Inbox, Notice, Outlet, inbox};
use crate::links::{Links, Net};
use crate::node::RunningNode;
use crate::recorder::Origin;
use crate::router::{self, RouterSetup};
use crate::self_check::{self, SelfCheckSetup, Stopper};
use crate::senders::Senders;
use crate::shared::Shared;
use crate::signals::{self, Ending};
use crate::sync::{self, BlockSync};
use crate::voting::Voting;
use crate::{batches, flush, logging, process, recorder};

/// How long calls under way may go on once the node is told to stop.
const GRACE: Duration = Duration::from_secs(1);
/// Workers of the asynchronous runtime: the network and the API need little.
const ASYNC_WORKERS: usize = 2;

/// Runs a node until SIGTERM or SIGINT.
pub fn run(home: &Home, config: &NodeConfig, access: Access<'_>) -> Result<(), NodeError> {
    run_as(Arc::new(Honest), home, config, access)
}

/// Runs a node that behaves so, for test binaries.
pub fn run_as(
    conduct: Arc<dyn Conduct>,
    home: &Home,
    config: &NodeConfig,
    access: Access<'_>,
) -> Result<(), NodeError> {
    logging::start(&config.log)?;
    process::keep_memory_private(config.operations.localnet_controls);
    process::keep_files_private();
    let lock = HomeLock::acquire(home.path())?;
    lock.check_writable()?;
    let identity = Identity::read(home, access)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(ASYNC_WORKERS)
        .thread_name("async")
        .enable_all()
        .build()
        .map_err(|source| NodeError::System {
            what: "cannot start threads",
            source,
        })?;
    signals::ignore(&runtime)?;
    let validators = identity.genesis.validators().count().saturating_sub(1);
    let descriptors = Descriptors::reserve(validators.saturating_add(config.network.observers.len()))?;
    tracing::info!(
        limit = descriptors.limit,
        api = descriptors.api,
        "open files: what is not for the API's clients is kept for databases, peers and operators"
    );
    // Listeners first: a port in use is known before anything else is touched.
    let api = runtime.block_on(listen(config.api.listen, "client API"))?;
    let operations = runtime.block_on(listen(config.operations.listen, "operations API"))?;
    let disks = Disks::open(home, &identity, config)?;
    let witness = identity
        .witness_key(home, access, &disks.roster)
        .inspect_err(|error| {
            tracing::warn!(%error, "this validator signs no checkpoints");
        });
    let voting = Voting::open(home, &identity, config, &disks)?;
    let (inbox, outlet) = inbox();
    let shared = Shared::new(&identity, config, &disks, &inbox)?;
    let webhooks = Hooks::open(
        quorate_webhooks::Place {
            network: identity.network(),
            home: home.path(),
            folder: &home.webhooks(),
            tip: disks.chain.tip().height,
            groups: access.groups,
        },
        &config.webhooks,
    );
    let net = runtime.block_on(Net::start(&identity, config, &shared.epoch, Arc::clone(&conduct)))?;
    let parts = Parts {
        home,
        config,
        conduct,
        identity,
        witness: witness.ok(),
        disks,
        voting,
        shared,
        webhooks,
        net,
        inbox,
        outlet,
    };
    let node = Started::start(parts, &runtime)?;
    // Until here the system ends the node at once: nothing is under way.
    let ending = Ending::listen(&runtime)?;
    node.serve(
        config,
        Listeners { api, operations },
        descriptors,
        ending,
        runtime,
    );
    Ok(())
}

/// Where calls come in.
struct Listeners {
    api: TcpListener,
    operations: TcpListener,
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

/// How long a leader that stops waits for a successor to take over.
const HANDOVER: Duration = Duration::from_millis(300);

/// When it looks whether there is one, for the first time.
const HANDOVER_LOOK: Duration = Duration::from_millis(60);

/// What a node is made of, before any of its threads runs.
struct Parts<'a> {
    home: &'a Home,
    config: &'a NodeConfig,
    conduct: Arc<dyn Conduct>,
    identity: Identity,
    /// The key that signs checkpoints, if it may be used.
    witness: Option<SigningKey>,
    disks: Disks,
    voting: Voting,
    shared: Shared,
    webhooks: Hooks,
    net: Net,
    inbox: Inbox,
    outlet: Outlet,
}

/// A running node's threads, and what stops them.
struct Started {
    node: Arc<RunningNode>,
    inbox: Inbox,
    executor: executor::ExecutorHandle,
    self_check: Stopper,
    /// All but the executor's, in the order in which they end: the core first, which feeds most of the others.
    threads: Vec<std::thread::JoinHandle<()>>,
    /// It ends when all that could hand it a block have ended.
    executor_thread: std::thread::JoinHandle<()>,
    /// It ends when the executor, which feeds it, has.
    purge_thread: std::thread::JoinHandle<()>,
}

impl Started {
    /// Starts the threads. One needs the handles of those that end after it, so they start in about the reverse
    /// of the order in which they end.
    fn start(parts: Parts<'_>, runtime: &tokio::runtime::Runtime) -> Result<Self, NodeError> {
        let Parts {
            home,
            config,
            conduct,
            identity,
            witness,
            disks,
            voting,
            shared,
            webhooks,
            net: Net { events, links },
            inbox,
            outlet,
        } = parts;
        let network = identity.network();
        let evidence = EvidenceStore::open(home.evidence()).map_err(|source| NodeError::System {
            what: "cannot read the evidence kept in the home",
            source,
        })?;
        conduct.begins(Means {
            network,
            keys: Arc::clone(&identity.keys),
            epoch: shared.epoch.clone(),
            links: links.clone(),
            inbox: inbox.clone(),
            batches: Arc::clone(&shared.batches),
        });
        let roster = Arc::clone(&shared.epoch.get().now);
        let first = quorate_driver::Start {
            config: voting.at_start(&disks)?,
            recovered: disks.recovered,
            make: Engine::recover,
            limits: Limits::default(),
            seed: random_seed(),
        };
        let keeper = Arc::clone(voting.keeper());
        let (chain, journal) = (disks.chain, disks.journal);
        let checkpoints = Checkpoints::open(network, witness, Arc::clone(&journal))?;

        let (purger, purge_thread) = executor::start_purger(Arc::clone(&chain));
        let (texts, texts_thread) = sync::start_texts(Arc::clone(&chain), links.clone());
        let tree = Arc::new(RwLock::new(disks.tree));
        let (executor, executor_thread) = executor::start(ExecutorSetup {
            chain: Arc::clone(&chain),
            batches: Arc::clone(&shared.batches),
            state: Arc::clone(&shared.state),
            tree: Arc::clone(&tree),
            tip: chain.tip(),
            epoch: shared.epoch.clone(),
            rosters: identity.rosters(),
            admit: admitting(&links),
            inbox: inbox.clone(),
            pool: Arc::clone(&shared.pool),
            own: Arc::clone(&shared.own),
            committed: Arc::clone(&shared.committed),
            purger,
            texts: texts.clone(),
        });
        let proofs = Arc::new(ProofTree::new(tree));
        let (self_checked, self_check, self_check_thread) = self_check::start(SelfCheckSetup {
            chain: Arc::clone(&chain),
            tree: Arc::clone(&proofs),
            start: identity.genesis.time(),
            rate: config.storage.self_check_rate,
        });
        let origin = Origin {
            network,
            names: roster.names.all().to_vec(),
            own: roster.own,
        };
        let mib = config.consensus.flight_recorder_mib;
        let (recorder, recorder_thread) = recorder::start(home, mib, origin);
        let recorded = recorder.statistics();
        let (chain_flusher, flush_thread) =
            flush::start_chain(Arc::clone(&chain), shared.batches.write_count(), inbox.clone());
        let (journal_writer, journal_thread) = flush::start_journal(Arc::clone(&journal), inbox.clone());
        let (sync, sync_thread) = sync::start(BlockSync {
            runtime: runtime.handle().clone(),
            network,
            epoch: shared.epoch.clone(),
            chain: Arc::clone(&chain),
            batches: Arc::clone(&shared.batches),
            executor: executor.clone(),
            links: links.clone(),
            inbox: inbox.clone(),
            texts: texts.clone(),
        });
        let (checker, checker_thread) = batches::start_checker(
            Arc::clone(&shared.batches),
            Arc::clone(&shared.keys),
            shared.epoch.clone(),
        );
        let core = CoreSetup {
            keys: Arc::clone(&identity.keys),
            roster: Arc::clone(&roster),
            voting,
            journal: journal_writer,
            entries: Arc::clone(&journal),
            evidence,
            chain_flusher,
            batches: Arc::clone(&shared.batches),
            executor: executor.clone(),
            links: links.clone(),
            sync: sync.clone(),
            standing: Arc::clone(&shared.standing),
        };
        let core_thread = core::start(Core::new(core, recorder, first), outlet)?;
        let batcher_thread = batcher::start(Batcher {
            network,
            epoch: shared.epoch.clone(),
            keys: Arc::clone(&identity.keys),
            parameters: roster.parameters.clone(),
            pool: Arc::clone(&shared.pool),
            own: Arc::clone(&shared.own),
            batches: Arc::clone(&shared.batches),
            links: links.clone(),
            standing: Arc::clone(&shared.standing),
        });
        let router = RouterSetup {
            network,
            epoch: shared.epoch.clone(),
            links: links.clone(),
            inbox: inbox.clone(),
            checker,
            batches: Arc::clone(&shared.batches),
            committed: Arc::clone(&shared.committed),
            sync: sync.clone(),
            texts,
            sync_server: sync::Server::new(Arc::clone(&chain), runtime.handle().clone()),
            observers: Arc::clone(&shared.observers),
        };
        let router_threads = router::start(router, events, runtime.handle().clone());

        let mut threads = vec![
            core_thread,
            batcher_thread,
            checker_thread,
            sync_thread,
            texts_thread,
        ];
        threads.extend(router_threads);
        // These end when the core, which feeds them, has.
        threads.extend([journal_thread, flush_thread]);
        threads.extend(recorder_thread);
        threads.extend(self_check_thread);
        let admission = rayon::ThreadPoolBuilder::new()
            .thread_name(|number| format!("admission-{number}"))
            .build()
            .expect("threads can be started");
        let node = RunningNode {
            home: home.clone(),
            senders: Senders::new(config.api.senders, &identity.genesis),
            genesis: identity.genesis,
            genesis_text: identity.genesis_text,
            network,
            keeper,
            observers: shared.observers,
            epoch: shared.epoch,
            chain,
            state: shared.state,
            tree: proofs,
            makers: AssetMakers::default(),
            keys: shared.keys,
            journal,
            checkpoints,
            recorded,
            self_checked,
            pool: shared.pool,
            own: shared.own,
            batches: shared.batches,
            committed: shared.committed,
            links,
            sync,
            standing: shared.standing,
            answered: Answered::default(),
            webhooks,
            admission,
        };
        Ok(Self {
            node: Arc::new(node),
            inbox,
            executor,
            self_check,
            threads,
            executor_thread,
            purge_thread,
        })
    }

    /// Serves until a signal comes, then stops in order: no new work, then votes, then blocks.
    fn serve(
        self,
        config: &NodeConfig,
        listeners: Listeners,
        descriptors: Descriptors,
        mut ending: Ending,
        runtime: tokio::runtime::Runtime,
    ) {
        let Listeners { api, operations } = listeners;
        let node: Arc<dyn quorate_api::Node> = self.node.clone();
        let status = quorate_api::Node::status(&*self.node);
        tracing::info!(
            validator = %status.validator,
            network = %self.node.network,
            height = status.height.0,
            api = %config.api.listen,
            operations = %config.operations.listen,
            "the node is up"
        );
        if !config.api.listen.ip().is_loopback() {
            tracing::warn!(
                api = %config.api.listen,
                "the client API listens beyond this machine: nobody is authenticated there and nothing is encrypted; put \
                 a proxy in front of it that speaks TLS"
            );
        }
        let api_config = quorate_api::ApiConfig {
            cors_origins: config.api.cors_origins.clone(),
            hosts: config.api.known_hosts(),
            ..quorate_api::ApiConfig::default()
        };
        let client = quorate_api::client_router(Arc::clone(&node), api_config);
        let operations_config = quorate_api::OperationsConfig {
            localnet_controls: config.operations.localnet_controls,
            loopback: config.operations.listen.ip().is_loopback(),
        };
        // Strangers come to the API; an operator's own tools are few.
        let bounds = |connections, of_address| quorate_api::Bounds {
            connections,
            of_address,
            grace: GRACE,
        };
        let of_clients = bounds(descriptors.api, (descriptors.api / 4).max(64));
        let of_operators = bounds(OPERATIONS, OPERATIONS / 2);
        let operators = quorate_api::operations_router(Arc::clone(&node), operations_config);
        runtime.spawn(crate::node::summaries(Arc::clone(&self.node)));
        runtime.spawn(crate::observers::watch(Arc::clone(&self.node)));
        runtime.spawn(crate::checkpoints::sign(Arc::clone(&self.node)));
        runtime.block_on(async {
            let (stopping, stopped) = tokio::sync::watch::channel(false);
            let told = |mut stopped: tokio::sync::watch::Receiver<bool>| async move {
                // Should the sender go, that too means stop.
                let _ = stopped.wait_for(|stopping| *stopping).await;
            };
            let client = quorate_api::serve(api, client, told(stopped.clone()), of_clients);
            let webhooks = self.node.webhooks.run(node, stopped.clone());
            let operators = quorate_api::serve(operations, operators, told(stopped), of_operators);
            let stop = async {
                let signal = ending.received().await;
                tracing::info!(signal, "stopping");
                stopping.send_replace(true);
                self.inbox.put(Event::Stopping);
                // Longer than the standing lags behind.
                tokio::time::sleep(HANDOVER_LOOK).await;
                let until = std::time::Instant::now() + HANDOVER;
                while self.node.standing.get().handing_over && std::time::Instant::now() < until {
                    tokio::time::sleep(HANDOVER_LOOK / 4).await;
                }
            };
            tokio::join!(client, operators, webhooks, stop);
            self.node.links.handle().shutdown().await;
        });
        self.node.pool.close();
        self.node.own.stop();
        self.node.sync.stop();
        drop(self.self_check);
        self.inbox.put(Notice::Stop);
        self.threads.into_iter().for_each(join);
        self.executor.send(Command::Stop);
        join(self.executor_thread);
        join(self.purge_thread);
        runtime.shutdown_timeout(Duration::from_secs(1));
        tracing::info!(
            height = self.node.chain.tip().height.0,
            missing_texts = self.node.sync.missing_texts(),
            "stopped"
        );
    }
}

/// Lets those have links who may, from the executor's thread.
fn admitting(links: &Links) -> Box<dyn Fn() + Send> {
    let links = links.clone();
    Box::new(move || links.admit())
}

/// What timers' durations are drawn from.
fn random_seed() -> u64 {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).expect("the operating system's random source works");
    u64::from_le_bytes(seed)
}

fn join(thread: std::thread::JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread had panicked");
    }
}
