//! The simulator can fail: each deliberately broken rule is found. With `--nocapture` each test prints
//! its line of the table: the rule, how many seeds it took, and how it showed.

use quorate_consensus::TimerRange;
use quorate_consensus::broken::Rule;
use quorate_crypto::{Engine, ValidatorIndex};
use quorate_driver::broken::Rule as DriverRule;
use quorate_simulator_broken::{Broken, Censorship, Command, Lie, Scenario, Simulation};

/// Rules that show as an engine's broken invariant, so as a panic. Of any other a panic shows nothing: it may
/// be a liar's.
const INVARIANTS: [Rule; 2] = [Rule::WatermarksIgnored, Rule::OldTermsHeard];

/// Tries seeds until a broken rule shows.
fn is_found(rule: Broken, within: u64, scenario: impl Fn(u64) -> Scenario) {
    let may_panic = INVARIANTS
        .iter()
        .any(|invariant| rule == Broken::Engine(*invariant));
    let counts = |failure: &String| may_panic || !failure.starts_with("an engine panicked");
    let run = |seed: &u64| Simulation::new(scenario(*seed).breaking(rule)).run();
    let shows = |seed: &u64| run(seed).failure.filter(counts);
    let found = (0..within).find_map(|seed| shows(&seed).map(|failure| (seed + 1, failure)));
    let (seeds, failure) = found.unwrap_or_else(|| panic!("{rule:?} was not found within {within} seeds"));
    let short: String = failure
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(100)
        .collect();
    println!("| {rule:?} | {seeds} | {short} |");
    // What is found is the broken rule, not something else.
    let sound = Simulation::new(scenario(seeds - 1)).run();
    assert_eq!(sound.failure, None, "the same seed with no rule broken");
}

fn with_liars(seed: u64) -> Scenario {
    let size = if seed.is_multiple_of(2) { 4 } else { 7 };
    Scenario::stormy(size, seed).with_liars()
}

/// Machines that crash often while their disks are slow.
fn crashing(seed: u64) -> Scenario {
    let size = if seed.is_multiple_of(2) { 1 } else { 4 };
    let mut scenario = Scenario::calm(size, seed);
    scenario.batches = 60;
    scenario.faults_end_ms = 4_000;
    scenario.machines.crashes = 20;
    scenario.machines.flush_us = 20_000;
    // As shipped, few runs would prune a journal.
    scenario.limits.renew_after = 4;
    scenario.limits.prune_every = 1;
    scenario
}

/// Crashes, and chains that are far behind their journals.
fn behind(seed: u64) -> Scenario {
    let mut scenario = crashing(2 * seed + 1);
    scenario.parameters.window = 2;
    scenario.machines.chain_lag_us = 300_000;
    scenario
}

/// All lose their power while no block of so many heights is on disk, and the first stays away.
fn nothing_on_disk(validators: u16, heights: u64, seed: u64) -> Scenario {
    let mut scenario = Scenario::calm(usize::from(validators), seed).without_batches();
    scenario.parameters.max_proposal_batches = 1;
    scenario.machines.chain_lag_us = 5_000_000;
    for batch in 0..heights {
        scenario = scenario.at(200 + 1_400 * batch / heights, Command::Submit(1, 1));
    }
    for who in 0..validators {
        scenario = scenario.at(2_000, Command::Crash(who));
    }
    for who in 1..validators {
        scenario = scenario.at(2_200 + u64::from(who), Command::Start(who));
    }
    scenario.faults_end_ms = 3_000;
    scenario.patience_ms = 30_000;
    scenario
}

/// The same where the last one has no vote in what was decided, and a view has begun above that.
fn claims_outgrown(seed: u64) -> Scenario {
    nothing_on_disk(4, 100, seed)
        .at(100, Command::Isolate(vec![3]))
        .at(1_700, Command::TimeOut(1))
        .at(1_700, Command::TimeOut(2))
        .at(2_100, Command::Heal)
}

/// Epochs that end, under liars and crashes.
fn epochs(seed: u64) -> Scenario {
    let mut scenario = with_liars(seed).with_epochs();
    scenario.machines.crashes += 6;
    scenario
}

/// The same with chains that are far behind their journals.
fn epochs_behind(seed: u64) -> Scenario {
    let mut scenario = epochs(seed);
    scenario.machines.chain_flush_us = 300_000;
    scenario
}

/// Members that change the network while machines crash whose chains are far behind their journals.
fn governed_behind(seed: u64) -> Scenario {
    let mut scenario = Scenario::governed_in_storms(seed);
    scenario.machines.crashes = 20;
    scenario.machines.chain_flush_us = 300_000;
    scenario
}

/// Primaries that fail one after another.
fn changing_views(seed: u64) -> Scenario {
    let mut scenario = with_liars(seed);
    scenario.links.partitions += 4;
    scenario.links.one_way = true;
    scenario.links.loss += 50;
    scenario
}

/// Two of seven bring up again what they saw prepared first, where views are short and much is lost, so that
/// others were decided since.
fn hoarded(seed: u64) -> Scenario {
    let mut scenario = Scenario::stormy(7, seed)
        .with_liar(0, Lie::Hoarder)
        .with_liar(1, Lie::Hoarder);
    scenario.timing.progress = TimerRange {
        from_ms: 60,
        to_ms: 120,
    };
    scenario.links.delay_us = 30_000;
    scenario.links.loss = 250;
    scenario.batches = 60;
    scenario.patience_ms = 30_000;
    scenario
}

/// A liar that keeps certificates of several heights for itself, while one of the honest is away: those who
/// decided complain, and begin views on the ground of what it claims.
fn hoarded_certificates(seed: u64) -> Scenario {
    let mut scenario = Scenario::calm(4, seed)
        .without_batches()
        .with_liar(2, Lie::SealHoarder { serves: None })
        .at(200, Command::Crash(3))
        .at(3_000, Command::Start(3))
        .at(300, Command::Submit(1, 1))
        .at(360, Command::Submit(1, 1));
    scenario.faults_end_ms = 6_000;
    scenario.patience_ms = 12_000;
    scenario
}

/// The same where the liar leads the next view, and who was away comes back in that.
fn hoarding_primary(seed: u64) -> Scenario {
    let mut scenario = hoarded_certificates(seed);
    scenario.liars = vec![(ValidatorIndex(1), Lie::SealHoarder { serves: None })];
    let script = scenario.script.iter_mut();
    for (at, command) in script {
        match command {
            Command::Start(_) => *at = 1_200,
            Command::Submit(who, _) => *who = 0,
            _ => {}
        }
    }
    scenario
}

/// The same where those who decided restart together, and have lost the liar's commits.
fn forgotten_commits(seed: u64) -> Scenario {
    hoarded_certificates(seed)
        .at(1_800, Command::Crash(0))
        .at(1_800, Command::Crash(1))
        .at(2_000, Command::Start(0))
        .at(2_000, Command::Start(1))
}

/// Machines that crash often, whose chains are far behind their journals, and links that lose much: who certified
/// a height is often alone with that when the view changes, and who decided it has forgotten. A liar hides what
/// it prepared.
fn lone_certificates(seed: u64) -> Scenario {
    let mut scenario =
        Scenario::stormy(4, seed).with_liar(u16::try_from(seed % 4).expect("below four"), Lie::Forger);
    scenario.batches = 80;
    scenario.faults_end_ms = 6_000;
    scenario.machines.crashes = 20;
    scenario.machines.chain_lag_us = 300_000;
    scenario.links.partitions = 8;
    scenario.links.one_way = true;
    scenario.links.loss = 200;
    scenario.links.delay_us = 20_000;
    scenario.timing.progress = TimerRange {
        from_ms: 100,
        to_ms: 200,
    };
    scenario
}

/// A network whose messages take longer than the first timeout, and go on doing so.
fn slow(seed: u64) -> Scenario {
    let mut scenario = Scenario::calm(4, seed).at(100, Command::Crash(0));
    scenario.links.least_delay_us = 1_500_000;
    scenario.links.delay_us = 2_000_000;
    scenario.calm_delay_us = 2_000_000;
    scenario.timing.progress_cap_ms = 60_000;
    scenario.patience_ms = 200_000;
    scenario
}

/// For long, no primary is heard in time; afterwards one is dead.
fn standstill(seed: u64) -> Scenario {
    let mut scenario = Scenario::calm(4, seed).at(100, Command::Crash(0));
    scenario.links.delay_us = 20_000_000;
    scenario.faults_end_ms = 100_000;
    scenario.patience_ms = 12_000;
    scenario
}

fn under(censorship: Censorship, seed: u64) -> Scenario {
    let scenario = Scenario {
        faults_end_ms: 4_000,
        ..Scenario::calm(4, seed).without_batches()
    };
    scenario
        .at(500, Command::Submit(2, 5))
        .with_liar(0, Lie::Censor(censorship))
}

/// A network of Raft under any mix of faults.
fn raft(seed: u64) -> Scenario {
    let size = [3, 5, 4, 2][(seed % 4) as usize];
    Scenario::stormy(size, seed).ordered_by(Engine::Raft)
}

/// The same with machines that crash often while their disks are slow.
fn raft_crashing(seed: u64) -> Scenario {
    let mut scenario = crashing(seed).ordered_by(Engine::Raft);
    scenario.validators = [1, 3, 5, 2][(seed % 4) as usize];
    scenario
}

/// The same, with chains that are far behind their journals and links that lose much.
fn raft_behind(seed: u64) -> Scenario {
    let mut scenario = changing_leaders(seed);
    scenario.machines.chain_lag_us = 300_000;
    scenario.parameters.window = 4;
    scenario
}

/// One of three hears nobody, again and again, and nothing else happens: nobody else should notice.
fn raft_cut_off(seed: u64) -> Scenario {
    let mut scenario = Scenario::calm(3, seed).ordered_by(Engine::Raft);
    scenario.faults_end_ms = 6_000;
    for at in [1_500, 3_000, 4_500] {
        scenario = scenario
            .at(at, Command::CutOneWay(0, 2))
            .at(at, Command::CutOneWay(1, 2))
            .at(at + 1_000, Command::Heal);
    }
    scenario
}

/// The same with epochs that end.
fn raft_epochs(seed: u64) -> Scenario {
    let mut scenario = raft(seed).with_epochs();
    scenario.machines.crashes += 6;
    scenario
}

/// The same with chains that are far behind their journals.
fn raft_epochs_behind(seed: u64) -> Scenario {
    let mut scenario = raft_epochs(seed);
    scenario.machines.chain_flush_us = 300_000;
    scenario
}

/// Leaders that fail one after another, with entries on their way: the paper's figures 7 and 8.
fn changing_leaders(seed: u64) -> Scenario {
    let mut scenario = Scenario::stormy(5, seed).ordered_by(Engine::Raft);
    scenario.faults_end_ms = 8_000;
    scenario.batches = 200;
    scenario.links.partitions = 12;
    scenario.links.one_way = true;
    scenario.links.loss = 100;
    scenario.machines.crashes = 12;
    scenario
}

/// Five of which two or three are cut off from the others, now these and then those, while messages take
/// long: leaders come and go with entries that few have, as in the paper's figure 8.
fn figure_8(seed: u64) -> Scenario {
    let mut scenario = Scenario::calm(5, seed).ordered_by(Engine::Raft).without_batches();
    scenario.faults_end_ms = 20_000;
    scenario.patience_ms = 10_000;
    scenario.links.least_delay_us = 10_000;
    scenario.links.delay_us = 60_000;
    for (turn, at) in (500..20_000).step_by(700).enumerate() {
        let draw = quorate_crypto::sha256(&[seed.to_le_bytes(), (turn as u64).to_le_bytes()].concat()).0;
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
            Command::Submit(u16::try_from(at / 300 % 5).expect("a number below 5 is one"), 1),
        );
    }
    scenario
}

/// Leaders that die with several heights on their way, of which many messages are lost.
fn losing(seed: u64) -> Scenario {
    let mut scenario = Scenario::calm(3, seed);
    scenario.faults_end_ms = 8_000;
    scenario.patience_ms = 8_000;
    scenario.batches = 400;
    scenario.links.loss = 400;
    scenario.links.delay_us = 30_000;
    scenario.machines.crashes = 16;
    scenario
}

/// The same from this seed on: it takes thousands to find the rule, and minutes, so the first of them are left out.
fn from(first: u64, scenario: impl Fn(u64) -> Scenario) -> impl Fn(u64) -> Scenario {
    move |seed| scenario(first + seed)
}

/// The same network, ordered by Paxos.
fn paxos(scenario: impl Fn(u64) -> Scenario) -> impl Fn(u64) -> Scenario {
    move |seed| scenario(seed).ordered_by(Engine::Paxos)
}

macro_rules! found {
    ($($name:ident: $rule:expr, $within:expr, $scenario:expr;)*) => {
        $(#[test]
        fn $name() {
            is_found($rule, $within, $scenario);
        })*
    };
}

found! {
    // Rules of the driver and of the committee.
    pitfall_11_votes_sent_before_they_are_durable: Broken::Driver(DriverRule::SentBeforeDurable), 500, crashing;
    a_quorum_that_is_too_small: Broken::QuorumTooSmall, 1_000, with_liars;
    pitfall_08_a_journal_forgotten_before_its_block_is_written: Broken::Driver(DriverRule::ForgottenTooEarly), 500, crashing;
    pitfall_28_a_lost_journal: Broken::JournalLost, 500, with_liars;
    votes_that_never_left_and_bind: Broken::Driver(DriverRule::UnsentKept), 500, crashing;
    votes_for_batches_that_are_not_durable: Broken::Driver(DriverRule::BatchesNotDurable), 500, crashing;
    votes_for_batches_that_are_not_looked_for: Broken::Driver(DriverRule::BatchesUnchecked), 500, with_liars;
    signatures_that_are_not_verified: Broken::Unverified, 500, with_liars;
    prepared_certificates_that_are_not_kept: Broken::Driver(DriverRule::PreparedNotKept), 500, with_liars;
    pitfall_19_messages_of_other_networks_and_epochs: Broken::ElsewhereAccepted, 500, with_liars;
    pitfall_19_messages_of_former_epochs: Broken::Driver(DriverRule::FormerEpochCounted), 500, epochs;
    an_epoch_begun_before_the_former_one_is_on_disk: Broken::Driver(DriverRule::EpochBegunTooEarly), 500, epochs_behind;
    pitfall_28_a_quarantine_that_ends_within_its_epoch: Broken::QuarantineTooShort, 500, epochs;
    pitfall_28_a_quarantine_that_is_not_read_back: Broken::QuarantineForgotten, 500, epochs;
    pitfall_27_a_replica_that_does_not_ask_what_it_signed: Broken::NotAsked, 1_000, epochs;
    leftovers_of_an_epoch_that_are_not_packed_again: Broken::LeftoversForgotten, 500, epochs;
    pitfall_19_messages_of_a_former_committee: Broken::Driver(DriverRule::FormerEpochCounted), 200, Scenario::governed_in_storms;
    another_engine_before_the_last_block_is_on_disk: Broken::Driver(DriverRule::EpochBegunTooEarly), 200, governed_behind;
    places_of_the_first_committee: Broken::PlacesKept, 10, Scenario::governed;
    pitfall_20_a_seat_whose_machine_was_told_nothing_before: Broken::FollowersForgotten, 10, Scenario::governed;
    // Rules of the engine.
    watermarks_that_are_ignored: Broken::Engine(Rule::WatermarksIgnored), 500, with_liars;
    votes_of_former_views_that_count: Broken::Engine(Rule::OldVotesCounted), 1_000, changing_views;
    commits_without_a_quorum_of_prepares: Broken::Engine(Rule::CommittedUnprepared), 500, with_liars;
    a_new_view_with_the_lowest_prepared: Broken::Engine(Rule::LowestPrepared), 1_000, hoarded;
    pitfall_01_null_requests_in_place_of_what_was_prepared: Broken::Engine(Rule::NullCarriedOver), 500, with_liars;
    a_new_view_above_the_lowest_certified_height: Broken::Engine(Rule::BaseLowered), 2_000, lone_certificates;
    a_view_change_whose_blocks_nobody_gives_that_counts: Broken::Engine(Rule::UnservableCounted), 50, forgotten_commits;
    pitfall_03_a_new_view_that_is_not_checked: Broken::Engine(Rule::NewViewUnchecked), 500, with_liars;
    pitfall_02_view_changes_that_unlock_what_was_prepared: Broken::Engine(Rule::PreparedDropped), 500, with_liars;
    senders_that_count_twice: Broken::Engine(Rule::SendersCountedTwice), 1_000, changing_views;
    a_second_prepare_for_a_height_and_view: Broken::Engine(Rule::PreparedTwice), 500, with_liars;
    pitfall_18_votes_for_a_view_that_was_left: Broken::Engine(Rule::LateVotesSent), 500, changing_views;
    nobody_joins_f_plus_one_others: Broken::Engine(Rule::NobodyJoins), 1_000, changing_views;
    pitfall_07_one_complaint_that_moves_everybody: Broken::Engine(Rule::OneComplaintMoves), 1_000, with_liars;
    pitfall_04_view_changes_that_are_not_sent_again: Broken::Engine(Rule::ViewsNotResent), 500, changing_views;
    pitfall_06_timeouts_that_never_grow: Broken::Engine(Rule::TimerNotDoubled), 50, slow;
    pitfall_06_timeouts_that_grow_without_end: Broken::Engine(Rule::TimerUncapped), 200, standstill;
    empty_proposals_that_count_as_progress: Broken::Engine(Rule::EmptyIsProgress), 50, |seed| under(Censorship::Empty, seed);
    pitfall_11_a_view_that_is_forgotten_in_a_restart: Broken::Engine(Rule::ViewForgotten), 500, with_liars;
    proposals_past_the_end_of_an_epoch: Broken::Engine(Rule::PastEndOrdered), 500, epochs;
    an_epoch_that_is_not_filled_up_to_its_end: Broken::Engine(Rule::EndNotFilled), 500, epochs;
    records_far_above_the_chain_that_are_forgotten: Broken::Engine(Rule::FarRecordsForgotten), 500, behind;
    commits_that_a_view_change_could_not_claim_after_a_crash: Broken::Engine(Rule::DiskNotAwaited), 10, claims_outgrown;
    // Rules of the driver, of Raft.
    raft_appends_acknowledged_before_they_are_durable: Broken::Driver(DriverRule::SentBeforeDurable), 500, raft_crashing;
    raft_appends_acknowledged_before_their_batches_are_durable: Broken::Driver(DriverRule::BatchesNotDurable), 500, raft_crashing;
    raft_appends_acknowledged_whose_batches_are_not_looked_for: Broken::Driver(DriverRule::BatchesUnchecked), 500, raft;
    raft_a_journal_forgotten_before_its_block_is_written: Broken::Driver(DriverRule::ForgottenTooEarly), 500, raft_crashing;
    raft_a_lost_journal: Broken::JournalLost, 500, raft;
    raft_a_block_that_is_told_of_before_it_is_on_disk: Broken::Driver(DriverRule::SyncedBeforeDurable), 1_000, raft_behind;
    raft_entries_that_bind_though_their_batches_were_lost: Broken::Driver(DriverRule::UnsentKept), 500, raft_crashing;
    raft_messages_of_former_epochs: Broken::Driver(DriverRule::FormerEpochCounted), 8_000, raft_epochs;
    raft_an_epoch_begun_before_the_former_one_is_on_disk: Broken::Driver(DriverRule::EpochBegunTooEarly), 500, raft_epochs_behind;
    raft_a_quarantine_that_ends_within_its_epoch: Broken::QuarantineTooShort, 500, raft_epochs;
    // Rules of the engine, of Raft.
    raft_a_second_vote_in_a_term: Broken::Engine(Rule::VotedTwice), 500, raft;
    raft_a_vote_for_an_older_log: Broken::Engine(Rule::OldLogElected), 500, changing_leaders;
    raft_entries_of_former_terms_committed_by_counting: Broken::Engine(Rule::OldTermsCounted), 500, from(3_800, figure_8);
    raft_leaders_of_former_terms_that_are_followed: Broken::Engine(Rule::OldTermsHeard), 500, changing_leaders;
    raft_a_vote_that_is_forgotten_in_a_restart: Broken::Engine(Rule::VoteForgotten), 1_000, raft_crashing;
    raft_a_leader_that_deletes_entries_of_its_own: Broken::Engine(Rule::LeaderOverwrites), 500, changing_leaders;
    raft_a_leader_that_counts_itself_before_it_is_durable: Broken::Engine(Rule::CountedBeforeDurable), 500, raft_crashing;
    raft_a_follower_that_keeps_what_conflicts: Broken::Engine(Rule::ConflictsKept), 500, changing_leaders;
    // Rules of the driver, of Paxos.
    paxos_promises_and_accepts_that_leave_before_they_are_durable: Broken::Driver(DriverRule::SentBeforeDurable), 500, paxos(raft_crashing);
    paxos_accepts_before_their_batches_are_durable: Broken::Driver(DriverRule::BatchesNotDurable), 500, paxos(raft_crashing);
    paxos_accepts_whose_batches_are_not_looked_for: Broken::Driver(DriverRule::BatchesUnchecked), 1_000, paxos(raft);
    paxos_a_journal_forgotten_before_its_block_is_written: Broken::Driver(DriverRule::ForgottenTooEarly), 500, paxos(raft_crashing);
    paxos_a_lost_journal: Broken::JournalLost, 500, paxos(raft);
    paxos_accepts_that_bind_though_their_batches_were_lost: Broken::Driver(DriverRule::UnsentKept), 500, paxos(raft_crashing);
    paxos_messages_of_former_epochs: Broken::Driver(DriverRule::FormerEpochCounted), 500, from(5_000, paxos(raft_epochs));
    paxos_an_epoch_begun_before_the_former_one_is_on_disk: Broken::Driver(DriverRule::EpochBegunTooEarly), 500, paxos(raft_epochs_behind);
    paxos_a_quarantine_that_ends_within_its_epoch: Broken::QuarantineTooShort, 500, paxos(raft_epochs);
    // Rules of the engine, of Paxos.
    paxos_a_promise_that_is_forgotten_in_a_restart: Broken::Engine(Rule::PromiseForgotten), 500, paxos(changing_leaders);
    paxos_a_value_that_is_forgotten_in_a_restart: Broken::Engine(Rule::AcceptedForgotten), 500, paxos(changing_leaders);
    paxos_a_ballot_below_the_promise_that_is_accepted: Broken::Engine(Rule::LowBallotAccepted), 500, paxos(changing_leaders);
    paxos_an_own_value_where_a_promise_carried_one: Broken::Engine(Rule::OwnValueTaken), 500, paxos(changing_leaders);
    paxos_the_value_of_the_lowest_ballot: Broken::Engine(Rule::LowestBallotTaken), 1_000, paxos(figure_8);
    paxos_a_majority_of_promises_less_one: Broken::Engine(Rule::FewerPromises), 500, paxos(changing_leaders);
    paxos_a_majority_of_accepts_less_one: Broken::Engine(Rule::FewerAccepts), 500, paxos(changing_leaders);
    paxos_gaps_that_are_not_filled: Broken::Engine(Rule::GapNotFilled), 500, paxos(losing);
    paxos_accepts_that_a_promise_could_not_tell_after_a_crash: Broken::Engine(Rule::DiskNotAwaited), 10, paxos(|seed| nothing_on_disk(3, 200, seed));
    paxos_a_promise_to_who_lacks_blocks: Broken::Engine(Rule::LowCertifiedPromised), 1_000, paxos(changing_leaders);
}

#[test]
fn an_author_who_is_left_out_for_ever() {
    let leaving_out = |rule: Option<Rule>| {
        let mut scenario = under(Censorship::LeaveOut(ValidatorIndex(2)), 0);
        for ms in (0..4_000).step_by(20) {
            scenario = scenario.at(ms, Command::Submit(1, 4));
        }
        scenario.broken = rule.map(Broken::Engine);
        Simulation::new(scenario).run().expect_success().longest_wait_ms
    };
    let (broken, sound) = (leaving_out(Some(Rule::LeavingOutAllowed)), leaving_out(None));
    println!("| Protocol(LeavingOutAllowed) | 1 | a batch waits for {broken} ms, not {sound} ms |");
    assert!(broken > 3_500 && sound < 3_000, "{broken} and {sound} ms");
}

/// Whoever was away lacks proposals of a view that was left. Where the next view begins above them, by a liar's
/// hand, they are shown all the same; else that view is lost, and the next one proposes them again.
#[test]
fn what_was_prepared_that_is_not_given() {
    let settled = |rule: Option<Rule>| {
        let reports = (0..20).map(|seed| {
            let mut scenario = hoarding_primary(seed);
            scenario.broken = rule.map(Broken::Engine);
            Simulation::new(scenario).run().expect_success()
        });
        reports.map(|report| report.longest_wait_ms).sum::<u64>() / 20
    };
    let (broken, sound) = (settled(Some(Rule::PreparedNotGiven)), settled(None));
    println!("| Engine(PreparedNotGiven) | 20 | batches wait for {broken} ms, not {sound} ms |");
    assert!(broken > sound + 50, "{broken} and {sound} ms");
}

#[test]
fn raft_a_pre_vote_that_binds() {
    let cut_off = |rule: Option<Rule>| {
        let mut scenario = raft_cut_off(0);
        scenario.broken = rule.map(Broken::Engine);
        Simulation::new(scenario).run().expect_success().view
    };
    let (broken, sound) = (cut_off(Some(Rule::PreVoteBinds)), cut_off(None));
    println!(
        "| Protocol(PreVoteBinds) | 1 | one that hears nobody ends terms: {broken} of them, not {sound} |"
    );
    assert!(broken > sound && sound == 1, "{broken} and {sound} terms");
}
