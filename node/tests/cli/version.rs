//! `quorate version`: the release, and the hash of the page that checks proofs.

use quorate_crypto::sha256;
use quorate_verifier::page;

use crate::{json, run};

#[test]
fn the_release_names_the_hash_of_the_page_that_checks_proofs() {
    let folder = tempfile::tempdir().unwrap();
    let hash = sha256(page().as_bytes()).to_string();
    let (text, _) = run(folder.path(), &["version"], 0);
    let line = text.lines().find(|line| line.starts_with("verify.html"));
    assert!(
        line.is_some_and(|line| line.ends_with(&format!("SHA-256 {hash}"))),
        "{text}"
    );

    let release = json(folder.path(), &["version"]);
    assert_eq!(release["verify_html_sha256"], hash);
    let (flag, _) = run(folder.path(), &["--version"], 0);
    let named = format!(
        "{} (commit {})",
        release["version"].as_str().unwrap(),
        release["commit"].as_str().unwrap()
    );
    assert!(flag.contains(&named), "{flag}");
}
