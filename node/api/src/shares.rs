//! What clients share: so much for all of them, and so much of it for each address, so that no one client takes what
//! the others need.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// Who a call is counted under: an IPv4 address, or the /64 of an IPv6 one, which one client has whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientAddress(IpAddr);

/// One thing that clients share, in units of its own.
#[derive(Debug)]
pub(crate) struct Shares {
    all: usize,
    each: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of: BTreeMap<ClientAddress, usize>,
}

/// What one client has of it until this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Arc<Shares>,
    client: ClientAddress,
    units: usize,
}

impl ClientAddress {
    /// That of a connection from `address`.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.into()),
            IpAddr::V6(address) => {
                let network = u128::from(address) & (u128::MAX << 64);
                Self(Ipv6Addr::from(network).into())
            }
        }
    }

    /// Of a request that came over no socket.
    pub(crate) fn nowhere() -> Self {
        Self(Ipv4Addr::UNSPECIFIED.into())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(of_request(&parts.extensions))
    }
}

/// Where a request came from, as [`crate::serve`] has noted it.
pub(crate) fn of_request(extensions: &axum::http::Extensions) -> ClientAddress {
    extensions
        .get::<ClientAddress>()
        .copied()
        .unwrap_or_else(ClientAddress::nowhere)
}

impl Shares {
    /// So many units, and so many for each address.
    pub(crate) fn new(all: usize, each: usize) -> Arc<Self> {
        Arc::new(Self {
            all,
            each,
            taken: Mutex::default(),
        })
    }

    /// So many units for a client, if there is room for it.
    pub(crate) fn take(self: &Arc<Self>, client: ClientAddress, units: usize) -> Option<Share> {
        let mut share = Share {
            shares: Arc::clone(self),
            client,
            units: 0,
        };
        share.grow(units).then_some(share)
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// So many units more, if there is room for them.
    pub(crate) fn grow(&mut self, units: usize) -> bool {
        let mut taken = self.shares.lock();
        let of_client = taken.of.get(&self.client).copied().unwrap_or(0);
        let fits = taken.all.saturating_add(units) <= self.shares.all
            && of_client.saturating_add(units) <= self.shares.each;
        if fits && units > 0 {
            taken.all += units;
            taken.of.insert(self.client, of_client + units);
            self.units += units;
        }
        fits
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.lock();
        taken.all = taken.all.saturating_sub(self.units);
        if let Some(of_client) = taken.of.get_mut(&self.client) {
            *of_client = of_client.saturating_sub(self.units);
            if *of_client == 0 {
                taken.of.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> ClientAddress {
        ClientAddress::of(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn no_client_takes_more_than_its_share_and_all_together_no_more_than_there_is() {
        let shares = Shares::new(10, 6);
        let first = shares.take(client(1), 6).unwrap();
        assert!(shares.take(client(1), 1).is_none());
        let mut second = shares.take(client(2), 3).unwrap();
        assert!(second.grow(1));
        assert!(!second.grow(1));
        assert!(shares.take(client(3), 1).is_none());
        drop(first);
        assert!(shares.take(client(3), 6).is_some());
    }

    #[test]
    fn what_nobody_holds_is_not_remembered() {
        let shares = Shares::new(1_000, 1);
        for last in 0..=255 {
            drop(shares.take(client(last), 1));
        }
        assert!(shares.lock().of.is_empty());
        assert_eq!(shares.lock().all, 0);
    }

    #[test]
    fn addresses_of_one_ipv6_network_and_mapped_ones_count_together() {
        let of = |text: &str| ClientAddress::of(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
