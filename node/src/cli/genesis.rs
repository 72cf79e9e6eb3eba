//! `quorate genesis`: how members make a network together. Each reviews the draft and signs it with keys
//! of its own; whoever puts the parts together can change nothing unseen.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use quorate_client::wallet::{format_amount, parse_amount};
use quorate_crypto::{Address, Digest};
use quorate_genesis::{
    Difference, Draft, DraftAsset, DraftBalance, DraftV1, Genesis, GenesisError, Join, JoinKeys, Problem,
    check_looks, diff, diff_drafts, diff_join, format_time, parse_time,
};
use quorate_ledger::{AssetCode, Parameters};
use quorate_runtime::config::Home;
use quorate_tools::clock::now;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::genesis::{read_document, refused};
use quorate_tools::output::{Output, Tone, printable};
use quorate_tools::passphrase::PassphraseArgs;
use quorate_tools::protocol::ProtocolArg;
use serde::Serialize;

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
    Join(JoinArgs),
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
    /// When the ledger begins, in RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// An asset that exists from the beginning: CODE:DECIMALS:ISSUER or CODE:DECIMALS:ISSUER:DESCRIPTION
    #[arg(long = "asset", value_name = "ASSET")]
    assets: Vec<String>,
    /// A first balance: CODE:ADDRESS:AMOUNT
    #[arg(long = "balance", value_name = "BALANCE")]
    balances: Vec<String>,
    /// The file to write; it must not exist
    #[arg(long, alias = "to", value_name = "FILE", default_value = "draft.toml")]
    out: PathBuf,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate genesis join --draft draft.toml --member A --home ./home --member-key a.key \\
      --address /dns4/node.a.example/tcp/9100")]
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
    #[arg(long, value_name = "NAME")]
    member: String,
    /// The node's home, with validator.key and node.key (made by `quorate node init`)
    #[arg(long, value_name = "HOME", env = "QUORATE_HOME")]
    home: Option<PathBuf>,
    /// The key that votes, if it is not in the home
    #[arg(long, value_name = "FILE", required_unless_present = "home")]
    validator_key: Option<PathBuf>,
    /// The key that links are made with, if it is not in the home
    #[arg(long, value_name = "FILE", required_unless_present = "home")]
    node_key: Option<PathBuf>,
    /// The key that speaks for the member
    #[arg(long, value_name = "FILE", env = "QUORATE_MEMBER_KEY")]
    member_key: PathBuf,
    /// Where other validators reach this one, as a multiaddress
    #[arg(long = "address", value_name = "MULTIADDRESS")]
    addresses: Vec<String>,
    /// The file to write; it must not exist [default: MEMBER.join.toml]
    #[arg(long, alias = "to", value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
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
        GenesisCommand::Join(args) => join(&args, output),
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
    let mut assets = Vec::new();
    for text in &args.assets {
        assets.push(asset(text).map_err(|failure| failure.while_doing(format!("--asset {text}")))?);
    }
    for text in &args.balances {
        balance(text, &mut assets).map_err(|failure| failure.while_doing(format!("--balance {text}")))?;
    }
    let draft = Draft::V1(DraftV1 {
        network: args.network.clone(),
        engine: args.consensus.into(),
        time,
        members: args.members.clone(),
        parameters: Parameters::default(),
        assets,
    });
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

/// `CODE:DECIMALS:ISSUER[:DESCRIPTION]`.
fn asset(text: &str) -> Result<DraftAsset, Failure> {
    let mut parts = text.splitn(4, ':');
    let (Some(code), Some(decimals), Some(issuer)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Failure::usage(
            "expected CODE:DECIMALS:ISSUER or CODE:DECIMALS:ISSUER:DESCRIPTION",
        ));
    };
    Ok(DraftAsset {
        code: code.parse::<AssetCode>().map_err(Failure::usage)?,
        decimals: decimals
            .parse()
            .map_err(|_| Failure::usage(format!("`{decimals}` is not a number of decimals")))?,
        issuer: issuer.parse::<Address>().map_err(Failure::usage)?,
        description: parts.next().unwrap_or_default().to_owned(),
        balances: Vec::new(),
    })
}

/// `CODE:ADDRESS:AMOUNT`, of an asset that was given before.
fn balance(text: &str, assets: &mut [DraftAsset]) -> Result<(), Failure> {
    let parts: Vec<&str> = text.split(':').collect();
    let [code, address, amount] = parts.as_slice() else {
        return Err(Failure::usage("expected CODE:ADDRESS:AMOUNT"));
    };
    let code: AssetCode = code.parse().map_err(Failure::usage)?;
    let asset = assets
        .iter_mut()
        .find(|asset| asset.code == code)
        .ok_or_else(|| Failure::usage(format!("no --asset {code} is given")))?;
    asset.balances.push(DraftBalance {
        address: address.parse().map_err(Failure::usage)?,
        amount: parse_amount(amount, asset.decimals).map_err(Failure::usage)?,
    });
    Ok(())
}

fn join(args: &JoinArgs, output: &Output) -> Result<(), Failure> {
    let text = read_document(&args.draft)?;
    let draft = Draft::parse(&text).map_err(|error| refused(&args.draft, error))?;
    check_looks(&text, &draft).map_err(|error| refused(&args.draft, error))?;
    let home = args.home.as_ref().map(Home::new);
    let path = |given: &Option<PathBuf>, in_home: fn(&Home) -> PathBuf| {
        given
            .clone()
            .or_else(|| home.as_ref().map(in_home))
            .ok_or_else(|| Failure::usage("name the keys, or the --home that has them"))
    };
    let validator = args
        .passphrase
        .open(&path(&args.validator_key, Home::validator_key)?)?;
    let node = args.passphrase.open(&path(&args.node_key, Home::node_key)?)?;
    let member = args.passphrase.open(&args.member_key)?;
    let keys = JoinKeys {
        validator: &validator,
        node: &node,
        member: &member,
    };
    let join = Join::sign(&draft, &args.member, keys, args.addresses.clone()).map_err(Failure::usage)?;
    let file = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{}.join.toml", args.member)));
    write_new(&file, &join.to_toml())?;
    let body = join.body();
    let view = serde_json::json!({
        "file": file,
        "member": body.member,
        "draft": body.draft,
        "validator_key": body.validator_key,
        "node_key": body.node_key,
        "member_key": body.member_key,
        "addresses": body.addresses,
    });
    output.print(&view, |output| {
        let fields = output.fields(&[
            ("file", file.display().to_string()),
            ("member", body.member.clone()),
            ("draft", body.draft.to_string()),
            ("validator key", body.validator_key.to_string()),
            ("node key", body.node_key.to_string()),
            ("member key", body.member_key.to_string()),
        ]);
        let next = "Next: hand over this file and keep it: `quorate genesis verify --join FILE` finds whether the \
                    assembled document has it.";
        format!("{fields}{next}")
    })
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
    let validators: Vec<serde_json::Value> = genesis
        .iter()
        .flat_map(Genesis::validators)
        .map(|validator| {
            serde_json::json!({
                "name": validator.name,
                "validator_key": validator.validator_key,
                "node_key": validator.node_key,
                "member_key": validator.member_key,
                "addresses": validator.addresses,
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
        "assets": assets,
        "validators": validators,
    });
    output.print(&view, |output| show_text(&draft, genesis.as_ref(), output))
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
                    validator.validator_key.to_string(),
                    validator.addresses.join(" "),
                ]
            })
            .collect(),
        None => contents
            .members
            .iter()
            .map(|member| vec![member.clone(), "not joined yet".to_owned(), String::new()])
            .collect(),
    };
    text.push('\n');
    text.push_str(&output.table(&["VALIDATOR", "KEY", "ADDRESSES"], rows));
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
    text
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
