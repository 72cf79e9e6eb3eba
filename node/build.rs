//! Says which commit is built, for `quorate --version`.
//!
//! `QUORATE_COMMIT` says it where there is no repository, as in a package's build. Else it is read from the files of
//! the repository, without Git; that the files of the checkout differ from it is not seen.

use std::fs;
use std::path::{Path, PathBuf};

/// Digits that are shown.
const DIGITS: usize = 12;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=QUORATE_COMMIT");
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let given = std::env::var("QUORATE_COMMIT").ok();
    let commit = given
        .and_then(|given| shown(&given))
        .or_else(checked_out)
        .unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=QUORATE_VERSION={version} (commit {commit})");
}

/// The beginning of a commit's hash, if it is one.
fn shown(hash: &str) -> Option<String> {
    let hash = hash.trim();
    let is_hash = hash.len() >= DIGITS && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hash.then(|| hash[..DIGITS].to_ascii_lowercase())
}

/// The commit that is checked out, if this is a checkout.
fn checked_out() -> Option<String> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").ok()?).join("..");
    let folder = git_folder(&root)?;
    // A worktree shares the branches of the repository that it belongs to.
    let common = match fs::read_to_string(folder.join("commondir")) {
        Ok(path) => folder.join(path.trim()),
        Err(_) => folder.clone(),
    };
    let head = read(&folder.join("HEAD"))?;
    // It grows with each commit and each change of branch.
    read(&folder.join("logs/HEAD"));
    match head.trim().strip_prefix("ref: ") {
        None => shown(&head),
        Some(branch) => {
            let packed = || packed(&read(&common.join("packed-refs"))?, branch);
            read(&common.join(branch))
                .or_else(packed)
                .as_deref()
                .and_then(shown)
        }
    }
}

/// The folder `.git`, or where the file of that name leads.
fn git_folder(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let link = read(&git)?;
    Some(root.join(link.trim().strip_prefix("gitdir: ")?))
}

fn packed(refs: &str, branch: &str) -> Option<String> {
    let mut lines = refs.lines().filter_map(|line| line.split_once(' '));
    lines
        .find(|(_, name)| *name == branch)
        .map(|(hash, _)| hash.to_owned())
}

/// What a file says; this script runs again when it changes. One that is not there is not watched: it would run with
/// each build.
fn read(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    println!("cargo::rerun-if-changed={}", path.display());
    Some(text)
}
