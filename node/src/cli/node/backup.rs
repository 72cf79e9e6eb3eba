//! `quorate node backup`: a copy of a home from which it can be restored.

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::HumanBytes;
use quorate_client::text::rfc3339_of;
use quorate_crypto::{Digest, Height, PublicKey};
use quorate_runtime::NodeError;
use quorate_runtime::backup::{BackupError, BackupPlan, KeyState, Manifest, back_up};
use quorate_runtime::config::Home;
use quorate_tools::clock::now;
use quorate_tools::failure::Failure;
use quorate_tools::output::{Output, Tone};
use quorate_tools::passphrase::ReadersArgs;
use serde::Serialize;

use super::exit_of;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  quorate node backup --home ./home --out /mnt/backups/monday
  quorate node backup --home ./home --out /mnt/backups/keys --without-chain   # a node may run

In it: configuration, genesis document, evidence, the chain, and the three keys, encrypted only
if they are in the home. Not in it: the journal, on purpose, and the member key. A validator that
is restored from a backup could contradict what it has signed since: it follows the chain and
votes again only after `quorate node rejoin`.

Keep the digest elsewhere: `quorate node restore --digest` tells an altered backup by it.")]
pub(crate) struct BackupArgs {
    /// The home; no node may run on it, unless the chain is left out
    #[arg(long, value_name = "HOME", env = "QUORATE_HOME")]
    home: PathBuf,
    /// The folder to make; it must not exist, and the one around it must
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Leave out the chain, which the other validators have
    #[arg(long)]
    without_chain: bool,
    /// Leave out validator.key, node.key and witness.key
    #[arg(long)]
    without_keys: bool,
    #[command(flatten)]
    readers: ReadersArgs,
}

/// What a backup is, for people and in JSON.
#[derive(Serialize)]
pub(super) struct BackupView {
    digest: Digest,
    made: String,
    network: Option<Digest>,
    validator: Option<String>,
    validator_key: Option<PublicKey>,
    height: Option<Height>,
    block_hash: Option<Digest>,
    state_root: Option<Digest>,
    keys: KeyState,
    files: usize,
    bytes: u64,
}

impl BackupView {
    pub(super) fn of(manifest: &Manifest, digest: Digest) -> Self {
        Self {
            digest,
            made: rfc3339_of(manifest.made),
            network: manifest.network,
            validator: manifest.validator.clone(),
            validator_key: manifest.validator_key,
            height: manifest.chain.map(|tip| tip.height),
            block_hash: manifest.chain.map(|tip| tip.block_hash),
            state_root: manifest.chain.map(|tip| tip.state_root),
            keys: manifest.keys,
            files: manifest.files.len(),
            bytes: manifest.bytes(),
        }
    }

    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        fn shown<T: ToString>(value: Option<T>, otherwise: &str) -> String {
            value.map_or_else(|| otherwise.to_owned(), |value| value.to_string())
        }
        let keys = match self.keys {
            KeyState::Encrypted => "in it, encrypted",
            KeyState::Plain => "in it, NOT encrypted: whoever reads the backup can sign with them",
            KeyState::Absent => "not in it",
        };
        vec![
            ("made", self.made.clone()),
            ("network", shown(self.network, "none yet")),
            ("validator", shown(self.validator.as_ref(), "-")),
            ("validator key", shown(self.validator_key, "-")),
            ("height", shown(self.height, "no chain is in it")),
            ("block hash", shown(self.block_hash, "-")),
            ("state root", shown(self.state_root, "-")),
            ("keys", keys.to_owned()),
            ("files", format!("{}, {}", self.files, HumanBytes(self.bytes))),
            ("digest", self.digest.to_string()),
        ]
    }
}

/// Carries out the command.
pub(crate) fn run(args: &BackupArgs, output: &Output) -> Result<(), Failure> {
    let home = Home::new(&args.home);
    let plan = BackupPlan {
        home: &home,
        out: &args.out,
        with_keys: !args.without_keys,
        with_chain: !args.without_chain,
        groups: &args.readers.groups()?,
        now: now()?,
    };
    let made = while_watched(output, "checking the home", "copying", |progress| {
        back_up(&plan, progress)
    })?;
    #[derive(Serialize)]
    struct View {
        backup: PathBuf,
        #[serde(flatten)]
        content: BackupView,
        left_out: Vec<String>,
        warnings: Vec<String>,
    }
    let view = View {
        content: BackupView::of(&made.manifest, made.digest),
        left_out: made.left_out,
        warnings: made.spare.and_then(warning).into_iter().collect(),
        backup: made.backup,
    };
    output.print(&view, |output| {
        let mut fields = vec![("backup", view.backup.display().to_string())];
        fields.extend(view.content.fields());
        if !view.left_out.is_empty() {
            fields.push(("left out", view.left_out.join(", ")));
        }
        let mut text = output.fields(&fields);
        for warning in &view.warnings {
            text.push_str(&output.paint(Tone::Warning, &format!("Warning: {warning}.\n")));
        }
        text.push_str(
            "A validator that is restored from this does not vote until its member runs `quorate node rejoin`.\n",
        );
        text.push_str(&format!(
            "Check it where it is kept: quorate node restore {} --check --digest {}",
            view.backup.display(),
            view.content.digest
        ));
        text
    })
}

/// What the member has to know before a restored validator goes without a vote.
pub(super) fn warning(spare: usize) -> Option<String> {
    match spare {
        0 => Some(
            "in a network of this size every validator has to vote: once this one is restored from a backup, nothing is \
             committed any more, and no rejoin either"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Does what takes long: what is looked at first, then what is copied or read, which the progress bar tells.
pub(super) fn while_watched<T>(
    output: &Output,
    first: &str,
    then: &'static str,
    work: impl FnOnce(&mut dyn FnMut(u64, u64)) -> Result<T, BackupError>,
) -> Result<T, Failure> {
    let spinner = output.spinner(first);
    let bar = output.progress(0, "bytes");
    let mut progress = |done, total| {
        if !spinner.is_finished() {
            spinner.finish_and_clear();
            bar.set_message(then);
        }
        bar.set_length(total);
        bar.set_position(done);
    };
    let done = work(&mut progress);
    spinner.finish_and_clear();
    bar.finish_and_clear();
    done.map_err(|error| refused(&error))
}

/// Why there is no backup or no restored home, and what to do about it.
fn refused(error: &BackupError) -> Failure {
    let failure = Failure::new(exit_of(error.exit_code()), error);
    match error {
        BackupError::NotAHome { home } => failure.hint(init(home)),
        BackupError::Node(NodeError::Home(quorate_runtime::HomeError::InUse { .. })) => failure.hint(
            "stop the node, make the backup, start it again; or leave out the chain, and it may run \
             (--without-chain)",
        ),
        BackupError::Damaged { .. } | BackupError::OtherDigest { .. } => failure
            .hint("nothing was restored; take another backup, or fetch this one again from where it is kept"),
        BackupError::InProgress { .. } => failure.hint("wait until it has ended"),
        BackupError::NoFolder { folder, .. } => failure.hint(format!(
            "nothing was copied; mount the disk that it is on, or make it: mkdir -p {}",
            folder.display()
        )),
        BackupError::LittleRoom { .. } => {
            failure.hint("nothing was copied; make room, or choose another disk")
        }
        _ => failure,
    }
}

fn init(home: &Path) -> String {
    format!("quorate node init --home {} makes one", home.display())
}
