//! Rules about getting on, broken: nothing false is decided then, but batches wait, or leaders change for nothing, or
//! stay. With `--nocapture` each test prints its line of the table, as `broken_rules.rs` does.

use quorate_consensus::Timing;
use quorate_consensus::broken::Rule;
use quorate_crypto::Engine;
use quorate_simulator_broken::chart::{Happening, NoteKind, Phase};
use quorate_simulator_broken::{Broken, Command, Lie, Report, Scenario, Simulation};

/// What the rule is for shows in one of ten seeds when it is broken, and does not with that seed when it is kept.
fn shows(rule: Broken, scenario: &Scenario, how: &str, is_bad: impl Fn(&Report) -> bool) {
    let of = |seed| Scenario {
        seed,
        ..scenario.clone()
    };
    let found = (0..10).find(|seed| is_bad(&Simulation::new(of(*seed).breaking(rule)).run()));
    let seed = found.unwrap_or_else(|| panic!("{rule:?} does not show"));
    println!("| {rule:?} | {} | {how} |", seed + 1);
    let sound = Simulation::new(of(seed)).run().expect_success();
    assert!(!is_bad(&sound), "the same with no rule broken");
}

fn watched(faults_end_ms: u64) -> Scenario {
    Scenario {
        faults_end_ms,
        patience_ms: 5_000,
        ..Scenario::calm(4, 0).without_batches()
    }
}

/// A liar says again what a validator asked before it restarted, and votes no more then.
#[test]
fn questions_that_are_taken_from_whoever_passes_them_on() {
    let scenario = Scenario::calm(4, 0)
        .at(1_000, Command::Crash(2))
        .at(1_100, Command::Start(2))
        .at(1_500, Command::Submit(1, 5))
        .with_liar(3, Lie::Pesterer);
    let scenario = Scenario {
        faults_end_ms: 2_000,
        ..scenario
    };
    let rule = Broken::Engine(Rule::QuestionsPassedOn);
    shows(
        rule,
        &scenario,
        "who restarted waits for answers to old questions",
        |report| report.failure.is_some() || report.longest_wait_ms >= 1_000,
    );
}

#[test]
fn complaints_that_count_for_ever() {
    let scenario = watched(61_000)
        .at(500, Command::TimeOut(1))
        .at(60_000, Command::TimeOut(2));
    let rule = Broken::Engine(Rule::ComplaintsKept);
    shows(
        rule,
        &scenario,
        "two hiccups a minute apart change the view",
        |report| report.view > 0,
    );
}

/// Requests for votes and their answers take longer than an election's timeout.
#[test]
fn attempts_to_lead_that_do_not_become_more_patient() {
    for protocol in [Engine::Raft, Engine::Paxos] {
        let mut scenario = Scenario {
            patience_ms: 20_000,
            ..watched(10_000)
        }
        .ordered_by(protocol)
        .at(500, Command::Submit(1, 1));
        scenario.timing = Timing::SHIPPED;
        scenario.links.least_delay_us = 600_000;
        scenario.links.delay_us = 600_000;
        scenario.calm_delay_us = 600_000;
        let rule = Broken::Engine(Rule::AttemptsNotDoubled);
        shows(
            rule,
            &scenario,
            "on links of 600 ms nobody is elected",
            |report| report.failure.is_some(),
        );
    }
}

/// Each stops in order in one of the runs, so in some whoever leads does.
#[test]
fn paxos_a_proposer_that_stops_and_hands_over_to_nobody() {
    let longest_wait = |rule: Option<Rule>| {
        let runs = (0..3).map(|who| {
            let mut scenario = Scenario::calm(3, 0)
                .ordered_by(Engine::Paxos)
                .without_batches()
                .at(2_000, Command::Stop(who));
            scenario.timing = Timing::SHIPPED;
            scenario.faults_end_ms = 4_000;
            scenario.broken = rule.map(Broken::Engine);
            for at in (1_000..4_000).step_by(20) {
                scenario = scenario.at(at, Command::Submit((who + 1) % 3, 1));
            }
            Simulation::new(scenario).run().expect_success().longest_wait_ms
        });
        runs.max().expect("there are three")
    };
    let (broken, sound) = (longest_wait(Some(Rule::NobodyYields)), longest_wait(None));
    println!("| Engine(NobodyYields) | 1 | a batch waits for {broken} ms, not {sound} ms |");
    assert!(broken >= 200 && sound < 200, "{broken} and {sound} ms");
}

/// One of four says nothing to another, which needs a vote that is on disk later than its height is certified.
#[test]
fn a_vote_that_is_not_sent_as_its_height_is_certified_meanwhile() {
    let last_certified = |rule: Option<Rule>| {
        let runs = (0..20).map(|seed| {
            let mut scenario = watched(3_000)
                .at(0, Command::CutOneWay(3, 2))
                .at(500, Command::Submit(0, 1));
            scenario.seed = seed;
            scenario.timing = Timing::SHIPPED;
            scenario.links.delay_us = 500;
            scenario.machines.chain_flush_us = 100_000;
            scenario.broken = rule.map(Broken::Engine);
            let report = Simulation::new(scenario).chart().expect_success();
            let certifies = |happening: &Happening| match happening {
                Happening::Note(note) if note.event == NoteKind::Certifies => Some(note.at_us / 1_000),
                _ => None,
            };
            let times = report.chart.happenings.iter().filter_map(certifies);
            times.max().expect("it was certified") - 500
        });
        runs.max().expect("there are twenty")
    };
    let rule = Some(Rule::CertifiedVotesUnsent);
    let (broken, sound) = (last_certified(rule), last_certified(None));
    println!("| Engine(CertifiedVotesUnsent) | 1 | a validator waits for {broken} ms, not {sound} ms |");
    assert!(broken > 2 * sound, "{broken} and {sound} ms");
}

/// A validator starts, and what it asks is lost. Of each height it hears two seals before it hears the third vote.
#[test]
fn who_is_overtaken_while_it_waits_and_begins_to_wait_again() {
    const HEARD_MS: u64 = 2_000;
    let first_vote = |rule: Option<Rule>| {
        let runs = (0..5).map(|seed| {
            let mut scenario = watched(4_200)
                .with_slow_link(3, Some(1), 20)
                .at(500, Command::Crash(3))
                .at(600, Command::CutOneWay(3, 0))
                .at(600, Command::CutOneWay(3, 1))
                .at(600, Command::CutOneWay(3, 2))
                .at(610, Command::Start(3))
                .at(HEARD_MS, Command::Heal)
                .at(4_000, Command::Submit(0, 1));
            for (at, who) in (700..3_500).step_by(4).zip([0, 2].into_iter().cycle()) {
                scenario = scenario.at(at, Command::Submit(who, 1));
            }
            scenario.seed = seed;
            scenario.timing = Timing::SHIPPED;
            scenario.links.delay_us = 1_000;
            scenario.parameters.window = 32;
            scenario.broken = rule.map(Broken::Engine);
            let report = Simulation::new(scenario).chart().expect_success();
            let voted = report.chart.messages().find(|message| {
                let heard = message.sent_us >= HEARD_MS * 1_000;
                heard && message.from == 3 && message.phase == Phase::Prepare
            });
            voted.expect("it votes on the last batch").sent_us / 1_000 - HEARD_MS
        });
        runs.max().expect("there are five")
    };
    let (broken, sound) = (first_vote(Some(Rule::OvertakenAgain)), first_vote(None));
    println!(
        "| Engine(OvertakenAgain) | 1 | who has started votes {broken} ms after it is heard again, not {sound} ms |"
    );
    assert!(broken > 1_000 && sound < 250, "{broken} and {sound} ms");
}

/// A leader's clock is far ahead, and an answer takes longer than the time between two of its heartbeats.
#[test]
fn raft_an_attempt_to_replace_a_leader_far_ahead_of_time_that_its_heartbeats_end() {
    let longest_wait = |rule: Option<Rule>| {
        let runs = (0..3).map(|who| {
            let mut scenario = Scenario::calm(3, 0)
                .ordered_by(Engine::Raft)
                .without_batches()
                .at(1, Command::SetClock(who, 60_000));
            for at in (2_000..4_000).step_by(100) {
                scenario = scenario.at(at, Command::Submit((who + 1) % 3, 1));
            }
            scenario.links.least_delay_us = 40_000;
            scenario.links.delay_us = 45_000;
            scenario.calm_delay_us = 45_000;
            scenario.faults_end_ms = 4_000;
            scenario.patience_ms = 30_000;
            scenario.broken = rule.map(Broken::Engine);
            Simulation::new(scenario).run().expect_success().longest_wait_ms
        });
        runs.max().expect("there are three")
    };
    let rule = Some(Rule::EarlyLeaderFollowed);
    let (broken, sound) = (longest_wait(rule), longest_wait(None));
    println!("| Engine(EarlyLeaderFollowed) | 1 | a batch waits for {broken} ms, not {sound} ms |");
    assert!(broken > 4_500 && sound < 4_000, "{broken} and {sound} ms");
}
