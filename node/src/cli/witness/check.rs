//! `quorate witness check`.

use std::path::PathBuf;

use clap::Args;
use quorate_checkpoint::{
    Contradiction, Inconsistent, InconsistentError, MAX_INCONSISTENT_BYTES, Signer, origin, signers_of,
};
use quorate_crypto::{Digest, Epoch, SeatNumber};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::file::read_bytes;
use quorate_tools::genesis::read_genesis;
use quorate_tools::output::Output;
use quorate_verifier::{Anchor, MAX_FILE_BYTES, Verifier};
use serde::Serialize;

use crate::cli::audit::anchor::refused;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate witness check inconsistent-17.notes --genesis genesis.toml
  quorate witness check inconsistent-17.notes --genesis genesis.toml --committees committees.proof

The exit code is 0 if the file shows what it says, and 7 if it shows nothing. Evidence of two
certificates is a proof: quorate audit verify checks it.")]
pub(crate) struct CheckArgs {
    /// The evidence: a file with two notes
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The genesis document of the network
    #[arg(long, value_name = "FILE", env = "QUORATE_GENESIS")]
    genesis: PathBuf,
    /// A proof of later committees, as quorate audit committees writes it
    #[arg(long, value_name = "FILE")]
    committees: Option<PathBuf>,
}

/// What the notes show.
#[derive(Serialize)]
struct View {
    notes: Vec<NoteView>,
    /// Seats of those who signed both.
    signed_both: Vec<u32>,
}

#[derive(Serialize)]
struct NoteView {
    size: u64,
    root: Digest,
    /// Seats of those who signed it.
    signed_by: Vec<u32>,
}

/// Carries out the command.
pub(super) fn check(args: &CheckArgs, output: &Output) -> Result<(), Failure> {
    let genesis = read_genesis(&args.genesis)?;
    let network = genesis.id();
    let mut verifier = Verifier::new(Anchor {
        genesis: Some(genesis),
        pin: None,
    });
    if let Some(path) = &args.committees {
        let file = read_bytes(path, MAX_FILE_BYTES as u64)?;
        let verdicts = verifier.check_file(&file);
        verdicts.map_err(|refusal| refused(&refusal).while_doing(path.display()))?;
    }
    let bytes = read_bytes(&args.file, MAX_INCONSISTENT_BYTES as u64)?;
    let failed =
        |exit: Exit, error: InconsistentError| Failure::new(exit, error).while_doing(args.file.display());
    let evidence = Inconsistent::parse(&bytes).map_err(|error| failed(Exit::Usage, error))?;
    let shown = evidence.check(&origin(&network), &signers(&network, &verifier));
    let shown = shown.map_err(|error| match error {
        InconsistentError::Unsigned => failed(Exit::CheckFailed, error)
            .hint("name a proof of the committees that signed them with --committees"),
        error => failed(Exit::CheckFailed, error),
    })?;
    let view = View::of(&shown);
    output.print(&view, |output| view.text(output))
}

/// The signers of all committees that are known, from the first on.
fn signers(network: &Digest, verifier: &Verifier) -> Vec<Signer> {
    let known = (0..).map_while(|number| verifier.epoch(Epoch(number)));
    known
        .flat_map(|known| signers_of(network, &known.committee))
        .collect()
}

impl View {
    fn of(shown: &Contradiction) -> Self {
        let numbers = |seats: &[SeatNumber]| seats.iter().map(|seat| seat.0).collect();
        let notes = shown.checkpoints.iter().zip(&shown.signed_by);
        let notes = notes.map(|(checkpoint, seats)| NoteView {
            size: checkpoint.size(),
            root: checkpoint.root(),
            signed_by: numbers(seats),
        });
        Self {
            notes: notes.collect(),
            signed_both: numbers(&shown.signed_both),
        }
    }

    fn text(&self, output: &Output) -> String {
        let mut text = "no log has both of these:\n".to_owned();
        for note in &self.notes {
            let fields = [
                ("size", note.size.to_string()),
                ("root", note.root.to_string()),
                ("signed by seats", list(&note.signed_by)),
            ];
            text.push_str(&output.fields(&fields));
        }
        text.push_str(&output.fields(&[("seats that signed both", list(&self.signed_both))]));
        text
    }
}

fn list(seats: &[u32]) -> String {
    let seats: Vec<String> = seats.iter().map(u32::to_string).collect();
    match seats.is_empty() {
        true => "none".to_owned(),
        false => seats.join(", "),
    }
}
