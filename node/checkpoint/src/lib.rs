//! Checkpoints of the transaction log, in the formats that witnesses and verifiers of other logs read: C2SP's
//! signed-note, tlog-checkpoint, tlog-cosignature, tlog-tiles, tlog-policy and tlog-proof; and receipts in COSE. What
//! Quorate fixes of them (origin, names, which key signs what) is in `docs/checkpoints.md`. Pure functions: no disk, no
//! network, no clock.
//!
//! Everything is read strictly and within bounds, and what is accepted is written as it was read.
//!
//! ```
//! use quorate_checkpoint::{Checkpoint, KeyKind, Note, Policy, cosigner, log_key, origin, sign_checkpoint};
//! use quorate_crypto::{SeatNumber, SigningKey, sha256};
//!
//! // A validator signs the root of its log.
//! let (network, seat) = (sha256(b"genesis"), SeatNumber(0));
//! let witness = SigningKey::from_seed(&[3; 32]);
//! let checkpoint = Checkpoint::new(origin(&network), 17, sha256(b"root"));
//! let note = sign_checkpoint(&network, seat, &witness, &checkpoint, 1_767_225_600);
//!
//! // Whoever knows its key believes it, by a policy that asks for no more than that.
//! let policy = format!(
//!     "log {}\nwitness first {}\nquorum first\n",
//!     log_key(&network, witness.public()),
//!     cosigner(&network, seat, witness.public()),
//! );
//! let policy = Policy::parse(policy.as_bytes())?;
//! let read = Note::parse(note.to_string().as_bytes())?;
//! let found = policy.check(&read)?;
//! assert_eq!(found.checkpoint, checkpoint);
//! assert_eq!(found.cosigned.len(), 1);
//! assert_eq!(log_key(&network, witness.public()).kind(), KeyKind::Ed25519);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod checkpoint;
mod cose;
mod inclusion;
mod inconsistent;
mod key;
mod network;
mod note;
mod number;
mod policy;
mod tile;
mod tiles;

pub use checkpoint::{Checkpoint, CheckpointError, MAX_EXTENSION_BYTES, MAX_EXTENSIONS, MAX_SIZE};
pub use cose::{MAX_SIGNED_ROOT_BYTES, NotSignedRoot, SignedRoot};
pub use inclusion::{InclusionFile, InclusionFileError};
pub use inconsistent::{Contradiction, Growth, Inconsistent, InconsistentError, MAX_INCONSISTENT_BYTES};
pub use key::{
    BadSignature, Cosigned, KeyId, KeyKind, KeyName, KeyNameError, KnownLine, VerifierKey, VerifierKeyError,
    cosign, known_lines, sign,
};
pub use network::{
    SignedBy, Signer, cosigner, log_key, origin, seat_name, sign_checkpoint, signed_by, signers_of,
};
pub use note::{
    MAX_NAME_BYTES, MAX_NOTE_BYTES, MAX_SIGNATURE_BYTES, MAX_SIGNATURES, Note, NoteError, NoteSignature,
};
pub use policy::{
    Group, MAX_POLICY_BYTES, MAX_POLICY_ITEMS, Policy, PolicyError, PolicyFinding, PolicyLog, PolicyProblem,
    PolicyWitness, Unsatisfied,
};
pub use tile::{
    BundleError, InTile, TILE_WIDTH, TileOf, TilePath, TilePathError, entries_in, hashes_of_level, push_entry,
};
pub use tiles::{TileSet, TileSetError, tiles_of_consistency, tiles_of_inclusion, tiles_of_root};
