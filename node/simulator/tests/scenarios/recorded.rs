//! What hosts record replays exactly: an engine that was restored from a snapshot goes on as the one of which
//! it was taken, whatever happens, so a snapshot has all of an engine's state.

use quorate_consensus::recording::Ending;
use quorate_crypto::Engine;
use quorate_simulator::replay::{Part, Replay, What, replay};
use quorate_simulator::{Scenario, Scheme, Simulation};

/// Nothing needs to be drawn.
const UNDRAWN: Part = Part {
    from_us: 0,
    to_us: u64::MAX,
    most: 1,
};

fn replayed(recording: &[u8], scenario: &Scenario) -> Replay {
    let scheme = match scenario.real_signatures {
        true => Scheme::Ed25519,
        false => Scheme::KeyedDigest,
    };
    replay(&[recording], &scheme, UNDRAWN).expect("a recording just made")
}

fn stormy(seed: u64) -> Scenario {
    let engine = [Engine::Pbft, Engine::Raft, Engine::Paxos][(seed % 3) as usize];
    let sizes = [4, 3, 5, 1, 7];
    let scenario = Scenario::stormy(sizes[(seed / 3 % 5) as usize], seed).ordered_by(engine);
    match (engine, seed / 15 % 3) {
        (_, 0) => scenario,
        (Engine::Pbft, 1) => scenario.with_liars(),
        _ => scenario.with_epochs(),
    }
}

#[test]
fn recordings_of_stormy_networks_replay_exactly() {
    let (mut inputs, mut starts, mut recordings) = (0, 0, 0);
    for seed in 0..150 {
        let scenario = stormy(seed);
        let report = Simulation::new(scenario.clone()).record().expect_success();
        for recording in &report.recordings {
            let replay = replayed(recording, &scenario);
            assert_eq!(replay.difference, None, "seed {seed}, {}", replay.validator);
            assert_eq!((replay.gaps, replay.ending), (0, Ending::Whole));
            inputs += replay.inputs;
            starts += replay.starts;
            recordings += 1;
        }
    }
    println!("{recordings} recordings, {inputs} inputs, {starts} starts");
    assert!(starts > recordings, "nobody crashed");
}

#[test]
fn recording_changes_nothing() {
    for seed in 0..15 {
        let with = Simulation::new(stormy(seed)).record();
        let without = Simulation::new(stormy(seed)).run();
        assert_eq!((with.events, with.messages), (without.events, without.messages));
    }
}

#[test]
fn a_recording_that_was_changed_is_found_out() {
    let scenario = Scenario::stormy(4, 3);
    let recording = Simulation::new(scenario.clone())
        .record()
        .recordings
        .swap_remove(0);
    let whole = replayed(&recording, &scenario);
    assert!(whole.is_exact());
    // A byte of some frame: its check fails.
    let mut changed = recording.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let damaged = replayed(&changed, &scenario);
    assert!(
        matches!(damaged.ending, Ending::Damaged { .. }),
        "{:?}",
        damaged.ending
    );
    assert!(!damaged.is_exact() && damaged.inputs < whole.inputs);
    // A process that died while it wrote.
    let torn = replayed(&recording[..recording.len() - 5], &scenario);
    assert_eq!((torn.ending, torn.inputs), (Ending::Torn, whole.inputs - 1));
    assert!(torn.is_exact());
}

#[test]
fn messages_that_were_made_up_are_found_out() {
    let scenario = Scenario::stormy(4, 3);
    assert!(!scenario.real_signatures);
    let recording = Simulation::new(scenario).record().recordings.swap_remove(0);
    let replay = replay(&[recording], &Scheme::Ed25519, UNDRAWN).unwrap();
    assert!(matches!(replay.difference.unwrap().what, What::Unverified(_)));
}
