//! The comparison as tables, as JSON and as charts.

use quorate_tools::output::Output;
use serde::Serialize;

use super::faults::Fault;
use super::live::Live;
use super::simulated::{Found, Group, Simulated};
use crate::bench::machine::cores;
use crate::bench::report::{bytes, shown};

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// In virtual time.
    pub(crate) simulated: Option<Simulated>,
    /// On this machine.
    pub(crate) measured: Option<Vec<Live>>,
    /// Cores of this machine.
    cores: usize,
}

type Row<T> = (&'static str, fn(&T) -> String);

/// What orders cost, by network.
const COSTS: [Row<Found>; 15] = [
    ("one batch: messages of the protocol", |found| {
        found.one_batch.messages.to_string()
    }),
    ("  their bytes", |found| bytes(found.one_batch.bytes)),
    ("  messages with the batch", |found| {
        found.one_batch.batch_messages.to_string()
    }),
    ("  their bytes", |found| bytes(found.one_batch.batch_bytes)),
    ("  flushes, all together", |found| {
        found.one_batch.flushes.to_string()
    }),
    ("  delays until somebody decides", |found| {
        format!("{:.0}", found.one_batch.delays_to_decided)
    }),
    ("  delays until somebody has a certified block", |found| {
        format!("{:.0}", found.one_batch.delays_to_certified)
    }),
    ("  delays until everybody has", |found| {
        format!("{:.0}", found.one_batch.delays_to_certified_everywhere)
    }),
    ("load, 0.1-0.5 ms links: messages/transaction", |found| {
        format!("{:.3}", found.near.messages_per_transaction)
    }),
    ("  bytes of them/transaction", |found| {
        format!("{:.1}", found.near.bytes_per_transaction)
    }),
    ("  bytes of batches/transaction", |found| {
        format!("{:.0}", found.near.batch_bytes_per_transaction)
    }),
    ("  flushes/transaction", |found| {
        format!("{:.3}", found.near.flushes_per_transaction)
    }),
    ("  ms to certified, median, p99", |found| times(&found.near)),
    ("load, 10-30 ms links: transactions/block", |found| {
        format!("{:.0}", found.far.transactions_per_block)
    }),
    ("  ms to certified, median, p99", |found| times(&found.far)),
];

/// What networks on this machine did.
const MEASURED: [Row<Live>; 8] = [
    ("transactions/s", |live| {
        format!("{:.0}", live.transactions_per_second)
    }),
    ("validators' processor, us/transaction", |live| {
        shown(live.cpu_us_per_transaction, 1)
    }),
    ("transactions/block", |live| shown(live.transactions_per_block, 0)),
    ("bytes between validators/transaction", |live| {
        shown(live.wire_bytes_per_transaction, 0)
    }),
    ("at half of that: p50, p99 in ms", |live| {
        format!("{:.1}, {:.1}", live.half_load.p50_ms, live.half_load.p99_ms)
    }),
    ("one at a time: p50, p99 in ms", |live| {
        format!("{:.1}, {:.1}", live.idle.p50_ms, live.idle.p99_ms)
    }),
    ("leader killed, ms to a commit, median", |live| {
        live.median_killed_ms()
            .map_or_else(|| "-".to_owned(), |ms| ms.to_string())
    }),
    ("  at most", |live| {
        let most = live.leader_killed_ms.iter().max();
        most.map_or_else(|| "-".to_owned(), u64::to_string)
    }),
];

fn times(load: &super::simulated::Load) -> String {
    format!("{:.1}, {:.1}", load.median_ms, load.p99_ms)
}

impl Report {
    /// A report of what there is.
    pub(crate) fn new(simulated: Option<Simulated>, measured: Option<Vec<Live>>) -> Self {
        Self {
            simulated,
            measured,
            cores: cores(),
        }
    }

    /// What a protocol did not keep of its promises.
    pub(crate) fn broken_promises(&self) -> Vec<String> {
        self.faults(Fault::is_broken_promise)
    }

    /// Where a witness missed two histories.
    pub(crate) fn missed(&self) -> Vec<String> {
        self.faults(Fault::is_missed)
    }

    /// The faults of which this is true, each with its network.
    fn faults(&self, is_told: impl Fn(&Fault) -> bool) -> Vec<String> {
        let groups = self.simulated.iter().flat_map(|simulated| &simulated.groups);
        let mut told = Vec::new();
        for found in groups.flat_map(|group| &group.networks) {
            let faults = found.faults.iter().filter(|fault| is_told(fault));
            told.extend(faults.map(|fault| format!("{}: {}", found.name(), fault.what)));
        }
        told
    }

    /// The tables for people.
    pub(crate) fn text(&self, output: &Output) -> String {
        let mut parts = Vec::new();
        if let Some(simulated) = &self.simulated {
            parts.extend(simulated.groups.iter().map(|group| costs(group, output)));
            let faults = |group| faults(group, simulated.seeds, output);
            parts.extend(simulated.groups.iter().map(faults));
            parts.push(simulated.elections.text(output));
        }
        if let Some(measured) = &self.measured {
            let names: Vec<String> = measured.iter().map(Live::name).collect();
            parts.push(format!(
                "networks on this machine, {} cores, payments one a transaction\n{}",
                self.cores,
                table(&names, &MEASURED, measured, output)
            ));
        }
        parts.join("\n")
    }
}

fn costs(group: &Group, output: &Output) -> String {
    let names: Vec<String> = group.networks.iter().map(Found::name).collect();
    format!(
        "what orders cost in virtual time, {}; batches of 100 transactions\n{}",
        group.what,
        table(&names, &COSTS, &group.networks, output)
    )
}

/// A row for each measure and a column for each network.
fn table<T>(names: &[String], rows: &[Row<T>], found: &[T], output: &Output) -> String {
    let rows = rows.iter().map(|(what, of)| {
        let cells = found.iter().map(of);
        [(*what).to_owned()].into_iter().chain(cells).collect()
    });
    let names: Vec<String> = names.iter().map(|name| format!(">{name}")).collect();
    let headings: Vec<&str> = [""].into_iter().chain(names.iter().map(String::as_str)).collect();
    output.table(&headings, rows.collect())
}

fn faults(group: &Group, seeds: u64, output: &Output) -> String {
    let names: Vec<String> = group.networks.iter().map(Found::name).collect();
    let stories = group.networks.first().map_or(0, |found| found.faults.len());
    let rows = (0..stories).map(|place| {
        let mut row = vec![group.networks[0].faults[place].what.to_owned()];
        let cells = group.networks.iter();
        row.extend(cells.map(|found| found.faults[place].cell(output)));
        row
    });
    let headings: Vec<&str> = [""].into_iter().chain(names.iter().map(String::as_str)).collect();
    format!(
        "what faults do, {}; {seeds} runs each, time until commits go on: median, at most\n{}",
        group.what,
        output.table(&headings, rows.collect())
    )
}
