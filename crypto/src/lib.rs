//! Digests, keys, signatures, Merkle trees, addresses, key files; the committee, its quorums and
//! certificates. Formats are those of `docs/formats.md`, sections 1, 2, 6 and 10.
//!
//! Clients' signatures are checked under ZIP-215, alone and in batches alike, since every validator must
//! accept exactly the same ones; validators' are checked strictly, as any verifier does.
//!
//! ```
//! use quorate_crypto::{Certificate, CertificateV1, Committee, Protocol, Epoch, Height, Seal, SealContent};
//! use quorate_crypto::{SigningKey, sha256};
//!
//! // Four validators, of which three seal a block.
//! let keys: Vec<SigningKey> = (0..4).map(|_| SigningKey::generate()).collect();
//! let members = keys.iter().map(SigningKey::public).collect();
//! let committee = Committee::new(Epoch(0), Protocol::Pbft, 1, members);
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
mod domain;
pub mod keyfile;
mod keys;
mod known_keys;
pub mod merkle;
mod small_order;
mod words;

pub use address::{Address, AddressError};
pub use batch::{ClientSignature, signature_group, verify_client_batch};
pub use certificate::{Certificate, CertificateError, CertificateV1, Seal, SealContent, SealContentV1};
pub use committee::{Committee, CommitteeV1, Epoch, Height, Protocol, ValidatorIndex};
pub use digest::{Digest, sha256};
pub use domain::Domain;
pub use keys::{KeyError, PublicKey, Signature, SigningKey};
pub use known_keys::KnownKeys;
