//! HTTP as a careless or hostile client writes it: byte for byte, past every library that would mend it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take; a node that waits for more says so itself before that.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer, or what there was of one.
pub(crate) struct Answer {
    /// The status; none if what came is no HTTP.
    pub(crate) status: Option<u16>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The problem's stable code; empty if the body is no problem document.
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Sends bytes to a port and nothing after them, and reads what comes until the other side ends it.
pub(crate) fn send_noise(port: u16, bytes: &[u8]) {
    let mut stream = connect(port);
    // A node may end the connection before it has read all of what it does not want.
    let _ = stream
        .write_all(bytes)
        .and_then(|()| stream.shutdown(Shutdown::Write))
        .and_then(|()| stream.read_to_end(&mut Vec::new()));
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends one request and reads its answer.
pub(crate) fn send(port: u16, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
    announce(port, method, path, kind, body.len(), body)
}

/// Does the same with a head that announces `length` bytes, whatever the body has.
pub(crate) fn announce(
    port: u16,
    method: &str,
    path: &str,
    kind: &str,
    length: usize,
    body: &[u8],
) -> Answer {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {kind}\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    let mut stream = connect(port);
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let Some(end) = end else {
        return Answer {
            status: None,
            body: bytes,
        };
    };
    let line = String::from_utf8_lossy(&bytes[..end]);
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer {
        status,
        body: bytes[end + 4..].to_vec(),
    }
}
