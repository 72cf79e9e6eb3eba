//! The driver: the code that owns an engine. It steps inputs, has messages signed, makes records durable,
//! and lets out what the engine asks for only then.
//!
//! A driver is a state machine without I/O. It hears [`Event`]s with the time passed in, and asks its host
//! for [`Effect`]s; what can be answered at once it asks of its [`Surroundings`]. The node's core thread and
//! each machine of the simulator are hosts of this one driver, so what the simulator's seeds vouch for is
//! what ships. It has no clock, disk, socket, thread or source of randomness.
//!
//! # What holds
//!
//! - **D1** The gate (`gate.rs`) is the only exit. One function makes broadcasts, sends, certificates to write,
//!   fetches and evidence, and notes which proposals are to be executed; it takes a `Pass`, which only the
//!   gate can make.
//! - **D2** Nothing that a step says, certifies or asks of others leaves the machine before that step's records
//!   are on disk.
//! - **D3** What steps ask for leaves in order. Timers, and batches that are handed over to a primary, do not
//!   wait for the disk, as they bind nothing; nor does a halt, which is to stop what waits. Own messages that
//!   wait for batches hold nobody up.
//! - **D4** An own message is given back to the engine only when it, or the records that it follows from, and
//!   the batches that it vouches for are on disk.
//! - **D5** Entries about a reign go only when one about a higher reign of that epoch is on disk, or the
//!   epoch's last block is.
//! - **D6** An engine that is recovered at a start begins with the chain as it was opened, all of it on disk;
//!   one that begins an epoch begins at the last block of the epoch before, with nothing in it but what the
//!   engine before knew of its leaders, which binds nobody. There are never two engines of one epoch.
//! - **D7** A halted driver signs nothing, and says nothing that waited to be said.
//! - **D8** What was received before a timer was due is stepped before the timer; what was received after it
//!   is not, however much waits. The host asks [`Driver::deadline`] before each event.
//! - **D9** All that is kept is bounded: 4,096 early messages, 4 undecided proposals a height, the window, who
//!   voted for 256 proposals.
//!
//! # A host's loop
//!
//! ```text
//! loop {
//!     wait for an event, not longer than driver.deadline()
//!     up to 512 times: if the event came after the deadline, do driver.tick(); do driver.on(event)
//!     do driver.close_round()
//! }
//! ```
//! where "do" means: carry out the effects in order. A signature of a key at hand is given back as
//! [`Event::Signed`] at once, before any other event.

/// Whether this rule is broken on purpose: never, but in test builds.
#[cfg(not(broken_rules))]
macro_rules! breaks {
    ($rule:ident) => {
        false
    };
}
#[cfg(broken_rules)]
macro_rules! breaks {
    ($rule:ident) => {
        crate::broken::is(crate::broken::Rule::$rule)
    };
}

#[cfg(broken_rules)]
pub mod broken;
mod driver;
mod early;
mod effect;
mod entries;
mod fetching;
mod gate;
mod passing_on;
mod quarantine;
mod recovered;
mod required;
mod timers;
mod watch;

pub use driver::{Driver, Limits, MakeEngine, Start};
pub use effect::{
    Effect, EntryNumber, Event, Halt, Left, Refusal, SignNumber, Standing, Surroundings, Time, Transition,
    WriteNumber,
};
pub use entries::{Entry, Renewal};
pub use fetching::MAX_REQUESTED_BATCHES;
pub use passing_on::{Led, Told, Unordered, tell_of_unordered};
pub use quarantine::{Copies, Ended, JournalMark, Quarantine, Quarantined, Remembered};
pub use recovered::{At, Recovered, recovered};
