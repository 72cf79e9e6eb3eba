//! What a lying validator costs: the same network under the same load with a liar in it, and with that validator
//! stopped.
//!
//! The liar is a program of its own, which is given; this one has no lies. Load is offered to the others alone. All
//! keep the rules at first; then the liar is told to begin (SIGUSR1), or the validator is killed. A payment is
//! harmed if it takes much longer than in the calm before. The outage is from when the first harmed payment was due
//! until one was from which on, for a second, nine of ten were not. What is counted for rate and latency was due later
//! than [`SETTLING`] after the lie began.
//!
//! What a liar says is measured, not what its process takes from the machine that all of them share: it is held to the
//! processor time that an honest validator takes in its place, in a run of its own or as a multiple of what the others
//! take at the time, whichever is more, and a quarter of that besides; as much as an honest one takes is burnt where it
//! is stopped. What this alone costs is seen in runs with an honest validator that is held.

mod outage;
mod processor;
mod report;
mod run;

use std::path::PathBuf;
use std::time::Duration;

use indicatif::ProgressBar;
use quorate_tools::failure::Failure;
use quorate_tools::localnet::make::Plan as NetworkPlan;

pub(crate) use report::{Report, Row};
use run::{Befalls, HeldTo, Ran, most, run};

/// How long after the first lie what is due counts for the outage alone.
pub(crate) const SETTLING: Duration = Duration::from_secs(5);
/// After so many lies what they are compared with is measured anew: machines that others share, and disks that have
/// written much, are slower at some times than at others.
const BETWEEN_BASELINES: usize = 4;

/// What to do.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The network, but for its folder.
    pub(crate) network: NetworkPlan,
    /// Its folder; each run has one beside it.
    pub(crate) folder: PathBuf,
    /// The program that lies.
    pub(crate) liar: PathBuf,
    /// Which lies, as it takes them.
    pub(crate) lies: Vec<String>,
    /// Where the liar is.
    pub(crate) roles: Vec<Role>,
    /// How many validators lie, side by side.
    pub(crate) liars: usize,
    /// How long is counted.
    pub(crate) duration: Duration,
    /// How often each lie is told; rows have the medians.
    pub(crate) rounds: u32,
    /// Transactions a second; 40 % of what the honest network takes, unless told.
    pub(crate) rate: Option<u64>,
}

/// Where the liar is when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// It leads.
    Primary,
    /// It does not.
    Backup,
}

/// Runs all of it, round by round, each lie between two runs with the validators stopped that are near in time: so
/// what the machine does besides falls on all rows alike.
pub(crate) async fn measure(plan: &Plan, progress: &ProgressBar) -> Result<Report, Failure> {
    progress.set_message("what it takes");
    let rate = match plan.rate {
        Some(rate) => rate,
        None => (most(plan).await? * 2 / 5).max(1),
    };
    progress.inc(1);
    let mut roles = Vec::new();
    for &role in &plan.roles {
        progress.set_message(format!("{}, honest", role.name()));
        let honest = run(plan, rate, role, &Befalls::Nothing).await?;
        // What the system does not tell cannot be held to.
        let share = honest.share.unwrap_or(1.0);
        let of_others = honest.others_share.map_or(1.0, |others| share / others);
        roles.push(Measured {
            role,
            held_to: HeldTo { share, of_others },
            honest,
            held: Vec::new(),
            stopped: Vec::new(),
            lies: plan.lies.iter().map(|_| Told::default()).collect(),
        });
        progress.inc(1);
    }
    for _ in 0..plan.rounds {
        for measured in &mut roles {
            measured.hold(plan, rate, progress).await?;
        }
        for (place, lie) in plan.lies.iter().enumerate() {
            for measured in &mut roles {
                if place.is_multiple_of(BETWEEN_BASELINES) {
                    measured.stop(plan, rate, progress).await?;
                }
                progress.set_message(format!("{}, {lie}", measured.role.name()));
                let held_to = measured.held_to;
                let ran = run(plan, rate, measured.role, &Befalls::Lies { lie, held_to }).await?;
                let told = &mut measured.lies[place];
                told.runs.push(ran);
                told.after.push(measured.stopped.len() - 1);
                progress.inc(1);
            }
        }
    }
    for measured in &mut roles {
        measured.stop(plan, rate, progress).await?;
    }
    let mut report = Report {
        validators: usize::from(plan.network.validators),
        liars: plan.liars,
        rate,
        seconds: plan.duration.as_secs_f64(),
        rounds: plan.rounds,
        honest: Vec::new(),
        stopped: Vec::new(),
        lies: Vec::new(),
    };
    let mut held = Vec::new();
    for measured in &roles {
        let row = |lie: &str, ran: &[Ran]| Row::new(plan, rate, measured.role, lie, ran);
        report
            .honest
            .push(row("none", std::slice::from_ref(&measured.honest)));
        held.push(row("none, held", &measured.held));
        report.stopped.push(row("stopped", &measured.stopped));
    }
    for (place, lie) in plan.lies.iter().enumerate() {
        for (measured, held) in roles.iter().zip(&held) {
            let told = &measured.lies[place];
            let row = Row::new(plan, rate, measured.role, lie, &told.runs);
            let against = told.after.iter().map(|before| {
                let around = measured.stopped[*before..].iter().take(2);
                around.map(|ran| report::p99_ms(plan, rate, ran)).collect()
            });
            let own = told.runs.iter().map(|ran| report::p99_ms(plan, rate, ran));
            report.lies.push(row.held_against(own.zip(against)).beside(held));
        }
    }
    report.honest.extend(held);
    Ok(report)
}

/// The runs of one role.
struct Measured {
    role: Role,
    /// To what an honest validator takes in the liar's place.
    held_to: HeldTo,
    honest: Ran,
    held: Vec<Ran>,
    stopped: Vec<Ran>,
    /// In the order of the plan.
    lies: Vec<Told>,
}

/// The runs of one lie, and after which run with the validators stopped each of them was.
#[derive(Default)]
struct Told {
    runs: Vec<Ran>,
    after: Vec<usize>,
}

impl Measured {
    /// The same network with all honest, and held as a liar is.
    async fn hold(&mut self, plan: &Plan, rate: u64, progress: &ProgressBar) -> Result<(), Failure> {
        progress.set_message(format!("{}, held", self.role.name()));
        let ran = run(plan, rate, self.role, &Befalls::IsHeld(self.held_to)).await?;
        self.held.push(ran);
        progress.inc(1);
        Ok(())
    }

    /// The same network with the validators stopped.
    async fn stop(&mut self, plan: &Plan, rate: u64, progress: &ProgressBar) -> Result<(), Failure> {
        progress.set_message(format!("{}, stopped", self.role.name()));
        let burns = self.held_to.share;
        let ran = run(plan, rate, self.role, &Befalls::Stops { burns }).await?;
        self.stopped.push(ran);
        progress.inc(1);
        Ok(())
    }
}

impl Role {
    /// For tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Backup => "backup",
        }
    }
}

impl Plan {
    /// How many steps the progress is counted in.
    pub(crate) fn steps(&self) -> u64 {
        let baselines = self.lies.len().div_ceil(BETWEEN_BASELINES) as u64;
        let lies = self.lies.len() as u64;
        // All honest once, and stopped once more at the end.
        ((1 + baselines + lies) * u64::from(self.rounds) + 2) * self.roles.len() as u64 + 1
    }

    /// The liars' places: from who leads view 0 on, or the last, or from who leads view 1 on where the lie takes a
    /// change of view.
    fn places(&self, role: Role, changes_view: bool) -> Vec<usize> {
        let first = match role {
            Role::Primary if changes_view => 1,
            Role::Primary => 0,
            Role::Backup => usize::from(self.network.validators) - self.liars,
        };
        (first..first + self.liars).collect()
    }
}
