//! What lying validators say in the place of what their engines say.

mod censor;
mod dawdler;
mod equivocator;
mod forger;
mod hoarder;
mod mutant;
mod pesterer;
mod replayer;
mod seal_hoarder;
mod trickler;
mod usurper;

use quorate_consensus::Message;
use quorate_crypto::ValidatorIndex;

pub(crate) use censor::Censor;
pub(crate) use dawdler::{complaint, is_late, shows};
use equivocator::Equivocator;
use forger::Forger;
use hoarder::Hoarder;
use mutant::Mutant;
use pesterer::Pesterer;
use replayer::Replayer;
use seal_hoarder::SealHoarder;
use trickler::Trickler;
pub(crate) use usurper::usurp;

use crate::scenario::Lie;
use crate::world::{Wire, World};

/// What a liar keeps in mind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Liar {
    mutant: Mutant,
    pub(crate) equivocator: Equivocator,
    pub(crate) forger: Forger,
    pub(crate) hoarder: Hoarder,
    pub(crate) censor: Censor,
    pub(crate) trickler: Trickler,
    pub(crate) pesterer: Pesterer,
    pub(crate) replayer: Replayer,
    pub(crate) seal_hoarder: SealHoarder,
}

impl Liar {
    /// What the validator `own` says to one peer in the place of a message.
    pub(crate) fn say(
        &mut self,
        world: &mut World,
        lie: Lie,
        own: ValidatorIndex,
        to: ValidatorIndex,
        message: &Message,
    ) -> Vec<Wire> {
        let said = match lie {
            Lie::Silent | Lie::Censor(_) | Lie::Trickle { .. } => Vec::new(),
            Lie::Flagging { until_ms } if world.now >= until_ms * 1_000 => Vec::new(),
            Lie::Choosy { shows: most } if !shows(world, most, own, to, message) => Vec::new(),
            Lie::Choosy { .. }
            | Lie::Late { .. }
            | Lie::Complainer
            | Lie::Flagging { .. }
            | Lie::Whisperer { .. } => {
                vec![message.clone()]
            }
            Lie::Withholder if world.random.chance(400) => Vec::new(),
            Lie::Twins | Lie::Withholder | Lie::Usurper => vec![message.clone()],
            Lie::Mutant => self.mutant.say(world, own, message),
            Lie::Equivocator => vec![self.equivocator.say(world, own, to, message)],
            Lie::Forger => self.forger.say(world, own, message),
            Lie::Hoarder => self.hoarder.say(world, own, message),
            Lie::Pesterer => self.pesterer.say(message),
            Lie::Replayer => self.replayer.say(world, own, message),
            Lie::SealHoarder { .. } => self.seal_hoarder.say(own, to, message),
            Lie::Garbler => return garbled(world, message),
        };
        said.into_iter().map(Wire::Consensus).collect()
    }
}

/// The message, bytes that are nearly it, or bytes that are nothing.
fn garbled(world: &mut World, message: &Message) -> Vec<Wire> {
    let mut bytes = quorate_ledger::encode(message);
    for _ in 0..world.random.between(0, 3) {
        let last = bytes.len().saturating_sub(1);
        let place = usize::try_from(world.random.between(0, last as u64)).unwrap_or(0);
        match world.random.between(0, 3) {
            0 => bytes
                .iter_mut()
                .skip(place)
                .take(1)
                .for_each(|byte| *byte ^= 1 << (place % 8)),
            1 => bytes.truncate(place),
            2 => bytes.extend_from_within(place..),
            _ => bytes = (0..place).map(|_| world.random.number() as u8).collect(),
        }
    }
    vec![Wire::Bytes(bytes)]
}
