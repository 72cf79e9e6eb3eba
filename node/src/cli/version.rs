//! `quorate version`: which release this is, and the hash of the page that checks proofs.

use clap::Args;
use quorate_crypto::sha256;
use quorate_tools::failure::Failure;
use quorate_tools::output::Output;
use quorate_verifier::page;
use serde::Serialize;

/// Nothing can be said.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate version
  curl -s http://127.0.0.1:8100/verify.html | sha256sum")]
pub(crate) struct VersionArgs {}

/// What `--output json` prints.
#[derive(Serialize)]
struct Release {
    version: &'static str,
    commit: &'static str,
    /// SHA-256 of `verify.html` as this release serves it, and as `scripts/verify-page` makes it of the same sources.
    verify_html_sha256: String,
}

impl Release {
    fn this() -> Self {
        let (version, commit) = env!("QUORATE_VERSION")
            .split_once(" (commit ")
            .unwrap_or((env!("QUORATE_VERSION"), "unknown)"));
        Self {
            version,
            commit: commit.trim_end_matches(')'),
            verify_html_sha256: sha256(page().as_bytes()).to_string(),
        }
    }
}

/// Prints it.
pub(crate) fn run(_: &VersionArgs, output: &Output) -> Result<(), Failure> {
    let release = Release::this();
    output.print(&release, |output| {
        output.fields(&[
            ("version", release.version.to_owned()),
            ("commit", release.commit.to_owned()),
            ("verify.html", format!("SHA-256 {}", release.verify_html_sha256)),
        ])
    })
}
