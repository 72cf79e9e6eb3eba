//! The operations listener of a running node: what it measures is what Prometheus reads and what the page says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::Cluster;
use crate::cluster::PATIENCE;
use crate::http::send;
use crate::wait::until;

const PAGE: &str = include_str!("../../docs/operations.md");

/// A metric's name, type and labels, `le` left out.
pub(crate) type Families = BTreeMap<String, (String, BTreeSet<String>)>;

/// One family of an exposition, and its samples: name, labels, value.
#[derive(Default)]
pub(crate) struct Family {
    kind: String,
    pub(crate) samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// Labels between braces, as the format has them: `name="value"`, with `\\`, `\"` and `\n` in values.
fn labels(text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"").unwrap();
        assert!(is_name(name), "{text}");
        let mut unescaped = String::new();
        let mut letters = value.char_indices();
        let end = loop {
            match letters.next().unwrap() {
                (end, '"') => break end,
                (_, '\\') => match letters.next().unwrap().1 {
                    'n' => unescaped.push('\n'),
                    letter @ ('\\' | '"') => unescaped.push(letter),
                    letter => panic!("\\{letter} in {text}"),
                },
                (_, letter) => unescaped.push(letter),
            }
        };
        assert_eq!(labels.insert(name.to_owned(), unescaped), None, "{text}");
        rest = &value[end + 1..];
        if let Some(more) = rest.strip_prefix(',') {
            assert!(!more.is_empty(), "{text}");
            rest = more;
        } else {
            assert!(rest.is_empty(), "{text}");
        }
    }
    labels
}

/// Reads an exposition as strictly as its format allows: one group of lines a family, help before type before
/// samples, no name and no series twice.
pub(crate) fn parse(text: &str) -> BTreeMap<String, Family> {
    assert!(text.ends_with('\n'));
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let (mut current, mut series) = (String::new(), BTreeSet::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap();
            assert!(is_name(name) && !help.trim().is_empty(), "{line}");
            let kind = lines.next().unwrap();
            let kind = kind.strip_prefix(&format!("# TYPE {name} ")).unwrap_or_else(|| {
                panic!("{kind} after {line}");
            });
            assert!(
                ["counter", "gauge", "histogram"].contains(&kind),
                "{name}: {kind}"
            );
            let family = Family {
                kind: kind.to_owned(),
                samples: Vec::new(),
            };
            assert!(
                families.insert(name.to_owned(), family).is_none(),
                "{name} is there twice"
            );
            name.clone_into(&mut current);
            continue;
        }
        assert!(series.insert(line.rsplit_once(' ').unwrap().0), "{line}: twice");
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let (name, braces) = match sample.split_once('{') {
            Some((name, rest)) => (name, rest.strip_suffix('}').unwrap()),
            None => (sample, ""),
        };
        assert!(!braces.is_empty() || !sample.contains('{'), "{line}");
        let family = families.get_mut(&current).unwrap();
        let fits = match family.kind.as_str() {
            "histogram" => ["_bucket", "_sum", "_count"].map(|end| format!("{current}{end}")),
            _ => [current.clone(), String::new(), String::new()],
        };
        assert!(fits.iter().any(|fitting| fitting == name), "{line} in {current}");
        let value: f64 = value.parse().unwrap();
        assert!(value.is_finite() && value >= 0.0, "{line}");
        family.samples.push((name.to_owned(), labels(braces), value));
    }
    families
}

/// What Prometheus takes for granted of a histogram: buckets that grow, the last of them the count.
fn check_histogram(name: &str, family: &Family) {
    let mut groups: BTreeMap<BTreeMap<String, String>, Vec<(f64, f64)>> = BTreeMap::new();
    let mut counts = BTreeMap::new();
    for (sample, labels, value) in &family.samples {
        let mut labels = labels.clone();
        let bound = labels.remove("le");
        if sample.ends_with("_bucket") {
            let bound: f64 = bound.unwrap().parse().unwrap();
            groups.entry(labels).or_default().push((bound, *value));
        } else if sample.ends_with("_count") {
            counts.insert(labels, *value);
        }
    }
    assert_eq!(groups.len(), counts.len(), "{name}");
    for (labels, buckets) in groups {
        let grows = |pair: &[(f64, f64)]| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1;
        assert!(buckets.windows(2).all(grows), "{name} {labels:?}: {buckets:?}");
        let last = buckets.last().unwrap();
        assert_eq!(*last, (f64::INFINITY, counts[&labels]), "{name} {labels:?}");
    }
}

/// The page's tables of metrics.
pub(crate) fn listed() -> Families {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    let quoted = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    rows.filter(|cells| cells[0].starts_with("quorate_") || cells[0].starts_with("process_"))
        .map(|cells| {
            let name = cells[0].trim_end_matches('`').to_owned();
            (name, (cells[1].to_owned(), quoted(cells[2])))
        })
        .collect()
}

#[test]
fn what_a_node_measures_is_what_prometheus_reads_and_what_the_page_says() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.common_tip();
    let status = cluster.expect(0, &["localnet", "status"]).json();
    let ops = status["validators"][0]["ops"].as_str().unwrap();
    let port: u16 = ops.rsplit(':').next().unwrap().parse().unwrap();
    let missing = send(port, "GET", "/nothing", "text/plain", b"");
    assert_eq!(missing.status, Some(404));

    // Round trips are measured a while after the links are up.
    let families = until("all is measured", PATIENCE, || {
        let answer = send(port, "GET", "/metrics", "text/plain", b"");
        assert_eq!(answer.status, Some(200));
        let families = parse(&String::from_utf8(answer.body).unwrap());
        (families["quorate_peer_round_trip_seconds"].samples.len() == 3).then_some(families)
    });
    let mut found = Families::new();
    for (name, family) in &families {
        let total = name.ends_with("_total");
        assert_eq!(family.kind == "counter", total, "{name} is a {}", family.kind);
        if family.kind == "histogram" {
            check_histogram(name, family);
        }
        let labels = family.samples.iter().flat_map(|(_, labels, _)| labels.keys());
        let labels: BTreeSet<String> = labels.filter(|label| *label != "le").cloned().collect();
        found.insert(name.clone(), (family.kind.clone(), labels));
    }
    let listed = listed();
    let names = |families: &Families| families.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&listed));
    for (name, (kind, labels)) in found {
        assert_eq!(kind, listed[&name].0, "{name}");
        // One that has no sample just now tells of no labels.
        if !families[&name].samples.is_empty() {
            assert_eq!(labels, listed[&name].1, "{name}");
        }
    }

    let value = |name: &str, labels: &[(&str, &str)]| {
        let samples = families[name.trim_end_matches("_count")].samples.iter();
        let mut fitting = samples.filter(|(sample, has, _)| {
            let fits = |(label, value): &(&str, &str)| has.get(*label).is_some_and(|found| found == value);
            sample == name && labels.iter().all(fits)
        });
        fitting.next().map(|(_, _, value)| *value)
    };
    assert!(value("quorate_height", &[]).unwrap() >= 1.0);
    assert_eq!(value("quorate_votes", &[]), Some(1.0));
    assert_eq!(value("quorate_peer_up", &[("peer", "validator-2")]), Some(1.0));
    let votes = [("peer", "validator-3"), ("channel", "votes")];
    assert!(value("quorate_received_messages_total", &votes).unwrap() > 0.0);
    let missing = [("route", "other"), ("code", "404")];
    assert!(value("quorate_http_requests_total", &missing).unwrap() >= 1.0);
    for histogram in [
        "quorate_decision_latency_seconds_count",
        "quorate_certificate_latency_seconds_count",
        "quorate_journal_flush_duration_seconds_count",
        "quorate_chain_flush_duration_seconds_count",
    ] {
        assert!(value(histogram, &[]).unwrap() > 0.0, "{histogram}");
    }
}

#[test]
fn after_a_restart_of_an_idle_network_a_node_knows_who_sealed_and_says_that_it_asks() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    let height = cluster.common_tip().height;
    cluster.expect(
        0,
        &["localnet", "pause", "validator-2", "validator-3", "validator-4"],
    );
    // Nobody tells it what it signed, so it does not come to be ready.
    cluster.run(&["localnet", "kill", "validator-1"]);
    cluster.run(&["localnet", "restart", "validator-1"]);
    let ask = |what: &str| {
        let node = cluster.api(1);
        let answer = cluster.run(&["query", what, "--node", &node]);
        (answer.code == Some(0)).then(|| answer.json())
    };
    let status = until("it answers", PATIENCE, || ask("status"));
    assert_eq!(status["height"], height);
    assert_eq!(
        status["asking"],
        serde_json::json!(["validator-2", "validator-3", "validator-4"])
    );
    let validators = ask("validators").unwrap()["validators"].clone();
    let validators = validators.as_array().unwrap();
    assert_eq!(validators[0]["voting"], "asking");
    let sealed = validators
        .iter()
        .filter(|validator| validator["last_seal"] == height);
    assert!(sealed.count() >= 3, "{validators:?}");
    let node = cluster.api(1);
    let text = cluster.run(&["--output", "text", "query", "status", "--node", &node]);
    assert!(
        text.stdout.contains("asking: it has just started"),
        "{}",
        text.stdout
    );

    cluster.expect(
        0,
        &["localnet", "resume", "validator-2", "validator-3", "validator-4"],
    );
    until("it votes", PATIENCE, || {
        let asking = ask("status")?["asking"].clone();
        (asking == serde_json::json!([])).then_some(())
    });
    until("all have told", PATIENCE, || {
        let validators = ask("validators")?["validators"].clone();
        let votes = |validator: &serde_json::Value| validator["voting"] == "yes";
        validators.as_array()?.iter().all(votes).then_some(())
    });
}

#[test]
fn whoever_waits_for_an_outcome_is_told_after_a_while_that_a_quorum_cannot_be_reached() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let told = |times: usize, parts: &[&str]| {
        let log = cluster.dir().join("validator-1/node.log");
        until(&format!("the log has {parts:?}"), PATIENCE, || {
            let log = fs::read_to_string(&log).unwrap();
            let lines = log.lines();
            let found = lines.filter(|line| parts.iter().all(|part| line.contains(*part)));
            (found.count() >= times).then_some(())
        });
    };
    // It is told of changes alone, and looks once a second.
    told(1, &["INFO", "enough validators are linked for a quorum"]);
    cluster.expect(0, &["localnet", "kill", "validator-3", "validator-4"]);
    let unpaid = cluster.transfer(&alice, "1", &["--timeout", "12"]);
    assert_eq!(unpaid.code, Some(5), "{}", unpaid.stderr);
    let why = "reaches 2 of 4 validators that vote, itself included, and a quorum needs 3; missing: validator-3, \
               validator-4";
    let (first, last) = unpaid.stderr.split_once("error:").unwrap();
    assert!(
        first.contains("not committed yet") && first.contains(why),
        "{first}"
    );
    assert!(last.contains(why), "{last}");
    // O8: the log of who is left tells it too, by names, and when it is over.
    for away in ["peer=validator-3", "peer=validator-4"] {
        told(1, &["INFO", "link down", away, "reason="]);
    }
    let few = "too few validators can be reached for a quorum";
    told(1, &["WARN", few, "needed=3", "validator-3, validator-4"]);
    told(1, &["WARN", "stalled", "height=", "awaited="]);
    // What was sent is not lost.
    cluster.expect(0, &["localnet", "up", "--detach"]);
    cluster.pay(&alice, "1");
    for back in ["peer=validator-3", "peer=validator-4"] {
        told(2, &["INFO", "link up", back, "address="]);
    }
    told(1, &["INFO", "moving again", "stalled_ms="]);
    told(2, &["INFO", "enough validators are linked for a quorum"]);
    cluster.common_tip();
    assert_eq!(cluster.balance(1, &alice), 200);
}
