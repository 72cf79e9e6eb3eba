//! How long something took, each time: a histogram that many threads may add to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The bounds of the buckets, in microseconds.
pub const BOUNDS_US: [u64; 15] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

/// Counts by length, and all lengths together.
#[derive(Debug, Default)]
pub struct Durations {
    /// As many as each bound's bucket has, not those of shorter ones; the last has what is beyond all.
    counts: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

/// What [`Durations`] held at some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DurationsReading {
    /// How many took at most as long as each bound.
    pub up_to: [u64; BOUNDS_US.len()],
    /// How many there were.
    pub count: u64,
    /// All together, in microseconds.
    pub sum_us: u64,
}

impl Durations {
    /// Adds one.
    pub fn add(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = BOUNDS_US.partition_point(|bound| *bound < us);
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// What it holds.
    pub fn read(&self) -> DurationsReading {
        let mut reading = DurationsReading {
            sum_us: self.sum_us.load(Ordering::Relaxed),
            ..DurationsReading::default()
        };
        for (place, count) in self.counts.iter().enumerate() {
            reading.count += count.load(Ordering::Relaxed);
            if let Some(up_to) = reading.up_to.get_mut(place) {
                *up_to = reading.count;
            }
        }
        reading
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_counts_all_that_is_not_longer() {
        let durations = Durations::default();
        for us in [250, 251, 900, 10_000_001] {
            durations.add(Duration::from_micros(us));
        }
        let reading = durations.read();
        assert_eq!(reading.up_to[..4], [1, 2, 3, 3]);
        assert_eq!(reading.up_to[BOUNDS_US.len() - 1], 3);
        assert_eq!((reading.count, reading.sum_us), (4, 10_001_402));
    }
}
