//! Whether this validator votes, and what the engine of each epoch is told.
//!
//! A validator that is kept from voting (`quarantine.rs`), and a node whose key has no seat, get an engine that
//! follows: one without a place in the committee.

use std::sync::Arc;

use quorate_consensus::contract::{Config as EngineConfig, Timing};
use quorate_crypto::{Certificate, Digest, Height, ValidatorIndex};

use crate::config::{ConsensusConfig, Home, NodeConfig};
use crate::disks::{Disks, tip_certificate};
use crate::error::NodeError;
use crate::home::Identity;
use crate::inbox::EpochEnded;
use crate::quarantine::QuarantineKeeper;
use crate::roster::Roster;

/// The longest that a configured duration may be, in milliseconds: no network waits an hour for a leader.
const LONGEST_MS: u32 = 3_600_000;

/// The rules of who votes, for this validator.
#[derive(Debug)]
pub(crate) struct Voting {
    network: Digest,
    consensus: ConsensusConfig,
    keeper: Arc<QuarantineKeeper>,
}

impl Voting {
    /// What all copies remember of a quarantine is read, and says the same everywhere afterwards.
    pub(crate) fn open(
        home: &Home,
        identity: &Identity,
        config: &NodeConfig,
        disks: &Disks,
    ) -> Result<Self, NodeError> {
        let keeper = QuarantineKeeper::open(
            home.quarantine(),
            identity.keys.own(),
            Arc::clone(&disks.journal),
            Arc::clone(&disks.chain),
            disks.roster.epoch(),
            disks.recovered.is_ahead,
        )?;
        Ok(Self {
            network: identity.network(),
            consensus: config.consensus.clone(),
            keeper: Arc::new(keeper),
        })
    }

    /// What keeps this validator from voting, for those who show it.
    pub(crate) fn keeper(&self) -> &Arc<QuarantineKeeper> {
        &self.keeper
    }

    /// What the first engine of this process is told.
    pub(crate) fn at_start(&self, disks: &Disks) -> Result<EngineConfig, NodeError> {
        let index = self.allowed(&disks.roster)?;
        let tip = tip_certificate(&disks.chain, &disks.roster.agreement)?;
        Ok(self.engine_config(&disks.roster, tip, index))
    }

    /// What the engine of the epoch after this one is told; the process ends if that cannot be remembered.
    pub(crate) fn next_epoch(&self, ended: &EpochEnded) -> EngineConfig {
        let index = remembered(self.allowed(&ended.roster));
        self.engine_config(&ended.roster, (ended.last, None), index)
    }

    /// Keeps this validator from voting from now on, over restarts; the process ends if that cannot be
    /// remembered.
    pub(crate) fn quarantine(&self, why: &str, details: Option<String>) {
        remembered(self.keeper.begin(why, details));
    }

    /// This validator's place in the committee, if it has one and may vote in the epoch.
    fn allowed(&self, roster: &Roster) -> Result<Option<ValidatorIndex>, NodeError> {
        let epoch = roster.epoch();
        let Some(own) = roster.own else {
            tracing::warn!(
                epoch = epoch.0,
                key = %self.keeper.validator(),
                "this node's validator key has no seat in this epoch: it follows the chain and does not vote"
            );
            return Ok(None);
        };
        let votes = self.keeper.allows(roster.rejoin.as_ref(), epoch)?;
        Ok(votes.then_some(own))
    }

    fn engine_config(
        &self,
        roster: &Roster,
        (certified, certificate): (Height, Option<Certificate>),
        index: Option<ValidatorIndex>,
    ) -> EngineConfig {
        EngineConfig {
            network: self.network,
            committee: roster.committee.clone(),
            index,
            parameters: roster.parameters.clone(),
            epoch_start: Height(roster.first().0.saturating_sub(1)),
            epoch_end: roster.agreement.v1().last,
            certified,
            certificate,
            inquiry: Some(nonce()),
            timing: timing(&self.consensus),
        }
    }
}

/// What the answers to one inquiry have to carry: those to an earlier one may be of before a restore.
fn nonce() -> Digest {
    let mut nonce = [0; 32];
    getrandom::fill(&mut nonce).expect("the operating system's random source works");
    Digest(nonce)
}

fn timing(config: &ConsensusConfig) -> Timing {
    Timing::around(
        config.resend_ms.clamp(10, LONGEST_MS),
        config.progress_ms.clamp(100, LONGEST_MS),
        config.election_ms.clamp(50, LONGEST_MS),
    )
}

/// What keeps a validator from voting has to be on disk, in all its places, before anything else happens.
fn remembered<T>(result: Result<T, NodeError>) -> T {
    result.unwrap_or_else(|error| {
        crate::fatal_at_database("what keeps this validator from voting cannot be written", &error)
    })
}

#[cfg(test)]
mod tests {
    use quorate_consensus::TimerRange;
    use quorate_crypto::{Committee, Engine, Epoch, SigningKey};
    use quorate_ledger::{Parameters, Timestamp, Tip};
    use quorate_storage::{Chain, Journal, StorageOptions};

    use super::*;
    use crate::disks::testing::genesis_of_one;
    use crate::testing;

    #[test]
    fn durations_outside_their_range_count_as_the_nearest_in_it() {
        let all = |ms| ConsensusConfig {
            resend_ms: ms,
            progress_ms: ms,
            election_ms: ms,
            ..ConsensusConfig::default()
        };
        assert_eq!(timing(&ConsensusConfig::default()), Timing::SHIPPED);
        assert_eq!(timing(&all(u32::MAX)), timing(&all(3_600_000)));
        let shortest = timing(&all(0));
        let range = |from_ms, to_ms| TimerRange { from_ms, to_ms };
        assert_eq!(shortest.resend, range(8, 12));
        assert_eq!(shortest.progress, range(80, 120));
        assert_eq!(shortest.election, range(50, 100));
    }

    #[test]
    fn pitfall_27_each_epochs_engine_asks_what_it_signed_under_a_nonce_of_its_own() {
        // The epoch in which a quarantine ends included: its file may be of a backup.
        let (network, key) = (Digest([1; 32]), SigningKey::from_seed(&[1; 32]).public());
        let genesis = genesis_of_one(network, key);
        let folder = tempfile::tempdir().unwrap();
        let tip = Tip::genesis(network, Timestamp(1), genesis.root);
        let options = StorageOptions::default();
        let chain = Chain::create(folder.path().join("chain"), &genesis, &tip, &options).unwrap();
        let journal = folder.path().join("journal");
        let journal = Journal::open(journal, network, &StorageOptions::journal()).unwrap();
        let (path, epoch) = (folder.path().join("quarantined"), Epoch(0));
        let (journal, chain) = (Arc::new(journal), Arc::new(chain));
        let keeper = QuarantineKeeper::open(path, key, journal, chain, epoch, false);
        let voting = Voting {
            network,
            consensus: ConsensusConfig::default(),
            keeper: Arc::new(keeper.unwrap()),
        };
        let ended = EpochEnded {
            last: Height(0),
            roster: roster(Engine::Pbft, Some(0), Parameters::default()),
        };
        let nonce = || voting.next_epoch(&ended).inquiry.unwrap();
        assert_ne!(nonce(), nonce());

        // Nothing of the former epoch's is taken over: engine, parameters and place are the next one's.
        let mut parameters = Parameters::default();
        let Parameters::V1(fields) = &mut parameters;
        fields.window = 7;
        let ended = EpochEnded {
            last: Height(0),
            roster: roster(Engine::Raft, None, parameters.clone()),
        };
        let config = voting.next_epoch(&ended);
        assert_eq!((config.committee.engine(), config.index), (Engine::Raft, None));
        assert_eq!(config.parameters, parameters);
    }

    fn roster(engine: Engine, own: Option<u16>, parameters: Parameters) -> Arc<Roster> {
        let seats = testing::committee(Epoch(1), 2).seats().to_vec();
        let committee = Committee::new(Epoch(1), engine, 2, seats);
        Arc::new(Roster::of(committee, own.map(ValidatorIndex), parameters))
    }
}
