//! A witness beside a simulated network with two histories, and how long it takes until it has the proof.
//!
//! It is the one of `quorate witness run`, in rounds of the length that these have unless told otherwise. It asks the nodes
//! of all honest validators, which show what their validators have certified by then. Simulated networks have no genesis
//! document: in its place it rests on the first block.

use std::cell::Cell;

use quorate_checkpoint::{Note, TilePath};
use quorate_crypto::{Height, SigningKey};
use quorate_ledger::CertifiedHeader;
use quorate_simulator::compare::Network;
use quorate_simulator::compare::stories::Story;
use quorate_simulator::{Certified, Chains, committee, network};
use quorate_verifier::{Anchor, Pin, Proof, ProofBody, Trust};
use quorate_witness::{DEFAULT_EVERY, Found, Settings, Source, Stop, Store, Unseen, Witness};
use tempfile::TempDir;

/// Rounds begin at another time in each of so many seeds.
const PHASES: u64 = 20;

/// Rounds in which it must have found what there is to find.
const MOST_ROUNDS: u64 = 3;

/// The height of the block that the witness rests on.
const PINNED: Height = Height(1);

/// What a witness found in a run.
#[derive(Debug)]
pub(crate) struct Witnessed {
    /// From when two honest validators had certified two blocks of one height until it had the proof, in milliseconds.
    pub(crate) after_ms: u64,
    /// The proof.
    pub(crate) proof: String,
    /// The block that it is checked with, as height and hash.
    pub(crate) trusted: String,
}

/// An honest validator's node.
struct Node<'a> {
    name: String,
    chain: &'a [Certified],
    committees: &'a Proof,
    /// Microseconds of virtual time.
    now: &'a Cell<u64>,
}

impl Node<'_> {
    fn unseen(&self) -> Unseen {
        Unseen {
            by: self.name.clone(),
            reason: "it has no such thing".to_owned(),
        }
    }
}

impl Source for Node<'_> {
    fn name(&self) -> &str {
        &self.name
    }

    async fn head(&self, height: Option<Height>) -> Result<CertifiedHeader, Unseen> {
        let by_now = self.chain.partition_point(|block| block.at_us <= self.now.get());
        let certified = &self.chain[..by_now];
        let block = match height {
            None => certified.last(),
            Some(height) => certified.iter().find(|block| block.head.v1().height == height),
        };
        block.map(|block| block.head.clone()).ok_or_else(|| self.unseen())
    }

    async fn committees(&self) -> Result<Proof, Unseen> {
        Ok(self.committees.clone())
    }

    async fn note(&self, _: u64) -> Result<Option<Note>, Unseen> {
        // What it looks for is in headers: no validator of a simulation signs checkpoints.
        Ok(None)
    }

    async fn tile(&self, _: &TilePath) -> Result<Vec<u8>, Unseen> {
        Err(self.unseen())
    }
}

impl Witnessed {
    /// Runs a story with a witness beside it.
    ///
    /// # Errors
    /// Why it has no proof.
    pub(crate) fn of(story: Story, of: Network, seed: u64) -> Result<Self, String> {
        let chains = story.chains(of, seed);
        let split_us = split_at(&chains).ok_or("nobody honest certified two blocks of one height")?;
        let first = chains.values().find_map(|chain| chain.first());
        let first = first.filter(|first| first.head.v1().height == PINNED);
        let pinned = &first.ok_or("nobody honest has the first block")?.head;
        let trust = Trust::Pinned {
            header: pinned.header.clone(),
            committee: committee(of.validators, of.engine),
        };
        let steps = Vec::new();
        let committees = Proof::new(network(), ProofBody::Committees { trust, steps });
        let now = Cell::new(0);
        let nodes: Vec<Node<'_>> = chains
            .iter()
            .map(|(validator, chain)| Node {
                name: format!("validator-{validator}"),
                chain,
                committees: &committees,
                now: &now,
            })
            .collect();
        let dir = TempDir::new().map_err(|error| error.to_string())?;
        let store = Store::open(dir.path()).map_err(|error| error.to_string())?;
        let settings = Settings {
            anchor: anchor(pinned),
            network: network(),
            key: SigningKey::from_seed(&[1; 32]),
            name: "simulated-witness"
                .parse()
                .expect("it has neither spaces nor plus signs"),
            policy: None,
        };
        let mut witness = Witness::open(settings, store).map_err(|error| error.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let every = u64::try_from(DEFAULT_EVERY.as_micros()).unwrap_or(u64::MAX);
        now.set(seed % PHASES * every / PHASES);
        let mut told = Vec::new();
        while now.get() < split_us + MOST_ROUNDS * every {
            told.clear();
            match runtime.block_on(witness.look(&nodes, &mut told)) {
                Ok(_) => now.set(now.get() + every),
                Err(Stop::Store(error)) => return Err(error.to_string()),
                Err(Stop::Found(found)) => {
                    let Found { text: proof, .. } = *found;
                    let after_ms = now.get().saturating_sub(split_us) / 1_000;
                    let trusted = format!("{PINNED}:{}", pinned.hash());
                    return Ok(Self {
                        after_ms,
                        proof,
                        trusted,
                    });
                }
            }
        }
        Err(format!(
            "a witness found nothing in {MOST_ROUNDS} rounds: {told:?}"
        ))
    }
}

/// What the witness rests on.
fn anchor(pinned: &CertifiedHeader) -> Anchor {
    Anchor {
        genesis: None,
        pin: Some(Pin {
            height: PINNED,
            hash: pinned.hash(),
        }),
    }
}

/// When two validators first had different blocks of one height, in microseconds.
fn split_at(chains: &Chains) -> Option<u64> {
    let all = || chains.values().flatten();
    let of_two = all().flat_map(|one| {
        let others = all().filter(|other| other.head.v1().height == one.head.v1().height);
        let others = others.filter(|other| other.head.hash() != one.head.hash());
        others.map(|other| one.at_us.max(other.at_us))
    });
    of_two.min()
}

#[cfg(test)]
mod tests {
    use quorate_crypto::Engine;
    use quorate_simulator::compare::stories::Survival;
    use quorate_verifier::{Facts, Verifier};

    use super::*;

    /// Checks a proof as somebody does who knows the first block alone.
    fn check(of: Network, seed: u64, proof: &str) {
        let chains = Story::LeaderLies.chains(of, seed);
        let (_, chain) = chains.first_key_value().unwrap();
        let verdicts = Verifier::new(anchor(&chain[0].head)).check_file(proof.as_bytes());
        let verdicts = verdicts.unwrap();
        let Facts::TwoHistories(facts) = &verdicts[0].facts else {
            panic!("{verdicts:?}");
        };
        // Of Raft and Paxos any two quorums share a validator, the one that lied.
        let both = facts.sealed_both.as_ref().unwrap();
        assert!(!both.is_empty() && both.iter().all(|validator| !chains.contains_key(validator)));
    }

    #[test]
    fn a_witness_that_reaches_both_sides_has_the_proof_of_each_fork_in_its_next_round() {
        let every_ms = u64::try_from(DEFAULT_EVERY.as_millis()).unwrap();
        for engine in [Engine::Raft, Engine::Paxos] {
            for faults in [1, 2] {
                let of = Network::tolerating(engine, faults);
                let mut forks = 0;
                for seed in 0..4 {
                    let run = Story::LeaderLies.run(of, seed);
                    let has_two = matches!(run.outcome, Survival::Split { blocks, .. } if blocks > 0);
                    assert_eq!(run.has_two_histories(), has_two);
                    if has_two {
                        forks += 1;
                        let witnessed = Witnessed::of(Story::LeaderLies, of, seed).unwrap();
                        assert!(
                            witnessed.after_ms <= every_ms,
                            "{of:?}, seed {seed}: {witnessed:?}"
                        );
                        check(of, seed, &witnessed.proof);
                    }
                }
                assert!(forks > 0, "{of:?}");
            }
        }
    }

    #[test]
    fn there_is_no_proof_where_nobody_was_split() {
        let of = Network::tolerating(Engine::Pbft, 1);
        let chains = Story::LeaderLies.chains(of, 0);
        assert!(chains.values().all(|chain| chain.len() > 10));
        assert_eq!(split_at(&chains), None);
        assert!(Witnessed::of(Story::LeaderLies, of, 0).is_err());
    }
}
