//! `quorate wallet notarize`: the hashes of files onto the ledger. The files themselves stay where they are.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use quorate_client::wallet::TransactionBuilder;
use quorate_ledger::limits::{MAX_LABEL_BYTES, MAX_OPERATIONS};
use quorate_ledger::{Digest, Keep};
use quorate_tools::failure::Failure;
use quorate_tools::output::Output;
use quorate_tools::wallet::NodeArgs;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::KeyArgs;
use super::send::{SendArgs, check_text};

/// The most files of one command: they go into one transaction, all or none.
const MAX_FILES: usize = MAX_OPERATIONS;

/// Bytes read at a time.
const CHUNK: usize = 1 << 16;

#[derive(Args, Debug)]
#[command(after_help = "Example:
  quorate wallet notarize contract.pdf annex.pdf --key alice.key --label 'contract 17'
  quorate wallet notarize title.pdf --key registry.key --keep unique
  quorate query record --file contract.pdf

A record in the log proves that the account put it at a time. One of its own the account puts
once for each file, and proofs show too that it has not; a hold's condition can name it. A
unique one claims the file: nobody else can put it any more.")]
pub(crate) struct NotarizeArgs {
    /// The files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// A note that everybody can read until it is erased [default: the file's name]
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Where the record is kept
    #[arg(long, value_enum, default_value = "log")]
    keep: KeepArg,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    send: SendArgs,
}

/// Where a record is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum KeepArg {
    /// In the log alone
    Log,
    /// As the account's own, once for each file
    Own,
    /// As the only one of the file
    Unique,
}

impl From<KeepArg> for Keep {
    fn from(keep: KeepArg) -> Self {
        match keep {
            KeepArg::Log => Self::Log,
            KeepArg::Own => Self::Own,
            KeepArg::Unique => Self::Unique,
        }
    }
}

#[derive(Serialize)]
struct RecordedFile {
    file: PathBuf,
    sha256: Digest,
    label: String,
}

/// The SHA-256 of a file, whatever its size.
pub(crate) fn hash_file(path: &Path) -> Result<Digest, Failure> {
    let mut file = File::open(path).map_err(|error| Failure::io(path, &error))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        match file
            .read(&mut buffer)
            .map_err(|error| Failure::io(path, &error))?
        {
            0 => return Ok(Digest(hasher.finalize().into())),
            length => hasher.update(&buffer[..length]),
        }
    }
}

/// Records files.
pub(crate) async fn notarize(args: &NotarizeArgs, output: &Output) -> Result<(), Failure> {
    if args.files.len() > MAX_FILES {
        return Err(Failure::usage(format!(
            "{} files, at most {MAX_FILES} at a time",
            args.files.len()
        )));
    }
    let mut files = Vec::new();
    for path in &args.files {
        let label = match &args.label {
            Some(label) => label.clone(),
            None => path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
        };
        check_text("label", &label, MAX_LABEL_BYTES).map_err(|failure| {
            failure
                .while_doing(path.display())
                .hint("give another one with --label")
        })?;
        files.push(RecordedFile {
            file: path.clone(),
            sha256: hash_file(path)?,
            label,
        });
    }
    let keep = Keep::from(args.keep);
    let records = |builder: TransactionBuilder| {
        files.iter().fold(builder, |builder, file| {
            builder.record(file.sha256, keep, file.label.clone(), Vec::new())
        })
    };
    let key = args.key.open()?;
    let ledger = args.node.connect().await?;
    let outcome = args.send.deliver(&key, &ledger, records).await?;
    #[derive(Serialize)]
    struct View<'a> {
        #[serde(flatten)]
        outcome: &'a quorate_tools::wallet::Fate,
        records: &'a [RecordedFile],
    }
    output.print(
        &View {
            outcome: &outcome,
            records: &files,
        },
        |output| {
            let rows = files
                .iter()
                .map(|file| vec![file.sha256.to_string(), file.file.display().to_string()]);
            let table = output.table(&["SHA-256", "FILE"], rows.collect());
            format!("{}\n{table}", output.fields(&outcome.fields(output)))
        },
    )?;
    outcome.verdict(args.send.wait().is_some())
}
