//! Structured logs on standard error, with a level that can be changed while the node runs.

use std::io::IsTerminal as _;
use std::sync::OnceLock;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt};

use crate::config::{LogConfig, LogFormat};

static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

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
    // A program that links the node may have a subscriber of its own; then that one stays.
    let _ = match config.format {
        LogFormat::Text => registry
            .with(fmt::layer().with_ansi(colours).with_writer(std::io::stderr))
            .try_init(),
        LogFormat::Json => registry
            .with(fmt::layer().json().with_writer(std::io::stderr))
            .try_init(),
    };
    Ok(())
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
