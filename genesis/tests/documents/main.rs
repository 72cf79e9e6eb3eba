//! Genesis documents: the vectors, forms of values, each refusal, order, assembling, bytes, random documents.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod assembling;
mod bytes;
mod drafts;
mod forms;
mod joins;
mod looks;
mod network;
mod order;
mod properties;
mod twice;
mod vectors;
