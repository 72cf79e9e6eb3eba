//! What a node sees of its consensus and its peers, and what follows from that: the answer of
//! `/debug/consensus`, which `quorate node doctor` reads. It is for operators, and no promise as the
//! documents of the client API are.

use quorate_crypto::Engine;
use quorate_ledger::Digest;
use serde::{Deserialize, Serialize};

use super::Webhook;

/// What a node sees, and what follows from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// What it sees.
    #[serde(flatten)]
    pub facts: ConsensusFacts,
    /// The conclusions, the worst first.
    pub findings: Vec<Finding>,
}

/// What a node sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsensusFacts {
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
    /// Since when work has waited while nothing was certified, in milliseconds since 1970. None until that has
    /// lasted 10 s.
    #[serde(default)]
    pub stalled_since_ms: Option<u64>,
    /// Validators that a certificate needs.
    pub quorum: usize,
    /// A quorum sealed another block than this node executed.
    pub diverged: bool,
    /// Why this node observes and does not vote, if so.
    pub quarantined: Option<String>,
    /// What its rejoin has to carry, if it needs one.
    #[serde(default)]
    pub quarantine_token: Option<Digest>,
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
    /// What of the chain on this node's disk is damaged, as far as its self-check has found out.
    #[serde(default)]
    pub damaged: Vec<String>,
    /// The webhooks.
    #[serde(default)]
    pub webhooks: Vec<Webhook>,
}

impl ConsensusFacts {
    /// The protocol, whose words fit; PBFT where the name is none of ours.
    pub fn protocol(&self) -> Engine {
        let others = [Engine::Raft, Engine::Paxos];
        let named = others
            .into_iter()
            .find(|engine| engine.to_string() == self.engine);
        named.unwrap_or(Engine::Pbft)
    }

    /// Whether anything waits to be committed.
    pub fn has_work(&self) -> bool {
        !self.heights.is_empty() || self.unordered_batches > 0 || self.pending_transactions > 0
    }
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
    /// Two processes have lately used its node key at once.
    #[serde(default)]
    pub key_doubled: bool,
    /// It has lately written to another process that uses this node's key.
    #[serde(default)]
    pub own_key_doubled: bool,
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
    /// What is on the disk is not what was written.
    Damage,
    /// This validator may not vote: its journal was lost, is old, or its key is used twice.
    Quarantine,
    /// A key of the home is missing, or is not the one of its seat.
    Key,
    /// This node executed another block than a quorum.
    Divergence,
    /// The primary is being replaced.
    ViewChange,
    /// Something that the protocol waits for, which may come any moment.
    Waiting,
    /// A webhook does not deliver.
    Webhook,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_stand_beside_the_facts_and_after_them() {
        let diagnosis = Diagnosis {
            facts: ConsensusFacts {
                quarantine_token: Some(Digest([7; 32])),
                heights: vec![HeightFacts {
                    height: 43,
                    awaits: "commits".to_owned(),
                    missing: vec!["b".to_owned()],
                }],
                disk_free_bytes: Some(u64::MAX),
                ..ConsensusFacts::default()
            },
            findings: vec![Finding {
                severity: Severity::Passing,
                cause: Cause::ViewChange,
                validators: Vec::new(),
                what: "view 2 has not begun".to_owned(),
                remedy: "wait".to_owned(),
            }],
        };
        let mut flat = serde_json::to_value(&diagnosis.facts).unwrap();
        flat["findings"] = serde_json::to_value(&diagnosis.findings).unwrap();
        let text = serde_json::to_string(&diagnosis).unwrap();
        assert_eq!(text, flat.to_string());
        assert_eq!(serde_json::from_str::<Diagnosis>(&text).unwrap(), diagnosis);
    }
}
