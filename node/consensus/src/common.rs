//! What the engines have in common: everything about a height but how it is decided.
//!
//! A decided height is executed by the driver, sealed by each replica and certified by a quorum of seals
//! ([`sealing`]). Whatever can be lost is asked for again, by statuses and by fetched blocks
//! ([`catch_up`]). A replica that starts asks what it signed before it says anything new ([`inquiry`],
//! [`witness`]). Batches wait to be ordered in [`backlog`]. Where leaders are elected by whoever hears none,
//! [`attempts`] says how long that waits; [`own_disk`], how much longer on a slow disk.
//!
//! A [`Replica`] is a [`Base`] and an [`Orderer`], the protocol's own part. The orderer sees the base and never the
//! replica: it asks for actions there, and leaves there what it has found out, which the replica works off when the
//! orderer has returned.
#![expect(
    private_bounds,
    reason = "a replica is public, and which protocols there are is this crate's to say"
)]

mod attempts;
mod backlog;
mod base;
mod catch_up;
mod finality;
mod inquiry;
mod inquiry_state;
mod inspect;
mod orderer;
mod own_disk;
mod peers;
mod reign;
mod replica;
mod sealing;
mod witness;

pub(crate) use attempts::Attempts;
pub use backlog::MAX_BACKLOG;
pub(crate) use base::Base;
pub use base::{Awaited, Halted, Waiting};
pub use catch_up::MAX_ANSWER;
pub(crate) use catch_up::{bit, count, mask};
pub(crate) use finality::{Finality, Recorded, SealVote};
pub(crate) use inspect::{Shown, Stepped};
pub(crate) use orderer::{Notice, Orderer};
pub(crate) use reign::Reign;
pub use replica::Replica;

/// While fewer of its proposals than this are undecided, a leader proposes at once.
pub const EAGER_PROPOSALS: usize = 3;

/// Above that, it proposes when this many batches have gathered.
pub const GATHERED_BATCHES: usize = 8;
