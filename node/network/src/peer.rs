//! What this node keeps for each member: queues of frames to send, inbox permits, counters, and what is
//! known of the link. Shared by the handle, the swarm's task and the tasks of the member's links.
//!
//! Frames wait with the peer and not with a connection. Of a peer's links one is active; its writers
//! take from the queues, and the writers of any other find themselves retired.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use libp2p::swarm::ConnectionId;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::handler::StreamOpener;
use crate::queue::{FRAME_COST, Queue};
use crate::traffic::{Counters, Traffic};
use crate::{Channel, Limits, PeerKey, SendError};

/// An inbox is counted in units of this many bytes; a frame takes at least one.
const INBOX_UNIT: u32 = 1 << 10;
/// Requests of ours to one peer that may be under way.
pub(crate) const MAX_REQUESTS: usize = 4;
/// Requests of one peer that may be under way here.
pub(crate) const MAX_SERVED: usize = 4;

/// A member as [`crate::Handle::peers`] shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// Its node key.
    pub key: PeerKey,
    /// Its name.
    pub name: String,
    /// The link, if there is one.
    pub link: Option<LinkInfo>,
    /// The last round trip of a ping over the link.
    pub rtt: Option<Duration>,
    /// Why the last attempt or link failed; none once there is a link again.
    pub last_error: Option<String>,
    /// Whether two processes have lately used its node key at once.
    pub key_doubled: bool,
    /// Whether it has lately written to another process that uses this node's own key.
    pub own_key_doubled: bool,
    /// Consensus messages.
    pub votes: Traffic,
    /// Batches.
    pub batches: Traffic,
    /// Requests and answers, their frames counted.
    pub sync: Traffic,
}

impl PeerInfo {
    /// Whether there is a link.
    pub fn connected(&self) -> bool {
        self.link.is_some()
    }
}

/// A link that is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkInfo {
    /// The multiaddress of the other end.
    pub address: String,
    /// Whether this node dialled.
    pub outbound: bool,
    /// Since when.
    pub since: SystemTime,
    /// The program at the other end, as it says.
    pub software: String,
}

/// Everything about one member.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) key: PeerKey,
    outbound: Mutex<Outbound>,
    inboxes: [Inbox; 2],
    /// Permits for requests of ours.
    pub(crate) requests: Arc<Semaphore>,
    /// Permits for requests of the peer.
    pub(crate) served: Arc<Semaphore>,
    counters: [Counters; 2],
    pub(crate) sync: Counters,
    status: Mutex<Status>,
}

#[derive(Debug)]
struct Inbox {
    permits: Arc<Semaphore>,
    total: u32,
}

#[derive(Debug)]
struct Outbound {
    active: Option<Arc<Outlet>>,
    queues: [Queue; 2],
    /// Whether the active link's writer holds frames that it has not flushed.
    unflushed: [bool; 2],
}

#[derive(Debug, Default)]
struct Status {
    name: String,
    link: Option<LinkInfo>,
    rtt: Option<Duration>,
    last_error: Option<String>,
    key_doubled: bool,
    own_key_doubled: bool,
}

/// A link's way out.
#[derive(Debug)]
pub(crate) struct Outlet {
    pub(crate) id: ConnectionId,
    pub(crate) opener: StreamOpener,
    wake: [Notify; 2],
}

/// What a writer finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Frames to write.
    Frames,
    /// Nothing for now.
    Nothing,
    /// This link is no longer the active one.
    Retired,
}

impl Peer {
    pub(crate) fn new(key: PeerKey, name: &str, limits: &Limits) -> Self {
        Self {
            key,
            outbound: Mutex::new(Outbound {
                active: None,
                queues: [Queue::new(limits.votes_queue), Queue::new(limits.batches_queue)],
                unflushed: [false; 2],
            }),
            inboxes: [
                Inbox::new(limits.votes_inbox, Channel::Votes),
                Inbox::new(limits.batches_inbox, Channel::Batches),
            ],
            requests: Arc::new(Semaphore::new(MAX_REQUESTS)),
            served: Arc::new(Semaphore::new(MAX_SERVED)),
            counters: Default::default(),
            sync: Counters::default(),
            status: Mutex::new(Status {
                name: name.to_owned(),
                ..Status::default()
            }),
        }
    }

    /// Queues a frame for the active link.
    pub(crate) fn send(&self, channel: Channel, frame: Bytes) -> Result<(), SendError> {
        let size = frame.len();
        if size > channel.max_frame() as usize {
            return Err(SendError::TooLarge { channel, size });
        }
        let mut outbound = lock(&self.outbound);
        let Some(outlet) = outbound.active.clone() else {
            return Err(SendError::NotConnected(self.key));
        };
        let queue = &mut outbound.queues[channel.index()];
        let dropped = match channel {
            Channel::Votes => queue.drop_oldest_for(size),
            Channel::Batches if queue.has_room_for(size) => 0,
            Channel::Batches => {
                self.counters[channel.index()].add_dropped(1);
                return Err(SendError::QueueFull {
                    peer: self.key,
                    channel,
                });
            }
        };
        queue.push(frame);
        drop(outbound);
        self.counters[channel.index()].add_dropped(dropped);
        outlet.wake[channel.index()].notify_one();
        Ok(())
    }

    /// Takes frames of up to about `bytes` in all for the writer of link `id`.
    pub(crate) fn take(
        &self,
        channel: Channel,
        id: ConnectionId,
        bytes: usize,
        into: &mut Vec<Bytes>,
    ) -> Taken {
        let mut outbound = lock(&self.outbound);
        if outbound.active.as_ref().map(|outlet| outlet.id) != Some(id) {
            return Taken::Retired;
        }
        outbound.unflushed[channel.index()] = true;
        let queue = &mut outbound.queues[channel.index()];
        let mut taken = 0;
        while taken < bytes
            && let Some(frame) = queue.pop()
        {
            taken += frame.len() + FRAME_COST;
            into.push(frame);
        }
        if into.is_empty() {
            Taken::Nothing
        } else {
            Taken::Frames
        }
    }

    /// Makes `outlet` the one that frames leave by; the one before, if any, is retired.
    pub(crate) fn activate(&self, outlet: Arc<Outlet>, link: LinkInfo) {
        let before = lock(&self.outbound).active.replace(outlet.clone());
        let mut status = lock(&self.status);
        status.link = Some(link);
        status.last_error = None;
        drop(status);
        for outlet in before.iter().chain([&outlet]) {
            outlet.wake.iter().for_each(Notify::notify_one);
        }
    }

    /// No link is left: what waits to be sent is dropped, as the protocol sends again what is wanted.
    pub(crate) fn deactivate(&self, error: String) {
        let mut outbound = lock(&self.outbound);
        let before = outbound.active.take();
        outbound.queues.iter_mut().for_each(Queue::clear);
        outbound.unflushed = [false; 2];
        drop(outbound);
        let mut status = lock(&self.status);
        status.link = None;
        status.rtt = None;
        status.last_error = Some(error);
        drop(status);
        if let Some(outlet) = before {
            outlet.wake.iter().for_each(Notify::notify_one);
        }
    }

    /// The link in use.
    pub(crate) fn active(&self) -> Option<Arc<Outlet>> {
        lock(&self.outbound).active.clone()
    }

    /// The writer of link `id` has flushed everything that it took.
    pub(crate) fn flushed(&self, channel: Channel, id: ConnectionId) {
        let mut outbound = lock(&self.outbound);
        if outbound.active.as_ref().map(|outlet| outlet.id) == Some(id) {
            outbound.unflushed[channel.index()] = false;
        }
    }

    /// Whether everything queued has been handed to the connection.
    pub(crate) fn drained(&self) -> bool {
        let outbound = lock(&self.outbound);
        outbound.queues.iter().all(|queue| queue.is_empty()) && outbound.unflushed == [false; 2]
    }

    /// Waits until the inbox of `channel` has room for a frame of `size` bytes.
    pub(crate) async fn room_for(&self, channel: Channel, size: u32) -> OwnedSemaphorePermit {
        let inbox = &self.inboxes[channel.index()];
        let units = (size / INBOX_UNIT).saturating_add(1).min(inbox.total);
        inbox
            .permits
            .clone()
            .acquire_many_owned(units)
            .await
            .expect("an inbox is never closed")
    }

    pub(crate) fn counters(&self, channel: Channel) -> &Counters {
        &self.counters[channel.index()]
    }

    pub(crate) fn set_name(&self, name: &str) {
        name.clone_into(&mut lock(&self.status).name);
    }

    pub(crate) fn name(&self) -> String {
        lock(&self.status).name.clone()
    }

    pub(crate) fn set_rtt(&self, id: ConnectionId, rtt: Duration) {
        if self.active().is_some_and(|outlet| outlet.id == id) {
            lock(&self.status).rtt = Some(rtt);
        }
    }

    /// Notes why there is no link; says whether that is news.
    pub(crate) fn set_error(&self, error: &str) -> bool {
        let mut status = lock(&self.status);
        if status.link.is_some() || status.last_error.as_deref() == Some(error) {
            return false;
        }
        status.last_error = Some(error.to_owned());
        true
    }

    pub(crate) fn set_key_doubled(&self, doubled: bool) {
        lock(&self.status).key_doubled = doubled;
    }

    pub(crate) fn set_own_key_doubled(&self, doubled: bool) {
        lock(&self.status).own_key_doubled = doubled;
    }

    pub(crate) fn info(&self) -> PeerInfo {
        let traffic = |channel: Channel| {
            let outbound = lock(&self.outbound);
            let queue = &outbound.queues[channel.index()];
            let mut traffic = self.counters[channel.index()].read();
            traffic.queued = queue.len() as u64;
            traffic.queued_bytes = queue.payload() as u64;
            traffic
        };
        let (votes, batches) = (traffic(Channel::Votes), traffic(Channel::Batches));
        let status = lock(&self.status);
        PeerInfo {
            key: self.key,
            name: status.name.clone(),
            link: status.link.clone(),
            rtt: status.rtt,
            last_error: status.last_error.clone(),
            key_doubled: status.key_doubled,
            own_key_doubled: status.own_key_doubled,
            votes,
            batches,
            sync: self.sync.read(),
        }
    }
}

impl Outlet {
    pub(crate) fn new(id: ConnectionId, opener: StreamOpener) -> Self {
        Self {
            id,
            opener,
            wake: Default::default(),
        }
    }

    /// Waits until the channel's queue may have something, or the link may be retired.
    pub(crate) async fn woken(&self, channel: Channel) {
        self.wake[channel.index()].notified().await;
    }
}

impl Inbox {
    /// At least one frame of the greatest size must fit, or it would be waited for forever.
    fn new(bytes: u32, channel: Channel) -> Self {
        let total = bytes.max(channel.max_frame()) / INBOX_UNIT + 1;
        Self {
            permits: Arc::new(Semaphore::new(total as usize)),
            total,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler;

    fn peer(limits: &Limits) -> Peer {
        Peer::new(PeerKey([1; 32]), "one", limits)
    }

    fn link(peer: &Peer, id: usize) -> ConnectionId {
        let id = ConnectionId::new_unchecked(id);
        let (_, streams) = handler::pair();
        let info = LinkInfo {
            address: String::new(),
            outbound: true,
            since: SystemTime::UNIX_EPOCH,
            software: String::new(),
        };
        peer.activate(Arc::new(Outlet::new(id, streams.opener)), info);
        id
    }

    fn frame(byte: u8, size: usize) -> Bytes {
        vec![byte; size].into()
    }

    #[test]
    fn a_full_queue_of_votes_drops_the_oldest() {
        let peer = peer(&Limits {
            votes_queue: 4 * (1000 + FRAME_COST),
            ..Limits::default()
        });
        let id = link(&peer, 1);
        for byte in 0..6 {
            peer.send(Channel::Votes, frame(byte, 1000)).unwrap();
        }
        let mut taken = Vec::new();
        assert_eq!(
            peer.take(Channel::Votes, id, usize::MAX, &mut taken),
            Taken::Frames
        );
        assert_eq!(
            taken.iter().map(|frame| frame[0]).collect::<Vec<_>>(),
            [2, 3, 4, 5]
        );
        assert_eq!(peer.info().votes.dropped, 2);
    }

    #[test]
    fn a_full_queue_of_batches_refuses_the_new_one() {
        let peer = peer(&Limits {
            batches_queue: 3 * (1000 + FRAME_COST),
            ..Limits::default()
        });
        link(&peer, 1);
        let sent: Vec<bool> = (0..5)
            .map(|byte| peer.send(Channel::Batches, frame(byte, 1000)).is_ok())
            .collect();
        assert_eq!(sent, [true, true, true, false, false]);
        let info = peer.info().batches;
        assert_eq!((info.queued, info.queued_bytes, info.dropped), (3, 3000, 2));
    }

    #[test]
    fn empty_frames_are_bounded_too() {
        let peer = peer(&Limits::default());
        link(&peer, 1);
        for _ in 0..100_000 {
            peer.send(Channel::Votes, Bytes::new()).unwrap();
        }
        assert_eq!(
            peer.info().votes.queued as usize,
            Limits::default().votes_queue / FRAME_COST
        );
    }

    #[test]
    fn only_the_active_link_takes_frames() {
        let peer = peer(&Limits::default());
        assert_eq!(
            peer.send(Channel::Votes, Bytes::new()),
            Err(SendError::NotConnected(peer.key))
        );
        let old = link(&peer, 1);
        peer.send(Channel::Votes, frame(7, 1)).unwrap();
        let new = link(&peer, 2);
        let mut taken = Vec::new();
        assert_eq!(peer.take(Channel::Votes, old, 100, &mut taken), Taken::Retired);
        assert_eq!(peer.take(Channel::Votes, new, 100, &mut taken), Taken::Frames);
        peer.send(Channel::Votes, frame(7, 1)).unwrap();
        assert!(!peer.drained());
        peer.deactivate("gone".to_owned());
        assert!(peer.drained());
    }

    #[test]
    fn frames_above_the_channels_limit_are_not_queued() {
        let peer = peer(&Limits::default());
        link(&peer, 1);
        for channel in Channel::ALL {
            let size = channel.max_frame() as usize;
            assert!(peer.send(channel, frame(0, size)).is_ok());
            assert_eq!(
                peer.send(channel, frame(0, size + 1)),
                Err(SendError::TooLarge {
                    channel,
                    size: size + 1
                })
            );
        }
    }
}
