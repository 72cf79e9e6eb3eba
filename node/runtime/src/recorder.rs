//! The flight recorder: what the engines of this node were given in the last minutes, in two files of bounded
//! size, to be drawn and replayed (`quorate trace --recording`).
//!
//! The core encodes each input before its step and the step's fingerprint after it, and hands both over now and
//! then to a thread that writes. Invariant: the core never waits for that. Where the disk is too slow something is
//! left out, and recording begins again with the engines' state; where it fails, recording ends and the node
//! goes on. Nothing of it is flushed: it outlives the process, and of a machine that dies it tells less.

mod files;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use quorate_consensus::recording::{Beginning, Encoder, MAGIC, Recorded, Segment};
use quorate_consensus::{Engine, Input, Step};
use quorate_crypto::{Digest, Epoch, ValidatorIndex};
use quorate_ledger::Timestamp;

use self::files::Files;
use crate::config::Home;

/// What may be configured, but for nothing at all: an engine's state has to fit into a file.
const MIB: (u32, u32) = (4, 1_024);
/// Bytes that are handed over at once, and not only when something is shown.
const HAND_OVER: usize = 64 << 10;
/// Bytes that may wait to be written.
const MAX_QUEUED: usize = 8 << 20;
/// After engines whose state does not fit into a file, the next attempt comes so much later.
const RETRY: Duration = Duration::from_secs(10);

/// Why something may be left out.
const SLOW: &str = "the disk is too slow";

/// What metrics tell of the recorder.
#[derive(Debug, Default)]
pub(crate) struct RecorderStatistics {
    /// Whether it records.
    pub(crate) runs: AtomicBool,
    /// Bytes written since the start.
    pub(crate) written: AtomicU64,
    /// How often something had to be left out.
    pub(crate) gaps: AtomicU64,
}

/// What every segment tells.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) network: Digest,
    pub(crate) names: Vec<String>,
    /// Which of them this node is; none if it has no seat.
    pub(crate) own: Option<ValidatorIndex>,
}

/// Frames on their way to the disk.
struct Piece {
    frames: Vec<u8>,
    /// Whether they begin another file.
    anew: bool,
}

/// The core's end.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// None if nothing is recorded.
    sender: Option<Sender<Piece>>,
    /// Bytes handed over that are not written yet.
    queued: Arc<AtomicUsize>,
    statistics: Arc<RecorderStatistics>,
    origin: Origin,
    /// Bytes that a file may have.
    limit: usize,
    /// Bytes that the file has, with what was handed over.
    length: usize,
    /// Whether what is handed over next begins another file.
    anew: bool,
    encoder: Encoder,
    /// When the segment under way began; none if the next input begins one.
    began: Option<Instant>,
    beginning: Beginning,
    not_before: Option<Instant>,
    complained: bool,
}

/// A recorder for the files of a home, `mib` for both of them together, and the thread that writes them. It ends
/// when the recorder is dropped.
pub(crate) fn start(home: &Home, mib: u32, origin: Origin) -> (Recorder, Option<JoinHandle<()>>) {
    let both = match mib {
        0 => 0,
        mib => u64::from(mib.clamp(MIB.0, MIB.1)) << 20,
    };
    let limit = usize::try_from(both / 2).unwrap_or(usize::MAX);
    start_in(home.flight(), limit, origin)
}

fn start_in(folder: PathBuf, limit: usize, origin: Origin) -> (Recorder, Option<JoinHandle<()>>) {
    let statistics = Arc::new(RecorderStatistics::default());
    let files = match limit {
        0 => None,
        limit => match Files::open(folder, limit) {
            Ok(files) => Some(files),
            Err(error) => {
                tracing::warn!(%error, "there will be no recording of this node's consensus");
                None
            }
        },
    };
    let Some(files) = files else {
        return (Recorder::new(None, 0, limit, statistics, origin), None);
    };
    let (sender, receiver) = channel();
    let recorder = Recorder::new(
        Some(sender),
        files.length(),
        limit,
        Arc::clone(&statistics),
        origin,
    );
    let queued = Arc::clone(&recorder.queued);
    statistics.runs.store(true, Ordering::Relaxed);
    let thread = std::thread::Builder::new()
        .name("recorder".to_owned())
        .spawn(move || run(files, &receiver, &queued, &statistics))
        .expect("a thread can be started");
    (recorder, Some(thread))
}

fn run(mut files: Files, receiver: &Receiver<Piece>, queued: &AtomicUsize, statistics: &RecorderStatistics) {
    while let Ok(piece) = receiver.recv() {
        let length = piece.frames.len();
        if let Err(error) = files.write(&piece.frames, piece.anew) {
            tracing::warn!(%error, "this node's consensus is recorded no more");
            statistics.runs.store(false, Ordering::Relaxed);
            return;
        }
        queued.fetch_sub(length, Ordering::Relaxed);
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        statistics.written.fetch_add(length, Ordering::Relaxed);
    }
}

impl Recorder {
    fn new(
        sender: Option<Sender<Piece>>,
        length: usize,
        limit: usize,
        statistics: Arc<RecorderStatistics>,
        origin: Origin,
    ) -> Self {
        Self {
            sender,
            queued: Arc::default(),
            statistics,
            origin,
            limit,
            length,
            anew: length == 0,
            encoder: Encoder::default(),
            began: None,
            beginning: Beginning::Start,
            not_before: None,
            complained: false,
        }
    }

    /// What metrics tell of it.
    pub(crate) fn statistics(&self) -> Arc<RecorderStatistics> {
        Arc::clone(&self.statistics)
    }

    /// An engine is about to be given this; the engines, the one of the current epoch first.
    pub(crate) fn input(
        &mut self,
        engines: [Option<&Engine>; 2],
        epoch: Epoch,
        now: Timestamp,
        input: &Input,
    ) {
        if self.sender.is_none() {
            return;
        }
        if self.began.is_none() && !self.begin(engines, now) {
            return;
        }
        if self.encode(epoch, now, input) {
            return;
        }
        self.hand_over();
        if self.began.take().is_some() {
            self.beginning = Beginning::Continued;
        }
        self.anew = true;
        if self.begin(engines, now) && !self.encode(epoch, now, input) {
            self.leave_out("the engine's state and one input are more than a file may hold");
        }
    }

    /// It has come back with this.
    pub(crate) fn outcome(&mut self, step: &Step) {
        self.encoder.outcome(step);
        if self.encoder.len() >= HAND_OVER {
            self.hand_over();
        }
    }

    /// There is another engine.
    /// The next epoch has these validators, of which this node is the one at `own`.
    pub(crate) fn set_origin(&mut self, names: Vec<String>, own: Option<ValidatorIndex>) {
        (self.origin.names, self.origin.own) = (names, own);
    }

    pub(crate) fn begin_epoch(&mut self) {
        if self.began.take().is_some() {
            self.beginning = Beginning::Epoch;
        }
    }

    /// Lets the thread write what there is.
    pub(crate) fn hand_over(&mut self) {
        let frames = self.encoder.take();
        let Some(sender) = self.sender.as_ref().filter(|_| !frames.is_empty()) else {
            return;
        };
        let length = frames.len();
        if self.queued.load(Ordering::Relaxed) + length > MAX_QUEUED {
            self.leave_out(SLOW);
            return;
        }
        self.queued.fetch_add(length, Ordering::Relaxed);
        self.length += length;
        let anew = std::mem::take(&mut self.anew);
        if sender.send(Piece { frames, anew }).is_err() {
            // The thread has said why.
            self.sender = None;
        }
    }

    /// False if the file has no room for it.
    fn encode(&mut self, epoch: Epoch, now: Timestamp, input: &Input) -> bool {
        let offset = self.began.map_or(Duration::ZERO, |began| began.elapsed());
        let offset_us = u64::try_from(offset.as_micros()).unwrap_or(u64::MAX);
        self.encoder.input(epoch, now, offset_us, input);
        let fits = self.length + self.encoder.len() <= self.limit;
        if !fits {
            self.encoder.take_back();
        }
        fits
    }

    /// Begins a segment, in another file if it has no room in this one. False if that is not possible now.
    fn begin(&mut self, engines: [Option<&Engine>; 2], now: Timestamp) -> bool {
        if self.not_before.is_some_and(|at| Instant::now() < at) {
            return false;
        }
        // Room for some time, or there is nothing but beginnings.
        if self.queued.load(Ordering::Relaxed) > MAX_QUEUED / 4 {
            if self.beginning != Beginning::Gap {
                self.leave_out(SLOW);
            }
            return false;
        }
        self.hand_over();
        self.encoder.begin(Segment {
            software: env!("CARGO_PKG_VERSION").to_owned(),
            beginning: self.beginning,
            network: self.origin.network,
            began: now,
            names: self.origin.names.clone(),
            // Committees are smaller, so it is nobody's place.
            own: self.origin.own.unwrap_or(ValidatorIndex(u16::MAX)),
            engines: engines.into_iter().flatten().map(Recorded::of).collect(),
        });
        self.anew |= self.length + self.encoder.len() > self.limit;
        if self.anew {
            self.length = MAGIC.len();
        }
        if self.length + self.encoder.len() > self.limit {
            self.encoder.take();
            self.not_before = Some(Instant::now() + RETRY);
            self.leave_out("the engine's state alone is more than a file may hold");
            return false;
        }
        self.began = Some(Instant::now());
        true
    }

    fn leave_out(&mut self, why: &str) {
        self.began = None;
        self.beginning = Beginning::Gap;
        self.statistics.gaps.fetch_add(1, Ordering::Relaxed);
        if !std::mem::replace(&mut self.complained, true) {
            tracing::warn!("something is left out of the recording of this node's consensus: {why}");
        }
    }
}

impl Drop for Recorder {
    /// What there is goes to the disk: an input whose step panicked included.
    fn drop(&mut self) {
        self.hand_over();
    }
}
