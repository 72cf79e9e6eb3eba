//! Proposals that wait for batches: what is missing of each, and what becomes of it when all is here.

use std::collections::{BTreeMap, BTreeSet};

use quorate_crypto::{Digest, Height};
use quorate_ledger::Proposal;

/// Undecided proposals remembered for one height. There is one a reign, and a replica asks again for what
/// it still wants; the oldest go.
const MAX_UNDECIDED: usize = 4;

/// The proposals.
#[derive(Debug, Default)]
pub(crate) struct Required {
    /// Blocks up to here are written: nothing is needed for them any more.
    written: Height,
    heights: BTreeMap<Height, Vec<Waiting>>,
}

/// A proposal some of whose batches may not be here.
#[derive(Debug)]
struct Waiting {
    proposal: Digest,
    missing: BTreeSet<Digest>,
    /// The engine wants to know when they are here.
    asked: bool,
    /// A quorum has decided it already, so it is executed when they are here.
    decided: Option<Proposal>,
}

/// A proposal whose batches are all here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Complete {
    pub(crate) height: Height,
    pub(crate) proposal: Digest,
    /// The engine wants to know.
    pub(crate) asked: bool,
    /// It is decided, and is to be executed.
    pub(crate) decided: Option<Proposal>,
}

impl Required {
    /// The engine wants to know when the `missing` batches of a proposal are here.
    pub(crate) fn ask(&mut self, height: Height, proposal: Digest, missing: BTreeSet<Digest>) {
        if height > self.written {
            self.entry(height, proposal, missing).asked = true;
        }
    }

    /// A proposal was decided, and waits for its `missing` batches.
    pub(crate) fn decide(&mut self, height: Height, proposal: Proposal, missing: BTreeSet<Digest>) {
        if height > self.written {
            let digest = proposal.digest();
            self.entry(height, digest, missing).decided = Some(proposal);
        }
    }

    fn entry(&mut self, height: Height, proposal: Digest, missing: BTreeSet<Digest>) -> &mut Waiting {
        let all = self.heights.entry(height).or_default();
        let waiting = match all.iter().position(|waiting| waiting.proposal == proposal) {
            Some(place) => all.remove(place),
            None => Waiting {
                proposal,
                missing: BTreeSet::new(),
                asked: false,
                decided: None,
            },
        };
        if all.len() >= MAX_UNDECIDED
            && let Some(place) = all.iter().position(|waiting| waiting.decided.is_none())
        {
            all.remove(place);
        }
        all.push(Waiting { missing, ..waiting });
        all.last_mut().expect("one was pushed")
    }

    /// These batches are here; takes out what is complete now.
    pub(crate) fn arrived(&mut self, batches: &[Digest]) -> Vec<Complete> {
        for waiting in self.heights.values_mut().flatten() {
            for batch in batches {
                waiting.missing.remove(batch);
            }
        }
        self.take_complete()
    }

    /// Takes out what is complete.
    pub(crate) fn take_complete(&mut self) -> Vec<Complete> {
        let mut complete = Vec::new();
        for (height, all) in &mut self.heights {
            let ready = all.extract_if(.., |waiting| waiting.missing.is_empty());
            complete.extend(ready.map(|waiting| Complete {
                height: *height,
                proposal: waiting.proposal,
                asked: waiting.asked,
                decided: waiting.decided,
            }));
        }
        self.heights.retain(|_, all| !all.is_empty());
        complete
    }

    /// Blocks up to `height` are written; nothing there waits any more.
    pub(crate) fn forget_up_to(&mut self, height: Height) {
        self.written = self.written.max(height);
        self.heights = self.heights.split_off(&height.next());
    }

    /// All that is missing.
    pub(crate) fn missing(&self) -> BTreeSet<Digest> {
        let all = self.heights.values().flatten();
        all.flat_map(|waiting| &waiting.missing).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use quorate_ledger::Timestamp;

    use super::*;

    fn digest(byte: u8) -> Digest {
        Digest([byte; 32])
    }

    fn set(bytes: &[u8]) -> BTreeSet<Digest> {
        bytes.iter().map(|byte| digest(*byte)).collect()
    }

    #[test]
    fn a_proposal_is_complete_with_its_last_batch() {
        let mut required = Required::default();
        let decided = Proposal::new(Timestamp(1), vec![digest(1), digest(2)]);
        required.ask(Height(1), decided.digest(), set(&[1, 2]));
        required.decide(Height(1), decided.clone(), set(&[1, 2]));
        required.ask(Height(2), digest(9), set(&[2, 3]));
        assert_eq!(required.missing(), set(&[1, 2, 3]));
        assert_eq!(required.arrived(&[digest(1)]), []);
        let complete = required.arrived(&[digest(2)]);
        assert_eq!(
            complete,
            [Complete {
                height: Height(1),
                proposal: decided.digest(),
                asked: true,
                decided: Some(decided),
            }]
        );
        assert_eq!(required.missing(), set(&[3]));
    }

    #[test]
    fn what_is_here_already_is_complete_at_once() {
        let mut required = Required::default();
        required.ask(Height(1), digest(9), BTreeSet::new());
        assert_eq!(required.take_complete().len(), 1);
        assert_eq!(required.take_complete(), []);
    }

    #[test]
    fn nothing_waits_below_what_is_written() {
        let mut required = Required::default();
        for height in 1..=3 {
            required.ask(Height(height), digest(9), set(&[1]));
        }
        required.forget_up_to(Height(2));
        // Asked late, or again: an epoch's batches could not be had any more once it is over.
        required.ask(Height(2), digest(9), set(&[1]));
        required.decide(Height(1), Proposal::null(), set(&[2]));
        assert_eq!(required.missing(), set(&[1]));
        let complete = required.arrived(&[digest(1)]);
        assert_eq!(
            complete.iter().map(|one| one.height).collect::<Vec<_>>(),
            [Height(3)]
        );
    }

    #[test]
    fn a_height_remembers_few_undecided_proposals_and_never_forgets_a_decided_one() {
        let mut required = Required::default();
        let decided = Proposal::new(Timestamp(1), vec![digest(1)]);
        required.decide(Height(1), decided.clone(), set(&[1]));
        for view in 10..30 {
            required.ask(Height(1), digest(view), set(&[view]));
        }
        assert_eq!(required.missing().len(), MAX_UNDECIDED);
        let complete = required.arrived(&[digest(1)]);
        assert_eq!(complete[0].decided, Some(decided));
    }
}
