//! Requests and their answers: a stream each, opened by who asks. It carries one frame there (the
//! request), then frames back (the answer), then an empty frame: an answer without that end was cut off.
//! An answer is written as fast as it is read, and holds at most two frames on either side.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::io::AsyncReadExt as _;
use libp2p::swarm::Stream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::channel::ChannelProtocol;
use crate::events::EventQueue;
use crate::frame::{FrameError, FrameReader, FrameWriter};
use crate::peer::{MAX_REQUESTS, Peer};
use crate::{ReplyError, RequestError};

/// The most bytes of a request.
pub const MAX_SYNC_REQUEST: u32 = 64 << 10;
/// The most bytes of one frame of an answer.
pub const MAX_SYNC_FRAME: u32 = 8 << 20;
/// The most bytes of an answer.
pub const MAX_SYNC_ANSWER: u64 = 97 << 20;
/// How long whoever asked may take to send the request, and then to take each frame of the answer.
const FRAME_DEADLINE: Duration = Duration::from_secs(10);
/// How long answering may take in all.
const ANSWER_DEADLINE: Duration = Duration::from_secs(120);

/// Where the answer to a request goes, frame by frame.
#[derive(Debug)]
pub struct Reply {
    parts: mpsc::Sender<Part>,
    sent: u64,
}

/// An answer, frame by frame. Ends with none once it is complete; an error is the last item. Dropping it
/// gives up the rest.
#[derive(Debug)]
pub struct Response {
    parts: mpsc::Receiver<Result<Part, RequestError>>,
    task: JoinHandle<()>,
    ended: bool,
}

#[derive(Debug)]
enum Part {
    Frame(Bytes),
    End,
}

impl Reply {
    /// Sends a frame of 1 to [`MAX_SYNC_FRAME`] bytes; waits while the peer has not taken those before.
    pub async fn send(&mut self, frame: Bytes) -> Result<(), ReplyError> {
        if frame.is_empty() || frame.len() > MAX_SYNC_FRAME as usize {
            return Err(ReplyError::FrameSize { size: frame.len() });
        }
        let sent = self.sent + frame.len() as u64;
        if sent > MAX_SYNC_ANSWER {
            return Err(ReplyError::AnswerSize);
        }
        self.sent = sent;
        self.parts
            .send(Part::Frame(frame))
            .await
            .map_err(|_| ReplyError::Gone)
    }

    /// Bytes that the answer may still have.
    pub fn room(&self) -> u64 {
        MAX_SYNC_ANSWER - self.sent
    }

    /// Says that the answer is complete.
    pub async fn finish(self) -> Result<(), ReplyError> {
        self.parts.send(Part::End).await.map_err(|_| ReplyError::Gone)
    }
}

impl Response {
    /// The next frame; none once the answer is complete. Safe to cancel.
    pub async fn next(&mut self) -> Option<Result<Bytes, RequestError>> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, RequestError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let item = match ready!(self.parts.poll_recv(cx)) {
            Some(Ok(Part::Frame(frame))) => return Poll::Ready(Some(Ok(frame))),
            Some(Ok(Part::End)) => None,
            Some(Err(error)) => Some(Err(error)),
            None => Some(Err(RequestError::Interrupted("this node is stopping".to_owned()))),
        };
        self.ended = true;
        Poll::Ready(item)
    }
}

impl futures::Stream for Response {
    type Item = Result<Bytes, RequestError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx)
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Asks over the peer's active link.
pub(crate) async fn ask(peer: Arc<Peer>, request: Bytes, within: Duration) -> Result<Response, RequestError> {
    if request.len() > MAX_SYNC_REQUEST as usize {
        return Err(RequestError::TooLarge {
            what: "a request",
            size: request.len() as u64,
            limit: u64::from(MAX_SYNC_REQUEST),
        });
    }
    let permit = peer
        .requests
        .clone()
        .try_acquire_owned()
        .map_err(|_| RequestError::TooManyRequests(MAX_REQUESTS))?;
    let outlet = peer.active().ok_or(RequestError::NotConnected(peer.key))?;
    // A deadline beyond what a clock can say is none.
    let deadline = Instant::now()
        .checked_add(within)
        .unwrap_or_else(|| Instant::now() + ANSWER_DEADLINE * 720);
    let opened = timeout_at(deadline, outlet.opener.open(ChannelProtocol::Sync));
    let stream = opened
        .await
        .map_err(|_| RequestError::Deadline)?
        .map_err(interrupted)?;
    let (parts, received) = mpsc::channel(1);
    let task = tokio::spawn(async move {
        let _permit = permit;
        let answer = timeout_at(deadline, fetch(stream, &peer, &request, &parts));
        let last = match answer.await {
            Ok(Ok(())) => Ok(Part::End),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(RequestError::Deadline),
        };
        // Nobody listens any more: then nobody needs to know how it ended.
        let _ = parts.send(last).await;
    });
    Ok(Response {
        parts: received,
        task,
        ended: false,
    })
}

async fn fetch(
    stream: Stream,
    peer: &Peer,
    request: &[u8],
    parts: &mpsc::Sender<Result<Part, RequestError>>,
) -> Result<(), RequestError> {
    let (reader, writer) = stream.split();
    let mut writer = FrameWriter::new(writer);
    writer.write(request).await.map_err(interrupted)?;
    writer.flush().await.map_err(interrupted)?;
    peer.sync.add_sent(1, request.len() as u64);
    let mut reader = FrameReader::new(reader, MAX_SYNC_FRAME);
    let mut total = 0u64;
    loop {
        let size = match reader.header().await.map_err(unreadable)? {
            Some(0) => return Ok(()),
            Some(size) => size,
            None => return Err(RequestError::Interrupted("the peer ended it early".to_owned())),
        };
        total += u64::from(size);
        if total > MAX_SYNC_ANSWER {
            return Err(RequestError::TooLarge {
                what: "an answer",
                size: total,
                limit: MAX_SYNC_ANSWER,
            });
        }
        let frame = reader.body(size).await.map_err(unreadable)?;
        peer.sync.add_received(u64::from(size));
        if parts.send(Ok(Part::Frame(frame))).await.is_err() {
            return Ok(());
        }
    }
}

/// Serves one request of the peer. Whatever goes wrong ends this stream and nothing else.
pub(crate) async fn serve(
    stream: Stream,
    peer: Arc<Peer>,
    events: Arc<EventQueue>,
    _permit: OwnedSemaphorePermit,
) {
    let served = timeout(ANSWER_DEADLINE, answer(stream, &peer, &events)).await;
    if let Ok(Err(error)) = served {
        tracing::debug!(peer = %peer.name(), %error, "a request was not answered to its end");
    }
}

async fn answer(stream: Stream, peer: &Peer, events: &EventQueue) -> io::Result<()> {
    let (reader, writer) = stream.split();
    let mut reader = FrameReader::new(reader, MAX_SYNC_REQUEST);
    let request = timeout(FRAME_DEADLINE, reader.next())
        .await?
        .map_err(io::Error::other)?
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    peer.sync.add_received(request.len() as u64);
    let (parts, mut to_send) = mpsc::channel(1);
    events.request(peer.key, request, Reply { parts, sent: 0 });
    let mut writer = FrameWriter::new(writer);
    // Whoever asked says nothing more; if its end of the stream closes, it has given up.
    let given_up = reader.next();
    tokio::pin!(given_up);
    loop {
        let part = tokio::select! {
            part = to_send.recv() => part,
            _ = &mut given_up => return Err(io::ErrorKind::BrokenPipe.into()),
        };
        match part {
            Some(Part::Frame(frame)) => {
                timeout(FRAME_DEADLINE, async {
                    writer.write(&frame).await?;
                    writer.flush().await
                })
                .await??;
                peer.sync.add_sent(1, frame.len() as u64);
            }
            Some(Part::End) => {
                return timeout(FRAME_DEADLINE, async {
                    writer.write(&[]).await?;
                    writer.close().await
                })
                .await?;
            }
            // Not finished: the stream is reset and the peer sees that the answer was cut off.
            None => return Err(io::Error::other("the answer was abandoned here")),
        }
    }
}

fn interrupted(error: io::Error) -> RequestError {
    RequestError::Interrupted(error.to_string())
}

fn unreadable(error: FrameError) -> RequestError {
    match error {
        FrameError::TooLarge { size, limit } => RequestError::TooLarge {
            what: "a frame of an answer",
            size: u64::from(size),
            limit: u64::from(limit),
        },
        FrameError::Io(error) => interrupted(error),
    }
}
