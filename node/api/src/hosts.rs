//! By which names a listener may be called.
//!
//! A web page in a browser on this machine may only read what has the page's own origin. Its owner can have the page's
//! name point to this machine after it was loaded (DNS rebinding), and then this listener has that origin. But the
//! browser still calls it by that name; so whoever calls by a name that the listener does not have is sent away.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::uri::Authority;

use crate::input::shown;

/// The name that a request calls by, as an answer may quote it, unless it is an IP address, localhost, or one of
/// `known`, which are in small letters. None too for a request that does not say, which no browser sends.
pub(crate) fn foreign_name(request: &Request, known: &[String]) -> Option<String> {
    let header = request.headers().get(HOST);
    let header = header.map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned());
    // HTTP/2 has it in the address.
    let host = header.or_else(|| Some(request.uri().authority()?.as_str().to_owned()))?;
    (!is_own(&host, known)).then(|| shown(&host))
}

/// Whether a host, perhaps with a port, is an IP address, localhost, or one of these.
fn is_own(host: &str, known: &[String]) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    let listed = |name: &str| known.iter().any(|known| known.eq_ignore_ascii_case(name));
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok() || listed(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_compared_whole_and_without_its_port() {
        let known = ["ledger.bank-a.example".to_owned()];
        for own in [
            "127.0.0.1:8100",
            "192.0.2.7",
            "[::1]:8100",
            "localhost",
            "LocalHost:8100",
            "ledger.bank-a.example",
            "Ledger.Bank-A.example:443",
        ] {
            assert!(is_own(own, &known), "{own}");
        }
        for foreign in [
            "",
            "evil.example",
            "bank-a.example",
            "x.ledger.bank-a.example",
            "ledger.bank-a.example.evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "localhost@evil.example",
            "\u{fffd}",
        ] {
            assert!(!is_own(foreign, &known), "{foreign}");
        }
    }
}
