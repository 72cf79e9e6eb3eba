//! Links to the other nodes: what goes out, and who may have one.
//!
//! A link is to a node, by its key. Which validator that is follows from the epoch of what is sent: committees differ.
//! Whoever is linked and is no validator follows the chain, and is told all that validators tell each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use quorate_consensus::Message;
use quorate_crypto::{Digest, Epoch, ValidatorIndex};
use quorate_ledger::encode;
use quorate_network::{Channel, Events, Handle, PeerConfig, PeerKey, is_address};

use crate::conduct::{Conduct, Parcel};
use crate::config::NodeConfig;
use crate::epoch::{EpochInfo, SharedEpoch};
use crate::error::NodeError;
use crate::home::{Identity, least_votes, network_config};
use crate::roster::peer_key;
use crate::wire::{BatchFrameV1, CopyBytes};

/// Sends to nodes.
#[derive(Clone)]
pub(crate) struct Links {
    handle: Handle,
    epoch: SharedEpoch,
    configured: Arc<Configured>,
    /// Who may have a link.
    admitted: Arc<RwLock<Arc<[PeerKey]>>>,
    /// What the network was told last.
    told: Arc<Mutex<Told>>,
    conduct: Arc<dyn Conduct>,
}

/// What the network is told: who may have a link, and what is taken of whose votes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    admitted: Vec<PeerConfig>,
    voters: Vec<PeerKey>,
    least_votes: Option<u32>,
}

/// What the node's configuration says of its peers.
#[derive(Debug, Default)]
struct Configured {
    /// Addresses of validators by name, tried before those of the state.
    addresses: BTreeMap<String, Vec<String>>,
    /// Nodes that follow the chain.
    observers: Vec<PeerKey>,
}

impl Configured {
    fn new(config: &NodeConfig) -> Self {
        let mut addresses: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for peer in &config.network.peers {
            addresses
                .entry(peer.name.clone())
                .or_default()
                .push(peer.address.clone());
        }
        Self {
            addresses,
            observers: config.network.observers.iter().copied().map(peer_key).collect(),
        }
    }

    /// Names that no validator has.
    fn check(&self, identity: &Identity, info: &EpochInfo) -> Result<(), NodeError> {
        let mut known: BTreeSet<&str> = info.now.seats.values().map(String::as_str).collect();
        known.extend(info.now.admitted().iter().map(|peer| peer.name.as_str()));
        known.extend(identity.genesis.validators().map(|validator| validator.name));
        match self.addresses.keys().find(|name| !known.contains(name.as_str())) {
            Some(name) => Err(NodeError::UnknownPeer { name: name.clone() }),
            None => Ok(()),
        }
    }

    /// Who may have a link in an epoch, each once, with where it may be found.
    fn admitted(&self, info: &EpochInfo) -> Vec<PeerConfig> {
        let mut admitted = info.admitted();
        for peer in &mut admitted {
            let mut addresses = self.addresses.get(&peer.name).cloned().unwrap_or_default();
            // What a member has written into the state may be no address that links are made over.
            let usable = peer
                .addresses
                .drain(..)
                .filter(|address| is_address(address, peer.key));
            addresses.extend(usable);
            peer.addresses = addresses;
        }
        for key in &self.observers {
            if admitted.iter().all(|peer| peer.key != *key) {
                admitted.push(PeerConfig {
                    key: *key,
                    name: info.name_of(key),
                    addresses: Vec::new(),
                });
            }
        }
        admitted
    }
}

impl Links {
    /// The validators of the epoch under way other than this node.
    pub(crate) fn validators(&self) -> BTreeMap<ValidatorIndex, PeerKey> {
        let info = self.epoch.get();
        let mut validators = BTreeMap::new();
        for (index, node) in info.now.others() {
            let seat = info.committee().seat(index);
            let is_seats = seat.is_some_and(|seat| peer_key(seat.node) == node);
            // Of several keys that its node may have the one that is linked, else the seat's own.
            match validators.get(&index) {
                Some(known) if self.handle.is_linked(*known) => {}
                Some(_) if !is_seats && !self.handle.is_linked(node) => {}
                _ => {
                    validators.insert(index, node);
                }
            }
        }
        validators
    }

    /// Who may have a link, this node apart.
    pub(crate) fn peers(&self) -> Arc<[PeerKey]> {
        Arc::clone(&self.admitted.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The nodes of these validators of an epoch.
    pub(crate) fn nodes_of(&self, epoch: Epoch, validators: &[ValidatorIndex]) -> Vec<PeerKey> {
        let info = self.epoch.get();
        let Some(roster) = info.roster_of(epoch) else {
            return Vec::new();
        };
        let nodes = validators.iter().flat_map(|index| roster.nodes_of(*index));
        nodes.collect()
    }

    /// What people call a node: for the log.
    pub(crate) fn name_of(&self, peer: PeerKey) -> String {
        self.epoch.get().name_of(&peer)
    }

    /// How this node behaves.
    pub(crate) fn conduct(&self) -> &dyn Conduct {
        &*self.conduct
    }

    /// The network underneath.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Who may have a link, and what is taken of each, follows the epoch under way.
    pub(crate) fn admit(&self) {
        let info = self.epoch.get();
        let tell = Told {
            admitted: self.configured.admitted(&info),
            voters: info.now.others().map(|(_, node)| node).collect(),
            least_votes: least_votes(info.committee().engine()),
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        // Seats change often in what concerns no link.
        if *told == tell {
            return;
        }
        let keys = keys_of(&tell.admitted, self.handle.local());
        if let Err(error) = self.handle.set_members(&tell.admitted) {
            return tracing::error!(%error, "who may have a link cannot be changed, and stays as it is");
        }
        *self.admitted.write().unwrap_or_else(PoisonError::into_inner) = keys;
        self.handle.set_pace(tell.least_votes, &tell.voters);
        *told = tell;
    }

    /// Sends a vote to every other validator of its epoch, and to whoever follows.
    pub(crate) fn broadcast(&self, message: &Message) {
        let bytes = Bytes::from(encode(message));
        let info = self.epoch.get();
        let roster = info.roster_of(message.v1().epoch);
        for peer in &*self.peers() {
            let index = roster.and_then(|roster| roster.index_of(peer));
            if index.is_none_or(|index| self.conduct.says(index, message)) {
                self.put(peer, Channel::Votes, bytes.clone());
            }
        }
    }

    /// Sends a vote to one of its epoch.
    pub(crate) fn send(&self, to: ValidatorIndex, message: &Message) {
        if self.conduct.says(to, message) {
            let bytes = Bytes::from(encode(message));
            for peer in self.nodes_of(message.v1().epoch, &[to]) {
                self.put(&peer, Channel::Votes, bytes.clone());
            }
        }
    }

    /// Sends a whole copy of a batch to everybody.
    pub(crate) fn broadcast_batch(&self, copy: &CopyBytes) {
        let frame = copy.frame();
        for peer in &*self.peers() {
            if self.gives(peer, Parcel::Batch(&copy.signed)) {
                self.put(peer, Channel::Batches, frame.clone());
            }
        }
    }

    /// Sends a whole copy of a batch to one.
    pub(crate) fn send_batch(&self, to: PeerKey, copy: &CopyBytes) {
        if self.gives(&to, Parcel::Batch(&copy.signed)) {
            self.put(&to, Channel::Batches, copy.frame());
        }
    }

    /// Says to these nodes that these batches are here.
    pub(crate) fn announce_batches(&self, to: &[PeerKey], digests: Vec<Digest>) {
        let frame = BatchFrameV1::Announce(digests.clone()).bytes();
        for peer in to {
            if self.gives(peer, Parcel::Announcement(&digests)) {
                self.put(peer, Channel::Batches, frame.clone());
            }
        }
    }

    /// Says to one whether this node votes.
    pub(crate) fn say_votes(&self, to: PeerKey, votes: bool) {
        self.put(&to, Channel::Batches, BatchFrameV1::Votes(votes).bytes());
    }

    /// Asks one for batches.
    pub(crate) fn request_batches(&self, to: PeerKey, digests: Vec<Digest>) {
        if self.gives(&to, Parcel::Request(&digests)) {
            self.put(&to, Channel::Batches, BatchFrameV1::Request(digests).bytes());
        }
    }

    /// Answers one that there is no whole copy of these here. To a conduct it is as a request: it says what this
    /// validator lacks.
    pub(crate) fn say_not_held(&self, to: PeerKey, digests: Vec<Digest>) {
        if self.gives(&to, Parcel::Request(&digests)) {
            self.put(&to, Channel::Batches, BatchFrameV1::NotHeld(digests).bytes());
        }
    }

    /// Asks one for texts of ordered batches; false if that cannot be sent.
    pub(crate) fn request_texts(&self, to: PeerKey, digests: Vec<Digest>) -> bool {
        self.gives(&to, Parcel::Request(&digests))
            && self.put(&to, Channel::Batches, BatchFrameV1::RequestTexts(digests).bytes())
    }

    /// Sends what is left of an ordered batch's texts to one. To a conduct it is as an announcement: it says that the
    /// batch is here.
    pub(crate) fn send_texts(&self, to: PeerKey, batch: Digest, texts: Bytes) {
        if self.gives(&to, Parcel::Announcement(&[batch])) {
            self.put(
                &to,
                Channel::Batches,
                BatchFrameV1::Texts { batch, texts }.bytes(),
            );
        }
    }

    /// Sends a copy of a batch to a validator of the epoch under way, whatever the conduct.
    pub(crate) fn put_copy(&self, to: ValidatorIndex, copy: &CopyBytes) {
        self.put_frame(to, Channel::Batches, copy.frame());
    }

    /// Sends a frame to a validator of the epoch under way, whatever the conduct; false if it is not queued.
    pub(crate) fn put_frame(&self, to: ValidatorIndex, channel: Channel, frame: Bytes) -> bool {
        let nodes = self.nodes_of(self.epoch.get().epoch(), &[to]);
        let mut sent = false;
        for peer in &nodes {
            sent |= self.put(peer, channel, frame.clone());
        }
        sent
    }

    /// Whether a validator of the epoch under way is given this; whoever only follows is.
    fn gives(&self, to: &PeerKey, parcel: Parcel<'_>) -> bool {
        let index = self.epoch.get().now.index_of(to);
        index.is_none_or(|index| self.conduct.gives(index, parcel))
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

fn keys_of(admitted: &[PeerConfig], local: PeerKey) -> Arc<[PeerKey]> {
    let keys = admitted.iter().map(|peer| peer.key);
    keys.filter(|key| *key != local).collect()
}

/// The network, started: what comes from peers, and what goes to them.
pub(crate) struct Net {
    pub(crate) events: Events,
    pub(crate) links: Links,
}

impl Net {
    /// Listens and dials, as the node that this home is of.
    pub(crate) async fn start(
        identity: &Identity,
        config: &NodeConfig,
        epoch: &SharedEpoch,
        conduct: Arc<dyn Conduct>,
    ) -> Result<Self, NodeError> {
        let (configured, info) = (Configured::new(config), epoch.get());
        configured.check(identity, &info)?;
        let admitted = configured.admitted(&info);
        let network = network_config(identity, config, &info, admitted.clone())?;
        let (handle, events) = quorate_network::start(network).await?;
        let keys = keys_of(&admitted, handle.local());
        let links = Links {
            handle,
            epoch: epoch.clone(),
            configured: Arc::new(configured),
            admitted: Arc::new(RwLock::new(keys)),
            told: Arc::default(),
            conduct,
        };
        links.admit();
        Ok(Self { events, links })
    }
}

#[cfg(test)]
mod tests {
    use quorate_ledger::Parameters;

    use super::*;
    use crate::config::PeerAddress;
    use crate::roster::Roster;
    use crate::testing;

    fn roster(epoch: u64, validators: u8) -> Roster {
        Roster::of(
            testing::committee(Epoch(epoch), validators),
            None,
            Parameters::default(),
        )
    }

    #[test]
    fn configured_observers_may_have_a_link_and_are_no_validators() {
        let mut config = NodeConfig::default();
        let observer = testing::validator(99).public();
        config.network.observers = vec![observer];
        config.network.peers = vec![PeerAddress {
            name: "member-1".to_owned(),
            address: "/ip4/10.0.0.9/tcp/1".to_owned(),
        }];
        let shared = SharedEpoch::new(roster(0, 4));
        let info = shared.get();
        let admitted = Configured::new(&config).admitted(&info);
        let found = admitted
            .iter()
            .find(|peer| peer.key == peer_key(observer))
            .unwrap();
        assert!(found.name.starts_with("observer "), "{}", found.name);
        assert_eq!(info.now.index_of(&peer_key(observer)), None);
    }
}
