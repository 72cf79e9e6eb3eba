//! Why nothing is being committed: what a node can see of itself and its peers, and the conclusions that
//! an operator would draw from it. `/debug/consensus` shows both, and `quorate node doctor` reads them.
//!
//! The conclusions are a pure function of the facts, so that each can be tested without its fault.

mod gather;

pub(crate) use gather::free_bytes;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Below this a disk is nearly full.
const LITTLE_DISK_BYTES: u64 = 256 << 20;
/// A certified block's time this far ahead of the clock here cannot be the way of a message.
const CLOCK_TOLERANCE_MS: u64 = 500;

/// What a node sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The protocol.
    pub engine: String,
    /// This node's name.
    pub validator: String,
    /// The view, term or ballot round.
    pub view: u64,
    /// Whether it has begun here; if not, a view change is under way.
    pub begun: bool,
    /// Its primary.
    pub primary: String,
    /// The last height certified here.
    pub certified: u64,
    /// The time of that block, in milliseconds since 1970.
    pub certified_time_ms: u64,
    /// The clock here, in milliseconds since 1970.
    pub clock_ms: u64,
    /// Validators that a certificate needs.
    pub quorum: usize,
    /// A quorum sealed another block than this node executed.
    pub diverged: bool,
    /// Why this node observes and does not vote, if so.
    pub quarantined: Option<String>,
    /// Validators that follow the chain and do not vote, as each says of itself, this one included.
    #[serde(default)]
    pub observing: Vec<String>,
    /// Whether certified blocks are being fetched from peers.
    pub syncing: bool,
    /// What each height in flight waits for.
    pub heights: Vec<HeightFacts>,
    /// Validators that have not told yet what this one signed before its start; none once it votes.
    pub unanswered: Vec<String>,
    /// Batches here that no certified block has.
    pub unordered_batches: usize,
    /// Transactions in the pool.
    pub pending_transactions: usize,
    /// Validators that there is a link to.
    pub connected: Vec<String>,
    /// The other validators.
    pub peers: Vec<PeerFindings>,
    /// Bytes free on the disk of the home, where the system tells.
    pub disk_free_bytes: Option<u64>,
}

/// A height in flight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeightFacts {
    /// The height.
    pub height: u64,
    /// The first thing that it lacks: `proposal`, `batches`, `clock`, `prepares`, `commits`,
    /// `execution` or `seals`.
    pub awaits: String,
    /// The validators that have not given it.
    pub missing: Vec<String>,
}

/// Another validator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerFindings {
    /// Its name.
    pub name: String,
    /// Whether there is a link.
    pub connected: bool,
    /// Why there is none.
    pub error: Option<String>,
    /// The last round trip in microseconds.
    pub round_trip_us: Option<u64>,
    /// The program there, as it says.
    pub software: Option<String>,
}

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

/// What kind of thing is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// No node runs on the home, or it does not answer.
    Process,
    /// A peer cannot be reached.
    Link,
    /// A peer has another genesis document.
    Genesis,
    /// A peer speaks another version of the protocol.
    Version,
    /// Too few validators can be reached for anything to be committed.
    Quorum,
    /// A clock is off.
    Clock,
    /// The disk is nearly full, slow, or refuses writes.
    Disk,
    /// This validator may not vote: its journal was lost, is old, or its key is used twice.
    Quarantine,
    /// This node executed another block than a quorum.
    Divergence,
    /// The primary is being replaced.
    ViewChange,
    /// Something that the protocol waits for, which may come any moment.
    Waiting,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It passes, unless it is still so when asked again.
    Passing,
    /// Service goes on, with less in reserve.
    Warning,
    /// This node, or the network, cannot do its work.
    Error,
}

/// One conclusion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of thing is in the way.
    pub cause: Cause,
    /// The validators it is about.
    pub validators: Vec<String>,
    /// What is so.
    pub what: String,
    /// What would unblock it.
    pub remedy: String,
}

impl Facts {
    /// Whether anything waits to be committed.
    pub fn has_work(&self) -> bool {
        !self.heights.is_empty() || self.unordered_batches > 0 || self.pending_transactions > 0
    }

    /// The conclusions, the worst first.
    pub fn diagnose(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.diagnose_self(&mut findings);
        self.diagnose_links(&mut findings);
        self.diagnose_progress(&mut findings);
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings
    }

    fn diagnose_self(&self, findings: &mut Vec<Finding>) {
        let own = || vec![self.validator.clone()];
        if self.diverged {
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
        if let Some(reason) = &self.quarantined {
            let rejoin = "make sure that no other node uses its key; then let its member run \
                          `quorate node rejoin`, and it votes again from the next epoch on";
            let last = self.no_quorum_left();
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
        self.diagnose_observers(findings);
        if let Some(free) = self.disk_free_bytes
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
        let ahead = self.certified_time_ms.saturating_sub(self.clock_ms);
        if ahead > CLOCK_TOLERANCE_MS {
            findings.push(Finding {
                severity: Severity::Warning,
                cause: Cause::Clock,
                validators: own(),
                what: format!("the last certified block's time is {ahead} ms ahead of the clock here"),
                remedy: "set this machine's clock by NTP; if it is right, a primary's clock is ahead"
                    .to_owned(),
            });
        }
    }

    /// What others do not vote, and what that leaves.
    fn diagnose_observers(&self, findings: &mut Vec<Finding>) {
        let others = self.observing.iter().filter(|name| **name != self.validator);
        let others: Vec<String> = others.cloned().collect();
        if others.is_empty() {
            return;
        }
        if let Some(end) = self.no_quorum_left() {
            findings.push(Finding {
                severity: Severity::Error,
                cause: Cause::Quorum,
                validators: self.observing.clone(),
                what: format!("{end}; without a vote: {}", self.observing.join(", ")),
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

    fn no_quorum_left(&self) -> Option<String> {
        let own = self.quarantined.is_some() && !self.observing.contains(&self.validator);
        let observing = self.observing.len() + usize::from(own);
        no_quorum_left(self.peers.len() + 1, observing, self.quorum)
    }

    fn diagnose_links(&self, findings: &mut Vec<Finding>) {
        for peer in self.peers.iter().filter(|peer| !peer.connected) {
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
        let present = self.peers.iter().filter(|peer| peer.connected).count() + 1;
        if present < self.quorum {
            let away: Vec<String> = self.without_link().into_iter().map(str::to_owned).collect();
            findings.push(Finding {
                severity: Severity::Error,
                cause: Cause::Quorum,
                what: format!(
                    "{present} of {} validators reach each other as seen from here, and a quorum needs {}: \
                     nothing can be committed without {} more of {}",
                    self.peers.len() + 1,
                    self.quorum,
                    self.quorum - present,
                    away.join(", ")
                ),
                remedy: "bring these back, or their links; nothing is lost meanwhile".to_owned(),
                validators: away,
            });
        }
    }

    fn diagnose_progress(&self, findings: &mut Vec<Finding>) {
        let mut waiting = |cause, validators: Vec<String>, what: String, remedy: &str| {
            findings.push(Finding {
                severity: Severity::Passing,
                cause,
                validators,
                what,
                remedy: remedy.to_owned(),
            });
        };
        if self.syncing {
            waiting(
                Cause::Waiting,
                Vec::new(),
                format!("certified blocks above {} are fetched from peers", self.certified),
                "wait: votes begin to count once the head is reached",
            );
        }
        if !self.unanswered.is_empty() {
            waiting(
                Cause::Waiting,
                self.unanswered.clone(),
                format!(
                    "this validator has started, and votes once enough others have told it what they hold \
                     that it signed; still silent: {}",
                    self.unanswered.join(", ")
                ),
                "wait; if it lasts, bring back those without a link: fewer could commit nothing",
            );
        }
        if !self.begun {
            waiting(
                Cause::ViewChange,
                vec![self.primary.clone()],
                format!(
                    "view {} has not begun: missing are view-changes of a quorum, or the new-view of {}{}",
                    self.view,
                    self.primary,
                    self.state_of(&self.primary)
                ),
                "wait: after a timeout the next validator is tried; more than f missing validators must be \
                 brought back",
            );
        }
        // The lowest height blocks all above it.
        if let Some(first) = self.heights.first() {
            let (cause, remedy) = self.meaning(first);
            waiting(cause, first.missing.clone(), self.step_of(first), remedy);
        } else if self.begun && self.unordered_batches > 0 {
            waiting(
                Cause::Waiting,
                vec![self.primary.clone()],
                format!(
                    "a proposal of the primary, {}{}, is waited for; batches to be ordered: {}",
                    self.primary,
                    self.state_of(&self.primary),
                    self.unordered_batches
                ),
                "wait: a primary that stays silent is replaced after the progress timeout",
            );
        }
    }

    /// Which step a height is at and who is missing, each with what keeps it, if that is known.
    fn step_of(&self, height: &HeightFacts) -> String {
        let missing: Vec<String> = height
            .missing
            .iter()
            .map(|name| format!("{name}{}", self.state_of(name)))
            .collect();
        let all = self.peers.len() + 1;
        let step = match height.awaits.as_str() {
            "proposal" => "the primary's proposal".to_owned(),
            "batches" => "batches that the proposal names".to_owned(),
            "clock" => "this node's clock, which the proposal is too far ahead of".to_owned(),
            "execution" => "its execution here".to_owned(),
            votes => format!(
                "{votes}, has {} and needs {}",
                all.saturating_sub(height.missing.len()),
                self.quorum
            ),
        };
        format!(
            "height {} waits for {step}; missing: {}",
            height.height,
            missing.join(", ")
        )
    }

    /// What a wait means when it lasts.
    fn meaning(&self, height: &HeightFacts) -> (Cause, &'static str) {
        let away = self.without_link();
        let is_away = |name: &String| away.contains(name.as_str());
        let others = || height.missing.iter().filter(|name| **name != self.validator);
        match height.awaits.as_str() {
            "clock" => (
                Cause::Clock,
                "compare this machine's clock and the primary's with NTP, and set the one that is off",
            ),
            "batches" => (Cause::Waiting, "wait: they are asked of every validator in turn"),
            "execution" => (Cause::Disk, "look at the load and the disk of this machine"),
            // Everybody is there and nobody votes for what this node proposed.
            "prepares"
                if self.primary == self.validator
                    && others().count() == self.peers.len()
                    && !others().any(is_away) =>
            {
                (
                    Cause::Clock,
                    "all others are linked and none votes: this machine's clock may be ahead of theirs, or \
                     they lack the batches; ask their doctors",
                )
            }
            _ if others().any(is_away) => (Cause::Link, "bring back the links of those without one"),
            _ if height.missing.contains(&self.validator) && self.quarantined.is_some() => {
                (Cause::Quarantine, "this validator does not vote; the others must")
            }
            _ => (
                Cause::Waiting,
                "wait; if it lasts, those missing are linked and silent: paused, overloaded, or with a disk \
                 or clock that keeps them from voting; ask their doctors",
            ),
        }
    }

    fn without_link(&self) -> BTreeSet<&str> {
        let away = self.peers.iter().filter(|peer| !peer.connected);
        away.map(|peer| peer.name.as_str()).collect()
    }

    fn state_of(&self, name: &str) -> &'static str {
        if name == self.validator {
            " (this node)"
        } else if self.without_link().contains(name) {
            " (no link)"
        } else {
            ""
        }
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
