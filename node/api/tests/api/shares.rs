//! What clients may take of a node, and what each address of it. Mostly over real sockets, as it is the socket that
//! tells clients apart.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderName, HeaderValue, Request};
use quorate_api::{ApiConfig, Bound, Bounds, ClientAddress, Node, client_router, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use tower::ServiceExt as _;

use crate::fake::{Fake, GENESIS_TIME};
use crate::story::{self, payment};
use crate::web::{Answer, get, router, send, with_config};

/// Longer than anything takes that works, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);

/// The bytes of a request's head that the node takes.
const MAX_HEAD: usize = 32 << 10;

/// A node in memory that is served as it is shipped; it stops when this is dropped.
struct Served {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

async fn served() -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let node: Arc<dyn Node> = story::fake();
    let router = client_router(node, ApiConfig::default());
    let stopped = async { drop(stopped.await) };
    tokio::spawn(serve(listener, router, stopped, Bounds::default()));
    Served { address, _stop: stop }
}

impl Served {
    /// A connection of the client at 127.0.0.`last`.
    async fn client(&self, last: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// A connection of that client on which it asks for events, and the status that it is answered with.
    async fn events(&self, last: u8) -> (TcpStream, String) {
        let mut stream = self.client(last).await;
        let request = b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut line = [0; 12];
        let answered = timeout(PATIENCE, stream.read_exact(&mut line)).await;
        answered.expect("an answer in time").unwrap();
        let status = String::from_utf8_lossy(&line[9..]).into_owned();
        (stream, status)
    }

    /// What the node answers to these bytes, after which nothing more comes, until it closes the connection.
    async fn answer(&self, bytes: &[u8]) -> String {
        let mut stream = self.client(1).await;
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let answered = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        answered.expect("an answer in time").unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

#[tokio::test]
async fn a_head_is_read_up_to_its_bound_and_refused_there_though_it_goes_on() {
    let served = served().await;
    let head = |length: usize, end: &[u8]| {
        let mut head = b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nLong: ".to_vec();
        head.resize(length - end.len(), b'a');
        head.extend_from_slice(end);
        head
    };
    let answer = served.answer(&head(MAX_HEAD - 1, b"\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = served.answer(&head(MAX_HEAD, b"")).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_asked_is_closed() {
    let served = served().await;
    for said in ["", "GET /v1/status HTTP/1.1\r\nHost: local"] {
        let mut stream = served.client(1).await;
        stream.write_all(said.as_bytes()).await.unwrap();
        // The node has taken it by the end of this. What is left are deadlines, and a clock that is stopped goes on to
        // the next one whenever nothing else is to be done.
        tokio::time::sleep(Duration::from_millis(200)).await;
        tokio::time::pause();
        let began = Instant::now();
        let mut answer = Vec::new();
        // That it is closed with an error is as good.
        let closed = timeout(Duration::from_secs(65), stream.read_to_end(&mut answer)).await;
        let waited = began.elapsed();
        tokio::time::resume();
        assert!(closed.is_ok(), "{said}");
        assert!(waited > Duration::from_secs(35), "{said}: {waited:?}");
    }
}

#[tokio::test]
async fn case_19_one_address_takes_its_share_of_event_streams_and_another_still_gets_one() {
    let served = served().await;
    let mut held = Vec::new();
    for _ in 0..256 {
        let (stream, status) = served.events(1).await;
        if status == "200" {
            held.push(stream);
        } else {
            assert_eq!(status, "503");
        }
    }
    assert_eq!(held.len(), ApiConfig::default().max_streams.each);
    assert_eq!(served.events(2).await.1, "200");
    drop(held.pop());
    let again = async {
        // The node learns of a closed connection when it next looks.
        while served.events(1).await.1 != "200" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, again).await.expect("its place is free again");
}

#[tokio::test]
async fn answers_that_nobody_reads_are_bounded_by_their_bytes_for_an_address_and_for_all() {
    const PATH: &str = "/v1/blocks/1";
    let fake = Fake::new();
    let transactions = (0..400_u32).map(|place| {
        let salt = u8::try_from(place % 200).unwrap();
        payment(10, 11, u128::from(place + 1), salt, "")
    });
    fake.commit(transactions.collect(), GENESIS_TIME + 1);
    let size = get(&router(&fake), PATH).await.body.len();
    assert!(size > 16 << 10, "{size}");
    let config = ApiConfig {
        max_answer_bytes_total: Bound::of(3 * size, 2 * size),
        ..ApiConfig::default()
    };
    let router = with_config(&fake, config);
    let ask = async |last: u8, path: &str| {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        let client = ClientAddress::of(IpAddr::from([192, 0, 2, last]));
        request.extensions_mut().insert(client);
        router.clone().oneshot(request).await.unwrap()
    };
    let (first, second) = (ask(1, PATH).await, ask(1, PATH).await);
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 200));
    assert_eq!(ask(1, PATH).await.status(), 503);
    assert_eq!(ask(1, "/v1/status").await.status(), 200);
    let third = ask(2, PATH).await;
    assert_eq!(third.status(), 200);
    assert_eq!(ask(3, PATH).await.status(), 503);
    // Room is given back by an answer that was read, and by one that was given up.
    let read = to_bytes(first.into_body(), usize::MAX).await.unwrap();
    assert_eq!(read.len(), size);
    assert_eq!(ask(3, PATH).await.status(), 200);
    drop(second);
    let (again, more) = (ask(1, PATH).await, ask(1, PATH).await);
    assert_eq!((again.status().as_u16(), more.status().as_u16()), (200, 200));
}

/// An answer counts once it is there: as many blocks as anybody may read would be there before.
#[tokio::test]
async fn so_many_blocks_are_read_as_bytes_at_once_and_no_more() {
    let fake = story::fake();
    *fake.blocks.takes.lock().unwrap() = Duration::from_millis(50);
    let router = router(&fake);
    let Bound { all, each } = ApiConfig::default().max_blocks;
    let block = |last| {
        ask_as(
            &router,
            last,
            "/v1/blocks/3",
            &[("accept", "application/octet-stream")],
        )
    };
    let alone = futures::future::join_all((0..12).map(|_| block(1))).await;
    assert!(alone.iter().all(|answer| answer.status == 200));
    let most = fake.blocks.most_at_once();
    assert!((2..=each).contains(&most), "{most}");
    let many = futures::future::join_all((1..=24).map(block)).await;
    assert!(many.iter().all(|answer| answer.status == 200));
    let most = fake.blocks.most_at_once();
    assert!((2..=all).contains(&most), "{most}");
}

/// Packing has no turn of its own.
#[tokio::test]
async fn what_is_long_or_no_text_is_not_packed() {
    let fake = story::fake();
    let router = router(&fake);
    let packed = [("accept-encoding", "gzip")];
    let encoding = |answer: &Answer| answer.header("content-encoding").map(str::to_owned);
    let page = ask_as(&router, 1, "/v1/blocks", &packed).await;
    assert_eq!(encoding(&page).as_deref(), Some("gzip"));
    let bytes = [packed[0], ("accept", "application/octet-stream")];
    let block = ask_as(&router, 1, "/v1/blocks/3", &bytes).await;
    assert_eq!((block.status.as_u16(), encoding(&block)), (200, None));
    for (length, expected) in [(4 << 20, Some("gzip")), ((4 << 20) + 1, None)] {
        let proof = "a".repeat(length);
        fake.proofs.answers.lock().unwrap().push_back(Ok(proof));
        let answer = ask_as(&router, 1, "/v1/proofs/committees", &packed).await;
        assert_eq!(answer.status, 200);
        assert_eq!(encoding(&answer).as_deref(), expected, "{length}");
    }
}

async fn ask_as(router: &Router, last: u8, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request
            .headers_mut()
            .insert(name, HeaderValue::from_str(value).unwrap());
    }
    let client = ClientAddress::of(IpAddr::from([192, 0, 2, last]));
    request.extensions_mut().insert(client);
    send(router, request).await
}
