//! The signer's seam: real signatures, or cheap ones. Cheap is a digest keyed with the public key; it
//! names its signer as long as nobody forges, and in a simulation liars sign with their own keys only.

use std::sync::OnceLock;

use quorate_consensus::{Body, Ed25519, Message, SignatureScheme};
use quorate_crypto::{
    Committee, Digest, Domain, Epoch, Protocol, PublicKey, Signature, SigningKey, ValidatorIndex, sha256,
};

/// The most validators of a simulation.
pub(crate) const MAX_VALIDATORS: usize = 31;

/// How validators sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// With a keyed digest.
    KeyedDigest,
    /// As the node does.
    Ed25519,
}

impl Scheme {
    /// A message of `sender`, signed.
    pub fn sign_message(
        self,
        network: Digest,
        committee: &Committee,
        sender: ValidatorIndex,
        body: Body,
    ) -> Message {
        let content = body.signed_bytes(network, committee.epoch());
        let signature = self.sign(committee, sender, body.domain(), &content);
        Message::new(committee.epoch(), sender, body, signature)
    }

    /// A signature of a member of the committee.
    pub(crate) fn sign(
        self,
        committee: &Committee,
        signer: ValidatorIndex,
        domain: Domain,
        content: &[u8],
    ) -> Signature {
        match self {
            Self::KeyedDigest => {
                let key = committee.key(signer).expect("signers are members");
                keyed_digest(key, domain, content)
            }
            Self::Ed25519 => signing_key(signer).sign(domain, content),
        }
    }
}

impl SignatureScheme for Scheme {
    fn verify(&self, key: &PublicKey, domain: Domain, content: &[u8], signature: &Signature) -> bool {
        match self {
            Self::KeyedDigest => keyed_digest(key, domain, content) == *signature,
            Self::Ed25519 => Ed25519.verify(key, domain, content, signature),
        }
    }
}

fn keyed_digest(key: &PublicKey, domain: Domain, content: &[u8]) -> Signature {
    let digest = Digest::of_parts(&[key.as_bytes(), domain.tag().as_bytes(), &[0], content]);
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(digest.as_bytes());
    Signature(bytes)
}

/// A validator's key, the same in all simulations.
pub(crate) fn signing_key(validator: ValidatorIndex) -> &'static SigningKey {
    static KEYS: OnceLock<Vec<SigningKey>> = OnceLock::new();
    let make = |place: usize| SigningKey::from_seed(&sha256(&[7, place as u8]).0);
    let keys = KEYS.get_or_init(|| (0..MAX_VALIDATORS).map(make).collect());
    &keys[usize::from(validator.0)]
}

/// A committee of `size`. With [`Protocol::Raft`] in the place of PBFT its quorums are majorities: too
/// small for liars, which is how the simulator proves that it notices.
pub fn committee(size: usize, engine: Protocol) -> Committee {
    committee_of(Epoch(0), size, engine)
}

/// The committee of `size` in an epoch: its members keep their keys.
pub(crate) fn committee_of(epoch: Epoch, size: usize, engine: Protocol) -> Committee {
    static PUBLIC: OnceLock<Vec<PublicKey>> = OnceLock::new();
    let indices = (0..MAX_VALIDATORS).filter_map(|place| u16::try_from(place).ok());
    let keys = PUBLIC.get_or_init(|| {
        indices
            .map(|index| signing_key(ValidatorIndex(index)).public())
            .collect()
    });
    Committee::new(epoch, engine, 1, keys[..size].to_vec())
}
