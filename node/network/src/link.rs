//! One connection to a member, from its first byte to its last.
//!
//! 1. Each side opens a control stream and says hello; the hellos are compared.
//! 2. Each side reports the link ready. Of the links of a pair, the peer with the lower key chooses the
//!    one to use and says so on that link's control stream, so that both always agree.
//! 3. On a chosen link each side opens a stream per channel and writes what is queued for the peer.
//!    Frames are read from every link that was ever chosen, until it closes.
//!
//! 4. On the control streams each side pings the other; one that does not answer in time is given up.
//!
//! Nothing received is handed on before the handshake has passed and the runtime was told of the link.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join;
use futures::io::{AsyncReadExt as _, ReadHalf, WriteHalf};
use libp2p::Multiaddr;
use libp2p::swarm::{ConnectionId, Stream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::channel::ChannelProtocol;
use crate::events::EventQueue;
use crate::frame::{FrameError, FrameReader, FrameWriter, WRITE_BUFFER};
use crate::handler::Streams;
use crate::hello::{Control, ControlV1, HelloV1, MAX_CONTROL_FRAME, printable};
use crate::peer::{Outlet, Peer, Taken};
use crate::pings::Pings;
use crate::service::Check;
use crate::sync;
use crate::{Channel, Limits, Reason};

/// Streams that may arrive before the link is chosen.
const MAX_EARLY_STREAMS: usize = 16;
/// Dials that a peer may ask for on one link.
pub(crate) const MAX_ASKED: usize = 8;
/// How long a failed link is kept, so that the peer can still read why: its handshake is on the way.
pub(crate) const LINGER: Duration = Duration::from_millis(500);

/// What a link's task needs.
pub(crate) struct Link {
    pub(crate) id: ConnectionId,
    pub(crate) peer: Arc<Peer>,
    pub(crate) streams: Streams,
    pub(crate) hello: Arc<HelloV1>,
    /// Addresses that the peer is asked to dial, to see whether it reaches this node there.
    pub(crate) external: Arc<[String]>,
    pub(crate) events: Arc<EventQueue>,
    pub(crate) reports: mpsc::Sender<(ConnectionId, Report)>,
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) limits: Limits,
}

/// What the swarm's task tells a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// This side has chosen the link: tell the peer, and start.
    Choose,
    /// The peer has chosen the link: start.
    Start,
    /// Another link is used in its place: see whether the other end still answers.
    Ping,
    /// Tell the peer what came of the dial that it asked for.
    Answer { address: String, error: Option<String> },
}

/// What a link tells the swarm's task.
#[derive(Debug)]
pub(crate) enum Report {
    /// The handshake has passed.
    Ready { outlet: Arc<Outlet>, software: String },
    /// The peer has chosen this link.
    Chosen,
    /// The peer writes no more votes or batches on this link.
    Left,
    /// The peer has answered a ping, after so long.
    RoundTrip(Duration),
    /// The peer asks to be dialled there.
    Asked(String),
    /// Not of the link itself: the addresses at which the peer asked to be dialled, or why there are none.
    Found {
        check: Check,
        found: Result<Vec<Multiaddr>, String>,
    },
    /// The peer has dialled this node there.
    Dialled { address: String, error: Option<String> },
    /// The link is of no use any more.
    Failed(Reason),
}

/// Both control streams.
struct ControlStreams {
    reader: Option<FrameReader<ReadHalf<Stream>>>,
    writer: FrameWriter<WriteHalf<Stream>>,
    // A stream is reset when it is dropped, so the unused halves stay.
    _halves: (WriteHalf<Stream>, ReadHalf<Stream>),
}

/// The tasks of a link.
type Tasks = JoinSet<Ended>;

/// How a task of a link has ended.
enum Ended {
    /// Its work is done.
    Done,
    /// The peer has finished a channel's stream.
    Left,
    /// The link is of no use any more.
    Failed(Reason),
}

impl Link {
    /// Runs until the link fails; the task is aborted when the connection closes.
    pub(crate) async fn run(mut self) {
        let mut control = None;
        let reason = self.live(&mut control).await;
        // The swarm's task has gone only if the whole network has.
        let _ = self.reports.send((self.id, Report::Failed(reason))).await;
        sleep(LINGER * 2).await;
        drop(control);
    }

    async fn live(&mut self, control: &mut Option<ControlStreams>) -> Reason {
        let mut early = Vec::new();
        let theirs = match timeout(
            self.limits.handshake_timeout,
            self.shake_hands(control, &mut early),
        )
        .await
        {
            Ok(Ok(hello)) => hello,
            Ok(Err(reason)) => return reason,
            Err(_) => return Reason::HandshakeTimeout,
        };
        if let Err(reason) = self.hello.compare(&theirs) {
            return reason;
        }
        let Some(control) = control else {
            return Reason::HandshakeTimeout;
        };
        let outlet = Arc::new(Outlet::new(self.id, self.streams.opener.clone()));
        let ready = Report::Ready {
            outlet: outlet.clone(),
            software: theirs.software,
        };
        if self.reports.send((self.id, ready)).await.is_err() {
            return Reason::Shutdown;
        }
        match self.carry(control, outlet, early).await {
            Ok(never) => match never {},
            Err(reason) => reason,
        }
    }

    async fn shake_hands(
        &mut self,
        control: &mut Option<ControlStreams>,
        early: &mut Vec<(ChannelProtocol, Stream)>,
    ) -> Result<HelloV1, Reason> {
        let Streams { opener, inbound } = &mut self.streams;
        let hello = self.hello.encode();
        let say = async {
            let (reader, writer) = opener
                .open(ChannelProtocol::Control)
                .await
                .map_err(closed)?
                .split();
            let mut writer = FrameWriter::new(writer);
            writer.write(&hello).await.map_err(closed)?;
            writer.flush().await.map_err(closed)?;
            Ok((reader, writer))
        };
        let listen = async {
            loop {
                let arrived = inbound.recv().await.ok_or_else(ended)?;
                match arrived {
                    (ChannelProtocol::Control, stream) => {
                        let (reader, writer) = stream.split();
                        let mut reader = FrameReader::new(reader, MAX_CONTROL_FRAME);
                        let frame = reader.next().await.map_err(bad_handshake)?.ok_or_else(ended)?;
                        return Ok((reader, writer, frame));
                    }
                    other => keep_early(early, other)?,
                }
            }
        };
        let ((unread, writer), (reader, unwritten, frame)) = try_join(say, listen).await?;
        *control = Some(ControlStreams {
            reader: Some(reader),
            writer,
            _halves: (unwritten, unread),
        });
        HelloV1::decode(&frame)
    }

    async fn carry(
        &mut self,
        control: &mut ControlStreams,
        outlet: Arc<Outlet>,
        mut early: Vec<(ChannelProtocol, Stream)>,
    ) -> Result<std::convert::Infallible, Reason> {
        let mut tasks = Tasks::new();
        let (heard, mut said) = mpsc::channel(1);
        if let Some(reader) = control.reader.take() {
            tasks.spawn(read_control(reader, heard));
        }
        let mut readers = Readers {
            peer: self.peer.clone(),
            events: self.events.clone(),
            seen: [false; 2],
        };
        let mut started = false;
        let mut asked = 0;
        let give_up = Instant::now() + self.limits.handshake_timeout;
        let mut pings = Pings::new(&self.limits);
        loop {
            tokio::select! {
                arrived = self.streams.inbound.recv() => {
                    let Some(arrived) = arrived else {
                        read_to_the_end(&mut tasks).await;
                        return Err(ended());
                    };
                    if started {
                        readers.accept(arrived, &mut tasks)?;
                    } else {
                        keep_early(&mut early, arrived)?;
                    }
                }
                order = self.orders.recv() => {
                    match order.ok_or(Reason::Shutdown)? {
                        Order::Choose => self.say(control, ControlV1::Use).await?,
                        Order::Start => {}
                        Order::Ping => {
                            pings.hasten(Instant::now());
                            continue;
                        }
                        Order::Answer { address, error } => {
                            self.say(control, ControlV1::Dialled { address, error }).await?;
                            continue;
                        }
                    }
                    if !started {
                        started = true;
                        for address in self.external.iter() {
                            self.say(control, ControlV1::Dial(address.clone())).await?;
                        }
                        for arrived in early.drain(..) {
                            readers.accept(arrived, &mut tasks)?;
                        }
                        for channel in Channel::ALL {
                            tasks.spawn(write_frames(outlet.clone(), self.peer.clone(), channel));
                        }
                    }
                }
                Some(said) = said.recv() => match said {
                    ControlV1::Use => self.report(Report::Chosen).await?,
                    ControlV1::Ping(number) => self.say(control, ControlV1::Pong(number)).await?,
                    ControlV1::Pong(number) => {
                        if let Some(time) = pings.on_pong(number) {
                            self.report(Report::RoundTrip(time)).await?;
                        }
                    }
                    ControlV1::Dial(_) if asked >= MAX_ASKED => {
                        return Err(Reason::Violation("many requests to be dialled"));
                    }
                    ControlV1::Dial(address) => {
                        asked += 1;
                        self.report(Report::Asked(address)).await?;
                    }
                    ControlV1::Dialled { address, error } => {
                        let error = error.as_deref().map(printable);
                        self.report(Report::Dialled { address, error }).await?;
                    }
                },
                Some(ended) = tasks.join_next(), if !tasks.is_empty() => {
                    match ended {
                        Ok(Ended::Done) => {}
                        Ok(Ended::Left) => self.report(Report::Left).await?,
                        Ok(Ended::Failed(reason @ Reason::Closed(_))) => {
                            read_to_the_end(&mut tasks).await;
                            return Err(reason);
                        }
                        Ok(Ended::Failed(reason)) => return Err(reason),
                        Err(_) => return Err(Reason::Closed("a task of the link failed".to_owned())),
                    }
                }
                () = sleep_until(pings.due()) => {
                    if let Some(number) = pings.on_due(Instant::now())? {
                        self.say(control, ControlV1::Ping(number)).await?;
                    }
                }
                () = sleep_until(give_up), if !started => return Err(Reason::HandshakeTimeout),
            }
        }
    }

    /// Says something on the control stream. A connection that takes nothing for so long is dead.
    async fn say(&self, control: &mut ControlStreams, what: ControlV1) -> Result<(), Reason> {
        let say = async {
            control.writer.write(&Control::encode(what)).await?;
            control.writer.flush().await
        };
        let said = timeout(self.limits.ping_timeout, say).await;
        said.map_err(|_| Reason::PingTimeout)?.map_err(closed)
    }

    async fn report(&self, report: Report) -> Result<(), Reason> {
        self.reports
            .send((self.id, report))
            .await
            .map_err(|_| Reason::Shutdown)
    }
}

/// Takes in the streams that the peer opens.
struct Readers {
    peer: Arc<Peer>,
    events: Arc<EventQueue>,
    seen: [bool; 2],
}

impl Readers {
    fn accept(
        &mut self,
        (protocol, stream): (ChannelProtocol, Stream),
        tasks: &mut Tasks,
    ) -> Result<(), Reason> {
        let channel = match protocol {
            ChannelProtocol::Control => return Err(Reason::Violation("a second control stream")),
            ChannelProtocol::Votes => Channel::Votes,
            ChannelProtocol::Batches => Channel::Batches,
            ChannelProtocol::Sync => {
                // More requests than are allowed: dropping the stream refuses this one.
                if let Ok(permit) = self.peer.served.clone().try_acquire_owned() {
                    let serving = sync::serve(stream, self.peer.clone(), self.events.clone(), permit);
                    tasks.spawn(async {
                        serving.await;
                        Ended::Done
                    });
                }
                return Ok(());
            }
        };
        if std::mem::replace(&mut self.seen[channel.index()], true) {
            return Err(Reason::Violation("a second stream for one channel"));
        }
        tasks.spawn(read_frames(
            stream,
            channel,
            self.peer.clone(),
            self.events.clone(),
        ));
        Ok(())
    }
}

/// After the connection has closed: what had arrived by then is still read, for a moment.
async fn read_to_the_end(tasks: &mut Tasks) {
    let rest = async { while tasks.join_next().await.is_some() {} };
    // Whoever is not done by then waits for a runtime that is slow.
    let _ = timeout(LINGER, rest).await;
}

async fn read_control(mut reader: FrameReader<ReadHalf<Stream>>, heard: mpsc::Sender<ControlV1>) -> Ended {
    loop {
        match reader
            .next()
            .await
            .map(|frame| frame.map(|frame| Control::decode(&frame)))
        {
            Ok(Some(Ok(said))) => {
                if heard.send(said).await.is_err() {
                    return Ended::Failed(Reason::Shutdown);
                }
            }
            Ok(Some(Err(reason))) => return Ended::Failed(reason),
            Ok(None) => return Ended::Failed(ended()),
            Err(error) => return Ended::Failed(unreadable(ChannelProtocol::Control, error)),
        }
    }
}

/// Reads a channel as fast as its inbox is emptied. The stream's end is not the link's: a peer that
/// moves to another link finishes its streams on this one.
async fn read_frames(stream: Stream, channel: Channel, peer: Arc<Peer>, events: Arc<EventQueue>) -> Ended {
    let mut reader = FrameReader::new(stream, channel.max_frame());
    loop {
        let size = match reader.header().await {
            Ok(Some(size)) => size,
            Ok(None) => return Ended::Left,
            Err(error) => return Ended::Failed(unreadable(channel.protocol(), error)),
        };
        let permit = peer.room_for(channel, size).await;
        match reader.body(size).await {
            Ok(frame) => {
                peer.counters(channel).add_received(u64::from(size));
                events.message(peer.key, channel, frame, permit);
            }
            Err(error) => return Ended::Failed(unreadable(channel.protocol(), error)),
        }
    }
}

/// Writes what is queued, many frames to a flush, until the link is retired.
async fn write_frames(outlet: Arc<Outlet>, peer: Arc<Peer>, channel: Channel) -> Ended {
    match try_write_frames(&outlet, &peer, channel).await {
        Ok(()) => Ended::Done,
        Err(error) => Ended::Failed(closed(error)),
    }
}

async fn try_write_frames(outlet: &Outlet, peer: &Peer, channel: Channel) -> io::Result<()> {
    let mut writer = FrameWriter::new(outlet.opener.open(channel.protocol()).await?);
    let mut frames = Vec::new();
    loop {
        match peer.take(channel, outlet.id, WRITE_BUFFER, &mut frames) {
            Taken::Frames => {
                let bytes = frames.iter().map(|frame| frame.len() as u64).sum();
                for frame in &frames {
                    writer.write(frame).await?;
                }
                peer.counters(channel).add_sent(frames.len() as u64, bytes);
                frames.clear();
            }
            Taken::Nothing => {
                writer.flush().await?;
                peer.flushed(channel, outlet.id);
                outlet.woken(channel).await;
            }
            Taken::Retired => return writer.close().await,
        }
    }
}

fn keep_early(
    early: &mut Vec<(ChannelProtocol, Stream)>,
    arrived: (ChannelProtocol, Stream),
) -> Result<(), Reason> {
    if early.len() >= MAX_EARLY_STREAMS {
        return Err(Reason::Violation("many streams before the handshake"));
    }
    early.push(arrived);
    Ok(())
}

fn closed(error: io::Error) -> Reason {
    Reason::Closed(error.to_string())
}

fn ended() -> Reason {
    Reason::Closed("the peer closed the connection".to_owned())
}

fn bad_handshake(error: FrameError) -> Reason {
    match error {
        FrameError::TooLarge { .. } => Reason::BadHandshake(error.to_string()),
        FrameError::Io(error) => closed(error),
    }
}

fn unreadable(protocol: ChannelProtocol, error: FrameError) -> Reason {
    match error {
        FrameError::TooLarge { size, limit } => Reason::FrameTooLarge {
            channel: protocol.name(),
            size,
            limit,
        },
        FrameError::Io(error) => closed(error),
    }
}
