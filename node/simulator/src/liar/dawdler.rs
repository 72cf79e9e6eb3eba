//! Primaries that are not good enough and never stand still: they keep just within their timers. And whoever would
//! have good ones replaced.

use quorate_consensus::pbft::Replica;
use quorate_consensus::{Body, Message};
use quorate_crypto::ValidatorIndex;

use crate::world::World;

/// Whether the validator `own` shows a message to a peer, if it shows its proposals to so many.
pub(crate) fn shows(
    world: &World,
    most: u16,
    own: ValidatorIndex,
    to: ValidatorIndex,
    message: &Message,
) -> bool {
    let size = world.committee.size();
    let after = (usize::from(to.0) + size - usize::from(own.0)) % size.max(1);
    !proposes(own, message) || after <= usize::from(most)
}

/// Whether a message is one that `own` delays, if it is late.
pub(crate) fn is_late(own: ValidatorIndex, message: &Message) -> bool {
    proposes(own, message)
}

fn proposes(own: ValidatorIndex, message: &Message) -> bool {
    message.v1().sender == own && quorate_lies::proposes(&message.v1().body)
}

/// A complaint about whoever leads, if that is another.
pub(crate) fn complaint(own: ValidatorIndex, engine: &Replica) -> Option<Body> {
    let view = engine.view();
    let another = engine.has_begun() && engine.leader() != own;
    another.then(|| quorate_lies::complaint(view))
}
