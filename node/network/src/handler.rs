//! One connection's streams: opens those that its link's task asks for, and hands it those that the peer
//! opens. Unlike `libp2p-stream` it is bound to a connection, so that a stream is never opened on the
//! wrong one of two and nothing is left behind when a connection ends.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::task::{Context, Poll};

use libp2p::core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo};
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
};
use libp2p::swarm::{
    ConnectionHandler, ConnectionHandlerEvent, Stream, StreamUpgradeError, SubstreamProtocol,
};
use tokio::sync::{mpsc, oneshot};

use crate::channel::ChannelProtocol;

/// Streams that a peer opened and the link's task has not taken yet; more are reset.
const MAX_WAITING_STREAMS: usize = 16;

/// A stream that is wanted, and who wants it.
#[derive(Debug)]
pub(crate) struct OpenRequest {
    protocol: ChannelProtocol,
    answer: Opened,
}

type Opened = oneshot::Sender<io::Result<Stream>>;

/// Opens streams on one connection.
#[derive(Clone, Debug)]
pub(crate) struct StreamOpener(mpsc::Sender<OpenRequest>);

/// The link's end of a connection.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) opener: StreamOpener,
    pub(crate) inbound: mpsc::Receiver<(ChannelProtocol, Stream)>,
}

/// The connection's end.
pub(crate) struct Handler {
    wanted: mpsc::Receiver<OpenRequest>,
    inbound: mpsc::Sender<(ChannelProtocol, Stream)>,
}

/// The two ends for a new connection.
pub(crate) fn pair() -> (Handler, Streams) {
    let (open, wanted) = mpsc::channel(MAX_WAITING_STREAMS);
    let (arrived, inbound) = mpsc::channel(MAX_WAITING_STREAMS);
    (
        Handler {
            wanted,
            inbound: arrived,
        },
        Streams {
            opener: StreamOpener(open),
            inbound,
        },
    )
}

impl StreamOpener {
    /// Opens a stream and negotiates its protocol.
    pub(crate) async fn open(&self, protocol: ChannelProtocol) -> io::Result<Stream> {
        let (answer, opened) = oneshot::channel();
        let gone = || io::Error::new(io::ErrorKind::NotConnected, "the connection has ended");
        self.0
            .send(OpenRequest { protocol, answer })
            .await
            .map_err(|_| gone())?;
        opened.await.map_err(|_| gone())?
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = Infallible;
    type InboundProtocol = Upgrade;
    type OutboundProtocol = Upgrade;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Opened;

    fn listen_protocol(&self) -> SubstreamProtocol<Upgrade> {
        SubstreamProtocol::new(Upgrade(&ChannelProtocol::ALL), ())
    }

    /// A link stays until one side closes it or pings fail.
    fn connection_keep_alive(&self) -> bool {
        true
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<Upgrade, Opened, Infallible>> {
        while let Poll::Ready(Some(OpenRequest { protocol, answer })) = self.wanted.poll_recv(cx) {
            if answer.is_closed() {
                continue;
            }
            let protocol = SubstreamProtocol::new(Upgrade(protocol.alone()), answer);
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, event: Infallible) {
        match event {}
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Upgrade, Upgrade, (), Opened>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol, .. }) => {
                // Full, or the link's task has ended: dropping the stream resets it.
                let _ = self.inbound.try_send(protocol);
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol: (_, stream),
                info,
            }) => {
                let _ = info.send(Ok(stream));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => {
                let error = match error {
                    StreamUpgradeError::Timeout => io::ErrorKind::TimedOut.into(),
                    StreamUpgradeError::Apply(never) => match never {},
                    StreamUpgradeError::NegotiationFailed => io::Error::new(
                        io::ErrorKind::Unsupported,
                        "the peer does not speak this protocol",
                    ),
                    StreamUpgradeError::Io(error) => error,
                };
                let _ = info.send(Err(error));
            }
            _ => {}
        }
    }
}

impl ChannelProtocol {
    fn alone(self) -> &'static [Self] {
        match self {
            Self::Control => &[Self::Control],
            Self::Votes => &[Self::Votes],
            Self::Batches => &[Self::Batches],
            Self::Sync => &[Self::Sync],
        }
    }
}

/// Negotiates one of some protocols by name, and nothing else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upgrade(&'static [ChannelProtocol]);

impl UpgradeInfo for Upgrade {
    type Info = ChannelProtocol;
    type InfoIter = std::iter::Copied<std::slice::Iter<'static, ChannelProtocol>>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.iter().copied()
    }
}

impl InboundUpgrade<Stream> for Upgrade {
    type Output = (ChannelProtocol, Stream);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, protocol: ChannelProtocol) -> Self::Future {
        ready(Ok((protocol, stream)))
    }
}

impl OutboundUpgrade<Stream> for Upgrade {
    type Output = (ChannelProtocol, Stream);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, protocol: ChannelProtocol) -> Self::Future {
        ready(Ok((protocol, stream)))
    }
}
