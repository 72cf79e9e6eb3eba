//! Checking a whole chain: how much of what this machine's cores allow `quorate audit chain` reaches, from a bundle and a
//! home; how much faster parts are that processes check side by side; and the chain as tables, made and checked.
//!
//! The chain has real keys, signatures and a genesis document. What is measured of commands is measured of the binary
//! itself, as processes of their own; what its cores allow is measured in this process, over the same blocks.

mod alone;
mod commands;
mod made;
mod report;

use std::path::PathBuf;

use indicatif::ProgressBar;
use quorate_tools::failure::Failure;

use self::commands::{Asked, Quorate, cores_here};
use self::made::Made;
pub(crate) use self::report::Report;
use self::report::{Checked, Exported, Parts, Tables};
use super::blocks::Stop;
use super::machine::folder_bytes;

/// The bundle of the whole chain.
const BUNDLE: &str = "chain.bundle";

/// What to check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Accounts that pay each other.
    pub(crate) accounts: usize,
    /// Single payments.
    pub(crate) transactions: usize,
    /// In a block.
    pub(crate) per_block: usize,
    /// Parts that are checked side by side; none for as many as there are cores.
    pub(crate) parts: Option<usize>,
}

/// Makes a chain, and measures all of it. Nothing is left when this ends, however it does.
pub(crate) fn measure(plan: Plan, progress: &ProgressBar, stop: &Stop) -> Result<Report, Failure> {
    let made = Made::new(&plan, progress, stop)?;
    let quorate = Quorate::new(made.folder(), &made.genesis_file, stop)?;
    let step = |message: &str| progress.set_message(message.to_owned());
    progress.set_length(made.transactions);
    progress.set_position(0);

    step("exporting");
    let bundle = made.at(BUNDLE);
    let exported = quorate.run(
        Asked::new("export")
            .with("--home", &made.home)
            .with("--out", &bundle),
    )?;
    let exported = Exported {
        bytes: exported.number("/bytes")?,
        seconds: exported.seconds,
    };
    step("signatures and execution alone");
    let alone = alone::measure(&bundle, &made.genesis, progress, stop)?;
    step("checking the bundle");
    let of_bundle = Checked::read(&quorate.run(Asked::new("chain").with("--bundle", &bundle))?)?;
    step("checking the home");
    let of_home = Checked::read(&quorate.run(Asked::new("chain").with("--home", &made.home))?)?;
    step("checking on one core");
    let cores = cores_here()?;
    let first = cores.first().copied();
    let on_one_core = Asked::new("chain").with("--bundle", &bundle).on(first);
    let on_one_core = Checked::read(&quorate.run(on_one_core)?)?;
    let parts = in_parts(&plan, &made, &quorate, &cores, &step)?;

    step("making tables");
    let folder = made.at("tables");
    let tables = quorate.run(
        Asked::new("tables")
            .with("--bundle", &bundle)
            .with("--out", &folder),
    )?;
    step("checking tables");
    let verified = quorate.run(Asked::new("verify").of(&folder))?;
    let on_one = quorate.run(Asked::new("verify").of(&folder).on(first))?;
    let tables = Tables {
        rows: tables.number("/rows")?,
        bytes: folder_bytes(&folder),
        seconds: tables.seconds,
        verify_seconds: verified.seconds,
        verify_seconds_on_one_core: on_one.seconds,
    };
    Ok(Report::new(
        plan,
        &made,
        exported,
        alone,
        [of_bundle, of_home, on_one_core],
        parts,
        tables,
    ))
}

/// The chain in parts of about as many blocks, one after the other in one process and side by side in as many.
fn in_parts(
    plan: &Plan,
    made: &Made,
    quorate: &Quorate,
    cores: &[usize],
    step: &dyn Fn(&str),
) -> Result<Parts, Failure> {
    let (bundle, blocks) = (made.at(BUNDLE), made.blocks);
    let wanted = plan.parts.unwrap_or(cores.len());
    let count = u64::try_from(wanted).unwrap_or(u64::MAX).clamp(1, blocks);
    step("making parts");
    let mut asked = Vec::new();
    let mut made_seconds = 0.0;
    let mut state: Option<PathBuf> = None;
    for place in 0..count {
        let (from, to) = (blocks * place / count + 1, blocks * (place + 1) / count);
        let (part, out) = (
            made.at(&format!("{place}.bundle")),
            made.at(&format!("{place}.part")),
        );
        let (from_text, to_text) = (from.to_string(), to.to_string());
        let mut export = Asked::new("export")
            .with("--bundle", &bundle)
            .with("--from", &from_text)
            .with("--to", &to_text)
            .with("--out", &part);
        let mut check = Asked::new("chain")
            .with("--bundle", &part)
            .with("--from", &from_text)
            .with("--to", &to_text)
            .with("--out", &out);
        if from > 1 {
            let before = made.at(&format!("{}.state", from - 1));
            let mut begin = Asked::new("export")
                .with("--bundle", &bundle)
                .with("--state", (from - 1).to_string())
                .with("--out", &before);
            if let Some(former) = &state {
                begin = begin.with("--snapshot", former);
            }
            made_seconds += quorate.run(begin)?.seconds;
            export = export.flag("--without-state");
            check = check.with("--snapshot", &before);
            state = Some(before);
        }
        made_seconds += quorate.run(export)?.seconds;
        let core = usize::try_from(place)
            .ok()
            .and_then(|place| cores.get(place % cores.len()));
        asked.push(check.on(core.copied()));
    }
    step("checking parts side by side");
    let (ran, seconds) = quorate.run_all(asked)?;
    let parts = (0..count).map(|place| made.at(&format!("{place}.part")));
    let merged = quorate.run(parts.fold(Asked::new("merge"), Asked::of))?;
    if merged.number("/part/counts/transactions")? != made.transactions {
        return Err(Failure::failed("the parts are not the whole chain"));
    }
    Ok(Parts {
        count,
        made_seconds,
        seconds,
        slowest_seconds: ran.iter().map(|ran| ran.seconds).fold(0.0, f64::max),
    })
}
