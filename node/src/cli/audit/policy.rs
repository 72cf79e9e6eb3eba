//! `quorate audit policy`: which signatures under a checkpoint are enough, as a file for verifiers that know nothing of
//! Quorate (`docs/checkpoints.md`, section 5).

use std::path::PathBuf;

use clap::Args;
use quorate_checkpoint::{KeyKind, Policy, VerifierKey};
use quorate_client::ProofOf;
use quorate_crypto::{Committee, Epoch};
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, printable};
use quorate_verifier::{Anchor, Facts, Verifier};
use serde::Serialize;

use super::anchor::{AnchorArgs, refused};
use super::ask::{self, NodesArgs};
use super::files;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate audit policy --genesis genesis.toml --out log.policy
  quorate audit policy --genesis genesis.toml --witness witness.example+3f5a1b2c+BGx9…

The policy is of the committee that is in force: make another when that changes.")]
pub(crate) struct PolicyArgs {
    /// Write the policy here; it is not overwritten [default: print it]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How many validators must have cosigned [default: a quorum]
    #[arg(long, value_name = "K")]
    validators: Option<usize>,
    /// Ask for this witness's cosignature as well; with several, for those of all
    #[arg(long = "witness", value_name = "KEY")]
    witnesses: Vec<VerifierKey>,
    #[command(flatten)]
    anchor: AnchorArgs,
    #[command(flatten)]
    nodes: NodesArgs,
}

/// The policy that was made.
#[derive(Serialize)]
struct View<'a> {
    epoch: u64,
    validators: usize,
    file: Option<&'a PathBuf>,
    policy: &'a str,
}

/// Carries out the command.
pub(super) async fn policy(args: &PolicyArgs, output: &Output) -> Result<(), Failure> {
    if let Some(out) = &args.out {
        files::refuse_existing(out)?;
    }
    let anchor = args.anchor.read()?;
    let genesis = anchor.genesis.as_ref().ok_or_else(|| {
        let failure = Failure::usage("there is nothing to check committees against");
        failure.hint("name the genesis document with --genesis")
    })?;
    let committees = ask::ask(&args.nodes.client()?, &ProofOf::Committees { to: None }, &anchor).await?;
    let committee = newest(&anchor, &committees)?;
    let validators = args.validators.unwrap_or(committee.quorum());
    check(args, &committee, validators)?;
    let (network, epoch) = (genesis.id(), committee.epoch());
    let of_witnesses = args.witnesses.len().max(1);
    let policy = Policy::of_committee(&network, &committee, validators, &args.witnesses, of_witnesses);
    let name = printable(genesis.name());
    let text = format!("# network {name}, {network}, epoch {epoch}\n{policy}");
    if let Some(out) = &args.out {
        files::write_new(out, &text)?;
    }
    let view = View {
        epoch: epoch.0,
        validators,
        file: args.out.as_ref(),
        policy: &text,
    };
    output.print(&view, |_| match &args.out {
        None => text.clone(),
        Some(out) => format!(
            "epoch {epoch}: {validators} of {} validators\nwritten to {}\n",
            committee.size(),
            printable(&out.display().to_string())
        ),
    })
}

/// The committee of the last epoch that a proof of committees leads to.
fn newest(anchor: &Anchor, file: &str) -> Result<Committee, Failure> {
    let mut verifier = Verifier::new(anchor.clone());
    let verdicts = verifier.check_file(file.as_bytes());
    let verdicts = verdicts.map_err(|refusal| refused(&refusal))?;
    let epochs = verdicts.iter().find_map(|verdict| match &verdict.facts {
        Facts::Committees(epochs) => epochs.last(),
        _ => None,
    });
    let epoch: Option<Epoch> = epochs.map(|last| last.epoch);
    let known = epoch.and_then(|epoch| verifier.epoch(epoch));
    let committee = known.map(|known| known.committee.clone());
    committee.ok_or_else(|| Failure::failed("the node's answer is no proof of committees"))
}

fn check(args: &PolicyArgs, committee: &Committee, validators: usize) -> Result<(), Failure> {
    let size = committee.size();
    if !(1..=size).contains(&validators) {
        let reason =
            format!("--validators: the committee has {size} validators, {validators} cannot be asked for");
        return Err(Failure::usage(reason));
    }
    for (place, key) in args.witnesses.iter().enumerate() {
        if key.kind() != KeyKind::Cosignature {
            let reason = format!("--witness {key}: a witness's key is of kind 04, which cosigns");
            return Err(Failure::usage(reason));
        }
        let is_twice = args.witnesses[..place]
            .iter()
            .any(|other| other.key() == key.key());
        let is_validators = committee.seats().iter().any(|seat| seat.witness == *key.key());
        if is_twice || is_validators {
            let reason = format!("--witness {key}: this key is another witness's, or a validator's");
            return Err(Failure::usage(reason));
        }
    }
    Ok(())
}
