//! What the journal holds: which entry is needed until when, and what can be pruned.
//!
//! An entry about a height is needed until that height's block is on disk. One about a reign (a
//! view-change, the new-view by which a reign was entered, a term and its vote) is needed until one about a higher
//! reign is on disk; an own view-change that shows what was prepared, besides that, until these heights' blocks are
//! on disk or a later view-change is: nothing else may show that after a restart. So that it does not keep everything after it from being pruned, it is written anew at the
//! end once many entries have gathered behind it, and the old one goes when the new one is on disk. Reigns
//! begin anew in each epoch, and an epoch's last block makes all its entries superfluous, those too that its
//! engine asks for while it still answers.

use std::collections::VecDeque;

use quorate_consensus::Record;
use quorate_crypto::{Epoch, Height};
use quorate_ledger::encode;

use crate::effect::EntryNumber;

/// One entry of the journal, and how long it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    number: EntryNumber,
    needed: Needed,
}

/// Entries to be appended again, with their numbers.
pub type Renewal = Vec<(EntryNumber, Vec<u8>)>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Needed {
    /// Until the block at this height is on disk.
    UntilHeight(Height),
    /// Until an entry about a higher reign is on disk, and whatever `shows` says is on disk or shown by a later
    /// one.
    WhileReign {
        reign: u64,
        /// The highest height of which it alone may show what was prepared; none but of an own view-change.
        shows: Option<Height>,
        /// The entry.
        bytes: Vec<u8>,
    },
    /// Until the epoch's last block is on disk. With the entry's bytes.
    UntilEpochEnds(Vec<u8>),
    /// Written again under this number.
    UntilRenewed(EntryNumber),
}

impl Entry {
    /// The entry under `number` that holds `record`.
    pub fn new(number: EntryNumber, record: &Record) -> Self {
        let needed = match (record.height(), record.reign()) {
            (Some(height), _) => Needed::UntilHeight(height),
            (None, Some(reign)) => Needed::WhileReign {
                reign,
                shows: record.shows_up_to(),
                bytes: encode(record),
            },
            (None, None) => Needed::UntilEpochEnds(encode(record)),
        };
        Self { number, needed }
    }

    /// The entry under `number` of an epoch that had ended with the block at `last`.
    pub fn of_former_epoch(number: EntryNumber, last: Height) -> Self {
        let needed = Needed::UntilHeight(last);
        Self { number, needed }
    }

    /// Its number in the journal.
    pub fn number(&self) -> EntryNumber {
        self.number
    }
}

/// All entries, in order.
#[derive(Debug)]
pub(crate) struct Entries {
    next: EntryNumber,
    /// The epoch under way.
    epoch: Epoch,
    /// The last height of the epochs before.
    ended: Height,
    entries: VecDeque<Entry>,
    /// Entries behind one about a reign before that is written again.
    renew_after: usize,
}

impl Entries {
    /// The entries found at start, in this epoch; the next one gets the number `next`.
    pub(crate) fn new(found: Vec<Entry>, next: EntryNumber, epoch: Epoch, renew_after: usize) -> Self {
        Self {
            next,
            epoch,
            ended: Height::GENESIS,
            entries: found.into(),
            renew_after,
        }
    }

    /// The number of the last entry there is.
    pub(crate) fn last(&self) -> EntryNumber {
        EntryNumber(self.next.0.saturating_sub(1))
    }

    /// Notes that `record`, of the engine of `epoch`, is appended, and under which number.
    pub(crate) fn append(&mut self, epoch: Epoch, record: &Record) -> EntryNumber {
        self.push(if epoch < self.epoch {
            Entry::of_former_epoch(self.next, self.ended)
        } else {
            Entry::new(self.next, record)
        })
    }

    fn push(&mut self, entry: Entry) -> EntryNumber {
        let number = self.next;
        self.next = number.next();
        self.entries.push_back(entry);
        number
    }

    /// Blocks up to `height` and entries up to number `durable` are on disk. What is about a reign goes
    /// only for what is on disk about a higher one: the reign that the engine is in may be known to
    /// nobody but its memory yet. Gives the bytes of entries to be appended anew, and the first number that is still
    /// needed, if anything before it can go.
    pub(crate) fn prune(&mut self, height: Height, durable: EntryNumber) -> (Renewal, Option<EntryNumber>) {
        let newest = self.newest_reign(durable, |_| true);
        let newest_showing = self.newest_reign(durable, |shows| shows.is_some());
        let mut dropped = false;
        while let Some(front) = self.entries.front() {
            let gone = match &front.needed {
                Needed::UntilHeight(needed) => *needed <= height,
                Needed::WhileReign { reign, shows, .. } => {
                    let is_shown = shows.is_none_or(|shows| shows <= height)
                        || newest_showing.is_some_and(|newest| *reign < newest);
                    is_shown && newest.is_some_and(|newest| *reign < newest)
                }
                Needed::UntilEpochEnds(_) => false,
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
    pub(crate) fn begin_epoch(&mut self, epoch: Epoch, last: Height) {
        (self.epoch, self.ended) = (epoch, last);
        for entry in &mut self.entries {
            if matches!(
                entry.needed,
                Needed::WhileReign { .. } | Needed::UntilEpochEnds(_)
            ) {
                entry.needed = Needed::UntilHeight(last);
            }
        }
    }

    /// The highest reign that is told of on disk, of entries that show so much.
    fn newest_reign(&self, durable: EntryNumber, counts: impl Fn(Option<Height>) -> bool) -> Option<u64> {
        let on_disk = self.entries.iter().filter(|entry| entry.number <= durable);
        let reigns = on_disk.filter_map(|entry| match &entry.needed {
            Needed::WhileReign { reign, shows, .. } => counts(*shows).then_some(*reign),
            Needed::UntilHeight(_) | Needed::UntilEpochEnds(_) | Needed::UntilRenewed(_) => None,
        });
        reigns.max()
    }

    fn renew(&mut self) -> Renewal {
        let blocks = |entry: &Entry| {
            matches!(
                entry.needed,
                Needed::WhileReign { .. } | Needed::UntilEpochEnds(_)
            )
        };
        if self.entries.len() <= self.renew_after || !self.entries.front().is_some_and(blocks) {
            return Vec::new();
        }
        let mut renewed = Vec::new();
        for place in 0..self.entries.len() {
            let needed = self.entries[place].needed.clone();
            let (Needed::WhileReign { bytes, .. } | Needed::UntilEpochEnds(bytes)) = &needed else {
                continue;
            };
            let bytes = bytes.clone();
            let number = self.push(Entry {
                number: self.next,
                needed,
            });
            self.entries[place].needed = Needed::UntilRenewed(number);
            renewed.push((number, bytes));
        }
        renewed
    }
}

#[cfg(test)]
mod tests {
    use quorate_consensus::{Body, Message, paxos, pbft, raft};
    use quorate_crypto::{Digest, Signature, ValidatorIndex};
    use quorate_ledger::{Open, SignedStandDown, StandDown, StandDownV1};

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
        Entries::new(Vec::new(), EntryNumber(1), Epoch(0), 1_024)
    }

    #[test]
    fn entries_go_once_their_height_is_on_disk() {
        let mut entries = started();
        for height in 1..=5 {
            entries.append(Epoch(0), &about_height(height));
        }
        assert_eq!(
            entries.prune(Height(3), EntryNumber(5)),
            (vec![], Some(EntryNumber(4)))
        );
        assert_eq!(entries.prune(Height(3), EntryNumber(5)), (vec![], None));
        assert_eq!(
            entries.prune(Height(9), EntryNumber(5)),
            (vec![], Some(EntryNumber(6)))
        );
    }

    #[test]
    fn an_entry_about_a_reign_goes_only_for_one_about_a_higher_reign_on_disk() {
        let mut entries = started();
        entries.append(Epoch(0), &about_view(2));
        entries.append(Epoch(0), &about_height(1));
        assert_eq!(entries.prune(Height(1), EntryNumber(2)), (vec![], None));
        // The engine has moved on, and a crash now would leave view 2 alone on disk.
        entries.append(Epoch(0), &about_view(3));
        assert_eq!(entries.prune(Height(1), EntryNumber(2)), (vec![], None));
        assert_eq!(
            entries.prune(Height(1), EntryNumber(3)),
            (vec![], Some(EntryNumber(3)))
        );
    }

    fn view_change(epoch: u64, view: u64) -> Record {
        let claims = pbft::Claims {
            view: pbft::View(view),
            certified: Height::GENESIS,
            prepared: Vec::new(),
        };
        let body = pbft::Body::ViewChange(pbft::ViewChange {
            claims,
            certified: None,
            prepared: Vec::new(),
        });
        Record::Own(Message::new(
            Epoch(epoch),
            ValidatorIndex(0),
            Body::Pbft(body),
            Signature([0; 64]),
        ))
    }

    /// A view-change that claims to have prepared this height.
    fn showing(view: u64, height: u64) -> Record {
        let prepared = pbft::PreparedClaim {
            height: Height(height),
            view: pbft::View(0),
            proposal: Digest::ZERO,
        };
        let claims = pbft::Claims {
            view: pbft::View(view),
            certified: Height::GENESIS,
            prepared: vec![prepared],
        };
        own(pbft::Body::ViewChange(pbft::ViewChange {
            claims,
            certified: None,
            prepared: Vec::new(),
        }))
    }

    #[test]
    fn a_view_change_that_alone_shows_what_was_prepared_outlives_its_view() {
        let mut entries = started();
        entries.append(Epoch(0), &showing(1, 7));
        entries.append(Epoch(0), &about_view(2));
        // View 2 was entered without a view-change of one's own: height 7 is shown by nothing else.
        assert_eq!(entries.prune(Height(6), EntryNumber(2)), (vec![], None));
        entries.append(Epoch(0), &showing(3, 7));
        assert_eq!(
            entries.prune(Height(6), EntryNumber(3)),
            (vec![], Some(EntryNumber(3)))
        );
        entries.append(Epoch(0), &about_view(4));
        assert_eq!(
            entries.prune(Height(7), EntryNumber(4)),
            (vec![], Some(EntryNumber(4)))
        );
    }

    fn term(term: u64) -> Record {
        let (term, voted_for) = (raft::Term(term), None);
        Record::Raft(Epoch(0), raft::Record::Term { term, voted_for })
    }

    fn promise(round: u64) -> Record {
        let proposer = ValidatorIndex(1);
        let ballot = paxos::Ballot { round, proposer };
        Record::Paxos(Epoch(0), paxos::Record::Promised(ballot))
    }

    #[test]
    fn pitfall_16_only_the_last_view_change_term_or_promise_is_kept_in_the_journal() {
        for about in [|reign| view_change(0, reign), term, promise] {
            let mut entries = started();
            for reign in 1..=20 {
                entries.append(Epoch(0), &about(reign));
            }
            assert_eq!(
                entries.prune(Height::GENESIS, EntryNumber(20)),
                (vec![], Some(EntryNumber(20)))
            );
        }
    }

    #[test]
    fn pitfall_16_a_former_epochs_view_change_replaces_none_of_the_next() {
        let mut entries = started();
        entries.begin_epoch(Epoch(1), Height(9));
        entries.append(Epoch(1), &view_change(1, 1));
        entries.append(Epoch(0), &view_change(0, 7));
        assert_eq!(entries.prune(Height(9), EntryNumber(2)), (vec![], None));
    }

    #[test]
    fn a_stand_down_is_kept_until_its_epoch_ends() {
        let stand_down = StandDown::V1(StandDownV1 {
            network: Digest::ZERO,
            epoch: Epoch(0),
            validator: ValidatorIndex(0),
            certified: None,
            open: Open::Pbft(Vec::new()),
        });
        let signature = Signature([0; 64]);
        let signed = SignedStandDown {
            stand_down,
            signature,
        };
        let mut entries = started();
        entries.append(Epoch(0), &Record::StoodDown(Box::new(signed)));
        entries.append(Epoch(0), &about_view(3));
        entries.append(Epoch(0), &about_height(1));
        assert_eq!(entries.prune(Height(8), EntryNumber(3)), (vec![], None));
        entries.begin_epoch(Epoch(1), Height(9));
        assert_eq!(
            entries.prune(Height(9), EntryNumber(3)),
            (vec![], Some(EntryNumber(4)))
        );
    }

    #[test]
    fn an_epochs_entries_go_with_its_last_block() {
        let mut entries = started();
        entries.append(Epoch(0), &about_view(2));
        entries.append(Epoch(0), &about_height(9));
        entries.begin_epoch(Epoch(1), Height(9));
        entries.append(Epoch(1), &about_view(0));
        assert_eq!(entries.prune(Height(8), EntryNumber(3)), (vec![], None));
        assert_eq!(
            entries.prune(Height(9), EntryNumber(3)),
            (vec![], Some(EntryNumber(3)))
        );
    }

    #[test]
    fn pitfall_11_a_former_epochs_view_makes_none_of_the_next_superfluous() {
        // The former engine goes on answering, and may not know yet that its last block is certified.
        let mut entries = started();
        entries.begin_epoch(Epoch(1), Height(9));
        entries.append(Epoch(1), &about_view(1));
        entries.append(Epoch(0), &about_view(7));
        assert_eq!(entries.prune(Height(9), EntryNumber(2)), (vec![], None));
        // A later view of its own epoch does.
        entries.append(Epoch(1), &about_view(2));
        assert_eq!(
            entries.prune(Height(9), EntryNumber(3)),
            (vec![], Some(EntryNumber(3)))
        );
    }

    #[test]
    fn what_a_former_epoch_says_late_is_kept_until_its_last_block_is_on_disk() {
        let mut entries = started();
        entries.begin_epoch(Epoch(1), Height(9));
        entries.append(Epoch(0), &about_view(7));
        assert_eq!(entries.prune(Height(8), EntryNumber(1)), (vec![], None));
        assert_eq!(
            entries.prune(Height(9), EntryNumber(1)),
            (vec![], Some(EntryNumber(2)))
        );
    }

    #[test]
    fn an_entry_about_the_current_reign_is_renewed_before_the_old_one_goes() {
        let mut entries = started();
        entries.append(Epoch(0), &about_view(2));
        for height in 1..=2_000 {
            entries.append(Epoch(0), &about_height(height));
        }
        let last = entries.last();
        let next = last.next();
        let renewed = vec![(next, encode(&about_view(2)))];
        assert_eq!(entries.prune(Height(2_000), last), (renewed, None));
        assert_eq!(entries.last(), next);
        // The new entry is not on disk yet.
        assert_eq!(entries.prune(Height(2_000), last), (vec![], None));
        assert_eq!(entries.prune(Height(2_000), next), (vec![], Some(next)));
    }
}
