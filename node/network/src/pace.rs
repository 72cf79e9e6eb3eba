//! How many votes of each peer are taken in a second. A vote costs its hearers a signature check, so that what a peer
//! sends takes processor time from everybody else; and all validators of one network say about as much. So each is
//! given half as much again as the one in the middle, which no minority moves, and never less than a fixed number.
//! What is more waits where it is, unread, and in the end with its sender.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::PeerKey;

/// How long what peers sent is counted before it says how much they may send.
const ROUND: Duration = Duration::from_secs(1);
/// What a peer does not send it may send later, up to what is allowed in so many seconds: after a silence much is
/// sent again at once, and what peers send can double within a round.
const SAVED_SECONDS: f64 = 4.0;
/// How long to wait before looking again at peers that have used up what they may.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What each peer may send, and has sent.
#[derive(Debug)]
pub(crate) struct Pace {
    /// In a second, whatever the others send.
    least: f64,
    /// In a second, this round.
    allowed: f64,
    round_began: Instant,
    peers: BTreeMap<PeerKey, Allowance>,
    /// Whose votes say what is usual; none where that is everybody's. Who only listens says little.
    voters: Option<BTreeSet<PeerKey>>,
}

#[derive(Debug)]
struct Allowance {
    left: f64,
    refilled: Instant,
    /// This round.
    taken: u32,
}

impl Pace {
    /// Each peer may send `least` in a second at least.
    pub(crate) fn new(least: u32, now: Instant) -> Self {
        Self {
            least: f64::from(least),
            allowed: f64::from(least),
            round_began: now,
            peers: BTreeMap::new(),
            voters: None,
        }
    }

    /// From now on what these send says how much each may send, and nobody else counts.
    pub(crate) fn set_voters(&mut self, voters: BTreeSet<PeerKey>, now: Instant) {
        // What is left to whoever else is linked is known again with its next vote.
        self.peers.retain(|peer, _| voters.contains(peer));
        voters.iter().for_each(|voter| self.know(*voter, now));
        self.voters = Some(voters);
    }

    /// What each peer may send in a second at least.
    pub(crate) fn least(&self) -> f64 {
        self.least
    }

    /// A peer that counts from now on, though it may send nothing.
    pub(crate) fn know(&mut self, peer: PeerKey, now: Instant) {
        let left = self.allowed * SAVED_SECONDS;
        self.peers.entry(peer).or_insert_with(|| Allowance {
            left,
            refilled: now,
            taken: 0,
        });
    }

    /// Whether one of this peer may be taken.
    pub(crate) fn allows(&mut self, peer: PeerKey, now: Instant) -> bool {
        self.know(peer, now);
        let allowed = self.allowed;
        self.peers.get_mut(&peer).is_some_and(|allowance| {
            let earned = now.duration_since(allowance.refilled).as_secs_f64() * allowed;
            allowance.left = (allowance.left + earned).min(allowed * SAVED_SECONDS);
            allowance.refilled = now;
            allowance.left >= 1.0
        })
    }

    /// One of this peer was taken.
    pub(crate) fn took(&mut self, peer: PeerKey, now: Instant) {
        if let Some(allowance) = self.peers.get_mut(&peer) {
            allowance.left -= 1.0;
            allowance.taken += 1;
        }
        let round = now.duration_since(self.round_began);
        if round < ROUND {
            return;
        }
        let counts = |peer: &PeerKey| self.voters.as_ref().is_none_or(|voters| voters.contains(peer));
        let voters = self.peers.iter().filter(|(peer, _)| counts(peer));
        let mut taken: Vec<u32> = voters.map(|(_, allowance)| allowance.taken).collect();
        taken.sort_unstable();
        let middle = match taken.len() {
            // Three validators bear no liar, and with one away the other's votes are all there are.
            2 => 1,
            // Of an even number the lower one: it takes more than half to lift it.
            count => count.saturating_sub(1) / 2,
        };
        let middle = f64::from(taken.get(middle).copied().unwrap_or(0));
        // A pause of everybody, as while a leader is changed, is no reason to begin anew.
        let kept = self.allowed / 2.0;
        self.allowed = self.least.max(kept).max(1.5 * middle / round.as_secs_f64());
        self.round_began = now;
        self.peers.values_mut().for_each(|allowance| allowance.taken = 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: u32 = 100;

    /// What is taken in some seconds of peers that would send this much in a second.
    fn taken(wanted: &[u32], seconds: u32) -> Vec<u32> {
        let start = Instant::now();
        let mut pace = Pace::new(LEAST, start);
        let key = |peer: usize| PeerKey([u8::try_from(peer).unwrap(); 32]);
        (0..wanted.len()).for_each(|peer| pace.know(key(peer), start));
        let mut taken = vec![0; wanted.len()];
        let mut waiting = vec![0.0; wanted.len()];
        for ms in 0..seconds * 1_000 {
            let now = start + Duration::from_millis(ms.into());
            for (peer, wanted) in wanted.iter().enumerate() {
                waiting[peer] += f64::from(*wanted) / 1e3;
                while waiting[peer] >= 1.0 && pace.allows(key(peer), now) {
                    waiting[peer] -= 1.0;
                    taken[peer] += 1;
                    pace.took(key(peer), now);
                }
            }
        }
        taken
    }

    #[test]
    fn peers_that_send_about_the_same_are_never_held_back() {
        let rates = [99, 99, 80];
        let all = taken(&rates, 10);
        // The last may be due a moment after the end.
        assert!(
            all.iter().zip(rates).all(|(taken, rate)| *taken + 1 >= rate * 10),
            "{all:?}"
        );
        // A rate that begins far above the least is reached within seconds.
        let late = taken(&[1_000, 1_000, 900], 20);
        assert!(
            late.iter()
                .zip([1_000, 1_000, 900])
                .all(|(taken, rate)| *taken >= rate * 19),
            "{late:?}"
        );
    }

    #[test]
    fn who_floods_is_given_half_as_much_again_as_the_others() {
        let taken = taken(&[200, 200, 50_000], 20);
        assert!(taken[2] <= 200 * 3 / 2 * (20 + 4), "{taken:?}");
        assert!(taken[..2].iter().all(|honest| *honest >= 200 * 19), "{taken:?}");
    }

    #[test]
    fn neither_one_that_is_silent_nor_two_of_six_that_flood_move_what_is_allowed() {
        let silent = taken(&[0, 300, 300], 20);
        assert!(silent[1..].iter().all(|honest| *honest >= 300 * 18), "{silent:?}");
        let floods = taken(&[300, 300, 300, 300, 50_000, 50_000], 20);
        assert!(
            floods[4..].iter().all(|flood| *flood <= 300 * 3 / 2 * (20 + 4)),
            "{floods:?}"
        );
    }

    #[test]
    fn who_only_listens_lowers_nobodys_pace() {
        let start = Instant::now();
        let mut pace = Pace::new(LEAST, start);
        let key = |peer: u8| PeerKey([peer; 32]);
        (0..7).for_each(|peer| pace.know(key(peer), start));
        pace.set_voters((0..3).map(key).collect(), start);
        // Four that listen are known again by what they send, which is next to nothing.
        (3..7).for_each(|peer| assert!(pace.allows(key(peer), start)));
        let later = start + ROUND;
        for _ in 0..300 {
            (0..3).for_each(|peer| pace.took(key(peer), start));
        }
        pace.took(key(0), later);
        let allowed = pace.allowed;
        assert!(allowed >= 1.5 * 300.0, "{allowed}");
    }

    #[test]
    fn while_nobody_sends_much_each_may_send_the_least() {
        let taken = taken(&[0, 0, 50_000], 10);
        assert!((LEAST * 13..=LEAST * 14 + 1).contains(&taken[2]), "{taken:?}");
    }
}
