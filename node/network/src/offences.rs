//! Peers that send what nobody who keeps the rules sends. Each such frame costs its hearers a look at it, and a
//! signature check at worst, and says nothing. So a peer has a few of them free, as a fault of a program or a change
//! of keys may cause some, and after that one in a while: until then nothing more of its votes and batches is taken.
//! Its blocks and its answers are: what it cannot say it can still learn, and still give.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::PeerKey;

/// So many are free.
const FREE: u32 = 32;
/// One is forgotten in this time.
const FORGOTTEN_EVERY: Duration = Duration::from_secs(2);
/// A peer is spoken of once in this time, and once more when it begins to be held back.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// What each peer has to its account.
#[derive(Debug, Default)]
pub(crate) struct Offences {
    /// Those that have had any. Members alone have links, so they are few.
    peers: BTreeMap<PeerKey, Account>,
}

#[derive(Debug)]
struct Account {
    count: u32,
    /// When the last one was forgotten, or the first one came.
    since: Instant,
    /// Those that nobody was told of.
    untold: u64,
    told: Option<Told>,
}

/// What was said of a peer last.
#[derive(Clone, Copy, Debug)]
struct Told {
    at: Instant,
    held_back: bool,
}

/// What an offence leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Offence {
    /// Nothing more of the peer's votes and batches is taken but one in two seconds.
    pub held_back: bool,
    /// Messages that broke the rules since a line in the log was last worth it, if it is now: it is the first of its
    /// minute, or the peer begins to be held back.
    pub to_tell: Option<u64>,
}

impl Offences {
    /// A peer has sent something that is against the rules.
    pub(crate) fn note(&mut self, peer: PeerKey, now: Instant) -> Offence {
        self.forget(peer, now);
        let account = self.peers.entry(peer).or_insert(Account {
            count: 0,
            since: now,
            untold: 0,
            told: None,
        });
        if account.count == 0 {
            account.since = now;
        }
        // Frames that were taken already come in after the last free one: they lengthen nothing.
        account.count = FREE.min(account.count + 1);
        account.untold = account.untold.saturating_add(1);
        let held_back = account.count == FREE;
        let is_due = account
            .told
            .is_none_or(|told| now.duration_since(told.at) >= TOLD_EVERY || (held_back && !told.held_back));
        let to_tell = is_due.then(|| {
            account.told = Some(Told { at: now, held_back });
            std::mem::take(&mut account.untold)
        });
        Offence { held_back, to_tell }
    }

    /// Whether nothing of this peer is taken at the moment.
    pub(crate) fn hold_back(&mut self, peer: PeerKey, now: Instant) -> bool {
        self.forget(peer, now);
        self.peers.get(&peer).is_some_and(|account| account.count >= FREE)
    }

    fn forget(&mut self, peer: PeerKey, now: Instant) {
        let Some(account) = self.peers.get_mut(&peer) else {
            return;
        };
        while account.count > 0 && now.duration_since(account.since) >= FORGOTTEN_EVERY {
            account.count -= 1;
            account.since += FORGOTTEN_EVERY;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: PeerKey = PeerKey([1; 32]);

    #[test]
    fn a_few_are_free_and_then_one_in_two_seconds() {
        let mut offences = Offences::default();
        let start = Instant::now();
        let mut taken = 0;
        for ms in 0..60_000 {
            let now = start + Duration::from_millis(ms);
            if !offences.hold_back(PEER, now) {
                taken += 1;
                offences.note(PEER, now);
            }
        }
        assert_eq!(taken, FREE + 29);
    }

    #[test]
    fn it_is_forgotten_and_holds_back_nobody_else() {
        let mut offences = Offences::default();
        let start = Instant::now();
        for _ in 0..FREE {
            offences.note(PEER, start);
        }
        assert!(offences.hold_back(PEER, start));
        assert!(!offences.hold_back(PeerKey([2; 32]), start));
        assert!(!offences.hold_back(PEER, start + FORGOTTEN_EVERY));
    }

    #[test]
    fn what_was_taken_already_holds_back_no_longer() {
        let mut offences = Offences::default();
        let start = Instant::now();
        for _ in 0..100 * FREE {
            offences.note(PEER, start);
        }
        assert!(offences.hold_back(PEER, start));
        assert!(!offences.hold_back(PEER, start + FORGOTTEN_EVERY));
    }

    #[test]
    fn it_is_told_once_a_minute_and_when_it_begins_to_hold_back() {
        let mut offences = Offences::default();
        let start = Instant::now();
        let notices: Vec<_> = (0..150_000)
            .map(|ms| start + Duration::from_millis(ms))
            .map(|now| offences.note(PEER, now))
            .filter_map(|offence| Some((offence.to_tell?, offence.held_back)))
            .collect();
        assert_eq!(
            notices,
            [
                (1, false),
                (u64::from(FREE) - 1, true),
                (60_000, true),
                (60_000, true),
            ]
        );
    }
}
