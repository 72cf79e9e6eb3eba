//! Whether this validator votes, and what the engine of each epoch is told.
//!
//! A validator that is kept from voting (`quarantine.rs`) gets an engine that follows: one without a place in
//! the committee.

use std::sync::Arc;

use quorate_consensus::contract::{Config as EngineConfig, Timing};
use quorate_crypto::{Certificate, Digest, Height, ValidatorIndex};
use quorate_ledger::{Agreement, Epoch, Parameters, Rejoin};

use crate::config::{ConsensusConfig, Home, NodeConfig};
use crate::disks::{Disks, tip_certificate};
use crate::error::NodeError;
use crate::home::Identity;
use crate::inbox::EpochEnded;
use crate::quarantine::QuarantineKeeper;

/// The longest that a configured duration may be, in milliseconds: no network waits an hour for a leader.
const LONGEST_MS: u32 = 3_600_000;

/// The rules of who votes, for this validator.
#[derive(Debug)]
pub(crate) struct Voting {
    network: Digest,
    parameters: Parameters,
    consensus: ConsensusConfig,
    own: ValidatorIndex,
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
            identity.validator_key.public(),
            Arc::clone(&disks.journal),
            Arc::clone(&disks.chain),
            disks.agreement.epoch(),
            disks.recovered.is_ahead,
        )?;
        Ok(Self {
            network: identity.network(),
            parameters: identity.parameters.clone(),
            consensus: config.consensus.clone(),
            own: identity.index,
            keeper: Arc::new(keeper),
        })
    }

    /// What keeps this validator from voting, for those who show it.
    pub(crate) fn keeper(&self) -> &Arc<QuarantineKeeper> {
        &self.keeper
    }

    /// What the first engine of this process is told.
    pub(crate) fn at_start(&self, disks: &Disks) -> Result<EngineConfig, NodeError> {
        let index = self.allowed(disks.rejoin.as_ref(), disks.agreement.epoch())?;
        let tip = tip_certificate(&disks.chain, &disks.agreement)?;
        Ok(self.engine_config(&disks.agreement, tip, index))
    }

    /// What the engine of the epoch after this one is told; the process ends if that cannot be remembered.
    pub(crate) fn next_epoch(&self, ended: &EpochEnded) -> EngineConfig {
        let epoch = ended.agreement.epoch();
        let index = remembered(self.allowed(ended.rejoin.as_ref(), epoch));
        self.engine_config(&ended.agreement, (ended.last, None), index)
    }

    /// Keeps this validator from voting from now on, over restarts; the process ends if that cannot be
    /// remembered.
    pub(crate) fn quarantine(&self, why: &str, details: Option<String>) {
        remembered(self.keeper.begin(why, details));
    }

    /// This validator's place in the committee, if it may vote in `epoch`.
    fn allowed(&self, rejoin: Option<&Rejoin>, epoch: Epoch) -> Result<Option<ValidatorIndex>, NodeError> {
        let votes = self.keeper.allows(rejoin, epoch)?;
        Ok(votes.then_some(self.own))
    }

    fn engine_config(
        &self,
        agreement: &Agreement,
        (certified, certificate): (Height, Option<Certificate>),
        index: Option<ValidatorIndex>,
    ) -> EngineConfig {
        EngineConfig {
            network: self.network,
            committee: agreement.committee(),
            index,
            parameters: self.parameters.clone(),
            epoch_start: Height(agreement.v1().first.0.saturating_sub(1)),
            epoch_end: agreement.v1().last,
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
    use quorate_crypto::SigningKey;
    use quorate_ledger::{Timestamp, Tip};
    use quorate_storage::{Chain, Journal, StorageOptions};

    use super::*;
    use crate::disks::agreement_of;
    use crate::disks::testing::genesis_of_one;

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
        let parameters = Parameters::default();
        let genesis = genesis_of_one(network, key);
        let folder = tempfile::tempdir().unwrap();
        let tip = Tip::genesis(network, Timestamp(1), genesis.root);
        let options = StorageOptions::default();
        let chain = Chain::create(folder.path().join("chain"), &genesis, &tip, &options).unwrap();
        let (agreement, _) = agreement_of(&chain, &key).unwrap();
        let journal = folder.path().join("journal");
        let journal = Journal::open(journal, network, &StorageOptions::journal()).unwrap();
        let (path, epoch) = (folder.path().join("quarantined"), Epoch(0));
        let (journal, chain) = (Arc::new(journal), Arc::new(chain));
        let keeper = QuarantineKeeper::open(path, key, journal, chain, epoch, false);
        let voting = Voting {
            network,
            parameters,
            consensus: ConsensusConfig::default(),
            own: ValidatorIndex(0),
            keeper: Arc::new(keeper.unwrap()),
        };
        let ended = EpochEnded {
            last: Height(0),
            agreement,
            rejoin: None,
        };
        let nonce = || voting.next_epoch(&ended).inquiry.unwrap();
        assert_ne!(nonce(), nonce());
    }
}
