//! Block sync: certified blocks from peers, for a node that was away or only follows.
//!
//! A block is believed for its certificate: a quorum of the committee sealed its header, and what the
//! executor makes of it must give that very header. Several peers are asked at once, each for other
//! heights; one that fails or lies hands its heights back to the others, and what one that dawdles was
//! asked for is asked of another too.

mod fetch;
mod serve;
mod spans;
mod texts;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, Scope};
use std::time::{Duration, Instant};

use quorate_crypto::{Digest, Height};
use quorate_driver::Event;
use quorate_network::PeerKey;
use quorate_storage::Chain;
use tokio::runtime;

use self::fetch::{FetchError, Fetcher};
pub(crate) use self::serve::Server;
use self::spans::{Next, Spans};
pub(crate) use self::texts::{AT_ONCE as TEXTS_AT_ONCE, Texts, start as start_texts};
use crate::batches::BatchStore;
use crate::epoch::SharedEpoch;
use crate::executor::ExecutorHandle;
use crate::inbox::Inbox;
use crate::links::Links;
use crate::peer_block::ApplyError;
use crate::wire::MAX_SYNC_BLOCKS;

/// Peers asked at once.
const MAX_WORKERS: usize = 4;
/// Failures in a row after which a peer is not asked any more in a run.
const MAX_FAILURES: u32 = 3;
/// How long to wait before a peer that failed is asked again.
const RETRY: Duration = Duration::from_millis(200);
/// A peer that was asked and then brought nothing for so long is asked last, whatever it brought before.
const SLOW: Duration = Duration::from_millis(500);
/// For so long, and for twice as long each time it happens again, up to [`LONGEST_DOUBT`].
const DOUBT: Duration = Duration::from_secs(60);
/// A peer may have been away.
const LONGEST_DOUBT: Duration = Duration::from_secs(3_600);
/// How often a peer's word that it is in a later epoch is looked into.
const LOOK_AHEAD_INTERVAL: Duration = Duration::from_millis(500);
/// How long to wait for a block before looking for further peers.
const PATIENCE: Duration = Duration::from_millis(200);

/// Tells the sync thread what is missing.
#[derive(Clone, Debug)]
pub(crate) struct SyncHandle {
    sender: Sender<Call>,
    progress: Arc<Progress>,
    texts: Texts,
}

#[derive(Debug)]
enum Call {
    /// Blocks up to this height are missing here, and these have them.
    Fetch(Height, Vec<PeerKey>),
    Stop,
}

#[derive(Debug, Default)]
struct Progress {
    running: AtomicBool,
    heights: Mutex<BTreeMap<PeerKey, Height>>,
    /// When each peer's word for a later epoch was last looked into.
    looked_ahead: Mutex<BTreeMap<PeerKey, Instant>>,
}

impl SyncHandle {
    /// Blocks up to `to` are missing here, and `holders` have them.
    pub(crate) fn fetch(&self, to: Height, holders: Vec<PeerKey>) {
        {
            let heights = &self.progress.heights;
            let mut heights = heights.lock().unwrap_or_else(PoisonError::into_inner);
            for holder in &holders {
                let known = heights.entry(*holder).or_default();
                *known = (*known).max(to);
            }
        }
        // The thread ends only with the node.
        let _ = self.sender.send(Call::Fetch(to, holders));
    }

    /// This peer says that it is in a later epoch than this node, whose height is `certified`: it may have
    /// blocks to show for it. Each peer's word is looked into so often and not more, whatever others say: a
    /// liar that is always first delays nobody.
    pub(crate) fn look_ahead(&self, peer: PeerKey, certified: Height) {
        let now = Instant::now();
        let looked_ahead = &self.progress.looked_ahead;
        let mut looked_ahead = looked_ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let last = looked_ahead.get(&peer);
        if last.is_none_or(|at| now.duration_since(*at) >= LOOK_AHEAD_INTERVAL) {
            looked_ahead.insert(peer, now);
            let to = Height(certified.0.saturating_add(MAX_SYNC_BLOCKS));
            // The thread ends only with the node.
            let _ = self.sender.send(Call::Fetch(to, vec![peer]));
        }
    }

    /// Ends the thread, and the one that asks for texts.
    pub(crate) fn stop(&self) {
        // It may have ended already.
        let _ = self.sender.send(Call::Stop);
        self.texts.stop();
    }

    /// How many texts of executed transactions are known to be missing here.
    pub(crate) fn missing_texts(&self) -> u64 {
        self.texts.missing()
    }

    /// The highest height each node was said to have certified, where that was above this node's.
    pub(crate) fn heights(&self) -> BTreeMap<PeerKey, Height> {
        self.progress
            .heights
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether blocks are being fetched.
    pub(crate) fn is_running(&self) -> bool {
        self.progress.running.load(Ordering::Acquire)
    }
}

/// Peers that were asked for blocks and brought nothing: where others have the blocks, those are asked. A peer that is
/// always among the first to say what it has, and gives nothing, would else hold up every run for a second.
#[derive(Debug, Default)]
struct Doubts {
    peers: Mutex<BTreeMap<PeerKey, Doubt>>,
}

#[derive(Clone, Copy, Debug)]
struct Doubt {
    since: Instant,
    lasts: Duration,
}

impl Doubts {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PeerKey, Doubt>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It has brought nothing. What several of its answers show at once counts once.
    fn note(&self, peer: PeerKey, now: Instant) {
        let mut peers = self.lock();
        let lasts = match peers.get(&peer) {
            None => DOUBT,
            Some(doubt) if now.duration_since(doubt.since) < doubt.lasts => return,
            Some(doubt) => (2 * doubt.lasts).min(LONGEST_DOUBT),
        };
        peers.insert(peer, Doubt { since: now, lasts });
    }

    /// It has brought what it was asked for.
    fn clear(&self, peer: PeerKey) {
        self.lock().remove(&peer);
    }

    fn has(&self, peer: PeerKey, now: Instant) -> bool {
        let peers = self.lock();
        peers
            .get(&peer)
            .is_some_and(|doubt| now.duration_since(doubt.since) < doubt.lasts)
    }
}

/// Fetches blocks from peers, on a thread of its own.
pub(crate) struct BlockSync {
    pub(crate) runtime: runtime::Handle,
    pub(crate) network: Digest,
    pub(crate) epoch: SharedEpoch,
    pub(crate) chain: Arc<Chain>,
    pub(crate) batches: Arc<BatchStore>,
    pub(crate) executor: ExecutorHandle,
    pub(crate) links: Links,
    pub(crate) inbox: Inbox,
    pub(crate) texts: Texts,
}

/// Starts the sync thread; it ends when it is told to.
pub(crate) fn start(sync: BlockSync) -> (SyncHandle, JoinHandle<()>) {
    let (sender, receiver) = channel();
    let progress = Arc::new(Progress::default());
    let shared = Arc::clone(&progress);
    let texts = sync.texts.clone();
    let thread = std::thread::Builder::new()
        .name("block-sync".to_owned())
        .spawn(move || sync.run(&receiver, &shared))
        .expect("a thread can be started");
    let handle = SyncHandle {
        sender,
        progress,
        texts,
    };
    (handle, thread)
}

impl BlockSync {
    fn run(&self, receiver: &Receiver<Call>, progress: &Progress) {
        let doubts = Doubts::default();
        while let Ok(Call::Fetch(to, holders)) = receiver.recv() {
            if self.chain.tip().height >= to {
                continue;
            }
            progress.running.store(true, Ordering::Release);
            let (from, started) = (self.chain.tip().height, Instant::now());
            let goes_on = self.fetch_all(to, holders, &doubts, receiver);
            progress.running.store(false, Ordering::Release);
            let reached = self.chain.tip().height;
            if reached > from {
                let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
                tracing::info!(from = from.0, to = reached.0, took_ms, "caught up");
            }
            if !goes_on {
                return;
            }
        }
    }

    /// Fetches and applies until nothing is missing or nobody has more; false if that was the end of it.
    /// Whoever is still behind then is told of it again by the engine.
    fn fetch_all(
        &self,
        to: Height,
        holders: Vec<PeerKey>,
        doubts: &Doubts,
        receiver: &Receiver<Call>,
    ) -> bool {
        let spans = Spans::new(self.chain.tip().height.next(), to);
        let fetcher = Fetcher {
            runtime: &self.runtime,
            network: self.network,
            epoch: &self.epoch,
            batches: &self.batches,
            links: &self.links,
            spans: &spans,
            doubts,
        };
        std::thread::scope(|scope| {
            let mut known = holders.clone();
            let (doubted, trusted): (Vec<_>, Vec<_>) = holders
                .into_iter()
                .partition(|holder| doubts.has(*holder, Instant::now()));
            let mut candidates = VecDeque::from(trusted);
            // Asked when nobody else is left, or the others take long.
            let mut last = VecDeque::from(doubted);
            let goes_on = loop {
                match receiver.try_recv() {
                    Ok(Call::Fetch(further, others)) => {
                        spans.extend(further);
                        for other in others {
                            if !known.contains(&other) {
                                known.push(other);
                                match doubts.has(other, Instant::now()) {
                                    true => last.push_back(other),
                                    false => candidates.push_back(other),
                                }
                            }
                        }
                        continue;
                    }
                    Ok(Call::Stop) => break false,
                    Err(_) => {}
                }
                while spans.workers() < MAX_WORKERS
                    && let Some(holder) = candidates.pop_front()
                {
                    ask(scope, &fetcher, holder);
                }
                if spans.workers() == 0
                    && let Some(holder) = last.pop_front()
                {
                    ask(scope, &fetcher, holder);
                }
                match spans.take(self.chain.tip().height, PATIENCE) {
                    Next::Nothing => {}
                    // Those who were asked may all be silent: one more is asked, however many they are.
                    Next::Late => {
                        if let Some(holder) = candidates.pop_front().or_else(|| last.pop_front()) {
                            ask(scope, &fetcher, holder);
                        }
                    }
                    Next::Over if !(candidates.is_empty() && last.is_empty()) => {}
                    Next::Over => break true,
                    Next::Block(block) => match self.executor.apply(block) {
                        Ok(()) => {}
                        Err(ApplyError::Stopping) => break false,
                        Err(ApplyError::Gap { .. }) => break true,
                        Err(ApplyError::Diverged {
                            height,
                            ours,
                            certified,
                        }) => {
                            self.inbox.put(Event::Diverged {
                                height,
                                ours,
                                certified,
                            });
                            break false;
                        }
                    },
                }
            };
            spans.stop();
            goes_on
        })
    }
}

/// Lets this peer be asked too, on a thread of its own.
fn ask<'scope>(scope: &'scope Scope<'scope, '_>, fetcher: &'scope Fetcher<'scope>, holder: PeerKey) {
    fetcher.spans.enter();
    scope.spawn(move || {
        work(fetcher, holder);
        fetcher.spans.leave();
    });
}

/// Fetches from one peer what there is to fetch.
fn work(fetcher: &Fetcher<'_>, holder: PeerKey) {
    let mut failures = 0;
    while failures < MAX_FAILURES
        && let Some(span) = fetcher.spans.assign()
    {
        let (idle, fetched) = fetcher.fetch(holder, span);
        match fetched {
            Ok(()) => fetcher.doubts.clear(holder),
            Err(_) if idle >= SLOW => fetcher.doubts.note(holder, Instant::now()),
            Err(_) => {}
        }
        match fetched {
            Ok(()) => failures = 0,
            Err(FetchError::Needless) => return,
            Err(error) => {
                let holder = fetcher.name_of(holder);
                if error.is_expected() {
                    tracing::debug!(holder, %error, "a peer has no more blocks that are of use");
                } else {
                    tracing::warn!(holder, %error, "blocks could not be fetched");
                }
                failures += 1;
                std::thread::sleep(RETRY);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_brings_nothing_is_doubted_for_longer_each_time_until_it_brings_something() {
        let (doubts, peer, start) = (Doubts::default(), PeerKey([1; 32]), Instant::now());
        doubts.note(peer, start);
        doubts.note(peer, start + DOUBT / 2);
        assert!(doubts.has(peer, start + DOUBT - SLOW));
        assert!(!doubts.has(PeerKey([2; 32]), start));
        assert!(!doubts.has(peer, start + DOUBT));
        doubts.note(peer, start + DOUBT);
        assert!(doubts.has(peer, start + 3 * DOUBT - SLOW));
        assert!(!doubts.has(peer, start + 3 * DOUBT));
        doubts.clear(peer);
        doubts.note(peer, start + 4 * DOUBT);
        assert!(!doubts.has(peer, start + 5 * DOUBT));
    }

    #[test]
    fn a_liar_that_always_speaks_first_keeps_nobody_elses_word_from_being_looked_into() {
        let (sender, receiver) = channel();
        let progress = Arc::new(Progress::default());
        let texts = Texts::of_nobody();
        let handle = SyncHandle {
            sender,
            progress,
            texts,
        };
        let (liar, honest) = (PeerKey([1; 32]), PeerKey([2; 32]));
        for peer in [liar, liar, honest, liar] {
            handle.look_ahead(peer, Height(3));
        }
        let asked: Vec<_> = receiver
            .try_iter()
            .map(|call| match call {
                Call::Fetch(_, holders) => holders,
                Call::Stop => panic!("nobody stops it"),
            })
            .collect();
        assert_eq!(asked, [vec![liar], vec![honest]]);
    }
}
