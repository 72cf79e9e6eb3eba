//! Texts of executed transactions that are missing here: asked for until they come (`docs/formats.md`, section 4).
//!
//! Which blocks may lack some, the chain says: those that came without. After a start these are all above the height up
//! to which nothing is missing ([`Chain::complete_texts`]), which is noted whenever nothing is found missing below. The
//! look into them takes a part of a thread, and finds what is missing in the order of heights.
//!
//! Bounds: [`TRACKED`] batches are known to lack texts, the lowest ones; the look goes on when there is room. What
//! nobody has given in [`ROUNDS`] makes room, and its block is looked into again after all others: a text may be gone
//! everywhere, as that of a transaction that was skipped first and executed when a later block named its batch again.
//! At most [`AT_ONCE`] are asked for at a time, of one peer each; each is asked of another peer every [`FIRST_WAIT`], and
//! from the second round on of all peers more and more seldom. A text is taken from whoever was asked for it, once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quorate_crypto::{Digest, Height};
use quorate_ledger::{BatchTexts, DecodeError, decode};
use quorate_network::{Channel, PeerKey};
use quorate_storage::{Chain, MissingText, StorageError};

use crate::fatal_at_database;
use crate::links::Links;

/// Batches that are known to lack texts, at most.
const TRACKED: usize = 4_096;
/// Batches whose texts are asked for at once; a peer answers as many at once.
pub(crate) const AT_ONCE: usize = 16;
/// How often it is looked whether something is to be asked for.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How long an answer may take, until the next peer is asked.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// The longest time until a batch's texts are asked for again.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// So often everybody is asked for a batch's texts before those of others may take its place.
const ROUNDS: usize = 3;
/// A look into blocks rests so many times as long as it took.
const REST: u32 = 9;
/// During a long look it is noted after so many blocks that nothing is missing up to there.
const NOTED_EVERY: u64 = 1_024;
/// How long to wait when there is nothing to do.
const FAR: Duration = Duration::from_secs(3_600);

/// Tells the thread that asks for texts what may be missing, and what came.
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    sender: Sender<Call>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
enum Call {
    /// The block at this height may lack texts.
    Look(Height),
    /// What came as a batch's texts.
    Arrived(Digest, Bytes),
    Stop,
}

#[derive(Debug, Default)]
struct Shared {
    /// Texts that are known to be missing.
    missing: AtomicU64,
    /// Who was asked for the texts of which batch and has not answered, and when.
    asked: Mutex<BTreeMap<Digest, (PeerKey, Instant)>>,
}

impl Shared {
    fn asked(&self) -> MutexGuard<'_, BTreeMap<Digest, (PeerKey, Instant)>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Texts {
    /// The block at this height, which is written, may lack texts.
    pub(crate) fn look_at(&self, height: Height) {
        // The thread ends only with the node.
        let _ = self.sender.send(Call::Look(height));
    }

    /// A peer sent what is left of a batch's texts; false if it was not asked for them.
    pub(crate) fn arrived(&self, from: PeerKey, batch: Digest, texts: Bytes) -> bool {
        let mut asked = self.shared.asked();
        if asked.get(&batch).is_none_or(|(peer, _)| *peer != from) {
            return false;
        }
        asked.remove(&batch);
        drop(asked);
        // As above.
        let _ = self.sender.send(Call::Arrived(batch, texts));
        true
    }

    /// How many texts are known to be missing.
    pub(crate) fn missing(&self) -> u64 {
        self.shared.missing.load(Ordering::Relaxed)
    }

    /// Ends the thread.
    pub(crate) fn stop(&self) {
        // It may have ended already.
        let _ = self.sender.send(Call::Stop);
    }

    /// One that nobody listens to.
    #[cfg(test)]
    pub(crate) fn of_nobody() -> Self {
        Self {
            sender: channel().0,
            shared: Arc::default(),
        }
    }
}

/// Starts the thread; it ends when it is told to.
pub(crate) fn start(chain: Arc<Chain>, links: Links) -> (Texts, JoinHandle<()>) {
    let (sender, receiver) = channel();
    let shared = Arc::new(Shared::default());
    let mut asking = Asking {
        lacking: Lacking::new(chain.complete_texts(), chain.tip().height),
        chain,
        links,
        shared: Arc::clone(&shared),
        look_at: Instant::now(),
        ask_at: Instant::now(),
    };
    let thread = std::thread::Builder::new()
        .name("text-fetch".to_owned())
        .spawn(move || {
            if let Err(error) = asking.run(&receiver) {
                fatal_at_database("the chain database cannot be used", &error);
            }
        })
        .expect("a thread can be started");
    (Texts { sender, shared }, thread)
}

/// What the thread works with.
struct Asking {
    chain: Arc<Chain>,
    links: Links,
    shared: Arc<Shared>,
    lacking: Lacking,
    /// When the next block is looked into.
    look_at: Instant,
    /// When it is looked next whether something is to be asked for.
    ask_at: Instant,
}

impl Asking {
    fn run(&mut self, receiver: &Receiver<Call>) -> Result<(), StorageError> {
        loop {
            let now = Instant::now();
            match receiver.recv_timeout(self.wake_at(now).saturating_duration_since(now)) {
                Ok(Call::Look(height)) => self.lacking.add(height),
                Ok(Call::Arrived(batch, texts)) => self.take(&batch, &texts)?,
                Ok(Call::Stop) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.lacking.has_room() && self.look_at <= Instant::now() {
                self.look()?;
            }
            if self.ask_at <= Instant::now() {
                self.ask(Instant::now());
            }
        }
    }

    fn wake_at(&self, now: Instant) -> Instant {
        let looks = (self.lacking.has_room() && !self.lacking.unlooked.is_empty()).then_some(self.look_at);
        let asks = (!self.lacking.batches.is_empty()).then_some(self.ask_at);
        looks.into_iter().chain(asks).min().unwrap_or(now + FAR)
    }

    /// Looks into the lowest block that may lack texts.
    fn look(&mut self) -> Result<(), StorageError> {
        let began = Instant::now();
        let Some(height) = self.lacking.unlooked.pop() else {
            return Ok(());
        };
        self.look_into(height)?;
        self.note_complete()?;
        self.look_at = Instant::now() + REST * began.elapsed();
        Ok(())
    }

    /// Notes up to where nothing is missing, so that no later start looks there.
    fn note_complete(&self) -> Result<(), StorageError> {
        let (found, noted) = (self.lacking.complete_up_to(), self.chain.complete_texts());
        let is_far = found.0 >= noted.0.saturating_add(NOTED_EVERY);
        if found > noted && (is_far || self.lacking.unlooked.is_empty()) {
            self.chain.note_complete_texts(found)?;
        }
        Ok(())
    }

    fn look_into(&mut self, height: Height) -> Result<(), StorageError> {
        // It is kept no longer than for one block: erased texts would stay in the database's files meanwhile.
        let missing = self.chain.snapshot()?.missing_texts(height)?;
        self.lacking.note(height, &missing, Instant::now());
        let (before, now) = (
            self.shared.missing.load(Ordering::Relaxed),
            self.lacking.missing(),
        );
        self.shared.missing.store(now, Ordering::Relaxed);
        match (before, now) {
            (0, 1..) => tracing::info!(
                height = height.0,
                missing = now,
                "texts of executed transactions are missing here; others are asked for them"
            ),
            (1.., 0) => tracing::info!("no text is known to be missing any more"),
            _ => {}
        }
        Ok(())
    }

    /// Takes what came as a batch's texts, if it fits; then it is looked what is still missing.
    fn take(&mut self, batch: &Digest, texts: &[u8]) -> Result<(), StorageError> {
        // By the longest frame, as the batch may be of an epoch with other parameters; what comes is held to the batch.
        let read: Result<BatchTexts, DecodeError> = decode(texts, Channel::Batches.max_frame() as usize);
        let texts = match read {
            Ok(texts) => texts,
            Err(error) => {
                tracing::debug!(batch = batch.short(), %error, "texts that cannot be read");
                return Ok(());
            }
        };
        if !self.chain.write_texts(batch, &texts)? {
            tracing::debug!(batch = batch.short(), "texts that are not the batch's");
            return Ok(());
        }
        for height in self.lacking.heights_of(batch) {
            self.look_into(height)?;
        }
        self.note_complete()
    }

    /// Asks for what is due, the lowest heights first.
    fn ask(&mut self, now: Instant) {
        self.ask_at = now + ASK_EVERY;
        let peers: Vec<PeerKey> = self.links.validators().into_values().collect();
        self.lacking.make_room(peers.len());
        let mut asked = self.shared.asked();
        asked.retain(|_, (_, at)| now.duration_since(*at) < FIRST_WAIT);
        let free = AT_ONCE.saturating_sub(asked.len());
        let due = self.lacking.due(&peers, free, now);
        for (peer, batches) in &due {
            asked.extend(batches.iter().map(|batch| (*batch, (*peer, now))));
        }
        drop(asked);
        for (peer, batches) in due {
            if !self.links.request_texts(peer, batches) {
                tracing::trace!(peer = self.links.name_of(peer), "texts could not be asked for");
            }
        }
    }
}

/// Heights that were not looked at, or are to be looked at again, each range ascending, one after the other.
#[derive(Debug, Default)]
struct Unlooked(VecDeque<RangeInclusive<u64>>);

impl Unlooked {
    /// Adds a height behind all others.
    fn push(&mut self, height: Height) {
        match self.0.back_mut() {
            Some(last) if last.end().checked_add(1) == Some(height.0) => {
                *last = *last.start()..=height.0;
            }
            _ => self.0.push_back(height.0..=height.0),
        }
    }

    fn pop(&mut self) -> Option<Height> {
        let first = self.0.front_mut()?;
        let height = *first.start();
        if height >= *first.end() {
            self.0.pop_front();
        } else {
            *first = height + 1..=*first.end();
        }
        Some(Height(height))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn lowest(&self) -> Option<Height> {
        self.0.iter().map(|range| Height(*range.start())).min()
    }
}

/// What is known to be missing, and what is not known yet.
#[derive(Debug)]
struct Lacking {
    batches: BTreeMap<(Height, Digest), Lack>,
    unlooked: Unlooked,
    /// The highest block that was to be looked at.
    highest: Height,
}

/// A batch that lacks texts.
#[derive(Clone, Copy, Debug)]
struct Lack {
    /// How many of transactions that were executed.
    texts: u64,
    /// How often they were asked for.
    asked: u32,
    /// When they are asked for next.
    next: Instant,
}

impl Lacking {
    /// Nothing is missing up to `complete`; of the blocks above it, up to `tip`, nothing is known.
    fn new(complete: Height, tip: Height) -> Self {
        let mut unlooked = Unlooked::default();
        if tip > complete {
            unlooked.0.push_back(complete.next().0..=tip.0);
        }
        Self {
            batches: BTreeMap::new(),
            unlooked,
            highest: tip,
        }
    }

    /// A block that was written after all others may lack texts.
    fn add(&mut self, height: Height) {
        self.unlooked.push(height);
        self.highest = self.highest.max(height);
    }

    /// Up to which height nothing is missing: it is below all blocks that lack texts or were not looked into.
    fn complete_up_to(&self) -> Height {
        let lacking = self.batches.keys().next().map(|(height, _)| *height);
        let lowest = lacking.into_iter().chain(self.unlooked.lowest()).min();
        lowest.map_or(self.highest, |lowest| Height(lowest.0.saturating_sub(1)))
    }

    fn has_room(&self) -> bool {
        self.batches.len() < TRACKED
    }

    /// Where there is no room for what was not looked at yet: forgets blocks whose texts nobody has given for long, to
    /// look into them again when all others were looked into.
    fn make_room(&mut self, peers: usize) {
        if self.has_room() || self.unlooked.is_empty() || peers == 0 {
            return;
        }
        let enough = ROUNDS.saturating_mul(peers);
        let is_vain = |lack: &Lack| usize::try_from(lack.asked).is_ok_and(|asked| asked >= enough);
        let vain = self.batches.iter().filter(|(_, lack)| is_vain(lack));
        let heights: BTreeSet<Height> = vain.map(|((height, _), _)| *height).collect();
        self.batches.retain(|(height, _), _| !heights.contains(height));
        for height in heights {
            self.unlooked.push(height);
        }
    }

    /// Texts that are missing, as far as it is known.
    fn missing(&self) -> u64 {
        let texts = self.batches.values().map(|lack| lack.texts);
        texts.fold(0, u64::saturating_add)
    }

    /// This is all that is missing of the block at a height.
    fn note(&mut self, height: Height, missing: &[MissingText], now: Instant) {
        let mut texts: BTreeMap<Digest, u64> = BTreeMap::new();
        for missing in missing {
            *texts.entry(missing.batch).or_default() += 1;
        }
        let first = (height, Digest([0; 32]));
        let last = (height, Digest([u8::MAX; 32]));
        let known: Vec<(Height, Digest)> = self.batches.range(first..=last).map(|(key, _)| *key).collect();
        for key in known {
            if !texts.contains_key(&key.1) {
                self.batches.remove(&key);
            }
        }
        for (batch, texts) in texts {
            let lack = self.batches.entry((height, batch)).or_insert(Lack {
                texts,
                asked: 0,
                next: now,
            });
            lack.texts = texts;
        }
    }

    /// The heights of the blocks that name a batch and lack texts of it.
    fn heights_of(&self, batch: &Digest) -> Vec<Height> {
        let lacking = self.batches.keys().filter(|(_, of)| of == batch);
        lacking.map(|(height, _)| *height).collect()
    }

    /// Who is asked for what now, at most for `most` batches, those of the lowest heights.
    fn due(&mut self, peers: &[PeerKey], most: usize, now: Instant) -> BTreeMap<PeerKey, Vec<Digest>> {
        let mut asked: BTreeMap<PeerKey, Vec<Digest>> = BTreeMap::new();
        if peers.is_empty() {
            return asked;
        }
        let due = self.batches.iter_mut().filter(|(_, lack)| lack.next <= now);
        for ((height, batch), lack) in due.take(most) {
            // Not all begin with the same peer.
            let turn = height.0.wrapping_add(u64::from(lack.asked)) % peers.len() as u64;
            let peer = usize::try_from(turn).unwrap_or(0);
            asked.entry(peers[peer]).or_default().push(*batch);
            let rounds = usize::try_from(lack.asked).unwrap_or(usize::MAX) / peers.len();
            let factor = u32::try_from(rounds)
                .ok()
                .and_then(|rounds| 1_u32.checked_shl(rounds));
            let wait = FIRST_WAIT.saturating_mul(factor.unwrap_or(u32::MAX));
            lack.next = now + wait.min(LONGEST_WAIT);
            lack.asked = lack.asked.saturating_add(1);
        }
        asked
    }
}

#[cfg(test)]
mod tests {
    use quorate_ledger::Place;

    use super::*;

    const fn peer(number: u8) -> PeerKey {
        PeerKey([number; 32])
    }

    const PEERS: [PeerKey; 3] = [peer(0), peer(1), peer(3)];

    fn batch(number: u8) -> Digest {
        Digest([number; 32])
    }

    fn missing(number: u8) -> MissingText {
        MissingText {
            batch: batch(number),
            id: Digest([0; 32]),
            place: Place::Memo,
        }
    }

    #[test]
    fn heights_are_looked_at_in_order_and_take_up_no_memory_each() {
        let mut lacking = Lacking::new(Height(0), Height(2));
        for height in [3, 4, 7, 8] {
            lacking.add(Height(height));
        }
        assert_eq!(lacking.unlooked.0, [1..=4, 7..=8]);
        let order: Vec<_> = std::iter::from_fn(|| lacking.unlooked.pop()).collect();
        assert_eq!(order, [1, 2, 3, 4, 7, 8].map(Height));
        assert!(Lacking::new(Height(0), Height(0)).unlooked.is_empty());
    }

    #[test]
    fn a_start_looks_above_what_was_complete_and_what_is_complete_lies_below_all_gaps() {
        assert!(Lacking::new(Height(5), Height(5)).unlooked.is_empty());
        let mut lacking = Lacking::new(Height(5), Height(8));
        assert_eq!(lacking.unlooked.0, [6..=8]);
        assert_eq!(lacking.complete_up_to(), Height(5));
        lacking.add(Height(11));
        let now = Instant::now();
        let look = |lacking: &mut Lacking, found: &[MissingText]| {
            let height = lacking.unlooked.pop().unwrap();
            lacking.note(height, found, now);
            (height.0, lacking.complete_up_to().0)
        };
        assert_eq!(look(&mut lacking, &[]), (6, 6));
        assert_eq!(look(&mut lacking, &[missing(1)]), (7, 6));
        assert_eq!(look(&mut lacking, &[]), (8, 6));
        assert_eq!(look(&mut lacking, &[]), (11, 6));
        // What is to be looked at again counts, wherever it stands.
        lacking.batches.clear();
        for height in [12, 7] {
            lacking.add(Height(height));
        }
        assert_eq!(lacking.complete_up_to(), Height(6));
        assert_eq!(look(&mut lacking, &[]), (12, 6));
        assert_eq!(look(&mut lacking, &[]), (7, 12));
    }

    #[test]
    fn the_lowest_are_asked_for_first_and_of_one_peer_after_the_other() {
        let start = Instant::now();
        let mut lacking = Lacking::new(Height(0), Height(0));
        lacking.note(Height(9), &[missing(1)], start);
        lacking.note(Height(3), &[missing(2), missing(2), missing(3)], start);
        assert_eq!(lacking.missing(), 4);
        let mut ask = |at, most| {
            let asked = lacking.due(&PEERS, most, start + Duration::from_secs(at));
            let asked = asked.into_iter();
            asked
                .flat_map(|(peer, batches)| batches.into_iter().map(move |batch| (peer.0[0], batch.0[0])))
                .collect::<Vec<_>>()
        };
        assert_eq!(ask(0, 2), [(0, 2), (0, 3)], "height 3 begins with the first");
        assert_eq!(ask(0, 2), [(0, 1)]);
        assert_eq!(ask(1, 9), []);
        assert_eq!(ask(2, 1), [(1, 2)]);
        assert_eq!(ask(2, 1), [(1, 3)]);
        assert_eq!(ask(4, 1), [(3, 2)]);
        // The second round waits twice as long.
        assert_eq!(ask(6, 1), [(0, 2)]);
        assert_eq!(ask(9, 1), [(3, 3)]);
        assert_eq!(ask(9, 1), [(1, 1)]);
        assert_eq!(ask(9, 1), []);
        assert_eq!(ask(10, 1), [(1, 2)]);
    }

    #[test]
    fn what_came_is_asked_for_no_more_and_nothing_goes_on_for_ever_at_once() {
        let start = Instant::now();
        let mut lacking = Lacking::new(Height(0), Height(0));
        lacking.note(Height(3), &[missing(2), missing(3)], start);
        assert_eq!(lacking.heights_of(&batch(2)), [Height(3)]);
        lacking.note(Height(3), &[missing(3)], start);
        assert_eq!((lacking.missing(), lacking.heights_of(&batch(2))), (1, vec![]));
        let mut at = start;
        for _ in 0..1_000 {
            assert_eq!(lacking.due(&PEERS, 9, at).len(), 1);
            at = lacking.batches[&(Height(3), batch(3))].next;
        }
        let now = at;
        lacking.due(&PEERS, 9, now);
        assert_eq!(lacking.batches[&(Height(3), batch(3))].next, now + LONGEST_WAIT);
        assert!(lacking.due(&[], 9, now + LONGEST_WAIT).is_empty());
    }

    #[test]
    fn what_nobody_gives_makes_room_and_is_looked_at_again_last() {
        let mut now = Instant::now();
        let mut lacking = Lacking::new(Height(0), Height(2));
        for height in 1..=TRACKED as u64 {
            lacking.note(Height(height), &[missing(1)], now);
        }
        for _ in 0..ROUNDS * PEERS.len() {
            lacking.make_room(PEERS.len());
            assert!(!lacking.has_room());
            // One of them was not asked for as often.
            lacking.due(&PEERS, TRACKED - 1, now);
            now += LONGEST_WAIT;
        }
        lacking.make_room(PEERS.len());
        assert_eq!(lacking.batches.len(), 1);
        let last = TRACKED as u64 - 1;
        assert_eq!(lacking.unlooked.0, [1..=2, 1..=last]);
    }

    #[test]
    fn texts_are_taken_from_whoever_was_asked_and_once() {
        let (sender, receiver) = channel();
        let shared = Arc::<Shared>::default();
        let texts = Texts { sender, shared };
        let (asked, other) = (peer(1), peer(2));
        texts.shared.asked().insert(batch(1), (asked, Instant::now()));
        let arrived = |from| texts.arrived(from, batch(1), Bytes::from_static(b"x"));
        assert_eq!([other, asked, asked].map(arrived), [false, true, false]);
        assert_eq!(receiver.try_iter().count(), 1);
    }
}
