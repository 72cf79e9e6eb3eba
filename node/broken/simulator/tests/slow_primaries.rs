//! Rules about primaries that are not good enough, broken: what they cost shows in how long batches wait, and in
//! how often primaries are replaced. And a probe that gives the constants of these rules other values.

use quorate_consensus::Timing;
use quorate_consensus::broken::{Rule, tune};
use quorate_crypto::ValidatorIndex;
use quorate_simulator_broken::{Befalls, Broken, Command, Lie, Report, Scenario, Simulation, Whom};

/// Fast links and disks, and a batch every 40 ms at one validator after the other.
fn loaded(validators: u16, until_ms: u64) -> Scenario {
    let mut scenario = Scenario::calm(validators.into(), 0).without_batches();
    scenario.timing = Timing::SHIPPED;
    scenario.links.delay_us = 1_000;
    scenario.faults_end_ms = until_ms;
    scenario.patience_ms = 60_000;
    scenario.parameters.window = 32;
    for (at, who) in (1_000..until_ms).step_by(40).zip((0..validators).cycle()) {
        scenario = scenario.at(at, Command::Submit(who, 1));
    }
    scenario
}

fn run(mut scenario: Scenario, rule: Option<Rule>) -> Report {
    scenario.broken = rule.map(Broken::Engine);
    Simulation::new(scenario).measure(None).expect_success()
}

/// How long a batch waits at its author, of a hundred the one that waits longest, in milliseconds.
fn waits(report: &Report) -> u64 {
    let times = report
        .measured
        .iter()
        .flat_map(|measured| &measured.batches_waited);
    let waits = times.filter_map(|times| Some(times.certified_at_author_us? - times.submitted_us));
    let mut waits: Vec<u64> = waits.collect();
    waits.sort_unstable();
    waits.get(waits.len() * 99 / 100).copied().unwrap_or(0) / 1_000
}

#[test]
fn a_primary_that_may_pause_as_long_as_it_likes() {
    let late = |rule| run(loaded(4, 8_000).with_liar(0, Lie::Late { ms: 400 }), rule).view;
    let (broken, sound) = (late(Some(Rule::PausesAllowed)), late(None));
    println!("| Engine(PausesAllowed) | 1 | a primary that is late by 400 ms leads to the end |");
    assert!((broken, sound) == (0, 1), "{broken} and {sound} views");
}

/// Whatever waits for a time would wait for as long as it leads.
#[test]
fn a_primary_that_may_hold_back_time() {
    let behind = |rule| run(loaded(4, 8_000).at(1, Command::SetClock(0, -60_000)), rule).view;
    let (broken, sound) = (behind(Some(Rule::LagNotJudged)), behind(None));
    println!("| Engine(LagNotJudged) | 1 | a primary that proposes a minute in the past leads to the end |");
    assert!(broken == 0 && sound >= 1, "{broken} and {sound} views");
}

#[test]
fn a_primary_that_hides_behind_proposals_of_its_own() {
    let leads = |rule| {
        let mut scenario = loaded(4, 6_000).with_liar(0, Lie::Crowder { leaves_out: None });
        (scenario.links.least_delay_us, scenario.links.delay_us) = (5_000, 5_000);
        let reigns = run(scenario, rule).reigns;
        let next = reigns.get(1).map(|(_, _, ms)| ms.saturating_sub(1_000));
        next.expect("it is found out by then, whatever is broken")
    };
    let (broken, sound) = (leads(Some(Rule::LeavingOutUnderWay)), leads(None));
    println!(
        "| Engine(LeavingOutUnderWay) | 1 | who orders its own alone leads for {broken} ms, not {sound} ms |"
    );
    assert!(broken > sound + 1_000, "{broken} and {sound} ms");
}

#[test]
fn a_primary_that_is_held_back_and_leads_until_the_wait_is_over() {
    let waits = |rule| {
        let mut scenario = loaded(4, 4_000).at(3_000, Command::Befall(Whom::Leader, Befalls::HeldBack));
        scenario
            .script
            .retain(|(_, command)| !matches!(command, Command::Submit(0, _)));
        run(scenario, rule).longest_wait_ms
    };
    let (broken, sound) = (waits(Some(Rule::HeldBackLeads)), waits(None));
    println!("| Engine(HeldBackLeads) | 1 | batches wait for {broken} ms, not {sound} ms |");
    assert!(broken >= 400 && sound < 100, "{broken} and {sound} ms");
}

#[test]
fn a_proposal_that_others_vote_on_that_is_not_asked_for() {
    let choosy = |rule| {
        waits(&run(
            loaded(4, 8_000).with_liar(0, Lie::Choosy { shows: 2 }),
            rule,
        ))
    };
    let (broken, sound) = (choosy(Some(Rule::MissingNotAsked)), choosy(None));
    println!("| Engine(MissingNotAsked) | 1 | batches wait for {broken} ms, not {sound} ms |");
    assert!(broken > 5 * sound, "{broken} and {sound} ms");
}

#[test]
fn who_complains_and_does_not_become_more_patient() {
    let views = |rule| run(loaded(3, 20_000).with_slow_link(2, None, 100), rule).view;
    let (broken, sound) = (views(Some(Rule::BoundNotDoubled)), views(None));
    println!(
        "| Engine(BoundNotDoubled) | 1 | primaries that keep the rules are replaced {broken} times, not {sound} |"
    );
    assert!(broken > sound + 8, "{broken} and {sound} views");
}

/// A member ends an epoch, and the next begins with the primary that was replaced: for how long it leads there.
#[test]
fn an_epochs_end_with_which_it_is_forgotten_who_was_slow() {
    let leads = |rule| {
        let scenario = loaded(4, 12_000)
            .with_liar(0, Lie::Late { ms: 500 })
            .at(6_000, Command::Rejoin(2, 1));
        let reigns = run(scenario, rule).reigns;
        let began = |view: u64| {
            let reign = reigns
                .iter()
                .find(|(epoch, reign, _)| (*epoch, *reign) == (1, view));
            reign
                .map(|(_, _, ms)| *ms)
                .expect("both views begin in the second epoch")
        };
        began(1) - began(0)
    };
    let (broken, sound) = (leads(Some(Rule::PrimariesForgotten)), leads(None));
    println!(
        "| Engine(PrimariesForgotten) | 1 | who was slow leads for {broken} ms in the next epoch, not {sound} ms |"
    );
    assert!(broken > sound + 300, "{broken} and {sound} ms");
}

/// How often honest primaries are replaced, with f that complain always beside one honest validator that has the
/// worst links or disk; and how long a primary leads that is late by so much, or orders a trickle.
fn battery() -> String {
    let mut said = String::new();
    for (validators, complainers) in [(3, 0), (4, 1)] {
        let last = validators - 1;
        let with = |scenario: Scenario| {
            (1..=complainers).fold(scenario, |scenario, who| scenario.with_liar(who, Lie::Complainer))
        };
        let mut jittery = loaded(validators, 20_000);
        jittery.links.delay_us = 60_000;
        jittery.calm_delay_us = 60_000;
        let worst = [
            loaded(validators, 20_000).with_slow_link(last, None, 100),
            loaded(validators, 20_000).with_slow_link(last, None, 500),
            loaded(validators, 20_000).with_slow_link(last, Some(0), 500),
            loaded(validators, 20_000).with_slow_disk(last, 300),
            jittery,
        ];
        let views = worst.into_iter().map(|scenario| {
            let report = Simulation::new(with(scenario)).measure(None);
            let last = report.reigns.last().map_or(0, |(_, _, ms)| ms / 1_000);
            let fails = if report.failure.is_some() { "!" } else { "" };
            format!("{}@{last}{fails}", report.view)
        });
        let views: Vec<String> = views.collect();
        said.push_str(&format!("n={validators}: {}; ", views.join(" ")));
    }
    // Nobody but the slow one has anything to order; and a liar gives its batches to the primary alone.
    let mut lonely = loaded(4, 1_001).with_slow_link(3, None, 500);
    let to = ValidatorIndex(0);
    let mut whispered = loaded(4, 20_000).with_liar(3, Lie::Whisperer { to });
    lonely.script.clear();
    lonely.faults_end_ms = 60_000;
    for at in (1_000..60_000).step_by(4_000) {
        lonely = lonely.at(at, Command::Submit(3, 1));
    }
    for at in (1_000..20_000).step_by(30) {
        whispered = whispered.at(at, Command::Submit(3, 1));
    }
    for scenario in [lonely.with_liar(1, Lie::Complainer), whispered] {
        let report = Simulation::new(scenario).measure(None);
        said.push_str(&format!("{} ", report.view));
    }
    for lie in [
        Lie::Late { ms: 60 },
        Lie::Late { ms: 100 },
        Lie::Late { ms: 500 },
        Lie::Choosy { shows: 1 },
        Lie::Trickle { every_ms: 50 },
    ] {
        let report = Simulation::new(loaded(4, 10_000).with_liar(0, lie)).measure(None);
        let replaced = report.reigns.get(1).map(|(_, _, ms)| ms.saturating_sub(1_000));
        said.push_str(&format!("{lie:?} {replaced:?}; "));
    }
    said
}

#[test]
#[ignore = "a probe, which takes minutes"]
fn probe_constants() {
    println!("as shipped: {}", battery());
    for (constant, values) in [
        ("SLOWNESS_FACTOR", &[1, 2, 8, 16][..]),
        ("SLOWNESS_FLOOR_MS", &[1, 5, 80]),
        ("SLOWNESS_SHARE", &[1, 8, 32, 200]),
        ("EXCHANGES", &[1, 2, 32]),
        ("FORGETS", &[4, 16, 512]),
        ("HAND_OVER_MS", &[1, 50]),
        ("FETCHING_MS", &[0, 400]),
        ("MOST_LONGER_WAITS", &[0, 1, 2]),
        ("AHEAD_MS", &[0]),
        ("MOST_DOUBLINGS", &[0, 1, 2, 3, 4, 6]),
    ] {
        for value in values {
            tune(Some((constant, *value)));
            println!("{constant} = {value}: {}", battery());
        }
    }
    tune(None);
}

/// A liar tells each of the others some of its votes. What it told two of them, these do not tell the third again.
#[test]
fn a_validator_that_is_overtaken_and_asks_no_sooner() {
    // Of 100 runs, those in which a batch waits for longer than it does where somebody asks sooner.
    let late = |rule| {
        let runs = (0..100).filter(|seed| {
            let mut scenario = loaded(4, 6_000).with_liar(3, Lie::Withholder);
            scenario.seed = *seed;
            scenario.links.delay_us = 20_000;
            scenario.machines.chain_flush_us = 50_000;
            scenario
                .script
                .retain(|(_, command)| !matches!(command, Command::Submit(3, _)));
            waits(&run(scenario, rule)) > 350
        });
        runs.count()
    };
    let (broken, sound) = (late(Some(Rule::OvertakenWaits)), late(None));
    println!(
        "| Engine(OvertakenWaits) | 100 | batches wait for more than 350 ms in {broken} runs, not in {sound} |"
    );
    assert!(broken >= 10 && sound <= 5, "{broken} and {sound} runs");
}
