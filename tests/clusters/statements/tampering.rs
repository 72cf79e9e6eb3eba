//! Proofs with something changed: both verifiers refuse each, and say where.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Banks, Statement, answer_on};
use crate::cluster::Ran;

/// How many changes there are: entries left out, balances altered, another bank's entries slipped in.
const CHANGES: usize = 8;

/// Changes a bank's statement in all ways that `tests/verifier/tampered.py` knows, which says how each is refused.
#[track_caller]
pub(super) fn assert_refused(banks: &Banks, own: &Statement, other: &Statement) {
    let folder = own.file.with_extension("tampered");
    std::fs::create_dir(&folder).unwrap();
    let mut tampering = banks.python();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("verifier/tampered.py");
    tampering
        .arg(script)
        .arg(&own.file)
        .arg("--with")
        .arg(&other.file);
    let ran = Ran::of(tampering.arg("--out").arg(&folder).output().unwrap());
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    let changes = ran.json();
    let changes = changes.as_array().unwrap();
    assert_eq!(changes.len(), CHANGES, "{changes:?}");

    let files: Vec<PathBuf> = changes
        .iter()
        .map(|change| change["file"].as_str().unwrap().into())
        .collect();
    let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let second = banks.second_verifier(7, &paths);
    for (change, file) in changes.iter().zip(paths) {
        assert_refusal(change, answer_on(&second, file, "verdict", "refused"));
        let first = banks.verify(7, file);
        assert_eq!(first["result"], "refused", "{change}\n{first}");
        assert_refusal(change, &first["refusal"]);
    }
    // What was changed is a copy.
    assert_eq!(banks.verify(0, &own.file)["result"], "good");
}

/// It is refused for what was changed, at that place or in a part of it.
#[track_caller]
fn assert_refusal(change: &Value, refusal: &Value) {
    let text = |value: &'static str, of: &Value| of[value].as_str().unwrap().to_owned();
    assert_eq!(refusal["code"], change["code"], "{change}\n{refusal}");
    let (found, place) = (text("where", refusal), text("where", change));
    let within = found.strip_prefix(&place);
    assert!(
        within.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '['])),
        "{change}\n{refusal}"
    );
    let reason = text("reason", refusal);
    assert!(reason.contains(&text("words", change)), "{change}\n{refusal}");
}
