//! Proofs without a node: from the chain in a home on which none runs, or from a bundle.
//!
//! A bundle's blocks are checked as `audit chain` checks them, and written into a chain among the temporary files, as a
//! node writes what it fetches; the rest is the same.
//!
//! The chain is opened as a start of the node opens it: its tip has a block and a certificate. Nothing is proven from a
//! stored state that does not have the tip's root. Opening changes nothing that the chain says. What is shown is
//! what a node shows to whoever asks it (`quorate-runtime`).

use std::path::{Path, PathBuf};

use clap::Args;
use quorate_audit::{Auditor, BlockSource as _, CertifiedState, Depth, Finding};
use quorate_client::ProofOf;
use quorate_crypto::{Epoch, Height};
use quorate_genesis::Genesis;
use quorate_ledger::Tip;
use quorate_prover::{
    ProveError, Source, StatementRequest, TrustedStart, prove_committees, prove_state, prove_statement,
    prove_whole_transaction,
};
use quorate_runtime::Home;
use quorate_storage::{Chain, HomeError, HomeLock, ProofSource, StorageError, StorageOptions};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::genesis::read_genesis;
use quorate_tools::output::Output;
use quorate_tools::scratch::Scratch;
use quorate_verifier::{Anchor, Pin, ProofFile};
use rustix::fs::Mode;

use super::ask::NodesArgs;
use super::blocks::open_bundle;
use super::pinned::other_block;
use super::question;

/// The chain in a home on which no node runs, opened for reading; no node can start on it meanwhile.
pub(super) struct OpenHome {
    pub(super) chain: Chain,
    /// The home's own genesis document.
    pub(super) genesis: Genesis,
    _lock: HomeLock,
    _mask: OwnersOnly,
}

impl OpenHome {
    /// Opens the chain in the home at `path`. Its stored state is not checked.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let mask = OwnersOnly::begin();
        let home = Home::new(path);
        let lock = HomeLock::acquire(home.path()).map_err(unusable)?;
        let genesis = read_genesis(&home.genesis())?;
        let chain =
            Chain::open(home.chain(), genesis.id(), &StorageOptions::default()).map_err(unreadable)?;
        Ok(Self {
            chain,
            genesis,
            _lock: lock,
            _mask: mask,
        })
    }
}

/// While it lives, what this process makes is for its owner alone: what the database writes on its way is, as the rest
/// of it; so are bundles and tables that are made meanwhile, as their commands say.
struct OwnersOnly(Mode);

impl OwnersOnly {
    fn begin() -> Self {
        Self(rustix::process::umask(Mode::RWXG | Mode::RWXO))
    }
}

impl Drop for OwnersOnly {
    fn drop(&mut self) {
        rustix::process::umask(self.0);
    }
}

/// Where a proof is made without a node.
#[derive(Args, Clone, Debug)]
pub(crate) struct OfflineArgs {
    /// Make the proof from the chain in this home, on which no node may run, instead of asking one
    #[arg(long, value_name = "HOME", conflicts_with = "bundle")]
    home: Option<PathBuf>,
    /// Make the proof from the blocks in this bundle, all of which are checked; needs --genesis, and as much room among
    /// the temporary files (TMPDIR) as a node's chain
    #[arg(long, value_name = "FILE", requires = "genesis")]
    bundle: Option<PathBuf>,
}

impl OfflineArgs {
    /// Whether a home or a bundle was named.
    pub(crate) fn is_given(&self) -> bool {
        self.home.is_some() || self.bundle.is_some()
    }

    /// Refuses nodes beside them.
    pub(crate) fn refuse_nodes(&self, nodes: &NodesArgs) -> Result<(), Failure> {
        match (&self.home, &self.bundle) {
            (Some(_), _) => nodes.refuse_beside("--home"),
            (None, Some(_)) => nodes.refuse_beside("--bundle"),
            (None, None) => Ok(()),
        }
    }

    /// The file with a proof; its committees start from genesis, or from the pinned block. None if neither was named.
    pub(crate) async fn prove(
        &self,
        question: &ProofOf,
        anchor: &Anchor,
        output: &Output,
    ) -> Result<Option<String>, Failure> {
        let (args, question, anchor, output) = (self.clone(), *question, anchor.clone(), *output);
        let proven = tokio::task::spawn_blocking(move || args.prove_here(&question, &anchor, &output)).await;
        proven.map_err(|error| Failure::failed(format!("the proof was not made: {error}")))?
    }

    fn prove_here(
        &self,
        question: &ProofOf,
        anchor: &Anchor,
        output: &Output,
    ) -> Result<Option<String>, Failure> {
        if let Some(home) = &self.home {
            let home = OpenHome::open(home)?;
            let file = prove_from(&home.chain, &home.genesis, question, anchor.pin, "home")?;
            return Ok(Some(file.write()));
        }
        let (Some(bundle), Some(genesis)) = (&self.bundle, &anchor.genesis) else {
            return Ok(None);
        };
        let scratch = Scratch::new("quorate-bundle").map_err(Failure::failed)?;
        let chain = unpack(bundle, genesis, scratch.path(), output)?;
        let file = prove_from(&chain, genesis, question, anchor.pin, "bundle")?;
        Ok(Some(file.write()))
    }
}

/// Checks all blocks of a bundle, and writes them into a chain in a folder.
fn unpack(path: &Path, genesis: &Genesis, folder: &Path, output: &Output) -> Result<Chain, Failure> {
    let mut opened = open_bundle(path, Some(genesis))?;
    if opened.from > Height(1) {
        let words = format!(
            "{} begins with block {}: without the blocks before, nothing is proven of what they did",
            path.display(),
            opened.from
        );
        return Err(Failure::new(Exit::CheckFailed, words)
            .hint("take a bundle that begins with block 1: quorate audit export makes one"));
    }
    let state = genesis.state();
    let tip = Tip::genesis(genesis.id(), genesis.time(), state.root);
    let chain = Chain::create(folder.join("chain"), &state, &tip, &StorageOptions::default());
    let chain = chain.map_err(unreadable)?;
    let bad = |finding: Finding| Failure::new(Exit::CheckFailed, finding).while_doing(path.display());
    let state = CertifiedState::genesis(genesis).map_err(bad)?;
    let mut auditor = Auditor::new(state, Depth::Whole).without_log();
    let bar = output.progress(opened.to.0, "blocks");
    for height in 1..=opened.to.0 {
        let (_, block) = opened.blocks.certified(Height(height))?;
        let written = auditor.check_seeing(block, |good| {
            chain.write_copies(&good.copies())?;
            chain.write_block(good.execution, &good.block.v1().certificate)
        });
        written.map_err(bad)?.map_err(unreadable)?;
        bar.set_position(height);
    }
    let end = opened.blocks.end();
    end.map_err(|error| error.failure(opened.to.next()))?;
    bar.finish_and_clear();
    Ok(chain)
}

/// A proof from a chain; `place` is where that came from.
fn prove_from(
    chain: &Chain,
    genesis: &Genesis,
    question: &ProofOf,
    pin: Option<Pin>,
    place: &str,
) -> Result<ProofFile, Failure> {
    let tree = chain.load_state_tree().map_err(unreadable)?;
    let snapshot = chain.snapshot().map_err(unreadable)?;
    let source = ProofSource::new(&snapshot, &tree, genesis);
    let start = match pin {
        Some(pin) => TrustedStart::Pinned(check_pin(&source, pin, place)?),
        None => TrustedStart::Genesis,
    };
    let proven = file_with(&source, question, start, snapshot.tip().epoch);
    proven.map_err(|error| unproven(error, snapshot.height(), place))
}

/// The pinned block's height, if the chain has that block.
fn check_pin<S: Source<Error = StorageError>>(source: &S, pin: Pin, place: &str) -> Result<Height, Failure> {
    let header = source.header(pin.height).map_err(unreadable)?;
    let header = header.ok_or_else(|| {
        Failure::not_found(format!(
            "the {place} has no block {}, which is trusted",
            pin.height
        ))
    })?;
    match header.hash() {
        hash if hash == pin.hash => Ok(pin.height),
        hash => Err(other_block(pin, &hash)),
    }
}

/// The proof, and the committees up to its head's epoch unless these are plain. `present`: the epoch of the next block.
fn file_with<S: Source>(
    source: &S,
    question: &ProofOf,
    start: TrustedStart,
    present: Epoch,
) -> Result<ProofFile, ProveError<S::Error>> {
    let head = source.height();
    if let ProofOf::Committees { to } = question {
        let epoch = match to {
            None => present,
            Some(height) if *height == Height::GENESIS => Epoch(0),
            Some(height) => epoch_of(source, *height)?,
        };
        let proof = prove_committees(source, start, epoch)?;
        let committees = None;
        return Ok(ProofFile { proof, committees });
    }
    // A proof stands under a block, so there is none before the first one.
    let epoch = epoch_of(source, head.max(Height(1)))?;
    let proof = match question {
        ProofOf::Transaction(id) => prove_whole_transaction(source, head, id)?,
        ProofOf::Statement { address, from, to } => {
            prove_statement(source, head, &StatementRequest::readable(*address, *from, *to))?
        }
        _ => prove_state(source, head, &question::prefixes_of(question))?,
    };
    let is_plain = start == TrustedStart::Genesis && epoch == Epoch(0);
    let committees = (!is_plain).then(|| prove_committees(source, start, epoch));
    Ok(ProofFile {
        proof,
        committees: committees.transpose()?,
    })
}

fn epoch_of<S: Source>(source: &S, height: Height) -> Result<Epoch, ProveError<S::Error>> {
    let header = source.header(height).map_err(ProveError::Source)?;
    let header = header.ok_or(ProveError::NoBlock { height })?;
    Ok(header.v1().epoch)
}

/// Why a home cannot be used.
fn unusable(error: HomeError) -> Failure {
    let exit = match &error {
        HomeError::Missing { .. } => Exit::NotFound,
        HomeError::InUse { .. } | HomeError::Unwritable { .. } => Exit::Failed,
    };
    let failure = Failure::new(exit, &error);
    match error {
        HomeError::InUse { .. } => failure.hint("ask the node that runs on it: --node instead of --home"),
        _ => failure,
    }
}

/// Why a chain cannot be read.
pub(super) fn unreadable(error: StorageError) -> Failure {
    let exit = match &error {
        StorageError::NotInitialised { .. } => Exit::NotFound,
        error if error.is_damage() => Exit::CheckFailed,
        _ => Exit::Failed,
    };
    Failure::new(exit, error)
}

/// Why there is no proof, by a chain of this height.
fn unproven(error: ProveError<StorageError>, tip: Height, place: &str) -> Failure {
    let words = format!("{error} (the chain in this {place} ends with block {tip})");
    match error {
        ProveError::Source(error) => unreadable(error),
        ProveError::NoBlock { .. }
        | ProveError::UnknownTransaction { .. }
        | ProveError::NoLeaf { .. }
        | ProveError::RangeAfterHead { .. }
        | ProveError::NoEpoch { .. }
        | ProveError::WasExecuted { .. }
        | ProveError::NotExpired { .. } => Failure::not_found(words),
        ProveError::EmptyRange { .. }
        | ProveError::NoPrefix
        | ProveError::NoQuestion { .. }
        | ProveError::CoversOwner { .. }
        | ProveError::NotWellFormed { .. } => Failure::usage(error),
        ProveError::TooMany { .. } => {
            Failure::new(Exit::CheckFailed, error).hint("ask for less at once, such as a shorter time")
        }
        ProveError::Damaged { .. } | ProveError::NoState { .. } | ProveError::NoTexts { .. } => {
            Failure::new(Exit::CheckFailed, error)
        }
    }
}
