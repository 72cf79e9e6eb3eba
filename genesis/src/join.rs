//! Joins: a member's public keys, signed by all of them over the draft that the member has read.

use quorate_crypto::{Digest, Domain, PublicKey, Signature, SigningKey};
use quorate_ledger::encode;
use serde::{Deserialize, Serialize};

use crate::draft::push;
use crate::error::Place;
use crate::text::{self, quoted};
use crate::{Draft, GenesisError, Problem, document};

/// The most addresses of a validator.
pub const MAX_ADDRESSES: usize = 8;

/// The most bytes of an address.
pub const MAX_ADDRESS: usize = 280;

/// A member's agreement to a draft, with the keys that it takes part with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Join {
    /// Version 1.
    V1(JoinV1),
}

/// Version 1 of [`Join`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinV1 {
    /// What is signed.
    pub body: JoinBody,
    /// The validator key's, over the body under [`Domain::JOIN`].
    pub validator_signature: Signature,
    /// The node key's, over the same.
    pub node_signature: Signature,
    /// The member key's, over the same.
    pub member_signature: Signature,
}

/// What a member's keys sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JoinBody {
    /// Version 1.
    V1(JoinBodyV1),
}

/// Version 1 of [`JoinBody`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinBodyV1 {
    /// The draft that the member has read.
    pub draft: Digest,
    /// The member's name in the draft.
    pub member: String,
    /// Signs votes, batches and seals.
    pub validator_key: PublicKey,
    /// The validator's identity in the network (libp2p, Ed25519).
    pub node_key: PublicKey,
    /// Signs for the member in governance.
    pub member_key: PublicKey,
    /// Where others reach the validator, as multiaddresses without a peer id.
    pub addresses: Vec<String>,
}

/// The keys with which a member joins.
#[derive(Clone, Copy, Debug)]
pub struct JoinKeys<'a> {
    /// Signs votes, batches and seals.
    pub validator: &'a SigningKey,
    /// The validator's identity in the network.
    pub node: &'a SigningKey,
    /// Signs for the member in governance.
    pub member: &'a SigningKey,
}

impl Join {
    /// Signs `draft` as its member `member`.
    pub fn sign(
        draft: &Draft,
        member: &str,
        keys: JoinKeys<'_>,
        addresses: Vec<String>,
    ) -> Result<Self, GenesisError> {
        let body = JoinBody::V1(JoinBodyV1 {
            draft: draft.digest(),
            member: member.to_owned(),
            validator_key: keys.validator.public(),
            node_key: keys.node.public(),
            member_key: keys.member.public(),
            addresses,
        });
        let bytes = encode(&body);
        let join = Self::V1(JoinV1 {
            body,
            validator_signature: keys.validator.sign(Domain::JOIN, &bytes),
            node_signature: keys.node.sign(Domain::JOIN, &bytes),
            member_signature: keys.member.sign(Domain::JOIN, &bytes),
        });
        join.verify(draft)?;
        Ok(join)
    }

    /// Reads a join file; whether it fits a draft, [`verify`](Self::verify) says.
    pub fn parse(toml: &str) -> Result<Self, GenesisError> {
        document::read_join(toml)
    }

    /// What is signed.
    pub fn body(&self) -> &JoinBodyV1 {
        let JoinBody::V1(body) = &self.v1().body;
        body
    }

    /// Version 1's fields.
    pub fn v1(&self) -> &JoinV1 {
        let Self::V1(join) = self;
        join
    }

    /// Checks that a member of `draft` joined this draft with usable keys, all of which signed.
    pub fn verify(&self, draft: &Draft) -> Result<(), GenesisError> {
        self.verify_at(draft, &Place::key("joins").entry(0))
    }

    /// As [`verify`](Self::verify), for the join at `place` of a document.
    pub(crate) fn verify_at(&self, draft: &Draft, place: &Place) -> Result<(), GenesisError> {
        let body = self.body();
        let at = |key| place.clone().then(key);
        if !draft.v1().members.contains(&body.member) {
            return Err(at("member").is(Problem::NotAMember {
                member: body.member.chars().take(100).collect(),
            }));
        }
        let expected = draft.digest();
        if body.draft != expected {
            return Err(at("draft").is(Problem::OtherDraft {
                member: body.member.clone(),
                got: Box::new(body.draft),
                expected: Box::new(expected),
            }));
        }
        check_addresses(&body.addresses, &at("addresses"))?;
        self.check_keys(place)?;
        let JoinV1 {
            body: signed,
            validator_signature,
            node_signature,
            member_signature,
        } = self.v1();
        let bytes = encode(signed);
        let signatures = [
            ("validator_signature", &body.validator_key, validator_signature),
            ("node_signature", &body.node_key, node_signature),
            ("member_signature", &body.member_key, member_signature),
        ];
        for (name, key, signature) in signatures {
            if key.verify_validator(Domain::JOIN, &bytes, signature).is_err() {
                return Err(at(name).is(Problem::BadSignature {
                    member: body.member.clone(),
                }));
            }
        }
        Ok(())
    }

    /// The three keys with their names in documents.
    pub(crate) fn keys(&self) -> [(&'static str, PublicKey); 3] {
        let body = self.body();
        [
            ("validator_key", body.validator_key),
            ("node_key", body.node_key),
            ("member_key", body.member_key),
        ]
    }

    /// Each key is usable and serves one purpose only.
    fn check_keys(&self, place: &Place) -> Result<(), GenesisError> {
        let keys = self.keys();
        for (number, (name, key)) in keys.iter().enumerate() {
            let place = || place.clone().then(name);
            key.check_registrable()
                .map_err(|error| place().is(Problem::BadKey { error }))?;
            if keys[..number].iter().any(|(_, earlier)| earlier == key) {
                return Err(place().is(Problem::Duplicate {
                    what: format!("key {key}"),
                }));
            }
        }
        Ok(())
    }

    /// The join as a TOML document; [`parse`](Self::parse) reads it again.
    pub fn to_toml(&self) -> String {
        let body = self.body();
        let join = self.v1();
        let mut toml = format!(
            "[[joins]]\n\
             member = {}\n\
             draft = \"{}\"\n\
             validator_key = \"{}\"\n\
             node_key = \"{}\"\n\
             member_key = \"{}\"\n",
            quoted(&body.member),
            body.draft,
            body.validator_key,
            body.node_key,
            body.member_key,
        );
        let addresses: Vec<_> = body.addresses.iter().map(|address| quoted(address)).collect();
        push(
            &mut toml,
            format_args!(
                "addresses = [{}]\n\
                 validator_signature = \"{}\"\n\
                 node_signature = \"{}\"\n\
                 member_signature = \"{}\"\n",
                addresses.join(", "),
                join.validator_signature,
                join.node_signature,
                join.member_signature,
            ),
        );
        toml
    }
}

fn check_addresses(addresses: &[String], place: &Place) -> Result<(), GenesisError> {
    if addresses.len() > MAX_ADDRESSES {
        return Err(place.clone().is(Problem::TooMany {
            got: addresses.len(),
            limit: MAX_ADDRESSES,
        }));
    }
    for (index, address) in addresses.iter().enumerate() {
        let place = || place.clone().entry(index);
        if address.len() > MAX_ADDRESS || !text::is_listener(address) {
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
