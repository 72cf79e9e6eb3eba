//! `quorate node rejoin`: lets a validator that may have forgotten what it signed vote again.

use std::path::PathBuf;

use clap::Args;
use quorate_crypto::keyfile::{self, Access};
use quorate_crypto::{Digest, PublicKey};
use quorate_ledger::Operation;
use quorate_runtime::config::Home;
use quorate_runtime::{Quarantine, read_quarantine};
use quorate_tools::failure::Failure;
use quorate_tools::genesis::read_genesis;
use quorate_tools::output::{Output, say};
use quorate_tools::wallet::NodeArgs;

use super::super::wallet::KeyArgs;
use super::super::wallet::send::SendArgs;
use super::doctor::look;
use super::read_config;

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate node rejoin --home ./home --key member.key --node http://127.0.0.1:8100

A validator that lost its journal, or came back from a backup, may have signed what it does
not remember: it observes, and the file `quarantined` in its home says why. This command
tells the ledger so, under its member's key. The epoch under way ends a window of blocks
later, and in the next one the validator votes again. At most once in ten minutes.")]
pub(crate) struct RejoinArgs {
    /// The validator's home
    #[arg(long, value_name = "HOME", env = "QUORATE_HOME")]
    home: PathBuf,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    send: SendArgs,
}

/// Carries out the command.
pub(crate) async fn run(args: RejoinArgs, output: &Output) -> Result<(), Failure> {
    let home = Home::new(&args.home);
    let path = home.quarantine();
    let quarantine = read_quarantine(&path)
        .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?
        .ok_or_else(|| {
            Failure::not_found(format!(
                "there is no {}: either nothing keeps this validator from voting, or somebody removed the file",
                path.display()
            ))
            .hint("`quorate node doctor` says which; a running node that is quarantined writes the file again")
        })?;
    let genesis = read_genesis(&home.genesis())?;
    let key = args.key.open()?;
    let member = key.key.public();
    let validator = genesis
        .validators()
        .find(|validator| validator.member_key == member)
        .ok_or_else(|| {
            Failure::usage(format!(
                "no member in {} has the key {member}; the validator's own key cannot let it rejoin",
                home.genesis().display()
            ))
        })?;
    check_home(
        &home,
        &args.key.groups()?,
        validator.validator_key,
        validator.name,
    )?;
    let token = token_of(&home, &quarantine, validator.name).await;
    say(format!("{} does not vote: {}", validator.name, quarantine.reason));
    let operation = Operation::Rejoin {
        validator: validator.validator_key,
        token,
    };
    let ledger = args.node.connect().await?;
    args.send.send(vec![operation], "", &key, &ledger, output).await?;
    say(
        "it votes again from the next epoch on, about a window of blocks from now (32 unless the network says \
         otherwise); `quorate node doctor` tells",
    );
    Ok(())
}

/// What the rejoin is to carry. The file may be of an older quarantine, whose token would end nothing and cost ten
/// minutes, so the home's own node is asked, if it runs.
async fn token_of(home: &Home, file: &Quarantine, name: &str) -> Digest {
    let facts = match read_config(home) {
        Ok(config) => look(&format!("http://{}", config.operations.listen)).await.ok(),
        Err(_) => None,
    };
    let path = home.quarantine().display().to_string();
    // The address may be another node's by now.
    let Some(facts) = facts.filter(|facts| facts.validator == name) else {
        say(format!(
            "the node of this home does not answer, so the token is that of {path}: if the file is of an older \
             quarantine, this ends nothing"
        ));
        return file.token;
    };
    match facts.quarantine_token {
        Some(token) if token == file.token => token,
        Some(token) => {
            say(format!(
                "{path} is of an older quarantine; the token is taken from the running node"
            ));
            token
        }
        None => {
            say(format!(
                "the running node says that nothing keeps it from voting, so {path} is of an older quarantine: all \
                 that this ends is the epoch"
            ));
            file.token
        }
    }
}

/// The home is that of the member's validator. Whether it is cannot be seen where its key is locked.
fn check_home(home: &Home, groups: &[u32], expected: PublicKey, name: &str) -> Result<(), Failure> {
    let path = home.validator_key();
    let access = Access {
        passphrase: None,
        groups,
    };
    let Ok(key) = keyfile::read_with(&path, access) else {
        return Ok(());
    };
    if key.public() == expected {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{} is not the home of {name}, whose member's key this is: nothing was sent",
        home.path().display()
    )))
}
