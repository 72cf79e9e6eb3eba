//! What a driver asks for, event by event, as text. The committee has one validator, whose own votes are
//! quorums, or four, of which this is one that follows.

mod disk;
mod epochs;
mod fetching;
mod halts;
mod lab;
mod time;
