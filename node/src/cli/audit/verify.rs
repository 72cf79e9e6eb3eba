//! `quorate audit verify`: what files prove, without any node.

mod judge;
mod paper;

use std::path::{Path, PathBuf};

use clap::Args;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::{Output, Tone, printable};
use serde::Serialize;

use self::judge::{Judge, Judgement};
use self::paper::Paper;
use super::anchor::{self, AnchorArgs};

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate audit verify payment.proof --genesis genesis.toml
  quorate audit verify january.html january.csv committees.proof --genesis genesis.toml
  quorate audit verify tables --genesis genesis.toml

A FILE is a proof, a statement (HTML, CSV with its proof in FILE.proof, or camt.053), a
transaction on its way between signers, or a folder of tables (quorate audit tables). What one
file proves about committees is known for all.
The exit code is 0 if all files are good, and 7 if any is not; 2 or 3 if one cannot be read as
such a file, or is not there.")]
pub(crate) struct VerifyArgs {
    /// The files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    anchor: AnchorArgs,
}

/// What was found of all files.
#[derive(Serialize)]
struct View<'a> {
    files: Vec<FileView<'a>>,
}

#[derive(Serialize)]
struct FileView<'a> {
    file: &'a Path,
    #[serde(flatten)]
    judgement: &'a Judgement,
}

/// Carries out the command.
pub(super) fn verify(args: &VerifyArgs, output: &Output) -> Result<(), Failure> {
    let anchor = args.anchor.read()?;
    if anchor::is_empty(&anchor) {
        let failure = Failure::usage("there is nothing to check the files against");
        return Err(failure.hint("name the genesis document with --genesis, or a block with --trusted"));
    }
    let mut judge = Judge::new(anchor, output);
    let papers = args.files.iter().map(|path| (path, Paper::read(path)));
    let mut papers: Vec<_> = papers.enumerate().collect();
    // What teaches committees is judged first, and last what is read by the decimals that others prove.
    papers.sort_by_key(|(_, (_, paper))| paper.as_ref().map_or(0, Paper::turn));
    let judged = papers
        .into_iter()
        .map(|(place, (path, paper))| (place, path, judge.judge(paper)));
    let mut judged: Vec<_> = judged.collect();
    judged.sort_by_key(|(place, _, _)| *place);
    let files = judged.iter().map(|(_, path, judgement)| FileView {
        file: path,
        judgement,
    });
    let view = View {
        files: files.collect(),
    };
    output.print(&view, |output| text(&view, output))?;
    let judgements: Vec<&Judgement> = judged.iter().map(|(_, _, judgement)| judgement).collect();
    match failure(&judgements) {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

fn text(view: &View<'_>, output: &Output) -> String {
    let mut text = String::new();
    for file in &view.files {
        if !text.is_empty() {
            text.push('\n');
        }
        let judgement = file.judgement;
        let tone = match judgement.exit {
            None => Tone::Good,
            Some(_) => Tone::Bad,
        };
        let name = printable(&file.file.display().to_string());
        let word = output.paint(tone, judgement.result);
        text.push_str(&format!("{name}: {word}\n{}", judgement.text));
    }
    text
}

/// The failure that all judgements come to: that something is not good outweighs that something cannot be read.
fn failure(judgements: &[&Judgement]) -> Option<Failure> {
    let exits = || judgements.iter().filter_map(|judgement| judgement.exit);
    let worst = exits().find(|exit| *exit == Exit::CheckFailed);
    let exit = worst.or_else(|| exits().next())?;
    let (count, all) = (exits().filter(|other| *other == exit).count(), judgements.len());
    let what = match exit {
        Exit::CheckFailed => "not good",
        Exit::NotFound => "not there",
        Exit::NotPermitted => "not to be read",
        _ => "nothing that can be checked",
    };
    let is = if count == 1 { "is" } else { "are" };
    let files = if all == 1 { "file" } else { "files" };
    Some(Failure::new(
        exit,
        format!("{count} of {all} {files} {is} {what}"),
    ))
}
