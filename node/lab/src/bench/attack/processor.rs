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

/// How much processor time a process may take: the larger of two amounts, as either alone starves it when the machine,
/// or the network by what it does, is slower than in the run in which it was measured.
pub(super) struct Allowance {
    /// This part of a processor.
    pub(super) part: f64,
    /// So many times what these take on average.
    pub(super) times: f64,
    /// The others.
    pub(super) others: Vec<Process>,
}

impl Allowance {
    /// Processor seconds since `began`, when the others had taken `taken`.
    fn since(&self, began: Instant, taken: f64) -> f64 {
        let of_others = (self.taken() - taken) * self.times;
        of_others.max(began.elapsed().as_secs_f64() * self.part)
    }

    /// What the others have taken on average; those that have ended, or of which the system does not tell, nothing.
    fn taken(&self) -> f64 {
        let taken: f64 = self.others.iter().filter_map(Process::cpu_seconds).sum();
        taken / self.others.len().max(1) as f64
    }
}

/// Stops a process whenever it has taken more than it may, until it has not.
pub(super) fn hold(process: Process, allowance: Allowance) -> Holder {
    Holder::new(move |ended| {
        let (began, taken) = (Instant::now(), allowance.taken());
        let (mut allowed, Some(mut used)) = (0.0, process.cpu_seconds()) else {
            return;
        };
        let (mut left, mut is_stopped) = (SAVED.as_secs_f64(), false);
        while !ended.load(Ordering::Relaxed) {
            sleep(PERIOD);
            let Some(now_used) = process.cpu_seconds() else {
                return;
            };
            let now_allowed = allowance.since(began, taken).max(allowed);
            left += (now_allowed - allowed) - (now_used - used);
            left = left.min(SAVED.as_secs_f64());
            (allowed, used) = (now_allowed, now_used);
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

    /// What a busy process spends that is held so, and what it might have spent at most.
    fn spends(allowance: Allowance) -> (f64, Duration) {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "while :; do :; done"])
            .spawn()
            .unwrap();
        let process = Process::of_pid(i32::try_from(child.id()).unwrap()).unwrap();
        let began = Instant::now();
        let holder = hold(process.clone(), allowance);
        sleep(Duration::from_millis(1_500));
        drop(holder);
        let (took, spent) = (began.elapsed(), process.cpu_seconds().unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        (spent, took)
    }

    #[test]
    fn a_process_that_is_held_takes_no_more_than_it_may() {
        // Nobody takes less than one that sleeps.
        let mut idle = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let other = Process::of_pid(i32::try_from(idle.id()).unwrap()).unwrap();
        for others in [Vec::new(), vec![other]] {
            let allowance = Allowance {
                part: 0.1,
                times: 1.0,
                others,
            };
            let (spent, took) = spends(allowance);
            // Far from what it would take, and far from what a late look lets through.
            let most = took.as_secs_f64() * 0.5;
            assert!(spent <= most, "{spent} s of {most}");
        }
        idle.kill().unwrap();
        idle.wait().unwrap();
    }

    #[test]
    fn a_process_may_take_as_much_as_others_do() {
        let mut busy = std::process::Command::new("sh")
            .args(["-c", "while :; do :; done"])
            .spawn()
            .unwrap();
        let other = Process::of_pid(i32::try_from(busy.id()).unwrap()).unwrap();
        let allowance = Allowance {
            part: 0.0,
            times: 1.0,
            others: vec![other],
        };
        let (spent, took) = spends(allowance);
        busy.kill().unwrap();
        busy.wait().unwrap();
        // As much as the other, whatever else runs on this machine; the least is what is saved up at first.
        assert!(spent > took.as_secs_f64() * 0.1, "{spent} s of {took:?}");
    }
}
