//! Networks where crashes are all that is tolerated, of Raft and of Paxos: leaders that die, stop or are cut
//! off, and followers that come back.

use quorate_crypto::{Engine, ValidatorIndex, sha256};
use quorate_simulator::{Command, Loss, Lost, Scenario, Simulation};

use crate::run;

/// Each story is a test of each engine.
macro_rules! stories {
    ($($name:ident,)*) => {
        mod raft {
            $(#[test]
            fn $name() {
                super::$name(quorate_crypto::Engine::Raft);
            })*
        }

        mod paxos {
            $(#[test]
            fn $name() {
                super::$name(quorate_crypto::Engine::Paxos);
            })*
        }
    };
}

stories! {
    commits_resume_within_a_second_of_a_leaders_death,
    a_leader_that_stops_hands_over_and_hardly_anybody_waits,
    a_leader_that_comes_back_follows,
    pitfall_10_one_validator_needs_no_peers,
    two_validators_go_on_when_both_are_back,
    pitfall_08_a_network_goes_on_after_a_restart_of_all_with_chains_behind,
    pitfall_09_a_follower_far_behind_catches_up_by_certified_blocks,
    pitfall_07_a_validator_that_is_cut_off_drives_no_terms_up,
    halves_go_on_soon_after_they_meet_again,
    a_leader_that_hears_nobody_gives_way,
    pitfall_24_a_leader_far_ahead_of_time_is_replaced,
    pitfall_24_a_clock_behind_delays_no_one_else,
    an_idle_network_has_heartbeats_alone,
    epochs_end_and_begin_while_leaders_die,
    pitfall_28_a_validator_that_lost_its_journal_or_all_votes_again_in_the_next_epoch,
    pitfall_27_a_validator_restored_from_a_backup_finds_out,
    leaders_that_come_and_go_lose_nothing_that_was_committed,
    logs_longer_than_a_message_become_the_same,
}

/// Nothing happens to it but what a story adds.
fn calm(engine: Engine, validators: usize) -> Scenario {
    Scenario::calm(validators, 0).ordered_by(engine)
}

/// A batch every 20 ms at the last validator, while something befalls another: whoever it is, it leads in
/// some seeds.
fn busy(engine: Engine, validators: u16, befalls: fn(u16) -> Command) -> Vec<Scenario> {
    let others = 0..validators - 1;
    let story = |who| {
        let mut scenario = calm(engine, usize::from(validators))
            .without_batches()
            .at(1_500, befalls(who));
        for at in (1_000..3_000).step_by(20) {
            scenario = scenario.at(at, Command::Submit(validators - 1, 1));
        }
        scenario.faults_end_ms = 3_000;
        scenario
    };
    others.map(story).collect()
}

fn commits_resume_within_a_second_of_a_leaders_death(engine: Engine) {
    for validators in [3, 5, 7] {
        for scenario in busy(engine, validators, Command::Crash) {
            for report in run(&scenario) {
                let wait = report.longest_wait_ms;
                assert!(
                    wait < 1_000,
                    "a batch waited {wait} ms, seed {}",
                    report.scenario.seed
                );
            }
        }
    }
}

fn a_leader_that_stops_hands_over_and_hardly_anybody_waits(engine: Engine) {
    for validators in [3, 5] {
        for scenario in busy(engine, validators, Command::Stop) {
            for report in run(&scenario) {
                let (wait, term) = (report.longest_wait_ms, report.view);
                assert!(wait < 150, "a batch waited {wait} ms, terms up to {term}");
            }
        }
    }
}

fn a_leader_that_comes_back_follows(engine: Engine) {
    for who in 0..3 {
        let mut scenario = calm(engine, 3)
            .at(1_000, Command::Crash(who))
            .at(2_000, Command::Start(who));
        scenario.batches = 100;
        scenario.faults_end_ms = 2_500;
        for report in run(&scenario) {
            assert!(report.view <= 3, "term {}", report.view);
        }
    }
}

fn pitfall_10_one_validator_needs_no_peers(engine: Engine) {
    let scenario = calm(engine, 1)
        .at(300, Command::Rejoin(0, 0))
        .at(500, Command::Crash(0))
        .at(700, Command::Start(0));
    for report in run(&scenario) {
        assert_eq!(report.epoch, 1);
        assert!(report.settled_ms < 100, "settled after {} ms", report.settled_ms);
    }
}

fn two_validators_go_on_when_both_are_back(engine: Engine) {
    let mut scenario = calm(engine, 2)
        .at(900, Command::Crash(0))
        .at(1_500, Command::Start(0))
        .at(1_600, Command::Crash(1))
        .at(2_000, Command::Start(1));
    scenario.batches = 100;
    scenario.faults_end_ms = 2_500;
    run(&scenario);
}

fn pitfall_08_a_network_goes_on_after_a_restart_of_all_with_chains_behind(engine: Engine) {
    let mut scenario = calm(engine, 3);
    scenario.parameters.window = 2;
    scenario.machines.chain_lag_us = 700_000;
    scenario.batches = 200;
    scenario.faults_end_ms = 3_000;
    for who in 0..3 {
        scenario = scenario
            .at(1_500, Command::Crash(who))
            .at(1_700 + u64::from(who), Command::Start(who));
    }
    for report in run(&scenario) {
        assert!(report.height > 30, "height {}", report.height);
    }
}

fn pitfall_09_a_follower_far_behind_catches_up_by_certified_blocks(engine: Engine) {
    let mut scenario = calm(engine, 3)
        .at(50, Command::Crash(2))
        .at(1_900, Command::Start(2));
    scenario.batches = 200;
    scenario.faults_end_ms = 2_000;
    for report in run(&scenario) {
        // Far more heights than a window of 8.
        assert!(report.height > 30, "height {}", report.height);
        assert!(report.view <= 2, "term {}", report.view);
    }
}

fn pitfall_07_a_validator_that_is_cut_off_drives_no_terms_up(engine: Engine) {
    for cut_off in 0..4 {
        let mut scenario = calm(engine, 4)
            .at(1_000, Command::Isolate(vec![cut_off]))
            .at(9_900, Command::Heal);
        scenario.faults_end_ms = 10_000;
        scenario.batches = 100;
        for report in run(&scenario) {
            // Another is elected if the leader is cut off; the one that was comes back without a fuss.
            assert!(report.view <= 4, "term {}", report.view);
        }
    }
}

fn halves_go_on_soon_after_they_meet_again(engine: Engine) {
    let mut scenario = calm(engine, 4)
        .at(1_000, Command::Isolate(vec![0, 1]))
        .at(20_000, Command::Heal);
    scenario.faults_end_ms = 20_000;
    scenario.batches = 60;
    for report in run(&scenario) {
        assert!(
            report.settled_ms < 2_000,
            "settled after {} ms",
            report.settled_ms
        );
        // In Paxos each half goes on trying, more and more rarely.
        let most = if engine == Engine::Raft { 6 } else { 40 };
        assert!(report.view < most, "term {}", report.view);
    }
}

fn a_leader_that_hears_nobody_gives_way(engine: Engine) {
    for deaf in 0..3 {
        let mut scenario = calm(engine, 3).without_batches();
        for peer in (0..3).filter(|peer| *peer != deaf) {
            scenario = scenario.at(1_000, Command::CutOneWay(peer, deaf));
            for at in (1_500..2_500).step_by(50) {
                scenario = scenario.at(at, Command::Submit(peer, 1));
            }
        }
        scenario = scenario.at(8_000, Command::Heal);
        scenario.faults_end_ms = 8_000;
        for report in run(&scenario) {
            let wait = report.longest_wait_ms;
            assert!(wait < 2_000, "a batch waited {wait} ms");
        }
    }
}

fn pitfall_24_a_leader_far_ahead_of_time_is_replaced(engine: Engine) {
    for who in 0..3 {
        let scenario = calm(engine, 3).at(1, Command::SetClock(who, 60_000));
        run(&scenario);
    }
}

fn pitfall_24_a_clock_behind_delays_no_one_else(engine: Engine) {
    let mut scenario = calm(engine, 3)
        .without_batches()
        .at(1, Command::SetClock(2, -60_000));
    for at in (1_500..2_500).step_by(50) {
        scenario = scenario.at(at, Command::Submit(0, 1));
    }
    scenario.faults_end_ms = 3_000;
    for report in run(&scenario) {
        let wait = report.longest_wait_ms;
        assert!(wait < 1_500, "a batch waited {wait} ms");
    }
}

fn an_idle_network_has_heartbeats_alone(engine: Engine) {
    let scenario = Scenario {
        linger_ms: 10_000,
        ..calm(engine, 4)
    };
    for report in run(&scenario) {
        // One to each of three followers every 60 to 75 ms, and its answer.
        let messages = report.idle_messages;
        assert!(messages <= 2 * 3 * 170, "{messages} messages in ten seconds");
    }
}

fn epochs_end_and_begin_while_leaders_die(engine: Engine) {
    for ms in 0..20 {
        let mut scenario = Scenario {
            seed: ms,
            ..calm(engine, 3)
        }
        .at(1_000, Command::Rejoin(2, 1))
        .at(1_000 + 3 * ms, Command::Crash(0))
        .at(2_000, Command::Start(0))
        .at(2_500, Command::Rejoin(1, 2))
        .at(2_500 + 3 * ms, Command::Stop(1));
        scenario.faults_end_ms = 3_500;
        let report = Simulation::new(scenario).run().expect_success();
        assert_eq!(report.epoch, 2);
    }
}

fn pitfall_28_a_validator_that_lost_its_journal_or_all_votes_again_in_the_next_epoch(engine: Engine) {
    let losses = [
        Loss::noticed(Lost::Journal),
        Loss::noticed(Lost::Everything),
        Loss::unnoticed(Lost::Journal),
        Loss::unnoticed(Lost::Chain),
    ];
    for loss in losses {
        let mut scenario = calm(engine, 3)
            .at(1_000, Command::Lose(2, loss))
            .at(1_100, Command::Start(2))
            .at(2_500, Command::Crash(1));
        scenario.batches = 60;
        scenario.faults_end_ms = 3_000;
        for report in run(&scenario) {
            assert_eq!(report.epoch, 1);
        }
    }
}

fn pitfall_27_a_validator_restored_from_a_backup_finds_out(engine: Engine) {
    let mut scenario = calm(engine, 3)
        .at(800, Command::BackUp(2))
        .at(1_800, Command::Lose(2, Loss::unnoticed(Lost::SinceBackup)))
        .at(1_900, Command::Start(2));
    scenario.batches = 200;
    scenario.faults_end_ms = 3_000;
    scenario.members_wait = true;
    for report in run(&scenario) {
        assert_eq!(report.quarantined, [ValidatorIndex(2)].into());
    }
}

/// Five of which two are cut off from the others, now these and then those, while messages take long:
/// leaders come and go with entries that few have, as in the paper's figures 7 and 8.
fn leaders_that_come_and_go_lose_nothing_that_was_committed(engine: Engine) {
    for seed in 0..400_u64 {
        let mut scenario = Scenario {
            seed,
            ..calm(engine, 5)
        }
        .without_batches();
        scenario.faults_end_ms = 20_000;
        scenario.patience_ms = 10_000;
        scenario.links.least_delay_us = 10_000;
        scenario.links.delay_us = 60_000;
        for (turn, at) in (500..20_000).step_by(700).enumerate() {
            let draw = sha256(&[seed.to_le_bytes(), (turn as u64).to_le_bytes()].concat()).0;
            let first = u16::from(draw[0] % 5);
            let second = (first + 1 + u16::from(draw[1] % 4)) % 5;
            let at = at + u64::from(draw[2]);
            scenario = scenario
                .at(at, Command::Heal)
                .at(at, Command::Isolate(vec![first, second]));
        }
        for at in (400..20_000).step_by(300) {
            scenario = scenario.at(
                at,
                Command::Submit(u16::try_from(at / 300 % 5).expect("there are five"), 1),
            );
        }
        Simulation::new(scenario).run().expect_success();
    }
}

/// Leaders die and are cut off with more entries on their way than a message holds, many messages are lost, and
/// chains are far behind: logs are matched by many messages, of which some are of former lives.
fn logs_longer_than_a_message_become_the_same(engine: Engine) {
    for seed in 0..4_u64 {
        let mut scenario = Scenario {
            seed,
            ..calm(engine, 5)
        }
        .without_batches();
        scenario.faults_end_ms = 8_000;
        // Whoever is behind needs blocks that others have yet to write, and so on.
        scenario.patience_ms = 30_000;
        scenario.links.loss = 200;
        scenario.links.delay_us = 30_000;
        scenario.links.partitions = 12;
        scenario.machines.crashes = 12;
        scenario.machines.flush_us = 20_000;
        scenario.machines.chain_lag_us = 1_500_000;
        scenario.parameters.window = 64;
        scenario.parameters.max_proposal_batches = 1;
        for (turn, at) in (300..8_000).step_by(400).enumerate() {
            let who = sha256(&[seed.to_le_bytes(), (turn as u64).to_le_bytes()].concat()).0[0] % 5;
            scenario = scenario.at(at, Command::Submit(u16::from(who), 80));
        }
        Simulation::new(scenario).run().expect_success();
    }
}

/// Each flush takes longer than an election timeout.
#[test]
fn journals_slower_than_election_timeouts_keep_nobody_from_leading() {
    for validators in [2, 3, 5] {
        let mut scenario = calm(Engine::Raft, validators).without_batches();
        scenario.machines.least_flush_us = 700_000;
        scenario.machines.flush_us = 700_000;
        scenario.faults_end_ms = 60_000;
        for at in (20_000..30_000).step_by(2_000) {
            scenario = scenario.at(at, Command::Submit(0, 1));
        }
        for report in run(&scenario) {
            let (wait, reign) = (report.longest_wait_ms, report.view);
            assert!(wait < 30_000, "a batch waited {wait} ms, reigns up to {reign}");
        }
    }
}

/// A heartbeat comes every 60 to 75 ms, and an answer takes 80 at least. What a leader sends whose clock is far ahead
/// must not end the attempt to replace it.
#[test]
fn a_leader_far_ahead_of_time_is_replaced_where_answers_take_longer_than_the_time_between_heartbeats() {
    for who in 0..3 {
        let mut scenario = calm(Engine::Raft, 3)
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
        for report in run(&scenario) {
            let (wait, seed) = (report.longest_wait_ms, report.scenario.seed);
            assert!(wait < 4_000, "a batch waited {wait} ms, seed {seed}");
        }
    }
}
