//! What happens in each story, and when: links are even, so that phases do not overlap.

use quorate_consensus::TimerRange;
use quorate_crypto::Engine;

use super::Story;
use crate::scenario::{Command, Lie, Links, Machines, Scenario};

/// Until here somebody leads: validator 0, whose timer runs out first where leaders are elected.
const LED_MS: u64 = 20;

pub(super) fn scenario(story: Story, engine: Engine, validators: usize, seed: u64) -> Scenario {
    let scenario = Scenario {
        links: Links {
            least_delay_us: 1_000,
            delay_us: 1_600,
            ..Links::default()
        },
        machines: Machines {
            flush_us: 200,
            ..Machines::default()
        },
        ..Scenario::calm(validators, seed)
    };
    let scenario = scenario.ordered_by(engine).without_batches();
    let last = u16::try_from(validators.saturating_sub(1)).unwrap_or(u16::MAX);
    match story {
        Story::NormalCase => normal_case(led(scenario), last),
        Story::LeaderCrash => leader_crash(led(scenario), last),
        Story::SplitVote => split_vote(led(scenario), last),
        Story::EquivocatingPrimary => equivocating_primary(led(scenario), last),
        Story::PartitionAndHealing => partition_and_healing(led(scenario), last),
        Story::DuellingProposers => duelling_proposers(scenario, last),
    }
}

/// The same, led by validator 0 from the beginning.
fn led(scenario: Scenario) -> Scenario {
    match scenario.engine {
        Engine::Pbft => scenario,
        Engine::Raft | Engine::Paxos => scenario.at(10, Command::TimeOut(0)),
    }
}

fn until(mut scenario: Scenario, ms: u64) -> Scenario {
    scenario.faults_end_ms = ms;
    scenario
}

/// The same where nobody passes on what is missing for so long that others give up on the primary first.
fn unhelpful(mut scenario: Scenario) -> Scenario {
    scenario.timing.resend = TimerRange {
        from_ms: 1_000,
        to_ms: 1_500,
    };
    scenario
}

fn normal_case(scenario: Scenario, last: u16) -> Scenario {
    until(scenario.at(LED_MS, Command::Submit(last, 1)), 50)
}

/// It dies when its proposal has reached all but one: that one did not hear it.
fn leader_crash(scenario: Scenario, last: u16) -> Scenario {
    let scenario = scenario
        .at(LED_MS, Command::CutOneWay(0, last))
        .at(LED_MS, Command::Submit(1, 1))
        .at(LED_MS + 3, Command::Crash(0));
    until(unhelpful(scenario), 1_200)
}

fn split_vote(scenario: Scenario, last: u16) -> Scenario {
    match scenario.engine {
        // So many do not hear the primary that they are enough to move all.
        Engine::Pbft => {
            let enough = last / 3 + 1;
            let deaf = last + 1 - enough..=last;
            let cut = |scenario: Scenario, who| scenario.at(LED_MS, Command::CutOneWay(0, who));
            let scenario = deaf.fold(scenario, cut).at(LED_MS + 5, Command::Submit(1, 1));
            until(unhelpful(scenario), 1_200)
        }
        // It dies, and all others stand for election at once.
        Engine::Raft | Engine::Paxos => {
            let scenario = scenario
                .at(LED_MS, Command::Crash(0))
                .at(LED_MS + 5, Command::Submit(1, 1));
            let stands = |scenario: Scenario, who| scenario.at(40, Command::TimeOut(who));
            until((1..=last).fold(scenario, stands), 1_200)
        }
    }
}

/// With PBFT it keeps one more in the dark, so that no proposal finds a quorum.
fn equivocating_primary(scenario: Scenario, last: u16) -> Scenario {
    let scenario = scenario
        .with_liar(0, Lie::Equivocator)
        .at(LED_MS, Command::Submit(last, 1));
    let scenario = match scenario.engine {
        Engine::Pbft => scenario.at(LED_MS, Command::CutOneWay(0, last)),
        Engine::Raft | Engine::Paxos => scenario,
    };
    until(scenario, 600)
}

fn partition_and_healing(scenario: Scenario, last: u16) -> Scenario {
    let scenario = scenario
        .at(LED_MS, Command::Isolate(vec![0]))
        .at(LED_MS + 5, Command::Submit(0, 1))
        .at(LED_MS + 10, Command::Submit(last, 1))
        .at(900, Command::Heal);
    until(scenario, 1_200)
}

fn duelling_proposers(scenario: Scenario, last: u16) -> Scenario {
    match scenario.engine {
        // Enough validators give up on view 0, and then on view 1.
        Engine::Pbft => {
            let enough = last / 3 + 1;
            let gives_up = |ms| move |scenario: Scenario, who| scenario.at(ms, Command::TimeOut(who));
            let scenario = scenario.at(18, Command::Submit(last, 1));
            let scenario = (1..=enough).fold(scenario, gives_up(20));
            let scenario = (last + 1 - enough..=last).fold(scenario, gives_up(24));
            until(scenario, 1_200)
        }
        // Two stand for election at once, and a third once one of them leads.
        Engine::Raft => {
            let scenario = scenario
                .at(5, Command::Submit(last, 1))
                .at(10, Command::TimeOut(0))
                .at(10, Command::TimeOut(1))
                .at(40, Command::TimeOut(last));
            until(scenario, 100)
        }
        Engine::Paxos => {
            let scenario = scenario
                .at(5, Command::Submit(last, 1))
                .at(10, Command::TimeOut(0))
                .at(12, Command::TimeOut(1));
            until(scenario, 1_500)
        }
    }
}
