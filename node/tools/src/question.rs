//! A question before something that cannot be taken back. It is asked at a terminal alone: a script has nobody who
//! could answer.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::failure::Failure;

/// Whether there is somebody to ask.
pub fn can_ask() -> bool {
    io::stdin().is_terminal()
}

/// Asks, and takes nothing but yes for an answer.
pub fn agreed(question: &str) -> Result<bool, Failure> {
    let failed = |error: io::Error| Failure::failed(format!("the terminal cannot be used: {error}"));
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question} [y/N] ")
        .and_then(|()| stderr.flush())
        .map_err(failed)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_yes_is_yes() {
        for answer in ["y\n", "Yes\r\n", " YES "] {
            assert!(is_yes(answer));
        }
        for answer in ["", "\n", "n\n", "yep\n", "да\n"] {
            assert!(!is_yes(answer));
        }
    }
}
