//! What the engines have in common: everything about a height but how it is decided.
//!
//! A decided height is executed by the driver, sealed by each replica and certified by a quorum of seals
//! ([`sealing`]). Whatever can be lost is asked for again, by statuses and by fetched blocks
//! ([`catch_up`]). A replica that starts asks what it signed before it says anything new ([`inquiry`],
//! [`witness`]). Batches wait to be ordered in [`backlog`]. Where leaders are elected by whoever hears none,
//! [`attempts`] says how long that waits; [`own_disk`], how much longer on a slow disk. An engine's replica is an [`Orderer`]: it has a [`Base`], and answers
//! what these parts ask it.

mod attempts;
mod backlog;
mod base;
mod catch_up;
mod finality;
mod inquiry;
mod orderer;
mod own_disk;
mod sealing;
mod witness;

pub(crate) use attempts::Attempts;
pub use backlog::MAX_BACKLOG;
pub(crate) use base::Base;
pub use base::{Awaited, Halted, Waiting};
pub use catch_up::MAX_ANSWER;
pub(crate) use catch_up::{CatchUp, bit, count, mask};
pub(crate) use finality::{Finality, Recorded, SealVote};
pub(crate) use inquiry::Inquiring;
pub(crate) use orderer::{Orderer, Reign};
pub(crate) use sealing::Sealing;

/// While fewer of its proposals than this are undecided, a leader proposes at once.
pub const EAGER_PROPOSALS: usize = 3;

/// Above that, it proposes when this many batches have gathered.
pub const GATHERED_BATCHES: usize = 8;
