//! The vectors' program, which is written in Python from the page alone.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Where the checkout begins.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The interpreter. A test never goes on without it, or less would be tested than it says.
fn interpreter() -> PathBuf {
    let named = std::env::var_os("QUORATE_PYTHON");
    let program = named.map_or_else(|| PathBuf::from("/usr/bin/python3"), PathBuf::from);
    let tried = Command::new(&program)
        .args(["-c", "import cryptography"])
        .output();
    let found = tried.is_ok_and(|output| output.status.success());
    assert!(
        found,
        "{} is not a Python that has the package `cryptography`: name one in QUORATE_PYTHON",
        program.display()
    );
    program
}

fn run(script: &Path, arguments: &[&OsStr]) {
    let output = Command::new(interpreter())
        .arg(script)
        .args(arguments)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} failed: {errors}", script.display());
}

/// What a script of the checkout prints.
pub(crate) fn printed(script: &str) -> Vec<u8> {
    let output = Command::new(interpreter())
        .arg(root().join(script))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} failed: {errors}");
    output.stdout
}

/// A folder that is removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = format!("{name}-{}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is in the build's own folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Vectors, after a header, and what the verifier in Python answers to each.
pub(crate) struct Vectors {
    pub(crate) header: Value,
    pub(crate) vectors: Vec<Value>,
    pub(crate) answers: Vec<Value>,
}

impl Vectors {
    /// Makes vectors with so many mutants of each proof. `name` tells tests that run at once apart.
    pub(crate) fn make(name: &str, seed: u32, scale: u32) -> Self {
        let folder = Folder::new(name);
        let (vectors, answers) = (folder.0.join("vectors.jsonl"), folder.0.join("answers.jsonl"));
        let (seed, scale) = (seed.to_string(), scale.to_string());
        let generate = root().join("tests/verifier/generate.py");
        let arguments = ["--seed", seed.as_str(), "--scale", scale.as_str(), "--output"].map(OsStr::new);
        run(&generate, &[&arguments[..], &[vectors.as_os_str()][..]].concat());
        let answer = root().join("node/verifier/tests/proofs/answers.py");
        run(&answer, &[vectors.as_os_str(), answers.as_os_str()]);
        let mut made = lines(&vectors);
        Self {
            header: made.remove(0),
            vectors: made,
            answers: lines(&answers),
        }
    }
}

/// True if tests are to take their time.
pub(crate) fn is_long() -> bool {
    std::env::var_os("QUORATE_LONG").is_some_and(|value| value == "1")
}
