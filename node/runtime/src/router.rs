//! What comes in from the other validators, to where it belongs.
//!
//! Short votes are checked on the thread that takes them. What takes long is done elsewhere, for one
//! validator after the other, so that nobody's flood delays anybody's votes: long votes (they carry
//! certificates, with a signature in every hundred bytes), the check of batches, and requests for them,
//! which read the disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use quorate_consensus::message::MAX_MESSAGE_BYTES;
use quorate_consensus::{Body, Ed25519, Message};
use quorate_crypto::{Digest, ValidatorIndex};
use quorate_driver::Event;
use quorate_ledger::{Parameters, decode};
use quorate_network::{Channel, Events, NetworkEvent, Offence, PeerKey};
use tokio::runtime;

use crate::batches::{BatchStore, Checker};
use crate::committed::Committed;
use crate::epoch::SharedEpoch;
use crate::inbox::Inbox;
use crate::links::Links;
use crate::observers::Observers;
use crate::queue::{Bounds, FairQueue};
use crate::sync::{self, SyncHandle};
use crate::wire::{BatchFrame, BatchFrameV1, MAX_REQUESTED};

/// Bytes of a batch frame besides the batch.
const FRAME_OVERHEAD: usize = 64;
/// Bytes of a vote that is checked at once; the check of a longer one may take a while.
const SHORT_VOTE: usize = 4_096;
/// A validator's long votes that wait: as many view-changes as a committee has validators, or a few long
/// ones.
const LONG_VOTES: Bounds = Bounds {
    items: 64,
    bytes: 8 << 20,
};
/// A validator's requests for batches that wait; it asks again for what it does not get.
const REQUESTS: Bounds = Bounds {
    items: 4,
    bytes: 1 << 20,
};

/// What the router is made of: where incoming traffic goes.
pub(crate) struct RouterSetup {
    pub(crate) network: Digest,
    pub(crate) epoch: SharedEpoch,
    pub(crate) parameters: Parameters,
    pub(crate) links: Links,
    pub(crate) inbox: Inbox,
    pub(crate) checker: Checker,
    pub(crate) batches: Arc<BatchStore>,
    pub(crate) committed: Arc<Committed>,
    pub(crate) sync: SyncHandle,
    pub(crate) sync_server: sync::Server,
    pub(crate) observers: Arc<Observers>,
}

struct Router {
    parts: RouterSetup,
    /// Validators by their node keys.
    validators: BTreeMap<PeerKey, ValidatorIndex>,
    long_votes: FairQueue<Bytes>,
    requests: FairQueue<Request>,
}

/// What a validator wants, or has.
enum Request {
    Send(Vec<Digest>),
    Announced(Vec<Digest>),
}

/// Starts the thread that takes events from the network until it ends, and those for what takes long.
pub(crate) fn start(parts: RouterSetup, mut events: Events, runtime: runtime::Handle) -> Vec<JoinHandle<()>> {
    let peers = parts.links.peers().iter();
    let router = Arc::new(Router {
        validators: peers.map(|(index, key)| (*key, *index)).collect(),
        parts,
        long_votes: FairQueue::new(LONG_VOTES),
        requests: FairQueue::new(REQUESTS),
    });
    let spawn = |name: &str, work: Box<dyn FnOnce(&Router) + Send>| {
        let router = Arc::clone(&router);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(&router))
            .expect("a thread can be started")
    };
    vec![
        spawn(
            "links",
            Box::new(move |router| {
                while let Some(event) = runtime.block_on(events.recv()) {
                    router.on_event(event);
                }
                router.long_votes.close();
                router.requests.close();
                router.parts.checker.stop();
            }),
        ),
        spawn(
            "long-votes",
            Box::new(|router| {
                while let Some((from, bytes)) = router.long_votes.pop() {
                    router.check_vote(from, &bytes);
                }
            }),
        ),
        spawn(
            "batch-serve",
            Box::new(|router| {
                while let Some((from, request)) = router.requests.pop() {
                    router.answer(from, request);
                }
            }),
        ),
    ]
}

impl Router {
    fn on_event(&self, event: NetworkEvent) {
        match event {
            NetworkEvent::Connected { peer, .. } => {
                if let Some(validator) = self.validators.get(&peer) {
                    self.parts.inbox.put_from_outside(Event::Connected(*validator));
                }
            }
            // The network says so in the log, as it does of links that come up.
            NetworkEvent::Disconnected { .. } | NetworkEvent::Refused { .. } => {}
            NetworkEvent::Message { channel, bytes, peer } => {
                let Some(from) = self.validators.get(&peer) else {
                    return tracing::warn!(?peer, "a frame of a peer that is no validator");
                };
                match channel {
                    Channel::Votes => self.on_vote(*from, bytes),
                    Channel::Batches => self.on_batch_frame(*from, &bytes),
                }
            }
            NetworkEvent::SyncRequest { peer, request, reply } => {
                let pace = match self.validators.get(&peer) {
                    Some(from) => self.parts.links.conduct().serves(*from),
                    None => Some(Duration::ZERO),
                };
                if let Some(pace) = pace {
                    self.parts.sync_server.answer(&request, pace, reply);
                }
            }
        }
    }

    fn name_of(&self, validator: ValidatorIndex) -> String {
        self.parts.links.name_of(validator)
    }

    fn on_vote(&self, from: ValidatorIndex, bytes: Bytes) {
        if bytes.len() <= SHORT_VOTE {
            return self.check_vote(from, &bytes);
        }
        let length = bytes.len();
        let dropped = self.long_votes.push(from, bytes, length);
        if !dropped.is_empty() {
            tracing::debug!(
                from = self.name_of(from),
                dropped = dropped.len(),
                "long votes were dropped: too many wait for their check"
            );
        }
    }

    fn check_vote(&self, from: ValidatorIndex, bytes: &[u8]) {
        let parts = &self.parts;
        let message: Message = match decode(bytes, MAX_MESSAGE_BYTES) {
            Ok(message) => message,
            Err(error) => {
                return self.offended(from, format_args!("a message that cannot be decoded: {error}"));
            }
        };
        if !parts.links.conduct().hears(from, &message) {
            return;
        }
        if !message.may_come_from(from) {
            let signer = self.name_of(message.v1().sender);
            return self.offended(
                from,
                format_args!("a message that {signer} has signed, of a kind that is not passed on"),
            );
        }
        let epoch = message.v1().epoch;
        let info = parts.epoch.get();
        let Some(committee) = info.committee_of(epoch) else {
            if epoch > info.epoch() {
                // Nobody can tell yet whether that is so; blocks prove themselves.
                parts.sync.look_ahead(from, parts.committed.height());
            }
            return tracing::debug!(
                from = self.name_of(from),
                epoch = epoch.0,
                "a message of another epoch"
            );
        };
        match message.verify(parts.network, committee, &Ed25519) {
            Ok(message) => {
                if let Body::Seal { height, .. } = message.get().v1().body {
                    parts.committed.note_seal(message.get().v1().sender, height);
                }
                parts.inbox.put_from_outside(Event::Message(message));
            }
            Err(error) => self.offended(
                from,
                format_args!("a message that does not pass the check: {error}"),
            ),
        }
    }

    /// A validator has sent what none that keeps the rules sends.
    fn offended(&self, from: ValidatorIndex, what: std::fmt::Arguments<'_>) {
        let links = &self.parts.links;
        let Some(peer) = links.peers().get(&from).copied() else {
            return tracing::debug!(from = self.name_of(from), "{what}");
        };
        let Offence { held_back, to_tell } = links.handle().offended(peer);
        if held_back {
            // Should it lead, nobody waits for it.
            self.parts.inbox.put_from_outside(Event::HeldBack(from));
        }
        let from = self.name_of(from);
        match to_tell {
            None => tracing::debug!(from, "{what}"),
            Some(messages) => tracing::warn!(
                from,
                messages,
                last = %what,
                "this validator sends what breaks the rules{}",
                if held_back {
                    ": until it stops, nothing of its votes and batches is taken but one in two seconds"
                } else {
                    ""
                }
            ),
        }
    }

    fn on_batch_frame(&self, from: ValidatorIndex, bytes: &[u8]) {
        let limit = self.parts.parameters.v1().max_batch_bytes as usize + FRAME_OVERHEAD;
        match decode(bytes, limit.max(MAX_REQUESTED * 32 + FRAME_OVERHEAD)) {
            Ok(BatchFrame::V1(BatchFrameV1::Batch(batch))) => self.parts.checker.check(from, batch),
            Ok(BatchFrame::V1(BatchFrameV1::Request(digests))) => {
                self.requests.push(from, Request::Send(digests), bytes.len());
            }
            Ok(BatchFrame::V1(BatchFrameV1::Announce(digests))) => {
                self.requests.push(from, Request::Announced(digests), bytes.len());
            }
            Ok(BatchFrame::V1(BatchFrameV1::Votes(votes))) => self.parts.observers.note(from, votes),
            Err(error) => self.offended(
                from,
                format_args!("a batch frame that cannot be decoded: {error}"),
            ),
        }
    }

    fn answer(&self, from: ValidatorIndex, request: Request) {
        let parts = &self.parts;
        match request {
            Request::Send(digests) => {
                for digest in digests.iter().take(MAX_REQUESTED) {
                    match parts.batches.bytes(digest) {
                        Ok(Some(batch)) => parts.links.send_batch(from, &batch),
                        Ok(None) => {}
                        Err(error) => tracing::error!(%digest, %error, "a batch cannot be read"),
                    }
                }
            }
            Request::Announced(mut digests) => {
                digests.truncate(MAX_REQUESTED);
                digests
                    .retain(|digest| !parts.batches.is_unchecked(digest) && !parts.batches.contains(digest));
                if !digests.is_empty() {
                    parts.links.request_batches(from, digests);
                }
            }
        }
    }
}
