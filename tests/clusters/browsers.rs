//! What browsers are told, and what the log says, of a client API that others than this machine reach.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::Cluster;
use crate::cluster::PATIENCE;

/// An answer's head, in small letters.
fn head_of(port: u16, method: &str, head: &str) -> String {
    head_as(port, "localhost", method, head)
}

/// The same of a call by this name.
fn head_as(port: u16, host: &str, method: &str, head: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request =
        format!("{method} /v1/transactions HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{head}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    text.split("\r\n\r\n").next().unwrap().to_owned()
}

#[test]
fn pages_elsewhere_read_a_node_if_it_is_told_so_and_an_open_listener_is_warned_of() {
    let cluster = Cluster::up_after(|cluster| {
        let port = cluster.ports.api;
        cluster.configure(
            1,
            &[
                (
                    "cors_origins = []".to_owned(),
                    "cors_origins = [\"https://desk.example\"]".to_owned(),
                ),
                (
                    format!("listen = \"127.0.0.1:{port}\""),
                    format!("listen = \"0.0.0.0:{port}\""),
                ),
            ],
        );
    });
    let port = cluster.ports.api;
    let desk = "Origin: https://desk.example\r\n";
    let allowed = "access-control-allow-origin: https://desk.example";
    assert!(head_of(port, "GET", desk).contains(allowed));
    assert!(!head_of(port + 1, "GET", desk).contains("access-control"));
    assert!(!head_of(port, "GET", "Origin: https://evil.example\r\n").contains("access-control"));
    let preflight = format!("{desk}Access-Control-Request-Method: POST\r\n");
    let asked = head_of(port, "OPTIONS", &preflight);
    assert!(
        asked.starts_with("http/1.1 204") && asked.contains(allowed),
        "{asked}"
    );
    assert!(
        asked.contains("access-control-allow-methods: get, head, post"),
        "{asked}"
    );
    assert!(!head_of(port + 1, "OPTIONS", &preflight).contains("access-control"));

    // A page whose name was made to point to this machine calls by that name.
    let rebound = head_as(port + 1, "evil.example", "GET", "");
    assert!(rebound.starts_with("http/1.1 403"), "{rebound}");
    assert!(head_as(port, "node.bank-a.example", "GET", "").starts_with("http/1.1 200"));

    let warned = |number: u16| {
        let log = cluster.dir().join(format!("validator-{number}/node.log"));
        let log = std::fs::read_to_string(log).unwrap();
        log.contains("the client API listens beyond this machine")
    };
    assert!(warned(1));
    assert!(!warned(2));
}
