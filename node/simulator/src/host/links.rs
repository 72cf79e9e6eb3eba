//! What comes over links, and what goes out on them, lies included.

use quorate_consensus::message::MAX_MESSAGE_BYTES;
use quorate_consensus::{Engine, Message, MessageV1, SignatureScheme, Verified};
use quorate_crypto::{Digest, PublicKey, Signature, Tag, ValidatorIndex};
use quorate_driver::Event;

use super::Host;
use crate::ledger::KeptBlock;
use crate::liar::{is_late, spoil};
use crate::scenario::{Broken, Lie};
use crate::world::{ServedBlock, Wire, World};

/// The most blocks in one answer of block sync.
const BLOCKS_AN_ANSWER: usize = 16;

/// No validator's place: committees are smaller.
const NOBODY: ValidatorIndex = ValidatorIndex(u16::MAX);

/// Takes every signature for good.
struct Gullible;

impl SignatureScheme for Gullible {
    fn verify(&self, _: &PublicKey, _: Tag, _: &[u8], _: &Signature) -> bool {
        true
    }
}

impl Host {
    pub(super) fn on_wire(&mut self, world: &mut World, from: ValidatorIndex, wire: Wire) {
        match wire {
            Wire::Consensus(message) => {
                if !self.is_honest() && message.v1().sender == self.validator {
                    return; // A twin's messages would tell it of the other.
                }
                if self.lie == Some(Lie::Forger) {
                    self.liar.forger.hear(&message);
                }
                if self.lie == Some(Lie::Replayer) {
                    self.liar.replayer.hear(&message);
                }
                if matches!(self.lie, Some(Lie::SealHoarder { .. })) {
                    self.liar.seal_hoarder.hear(&message);
                }
                if self.lie == Some(Lie::Pesterer) {
                    self.liar.pesterer.hear(&message);
                }
                self.settings.break_rule();
                let of = message.v1().epoch;
                self.look_ahead(world, from, of);
                // Who has no place in the epoch speaks for nobody in it.
                let place = world.place_in(of, from).unwrap_or(NOBODY);
                if !message.may_come_from(place) {
                    return;
                }
                if let Some(verified) = self.verify(world, message) {
                    if self.is_honest() {
                        world.checker.on_heard(self.validator, verified.get());
                    }
                    self.hear(world, Event::Message(verified));
                }
            }
            Wire::Submit(what) => self.submit(world, what),
            Wire::Bytes(bytes) => {
                if let Ok(message) = quorate_ledger::decode(&bytes, MAX_MESSAGE_BYTES) {
                    self.on_wire(world, from, Wire::Consensus(message));
                }
            }
            Wire::Batch(copy) => self.on_copy(world, from, &copy),
            Wire::WantTexts(batches) => {
                for batch in &batches {
                    self.give_texts(world, from, batch);
                }
            }
            Wire::Texts(copy) => self.on_texts(world, &copy),
            Wire::WantBatches(batches) => {
                let Some(memory) = self.memory() else { return };
                let here =
                    |batch: &Digest| memory.batches.contains_key(batch) || self.disk.batches.contains(batch);
                let known: Vec<Digest> = batches.into_iter().filter(here).collect();
                for batch in &known {
                    self.give(world, Some(from), batch);
                }
            }
            Wire::WantBlocks(after) => {
                let after = usize::try_from(after.0).unwrap_or(usize::MAX);
                let blocks = self.disk.blocks.get(after..).unwrap_or_default();
                let blocks = blocks.iter().take(BLOCKS_AN_ANSWER);
                let blocks: Vec<ServedBlock> = blocks.map(|kept| self.served(world, kept)).collect();
                if !blocks.is_empty() {
                    self.tell(world, from, &Wire::Blocks(blocks));
                }
            }
            Wire::Blocks(blocks) => self.on_blocks(world, blocks),
        }
    }

    /// A block as it is given to others: with the texts of its batches, as far as they are here.
    fn served(&self, world: &World, kept: &KeptBlock) -> ServedBlock {
        let missing = self.memory().map(|memory| &memory.missing_texts);
        let texts = kept.proposal().batches().iter().map(|batch| {
            let copy = world.copy_of(batch)?;
            let is_here = missing.is_none_or(|missing| !missing.contains(batch));
            is_here.then_some(copy.texts)
        });
        ServedBlock {
            texts: texts.collect(),
            kept: kept.clone(),
        }
    }

    /// Checks a message of the epoch under way or, until that has a block, of the one before.
    fn verify(&self, world: &World, message: Message) -> Option<Verified<Message>> {
        self.settings.break_rule();
        let memory = self.memory()?;
        let (now, of) = (memory.epoch, message.v1().epoch);
        if self.settings.breaks(Broken::ElsewhereAccepted) {
            for (network, committee) in world.elsewhere(of) {
                if let Ok(verified) = message.clone().verify(network, &committee, &world.scheme) {
                    // Taken for what this network's epoch has.
                    let taken = verified.into_inner();
                    let MessageV1 {
                        sender,
                        body,
                        signature,
                        ..
                    } = taken.v1().clone();
                    let taken = Message::new(now, sender, body, signature);
                    return Some(Verified::trusted(taken));
                }
            }
        }
        if of != now && memory.former != Some(of) {
            return None;
        }
        let committee = world.committee_in(of)?;
        let verified = match self.settings.breaks(Broken::Unverified) {
            true => message.verify(world.network, committee, &Gullible),
            false => message.verify(world.network, committee, &world.scheme),
        };
        verified.ok()
    }

    /// Sends an engine's message to one validator or to all.
    pub(super) fn speak(&mut self, world: &mut World, to: Option<ValidatorIndex>, message: Message) {
        let (of, sender) = (message.v1().epoch, message.v1().sender);
        let to = match to {
            Some(to) => match world.machine_in(of, to) {
                Some(machine) => Some(machine),
                None => return,
            },
            None => None,
        };
        if self.is_honest() && world.place_in(of, self.validator) == Some(sender) {
            world.checker.on_sent(&message);
            if let Some(Engine::Raft(replica)) = self.engine_of(message.v1().epoch) {
                world.checker.on_logged(&message, replica);
            }
        }
        for host in 0..world.hosts.len() {
            let peer = world.hosts[host];
            if peer == self.validator || to.is_some_and(|to| to != peer) {
                continue;
            }
            if self.settings.breaks(Broken::FollowersForgotten) && world.place_in(of, peer).is_none() {
                continue;
            }
            match self.lie {
                Some(Lie::Twins) if !hears(world, self.place, self.validator, peer) => {}
                Some(lie) => {
                    let after_us = match lie {
                        Lie::Late { ms } if is_late(self.validator, &message) => ms * 1_000,
                        _ => 0,
                    };
                    for said in self.liar.say(world, lie, self.validator, peer, &message) {
                        world.send_after(after_us, self.place, host, &said);
                    }
                }
                None => world.send(self.place, host, &Wire::Consensus(message.clone())),
            }
        }
    }

    pub(super) fn tell_all(&self, world: &mut World, wire: &Wire) {
        for host in 0..world.hosts.len() {
            let peer = world.hosts[host];
            if peer != self.validator && self.gives(world) && !self.keeps_from(peer, wire) {
                self.pass(world, host, wire);
            }
        }
    }

    /// Sends what is no vote, as it is or spoiled.
    fn pass(&self, world: &mut World, host: usize, wire: &Wire) {
        if self.lie == Some(Lie::Spoiler) {
            let spoiled = spoil(world, wire);
            world.send(self.place, host, &spoiled);
        } else {
            world.send(self.place, host, wire);
        }
    }

    pub(super) fn tell(&self, world: &mut World, to: ValidatorIndex, wire: &Wire) {
        if self.lie == Some(Lie::Withholder) {
            return;
        }
        if let (Some(Lie::SealHoarder { serves }), Wire::Blocks(_)) = (self.lie, wire)
            && serves != Some(to)
        {
            return;
        }
        for host in 0..world.hosts.len() {
            if world.hosts[host] == to && self.gives(world) && !self.keeps_from(to, wire) {
                self.pass(world, host, wire);
            }
        }
    }

    /// Whether it keeps its batches from this peer, if that is how it lies.
    fn keeps_from(&self, peer: ValidatorIndex, wire: &Wire) -> bool {
        let Some(Lie::Whisperer { to }) = self.lie else {
            return false;
        };
        peer != to && matches!(wire, Wire::Batch(_))
    }

    /// Whether it sends a peer what is no vote: batches, blocks, questions.
    fn gives(&self, world: &mut World) -> bool {
        match self.lie {
            Some(Lie::Silent) => false,
            Some(Lie::Flagging { until_ms }) => world.now < until_ms * 1_000,
            Some(Lie::Withholder) => world.random.chance(200),
            _ => true,
        }
    }
}

/// Which validators hear which twin: it changes every half second, and now and then both are heard.
fn hears(world: &World, place: usize, twin: ValidatorIndex, peer: ValidatorIndex) -> bool {
    let slot = world.now / 500_000;
    let draw = quorate_crypto::sha256(&[twin.0 as u8, peer.0 as u8, slot as u8, (slot >> 8) as u8]).0[0];
    let first = world.hosts.iter().position(|validator| *validator == twin) == Some(place);
    match draw {
        0..32 => true,
        32..144 => first,
        _ => !first,
    }
}
