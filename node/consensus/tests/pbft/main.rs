//! PBFT, one replica or a few at a time, by hand. Whole networks are in the simulator.
#![expect(clippy::unwrap_used, reason = "in a test, a surprise is a failure")]

mod encodings;
mod epoch_end;
mod inquiry;
mod judgement;
mod lab;
mod lag;
mod memory;
mod new_view;
mod normal_case;
mod progress;
mod recovery;
mod servable;
#[path = "../lab/mod.rs"]
mod shared;
mod threads;
mod view_change;
