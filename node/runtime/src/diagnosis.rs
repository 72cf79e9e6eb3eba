//! Why nothing is being committed: what a node can see of itself and its peers, and the conclusions that
//! an operator would draw from it. `/debug/consensus` shows both, and `quorate node doctor` reads them.
//!
//! The conclusions are a pure function of the facts, so that each can be tested without its fault.

mod gather;

pub(crate) use gather::free_bytes;

use std::collections::BTreeSet;

use quorate_client::schema::{
    Cause, ConsensusFacts, Finding, HeightFacts, PeerFindings, Severity, Webhook, WebhookState,
};
use quorate_crypto::Engine;

use crate::config::Home;
use crate::home::{public_key_at, read_genesis, witness_problem};

/// Below this a disk is nearly full.
const LITTLE_DISK_BYTES: u64 = 256 << 20;
/// A certified block's time this far ahead of the clock here cannot be the way of a message.
const CLOCK_TOLERANCE_MS: u64 = 500;

/// The most places of damage that are named.
const SHOWN_DAMAGES: usize = 3;
/// Attempts to deliver one event after which it is worth a word: fewer pass with a receiver's restart.
const WORTH_A_WORD: u32 = 5;

/// What a member has to know where so many validators observe that no quorum is left.
pub const NO_QUORUM_LEFT: &str = "nothing on this chain lets them vote again: a rejoin needs a block, and a \
                                  block needs a quorum. Keep all homes as they are; there is no hidden \
                                  switch, and to remove the file `quarantined` changes nothing";

/// Why a validator does not vote, and whether its network can be rid of that.
pub(crate) fn silenced_by(reason: &str, validators: usize, observing: usize, quorum: usize) -> String {
    let reason = reason.trim();
    match no_quorum_left(validators, observing, quorum) {
        Some(end) => format!("this validator follows the chain and does not vote: {reason}; {end}"),
        None => format!(
            "this validator follows the chain and does not vote until its member lets it rejoin: {reason}"
        ),
    }
}

/// That so many of these validators observe that the others are no quorum, if so.
pub fn no_quorum_left(validators: usize, observing: usize, quorum: usize) -> Option<String> {
    let voting = validators.saturating_sub(observing);
    (observing > 0 && voting < quorum).then(|| {
        let vote = if voting == 1 { "votes" } else { "vote" };
        format!("{voting} of {validators} validators {vote}, and a quorum needs {quorum}: {NO_QUORUM_LEFT}")
    })
}

/// What is wrong with the witness key of a home, whether a node runs on it or not; none if nothing shows. A node agrees
/// without this key, so no other conclusion tells that it is gone.
pub fn probe_witness(home: &Home) -> Option<Finding> {
    let (genesis, _) = read_genesis(home).ok()?;
    let key = public_key_at(&home.validator_key(), &[])?;
    let own = genesis.validators().find(|own| own.validator_key == key)?;
    let what = witness_problem(&home.witness_key(), own.name, own.witness_key)?;
    Some(witness_finding(own.name, what))
}

/// That something is wrong with this validator's witness key.
pub(crate) fn witness_finding(validator: &str, what: String) -> Finding {
    Finding {
        severity: Severity::Warning,
        cause: Cause::Key,
        validators: vec![validator.to_owned()],
        what,
        remedy:
            "put the key that the validator joined with back from a backup: no other can sign its checkpoints"
                .to_owned(),
    }
}

/// The conclusions, the worst first.
pub fn diagnose(facts: &ConsensusFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    diagnose_self(facts, &mut findings);
    diagnose_keys(facts, &mut findings);
    diagnose_links(facts, &mut findings);
    diagnose_progress(facts, &mut findings);
    diagnose_webhooks(facts, &mut findings);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

fn diagnose_self(facts: &ConsensusFacts, findings: &mut Vec<Finding>) {
    let own = || vec![facts.validator.clone()];
    if facts.diverged {
        findings.push(Finding {
            severity: Severity::Error,
            cause: Cause::Divergence,
            validators: own(),
            what: "this node executed another block than the one that a quorum sealed; it votes no more"
                .to_owned(),
            remedy: "keep its home for inspection, and start the validator on a home restored from \
                     another validator's chain"
                .to_owned(),
        });
    }
    if let Some(reason) = &facts.quarantined {
        let rejoin = "make sure that no other node uses its key; then let its member run \
                      `quorate node rejoin`, and it votes again from the next epoch on";
        let last = quorum_lost(facts);
        findings.push(Finding {
            severity: Severity::Error,
            cause: Cause::Quarantine,
            validators: own(),
            what: format!(
                "this validator follows the chain and does not vote: {}",
                reason.trim()
            ),
            remedy: last.unwrap_or_else(|| rejoin.to_owned()),
        });
    }
    diagnose_observers(facts, findings);
    findings.extend(damage_finding(facts));
    if let Some(free) = facts.disk_free_bytes
        && free < LITTLE_DISK_BYTES
    {
        findings.push(Finding {
            severity: Severity::Warning,
            cause: Cause::Disk,
            validators: own(),
            what: format!("the disk of the home has {} MiB left", free >> 20),
            remedy: "make room: a node whose disk is full stops".to_owned(),
        });
    }
    let ahead = facts.certified_time_ms.saturating_sub(facts.clock_ms);
    if ahead > CLOCK_TOLERANCE_MS {
        findings.push(Finding {
            severity: Severity::Warning,
            cause: Cause::Clock,
            validators: own(),
            what: format!("the last certified block's time is {ahead} ms ahead of the clock here"),
            remedy: "set this machine's clock by NTP; if it is right, a primary's clock is ahead".to_owned(),
        });
    }
}

/// That the chain on this node's disk is damaged, if it is. The node goes on; whether its next start does is another
/// matter.
fn damage_finding(facts: &ConsensusFacts) -> Option<Finding> {
    let shown = facts.damaged.get(..SHOWN_DAMAGES).unwrap_or(&facts.damaged);
    let (first, _) = shown.split_first()?;
    let what = match facts.damaged.len() {
        1 => format!("the chain on this node's disk is damaged: {first}"),
        places => format!(
            "the chain on this node's disk is damaged in {places} places, among them: {}",
            shown.join("; ")
        ),
    };
    Some(Finding {
        severity: Severity::Error,
        cause: Cause::Damage,
        validators: vec![facts.validator.clone()],
        what,
        remedy: "let it run, as it may not start again; look at its disk, and when its vote can be spared restore it as \
                 after a lost disk (docs/operations.md, \"Backups\")"
            .to_owned(),
    })
}

/// What others do not vote, and what that leaves.
fn diagnose_observers(facts: &ConsensusFacts, findings: &mut Vec<Finding>) {
    let others = facts.observing.iter().filter(|name| **name != facts.validator);
    let others: Vec<String> = others.cloned().collect();
    if others.is_empty() {
        return;
    }
    if let Some(end) = quorum_lost(facts) {
        findings.push(Finding {
            severity: Severity::Error,
            cause: Cause::Quorum,
            validators: facts.observing.clone(),
            what: format!("{end}; without a vote: {}", facts.observing.join(", ")),
            remedy: "keep all homes as they are, and tell the other members".to_owned(),
        });
        return;
    }
    let (follow, their) = match others.len() {
        1 => ("follows the chain and does not vote", "its"),
        _ => ("follow the chain and do not vote", "their"),
    };
    findings.push(Finding {
        severity: Severity::Warning,
        cause: Cause::Quarantine,
        what: format!("{} {follow}", others.join(", ")),
        remedy: format!("{their} own doctor says why; with `quorate node rejoin` {their} member ends it"),
        validators: others,
    });
}

/// Which node keys two processes use at once.
fn diagnose_keys(facts: &ConsensusFacts, findings: &mut Vec<Finding>) {
    let where_to_read = "docs/operations.md, \"When two processes use one key\", says what to do";
    let named = |is_meant: fn(&PeerFindings) -> bool| -> Vec<String> {
        let meant = facts.peers.iter().filter(|peer| is_meant(peer));
        meant.map(|peer| peer.name.clone()).collect()
    };
    let elsewhere = named(|peer| peer.own_key_doubled);
    if !elsewhere.is_empty() {
        findings.push(Finding {
            severity: Severity::Error,
            cause: Cause::Link,
            what: format!(
                "another process uses this node's key: links of {} lead there",
                elsewhere.join(", ")
            ),
            remedy: format!("a copy of this home runs, or its key was stolen; {where_to_read}"),
            validators: vec![facts.validator.clone()],
        });
    }
    let doubled = named(|peer| peer.key_doubled);
    if !doubled.is_empty() {
        findings.push(Finding {
            severity: Severity::Warning,
            cause: Cause::Link,
            what: format!("two processes use one node key at once: {}", doubled.join(", ")),
            remedy: format!("tell the member; the log here has the addresses of both. {where_to_read}"),
            validators: doubled,
        });
    }
}

fn quorum_lost(facts: &ConsensusFacts) -> Option<String> {
    let own = facts.quarantined.is_some() && !facts.observing.contains(&facts.validator);
    let observing = facts.observing.len() + usize::from(own);
    no_quorum_left(facts.peers.len() + 1, observing, facts.quorum)
}

fn diagnose_links(facts: &ConsensusFacts, findings: &mut Vec<Finding>) {
    for peer in facts.peers.iter().filter(|peer| !peer.connected) {
        let error = peer.error.as_deref().unwrap_or("no attempt has ended yet");
        let (cause, remedy) = cause_of(error);
        findings.push(Finding {
            severity: Severity::Warning,
            cause,
            validators: vec![peer.name.clone()],
            what: format!("no link to {}: {error}", peer.name),
            remedy: remedy.to_owned(),
        });
    }
    let present = facts.peers.iter().filter(|peer| peer.connected).count() + 1;
    if present < facts.quorum {
        let away: Vec<String> = without_link(facts).into_iter().map(str::to_owned).collect();
        let reached = match present {
            1 => "this node reaches no other validator".to_owned(),
            _ => format!(
                "{present} of {} validators reach each other as seen from here",
                facts.peers.len() + 1
            ),
        };
        findings.push(Finding {
            severity: Severity::Error,
            cause: Cause::Quorum,
            what: format!(
                "{reached}, and a quorum needs {}: nothing can be committed without {} more of {}",
                facts.quorum,
                facts.quorum - present,
                away.join(", ")
            ),
            remedy: "bring these back, or their links; nothing is lost meanwhile".to_owned(),
            validators: away,
        });
    }
}

fn diagnose_progress(facts: &ConsensusFacts, findings: &mut Vec<Finding>) {
    // What passes by itself has passed by then.
    let lasts = facts.stalled_since_ms.is_some();
    let protocol = facts.protocol();
    let mut waiting = |cause, validators: Vec<String>, what: String, remedy: &str| {
        findings.push(Finding {
            severity: Severity::Passing,
            cause,
            validators,
            what,
            remedy: remedy.to_owned(),
        });
    };
    if facts.syncing {
        waiting(
            Cause::Waiting,
            Vec::new(),
            format!(
                "certified blocks above {} are fetched from peers",
                facts.certified
            ),
            "wait: votes begin to count once the head is reached",
        );
    }
    if !facts.unanswered.is_empty() {
        waiting(
            Cause::Waiting,
            facts.unanswered.clone(),
            format!(
                "this validator has started, and votes once enough others have told it what they hold \
                 that it signed; still silent: {}",
                facts.unanswered.join(", ")
            ),
            match lasts {
                true => "bring back those without a link: fewer could commit nothing",
                false => "wait; if it lasts, bring back those without a link: fewer could commit nothing",
            },
        );
    }
    if !facts.begun {
        waiting(
            Cause::ViewChange,
            vec![facts.primary.clone()],
            not_begun(facts),
            match lasts {
                true => {
                    "no timeout helps where too few take part: bring back those without a link, and see that \
                         the others run, are not paused and have time and disk: their own doctors say"
                }
                false => "wait: after a timeout another validator is tried",
            },
        );
    }
    // The lowest height blocks all above it.
    if let Some(first) = facts.heights.first() {
        let (cause, remedy) = meaning(facts, first);
        waiting(cause, first.missing.clone(), step_of(facts, first), remedy);
    } else if facts.begun && facts.unordered_batches > 0 {
        waiting(
            Cause::Waiting,
            vec![facts.primary.clone()],
            format!(
                "the {}, {}{}, has not proposed {}",
                protocol.leader(),
                facts.primary,
                state_of(facts, &facts.primary),
                match facts.unordered_batches {
                    1 => "the one batch that waits".to_owned(),
                    many => format!("the {many} batches that wait"),
                }
            ),
            match lasts {
                true => {
                    "see that it runs, is not paused and has time and disk: its own doctor says. It can be \
                         replaced only if a quorum takes part"
                }
                false => "wait: one that stays silent is replaced after a timeout",
            },
        );
    }
}

/// Which webhooks do not deliver. Agreement needs none of them.
fn diagnose_webhooks(facts: &ConsensusFacts, findings: &mut Vec<Finding>) {
    for webhook in &facts.webhooks {
        let name = &webhook.name;
        let error = webhook.error.as_deref().unwrap_or("nothing was said");
        let retry = format!("mend the receiver, then `quorate node webhooks retry {name}`");
        let mut found = |what: String, remedy: String| {
            findings.push(Finding {
                severity: Severity::Warning,
                cause: Cause::Webhook,
                validators: vec![facts.validator.clone()],
                what,
                remedy,
            });
        };
        match webhook.state {
            WebhookState::Unusable => found(
                format!("the webhook {name} posts nothing: {error}"),
                "mend what it says, then restart the node".to_owned(),
            ),
            WebhookState::Disabled => found(
                format!(
                    "the webhook {name} is disabled, {} blocks behind: {error}",
                    webhook.behind
                ),
                retry.clone(),
            ),
            WebhookState::Retrying if webhook.attempts >= WORTH_A_WORD => found(
                format!(
                    "the webhook {name} has tried one event {} times and is {} blocks behind: {error}",
                    webhook.attempts, webhook.behind
                ),
                retry.clone(),
            ),
            WebhookState::Retrying | WebhookState::Delivering => {}
        }
        if webhook.dead > 0 {
            found(
                format!("the webhook {name} has given up {}", events(webhook)),
                format!("{retry}; `quorate node webhooks dead {name}` says why"),
            );
        }
    }
}

fn events(webhook: &Webhook) -> String {
    match webhook.dead {
        1 => "one event".to_owned(),
        many => format!("{many} events"),
    }
}

/// What the reign lacks.
fn not_begun(facts: &ConsensusFacts) -> String {
    let protocol = facts.protocol();
    let lacks = match protocol {
        Engine::Pbft => format!(
            "{}{} has sent no new-view, or too few validators have sent view-changes",
            facts.primary,
            state_of(facts, &facts.primary)
        ),
        Engine::Raft => "no candidate has the votes of a quorum".to_owned(),
        Engine::Paxos => "no proposer has the promises of a quorum".to_owned(),
    };
    format!("{} {} has not begun: {lacks}", protocol.reign(), facts.view)
}

/// Which step a height is at and who is missing, each with what keeps it, if that is known.
fn step_of(facts: &ConsensusFacts, height: &HeightFacts) -> String {
    let missing: Vec<String> = height
        .missing
        .iter()
        .map(|name| format!("{name}{}", state_of(facts, name)))
        .collect();
    let all = facts.peers.len() + 1;
    let step = match height.awaits.as_str() {
        "proposal" => format!("the {}'s proposal", facts.protocol().leader()),
        "batches" => "batches that the proposal names".to_owned(),
        "clock" => "this node's clock, which the proposal is too far from".to_owned(),
        "execution" => "its execution here".to_owned(),
        votes => format!(
            "{votes}, has {} and needs {}",
            all.saturating_sub(height.missing.len()),
            facts.quorum
        ),
    };
    format!(
        "height {} waits for {step}; missing: {}",
        height.height,
        missing.join(", ")
    )
}

/// What a wait means when it lasts.
fn meaning(facts: &ConsensusFacts, height: &HeightFacts) -> (Cause, &'static str) {
    let away = without_link(facts);
    let is_away = |name: &String| away.contains(name.as_str());
    let others = || height.missing.iter().filter(|name| **name != facts.validator);
    match height.awaits.as_str() {
        "clock" => (
            Cause::Clock,
            "compare this machine's clock and the leader's with NTP, and set the one that is off",
        ),
        "batches" => (Cause::Waiting, "wait: they are asked of every validator in turn"),
        "execution" => (Cause::Disk, "look at the load and the disk of this machine"),
        // Everybody is there and nobody votes for what this node proposed.
        "prepares"
            if facts.primary == facts.validator
                && others().count() == facts.peers.len()
                && !others().any(is_away) =>
        {
            (
                Cause::Clock,
                "all others are linked and none votes: this machine's clock may be ahead of theirs, or \
                 they lack the batches; ask their doctors",
            )
        }
        _ if others().any(is_away) => (Cause::Link, "bring back the links of those without one"),
        _ if height.missing.contains(&facts.validator) && facts.quarantined.is_some() => {
            (Cause::Quarantine, "this validator does not vote; the others must")
        }
        _ if facts.stalled_since_ms.is_some() => (
            Cause::Waiting,
            "those missing are linked and silent: paused, overloaded, or with a disk or clock that keeps them \
             from voting; ask their doctors",
        ),
        _ => (
            Cause::Waiting,
            "wait; if it lasts, those missing are linked and silent: paused, overloaded, or with a disk \
             or clock that keeps them from voting; ask their doctors",
        ),
    }
}

fn without_link(facts: &ConsensusFacts) -> BTreeSet<&str> {
    let away = facts.peers.iter().filter(|peer| !peer.connected);
    away.map(|peer| peer.name.as_str()).collect()
}

fn state_of(facts: &ConsensusFacts, name: &str) -> &'static str {
    if name == facts.validator {
        " (this node)"
    } else if without_link(facts).contains(name) {
        " (no link)"
    } else {
        ""
    }
}

/// What a link's last error is a sign of, and what to do. The texts are those of `quorate-network`.
fn cause_of(error: &str) -> (Cause, &'static str) {
    if error.contains("network id") {
        (
            Cause::Genesis,
            "give both the same genesis document: `quorate genesis diff` shows what differs",
        )
    } else if error.contains("protocol version") {
        (Cause::Version, "run the same version of Quorate on both sides")
    } else if error.contains("denied by the operator") {
        (Cause::Link, "allow the peer again: `quorate localnet heal`")
    } else if error.contains("refused") {
        (
            Cause::Link,
            "nothing listens there: start its node, or correct its address",
        )
    } else if error.contains("not a member") {
        (
            Cause::Link,
            "the node there has another node key than the genesis document gives it",
        )
    } else {
        (
            Cause::Link,
            "see that its node runs, and that addresses and firewalls let the two reach each other",
        )
    }
}

#[cfg(test)]
mod tests;
