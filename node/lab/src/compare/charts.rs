//! The comparison as SVG files of a folder.

use std::path::{Path, PathBuf};

use quorate_crypto::Engine;
use quorate_tools::failure::Failure;

use super::live::Live;
use super::report::Report;
use super::simulated::{Found, Simulated};
use crate::bench::chart::{Bars, Drawn, write};

/// A folder for charts.
#[derive(Clone, Debug)]
pub(crate) struct Charts(PathBuf);

impl Charts {
    /// Makes the folder, before there is something to lose.
    pub(crate) fn into_folder(folder: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder).map_err(|error| Failure::unwritable(folder, &error))?;
        Ok(Self(folder.to_owned()))
    }

    /// Draws what there is.
    pub(crate) fn draw(&self, report: &Report) -> Result<(), Failure> {
        if let Some(simulated) = &report.simulated {
            self.write("messages.svg", &messages(simulated))?;
            self.write("latency.svg", &latency(simulated))?;
            for (engine, name) in [
                (Engine::Raft, "elections-raft.svg"),
                (Engine::Paxos, "elections-paxos.svg"),
            ] {
                let panels = simulated.elections.panels(engine).into_iter();
                let panels: Vec<Drawn> = panels.map(Drawn::Lines).collect();
                self.write(name, &panels)?;
            }
        }
        if let Some(measured) = &report.measured {
            self.write("throughput.svg", &throughput(measured))?;
        }
        Ok(())
    }

    fn write(&self, name: &str, panels: &[Drawn]) -> Result<(), Failure> {
        write(&self.0.join(name), panels)
    }
}

/// A bar for each network.
fn bars(title: &str, up: &str, simulated: &Simulated, of: impl Fn(&Found) -> f64) -> Drawn {
    let networks = simulated.groups.iter().flat_map(|group| &group.networks);
    let bars = Bars::new(title, up);
    Drawn::Bars(networks.fold(bars, |bars, found| {
        bars.bar(found.name(), of(found), found.consensus as usize)
    }))
}

fn messages(simulated: &Simulated) -> Vec<Drawn> {
    vec![
        bars(
            "Messages of the protocol for one batch",
            "messages",
            simulated,
            |found| found.one_batch.messages as f64,
        ),
        bars(
            "Their bytes, for each of its 100 transactions",
            "bytes",
            simulated,
            |found| found.one_batch.bytes as f64 / 100.0,
        ),
        bars(
            "Flushes for one batch, all validators together",
            "flushes",
            simulated,
            |found| found.one_batch.flushes as f64,
        ),
    ]
}

fn latency(simulated: &Simulated) -> Vec<Drawn> {
    vec![
        bars("Until somebody decides", "message delays", simulated, |found| {
            found.one_batch.delays_to_decided
        }),
        bars(
            "Until somebody has a certified block",
            "message delays",
            simulated,
            |found| found.one_batch.delays_to_certified,
        ),
        bars(
            "Median under load, links of 0.1 to 0.5 ms",
            "ms",
            simulated,
            |found| found.near.median_ms,
        ),
        bars(
            "Median under load, links of 10 to 30 ms",
            "ms",
            simulated,
            |found| found.far.median_ms,
        ),
    ]
}

fn throughput(measured: &[Live]) -> Vec<Drawn> {
    let bars = |title, up, of: &dyn Fn(&Live) -> f64| {
        let bars = Bars::new(title, up);
        Drawn::Bars(measured.iter().fold(bars, |bars, live| {
            bars.bar(live.name(), of(live), live.consensus as usize)
        }))
    };
    vec![
        bars("Certified payments on this machine", "transactions/s", &|live| {
            live.transactions_per_second
        }),
        bars("All validators' processor time", "us/transaction", &|live| {
            live.cpu_us_per_transaction.unwrap_or(0.0)
        }),
        bars("One payment at a time, median", "ms", &|live| live.idle.p50_ms),
        bars("Leader killed, to the next commit, median", "ms", &|live| {
            live.median_killed_ms().unwrap_or(0) as f64
        }),
    ]
}
