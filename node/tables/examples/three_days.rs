//! Writes the chain of the tests as tables, three days of two epochs: `cargo run --release -p quorate-tables --example
//! three_days FOLDER`. `scripts/test` has the recipes of `docs/tables.md` read it.

#![allow(clippy::unwrap_used, reason = "the chain is shared with the tests")]

#[path = "../src/tests/world.rs"]
mod world;

use quorate_tables::{Reexecution, export};

use self::world::CHAIN;

fn main() {
    let folder = std::env::args_os().nth(1).expect("the folder is named");
    let mut source = CHAIN.source(usize::MAX);
    let written = export(folder.as_ref(), &CHAIN.genesis, &mut source, false, &mut |_| ());
    assert_eq!(written.unwrap().days, 3);
}
