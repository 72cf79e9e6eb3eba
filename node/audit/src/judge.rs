//! Which of two chains that part is good: blocks before the parting are executed again, and each chain's block is judged
//! by the state after them.

use std::ops::ControlFlow;

use quorate_ledger::Height;

use crate::pipeline::{Ended, check_chain};
use crate::{Auditor, BlockSource, CertifiedState, Depth, Finding, Parting};

/// Why it could not be found out which of two chains is good.
#[derive(Debug)]
pub enum NotJudged<E> {
    /// The block at a height could not be had.
    Source(Height, E),
    /// No threads could be started.
    Threads(String),
}

/// What is wrong with each of two chains, left and right, up to the block at which they part, if anything is. Both are
/// read again from the block after `begin` on.
///
/// Below the parting they have the same headers, so the state that one's blocks give is the state that both go on from.
/// What is wrong with blocks below it (a seal, an outcome) is wrong with that copy alone: then the other one's blocks are
/// executed too, and say what its own block is worth.
///
/// # Errors
/// If a block could not be had.
pub fn judge<A, B>(
    left: &mut A,
    right: &mut B,
    parting: &Parting,
    begin: &CertifiedState,
    threads: usize,
) -> Result<[Option<Finding>; 2], NotJudged<A::Error>>
where
    A: BlockSource + Send,
    B: BlockSource<Error = A::Error> + Send,
    A::Error: Send,
{
    let before = Height(parting.difference.height.0.saturating_sub(1));
    let of_left = match executed(left, before, begin, threads)? {
        Ok(mut auditor) => {
            let blocks = [&parting.left, &parting.right];
            return Ok(blocks.map(|bytes| auditor.judge(bytes).err()));
        }
        Err(finding) => finding,
    };
    let of_right = match executed(right, before, begin, threads)? {
        Ok(mut auditor) => auditor.judge(&parting.right).err(),
        Err(finding) => Some(*finding),
    };
    Ok([Some(*of_left), of_right])
}

/// The check after the block at `to`, or the first that is wrong before.
fn executed<S>(
    source: &mut S,
    to: Height,
    begin: &CertifiedState,
    threads: usize,
) -> Result<Result<Auditor, Box<Finding>>, NotJudged<S::Error>>
where
    S: BlockSource + Send,
    S::Error: Send,
{
    let mut auditor = Auditor::new(begin.clone(), Depth::Whole).without_log();
    let go_on = &mut |_: &Auditor| ControlFlow::Continue(());
    match check_chain(&mut auditor, source, to, threads, go_on) {
        Ok(()) => Ok(Ok(auditor)),
        Err(Ended::Found(finding)) => Ok(Err(finding)),
        Err(Ended::Source(error)) => Err(NotJudged::Source(auditor.height().next(), error)),
        Err(Ended::Threads(reason)) => Err(NotJudged::Threads(reason)),
        Err(Ended::Stopped) => unreachable!("nobody stops it"),
    }
}
