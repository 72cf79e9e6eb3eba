//! The binary `quorate`: a ledger node, its tools and its wallet.

mod bench;
mod cli;
mod compare;
mod failure;
mod file;
mod interrupt;
mod localnet;
mod output;
mod passphrase;
mod pay;
mod trace;
mod wallet;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
