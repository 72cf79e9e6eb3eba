//! Whether anything is under way on a connection, and since when nothing is.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

/// Of one connection.
#[derive(Debug)]
pub(crate) struct Activity(Mutex<Calls>);

#[derive(Debug)]
struct Calls {
    under_way: usize,
    /// When the last one ended, or the connection began.
    quiet_since: Instant,
}

/// A call that is under way until this is dropped.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Activity>);

impl Activity {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Calls {
            under_way: 0,
            quiet_since: Instant::now(),
        }))
    }

    /// A call begins.
    pub(crate) fn begin(activity: &Arc<Self>) -> Busy {
        activity.lock().under_way += 1;
        Busy(Arc::clone(activity))
    }

    /// Waits until nothing has been under way for so long.
    pub(crate) async fn idle_for(&self, time: Duration) {
        loop {
            let until = {
                let calls = self.lock();
                match calls.under_way {
                    0 => calls.quiet_since + time,
                    _ => Instant::now() + time,
                }
            };
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Busy {
    /// The body of an answer, with which the call ends.
    pub(crate) fn around(busy: Self, body: Body) -> Body {
        Body::new(Held { body, _held: busy })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut calls = self.0.lock();
        calls.under_way = calls.under_way.saturating_sub(1);
        calls.quiet_since = Instant::now();
    }
}

/// A body with something that is given back when all of it has left, or when nobody wants the rest.
pub(crate) struct Held<T> {
    pub(crate) body: Body,
    pub(crate) _held: T,
}

impl<T: Send + Unpin> HttpBody for Held<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
