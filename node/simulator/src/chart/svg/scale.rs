//! Where a moment is on the paper: time runs downwards, evenly but for long pauses and for crowds.

use std::collections::{BTreeMap, BTreeSet};

use crate::chart::rows::Row;

/// Pixels for a millisecond.
const PER_MS: f64 = 16.0;

/// Pixels between two rows with words, at least.
const LINE: f64 = 15.0;

/// Pixels for a pause, at most.
const PAUSE_PIXELS: f64 = 40.0;

/// A pause that is named, in microseconds.
const PAUSE_US: u64 = 10_000;

/// A time in which nothing happens, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pause {
    /// Where its middle is.
    pub(super) y: f64,
    pub(super) since: u64,
    pub(super) passed: u64,
}

/// Time on the paper.
#[derive(Clone, Debug, Default)]
pub(super) struct Scale {
    /// Where each row is, in their order.
    pub(super) rows: Vec<f64>,
    /// Times in which nothing happens.
    pub(super) pauses: Vec<Pause>,
    /// Where each moment is at which something happens.
    moments: BTreeMap<u64, f64>,
    /// Where the paper ends.
    pub(super) bottom: f64,
}

impl Scale {
    /// The scale for these rows, which begin at `top`.
    pub(super) fn new(rows: &[Row<'_>], top: f64) -> Self {
        let mut scale = Self::default();
        let arrivals = rows.iter().flat_map(|row| match row {
            Row::Message(message) => message.transfers.iter().filter_map(|t| t.arrives_us).collect(),
            Row::Note(_) => Vec::new(),
        });
        let mut moments: BTreeSet<u64> = arrivals.collect();
        moments.extend(rows.iter().map(Row::at_us));
        let mut rows = rows.iter().peekable();
        let (mut y, mut line, mut before) = (top, top - LINE, None);
        for moment in moments {
            let passed = moment - before.unwrap_or(moment);
            if passed >= PAUSE_US {
                scale.pauses.push(Pause {
                    y: y + PAUSE_PIXELS / 2.0,
                    since: moment - passed,
                    passed,
                });
            }
            y += (passed as f64 / 1_000.0 * PER_MS).min(PAUSE_PIXELS);
            while rows.next_if(|row| row.at_us() == moment).is_some() {
                y = y.max(line + LINE);
                line = y;
                scale.rows.push(y);
                // What arrives at this moment is the reason for what is in its rows.
                scale.moments.entry(moment).or_insert(y);
            }
            scale.moments.entry(moment).or_insert(y);
            before = Some(moment);
        }
        scale.bottom = y + LINE;
        scale
    }

    /// Where a moment is.
    pub(super) fn at(&self, moment: u64) -> f64 {
        let upto = self.moments.range(..=moment).next_back();
        upto.map_or(0.0, |(_, y)| *y)
    }
}
