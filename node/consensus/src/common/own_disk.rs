//! How long this replica's own disk takes, so that nobody else is blamed for it.
//!
//! Measured on own messages that wait for the journal: from when one is asked to be signed until it comes back,
//! signed and on disk. On a disk that is slow the wait for a leader grows by what the protocol's flushes in a row
//! take where all disks are as slow. A message that has not come back tells of the disk as well: where a wait runs
//! out meanwhile, it goes on by what was not known when it began.

use std::collections::BTreeMap;

use quorate_ledger::Timestamp;
use serde::{Deserialize, Serialize};

use crate::contract::{TimerRange, Timing};
use crate::message::Body;
use crate::{paxos, pbft, raft};

/// Flushes in a row until PBFT has certified a height: the pre-prepare's, the prepare's and the commit's, each of
/// which may find one under way.
const FLUSHES_A_HEIGHT: u64 = 6;

/// Flushes in a row until a leader of Raft or Paxos is heard: a voter's and the candidate's own, each of which may
/// find one under way.
const FLUSHES_AN_ELECTION: u64 = 4;

/// One measure in so many is forgotten with each new one, so that a disk is slow for as long as it is slow.
const FORGETS: u64 = 8;

/// What takes longer, in milliseconds, is taken for so long: it may have been a clock that jumped.
const LONGEST_FLUSH_MS: u64 = 5_000;

/// So many messages are measured at a time.
const MAX_ASKED: usize = 64;

/// What is known of the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct OwnDisk {
    /// When messages were asked for that have not come back.
    asked: BTreeMap<Key, Timestamp>,
    /// What a flush takes, in milliseconds; none before the first measure that counts for good.
    flush_ms: Option<u64>,
    /// The same by those that count at first.
    first_ms: u64,
    /// What the wait that runs was given for the disk, in milliseconds.
    granted_ms: u32,
}

/// A message that is measured, by kind and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Key {
    /// One that counts always.
    Always(u8, u64),
    /// One that counts while there is no other: it waits for batches, too, so under PBFT, where one may lie, a peer
    /// that sends many could stretch it.
    AtFirst(u64),
}

impl Key {
    fn of(body: &Body) -> Option<Self> {
        match body {
            Body::Pbft(pbft::Body::Commit { height, .. }) => Some(Self::Always(0, height.0)),
            Body::Pbft(pbft::Body::ViewChange(change)) => Some(Self::Always(1, change.claims.view.0)),
            Body::Pbft(pbft::Body::Prepare { height, .. }) => Some(Self::AtFirst(height.0)),
            Body::Raft(body) if body.follows_records() => match body {
                raft::Body::RequestVote(request) => Some(Self::Always(0, request.term.0)),
                raft::Body::VoteReply(reply) => Some(Self::Always(1, reply.term.0)),
                raft::Body::AppendReply(reply) => Some(Self::Always(2, reply.index.0)),
                raft::Body::AppendEntries(_) | raft::Body::TimeoutNow { .. } => None,
            },
            Body::Paxos(paxos::Body::Promise(promise)) => Some(Self::Always(0, promise.ballot.round)),
            Body::Paxos(paxos::Body::Accepted(accepted)) => {
                let first = accepted.values.first();
                first.map(|value| Self::Always(1, value.height.0))
            }
            _ => None,
        }
    }
}

impl OwnDisk {
    /// A message is asked for.
    pub(crate) fn on_asked(&mut self, body: &Body, now: Timestamp) {
        let key = Key::of(body).filter(|key| self.counts(*key));
        if let Some(key) = key
            && self.asked.len() < MAX_ASKED
        {
            self.asked.entry(key).or_insert(now);
        }
    }

    /// It has come back.
    pub(crate) fn on_back(&mut self, body: &Body, now: Timestamp) {
        let asked = Key::of(body).and_then(|key| self.asked.remove_entry(&key));
        let Some((key, asked)) = asked.filter(|(key, _)| self.counts(*key)) else {
            return;
        };
        let took = since(asked, now);
        match key {
            Key::Always(..) => {
                let known = self.flush_ms.unwrap_or(0);
                self.flush_ms = Some(took.max(known - known.div_ceil(FORGETS)));
            }
            Key::AtFirst(_) => self.first_ms = self.first_ms.max(took),
        }
    }

    fn counts(&self, key: Key) -> bool {
        matches!(key, Key::Always(..)) || self.flush_ms.is_none()
    }

    /// What a flush takes by all that is known now, in milliseconds: one that has not ended takes at least as long
    /// as it has taken.
    fn flush_ms(&self, now: Timestamp) -> u64 {
        let waiting = self.asked.iter().filter(|(key, _)| self.counts(**key));
        let longest = waiting.map(|(_, asked)| since(*asked, now)).max();
        self.flush_ms.unwrap_or(self.first_ms).max(longest.unwrap_or(0))
    }

    /// What so many flushes in a row add to a wait, in milliseconds. Half of the shortest wait has room for a disk.
    fn delay_ms(&self, flushes: u64, shortest_ms: u32, now: Timestamp) -> u32 {
        let takes = self.flush_ms(now).saturating_mul(flushes);
        let beyond = takes.saturating_sub(u64::from(shortest_ms / 2));
        u32::try_from(beyond).unwrap_or(u32::MAX)
    }

    /// What it adds to the wait for a primary of PBFT.
    pub(crate) fn adds_to_height(&self, timing: &Timing, now: Timestamp) -> u32 {
        self.delay_ms(FLUSHES_A_HEIGHT, timing.progress.from_ms, now)
    }

    /// What it adds to the wait for a leader of Raft or Paxos.
    pub(crate) fn adds_to_election(&self, timing: &Timing, now: Timestamp) -> u32 {
        self.delay_ms(FLUSHES_AN_ELECTION, timing.election.from_ms, now)
    }

    /// A wait begins that was given so much for the disk.
    pub(crate) fn grant(&mut self, granted_ms: u32) {
        self.granted_ms = granted_ms;
    }

    /// The wait has run out: how much longer it would have been by what is known now. It is given that.
    pub(crate) fn grant_more(&mut self, adds_ms: u32) -> Option<TimerRange> {
        let more = adds_ms.checked_sub(self.granted_ms).filter(|more| *more > 0)?;
        self.granted_ms = adds_ms;
        Some(TimerRange {
            from_ms: more,
            to_ms: more,
        })
    }
}

fn since(asked: Timestamp, now: Timestamp) -> u64 {
    now.0.saturating_sub(asked.0).min(LONGEST_FLUSH_MS)
}

#[cfg(test)]
mod tests {
    use quorate_crypto::{Digest, Height};

    use super::*;

    const TIMING: Timing = Timing {
        resend: range(1, 2),
        progress: range(800, 1_200),
        progress_cap_ms: 60_000,
        heartbeat: range(1, 2),
        election: range(250, 500),
    };

    const fn range(from_ms: u32, to_ms: u32) -> TimerRange {
        TimerRange { from_ms, to_ms }
    }

    fn commit(height: u64) -> Body {
        Body::Pbft(pbft::Body::Commit {
            view: pbft::View(0),
            height: Height(height),
            proposal: Digest([0; 32]),
        })
    }

    fn prepare(height: u64) -> Body {
        Body::Pbft(pbft::Body::Prepare {
            view: pbft::View(0),
            height: Height(height),
            proposal: Digest([0; 32]),
        })
    }

    #[test]
    fn a_disk_is_slow_for_as_long_as_it_is_slow() {
        let mut disk = OwnDisk::default();
        assert_eq!(disk.adds_to_height(&TIMING, Timestamp(0)), 0);
        disk.on_asked(&commit(1), Timestamp(1_000));
        disk.on_back(&commit(1), Timestamp(1_300));
        assert_eq!(disk.adds_to_height(&TIMING, Timestamp(1_300)), 1_800 - 400);
        assert_eq!(disk.adds_to_election(&TIMING, Timestamp(1_300)), 1_200 - 125);
        for height in 2..100 {
            disk.on_asked(&commit(height), Timestamp(2_000));
            disk.on_back(&commit(height), Timestamp(2_000));
        }
        assert_eq!(disk.adds_to_height(&TIMING, Timestamp(2_000)), 0);
    }

    #[test]
    fn a_disk_of_20_ms_adds_nothing() {
        let mut disk = OwnDisk::default();
        disk.on_asked(&commit(1), Timestamp(1_000));
        disk.on_back(&commit(1), Timestamp(1_020));
        assert_eq!(disk.adds_to_height(&TIMING, Timestamp(1_020)), 0);
        assert_eq!(disk.adds_to_election(&TIMING, Timestamp(1_020)), 0);
    }

    #[test]
    fn a_flush_that_has_not_ended_adds_as_long_as_it_has_taken() {
        let mut disk = OwnDisk::default();
        disk.on_asked(&commit(1), Timestamp(1_000));
        assert_eq!(disk.adds_to_height(&TIMING, Timestamp(2_000)), 6_000 - 400);
    }

    #[test]
    fn a_wait_that_ran_out_is_given_what_was_not_known_when_it_began() {
        let mut disk = OwnDisk::default();
        disk.grant(100);
        assert_eq!(disk.grant_more(100), None);
        assert_eq!(disk.grant_more(350), Some(range(250, 250)));
        assert_eq!(disk.grant_more(350), None);
    }

    #[test]
    fn prepares_tell_of_the_disk_until_a_commit_does() {
        let mut disk = OwnDisk::default();
        disk.on_asked(&prepare(1), Timestamp(1_000));
        disk.on_back(&prepare(1), Timestamp(1_500));
        assert_eq!(disk.adds_to_height(&TIMING, Timestamp(1_500)), 3_000 - 400);
        disk.on_asked(&prepare(2), Timestamp(1_500));
        disk.on_asked(&commit(1), Timestamp(1_500));
        disk.on_back(&commit(1), Timestamp(1_501));
        assert_eq!(disk.adds_to_height(&TIMING, Timestamp(9_000)), 0);
        disk.on_back(&prepare(2), Timestamp(9_000));
        assert_eq!(disk.adds_to_height(&TIMING, Timestamp(9_000)), 0);
    }

    #[test]
    fn a_clock_that_jumps_and_messages_that_never_return_measure_little() {
        let mut disk = OwnDisk::default();
        disk.on_asked(&commit(1), Timestamp(1_000));
        disk.on_back(&commit(1), Timestamp(400));
        disk.on_back(&commit(9), Timestamp(9_000));
        assert_eq!(disk.flush_ms(Timestamp(9_000)), 0);
        disk.on_asked(&commit(2), Timestamp(1_000));
        disk.on_back(&commit(2), Timestamp(99_000_000));
        assert_eq!(disk.flush_ms(Timestamp(99_000_000)), LONGEST_FLUSH_MS);
        for height in 0..100 {
            disk.on_asked(&commit(height), Timestamp(0));
        }
        assert_eq!(disk.asked.len(), MAX_ASKED);
    }
}
