//! The node looks at its own data: a thread goes through all that the chain has on disk, again and again, at a
//! configured rate ([`SelfCheck`]). What it finds stands in the log once, in the metrics, and in what the doctor says.
//!
//! **Damage stops nothing by itself.** What this validator signs follows from the state in memory and from rows whose
//! checksums were good when they were read; a row that is needed and cannot be read ends the node as it always did. So
//! the node goes on, and stays ready: whoever takes a node out of service or restarts it because it is not ready would
//! take a vote from the quorum, and a start reads more of the damaged files than running does. Its operator chooses
//! when to restore it.
//!
//! How far it has come and what it found is in the chain's `meta` (`docs/formats.md`, section 20), written once a
//! minute and when something is found: a restart begins nothing anew and forgets no damage. What a pass does not find
//! again is forgotten at its end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use quorate_ledger::{Parameters, Timestamp, decode, encode, limits};
use quorate_storage::{Chain, Damage, Memo, Position, SelfCheck, StatePaths, Step, StorageError};
use serde::{Deserialize, Serialize};

use crate::{clock, fatal_at_database};

/// The least and the most bytes in a second, unless nothing is checked.
const RATES: (u64, u64) = (64 << 10, 1 << 30);

/// From the end of a pass to the beginning of the next: a small chain is not read all the time.
const REST: Duration = Duration::from_secs(600);

/// How often it is written down how far it has come.
const SAVE_EVERY: Duration = Duration::from_secs(60);

/// The most places of damage that are remembered.
const MAX_DAMAGES: usize = 64;

/// The longest record: positions and reasons are a few hundred bytes each.
const MAX_RECORD_BYTES: usize = 1 << 20;

/// Longest reason that is kept, in bytes.
const MAX_REASON: usize = 1_024;

/// How much nicer than the others its thread is. Not the most: it holds locks for some microseconds that the executor
/// waits for.
const NICENESS: i32 = 10;

/// How far the self-check has come, as the chain's `meta` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Record {
    V1(RecordV1),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct RecordV1 {
    /// The number of the pass under way.
    pass: u64,
    position: Position,
    /// When the last whole pass ended, in milliseconds since 1970; 0 if none has.
    ended: u64,
    damages: Vec<Known>,
}

/// Damage, and the number of the last pass that found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    pass: u64,
    damage: Damage,
}

/// What metrics and doctor are told.
#[derive(Debug, Default)]
pub(crate) struct SelfChecked {
    bytes: AtomicU64,
    passes: AtomicU64,
    ended: AtomicU64,
    damages: Mutex<Vec<Damage>>,
}

impl SelfChecked {
    /// Bytes read since the start.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whole passes since the start.
    pub(crate) fn passes(&self) -> u64 {
        self.passes.load(Ordering::Relaxed)
    }

    /// When the last whole pass ended, before the start too, in milliseconds since 1970; 0 if none has.
    pub(crate) fn ended_ms(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    /// What is damaged, as far as is known.
    pub(crate) fn damages(&self) -> Vec<Damage> {
        let damages = self.damages.lock().unwrap_or_else(PoisonError::into_inner);
        damages.clone()
    }
}

/// Ends the thread when it is dropped.
#[derive(Debug)]
pub(crate) struct Stopper {
    _sender: SyncSender<()>,
}

/// What the thread is made of.
pub(crate) struct SelfCheckSetup<T> {
    pub(crate) chain: Arc<Chain>,
    /// The tree of the newest state.
    pub(crate) tree: Arc<T>,
    /// The genesis document's time.
    pub(crate) start: Timestamp,
    /// Bytes in a second; 0 checks nothing.
    pub(crate) rate: u64,
}

/// Starts the thread, unless nothing is to be checked. What was found before the start is known at once.
pub(crate) fn start<T>(setup: SelfCheckSetup<T>) -> (Arc<SelfChecked>, Stopper, Option<JoinHandle<()>>)
where
    T: StatePaths + Send + Sync + 'static,
{
    let (sender, receiver) = sync_channel(0);
    let stopper = Stopper { _sender: sender };
    let rate = setup.rate;
    let mut checking = Checking::new(setup);
    let checked = Arc::clone(&checking.checked);
    let thread = (rate > 0).then(|| {
        std::thread::Builder::new()
            .name("self-check".to_owned())
            .spawn(move || checking.run(&receiver))
            .expect("a thread can be started")
    });
    (checked, stopper, thread)
}

/// The widest parameters that a network may have. Each block was held to those of its epoch when it was certified; what is
/// looked for here is what a disk has changed since.
fn widest() -> Parameters {
    let mut parameters = Parameters::default();
    let Parameters::V1(fields) = &mut parameters;
    fields.max_transaction_bytes = limits::MAX_TRANSACTION_BYTES;
    fields.max_batch_bytes = limits::MAX_BATCH_BYTES;
    fields.max_batch_transactions = limits::MAX_BATCH_TRANSACTIONS;
    fields.max_batch_signature_cost = limits::MAX_BATCH_SIGNATURE_COST;
    fields.max_proposal_batches = limits::MAX_PROPOSAL_BATCHES;
    parameters
}

/// The thread's own.
struct Checking<T> {
    chain: Arc<Chain>,
    tree: Arc<T>,
    check: SelfCheck,
    record: RecordV1,
    checked: Arc<SelfChecked>,
    /// Bytes in a second.
    rate: u64,
    saved: Instant,
}

impl<T: StatePaths> Checking<T> {
    fn new(setup: SelfCheckSetup<T>) -> Self {
        let SelfCheckSetup {
            chain,
            tree,
            start,
            rate,
        } = setup;
        let stored = chain.memo(Memo::SelfCheck);
        let stored =
            stored.unwrap_or_else(|error| fatal_at_database("the chain database cannot be read", &error));
        // What another release wrote, or nobody can read, is found out anew.
        let record = stored.and_then(|bytes| decode(&bytes, MAX_RECORD_BYTES).ok());
        let record = record.map_or_else(RecordV1::default, |Record::V1(record)| record);
        let checking = Self {
            check: SelfCheck::at(record.position.clone(), start, widest()),
            chain,
            tree,
            record,
            checked: Arc::default(),
            rate: rate.clamp(RATES.0, RATES.1),
            saved: Instant::now(),
        };
        checking.tell();
        checking
    }

    /// Until the stopper is dropped.
    fn run(&mut self, stop: &Receiver<()>) {
        // Where it is not allowed, the rate is what bounds it.
        let _ = rustix::process::setpriority_process(None, NICENESS);
        loop {
            let began = Instant::now();
            let pause = self.step().saturating_sub(began.elapsed());
            if stop.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                break;
            }
        }
        self.save(Chain::note);
    }

    /// Takes a step, and says how long it may take.
    fn step(&mut self) -> Duration {
        let step = self.check.step(&self.chain, &*self.tree);
        self.record.position = self.check.position().clone();
        self.checked.bytes.fetch_add(step.bytes, Ordering::Relaxed);
        let Step {
            damage, ended, cost, ..
        } = step;
        if let Some(damage) = damage {
            self.note(damage);
        }
        if ended {
            self.end_pass();
            return REST;
        }
        if self.saved.elapsed() >= SAVE_EVERY {
            self.save(Chain::note);
        }
        Duration::from_micros(cost.saturating_mul(1_000_000) / self.rate)
    }

    /// Remembers damage. What is new is said in the log, and is on disk before that.
    fn note(&mut self, mut damage: Damage) {
        damage
            .reason
            .truncate(damage.reason.floor_char_boundary(MAX_REASON));
        let pass = self.record.pass;
        let mut known = self.record.damages.iter_mut();
        if let Some(known) = known.find(|known| known.damage.place == damage.place) {
            *known = Known { pass, damage };
            self.tell();
            return;
        }
        if self.record.damages.len() >= MAX_DAMAGES {
            return;
        }
        self.record.damages.push(Known {
            pass,
            damage: damage.clone(),
        });
        self.save(Chain::keep);
        self.tell();
        tracing::error!(
            place = %damage.place,
            height = damage.height.map(|height| height.0),
            reason = %damage.reason,
            "the chain on this node's disk is DAMAGED; the node goes on while it does not need what is damaged: \
             restore it as after a lost disk (docs/operations.md)"
        );
    }

    fn end_pass(&mut self) {
        let RecordV1 {
            pass, ended, damages, ..
        } = &mut self.record;
        damages.retain(|known| known.pass == *pass);
        (*pass, *ended) = (pass.saturating_add(1), clock::now().0);
        self.checked.passes.fetch_add(1, Ordering::Relaxed);
        self.save(Chain::note);
        self.tell();
        tracing::debug!(
            bytes = self.checked.bytes(),
            damages = self.record.damages.len(),
            "the self-check has looked at all of the chain"
        );
    }

    fn save(&mut self, write: fn(&Chain, Memo, &[u8]) -> Result<(), StorageError>) {
        let record = encode(&Record::V1(self.record.clone()));
        write(&self.chain, Memo::SelfCheck, &record)
            .unwrap_or_else(|error| fatal_at_database("the chain database cannot be written", &error));
        self.saved = Instant::now();
    }

    fn tell(&self) {
        self.checked.ended.store(self.record.ended, Ordering::Relaxed);
        let known = self.record.damages.iter().map(|known| known.damage.clone());
        let mut damages = self
            .checked
            .damages
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *damages = known.collect();
    }
}

#[cfg(test)]
mod tests;
