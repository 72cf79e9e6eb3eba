//! Which binary is tested. A stale one would say nothing about the sources beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The validator that lies, checked once: `QUORATE_LIAR_BIN`, or beside the binary.
pub(crate) fn liar() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let beside = || quorate().with_file_name("quorate-liar");
        let binary = std::env::var_os("QUORATE_LIAR_BIN").map_or_else(beside, PathBuf::from);
        check(
            &binary,
            "run `cargo build --release -p quorate-liar`, or scripts/test",
        );
        binary
    })
}

/// The binary, checked once.
pub(crate) fn quorate() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let binary = std::env::var_os("QUORATE_BIN").map_or_else(built_here, PathBuf::from);
        check(&binary, "run `cargo build --release -p quorate`, or scripts/test");
        binary
    })
}

fn built_here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/quorate")
}

/// Cargo writes beside a binary which sources it was made from.
fn check(binary: &Path, how: &str) {
    let built = fs::metadata(binary).and_then(|metadata| metadata.modified());
    let built = built.unwrap_or_else(|error| panic!("{}: {error}; {how}", binary.display()));
    let list = binary.with_extension("d");
    let sources = fs::read_to_string(&list)
        .unwrap_or_else(|error| panic!("{}: {error}: its sources are unknown; {how}", list.display()));
    let (_, sources) = sources
        .split_once(": ")
        .expect("a list of sources follows the target's name");
    // Which commit it names says nothing of the sources.
    let sources = sources
        .split_whitespace()
        .filter(|source| !source.contains("/.git/"));
    for source in sources {
        // One that was removed since is a change too.
        let changed = fs::metadata(source).and_then(|metadata| metadata.modified());
        let fresh = changed.is_ok_and(|changed| changed <= built);
        assert!(fresh, "{} is older than {source}; {how}", binary.display());
    }
}
