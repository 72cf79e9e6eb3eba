//! What an operator is told of the engine: which reign it is in, and whether it stands still.

use std::time::Duration;

use quorate_consensus::{Engine, Input, Timer};
use quorate_crypto::{Height, ValidatorIndex};

use crate::effect::{Left, Transition};

/// Work that waits for so long while nothing is certified stands still; it is told of after at most twice
/// that.
const STALL: Duration = Duration::from_secs(10);

/// A reign that has begun here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Begun {
    reign: u64,
    leader: ValidatorIndex,
}

/// What was last seen of an engine.
#[derive(Debug)]
pub(crate) struct Watch {
    begun: Option<Begun>,
    /// Since when no reign has begun.
    without_since: Duration,
    certified: Height,
    /// Whether work waited when it was last looked at.
    waited: bool,
    look_at: Duration,
    /// Since when the work stands still, if an operator was told.
    stalled_since: Option<Duration>,
}

impl Watch {
    /// An engine that was started at `now`.
    pub(crate) fn new(engine: &Engine, now: Duration) -> Self {
        Self {
            begun: None,
            without_since: now,
            certified: engine.certified(),
            waited: false,
            look_at: now + STALL,
            stalled_since: None,
        }
    }

    /// When it looks again whether work stands still.
    pub(crate) fn deadline(&self) -> Duration {
        self.look_at
    }

    /// After a step: `left` is why a reign is left, should one be.
    pub(crate) fn after_step(
        &mut self,
        engine: &Engine,
        left: Left,
        now: Duration,
        tell: &mut impl FnMut(Transition),
    ) {
        let leader = engine.begun_leader();
        let reign = engine.reign();
        let begun = leader.map(|leader| Begun { reign, leader });
        if begun != self.begun {
            if let Some(former) = self.begun {
                self.without_since = now;
                tell(Transition::ReignLeft {
                    reign: former.reign,
                    leader: former.leader,
                    why: left,
                });
            }
            if let Some(Begun { reign, leader }) = begun {
                tell(Transition::ReignBegun {
                    reign,
                    leader,
                    after: now.saturating_sub(self.without_since),
                });
            }
            self.begun = begun;
        }
        let certified = engine.certified();
        if certified > self.certified {
            self.certified = certified;
            self.waited = false;
            self.look_at = now + STALL;
            if let Some(since) = self.stalled_since.take() {
                tell(Transition::MovingAgain {
                    height: certified,
                    stalled: now.saturating_sub(since),
                });
            }
        }
    }

    /// Looks whether work stands still.
    pub(crate) fn look(&mut self, engine: &Engine, now: Duration, tell: &mut impl FnMut(Transition)) {
        if now < self.look_at {
            return;
        }
        let waiting = engine.waiting();
        let waits = !waiting.is_empty() || engine.unordered_batches() > 0;
        if waits && self.waited && self.stalled_since.is_none() {
            let since = self.look_at.saturating_sub(STALL);
            self.stalled_since = Some(since);
            let first = waiting.into_iter().next();
            tell(Transition::Stalled {
                height: self.certified.next(),
                waiting: first,
                stalled: now.saturating_sub(since),
            });
        }
        self.waited = waits;
        self.look_at = now + STALL;
    }
}

/// Why an engine that leaves its reign at this input does so.
pub(crate) fn why_left(input: &Input) -> Left {
    match input {
        Input::Timeout(Timer::Progress { .. } | Timer::NewReign { .. }) => Left::Timeout,
        Input::Stopping => Left::Stopping,
        Input::Message(message) if message.get().v1().body.is_complaint() => Left::Complaints,
        Input::Own(message) if message.v1().body.is_complaint() => Left::Complaints,
        _ => Left::HigherReign,
    }
}
