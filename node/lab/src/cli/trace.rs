//! `quorate trace`: what validators say to each other, as message sequence charts.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use quorate_crypto::Engine;
use quorate_simulator::Story;
use quorate_tools::failure::Failure;
use quorate_tools::output::Output;
use quorate_tools::protocol::ProtocolArg;

use crate::trace::{Drawing, Recording, Shown, list};

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate trace
  quorate trace leader-crash --consensus raft
  quorate trace partition-and-healing --consensus pbft --since 900 --svg healing.svg
  quorate trace --recording localnet/validator-2/flight
  quorate trace --recording localnet/validator-2/flight --since 2026-03-01T09:00:00Z

The engines are the node's own, in a simulated network and in virtual time: the same scenario,
protocol, number of validators and seed give the same chart. Times are in milliseconds.

A recording is replayed by the same engines. Each step must be the one that was recorded, or the
first that differs is named and the exit code is 7. Without --since and --until its end is drawn.")]
pub struct TraceArgs {
    /// What to show; without it, what there is
    #[arg(value_name = "SCENARIO", env = "QUORATE_SCENARIO", value_parser = stories())]
    scenario: Option<Story>,
    /// The consensus protocol
    #[arg(long, value_enum, env = "QUORATE_CONSENSUS", default_value = "pbft")]
    consensus: ProtocolArg,
    /// How many validators [default: 4 for PBFT, 3 for Raft and Paxos]
    #[arg(long, value_name = "N", env = "QUORATE_VALIDATORS")]
    validators: Option<usize>,
    /// Seed of all random choices; other seeds than the default may show less
    #[arg(long, value_name = "N", env = "QUORATE_SEED", default_value_t = Story::SEED)]
    seed: u64,
    /// Draw what a node's flight recorder kept, and replay it: a file, or the folder HOME/flight
    #[arg(long, value_name = "FILE", env = "QUORATE_RECORDING")]
    #[arg(conflicts_with = "scenario")]
    recording: Option<PathBuf>,
    #[command(flatten)]
    drawing: Drawing,
}

fn stories() -> impl TypedValueParser<Value = Story> {
    let values = Story::ALL.map(|story| PossibleValue::new(story.name()).help(story.summary()));
    PossibleValuesParser::new(values).map(|name| {
        let named = Story::ALL.into_iter().find(|story| story.name() == name);
        named.expect("only names of stories are possible")
    })
}

/// Runs a story and draws it, or lists the stories.
pub(super) fn trace(args: &TraceArgs, output: &Output) -> Result<(), Failure> {
    if let Some(path) = &args.recording {
        return Recording::read(path, &args.drawing)?.publish(&args.drawing, output);
    }
    let Some(story) = args.scenario else {
        return list(output);
    };
    args.drawing.check()?;
    let engine = Engine::from(args.consensus);
    let fewest = Story::fewest(engine);
    let validators = args.validators.unwrap_or(fewest);
    if !(fewest..=Story::MOST).contains(&validators) {
        return Err(Failure::usage(format!(
            "--validators {validators}: {engine} tolerates a fault from {fewest} on, and the lanes of {} fit into a \
             chart",
            Story::MOST
        )));
    }
    Shown::new(story, engine, validators, args.seed)?.publish(&args.drawing, output)
}
