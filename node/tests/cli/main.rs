//! The command line from outside: help, usage errors and exit codes that need no network.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod backup;
mod bad_files;
#[cfg(feature = "lab")]
mod bench;
mod chain;
#[cfg(feature = "lab")]
mod compare;
mod genesis;
mod governance;
mod help;
mod keys;
mod node;
mod signing;
#[path = "../../../tests/skipped.rs"]
mod skipped;
mod tables;
#[cfg(feature = "lab")]
mod trace;
mod usage;
mod version;
mod witness;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use assert_cmd::Command;

/// The binary, without any of its variables from outside.
fn quorate() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("QUORATE_") {
            command.env_remove(name);
        }
    }
    command
}

/// The binary with these arguments, in `dir`.
fn quorate_in(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = quorate();
    command.current_dir(dir).args(arguments);
    command
}

/// Runs it, expects this exit code, and gives standard output and standard error.
fn run(dir: &Path, arguments: &[&str], code: i32) -> (String, String) {
    outcome(quorate_in(dir, arguments), code)
}

fn outcome(mut command: Command, code: i32) -> (String, String) {
    let output = command.output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        output.status.code(),
        Some(code),
        "{command:?}\n{stdout}\n{stderr}"
    );
    (stdout, stderr)
}

/// Standard output as JSON.
fn json(dir: &Path, arguments: &[&str]) -> serde_json::Value {
    let arguments = [arguments, ["--output", "json"].as_slice()].concat();
    let (stdout, _) = run(dir, &arguments, 0);
    serde_json::from_str(&stdout).unwrap()
}

/// Writes a file that its owner alone may use.
fn secret(dir: &Path, file: &str, text: &str) {
    fs::write(dir.join(file), text).unwrap();
    set_mode(&dir.join(file), 0o600);
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Makes a key without a passphrase and gives its address.
fn key(dir: &Path, file: &str) -> String {
    let key = json(dir, &["keys", "new", file, "--no-passphrase"]);
    key["address"].as_str().unwrap().to_owned()
}
