//! What came of a fault, in numbers and in a few words.

use quorate_crypto::Engine;
use quorate_simulator::compare::stories::{Story, Summary};
use quorate_simulator::compare::{Network, quantile};
use quorate_tools::output::{Output, Tone};
use serde::Serialize;

use super::witnessed::Witnessed;

/// What came of a fault in all runs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Fault {
    /// Its name for scripts.
    fault: &'static str,
    /// For people.
    pub(crate) what: &'static str,
    /// Whether the protocol says that it keeps its promises under it.
    promised: bool,
    runs: u64,
    /// Something submitted after the fault was certified during it.
    went_on: u64,
    /// Nothing was until it was over; then it went on.
    stood_still: u64,
    /// It did not go on.
    stuck: u64,
    /// Honest validators decided differently.
    decided_differently: u64,
    /// Honest validators hold different certified blocks.
    certified_differently: u64,
    /// Of these runs, those in which a witness that asks them all had the proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    witness: Option<Witness>,
    /// Another rule was broken.
    broken: u64,
    /// An honest validator has proof of the lie.
    liar_proved: u64,
    /// From the fault, or its end where the network stood still, to the next commit.
    median_ms: Option<u64>,
    max_ms: Option<u64>,
    /// The first failure's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<String>,
}

/// What a witness found where there were two histories.
#[derive(Clone, Debug, Serialize)]
struct Witness {
    /// Runs in which it had the proof.
    found: u64,
    /// From when both blocks were certified until it had the proof.
    median_ms: Option<u64>,
    max_ms: Option<u64>,
    /// The first proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<String>,
    /// The block that it is checked with, as `quorate audit verify --trusted` takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted: Option<String>,
    /// Why there is none, the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    missed: Option<String>,
}

impl Witness {
    /// What it found in all runs; none if there was nothing to find.
    fn of(witnessed: Vec<Result<Witnessed, String>>) -> Option<Self> {
        if witnessed.is_empty() {
            return None;
        }
        let (mut times, mut first, mut missed) = (Vec::new(), None, None);
        for one in witnessed {
            match one {
                Ok(found) => {
                    times.push(found.after_ms);
                    first.get_or_insert(found);
                }
                Err(reason) => {
                    missed.get_or_insert(reason);
                }
            }
        }
        let (proof, trusted) = first.map(|first| (first.proof, first.trusted)).unzip();
        Some(Self {
            found: times.len() as u64,
            median_ms: quantile(&mut times, 0.5),
            max_ms: times.last().copied(),
            proof,
            trusted,
            missed,
        })
    }
}

impl Fault {
    /// What the runs of a network came to, and what a witness found in those with two histories.
    pub(crate) fn of(
        network: Network,
        story: Story,
        summary: Summary,
        witnessed: Vec<Result<Witnessed, String>>,
    ) -> Self {
        let lies = story == Story::LeaderLies;
        Self {
            fault: story.name(),
            what: story.words(),
            promised: !lies || network.engine == Engine::Pbft,
            runs: summary.seeds,
            went_on: summary.went_on,
            stood_still: summary.stood_still,
            stuck: summary.stuck,
            decided_differently: summary.split_decisions,
            certified_differently: summary.split_blocks,
            witness: Witness::of(witnessed),
            broken: summary.broken,
            liar_proved: summary.accused,
            median_ms: summary.median_ms,
            max_ms: summary.max_ms,
            words: summary.words,
        }
    }

    /// Whether the protocol did not do what it says that it does.
    pub(crate) fn is_broken_promise(&self) -> bool {
        self.promised && self.went_on + self.stood_still < self.runs
    }

    /// Whether a witness missed what it says that it finds.
    pub(crate) fn is_missed(&self) -> bool {
        self.witness
            .as_ref()
            .is_some_and(|witness| witness.missed.is_some())
    }

    /// A cell of a table.
    pub(crate) fn cell(&self, output: &Output) -> String {
        let times = match (self.median_ms, self.max_ms) {
            (Some(median), Some(max)) => format!("{median} ms, at most {max}"),
            _ => String::new(),
        };
        let of = |count: u64| match count == self.runs {
            true => String::new(),
            false => format!(" in {count} of {}", self.runs),
        };
        let mut parts = Vec::new();
        let mut bad = |count: u64, what: &str| {
            if count > 0 {
                parts.push(output.paint(Tone::Bad, &format!("{what} in {count} of {}", self.runs)));
            }
        };
        // Whoever holds different blocks has decided differently too.
        match self.certified_differently >= self.decided_differently {
            true => bad(self.certified_differently, "TWO HISTORIES"),
            false => {
                bad(self.decided_differently, "DECIDED DIFFERENTLY");
                bad(self.certified_differently, "TWO HISTORIES");
            }
        }
        bad(self.stuck, "STUCK");
        bad(self.broken, "RULE BROKEN");
        if let Some(witness) = &self.witness {
            let (count, all) = (witness.found, self.certified_differently);
            parts.push(match (witness.median_ms, witness.max_ms) {
                (Some(median), Some(max)) if count == all => {
                    let words = format!("a witness proves each: {median} ms, at most {max}");
                    output.paint(Tone::Good, &words)
                }
                _ => output.paint(Tone::Bad, &format!("A WITNESS PROVES {count} OF {all}")),
            });
        }
        if self.went_on > 0 {
            let words = format!("goes on{}: {times}", of(self.went_on));
            parts.push(output.paint(Tone::Good, &words));
        }
        if self.stood_still > 0 {
            let words = format!("waits{}; then {times}", of(self.stood_still));
            parts.push(output.paint(Tone::Warning, &words));
        }
        parts.join("; ")
    }
}
