//! A TCP relay for each link of a network, which delays, stalls or cuts what one validator says to
//! another. The two directions of a link are apart.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use crate::Cluster;

/// How often a thread looks at what it is told to do.
const LOOK: Duration = Duration::from_millis(5);
/// What drips comes in so many pieces a second.
const DROPS_PER_SECOND: u64 = 20;
/// Pieces that a direction holds before it stops reading.
const HELD: usize = 256;

/// What happens to what one validator says to another.
#[derive(Debug, Default)]
struct Way {
    delay_ms: AtomicU64,
    /// So many bytes pass in a second; any number, if it is 0.
    bytes_per_second: AtomicU64,
    /// Nothing passes, and the connection stays.
    stalled: AtomicBool,
    /// Connections are closed, and new ones too.
    cut: AtomicBool,
}

/// The relays of a network of four.
pub(crate) struct Relays {
    ways: BTreeMap<(u16, u16), Arc<Way>>,
    stop: Arc<AtomicBool>,
}

impl Relays {
    /// A network whose validators reach each other through relays only.
    pub(crate) fn up() -> (Self, Cluster) {
        let pairs = (1..=4).flat_map(|from| (1..=4).map(move |to| (from, to)));
        let ways: BTreeMap<(u16, u16), Arc<Way>> = pairs
            .filter(|(from, to)| from != to)
            .map(|pair| (pair, Arc::default()))
            .collect();
        let relays = Self {
            ways,
            stop: Arc::default(),
        };
        let cluster = Cluster::up_after(|cluster| relays.configure(cluster));
        (relays, cluster)
    }

    /// The addresses of genesis lead nowhere any more: each validator listens elsewhere and knows of
    /// each other one the relay between them.
    fn configure(&self, cluster: &Cluster) {
        for from in 1..=4 {
            let peers = (1..=4).filter(|to| *to != from).map(|to| {
                let port = self.relay(from, to, listening(cluster, to));
                format!("{{ name = \"validator-{to}\", address = \"/ip4/127.0.0.1/tcp/{port}\" }}")
            });
            let peers: Vec<String> = peers.collect();
            cluster.configure(
                from,
                &[
                    (
                        format!("/tcp/{}\"", cluster.ports.p2p + from - 1),
                        format!("/tcp/{}\"", listening(cluster, from)),
                    ),
                    ("peers = []".to_owned(), format!("peers = [{}]", peers.join(", "))),
                    ("kademlia = true".to_owned(), "kademlia = false".to_owned()),
                ],
            );
        }
    }

    /// Starts the relay by which `from` reaches `to`, and gives its port.
    fn relay(&self, from: u16, to: u16, target: u16) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let there = Arc::clone(&self.ways[&(from, to)]);
        let back = Arc::clone(&self.ways[&(to, from)]);
        let stop = Arc::clone(&self.stop);
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((near, _)) => {
                        let is_cut = there.cut.load(Ordering::Relaxed) || back.cut.load(Ordering::Relaxed);
                        if !is_cut && let Ok(far) = TcpStream::connect(("127.0.0.1", target)) {
                            join(&near, &far, &there, &stop);
                            join(&far, &near, &back, &stop);
                        }
                    }
                    Err(_) => std::thread::sleep(LOOK),
                }
            }
        });
        port
    }

    fn each(&self, from: &[u16], to: &[u16], act: impl Fn(&Way)) {
        for ((one, other), way) in &self.ways {
            if from.contains(one) && to.contains(other) {
                act(way);
            }
        }
    }

    /// Everything that `from` says to `to` takes so much longer.
    pub(crate) fn delay(&self, from: &[u16], to: &[u16], delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap();
        self.each(from, to, |way| way.delay_ms.store(millis, Ordering::Relaxed));
    }

    /// What `from` says to `to` drips: so many bytes pass in a second.
    pub(crate) fn drip(&self, from: &[u16], to: &[u16], bytes_per_second: u64) {
        self.each(from, to, |way| {
            way.bytes_per_second.store(bytes_per_second, Ordering::Relaxed);
        });
    }

    /// Nothing that `from` says reaches `to`; the connections stay.
    pub(crate) fn stall(&self, from: &[u16], to: &[u16]) {
        self.each(from, to, |way| way.stalled.store(true, Ordering::Relaxed));
    }

    /// The connections between `from` and `to` are closed, and no new ones made.
    pub(crate) fn cut(&self, from: &[u16], to: &[u16]) {
        self.each(from, to, |way| way.cut.store(true, Ordering::Relaxed));
    }

    /// All links work again, without delay.
    pub(crate) fn heal(&self) {
        for way in self.ways.values() {
            way.delay_ms.store(0, Ordering::Relaxed);
            way.bytes_per_second.store(0, Ordering::Relaxed);
            way.stalled.store(false, Ordering::Relaxed);
            way.cut.store(false, Ordering::Relaxed);
        }
    }
}

impl Drop for Relays {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Where a validator listens behind its relays.
fn listening(cluster: &Cluster, number: u16) -> u16 {
    cluster.ports.p2p + 3 + number
}

/// Carries what `from` says to `to`, on two threads: one stamps what comes, one waits until it is due.
fn join(from: &TcpStream, to: &TcpStream, way: &Arc<Way>, stop: &Arc<AtomicBool>) {
    let (sender, receiver) = sync_channel(HELD);
    let clone = |stream: &TcpStream| stream.try_clone().unwrap();
    let (source, sink, end) = (clone(from), clone(to), clone(from));
    let (reading, writing) = (Arc::clone(way), Arc::clone(way));
    let (stop_reading, stop_writing) = (Arc::clone(stop), Arc::clone(stop));
    std::thread::spawn(move || read(source, &sender, &reading, &stop_reading));
    std::thread::spawn(move || {
        write(&sink, &receiver, &writing, &stop_writing);
        // Whichever side has gone already does not matter.
        let _ = sink.shutdown(Shutdown::Both);
        let _ = end.shutdown(Shutdown::Both);
    });
}

fn read(mut from: TcpStream, sender: &SyncSender<(Instant, Vec<u8>)>, way: &Way, stop: &AtomicBool) {
    from.set_nonblocking(false).unwrap();
    from.set_read_timeout(Some(10 * LOOK)).unwrap();
    let mut buffer = vec![0; 64 << 10];
    while !way.cut.load(Ordering::Relaxed) && !stop.load(Ordering::Relaxed) {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                if sender.send((Instant::now(), buffer[..count].to_vec())).is_err() {
                    return;
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}

fn write(mut to: &TcpStream, receiver: &Receiver<(Instant, Vec<u8>)>, way: &Way, stop: &AtomicBool) {
    to.set_nodelay(true).unwrap();
    while let Ok((at, bytes)) = receiver.recv() {
        loop {
            if way.cut.load(Ordering::Relaxed) || stop.load(Ordering::Relaxed) {
                return;
            }
            let due = at + Duration::from_millis(way.delay_ms.load(Ordering::Relaxed));
            let early = due.saturating_duration_since(Instant::now());
            if early.is_zero() && !way.stalled.load(Ordering::Relaxed) {
                break;
            }
            std::thread::sleep(early.clamp(Duration::from_millis(1), LOOK));
        }
        let mut left = bytes.as_slice();
        while !left.is_empty() {
            let rate = way.bytes_per_second.load(Ordering::Relaxed);
            let drop = usize::try_from(rate / DROPS_PER_SECOND).unwrap_or(usize::MAX);
            let count = if rate == 0 {
                left.len()
            } else {
                drop.clamp(1, left.len())
            };
            let (now, later) = left.split_at(count);
            let is_over = way.cut.load(Ordering::Relaxed) || stop.load(Ordering::Relaxed);
            if is_over || to.write_all(now).is_err() {
                return;
            }
            if rate > 0 {
                std::thread::sleep(Duration::from_secs(1) / DROPS_PER_SECOND as u32);
            }
            left = later;
        }
    }
}
