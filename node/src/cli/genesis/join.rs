//! `quorate genesis join`: a member signs a draft with the three keys of its validator's seat and with the key of its
//! account. Where that account has several signers, those whose keys are elsewhere sign the join file after it.

use std::path::{Path, PathBuf};

use clap::Args;
use quorate_crypto::ClientSigningKey;
use quorate_files::write_durably;
use quorate_genesis::{Draft, GenesisError, Join, JoinKeys, Problem, check_looks};
use quorate_ledger::Signers;
use quorate_runtime::config::Home;
use quorate_tools::failure::Failure;
use quorate_tools::genesis::{read_document, refused};
use quorate_tools::output::Output;
use quorate_tools::passphrase::PassphraseArgs;

use super::write_new;
use crate::cli::wallet::account::signer;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate genesis join --draft draft.toml --member A --home ./home --member-key a.key \\
      --address /dns4/node.a.example/tcp/9100
  quorate genesis join --draft draft.toml --countersign A.join.toml --member-key second.key

The member's account has the address of --member-key, whose holder administers the member. With
--signer it has several signers, and all of them are given, that key too. Those whose keys are
elsewhere sign the join file there, with --countersign, until the threshold is reached.")]
pub(crate) struct JoinArgs {
    /// The draft
    #[arg(
        long,
        value_name = "FILE",
        default_value = "draft.toml",
        env = "QUORATE_DRAFT"
    )]
    draft: PathBuf,
    /// Which member joins
    #[arg(long, value_name = "NAME", required_unless_present = "countersign")]
    member: Option<String>,
    /// The node's home, with validator.key, node.key and witness.key (made by `quorate node init`)
    #[arg(long, value_name = "HOME", env = "QUORATE_HOME")]
    home: Option<PathBuf>,
    /// The key that votes, if it is not in the home
    #[arg(long, value_name = "FILE")]
    validator_key: Option<PathBuf>,
    /// The key that links are made with, if it is not in the home
    #[arg(long, value_name = "FILE")]
    node_key: Option<PathBuf>,
    /// The key that signs published checkpoints, if it is not in the home
    #[arg(long, value_name = "FILE")]
    witness_key: Option<PathBuf>,
    /// The key of the member's account, which speaks for the member
    #[arg(long, value_name = "FILE", env = "QUORATE_MEMBER_KEY")]
    member_key: PathBuf,
    /// A signer of the member's account and its weight, KEY=WEIGHT; once for each [default: the member key alone]
    #[arg(long = "signer", value_name = "KEY=WEIGHT", requires = "threshold")]
    signers: Vec<String>,
    /// The weight that signs for the member's account
    #[arg(long, value_name = "N", requires = "signers")]
    threshold: Option<u32>,
    /// Where other validators reach this one, as a multiaddress
    #[arg(long = "address", value_name = "MULTIADDRESS")]
    addresses: Vec<String>,
    /// Add the signature of --member-key to this join file, which it may take several of
    #[arg(
        long,
        value_name = "JOIN",
        conflicts_with_all = ["member", "validator_key", "node_key", "witness_key", "signers", "addresses", "out"]
    )]
    countersign: Option<PathBuf>,
    /// The file to write; it must not exist [default: MEMBER.join.toml]
    #[arg(long, alias = "to", value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Signs a draft, or a join file of it.
pub(super) fn join(args: &JoinArgs, output: &Output) -> Result<(), Failure> {
    let text = read_document(&args.draft)?;
    let draft = Draft::parse(&text).map_err(|error| refused(&args.draft, error))?;
    check_looks(&text, &draft).map_err(|error| refused(&args.draft, error))?;
    if let Some(file) = &args.countersign {
        return countersign(args, &draft, file, output);
    }
    let member = args
        .member
        .as_deref()
        .ok_or_else(|| Failure::usage("name the --member that joins"))?;
    let signers = signers(&args.signers, args.threshold)?;
    let open = |given: &Option<PathBuf>, in_home: fn(&Home) -> PathBuf| {
        let home = args.home.as_ref().map(Home::new);
        let path = given.clone().or_else(|| home.as_ref().map(in_home));
        let path = path.ok_or_else(|| Failure::usage("name the keys, or the --home that has them"))?;
        args.passphrase.open_validator(&path)
    };
    let validator = open(&args.validator_key, Home::validator_key)?;
    let node = open(&args.node_key, Home::node_key)?;
    let witness = open(&args.witness_key, Home::witness_key)?;
    let account = args.passphrase.open(&args.member_key)?;
    let keys = JoinKeys {
        validator: &validator,
        node: &node,
        witness: &witness,
        account: &account,
        signers: signers.as_ref(),
        administrators: &[],
    };
    let join = Join::begin(&draft, member, keys, args.addresses.clone());
    let missing = missing(&join, &draft).map_err(Failure::usage)?;
    let default = || PathBuf::from(format!("{member}.join.toml"));
    let file = args.out.clone().unwrap_or_else(default);
    write_new(&file, &join.to_toml())?;
    print(&join, &file, missing, output)
}

/// Adds a signature to a join file.
fn countersign(args: &JoinArgs, draft: &Draft, file: &Path, output: &Output) -> Result<(), Failure> {
    let mut join = Join::parse(&read_document(file)?).map_err(|error| refused(file, error))?;
    if join.body().draft != draft.digest() {
        return Err(Failure::usage(format!(
            "{} joins another draft than {}: nothing was signed",
            file.display(),
            args.draft.display()
        )));
    }
    let key = args.passphrase.open(&args.member_key)?;
    if weight_of(&join, &key) == 0 {
        return Err(Failure::usage(format!(
            "{} is none of the signers in {}: nothing was signed",
            key.key(),
            file.display()
        )));
    }
    join.countersign(&key);
    let missing = missing(&join, draft).map_err(|error| refused(file, error))?;
    let written = write_durably(file, join.to_toml().as_bytes());
    written.map_err(|error| Failure::unwritable(file, &error))?;
    print(&join, file, missing, output)
}

fn weight_of(join: &Join, key: &ClientSigningKey) -> u16 {
    let signers = join.body().signers.as_ref();
    signers
        .and_then(|signers| signers.weight_of(&key.key()))
        .unwrap_or(0)
}

/// The weight that is missing until the signers of the member's account are enough; everything else must be good.
fn missing(join: &Join, draft: &Draft) -> Result<u64, GenesisError> {
    match join.verify(draft) {
        Ok(()) => Ok(0),
        Err(GenesisError::Invalid {
            problem: Problem::BelowThreshold { got, threshold },
            ..
        }) => Ok(u64::from(threshold).saturating_sub(got)),
        Err(error) => Err(error),
    }
}

/// The signers of the member's account, in their order.
fn signers(texts: &[String], threshold: Option<u32>) -> Result<Option<Signers>, Failure> {
    let Some(threshold) = threshold else {
        return Ok(None);
    };
    let mut signers = texts
        .iter()
        .map(|text| signer(text))
        .collect::<Result<Vec<_>, _>>()?;
    signers.sort_by_key(|signer| signer.key);
    let signers = Signers { threshold, signers };
    signers.check_form().map_err(Failure::usage)?;
    if !signers.is_reachable() {
        return Err(Failure::usage(format!(
            "the threshold {threshold} is not from 1 to {}, the sum of the signers' weights",
            signers.total_weight()
        )));
    }
    Ok(Some(signers))
}

fn print(join: &Join, file: &Path, missing: u64, output: &Output) -> Result<(), Failure> {
    let body = join.body();
    let view = serde_json::json!({
        "file": file,
        "member": body.member,
        "draft": body.draft,
        "validator_key": body.validator,
        "node_key": body.node,
        "witness_key": body.witness,
        "account_key": body.account,
        "account": body.address(),
        "signers": body.signers.as_ref().map(|signers| &signers.signers),
        "threshold": body.signers.as_ref().map(|signers| signers.threshold),
        "missing_weight": missing,
        "addresses": body.addresses,
    });
    output.print(&view, |output| {
        let fields = output.fields(&[
            ("file", file.display().to_string()),
            ("member", body.member.clone()),
            ("draft", body.draft.to_string()),
            ("validator key", body.validator.to_string()),
            ("node key", body.node.to_string()),
            ("witness key", body.witness.to_string()),
            ("account key", body.account.to_string()),
            ("account", body.address().to_string()),
        ]);
        let next = match missing {
            0 => "Next: hand over this file and keep it: `quorate genesis verify --join FILE` finds whether the \
                  assembled document has it."
                .to_owned(),
            missing => format!(
                "Next: signers with a weight of {missing} more have to sign it: quorate genesis join --countersign {} \
                 --member-key FILE",
                file.display()
            ),
        };
        format!("{fields}{next}")
    })
}
