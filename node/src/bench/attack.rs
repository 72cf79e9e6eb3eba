//! What a lying validator costs: the same network under the same load with a liar in it, and with that validator
//! stopped.
//!
//! The liar is a program of its own, which is given; this one has no lies. Load is offered to the others alone. All
//! keep the rules at first; then the liar is told to begin (SIGUSR1), or the validator is killed. A payment is
//! harmed if it takes much longer than in the calm before. The outage is from when the first harmed payment was due
//! until one was from which on, for a second, nine of ten were not. What is counted for rate and latency was due later
//! than [`SETTLING`] after the lie began.

mod outage;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::ProgressBar;
use quorate_client::Client;
use quorate_crypto::keyfile;
use quorate_ledger::Amount;
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::accounts::Accounts;
use super::ceiling::Signed as SignedContents;
use super::load::{Answer, Load, Rate, Signed, Signing, Tally, offer};
use super::network::Network;
use super::usage::Probe;
use super::workload::Workload;
use crate::failure::Failure;
use crate::localnet::make::Plan as NetworkPlan;
use crate::wallet::{Ledger, NodeArgs};
pub(crate) use report::{Report, Row};

/// How long all keep the rules under load.
const CALM: Duration = Duration::from_secs(3);
/// How long after the first lie what is due counts for the outage alone.
pub(crate) const SETTLING: Duration = Duration::from_secs(5);
/// Accounts that pay each other.
const ACCOUNTS: usize = 1_000;
/// Smallest units that each of them gets.
const FUNDING: u128 = 1_000_000;
/// Seconds beyond the run that its transactions stay valid.
const EXPIRY_MARGIN: u64 = 600;
/// How long the load lasts that finds the most that a network takes, and calls in flight then.
const MOST_TIME: Duration = Duration::from_secs(8);
const MOST_IN_FLIGHT: usize = 32;
/// How long signature checks are measured before that.
const CEILING_TIME: Duration = Duration::from_millis(300);
/// The most transactions in a call; a call leaves when its last one is due, so that few wait for each other.
const BUNDLE: u64 = 10;
/// How long who leads is stopped, where a lie takes a change of view.
const STOPPED: Duration = Duration::from_millis(1_500);
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
    /// How long is counted.
    pub(crate) duration: Duration,
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

/// What befalls the validator.
enum Befalls<'a> {
    /// It begins this lie.
    Lies(&'a str),
    /// It is killed; so much processor time of every second is burnt in its place.
    Stops { burns: f64 },
}

/// What a run came to.
struct Ran {
    answers: Vec<Answer>,
    began: Instant,
    views: u64,
    evidence: BTreeSet<String>,
    accused: BTreeSet<String>,
    /// Processor seconds in a second of the liar, and of an honest validator.
    liar_share: Option<f64>,
    honest_share: Option<f64>,
}

/// Runs all of it.
pub(crate) async fn measure(plan: &Plan, progress: &ProgressBar) -> Result<Report, Failure> {
    progress.set_message("what it takes");
    let rate = match plan.rate {
        Some(rate) => rate,
        None => (most(plan).await? * 2 / 5).max(1),
    };
    progress.inc(1);
    let mut baselines = BTreeMap::new();
    let mut rows = Vec::new();
    for role in &plan.roles {
        progress.set_message(format!("{}, stopped", role.name()));
        // An honest validator's share is known from the first run alone, in which nothing is burnt yet.
        let burns = baselines
            .values()
            .find_map(|row: &Row| row.honest_share)
            .unwrap_or(0.0);
        let ran = run(plan, rate, *role, &Befalls::Stops { burns }).await?;
        baselines.insert(*role, Row::new(plan, rate, *role, "stopped", &ran, None));
        progress.inc(1);
    }
    for lie in &plan.lies {
        for role in &plan.roles {
            progress.set_message(format!("{}, {lie}", role.name()));
            let ran = run(plan, rate, *role, &Befalls::Lies(lie)).await?;
            rows.push(Row::new(plan, rate, *role, lie, &ran, baselines.get(role)));
            progress.inc(1);
        }
    }
    Ok(Report {
        validators: usize::from(plan.network.validators),
        rate,
        seconds: plan.duration.as_secs_f64(),
        stopped: baselines.into_values().collect(),
        lies: rows,
    })
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
        let runs = (self.lies.len() + 1) * self.roles.len();
        runs as u64 + 1
    }

    /// The liar's place: who leads view 0, or the last, or who leads view 1 where the lie takes a change of view.
    fn place(&self, role: Role, changes_view: bool) -> usize {
        match role {
            Role::Primary if changes_view => 1,
            Role::Primary => 0,
            Role::Backup => usize::from(self.network.validators) - 1,
        }
    }
}

/// Whether a lie shows in changes of view alone: then who leads is stopped for a moment.
fn takes_a_view_change(lie: &str) -> bool {
    let name = lie.split(':').next().unwrap_or(lie);
    matches!(name, "two-views" | "hoarder" | "forger")
}

/// The load on one network.
struct Bench {
    ledger: Ledger,
    nodes: Vec<Client>,
    accounts: Arc<Accounts>,
    workload: Workload,
}

impl Bench {
    /// Load on all validators but this one.
    async fn without(network: &Network, place: Option<usize>) -> Result<Self, Failure> {
        let urls = network.urls().into_iter().enumerate();
        let urls = urls
            .filter(|(other, _)| Some(*other) != place)
            .map(|(_, url)| url);
        let nodes = NodeArgs::of(urls.collect());
        let ledger = nodes.connect().await?;
        let treasury = keyfile::read(network.treasury_key(), None)?;
        let hidden = ProgressBar::hidden();
        let (asset, amount) = (network.asset(), Amount(FUNDING));
        let accounts = Accounts::fund(&ledger, &treasury, asset, amount, ACCOUNTS, &hidden).await?;
        Ok(Self {
            ledger,
            nodes: nodes.clients()?,
            accounts: Arc::new(accounts),
            workload: Workload::Payments {
                asset,
                per_transaction: 1,
            },
        })
    }

    /// Signs so many transactions before the clock starts.
    async fn sign(&self, load: &Load, bundle: u64, ahead: u64) -> Result<Signed, Failure> {
        let seconds = (load.warmup + load.duration).as_secs();
        let lead = Duration::from_secs(seconds + EXPIRY_MARGIN);
        let signing = Signing {
            accounts: Arc::clone(&self.accounts),
            workload: self.workload,
            expires_at: self.ledger.expiry(lead).await?,
            bundle: usize::try_from(bundle).unwrap_or(1).max(1),
        };
        Ok(tokio::task::block_in_place(|| {
            signing.ahead(ahead, &ProgressBar::hidden())
        }))
    }

    async fn offer(&self, load: &Load, signed: Signed) -> Result<Tally, Failure> {
        let nobody = Arc::new(Probe::new(Vec::new())?);
        Ok(offer(load, signed, &self.nodes, nobody).await?.0)
    }
}

/// The most that the honest network takes, in transactions a second.
async fn most(plan: &Plan) -> Result<u64, Failure> {
    let network = Network::up(plan.folder.clone(), &plan.network).await?;
    network.settle().await?;
    let bench = Bench::without(&network, None).await?;
    let ceiling = tokio::task::block_in_place(|| SignedContents::new().ceiling(network.size(), CEILING_TIME));
    let load = Load {
        rate: Rate::Max,
        duration: MOST_TIME,
        warmup: CALM,
        in_flight: MOST_IN_FLIGHT,
        keep_answers: false,
    };
    let ahead = (MOST_TIME + CALM).as_secs() * ceiling.transactions_per_second as u64;
    let signed = bench.sign(&load, 100, ahead).await?;
    let tally = bench.offer(&load, signed).await?;
    match tally.answered / MOST_TIME.as_secs() {
        0 => Err(Failure::failed("nothing was committed")),
        most => Ok(most),
    }
}

/// One network, in which the validator keeps the rules first.
async fn run(plan: &Plan, rate: u64, role: Role, befalls: &Befalls<'_>) -> Result<Ran, Failure> {
    let changes_view = matches!(befalls, Befalls::Lies(lie) if takes_a_view_change(lie));
    let place = plan.place(role, changes_view);
    let mut others = BTreeMap::new();
    if let Befalls::Lies(lie) = befalls {
        let arguments = [
            "run",
            "--from-signal",
            "--lie",
            lie,
            "--processor",
            FLOOD,
            "--home",
        ];
        others.insert(place, (plan.liar.clone(), arguments.map(OsString::from).to_vec()));
    }
    let mut network = Network::up_with(plan.folder.clone(), &plan.network, &others).await?;
    network.settle().await?;
    let bench = Bench::without(&network, Some(place)).await?;
    let load = Load {
        rate: Rate::PerSecond(rate),
        duration: SETTLING + plan.duration,
        warmup: CALM,
        in_flight: 0,
        keep_answers: true,
    };
    let bundle = (rate / 200).clamp(1, BUNDLE);
    let ahead = (load.warmup + load.duration).as_secs() * rate;
    let signed = bench.sign(&load, bundle, ahead).await?;
    let burnt_out = Arc::new(AtomicBool::new(false));
    let attack = attack(&mut network, place, befalls, changes_view, &burnt_out);
    let (tally, attacked) = tokio::join!(bench.offer(&load, signed), attack);
    burnt_out.store(true, Ordering::Relaxed);
    let (tally, Attacked { began, before }) = (tally?, attacked?);
    let after = Measured::of(&network, place).await;
    let seconds = began.elapsed().as_secs_f64();
    let share = |before: Option<f64>, after: Option<f64>| Some((after? - before?) / seconds);
    let name = &network.validators()[place].name;
    let accused = after.evidence.keys().filter(|accused| *accused != name);
    Ok(Ran {
        answers: tally.answers.unwrap_or_default(),
        began,
        views: after.view.saturating_sub(before.view),
        evidence: after.evidence.get(name).cloned().unwrap_or_default(),
        accused: accused.cloned().collect(),
        liar_share: share(before.cpu, after.cpu),
        honest_share: share(before.honest_cpu, after.honest_cpu),
    })
}

/// The part of a processor, in percent, within which a liar floods.
const FLOOD: &str = "20";

/// When the lie began, and what was before.
struct Attacked {
    began: Instant,
    before: Measured,
}

/// Lets the validator do it, once the load has been calm for a while.
async fn attack(
    network: &mut Network,
    place: usize,
    befalls: &Befalls<'_>,
    changes_view: bool,
    burnt_out: &Arc<AtomicBool>,
) -> Result<Attacked, Failure> {
    sleep(CALM).await;
    let before = Measured::of(network, place).await;
    let began = Instant::now();
    match befalls {
        Befalls::Lies(_) => network.signal(place, Signal::USR1)?,
        Befalls::Stops { burns } => {
            network.kill(&[place])?;
            burn(*burns, Arc::clone(burnt_out));
        }
    }
    if changes_view && place != 0 {
        network.signal(0, Signal::STOP)?;
        sleep(STOPPED).await;
        network.signal(0, Signal::CONT)?;
    }
    Ok(Attacked { began, before })
}

/// Burns this part of a processor until it is told to stop, as the validator would that does not run.
fn burn(share: f64, burnt_out: Arc<AtomicBool>) {
    const SLICE: Duration = Duration::from_millis(10);
    std::thread::spawn(move || {
        while share > 0.0 && !burnt_out.load(Ordering::Relaxed) {
            let busy = SLICE.mul_f64(share.min(1.0));
            let began = std::time::Instant::now();
            while began.elapsed() < busy {
                std::hint::spin_loop();
            }
            std::thread::sleep(SLICE - busy);
        }
    });
}

/// What the validators say at a moment.
#[derive(Default)]
struct Measured {
    view: u64,
    /// Who is accused by anybody honest, and of what.
    evidence: BTreeMap<String, BTreeSet<String>>,
    cpu: Option<f64>,
    /// The honest ones' on average.
    honest_cpu: Option<f64>,
}

impl Measured {
    async fn of(network: &Network, place: usize) -> Self {
        let mut measured = Self {
            cpu: network.cpu_seconds(place),
            ..Self::default()
        };
        let others: Vec<usize> = (0..network.size()).filter(|other| *other != place).collect();
        let cpu: Option<f64> = others.iter().map(|other| network.cpu_seconds(*other)).sum();
        measured.honest_cpu = cpu.map(|cpu| cpu / others.len() as f64);
        for other in others {
            if let Some(status) = network.status(other).await {
                measured.view = measured.view.max(status.view);
            }
            let Ok(client) = Client::new([network.validators()[other].api.as_str()]) else {
                continue;
            };
            if let Ok(list) = client.evidence().await {
                for evidence in list.evidence {
                    let kinds = measured.evidence.entry(evidence.validator).or_default();
                    kinds.insert(evidence.kind);
                }
            }
        }
        measured
    }
}
