//! What is under way on a connection: whether it is over, as nobody asks anything, or as nobody reads what is answered.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

/// An answer leaves in slices of at most so many bytes, so that what is not read of it stays here, and counted.
const SLICE: usize = 16 << 10;

/// How long a connection is kept of which nothing comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Before the first call.
    pub(crate) silent: Duration,
    /// Between calls.
    pub(crate) idle: Duration,
    /// After a slice of an answer, until the next is asked for.
    pub(crate) unread: Duration,
}

/// Of one connection.
#[derive(Debug)]
pub(crate) struct Activity(Mutex<Calls>);

#[derive(Debug)]
struct Calls {
    /// Numbers calls.
    begun: u64,
    under_way: usize,
    /// When the last one ended, or the connection began.
    quiet_since: Instant,
    /// Calls of whose answer a slice was given out and no other asked for since, and when that was.
    unread: BTreeMap<u64, Instant>,
}

/// A call that is under way until this is dropped.
#[derive(Debug)]
pub(crate) struct Busy {
    activity: Arc<Activity>,
    call: u64,
}

impl Activity {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Calls {
            begun: 0,
            under_way: 0,
            quiet_since: Instant::now(),
            unread: BTreeMap::new(),
        }))
    }

    /// A call begins.
    pub(crate) fn begin(activity: &Arc<Self>) -> Busy {
        let mut calls = activity.lock();
        calls.begun += 1;
        calls.under_way += 1;
        Busy {
            activity: Arc::clone(activity),
            call: calls.begun,
        }
    }

    /// Waits until the other end has been waited for long enough. What waits for this node is not counted.
    pub(crate) async fn over(&self, patience: Patience) {
        loop {
            let now = Instant::now();
            let until = {
                let calls = self.lock();
                let quiet = match (calls.begun, calls.under_way) {
                    (0, _) => calls.quiet_since + patience.silent,
                    (_, 0) => calls.quiet_since + patience.idle,
                    // A slice may be given out at any time from now on.
                    (_, _) => now + patience.unread / 4,
                };
                let unread = calls.unread.values().min().map(|since| *since + patience.unread);
                if calls.under_way == 0 && quiet <= now || unread.is_some_and(|until| until <= now) {
                    return;
                }
                quiet.min(unread.unwrap_or(quiet))
            };
            sleep_until(until).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Busy {
    /// The body of an answer, with which the call ends.
    pub(crate) fn around(self, body: Body) -> Body {
        Body::new(Sliced {
            body,
            rest: Bytes::new(),
            busy: self,
        })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut calls = self.activity.lock();
        calls.under_way = calls.under_way.saturating_sub(1);
        calls.unread.remove(&self.call);
        calls.quiet_since = Instant::now();
    }
}

/// A body in slices. It ends, and what it holds is given back, when its last slice is asked for.
struct Sliced {
    body: Body,
    rest: Bytes,
    busy: Busy,
}

impl HttpBody for Sliced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // Whoever asks for more has room for it: the slice before has left.
        self.busy.activity.lock().unread.remove(&self.busy.call);
        if self.rest.is_empty() {
            let frame = match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => frame,
                other => return other,
            };
            match frame.into_data() {
                Ok(data) => self.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let length = self.rest.len().min(SLICE);
        let slice = self.rest.split_to(length);
        let call = self.busy.call;
        self.busy.activity.lock().unread.insert(call, Instant::now());
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let inner = self.body.size_hint();
        let rest = self.rest.len() as u64;
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

/// A body with something that is given back when it is dropped.
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

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    const PATIENCE: Patience = Patience {
        silent: Duration::from_secs(1),
        idle: Duration::from_secs(10),
        unread: Duration::from_secs(4),
    };

    /// After how many seconds the connection is over; none if it is not within a minute.
    async fn over(activity: &Activity) -> Option<u64> {
        let began = Instant::now();
        let waited = tokio::time::timeout(Duration::from_secs(60), activity.over(PATIENCE)).await;
        waited.ok().map(|()| began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_over_when_nobody_asks_and_not_while_this_node_works() {
        let activity = Arc::new(Activity::new());
        assert_eq!(over(&activity).await, Some(1));
        let busy = Activity::begin(&activity);
        assert_eq!(over(&activity).await, None);
        drop(busy);
        assert_eq!(over(&activity).await, Some(10));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_held_until_its_last_slice_is_taken_and_given_up_if_none_is() {
        let activity = Arc::new(Activity::new());
        let mut body = Activity::begin(&activity).around(Body::from(vec![7; 3 * SLICE]));
        assert_eq!(body.size_hint().exact(), Some(3 * SLICE as u64));
        let mut next = async || {
            std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context))
                .await
                .map(|frame| frame.unwrap().into_data().unwrap().len())
        };
        assert_eq!(next().await, Some(SLICE));
        assert_eq!(over(&activity).await, Some(4));
        assert_eq!(next().await, Some(SLICE));
        assert!(!activity.lock().unread.is_empty());
        assert_eq!(next().await, Some(SLICE));
        assert_eq!(next().await, None);
        drop(body);
        assert_eq!(activity.lock().under_way, 0);
        let whole = Activity::begin(&activity).around(Body::from(vec![7; 3 * SLICE + 1]));
        assert_eq!(to_bytes(whole, usize::MAX).await.unwrap().len(), 3 * SLICE + 1);
    }
}
