//! The binary's own `audit` commands as processes, on all cores or on one.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use quorate_tools::failure::Failure;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde_json::Value;

use crate::bench::blocks::Stop;

/// How often processes are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The binary, with the genesis document that all its commands are given.
pub(super) struct Quorate {
    binary: PathBuf,
    folder: PathBuf,
    genesis: PathBuf,
    stop: Stop,
}

/// A command of `audit`.
pub(super) struct Asked {
    arguments: Vec<OsString>,
    core: Option<usize>,
}

/// What came of one.
pub(super) struct Ran {
    answer: Value,
    /// From the start of the process to its end.
    pub(super) seconds: f64,
}

/// A process that ends with this.
struct Running {
    child: Child,
    began: Instant,
    ended: Option<(ExitStatus, Duration)>,
    /// Where its answer and its messages go.
    files: [PathBuf; 2],
    shown: String,
}

/// The cores that this process may use, by number.
pub(super) fn cores_here() -> Result<Vec<usize>, Failure> {
    let set = sched_getaffinity(None).map_err(|error| Failure::failed(io::Error::from(error)))?;
    Ok((0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect())
}

impl Asked {
    pub(super) fn new(command: &str) -> Self {
        Self {
            arguments: vec![command.into()],
            core: None,
        }
    }

    /// With an option.
    pub(super) fn with(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.flag(name).of(value)
    }

    /// With an option that has no value.
    pub(super) fn flag(self, name: &str) -> Self {
        self.of(name)
    }

    /// With an argument.
    pub(super) fn of(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// On this core alone, if there is one.
    pub(super) fn on(mut self, core: Option<usize>) -> Self {
        self.core = core;
        self
    }
}

impl Ran {
    /// A number of the answer, by its place (RFC 6901).
    pub(super) fn number(&self, place: &str) -> Result<u64, Failure> {
        let found = self.answer.pointer(place).and_then(Value::as_u64);
        found.ok_or_else(|| Failure::failed(format!("the answer of a command has no number at {place}")))
    }
}

impl Quorate {
    pub(super) fn new(folder: &Path, genesis: &Path, stop: &Stop) -> Result<Self, Failure> {
        let binary = std::env::current_exe().map_err(Failure::failed)?;
        Ok(Self {
            binary,
            folder: folder.to_owned(),
            genesis: genesis.to_owned(),
            stop: stop.clone(),
        })
    }

    /// Runs a command to its end.
    pub(super) fn run(&self, asked: Asked) -> Result<Ran, Failure> {
        let (mut ran, _) = self.run_all(vec![asked])?;
        Ok(ran.remove(0))
    }

    /// Runs commands side by side, and says how many seconds the last of them took to end.
    pub(super) fn run_all(&self, asked: Vec<Asked>) -> Result<(Vec<Ran>, f64), Failure> {
        let began = Instant::now();
        let mut all = Vec::new();
        for (place, asked) in asked.into_iter().enumerate() {
            all.push(self.start(place, asked)?);
        }
        loop {
            self.stop.check()?;
            let mut is_over = true;
            for running in &mut all {
                is_over &= running.has_ended()?;
            }
            if is_over {
                break;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let seconds = began.elapsed().as_secs_f64();
        let ran = all.iter().map(|running| running.ran(&self.stop));
        Ok((ran.collect::<Result<_, _>>()?, seconds))
    }

    fn start(&self, place: usize, asked: Asked) -> Result<Running, Failure> {
        let files = ["answer", "messages"].map(|name| self.folder.join(format!("{place}.{name}")));
        let [answer, messages] = &files;
        let create = |path: &Path| File::create(path).map_err(|error| Failure::unwritable(path, &error));
        let mut command = Command::new(&self.binary);
        command.arg("audit").args(&asked.arguments);
        command.arg("--genesis").arg(&self.genesis);
        command.args(["--output", "json"]);
        command.stdin(Stdio::null());
        command.stdout(create(answer)?).stderr(create(messages)?);
        // Nothing of the caller's own settings.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("QUORATE_") {
                command.env_remove(name);
            }
        }
        let shown = asked
            .arguments
            .join(OsStr::new(" "))
            .to_string_lossy()
            .into_owned();
        let began = Instant::now();
        let child = match asked.core {
            None => command.spawn(),
            Some(core) => spawn_on(core, &mut command),
        };
        let child = child.map_err(|error| Failure::failed(error).while_doing(self.binary.display()))?;
        Ok(Running {
            child,
            began,
            ended: None,
            files,
            shown,
        })
    }
}

/// Starts a process that runs on one core alone: a process may run where the thread may that starts it.
fn spawn_on(core: usize, command: &mut Command) -> io::Result<Child> {
    let start = || {
        let mut set = CpuSet::new();
        set.set(core);
        sched_setaffinity(None, &set)?;
        command.spawn()
    };
    let started = std::thread::scope(|scope| scope.spawn(start).join());
    started.expect("it does not panic")
}

impl Running {
    fn has_ended(&mut self) -> Result<bool, Failure> {
        if self.ended.is_none() {
            let status = self.child.try_wait().map_err(Failure::failed)?;
            self.ended = status.map(|status| (status, self.began.elapsed()));
        }
        Ok(self.ended.is_some())
    }

    /// Its answer, once it has ended.
    fn ran(&self, stop: &Stop) -> Result<Ran, Failure> {
        let [answer, messages] = &self.files;
        let read = |path: &Path| fs::read_to_string(path).map_err(|error| Failure::io(path, &error));
        let failed = |reason: &str| Failure::failed(format!("quorate audit {}: {reason}", self.shown));
        match self.ended {
            Some((status, past)) if status.success() => Ok(Ran {
                answer: serde_json::from_str(&read(answer)?).map_err(|error| failed(&error.to_string()))?,
                seconds: past.as_secs_f64(),
            }),
            Some((status, _)) => {
                // Ctrl-C reaches it as well.
                stop.check()?;
                let said = read(messages)?;
                Err(failed(&format!("{status}: {}", said.trim_end())))
            }
            None => Err(failed("it has not ended")),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // It may have ended meanwhile.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
