//! Execution, as its users see it: held to `docs/formats.md`, sections 9 to 13 and 24.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking, their helpers too")]

mod assigning;
mod blocks;
mod codes;
mod conservation;
mod dormancy;
mod epochs;
mod erasing;
mod expiring;
mod freezing;
mod genesis;
mod golden;
mod guarding;
mod histories;
mod hold_table;
mod holds;
mod leaving;
mod not_yet;
mod parties;
mod permissions;
mod quotas;
mod records;
mod rejoining;
mod second;
mod trial;
mod waypoints;
mod world;
