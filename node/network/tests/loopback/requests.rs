//! Requests and their streamed answers.

use std::time::Duration;

use bytes::Bytes;
use quorate_network::{
    Channel, MAX_SYNC_ANSWER, MAX_SYNC_FRAME, MAX_SYNC_REQUEST, NetworkEvent, Reply, ReplyError, RequestError,
};

use crate::common::{Node, PATIENCE, key, numbered, pair};

async fn request(node: &mut Node) -> (Bytes, Reply) {
    match node
        .until(|event| matches!(event, NetworkEvent::SyncRequest { .. }))
        .await
    {
        NetworkEvent::SyncRequest { request, reply, .. } => (request, reply),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_frame_by_frame_and_then_ends() {
    let (one, mut two) = pair().await;
    let serving = tokio::spawn(async move {
        let (asked, mut reply) = request(&mut two).await;
        assert_eq!(&asked[..], b"blocks 5 to 9");
        for number in 0..20 {
            reply.send(numbered(number, 400_000)).await.unwrap();
        }
        reply.finish().await.unwrap();
        two
    });
    let mut answer = one
        .handle
        .request(key(2), Bytes::from_static(b"blocks 5 to 9"), PATIENCE)
        .await
        .unwrap();
    for number in 0..20 {
        assert_eq!(answer.next().await.unwrap().unwrap(), numbered(number, 400_000));
    }
    assert!(answer.next().await.is_none());
    assert!(answer.next().await.is_none());
    serving.await.unwrap();
    let sync = one.handle.peers().remove(0).sync;
    assert_eq!(
        (sync.sent, sync.received, sync.received_bytes),
        (1, 20, 8_000_000)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_finished_is_an_error() {
    let (one, mut two) = pair().await;
    let mut answer = one
        .handle
        .request(key(2), Bytes::from_static(b"x"), PATIENCE)
        .await
        .unwrap();
    let (_, mut reply) = request(&mut two).await;
    reply.send(Bytes::from_static(b"first")).await.unwrap();
    assert_eq!(answer.next().await.unwrap().unwrap(), "first");
    drop(reply);
    assert!(matches!(
        answer.next().await,
        Some(Err(RequestError::Interrupted(_)))
    ));
    assert!(answer.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_ends_a_request_that_nobody_answers() {
    let (one, mut two) = pair().await;
    let within = Duration::from_millis(200);
    let mut answer = one
        .handle
        .request(key(2), Bytes::from_static(b"x"), within)
        .await
        .unwrap();
    let (_, mut reply) = request(&mut two).await;
    assert_eq!(answer.next().await, Some(Err(RequestError::Deadline)));
    // And the other side learns that its answer is no longer wanted.
    let gone = async { while reply.send(Bytes::from_static(b"late")).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_waits_for_whoever_asked_to_take_it() {
    let (one, mut two) = pair().await;
    let mut answer = one
        .handle
        .request(key(2), Bytes::from_static(b"x"), PATIENCE)
        .await
        .unwrap();
    let (_, mut reply) = request(&mut two).await;
    // Nobody takes frames, so only as many leave as fit on the way.
    let mut sent = 0;
    while tokio::time::timeout(Duration::from_millis(300), reply.send(numbered(sent, 1 << 20)))
        .await
        .is_ok()
    {
        sent += 1;
    }
    assert!(sent < 48, "{sent} frames left");
    for number in 0..sent {
        assert_eq!(answer.next().await.unwrap().unwrap(), numbered(number, 1 << 20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_answers_above_their_bounds_are_refused_before_they_leave() {
    let (one, mut two) = pair().await;
    let long = Bytes::from(vec![0; MAX_SYNC_REQUEST as usize + 1]);
    let refused = one.handle.request(key(2), long, PATIENCE).await.unwrap_err();
    assert!(matches!(
        refused,
        RequestError::TooLarge {
            what: "a request",
            ..
        }
    ));
    let mut answer = one.handle.request(key(2), Bytes::new(), PATIENCE).await.unwrap();
    let (_, mut reply) = request(&mut two).await;
    let size = MAX_SYNC_FRAME as usize + 1;
    assert_eq!(
        reply.send(vec![0; size].into()).await,
        Err(ReplyError::FrameSize { size })
    );
    assert_eq!(
        reply.send(Bytes::new()).await,
        Err(ReplyError::FrameSize { size: 0 })
    );
    let taking = tokio::spawn(async move {
        let mut bytes = 0;
        while let Some(frame) = answer.next().await {
            bytes += frame.unwrap().len() as u64;
        }
        bytes
    });
    let full = Bytes::from(vec![7; MAX_SYNC_FRAME as usize]);
    while reply.room() > 0 {
        let room = usize::try_from(reply.room()).unwrap();
        reply.send(full.slice(..room.min(full.len()))).await.unwrap();
    }
    assert_eq!(
        reply.send(Bytes::from_static(b"x")).await,
        Err(ReplyError::AnswerSize)
    );
    reply.finish().await.unwrap();
    assert_eq!(taking.await.unwrap(), MAX_SYNC_ANSWER);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_requests_are_under_way_at_once() {
    let (one, mut two) = pair().await;
    let mut answers = Vec::new();
    let refused = loop {
        match one
            .handle
            .request(key(2), Bytes::from_static(b"x"), PATIENCE)
            .await
        {
            Ok(answer) => answers.push(answer),
            Err(error) => break error,
        }
    };
    assert_eq!((answers.len(), refused), (4, RequestError::TooManyRequests(4)));
    // One that is given up makes room.
    answers.clear();
    let freed = async {
        while one
            .handle
            .request(key(2), Bytes::from_static(b"again"), PATIENCE)
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.unwrap();
    request(&mut two).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_breaks_ends_the_request_with_it() {
    let (one, mut two) = pair().await;
    let mut answer = one
        .handle
        .request(key(2), Bytes::from_static(b"x"), PATIENCE)
        .await
        .unwrap();
    let (_, _reply) = request(&mut two).await;
    two.handle.deny(&[key(1)]);
    assert!(matches!(
        answer.next().await,
        Some(Err(RequestError::Interrupted(_)))
    ));
    let mut one = one;
    one.disconnected(2).await;
    assert_eq!(
        one.handle
            .request(key(2), Bytes::new(), PATIENCE)
            .await
            .unwrap_err(),
        RequestError::NotConnected(key(2))
    );
    assert_eq!(
        one.handle
            .request(key(9), Bytes::new(), PATIENCE)
            .await
            .unwrap_err(),
        RequestError::UnknownPeer(key(9))
    );
    assert!(one.handle.send(key(2), Channel::Votes, Bytes::new()).is_err());
}
