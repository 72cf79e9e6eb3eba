//! Chains as tables: what is written, and what is found when it is altered.

mod altered;
mod exports;
mod forging;
mod interrupted;
mod layouts;
mod strays;
mod world;
