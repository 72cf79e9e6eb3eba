//! Networks of real processes on this machine, driven as users drive them.
//!
//! The binary is that of `QUORATE_BIN`, or `target/release/quorate`; one older than its sources is
//! refused. Nothing here is tried again until it works: what takes time is waited for with a deadline.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod binary;
mod cluster;
mod history;
mod http;
mod journal;
mod journeys;
mod lying;
mod ports;
mod prefix;
mod programs;
mod proxy;
mod relay;
#[path = "../skipped.rs"]
mod skipped;
mod wait;

mod amounts;
mod auditing;
mod backup;
mod bad_input;
mod bench;
mod browsers;
mod copies;
mod cosigned;
mod damage;
mod discovery;
mod doctor;
mod erasure;
mod explorer;
mod faults;
mod foreign;
mod governance;
mod governing;
mod interrupts;
mod liars;
mod links;
mod lists;
mod money;
mod monitoring;
mod namespaces;
mod openapi;
mod operations;
mod pages;
mod pay;
mod process;
mod quarantine;
mod rechecking;
mod recording;
mod refusals;
mod rejoin;
mod restored;
mod sending;
mod settlement;
mod signing;
mod slow_disks;
mod starting;
mod statements;
mod storms;
mod tls;
mod transfers;
mod verify_button;
mod webhooks;
mod witnessing;

use cluster::Cluster;
