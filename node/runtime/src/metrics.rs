//! Metrics in the Prometheus text format. Gauges are read from their sources when asked for.

use std::sync::atomic::Ordering;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use quorate_network::PeerInfo;
use quorate_storage::Statistics;

use crate::recorder::RecorderStatistics;

/// One reading of everything a node measures.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    /// Name, help, value: what only grows.
    pub(crate) counters: Vec<(&'static str, &'static str, u64)>,
    /// Name, help, value: what goes up and down.
    pub(crate) gauges: Vec<(&'static str, &'static str, i64)>,
}

impl Reading {
    /// Adds what the chain database takes.
    pub(crate) fn add_chain(&mut self, statistics: &Statistics) {
        let large = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.counters.push((
            "chain_flushes",
            "Flushes of the chain database to the disk since the start",
            statistics.flushes,
        ));
        self.gauges.extend([
            (
                "chain_disk_bytes",
                "Disk taken by the chain",
                large(statistics.table_bytes + statistics.blob_bytes),
            ),
            (
                "chain_write_buffer_bytes",
                "Writes to the chain that are not in its tables yet",
                large(statistics.write_buffer_bytes),
            ),
            (
                "chain_pending_compaction_bytes",
                "Bytes of the chain that compaction has yet to rewrite",
                large(statistics.pending_compaction_bytes),
            ),
        ]);
    }

    /// Adds what went to and came from all peers, framing and encryption not counted.
    pub(crate) fn add_traffic(&mut self, peers: &[PeerInfo]) {
        let (mut sent, mut received) = (0, 0);
        for traffic in peers
            .iter()
            .flat_map(|peer| [peer.votes, peer.batches, peer.sync])
        {
            sent += traffic.sent_bytes;
            received += traffic.received_bytes;
        }
        self.counters.extend([
            ("sent_bytes", "Bytes sent to peers since the start", sent),
            (
                "received_bytes",
                "Bytes received from peers since the start",
                received,
            ),
        ]);
    }

    /// Adds what the flight recorder does.
    pub(crate) fn add_recorder(&mut self, recorded: &RecorderStatistics) {
        self.counters.extend([
            (
                "flight_recorder_bytes",
                "Bytes of consensus inputs recorded since the start",
                recorded.written.load(Ordering::Relaxed),
            ),
            (
                "flight_recorder_gaps",
                "Times that something was left out of the recording since the start",
                recorded.gaps.load(Ordering::Relaxed),
            ),
        ]);
        self.gauges.push((
            "flight_recorder_runs",
            "1 if consensus inputs are recorded",
            i64::from(recorded.runs.load(Ordering::Relaxed)),
        ));
    }

    /// The Prometheus text of this reading; every name begins with `quorate_`.
    pub(crate) fn text(&self) -> String {
        let mut registry = Registry::with_prefix("quorate");
        for (name, help, value) in &self.counters {
            registry.register(*name, *help, ConstCounter::new(*value));
        }
        for (name, help, value) in &self.gauges {
            registry.register(*name, *help, ConstGauge::new(*value));
        }
        let mut text = String::new();
        encode(&mut text, &registry).expect("writing into a string does not fail");
        text
    }
}

/// The process's resident memory in bytes, where the system tells.
pub(crate) fn resident_memory() -> i64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|statm| statm.split_whitespace().nth(1)?.parse::<i64>().ok())
        .unwrap_or(0);
    pages.saturating_mul(i64::try_from(rustix::param::page_size()).unwrap_or(4_096))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_prometheus_text() {
        let reading = Reading {
            counters: vec![("transactions", "Transactions executed since genesis", 7)],
            gauges: vec![("height", "The certified height", 42)],
        };
        let text = reading.text();
        assert!(
            text.contains("# TYPE quorate_height gauge\nquorate_height 42\n"),
            "{text}"
        );
        assert!(text.contains("quorate_transactions_total 7\n"), "{text}");
    }
}
