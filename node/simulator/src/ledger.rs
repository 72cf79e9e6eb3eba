//! The ledger that simulated validators keep: execution is the node's own, only its state is in memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use quorate_crypto::{Certificate, Committee, Digest, Epoch, Height, PublicKey, SeatNumber};
use quorate_ledger::{
    Agreement, Block, BlockInput, CheckedBatch, GovernanceProposal, GovernanceProposalV1, InUse, LogEntry,
    MemoryState, Owner, Parameters, ParametersV1, Proposal, Rejoin, Seat, SeatV1, StateKey, StateTree, Taken,
    Tip, execute, read_agreement, read_value,
};
use serde::de::DeserializeOwned;

use crate::workload::{GENESIS_TIME, genesis};

/// A block as simulated validators keep and send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptBlock {
    /// The block.
    pub(crate) block: Block,
    /// Its hash.
    pub(crate) hash: Digest,
    /// The epoch under way after it, where it changed that.
    pub(crate) agreement: Option<Agreement>,
    /// What it appended to the transaction log, in order.
    pub(crate) log: Vec<LogEntry>,
    /// What proves it, once it is certified.
    pub(crate) certificate: Option<Certificate>,
}

/// The state after a block, and what it takes to execute the next.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    tip: Tip,
    state: MemoryState,
    tree: StateTree,
    /// All batches that were executed so far.
    pub(crate) ordered: BTreeSet<Digest>,
}

impl KeptBlock {
    pub(crate) fn height(&self) -> Height {
        self.block.header().height
    }

    /// The epoch that begins after this block, if one does.
    pub(crate) fn begins(&self) -> Option<Epoch> {
        let next = self.agreement.as_ref()?.epoch();
        (next > self.block.header().epoch).then_some(next)
    }

    /// The epoch's last height, if this block has fixed it.
    pub(crate) fn ends(&self) -> Option<Height> {
        self.agreement.as_ref()?.v1().last
    }

    pub(crate) fn proposal(&self) -> &Proposal {
        &self.block.v1().proposal
    }
}

impl Ledger {
    /// The ledger of this committee before height 1, whose state has these parameters.
    pub(crate) fn new(network: Digest, committee: &Committee, parameters: &Parameters) -> Self {
        let genesis = genesis(committee, parameters);
        Self {
            tip: Tip::genesis(network, GENESIS_TIME, genesis.root),
            state: MemoryState::genesis(&genesis),
            tree: genesis.tree(),
            ordered: BTreeSet::new(),
        }
    }

    pub(crate) fn height(&self) -> Height {
        self.tip.height
    }

    /// The epoch under way after the newest block.
    pub(crate) fn agreement(&self) -> Agreement {
        read_agreement(&self.state).expect("every state in memory has it")
    }

    /// The last rejoin of the validator with this key.
    pub(crate) fn rejoin_of(&self, key: &PublicKey) -> Option<Rejoin> {
        let in_use: Option<InUse> = self.value(&StateKey::in_use(&Taken::Key(key.0)));
        let Owner::Seat(number) = in_use?.v1().by else {
            return None;
        };
        let seat: Option<Seat> = self.value(&StateKey::seat(number));
        seat?.v1().rejoin
    }

    /// The parameters in force.
    pub(crate) fn parameters(&self) -> Parameters {
        let parameters = self.value(&StateKey::parameters());
        parameters.expect("every state in memory has them")
    }

    /// A seat, if there is one of this number.
    pub(crate) fn seat(&self, number: SeatNumber) -> Option<SeatV1> {
        let seat: Option<Seat> = self.value(&StateKey::seat(number));
        seat.map(|Seat::V1(seat)| seat)
    }

    /// A proposal, if there is one of this number.
    pub(crate) fn proposal(&self, number: u64) -> Option<GovernanceProposalV1> {
        let proposal: Option<GovernanceProposal> = self.value(&StateKey::proposal(number));
        proposal.map(|GovernanceProposal::V1(proposal)| proposal)
    }

    fn value<T: DeserializeOwned>(&self, key: &StateKey) -> Option<T> {
        read_value(&self.state, key).expect("a state in memory is read")
    }

    /// Executes the next height's proposal, whose batches these are.
    pub(crate) fn execute(
        &mut self,
        proposal: &Proposal,
        batches: &[Arc<CheckedBatch>],
        parameters: &ParametersV1,
    ) -> KeptBlock {
        let input = BlockInput {
            tip: &self.tip,
            proposal,
            batches,
            parameters,
        };
        let execution = execute(&input, &self.state, &mut self.tree)
            .expect("a state in memory is always read, and only execution writes it");
        self.state.apply(&execution);
        self.tree.forget_before(execution.tip.height);
        self.ordered.extend(proposal.batches());
        let log = execution.log.into_iter().map(|logged| logged.entry);
        self.tip = execution.tip;
        KeptBlock {
            block: execution.block,
            hash: execution.block_hash,
            agreement: execution.agreement,
            log: log.collect(),
            certificate: None,
        }
    }
}
