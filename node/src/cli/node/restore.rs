//! `quorate node restore`: makes a home of a backup, or checks a backup.

use std::path::PathBuf;

use clap::Args;
use quorate_crypto::Digest;
use quorate_runtime::backup::{KeyState, RestorePlan, restore, verify};
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, Tone};
use serde::Serialize;

use super::backup::{BackupView, warning, while_watched};

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate node restore /mnt/backups/monday --home ./home --digest 5f0c…
  quorate node restore /mnt/backups/monday --check       # reads all of it, writes nothing

Every file is compared with the backup's manifest; a backup that is damaged, or has a file too
many or too few, is refused (exit code 7). Without --digest, whoever altered the manifest too
is not found out.

A restored validator may have signed, after the backup, what it no longer remembers. So it
follows the chain and does not vote, until its member runs `quorate node rejoin`. Never run it
while the original runs, and never restore more validators at once than may fail.")]
pub(crate) struct RestoreArgs {
    /// The backup: the folder that `quorate node backup` made
    #[arg(value_name = "BACKUP")]
    backup: PathBuf,
    /// The home to make; it must not exist
    #[arg(
        long,
        value_name = "HOME",
        env = "QUORATE_HOME",
        required_unless_present = "check"
    )]
    home: Option<PathBuf>,
    /// The digest that the backup had when it was made
    #[arg(long, value_name = "DIGEST", value_parser = super::super::digest)]
    digest: Option<Digest>,
    /// Compare the backup with its manifest, and restore nothing
    #[arg(long)]
    check: bool,
}

/// Carries out the command.
pub(crate) fn run(args: &RestoreArgs, output: &Output) -> Result<(), Failure> {
    match &args.home {
        Some(home) if !args.check => restore_to(home.clone(), args, output),
        _ => check(args, output),
    }
}

fn check(args: &RestoreArgs, output: &Output) -> Result<(), Failure> {
    let (manifest, digest) = while_watched(output, "reading the manifest", "checking", |progress| {
        verify(&args.backup, args.digest, progress)
    })?;
    #[derive(Serialize)]
    struct View<'a> {
        backup: &'a PathBuf,
        #[serde(flatten)]
        content: BackupView,
    }
    let view = View {
        backup: &args.backup,
        content: BackupView::of(&manifest, digest),
    };
    output.print(&view, |output| {
        let mut fields = vec![("backup", view.backup.display().to_string())];
        fields.extend(view.content.fields());
        let good = match args.digest {
            Some(_) => "The backup is whole, and the one that has this digest.",
            None => {
                "The backup is whole: it fits its manifest. That nobody altered both, only --digest tells."
            }
        };
        format!("{}{}", output.fields(&fields), output.paint(Tone::Good, good))
    })
}

fn restore_to(home: PathBuf, args: &RestoreArgs, output: &Output) -> Result<(), Failure> {
    let plan = RestorePlan {
        backup: &args.backup,
        home: &home,
        digest: args.digest,
    };
    let restored = while_watched(output, "reading the manifest", "restoring", |progress| {
        restore(&plan, progress)
    })?;
    #[derive(Serialize)]
    struct View<'a> {
        home: PathBuf,
        backup: &'a PathBuf,
        #[serde(flatten)]
        content: BackupView,
        votes: bool,
        warnings: Vec<String>,
    }
    let has_keys = restored.manifest.keys != KeyState::Absent;
    let view = View {
        content: BackupView::of(&restored.manifest, restored.digest),
        home: restored.home,
        backup: &args.backup,
        votes: false,
        warnings: restored.spare.and_then(warning).into_iter().collect(),
    };
    output.print(&view, |output| {
        let mut fields = vec![
            ("home", view.home.display().to_string()),
            ("backup", view.backup.display().to_string()),
        ];
        fields.extend(view.content.fields());
        let mut text = output.fields(&fields);
        for warning in &view.warnings {
            text.push_str(&output.paint(Tone::Warning, &format!("Warning: {warning}.\n")));
        }
        let home = view.home.display();
        text.push_str(
            "This validator follows the chain and does not vote: it may have signed what it no longer remembers.\n\
             Make sure that no other process uses its keys.\n",
        );
        let mut next = vec![format!("quorate node run --home {home}")];
        if !has_keys {
            let init = format!(
                "quorate node init --home {home} --validator-key FILE --node-key FILE --witness-key FILE"
            );
            next.insert(0, init);
        }
        next.push(format!(
            "quorate node rejoin --home {home} --key member.key --node URL   (once it has caught up)"
        ));
        text.push_str(&format!("Next: {}", next.join("\n      ")));
        text
    })
}
