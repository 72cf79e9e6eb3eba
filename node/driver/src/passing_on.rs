//! Batches that stay unordered, and who is told of them.
//!
//! A batch that stays unordered may have been lost on its way to the leader: that one is told of it, whoever packed it.
//! If that does not help, the leader may be the cause: then all are told, who wait for it too and can complain. So it is
//! while no leader has begun here, as this validator may be alone in its reign. A leader itself tells nobody.

use std::time::Duration;

use quorate_crypto::{Digest, ValidatorIndex};

/// How long a batch has waited since it came, or was told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unordered {
    since: Duration,
    told: bool,
}

/// Who leads, as far as this validator can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Led {
    /// This validator does.
    Here,
    /// This one does.
    By(ValidatorIndex),
    /// Nobody has begun here, or this validator does not vote: then it follows no reign, and may take itself for the
    /// leader of one that is long over.
    Unknown,
}

/// Batches to tell of, and whom: one validator, or all.
pub type Told = (Option<ValidatorIndex>, Vec<Digest>);

impl Unordered {
    /// One that comes now.
    pub fn since(now: Duration) -> Self {
        Self {
            since: now,
            told: false,
        }
    }
}

impl Led {
    /// By what the driver of validator `own` shows of its engine.
    pub fn of(leader: ValidatorIndex, begun: bool, votes: bool, own: ValidatorIndex) -> Self {
        match begun && votes {
            false => Self::Unknown,
            true if leader == own => Self::Here,
            true => Self::By(leader),
        }
    }
}

/// Of the batches that wait, those to tell of now: at most so many that have waited for at least `patience`, those that
/// waited longest first. From now on they wait anew.
pub fn tell_of_unordered<'a>(
    led: Led,
    waiting: impl Iterator<Item = (Digest, &'a mut Unordered)>,
    now: Duration,
    patience: Duration,
    most: usize,
) -> Vec<Told> {
    let leader = match led {
        Led::Here => return Vec::new(),
        Led::By(leader) => Some(leader),
        Led::Unknown => None,
    };
    let mut late: Vec<_> = waiting
        .filter(|(_, batch)| now.saturating_sub(batch.since) >= patience)
        .collect();
    late.sort_unstable_by_key(|(digest, batch)| (batch.since, *digest));
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for (digest, batch) in late.into_iter().take(most) {
        batch.since = now;
        match std::mem::replace(&mut batch.told, true) {
            true => again.push(digest),
            false => first.push(digest),
        }
    }
    let told = [(leader, first), (None, again)].into_iter();
    told.filter(|(_, batches)| !batches.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: ValidatorIndex = ValidatorIndex(2);
    const LEADER: ValidatorIndex = ValidatorIndex(0);
    const PATIENCE: Duration = Duration::from_secs(1);

    fn batch(number: u8) -> Digest {
        Digest([number; 32])
    }

    #[test]
    fn the_leader_is_told_first_and_all_when_that_does_not_help() {
        let mut waiting = [
            (batch(1), Unordered::since(Duration::from_millis(900))),
            (batch(2), Unordered::since(Duration::ZERO)),
            (batch(3), Unordered::since(Duration::from_millis(1_100))),
        ];
        let mut tell = |led, at_ms, most| {
            let waiting = waiting.iter_mut().map(|(digest, batch)| (*digest, batch));
            tell_of_unordered(led, waiting, Duration::from_millis(at_ms), PATIENCE, most)
        };
        let led = Led::of(LEADER, true, true, OWN);
        assert_eq!(tell(led, 2_000, 2), [(Some(LEADER), vec![batch(2), batch(1)])]);
        assert_eq!(tell(led, 2_500, 2), [(Some(LEADER), vec![batch(3)])]);
        assert_eq!(tell(led, 2_900, 9), Vec::<Told>::new());
        assert_eq!(tell(led, 3_000, 1), [(None, vec![batch(1)])]);
    }

    #[test]
    fn a_leader_tells_nobody_and_who_knows_of_none_tells_all() {
        for (begun, votes, leader, to) in [
            (true, true, OWN, None),
            (false, true, OWN, Some(None)),
            (true, false, OWN, Some(None)),
            (false, true, LEADER, Some(None)),
            (true, true, LEADER, Some(Some(LEADER))),
        ] {
            let mut waits = Unordered::since(Duration::ZERO);
            let waiting = std::iter::once((batch(1), &mut waits));
            let led = Led::of(leader, begun, votes, OWN);
            let told = tell_of_unordered(led, waiting, PATIENCE, PATIENCE, 9);
            let expected: Vec<Told> = to.into_iter().map(|to| (to, vec![batch(1)])).collect();
            assert_eq!(told, expected, "begun {begun}, votes {votes}");
        }
    }
}
