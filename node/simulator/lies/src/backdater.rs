//! A primary that holds back time: what it proposes has a time long past, so that whatever waits for a time waits
//! longer. Block times never go back, but until they are there they would hardly go on.

use quorate_consensus::pbft::Body as Pbft;
use quorate_consensus::{Body, Message};
use quorate_crypto::ValidatorIndex;
use quorate_ledger::{Proposal, Timestamp};

use crate::Stage;

/// What it says in the place of a message: its proposals, so many milliseconds older; its votes for what they were, not
/// at all.
pub fn backdated(stage: &impl Stage, own: ValidatorIndex, by_ms: u64, message: &Message) -> Option<Message> {
    let said = message.v1();
    match &said.body {
        Body::Pbft(Pbft::PrePrepare {
            view,
            height,
            proposal,
        }) if said.sender == own && *proposal != Proposal::null() => {
            let older = Timestamp(proposal.timestamp().0.saturating_sub(by_ms));
            let body = Pbft::PrePrepare {
                view: *view,
                height: *height,
                proposal: Proposal::new(older, proposal.batches().to_vec()),
            };
            Some(stage.sign(said.epoch, own, Body::Pbft(body)))
        }
        Body::Pbft(Pbft::Prepare { .. } | Pbft::Commit { .. }) if said.sender == own => None,
        _ => Some(message.clone()),
    }
}
