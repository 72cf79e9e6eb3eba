//! The blocks of a node. They are asked for ahead, as an answer takes longer than a check; a node that is busy or out of
//! reach for a moment is asked again.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use quorate_client::{Bytes, Client, ClientError};
use quorate_ledger::Height;
use quorate_tools::failure::Failure;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Blocks that are asked for at once.
const AT_ONCE: usize = 4;

/// The pauses before a node is asked again.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// The longest pause that a node is given when it asks for one.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How blocks are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli::audit) enum Reading {
    /// One after the other: they are asked for ahead.
    InOrder,
    /// Here and there.
    Scattered,
}

/// A node's answer.
type Answer = Result<Option<Bytes>, ClientError>;

/// A node's chain up to a height. It is read by threads that are not the runtime's own.
pub(in crate::cli::audit) struct NodeBlocks {
    client: Client,
    runtime: Handle,
    to: Height,
    reading: Reading,
    ahead: Option<Ahead>,
}

/// Blocks that were asked for.
struct Ahead {
    next: Height,
    answers: mpsc::Receiver<Answer>,
}

impl NodeBlocks {
    /// To be made where the runtime is at hand.
    pub(super) fn new(client: Client, to: Height, reading: Reading) -> Self {
        Self {
            client,
            runtime: Handle::current(),
            to,
            reading,
            ahead: None,
        }
    }

    pub(super) fn read_in_order(&mut self) {
        self.reading = Reading::InOrder;
    }

    pub(super) fn block(&mut self, height: Height) -> Result<Option<Vec<u8>>, Failure> {
        let answer = match self.reading {
            Reading::Scattered => self.runtime.block_on(ask(&self.client, height)),
            Reading::InOrder => self.next(height),
        };
        Ok(answer?.map(Vec::from))
    }

    fn next(&mut self, height: Height) -> Answer {
        let mut ahead = match self.ahead.take() {
            Some(ahead) if ahead.next == height => ahead,
            _ => self.begin(height),
        };
        let answer = ahead.answers.blocking_recv();
        ahead.next = Height(height.0.saturating_add(1));
        self.ahead = Some(ahead);
        // After the last block nothing was asked for.
        answer.unwrap_or(Ok(None))
    }

    /// Begins to ask for blocks from this height on.
    fn begin(&self, from: Height) -> Ahead {
        let (sender, answers) = mpsc::channel(AT_ONCE);
        let (client, heights) = (self.client.clone(), from.0..=self.to.0);
        self.runtime.spawn(async move {
            let asked = stream::iter(heights).map(|height| {
                let client = client.clone();
                async move { ask(&client, Height(height)).await }
            });
            let mut answered = asked.buffered(AT_ONCE);
            while let Some(answer) = answered.next().await {
                if sender.send(answer).await.is_err() {
                    // Nobody reads on.
                    return;
                }
            }
        });
        Ahead { next: from, answers }
    }
}

/// Asks for a block, a few times if that may help.
async fn ask(client: &Client, height: Height) -> Answer {
    for pause in PAUSES {
        let pause = match client.certified_block_bytes(height).await {
            Err(ClientError::Busy { retry_after_ms, .. }) => {
                Duration::from_millis(retry_after_ms).clamp(pause, LONGEST_PAUSE)
            }
            Err(ClientError::Unreachable { .. }) => pause,
            answer => return answer,
        };
        tokio::time::sleep(pause).await;
    }
    client.certified_block_bytes(height).await
}
