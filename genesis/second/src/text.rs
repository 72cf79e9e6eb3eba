//! How values are written in documents (`docs/formats-2.md`, section 1): one text for each value, and no
//! other is read.

use std::net::{Ipv4Addr, Ipv6Addr};

use quorate_crypto_second::{Address, Engine, Key, KeySignature};
use quorate_ledger_second::{Amount, AssetCode, Timestamp, visible};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Problem;

/// The last millisecond of the year 9999, after which times have no text.
pub(crate) const LAST_TIME: Timestamp = Timestamp(253_402_300_799_999);

/// What amounts and supplies are below (section 1, rule 11).
pub(crate) const AMOUNT_LIMIT: u128 = 10_u128.pow(38);

/// Reads an amount in units of an asset, such as `1000000.00`: exactly as many digits after the point as the
/// asset has decimals, without decimals no point, and no leading zero.
///
/// # Errors
/// [`Problem::NotAnAmount`]; [`Problem::AmountTooLarge`] from 10^38 of the smallest unit.
pub fn parse_amount(text: &str, decimals: u8) -> Result<Amount, Problem> {
    let (whole, fraction) = match text.split_once('.') {
        Some(parts) if decimals > 0 => parts,
        None if decimals == 0 => (text, ""),
        _ => return Err(Problem::NotAnAmount { decimals }),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let shortest = whole == "0" || (!whole.is_empty() && !whole.starts_with('0'));
    if !shortest || fraction.len() != usize::from(decimals) || !digits(whole) || !digits(fraction) {
        return Err(Problem::NotAnAmount { decimals });
    }
    let mut digits = whole.bytes().chain(fraction.bytes());
    let units = digits.try_fold(0_u128, |sum, digit| {
        sum.checked_mul(10)?.checked_add(u128::from(digit - b'0'))
    });
    match units {
        Some(units) if units < AMOUNT_LIMIT => Ok(Amount(units)),
        _ => Err(Problem::AmountTooLarge),
    }
}

/// Reads a time in RFC 3339 as [`format_time`] writes it.
///
/// # Errors
/// [`Problem::NotATime`] for every other text, those of the same moment too.
pub fn parse_time(text: &str) -> Result<Timestamp, Problem> {
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| Problem::NotATime)?;
    let milliseconds = time.unix_timestamp_nanos() / 1_000_000;
    let time = u64::try_from(milliseconds).map_err(|_| Problem::NotATime)?;
    let time = Timestamp(time);
    if format_time(time).as_deref() == Some(text) {
        Ok(time)
    } else {
        Err(Problem::NotATime)
    }
}

/// Writes a time in RFC 3339, in UTC, with three digits of milliseconds if they are not 0. `None`: the time is
/// after the year 9999.
pub fn format_time(time: Timestamp) -> Option<String> {
    if time > LAST_TIME {
        return None;
    }
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(time.0) * 1_000_000).ok()?;
    let date = format!(
        "{:04}-{:02}-{:02}",
        moment.year(),
        u8::from(moment.month()),
        moment.day()
    );
    let clock = format!(
        "{:02}:{:02}:{:02}",
        moment.hour(),
        moment.minute(),
        moment.second()
    );
    Some(match moment.millisecond() {
        0 => format!("{date}T{clock}Z"),
        milliseconds => format!("{date}T{clock}.{milliseconds:03}Z"),
    })
}

/// Reads the name of a consensus protocol.
pub(crate) fn parse_engine(text: &str) -> Result<Engine, Problem> {
    match text {
        "pbft" => Ok(Engine::Pbft),
        "raft" => Ok(Engine::Raft),
        "paxos" => Ok(Engine::Paxos),
        _ => Err(Problem::NotAnEngine),
    }
}

/// Reads an asset's code.
pub(crate) fn parse_code(text: &str) -> Result<AssetCode, Problem> {
    text.parse().map_err(|_| Problem::NotAnAssetCode)
}

/// Reads an address in lower case.
pub(crate) fn parse_address(text: &str) -> Result<Address, Problem> {
    match text.parse::<Address>() {
        Ok(address) if address.to_string() == text => Ok(address),
        _ => Err(Problem::NotAnAddress { text: shown(text) }),
    }
}

/// Reads `N` bytes in lower-case hex.
pub(crate) fn parse_hex<const N: usize>(text: &str) -> Result<[u8; N], Problem> {
    let lower = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    let mut bytes = [0; N];
    if text.bytes().all(lower) && hex::decode_to_slice(text, &mut bytes).is_ok() {
        Ok(bytes)
    } else {
        Err(Problem::NotHex { digits: 2 * N })
    }
}

/// Reads the key of an account or a signer; whether it is a good one, its user checks.
pub(crate) fn parse_key(text: &str) -> Result<Key, Problem> {
    let key = match text.split_once(':') {
        Some(("ed25519", digits)) => parse_hex(digits).map(Key::Ed25519),
        Some(("p256", digits)) => parse_hex(digits).map(Key::P256),
        _ => return Err(Problem::NotAKey),
    };
    key.map_err(|_| Problem::NotAKey)
}

/// A signature by `key`, whose kind it has.
pub(crate) fn key_signature(key: Key, signature: [u8; 64]) -> KeySignature {
    match key {
        Key::Ed25519(key) => KeySignature::Ed25519 { key, signature },
        Key::P256(key) => KeySignature::P256 { key, signature },
    }
}

/// The signature alone, in hex.
pub(crate) fn signature_text(signature: &KeySignature) -> String {
    match signature {
        KeySignature::Ed25519 { signature, .. } | KeySignature::P256 { signature, .. } => {
            hex::encode(signature)
        }
    }
}

/// True if `text` can name a network or a member.
pub(crate) fn is_name(text: &str, limit: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    // A name becomes part of file names, where a leading dot or dash means something.
    (1..=limit).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with(['.', '-'])
}

/// True for the code points that no text may have (section 4, rule 5).
pub(crate) fn is_refused(letter: char) -> bool {
    matches!(letter,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// True if `text` is the one form of a multiaddress at which a validator's TCP listener can be reached
/// (section 16): of an IP address other than the unspecified one, or a DNS name, and without a peer id.
pub(crate) fn is_listener(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let ["", protocol, host, "tcp", port] = parts.as_slice() else {
        return false;
    };
    let host_fits = match *protocol {
        "ip4" => host
            .parse::<Ipv4Addr>()
            .is_ok_and(|ip| !ip.is_unspecified() && ip.to_string() == *host),
        // The standard library writes RFC 5952, and an IPv4 address under ::ffff:0:0/96 alone.
        "ip6" => host
            .parse::<Ipv6Addr>()
            .is_ok_and(|ip| !ip.is_unspecified() && ip.to_string() == *host),
        "dns" | "dns4" | "dns6" => is_host_name(host),
        _ => false,
    };
    host_fits
        && port
            .parse::<u16>()
            .is_ok_and(|number| number > 0 && number.to_string() == *port)
}

fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // With digits alone in its last label, a name could be an IPv4 address.
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 253 && text.split('.').all(is_label) && !text.rsplit('.').next().is_some_and(is_number)
}

/// A text out of a document as it may stand in a message: cut if it is long, and without characters that nobody
/// sees.
pub(crate) fn shown(text: &str) -> String {
    let start: String = text.chars().take(60).collect();
    let cut = if start.len() < text.len() { "…" } else { "" };
    format!("{}{cut}", visible(&start))
}

/// A text as a TOML string.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_code_points_are_those_of_the_page() {
        let edges = [
            ('\0', '\u{1f}'),
            ('\u{7f}', '\u{9f}'),
            ('\u{61c}', '\u{61c}'),
            ('\u{200e}', '\u{200f}'),
            ('\u{2028}', '\u{202e}'),
            ('\u{2066}', '\u{2069}'),
            ('\u{feff}', '\u{feff}'),
            ('\u{fff9}', '\u{fffb}'),
            ('\u{e0000}', '\u{e007f}'),
        ];
        let expected: usize = edges.iter().map(|(first, last)| (*first..=*last).count()).sum();
        assert_eq!(
            ('\0'..=char::MAX).filter(|letter| is_refused(*letter)).count(),
            expected
        );
        for (first, last) in edges {
            assert!((first..=last).all(is_refused), "{first:?} to {last:?}");
        }
    }

    #[test]
    fn what_is_shown_of_a_document_is_short_and_harmless() {
        assert_eq!(shown("alpha"), "alpha");
        assert_eq!(shown("a\u{1b}[2J"), "a\\u{1b}[2J");
        let long = shown(&"ä".repeat(1_000));
        assert_eq!(long, format!("{}…", "ä".repeat(60)));
    }
}
