//! Whether two processes use one node key at once: a copy of a home was started elsewhere, or the key was stolen.
//!
//! Noise proves only that whoever links has the key, and a newer link replaces an older one. So two processes with one
//! key take each other's place again and again, or the later one stays in it. Two things tell them from one process
//! that has linked again:
//!
//! - The other end of a replaced link still answers. One process closes the link that it has replaced, or has lost it.
//! - A peer writes no more on the link in use, and keeps its connection: it writes on a link that this process does
//!   not have. This is what a process can see of its own key.
//!
//! One such sign may come of two dials at once or of a slow closing, so only [`SIGNS`] of them within [`WITHIN`] count.

use std::collections::VecDeque;
use std::time::Duration;

use libp2p::Multiaddr;
use tokio::time::Instant;

/// So many signs in a row make a key a doubled one.
const SIGNS: usize = 4;
/// The time between the first of them and the last is at most this.
const WITHIN: Duration = Duration::from_secs(60);
/// After so long without a sign the key counts as used by one process again.
const QUIET: Duration = Duration::from_secs(300);
/// A process that has replaced a link of its own closes it within this time: it means to after two seconds.
const CLOSES_WITHIN: Duration = Duration::from_secs(5);
/// A peer that ends a link, or chooses another one of this process, has done so this long after its last frame.
const ENDS_WITHIN: Duration = Duration::from_secs(1);

/// What the signs say of one key.
#[derive(Debug, Default)]
pub(crate) struct Doubled {
    /// When the latest signs came, the oldest first; at most [`SIGNS`].
    signs: VecDeque<Instant>,
    doubled: bool,
}

impl Doubled {
    /// Counts a sign. True if the key counts as doubled from now on and did not before.
    pub(crate) fn note(&mut self, now: Instant) -> bool {
        if self.signs.len() >= SIGNS {
            self.signs.pop_front();
        }
        self.signs.push_back(now);
        let first = self.signs.front().copied().unwrap_or(now);
        let begins =
            !self.doubled && self.signs.len() == SIGNS && now.saturating_duration_since(first) <= WITHIN;
        self.doubled |= begins;
        begins
    }

    /// When the key counts as used by one process again, if no further sign comes. `None`: it does already.
    pub(crate) fn ends(&self) -> Option<Instant> {
        let last = self.signs.back().filter(|_| self.doubled)?;
        Some(*last + QUIET)
    }

    /// True if the key counts as used by one process again from now on.
    pub(crate) fn end(&mut self, now: Instant) -> bool {
        let ends = self.ends().is_some_and(|at| at <= now);
        if ends {
            *self = Self::default();
        }
        ends
    }
}

/// How a link was replaced by another one with the same key at its other end.
#[derive(Clone, Debug)]
pub(crate) struct Replaced {
    /// When.
    pub(crate) at: Instant,
    /// Where the newer link leads.
    pub(crate) by: Multiaddr,
    /// Whether this node chose the newer link. Then this node closes the older one; else the other end does.
    pub(crate) chosen_here: bool,
}

impl Replaced {
    /// Whether the answer to a ping of that moment is a sign that another process has the older link.
    pub(crate) fn is_outlived(&self, asked: Instant) -> bool {
        let closes_within = match self.chosen_here {
            true => Duration::ZERO,
            false => CLOSES_WITHIN,
        };
        asked.saturating_duration_since(self.at) > closes_within
    }
}

/// Whether a peer that wrote its last frame on the link in use at `left`, and still had the link at `later`, is one
/// that writes to another process.
pub(crate) fn is_bypass(left: Instant, later: Instant) -> bool {
    later.saturating_duration_since(left) >= ENDS_WITHIN
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn replaced(at: Instant, chosen_here: bool) -> Replaced {
        Replaced {
            at,
            by: "/ip4/192.0.2.1/tcp/9100".parse().unwrap(),
            chosen_here,
        }
    }

    #[test]
    fn a_few_signs_within_a_minute_are_told_once() {
        let (mut doubled, start) = (Doubled::default(), Instant::now());
        let told: Vec<u32> = (0..1000u32)
            .filter(|n| doubled.note(start + SECOND * 2 * *n))
            .collect();
        assert_eq!(told, [3]);
        assert_eq!(doubled.signs.len(), SIGNS);
    }

    #[test]
    fn signs_that_are_far_apart_say_nothing() {
        let (mut doubled, start) = (Doubled::default(), Instant::now());
        for n in 0..1000u32 {
            assert!(!doubled.note(start + (WITHIN / 3 + SECOND) * n));
        }
        assert_eq!(doubled.ends(), None);
        assert_eq!(doubled.signs.len(), SIGNS);
    }

    #[test]
    fn it_ends_after_some_quiet_and_may_begin_again() {
        let (mut doubled, start) = (Doubled::default(), Instant::now());
        let begin = |doubled: &mut Doubled, at: Instant| (0..4).filter(|_| doubled.note(at)).count();
        assert_eq!(begin(&mut doubled, start), 1);
        assert_eq!(doubled.ends(), Some(start + QUIET));
        assert!(!doubled.end(start + QUIET - SECOND));
        // Each further sign puts the end off.
        assert!(!doubled.note(start + SECOND));
        assert!(!doubled.end(start + QUIET));
        assert!(doubled.end(start + QUIET + SECOND));
        assert!(!doubled.end(start + QUIET + SECOND));
        assert_eq!(doubled.ends(), None);
        assert_eq!(begin(&mut doubled, start + QUIET + SECOND), 1);
    }

    #[test]
    fn an_answer_to_a_ping_from_before_the_replacement_is_no_sign() {
        let at = Instant::now() + SECOND;
        for chosen_here in [true, false] {
            assert!(!replaced(at, chosen_here).is_outlived(at - SECOND));
            assert!(!replaced(at, chosen_here).is_outlived(at));
        }
    }

    #[test]
    fn who_chose_the_newer_link_has_time_to_close_the_older_one() {
        let at = Instant::now();
        assert!(replaced(at, true).is_outlived(at + SECOND / 1000));
        assert!(!replaced(at, false).is_outlived(at + CLOSES_WITHIN));
        assert!(replaced(at, false).is_outlived(at + CLOSES_WITHIN + SECOND));
    }

    #[test]
    fn a_peer_that_is_stopping_is_not_taken_for_one_that_writes_elsewhere() {
        let left = Instant::now();
        assert!(!is_bypass(left, left));
        assert!(!is_bypass(left, left + SECOND / 2));
        assert!(is_bypass(left, left + 2 * SECOND));
    }
}
