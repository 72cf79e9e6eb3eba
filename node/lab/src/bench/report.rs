//! How every benchmark says what it found: a table for people or one JSON document, and a chart.

use hdrhistogram::Histogram;
use quorate_tools::failure::Failure;
use quorate_tools::output::Output;
use serde::Serialize;

use super::chart::{ChartArgs, Panel};

/// What a benchmark found.
pub(crate) trait Report: Serialize {
    /// The text for people.
    fn text(&self, output: &Output) -> String;

    /// What a chart shows.
    fn panels(&self) -> Vec<Panel>;
}

/// Prints a report, and draws it where that was asked for.
pub(crate) fn publish(report: &impl Report, output: &Output, chart: &ChartArgs) -> Result<(), Failure> {
    output.print(report, |output| report.text(output))?;
    chart.draw(&report.panels())
}

/// Percentiles, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Latency {
    p50: f64,
    p90: f64,
    p99: f64,
    #[serde(rename = "p99.9")]
    p999: f64,
    max: f64,
}

/// A histogram of microseconds, up to ten minutes, with three digits.
pub(crate) fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 600_000_000, 3).expect("the bounds are valid")
}

/// A quantile in milliseconds.
pub(crate) fn millis(latencies: &Histogram<u64>, quantile: f64) -> f64 {
    latencies.value_at_quantile(quantile) as f64 / 1000.0
}

impl Latency {
    /// The percentiles of a histogram of microseconds.
    pub(crate) fn of(latencies: &Histogram<u64>) -> Self {
        Self {
            p50: millis(latencies, 0.5),
            p90: millis(latencies, 0.9),
            p99: millis(latencies, 0.99),
            p999: millis(latencies, 0.999),
            max: latencies.max() as f64 / 1000.0,
        }
    }

    /// The table for people.
    pub(crate) fn table(&self, output: &Output) -> String {
        let shown = |value: f64| format!("{value:.2}");
        let row = vec![
            shown(self.p50),
            shown(self.p90),
            shown(self.p99),
            shown(self.p999),
            shown(self.max),
        ];
        output.table(&[">P50", ">P90", ">P99", ">P99.9", ">MAX"], vec![row])
    }
}

/// A curve of percentiles: how many transactions there are for one that took longer, and milliseconds.
pub(crate) fn percentile_curve(latencies: &Histogram<u64>) -> Vec<(f64, f64)> {
    // As many steps to a power of ten as a line needs to look smooth.
    const STEPS: u32 = 10;
    let most = (latencies.len() as f64).max(10.0);
    (0..)
        .map(|step| 10_f64.powf(f64::from(step) / f64::from(STEPS)))
        .take_while(|one_in| *one_in <= most)
        .map(|one_in| (one_in, millis(latencies, 1.0 - 1.0 / one_in)))
        .collect()
}

/// Bytes as people read them.
pub(crate) fn bytes(count: u64) -> String {
    let count = count as f64;
    match count {
        large if large >= 1e9 => format!("{:.2} GB", large / 1e9),
        large if large >= 1e6 => format!("{:.1} MB", large / 1e6),
        large if large >= 1e3 => format!("{:.1} kB", large / 1e3),
        small => format!("{small:.0} B"),
    }
}

/// `part` of `whole`, or nothing of nothing.
pub(crate) fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// A number that may not be known.
pub(crate) fn shown(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_of_percentiles_ends_where_there_are_no_more_transactions() {
        let mut histogram = latencies();
        for micros in 1..=1_000 {
            histogram.record(micros * 1_000).unwrap();
        }
        let curve = percentile_curve(&histogram);
        let (one_in, slowest) = *curve.last().unwrap();
        assert!((one_in - 1_000.0).abs() < 1e-6);
        assert!((slowest - 999.0).abs() < 2.0, "{slowest}");
    }

    #[test]
    fn bytes_are_short_and_nothing_of_nothing_is_unknown() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_500_000), "1.5 MB");
        assert_eq!(ratio(1.0, 0.0), None);
        assert_eq!(shown(ratio(1.0, 2.0), 1), "0.5");
    }
}
