//! Cheap signatures: a digest keyed with the public key. They name their signer as long as nobody
//! forges, and in a simulation liars sign with their own keys only.

use quorate_consensus::{Body, Message, SignatureScheme};
use quorate_crypto::{Committee, Digest, Domain, Engine, Epoch, PublicKey, Signature, ValidatorIndex};

/// The scheme.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyedDigest;

impl KeyedDigest {
    /// What `key` signs with.
    pub fn sign(key: &PublicKey, domain: Domain, content: &[u8]) -> Signature {
        let digest = Digest::of_parts(&[key.as_bytes(), domain.tag().as_bytes(), &[0], content]);
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(digest.as_bytes());
        Signature(bytes)
    }

    /// A message of `sender`, signed.
    pub fn sign_message(
        network: Digest,
        committee: &Committee,
        sender: ValidatorIndex,
        body: Body,
    ) -> Message {
        let key = committee.key(sender).expect("senders are members");
        let content = body.signed_bytes(network, committee.epoch());
        let signature = Self::sign(key, body.domain(), &content);
        Message::new(committee.epoch(), sender, body, signature)
    }
}

impl SignatureScheme for KeyedDigest {
    fn verify(&self, key: &PublicKey, domain: Domain, content: &[u8], signature: &Signature) -> bool {
        Self::sign(key, domain, content) == *signature
    }
}

/// A committee of `size` made-up keys. With [`Engine::Raft`] in the place of PBFT its quorums are
/// majorities: too small for liars, which is how the simulator proves that it notices.
pub fn committee(size: usize, engine: Engine) -> Committee {
    let keys = (0..size)
        .map(|index| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&(index as u64 + 1).to_le_bytes());
            PublicKey(key)
        })
        .collect();
    Committee::new(Epoch(0), engine, 1, keys)
}
