//! Whether the other end of a link still answers. Pings go over the control stream: libp2p's forgive the
//! first failure and then take ten seconds to open a stream to a dead peer.

use std::time::Duration;

use tokio::time::Instant;

use crate::{Limits, Reason};

/// Whether the peer answers. One ping is under way at a time.
pub(crate) struct Pings {
    interval: Duration,
    timeout: Duration,
    number: u64,
    /// Since when the answer to `number` is awaited.
    waiting: Option<Instant>,
    due: Instant,
}

impl Pings {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            interval: limits.ping_interval,
            timeout: limits.ping_timeout,
            number: 0,
            waiting: None,
            due: Instant::now(),
        }
    }

    /// When to look again.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Has the next ping sent now, unless one is under way.
    pub(crate) fn hasten(&mut self, now: Instant) {
        if self.waiting.is_none() {
            self.due = self.due.min(now);
        }
    }

    /// Sends the next ping, or finds that the last was not answered. After a gap in this node's own
    /// time (a stopped process) the answer may have come and not been read: the wait starts anew.
    pub(crate) fn on_due(&mut self, now: Instant) -> Result<Option<u64>, Reason> {
        let gap = now.saturating_duration_since(self.due) > self.timeout / 4;
        match self.waiting {
            Some(_) if gap => {
                self.waiting = Some(now);
                self.due = now + self.timeout;
                Ok(None)
            }
            Some(_) => Err(Reason::PingTimeout),
            None => {
                self.number += 1;
                self.waiting = Some(now);
                self.due = now + self.timeout;
                Ok(Some(self.number))
            }
        }
    }

    /// The round trip, if this answers the ping under way.
    pub(crate) fn on_pong(&mut self, number: u64) -> Option<Duration> {
        let since = self.waiting.take_if(|_| number == self.number)?;
        let now = Instant::now();
        self.due = now + self.interval;
        Some(now.saturating_duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn pings() -> Pings {
        let limits = Limits {
            ping_interval: MINUTE,
            ping_timeout: 4 * MINUTE,
            ..Limits::default()
        };
        Pings::new(&limits)
    }

    #[test]
    fn a_ping_without_an_answer_in_time_ends_the_link() {
        let mut pings = pings();
        let start = pings.due();
        assert_eq!(pings.on_due(start), Ok(Some(1)));
        assert_eq!(pings.due(), start + 4 * MINUTE);
        assert_eq!(pings.on_due(pings.due()), Err(Reason::PingTimeout));
    }

    #[test]
    fn only_the_answer_to_the_last_ping_counts() {
        let mut pings = pings();
        assert_eq!(pings.on_due(pings.due()), Ok(Some(1)));
        assert_eq!(pings.on_pong(0), None);
        assert!(pings.on_pong(1).is_some());
        assert_eq!(pings.on_pong(1), None);
        assert_eq!(pings.on_due(pings.due()), Ok(Some(2)));
        assert_eq!(pings.on_pong(1), None);
    }

    #[test]
    fn a_ping_can_be_hastened_and_one_under_way_keeps_its_deadline() {
        let mut pings = pings();
        let start = pings.due();
        assert_eq!(pings.on_due(start), Ok(Some(1)));
        pings.hasten(start + MINUTE);
        assert_eq!(pings.due(), start + 4 * MINUTE);
        assert!(pings.on_pong(1).is_some());
        let now = Instant::now();
        assert!(pings.due() > now);
        pings.hasten(now);
        assert_eq!(pings.due(), now);
        assert_eq!(pings.on_due(now), Ok(Some(2)));
    }

    #[test]
    fn pitfall_35_a_stopped_process_does_not_blame_its_peers() {
        let mut pings = pings();
        assert_eq!(pings.on_due(pings.due()), Ok(Some(1)));
        let woken = pings.due() + 10 * MINUTE;
        assert_eq!(pings.on_due(woken), Ok(None));
        assert_eq!(pings.on_due(woken + 4 * MINUTE), Err(Reason::PingTimeout));
    }
}
