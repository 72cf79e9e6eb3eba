//! A primary that proposes in time, and nothing: its proposals name no batches.

use quorate_consensus::pbft::Body as Pbft;
use quorate_consensus::{Body, Message};
use quorate_crypto::ValidatorIndex;
use quorate_ledger::Proposal;

use crate::Stage;

/// What it says in the place of a message: its proposals, emptied; its votes for what they were, not at all.
pub fn empty_handed(stage: &impl Stage, own: ValidatorIndex, message: &Message) -> Option<Message> {
    let said = message.v1();
    match &said.body {
        Body::Pbft(Pbft::PrePrepare { view, height, .. }) if said.sender == own => {
            let body = Pbft::PrePrepare {
                view: *view,
                height: *height,
                proposal: Proposal::null(),
            };
            Some(stage.sign(said.epoch, own, Body::Pbft(body)))
        }
        Body::Pbft(Pbft::Prepare { .. } | Pbft::Commit { .. }) | Body::Seal { .. } if said.sender == own => {
            None
        }
        _ => Some(message.clone()),
    }
}
