//! Which addresses a node dials because a peer asks for it.
//!
//! A peer could have this node try the ports of machines that only this node reaches: of its own machine, of the
//! networks behind it. So an address that is not global is dialled only if it is that of the machine which the peer's
//! link comes from. That is so where a whole network runs on one machine, and where members' nodes see each other at
//! private addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol as Part;

/// The IP address that a multiaddress begins with, an IPv4 address inside an IPv6 one as the former. `None`: it
/// begins with a name.
pub(crate) fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Part::Ip4(ip) => Some(ip.into()),
        Part::Ip6(ip) => Some(ip.to_canonical()),
        _ => None,
    }
}

/// Whether `target` is dialled because a peer whose link leads to `seen` asks for it. A name is not; what it stands
/// for may be.
pub(crate) fn may_dial_back(target: &Multiaddr, seen: &Multiaddr) -> bool {
    ip_of(target).is_some_and(|ip| is_global(ip) || ip_of(seen) == Some(ip))
}

/// Whether an address may be one of the Internet, by the registries of special addresses (RFC 6890).
fn is_global(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_global_v4(ip),
        IpAddr::V6(ip) => is_global_v6(ip),
    }
}

fn is_global_v4(ip: Ipv4Addr) -> bool {
    let is_special = match ip.octets() {
        // This network; machines behind a provider's NAT; protocol assignments; 6to4 relays; benchmarks.
        [0, ..] => true,
        [100, second, ..] => second & 0xc0 == 64,
        [192, 0, 0, _] | [192, 88, 99, _] => true,
        [198, second, ..] if second & 0xfe == 18 => true,
        // Multicast, and what is reserved.
        [first, ..] if first >= 224 => true,
        _ => false,
    };
    !(is_special || ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_documentation())
}

fn is_global_v6(ip: Ipv6Addr) -> bool {
    let [first, second, ..] = ip.segments();
    // Nothing outside 2000::/3 is assigned to machines of the Internet: loopback, link-local, unique local, multicast
    // and translated IPv4 addresses (64:ff9b::/96) are all there.
    let is_unicast = first & 0xe000 == 0x2000;
    // Protocol assignments, Teredo among them; documentation; 6to4. Teredo and 6to4 hold an IPv4 address.
    let is_special = matches!(
        (first, second),
        (0x2001, 0..=0x01ff | 0x0db8) | (0x3fff, 0..=0x0fff)
    ) || first == 0x2002;
    is_unicast && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    fn tcp(ip: &str) -> Multiaddr {
        let family = if ip.contains(':') { "ip6" } else { "ip4" };
        address(&format!("/{family}/{ip}/tcp/9100"))
    }

    const GLOBAL: [&str; 10] = [
        "1.1.1.1",
        "8.8.8.8",
        "11.0.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "172.32.0.1",
        "192.1.0.1",
        "223.255.255.255",
        "2001:4860:4860::8888",
        "2a00:1450::1",
    ];

    const NOT_GLOBAL: [&str; 38] = [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.254",
        "127.0.0.1",
        "127.1.2.3",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.254",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.254",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:0.0.0.0",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "3fff:fff::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "ff02::1",
    ];

    #[test]
    fn global_addresses_are_dialled_wherever_the_peer_is() {
        for target in GLOBAL {
            for seen in ["127.0.0.1", "10.0.0.5", "9.9.9.9", "::1"] {
                assert!(may_dial_back(&tcp(target), &tcp(seen)), "{target} from {seen}");
            }
        }
        assert!(may_dial_back(&tcp("::ffff:8.8.8.8"), &tcp("9.9.9.9")));
    }

    #[test]
    fn other_addresses_are_not_dialled_for_a_peer_elsewhere() {
        for target in NOT_GLOBAL {
            for seen in ["9.9.9.9", "2a00:1450::1", "10.0.0.5", "127.0.0.9", "fe80::5"] {
                assert!(!may_dial_back(&tcp(target), &tcp(seen)), "{target} from {seen}");
            }
        }
    }

    #[test]
    fn the_machine_that_the_link_comes_from_is_dialled_at_any_port() {
        for ip in [
            "127.0.0.1",
            "10.0.0.5",
            "172.18.0.3",
            "100.64.0.1",
            "::1",
            "fd12:3456::1",
        ] {
            assert!(may_dial_back(&tcp(ip), &tcp(ip)), "{ip}");
        }
        let other_port = address("/ip4/10.0.0.5/tcp/22");
        assert!(may_dial_back(&other_port, &tcp("10.0.0.5")));
        // The same address written in the other family.
        assert!(may_dial_back(&tcp("::ffff:10.0.0.5"), &tcp("10.0.0.5")));
        assert!(may_dial_back(&tcp("10.0.0.5"), &tcp("::ffff:10.0.0.5")));
        // Its neighbour is another machine.
        assert!(!may_dial_back(&tcp("10.0.0.6"), &tcp("10.0.0.5")));
    }

    #[test]
    fn names_are_judged_by_what_they_stand_for() {
        for name in [
            "/dns/localhost/tcp/9100",
            "/dns4/node.example/tcp/9100",
            "/dns6/node.example/tcp/9100",
        ] {
            assert!(!may_dial_back(&address(name), &address(name)), "{name}");
            assert_eq!(ip_of(&address(name)), None);
        }
        // A link that was dialled by a name does not show where it leads.
        assert!(!may_dial_back(
            &tcp("10.0.0.5"),
            &address("/dns/node.example/tcp/9100")
        ));
    }
}
