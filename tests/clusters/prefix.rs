//! A proxy that serves a node under a path of its own, and knows nothing of what it passes on.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// The longest head of a request.
const MAX_HEAD: usize = 64 << 10;

/// Serves what `node` serves under `prefix`, until the process ends; gives the address.
pub(crate) fn serve(prefix: &'static str, node: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // A browser that hangs up is no failure.
            thread::spawn(move || drop(pass_on(client, prefix, node)));
        }
    });
    address
}

/// One request without a body, and its answer to the end, piece by piece as it comes.
fn pass_on(mut client: TcpStream, prefix: &str, node: SocketAddr) -> io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let Some(inside) = head
        .strip_prefix("GET ")
        .and_then(|rest| rest.strip_prefix(prefix))
        .filter(|rest| rest.starts_with('/'))
    else {
        return client.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    };
    let mut node = TcpStream::connect(node)?;
    let mut lines = inside.split("\r\n");
    write!(node, "GET {}\r\n", lines.next().unwrap_or_default())?;
    for line in lines.filter(|line| !line.is_empty() && !line.to_ascii_lowercase().starts_with("connection:"))
    {
        write!(node, "{line}\r\n")?;
    }
    write!(node, "connection: close\r\n\r\n")?;
    io::copy(&mut node, &mut client)?;
    Ok(())
}
