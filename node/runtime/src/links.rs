//! Links to the other validators: what goes out by validator index, and what comes in, decoded and
//! checked, to where it belongs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use quorate_consensus::{Ed25519, Message};
use quorate_crypto::{Committee, Digest, PublicKey, ValidatorIndex};
use quorate_ledger::{Parameters, decode, encode};
use quorate_network::{Channel, Event as NetworkEvent, Events, Handle, PeerKey};
use tokio::runtime;

use crate::batches::{BatchStore, Checker};
use crate::core::{Event, Inbox};
use crate::sync;
use crate::wire::{BatchFrame, BatchFrameV1, MAX_REQUESTED};

/// Bytes of a batch frame besides the batch.
const FRAME_OVERHEAD: usize = 64;

/// Sends to validators by index.
#[derive(Clone)]
pub(crate) struct Links {
    handle: Handle,
    /// Node keys of the other validators, by index.
    peers: Arc<BTreeMap<ValidatorIndex, PeerKey>>,
}

impl Links {
    /// Links to the validators with these node keys.
    pub(crate) fn new(handle: Handle, peers: BTreeMap<ValidatorIndex, PeerKey>) -> Self {
        Self {
            handle,
            peers: Arc::new(peers),
        }
    }

    /// The other validators.
    pub(crate) fn peers(&self) -> &BTreeMap<ValidatorIndex, PeerKey> {
        &self.peers
    }

    /// The network underneath.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Sends a vote to every other validator.
    pub(crate) fn broadcast(&self, message: &Message) {
        let bytes = Bytes::from(encode(message));
        for peer in self.peers.values() {
            self.put(peer, Channel::Votes, bytes.clone());
        }
    }

    /// Sends a vote to one.
    pub(crate) fn send(&self, to: ValidatorIndex, message: &Message) {
        if let Some(peer) = self.peers.get(&to) {
            self.put(peer, Channel::Votes, Bytes::from(encode(message)));
        }
    }

    /// Sends a batch to every other validator.
    pub(crate) fn broadcast_batch(&self, batch: &Bytes) {
        let frame = Bytes::from(encode(&BatchFrame::V1(BatchFrameV1::Batch(batch.clone()))));
        for peer in self.peers.values() {
            self.put(peer, Channel::Batches, frame.clone());
        }
    }

    /// Sends a batch to one.
    pub(crate) fn send_batch(&self, to: ValidatorIndex, batch: &Bytes) {
        if let Some(peer) = self.peers.get(&to) {
            let frame = encode(&BatchFrame::V1(BatchFrameV1::Batch(batch.clone())));
            self.put(peer, Channel::Batches, Bytes::from(frame));
        }
    }

    /// Asks for batches: in the first turn the leader, then one validator after the other.
    pub(crate) fn fetch_batches(&self, leader: ValidatorIndex, turn: usize, mut digests: Vec<Digest>) {
        digests.truncate(MAX_REQUESTED);
        let others: Vec<_> = self.peers.keys().copied().collect();
        let to = if turn == 0 && self.peers.contains_key(&leader) {
            leader
        } else if let Some(to) = others.get(turn % others.len().max(1)) {
            *to
        } else {
            return;
        };
        let frame = encode(&BatchFrame::V1(BatchFrameV1::Request(digests)));
        if let Some(peer) = self.peers.get(&to) {
            self.put(peer, Channel::Batches, Bytes::from(frame));
        }
    }

    fn put(&self, peer: &PeerKey, channel: Channel, bytes: Bytes) {
        // What does not fit into the peer's queue is sent again when the peer says what it lacks.
        if self.handle.send(*peer, channel, bytes).is_err() {
            tracing::trace!(?peer, ?channel, "not sent: no link, or its queue is full");
        }
    }
}

/// Where incoming traffic goes.
pub(crate) struct Router {
    pub(crate) network: Digest,
    pub(crate) committee: Committee,
    pub(crate) parameters: Parameters,
    pub(crate) links: Links,
    pub(crate) inbox: Inbox,
    pub(crate) checker: Checker,
    pub(crate) batches: Arc<BatchStore>,
    pub(crate) sync_server: sync::Server,
}

/// Starts the thread that takes events from the network until it ends.
pub(crate) fn start(router: Router, mut events: Events, runtime: runtime::Handle) -> JoinHandle<()> {
    std::thread::Builder::new()
        .name("links".to_owned())
        .spawn(move || {
            while let Some(event) = runtime.block_on(events.recv()) {
                router.on_event(event);
            }
        })
        .expect("a thread can be started")
}

impl Router {
    fn index_of(&self, peer: &PeerKey) -> Option<ValidatorIndex> {
        self.links
            .peers
            .iter()
            .find(|(_, key)| *key == peer)
            .map(|(index, _)| *index)
    }

    fn on_event(&self, event: NetworkEvent) {
        match event {
            NetworkEvent::Connected { peer, .. } => {
                if let Some(validator) = self.index_of(&peer) {
                    tracing::info!(%validator, "connected");
                    self.inbox.put_from_outside(Event::Connected(validator));
                }
            }
            NetworkEvent::Disconnected { peer, reason, .. } => {
                if let Some(validator) = self.index_of(&peer) {
                    tracing::info!(%validator, %reason, "disconnected");
                }
            }
            NetworkEvent::Refused { address, reason, .. } => {
                tracing::warn!(%address, %reason, "a connection was refused");
            }
            NetworkEvent::Message {
                channel: Channel::Votes,
                bytes,
                peer,
            } => self.on_vote(&peer, &bytes),
            NetworkEvent::Message {
                channel: Channel::Batches,
                bytes,
                peer,
            } => self.on_batch_frame(peer, &bytes),
            NetworkEvent::SyncRequest { request, reply, .. } => self.sync_server.answer(&request, reply),
        }
    }

    fn on_vote(&self, peer: &PeerKey, bytes: &[u8]) {
        let message: Message = match decode(bytes, quorate_consensus::message::MAX_MESSAGE_BYTES) {
            Ok(message) => message,
            Err(error) => return tracing::warn!(?peer, %error, "a message that cannot be decoded"),
        };
        match message.verify(self.network, &self.committee, &Ed25519) {
            Ok(message) => self.inbox.put_from_outside(Event::Message(message)),
            Err(error) => tracing::warn!(?peer, %error, "a message that does not pass the check"),
        }
    }

    fn on_batch_frame(&self, peer: PeerKey, bytes: &[u8]) {
        let limit = self.parameters.v1().max_batch_bytes as usize + FRAME_OVERHEAD;
        match decode(bytes, limit.max(MAX_REQUESTED * 32 + FRAME_OVERHEAD)) {
            Ok(BatchFrame::V1(BatchFrameV1::Batch(batch))) => {
                if !self.checker.check(batch) {
                    tracing::debug!(?peer, "a batch was dropped: too many wait for their check");
                }
            }
            Ok(BatchFrame::V1(BatchFrameV1::Request(digests))) => self.answer(peer, &digests),
            Err(error) => tracing::warn!(?peer, %error, "a batch frame that cannot be decoded"),
        }
    }

    fn answer(&self, peer: PeerKey, digests: &[Digest]) {
        for digest in digests.iter().take(MAX_REQUESTED) {
            match self.batches.bytes(digest) {
                Ok(Some(batch)) => {
                    let frame = encode(&BatchFrame::V1(BatchFrameV1::Batch(batch)));
                    self.links.put(&peer, Channel::Batches, Bytes::from(frame));
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%digest, %error, "a batch cannot be read"),
            }
        }
    }
}

/// The validators' places in a committee by node key, for those other than `own`.
pub(crate) fn peers_of(
    validators: impl Iterator<Item = (PublicKey, PeerKey)>,
    committee: &Committee,
    own: Option<ValidatorIndex>,
) -> BTreeMap<ValidatorIndex, PeerKey> {
    validators
        .filter_map(|(key, peer)| Some((committee.index_of(&key)?, peer)))
        .filter(|(index, _)| Some(*index) != own)
        .collect()
}
