//! A node's public key, as the other crates know it, and libp2p's name for it.

use std::fmt;
use std::str::FromStr;

use libp2p::PeerId;
use libp2p::identity::{PublicKey, ed25519};

/// The Ed25519 public key of a node: who is at the other end of a link. Noise proves it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub [u8; 32]);

/// The text or the bytes are not a node's public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a node key is 64 hexadecimal digits of an Ed25519 public key")]
pub struct InvalidKey;

/// What comes before the 32 bytes of an Ed25519 key in a peer id: identity multihash of 36 bytes, then
/// the protobuf fields "type 1" and "32 bytes of data".
const PEER_ID_PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

impl PeerKey {
    /// The key's bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The public key of the node whose key has this seed.
    pub fn of_seed(seed: &[u8; 32]) -> Self {
        let mut copy = zeroize::Zeroizing::new(*seed);
        let secret = ed25519::SecretKey::try_from_bytes(copy.as_mut_slice())
            .expect("any 32 bytes are an Ed25519 seed");
        Self(ed25519::Keypair::from(secret).public().to_bytes())
    }

    pub(crate) fn peer_id(&self) -> Result<PeerId, InvalidKey> {
        let key = ed25519::PublicKey::try_from_bytes(&self.0).map_err(|_| InvalidKey)?;
        Ok(PeerId::from_public_key(&PublicKey::from(key)))
    }

    /// The key inside a peer id; none if it is of another kind.
    pub(crate) fn of_peer_id(id: &PeerId) -> Option<Self> {
        let bytes = id.to_bytes();
        let key = bytes.strip_prefix(&PEER_ID_PREFIX)?;
        key.try_into().ok().map(Self)
    }
}

impl From<[u8; 32]> for PeerKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..4]))
    }
}

impl FromStr for PeerKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidKey)?;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_ids_and_keys_turn_into_each_other() {
        let key = PeerKey::of_seed(&[7; 32]);
        let id = key.peer_id().unwrap();
        assert_eq!(PeerKey::of_peer_id(&id), Some(key));
        assert_eq!(key.to_string().parse::<PeerKey>(), Ok(key));
    }

    #[test]
    fn bytes_that_are_no_point_are_no_peer() {
        let no_point = (0..=255u8)
            .map(|byte| PeerKey([byte; 32]))
            .filter(|key| key.peer_id().is_err())
            .count();
        assert!(no_point > 0);
    }
}
