//! Links come up, carry frames in order, end for a reason that is told, and come back.

use std::time::Duration;

use bytes::Bytes;
use quorate_network::{Channel, HandshakeField, NetworkError, NetworkEvent, Reason, SendError, start};

use crate::common::{PATIENCE, at, config, key, member, node, number_of, numbered, pair, pair_of};

/// How soon a link that can be must be, whatever was before.
const HEALED: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_a_channel_arrive_in_order_both_ways() {
    let (mut one, mut two) = pair().await;
    let talk = |handle: quorate_network::Handle, to: u8| async move {
        for number in 0..2000 {
            handle
                .send(
                    key(to),
                    Channel::Votes,
                    numbered(number, (number as usize * 7) % 900),
                )
                .unwrap();
            if number % 100 == 0 {
                let size = 1 + (number as usize * 300) % 600_000;
                handle
                    .send(key(to), Channel::Batches, numbered(number, size))
                    .unwrap();
            }
            if number % 64 == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    };
    let talking = [
        tokio::spawn(talk(one.handle.clone(), 2)),
        tokio::spawn(talk(two.handle.clone(), 1)),
    ];
    for (node, from) in [(&mut one, 2), (&mut two, 1)] {
        let (mut votes, mut batches) = (0, 0);
        while votes < 2000 || batches < 20 {
            let (peer, channel, frame) = node.message().await;
            assert_eq!(peer, key(from));
            match channel {
                Channel::Votes => {
                    assert_eq!(number_of(&frame), votes);
                    assert_eq!(frame.len(), ((votes as usize * 7) % 900).max(4));
                    votes += 1;
                }
                Channel::Batches => {
                    assert_eq!(number_of(&frame), batches * 100);
                    batches += 1;
                }
            }
        }
    }
    for talking in talking {
        talking.await.unwrap();
    }
    let info = one.handle.peers().remove(0);
    assert_eq!(
        (info.votes.sent, info.votes.received, info.batches.received),
        (2000, 2000, 20)
    );
    assert_eq!(info.link.unwrap().software, "quorate/test-2");
}

#[tokio::test(flavor = "multi_thread")]
async fn four_members_link_up_and_hear_each_other() {
    let seeds = [1, 2, 3, 4];
    let mut nodes = Vec::new();
    let mut known = Vec::new();
    for seed in seeds {
        let mut peers: Vec<_> = seeds.map(member).to_vec();
        for (seed, address) in &known {
            peers.retain(|peer| peer.key != key(*seed));
            peers.push(at(*seed, address));
        }
        let node = node(config(seed, peers)).await;
        known.push((seed, node.address()));
        nodes.push(node);
    }
    for node in &mut nodes {
        for _ in 1..seeds.len() {
            node.until(|event| matches!(event, NetworkEvent::Connected { .. }))
                .await;
        }
        assert!(node.handle.peers().iter().all(|peer| peer.connected()));
    }
    for node in &nodes {
        assert!(
            node.handle
                .broadcast(Channel::Votes, &Bytes::from_static(b"here"))
                .is_empty()
        );
    }
    for node in &mut nodes {
        let mut heard = Vec::new();
        for _ in 1..seeds.len() {
            heard.push(node.message().await.0);
        }
        heard.sort();
        let others: Vec<_> = node.handle.peers().iter().map(|peer| peer.key).collect();
        assert_eq!(heard, others);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_gets_no_link() {
    let mut one = node(config(1, vec![member(2)])).await;
    let mut stranger = node(config(7, vec![at(1, one.address())])).await;
    assert_eq!(one.refused().await, (Some(key(7)), Reason::NotAMember));
    let watch = Duration::from_millis(500);
    stranger
        .never(watch, |event| matches!(event, NetworkEvent::Connected { .. }))
        .await;
    let told = stranger.handle.peers().remove(0).last_error.unwrap();
    assert!(told.contains("as it does with strangers"), "{told}");
    assert_eq!(
        one.handle.send(key(7), Channel::Votes, Bytes::new()),
        Err(SendError::UnknownPeer(key(7)))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pitfall_29_another_network_or_version_is_named_on_both_sides() {
    for field in [HandshakeField::Network, HandshakeField::ProtocolVersion] {
        let mut one = node(config(1, vec![member(2)])).await;
        let mut other = config(2, vec![at(1, one.address())]);
        match field {
            HandshakeField::Network => other.network = [8; 32],
            HandshakeField::ProtocolVersion => other.protocols = vec![2, 3],
        }
        let mut two = node(other).await;
        let values = match field {
            HandshakeField::Network => ("09".repeat(32), "08".repeat(32)),
            HandshakeField::ProtocolVersion => ("1".to_owned(), "2, 3".to_owned()),
        };
        let (ours, theirs) = values.clone();
        assert_eq!(
            one.refused().await,
            (Some(key(2)), Reason::Mismatch { field, ours, theirs })
        );
        let (theirs, ours) = values;
        assert_eq!(
            two.refused().await,
            (Some(key(1)), Reason::Mismatch { field, ours, theirs })
        );
        assert!(
            one.handle
                .peers()
                .remove(0)
                .last_error
                .unwrap()
                .contains(&field.to_string())
        );
        let watch = Duration::from_millis(300);
        one.never(watch, |event| matches!(event, NetworkEvent::Connected { .. }))
            .await;
    }
}

/// While a release that knows a new version is rolled out.
#[tokio::test(flavor = "multi_thread")]
async fn peers_that_know_one_version_both_are_linked() {
    let mut first = config(1, vec![member(2)]);
    first.protocols = vec![1, 2];
    let mut second = config(2, vec![]);
    second.protocols = vec![2, 3];
    // Waits for the link.
    pair_of(first, second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_would_tell_no_version_or_too_many_does_not_start() {
    for protocols in [vec![], vec![2, 1], vec![1, 1], (1..=17).collect()] {
        let count = protocols.len();
        let mut config = config(1, vec![]);
        config.protocols = protocols;
        let error = start(config).await.map(|_| ()).unwrap_err();
        assert!(matches!(error, NetworkError::Protocols { count: got } if got == count));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_member_is_linked_again() {
    let (mut one, two) = pair().await;
    let address = two.address();
    one.handle.set_members(&[at(2, address.clone())]).unwrap();
    let mut two = two;
    for round in 0..3 {
        two.handle.shutdown().await;
        one.disconnected(2).await;
        assert!(one.handle.send(key(2), Channel::Votes, Bytes::new()).is_err());
        let mut again = config(2, vec![member(1)]);
        again.listen = vec![address.clone()];
        two = node(again).await;
        one.connected(2).await;
        two.connected(1).await;
        one.push(2, Channel::Votes, numbered(round, 10)).await;
        assert_eq!(number_of(&two.message().await.2), round);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_network_is_noticed_too() {
    let (mut one, two) = pair().await;
    drop(two);
    one.disconnected(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_queued_before_the_shutdown_arrives() {
    let (one, mut two) = pair().await;
    for number in 0..200 {
        one.handle
            .send(key(2), Channel::Batches, numbered(number, 60_000))
            .unwrap();
    }
    let stopping = tokio::spawn(async move { one.handle.shutdown().await });
    for number in 0..200 {
        assert_eq!(number_of(&two.message().await.2), number);
    }
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn denying_cuts_both_ways_and_allowing_heals() {
    let (mut one, mut two) = pair().await;
    for round in 0..2 {
        one.handle.deny(&[key(2)]);
        assert_eq!(one.handle.denied(), [key(2)]);
        assert_eq!(one.disconnected(2).await, Reason::Denied);
        two.disconnected(1).await;
        // Node 2 dials on, in vain.
        assert_eq!(one.refused().await, (Some(key(2)), Reason::Denied));
        one.never(Duration::from_millis(300), |event| {
            matches!(event, NetworkEvent::Connected { .. })
        })
        .await;
        one.handle.allow(&[key(2)]);
        one.connected(2).await;
        two.connected(1).await;
        one.push(2, Channel::Votes, numbered(round, 4)).await;
        assert_eq!(number_of(&two.message().await.2), round);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn denying_and_allowing_in_quick_succession_ends_with_a_link() {
    let (mut one, mut two) = pair().await;
    for round in 0..50u64 {
        one.handle.deny(&[key(2)]);
        tokio::time::sleep(Duration::from_micros(round * 200)).await;
        one.handle.allow(&[key(2)]);
        tokio::time::sleep(Duration::from_millis(round * 3)).await;
    }
    // Frames sent over a link that is on its way out are lost, so several are sent.
    let (first, second) = (one.handle.clone(), two.handle.clone());
    let talking = tokio::spawn(async move {
        loop {
            let _ = first.send(key(2), Channel::Votes, numbered(4, 4));
            let _ = second.send(key(1), Channel::Votes, numbered(5, 4));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert_eq!(number_of(&two.message().await.2), 4);
    assert_eq!(number_of(&one.message().await.2), 5);
    talking.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_longer_a_member_loses_the_link_and_gets_it_back_with_membership() {
    let (mut one, mut two) = pair().await;
    one.handle.set_members(&[member(3)]).unwrap();
    assert_eq!(one.disconnected(2).await, Reason::NotAMember);
    two.disconnected(1).await;
    assert_eq!(
        one.handle.peers().iter().map(|peer| peer.key).collect::<Vec<_>>(),
        [key(3)]
    );
    assert_eq!(one.refused().await, (Some(key(2)), Reason::NotAMember));
    one.handle.set_members(&[member(3), member(2)]).unwrap();
    one.connected(2).await;
    two.connected(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dialling_each_other_at_once_leaves_one_link_that_works() {
    for round in 0..8u8 {
        let (a, b) = (10 + 2 * round, 11 + 2 * round);
        let (mut one, mut two) = (node(config(a, vec![])).await, node(config(b, vec![])).await);
        one.handle.set_members(&[at(b, two.address())]).unwrap();
        two.handle.set_members(&[at(a, one.address())]).unwrap();
        one.connected(b).await;
        two.connected(a).await;
        for number in 0..100 {
            one.push(b, Channel::Votes, numbered(number, 8)).await;
            two.push(a, Channel::Votes, numbered(number, 8)).await;
        }
        for number in 0..100 {
            assert_eq!(number_of(&two.message().await.2), number);
            assert_eq!(number_of(&one.message().await.2), number);
        }
        one.never(Duration::from_millis(50), |event| {
            matches!(event, NetworkEvent::Disconnected { .. })
        })
        .await;
        let (ours, theirs) = (one.handle.peers().remove(0), two.handle.peers().remove(0));
        assert_ne!(ours.link.unwrap().outbound, theirs.link.unwrap().outbound);
    }
}

/// Two processes with one key, as when a validator is started on a second machine before the first has ended: the
/// other end follows the newer. When that ends the older must not be taken for linked at one end alone.
#[tokio::test(flavor = "multi_thread")]
async fn who_had_a_second_process_for_a_while_is_linked_again() {
    // Which end chooses the link depends on the keys, so each is the doubled one once.
    for (single, doubled) in [(1, 2), (2, 1)] {
        let (mut one, mut two) =
            pair_of(config(single, vec![member(doubled)]), config(doubled, vec![])).await;
        let mut copy = node(config(doubled, vec![at(single, one.address())])).await;
        copy.connected(single).await;
        copy.handle.shutdown().await;
        // Whatever was dropped meanwhile is sent again until it arrives, both ways.
        let (of_one, of_two) = (one.handle.clone(), two.handle.clone());
        for (from, to, at) in [(of_one, doubled, &mut two), (of_two, single, &mut one)] {
            let frame = Bytes::from_static(b"after");
            let arrives = async {
                loop {
                    // A link that is down takes nothing, and is tried again.
                    let _ = from.send(key(to), Channel::Votes, frame.clone());
                    let heard = tokio::time::timeout(Duration::from_millis(100), at.message()).await;
                    if heard.is_ok_and(|(_, _, heard)| heard == frame) {
                        return;
                    }
                }
            };
            tokio::time::timeout(HEALED, arrives)
                .await
                .expect("a link that works");
        }
    }
}

/// Two processes with one key that both go on: their peer notices it, and so does each of the two.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_two_processes_use_is_noticed_by_the_peer_and_by_its_owner() {
    // Where the peer chooses the link the two take turns; where they choose, the later one stays linked.
    for (single, doubled) in [(1, 2), (2, 1)] {
        let (one, two) = pair_of(config(single, vec![member(doubled)]), config(doubled, vec![])).await;
        let copy = node(config(doubled, vec![at(single, one.address())])).await;
        let of_one = || one.handle.peers().remove(0);
        let of_two = || two.handle.peers().remove(0);
        let noticed = async {
            while !of_one().key_doubled || !of_two().own_key_doubled {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(2 * PATIENCE, noticed)
            .await
            .expect("both notice it");
        assert!(!of_one().own_key_doubled && !of_two().key_doubled);
        drop(copy);
    }
}

/// A process that is started again and again, as under a supervisor, is one process.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_one_process_after_the_other_uses_is_not_taken_for_doubled() {
    for (single, restarted) in [(1, 2), (2, 1)] {
        let mut one = node(config(single, vec![member(restarted)])).await;
        for _ in 0..6 {
            let mut two = node(config(restarted, vec![at(single, one.address())])).await;
            one.connected(restarted).await;
            two.connected(single).await;
            two.handle.shutdown().await;
            one.disconnected(restarted).await;
            let peer = one.handle.peers().remove(0);
            assert!(!peer.key_doubled && !peer.own_key_doubled);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_said_so() {
    let one = node(config(1, vec![])).await;
    let mut second = config(2, vec![]);
    second.listen = vec![one.address()];
    match start(second.clone()).await {
        Err(NetworkError::PortInUse { address }) => assert_eq!(address, one.address()),
        other => panic!("{other:?}"),
    }
    one.handle.shutdown().await;
    let (handle, _events) = start(second).await.unwrap();
    handle.shutdown().await;

    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut third = config(3, vec![]);
    third.listen = vec![format!(
        "/ip4/127.0.0.1/tcp/{}",
        other.local_addr().unwrap().port()
    )];
    assert!(matches!(start(third).await, Err(NetworkError::PortInUse { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_addresses_and_keys_are_refused_at_the_start() {
    let mut bad = config(1, vec![]);
    bad.listen = vec!["localhost:9100".to_owned()];
    assert!(matches!(start(bad).await, Err(NetworkError::Address { .. })));
    assert!(matches!(
        start(config(1, vec![at(2, "/ip4/10.0.0.1")])).await,
        Err(NetworkError::Address { .. })
    ));
    let mut no_point = member(2);
    no_point.key = (0..=255u8)
        .map(|byte| quorate_network::PeerKey([byte; 32]))
        .find(|key| start_error_is_key(*key))
        .unwrap();
    assert!(matches!(
        start(config(1, vec![no_point])).await,
        Err(NetworkError::MemberKey { .. })
    ));
}

fn start_error_is_key(key: quorate_network::PeerKey) -> bool {
    libp2p::identity::ed25519::PublicKey::try_from_bytes(&key.0).is_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_at_a_members_address_is_named() {
    let other = node(config(5, vec![member(1)])).await;
    let one = node(config(1, vec![at(2, other.address())])).await;
    let told = async {
        loop {
            if let Some(error) = one.handle.peers().remove(0).last_error {
                return error;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let told = tokio::time::timeout(crate::common::PATIENCE, told).await.unwrap();
    assert!(
        told.contains("there is another node") && told.contains(&key(5).to_string()),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_different_program_version_is_shown_and_no_obstacle() {
    let mut first = config(1, vec![member(2)]);
    first.software = "quorate/0.9.0".to_owned();
    let (_one, two) = pair_of(first, config(2, vec![])).await;
    assert_eq!(
        two.handle.peers().remove(0).link.unwrap().software,
        "quorate/0.9.0"
    );
}
