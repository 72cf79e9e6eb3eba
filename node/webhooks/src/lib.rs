//! Webhooks: a node posts what is certified to URLs that its operator configured (`docs/webhooks.md`).
//!
//! Each hook is a task of its own with a cursor in the log. It reads by the reader of the API's streams, posts one event
//! after the other, and signs each as Standard Webhooks has it. Its cursor moves past an event once a receiver took it,
//! or once the event is on disk as a dead letter. The cursor on disk is never ahead of the one in memory: after a crash
//! events are posted again, with the same ids, and none is left out.
//!
//! Invariant: nothing here is waited for by what agrees. A hook holds one piece of one block, however far it is behind.

mod config;
mod delivery;
mod files;
mod hook;
mod hooks;
mod message;
mod pause;
mod post;
mod secret;

pub use config::{HookConfig, MAX_HOOKS, read_hooks};
pub use files::FileError;
pub use hook::MAX_DEAD;
pub use hooks::{Hooks, Place};
pub use message::message_id;
pub use secret::{SecretError, Secrets};
