//! The event stream: order, resumption, filters.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures::StreamExt as _;
use quorate_api::{ApiConfig, Bound};
use quorate_client::{Frame, SseParser};
use tower::ServiceExt as _;

use crate::fake::{Fake, GENESIS_TIME, wallet};
use crate::story::{self, payment};
use crate::web::{get, router, with_config};

struct Stream {
    body: BodyDataStream,
    parser: SseParser,
    ready: Vec<Frame>,
}

impl Stream {
    async fn open(router: &Router, path: &str, last: Option<&str>) -> Self {
        let mut request = Request::get(path);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = router
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.into_body().into_data_stream(),
            parser: SseParser::default(),
            ready: Vec::new(),
        }
    }

    async fn next(&mut self) -> Frame {
        while self.ready.is_empty() {
            let chunk = self.body.next().await.expect("the stream is open").unwrap();
            self.ready = self.parser.push(&chunk).unwrap();
        }
        self.ready.remove(0)
    }

    /// Ids of events up to the one with id `end`, with the first letter of their type.
    async fn ids_until(&mut self, end: &str) -> Vec<String> {
        let mut ids = Vec::new();
        while ids.last().is_none_or(|last: &String| last[1..] != *end) {
            let frame = self.next().await;
            ids.push(format!("{}{}", &frame.event[..1], frame.id.unwrap()));
        }
        ids
    }
}

fn grow(fake: &Arc<Fake>) {
    fake.commit(
        vec![payment(10, 11, 1, 200, ""), payment(10, 12, 1, 200, "")],
        GENESIS_TIME + 3_600_000,
    );
}

#[tokio::test]
async fn a_new_stream_begins_with_what_comes_next() {
    let fake = story::fake();
    let mut stream = Stream::open(&router(&fake), "/v1/events", None).await;
    grow(&fake);
    assert_eq!(stream.ids_until("9").await, ["t9.0", "t9.1", "b9"]);
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_seen() {
    let router = router(&story::fake());
    for (last, expected) in [
        ("5", vec!["t6.0", "t6.1", "t6.2", "b6"]),
        ("6.0", vec!["t6.1", "t6.2", "b6"]),
        ("6.2", vec!["b6"]),
    ] {
        let mut stream = Stream::open(&router, "/v1/events", Some(last)).await;
        assert_eq!(stream.ids_until("6").await, expected, "after {last}");
        let by_query = format!("/v1/events?last_event_id={last}");
        let mut stream = Stream::open(&router, &by_query, None).await;
        assert_eq!(stream.ids_until("6").await, expected, "after {last} by query");
    }
}

#[tokio::test]
async fn events_carry_the_documents_of_the_reading_calls() {
    let router = router(&story::fake());
    let mut stream = Stream::open(&router, "/v1/events", Some("6.1")).await;
    for expected in ["transaction", "block"] {
        let frame = stream.next().await;
        assert_eq!(frame.event, expected);
        let mut data: serde_json::Value = serde_json::from_str(&frame.data).unwrap();
        assert!(data.as_object_mut().unwrap().remove("log_from").is_some());
        let path = match expected {
            "block" => "/v1/blocks/6".to_owned(),
            _ => format!("/v1/transactions/{}", data["id"].as_str().unwrap()),
        };
        assert_eq!(data, get(&router, &path).await.json());
    }
}

#[tokio::test]
async fn filters_leave_out_what_was_not_asked_for() {
    let router = router(&story::fake());
    let mut blocks = Stream::open(&router, "/v1/events?types=block", Some("0")).await;
    assert_eq!(
        blocks.ids_until("8").await,
        ["b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8"]
    );
    let path = format!("/v1/events?types=transaction&account={}", wallet(13));
    let mut concerned = Stream::open(&router, &path, Some("0")).await;
    assert_eq!(concerned.ids_until("4.0").await, ["t2.0", "t3.1", "t4.0"]);
}

#[tokio::test]
async fn a_stream_is_filtered_by_asset_and_kind_as_lists_are() {
    let router = router(&story::fake());
    for filter in ["asset=CO2", "kind=mint", "kind=transfer&asset=CO2", "asset=QRT"] {
        let path = format!("/v1/events?types=transaction&{filter}");
        let listed = get(&router, &format!("/v1/transactions?{filter}")).await.json();
        let mut listed: Vec<String> = listed["transactions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|listed| format!("t{}.{}", listed["height"], listed["index"]))
            .collect();
        listed.reverse();
        let last = listed.last().expect("the story has some")[1..].to_owned();
        let mut stream = Stream::open(&router, &path, Some("0")).await;
        assert_eq!(stream.ids_until(&last).await, listed, "{filter}");
    }
    let path = format!("/v1/events?account={}&asset=CO2", wallet(13));
    let mut both = Stream::open(&router, &path, Some("0")).await;
    let ids = both.ids_until("8").await;
    let transactions: Vec<&String> = ids.iter().filter(|id| id.starts_with('t')).collect();
    assert_eq!(transactions, ["t4.0"]);
}

/// Whatever was asked for, and wherever the stream was opened again, the parts of the log follow each other.
#[tokio::test]
async fn events_speak_for_the_whole_log_without_a_gap() {
    let fake = story::fake();
    let router = router(&fake);
    for (query, events) in [
        ("", 6),
        ("?kind=mint", 6),
        ("?types=transaction", 6),
        ("?types=transaction&asset=CO2", 2),
        ("?types=block", 6),
    ] {
        let path = format!("/v1/events{query}");
        let mut next = 0;
        let mut last = "0".to_owned();
        let mut whole = Stream::open(&router, &path, Some("0")).await;
        for number in 0..events {
            let again = Stream::open(&router, &path, Some(&last)).await.next().await;
            let frame = whole.next().await;
            assert_eq!(frame, again, "{query}, event {number}");
            let data: serde_json::Value = serde_json::from_str(&frame.data).unwrap();
            assert_eq!(data["log_from"], next, "{query}, event {number}");
            next = match frame.event.as_str() {
                "block" => data["log_size"].as_u64().unwrap(),
                _ => data["ordinal"].as_u64().unwrap() + 1,
            };
            last = frame.id.unwrap();
        }
    }
    let mut later = Stream::open(&router, "/v1/events", None).await;
    let size = get(&router, "/v1/blocks/latest").await.json()["log_size"].clone();
    grow(&fake);
    let first: serde_json::Value = serde_json::from_str(&later.next().await.data).unwrap();
    assert_eq!((&first["log_from"], &first["ordinal"]), (&size, &size));
}

#[tokio::test]
async fn a_block_larger_than_a_piece_is_sent_whole_and_in_order() {
    let fake = Fake::new();
    let transactions = (0..600_u32).map(|place| {
        let salt = u8::try_from(place % 200).unwrap();
        payment(10, 11, u128::from(place + 1), salt, "")
    });
    fake.commit(transactions.collect(), GENESIS_TIME + 1);
    let mut stream = Stream::open(&router(&fake), "/v1/events", Some("0")).await;
    let ids = stream.ids_until("1").await;
    let expected: Vec<String> = (0..600)
        .map(|index| format!("t1.{index}"))
        .chain(["b1".to_owned()])
        .collect();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn malformed_requests_for_events_are_refused() {
    let router = router(&story::fake());
    for (query, code) in [
        ("types=blocks", "malformed_types"),
        ("account=qr1x", "malformed_address"),
        ("asset=qrt", "malformed_asset"),
        ("kind=payment", "malformed_kind"),
        ("sender=qr1x", "unknown_parameter"),
        ("last_event_id=1.2.3", "malformed_event_id"),
    ] {
        let answer = get(&router, &format!("/v1/events?{query}")).await;
        assert_eq!(answer.problem(), (400, code.to_owned()));
    }
}

#[tokio::test]
async fn streams_beyond_the_bound_are_refused_until_one_is_closed() {
    let config = ApiConfig {
        max_streams: Bound::of(1, 1),
        ..ApiConfig::default()
    };
    let router = with_config(&story::fake(), config);
    let stream = Stream::open(&router, "/v1/events", None).await;
    assert_eq!(
        get(&router, "/v1/events").await.problem(),
        (503, "overloaded".to_owned())
    );
    drop(stream);
    drop(Stream::open(&router, "/v1/events", None).await);
}

#[tokio::test(start_paused = true)]
async fn an_idle_stream_shows_that_it_is_alive() {
    let config = ApiConfig {
        keep_alive: Duration::from_secs(5),
        ..ApiConfig::default()
    };
    let router = with_config(&story::fake(), config);
    let mut stream = Stream::open(&router, "/v1/events", None).await;
    let chunk = stream.body.next().await.unwrap().unwrap();
    assert!(chunk.starts_with(b":"), "{chunk:?}");
}
