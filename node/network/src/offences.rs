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

/// What each peer has to its account.
#[derive(Debug, Default)]
pub(crate) struct Offences {
    /// Those alone that have any.
    peers: BTreeMap<PeerKey, Account>,
}

#[derive(Debug)]
struct Account {
    count: u32,
    /// When the last one was forgotten, or the first one came.
    since: Instant,
}

impl Offences {
    /// A peer has sent something that is against the rules. Whether it has used up what is free with it.
    pub(crate) fn note(&mut self, peer: PeerKey, now: Instant) -> bool {
        self.forget(peer, now);
        let account = self.peers.entry(peer).or_insert(Account { count: 0, since: now });
        // Frames that were taken already may add to it while nothing more is.
        account.count = account.count.saturating_add(1);
        account.count == FREE
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
        if account.count == 0 {
            self.peers.remove(&peer);
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
        let last = (0..FREE).map(|_| offences.note(PEER, start)).last();
        assert_eq!(last, Some(true));
        assert!(offences.hold_back(PEER, start));
        assert!(!offences.hold_back(PeerKey([2; 32]), start));
        assert!(!offences.hold_back(PEER, start + FORGOTTEN_EVERY));
        assert!(!offences.hold_back(PEER, start + 2 * FREE * FORGOTTEN_EVERY));
        assert!(offences.peers.is_empty());
    }
}
