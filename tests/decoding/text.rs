//! Genesis documents, as bytes and as texts, key files, and the other texts that come from outside.

use quorate_client::SseParser;
use quorate_client::schema::{ActView, Problem, SubmitMany, SubmitRequest, Transaction};
use quorate_client::text::{parse_rfc3339, rfc3339_of};
use quorate_crypto::Key;
use quorate_crypto::keyfile::{self, client, secret};
use quorate_genesis::{Draft, Genesis, GenesisError, Join};
use quorate_ledger::{Address, AssetCode, StateValue, format_amount, parse_amount};

pub(crate) fn genesis(bytes: &[u8]) {
    let Ok(genesis) = Genesis::decode(bytes) else {
        return;
    };
    assert_eq!(
        genesis.canonical_bytes(),
        bytes,
        "a second encoding of one document"
    );
    founds_a_network(&genesis);
    match Genesis::parse(&genesis.to_toml()) {
        Ok(read) => assert_eq!(read, genesis),
        // A document may have more balances than fit into a text.
        Err(error) => assert!(matches!(error, GenesisError::TooLarge { .. }), "{error}"),
    }
}

/// A draft, a join, or a whole document in TOML.
pub(crate) fn genesis_text(bytes: &[u8]) {
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
        assert_eq!(Genesis::parse(&genesis.to_toml()).unwrap(), genesis);
        assert_eq!(Genesis::decode(&genesis.canonical_bytes()).unwrap(), genesis);
        founds_a_network(&genesis);
    }
}

/// A document that is accepted has a committee and a state.
fn founds_a_network(genesis: &Genesis) {
    assert!(genesis.committee().check().is_ok());
    let leaves = genesis.leaves();
    assert!(leaves.is_sorted_by(|(a, _), (b, _)| a < b));
    for (key, value) in &leaves {
        assert!(StateValue::decode(key, value).is_ok(), "{key}");
    }
}

/// Without a passphrase, as deriving a key from one takes its time by design.
pub(crate) fn key_file(bytes: &[u8]) {
    let Ok(text) = keyfile::text_of(bytes) else {
        return;
    };
    let _ = (client::is_encrypted_pem(&text), client::told_public_key(&text));
    let key = client::from_pem(&text, None).ok();
    if let Some(key) = &key {
        let written = client::to_pem(key, None).unwrap();
        assert_eq!(client::from_pem(&written, None).unwrap().key(), key.key());
        assert!(key.key().is_good());
    }
    // Validators' keys are clients' too, and no secret is a key.
    if let Ok(validator) = keyfile::from_pem(&text, None) {
        let same = key.as_ref().map(|key| key.key());
        assert_eq!(same, Some(Key::from(validator.public())));
    }
    if let Ok(kept) = secret::from_pem(&text, None) {
        assert!(key.is_none());
        let written = secret::to_pem(&kept, None).unwrap();
        assert_eq!(secret::from_pem(&written, None).unwrap(), kept);
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
pub(crate) fn api_input(bytes: &[u8]) {
    let _ = serde_json::from_slice::<SubmitRequest>(bytes);
    let _ = serde_json::from_slice::<SubmitMany>(bytes);
    let _ = serde_json::from_slice::<Problem>(bytes);
    if let Ok(transaction) = serde_json::from_slice::<Transaction>(bytes) {
        let again = serde_json::to_vec(&transaction).unwrap();
        let again: Transaction = serde_json::from_slice(&again).unwrap();
        assert_eq!(again, transaction);
    }
    if let Ok(act) = serde_json::from_slice::<ActView>(bytes) {
        let again = serde_json::to_vec(&act).unwrap();
        let again: ActView = serde_json::from_slice(&again).unwrap();
        assert_eq!(again, act);
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
