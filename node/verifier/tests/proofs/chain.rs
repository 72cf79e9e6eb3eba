//! Certified blocks one after the other, checked in full (section 8) and executed again. The verifier has no such part:
//! here the ledger's functions are put together as a node does it, and held to the vectors of blocks.

use std::sync::Arc;

use quorate_crypto::merkle::Frontier;
use quorate_crypto::{Committee, Digest};
use quorate_genesis::Genesis;
use quorate_ledger::{
    BatchError, BatchRules, BatchTexts, BlockInput, BlockV1, CertifiedBlock, CertifiedBlockV1, CheckedBatch,
    HeaderV1, LogEntry, LogEntryV1, LoggedTransaction, MemoryState, Parameters, SignedBatch, StateTree,
    Timestamp, Tip, Transaction, decode, encode, execute,
};
use quorate_verifier::Verifier;

/// Why a block is refused: the code of its condition, and words.
type Refused = (&'static str, String);

const MAX_RECOVERY_BYTES: usize = 128 << 20;

/// Where a certified block says whether it has a recovery.
const PLACE_OF_RECOVERY: usize = 263;

/// A chain up to a height, with its state.
#[derive(Clone)]
pub(crate) struct Chain {
    tip: Tip,
    parameters: Parameters,
    next_committee: Digest,
    state: MemoryState,
    tree: StateTree,
}

fn refuse<T>(code: &'static str, reason: impl Into<String>) -> Result<T, Refused> {
    Err((code, reason.into()))
}

impl Chain {
    /// The chain before its first block.
    pub(crate) fn new(genesis: &Genesis) -> Self {
        let state = genesis.state();
        Self {
            tip: Tip::genesis(genesis.id(), genesis.time(), state.root),
            parameters: genesis.parameters().clone(),
            next_committee: genesis.committee().digest(),
            tree: state.tree(),
            state: MemoryState::genesis(&state),
        }
    }

    /// Adds the next block. True if the texts of all its batches are there and fit.
    pub(crate) fn add(&mut self, bytes: &[u8], known: &Verifier) -> Result<bool, Refused> {
        let certified = self.decode(bytes)?;
        let block = certified.block.v1();
        let header = block.header.v1();
        let Some(epoch) = known.epoch(header.epoch) else {
            return refuse("place", "the committee is not known");
        };
        self.check_place(header, &epoch.committee)?;
        self.check_proposal(block)?;
        let batches = self.check_batches(&certified, &epoch.committee)?;
        self.check_log(block, &certified.batches)?;
        check_certificate(&certified, header, &epoch.committee)?;
        self.execute(block, &batches)?;
        let mut batches = certified.batches.iter().zip(&certified.texts);
        Ok(batches.all(|(batch, texts)| texts.as_ref().is_some_and(|texts| fits(batch, texts))))
    }

    fn decode(&self, bytes: &[u8]) -> Result<CertifiedBlockV1, Refused> {
        let parameters = self.parameters.v1();
        let batches = parameters.max_proposal_batches as usize * parameters.max_batch_bytes as usize;
        let has_recovery = bytes.get(PLACE_OF_RECOVERY) == Some(&1);
        let limit = 3 * batches + 65_536 + if has_recovery { MAX_RECOVERY_BYTES } else { 0 };
        let CertifiedBlock::V1(certified) =
            decode(bytes, limit).map_err(|error| ("encoding", error.to_string()))?;
        if !certified
            .certificate
            .seals()
            .is_sorted_by(|a, b| a.validator < b.validator)
        {
            return refuse("encoding", "the seals do not ascend strictly");
        }
        Ok(certified)
    }

    /// Conditions 2 and 3.
    fn check_place(&self, header: &HeaderV1, committee: &Committee) -> Result<(), Refused> {
        let follows = header.network == self.tip.network
            && Some(header.height.0) == self.tip.height.0.checked_add(1)
            && header.previous == self.tip.block_hash
            && header.protocol == committee.protocol_version()
            && committee.digest() == self.next_committee;
        if !follows {
            return refuse("place", "it does not follow the block before");
        }
        if header.chain_root != self.tip.chain.root() {
            return refuse("chain_root", "it is not over the earlier headers");
        }
        Ok(())
    }

    /// Conditions 4 and 5.
    fn check_proposal(&self, block: &BlockV1) -> Result<(), Refused> {
        let header = block.header.v1();
        if block.proposal.digest() != header.proposal {
            return refuse("proposal", "it is not the header's");
        }
        if let Err(error) = block.proposal.check_form(self.parameters.v1()) {
            return refuse("proposal", error.to_string());
        }
        let least = Timestamp(self.tip.timestamp.0.saturating_add(1));
        if header.timestamp != block.proposal.timestamp().max(least) {
            return refuse(
                "timestamp",
                "neither the proposal's nor the least after the block before",
            );
        }
        Ok(())
    }

    /// Condition 6.
    fn check_batches(
        &self,
        certified: &CertifiedBlockV1,
        committee: &Committee,
    ) -> Result<Vec<Arc<CheckedBatch>>, Refused> {
        let proposal = &certified.block.v1().proposal;
        let digests = certified.batches.iter().map(SignedBatch::digest);
        if !digests.eq(proposal.batches().iter().copied()) {
            return refuse("batches", "they are not the proposal's");
        }
        let rules = BatchRules {
            network: &self.tip.network,
            committee,
            parameters: self.parameters.v1(),
        };
        let checked = certified.batches.iter().map(|signed| {
            let checked = CheckedBatch::check(encode(signed).into(), &rules);
            let reason = |error: BatchError| ("batches", format!("{}: {error}", error.code()));
            checked.map(Arc::new).map_err(reason)
        });
        checked.collect()
    }

    /// What of conditions 7 and 8 needs no execution.
    fn check_log(&self, block: &BlockV1, batches: &[SignedBatch]) -> Result<(), Refused> {
        let header = block.header.v1();
        let transactions: Vec<&Transaction> = batches
            .iter()
            .flat_map(|batch| &batch.batch().transactions)
            .collect();
        if !block.executed.is_sorted_by(|a, b| a.position < b.position) {
            return refuse("executed", "the positions do not ascend");
        }
        let mut log: Frontier = self.tip.log.clone();
        for item in &block.executed {
            let Some(transaction) = transactions.get(item.position as usize) else {
                return refuse("executed", "a position that is not there");
            };
            let entry = LogEntry::V1(LogEntryV1::Transaction(LoggedTransaction {
                height: header.height,
                timestamp: header.timestamp,
                position: item.position,
                id: transaction.id(),
                expires_at: transaction.intent().expires_at,
                signed: transaction.signed_hash(),
                outcome: item.outcome.clone(),
            }));
            log.push_hash(entry.leaf_hash());
        }
        if header.log_size != log.length() || header.log_root != log.root() {
            return refuse("log", "the log with the block's leaves is another");
        }
        Ok(())
    }

    /// Conditions 7, 9 and 10: what execution gives is what the block says.
    fn execute(&mut self, block: &BlockV1, batches: &[Arc<CheckedBatch>]) -> Result<(), Refused> {
        let input = BlockInput {
            tip: &self.tip,
            proposal: &block.proposal,
            batches,
            parameters: self.parameters.v1(),
        };
        let execution = execute(&input, &self.state, &mut self.tree).expect("a state in memory is whole");
        let (found, expected) = (block.header.v1(), execution.block.header());
        if block.executed != execution.block.v1().executed {
            return refuse("executed", "execution gives something else");
        }
        if found.state_root != expected.state_root {
            return refuse("state", "execution gives another root");
        }
        if found.next_committee != expected.next_committee {
            return refuse("next_committee", "execution gives another committee");
        }
        assert_eq!(found, expected, "all other fields were compared before");
        self.state.apply(&execution);
        self.next_committee = expected.next_committee;
        self.tip = execution.tip;
        Ok(())
    }
}

fn check_certificate(
    certified: &CertifiedBlockV1,
    header: &HeaderV1,
    committee: &Committee,
) -> Result<(), Refused> {
    if certified.texts.len() != certified.batches.len() {
        return refuse("encoding", "not an entry of texts for each batch");
    }
    let certificate = &certified.certificate;
    let named = (certificate.epoch(), certificate.height(), certificate.block());
    if named != (header.epoch, header.height, certified.block.hash()) {
        return refuse("certificate", "it is of another block");
    }
    let checked = certificate.verify(header.network, committee);
    checked.map_err(|error| ("certificate", error.to_string()))
}

/// True if a batch's texts fit; which of those withheld are erased, only the state says.
fn fits(signed: &SignedBatch, texts: &BatchTexts) -> bool {
    let mut items = texts.v1().items.as_slice();
    for transaction in &signed.batch().transactions {
        let intent = transaction.intent();
        let Some(texts) = &intent.texts else { continue };
        let Some((own, rest)) = items.split_at_checked(texts.places.len()) else {
            return false;
        };
        if texts.fit(intent, own).is_err() {
            return false;
        }
        items = rest;
    }
    items.is_empty()
}
