//! Both databases across restarts, crashes and damage.

mod chain;
mod files;
mod journal;
mod network;
mod opening;
