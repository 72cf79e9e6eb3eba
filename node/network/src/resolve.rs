//! Addresses with names, resolved by the system at the moment of each dial: what the machine knew of names when the
//! process began may be nothing yet, or no longer true.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use libp2p::Multiaddr;
use libp2p::core::transport::{DialOpts, ListenerId, Transport, TransportError, TransportEvent};
use libp2p::multiaddr::Protocol as Part;
use tokio::time::{sleep, timeout};

/// Addresses of a name that are dialled, until one answers.
const MAX_RESOLVED: usize = 8;
/// From the dial of one to that of the next (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);
/// How long the system may look for a name: it asks one name server after the other, five seconds each.
const LOOKUP: Duration = Duration::from_secs(20);

/// A transport over IP addresses, with its own deadline for each, that takes names too.
pub(crate) struct Resolving<T> {
    inner: Arc<Mutex<T>>,
}

impl<T> Resolving<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self {
            inner: Arc::new(Mutex::new(inner)),
        }
    }
}

impl<T> Transport for Resolving<T>
where
    T: Transport<Error = io::Error> + Send + Unpin + 'static,
    T::Dial: Send + 'static,
{
    type Output = T::Output;
    type Error = io::Error;
    type ListenerUpgrade = T::ListenerUpgrade;
    type Dial = BoxFuture<'static, Result<T::Output, io::Error>>;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<io::Error>> {
        lock(&self.inner).listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        lock(&self.inner).remove_listener(id)
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        options: DialOpts,
    ) -> Result<Self::Dial, TransportError<io::Error>> {
        let Some(name) = Name::of(&address) else {
            return Ok(lock(&self.inner).dial(address, options)?.boxed());
        };
        let inner = Arc::clone(&self.inner);
        // The lock is not held while it is dialled.
        let dial = move |address| {
            let begun = lock(&inner).dial(address, options);
            async move {
                match begun {
                    Ok(dial) => dial.await,
                    Err(TransportError::Other(error)) => Err(error),
                    Err(TransportError::MultiaddrNotSupported(address)) => Err(io::Error::new(
                        io::ErrorKind::Unsupported,
                        format!("{address} cannot be dialled"),
                    )),
                }
            }
        };
        Ok(async move {
            let mut addresses = name.resolve().await?.into_iter().peekable();
            let (mut dials, mut last) = (FuturesUnordered::new(), name.failure(None));
            loop {
                if let Some(address) = addresses.next() {
                    dials.push(dial(address));
                }
                tokio::select! {
                    ended = dials.next() => match ended {
                        Some(Ok(connection)) => return Ok(connection),
                        Some(Err(error)) => last = error,
                        None => return Err(last),
                    },
                    () = sleep(STAGGER), if addresses.peek().is_some() => {}
                }
            }
        }
        .boxed())
    }

    fn poll(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, Self::Error>> {
        Pin::new(&mut *lock(&self.inner)).poll(context)
    }
}

/// The addresses that a dial of `address` would try: those of its name, or the address as it is.
pub(crate) async fn resolve(address: &Multiaddr) -> io::Result<Vec<Multiaddr>> {
    match Name::of(address) {
        Some(name) => name.resolve().await,
        None => Ok(vec![address.clone()]),
    }
}

/// A name with a port, and what of it is wanted.
struct Name {
    host: String,
    port: u16,
    family: Family,
}

#[derive(Clone, Copy)]
enum Family {
    Any,
    V4,
    V6,
}

impl Name {
    fn of(address: &Multiaddr) -> Option<Self> {
        let mut parts = address.iter();
        let (host, family) = match parts.next()? {
            Part::Dns(host) => (host, Family::Any),
            Part::Dns4(host) => (host, Family::V4),
            Part::Dns6(host) => (host, Family::V6),
            _ => return None,
        };
        let Some(Part::Tcp(port)) = parts.next() else {
            return None;
        };
        let host = host.into_owned();
        Some(Self { host, port, family })
    }

    async fn resolve(&self) -> io::Result<Vec<Multiaddr>> {
        let looking = tokio::net::lookup_host((self.host.as_str(), self.port));
        let found = match timeout(LOOKUP, looking).await {
            Ok(found) => found.map_err(|error| self.failure(Some(&error)))?,
            Err(_) => return Err(self.failure(Some(&io::Error::from(io::ErrorKind::TimedOut)))),
        };
        let wanted = found.filter(|address| match self.family {
            Family::Any => true,
            Family::V4 => address.is_ipv4(),
            Family::V6 => address.is_ipv6(),
        });
        Ok(wanted.take(MAX_RESOLVED).map(multiaddress).collect())
    }

    fn failure(&self, cause: Option<&io::Error>) -> io::Error {
        let host = &self.host;
        let text = match cause {
            Some(cause) => format!("the name {host} is not known to this machine: {cause}"),
            None => format!("the name {host} has no address of the kind that is wanted"),
        };
        io::Error::new(io::ErrorKind::NotFound, text)
    }
}

fn multiaddress(address: SocketAddr) -> Multiaddr {
    let host = match address {
        SocketAddr::V4(address) => Part::Ip4(*address.ip()),
        SocketAddr::V6(address) => Part::Ip6(*address.ip()),
    };
    Multiaddr::empty().with(host).with(Part::Tcp(address.port()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolved(address: &str) -> io::Result<Vec<String>> {
        let name = Name::of(&address.parse().unwrap()).expect("a name");
        let found = name.resolve().await?;
        Ok(found.iter().map(ToString::to_string).collect())
    }

    #[tokio::test]
    async fn names_become_addresses_of_the_kind_that_is_wanted() {
        let found = resolved("/dns4/localhost/tcp/7").await.unwrap();
        assert_eq!(found, ["/ip4/127.0.0.1/tcp/7"]);
        let any = resolved("/dns/127.0.0.1/tcp/7").await.unwrap();
        assert_eq!(any, ["/ip4/127.0.0.1/tcp/7"]);
        assert_eq!(
            resolved("/dns6/127.0.0.1/tcp/7").await.unwrap(),
            Vec::<String>::new()
        );
    }

    #[tokio::test]
    async fn a_name_that_nobody_knows_is_named_in_the_error() {
        let error = resolved("/dns/nobody.invalid/tcp/7")
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("the name nobody.invalid is not known to this machine"),
            "{error}"
        );
    }

    #[test]
    fn addresses_without_a_name_are_left_as_they_are() {
        assert!(Name::of(&"/ip4/127.0.0.1/tcp/7".parse().unwrap()).is_none());
    }
}
