//! What lying validators say in the place of what their engines say.

mod crowder;
mod dawdler;
mod trickler;

use std::sync::Arc;

use quorate_consensus::Message;
use quorate_crypto::ValidatorIndex;
use quorate_lies::{
    Censor, Equivocator, Forger, Hoarder, Mutant, Pesterer, Replayer, SealHoarder, backdated, garbled,
    pestering_interval_us, spoiled,
};

use crowder::Crowder;
pub(crate) use dawdler::{complaint, is_late, shows};
use trickler::Trickler;

use crate::ledger::Ledger;
use crate::scenario::Lie;
use crate::world::{Scheduled, Wire, World};

/// For how long a pesterer speaks at each housekeeping: until the next, about.
const PESTERED_US: u64 = 50_000;

/// What a liar keeps in mind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Liar {
    mutant: Mutant,
    pub(crate) equivocator: Equivocator,
    /// The ledger of the half of its peers that an equivocator shows other proposals, in Raft and Paxos.
    pub(crate) other_ledger: Option<Ledger>,
    pub(crate) forger: Forger,
    pub(crate) hoarder: Hoarder,
    pub(crate) censor: Censor,
    pub(crate) trickler: Trickler,
    pub(crate) crowder: Crowder,
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
            Lie::Silent | Lie::Censor(_) | Lie::Trickle { .. } | Lie::Crowder { .. } => Vec::new(),
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
            Lie::Twins | Lie::Withholder | Lie::Usurper | Lie::Spoiler => vec![message.clone()],
            Lie::Backdater { ms } => backdated(world, own, ms, message).into_iter().collect(),
            Lie::Mutant => self.mutant.say(world, own, message),
            Lie::Equivocator => vec![self.equivocator.say(world, own, to, message)],
            Lie::Forger => self.forger.say(world, own, message),
            Lie::Hoarder => self.hoarder.say(world, own, message),
            Lie::Pesterer => self.pesterer.say(message),
            Lie::Replayer => self.replayer.say(world, own, message),
            Lie::SealHoarder { .. } => self.seal_hoarder.say(own, to, message),
            Lie::Garbler => return vec![Wire::Bytes(garbled(world, message))],
        };
        said.into_iter().map(Wire::Consensus).collect()
    }
}

/// The same to be sent, with other texts than those of its batches.
pub(crate) fn spoil(world: &mut World, wire: &Wire) -> Wire {
    let mut wire = wire.clone();
    match &mut wire {
        Wire::Batch(copy) | Wire::Texts(copy) => copy.texts = Arc::new(spoiled(world, &copy.texts)),
        Wire::Blocks(blocks) => {
            for texts in blocks.iter_mut().flat_map(|block| &mut block.texts).flatten() {
                *texts = Arc::new(spoiled(world, texts));
            }
        }
        _ => {}
    }
    wire
}

/// Pesters everybody until the next housekeeping, about.
pub(crate) fn pester(pesterer: &Pesterer, world: &mut World, own: ValidatorIndex) {
    let every_us = pestering_interval_us(world.committee.size());
    for (host, peer) in world.hosts.clone().into_iter().enumerate() {
        if peer == own || world.is_cut(own, peer) {
            continue;
        }
        for message in pesterer.pesters_with(peer) {
            for at in (0..PESTERED_US).step_by(usize::try_from(every_us).unwrap_or(usize::MAX)) {
                let wire = Wire::Consensus(message.clone());
                world.schedule_at(host, u64::MAX, at, Scheduled::Deliver { from: own, wire });
            }
        }
    }
}
