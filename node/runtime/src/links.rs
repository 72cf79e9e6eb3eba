//! Links to the other validators: what goes out, by validator index.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use quorate_consensus::Message;
use quorate_crypto::{Committee, Digest, PublicKey, ValidatorIndex};
use quorate_ledger::encode;
use quorate_network::{Channel, Events, Handle, PeerKey};

use crate::conduct::{Conduct, Parcel};
use crate::config::NodeConfig;
use crate::error::NodeError;
use crate::home::{Identity, network_config};
use crate::names::Names;
use crate::wire::{BatchFrameV1, CopyBytes};

/// Sends to validators by index.
#[derive(Clone)]
pub(crate) struct Links {
    handle: Handle,
    /// Node keys of the other validators, by index.
    peers: Arc<BTreeMap<ValidatorIndex, PeerKey>>,
    names: Names,
    conduct: Arc<dyn Conduct>,
}

impl Links {
    /// Links to the validators with these node keys.
    fn new(
        handle: Handle,
        peers: BTreeMap<ValidatorIndex, PeerKey>,
        names: Names,
        conduct: Arc<dyn Conduct>,
    ) -> Self {
        Self {
            handle,
            peers: Arc::new(peers),
            names,
            conduct,
        }
    }

    /// The other validators.
    pub(crate) fn peers(&self) -> &BTreeMap<ValidatorIndex, PeerKey> {
        &self.peers
    }

    /// What people call a validator: for the log.
    pub(crate) fn name_of(&self, validator: ValidatorIndex) -> String {
        self.names.of(validator)
    }

    /// How this node behaves.
    pub(crate) fn conduct(&self) -> &dyn Conduct {
        &*self.conduct
    }

    /// The network underneath.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Sends a vote to every other validator.
    pub(crate) fn broadcast(&self, message: &Message) {
        let bytes = Bytes::from(encode(message));
        for (index, peer) in &*self.peers {
            if self.conduct.says(*index, message) {
                self.put(peer, Channel::Votes, bytes.clone());
            }
        }
    }

    /// Sends a vote to one.
    pub(crate) fn send(&self, to: ValidatorIndex, message: &Message) {
        if let Some(peer) = self.peers.get(&to)
            && self.conduct.says(to, message)
        {
            self.put(peer, Channel::Votes, Bytes::from(encode(message)));
        }
    }

    /// Sends a whole copy of a batch to every other validator.
    pub(crate) fn broadcast_batch(&self, copy: &CopyBytes) {
        let frame = copy.frame();
        for (index, peer) in &*self.peers {
            if self.conduct.gives(*index, Parcel::Batch(&copy.signed)) {
                self.put(peer, Channel::Batches, frame.clone());
            }
        }
    }

    /// Sends a whole copy of a batch to one.
    pub(crate) fn send_batch(&self, to: ValidatorIndex, copy: &CopyBytes) {
        if self.conduct.gives(to, Parcel::Batch(&copy.signed)) {
            self.put_frame(to, Channel::Batches, copy.frame());
        }
    }

    /// Says to one validator, or to all, that these batches are here.
    pub(crate) fn announce_batches(&self, to: Option<ValidatorIndex>, digests: Vec<Digest>) {
        let frame = BatchFrameV1::Announce(digests.clone()).bytes();
        for (index, peer) in &*self.peers {
            let parcel = Parcel::Announcement(&digests);
            if to.is_none_or(|to| to == *index) && self.conduct.gives(*index, parcel) {
                self.put(peer, Channel::Batches, frame.clone());
            }
        }
    }

    /// Says to one validator whether this one votes.
    pub(crate) fn say_votes(&self, to: ValidatorIndex, votes: bool) {
        self.put_frame(to, Channel::Batches, BatchFrameV1::Votes(votes).bytes());
    }

    /// Asks one validator for batches.
    pub(crate) fn request_batches(&self, to: ValidatorIndex, digests: Vec<Digest>) {
        if self.conduct.gives(to, Parcel::Request(&digests)) {
            self.put_frame(to, Channel::Batches, BatchFrameV1::Request(digests).bytes());
        }
    }

    /// Answers one validator that there is no whole copy of these here. To a conduct it is as a request: it says what
    /// this validator lacks.
    pub(crate) fn say_not_held(&self, to: ValidatorIndex, digests: Vec<Digest>) {
        if self.conduct.gives(to, Parcel::Request(&digests)) {
            self.put_frame(to, Channel::Batches, BatchFrameV1::NotHeld(digests).bytes());
        }
    }

    /// Asks one validator for texts of ordered batches; false if that cannot be sent.
    pub(crate) fn request_texts(&self, to: ValidatorIndex, digests: Vec<Digest>) -> bool {
        self.conduct.gives(to, Parcel::Request(&digests))
            && self.put_frame(to, Channel::Batches, BatchFrameV1::RequestTexts(digests).bytes())
    }

    /// Sends what is left of an ordered batch's texts to one. To a conduct it is as an announcement: it says that the
    /// batch is here.
    pub(crate) fn send_texts(&self, to: ValidatorIndex, batch: Digest, texts: Bytes) {
        if self.conduct.gives(to, Parcel::Announcement(&[batch])) {
            self.put_frame(to, Channel::Batches, BatchFrameV1::Texts { batch, texts }.bytes());
        }
    }

    /// Sends a copy of a batch to one, whatever the conduct.
    pub(crate) fn put_copy(&self, to: ValidatorIndex, copy: &CopyBytes) {
        self.put_frame(to, Channel::Batches, copy.frame());
    }

    /// Sends a frame to one, whatever the conduct; false if it is not queued.
    pub(crate) fn put_frame(&self, to: ValidatorIndex, channel: Channel, frame: Bytes) -> bool {
        let peer = self.peers.get(&to);
        peer.is_some_and(|peer| self.put(peer, channel, frame))
    }

    fn put(&self, peer: &PeerKey, channel: Channel, bytes: Bytes) -> bool {
        // What does not fit into the peer's queue is sent again when the peer says what it lacks.
        let sent = self.handle.send(*peer, channel, bytes).is_ok();
        if !sent {
            tracing::trace!(?peer, ?channel, "not sent: no link, or its queue is full");
        }
        sent
    }
}

/// The network, started: what comes from peers, and what goes to them.
pub(crate) struct Net {
    pub(crate) events: Events,
    pub(crate) links: Links,
}

impl Net {
    /// Listens and dials, as the validator that this home is of.
    pub(crate) async fn start(
        identity: &Identity,
        config: &NodeConfig,
        committee: &Committee,
        conduct: Arc<dyn Conduct>,
    ) -> Result<Self, NodeError> {
        let (handle, events) = quorate_network::start(network_config(identity, config)?).await?;
        let keys = identity
            .genesis
            .validators()
            .map(|validator| (validator.validator_key, Identity::peer_key(validator.node_key)));
        let peers = peers_of(keys, committee, Some(identity.index));
        Ok(Self {
            events,
            links: Links::new(handle, peers, identity.names.clone(), conduct),
        })
    }
}

/// The validators' places in a committee by node key, for those other than `own`.
fn peers_of(
    validators: impl Iterator<Item = (PublicKey, PeerKey)>,
    committee: &Committee,
    own: Option<ValidatorIndex>,
) -> BTreeMap<ValidatorIndex, PeerKey> {
    validators
        .filter_map(|(key, peer)| Some((committee.index_of(&key)?, peer)))
        .filter(|(index, _)| Some(*index) != own)
        .collect()
}
