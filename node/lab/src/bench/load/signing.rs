//! Signing what is to be sent: before the clock starts, on all cores, or meanwhile on a thread of its own.

use std::sync::Arc;

use indicatif::ProgressBar;
use quorate_client::Bytes;
use quorate_ledger::{Timestamp, encode};
use rayon::prelude::*;
use tokio::sync::mpsc;

use crate::bench::accounts::Accounts;
use crate::bench::machine::available_memory;
use crate::bench::workload::Workload;

/// Signed calls that wait for their turn: enough that signing never holds up sending.
const WAITING: usize = 64;

/// Calls signed between two looks at the progress.
const SIGNED_AT_ONCE: u64 = 256;

/// What signed transactions may take of the memory that is free, beside validators on the same machine.
const SHARE_OF_MEMORY: u64 = 4;

/// What is kept for each signed transaction beside its bytes, about.
const OVERHEAD_BYTES: u64 = 64;

/// Signed transactions of one call.
pub(super) struct Call {
    pub(super) first: u64,
    pub(super) transactions: Vec<Bytes>,
}

/// Makes the calls of a run.
#[derive(Clone)]
pub(crate) struct Signing {
    /// Who sends.
    pub(crate) accounts: Arc<Accounts>,
    /// What.
    pub(crate) workload: Workload,
    /// Until when it is valid.
    pub(crate) expires_at: Timestamp,
    /// Transactions in a call.
    pub(crate) bundle: usize,
}

/// Calls that were signed before the clock starts.
pub(crate) struct Signed {
    signing: Signing,
    calls: Vec<Call>,
}

impl Signing {
    /// Signs at least so many transactions, as far as there is memory for them, on all cores.
    pub(crate) fn ahead(self, transactions: u64, progress: &ProgressBar) -> Signed {
        let bundle = self.bundle as u64;
        let calls = transactions.min(self.fitting()).div_ceil(bundle);
        progress.set_length(calls * bundle);
        let mut signed = Vec::new();
        let mut next = 0;
        while next < calls {
            let end = calls.min(next + SIGNED_AT_ONCE);
            signed.par_extend((next..end).into_par_iter().map(|call| self.call(call)));
            progress.inc((end - next) * bundle);
            next = end;
        }
        Signed {
            signing: self,
            calls: signed,
        }
    }

    /// How many transactions there is memory for.
    fn fitting(&self) -> u64 {
        let example = encode(&self.workload.transaction(&self.accounts, 0, self.expires_at));
        let memory = available_memory().unwrap_or(1 << 30) / SHARE_OF_MEMORY;
        memory / (example.len() as u64 + OVERHEAD_BYTES)
    }

    fn call(&self, number: u64) -> Call {
        let bundle = self.bundle as u64;
        let first = number * bundle;
        let sign = |number| {
            let transaction = self.workload.transaction(&self.accounts, number, self.expires_at);
            Bytes::from(encode(&transaction))
        };
        Call {
            first,
            transactions: (first..first + bundle).map(sign).collect(),
        }
    }
}

impl Signed {
    /// How many transactions there are.
    pub(crate) fn count(&self) -> u64 {
        self.calls.len() as u64 * self.signing.bundle as u64
    }

    /// The calls in order: those signed ahead, then ever more.
    pub(super) fn stream(self) -> mpsc::Receiver<Call> {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::task::spawn_blocking(move || {
            let next = self.calls.len() as u64;
            for call in self.calls {
                if sender.blocking_send(call).is_err() {
                    return;
                }
            }
            for number in next.. {
                if sender.blocking_send(self.signing.call(number)).is_err() {
                    return;
                }
            }
        });
        receiver
    }
}
