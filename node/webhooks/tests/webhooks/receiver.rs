//! A receiver of posts on loopback, which answers as it is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// How long a post is waited for that has to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the receiver shares with the node.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A post whose signature fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Post {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) body: String,
}

impl Post {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The transaction's place in the log.
    pub(crate) fn ordinal(&self) -> u64 {
        self.json()["ordinal"].as_u64().unwrap()
    }
}

/// An answer: its status, and a header.
pub(crate) type Reply = (u16, Option<(&'static str, String)>);

type Answering = Box<dyn FnMut(&Post) -> Reply + Send>;

#[derive(Clone)]
struct Inbox {
    posts: mpsc::UnboundedSender<Post>,
    answering: Arc<Mutex<Answering>>,
}

/// It ends with the test's runtime.
pub(crate) struct Receiver {
    pub(crate) url: String,
    posts: mpsc::UnboundedReceiver<Post>,
    answering: Arc<Mutex<Answering>>,
}

impl Receiver {
    /// Listens, and answers so.
    pub(crate) async fn answering(answer: impl FnMut(&Post) -> Reply + Send + 'static) -> Self {
        let (sender, posts) = mpsc::unbounded_channel();
        let answering: Arc<Mutex<Answering>> = Arc::new(Mutex::new(Box::new(answer)));
        let inbox = Inbox {
            posts: sender,
            answering: Arc::clone(&answering),
        };
        let router = Router::new().route("/in", post(receive)).with_state(inbox);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            posts,
            answering,
        }
    }

    /// One that takes everything.
    pub(crate) async fn taking() -> Self {
        Self::answering(|_| (204, None)).await
    }

    /// From now on answers so.
    pub(crate) fn answer(&self, answer: impl FnMut(&Post) -> Reply + Send + 'static) {
        *self.answering.lock().unwrap() = Box::new(answer);
    }

    /// The next post.
    pub(crate) async fn next(&mut self) -> Post {
        let next = tokio::time::timeout(PATIENCE, self.posts.recv()).await;
        next.expect("a post has to come").expect("the receiver runs")
    }

    /// So many.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<Post> {
        let mut posts = Vec::new();
        while posts.len() < count {
            posts.push(self.next().await);
        }
        posts
    }

    /// All up to the one of this ordinal, without the copies of one that come one after the other.
    pub(crate) async fn take_until(&mut self, ordinal: u64) -> Vec<Post> {
        let mut posts = Vec::new();
        while posts.last().is_none_or(|post: &Post| post.ordinal() != ordinal) {
            posts.push(self.next().await);
        }
        posts.dedup();
        posts
    }

    /// What has come and was not looked at.
    pub(crate) fn rest(&mut self) -> Vec<Post> {
        let mut posts = Vec::new();
        while let Ok(post) = self.posts.try_recv() {
            posts.push(post);
        }
        posts
    }
}

async fn receive(State(inbox): State<Inbox>, headers: HeaderMap, body: String) -> (StatusCode, HeaderMap) {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/json");
    let (id, time) = (header("webhook-id"), header("webhook-timestamp"));
    let secret = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let mut code = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
    code.update(format!("{id}.{time}.{body}").as_bytes());
    let expected = format!("v1,{}", STANDARD.encode(code.finalize().into_bytes()));
    assert_eq!(header("webhook-signature"), expected);
    let post = Post {
        id,
        kind: header("quorate-event"),
        body,
    };
    let (status, named) = {
        let mut answering = inbox.answering.lock().unwrap();
        (*answering)(&post)
    };
    // The test may have ended.
    let _ = inbox.posts.send(post);
    let named = named.map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
    (StatusCode::from_u16(status).unwrap(), named.into_iter().collect())
}
