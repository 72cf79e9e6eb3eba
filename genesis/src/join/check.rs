//! What a join must fulfil under its draft (`docs/formats.md`, section 16).

use std::collections::BTreeMap;

use quorate_crypto::{Digest, Key, Tag, verify_strict};
use quorate_ledger::{Signers, encode, is_listener};

use super::{Join, JoinBodyV1, MAX_ADDRESS, MAX_ADDRESSES, MAX_SIGNERS};
use crate::draft::check::{check_count, misplaced};
use crate::error::Place;
use crate::text::shown;
use crate::{Draft, GenesisError, Problem};

impl Join {
    /// As [`Join::verify`], for the join at `place` of a document, with the draft's hash.
    pub(crate) fn verify_at(
        &self,
        draft: &Draft,
        digest: &Digest,
        place: &Place,
    ) -> Result<(), GenesisError> {
        let body = self.body();
        let at = |key| place.clone().then(key);
        if !draft.v1().members.contains(&body.member) {
            return Err(at("member").is(Problem::NotAMember {
                member: shown(&body.member),
            }));
        }
        if body.draft != *digest {
            return Err(at("draft").is(Problem::OtherDraft {
                member: body.member.clone(),
                got: Box::new(body.draft),
                expected: Box::new(*digest),
            }));
        }
        check_addresses(&body.addresses, &at("addresses"))?;
        if let Some(signers) = &body.signers {
            check_signers(signers, place)?;
        }
        self.check_keys(place)?;
        self.check_administrators(place)?;
        self.check_signatures(place)
    }

    /// All keys of the join with their names in documents, each once: the account's is not counted among its own
    /// signers. 32 bytes of Ed25519 are one key, whatever they are for.
    pub(crate) fn keys(&self) -> Vec<(&'static str, Key)> {
        let body = self.body();
        let mut keys = vec![
            ("validator_key", Key::Ed25519(body.validator.0)),
            ("node_key", Key::Ed25519(body.node.0)),
            ("witness_key", Key::Ed25519(body.witness.0)),
            ("account_key", body.account),
        ];
        if let Some(Signers { signers, .. }) = &body.signers {
            let others = signers.iter().filter(|signer| signer.key != body.account);
            keys.extend(others.map(|signer| ("signers", signer.key)));
        }
        keys
    }

    /// Each key is good and serves one purpose only.
    fn check_keys(&self, place: &Place) -> Result<(), GenesisError> {
        let keys = self.keys();
        for (number, (name, key)) in keys.iter().enumerate() {
            let place = || place.clone().then(name);
            if !key.is_good() {
                return Err(place().is(Problem::BadKey { key: key.to_string() }));
            }
            if keys[..number].iter().any(|(_, earlier)| earlier == key) {
                return Err(place().is(Problem::Duplicate { what: one_key(key) }));
            }
        }
        Ok(())
    }

    /// Those who sign for the account are its signers, the key of its address is among them, and they reach its
    /// threshold.
    fn check_administrators(&self, place: &Place) -> Result<(), GenesisError> {
        let body = self.body();
        let at = |key| place.clone().then(key);
        let (weights, threshold) = authority(body);
        if !weights.contains_key(&body.account) {
            return Err(at("signers").is(Problem::AccountKeyNotASigner {
                key: body.account.to_string(),
            }));
        }
        let place = at("administrators");
        let keys: Vec<Key> = self
            .v1()
            .administrators
            .iter()
            .map(|signature| signature.key())
            .collect();
        // Documents have them in any order, so no index is named.
        let what = |index: usize| format!("the signature of {}", keys[index]);
        if let Some((_, problem)) = misplaced(keys.iter(), what) {
            return Err(place.is(problem));
        }
        let mut got = 0_u64;
        for key in &keys {
            match weights.get(key) {
                Some(weight) => got += u64::from(*weight),
                None => return Err(place.is(Problem::NotASigner { key: key.to_string() })),
            }
        }
        // Else anybody could join with another's known key, and take over what the draft gives to that address.
        if !keys.contains(&body.account) {
            return Err(place.is(Problem::AccountKeyDidNotSign {
                key: body.account.to_string(),
            }));
        }
        if got < u64::from(threshold) {
            return Err(place.is(Problem::BelowThreshold { got, threshold }));
        }
        Ok(())
    }

    /// Every signature fits: more than the threshold needs may stand there, none that is bad.
    fn check_signatures(&self, place: &Place) -> Result<(), GenesisError> {
        let (join, body) = (self.v1(), self.body());
        let bad = |name| {
            let member = body.member.clone();
            Err(place.clone().then(name).is(Problem::BadSignature { member }))
        };
        let bytes = encode(&join.body);
        let strict = [
            ("validator_signature", &body.validator, &join.validator),
            ("node_signature", &body.node, &join.node),
            ("witness_signature", &body.witness, &join.witness),
        ];
        for (name, key, signature) in strict {
            if !verify_strict(key, Tag::JOIN, &bytes, signature) {
                return bad(name);
            }
        }
        let preimage = Tag::JOIN.preimage(&bytes);
        for signature in &join.administrators {
            if !signature.verify(&preimage) {
                return bad("administrators");
            }
        }
        Ok(())
    }
}

/// A key as a message names it that finds it a second time.
pub(crate) fn one_key(key: &Key) -> String {
    format!("key {key}")
}

/// Who signs for the member's account with which weight, and the weight that it takes.
fn authority(body: &JoinBodyV1) -> (BTreeMap<Key, u16>, u32) {
    match &body.signers {
        None => (BTreeMap::from([(body.account, 1)]), 1),
        Some(Signers { threshold, signers }) => {
            let weights = signers.iter().map(|signer| (signer.key, signer.weight));
            (weights.collect(), *threshold)
        }
    }
}

/// Signers as the operation `set signers` would take them, but for their keys.
fn check_signers(signers: &Signers, join: &Place) -> Result<(), GenesisError> {
    let place = join.clone().then("signers");
    let Signers { threshold, signers } = signers;
    if signers.is_empty() {
        return Err(place.is(Problem::NoSigners));
    }
    check_count(&place, signers.len(), MAX_SIGNERS)?;
    let keys = signers.iter().map(|signer| signer.key);
    if let Some((_, problem)) = misplaced(keys, |index| one_key(&signers[index].key)) {
        return Err(place.is(problem));
    }
    if let Some(signer) = signers.iter().find(|signer| signer.weight == 0) {
        return Err(place.is(Problem::ZeroWeight {
            key: signer.key.to_string(),
        }));
    }
    let sum: u64 = signers.iter().map(|signer| u64::from(signer.weight)).sum();
    if *threshold == 0 || u64::from(*threshold) > sum {
        return Err(join.clone().then("threshold").is(Problem::BadThreshold {
            threshold: *threshold,
            sum,
        }));
    }
    Ok(())
}

fn check_addresses(addresses: &[String], place: &Place) -> Result<(), GenesisError> {
    check_count(place, addresses.len(), MAX_ADDRESSES)?;
    for (index, address) in addresses.iter().enumerate() {
        let place = || place.clone().entry(index);
        if address.len() > MAX_ADDRESS || !is_listener(address) {
            return Err(place().is(Problem::NotAListener));
        }
        if addresses[..index].contains(address) {
            return Err(place().is(Problem::Duplicate {
                what: address.clone(),
            }));
        }
    }
    Ok(())
}
