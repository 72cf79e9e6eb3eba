//! One network of its own: calm load, then what befalls it, and what came of that.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::time::Duration;

use indicatif::ProgressBar;
use quorate_client::Client;
use quorate_tools::failure::Failure;
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::processor::{Allowance, Holder, burn, hold};
use super::{Plan, Role, SETTLING};
use crate::bench::load::{Answer, Load, Rate};
use crate::bench::network::Network;
use crate::bench::payers::Payers;

/// How long all keep the rules under load.
const CALM: Duration = Duration::from_secs(3);
/// Accounts that pay each other.
const ACCOUNTS: usize = 1_000;
/// How long the load lasts that finds the most that a network takes, and calls in flight then.
const MOST_TIME: Duration = Duration::from_secs(8);
const MOST_IN_FLIGHT: usize = 32;
/// The most transactions in a call, as many as where the most that the network takes is measured: a call leaves when
/// its last one is due, at most 10 ms after its first, so that few wait for each other.
pub(super) const BUNDLE: u64 = 100;
/// How long who leads is stopped, where a lie takes a change of view.
const STOPPED: Duration = Duration::from_millis(1_500);

/// What befalls the validators in the liars' places.
pub(super) enum Befalls<'a> {
    /// Nothing: they keep the rules.
    Nothing,
    /// They begin this lie, and are held to processor time.
    Lies {
        /// As the program that lies takes it.
        lie: &'a str,
        /// To how much.
        held_to: HeldTo,
    },
    /// They keep the rules, and are held to processor time as liars are.
    IsHeld(HeldTo),
    /// They are killed; so much of a processor is burnt for each.
    Stops {
        /// A part of one.
        burns: f64,
    },
}

/// So many times what an honest validator takes, a liar may take: held to exactly that, a process stands still for a
/// part of the time as soon as its lies cost it anything, and what is measured is a primary that is stopped.
const LEEWAY: f64 = 1.25;

/// How much processor time a validator in a liar's place may take, but for the leeway.
#[derive(Clone, Copy)]
pub(super) struct HeldTo {
    /// Of a processor, what an honest one took there in a run of its own.
    pub(super) share: f64,
    /// So many times what the others took each in that run.
    pub(super) of_others: f64,
}

/// What a run came to.
pub(super) struct Ran {
    /// To what was offered from the calm on.
    pub(super) answers: Vec<Answer>,
    /// When the calm ended.
    pub(super) began: Instant,
    /// Changed since.
    pub(super) views: u64,
    /// Against liars.
    pub(super) evidence: BTreeSet<String>,
    /// Honest validators against whom there is evidence.
    pub(super) accused: BTreeSet<String>,
    /// Of a processor, what a validator in a liar's place took since.
    pub(super) share: Option<f64>,
    /// Of the others each.
    pub(super) others_share: Option<f64>,
}

/// Whether a lie shows in changes of view alone: then who leads is stopped for a moment.
fn takes_a_view_change(lie: &str) -> bool {
    let name = lie.split(':').next().unwrap_or(lie);
    matches!(name, "two-views" | "hoarder" | "forger")
}

/// The most that the honest network takes, in transactions a second.
pub(super) async fn most(plan: &Plan) -> Result<u64, Failure> {
    let network = Network::up(plan.folder.clone(), &plan.network).await?;
    network.settle().await?;
    let hidden = ProgressBar::hidden();
    let payers = Payers::without(&[], &network, ACCOUNTS, &hidden).await?;
    let load = Load {
        rate: Rate::Max,
        duration: MOST_TIME,
        warmup: CALM,
        in_flight: MOST_IN_FLIGHT,
        keep_answers: false,
    };
    let lasts = load.warmup + load.duration;
    let ahead = payers.most_within(lasts);
    let signed = payers.sign(ahead, BUNDLE, lasts, &hidden).await?;
    let (tally, _) = payers.offer(&load, signed, &[]).await?;
    match tally.answered / MOST_TIME.as_secs() {
        0 => Err(Failure::failed("nothing was committed")),
        most => Ok(most),
    }
}

/// One network, in which all keep the rules first.
pub(super) async fn run(plan: &Plan, rate: u64, role: Role, befalls: &Befalls<'_>) -> Result<Ran, Failure> {
    let changes_view = matches!(befalls, Befalls::Lies { lie, .. } if takes_a_view_change(lie));
    let places = plan.places(role, changes_view);
    let mut others = BTreeMap::new();
    if let Befalls::Lies { lie, held_to } = befalls {
        // What floods holds itself back as well, so that it does not stand still for the most part.
        let percent = (held_to.share * 100.0).clamp(1.0, 100.0).round();
        let arguments = [
            "run",
            "--from-signal",
            "--lie",
            lie,
            "--processor",
            &percent.to_string(),
            "--home",
        ];
        for &place in &places {
            others.insert(place, (plan.liar.clone(), arguments.map(OsString::from).to_vec()));
        }
    }
    let mut network = Network::up_with(plan.folder.clone(), &plan.network, &others).await?;
    network.settle().await?;
    let hidden = ProgressBar::hidden();
    let payers = Payers::without(&places, &network, ACCOUNTS, &hidden).await?;
    let load = Load {
        rate: Rate::PerSecond(rate),
        duration: SETTLING + plan.duration,
        warmup: CALM,
        in_flight: 0,
        keep_answers: true,
    };
    let bundle = (rate / 100).clamp(1, BUNDLE);
    let lasts = load.warmup + load.duration;
    let signed = payers
        .sign(lasts.as_secs() * rate, bundle, lasts, &hidden)
        .await?;
    let attack = attack(&mut network, &places, befalls, changes_view);
    let (tally, attacked) = tokio::join!(payers.offer(&load, signed, &[]), attack);
    let ((tally, _), attacked) = (tally?, attacked?);
    let Attacked {
        began,
        before,
        during,
    } = attacked;
    let after = Measured::of(&network, &places).await;
    drop(during);
    let seconds = began.elapsed().as_secs_f64();
    let share = |before: Option<f64>, after: Option<f64>| Some((after? - before?) / seconds);
    let names: BTreeSet<&String> = places
        .iter()
        .map(|place| &network.validators()[*place].name)
        .collect();
    let (guilty, innocent): (Vec<_>, Vec<_>) = after
        .evidence
        .into_iter()
        .partition(|(accused, _)| names.contains(accused) && matches!(befalls, Befalls::Lies { .. }));
    Ok(Ran {
        answers: tally.answers.unwrap_or_default(),
        began,
        views: after.view.saturating_sub(before.view),
        evidence: guilty.into_iter().flat_map(|(_, kinds)| kinds).collect(),
        accused: innocent.into_iter().map(|(accused, _)| accused).collect(),
        share: share(before.cpu, after.cpu),
        others_share: share(before.others_cpu, after.others_cpu),
    })
}

/// When it began, what was before, and what holds processors as long as this is kept.
struct Attacked {
    began: Instant,
    before: Measured,
    during: Vec<Holder>,
}

/// Lets the validators do it, once the load has been calm for a while.
async fn attack(
    network: &mut Network,
    places: &[usize],
    befalls: &Befalls<'_>,
    changes_view: bool,
) -> Result<Attacked, Failure> {
    sleep(CALM).await;
    let before = Measured::of(network, places).await;
    let began = Instant::now();
    let mut during = Vec::new();
    match befalls {
        Befalls::Nothing => {}
        Befalls::Lies { held_to, .. } => {
            for &place in places {
                network.signal(place, Signal::USR1)?;
            }
            during = held(network, places, *held_to);
        }
        Befalls::IsHeld(held_to) => during = held(network, places, *held_to),
        Befalls::Stops { burns } => {
            network.kill(places)?;
            during.extend(places.iter().map(|_| burn(*burns)));
        }
    }
    if changes_view && !places.contains(&0) {
        network.signal(0, Signal::STOP)?;
        sleep(STOPPED).await;
        network.signal(0, Signal::CONT)?;
    }
    Ok(Attacked {
        began,
        before,
        during,
    })
}

/// Holds these to what they may take.
fn held(network: &Network, places: &[usize], held_to: HeldTo) -> Vec<Holder> {
    let process = |place: usize| network.validators()[place].process();
    let held = places.iter().filter_map(|place| process(*place));
    let others = || (0..network.size()).filter(|other| !places.contains(other));
    let allowance = || Allowance {
        part: held_to.share * LEEWAY,
        times: held_to.of_others * LEEWAY,
        others: others().filter_map(process).collect(),
    };
    held.map(|process| hold(process, allowance())).collect()
}

/// What the validators say at a moment.
#[derive(Default)]
struct Measured {
    view: u64,
    /// Who is accused by anybody honest, and of what.
    evidence: BTreeMap<String, BTreeSet<String>>,
    /// Processor seconds of the liars, or of who is in their places, on average.
    cpu: Option<f64>,
    /// The others', on average.
    others_cpu: Option<f64>,
}

impl Measured {
    async fn of(network: &Network, places: &[usize]) -> Self {
        let mut measured = Self {
            cpu: mean(network, places),
            ..Self::default()
        };
        let others: Vec<usize> = (0..network.size())
            .filter(|other| !places.contains(other))
            .collect();
        measured.others_cpu = mean(network, &others);
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

/// Processor seconds that these have used, on average.
fn mean(network: &Network, places: &[usize]) -> Option<f64> {
    let cpu: Option<f64> = places.iter().map(|place| network.cpu_seconds(*place)).sum();
    cpu.map(|cpu| cpu / places.len() as f64)
}
