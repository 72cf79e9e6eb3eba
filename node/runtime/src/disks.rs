//! The two databases of a home, opened, and what a start makes of them.
//!
//! The chain's tip is a certified height; its state tree is rebuilt and must have the root in the tip's header.
//! Journal records at or below that height are passed over; those above are given to the engine, which decides
//! those heights again, and the executor executes them again.

use std::sync::Arc;

use quorate_consensus::Record;
use quorate_crypto::keyfile::Access;
use quorate_crypto::{Certificate, Digest, Height};
use quorate_driver::{At, EntryNumber, Recovered, recovered};
use quorate_ledger::{Agreement, StateTree, Tip, decode};
use quorate_storage::{Chain, HomeLock, Journal, StorageOptions};
use quorate_webhooks::Hooks;

use crate::config::{Home, NodeConfig};
use crate::error::NodeError;
use crate::home::Identity;
use crate::roster::Roster;

/// Bytes of one journal record: a vote that carries certificates is the largest.
const MAX_RECORD_BYTES: usize = 8 << 20;

/// Chain and journal as a start finds them, before anything is written.
pub(crate) struct Disks {
    pub(crate) chain: Arc<Chain>,
    pub(crate) journal: Arc<Journal>,
    /// The chain's state tree, in memory.
    pub(crate) tree: StateTree,
    /// What the journal tells the engine.
    pub(crate) recovered: Recovered,
    /// Who takes part in the epoch that the chain is in.
    pub(crate) roster: Roster,
}

impl Disks {
    pub(crate) fn open(home: &Home, identity: &Identity, config: &NodeConfig) -> Result<Self, NodeError> {
        let (chain, tree) = open_chain(home, identity, config)?;
        // What was read may be in the system's memory alone, where a killed process left it: the engine counts
        // everything up to its certified height as being on disk (D6).
        chain.sync()?;
        let chain = Arc::new(chain);
        let journal = Arc::new(Journal::open(
            home.journal(),
            identity.network(),
            &StorageOptions::journal(),
        )?);
        let roster = identity.rosters().read(&chain.reader())?;
        let is_durable = |digest: &Digest| {
            chain
                .has_batch(digest)
                .unwrap_or_else(|error| crate::fatal_at_database("the chain database cannot be read", &error))
        };
        let at = At {
            epoch: roster.epoch(),
            certified: chain.tip().height,
        };
        let recovered = read_journal(&journal, at, is_durable)?;
        Ok(Self {
            chain,
            journal,
            tree,
            recovered,
            roster,
        })
    }
}

fn open_chain(
    home: &Home,
    identity: &Identity,
    config: &NodeConfig,
) -> Result<(Chain, StateTree), NodeError> {
    let options = StorageOptions {
        cache_bytes: config.storage.cache_mib.saturating_mul(1 << 20),
        ..StorageOptions::default()
    };
    let genesis = identity.genesis_state();
    let network = identity.network();
    let chain = if home.chain().join("CURRENT").exists() {
        Chain::open(home.chain(), network, &options)?
    } else {
        let tip = Tip::genesis(network, identity.genesis.time(), genesis.root);
        Chain::create(home.chain(), &genesis, &tip, &options)?
    };
    let tree = chain.load_state_tree()?;
    if chain.tip().height == Height::GENESIS && chain.state_root() != genesis.root {
        return Err(NodeError::WrongGenesisState {
            stored: chain.state_root(),
            expected: genesis.root,
        });
    }
    Ok((chain, tree))
}

/// Reads the journal and sorts it out for the driver. Votes that never left, because their batches were not on
/// disk, are removed from it for good before anything else is said in their place.
fn read_journal(
    journal: &Journal,
    chain: At,
    is_durable: impl Fn(&Digest) -> bool,
) -> Result<Recovered, NodeError> {
    let mut found = Vec::new();
    for entry in journal.replay() {
        let (number, bytes) = entry?;
        let record: Record = decode(&bytes, MAX_RECORD_BYTES).map_err(|error| NodeError::Journal {
            reason: format!("entry {number}: {error}"),
        })?;
        found.push((EntryNumber(number), record));
    }
    let next = EntryNumber(journal.next_sequence());
    let recovered = recovered(found, next, chain, is_durable);
    if !recovered.remove.is_empty() {
        tracing::warn!(
            votes = recovered.remove.len(),
            "votes whose batches a crash has lost never left; they are removed"
        );
        let gone: Vec<u64> = recovered.remove.iter().map(|number| number.0).collect();
        journal.remove(&gone)?;
        journal.sync()?;
    }
    Ok(recovered)
}

/// The certificate of the chain's tip, which an engine starts with, unless the tip is of the epoch before.
pub(crate) fn tip_certificate(
    chain: &Chain,
    agreement: &Agreement,
) -> Result<(Height, Option<Certificate>), NodeError> {
    let snapshot = chain.snapshot()?;
    let certified = snapshot.height();
    let certificate = match certified >= agreement.v1().first {
        true => snapshot.certificate(certified)?,
        false => None,
    };
    Ok((certified, certificate))
}

/// What a check of a home found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// The network's id.
    pub network: Digest,
    /// The validator's name; `observer` if its key has no seat.
    pub validator: String,
    /// The certified height on disk.
    pub height: Height,
    /// The hash of the block there.
    pub block_hash: Digest,
    /// The state root, which the stored values give again.
    pub state_root: Digest,
    /// Values in the state.
    pub state_values: usize,
}

/// Checks a home without starting a node: configuration, genesis, keys (the witness key too), webhooks' secrets and
/// certificates, and that the stored state has the root in the stored tip.
pub fn check(home: &Home, config: &NodeConfig, access: Access<'_>) -> Result<CheckReport, NodeError> {
    let _lock = HomeLock::acquire(home.path())?;
    let identity = Identity::read(home, access)?;
    if let Some((name, reason)) = Hooks::first_unusable(home.path(), access.groups, &config.webhooks) {
        return Err(NodeError::UnusableWebhook { name, reason });
    }
    let (chain, tree) = open_chain(home, &identity, config)?;
    let roster = identity.rosters().read(&chain.reader())?;
    identity.node_key(&roster)?;
    identity.witness_key(home, access, &roster)?;
    let tip = chain.tip();
    Ok(CheckReport {
        network: identity.network(),
        validator: roster.own_name(),
        height: tip.height,
        block_hash: tip.block_hash,
        state_root: tip.state_root,
        state_values: tree.len(),
    })
}

/// What tests begin with.
#[cfg(test)]
pub(crate) mod testing {
    use quorate_crypto::{Address, Digest, Engine, PublicKey, SigningKey};
    use quorate_ledger::{
        GenesisLists, GenesisMember, GenesisState, Parameters, Rules, Timestamp, genesis_state,
    };

    /// The first state of a network of one validator with this key.
    pub(crate) fn genesis_of_one(network: Digest, validator: PublicKey) -> GenesisState {
        let [node, witness] = [201, 202].map(|seed| SigningKey::from_seed(&[seed; 32]).public());
        let member = GenesisMember {
            name: "alpha".to_owned(),
            account: Address([203; 20]),
            signers: None,
            validator,
            node,
            witness,
            addresses: Vec::new(),
        };
        let lists = GenesisLists {
            network,
            time: Timestamp(1),
            engine: Engine::Pbft,
            protocol: quorate_ledger::PROTOCOL,
            parameters: Parameters::default(),
            rules: Rules::default(),
            members: vec![member],
            assets: Vec::new(),
            accounts: Vec::new(),
            grants: Vec::new(),
        };
        genesis_state(&lists).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use quorate_consensus::{Body, Message, pbft};
    use quorate_crypto::{Epoch, Signature, ValidatorIndex};
    use quorate_ledger::{Proposal, Timestamp, encode};

    use super::*;

    fn at(certified: u64, epoch: u64) -> At {
        At {
            epoch: Epoch(epoch),
            certified: Height(certified),
        }
    }

    fn message(sender: u16, body: pbft::Body) -> Message {
        Message::new(
            Epoch(0),
            ValidatorIndex(sender),
            Body::Pbft(body),
            Signature([0; 64]),
        )
    }

    #[test]
    fn votes_whose_batches_were_lost_are_removed_for_good() {
        let folder = tempfile::tempdir().unwrap();
        let options = StorageOptions::journal();
        let journal = Journal::open(folder.path().join("journal"), Digest([1; 32]), &options).unwrap();
        let (view, height) = (pbft::View(0), Height(1));
        let proposal = Proposal::new(Timestamp(5), vec![Digest([7; 32])]);
        let digest = proposal.digest();
        let accepted = Record::Accepted(message(
            0,
            pbft::Body::PrePrepare {
                view,
                height,
                proposal,
            },
        ));
        let prepare = Record::Own(message(
            1,
            pbft::Body::Prepare {
                view,
                height,
                proposal: digest,
            },
        ));
        journal.append(&[encode(&accepted), encode(&prepare)]).unwrap();
        journal.sync().unwrap();

        let lost = read_journal(&journal, at(0, 0), |_| false).unwrap();
        assert_eq!(lost.records, std::slice::from_ref(&accepted));
        // The batch turns up after all: the vote that never left must not come back.
        let found = read_journal(&journal, at(0, 0), |_| true).unwrap();
        assert_eq!(found.records, [accepted]);
        assert_eq!(found.entries.len(), 1);
    }

    #[test]
    fn a_journal_of_a_later_epoch_than_its_chain_binds_a_validator_to_silence() {
        let folder = tempfile::tempdir().unwrap();
        let options = StorageOptions::journal();
        let journal = Journal::open(folder.path().join("journal"), Digest([1; 32]), &options).unwrap();
        let complaint = || message(1, pbft::Body::Complaint { view: pbft::View(0) });
        journal.append(&[encode(&Record::Own(complaint()))]).unwrap();
        journal.sync().unwrap();
        let behind = read_journal(&journal, at(0, 0), |_| true).unwrap();
        assert!(!behind.is_ahead);
        // The same record is one of a former epoch once the chain has moved on.
        let moved_on = read_journal(&journal, at(9, 1), |_| true).unwrap();
        assert_eq!((moved_on.is_ahead, moved_on.records.len()), (false, 0));

        let Message::V1(mut later) = complaint();
        later.epoch = Epoch(1);
        journal
            .append(&[encode(&Record::Own(Message::V1(later)))])
            .unwrap();
        journal.sync().unwrap();
        let ahead = read_journal(&journal, at(0, 0), |_| true).unwrap();
        assert_eq!((ahead.is_ahead, ahead.records.len()), (true, 0));
    }
}
