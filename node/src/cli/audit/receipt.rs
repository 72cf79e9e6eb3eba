//! `quorate audit receipt`: that a transaction is in the log, for tools that know nothing of Quorate
//! (`docs/checkpoints.md`, section 7).
//!
//! Two files: the receipt, and the entry that it is for. What the entry is and that it is in the certified log is proven
//! first, as by every other command of `quorate audit`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use quorate_checkpoint::{
    Checkpoint, InclusionFile, Note, SignedRoot, Signer, origin, signed_by, signers_of,
};
use quorate_client::{Client, ClientError, ProofOf};
use quorate_crypto::merkle::InclusionProof;
use quorate_crypto::{Digest, Epoch, PublicKey};
use quorate_ledger::encode;
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::output::{Output, printable};
use quorate_verifier::{Anchor, ProofBody, Verifier};
use serde::Serialize;

use super::anchor::{self, AnchorArgs, refused};
use super::answer::Answer;
use super::ask::{self, NodesArgs};
use super::files;

/// A root is signed up to two seconds after its block: how often it is asked for, and how long lies between.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(250);

/// Letters of a transaction's id in the files' names.
const NAMED: usize = 8;

/// What a file with an entry is called, after the receipt's name.
const ENTRY: &str = ".entry";

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate audit receipt 3f5a… --genesis genesis.toml
  quorate audit receipt 3f5a… --genesis genesis.toml --form tlog-proof

Beside the receipt stands the entry of the log in FILE.entry, whose hash other tools start from. The
receipt is signed by one validator: ask for a quorum's proof with quorate audit transaction.")]
pub(crate) struct ReceiptArgs {
    /// The transaction's id
    #[arg(value_name = "ID", value_parser = crate::cli::digest)]
    id: Digest,
    /// The receipt's form
    #[arg(long, value_enum, default_value = "cose", value_name = "cose|tlog-proof")]
    #[arg(hide_possible_values = true)]
    form: Form,
    /// Write the receipt here; it is not overwritten [default: a name in this folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    anchor: AnchorArgs,
    #[command(flatten)]
    nodes: NodesArgs,
}

/// The form of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// RFC 9942.
    Cose,
    /// C2SP's tlog-proof.
    TlogProof,
}

/// A receipt that was written.
#[derive(Serialize)]
struct View<'a> {
    receipt: &'a Path,
    entry: &'a Path,
    /// The entry's place in the log, from 0.
    index: u64,
    size: u64,
    root: Digest,
}

/// An entry that a quorum sealed, and who may have signed the log's root.
struct Proven {
    network: Digest,
    entry: Vec<u8>,
    proof: InclusionProof,
    root: Digest,
    signers: Vec<Signer>,
}

/// Carries out the command.
pub(super) async fn receipt(args: &ReceiptArgs, output: &Output) -> Result<(), Failure> {
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| default_name(&args.id, args.form));
    let mut entry = out.clone().into_os_string();
    entry.push(ENTRY);
    let entry = PathBuf::from(entry);
    files::refuse_existing(&out)?;
    files::refuse_existing(&entry)?;
    let anchor = args.anchor.read()?;
    if anchor::is_empty(&anchor) {
        let failure = Failure::usage("there is nothing to check the node's answer against");
        return Err(failure.hint("name the genesis document with --genesis, or a block with --trusted"));
    }
    let client = args.nodes.client()?;
    let proven = prove(&client, &anchor, args.id).await?;
    let bytes = match args.form {
        Form::Cose => cose(&client, &proven).await?,
        Form::TlogProof => tlog_proof(&client, &proven).await?,
    };
    files::write_new_bytes(&entry, &proven.entry)?;
    files::write_new_bytes(&out, &bytes)?;
    let view = View {
        receipt: &out,
        entry: &entry,
        index: proven.proof.index,
        size: proven.proof.length,
        root: proven.root,
    };
    output.print(&view, |output| {
        output.fields(&[
            ("entry", view.index.to_string()),
            ("of a log of", format!("{} entries", view.size)),
            ("with the root", view.root.to_string()),
            ("receipt", printable(&out.display().to_string())),
            ("entry in", printable(&entry.display().to_string())),
        ])
    })
}

fn default_name(id: &Digest, form: Form) -> PathBuf {
    let id = id.to_string();
    let ending = match form {
        Form::Cose => "cose",
        Form::TlogProof => "tlog-proof",
    };
    PathBuf::from(format!("receipt-{}.{ending}", &id[..NAMED]))
}

/// The transaction's entry under a block that a quorum sealed.
async fn prove(client: &Client, anchor: &Anchor, id: Digest) -> Result<Proven, Failure> {
    let question = ProofOf::Transaction(id);
    let text = ask::ask(client, &question, anchor).await?;
    let answer = Answer::check(anchor, &question, text)?;
    let mut verifier = Verifier::new(anchor.clone());
    let checked = verifier.check_file(answer.text.as_bytes());
    checked.map_err(|refusal| refused(&refusal))?;
    let proof = answer.file.proof.v1();
    let ProofBody::Transaction {
        head,
        ordinal,
        entry,
        path,
        ..
    } = &proof.body
    else {
        return Err(Failure::failed("the node's answer is no proof of a transaction"));
    };
    let header = head.v1();
    // What was signed after an epoch's end may be signed by those who came next.
    let epochs = [header.epoch, Epoch(header.epoch.0.saturating_add(1))];
    let known = epochs.iter().filter_map(|epoch| verifier.epoch(*epoch));
    Ok(Proven {
        network: proof.network,
        entry: encode(entry),
        proof: InclusionProof {
            index: *ordinal,
            length: header.log_size,
            path: path.clone(),
        },
        root: header.log_root,
        signers: known
            .flat_map(|known| signers_of(&proof.network, &known.committee))
            .collect(),
    })
}

async fn cose(client: &Client, proven: &Proven) -> Result<Vec<u8>, Failure> {
    let size = proven.proof.length;
    let signed = wait(size, || client.signed_root(Some(size))).await?;
    let keys: Vec<PublicKey> = proven.signers.iter().map(|signer| *signer.log.key()).collect();
    let signed = SignedRoot::read(&proven.network, &keys, &proven.root, &signed).map_err(unsigned)?;
    signed.receipt(&proven.proof).ok_or_else(|| {
        let failure = Failure::new(
            Exit::CheckFailed,
            "the log has one entry, for which there are no receipts in COSE",
        );
        failure.hint("take --form tlog-proof, or ask once the log has more")
    })
}

async fn tlog_proof(client: &Client, proven: &Proven) -> Result<Vec<u8>, Failure> {
    let size = proven.proof.length;
    let note = wait(size, || client.checkpoint(Some(size))).await?;
    let note = Note::parse(&note).map_err(unsigned)?;
    let expected = Checkpoint::new(origin(&proven.network), size, proven.root);
    let signed = signed_by(&note, &proven.signers).map_err(unsigned)?;
    if note.text() != expected.to_string() || signed.is_empty() {
        return Err(unsigned("it is another one, or no validator has signed it"));
    }
    let file = InclusionFile {
        index: proven.proof.index,
        path: proven.proof.path.clone(),
        note,
    };
    file.check(&proven.entry).map_err(unsigned)?;
    Ok(file.to_string().into_bytes())
}

/// What a node's validator signed of a size, once it has.
async fn wait<T, F>(size: u64, mut asked: impl FnMut() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<Option<T>, ClientError>>,
{
    for _ in 0..TRIES {
        if let Some(signed) = asked().await? {
            return Ok(signed);
        }
        tokio::time::sleep(PAUSE).await;
    }
    let failure = Failure::not_found(format!("the node shows no checkpoint of size {size}"));
    Err(failure.hint("ask the node of a validator that votes, with --node"))
}

fn unsigned(reason: impl std::fmt::Display) -> Failure {
    Failure::new(
        Exit::CheckFailed,
        format!("the node's checkpoint is false: {reason}"),
    )
}
