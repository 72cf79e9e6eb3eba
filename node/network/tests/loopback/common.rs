//! Nodes for tests.

use std::time::Duration;

use bytes::Bytes;
use quorate_network::{
    Channel, Config, Events, Handle, Limits, NetworkEvent, PeerConfig, PeerKey, Reason, start,
};
use tokio::time::timeout;
use zeroize::Zeroizing;

/// Longer than anything takes that works, on a machine that is busy with other things.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Node {
    pub(crate) handle: Handle,
    pub(crate) events: Events,
}

pub(crate) fn key(seed: u8) -> PeerKey {
    PeerKey::of_seed(&[seed; 32])
}

/// A member without an address.
pub(crate) fn member(seed: u8) -> PeerConfig {
    PeerConfig {
        key: key(seed),
        name: format!("node-{seed}"),
        addresses: Vec::new(),
    }
}

pub(crate) fn at(seed: u8, address: impl Into<String>) -> PeerConfig {
    PeerConfig {
        addresses: vec![address.into()],
        ..member(seed)
    }
}

pub(crate) fn config(seed: u8, peers: Vec<PeerConfig>) -> Config {
    Config {
        identity: Zeroizing::new([seed; 32]),
        listen: vec!["/ip4/127.0.0.1/tcp/0".to_owned()],
        external: Vec::new(),
        peers,
        network: [9; 32],
        protocols: vec![1],
        software: format!("quorate/test-{seed}"),
        mdns: false,
        kademlia: false,
        limits: Limits {
            handshake_timeout: Duration::from_secs(2),
            ..Limits::default()
        },
    }
}

pub(crate) async fn node(config: Config) -> Node {
    let (handle, events) = start(config).await.unwrap();
    Node { handle, events }
}

/// Two nodes with a link, node 1 and node 2; the second knows where the first is.
pub(crate) async fn pair() -> (Node, Node) {
    pair_of(config(1, vec![member(2)]), config(2, vec![])).await
}

/// Starts the first, then the second with the first's address, and waits for the link.
pub(crate) async fn pair_of(first: Config, mut second: Config) -> (Node, Node) {
    let (a, b) = (seed_of(&first), seed_of(&second));
    let mut one = node(first).await;
    second.peers.push(at(a, one.address()));
    let mut two = node(second).await;
    one.connected(b).await;
    two.connected(a).await;
    (one, two)
}

fn seed_of(config: &Config) -> u8 {
    config.identity[0]
}

impl Node {
    pub(crate) fn address(&self) -> String {
        self.handle.listening().remove(0)
    }

    pub(crate) async fn event(&mut self) -> NetworkEvent {
        timeout(PATIENCE, self.events.recv())
            .await
            .expect("an event in time")
            .expect("a running network")
    }

    pub(crate) async fn connected(&mut self, seed: u8) {
        self.until(|event| matches!(event, NetworkEvent::Connected { peer, .. } if *peer == key(seed)))
            .await;
    }

    pub(crate) async fn disconnected(&mut self, seed: u8) -> Reason {
        match self
            .until(|event| matches!(event, NetworkEvent::Disconnected { peer, .. } if *peer == key(seed)))
            .await
        {
            NetworkEvent::Disconnected { reason, .. } => reason,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn refused(&mut self) -> (Option<PeerKey>, Reason) {
        match self
            .until(|event| matches!(event, NetworkEvent::Refused { .. }))
            .await
        {
            NetworkEvent::Refused { peer, reason, .. } => (peer, reason),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn message(&mut self) -> (PeerKey, Channel, Bytes) {
        match self
            .until(|event| matches!(event, NetworkEvent::Message { .. }))
            .await
        {
            NetworkEvent::Message { peer, channel, bytes } => (peer, channel, bytes),
            other => panic!("{other:?}"),
        }
    }

    /// The next event of this kind; others are passed over.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&NetworkEvent) -> bool) -> NetworkEvent {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("a running network");
                if wanted(&event) {
                    return event;
                }
            }
        };
        timeout(PATIENCE, found).await.expect("the event in time")
    }

    /// Fails if any event of this kind comes within the time.
    pub(crate) async fn never(&mut self, within: Duration, unwanted: impl Fn(&NetworkEvent) -> bool) {
        let watch = async {
            loop {
                let event = self.events.recv().await.expect("a running network");
                assert!(!unwanted(&event), "{event:?}");
            }
        };
        assert!(timeout(within, watch).await.is_err());
    }

    /// Sends, waiting for room in the queue.
    pub(crate) async fn push(&self, to: u8, channel: Channel, frame: Bytes) {
        let sent = async {
            while self.handle.send(key(to), channel, frame.clone()).is_err() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, sent).await.expect("room in time");
    }
}

/// A frame that says which one it is.
pub(crate) fn numbered(number: u32, size: usize) -> Bytes {
    let mut frame = vec![0xa5; size.max(4)];
    frame[..4].copy_from_slice(&number.to_le_bytes());
    frame.into()
}

pub(crate) fn number_of(frame: &[u8]) -> u32 {
    u32::from_le_bytes(frame[..4].try_into().unwrap())
}
