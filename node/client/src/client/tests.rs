//! What is made of answers that are no node's.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use super::calls::JSON;
use super::*;

/// Answers every call with this, as long as the test runs; gives its URL.
fn answering(status: &'static str, kind: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 2 {
                if let Some(told) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = told.trim().parse().unwrap();
                }
                line.clear();
            }
            reader.read_exact(&mut vec![0; length]).unwrap();
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            (&stream).write_all(answer.as_bytes()).unwrap();
        }
    });
    format!("http://{address}")
}

const PAGE: &str = "<html><body><h1>It did not answer</h1></body></html>";

/// A transaction as far as a proxy knows.
fn sent() -> Bytes {
    Bytes::from_static(b"signed")
}

const PROXYS: [&str; 4] = [
    "502 Bad Gateway",
    "503 Service Unavailable",
    "504 Gateway Timeout",
    "520 ",
];

#[tokio::test]
async fn what_a_proxy_answers_for_a_node_is_no_answer() {
    for status in PROXYS {
        let url = answering(status, "text/html", PAGE);
        let client = Client::new([&url]).unwrap();
        let Err(ClientError::Unreachable { reason }) = client.status().await else {
            panic!("{status}: a page is no answer");
        };
        let (code, _) = status.split_once(' ').unwrap();
        let said = format!("{url}/: a proxy before it answers {code}");
        assert!(reason.starts_with(&said), "{reason}");
        // It may have passed on what was sent.
        let submitted = client.submit(sent(), Wait::Admitted).await;
        assert!(
            matches!(submitted, Err(ClientError::Unknown { .. })),
            "{submitted:?}"
        );
    }
    // So is JSON that is no problem document.
    let url = answering("502 Bad Gateway", JSON, "{\"message\":\"upstream\"}");
    let status = Client::new([url]).unwrap().status().await;
    assert!(
        matches!(status, Err(ClientError::Unreachable { .. })),
        "{status:?}"
    );
}

#[tokio::test]
async fn behind_a_proxy_that_fails_the_next_node_is_asked() {
    let good = answering("200 OK", JSON, "{\"evidence\":[]}");
    for status in PROXYS {
        let bad = answering(status, "text/html", PAGE);
        let client = Client::new([&bad, &good]).unwrap();
        assert!(client.evidence().await.unwrap().evidence.is_empty());
        assert_eq!(client.answering(), format!("{good}/"));
    }
}

/// A node says itself why it does not take what was sent.
#[tokio::test]
async fn what_a_node_says_is_not_taken_for_a_proxys_word() {
    const BUSY: &str = r#"{"type":"about:blank#overloaded","title":"The node is overloaded","status":503,
        "detail":"the node has as many calls under way as it takes","code":"overloaded"}"#;
    let url = answering("503 Service Unavailable", "application/problem+json", BUSY);
    let client = Client::new([url]).unwrap();
    let submitted = client.submit(sent(), Wait::Admitted).await;
    let Err(ClientError::Busy { detail, .. }) = submitted else {
        panic!("{submitted:?}");
    };
    assert!(detail.contains("as many calls"), "{detail}");
}

#[tokio::test]
async fn a_page_where_json_was_asked_for_is_told_in_words() {
    let url = answering("200 OK", "text/html; charset=utf-8", PAGE);
    let client = Client::new([url]).unwrap();
    let Err(error) = client.status().await else {
        panic!("a page is no status");
    };
    let said = error.to_string();
    assert!(said.contains("text/html came where JSON was asked for"), "{said}");
    assert!(!said.contains("line 1"), "{said}");
}
