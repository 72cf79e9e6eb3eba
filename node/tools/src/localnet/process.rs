//! Processes of this machine, known by id and start time together.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// How often a process that is to end is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The variables of this prefix belong to the command that was typed, not to the nodes it starts.
const OWN_VARIABLES: &str = "QUORATE_";

/// A process that can be told from a later one with the same id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The process id.
    pub pid: i32,
    /// The machine's boot and the clock tick of it at which the process started.
    pub started: String,
}

/// What a process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Activity {
    /// It runs, or waits for something.
    Running,
    /// It was stopped by a signal and can be resumed.
    Paused,
    /// It is gone.
    Stopped,
}

impl Process {
    /// The process that has this id now.
    pub fn of_pid(pid: i32) -> Option<Self> {
        let stat = Stat::read(pid)?;
        Some(Self {
            pid,
            started: stat.started()?,
        })
    }

    /// What it is doing; another process with its id is not it.
    pub fn activity(&self) -> Activity {
        match Stat::read(self.pid) {
            Some(stat) if stat.started().as_ref() == Some(&self.started) => match stat.state {
                // Nobody may have asked yet how it ended.
                _ if stat.has_ended() => Activity::Stopped,
                'T' | 't' => Activity::Paused,
                _ => Activity::Running,
            },
            _ => Activity::Stopped,
        }
    }

    /// Processor seconds that it has used, its threads' and the system's on its behalf; none if it is gone.
    pub fn cpu_seconds(&self) -> Option<f64> {
        let stat = Stat::read(self.pid)?;
        let is_it = stat.started().as_ref() == Some(&self.started);
        is_it.then(|| stat.cpu_ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    /// For how long it has run; none if it is gone.
    pub fn age(&self) -> Option<Duration> {
        let stat = Stat::read(self.pid)?;
        let is_it = stat.started().as_ref() == Some(&self.started);
        let uptime = fs::read_to_string("/proc/uptime").ok()?;
        let uptime: f64 = uptime.split_ascii_whitespace().next()?.parse().ok()?;
        let began = stat.start_tick as f64 / rustix::param::clock_ticks_per_second() as f64;
        let age = Duration::try_from_secs_f64((uptime - began).max(0.0)).ok();
        age.filter(|_| is_it)
    }

    /// Whether it has not ended.
    pub fn is_alive(&self) -> bool {
        self.activity() != Activity::Stopped
    }

    /// Sends a signal to exactly this process; false if it has ended.
    pub fn signal(&self, signal: Signal) -> Result<bool, Failure> {
        let failed = |error: rustix::io::Errno| {
            Failure::failed(format!("process {} cannot be signalled: {error}", self.pid))
        };
        let Some(pid) = Pid::from_raw(self.pid) else {
            return Ok(false);
        };
        // The descriptor stays with the process it was opened for, so nothing else can be hit between
        // the look at its start time and the signal.
        let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(descriptor) => descriptor,
            Err(rustix::io::Errno::SRCH) => return Ok(false),
            Err(error) => return Err(failed(error)),
        };
        if !self.is_alive() {
            return Ok(false);
        }
        match pidfd_send_signal(descriptor, signal) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// Waits until it has ended; false if it has not after `patience`.
    pub async fn ended_within(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while self.is_alive() {
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        true
    }
}

/// Starts `quorate node run` on a home, out of reach of this terminal's Ctrl-C. Both its streams go to
/// the end of `log`.
pub(super) fn start_node(home: &Path, log: &Path) -> Result<Child, Failure> {
    let binary = std::env::current_exe()
        .map_err(|error| Failure::failed(format!("this program cannot find itself: {error}")))?;
    let arguments = ["node", "run", "--home"].map(OsString::from);
    start_as(&binary, &arguments, home, log)
}

/// Starts another program on a home, which follows its arguments, in the same way.
pub fn start_as(binary: &Path, arguments: &[OsString], home: &Path, log: &Path) -> Result<Child, Failure> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .map_err(|error| Failure::unwritable(log, &error))?;
    let errors = file
        .try_clone()
        .map_err(|error| Failure::unwritable(log, &error))?;
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with(OWN_VARIABLES) {
            command.env_remove(name);
        }
    }
    command
        .args(arguments)
        .arg(home)
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .map_err(|error| Failure::failed(format!("{} cannot be started: {error}", binary.display())))
}

/// The parts of `/proc/PID/stat` that matter here.
struct Stat {
    state: char,
    cpu_ticks: u64,
    threads: u64,
    start_tick: u64,
}

impl Stat {
    fn read(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The second field is the program's name in brackets and may itself have spaces and brackets.
    fn parse(text: &str) -> Option<Self> {
        let (_, after_name) = text.rsplit_once(')')?;
        let mut fields = after_name.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        // The state is field 3, user and system time fields 14 and 15, the number of threads field 20, the
        // start time field 22.
        let user: u64 = fields.nth(14 - 3 - 1)?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        let threads = fields.nth(20 - 15 - 1)?.parse().ok()?;
        let start_tick = fields.nth(22 - 20 - 1)?.parse().ok()?;
        Some(Self {
            state,
            cpu_ticks: user.saturating_add(system),
            threads,
            start_tick,
        })
    }

    /// Whether all of it has ended. A killed process is a zombie while threads of it still hold its ports
    /// and locks.
    fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X') && self.threads <= 1
    }

    fn started(&self) -> Option<String> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(format!("{}/{}", boot.trim(), self.start_tick))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_brackets_does_not_shift_the_fields() {
        let stat =
            "42 (a) b) S 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 5 18446744073709551615";
        let stat = Stat::parse(stat).unwrap();
        assert_eq!((stat.state, stat.threads, stat.start_tick), ('S', 1, 987_654));
        assert_eq!(stat.cpu_ticks, 5 + 6);
    }

    #[test]
    fn a_zombie_has_ended_only_once_its_last_thread_has() {
        let stat = |state, threads| Stat {
            state,
            cpu_ticks: 0,
            threads,
            start_tick: 0,
        };
        assert!(!stat('Z', 7).has_ended());
        assert!(stat('Z', 1).has_ended());
        assert!(!stat('S', 1).has_ended());
    }

    #[test]
    fn this_process_is_alive_and_one_with_another_start_is_not_it() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let me = Process::of_pid(pid).unwrap();
        assert_eq!(me.activity(), Activity::Running);
        let other = Process {
            pid,
            started: "another boot/1".to_owned(),
        };
        assert_eq!(other.activity(), Activity::Stopped);
        assert!(me.age().unwrap() < Duration::from_secs(3_600));
        assert_eq!(other.age(), None);
        assert!(!other.signal(Signal::KILL).unwrap());
    }

    #[test]
    fn a_child_that_has_ended_is_stopped_before_it_is_waited_for() {
        let mut child = Command::new("true").spawn().unwrap();
        let process = Process::of_pid(i32::try_from(child.id()).unwrap());
        let deadline = Instant::now() + Duration::from_secs(10);
        while process.as_ref().is_some_and(Process::is_alive) {
            assert!(Instant::now() < deadline, "`true` did not end");
            std::thread::sleep(LOOK_EVERY);
        }
        child.wait().unwrap();
    }
}
