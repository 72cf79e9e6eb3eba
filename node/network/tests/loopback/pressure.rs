//! Slow readers, silent peers, floods: what one peer does is not felt by another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use quorate_network::{Channel, Limits, NetworkEvent, Reason, SendError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::common::{Node, PATIENCE, at, config, key, member, node, number_of, numbered, pair};

/// Sends batches to `to` until its queue is full, and stays so.
async fn stuff(handle: &quorate_network::Handle, to: u8) -> u64 {
    let batch = Bytes::from(vec![1; 512 << 10]);
    let mut full_since = None;
    loop {
        match handle.send(key(to), Channel::Batches, batch.clone()) {
            Ok(()) => full_since = None,
            Err(SendError::QueueFull { .. }) => {
                let since = *full_since.get_or_insert_with(Instant::now);
                if since.elapsed() > Duration::from_millis(500) {
                    let info = handle
                        .peers()
                        .into_iter()
                        .find(|peer| peer.key == key(to))
                        .unwrap();
                    return info.batches.sent_bytes;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_does_not_read_delays_nobody_else() {
    let mut one = node(config(1, vec![member(2), member(3)])).await;
    let mut slow = node(config(2, vec![at(1, one.address())])).await;
    let mut quick = node(config(3, vec![at(1, one.address())])).await;
    slow.connected(1).await;
    quick.connected(1).await;
    for _ in 0..2 {
        one.until(|event| matches!(event, NetworkEvent::Connected { .. }))
            .await;
    }
    // Node 2's runtime takes nothing: the sender is held back, and what has left is bounded by the
    // receiver's inbox and window and not by what is sent.
    let left = stuff(&one.handle, 2).await;
    assert!(left < 64 << 20, "{left} bytes left for a peer that does not read");
    for number in 0..500 {
        one.push(3, Channel::Votes, numbered(number, 200)).await;
        one.push(3, Channel::Batches, numbered(number, 20_000)).await;
    }
    let (mut votes, mut batches) = (0, 0);
    while votes < 500 || batches < 500 {
        let (_, channel, frame) = quick.message().await;
        let next = if channel == Channel::Votes {
            &mut votes
        } else {
            &mut batches
        };
        assert_eq!(number_of(&frame), *next);
        *next += 1;
    }
    // And votes to the slow peer do not wait behind its batches.
    one.push(2, Channel::Votes, numbered(77, 4)).await;
    let (_, channel, frame) = loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        if one.handle.peers().iter().all(|peer| peer.votes.queued == 0) {
            tokio::time::sleep(Duration::from_millis(200)).await;
            break slow.message().await;
        }
    };
    assert_eq!((channel, number_of(&frame)), (Channel::Votes, 77));
}

#[tokio::test(flavor = "multi_thread")]
async fn votes_pass_a_backlog_of_batches() {
    let (one, mut two) = pair().await;
    stuff(&one.handle, 2).await;
    let taking = tokio::spawn(async move {
        let (mut batches, mut worst) = (0u32, Duration::ZERO);
        let mut votes = 0;
        while votes < 50 {
            let (_, channel, frame) = two.message().await;
            match channel {
                Channel::Batches => {
                    batches += 1;
                    // A runtime that is busy with batches.
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                Channel::Votes => {
                    let sent = Duration::from_nanos(u64::from_le_bytes(frame[..8].try_into().unwrap()));
                    worst = worst.max(since_start().saturating_sub(sent));
                    votes += 1;
                }
            }
        }
        (batches, worst)
    });
    let start = since_start();
    for _ in 0..50 {
        let now = since_start().as_nanos() as u64;
        one.handle
            .send(key(2), Channel::Votes, Bytes::copy_from_slice(&now.to_le_bytes()))
            .unwrap();
        let _ = one
            .handle
            .send(key(2), Channel::Batches, Bytes::from(vec![1; 512 << 10]));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (batches, worst) = taking.await.unwrap();
    assert!(batches > 10, "{batches}");
    // The backlog alone takes the reader 200 ms and more; a vote waits for a batch or two.
    assert!(
        worst < Duration::from_secs(1),
        "{worst:?} over {:?}",
        since_start() - start
    );
}

fn since_start() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overflow_of_votes_drops_the_oldest_and_keeps_the_newest() {
    let (one, mut two) = pair().await;
    // Votes of a MiB fill the inbox, the window and the queue of a peer that does not read.
    for number in 0..200 {
        one.handle
            .send(key(2), Channel::Votes, numbered(number, 1 << 20))
            .unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(one.handle.peers().remove(0).votes.dropped > 0);
    let mut last = None;
    while last != Some(199) {
        let number = number_of(&two.message().await.2);
        assert!(last < Some(number));
        last = Some(number);
    }
}

/// Passes bytes on between two sockets, or holds them back.
async fn relay(target: String, held: Arc<AtomicBool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((inbound, _)) = listener.accept().await {
            let Ok(outbound) = TcpStream::connect(&target).await else {
                continue;
            };
            let (from, to) = (inbound.into_split(), outbound.into_split());
            for (mut from, mut to) in [(from.0, to.1), (to.0, from.1)] {
                let held = held.clone();
                tokio::spawn(async move {
                    let mut buffer = vec![0; 64 << 10];
                    while let Ok(read) = from.read(&mut buffer).await {
                        while held.load(Ordering::Relaxed) {
                            tokio::time::sleep(Duration::from_millis(10)).await;
                        }
                        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
                            break;
                        }
                    }
                });
            }
        }
    });
    port
}

/// Nodes 1 and 2 with a relay between them; the one of them that is impatient pings often.
async fn pair_over_relay(impatient: u8) -> (Node, Node, Arc<AtomicBool>) {
    let limits = |seed| Limits {
        ping_interval: Duration::from_millis(200),
        ping_timeout: if seed == impatient {
            Duration::from_millis(500)
        } else {
            PATIENCE
        },
        dial_timeout: Duration::from_secs(1),
        ..Limits::default()
    };
    let mut first = config(1, vec![member(2)]);
    first.limits = limits(1);
    let mut one = node(first).await;
    let held = Arc::new(AtomicBool::new(false));
    let target = one.address().replace("/ip4/127.0.0.1/tcp/", "127.0.0.1:");
    let port = relay(target, held.clone()).await;
    let mut second = config(2, vec![at(1, format!("/ip4/127.0.0.1/tcp/{port}"))]);
    second.limits = limits(2);
    let mut two = node(second).await;
    one.connected(2).await;
    two.connected(1).await;
    (one, two, held)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_falls_silent_is_given_up_and_made_again() {
    let (mut one, mut two, held) = pair_over_relay(1).await;
    held.store(true, Ordering::Relaxed);
    assert_eq!(one.disconnected(2).await, Reason::PingTimeout);
    held.store(false, Ordering::Relaxed);
    two.disconnected(1).await;
    one.connected(2).await;
    two.connected(1).await;
    one.push(2, Channel::Votes, numbered(3, 4)).await;
    assert_eq!(number_of(&two.message().await.2), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_link_replaces_one_that_only_the_other_side_knows_to_be_dead() {
    let (mut one, mut two, held) = pair_over_relay(2).await;
    // Time for node 1 to tell its own address, so that node 2 gets by without the relay.
    tokio::time::sleep(Duration::from_millis(500)).await;
    held.store(true, Ordering::Relaxed);
    assert_eq!(two.disconnected(1).await, Reason::PingTimeout);
    two.connected(1).await;
    // Node 1 still waits for an answer on the old link; what it sends before it uses the new one is lost.
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
async fn a_flood_of_connections_does_not_keep_a_member_out() {
    let mut one = node(config(1, vec![member(2)])).await;
    let address = one.address();
    let target = address.replace("/ip4/127.0.0.1/tcp/", "127.0.0.1:");
    // Strangers that connect and say nothing, as many as this process may open.
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(&target).await.unwrap());
    }
    one.until(|event| {
        matches!(
            event,
            NetworkEvent::Refused {
                reason: Reason::TooManyConnections,
                ..
            }
        )
    })
    .await;
    // The node itself dials out whatever comes in, and what is pending times out.
    let mut two = node(config(2, vec![member(1)])).await;
    one.handle.set_members(&[at(2, two.address())]).unwrap();
    one.connected(2).await;
    two.connected(1).await;
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_link_stays_and_is_measured() {
    let mut first = config(1, vec![member(2)]);
    first.limits.ping_interval = Duration::from_millis(100);
    let (mut one, _two) = crate::common::pair_of(first, config(2, vec![])).await;
    one.never(Duration::from_secs(3), |event| {
        matches!(event, NetworkEvent::Disconnected { .. })
    })
    .await;
    let info = one.handle.peers().remove(0);
    assert!(info.rtt.unwrap() < PATIENCE);
}
