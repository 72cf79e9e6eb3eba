//! `quorate wallet statement`: what happened to one account in a time, with its balances before and after, to read, to
//! print and to book, each with its proof.
//!
//! A node answers with a proof, of which nothing can be left out. What is shown is what the proof establishes against the
//! genesis document, or the trusted block. Without either, the node's own genesis document takes its place, so that there
//! is something to show; it proves nothing, and the command says so.

mod forms;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use quorate_client::ProofOf;
use quorate_ledger::{Address, AssetCode, Timestamp};
use quorate_statement::Statement;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::{Output, printable, say, write_out};
use quorate_verifier::{Anchor, Finding, Verdict};
use serde::Serialize;

use super::account::WhoseArgs;
use crate::cli::audit::anchor::{AnchorArgs, is_empty, names_of};
use crate::cli::audit::answer::Answer;
use crate::cli::audit::ask::{NodesArgs, ask};
use crate::cli::audit::offline::OfflineArgs;
use crate::cli::audit::pinned::node_genesis;
use crate::cli::audit::{files, question};

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate wallet statement qr1… --from 2026-01-01 --to 2027-01-01 --genesis genesis.toml
  quorate wallet statement --key alice.key --from 2026-01-01 --to 2026-02-01 \\
      --genesis genesis.toml --format html --out january.html

A day is one of UTC and stands for its first moment; instead, a time can be given in RFC 3339.
--to is not part of the statement: the second example is of January, all of its last day included.

A table in text or CSV has its proof in another file beside it, FILE.proof; HTML and camt.053
have it in them. Check them with quorate audit verify. It compares each figure with the proof,
but for text, which is for reading: of that, give it FILE.proof, and it shows the figures.")]
pub(crate) struct StatementArgs {
    #[command(flatten)]
    whose: WhoseArgs,
    /// From this time on
    #[arg(long, value_name = "DATE", value_parser = question::moment)]
    from: Timestamp,
    /// To before this time
    #[arg(long, value_name = "DATE", value_parser = question::moment)]
    to: Timestamp,
    /// A table to read, a table for spreadsheets, a page to print, or ISO 20022 camt.053
    #[arg(long, value_enum, default_value = "text", value_name = "text|csv|html|camt")]
    #[arg(hide_possible_values = true)]
    format: Format,
    /// For camt.053, which has a statement for each asset: this one; repeatable [default: all that fit]
    #[arg(long = "asset", value_name = "CODE")]
    assets: Vec<AssetCode>,
    /// Write it here, and the proof beside it if it has none in it; nothing is overwritten
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    offline: OfflineArgs,
    #[command(flatten)]
    anchor: AnchorArgs,
    #[command(flatten)]
    nodes: NodesArgs,
}

/// The form of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table to read.
    Text,
    /// A table for spreadsheets.
    Csv,
    /// A page to print.
    Html,
    /// ISO 20022 camt.053, for accounting programs.
    Camt,
}

impl Format {
    /// Whether the statement has its proof in it.
    fn holds_proof(self) -> bool {
        match self {
            Self::Text | Self::Csv => false,
            Self::Html | Self::Camt => true,
        }
    }
}

/// What is said of a statement in JSON.
#[derive(Serialize)]
struct View<'a> {
    address: Address,
    /// False without genesis document and trusted block: it is the node's word.
    proven: bool,
    /// Where it was written.
    file: Option<&'a Path>,
    /// Where its proof was written; none if it is in the statement, or not kept.
    proof_file: Option<&'a Path>,
    verdict: &'a Verdict,
}

/// Where a statement and its proof go.
struct Files {
    statement: PathBuf,
    proof: Option<PathBuf>,
}

impl Files {
    /// Names that no file has yet.
    fn of(args: &StatementArgs) -> Result<Option<Self>, Failure> {
        let Some(out) = &args.out else {
            return Ok(None);
        };
        let proof = (!args.format.holds_proof()).then(|| files::beside(out));
        files::refuse_existing(out)?;
        if let Some(proof) = &proof {
            files::refuse_existing(proof)?;
        }
        Ok(Some(Self {
            statement: out.clone(),
            proof,
        }))
    }

    fn write(&self, statement: &str, proof: &str) -> Result<(), Failure> {
        if let Some(path) = &self.proof {
            files::write_new(path, proof)?;
        }
        files::write_new(&self.statement, statement)
    }
}

/// Makes a statement.
pub(crate) async fn statement(args: &StatementArgs, output: &Output) -> Result<(), Failure> {
    let address = args.whose.address()?;
    let question = question::statement(address, args.from, args.to)?;
    if !args.assets.is_empty() && args.format != Format::Camt {
        return Err(Failure::usage(
            "--asset is for --format camt: the other forms have all assets",
        ));
    }
    let out = Files::of(args)?;
    let anchor = args.anchor.read()?;
    let names = names_of(&anchor);
    let proven = !is_empty(&anchor);
    args.offline.refuse_nodes(&args.nodes)?;
    if args.offline.is_given() && !proven {
        return Err(Failure::usage(
            "a statement without a node is made against the genesis document: --genesis FILE",
        ));
    }
    let answer = match args.offline.prove(&question, &anchor, output).await? {
        Some(text) => Answer::check(&anchor, &question, text)?,
        None => answer(args, anchor, &question).await?,
    };
    let verdict = answer
        .verdict()
        .ok_or_else(|| Failure::failed("there is no verdict on the proof"))?;
    if !proven {
        say(
            "note: nothing is proven: this is the node's word, by its own genesis document; name yours with --genesis",
        );
    }
    if let Finding::CompleteUpTo(time) = verdict.finding {
        say(format!(
            "note: complete up to {time}, that included, and no further: no later block was certified there"
        ));
    }
    let statement = Statement::new(verdict, &answer.text, &names)
        .map_err(|error| Failure::new(Exit::CheckFailed, error))?;
    let text = forms::write(args.format, &statement, &args.assets)?;
    let Some(out) = out else {
        return print(
            args.format,
            &text,
            &view_of(address, proven, None, verdict),
            output,
        );
    };
    out.write(&text, &answer.text)?;
    let view = view_of(address, proven, Some(&out), verdict);
    output.print(&view, |_| written(&out))
}

/// The node's answer, checked against what is trusted, or against the node's own genesis document.
async fn answer(args: &StatementArgs, anchor: Anchor, question: &ProofOf) -> Result<Answer, Failure> {
    let client = args.nodes.client()?;
    let anchor = match is_empty(&anchor) {
        true => Anchor {
            genesis: Some(node_genesis(&client).await?),
            pin: None,
        },
        false => anchor,
    };
    let text = ask(&client, question, &anchor).await?;
    Answer::check(&anchor, question, text)
}

fn view_of<'a>(address: Address, proven: bool, files: Option<&'a Files>, verdict: &'a Verdict) -> View<'a> {
    View {
        address,
        proven,
        file: files.map(|files| files.statement.as_path()),
        proof_file: files.and_then(|files| files.proof.as_deref()),
        verdict,
    }
}

/// Prints a statement for which no file was named. What is not a table to read is printed whatever --output says.
fn print(format: Format, text: &str, view: &View<'_>, output: &Output) -> Result<(), Failure> {
    if !format.holds_proof() && output.is_text() {
        say("note: the proof is not kept: name a file with --out, and it is written beside that");
    }
    match format {
        Format::Text => output.print(view, |_| text.to_owned()),
        Format::Csv | Format::Html | Format::Camt => write_out(text),
    }
}

fn written(files: &Files) -> String {
    let shown = |path: &Path| printable(&path.display().to_string());
    let statement = shown(&files.statement);
    match &files.proof {
        Some(proof) => format!("written to {statement}, and its proof to {}\n", shown(proof)),
        None => format!("written to {statement}, with its proof in it\n"),
    }
}
