//! How values are written in documents (`docs/formats.md`, section 1): one text for each value, and no
//! other is read.

use quorate_crypto::{Address, Engine, Key, KeySignature};
use quorate_ledger::limits::AMOUNT_LIMIT;
use quorate_ledger::{
    Amount, AmountError, AssetCode, ExactAmountError, Timestamp, parse_exact_amount, visible,
};

use crate::Problem;

/// Reads an amount in units of an asset, such as `1000000.00`: exactly as many digits after the point as the
/// asset has decimals, without decimals no point, and no leading zero.
///
/// # Errors
/// [`Problem::NotAnAmount`]; [`Problem::AmountTooLarge`] from 10^38 of the smallest unit.
pub fn parse_amount(text: &str, decimals: u8) -> Result<Amount, Problem> {
    match parse_exact_amount(text, decimals) {
        Ok(amount) if amount.0 < AMOUNT_LIMIT => Ok(amount),
        Ok(_) | Err(ExactAmountError::NotAnAmount(AmountError::TooLarge { .. })) => {
            Err(Problem::AmountTooLarge)
        }
        Err(_) => Err(Problem::NotAnAmount { decimals }),
    }
}

/// Reads a time in RFC 3339 as [`format_time`](crate::format_time) writes it.
///
/// # Errors
/// [`Problem::NotATime`] for every other text, those of the same moment too.
pub fn parse_time(text: &str) -> Result<Timestamp, Problem> {
    quorate_ledger::parse_time(text).map_err(|_| Problem::NotATime)
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
    text.parse().map_err(|_| Problem::NotAKey)
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
    fn what_is_shown_of_a_document_is_short_and_harmless() {
        assert_eq!(shown("alpha"), "alpha");
        assert_eq!(shown("a\u{1b}[2J"), "a\\u{1b}[2J");
        let long = shown(&"ä".repeat(1_000));
        assert_eq!(long, format!("{}…", "ä".repeat(60)));
    }
}
