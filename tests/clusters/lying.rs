//! A server that lies: it stands in front of a node and alters what the node says.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The longest head of a request.
const MAX_HEAD: usize = 64 << 10;

/// What is said instead of the answer at a path: a function of the answer's body.
type Lie = Box<dyn Fn(Vec<u8>) -> Vec<u8> + Send>;

/// The server, until the process ends.
pub(crate) struct Server {
    address: SocketAddr,
    lies: Arc<Mutex<Vec<(String, Lie)>>>,
}

impl Server {
    /// One in front of a node, which is honest at first.
    pub(crate) fn before(node: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let lies: Arc<Mutex<Vec<(String, Lie)>>> = Arc::default();
        let told = Arc::clone(&lies);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let told = Arc::clone(&told);
                // A browser that hangs up is no failure.
                thread::spawn(move || drop(answer(client, node, &told)));
            }
        });
        Self { address, lies }
    }

    /// The URL of what is at a path.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on lies like this at one path, and nowhere else.
    pub(crate) fn lie(&self, path: &str, lie: impl Fn(Vec<u8>) -> Vec<u8> + Send + 'static) {
        *self.lies.lock().unwrap() = vec![(path.to_owned(), Box::new(lie))];
    }

    /// Lies at one more path.
    pub(crate) fn lie_too(&self, path: &str, lie: impl Fn(Vec<u8>) -> Vec<u8> + Send + 'static) {
        self.lies.lock().unwrap().push((path.to_owned(), Box::new(lie)));
    }

    /// Writes one text for another, which must be there, wherever it stands at a path.
    pub(crate) fn replace(&self, path: &str, text: &str, other: &str) {
        let (text, other) = (text.to_owned(), other.to_owned());
        self.lie(path, move |body| {
            let page = String::from_utf8(body).unwrap();
            assert!(page.contains(&text), "there is no {text} to lie about");
            page.replace(&text, &other).into_bytes()
        });
    }

    /// Is honest again.
    pub(crate) fn be_honest(&self) {
        self.lies.lock().unwrap().clear();
    }
}

/// One request without a body, and its answer, altered if there is a lie for its path.
fn answer(mut client: TcpStream, node: SocketAddr, lies: &Mutex<Vec<(String, Lie)>>) -> io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.split("\r\n");
    let target = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .unwrap_or("/");
    // In the older version an answer comes in one piece; without the last header it comes as it is.
    let mut request = format!("GET {target} HTTP/1.0\r\n");
    let passed = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        name == "host" || name == "accept"
    };
    for line in lines.filter(passed) {
        request.push_str(line);
        request.push_str("\r\n");
    }
    let mut node = TcpStream::connect(node)?;
    node.write_all(format!("{request}\r\n").as_bytes())?;
    let mut answer = Vec::new();
    node.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let Some(end) = end else {
        return Ok(());
    };
    let mut body = answer.split_off(end + 4);
    let path = target.split('?').next().unwrap_or(target);
    for (_, lie) in lies.lock().unwrap().iter().filter(|(at, _)| at == path) {
        body = lie(body);
    }
    let said = String::from_utf8_lossy(&answer).into_owned();
    for line in said.trim_end().split("\r\n") {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if name != "content-length" && name != "connection" {
            client.write_all(format!("{line}\r\n").as_bytes())?;
        }
    }
    client.write_all(format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()).as_bytes())?;
    client.write_all(&body)
}
