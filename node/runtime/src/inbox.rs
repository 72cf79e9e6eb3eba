//! What the core hears, and where it is put.

use quorate_consensus::{Message, Verified};
use quorate_crypto::{Certificate, Digest, Epoch, Height, ValidatorIndex};
use tokio::sync::mpsc;

use crate::peer_block::ApplyError;

/// Messages from outside that may wait for the core; senders wait when it is full.
const OUTSIDE_QUEUE: usize = 4_096;

/// What the core hears.
#[derive(Debug)]
pub(crate) enum Event {
    /// A verified message from outside.
    Message(Verified<Message>),
    /// A link to a validator has come up.
    Connected(ValidatorIndex),
    /// A batch of this epoch was checked and written.
    BatchStored(Epoch, Digest),
    /// The journal is on disk up to this entry.
    JournalFlushed(u64),
    /// Batch writes are on disk up to this count, and blocks up to this height.
    ChainFlushed {
        /// Batch writes.
        batches: u64,
        /// Certified height.
        height: Height,
    },
    /// A decided block was executed.
    Executed {
        /// Its height.
        height: Height,
        /// Its hash.
        block: Digest,
        /// The epoch's last height, if the block has fixed it.
        ends: Option<Height>,
    },
    /// A certified block was written.
    Written(Height),
    /// Block sync applied a certified block.
    Synced {
        /// What proves it.
        certificate: Certificate,
        /// The batches that it names.
        batches: Vec<Digest>,
        /// The epoch's last height, if the block has fixed it.
        ends: Option<Height>,
    },
    /// Block sync brought a certified block, and executed here it is another one.
    Diverged(ApplyError),
    /// This node is about to stop: whoever can hands over first.
    Stopping,
    /// Stop in order.
    Stop,
}

/// Where events for the core are put.
#[derive(Clone, Debug)]
pub(crate) struct Inbox {
    inside: mpsc::UnboundedSender<Event>,
    outside: mpsc::Sender<Event>,
}

impl Inbox {
    /// Puts an event of the node's own; there are only as many as the core asked for.
    pub(crate) fn put(&self, event: Event) {
        // The core ends only with the node.
        let _ = self.inside.send(event);
    }

    /// Puts an event caused by a peer; waits while the queue is full.
    pub(crate) fn put_from_outside(&self, event: Event) {
        let _ = self.outside.blocking_send(event);
    }
}

/// The receiving ends of an [`Inbox`].
#[derive(Debug)]
pub(crate) struct Outlet {
    pub(crate) inside: mpsc::UnboundedReceiver<Event>,
    pub(crate) outside: mpsc::Receiver<Event>,
}

impl Outlet {
    /// The next event, if one waits: the node's own first.
    pub(crate) fn try_next(&mut self) -> Option<Event> {
        self.inside.try_recv().or_else(|_| self.outside.try_recv()).ok()
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
