//! From the network to the runtime. What was received waits here in one lane per kind, each lane a
//! queue per peer served in turn, so that votes pass batches and no peer's flood hides another's frames.
//!
//! How many votes of a peer are taken in a second has a bound too ([`Pace`]), and one that sends what is against the
//! rules is heard no more for a while ([`Offences`]).
//!
//! Bounds: a frame holds permits of its peer's inbox until the runtime takes it, and a stream whose
//! inbox is used up is not read, so that a slow runtime holds back the sender and not memory. Of link
//! changes a peer has at most two waiting, of refusals [`MAX_REFUSALS`] wait and the rest is dropped.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::{Instant, timeout};

use crate::offences::{Offence, Offences};
use crate::pace::{LOOK_AGAIN, Pace};
use crate::{Channel, PeerKey, Reason, Reply};

/// Refusals that wait for the runtime; more are dropped.
const MAX_REFUSALS: usize = 64;
/// After so many events of a lane in a row, one of a later lane has its turn.
const BURST: u32 = 64;

/// What the network tells the runtime.
#[derive(Debug)]
pub enum NetworkEvent {
    /// There is a link to this member, and the handshake has passed.
    Connected {
        /// The member.
        peer: PeerKey,
        /// Where it is.
        address: String,
        /// The program it runs, as it says.
        software: String,
        /// Whether this node dialled.
        outbound: bool,
    },
    /// The link is gone. Frames received before may still follow; what was queued for the peer is
    /// dropped.
    Disconnected {
        /// The member.
        peer: PeerKey,
        /// Why.
        reason: Reason,
    },
    /// A frame, in the order in which the peer sent it on this channel.
    Message {
        /// Who sent it.
        peer: PeerKey,
        /// On which channel.
        channel: Channel,
        /// The bytes, nothing checked but their number.
        bytes: Bytes,
    },
    /// A request that waits for an answer.
    SyncRequest {
        /// Who asks.
        peer: PeerKey,
        /// What, at most [`crate::MAX_SYNC_REQUEST`] bytes.
        request: Bytes,
        /// Where the answer goes; dropped unfinished, the peer sees the request fail.
        reply: Reply,
    },
    /// A connection was refused, or ended before it was a link.
    Refused {
        /// Who it was, where Noise got that far.
        peer: Option<PeerKey>,
        /// From where, or to where.
        address: String,
        /// Why.
        reason: Reason,
    },
}

/// The runtime's end. Dropping it stops reading from all peers.
#[derive(Debug)]
pub struct Events {
    queue: Arc<EventQueue>,
}

impl Events {
    pub(crate) fn new(queue: Arc<EventQueue>) -> Self {
        Self { queue }
    }

    /// The next event: link changes first, then votes, requests and batches. None once the network
    /// has stopped and everything was taken. Safe to cancel.
    pub async fn recv(&mut self) -> Option<NetworkEvent> {
        loop {
            let is_held_back = {
                let mut inner = self.queue.lock();
                if let Some(event) = inner.pop() {
                    return Some(event);
                }
                if inner.closed {
                    return None;
                }
                inner.holds_back()
            };
            let woken = self.queue.wake.notified();
            if is_held_back {
                // Look again in either case.
                let _ = timeout(LOOK_AGAIN, woken).await;
            } else {
                woken.await;
            }
        }
    }

    /// The next event, if one waits.
    pub fn try_recv(&mut self) -> Option<NetworkEvent> {
        self.queue.lock().pop()
    }
}

/// The network's end.
#[derive(Debug)]
pub(crate) struct EventQueue {
    inner: Mutex<Inner>,
    wake: Notify,
}

#[derive(Debug)]
struct Inner {
    /// Of votes; none if they are taken as they come.
    pace: Option<Pace>,
    offences: Offences,
    links: VecDeque<NetworkEvent>,
    refusals: VecDeque<NetworkEvent>,
    lanes: [Lane; 3],
    /// Events given out in a row from each lane while a later one had some.
    streak: [u32; 3],
    closed: bool,
}

const VOTES: usize = 0;
const REQUESTS: usize = 1;
const BATCHES: usize = 2;

/// One kind of frames, a queue per peer.
#[derive(Debug, Default)]
struct Lane {
    queues: BTreeMap<PeerKey, VecDeque<(NetworkEvent, Option<OwnedSemaphorePermit>)>>,
    last: Option<PeerKey>,
}

impl EventQueue {
    /// Empty. `least_votes`: what is taken in a second of each peer at least; none to take all.
    pub(crate) fn new(least_votes: Option<u32>) -> Self {
        let inner = Inner {
            pace: least_votes.map(|least| Pace::new(least, Instant::now())),
            offences: Offences::default(),
            links: VecDeque::new(),
            refusals: VecDeque::new(),
            lanes: Default::default(),
            streak: [0; 3],
            closed: false,
        };
        Self {
            inner: Mutex::new(inner),
            wake: Notify::new(),
        }
    }

    pub(crate) fn message(
        &self,
        peer: PeerKey,
        channel: Channel,
        bytes: Bytes,
        permit: OwnedSemaphorePermit,
    ) {
        let lane = match channel {
            Channel::Votes => VOTES,
            Channel::Batches => BATCHES,
        };
        self.lock().lanes[lane].push(peer, NetworkEvent::Message { peer, channel, bytes }, Some(permit));
        self.wake.notify_one();
    }

    /// Requests are few: a peer's are counted from their arrival to the end of the answer.
    pub(crate) fn request(&self, peer: PeerKey, request: Bytes, reply: Reply) {
        self.lock().lanes[REQUESTS].push(peer, NetworkEvent::SyncRequest { peer, request, reply }, None);
        self.wake.notify_one();
    }

    /// Link changes of one peer alternate. Two that cancel out while both wait are both dropped, so that
    /// at most "disconnected, connected" waits for each peer.
    pub(crate) fn link(&self, event: NetworkEvent) {
        let mut inner = self.lock();
        if let (Some(pace), Some(peer)) = (&mut inner.pace, event.link_peer()) {
            pace.know(peer, Instant::now());
        }
        if let NetworkEvent::Disconnected { peer, .. } = event {
            let last = inner
                .links
                .iter()
                .rposition(|waiting| waiting.link_peer() == Some(peer));
            if let Some(at) = last
                && matches!(inner.links[at], NetworkEvent::Connected { .. })
            {
                inner.links.remove(at);
                return;
            }
        }
        inner.links.push_back(event);
        drop(inner);
        self.wake.notify_one();
    }

    /// Kept if there is room.
    pub(crate) fn refused(&self, event: NetworkEvent) {
        let mut inner = self.lock();
        if inner.refusals.len() < MAX_REFUSALS {
            inner.refusals.push_back(event);
            drop(inner);
            self.wake.notify_one();
        }
    }

    /// A peer has sent what is against the rules.
    pub(crate) fn offended(&self, peer: PeerKey) -> Offence {
        self.lock().offences.note(peer, Instant::now())
    }

    /// From now on so much is taken in a second of each peer at least, and more by what these send; all that comes, if
    /// none is given.
    pub(crate) fn set_pace(&self, least_votes: Option<u32>, voters: BTreeSet<PeerKey>) {
        let now = Instant::now();
        let mut inner = self.lock();
        let former = inner.pace.take();
        inner.pace = least_votes.map(|least| {
            let kept = former.filter(|former| former.least() == f64::from(least));
            let mut pace = kept.unwrap_or_else(|| Pace::new(least, now));
            pace.set_voters(voters, now);
            pace
        });
        drop(inner);
        // What was held back may pass now.
        self.wake.notify_one();
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn pop(&mut self) -> Option<NetworkEvent> {
        if let Some(event) = self.links.pop_front().or_else(|| self.refusals.pop_front()) {
            return Some(event);
        }
        for lane in 0..self.lanes.len() {
            if self.lanes[lane].queues.is_empty() {
                self.streak[lane] = 0;
                continue;
            }
            let others_wait = self.lanes[lane + 1..]
                .iter()
                .any(|later| !later.queues.is_empty());
            if others_wait && self.streak[lane] >= BURST {
                self.streak[lane] = 0;
                continue;
            }
            let Some(event) = self.take(lane) else {
                continue;
            };
            self.streak[lane] = if others_wait { self.streak[lane] + 1 } else { 0 };
            return Some(event);
        }
        None
    }

    /// The next of a lane of those that may be taken now.
    fn take(&mut self, lane: usize) -> Option<NetworkEvent> {
        let Self {
            pace,
            offences,
            lanes,
            ..
        } = self;
        if lane == REQUESTS {
            return lanes[lane].pop(|_| true).map(|(_, event)| event);
        }
        let now = Instant::now();
        let mut pace = pace.as_mut().filter(|_| lane == VOTES);
        let (peer, event) = lanes[lane].pop(|peer| {
            !offences.hold_back(peer, now) && pace.as_mut().is_none_or(|pace| pace.allows(peer, now))
        })?;
        if let Some(pace) = pace {
            pace.took(peer, now);
        }
        Some(event)
    }

    /// Whether something waits that may not be taken yet.
    fn holds_back(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.queues.is_empty())
    }
}

impl Lane {
    fn push(&mut self, peer: PeerKey, event: NetworkEvent, permit: Option<OwnedSemaphorePermit>) {
        self.queues.entry(peer).or_default().push_back((event, permit));
    }

    /// The oldest of the next peer that passes, in turn. Its place in the inbox is free again.
    fn pop(&mut self, passes: impl FnMut(PeerKey) -> bool) -> Option<(PeerKey, NetworkEvent)> {
        let peer = self.next(passes)?;
        self.last = Some(peer);
        let queue = self.queues.get_mut(&peer)?;
        let (event, _permit) = queue.pop_front()?;
        if queue.is_empty() {
            self.queues.remove(&peer);
        }
        Some((peer, event))
    }

    /// The first peer after the last one of which something waits and that passes.
    fn next(&self, mut passes: impl FnMut(PeerKey) -> bool) -> Option<PeerKey> {
        let after = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let until = self.last.map_or(Bound::Unbounded, Bound::Included);
        let later = self.queues.range((after, Bound::Unbounded));
        let earlier = self.queues.range((Bound::Unbounded, until));
        // Before the first turn both are all of them, and to ask twice does no harm.
        later
            .chain(earlier)
            .map(|(peer, _)| *peer)
            .find(|peer| passes(*peer))
    }
}

impl NetworkEvent {
    fn link_peer(&self) -> Option<PeerKey> {
        match self {
            Self::Connected { peer, .. } | Self::Disconnected { peer, .. } => Some(*peer),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    fn queue() -> (Arc<EventQueue>, Events, Arc<Semaphore>) {
        let queue = Arc::new(EventQueue::new(None));
        (
            queue.clone(),
            Events::new(queue),
            Arc::new(Semaphore::new(100_000)),
        )
    }

    fn put(queue: &EventQueue, inbox: &Arc<Semaphore>, peer: u8, channel: Channel, byte: u8) {
        let permit = inbox.clone().try_acquire_owned().unwrap();
        queue.message(
            PeerKey([peer; 32]),
            channel,
            Bytes::copy_from_slice(&[byte]),
            permit,
        );
    }

    fn taken(events: &mut Events) -> Option<(u8, Channel, u8)> {
        match events.try_recv()? {
            NetworkEvent::Message { peer, channel, bytes } => Some((peer.0[0], channel, bytes[0])),
            other => panic!("{other:?}"),
        }
    }

    fn connected(peer: u8) -> NetworkEvent {
        NetworkEvent::Connected {
            peer: PeerKey([peer; 32]),
            address: String::new(),
            software: String::new(),
            outbound: true,
        }
    }

    fn disconnected(peer: u8) -> NetworkEvent {
        NetworkEvent::Disconnected {
            peer: PeerKey([peer; 32]),
            reason: Reason::PingTimeout,
        }
    }

    #[test]
    fn votes_pass_batches_and_peers_take_turns() {
        let (queue, mut events, inbox) = queue();
        put(&queue, &inbox, 1, Channel::Batches, 0);
        for byte in 0..3 {
            put(&queue, &inbox, 1, Channel::Votes, byte);
        }
        put(&queue, &inbox, 2, Channel::Votes, 9);
        let order: Vec<_> = std::iter::from_fn(|| taken(&mut events)).collect();
        use Channel::{Batches, Votes};
        assert_eq!(
            order,
            [
                (1, Votes, 0),
                (2, Votes, 9),
                (1, Votes, 1),
                (1, Votes, 2),
                (1, Batches, 0)
            ]
        );
        assert_eq!(inbox.available_permits(), 100_000);
    }

    /// What holds where no pace is set, as under Raft and Paxos: whoever floods takes one turn of each round.
    #[test]
    fn between_two_votes_of_one_peer_another_has_one_taken_however_many_it_sends() {
        let (queue, mut events, inbox) = queue();
        for _ in 0..10_000 {
            put(&queue, &inbox, 1, Channel::Votes, 0);
        }
        for byte in 0..100 {
            put(&queue, &inbox, 2, Channel::Votes, byte);
            put(&queue, &inbox, 3, Channel::Votes, byte);
        }
        let taken: Vec<u8> = std::iter::from_fn(|| taken(&mut events))
            .take(300)
            .map(|(peer, ..)| peer)
            .collect();
        assert_eq!(taken, [1, 2, 3].repeat(100));
    }

    #[test]
    fn an_endless_stream_of_votes_does_not_starve_batches() {
        let (queue, mut events, inbox) = queue();
        put(&queue, &inbox, 1, Channel::Batches, 0);
        let mut votes = 0;
        loop {
            put(&queue, &inbox, 1, Channel::Votes, 0);
            match taken(&mut events).unwrap().1 {
                Channel::Votes => votes += 1,
                Channel::Batches => break,
            }
        }
        assert_eq!(votes, BURST);
    }

    #[tokio::test]
    async fn votes_beyond_a_peers_pace_wait_and_hide_nobody_elses() {
        let queue = Arc::new(EventQueue::new(Some(100)));
        let mut events = Events::new(queue.clone());
        let inbox = Arc::new(Semaphore::new(100_000));
        for _ in 0..430 {
            put(&queue, &inbox, 1, Channel::Votes, 0);
        }
        put(&queue, &inbox, 2, Channel::Votes, 9);
        put(&queue, &inbox, 1, Channel::Batches, 5);
        let at_once: Vec<_> = std::iter::from_fn(|| taken(&mut events)).collect();
        assert!(at_once.len() < 432);
        assert!(at_once.contains(&(2, Channel::Votes, 9)) && at_once.contains(&(1, Channel::Batches, 5)));
        // Nothing more comes in, and the others are taken nevertheless.
        for _ in at_once.len()..432 {
            events.recv().await.unwrap();
        }
        assert_eq!(inbox.available_permits(), 100_000);
    }

    #[test]
    fn who_sends_what_is_against_the_rules_is_heard_less_and_hides_nobody() {
        let (queue, mut events, inbox) = queue();
        let flood = |byte| {
            put(&queue, &inbox, 1, Channel::Votes, byte);
            put(&queue, &inbox, 1, Channel::Batches, byte);
        };
        let mut heard = 0;
        for byte in 0..100 {
            flood(byte);
            put(&queue, &inbox, 2, Channel::Votes, byte);
            while let Some((peer, ..)) = taken(&mut events) {
                if peer == 1 {
                    heard += 1;
                    queue.offended(PeerKey([1; 32]));
                }
            }
        }
        // One is forgotten in two seconds, which this may take on a busy machine.
        assert!((32..=40).contains(&heard), "{heard}");
        assert_eq!(queue.lock().lanes[VOTES].queues.len(), 1);
        assert!(queue.lock().holds_back());
    }

    #[test]
    fn a_flapping_link_leaves_at_most_two_events() {
        let (queue, mut events, _) = queue();
        queue.link(connected(1));
        assert!(matches!(events.try_recv(), Some(NetworkEvent::Connected { .. })));
        for _ in 0..1000 {
            queue.link(disconnected(1));
            queue.link(connected(1));
        }
        assert_eq!(queue.lock().links.len(), 2);
        queue.link(disconnected(1));
        assert!(matches!(
            events.try_recv(),
            Some(NetworkEvent::Disconnected { .. })
        ));
        assert!(events.try_recv().is_none());
    }

    #[test]
    fn refusals_are_bounded() {
        let (queue, mut events, _) = queue();
        for _ in 0..1000 {
            queue.refused(NetworkEvent::Refused {
                peer: None,
                address: String::new(),
                reason: Reason::NotAMember,
            });
        }
        assert_eq!(std::iter::from_fn(|| events.try_recv()).count(), MAX_REFUSALS);
    }
}
