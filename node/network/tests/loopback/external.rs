//! An external address is checked by dialling back (others' nodes were unreachable for the world at an
//! address that nobody had tried).

use std::net::TcpListener;
use std::time::Duration;

use quorate_network::{Channel, NetworkEvent};

use crate::common::{Node, PATIENCE, at, config, key, member, node, number_of, numbered};

fn at_port(port: u16) -> String {
    format!("/ip4/127.0.0.1/tcp/{port}")
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// What node 2 has found of node 1's external address.
async fn found(one: &Node, address: &str) -> Option<String> {
    let found = async {
        loop {
            if let Some(found) = one.handle.external()[address].get(&key(2)) {
                return found.clone();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, found)
        .await
        .expect("an answer in time")
}

/// Node 1 with an external address, and node 2, with a link.
async fn pair_with(listen: String, external: &str) -> (Node, Node) {
    let mut first = config(1, vec![member(2)]);
    first.listen = vec![listen];
    first.external = vec![external.to_owned()];
    let mut one = node(first).await;
    let mut two = node(config(2, vec![at(1, one.address())])).await;
    one.connected(2).await;
    two.connected(1).await;
    (one, two)
}

#[tokio::test(flavor = "multi_thread")]
async fn pitfall_30_a_peer_confirms_an_external_address_and_the_link_stays() {
    let address = at_port(free_port());
    let (mut one, mut two) = pair_with(address.clone(), &address).await;
    assert_eq!(found(&one, &address).await, None);
    two.push(1, Channel::Votes, numbered(7, 4)).await;
    assert_eq!(number_of(&one.message().await.2), 7);
    let second = Duration::from_secs(1);
    two.never(second, |event| matches!(event, NetworkEvent::Disconnected { .. }))
        .await;
    one.never(second, |event| {
        matches!(
            event,
            NetworkEvent::Disconnected { .. } | NetworkEvent::Refused { .. }
        )
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pitfall_30_a_wrong_external_address_is_told() {
    let closed = at_port(free_port());
    let (one, _two) = pair_with(at_port(0), &closed).await;
    let reason = found(&one, &closed).await.expect("nobody listens there");
    assert!(reason.contains("refused"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pitfall_30_another_node_at_the_external_address_does_not_pass_for_this_one() {
    let other = node(config(3, vec![member(2)])).await;
    let (one, _two) = pair_with(at_port(0), &other.address()).await;
    let reason = found(&one, &other.address()).await.expect("it is another's");
    assert!(reason.contains("another node"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_everybody_is_not_dialled() {
    let nowhere = "/ip4/0.0.0.0/tcp/9100";
    let (one, _two) = pair_with(at_port(0), nowhere).await;
    let reason = found(&one, nowhere).await.expect("it is no address to dial");
    assert!(reason.contains("address of nobody"), "{reason}");
}
