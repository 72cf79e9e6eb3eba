//! How long payments were harmed.

use std::time::Duration;

use tokio::time::Instant;

use crate::bench::load::Answer;

/// A payment is harmed if it takes this many times the calm p99.
const HARM: u32 = 2;
/// And at least so long: what the machine does besides is no harm.
const LEAST_HARM: Duration = Duration::from_millis(250);
/// And whatever the calm was, if it takes so long.
const MOST_HARM: Duration = Duration::from_millis(800);
/// So long nine of ten must be unharmed before the outage counts as over.
const BACK_FOR: Duration = Duration::from_secs(1);
/// Nine of ten.
const UNHARMED: f64 = 0.9;
/// From which to which moment it is looked.
const STEP: Duration = Duration::from_millis(10);
/// Payments before the calm's end that say what is usual.
const USUAL: Duration = Duration::from_secs(2);

/// What became of the load from `began` on, at this rate, until `end`: none if it was harmed to the end.
pub(super) fn outage(answers: &[Answer], rate: u64, began: Instant, end: Instant) -> Option<Duration> {
    let mut taken: Vec<(Instant, Duration)> = answers
        .iter()
        .map(|answer| (answer.due, answer.answered.duration_since(answer.due)))
        .collect();
    taken.sort_unstable();
    let place = |at: Instant| taken.partition_point(|(due, _)| *due < at);
    let usual = quantile(&taken[place(began - USUAL)..place(began)], 0.99).unwrap_or_default();
    let harm = (usual * HARM).clamp(LEAST_HARM, MOST_HARM);
    // The load may have ended a little earlier.
    let (last, _) = taken.last()?;
    let end = end.min(*last - 10 * STEP);
    let unharmed = |from: Instant, to: Instant| {
        let within = &taken[place(from)..place(to)];
        within.iter().filter(|(_, took)| *took < harm).count() as f64
    };
    let due_in = |time: Duration| rate as f64 * time.as_secs_f64();
    // Bundles leave together, so what is due within one step varies.
    let mut first = began;
    loop {
        if first >= end {
            return Some(Duration::ZERO);
        }
        let window = 10 * STEP;
        if unharmed(first, first + window) < UNHARMED * due_in(window) - 1.0 {
            break;
        }
        first += STEP;
    }
    // The window that is harmed may begin before the first payment in it that is.
    let step =
        (0..10).find(|step| unharmed(first + *step * STEP, first + (*step + 1) * STEP) < 0.5 * due_in(STEP));
    let first = first + step.unwrap_or(0) * STEP;
    let mut back = first;
    while back + BACK_FOR <= end {
        if unharmed(back, back + BACK_FOR) >= UNHARMED * due_in(BACK_FOR) {
            return Some(back - first);
        }
        back += STEP;
    }
    None
}

/// A quantile of how long these took; none of nothing.
pub(super) fn quantile(taken: &[(Instant, Duration)], quantile: f64) -> Option<Duration> {
    of_all(taken, taken.len(), quantile)
}

/// The same where there should have been so many: what is missing took for ever.
pub(super) fn of_all(taken: &[(Instant, Duration)], count: usize, quantile: f64) -> Option<Duration> {
    let mut took: Vec<Duration> = taken.iter().map(|(_, took)| *took).collect();
    took.sort_unstable();
    let place = (count as f64 * quantile).ceil() as usize;
    took.get(place.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 a second for 20 s, of which those due from the 10th second on take longer for so long.
    fn answers(start: Instant, harmed: Duration) -> Vec<Answer> {
        let due = |number: u64| start + Duration::from_millis(10 * number);
        let slow = due(1_000)..due(1_000) + harmed;
        let took = |due| if slow.contains(&due) { 2_000 } else { 20 };
        (0..2_000)
            .map(|number| Answer {
                due: due(number),
                answered: due(number) + Duration::from_millis(took(due(number))),
            })
            .collect()
    }

    #[test]
    fn an_outage_lasts_from_the_first_that_is_harmed_until_nine_of_ten_are_not() {
        let start = Instant::now();
        let (began, end) = (start + Duration::from_secs(9), start + Duration::from_secs(20));
        let of = |millis| outage(&answers(start, Duration::from_millis(millis)), 100, began, end);
        assert_eq!(of(0), Some(Duration::ZERO));
        let second = of(1_000).unwrap().as_millis();
        assert!((850..=1_000).contains(&second), "{second}");
        assert_eq!(of(10_000), None);
    }

    #[test]
    fn what_is_missing_took_for_ever() {
        let start = Instant::now();
        let taken: Vec<_> = answers(start, Duration::ZERO)
            .iter()
            .map(|answer| (answer.due, answer.answered - answer.due))
            .collect();
        assert_eq!(of_all(&taken, 2_000, 0.99), Some(Duration::from_millis(20)));
        assert_eq!(of_all(&taken, 2_100, 0.99), None);
    }
}
