//! A replica that lies about views: forged and stale view-changes and new-views.

use std::collections::BTreeMap;

use quorate_consensus::pbft::{Body as Pbft, Claims, NewView, Plan, SignedClaims, View, ViewChange};
use quorate_consensus::{Body, Message};
use quorate_crypto::{Epoch, Height, ValidatorIndex};

use crate::Stage;

/// The most view-changes of one validator that it keeps.
const REMEMBERED: usize = 4;

/// What it has heard.
#[derive(Clone, Debug, Default)]
pub struct Forger {
    /// View-changes of others, the last ones of each.
    heard: BTreeMap<ValidatorIndex, Vec<(Message, ViewChange)>>,
    /// Own messages about former views.
    stale: Vec<Message>,
}

impl Forger {
    /// Keeps what it may say again.
    pub fn hear(&mut self, message: &Message) {
        if let Body::Pbft(Pbft::ViewChange(change)) = &message.v1().body {
            let heard = self.heard.entry(message.v1().sender).or_default();
            if heard.len() == REMEMBERED {
                heard.remove(0);
            }
            heard.push((message.clone(), change.clone()));
        }
    }

    /// What it says in the place of a message: of view-changes and new-views, another to each peer.
    pub fn say(&mut self, stage: &mut impl Stage, own: ValidatorIndex, message: &Message) -> Vec<Message> {
        let mut said = Vec::new();
        let epoch = message.v1().epoch;
        if stage.random().chance(20) {
            said.extend(stage.random().pick(&self.stale).cloned());
        }
        let body = match &message.v1().body {
            Body::Pbft(body @ (Pbft::ViewChange(_) | Pbft::NewView(_))) if message.v1().sender == own => body,
            _ => {
                said.push(message.clone());
                return said;
            }
        };
        self.stale.push(message.clone());
        match (body, stage.random().between(0, 4)) {
            (_, 0) => said.push(message.clone()),
            (Pbft::ViewChange(change), kind) => {
                let lie = Body::Pbft(Pbft::ViewChange(forged_change(change, kind)));
                said.push(stage.sign(epoch, own, lie));
            }
            (Pbft::NewView(new_view), kind) => {
                let forged = self.forged_new_view(stage, (epoch, own), new_view, kind);
                said.push(stage.sign(epoch, own, Body::Pbft(Pbft::NewView(forged))));
            }
            _ => {}
        }
        said
    }

    /// A new-view whose proof is too short, of one sender many times, of other views, or left out.
    fn forged_new_view(
        &self,
        stage: &impl Stage,
        (epoch, own): (Epoch, ValidatorIndex),
        true_one: &NewView,
        kind: u64,
    ) -> NewView {
        let mut forged = true_one.clone();
        match kind {
            1 => {
                // It alone, as often as it takes.
                let claims = Claims {
                    view: true_one.view,
                    certified: Height::GENESIS,
                    prepared: Vec::new(),
                };
                let change = ViewChange {
                    claims: claims.clone(),
                    certified: None,
                    prepared: Vec::new(),
                };
                let signature = stage
                    .sign(epoch, own, Body::Pbft(Pbft::ViewChange(change)))
                    .v1()
                    .signature;
                let sender = own;
                let alone = SignedClaims {
                    sender,
                    claims,
                    signature,
                };
                forged.view_changes = vec![alone; stage.committee().quorum()];
                forged.certified = None;
                forged.prepared.clear();
            }
            2 => {
                forged.view_changes.pop();
                self.refit(&mut forged);
            }
            3 => {
                // What others said about other views.
                for (sender, heard) in &self.heard {
                    let place = forged
                        .view_changes
                        .iter()
                        .position(|change| change.sender == *sender);
                    if let (Some(place), Some((message, change))) = (place, heard.first()) {
                        forged.view_changes[place] = SignedClaims {
                            sender: *sender,
                            claims: change.claims.clone(),
                            signature: message.v1().signature,
                        };
                    }
                }
                self.refit(&mut forged);
            }
            _ => {
                // True claims, and nothing of what they lead to.
                forged.prepared.clear();
            }
        }
        forged
    }

    /// Makes the proofs fit the claims, as far as they are at hand.
    fn refit(&self, forged: &mut NewView) {
        let plan = Plan::of(forged.view_changes.iter().map(|change| &change.claims));
        let known = self
            .heard
            .values()
            .flatten()
            .flat_map(|(_, change)| &change.prepared);
        let known: Vec<_> = known.chain(&forged.prepared).cloned().collect();
        let chosen = plan.heights.values().flatten();
        forged.prepared = chosen
            .filter_map(|claim| known.iter().find(|certificate| certificate.claim() == *claim))
            .cloned()
            .collect();
    }
}

/// A view-change that hides what was prepared, or is for another view, or claims less than is certified.
fn forged_change(true_one: &ViewChange, kind: u64) -> ViewChange {
    let mut forged = true_one.clone();
    match kind {
        1 | 2 => {
            forged.claims.prepared.clear();
            forged.prepared.clear();
        }
        3 => {
            let view = forged.claims.view;
            forged.claims.view = View(view.0.saturating_add(7));
        }
        _ => {
            forged.claims.certified = Height::GENESIS;
            forged.certified = None;
            forged.claims.prepared.clear();
            forged.prepared.clear();
        }
    }
    forged
}
