//! A member that lies: it has a member's key and speaks libp2p, and after that what it likes.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::io::{AsyncReadExt as _, AsyncWriteExt as _};
use libp2p::identity::Keypair;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, noise, tcp, yamux};
use libp2p_stream::Control;
use quorate_network::{Channel, NetworkEvent, Reason};

use crate::common::{Node, PATIENCE, at, config, key, member, node, number_of, numbered};

const CONTROL: StreamProtocol = StreamProtocol::new("/quorate/control/2");
const VOTES: StreamProtocol = StreamProtocol::new("/quorate/votes/2");
const SYNC: StreamProtocol = StreamProtocol::new("/quorate/sync/2");

#[derive(NetworkBehaviour)]
struct Behaviour {
    stream: libp2p_stream::Behaviour,
}

/// The liar: node 2, connected to `victim`.
struct Liar {
    control: Control,
    victim: PeerId,
    inbound: libp2p_stream::IncomingStreams,
}

fn hello() -> Vec<u8> {
    let body = [&[0][..], &[9; 32], &[1], &[1, 0, 0, 0], &[4], b"liar"].concat();
    framed(&body)
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_le_bytes()[..], body].concat()
}

async fn liar(victim: &Node) -> Liar {
    let keypair = Keypair::ed25519_from_bytes([2; 32]).unwrap();
    let mut swarm: Swarm<Behaviour> = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|_| Behaviour {
            stream: libp2p_stream::Behaviour::new(),
        })
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(PATIENCE))
        .build();
    let mut control = swarm.behaviour().stream.new_control();
    let inbound = control.accept(CONTROL).unwrap();
    for protocol in ["/quorate/votes/2", "/quorate/batches/2"] {
        let mut accepted = control.accept(StreamProtocol::new(protocol)).unwrap();
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Some(stream) = accepted.next().await {
                kept.push(stream);
            }
        });
    }
    swarm
        .dial(victim.address().parse::<Multiaddr>().unwrap())
        .unwrap();
    let victim = loop {
        if let SwarmEvent::ConnectionEstablished { peer_id, .. } = swarm.select_next_some().await {
            break peer_id;
        }
    };
    tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    });
    Liar {
        control,
        victim,
        inbound,
    }
}

impl Liar {
    /// Says `bytes` on a stream of its own, which stays open.
    async fn say(&mut self, protocol: StreamProtocol, bytes: &[u8]) -> libp2p::Stream {
        self.try_say(protocol, bytes).await.unwrap()
    }

    /// The same where the victim may already have closed the stream, or all of them.
    async fn try_say(&mut self, protocol: StreamProtocol, bytes: &[u8]) -> std::io::Result<libp2p::Stream> {
        let opened = tokio::time::timeout(PATIENCE, self.control.open_stream(self.victim, protocol)).await;
        let mut stream = opened.unwrap().map_err(std::io::Error::other)?;
        stream.write_all(bytes).await?;
        stream.flush().await?;
        Ok(stream)
    }

    /// Goes through a proper handshake, choosing the link if that is for the liar to do.
    async fn shake_hands(&mut self) -> (libp2p::Stream, libp2p::Stream) {
        let mut ours = self.say(CONTROL, &hello()).await;
        let (_, mut theirs) = self.inbound.next().await.unwrap();
        let mut frame = [0; 4];
        theirs.read_exact(&mut frame).await.unwrap();
        let mut said = vec![0; u32::from_le_bytes(frame) as usize];
        theirs.read_exact(&mut said).await.unwrap();
        if key(2) < key(1) {
            ours.write_all(&framed(&[0, 0])).await.unwrap();
            ours.flush().await.unwrap();
        }
        (ours, theirs)
    }
}

/// The victim, and a member that is honest, to see that it is not bothered.
async fn victims() -> (Node, Node) {
    let mut one = node(config(1, vec![member(2), member(3)])).await;
    let mut three = node(config(3, vec![at(1, one.address())])).await;
    one.connected(3).await;
    three.connected(1).await;
    (one, three)
}

async fn still_fine(one: &mut Node, three: &mut Node) {
    three.push(1, Channel::Votes, numbered(42, 4)).await;
    let heard = one
        .until(|event| matches!(event, NetworkEvent::Message { peer, .. } if *peer == key(3)))
        .await;
    assert!(matches!(heard, NetworkEvent::Message { bytes, .. } if number_of(&bytes) == 42));
    one.push(3, Channel::Votes, numbered(43, 4)).await;
    assert_eq!(number_of(&three.message().await.2), 43);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_liar_can_be_honest_so_that_the_lies_count() {
    let (mut one, mut three) = victims().await;
    let mut liar = liar(&one).await;
    let _control = liar.shake_hands().await;
    one.connected(2).await;
    let _votes = liar.say(VOTES, &framed(b"a vote")).await;
    assert_eq!(
        one.message().await,
        (key(2), Channel::Votes, Bytes::from_static(b"a vote"))
    );
    still_fine(&mut one, &mut three).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_for_a_handshake_ends_the_connection() {
    let garbage = [
        framed(b"GET / HTTP/1.1\r\n\r\n"),
        framed(&[]),
        framed(&[1; 38]),
        framed(&[hello()[4..].to_vec(), vec![0]].concat()),
        b"\xff\xff\xff\xff and so on".to_vec(),
    ];
    for garbage in garbage {
        let (mut one, mut three) = victims().await;
        let mut liar = liar(&one).await;
        let _control = liar.say(CONTROL, &garbage).await;
        let (peer, reason) = one.refused().await;
        assert_eq!(peer, Some(key(2)));
        assert!(
            matches!(reason, Reason::BadHandshake(_)),
            "{reason:?} for {garbage:?}"
        );
        still_fine(&mut one, &mut three).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_delivered_before_the_handshake_and_silence_ends_it() {
    let (mut one, mut three) = victims().await;
    let mut liar = liar(&one).await;
    let _votes = liar.say(VOTES, &framed(b"too early")).await;
    match one.event().await {
        NetworkEvent::Refused { peer, reason, .. } => {
            assert_eq!((peer, reason), (Some(key(2)), Reason::HandshakeTimeout));
        }
        other => panic!("{other:?}"),
    }
    still_fine(&mut one, &mut three).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_above_the_limit_ends_the_link_and_not_the_node() {
    let (mut one, mut three) = victims().await;
    let mut liar = liar(&one).await;
    let _control = liar.shake_hands().await;
    one.connected(2).await;
    let _votes = liar
        .say(VOTES, &(Channel::Votes.max_frame() + 1).to_le_bytes())
        .await;
    let reason = one.disconnected(2).await;
    let limit = Channel::Votes.max_frame();
    assert_eq!(
        reason,
        Reason::FrameTooLarge {
            channel: "/quorate/votes/2",
            size: limit + 1,
            limit
        }
    );
    still_fine(&mut one, &mut three).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_stream_for_one_purpose_ends_the_link() {
    for protocol in [VOTES, CONTROL] {
        let (mut one, mut three) = victims().await;
        let mut liar = liar(&one).await;
        let _control = liar.shake_hands().await;
        one.connected(2).await;
        let _first = liar.say(VOTES, &framed(b"one")).await;
        let _second = liar.try_say(protocol, &framed(b"two")).await;
        assert!(matches!(one.disconnected(2).await, Reason::Violation(_)));
        still_fine(&mut one, &mut three).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_the_control_stream_ends_the_link() {
    let (mut one, mut three) = victims().await;
    let mut liar = liar(&one).await;
    let (mut ours, _theirs) = liar.shake_hands().await;
    one.connected(2).await;
    ours.write_all(&framed(b"\x00\x07")).await.unwrap();
    ours.flush().await.unwrap();
    assert!(matches!(one.disconnected(2).await, Reason::Violation(_)));
    still_fine(&mut one, &mut three).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_requests_is_served_in_part_and_oversized_ones_not_at_all() {
    let (mut one, mut three) = victims().await;
    let mut liar = liar(&one).await;
    let _control = liar.shake_hands().await;
    one.connected(2).await;
    let mut streams = vec![liar.try_say(SYNC, &u32::MAX.to_le_bytes()).await];
    for _ in 0..20 {
        streams.push(liar.try_say(SYNC, &framed(b"give me all")).await);
    }
    let mut replies = Vec::new();
    let all = async {
        loop {
            if let NetworkEvent::SyncRequest { reply, .. } = one.event().await {
                replies.push(reply);
            }
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(1), all).await.is_err());
    assert!((1..=4).contains(&replies.len()), "{}", replies.len());
    still_fine(&mut one, &mut three).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_even_libp2p_is_ignored() {
    let (mut one, mut three) = victims().await;
    let target = one.address().replace("/ip4/127.0.0.1/tcp/", "127.0.0.1:");
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0xff; 4096],
        b"\x13/multistream/1.0.0\n\x07/noise\nxx",
    ] {
        let mut stream = tokio::net::TcpStream::connect(&target).await.unwrap();
        // The node may close the socket before all is written.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, garbage).await;
    }
    still_fine(&mut one, &mut three).await;
}
