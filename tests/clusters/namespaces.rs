//! Validators in network namespaces of their own, whose cable is moved from one switch to another: what
//! is cut off vanishes without a word, as between real machines.

use std::fs::File;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Cluster;
use crate::binary::quorate;
use crate::history::clients::Clients;
use crate::http::call;
use crate::wait::until;

/// Switches: as many parts as there can be.
const SWITCHES: usize = 3;

/// Four namespaces, each with a cable to a switch, for peers, and one to this machine, for clients.
struct Machines {
    nodes: Vec<Child>,
    /// Names and addresses are the machine's: one test at a time.
    _lock: File,
}

fn ip(arguments: &str) -> bool {
    let mut ip = Command::new("ip");
    ip.args(arguments.split(' ')).stderr(Stdio::null());
    ip.status().is_ok_and(|status| status.success())
}

#[track_caller]
fn must(arguments: &str) {
    assert!(ip(arguments), "ip {arguments}");
}

fn remove_all() {
    for number in 1..=4 {
        ip(&format!("netns del quorate-test-{number}"));
        // Both ends of a cable go together, some time after the namespace.
        ip(&format!("link del qtp{number}"));
        ip(&format!("link del qta{number}"));
    }
    for switch in 0..SWITCHES {
        ip(&format!("link del qts{switch}"));
    }
}

impl Machines {
    /// None if this process may not make namespaces.
    fn make() -> Option<Self> {
        let lock = File::create(std::env::temp_dir().join("quorate-test-namespaces")).unwrap();
        lock.lock().unwrap();
        remove_all();
        if !ip("netns add quorate-test-1") {
            return None;
        }
        let machines = Self {
            nodes: Vec::new(),
            _lock: lock,
        };
        for switch in 0..SWITCHES {
            must(&format!("link add qts{switch} type bridge"));
            must(&format!("link set qts{switch} up"));
        }
        for number in 1..=4 {
            let space = format!("quorate-test-{number}");
            assert!(number == 1 || ip(&format!("netns add {space}")), "{space}");
            must(&format!(
                "link add qtp{number} type veth peer name peers netns {space}"
            ));
            must(&format!(
                "link add qta{number} type veth peer name clients netns {space}"
            ));
            must(&format!("addr add 10.214.{number}.1/30 dev qta{number}"));
            must(&format!("-n {space} addr add 10.214.{number}.2/30 dev clients"));
            must(&format!("-n {space} addr add 10.213.7.{number}/24 dev peers"));
            for device in ["lo", "peers", "clients"] {
                must(&format!("-n {space} link set {device} up"));
            }
            must(&format!("link set qtp{number} up"));
            must(&format!("link set qta{number} up"));
        }
        machines.part(&[&[1, 2, 3, 4]]);
        Some(machines)
    }

    /// Only those in one part reach each other from now on.
    fn part(&self, parts: &[&[u16]]) {
        for (switch, part) in parts.iter().enumerate() {
            for number in *part {
                must(&format!("link set qtp{number} master qts{switch}"));
            }
        }
    }

    /// Starts the network's validators, each on its machine, and gives where their APIs listen.
    fn start(&mut self, cluster: &Cluster) -> Vec<SocketAddr> {
        let mut apis = Vec::new();
        for number in 1..=4_u16 {
            let (api, p2p) = (cluster.ports.api + number - 1, cluster.ports.p2p + number - 1);
            let peers = (1..=4).filter(|peer| *peer != number).map(|peer| {
                let port = cluster.ports.p2p + peer - 1;
                format!("{{ name = \"validator-{peer}\", address = \"/ip4/10.213.7.{peer}/tcp/{port}\" }}")
            });
            let peers: Vec<String> = peers.collect();
            let changes = [
                (format!("127.0.0.1:{api}"), format!("10.214.{number}.2:{api}")),
                (
                    format!("/ip4/127.0.0.1/tcp/{p2p}"),
                    format!("/ip4/10.213.7.{number}/tcp/{p2p}"),
                ),
                ("peers = []".to_owned(), format!("peers = [{}]", peers.join(", "))),
                ("kademlia = true".to_owned(), "kademlia = false".to_owned()),
            ];
            cluster.configure(number, &changes);
            let home = cluster.dir().join(format!("validator-{number}"));
            let log = File::options().append(true).open(home.join("node.log")).unwrap();
            let mut node = Command::new("ip");
            node.args(["netns", "exec", &format!("quorate-test-{number}")])
                .arg(quorate())
                .args(["node", "run", "--home"])
                .arg(&home);
            self.nodes.push(node.stderr(log).spawn().unwrap());
            apis.push(format!("10.214.{number}.2:{api}").parse().unwrap());
        }
        until("all are linked", Duration::from_secs(60), || {
            let linked = |api: &SocketAddr| {
                let status = call(*api, "GET", "/v1/status", &[], Duration::from_secs(2))?.json();
                (status["peers"] == 3).then_some(())
            };
            apis.iter().all(|api| linked(api).is_some()).then_some(())
        });
        apis
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            let _ = node.kill();
            let _ = node.wait();
        }
        remove_all();
    }
}

/// Asks, if the test fails, the doctor on each machine: its operations listener is reached from there alone.
struct Doctors<'a>(&'a Cluster);

impl Drop for Doctors<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for number in 1..=4 {
            let home = self.0.dir().join(format!("validator-{number}"));
            let mut doctor = Command::new("ip");
            doctor
                .args(["netns", "exec", &format!("quorate-test-{number}")])
                .arg(quorate())
                .args(["node", "doctor", "--home"])
                .arg(home);
            if let Ok(said) = doctor.output() {
                let said = String::from_utf8_lossy(&said.stdout).into_owned();
                eprintln!("--- the doctor on the machine of validator-{number}\n{said}");
            }
        }
    }
}

#[test]
fn halves_and_thirds_commit_nothing_false_and_go_on_when_joined() {
    let Some(mut machines) = Machines::make() else {
        eprintln!("SKIPPED: this process may not make network namespaces: cuts were NOT tested");
        return;
    };
    let cluster = Cluster::up();
    cluster.expect(0, &["localnet", "down"]);
    let apis = machines.start(&cluster);
    let _doctors = Doctors(&cluster);
    let clients = Clients::start(&cluster, apis);
    clients.progress();
    let parts: [&[&[u16]]; 3] = [&[&[1, 2], &[3, 4]], &[&[1], &[2], &[3, 4]], &[&[2], &[1, 3, 4]]];
    for part in parts {
        machines.part(part);
        std::thread::sleep(Duration::from_secs(3));
        if part.iter().any(|members| members.len() >= 3) {
            clients.progress();
        }
        machines.part(&[&[1, 2, 3, 4]]);
        clients.progress();
    }
    clients.finish();
}
