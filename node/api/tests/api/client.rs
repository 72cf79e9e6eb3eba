//! The Rust client against a served API, over real sockets.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use futures::StreamExt as _;
use quorate_api::{ApiConfig, BlockRef, Bounds, Node, Refusal, client_router, serve};
use quorate_client::schema::{BlockEvent, OperationKind, SubmittedStatus, TransactionStatus};
use quorate_client::wallet::TrustedGenesis;
use quorate_client::{Client, ClientError, EventFilter, Page, StreamEvent, TransactionFilter, Wait, When};
use quorate_ledger::{Digest, Height, encode};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::calls::before;
use crate::fake::{Fake, GENESIS_TIME, code, committee, network, wallet};
use crate::story::{self, Identified as _, document, payment};
use crate::web::router;

/// A served fake; it stops when this is dropped.
struct Served {
    url: String,
    _stop: oneshot::Sender<()>,
}

async fn served(fake: &Arc<Fake>) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let node: Arc<dyn Node> = Arc::clone(fake) as _;
    let router = client_router(node, ApiConfig::default());
    let stopped = async { drop(stopped.await) };
    tokio::spawn(serve(listener, router, stopped, grace(100)));
    Served { url, _stop: stop }
}

fn grace(ms: u64) -> Bounds {
    Bounds {
        grace: Duration::from_millis(ms),
        ..Bounds::default()
    }
}

/// An address at which nothing listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn every_reading_method_reads_what_the_api_writes() {
    let served = served(&story::fake()).await;
    let client = Client::new([&served.url]).unwrap();
    reads_everything(&client).await;
    // Each call takes a height to wait for.
    reads_everything(&client.at_least(Height(8))).await;
}

async fn reads_everything(client: &Client) {
    let page = Page::default();
    assert_eq!(client.status().await.unwrap().height, Height(8));
    assert_eq!(client.height().await.unwrap(), Height(8));
    assert_eq!(client.network().await.unwrap().network, network());
    assert!(client.genesis().await.unwrap().contains("nordic-clearing"));
    assert_eq!(client.blocks(&page).await.unwrap().blocks.len(), 8);
    assert_eq!(
        client.block("latest").await.unwrap(),
        client.block("8").await.unwrap()
    );
    let account = client.account(&wallet(11)).await.unwrap();
    assert_eq!((account.threshold, account.signers.len()), (3, 3));
    let history = client
        .account_transactions(&wallet(11), &page)
        .await
        .unwrap()
        .transactions;
    assert_eq!(history.len(), 7);
    assert_eq!(
        client.transaction(&history[0].id).await.unwrap().status,
        TransactionStatus::Committed
    );
    let all = client.transactions(&TransactionFilter::default(), &page).await;
    assert_eq!(all.unwrap().transactions.len(), 13);
    let rare = TransactionFilter {
        account: Some(wallet(12)),
        sender: Some(wallet(12)),
        asset: Some(code("CO2")),
        kind: Some(OperationKind::Burn),
        from: Some("2026-03-01T10:00:00+01:00".parse().unwrap()),
        to: Some(When::Height(Height(8))),
    };
    let rare = client.transactions(&rare, &page).await.unwrap();
    assert_eq!(rare.transactions[0].height, Some(Height(7)));
    assert_eq!((rare.transactions.len(), rare.next), (1, None));
    let first = Page {
        limit: Some(1),
        ..Page::default()
    };
    let first = client.block_transactions("8", &first).await.unwrap();
    assert_eq!(
        first.transactions[0],
        client.transaction(&first.transactions[0].id).await.unwrap()
    );
    let second = Page {
        cursor: first.next,
        ..Page::default()
    };
    let second = client.block_transactions("latest", &second).await.unwrap();
    assert_eq!((second.transactions.len(), second.next), (1, None));
    assert_eq!(client.assets(&page).await.unwrap().assets.len(), 2);
    assert_eq!(client.asset(&code("CO2")).await.unwrap().decimals, 6);
    assert_eq!(
        client.holders(&code("CO2"), &page).await.unwrap().holders.len(),
        2
    );
    assert_eq!(client.record(&document(), &page).await.unwrap().records.len(), 2);
    assert_eq!(client.validators().await.unwrap().validators.len(), 4);
    assert_eq!(client.peers().await.unwrap().peers.len(), 3);
    assert_eq!(client.evidence().await.unwrap().evidence.len(), 1);
    assert_eq!(client.members(&page).await.unwrap().members.len(), 4);
    assert_eq!(client.all_members().await.unwrap().len(), 4);
    assert_eq!(client.member("borealis").await.unwrap().number, 2);
    let proposals = client.proposals(None, None, &page).await.unwrap();
    assert_eq!(proposals.proposals.len(), 0);
    let block = client.certified_block(Height(3)).await.unwrap();
    let bytes = client.certified_block_bytes(Height(3)).await.unwrap();
    assert_eq!(bytes.as_deref(), Some(encode(&block).as_slice()));
    assert_eq!(client.certified_block_bytes(Height(9)).await, Ok(None));
    assert!(
        TrustedGenesis::new(network(), committee())
            .verify_block(Height(3), &block, &before(&router(&story::fake()), 3).await)
            .is_ok()
    );
}

/// An answer has one type on its whole way: what the node says is what a client is given, and nothing is shaped anew in
/// between.
#[tokio::test]
async fn what_a_client_is_given_is_the_very_value_that_the_node_said() {
    let fake = story::fake();
    let served = served(&fake).await;
    let client = Client::new([&served.url]).unwrap();
    assert_eq!(client.status().await.unwrap(), fake.status());
    assert_eq!(client.network().await.unwrap(), fake.network().unwrap());
    assert_eq!(client.validators().await.unwrap(), fake.validators());
    assert_eq!(client.evidence().await.unwrap().evidence, fake.evidence());
    let mut peers = fake.peers();
    peers.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(client.peers().await.unwrap().peers, peers);
    let chain = fake.snapshot().unwrap();
    assert_eq!(
        client.account(&wallet(11)).await.unwrap(),
        chain.account(&wallet(11)).unwrap()
    );
    assert_eq!(
        Some(client.asset(&code("CO2")).await.unwrap()),
        chain.asset(&code("CO2")).unwrap()
    );
    assert_eq!(
        client
            .holders(&code("CO2"), &Page::default())
            .await
            .unwrap()
            .holders,
        chain.holders(&code("CO2"), None, 25).unwrap()
    );
    let records = client.record(&document(), &Page::default()).await.unwrap();
    assert_eq!(records.records, chain.records(&document(), None, 25).unwrap());
    let transactions = client
        .block_transactions("8", &Page::default())
        .await
        .unwrap()
        .transactions;
    assert_eq!(transactions, chain.transactions_at(Height(8), 0, 25).unwrap());
}

#[tokio::test]
async fn errors_have_the_exit_codes_of_the_command_line() {
    let fake = story::fake();
    let served = served(&fake).await;
    let client = Client::new([&served.url]).unwrap();
    let transaction = || encode(&payment(10, 11, 1, 210, "")).into();
    assert_eq!(
        client.transaction(&Digest::ZERO).await.unwrap_err().exit_code(),
        3
    );
    assert_eq!(client.block("nonsense").await.unwrap_err().exit_code(), 2);
    assert_eq!(client.block("../status").await.unwrap_err().exit_code(), 2);
    fake.refuse(Refusal::Expired);
    let refused = client.submit(transaction(), Wait::Admitted).await.unwrap_err();
    assert_eq!(refused.exit_code(), 4);
    assert!(matches!(refused, ClientError::Refused { code, .. } if code == "expired"));
    fake.refuse(Refusal::PoolFull { retry_after_ms: 700 });
    let busy = client.submit(transaction(), Wait::Admitted).await.unwrap_err();
    assert!(matches!(
        busy,
        ClientError::Busy {
            retry_after_ms: 700,
            ..
        }
    ));
    let alone = Client::new([nobody().await]).unwrap();
    assert_eq!(alone.status().await.unwrap_err().exit_code(), 6);
    assert_eq!(
        alone
            .submit(transaction(), Wait::Admitted)
            .await
            .unwrap_err()
            .exit_code(),
        6
    );
    for url in ["nonsense", "ftp://127.0.0.1", "http://127.0.0.1:8100/?x=1"] {
        assert_eq!(Client::new([url]).unwrap_err().exit_code(), 2, "{url}");
    }
    let outlived = client
        .settle(transaction(), Instant::now() + Duration::from_millis(300))
        .await;
    assert_eq!(outlived.unwrap_err().exit_code(), 5);
}

#[tokio::test]
async fn a_node_out_of_reach_is_passed_over() {
    let served = served(&story::fake()).await;
    let client = Client::new([nobody().await, served.url.clone()]).unwrap();
    assert_eq!(client.status().await.unwrap().height, Height(8));
    let id = client
        .submit(encode(&payment(10, 11, 1, 211, "")).into(), Wait::Admitted)
        .await
        .unwrap()
        .id;
    assert_eq!(id, Some(payment(10, 11, 1, 211, "").id()));
}

#[tokio::test]
async fn a_node_that_takes_nothing_is_passed_over() {
    let (closed, open) = (story::fake(), story::fake());
    closed.refuse(Refusal::Unavailable {
        reason: "it is stopping".to_owned(),
    });
    let (first, second) = (served(&closed).await, served(&open).await);
    let client = Client::new([&first.url, &second.url]).unwrap();
    let transaction = payment(10, 11, 1, 212, "");
    let answer = client
        .submit(encode(&transaction).into(), Wait::Admitted)
        .await
        .unwrap();
    assert_eq!(answer.status, SubmittedStatus::Pending);
    assert!(open.pending(&transaction.id()).is_some());
    // It has seen what it does not take: that is another thing than not to have been reached.
    let alone = Client::new([&first.url]).unwrap();
    closed.refuse(Refusal::Unavailable {
        reason: "it is stopping".to_owned(),
    });
    let refused = alone.submit(encode(&transaction).into(), Wait::Admitted).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, ClientError::Busy { .. }), "{refused}");
    assert_eq!(refused.exit_code(), 6);
}

#[tokio::test]
async fn settling_goes_on_over_a_busy_node_to_the_outcome() {
    let fake = story::fake();
    let served = served(&fake).await;
    let client = Client::new([&served.url]).unwrap();
    fake.refuse(Refusal::PoolFull { retry_after_ms: 50 });
    let transaction = payment(10, 11, 1, 213, "");
    let settling = client.settle(
        encode(&transaction).into(),
        Instant::now() + Duration::from_secs(20),
    );
    let (settled, ()) = tokio::join!(settling, async {
        while fake.pending(&transaction.id()).is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        fake.commit_with_pool(vec![], GENESIS_TIME + 3_600_000);
    });
    let settled = settled.unwrap();
    assert_eq!(
        (settled.status, settled.height),
        (SubmittedStatus::Committed, Some(Height(9)))
    );
}

/// A server that reads a request and hangs up without an answer.
async fn hangs_up() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let mut buffer = [0; 4_096];
            socket.readable().await.unwrap();
            let _ = socket.try_read(&mut buffer);
        }
    });
    url
}

#[tokio::test]
async fn a_refusal_after_a_copy_may_have_arrived_elsewhere_is_not_the_last_word() {
    let fake = story::fake();
    let served = served(&fake).await;
    let client = Client::new([hangs_up().await, served.url.clone()]).unwrap();
    let transaction = || encode(&payment(10, 11, 1, 214, "")).into();
    fake.refuse(Refusal::Unauthorised {
        party: wallet(10),
        weight: 0,
        threshold: 1,
    });
    let unsure = client.submit(transaction(), Wait::Admitted).await.unwrap_err();
    assert!(matches!(unsure, ClientError::Unknown { .. }), "{unsure:?}");

    let client = Client::new([hangs_up().await, served.url.clone()]).unwrap();
    fake.refuse(Refusal::Expired);
    let expired = client.submit(transaction(), Wait::Admitted).await.unwrap_err();
    assert!(matches!(expired, ClientError::Refused { .. }), "{expired:?}");

    let client = Client::new([hangs_up().await]).unwrap();
    assert_eq!(
        client
            .submit(transaction(), Wait::Admitted)
            .await
            .unwrap_err()
            .exit_code(),
        5
    );
    assert_eq!(client.status().await.unwrap_err().exit_code(), 6);
}

#[tokio::test]
async fn an_answer_of_any_kind_after_a_copy_may_have_arrived_is_not_the_last_word() {
    let fake = story::fake();
    let served = served(&fake).await;
    let client = Client::new([hangs_up().await, served.url.clone()]).unwrap();
    // The second one is the answer to the second attempt, which begins with this node.
    for _ in 0..2 {
        fake.refuse(Refusal::Malformed {
            reason: "it is cut off".to_owned(),
        });
    }
    let transaction = payment(10, 11, 1, 215, "");
    let deadline = Instant::now() + Duration::from_secs(2);
    let unsure = client.settle(encode(&transaction).into(), deadline).await;
    let unsure = unsure.unwrap_err();
    assert!(matches!(unsure, ClientError::Unknown { .. }), "{unsure:?}");
    assert!(
        fake.pending(&transaction.id()).is_some(),
        "it was sent a third time"
    );
}

#[tokio::test]
async fn many_are_submitted_in_one_call() {
    let served = served(&story::fake()).await;
    let client = Client::new([&served.url]).unwrap();
    let list: Vec<_> = (0..50)
        .map(|salt| encode(&payment(10, 11, 7, salt, "")).into())
        .collect();
    let answers = client.submit_many(&list, Wait::Admitted).await.unwrap();
    assert_eq!(answers.len(), 50);
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == SubmittedStatus::Pending)
    );
}

#[tokio::test]
async fn events_go_on_at_another_node_without_gap_or_repeat() {
    let fake = story::fake();
    let (first, second) = (served(&fake).await, served(&fake).await);
    let client = Client::new([&first.url, &second.url]).unwrap();
    let filter = EventFilter {
        without_transactions: true,
        ..EventFilter::default()
    };
    let mut events = client.events(filter, Some("0".to_owned()));
    let mut heights = Vec::new();
    let mut first = Some(first);
    while heights.len() < 10 {
        let Some(Ok(StreamEvent::Block { block, .. })) = events.next().await else {
            panic!("a block was expected")
        };
        heights.push(block.height.0);
        if heights.len() == 4 {
            drop(first.take());
            fake.commit(vec![], GENESIS_TIME + 3_600_000);
            fake.commit(vec![], GENESIS_TIME + 3_700_000);
        }
    }
    assert_eq!(heights, (1..=10).collect::<Vec<_>>());
}

/// What a filter leaves out is no gap; what a node leaves out is one, and ends the stream.
#[tokio::test]
async fn a_reader_tells_whether_it_was_given_all_that_it_asked_for() {
    let fake = story::fake();
    let served = served(&fake).await;
    let filter = EventFilter {
        asset: Some(code("CO2")),
        kind: Some(OperationKind::Transfer),
        ..EventFilter::default()
    };
    let mut events = Client::new([&served.url])
        .unwrap()
        .events(filter, Some("0".to_owned()));
    let mut transactions = Vec::new();
    loop {
        match events.next().await.unwrap().unwrap() {
            StreamEvent::Transaction { id, .. } => transactions.push(id),
            StreamEvent::Block { block, .. } if block.height.0 == 8 => break,
            StreamEvent::Block { .. } => {}
        }
    }
    assert_eq!(transactions, ["4.0"]);

    let text = |id: &str, block: u64| {
        let block = fake.snapshot().unwrap().block(BlockRef::Height(Height(block)));
        let event = BlockEvent {
            log_from: 0,
            block: block.unwrap().unwrap(),
        };
        let data = serde_json::to_string(&event).unwrap();
        format!("event: block\nid: {id}\ndata: {data}\n\n")
    };
    // The second speaks for the log from 0 on, and the first came to the end of its block.
    let body = format!("{}{}", text("1", 1), text("3", 3));
    let answer = Router::new().route("/v1/events", get(|| async move { body }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, answer).await });
    let mut events = Client::new([&url]).unwrap().events(EventFilter::default(), None);
    assert!(events.next().await.unwrap().is_ok());
    let gap = events.next().await.unwrap().unwrap_err();
    assert!(matches!(gap, ClientError::Protocol { .. }), "{gap}");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_server_told_to_stop_cuts_open_streams_after_its_grace() {
    let fake = story::fake();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let router = client_router(Arc::clone(&fake) as _, ApiConfig::default());
    let stopped = async { drop(stopped.await) };
    let serving = tokio::spawn(serve(listener, router, stopped, grace(200)));
    let client = Client::new([&url]).unwrap();
    let mut events = client.events(EventFilter::default(), Some("0".to_owned()));
    assert!(events.next().await.is_some());
    drop(stop);
    tokio::time::timeout(Duration::from_secs(10), serving)
        .await
        .expect("it stops within the grace")
        .unwrap();
}
