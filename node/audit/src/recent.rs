//! The newest entries of the transaction log: as many as show which ids are spent (`docs/formats.md`, section 9, "A
//! joiner"). A check that begins with a certified state needs them (pitfall 36), so they go into every state file.

use std::collections::VecDeque;

use quorate_crypto::merkle::Frontier;
use quorate_ledger::{Digest, LogEntry, LoggedEntry, Timestamp};

/// The end of the log, from the newest entry that is too old to matter on, or all of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    /// The log before the entries.
    before: Frontier,
    entries: VecDeque<LoggedEntry>,
}

/// Why entries are not the end of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotRecent {
    #[error("the log's entries do not lead to the size and root that the header names")]
    OtherLog,
    #[error("the times of the log's entries fall, or are after the block's")]
    Times,
    #[error("entries of the log are left out that may matter: the first that is there is not old enough")]
    TooFew,
    #[error("more entries of the log are there than matter: the second is too old already")]
    TooMany,
}

impl Recent {
    /// The end of the log with this size and root, after a block of this time, where ids live so long at most.
    pub(crate) fn check(
        before: Frontier,
        entries: Vec<LogEntry>,
        (size, root): (u64, Digest),
        at: Timestamp,
        longest_lead_ms: u64,
    ) -> Result<Self, NotRecent> {
        let times = entries.iter().map(LogEntry::timestamp).chain([at]);
        if !times.is_sorted() {
            return Err(NotRecent::Times);
        }
        let is_old = |entry: &LogEntry| is_old(entry, at, longest_lead_ms);
        if before.length() > 0 && !entries.first().is_some_and(is_old) {
            return Err(NotRecent::TooFew);
        }
        if entries.get(1).is_some_and(is_old) {
            return Err(NotRecent::TooMany);
        }
        let logged = entries.into_iter().map(|entry| LoggedEntry {
            leaf: entry.leaf_hash(),
            entry,
        });
        let recent = Self {
            before,
            entries: logged.collect(),
        };
        let log = recent.log();
        if (log.length(), log.root()) != (size, root) {
            return Err(NotRecent::OtherLog);
        }
        Ok(recent)
    }

    /// Appends what a block of this time did, and lets go of what matters no more.
    pub(crate) fn extend(&mut self, logged: Vec<LoggedEntry>, at: Timestamp, longest_lead_ms: u64) {
        self.entries.extend(logged);
        // The last that is too old stays: it shows that all before it are.
        while self
            .entries
            .get(1)
            .is_some_and(|second| is_old(&second.entry, at, longest_lead_ms))
        {
            let first = self.entries.pop_front().expect("there is a second one");
            self.before.push_hash(first.leaf);
        }
    }

    /// The log with all of them.
    pub(crate) fn log(&self) -> Frontier {
        let mut log = self.before.clone();
        for logged in &self.entries {
            log.push_hash(logged.leaf);
        }
        log
    }

    /// The log before the entries.
    pub(crate) fn before(&self) -> &Frontier {
        &self.before
    }

    /// The entries in order.
    pub(crate) fn entries(&self) -> impl ExactSizeIterator<Item = &LogEntry> {
        self.entries.iter().map(|logged| &logged.entry)
    }

    /// The ids that are spent at `at`, with their expiries.
    pub(crate) fn spent(&self, at: Timestamp) -> impl Iterator<Item = (Digest, Timestamp)> {
        let transactions = self.entries().filter_map(LogEntry::transaction);
        let alive = transactions.filter(move |logged| logged.expires_at > at);
        alive.map(|logged| (logged.id, logged.expires_at))
    }
}

/// Whether no id of an entry can be spent at `at` any more.
fn is_old(entry: &LogEntry, at: Timestamp, longest_lead_ms: u64) -> bool {
    entry.timestamp().0.saturating_add(longest_lead_ms) <= at.0
}

#[cfg(test)]
mod tests {
    use quorate_ledger::{Height, LogEntryV1, LoggedTransaction, Outcome};

    use super::*;

    const LEAD: u64 = 100;

    /// An entry of this time, which expires so much later.
    fn entry(time: u64, life: u64) -> LogEntry {
        LogEntry::V1(LogEntryV1::Transaction(LoggedTransaction {
            height: Height(time),
            timestamp: Timestamp(time),
            position: 0,
            id: Digest([u8::try_from(time % 251).unwrap(); 32]),
            expires_at: Timestamp(time + life),
            signed: Digest::ZERO,
            outcome: Outcome::Success { results: Vec::new() },
        }))
    }

    fn logged(entry: LogEntry) -> LoggedEntry {
        LoggedEntry {
            leaf: entry.leaf_hash(),
            entry,
        }
    }

    fn whole(entries: &[LogEntry]) -> (u64, Digest) {
        let mut log = Frontier::new();
        for entry in entries {
            log.push_hash(entry.leaf_hash());
        }
        (log.length(), log.root())
    }

    #[test]
    fn what_is_kept_is_what_a_joiner_takes_and_is_accepted() {
        let all: Vec<LogEntry> = (1..=40).map(|number| entry(number * 10, 50)).collect();
        let mut recent = Recent::default();
        for (count, one) in all.iter().enumerate() {
            let at = one.timestamp();
            recent.extend(vec![logged(one.clone())], at, LEAD);
            let kept: Vec<LogEntry> = recent.entries().cloned().collect();
            let first = kept.first().unwrap().timestamp().0;
            // The last one that is too old, or the first of all.
            assert_eq!(first, at.0.saturating_sub(LEAD).max(10));
            let log = whole(&all[..=count]);
            let again = Recent::check(recent.before().clone(), kept.clone(), log, at, LEAD).unwrap();
            let spent: Vec<_> = again.spent(at).collect();
            let alive = all[..=count].iter().filter_map(LogEntry::transaction);
            let alive = alive.filter(|logged| logged.expires_at > at);
            assert_eq!(
                spent,
                alive
                    .map(|logged| (logged.id, logged.expires_at))
                    .collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn what_leaves_anything_out_or_has_too_much_is_refused() {
        let all: Vec<LogEntry> = (1..=40).map(|number| entry(number * 10, 50)).collect();
        let (log, at) = (whole(&all), Timestamp(400));
        let check = |from: usize, entries: Vec<LogEntry>, at: Timestamp| {
            let mut before = Frontier::new();
            for entry in &all[..from] {
                before.push_hash(entry.leaf_hash());
            }
            Recent::check(before, entries, log, at, LEAD).err()
        };
        // The one of 300 is too old to matter, and the last such.
        let first = 29;
        assert_eq!(check(first, all[first..].to_vec(), at), None);
        assert_eq!(
            check(first + 1, all[first + 1..].to_vec(), at),
            Some(NotRecent::TooFew)
        );
        assert_eq!(
            check(first - 1, all[first - 1..].to_vec(), at),
            Some(NotRecent::TooMany)
        );
        assert_eq!(check(40, Vec::new(), at), Some(NotRecent::TooFew));
        assert_eq!(
            check(first, all[first..39].to_vec(), at),
            Some(NotRecent::OtherLog)
        );
        let mut altered = all[first..].to_vec();
        altered[3] = entry(330, 51);
        assert_eq!(check(first, altered, at), Some(NotRecent::OtherLog));
        let mut swapped = all[first..].to_vec();
        swapped.swap(3, 4);
        assert_eq!(check(first, swapped, at), Some(NotRecent::Times));
        assert_eq!(
            check(first, all[first..].to_vec(), Timestamp(399)),
            Some(NotRecent::Times)
        );
    }

    #[test]
    fn a_log_without_entries_is_known_to_be_so() {
        let none = whole(&[]);
        assert!(Recent::check(Frontier::new(), Vec::new(), none, Timestamp(7), LEAD).is_ok());
    }
}
