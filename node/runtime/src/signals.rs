//! What signals do to a node: TERM, INT and QUIT end it in order, with a line; HUP, USR1 and USR2, whose default would
//! end it at once, are told in the log and do nothing.

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::NodeError;

/// From now on these do nothing.
pub(crate) fn ignore(runtime: &Runtime) -> Result<(), NodeError> {
    let _runtime = runtime.enter();
    for (kind, name) in [
        (SignalKind::hangup(), "HUP"),
        (SignalKind::user_defined1(), "USR1"),
        (SignalKind::user_defined2(), "USR2"),
    ] {
        let mut received = on(kind)?;
        runtime.spawn(async move {
            while received.recv().await.is_some() {
                tracing::info!(
                    signal = name,
                    "a signal that changes nothing: the log goes to standard error, and the configuration is read at \
                     the start"
                );
            }
        });
    }
    Ok(())
}

fn on(kind: SignalKind) -> Result<Signal, NodeError> {
    signal(kind).map_err(|source| NodeError::System {
        what: "cannot listen to signals",
        source,
    })
}

/// The signals that end a node.
pub(crate) struct Ending {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

impl Ending {
    /// From now on they end it in order.
    pub(crate) fn listen(runtime: &Runtime) -> Result<Self, NodeError> {
        let _runtime = runtime.enter();
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            quit: on(SignalKind::quit())?,
        })
    }

    /// Waits for one, and names it.
    pub(crate) async fn received(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "TERM",
            _ = self.interrupt.recv() => "INT",
            _ = self.quit.recv() => "QUIT",
        }
    }
}
