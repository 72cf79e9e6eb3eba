//! What README and the pages of docs show as commands runs as it is written, and a session shows what is shown. Blocks
//! that say `bash` are run whole; those that say `console` command by command, with what each prints. What stands
//! there for something else wherever it is run (ids, keys, addresses, numbers) may be anything of its kind; ids, keys
//! and addresses are the same wherever the page has the same.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::binary::quorate;
use crate::cluster::command;
use crate::ports::Ports;
use crate::wait::until;

/// How long any of it may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long what is only asked for may take until it is as the page says.
const SETTLING: Duration = Duration::from_secs(60);
/// Commands that only look, and may look again.
const LOOKING: [&str; 4] = [
    "quorate query",
    "quorate wallet balance",
    "quorate localnet status",
    "quorate node doctor",
];
/// The pages with sessions, in the order in which one goes on where the other ends.
const SESSIONS: [&str; 3] = ["README.md", "docs/settlement.md", "docs/audit.md"];
/// Blocks of commands that are not run here, and why.
const ELSEWHERE: [(&str, &str, &str); 23] = [
    (
        "README.md",
        "scripts/localnet     #",
        "scripts/test is what runs this test",
    ),
    ("README.md", "mkdir consortium", "by the test of its own below"),
    (
        "docs/payments.md",
        "quorate wallet pay payroll.csv",
        "with names in it to be filled in: `cosigned`",
    ),
    (
        "README.md",
        "quorate node rejoin",
        "with names in it to be filled in: `rejoin`",
    ),
    (
        "docs/api.md",
        "quorate query transactions",
        "needs an asset that was minted: `lists`",
    ),
    (
        "docs/api.md",
        "curl -s http://127.0.0.1:8100/v1/proofs",
        "by `auditing`",
    ),
    (
        "docs/api.md",
        "curl -s http://127.0.0.1:8100/v1/log",
        "by `openapi`",
    ),
    (
        "docs/formats.md",
        "NET=",
        "by a test of `documents`, on the page's vectors",
    ),
    (
        "docs/audit.md",
        "scripts/verify-page",
        "by the package's tests, which compare what it makes",
    ),
    (
        "docs/audit.md",
        "quorate keys new witness.key",
        "runs until it is ended: `witnessing`",
    ),
    ("docs/audit.md", "quorate audit policy", "by `witnessing`"),
    (
        "docs/tables.md",
        "quorate audit tables",
        "the same as in docs/audit.md, which is run",
    ),
    (
        "docs/checkpoints.md",
        "quorate keys new witness.key",
        "runs until it is ended: `witnessing`",
    ),
    ("docs/operations.md", "useradd", "makes an account of the system"),
    (
        "docs/operations.md",
        "quorate node backup",
        "with names in it to be filled in: `backup`",
    ),
    (
        "docs/governance.md",
        "quorate wallet grant qr1",
        "with names in it to be filled in",
    ),
    (
        "docs/governance.md",
        "quorate gov propose parameters",
        "by `governing`",
    ),
    (
        "docs/governance.md",
        "quorate gov set-seat 2",
        "with names in it to be filled in",
    ),
    (
        "docs/governance.md",
        "quorate wallet guardians set",
        "with names in it to be filled in",
    ),
    (
        "docs/governance.md",
        "quorate gov report-dormant",
        "with names in it to be filled in",
    ),
    (
        "docs/governance.md",
        "quorate gov propose quota",
        "with names in it to be filled in",
    ),
    ("docs/signing.md", "NODE=", "by `signing`"),
    ("docs/signing.md", "python3 tests/signing", "by `signing`"),
];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The blocks of a page: what language each says, and its text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, block)), None) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{page} has a block that does not end");
    blocks
}

/// A block of commands, by how it begins.
fn block(page: &str, beginning: &str) -> String {
    let found = blocks(page)
        .into_iter()
        .find(|(_, block)| block.starts_with(beginning));
    found
        .unwrap_or_else(|| panic!("{page} has no block `{beginning}…`"))
        .1
}

/// A folder in which pages' commands run, on ports of its own.
struct Place {
    folder: tempfile::TempDir,
    ports: Ports,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            ports: Ports::take(),
        }
    }

    /// A shell for this script. The binary is in its path, and a network that says nothing of ports has those of
    /// this place.
    fn bash(&self, script: &str) -> Command {
        let mut bash = Command::new("bash");
        for (name, _) in command().get_envs() {
            bash.env_remove(name);
        }
        let path = std::env::var("PATH").unwrap();
        let api = self.ports.api;
        bash.args(["-euo", "pipefail", "-c", script])
            .current_dir(self.folder.path())
            .env(
                "PATH",
                format!("{}:{path}", quorate().parent().unwrap().display()),
            )
            .env("QUORATE_API_PORT", api.to_string())
            .env("QUORATE_P2P_PORT", self.ports.p2p.to_string())
            .env("QUORATE_NODE", format!("http://127.0.0.1:{api}"))
            .stdin(Stdio::null());
        bash
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for network in ["localnet", "net"] {
            if self.folder.path().join(network).join("localnet.json").exists() {
                // Nobody else will stop it.
                let _ = self
                    .bash(&format!("quorate localnet down --dir {network}"))
                    .output();
            }
        }
    }
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
fn every_block_of_commands_is_run_somewhere() {
    let mut pages = vec!["README.md".to_owned()];
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            pages.push(format!("docs/{name}"));
        }
    }
    let mut unrun = Vec::new();
    let mut excused = 0;
    for page in &pages {
        for (language, block) in blocks(page) {
            let first = block.lines().next().unwrap_or_default();
            match language.as_str() {
                "bash" | "sh" => {
                    let is_elsewhere =
                        |(of, beginning, _): &&(&str, &str, &str)| of == page && block.starts_with(beginning);
                    match ELSEWHERE.iter().find(is_elsewhere) {
                        Some(_) => excused += 1,
                        None if page == "docs/consensus.md" => {}
                        None => unrun.push(format!("{page}: {first}")),
                    }
                }
                // The session below has all of them.
                "console" if SESSIONS.contains(&page.as_str()) => {}
                "console" => unrun.push(format!("{page}: {first}")),
                // What stands in a file, which may begin as a command does.
                "file" => {}
                _ => {
                    if block
                        .lines()
                        .any(|line| line.starts_with("$ ") || line.starts_with("quorate "))
                    {
                        unrun.push(format!(
                            "{page}: {first} (commands that do not say `bash` or `console`)"
                        ));
                    }
                }
            }
        }
    }
    assert!(unrun.is_empty(), "{}", unrun.join("\n"));
    assert_eq!(excused, ELSEWHERE.len());
}

#[test]
fn readmes_network_of_several_organisations_runs_as_it_is_pasted() {
    let place = Place::new();
    let folder = place.folder.path();
    let (stdout, stderr) = (folder.join("stdout"), folder.join("stderr"));
    let mut bash = place.bash(&block("README.md", "mkdir consortium"));
    let bash = bash
        // The first bank has the ports after these.
        .env("API", (place.ports.api - 1).to_string())
        .env("P2P", (place.ports.p2p - 1).to_string())
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
        let log = folder.join(format!("consortium/bank-{bank}/node.log"));
        let log = fs::read_to_string(log).unwrap();
        assert!(log.contains(": stopped height="), "{log}");
    }
}

#[test]
fn the_chapter_on_consensus_shows_commands_that_run() {
    let place = Place::new();
    let ran = place
        .bash(&block("docs/consensus.md", "quorate trace"))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(place.folder.path().join("duel.svg").exists());
}

/// What a session says for values that are others wherever it is run.
#[derive(Clone, Default)]
struct Values(BTreeMap<String, String>);

impl Values {
    /// The command with what these values are here.
    fn fill(&self, command: &str) -> String {
        let mut filled = command.to_owned();
        for (shown, real) in &self.0 {
            filled = filled.replace(shown, real);
        }
        filled
    }

    /// Whether a word is what a page's word stands for.
    fn fits(&mut self, shown: &str, real: &str) -> bool {
        if shown == real {
            return true;
        }
        let is_hash = |word: &str| {
            let hex = word.strip_prefix("ed25519:").unwrap_or(word);
            hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        let is_address = |word: &str| word.starts_with("qr1") && word.len() > 30;
        if (is_hash(shown) && is_hash(real)) || (is_address(shown) && is_address(real)) {
            let known = self.0.entry(shown.to_owned()).or_insert_with(|| real.to_owned());
            return known == real;
        }
        // Files are below the folder in which the network is.
        let below = |path: &str| path.rsplit_once("/localnet/").map(|(_, below)| below.to_owned());
        if shown.starts_with('/') && real.starts_with('/') && below(shown).is_some() {
            return below(shown) == below(real);
        }
        // Numbers, times, ports, shortened hashes, names of validators.
        let has_digit = |word: &str| word.bytes().any(|byte| byte.is_ascii_digit());
        let is_value = |word: &str| has_digit(word) || word == "-";
        !is_hash(shown) && !is_address(shown) && has_digit(shown) && is_value(real)
    }

    fn line_fits(&mut self, shown: &str, real: &str) -> bool {
        let (shown, real) = (words(shown), words(real));
        shown.len() == real.len()
            && shown
                .iter()
                .zip(&real)
                .all(|(shown, real)| self.fits(shown, real))
    }

    /// Whether these lines are what a page shows; `…` stands for any number of lines.
    fn fit(&mut self, shown: &[&str], real: &[&str]) -> bool {
        match (shown.split_first(), real.split_first()) {
            (None, None) => true,
            (Some((&"…", rest)), _) => (0..=real.len()).any(|skipped| {
                let mut values = self.clone();
                let fit = values.fit(rest, &real[skipped..]);
                if fit {
                    *self = values;
                }
                fit
            }),
            (Some((first, shown)), Some((line, real))) => {
                self.line_fits(first, line) && self.fit(shown, real)
            }
            _ => false,
        }
    }
}

/// A line's words; a list of things of one kind, such as validators, is one word however many they are.
fn words(line: &str) -> Vec<&str> {
    let mut words: Vec<&str> = Vec::new();
    for word in line.split_whitespace() {
        let stem = |word: &str| {
            word.trim_end_matches([','])
                .trim_end_matches(|c: char| c.is_ascii_digit())
                .to_owned()
        };
        match words.last_mut() {
            Some(last) if last.ends_with(',') && stem(last) == stem(word) => *last = word,
            _ => words.push(word),
        }
    }
    words
}

/// A session's commands, each with what it shows.
fn session(page: &str) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for (_, block) in blocks(page)
        .into_iter()
        .filter(|(language, _)| language == "console")
    {
        let mut lines = block.lines();
        while let Some(line) = lines.next() {
            let Some(first) = line.strip_prefix("$ ") else {
                commands.last_mut().unwrap().1.push(line.to_owned());
                continue;
            };
            let mut command = first.to_owned();
            while let Some(begun) = command.strip_suffix('\\') {
                command = format!("{begun} {}", lines.next().unwrap().trim());
            }
            commands.push((command, Vec::new()));
        }
    }
    // An empty line parts a command's output from the next command.
    for (_, shown) in &mut commands {
        while shown.last().is_some_and(String::is_empty) {
            shown.pop();
        }
    }
    commands
}

#[test]
fn the_session_of_readme_and_pages_goes_as_it_is_shown() {
    let place = Place::new();
    fs::write(place.folder.path().join("contract.txt"), "hello\n").unwrap();
    let mut values = Values::default();
    let commands: Vec<_> = SESSIONS.iter().flat_map(|page| session(page)).collect();
    assert!(commands.len() >= 10, "{commands:?}");
    for (shown_command, shown) in &commands {
        let mut command = values.fill(shown_command);
        // It builds, and the binary is there.
        if command == "scripts/localnet" {
            command = "quorate localnet up --validators 4 --detach --dir localnet".to_owned();
        }
        for number in 0..4 {
            let (on_page, here) = (8_100 + number, place.ports.api + number);
            command = command.replace(
                &format!("http://127.0.0.1:{on_page}"),
                &format!("http://127.0.0.1:{here}"),
            );
        }
        if let Some(anybody) = values.0.values().find(|value| value.starts_with("qr1")) {
            command = command.replace("ADDRESS", anybody);
        }
        let looks = LOOKING.iter().any(|looking| command.starts_with(looking));
        let deadline = Instant::now() + SETTLING;
        loop {
            let ran = place.bash(&format!("{command} 2>&1")).output().unwrap();
            let printed = String::from_utf8(ran.stdout).unwrap();
            let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
            let real: Vec<&str> = printed.trim_end().lines().collect();
            let mut found = values.clone();
            if found.fit(&shown, &real) {
                values = found;
                break;
            }
            assert!(
                looks && Instant::now() < deadline,
                "{command}\nprints\n{printed}\nand not\n{}",
                shown.join("\n")
            );
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

#[test]
fn a_session_that_differs_does_not_fit() {
    let hash = |digit: &str| digit.repeat(64);
    let shown = [
        "id  ".to_owned() + &hash("a"),
        "…".to_owned(),
        "sealed by  validator-1, validator-2".to_owned(),
    ];
    let fits = |real: &[String]| {
        let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
        let real: Vec<&str> = real.iter().map(String::as_str).collect();
        Values::default().fit(&shown, &real)
    };
    let sealed = "sealed by  validator-1, validator-3, validator-4".to_owned();
    let id = |digit| "id  ".to_owned() + &hash(digit);
    assert!(fits(&[id("b"), sealed.clone()]));
    assert!(fits(&[id("b"), "status  committed".to_owned(), sealed.clone()]));
    assert!(!fits(&[id("b"), "sealed by  nobody".to_owned()]));
    assert!(!fits(&["id  7".to_owned(), sealed.clone()]));
    assert!(!fits(&[id("b"), sealed, "and more".to_owned()]));

    let mut values = Values::default();
    assert!(values.fits(&hash("a"), &hash("b")));
    assert!(!values.fits(&hash("a"), &hash("c")));
}
