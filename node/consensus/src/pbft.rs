//! Practical Byzantine fault tolerance (Castro and Liskov, OSDI 1999; Castro's thesis, 2001).
//!
//! n validators, at most f = ⌊(n − 1) / 3⌋ of them faulty in any way; a quorum is ⌈(n + f + 1) / 2⌉.
//! Views are numbered from 0, and the [primary](primary_of) of view v is validator v mod n. Sections
//! are those of the OSDI paper.
//!
//! # The normal case (section 4.2)
//! - The primary assigns the lowest free height to the oldest batches that wait, and multicasts a
//!   pre-prepare: at once while fewer than [`EAGER_PROPOSALS`] of its proposals are undecided, else
//!   when [`GATHERED_BATCHES`] have gathered. So blocks grow under load, and none is empty while idle.
//! - A backup accepts the first pre-prepare of the view's primary for a height between the watermarks.
//!   It prepares once it has all batches that the proposal names and the proposal is not too far ahead
//!   of its clock. A prepare thus says: I have these batches, durably, and they passed the check.
//! - A height is *prepared* here when the proposal is known and a quorum of distinct validators has
//!   accepted it, the pre-prepare counting as the primary's prepare. The certificate is kept and a
//!   commit is multicast.
//! - On a quorum of commits of one view the height is decided, in whatever view this replica is.
//!
//! # Checkpoints and garbage (section 4.3)
//! Decided heights are executed in order, each replica signs the block's hash, and a quorum of these
//! seals is the block's certificate and the checkpoint's proof in one. The last height certified
//! here is the certified height (the paper's low watermark); the window of the parameters above it is what may
//! be in flight. Everything at or below the certified height is forgotten, but for one window of certificates, which help peers that are
//! a little behind.
//!
//! # The view change (section 4.4)
//! - A timeout makes a replica multicast a complaint, which binds it to nothing. Ordering nothing, or
//!   the same again, stops no timer while a batch waits; nor does ordering more than
//!   [`OVERTAKING_BATCHES`] that came later than the oldest that waits.
//! - On complaints of f + 1 about its view, or view-changes of f + 1 for higher views, a replica moves:
//!   it says nothing below the new view any more, and multicasts a view-change with its certified height
//!   and what it has prepared above it, each with its certificate.
//! - With a quorum of them, the new primary multicasts a new-view. What is proposed again follows from
//!   these view-changes by a pure function, [`Plan::of`]: for each height the claim of the highest view,
//!   and the null proposal where nobody claims anything. Everybody computes it and checks the proofs of
//!   what it chose. The new-view stands for the pre-prepares of these heights.
//! - While no new-view comes, the wait doubles with each view change up to a cap; after progress it is
//!   the first again.
//!
//! # What is durable
//! Own pre-prepares, prepares, commits, view-changes and new-views, each before it leaves; the
//! pre-prepare that a prepare accepts; the prepared certificate that a commit promises; the new-view by
//! which a view was entered. A seal follows from what was decided and need not be.
//! [`Replica::recover`] rebuilds a replica from these, and it says again what it said. A seal is recorded
//! only where the replica did not commit what it seals, so that each of its seals is explained by its
//! journal.
//!
//! # Before the first vote
//! A journal can be of an old backup, or lost. A replica that starts asks all others what they hold that
//! it signed in the epoch, and signs nothing that binds until a quorum less itself has answered and the
//! blocks that they tell of are here.
//!
//! # What is sent again
//! While work is open and nothing is certified, a replica multicasts a status: its view, its low
//! watermark, and whose votes it holds for each height. Each peer answers with what is missing there:
//! its own votes and seals, others' where they make a quorum, the primary's pre-prepare, view-changes,
//! the new-view. Blocks are fetched when f + 1 peers are ahead of the window, or when a quorum has
//! sealed what this replica cannot decide or certify.
//!
//! # Deviations
//! - Messages are signed, as in section 4 and unlike the thesis's authenticators, so that certificates
//!   convince third parties. Pre-prepares sign the proposal's digest, and view-changes sign their claims
//!   without the proofs, so a new-view holds each proof once.
//! - The paper decides when a height is prepared and committed; here a quorum of commits decides even
//!   where it is not prepared. f + 1 honest members of that quorum hold prepared certificates, and any
//!   quorum of view-changes includes one of them, so no later view proposes otherwise.
//! - A timeout complains before it binds, so one bad link takes no vote out of the view.
//! - The new-view carries proposals over by itself: it claims no batches for its primary, which
//!   prepares these heights like everybody else and may begin the view without having them.
//! - The timer for a new view starts when a quorum has moved to it *or beyond*, as slots hold one
//!   view-change a validator, the highest.
//! - A replica that finds its own signature under something it does not remember stops voting: its
//!   journal was lost, or its key is used twice.

mod certificate;
mod inspect;
mod instance;
mod message;
mod new_view;
mod normal;
mod orderer;
mod own_disk;
mod recovery;
mod replica;
mod testimony;
mod timers;
mod view_change;

pub use crate::common::{
    Awaited, EAGER_PROPOSALS, GATHERED_BATCHES, Halted, MAX_ANSWER, MAX_BACKLOG, Waiting,
};
pub use certificate::{PrepareSignature, PreparedCertificate};
pub(crate) use message::vote_bytes;
pub use message::{Body, Claims, NewView, Plan, PreparedClaim, SignedClaims, View, ViewChange};
pub use replica::Replica;
pub use timers::OVERTAKING_BATCHES;

use quorate_crypto::{Committee, ValidatorIndex};

/// The primary of a view: validator `view mod n`.
pub fn primary_of(committee: &Committee, view: View) -> ValidatorIndex {
    let size = u64::try_from(committee.size())
        .expect("committees are bounded")
        .max(1);
    ValidatorIndex(u16::try_from(view.0 % size).expect("committees are bounded"))
}
