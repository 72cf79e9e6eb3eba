//! Practical Byzantine fault tolerance (Castro and Liskov, OSDI 1999).

mod candidates;
mod catch_up;
mod certificate;
mod checkpoint;
mod inspect;
mod instance;
mod message;
mod normal;
mod recovery;
mod replica;
mod timers;
mod view_change;

pub use candidates::MAX_CANDIDATES;
pub use catch_up::MAX_ANSWER;
pub use certificate::{PrepareSignature, PreparedCertificate};
pub use inspect::{Awaited, Waiting};
pub use message::{Body, Claims, NewView, Plan, PreparedClaim, SignedClaims, View, ViewChange};
pub use normal::{EAGER_PROPOSALS, GATHERED_BATCHES};
pub use replica::{Halted, Replica};
pub use timers::OVERTAKING_BATCHES;

use quorate_crypto::{Committee, ValidatorIndex};

/// The primary of a view: validator `view mod n`.
pub fn primary_of(committee: &Committee, view: View) -> ValidatorIndex {
    let size = u64::try_from(committee.size())
        .expect("committees are bounded")
        .max(1);
    ValidatorIndex(u16::try_from(view.0 % size).expect("committees are bounded"))
}
