//! Digests, keys, signatures, Merkle trees, addresses, key files; the committee, its quorums and
//! certificates. Formats are those of `docs/formats.md`, sections 1, 2, 6 and 10.

mod address;
mod batch;
pub mod bounded;
mod certificate;
mod committee;
mod digest;
mod domain;
pub mod keyfile;
mod keys;
pub mod merkle;
mod small_order;

pub use address::{Address, AddressError};
pub use batch::{ClientSignature, verify_client_batch};
pub use certificate::{Certificate, CertificateError, CertificateV1, Seal, SealContent, SealContentV1};
pub use committee::{Committee, CommitteeV1, Engine, Epoch, Height, ValidatorIndex};
pub use digest::{Digest, sha256};
pub use domain::Domain;
pub use keys::{KeyError, PublicKey, Signature, SigningKey};
