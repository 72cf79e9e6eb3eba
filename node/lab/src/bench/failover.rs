//! How long a network is without commits when its primary fails, and how long the failed one is without
//! the network once it is back.
//!
//! A local network of its own is offered a steady load. What counts is what a client sees: from the
//! fault to the first answer that a transaction *sent after it* is committed; so nothing that was under
//! way at the fault is taken for service going on.

mod faults;
mod pulse;
mod report;

use std::time::Duration;

use indicatif::ProgressBar;
use quorate_tools::failure::Failure;

use super::network::Network;
use faults::Fault;
use pulse::Pulse;
use report::Measure;
pub(crate) use report::Report;

/// What to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How often each fault is made.
    pub(crate) rounds: u32,
    /// Transactions a second, to all validators in turn.
    pub(crate) rate: u32,
    /// How long a primary that is paused or cut off stays so.
    pub(crate) hold: Duration,
}

/// Load before each fault.
const CALM: Duration = Duration::from_secs(1);

/// Makes each fault as often as the plan says, and gives what was found. A network that does not recover
/// ends it.
pub(crate) async fn measure(
    network: &mut Network,
    plan: &Plan,
    progress: &ProgressBar,
) -> Result<Report, Failure> {
    let mut pulse = Pulse::start(network, plan.rate).await?;
    let mut measures = Vec::new();
    for fault in Fault::ALL {
        progress.set_message(fault.name());
        let mut found = fault.measures();
        for _ in 0..plan.rounds {
            network.settle().await?;
            tokio::time::sleep(CALM).await;
            let times = fault.make(network, &mut pulse, plan.hold).await?;
            for (measure, time) in found.iter_mut().zip(times) {
                measure.push(time);
            }
            progress.inc(1);
        }
        measures.extend(found);
    }
    Ok(Report {
        validators: network.size(),
        transactions_per_second: plan.rate,
        rounds: plan.rounds,
        hold_seconds: plan.hold.as_secs_f64(),
        measures,
    })
}

/// Kills whoever leads, again and again under a steady load, and gives how long nothing that was sent after
/// it was committed.
pub(crate) async fn kill_leaders(
    network: &mut Network,
    rate: u32,
    rounds: u32,
) -> Result<Vec<Duration>, Failure> {
    let mut pulse = Pulse::start(network, rate).await?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        network.settle().await?;
        tokio::time::sleep(CALM).await;
        let [commit, _in_step] = Fault::Killed.make(network, &mut pulse, Duration::ZERO).await?;
        times.push(commit);
    }
    Ok(times)
}
