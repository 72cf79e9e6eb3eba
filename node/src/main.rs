//! The binary `quorate`: a ledger node, its tools and its wallet.

mod cli;
mod failure;
mod interrupt;
mod localnet;
mod output;
mod passphrase;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
