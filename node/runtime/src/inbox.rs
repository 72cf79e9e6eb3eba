//! What the core hears, and where it is put.

use std::sync::Arc;
use std::time::Instant;

use quorate_crypto::Height;
use quorate_driver::Event;
use tokio::sync::mpsc;

use crate::roster::Roster;

/// Messages from outside that may wait for the core; senders wait when it is full.
const OUTSIDE_QUEUE: usize = 4_096;

/// What the core hears.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are events")]
pub(crate) enum Notice {
    /// Something for the driver.
    Event(Event),
    /// A block that is written ends its epoch; told before the driver hears of the block.
    EpochEnded(Box<EpochEnded>),
    /// Stop in order.
    Stop,
}

/// Who agrees after an epoch, as of its last block.
#[derive(Clone, Debug)]
pub(crate) struct EpochEnded {
    /// The last block's height.
    pub(crate) last: Height,
    /// Who takes part in the epoch that begins.
    pub(crate) roster: Arc<Roster>,
}

/// A notice, and when it was put: what came before a timer was due is stepped before it.
#[derive(Debug)]
pub(crate) struct Received {
    /// When.
    pub(crate) at: Instant,
    /// What.
    pub(crate) notice: Notice,
}

/// Where notices for the core are put.
#[derive(Clone, Debug)]
pub(crate) struct Inbox {
    inside: mpsc::UnboundedSender<Received>,
    outside: mpsc::Sender<Received>,
}

impl From<Event> for Notice {
    fn from(event: Event) -> Self {
        Self::Event(event)
    }
}

impl Received {
    fn now(notice: impl Into<Notice>) -> Self {
        Self {
            at: Instant::now(),
            notice: notice.into(),
        }
    }
}

impl Inbox {
    /// Puts a notice of the node's own; there are only as many as the core asked for.
    pub(crate) fn put(&self, notice: impl Into<Notice>) {
        // The core ends only with the node.
        let _ = self.inside.send(Received::now(notice));
    }

    /// Puts an event caused by a peer; waits while the queue is full.
    pub(crate) fn put_from_outside(&self, event: Event) {
        let _ = self.outside.blocking_send(Received::now(event));
    }
}

/// The receiving ends of an [`Inbox`].
#[derive(Debug)]
pub(crate) struct Outlet {
    inside: mpsc::UnboundedReceiver<Received>,
    outside: mpsc::Receiver<Received>,
}

impl Outlet {
    /// The next notice, if one waits: the node's own first.
    pub(crate) fn try_next(&mut self) -> Option<Received> {
        self.inside.try_recv().or_else(|_| self.outside.try_recv()).ok()
    }

    /// Waits for the next notice, the node's own first; none if nothing has come by `deadline`.
    pub(crate) async fn next_until(&mut self, deadline: Instant) -> Option<Received> {
        tokio::select! {
            biased;
            received = self.inside.recv() => received,
            received = self.outside.recv() => received,
            () = tokio::time::sleep_until(deadline.into()) => None,
        }
    }
}

/// A new inbox.
pub(crate) fn inbox() -> (Inbox, Outlet) {
    let (inside, inside_receiver) = mpsc::unbounded_channel();
    let (outside, outside_receiver) = mpsc::channel(OUTSIDE_QUEUE);
    (
        Inbox { inside, outside },
        Outlet {
            inside: inside_receiver,
            outside: outside_receiver,
        },
    )
}
