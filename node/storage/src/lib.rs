//! The node's disk.
mod database;
mod error;
mod home;
mod journal;
mod meta;

pub use database::{Order, StorageOptions};
pub use error::StorageError;
pub use home::{HomeError, HomeLock};
pub use journal::{Journal, Replay};
pub use meta::FORMAT_VERSION;
