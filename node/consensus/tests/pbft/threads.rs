//! Engines are single-threaded state machines: there is nothing in this package to start a thread with.

use std::path::{Path, PathBuf};

/// What the package may depend on: nothing that runs, waits or talks.
const DEPENDENCIES: [&str; 6] = [
    "bcs",
    "quorate-crypto",
    "quorate-ledger",
    "serde",
    "serde_bytes",
    "thiserror",
];

/// What a runtime, a thread or a lock would be reached by.
const FORBIDDEN: [&str; 9] = [
    "std::thread",
    "std::sync::Mutex",
    "std::sync::RwLock",
    "std::sync::Condvar",
    "std::sync::mpsc",
    "std::sync::atomic",
    "async fn",
    ".await",
    "rayon",
];

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The names in the section `[dependencies]` of a manifest.
fn dependencies(manifest: &str) -> Vec<String> {
    let section = manifest.split("[dependencies]\n").nth(1).unwrap();
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let named = lines.filter(|line| !line.trim().is_empty());
    let mut names: Vec<String> = named
        .map(|line| line.split(['.', ' ', '=']).next().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn pitfall_21_the_protocol_has_no_threads_to_deadlock() {
    let manifest = std::fs::read_to_string(package().join("Cargo.toml")).unwrap();
    assert_eq!(dependencies(&manifest), DEPENDENCIES);
    let lints = std::fs::read_to_string(package().join("clippy.toml")).unwrap();
    for method in ["std::thread::spawn", "std::thread::sleep"] {
        assert!(lints.contains(method), "clippy.toml allows {method}");
    }
    let files = sources(&package().join("src"));
    assert!(files.len() > 10, "the sources are here");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for word in FORBIDDEN {
            // The switch of rules that tests break is a variable of a thread, in test builds.
            let switch = file.ends_with("broken.rs");
            assert!(switch || !text.contains(word), "{} has {word}", file.display());
        }
    }
}
