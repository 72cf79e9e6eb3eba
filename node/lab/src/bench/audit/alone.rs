//! What the two dear parts of a check take by themselves, over the blocks that are checked: clients' signatures in
//! batches on all cores, and execution on one. Reading, decoding and hashing are not counted.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use quorate_audit::{BlockSource as _, BundleBlocks, BundleReader, MAX_CERTIFIED_BLOCK_BYTES};
use quorate_crypto::KnownKeys;
use quorate_genesis::Genesis;
use quorate_ledger::{
    BatchRules, BlockInput, CertifiedBlock, FormedBatch, Height, MemoryState, SignatureGroup, StateTree, Tip,
    decode, execute,
};
use quorate_tools::failure::Failure;
use rayon::prelude::*;

use crate::bench::blocks::Stop;
use crate::bench::machine::cores;

/// Clients' keys that are remembered as points: as many as a check of a chain remembers.
const KNOWN_KEYS: usize = 65_536;

/// Transactions whose signatures are checked at once, for each core: some batches, so that no core waits for long.
const AT_ONCE: usize = 16_384;

/// What the parts took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alone {
    pub(super) transactions: u64,
    pub(super) signatures: u64,
    /// On all cores, by the clock.
    pub(super) signatures_time: Duration,
    /// On one core, by the clock.
    pub(super) execution_time: Duration,
}

/// A chain that is executed.
struct Executed<'a> {
    genesis: &'a Genesis,
    tip: Tip,
    state: MemoryState,
    tree: StateTree,
    keys: KnownKeys,
    found: Alone,
}

/// Blocks whose batches have good form.
type Formed = Vec<(CertifiedBlock, Vec<FormedBatch>)>;

/// Checks and executes all blocks of a bundle.
pub(super) fn measure(
    bundle: &Path,
    genesis: &Genesis,
    progress: &ProgressBar,
    stop: &Stop,
) -> Result<Alone, Failure> {
    let file = File::open(bundle).map_err(|error| Failure::io(bundle, &error))?;
    let reader = BundleReader::open(BufReader::with_capacity(1 << 20, file)).map_err(Failure::failed)?;
    let to = reader.opening().to;
    let mut blocks = BundleBlocks::new(reader);
    let mut executed = Executed::new(genesis);
    let (mut formed, mut gathered) = (Formed::new(), 0);
    for height in (1..=to.0).map(Height) {
        stop.check()?;
        let bytes = blocks.block(height).map_err(Failure::failed)?;
        let bytes = bytes.ok_or_else(|| Failure::failed(format!("block {height} is not there")))?;
        let block: CertifiedBlock = decode(&bytes, MAX_CERTIFIED_BLOCK_BYTES).map_err(Failure::failed)?;
        let batches = executed.form(&block)?;
        gathered += batches
            .iter()
            .map(|batch| batch.transactions().len())
            .sum::<usize>();
        formed.push((block, batches));
        if gathered >= AT_ONCE * cores() || height == to {
            executed.take(std::mem::take(&mut formed))?;
            progress.inc(gathered as u64);
            gathered = 0;
        }
    }
    Ok(executed.found)
}

impl<'a> Executed<'a> {
    fn new(genesis: &'a Genesis) -> Self {
        let begun = genesis.state();
        Self {
            genesis,
            tip: Tip::genesis(genesis.id(), genesis.time(), begun.root),
            state: MemoryState::genesis(&begun),
            tree: begun.tree(),
            keys: KnownKeys::new(KNOWN_KEYS),
            found: Alone {
                transactions: 0,
                signatures: 0,
                signatures_time: Duration::ZERO,
                execution_time: Duration::ZERO,
            },
        }
    }

    fn form(&self, block: &CertifiedBlock) -> Result<Vec<FormedBatch>, Failure> {
        let (network, committee) = (self.genesis.id(), self.genesis.committee());
        let rules = BatchRules {
            network: &network,
            committee: &committee,
            parameters: self.genesis.parameters().v1(),
        };
        let batches = block.v1().batches.par_iter();
        let formed = batches.map(|signed| FormedBatch::from_signed(signed.clone(), &rules));
        formed.collect::<Result<_, _>>().map_err(Failure::failed)
    }

    /// Checks all signatures at once, and executes block after block.
    fn take(&mut self, formed: Formed) -> Result<(), Failure> {
        let began = Instant::now();
        let batches = formed.iter().flat_map(|(_, batches)| batches);
        let groups: Vec<SignatureGroup<'_>> = batches.flat_map(|batch| batch.signature_groups(1)).collect();
        let keys = &self.keys;
        let good = groups.par_iter().all(|group| group.verify_knowing(keys).is_ok());
        self.found.signatures_time += began.elapsed();
        self.found.signatures += groups.iter().map(|group| group.len() as u64).sum::<u64>();
        drop(groups);
        if !good {
            return Err(Failure::failed(
                "a signature of the benchmark's chain is not good",
            ));
        }
        for (block, batches) in formed {
            let checked = batches.into_iter().map(FormedBatch::with_signatures_checked);
            let checked: Vec<_> = checked.map(Arc::new).collect();
            let input = BlockInput {
                tip: &self.tip,
                proposal: &block.v1().block.v1().proposal,
                batches: &checked,
                parameters: self.genesis.parameters().v1(),
            };
            let began = Instant::now();
            let execution = execute(&input, &self.state, &mut self.tree).map_err(Failure::failed)?;
            self.state.apply(&execution);
            self.tree.forget_before(execution.tip.height);
            self.found.execution_time += began.elapsed();
            self.found.transactions += execution.transactions.len() as u64;
            let verdict = block.v1().block.check_execution(&execution.block);
            verdict.map_err(Failure::failed)?;
            self.tip = execution.tip;
        }
        Ok(())
    }
}
