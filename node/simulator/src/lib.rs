//! Whole networks in one thread and virtual time, from one seed.
//!
//! A [`Scenario`] says how many validators there are, which faults happen and who lies; its seed
//! decides everything else, so a seed that fails replays exactly. Hosts drive the same engine code as
//! the node does, after the rules of `quorate_consensus::contract`, and execute with the node's own
//! ledger, on a model of a disk of which a crash leaves only what was flushed. Messages are signed with
//! keyed digests, in one stormy seed of twenty with Ed25519. Rejoins end epochs, and validators that lost
//! what they signed vote again from the next one on. In networks of protocol 2 members change engine, seats, keys and
//! parameters by proposals and ballots of their own ([`Shift`]), executed as the node does. Batches travel as whole copies, with all texts, and blocks with
//! what is at hand of them. After each event it is checked that honest validators agree, that what they decide was
//! submitted, that there is one history, in which no transaction is executed twice, whose log and headers grow as they
//! say and which executes to the same hashes again, that nobody votes against its own past and that nobody honest is
//! accused; and when the faults are over, that everything gets certified, and every text to everybody, within a stated
//! time.
//!
//! ```
//! use quorate_simulator::{Scenario, Simulation};
//!
//! let report = Simulation::new(Scenario::calm(4, 7)).run().expect_success();
//! assert!(report.height > 0);
//! ```

pub mod chart;
mod checker;
pub mod compare;
mod governance;
mod host;
mod ledger;
mod liar;
mod meter;
mod recording;
pub mod replay;
mod report;
mod scenario;
mod scheme;
mod shrink;
mod simulation;
mod story;
mod words;
mod workload;
mod world;

pub use governance::Shift;
pub use meter::{BatchTimes, Certified, Chains, Count, Measurement};
pub use quorate_lies::Random;
pub use report::Report;
pub use scenario::{
    Befalls, Broken, Censorship, Command, Lie, Links, Loss, Lost, Machines, Scenario, TIMING, Whom,
    patience_ms,
};
pub use scheme::{Scheme, committee};
pub use simulation::Simulation;
pub use story::{Story, StoryRun};
pub use words::describe;
pub use workload::network;
