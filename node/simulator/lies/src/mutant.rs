//! A replica that says what it likes, with its own key: withheld, altered and replayed messages.

use quorate_consensus::pbft::{Body as Pbft, View};
use quorate_consensus::{Body, Inquiry, Message};
use quorate_crypto::{Digest, Height, ValidatorIndex, sha256};
use quorate_ledger::{Proposal, Timestamp};

use crate::Stage;

/// The most messages kept for replay.
const REMEMBERED: usize = 64;

/// What a lying replica remembers.
#[derive(Clone, Debug, Default)]
pub struct Mutant {
    said: Vec<Message>,
}

impl Mutant {
    /// What it says to one peer in the place of a message.
    pub fn say(&mut self, stage: &mut impl Stage, own: ValidatorIndex, message: &Message) -> Vec<Message> {
        if self.said.len() < REMEMBERED {
            self.said.push(message.clone());
        } else if let Ok(place) = usize::try_from(stage.random().number() % REMEMBERED as u64) {
            self.said[place] = message.clone();
        }
        match stage.random().between(0, 9) {
            0 | 1 => Vec::new(),
            2 => stage
                .random()
                .pick(&self.said)
                .cloned()
                .into_iter()
                .chain([message.clone()])
                .collect(),
            3 | 4 if message.v1().sender == own => {
                let body = altered(stage, &message.v1().body);
                vec![stage.sign(message.v1().epoch, own, body)]
            }
            5 => forged(stage, own, message)
                .into_iter()
                .chain([message.clone()])
                .collect(),
            6 if message.v1().sender == own => {
                let body = altered(stage, &message.v1().body);
                let lie = stage.sign(message.v1().epoch, own, body);
                vec![message.clone(), lie]
            }
            _ => vec![message.clone()],
        }
    }
}

/// The same, altered, in the name of another validator. Whoever verifies does not believe it.
fn forged(stage: &mut impl Stage, own: ValidatorIndex, message: &Message) -> Option<Message> {
    let others: Vec<ValidatorIndex> = stage
        .committee()
        .indices()
        .filter(|other| *other != own)
        .collect();
    let victim = stage.random().pick(&others).copied()?;
    let body = altered(stage, &message.v1().body);
    let lie = stage.sign(message.v1().epoch, own, body.clone());
    Some(Message::new(message.v1().epoch, victim, body, lie.v1().signature))
}

/// Something near what would have been said, and false.
pub(crate) fn altered(stage: &mut impl Stage, body: &Body) -> Body {
    let random = stage.random();
    let other = |digest: &Digest| sha256(digest.as_bytes());
    match body {
        Body::Seal { height, block } => Body::Seal {
            height: *height,
            block: other(block),
        },
        Body::Status(status) => {
            let mut status = status.clone();
            status.certified = Height(status.certified.0 + random.between(0, 100));
            status.reign += random.between(0, 3);
            if random.chance(500) {
                status.holds.clear();
            }
            Body::Status(status)
        }
        Body::Inquiry(inquiry) => Body::Inquiry(Inquiry {
            nonce: other(&inquiry.nonce),
            certified: Height(inquiry.certified.0 + random.between(0, 100)),
        }),
        Body::Testimony(testimony) => {
            let mut testimony = testimony.clone();
            testimony.certified = Height(testimony.certified.0 + random.between(0, 100));
            testimony.said.pop();
            Body::Testimony(testimony)
        }
        // Raft and Paxos promise nothing under liars.
        Body::Raft(body) => Body::Raft(body.clone()),
        Body::Paxos(body) => Body::Paxos(body.clone()),
        Body::Pbft(body) => Body::Pbft(match body {
            Pbft::PrePrepare {
                view,
                height,
                proposal,
            } => {
                let later = Timestamp(proposal.timestamp().0.saturating_add(random.between(1, 3)));
                let mut batches = proposal.batches().to_vec();
                if random.chance(500) {
                    batches.pop();
                }
                Pbft::PrePrepare {
                    view: *view,
                    height: Height(height.0 + random.between(0, 1)),
                    proposal: Proposal::new(later, batches),
                }
            }
            Pbft::Prepare {
                view,
                height,
                proposal,
            } => Pbft::Prepare {
                view: View(view.0 + random.between(0, 2)),
                height: Height(height.0 + random.between(0, 2)),
                proposal: if random.chance(500) {
                    other(proposal)
                } else {
                    *proposal
                },
            },
            Pbft::Commit {
                view,
                height,
                proposal,
            } => Pbft::Commit {
                view: View(view.0 + random.between(0, 2)),
                height: Height(height.0 + random.between(0, 2)),
                proposal: if random.chance(500) {
                    other(proposal)
                } else {
                    *proposal
                },
            },
            Pbft::Complaint { view } => Pbft::Complaint {
                view: View(view.0 + random.between(0, 2)),
            },
            Pbft::ViewChange(change) => {
                let mut change = change.clone();
                if random.chance(500) {
                    // Well formed, and hides what was prepared.
                    change.claims.prepared.clear();
                    change.prepared.clear();
                } else {
                    change.claims.view = View(change.claims.view.0 + random.between(1, 9));
                }
                Pbft::ViewChange(change)
            }
            Pbft::NewView(new_view) => {
                let mut new_view = new_view.clone();
                if random.chance(500) {
                    new_view.view_changes.pop();
                } else {
                    new_view.prepared.pop();
                }
                Pbft::NewView(new_view)
            }
        }),
    }
}
