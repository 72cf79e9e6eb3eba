//! What the machine is and what this process takes of it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use quorate_tools::localnet::process::Process;
use rustix::time::{ClockId, clock_gettime};

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Processor seconds that this process has used.
pub(crate) fn own_cpu_seconds() -> f64 {
    i32::try_from(std::process::id())
        .ok()
        .and_then(Process::of_pid)
        .and_then(|process| process.cpu_seconds())
        .unwrap_or(0.0)
}

/// Processor time that this thread has used.
pub(crate) fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
}

/// Time by the clock, and the processor time of one thread within it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    /// By the clock.
    pub(crate) wall: Duration,
    /// Of the thread.
    pub(crate) cpu: Duration,
}

impl std::ops::Add for Span {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            wall: self.wall + other.wall,
            cpu: self.cpu + other.cpu,
        }
    }
}

impl std::iter::Sum for Span {
    fn sum<I: Iterator<Item = Self>>(spans: I) -> Self {
        spans.fold(Self::default(), std::ops::Add::add)
    }
}

/// Times the steps of one thread.
pub(crate) struct Stopwatch {
    wall: Instant,
    cpu: Duration,
}

impl Stopwatch {
    /// Begins the first step.
    pub(crate) fn start() -> Self {
        Self {
            wall: Instant::now(),
            cpu: thread_cpu(),
        }
    }

    /// Ends a step and begins the next.
    pub(crate) fn lap(&mut self) -> Span {
        let now = Self::start();
        let span = Span {
            wall: now.wall - self.wall,
            cpu: now.cpu.saturating_sub(self.cpu),
        };
        *self = now;
        span
    }
}

/// Bytes of memory that can be taken without pushing others out, if the system tells.
pub(crate) fn available_memory() -> Option<u64> {
    kibibytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")
}

/// This process's memory in bytes.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(crate) struct Memory {
    /// Resident now.
    pub(crate) resident: u64,
    /// The most that was resident at once.
    pub(crate) peak: u64,
}

impl Memory {
    /// As it is now.
    pub(crate) fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        Self {
            resident: kibibytes(&status, "VmRSS:").unwrap_or(0),
            peak: kibibytes(&status, "VmHWM:").unwrap_or(0),
        }
    }
}

/// A field of `/proc/meminfo` or `/proc/PID/status`, in bytes.
fn kibibytes(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    let number: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(number << 10)
}

/// Bytes of the files in a folder and below. Files that vanish meanwhile count as nothing.
pub(crate) fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(kibibytes(status, "VmRSS:"), Some(1 << 20));
        assert_eq!(kibibytes(status, "VmSwap:"), None);
        let memory = Memory::now();
        assert!(memory.resident > 0 && memory.peak >= memory.resident);
    }

    #[test]
    fn a_folder_is_as_large_as_its_files() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("below")).unwrap();
        fs::write(folder.path().join("a"), [0; 10]).unwrap();
        fs::write(folder.path().join("below/b"), [0; 5]).unwrap();
        assert_eq!(folder_bytes(folder.path()), 15);
        assert_eq!(folder_bytes(&folder.path().join("none")), 0);
    }
}
