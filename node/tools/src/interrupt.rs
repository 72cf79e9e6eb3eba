//! Ctrl-C: a command that nothing else cleans up after ends with exit code 130, and leaves the terminal
//! as it found it. Commands that own processes or files in the making take the signal themselves.

use std::io::IsTerminal as _;
use std::sync::Mutex;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::failure::Exit;
use crate::scratch;

/// The terminal as it was before a passphrase was asked for without echo.
static BEFORE_PROMPT: Mutex<Option<Termios>> = Mutex::new(None);

/// Ends the process with exit code 130 at the first Ctrl-C, unless the returned guard was dropped before.
pub fn exit_on_interrupt() -> Guard {
    Guard(tokio::spawn(async {
        if tokio::signal::ctrl_c().await.is_ok() {
            restore_terminal();
            scratch::remove_all();
            eprintln!("interrupted");
            std::process::exit(i32::from(Exit::Interrupted.code()));
        }
    }))
}

/// While it lives, Ctrl-C ends the process.
pub struct Guard(tokio::task::JoinHandle<()>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs `prompt`, which may switch off the terminal's echo, so that an interrupt switches it on again.
pub(crate) fn with_prompt<T>(prompt: impl FnOnce() -> T) -> T {
    remember(
        std::io::stdin()
            .is_terminal()
            .then(|| tcgetattr(std::io::stdin()).ok())
            .flatten(),
    );
    let answer = prompt();
    remember(None);
    answer
}

fn remember(terminal: Option<Termios>) {
    *BEFORE_PROMPT
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner()) = terminal;
}

fn restore_terminal() {
    let before = BEFORE_PROMPT
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
        .take();
    if let Some(before) = before {
        // Nothing better can be done with a terminal that refuses its own former settings.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &before);
    }
}
