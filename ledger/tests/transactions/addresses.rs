//! Addresses of seats: one text for each, in the forms of sections 1 and 16.

use quorate_ledger::{AddressesError, check_addresses, is_listener};

#[test]
fn addresses_are_multiaddresses_of_tcp() {
    for good in [
        "/ip4/127.0.0.1/tcp/9100",
        "/ip4/255.255.255.255/tcp/65535",
        "/ip4/0.0.0.1/tcp/1",
        "/ip6/::1/tcp/9100",
        "/ip6/2001:db8::1/tcp/9100",
        "/ip6/2001:db8:0:1:1:1:1:1/tcp/9100",
        "/ip6/2001:0:0:1::1/tcp/9100",
        "/ip6/2001:db8::1:0:0:1/tcp/9100",
        "/ip6/::ffff:192.0.2.1/tcp/9100",
        "/ip6/64:ff9b::c000:201/tcp/9100",
        "/dns/node.example.org/tcp/9100",
        "/dns4/a/tcp/9100",
        "/dns6/1.2.3.x4/tcp/9100",
        "/dns/xn--bcher-kva.example/tcp/9100",
        "/dns/1.2.3.4-5/tcp/9100",
        "/dns/0x7f/tcp/9100",
    ] {
        assert!(is_listener(good), "{good}");
    }
}

#[test]
fn everything_else_is_refused() {
    for bad in [
        "",
        "/",
        "127.0.0.1:9100",
        "/ip4/127.0.0.1",
        "/ip4/127.0.0.1/tcp",
        "/ip4/127.0.0.1/tcp/",
        "/ip4/127.0.0.1/tcp/0",
        "/ip4/127.0.0.1/tcp/09100",
        "/ip4/127.0.0.1/tcp/+9100",
        "/ip4/127.0.0.1/tcp/65536",
        "/ip4/127.0.0.1/tcp/9100/",
        "/ip4/127.0.0.1/udp/9100",
        "/ip4/127.0.0.1/tcp/9100/p2p/12D3KooW",
        " /ip4/127.0.0.1/tcp/9100",
        "ip4/127.0.0.1/tcp/9100",
        "/ip4/0.0.0.0/tcp/9100",
        "/ip4/127.0.0.01/tcp/9100",
        "/ip4/127.1/tcp/9100",
        "/ip4/256.0.0.1/tcp/9100",
        "/ip4/::1/tcp/9100",
        "/ip5/127.0.0.1/tcp/9100",
        "/dnsaddr/example.org/tcp/9100",
    ] {
        assert!(!is_listener(bad), "{bad}");
    }
}

#[test]
fn ipv6_addresses_are_in_the_form_of_rfc_5952() {
    for bad in [
        "::",
        "2001:DB8::1",
        "2001:db8:0:0:0:0:0:1",
        "2001:0db8::1",
        "2001:db8::0:1",
        // One group of zeros is not shortened, and of two runs the first.
        "2001:db8::1:1:1:1:1",
        "2001:0:0:1:1::1",
        "2001:0:0:1:0:0:0:1",
        "::ffff:c000:201",
        "::192.0.2.1",
        "64:ff9b::192.0.2.1",
        "fe80::1%eth0",
        "[::1]",
        "127.0.0.1",
    ] {
        assert!(!is_listener(&format!("/ip6/{bad}/tcp/9100")), "{bad}");
    }
}

#[test]
fn dns_names_are_lower_case_labels_and_no_ipv4_address() {
    let of = |name: &str| is_listener(&format!("/dns/{name}/tcp/9100"));
    for bad in [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "-a",
        "a-",
        "a.-b",
        "Example.org",
        "a_b",
        "bücher",
        "a b",
        "127.0.0.1",
        "4",
        "a.4",
    ] {
        assert!(!of(bad), "{bad}");
    }
    let label = "a".repeat(63);
    assert!(of(&label));
    assert!(!of(&format!("{label}a")));
    // 253 characters: three labels of 63 with their points, and one of 61.
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(longest.len(), 253);
    assert!(of(&longest));
    assert!(!of(&format!("{longest}a")));
}

#[test]
fn a_seat_has_at_most_8_none_twice() {
    let of = |count: usize| -> Vec<String> {
        (1..=count)
            .map(|port| format!("/ip4/192.0.2.1/tcp/{port}"))
            .collect()
    };
    assert_eq!(check_addresses(&of(0)), Ok(()));
    assert_eq!(check_addresses(&of(8)), Ok(()));
    assert_eq!(check_addresses(&of(9)), Err(AddressesError::Count { count: 9 }));
    let mut twice = of(3);
    twice.push(twice[1].clone());
    let address = twice[1].clone();
    assert_eq!(check_addresses(&twice), Err(AddressesError::Repeated { address }));
    let long = "/".repeat(281);
    assert_eq!(
        check_addresses(&[long]),
        Err(AddressesError::TooLong { length: 281 })
    );
}
