//! Decoders of text.

use quorate_client::SseParser;
use quorate_client::schema::{OperationView, Problem, SubmitMany, SubmitRequest, Transaction};
use quorate_client::text::{parse_rfc3339, rfc3339_of};
use quorate_client::wallet::{format_amount, parse_amount};
use quorate_crypto::keyfile;
use quorate_genesis::{Draft, Genesis, Join};
use quorate_ledger::{Address, AssetCode, Operation};

pub(crate) fn genesis(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(draft) = Draft::parse(text) {
        assert_eq!(Draft::parse(&draft.to_toml()).unwrap(), draft);
    }
    if let Ok(join) = Join::parse(text) {
        assert_eq!(Join::parse(&join.to_toml()).unwrap(), join);
    }
    if let Ok(genesis) = Genesis::parse(text) {
        let _ = (genesis.network_id(), genesis.initial_state());
    }
}

/// Without a passphrase, as deriving a key from one takes its time by design.
pub(crate) fn key_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = keyfile::is_encrypted_pem(text);
    if let Ok(key) = keyfile::from_pem(text, None) {
        let written = keyfile::to_pem(&key, None).unwrap();
        assert_eq!(keyfile::from_pem(&written, None).unwrap().public(), key.public());
    }
}

pub(crate) fn address(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(address) = text.parse::<Address>() {
        assert_eq!(address.to_string(), text.to_lowercase());
    }
    if let Ok(code) = text.parse::<AssetCode>() {
        assert_eq!(code.as_str(), text);
    }
}

/// The first byte says how many decimals.
pub(crate) fn amount(bytes: &[u8]) {
    let Some((decimals, rest)) = bytes.split_first() else {
        return;
    };
    let (decimals, Ok(text)) = (decimals % 19, std::str::from_utf8(rest)) else {
        return;
    };
    if let Ok(amount) = parse_amount(text, decimals) {
        let written = format_amount(amount, decimals);
        assert_eq!(parse_amount(&written, decimals).unwrap(), amount);
    }
}

pub(crate) fn time(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(time) = parse_rfc3339(text) {
        assert_eq!(parse_rfc3339(&rfc3339_of(time)), Some(time));
    }
}

/// Bodies of the HTTP API in JSON, both ways.
pub(crate) fn submission(bytes: &[u8]) {
    let _ = serde_json::from_slice::<SubmitRequest>(bytes);
    let _ = serde_json::from_slice::<SubmitMany>(bytes);
    let _ = serde_json::from_slice::<Problem>(bytes);
    if let Ok(transaction) = serde_json::from_slice::<Transaction>(bytes) {
        let again = serde_json::to_vec(&transaction).unwrap();
        let again: Transaction = serde_json::from_slice(&again).unwrap();
        assert_eq!(again, transaction);
    }
    if let Ok(view) = serde_json::from_slice::<OperationView>(bytes) {
        let operation = Operation::from(&view);
        assert_eq!(OperationView::from(&operation), view);
    }
}

/// A stream of events, as it comes in pieces.
pub(crate) fn events(bytes: &[u8]) {
    let mut whole = SseParser::default();
    let at_once = whole.push(bytes);
    let mut parser = SseParser::default();
    let mut frames = Vec::new();
    for piece in bytes.chunks(3) {
        match parser.push(piece) {
            Ok(some) => frames.extend(some),
            Err(_) => return,
        }
    }
    assert_eq!(at_once.unwrap(), frames);
}
