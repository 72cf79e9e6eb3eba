//! Everything that a node measures, read from its sources when asked for. `docs/operations.md` says what each
//! metric tells; a test compares the two.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use quorate_client::schema::{Webhook, WebhookState};
use quorate_crypto::ValidatorIndex;
use quorate_network::PeerInfo;
use quorate_storage::Statistics;

use crate::diagnosis::free_bytes;
use crate::metrics::{Labels, Reading};
use crate::node::RunningNode;
use crate::{evidence, logging, process};

fn number(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

fn of_validator(name: String) -> Labels {
    vec![("validator", name)]
}

impl RunningNode {
    /// All metrics, as text.
    pub(crate) fn measure(&self) -> String {
        let mut reading = Reading::default();
        self.measure_agreement(&mut reading);
        self.measure_votes(&mut reading);
        self.measure_evidence(&mut reading);
        self.measure_chain(&mut reading);
        self.measure_work(&mut reading);
        measure_peers(&mut reading, &self.links.handle().peers());
        self.measure_http(&mut reading);
        measure_webhooks(&mut reading, &self.webhooks.list(self.committed.height()));
        self.measure_recorder(&mut reading);
        self.measure_self_check(&mut reading);
        self.measure_process(&mut reading);
        reading.text()
    }

    fn measure_agreement(&self, reading: &mut Reading) {
        let standing = self.standing.get();
        let leader = standing.begun.then_some(standing.leader);
        let committee = self.committee();
        reading.gauge(
            "quorate_epoch",
            "The epoch that is under way",
            committee.epoch().0,
        );
        reading.gauge(
            "quorate_reign",
            "The view, term or ballot round; an observer follows none",
            standing.reign,
        );
        reading.gauge(
            "quorate_view",
            "The same as quorate_reign, under its former name",
            standing.reign,
        );
        reading.gauge(
            "quorate_reign_begun",
            "1 if the reign has begun here",
            u64::from(standing.begun),
        );
        reading.counter(
            "quorate_reigns_left_total",
            "Views, terms or ballots that this validator has left since the start",
            self.standing.reigns_left(),
        );
        reading.gauges(
            "quorate_leader",
            "1 for the validator that leads the reign, once that has begun here",
            committee.indices().map(|index| {
                let leads = Some(index) == leader;
                (of_validator(self.name(index)), u64::from(leads))
            }),
        );
        reading.gauge(
            "quorate_is_primary",
            "1 if this node leads a reign that has begun here",
            u64::from(leader.is_some() && leader == self.own()),
        );
        reading.gauge(
            "quorate_window_heights",
            "Heights above the certified one that may be in flight",
            self.epoch.get().now.parameters.v1().window.into(),
        );
        reading.gauge(
            "quorate_heights_in_flight",
            "Heights above the certified one that wait for something",
            number(standing.waiting.len()),
        );
        let mut awaited: BTreeMap<&str, u64> = BTreeMap::new();
        for waiting in &standing.waiting {
            *awaited.entry(waiting.awaited.name()).or_default() += 1;
        }
        reading.gauges(
            "quorate_heights_waiting",
            "The same by the first thing that each lacks",
            awaited
                .into_iter()
                .map(|(awaits, heights)| (vec![("for", awaits.to_owned())], heights)),
        );
        reading.counter(
            "quorate_rejected_inputs_total",
            "Messages that the engine refused since the start, copies not counted",
            self.standing.rejections(),
        );
        let [decided, certified] = self.committed.latencies();
        reading.durations(
            "quorate_decision_latency_seconds",
            "From the time that the leader gave a proposal with batches to its decision here, by both clocks",
            decided,
        );
        reading.durations(
            "quorate_certificate_latency_seconds",
            "From the time that the leader gave a block with transactions to its certificate here, by both clocks",
            certified,
        );
    }

    /// Who votes, as far as this node knows.
    fn measure_votes(&self, reading: &mut Reading) {
        let standing = self.standing.get();
        let silenced = self.own_silence().is_some();
        let committee = self.committee();
        let observing = self.observing();
        reading.gauge(
            "quorate_votes",
            "1 if this validator votes",
            u64::from(self.own().is_some() && !silenced && standing.unanswered.is_empty()),
        );
        reading.gauge(
            "quorate_asking",
            "1 while this validator, just started, asks the others what it signed before, and does not vote yet",
            u64::from(!standing.unanswered.is_empty()),
        );
        reading.gauge(
            "quorate_quarantined",
            "1 if this validator does not vote until its member lets it rejoin",
            u64::from(silenced && !standing.diverged),
        );
        reading.gauge(
            "quorate_diverged",
            "1 if a quorum sealed another block than was executed here",
            u64::from(standing.diverged),
        );
        reading.gauge(
            "quorate_validators",
            "Validators in the committee",
            number(committee.size()),
        );
        reading.gauge(
            "quorate_quorum",
            "Validators that a certificate needs",
            number(committee.quorum()),
        );
        reading.gauges(
            "quorate_validator_votes",
            "0 for a validator that says that it follows the chain and does not vote",
            committee.indices().map(|index| {
                let votes = !observing.contains(&index);
                (of_validator(self.name(index)), u64::from(votes))
            }),
        );
        reading.gauge(
            "quorate_validators_without_vote",
            "Validators that say that they follow the chain and do not vote",
            number(observing.len()),
        );
        reading.gauge(
            "quorate_quorum_left",
            "0 if so many validators do not vote that the others are no quorum: nothing can be committed",
            u64::from(self.no_quorum_left().is_none()),
        );
        let seals = self.committed.last_seals();
        let sealed = |index: ValidatorIndex| {
            let height = seals.get(&committee.seat(index)?.seat)?;
            Some((of_validator(self.name(index)), height.0))
        };
        reading.gauges(
            "quorate_validator_sealed_height",
            "The last height that the validator is known to have sealed",
            committee.indices().filter_map(sealed),
        );
    }

    fn measure_evidence(&self, reading: &mut Reading) {
        let standing = self.standing.get();
        reading.gauge(
            "quorate_evidence",
            "Pairs of signed messages that contradict each other",
            number(standing.evidence.len()),
        );
        let mut accused: BTreeMap<(String, &'static str), u64> = BTreeMap::new();
        for evidence in &standing.evidence {
            let key = (self.name(evidence.validator), evidence::kind(evidence));
            *accused.entry(key).or_default() += 1;
        }
        reading.gauges(
            "quorate_evidence_against",
            "The same, by the validator that signed them and by what they are",
            accused.into_iter().map(|((validator, kind), pairs)| {
                let kind = vec![("kind", kind.to_owned())];
                ([of_validator(validator), kind].concat(), pairs)
            }),
        );
    }

    fn measure_chain(&self, reading: &mut Reading) {
        let tip = self.chain.tip();
        reading.gauge("quorate_height", "The certified height", tip.height.0);
        reading.times(
            "quorate_certified_timestamp_seconds",
            "Time of the last certified block, since 1970",
            [(Vec::new(), tip.timestamp.0.saturating_mul(1_000))],
        );
        reading.counter(
            "quorate_transactions_total",
            "Transactions executed since genesis",
            self.committed.transactions(),
        );
        reading.gauge(
            "quorate_syncing",
            "1 while blocks are fetched",
            u64::from(self.sync.is_running()),
        );
        let statistics = self.chain.statistics().inspect_err(|error| {
            tracing::warn!(%error, "the chain database cannot be measured");
        });
        if let Ok(statistics) = statistics {
            measure_database(reading, &statistics);
        }
        let flushes = self.journal.flushes();
        reading.counter(
            "quorate_journal_flushes_total",
            "Flushes of the journal to the disk since the start",
            flushes.count,
        );
        reading.durations(
            "quorate_journal_flush_duration_seconds",
            "How long a flush of the journal took",
            flushes,
        );
        if let Some(free) = free_bytes(self.home.path()) {
            reading.gauge(
                "quorate_disk_free_bytes",
                "Bytes free on the disk of the home",
                free,
            );
        }
    }

    fn measure_work(&self, reading: &mut Reading) {
        reading.gauge(
            "quorate_pending_transactions",
            "Transactions in the pool",
            number(self.pool.len()),
        );
        reading.gauge(
            "quorate_missing_texts",
            "Texts of executed transactions that are known to be missing here",
            self.sync.missing_texts(),
        );
        reading.gauge(
            "quorate_unordered_batches",
            "Batches here that are in no certified block",
            number(self.batches.len()),
        );
        reading.gauge(
            "quorate_own_batches_under_way",
            "Of these, packed here",
            number(self.own.len()),
        );
        reading.counter(
            "quorate_batches_written_total",
            "Batches written since the start",
            self.batches.writes_begun().0,
        );
    }

    fn measure_http(&self, reading: &mut Reading) {
        let routes = self.answered.read();
        let of = |route: &str| vec![("route", route.to_owned())];
        let by_code = routes.iter().flat_map(|route| {
            let codes = route.codes.iter();
            codes.map(|(code, count)| {
                let code = vec![("code", code.to_string())];
                ([of(&route.route), code].concat(), *count)
            })
        });
        reading.counters(
            "quorate_http_requests_total",
            "Requests answered by both listeners since the start, by the template of their path and by status code",
            by_code,
        );
        reading.durations_by(
            "quorate_http_request_duration_seconds",
            "How long it took until the head of an answer was ready, waits that the client asked for included",
            routes.iter().map(|route| (of(&route.route), route.took)),
        );
    }

    fn measure_recorder(&self, reading: &mut Reading) {
        reading.gauge(
            "quorate_flight_recorder_runs",
            "1 if consensus inputs are recorded",
            u64::from(self.recorded.runs.load(Ordering::Relaxed)),
        );
        reading.counter(
            "quorate_flight_recorder_bytes_total",
            "Bytes of consensus inputs recorded since the start",
            self.recorded.written.load(Ordering::Relaxed),
        );
        reading.counter(
            "quorate_flight_recorder_gaps_total",
            "Times that something was left out of the recording since the start",
            self.recorded.gaps.load(Ordering::Relaxed),
        );
    }

    fn measure_self_check(&self, reading: &mut Reading) {
        let checked = &self.self_checked;
        reading.gauge(
            "quorate_self_check_damages",
            "Places where the chain on this node's disk is damaged, as far as the self-check has found out",
            number(checked.damages().len()),
        );
        reading.counter(
            "quorate_self_check_bytes_total",
            "Bytes of the chain that the self-check has read since the start",
            checked.bytes(),
        );
        reading.counter(
            "quorate_self_check_passes_total",
            "Times that the self-check has looked at all of the chain since the start",
            checked.passes(),
        );
        reading.times(
            "quorate_self_check_last_pass_timestamp_seconds",
            "When it last had looked at all of the chain, since 1970; 0 if it never has",
            [(Vec::new(), checked.ended_ms().saturating_mul(1_000))],
        );
    }

    fn measure_process(&self, reading: &mut Reading) {
        let (dropped, limited) = logging::left_out();
        let why = |reason: &str| vec![("reason", reason.to_owned())];
        reading.counters(
            "quorate_log_lines_left_out_total",
            "Lines of the log left out since the start: its reader was stuck, or there were too many of a kind",
            [(why("reader"), dropped), (why("kind"), limited)],
        );
        let labels = vec![
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("protocol", self.committee().engine().to_string()),
            (
                "validator",
                self.own().map_or_else(String::new, |index| self.name(index)),
            ),
        ];
        reading.gauges(
            "quorate_build_info",
            "1, with the version of the program, what it agrees by, and which validator it is",
            [(labels, 1)],
        );
        if let Some(us) = process::cpu_us() {
            let help = "Processor time that the process has taken";
            reading.time("process_cpu_seconds_total", help, us);
        }
        if let Some(us) = process::started_us() {
            let help = "When the process started, since 1970";
            reading.times("process_start_time_seconds", help, [(Vec::new(), us)]);
        }
        let gauges = [
            (
                "process_resident_memory_bytes",
                "Resident memory of the process",
                process::resident_bytes(),
            ),
            (
                "process_open_fds",
                "Files and sockets that the process has open",
                process::open_files(),
            ),
            (
                "process_max_fds",
                "Files and sockets that it may have open",
                process::max_files(),
            ),
            ("process_threads", "Threads of the process", process::threads()),
        ];
        for (name, help, value) in gauges {
            if let Some(value) = value {
                reading.gauge(name, help, value);
            }
        }
    }
}

/// The webhooks, and how far each has come.
fn measure_webhooks(reading: &mut Reading, webhooks: &[Webhook]) {
    let each = |value: fn(&Webhook) -> u64| {
        let all = webhooks.iter();
        all.map(move |webhook| (vec![("webhook", webhook.name.clone())], value(webhook)))
    };
    reading.gauges(
        "quorate_webhook_posts",
        "1 if the webhook posts what comes, and was not turned off by its receiver or kept from its work",
        each(|webhook| {
            let stands = [WebhookState::Disabled, WebhookState::Unusable].contains(&webhook.state);
            u64::from(!stands)
        }),
    );
    reading.gauges(
        "quorate_webhook_blocks_behind",
        "Certified blocks that the webhook has not gone through",
        each(|webhook| webhook.behind),
    );
    reading.counters(
        "quorate_webhook_delivered_total",
        "Events that the webhook's receiver has taken since the start",
        each(|webhook| webhook.delivered),
    );
    reading.counters(
        "quorate_webhook_failed_attempts_total",
        "Attempts that failed since the start",
        each(|webhook| webhook.failed),
    );
    reading.gauges(
        "quorate_webhook_dead_letters",
        "Events that the webhook has given up, kept over restarts",
        each(|webhook| webhook.dead),
    );
}

fn measure_database(reading: &mut Reading, statistics: &Statistics) {
    reading.counter(
        "quorate_chain_flushes_total",
        "Flushes of the chain database to the disk since the start",
        statistics.flushes.count,
    );
    reading.durations(
        "quorate_chain_flush_duration_seconds",
        "How long a flush of the chain database took",
        statistics.flushes,
    );
    reading.gauge(
        "quorate_chain_disk_bytes",
        "Disk taken by the chain",
        statistics.table_bytes + statistics.blob_bytes,
    );
    reading.gauge(
        "quorate_chain_write_buffer_bytes",
        "Writes to the chain that are not in its tables yet",
        statistics.write_buffer_bytes,
    );
    reading.gauge(
        "quorate_chain_pending_compaction_bytes",
        "Bytes of the chain that compaction has yet to rewrite",
        statistics.pending_compaction_bytes,
    );
}

/// The links to all peers, and what went over them, framing and encryption not counted.
fn measure_peers(reading: &mut Reading, peers: &[PeerInfo]) {
    let label = |peer: &PeerInfo| vec![("peer", peer.name.clone())];
    let all: Vec<_> = peers
        .iter()
        .flat_map(|peer| {
            let channels = [
                ("votes", peer.votes),
                ("batches", peer.batches),
                ("sync", peer.sync),
            ];
            channels.map(|(channel, traffic)| {
                let labels = [label(peer), vec![("channel", channel.to_owned())]].concat();
                (labels, traffic)
            })
        })
        .collect();
    let each = |value: fn(&quorate_network::Traffic) -> u64| {
        let all = all.iter();
        all.map(move |(labels, traffic)| (labels.clone(), value(traffic)))
    };
    let connected = peers.iter().filter(|peer| peer.connected());
    reading.gauge("quorate_peers", "Connected validators", number(connected.count()));
    reading.gauges(
        "quorate_peer_up",
        "1 if there is a link to the peer",
        peers
            .iter()
            .map(|peer| (label(peer), u64::from(peer.connected()))),
    );
    reading.gauges(
        "quorate_peer_key_doubled",
        "1 if two processes have used the peer's node key at once in the last five minutes",
        peers
            .iter()
            .map(|peer| (label(peer), u64::from(peer.key_doubled))),
    );
    reading.gauges(
        "quorate_own_key_doubled",
        "1 if the peer has written to another process with this node's key in the last five minutes",
        peers
            .iter()
            .map(|peer| (label(peer), u64::from(peer.own_key_doubled))),
    );
    reading.times(
        "quorate_peer_round_trip_seconds",
        "The last round trip to the peer",
        peers.iter().filter_map(|peer| {
            let us = u64::try_from(peer.rtt?.as_micros()).unwrap_or(u64::MAX);
            Some((label(peer), us))
        }),
    );
    reading.counters(
        "quorate_sent_bytes_total",
        "Bytes sent to the peer since the start",
        each(|traffic| traffic.sent_bytes),
    );
    reading.counters(
        "quorate_received_bytes_total",
        "Bytes received from the peer since the start",
        each(|traffic| traffic.received_bytes),
    );
    reading.counters(
        "quorate_sent_messages_total",
        "Messages sent to the peer since the start",
        each(|traffic| traffic.sent),
    );
    reading.counters(
        "quorate_received_messages_total",
        "Messages received from the peer since the start",
        each(|traffic| traffic.received),
    );
    reading.counters(
        "quorate_dropped_messages_total",
        "Messages to the peer that were dropped since the start, as its queue was full",
        each(|traffic| traffic.dropped),
    );
    reading.gauges(
        "quorate_queued_messages",
        "Messages to the peer that wait to be sent",
        each(|traffic| traffic.queued),
    );
    reading.gauges(
        "quorate_queued_bytes",
        "Their bytes",
        each(|traffic| traffic.queued_bytes),
    );
}
