//! Missing batches: when each is asked for, and of whom.

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

/// The batches that proposals name and that are not here. They are as many as [`crate::Driver`] keeps proposals for.
#[derive(Debug, Default)]
pub(crate) struct Fetching {
    missing: BTreeMap<Digest, Missing>,
}

#[derive(Debug)]
struct Missing {
    /// When it is asked for next.
    at: Duration,
    /// How often it was.
    turn: usize,
    /// Who voted for what names it, the leader apart, as they did.
    vouching: Vec<ValidatorIndex>,
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
    /// These are missing, and no others.
    pub(crate) fn set(&mut self, missing: BTreeSet<Digest>, now: Duration) {
        self.missing.retain(|batch, _| missing.contains(batch));
        for batch in missing {
            self.missing.entry(batch).or_insert_with(|| Missing {
                at: now + FETCH_INTERVAL,
                turn: 0,
                vouching: Vec::new(),
            });
        }
    }

    /// These are here.
    pub(crate) fn arrived(&mut self, batches: &[Digest]) {
        for batch in batches {
            self.missing.remove(batch);
        }
    }

    /// A validator other than the leader has voted for what names these batches: it has them on disk, unless it lies.
    pub(crate) fn vouches(&mut self, validator: ValidatorIndex, batches: &[Digest], now: Duration) {
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

    /// Whether nothing is missing.
    pub(crate) fn is_empty(&self) -> bool {
        self.missing.is_empty()
    }

    /// When something is asked for next.
    pub(crate) fn next_at(&self) -> Option<Duration> {
        self.missing.values().map(|missing| missing.at).min()
    }

    /// Who is asked for what now. What was received and waits for its check is mostly not asked for.
    pub(crate) fn ask(
        &mut self,
        now: Duration,
        sources: Sources<'_>,
        waits_for_check: impl Fn(&Digest) -> bool,
    ) -> BTreeMap<ValidatorIndex, Vec<Digest>> {
        let due = self.missing.iter_mut().filter(|(_, missing)| missing.at <= now);
        let mut due: Vec<_> = due.collect();
        // What one request cannot name comes before what was asked for already.
        due.sort_by_key(|(_, missing)| missing.turn);
        let mut asked: BTreeMap<ValidatorIndex, Vec<Digest>> = BTreeMap::new();
        for (batch, missing) in due {
            missing.at = now + FETCH_INTERVAL;
            let mut is_asked_for = false;
            let is_checked =
                !(missing.turn + 1).is_multiple_of(FETCH_CHECKED_EVERY) && waits_for_check(batch);
            if is_checked {
                missing.turn += 1;
                continue;
            }
            for to in sources.asked_in(missing.turn, &missing.vouching) {
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
        let [high, low] = u16::try_from(number).unwrap().to_be_bytes();
        let mut bytes = [0; 32];
        (bytes[0], bytes[1]) = (high, low);
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
        fetching.set(missing(0..2), Duration::ZERO);
        assert_eq!(fetching.next_at(), Some(50 * MS));
        fetching.vouches(ValidatorIndex(3), &[digest(1), digest(7)], 10 * MS);
        assert_eq!(fetching.next_at(), Some(30 * MS));
        // The second adds no delay and no haste.
        fetching.vouches(ValidatorIndex(0), &[digest(1)], 25 * MS);
        let now = fetching.ask(30 * MS, sources(1), |_| false);
        let of_both = [ValidatorIndex(1), ValidatorIndex(3)].map(|to| (to, vec![digest(1)]));
        assert_eq!(now, BTreeMap::from(of_both));
        assert_eq!(fetching.next_at(), Some(50 * MS));
        let then = fetching.ask(50 * MS, sources(1), |_| false);
        assert_eq!(then, BTreeMap::from([(ValidatorIndex(1), vec![digest(0)])]));
        fetching.arrived(&[digest(0)]);
        fetching.set(BTreeSet::new(), 60 * MS);
        assert!(fetching.is_empty() && fetching.next_at().is_none());
    }

    #[test]
    fn everything_that_is_missing_is_asked_for_in_turn() {
        let mut fetching = Fetching::default();
        let all = missing(0..MAX_REQUESTED_BATCHES + 3);
        fetching.set(all.clone(), Duration::ZERO);
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
        fetching.set(missing(0..1), Duration::ZERO);
        let times = (1..=24).filter(|turn| !fetching.ask(*turn * 50 * MS, sources(1), |_| true).is_empty());
        assert_eq!(times.count(), 3);
    }
}
