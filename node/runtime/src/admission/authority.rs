//! Whether a transaction's keys are those that its parties need (`docs/formats.md`, section 3): looked up before any
//! signature is checked, so that strangers' signatures cost this node nothing. It only spares work: the trial, and
//! execution after it, judge again.

use quorate_api::Refusal;
use quorate_crypto::{Address, Key};
use quorate_ledger::{Account, Signers, StateError, StateKey, StateReader, Transaction, read_value};

/// Why a transaction's keys have no authority, whatever their signatures are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoAuthority {
    /// They do not reach this party's threshold.
    TooLight {
        /// The party.
        party: Address,
        /// Their weight for it.
        weight: u64,
        /// The weight needed.
        threshold: u32,
    },
    /// This key signs for none of the parties.
    Needless(Key),
}

impl From<NoAuthority> for Refusal {
    fn from(no_authority: NoAuthority) -> Self {
        match no_authority {
            NoAuthority::TooLight {
                party,
                weight,
                threshold,
            } => Self::Unauthorised {
                party,
                weight,
                threshold,
            },
            NoAuthority::Needless(key) => Self::NeedlessSignature { key },
        }
    }
}

/// Judges the keys of a transaction by the signers that its parties have in `state`.
pub(super) fn judge<R: StateReader>(
    transaction: &Transaction,
    state: &R,
) -> Result<Result<(), NoAuthority>, StateError<R::Error>> {
    let signatures = transaction.signatures().iter();
    let keys: Vec<Key> = signatures.map(|signature| signature.key()).collect();
    let mut signs = vec![false; keys.len()];
    for party in &transaction.intent().parties {
        let account: Option<Account> = read_value(state, &StateKey::account(party))?;
        let signers = account.and_then(|Account::V1(account)| account.signers);
        let (weight, threshold) = weigh(&keys, party, signers.as_ref(), &mut signs);
        if weight < u64::from(threshold) {
            return Ok(Err(NoAuthority::TooLight {
                party: *party,
                weight,
                threshold,
            }));
        }
    }
    let needless = keys.iter().zip(&signs).find(|(_, signs)| !**signs);
    Ok(match needless {
        Some((key, _)) => Err(NoAuthority::Needless(*key)),
        None => Ok(()),
    })
}

/// The weight of the keys for a party, and the weight needed; notes which of them sign for it.
fn weigh(keys: &[Key], party: &Address, signers: Option<&Signers>, signs: &mut [bool]) -> (u64, u32) {
    let Some(signers) = signers else {
        let mut weight = 0;
        for (key, signs) in keys.iter().zip(signs) {
            if key.address() == *party {
                *signs = true;
                weight = 1;
            }
        }
        return (weight, 1);
    };
    let mut weight = 0_u64;
    for (key, signs) in keys.iter().zip(signs) {
        if let Some(signer) = signers.signers.iter().find(|signer| signer.key == *key) {
            *signs = true;
            weight = weight.saturating_add(u64::from(signer.weight));
        }
    }
    (weight, signers.threshold)
}

#[cfg(test)]
mod tests {
    use quorate_ledger::{AccountV1, Digest, MemoryState, Signer, Timestamp, encode};

    use super::*;
    use crate::testing::{self, address, client};

    /// An account that two others sign for, with weights 2 and 1.
    fn shared(number: u8) -> (StateKey, Vec<u8>) {
        let signer = |number, weight| Signer {
            key: client(number).key(),
            weight,
        };
        let signers = Signers {
            threshold: 3,
            signers: vec![signer(11, 2), signer(12, 1)],
        };
        let account = Account::V1(AccountV1 {
            address: address(number),
            signers: Some(signers),
            member: None,
            frozen: false,
            holds: 0,
            others: 0,
            balances: Vec::new(),
            entries: 0,
            last: Digest([0; 32]),
            waypoints: Vec::new(),
        });
        (StateKey::account(&address(number)), encode(&account))
    }

    fn judged(parties: &[u8], signers: &[u8]) -> Result<(), NoAuthority> {
        let state = MemoryState::from_leaves([shared(1)]);
        let mut parties: Vec<_> = parties.iter().map(|party| address(*party)).collect();
        parties[1..].sort_unstable();
        let payment = vec![testing::payment(9, 1)];
        let (intent, _) = testing::intent(parties, payment, 1, Timestamp(61_000), &[]);
        let keys: Vec<_> = signers.iter().map(|signer| client(*signer)).collect();
        judge(&intent.sign(&keys), &state).unwrap()
    }

    #[test]
    fn every_party_needs_its_signers_and_every_key_a_party() {
        assert_eq!(judged(&[1], &[11, 12]), Ok(()));
        assert_eq!(judged(&[2], &[2]), Ok(()));
        assert_eq!(judged(&[1, 2], &[2, 11, 12]), Ok(()));
        let too_light = |party, weight, threshold| {
            Err(NoAuthority::TooLight {
                party: address(party),
                weight,
                threshold,
            })
        };
        assert_eq!(judged(&[1], &[11]), too_light(1, 2, 3));
        assert_eq!(judged(&[1, 2], &[11, 12]), too_light(2, 0, 1));
        // The key that the address was made from signs no more.
        assert_eq!(judged(&[1], &[1]), too_light(1, 0, 3));
        let needless = client(5).key();
        assert_eq!(judged(&[1], &[5, 11, 12]), Err(NoAuthority::Needless(needless)));
    }
}
