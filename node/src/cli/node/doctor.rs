//! `quorate node doctor`: what keeps a node, or its network, from committing, and what would unblock it.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::ProgressBar;
use quorate_client::schema::{Cause, ConsensusFacts, Finding, Severity};
use quorate_client::text::rfc3339_of;
use quorate_ledger::Timestamp;
use quorate_runtime::config::Home;
use quorate_runtime::diagnosis::{diagnose, probe_witness};
use quorate_runtime::quarantine_reason_at;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::file::read_text;
use quorate_tools::localnet::process::{Activity, Process};
use quorate_tools::output::{Output, Tone, printable};
use serde::Serialize;

use super::read_config;

/// How long the node may take to answer.
const ANSWER: Duration = Duration::from_secs(3);

/// How long a node is asked again that runs and does not answer: it may be starting.
const PATIENCE: Duration = Duration::from_secs(12);

/// The pause between two such questions.
const AGAIN: Duration = Duration::from_millis(500);

/// A node that has run for so long has its listeners.
const LISTENS: Duration = Duration::from_secs(10);

/// A node that has run for so long is hardly still starting.
const STARTED: Duration = Duration::from_secs(300);

/// Why there is no answer where no connection was taken.
const NOTHING_LISTENS: &str = "nothing listens there";

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
network from committing, or its disk has damaged its chain. Run it on the machine of the node; the
others' doctors tell their side. A node that runs and does not answer is asked again for 12 s, as it
may be starting.")]
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
    findings.extend(probe_witness(&home));
    let spinner = output.spinner(&format!("asking the node at {node}"));
    let pause = Duration::from_secs(args.look);
    let begun = Instant::now();
    let looks = look_twice(&home, &node, pause, &spinner).await;
    let waited = begun.elapsed();
    spinner.finish_and_clear();
    let (verdict, consensus) = match looks {
        Ok((before, after)) => {
            let verdict = verdict(&before, &after);
            findings.extend(conclusions(&after, verdict, pause));
            (verdict, Some(after))
        }
        Err(reason) => {
            findings.push(silence(&home, &node, &reason, waited));
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
        Verdict::Silent => Err(Failure::new(
            Exit::Unreachable,
            format!(
                "the node does not answer at {}: waited {} s for it",
                report.node,
                waited.as_secs().max(1)
            ),
        )),
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

async fn look_twice(
    home: &Home,
    node: &str,
    pause: Duration,
    spinner: &ProgressBar,
) -> Result<(ConsensusFacts, ConsensusFacts), String> {
    let before = first_look(home, node, spinner).await?;
    let begun = Instant::now();
    loop {
        let left = pause.saturating_sub(begun.elapsed());
        if left.is_zero() {
            break;
        }
        spinner.set_message(format!(
            "the node answers, at height {}; looking again in {} s to see whether it moves",
            before.certified,
            left.as_millis().div_ceil(1_000)
        ));
        tokio::time::sleep(left.min(Duration::from_secs(1))).await;
    }
    let after = look(node).await;
    let after =
        after.map_err(|reason| format!("{reason}, though it had answered {} s before", pause.as_secs()))?;
    Ok((before, after))
}

/// The first look. A node that runs and does not answer is asked again for a while.
async fn first_look(home: &Home, node: &str, spinner: &ProgressBar) -> Result<ConsensusFacts, String> {
    let begun = Instant::now();
    loop {
        let reason = match look(node).await {
            Ok(facts) => return Ok(facts),
            Err(reason) => reason,
        };
        let running = holder(home).filter(|process| process.activity() == Activity::Running);
        let Some(process) = running.filter(|process| may_be_starting(process.age(), &reason)) else {
            return Err(reason);
        };
        if begun.elapsed() >= PATIENCE {
            return Err(reason);
        }
        spinner.set_message(format!(
            "no answer at {node} for {} s; process {} runs and may be starting: asking again, for {} s in all",
            begun.elapsed().as_secs(),
            process.pid,
            PATIENCE.as_secs()
        ));
        tokio::time::sleep(AGAIN).await;
    }
}

/// Whether a node that has run for so long may answer soon. It listens before it opens its databases, and answers
/// after that.
fn may_be_starting(age: Option<Duration>, reason: &str) -> bool {
    reason != NOTHING_LISTENS || age.is_some_and(|age| age < LISTENS)
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
            NOTHING_LISTENS
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
fn conclusions(facts: &ConsensusFacts, verdict: Verdict, pause: Duration) -> Vec<Finding> {
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
                    format!(
                        "nothing was committed in the {} s between two looks, and the node does not speak of a stall \
                         yet, which it does after 10 to 20 s; until then it may count a validator as linked that has \
                         fallen silent",
                        pause.as_secs()
                    ),
                    "run the doctor again in 20 s: who is missing then is who to bring back",
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

/// The node that runs on the home.
fn holder(home: &Home) -> Option<Process> {
    read_text(&home.path().join("lock"), MAX_TEXT)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .and_then(Process::of_pid)
        .filter(|process| runs_a_node(process.pid))
}

/// Why there is no answer, as far as the home tells.
fn silence(home: &Home, node: &str, reason: &str, waited: Duration) -> Finding {
    let holder = holder(home);
    let activity = holder.as_ref().map(Process::activity);
    let (what, remedy) = match (holder, activity) {
        (Some(process), Some(Activity::Paused)) => (
            format!("the node's process {} is paused", process.pid),
            format!("let it go on: kill -CONT {}", process.pid),
        ),
        (Some(process), Some(Activity::Running)) => {
            let age = process.age().unwrap_or_default();
            let what = format!(
                "the node's process {} has run for {} s and gave no answer at {node}, which was waited for for {} s: \
                 {reason}",
                process.pid,
                age.as_secs(),
                waited.as_secs().max(1)
            );
            (what, remedy_of_silence(age, reason).to_owned())
        }
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

/// What to do about a node that has run for so long and does not answer.
fn remedy_of_silence(age: Duration, reason: &str) -> &'static str {
    if reason == NOTHING_LISTENS {
        "it listens elsewhere: its log says where after `the node is up`; name its operations listener with --ops"
    } else if age < STARTED {
        "it may still be starting, which takes longer the longer its chain is: ask again once its log says `the node \
         is up`"
    } else {
        "it is overloaded, or waits for its disk: look at the end of its log, and at the load and the disk of this \
         machine; if nothing moves, restart it"
    }
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

    const LOOK: Duration = Duration::from_secs(3);

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
        let stalled = conclusions(&lasting, Verdict::Stalled, LOOK);
        assert!(stalled.iter().any(|finding| finding.cause == Cause::ViewChange));
        assert!(stalled.iter().all(|finding| finding.severity == Severity::Error));
        assert!(stalled.iter().all(|finding| !finding.remedy.starts_with("wait")));
        assert_eq!(conclusions(&facts(1, 1), Verdict::Committing, LOOK), []);
    }

    /// A node notices a stall after up to 20 s, so what it does not speak of may have lasted for 13.
    #[test]
    fn of_a_stall_that_the_node_does_not_speak_of_no_more_is_said_than_was_seen() {
        let stalled = conclusions(&facts(1, 1), Verdict::Stalled, LOOK);
        let [missing, young] = &stalled[..] else {
            panic!("{stalled:#?}");
        };
        assert_eq!(
            (missing.cause, missing.severity),
            (Cause::ViewChange, Severity::Error)
        );
        assert_eq!(young.severity, Severity::Passing);
        assert!(
            young.what.contains("in the 3 s between two looks"),
            "{}",
            young.what
        );
        assert!(!young.what.contains("only"), "{}", young.what);
        assert!(young.remedy.contains("again in 20 s"), "{}", young.remedy);
    }

    #[test]
    fn a_silent_node_is_waited_for_while_it_may_be_starting_and_told_of_by_what_it_does() {
        let (young, old) = (Duration::from_secs(2), Duration::from_secs(4_000));
        assert!(may_be_starting(Some(young), NOTHING_LISTENS));
        assert!(!may_be_starting(Some(old), NOTHING_LISTENS));
        assert!(!may_be_starting(None, NOTHING_LISTENS));
        assert!(may_be_starting(Some(old), "no answer in time"));
        for (age, reason, word) in [
            (young, "no answer in time", "starting"),
            (old, "no answer in time", "restart it"),
            (old, NOTHING_LISTENS, "--ops"),
        ] {
            let remedy = remedy_of_silence(age, reason);
            assert!(remedy.contains(word), "{remedy}");
        }
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
