//! A node that is asked over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use futures::stream;
use quorate_client::Client;
use quorate_witness::{NodeSource, Source};
use tokio::net::TcpListener;

const MIB: usize = 1 << 20;

#[tokio::test]
async fn no_more_of_a_proof_of_committees_is_read_than_one_may_have() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let endless = move || {
        let counted = Arc::clone(&counted);
        let chunks = stream::repeat_with(move || {
            counted.fetch_add(MIB, Ordering::Relaxed);
            Ok::<_, std::io::Error>(Bytes::from(vec![b'A'; MIB]))
        });
        async move { Body::from_stream(chunks) }
    };
    let router = Router::new().route("/v1/proofs/committees", get(endless));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let client = Client::new([&url]).unwrap();
    NodeSource::new(url, client).committees().await.unwrap_err();
    serving.abort();
    // What is on its way when the client hangs up comes on top.
    let sent = sent.load(Ordering::Relaxed);
    assert!((44 * MIB..80 * MIB).contains(&sent), "{sent}");
}
