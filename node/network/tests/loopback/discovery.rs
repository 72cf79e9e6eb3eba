//! Members that are not told of each other's addresses find them.

use std::time::Duration;

use quorate_network::{Channel, NetworkEvent};

use crate::common::{PATIENCE, at, config, key, member, node, number_of, numbered};

#[tokio::test(flavor = "multi_thread")]
async fn members_find_each_other_through_one_that_both_know() {
    let with_kademlia = |seed, peers| {
        let mut config = config(seed, peers);
        config.kademlia = true;
        config
    };
    let mut hub = node(with_kademlia(1, vec![member(2), member(3)])).await;
    let mut two = node(with_kademlia(2, vec![at(1, hub.address()), member(3)])).await;
    let mut three = node(with_kademlia(3, vec![at(1, hub.address()), member(2)])).await;
    hub.until(|event| matches!(event, NetworkEvent::Connected { .. }))
        .await;
    two.connected(3).await;
    three.connected(2).await;
    two.push(3, Channel::Votes, numbered(5, 4)).await;
    assert_eq!(number_of(&three.message().await.2), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_kademlia_and_addresses_they_do_not() {
    let hub = node(config(1, vec![member(2), member(3)])).await;
    let mut two = node(config(2, vec![at(1, hub.address()), member(3)])).await;
    let three = node(config(3, vec![at(1, hub.address()), member(2)])).await;
    two.connected(1).await;
    two.never(Duration::from_secs(2), |event| {
        matches!(event, NetworkEvent::Connected { .. })
    })
    .await;
    let unknown = two
        .handle
        .peers()
        .into_iter()
        .find(|peer| peer.key == key(3))
        .unwrap();
    assert_eq!(unknown.last_error.unwrap(), "no address is known");
    drop(three);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_address_is_what_others_learn() {
    // Node 1 says of itself that it is reached at a port where a relay listens.
    let relay = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let external = format!("/ip4/127.0.0.1/tcp/{}", relay.local_addr().unwrap().port());
    let mut first = config(1, vec![member(2)]);
    first.external = vec![external];
    let mut one = node(first).await;
    let mut two = node(config(2, vec![at(1, one.address())])).await;
    one.connected(2).await;
    two.connected(1).await;
    // Time for identify, which goes both ways as soon as there is a connection.
    tokio::time::sleep(Duration::from_millis(500)).await;
    one.handle.shutdown().await;
    two.disconnected(1).await;
    // Node 1's own port is closed now; node 2 dials the relay's too.
    tokio::time::timeout(PATIENCE, relay.accept())
        .await
        .unwrap()
        .unwrap();
}
