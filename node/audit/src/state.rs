//! The state after a certified block, in memory, with all that is needed to check the next one: where a check begins, and
//! where it stands after every block.

use std::convert::Infallible;
use std::io::{self, Write};

use quorate_crypto::merkle::Frontier;
use quorate_crypto::{Certificate, Committee};
use quorate_genesis::Genesis;
use quorate_ledger::limits::{MAX_ATTESTED_BELOW, MAX_VALUE_BYTES};
use quorate_ledger::{
    Agreement, CertifiedHeader, Digest, Execution, Height, Leaf, MemoryState, PROTOCOLS, Parameters,
    StateError, StateKey, StateTree, Tip, read_agreement, read_value, value_hash,
};
use quorate_verifier::{Anchor, CommitteeStep, Proof, ProofBody, Trust, Verifier};

use crate::bundle::{BundleWriter, MAX_HEADERS, StateOpening, StateParts, Written};
use crate::look::Rules;
use crate::part::Boundary;
use crate::recent::Recent;
use crate::{BundleError, BundleReader, Finding};

/// Ids that may be known beyond twice those that are still spent, before the others are forgotten.
const SPENT_SLACK: usize = 65_536;

/// The state after a certified block.
#[derive(Clone, Debug)]
pub struct CertifiedState {
    network: Digest,
    pub(crate) tip: Tip,
    pub(crate) values: MemoryState,
    pub(crate) tree: StateTree,
    /// None at genesis.
    sealed: Option<Sealed>,
    /// The hashes of the headers that are too old for a state to have them one by one.
    old_headers: Frontier,
    agreement: Agreement,
    parameters: Parameters,
    /// None if it is not to be written: then nothing needs to be kept of the log.
    recent: Option<Recent>,
    /// Ids that were spent when the others were last forgotten.
    spent: usize,
}

/// The block after which the state is.
#[derive(Clone, Debug)]
struct Sealed {
    head: CertifiedHeader,
    /// How the committees follow from genesis to the one that sealed it.
    committees: Vec<CommitteeStep>,
}

impl CertifiedState {
    /// The state that a network begins with.
    ///
    /// # Errors
    /// If the network begins with a protocol that this program does not execute.
    pub fn genesis(genesis: &Genesis) -> Result<Self, Finding> {
        let state = genesis.state();
        let tip = Tip::genesis(genesis.id(), genesis.time(), state.root);
        let values = MemoryState::genesis(&state);
        let (agreement, parameters) = in_force(&values).map_err(|key| damaged(tip.height, &key))?;
        check_protocol(tip.height, &agreement.committee())?;
        Ok(Self {
            network: genesis.id(),
            tree: state.tree(),
            sealed: None,
            old_headers: Frontier::default(),
            recent: Some(Recent::default()),
            spent: 0,
            tip,
            values,
            agreement,
            parameters,
        })
    }

    /// The state that a bundle begins with; none if it has none.
    ///
    /// # Errors
    /// If the bundle cannot be read, or the state is not good.
    pub fn read<R: io::Read>(
        bundle: &mut BundleReader<R>,
        genesis: &Genesis,
    ) -> Result<Option<Self>, NotACertifiedState> {
        let (from, network) = (bundle.opening().from, bundle.opening().network);
        if network != genesis.id() {
            return Err(other_network(from, &network).into());
        }
        match bundle.state()? {
            Some(parts) => Ok(Some(Self::check(genesis, from, parts)?)),
            None => Ok(None),
        }
    }

    /// The state that these are the parts of, if it is good (section 30): the one before the block at `from`.
    ///
    /// # Errors
    /// The first condition that does not hold.
    pub fn check(genesis: &Genesis, from: Height, parts: StateParts) -> Result<Self, Finding> {
        let StateParts {
            opening,
            entries,
            leaves,
        } = parts;
        let StateOpening {
            head,
            committees,
            chain: old_headers,
            headers,
            log,
            ..
        } = opening;
        let (header, network) = (head.v1().clone(), genesis.id());
        let height = header.height;
        let refuse = |code, words: String| Err(Finding::of_state(height, code, words));
        if header.network != network {
            return Err(other_network(height, &header.network));
        }

        let committee = committee_of(genesis, &head, &committees)?;
        if height.0.checked_add(1) != Some(from.0) {
            return refuse("certificate", format!("it is not the state before block {from}"));
        }
        if let Err(error) = head.check(network, &committee) {
            return refuse("certificate", error.to_string());
        }

        let before = height.0.saturating_sub(1);
        let mut chain = old_headers.clone();
        headers.iter().for_each(|hash| chain.push(&hash.0));
        if (chain.length(), chain.root()) != (before, header.chain_root)
            || headers.len() as u64 != before.min(MAX_HEADERS as u64)
        {
            let words = "the hashes of the headers before it are not those that the header commits to";
            return refuse("chain_root", words.to_owned());
        }
        chain.push(&head.hash().0);

        let ascend = leaves.is_sorted_by(|a, b| a.key < b.key);
        let fit = leaves.iter().all(|leaf| leaf.value.len() <= MAX_VALUE_BYTES);
        if !ascend || !fit {
            return refuse("state", "its leaves do not ascend, or one is too long".to_owned());
        }
        let hashes = leaves.iter().map(|leaf| (leaf.key, value_hash(&leaf.value)));
        let tree = StateTree::load(height, hashes);
        let (root, expected) = (tree.root(), header.state_root);
        if root != expected {
            let words = format!("its leaves have the root {root}, the header names {expected}");
            return refuse("state", words);
        }
        let mut values = MemoryState::from_leaves(leaves.into_iter().map(|leaf| (leaf.key, leaf.value)));
        let (agreement, parameters) = in_force(&values).map_err(|key| damaged(height, &key))?;
        let next = agreement.committee();
        let follows = next.epoch() == header.epoch || Some(next.epoch().0) == header.epoch.0.checked_add(1);
        if next.digest() != header.next_committee || !follows {
            let words = "its agreement's committee is not the one that the header names";
            return refuse("next_committee", words.to_owned());
        }
        check_protocol(height, &next)?;

        let (end, lead) = ((header.log_size, header.log_root), agreement.v1().longest_lead_ms);
        let recent = Recent::check(log, entries, end, header.timestamp, lead)
            .map_err(|error| Finding::of_state(height, "log", error.to_string()))?;
        values.note_spent(recent.spent(header.timestamp));
        let newest = headers.into_iter().chain([head.hash()]);
        for (height, hash) in (old_headers.length() + 1..).zip(newest) {
            values.note_block(Height(height), hash);
        }
        Ok(Self {
            network,
            tip: Tip {
                network,
                epoch: agreement.epoch(),
                height,
                block_hash: head.hash(),
                timestamp: header.timestamp,
                state_root: header.state_root,
                chain,
                log: recent.log(),
            },
            spent: values.spent_count(),
            values,
            tree,
            sealed: Some(Sealed { head, committees }),
            old_headers,
            agreement,
            parameters,
            recent: Some(recent),
        })
    }

    /// Keeps nothing more than the next blocks' checks need, so it cannot be written any more.
    pub(crate) fn forget_log(&mut self) {
        self.recent = None;
    }

    /// The height of the block after which the state is; 0 at genesis.
    pub fn height(&self) -> Height {
        self.tip.height
    }

    /// What holds after that block.
    pub fn boundary(&self) -> Boundary {
        Boundary::of(&self.tip, self.agreement.committee().digest())
    }

    /// All leaves, ascending by key.
    pub fn leaves(&self) -> impl Iterator<Item = (&StateKey, &[u8])> {
        self.values.values()
    }

    /// What the next block is checked by.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            network: self.network,
            committee: self.agreement.committee(),
            parameters: self.parameters.clone(),
        }
    }

    /// Moves on by a block that was executed on this state, whose root the tree has already, and whose certificate is
    /// good.
    pub(crate) fn advance(&mut self, mut execution: Execution, certificate: &Certificate) {
        let committee = self.agreement.committee();
        let header = execution.block.v1().header.clone();
        let mut committees = Vec::new();
        if let Some(before) = self.sealed.take() {
            committees = before.committees;
            if before.head.v1().epoch != header.v1().epoch {
                // The block before was the last of its epoch, and led to who sealed this one.
                committees.push(CommitteeStep::Certificate {
                    head: before.head,
                    next: committee.clone(),
                });
            }
        }
        self.sealed = Some(Sealed {
            head: CertifiedHeader::new(header, certificate, &committee),
            committees,
        });
        self.values.apply(&execution);
        let height = execution.tip.height;
        let too_old = height.0.checked_sub(MAX_ATTESTED_BELOW).map(Height);
        if let Some(hash) = too_old.and_then(|height| self.values.known_block(height)) {
            self.old_headers.push(&hash.0);
        }
        if let Some(agreement) = execution.agreement.take() {
            self.agreement = agreement;
            // An epoch's last block may have changed them; execution writes none that are no parameters.
            if let Ok((_, parameters)) = in_force(&self.values) {
                self.parameters = parameters;
            }
        }
        self.tip = execution.tip;
        self.tree.forget_before(height);
        let (at, lead) = (self.tip.timestamp, self.agreement.v1().longest_lead_ms);
        if let Some(recent) = &mut self.recent {
            recent.extend(execution.log, at, lead);
        }
        if self.values.spent_count() > self.spent.saturating_mul(2).saturating_add(SPENT_SLACK) {
            self.values.forget_spent(at);
            self.spent = self.values.spent_count();
        }
    }

    /// Writes a state file: a bundle without blocks. None if this is genesis's state, which follows from the document,
    /// or if it was not kept to be written.
    ///
    /// # Errors
    /// If the output fails.
    pub fn write<W: Write>(&self, output: W, genesis: &Genesis) -> io::Result<Option<(W, Written)>> {
        if !self.can_be_written() {
            return Ok(None);
        }
        let (from, to) = (self.tip.height.next(), self.tip.height);
        let mut bundle = BundleWriter::begin(output, genesis, from, to)?;
        self.write_into(&mut bundle)?;
        bundle.finish().map(Some)
    }

    /// Writes the state into a bundle that begins with the block after it; nothing if it cannot be written.
    ///
    /// # Errors
    /// If the output fails.
    pub fn write_into<W: Write>(&self, bundle: &mut BundleWriter<W>) -> io::Result<()> {
        let (Some(sealed), Some(recent)) = (&self.sealed, &self.recent) else {
            return Ok(());
        };
        let opening = StateOpening {
            head: sealed.head.clone(),
            committees: sealed.committees.clone(),
            chain: self.old_headers.clone(),
            headers: self.newest_headers(),
            log: recent.before().clone(),
            entries: recent.entries().len() as u64,
            leaves: self.tree.len() as u64,
        };
        let leaves = self.leaves().map(|(key, value)| Leaf {
            key: *key,
            value: value.to_vec(),
        });
        bundle.state(opening, recent.entries().cloned(), leaves)
    }

    /// The hashes of the headers before the head that a state has one by one.
    fn newest_headers(&self) -> Vec<Digest> {
        let heights = self.old_headers.length() + 1..self.tip.height.0;
        let known = heights.map(|height| self.values.known_block(Height(height)));
        known
            .map(|hash| hash.expect("so many blocks are known"))
            .collect()
    }

    /// Whether there is something to write, and all that is needed for it.
    pub fn can_be_written(&self) -> bool {
        self.sealed.is_some() && self.recent.is_some()
    }
}

/// Why a bundle gives no state to begin with.
#[derive(Debug, thiserror::Error)]
pub enum NotACertifiedState {
    /// The bundle cannot be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Its state is not good.
    #[error("{0}")]
    State(Box<Finding>),
}

impl From<Finding> for NotACertifiedState {
    fn from(finding: Finding) -> Self {
        Self::State(Box::new(finding))
    }
}

/// The committee that sealed a head, followed from genesis by these steps.
fn committee_of(
    genesis: &Genesis,
    head: &CertifiedHeader,
    steps: &[CommitteeStep],
) -> Result<Committee, Finding> {
    let (height, epoch) = (head.v1().height, head.v1().epoch);
    let proof = Proof::new(
        genesis.id(),
        ProofBody::Committees {
            trust: Trust::Genesis,
            steps: steps.to_vec(),
        },
    );
    let mut verifier = Verifier::new(Anchor {
        genesis: Some(genesis.clone()),
        pin: None,
    });
    verifier.learn(&proof).map_err(|refusal| Finding {
        reason: Some(refusal.code.as_str()),
        ..Finding::of_state(height, "committees", refusal.to_string())
    })?;
    let known = verifier.epoch(epoch).filter(|known| known.last.is_none());
    let Some(known) = known else {
        let words = format!("its committees do not lead to epoch {epoch}, and no further");
        return Err(Finding::of_state(height, "committees", words));
    };
    if known.first.is_some_and(|first| height < first) {
        let words = format!("epoch {epoch} began later than with block {height}");
        return Err(Finding::of_state(height, "certificate", words));
    }
    if head.v1().protocol != known.committee.protocol_version() {
        let words = "its protocol is not its committee's";
        return Err(Finding::of_state(height, "certificate", words));
    }
    Ok(known.committee.clone())
}

/// The agreement and the parameters of a state; a key under which it has none of them.
fn in_force(values: &MemoryState) -> Result<(Agreement, Parameters), StateKey> {
    let key_of = |error: StateError<Infallible>| match error {
        StateError::Damaged { key } => key,
        StateError::Read(never) => match never {},
    };
    let agreement = read_agreement(values).map_err(key_of)?;
    let committee = &agreement.v1().committee;
    if committee.check().is_err() {
        return Err(StateKey::agreement());
    }
    let key = StateKey::parameters();
    let parameters: Option<Parameters> = read_value(values, &key).map_err(key_of)?;
    match parameters.filter(|parameters| parameters.check().is_ok()) {
        Some(parameters) => Ok((agreement, parameters)),
        None => Err(key),
    }
}

fn check_protocol(height: Height, committee: &Committee) -> Result<(), Finding> {
    match committee.protocol_version() {
        known if PROTOCOLS.contains(&known) => Ok(()),
        other => {
            let words =
                format!("the blocks after it are of protocol {other}, which this program does not know");
            Err(Finding::of_state(height, "protocol", words))
        }
    }
}

fn damaged(height: Height, key: &StateKey) -> Finding {
    let words = format!("there is no value under the key {key} that may be there");
    Finding::of_state(height, "state", words)
}

fn other_network(height: Height, network: &Digest) -> Finding {
    let words = format!("it is of the network {network}");
    Finding::of_state(height, "other_network", words)
}
