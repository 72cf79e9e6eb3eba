//! Two processes of one validator at once, as when a pod is moved: the others link to the later one. When that ends,
//! every pair must be linked again, and both ends must agree on it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Cluster;
use crate::cluster::{PATIENCE, command};
use crate::http::call;
use crate::wait::until;

const NAME: &str = "validator-4";

/// How soon every pair must be linked again.
const HEALED: Duration = Duration::from_secs(10);

/// How long both processes run.
const OVERLAP: Duration = Duration::from_secs(2);

/// The later process.
struct Second {
    process: Child,
    log: PathBuf,
}

impl Second {
    fn start(home: &Path) -> Self {
        let log = home.join("node.log");
        let file = File::create(&log).unwrap();
        let process = command()
            .args(["node", "run", "--home"])
            .arg(home)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { process, log }
    }

    /// How many links it has had.
    fn links(&self) -> usize {
        let log = fs::read_to_string(&self.log).unwrap();
        log.matches("link up").count()
    }

    /// Ends it as a supervisor does.
    #[track_caller]
    fn end(mut self) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.unwrap().success());
        until("the copy has ended", PATIENCE, || {
            self.process.try_wait().unwrap()
        });
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A copy of a stopped validator's home, whose process would listen at other ports.
fn copied(cluster: &Cluster) -> PathBuf {
    let copy = cluster.folder().join("copy");
    let copied = Command::new("cp")
        .arg("-a")
        .arg(cluster.dir().join(NAME))
        .arg(&copy)
        .status();
    assert!(copied.unwrap().success());
    let config = copy.join("config.toml");
    let mut text = fs::read_to_string(&config).unwrap();
    let (api, p2p) = (cluster.ports.api, cluster.ports.p2p);
    for port in [api, api + 100, p2p] {
        let (own, other) = (format!("{}\"", port + 3), format!("{}\"", port + 8));
        assert!(text.contains(&own), "{text}");
        text = text.replace(&own, &other);
    }
    fs::write(config, text).unwrap();
    copy
}

#[track_caller]
fn all_are_linked(cluster: &Cluster, within: Duration) {
    until("every pair is linked", within, || {
        let is_linked = |node| {
            let status = call(node, "GET", "/v1/status", &[], Duration::from_secs(2));
            status.is_some_and(|status| status.json()["peers"] == 3)
        };
        cluster.nodes().into_iter().all(is_linked).then_some(())
    });
}

#[test]
fn case_08_who_had_a_second_process_for_two_seconds_is_linked_again_to_all() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.common_tip();
    // A copy that is taken of files at rest is as good as the original.
    cluster.expect(0, &["localnet", "kill", NAME]);
    let copy = copied(&cluster);
    cluster.expect(0, &["localnet", "restart", NAME]);
    all_are_linked(&cluster, PATIENCE);
    // Whose key is the higher one differs from pair to pair, and with it which end chooses the link.
    let second = Second::start(&copy);
    until("the others link to the copy", PATIENCE, || {
        (second.links() >= 3).then_some(())
    });
    std::thread::sleep(OVERLAP);
    second.end();
    let ended = Instant::now();
    // The others need a moment to see it, and show it as linked until then.
    std::thread::sleep(Duration::from_millis(500));
    all_are_linked(&cluster, HEALED - ended.elapsed());
    println!("all are linked again after {} ms", ended.elapsed().as_millis());
    // It is heard too: without its vote this is not committed.
    cluster.expect(0, &["localnet", "pause", "validator-3"]);
    cluster.pay(&alice, "1");
    cluster.expect(0, &["localnet", "resume", "validator-3"]);
    cluster.common_tip();
}
