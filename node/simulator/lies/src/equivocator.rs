//! A replica with two faces: half of its peers see another proposal, and votes for that. In Raft and Paxos,
//! where nothing is done against it, it executes what the second half decides too, in a ledger of its own, and
//! seals those blocks for them.

use std::collections::BTreeMap;

use quorate_consensus::{Body, Message, paxos, pbft, raft};
use quorate_crypto::{Digest, Engine, ValidatorIndex};
use quorate_ledger::{Proposal, Timestamp};

use crate::Stage;

/// What it said otherwise.
#[derive(Clone, Debug, Default)]
pub struct Equivocator {
    /// The proposal that the other half saw in the place of this one.
    others: BTreeMap<Digest, Proposal>,
    /// The block that the other half executes in the place of this one.
    pub blocks: BTreeMap<Digest, Digest>,
}

impl Equivocator {
    /// What it says to this peer. It forgets its face at times, so that it is found out.
    pub fn say(
        &mut self,
        stage: &mut impl Stage,
        own: ValidatorIndex,
        to: ValidatorIndex,
        message: &Message,
    ) -> Message {
        if message.v1().sender == own {
            for proposal in proposed(&message.v1().body) {
                let later = Timestamp(proposal.timestamp().0.saturating_add(1));
                let batches = proposal.batches().split_last().map_or(&[][..], |(_, rest)| rest);
                let other = Proposal::new(later, batches.to_vec());
                self.others.insert(proposal.digest(), other);
            }
        }
        let half = match stage.committee().engine() {
            Engine::Pbft => to.0.is_multiple_of(2),
            // Half of the others, whoever it is itself.
            Engine::Raft | Engine::Paxos => (to.0 + u16::from(to < own)).is_multiple_of(2),
        };
        let second_face = half != stage.random().chance(30);
        if message.v1().sender != own || !second_face {
            return message.clone();
        }
        let mut body = message.v1().body.clone();
        match self.turn(&mut body) {
            Some(()) => stage.sign(message.v1().epoch, own, body),
            None => message.clone(),
        }
    }

    /// What the other half decides where the first one decides this.
    pub fn other_of<'a>(&'a self, proposal: &'a Proposal) -> &'a Proposal {
        self.others.get(&proposal.digest()).unwrap_or(proposal)
    }

    /// Puts the other proposal in the place of each; nothing if there is none for one.
    fn turn(&self, body: &mut Body) -> Option<()> {
        let other = |proposal: &Proposal| self.others.get(&proposal.digest()).cloned();
        match body {
            Body::Pbft(pbft::Body::PrePrepare { proposal, .. })
            | Body::Paxos(paxos::Body::Chosen(paxos::Chosen { proposal, .. })) => {
                *proposal = other(proposal)?;
            }
            Body::Pbft(pbft::Body::Prepare { proposal, .. } | pbft::Body::Commit { proposal, .. }) => {
                *proposal = self.others.get(proposal)?.digest();
            }
            Body::Raft(raft::Body::AppendEntries(append)) => {
                for entry in &mut append.entries {
                    entry.proposal = other(&entry.proposal)?;
                }
            }
            Body::Paxos(paxos::Body::Accept(accept)) => {
                for value in &mut accept.values {
                    value.proposal = other(&value.proposal)?;
                }
            }
            Body::Seal { block, .. } => *block = *self.blocks.get(block)?,
            _ => return None,
        }
        Some(())
    }
}

/// What a message proposes.
fn proposed(body: &Body) -> Vec<&Proposal> {
    match body {
        Body::Pbft(pbft::Body::PrePrepare { proposal, .. }) => vec![proposal],
        Body::Raft(raft::Body::AppendEntries(append)) => {
            append.entries.iter().map(|entry| &entry.proposal).collect()
        }
        Body::Paxos(paxos::Body::Accept(accept)) => {
            accept.values.iter().map(|value| &value.proposal).collect()
        }
        _ => Vec::new(),
    }
}
