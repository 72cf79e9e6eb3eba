//! The crate against published vectors, other tools and naive models.

mod addresses;
mod key_files;
mod merkle;
mod quorums;
mod signatures;
mod small_order;
