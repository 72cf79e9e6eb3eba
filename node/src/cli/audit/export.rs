//! `quorate audit export`: a bundle, with all that is needed to check a chain without a node, or the state after a block.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{HumanBytes, ProgressBar};
use quorate_audit::{
    Auditor, BlockSource as _, BundleWriter, CertifiedState, Depth, Ended, Written, check_chain,
};
use quorate_files::Draft;
use quorate_genesis::Genesis;
use quorate_ledger::{CertifiedBlock, Digest, Height};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::genesis::read_genesis;
use quorate_tools::output::{Output, printable};
use serde::Serialize;

use super::blocks::{Blocks, BlocksArgs, Opened, RangeArgs, read_state};
use super::chain::{genesis_state, threads_or_cores};
use super::files;
use super::pinned::node_genesis;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate audit export --node https://node.bank-a.example --out chain.bundle
  quorate audit export --home ./home --from 1000001 --to 2000000 --out second-million.bundle
  quorate audit export --node URL --state 1000000 --out one.state

The first is checked by whoever has it and the genesis document, with quorate audit chain
--bundle. What does not begin with block 1 has the state before its first block, so that it can
be checked alone. No node has states of the past: the blocks before are executed again, without
their clients' signatures, from genesis or from --snapshot on. The export believes the chain that
it reads as little as anybody else, but looks only at what it needs: check the bundle.")]
pub(crate) struct ExportArgs {
    /// The genesis document that the chain has to be of [default: the chain's own]
    #[arg(long, value_name = "FILE", env = "QUORATE_GENESIS", help_heading = "Trust")]
    genesis: Option<PathBuf>,
    #[command(flatten)]
    blocks: BlocksArgs,
    #[command(flatten)]
    range: RangeArgs,
    /// Write the state after this block, and no blocks
    #[arg(long, value_name = "HEIGHT", value_parser = clap::value_parser!(u64).range(1..))]
    #[arg(conflicts_with_all = ["from", "to", "without_state"])]
    state: Option<u64>,
    /// Leave out the state before the first block: whoever checks the bundle has it
    #[arg(long)]
    without_state: bool,
    /// Execute from the state in this file on, instead of from genesis
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// Write the bundle here; it is not overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Look at blocks on this many threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

/// An export that is ready to begin.
struct Work {
    genesis: Genesis,
    blocks: Blocks,
    from: Height,
    to: Height,
    /// Where the state before the first block is executed from; none if it is not wanted or is genesis's.
    begin: Option<CertifiedState>,
    threads: usize,
    out: PathBuf,
}

/// A bundle that was written.
#[derive(Serialize)]
struct View<'a> {
    file: &'a Path,
    network: Digest,
    from: Height,
    /// Below `from` where it has a state alone.
    to: Height,
    blocks: u64,
    /// Whether it has the state before its first block.
    state: bool,
    bytes: u64,
    /// The SHA-256 in its end record.
    sha256: Digest,
}

/// Carries out the command.
pub(super) async fn run(args: ExportArgs, output: &Output) -> Result<(), Failure> {
    files::refuse_existing(&args.out)?;
    let given = args.genesis.as_deref().map(read_genesis).transpose()?;
    let opened = args.blocks.open(given.as_ref()).await?;
    let genesis = match (given, &opened.genesis) {
        (Some(given), _) => given,
        (None, Some(own)) => own.clone(),
        (None, None) => node_genesis(&args.blocks.client()?).await?,
    };
    let work = Work::new(&args, genesis, opened)?;
    let (from, to, network, state) = (work.from, work.to, work.genesis.id(), work.begin.is_some());
    let shown = *output;
    let written = tokio::task::spawn_blocking(move || work.export(&shown)).await;
    let written = written.map_err(|error| Failure::failed(format!("the export ended: {error}")))??;
    let view = View {
        file: &args.out,
        network,
        from,
        to,
        blocks: written.blocks,
        state,
        bytes: written.bytes,
        sha256: written.sha256,
    };
    output.print(&view, |output| text(&view, output))
}

fn text(view: &View<'_>, output: &Output) -> String {
    let blocks = match (view.blocks, view.state) {
        (0, _) => "none".to_owned(),
        (_, true) => format!("{} to {}, after the state before them", view.from, view.to),
        (_, false) => format!("{} to {}", view.from, view.to),
    };
    let mut fields = vec![
        ("network", view.network.to_string()),
        ("blocks", blocks),
        ("size", HumanBytes(view.bytes).to_string()),
        ("SHA-256", view.sha256.to_string()),
    ];
    if view.blocks == 0 {
        fields.insert(2, ("state", format!("after block {}", view.to)));
    }
    let file = printable(&view.file.display().to_string());
    format!("{}written to {file}\n", output.fields(&fields))
}

impl Work {
    fn new(args: &ExportArgs, genesis: Genesis, mut opened: Opened) -> Result<Self, Failure> {
        let to = opened.up_to(args.state.or(args.range.to))?;
        let from = match args.state {
            Some(_) => Height(to.0.saturating_add(1)),
            None => args.range.from.map_or(opened.from, Height),
        };
        if args.state.is_none() && to < from {
            let words = format!("there are no blocks from {from} to {to}");
            return Err(if args.range.to.is_some() {
                Failure::usage(words)
            } else {
                Failure::not_found(words)
            });
        }
        let wanted = from > Height(1) && !args.without_state;
        let own = opened.state.take();
        let begin = match (&args.snapshot, wanted) {
            (_, false) => None,
            (Some(file), true) => Some(read_state(file, &genesis)?),
            // A bundle may begin with a state, and has no blocks before.
            (None, true) if opened.from > Height(1) => Some(own.ok_or_else(|| no_beginning(opened.from))?),
            (None, true) => Some(genesis_state(&genesis)?),
        };
        if let Some(state) = begin.as_ref().filter(|state| state.height() >= from) {
            let words = format!(
                "the state is that after block {}, above block {from}",
                state.height()
            );
            return Err(Failure::usage(words));
        }
        Ok(Self {
            blocks: opened.blocks,
            threads: threads_or_cores(args.threads),
            out: args.out.clone(),
            genesis,
            from,
            to,
            begin,
        })
    }

    /// Writes the bundle under another name, and gives it its own once all of it is on the disk.
    fn export(mut self, output: &Output) -> Result<Written, Failure> {
        let bar = output.progress(self.to.0, "blocks");
        let state = self.state(&bar);
        let written = state.and_then(|state| self.write(state.as_ref(), &bar));
        bar.finish_and_clear();
        written
    }

    /// The state before the first block, if it is wanted.
    fn state(&mut self, bar: &ProgressBar) -> Result<Option<CertifiedState>, Failure> {
        let Some(begin) = self.begin.take() else {
            return Ok(None);
        };
        bar.set_message("executing");
        let before = Height(self.from.0.saturating_sub(1));
        let mut auditor = Auditor::new(begin, Depth::WithoutSignatures);
        let watch = &mut |auditor: &Auditor| {
            bar.set_position(auditor.height().0);
            ControlFlow::Continue(())
        };
        // More is to be read of the source later, so its end is not yet to be looked at.
        let mut blocks = Unended(&mut self.blocks);
        let ended = check_chain(&mut auditor, &mut blocks, before, self.threads, watch);
        let next = auditor.height().next();
        match ended {
            Ok(()) => Ok(Some(auditor.into_state())),
            Err(Ended::Found(finding)) => Err(Failure::new(Exit::CheckFailed, finding)),
            Err(Ended::Source(unavailable)) => Err(unavailable.failure(next)),
            Err(Ended::Stopped) => Err(Failure::failed("the export was stopped")),
            Err(Ended::Threads(reason)) => Err(Failure::failed(format!("cannot start threads: {reason}"))),
        }
    }

    fn write(&mut self, state: Option<&CertifiedState>, bar: &ProgressBar) -> Result<Written, Failure> {
        bar.set_message("writing");
        let out = self.out.clone();
        let unwritable = |error: io::Error| Failure::unwritable(&out, &error);
        let draft = Draft::begin(&out).map_err(unwritable)?;
        let mut bundle = BundleWriter::begin(draft, &self.genesis, self.from, self.to).map_err(unwritable)?;
        if let Some(state) = state {
            state.write_into(&mut bundle).map_err(unwritable)?;
        }
        let mut linked = Linked {
            network: self.genesis.id(),
            before: state.map(|state| state.boundary().block),
        };
        for height in (self.from.0..=self.to.0).map(Height) {
            let (bytes, block) = self.blocks.certified(height)?;
            linked.follow(height, &block)?;
            bundle.block(bytes).map_err(unwritable)?;
            bar.set_position(height.0);
        }
        self.blocks.end().map_err(|error| error.failure(self.to))?;
        let (draft, written) = bundle.finish().map_err(unwritable)?;
        files::refuse_existing(&out)?;
        draft.put_in_place().map_err(unwritable)?;
        Ok(written)
    }
}

fn no_beginning(first: Height) -> Failure {
    Failure::usage(format!(
        "the bundle begins with block {first} and has no state before it"
    ))
    .hint("give one with --snapshot FILE, or leave it out with --without-state")
}

/// A source of which more is read later.
struct Unended<'a>(&'a mut Blocks);

impl quorate_audit::BlockSource for Unended<'_> {
    type Error = super::blocks::Unavailable;

    fn block(&mut self, height: Height) -> Result<Option<Vec<u8>>, Self::Error> {
        self.0.block(height)
    }
}

/// Looks whether blocks are of one chain: what is not is no use to anybody.
struct Linked {
    network: Digest,
    before: Option<Digest>,
}

impl Linked {
    fn follow(&mut self, height: Height, block: &CertifiedBlock) -> Result<(), Failure> {
        let refuse = |words: String| {
            Err(Failure::new(
                Exit::CheckFailed,
                format!("block {height}: {words}"),
            ))
        };
        let header = block.v1().block.header();
        if header.network != self.network {
            return refuse(format!("it is of the network {} (place)", header.network));
        }
        let follows = self.before.is_none_or(|before| before == header.previous);
        if header.height != height || !follows {
            return refuse("it does not follow the block before it (place)".to_owned());
        }
        self.before = Some(block.v1().block.hash());
        Ok(())
    }
}
