//! `quorate audit merge`: one verdict from the parts of a check.

use std::path::{Path, PathBuf};

use clap::Args;
use quorate_audit::{MAX_PART_BYTES, MergeError, Part, merge};
use quorate_ledger::Height;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::file::read_bytes;
use quorate_tools::genesis::read_genesis;
use quorate_tools::output::{Output, Tone};
use serde::Serialize;

use super::chain::report::View;

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate audit merge one.part two.part three.part --genesis genesis.toml

A PART is what quorate audit chain --out wrote. Together they have to begin with block 1, and each
has to begin where another ended, with the same block and the same state. Whoever made a part is
believed: it is a result, and no proof.")]
pub(crate) struct MergeArgs {
    /// The parts, in any order
    #[arg(value_name = "PART", required = true)]
    parts: Vec<PathBuf>,
    /// The genesis document, with which the first part has to begin
    #[arg(long, value_name = "FILE", env = "QUORATE_GENESIS", help_heading = "Trust")]
    genesis: PathBuf,
}

/// What is wrong with parts.
#[derive(Serialize)]
struct Refused {
    verdict: &'static str,
    height: Height,
    code: &'static str,
    words: String,
}

/// Carries out the command.
pub(super) fn run(args: &MergeArgs, output: &Output) -> Result<(), Failure> {
    let genesis = read_genesis(&args.genesis)?;
    let parts: Vec<Part> = args
        .parts
        .iter()
        .map(|path| read(path))
        .collect::<Result<_, _>>()?;
    match merge(&genesis, &parts) {
        Ok(whole) => {
            let view = View::new(&genesis, whole, None, None);
            output.print(&view, |output| view.text(None, output))
        }
        Err(error) => refused(&error, output),
    }
}

fn read(path: &Path) -> Result<Part, Failure> {
    let document = read_bytes(path, MAX_PART_BYTES as u64)?;
    Part::read(&document).map_err(|error| Failure::usage(error).while_doing(path.display()))
}

fn refused(error: &MergeError, output: &Output) -> Result<(), Failure> {
    let Some(code) = error.code() else {
        return Err(Failure::usage(error));
    };
    let view = Refused {
        verdict: "bad",
        height: error.height(),
        code,
        words: error.to_string(),
    };
    output.print(&view, |output| {
        output.paint(Tone::Bad, &format!("bad: {error} ({code})"))
    })?;
    Err(Failure::new(Exit::CheckFailed, format!("{error} ({code})")))
}
