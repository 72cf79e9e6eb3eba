//! README's "A network of several organisations" is a run that can be pasted: this pastes it.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::binary::quorate;
use crate::cluster::command;
use crate::ports::Ports;
use crate::wait::until;

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The first block of commands under a heading of README.
fn block(heading: &str) -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, section) = readme.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let (_, rest) = section.split_once("\n```bash\n").unwrap();
    rest.split_once("\n```\n").unwrap().0.to_owned()
}

/// A shell with all that it has started, which ends with the test.
struct Shell(Child);

impl Drop for Shell {
    fn drop(&mut self) {
        // It and its nodes are a group of their own; of one that ended by itself nothing is left.
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill")
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
        let _ = self.0.wait();
    }
}

#[test]
fn readmes_network_of_several_organisations_runs_as_it_is_pasted() {
    let folder = tempfile::tempdir().unwrap();
    let ports = Ports::take();
    let (stdout, stderr) = (folder.path().join("stdout"), folder.path().join("stderr"));
    let mut bash = Command::new("bash");
    for (name, _) in command().get_envs() {
        bash.env_remove(name);
    }
    let path = std::env::var("PATH").unwrap();
    let bash = bash
        .args([
            "-euo",
            "pipefail",
            "-c",
            &block("A network of several organisations"),
        ])
        .current_dir(folder.path())
        .env(
            "PATH",
            format!("{}:{path}", quorate().parent().unwrap().display()),
        )
        // The first bank has the ports after these.
        .env("API", (ports.api - 1).to_string())
        .env("P2P", (ports.p2p - 1).to_string())
        .stdin(Stdio::null())
        .stdout(fs::File::create(&stdout).unwrap())
        .stderr(fs::File::create(&stderr).unwrap())
        .process_group(0);
    let mut shell = Shell(bash.spawn().unwrap());
    let ended = until("the run has ended", PATIENCE, || shell.0.try_wait().unwrap());
    let (stdout, stderr) = (
        fs::read_to_string(stdout).unwrap(),
        fs::read_to_string(stderr).unwrap(),
    );
    assert_eq!(ended.code(), Some(0), "{stdout}\n{stderr}");
    assert!(stdout.contains("status  committed\n"), "{stdout}");
    let (_, account) = stdout.rsplit_once("\naddress ").unwrap();
    assert!(account.contains("\nbalances      12.50 EUR\n"), "{stdout}");
    for bank in 1..=4 {
        let log = folder.path().join(format!("consortium/bank-{bank}/node.log"));
        let log = fs::read_to_string(log).unwrap();
        assert!(log.contains(": stopped height="), "{log}");
    }
}
