//! Proxies before a node's API, which change or watch what passes.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::Cluster;

/// A node that lies: a proxy before the first validator, which says `lie` for `truth` of the same length. It serves as
/// long as the test runs.
pub(crate) fn liar(cluster: &Cluster, truth: &'static [u8], lie: &'static [u8]) -> String {
    assert_eq!(truth.len(), lie.len());
    lying(cluster, move |bytes| replace(bytes, truth, lie))
}

/// A proxy that changes each piece of an answer so, without changing its length.
pub(crate) fn lying(cluster: &Cluster, change: impl Fn(&mut [u8]) + Clone + Send + 'static) -> String {
    between(cluster, |_| {}, change)
}

/// A proxy that shows each piece of a question before it passes it on.
pub(crate) fn watching(cluster: &Cluster, show: impl Fn(&[u8]) + Clone + Send + 'static) -> String {
    between(cluster, move |piece| show(piece), |_| {})
}

/// A proxy that passes on `other` for `asked` of the same length.
pub(crate) fn misdirecting(cluster: &Cluster, asked: &'static [u8], other: &'static [u8]) -> String {
    assert_eq!(asked.len(), other.len());
    between(cluster, move |piece| replace(piece, asked, other), |_| {})
}

/// A proxy before the first validator, which treats each piece of a question and of an answer so.
pub(crate) fn between(
    cluster: &Cluster,
    question: impl Fn(&mut [u8]) + Clone + Send + 'static,
    answer: impl Fn(&mut [u8]) + Clone + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let node = cluster.api(1).trim_start_matches("http://").to_owned();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = TcpStream::connect(&node) else {
                return;
            };
            let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let (question, answer) = (question.clone(), answer.clone());
            thread::spawn(move || pass(from, to, question));
            thread::spawn(move || pass(server, client, answer));
        }
    });
    format!("http://{address}")
}

fn pass(mut from: TcpStream, mut to: TcpStream, change: impl Fn(&mut [u8])) {
    let mut piece = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        change(&mut piece[..count]);
        if to.write_all(&piece[..count]).is_err() {
            return;
        }
    }
}

/// Writes `lie` wherever `truth` stands.
pub(crate) fn replace(bytes: &mut [u8], truth: &[u8], lie: &[u8]) {
    for place in 0..=bytes.len().saturating_sub(truth.len()) {
        if bytes[place..].starts_with(truth) {
            bytes[place..place + truth.len()].copy_from_slice(lie);
        }
    }
}
