//! Serving a router on a listener, with what keeps slow, silent and lingering clients from holding it.
//!
//! Connections are bounded, all together and for each address. One on which nothing is asked for a while is closed,
//! from its first moment on; so is one whose client reads nothing of an answer. Once told to stop, open event streams
//! and waits get a grace before they are cut.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use axum::response::Response;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt as _;

use crate::activity::{Activity, Patience};
use crate::shares::{ClientAddress, Shares};

/// How long a connection is kept of which nothing comes; the head of a request may take as long as the pause between
/// calls. Clients of ours give up connections that they do not use after 30 s.
const PATIENCE: Patience = Patience {
    silent: Duration::from_secs(40),
    idle: Duration::from_secs(60),
    unread: Duration::from_secs(20),
};

/// How long what is under way may go on where the other end was waited for long enough.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Bytes of a request's head.
const MAX_HEAD: usize = 32 << 10;

/// Requests of one HTTP/2 connection that may be under way.
const MAX_STREAMS: u32 = 128;

/// The pause after the system refused to accept, as when no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What clients may take of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connections at a time; what is beyond is closed at once.
    pub connections: usize,
    /// Of one address.
    pub of_address: usize,
    /// How long calls that are under way may go on after it was told to stop.
    pub grace: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 4_096,
            of_address: 1_024,
            grace: Duration::from_secs(1),
        }
    }
}

/// Serves until `stop` resolves; then takes no more calls and gives those under way their grace.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>, bounds: Bounds) {
    let shares = Shares::new(bounds.connections, bounds.of_address);
    let (stopping, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        let Ok((socket, address)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let client = ClientAddress::of(address.ip());
        // Closed at once and not left to wait: whoever it is can tell, and those behind it come through.
        let Some(share) = shares.take(client, 1) else {
            continue;
        };
        let (router, stopped) = (router.clone(), stopped.clone());
        connections.spawn(async move {
            let _share = share;
            carry(socket, client, router, stopped).await;
        });
    }
    drop(listener);
    stopping.send_replace(true);
    let finished = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(bounds.grace, finished).await.is_err() {
        connections.shutdown().await;
    }
}

/// One connection, from its first byte to its last.
async fn carry(socket: TcpStream, client: ClientAddress, router: Router, mut stopped: watch::Receiver<bool>) {
    // Small answers must not wait for a full segment.
    let _ = socket.set_nodelay(true);
    let activity = Arc::new(Activity::new());
    let service = {
        let activity = Arc::clone(&activity);
        hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let (router, busy) = (router.clone(), Activity::begin(&activity));
            async move {
                let mut request: Request = request.map(axum::body::Body::new);
                request.extensions_mut().insert(client);
                if let Some(plain) = plain(request.uri()) {
                    *request.uri_mut() = plain;
                }
                let response: Result<Response, _> = router.oneshot(request).await;
                // The call is under way until its answer has left.
                response.map(|response| response.map(|body| busy.around(body)))
            }
        })
    };
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE.idle)
        .max_buf_size(MAX_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PATIENCE.idle)
        .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
        .max_concurrent_streams(MAX_STREAMS);
    let mut patient = TimeoutStream::new(socket);
    patient.set_write_timeout(Some(PATIENCE.unread));
    let connection = builder.serve_connection(TokioIo::new(Box::pin(patient)), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // What a client did to its connection is no news to the node.
        _ = connection.as_mut() => {}
        () = activity.over(PATIENCE) => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(LAST_WORDS, connection).await;
        }
        () = async { drop(stopped.wait_for(|stopping| *stopping).await) } => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// The path as it is meant where something in between has put slashes together: `//v1/status/` is `/v1/status`.
fn plain(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if !path.contains("//") && (path == "/" || !path.ends_with('/')) {
        return None;
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("/{}{query}", parts.join("/")).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_too_many_change_nothing() {
        let of = |text: &str| plain(&text.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(of("//v1/status/?a=//").unwrap(), "/v1/status?a=//");
        assert_eq!(of("http://host:1/v1//blocks").unwrap(), "/v1/blocks");
        assert_eq!(of("//").unwrap(), "/");
        for as_it_is in ["/", "/v1/status", "/v1/status?a=b/"] {
            assert_eq!(of(as_it_is), None);
        }
    }
}
