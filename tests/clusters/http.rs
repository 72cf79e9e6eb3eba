//! HTTP as a careless or hostile client writes it: byte for byte, past every library that would mend it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take; a node that waits for more says so itself before that.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer, or what there was of one.
pub(crate) struct Answer {
    /// The status; none if what came is no HTTP.
    pub(crate) status: Option<u16>,
    /// The certified height that it answers at.
    pub(crate) height: Option<u64>,
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
    parse(bytes)
}

/// Makes one call as a client does, and gives its answer; none unless a whole one comes in time.
pub(crate) fn call(
    node: SocketAddr,
    method: &str,
    path: &str,
    body: &[u8],
    patience: Duration,
) -> Option<Answer> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect_timeout(&node, patience).ok()?;
    stream.set_read_timeout(Some(patience)).ok()?;
    stream.write_all(&[head.as_bytes(), body].concat()).ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let answer = parse(bytes);
    // A body that broke off is no answer.
    let is_whole = serde_json::from_slice::<Value>(&answer.body).is_ok();
    (answer.status.is_some() && is_whole).then_some(answer)
}

fn parse(bytes: Vec<u8>) -> Answer {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let Some(end) = end else {
        return Answer {
            status: None,
            height: None,
            body: bytes,
        };
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let height = head.lines().find_map(|line| line.strip_prefix("quorate-height:"));
    Answer {
        status,
        height: height.and_then(|height| height.trim().parse().ok()),
        body: bytes[end + 4..].to_vec(),
    }
}
