//! `quorate audit tables`: the chain as Parquet files in a folder, which analysts read with their own tools and anybody
//! checks without any node (`docs/tables.md`).

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::HumanCount;
use quorate_audit::BlockSource as _;
use quorate_genesis::Genesis;
use quorate_ledger::{CertifiedBlock, Digest, Height};
use quorate_tables::{ExportError, Exported, FolderError, Head, Reexecution, ReexecutionError, WriteError};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::genesis::read_genesis;
use quorate_tools::output::{Output, printable};
use serde::Serialize;

use super::blocks::{Blocks, BlocksArgs, Opened};

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate audit tables --node https://node.bank-a.example --genesis genesis.toml --out tables
  quorate audit tables --home ./home --genesis genesis.toml --out tables --csv
  quorate audit verify tables --genesis genesis.toml

The folder gets a Parquet file for each table and day, which DuckDB, Spark and others read as they
are. The same command goes on where the folder ends; days that are over are never touched again.
Every block is executed again and has to come out as it was certified; clients' signatures are
left to quorate audit chain. What a check of the folder finds: any cell that is altered, and any
row that is left out, added or moved.")]
pub(crate) struct TablesArgs {
    #[command(flatten)]
    blocks: BlocksArgs,
    /// The genesis document, which is all that is believed
    #[arg(long, value_name = "FILE", env = "QUORATE_GENESIS", help_heading = "Trust")]
    genesis: PathBuf,
    /// Write the tables into this folder, or go on with those that are in it
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Write each file as CSV too
    #[arg(long)]
    csv: bool,
}

/// Tables that were written.
#[derive(Serialize)]
struct View<'a> {
    folder: &'a Path,
    network: Digest,
    /// The block that the folder goes up to.
    head: &'a Head,
    /// The days that the folder has.
    days: usize,
    /// Days that were written now.
    written: usize,
    /// Rows that were written now.
    rows: u64,
}

/// Carries out the command.
pub(super) async fn run(args: TablesArgs, output: &Output) -> Result<(), Failure> {
    let genesis = read_genesis(&args.genesis)?;
    let opened = args.blocks.open(Some(&genesis)).await?;
    if opened.from > Height(1) {
        let words = format!(
            "the bundle begins with block {}: tables are made of all blocks, from the first on",
            opened.from
        );
        return Err(Failure::usage(words));
    }
    let (network, folder, csv, shown) = (genesis.id(), args.out.clone(), args.csv, *output);
    let exported = tokio::task::spawn_blocking(move || export(&genesis, opened, &folder, csv, &shown)).await;
    let exported = exported.map_err(|error| Failure::failed(format!("the export ended: {error}")))??;
    let view = View {
        folder: &args.out,
        network,
        head: &exported.head,
        days: exported.days,
        written: exported.written,
        rows: exported.rows,
    };
    output.print(&view, |output| text(&view, output))
}

fn text(view: &View<'_>, output: &Output) -> String {
    let fields = [
        ("network", view.network.to_string()),
        (
            "up to",
            format!("block {} of {}", view.head.height, view.head.time),
        ),
        ("days", view.days.to_string()),
        (
            "written",
            format!("{} days, {} rows", view.written, HumanCount(view.rows)),
        ),
    ];
    let folder = printable(&view.folder.display().to_string());
    format!("{}the tables are in {folder}\n", output.fields(&fields))
}

fn export(
    genesis: &Genesis,
    opened: Opened,
    folder: &Path,
    csv: bool,
    output: &Output,
) -> Result<Exported, Failure> {
    let to = opened.to;
    let blocks = Ascending {
        blocks: opened.blocks,
        next: opened.from,
        to,
        is_over: false,
    };
    let mut source = Reexecution::new(genesis, blocks).map_err(|error| failed(ExportError::Source(error)))?;
    let bar = output.progress(to.0, "blocks");
    let exported = quorate_tables::export(folder, genesis, &mut source, csv, &mut |height| {
        bar.set_position(height.0);
    });
    bar.finish_and_clear();
    exported.map_err(failed)
}

/// Blocks one after the other, up to the last one that there was when they were opened.
struct Ascending {
    blocks: Blocks,
    next: Height,
    to: Height,
    is_over: bool,
}

/// Why the next block could not be had.
#[derive(Debug)]
struct NoBlock(Failure);

impl fmt::Display for NoBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for NoBlock {}

impl Iterator for Ascending {
    type Item = Result<CertifiedBlock, NoBlock>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let height = self.next;
        if height > self.to {
            self.is_over = true;
            let ended = self.blocks.end();
            return ended.err().map(|error| Err(NoBlock(error.failure(height))));
        }
        let block = self.blocks.certified(height);
        self.next = Height(height.0.saturating_add(1));
        self.is_over = block.is_err();
        Some(block.map(|(_, block)| block).map_err(NoBlock))
    }
}

/// Why there are no tables, or not all.
fn failed(error: ExportError<ReexecutionError<NoBlock>>) -> Failure {
    match error {
        ExportError::Source(ReexecutionError::Blocks(NoBlock(failure))) => failure,
        ExportError::Source(ReexecutionError::Bad(finding)) => Failure::new(Exit::CheckFailed, finding),
        ExportError::Write(error) => unwritten(error),
    }
}

fn unwritten(error: WriteError) -> Failure {
    let words = error.to_string();
    match error {
        WriteError::Folder(FolderError::Io { path, error }) => Failure::unwritable(&path, &error),
        WriteError::Folder(FolderError::Malformed { .. }) => Failure::new(Exit::CheckFailed, words)
            .hint("name another folder with --out; quorate audit verify says what this one is worth"),
        WriteError::OtherNetwork { .. } | WriteError::OtherChain { .. } => {
            Failure::new(Exit::CheckFailed, words).hint("name another folder with --out")
        }
        WriteError::EndsEarly { .. } => {
            Failure::failed(words).hint("read a chain that goes further, such as that of another node")
        }
        WriteError::Busy => Failure::failed(words).hint("run it again once the other one has ended"),
        WriteError::NoBlock => Failure::not_found(words),
        WriteError::Unfit { .. } => Failure::new(Exit::CheckFailed, words),
        WriteError::Folder(FolderError::Parquet { .. })
        | WriteError::StartsLate { .. }
        | WriteError::Gap { .. } => Failure::failed(words),
    }
}
