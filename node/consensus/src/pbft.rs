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
//!   It prepares once it has all batches that the proposal names, if the proposal is not too far ahead of its clock,
//!   and was not too far behind it when it came: time can be held back no more than it can be driven on. Nothing that
//!   a new view carries over and no null proposal is judged so. An empty one it prepares only where an epoch's end or
//!   a gap below another needs it, and keeps it until then. A prepare thus says: I have these batches, durably, and they passed the check.
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
//!   [`OVERTAKING_BATCHES`] that came later than the oldest that waits, or one that came
//!   [`OVERTAKING_WAITS`] later. The paper's timer stops for any request that is executed.
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
//! # A primary must be good enough
//! A primary that delays each proposal to just below the timer, shows it to half of the committee, or orders a
//! trickle, never times out. So each replica judges what the primary alone does (`judgement`); how much there is
//! to do does not enter. Clement et al. 2009 (Aardvark), Amir et al. 2011 (Prime) and Aublin et al. 2013 (RBFT)
//! do the like.
//! - **The measure** is the time from when this replica could vote on a proposal until f + 1 others have
//!   committed it; of the last eight in this view the shortest. So it works in the first view, f liars that
//!   answer fast or never do not move it beyond what the honest do, and a primary cannot stretch it by showing its
//!   proposals to some first, as it would have to do that with f + 1 honest ones at every height. A primary may
//!   take `slowness_factor` times as long, and `slowness_floor_ms` besides
//!   ([`ParametersV1`](quorate_ledger::ParametersV1)): *the bound*.
//! - **What the primary has.** A batch counts once this replica has handed it over itself
//!   ([`Action::HandOver`](crate::Action::HandOver)), which it does when the batch has waited for an exchange of
//!   votes; or for the bound, while the eager number of proposals is under way. So what a liar shows to one validator
//!   alone counts for nothing before the primary can have it.
//! - **A pause** runs while fewer than the eager number of proposals can be voted on here and are undecided, and
//!   such a batch waits. A proposal ends it once its batches are here, and unless it leaves out, with room to
//!   spare, a batch that was handed over longer ago than the bound. One that does is not among those under way
//!   either. So a stock of batches of its own buys a primary no time, one by one or many at once.
//! - **A proposal that f + 1 others vote on** and that is not here is asked for at once, from all of them. How
//!   much later it comes counts like a pause. A pause that runs goes on until it is here, or decided: a primary that
//!   is late may show each proposal to some before the others.
//! - What is above the bound adds up, and a 64th is forgotten with each proposal. When the sum is above a share
//!   (one in `slowness_share`) of the shortest wait for progress, the replica complains, as it does when a timer runs
//!   out.
//! - **Each such complaint doubles the replica's bound and its sum until its process ends.**
//!   No replica can tell a primary that is slow from a link that is; so whoever has the worst links learns in a few
//!   complaints what it has to bear with, and f that always complain can use no more than these. The same holds
//!   of the wait for progress, where the primary was heard in its latter half: it is not down. That has its price: a
//!   network that stood still for a while notices a primary that is down later afterwards, until its nodes restart.
//! - **Such a complaint is said again in each longest wait while its view lasts**, though the bound is longer by then.
//!   Were it to lapse, a primary could be slow to one replica after the other, until none has patience to lose.
//! - **An epoch's end is no new start** ([`Replica::follow`]). Each member can end an epoch by a rejoin, and the next
//!   begins with the primary of view 0, whom the last may have replaced. So a replica takes over what it has learnt
//!   to bear with, and complains at once about each primary before the one that led last; about that one too, if its
//!   complaint stands. Of those who decided the epoch's last heights f + 1 are honest and know who led, so these
//!   views are left as soon as they begin. One of them whose primary is silent costs one wait, which they do not
//!   double. While an epoch ends, nothing counts as progress before all heights that are left can be voted on: the
//!   primary owes them at once, and takes no wait for each.
//! - Time in which fewer than f + 1 others are heard does not count, as then this replica may be the one that is cut
//!   off; nor does time in which it stood still, or in which a clock was a little ahead, up to a bound in a view.
//! - A complaint counts only over its signer's own link: it has no time in it, and an old one could be said again.
//!
//! # Certified heights that nobody can show
//! In the paper f + 1 honest replicas can show a stable checkpoint. Here the seals of a quorum are the
//! certificate of one height alone, and who collects them may be a liar: it can hold the certificate of a
//! height, with honest seals, while nobody honest has that of the height below, or its block. A plan begins
//! above the highest height claimed certified, so a view begun on such a claim asks for nothing below, and
//! nobody honest can be shown what is there. Hence:
//! - **A primary counts a view-change only once it has certified all that this claims itself**
//!   ([`Action::FetchBlocks`](crate::Action::FetchBlocks) meanwhile, from those who claim it). So what a view
//!   of an honest primary begins above can be had from that primary. Liars lead f views in a row at most.
//! - That costs no quorum: of the n − f honest, whoever has certified the most has the blocks and gives them;
//!   one that has crashed since with the only copy counts among the f, and the others claim less.
//! - That costs no safety: which view-changes of a quorum are counted is free, and the plan is the paper's. Of
//!   every decided height f + 1 honest replicas have the prepared certificate on disk, until the block is
//!   certified and on disk: each quorum has one that claims it prepared, or claims to have certified it.
//! - *Certified* is enough, it need not be on disk. Should the primary lose blocks in a crash after its
//!   new-view, its view stands still and is left; then nobody can count the liar's claim any more, and those
//!   who voted still have their records. It costs that one view.
//! - What was prepared in a former view is shown to whoever lacks it, whatever the view begins with, and after a
//!   restart: the primary's pre-prepare out of the prepared certificate, or the own view-change that claimed
//!   it (`Record::shows_up_to`: the journal keeps it past its view); with the commits, and the seals. So mostly not
//!   even the view of a lying primary is lost.
//! - Where a replica has decided it prepares nothing else, and reports a new-view that asks for it.
//!
//! What does not do:
//! - *To show the decided proposals, and no more.* Where those who decided restart, commits that a liar gave
//!   them are gone, no quorum is left, and the plan forbids to propose again.
//! - *To begin the plan lower*, above what f + 1 claim or the primary has. Who has certified a height claims it
//!   no longer as prepared. Validators A, D and a liar decide p at h + 1, and all three seals reach A alone. Of
//!   A, B and the liar the first claims h + 1 certified, the others h; above h nobody claims anything, q is
//!   proposed there, and D, restarted, may vote for it.
//! - *To take the certificate of h + 2 for that of h + 1.* It is one only for who knows the header in between,
//!   and the chain and those who fetch from it need a certificate for each block.
//! - *To refuse new-views whose base one lacks.* A backup that is behind would then depend on block sync to vote,
//!   and a view whose base the primary has costs nobody more than that fetch.
//! - *To wait with the view for the claimed blocks.* A liar claims and gives nothing; the others are enough.
//!
//! # What is durable
//! Own pre-prepares, prepares, commits, view-changes and new-views, each before it leaves; the
//! pre-prepare that a prepare accepts; the prepared certificate that a commit promises; the new-view by
//! which a view was entered. A seal follows from what was decided and need not be.
//! [`Replica::recover`] rebuilds a replica from these, and it says again what it said. A seal is recorded
//! only where the replica did not commit what it seals, so that each of its seals is explained by its
//! journal.
//!
//! Blocks are flushed less often than votes, so a crash may leave many prepared certificates above the chain, and a
//! view-change holds 64. A replica whose view-change could not claim them all joins none; were all like that, after a
//! power loss, no view would ever begin. So nothing is committed more than 64 heights above what the chain has on
//! disk ([`Input::OnDisk`](crate::Input::OnDisk)). That costs no progress: a flush ends, and then the height goes on.
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
//! - A timeout complains before it binds, so one bad link takes no vote out of the view. A complaint counts for
//!   twice the longest wait, and is said again in each wait while it is meant: what f + 1 complain of, they
//!   complain of at one time. Time alone ends it: the certified height may rise while one member is left out.
//! - The paper's primary may take as long as the timer lets it; here it must be as quick as the others' votes (above).
//! - The new-view carries proposals over by itself: it claims no batches for its primary, which
//!   prepares these heights like everybody else and may begin the view without having them.
//! - The paper's timer stops when any request that waits is executed. Here it goes on where the oldest batch is left
//!   out while others are ordered, by their number or by the time that lies between them.
//! - The timer for a new view starts when a quorum has moved to it *or beyond*, as slots hold one
//!   view-change a validator, the highest.
//! - On view-changes of f + 1 for higher views a replica moves to the lowest of the f + 1 highest, not to the
//!   smallest that it has heard of: somebody honest is there or beyond, and nobody is needed below.
//! - A stable checkpoint is the certificate of one block, which a liar may hold alone; so a primary counts a
//!   view-change only once it has the blocks (above).
//! - A replica waits for a primary as long as its timing says, and besides that as long as its own disk takes for
//!   a height (`common/own_disk.rs`): no primary is replaced for a disk that is not its own. A wait that runs out
//!   when the disk has turned out to be slower goes on by the difference.
//! - A replica that sees a vote for another proposal than the one it holds asks the voter for the pre-prepare: two
//!   of one view and height prove that the primary told two things, and each half of the network has one.
//! - A replica that finds its own signature under something it does not remember stops voting: its
//!   journal was lost, or its key is used twice.

mod certificate;
mod following;
mod inspect;
mod instance;
mod judgement;
mod leading;
mod memory;
mod message;
mod new_view;
mod orderer;
mod succession;
mod timers;

pub use crate::common::{
    Awaited, EAGER_PROPOSALS, GATHERED_BATCHES, Halted, MAX_ANSWER, MAX_BACKLOG, Waiting,
};
pub use certificate::{PrepareSignature, PreparedCertificate};
pub(crate) use message::vote_bytes;
pub use message::{Body, Claims, NewView, Plan, PreparedClaim, SignedClaims, View, ViewChange};
pub use orderer::Pbft;
pub use timers::{OVERTAKING_BATCHES, OVERTAKING_WAITS};

use quorate_crypto::{Committee, ValidatorIndex};

/// A replica of PBFT.
pub type Replica = crate::common::Replica<Pbft>;

/// The primary of a view: validator `view mod n`.
pub fn primary_of(committee: &Committee, view: View) -> ValidatorIndex {
    let size = u64::try_from(committee.size())
        .expect("committees are bounded")
        .max(1);
    ValidatorIndex(u16::try_from(view.0 % size).expect("committees are bounded"))
}
