//! Lines on their way to whoever reads the log, who may be stuck.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait to be written.
const WAITING: usize = 1_024;
/// Bytes of a line; the rest of a longer one is left out.
const MAX_LINE: usize = 16 << 10;
/// How often whoever waits for the last lines looks for room.
const ROOM: Duration = Duration::from_millis(5);
/// The reader is told how many lines it missed, and not more often than this.
const TELL_EVERY: Duration = Duration::from_secs(1);

enum Order {
    Line(Vec<u8>),
    /// Tell here that all before was written.
    Tell(SyncSender<()>),
}

/// Takes lines and never waits. A thread of its own writes them.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    sender: SyncSender<Order>,
    dropped: Arc<AtomicU64>,
}

impl Lines {
    /// Starts the thread that writes to `sink`; it ends with the process. Once `sink` takes lines again, `tell` is
    /// given how many found no room since the start; what it writes to these lines comes after those that wait.
    pub(super) fn start(sink: impl Write + Send + 'static, tell: impl Fn(u64) + Send + 'static) -> Self {
        let (sender, receiver) = sync_channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&dropped);
        let thread = std::thread::Builder::new().name("log".to_owned());
        thread
            .spawn(move || write_all(&receiver, sink, &counted, tell))
            .expect("a thread can be started");
        Self { sender, dropped }
    }

    /// Lines that found no room since the start.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until what was taken so far is written, at most this long.
    pub(super) fn finish(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let (written, told) = sync_channel(1);
        let mut order = Order::Tell(written);
        while let Err(TrySendError::Full(again)) = self.sender.try_send(order) {
            if Instant::now() >= until {
                return;
            }
            order = again;
            std::thread::sleep(ROOM);
        }
        // Too late is as good as never.
        let _ = told.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut kept = line.get(..MAX_LINE).unwrap_or(line).to_vec();
        if kept.len() < line.len() {
            kept.push(b'\n');
        }
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.sender.try_send(Order::Line(kept))
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn write_all(receiver: &Receiver<Order>, mut sink: impl Write, dropped: &AtomicU64, tell: impl Fn(u64)) {
    let (mut told, mut last) = (0, None::<Instant>);
    // A log that cannot be written is no reason to end the node, nor to say so in it.
    for order in receiver {
        // Here and not after a line was written: now there is room for one. A reader that is always too slow should not
        // read of that alone.
        let missed = dropped.load(Ordering::Relaxed);
        if missed > told && last.is_none_or(|last| last.elapsed() >= TELL_EVERY) {
            tell(missed);
            (told, last) = (missed, Some(Instant::now()));
        }
        match order {
            Order::Line(line) => {
                if sink.write_all(&line).is_err() {
                    dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
            Order::Tell(written) => {
                let _ = sink.flush();
                let _ = written.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// Writes nothing until it is told to.
    struct Stuck {
        /// Told when the first line has come.
        begun: Sender<()>,
        go_on: Receiver<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Stuck {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let _ = self.begun.send(());
            // The sender is gone once it may go on for good.
            let _ = self.go_on.recv();
            self.written.lock().unwrap().extend_from_slice(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_is_stuck_holds_nobody_up_and_what_it_misses_is_counted() {
        let (go_on, held) = channel();
        let written = Arc::new(Mutex::new(Vec::new()));
        let (begun, has_begun) = channel();
        let stuck = Stuck {
            begun,
            go_on: held,
            written: Arc::clone(&written),
        };
        let told = Arc::new(Mutex::new(Vec::new()));
        let counts = Arc::clone(&told);
        let mut lines = Lines::start(stuck, move |missed| counts.lock().unwrap().push(missed));
        // It is stuck with the first line before any is missed, or it would tell of those it finds missed then.
        lines.write_all(b"a line\n").unwrap();
        has_begun.recv_timeout(Duration::from_secs(60)).unwrap();
        for _ in 1..3 * WAITING {
            lines.write_all(b"a line\n").unwrap();
        }
        let dropped = usize::try_from(lines.dropped()).unwrap();
        assert!(dropped >= 2 * WAITING - 1, "{dropped}");
        drop(go_on);
        lines.finish(Duration::from_secs(60));
        assert_eq!(
            *told.lock().unwrap(),
            [lines.dropped()],
            "the reader is told, once"
        );
        lines.write_all(&vec![b'x'; 2 * MAX_LINE]).unwrap();
        lines.finish(Duration::from_secs(60));
        let taken = 3 * WAITING - dropped;
        assert_eq!(written.lock().unwrap().len(), 7 * taken + MAX_LINE + 1);
    }
}
