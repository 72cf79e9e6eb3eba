//! `quorate genesis`: how members make a network together. Each reviews the draft and signs it with keys
//! of its own; whoever puts the parts together can change nothing unseen.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use quorate_client::wallet::format_amount;
use quorate_crypto::Digest;
use quorate_genesis::{
    Difference, Draft, DraftV1, Genesis, GenesisError, Join, Problem, check_looks, diff, diff_drafts,
    diff_join, format_time, parse_time,
};
use quorate_ledger::{Parameters, Rules, Signers};
use quorate_tools::clock::now;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::genesis::{read_document, refused};
use quorate_tools::output::{Output, Tone, printable};
use quorate_tools::protocol::ProtocolArg;
use serde::Serialize;

mod draft;
mod join;

#[derive(Subcommand, Debug)]
#[command(after_help = "Example, by two members A and B:
  quorate genesis new --network trade --member A --member B   # both review draft.toml
  quorate genesis join --draft draft.toml --member A --home ./home --member-key a.key
  quorate genesis assemble --draft draft.toml A.join.toml B.join.toml
  quorate genesis verify genesis.toml")]
pub(crate) enum GenesisCommand {
    /// Write a draft of a network for its members to review
    New(NewArgs),
    /// Sign a draft as one of its members, and write a join file
    Join(join::JoinArgs),
    /// Put a draft and the join files of all its members together
    Assemble(AssembleArgs),
    /// Check everything in a genesis document
    Verify(VerifyArgs),
    /// Show what a genesis document or a draft says
    Show(ShowArgs),
    /// Show in what two genesis documents, or two drafts, differ
    Diff(DiffArgs),
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate genesis new --network trade --member A --member B --member C --member D \\
      --asset EUR:2:qr1…:Euro --balance EUR:qr1…:1000000.00")]
pub(crate) struct NewArgs {
    /// The network's name
    #[arg(long, value_name = "NAME", env = "QUORATE_NETWORK")]
    network: String,
    /// A member, in the committee's order; once for each
    #[arg(long = "member", value_name = "NAME", required = true)]
    members: Vec<String>,
    /// The consensus protocol
    #[arg(long, value_enum, default_value = "pbft", env = "QUORATE_CONSENSUS")]
    consensus: ProtocolArg,
    /// The version of the ledger's rules that it begins with: from 2 on members, rights and votes are carried out
    #[arg(long, value_name = "N", env = "QUORATE_PROTOCOL", default_value_t = quorate_ledger::PROTOCOL)]
    protocol: u32,
    /// When the ledger begins, in RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// An asset that exists from the beginning: CODE:DECIMALS:ISSUER or CODE:DECIMALS:ISSUER:DESCRIPTION
    #[arg(long = "asset", value_name = "ASSET")]
    assets: Vec<String>,
    /// A first balance: CODE:ADDRESS:AMOUNT
    #[arg(long = "balance", value_name = "BALANCE")]
    balances: Vec<String>,
    /// An account that is a member's besides its own: ADDRESS:MEMBER
    #[arg(long = "account", value_name = "ACCOUNT")]
    accounts: Vec<String>,
    /// A right from the beginning: ADDRESS:RIGHT:SCOPE, where a scope is network, member:NAME or asset:CODE
    #[arg(long = "grant", value_name = "GRANT")]
    grants: Vec<String>,
    /// The file to write; it must not exist
    #[arg(long, alias = "to", value_name = "FILE", default_value = "draft.toml")]
    out: PathBuf,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate genesis assemble --draft draft.toml A.join.toml B.join.toml --out genesis.toml")]
pub(crate) struct AssembleArgs {
    /// The draft
    #[arg(
        long,
        value_name = "FILE",
        default_value = "draft.toml",
        env = "QUORATE_DRAFT"
    )]
    draft: PathBuf,
    /// The join files of all members, in any order
    #[arg(value_name = "JOIN", required = true)]
    joins: Vec<PathBuf>,
    /// The file to write; it must not exist
    #[arg(long, alias = "to", value_name = "FILE", default_value = "genesis.toml")]
    out: PathBuf,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate genesis verify genesis.toml --network 5f0c… --join A.join.toml")]
pub(crate) struct VerifyArgs {
    /// The genesis document
    #[arg(value_name = "FILE", default_value = "genesis.toml", env = "QUORATE_GENESIS")]
    file: PathBuf,
    /// The network id that it must have
    #[arg(long, value_name = "ID", value_parser = super::digest)]
    network: Option<Digest>,
    /// Your join file; the document must have this join of yours and no other
    #[arg(long, value_name = "FILE")]
    join: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate genesis show genesis.toml")]
pub(crate) struct ShowArgs {
    /// A genesis document or a draft
    #[arg(value_name = "FILE", default_value = "genesis.toml", env = "QUORATE_GENESIS")]
    file: PathBuf,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate genesis diff mine.toml theirs.toml

Exit code 0: they say the same; 7: they differ.")]
pub(crate) struct DiffArgs {
    /// The first document
    #[arg(value_name = "FIRST")]
    first: PathBuf,
    /// The second document
    #[arg(value_name = "SECOND")]
    second: PathBuf,
}

/// Carries out a command of this group.
pub(crate) fn run(command: GenesisCommand, output: &Output) -> Result<(), Failure> {
    match command {
        GenesisCommand::New(args) => new(&args, output),
        GenesisCommand::Join(args) => join::join(&args, output),
        GenesisCommand::Assemble(args) => assemble(&args, output),
        GenesisCommand::Verify(args) => verify(&args, output),
        GenesisCommand::Show(args) => show(&args, output),
        GenesisCommand::Diff(args) => differences(&args, output),
    }
}

fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .map_err(|error| Failure::unwritable(path, &error))
}

fn new(args: &NewArgs, output: &Output) -> Result<(), Failure> {
    let time = match &args.time {
        Some(text) => parse_time(text).map_err(|problem| Failure::usage(problem).while_doing("--time"))?,
        None => now()?,
    };
    let assets = draft::assets(&args.assets, &args.balances)?;
    let fields = DraftV1 {
        network: args.network.clone(),
        engine: args.consensus.into(),
        time,
        members: args.members.clone(),
        parameters: Parameters::default(),
        rules: Rules::default(),
        assets,
        accounts: draft::accounts(&args.accounts, &args.members)?,
        grants: draft::grants(&args.grants, &args.members)?,
    };
    let draft = Draft::at(args.protocol, fields);
    draft.check().map_err(Failure::usage)?;
    let text = draft.to_toml();
    check_looks(&text, &draft).map_err(Failure::usage)?;
    write_new(&args.out, &text)?;
    #[derive(Serialize)]
    struct View<'a> {
        file: &'a Path,
        draft: Digest,
    }
    output.print(
        &View {
            file: &args.out,
            draft: draft.digest(),
        },
        |output| {
            let next = "Next: every member reads it all and signs it with `quorate genesis join`.";
            let fields = output.fields(&[
                ("file", args.out.display().to_string()),
                ("draft", draft.digest().to_string()),
            ]);
            format!("{fields}{next}")
        },
    )
}

fn assemble(args: &AssembleArgs, output: &Output) -> Result<(), Failure> {
    let draft = read_document(&args.draft)?;
    let joins = args
        .joins
        .iter()
        .map(|path| read_document(path))
        .collect::<Result<Vec<_>, _>>()?;
    let texts: Vec<&str> = joins.iter().map(String::as_str).collect();
    let (text, genesis) = Genesis::assemble(&draft, &texts).map_err(|error| match error {
        GenesisError::JoinFile { number, error } => {
            let path = args.joins.get(number.saturating_sub(1)).unwrap_or(&args.draft);
            let is_second = is_second_join(&error);
            let failure = refused(path, *error);
            if is_second {
                failure.hint("its member says which of its joins counts: give that one alone")
            } else {
                failure
            }
        }
        other => refused(&args.draft, other),
    })?;
    check_looks(&text, genesis.draft()).map_err(|error| refused(&args.out, error))?;
    write_new(&args.out, &text)?;
    print_identity(&args.out, &genesis, output)
}

/// Whether a member joins for the second time.
fn is_second_join(error: &GenesisError) -> bool {
    matches!(
        error,
        GenesisError::Invalid { problem: Problem::Duplicate { what }, .. } if what.starts_with("the join of ")
    )
}

/// Reads a genesis document as those do who decide by what they read in it.
fn reviewed(path: &Path) -> Result<Genesis, Failure> {
    let text = read_document(path)?;
    let genesis = Genesis::parse(&text).map_err(|error| refused(path, error))?;
    check_looks(&text, genesis.draft()).map_err(|error| refused(path, error))?;
    Ok(genesis)
}

fn verify(args: &VerifyArgs, output: &Output) -> Result<(), Failure> {
    let genesis = reviewed(&args.file)?;
    if let Some(expected) = args.network
        && expected != genesis.network_id()
    {
        return Err(Failure::new(
            Exit::CheckFailed,
            format!(
                "{} is of network {}, not {expected}",
                args.file.display(),
                genesis.network_id()
            ),
        ));
    }
    if let Some(path) = &args.join {
        check_join(args, &genesis, path)?;
    }
    print_identity(&args.file, &genesis, output)
}

/// Refuses a document that has another join of the member than the one in the file at `path`. All joins that a member
/// ever signed for a draft are good, and whoever assembled the document took one of them.
fn check_join(args: &VerifyArgs, genesis: &Genesis, path: &Path) -> Result<(), Failure> {
    let join = Join::parse(&read_document(path)?).map_err(|error| refused(path, error))?;
    join.verify(genesis.draft())
        .map_err(|error| refused(path, error))?;
    let found: Vec<String> = diff_join(genesis, &join)
        .iter()
        .map(|difference| format!("\n  {}", printable(&difference.to_string())))
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        Exit::CheckFailed,
        format!(
            "{} has another join of {} than {}:{}",
            args.file.display(),
            join.body().member,
            path.display(),
            found.concat()
        ),
    )
    .hint("start no node with this document, and ask whoever assembled it for one with your join"))
}

fn print_identity(file: &Path, genesis: &Genesis, output: &Output) -> Result<(), Failure> {
    let validators: Vec<&str> = genesis.validators().map(|validator| validator.name).collect();
    let view = serde_json::json!({
        "file": file,
        "network": genesis.network_id(),
        "name": genesis.name(),
        "draft": genesis.draft().digest(),
        "validators": validators,
    });
    output.print(&view, |output| {
        let fields = output.fields(&[
            ("file", file.display().to_string()),
            ("network id", genesis.network_id().to_string()),
            ("name", genesis.name().to_owned()),
            ("draft", genesis.draft().digest().to_string()),
            ("validators", validators.join(", ")),
        ]);
        let good = output.paint(
            Tone::Good,
            "Every member has signed this draft; all signatures fit.",
        );
        format!("{fields}{good}")
    })
}

fn show(args: &ShowArgs, output: &Output) -> Result<(), Failure> {
    let text = read_document(&args.file)?;
    let (draft, genesis) = match Draft::parse(&text) {
        Ok(draft) => (draft, None),
        Err(GenesisError::Invalid {
            problem: Problem::JoinsInDraft,
            ..
        }) => {
            let genesis = Genesis::parse(&text).map_err(|error| refused(&args.file, error))?;
            (genesis.draft().clone(), Some(genesis))
        }
        Err(error) => return Err(refused(&args.file, error)),
    };
    let contents = draft.v1();
    let joins = genesis.as_ref().map(Genesis::joins).unwrap_or_default();
    let validators: Vec<serde_json::Value> = joins.iter().map(joined).collect();
    let accounts: Vec<serde_json::Value> = contents
        .accounts
        .iter()
        .map(|account| {
            serde_json::json!({
                "address": account.address,
                "member": draft::member_name(&contents.members, account.member),
            })
        })
        .collect();
    let grants: Vec<serde_json::Value> = contents
        .grants
        .iter()
        .map(|grant| {
            serde_json::json!({
                "account": grant.account,
                "right": grant.right.name(),
                "scope": draft::scope_text(&contents.members, &grant.scope),
            })
        })
        .collect();
    let assets: Vec<serde_json::Value> = contents
        .assets
        .iter()
        .map(|asset| {
            let balances: Vec<serde_json::Value> = asset
                .balances
                .iter()
                .map(|balance| {
                    serde_json::json!({ "address": balance.address, "amount": balance.amount.to_string() })
                })
                .collect();
            serde_json::json!({
                "code": asset.code,
                "decimals": asset.decimals,
                "flags": asset.flags,
                "description": asset.description,
                "issuer": asset.issuer,
                "supply": asset.supply().map(|supply| supply.to_string()),
                "balances": balances,
            })
        })
        .collect();
    let view = serde_json::json!({
        "network": genesis.as_ref().map(Genesis::network_id),
        "draft": draft.digest(),
        "name": contents.network,
        "consensus": contents.engine,
        "time": format_time(contents.time),
        "members": contents.members,
        "parameters": contents.parameters.v1(),
        "rules": contents.rules.v1(),
        "assets": assets,
        "accounts": accounts,
        "grants": grants,
        "validators": validators,
    });
    output.print(&view, |output| show_text(&draft, genesis.as_ref(), output))
}

/// A member's seat and account, as its join says.
fn joined(join: &Join) -> serde_json::Value {
    let body = join.body();
    let sole = Signers::sole(body.account);
    let signers = body.signers.as_ref().unwrap_or(&sole);
    serde_json::json!({
        "name": body.member,
        "validator_key": body.validator,
        "node_key": body.node,
        "witness_key": body.witness,
        "account": body.address(),
        "account_key": body.account,
        "threshold": signers.threshold,
        "signers": signers.signers,
        "addresses": body.addresses,
    })
}

fn show_text(draft: &Draft, genesis: Option<&Genesis>, output: &Output) -> String {
    let contents = draft.v1();
    let identity = genesis.map_or_else(
        || "none yet: this is a draft".to_owned(),
        |genesis| genesis.network_id().to_string(),
    );
    let mut text = output.fields(&[
        ("network id", identity),
        ("name", contents.network.clone()),
        ("consensus", contents.engine.to_string()),
        ("begins", format_time(contents.time).unwrap_or_default()),
        ("draft", draft.digest().to_string()),
    ]);
    let rows: Vec<Vec<String>> = match genesis {
        Some(genesis) => genesis
            .validators()
            .map(|validator| {
                vec![
                    validator.name.to_owned(),
                    validator.account.to_string(),
                    validator.validator_key.to_string(),
                    validator.addresses.join(" "),
                ]
            })
            .collect(),
        None => contents
            .members
            .iter()
            .map(|member| {
                vec![
                    member.clone(),
                    "not joined yet".to_owned(),
                    String::new(),
                    String::new(),
                ]
            })
            .collect(),
    };
    text.push('\n');
    text.push_str(&output.table(&["MEMBER", "ACCOUNT", "VALIDATOR KEY", "ADDRESSES"], rows));
    for join in genesis.map(Genesis::joins).unwrap_or_default() {
        text.push_str(&signers_text(join, output));
    }
    for asset in &contents.assets {
        let supply = asset
            .supply()
            .map(|supply| format_amount(supply, asset.decimals))
            .unwrap_or_default();
        let description = printable(&asset.description);
        text.push_str(&format!(
            "\nasset {}: supply {supply}, issuer {}, {description}\n",
            asset.code, asset.issuer
        ));
        let rows = asset.balances.iter().map(|balance| {
            vec![
                balance.address.to_string(),
                format_amount(balance.amount, asset.decimals),
            ]
        });
        text.push_str(&output.table(&["ACCOUNT", ">BALANCE"], rows.collect()));
    }
    if !contents.accounts.is_empty() {
        let rows = contents.accounts.iter().map(|account| {
            let member = draft::member_name(&contents.members, account.member);
            vec![account.address.to_string(), member.to_owned()]
        });
        text.push('\n');
        text.push_str(&output.table(&["ACCOUNT", "OF MEMBER"], rows.collect()));
    }
    if !contents.grants.is_empty() {
        let rows = contents.grants.iter().map(|grant| {
            vec![
                grant.account.to_string(),
                grant.right.name().to_owned(),
                draft::scope_text(&contents.members, &grant.scope),
            ]
        });
        text.push('\n');
        text.push_str(&output.table(&["ACCOUNT", "RIGHT", "FOR"], rows.collect()));
    }
    text
}

/// Who signs for a member's account, where that is not its key alone.
fn signers_text(join: &Join, output: &Output) -> String {
    let body = join.body();
    let Some(Signers { threshold, signers }) = &body.signers else {
        return String::new();
    };
    let rows = signers
        .iter()
        .map(|signer| vec![signer.key.to_string(), signer.weight.to_string()]);
    format!(
        "\nsigners of {}, threshold {threshold}:\n{}",
        body.member,
        output.table(&["KEY", ">WEIGHT"], rows.collect())
    )
}

fn differences(args: &DiffArgs, output: &Output) -> Result<(), Failure> {
    let (first, second) = (read_document(&args.first)?, read_document(&args.second)?);
    let found: Vec<Difference> = match (Draft::parse(&first), Draft::parse(&second)) {
        (Ok(one), Ok(other)) => {
            check_looks(&first, &one).map_err(|error| refused(&args.first, error))?;
            check_looks(&second, &other).map_err(|error| refused(&args.second, error))?;
            diff_drafts(&one, &other)
        }
        _ => diff(&reviewed(&args.first)?, &reviewed(&args.second)?),
    };
    let views: Vec<serde_json::Value> = found
        .iter()
        .map(|difference| {
            serde_json::json!({
                "subject": difference.subject,
                "first": difference.first,
                "second": difference.second,
            })
        })
        .collect();
    output.print(
        &serde_json::json!({ "equal": found.is_empty(), "differences": views }),
        |_| {
            if found.is_empty() {
                "They say the same.".to_owned()
            } else {
                found
                    .iter()
                    .map(|difference| printable(&difference.to_string()))
                    .collect::<Vec<_>>()
                    .join("\n")
            }
        },
    )?;
    if found.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(
            Exit::CheckFailed,
            format!("they differ in {} points", found.len()),
        ))
    }
}
