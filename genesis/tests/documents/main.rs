//! Genesis documents: assembling, tampering, bad input, hashes.

mod assembling;
mod bad_input;
mod network;
mod properties;
mod tampering;
