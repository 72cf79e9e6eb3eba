//! What the system does to a node: signals, few open files, folders that others could read.

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Cluster;
use crate::binary::quorate;
use crate::cluster::PATIENCE;
use crate::history::clients::Clients;
use crate::http::send;
use crate::skipped::skipped;
use crate::wait::until;

/// A validator of a network, started by hand in the place of the one that `localnet` started.
struct Node(Child);

impl Node {
    /// Starts it with at most so many open files, `ulimit`'s argument.
    fn start(cluster: &Cluster, number: u16, limit: &str) -> Self {
        let home = Self::stopped(cluster, number);
        let log = fs::File::create(home.join("node.log")).unwrap();
        Self::spawn(&home, limit, log.into())
    }

    /// Starts it with a pipe for its log.
    fn start_piped(cluster: &Cluster, number: u16) -> Self {
        let home = Self::stopped(cluster, number);
        Self::spawn(&home, "-n 4096", Stdio::piped())
    }

    /// Ends the one that `localnet` started, and gives its home.
    fn stopped(cluster: &Cluster, number: u16) -> PathBuf {
        let name = format!("validator-{number}");
        cluster.expect(0, &["localnet", "kill", &name]);
        cluster.dir().join(&name)
    }

    fn spawn(home: &Path, limit: &str, log: Stdio) -> Self {
        let script = "ulimit $1 && exec \"$2\" node run --home \"$3\"";
        let child = Command::new("bash")
            .args(["-c", script, "bash", limit])
            .arg(quorate())
            .arg(home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self(child)
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.0.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    #[track_caller]
    fn ended(&mut self) -> std::process::ExitStatus {
        until("the node has ended", PATIENCE, || self.0.try_wait().unwrap())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn log_of(cluster: &Cluster, number: u16) -> String {
    fs::read_to_string(cluster.dir().join(format!("validator-{number}/node.log"))).unwrap()
}

#[track_caller]
fn is_up(cluster: &Cluster, number: u16) {
    until("the node is ready", PATIENCE, || {
        let status = cluster.run(&["query", "status", "--node", &cluster.api(number)]);
        (status.code == Some(0) && status.json()["peers"] == 3).then_some(())
    });
}

#[test]
fn case_09_signals_end_a_node_in_order_or_not_at_all() {
    let cluster = Cluster::up();
    let mut node = Node::start(&cluster, 4, "-n 4096");
    is_up(&cluster, 4);
    for signal in ["HUP", "USR1", "USR2"] {
        node.signal(signal);
        until("the signal is in the log", PATIENCE, || {
            let log = log_of(&cluster, 4);
            (log.contains("a signal that changes nothing") && log.contains(signal)).then_some(())
        });
    }
    // Its vote is needed.
    cluster.expect(0, &["localnet", "pause", "validator-3"]);
    let alice = cluster.key("alice.key");
    cluster.pay(&alice, "1");
    cluster.expect(0, &["localnet", "resume", "validator-3"]);
    node.signal("QUIT");
    assert_eq!(node.ended().code(), Some(0));
    let log = log_of(&cluster, 4);
    assert!(log.contains("stopping") && log.contains("stopped"), "{log}");
}

/// Public thread: moby/moby#22502. Whatever ships the log hangs, with the pipe full, and works again.
#[test]
fn case_10_a_log_that_nobody_reads_keeps_no_validator_from_voting_and_says_what_it_lost() {
    let cluster = Cluster::up();
    let mut node = Node::start_piped(&cluster, 4);
    let log = node.0.stderr.take().unwrap();
    is_up(&cluster, 4);
    let operations = cluster.ports.api + 103;
    let set_level = |level: &str| {
        let answer = send(operations, "PUT", "/loglevel", "text/plain", level.as_bytes());
        assert_eq!(answer.status, Some(204));
    };
    let missed = || {
        let answer = send(operations, "GET", "/metrics", "text/plain", b"");
        let text = String::from_utf8(answer.body).unwrap();
        let count = text.lines().find_map(|line| {
            line.strip_prefix("quorate_log_lines_left_out_total{reason=\"reader\"} ")?
                .parse::<u64>()
                .ok()
        });
        count.unwrap_or_else(|| panic!("{text}"))
    };
    let alice = cluster.key("alice.key");
    set_level("trace");
    until("pipe and queue are full", PATIENCE, || {
        cluster.pay(&alice, "1");
        (missed() > 1_000).then_some(())
    });
    // Its vote is needed.
    cluster.expect(0, &["localnet", "pause", "validator-3"]);
    cluster.pay(&alice, "1");
    cluster.expect(0, &["localnet", "resume", "validator-3"]);
    let live = send(operations, "GET", "/livez", "text/plain", b"");
    assert_eq!(live.status, Some(200));
    assert_eq!(node.0.try_wait().unwrap(), None);

    set_level("info");
    let lost = missed();
    let (said, heard) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        for line in BufReader::new(log).split(b'\n').map_while(Result::ok) {
            // Long lines are cut, and maybe within a character.
            let line = String::from_utf8_lossy(&line);
            if let Some((_, rest)) = line.split_once("lines left out of this log") {
                let (_, count) = rest.split_once("lines=").unwrap();
                // The test may have heard enough.
                let _ = said.send(count.trim().parse::<u64>().unwrap());
            }
            text.push_str(&line);
            text.push('\n');
        }
        text
    });
    until("the reader is told how many lines it missed", PATIENCE, || {
        heard.try_iter().any(|told| told >= lost).then_some(())
    });
    node.signal("TERM");
    assert_eq!(node.ended().code(), Some(0));
    let text = reader.join().unwrap();
    assert!(
        text.contains("TRACE") && text.contains("stopped"),
        "{}",
        text.len()
    );
}

#[test]
fn case_06_idle_connections_take_nothing_that_a_validator_needs() {
    let cluster = Cluster::up();
    let _node = Node::start(&cluster, 4, "-n 1024");
    is_up(&cluster, 4);
    let address = cluster.nodes()[3];
    let held: Vec<TcpStream> = (0..400).map_while(|_| TcpStream::connect(address).ok()).collect();
    assert_eq!(held.len(), 400);
    // Those beyond the bound are closed at once, and the others stay.
    let closed = held.iter().rev().take(200).filter(|stream| {
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut byte = [0];
        !matches!((&mut &**stream).read(&mut byte), Err(error) if error.kind() == ErrorKind::WouldBlock)
    });
    assert_eq!(closed.count(), 200);
    cluster.expect(0, &["localnet", "pause", "validator-3"]);
    let alice = cluster.key("alice.key");
    let paid = cluster.transfer(&alice, "1", &["--node", &cluster.api(1)]);
    assert_eq!(paid.code, Some(0), "{}", paid.stderr);
    cluster.expect(0, &["localnet", "resume", "validator-3"]);
    drop(held);
    until("its API is free again", PATIENCE, || {
        let status = cluster.run(&["query", "status", "--node", &cluster.api(4)]);
        (status.code == Some(0)).then_some(())
    });
}

/// Whether this process may have so many files open, once it has asked for as many as it may.
fn may_open(files: u64) -> bool {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    limit.is_none_or(|limit| limit >= files)
}

/// With the figures of those who saw it: more connections than the usual soft limit has files.
#[test]
fn case_06_payments_go_on_beside_eleven_hundred_idle_connections() {
    const IDLE: usize = 1_100;
    if !may_open(2_000) {
        skipped("this process may not open 2,000 files: 1,100 idle connections were NOT tested");
        return;
    }
    let cluster = Cluster::up();
    let mut node = Node::start(&cluster, 4, "-Sn 1024");
    is_up(&cluster, 4);
    let address = cluster.nodes()[3];
    let held: Vec<TcpStream> = (0..IDLE)
        .map_while(|_| TcpStream::connect(address).ok())
        .collect();
    assert_eq!(held.len(), IDLE);
    let is_open = |mut stream: &TcpStream| {
        stream.set_nonblocking(true).unwrap();
        matches!(stream.read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
    };
    // One address has a quarter of 4,096, or of what the hard limit leaves.
    until("those beyond the bound are closed", PATIENCE, || {
        let open = held.iter().filter(|stream| is_open(stream)).count();
        (open <= 1_024).then_some(())
    });
    // Its vote is needed.
    cluster.expect(0, &["localnet", "pause", "validator-3"]);
    let clients = Clients::start(&cluster, cluster.nodes()[..2].to_vec());
    clients.progress();
    std::thread::sleep(Duration::from_secs(5));
    assert!(held.iter().any(is_open), "none is held any more");
    clients.progress();
    until("it is ready", PATIENCE, || {
        let readiness = send(cluster.ports.api + 103, "GET", "/readyz", "text/plain", b"");
        (readiness.status == Some(200)).then_some(())
    });
    let log = log_of(&cluster, 4);
    assert!(node.0.try_wait().unwrap().is_none(), "{log}");
    assert!(!log.contains("Too many open files"), "{log}");
    drop(held);
    cluster.expect(0, &["localnet", "resume", "validator-3"]);
    clients.finish();
    cluster.common_tip();
}

#[test]
fn a_node_that_may_open_too_few_files_does_not_start_and_says_what_it_needs() {
    let cluster = Cluster::up();
    let mut node = Node::start(&cluster, 4, "-n 128");
    assert_eq!(node.ended().code(), Some(1));
    let log = log_of(&cluster, 4);
    assert!(log.contains("this process may open 128 files"), "{log}");
    assert!(log.contains("LimitNOFILE="), "{log}");
}

#[test]
fn keys_in_memory_come_into_no_core_file() {
    let cluster = Cluster::up();
    let node = Node::start(&cluster, 4, "-c unlimited");
    is_up(&cluster, 4);
    let limits = fs::read_to_string(format!("/proc/{}/limits", node.0.id())).unwrap();
    let core = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max core file size"));
    let most: Vec<&str> = core.unwrap().split_whitespace().take(2).collect();
    assert_eq!(most, ["0", "0"], "{limits}");
}

#[test]
fn nobody_else_reads_what_a_node_writes() {
    let cluster = Cluster::up();
    for folder in ["chain", "journal", "flight"] {
        let path = cluster.dir().join("validator-1").join(folder);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
    }
}
