//! An external address is checked by dialling back (others' nodes were unreachable for the world at an
//! address that nobody had tried).

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use quorate_network::{Channel, Limits, NetworkEvent};

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

/// What every peer is told that was not reached: why, only the log of the node that dialled says. A peer could else
/// find out what listens in networks that it does not reach itself.
const NOT_REACHED: &str = "did not reach this node there";

#[tokio::test(flavor = "multi_thread")]
async fn pitfall_30_a_wrong_external_address_is_told() {
    let closed = at_port(free_port());
    let (one, _two) = pair_with(at_port(0), &closed).await;
    let reason = found(&one, &closed).await.expect("nobody listens there");
    assert!(reason.contains(NOT_REACHED), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pitfall_30_another_node_at_the_external_address_does_not_pass_for_this_one() {
    let other = node(config(3, vec![member(2)])).await;
    let (one, _two) = pair_with(at_port(0), &other.address()).await;
    let reason = found(&one, &other.address()).await.expect("it is another's");
    assert!(reason.contains(NOT_REACHED), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_everybody_is_not_dialled() {
    let nowhere = "/ip4/0.0.0.0/tcp/9100";
    let (one, _two) = pair_with(at_port(0), nowhere).await;
    let reason = found(&one, nowhere).await.expect("it is no address to dial");
    assert!(reason.contains(NOT_REACHED), "{reason}");
}

/// Whatever a dial ends with, the peer is told the same and no sooner than a dial may take.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_does_not_learn_what_a_dial_ended_with() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = node(config(3, vec![member(2)])).await;
    let addresses = [
        at_port(free_port()),
        at_port(silent.local_addr().unwrap().port()),
        other.address(),
        "/ip4/10.11.12.13/tcp/22".to_owned(),
        "/dns4/nobody.invalid/tcp/9100".to_owned(),
    ];
    let mut first = config(1, vec![member(2)]);
    first.external = addresses.to_vec();
    let began = Instant::now();
    let mut one = node(first).await;
    let mut two = node(config(2, vec![at(1, one.address())])).await;
    one.connected(2).await;
    two.connected(1).await;
    let mut told = BTreeSet::new();
    for address in &addresses {
        told.extend(found(&one, address).await);
        assert!(began.elapsed() >= Limits::default().dial_timeout, "{address}");
    }
    assert_eq!(told.len(), 1, "{told:?}");
}

/// A machine other than the one that the link comes from, in a range that is nobody's on the Internet.
#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_that_is_not_on_the_internet_is_not_dialled() {
    let neighbour = tokio::net::TcpListener::bind("127.0.0.2:0").await.unwrap();
    let external = format!("/ip4/127.0.0.2/tcp/{}", neighbour.local_addr().unwrap().port());
    let (one, _two) = pair_with(at_port(0), &external).await;
    let dialled = tokio::select! {
        reason = found(&one, &external) => {
            assert!(reason.expect("it is not dialled").contains(NOT_REACHED));
            false
        }
        _ = neighbour.accept() => true,
    };
    assert!(!dialled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_is_dialled_where_it_is_configured() {
    let listen = format!("/ip4/127.0.0.2/tcp/{}", free_port());
    let mut two = node(config(2, vec![at(1, &listen)])).await;
    // After some dials in vain node 2 pauses for longer than node 1 takes to link from 127.0.0.1.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut first = config(1, vec![at(2, two.address())]);
    first.listen = vec![listen.clone()];
    first.external = vec![listen.clone()];
    let mut one = node(first).await;
    one.connected(2).await;
    two.connected(1).await;
    assert_eq!(found(&one, &listen).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_dialled_at_the_machine_that_the_link_comes_from() {
    let port = free_port();
    let external = format!("/dns4/localhost/tcp/{port}");
    let (one, _two) = pair_with(at_port(port), &external).await;
    assert_eq!(found(&one, &external).await, None);
}
