//! Real networks on this machine, one protocol after the other, under the same load.

use std::path::PathBuf;
use std::time::Duration;

use indicatif::ProgressBar;
use quorate_crypto::Engine;
use quorate_simulator::compare::Network as Wanted;
use quorate_tools::failure::Failure;
use quorate_tools::localnet::make::Plan;
use serde::Serialize;

use crate::bench::failover::kill_leaders;
use crate::bench::load::{Load, Rate, Tally};
use crate::bench::network::{Network, plan, refuse_existing};
use crate::bench::payers::Payers;
use crate::bench::report::millis;
use crate::bench::usage::Usage;

/// Accounts that pay each other.
const ACCOUNTS: usize = 1_000;

/// Calls in flight at the most that a network takes, and transactions in each.
const IN_FLIGHT: usize = 32;
const BUNDLE: u64 = 500;

/// Load before what counts.
const WARMUP: Duration = Duration::from_secs(2);

/// How often a leader is killed.
const KILLS: u32 = 5;

/// Transactions a second while leaders are killed.
const PULSE: u32 = 200;

/// Steps of the progress for each network.
const STEPS: u64 = 5;

/// What to measure.
#[derive(Clone, Debug)]
pub(crate) struct LivePlan {
    /// The networks, one after the other.
    pub(crate) networks: Vec<Wanted>,
    /// Seconds of each load.
    pub(crate) seconds: u64,
    /// The first validator's API port.
    pub(crate) api_port: u16,
    /// The first validator's peer-to-peer port.
    pub(crate) p2p_port: u16,
    /// Where the networks' folders are made, and removed again.
    pub(crate) folder: PathBuf,
}

/// What was found of one network.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Live {
    /// Its protocol.
    pub(crate) consensus: Engine,
    /// How many validators it has.
    pub(crate) validators: usize,
    /// Certified answers a second, as fast as they come.
    pub(crate) transactions_per_second: f64,
    /// Processor time of all validators together.
    pub(crate) cpu_us_per_transaction: Option<f64>,
    /// At that load.
    pub(crate) transactions_per_block: Option<f64>,
    /// From validator to validator, all together.
    pub(crate) wire_bytes_per_transaction: Option<f64>,
    /// At half of that rate, from when a transaction was to be sent.
    pub(crate) half_load: Times,
    /// One transaction at a time.
    pub(crate) idle: Times,
    /// From a leader's end to the first commit of something sent after it.
    pub(crate) leader_killed_ms: Vec<u64>,
}

/// Latencies, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Times {
    transactions_per_second: f64,
    /// The median.
    pub(crate) p50_ms: f64,
    /// The 99th percentile.
    pub(crate) p99_ms: f64,
}

impl Live {
    /// The median time without commits after a leader's end.
    pub(crate) fn median_killed_ms(&self) -> Option<u64> {
        let mut sorted = self.leader_killed_ms.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }

    /// For tables and charts.
    pub(crate) fn name(&self) -> String {
        super::name(self.consensus, self.validators)
    }
}

impl LivePlan {
    /// How many steps the progress is counted in.
    pub(crate) fn steps(&self) -> u64 {
        self.networks.len() as u64 * STEPS
    }

    fn network(&self, wanted: Wanted) -> Result<(PathBuf, Plan), Failure> {
        let validators = u16::try_from(wanted.validators).map_err(Failure::usage)?;
        let plan = plan(validators, wanted.engine, self.api_port, self.p2p_port)?;
        let folder = self.folder.with_extension(wanted.engine.to_string());
        refuse_existing(&folder)?;
        Ok((folder, plan))
    }
}

/// Makes, measures and removes one network after the other.
pub(crate) async fn measure_all(plan: &LivePlan, progress: &ProgressBar) -> Result<Vec<Live>, Failure> {
    let mut found = Vec::new();
    for wanted in &plan.networks {
        let (folder, made) = plan.network(*wanted)?;
        let doing = |what: &str| progress.set_message(format!("{}: {what}", wanted.engine));
        doing("starting");
        let mut network = Network::up(folder, &made).await?;
        network.settle().await?;
        let bench = Bench::of(&network, plan.seconds).await?;
        progress.inc(1);
        doing("as much as it takes");
        let (most, usage) = bench.most().await?;
        let per_second = most.answered as f64 / plan.seconds as f64;
        progress.inc(1);
        doing("half of that");
        let half = bench.at_rate((per_second / 2.0).max(1.0) as u64).await?;
        progress.inc(1);
        doing("one at a time");
        let idle = bench.one_at_a_time().await?;
        let (half, idle) = (bench.times(&half), bench.times(&idle));
        progress.inc(1);
        doing("killing leaders");
        let killed = kill_leaders(&mut network, PULSE, KILLS).await?;
        progress.inc(1);
        let usage = usage.per_transaction(most.answered).validators;
        let of =
            |what: fn(&crate::bench::usage::ValidatorsUsage) -> Option<f64>| usage.as_ref().and_then(what);
        found.push(Live {
            consensus: wanted.engine,
            validators: wanted.validators,
            transactions_per_second: per_second,
            cpu_us_per_transaction: of(|usage| usage.cpu_us_per_transaction),
            transactions_per_block: of(|usage| usage.transactions_per_block),
            wire_bytes_per_transaction: of(|usage| usage.wire_bytes_per_transaction),
            half_load: half,
            idle,
            leader_killed_ms: killed
                .iter()
                .map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
                .collect(),
        });
    }
    Ok(found)
}

/// The load on one network.
struct Bench<'a> {
    network: &'a Network,
    payers: Payers,
    seconds: u64,
}

impl<'a> Bench<'a> {
    async fn of(network: &'a Network, seconds: u64) -> Result<Self, Failure> {
        Ok(Self {
            network,
            payers: Payers::without(&[], network, ACCOUNTS, &ProgressBar::hidden()).await?,
            seconds,
        })
    }

    /// As fast as answers come; what is sent was signed before.
    async fn most(&self) -> Result<(Tally, Usage), Failure> {
        let ahead = self
            .payers
            .most_within(Duration::from_secs(self.seconds) + WARMUP);
        self.offer(Rate::Max, IN_FLIGHT, BUNDLE, ahead, 0).await
    }

    async fn at_rate(&self, rate: u64) -> Result<Tally, Failure> {
        let bundle = (rate / 50).clamp(1, BUNDLE);
        let ahead = (self.seconds + WARMUP.as_secs()) * rate;
        let offered = self.offer(Rate::PerSecond(rate), IN_FLIGHT, bundle, ahead, 1);
        Ok(offered.await?.0)
    }

    async fn one_at_a_time(&self) -> Result<Tally, Failure> {
        Ok(self.offer(Rate::Max, 1, 1, 0, 2).await?.0)
    }

    /// Offers a load. `run` keeps the transactions of one load apart from those of the others: they expire later.
    async fn offer(
        &self,
        rate: Rate,
        in_flight: usize,
        bundle: u64,
        ahead: u64,
        run: u64,
    ) -> Result<(Tally, Usage), Failure> {
        let load = Load {
            rate,
            duration: Duration::from_secs(self.seconds),
            warmup: WARMUP,
            in_flight,
            keep_answers: false,
        };
        let lasts = load.duration + Duration::from_secs(run);
        let signed = self
            .payers
            .sign(ahead, bundle, lasts, &ProgressBar::hidden())
            .await?;
        let (tally, usage) = self
            .payers
            .offer(&load, signed, self.network.validators())
            .await?;
        match tally.answered {
            0 => Err(Failure::failed("nothing was committed")),
            _ => Ok((tally, usage)),
        }
    }

    fn times(&self, tally: &Tally) -> Times {
        Times {
            transactions_per_second: tally.answered as f64 / self.seconds as f64,
            p50_ms: millis(&tally.latencies, 0.5),
            p99_ms: millis(&tally.latencies, 0.99),
        }
    }
}
