//! `quorate node doctor`: what keeps a node, or its network, from committing, and what would unblock it.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use quorate_client::schema::{Cause, ConsensusFacts, Finding, Severity};
use quorate_client::text::rfc3339_of;
use quorate_ledger::Timestamp;
use quorate_runtime::config::Home;
use quorate_runtime::diagnosis::diagnose;
use quorate_runtime::quarantine_reason_at;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::file::read_text;
use quorate_tools::localnet::process::{Activity, Process};
use quorate_tools::output::{Output, Tone, printable};
use serde::Serialize;

use super::read_config;

/// How long the node may take to answer.
const ANSWER: Duration = Duration::from_secs(3);

/// A flush that takes longer holds up votes.
const SLOW_FLUSH: Duration = Duration::from_millis(200);

/// The file that is flushed to see whether the disk takes it, and how fast.
const PROBE: &str = ".doctor";

/// The most bytes of a file of the home that are shown.
const MAX_TEXT: u64 = 16 << 10;

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate node doctor --home ./localnet/validator-1

Exit codes: 0 if the node does its work, 6 if it does not answer, 7 if something keeps it or the
network from committing. Run it on the machine of the node; the others' doctors tell their side.")]
pub(crate) struct DoctorArgs {
    /// The home of the node
    #[arg(long, value_name = "HOME", env = "QUORATE_HOME")]
    home: PathBuf,
    /// The node's operations listener, if it is not the one of the home's configuration
    #[arg(long, value_name = "URL", env = "QUORATE_OPS")]
    ops: Option<String>,
    /// Seconds between the two looks that tell standing still from being under way
    #[arg(long, value_name = "SECONDS", env = "QUORATE_LOOK", default_value_t = 3)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=60))]
    look: u64,
}

/// Whether service goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// The certified height grew between the looks.
    Committing,
    /// Nothing waits to be committed.
    Idle,
    /// Something waits, and the height did not grow.
    // The word that readers of the JSON know.
    #[serde(rename = "standing")]
    Stalled,
    /// The node does not answer.
    Silent,
}

/// All that is said.
#[derive(Serialize)]
struct Report {
    node: String,
    verdict: Verdict,
    findings: Vec<Finding>,
    consensus: Option<ConsensusFacts>,
}

/// Looks, says what it finds, and fails if something is in the way.
pub(crate) async fn doctor(args: &DoctorArgs, output: &Output) -> Result<(), Failure> {
    let home = Home::new(&args.home);
    let config = read_config(&home)?;
    let node = args
        .ops
        .clone()
        .unwrap_or_else(|| format!("http://{}", config.operations.listen));
    let mut findings = Vec::from_iter(probe_disk(&home));
    let spinner = output.spinner("looking");
    let looks = look_twice(&node, Duration::from_secs(args.look)).await;
    spinner.finish_and_clear();
    let (verdict, consensus) = match looks {
        Ok((before, after)) => {
            let verdict = verdict(&before, &after);
            findings.extend(conclusions(&after, verdict));
            (verdict, Some(after))
        }
        Err(reason) => {
            findings.push(silence(&home, &node, &reason));
            findings.extend(without_node(&home));
            (Verdict::Silent, None)
        }
    };
    let report = Report {
        node,
        verdict,
        findings,
        consensus,
    };
    output.print(&report, |output| report.text(output))?;
    match verdict {
        Verdict::Silent => Err(Failure::new(Exit::Unreachable, "the node does not answer")),
        _ if report
            .findings
            .iter()
            .any(|finding| finding.severity == Severity::Error) =>
        {
            Err(Failure::new(
                Exit::CheckFailed,
                "something keeps this node or the network from its work",
            ))
        }
        _ => Ok(()),
    }
}

async fn look_twice(node: &str, pause: Duration) -> Result<(ConsensusFacts, ConsensusFacts), String> {
    let before = look(node).await?;
    tokio::time::sleep(pause).await;
    Ok((before, look(node).await?))
}

/// What the node with this operations listener sees.
pub(super) async fn look(node: &str) -> Result<ConsensusFacts, String> {
    let http = quorate_client::plain_http()
        .timeout(ANSWER)
        .build()
        .map_err(|error| error.to_string())?;
    let answer = http.get(format!("{node}/debug/consensus")).send().await;
    let answer = answer.map_err(|error| {
        let what = if error.is_timeout() {
            "no answer in time"
        } else if error.is_connect() {
            "nothing listens there"
        } else {
            "the call failed"
        };
        what.to_owned()
    })?;
    answer
        .json()
        .await
        .map_err(|error| format!("not what a node answers: {error}"))
}

fn verdict(before: &ConsensusFacts, after: &ConsensusFacts) -> Verdict {
    if after.certified > before.certified {
        Verdict::Committing
    } else if before.has_work() && after.has_work() {
        Verdict::Stalled
    } else {
        Verdict::Idle
    }
}

/// What was found, in the light of two looks: what passes by itself is worth a word only if it has not.
fn conclusions(facts: &ConsensusFacts, verdict: Verdict) -> Vec<Finding> {
    let mut findings = diagnose(facts);
    match verdict {
        Verdict::Stalled => {
            for finding in &mut findings {
                if finding.severity == Severity::Passing {
                    finding.severity = Severity::Error;
                }
            }
            findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
            if facts.stalled_since_ms.is_none() {
                findings.push(finding(
                    Severity::Passing,
                    Cause::Waiting,
                    "this has lasted for a few seconds only; a peer that fell silent is not known as one without \
                     a link before ten are over"
                        .to_owned(),
                    "look again then",
                ));
            }
        }
        _ => findings.retain(|finding| finding.severity != Severity::Passing),
    }
    findings
}

fn finding(severity: Severity, cause: Cause, what: String, remedy: impl Into<String>) -> Finding {
    Finding {
        severity,
        cause,
        validators: Vec::new(),
        what,
        remedy: remedy.into(),
    }
}

/// Whether the home's disk takes a small file, and how fast it is on the platter.
fn probe_disk(home: &Home) -> Option<Finding> {
    let path = home.path().join(PROBE);
    let begun = Instant::now();
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(&[0; 4096])?;
        file.sync_all()
    });
    let took = begun.elapsed();
    // It is not there if it could not be made.
    let _ = fs::remove_file(&path);
    match written {
        // Another user's home says nothing about its disk.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => None,
        Err(error) => Some(finding(
            Severity::Error,
            Cause::Disk,
            format!("{} cannot be written: {error}", home.path().display()),
            "make room, or mend the disk; the node stops rather than vote on what it cannot store",
        )),
        Ok(()) if took > SLOW_FLUSH => Some(finding(
            Severity::Warning,
            Cause::Disk,
            format!("the disk took {} ms to flush 4 KiB", took.as_millis()),
            "give the home a faster disk, or find what else uses it: a vote waits for a flush",
        )),
        Ok(()) => None,
    }
}

/// Why there is no answer, as far as the home tells.
fn silence(home: &Home, node: &str, reason: &str) -> Finding {
    let holder = read_text(&home.path().join("lock"), MAX_TEXT)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .and_then(Process::of_pid)
        .filter(|process| runs_a_node(process.pid));
    let (what, remedy) = match holder.map(|process| (process.pid, process.activity())) {
        Some((pid, Activity::Paused)) => (
            format!("the node's process {pid} is paused"),
            format!("let it go on: kill -CONT {pid}"),
        ),
        Some((pid, Activity::Running)) => (
            format!("the node's process {pid} runs and does not answer at {node}: {reason}"),
            "it may be starting, overloaded, or listen elsewhere: name its listener with --ops".to_owned(),
        ),
        _ => (
            format!("no node runs on {}", home.path().display()),
            format!(
                "start it: quorate node run --home {}; the end of its log says why it ended",
                home.path().display()
            ),
        ),
    };
    finding(Severity::Error, Cause::Process, what, remedy)
}

/// Process ids are used again.
fn runs_a_node(pid: i32) -> bool {
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut arguments = arguments.split(|byte| *byte == 0);
    arguments.any(|argument| argument == b"node") && arguments.any(|argument| argument == b"run")
}

/// What the home shows without its node.
fn without_node(home: &Home) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(reason) = quarantine_reason_at(&home.quarantine()) {
        findings.push(finding(
            Severity::Error,
            Cause::Quarantine,
            format!(
                "started, it will follow the chain and not vote: {}",
                printable(reason.trim())
            ),
            "make sure that no other node uses its key; then start it, and run `quorate node rejoin`",
        ));
    } else if home.chain().join("CURRENT").exists() && !home.journal().join("CURRENT").exists() {
        findings.push(finding(
            Severity::Error,
            Cause::Quarantine,
            "its journal is gone while its chain is not: started, it will follow the chain and not vote"
                .to_owned(),
            "put the journal back if it was only moved; a copy of an earlier day is worse than none",
        ));
    }
    findings
}

impl Report {
    fn text(&self, output: &Output) -> String {
        let mut text = String::new();
        if let Some(facts) = &self.consensus {
            let protocol = facts.protocol();
            let dash = |names: &[String]| {
                if names.is_empty() {
                    "nobody".to_owned()
                } else {
                    names.join(", ")
                }
            };
            text = output.fields(&[
                ("validator", printable(&facts.validator)),
                ("height", facts.certified.to_string()),
                (
                    protocol.reign(),
                    format!(
                        "{}, {} {}",
                        facts.view,
                        protocol.leader(),
                        printable(&facts.primary)
                    ),
                ),
                ("linked to", printable(&dash(&facts.connected))),
            ]);
        }
        let (tone, state) = match self.verdict {
            Verdict::Committing => (Tone::Good, "blocks are being committed"),
            Verdict::Idle => (Tone::Good, "nothing waits to be committed"),
            Verdict::Stalled => (Tone::Bad, "transactions wait and nothing is committed"),
            Verdict::Silent => (Tone::Bad, "the node does not answer"),
        };
        text.push_str(&output.fields(&[("state    ", output.paint(tone, state))]));
        let since = self.consensus.as_ref().and_then(|facts| facts.stalled_since_ms);
        if let (Verdict::Stalled, Some(since)) = (self.verdict, since) {
            text.push_str(&output.fields(&[("since    ", rfc3339_of(Timestamp(since)))]));
        }
        for finding in &self.findings {
            let (tone, label) = match finding.severity {
                Severity::Error => (Tone::Bad, "ERROR"),
                Severity::Warning => (Tone::Warning, "WARNING"),
                Severity::Passing => (Tone::Dim, "NOTE"),
            };
            text.push_str(&format!(
                "\n{}: {}\n  do: {}\n",
                output.paint(tone, label),
                printable(&finding.what),
                printable(&finding.remedy)
            ));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(certified: u64, pending: usize) -> ConsensusFacts {
        ConsensusFacts {
            certified,
            pending_transactions: pending,
            begun: false,
            ..ConsensusFacts::default()
        }
    }

    #[test]
    fn only_what_still_waits_after_two_looks_stands_still() {
        assert_eq!(verdict(&facts(1, 1), &facts(2, 1)), Verdict::Committing);
        assert_eq!(verdict(&facts(1, 0), &facts(1, 1)), Verdict::Idle);
        assert_eq!(verdict(&facts(1, 1), &facts(1, 1)), Verdict::Stalled);
        let mut lasting = facts(1, 1);
        lasting.stalled_since_ms = Some(1);
        let stalled = conclusions(&lasting, Verdict::Stalled);
        assert!(stalled.iter().any(|finding| finding.cause == Cause::ViewChange));
        assert!(stalled.iter().all(|finding| finding.severity == Severity::Error));
        assert!(stalled.iter().all(|finding| !finding.remedy.starts_with("wait")));
        assert_eq!(conclusions(&facts(1, 1), Verdict::Committing), []);
    }

    #[test]
    fn a_stall_of_a_few_seconds_is_told_as_one() {
        let stalled = conclusions(&facts(1, 1), Verdict::Stalled);
        let [missing, young] = &stalled[..] else {
            panic!("{stalled:#?}");
        };
        assert_eq!(
            (missing.cause, missing.severity),
            (Cause::ViewChange, Severity::Error)
        );
        assert_eq!(young.severity, Severity::Passing);
        assert!(young.what.contains("a few seconds only"), "{}", young.what);
    }

    #[test]
    fn a_home_whose_journal_is_gone_is_told_without_its_node() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        assert_eq!(without_node(&home), []);
        fs::create_dir(home.chain()).unwrap();
        fs::write(home.chain().join("CURRENT"), "").unwrap();
        assert_eq!(without_node(&home)[0].cause, Cause::Quarantine);
    }
}
