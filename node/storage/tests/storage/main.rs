//! Both databases across restarts, crashes and damage.

mod files;
mod journal;
