//! Metrics in the Prometheus text format, version 0.0.4. All are read from their sources when asked for.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use quorate_network::PeerInfo;
use quorate_storage::{BOUNDS_US, DurationsReading, Statistics};

use crate::recorder::RecorderStatistics;

/// What a metric may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It only grows; its name ends in `_total`.
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
    /// Adds what only grows.
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
        let name = format!("{name}_total");
        self.head(&name, help, Kind::Counter);
        for (labels, value) in samples {
            self.sample(&name, &labels, value);
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

    /// Adds a time that only grows, in seconds.
    pub(crate) fn time(&mut self, name: &str, help: &str, us: u64) {
        let name = format!("{name}_seconds_total");
        self.head(&name, help, Kind::Counter);
        self.sample(&name, &Vec::new(), seconds(us));
    }

    /// Adds how long something took each time, in seconds.
    pub(crate) fn durations(&mut self, name: &str, help: &str, reading: &DurationsReading) {
        let name = format!("{name}_seconds");
        self.head(&name, help, Kind::Histogram);
        let bucket = format!("{name}_bucket");
        for (bound, count) in BOUNDS_US.iter().zip(reading.up_to) {
            self.sample(&bucket, &vec![("le", seconds(*bound))], count);
        }
        self.sample(&bucket, &vec![("le", "+Inf".to_owned())], reading.count);
        self.sample(&format!("{name}_sum"), &Vec::new(), seconds(reading.sum_us));
        self.sample(&format!("{name}_count"), &Vec::new(), reading.count);
    }

    fn head(&mut self, name: &str, help: &str, kind: Kind) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.line(format_args!("# HELP quorate_{name} {help}"));
        self.line(format_args!("# TYPE quorate_{name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &Labels, value: impl std::fmt::Display) {
        let pairs: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
            .collect();
        match pairs.as_slice() {
            [] => self.line(format_args!("quorate_{name} {value}")),
            pairs => self.line(format_args!("quorate_{name}{{{}}} {value}", pairs.join(","))),
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").expect("writing into a string does not fail");
    }

    /// Adds what the chain database takes.
    pub(crate) fn add_chain(&mut self, statistics: &Statistics) {
        self.counter(
            "chain_flushes",
            "Flushes of the chain database to the disk since the start",
            statistics.flushes.count,
        );
        self.durations("chain_flush_duration", "How long these took", &statistics.flushes);
        self.gauge(
            "chain_disk_bytes",
            "Disk taken by the chain",
            statistics.table_bytes + statistics.blob_bytes,
        );
        self.gauge(
            "chain_write_buffer_bytes",
            "Writes to the chain that are not in its tables yet",
            statistics.write_buffer_bytes,
        );
        self.gauge(
            "chain_pending_compaction_bytes",
            "Bytes of the chain that compaction has yet to rewrite",
            statistics.pending_compaction_bytes,
        );
    }

    /// Adds the links to all peers, and what went over them, framing and encryption not counted.
    pub(crate) fn add_peers(&mut self, peers: &[PeerInfo]) {
        let label = |peer: &PeerInfo| vec![("peer", peer.name.clone())];
        let traffic = |peer: &PeerInfo| {
            let channels = [
                ("votes", peer.votes),
                ("batches", peer.batches),
                ("sync", peer.sync),
            ];
            channels.map(|(channel, traffic)| {
                let labels = [label(peer), vec![("channel", channel.to_owned())]].concat();
                (labels, traffic)
            })
        };
        self.gauges(
            "peer_up",
            "1 if there is a link to the peer",
            peers
                .iter()
                .map(|peer| (label(peer), u64::from(peer.connected()))),
        );
        self.head(
            "peer_round_trip_seconds",
            "The last round trip to the peer",
            Kind::Gauge,
        );
        for peer in peers {
            if let Some(time) = peer.rtt {
                let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
                self.sample("peer_round_trip_seconds", &label(peer), seconds(us));
            }
        }
        let all = || peers.iter().flat_map(traffic);
        self.counters(
            "sent_bytes",
            "Bytes sent to the peer since the start",
            all().map(|(labels, traffic)| (labels, traffic.sent_bytes)),
        );
        self.counters(
            "received_bytes",
            "Bytes received from the peer since the start",
            all().map(|(labels, traffic)| (labels, traffic.received_bytes)),
        );
    }

    /// Adds what the flight recorder does.
    pub(crate) fn add_recorder(&mut self, recorded: &RecorderStatistics) {
        self.counter(
            "flight_recorder_bytes",
            "Bytes of consensus inputs recorded since the start",
            recorded.written.load(Ordering::Relaxed),
        );
        self.counter(
            "flight_recorder_gaps",
            "Times that something was left out of the recording since the start",
            recorded.gaps.load(Ordering::Relaxed),
        );
        self.gauge(
            "flight_recorder_runs",
            "1 if consensus inputs are recorded",
            u64::from(recorded.runs.load(Ordering::Relaxed)),
        );
    }

    /// The text of this reading; every name begins with `quorate_`.
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

/// The process's resident memory in bytes, where the system tells.
pub(crate) fn resident_memory() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|statm| statm.split_whitespace().nth(1)?.parse::<u64>().ok())
        .unwrap_or(0);
    pages.saturating_mul(rustix::param::page_size() as u64)
}

/// Processor time that the process has taken, in microseconds.
pub(crate) fn cpu_us() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field, the program's name, is in parentheses and may hold anything.
    let fields = stat.rsplit_once(')')?.1.split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    ticks
        .checked_mul(1_000_000)?
        .checked_div(rustix::param::clock_ticks_per_second())
}

/// How many files, sockets included, the process has open, where the system tells.
pub(crate) fn open_files() -> Option<u64> {
    let open = std::fs::read_dir("/proc/self/fd").ok()?;
    u64::try_from(open.count()).ok()
}

#[cfg(test)]
mod tests {
    use quorate_storage::Durations;

    use super::*;

    #[test]
    fn every_line_of_a_counter_has_the_name_that_its_type_line_has() {
        let mut reading = Reading::default();
        reading.counter("transactions", "Transactions executed since genesis", 7);
        reading.gauge("height", "The certified height", 42);
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
        reading.gauges("peer_up", "1 if there is a link", [(labels, 1)]);
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
        reading.durations("flush_duration", "How long flushes took", &durations.read());
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
