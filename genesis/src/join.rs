//! Joins: a member's public keys, signed by all of them over the draft that the member has read
//! (`docs/formats.md`, section 16).

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{
    Address, ClientSigningKey, Digest, Key, KeySignature, PublicKey, Signature, SigningKey, Tag, sign_strict,
};
use quorate_ledger::{Signers, encode, limits};
use serde::{Deserialize, Serialize};

use crate::draft::push;
use crate::error::Place;
use crate::text::{quoted, signature_text};
use crate::{Draft, GenesisError, document};

pub(crate) mod check;

/// The most addresses of a validator.
pub const MAX_ADDRESSES: usize = limits::MAX_ADDRESSES;

/// The most bytes of an address.
pub const MAX_ADDRESS: usize = limits::MAX_ADDRESS_BYTES;

/// The most signers of an account, and so the most administrators that sign a join.
pub const MAX_SIGNERS: usize = limits::MAX_SIGNERS;

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
    /// The validator key's signature, over the body under [`Tag::JOIN`], strict.
    pub validator: Signature,
    /// The node key's, over the same.
    pub node: Signature,
    /// The witness key's, over the same.
    pub witness: Signature,
    /// Those of signers of the member's account, over the same, strictly ascending by key. They reach the account's
    /// threshold, and the key `account` of the body is among them. The body does not fix which others are.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_SIGNERS>")]
    pub administrators: Vec<KeySignature>,
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
    pub validator: PublicKey,
    /// The validator's identity in the network (libp2p, Ed25519).
    pub node: PublicKey,
    /// Signs checkpoints of the transaction log.
    pub witness: PublicKey,
    /// Gives the member's account its address, and is one of its signers.
    pub account: Key,
    /// Who signs for the account. `None`: the key `account` alone.
    pub signers: Option<Signers>,
    /// Where others reach the validator, as multiaddresses without a peer id.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_ADDRESSES>")]
    pub addresses: Vec<String>,
}

/// The keys with which a member joins.
#[derive(Clone, Copy)]
pub struct JoinKeys<'a> {
    /// Signs votes, batches and seals.
    pub validator: &'a SigningKey,
    /// The validator's identity in the network.
    pub node: &'a SigningKey,
    /// Signs checkpoints of the transaction log.
    pub witness: &'a SigningKey,
    /// Gives the member's account its address, and signs for it.
    pub account: &'a ClientSigningKey,
    /// Who signs for the account, ascending by key. `None`: `account` alone.
    pub signers: Option<&'a Signers>,
    /// Further signers of the account that sign here and now.
    pub administrators: &'a [&'a ClientSigningKey],
}

impl JoinBodyV1 {
    /// The address of the member's account.
    pub fn address(&self) -> Address {
        self.account.address()
    }
}

impl Join {
    /// Signs `draft` as its member `member`.
    ///
    /// # Errors
    /// As [`verify`](Self::verify): the keys at hand must be enough.
    pub fn sign(
        draft: &Draft,
        member: &str,
        keys: JoinKeys<'_>,
        addresses: Vec<String>,
    ) -> Result<Self, GenesisError> {
        let join = Self::begin(draft, member, keys, addresses);
        join.verify(draft)?;
        Ok(join)
    }

    /// A join with the signatures of the keys at hand, of which nothing is checked. Where further administrators
    /// have keys elsewhere, each of them adds its signature with [`countersign`](Self::countersign).
    pub fn begin(draft: &Draft, member: &str, keys: JoinKeys<'_>, addresses: Vec<String>) -> Self {
        let body = JoinBody::V1(JoinBodyV1 {
            draft: draft.digest(),
            member: member.to_owned(),
            validator: keys.validator.public(),
            node: keys.node.public(),
            witness: keys.witness.public(),
            account: keys.account.key(),
            signers: keys.signers.cloned(),
            addresses,
        });
        let bytes = encode(&body);
        let mut join = Self::V1(JoinV1 {
            body,
            validator: sign_strict(keys.validator, Tag::JOIN, &bytes),
            node: sign_strict(keys.node, Tag::JOIN, &bytes),
            witness: sign_strict(keys.witness, Tag::JOIN, &bytes),
            administrators: Vec::new(),
        });
        join.countersign(keys.account);
        for administrator in keys.administrators {
            join.countersign(administrator);
        }
        join
    }

    /// Adds the signature of a signer of the member's account, or replaces the one that is there.
    pub fn countersign(&mut self, key: &ClientSigningKey) {
        let Self::V1(join) = self;
        let signature = key.sign(Tag::JOIN, &encode(&join.body));
        let signer = signature.key();
        match join
            .administrators
            .binary_search_by_key(&signer, KeySignature::key)
        {
            Ok(place) => join.administrators[place] = signature,
            Err(place) => join.administrators.insert(place, signature),
        }
    }

    /// Reads a join file; whether it fits a draft, [`verify`](Self::verify) says.
    ///
    /// # Errors
    /// A text that is not in the form of section 16, or has other than one join.
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

    /// Checks that a member of `draft` joined this draft with good keys, all of which signed, and that so many of
    /// its account's signers did as it takes, the key of its address among them.
    ///
    /// # Errors
    /// [`GenesisError::Invalid`] for the first thing that is wrong.
    pub fn verify(&self, draft: &Draft) -> Result<(), GenesisError> {
        self.verify_at(draft, &draft.digest(), &Place::key("joins").entry(0))
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
             witness_key = \"{}\"\n\
             account_key = \"{}\"\n",
            quoted(&body.member),
            body.draft,
            body.validator,
            body.node,
            body.witness,
            body.account,
        );
        if let Some(Signers { threshold, signers }) = &body.signers {
            push(&mut toml, format_args!("signers = [\n"));
            for signer in signers {
                let (key, weight) = (signer.key, signer.weight);
                push(
                    &mut toml,
                    format_args!("    {{ key = \"{key}\", weight = {weight} }},\n"),
                );
            }
            push(&mut toml, format_args!("]\nthreshold = {threshold}\n"));
        }
        let addresses: Vec<_> = body.addresses.iter().map(|address| quoted(address)).collect();
        push(
            &mut toml,
            format_args!(
                "addresses = [{}]\n\
                 validator_signature = \"{}\"\n\
                 node_signature = \"{}\"\n\
                 witness_signature = \"{}\"\n\
                 administrators = [\n",
                addresses.join(", "),
                join.validator,
                join.node,
                join.witness,
            ),
        );
        for signature in &join.administrators {
            let (key, signature) = (signature.key(), signature_text(signature));
            push(
                &mut toml,
                format_args!("    {{ key = \"{key}\", signature = \"{signature}\" }},\n"),
            );
        }
        push(&mut toml, format_args!("]\n"));
        toml
    }
}
