//! Proposals that wait for batches: what is missing of each, and what becomes of it when all is here.
//!
//! A primary alone can have thousands of batches missing here. So it is kept which proposals wait for a batch, and what
//! has changed: what an event costs goes by the batches that it is about.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

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
    missing: Missing,
    /// Heights with a proposal of which nothing is missing.
    complete: BTreeSet<Height>,
}

/// What is missing of all proposals together.
#[derive(Debug, Default)]
struct Missing {
    /// For each missing batch, the proposals that wait for it, by height and digest. None has nobody.
    by_batch: BTreeMap<Digest, BTreeSet<(Height, Digest)>>,
    /// Batches that came to be missing or are missing no more, since [`Required::take_changed`].
    changed: BTreeSet<Digest>,
    /// All that the host was told to want is missing, or in here.
    told: BTreeSet<Digest>,
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
        let known = all.iter().position(|waiting| waiting.proposal == proposal);
        let known = known.map(|place| all.remove(place));
        let is_full = all.len() >= MAX_UNDECIDED;
        let oldest = all
            .iter()
            .position(|waiting| is_full && waiting.decided.is_none());
        let dropped = oldest.map(|place| all.remove(place));
        for gone in known.iter().chain(&dropped) {
            self.missing.remove(height, gone);
        }
        let waiting = Waiting {
            proposal,
            missing,
            asked: known.as_ref().is_some_and(|known| known.asked),
            decided: known.and_then(|known| known.decided),
        };
        self.missing.add(height, &waiting);
        if waiting.missing.is_empty() {
            self.complete.insert(height);
        }
        all.push(waiting);
        all.last_mut().expect("one was pushed")
    }

    /// These batches are here; takes out what is complete now.
    pub(crate) fn arrived(&mut self, batches: &[Digest]) -> Vec<Complete> {
        for batch in batches {
            for (height, proposal) in self.missing.arrived(batch) {
                let all = self.heights.get_mut(&height).into_iter().flatten();
                for waiting in all.filter(|waiting| waiting.proposal == proposal) {
                    waiting.missing.remove(batch);
                    if waiting.missing.is_empty() {
                        self.complete.insert(height);
                    }
                }
            }
        }
        self.take_complete()
    }

    /// Takes out what is complete.
    pub(crate) fn take_complete(&mut self) -> Vec<Complete> {
        let mut complete = Vec::new();
        for height in mem::take(&mut self.complete) {
            let Some(all) = self.heights.get_mut(&height) else {
                continue;
            };
            let ready = all.extract_if(.., |waiting| waiting.missing.is_empty());
            complete.extend(ready.map(|waiting| Complete {
                height,
                proposal: waiting.proposal,
                asked: waiting.asked,
                decided: waiting.decided,
            }));
            if all.is_empty() {
                self.heights.remove(&height);
            }
        }
        complete
    }

    /// Blocks up to `height` are written; nothing there waits any more.
    pub(crate) fn forget_up_to(&mut self, height: Height) {
        self.written = self.written.max(height);
        let above = self.heights.split_off(&height.next());
        for (at, all) in mem::replace(&mut self.heights, above) {
            for waiting in &all {
                self.missing.remove(at, waiting);
            }
        }
        self.complete = self.complete.split_off(&height.next());
    }

    /// Whether a proposal waits for this batch.
    pub(crate) fn is_missing(&self, batch: &Digest) -> bool {
        self.missing.by_batch.contains_key(batch)
    }

    /// The batches that came to be missing, or are missing no more, since this was asked last. Some may have become
    /// again what they were.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<Digest> {
        mem::take(&mut self.missing.changed)
    }

    /// The host was told to want these, as it was told of all that is missing. Gives what it was told before and need
    /// not want any more.
    pub(crate) fn wants(&mut self, batches: &[Digest]) -> Vec<Digest> {
        let now = batches.iter().copied().collect();
        let before = mem::replace(&mut self.missing.told, now);
        let Missing { by_batch, told, .. } = &self.missing;
        let over = before
            .into_iter()
            .filter(|batch| !by_batch.contains_key(batch) && !told.contains(batch));
        over.collect()
    }
}

impl Missing {
    /// What a proposal at this height waits for is missing.
    fn add(&mut self, height: Height, waiting: &Waiting) {
        for batch in &waiting.missing {
            let places = self.by_batch.entry(*batch).or_default();
            places.insert((height, waiting.proposal));
            self.changed.insert(*batch);
        }
    }

    /// A proposal at this height does not wait any more.
    fn remove(&mut self, height: Height, waiting: &Waiting) {
        for batch in &waiting.missing {
            let Some(places) = self.by_batch.get_mut(batch) else {
                continue;
            };
            places.remove(&(height, waiting.proposal));
            if places.is_empty() {
                self.arrived(batch);
            }
        }
    }

    /// Nothing waits for this batch any more. Gives what did.
    fn arrived(&mut self, batch: &Digest) -> BTreeSet<(Height, Digest)> {
        let places = self.by_batch.remove(batch);
        if places.is_some() {
            self.changed.insert(*batch);
            self.told.insert(*batch);
        }
        places.unwrap_or_default()
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

    fn missing_of(heights: &BTreeMap<Height, Vec<Waiting>>) -> BTreeSet<Digest> {
        let all = heights.values().flatten();
        all.flat_map(|waiting| &waiting.missing).copied().collect()
    }

    impl Required {
        /// All that is missing, by a look at every proposal.
        fn missing(&self) -> BTreeSet<Digest> {
            missing_of(&self.heights)
        }

        fn check(&self) {
            let by_batch: BTreeSet<Digest> = self.missing.by_batch.keys().copied().collect();
            assert_eq!(by_batch, self.missing());
            let all = || self.heights.values().flatten();
            let waits: usize = all().map(|waiting| waiting.missing.len()).sum();
            let kept: usize = self.missing.by_batch.values().map(BTreeSet::len).sum();
            assert_eq!(
                kept, waits,
                "each proposal is kept for each batch that it waits for"
            );
            assert!(all().all(|waiting| !waiting.missing.is_empty()));
        }
    }

    /// What the proposals are when every one is looked at each time.
    #[derive(Default)]
    struct Naive {
        written: Height,
        heights: BTreeMap<Height, Vec<Waiting>>,
    }

    impl Naive {
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
            all.last_mut().unwrap()
        }

        fn arrived(&mut self, batches: &[Digest]) -> Vec<Complete> {
            for waiting in self.heights.values_mut().flatten() {
                waiting.missing.retain(|batch| !batches.contains(batch));
            }
            self.take_complete()
        }

        fn take_complete(&mut self) -> Vec<Complete> {
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

        fn forget_up_to(&mut self, height: Height) {
            self.written = self.written.max(height);
            self.heights = self.heights.split_off(&height.next());
        }
    }

    /// Xorshift: the same numbers in every run.
    fn draw(random: &mut u64, below: u8) -> u8 {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        u8::try_from(*random % u64::from(below)).unwrap()
    }

    #[test]
    fn whatever_happens_what_is_missing_wanted_and_complete_is_that_of_looking_through_all() {
        for seed in 1..=20_u64 {
            let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            let (mut required, mut naive) = (Required::default(), Naive::default());
            // What is fetched, and what the host takes whatever quotas say.
            let (mut fetched, mut wanted) = (BTreeSet::<Digest>::new(), BTreeSet::<Digest>::new());
            for _ in 0..400 {
                let written = required.written.0;
                let named: Vec<Digest> = (0..6).map(|_| digest(draw(&mut random, 60))).collect();
                let mut told = BTreeSet::<Digest>::new();
                let complete = match draw(&mut random, 8) {
                    0 => {
                        let to = Height(written + u64::from(draw(&mut random, 3)));
                        required.forget_up_to(to);
                        naive.forget_up_to(to);
                        Vec::new()
                    }
                    1..=2 => {
                        let complete = required.arrived(&named);
                        assert_eq!(complete, naive.arrived(&named), "seed {seed}");
                        complete
                    }
                    _ => {
                        wanted.extend(&named);
                        for batch in required.wants(&named) {
                            wanted.remove(&batch);
                        }
                        told = naive_wanted(&naive, &named);
                        assert_eq!(wanted, told, "seed {seed}");
                        let missing = named.iter().filter(|_| draw(&mut random, 4) > 0);
                        let missing: BTreeSet<Digest> = missing.copied().collect();
                        // Now and then a height that is written already.
                        let height = Height(written + u64::from(draw(&mut random, 6)));
                        let of_view = Timestamp(u64::from(draw(&mut random, 6)));
                        let proposal = Proposal::new(of_view, vec![digest(200)]);
                        let (is_open, name) = (height > naive.written, proposal.digest());
                        if draw(&mut random, 3) == 0 {
                            required.decide(height, proposal.clone(), missing.clone());
                            if is_open {
                                naive.entry(height, name, missing).decided = Some(proposal);
                            }
                        } else {
                            required.ask(height, name, missing.clone());
                            if is_open {
                                naive.entry(height, name, missing).asked = true;
                            }
                        }
                        let complete = required.take_complete();
                        assert_eq!(complete, naive.take_complete(), "seed {seed}");
                        complete
                    }
                };
                if !complete.is_empty() {
                    for batch in required.wants(&[]) {
                        wanted.remove(&batch);
                    }
                    told = naive_wanted(&naive, &[]);
                    assert_eq!(wanted, told, "seed {seed}");
                }
                if !told.is_empty() || draw(&mut random, 2) == 0 {
                    for batch in required.take_changed() {
                        match required.is_missing(&batch) {
                            true => fetched.insert(batch),
                            false => fetched.remove(&batch),
                        };
                    }
                    assert_eq!(fetched, missing_of(&naive.heights), "seed {seed}");
                }
                required.check();
            }
        }
    }

    /// What the host wants when it is told of all of it each time.
    fn naive_wanted(naive: &Naive, batches: &[Digest]) -> BTreeSet<Digest> {
        let mut wanted = missing_of(&naive.heights);
        wanted.extend(batches);
        wanted
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
