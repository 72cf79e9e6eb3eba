//! Missing batches: when each is asked for, and of whom.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use quorate_crypto::{Digest, ValidatorIndex};

/// How soon a missing batch is asked for, and how often: at first it is mostly on its way.
const FETCH_INTERVAL: Duration = Duration::from_millis(50);
/// How soon after somebody else than the leader has voted for it: then it is on a disk elsewhere, so if it were on its
/// way it would mostly be here.
const FETCH_VOUCHED: Duration = Duration::from_millis(20);
/// One in so many times a batch is asked for even if it was received and waits for its check.
const FETCH_CHECKED_EVERY: usize = 8;
/// The most batches that one validator is asked for at a time.
pub const MAX_REQUESTED_BATCHES: usize = 256;

/// Proposals whose votes are remembered, so that a vote that is said again costs nothing. Above this all are
/// forgotten, which costs work and changes nothing.
const MAX_VOTED: usize = 256;

/// The batches that proposals name and that are not here. They are as many as [`crate::Driver`] keeps proposals for,
/// which a primary alone can bring to thousands; so no event looks through them all.
#[derive(Debug, Default)]
pub(crate) struct Fetching {
    missing: BTreeMap<Digest, Missing>,
    /// All of them, by when each is asked for next.
    by_time: Times,
    /// Proposals that were voted for since the last batch was found missing. A later one may be named by any of them.
    voted: BTreeMap<Digest, Voted>,
}

/// Times, each with what is asked for then.
type Times = BTreeSet<(Duration, Digest)>;

#[derive(Debug)]
struct Missing {
    /// When it is asked for next.
    at: Duration,
    /// How often it was.
    turn: usize,
    /// Who voted for what names it, the leader apart, as they did.
    vouching: Vec<ValidatorIndex>,
}

/// A proposal that was voted for.
#[derive(Debug)]
struct Voted {
    /// What it names that was missing at the last vote.
    missing: Vec<Digest>,
    /// Whose vote was noted.
    by: BTreeSet<ValidatorIndex>,
}

/// Who may be asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sources<'a> {
    /// All others of the committee.
    pub(crate) peers: &'a [ValidatorIndex],
    /// Who leads. It proposed the batches, so it says that it has them; a liar need not give them.
    pub(crate) leader: ValidatorIndex,
}

impl Fetching {
    /// This one is missing.
    pub(crate) fn miss(&mut self, batch: Digest, now: Duration) {
        if let Entry::Vacant(place) = self.missing.entry(batch) {
            let at = now + FETCH_INTERVAL;
            place.insert(Missing {
                at,
                turn: 0,
                vouching: Vec::new(),
            });
            self.by_time.insert((at, batch));
            self.voted.clear();
        }
    }

    /// These are here, or nothing waits for them any more.
    pub(crate) fn arrived(&mut self, batches: &[Digest]) {
        for batch in batches {
            if let Some(missing) = self.missing.remove(batch) {
                self.by_time.remove(&(missing.at, *batch));
            }
        }
    }

    /// A validator other than the leader has voted for what names these batches: it has them on disk, unless it lies.
    /// `proposal`: the one proposal that names them, and whose digest the vote gives; `None` if they are of several.
    pub(crate) fn vouches(
        &mut self,
        validator: ValidatorIndex,
        proposal: Option<Digest>,
        batches: &[Digest],
        now: Duration,
    ) {
        // A proposal that is not known here yet: the same vote may name batches later.
        if batches.is_empty() {
            return;
        }
        let Some(proposal) = proposal else {
            for batch in batches {
                self.vouches_for(validator, batch, now);
            }
            return;
        };
        let voted = self.voted.remove(&proposal);
        let mut voted = voted.unwrap_or_else(|| Voted {
            missing: batches.to_vec(),
            by: BTreeSet::new(),
        });
        if voted.by.insert(validator) {
            voted
                .missing
                .retain(|batch| self.vouches_for(validator, batch, now));
        }
        if self.voted.len() >= MAX_VOTED {
            self.voted.clear();
        }
        self.voted.insert(proposal, voted);
    }

    /// Returns whether the batch is missing.
    fn vouches_for(&mut self, validator: ValidatorIndex, batch: &Digest, now: Duration) -> bool {
        let Some(missing) = self.missing.get_mut(batch) else {
            return false;
        };
        if !missing.vouching.contains(&validator) {
            if missing.turn == 0 && missing.vouching.is_empty() {
                let at = missing.at.min(now + FETCH_VOUCHED);
                missing.ask_at(at, *batch, &mut self.by_time);
            }
            missing.vouching.push(validator);
        }
        true
    }

    /// Whether nothing is missing.
    pub(crate) fn is_empty(&self) -> bool {
        self.missing.is_empty()
    }

    /// When something is asked for next.
    pub(crate) fn next_at(&self) -> Option<Duration> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// What is to be asked for by now.
    pub(crate) fn due(&self, now: Duration) -> impl Iterator<Item = Digest> {
        let due = self.by_time.iter().take_while(move |(at, _)| *at <= now);
        due.map(|(_, batch)| *batch)
    }

    /// Who is asked for what now. What was received and waits for its check is mostly not asked for.
    pub(crate) fn ask(
        &mut self,
        now: Duration,
        sources: Sources<'_>,
        waits_for_check: impl Fn(&Digest) -> bool,
    ) -> BTreeMap<ValidatorIndex, Vec<Digest>> {
        let with_turn = |batch: Digest| self.missing.get(&batch).map(|missing| (missing.turn, batch));
        let mut due: Vec<(usize, Digest)> = self.due(now).filter_map(with_turn).collect();
        // What one request cannot name comes before what was asked for already.
        due.sort_unstable();
        let mut asked: BTreeMap<ValidatorIndex, Vec<Digest>> = BTreeMap::new();
        for (_, batch) in due {
            let Some(missing) = self.missing.get_mut(&batch) else {
                continue;
            };
            missing.ask_at(now + FETCH_INTERVAL, batch, &mut self.by_time);
            let mut is_asked_for = false;
            let is_checked =
                !(missing.turn + 1).is_multiple_of(FETCH_CHECKED_EVERY) && waits_for_check(&batch);
            if is_checked {
                missing.turn += 1;
                continue;
            }
            for to in sources.asked_in(missing.turn, &missing.vouching) {
                let named = asked.entry(to).or_default();
                if named.len() < MAX_REQUESTED_BATCHES {
                    named.push(batch);
                    is_asked_for = true;
                }
            }
            missing.turn += usize::from(is_asked_for);
        }
        asked
    }
}

impl Missing {
    /// Moves it to another time, in `by_time` too.
    fn ask_at(&mut self, at: Duration, batch: Digest, by_time: &mut Times) {
        by_time.remove(&(self.at, batch));
        by_time.insert((at, batch));
        self.at = at;
    }
}

impl Sources<'_> {
    /// Who is asked in this turn. Every other time it is the leader, as it alone may have the batch, and one that voted
    /// for it, each in turn: if one of the two lies, the other gives it. In the turns between it is one peer after the
    /// other.
    fn asked_in(&self, turn: usize, vouching: &[ValidatorIndex]) -> impl Iterator<Item = ValidatorIndex> {
        let in_turn = |all: &[ValidatorIndex], turn: usize| all.get(turn % all.len().max(1)).copied();
        let leader = self.peers.contains(&self.leader).then_some(self.leader);
        let (first, second) = match turn.is_multiple_of(2) {
            true => (leader, in_turn(vouching, turn / 2)),
            false => (in_turn(self.peers, turn.div_ceil(2)), None),
        };
        let nobody = first.is_none() && second.is_none();
        let any = in_turn(self.peers, turn / 2).filter(|_| nobody);
        [first, second, any].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEERS: [ValidatorIndex; 3] = [ValidatorIndex(0), ValidatorIndex(1), ValidatorIndex(3)];
    const MS: Duration = Duration::from_millis(1);

    fn sources(leader: u16) -> Sources<'static> {
        Sources {
            peers: &PEERS,
            leader: ValidatorIndex(leader),
        }
    }

    fn asked(leader: u16, vouching: &[ValidatorIndex]) -> Vec<Vec<u16>> {
        let sources = sources(leader);
        let turns = (0..6).map(|turn| sources.asked_in(turn, vouching));
        turns
            .map(|asked| asked.map(|validator| validator.0).collect())
            .collect()
    }

    fn digest(number: usize) -> Digest {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&u32::try_from(number).unwrap().to_be_bytes());
        Digest(bytes)
    }

    fn missing(numbers: std::ops::Range<usize>) -> BTreeSet<Digest> {
        numbers.map(digest).collect()
    }

    #[test]
    fn the_leader_is_asked_every_other_time_as_it_alone_may_have_it() {
        let one_at_a_time = [[1], [1], [1], [3], [1], [0]];
        assert_eq!(asked(1, &[]), one_at_a_time);
    }

    #[test]
    fn who_voted_for_a_batch_is_asked_beside_the_leader_as_either_may_withhold_it() {
        let vouching = [ValidatorIndex(0), ValidatorIndex(3)];
        assert_eq!(
            asked(1, &vouching),
            [vec![1, 0], vec![1], vec![1, 3], vec![3], vec![1, 0], vec![0]]
        );
    }

    #[test]
    fn who_leads_itself_asks_the_others_in_turn() {
        assert_eq!(asked(2, &[]), [[0], [1], [1], [3], [3], [0]]);
    }

    #[test]
    fn who_is_alone_asks_nobody() {
        let alone = Sources {
            peers: &[],
            ..sources(0)
        };
        assert_eq!(alone.asked_in(0, &[]).chain(alone.asked_in(1, &[])).count(), 0);
    }

    #[test]
    fn a_batch_that_somebody_voted_for_is_asked_for_sooner() {
        let mut fetching = Fetching::default();
        fetching.set(&missing(0..2), Duration::ZERO);
        assert_eq!(fetching.next_at(), Some(50 * MS));
        fetching.vouches(ValidatorIndex(3), None, &[digest(1), digest(7)], 10 * MS);
        assert_eq!(fetching.next_at(), Some(30 * MS));
        // The second adds no delay and no haste.
        fetching.vouches(ValidatorIndex(0), None, &[digest(1)], 25 * MS);
        let now = fetching.ask(30 * MS, sources(1), |_| false);
        let of_both = [ValidatorIndex(1), ValidatorIndex(3)].map(|to| (to, vec![digest(1)]));
        assert_eq!(now, BTreeMap::from(of_both));
        assert_eq!(fetching.next_at(), Some(50 * MS));
        let then = fetching.ask(50 * MS, sources(1), |_| false);
        assert_eq!(then, BTreeMap::from([(ValidatorIndex(1), vec![digest(0)])]));
        fetching.arrived(&[digest(0)]);
        fetching.set(&BTreeSet::new(), 60 * MS);
        assert!(fetching.is_empty() && fetching.next_at().is_none());
    }

    #[test]
    fn everything_that_is_missing_is_asked_for_in_turn() {
        let mut fetching = Fetching::default();
        let all = missing(0..MAX_REQUESTED_BATCHES + 3);
        fetching.set(&all, Duration::ZERO);
        let mut seen = BTreeSet::new();
        for turn in 1..=3 {
            let asked = fetching.ask(turn * 50 * MS, sources(1), |_| false);
            assert!(asked.values().all(|named| named.len() <= MAX_REQUESTED_BATCHES));
            seen.extend(asked.into_values().flatten());
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn what_waits_for_its_check_is_asked_for_now_and_then() {
        let mut fetching = Fetching::default();
        fetching.set(&missing(0..1), Duration::ZERO);
        let times = (1..=24).filter(|turn| !fetching.ask(*turn * 50 * MS, sources(1), |_| true).is_empty());
        assert_eq!(times.count(), 3);
    }

    impl Fetching {
        /// These are missing, and no others.
        fn set(&mut self, all: &BTreeSet<Digest>, now: Duration) {
            let known = self.missing.keys();
            let gone: Vec<Digest> = known.filter(|batch| !all.contains(*batch)).copied().collect();
            self.arrived(&gone);
            for batch in all {
                self.miss(*batch, now);
            }
        }

        fn check(&self) {
            let by_time = self.missing.iter().map(|(batch, missing)| (missing.at, *batch));
            assert_eq!(self.by_time, by_time.collect::<Times>());
            assert!(self.voted.len() <= MAX_VOTED);
        }
    }

    #[test]
    fn no_event_looks_through_all_that_is_missing() {
        let mut fetching = Fetching::default();
        let all = missing(0..100_000);
        fetching.set(&all, Duration::ZERO);
        assert_eq!(fetching.next_at(), Some(50 * MS));
        let named: Vec<Digest> = (99_999..100_002).map(digest).collect();
        for validator in PEERS {
            fetching.vouches(validator, Some(digest(200_000)), &named, 10 * MS);
            let voted = &fetching.voted[&digest(200_000)];
            assert_eq!(voted.missing, [digest(99_999)], "what is here is passed over");
        }
        fetching.check();
        // A vote that is said again ends at `by`: not even what it names is looked at.
        let voted = &fetching.voted[&digest(200_000)];
        assert_eq!(voted.by, BTreeSet::from(PEERS));
        // What is due is one batch of them all.
        assert_eq!(fetching.next_at(), Some(30 * MS));
        let due = fetching.by_time.iter().take_while(|(at, _)| *at <= 30 * MS);
        assert_eq!(due.count(), 1);
        let asked = fetching.ask(30 * MS, sources(1), |_| false);
        assert_eq!(
            asked.into_values().flatten().collect::<BTreeSet<_>>(),
            missing(99_999..100_000)
        );
        fetching.arrived(&[digest(99_999)]);
        fetching.vouches(ValidatorIndex(2), Some(digest(200_000)), &named, 40 * MS);
        assert!(fetching.voted[&digest(200_000)].missing.is_empty());
        fetching.check();
    }

    #[test]
    fn the_votes_that_are_remembered_are_bounded() {
        let mut fetching = Fetching::default();
        fetching.set(&missing(0..1), Duration::ZERO);
        for proposal in 0..3 * MAX_VOTED {
            fetching.vouches(ValidatorIndex(0), Some(digest(proposal)), &[digest(0)], MS);
            fetching.check();
        }
        assert_eq!(fetching.missing[&digest(0)].vouching, [ValidatorIndex(0)]);
    }

    #[test]
    fn a_vote_counts_again_for_what_is_missing_since() {
        let mut fetching = Fetching::default();
        let named = [digest(0), digest(1)];
        fetching.set(&missing(0..1), Duration::ZERO);
        fetching.vouches(ValidatorIndex(0), Some(digest(9)), &named, MS);
        fetching.set(&missing(0..2), MS);
        fetching.vouches(ValidatorIndex(0), Some(digest(9)), &named, 2 * MS);
        assert_eq!(fetching.missing[&digest(1)].vouching, [ValidatorIndex(0)]);
    }

    /// What fetching is when every batch is looked at each time.
    #[derive(Default)]
    struct Naive {
        missing: BTreeMap<Digest, Missing>,
    }

    impl Naive {
        fn set(&mut self, all: &BTreeSet<Digest>, now: Duration) {
            self.missing.retain(|batch, _| all.contains(batch));
            for batch in all {
                self.missing.entry(*batch).or_insert_with(|| Missing {
                    at: now + FETCH_INTERVAL,
                    turn: 0,
                    vouching: Vec::new(),
                });
            }
        }

        fn vouches(&mut self, validator: ValidatorIndex, batches: &[Digest], now: Duration) {
            for batch in batches {
                let Some(missing) = self.missing.get_mut(batch) else {
                    continue;
                };
                if missing.vouching.contains(&validator) {
                    continue;
                }
                if missing.turn == 0 && missing.vouching.is_empty() {
                    missing.at = missing.at.min(now + FETCH_VOUCHED);
                }
                missing.vouching.push(validator);
            }
        }

        fn next_at(&self) -> Option<Duration> {
            self.missing.values().map(|missing| missing.at).min()
        }

        fn ask(
            &mut self,
            now: Duration,
            sources: Sources<'_>,
            waits_for_check: impl Fn(&Digest) -> bool,
        ) -> BTreeMap<ValidatorIndex, Vec<Digest>> {
            let due = self.missing.iter_mut().filter(|(_, missing)| missing.at <= now);
            let mut due: Vec<_> = due.collect();
            due.sort_by_key(|(_, missing)| missing.turn);
            let mut asked: BTreeMap<ValidatorIndex, Vec<Digest>> = BTreeMap::new();
            for (batch, missing) in due {
                missing.at = now + FETCH_INTERVAL;
                let is_checked =
                    !(missing.turn + 1).is_multiple_of(FETCH_CHECKED_EVERY) && waits_for_check(batch);
                let mut is_asked_for = is_checked;
                let to = sources.asked_in(missing.turn, &missing.vouching);
                for to in to.filter(|_| !is_checked) {
                    let named = asked.entry(to).or_default();
                    if named.len() < MAX_REQUESTED_BATCHES {
                        named.push(*batch);
                        is_asked_for = true;
                    }
                }
                missing.turn += usize::from(is_asked_for);
            }
            asked
        }
    }

    /// Xorshift: the same numbers in every run.
    fn draw(random: &mut u64, below: usize) -> usize {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        usize::try_from(*random % u64::try_from(below).unwrap()).unwrap()
    }

    #[test]
    fn whatever_happens_the_times_and_the_asks_are_those_of_looking_through_all() {
        const BATCHES: usize = 600;
        for seed in 1..=20_u64 {
            let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            let (mut fetching, mut naive) = (Fetching::default(), Naive::default());
            let mut now = Duration::ZERO;
            // Proposals overlap: another one may name what an older one named.
            let proposals: Vec<Vec<Digest>> = (0..20)
                .map(|_| (0..40).map(|_| digest(draw(&mut random, BATCHES))).collect())
                .collect();
            for _ in 0..400 {
                now += MS * u32::try_from(draw(&mut random, 15)).unwrap();
                let place = draw(&mut random, proposals.len());
                let named = &proposals[place];
                match draw(&mut random, 8) {
                    0 => {
                        let from = draw(&mut random, BATCHES);
                        // Now and then more than one request can name.
                        let most = [0, 5, 50, 400][draw(&mut random, 4)];
                        let mut all: BTreeSet<Digest> = naive.missing.keys().copied().collect();
                        if draw(&mut random, 4) == 0 {
                            all.clear();
                        }
                        all.extend((from..BATCHES.min(from + most)).map(digest));
                        all.extend(named);
                        fetching.set(&all, now);
                        naive.set(&all, now);
                    }
                    1 => {
                        let here = &named[..draw(&mut random, named.len())];
                        fetching.arrived(here);
                        naive.missing.retain(|batch, _| !here.contains(batch));
                    }
                    2..=5 => {
                        let validator = PEERS[draw(&mut random, PEERS.len())];
                        // Now and then the engine does not know the proposal, or a vote is about several.
                        let known: &[Digest] = if draw(&mut random, 5) == 0 { &[] } else { named };
                        let proposal = (draw(&mut random, 5) > 0).then(|| digest(BATCHES + place));
                        fetching.vouches(validator, proposal, known, now);
                        naive.vouches(validator, known, now);
                    }
                    _ => {
                        let leader = u16::try_from(draw(&mut random, 4)).unwrap();
                        let waits = |batch: &Digest| batch.0[3].is_multiple_of(3);
                        let asked = fetching.ask(now, sources(leader), waits);
                        assert_eq!(asked, naive.ask(now, sources(leader), waits), "seed {seed}");
                    }
                }
                assert_eq!(fetching.next_at(), naive.next_at(), "seed {seed}");
                assert_eq!(fetching.is_empty(), naive.missing.is_empty(), "seed {seed}");
                fetching.check();
            }
        }
    }
}
