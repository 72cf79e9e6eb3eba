//! One hook: what its task and those who look at it share.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use quorate_api::{StreamCursor, StreamFilter};
use quorate_client::schema::{DeadLetter, Webhook, WebhookState};
use quorate_crypto::Digest;
use quorate_ledger::{Height, Timestamp};
use tokio::sync::Notify;

use crate::config::HookConfig;
use crate::files::{HookFiles, Progress};
use crate::post::Receiver;

/// The most dead letters of a hook. With as many, it goes on trying the next event, and drops none.
pub const MAX_DEAD: usize = 1_000;

/// Characters of the reason that is kept for a failed attempt.
const MAX_REASON: usize = 300;

/// A hook that can be used.
#[derive(Debug)]
pub(crate) struct Hook {
    pub(crate) config: HookConfig,
    pub(crate) network: Digest,
    pub(crate) filter: StreamFilter,
    pub(crate) receiver: Receiver,
    pub(crate) files: HookFiles,
    state: Mutex<State>,
    /// Somebody has asked for something.
    pub(crate) wake: Notify,
}

/// Where a hook is. Its task alone moves it.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) progress: Progress,
    /// In the order in which they came, at most [`MAX_DEAD`].
    pub(crate) dead: Vec<DeadLetter>,
    /// What of it is not on disk.
    pub(crate) unsaved: Unsaved,
    pub(crate) delivered: u64,
    pub(crate) failed: u64,
    /// Of the event that is tried now.
    pub(crate) attempts: u32,
    pub(crate) next_attempt: Option<Timestamp>,
    pub(crate) error: Option<String>,
    /// The dead letters are to be tried again, and a disabled hook is to go on.
    pub(crate) retry: bool,
}

/// What is not on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unsaved {
    pub(crate) progress: bool,
    pub(crate) dead: bool,
}

impl Unsaved {
    pub(crate) fn any(self) -> bool {
        self.progress || self.dead
    }
}

impl Hook {
    /// A hook that goes on where its files say, or begins. Where it begins is on disk before anything is posted: what
    /// comes next is then not left out, whatever happens.
    pub(crate) fn open(
        config: HookConfig,
        network: Digest,
        tip: Height,
        folder: &Path,
        receiver: Receiver,
    ) -> Result<Self, String> {
        let files = HookFiles::new(network, folder, &config.name);
        let dead = files.dead().map_err(|error| error.to_string())?;
        let kept = files.progress().map_err(|error| error.to_string())?;
        let progress = match kept {
            Some(kept) => kept,
            None => {
                let first = config.from.unwrap_or(Height(tip.0.saturating_add(1)));
                let begun = Progress {
                    cursor: StreamCursor::at(first.max(Height::GENESIS.next())),
                    disabled: false,
                };
                files.write_progress(begun).map_err(|error| error.to_string())?;
                begun
            }
        };
        let state = State {
            progress,
            dead,
            unsaved: Unsaved::default(),
            delivered: 0,
            failed: 0,
            attempts: 0,
            next_attempt: None,
            error: None,
            retry: false,
        };
        Ok(Self {
            filter: config.filter(),
            config,
            network,
            receiver,
            files,
            state: Mutex::new(state),
            wake: Notify::new(),
        })
    }

    /// Locked for moments alone.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for another attempt, of the event that waits and of all dead letters.
    pub(crate) fn retry(&self) {
        self.state().retry = true;
        self.wake.notify_one();
    }

    pub(crate) fn dead(&self) -> Vec<DeadLetter> {
        self.state().dead.clone()
    }

    /// The hook as it is shown, where this is the last certified height.
    pub(crate) fn shown(&self, tip: Height) -> Webhook {
        let state = self.state();
        let next = state.progress.cursor.height;
        Webhook {
            name: self.config.name.clone(),
            url: self.config.shown_url(),
            state: match (state.progress.disabled, &state.error) {
                (true, _) => WebhookState::Disabled,
                (false, Some(_)) => WebhookState::Retrying,
                (false, None) => WebhookState::Delivering,
            },
            height: next,
            behind: tip.0.saturating_add(1).saturating_sub(next.0),
            delivered: state.delivered,
            failed: state.failed,
            dead: u64::try_from(state.dead.len()).unwrap_or(u64::MAX),
            attempts: state.attempts,
            next_attempt: state.next_attempt,
            error: state.error.clone(),
        }
    }
}

impl State {
    /// Notes that an attempt failed.
    pub(crate) fn note_failure(&mut self, reason: &str) {
        self.failed = self.failed.saturating_add(1);
        self.error = Some(shortened(reason));
    }

    /// Notes that an attempt to deliver a dead letter failed.
    pub(crate) fn note_dead_attempt(&mut self, id: &str, reason: &str, at: Timestamp) {
        self.failed = self.failed.saturating_add(1);
        if let Some(letter) = self.dead.iter_mut().find(|letter| letter.id == id) {
            letter.attempts = letter.attempts.saturating_add(1);
            letter.error = shortened(reason);
            letter.at = at;
        }
    }

    /// Moves past an event.
    pub(crate) fn go_past(&mut self, cursor: StreamCursor) {
        self.progress.cursor = cursor;
        self.unsaved.progress = true;
        self.attempts = 0;
        self.next_attempt = None;
    }

    pub(crate) fn set_disabled(&mut self, disabled: bool) {
        self.progress.disabled = disabled;
        self.unsaved.progress = true;
        self.next_attempt = None;
    }
}

fn shortened(reason: &str) -> String {
    reason.chars().take(MAX_REASON).collect()
}
