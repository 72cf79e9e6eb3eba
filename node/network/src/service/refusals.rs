//! Which refusals are worth a line in the log.

use std::collections::BTreeMap;
use std::time::Duration;

use libp2p::connection_limits;
use libp2p::swarm::ConnectionDenied;
use tokio::time::Instant;

use crate::doorkeeper::Refusal;
use crate::{PeerKey, Reason};

/// Peers whose last refusal is remembered, so that the same is not logged at each of their dials.
const MAX_REFUSED: usize = 64;
/// A refusal that goes on is logged again after this time.
const REFUSED_AGAIN: Duration = Duration::from_secs(60);

/// What was logged of whom, and when. Those without a key count as one.
#[derive(Default)]
pub(super) struct Refusals(BTreeMap<Option<PeerKey>, (Reason, Instant)>);

impl Refusals {
    pub(super) fn is_news(&mut self, peer: Option<PeerKey>, reason: &Reason) -> bool {
        let now = Instant::now();
        self.0
            .retain(|_, (_, at)| now.saturating_duration_since(*at) < REFUSED_AGAIN);
        let known = self.0.get(&peer).is_some_and(|(known, _)| known == reason);
        if known || (self.0.len() >= MAX_REFUSED && !self.0.contains_key(&peer)) {
            return false;
        }
        self.0.insert(peer, (reason.clone(), now));
        true
    }
}

/// Why a behaviour denied a connection.
pub(super) fn denial(cause: &ConnectionDenied) -> Reason {
    if let Some(Refusal(reason)) = cause.downcast_ref::<Refusal>() {
        reason.clone()
    } else if cause.downcast_ref::<connection_limits::Exceeded>().is_some() {
        Reason::TooManyConnections
    } else {
        Reason::Closed(cause.to_string())
    }
}
