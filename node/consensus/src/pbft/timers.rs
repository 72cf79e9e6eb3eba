//! When a replica complains, when a primary shows that it is alive, when anybody asks again.
//!
//! The progress timer runs in every view that has begun. While batches wait it starts again whenever
//! the certified height passes a height that ordered a batch which was not ordered before, unless the
//! oldest that waits has been overtaken: by one that came many waits later, or by many while it stayed the
//! oldest. A primary that orders batches as they come to it does neither, whatever its backlog is. So a backlog is no reason to complain, leaving out one
//! member is, and so is ordering nothing, or the same again. Heights that the new-view carried over
//! count too, and those that are left of an epoch that ends: they are few, and there the primary need not
//! order anything. It owes all that are left at once, so there nothing counts before each can be voted on; else it
//! could take a wait for each. While other work is open it starts again
//! whenever the certified height rises, and while none is, whenever the primary is heard.

use quorate_crypto::Height;
use serde::{Deserialize, Serialize};

use super::Pbft;
use super::message::View;
use crate::common::Base;
use crate::contract::{Rejection, Timer};

/// This many batches that came later may be ordered before the oldest that waits is taken for left out.
/// A primary that orders its own in the place of another's is found out no later than that.
pub const OVERTAKING_BATCHES: u64 = 256;

/// The oldest batch that waits is taken for left out, too, once one is ordered that came here so many of the
/// longest waits later. By then the primary has it as well: who has a batch passes it on.
pub const OVERTAKING_WAITS: u64 = 4;

/// The progress timer that runs, and the state it was set in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProgressTimer {
    view: View,
    certified: Height,
    open: bool,
    /// Whether batches waited to be ordered.
    waiting: bool,
    /// The oldest of them.
    oldest: Option<u64>,
}

impl Pbft {
    pub(super) fn update_timers(&mut self, base: &mut Base) {
        self.update_progress_timer(base);
        self.update_heartbeat_timer(base);
    }

    /// Whether the primary owes anything.
    fn owes_progress(&self, base: &Base) -> bool {
        let proposed = |height: &Height| {
            *height <= self.carried_to
                || self
                    .instances
                    .get(height)
                    .is_some_and(|instance| instance.proposed_in(self.view).is_some())
        };
        let waiting = base.backlog.len() > 0 && !base.is_finished();
        waiting || base.is_ending() || self.carried_to > base.certified || self.instances.keys().any(proposed)
    }

    fn update_progress_timer(&mut self, base: &mut Base) {
        let open = self.owes_progress(base);
        let idle_primary = !open && self.is_leading(base);
        let alone = base.config.committee.size() == 1;
        let obliged = base.voter().is_some() && !alone && !base.is_finished();
        let wanted = self.begun && obliged && !idle_primary;
        let now = ProgressTimer {
            view: self.view,
            certified: base.certified,
            open,
            waiting: base.backlog.len() > 0,
            oldest: base.backlog.oldest(),
        };
        let Some(running) = self.progress else {
            if wanted {
                self.start_progress_timer(base, now);
            }
            return;
        };
        if !wanted {
            self.progress = None;
            base.cancel_timer(Timer::Progress {
                reign: running.view.0,
            });
            return;
        }
        if running.view != now.view {
            base.cancel_timer(Timer::Progress {
                reign: running.view.0,
            });
            self.start_progress_timer(base, now);
            return;
        }
        let progressed = self.has_progressed(base, running, now);
        if progressed {
            self.changes.attempts = 0;
        }
        let left_out = self.leaves_out(base, running) && !breaks!(LeavingOutAllowed);
        let other_work = running.open != now.open || running.waiting != now.waiting;
        if other_work || (progressed && !left_out) || (!open && self.heard_primary) {
            self.start_progress_timer(base, now);
        }
    }

    /// Whether the oldest batch that waits is left out. One that many overtook is so only while it stays the
    /// oldest: they may all have come to the primary before it did, and so may those before the next.
    fn leaves_out(&self, base: &Base, then: ProgressTimer) -> bool {
        let backlog = &base.backlog;
        let waits = OVERTAKING_WAITS * u64::from(self.patience(base).to_ms);
        let many = backlog.overtaken() > OVERTAKING_BATCHES && backlog.oldest() == then.oldest;
        many || backlog.overtaken_by_ms() > waits
    }

    /// Whether what the primary owes has become less since the timer was set.
    fn has_progressed(&self, base: &Base, then: ProgressTimer, now: ProgressTimer) -> bool {
        let carried = then.certified < self.carried_to;
        let ending = base.epoch_end.is_some();
        if then.certified == now.certified || (ending && self.lacks_proposals(base)) {
            return false;
        }
        base.served || carried || ending || !now.waiting || breaks!(EmptyIsProgress)
    }

    /// Whether a height of the window has no proposal yet that this replica can vote on, or somebody honest has voted
    /// on. One that is named with its batches held back is none: a primary could let go of them one by one. A height
    /// that others have certified lacks nothing: it is this replica that is behind.
    fn lacks_proposals(&self, base: &Base) -> bool {
        let (view, own, weak_quorum) = (self.view, base.config.index, base.config.committee.weak_quorum());
        let (others, _) = base.peers.certified_by(weak_quorum, base.certified);
        let passed = base.certified.max(others).max(self.carried_to);
        let open = passed.0.saturating_add(1)..=base.high_watermark().0;
        open.map(Height).any(|height| {
            let instance = self.instances.get(&height);
            let proposed = instance.is_some_and(|instance| {
                instance.asked_prepare == Some(view) || instance.voters(view, own).len() >= weak_quorum
            });
            base.decided(height).is_none() && !proposed
        })
    }

    fn start_progress_timer(&mut self, base: &mut Base, timer: ProgressTimer) {
        self.progress = Some(timer);
        self.heard_primary = false;
        base.served = false;
        let after = self.begin_wait(base);
        base.set_timer(Timer::Progress { reign: timer.view.0 }, after);
    }

    pub(super) fn on_progress_timeout(&mut self, base: &mut Base, view: View) -> Result<(), Rejection> {
        if !self.begun || self.progress.is_none_or(|running| running.view != view) {
            return Err(Rejection::StaleTimer);
        }
        if let Some(more) = self.wait_longer(base) {
            base.set_timer(Timer::Progress { reign: view.0 }, more);
            return Ok(());
        }
        self.progress = None;
        self.judge_timeout(base);
        self.complain(base);
        Ok(())
    }

    /// A primary with nothing to propose says where it is, now and then.
    fn update_heartbeat_timer(&mut self, base: &mut Base) {
        let alone = base.config.committee.size() == 1;
        let wanted = self.is_leading(base) && !self.owes_progress(base) && !alone && !base.is_finished();
        match (wanted, self.heartbeat) {
            (true, running) if running != Some(self.view) => {
                self.heartbeat = Some(self.view);
                let reign = self.view.0;
                base.set_timer(Timer::Heartbeat { reign }, base.config.timing.heartbeat);
            }
            (false, Some(view)) => {
                self.heartbeat = None;
                base.cancel_timer(Timer::Heartbeat { reign: view.0 });
            }
            _ => {}
        }
    }

    pub(super) fn on_heartbeat_timeout(&mut self, base: &mut Base, view: View) -> Result<(), Rejection> {
        if self.heartbeat != Some(view) {
            return Err(Rejection::StaleTimer);
        }
        self.heartbeat = None;
        if view == self.view && self.is_leading(base) {
            base.status_due.ask_all();
        }
        Ok(())
    }
}
