//! How values are written in documents: amounts, times, names, listeners.

use std::net::{Ipv4Addr, Ipv6Addr};

use quorate_ledger::{Amount, AmountError, Timestamp};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Problem;

/// Reads an amount in units of an asset, such as `1000000.00`. Stricter than payment files: a document that
/// people review writes the digit before the point.
pub fn parse_amount(text: &str, decimals: u8) -> Result<Amount, Problem> {
    if text.starts_with('.') {
        return Err(Problem::NotAnAmount { decimals });
    }
    quorate_ledger::parse_amount(text, decimals).map_err(|error| match error {
        AmountError::TooLarge { .. } => Problem::AmountTooLarge,
        AmountError::Malformed { .. } | AmountError::TooManyDecimals { .. } => {
            Problem::NotAnAmount { decimals }
        }
    })
}

/// Reads a time in RFC 3339, in UTC and to the millisecond.
pub fn parse_time(text: &str) -> Result<Timestamp, Problem> {
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| Problem::NotATime)?;
    if !time.offset().is_utc() || time.nanosecond() % 1_000_000 != 0 {
        return Err(Problem::NotATime);
    }
    let milliseconds = time.unix_timestamp_nanos() / 1_000_000;
    u64::try_from(milliseconds)
        .map(Timestamp)
        .map_err(|_| Problem::NotATime)
}

/// Writes a time in RFC 3339; none for times after the year 9999.
pub fn format_time(time: Timestamp) -> Option<String> {
    let nanoseconds = i128::from(time.0).checked_mul(1_000_000)?;
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()?;
    time.format(&Rfc3339).ok()
}

/// Whether `text` can name a network or a member.
pub(crate) fn is_name(text: &str, limit: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    // A name becomes part of file names, where a leading dot or dash means something.
    (1..=limit).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with(['.', '-'])
}

/// Whether `text` may stand in tables and on pages.
pub(crate) fn is_text(text: &str, limit: usize) -> bool {
    text.len() <= limit && !text.chars().any(char::is_control)
}

/// Whether `text` is a multiaddress at which a validator's TCP listener can be reached.
pub(crate) fn is_listener(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let ["", protocol, host, "tcp", port] = parts.as_slice() else {
        return false;
    };
    let host_fits = match *protocol {
        "ip4" => host.parse::<Ipv4Addr>().is_ok_and(|ip| !ip.is_unspecified()),
        "ip6" => host.parse::<Ipv6Addr>().is_ok_and(|ip| !ip.is_unspecified()),
        "dns" | "dns4" | "dns6" => is_host_name(host),
        _ => false,
    };
    let canonical = !port.starts_with(['0', '+']);
    host_fits && canonical && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// A text as a TOML string.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
