//! The lab of the binary: it measures machines and networks (`quorate bench`), lays the protocols side by side
//! (`quorate compare`) and draws what validators say to each other (`quorate trace`). A node needs none of it.

mod bench;
mod cli;
mod compare;
mod trace;

pub use cli::{LabCommand, run};
