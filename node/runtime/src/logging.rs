//! Structured logs on standard error, with a level that can be changed while the node runs.
//!
//! Whoever reads them may be stuck, and whoever sends to this node may cause lines: neither may hold up the
//! node. Lines go through a bounded queue to a thread of their own, and what finds no room is counted and
//! left out. Of each kind of line at `info` and above only so many are written in a while; what an operator
//! asks for besides (`debug`, `trace`) is not limited so.

mod limit;
mod queue;

use std::io::IsTerminal as _;
use std::os::fd::AsFd as _;
use std::sync::OnceLock;
use std::time::Duration;

use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt};

use self::limit::Limit;
use self::queue::Lines;
use crate::config::{LogConfig, LogFormat};

static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();
static LINES: OnceLock<Lines> = OnceLock::new();
/// How long the end of the process waits for the last lines.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Why logging could not be set up or changed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The directives are not understood.
    #[error("`{directives}` is not a log level: {reason} (try `info` or `info,quorate_network=debug`)")]
    Directives {
        /// As given.
        directives: String,
        /// What is wrong with them.
        reason: String,
    },
}

fn filter(directives: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::builder()
        .parse(directives)
        .map_err(|error| LogError::Directives {
            directives: directives.to_owned(),
            reason: error.to_string(),
        })
}

/// Starts logging for the process; later calls only change the level.
pub fn start(config: &LogConfig) -> Result<(), LogError> {
    let filter = filter(&config.level)?;
    let (filter, handle) = reload::Layer::new(filter);
    if FILTER.set(handle).is_err() {
        return set_level(&config.level);
    }
    let registry = tracing_subscriber::registry().with(filter);
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // Not `std::io::stderr`, whose lock a stuck write would hold against everybody.
    let standard_error = std::io::stderr().as_fd().try_clone_to_owned();
    let lines = LINES.get_or_init(|| match standard_error {
        Ok(descriptor) => Lines::start(std::fs::File::from(descriptor), tell_missed),
        Err(_) => Lines::start(std::io::stderr(), tell_missed),
    });
    // A program that links the node may have a subscriber of its own; then that one stays.
    let _ = match config.format {
        LogFormat::Text => registry
            .with(
                fmt::layer()
                    .with_ansi(colours)
                    .with_writer(lines.clone())
                    .with_filter(Limit::default()),
            )
            .try_init(),
        LogFormat::Json => registry
            .with(
                fmt::layer()
                    .json()
                    .with_writer(lines.clone())
                    .with_filter(Limit::default()),
            )
            .try_init(),
    };
    Ok(())
}

/// A line among the others, and in their format, near the place where those that are missing would stand.
fn tell_missed(lines: u64) {
    tracing::warn!(
        lines,
        "lines left out of this log since the start: they were not read in time"
    );
}

/// Waits, but not for long, until the lines so far are written: the process is about to end.
pub fn finish() {
    if let Some(lines) = LINES.get() {
        lines.finish(LAST_LINES);
    }
}

/// Lines left out since the start: the reader was stuck, and there were too many of a kind.
pub(crate) fn left_out() -> (u64, u64) {
    let dropped = LINES.get().map_or(0, Lines::dropped);
    (dropped, limit::suppressed())
}

/// Changes what is logged.
pub fn set_level(directives: &str) -> Result<(), LogError> {
    let filter = filter(directives)?;
    if let Some(handle) = FILTER.get() {
        let failed = |error: reload::Error| LogError::Directives {
            directives: directives.to_owned(),
            reason: error.to_string(),
        };
        handle.reload(filter).map_err(failed)?;
    }
    Ok(())
}
