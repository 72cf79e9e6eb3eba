//! The faults, each made once at a time and timed.

use std::time::Duration;

use quorate_tools::failure::Failure;
use rustix::process::Signal;
use tokio::time::Instant;

use super::{Measure, Pulse};
use crate::bench::network::{Network, PATIENCE};

/// What happens to the primary, or to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// SIGKILL to the primary.
    Killed,
    /// SIGSTOP to the primary, and SIGCONT after a while.
    Paused,
    /// All links of the primary refused, and allowed again after a while.
    CutOff,
    /// SIGKILL to all, which are then started together.
    AllRestarted,
}

impl Fault {
    /// All of them, in the order in which they are made.
    pub(super) const ALL: [Self; 4] = [Self::Killed, Self::Paused, Self::CutOff, Self::AllRestarted];

    /// For progress bars.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Killed => "killing the primary",
            Self::Paused => "pausing the primary",
            Self::CutOff => "cutting off the primary",
            Self::AllRestarted => "restarting all",
        }
    }

    /// What is measured, in the order of what [`Fault::make`] gives; limits in milliseconds.
    pub(super) fn measures(self) -> Vec<Measure> {
        match self {
            Self::Killed => vec![
                Measure::new("killed_commit", "primary killed, to the next commit", Some(1_500)),
                Measure::new(
                    "killed_in_step",
                    "its new process started, to being in step",
                    None,
                ),
            ],
            Self::Paused => vec![
                Measure::new(
                    "paused_commit",
                    "primary stopped, to the next commit",
                    Some(1_500),
                ),
                Measure::new("paused_in_step", "it goes on, to being in step", Some(3_000)),
            ],
            Self::CutOff => vec![
                Measure::new(
                    "cut_off_commit",
                    "primary cut off, to the next commit",
                    Some(1_500),
                ),
                Measure::new(
                    "cut_off_in_step",
                    "its links healed, to being in step",
                    Some(3_000),
                ),
            ],
            Self::AllRestarted => vec![
                Measure::new(
                    "restart_commit",
                    "last of all restarted up, to a commit",
                    Some(3_000),
                ),
                Measure::new("restart_whole", "all processes started, to a commit", None),
            ],
        }
    }

    /// Makes the fault and undoes it. The primary is back in step when this returns.
    pub(super) async fn make(
        self,
        network: &mut Network,
        pulse: &mut Pulse,
        hold: Duration,
    ) -> Result<[Duration; 2], Failure> {
        let primary = network.settle().await?;
        let begun = Instant::now();
        match self {
            Self::Killed => {
                network.kill(&[primary])?;
                let commit = pulse.first_commit(begun, PATIENCE).await? - begun;
                let started = Instant::now();
                network.start(&[primary])?;
                network.in_step(primary).await?;
                let in_step = started.elapsed();
                network.ready().await?;
                Ok([commit, in_step])
            }
            Self::Paused => {
                network.signal(primary, Signal::STOP)?;
                let commit = pulse.first_commit(begun, PATIENCE).await? - begun;
                tokio::time::sleep_until(begun + hold).await;
                let healed = Instant::now();
                network.signal(primary, Signal::CONT)?;
                network.in_step(primary).await?;
                Ok([commit, healed.elapsed()])
            }
            Self::CutOff => {
                network.cut(primary, true).await?;
                let commit = pulse.first_commit(begun, PATIENCE).await? - begun;
                tokio::time::sleep_until(begun + hold).await;
                network.cut(primary, false).await?;
                let healed = Instant::now();
                network.in_step(primary).await?;
                Ok([commit, healed.elapsed()])
            }
            Self::AllRestarted => {
                let all: Vec<usize> = (0..network.size()).collect();
                network.kill(&all)?;
                let started = Instant::now();
                network.start(&all)?;
                network.serving().await?;
                let up = Instant::now();
                let commit = pulse.first_commit(started, PATIENCE).await?;
                network.ready().await?;
                Ok([commit.saturating_duration_since(up), commit - started])
            }
        }
    }
}
