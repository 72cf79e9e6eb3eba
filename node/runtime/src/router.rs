//! What comes in from the other validators, to where it belongs.
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
use crate::sync::{self, SyncHandle, TEXTS_AT_ONCE, Texts};
use crate::wire::{BatchFrame, BatchFrameV1, MAX_REQUESTED};

/// Bytes of a batch frame besides the batch and its texts.
const FRAME_OVERHEAD: usize = 64;
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

/// How often a validator's requests for texts of ordered batches are answered; it asks again.
const TEXTS_EVERY: Duration = Duration::from_millis(250);

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
    pub(crate) texts: Texts,
    pub(crate) sync_server: sync::Server,
    pub(crate) observers: Arc<Observers>,
}

struct Router {
    parts: RouterSetup,
    /// Validators by their node keys.
    validators: BTreeMap<PeerKey, ValidatorIndex>,
    long_votes: FairQueue<Bytes>,
    requests: FairQueue<Request>,
    /// When each validator's last request for texts was taken.
    texts_asked: Mutex<BTreeMap<ValidatorIndex, Instant>>,
}

/// What a validator wants, has, or lacks.
enum Request {
    Send(Vec<Digest>),
    Announced(Vec<Digest>),
    NotHeld(Vec<Digest>),
    Texts(Vec<Digest>),
}

/// Starts the thread that takes events from the network until it ends, and those for what takes long.
pub(crate) fn start(parts: RouterSetup, mut events: Events, runtime: runtime::Handle) -> Vec<JoinHandle<()>> {
    let peers = parts.links.peers().iter();
    let router = Arc::new(Router {
        validators: peers.map(|(index, key)| (*key, *index)).collect(),
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
        let frame = match decode(bytes, limit.max(MAX_REQUESTED * 32 + FRAME_OVERHEAD)) {
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
    fn answer(&self, from: ValidatorIndex, request: Request) {
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
    fn go_on_later(&self, from: ValidatorIndex, rest: Vec<Digest>, request: impl Fn(Vec<Digest>) -> Request) {
        if !rest.is_empty() {
            let length = rest.len().saturating_mul(size_of::<Digest>());
            self.requests.push(from, request(rest), length);
        }
    }

    /// Sends whole copies of batches for a while, and says of which there are none here; gives those that are left.
    fn send_batches(&self, to: ValidatorIndex, digests: Vec<Digest>) -> Vec<Digest> {
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
    fn may_ask_for_texts(&self, from: ValidatorIndex, now: Instant) -> bool {
        let mut asked = self.texts_asked.lock().unwrap_or_else(PoisonError::into_inner);
        let last = asked.get(&from);
        let may = last.is_none_or(|last| now.duration_since(*last) >= TEXTS_EVERY);
        if may {
            asked.insert(from, now);
        }
        may
    }

    /// Sends what is left of ordered batches' texts for a while; gives the batches that are left.
    fn send_texts(&self, to: ValidatorIndex, digests: Vec<Digest>) -> Vec<Digest> {
        let parts = &self.parts;
        for_a_while(digests, SLICE, |digest| match parts.batches.texts_left(&digest) {
            Ok(Some(texts)) => parts.links.send_texts(to, digest, texts),
            Ok(None) => {}
            Err(error) => tracing::error!(%digest, %error, "a batch's texts cannot be read"),
        })
    }

    /// The validator after this one, in the order of the committee, that there may be a link to.
    fn peer_after(&self, validator: ValidatorIndex) -> Option<ValidatorIndex> {
        let peers = self.parts.links.peers();
        let after = (Bound::Excluded(validator), Bound::Unbounded);
        let next = peers.range(after).chain(peers).map(|(index, _)| *index);
        let mut others = next.filter(|index| *index != validator);
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
