//! A run: hosts, events, and the judgement at the end.

mod election;
mod plan;
pub(crate) mod roles;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use quorate_crypto::{Digest, Engine, ValidatorIndex};

use quorate_ledger::Parameters;

use crate::chart::{Chart, NoteKind};
use crate::governance::{Stage, machines_beside};
use crate::host::{Host, Settings};
use crate::meter::Meter;
use crate::recording::Recorders;
use crate::report::Report;
use crate::scenario::{Broken, Command, Lie, Links, Scenario};
use crate::scheme::{Scheme, committee, governed_committee};
use crate::workload::Work;
use crate::world::{Due, Scheduled, World};

/// How long a process goes on after it was told to stop, in microseconds.
const STOPPING_US: u64 = 100_000;

/// A whole network, in one thread and in virtual time.
#[derive(Debug)]
pub struct Simulation {
    scenario: Scenario,
    world: World,
    hosts: Vec<Host>,
    submitted: u64,
    calm: bool,
    /// Whether it goes on after a rule was broken, to see what comes of it.
    goes_on: bool,
}

impl Simulation {
    /// The network of a scenario, nothing having happened yet.
    pub fn new(scenario: Scenario) -> Self {
        let engine = match scenario.broken {
            Some(Broken::QuorumTooSmall) => Engine::Raft,
            _ => scenario.engine,
        };
        let committee = match scenario.changes.is_empty() {
            true => committee(scenario.validators, engine),
            false => governed_committee(scenario.validators, engine),
        };
        let scheme = match scenario.real_signatures {
            true => Scheme::Ed25519,
            false => Scheme::KeyedDigest,
        };
        let links = scenario.links;
        let mut world = World::new(committee.clone(), scheme, scenario.seed, links);
        if !scenario.changes.is_empty() {
            world.govern(
                scenario.changes.clone(),
                Parameters::V1(scenario.parameters.clone()),
            );
        } else if scenario.engine == Engine::Pbft {
            world.checker.expect_keepers(committee.weak_quorum());
        }
        for (who, peer, us) in &scenario.slow_links {
            for other in committee.indices().filter(|other| other != who) {
                if peer.is_none_or(|peer| peer == other) {
                    world.slow_links.insert((*who, other), *us);
                    world.slow_links.insert((other, *who), *us);
                }
            }
        }
        let flagging = scenario.liars.iter();
        let flagging = flagging.filter(|(_, lie)| matches!(lie, Lie::Flagging { .. }));
        world.fast = flagging.map(|(liar, _)| *liar).collect();
        world.liars = scenario.liars.iter().map(|(liar, _)| *liar).collect();
        world.checker.expect_lies(world.liars.len());
        let loses = |(_, command): &(u64, Command)| matches!(command, Command::Lose(..));
        if scenario.machines.losses > 0 || scenario.script.iter().any(loses) {
            let tolerated = committee.size() - committee.quorum();
            world.checker.expect_losses(tolerated);
        }
        let mut hosts = Vec::new();
        let beside = machines_beside(&scenario.changes, committee.size());
        let all = (0..).map(ValidatorIndex).take(committee.size() + beside);
        for validator in all {
            let lie = scenario
                .liars
                .iter()
                .find(|(liar, _)| *liar == validator)
                .map(|(_, lie)| *lie);
            let copies = if lie == Some(Lie::Twins) { 2 } else { 1 };
            for _ in 0..copies {
                let skew = scenario.machines.clock_skew_ms;
                let drawn = world.random.between(0, skew.saturating_mul(2));
                let slow = scenario.slow_disks.iter();
                let slow = slow
                    .filter(|(who, _)| *who == validator)
                    .map(|(_, us)| *us)
                    .next();
                let settings = Settings {
                    engine: scenario.engine,
                    parameters: scenario.parameters.clone(),
                    timing: scenario.timing,
                    members_wait: scenario.members_wait,
                    engine_is_fixed: scenario.broken == Some(Broken::QuorumTooSmall),
                    broken: scenario.broken.filter(|_| lie.is_none()),
                    least_flush_us: slow.unwrap_or(scenario.machines.least_flush_us),
                    flush_us: slow.unwrap_or(scenario.machines.flush_us),
                    chain_flush_us: scenario.machines.chain_flush_us,
                    chain_lag_us: scenario.machines.chain_lag_us,
                    limits: scenario.limits,
                    clock_skew_ms: i64::try_from(drawn).unwrap_or(0) - i64::try_from(skew).unwrap_or(0),
                };
                hosts.push(Host::new(hosts.len(), validator, lie, settings));
                world.hosts.push(validator);
            }
        }
        Self {
            scenario,
            world,
            hosts,
            submitted: 0,
            calm: false,
            goes_on: false,
        }
    }

    /// Runs it to its end.
    pub fn run(self) -> Report {
        let scenario = self.scenario.clone();
        let run = AssertUnwindSafe(move || self.run_guarded());
        catch_unwind(run).unwrap_or_else(|panic| {
            let what = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .unwrap_or_default();
            Report {
                scenario,
                failure: Some(format!("an engine panicked: {what}")),
                height: 0,
                epoch: 0,
                view: 0,
                reigns: Vec::new(),
                settled_ms: 0,
                virtual_ms: 0,
                events: 0,
                messages: 0,
                idle_messages: 0,
                longest_wait_ms: 0,
                accused: BTreeSet::new(),
                quarantined: BTreeSet::new(),
                chart: Chart::default(),
                recordings: Vec::new(),
                measured: None,
            }
        })
    }

    /// Runs it to its end and counts, whatever rule is broken meanwhile. Messages and flushes count for so
    /// long after the first submission, in microseconds, or throughout.
    pub fn measure(mut self, window_us: Option<u64>) -> Report {
        self.world.meter = Some(Meter::new(window_us));
        self.goes_on = true;
        self.run()
    }

    /// Measures it throughout, and keeps what each honest validator certified. In it no epoch may end.
    pub fn measure_chains(mut self) -> Report {
        let committee = self.world.committee.clone();
        self.world.meter = Some(Meter::new(None).with_chains(committee));
        self.goes_on = true;
        self.run()
    }

    /// Runs it again with a chart.
    pub fn chart(mut self) -> Report {
        let title = format!(
            "{} validators, {}, seed {}",
            self.scenario.validators, self.scenario.engine, self.scenario.seed
        );
        self.world.chart = Some(Chart::new(title, self.lanes()));
        self.run()
    }

    /// The name of each host; the second of two with one key has a prime.
    fn lanes(&self) -> Vec<String> {
        let name = |host: &Host| {
            let is_second = self.world.hosts[..host.place].contains(&host.validator);
            let prime = if is_second { "′" } else { "" };
            format!("validator-{}{prime}", host.validator)
        };
        self.hosts.iter().map(name).collect()
    }

    /// Runs it, and records what each host's engines are given.
    pub fn record(mut self) -> Report {
        let (validators, hosts) = (self.scenario.validators, self.hosts.len());
        let (seed, network) = (self.scenario.seed, self.world.network);
        self.world.recorders = Some(Recorders::new(seed, network, validators, hosts));
        self.run()
    }

    fn run_guarded(mut self) -> Report {
        self.plan();
        for host in &mut self.hosts {
            host.start(&mut self.world);
        }
        self.connect_all();
        let end = self.scenario.faults_end_ms * 1_000;
        let patience = self.scenario.patience_ms * 1_000;
        let mut failure = None;
        let mut settled = None;
        let mut check_at = end;
        while self.world.now < end + patience {
            let Some(due) = self.world.next(end + patience) else {
                break;
            };
            self.on_due(due);
            failure = failure.or_else(|| self.violation());
            if failure.is_some() && !self.goes_on {
                break;
            }
            if self.calm && self.world.now >= check_at {
                check_at = self.world.now + 5_000;
                if self.unfinished().is_none() {
                    settled = Some(self.world.now);
                    break;
                }
            }
        }
        if failure.is_none() && settled.is_none() {
            failure = Some(format!(
                "progress: {} ms after the faults, {}",
                self.scenario.patience_ms,
                self.unfinished().unwrap_or_default()
            ));
        }
        let messages = self.world.messages;
        let watched_until = self.world.now + self.scenario.linger_ms * 1_000;
        while failure.is_none() {
            let Some(due) = self.world.next(watched_until) else {
                break;
            };
            self.on_due(due);
            failure = self.violation();
        }
        let honest = || self.hosts.iter().filter(|host| host.is_honest());
        let running = || honest().filter(|host| host.is_up());
        let view = honest()
            .filter_map(|host| host.engine().map(|engine| engine.reign()))
            .max();
        let quarantined = honest()
            .filter(|host| host.is_quarantined())
            .map(|host| host.validator);
        Report {
            failure,
            height: honest().map(|host| host.chain().len() as u64).min().unwrap_or(0),
            epoch: running().map(|host| host.epoch().0).min().unwrap_or(0),
            view: view.unwrap_or(0),
            reigns: self
                .world
                .reigns
                .iter()
                .map(|((epoch, reign), us)| (epoch.0, *reign, us / 1_000))
                .collect(),
            settled_ms: settled.unwrap_or(self.world.now).saturating_sub(end) / 1_000,
            virtual_ms: self.world.now / 1_000,
            events: self.world.events,
            messages,
            idle_messages: self.world.messages - messages,
            longest_wait_ms: self.world.checker.longest_wait_us() / 1_000,
            accused: self.world.checker.accused().clone(),
            quarantined: quarantined.collect(),
            chart: self
                .world
                .chart
                .take()
                .unwrap_or_default()
                .with_arrivals_checked(),
            recordings: self
                .world
                .recorders
                .take()
                .map_or_else(Vec::new, Recorders::recordings),
            measured: self
                .world
                .meter
                .take()
                .map(|meter| meter.finish(&self.world.liars)),
            scenario: self.scenario,
        }
    }

    /// What was broken, which the chart is told too.
    fn violation(&mut self) -> Option<String> {
        let violation = self.world.checker.violation()?.to_owned();
        self.world.note(None, NoteKind::Violation, || violation.clone());
        Some(violation)
    }

    fn on_due(&mut self, due: Due) {
        match due {
            Due::At { host, life, event } => self.hosts[host].on_event_of(&mut self.world, life, *event),
            Due::Command(command) => self.on_command(command),
            Due::Calm => self.on_calm(),
        }
    }

    fn hosts_of(&self, who: u16) -> Vec<usize> {
        let of = |host: &&Host| host.validator == ValidatorIndex(who);
        self.hosts.iter().filter(of).map(|host| host.place).collect()
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Crash(who) => {
                for host in self.hosts_of(who) {
                    self.hosts[host].crash(&mut self.world);
                }
            }
            Command::Stop(who) => {
                for host in self.hosts_of(who) {
                    self.hosts[host].stop(&mut self.world);
                }
                let crash = Due::Command(Command::Crash(who));
                self.world.schedule(STOPPING_US, crash);
            }
            Command::Start(who) => {
                for host in self.hosts_of(who) {
                    self.start(host);
                }
            }
            Command::BackUp(who) => {
                for host in self.hosts_of(who) {
                    self.hosts[host].back_up();
                }
            }
            Command::Lose(who, loss) => {
                for host in self.hosts_of(who) {
                    self.hosts[host].lose(&mut self.world, loss);
                }
            }
            Command::Rejoin(who, posted) => {
                let validator = ValidatorIndex(who);
                let token = self.hosts_of(who).first().map(|host| self.hosts[*host].token());
                for (host, token) in self.hosts_of(posted).into_iter().zip(token.into_iter().cycle()) {
                    self.hosts[host].submit(&mut self.world, Work::Rejoin { validator, token });
                }
            }
            Command::Pause(who) => {
                for host in self.hosts_of(who) {
                    self.hosts[host].pause(&mut self.world);
                }
            }
            Command::Resume(who) => {
                for host in self.hosts_of(who) {
                    self.hosts[host].resume(&mut self.world);
                }
            }
            Command::Isolate(side) => {
                self.world.note(None, NoteKind::Cut, || {
                    let side: Vec<String> = side.iter().map(|who| format!("validator-{who}")).collect();
                    format!("{} cut off", side.join(", "))
                });
                let side: BTreeSet<ValidatorIndex> = side.into_iter().map(ValidatorIndex).collect();
                let all = self.world.machines();
                for one in &all {
                    for other in all
                        .iter()
                        .filter(|other| side.contains(*other) != side.contains(one))
                    {
                        self.world.cut(*one, *other);
                    }
                }
            }
            Command::CutOneWay(from, to) => {
                self.world.note(None, NoteKind::Cut, || {
                    format!("link cut from validator-{from} to validator-{to}")
                });
                self.world.cut(ValidatorIndex(from), ValidatorIndex(to));
            }
            Command::Heal => self.heal(),
            Command::TimeOut(who) => {
                for host in self.hosts_of(who) {
                    self.hosts[host].time_out(&mut self.world);
                }
            }
            Command::SetClock(who, skew_ms) => {
                for host in self.hosts_of(who) {
                    self.hosts[host].set_clock(skew_ms);
                }
            }
            Command::Submit(who, count) => {
                for _ in 0..count {
                    let what = Work::Payments(self.submitted);
                    self.submit(who, what);
                }
            }
            Command::SubmitPayments(who, count) => {
                let first = self.submitted;
                self.submit(who, Work::GoodPayments { first, count });
            }
            Command::Befall(whom, what) => self.befall(whom, what),
        }
    }

    fn submit(&mut self, who: u16, what: Work) {
        self.submitted += 1;
        for host in self.hosts_of(who) {
            self.hosts[host].submit(&mut self.world, what);
        }
    }

    fn start(&mut self, host: usize) {
        if self.hosts[host].is_up() {
            return;
        }
        self.hosts[host].start(&mut self.world);
        let own = self.hosts[host].validator;
        for place in 0..self.hosts.len() {
            let peer = self.hosts[place].validator;
            if peer != own && self.hosts[place].is_up() && !self.world.is_cut(own, peer) {
                self.connect(host, peer);
                self.connect(place, own);
            }
        }
    }

    fn connect(&mut self, host: usize, peer: ValidatorIndex) {
        let delay = self.world.random.between(100, 5_000);
        self.world
            .schedule_at(host, u64::MAX, delay, Scheduled::Connected { peer });
    }

    fn connect_all(&mut self) {
        for host in 0..self.hosts.len() {
            for peer in self.world.machines() {
                if peer != self.hosts[host].validator {
                    self.connect(host, peer);
                }
            }
        }
    }

    fn heal(&mut self) {
        let cuts = self.world.heal();
        if !cuts.is_empty() {
            self.world
                .note(None, NoteKind::Heal, || "all links are there again".to_owned());
        }
        for (from, to) in cuts {
            for host in self.hosts_of(to.0) {
                self.connect(host, from);
            }
        }
    }

    /// Faults are over: links deliver, everything runs.
    fn on_calm(&mut self) {
        self.world
            .note(None, NoteKind::Other, || "faults are over".to_owned());
        let delay_us = self.world.links.delay_us.min(self.scenario.calm_delay_us);
        self.world.links = Links {
            least_delay_us: self.world.links.least_delay_us.min(delay_us),
            delay_us,
            ..Links::default()
        };
        self.heal();
        let scripted_down: BTreeSet<u16> = self.stay_down();
        for host in 0..self.hosts.len() {
            self.hosts[host].resume(&mut self.world);
            if !scripted_down.contains(&self.hosts[host].validator.0) {
                self.start(host);
            }
        }
        self.calm = true;
    }

    /// Validators that the script crashes and does not start again stay down.
    fn stay_down(&self) -> BTreeSet<u16> {
        let mut script = self.scenario.script.clone();
        script.sort_by_key(|(at, _)| *at);
        let mut down = BTreeSet::new();
        for (_, command) in script {
            match command {
                Command::Crash(who) | Command::Stop(who) | Command::Lose(who, _) => down.insert(who),
                Command::Start(who) => down.remove(&who),
                _ => false,
            };
        }
        down
    }

    /// What is still to be done before the network has settled: every batch that an honest validator
    /// has on disk is certified by all honest ones that run, at one height.
    fn unfinished(&self) -> Option<String> {
        let running: Vec<&Host> = self
            .hosts
            .iter()
            .filter(|host| host.is_honest() && host.is_up())
            .collect();
        let wanted: BTreeSet<Digest> = running
            .iter()
            .flat_map(|host| host.durable_batches())
            .copied()
            .collect();
        let height = running.iter().map(|host| host.chain().len()).max().unwrap_or(0);
        let views: Vec<_> = running
            .iter()
            .filter_map(|host| {
                host.engine()
                    .map(|engine| (host.validator.0, engine.reign(), engine.has_begun()))
            })
            .collect();
        for host in running {
            let waits = host.is_quarantined() && !self.scenario.members_wait;
            if host.is_ending() || waits || host.under_way() > 0 {
                return Some(format!(
                    "validator {} is in epoch {} at height {}, ending: {}, quarantined: {}, with {} own batches \
                     under way; views {views:?}",
                    host.validator,
                    host.epoch(),
                    host.chain().len(),
                    host.is_ending(),
                    host.is_quarantined(),
                    host.under_way(),
                ));
            }
            let stage = host.stage_of_changes(&self.world);
            if stage != Stage::Done {
                return Some(format!("validator {} sees changes at {stage:?}", host.validator));
            }
            let missing_texts = host.missing_texts();
            if missing_texts > 0 {
                return Some(format!(
                    "validator {} lacks the texts of {missing_texts} batches",
                    host.validator
                ));
            }
            let missing = wanted.difference(&host.ordered()).count();
            if missing > 0 || host.chain().len() < height {
                return Some(format!(
                    "validator {} is at height {} of {height}, lacks {missing} of {} batches, waits for {:?}; views {views:?}",
                    host.validator,
                    host.chain().len(),
                    wanted.len(),
                    host.engine()
                        .map(|engine| (engine.reign(), engine.has_begun(), engine.waiting())),
                ));
            }
        }
        None
    }
}
