//! Genesis documents, as bytes and as texts, and key files.

use quorate_crypto_second::Key;
use quorate_crypto_second::keyfile::{self, client, secret};
use quorate_genesis_second::{Draft, Genesis, GenesisError, Join};
use quorate_ledger_second::StateValue;

pub(super) fn genesis(bytes: &[u8]) {
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
pub(super) fn genesis_text(bytes: &[u8]) {
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
pub(super) fn key_file(bytes: &[u8]) {
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
