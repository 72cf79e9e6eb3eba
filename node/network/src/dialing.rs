//! Where a member may be found and when it is dialled next: configured addresses first, then those that
//! were found out; again and again, with a pause that doubles up to a bound and is drawn at random.

use std::collections::VecDeque;
use std::time::Duration;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol as Part;
use tokio::time::Instant;

use crate::scope::ip_of;
use crate::{Limits, NetworkError, PeerKey};

/// Configured addresses of a member.
const MAX_CONFIGURED: usize = 16;
/// Addresses of a member that were found out; a newer one replaces the oldest.
const MAX_LEARNED: usize = 8;
/// The peer with the higher key lets the other dial first, so that they seldom dial at once.
pub(crate) const COURTESY: Duration = Duration::from_millis(150);

/// A member's addresses and its next dial.
#[derive(Debug)]
pub(crate) struct Dialing {
    configured: Vec<Multiaddr>,
    learned: VecDeque<Multiaddr>,
    failures: u32,
    next: Option<Instant>,
    courtesy: Duration,
}

impl Dialing {
    pub(crate) fn new(configured: Vec<Multiaddr>, courtesy: Duration) -> Self {
        Self {
            configured,
            learned: VecDeque::new(),
            failures: 0,
            next: None,
            courtesy,
        }
    }

    pub(crate) fn configure(&mut self, configured: Vec<Multiaddr>) {
        self.configured = configured;
    }

    /// Whether the member is dialled there whatever it says of itself.
    pub(crate) fn is_configured(&self, address: &Multiaddr) -> bool {
        self.configured.contains(address)
    }

    /// All addresses, the configured ones first.
    pub(crate) fn addresses(&self) -> Vec<Multiaddr> {
        let learned = self
            .learned
            .iter()
            .filter(|address| !self.configured.contains(address));
        self.configured.iter().chain(learned).cloned().collect()
    }

    /// Notes an address that was found out; says whether it is new.
    pub(crate) fn learn(&mut self, address: Multiaddr) -> bool {
        if self.configured.contains(&address) || self.learned.contains(&address) {
            return false;
        }
        if self.learned.len() >= MAX_LEARNED {
            self.learned.pop_front();
        }
        self.learned.push_back(address);
        true
    }

    /// Dials of this member that failed in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// When to dial, if at all.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// As soon as courtesy allows, whatever failed before.
    pub(crate) fn soon(&mut self, now: Instant) {
        self.failures = 0;
        self.next = Some(now + self.courtesy);
    }

    /// A dial is under way, or there is a connection, or none is wanted.
    pub(crate) fn rest(&mut self) {
        self.next = None;
    }

    /// After a dial or a link failed.
    pub(crate) fn again(&mut self, now: Instant, limits: &Limits) {
        let pause = limits
            .redial_min
            .saturating_mul(1 << self.failures.min(16))
            .min(limits.redial_max);
        self.failures = self.failures.saturating_add(1);
        self.next = Some(now + pause.mul_f64(0.5 + 0.5 * fraction()) + self.courtesy);
    }

    /// A link has worked: the next failure is the first.
    pub(crate) fn worked(&mut self) {
        self.failures = 0;
    }
}

/// Between 0 and 1, at random; a half if the system has no randomness to give.
fn fraction() -> f64 {
    let mut bytes = [0x80; 2];
    let drawn = getrandom::fill(&mut bytes).map(|()| u16::from_le_bytes(bytes));
    drawn.map_or(0.5, |drawn| f64::from(drawn) / f64::from(u16::MAX))
}

/// Whether links to this peer can be made over an address.
pub fn is_address(text: &str, peer: PeerKey) -> bool {
    parse_address(text, Some(peer)).is_ok()
}

/// Reads an address that links are made over: an IP address or a DNS name, a TCP port, and the peer
/// id if it must be `expected`'s. The id is left out, as dials say whom they expect.
pub(crate) fn parse_address(text: &str, expected: Option<PeerKey>) -> Result<Multiaddr, NetworkError> {
    let refuse = |reason| NetworkError::Address {
        address: text.to_owned(),
        reason,
    };
    let address: Multiaddr = text.parse().map_err(|_| refuse("not a multiaddress"))?;
    let mut parts = address.iter();
    let host = parts.next().filter(|part| {
        matches!(
            part,
            Part::Ip4(_) | Part::Ip6(_) | Part::Dns(_) | Part::Dns4(_) | Part::Dns6(_)
        )
    });
    let port = parts.next().filter(|part| matches!(part, Part::Tcp(_)));
    let (Some(host), Some(port)) = (host, port) else {
        return Err(refuse("it needs an IP address or a DNS name, then a TCP port"));
    };
    match parts.next() {
        None => {}
        Some(Part::P2p(id))
            if PeerKey::of_peer_id(&id).is_some_and(|key| expected.is_none_or(|k| k == key)) => {}
        Some(Part::P2p(_)) => return Err(refuse("the peer id in it is another's")),
        Some(_) => return Err(refuse("nothing but a peer id may follow the port")),
    }
    if parts.next().is_some() {
        return Err(refuse("nothing may follow the peer id"));
    }
    Ok(Multiaddr::empty().with(host).with(port))
}

/// Reads a member's addresses.
pub(crate) fn parse_addresses(texts: &[String], key: PeerKey) -> Result<Vec<Multiaddr>, NetworkError> {
    texts
        .iter()
        .take(MAX_CONFIGURED)
        .map(|text| parse_address(text, Some(key)))
        .collect()
}

/// Whether an address that a peer told, on a connection from `seen`, is worth a dial: an address of
/// everybody or nobody is not, and one of this machine only if the peer is on it.
pub(crate) fn worth_learning(address: &Multiaddr, seen: &Multiaddr) -> bool {
    let is_local = |address: &Multiaddr| ip_of(address).is_some_and(|ip| ip.is_loopback());
    ip_of(address).is_none_or(|ip| !ip.is_unspecified() && !ip.is_multicast())
        && (!is_local(address) || is_local(seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> Multiaddr {
        format!("/ip4/10.0.0.1/tcp/{port}").parse().unwrap()
    }

    #[test]
    fn pauses_double_up_to_the_bound_and_start_over_after_a_link() {
        let limits = Limits::default();
        let (now, mut dialing) = (Instant::now(), Dialing::new(Vec::new(), Duration::ZERO));
        let mut pause = || {
            dialing.again(now, &limits);
            dialing.next().unwrap() - now
        };
        for expected in [100, 200, 400, 800, 1600, 2000, 2000] {
            let pause = pause().as_millis();
            assert!(
                (expected / 2..=expected).contains(&pause),
                "{pause} of {expected}"
            );
        }
        for _ in 0..100 {
            assert!(pause() <= limits.redial_max);
        }
        dialing.worked();
        dialing.again(now, &limits);
        assert!(dialing.next().unwrap() - now <= limits.redial_min);
    }

    #[test]
    fn configured_addresses_come_first_and_learned_ones_are_bounded() {
        let mut dialing = Dialing::new(vec![address(1)], Duration::ZERO);
        assert!(!dialing.learn(address(1)));
        for port in 2..100 {
            assert!(dialing.learn(address(port)));
        }
        let addresses = dialing.addresses();
        assert_eq!(addresses.len(), 1 + MAX_LEARNED);
        assert_eq!(
            (addresses[0].clone(), addresses[MAX_LEARNED].clone()),
            (address(1), address(99))
        );
    }

    #[test]
    fn addresses_that_cannot_be_dialled_are_refused_with_the_reason() {
        let key = PeerKey::of_seed(&[1; 32]);
        let id = key.peer_id().unwrap();
        let good = format!("/ip4/10.0.0.1/tcp/9100/p2p/{id}");
        assert_eq!(
            parse_address(&good, Some(key)).unwrap().to_string(),
            "/ip4/10.0.0.1/tcp/9100"
        );
        assert!(parse_address(&good, Some(PeerKey::of_seed(&[2; 32]))).is_err());
        for bad in [
            "",
            "10.0.0.1:9100",
            "/ip4/10.0.0.1",
            "/ip4/10.0.0.1/udp/9100",
            "/ip4/10.0.0.1/tcp/9100/ws",
        ] {
            let error = parse_address(bad, None).unwrap_err().to_string();
            assert!(error.contains("is not an address"), "{error}");
        }
    }

    #[test]
    fn a_peers_own_loopback_is_not_ours() {
        let here: Multiaddr = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
        assert!(!worth_learning(&here, &address(1)));
        assert!(worth_learning(&here, &here));
        assert!(worth_learning(&address(2), &here));
        assert!(!worth_learning(&"/ip4/0.0.0.0/tcp/1".parse().unwrap(), &here));
        for written_as_ipv6 in ["/ip6/::ffff:127.0.0.1/tcp/1", "/ip6/::ffff:0.0.0.0/tcp/1"] {
            let written: Multiaddr = written_as_ipv6.parse().unwrap();
            assert!(!worth_learning(&written, &address(1)), "{written_as_ipv6}");
        }
        assert!(worth_learning(
            &"/dns/node.example/tcp/1".parse().unwrap(),
            &address(1)
        ));
    }
}
