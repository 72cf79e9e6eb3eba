//! What comes in from other nodes, to where it belongs.
//!
//! Short votes are checked on the thread that takes them. What takes long is done elsewhere, for one
//! validator after the other, so that nobody's flood delays anybody's votes: long votes (they carry
//! certificates, with a signature in every hundred bytes), the check of batches, and requests for them,
//! which read the disk.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quorate_consensus::message::MAX_MESSAGE_BYTES;
use quorate_consensus::{Body, Ed25519, Message};
use quorate_crypto::{Digest, Epoch, ValidatorIndex};
use quorate_driver::Event;
use quorate_ledger::decode;
use quorate_network::{Channel, Events, NetworkEvent, Offence, PeerKey};
use tokio::runtime;

use crate::batches::{BatchStore, Checker};
use crate::committed::Committed;
use crate::epoch::SharedEpoch;
use crate::inbox::Inbox;
use crate::links::Links;
use crate::observers::Observers;
use crate::queue::{Bounds, FairQueue};
use crate::sync::{self, SyncHandle, TEXTS_AT_ONCE, Texts};
use crate::wire::{BatchFrame, BatchFrameV1};

/// Bytes of a vote that is checked at once; the check of a longer one may take a while.
const SHORT_VOTE: usize = 4_096;
/// A validator's long votes that wait: as many view-changes as a committee has validators, or a few long
/// ones.
const LONG_VOTES: Bounds = Bounds {
    items: 64,
    bytes: 8 << 20,
};
/// What a validator asks for, announces or does not hold, as far as it waits; it asks again for what it does not get.
const REQUESTS: Bounds = Bounds {
    items: 8,
    bytes: 1 << 20,
};

/// How long what one validator asks for is worked on before others' requests come in between. A request may name 256
/// batches, and each may take a tenth of a second: its texts are thousands of rows.
const SLICE: Duration = Duration::from_millis(20);

/// How often a node's requests for texts of ordered batches are answered; it asks again.
const TEXTS_EVERY: Duration = Duration::from_millis(250);

/// No validator's place: committees are smaller.
const NOBODY: ValidatorIndex = ValidatorIndex(u16::MAX);

/// What the router is made of: where incoming traffic goes.
pub(crate) struct RouterSetup {
    pub(crate) network: Digest,
    pub(crate) epoch: SharedEpoch,
    pub(crate) links: Links,
    pub(crate) inbox: Inbox,
    pub(crate) checker: Checker,
    pub(crate) batches: Arc<BatchStore>,
    pub(crate) committed: Arc<Committed>,
    pub(crate) sync: SyncHandle,
    pub(crate) texts: Texts,
    pub(crate) sync_server: sync::Server,
    pub(crate) observers: Arc<Observers>,
}

struct Router {
    parts: RouterSetup,
    long_votes: FairQueue<Bytes>,
    requests: FairQueue<Request>,
    /// When each node's last request for texts was taken.
    texts_asked: Mutex<BTreeMap<PeerKey, Instant>>,
}

/// What a node wants, has, or lacks.
enum Request {
    Send(Vec<Digest>),
    Announced(Vec<Digest>),
    NotHeld(Vec<Digest>),
    Texts(Vec<Digest>),
}

/// Starts the thread that takes events from the network until it ends, and those for what takes long.
pub(crate) fn start(parts: RouterSetup, mut events: Events, runtime: runtime::Handle) -> Vec<JoinHandle<()>> {
    let router = Arc::new(Router {
        parts,
        long_votes: FairQueue::new(LONG_VOTES),
        requests: FairQueue::new(REQUESTS),
        texts_asked: Mutex::default(),
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
                self.tell_of(peer, |epoch, validator| Event::Connected { epoch, validator });
            }
            // The network says so in the log, as it does of links that come up.
            NetworkEvent::Disconnected { .. } | NetworkEvent::Refused { .. } => {}
            NetworkEvent::Message { channel, bytes, peer } => match channel {
                Channel::Votes => self.on_vote(peer, bytes),
                Channel::Batches => self.on_batch_frame(peer, &bytes),
            },
            NetworkEvent::SyncRequest { peer, request, reply } => {
                let pace = match self.parts.epoch.get().now.index_of(&peer) {
                    Some(from) => self.parts.links.conduct().serves(from),
                    None => Some(Duration::ZERO),
                };
                if let Some(pace) = pace {
                    self.parts.sync_server.answer(&request, pace, reply);
                }
            }
        }
    }

    fn name_of(&self, peer: PeerKey) -> String {
        self.parts.links.name_of(peer)
    }

    /// Tells the engines of both epochs of what concerns the validator whose node this is, by its place in each.
    fn tell_of(&self, peer: PeerKey, event: impl Fn(Epoch, ValidatorIndex) -> Event) {
        for roster in self.parts.epoch.get().rosters() {
            if let Some(validator) = roster.index_of(&peer) {
                self.parts
                    .inbox
                    .put_from_outside(event(roster.epoch(), validator));
            }
        }
    }

    fn on_vote(&self, from: PeerKey, bytes: Bytes) {
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

    fn check_vote(&self, from: PeerKey, bytes: &[u8]) {
        let parts = &self.parts;
        let message: Message = match decode(bytes, MAX_MESSAGE_BYTES) {
            Ok(message) => message,
            Err(error) => {
                return self.offended(from, format_args!("a message that cannot be decoded: {error}"));
            }
        };
        let epoch = message.v1().epoch;
        let info = parts.epoch.get();
        let Some(roster) = info.roster_of(epoch) else {
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
        let sender = message.v1().sender;
        let passed_on_by = roster.index_of(&from);
        if passed_on_by.is_some_and(|index| !parts.links.conduct().hears(index, &message)) {
            return;
        }
        // What concerns nobody but two validators comes over the link of the one that says it (I16). A link of somebody
        // who has no place in the epoch is nobody's.
        if !message.may_come_from(passed_on_by.unwrap_or(NOBODY)) {
            let signer = roster.names.of(sender);
            return self.offended(
                from,
                format_args!("a message that {signer} has signed, of a kind that is not passed on"),
            );
        }
        match message.verify(parts.network, &roster.committee, &Ed25519) {
            Ok(message) => {
                if let Body::Seal { height, .. } = message.get().v1().body
                    && let Some(seat) = roster.committee.seat(sender)
                {
                    parts.committed.note_seal(seat.seat, height);
                }
                parts.inbox.put_from_outside(Event::Message(message));
            }
            Err(error) => self.offended(
                from,
                format_args!("a message that does not pass the check: {error}"),
            ),
        }
    }

    /// A node has sent what none that keeps the rules sends.
    fn offended(&self, from: PeerKey, what: std::fmt::Arguments<'_>) {
        let Offence { held_back, to_tell } = self.parts.links.handle().offended(from);
        if held_back {
            // Should it lead, nobody waits for it.
            self.tell_of(from, |epoch, validator| Event::HeldBack { epoch, validator });
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

    fn on_batch_frame(&self, from: PeerKey, bytes: &[u8]) {
        let frame = match BatchFrame::decode(bytes) {
            Ok(BatchFrame::V1(frame)) => frame,
            Err(error) => {
                return self.offended(
                    from,
                    format_args!("a batch frame that cannot be decoded: {error}"),
                );
            }
        };
        let request = match frame {
            BatchFrameV1::Batch { signed, texts } => return self.parts.checker.check(from, signed, texts),
            BatchFrameV1::Votes(votes) => return self.parts.observers.note(from, votes),
            BatchFrameV1::Texts { batch, texts } => {
                if !self.parts.texts.arrived(from, batch, texts) {
                    tracing::debug!(from = self.name_of(from), "texts that it was not asked for");
                }
                return;
            }
            BatchFrameV1::Request(digests) => Request::Send(digests),
            BatchFrameV1::Announce(digests) => Request::Announced(digests),
            BatchFrameV1::NotHeld(digests) => Request::NotHeld(digests),
            BatchFrameV1::RequestTexts(mut digests) => {
                if !self.may_ask_for_texts(from, Instant::now()) {
                    return;
                }
                digests.truncate(TEXTS_AT_ONCE);
                Request::Texts(digests)
            }
        };
        self.requests.push(from, request, bytes.len());
    }

    /// Answers a request. What takes long is done in slices, so that whoever asks for much delays nobody else:
    /// agreement waits for batches that are sent here.
    fn answer(&self, from: PeerKey, request: Request) {
        let parts = &self.parts;
        match request {
            Request::Send(digests) => {
                let rest = self.send_batches(from, digests);
                self.go_on_later(from, rest, Request::Send);
            }
            Request::Announced(mut digests) => {
                digests
                    .retain(|digest| !parts.batches.is_unchecked(digest) && !parts.batches.contains(digest));
                if !digests.is_empty() {
                    parts.links.request_batches(from, digests);
                }
            }
            Request::NotHeld(digests) => {
                let wanted = parts.batches.wanted_elsewhere(&digests, Instant::now());
                if !wanted.is_empty()
                    && let Some(other) = self.peer_after(from)
                {
                    parts.links.request_batches(other, wanted);
                }
            }
            Request::Texts(digests) => {
                let rest = self.send_texts(from, digests);
                self.go_on_later(from, rest, Request::Texts);
            }
        }
    }

    /// What is left of a request waits behind those of others.
    fn go_on_later(&self, from: PeerKey, rest: Vec<Digest>, request: impl Fn(Vec<Digest>) -> Request) {
        if !rest.is_empty() {
            let length = rest.len().saturating_mul(size_of::<Digest>());
            self.requests.push(from, request(rest), length);
        }
    }

    /// Sends whole copies of batches for a while, and says of which there are none here; gives those that are left.
    fn send_batches(&self, to: PeerKey, digests: Vec<Digest>) -> Vec<Digest> {
        let parts = &self.parts;
        let mut not_held = Vec::new();
        let rest = for_a_while(digests, SLICE, |digest| match parts.batches.copy(&digest) {
            Ok(Some(copy)) => parts.links.send_batch(to, &copy),
            Ok(None) => not_held.push(digest),
            Err(error) => tracing::error!(%digest, %error, "a batch cannot be read"),
        });
        if !not_held.is_empty() {
            parts.links.say_not_held(to, not_held);
        }
        rest
    }

    /// Whether a request for texts is taken: not more often than a node asks that keeps the rules.
    fn may_ask_for_texts(&self, from: PeerKey, now: Instant) -> bool {
        let mut asked = self.texts_asked.lock().unwrap_or_else(PoisonError::into_inner);
        let last = asked.get(&from);
        let may = last.is_none_or(|last| now.duration_since(*last) >= TEXTS_EVERY);
        if may {
            // Who was here long ago may ask again.
            asked.retain(|_, last| now.duration_since(*last) < TEXTS_EVERY);
            asked.insert(from, now);
        }
        may
    }

    /// Sends what is left of ordered batches' texts for a while; gives the batches that are left.
    fn send_texts(&self, to: PeerKey, digests: Vec<Digest>) -> Vec<Digest> {
        let parts = &self.parts;
        for_a_while(digests, SLICE, |digest| match parts.batches.texts_left(&digest) {
            Ok(Some(texts)) => parts.links.send_texts(to, digest, texts),
            Ok(None) => {}
            Err(error) => tracing::error!(%digest, %error, "a batch's texts cannot be read"),
        })
    }

    /// The validator after this one, in the order of the committee, that there may be a link to.
    fn peer_after(&self, peer: PeerKey) -> Option<PeerKey> {
        let peers = self.parts.links.validators();
        let place = self.parts.epoch.get().now.index_of(&peer);
        let after = (place.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let next = peers.range(after).chain(&peers).map(|(_, node)| *node);
        let mut others = next.filter(|node| *node != peer);
        others.next()
    }
}

/// Answers one after the other, at least one, until `slice` is over; gives those that are left.
fn for_a_while(digests: Vec<Digest>, slice: Duration, mut answer: impl FnMut(Digest)) -> Vec<Digest> {
    let began = Instant::now();
    let mut rest = digests.into_iter();
    for digest in rest.by_ref() {
        answer(digest);
        if began.elapsed() >= slice {
            break;
        }
    }
    rest.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_request_is_answered_bit_by_bit() {
        let digests: Vec<_> = (1..=3).map(|number| Digest([number; 32])).collect();
        let mut answered = Vec::new();
        let rest = for_a_while(digests.clone(), Duration::ZERO, |digest| answered.push(digest));
        assert_eq!(
            (answered.as_slice(), rest.as_slice()),
            (&digests[..1], &digests[1..])
        );
        let rest = for_a_while(rest, Duration::from_secs(60), |digest| answered.push(digest));
        assert_eq!((answered, rest), (digests, Vec::new()));
        assert!(for_a_while(Vec::new(), Duration::ZERO, |_| panic!("nothing is asked for")).is_empty());
    }
}
