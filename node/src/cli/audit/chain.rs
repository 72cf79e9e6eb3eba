//! `quorate audit chain`: every block checked by executing it again, from a node, a home or a bundle, whole or in parts.

mod keeper;
pub(super) mod report;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{HumanCount, ProgressBar};
use quorate_audit::{Auditor, CertifiedState, Depth, Ended, Finding, check_chain};
use quorate_genesis::Genesis;
use quorate_ledger::Height;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::genesis::read_genesis;
use quorate_tools::output::{Output, say};

use self::keeper::Keeper;
use self::report::{Took, View};
use super::blocks::{Blocks, BlocksArgs, Opened, RangeArgs, Unavailable, read_state};
use super::files;

/// How often the rate beside the progress bar is renewed.
const RATE_SHOWN_EVERY: Duration = Duration::from_millis(500);

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate audit chain --node https://node.bank-a.example --genesis genesis.toml
  quorate audit chain --home ./home --genesis genesis.toml --resume audit.progress
  quorate audit chain --bundle chain.bundle --genesis genesis.toml

Every header, certificate, batch, signature and outcome is checked, and the roots of log, chain
and state, by executing every block again. What is wrong is named with its block and place (exit
code 7). With --resume, a check that was interrupted goes on, and one that ended goes on with
what was added since.

Many machines, or many nights: each checks a part, which begins with a certified state.
  quorate audit export --node URL --state 1000000 --out one.state
  quorate audit chain --node URL --genesis genesis.toml --to 1000000 --out one.part
  quorate audit chain --node URL --genesis genesis.toml --from 1000001 --snapshot one.state \\
      --out two.part
  quorate audit merge one.part two.part --genesis genesis.toml")]
pub(crate) struct ChainArgs {
    /// The genesis document, which is all that is believed
    #[arg(long, value_name = "FILE", env = "QUORATE_GENESIS", help_heading = "Trust")]
    genesis: PathBuf,
    #[command(flatten)]
    blocks: BlocksArgs,
    #[command(flatten)]
    range: RangeArgs,
    /// Begin with the state in this file, that before the first block, which --from above 1 needs; it is checked against
    /// its block's certificate
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// Write what was found here, for quorate audit merge; it is not overwritten
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Keep here how far the check has come, with a state in FILE.HEIGHT beside it, and go on from there. The file is
    /// believed, as a part is: keep it where nobody else writes
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// Check on this many threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

/// A check that is ready to begin.
struct Work {
    genesis: Genesis,
    blocks: Blocks,
    auditor: Auditor,
    /// Whether it goes on from a block that the source has, too.
    is_resumed: bool,
    keeper: Option<Keeper>,
    to: Height,
    threads: usize,
    /// Whether `to` is the last block of the chain.
    is_whole: bool,
}

/// What came of a check.
enum Verdict {
    Good,
    Bad(Box<Finding>),
}

/// Carries out the command.
pub(super) async fn run(args: ChainArgs, output: &Output) -> Result<(), Failure> {
    if let Some(out) = &args.out {
        files::refuse_existing(out)?;
    }
    let genesis = read_genesis(&args.genesis)?;
    let opened = args.blocks.open(Some(&genesis)).await?;
    let work = Work::new(&args, genesis, opened)?;
    let stop = stop_on_interrupt();
    let shown = *output;
    let checked = tokio::task::spawn_blocking(move || work.check(&shown, &stop)).await;
    let (view, verdict) = checked.map_err(|error| Failure::failed(format!("the check ended: {error}")))??;
    if let (Some(out), Verdict::Good) = (&args.out, &verdict) {
        files::write_new(out, &view.part.write())?;
    }
    output.print(&view, |output| view.text(args.out.as_deref(), output))?;
    match verdict {
        Verdict::Good => Ok(()),
        Verdict::Bad(finding) => Err(Failure::new(Exit::CheckFailed, finding)),
    }
}

/// How many threads, if nobody says.
pub(super) fn threads_or_cores(threads: Option<u16>) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    threads.map_or_else(cores, usize::from)
}

/// Set by the first Ctrl-C; the second ends the process at once.
fn stop_on_interrupt() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            asked.store(true, Ordering::Relaxed);
            say("stopping after the block under way; again to stop at once");
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(i32::from(Exit::Interrupted.code()));
        }
    });
    stop
}

impl Work {
    fn new(args: &ChainArgs, genesis: Genesis, mut opened: Opened) -> Result<Self, Failure> {
        let to = opened.up_to(args.range.to)?;
        let mut keeper = args.resume.clone().map(Keeper::new);
        let kept = match &mut keeper {
            Some(keeper) => keeper.load(&genesis)?,
            None => None,
        };
        let is_resumed = kept.as_ref().is_some_and(|kept| kept.height() >= opened.from);
        let auditor = match kept {
            Some(auditor) => {
                let from = auditor.part().from;
                if args.range.from.is_some_and(|asked| Height(asked) != from) {
                    let words = format!("what is kept there is a check from block {from} on");
                    return Err(Failure::usage(words).hint("name another file with --resume"));
                }
                if let Some(file) = &args.snapshot {
                    refuse_another_beginning(file, &genesis, &auditor)?;
                }
                auditor
            }
            None => begin(args, &genesis, opened.from, opened.state.take())?,
        };
        if auditor.height() > to {
            let (at, to) = (auditor.height(), to);
            return Err(Failure::usage(format!(
                "the check has passed block {at} already, and --to is {to}"
            )));
        }
        Ok(Self {
            auditor: match keeper {
                Some(_) => auditor,
                None => auditor.without_log(),
            },
            is_resumed,
            is_whole: to == opened.to,
            threads: threads_or_cores(args.threads),
            blocks: opened.blocks,
            genesis,
            keeper,
            to,
        })
    }

    /// Checks all blocks. A failure is one that says nothing of the chain.
    fn check(mut self, output: &Output, stop: &AtomicBool) -> Result<(View, Verdict), Failure> {
        if self.is_resumed {
            self.refuse_another_chain()?;
        }
        let began = Instant::now();
        let before = *self.auditor.counts();
        let bar = output.progress(self.to.0, "blocks");
        bar.set_position(self.auditor.height().0);
        let mut rate = Rate::new(&bar, &self.auditor);
        let (keeper, genesis) = (&mut self.keeper, &self.genesis);
        let mut unkept = None;
        let watch = &mut |auditor: &Auditor| {
            rate.show(auditor);
            if let Some(keeper) = keeper.as_mut()
                && keeper.is_due()
                && let Err(failure) = keeper.keep(auditor, genesis)
            {
                unkept = Some(failure);
                return ControlFlow::Break(());
            }
            match stop.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let ended = check_chain(&mut self.auditor, &mut self.blocks, self.to, self.threads, watch);
        bar.finish_and_clear();
        if let Some(failure) = unkept {
            return Err(failure);
        }
        // What was good stays so, whatever comes now.
        if let Some(keeper) = &mut self.keeper {
            keeper.keep(&self.auditor, &self.genesis)?;
        }
        let verdict = match ended {
            Ok(()) => Verdict::Good,
            Err(Ended::Found(finding)) => Verdict::Bad(finding),
            Err(ended) => match self.unended(ended)? {
                Some(finding) => Verdict::Bad(Box::new(finding)),
                None => return Err(self.interrupted()),
            },
        };
        let stored_state = match (&verdict, &self.blocks) {
            (Verdict::Good, Blocks::Home(home)) if self.is_whole => {
                home.check_state()?;
                Some(true)
            }
            _ => None,
        };
        let took = Took::since(began, &before, self.auditor.counts(), self.threads);
        let finding = match &verdict {
            Verdict::Good => None,
            Verdict::Bad(finding) => Some((**finding).clone()),
        };
        let part = self.auditor.part();
        let view = View::new(&self.genesis, part, finding, Some(took)).with_stored_state(stored_state);
        Ok((view, verdict))
    }

    /// Refuses a source that has another block where the kept check ended: of what lies below nothing is read again, and
    /// where nothing was added nothing at all.
    fn refuse_another_chain(&mut self) -> Result<(), Failure> {
        let kept = self.auditor.state().boundary();
        let (_, block) = self.blocks.certified(kept.height)?;
        if block.v1().block.hash() == kept.block {
            return Ok(());
        }
        let words = format!(
            "block {} is not the one with which the kept check ended",
            kept.height
        );
        Err(Failure::new(Exit::CheckFailed, words).hint("name another file with --resume to begin again"))
    }

    /// Why a check ended that found nothing in a block: something is wrong with the source, or (none) somebody stopped it.
    fn unended(&self, ended: Ended<Unavailable>) -> Result<Option<Finding>, Failure> {
        let next = self.auditor.height().next();
        match ended {
            Ended::Found(finding) => Ok(Some(*finding)),
            Ended::Stopped => Ok(None),
            Ended::Threads(reason) => Err(Failure::failed(format!("cannot start threads: {reason}"))),
            Ended::Source(unavailable) => match unavailable.judged(next) {
                Ok(finding) => Ok(Some(finding)),
                Err(failure) => {
                    let failure =
                        failure.while_doing(format!("all up to block {} is good", self.auditor.height()));
                    Err(match &self.keeper {
                        Some(_) => failure.hint("run the same command again to go on from there"),
                        None => failure,
                    })
                }
            },
        }
    }

    fn interrupted(&self) -> Failure {
        let height = self.auditor.height();
        let failure = Failure::new(
            Exit::Interrupted,
            format!("interrupted; all up to block {height} is good"),
        );
        match &self.keeper {
            Some(_) => failure.hint("run the same command again to go on from there"),
            None => failure.hint("with --resume FILE the next one would go on from there"),
        }
    }
}

/// A check that begins where it is told to. `own` is the state that the chain has before its first block, in a bundle.
fn begin(
    args: &ChainArgs,
    genesis: &Genesis,
    from: Height,
    own: Option<CertifiedState>,
) -> Result<Auditor, Failure> {
    let asked = args.range.from.map(Height);
    let state = match &args.snapshot {
        Some(file) => read_state(file, genesis)?,
        None => {
            let first = asked.unwrap_or(from);
            match own.filter(|state| state.height().next() == first) {
                Some(state) => state,
                None if first == Height(1) => genesis_state(genesis)?,
                None => return Err(no_state(first)),
            }
        }
    };
    let first = state.height().next();
    if asked.is_some_and(|asked| asked != first) {
        return Err(Failure::usage(format!(
            "the state is that after block {}, so the check begins with block {first}",
            state.height()
        ))
        .hint(format!(
            "leave out --from, or give a state for it: --from {first}"
        )));
    }
    Ok(Auditor::new(state, Depth::Whole))
}

/// Refuses a state with which the check that was kept did not begin. The same command has it each time.
fn refuse_another_beginning(file: &Path, genesis: &Genesis, kept: &Auditor) -> Result<(), Failure> {
    let (given, before) = (read_state(file, genesis)?, kept.part().before);
    if given.boundary() == before {
        return Ok(());
    }
    let words = format!(
        "the check that is kept there began with the state after block {}, and {} has that after block {}",
        before.height,
        file.display(),
        given.height(),
    );
    Err(Failure::usage(words).hint("leave out --snapshot to go on, or name another file with --resume"))
}

/// The state that the network begins with.
pub(super) fn genesis_state(genesis: &Genesis) -> Result<CertifiedState, Failure> {
    CertifiedState::genesis(genesis).map_err(|finding| Failure::new(Exit::CheckFailed, finding))
}

fn no_state(first: Height) -> Failure {
    let before = Height(first.0.saturating_sub(1));
    Failure::usage(format!(
        "to begin with block {first}, the state after block {before} is needed"
    ))
    .hint(format!(
        "quorate audit export --state {before} --out FILE makes it; give it with --snapshot FILE"
    ))
}

/// The progress bar with the rate of late.
struct Rate<'a> {
    bar: &'a ProgressBar,
    since: Instant,
    transactions: u64,
}

impl<'a> Rate<'a> {
    fn new(bar: &'a ProgressBar, auditor: &Auditor) -> Self {
        Self {
            bar,
            since: Instant::now(),
            transactions: auditor.counts().transactions,
        }
    }

    fn show(&mut self, auditor: &Auditor) {
        let (past, transactions) = (self.since.elapsed(), auditor.counts().transactions);
        if past < RATE_SHOWN_EVERY {
            return;
        }
        let of_late = transactions.saturating_sub(self.transactions);
        let rate = report::rate(of_late, past);
        self.bar.set_position(auditor.height().0);
        self.bar
            .set_message(format!("{} transactions/s", HumanCount(rate)));
        (self.since, self.transactions) = (Instant::now(), transactions);
    }
}
