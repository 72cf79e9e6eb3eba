//! The keys that this node signs with as a validator: the home's own, and the one that its seat has from a coming
//! epoch on, once that is in `HOME/next`.
//!
//! Which of the two signs follows from the committee: the one that sits in it. So a validator whose key is rotated
//! answers for the epoch that ends with the old key, and votes in the next one with the new key, without a restart.

use std::sync::{Mutex, MutexGuard, PoisonError};

use quorate_crypto::keyfile::{Access, KeyFileError};
use quorate_crypto::{Committee, PublicKey, SigningKey, ValidatorIndex};
use zeroize::Zeroizing;

use crate::config::Home;
use crate::error::NodeError;
use crate::home::{public_key_at, read_key};

/// Both keys, and how the second is read.
pub(crate) struct Keyring {
    own: SigningKey,
    next: Mutex<Option<SigningKey>>,
    /// Where the second may come to lie while the node runs; none in tests.
    source: Option<Source>,
}

/// Where key files are, and what opens them.
struct Source {
    home: Home,
    passphrase: Option<Zeroizing<String>>,
    groups: Vec<u32>,
}

impl Keyring {
    /// The validator key of a home. It must be there; the next one need not.
    pub(crate) fn read(home: &Home, access: Access<'_>) -> Result<Self, NodeError> {
        Ok(Self {
            own: read_key(&home.validator_key(), access)?,
            next: Mutex::default(),
            source: Some(Source {
                home: home.clone(),
                passphrase: access.passphrase.map(|text| Zeroizing::new(text.to_owned())),
                groups: access.groups.to_vec(),
            }),
        })
    }

    /// One key, and never another.
    #[cfg(test)]
    pub(crate) fn of(own: SigningKey) -> Self {
        Self {
            own,
            next: Mutex::default(),
            source: None,
        }
    }

    /// The home's own validator key, whether it sits or not: what keeps this validator from voting is remembered under it.
    pub(crate) fn own(&self) -> PublicKey {
        self.own.public()
    }

    /// This validator's place in a committee, by whichever of its keys sits there. The next key is read when it does.
    pub(crate) fn place_in(&self, committee: &Committee) -> Option<ValidatorIndex> {
        let own = committee.index_of(&self.own.public());
        own.or_else(|| self.place_of_next(committee))
    }

    fn place_of_next(&self, committee: &Committee) -> Option<ValidatorIndex> {
        let mut next = self.next();
        let known = next.as_ref().and_then(|key| committee.index_of(&key.public()));
        if known.is_some() {
            return known;
        }
        let found = self.source.as_ref()?.find(committee)?;
        let place = committee.index_of(&found.public())?;
        *next = Some(found);
        Some(place)
    }

    /// The key that belongs to this public key, if it is one of the two.
    pub(crate) fn signing(&self, public: &PublicKey) -> Option<SigningKey> {
        if self.own.public() == *public {
            return Some(self.own.clone());
        }
        self.next().clone().filter(|key| key.public() == *public)
    }

    fn next(&self) -> MutexGuard<'_, Option<SigningKey>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    /// The key in `HOME/next`, if it sits in the committee. To open one takes long, so a file that tells its public key
    /// is opened only if that sits.
    fn find(&self, committee: &Committee) -> Option<SigningKey> {
        let path = self.home.next_validator_key();
        let told = public_key_at(&path, &self.groups);
        if told.is_some_and(|told| committee.index_of(&told).is_none()) {
            return None;
        }
        let access = Access {
            passphrase: self.passphrase.as_ref().map(|text| text.as_str()),
            groups: &self.groups,
        };
        match read_key(&path, access) {
            Ok(key) => Some(key),
            Err(NodeError::Key {
                source: KeyFileError::NotFound { .. },
                ..
            }) => None,
            Err(error) => {
                tracing::error!(%error, "the next validator key cannot be used, so this node only observes");
                None
            }
        }
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Keyring")
            .field("own", &self.own())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use quorate_crypto::keyfile;
    use quorate_crypto::{CommitteeSeat, Engine, Epoch, MemberNumber, SeatNumber};

    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    fn committee(validators: &[u8]) -> Committee {
        let seats = (0..).zip(validators).map(|(number, seed)| CommitteeSeat {
            member: MemberNumber(number),
            seat: SeatNumber(number),
            validator: key(*seed).public(),
            node: key(*seed + 100).public(),
            witness: key(*seed + 200).public(),
        });
        Committee::new(Epoch(1), Engine::Pbft, 2, seats.collect())
    }

    #[test]
    fn the_next_key_is_taken_when_it_sits_and_the_old_one_still_signs_for_the_epoch_before() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        keyfile::create(&home.validator_key(), &key(1), None).unwrap();
        let keys = Keyring::read(&home, Access::default()).unwrap();
        let (before, after) = (committee(&[9, 1]), committee(&[2, 9]));
        assert_eq!(keys.place_in(&before), Some(ValidatorIndex(1)));
        assert_eq!(keys.place_in(&after), None);

        // It comes while the node runs.
        std::fs::create_dir(folder.path().join("next")).unwrap();
        keyfile::create(&home.next_validator_key(), &key(2), None).unwrap();
        assert_eq!(keys.place_in(&after), Some(ValidatorIndex(0)));
        assert_eq!(keys.place_in(&before), Some(ValidatorIndex(1)));
        for seed in [1, 2] {
            let signing = keys.signing(&key(seed).public()).unwrap();
            assert_eq!(signing.public(), key(seed).public());
        }
        assert!(keys.signing(&key(9).public()).is_none());
        assert_eq!(keys.own(), key(1).public());
    }

    #[test]
    fn a_next_key_that_does_not_sit_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        keyfile::create(&home.validator_key(), &key(1), None).unwrap();
        std::fs::create_dir(folder.path().join("next")).unwrap();
        keyfile::create(&home.next_validator_key(), &key(2), None).unwrap();
        let keys = Keyring::read(&home, Access::default()).unwrap();
        assert_eq!(keys.place_in(&committee(&[8, 9])), None);
        assert!(keys.signing(&key(2).public()).is_none());
    }
}
