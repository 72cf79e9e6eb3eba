//! Tests that this machine, or this user, does not let run.

use std::fs::File;
use std::io::Write as _;

/// Says what is not tested, and why. What a passing test prints, test runners keep to themselves: so it goes past them,
/// and into the file that `QUORATE_SKIPPED` names, which `scripts/test` shows with its verdict.
pub(crate) fn skipped(what: &str) {
    let line = format!("SKIPPED: {what}\n");
    // Nobody may be there to read it.
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os("QUORATE_SKIPPED").filter(|path| !path.is_empty()) {
        let mut file = File::options().create(true).append(true).open(path).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}
