//! `quorate completions`: scripts that let a shell complete commands and options.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use quorate_tools::failure::Failure;
use quorate_tools::output::write_out;

/// Which shell.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate completions bash > ~/.local/share/bash-completion/completions/quorate")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "quorate", &mut script);
    write_out(&String::from_utf8_lossy(&script))
}
