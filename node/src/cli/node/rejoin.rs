//! `quorate node rejoin`: lets a validator that may have forgotten what it signed vote again.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use quorate_client::text::rfc3339_of;
use quorate_client::wallet::{TransactionBuilder, Unsigned, random_salt};
use quorate_crypto::keyfile::{self, Access};
use quorate_crypto::{ClientSigningKey, Digest, PublicKey};
use quorate_genesis::{Genesis, ValidatorInfo};
use quorate_ledger::{Address, Operation};
use quorate_runtime::config::Home;
use quorate_runtime::{Quarantine, read_quarantine};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::genesis::read_genesis;
use quorate_tools::output::{Output, say};
use quorate_tools::passphrase::PassphraseArgs;
use quorate_tools::wallet::{Ledger, NodeArgs};
use quorate_verifier::{ProvenDecimals, Travelling};

use super::super::wallet::send::SendArgs;
use super::doctor::look;
use super::read_config;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate node rejoin --home ./home --key member.key --node http://127.0.0.1:8100
  quorate node rejoin --home ./home --out rejoin.txt    # to be signed elsewhere

A validator that lost its journal, or came back from a backup, may have signed what it does
not remember: it observes, and the file `quarantined` in its home says why. This command
tells the ledger so, under its member's key. The epoch under way ends a window of blocks
later, and in the next one the validator votes again. At most once in ten minutes.

With --out nothing is signed or sent. Each signer of the member's account signs the file, or a
copy of it, where its key is: `quorate wallet sign rejoin.txt --key FILE`, with
`--account ADDRESS`, that of the member, where the key is a later signer. Copies become one by
`quorate wallet combine`, and `quorate wallet submit rejoin.txt` sends it.")]
pub(crate) struct RejoinArgs {
    /// The validator's home
    #[arg(long, value_name = "HOME", env = "QUORATE_HOME")]
    home: PathBuf,
    /// Write the transaction to this file, for others to sign; it must not exist
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Seconds after which what --out writes is no longer executed: time for all to sign
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, requires = "out")]
    sign_within: u64,
    /// The key file
    #[arg(long, value_name = "FILE", env = "QUORATE_KEY", help_heading = "Key")]
    #[arg(required_unless_present = "out")]
    key: Option<PathBuf>,
    /// The account that acts, if it is not the key's own
    #[arg(long, value_name = "ADDRESS", env = "QUORATE_ACCOUNT", help_heading = "Key")]
    account: Option<Address>,
    #[command(flatten, next_help_heading = "Key")]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    send: SendArgs,
}

/// The key that signs, and the account that it signs for.
struct Signer {
    key: ClientSigningKey,
    account: Address,
}

impl RejoinArgs {
    /// Opens the key that signs.
    fn open(&self) -> Result<Signer, Failure> {
        let key = self.passphrase.open(self.key.as_ref().ok_or_else(no_signer)?)?;
        let account = self.account.unwrap_or_else(|| key.key().address());
        Ok(Signer { key, account })
    }
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
    let groups = args.passphrase.groups()?;
    let key = match args.out {
        Some(_) => None,
        None => Some(args.open()?),
    };
    let validator = match key.as_ref().map(|key| key.account).or(args.account) {
        Some(account) => of_member(&genesis, account, key.as_ref(), &home)?,
        None => of_home(&genesis, &home, &groups).await?,
    };
    check_home(&home, &groups, validator.validator_key, validator.name)?;
    let token = token_of(&home, &quarantine, validator.name).await;
    say(format!("{} does not vote: {}", validator.name, quarantine.reason));
    let operation = Operation::Rejoin {
        validator: validator.validator_key,
        token,
    };
    let ledger = args.node.connect().await?;
    let Some(key) = &key else {
        let lead = Duration::from_secs(args.sign_within);
        let unsigned = build(operation, validator.account, lead, &ledger).await?;
        return write(&args, unsigned, output);
    };
    check_signers(&ledger, key, &args.home).await?;
    let unsigned = build(operation, key.account, args.send.lead(), &ledger).await?;
    let wait = args.send.wait();
    let fate = ledger.send(&unsigned.sign([&key.key]), wait).await?;
    fate.report(output, wait.is_some())?;
    say(
        "it votes again from the next epoch on, about a window of blocks from now (32 unless the network says \
         otherwise); `quorate node doctor` tells",
    );
    Ok(())
}

/// Neither a key nor a file was given, which the parser does not let through.
fn no_signer() -> Failure {
    Failure::usage("name the --key that signs, or a file to write with --out")
}

/// The transaction of the member's account that lets its validator rejoin.
async fn build(
    operation: Operation,
    account: Address,
    lead: Duration,
    ledger: &Ledger,
) -> Result<Unsigned, Failure> {
    let expires_at = ledger.expiry(lead).await?;
    let salt = random_salt().map_err(Failure::failed)?;
    TransactionBuilder::new(ledger.network(), account, expires_at, salt)
        .operation(operation)
        .build()
        .map_err(Failure::failed)
}

/// Writes the transaction for others to sign.
fn write(args: &RejoinArgs, unsigned: Unsigned, output: &Output) -> Result<(), Failure> {
    let out = args.out.as_deref().ok_or_else(no_signer)?;
    let (id, expires_at) = (unsigned.id(), unsigned.intent.v1().expires_at);
    let sender = unsigned.intent.sender();
    let travelling = Travelling::new(unsigned.intent, unsigned.texts, &ProvenDecimals::new())
        .ok_or_else(|| Failure::failed("the transaction names an asset whose decimals are not known"))?;
    let created = fs::OpenOptions::new().write(true).create_new(true).open(out);
    created
        .and_then(|mut file| {
            file.write_all(travelling.write().as_bytes())?;
            file.sync_all()
        })
        .map_err(|error| Failure::unwritable(out, &error))?;
    let expires = rfc3339_of(expires_at);
    let view = serde_json::json!({ "file": out, "id": id, "expires_at": expires });
    output.print(&view, |output| {
        output.fields(&[
            ("file", out.display().to_string()),
            ("id", id.to_string()),
            ("expires", expires.clone()),
        ])
    })?;
    let out = out.display();
    say(format!(
        "nothing was signed or sent: sign it where the keys are (`quorate wallet sign {out} --key FILE --account \
         {sender}`), then `quorate wallet submit {out}`"
    ));
    Ok(())
}

/// The validator of the member with this account.
fn of_member<'a>(
    genesis: &'a Genesis,
    account: Address,
    key: Option<&Signer>,
    home: &Home,
) -> Result<ValidatorInfo<'a>, Failure> {
    let mut validators = genesis.validators();
    let found = validators.find(|validator| validator.account == account);
    found.ok_or_else(|| {
        let of_key = match key {
            Some(key) => format!(", which the key {} signs for", key.key.key()),
            None => String::new(),
        };
        Failure::usage(format!(
            "no member in {} has the account {account}{of_key}; the validator's own key cannot let it rejoin",
            home.genesis().display()
        ))
        .hint("a key that was made a signer of the member's account later needs --account ADDRESS, that account")
    })
}

/// The validator whose home this is, where no account says which: by its key, or else by its running node.
async fn of_home<'a>(
    genesis: &'a Genesis,
    home: &Home,
    groups: &[u32],
) -> Result<ValidatorInfo<'a>, Failure> {
    let mut validators = genesis.validators();
    let found = match validator_key(home, groups) {
        Some(key) => validators.find(|validator| validator.validator_key == key),
        None => {
            let name = running(home).await.map(|facts| facts.validator);
            validators.find(|validator| Some(validator.name) == name.as_deref())
        }
    };
    found.ok_or_else(|| {
        Failure::usage(format!(
            "whose home {} is cannot be seen: its key is locked or of no member, and its node does not answer",
            home.path().display()
        ))
        .hint("--account ADDRESS names the member's account, which `quorate wallet address --key member.key` prints")
    })
}

/// A transaction that too few have signed is refused without a word of what to do. What the account's signers are is
/// the node's word here, and only advice: the ledger judges.
async fn check_signers(ledger: &Ledger, key: &Signer, home: &Path) -> Result<(), Failure> {
    let Ok(account) = ledger.client().account(&key.account).await else {
        return Ok(());
    };
    let own = key.key.key();
    let enough = match account.signers.as_slice() {
        [] => own.address() == key.account,
        signers => signers
            .iter()
            .any(|signer| signer.key == own && signer.weight >= account.threshold),
    };
    if enough {
        return Ok(());
    }
    let who = match account.signers.len() {
        0 => "the key that it was made from".to_owned(),
        1 => "another signer".to_owned(),
        signers => format!("{signers} signers with a threshold of {}", account.threshold),
    };
    Err(Failure::new(
        Exit::Refused,
        format!(
            "the key {own} alone does not sign for the member's account {}, which has {who}: nothing was sent",
            key.account
        ),
    )
    .hint(format!(
        "quorate node rejoin --home {} --out rejoin.txt, then `quorate wallet sign rejoin.txt --key FILE --account \
         {}` where each of their keys is, then `quorate wallet submit rejoin.txt`",
        home.display(),
        key.account
    )))
}

/// What the home's own node says, if it runs.
async fn running(home: &Home) -> Option<quorate_client::schema::ConsensusFacts> {
    let config = read_config(home).ok()?;
    look(&format!("http://{}", config.operations.listen)).await.ok()
}

/// What the rejoin is to carry. The file may be of an older quarantine, whose token would end nothing and cost ten
/// minutes, so the home's own node is asked, if it runs.
async fn token_of(home: &Home, file: &Quarantine, name: &str) -> Digest {
    let path = home.quarantine().display().to_string();
    // The address may be another node's by now.
    let Some(facts) = running(home).await.filter(|facts| facts.validator == name) else {
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

/// The key of the home's validator, unless it is locked.
fn validator_key(home: &Home, groups: &[u32]) -> Option<PublicKey> {
    let access = Access {
        passphrase: None,
        groups,
    };
    let key = keyfile::read_with(&home.validator_key(), access).ok()?;
    Some(key.public())
}

/// The home is that of the member's validator. Whether it is cannot be seen where its key is locked.
fn check_home(home: &Home, groups: &[u32], expected: PublicKey, name: &str) -> Result<(), Failure> {
    match validator_key(home, groups) {
        Some(key) if key != expected => Err(Failure::usage(format!(
            "{} is not the home of {name}, whose member's key this is: nothing was sent",
            home.path().display()
        ))),
        _ => Ok(()),
    }
}
