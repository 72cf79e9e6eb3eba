//! `quorate audit compare`: where two chains part, and what is another there.

use std::path::{Path, PathBuf};

use clap::Args;
use quorate_audit::{
    Difference, Finding, NotCompared, NotJudged, Search, StateDifference, first_other_value, first_parting,
    judge,
};
use quorate_genesis::Genesis;
use quorate_ledger::Height;
use quorate_tools::authority::AuthorityArgs;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::genesis::read_genesis;
use quorate_tools::output::{Output, Tone, printable};
use serde::Serialize;

use super::blocks::{Blocks, Opened, Reading, Unavailable, open_bundle, open_home, open_node};
use super::chain::{genesis_state, threads_or_cores};
use super::offline::unreadable;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate audit compare --node https://node.bank-a.example --node https://node.bank-b.example
  quorate audit compare --node URL --home ./home --genesis genesis.toml
  quorate audit compare --home ./one --home ./other

The exit code is 0 if the two agree as far as both go, and 7 if they do not. It says what is
another, and of nodes and homes, with the genesis document, also which of the two is good: for
that, the blocks before are executed again. A bundle is read once, so where one is named, audit
chain says what each is worth. A header commits to all before it, so few blocks are looked at;
with --scan all are, as with a bundle. Stored states are compared where both are homes with the
same last block.")]
pub(crate) struct CompareArgs {
    /// A node's URL
    #[arg(long = "node", value_name = "URL", help_heading = "Two of these")]
    nodes: Vec<String>,
    /// A home, on which no node may run
    #[arg(long = "home", value_name = "HOME", help_heading = "Two of these")]
    homes: Vec<PathBuf>,
    /// A bundle
    #[arg(long = "bundle", value_name = "FILE", help_heading = "Two of these")]
    bundles: Vec<PathBuf>,
    /// The genesis document: of nodes and homes, say also which of the two is good
    #[arg(long, value_name = "FILE", env = "QUORATE_GENESIS", help_heading = "Trust")]
    genesis: Option<PathBuf>,
    #[command(flatten)]
    authority: AuthorityArgs,
    /// Look at every height, not only at as many as it takes if both chains hang together
    #[arg(long)]
    scan: bool,
    /// Up to this height [default: the last that both have]
    #[arg(long, value_name = "HEIGHT", value_parser = clap::value_parser!(u64).range(1..))]
    to: Option<u64>,
}

/// Opens what is in a file or folder.
type Open = fn(&Path, Option<&Genesis>) -> Result<Opened, Failure>;

/// One of the two.
struct Side {
    name: String,
    opened: Opened,
}

/// What came of it.
#[derive(Serialize)]
struct View {
    verdict: &'static str,
    left: SideView,
    right: SideView,
    /// Heights that were compared.
    from: Height,
    to: Height,
    /// The first block that is another.
    difference: Option<Difference>,
    /// The first value of the state that is another, where all blocks are the same.
    state: Option<StateDifference>,
    /// Whether states were compared.
    states_compared: bool,
}

#[derive(Serialize)]
struct SideView {
    name: String,
    /// Its last block.
    height: Height,
    /// Whether its block is good, where the two part and that was looked at. Not if its blocks before are not.
    good: Option<bool>,
    /// What is wrong with its block, or with one before.
    finding: Option<Finding>,
}

/// Carries out the command.
pub(super) async fn run(args: CompareArgs, output: &Output) -> Result<(), Failure> {
    let genesis = args.genesis.as_deref().map(read_genesis).transpose()?;
    let sides = open(&args, genesis.as_ref()).await?;
    let (to, scan) = (args.to.map(Height), args.scan);
    let compared = tokio::task::spawn_blocking(move || compare(sides, genesis.as_ref(), to, scan)).await;
    let view = compared.map_err(|error| Failure::failed(format!("the comparison ended: {error}")))??;
    output.print(&view, |output| text(&view, output))?;
    if view.difference.is_none() && view.state.is_none() {
        return Ok(());
    }
    let words = format!("{} and {} are not the same", view.left.name, view.right.name);
    Err(Failure::new(Exit::CheckFailed, words))
}

impl CompareArgs {
    /// How nodes are read: here and there by halves, but a bundle has no other order than its own.
    fn reading(&self) -> Reading {
        match self.scan || !self.bundles.is_empty() {
            true => Reading::InOrder,
            false => Reading::Scattered,
        }
    }
}

async fn open(args: &CompareArgs, genesis: Option<&Genesis>) -> Result<[Side; 2], Failure> {
    let mut sides = Vec::new();
    for url in &args.nodes {
        let client = args.authority.client([url])?;
        sides.push(Side {
            name: url.clone(),
            opened: open_node(&client, args.reading()).await?,
        });
    }
    let files: [(&[PathBuf], Open); 2] = [(&args.homes, open_home), (&args.bundles, open_bundle)];
    for (paths, open) in files {
        for path in paths {
            sides.push(Side {
                name: path.display().to_string(),
                opened: open(path, genesis)?,
            });
        }
    }
    sides.try_into().map_err(|sides: Vec<Side>| {
        Failure::usage(format!("two chains are compared, {} are named", sides.len()))
            .hint("name two of --node URL, --home HOME and --bundle FILE; each may come twice")
    })
}

fn compare(
    sides: [Side; 2],
    genesis: Option<&Genesis>,
    to: Option<Height>,
    scan: bool,
) -> Result<View, Failure> {
    let [mut left, mut right] = sides;
    let from = left.opened.from.max(right.opened.from);
    let last = left.opened.to.min(right.opened.to);
    let to = to.unwrap_or(last);
    if to > last {
        return Err(Failure::not_found(format!(
            "one of the two has no block {to}: it ends with block {last}"
        )));
    }
    if to < from {
        let words = format!("the two have no block in common: one ends with block {last}");
        return Err(Failure::not_found(words));
    }
    let any_order = left.opened.blocks.in_any_order() && right.opened.blocks.in_any_order();
    let search = match scan || !any_order {
        true => Search::Scan,
        false => Search::Halving,
    };
    let range = (from, to);
    let parting = first_parting(&mut left.opened.blocks, &mut right.opened.blocks, range, search);
    let parting = parting.map_err(not_compared)?;
    let is_other = parting.is_some();
    let mut view = View {
        verdict: "same",
        left: left.view(),
        right: right.view(),
        from,
        to,
        difference: None,
        state: None,
        states_compared: false,
    };
    if let (Some(parting), Some(genesis)) = (&parting, genesis)
        && any_order
    {
        let (begin, threads) = (genesis_state(genesis)?, threads_or_cores(None));
        let (left, right) = (&mut left.opened.blocks, &mut right.opened.blocks);
        left.read_in_order();
        right.read_in_order();
        let judged = judge(left, right, parting, &begin, threads);
        let [of_left, of_right] = judged.map_err(not_judged)?;
        view.left.judged(of_left);
        view.right.judged(of_right);
    }
    view.difference = parting.map(|parting| parting.difference);
    if !is_other
        && to == last
        && left.opened.to == right.opened.to
        && let (Blocks::Home(own), Blocks::Home(other)) = (&left.opened.blocks, &right.opened.blocks)
    {
        view.states_compared = true;
        view.state = first_other_value(own.state(), other.state()).map_err(unreadable)?;
    }
    if view.difference.is_some() || view.state.is_some() {
        view.verdict = "other";
    }
    Ok(view)
}

fn not_compared(error: NotCompared<Unavailable>) -> Failure {
    let check = |words: String| Failure::new(Exit::CheckFailed, words);
    match error {
        NotCompared::Source(height, unavailable) => unavailable.failure(height),
        NotCompared::Missing(height) => check(format!("one of the two has no block {height} (missing)")),
        NotCompared::Unreadable(height, error) => check(format!(
            "block {height} of one of the two: its bytes are not a block: {error} (encoding)"
        )),
    }
}

fn not_judged(error: NotJudged<Unavailable>) -> Failure {
    match error {
        NotJudged::Source(height, unavailable) => unavailable.failure(height),
        NotJudged::Threads(reason) => Failure::failed(format!("cannot start threads: {reason}")),
    }
}

impl Side {
    fn view(&self) -> SideView {
        SideView {
            name: self.name.clone(),
            height: self.opened.to,
            good: None,
            finding: None,
        }
    }
}

impl SideView {
    fn judged(&mut self, finding: Option<Finding>) {
        self.good = Some(finding.is_none());
        self.finding = finding;
    }
}

fn text(view: &View, output: &Output) -> String {
    let View { left, right, .. } = view;
    let mut text = String::new();
    match (&view.difference, &view.state) {
        (Some(difference), _) => {
            let (height, fields) = (difference.height, difference.fields.join(", "));
            let title = format!("other: block {height} is the first that is another, in {fields}");
            text.push_str(&format!("{}\n", output.paint(Tone::Bad, &title)));
            text.push_str(&both(
                view,
                &difference.place,
                &difference.left,
                &difference.right,
                output,
            ));
            for side in [left, right] {
                text.push_str(&judgement(side));
            }
        }
        (None, Some(state)) => {
            let title = "other: all blocks are the same, and the stored states are not";
            text.push_str(&format!("{}\n", output.paint(Tone::Bad, title)));
            let place = format!("{}, key {}", state.place, state.key);
            text.push_str(&both(view, &place, &state.left, &state.right, output));
        }
        (None, None) => {
            let title = format!("same: blocks {} to {}", view.from, view.to);
            text.push_str(&format!("{}\n", output.paint(Tone::Good, &title)));
            text.push_str(match view.states_compared {
                true => "The stored states are the same, too.\n",
                false => "So their states are, as far as these blocks commit to them.\n",
            });
        }
    }
    for side in [left, right] {
        if side.height > view.to {
            let name = printable(&side.name);
            text.push_str(&format!("{name} goes on to block {}.\n", side.height));
        }
    }
    text
}

fn both(view: &View, place: &str, left: &str, right: &str, output: &Output) -> String {
    let fields = [
        ("where", place.to_owned()),
        (view.left.name.as_str(), left.to_owned()),
        (view.right.name.as_str(), right.to_owned()),
    ];
    output.fields(&fields)
}

/// Which of the two is good, where that was found out.
fn judgement(side: &SideView) -> String {
    let name = printable(&side.name);
    match (&side.finding, side.good) {
        (Some(finding), _) => format!("{name} is bad: {}\n", printable(&finding.to_string())),
        (None, Some(true)) => format!("{name}: its block is good.\n"),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        compare: CompareArgs,
    }

    #[test]
    fn a_node_is_read_in_order_beside_a_bundle_and_in_a_scan() {
        let reading = |arguments: &[&str]| {
            let all = [&["compare", "--node", "http://127.0.0.1:1"][..], arguments].concat();
            Cli::parse_from(all).compare.reading()
        };
        assert_eq!(reading(&["--home", "home"]), Reading::Scattered);
        assert_eq!(reading(&["--home", "home", "--scan"]), Reading::InOrder);
        assert_eq!(reading(&["--bundle", "chain.bundle"]), Reading::InOrder);
    }
}
