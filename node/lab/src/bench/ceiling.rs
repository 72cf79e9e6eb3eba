//! What this machine's cores allow: how many clients' signatures they check a second.
//!
//! Every validator checks every transaction's signature once, so with all validators on one machine no
//! more transactions a second can be committed than its cores check signatures, divided by the number of
//! validators. The checks are those of the batch check, over distinct keys, which is the dearest case. A
//! second is one of processor time, so that other programs at work change little.

use std::time::{Duration, Instant};

use quorate_crypto::{ClientSigningKey, KeySignature, Tag, verify_clients};
use quorate_tools::output::Output;
use rayon::prelude::*;
use serde::Serialize;

use super::machine::{cores, thread_cpu};

/// Signatures that are made to be checked, each by a key of its own.
const SIGNATURES: usize = 2_048;

/// Bytes that are signed: about a single payment.
const CONTENT_BYTES: usize = 200;

/// Signatures checked at once where the best rate is sought.
const LARGE_BATCH: usize = 1_024;

/// Signatures by distinct keys (Ed25519), each with what it is over, to be checked again and again.
pub(crate) struct Signed(Vec<(KeySignature, Vec<u8>)>);

/// Checks a second.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Rate {
    /// Signatures checked at once; 1 is each by itself.
    pub(crate) batch: usize,
    /// On one core, with the others left to whoever wants them.
    pub(crate) one_core: f64,
    /// On all cores at once.
    pub(crate) all_cores: f64,
}

/// The most transactions of one signature each that validators on this machine could check.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Ceiling {
    /// Cores that this program may use.
    pub(crate) cores: usize,
    /// Validators that share them.
    pub(crate) validators: usize,
    /// Batch checks a second on one core, distinct keys.
    pub(crate) checks_per_second_per_core: f64,
    /// Cores divided by validators, times that.
    pub(crate) transactions_per_second: f64,
}

impl Signed {
    /// Makes the signatures, on all cores.
    pub(crate) fn new() -> Self {
        let signed = (0..SIGNATURES).into_par_iter().map(|number| {
            let key = ClientSigningKey::generate_ed25519();
            let mut content = [0; CONTENT_BYTES];
            content[..8].copy_from_slice(&(number as u64).to_le_bytes());
            let signature = key.sign(Tag::TRANSACTION, &content);
            (signature, Tag::TRANSACTION.preimage(&content))
        });
        Self(signed.collect())
    }

    /// Checks a second on one core and on all.
    pub(crate) fn rate(&self, batch: usize, time: Duration) -> Rate {
        Rate {
            batch,
            one_core: self.run(1, batch, time),
            all_cores: self.run(cores(), batch, time),
        }
    }

    /// The ceiling for so many validators.
    pub(crate) fn ceiling(&self, validators: usize, time: Duration) -> Ceiling {
        Ceiling::of(validators, self.run(1, LARGE_BATCH, time))
    }

    /// Checks in groups of `batch` on so many threads for so long, and gives the checks a second of all.
    fn run(&self, threads: usize, batch: usize, time: Duration) -> f64 {
        let signed = self.0.iter();
        let items: Vec<(&KeySignature, &[u8])> = signed
            .map(|(signature, preimage)| (signature, preimage.as_slice()))
            .collect();
        let threads: Vec<(u64, f64)> = std::thread::scope(|scope| {
            let started: Vec<_> = (0..threads)
                .map(|_| scope.spawn(|| check_for(&items, batch, time)))
                .collect();
            let ended = started.into_iter();
            ended
                .map(|thread| thread.join().expect("the signatures are good"))
                .collect()
        });
        threads
            .iter()
            .map(|(checked, seconds)| *checked as f64 / seconds)
            .sum()
    }
}

/// Checks for so long by the clock; gives how many, and the processor seconds of this thread.
fn check_for(items: &[(&KeySignature, &[u8])], batch: usize, time: Duration) -> (u64, f64) {
    let (start, cpu_start) = (Instant::now(), thread_cpu());
    let mut checked = 0;
    for group in items.chunks(batch).cycle() {
        check(group);
        checked += group.len() as u64;
        if start.elapsed() >= time {
            break;
        }
    }
    (checked, (thread_cpu() - cpu_start).as_secs_f64())
}

fn check(group: &[(&KeySignature, &[u8])]) {
    let good = match group {
        [(signature, preimage)] => signature.verify(preimage),
        many => verify_clients(many).into_iter().all(|good| good),
    };
    assert!(good, "the signatures were made here and are good");
}

impl Ceiling {
    /// The ceiling at this rate of one core.
    pub(crate) fn of(validators: usize, checks_per_second_per_core: f64) -> Self {
        let cores = cores();
        Self {
            cores,
            validators,
            checks_per_second_per_core,
            transactions_per_second: cores as f64 / validators as f64 * checks_per_second_per_core,
        }
    }

    /// What share of it so many transactions a second are.
    pub(crate) fn share(&self, transactions_per_second: f64) -> f64 {
        transactions_per_second / self.transactions_per_second
    }

    /// The line for people.
    pub(crate) fn line(&self) -> (&'static str, String) {
        let text = format!(
            "{:.0} transactions/s ({} cores / {} validators x {:.0} checks/s)",
            self.transactions_per_second, self.cores, self.validators, self.checks_per_second_per_core
        );
        ("signature ceiling", text)
    }
}

/// What `bench signatures` found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// Seconds of each measurement.
    pub(crate) seconds: f64,
    /// Bytes signed.
    pub(crate) content_bytes: usize,
    /// Distinct keys.
    pub(crate) keys: usize,
    /// By size of batch, ascending.
    pub(crate) rates: Vec<Rate>,
    /// The best batch's.
    pub(crate) ceiling: Ceiling,
}

/// Measures single checks and batches.
pub(crate) fn measure(validators: usize, time: Duration) -> Report {
    let signed = Signed::new();
    let rates: Vec<Rate> = [1, 16, 64, 128, 256, LARGE_BATCH]
        .into_iter()
        .map(|batch| signed.rate(batch, time))
        .collect();
    let best = rates.iter().map(|rate| rate.one_core).fold(0.0, f64::max);
    Report {
        seconds: time.as_secs_f64(),
        content_bytes: CONTENT_BYTES,
        keys: SIGNATURES,
        rates,
        ceiling: Ceiling::of(validators, best),
    }
}

impl super::report::Report for Report {
    fn text(&self, output: &Output) -> String {
        let rows = self.rates.iter().map(|rate| {
            vec![
                match rate.batch {
                    1 => "each by itself".to_owned(),
                    batch => format!("batches of {batch}"),
                },
                format!("{:.0}", rate.one_core),
                format!("{:.1}", 1e6 / rate.one_core),
                format!("{:.0}", rate.all_cores),
                format!("{:.0}", rate.all_cores / cores() as f64),
            ]
        });
        let headings = [
            "CHECKED",
            ">ONE CORE/S",
            ">US EACH",
            ">ALL CORES/S",
            ">OF THESE, A CORE/S",
        ];
        let table = output.table(&headings, rows.collect());
        format!("{table}\n{}", output.fields(&[self.ceiling.line()]))
    }

    fn panels(&self) -> Vec<super::chart::Panel> {
        let of = |rate: fn(&Rate) -> f64| {
            self.rates
                .iter()
                .map(|each| (each.batch as f64, rate(each)))
                .collect()
        };
        vec![
            super::chart::Panel::new("Client signatures checked", "signatures at once", "checks/s")
                .logarithmic()
                .series("one core", of(|rate| rate.one_core))
                .series("all cores", of(|rate| rate.all_cores)),
        ]
    }
}
