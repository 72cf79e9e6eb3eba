//! Metrics in the Prometheus text format, version 0.0.4.

use std::fmt::Write as _;

use quorate_storage::{BOUNDS_US, DurationsReading};

/// What a metric may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Labels and their values.
pub(crate) type Labels = Vec<(&'static str, String)>;

/// One reading of everything a node measures, as text.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    text: String,
}

impl Reading {
    /// Adds what only grows; its name ends in `_total`.
    pub(crate) fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.counters(name, help, [(Vec::new(), value)]);
    }

    /// Adds the same with labels.
    pub(crate) fn counters(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, u64)>,
    ) {
        self.head(name, help, Kind::Counter);
        for (labels, value) in samples {
            self.sample(name, &labels, value);
        }
    }

    /// Adds what goes up and down.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.gauges(name, help, [(Vec::new(), value)]);
    }

    /// Adds the same with labels.
    pub(crate) fn gauges(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, u64)>,
    ) {
        self.head(name, help, Kind::Gauge);
        for (labels, value) in samples {
            self.sample(name, &labels, value);
        }
    }

    /// Adds a time that only grows, in seconds; its name ends in `_seconds_total`.
    pub(crate) fn time(&mut self, name: &str, help: &str, us: u64) {
        self.head(name, help, Kind::Counter);
        self.sample(name, &Vec::new(), seconds(us));
    }

    /// Adds times that go up and down, in seconds; the name ends in `_seconds`.
    pub(crate) fn times(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = (Labels, u64)>) {
        self.head(name, help, Kind::Gauge);
        for (labels, us) in samples {
            self.sample(name, &labels, seconds(us));
        }
    }

    /// Adds how long something took each time, in seconds; the name ends in `_seconds`.
    pub(crate) fn durations(&mut self, name: &str, help: &str, reading: DurationsReading) {
        self.durations_by(name, help, [(Vec::new(), reading)]);
    }

    /// Adds the same with labels.
    pub(crate) fn durations_by(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, DurationsReading)>,
    ) {
        self.head(name, help, Kind::Histogram);
        let bucket = format!("{name}_bucket");
        for (labels, reading) in samples {
            let up_to = |bound: String| [labels.clone(), vec![("le", bound)]].concat();
            for (bound, count) in BOUNDS_US.iter().zip(reading.up_to) {
                self.sample(&bucket, &up_to(seconds(*bound)), count);
            }
            self.sample(&bucket, &up_to("+Inf".to_owned()), reading.count);
            self.sample(&format!("{name}_sum"), &labels, seconds(reading.sum_us));
            self.sample(&format!("{name}_count"), &labels, reading.count);
        }
    }

    fn head(&mut self, name: &str, help: &str, kind: Kind) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &Labels, value: impl std::fmt::Display) {
        let pairs: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
            .collect();
        match pairs.as_slice() {
            [] => self.line(format_args!("{name} {value}")),
            pairs => self.line(format_args!("{name}{{{}}} {value}", pairs.join(","))),
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").expect("writing into a string does not fail");
    }

    /// The text of this reading.
    pub(crate) fn text(self) -> String {
        self.text
    }
}

/// Microseconds as seconds, exactly.
fn seconds(us: u64) -> String {
    let text = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A label's value as it stands between quotes.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use quorate_storage::Durations;

    use super::*;

    #[test]
    fn every_line_of_a_counter_has_the_name_that_its_type_line_has() {
        let mut reading = Reading::default();
        reading.counter(
            "quorate_transactions_total",
            "Transactions executed since genesis",
            7,
        );
        reading.gauge("quorate_height", "The certified height", 42);
        assert_eq!(
            reading.text(),
            "# HELP quorate_transactions_total Transactions executed since genesis\n\
             # TYPE quorate_transactions_total counter\n\
             quorate_transactions_total 7\n\
             # HELP quorate_height The certified height\n\
             # TYPE quorate_height gauge\n\
             quorate_height 42\n"
        );
    }

    #[test]
    fn labels_are_quoted_whatever_a_name_holds() {
        let mut reading = Reading::default();
        let labels = vec![
            ("peer", "a \"b\" \\ c\nd".to_owned()),
            ("channel", "votes".to_owned()),
        ];
        reading.gauges("quorate_peer_up", "1 if there is a link", [(labels, 1)]);
        let text = reading.text();
        let line = r#"quorate_peer_up{peer="a \"b\" \\ c\nd",channel="votes"} 1"#;
        assert_eq!(text.lines().last(), Some(line));
    }

    #[test]
    fn durations_are_a_histogram_in_seconds() {
        let durations = Durations::default();
        for ms in [1, 30, 20_000] {
            durations.add(std::time::Duration::from_millis(ms));
        }
        let mut reading = Reading::default();
        reading.durations(
            "quorate_flush_duration_seconds",
            "How long flushes took",
            durations.read(),
        );
        let text = reading.text();
        let has = |line: &str| assert!(text.lines().any(|found| found == line), "{line} in {text}");
        has("# TYPE quorate_flush_duration_seconds histogram");
        has(r#"quorate_flush_duration_seconds_bucket{le="0.0005"} 0"#);
        has(r#"quorate_flush_duration_seconds_bucket{le="0.001"} 1"#);
        has(r#"quorate_flush_duration_seconds_bucket{le="10"} 2"#);
        has(r#"quorate_flush_duration_seconds_bucket{le="+Inf"} 3"#);
        has("quorate_flush_duration_seconds_sum 20.031");
        has("quorate_flush_duration_seconds_count 3");
    }
}
