//! What lying validators say in the place of what their engines say.
//!
//! A liar is a piece of state without a clock, a thread or a socket. It is told what its validator hears, and asked
//! what the validator says to a peer in the place of a message. Whoever hosts the validator sends that: the
//! simulator in virtual time, the test binary `quorate-liar` over real links. So what the seeds run and what is
//! measured on processes are the same lies. No liar has another key than its own.

mod backdater;
mod censor;
mod choosy;
mod complainer;
mod double_voter;
mod empty_handed;
mod equivocator;
mod forger;
mod garbler;
mod hoarder;
mod mutant;
mod pesterer;
mod random;
mod replayer;
mod seal_hoarder;
mod spoiler;
mod two_views;
mod usurper;

use quorate_consensus::{Body, Message};
use quorate_crypto::{Committee, Epoch, ValidatorIndex};

pub use backdater::backdated;
pub use censor::Censor;
pub use choosy::{Choosy, proposes};
pub use complainer::{complaint, early_view_change};
pub use double_voter::{Doubled, vote_twice};
pub use empty_handed::empty_handed;
pub use equivocator::Equivocator;
pub use forger::Forger;
pub use garbler::garbled;
pub use hoarder::Hoarder;
pub use mutant::Mutant;
pub use pesterer::{Pesterer, pestering_interval_us};
pub use random::Random;
pub use replayer::Replayer;
pub use seal_hoarder::SealHoarder;
pub use spoiler::spoiled;
pub use two_views::TwoViews;
pub use usurper::usurp;

/// What a liar has around it, in a simulation or in a process.
pub trait Stage {
    /// Where its random choices come from.
    fn random(&mut self) -> &mut Random;
    /// The validators.
    fn committee(&self) -> &Committee;
    /// A message of this network, signed with the key of `sender`, which is the liar's own.
    fn sign(&self, epoch: Epoch, sender: ValidatorIndex, body: Body) -> Message;
    /// What `sender`, another validator, may have signed for another network or a far epoch.
    fn sign_elsewhere(&mut self, epoch: Epoch, sender: ValidatorIndex, body: Body) -> Message;
}
