//! The runtime: joins engine, ledger, storage, network and API into a running node.
//!
//! Threads, each with one job and a bounded queue before it: *core* owns the engine, *journal* and
//! *chain-flush* flush, *executor* owns the height, *batch-check* checks what others packed (on all
//! cores), *batcher* packs, *links* takes what the network brings, *long-votes* checks votes that carry
//! certificates, *batch-serve* answers peers that lack batches or texts, *block-sync* fetches blocks, on a
//! thread for each peer it asks, *text-fetch* asks for texts that blocks came without, *purge* gets erased
//! texts out of the database's files, *self-check* looks again at what is on disk, *log* writes the log,
//! *recorder* writes down what the engines were given. The network and the API are tasks of an asynchronous runtime.

mod admission;
mod answered;
pub mod backup;
mod batcher;
mod batches;
mod certified;
mod checkpoints;
mod clock;
mod committed;
mod conduct;
pub mod config;
mod core;
mod descriptors;
pub mod diagnosis;
mod disks;
mod epoch;
mod error;
mod evidence;
mod executor;
mod flush;
mod home;
mod inbox;
mod keyring;
mod links;
pub mod logging;
mod measure;
mod metrics;
mod names;
mod node;
mod observers;
mod own_batches;
mod peer_block;
mod pool;
mod process;
mod quarantine;
mod queue;
mod recorder;
mod roster;
mod router;
mod self_check;
mod senders;
mod shared;
mod signals;
mod standing;
mod start;
pub mod state_cache;
mod sync;
#[cfg(test)]
mod testing;
mod voting;
mod wire;
mod writes;

use error::{DAMAGED, DatabaseError};

pub use conduct::{Conduct, Honest, Means, Parcel};
pub use config::{Home, NodeConfig};
pub use disks::{CheckReport, check};
pub use error::NodeError;
pub use quarantine::{Quarantine, quarantine_reason_at, read_quarantine};
pub use quorate_storage::HomeError;
pub use start::{run, run_as};

/// Ends the process: going on could break a promise. The databases are whole after any end.
fn fatal(what: &str) -> ! {
    end(&format!("{what}; the node ends here, its data is as it was"), 1)
}

/// Ends the process as a database failed. Where it is damaged the exit code says so: to start again does not help.
fn fatal_at_database(what: &str, error: &impl DatabaseError) -> ! {
    if error.is_damage() {
        let said = format!(
            "{what}: {error}; the node ends here, and no restart mends that: keep its home for inspection"
        );
        end(&said, DAMAGED.into());
    }
    fatal(&format!("{what}: {error}"))
}

fn end(said: &str, code: i32) -> ! {
    tracing::error!("{said}");
    logging::finish();
    eprintln!("quorate: {said}");
    std::process::exit(code);
}
