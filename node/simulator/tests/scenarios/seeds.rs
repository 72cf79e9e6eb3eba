//! Faults drawn from seeds. `QUORATE_SEEDS` says how many for each test (1,500 unless told, and half as
//! many where epochs end or somebody stays dead), `QUORATE_FIRST_SEED` where to begin.

use quorate_crypto::Engine;
use quorate_simulator::{Command, Random, Scenario, Simulation};

/// Committees that seeds are tried on in turn.
const SIZES: [usize; 7] = [4, 7, 1, 10, 4, 5, 16];

/// The same where crashes are all that is tolerated.
const CRASH_SIZES: [usize; 7] = [3, 5, 1, 7, 2, 4, 6];

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

fn run_seeds(name: &str, otherwise: u64, scenario: impl Fn(usize, u64) -> Scenario) {
    let first = number("QUORATE_FIRST_SEED", 0);
    let count = number("QUORATE_SEEDS", otherwise);
    let (mut events, mut virtual_ms, mut settled_ms, mut view, mut epochs) = (0, 0, 0, 0, 0);
    for seed in first..first + count {
        let scenario = |sizes: [usize; 7]| scenario(sizes[(seed % sizes.len() as u64) as usize], seed);
        let scenario = match scenario(SIZES).engine {
            Engine::Pbft => scenario(SIZES),
            Engine::Raft | Engine::Paxos => scenario(CRASH_SIZES),
        };
        let scenario = scenario.with_slow_disks_drawn();
        let report = Simulation::new(scenario).run().expect_success();
        events += report.events;
        virtual_ms += report.virtual_ms;
        settled_ms = settled_ms.max(report.settled_ms);
        view = view.max(report.view);
        epochs += report.epoch;
    }
    println!(
        "{name}: {count} seeds, {events} events, {} virtual minutes, settled within {settled_ms} ms of the \
         faults' end, views up to {view}, {epochs} epochs ended",
        virtual_ms / 60_000
    );
}

#[test]
fn faulty_links_and_machines_neither_split_nor_stop_the_network() {
    run_seeds("faults", 1_500, Scenario::stormy);
}

#[test]
fn liars_within_the_bound_neither_split_nor_stop_the_network() {
    run_seeds("liars", 1_500, |size, seed| {
        Scenario::stormy(size, seed).with_liars()
    });
}

#[test]
fn liars_that_are_slow_or_complain_neither_split_nor_stop_the_network() {
    run_seeds("slow liars", 750, |size, seed| {
        Scenario::stormy(size, seed).with_slow_liars()
    });
}

#[test]
fn epochs_end_and_begin_under_faults() {
    run_seeds("epochs", 750, |size, seed| {
        Scenario::stormy(size, seed).with_epochs()
    });
}

#[test]
fn epochs_end_and_begin_under_liars() {
    run_seeds("epochs under liars", 750, |size, seed| {
        Scenario::stormy(size, seed).with_liars().with_epochs()
    });
}

#[test]
fn raft_faulty_links_and_machines_neither_split_nor_stop_the_network() {
    run_seeds("raft, faults", 1_500, |size, seed| {
        Scenario::stormy(size, seed).ordered_by(Engine::Raft)
    });
}

#[test]
fn raft_epochs_end_and_begin_under_faults() {
    run_seeds("raft, epochs", 750, |size, seed| {
        Scenario::stormy(size, seed)
            .ordered_by(Engine::Raft)
            .with_epochs()
    });
}

#[test]
fn paxos_faulty_links_and_machines_neither_split_nor_stop_the_network() {
    run_seeds("paxos, faults", 1_500, |size, seed| {
        Scenario::stormy(size, seed).ordered_by(Engine::Paxos)
    });
}

#[test]
fn paxos_epochs_end_and_begin_under_faults() {
    run_seeds("paxos, epochs", 750, |size, seed| {
        Scenario::stormy(size, seed)
            .ordered_by(Engine::Paxos)
            .with_epochs()
    });
}

/// One in so many seeds has members who change the network: each is some seven epochs long.
const GOVERNED_EVERY: u64 = 25;

#[test]
fn members_change_engines_seats_keys_and_parameters_under_faults() {
    let first = number("QUORATE_FIRST_SEED", 0);
    let count = number("QUORATE_SEEDS", 1_500).div_ceil(GOVERNED_EVERY);
    let mut epochs = 0;
    for seed in first..first + count {
        let scenario = Scenario::governed_by_seed(seed);
        epochs += Simulation::new(scenario).run().expect_success().epoch;
    }
    println!("governed: {count} seeds, {epochs} epochs ended");
    assert!(epochs > count, "each changes something");
}

/// The same with as many validators dead for good at the end of the faults as may be: those that are left
/// have no one to spare.
fn with_the_dead(scenario: Scenario) -> Scenario {
    let tolerated = match scenario.engine {
        Engine::Pbft => (scenario.validators - 1) / 3,
        Engine::Raft | Engine::Paxos => (scenario.validators - 1) / 2,
    };
    let mut random = Random::new(scenario.seed ^ 0x0dea_dead);
    let mut alive: Vec<u16> = (0..scenario.validators as u16).collect();
    let at = scenario.faults_end_ms;
    (0..tolerated).fold(scenario, |scenario, _| {
        let place = random.between(0, alive.len() as u64 - 1) as usize;
        scenario.at(at, Command::Crash(alive.swap_remove(place)))
    })
}

#[test]
fn those_that_are_left_go_on_without_the_dead() {
    run_seeds("the dead", 750, |size, seed| {
        with_the_dead(Scenario::stormy(size, seed))
    });
}

#[test]
fn raft_those_that_are_left_go_on_without_the_dead() {
    run_seeds("raft, the dead", 750, |size, seed| {
        with_the_dead(Scenario::stormy(size, seed).ordered_by(Engine::Raft))
    });
}

#[test]
fn paxos_those_that_are_left_go_on_without_the_dead() {
    run_seeds("paxos, the dead", 750, |size, seed| {
        with_the_dead(Scenario::stormy(size, seed).ordered_by(Engine::Paxos))
    });
}
