//! `quorate audit`: proofs of what the ledger says, as files that anybody can check who has the genesis document
//! (`docs/formats.md`, section 17); and whole chains, checked by executing them again (section 30) or written as tables
//! (`docs/tables.md`).

pub(crate) mod anchor;
pub(crate) mod answer;
pub(crate) mod ask;
mod blocks;
mod chain;
mod compare;
mod export;
pub(crate) mod files;
mod merge;
pub(crate) mod offline;
pub(crate) mod pinned;
mod policy;
pub(crate) mod question;
mod receipt;
pub(crate) mod report;
mod tables;
mod verify;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use quorate_client::ProofOf;
use quorate_ledger::{Address, AssetCode, Digest, Height, Timestamp};
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, printable, say};
use quorate_verifier::{Proof, ProofBody, Shown, ShownTexts, Verdict};
use serde::Serialize;

use self::anchor::AnchorArgs;
use self::answer::Answer;
use self::ask::NodesArgs;
use self::offline::OfflineArgs;
use super::wallet::notarize::hash_file;

#[derive(Subcommand, Debug)]
#[command(after_help = "Examples:
  quorate audit transaction 3f5a… --genesis genesis.toml
  quorate audit statement qr1… --from 2026-01-01 --to 2027-01-01 --genesis genesis.toml
  quorate audit verify *.proof --genesis genesis.toml
  quorate audit chain --node URL --genesis genesis.toml")]
pub(crate) enum AuditCommand {
    /// Prove that a transaction was executed, where and with what outcome
    Transaction(TransactionArgs),
    /// Prove which texts of a transaction were erased, by whom and when, or that none was
    Erasure(ErasureArgs),
    /// Prove what an account is, has and holds, or that there is nothing
    Account(AccountArgs),
    /// Prove all that happened to an account in a time, with its balances before and after
    Statement(StatementArgs),
    /// Prove what an asset is, or that there is none
    Asset(AssetArgs),
    /// Prove who claims a document, or that nobody does
    Record(RecordArgs),
    /// Prove who the validators were from the genesis document on
    Committees(CommitteesArgs),
    /// Write that a transaction is in the log in a form that other tools check
    Receipt(receipt::ReceiptArgs),
    /// Write which signatures under a checkpoint are enough, for other tools
    Policy(policy::PolicyArgs),
    /// Check proofs, statements, transactions that travel and tables, without any node
    Verify(verify::VerifyArgs),
    /// Check every block of a chain, or of a part of it, by executing it again
    Chain(chain::ChainArgs),
    /// Put the results of parts together
    Merge(merge::MergeArgs),
    /// Write blocks, or a state, into one file that can be checked without any node
    Export(export::ExportArgs),
    /// Find the first block, and what in it, at which two chains part
    Compare(compare::CompareArgs),
    /// Write the chain as tables, for DuckDB, Spark and the like, or go on with them
    Tables(tables::TablesArgs),
}

/// Where a proof comes from, what it is checked against, and where it goes.
#[derive(Args, Clone, Debug)]
pub(crate) struct ProveArgs {
    /// Write the proof here; it is not overwritten [default: a name in this folder that says what it proves]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    offline: OfflineArgs,
    #[command(flatten)]
    anchor: AnchorArgs,
    #[command(flatten)]
    nodes: NodesArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate audit transaction 3f5a… --genesis genesis.toml

The proof shows the transaction, its signatures, and what there is of its texts. Of a text that it
does not show, quorate audit erasure proves whether it was erased.")]
pub(crate) struct TransactionArgs {
    /// The transaction's id
    #[arg(value_name = "ID", value_parser = super::digest)]
    id: Digest,
    #[command(flatten)]
    prove: ProveArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate audit erasure 3f5a… --genesis genesis.toml")]
pub(crate) struct ErasureArgs {
    /// The id of the transaction whose texts they are
    #[arg(value_name = "ID", value_parser = super::digest)]
    id: Digest,
    #[command(flatten)]
    prove: ProveArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate audit account qr1… --genesis genesis.toml")]
pub(crate) struct AccountArgs {
    /// The account's address
    #[arg(value_name = "ADDRESS")]
    address: Address,
    #[command(flatten)]
    prove: ProveArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate audit statement qr1… --from 2026-01-01 --to 2026-02-01 --genesis genesis.toml

A day is one of UTC and stands for its first moment; instead, a time can be given in RFC 3339.
--to is not part of the statement, so this one is of January. To print or to book one: quorate
wallet statement.")]
pub(crate) struct StatementArgs {
    /// The account's address
    #[arg(value_name = "ADDRESS")]
    address: Address,
    /// From this time on
    #[arg(long, value_name = "DATE", value_parser = question::moment)]
    from: Timestamp,
    /// To before this time
    #[arg(long, value_name = "DATE", value_parser = question::moment)]
    to: Timestamp,
    #[command(flatten)]
    prove: ProveArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate audit asset QRT --genesis genesis.toml")]
pub(crate) struct AssetArgs {
    /// The asset's code
    #[arg(value_name = "CODE")]
    code: AssetCode,
    #[command(flatten)]
    prove: ProveArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate audit record contract.pdf --genesis genesis.toml
  quorate audit record 9f86d0… --by qr1… --genesis genesis.toml

Records that are kept in the log alone are proven by their transactions: quorate audit transaction.")]
pub(crate) struct RecordArgs {
    /// The document, or its SHA-256
    #[arg(value_name = "SHA256|FILE")]
    document: PathBuf,
    /// Prove also whether this account has a record of its own
    #[arg(long, value_name = "ADDRESS")]
    by: Option<Address>,
    #[command(flatten)]
    prove: ProveArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate audit committees --genesis genesis.toml")]
pub(crate) struct CommitteesArgs {
    /// Up to those who sealed this block [default: up to the present ones]
    #[arg(long, value_name = "HEIGHT")]
    to: Option<u64>,
    #[command(flatten)]
    prove: ProveArgs,
}

/// Carries out a command of this group.
pub(crate) async fn run(command: AuditCommand, output: &Output) -> Result<(), Failure> {
    let (question, args) = match command {
        AuditCommand::Verify(args) => return verify::verify(&args, output),
        AuditCommand::Chain(args) => return chain::run(args, output).await,
        AuditCommand::Merge(args) => return merge::run(&args, output),
        AuditCommand::Export(args) => return export::run(args, output).await,
        AuditCommand::Compare(args) => return compare::run(args, output).await,
        AuditCommand::Receipt(args) => return receipt::receipt(&args, output).await,
        AuditCommand::Policy(args) => return policy::policy(&args, output).await,
        AuditCommand::Tables(args) => return tables::run(args, output).await,
        AuditCommand::Transaction(args) => (ProofOf::Transaction(args.id), args.prove),
        AuditCommand::Erasure(args) => (ProofOf::Erasure(args.id), args.prove),
        AuditCommand::Account(args) => (ProofOf::Account(args.address), args.prove),
        AuditCommand::Statement(args) => {
            let question = question::statement(args.address, args.from, args.to)?;
            (question, args.prove)
        }
        AuditCommand::Asset(args) => (ProofOf::Asset(args.code), args.prove),
        AuditCommand::Record(args) => {
            let sha256 = digest_of(&args.document)?;
            (ProofOf::Record { sha256, by: args.by }, args.prove)
        }
        AuditCommand::Committees(args) => {
            let to = args.to.map(Height);
            (ProofOf::Committees { to }, args.prove)
        }
    };
    prove(&question, &args, output).await
}

/// What is in a file, by its hash, or the hash itself.
fn digest_of(document: &Path) -> Result<Digest, Failure> {
    match document.to_str().map(super::digest) {
        Some(Ok(digest)) => Ok(digest),
        _ => hash_file(document),
    }
}

/// Whether a proof of a transaction shows less than all of its texts.
fn withholds(proof: &Proof) -> bool {
    let ProofBody::Transaction {
        shown: Shown::Transaction { transaction, texts },
        ..
    } = &proof.v1().body
    else {
        return false;
    };
    match texts {
        ShownTexts::All(items) => items.iter().any(|item| item.shown().is_none()),
        ShownTexts::Nothing | ShownTexts::Alone { .. } => !transaction.intent().places().is_empty(),
    }
}

/// A proof that was written.
#[derive(Serialize)]
struct View<'a> {
    file: &'a Path,
    kind: &'static str,
    about: String,
    /// Whether it was checked.
    verified: bool,
    verdict: Option<&'a Verdict>,
    /// The verdict on the committees that are proven behind it.
    committees: Option<&'a Verdict>,
}

async fn prove(question: &ProofOf, args: &ProveArgs, output: &Output) -> Result<(), Failure> {
    args.offline.refuse_nodes(&args.nodes)?;
    let default = || PathBuf::from(question::file_name(question));
    let out = args.out.clone().unwrap_or_else(default);
    files::refuse_existing(&out)?;
    let anchor = args.anchor.read()?;
    let text = match args.offline.prove(question, &anchor, output).await? {
        Some(text) => text,
        None => ask::ask(&args.nodes.client()?, question, &anchor).await?,
    };
    let decimals = anchor::decimals_of(&anchor);
    let answer = Answer::check(&anchor, question, text)?;
    files::write_new(&out, &answer.text)?;
    if answer.verdict().is_none() {
        say(format!(
            "note: nothing is proven yet, as no genesis document was given: quorate audit verify {} --genesis FILE",
            out.display()
        ));
    }
    if let ProofOf::Transaction(id) = question
        && withholds(&answer.file.proof)
    {
        say(format!(
            "note: not all texts are shown: which of them were erased, by whom and when, is proven by quorate audit \
             erasure {id}"
        ));
    }
    let view = View {
        file: &out,
        kind: answer.file.proof.kind().name(),
        about: answer.file.proof.question(),
        verified: answer.verdict().is_some(),
        verdict: answer.verdict(),
        committees: answer.verdicts.get(1),
    };
    output.print(&view, |output| {
        let mut text = String::new();
        for verdict in &answer.verdicts {
            text.push_str(&report::shown(verdict, &answer.text, &decimals, output));
        }
        text.push_str(&format!("written to {}\n", printable(&out.display().to_string())));
        text
    })
}
