//! Validators in network namespaces of their own, whose cable is moved from one switch to another: what
//! is cut off vanishes without a word, as between real machines.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Cluster;
use crate::binary::quorate;
use crate::history::clients::Clients;
use crate::http::call;
use crate::skipped::skipped;
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

    /// Starts the network's validators, each on its machine, and gives where their APIs listen, once all are linked.
    fn start(&mut self, cluster: &Cluster) -> Vec<SocketAddr> {
        let apis = self.begin(cluster, |number| format!("/ip4/10.213.7.{number}"), None);
        all_are_linked(&apis, Duration::from_secs(60));
        apis
    }

    /// Starts them. They know each other by these addresses; with `etc` they find names by the files `hosts` and
    /// `resolv.conf` that are there, and not by the machine's.
    fn begin(
        &mut self,
        cluster: &Cluster,
        address_of: impl Fn(u16) -> String,
        etc: Option<&Path>,
    ) -> Vec<SocketAddr> {
        let mut apis = Vec::new();
        for number in 1..=4_u16 {
            let (api, p2p) = (cluster.ports.api + number - 1, cluster.ports.p2p + number - 1);
            let peers = (1..=4).filter(|peer| *peer != number).map(|peer| {
                let port = cluster.ports.p2p + peer - 1;
                let address = address_of(peer);
                format!("{{ name = \"validator-{peer}\", address = \"{address}/tcp/{port}\" }}")
            });
            let peers: Vec<String> = peers.collect();
            let changes = [
                (format!("127.0.0.1:{api}"), format!("10.214.{number}.2:{api}")),
                (
                    format!("/ip4/127.0.0.1/tcp/{p2p}"),
                    format!("/ip4/0.0.0.0/tcp/{p2p}"),
                ),
                ("peers = []".to_owned(), format!("peers = [{}]", peers.join(", "))),
                ("kademlia = true".to_owned(), "kademlia = false".to_owned()),
            ];
            cluster.configure(number, &changes);
            let home = cluster.dir().join(format!("validator-{number}"));
            let log = File::options().append(true).open(home.join("node.log")).unwrap();
            let mut node = Command::new("ip");
            node.args(["netns", "exec", &format!("quorate-test-{number}")]);
            if let Some(etc) = etc {
                let script = "mount --bind \"$1/hosts\" /etc/hosts && \
                              mount --bind \"$1/resolv.conf\" /etc/resolv.conf && shift && exec \"$@\"";
                node.args(["unshare", "--mount", "sh", "-c", script, "sh"])
                    .arg(etc);
            }
            node.arg(quorate()).args(["node", "run", "--home"]).arg(&home);
            self.nodes.push(node.stderr(log).spawn().unwrap());
            apis.push(format!("10.214.{number}.2:{api}").parse().unwrap());
        }
        apis
    }
}

/// How many peers a node has; none if it does not answer.
fn peers_of(api: SocketAddr) -> Option<u64> {
    let status = call(api, "GET", "/v1/status", &[], Duration::from_secs(2))?.json();
    status["peers"].as_u64()
}

#[track_caller]
fn all_are_linked(apis: &[SocketAddr], within: Duration) {
    until("all are linked", within, || {
        apis.iter().all(|api| peers_of(*api) == Some(3)).then_some(())
    });
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

/// As before DHCP has told a machine its name server; then a validator moves.
#[test]
fn case_07_names_of_peers_are_found_by_what_the_system_knows_when_they_are_dialled() {
    let Some(mut machines) = Machines::make() else {
        skipped("this process may not make network namespaces: names of peers were NOT tested");
        return;
    };
    let cluster = Cluster::up();
    cluster.expect(0, &["localnet", "down"]);
    let etc = cluster.dir().join("etc");
    fs::create_dir(&etc).unwrap();
    // Written in place, as a file that is mounted stays the one that it was.
    let hosts = |addresses: &[u16]| {
        let names = addresses.iter().enumerate();
        let lines: String = names
            .map(|(place, address)| format!("10.213.7.{address} v{}.quorate.test\n", place + 1))
            .collect();
        fs::write(etc.join("hosts"), format!("127.0.0.1 localhost\n{lines}")).unwrap();
    };
    hosts(&[]);
    fs::write(etc.join("resolv.conf"), "").unwrap();
    let apis = machines.begin(
        &cluster,
        |number| format!("/dns/v{number}.quorate.test"),
        Some(&etc),
    );
    until("all are up", Duration::from_secs(60), || {
        apis.iter().all(|api| peers_of(*api).is_some()).then_some(())
    });
    std::thread::sleep(Duration::from_secs(3));
    assert!(apis.iter().all(|api| peers_of(*api) == Some(0)));

    hosts(&[1, 2, 3, 4]);
    all_are_linked(&apis, Duration::from_secs(10));

    hosts(&[1, 12, 3, 4]);
    must("-n quorate-test-2 addr del 10.213.7.2/24 dev peers");
    must("-n quorate-test-2 addr add 10.213.7.12/24 dev peers");
    until("the old links are given up", Duration::from_secs(60), || {
        (peers_of(apis[1])? < 3).then_some(())
    });
    all_are_linked(&apis, Duration::from_secs(10));
}

#[test]
fn halves_and_thirds_commit_nothing_false_and_go_on_when_joined() {
    let Some(mut machines) = Machines::make() else {
        skipped("this process may not make network namespaces: cuts were NOT tested");
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
