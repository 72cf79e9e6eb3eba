//! `quorate wallet sign`: one more signature in a transaction that travels.

use std::path::PathBuf;

use clap::Args;
use quorate_crypto::ClientSigningKey;
use quorate_tools::clock::now;
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, say};
use quorate_tools::passphrase::PassphraseArgs;
use quorate_tools::question::{agreed, can_ask};
use quorate_tools::wallet::MeaningArgs;
use quorate_verifier::{Travelling, TravellingV1};

use super::offline::{combined, read, report};
use super::open_key;
use super::travelling::{LookUpArgs, Papers, write_over};

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet sign payment.qtx --key alice.key --genesis genesis.toml

No network is needed. What is signed is shown first, and at a terminal it is asked whether to
sign it. The genesis document gives amounts their decimals and members' accounts their names;
a transaction for another network is refused, and so is a file that was changed. With --node the
decimals of assets that were made later are proven, and it is looked up of which asset a hold is
that is released or refunded.")]
pub(crate) struct SignArgs {
    /// What `wallet build` or `wallet pay --build` wrote; the signature is added to it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Sign without asking
    #[arg(long, short = 'y')]
    yes: bool,
    /// The key file
    #[arg(long, value_name = "FILE", env = "QUORATE_KEY")]
    key: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    meaning: MeaningArgs,
    #[command(flatten)]
    look_up: LookUpArgs,
}

/// Adds a signature.
pub(crate) async fn sign(args: &SignArgs, output: &Output) -> Result<(), Failure> {
    let papers = read(&args.file, &args.meaning, &args.look_up).await?;
    for line in papers.lines(false) {
        say(line);
    }
    papers.say_unproven();
    papers.say_unknown_holds();
    if papers.expires_at() <= now()? {
        say("warning: by this machine's clock it has expired");
    }
    if !args.yes && can_ask() && !agreed("Sign this?")? {
        return Err(Failure::failed("nothing was signed"));
    }
    let key = open_key(&args.passphrase, &args.key)?;
    let all = papers.all.iter().map(|one| signed(one, &key));
    let all = all.collect::<Result<Vec<_>, _>>()?;
    write_over(&args.file, &all)?;
    report(&Papers { all, ..papers }, &args.file, output)
}

/// The same with one more signature; one that the key made before stays.
pub(super) fn signed(one: &Travelling, key: &ClientSigningKey) -> Result<Travelling, Failure> {
    let TravellingV1 {
        intent,
        texts,
        decimals,
        ..
    } = one.v1().clone();
    let signatures = intent.clone().sign([key]).signatures().to_vec();
    let own = Travelling::V1(TravellingV1 {
        intent,
        texts,
        signatures,
        decimals,
    });
    combined(&[one.clone(), own])
}
