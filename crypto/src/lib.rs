//! Digests, keys, signatures, Merkle trees, addresses, key files; the committee, its quorums and
//! certificates. Formats are those of `docs/formats.md`, sections 1, 2 and 7.
//!
//! Clients have keys of two kinds ([`Key`]). Their Ed25519 signatures are checked under ZIP-215, alone and in
//! batches alike, since every validator must accept exactly the same ones; their P-256 signatures have a low s.
//! Validators', nodes' and witnesses' signatures are Ed25519 alone and checked strictly ([`verify_strict`]), as any
//! verifier does.
//!
//! ```
//! use quorate_crypto::{Certificate, CertificateV1, Committee, CommitteeSeat, Engine, Epoch, Height};
//! use quorate_crypto::{MemberNumber, Seal, SealContent, SeatNumber, SigningKey, sha256};
//!
//! // Four validators, of which three seal a block.
//! let keys: Vec<SigningKey> = (0..4).map(|_| SigningKey::generate()).collect();
//! let seat = |(number, key): (u32, &SigningKey)| CommitteeSeat {
//!     member: MemberNumber(number),
//!     seat: SeatNumber(number),
//!     validator: key.public(),
//!     node: SigningKey::generate().public(),
//!     witness: SigningKey::generate().public(),
//! };
//! let committee = Committee::new(Epoch(0), Engine::Pbft, 1, (0..).zip(&keys).map(seat).collect());
//! assert!(committee.check().is_ok());
//! let (network, block) = (sha256(b"genesis"), sha256(b"header"));
//! let content = SealContent::new(network, Epoch(0), Height(1), block);
//! let seal = |(validator, key)| Seal { validator, signature: content.sign(key) };
//! let mut seals: Vec<Seal> = committee.indices().zip(&keys).map(seal).collect();
//! seals.truncate(committee.quorum());
//!
//! // Whoever knows the committee believes the block, whoever hands it over.
//! let certificate = |seals| {
//!     Certificate::V1(CertificateV1 { epoch: Epoch(0), height: Height(1), block, seals })
//! };
//! assert!(certificate(seals.clone()).verify(network, &committee).is_ok());
//! seals.pop();
//! assert!(certificate(seals).verify(network, &committee).is_err());
//! ```

mod address;
mod batch;
pub mod bounded;
mod certificate;
mod committee;
mod digest;
mod ecdsa;
mod key;
pub mod keyfile;
mod keys;
mod known_keys;
pub mod merkle;
mod signing;
mod small_order;
mod tag;
mod words;

pub use address::{Address, AddressError};
pub use batch::{signature_group, verify_clients};
pub use certificate::{Certificate, CertificateError, CertificateV1, Seal, SealContent, SealContentV1};
pub use committee::{
    Committee, CommitteeError, CommitteeSeat, CommitteeV1, Engine, Epoch, Height, MemberNumber, SeatNumber,
    ValidatorIndex,
};
pub use digest::{Digest, sha256};
pub use ecdsa::P256SigningKey;
pub use key::{Key, KeyTextError};
pub use keys::{KeyError, PublicKey, Signature, SigningKey};
pub use known_keys::KnownKeys;
pub use signing::{
    ClientSigningKey, KeySignature, sign_strict, sign_untagged, verify_strict, verify_untagged,
};
pub use tag::Tag;
