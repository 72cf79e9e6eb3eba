//! How a node behaves towards its peers: the one place through which everything passes that it tells them, and
//! everything that its engine learns.
//!
//! The node that ships keeps the rules ([`Honest`]) and cannot be told otherwise: [`crate::run`] takes no other
//! conduct, and no setting chooses one. A test binary that links this library may bring one of its own
//! ([`crate::run_as`]), so that what it breaks is broken by a real validator on real links.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quorate_consensus::{Body, Engine, Message, Step};
use quorate_crypto::{Committee, Digest, Epoch, SigningKey, ValidatorIndex, sign_strict};
use quorate_driver::Event;
use quorate_ledger::{Batch, BatchTexts, BatchV1, FormedBatch, Submission};
use quorate_network::Channel;

use crate::batches::{BatchStore, Charge, Whole};
use crate::epoch::SharedEpoch;
use crate::inbox::Inbox;
use crate::keyring::Keyring;
use crate::links::Links;
use crate::wire::CopyBytes;

/// What a node does with what it could tell and learn. What is not overridden is what an honest node does. None
/// of these may wait: the threads that call are those that serve everybody.
pub trait Conduct: Send + Sync {
    /// The node is about to hear and speak; this is what a conduct can act with besides.
    fn begins(&self, _means: Means) {}

    /// Whether a message that came over the link of `from` is taken. It is decoded, and not checked yet.
    fn hears(&self, _from: ValidatorIndex, _message: &Message) -> bool {
        true
    }

    /// Whether the driver is told of this.
    fn learns(&self, _event: &Event) -> bool {
        true
    }

    /// What an engine's step came to.
    fn stepped(&self, _engine: &Engine, _step: &Step) {}

    /// Whether this message goes to this peer.
    fn says(&self, _to: ValidatorIndex, _message: &Message) -> bool {
        true
    }

    /// Whether this goes to this peer.
    fn gives(&self, _to: ValidatorIndex, _parcel: Parcel<'_>) -> bool {
        true
    }

    /// How long before each block that this peer asked for; none if it gets no answer.
    fn serves(&self, _to: ValidatorIndex) -> Option<Duration> {
        Some(Duration::ZERO)
    }
}

/// What goes to peers on the channel for batches.
#[derive(Clone, Copy, Debug)]
pub enum Parcel<'a> {
    /// A batch, packed here or asked for.
    Batch(&'a Bytes),
    /// A request for batches.
    Request(&'a [Digest]),
    /// That these batches are here.
    Announcement(&'a [Digest]),
}

/// The conduct of the node that ships.
#[derive(Clone, Copy, Debug, Default)]
pub struct Honest;

impl Conduct for Honest {}

/// What a conduct can act with by itself. What is sent this way passes no conduct again.
#[derive(Clone)]
pub struct Means {
    pub(crate) network: Digest,
    pub(crate) keys: Arc<Keyring>,
    pub(crate) epoch: SharedEpoch,
    pub(crate) links: Links,
    pub(crate) inbox: Inbox,
    pub(crate) batches: Arc<BatchStore>,
}

impl Means {
    /// The network's id.
    pub fn network(&self) -> Digest {
        self.network
    }

    /// Which validator this is in the epoch under way; the first one if it is none.
    pub fn own(&self) -> ValidatorIndex {
        self.epoch.get().own().unwrap_or_default()
    }

    /// What this validator signs with in the epoch under way; whoever is none lies under a key that nobody knows.
    fn key(&self) -> SigningKey {
        let info = self.epoch.get();
        let seat = info.now.own_seat();
        let key = seat.and_then(|seat| self.keys.signing(&seat.validator));
        key.unwrap_or_else(|| SigningKey::from_seed(&[0; 32]))
    }

    /// Who agrees in the epoch under way.
    pub fn committee(&self) -> Committee {
        self.epoch.get().committee().clone()
    }

    /// The other validators.
    pub fn peers(&self) -> Vec<ValidatorIndex> {
        self.links.validators().into_keys().collect()
    }

    /// A message of this validator, as `network` would have it.
    pub fn sign(&self, network: Digest, epoch: Epoch, body: Body) -> Message {
        let signature = sign_strict(&self.key(), body.domain(), &body.signed_bytes(network, epoch));
        Message::new(epoch, self.own(), body, signature)
    }

    /// Sends this on the channel for votes; false if there is no link, or no room in its queue.
    pub fn send(&self, to: ValidatorIndex, frame: Bytes) -> bool {
        self.links.put_frame(to, Channel::Votes, frame)
    }

    /// Packs these into a batch of this validator's own, keeps it as the batcher does, and shows it to these
    /// peers. None if that cannot be done.
    pub fn pack(&self, number: u64, submissions: Vec<Submission>, to: &[ValidatorIndex]) -> Option<Digest> {
        let parts = submissions.into_iter().map(Submission::into_parts);
        let (transactions, items): (Vec<_>, Vec<_>) = parts.unzip();
        let texts = BatchTexts::new(items.into_iter().flatten().collect());
        let batch = Batch::V1(BatchV1 {
            network: self.network,
            epoch: self.epoch.get().epoch(),
            author: self.own(),
            number,
            transactions,
        });
        let batch = FormedBatch::sign(batch, &self.key(), &self.batches.rules().view()).ok()?;
        let batch = batch.with_signatures_checked();
        let (digest, copy) = (batch.digest(), CopyBytes::new(&batch, &texts));
        let whole = Whole { batch, texts };
        if !self
            .batches
            .insert_whole(whole, Charge::Author(self.own()))
            .ok()?
        {
            return None;
        }
        for peer in to {
            self.links.put_copy(*peer, &copy);
        }
        Some(digest)
    }

    /// Tells the driver, after whatever waits for it.
    pub fn tell(&self, event: Event) {
        self.inbox.put(event);
    }

    /// Who packed a batch that is here.
    pub fn author_of(&self, batch: &Digest) -> Option<ValidatorIndex> {
        let batch = self.batches.load(batch).ok()??;
        Some(batch.signed().batch().author)
    }
}
