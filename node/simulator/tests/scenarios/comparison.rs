//! What the engines are compared by: costs as the protocols' papers have them, faults and elections.

use std::collections::BTreeMap;

use quorate_crypto::Engine;
use quorate_simulator::compare::elections::{LENGTHS, Place, SPREADS, leaderless_us};
use quorate_simulator::compare::stories::{Story, Summary};
use quorate_simulator::compare::{Network, costs, quantile};
use quorate_simulator::{Scenario, Simulation};

const ENGINES: [Engine; 3] = [Engine::Pbft, Engine::Raft, Engine::Paxos];

/// Messages by kind that one batch takes with so many validators.
fn messages(engine: Engine, n: u64) -> BTreeMap<&'static str, u64> {
    let others = n - 1;
    let seals = ("seal", n * others);
    match engine {
        // Castro and Liskov 1999, figure 1, without request and reply.
        Engine::Pbft => BTreeMap::from([
            ("pre-prepare", others),
            ("prepare", others * others),
            ("commit", n * others),
            seals,
        ]),
        // Ongaro and Ousterhout 2014, section 5.3. A follower answers an append when what it holds is durable with
        // its batches, and not the append without entries that tells what is committed.
        Engine::Raft => BTreeMap::from([
            ("append", others),
            ("append reply", others),
            ("append without entries", others),
            seals,
        ]),
        // Lamport 2001, section 2.4: phase 2 alone, and the news of what is chosen.
        Engine::Paxos => BTreeMap::from([
            ("accept", others),
            ("accepted", others),
            ("chosen", others),
            seals,
        ]),
    }
}

#[test]
fn one_batch_takes_the_messages_that_the_papers_say_and_a_seal_from_each_to_each() {
    for engine in ENGINES {
        for faults in [1, 2, 3] {
            let network = Network::tolerating(engine, faults);
            let n = network.validators as u64;
            let alone = costs::alone(network, 5);
            let counted: BTreeMap<_, _> = alone
                .kinds
                .iter()
                .map(|(kind, count)| (*kind, count.messages))
                .collect();
            assert_eq!(counted, messages(engine, n), "{network:?}");
            assert_eq!(alone.consensus.messages, counted.values().sum::<u64>());
            assert_eq!(alone.batches.messages, n - 1, "{network:?}");
            assert!(
                alone.consensus.bytes > 64 * alone.consensus.messages,
                "each is signed"
            );
        }
    }
}

#[test]
fn one_batch_takes_as_many_message_delays_and_flushes_as_the_papers_say() {
    for engine in ENGINES {
        for faults in [1, 2] {
            let network = Network::tolerating(engine, faults);
            let n = network.validators as u64;
            let alone = costs::alone(network, 5);
            // The batch travels first, and seals last.
            let (order, flushes) = match engine {
                Engine::Pbft => (3, 2 * n),
                Engine::Raft | Engine::Paxos => (2, n),
            };
            assert_eq!(alone.decided_tenths, 10 * (1 + order), "{network:?}");
            assert_eq!(alone.certified_everywhere_tenths, 50, "{network:?}");
            assert_eq!(alone.flushes, flushes, "{network:?}");
        }
    }
}

#[test]
fn a_steady_load_is_certified_and_counted_to_the_last_transaction() {
    for engine in ENGINES {
        let network = Network::tolerating(engine, 1);
        let near = costs::steady(network, costs::Distance::Near, 50, 2);
        let far = costs::steady(network, costs::Distance::Far, 50, 2);
        for steady in [&near, &far] {
            assert_eq!(steady.transactions, 2 * 50 * costs::TRANSACTIONS, "{network:?}");
            assert!(steady.median_us <= steady.p99_us, "{network:?}");
        }
        assert!(
            near.median_us < 10_000 && far.median_us > 40_000,
            "{near:?} {far:?}"
        );
        assert!(far.heights < near.heights, "what waits is ordered together");
    }
}

#[test]
fn counting_changes_nothing() {
    for engine in ENGINES {
        for seed in 0..5 {
            let scenario = Scenario::stormy(4, seed).ordered_by(engine);
            let plain = Simulation::new(scenario.clone()).run().expect_success();
            let counted = Simulation::new(scenario).measure(None).expect_success();
            let of = |report: &quorate_simulator::Report| {
                (report.events, report.messages, report.height, report.virtual_ms)
            };
            assert_eq!(of(&plain), of(&counted), "{engine}, seed {seed}");
            let measured = counted.measured.expect("it was counted");
            assert!(measured.votes().messages > 0);
        }
    }
}

/// What came of a story under a few seeds.
fn told(story: Story, network: Network) -> Summary {
    let runs: Vec<_> = (0..4).map(|seed| story.run(network, seed)).collect();
    Story::sum_up(&runs)
}

#[test]
fn every_engine_outlives_what_it_promises_to_and_waits_where_there_is_no_quorum() {
    for engine in ENGINES {
        for faults in [1, 2] {
            let network = Network::tolerating(engine, faults);
            for story in Story::ALL {
                if story == Story::LeaderLies && engine != Engine::Pbft {
                    continue;
                }
                let summary = told(story, network);
                let expected = match story {
                    Story::OneMoreCrashes | Story::NoQuorum => (0, 4),
                    _ => (4, 0),
                };
                let found = (summary.went_on, summary.stood_still);
                assert_eq!(found, expected, "{network:?}, {}: {summary:?}", story.words());
                assert!(summary.max_ms.is_some_and(|ms| ms < 4_000), "{summary:?}");
            }
        }
    }
}

#[test]
fn a_leader_that_lies_splits_raft_and_paxos_and_not_pbft() {
    for faults in [1, 2] {
        for engine in [Engine::Raft, Engine::Paxos] {
            let network = Network::tolerating(engine, faults);
            let summary = told(Story::LeaderLies, network);
            assert!(summary.split_decisions > 0, "{network:?}: {summary:?}");
            assert!(summary.split_blocks > 0, "{network:?}: {summary:?}");
        }
        let summary = told(Story::LeaderLies, Network::tolerating(Engine::Pbft, faults));
        assert_eq!((summary.went_on, summary.split_decisions), (4, 0), "{summary:?}");
    }
}

/// The median time without a leader, in milliseconds.
fn median_ms(engine: Engine, place: Place, range: (u32, u32)) -> u64 {
    let trials = (0..60).map(|seed| leaderless_us(engine, place, range, seed).unwrap_or(u64::MAX));
    quantile(&mut trials.collect::<Vec<_>>(), 0.5).expect("there are trials") / 1_000
}

#[test]
fn elections_are_short_if_timeouts_are_spread() {
    for place in [Place::Links, Place::Disks] {
        let medians = SPREADS.map(|range| median_ms(Engine::Raft, place, range));
        assert!(
            medians[0] > 2 * medians[4],
            "without a spread votes split, until waits double: {place:?} {medians:?}"
        );
        assert!(
            (150..300).contains(&medians[4]),
            "50 ms are enough: {place:?} {medians:?}"
        );
    }
    for engine in [Engine::Raft, Engine::Paxos] {
        let medians = LENGTHS.map(|range| median_ms(engine, Place::Links, range));
        assert!(
            medians[2..].is_sorted(),
            "shorter timeouts notice earlier: {medians:?}"
        );
    }
}

#[test]
fn an_election_is_its_seeds() {
    let once = |seed| leaderless_us(Engine::Raft, Place::Links, (150, 300), seed);
    assert_eq!(once(3), once(3));
    assert_ne!(once(3), once(4));
}
