//! A node behind a proxy that speaks TLS, as the wallet reaches it.
//!
//! The proxy is in Python, that of `QUORATE_PYTHON`, or Debian's; it needs the package `cryptography`.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::Cluster;
use crate::programs::python;

/// A proxy in front of the first validator.
struct Proxy {
    child: Child,
    port: u16,
}

impl Proxy {
    fn before(cluster: &Cluster) -> Self {
        let mut child = Command::new(python())
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tls/proxy.py"))
            .arg(cluster.ports.api.to_string())
            .arg(cluster.folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap();
        Self { child, port }
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}", self.port)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Its input ends with this.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[test]
fn the_wallet_reaches_a_node_by_https_if_it_believes_the_certificate() {
    let cluster = Cluster::up();
    let alice = cluster.key("alice.key");
    let proxy = Proxy::before(&cluster);
    let url = proxy.url("localhost");
    let ask = |code: i32, node: &str, more: &[&str]| {
        let ran = cluster.expect(
            code,
            &[["query", "status", "--node", node].as_slice(), more].concat(),
        );
        ran.stderr
    };
    ask(0, &url, &["--ca-file", "ca.pem"]);
    let paid = cluster.transfer(&alice, "12.50", &["--node", &url, "--ca-file", "ca.pem"]);
    assert_eq!(paid.code, Some(0), "{}", paid.stderr);
    assert_eq!(cluster.balance(1, &alice), 1250);

    // Nothing is sent to whom another authority vouches for, nobody does, or under another name.
    let elsewhere = proxy.url("127.0.0.1");
    let unbelieved: [(&str, &[&str]); 3] = [
        (&url, &["--ca-file", "other.pem"]),
        (&url, &[]),
        (&elsewhere, &["--ca-file", "ca.pem"]),
    ];
    for (node, more) in unbelieved {
        let said = ask(6, node, more);
        assert!(said.contains("certificate"), "{said}");
        let transfer = [["--node", node].as_slice(), more].concat();
        assert_eq!(cluster.transfer(&alice, "1", &transfer).code, Some(6));
    }
    assert_eq!(cluster.balance(1, &alice), 1250);
    // One node may be reached so and the next in the plain.
    let both = format!("{url},{}", cluster.api(2));
    ask(0, &both, &["--ca-file", "other.pem"]);
    let said = ask(2, &url, &["--ca-file", "alice.key"]);
    assert!(said.contains("alice.key"), "{said}");
}
