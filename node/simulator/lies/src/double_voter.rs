//! A replica that votes for one thing before half of its peers, and for another before the rest.

use quorate_consensus::pbft::Body as Pbft;
use quorate_consensus::{Body, Message};
use quorate_crypto::{ValidatorIndex, sha256};

use crate::Stage;

/// What it votes twice on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubled {
    /// Proposals.
    Votes,
    /// Blocks.
    Seals,
}

/// What it says to this peer in the place of a message.
pub fn vote_twice(
    stage: &impl Stage,
    doubled: Doubled,
    own: ValidatorIndex,
    to: ValidatorIndex,
    message: &Message,
) -> Message {
    let is_first_half = to.0.is_multiple_of(2);
    if message.v1().sender != own || is_first_half {
        return message.clone();
    }
    let mut body = message.v1().body.clone();
    let digest = match (doubled, &mut body) {
        (Doubled::Votes, Body::Pbft(Pbft::Prepare { proposal, .. } | Pbft::Commit { proposal, .. })) => {
            proposal
        }
        (Doubled::Seals, Body::Seal { block, .. }) => block,
        _ => return message.clone(),
    };
    *digest = sha256(digest.as_bytes());
    stage.sign(message.v1().epoch, own, body)
}
