//! Starting a node from its home, and stopping it in order.
//!
//! What start does with the two databases: the chain's tip is a certified height; its state tree is
//! rebuilt and must have the root in the tip's header. Journal records at or below that height are
//! passed over; those above are given to the engine, which decides those heights again, and the
//! executor executes them again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quorate_consensus::Engine;
use quorate_crypto::{Digest, KnownKeys};
use quorate_driver::{At, EntryNumber, Event, Limits, Recovered};
use quorate_ledger::StateTree;
use quorate_storage::{Chain, HomeLock, Journal, StorageOptions};
use tokio::net::TcpListener;

use crate::batcher::{self, Batcher};
use crate::batches::{self, BatchStore, Rules};
use crate::committed::Committed;
use crate::conduct::{Conduct, Honest, Means};
use crate::config::{Home, NodeConfig};
use crate::core::{Core, CoreSetup};
use crate::epoch::SharedEpoch;
use crate::error::NodeError;
use crate::evidence::EvidenceStore;
use crate::executor::{self, Command, ExecutorSetup};
use crate::home::{
    Identity, agreement_of, engine_config, network_config, open_chain, read_journal, tip_certificate,
};
use crate::inbox::{EpochEnded, Inbox, Notice, inbox};
use crate::links::{self, Links};
use crate::node::RunningNode;
use crate::observers::Observers;
use crate::own_batches::OwnBatches;
use crate::pool::Pool;
use crate::quarantine::QuarantineKeeper;
use crate::recorder::Origin;
use crate::router::{self, RouterSetup};
use crate::standing::SharedStanding;
use crate::state_cache::StateCache;
use crate::sync::{self, BlockSync};
use crate::{flush, logging, recorder};

/// How long calls under way may go on once the node is told to stop.
const GRACE: Duration = Duration::from_secs(1);
/// Workers of the asynchronous runtime: the network and the API need little.
const ASYNC_WORKERS: usize = 2;

/// Clients' keys whose points are remembered: about 20 MB.
const KNOWN_KEYS: usize = 1 << 16;

/// Runs a node until SIGTERM or SIGINT.
pub fn run(home: &Home, config: &NodeConfig, passphrase: Option<&str>) -> Result<(), NodeError> {
    run_as(Arc::new(Honest), home, config, passphrase)
}

/// Runs a node that behaves so, for test binaries.
pub fn run_as(
    conduct: Arc<dyn Conduct>,
    home: &Home,
    config: &NodeConfig,
    passphrase: Option<&str>,
) -> Result<(), NodeError> {
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
    // What was read may be in the system's memory alone, where a killed process left it: the engine counts
    // everything up to its certified height as being on disk (D6).
    chain.sync()?;
    let chain = Arc::new(chain);
    let journal = Arc::new(Journal::open(
        home.journal(),
        identity.network(),
        &StorageOptions::journal(),
    )?);
    let certified = chain.tip().height;
    let validator = identity.validator_key.public();
    let (agreement, _) = agreement_of(&chain, &validator)?;
    let is_durable = |digest: &Digest| {
        chain.has_batch(digest).unwrap_or_else(|error| {
            crate::fatal(&format!("the chain database cannot be read: {error}"));
        })
    };
    let at = At {
        epoch: agreement.v1().epoch,
        certified,
    };
    let recovered = read_journal(&journal, at, is_durable)?;
    let keeper = Arc::new(QuarantineKeeper::open(
        home.quarantine(),
        validator,
        Arc::clone(&journal),
        Arc::clone(&chain),
        at.epoch,
        recovered.is_ahead,
    )?);
    let (handle, events) = runtime.block_on(quorate_network::start(network_config(&identity, config)?))?;
    let node = Started::start(
        config, identity, chain, tree, journal, recovered, keeper, handle, events, &runtime, home, conduct,
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

/// How long a leader that stops waits for a successor to take over.
const HANDOVER: Duration = Duration::from_millis(300);

/// When it looks whether there is one, for the first time.
const HANDOVER_LOOK: Duration = Duration::from_millis(60);

/// A running node's threads, and what stops them.
struct Started {
    node: Arc<RunningNode>,
    inbox: Inbox,
    executor: executor::ExecutorHandle,
    core_thread: std::thread::JoinHandle<()>,
    /// The others, in the order in which they end.
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
        recovered: Recovered,
        keeper: Arc<QuarantineKeeper>,
        handle: quorate_network::Handle,
        events: quorate_network::Events,
        runtime: &tokio::runtime::Runtime,
        home: &Home,
        conduct: Arc<dyn Conduct>,
    ) -> Result<Self, NodeError> {
        let network = identity.network();
        let tip = chain.tip();
        let certified = tip.height;
        let transactions = chain.snapshot()?.transaction_count();
        let validator = identity.validator_key.public();
        let (agreement, rejoin) = agreement_of(&chain, &validator)?;
        let committee = agreement.committee();
        let epoch = SharedEpoch::new(&agreement);
        let parameters = identity.parameters.clone();
        let rules = Rules {
            network,
            committee: committee.clone(),
            first: agreement.v1().first,
            parameters: parameters.clone(),
        };
        let evidence = EvidenceStore::open(home.evidence()).map_err(|source| NodeError::System {
            what: "cannot read the evidence kept in the home",
            source,
        })?;
        let admission = rayon::ThreadPoolBuilder::new()
            .thread_name(|number| format!("admission-{number}"))
            .build()
            .expect("threads can be started");
        let (inbox, outlet) = inbox();
        let own = Arc::new(OwnBatches::default());
        let state = Arc::new(StateCache::default());
        let keys = Arc::new(KnownKeys::new(KNOWN_KEYS));
        let pool = Arc::new(Pool::new(&config.api));
        let committed = Arc::new(Committed::new(certified, transactions));
        let batches = Arc::new(BatchStore::new(Arc::clone(&chain), rules, inbox.clone()));
        batches.restore()?;
        let peer_keys = identity
            .genesis
            .validators()
            .map(|validator| (validator.validator_key, Identity::peer_key(validator.node_key)));
        let links = Links::new(
            handle,
            links::peers_of(peer_keys, &committee, Some(identity.index)),
            Arc::clone(&conduct),
        );
        conduct.begins(Means {
            network,
            own: identity.index,
            key: identity.validator_key.clone(),
            epoch: epoch.clone(),
            links: links.clone(),
            inbox: inbox.clone(),
            batches: Arc::clone(&batches),
        });

        let counted_journal = Arc::clone(&journal);
        let (journal_writer, journal_thread) = flush::start_journal(Arc::clone(&journal), inbox.clone());
        let (chain_flusher, flush_thread) =
            flush::start_chain(Arc::clone(&chain), batches.write_count(), inbox.clone());
        let (checker, checker_thread) = batches::start_checker(Arc::clone(&batches), Arc::clone(&keys));
        let (executor, executor_thread) = executor::start(ExecutorSetup {
            chain: Arc::clone(&chain),
            batches: Arc::clone(&batches),
            state: Arc::clone(&state),
            tree,
            tip,
            epoch: epoch.clone(),
            parameters: parameters.clone(),
            inbox: inbox.clone(),
            validator,
            pool: Arc::clone(&pool),
            own: Arc::clone(&own),
            committed: Arc::clone(&committed),
        });
        let (sync, sync_thread) = sync::start(BlockSync {
            runtime: runtime.handle().clone(),
            network,
            epoch: epoch.clone(),
            chain: Arc::clone(&chain),
            batches: Arc::clone(&batches),
            executor: executor.clone(),
            links: links.clone(),
            inbox: inbox.clone(),
        });
        let standing = Arc::new(SharedStanding::new(certified));
        let votes = keeper.allows(rejoin.as_ref(), agreement.v1().epoch)?;
        let index = votes.then_some(identity.index);
        let tip = tip_certificate(&chain, &agreement)?;
        let start = quorate_driver::Start {
            config: engine_config(network, &parameters, config, &agreement, tip, index),
            recovered,
            make: Engine::recover,
            limits: Limits::default(),
            seed: random_seed(),
        };
        let configure = {
            let (keeper, config) = (Arc::clone(&keeper), config.clone());
            let (parameters, own) = (parameters.clone(), identity.index);
            move |ended: &EpochEnded| {
                let (agreement, rejoin) = (&ended.agreement, ended.rejoin.as_ref());
                let votes = remembered(keeper.allows(rejoin, agreement.v1().epoch));
                let index = votes.then_some(own);
                engine_config(
                    network,
                    &parameters,
                    &config,
                    agreement,
                    (ended.last, None),
                    index,
                )
            }
        };
        let names = identity.names.clone();
        let origin = Origin {
            network,
            names: names.clone(),
            own: identity.index,
        };
        let mib = config.consensus.flight_recorder_mib;
        let (recorder, recorder_thread) = recorder::start(home, mib, origin);
        let recorded = recorder.statistics();
        let core = Core::new(
            CoreSetup {
                key: identity.validator_key.clone(),
                configure: Box::new(configure),
                journal: journal_writer,
                prune: Box::new(move |first: EntryNumber| {
                    if let Err(error) = journal.prune_before(first.0) {
                        crate::fatal(&format!("the journal cannot be pruned: {error}"));
                    }
                }),
                name_of: Box::new(move |index| {
                    names
                        .get(usize::from(index.0))
                        .map_or_else(|| format!("validator {index}"), Clone::clone)
                }),
                quarantine: {
                    let keeper = Arc::clone(&keeper);
                    Box::new(move |why| remembered(keeper.begin(why)))
                },
                evidence,
                chain_flusher,
                batches: Arc::clone(&batches),
                executor: executor.clone(),
                links: links.clone(),
                sync: sync.clone(),
                standing: Arc::clone(&standing),
            },
            recorder,
            start,
        );
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
        let batcher_thread = batcher::start(Batcher {
            network,
            epoch: epoch.clone(),
            author: identity.index,
            key: identity.validator_key.clone(),
            parameters: parameters.clone(),
            pool: Arc::clone(&pool),
            own: Arc::clone(&own),
            batches: Arc::clone(&batches),
            links: links.clone(),
            standing: Arc::clone(&standing),
        });
        let observers = Arc::new(Observers::default());
        let router = RouterSetup {
            network,
            epoch: epoch.clone(),
            parameters: parameters.clone(),
            links: links.clone(),
            inbox: inbox.clone(),
            checker,
            batches: Arc::clone(&batches),
            committed: Arc::clone(&committed),
            sync: sync.clone(),
            sync_server: sync::Server::new(Arc::clone(&chain), runtime.handle().clone()),
            observers: Arc::clone(&observers),
        };
        let router_threads = router::start(router, events, runtime.handle().clone());
        let node = RunningNode {
            home: home.clone(),
            genesis: identity.genesis,
            genesis_text: identity.genesis_text,
            network,
            keeper,
            observers,
            epoch,
            names: identity.names,
            parameters,
            index: Some(identity.index),
            chain,
            state,
            keys,
            journal: counted_journal,
            recorded,
            pool,
            own,
            batches,
            committed,
            links,
            sync,
            standing,
            admission,
        };
        let mut threads = vec![batcher_thread, checker_thread, sync_thread];
        threads.extend(router_threads);
        // These end when the core, which feeds them, has.
        threads.extend([journal_thread, flush_thread]);
        threads.extend(recorder_thread);
        Ok(Self {
            node: Arc::new(node),
            inbox,
            executor,
            core_thread,
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
        runtime.spawn(crate::node::summaries(Arc::clone(&self.node)));
        runtime.spawn(crate::observers::watch(Arc::clone(&self.node)));
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
                self.inbox.put(Event::Stopping);
                // Longer than the standing lags behind.
                tokio::time::sleep(HANDOVER_LOOK).await;
                let until = std::time::Instant::now() + HANDOVER;
                while self.node.standing.get().handing_over && std::time::Instant::now() < until {
                    tokio::time::sleep(HANDOVER_LOOK / 4).await;
                }
            };
            tokio::join!(client, operators, stop);
            self.node.links.handle().shutdown().await;
        });
        self.node.pool.close();
        self.node.own.stop();
        self.node.sync.stop();
        self.inbox.put(Notice::Stop);
        join(self.core_thread);
        self.threads.into_iter().for_each(join);
        self.executor.send(Command::Stop);
        join(self.executor_thread);
        runtime.shutdown_timeout(Duration::from_secs(1));
        tracing::info!(height = %self.node.chain.tip().height, "stopped");
    }
}

/// What keeps a validator from voting has to be on disk, in all its places, before anything else happens.
fn remembered<T>(result: Result<T, NodeError>) -> T {
    result.unwrap_or_else(|error| {
        crate::fatal(&format!(
            "what keeps this validator from voting cannot be written: {error}"
        ));
    })
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

async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be awaited");
    let mut interrupt = signal(SignalKind::interrupt()).expect("signals can be awaited");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
