//! The binary `quorate`: a ledger node, its tools and its wallet.

mod cli;
mod pay;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
