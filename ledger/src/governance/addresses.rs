//! Where others reach a seat: multiaddresses in one text form (`docs/formats.md`, sections 1 and 16).

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::limits::{MAX_ADDRESS_BYTES, MAX_ADDRESSES};

/// Why a list of addresses is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressesError {
    /// More than 8.
    #[error("there are {count} addresses, at most 8 are allowed")]
    Count {
        /// Addresses found.
        count: usize,
    },
    /// One of more than 280 bytes.
    #[error("an address has {length} bytes, at most 280 are allowed")]
    TooLong {
        /// Bytes found.
        length: usize,
    },
    /// One that is none, or not in its one form.
    #[error(
        "`{address}` is not an address: they are written as /ip4/192.0.2.1/tcp/9100, /ip6/2001:db8::1/tcp/9100 or \
         /dns/node.example.org/tcp/9100"
    )]
    NotAListener {
        /// The address, cut if it is long.
        address: String,
    },
    /// One that stands there twice.
    #[error("the address {address} stands there twice")]
    Repeated {
        /// The address.
        address: String,
    },
}

/// Checks the addresses of a seat: 0 to 8, each an [`is_listener`], none twice.
pub fn check_addresses(addresses: &[String]) -> Result<(), AddressesError> {
    let count = addresses.len();
    if count > MAX_ADDRESSES {
        return Err(AddressesError::Count { count });
    }
    for (place, address) in addresses.iter().enumerate() {
        let length = address.len();
        if length > MAX_ADDRESS_BYTES {
            return Err(AddressesError::TooLong { length });
        }
        if !is_listener(address) {
            let address = address.chars().take(100).collect();
            return Err(AddressesError::NotAListener { address });
        }
        if addresses[..place].contains(address) {
            let address = address.clone();
            return Err(AddressesError::Repeated { address });
        }
    }
    Ok(())
}

/// Whether `text` is a multiaddress at which a seat's TCP listener can be reached: `/ip4/A/tcp/PORT`,
/// `/ip6/A/tcp/PORT`, `/dns/NAME/tcp/PORT`, `/dns4/…` or `/dns6/…`, in the one text form of section 1, not the
/// unspecified one, port 1 to 65,535, without a peer id.
pub fn is_listener(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let ["", protocol, host, "tcp", port] = parts.as_slice() else {
        return false;
    };
    let host_fits = match *protocol {
        "ip4" => is_ipv4(host),
        "ip6" => is_ipv6(host),
        "dns" | "dns4" | "dns6" => is_dns_name(host),
        _ => false,
    };
    let canonical = !port.starts_with(['0', '+']);
    host_fits && canonical && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_ipv4(text: &str) -> bool {
    text.parse::<Ipv4Addr>()
        .is_ok_and(|address| !address.is_unspecified() && address.to_string() == text)
}

/// The standard library writes IPv6 addresses as RFC 5952 says, and an IPv4 address in one under `::ffff:0:0/96` alone.
fn is_ipv6(text: &str) -> bool {
    text.parse::<Ipv6Addr>()
        .is_ok_and(|address| !address.is_unspecified() && address.to_string() == text)
}

/// Whether `text` is a DNS name by section 1: lower case, and no IPv4 address, as its last label has a letter or `-`.
fn is_dns_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253 && text.split('.').all(is_label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}
