//! `quorate bench signatures`: what this machine's cores allow.

use std::time::Duration;

use clap::Args;
use quorate_tools::failure::Failure;
use quorate_tools::output::Output;

use crate::bench::ceiling::measure;
use crate::bench::chart::ChartArgs;
use crate::bench::report::publish;

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate bench signatures --validators 4

The ceiling is what validators on this machine could commit if they did nothing but check one
signature a transaction: cores divided by validators, times the checks of one core.")]
pub struct SignaturesArgs {
    /// Milliseconds of each measurement
    #[arg(
        long,
        value_name = "MILLISECONDS",
        env = "QUORATE_EACH",
        default_value_t = 1000
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(10..=600_000))]
    each: u64,
    /// Validators that share this machine's cores
    #[arg(long, value_name = "N", env = "QUORATE_VALIDATORS", default_value_t = 4)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=128))]
    validators: u16,
    #[command(flatten)]
    chart: ChartArgs,
}

pub(super) fn signatures(args: &SignaturesArgs, output: &Output) -> Result<(), Failure> {
    args.chart.check()?;
    let spinner = output.spinner("checking signatures");
    let report = measure(usize::from(args.validators), Duration::from_millis(args.each));
    spinner.finish_and_clear();
    publish(&report, output, &args.chart)
}
