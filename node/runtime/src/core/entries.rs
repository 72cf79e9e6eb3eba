//! What the journal holds: which entry is needed until when, and what can be pruned.
//!
//! An entry about a height is needed until that height's block is on disk. One about a reign (a
//! view-change, the new-view by which a reign was entered, a term and its vote) is needed until one about a higher reign is
//! on disk; so that it does not keep everything after it from being pruned, it is written anew at the
//! end once many entries have gathered behind it, and the old one goes when the new one is on disk. Reigns
//! begin anew in each epoch, and an epoch's last block makes all its entries superfluous, those too that its
//! engine asks for while it still answers.

use std::collections::VecDeque;

use quorate_consensus::{Body, Message, Record, paxos, pbft, raft};
use quorate_crypto::{Epoch, Height};

/// Entries behind one about a reign before that is written anew.
const RENEW_AFTER: usize = 1_024;

/// One entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    number: u64,
    needed: Needed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Needed {
    /// Until the block at this height is on disk.
    UntilHeight(Height),
    /// Until an entry about a higher reign is on disk. With the entry's bytes.
    WhileReign(u64, Vec<u8>),
    /// Written anew under this number.
    UntilRenewed(u64),
}

impl Entry {
    /// The entry under `number` that holds `record`, whose bytes are `bytes`.
    pub(crate) fn new(number: u64, record: &Record, bytes: Vec<u8>) -> Self {
        let needed = match record.height() {
            Some(height) => Needed::UntilHeight(height),
            None => Needed::WhileReign(reign_of(record), bytes),
        };
        Self { number, needed }
    }

    /// The entry under `number` of an epoch that had ended with the block at `last`.
    pub(crate) fn of_former_epoch(number: u64, last: Height) -> Self {
        let needed = Needed::UntilHeight(last);
        Self { number, needed }
    }

    /// Its number in the journal.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

/// All entries, in order.
#[derive(Debug)]
pub(super) struct Entries {
    next: u64,
    /// The epoch under way.
    epoch: Epoch,
    /// The last height of the epochs before.
    ended: Height,
    entries: VecDeque<Entry>,
}

impl Entries {
    /// The entries found at start, in this epoch; the next one gets the number `next`.
    pub(super) fn new(found: Vec<Entry>, next: u64, epoch: Epoch) -> Self {
        Self {
            next,
            epoch,
            ended: Height::GENESIS,
            entries: found.into(),
        }
    }

    /// The number of the last entry there is.
    pub(super) fn last(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// Notes that `record`, of the engine of `epoch`, is appended, and under which number.
    pub(super) fn append(&mut self, epoch: Epoch, record: &Record, bytes: &[u8]) -> u64 {
        if epoch < self.epoch {
            return self.push(Entry::of_former_epoch(self.next, self.ended));
        }
        let kept = if record.height().is_none() {
            bytes.to_vec()
        } else {
            Vec::new()
        };
        let entry = Entry::new(self.next, record, kept);
        self.push(entry)
    }

    fn push(&mut self, entry: Entry) -> u64 {
        self.next += 1;
        self.entries.push_back(entry);
        self.next - 1
    }

    /// Blocks up to `height` and entries up to number `durable` are on disk. What is about a reign goes
    /// only for what is on disk about a higher one: the reign that the engine is in may be known to
    /// nobody but its memory yet. Gives the bytes of entries to be appended anew, and the first number that is still
    /// needed, if anything before it can go.
    pub(super) fn prune(&mut self, height: Height, durable: u64) -> (Vec<Vec<u8>>, Option<u64>) {
        let newest = self.newest_reign(durable);
        let mut dropped = false;
        while let Some(front) = self.entries.front() {
            let gone = match &front.needed {
                Needed::UntilHeight(needed) => *needed <= height,
                Needed::WhileReign(of, _) => newest.is_some_and(|newest| *of < newest),
                Needed::UntilRenewed(number) => *number <= durable,
            };
            if !gone {
                break;
            }
            self.entries.pop_front();
            dropped = true;
        }
        let first = self.entries.front().map_or(self.next, |entry| entry.number);
        (self.renew(), dropped.then_some(first))
    }

    /// `epoch` follows, as the one before has ended with the block at `last`: no entry of that is needed once
    /// that block is on disk.
    pub(super) fn begin_epoch(&mut self, epoch: Epoch, last: Height) {
        (self.epoch, self.ended) = (epoch, last);
        for entry in &mut self.entries {
            if matches!(entry.needed, Needed::WhileReign(..)) {
                entry.needed = Needed::UntilHeight(last);
            }
        }
    }

    fn newest_reign(&self, durable: u64) -> Option<u64> {
        let on_disk = self.entries.iter().filter(|entry| entry.number <= durable);
        let reigns = on_disk.filter_map(|entry| match &entry.needed {
            Needed::WhileReign(reign, _) => Some(*reign),
            Needed::UntilHeight(_) | Needed::UntilRenewed(_) => None,
        });
        reigns.max()
    }

    fn renew(&mut self) -> Vec<Vec<u8>> {
        let blocked = |entry: &Entry| matches!(entry.needed, Needed::WhileReign(..));
        if self.entries.len() <= RENEW_AFTER || !self.entries.front().is_some_and(blocked) {
            return Vec::new();
        }
        let mut renewed = Vec::new();
        for place in 0..self.entries.len() {
            if let Needed::WhileReign(reign, bytes) = self.entries[place].needed.clone() {
                let number = self.push(Entry {
                    number: self.next,
                    needed: Needed::WhileReign(reign, bytes.clone()),
                });
                self.entries[place].needed = Needed::UntilRenewed(number);
                renewed.push(bytes);
            }
        }
        renewed
    }
}

/// The reign that a record without a height is about.
fn reign_of(record: &Record) -> u64 {
    match record {
        Record::Own(message) | Record::Accepted(message) | Record::Entered(message) => {
            reign_of_message(message)
        }
        Record::Prepared(certificate) => certificate.view.0,
        Record::Raft(_, raft::Record::Term { term, .. }) => term.0,
        Record::Paxos(_, paxos::Record::Promised(ballot)) => ballot.round,
        // An entry and an accepted value have a height.
        Record::Raft(_, raft::Record::Entry { .. }) | Record::Paxos(_, paxos::Record::Accepted(_)) => {
            u64::MAX
        }
    }
}

fn reign_of_message(message: &Message) -> u64 {
    match &message.v1().body {
        Body::Pbft(pbft::Body::ViewChange(change)) => change.claims.view.0,
        Body::Pbft(pbft::Body::NewView(new_view)) => new_view.view.0,
        Body::Pbft(pbft::Body::Complaint { view }) => view.0,
        // Everything else has a height or is never stored; kept for ever if it should be.
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use quorate_crypto::{Digest, Signature, ValidatorIndex};

    use super::*;

    fn own(body: pbft::Body) -> Record {
        Record::Own(Message::new(
            Epoch(0),
            ValidatorIndex(0),
            Body::Pbft(body),
            Signature([0; 64]),
        ))
    }

    fn about_height(height: u64) -> Record {
        let height = Height(height);
        own(pbft::Body::Commit {
            view: pbft::View(0),
            height,
            proposal: Digest::ZERO,
        })
    }

    fn about_view(view: u64) -> Record {
        own(pbft::Body::Complaint {
            view: pbft::View(view),
        })
    }

    fn started() -> Entries {
        Entries::new(Vec::new(), 1, Epoch(0))
    }

    #[test]
    fn entries_go_once_their_height_is_on_disk() {
        let mut entries = started();
        for height in 1..=5 {
            entries.append(Epoch(0), &about_height(height), b"");
        }
        assert_eq!(entries.prune(Height(3), 5), (vec![], Some(4)));
        assert_eq!(entries.prune(Height(3), 5), (vec![], None));
        assert_eq!(entries.prune(Height(9), 5), (vec![], Some(6)));
    }

    #[test]
    fn an_entry_about_a_reign_goes_only_for_one_about_a_higher_reign_on_disk() {
        let mut entries = started();
        entries.append(Epoch(0), &about_view(2), b"view");
        entries.append(Epoch(0), &about_height(1), b"");
        assert_eq!(entries.prune(Height(1), 2), (vec![], None));
        // The engine has moved on, and a crash now would leave view 2 alone on disk.
        entries.append(Epoch(0), &about_view(3), b"next");
        assert_eq!(entries.prune(Height(1), 2), (vec![], None));
        assert_eq!(entries.prune(Height(1), 3), (vec![], Some(3)));
    }

    #[test]
    fn an_epochs_entries_go_with_its_last_block() {
        let mut entries = started();
        entries.append(Epoch(0), &about_view(2), b"view");
        entries.append(Epoch(0), &about_height(9), b"");
        entries.begin_epoch(Epoch(1), Height(9));
        entries.append(Epoch(1), &about_view(0), b"of the next epoch");
        assert_eq!(entries.prune(Height(8), 3), (vec![], None));
        assert_eq!(entries.prune(Height(9), 3), (vec![], Some(3)));
    }

    #[test]
    fn pitfall_11_a_former_epochs_view_makes_none_of_the_next_superfluous() {
        // The former engine goes on answering, and may not know yet that its last block is certified.
        let mut entries = started();
        entries.begin_epoch(Epoch(1), Height(9));
        entries.append(Epoch(1), &about_view(1), b"of the next epoch");
        entries.append(Epoch(0), &about_view(7), b"of the former epoch");
        assert_eq!(entries.prune(Height(9), 2), (vec![], None));
        // A later view of its own epoch does.
        entries.append(Epoch(1), &about_view(2), b"next");
        assert_eq!(entries.prune(Height(9), 3), (vec![], Some(3)));
    }

    #[test]
    fn what_a_former_epoch_says_late_is_kept_until_its_last_block_is_on_disk() {
        let mut entries = started();
        entries.begin_epoch(Epoch(1), Height(9));
        entries.append(Epoch(0), &about_view(7), b"");
        assert_eq!(entries.prune(Height(8), 1), (vec![], None));
        assert_eq!(entries.prune(Height(9), 1), (vec![], Some(2)));
    }

    #[test]
    fn an_entry_about_the_current_reign_is_renewed_before_the_old_one_goes() {
        let mut entries = started();
        entries.append(Epoch(0), &about_view(2), b"view");
        for height in 1..=2_000 {
            entries.append(Epoch(0), &about_height(height), b"");
        }
        let last = entries.last();
        assert_eq!(entries.prune(Height(2_000), last), (vec![b"view".to_vec()], None));
        assert_eq!(entries.last(), last + 1);
        // The new entry is not on disk yet.
        assert_eq!(entries.prune(Height(2_000), last), (vec![], None));
        assert_eq!(entries.prune(Height(2_000), last + 1), (vec![], Some(last + 1)));
    }
}
