//! What `docs/operations` has for Prometheus and Grafana, against a real network and a real Prometheus.
//!
//! `prometheus` and `promtool` are those in the folder `QUORATE_PROMETHEUS`, those that `scripts/setup --tests` puts
//! into the user's cache, or the system's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::Cluster;
use crate::http::send;
use crate::operations::{listed, parse};
use crate::programs::of_prometheus;
use crate::wait::until;

/// How long Prometheus may take to have read a network a few times.
const PATIENCE: Duration = Duration::from_secs(60);

const DASHBOARD: &str = include_str!("../../docs/operations/dashboard.json");
const ALERTS: &str = include_str!("../../docs/operations/alerts.yaml");

/// What has no answer while all is well, by a part of the question: it shows trouble, or work of a moment.
const QUIET: [&str; 5] = [
    "quorate_peer_up",
    "quorate_evidence_against",
    "quorate_heights_waiting",
    "429|500|503",
    "quorate_webhook_",
];

/// Words of PromQL that are no metrics.
const WORDS: [&str; 7] = ["and", "or", "unless", "bool", "offset", "inf", "nan"];

/// Words of PromQL before a list of labels.
const BEFORE_LABELS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// Labels that Prometheus itself adds.
const OF_PROMETHEUS: [&str; 3] = ["job", "instance", "le"];

/// The expressions of the dashboard with the words that explain their results.
fn questions() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().cloned().unwrap_or_default());
    targets
        .map(|target| {
            let text = |field: &str| target[field].as_str().unwrap().to_owned();
            (text("expr"), text("legendFormat"))
        })
        .collect()
}

/// The expressions of the alerts; `expr: |` has the more indented lines below it.
fn conditions() -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = ALERTS.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(expression) = line.trim().strip_prefix("expr: ") else {
            continue;
        };
        let mut expression = expression.to_owned();
        if expression == "|" {
            expression.clear();
            while let Some(more) = lines.next_if(|next| next.starts_with("          ")) {
                expression += more;
            }
        }
        found.push(expression);
    }
    found
}

/// The metrics and labels that an expression names.
#[derive(Debug, Default, PartialEq, Eq)]
struct Named {
    metrics: BTreeSet<String>,
    labels: BTreeSet<String>,
}

/// A name, or any other character; strings, numbers and ranges of time are left out.
fn words(expression: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => rest[1..].find('"').unwrap() + 2,
            '[' => rest.find(']').unwrap() + 1,
            _ if first.is_ascii_alphanumeric() || "_:$".contains(first) => rest
                .find(|next: char| !(next.is_ascii_alphanumeric() || "_:.$".contains(next)))
                .unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        if !("\"[".contains(first) || first.is_ascii_digit() || first.is_whitespace()) {
            words.push(rest[..length].to_owned());
        }
        rest = &rest[length..];
    }
    words
}

fn named(expression: &str) -> Named {
    let words = words(expression);
    let mut named = Named::default();
    let is_name = |word: &str| word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let mut at = 0;
    while at < words.len() {
        let word = words[at].as_str();
        let next = words.get(at + 1).map_or("", String::as_str);
        let end = match (word, next) {
            ("{", _) => "}",
            (_, "(") if BEFORE_LABELS.contains(&word) => ")",
            _ => "",
        };
        if !end.is_empty() {
            let inside = words[at + 1..].iter().take_while(|word| *word != end);
            named
                .labels
                .extend(inside.clone().filter(|word| is_name(word)).cloned());
            at += 1 + inside.count();
        } else if is_name(word) && next != "(" && !WORDS.contains(&word) && !BEFORE_LABELS.contains(&next) {
            named.metrics.insert(word.to_owned());
        }
        at += 1;
    }
    named
}

#[test]
fn names_of_metrics_and_labels_are_found_in_expressions() {
    let found = named(
        r#"histogram_quantile(0.99, sum by (a, le) (rate(m_bucket{b="x, y", c=~"$z"}[5m]))) / on (d) group_left () n > 5e9"#,
    );
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(
        found,
        Named {
            metrics: set(&["m_bucket", "n"]),
            labels: set(&["a", "b", "c", "d", "le"]),
        }
    );
}

fn promtool(arguments: &[&str], input: &[u8]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut child = Command::new(of_prometheus("promtool"))
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input).unwrap();
    drop(stdin);
    let ran = child.wait_with_output().unwrap();
    let said = [ran.stdout, ran.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(ran.status.success(), "promtool {arguments:?}\n{}", said.concat());
}

#[test]
fn each_alert_fires_on_its_symptom_and_no_other_with_it() {
    promtool(&["check", "config", "docs/operations/prometheus.yaml"], b"");
    promtool(&["check", "rules", "docs/operations/alerts.yaml"], b"");
    promtool(&["test", "rules", "tests/monitoring/alerts.yaml"], b"");
    let tests = include_str!("../monitoring/alerts.yaml");
    let names = ALERTS
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    for name in names {
        assert!(
            tests.contains(&format!("alertname=\"{name}\"")),
            "{name} is not tested"
        );
    }
}

/// The port of a validator's operations listener.
fn operations(cluster: &Cluster, number: u16) -> u16 {
    cluster.ports.api + 100 + number - 1
}

#[test]
fn what_the_dashboard_and_the_alerts_ask_for_is_what_nodes_serve() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    let answer = send(operations(&cluster, 1), "GET", "/metrics", "text/plain", b"");
    promtool(&["check", "metrics"], &answer.body);
    let served = parse(&String::from_utf8(answer.body).unwrap());
    // Labels of what has no sample just now are those of the page, which another test compares with the node.
    let listed = listed();
    let dashboard = questions().into_iter().map(|(expression, _)| expression);
    let expressions: Vec<String> = dashboard.chain(conditions()).collect();
    assert!(expressions.len() > 70, "{}", expressions.len());
    let mut asked = BTreeSet::new();
    for expression in expressions {
        let named = named(&expression);
        assert!(!named.metrics.is_empty(), "{expression}");
        let mut labels: BTreeSet<String> = OF_PROMETHEUS.iter().map(|&label| label.to_owned()).collect();
        for metric in named.metrics.iter().filter(|metric| *metric != "up") {
            let ends = ["_bucket", "_sum", "_count"];
            let family = ends.iter().find_map(|end| {
                let family = metric.strip_suffix(end)?;
                (listed.get(family)?.0 == "histogram").then_some(family)
            });
            let family = family.unwrap_or(metric);
            assert!(served.contains_key(family), "{family} in {expression}");
            let (kind, has) = &listed[family];
            assert_eq!(kind == "histogram", family != metric, "{expression}");
            labels.extend(has.iter().cloned());
            asked.insert(family.to_owned());
        }
        let unknown: Vec<_> = named.labels.difference(&labels).collect();
        assert!(unknown.is_empty(), "{unknown:?} in {expression}");
    }
    let unasked = served.keys().filter(|name| !asked.contains(*name));
    let unasked: Vec<_> = unasked.collect();
    // Former names of what is asked for.
    assert_eq!(unasked, ["quorate_is_primary", "quorate_view"]);
}

/// A Prometheus that watches a network as the example says, every second.
struct Prometheus {
    child: Child,
    port: u16,
}

impl Prometheus {
    fn watching(cluster: &Cluster) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let example = fs::read_to_string(root.join("docs/operations/prometheus.yaml")).unwrap();
        let mut config = example.replace(" 10s", " 1s").replace(
            "- alerts.yaml",
            &format!("- {}", root.join("docs/operations/alerts.yaml").display()),
        );
        for number in 1..=4 {
            let (old, new) = (8_199 + number, operations(cluster, number));
            assert!(config.contains(&format!("127.0.0.1:{old}\"")), "{config}");
            config = config.replace(&format!("127.0.0.1:{old}\""), &format!("127.0.0.1:{new}\""));
        }
        let folder = cluster.folder().join("prometheus");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("prometheus.yaml"), config).unwrap();
        let log = fs::File::create(folder.join("log")).unwrap();
        let port = cluster.ports.spare();
        let child = Command::new(of_prometheus("prometheus"))
            .arg("--config.file=prometheus.yaml")
            .arg("--storage.tsdb.path=data")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut prometheus = Self { child, port };
        until("Prometheus is ready", PATIENCE, || {
            let ended = prometheus.child.try_wait().unwrap();
            let log = || fs::read_to_string(folder.join("log")).unwrap();
            assert_eq!(ended, None, "Prometheus has ended: {}", log());
            let answer = prometheus.get("/-/ready")?;
            answer.starts_with("HTTP/1.0 200").then_some(())
        });
        prometheus
    }

    /// The whole answer to a call; none while nothing listens. HTTP/1.0, so that the body comes in one piece.
    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    fn data(&self, path: &str) -> Value {
        let answer = self.get(path).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.0 200"), "{path}\n{answer}");
        let answer: Value = serde_json::from_str(body).unwrap();
        assert_eq!(answer["status"], "success", "{path}");
        answer["data"].clone()
    }

    /// The series that an expression of the dashboard gives, with the variables as a person would choose them.
    fn ask(&self, expression: &str) -> Vec<BTreeMap<String, String>> {
        let expression = expression
            .replace("$job", "quorate")
            .replace("$instance", ".*")
            .replace("$__rate_interval", "10s");
        let escaped = expression.bytes().map(|byte| format!("%{byte:02X}"));
        let path = format!("/api/v1/query?query={}", escaped.collect::<String>());
        let data = self.data(&path);
        assert_eq!(data["resultType"], "vector", "{expression}");
        let result = data["result"].as_array().unwrap().iter();
        result
            .map(|series| serde_json::from_value(series["metric"].clone()).unwrap())
            .collect()
    }

    /// Names and states of the alerts that are not at rest.
    fn alerts(&self) -> BTreeSet<(String, String)> {
        let data = self.data("/api/v1/alerts");
        let alerts = data["alerts"].as_array().unwrap().iter();
        alerts
            .map(|alert| {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                (text(&alert["labels"]["alertname"]), text(&alert["state"]))
            })
            .collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn prometheus_answers_every_question_of_the_dashboard_and_sees_a_node_end() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let prometheus = Prometheus::watching(&cluster);
    let questions = questions();
    let mut unanswered = Vec::new();
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        cluster.pay(&alice, "1");
        unanswered.clear();
        for (question, legend) in &questions {
            let series = prometheus.ask(question);
            if series.is_empty() && !QUIET.iter().any(|quiet| question.contains(quiet)) {
                unanswered.push(question);
            }
            let labels = legend
                .split("{{")
                .skip(1)
                .map(|rest| rest.split("}}").next().unwrap());
            for label in labels {
                let has = series.iter().all(|series| series.contains_key(label));
                assert!(has, "{question} has no {label}: {series:?}");
            }
        }
        if unanswered.is_empty() {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{unanswered:#?}");
    }

    let rules = prometheus.data("/api/v1/rules");
    let rules = rules["groups"][0]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), conditions().len());
    until("every rule was evaluated", PATIENCE, || {
        let rules = prometheus.data("/api/v1/rules");
        let mut rules = rules["groups"][0]["rules"].as_array().unwrap().iter();
        rules.all(|rule| rule["health"] == "ok").then_some(())
    });
    // How much this machine's disk has left is no matter of the network.
    let mut alerts = prometheus.alerts();
    alerts.retain(|(name, _)| name != "QuorateDiskNearlyFull");
    let firing = alerts.iter().filter(|(_, state)| state == "firing");
    assert_eq!(firing.count(), 0, "{alerts:?}");

    cluster.expect(0, &["localnet", "kill", "validator-4"]);
    until("the alerts see it", PATIENCE, || {
        let alerts = prometheus.alerts();
        let seen = |name: &str| alerts.contains(&(name.to_owned(), "pending".to_owned()));
        (seen("QuorateDown") && seen("QuoratePeerDown")).then_some(())
    });
    // Each of the others has noticed it when its next reading has.
    until("the three others have no link to it", PATIENCE, || {
        let down = prometheus.ask("quorate_peer_up == 0");
        let all = down.iter().all(|series| series["peer"] == "validator-4");
        (all && down.len() == 3).then_some(())
    });
}
