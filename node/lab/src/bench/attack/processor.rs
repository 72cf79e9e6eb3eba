//! Processor time, held to a part of one: a process that takes no more, or a thread that takes as much.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use quorate_tools::localnet::process::Process;
use rustix::process::Signal;

/// How often it is looked.
const PERIOD: Duration = Duration::from_millis(10);
/// Of processor time, how much may be saved up: what an honest validator takes in a burst.
const SAVED: Duration = Duration::from_millis(100);

/// Holds it for as long as this is kept.
pub(super) struct Holder {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Holder {
    fn new(work: impl FnOnce(&AtomicBool) + Send + 'static) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        Self {
            ended,
            thread: Some(spawn(move || work(&told))),
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It holds nothing that a panic of it could have left half done.
            let _ = thread.join();
        }
    }
}

/// Stops a process whenever it has taken more than this part of a processor, until it has not.
pub(super) fn hold(process: Process, share: f64) -> Holder {
    Holder::new(move |ended| {
        let (mut last, Some(mut used)) = (Instant::now(), process.cpu_seconds()) else {
            return;
        };
        let (mut left, mut is_stopped) = (SAVED.as_secs_f64(), false);
        while !ended.load(Ordering::Relaxed) {
            sleep(PERIOD);
            let Some(now_used) = process.cpu_seconds() else {
                return;
            };
            left += last.elapsed().as_secs_f64() * share - (now_used - used);
            left = left.min(SAVED.as_secs_f64());
            (last, used) = (Instant::now(), now_used);
            let signal = match (left < 0.0, is_stopped) {
                (true, false) => Signal::STOP,
                (false, true) => Signal::CONT,
                _ => continue,
            };
            is_stopped = !is_stopped;
            if process.signal(signal).is_err() {
                return;
            }
        }
        if is_stopped {
            // If it has ended meanwhile there is nothing to let go.
            let _ = process.signal(Signal::CONT);
        }
    })
}

/// Burns this part of a processor, as a validator would that does not run.
pub(super) fn burn(share: f64) -> Holder {
    Holder::new(move |ended| {
        let busy = PERIOD.mul_f64(share.clamp(0.0, 1.0));
        while !ended.load(Ordering::Relaxed) {
            let began = Instant::now();
            while began.elapsed() < busy {
                std::hint::spin_loop();
            }
            sleep(PERIOD - busy);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_held_takes_no_more_than_it_may() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "while :; do :; done"])
            .spawn()
            .unwrap();
        let process = Process::of_pid(i32::try_from(child.id()).unwrap()).unwrap();
        let began = Instant::now();
        let holder = hold(process.clone(), 0.1);
        sleep(Duration::from_millis(1_500));
        drop(holder);
        let (took, spent) = (began.elapsed(), process.cpu_seconds().unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        // Far from what it would take, and far from what a late look lets through.
        let most = took.as_secs_f64() * 0.5;
        assert!(spent <= most, "{spent} s of {most}");
    }
}
